"""The group of images that a sentence speaks of: ``at site Süd``, ``the Ost ones``, ``women over 70``, ``with a television``.

A bare value counts where one column has it; what several columns have, and words for people that no column tells, are kept apart so
that it can be said that they were left out. Where a sentence names several values of a column, or each of them, it compares groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from failsight.knowledge_base.condition_text import parts as split
from failsight.knowledge_base.conditions import condition
from failsight.knowledge_base.people import are_numbers, people
from failsight.knowledge_base.turned_away import resolved, runs, start_of
from failsight.knowledge_base.vocabulary import Mention, Mentions, words_of
from failsight.tools.counting.words import in_words
from failsight.tools.experiments.population import parse_filters

_BEFORE: Final = re.compile(
    r"(?:[\s,]*\b(?:at|in|on|for|among|from|of|with|within|where|when|whose|the|a|an|only|just|all|is|are|being|images?|pictures?|photos?|cases?|scans?|ones?|who|that|and)\b)+\s*$",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"^[\s,]*(?:(?:ones?|images?|pictures?|photos?|cases?|scans?|patients?|people|persons?|site|sites|only|alone)\b[\s,]*)+",
    re.IGNORECASE,
)
_IS: Final = r"\s*(?:is|are|=|==|:|being|equals|called|named)?\s*"
_COMPARED: Final = re.compile(
    r"^\s*(?P<sign><=|>=|<|>|≤|≥|(?:is |are |of )?(?:at least|at most|over|above|more than|under|below|less than))\s*(?P<value>\d+(?:\.\d+)?)(?! ?%)",
    re.IGNORECASE,
)
_SIGNS: Final = {
    "≤": "<=", "≥": ">=", "at least": ">=", "at most": "<=", "over": ">", "above": ">", "more than": ">", "under": "<", "below": "<", "less than": "<",
}  # fmt: skip
_ABSENT: Final = re.compile(  # behind the name of a column
    r"\s*(?:is |are |was |were |has (?:been )?|have (?:been )?)?(?:missing|absent|blank|unknown|unrecorded|not (?:known|given|recorded|stated|noted|available|there|filled in))\b",
    re.IGNORECASE,
)
_WITHOUT: Final = re.compile(  # before the name of a column
    r"\b(?:(?:without|lacking|(?:with|have|has|had|having) no)(?: (?:an?|any|the|known|recorded|valid))*(?: (?:values?|entry|entries|record|data|information)(?: (?:of|for|in|on|about)(?: the)?)?)?|missing|unknown|unrecorded)\s*$",
    re.IGNORECASE,
)
_COMPARING: Final = re.compile(
    r"\s*(?:differences?|effects?|bias\w*|gaps?|depend\w*|influence|used|matters?)\b", re.IGNORECASE
)
#: before the name of a column, where a value is told of it
_OF: Final = re.compile(
    r"\b(?:at|from|in|on|for|with|of|where|when|whose|if|(?:is|are) there)(?: (?:the|an?|any|our|all|only|images?|pictures?|photos?|people|patients?))*\s*$",
    re.IGNORECASE,
)
_WHERE: Final = re.compile(r"\b(?:where|when|whose|if)(?: (?:the|an?|our))*\s*$", re.IGNORECASE)
_TOLD: Final = re.compile(
    r"\s*(?P<sign>==?|:|(?:is|are|equals|called|named)\b)?\s*(?P<quote>[\"“'‘])?(?P<value>[^\W_][\w.-]*(?<=\w)(?: [A-ZÄÖÜ0-9][\w-]*)*)"
)
_NO_VALUE_TEXT: Final = (
    "a about again all alone also always an and any are as at available be bad better but by case cases changed considered data did different "
    "difference differences do does each either else ever every for from given go good group groups has have held how image images important in "
    "information instead involved is it its just kept known large least left less level levels like low high lower higher made matters metadata "
    "missing more most much never no none not now of off on one ones only or other others our out over patients people per photos pictures please "
    "present recorded same scans shown small stated than that the then there these they this those to together too under unknown up used usually "
    "value values very was we well were what when where which while who why with within without worse wrong you"
)
_NO_VALUE: Final = frozenset(_NO_VALUE_TEXT.split())
_EACH: Final = re.compile(
    r"\b(?:each|every|per|by|across|between|among|over|all|different|various|which|any)\b(?: (?:of )?(?:the|all|our|my|its|\w+ent))*\s*$",
    re.IGNORECASE,
)
_HAVING: Final = re.compile(
    r"\b(?:with|without|having|showing|containing|no|lacking|that have|that has|where there (?:is|are))(?: (?:an?|any|the|some))?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Group:
    """The images that a sentence speaks of.

    Attributes:
        conditions: all that must hold: ``site=Süd``, ``age>70``.
        each: column → its values that are set beside each other: ``at Ost and Süd``, ``for men and women``, ``at each site``.
        unsure: words of the sentence that name a group which no column, or more than one, tells.
        people: whether a part of it was said in words for people, which are no names of the case.
        spans: where all of that stands in the sentence, first and last character.
        looked: whether it was told by how pictures look, which is read by a column or by a measured quality.
    """

    conditions: tuple[str, ...] = ()
    each: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()
    people: bool = False
    spans: tuple[tuple[int, int], ...] = ()
    looked: bool = False

    def __bool__(self) -> bool:
        return bool(self.conditions or self.each or self.unsure)


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    conditions: tuple[str, ...]
    people: bool = False
    each: str = ""


def group_of(mentions: Mentions, columns: Mapping[str, Sequence[str]]) -> Group:
    """The group in a sentence; an empty one (False) where it names none.

    Args:
        mentions: the names of the case in the sentence.
        columns: attribute → its values as they are shown, none listed for numbers.
    """
    parts = _named(mentions, columns)
    taken = [(m.start, m.end) for m in mentions.found if m.role in ("class", "value", "object", "image")]
    told_here = [
        m for m in mentions.found if m.told
    ]  # of a column by name: ``hours from 8 to 12`` are no ages
    spoken = [
        t
        for t in people(mentions.sentence, columns, taken)
        if not any(m.start < t.end and t.start < m.end for m in told_here)
    ]
    parts = [p for p in parts if not any(t.start < p.end and p.start < t.end for t in spoken if t.conditions)]
    parts += [
        _Part(t.start, t.end, t.conditions, True)
        for t in spoken
        if not any(p.start < t.end and t.start < p.end for p in parts)
    ]
    parts += [_Part(t.start, t.end, ()) for t in strange_values(mentions, columns)]
    parts.sort(key=lambda p: p.start)
    if not parts:
        return Group()
    unsure = tuple(
        mentions.sentence[p.start : p.end].strip() for p in parts if not p.conditions and not p.each
    )
    numbers = runs(mentions.sentence, [(p.start, p.end) for p in parts], [any(c.endswith(("=yes", "=no")) for c in p.conditions) for p in parts])  # fmt: skip
    told_ = [(c, n) for p, n in zip(parts, numbers, strict=True) for c in p.conditions]
    held = resolved([c for c, _ in told_], [n for _, n in told_])
    parts = [replace(p, start=start_of(mentions.sentence, p.start)) if n else p for p, n in zip(parts, numbers, strict=True)]  # fmt: skip
    each = {p.each: tuple(columns.get(p.each, ())) for p in parts if p.each}
    by_column: dict[str, list[str]] = {}
    for one in held:
        name, sign, value = split(one)
        if sign == "=":
            by_column.setdefault(name, []).append(value)
    each |= {name: tuple(values) for name, values in by_column.items() if len(values) > 1}
    conditions = tuple(c for c in held if split(c)[0] not in each or split(c)[1] != "=")
    spans = tuple((p.start, p.end) for p in parts)
    return Group(conditions, each, unsure, any(p.people and p.conditions for p in parts), spans)


def without_group(sentence: str, group: Group) -> str:
    """The sentence without the words that name its group, for whoever reads the rest of it."""
    for start, end in sorted(group.spans, reverse=True):
        before = _BEFORE.search(sentence[:start])
        after = _AFTER.match(sentence[end:])
        first = before.start() if before else start
        last = end + (after.end() if after else 0)
        sentence = f"{sentence[:first]} {sentence[last:]}"
    return " ".join(sentence.split()).strip(" ,;:")


def told(group: Group) -> list[str]:
    """The group as people read it: ``site Süd``, ``age > 70``, ``each site``."""
    made = list[str]()
    for one in group.conditions:
        name, sign, value = split(one)
        if not sign:
            made.extend(map(in_words, parse_filters([one])))
            continue
        either = value.replace("|", " or ")
        made.append(f"{_spoken(name)} {either}" if sign == "=" else f"{_spoken(name)} {sign} {either}")
    return [*made, *(f"each {_spoken(name)}" for name in group.each), *group.unsure]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _named(mentions: Mentions, columns: Mapping[str, Sequence[str]]) -> list[_Part]:
    """Groups by names of the case: values, columns with a value or a number behind them, things that images show."""
    text = mentions.sentence
    made = _written(text, columns)
    used: set[int] = {i for part in made for i in range(part.start, part.end)}
    attributes = [m for m in mentions.found if m.role == "attribute"]
    for one in attributes:
        part = _behind(text, one, columns) if one.start not in used else None
        if part is not None:
            made.append(part)
            used |= set(range(part.start, part.end))
    for one in mentions.found:
        if one.role == "object" and _HAVING.search(text[: one.start]):
            had = _HAVING.search(text[: one.start])
            made.append(_Part(had.start() if had else one.start, one.end, (condition(mentions, one),)))
        elif one.told and one.start not in used:
            made.append(_Part(one.start, one.end, (one.name,)))
        elif one.role == "value" and one.start not in used:
            made.append(_value(text, one, attributes, columns))
    made += [
        p for one in attributes if one.start not in used and (p := _each(text, one, columns)) is not None
    ]
    return made


def _behind(text: str, one: Mention, columns: Mapping[str, Sequence[str]]) -> _Part | None:
    """``age over 70``, ``site A``, ``sex F``: a column with a number or a value behind it that tells nothing alone."""
    rest = text[one.end :]
    compared = _COMPARED.match(rest)
    if compared is not None and are_numbers(columns.get(one.name, ())):
        sign = compared["sign"].lower().removeprefix("is ").removeprefix("are ").removeprefix("of ")
        held = f"{one.name}{_SIGNS.get(sign, sign)}{compared['value']}"
        return _Part(one.start, one.end + compared.end(), (held,))
    for value in sorted(columns.get(one.name, ()), key=len, reverse=True):
        spoken = re.escape(value.replace("_", " ")).replace(r"\ ", r"[ _-]")
        found = re.match(rf"{_IS}(?P<value>{spoken})(?!\w)", rest, re.IGNORECASE) if value.strip() else None
        if found is not None:
            told_as = spelled(columns[one.name], value, found["value"])
            return _Part(one.start, one.end + found.end(), (f"{one.name}={told_as}",))
    absent = _ABSENT.match(rest)
    without = _WITHOUT.search(text[: one.start])
    things = {"yes", "no"} & {
        v.casefold() for v in columns.get(one.name, ())
    }  # a thing that is missing is not there
    if absent is not None and not things:
        return _Part(one.start, one.end + absent.end(), (f"{one.name}=missing",))
    if without is not None and not things and not _COMPARING.match(rest):
        return _Part(without.start(), one.end, (f"{one.name}=missing",))
    return None


@dataclass(frozen=True, slots=True)
class Strange:
    """A value that a sentence tells of a column and that the column has not: ``at site Mars``."""

    column: str
    value: str
    start: int
    end: int


def strange_values(mentions: Mentions, columns: Mapping[str, Sequence[str]]) -> list[Strange]:
    """The values that a sentence tells of columns of text and that these have not.

    Args:
        mentions: the names of the case in the sentence.
        columns: attribute → its values as they are shown, none listed for numbers.
    """
    text, made = mentions.sentence, list[Strange]()
    taken = [(m.start, m.end) for m in mentions.found]
    for one in (m for m in mentions.found if m.role == "attribute"):
        found = _TOLD.match(text, one.end)
        values = columns.get(one.name, ())
        if found is None or (are_numbers(values) and not _is_other_numeral(found["value"], values)):
            continue
        if _behind(text, one, columns) is not None or not _tells(text, one, found):
            continue
        start, end = found.span("value")
        if not any(a < end and start < b for a, b in taken):
            made.append(Strange(one.name, found["value"], one.start, end))
    return [*made, *_typed(text, columns)]


def _is_other_numeral(typed: str, values: Sequence[str]) -> bool:
    """Whether a whole number is told where a column has few and not this one: ``line 9`` of three lines."""
    return bool(values) and typed.isdecimal() and typed not in values


def _typed(text: str, columns: Mapping[str, Sequence[str]]) -> list[Strange]:
    """``site=Mars``, which is one word to whoever looks for names."""
    made = []
    for name, values in columns.items():
        if are_numbers(values) and not values:
            continue
        spoken = re.escape(name.replace("_", " ")).replace(r"\ ", r"[ _]")
        for found in re.finditer(rf"(?<!\w){spoken}==?(?P<value>\w[\w.-]*)", text, re.IGNORECASE):
            key = words_of(found["value"])
            known = [words_of(str(v)) for v in values]
            if are_numbers(values) and not _is_other_numeral(found["value"], values):
                continue
            if key and key != ("missing",) and not any(key == one[: len(key)] for one in known):
                made.append(Strange(name, found["value"], found.start(), found.end()))
    return made


def _tells(text: str, one: Mention, found: re.Match[str]) -> bool:
    """Whether what stands behind a column is told as its value."""
    value, sign = found["value"], (found["sign"] or "").lower()
    if value.split()[0].casefold() in _NO_VALUE:
        return False
    if sign in ("=", "=="):
        return True
    if sign:
        return _WHERE.search(text[: one.start]) is not None
    if _OF.search(text[: one.start]) is None or not text[one.end : one.end + 1].isspace():
        return False
    last = re.match(r"[\"”'’]?\W*$", text[found.end() :]) is not None
    return bool(found["quote"]) or value[0].isupper() or any(c.isdigit() for c in value) or last


def _value(
    text: str, one: Mention, attributes: Sequence[Mention], columns: Mapping[str, Sequence[str]]
) -> _Part:
    """A bare value, of the column that is named beside it or of the one column that has it; of none where several have it."""
    value = one.name.partition("=")[2]
    key = words_of(value)
    owners = [n for n, values in columns.items() if any(words_of(str(v)) == key for v in values)]
    beside = [m for m in attributes if m.name in owners]
    near = next((m for m in beside if m.end == one.start - 1 or m.start == one.end + 1), None)
    start, end = (min(near.start, one.start), max(near.end, one.end)) if near else (one.start, one.end)
    typed = text[one.start : one.end]
    if len(owners) < 2:
        name = one.name.partition("=")[0]
        return _Part(start, end, (f"{name}={spelled(columns.get(name, ()), value, typed)}",))
    owner = (near or (beside[0] if len(beside) == 1 else None)) if beside else None
    if owner is None:
        return _Part(start, end, ())
    own = next(str(v) for v in columns[owner.name] if words_of(str(v)) == key)
    return _Part(start, end, (f"{owner.name}={spelled(columns[owner.name], own, typed)}",))


def spelled(values: Sequence[str], value: str, typed: str) -> str:
    """The value that was typed as it stands in its column; ``Nacht|nacht`` where several spellings are meant.

    Args:
        values: of the column.
        value: one that has the words of what was typed.
        typed: what stands in the sentence: a spelling of the column is that one and no other.
    """
    key = words_of(value)
    alike = [str(v) for v in values if words_of(str(v)) == key]
    if len(alike) < 2 or typed.strip() in alike:
        return typed.strip() if typed.strip() in alike else value
    return "|".join(alike)


def _written(text: str, columns: Mapping[str, Sequence[str]]) -> list[_Part]:
    """``Licht=Nacht``: a condition as the program writes it, which is one word to whoever looks for names."""
    made = list[_Part]()
    for name, values in columns.items():
        spoken = re.escape(name.replace("_", " ")).replace(r"\ ", r"[ _]")
        for found in re.finditer(rf"(?<!\w){spoken}\s*==?\s*", text, re.IGNORECASE):
            rest = text[found.end() :]
            known = [
                v
                for v in map(str, values)
                if v.strip() and re.match(rf"{re.escape(v)}(?!\w)", rest, re.IGNORECASE)
            ]
            if known:
                value = max(known, key=len)
                told_as = spelled(values, value, rest[: len(value)])
                made.append(_Part(found.start(), found.end() + len(value), (f"{name}={told_as}",)))
    return made


def _each(text: str, one: Mention, columns: Mapping[str, Sequence[str]]) -> _Part | None:
    """``at each site``, ``per site``, ``across the sites``."""
    before = _EACH.search(text[: one.start])
    return _Part(before.start(), one.end, (), False, one.name) if before is not None else None
