"""Harmless text, symbols, durations."""

from __future__ import annotations

import dataclasses
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from failsight.agent.events import EvidenceMade, PlannerSaid
from failsight.agent.state import FindingRecord
from failsight.agent.ui.renderables import finding_renderable, table_renderable
from failsight.agent.ui.terminal import has_screen
from failsight.agent.ui.words import (
    LONGEST,
    TAKEN_BACK,
    UNDECIDED_HERE,
    VERDICTS,
    arguments_text,
    duration,
    finding_label,
    finding_line,
    inert,
    inert_text,
    look_here,
    may_run,
    stage_rows,
    standing,
)
from failsight.tools.evidence import Evidence, Finding, Table


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
    looks = [*VERDICTS.values(), TAKEN_BACK, UNDECIDED_HERE]
    assert len({look.symbol for look in looks}) == len(looks)


def test_what_was_taken_back_is_not_told_as_open() -> None:
    finding = Finding("weak_slice", "correctness", "unknown", "Dark kitchens fail.")
    gone = FindingRecord("F1", finding, instruments=("I-1",), withdrawn="person")
    assert finding_line(gone) == "F1 ↩ taken back: Dark kitchens fail."
    decided = FindingRecord("F1", dataclasses.replace(finding, verdict="refuted"), withdrawn="person")
    assert finding_line(decided).startswith("F1 ✗ refuted")  # a verdict outranks it


def test_evidence_says_what_it_decided_and_not_what_is_open() -> None:
    """An association that an experiment decided before is not "open" because another search meets it again."""
    finding = Finding("weak_slice", "correctness", "unknown", "Dark kitchens fail.")
    assert look_here(finding).word == "not decided here"
    assert finding_renderable(finding).plain.startswith("· not decided here Dark kitchens fail.")
    assert look_here(dataclasses.replace(finding, verdict="refuted")) is VERDICTS["refuted"]


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


TABLE = Table(
    "Criteria",
    ("name", "statement", "value", "more images"),
    (("worst_recall", "on deployment images the model is right far less often", 0.655, None),),
    ("text", "text", "share", "count"),
)


@pytest.mark.parametrize("width", [120, 60, 40, 20])
def test_a_table_breaks_neither_numbers_nor_names(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table_renderable(TABLE))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line.rstrip()) <= width for line in text.split("\n"))
    assert "worst_recall" in text and "65.5" in text and "deployment" in text
    if width >= 60:
        assert "65.5 %" in text


def test_a_table_without_rows_or_with_few_says_what_is_left_out() -> None:
    console = Console(width=60, file=io.StringIO(), color_system=None)
    console.print(table_renderable(Table("Empty", ("a", "b"), ())))
    console.print(table_renderable(Table("Long", ("a",), tuple((f"r{i}",) for i in range(9))), rows=3))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Empty" in text and "r2" in text and "r3" not in text and "6 more rows" in text


@pytest.mark.parametrize(
    ("there", "term", "screen"),
    [
        ((True, True, True), "xterm", True),
        ((True, True, False), "xterm", False),
        ((True, False, True), "xterm", False),
        ((True, True, True), "dumb", False),
    ],
)
def test_the_app_needs_a_terminal_on_all_three_sides(
    there: tuple[bool, ...], term: str, screen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Side(io.StringIO):
        def __init__(self, terminal: bool) -> None:
            super().__init__()
            self.terminal = terminal

        def isatty(self) -> bool:
            return self.terminal

    monkeypatch.setenv("TERM", term)
    for name, terminal in zip(("stdin", "stdout", "stderr"), there, strict=True):
        monkeypatch.setattr(f"sys.{name}", Side(terminal))
    assert has_screen() is screen


def test_a_limit_on_a_number_is_no_value_of_it() -> None:
    made = Finding(
        "weak_slice", "correctness", "unknown", "", slice={"feature #4": "< 0.85", "floor": "tile"}
    )
    assert finding_label(made) == "feature #4 < 0.85, floor=tile · weak slice"
