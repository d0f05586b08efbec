"""The words at the end of the workflow: each confirmed finding once, its numbers once, and what is part of it below it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from failsight.agent.planners import closing, words
from failsight.agent.state import CaseState, FindingRecord
from failsight.agent.ui.unattended import RunDisplay
from failsight.tools.evidence import Evidence, Finding, Table, TestResult
from failsight.tools.repair.parts import TABLE_PARTS


def finding(name: str, statement: str = "", **more: Any) -> Finding:
    given: dict[str, Any] = {"verdict": "confirmed", "slice": {name: "yes"}, **more}
    return Finding("weak_slice", "correctness", "unknown", statement or f"{name} images fail.", **given)


def record(**more: Any) -> FindingRecord:
    return FindingRecord("F1", finding("tv", **more), ("E1",))


SEARCH = TestResult("find_slices", 0.21, (0.1, 0.3), 0.002, 90, "confirmed")
MASKING = TestResult("test_by_masking", 0.54, (0.5, 0.6), 0.004, 90, "confirmed", control_effect=-0.06)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"tests": (MASKING,)}, "test_by_masking: +54.0 points [+50.0, +60.0] points, control -6.0 points, p 0.004; E1"),
        ({"tests": (SEARCH,), "p": 0.002, "q": 0.01}, "find_slices: +21.0 points [+10.0, +30.0] points, q 0.010; E1"),
        ({"tests": (SEARCH,), "statement": "21.0 points more errors."}, "find_slices: p 0.002; E1"),
        ({"error_rate": 0.4, "base_error_rate": 0.2}, "error 40.0 % against 20.0 %; E1"),
        ({"error_rate": 0.4, "statement": "Wrong in 40.0 %."}, "E1"),
        ({"error_rate": 0.4, "statement": "Right in 60.0 %."}, "E1"),
        ({"q": 0.03}, "q 0.030; E1"),
        ({"tests": (MASKING, MASKING)}, "test_by_masking: +54.0 points [+50.0, +60.0] points, control -6.0 points, p 0.004; E1"),
    ],
)  # fmt: skip
def test_a_finding_gives_the_numbers_that_its_statement_does_not(more: dict[str, Any], told: str) -> None:
    assert words.detail(record(**more)) == told


class Judged:
    """A case with three confirmed findings, of which the third is part of the second and that of the first."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        found = Evidence(
            "find_slices", "t", "s", findings=tuple(finding(n) for n in ("tv", "cat", "sofa")), id="E1"
        )
        table = Table(TABLE_PARTS, ("finding", "part of", "why"), [(a, b, "it is") for a, b in rows])
        listed = Evidence("propose_correction", "t", "s", tables=(table,), id="E2")
        self._state = CaseState()
        for number, made in enumerate((found, listed), 1):
            self._state._on_evidence_recorded({"evidence": made.to_dict(), "call": "c"}, number)
        self.journal = type("Journal", (), {"events": list[Any]()})()

    def state(self) -> CaseState:
        return self._state


def nested(*rows: tuple[str, str]) -> list[tuple[bool, str]]:
    """Whether each line stands below another one, and which finding it tells."""
    case: Any = Judged(*rows)
    lines = closing._nested(case, list(case.state().confirmed()))
    return [(line.startswith("  "), line.split("**")[1]) for line in lines]


def test_what_is_part_of_a_finding_stands_below_it() -> None:
    assert nested() == [(False, "F1"), (False, "F2"), (False, "F3")]
    assert nested(("F3", "F1")) == [(False, "F1"), (True, "F3"), (False, "F2")]
    assert nested(("F3", "F2"), ("F2", "F1")) == [(False, "F1"), (True, "F2"), (True, "F3")]


def test_a_run_says_which_finding_is_part_of_which() -> None:
    session: Any = Judged(("F3", "F1"))
    lines = list(RunDisplay(io.StringIO(), io.StringIO())._result(session))
    assert [line[-13:] == " (part of F1)" for line in lines if line.startswith("F")] == [False, False, True]
