"""Decades, months, seasons, days and times of day in a sentence as conditions on the column that records them: ``in winter``, ``on weekends``.

A column counts as one of decades, years, months, weekdays or hours by its name or by its values. What is assumed of a word (which months are winter, from
which hour on it is night) is told beside the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from failsight.knowledge_base.condition_text import column_of, either, parts
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.people import are_numbers
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.attributes.dates import month_of

Columns = Mapping[str, Sequence[str]]
MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
DAYS: Final = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SEASONS: Final = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
TIMES: Final = {"morning": (6, 11), "noon": (11, 13), "afternoon": (12, 17), "evening": (18, 21), "night": (22, 5), "daytime": (6, 21)}  # fmt: skip
_NAMES: Final = {
    "month": frozenset(("month", "monat", "mois", "mes", "mese")),
    "day": frozenset(("weekday", "dow", "wochentag", "day")),
    "hour": frozenset(("hour", "time", "clock", "stunde", "uhrzeit", "heure")),
    "decade": frozenset(("decade", "jahrzehnt", "decennie")),
    "year": frozenset(("year", "jahr", "annee")),
}
_NOT_SO: Final = r"(?<!good )(?<!this )(?<!next )(?<!last )(?<!from )(?<!until )(?<!since )"
_AT: Final = r"(?:(?:in|during|on|at|by|of)\s+(?:the\s+|an?\s+)?(?:early\s+|late\s+)?)"
_MONTH: Final = "|".join(m for m in MONTHS if m not in ("march", "may"))
#: a small *march* or *may* is a month where a number, a year, a word for a time or another month stands beside it
_BESIDE_IT: Final = rf"(?:(?<=\d )|(?<=since )|(?<=after )|(?<=before )|(?<=until )|(?<=till )|(?<=between ))(?i:march|may)|(?i:march|may)(?= (?:19|20)\d\d\b| (?:and|with|to|or|than|vs\.?|versus|against) (?:in )?(?:{'|'.join(MONTHS)})\b)|(?<=from )(?i:march|may)(?= on)"
_MONTH_WORD: Final = re.compile(
    rf"\b(?P<in>in |of |during |for )?(?:early |late )?(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?)?(?P<name>{_MONTH}|(?P<sure>{_BESIDE_IT})|(?i:(?<=in )march|(?<=in )may)|March\b|(?:(?<=, )|(?<=and )|(?<=or )|(?<=of )|(?<=during ))May)\b(?!-)(?:,? (?P<year>(?:19|20)\d\d)\b)?",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(
    r"\b(?P<op>since|after|before|until|till|up to|through|from)\s+(?:the\s+)?(?:(?:beginning|start|middle|end)\s+of\s+)?$",
    re.IGNORECASE,
)
_ONWARD: Final = re.compile(r"\s+on(?:wards?)?\b", re.IGNORECASE)
_TO: Final = re.compile(r"\s+(?:to|till|until|through|and|-|–)\s+(?:in\s+)?$", re.IGNORECASE)
_SEASON_WORD: Final = re.compile(
    rf"\b(?:{_AT})?(?P<name>winter|summer|autumn)(?:s|time)?\b|\b{_AT}(?P<other>spring|fall)(?:time)?\b|\b(?P<before>spring)(?= (?:pictures|images|photos|months)\b)",
    re.IGNORECASE,
)
_DAY_WORD: Final = re.compile(rf"{_NOT_SO}\b(?:on |at )?(?P<name>{'|'.join(DAYS)})s?\b", re.IGNORECASE)
_WEEKEND: Final = re.compile(
    r"\b(?:(?:on|at|over|during) (?:the |a )?)?(?P<name>week-?ends?|working days|workdays|business days)\b|\b(?:on|during) (?P<other>week-?days)\b",
    re.IGNORECASE,
)
_TIME_WORD: Final = re.compile(
    rf"{_NOT_SO}\b(?<!time of )(?<!hour of )(?<!part of )(?:(?:in|during|on|at|by)\s+(?:the\s+|an?\s+)?(?:early\s+|late\s+)?)(?P<name>mornings?|noon|midday|lunch ?time|afternoons?|evenings?|nights?|night-?time|day-?time|day|daylight)\b(?! (?:before|after|shift|of))",
    re.IGNORECASE,
)
TENS: Final = [
    "twenties",
    "thirties",
    "forties",
    "fifties",
    "sixties",
    "seventies",
    "eighties",
    "nineties",
]  # of a century, from 20 on
_CENTURIES: Final = {"eighteen": "18", "nineteen": "19", "twenty": "20"}
_DECADE_WORD: Final = re.compile(
    rf"(?<!their )(?<!his )(?<!her )(?<!aged )\b(?:(?P<century>eighteen|nineteen)[ -])?(?P<name>{'|'.join(TENS)})\b"
    r"|\b(?P<other>(?:1[5-9]|20)\d0)['’]?s\b|(?:(?<=\bthe )|(?<=0s and )|(?<=0s or )|(?<=0s, ))['’]?(?P<short>\d0)['’]?s\b",
    re.IGNORECASE,
)
_DECADE_VALUE: Final = re.compile(r"(?:1[5-9]|20)?\d0(?:['’]?s)?", re.IGNORECASE)
_CLOCK: Final = re.compile(r"\d\s*(?:o['’]?clock|h\b|uhr\b|[ap]\.?m\b)", re.IGNORECASE)
_TIME_OF: Final = {"midday": "noon", "lunchtime": "noon", "nighttime": "night", "day": "daytime", "daylight": "daytime"}  # fmt: skip
_SPREAD: Final = re.compile(r"\b(?:compare|between|differ\w*|versus|vs|than|against|each)\b", re.IGNORECASE)
_LIST: Final = re.compile(r"\s*(?:,\s*(?:and|or)?|and|or|&)\s*(?:in |on |at |the )*", re.IGNORECASE)


class When(NamedTuple):
    """A word for a time: where it stands, its condition, and what is assumed of it (empty where the word says it all)."""

    start: int
    end: int
    condition: str
    assumed: str = ""


def times_in(sentence: str, columns: Columns) -> list[When]:
    """The words for times in a sentence that a column of the case records, in order; several of one list as one.

    Args:
        sentence: what a person typed.
        columns: attribute → its values as they are shown, none listed for numbers.
    """
    made = [
        *_decades(sentence, columns),
        *_months(sentence, columns),
        *_days(sentence, columns),
        *_hours(sentence, columns),
    ]
    return _listed(sentence, sorted(made))


def unrecorded(sentence: str, columns: Columns) -> list[str]:
    """The words for times in a sentence of which no column says which images they are."""
    there = {
        "month": _column(columns, "month") or _named_alike(sentence, columns),
        "day": _column(columns, "day"),
        "hour": _column(columns, "hour") or _named_alike(sentence, columns),
        "decade": _column(columns, "decade") or _column(columns, "year") or _named_alike(sentence, columns),
    }
    found = [
        *(("decade", m) for m in _DECADE_WORD.finditer(sentence) if m["name"]),
        *(("month", m) for p in (_MONTH_WORD, _SEASON_WORD) for m in p.finditer(sentence)),
        *(("day", m) for m in _WEEKEND.finditer(sentence)),
    ]
    return list(dict.fromkeys(_word(m) for kind, m in found if not there[kind]))


def _named_alike(sentence: str, columns: Columns) -> str:
    """A column that has a word of the sentence as a value."""
    said = set(re.findall(r"[^\W\d_]{3,}", fold(sentence)))
    return next((n for n, vs in columns.items() if said & {fold(str(v)) for v in vs}), "")


def kind_of(name: str, values: Sequence[str]) -> str:
    """``month``, ``day``, ``hour``, ``decade`` or ``year``: what a column records; empty for all others."""
    return next((k for k in _NAMES if _fits(k, name, values)), "")


def _fits(kind: str, name: str, values: Sequence[str]) -> bool:
    if kind in ("decade", "year"):
        return _fits_years(kind, name, values)
    if kind == "hour":
        return bool(set(words_of(name)) & _NAMES["hour"]) and are_numbers(values)
    texts = MONTHS if kind == "month" else DAYS
    if kind == "month" and len(values) > 1 and all(month_of(str(v)) for v in values):
        return True
    if len(values) > 1 and all(_place(v, texts) for v in values):
        return True
    whole = len(values) > 1 and all(str(v).isdigit() for v in values)
    low, high = (1, 12) if kind == "month" else (0, 7)
    by_name = bool(set(words_of(name)) & (_NAMES[kind] - {"day"}))
    return whole and by_name and all(low <= int(v) <= high for v in values)


def _fits_years(kind: str, name: str, values: Sequence[str]) -> bool:
    """Whether a column records decades (``1950s``, or numbers of that kind by its name) or years."""
    named = bool(set(words_of(name)) & _NAMES[kind])
    if kind == "year":
        return named and are_numbers(values)
    texts = [str(v).strip() for v in values]
    if len(texts) < 2 or not all(_DECADE_VALUE.fullmatch(v) or fold(v) in TENS for v in texts):
        return False
    return named or all(not v.isdigit() for v in texts)


def _column(columns: Columns, kind: str) -> str:
    """The one column that records such times, one of months before one of months with their year; empty for none or several."""
    found = [n for n, v in columns.items() if _fits(kind, n, v)]
    plain = [n for n in found if not is_dated(columns[n])]
    found = plain or found
    return found[0] if len(found) == 1 else ""


def is_dated(values: Sequence[str]) -> bool:
    """Whether the values of a column are months with their year, in one form or another: ``2024-11``, ``11/2024``."""
    return len(values) > 1 and all(month_of(str(v)) for v in values)


def dated_column(columns: Columns) -> str:
    """The column of dates, which are taken by month, where no other is called by months; empty for none."""
    column = _column(columns, "month")
    return column if column and is_dated(columns[column]) and "month" not in words_of(column) else ""


def _place(value: str, names: Sequence[str]) -> int:
    """Which of ``names`` a value is, from 1 on, also by its first three letters; 0 for none."""
    typed = fold(str(value)).strip(" .")
    return next((i for i, n in enumerate(names, 1) if typed == n or (len(typed) in (3, 4) and n.startswith(typed))), 0)  # fmt: skip


def _condition(columns: Columns, column: str, wanted: Sequence[int], names: Sequence[str]) -> str:
    """``month=12|1|2``: the values of a column that are these months or days; empty where it has none of them."""
    values = [str(v) for v in columns[column]]
    dated = names is MONTHS and is_dated(values)
    place = {v: int(v) if v.isdigit() else (month_of(v) or (0, 0))[1] if dated else _place(v, names) for v in values}  # fmt: skip
    if names is DAYS and all(v.isdigit() for v in values) and "0" in values:
        place = {v: p + 1 for v, p in place.items()}  # days that begin at 0
    held = [v for w in wanted for v in values if place[v] == w]
    return f"{column}={'|'.join(held)}" if held else ""


def _group(found: re.Match[str]) -> str:
    """The group of a match that has the word itself."""
    return next(
        k for k, v in found.groupdict().items() if v and k not in ("in", "century", "day", "sure", "year")
    )


def _word(found: re.Match[str]) -> str:
    return str(found[_group(found)])


def _has_value(columns: Columns, word: str) -> bool:
    """Whether a word is itself a value of a column, which then says which images are meant."""
    return any(fold(str(v)) == fold(word) for vs in columns.values() for v in vs)


def _months(sentence: str, columns: Columns) -> Iterator[When]:
    column = _column(columns, "month")
    if not column:
        return
    words = [m for m in _MONTH_WORD.finditer(sentence) if _is_month(m)]
    taken = -1
    for found, after in zip(words, [*words[1:], None], strict=False):
        if found.start() < taken:
            continue
        one = _span(sentence, columns, column, found, after)
        taken = one.end if one is not None else taken
        if one is not None:
            yield one
    for found in _SEASON_WORD.finditer(sentence):
        word = _word(found)
        season = "autumn" if word.lower() == "fall" else word.lower()
        held = _condition(columns, column, SEASONS[season], MONTHS)
        if held and not _has_value(columns, word):
            names = ", ".join(MONTHS[m - 1].capitalize() for m in SEASONS[season])
            yield When(found.start(_group(found)), found.end(), held, f"{season}: {names}")


def _is_month(found: re.Match[str]) -> bool:
    """Whether ``march`` in small letters is the month."""
    return not (
        found["name"] == "march" and not (found["in"] or found["sure"] or found["day"] or found["year"])
    )


def _span(
    sentence: str, columns: Columns, column: str, found: re.Match[str], after: re.Match[str] | None
) -> When | None:
    """The condition of a month, or of all months since, before or between those that are named; None where none of them is recorded."""
    values = [str(v) for v in columns[column]]
    there = {v: _when(v) for v in values}
    (low, told) = _named_month(found, there)
    op = _RANGE.search(sentence[: found.start()] + (found["in"] or ""))
    word = op["op"].lower() if op is not None else ""
    onward = _ONWARD.match(sentence, found.end())
    start, end = found.start("day" if found["day"] else "name"), found.end()
    between = re.search(r"\bbetween\s+$", sentence[: found.start()], re.IGNORECASE)
    if after is not None and (word == "from" or between) and _TO.match(sentence[found.end() : after.start()] + " ") and _TO.search(sentence[found.end() : after.start("name")]):  # fmt: skip
        high, _ = _named_month(after, there)
        held = [v for v in values if low and high and low[0] <= there[v] <= high[-1]]
        begin = op or between
        if not held or begin is None:
            return None
        return When(begin.start(), after.end(), f"{column}={'|'.join(held)}", told)
    if low and (word in ("since", "after", "before", "until", "till", "up to", "through") or (word == "from" and onward)):  # fmt: skip
        first = low[-1]
        held = [v for v in values if _holds(word, there[v], first)]
        end = onward.end() if onward is not None and word in ("since", "from", "after") else end
        return When(op.start(), end, f"{column}={'|'.join(held)}", told) if held and op is not None else None
    held = [v for w in low for v in values if there[v] == w]
    return When(start, end, f"{column}={'|'.join(held)}", told) if held else None


def _holds(word: str, one: tuple[int, int], limit: tuple[int, int]) -> bool:
    if word in ("since", "from"):
        return one >= limit
    if word == "after":
        return one > limit
    return one < limit if word == "before" else one <= limit


def _when(value: str) -> tuple[int, int]:
    """Year and month of a value; year 0 where it has none."""
    return month_of(value) or (0, int(value) if value.isdigit() else _place(value, MONTHS))


def _named_month(
    found: re.Match[str], there: Mapping[str, tuple[int, int]]
) -> tuple[list[tuple[int, int]], str]:
    """The months of the column that a word means, in order, and what is assumed of it: a day is not recorded here."""
    month = MONTHS.index(found["name"].lower()) + 1
    year = int(found["year"]) if found["year"] else 0
    held = sorted({w for w in there.values() if w[1] == month and (not year or w[0] in (0, year))})
    names = ", ".join(f"{y}-{m:02d}" if y else MONTHS[m - 1].capitalize() for y, m in held)
    several = len(held) > 1 and not year and 0 not in {y for y, _ in held}
    told = f"{found[0].strip()}: days are not told apart here, so the month ({names})" if found["day"] and held else f"{found['name']}: {names}" if several else ""  # fmt: skip
    return held, told


def _decades(sentence: str, columns: Columns) -> Iterator[When]:
    column = _column(columns, "decade")
    year = "" if column else _column(columns, "year")
    words = list(_DECADE_WORD.finditer(sentence))
    for found in (
        words if column or (year and len(words) == 1) else ()
    ):  # two spans of years are no limits that hold together
        typed = _typed_decade(found)
        start = found.start("century" if found["century"] else _group(found))
        if column:
            held = [
                v for v in map(str, columns[column]) if _digits(v)[-len(typed) :] == typed[-len(_digits(v)) :]
            ]
            if len(held) == 1:
                yield When(start, found.end(), f"{column}={held[0]}")
        else:
            first = int(typed if len(typed) == 4 else f"19{typed}")
            told = "" if len(typed) == 4 else f"{_word(found)}: {first} to {first + 9}"
            yield When(start, found.end() - 1, f"{year}>={first}", told)
            yield When(found.end() - 1, found.end(), f"{year}<={first + 9}", told)


def decade_of(text: str, name: str, values: Sequence[str]) -> tuple[str, int] | None:
    """The decade of a column with which a text begins, and how many letters it takes; None for none."""
    typed = (
        re.match(r"['’]?((?:1[5-9]|20)?\d0)['’]?s?\b", text) if _fits_years("decade", name, values) else None
    )
    held = [v for v in map(str, values) if typed and _digits(v)[-len(typed[1]) :] == typed[1][-len(_digits(v)) :]]  # fmt: skip
    return (held[0], typed.end()) if typed is not None and len(held) == 1 else None


def _typed_decade(found: re.Match[str]) -> str:
    """``1950`` or ``50``: the decade of a word, with its century where that is said."""
    if found["name"]:
        century = _CENTURIES.get((found["century"] or "").lower(), "")
        return f"{century}{20 + 10 * TENS.index(found['name'].lower())}"
    return _word(found)


def _digits(value: str) -> str:
    """The digits of a decade as a column writes it."""
    key = fold(value).strip()
    return f"{20 + 10 * TENS.index(key)}" if key in TENS else re.sub(r"\D", "", key)


def _days(sentence: str, columns: Columns) -> Iterator[When]:
    column = _column(columns, "day")
    if not column:
        return
    for found in _DAY_WORD.finditer(sentence):
        held = _condition(columns, column, [DAYS.index(found["name"].lower()) + 1], DAYS)
        numbered = held.partition("=")[2].isdigit()
        if held:
            yield When(
                found.start("name"), found.end(), held, _first_day(columns, column) if numbered else ""
            )
    for found in _WEEKEND.finditer(sentence):
        word = _word(found).lower()
        wanted = (6, 7) if word.replace("-", "").startswith("weekend") else (1, 2, 3, 4, 5)
        held = _condition(columns, column, wanted, DAYS)
        if held and not _has_value(columns, word):
            names = "Saturday and Sunday" if len(wanted) == 2 else "Monday to Friday"
            numbered = held.partition("=")[2].replace("|", "").isdigit()
            more = f", {_first_day(columns, column)}" if numbered else ""
            yield When(found.start(_group(found)), found.end(), held, f"{word}: {names}{more}")


def _first_day(columns: Columns, column: str) -> str:
    return f"{column.replace('_', ' ')} {0 if '0' in columns[column] else 1} is Monday"


def _hours(sentence: str, columns: Columns) -> Iterator[When]:
    column = _column(columns, "hour")
    if not column or _CLOCK.search(sentence):
        return  # the hours themselves are said
    for found in _TIME_WORD.finditer(sentence):
        word = found["name"].lower().replace("-", "").replace(" ", "")
        time = _TIME_OF.get(word, word.rstrip("s") if word not in TIMES else word)
        if _has_value(columns, time) or _has_value(columns, word):
            continue
        low, high = TIMES[time]
        told = f"{time}: from {low} to {high} o'clock"
        if low > high:
            yield When(
                found.start("name"), found.end(), either([f"{column}>={low}", f"{column}<={high}"]), told
            )
            continue
        middle = found.start("name")
        yield When(found.start(), middle - 1, f"{column}>={low}", told)
        yield When(middle, found.end(), f"{column}<={high}", told)


def _listed(sentence: str, made: Sequence[When]) -> list[When]:
    """``December, January and February`` as one condition, where the sentence does not set them beside each other."""
    if _SPREAD.search(sentence):
        return list(made)
    joined: list[When] = []
    for one in made:
        last = joined[-1] if joined else None
        same = last is not None and column_of(last.condition) == column_of(one.condition)
        signs = {parts(c.condition)[1] for c in (last, one) if c is not None}
        if last is not None and same and signs == {"="} and _LIST.fullmatch(sentence[last.end : one.start]):
            values = dict.fromkeys(
                [*parts(last.condition)[2].split("|"), *parts(one.condition)[2].split("|")]
            )
            told = ", ".join(dict.fromkeys(filter(None, (last.assumed, one.assumed))))
            joined[-1] = When(last.start, one.end, f"{column_of(one.condition)}={'|'.join(values)}", told)
        else:
            joined.append(one)
    return joined


def assumed_of(sentence: str, columns: Columns) -> list[str]:
    """What is assumed of the words for times in a sentence: ``winter: December, January, February``."""
    return list(dict.fromkeys(w.assumed for w in times_in(sentence, columns) if w.assumed))
