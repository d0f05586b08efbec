"""Harmless text, symbols, durations."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.agent.events import EvidenceMade, PlannerSaid
from failsight.agent.state import FindingRecord
from failsight.agent.ui.words import (
    LONGEST,
    VERDICTS,
    arguments_text,
    duration,
    finding_line,
    inert,
    inert_text,
    may_run,
    stage_rows,
    standing,
)
from failsight.tools.evidence import Evidence, Finding


@given(st.text(st.characters(), max_size=300))
def test_nothing_that_steers_a_terminal_survives(text: str) -> None:
    made = inert_text(text)
    assert not [ch for ch in made if unicodedata.category(ch) in ("Cc", "Cs") and ch != "\n"]
    assert not set("\u202e\u2066\u200b\u061c\ufeff\u2028") & set(made)
    assert inert_text(made) == made


def test_what_is_harmless_stays_as_it_is() -> None:
    text = "Küche → living room, 81.0 % [78.1, 83.6]\n- 部屋 🛋"
    assert inert_text(text) == text


def test_colour_codes_and_reordering_marks_go_and_lines_stay() -> None:
    assert inert_text("a\x1b[31mred\x1b[0m\r\nb\tc\u202ed") == "a[31mred[0m\nb    cd"
    assert len(inert_text("x" * 100_000)) == LONGEST


def test_every_string_in_an_event_is_cleaned() -> None:
    bad = "\x1b]0;owned\x07\u202e"
    finding = Finding("weak_slice", "correctness", "unknown", bad, slice={bad: bad})
    event = EvidenceMade(Evidence("t", bad, bad, {"a": [bad, {"b": bad}]}, notes=(bad,), findings=(finding,)))
    assert "\x1b" not in repr(inert(event)) and "\u202e" not in repr(inert(event))
    assert inert(PlannerSaid(bad, (bad,))) == PlannerSaid("]0;owned", ("]0;owned",))


def test_arguments_are_one_line_and_leave_out_what_was_not_given() -> None:
    made = arguments_text({"split": "deploy", "depth": None, "rows": [1, 2], "box": {"x": 1}})
    assert made == "split=deploy, rows=[1, 2], box={x=1}"
    assert len(arguments_text({"a": "x" * 1000, "b": "y" * 1000})) <= 160


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (8.4, "8 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (-3, "0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_finding_stands_where_its_verdict_or_its_plan_puts_it() -> None:
    open_ = FindingRecord("F1", Finding("weak_slice", "correctness", "unknown", "Dark kitchens fail."))
    planned = FindingRecord("F2", open_.finding, instruments=("I-1",))
    done = FindingRecord(
        "F3", Finding("weak_slice", "correctness", "unknown", "S", verdict="refuted"), instruments=("I",)
    )
    assert [standing(r) for r in (open_, planned, done)] == ["open", "planned", "refuted"]
    assert finding_line(open_) == "F1 ○ open: Dark kitchens fail."


def test_signs_differ_without_colour() -> None:
    assert len({look.symbol for look in VERDICTS.values()}) == len(VERDICTS)


def test_the_map_marks_what_is_passed_here_and_to_come_and_keeps_foreign_stages() -> None:
    rows = stage_rows("context", ("see failure", "context", "triage"))
    signs = {r.name: r.symbol for r in rows}
    assert (
        signs["see failure"] == "✓"
        and signs["context"] == "▶"
        and signs["test"] == "·"
        and signs["triage"] == "✓"
    )


def test_a_question_without_arguments_has_no_empty_brackets() -> None:
    assert may_run("saliency", {}) == "May saliency run?"
    assert may_run("retrain", {"strategy": "balance"}) == "May retrain run? (strategy=balance)"
