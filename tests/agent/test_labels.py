"""Suspects out, verdicts back: journalled, validated, and the user's data left alone."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from failsight.agent.case import Case
from failsight.agent.people.labels import HEADER, export, read_back
from failsight.agent.state import fold
from failsight.tools.errors import UserError
from tests.fakes.case import CLASSES, FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Case:
    table, model = television_world(400)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def rewrite(source: Path, target: Path, *answers: str) -> Path:
    with open(source, newline="") as file:
        rows = list(csv.DictReader(file))
    for row, answer in zip(rows, answers, strict=False):
        row["new_label"] = (
            row["suggested_label"]
            if answer == "wrong"
            else row["given_label"]
            if answer == "right"
            else answer
        )
    with open(target, "w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_there_and_back(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "suspects.csv"
    before = np.array(case.table().labels)
    n = export(case, out, top=8)
    rows = list(csv.DictReader(out.open()))
    assert n == len(rows) == 8 and tuple(rows[0]) == HEADER
    assert all(r["new_label"] == "" and r["given_label"] != r["suggested_label"] for r in rows)
    assert [float(r["score"]) for r in rows] == sorted(float(r["score"]) for r in rows)
    made = read_back(case, rewrite(out, tmp_path / "done.csv", "wrong", "wrong", "right", "?"))
    assert [made.count(v) for v in ("relabelled", "confirmed", "unsure")] == [2, 1, 1]  # type: ignore[arg-type]
    assert made.precision == pytest.approx(2 / 3) and made.ci[0] < 2 / 3 < made.ci[1] and made.agreed == 2
    assert "2 relabelled (2 as suggested), 1 confirmed, 1 unsure" in made.sentence
    assert len(case.state().relabelled["data"]) == 4
    assert fold(case.journal).relabelled == case.state().relabelled
    corrected = {r["given_label"] + r["path"]: r["label"] for r in csv.DictReader(made.manifest.open())}
    assert made.manifest == case.folder / "repair" / "labels.csv"
    assert (
        len(corrected) == 400
        and sum(k.startswith(CLASSES) and not k.startswith(v) for k, v in corrected.items()) == 2
    )
    assert (case.table().labels == before).all()


def test_a_later_verdict_replaces_an_earlier_one(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    export(case, out, top=3)
    read_back(case, rewrite(out, tmp_path / "a.csv", "wrong"))
    made = read_back(case, rewrite(out, tmp_path / "b.csv", "right"))
    assert made.count("confirmed") == 1
    assert all(r["label"] == r["given_label"] for r in csv.DictReader(made.manifest.open()))


def test_who_looks_again_gets_the_next_suspects(case: Case, tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    export(case, tmp_path / "all.csv", top=9)
    every = [r["path"] for r in csv.DictReader((tmp_path / "all.csv").open())]
    assert export(case, first, top=4) == 4
    made = read_back(case, rewrite(first, tmp_path / "d.csv", "wrong", "right", "?"))
    assert export(case, second, top=4) == 4
    listed = [r["path"] for r in csv.DictReader(second.open())]
    assert listed == [every[2], *every[3:6]]  # judged ones are gone; unsure and unseen ones come again
    looked = {
        r["path"].rsplit("/", 1)[-1] for r in csv.DictReader(made.manifest.open()) if r["looked"] == "yes"
    }
    assert looked == set(every[:2])


def test_nothing_is_overwritten_and_nothing_half_read(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    export(case, out, top=3)
    with pytest.raises(UserError, match="exists already"):
        export(case, out)
    events = len(case.journal)
    bad = {
        "no class 'green_room'": rewrite(out, tmp_path / "a.csv", "wrong", "green_room"),
        "holds no verdict": out,
        "no column new_label": _write(tmp_path / "b.csv", "path,label\nx,y\n"),
        "no image 'elsewhere.png'": _write(tmp_path / "c.csv", "path,new_label\nelsewhere.png,red_room\n"),
        "occurs twice": _write(tmp_path / "d.csv", "path,new_label\nimg_00001.png,?\nimg_00001.png,?\n"),
        "can't be read": tmp_path / "absent.csv",
    }
    for sentence, file in bad.items():
        with pytest.raises(UserError, match=sentence):
            read_back(case, file)
    assert len(case.journal) == events and not (case.folder / "repair").exists()


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_spreadsheet_may_use_semicolons_a_mark_and_capitals(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_text(
        "\ufeffpath;given_label;new_label\r\nimg_00001.png;x; RED_ROOM \r\nimg_00002.png;x;Unsure\r\n",
        encoding="utf-8",
    )
    made = read_back(case, file)
    assert {v["verdict"] for v in made.verdicts.values()} <= {"relabelled", "confirmed", "unsure"}
    assert made.count("unsure") == 1


def test_the_command_line_says_one_plain_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from failsight.agent.cli import main

    assert main(["labels", "import", str(tmp_path), str(tmp_path / "x.csv")]) == 2
    said = capsys.readouterr()
    assert "is not a Failsight case" in said.err and "Traceback" not in said.err


def test_the_timeline_tells_of_it(case: Case, tmp_path: Path) -> None:
    from failsight.agent.narrate.timeline import _LINES

    export(case, tmp_path / "s.csv", top=2)
    read_back(case, rewrite(tmp_path / "s.csv", tmp_path / "d.csv", "wrong", "?"))
    event = next(e for e in case.journal if e.kind == "labels.imported")
    assert _LINES["labels.imported"](event.data) == "d.csv: 1 relabelled, 0 confirmed, 1 unsure"


def test_an_import_says_what_it_makes_of_the_errors_and_what_was_judged_before_says_so(
    case: Case, tmp_path: Path
) -> None:
    from failsight.agent.currency import since
    from failsight.agent.people.signoff import page

    case.call("readiness", {})
    judged = case.state().latest("readiness")
    assert judged is not None and not since(case.state(), judged)
    out = tmp_path / "s.csv"
    export(case, out, top=4)
    before = case.predictions()
    made = read_back(case, rewrite(out, tmp_path / "d.csv", "wrong", "wrong", "right"))
    right = int(before.correct.sum())
    assert "People looked at 3 labels of the evaluation images and changed 2." in made.sentence
    assert f"of the {400 - right} wrong answers" in made.counted and made.counted.count("of 400 images") == 1
    event = next(e for e in case.journal if e.kind == "labels.imported")
    assert event.data["counted"] == made.counted
    assert since(case.state(), judged) == f"{judged.id} was judged before labels were looked at by people"
    assert any(
        "before labels were looked at by people: judge it again" in line for line in page(case.state(), [])
    )
    anew, known = case.call("readiness", {})
    assert not known and "People looked at 3 labels" in anew.summary
    assert not since(case.state(), anew)


def test_an_import_waits_for_no_pass_over_images_that_were_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, model = television_world(400)
    case = FakeCase(
        tmp_path / "case", {"data": table, "deploy": television_world(60)[0]}, model, deploy="fake"
    )
    case.call("evaluate", {"split": "data"})
    there = case.table("deploy")
    given = there.classes[int(there.labels[0])]
    (tmp_path / "d.csv").write_text(
        f"{','.join(HEADER)}\n{there.paths[0]},{given},{given},0.1,{next(c for c in CLASSES if c != given)}\n"
    )

    def refused(split: str = "data") -> None:
        raise AssertionError(f"a pass over {split}")

    monkeypatch.setattr(case, "predictions", refused)
    assert read_back(case, tmp_path / "d.csv", split="deploy").counted == ""
    with pytest.raises(AssertionError, match="a pass over data"):
        read_back(case, tmp_path / "d.csv")


def test_the_corrected_manifest_keeps_what_is_known_of_the_images_and_opens_without_what_people_did(
    case: Case, tmp_path: Path
) -> None:
    from failsight.tools.inputs.manifest import read_manifest

    out = tmp_path / "s.csv"
    export(case, out, top=2)
    made = read_back(case, rewrite(out, tmp_path / "d.csv", "wrong"))
    head = next(csv.reader(made.manifest.open()))
    table = case.table()
    assert head[:4] == ["path", "label", "given_label", "looked"]
    assert set(table.columns) <= set(head) and ("boxes" in head) == (table.boxes is not None)
    raw = read_manifest(made.manifest, split="data", choose=None, labelled=True)
    assert set(raw.columns) == set(table.columns)
    for name, values in table.columns.items():
        assert [str(v) for v in raw.columns[name]] == [str(v) for v in values]
