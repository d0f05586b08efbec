"""``failsight attributes`` on a case on disk: one sentence and exit code 2 where it can't be done, JSON where it reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.agent import open_case
from failsight.agent.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A black box over eighty pictures with the columns ``lamp`` and ``tv``."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["path,label,prediction,lamp,tv"]
    for i in range(80):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)).save(tmp_path / f"{i:02d}.png")
        label = ("kitchen", "hall")[i % 2]
        said = label if i % 5 else "hall"
        lines.append(f"{i:02d}.png,{label},{said},{('on', 'off', 'dim')[i % 3]},{('yes', 'no')[i % 4 > 0]}")
    (tmp_path / "answers.csv").write_text("\n".join(lines) + "\n")
    open_case(predictions=tmp_path / "answers.csv", data=tmp_path, out=tmp_path / "case").close()
    return tmp_path / "case"


def run(*words: object) -> int:
    return main(["attributes", *map(str, words)])


def listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert run("list", folder, "--json") == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_a_day_of_editing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", folder) == 0
    assert "lamp (metadata): on 27, off 27 and dim 26" in capsys.readouterr().out
    assert run("rename", folder, "tv", "television") == 0
    assert run("rename", folder, "lamp", "low", "--value", "dim", "--why", "as the manual says") == 0
    assert run("merge", folder, "lamp", "lit", "--value", "on", "--value", "low") == 0
    assert run("drop", folder, "brightness") == 0
    made = listed(folder, capsys)
    assert made["lamp"]["values"] == {"lit": 53, "off": 27}
    assert made["brightness"]["put_aside"] is True
    assert run("restore", folder, "brightness", "--json") == 0
    assert json.loads(capsys.readouterr().out)["summary"] == "brightness is back."
    assert run("drop", folder, "lamp", "--value", "off") == 0
    assert run("restore", folder, "lamp", "--value", "off") == 0
    assert listed(folder, capsys)["lamp"]["values"] == {"lit": 53, "off": 27}


def test_a_file_goes_out_and_comes_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder.parent / "attributes.yaml"
    assert run("export", folder, file) == 0
    file.write_text(file.read_text().replace("name: tv", "name: television"))
    assert run("import", folder, file) == 0
    assert "tv is called television." in capsys.readouterr().out
    assert run("import", folder, file) == 0
    assert "Nothing was changed." in capsys.readouterr().out
    assert "television" in listed(folder, capsys)


def test_a_sheet_is_filled_in_and_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", folder, "lamp", "--n", "12", "--out", "sheet.csv") == 0
    assert run("check", folder, "lamp", "--n", "12") == 0
    assert "12 images written to check-lamp.html" in capsys.readouterr().out
    assert Path("check-lamp.html").read_text().count("data:image/jpeg") == 12
    with open("sheet.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["choices"] for r in rows} == {"on | off | dim | none | ?"}
    Path("done.csv").write_text("path,answer\n" + "".join(f"{r['path']},on\n" for r in rows))
    assert run("check", folder, "lamp", "--answers", "done.csv", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    accuracy = next(f for f in made["facts"] if f["name"] == "accuracy")
    assert accuracy["value"] == pytest.approx(27 / 80, abs=0.01)
    assert listed(folder, capsys)["lamp"]["unusable"]


def test_groups_are_proposed_only_where_they_can_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("propose", folder, "--source", "clusters") == 2
    assert "Nothing can be grouped" in capsys.readouterr().err
    assert run("propose", folder, "weather=sunny,rainy") == 2
    assert "--encoder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rename", "CASE", "door", "gate"], "no attribute 'door'"),
        (["rename", "CASE", "lamp"], "attributes rename CASE NAME NEW-NAME"),
        (["merge", "CASE", "lamp"], "Into which attribute?"),
        (["add", "CASE", "weather", "sunny"], "attributes add CASE NAME VALUE VALUE"),
        (["add", "CASE", "weather", "sunny", "rainy"], "--encoder"),
        (["propose", "CASE", "weather"], "NAME=VALUE"),
        (["add", "CASE", "a", "b", "c", "--source", "clusters"], "name themselves"),
        (["check", "CASE", "lamp", "--answers", "absent.csv"], "can't be read"),
        (["check", "CASE", "lamp", "--key", "door"], "no column 'door'"),
        (["check", "CASE", "lamp", "--n", "1"], "argument 'n'"),
        (["check", "CASE", "lamp", "--out", "sheet.doc"], "neither .html nor .csv"),
        (["import", "CASE", "absent.yaml"], "can't be read"),
        (["list", "elsewhere"], "not a Failsight case"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert run(*[folder if w == "CASE" else w for w in words]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and "Traceback" not in said.err
    assert said.out == ""


def test_the_encoder_of_a_case_outlives_an_opening_without_one(tmp_path: Path, folder: Path) -> None:
    asked = {"predictions": tmp_path / "answers.csv", "data": tmp_path, "out": folder}
    with open_case(**asked, encoder="rooms", level="expert") as case:
        assert case.config.encoder == "rooms"
    with open_case(**asked) as case:
        assert case.config.encoder == "rooms"
    with open_case(folder) as case:
        assert (case.config.encoder, case.config.level) == ("rooms", "intermediate")
