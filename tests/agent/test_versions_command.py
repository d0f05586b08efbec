"""``failsight versions``: what repairs made, and one of them taken out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failsight.agent.case import Case
from failsight.agent.cli import main
from failsight.tools.evidence import Correction, Evidence, Finding
from tests.agent.test_versions import _add, case  # noqa: F401 (the fixture)


@pytest.fixture
def folder(case: Case) -> Path:  # noqa: F811
    _add(case, "R1.1", -50.0)
    case.close()
    return case.folder


def test_versions_are_listed_with_their_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", str(folder)]) == 0
    assert "R1.1" in (told := capsys.readouterr().out)
    assert "not verified" in told
    assert main(["versions", str(folder), "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)
    assert (made["name"], made["verdict"]) == ("R1.1", "not verified")


def test_the_verdict_is_that_of_its_verification(folder: Path) -> None:
    from failsight.agent import open_case
    from failsight.agent.commands.versions import verdict

    with open_case(folder) as made:
        finding = Finding("weak_slice", "correctness", "unknown", "s", slice={"a": "b"})
        checked = Evidence(
            tool="verify_correction", arguments={"repair": "R1"}, title="t", summary="s.", id="E1",
            findings=(finding,), corrections=(Correction(finding.key, "collect", "dataset", "do", "verified"),),
        )  # fmt: skip
        made.record("evidence.recorded", call="x", evidence=checked.to_dict())
        assert verdict(made.state(), made.versions()[0]) == "verified"


def test_a_version_is_taken_out_and_opens_elsewhere(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from failsight.tools.inputs import open_model

    out = tmp_path / "new_model"
    assert main(["versions", str(folder), "--take", "R1.1", "--out", str(out)]) == 0
    assert open_model(out, arch=f"{tmp_path / 'nets.py'}:two", trust_code=True).classes == ("red", "blue")
    assert main(["versions", str(folder), "--take", "R1.1", "--out", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_conversation_lists_versions_and_says_what_can_be_done_with_them(folder: Path) -> None:
    from failsight.agent import open_case
    from failsight.agent.events import Notice, PlannerSaid
    from failsight.agent.session import Session

    session = Session(open_case(folder))
    (told,) = session.act("/versions")
    assert isinstance(told, PlannerSaid) and "R1.1" in told.text and "not verified" in told.text
    assert "--take R1.1" in told.text and str(folder) in told.text
    (missing,) = session.act("/versions R7.1")
    assert isinstance(missing, Notice) and "R7.1" in missing.text
    session.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--take", "R9", "--out", "x"], "no version"), (["--take", "R1.1"], "Where to")],
)
def test_what_can_not_be_taken_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["versions", str(folder), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_no_versions_yet_says_how_to_make_one(case: Case, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    case.close()
    assert main(["versions", str(case.folder)]) == 0
    assert "retrain" in capsys.readouterr().out


def test_a_repair_that_was_judged_is_no_plan_without_a_result(folder: Path) -> None:
    from failsight.agent import open_case
    from failsight.agent.chains import record_chain
    from failsight.agent.narrate import write_reports
    from failsight.tools.evidence import Instrument

    finding = Finding("weak_slice", "correctness", "unknown", "s", slice={"a": "b"})
    plan = Instrument(
        finding.key, "verify_correction", {"repair": "R1"}, "The repair helps.", "t", "c", 0.1, 0.05, 10
    )
    with open_case(folder) as made:
        stated = Evidence(
            tool="find_slices", arguments={}, title="t", summary="s.", id="E1", findings=(finding,)
        )
        made.record("evidence.recorded", call="x", evidence=stated.to_dict())
        made.record("tool.started", call="y", tool="verify_correction", arguments={}, by="person", why="")
        made.register(plan)
        for judged in (False, True):
            if judged:
                checked = Evidence(
                    tool="verify_correction", arguments={"repair": "R1"}, title="t", summary="s.", id="E2",
                    corrections=(Correction(finding.key, "collect", "dataset", "do", "rejected"),),
                )  # fmt: skip
                made.record("evidence.recorded", call="y", evidence=checked.to_dict())
            (path,) = write_reports(folder, made.state(), made.journal.events, ("md",))
            assert ("no result stands in the journal" in path.read_text()) is not judged
        (record,) = made.state().records.values()
        assert "instrument" not in {step.stage for step in record_chain(made.state(), record)}
