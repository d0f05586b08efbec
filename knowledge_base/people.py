"""Words for people as conditions on columns of sex and age: ``women over 70`` is ``sex=F`` and ``age>70``.

A column counts as one of sex by its name or its values, as one of age by its name and by numbers in it. Without such a column the
words are told apart, so that it can be said that they were left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.vocabulary import words_of

_SEX_NAMES: Final = frozenset(["sex", "gender", "geschlecht", "sexe", "genre", "sexo", "genero"])
_AGE_NAMES: Final = frozenset(["age", "alter", "lebensalter", "edad", "eta"])
_FEMALE: Final = frozenset(
    ["f", "female", "w", "woman", "women", "weiblich", "frau", "femme", "feminin", "mujer"]
)
_MALE: Final = frozenset(
    ["m", "male", "man", "men", "mannlich", "maennlich", "mann", "homme", "masculin", "hombre"]
)
_WOMEN: Final = re.compile(r"\b(?:women|woman|females?|female patients|ladies)\b", re.IGNORECASE)
_MEN: Final = re.compile(r"\b(?:men|man|males?|male patients|gentlemen)\b", re.IGNORECASE)
_N: Final = r"(\d{1,3})"
_YEARS: Final = r"(?:[ -]?(?:years?|yrs?|y)(?:[ -]?(?:olds?|of age))?)?"
_WHO: Final = r"(?:women|men|woman|man|females?|males?|patients?|people|persons?|adults|those|everyone|everybody|anyone|anybody|subjects?|users|citizens)"
#: words → how an age is compared; ``{}`` stands for the number
_AGES: Final = (
    (re.compile(rf"\b(?:older than|aged? (?:over|above|more than)|{_WHO} (?:who are |that are |aged |of )?(?:over|above|more than)(?: the age of)?) {_N}{_YEARS}\b(?! ?%)", re.IGNORECASE), ">"),
    (re.compile(rf"\b(?:younger than|aged? (?:under|below|less than)|{_WHO} (?:who are |that are |aged |of )?(?:under|below|less than)(?: the age of)?) {_N}{_YEARS}\b(?! ?%)", re.IGNORECASE), "<"),
    (re.compile(rf"\b(?:aged? |over the age of )?{_N}{_YEARS} (?:and|or) (?:older|over|above|more)\b|\b{_N}\+(?= |[.,?!]|$)", re.IGNORECASE), ">="),
    (re.compile(rf"\b(?:aged? )?{_N}{_YEARS} (?:and|or) (?:younger|under|below)\b", re.IGNORECASE), "<="),
    (re.compile(rf"\b(?:over|above) (?:the age of )?{_N}(?= ?(?:years?|yrs?|year.olds?)\b)", re.IGNORECASE), ">"),
    (re.compile(rf"\b(?:under|below) (?:the age of )?{_N}(?= ?(?:years?|yrs?|year.olds?)\b)", re.IGNORECASE), "<"),
    (re.compile(r"\bunder[ -](\d{1,2})s\b|\bunder[ -](12|14|16|18|21)(?=[\s.?!]*$| (?:at|in|with|who|and|or)\b)", re.IGNORECASE), "<"),
    (re.compile(rf"\bover[ -]{_N}s\b", re.IGNORECASE), ">"),
)  # fmt: skip
_BETWEEN: Final = re.compile(
    rf"\b(?:aged|between|from)(?: the ages of)? {_N} (?:and|to|-|–) {_N}{_YEARS}\b(?! ?%)", re.IGNORECASE
)
_AGED: Final = (
    (re.compile(r"\b(?:children|kids|minors|child)\b", re.IGNORECASE), ("<18",)),
    (re.compile(r"\b(?:teenagers|adolescents|teens)\b", re.IGNORECASE), (">=13", "<20")),
    (re.compile(r"\b(?:adults|grown-?ups)\b", re.IGNORECASE), (">=18",)),
    (re.compile(r"\b(?:the elderly|elderly(?: \w+)?|seniors|old people|older people|older patients)\b", re.IGNORECASE), (">=65",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """What one word for people says: its place in the sentence and its conditions, none where no column tells it."""

    start: int
    end: int
    conditions: tuple[str, ...]


def people(
    sentence: str, columns: Mapping[str, Sequence[str]], taken: Sequence[tuple[int, int]] = ()
) -> list[Told]:
    """The words for sexes and ages in a sentence, in order.

    Args:
        columns: attribute → its values, none listed for numbers.
        taken: places of the sentence that are names of the case and are read as those.
    """
    made: list[Told] = []
    sex = _sex_column(columns)
    for pattern, values in ((_WOMEN, _FEMALE), (_MEN, _MALE)):
        for m in pattern.finditer(sentence):
            value = next((v for v in columns[sex] if fold(v).strip() in values), None) if sex else None
            made.append(Told(m.start(), m.end(), (f"{sex}={value}",) if value is not None else ()))
    age = _age_column(columns)
    made += _ages(sentence, age)
    inside = [t for t in made if not any(a <= t.start and t.end <= b for a, b in taken)]
    return sorted(_apart(inside), key=lambda t: t.start)


def _ages(sentence: str, age: str | None) -> list[Told]:
    made = [
        Told(m.start(), m.end(), (f"{age}>={m[1]}", f"{age}<={m[2]}") if age else ())
        for m in _BETWEEN.finditer(sentence)
        if age or re.match(r"aged", m[0], re.IGNORECASE)
    ]
    for pattern, sign in _AGES:
        for m in pattern.finditer(sentence):
            if not any(t.start < m.end() and m.start() < t.end for t in made):
                number = next(g for g in m.groups() if g)
                made.append(Told(m.start(), m.end(), (f"{age}{sign}{number}",) if age else ()))
    for pattern, signs in _AGED:
        made += [
            Told(m.start(), m.end(), tuple(f"{age}{s}" for s in signs) if age else ())
            for m in pattern.finditer(sentence)
        ]
    return made


def _apart(told: Sequence[Told]) -> list[Told]:
    """``women over 70`` is read as a sex and as an age: words of a sex keep their place, the age has the rest."""
    made = []
    for one in told:
        inner = next((t for t in told if t is not one and one.start <= t.start and t.end < one.end), None)
        made.append(Told(inner.end, one.end, one.conditions) if inner is not None else one)
    return made


def is_sex(name: str, values: Sequence[str]) -> bool:
    """Whether a column tells the sex: by its name, or as its values are words for it."""
    folded = {fold(v).strip() for v in values}
    both = bool(folded & _FEMALE) and bool(folded & _MALE)
    return both and (bool(set(words_of(name)) & _SEX_NAMES) or bool(folded & {"female", "women", "weiblich"}))


def _sex_column(columns: Mapping[str, Sequence[str]]) -> str | None:
    return next((name for name, values in columns.items() if is_sex(name, values)), None)


def _age_column(columns: Mapping[str, Sequence[str]]) -> str | None:
    """The column of ages: numbers, or (where gaps are written as words) texts most of which are numbers."""
    return next((name for name, values in columns.items() if is_age(name) and are_numbers(values)), None)


def is_age(name: str) -> bool:
    """Whether a column is called as ages are."""
    return bool(set(words_of(name)) & _AGE_NAMES)


def are_numbers(values: Sequence[str]) -> bool:
    """Whether a column is one of numbers: none of its values is listed, or most of those that are listed are numbers."""
    return sum(map(_is_number, values)) >= len(values) / 2


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*-?\d{1,9}(?:[.,]\d+)?\s*", text) is not None
