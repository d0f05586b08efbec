"""Numbers in running text, in digits and in words, with unit and precision; sentences and their clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from failsight.agent.grounding.lexicon import ABOUT, BOUNDS

Family = Literal["percent", "points", "plain", "ratio", "seconds"]

_UNIT = r"(?P<unit>\s?%|\s?percentage points?|\s?per ?cent\b|[\s-]?points?\b|\s?pp\b|\s?ms\b|\s?s\b(?!\w)|\s?seconds?\b|\s?minutes?\b|\s?times\b|\s?×|x\b|-fold\b)?"
_NUMBER = re.compile(
    rf"(?<![\w.,#/])(?P<sign>[-+−–±](?:(?<!^[-–])(?<!\n[-–])\s?|(?=\S)))?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)(?P<exp>e-?\d+)?(?![\d\w]*[\w=](?<![%xs])){_UNIT}"
)
_DIGIT = re.compile(r"\d")
_BRACKET = re.compile(r"[\[(][^\[\]()]*[\])]\s?(%|percentage points|points|pp)")
_COUNTS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]  # fmt: skip
_PARTS = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6, "tenth": 1 / 10}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_UNITS = "|".join(_COUNTS[1:10])
_COUNT = rf"(?:{'|'.join(_TENS)})(?:[- ](?:{_UNITS}))?|" + "|".join(_COUNTS[2:20])
_FRACTION = re.compile(r"\b(?:(?P<n>a|one|two|three|four)[ -])?(?P<part>half|thirds?|quarters?|fifths?|tenths?)\b(?! (?:that|of the images that did|had)\b)(?![- ](?:of|that) (?:the )?(?:images that|data))", re.IGNORECASE)  # fmt: skip
_EVERY = re.compile(r"\bevery (?P<m>second|other|third|fourth|fifth|tenth)\b(?= \w)", re.IGNORECASE)
_ORDINALS = {"second": 2, "other": 2, "third": 3, "fourth": 4, "fifth": 5, "tenth": 10}
_RATIO_IN = re.compile(rf"\b(?P<n>one|{_COUNT})(?: (?!of\b|is\b|are\b|in\b|out\b)[a-z_-]+){{0,3}} (?:in|out of) (?:every )?(?P<m>{_COUNT}|a hundred)\b(?! (?:slices|groups|tests|findings))", re.IGNORECASE)  # fmt: skip
_TIMES = re.compile(rf"\b(?:(?P<n>{_COUNT}) times|(?P<w>(?:twice|double|thrice|triple)(?= (?:as|the|that|its|those|of|more|what))|threefold|fourfold|fivefold|tenfold))\b", re.IGNORECASE)  # fmt: skip
_OF_HUNDRED = re.compile(
    rf"\bout of (?:every |each )?(?:a |one )?(?:hundred|100)\b[^.;\d]{{0,40}}?\b(?P<n>{_COUNT})\b",
    re.IGNORECASE,
)
_AND_A_HALF = re.compile(rf"\b(?P<n>one|{_COUNT}) and a half times\b", re.IGNORECASE)
_HALF_AS = re.compile(r"\bhalf(?= as \w+)", re.IGNORECASE)
_BIG = re.compile(rf"\b(?P<n>{_COUNT}|one|a) (?P<by>hundred|thousand)\b(?! and| \w+ hundred)", re.IGNORECASE)
_WITH_UNIT = re.compile(rf"\b(?P<n>{_COUNT}) (?P<unit>(?:percentage )?points?|per ?cent|%)", re.IGNORECASE)
_WORD = re.compile(rf"\b(?P<n>{_COUNT})\b", re.IGNORECASE)
#: "X, a third smaller", "9 to 10 %": a range said as such
_RANGE = re.compile(r"(?:about|around|roughly|some|between|perhaps|or so)? ?(?P<a>\d+) (?:to|and|or) (?P<b>\d+)(?= ?%| points)", re.IGNORECASE)  # fmt: skip
_ONLY_ONE = re.compile(r"(?<=\bonly )one(?= (?:\w+ )?(?:findings?|hypothes[ei]s|shortcuts?|slices?|tests?|experiments?)\b)", re.IGNORECASE)  # fmt: skip
_MANY = {"twice": 2, "double": 2, "thrice": 3, "triple": 3,
         "threefold": 3, "fourfold": 4, "fivefold": 5, "tenfold": 10}  # fmt: skip
_COUNTED = re.compile(
    r"\s+(?:of (?:the|them|these|those|all)\b|[\w-]+ed\b|(?:\w+ ){0,2}(?:findings?|hypothes[ei]s|shortcuts?|criteria|criterion|classes|slices|groups|tests?|"
    r"experiments?|expectations?|shifts?|sets?|splits?|cases?|cues?|attributes?|images?|pictures?|proposals?|errors?|rooms?|corrections?|repairs?)\b)"
)
_SPLIT = re.compile(
    r"(?<=[.!?])(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bvs\.)(?<!\bca\.)(?<!\bcf\.)\**\s+(?=[A-Z\[*\-•F\d“\"(])|(?<=[\])]\.) (?=[a-z])|\s\*\s(?=[A-Za-z])|\n+"
)
_IN_DIGITS = re.compile(
    r"(?<![\w.,-])(?P<n>\d{1,3}) in (?:every )?(?P<m>\d{1,2}|100|1,?000)(?= (?!of\b)[a-z])(?! (?:points|percent))"
)
_CLAUSE = re.compile(
    r";|: | but | while | whereas | though | although | against | than | compared (?:with|to) | versus | vs\.? | instead of | rather than | which | so |"
    r" and (?=(?:the|its|their|it|they)\b[^,;\d]*\b(?:is|are|was|were)\b)|,? and (?=[^,;]*\d)|, (?=[\d.,]+ (?:of|images|are|were|as)\b)|, (?=[^,;\]]*[A-Za-z][^,;\]]*\d)|, (?=(?:and|not|followed|with|without|just|only|then)\b)| — | – | - (?=\*|[A-Z])"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in a text.

    Attributes:
        value: its value; percent and points as they are written (74.2, not 0.742).
        family: what kind of unit it has.
        half: half a unit of its last digit: how far the true value may lie from it.
        signed: whether a sign is written before it.
        start, end: where it stands in the whole text.
        about: whether it is said to be approximate.
        bound: +1 ``more than``, −1 ``less than`` or ``nearly``, else 0.
        bracket: whether it stands in brackets.
    """

    value: float
    family: Family
    half: float
    signed: bool
    start: int
    end: int
    about: bool = False
    bound: int = 0
    bracket: bool = False
    word: bool = False

    def near(self, recorded: float) -> bool:
        """Whether ``recorded`` is this number, as far as it was rounded."""
        apart = abs(self.value - recorded)
        if self.about:
            if self.bound * (recorded - self.value) < -(0.0 if self.word else self.half) - 1e-9:
                return False
            if (
                self.bound
                and not self.word
                and self.bound * (recorded - self.value) < -0.1 * self.half - 1e-9
            ):
                return False
            return apart <= max(self.half * 1.0001, _loose(self.value) * abs(self.value))
        return apart <= self.half * 1.0001 + 1e-9


def _loose(value: float) -> float:
    """How far ``about VALUE`` may lie from the truth: fewer digits, more room."""
    digits = f"{abs(value):g}".replace(".", "").strip("0")
    return 0.06 if len(digits) <= 1 else 0.025 if len(digits) == 2 else 0.01


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its clauses, each as (start, end) in the whole text."""

    start: int
    end: int
    clauses: tuple[tuple[int, int], ...]


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of ``text`` (a list item is one) with their clauses."""
    start = 0
    for match in [*_SPLIT.finditer(text), None]:
        end = match.start() if match else len(text)
        if text[start:end].strip():
            yield Sentence(start, end, tuple(_clauses(text, start, end)))
        start = match.end() if match else end


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    brackets = [m.span() for m in re.finditer(r"\[[^\]]*\]|\([^)]*\)", text[start:end])]
    at = 0
    for match in _CLAUSE.finditer(text[start:end]):
        if any(a < match.start() < b for a, b in brackets):
            continue
        lead = text[start + at : start + match.start()]
        denial = match[0].startswith(",") and re.search(r"n't\b|\b(?:not|never|no)\b", lead) is not None
        if match[0].strip(", ") == "and" and not _DIGIT.search(lead) and not denial:
            continue  # "precision and recall is 72.0": one thing yet
        yield start + at, start + match.start()
        at = match.start()
    yield start + at, end


def numbers(text: str, words: bool = True) -> Iterator[Number]:
    """Every number of ``text`` that states something: none inside names (E4, F1, 64×96) or list numbering.

    Args:
        text: any text.
        words: whether numbers in words (``thirteen``, ``half``, ``nine in ten``) count too.
    """
    if not words and not _DIGIT.search(text):
        return
    brackets = [(m.start(), m.end(), m[1]) for m in _BRACKET.finditer(text)]
    inside = [m.span() for m in re.finditer(r"\[[^\]]*\]|\([^)]*\)", text)]
    ranges = [
        (m.start(m_), 1.0) for m in _RANGE.finditer(text) if int(m["b"]) - int(m["a"]) == 1 for m_ in "ab"
    ]
    wide = dict(ranges)
    shares = [m.span() for m in _IN_DIGITS.finditer(text)]
    for found in _IN_DIGITS.finditer(text):
        part, total = float(found["n"]), float(found["m"].replace(",", ""))
        if part < total:
            half = 50 / total if total >= 100 or part > 1 else 100 / (total - 0.5) - 100 / total
            yield Number(100 * part / total, "percent", half, False, *found.span(), True, word=total < 100)
    for match in _NUMBER.finditer(text):
        if any(a <= match.start() < b for a, b in shares):
            continue
        if not _is_label(text, match):
            made = _digits(text, match, brackets, any(a < match.start() < b for a, b in inside))
            if match.start() in wide:  # "43 to 44 points": either end stands for what lies between
                unit = re.search(r"%|points", text[match.start() :])
                made = replace(made, half=1.0, family=_family(unit[0] if unit else ""))
            yield made
    if words:
        yield from _in_words(text)


def _digits(text: str, match: re.Match[str], brackets: list[tuple[int, int, str]], inside: bool) -> Number:
    digits = match["digits"].replace(",", "")
    value = float(digits + (match["exp"] or ""))
    places = len(digits.split(".")[1]) if "." in digits else 0
    sign = (match["sign"] or "").strip()
    unit = (match["unit"] or "").strip() or next((u for a, b, u in brackets if a < match.start() < b), "")
    if not re.search(
        r"\bfactor(?: of)?(?: about| roughly| some| nearly| almost)? $",
        text[max(0, match.start() - 24) : match.start()],
    ):
        unit = unit or _shared_unit(text, match)
    half = 0.5 * 10.0**-places
    big = re.match(r" (?:thousand|million)\b", text[match.end() :])
    if big is not None:
        times = 1e6 if "million" in big[0] else 1e3
        value, half = value * times, half * times
    if not unit and re.search(
        r"\bfactor(?: of)?(?: about| roughly| some| nearly| almost)? $",
        text[max(0, match.start() - 24) : match.start()],
    ):
        unit = "times"
    if unit == "ms":
        value, half = value / 1000, half / 1000
    elif unit.startswith("minute"):
        value, half = value * 60, half * 60
    before = text[max(0, match.start() - 24) : match.start()]
    bound = next((b for pattern, b in BOUNDS if pattern.search(before)), 0)
    if unit == "times" and re.match(r"\)", text[match.end() :]) and re.search(r"\((?:only |just )?$", before):
        unit = ""  # "(3 times)": occasions
    if (
        unit == "times"
        and value >= 10
        and not re.match(r" (?:as|more|higher|larger|less)\b", text[match.end() :])
    ):
        unit = ""  # a count of occasions
    binary = re.search(r"(?:\d|%|points?)\s?$", before) is not None
    minus = sign in ("-", "−", "–") and not binary
    return Number(
        -value if minus else value, _family(unit), half, sign in ("-", "−", "–", "+") and not binary, match.start(), match.end(),
        bool(ABOUT.search(before)), bound, inside,
    )  # fmt: skip


def _shared_unit(text: str, match: re.Match[str]) -> str:
    """``5.0 points against 12.7``, ``between 20 and 30 %``, ``53.5 % [49.5, 57.5]``: the unit is said once."""
    if "." not in match["digits"] or (float(match["digits"].replace(",", "")) < 1 and not match["sign"]):
        return ""
    after = re.match(r"\s?(?:and|to|or|–|-)\s?[\d.,]+\s?(%|points)", text[match.end() :])
    if after:
        return after[1]
    start = max((m.end() for m in _SPLIT.finditer(text, 0, match.start())), default=0)
    earlier = re.findall(r"\d\s?(points|%)", text[start : match.start()])
    later = re.search(r"\d\s?(points|%)", re.split(r"[.!?]\s", text[match.end() :])[0])
    return str(earlier[-1]) if earlier else later[1] if later else ""


def _in_words(text: str) -> Iterator[Number]:
    """Numbers in words; where two readings meet, the first one listed counts."""
    taken: list[tuple[int, int]] = []
    for value, family, half, match, about in (*_parts(text), *_counts(text)):
        if any(a < match.end() and match.start() < b for a, b in taken):
            continue
        taken.append(match.span())
        before = text[max(0, match.start() - 24) : match.start()]
        bound = next((b for pattern, b in BOUNDS if pattern.search(before)), 0)
        about = about or bool(ABOUT.search(before))
        if family == "percent":
            about, bound, half = _nearly(before, value, about, bound, half)
        yield Number(value, family, half, False, match.start(), match.end(), about, bound, word=True)


#: value, family, half, where it stands, whether it is approximate by itself
Said = tuple[float, Family, float, re.Match[str], bool]
_BEYOND = re.compile(r"\b(?:more than|over|well over|at least) $", re.IGNORECASE)


def _parts(text: str) -> Iterator[Said]:
    """Shares and ratios: ``nine in ten``, ``every fourth``, ``twice``, ``half``."""
    for match in _AND_A_HALF.finditer(text):
        yield _count(match["n"]) + 0.5, "ratio", 0.25, match, True
    for match in _RATIO_IN.finditer(text):
        low, high = _count(match["n"]), 100 if "hundred" in match["m"].lower() else _count(match["m"])
        yield 100 * low / high, "percent", 3.5, match, True
    for match in _EVERY.finditer(text):
        yield 100 / _ORDINALS[match["m"].lower()], "percent", 3.5, match, True
    for match in _TIMES.finditer(text):
        half = 0.95 if _BEYOND.search(text[: match.start()]) else 0.3
        yield _count(match["n"]) if match["n"] else _MANY[match["w"].lower()], "ratio", half, match, True
    for match in _HALF_AS.finditer(text):
        yield 0.5, "ratio", 0.1, match, True
    for value, match in _fractions(text):
        yield value, "percent", 4.0, match, True


def _counts(text: str) -> Iterator[Said]:
    """Counts: ``thirteen findings``, ``ninety thousand``, ``twenty points``."""
    for match in _ONLY_ONE.finditer(text):
        yield 1, "plain", 0.0, match, False
    for match in _OF_HUNDRED.finditer(text):
        yield _count(match["n"]), "percent", 0.5 + 0.02 * _count(match["n"]), match, False
    for match in _WITH_UNIT.finditer(text):
        value = _count(match["n"])
        yield value, "points" if "point" in match["unit"] else "percent", 0.5 + 0.04 * value, match, False
    for match in _BIG.finditer(text):
        times = 1000 if match["by"].lower() == "thousand" else 100
        if not re.match(r"\s?(?:by|×|x)\s", text[match.end() :]):
            yield _count(match["n"]) * times, "plain", 0.0 if times == 100 else 0.5 * times, match, False
    for match in _WORD.finditer(text):
        if re.match(r" by\b", text[match.end() :]) or re.search(r"\bby $", text[: match.start()]):
            continue  # the size of an image
        if _COUNTED.match(text, match.end()) or (
            _count(match["n"]) > 5 and re.match(r"\s[a-z]", text[match.end() :])
        ):
            yield _count(match["n"]), "plain", 0.0, match, False


def _fractions(text: str) -> Iterator[tuple[float, re.Match[str]]]:
    """Shares of 0 to 100: ``half``, ``three quarters``; not the half of the images that was looked at first."""
    for match in _FRACTION.finditer(text):
        part = match["part"].lower().rstrip("s")
        many = {"a": 1, "": 1}.get((match["n"] or "").lower()) or _count(match["n"])
        before = re.search(
            r"\b(?:the|other|first|second|confirmation|that|this|held-out|tested|unseen|remaining|untouched|search)\s$",
            text[: match.start()],
            re.IGNORECASE,
        )
        if (part == "half" or match["n"]) and not before:
            yield 100 * many * _PARTS[part], match


#: simple shares: beyond "more than a half", the next one would be said
_SIMPLE = (0.0, 5.0, 10.0, 20.0, 25.0, 100 / 3, 40.0, 50.0, 60.0, 200 / 3, 75.0, 80.0, 90.0, 95.0, 100.0)


def _nearly(before: str, value: float, about: bool, bound: int, half: float) -> tuple[bool, int, float]:
    """How wide a share in words is meant: ``well below half``, ``slightly more than a quarter``."""
    before = before.lower()
    far = re.search(r"\b(?:well|far) (?:over|under|above|below) $", before)
    if far:
        about, bound = True, 1 if re.search("over|above", far[0]) else -1
    if far or re.search(r"\b(?:more|less|fewer) than $|\b(?:over|under) $", before):
        near = re.search(r"\b(?:slightly|just|a little|barely|a bit) (?:\w+ )?\w+ $", before)
        apart = [abs(s - value) for s in _SIMPLE if (s - value) * bound > 1]
        half = (
            4.0
            if near
            else max(9.0, min(apart, default=9.0), *([17.0] if abs(value - 50) < 1 and bound < 0 else []))
        )
    return about, bound, half


def _count(word: str) -> int:
    if word.lower() in ("a", "one"):
        return 1
    tens, _, unit = word.lower().replace("-", " ").partition(" ")
    if tens in _TENS:
        return _TENS[tens] + (_COUNTS.index(unit) if unit else 0)
    return _COUNTS.index(word.lower())


def _family(unit: str) -> Family:
    unit = unit.removeprefix("-") if unit.startswith("-p") else unit
    if unit in ("%", "percent", "per cent"):
        return "percent"
    if unit.startswith(("point", "percentage", "pp")):
        return "points"
    if unit in ("s", "ms") or unit.startswith(("second", "minute")):
        return "seconds"
    return "ratio" if unit in ("times", "×", "x", "-fold") else "plain"


def _is_label(text: str, match: re.Match[str]) -> bool:
    """List numbering, the level of an interval, the size of an image, a date."""
    before, after = text[: match.start()], text[match.end() : match.end() + 24]
    if re.match(r"[.)]\s", after) and re.search(r"(?:^|\n)[ *_#]*$", before):
        return True
    if re.search(
        r"\b(?:findings?|items?|rows?|reasons?|parts?)\s(?:\d+(?:, | and | to | or ))*$",
        before[-60:],
        re.IGNORECASE,
    ):
        return True  # "findings 2 and 3": those of a list
    if match["digits"] in ("95", "80") and re.match(r"\s*(?:confidence|interval|CI\b|power)", after):
        return True
    if re.match(r"\d+\s?(?:[×x]|by)\s?\d", text[match.start() :].lstrip()) or re.search(
        r"\d\s?(?:[×x]|by)\s?$", before
    ):
        return True
    return bool(
        re.search(
            r"(?:top|rank|depth|step|stage|section|test|plan|seed|level|version)\s?$",
            before[-12:],
            re.IGNORECASE,
        )
    )
