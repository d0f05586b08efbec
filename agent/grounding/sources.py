"""Every number that the record of a case holds, with what it is about: what an answer is checked against."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from failsight.agent.grounding.lexicon import HIGHER, LOWER, metrics_in
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import numbers, sentences
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Finding

_SHARES = ("share",)
_TEXT_COLUMNS = {"text"}
NAMING = ("class_name", "true_class", "predicted_class", "within_class", "region", "other_class", "attribute")


@dataclass(frozen=True, slots=True)
class Atom:
    """One recorded number.

    Attributes:
        value: shares and points as people write them (74.2, not 0.742).
        family: ``percent``, ``points``, ``plain``, ``seconds``; a share may also be quoted as a plain number.
        half: how far the written value may lie from the true one: 0 for exact values.
        names: what it is about.
        metrics: which quantity it is (``lexicon.METRICS``); empty where that is not known.
        refs: evidence and finding ids that hold it.
        direction: −1 ``lower``, +1 ``higher``, 0 unknown: how the record words it.
    """

    value: float
    family: str
    half: float
    names: Names
    metrics: frozenset[str]
    refs: tuple[str, ...]
    direction: int = 0
    end: bool = False


def lexicon_of(state: CaseState, classes: Sequence[str], values: Mapping[str, Any]) -> Lexicon:
    """The names of the case, with attributes that only evidence mentions."""
    known: dict[str, set[str]] = {a: {str(v) for v in vs} for a, vs in values.items()}
    for record in state.records.values():
        for name, value in (record.finding.slice or {}).items():
            known.setdefault(name, set()).add(str(value))
    for made in state.evidence:
        region = str(made.arguments.get("region") or "")
        if region.startswith("box:"):
            known.setdefault(region.removeprefix("box:"), set()).update({"yes", "no"})
    return Lexicon.of(classes, known)


def atoms(state: CaseState, lexicon: Lexicon) -> list[Atom]:
    """All recorded numbers: facts, tables, findings with their tests, expectations, sentences, and simple counts."""
    made: list[Atom] = []
    for evidence in state.evidence:
        made += _evidence(evidence, lexicon)
    for record in state.records.values():
        made += _record(record, lexicon)
    for name, expectation in state.expectations.items():
        about = lexicon.find(name.replace(".", " "))
        made.append(Atom(100 * expectation.bound, "percent", 0, about, metrics_in(_words(name)), ()))
        made.append(Atom(expectation.bound, "plain", 0, about, metrics_in(_words(name)), ()))
    made += _counts(state, lexicon)
    return made


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


def _about(evidence: Evidence, lexicon: Lexicon) -> Names:
    """What the arguments of a call say that all its numbers are about."""
    text = " ; ".join(
        str(evidence.arguments[k]).replace("box:", "") for k in NAMING if evidence.arguments.get(k)
    )
    split = evidence.arguments.get("split")
    found = lexicon.find(text)
    return replace(found, splits=frozenset({str(split)}) if split else frozenset())


def _evidence(evidence: Evidence, lexicon: Lexicon) -> Iterator[Atom]:
    refs, about = (evidence.id,), _about(evidence, lexicon)
    for fact in evidence.facts:
        names = lexicon.find(_of(fact.of))
        names = names if names.entities or names.splits else names | about
        metrics = metrics_in(_words(fact.name)) or frozenset({fact.name})
        direction = -1 if "drop" in fact.name or "fall" in fact.name else 0
        if isinstance(fact.value, int | float) and not isinstance(fact.value, bool):
            yield from _values(float(fact.value), fact.unit, names, metrics, refs, direction)
        for bound in fact.ci or ():
            yield from _values(bound, fact.unit, names, metrics, refs, direction, end=True)
        if fact.n is not None:
            yield Atom(float(fact.n), "plain", 0, names, frozenset(), refs)
    for table in evidence.tables:
        yield from _table(table, lexicon, about, refs)
    for text in (evidence.summary, *evidence.notes, *evidence.next_steps):
        yield from told(text, lexicon, about, refs)


def _of(text: str) -> str:
    return (
        text.replace("split ", "")
        .replace("data to deploy", "deploy data")
        .replace("train to data", "train data")
        .replace("deploy", "deployment")
        .replace("train ", "training ")
        + " "
    )


def _values(
    value: float,
    unit: str,
    names: Names,
    metrics: frozenset[str],
    refs: tuple[str, ...],
    direction: int = 0,
    end: bool = False,
) -> Iterator[Atom]:
    if not math.isfinite(value):
        return
    if unit in ("share", "points"):
        yield Atom(
            100 * value, "percent" if unit == "share" else "points", 0, names, metrics, refs, direction, end
        )
        yield Atom(value, "plain", 0, names, metrics, refs, direction, end)
    elif unit == "seconds":
        yield Atom(value, "seconds", 0, names, metrics, refs, direction, end)
    elif unit == "bytes":
        yield Atom(value / 2**20, "plain", 0, names, metrics, refs, direction, end)
    else:
        yield Atom(value, "ratio" if unit == "ratio" else "plain", 0, names, metrics, refs, direction, end)


def _table(table: Any, lexicon: Lexicon, about: Names, refs: tuple[str, ...]) -> Iterator[Atom]:
    title = lexicon.find(table.title)
    for row in table.rows:
        texts = [
            str(c) for c, u in zip(row, _units(table), strict=False) if isinstance(c, str) and u == "text"
        ]
        names = lexicon.find(" ; ".join(texts))
        names = names if names.entities else names | about
        names = names if names.splits else replace(names, splits=title.splits | about.splits)
        row_metrics = metrics_in(_words(texts[0])) if texts else frozenset()
        for cell, unit, column in zip(row, _units(table), table.columns, strict=False):
            here = lexicon.find(column)
            mine = names | replace(Names(), splits=here.splits) if here.splits else names
            metrics = metrics_in(_words(column)) or row_metrics
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                yield from _values(float(cell), unit, mine, metrics, refs)
            elif isinstance(cell, str):
                for number in numbers(cell):
                    yield Atom(number.value, number.family, number.half, mine, metrics, refs)


def _units(table: Any) -> tuple[str, ...]:
    return tuple(table.units) or ("text",) * len(table.columns)


def told(text: str, lexicon: Lexicon, about: Names, refs: tuple[str, ...]) -> Iterator[Atom]:
    """The numbers of a recorded sentence, each about what its clause (else the one before it, else the call) names."""
    found = list(numbers(text))
    for sentence in sentences(text):
        before = about
        splits: frozenset[str] = frozenset()
        for start, end in sentence.clauses:
            part = text[start:end]
            names = lexicon.find(part)
            splits = names.splits or splits
            names = (
                names if names.entities else names | Names(before.classes, before.attributes, before.values)
            )
            names = replace(names, splits=splits or about.splits)
            before = names
            direction = -1 if LOWER.search(part) else 1 if HIGHER.search(part) else 0
            for number in found:
                if start <= number.start < end:
                    yield Atom(
                        number.value, number.family, number.half, names, metrics_in(part), refs, direction
                    )


def finding_names(finding: Finding, lexicon: Lexicon) -> Names:
    """What a finding is about: its slice, class and confusion."""
    classes = {c for c in (finding.class_name, finding.confused_with) if c}
    values = {(a, str(v)) for a, v in (finding.slice or {}).items()}
    splits = {"deploy"} if finding.kind == "distribution_shift" else set()
    made = Names(frozenset(classes), frozenset(a for a, _ in values), frozenset(values), frozenset(splits))
    return made | Names(classes=lexicon.find(finding.statement).classes)


def _record(record: FindingRecord, lexicon: Lexicon) -> Iterator[Atom]:
    found, names = record.finding, finding_names(record.finding, lexicon)
    refs = (*record.evidence[:1], record.id)
    error = frozenset({"error"})
    for value in (found.error_rate, found.base_error_rate):
        if value is not None:
            yield from _values(value, "share", names, error, refs)
    for bound in found.ci or ():
        yield from _values(bound, "share", names, error, refs, end=True)
    for value in (found.p, found.q, float(found.n) if found.n is not None else None):
        if value is not None:
            yield Atom(value, "plain", 0, names, frozenset(), refs)
    for test in found.tests:
        own = (test.evidence or refs[0], record.id)
        yield from _values(test.effect, "points", names, frozenset(), own)
        for bound in test.ci:
            yield from _values(bound, "points", names, frozenset(), own, end=True)
        if test.control_effect is not None:
            yield from _values(test.control_effect, "points", names, frozenset({"control"}), own)
        for value in (test.p, test.q, float(test.n)):
            if value is not None:
                yield Atom(value, "plain", 0, names, frozenset(), own)
    yield from told(found.statement, lexicon, names, refs)
    yield from told(found.note, lexicon, names, refs)


def _counts(state: CaseState, lexicon: Lexicon) -> Iterator[Atom]:
    verdicts = [r.finding.verdict for r in state.records.values()]
    counted = [len(lexicon.classes), len(verdicts), len(state.evidence), len(state.expectations)]
    counted += [verdicts.count(v) for v in ("confirmed", "refuted", "inconclusive", None)]
    for value in counted:
        yield Atom(float(value), "plain", 0, Names(), frozenset({"count"}), ())
