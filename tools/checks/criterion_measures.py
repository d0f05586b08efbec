"""What an expectation speaks of, measured on a prediction table: value, interval, and what would decide it.

Pure functions. Whatever is a count of images gets an exact interval (:mod:`failsight.tools.stats.floors`); calibration and
macro averages get the approximate ones of the tools that report them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from failsight.tools.checks.criterion_names import Asked, parse_price
from failsight.tools.checks.slice_errors import Counted, SliceErrors, as_found, is_slice
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, Interval
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called
from failsight.tools.performance import Performance, Rate, performance
from failsight.tools.stats.calibration import (
    calibration_error_interval,
    expected_calibration_error,
    overconfidence,
)
from failsight.tools.stats.floors import all_above, exact, mean_cost
from failsight.tools.text import clean, listing

Mask = npt.NDArray[np.bool_]
Groups = Sequence[tuple[str, Mask]]
Pick = Callable[[str, str], Mask]  # (split, conditions) → which rows of the prediction table
Name = Callable[
    [str, str], tuple[Groups, str]
]  # (split, attributes) → groups over the same rows, and a remark
MOST_MISSING = 4  # sentences on slices that could not be counted
REVIEWS = {"unacceptable_errors": "unacceptable_share", "unacceptable": "unacceptable_rate"}


@dataclass(frozen=True, slots=True)
class Part:
    """One group of images that has to reach a bound by itself. ``worth``: share of them that tell as much, each by itself, where
    images come in groups."""

    name: str
    k: int
    n: int
    worth: float = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured criterion.

    Attributes:
        value, ci, n: NaN and the whole range where nothing was counted.
        parts: the counts behind it, where it is a count: one, or one a class or group that must each reach the bound.
        which: what kind of images would decide it. remark: what the value rests on, one sentence or empty.
        missing: why a part of it could not be measured, so that no number of images would decide it; empty where all was.
        scope: over how many of the classes it is a mean, where some have no images: ``over 3 of 5 classes``; else empty.
    """

    value: float
    ci: Interval
    n: int
    parts: tuple[Part, ...] = ()
    which: str = "labelled images"
    remark: str = ""
    missing: str = ""
    scope: str = ""

    @property
    def known(self) -> bool:
        """False where there was nothing to count."""
        return math.isfinite(self.value)


def no_pick(split: str, conditions: str) -> Mask:
    raise LookupError("The attributes of the images are not known here.")


def no_groups(split: str, attributes: str) -> tuple[Groups, str]:
    raise LookupError("The attributes of the images are not known here.")


@dataclass(frozen=True)
class Inputs:
    """What criteria are judged on.

    Attributes:
        predictions: split → prediction table.
        findings: for ``worst_slice_error`` and for trust in the images.
        slices_searched: splits in which slices were looked for.
        counted, spoken_of: errors in the slice of a finding, with the version that is judged, and the split that a finding speaks of.
        seed: of bootstrap intervals.
        efficiency, reviews: newest evidence of ``efficiency`` and ``review_errors``.
        prices: (true class, wrong answer) → cost; a confusion that has none costs 1.
        pick, name: images that meet conditions, and groups that attributes form. Both may raise LookupError.
    """

    predictions: Mapping[str, Predictions]
    findings: Sequence[tuple[str, Finding]] = ()
    slices_searched: Collection[str] = ()
    counted: Counted = as_found
    spoken_of: Callable[[Finding], str] = attrgetter("split")
    seed: int = 0
    efficiency: Evidence | None = None
    reviews: Evidence | None = None
    prices: Mapping[tuple[str, str], float] = field(default_factory=dict)
    pick: Pick = no_pick
    name: Name = no_groups
    _made: dict[tuple[str, str], Performance] = field(default_factory=dict)
    _tables: dict[tuple[str, str], Predictions] = field(default_factory=dict)

    def table(self, split: str, where: str) -> Predictions:
        """The prediction table, or those of its rows that meet the conditions. Raises LookupError where there is none."""
        if split not in self.predictions:
            raise LookupError(f"There are no labelled {called(split)} with predictions.")
        if not where:
            return self.predictions[split]
        if (split, where) not in self._tables:
            self._tables[split, where] = _rows(self.predictions[split], self.pick(split, where))
        return self._tables[split, where]

    def performance(self, split: str, where: str) -> Performance:
        """The same as counts and rates."""
        if (split, where) not in self._made:
            self._made[split, where] = performance(self.table(split, where), seed=self.seed)
        return self._made[split, where]


def _rows(table: Predictions, mask: Mask) -> Predictions:
    return dataclasses.replace(
        table, rows=table.rows[mask], labels=table.labels[mask], scores=table.scores[mask], features=None
    )


def measure(asked: Asked, inputs: Inputs) -> Measured | None:
    """The value of one measure; None where there is nothing to measure.

    Raises:
        LookupError, RetryError: the split has no predictions, or the measure needs something that the case lacks.
    """
    if asked.metric in REVIEWS:
        return _reviewed(asked.metric, inputs)
    if asked.metric == "worst_group":
        return _worst_group(asked, inputs)
    made = _of_table(asked, inputs)
    if made is not None and asked.where and made.which:
        return dataclasses.replace(made, which=f"{made.which} with {clean(asked.where, 80)}")
    return made


def _of_table(asked: Asked, inputs: Inputs) -> Measured | None:
    table, made = inputs.table(asked.split, asked.where), inputs.performance(asked.split, asked.where)
    metric = asked.metric
    if metric in ("ece", "overconfidence"):
        return _calibration(table, metric, inputs.seed)
    if metric == "confusion":
        return _confusion(made, asked.about)
    if metric == "expected_cost":
        return _expected_cost(made, inputs.prices)
    if metric in ("recall", "precision", "f1"):
        return _of_class(made, metric, asked.about)
    if metric == "worst_slice_error":
        return _worst_slice(asked, made, inputs)
    return _WHOLE[metric](made)


def _counted(name: str, k: int, n: int, which: str = "labelled images") -> Measured:
    """One rate that is a plain count."""
    return Measured(k / n if n else math.nan, exact(k, n), n, (Part(name, k, n),), which)


def _mean_of_classes(rate: Rate, made: Performance) -> Measured:
    """A mean over the classes that have images; which are left out of it is said, as nothing is known of those."""
    absent = [clean(c.name, 60) for c in made.per_class if not c.n]
    if not absent or not made.present:
        return Measured(rate.value, rate.ci, rate.n)
    none = f"There is no labelled image of {listing(absent, 6)}"
    scope = f"over {len(made.present):,} of {len(made.per_class):,} classes"
    told = f"{none}, so that it is the mean {scope} and says nothing of {'that one' if len(absent) == 1 else 'those'}."
    return Measured(rate.value, rate.ci, rate.n, remark=told, scope=scope)


def _accuracy(made: Performance) -> Measured:
    return _counted("", int(np.trace(made.confusion)), made.n)


def _error(made: Performance) -> Measured:
    return _counted("", made.n - int(np.trace(made.confusion)), made.n)


def _worst(parts: Sequence[Part], which: str, remark: str = "") -> Measured | None:
    """The lowest of several rates, each of which has to reach the bound; one without images may be anything."""
    if not parts:
        return None
    ci = all_above([p.k for p in parts], [p.n for p in parts])
    worst = min((p for p in parts if p.n), key=lambda p: (p.k / p.n, -p.n))
    value = worst.k / worst.n
    weakest = f"The weakest is {clean(worst.name, 80)} with {worst.k:,} of {worst.n:,} right."
    return Measured(
        value,
        (min(ci[0], value), max(ci[1], value)),
        worst.n,
        tuple(parts),
        which.format(clean(worst.name, 80)),
        f"{weakest} {remark}".strip(),
    )


def _worst_recall(made: Performance) -> Measured | None:
    parts = [Part(c.name, c.right, c.n) for c in made.present]
    missing = [c.name for c in made.per_class if not c.n]
    if not parts or not missing:
        return _worst(parts, "labelled images of {}, the weakest class,")
    # a class without images may be recognised never: that every class reaches the bound was not shown
    told = f"There is no labelled image of {listing(missing, 6)}, so that its recall is not known."
    return _worst(
        [*parts, *(Part(name, 0, 0) for name in missing)], "labelled images of {}, the weakest class,", told
    )


_WHOLE: Mapping[str, Callable[[Performance], Measured | None]] = {
    "accuracy": _accuracy,
    "error_rate": _error,
    "balanced_accuracy": lambda made: _mean_of_classes(made.balanced_accuracy, made),
    "macro_precision": lambda made: _mean_of_classes(made.macro_precision, made),
    "macro_f1": lambda made: _mean_of_classes(made.macro_f1, made),
    "worst_recall": _worst_recall,
}


def _of_class(made: Performance, metric: str, about: str) -> Measured:
    one = made.per_class[class_index(made.classes, about)]
    name = clean(about, 60)
    if metric == "recall":
        return _counted(one.name, one.right, one.n, f"labelled {name} images")
    which = f"labelled images that are or are called {name}"
    if metric == "precision":
        return _counted(one.name, one.right, one.predicted, which)
    union = one.n + one.predicted - one.right
    low, high = (2 * j / (1 + j) for j in exact(one.right, union))
    return Measured(one.f1.value, (low, high), union, (), which)


def _confusion(made: Performance, about: str) -> Measured:
    """How often one class is called another, as a share of its images."""
    pair = parse_price(f"confusion.{about}", made.classes)
    if pair is None:
        raise LookupError(
            f"{clean(about, 80)!r} is not TRUE>ANSWER of two classes; there are {listing([clean(c, 40) for c in made.classes], 20)}."
        )
    i, j = (made.classes.index(c) for c in pair)
    n = int(made.confusion[i].sum())
    return _counted(about, int(made.confusion[i, j]), n, f"labelled {clean(pair[0], 60)} images")


def price_matrix(classes: Sequence[str], prices: Mapping[tuple[str, str], float]) -> npt.NDArray[np.float64]:
    """(k, k) costs by true class (row) and answer: 0 when right, as set, else 1. Pairs of unknown classes are ignored."""
    costs = 1.0 - np.eye(len(classes))
    place = {c: i for i, c in enumerate(classes)}
    for (true, said), price in prices.items():
        if true in place and said in place and true != said:
            costs[place[true], place[said]] = price
    return costs


def _expected_cost(made: Performance, prices: Mapping[tuple[str, str], float]) -> Measured:
    value, ci = mean_cost(made.confusion, price_matrix(made.classes, prices))
    remark = "" if prices else "No confusion was given a cost of its own, so every error costs 1."
    return Measured(value, ci, made.n, remark=remark)


def _calibration(table: Predictions, metric: str, seed: int) -> Measured | None:
    if not table.has_scores:
        raise LookupError(
            "The predictions come without class probabilities, so calibration can't be measured."
        )
    known = table.labelled
    if not known.any():
        return None
    confidence = np.clip(table.confidence[known].astype(np.float64), 0, 1)
    correct, n = table.correct[known], int(known.sum())
    if metric == "ece":
        ci = calibration_error_interval(confidence, correct, seed=seed)
        return Measured(expected_calibration_error(confidence, correct), ci, n)
    gap, ci = overconfidence(confidence, correct, seed=seed)
    return Measured(gap, ci, n)


def _worst_slice(asked: Asked, made: Performance, inputs: Inputs) -> Measured | None:
    """Error of the confirmed slices, each of which has to stay below the bound; where slices were searched and none is confirmed,
    the error of all images."""
    slices = [(i, f) for i, f in inputs.findings if is_slice(f) and inputs.spoken_of(f) == asked.split]
    if not slices:
        if asked.split not in inputs.slices_searched:
            raise LookupError(f"Nobody has looked for slices of the {called(asked.split)} yet (find_slices).")
        return _error(made)
    counted: dict[str, SliceErrors] = {}
    missing = []
    for i, f in slices:
        try:
            counted[i] = inputs.counted(asked.split, i, f)
        except (LookupError, RetryError) as problem:
            missing.append(str(problem.args[0]))
    if not counted:
        raise LookupError(" ".join(missing[:MOST_MISSING]))
    return _highest(counted, missing)


def _highest(counted: Mapping[str, SliceErrors], missing: Sequence[str]) -> Measured:
    """The highest of several error rates. ``missing``: why others could not be counted; one of these may be anything.

    That all stay below a bound needs no correction, that one of them is above it does, as it was picked (:func:`all_above`).
    """
    parts = [Part(f"the slice of {i}", s.k, s.n, s.worth) for i, s in counted.items()]
    level = 1 - 0.05 / len(parts)
    low = max(min(exact(s.k, s.n, level)[0], s.ci[0]) for s in counted.values())
    high = 1.0 if missing else max(s.ci[1] for s in counted.values())
    worst = max(counted, key=lambda i: (counted[i].rate, counted[i].n))
    value = counted[worst].rate
    several = len(parts) + len(missing) > 1
    told = [f"The worst of {len(parts)} slices is that of {worst}."] if several and len(parts) > 1 else []
    return Measured(
        value,
        (min(low, value), max(high, value)),
        counted[worst].n,
        tuple(parts),
        f"labelled images of the slice of {worst}",
        " ".join(told),
        " ".join(missing[:MOST_MISSING]),
    )


def _worst_group(asked: Asked, inputs: Inputs) -> Measured | None:
    """The accuracy of the worst of the groups that attributes form; every group must reach the bound by itself."""
    table = inputs.table(asked.split, "")
    groups, remark = inputs.name(asked.split, asked.where)
    parts = [
        Part(name, int((mask & table.correct).sum()), int((mask & table.labelled).sum()))
        for name, mask in groups
    ]
    return _worst([p for p in parts if p.n], "labelled images with {}, the weakest group,", remark)


def _reviewed(metric: str, inputs: Inputs) -> Measured:
    """What people said of single errors, weighted back to all of them."""
    made = inputs.reviews
    fact = next((f for f in made.facts if f.name == REVIEWS[metric] and not f.of), None) if made else None
    if fact is None or not isinstance(fact.value, int | float) or fact.ci is None:
        raise LookupError("Nobody has said yet which errors can be accepted (review_errors).")
    return Measured(float(fact.value), fact.ci, fact.n or 0, which="reviewed errors")
