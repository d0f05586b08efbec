"""How good the predictions of one split are, and how much worse those of another: numbers with intervals, no opinions.

Pure functions of prediction tables; ``evaluate``, ``confusion_matrix``, ``readiness`` and the report all read these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.inputs.base import Predictions
from failsight.tools.stats.intervals import newcombe, wilson, wilson_many
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.stratified import compare_counts
from failsight.tools.stats.tests import fisher_exact

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate or mean of rates in [0, 1]: NaN with the interval (0, 1) where nothing was counted."""

    value: float
    ci: Interval
    n: int

    @property
    def known(self) -> bool:
        """False where there was nothing to count."""
        return math.isfinite(self.value)


@dataclass(frozen=True, slots=True)
class ClassPerformance:
    """One class.

    Attributes:
        index, name: the class.
        n: images of it.
        predicted: images that were called it.
        right: images of it that were called it.
        recall: right / n, Wilson interval.
        precision: right / predicted, Wilson interval.
        f1: 2 · right / (n + predicted). It is 2J / (1 + J) with J = right / (n + predicted − right), the share of right
            ones among all images that are or were called this class; given their number J is a binomial rate, so the
            interval is Wilson's of J, transformed. Its ``n`` is that number.
    """

    index: int
    name: str
    n: int
    predicted: int
    right: int
    recall: Rate
    precision: Rate
    f1: Rate


@dataclass(frozen=True)
class Performance:
    """One split, labelled images only.

    Attributes:
        confusion: (k, k) images by true class (row) and prediction (column).
        accuracy: Wilson interval.
        balanced_accuracy: mean recall of the classes that have images (the macro-averaged recall).
        majority: index of the most frequent class; ``baseline`` is its share, what always answering it would give.
        seed: of the bootstrap behind the macro averages.
    """

    split: str
    classes: tuple[str, ...]
    n: int
    confusion: Ints
    accuracy: Rate
    balanced_accuracy: Rate
    majority: int
    baseline: float
    per_class: tuple[ClassPerformance, ...]
    seed: int = 0

    @property
    def macro_precision(self) -> Rate:
        """Mean precision of the classes that have images; a class never predicted counts 0. Bootstrap interval."""
        value = _mean([c.precision.value if c.predicted else 0.0 for c in self.present])
        return Rate(value, self._macro_intervals[0], self.n)

    @property
    def macro_f1(self) -> Rate:
        """Mean F1 of the classes that have images. Bootstrap interval."""
        return Rate(_mean([c.f1.value for c in self.present]), self._macro_intervals[1], self.n)

    @cached_property
    def _macro_intervals(self) -> tuple[Interval, Interval]:
        return macro_intervals(self.confusion, self.seed)

    @property
    def present(self) -> tuple[ClassPerformance, ...]:
        """The classes that have images in this split."""
        return tuple(c for c in self.per_class if c.n)

    def weakest(self) -> tuple[ClassPerformance, ...]:
        """The classes that have images, lowest recall first."""
        return tuple(sorted(self.present, key=lambda c: (c.recall.value, c.index)))


def confusion(labels: Ints, predicted: Ints, k: int) -> Ints:
    """(k, k) counts by label (row) and prediction (column); rows with a label below 0 are left out."""
    known = labels >= 0
    made = np.bincount(labels[known] * k + predicted[known], minlength=k * k).reshape(k, k)
    return made.astype(np.int64)


def performance(predictions: Predictions, *, seed: int = 0) -> Performance:
    """The performance on one split. Without labelled images every rate is NaN.

    Args:
        predictions: the prediction table.
        seed: of the bootstrap behind the macro averages.
    """
    k = len(predictions.classes)
    counts = confusion(predictions.labels, predictions.predicted, k)
    n, right = int(counts.sum()), int(np.trace(counts))
    per_class = tuple(_class(i, predictions.classes[i], counts) for i in range(k))
    present = [c for c in per_class if c.n]
    share = np.full(len(present), 1 / max(len(present), 1))
    majority = int(counts.sum(1).argmax()) if n else 0
    return Performance(
        split=predictions.split,
        classes=predictions.classes,
        n=n,
        confusion=counts,
        accuracy=_rate(right, n),
        balanced_accuracy=weighted_rate([c.recall for c in present], share),
        majority=majority,
        baseline=float(counts.sum(1).max() / n) if n else math.nan,
        per_class=per_class,
        seed=seed,
    )


def _rate(k: int, n: int) -> Rate:
    return Rate(k / n if n else math.nan, wilson(k, n), n)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _class(i: int, name: str, counts: Ints) -> ClassPerformance:
    n, predicted, right = int(counts[i].sum()), int(counts[:, i].sum()), int(counts[i, i])
    jaccard = _rate(right, n + predicted - right)
    low, high = (2 * j / (1 + j) for j in jaccard.ci)
    f1 = Rate(2 * right / (n + predicted) if n + predicted else math.nan, (low, high), jaccard.n)
    return ClassPerformance(i, name, n, predicted, right, _rate(right, n), _rate(right, predicted), f1)


def weighted_rate(parts: Sequence[Rate], weights: Floats) -> Rate:
    """Σ wᵢ pᵢ of independent rates, with the square-and-add interval of Zou & Donner (2008, Stat. Med. 27:1693)."""
    if not parts:
        return Rate(math.nan, (0.0, 1.0), 0)
    value = np.array([p.value for p in parts])
    low, high = np.array([p.ci for p in parts]).T
    point = float(weights @ value)
    down, up = (
        np.sqrt(((weights * (value - low)) ** 2).sum()),
        np.sqrt(((weights * (high - value)) ** 2).sum()),
    )
    return Rate(point, (max(0.0, point - float(down)), min(1.0, point + float(up))), sum(p.n for p in parts))


def macro_intervals(
    counts: Ints, seed: int, draws: int = 1000, level: float = 0.95
) -> tuple[Interval, Interval]:
    """Percentile bootstrap intervals of macro precision and macro F1: images are redrawn, the classes stay.

    Args:
        counts: (k, k) confusion matrix.
        seed: makes it reproducible.
        draws: resamples; fewer, at least 200, when very many cells are filled.

    Returns:
        Two intervals; (0, 1) each without images.
    """
    n, k = int(counts.sum()), len(counts)
    if n == 0:
        return (0.0, 1.0), (0.0, 1.0)
    true, called = np.nonzero(counts)
    rng = np.random.default_rng(seed)
    present = counts.sum(1) > 0
    precision, f1 = [], []
    for _ in range(max(200, min(draws, 4_000_000 // len(true)))):
        drawn = rng.multinomial(n, counts[true, called] / n)
        rows, columns = np.bincount(true, drawn, k), np.bincount(called, drawn, k)
        right = np.bincount(true[true == called], drawn[true == called], k)
        precision.append((right / np.maximum(columns, 1))[present].mean())
        f1.append((2 * right / np.maximum(rows + columns, 1))[present].mean())
    tail = (1 - level) / 2
    return tuple(tuple(float(v) for v in np.quantile(x, (tail, 1 - tail))) for x in (precision, f1))  # type: ignore[return-value]


def weaker_than_rest(made: Performance) -> tuple[Floats, Floats]:
    """Is a class recognised less often than the others together? One-sided Fisher tests, Benjamini–Hochberg over classes.

    Returns:
        (k,) p and (k,) q; NaN for classes without images or without others to compare with.
    """
    k = len(made.classes)
    p = np.full(k, np.nan)
    wrong = made.n - int(np.trace(made.confusion))
    for c in made.present:
        if c.n < made.n:
            p[c.index] = fisher_exact(c.n - c.right, c.n, wrong - (c.n - c.right), made.n - c.n, "greater")
    return p, adjusted(p)


def adjusted(p: Floats) -> Floats:
    """Benjamini–Hochberg over the p-values that are not NaN; NaN stays NaN."""
    q, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        q[known] = benjamini_hochberg(p[known])
    return q


@dataclass(frozen=True, slots=True)
class Drop:
    """A difference of right answers, reference minus other: positive means that the other split is worse.

    ``p`` is two-sided; ``q`` the same after Benjamini–Hochberg over classes (for the whole, ``q`` is ``p``).
    """

    effect: float
    ci: Interval
    p: float
    q: float
    n: int  # images of the other split behind it


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two splits, class by class.

    Attributes:
        shared: indices of the classes that have images in both.
        only_reference, only_other: names of the classes that have images in one of them only.
        raw: difference of plain accuracies over all images, Newcombe interval: it also moves with the class mix.
        same_mix: difference over the shared classes with the reference's class proportions on both sides: what is
            left once the mix is made equal. Its test permutes images between splits within each class.
        per_class: for each shared class the difference of recalls, in the order of ``shared``.
        mix_distance: half the sum of absolute differences of class shares (total variation), 0 to 1.
    """

    shared: tuple[int, ...]
    only_reference: tuple[str, ...]
    only_other: tuple[str, ...]
    raw: Drop
    same_mix: Drop
    per_class: tuple[Drop, ...]
    mix_distance: float


def compare(reference: Performance, other: Performance) -> Comparison:
    """How much worse ``other`` is than ``reference``: overall, at equal class proportions, and by class.

    Both must have the same classes in the same order. Without a shared class the effects are NaN with p = 1.
    """
    a, b = reference.confusion, other.confusion
    n_a, n_b, right_a, right_b = a.sum(1), b.sum(1), np.diag(a), np.diag(b)
    shared = np.flatnonzero((n_a > 0) & (n_b > 0))
    per_class = _class_drops(n_a[shared], right_a[shared], n_b[shared], right_b[shared])
    mix = 0.5 * np.abs(n_a / max(reference.n, 1) - n_b / max(other.n, 1)).sum()
    return Comparison(
        shared=tuple(shared.tolist()),
        only_reference=tuple(reference.classes[i] for i in np.flatnonzero((n_a > 0) & (n_b == 0))),
        only_other=tuple(reference.classes[i] for i in np.flatnonzero((n_b > 0) & (n_a == 0))),
        raw=_plain_drop(int(right_a.sum()), reference.n, int(right_b.sum()), other.n),
        same_mix=_mixed_drop(n_a[shared], right_a[shared], n_b[shared], right_b[shared]),
        per_class=per_class,
        mix_distance=float(mix),
    )


def _plain_drop(k_a: int, n_a: int, k_b: int, n_b: int) -> Drop:
    if not n_a or not n_b:
        return Drop(math.nan, (-1.0, 1.0), 1.0, 1.0, n_b)
    p = fisher_exact(k_a, n_a, k_b, n_b)
    return Drop(k_a / n_a - k_b / n_b, newcombe(k_a, n_a, k_b, n_b), p, p, n_b)


def _class_drops(n_a: Ints, k_a: Ints, n_b: Ints, k_b: Ints) -> tuple[Drop, ...]:
    plain = [_plain_drop(*map(int, one)) for one in zip(k_a, n_a, k_b, n_b, strict=True)]
    q = adjusted(np.array([d.p for d in plain], np.float64))
    return tuple(Drop(d.effect, d.ci, d.p, float(v), d.n) for d, v in zip(plain, q, strict=True))


def _mixed_drop(n_a: Ints, k_a: Ints, n_b: Ints, k_b: Ints) -> Drop:
    """The difference at the reference's class mix; square-and-add interval over classes and both sides."""
    if not len(n_a):
        return Drop(math.nan, (-1.0, 1.0), 1.0, 1.0, 0)
    w = n_a / n_a.sum()
    p_a, p_b = k_a / n_a, k_b / n_b
    (l_a, u_a), (l_b, u_b) = wilson_many(k_a, n_a).T, wilson_many(k_b, n_b).T
    effect = float(w @ (p_a - p_b))
    down = math.sqrt(float((w**2 * ((p_a - l_a) ** 2 + (u_b - p_b) ** 2)).sum()))
    up = math.sqrt(float((w**2 * ((u_a - p_a) ** 2 + (p_b - l_b) ** 2)).sum()))
    rows, errors = n_a + n_b, n_a + n_b - k_a - k_b
    p = compare_counts(rows, n_b, errors, n_b - k_b, alternative="two-sided").p
    return Drop(effect, (max(-1.0, effect - down), min(1.0, effect + up)), p, p, int(n_b.sum()))


WIDEST = 6.0  # standard errors: a p below 2e-9 is not told apart from it


def beyond_others(reference: Performance, other: Performance, shared: Sequence[int]) -> tuple[Drop, ...]:
    """How much more each class drops than the other classes together, at the reference's class mix.

    Args:
        shared: indices of the classes that have images in both (:attr:`Comparison.shared`).

    Returns:
        One :class:`Drop` for each, whose effect is its drop minus that of the others; empty where there are fewer than two classes.
        The interval squares and adds Wilson's over both (Newcombe 1998, Stat. Med. 17:873); p is one minus the level at which that
        interval just reaches 0, down to 2e-9.
    """
    if len(shared) < 2:
        return ()
    a, b, at = reference.confusion, other.confusion, np.asarray(shared)
    n_a, n_b, k_a, k_b = a.sum(1)[at], b.sum(1)[at], np.diag(a)[at], np.diag(b)[at]
    scale = 1 / (n_a.sum() - n_a)  # class j weighs n_j of n − n_i among all but class i
    drops = k_a / n_a - k_b / n_b
    effect = drops - scale * ((n_a * drops).sum() - n_a * drops)

    def reach(z: float) -> tuple[Floats, Floats]:
        level = math.erf(z / math.sqrt(2))
        (l_a, u_a), (l_b, u_b) = wilson_many(k_a, n_a, level).T, wilson_many(k_b, n_b, level).T
        down = (k_a / n_a - l_a) ** 2 + (u_b - k_b / n_b) ** 2
        up = (u_a - k_a / n_a) ** 2 + (k_b / n_b - l_b) ** 2
        rest_up, rest_down = (scale**2 * ((n_a**2 * x).sum() - n_a**2 * x) for x in (up, down))
        return np.sqrt(down + rest_up), np.sqrt(up + rest_down)

    down, up = reach(1.959964)
    levels = np.linspace(0.05, WIDEST, 120)
    sides = [reach(float(z)) for z in levels]
    spare = np.stack([np.where(effect > 0, low, high) for low, high in sides]) - np.abs(
        effect
    )  # ≥ 0: holds 0
    p = np.array([math.erfc(_first_zero(levels, column) / math.sqrt(2)) for column in spare.T])
    q = adjusted(p)
    return tuple(
        Drop(float(e), (float(e - lo), float(e + hi)), float(each), float(v), int(n))
        for e, lo, hi, each, v, n in zip(effect, down, up, p, q, n_b, strict=True)
    )


def _first_zero(at: Floats, values: Floats) -> float:
    """Where rising values reach 0, by straight lines between them; the last place where they do not."""
    i = int(np.argmax(values >= 0))
    if values[i] < 0:
        return float(at[-1])
    if i == 0:
        return 0.0
    return float(at[i - 1] + (at[i] - at[i - 1]) * values[i - 1] / (values[i - 1] - values[i]))
