"""Supposed reasons, conditions told by part of a name, answers that are wrong, columns of numbers and people who label: a bakery in which each
is known image by image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from failsight.agent.planners import carried, words
from failsight.knowledge_base.told_values import with_told_values
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from tests.agent import grouped_talk as g
from tests.agent.known_talk import Answer, Columns, talk

CLASSES = ("croissant", "danish", "pretzel")
COLUMNS = {
    "oven": ["A", "B", "C"], "shift": ["early", "late", "night"], "supplier_lamp_changed": ["yes", "no"], "inspector": ["Jonas", "Marco", "Petra"], "humidity": [],
}  # fmt: skip


def _bakery(n: int, rng: np.random.Generator) -> Columns:
    return {
        "oven": rng.choice(COLUMNS["oven"], n), "shift": rng.choice(COLUMNS["shift"], n), "supplier_lamp_changed": rng.choice(["yes", "no"], n),
        "inspector": rng.choice(COLUMNS["inspector"], n), "humidity": rng.integers(20, 99, n),
    }  # fmt: skip


def _wrong(name: str, row: dict[str, Any]) -> float:
    return 0.7 if row["oven"] == "C" and row["shift"] == "night" else 0.15


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> g.Grouped:
    monkeypatch.setitem(g._WORLDS, "bakery", (CLASSES, _bakery, _wrong))
    made = g.world(tmp_path / "case", "bakery")
    made.case.call("find_slices", {"attributes": ["oven", "shift"]})
    return made


def heard(made: g.Grouped, *lines: str) -> Answer:
    return talk(made.case, list(lines))[-1]


NIGHTS = {"oven": "C", "shift": "night"}


@pytest.mark.parametrize(
    "line",
    [
        "is supplier_lamp_changed the reason for the bad nights on oven C?",
        "is the new lamp the reason for the bad nights on C?",
        "does the new lamp cause the errors on oven C at night?",
        "so lamp changed AND oven C at night, still bad?",
        "is oven C at night worse with lamp changed",
    ],
)
def test_a_supposed_reason_is_counted_with_and_without_it_inside_the_group(
    bakery: g.Grouped, line: str
) -> None:
    told = heard(bakery, line)
    for changed in ("yes", "no"):
        assert bakery.counted(**NIGHTS, supplier_lamp_changed=changed) in told.first
    assert not told.first.startswith("Yes")


def test_what_goes_along_with_errors_is_called_no_cause(bakery: g.Grouped) -> None:
    told = heard(bakery, "are the errors on oven C caused by the night shift?")
    assert told.first.startswith("They go together, which is no proof of a cause")
    assert bakery.counted(**NIGHTS) in told.first


def test_whether_something_helped_is_told_by_the_images_with_it_and_without(bakery: g.Grouped) -> None:
    told = heard(bakery, "did the new lamp help, yes or no")
    assert told.first.startswith("Not shown")
    assert all(bakery.counted(supplier_lamp_changed=x) in told.first for x in ("yes", "no"))


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("the lamp was changed", ["supplier_lamp_changed=yes"]),
        ("where the lamp was not changed", ["supplier_lamp_changed=no"]),
        ("the changed lamps", ["supplier_lamp_changed=yes"]),
        ("with the new lamps", ["supplier_lamp_changed=yes"]),
        ("the old lamp", ["supplier_lamp_changed=no"]),
        ("without the new lamp", ["supplier_lamp_changed=no"]),
        ("whether the lamp was changed", []),
        ("what changed at the supplier", []),
        ("the new oven", []),
        ("how many on C at night", ["oven=C"]),
        ("C at night by hand", ["oven=C"]),
        ("the vitamin C at the baker", []),
    ],
)
def test_a_column_of_yes_and_no_is_told_by_its_words(text: str, conditions: list[str]) -> None:
    names = Vocabulary(classes=CLASSES, objects=(), attributes=COLUMNS)  # type: ignore[arg-type]
    found = with_told_values(recognise(text, names), names)
    assert [m.name for m in found.found if m.told] == conditions


@pytest.mark.parametrize(
    "line",
    [
        "how many wrong on oven C outside the nights", "how many wrong on oven C not at night", "how many wrong on oven C by day", "and oven C in the daytime?",
    ],
)  # fmt: skip
def test_by_day_is_all_that_is_not_night(bakery: g.Grouped, line: str) -> None:
    told = heard(bakery, "how many are wrong?", line).words
    assert bakery.counted(oven="C", shift=g.one_of("early", "late")) in told and "brightness" not in told


@pytest.mark.parametrize(
    "line",
    [
        "how often does it say pretzel and it isn't one", "what share of its pretzel answers are wrong", "when it says pretzel, how often is that wrong",
    ],
)  # fmt: skip
def test_wrong_answers_are_counted_among_the_answers(bakery: g.Grouped, line: str) -> None:
    called = bakery.answers["data"] == CLASSES.index("pretzel")
    wrong = called & (bakery.labels["data"] != bakery.answers["data"])
    assert f"{int(wrong.sum()):,} of {int(called.sum()):,}" in heard(bakery, line).first


@pytest.mark.parametrize(
    ("line", "other"),
    [("is it more humid at night?", ("early", "late")), ("humidity at night compared to early", ("early",))],
)
def test_a_column_of_numbers_is_compared_between_groups(
    bakery: g.Grouped, line: str, other: tuple[str, ...]
) -> None:
    told, columns = heard(bakery, line).words, bakery.columns["data"]
    high = columns["humidity"].astype(float) > float(bakery.middle("humidity"))
    for shifts in (("night",), other):
        there = np.isin(columns["shift"], shifts)
        assert f"{int((there & high).sum()):,} of {int(there.sum()):,}" in told
    assert "the middle is taken" in told and "wrong" not in told


@pytest.mark.parametrize(
    "lines",
    [
        ("oven C at night, how many wrong?", "which rolls does it mess up there, all sorts or one"), ("which sorts go wrong on oven C at night?",),
    ],
)  # fmt: skip
def test_which_classes_go_wrong_in_a_group_is_told_by_class(
    bakery: g.Grouped, lines: tuple[str, ...]
) -> None:
    told = heard(bakery, *lines).words
    assert all(bakery.counted(true=c, **NIGHTS) in told for c in CLASSES)


def test_several_people_are_told_one_by_one(bakery: g.Grouped) -> None:
    told = heard(bakery, "how many of Petra are wrong?", "and the others, Jonas, Marco?").words
    assert all(bakery.counted(inspector=x) in told for x in ("Jonas", "Marco"))


def test_what_somebody_ticks_is_about_her_labels(bakery: g.Grouped) -> None:
    told = heard(bakery, "Petra is new, I think she ticks the wrong box sometimes, can you look at that")
    assert "state_hypothesis" not in told.tools and "label and answer differ" in told.words


def test_what_she_writes_down_instead_is_about_the_person_that_was_spoken_of(bakery: g.Grouped) -> None:
    lines = ("how many of Petra are wrong?", "what does she write down instead, and how often")
    told = heard(bakery, *lines).words
    assert all(bakery.counted(true=c, inspector="Petra") in told for c in CLASSES)


def test_undecided_findings_are_named_where_it_is_asked_what_is_open(bakery: g.Grouped) -> None:
    bakery.case.call("compare_group", {"where": ["shift=night"]})
    undecided = [r.id for r in bakery.case.state().records.values() if r.standing == "inconclusive"]
    told = heard(bakery, "what is still open?").words
    assert undecided and f"undecided: {len(undecided)}" in told and all(i in told for i in undecided)


def test_a_column_that_is_named_and_not_used_is_said_to_be_left_out(bakery: g.Grouped) -> None:
    names = words.names(bakery.case, "how many are wrong at night, mind the supplier_lamp_changed")
    call = {"name": "count_images", "args": {"among": ["shift=night"], "having": ["wrong"]}, "id": "1"}
    assert carried.left_out(bakery.case, names, [AIMessage("", tool_calls=[call])])[0] == [
        "supplier lamp changed"
    ]
    call["args"] = {"among": ["shift=night"], "having": ["wrong"], "by": "supplier_lamp_changed"}
    assert carried.left_out(bakery.case, names, [AIMessage("", tool_calls=[call])])[0] == []


def test_who_is_told_something_is_no_column(bakery: g.Grouped) -> None:
    assert not heard(bakery, "what do i tell the supplier on the phone, three sentences").tools
