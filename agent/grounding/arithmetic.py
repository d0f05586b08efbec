"""Arithmetic on evidence: a difference, a ratio, a sum or a remainder of grounded numbers may be stated too."""

from __future__ import annotations

import re
from itertools import combinations
from collections.abc import Callable, Iterator, Mapping, Sequence

from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.settings import Setting
from failsight.agent.grounding.sources import DATA, Atom

_DIFFERENCE = re.compile(
    r"differ|gap|more|less|fewer|higher|lower|worse|better|above|below|drop|fall|fell|excess|points|ahead|behind|apart|larger|smaller|los[est]|gain|"
    r"\bdown\b|rise|rose|decreas|increas|margin|remain|rest\b|missing|short|exceed|separat|surer",
    re.IGNORECASE,
)
_RATIO = re.compile(r"times|twice|double|half|triple|ratio|fold|×|as (?:often|many|high|low|large|likely|much)|third|quarter|fifth|one in|factor", re.IGNORECASE)
_SHARE = re.compile(r"of (?:all|the|these|its|them)|out of|share|per cent|%|half|third|quarter", re.IGNORECASE)
_SUM = re.compile(r"together|sum|total|altogether|combined|both|in all|=|add up|jointly|between them|counting", re.IGNORECASE)
Grounded = Mapping[Number, Sequence[Atom]]


def computed(number: Number, at: Setting, inside: Sequence[Number], held: Grounded, near: Sequence[Atom]) -> list[Atom]:
    """The recorded numbers that ``number`` is made of, or nothing.

    Args:
        number: not itself recorded.
        at: what it is about.
        inside: the numbers of its sentence.
        held: those of them that the record holds, with where.
        near: recorded values of which a text of this setting may compare two.
    """
    others = [n for n in inside if n is not number and n in held]
    stated = _from_stated(number, at.reading.part, others, held)
    return stated or _from_record(number, at, near)


def _from_stated(number: Number, sentence: str, others: Sequence[Number], held: Grounded) -> list[Atom]:
    for ways, result in _ways(number, sentence):
        for one in others:
            for other in others:
                if one is other or one.family != other.family and {one.family, other.family} != {"percent", "points"}:
                    continue
                value = result(one.value, other.value)
                if value is not None and abs(abs(value) - abs(number.value)) <= _slack(number, one, other, ways):
                    return [*held[one][:1], *held[other][:1]]
    plain = [n for n in others if n.family == number.family]
    if _SUM.search(sentence) and 2 < len(plain) <= 6:
        total = sum(n.value for n in plain)
        if abs(total - number.value) <= number.half + 1e-6:
            return [a for n in plain for a in held[n][:1]]
    if _SUM.search(sentence):  # a total that is itself made of others: each of the rest
        for left in plain:
            rest = [n for n in plain if n is not left]
            if len(rest) >= 2 and abs(sum(n.value for n in rest) - number.value) <= number.half + 1e-6:
                return [a for n in rest for a in held[n][:1]]
    return []


Combine = Callable[[float, float], float | None]


def _ways(number: Number, sentence: str) -> Iterator[tuple[str, Combine]]:
    if _DIFFERENCE.search(sentence) and number.family in ("percent", "points", "plain"):
        yield "difference", lambda a, b: a - b
    if _SUM.search(sentence) and number.family in ("percent", "points", "plain"):
        yield "sum", lambda a, b: a + b
    if number.family == "ratio" or (number.family == "plain" and _RATIO.search(sentence)):
        yield "ratio", lambda a, b: a / b if b else None
    if number.family == "percent" and _SHARE.search(sentence):
        yield "share", lambda a, b: 100 * a / b if b > a >= 0 and b > 1 else None


def _slack(number: Number, one: Number, other: Number, ways: str) -> float:
    if ways in ("ratio", "share"):
        relative = one.half / max(abs(one.value), 1e-9) + other.half / max(abs(other.value), 1e-9)
        return number.half + abs(number.value) * (relative + (0.06 if number.about else 0)) + 1e-9
    own = 0.0 if number.family == "plain" and number.half == 0.5 and float(one.value).is_integer() else number.half
    return own + one.half * (one.half < 0.5) + other.half * (other.half < 0.5) + (0.025 * abs(number.value) if number.about else 0) + 1e-9


def _from_record(number: Number, at: Setting, near: Sequence[Atom]) -> list[Atom]:
    """Two recorded values of one quantity in just the two settings that the sentence names."""
    ways = dict(_ways(number, at.reading.part))
    kept: dict[tuple[object, ...], Atom] = {}
    for atom in near:
        kept.setdefault((round(atom.value, 4), atom.family, atom.metric, atom.names, atom.pair), atom)
    values = list(kept.values())[:160]
    if "sum" in ways:
        total = _total(number, at, values)
        if total:
            return total
    for one in values:
        for other in values:
            if one is other or one.family != other.family or not _alike(one, other) or one.value == other.value:
                continue
            way = _allowed(one, other, at, number)
            if way not in ways:
                continue
            result = ways[way](one.value, other.value)
            if result is not None and number.near(abs(result) if number.value >= 0 else -abs(result)):
                return [one, other]
    return []


def _alike(one: Atom, other: Atom) -> bool:
    if "bound" in (one.metric, other.metric):
        bound, other = (one, other) if one.metric == "bound" else (other, one)
        return other.metric in ("accuracy", "worst_recall") and set(bound.row) == set(other.metric.split("_"))
    return one.metric == other.metric or {one.metric, other.metric} == {"confidence_right", "confidence_wrong"}


def _total(number: Number, at: Setting, values: Sequence[Atom]) -> list[Atom]:
    """Several named findings or classes whose counts add up to the number."""
    whole = at.reading.about
    groups: dict[str, dict[object, Atom]] = {}
    for atom in values:
        if atom.family == "plain" and atom.half == 0 and float(atom.value).is_integer() and (not atom.pair or atom.pair in at.reading.pairs):
            owners: list[object] = [f for f in whole.findings if f in atom.refs] or [c for c in whole.classes if atom.names.classes == {c} and not atom.names.attributes]
            if atom.pair in at.reading.pairs:
                owners = [atom.pair]
            for owner in owners:
                groups.setdefault(f"{atom.metric} {atom.part} {sorted(atom.names.splits)}", {}).setdefault(owner, atom)
    for by in groups.values():
        parts = list(by.values())[:7]
        for many in range(2, len(parts) + 1):
            for some in combinations(parts, many):
                if abs(sum(a.value for a in some) - number.value) <= number.half:
                    return list(some)
    return []


def _allowed(one: Atom, other: Atom, at: Setting, number: Number) -> str:
    """How two values may be combined: they differ in one thing that the sentence names, and agree in all else."""
    a, b, whole = one.names, other.names, at.reading.about
    same = (a.classes == b.classes or one.pair != other.pair) and a.values == b.values
    counted = one.family == "plain" and number.family == "plain"
    ratio = number.family == "ratio" or number.family == "plain" and re.search(r"\bratio\b|\bfactor\b", at.reading.part) is not None
    way = "ratio" if ratio else "difference"
    if not ratio and one.family == "plain" != number.family:
        return ""
    if _SUM.search(at.reading.part) and counted:
        way = "sum"
    if "bound" in (one.metric, other.metric):
        return way if (one.names.splits | other.names.splits) <= DATA else ""
    if one.metric != other.metric:
        return way if re.search(r"wrong|error", at.reading.part, re.IGNORECASE) and re.search(r"\bright|correct", at.reading.part, re.IGNORECASE) else ""
    if a.splits != b.splits:
        named = (a.splits | b.splits) <= whole.splits | DATA and whole.splits - DATA
        return way if same and a.classes == b.classes and named and one.part == other.part else ""
    if one.part != other.part and not counted:
        return ""
    if one.pair and other.pair:
        return way if one.pair == other.pair[::-1] and set(one.pair) <= whole.classes else ""
    if a.attributes != b.attributes:
        return way if a.attributes and b.attributes and a.attributes | b.attributes <= whole.attributes else ""
    if a.values != b.values or one.elsewhere != other.elsewhere:
        return way if a.attributes == b.attributes and a.attributes and (at.elsewhere or one.elsewhere != other.elsewhere) else ""
    if a.classes != b.classes:
        return way if a.classes and b.classes and a.classes | b.classes <= whole.classes and not one.pair and not other.pair else ""
    return ""
