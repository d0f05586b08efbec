"""Where do the numbers of a report come from? Takes them out of its prose and out of what each sentence refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from failsight.agent.narrate.model import Card, Report, Sentence
from failsight.agent.state import CaseState
from failsight.tools.evidence import jsonable
from failsight.tools.text import number, p_value

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


def ungrounded(report: Report, state: CaseState, events: list[Any]) -> list[tuple[str, str, set[str]]]:
    """(where, sentence, numbers) for each sentence of the prose with numbers that none of its references holds."""
    calls = {str(n) for n in range(1, len(events))}  # "asked for 7 tool calls": counted, not measured
    made = []
    for where, said in sentences(report):
        counted = calls if where in ("decided", "expected", "brief") else set()
        loose = numbers(said.text) - sources(state, events, said.refs) - KNOWN - counted
        if loose:
            made.append((where, said.text, loose))
    return made
