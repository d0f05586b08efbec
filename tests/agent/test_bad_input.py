"""Bad input: one plain sentence, exit code 2, nothing lost; bad images are listed and the run goes on."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.config import make_config
from failsight.tools.errors import UserError

CLASSES = ("red_room", "blue_room")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tiny TorchScript model that tells red from blue, and forty pictures."""
    import torch

    class Tiny(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean = x.mean((2, 3))
            return torch.stack([mean[:, 0] - mean[:, 2], mean[:, 2] - mean[:, 0]], 1) * 8

    monkeypatch.chdir(tmp_path)
    torch.jit.trace(Tiny().eval(), torch.zeros(2, 3, 16, 16), check_trace=False).save(
        str(tmp_path / "model.pt")
    )
    side = {
        "classes": CLASSES,
        "input_size": [16, 16],
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "crop": "stretch",
    }
    (tmp_path / "model.json").write_text(json.dumps(side))
    photos(tmp_path / "photos")
    return tmp_path


def photos(folder: Path, classes: tuple[str, ...] = CLASSES, each: int = 20) -> None:
    rng = np.random.default_rng(0)
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            pixels = rng.integers(0, 120, (20, 24, 3)).astype(np.uint8)
            pixels[..., 0 if k == 0 else 2] += 60 if i % 5 else 0
            Image.fromarray(pixels).save(folder / name / f"{i:03d}.png")


def run(*arguments: str) -> int:
    return main(["run", *arguments])


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of stderr; there must be no traceback."""
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


def test_a_missing_model(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--model", "nothing.pt", "--data", "photos") == 2
    assert "nothing.pt" in complaint(capsys)


def test_no_model_at_all(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", "photos") == 2
    assert "--model" in complaint(capsys)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch PWNED",)


@pytest.mark.parametrize("name", ["evil.pt", "evil.pth", "evil.bin"])
def test_a_pickle_that_runs_code_is_refused(
    world: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (world / name).write_bytes(pickle.dumps(Evil()))
    assert run("--model", name, "--data", "photos") == 2
    assert complaint(capsys)
    assert not (world / "PWNED").exists()


def test_class_names_that_do_not_match(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "other", ("cats", "dogs"))
    assert run("--model", "model.pt", "--data", "other") == 2
    said = complaint(capsys)
    assert "cats" in said
    assert "red_room" in said


def test_an_empty_folder(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "empty").mkdir()
    assert run("--model", "model.pt", "--data", "empty") == 2
    assert "empty" in complaint(capsys)


def test_one_class_only(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "single", CLASSES[:1])
    assert run("--model", "model.pt", "--data", "single") == 2
    assert "class" in complaint(capsys)


def test_a_csv_without_path(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "m.csv").write_text("file,label\nphotos/red_room/000.png,red_room\n")
    assert run("--model", "model.pt", "--data", "m.csv") == 2
    assert "path" in complaint(capsys)


def test_corrupt_images_are_listed_and_the_run_goes_on(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in (3, 7):
        (world / "photos" / "red_room" / f"{i:03d}.png").write_bytes(b"not a picture")
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    report = (world / "case" / "report.md").read_text()
    assert "003.png" in report
    assert "007.png" in report
    assert json.loads((world / "case" / "findings.json").read_text())["performance"]["n"] == 38


def test_odd_names_and_sizes(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.fsencode(world / "photos" / "red_room")
    source = (world / "photos" / "red_room" / "001.png").read_bytes()
    with open(os.path.join(folder, b"caf\xe9.png"), "wb") as file:  # Latin-1 bytes, not UTF-8
        file.write(source)
    Image.new("RGB", (1, 1), (200, 10, 10)).save(world / "photos" / "red_room" / "one.png")
    Image.new("RGB", (12000, 9000), (10, 10, 200)).save(world / "photos" / "blue_room" / "huge.jpg")
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    found = json.loads((world / "case" / "findings.json").read_text())
    assert found["performance"]["n"] >= 42  # a 1×1 picture may be used or listed, the others are used


def test_labels_unseen_by_the_model_are_listed(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(world / "photos", ("green_room",), 4)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    assert "green_room" in (world / "case" / "report.md").read_text()
    assert json.loads((world / "case" / "findings.json").read_text())["performance"]["n"] == 40


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_output_folder(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "locked").mkdir(mode=0o500)
    assert run("--model", "model.pt", "--data", "photos", "--out", "locked/case") == 2
    assert "--out" in complaint(capsys)


def test_an_output_path_that_is_a_file(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "taken").write_text("mine")
    assert run("--model", "model.pt", "--data", "photos", "--out", "taken/case") == 2
    assert "--out" in complaint(capsys)
    assert (world / "taken").read_text() == "mine"


def test_a_full_disk(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenth synced write finds the disk full: one sentence; with room again the same command ends well."""
    real, count = os.fsync, [0]

    def full(fd: int) -> None:
        count[0] += 1
        if count[0] > 20:
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") == 2
    assert "space" in complaint(capsys)
    monkeypatch.setattr(os, "fsync", real)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    assert main(["verify", "case"]) == 0


def test_a_case_about_something_else_is_not_overwritten(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    before = (world / "case" / "journal.jsonl").read_bytes()
    photos(world / "more", CLASSES)
    assert run("--model", "model.pt", "--data", "more", "--out", "case") == 2
    assert "something else" in complaint(capsys)
    assert (world / "case" / "journal.jsonl").read_bytes() == before


def test_a_case_whose_images_changed_is_not_continued(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    (world / "photos" / "red_room" / "001.png").unlink()
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") == 2
    assert "changed since" in complaint(capsys)
    assert main(["report", "case"]) == 0


NETWORK = """
import torch


def build() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 2))
"""


def test_a_function_in_a_python_file_is_a_model(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "network.py").write_text(NETWORK)
    given = ("--data", "photos", "--policy", "cheap")
    assert run("--model", "network.py:build", *given, "--out", "refused") == 2
    assert "--trust-code" in complaint(capsys)
    assert run("--model", "other.py:build", *given) == 2
    assert "other.py" in complaint(capsys)
    assert run("--model", "network.py:build", *given, "--trust-code", "--out", "made") in (0, 3, 4)


def test_an_architecture_lies_in_the_folder_that_the_command_is_called_in(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import save_file

    (world / "network.py").write_text(NETWORK)
    torch.manual_seed(1)
    layer = torch.nn.Linear(12, 2)
    save_file(
        {"2.weight": layer.weight.detach(), "2.bias": layer.bias.detach()}, str(world / "w.safetensors")
    )
    given = ("--model", "w.safetensors", "--data", "photos", "--policy", "cheap", "--trust-code")
    assert run(*given, "--arch", "network:build", "--out", "made") in (0, 3, 4)


def test_one_split_of_a_data_set_is_data_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "answers.csv").write_text("path,label,prediction\n")
    given = make_config(predictions=str(tmp_path / "answers.csv"), data=f"{tmp_path}/set#test")
    assert given.data == f"{(tmp_path / 'set').resolve()}#test"
    with pytest.raises(UserError, match="There is no"):
        make_config(predictions=str(tmp_path / "answers.csv"), data=f"{tmp_path}/other#test")


STRANGE = ("green_room", "red_rooms")


def test_folders_that_are_no_classes_are_told_first_in_the_evidence_and_in_the_report(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(world / "photos", STRANGE, 13)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") in (0, 3, 4)
    said = capsys.readouterr().err.splitlines()
    first = next(
        i for i, line in enumerate(said) if "26 of the 66 evaluation images (39.4 %) are left out" in line
    )
    assert first < next(i for i, line in enumerate(said) if "describe_case" in line)
    assert "the folders green_room (13) and red_rooms (13)" in said[first]
    assert "--map red_rooms=red_room" in said[first]
    journal = [json.loads(line) for line in (world / "case" / "journal.jsonl").read_text().splitlines()]
    described = next(
        e["data"]["evidence"] for e in journal
        if e["kind"] == "evidence.recorded" and e["data"]["evidence"]["tool"] == "describe_case"
    )  # fmt: skip
    assert "26 of the 66 evaluation images (39.4 %)" in described["summary"]
    (table,) = [t for t in described["tables"] if t["title"] == "Labels that are no class of the model"]
    assert ["red_rooms", "evaluation images", 13, "red_room", "--map red_rooms=red_room"] in table["rows"]
    report = (world / "case" / "report.md").read_text()
    limits = report[report.index("What was not examined") :]
    assert "26 of the evaluation images were left out (40 are used)" in limits
    mapped = ("--map", "red_rooms=red_room", "--map", "green_room=")
    assert run("--model", "model.pt", "--data", "photos", "--out", "mapped", *mapped) in (0, 3, 4)
    assert "on purpose" in capsys.readouterr().err
    assert json.loads((world / "mapped" / "findings.json").read_text())["performance"]["n"] == 53


def test_data_of_which_most_would_be_left_out_are_refused(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(world / "photos", STRANGE, 21)
    assert run("--model", "model.pt", "--data", "photos", "--out", "case") == 2
    said = complaint(capsys)
    assert "42 of the 82 images (51.2 %)" in said
    assert "--map red_rooms=red_room" in said
    assert not (world / "case").exists()
    assert run("--model", "model.pt", "--data", "photos", "--out", "case", "--map", "*=") in (0, 3, 4)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
        if "home" not in p.parts
    }


BAD = (
    ("--model", "broken.pt", "--data", "photos"),
    ("--model", "model.pt", "--data", "other"),
    ("--model", "model.pt", "--data", "photos", "--train", "other"),
    ("--model", "model.pt", "--data", "photos", "--deploy", "bare.csv"),
    ("--model", "model.pt", "--data", "photos", "--expect", "accurracy>=0.9"),
    ("--model", "model.pt", "--data", "photos", "--trace", "nothing"),
    ("--model", "model.pt", "--data", "photos", "--planner", "nobody:knows"),
    ("--predictions", "bare.csv"),
)


@pytest.mark.parametrize("given", BAD, ids=lambda g: " ".join(g[-2:]))
@pytest.mark.parametrize("there", [False, True], ids=["no folder", "a folder with things of one's own"])
def test_an_opening_that_fails_leaves_nothing_and_takes_nothing(
    world: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], there: bool
) -> None:
    (world / "broken.pt").write_bytes(b"PK\x03\x04 no model")
    (world / "bare.csv").write_text("name,colour\na,b\n")
    photos(world / "other", ("cats", "dogs"), 2)
    if there:
        (world / "new" / "case" / "cache" / "tables").mkdir(parents=True)
        (world / "new" / "case" / "figures").mkdir()
        for name in ("thesis.tex", "cache/mine.bin", "figures/own.png", "case.toml"):
            (world / "new" / "case" / name).write_text("mine")
    before = tree(world)
    assert run(*given, "--out", "new/case") == 2
    assert complaint(capsys)
    assert tree(world) == before
    good = ("--model", "model.pt", "--data", "photos", "--policy", "cheap")
    assert run(*good, "--out", "new/case") in (
        0,
        3,
        4,
    )  # the second try neither complains nor takes anything up
    if there:
        assert (world / "new" / "case" / "thesis.tex").read_text() == "mine"


def test_a_case_that_is_there_outlives_an_opening_that_fails(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--model", "model.pt", "--data", "photos", "--policy", "cheap", "--out", "case")
    assert run(*given) in (0, 3, 4)
    before = tree(world / "case")
    assert run(*given, "--expect", "accurracy>=0.9") == 2
    assert run("case", "--planner", "nobody:knows") == 2
    assert tree(world / "case") == before


def lit(world: Path) -> None:
    """``lit.csv``: the same photos with an attribute."""
    rows = [f"photos/{c}/{i:03d}.png,{c},{'dark' if i % 2 else 'bright'}" for c in CLASSES for i in range(20)]
    (world / "lit.csv").write_text("\n".join(["path,label,lighting", *rows]))


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        ("accuracy[lightning=dark]>=0.9", "no attribute 'lightning'. There are lighting, "),
        ("accuracy[lighting=fog]>=0.9", "never 'fog'. There are bright and dark."),
        ("worst_group[lighting*weather]>=0.9", "no attribute 'weather'"),
        ("recall.red_rom>=0.9", "no class 'red_rom'. There are red_room and blue_room."),
        ("deploy.accuracy>=0.9", "no deployment images"),
    ],
)
def test_what_is_demanded_of_nothing_is_refused_at_the_start(
    world: Path, capsys: pytest.CaptureFixture[str], demand: str, words: str
) -> None:
    lit(world)
    given = ("--model", "model.pt", "--data", "lit.csv", "--out", "case")
    assert run(*given, "--expect", "accuracy>=0.5", "--expect", demand) == 2
    assert words in complaint(capsys)
    assert not (world / "case").exists()
    with pytest.raises(UserError):
        open_case(model="model.pt", data="lit.csv", out="case", expectations={demand.partition(">=")[0]: 0.9})


def test_an_attribute_that_may_still_come_is_a_warning_then_and_missing_at_the_end(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lit(world)
    given = ("--model", "model.pt", "--data", "lit.csv", "--policy", "cheap", "--encoder", "rooms")
    assert run(*given, "--out", "case", "--expect", "accuracy[wether=fog]>=0.9") in (3, 4)
    out, err = capsys.readouterr()
    warned = next(line for line in err.splitlines() if "can't be judged yet" in line)
    assert "no attribute 'wether'" in warned
    assert "(there is no attribute 'wether')" in out


def test_in_a_conversation_nothing_is_noted_of_what_is_not_there(world: Path) -> None:
    from failsight.agent.events import Notice
    from failsight.agent.session import Session

    lit(world)
    case = open_case(model="model.pt", data="lit.csv", out="case")
    session = Session(case)
    events = list(session.say("/expect accuracy[lighting=fog] >= 0.9"))
    assert any(isinstance(e, Notice) and "never 'fog'" in e.text for e in events)
    assert not case.expectations
    list(session.say("/expect accuracy[lighting=dark] >= 0.9"))
    assert [e.name for e in case.expectations] == ["accuracy[lighting=dark]"]
    session.close()
    before = (world / "case" / "journal.jsonl").read_bytes()
    assert main(["expect", "case", "accuracy[lighting=fog]>=0.9"]) == 2
    assert (world / "case" / "journal.jsonl").read_bytes() == before
