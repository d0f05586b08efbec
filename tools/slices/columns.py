"""Attribute columns as the slice search takes them: integer codes, with a readable name for each.

Categories keep their names. Numbers with few distinct values, and those that name things (zip codes, ids), are categories too; other numbers are cut at quantiles,
and the cut is rounded first, so that the name says exactly what is in the range: ``brightness=dark (0.21 to 0.34)``.
Six digits do for most; numbers that differ further on (times in seconds, serial numbers) get as many as tell them apart.
Where one half of the images may choose, a range that is worse than the quantiles tell is cut out (`learn_ranges`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.metadata import nominal
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.stats.slices.cuts import MORE_DIGITS, Learner, learned_range, number_key, with_range
from failsight.tools.text import clean, counted, number_text

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
FEW_VALUES = 6  # numbers with at most so many distinct values are named one by one
ROWS_PER_RANGE = 60  # images a range should hold, before a number is cut into more ranges
MOST_RANGES = 5

#: what is low and what is high, for the computed attributes
ENDS: Mapping[str, tuple[str, str]] = {
    "brightness": ("dark", "bright"),
    "contrast": ("flat", "contrasty"),
    "saturation": ("pale", "vivid"),
    "sharpness": ("blurred", "sharp"),
    "colourfulness": ("grey", "colourful"),
    "symmetry": ("lopsided", "symmetric"),
    "centre_brightness": ("dark in the middle", "bright in the middle"),
    "texture": ("plain", "busy"),
    "border": ("hardly framed", "framed"),
    "jpeg_quality": ("strongly compressed", "lightly compressed"),
    "width": ("narrow", "wide"),
    "height": ("low", "tall"),
    "aspect_ratio": ("upright", "wide"),
    "file_size": ("small", "large"),
}


@dataclass(frozen=True, slots=True)
class Coded:
    """One attribute, coded.

    Attributes:
        name: of the attribute.
        source: ``metadata``, ``computed``, ``object`` …
        codes: (n,) position in ``values``; −1 where the value is missing.
        values: what the codes stand for, fit for display.
        edges: for ranges of a number, where they are cut (len(values) − 1 of them), else None.
        learned: the range that the images with known targets suggested: (from, to), −inf or inf where it has no end.
        exact: the values are numbers that six digits do not tell apart, named in full.
    """

    name: str
    source: str
    codes: Codes
    values: tuple[str, ...]
    edges: tuple[float, ...] | None = None
    learned: tuple[float, float] | None = None
    exact: bool = False

    @property
    def missing(self) -> int:
        """Images without a value."""
        return int((self.codes < 0).sum())

    def encode(self, column: npt.NDArray[Any]) -> Codes:
        """Codes of other images of the same attribute; −1 where a value is missing, −2 where it never occurred here."""
        if self.edges is not None:
            return _ranges(np.asarray(column, np.float64), self.edges)
        place: dict[str | None, int] = {value: i for i, value in enumerate(self.values)}
        place[None] = -1
        return np.array([place.get(text, -2) for text in _names(column, self.exact)], np.int64)

    def span(self, first: int, last: int) -> str:
        """Name of the ranges first … last together; of one value when they are the same."""
        if first == last or self.edges is None:
            return self.values[first]
        words = [value.rpartition(" (")[0] for value in self.values[first : last + 1]]
        ends = edge_texts(self.edges)
        if first == 0:
            extent = f"< {ends[last]}" if last < len(ends) else "all"
        else:
            extent = f"{ends[first - 1]} to {ends[last]}" if last < len(ends) else f"≥ {ends[first - 1]}"
        return f"{' or '.join((words[0], words[-1]))} ({extent})"

    def filters(self, first: int, last: int) -> tuple[str, ...]:
        """The same as conditions that an experiment understands: ``television=yes``, or ``brightness<0.21``."""
        if self.edges is None:
            return (f"{self.name}={self.values[first]}",)
        ends = edge_texts(self.edges)
        low = (f"{self.name}>={ends[first - 1]}",) if first > 0 else ()
        high = (f"{self.name}<{ends[last]}",) if last < len(ends) else ()
        return (*low, *high)


def encode_columns(
    table: AttributeTable, keep: npt.NDArray[np.bool_], wanted: Sequence[str] | None
) -> tuple[list[Coded], list[str]]:
    """The attributes that slices can be made of, and notes about those that were left out.

    Args:
        table: attributes of all images.
        keep: which of its rows take part.
        wanted: names of the attributes to use; all by default.

    Raises:
        RetryError: an attribute does not exist or can't make slices.
    """
    usable = [name for name in table.columns if name not in table.unusable]
    for name in wanted or ():
        if name not in table.columns:
            raise RetryError(f"There is no attribute {clean(name, 60)!r}.", usable)
        if name in table.unusable:
            raise RetryError(f"No slice can be made of {clean(name, 60)}: {table.unusable[name]}.", usable)
    made: list[Coded] = []
    alike: list[Coded] = []
    for name in dict.fromkeys(wanted or usable):
        coded = encode_column(name, table.sources.get(name, ""), table.columns[name][keep])
        (made if len(coded.values) > 1 else alike).append(coded)
    return made, _notes(table, made, alike, wanted)


def encode_column(name: str, source: str, column: npt.NDArray[Any]) -> Coded:
    """Code one column: str or None for categories, float with NaN for numbers."""
    exact = False
    if column.dtype != object:
        numbers = np.asarray(column, np.float64)
        distinct = np.unique(numbers[np.isfinite(numbers)])
        if len(distinct) > FEW_VALUES and not nominal(name, numbers):
            return _coded_number(name, source, numbers)
        exact = _alike_in_six(distinct.tolist())
    names = _names(column, exact)
    values = tuple(sorted({v for v in names if v is not None}, key=_order))
    place = {value: i for i, value in enumerate(values)}
    codes = np.array([-1 if v is None else place[v] for v in names], np.int64)
    return Coded(name, source, codes, values, exact=exact)


def edge_texts(edges: Sequence[float]) -> list[str]:
    """Cuts as names and filters say them: in six digits where these give the same numbers again, else in full."""
    texts = [f"{e:g}" for e in edges]
    same = all(float(text) == e for text, e in zip(texts, edges, strict=True))
    return texts if same else [number_text(e) for e in edges]


def _alike_in_six(distinct: Sequence[float]) -> bool:
    """Whether six digits merge numbers that are not the same."""
    return len({f"{v:g}" for v in distinct}) < len({number_key(v) for v in distinct})


def _coded_number(name: str, source: str, numbers: npt.NDArray[np.float64]) -> Coded:
    known = numbers[np.isfinite(numbers)]
    ranges = max(2, min(MOST_RANGES, len(known) // ROWS_PER_RANGE))
    edges = _cuts(known, ranges)
    return Coded(name, source, _ranges(numbers, edges), _range_names(name, edges), edges)


def learn_ranges(coded: Sequence[Coded], table: AttributeTable, keep: Mask, learner: Learner) -> list[Coded]:
    """The same attributes, numbers cut where the images of the half that chooses are worst."""
    made = []
    for one in coded:
        if one.edges is None:
            made.append(one)
            continue
        numbers = np.asarray(table.columns[one.name][keep], np.float64)
        found = learned_range(numbers, learner, one.edges, _rounded)
        made.append(one if found is None else _with_learned(one, numbers, found, learner.floor))
    return made


def _with_learned(
    plain: Coded, numbers: npt.NDArray[np.float64], found: tuple[float, float], floor: int
) -> Coded:
    edges = tuple(with_range(numbers, found, plain.edges or (), max(floor, ROWS_PER_RANGE // 2)))
    known = np.sort(numbers[np.isfinite(numbers)])
    shares = np.r_[0.0, np.searchsorted(known, edges) / max(len(known), 1), 1.0]
    low, high = _ends(plain.name)
    words = [_word(a, b, low, high) for a, b in pairwise(shares.tolist())]
    values = tuple(f"{word} ({span})" for word, span in zip(words, _extents(edge_texts(edges)), strict=True))
    return Coded(plain.name, plain.source, _ranges(numbers, edges), values, edges, found)


def _word(start: float, stop: float, low: str, high: str) -> str:
    """What to call a range by where it lies among the values, from ``start`` to ``stop`` of their shares."""
    middle, width = (start + stop) / 2, stop - start
    if 0.4 <= middle <= 0.6 and start > 0 and stop < 1:
        return "middle"
    word = low if start == 0 or (middle < 0.5 and stop < 1) else high
    return f"very {word}" if min(middle, 1 - middle) < 0.15 and width < 0.25 else word


def _cuts(known: npt.NDArray[np.float64], ranges: int) -> tuple[float, ...]:
    """Where to cut: quantiles, rounded to as few digits as keep them apart, and inside the range of the values."""
    quantiles = np.quantile(known, np.arange(1, ranges) / ranges, method="inverted_cdf")
    apart = np.unique([q for q in quantiles.tolist() if number_key(q) > number_key(float(known.min()))])
    for digits in (2, 3, 4, 6, *MORE_DIGITS):
        edges = np.unique([_rounded(q, digits) for q in quantiles])
        edges = edges[(edges > known.min()) & (edges <= known.max())]
        if len(edges) == ranges - 1 or (digits >= 6 and len(edges) >= len(apart)):
            break
    return tuple(float(e) for e in edges)


def _rounded(value: float, digits: int) -> float:
    """``value`` with so many significant digits."""
    return float(f"{value:.{digits}g}")


def _ranges(numbers: npt.NDArray[np.float64], edges: Sequence[float]) -> Codes:
    """Range of each number: range i starts at edge i − 1 and ends before edge i."""
    codes = np.searchsorted(np.array(edges), numbers, side="right").astype(np.int64)
    codes[~np.isfinite(numbers)] = -1
    return codes


def _range_names(name: str, edges: Sequence[float]) -> tuple[str, ...]:
    spans = _extents(edge_texts(edges))
    return tuple(f"{word} ({span})" for word, span in zip(_words(name, len(spans)), spans, strict=True))


def _extents(texts: Sequence[str]) -> list[str]:
    """From where to where each range goes."""
    spans = [f"< {texts[0]}"] if texts else ["all"]
    spans += [f"{low} to {high}" for low, high in pairwise(texts)]
    return spans + ([f"≥ {texts[-1]}"] if texts else [])


def _ends(name: str) -> tuple[str, str]:
    return ENDS.get(name.removeprefix("computed_"), ("low", "high"))


def _words(name: str, ranges: int) -> list[str]:
    """Names of the ranges from low to high."""
    low, high = _ends(name)
    middle = ["middle"] if ranges % 2 else []
    return {
        1: ["any"],
        2: [low, high],
        3: [low, *middle, high],
        4: [f"very {low}", low, high, f"very {high}"],
        5: [f"very {low}", low, *middle, high, f"very {high}"],
    }[ranges]


def _names(column: npt.NDArray[Any], exact: bool = False) -> list[str | None]:
    """Values as text, cleaned, numbers in six digits or in full; None where missing."""
    if column.dtype == object:
        values = column.tolist()
        shown = {v: None if v is None else clean(v, 80) or None for v in set(values)}
        return [shown[v] for v in values]
    numbers = np.asarray(column, np.float64).tolist()
    if exact:
        return [number_text(number_key(v)) if math.isfinite(v) else None for v in numbers]
    return [f"{v:g}" if math.isfinite(v) else None for v in numbers]


def _order(value: str) -> tuple[int, float, str]:
    """Numbers by size, before words."""
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _notes(
    table: AttributeTable, made: Sequence[Coded], alike: Sequence[Coded], wanted: Sequence[str] | None
) -> list[str]:
    notes = []
    unfit = {} if wanted else dict(table.unusable)
    unfit |= {c.name: "the same in all these images" for c in alike}
    reasons: dict[str, list[str]] = {}
    for name, reason in unfit.items():
        reasons.setdefault(reason, []).append(clean(name, 40))
    for reason, names in reasons.items():
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        notes.append(f"Attributes left out ({reason}): {shown}.")
    gaps = [f"{clean(c.name, 40)} in {c.missing:,} of {len(c.codes):,}" for c in made if c.missing]
    if gaps:
        listed = ", ".join(gaps[:6]) + (
            f" and {counted(len(gaps) - 6, 'more attribute')}" if len(gaps) > 6 else ""
        )
        notes.append(f"Values are missing for {listed}; such images belong to no slice of that attribute.")
    return notes
