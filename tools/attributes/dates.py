"""Columns of dates and times: days are too many to make groups of, so they are taken by month (or by day, within one month).

A drift in time shows in such groups: ``taken=2024-11`` is worse than the months before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

MOST_VALUES = 24  # of a column that is left as it is: few dates are few groups
FEWEST = 20  # values that a column of dates has at least
YEARS = (1900, 2100)
_NUMBERS = re.compile(r"^(\d{1,4})([./:-])(\d{1,2})\2(\d{1,4})(?:[ T].*)?$")
Read = Callable[[str], date | None]


def by_period(values: Iterable[object]) -> Mapping[str, str] | None:
    """Value → its month (``2024-11``), or its day where all lie in one month; None where they are no dates, or few.

    Every value must be a date or a date with a time, all in one form: ISO 8601 (``2024-11-03``, ``2024-11-03T09:30:00Z``),
    year first with other signs (``2024/11/03``, ``2024:11:03 09:30:00``), or day or month first with a year of four digits
    (``03.11.2024``, ``11/03/2024``), where one order alone fits all of them.

    Args:
        values: those of the column; what is None does not count.
    """
    texts = {v for v in values if v is not None}
    if len(texts) <= max(MOST_VALUES, FEWEST) or not all(isinstance(t, str) for t in texts):
        return None
    known = sorted(str(t) for t in texts)
    fitting = [made for read in _READERS if (made := _all(known, read)) is not None]
    if len(fitting) != 1 and not (fitting and all(made == fitting[0] for made in fitting)):
        return None  # no dates, or nobody can say which number is the month
    days = fitting[0]
    months = {(day.year, day.month) for day in days.values()}
    return {t: f"{d:%Y-%m}" if len(months) > 1 else d.isoformat() for t, d in days.items()}


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
    if "-" not in text:  # 20241103 may be a number of anything
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _in_order(*order: str) -> Read:
    """Reads numbers that stand in this order, between equal signs; a year has four digits."""

    def read(text: str) -> date | None:
        found = _NUMBERS.match(text)
        if found is None:
            return None
        part = dict(zip(order, (found[1], found[3], found[4]), strict=True))
        if len(part["year"]) != 4 or len(part["day"]) > 2:
            return None
        try:
            return date(int(part["year"]), int(part["month"]), int(part["day"]))
        except ValueError:
            return None

    return read


_READERS: tuple[Read, ...] = (
    _iso,
    _in_order("year", "month", "day"),
    _in_order("day", "month", "year"),
    _in_order("month", "day", "year"),
)
