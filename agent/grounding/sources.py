"""Every number that the record of a case holds, with what it is about: what an answer is checked against."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from failsight.agent.grounding.about import finding_names, is_attribute
from failsight.agent.grounding.conditions import Condition, conditions, qualified, spoken_of
from failsight.agent.grounding.lexicon import recorded
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import Number, Sentence, numbers, sentences
from failsight.agent.grounding.portions import facts_of
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact, Finding

NAMING = ("class_name", "true_class", "predicted_class", "within_class", "region", "other_class", "attribute")
NOTHING: frozenset[str] = frozenset()
DATA = frozenset({"data"})
_TAKEN = re.compile(r" taken for | towards class | instead of | → ")
_NUMBERED = re.compile(r"\bslice ([A-Za-z]\w*)=(\d{1,2})(?=$|,| &| and )")
_ELSEWHERE = "_elsewhere"  # behind the name of a value outside of what it is of
_OTHERS = re.compile(r"\bthe other images$")
_RIGHT = {"accuracy", "recall", "balanced_accuracy", "precision"}
_ABOUT_CLASS = {
    "pull",
    "effect",
    "cue_effect",
    "control_effect",
    "flip",
    "control_flip",
    "mended",
    "control_mended",
}


_FEW = 13  # smaller counts are said of so much that one recorded for something else says nothing


class Atom(NamedTuple):
    """One recorded number.

    Attributes:
        value: shares and points as people write them (74.2, not 0.742).
        family: ``percent``, ``points``, ``plain``, ``ratio``, ``seconds``.
        half: how far the written value may lie from the true one: 0 for exact values.
        names: what it is about; a text has to name all of it.
        metric: which quantity it is (``lexicon.SAID``).
        refs: evidence and finding ids that hold it.
        part: ``value``, ``end`` (of an interval), ``n``, ``count`` (how many of n), ``p`` or ``q``.
        loose: classes and attributes that a text may leave out.
        pair: (true class, class it is taken for) of a confusion.
        elsewhere: whether it is the value outside of what ``names`` says, or of a control.
        row: words or numbers of the row's label that a text has to repeat.
        told: whether it was read from a sentence.
        when: conditions under which it was measured; a text has to state each of them.
    """

    value: float
    family: str
    half: float
    names: Names
    metric: str
    refs: tuple[str, ...]
    part: str = "value"
    loose: frozenset[str] = NOTHING
    pair: tuple[str, str] | None = None
    elsewhere: bool = False
    row: tuple[str, ...] = ()
    told: bool = False
    when: tuple[Condition, ...] = ()


_T = TypeVar("_T")


def replace(thing: _T, **changes: Any) -> _T:
    """A copy with other values, of an atom (there are thousands: a tuple's way is the fast one) or a dataclass."""
    if isinstance(thing, Atom):
        return thing._replace(**changes)
    made: _T = dataclasses.replace(cast("Any", thing), **changes)
    return made


def lexicon_of(state: CaseState, classes: Sequence[str], values: Mapping[str, Any]) -> Lexicon:
    """The names of the case, with attributes that only evidence mentions."""
    known: dict[str, set[str]] = {a: {str(v) for v in vs} for a, vs in values.items()}
    for record in state.records.values():
        for name, value in (record.finding.slice or {}).items():
            if is_attribute(name):
                known.setdefault(name, set()).add(str(value))
    for made in state.evidence:  # numbers by which a column names its groups: "line=3"
        for fact in made.facts:
            for name, value in _NUMBERED.findall(fact.of):
                if is_attribute(name):
                    known.setdefault(name, set()).add(value)
    everything = {v for vs in known.values() for v in vs}
    for made in state.evidence:
        boxes = [str(made.arguments.get("region") or "")]
        boxes += [f.of for f in made.facts if re.match(r"[a-z]+:\S+$", f.of)]
        for box in boxes:
            if re.match(r"[a-z]+:[\d.]+$", box):
                known.setdefault(box.split(":")[0], set())
            name = box.removeprefix("box:")
            if box.startswith("box:") and name not in everything:
                known.setdefault(name, set()).update({"yes", "no"})
    return Lexicon.of(classes, known)


def atoms(state: CaseState, lexicon: Lexicon) -> list[Atom]:
    """All recorded numbers: facts, tables, findings with their tests, expectations, sentences, and simple counts."""
    from failsight.agent.grounding.tallies import tallies  # the two modules share this one's types

    exact: list[Atom] = []
    for evidence in state.evidence:
        exact += _evidence(evidence, lexicon, state)
    held: dict[tuple[str, float], list[Atom]] = {}
    for a in exact:
        if not a.told and a.metric != "bound":
            held.setdefault(_rounded(a), []).append(a)
    made = [one for a in exact if (one := _once(a, held.get(_rounded(a), ()))) is not None]
    for record in state.records.values():
        made += _record(record, lexicon)
    for name, expectation in state.expectations.items():
        about = lexicon.find(_plain(name))
        made += values(
            expectation.bound, "share", Atom(0, "", 0, about, "bound", (), row=tuple(words_of(_plain(name))))
        )
    return made + list(tallies(state, lexicon))


def _rounded(atom: Atom) -> tuple[str, float]:
    return atom.family, round(abs(atom.value), 1)


def _once(atom: Atom, exact: Sequence[Atom]) -> Atom | None:
    """What a number adds to the ``exact`` ones of its size: nothing where a sentence only repeats one of its own evidence.

    Where the sentence leaves out a thing that the value is about, so may an answer; it may not name another one.
    """
    if not atom.told or "always" in atom.metric or (atom.family == "plain" and atom.value < _FEW):
        return atom
    mine = atom.names
    same = [a for a in exact if set(a.refs) & set(atom.refs)]
    if any((a.names.classes, a.names.attributes) == (mine.classes, mine.attributes) for a in same):
        return None
    of = {
        (a.names.attributes, a.names.values, a.elsewhere)
        for a in same
        if mine.classes == a.names.classes and mine.attributes < a.names.attributes
    }
    if atom.family == "plain" or len(of) != 1:
        return atom
    ((attributes, values_, elsewhere),) = of
    return replace(
        atom, names=replace(mine, attributes=attributes, values=values_), loose=atom.loose | (attributes - mine.attributes), elsewhere=elsewhere,
    )  # fmt: skip


def _evidence(evidence: Evidence, lexicon: Lexicon, state: CaseState) -> Iterator[Atom]:
    from failsight.agent.grounding.tables import table  # the two modules share this one's types

    about = _called(evidence, lexicon)
    base = Atom(0, "", 0, about, "", (evidence.id,), loose=about.entities)
    exact: list[Atom] = []
    findings = {r.id: finding_names(r.finding, lexicon) for r in state.records.values()}
    facts = tuple(facts_of(evidence))
    under = conditions([f.of for f in facts], lexicon)
    for fact in facts:
        exact += _fact(fact, base, lexicon, state, under)
    for shown in evidence.tables:
        exact += table(shown, base, lexicon, findings)
    yield from exact
    kept = {r.finding.statement for r in state.records.values()}
    seen = (
        f.statement for f in evidence.findings if f.statement not in kept
    )  # what is no statement of the case's findings
    for text in (evidence.summary, *evidence.notes, *evidence.next_steps, *seen):
        yield from told(text, lexicon, base, findings)


def _plain(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")


def words_of(label: str) -> list[str]:
    """The words and numbers of a label, as they are compared."""
    return [
        f"{float(w):g}" if w[0].isdigit() else w
        for w in re.findall(r"\d+(?:\.\d+)?|[a-z]{3,}", label.lower())
    ]


def _called(evidence: Evidence, lexicon: Lexicon) -> Names:
    """What the arguments of a call say that all its numbers are about."""
    text = " ; ".join(
        str(evidence.arguments[k]).replace("box:", "the box of ") for k in NAMING if evidence.arguments.get(k)
    )
    split = evidence.arguments.get("split")
    found = lexicon.find(text)
    values = found.values | {(a, "yes") for a in found.attributes if lexicon.values.get(a, NOTHING) & {"yes"}}
    return replace(found, values=values, splits=frozenset({str(split)}) if split else DATA)


def _fact(
    fact: Fact, base: Atom, lexicon: Lexicon, state: CaseState, under: Mapping[str, Condition]
) -> Iterator[Atom]:
    if not isinstance(fact.value, int | float) or isinstance(fact.value, bool):
        return
    rest = fact.name.endswith(_ELSEWHERE) or _OTHERS.search(fact.of) is not None
    metric = recorded(fact.name.removesuffix(_ELSEWHERE))
    if metric == "effect" and fact.of.startswith("slice "):
        metric = "slice_effect"
    limits = (under.get(fact.of) if metric != "criterion" else None, qualified(fact.name))
    when = tuple(c for c in limits if c is not None)
    atom = replace(base, metric=metric, elsewhere=rest or metric.startswith("control"), when=when)
    splits = frozenset(re.findall(r"\b(data|train|deploy|pool)\b", fact.of)) or base.names.splits
    named = lexicon.find(fact.of)
    record = next((r for r in state.records.values() if f"finding {r.id}" == fact.of), None)
    if record is not None:
        named = finding_names(record.finding, lexicon)
        atom = replace(atom, refs=(*atom.refs, record.id), loose=named.entities)
        splits = named.splits or splits
    if named.entities:
        atom = replace(
            atom,
            names=replace(
                named, classes=named.classes or base.names.classes, splits=splits, findings=NOTHING
            ),
            loose=named.entities if record else NOTHING if named.classes else base.names.classes,
        )
    else:
        atom = replace(atom, names=replace(base.names, splits=splits))
        if named.findings or (fact.of and metric == "criterion"):
            atom = replace(atom, metric=recorded(fact.of))
    if _TAKEN.search(fact.of):
        atom = _pairs(fact.of, atom, lexicon)
    yield from values(float(fact.value), fact.unit, atom)
    for bound in fact.ci or ():
        yield from values(bound, fact.unit, replace(atom, part="end"))
    if fact.n is not None:
        yield from _of_n(float(fact.value), fact.unit, fact.n, atom)


def _pairs(of: str, atom: Atom, lexicon: Lexicon) -> Atom:
    left, right = _TAKEN.split(of, maxsplit=1)
    one, other = lexicon.find(left).classes, lexicon.find(right).classes
    if len(one) == 1 and len(other) == 1:
        return replace(atom, pair=(*one, *other))
    return replace(atom, loose=other)


def _of_n(value: float, unit: str, n: int, atom: Atom) -> Iterator[Atom]:
    """How many images stand behind a value, and how many of them a share is."""
    if atom.metric == "precision":  # its n are answers, not images of the class
        yield replace(atom, value=float(n), family="plain", metric="answers", part="n")
    elif atom.metric in ("f1", "macro_f1"):
        return
    else:
        yield replace(atom, value=float(n), family="plain", part="n", metric="images")
    if unit != "share":
        return
    for share, metric, there in ((value, atom.metric, False), (1 - value, "error", True)):
        count = share * n
        if there and atom.metric not in _RIGHT - {"balanced_accuracy"}:  # its complement is no error rate
            continue
        if there:
            yield from values(
                share,
                "share",
                replace(atom, metric=metric if atom.metric != "precision" else "false_answers"),
            )
        if abs(count - round(count)) < 1e-6 * max(1, n):
            yield replace(atom, value=float(round(count)), family="plain", part="count", metric=metric)


def values(value: float | None, unit: str, atom: Atom) -> Iterator[Atom]:
    if value is None or not math.isfinite(value):  # None: not a number, as the journal keeps it
        return
    if unit in ("share", "points"):
        yield replace(atom, value=100 * value, family="percent" if unit == "share" else "points")
    elif unit == "seconds":
        yield replace(atom, value=value, family="seconds")
    elif unit == "bytes":
        yield replace(atom, value=value / 2**20, family="plain")
    else:
        yield replace(atom, value=value, family="ratio" if unit == "ratio" else "plain")
    if (
        atom.metric in ("cue_effect", "control_effect") and unit == "points"
    ):  # a fall may be told as a negative change
        yield replace(
            atom, value=-100 * value, family="points", metric=atom.metric.replace("effect", "change")
        )


@lru_cache(maxsize=2048)
def parsed(text: str) -> tuple[tuple[Number, ...], tuple[Sentence, ...]]:
    """The numbers in digits and the sentences of a recorded text; these stay, so each is read once."""
    return tuple(numbers(text, words=False)), tuple(sentences(text))


def told(
    text: str, lexicon: Lexicon, base: Atom, about: Mapping[str, Names] = MappingProxyType({})
) -> Iterator[Atom]:
    """The numbers of a recorded sentence, each about what its clause names (else the sentence, else the call)."""
    if not re.search(r"\d", text):
        return
    found, parts = parsed(text)
    before: frozenset[str] = NOTHING
    for sentence in parts:
        whole = lexicon.find(text[sentence.start : sentence.end])
        before = whole.splits or before
        for start, end in sentence.clauses:
            part = lexicon.find(text[start:end])
            mine = part if part.entities else replace(whole, splits=NOTHING)
            loose = base.loose if not mine.entities else NOTHING if part.entities else mine.entities
            moved = len(whole.splits) > 1 and re.search(r"\bpoints\b", text[start:end]) is not None
            splits = (
                (whole.splits if moved else part.splits)
                or whole.splits
                or (before if whole.classes else NOTHING)
                or base.names.splits
            )
            one = (
                about.get(next(iter(whole.findings)))
                if len(whole.findings) == 1 and not mine.entities
                else None
            )
            if one is not None:
                mine, loose = one, one.entities
            names = replace(
                mine if mine.entities else base.names, splits=splits, findings=NOTHING, evidence=NOTHING
            )
            for number in found:
                if start <= number.start < end:
                    if re.match(r"\s?(?:%|points)?(?: \[[^\]]*\] ?%?)? here\b", text[number.end :]):
                        names = replace(names, splits=DATA)
                    yield replace(
                        base, value=number.value, family=number.family, half=number.half, names=names, loose=loose,
                        metric=_subject(text[sentence.start : sentence.end]), told=True,
                    )  # fmt: skip


def _subject(sentence: str) -> str:
    """The quantity of a recorded sentence where it is plain, else the sentence itself."""
    if re.search(r"\brare in training\b|\bshow the cue\b|are such images", sentence):
        return "frequency"
    return "told:" + sentence


def _record(record: FindingRecord, lexicon: Lexicon) -> Iterator[Atom]:
    found, names = record.finding, finding_names(record.finding, lexicon)
    pulls = found.kind == "spurious_correlation"
    refs = (*record.evidence, record.id)
    metric, loose = ("pull", names.classes) if pulls else ("error", NOTHING)
    limit = spoken_of(found.kind)
    atom = Atom(0, "", 0, names, metric, refs, loose=loose, when=(limit,) if limit is not None else ())
    if found.kind not in ("overfitting", "underfitting"):
        yield from _rates(found, atom)
    free = replace(atom, loose=names.entities)
    yield from _levels(found.p, found.q, found.n, free)
    for test in found.tests:
        own = replace(free, refs=(test.evidence or refs[0], record.id), metric=_tested(found.kind, test.tool))
        if own.metric == "drop":
            own = replace(own, names=replace(names, splits=frozenset({"data", "deploy"})))
        yield from values(test.effect, "points", own)
        for bound in test.ci:
            yield from values(bound, "points", replace(own, part="end"))
        if test.control_effect is not None:
            yield from values(
                test.control_effect, "points", replace(own, metric="control_effect", elsewhere=True)
            )
        yield from _levels(test.p, test.q, test.n, own)
    rare = found.statement.find("They are rare")
    yield from told(found.statement[rare:] if rare >= 0 else "", lexicon, free)
    yield from told(found.note, lexicon, free)


def statements(state: CaseState, lexicon: Lexicon) -> Iterator[Atom]:
    """The numbers of the findings' own statements, each held by its finding."""
    for record in state.records.values():
        names = finding_names(record.finding, lexicon)
        base = Atom(0, "", 0, names, "", (record.id, *record.evidence[:1]), loose=names.entities)
        yield from told(record.finding.statement, lexicon, base)


def _rates(found: Finding, atom: Atom) -> Iterator[Atom]:
    """The error rate of a finding, how many images that are, and the rate elsewhere."""
    if found.error_rate is not None:
        yield from values(found.error_rate, "share", atom)
        count = found.error_rate * (found.n or 0)
        if found.n and abs(count - round(count)) < 1e-6:
            yield replace(atom, value=float(round(count)), family="plain", part="count")
    if found.base_error_rate is not None:
        elsewhere = found.kind != "distribution_shift"
        there = atom.names.splits if elsewhere else DATA
        other = replace(atom, names=replace(atom.names, splits=there), elsewhere=elsewhere)
        yield from values(found.base_error_rate, "share", other)
    for bound in found.ci or ():
        yield from values(bound, "share", replace(atom, part="end"))


def _levels(p: float | None, q: float | None, n: int | None, atom: Atom) -> Iterator[Atom]:
    for value, part, metric in ((p, "p", "p"), (q, "q", "q"), (n, "n", "images")):
        if value is not None:
            yield replace(atom, value=float(value), family="plain", part=part, metric=metric)


def _tested(kind: str, tool: str) -> str:
    """What the effect of a test is a difference of."""
    if kind in ("distribution_shift", "overconfidence"):
        return "drop" if kind == "distribution_shift" else "gap"
    if tool.startswith("test_"):
        return "effect"
    return "pull_gap" if kind == "spurious_correlation" else "slice_effect"
