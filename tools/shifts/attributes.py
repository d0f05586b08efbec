"""Attribute by attribute: in what do deployment images differ from the others, and is it more than chance?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.evidence import Cell, Fact, Interval, Table
from failsight.tools.notes import called
from failsight.tools.shifts.samples import Domain, Pair, coded, left_when_known, shared_attributes
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.sample_shift import categorical_shift, numeric_shift
from failsight.tools.text import clean, counted, interval, number, p_value

ALPHA = 0.05
LEAST_SHIFT = (
    0.3  # reference spreads; below this nobody sees a difference (Cohen 1988: 0.2 small, 0.5 medium)
)
LEAST_DISTANCE = 0.2  # Kolmogorov–Smirnov distance: the median may stay while the spread changes
LEAST_V = 0.1  # Cramér's V
AMOUNTS = (
    "file_size",
    "width",
    "height",
)  # of these a change is named by its ratio as well: files of 125 bytes are as large as of 123
LEAST_RATIO = 0.05
FEWEST = 20  # known values on both sides before an attribute is tested
COMPARED = 1000  # rows of each sample that the permutation test reads
SHOWN = 30

#: what a lower and what a higher value looks like
WORDS: Mapping[str, tuple[str, str]] = {
    "brightness": ("darker", "brighter"),
    "contrast": ("flatter", "more contrasty"),
    "saturation": ("paler", "more vivid"),
    "sharpness": ("more blurred", "sharper"),
    "colourfulness": ("greyer", "more colourful"),
    "symmetry": ("more lopsided", "more symmetric"),
    "centre_brightness": ("darker in the middle", "brighter in the middle"),
    "texture": ("plainer", "busier"),
    "border": ("less framed", "more framed"),
    "jpeg_quality": ("more strongly compressed", "less compressed"),
    "width": ("narrower", "wider"),
    "height": ("lower", "taller"),
    "aspect_ratio": ("more upright", "wider in proportion"),
    "file_size": ("smaller as files", "larger as files"),
}


@dataclass(frozen=True, slots=True)
class AttributeShift:
    """One attribute in both samples.

    Attributes:
        name: of the attribute.
        before, after: what it is in the reference and in the target, as text.
        effect: shift of the median in reference spreads (signed) or Cramér's V; NaN where the reference has no spread.
        ci: its interval.
        distance: Kolmogorov–Smirnov distance of a number; NaN for categories.
        p, q: of the test; q after Benjamini–Hochberg over attributes.
        numeric: whether it is a number.
        words: the difference in a few words: ``darker: median brightness 0.31 against 0.52``.
        left: AUC of the domain classifier among images alike in this attribute; NaN where there is no classifier.
        n: images of the smaller sample with a known value.
        slight: an amount whose median changes by less than ``LEAST_RATIO`` of itself, however little it spreads.
    """

    name: str
    before: str
    after: str
    effect: float
    ci: Interval
    distance: float
    p: float
    numeric: bool
    words: str
    n: int
    q: float = math.nan
    left: float = math.nan
    slight: bool = False

    @property
    def large(self) -> bool:
        """At least the size fixed beforehand."""
        if not self.numeric:
            return self.effect >= LEAST_V
        if self.slight:
            return False
        moved = math.isfinite(self.effect) and abs(self.effect) >= LEAST_SHIFT and self.ci[0] * self.ci[1] > 0
        return moved or self.distance >= LEAST_DISTANCE

    @property
    def differs(self) -> bool:
        """Large and more than chance."""
        return self.large and self.q <= ALPHA


def attribute_shifts(pair: Pair, domain: Domain | None, seed: int) -> list[AttributeShift]:
    """Every shared attribute tested, those that differ first, by how much of the separation goes when they are known."""
    made = [s for s in (_one(pair, name, seed) for name in shared_attributes(pair)) if s is not None]
    if not made:
        return []
    q = benjamini_hochberg([s.p for s in made])
    made = [dataclasses.replace(s, q=float(v)) for s, v in zip(made, q, strict=True)]
    if domain is not None:
        made = [
            dataclasses.replace(s, left=left_when_known(pair, domain, s.name)) if s.differs else s
            for s in made
        ]
    return sorted(made, key=lambda s: (not s.differs, s.left if math.isfinite(s.left) else 1.0, -_size(s)))


def _size(s: AttributeShift) -> float:
    return s.distance if s.numeric else s.effect


def _one(pair: Pair, name: str, seed: int) -> AttributeShift | None:
    values = pair.column(name)
    return (
        _category(pair, name, values, seed) if values.dtype == object else _numeric(pair, name, values, seed)
    )


def _enough(pair: Pair, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
    return min(int((known & pair.target).sum()), int((known & ~pair.target).sum())) >= FEWEST


def _numeric(pair: Pair, name: str, values: np.ndarray, seed: int) -> AttributeShift | None:  # type: ignore[type-arg]
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    if not _enough(pair, known):
        return None
    at = _thinned(pair, known, seed)
    weights = None if pair.weights is None or pair.by_class else pair.weights[at]
    found = numeric_shift(numbers[at], pair.target[at], pair.strata[at], weights=weights, seed=seed)
    if found is None:
        return None
    before, after = _plain(found.before), _plain(found.after)
    low, high = WORDS.get(name, (f"lower in {_called(name)}", f"higher in {_called(name)}"))
    word = (
        f"different in {_called(name)}"
        if found.before == found.after
        else (low if found.after < found.before else high)
    )
    words = f"{word}: median {_called(name)} {after} against {before}"
    return AttributeShift(
        name, before, after, found.shift, found.ci, found.distance, found.p, True, words, found.n,
        slight=name in AMOUNTS and abs(found.after - found.before) < LEAST_RATIO * abs(found.before),
    )  # fmt: skip


def _thinned(pair: Pair, known: np.ndarray, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """Positions with a known value, at most ``COMPARED`` of each sample."""
    rng = np.random.default_rng(seed)
    parts = []
    for side in (~pair.target, pair.target):
        at = np.flatnonzero(known & side)
        parts.append(at if len(at) <= COMPARED else np.sort(rng.choice(at, COMPARED, replace=False)))
    return np.concatenate(parts)


def _category(pair: Pair, name: str, values: np.ndarray, seed: int) -> AttributeShift | None:  # type: ignore[type-arg]
    codes, names = coded(values)
    known = codes >= 0
    if not _enough(pair, known):
        return None
    weights = None if pair.weights is None or pair.by_class else pair.weights[known]
    found = categorical_shift(
        codes[known], pair.target[known], pair.strata[known], weights=weights, seed=seed
    )
    if found is None:
        return None
    value = clean(names[found.value], 40)
    before, after = (f"{value} {number(share)}" for share in (found.before, found.after))
    often = "more" if found.after > found.before else "less"
    words = f"{often} often {_called(name)} {value}: {number(found.after)} against {number(found.before)}"
    return AttributeShift(
        name, before, after, found.v, found.ci, math.nan, found.p, False, words, found.n
    )  # fmt: skip


def _called(name: str) -> str:
    return clean(name, 40).replace("_", " ")


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def attribute_table_of(shifts: Sequence[AttributeShift], before: str, after: str, by_class: bool) -> Table:
    """All attributes that were tested."""
    rows: list[tuple[Cell, ...]] = [
        (
            _called(s.name),
            s.before,
            s.after,
            number(s.effect, "ratio") if math.isfinite(s.effect) else "–",
            interval(s.ci, "ratio"),
            number(s.distance, "ratio"),
            p_value(s.q),
            "yes" if s.differs else "no",
            number(s.left, "ratio"),
        )
        for s in shifts[:SHOWN]
    ]
    held = (
        "Within true classes: a change of class mix is not counted. "
        if by_class
        else "Classes are not known on both sides: sizes are read at the estimated class mix where there is one. "
    )
    more = (
        f" {counted(len(shifts) - SHOWN, 'more attribute is', 'more attributes are')} not shown."
        if len(shifts) > SHOWN
        else ""
    )
    return Table(
        f"From {called(before)} to {called(after)}, attribute by attribute",
        (
            "attribute",
            called(before),
            called(after),
            "effect",
            "interval",
            "distance",
            "q",
            "differs",
            "AUC left",
        ),
        tuple(rows),
        (),
        f"Medians, or the value whose share changed most. {held}Effect: shift of the median in spreads of the "
        f"{called(before)}, or Cramér's V. AUC left: how well the samples are still told apart among images alike in this "
        f"attribute (0.5: it explains everything).{more}",
    )


def attribute_facts(shifts: Sequence[AttributeShift]) -> tuple[Fact, ...]:
    """A fact for each attribute that differs."""
    made = []
    for s in shifts[:SHOWN]:
        if s.differs:
            name = "median_shift" if s.numeric else "cramers_v"
            value = s.effect if math.isfinite(s.effect) else None
            ci = s.ci if math.isfinite(s.ci[0]) else None
            made.append(Fact(name, value, "score", f"attribute {clean(s.name, 60)}", ci, s.n))
    return tuple(made)
