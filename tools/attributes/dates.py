"""Columns of dates and times: days are too many to make groups of, so they are taken by month (or by day, within one month).

A drift in time shows in such groups: ``taken=2024-11`` is worse than the months before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime

from failsight.tools.text import clean, listing

MOST_VALUES = 24  # of a column that is left as it is: few dates are few groups
FEWEST = 20  # values that a column of dates has at least
YEARS = (1900, 2100)
_NUMBERS = re.compile(r"^(\d{1,4})([./:-])(\d{1,2})\2(\d{1,4})(?:[ T].*)?$")
_NAMED = re.compile(
    r"^(?:(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+)?([^\W\d_]{3,9})\.?(?:[\s-]+(\d{1,2})(?:st|nd|rd|th)?,?)?,?[\s-]+(\d{4})(?:[ T,].*)?$"
)
_MONTH_ONLY = re.compile(r"^(?:(\d{1,2})([./-])(\d{4})|(\d{4})([./-])(\d{1,2}))$")
_NAMES = (
    "jan january januar janvier", "feb february februar février", "mar march mrz märz mars", "apr april avril", "may mai", "jun june juni juin",
    "jul july juli juillet", "aug august août", "sep sept september septembre", "oct october okt oktober octobre", "nov november novembre",
    "dec december dez dezember décembre",
)  # fmt: skip
_MONTHS = {name: i for i, names in enumerate(_NAMES, 1) for name in names.split()}
Read = Callable[[str], date | None]


def by_period(values: Iterable[object]) -> Mapping[str, str] | None:
    """Value → its month (``2024-11``), or its day where all lie in one month; None where they are no dates, or few.

    Every value must be a date or a date with a time: ISO 8601 (``2024-11-03``, ``2024-11-03T09:30:00Z``), year first with other
    signs (``2024/11/03``, ``2024:11:03 09:30:00``), day or month first with a year of four digits (``03.11.2024``,
    ``11/03/2024``), where one order alone fits all of that form, the month by its name (``3 November 2024``, ``Nov 3, 2024``), or a month
    alone (``11/2024``, ``November 2024``). Several forms may stand in one column (`forms`); a year of two digits
    counts beside another form that has the same years in full.

    Args:
        values: those of the column; what is None does not count.
    """
    texts = {v for v in values if v is not None}
    if len(texts) <= max(MOST_VALUES, FEWEST) or not all(isinstance(t, str) for t in texts):
        return None
    days = _days(forms(str(t) for t in texts))
    if days is None:
        return None
    months = {(day.year, day.month) for day in days.values()}
    return {t: f"{d:%Y-%m}" if len(months) > 1 else d.isoformat() for t, d in days.items()}


def as_grouped(values: Sequence[object]) -> Sequence[object]:
    """A column as it is made groups of: many dates by their months."""
    periods = by_period(values)
    return values if periods is None else [None if v is None else periods.get(str(v), v) for v in values]


def forms(texts: Iterable[str]) -> dict[str, list[str]]:
    """Texts by how they would be written as dates: the sign between the numbers, where the year stands, in how many digits."""
    made: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        found = _NUMBERS.match(text)
        if found is None:
            form = "iso" if "-" in text else ""
        else:
            first, last = len(found[1]), len(found[4])
            form = f"{found[2]}{'year first' if first == 4 else 'year last' if last == 4 else 'short year'}"
            form = "iso" if form == "-year first" else form
        made.setdefault(form, []).append(text)
    return made


def _days(by_form: Mapping[str, list[str]]) -> dict[str, date] | None:
    """Every text as a day; None where one is none, or nobody can say which number is the month."""
    made: dict[str, date] = {}
    for form, texts in by_form.items():
        if form.endswith("short year"):
            continue
        days = _one_order(texts, _READERS)
        if days is None:
            return None
        made |= days
    years = {d.year for d in made.values()}
    for form, texts in by_form.items():
        if form.endswith("short year"):
            days = _one_order(texts, _SHORT)
            if days is None or not {d.year for d in days.values()} <= years:
                return None
            made |= days
    return made or None


def _one_order(texts: list[str], readers: Sequence[Read]) -> dict[str, date] | None:
    """The days of texts of one form, where one order of day, month and year alone fits, or all that fit say the same."""
    fitting = [made for read in readers if (made := _all(texts, read)) is not None]
    if not fitting or any(made != fitting[0] for made in fitting):
        return None
    return fitting[0]


def told_forms(name: str, values: Iterable[object]) -> str:
    """That a column holds dates in several forms, and how they are taken; empty where it does not."""
    texts = {v for v in values if isinstance(v, str)}
    if len(texts) <= max(MOST_VALUES, FEWEST):
        return ""
    by_form = forms(texts)
    if len(by_form) < 2 or "" in by_form:
        return ""
    such = listing([found[0] for found in by_form.values()], 4, 30)
    if _days(by_form) is not None:
        return f"The column {clean(name, 60)} has dates in {len(by_form)} forms (such as {such}); all are read as dates."
    if not all(any(_all(found, read) for read in (*_READERS, *_SHORT)) for found in by_form.values()):
        return ""
    return (
        f"The column {clean(name, 60)} has dates in {len(by_form)} forms (such as {such}), and nobody can say which number is the month "
        "in all of them: it stays text. Write them as 2024-11-03."
    )


def _all(texts: list[str], read: Read) -> dict[str, date] | None:
    """Every text as a date; None where one is none."""
    made: dict[str, date] = {}
    for text in texts:
        day = read(text)
        if day is None or not YEARS[0] <= day.year < YEARS[1]:
            return None
        made[text] = day
    return made


def _iso(text: str) -> date | None:
    if "-" not in text or _MONTH_ONLY.match(text):  # 20241103 may be a number of anything
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def month_of(text: str) -> tuple[int, int] | None:
    """The year and the month of a text that is a month with its year: ``2024-11``, ``11/2024``, ``November 2024``; None for all others."""
    found = _MONTH_ONLY.match(text.strip())
    if found is not None:
        year, month = int(found[3] or found[4]), int(found[1] or found[6])
        return (year, month) if 1 <= month <= 12 and YEARS[0] <= year < YEARS[1] else None
    named = _NAMED.match(text.strip())
    if named is None or named[1] or named[3]:
        return None
    place = _MONTHS.get(named[2].casefold())
    return (int(named[4]), place) if place and YEARS[0] <= int(named[4]) < YEARS[1] else None


def _by_name(text: str) -> date | None:
    """A date that has its month by name, or a month with its year, as its first day."""
    if (month := month_of(text)) is not None:
        return date(*month, 1)
    found = _NAMED.match(text.strip())
    place = _MONTHS.get(found[2].casefold()) if found is not None else None
    if found is None or not place or bool(found[1]) == bool(found[3]):
        return None
    try:
        return date(int(found[4]), place, int(found[1] or found[3]))
    except ValueError:
        return None


def _in_order(*order: str, digits: int = 4) -> Read:
    """Reads numbers that stand in this order, between equal signs; a year has so many digits, two are of this century."""

    def read(text: str) -> date | None:
        found = _NUMBERS.match(text)
        if found is None:
            return None
        part = dict(zip(order, (found[1], found[3], found[4]), strict=True))
        if len(part["year"]) != digits or len(part["day"]) > 2:
            return None
        try:
            return date(
                int(part["year"]) + (2000 if digits == 2 else 0), int(part["month"]), int(part["day"])
            )
        except ValueError:
            return None

    return read


_READERS: tuple[Read, ...] = (
    _iso,
    _in_order("year", "month", "day"),
    _in_order("day", "month", "year"),
    _in_order("month", "day", "year"),
    _by_name,
)
_SHORT: tuple[Read, ...] = (
    _in_order("day", "month", "year", digits=2),
    _in_order("month", "day", "year", digits=2),
)
