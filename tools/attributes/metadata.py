"""Columns that come with the data: metadata and the presence of boxed objects; and which columns are fit for slices."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.dates import by_period
from failsight.tools.inputs.base import ImageTable
from failsight.tools.text import clean

Ints = npt.NDArray[np.int64]
Column = npt.NDArray[Any]
MOST_OBJECTS = (
    200  # a vocabulary of thousands would cost memory and find nothing: rare objects have no support
)

#: last words of columns whose numbers are names
NOMINAL = frozenset([
    "zip", "zipcode", "postcode", "postalcode", "postal", "plz", "postleitzahl", "id", "ids", "uid", "pid", "code", "codes", "barcode",
    "sku", "serial", "phone", "district", "ward", "precinct", "bezirk", "cluster", "category", "type",
])  # fmt: skip
NUMBERED = frozenset(
    ["number", "nr", "nummer"]
)  # so are these of something: a house number, and no number of houses


def metadata_columns(table: ImageTable, rows: Ints) -> dict[str, Column]:
    """The metadata columns of ``rows``: float with NaN where every known value is a number, else str or None."""
    return {clean(name, 80): column(values, rows) for name, values in table.columns.items() if len(values)}


def column(values: Sequence[Any], rows: Ints) -> Column:
    """One column of ``rows`` in its attribute form.

    Truth values become ``yes`` and ``no``; empty texts and NaN count as unknown; texts lose control characters; many dates become
    their months (:func:`by_period`, by all values, so that every part of the rows is read alike).
    """
    taken = [_known(values[int(r)]) for r in rows]
    known = [v for v in taken if v is not None]
    if known and all(isinstance(v, int | float) for v in known):
        return np.array([math.nan if v is None else float(v) for v in taken], np.float64)
    periods = by_period(map(_known, values)) if known and isinstance(known[0], str) else None
    if periods is not None:
        taken = [None if v is None else periods[str(v)] for v in taken]
    made = np.empty(len(taken), object)
    made[:] = [v if v is None or isinstance(v, str) else _as_text(v) for v in taken]
    return made


def _known(value: Any) -> str | float | int | None:
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.integer | np.floating):
        return value.item() if isinstance(value, np.generic) else value if math.isfinite(value) else None
    text = clean(value, 80)
    return text or None


def _as_text(value: float | int) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def object_columns(table: ImageTable, rows: Ints) -> dict[str, Column]:
    """Presence of each boxed object in ``rows`` as ``yes`` or ``no``; no columns when the data has no boxes.

    At most ``MOST_OBJECTS`` objects, the most frequent ones.
    """
    if table.boxes is None:
        return {}
    present = [{clean(k, 80) for k, v in table.boxes[int(r)].items() if len(v)} for r in rows]
    counts = Counter(name for names in present for name in names if name)
    return {
        name: _yes_no([name in names for names in present]) for name, _ in counts.most_common(MOST_OBJECTS)
    }


def _yes_no(flags: Sequence[bool]) -> Column:
    return np.where(np.array(flags, bool), "yes", "no").astype(object)


def unusable_columns(columns: Mapping[str, Column]) -> dict[str, str]:
    """Columns no slice can be made of, each with the reason in a few words."""
    found = {name: _unusable(values, nominal(name, values)) for name, values in columns.items()}
    return {name: reason for name, reason in found.items() if reason}


def nominal(name: str, values: Column) -> bool:
    """Whether numbers name things and measure nothing, so that those between two of them are no group: zip codes, ids, districts.

    By the last word of the column's name (``device_id``, ``zip code``; a ``zip_distance`` is a distance), and whole numbers only.
    """
    if values.dtype == object:
        return False
    said = re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", name).lower()
    words = re.findall(r"[a-zäöüß]+", re.split(r"(?<![a-z])of(?![a-z])", said)[0])
    named = bool(words) and (words[-1] in NOMINAL or (words[-1] in NUMBERED and len(words) > 1))
    known = values[np.isfinite(values)]
    return named and bool(np.all(known == np.floor(known)))


def _unusable(values: Column, named: bool = False) -> str:
    if values.dtype == object:
        counts = Counter(v for v in values.tolist() if v is not None)
        most = max(counts.values(), default=0)
    else:
        distinct, times = np.unique(values[np.isfinite(values)], return_counts=True)
        if _counts_rows(distinct, times):
            return "a running number"
        counts = Counter(dict(zip(distinct.tolist(), times.tolist(), strict=True)))
        most = (
            max(counts.values(), default=0) if named else len(values)
        )  # numbers are cut into ranges: that each value occurs once is no objection
    if not counts:
        return "no values"
    if len(counts) == 1:
        return "the same everywhere"
    if most < max(2, min(5, len(values) // 4), math.ceil(0.005 * len(values))):
        each = counts.total() / len(counts)
        if each < 1.5:
            return "nearly every value is unique"
        return f"too few images of each value: {each:.1f} on average, {most:,} at most"
    return ""


def _counts_rows(distinct: npt.NDArray[np.float64], times: npt.NDArray[np.int64]) -> bool:
    """Whether the values are consecutive whole numbers, each the same number of times: an index, not a measurement."""
    if len(distinct) < 50 or times.max() > 8:
        return False
    return bool(
        np.all(distinct == np.floor(distinct))
        and np.all(np.diff(distinct) == 1)
        and times.min() == times.max()
    )
