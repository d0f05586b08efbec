"""The rates of medicine and inspection in the words of the criteria: ``sensitivity`` is the recall of the class that is looked for.

Where a class is named, a rate is of it; where a case has two classes and none is named, it is of the one whose name tells that it is
looked for (:mod:`failsight.knowledge_base.two_classes`). What no criterion measures is said not to be there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from failsight.knowledge_base.two_classes import other, part_of_positive, positive
from failsight.tools.text import clean


class Rate(NamedTuple):
    """What a rate is in terms of the criteria: ``measure`` of the class itself (``own``) or of the other one, or one minus that."""

    measure: str
    own: bool
    rest: bool  # one minus the measure: less is better
    shown: str


#: words → rate; the longer ones first, as ``true positive rate`` holds ``positive rate``
_RATES: Final = (
    (r"sensitivit(?:y|ies)|true[ -]positive[ -]rates?|tpr|detection[ -]rates?|hit[ -]rates?", Rate("recall", True, False, "sensitivity")),
    (r"specificit(?:y|ies)|true[ -]negative[ -]rates?|tnr|selectivity", Rate("recall", False, False, "specificity")),
    (r"ppv|positive[ -]predictive[ -]values?", Rate("precision", True, False, "positive predictive value")),
    (r"npv|negative[ -]predictive[ -]values?", Rate("precision", False, False, "negative predictive value")),
    (r"miss(?:ed)?[ -]rates?|rates? of misses|false[ -]negative[ -]rates?|fnr", Rate("recall", True, True, "miss rate")),
    (r"false[ -]alarm[ -]rates?|rates? of false alarms|false[ -]positive[ -]rates?|fpr|fall-?out", Rate("recall", False, True, "false alarm rate")),
)  # fmt: skip
WORDS: Final = "|".join(words for words, _ in _RATES)
"""All words for a rate, as a pattern."""
_ANY: Final = re.compile(rf"\b(?:{WORDS})\b", re.IGNORECASE)
_AND: Final = r"\s*(?:,|and|&|as well as|,\s*and)\s*(?:the |a )?"
_SEVERAL: Final = re.compile(rf"(?:{_ANY.pattern})(?:{_AND}(?:{_ANY.pattern}))+", re.IGNORECASE)
_OF: Final = r"(?:\s*\b(?:of|for|on|in)\b(?:\s+(?:the|an?|all|class))*\s*|\s*\.\s*|\s*:\s*)"
#: who or what is counted: it adds nothing, but that people were named and pictures are counted is said
_PEOPLE: Final = re.compile(
    r"\s*\b(?:for|of|among|over|in)(?: all| the| our)* (?P<who>patients|people|persons|cases|subjects|women and men|men and women|users|individuals)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Read:
    """A clause in the words of the criteria.

    Attributes:
        text: the clause, the rate replaced; empty where it can't be said so.
        rest: the bound is on one minus the measure: it has to be turned round.
        heard: how the words were taken, one sentence for the person who said them.
        doubt: what to ask or to say instead where ``text`` is empty.
    """

    text: str = ""
    rest: bool = False
    heard: str = ""
    doubt: str = ""


def named(text: str) -> list[Rate]:
    """The rates that a sentence names, in order."""
    return [_rate(m[0]) for m in _ANY.finditer(text)]


def apart(text: str) -> list[str]:
    """``sensitivity and specificity at least 90 %`` as one clause a rate; the clause itself where it names one or none."""
    found = _SEVERAL.search(text)
    if found is None:
        return [text]
    return [f"{text[: found.start()]}{m[0]}{text[found.end() :]}" for m in _ANY.finditer(found[0])]


def read(text: str, classes: Sequence[str]) -> Read | None:
    """``text`` with its rate in the words of the criteria; None where it names no rate, or several.

    Args:
        text: one clause with one bound, or a name with a bound (``sensitivity>=0.9``).
        classes: of the case.
    """
    text = _as_rate(text)
    found = list(_ANY.finditer(text))
    if len(found) != 1:
        return None
    term, rate = found[0], _rate(found[0][0])
    people = _PEOPLE.search(text, term.end())
    counted = f" Pictures are counted, not {people['who'].lower()}." if people else ""
    text = f"{text[: people.start()]}{text[people.end() :]}" if people else text
    spoken = _class_in(text, classes)
    name = spoken[0] if spoken else positive(classes)
    if name is None:
        return Read(doubt=_which(rate, term[0], classes))
    target = name if rate.own else other(classes, name)
    if target is None:
        return Read(doubt=_not_there(rate, name))
    at = (term.start(), term.end())
    by_name = spoken is not None and _class_by_name(text[spoken[1] : spoken[2]], target)
    if by_name:  # the class is named already, and perhaps further ones
        made = _replaced(text, [(*at, rate.measure)])
    else:
        measured = (*at, f"{rate.measure} of {target.replace('_', ' ')}")
        gone = [_place(text, spoken[1], spoken[2], at)] if spoken else []
        made = _replaced(text, [measured, *gone])
    minus = "one minus " if rate.rest else ""
    typed = term[0].upper() if len(term[0]) < 4 else term[0].lower()
    of = "the class" if by_name else clean(target, 60)
    return Read(made, rate.rest, f"The {typed} is {minus}the {rate.measure} of {of}.{counted}")


def _class_by_name(typed: str, name: str) -> bool:
    """Whether a class is named by its own name, and not by a word for what is looked for."""
    return typed.replace("_", " ").casefold().startswith(name.replace("_", " ").casefold())


def _place(text: str, start: int, end: int, term: tuple[int, int]) -> tuple[int, int, str]:
    """Where a class that was named stands, with the ``of the`` before it: it is named again beside the measure."""
    before = re.search(_OF + r"$", text[:start], re.IGNORECASE)
    first = before.start() if before else start
    return (max(first, term[1]) if term[0] < start else first), end, " "


def _replaced(text: str, parts: Sequence[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(parts, reverse=True):
        text = f"{text[:start]}{new}{text[end:]}"
    return text


_MISSES: Final = re.compile(
    r"^(?:(?:it|the model|we) )?(?:(?:must|may|should|can|has to) )?miss(?:es)? (?P<bound>\D*\d+(?:[.,]\d+)? ?(?:%|percent|per cent)?) (?:of )?(?:all |the )*(?P<name>\D+?)\W*$",
    re.IGNORECASE,
)
_SHARE: Final = re.compile(
    r"^(?P<bound>\D*\d+(?:[.,]\d+)? ?(?:%|percent|per cent)?) of (?:all |the )*(?P<name>\D+?) (?:may|must|should|can|have to|has to|need to|are to) (?:be|get) "
    r"(?:(?P<missed>missed|overlooked)|found|detected|recogni[sz]ed|caught)\W*$",
    re.IGNORECASE,
)


def _as_rate(text: str) -> str:
    """``miss at most 5 % of the lesions`` as ``miss rate of lesions at most 5 %``; other clauses as they are."""
    for pattern in (_MISSES, _SHARE):
        found = pattern.match(text.strip())
        if found is not None:
            missed = pattern is _MISSES or found["missed"]
            return f"{'miss rate' if missed else 'sensitivity'} of {found['name']} {found['bound']}"
    return text


def _rate(words: str) -> Rate:
    return next(rate for pattern, rate in _RATES if re.fullmatch(pattern, words, re.IGNORECASE))


def _class_in(text: str, classes: Sequence[str]) -> tuple[str, int, int] | None:
    """The class that a clause names, and where: the longest name that fits."""
    for name in sorted(classes, key=len, reverse=True):
        spoken = re.escape(name.replace("_", " ")).replace(r"\ ", r"[ _]")
        found = re.search(rf"(?<!\w){spoken}s?(?!\w)", text, re.IGNORECASE)
        if found is not None:
            return name, found.start(), found.end()
    sought = positive(classes)
    if sought is not None and (word := part_of_positive(text, classes)) is not None:
        return sought, *word
    return None


def _which(rate: Rate, typed: str, classes: Sequence[str]) -> str:
    example = clean(classes[0].replace("_", " "), 40) if classes else "CLASS"
    if len(classes) == 2:
        return (
            f"{_capital(typed)} is of one class, the one that is looked for; the names {clean(classes[0], 40)} and {clean(classes[1], 40)} do not tell which that is, so nothing was noted. "
            f"Which is it? Say for example “{rate.shown} of {example} at least 90 %”."
        )
    if not rate.own:
        return _not_there(rate, "a class")
    return (
        f"{_capital(typed)} is of one class, and there are {len(classes)}, so nothing was noted. "
        f"Which is it? Say for example “{rate.measure} of {example} at least 90 %”, or “worst recall at least 80 %” for all of them."
    )


def _not_there(rate: Rate, name: str) -> str:
    return (
        f"The {rate.shown} of {clean(name, 60)} is no measure known here where there are more than two classes, so nothing was noted. "
        f"False alarms are bounded by precision (“precision of CLASS at least 90 %”) or by one confusion (“confusion.CLASS>OTHER<=0.02”)."
    )


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].lower()}" if len(text) > 3 else text.upper()
