"""What changed between two models on the same images: right and wrong, disagreement, groups, calibration. Pure functions.

Paired throughout: McNemar's exact test and Newcombe's paired interval on the images, Benjamini–Hochberg over all groups
that are compared. Positive differences mean that the second model is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.calibration import calibration_error_interval, expected_calibration_error
from failsight.tools.stats.intervals import newcombe_paired, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import mcnemar_exact

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Interval = tuple[float, float]
Kind = Literal["class", "finding", "slice"]
FEWEST = 10  # images below which a group is not compared
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Paired:
    """Right answers of two models on the same n images.

    Attributes:
        both, only_before, only_after, neither: images by which of the two is right.
    """

    both: int
    only_before: int
    only_after: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_before + self.only_after + self.neither

    @property
    def before(self) -> float:
        """Accuracy of the first model; nan without images."""
        return (self.both + self.only_before) / self.n if self.n else float("nan")

    @property
    def after(self) -> float:
        """Accuracy of the second; nan without images."""
        return (self.both + self.only_after) / self.n if self.n else float("nan")

    @property
    def difference(self) -> float:
        """After minus before, in [−1, 1]; nan without images."""
        return (self.only_after - self.only_before) / self.n if self.n else float("nan")

    @property
    def ci(self) -> Interval:
        """95 % interval of the difference."""
        return newcombe_paired(self.both, self.only_after, self.only_before, self.neither)

    @property
    def p(self) -> float:
        """McNemar's exact test, two-sided."""
        return mcnemar_exact(self.only_after, self.only_before)

    def interval(self, which: Literal["before", "after"]) -> Interval:
        """Wilson interval of one accuracy."""
        return wilson(self.both + (self.only_before if which == "before" else self.only_after), self.n)


def paired(right_before: Mask, right_after: Mask) -> Paired:
    """Count who is right where: (n,) and (n,)."""
    b, a = np.asarray(right_before, bool), np.asarray(right_after, bool)
    if b.shape != a.shape:
        raise ValueError(f"the two models were asked about {len(b)} and {len(a)} images")
    return Paired(int((b & a).sum()), int((b & ~a).sum()), int((a & ~b).sum()), int((~a & ~b).sum()))


@dataclass(frozen=True, slots=True)
class Group:
    """One class or slice, before and after. ``q``: p after Benjamini–Hochberg over all groups compared."""

    kind: Kind
    name: str
    counts: Paired
    q: float

    @property
    def verdict(self) -> Literal["better", "worse", "no clear change"]:
        """Whether the change is more than chance, all groups considered."""
        if self.q > ALPHA or self.counts.difference == 0:
            return "no clear change"
        return "better" if self.counts.difference > 0 else "worse"


@dataclass(frozen=True, slots=True)
class Cell:
    """Images of one true class for which the models disagree: called ``before`` by the first, ``after`` by the second.

    ``true`` is −1 where the label is not known.
    """

    true: int
    before: int
    after: int
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error before and after (15 equal-width bins; lower is better), with intervals."""

    before: float
    before_ci: Interval
    after: float
    after_ci: Interval
    mean_before: float
    mean_after: float


@dataclass(frozen=True)
class ModelChange:
    """The whole comparison.

    Attributes:
        n: images that both models answered, with a label or without.
        overall: right answers, on the labelled ones.
        disagree: images answered differently.
        cells: where they disagree, the most frequent first.
        groups: classes, then slices, each at least ``FEWEST`` images.
        too_few: names of the groups with fewer.
        worst: the group that lost most, if any lost.
        calibration: None where one of the two gives no probabilities, or nothing is labelled.
    """

    n: int
    overall: Paired
    disagree: int
    cells: tuple[Cell, ...]
    groups: tuple[Group, ...]
    too_few: tuple[str, ...]
    worst: Group | None
    calibration: Calibration | None

    @property
    def churn(self) -> float:
        """Share of the images answered differently (Milani Fard et al. 2016, NeurIPS); nan without images."""
        return self.disagree / self.n if self.n else float("nan")

    @property
    def churn_ci(self) -> Interval:
        return wilson(self.disagree, self.n)


def compare(
    labels: Ints,
    before: Ints,
    after: Ints,
    classes: Sequence[str],
    *,
    slices: Mapping[tuple[Kind, str], Mask] | None = None,
    confidence: tuple[Floats, Floats] | None = None,
    seed: int = 0,
) -> ModelChange:
    """Compare two models on the same images.

    Args:
        labels: (n,) true classes, −1 where unknown.
        before, after: (n,) predicted classes of the two models.
        classes: names.
        slices: (kind, name) → (n,) images; classes are added.
        confidence: (n,) and (n,) probability of the predicted class, of both models.
        seed: of the intervals of the calibration error.
    """
    if not len(labels) == len(before) == len(after):
        raise ValueError("labels and predictions must be of the same images")
    known = labels >= 0
    right_before, right_after = known & (before == labels), known & (after == labels)
    wanted: dict[tuple[Kind, str], Mask] = {("class", c): labels == i for i, c in enumerate(classes)}
    wanted |= dict(slices or {})
    groups, too_few = _groups(wanted, known, right_before, right_after)
    losers = [g for g in groups if g.counts.difference < 0]
    worst = min(losers, key=lambda g: (g.verdict != "worse", g.counts.difference), default=None)
    return ModelChange(
        len(labels),
        paired(right_before[known], right_after[known]),
        int((before != after).sum()),
        cells(labels, before, after),
        groups,
        too_few,
        worst,
        _calibration(confidence, known, right_before, right_after, seed),
    )


def _groups(
    wanted: Mapping[tuple[Kind, str], Mask], known: Mask, right_before: Mask, right_after: Mask
) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The groups that are large enough, tested together; and the names of the others that have images at all."""
    counted: list[tuple[Kind, str, Paired]] = []
    too_few = []
    for (kind, name), inside in wanted.items():
        mask = inside & known
        n = int(mask.sum())
        if n >= FEWEST:
            counted.append((kind, name, paired(right_before[mask], right_after[mask])))
        elif n:
            too_few.append(name)
    q = benjamini_hochberg([c.p for _, _, c in counted]) if counted else np.zeros(0)
    made = [Group(kind, name, c, float(x)) for (kind, name, c), x in zip(counted, q, strict=True)]
    return tuple(made), tuple(too_few)


def cells(labels: Ints, before: Ints, after: Ints) -> tuple[Cell, ...]:
    """Where two models disagree: (true, before, after) with the number of images, the most frequent first."""
    differ = before != after
    if not differ.any():
        return ()
    triples = np.stack([np.maximum(labels[differ], -1), before[differ], after[differ]], 1)
    found, counts = np.unique(triples, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        Cell(int(true), int(first), int(second), int(n))
        for (true, first, second), n in zip(found[order], counts[order], strict=True)
    )


def _calibration(
    confidence: tuple[Floats, Floats] | None, known: Mask, right_before: Mask, right_after: Mask, seed: int
) -> Calibration | None:
    if confidence is None or not known.any():
        return None
    values: list[tuple[float, Interval, float]] = []
    for c, right in zip(confidence, (right_before, right_after), strict=True):
        sure, hit = np.clip(c[known].astype(np.float64), 0, 1), right[known]  # float16 models answer 1.0005
        error = expected_calibration_error(sure, hit)
        values.append((error, calibration_error_interval(sure, hit, seed=seed), float(sure.mean())))
    (b, b_ci, b_mean), (a, a_ci, a_mean) = values
    return Calibration(b, b_ci, a, a_ci, b_mean, a_mean)
