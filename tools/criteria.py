"""Whether the expectations that a person set hold, with confidence bounds: pure functions over prediction tables.

A lower bound *holds* only when the whole 95 % interval lies at or above it, and *fails* only when the whole interval
lies below; in between it is undecided, and how many images would decide it is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from failsight.tools.checks.budgets import BUDGETS, is_budget, show
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, Interval
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import SPLITS, Predictions
from failsight.tools.notes import called
from failsight.tools.performance import Performance, Rate, performance
from failsight.tools.stats.calibration import (
    calibration_error_interval,
    expected_calibration_error,
    overconfidence,
)
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, listing, number
from failsight.tools.view import Expectation

LEVEL = 0.95
MOST_IMAGES = 1_000_000  # more is not a plan
WHOLE = (
    "accuracy",
    "error_rate",
    "balanced_accuracy",
    "macro_precision",
    "macro_f1",
    "worst_recall",
    "ece",
    "overconfidence",
    "worst_slice_error",
)
BY_CLASS = ("recall", "precision", "f1")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One expectation, judged.

    Attributes:
        name, bound, at_least: as set; ``at_least`` False means an upper bound.
        value, ci, n: what was measured and on how many images; None where it could not be.
        holds: True or False when the whole interval is on one side of the bound, None when undecided.
        more: about how many images more would decide it if the value stayed as it is; None when it is decided or no
            number within reach would.
        reason: why it is undecided or what weakens it; one sentence or empty.
    """

    name: str
    bound: float
    at_least: bool
    value: float | None = None
    ci: Interval | None = None
    n: int | None = None
    holds: bool | None = None
    more: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What criteria are judged on."""

    predictions: Mapping[str, Predictions]
    findings: Sequence[tuple[str, Finding]]
    slices_searched: bool
    seed: int
    efficiency: Evidence | None = None


def judge(
    predictions: Mapping[str, Predictions],
    expectations: Sequence[Expectation],
    findings: Sequence[tuple[str, Finding]] = (),
    *,
    slices_searched: bool = False,
    seed: int = 0,
    efficiency: Evidence | None = None,
) -> list[Criterion]:
    """Judge every expectation; an expectation that can't be measured is undecided and says why.

    Args:
        predictions: split → prediction table.
        expectations: names such as ``accuracy``, ``worst_recall``, ``recall.kitchen``, ``deploy.accuracy``, ``ece``.
        findings: (id, finding) of the case: confirmed slices bound ``worst_slice_error``; confirmed leakage takes away
            the trust in what was measured on the leaked split.
        slices_searched: whether slices have been looked for at all.
        seed: of the bootstrap intervals.
        efficiency: the newest evidence of the tool of that name, for bounds on latency, throughput, memory and size.
    """
    inputs = Inputs(predictions, findings, slices_searched, seed, efficiency)
    measured: dict[str, Performance] = {}
    return [_judge_one(e, inputs, measured) for e in expectations]


def overall(criteria: Sequence[Criterion]) -> str:
    """``ready`` when all hold, ``not_ready`` when one fails, else (also without any) ``undecided``."""
    if any(c.holds is False for c in criteria):
        return "not_ready"
    return "ready" if criteria and all(c.holds for c in criteria) else "undecided"


def _judge_one(e: Expectation, inputs: Inputs, measured: dict[str, Performance]) -> Criterion:
    made = Criterion(e.name, e.bound, e.at_least)
    if not math.isfinite(e.bound):
        return replace(made, reason="Its bound is not a number.")
    if is_budget(e.name):
        return _judge_budget(made, e, inputs.efficiency)
    try:
        split, metric, about = parse_name(e.name)
        found = _measure(split, metric, about, inputs, measured)
    except (RetryError, LookupError) as problem:
        return replace(made, reason=str(problem.args[0]))
    if found is None or not found.known:
        return replace(made, n=found.n if found else None, reason=_nothing(split, metric, about))
    holds = _side(found.ci, e)
    made = replace(made, value=found.value, ci=found.ci, n=found.n, holds=holds)
    if holds is None:
        return _undecided(made, found, _which_images(metric, about, measured.get(split)))
    leaked = next(
        (
            i
            for i, f in inputs.findings
            if f.kind == "leakage" and f.verdict == "confirmed" and _leaked_split(f) == split
        ),
        "",
    )
    if holds and leaked:
        return replace(
            made,
            holds=None,
            reason=f"It would hold, but some of these images were trained on ({leaked}); judge again without them.",
        )
    return made


def _judge_budget(made: Criterion, e: Expectation, evidence: Evidence | None) -> Criterion:
    """A bound on speed or size against what was measured on this machine; undecided where nobody measured."""
    found = (
        next((f for f in evidence.facts if f.name == e.name.strip() and not f.of), None) if evidence else None
    )
    if found is None or not isinstance(found.value, int | float):
        why = "could not be measured for this model" if evidence else "has not been measured yet (efficiency)"
        return replace(made, reason=f"Its {BUDGETS[e.name.strip()].words} {why}.")
    ci = found.ci or (float(found.value), float(found.value))
    made = replace(made, value=float(found.value), ci=ci, n=found.n, holds=_side(ci, e))
    slow = (
        next((f for f in evidence.facts if f.name == "latency_p95_ms" and not f.of), None)
        if evidence
        else None
    )
    if made.holds is None:
        return replace(made, reason="What was measured on this machine lies on both sides of the bound.")
    late = slow is not None and isinstance(slow.value, int | float) and slow.value > e.bound
    if e.name == "latency_ms" and made.holds and late and slow is not None:
        return replace(
            made,
            reason=f"One picture in twenty takes longer than {show('latency_ms', float(slow.value or 0))}.",
        )
    return made


def _leaked_split(finding: Finding) -> str:
    return (finding.slice or {}).get("split", "data")


def _side(ci: Interval, e: Expectation) -> bool | None:
    low, high = ci
    if e.at_least:
        return True if low >= e.bound else False if high < e.bound else None
    return True if high <= e.bound else False if low > e.bound else None


def _which_images(metric: str, about: str, made: Performance | None) -> str:
    """What kind of images would have to be added to decide."""
    if metric == "recall":
        return f"labelled {clean(about, 60)} images"
    if metric == "worst_recall" and made is not None:
        return f"labelled images of {clean(made.weakest()[0].name, 60)}, the weakest class,"
    if metric in BY_CLASS:
        return f"labelled images that are or are called {clean(about, 60)}"
    return "labelled images"


def _undecided(made: Criterion, found: Rate, which: str) -> Criterion:
    """Add how many more images would decide, if intervals keep shrinking with the square root of their number."""
    gap = found.value - made.bound
    toward = found.value - found.ci[0] if gap > 0 else found.ci[1] - found.value
    if gap == 0 or toward <= 0 or not found.n:
        return replace(
            made,
            reason="The interval contains the bound, and the value is too close to it for more images to decide.",
        )
    more = math.ceil(found.n * ((toward / abs(gap)) ** 2 - 1) / 10) * 10
    if more > MOST_IMAGES:
        return replace(
            made,
            reason="The interval contains the bound, and the value is too close to it for more images to decide.",
        )
    more = max(more, 10)
    return replace(
        made,
        more=more,
        reason=f"The interval contains the bound; about {more:,} more {which} would decide if the value stayed as it is.",
    )


def parse_name(name: str) -> tuple[str, str, str]:
    """``deploy.recall.kitchen`` → (``deploy``, ``recall``, ``kitchen``). Raises LookupError for a name that is not known."""
    split, rest = "data", name.strip()
    head, _, tail = rest.partition(".")
    if head in SPLITS and tail:
        split, rest = head, tail
    metric, _, about = rest.partition(".")
    if (metric in WHOLE and not about) or (metric in BY_CLASS and about) or is_budget(name):
        return split, metric, about
    known = listing([*WHOLE, *BUDGETS, *(f"{m}.CLASS" for m in BY_CLASS)], 20)
    raise LookupError(
        f"{clean(name, 60)!r} is not a measure known here; known are {known}, each with deploy. or train. before it."
    )


def _nothing(split: str, metric: str, about: str) -> str:
    of = f" of {clean(about, 60)}" if about else ""
    return (
        f"There is no labelled image among the {called(split)} to measure {metric.replace('_', ' ')}{of} on."
    )


def _measure(
    split: str, metric: str, about: str, inputs: Inputs, measured: dict[str, Performance]
) -> Rate | None:
    """The value of one measure. Raises LookupError when the split has no predictions or the measure needs something else."""
    if split not in inputs.predictions:
        raise LookupError(f"There are no labelled {called(split)} with predictions.")
    predictions = inputs.predictions[split]
    if metric in ("ece", "overconfidence"):
        return _calibration(predictions, metric, inputs.seed)
    if split not in measured:
        measured[split] = performance(predictions, seed=inputs.seed)
    made = measured[split]
    if metric == "worst_slice_error":
        return _worst_slice(made, split, inputs)
    if metric in BY_CLASS:
        rate: Rate = getattr(made.per_class[class_index(made.classes, about)], metric)
        return rate
    return _WHOLE[metric](made)


def _error(made: Performance) -> Rate:
    a = made.accuracy
    return Rate(1 - a.value, (1 - a.ci[1], 1 - a.ci[0]), a.n)


def _worst_recall(made: Performance) -> Rate | None:
    """The lowest recall. That all classes reach a bound needs no correction (each must reach it: Berger 1982,
    intersection–union); that some class misses it does, so the upper end uses Bonferroni over classes."""
    present = made.present
    if not present:
        return None
    worst = made.weakest()[0]
    low = min(c.recall.ci[0] for c in present)
    level = 1 - (1 - LEVEL) / len(present)
    high = min(wilson(c.right, c.n, level)[1] for c in present)
    return Rate(worst.recall.value, (low, max(high, worst.recall.value)), worst.n)


_WHOLE: Mapping[str, Callable[[Performance], Rate | None]] = {
    "accuracy": lambda made: made.accuracy,
    "error_rate": _error,
    "balanced_accuracy": lambda made: made.balanced_accuracy,
    "macro_precision": lambda made: made.macro_precision,
    "macro_f1": lambda made: made.macro_f1,
    "worst_recall": _worst_recall,
}


def _calibration(predictions: Predictions, metric: str, seed: int) -> Rate | None:
    if not predictions.has_scores:
        raise LookupError(
            "The predictions come without class probabilities, so calibration can't be measured."
        )
    known = predictions.labelled
    if not known.any():
        return None
    confidence = np.clip(predictions.confidence[known].astype(np.float64), 0, 1)
    correct, n = predictions.correct[known], int(known.sum())
    if metric == "ece":
        return Rate(
            expected_calibration_error(confidence, correct),
            calibration_error_interval(confidence, correct, seed=seed),
            n,
        )
    gap, ci = overconfidence(confidence, correct, seed=seed)
    return Rate(gap, ci, n)


def _worst_slice(made: Performance, split: str, inputs: Inputs) -> Rate | None:
    """Error of the worst confirmed slice; where slices were searched and none is confirmed, the error of all images."""
    slices = [
        f
        for _, f in inputs.findings
        if f.verdict == "confirmed"
        and f.slice
        and f.error_rate is not None
        and f.ci is not None
        and f.kind not in ("leakage", "distribution_shift", "label_noise")
        and f.failure != "robustness"  # perturbed images are no part of the data
    ]
    if not inputs.slices_searched and not slices:
        raise LookupError("Nobody has looked for slices yet (find_slices).")
    worst = max(slices, key=lambda f: f.error_rate or 0, default=None)
    if worst is None or worst.ci is None or worst.error_rate is None:
        return _error(made)
    return Rate(worst.error_rate, worst.ci, worst.n or 0)


def describe(criterion: Criterion) -> str:
    """``recall.kitchen at least 85.0 %: 81.2 %``."""
    sense = "at least" if criterion.at_least else "at most"
    if is_budget(criterion.name):
        value = f": {show(criterion.name, criterion.value)}" if criterion.value is not None else ""
        return (
            f"{BUDGETS[criterion.name.strip()].words} {sense} {show(criterion.name, criterion.bound)}{value}"
        )
    return f"{clean(criterion.name, 60)} {sense} {number(criterion.bound)}" + (
        f": {number(criterion.value)}" if criterion.value is not None else ""
    )


COLUMNS = ("name", "sense", "bound", "value", "low", "high", "images", "holds", "more images")
TABLE = "Criteria"


def criteria_of(evidence: Evidence) -> list[dict[str, Any]]:
    """The criteria in the evidence of ``readiness`` as ``findings.json`` lists them: name, bound, at_least, value, ci, holds."""
    table = next((t for t in evidence.tables if t.title == TABLE and t.columns == COLUMNS), None)
    made = []
    for name, sense, bound, value, low, high, n, holds, _ in table.rows if table else ():
        made.append(
            {
                "name": name,
                "bound": bound,
                "at_least": sense == "at least",
                "value": value,
                "ci": None if low is None or high is None else [low, high],
                "n": n,
                "holds": {"yes": True, "no": False}.get(str(holds)),
            }
        )
    return made
