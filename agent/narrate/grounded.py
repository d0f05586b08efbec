"""Where do the numbers of a report come from? Each number of its prose has to stand in what its sentence refers to."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from failsight.agent.journal import Event
from failsight.agent.narrate.model import Card, Report, Sentence
from failsight.agent.state import CaseState
from failsight.tools.evidence import Unit, jsonable
from failsight.tools.text import number, p_value

NUMBER = re.compile(r"(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+)?(?![\w])")
UNITS: tuple[Unit, ...] = ("share", "points", "count", "score", "seconds", "ratio")
SET = frozenset({"95", "80", "100"})  # set by the program: confidence, power, and the hundred of “57 of 100”
COUNTED = frozenset(
    {"decided", "expected", "brief", "people", "view-risks", "view-answer", "corrected", "view-repairs"}
)  # parts that count what stands below them


@dataclass(frozen=True, slots=True)
class Grounding:
    """How many sentences and numbers a report has, and those numbers that nothing holds: (part, sentence, numbers)."""

    sentences: int
    numbers: int
    loose: tuple[tuple[str, str, frozenset[str]], ...]


def grounding(report: Report, state: CaseState, events: Sequence[Event]) -> Grounding:
    """Check the prose of a report, number by number."""
    known = _Sources(state, events)
    calls = {str(n) for n in range(1, len(events) + 1)}  # “asked for 7 tool calls”: counted, not measured
    told, seen, loose = 0, 0, []
    for where, said in sentences(report):
        found = numbers(said.text)
        told, seen = told + 1, seen + len(found)
        rest = found - SET
        if rest:
            rest -= known.of(said.refs) | (calls if where in COUNTED else set())
        if rest:
            loose.append((where, said.text, frozenset(rest)))
    return Grounding(told, seen, tuple(loose))


def numbers(text: str) -> set[str]:
    """The numbers of a text, without those inside of names such as E4, F1, event 12 and events 3 to 5."""
    text = re.sub(r"\bevents? \d+(?: to \d+)?", "", text)
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
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield f"{value:g}"
        yield from numbers(p_value(value))
        for unit in UNITS:
            yield from numbers(number(value, unit))
        if 0 <= value <= 1:  # “57 of 100”, an interval's ends rounded outwards
            yield from (
                str(made) for made in (round(100 * value), math.floor(100 * value), math.ceil(100 * value))
            )


def sentences(report: Report) -> Iterator[tuple[str, Sentence]]:
    """(part, sentence) of all prose of a report."""
    yield from (("brief", said) for said in report.brief)
    for card in (*report.headlines, *report.others):
        yield from of_card(card)
    extra = [s for s in (report.reviews, report.people, report.todo) if s is not None]
    views = [s for view in report.views for s in view.sections]
    for section in (*report.front, report.readiness, report.signoff, *extra, *report.story, *views):
        yield from ((section.id, said) for said in (*section.lead, *section.points))


def of_card(card: Card) -> Iterator[tuple[str, Sentence]]:
    """The sentences of one finding."""
    yield card.id, Sentence(card.statement, (card.id,))
    yield card.id, Sentence(card.meaning)
    yield from ((f"{card.id} {label}", said) for label, said in (*card.terms, *card.chain))
    for experiment in card.experiments:
        yield from ((f"{card.id} {label}", said) for label, said in experiment.terms)
    yield from ((card.id, said) for said in (*card.corrections, *card.repairs))


class _Sources:
    """What each reference holds, read once."""

    def __init__(self, state: CaseState, events: Sequence[Event]) -> None:
        self.state, self.events = state, events
        self._evidence = {e.id: e for e in state.evidence}
        self._held: dict[str, set[str]] = {}

    def of(self, refs: Sequence[str]) -> set[str]:
        made = {str(len(refs))}
        for name in refs:
            if name not in self._held:
                self._held[name] = set(spoken(self._value(name)))
            made |= self._held[name]
        return made

    def _value(self, name: str) -> Any:
        if name.startswith("#"):
            event = self.events[int(name[1:]) - 1]
            return [event.time[:10], jsonable(event.data)]  # the day may be told
        if name in self._evidence:
            return self._evidence[name].to_dict()
        return jsonable(self.state.find(name))
