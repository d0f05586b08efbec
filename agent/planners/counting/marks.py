"""The marks of a sentence that counts: names of the case as conditions, what is right or wrong, splits, words that deny.

Pure functions of the sentence and the names in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from failsight.agent.planners.counting import words as w
from failsight.agent.planners.looking import LOOKS
from failsight.agent.planners.slots import SPLIT_WORDS
from failsight.knowledge_base.condition_text import denied as denied
from failsight.knowledge_base.condition_text import parts as parts
from failsight.knowledge_base.groups import group_of
from failsight.knowledge_base.people import are_numbers, people
from failsight.knowledge_base.turned_away import left_over, runs, start_of
from failsight.knowledge_base.vocabulary import Mention, Mentions, words_of

Columns = Mapping[str, Sequence[str]]
Look = Callable[[str, bool], str | None]
TRUE, PREDICTED = "true", "predicted"
OUTCOMES: Final = ("wrong", "correct")
_CALLED: Final = re.compile(r"\b(?:called|taken for)\b", re.IGNORECASE)


class Mark(NamedTuple):
    """A piece of the sentence that is understood: where it stands, its kind and what it says."""

    start: int
    end: int
    kind: str
    value: str = ""


def marks_of(mentions: Mentions, columns: Columns, look: Look, more: Sequence[Mark]) -> list[Mark]:
    """All marks of a sentence, in order; none of them lies over another."""
    text = mentions.sentence
    taken: list[Mark] = list(more)

    def free(start: int, end: int) -> bool:
        return not any(m.start < end and start < m.end for m in taken)

    def add(kind: str, pattern: re.Pattern[str], value: str = "") -> None:
        taken.extend(Mark(*f.span(), kind, value) for f in pattern.finditer(text) if free(*f.span()))

    taken += _both(mentions)
    for made in _names(mentions, columns):
        taken += [made] if free(made.start, made.end) else []
    for found, said in _confidence(text):
        if free(*found.span()):
            taken.append(Mark(*found.span(), "condition", said))
    for pattern, outcome in w.RATES:
        add("rate", pattern, outcome)
    add("rate", w.FOR_SOME, "correct")
    add("only", w.ONLY_ANSWERS)
    add("by", w.BY_CLASS, TRUE)
    add("many", w.HOW_MANY)
    add("share", w.SHARE)
    add("called", w.CALLED)
    add("there", w.THERE)
    add("outcome", w.WRONG, "wrong")
    add("outcome", w.RIGHT, "correct")
    add("out", w.WITHOUT)
    add("gets", w.GETS)
    for pattern in w.THOSE:
        add("those", pattern)
    add("any", w.ANY)
    add("versus", w.VERSUS)
    add("differs", w.DIFFERS)
    add("no", w.NO)
    add("split", SPLIT_WORDS)
    for pattern, measure, low in LOOKS:
        for found in pattern.finditer(text):
            looked = look(measure, low) if free(*found.span()) else None
            if looked is not None:
                taken.append(Mark(*found.span(), "condition", looked))
    return _left_out(text, sorted(taken))


def _left_out(text: str, marks: Sequence[Mark]) -> list[Mark]:
    """Names that are turned away together (``except line 3 at night``) as one condition: all images but those that meet them all."""
    names = [m for m in marks if m.kind in ("class", "condition") and not m.value.startswith("confidence")]
    held = [f"{TRUE}={m.value}" if m.kind == "class" else m.value for m in names]
    numbers = runs(text, [(m.start, m.end) for m in names], [parts(c)[2] in ("yes", "no") for c in held])
    made = list(marks)
    for number in {n for n in numbers if n and numbers.count(n) > 1}:
        inside = [i for i, n in enumerate(numbers) if n == number]
        start, end = start_of(text, names[inside[0]].start), names[inside[-1]].end
        called = [PREDICTED + c.removeprefix(TRUE) if i and names[i].kind == "class" and _CALLED.search(text[names[i - 1].end : names[i].start]) else c for i, c in enumerate(held)]  # fmt: skip
        made = [m for m in made if not (m.start < end and start < m.end)]
        made.append(Mark(start, end, "condition", left_over([called[i] for i in inside])))
    return sorted(made)


def _both(mentions: Mentions) -> list[Mark]:
    """``with and without a television``: by the column of what stands behind it."""
    made = []
    for found in w.WITH_AND_WITHOUT.finditer(mentions.sentence):
        one = next((m for m in mentions.found if m.start >= found.end()), None)
        if one is not None and one.role in ("object", "attribute", "value"):
            made.append(Mark(found.start(), one.end, "by", parts(one.name)[0]))
    return made


def _names(mentions: Mentions, columns: Columns) -> Iterator[Mark]:
    """Names of the case as conditions; a class that a number stands before, or that ``number of`` does, as the column of that name."""
    text = mentions.sentence
    attributes = [m for m in mentions.found if m.role == "attribute"]
    first = (
        "value",
        "attribute",
    )  # what a column says of an image goes before a thing that is called as its value is
    for one in sorted(mentions.found, key=lambda m: first.index(m.role) if m.role in first else len(first)):
        column = one.name if one.role == "attribute" else _column_of(one, columns)
        counted = _numbered(text, one, columns, column) if column else None
        if one.told:
            yield Mark(one.start, one.end, "condition", one.name)
        elif counted is not None:
            yield counted
        elif one.role == "class":
            yield Mark(one.start, one.end, "class", one.name)
        elif one.role == "object":
            yield Mark(one.start, one.end, "condition", f"{one.name}=yes")
        elif one.role == "value":
            yield from _grouped(mentions, [one, *attributes], columns, one)
        elif one.role == "attribute":
            yield from _attribute(mentions, one, columns)
    taken = [(m.start, m.end) for m in mentions.found]
    for told in people(text, columns, taken):
        for condition in told.conditions:
            yield Mark(told.start, told.end, "condition", condition)


def _attribute(mentions: Mentions, one: Mention, columns: Columns) -> Iterator[Mark]:
    text = mentions.sentence
    if (before := w.BY.search(text[: one.start])) is not None:
        yield Mark(before.start(), one.end, "by", one.name)
        return
    made = list(_grouped(mentions, [one], columns, one))
    if made:
        yield from made
    elif {v.casefold() for v in columns.get(one.name, ())} & {"yes"}:
        yield Mark(one.start, one.end, "condition", f"{one.name}=yes")
    elif any(
        one.end <= m.start and m.role == "value" and parts(m.name)[0] == one.name for m in mentions.found
    ):
        yield Mark(one.start, one.end, "column", one.name)
    else:
        listed = _listed(text, one, columns)
        yield from listed or [Mark(one.start, one.end, "attribute", one.name)]


def _listed(text: str, one: Mention, columns: Columns) -> list[Mark]:
    """``annotator A, B and C``: the values that stand behind the name of their column."""
    made: list[Mark] = []
    at = one.end
    values = sorted((str(v) for v in columns.get(one.name, ())), key=len, reverse=True)
    while values:
        found = re.match(
            rf"(?:\s|,|\band\b|\bor\b|&|{re.escape(one.name)})*(?<!\w)(?P<v>{'|'.join(map(re.escape, values))})(?!\w)", text[at:], re.IGNORECASE
        )  # fmt: skip
        if found is None:
            break
        own = next(v for v in values if v.casefold() == found["v"].casefold())
        made.append(Mark(at if made else one.start, at + found.end(), "condition", f"{one.name}={own}"))
        at += found.end()
    return made


def _grouped(mentions: Mentions, found: Sequence[Mention], columns: Columns, one: Mention) -> Iterator[Mark]:
    """What a value, or a column with a value behind it, says of the images."""
    if one.role == "attribute" and len(listed := _listed(mentions.sentence, one, columns)) > 1:
        yield from listed
        return
    text = _with_run_open(mentions, one)
    group = group_of(replace(mentions, sentence=text, found=tuple(found)), columns)
    for (start, end), condition in zip(group.spans, group.conditions, strict=False):
        if start < one.end and one.start < end:
            yield Mark(min(start, one.start), max(end, one.end), "condition", condition)


def _with_run_open(mentions: Mentions, one: Mention) -> str:
    """The sentence without the word that turns ``one`` away together with others (``leave foggy days in May out``): one condition is made of
    them all, of which none alone is left out."""
    text = mentions.sentence
    some = [m for m in mentions.found if m.role in ("class", "value", "object")]
    numbers = runs(text, [_with_column(mentions, m) for m in some])
    number = next((n for m, n in zip(some, numbers, strict=True) if m == one), 0)
    start = start_of(text, one.start)
    if not number or numbers.count(number) < 2 or start == one.start:
        return text
    return f"{text[:start]}{' ' * (one.start - start)}{text[one.start :]}"


def _with_column(mentions: Mentions, one: Mention) -> tuple[int, int]:
    """Where a value stands with the name of its column right beside it: ``old cameras``."""
    name = parts(one.name)[0] if one.role == "value" else ""
    near = [m for m in mentions.found if name and m.role == "attribute" and m.name == name and (m.start == one.end + 1 or m.end == one.start - 1)]  # fmt: skip
    return min(m.start for m in (one, *near)), max(m.end for m in (one, *near))


def _column_of(one: Mention, columns: Columns) -> str:
    """The column of numbers that is called as a class or a thing is."""
    key = words_of(one.name)
    return next((c for c, v in columns.items() if words_of(c) == key and are_numbers(v)), "")


def _numbered(text: str, one: Mention, columns: Columns, column: str) -> Mark | None:
    """``four or more bedrooms``, ``at least 3 bathrooms``, ``with 1 bathroom``, ``number of bedrooms``."""
    if columns.get(column) and not are_numbers(columns[column]):
        return None
    before = text[: one.start]
    found = re.search(
        rf"(?:(?P<op>at least|at most|more than|fewer than|less than|over|under|exactly|only|up to) )?(?P<n>{w.NUMBER})(?P<more>\+| or more| and more| or (?:fewer|less))? $",
        before, re.IGNORECASE,
    )  # fmt: skip
    if found is not None:
        typed = found["n"].lower().replace(",", ".")
        more = (found["more"] or "").strip().lower()
        sign = w.OPS.get((found["op"] or "").lower(), "=")
        sign = "<=" if more.endswith(("fewer", "less")) else ">=" if more else sign
        return Mark(found.start(), one.end, "condition", f"{column}{sign}{w.NUMBERS.get(typed, typed)}")
    named = re.search(r"\b(?:by )?(?:the )?(?:number|amount|count) of (?:the )?$", before, re.IGNORECASE)
    if named is not None and not re.match(r"\W*(?:images|pictures|photos)", text[one.end :], re.IGNORECASE):
        return Mark(named.start(), one.end, "by", column)
    return None


def _confidence(text: str) -> Iterator[tuple[re.Match[str], str]]:
    for pattern in w.CONFIDENCE:
        for found in pattern.finditer(text):
            value = float(found["na"].replace(",", "."))
            value = value / 100 if found["pa"] or value > 1 else value
            sign = w.OPS.get((found["opa"] or "").lower(), found["opa"] or ">=")
            if 0 <= value <= 1:
                yield found, f"confidence{sign}{value:g}"
