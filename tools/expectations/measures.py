"""What an expectation speaks of, measured on a prediction table: value, interval, and what would decide it.

Pure functions. Whatever is a count of images gets an exact interval (:mod:`failsight.tools.stats.floors`); calibration and
macro averages get the approximate ones of the tools that report them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.expectations.counts import Codes, Measured, Part, Seen, counted_in, worst_of
from failsight.tools.expectations.names import Asked, parse_price
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called
from failsight.tools.performance import Performance, Rate, performance
from failsight.tools.slices.errors import Counted, SliceErrors, as_found, is_slice
from failsight.tools.stats.calibration import (
    calibration_error_interval,
    expected_calibration_error,
    overconfidence,
)
from failsight.tools.stats.floors import exact, mean_cost
from failsight.tools.text import clean, listing

Mask = npt.NDArray[np.bool_]
Groups = Sequence[tuple[str, Mask]]
Pick = Callable[[str, str], Mask]  # (split, conditions) → which rows of the prediction table
Name = Callable[
    [str, str], tuple[Groups, str]
]  # (split, attributes) → groups over the same rows, and a remark
Unknown = Callable[[str, str], str]  # (split, conditions) → how many images lack a value for them, in words
Together = Callable[[str], Codes | None]  # split → which rows of the prediction table belong together
MOST_MISSING = 4  # sentences on slices that could not be counted
REVIEWS = {"unacceptable_errors": "unacceptable_share", "unacceptable": "unacceptable_rate"}


def no_pick(split: str, conditions: str) -> Mask:
    raise LookupError("The attributes of the images are not known here.")


def no_groups(split: str, attributes: str) -> tuple[Groups, str]:
    raise LookupError("The attributes of the images are not known here.")


def none_unknown(split: str, conditions: str) -> str:
    """Nothing is known of missing values."""
    return ""


def all_alone(split: str) -> Codes | None:
    """Each image stands for itself."""
    return None


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
        together, column: which images belong together, and the column that says so.
        unknown: how many images lack a value that conditions ask for, in a sentence.
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
    together: Together = all_alone
    column: str = ""
    unknown: Unknown = none_unknown
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

    def seen(self, split: str, where: str) -> Seen:
        """The same with what belongs together."""
        table, made, codes = self.table(split, where), self.performance(split, where), self.together(split)
        if codes is not None and where:
            codes = codes[self.pick(split, where)]
        silent = (
            table.unanswered if not where else np.zeros(0, np.int64)
        )  # of which group they are is not known
        return Seen(table, made, codes, self.column, silent)

    def silent_share(self, asked: Asked, found: Measured) -> float:
        """How far images without an answer that ``found`` does not count may move it at worst, as a share of its range.

        Their attributes were not read: each may be of the group that is asked about. 0 where all are counted, or none can matter.
        """
        if asked.metric in _UNMOVED or (asked.metric in _COUNTS_SILENT and not asked.where):
            return 0.0
        table = self.predictions.get(asked.split)
        silent = table.unanswered if table is not None else np.zeros(0, np.int64)
        if table is None or not len(silent):
            return 0.0
        if asked.metric in _MEANS and not asked.where:
            classes = range(len(table.classes))
            shares = [_lost(int((silent == c).sum()), int((table.labels == c).sum())) for c in classes]
            return float(
                np.mean([s for s, c in zip(shares, classes, strict=True) if (table.labels == c).any()])
            )
        return max(_lost(len(silent), n) for n in ([p.n for p in found.parts if p.n] or [found.n]))


_COUNTS_SILENT = (
    "accuracy",
    "error_rate",
    "worst_recall",
    "recall",
)  # over all images: those without an answer are in
_UNMOVED = ("precision", "confusion")  # an image without an answer is called nothing
_MEANS = ("balanced_accuracy", "macro_f1")


def _lost(silent: int, answered: int) -> float:
    return silent / (silent + answered) if silent else 0.0


def _rows(table: Predictions, mask: Mask) -> Predictions:
    return table.part(mask)


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
    if made is None or not asked.where:
        return made
    which = f"{made.which} with {clean(asked.where, 80)}" if made.which else made.which
    lacking = inputs.unknown(asked.split, asked.where)
    return dataclasses.replace(made, which=which, remark=f"{made.remark} {lacking}".strip())


def _of_table(asked: Asked, inputs: Inputs) -> Measured | None:
    seen = inputs.seen(asked.split, asked.where)
    metric = asked.metric
    if metric in ("ece", "overconfidence"):
        found = _calibration(seen.table, metric, inputs.seed)
        return seen.stretched(found, low=-1.0 if metric == "overconfidence" else 0.0) if found else None
    if metric == "confusion":
        return _confusion(seen, asked.about)
    if metric == "expected_cost":
        return _expected_cost(seen, inputs.prices)
    if metric in ("recall", "precision", "f1"):
        return _of_class(seen, metric, asked.about)
    if metric == "worst_slice_error":
        return _worst_slice(asked, seen, inputs)
    return _WHOLE[metric](seen)


def _mean_of_classes(rate: Rate, made: Performance) -> Measured:
    """A mean over the classes that have images; which are left out of it is said, as nothing is known of those."""
    absent = [clean(c.name, 60) for c in made.per_class if not c.n]
    if not absent or not made.present:
        return Measured(rate.value, rate.ci, rate.n)
    none = f"There is no labelled image of {listing(absent, 6)}"
    scope = f"over {len(made.present):,} of {len(made.per_class):,} classes"
    told = f"{none}, so that it is the mean {scope} and says nothing of {'that one' if len(absent) == 1 else 'those'}."
    return Measured(rate.value, rate.ci, rate.n, remark=told, scope=scope)


def _accuracy(seen: Seen) -> Measured:
    return seen.counted("", seen.right, seen.known, silent=seen.silent())


def _error(seen: Seen) -> Measured:
    return seen.counted("", ~seen.right, seen.known, silent=seen.silent(), silent_hits=True)


def _worst_recall(seen: Seen) -> Measured | None:
    made = seen.made
    parts = [
        seen.part(c.name, seen.right, seen.of_class(c.name), seen.silent(c.name))
        for c in made.per_class
        if c.n or seen.silent(c.name)
    ]
    missing = [c.name for c in made.per_class if not c.n and not seen.silent(c.name)]
    if not parts or not missing:
        return _with_silent(worst_of(parts, "labelled images of {}, the weakest class,", seen.column), seen)
    # a class without images may be recognised never: that every class reaches the bound was not shown
    told = f"There is no labelled image of {listing(missing, 6)}, so that its recall is not known."
    parts += [Part(name, 0, 0) for name in missing]
    return _with_silent(worst_of(parts, "labelled images of {}, the weakest class,", seen.column, told), seen)


def _with_silent(found: Measured | None, seen: Seen) -> Measured | None:
    """``found`` with how many images without an answer are counted in it."""
    silent = seen.silent()
    if found is None or not silent:
        return found
    told = f"The model gave no answer to {silent:,} of all {silent + int(seen.known.sum()):,} images, which count as not recognised."
    return dataclasses.replace(
        found,
        remark=f"{told} {found.remark}".strip(),
        scope=counted_in(silent, silent + int(seen.known.sum())),
    )


def _mean(pick: Callable[[Performance], Rate]) -> Callable[[Seen], Measured]:
    return lambda seen: seen.stretched(_mean_of_classes(pick(seen.made), seen.made))


_WHOLE: Mapping[str, Callable[[Seen], Measured | None]] = {
    "accuracy": _accuracy,
    "error_rate": _error,
    "balanced_accuracy": _mean(attrgetter("balanced_accuracy")),
    "macro_precision": _mean(attrgetter("macro_precision")),
    "macro_f1": _mean(attrgetter("macro_f1")),
    "worst_recall": _worst_recall,
}


def _of_class(seen: Seen, metric: str, about: str) -> Measured:
    one = seen.made.per_class[class_index(seen.made.classes, about)]
    name = clean(about, 60)
    true, said = seen.of_class(one.name), seen.called(one.name)
    if metric == "recall":
        return seen.counted(
            one.name, seen.right, true, f"labelled {name} images", silent=seen.silent(one.name)
        )
    which = f"labelled images that are or are called {name}"
    if metric == "precision":
        return seen.counted(one.name, seen.right, said, which)
    union = seen.counted(one.name, true & said, true | said, which)
    low, high = (2 * j / (1 + j) for j in union.ci)
    return dataclasses.replace(union, value=one.f1.value, ci=(low, high), parts=())


def _confusion(seen: Seen, about: str) -> Measured:
    """How often one class is called another, as a share of its images."""
    made = seen.made
    pair = parse_price(f"confusion.{about}", made.classes)
    if pair is None:
        raise LookupError(
            f"{clean(about, 80)!r} is not TRUE>ANSWER of two classes; there are {listing([clean(c, 40) for c in made.classes], 20)}."
        )
    true, said = pair
    which = f"labelled {clean(true, 60)} images"
    return seen.counted(about, seen.called(said), seen.of_class(true), which)


def price_matrix(classes: Sequence[str], prices: Mapping[tuple[str, str], float]) -> npt.NDArray[np.float64]:
    """(k, k) costs by true class (row) and answer: 0 when right, as set, else 1. Pairs of unknown classes are ignored."""
    costs = 1.0 - np.eye(len(classes))
    place = {c: i for i, c in enumerate(classes)}
    for (true, said), price in prices.items():
        if true in place and said in place and true != said:
            costs[place[true], place[said]] = price
    return costs


def _expected_cost(seen: Seen, prices: Mapping[tuple[str, str], float]) -> Measured:
    matrix = price_matrix(seen.made.classes, prices)
    value, ci = mean_cost(seen.made.confusion, matrix)
    remark = "" if prices else "No confusion was given a cost of its own, so every error costs 1."
    return seen.stretched(
        Measured(value, ci, seen.made.n, remark=remark), high=float(matrix.max(initial=0.0))
    )


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


def _worst_slice(asked: Asked, seen: Seen, inputs: Inputs) -> Measured | None:
    """Error of the confirmed slices, each of which has to stay below the bound; where slices were searched and none is confirmed,
    the error of all images."""
    slices = [(i, f) for i, f in inputs.findings if is_slice(f) and inputs.spoken_of(f) == asked.split]
    if not slices:
        if asked.split not in inputs.slices_searched:
            raise LookupError(f"Nobody has looked for slices of the {called(asked.split)} yet (find_slices).")
        return _error(seen)
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
    seen = inputs.seen(asked.split, "")
    groups, remark = inputs.name(asked.split, asked.where)
    parts = [seen.part(name, seen.right, mask & seen.known) for name, mask in groups]
    which = "labelled images with {}, the weakest group,"
    return worst_of([p for p in parts if p.n], which, seen.column, remark)


def _reviewed(metric: str, inputs: Inputs) -> Measured:
    """What people said of single errors, weighted back to all of them."""
    made = inputs.reviews
    fact = next((f for f in made.facts if f.name == REVIEWS[metric] and not f.of), None) if made else None
    if fact is None or not isinstance(fact.value, int | float) or fact.ci is None:
        raise LookupError("Nobody has said yet which errors can be accepted (review_errors).")
    return Measured(float(fact.value), fact.ci, fact.n or 0, which="reviewed errors")
