"""Every number of the report stands in what its sentence refers to: the evidence, the finding, the event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report
from failsight.agent.narrate.model import Card, Report, Sentence
from failsight.agent.state import CaseState, fold
from failsight.tools.evidence import jsonable
from failsight.tools.text import number, p_value
from tests.fakes.told import tell

NUMBER = re.compile(r"(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+)?(?![\w])")
UNITS = ("share", "points", "count", "score", "seconds", "ratio")
KNOWN = {
    "95",
    "80",
}  # the confidence of every interval and the power of every plan, set by the program itself


def numbers(text: str) -> set[str]:
    """The numbers of a text, without those inside of names such as E4, F1 and event 12."""
    text = re.sub(r"\bevent \d+", "", text)
    return {n.lstrip("+−-").replace(",", "") for n in NUMBER.findall(text)}


def spoken(value: Any) -> Iterator[str]:
    """Every way in which a value of the record may be written."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from numbers(str(key))
            yield from spoken(part)
    elif isinstance(value, list):
        yield str(len(value))
        for part in value:
            yield from spoken(part)
    elif isinstance(value, str):
        yield from numbers(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{value:g}"
        yield from numbers(p_value(value))
        for unit in UNITS:
            yield from numbers(number(value, unit))


def sources(state: CaseState, events: list[Any], refs: tuple[str, ...]) -> set[str]:
    made: set[str] = {str(len(refs))}
    for name in refs:
        if name.startswith("#"):
            made |= set(spoken(jsonable(events[int(name[1:]) - 1].data)))
        elif name.startswith("E"):
            made |= set(spoken(next(e for e in state.evidence if e.id == name).to_dict()))
        else:
            record = state.find(name)
            assert record is not None, name
            made |= set(spoken(jsonable(record)))
    return made


def sentences(report: Report) -> Iterator[tuple[str, Sentence]]:
    for said in report.brief:
        yield "brief", said
    for card in (*report.headlines, *report.others):
        yield from of_card(card)
    for section in (report.readiness, *report.story):
        for said in (*section.lead, *section.points):
            yield section.id, said


def of_card(card: Card) -> Iterator[tuple[str, Sentence]]:
    yield card.id, Sentence(card.statement, (card.id,))
    yield card.id, Sentence(card.meaning)
    for label, said in card.terms:
        yield f"{card.id} {label}", said
    for experiment in card.experiments:
        for label, said in experiment.terms:
            yield f"{card.id} {label}", said
    for said in card.corrections:
        yield card.id, said


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, CaseState, list[Any]]:
    journal = Journal(tell(tmp_path_factory.mktemp("told") / "case"), write=False)
    state = fold(journal)
    return build_report(state, journal.events), state, journal.events


def test_every_number_of_the_prose_stands_in_what_it_refers_to(
    case: tuple[Report, CaseState, list[Any]],
) -> None:
    report, state, events = case
    calls = {
        str(n) for n in range(1, len(state.evidence) + 2)
    }  # "asked for 7 tool calls": counted, not measured
    checked = 0
    for where, said in sentences(report):
        found = numbers(said.text)
        counted = calls if where in ("decided", "expected", "brief") else set()
        loose = found - sources(state, events, said.refs) - KNOWN - counted
        assert not loose, (where, said, loose)
        checked += len(found)
    assert checked > 80


def test_every_sentence_with_a_number_names_what_it_rests_on(
    case: tuple[Report, CaseState, list[Any]],
) -> None:
    report, _, _ = case
    bare = [(where, s.text) for where, s in sentences(report) if numbers(s.text) and not s.refs]
    assert [w for w, _ in bare] == ["expected"]  # "set 2 criteria", which stand right below


def test_every_reference_leads_to_something(case: tuple[Report, CaseState, list[Any]]) -> None:
    report, state, events = case
    known = (
        {e.id for e in state.evidence}
        | {r.id for r in state.records.values()}
        | {f"#{e.seq}" for e in events}
    )
    for where, said in sentences(report):
        assert set(said.refs) <= known, (where, said)


def test_the_checker_notices_a_number_that_nobody_measured(case: tuple[Report, CaseState, list[Any]]) -> None:
    _, state, events = case
    assert numbers("It is right in 82.3 % of 600 images.") - sources(state, events, ("E1",)) == {"82.3"}
