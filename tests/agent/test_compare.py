"""failsight compare: two cases on the same images, from the command line and from Python; nothing written unasked."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.agent.cli import main
from failsight.agent.commands.compare import compare_cases, open_reading
from failsight.agent.commands.compare_report import as_evidence, to_json
from failsight.agent.journal import Journal, verify
from failsight.agent.opening import open_case
from failsight.tools.changes.measures import compare
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Finding
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeModel
from tests.tools.cases import check_evidence

ROOMS = ("bath", "bed")


def answers(
    folder: Path,
    name: str,
    mended: int = 0,
    spoilt: int = 0,
    n: int = 100,
    rooms: tuple[str, ...] = ROOMS,
    prefix: str = "",
    scores: bool = True,
) -> Path:
    """A case of given answers: half baths with a television or a cat; 20 baths are wrong but ``mended``; ``spoilt`` beds."""
    lines = [f"path,label,television,{','.join(f'p_{r}' for r in rooms) if scores else 'prediction'}"]
    for i in range(n):
        label = int(i >= n // 2)
        wrong = mended <= i < 20 if not label else i >= n - spoilt
        answer = label if not wrong else 1 - label
        told = [f"{0.9 if k == answer else 0.1 / (len(rooms) - 1):.4f}" for k in range(len(rooms))]
        television = "yes" if i < 30 else "no"
        lines.append(
            f"{prefix}{i:03d},{rooms[label]},{television},{','.join(told) if scores else rooms[answer]}"
        )
    table = folder / f"{name}.csv"
    table.write_text("\n".join(lines) + "\n")
    open_case(predictions=str(table), out=folder / name, name=name).close()
    return folder / name


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def compared(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    assert main(["compare", *map(str, arguments), "--json"]) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def test_what_was_mended_and_what_it_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = answers(tmp_path, "old"), answers(tmp_path, "new", mended=18, spoilt=5)
    made = compared(capsys, before, after)
    assert made["schema"] == "failsight.comparison/1"
    assert (made["before"]["case"], made["after"]["case"]) == ("old", "new")
    a = made["accuracy"]
    assert (a["n"], a["before"], a["after"], a["only_before"], a["only_after"]) == (100, 0.80, 0.93, 5, 18)
    assert a["difference"] == pytest.approx(0.13) and a["ci"][0] > 0 and a["p"] < 0.02
    assert made["churn"]["n"] == 23 and made["churn"]["share"] == 0.23
    assert made["disagreements"] == [
        {"true": "bath", "before": "bed", "after": "bath", "n": 18},
        {"true": "bed", "before": "bed", "after": "bath", "n": 5},
    ]
    groups = {g["name"]: g for g in made["groups"]}
    assert set(groups) == {"bath", "bed", "television=yes", "television=no"}
    assert groups["bath"]["verdict"] == "better" and groups["television=yes"]["only_after"] == 18
    assert made["worst"]["name"] == "bed" and made["worst"]["verdict"] == "no clear change"
    assert made["calibration"]["after"]["ece"] == pytest.approx(0.03, abs=1e-3)
    assert made["images"]["labelled"] == 100


def test_people_get_sentences_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = answers(tmp_path, "old"), answers(tmp_path, "new", mended=18, spoilt=5)
    assert main(["compare", str(before), str(after)]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "old is right in 80.0 % of 100 images, new in 93.0 %: +13.0 points" in said
    assert "18 errors mended, 5 new ones" in said and "bed lost most: -10.0 points" in said
    assert "mended" in said and "new error" in said
    check_evidence(as_evidence(compare_cases(open_reading(before), open_reading(after))))


def test_without_labels_no_error_is_said_to_be_mended_or_new(tmp_path: Path) -> None:
    before, after = answers(tmp_path, "old"), answers(tmp_path, "new", mended=18)
    made = compare_cases(open_reading(before), open_reading(after))
    answered = [side.predictions.predicted[side.at] for side in (made.before, made.after)]
    blind = compare(np.full(100, -1), *answered, made.classes)
    told = as_evidence(dataclasses.replace(made, change=blind)).summary
    assert "No shared image has a label" in told
    assert told.endswith("They answer 18.0 % of 100 images differently.")


def test_a_case_compared_with_itself_shows_no_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = answers(tmp_path, "same")
    made = compared(capsys, case, case)
    assert made["churn"]["share"] == 0 and made["disagreements"] == [] and made["worst"] is None
    assert made["accuracy"]["difference"] == 0 and made["accuracy"]["p"] == 1
    assert made["images"]["joined_by"] == "content"
    assert main(["compare", str(case), str(case)]) == 0
    assert "Both answer all 100 images alike, right in 80.0 % of 100: there is no change" in " ".join(
        capsys.readouterr().out.replace("│", " ").split()
    )


def test_neither_journal_is_touched_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = answers(tmp_path, "old"), answers(tmp_path, "new", mended=9)
    then = files(before), files(after)
    with open_case(before), open_case(after):  # both open in another Failsight: reading needs no lock
        compared(capsys, before, after)
    assert (files(before), files(after)) == then
    told = compared(capsys, before, after, "--journal")
    compared(capsys, before, after, "--journal")
    assert files(before) == then[0]
    events = [e for e in Journal(after, write=False).events if e.kind == "models.compared"]
    assert len(events) == 1 and events[0].data["accuracy"] == told["accuracy"]
    assert verify(after)[1] == []


def test_images_that_are_not_identical_are_matched_by_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = compared(capsys, answers(tmp_path, "a"), answers(tmp_path, "b", mended=20, n=80))
    assert made["images"] == {
        "n": 80,
        "labelled": 70,
        "joined_by": "path",
    }  # 40 … 49 are baths in one, beds in the other
    assert any("matched by path" in n for n in made["notes"])
    assert any("20 images of a are not in the other case" in n for n in made["notes"])
    assert any("10 images have another label" in n for n in made["notes"])


def test_classes_are_matched_by_name_whatever_their_order(tmp_path: Path) -> None:
    table, model = television_world(120)
    turned = FakeModel(lambda x: model.rule(x)[:, ::-1], model.classes[::-1], (24, 24))
    other, _ = television_world(120)
    other.labels, other.classes = 1 - other.labels, model.classes[::-1]
    one = FakeCase(tmp_path / "one", {"data": table}, model)
    two = FakeCase(tmp_path / "two", {"data": other}, turned)
    made = compare_cases(one, two)
    assert made.change.churn == 0 and made.change.overall.n == 120


def test_slices_of_confirmed_findings_of_either_case_are_compared(tmp_path: Path) -> None:
    table, model = television_world(300)
    blind = FakeModel(
        lambda x: np.stack([x[..., 0].mean((1, 2)), x[..., 2].mean((1, 2))], 1) * 9, model.classes, (24, 24)
    )
    cases = [FakeCase(tmp_path / n, {"data": table}, m) for n, m in (("old", model), ("new", blind))]
    for case, verdict in zip(cases, ("confirmed", "refuted"), strict=True):
        found = Finding(
            "spurious_correlation", "features", "data_statistics", "tv", slice={"television": "yes"},
            class_name="red_room", verdict=verdict,
        )  # fmt: skip
        gone = Finding(
            "rare_case", "correctness", "data_statistics", "x", slice={"planet": "mars"}, verdict=verdict
        )
        made = Evidence("find_slices", "Slices", "Found.", findings=(found, gone))
        case.record("evidence.recorded", call="c", evidence=made.to_dict())
    change = compare_cases(*cases)
    (group,) = [g for g in change.change.groups if g.kind == "finding"]
    television = np.array(table.columns["television"]) == "yes"
    assert group.name == "television=yes, not red_room" and group.verdict == "better"
    assert group.counts.n == (television & (table.labels == 1)).sum()
    assert any("F2 of fake" in n for n in change.notes)
    json.dumps(to_json(change), allow_nan=False)


def test_black_boxes_without_probabilities_are_compared_but_for_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = compared(capsys, answers(tmp_path, "a"), answers(tmp_path, "b", mended=3, scores=False))
    assert made["calibration"] is None and made["accuracy"]["only_after"] == 3
    assert any("no probabilities" in n for n in made["notes"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"rooms": ("bath", "hall")}, "only old knows bed; only new knows hall"),
        ({"prefix": "elsewhere/"}, "share no evaluation image"),
    ],
)
def test_what_cannot_be_compared_is_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: dict[str, Any], words: str
) -> None:
    before, after = answers(tmp_path, "old"), answers(tmp_path, "new", **other)
    assert main(["compare", str(before), str(after)]) == 2
    said = capsys.readouterr()
    assert words in " ".join(said.err.split()) and "Traceback" not in said.err and said.out == ""


def test_what_is_no_case_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = answers(tmp_path, "old")
    for folder in (tmp_path / "nothing", tmp_path):
        assert main(["compare", str(case), str(folder)]) == 2
        assert "not a Failsight case" in " ".join(capsys.readouterr().err.split())


def test_a_case_whose_data_changed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = answers(tmp_path, "old")
    table = tmp_path / "old.csv"
    table.write_text(table.read_text().replace("000,bath", "000,bed"))
    assert main(["compare", str(case), str(case)]) == 2
    assert "changed since the case was opened" in " ".join(capsys.readouterr().err.split())


def test_no_predictions_at_all_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.tools.errors import RetryError

    table, model = television_world(40)
    case = FakeCase(tmp_path / "case", {"data": table}, model)

    def none(split: str = "data") -> Any:
        raise RetryError("there are none.")

    monkeypatch.setattr(case, "predictions", none)
    with pytest.raises(UserError, match="has no predictions"):
        compare_cases(case, case)


@pytest.fixture
def versioned(tmp_path: Path) -> Path:
    """A case whose model calls everything red, with two versions: one calls everything blue, one is the old model again."""
    from tests.agent import test_versions as of

    rng = np.random.default_rng(0)
    for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(12):
            noise = rng.integers(0, 40, (32, 32, 3)) + np.array(colour)
            Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(
                tmp_path / "data" / name / f"{i}.png"
            )
    (tmp_path / "nets.py").write_text(
        "from failsight.knowledge_base.cases.model import build\n\n\ndef two():\n    return build(2)\n"
    )
    with open_case(
        model=str(of._model(tmp_path / "model", 50.0)), data=str(tmp_path / "data"), out=tmp_path / "case",
        arch=f"{tmp_path / 'nets.py'}:two", trust_code=True,
    ) as made:  # fmt: skip
        of._add(made, "R1.1", -50.0)
        of._add(made, "R1.2", 50.0)
        made.predictions()
    return tmp_path / "case"


def test_versions_of_one_case_are_compared(versioned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = files(versioned)
    made = compared(capsys, versioned, "--versions", "R1.1")
    assert (
        made["accuracy"]["n"] == 24
        and made["churn"]["share"] == 1
        and made["images"]["joined_by"] == "content"
    )
    assert made["after"]["case"].endswith("R1.1") and made["before"]["model"] != made["after"]["model"]
    assert {(d["true"], d["before"], d["after"]) for d in made["disagreements"]} == {
        ("red", "red", "blue"),
        ("blue", "red", "blue"),
    }
    same = compared(capsys, versioned, "--versions", "R1.2", "r1.2")
    assert same["churn"]["share"] == 0
    assert files(versioned) == then
    compared(capsys, versioned, "--versions", "R1.1", "--journal")
    assert [e.kind for e in Journal(versioned, write=False).events].count("models.compared") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to compare with"),
        (("--versions", "R9"), "no version"),
        (("--versions", "R1.1", "R1.2", "R1.1"), "one or two"),
    ],
)
def test_odd_versions_are_one_plain_sentence(
    versioned: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert main(["compare", str(versioned), *arguments]) == 2
    said = capsys.readouterr()
    assert words in " ".join(said.err.split()) and "Traceback" not in said.err
