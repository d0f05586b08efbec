"""Repairs that train nothing: scores at another temperature, and answers left to people where the model is unsure.

Both are fitted on one half of the labelled evaluation images and told on the other; the rows of the first half are kept
with the version, so that they don't judge it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import digest
from failsight.tools.repair.arms import Made, Plan, name_for
from failsight.tools.repair.piles import Pile
from failsight.tools.repair.planning import Asked
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.versions import FOLDER, Arm, ModelVersion
from failsight.tools.repair.wrapped import write_wrapped
from failsight.tools.stats.expected_accuracy import temperature
from failsight.tools.stats.intervals import wilson

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

FEWEST = 100  # labelled evaluation images below which nothing is fitted
BOUND = 0.5  # of the error rate that the answers that are given may keep, where nobody set an expectation
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kept:
    """What deferral does on images that did not choose the bound.

    Attributes:
        share: of images that the model still answers; ``share_ci`` its interval.
        error: of the answers given; ``error_ci`` its interval.
        before: error of all answers, which is also what deferring as many by lot leaves.
    """

    n: int
    share: float
    share_ci: tuple[float, float]
    error: float
    error_ci: tuple[float, float]
    before: float
    wanted: float


@dataclass(frozen=True)
class Around:
    """Versions around the model: pairs of arms, and what was fitted."""

    plan: Plan
    made: list[Made]
    values: tuple[float, ...]
    kept: Kept | None


def make_around(view: CaseView, asked: Asked, strategy: str) -> Around:
    """Versions of ``recalibrate`` or ``defer``. Raises RetryError with too few labelled images or no scores."""
    made = view.predictions("data")
    if not made.has_scores:
        raise RetryError("This model gives no probabilities, so how sure it is can't be used.")
    at = np.flatnonzero(made.labelled)
    if len(at) < FEWEST:
        raise RetryError(
            f"There are only {len(at)} labelled evaluation images; fitting and judging takes {FEWEST}."
        )
    lot = np.random.default_rng([view.seed, 21]).permutation(at)
    fit, rest = np.sort(lot[: len(lot) // 2]), np.sort(lot[len(lot) // 2 :])
    facts = {"data": {"fingerprint": view.table("data").fingerprint, "rows": made.rows[fit].tolist()}}
    key = digest([strategy, view.model().fingerprint, facts, asked.finding_id, view.seed, asked.seeds])
    plan = Plan(
        repair=name_for(view, key),
        finding=asked.finding_id,
        strategy=strategy,
        way="wrapped",
        recipe=Recipe(),
        usual=_nothing(view),
        seeds=asked.seeds,
        base_seed=view.seed,
        data=facts,
        key=key,
    )
    wanted = _wanted(view, float((~made.correct[at]).mean()))
    versions, values = [], []
    for seed in range(1, asked.seeds + 1):
        again = np.random.default_rng([view.seed, seed, 22]).choice(fit, len(fit))
        value = (
            temperature(made.scores[again], made.labels[again])
            if strategy == "recalibrate"
            else threshold(made.confidence[again], made.correct[again], wanted)
        )
        values.append(value)
        versions.append(_version(view, plan, "repair", seed, value))
        versions.append(_version(view, plan, "control", seed, 1.0 if strategy == "recalibrate" else 0.0))
    kept = (
        _kept(made.confidence[rest], made.correct[rest], values[0], wanted) if strategy == "defer" else None
    )
    return Around(plan, versions, tuple(values), kept)


def threshold(confidence: npt.NDArray[np.floating[Any]], right: Mask, wanted: float) -> float:
    """The lowest confidence from which answers err in at most ``wanted`` of the cases; 1 where there is none."""
    order = np.argsort(-confidence, kind="stable")
    risk = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    fine = np.flatnonzero(risk <= wanted)
    return float(confidence[order[fine[-1]]]) if len(fine) else 1.0


def _wanted(view: CaseView, error: float) -> float:
    """The error rate that given answers may have: by the expectation of accuracy, else half of what it is."""
    bounds = [1 - e.bound for e in view.expectations if e.name == "accuracy" and e.at_least]
    return min(bounds) if bounds else BOUND * error


def _kept(confidence: npt.NDArray[np.floating[Any]], right: Mask, bound: float, wanted: float) -> Kept:
    given = confidence >= bound
    n, k, wrong = len(given), int(given.sum()), int((given & ~right).sum())
    return Kept(
        n, k / n, wilson(k, n), wrong / k if k else 0.0, wilson(wrong, k), float((~right).mean()), wanted
    )


def _version(view: CaseView, plan: Plan, arm: Arm, seed: int, value: float) -> Made:
    name = plan.name(arm, seed)
    known = next((v for v in view.versions() if v.name == name), None)
    if known is not None:
        return Made(known, (), 0, 0, ())
    folder = view.workspace(plan.repair) / name
    what = {"kind": "temperature", "temperature": value} if plan.strategy == "recalibrate" else {"kind": "defer", "threshold": value}  # fmt: skip
    made = write_wrapped(folder, view.model(), what)
    version = ModelVersion(
        name=name,
        repair=plan.repair,
        arm=arm,
        seed=seed,
        strategy=plan.strategy,
        finding=plan.finding,
        path=f"{FOLDER}/{plan.repair}/{name}",
        fingerprint=made.fingerprint,
        data={**plan.data, **{k: v for k, v in what.items() if k != "kind"}, "plan": plan.key},
        cost={"seconds": 0.0, "images": float(len(plan.data["data"]["rows"])), "labels": 0.0},
    )
    view.add_version(version)
    return Made(version, (), 0, 0, ())


def _nothing(view: CaseView) -> Pile:
    height, width = view.model().preprocessing.size
    none = np.zeros(0, np.int64)
    return Pile(np.zeros((0, height, width, 3), np.uint8), none, none > 0, (), none > 0, none)
