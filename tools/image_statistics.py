"""What the pictures of a split, a class or two splits look like in numbers: medians, spread, differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import NUMERIC, ImageMeasures
from failsight.tools.attributes.measure import HUES
from failsight.tools.evidence import Cell, Interval, Table
from failsight.tools.notes import called
from failsight.tools.performance import adjusted
from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.tests import chi_squared_p
from failsight.tools.text import counted, interval, number, p_value

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BY_CLASS = ("brightness", "contrast", "saturation", "sharpness", "colourfulness")
FEWEST = 10  # pictures on both sides before a difference is tested
LARGE = 0.3  # standardised mean difference that is worth a sentence (Cohen 1988: 0.2 small, 0.5 medium)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of a number; NaN without values."""

    median: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "–"
        low, median, high = (plain(v) for v in (self.low, self.median, self.high))
        return median if low == high else f"{median} ({low} to {high})"


def plain(value: float) -> str:
    """Three significant digits, whole from a hundred on: ``0.254``, ``12.5``, ``1,160``."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Floats) -> Spread:
    """Median and quartiles of the finite ``values``."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Spread(math.nan, math.nan, math.nan, 0)
    low, median, high = np.quantile(known, (0.25, 0.5, 0.75))
    return Spread(float(median), float(low), float(high), len(known))


def hue_shares(measures: ImageMeasures, rows: Ints) -> Floats:
    """(len(HUES),) share of each dominant hue among the readable ``rows``; zeros without any."""
    hues = measures.hue[rows]
    counts = np.bincount(hues[hues >= 0], minlength=len(HUES)).astype(np.float64)
    shares: Floats = counts / max(counts.sum(), 1)
    return shares


def hue_text(measures: ImageMeasures, rows: Ints) -> str:
    """The most frequent dominant hue with its share."""
    shares = hue_shares(measures, rows)
    return f"{HUES[int(shares.argmax())]} {number(float(shares.max()))}" if shares.any() else "–"


def split_table(measures: Mapping[str, ImageMeasures], rows: Mapping[str, Ints]) -> Table:
    """Median and quartiles of every measurement, one column a split."""
    made: list[tuple[Cell, ...]] = []
    for name in NUMERIC:
        cells = [spread(m.numbers[name][rows[s]]) for s, m in measures.items()]
        if any(c.n for c in cells):
            made.append((name.replace("_", " "), *(str(c) for c in cells)))
    made.append(("dominant hue", *(hue_text(m, rows[s]) for s, m in measures.items())))
    caption = "Median and quartiles. Brightness, contrast and saturation from 0 to 1; sharpness is the variance of the Laplacian at 128 × 128."
    return Table(
        "The pictures in numbers", ("measurement", *(called(s) for s in measures)), tuple(made), (), caption
    )


def class_table(
    measures: ImageMeasures, labels: Ints, classes: Sequence[str], split: str, most: int = 40
) -> Table:
    """Median and quartiles of the main measurements of each class."""
    made: list[tuple[Cell, ...]] = []
    present = [c for c in range(len(classes)) if (labels == c).any()]
    for c in present[:most]:
        rows = np.flatnonzero(labels == c)
        made.append(
            (
                classes[c],
                *(str(spread(measures.numbers[n][rows])) for n in BY_CLASS),
                hue_text(measures, rows),
            )
        )
    left = len(present) - len(made)
    caption = "Median and quartiles." + (
        f" {counted(left, 'more class is', 'more classes are')} not shown." if left else ""
    )
    return Table(
        f"The pictures by class, {called(split)}",
        ("class", *BY_CLASS, "dominant hue"),
        tuple(made),
        (),
        caption,
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """How one measurement differs between two sets of pictures, second minus first.

    Attributes:
        smd: standardised mean difference (Cohen's d, pooled deviation) with its interval (Hedges & Olkin 1985, 5.C);
            None where there is no spread to compare with.
        distance: Kolmogorov–Smirnov distance for numbers, total variation for the hue; 0 to 1.
        p, q: of the Kolmogorov–Smirnov or chi-squared test, q after Benjamini–Hochberg over the measurements.
    """

    name: str
    first: str
    second: str
    smd: float | None
    ci: Interval | None
    distance: float
    p: float
    q: float = math.nan


def differences(a: ImageMeasures, rows_a: Ints, b: ImageMeasures, rows_b: Ints) -> list[Difference]:
    """Every measurement compared between two sets, largest distance first; those with too few pictures are left out."""
    made = []
    for name in NUMERIC:
        one, other = (m.numbers[name][r] for m, r in ((a, rows_a), (b, rows_b)))
        one, other = one[np.isfinite(one)], other[np.isfinite(other)]
        if min(len(one), len(other)) >= FEWEST:
            made.append(_numeric(name, one, other))
    if min(int((a.hue[rows_a] >= 0).sum()), int((b.hue[rows_b] >= 0).sum())) >= FEWEST:
        made.append(_hue(a, rows_a, b, rows_b))
    q = adjusted(np.array([d.p for d in made], np.float64))
    made = [
        Difference(d.name, d.first, d.second, d.smd, d.ci, d.distance, d.p, float(v))
        for d, v in zip(made, q, strict=True)
    ]
    return sorted(made, key=lambda d: -d.distance)


def _numeric(name: str, one: Floats, other: Floats) -> Difference:
    d, ci = standardised_difference(one, other)
    distance = ks_distance(one, other)
    effective = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    return Difference(
        name, str(spread(one)), str(spread(other)), d, ci, distance, _kolmogorov(effective * distance)
    )


def standardised_difference(one: Floats, other: Floats) -> tuple[float | None, Interval | None]:
    """(mean(other) − mean(one)) / pooled deviation, and its large-sample interval; None without spread."""
    n, m = len(one), len(other)
    pooled = ((n - 1) * one.var(ddof=1) + (m - 1) * other.var(ddof=1)) / (n + m - 2)
    if pooled <= 1e-24:
        return None, None
    d = float((other.mean() - one.mean()) / math.sqrt(pooled))
    half = normal_quantile(0.95) * math.sqrt((n + m) / (n * m) + d * d / (2 * (n + m)))
    return d, (d - half, d + half)


def ks_distance(one: Floats, other: Floats) -> float:
    """Largest vertical distance of the two empirical distribution functions."""
    points = np.concatenate([one, other])
    below = (np.searchsorted(np.sort(v), points, side="right") / len(v) for v in (one, other))
    return float(np.abs(np.subtract(*below)).max())


def _kolmogorov(x: float) -> float:
    """P(K > x) of the Kolmogorov distribution: asymptotic, conservative with ties."""
    from scipy.special import kolmogorov

    return float(min(1.0, max(kolmogorov(x), 1e-300)))


def _hue(a: ImageMeasures, rows_a: Ints, b: ImageMeasures, rows_b: Ints) -> Difference:
    counts = np.stack(
        [np.bincount(m.hue[r][m.hue[r] >= 0], minlength=len(HUES)) for m, r in ((a, rows_a), (b, rows_b))]
    )
    counts = counts[:, counts.sum(0) > 0].astype(np.float64)
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    p = chi_squared_p(float(((counts - expected) ** 2 / expected).sum()), counts.shape[1] - 1)
    shares = counts / counts.sum(1, keepdims=True)
    total_variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return Difference(
        "dominant_hue", hue_text(a, rows_a), hue_text(b, rows_b), None, None, total_variation, p
    )


def difference_table(found: Sequence[Difference], before: str, after: str) -> Table:
    """The comparison of two splits."""
    rows = tuple(
        (
            d.name.replace("_", " "),
            d.first,
            d.second,
            number(d.smd, "ratio"),
            interval(d.ci, "ratio"),
            d.distance,
            p_value(d.q),
        )
        for d in found
    )
    return Table(
        f"From {called(before)} to {called(after)}",
        (
            "measurement",
            called(before),
            called(after),
            "standardised difference",
            "interval",
            "distance",
            "q",
        ),
        rows,
        ("text", "text", "text", "text", "text", "ratio", "text"),
        "Largest difference first. Standardised: in standard deviations. Distance: of the distributions, 0 equal to 1 apart. "
        "q: Kolmogorov–Smirnov (hue: chi-squared), Benjamini–Hochberg over measurements.",
    )


def difference_sentence(found: Sequence[Difference], after: str) -> str:
    """The clear differences in words, at most three; empty when there is none."""
    clear = [
        d
        for d in found
        if d.q <= 0.05 and (abs(d.smd) >= LARGE if d.smd is not None else d.distance >= LARGE)
    ]
    if not clear:
        return ""
    words = [f"{d.name.replace('_', ' ')} ({d.second} instead of {d.first})" for d in clear[:3]]
    return f"The {called(after)} differ most in {'; '.join(words)}."
