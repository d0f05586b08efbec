"""One order everywhere: what costs most answers stands first, on the first page, in what to do and in the list of the conversation."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report
from failsight.agent.narrate.findings import ordered
from failsight.agent.planners.closing import closing
from failsight.agent.planners.steps import _saliency
from failsight.agent.records import merge_findings
from failsight.agent.state import CaseState, fold
from failsight.agent.ui.unattended import RunDisplay
from failsight.tools.evidence import Evidence, Fact, Finding, TestResult
from failsight.tools.verdicts import at_stake, measured_part
from tests.fakes.told import Teller, evaluated


def found(
    kind: Any, name: str, n: int, rate: float, base: float, tool: str, effect: float, verdict: Any
) -> Finding:
    test = TestResult(tool, effect, (effect - 0.05, effect + 0.05), 0.0001, n, verdict)
    return Finding(
        kind, "correctness", "unknown", f"About {name}.", slice={"about": name}, class_name="kitchen", n=n, error_rate=rate,
        base_error_rate=base, ci=(rate - 0.05, rate + 0.05), p=0.0001, q=0.0001, verdict=verdict, tests=(test,),
    )  # fmt: skip


# a few images with a large excess; a shortcut with many errors, whose test measures points of a score; a refuted giant
SMALL = found("weak_slice", "small", 50, 0.7, 0.2, "find_slices", 0.5, "confirmed")
SHORTCUT = found("spurious_correlation", "shortcut", 450, 0.5, 0.01, "test_by_adding", 0.2, "confirmed")
HALF = found("weak_slice", "half", 300, 0.41, 0.2, "find_slices", 0.2, "confirmed")
REFUTED = found("weak_slice", "refuted", 2000, 0.9, 0.1, "find_slices", 0.8, "refuted")
FED = dataclasses.replace(
    found("preprocessing", "fed", 100, 0.3, 0.25, "preprocessing_probe", 0.05, "confirmed"), slice=None
)


@pytest.fixture
def told(tmp_path: Path) -> tuple[CaseState, Any]:
    teller = Teller(tmp_path / "case")
    teller.created()
    teller.call(evaluated(), "to see how often it is right")
    given = (REFUTED, SMALL, HALF, SHORTCUT, FED)
    teller.call(Evidence("find_slices", "Where it fails", "There.", {}, findings=given), "to find out where")
    teller.close()
    journal = Journal(tmp_path / "case", write=False)
    return fold(journal), journal


def test_errors_at_stake_among_all_images() -> None:
    assert at_stake(SMALL) == pytest.approx(50 * 0.5 * 2)  # measured on one half
    assert at_stake(SHORTCUT) == pytest.approx(450 * 0.49)  # on all images
    assert at_stake(dataclasses.replace(SMALL, error_rate=0.1)) == 0
    assert at_stake(dataclasses.replace(SMALL, base_error_rate=None)) == 0
    assert at_stake(dataclasses.replace(SMALL, error_rate=float("nan"))) == 0
    experiment = dataclasses.replace(SHORTCUT.tests[0], tool="test_by_masking", n=20)
    assert at_stake(dataclasses.replace(SMALL, tests=(*SMALL.tests, experiment))) == at_stake(SMALL)


def test_parts_of_the_images_count_by_what_was_measured() -> None:
    """The lamps, tested on the half that did not suggest them, cost more than a line that a search found on such a half, and both more
    than the night, which a table counted on all images."""
    lamps = dataclasses.replace(
        found("weak_slice", "lamps", 337, 0.38, 0.235, "compare_group", 0.14, "confirmed"), part=0.5
    )
    line = dataclasses.replace(
        found("weak_slice", "line", 113, 0.566, 0.248, "find_slices", 0.34, "confirmed"), part=0.5
    )
    night = dataclasses.replace(
        found("weak_slice", "night", 668, 0.344, 0.261, "disaggregate", 0.086, "confirmed"), part=1.0
    )
    assert sorted((lamps, line, night), key=lambda f: -at_stake(f)) == [lamps, line, night]
    assert at_stake(lamps) == pytest.approx(337 * 0.145 * 2)
    # a table of all images counts what a search had found on half of them: once
    both = merge_findings(
        line,
        dataclasses.replace(
            line, n=230, error_rate=0.526, base_error_rate=0.258, part=1.0, tests=night.tests
        ),
    )
    assert both.part == 1.0 and at_stake(both) == pytest.approx(230 * 0.268)
    again = merge_findings(night, dataclasses.replace(line, part=0.5))
    assert (again.n, again.part) == (113, 0.5)
    assert (
        measured_part(dataclasses.replace(line, part=None)) == 0.5
    )  # what older cases do not say goes by the tool
    assert measured_part(dataclasses.replace(night, part=None)) == 1.0


def test_what_is_measured_on_half_says_so_where_it_is_told() -> None:
    from failsight.agent.planners.advice.numbers import size, told_stake

    line = dataclasses.replace(
        found("weak_slice", "line", 113, 0.566, 0.248, "find_slices", 0.34, "confirmed"), part=0.5
    )
    record: Any = SimpleNamespace(finding=line)
    assert (
        told_stake(record)
        == "At stake: at most 72 errors among all images, reckoned from the 113 images that tested it."
    )
    assert size(record) == "about 226"
    record.finding = dataclasses.replace(line, part=1.0)
    assert (
        told_stake(record) == "At stake: at most 36 errors, measured on 113 images." and size(record) == "113"
    )


def test_the_order_of_the_report(told: tuple[CaseState, Any]) -> None:
    state, journal = told
    names = [r.finding.statement for r in ordered(state)]
    assert names == ["About fed.", "About shortcut.", "About half.", "About small.", "About refuted."]
    report = build_report(state, journal.events)
    page = " ".join(s.text for section in report.front for s in (*section.lead, *section.points))
    assert re.findall(r"About (\w+)\.", page)[:4] == ["fed", "shortcut", "half", "small"]
    assert any(
        "Most errors are at stake here" in s.text or "The first: About fed" in s.text for s in report.brief
    )


def test_the_end_of_a_run_has_the_order_of_the_report(told: tuple[CaseState, Any]) -> None:
    """The lines that a run ends with, and the planner's last words."""
    state, journal = told
    wanted = ["fed", "shortcut", "half", "small"]
    session: Any = SimpleNamespace(state=lambda: state)
    lines = " ".join(RunDisplay(io.StringIO(), io.StringIO())._result(session))
    assert re.findall(r"About (\w+)\.", lines)[:4] == wanted
    case: Any = SimpleNamespace(
        state=lambda: state, journal=journal, config=SimpleNamespace(workflow="see failure")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("failsight.agent.planners.words.choices", lambda _: [])
        said = str(closing(case).content)
    assert re.findall(r"About (\w+)\.", said)[:4] == wanted


def test_a_class_that_is_never_answered_is_not_looked_at() -> None:
    """Its saliency has no picture to stand on: the weakest of the classes that are answered is looked at."""
    recalls = [("never", 0.0), ("weak", 0.2), ("good", 0.9)]
    facts = [Fact("recall", v, "share", f"class {n}") for n, v in recalls]
    facts += [Fact("precision", 0.5, "share", f"class {n}") for n in ("weak", "good")]
    made = Evidence("evaluate", "How well", "So.", {}, facts=tuple(facts))
    state: Any = SimpleNamespace(whole=lambda _: made)
    case: Any = None
    assert [s.arguments for s in _saliency(case, state)] == [{"class_name": "weak"}]
    bare: Any = SimpleNamespace(whole=lambda _: dataclasses.replace(made, facts=tuple(facts[:1])))
    assert _saliency(case, bare) == []
