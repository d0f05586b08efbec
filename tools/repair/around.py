"""Repairs that train nothing: scores at another temperature, answers left to people where the model is unsure, and weak
answers of a class that is given too often overruled by a rule.

All are fitted on one half of the labelled evaluation images and told on the other; the rows of the first half are kept
with the version, so that they don't judge it later. They need the scores alone, so that recorded answers without a model can
be repaired in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, digest
from failsight.tools.inputs.base import Predictions
from failsight.tools.repair.arms import Made, name_for
from failsight.tools.repair.choosing import Asked
from failsight.tools.repair.lessons import Plan
from failsight.tools.repair.piles import Pile
from failsight.tools.repair.reading import FLOOR, best_two, overruled, rule_bound
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.versions import FOLDER, Arm, ModelVersion
from failsight.tools.repair.wrapped import write_facts
from failsight.tools.stats.expected_accuracy import temperature
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean

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
class Ruled:
    """What a rule does on images that did not choose its bound.

    Attributes:
        n: images; ``overruled`` of them get another answer.
        before, after: how many of those were right before, and are right now.
        class_name: whose answers are overruled.
    """

    n: int
    overruled: int
    before: int
    after: int
    class_name: str


@dataclass(frozen=True)
class Around:
    """Versions around the model: pairs of arms, what was fitted, and what deferral or a rule does on other images."""

    plan: Plan
    made: list[Made]
    values: tuple[float, ...]
    kept: Kept | None
    ruled: Ruled | None = None


def make_around(view: CaseView, asked: Asked, strategy: str) -> Around:
    """Versions of ``recalibrate``, ``defer`` or ``rule``.

    Raises:
        RetryError: too few labelled images, no scores, or (rule) no class that is given too often.
    """
    made = view.predictions("data")
    if not made.has_scores:
        raise RetryError("This model gives no probabilities, so how sure it is can't be used.")
    if strategy == "rule" and (made.thresholds or made.answers is not None):
        raise RetryError(
            "A rule gives the class with the second largest score where the answer is weak; here the largest score does not decide "
            "the answers. Change the threshold of the class instead: operating_points shows what each costs."
        )
    at = np.flatnonzero(made.labelled)
    if len(at) < FEWEST:
        raise RetryError(
            f"There are only {len(at)} labelled evaluation images; fitting and judging takes {FEWEST}."
        )
    lot = np.random.default_rng([view.seed, 21]).permutation(at)
    fit, rest = np.sort(lot[: len(lot) // 2]), np.sort(lot[len(lot) // 2 :])
    answers = given_too_often(asked.finding, made) if strategy == "rule" else -1
    facts = {"data": {"fingerprint": view.table("data").fingerprint, "rows": made.rows[fit].tolist()}}
    key = digest([strategy, base_print(view), facts, asked.finding_id, view.seed, asked.seeds])
    if strategy == "rule" and rule_bound(made.scores[fit], made.labels[fit], answers) <= 0:
        raise RetryError(
            f"No rule of this kind helps: where the model answers {clean(made.classes[answers], 60)}, its second choice is not "
            "right more often, however unsure it is."
        )
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
        repair, control, value = _fitted(strategy, made, again, answers, wanted)
        values.append(value)
        versions.append(_version(view, plan, "repair", seed, repair))
        versions.append(_version(view, plan, "control", seed, control))
    kept = (
        _kept(made.confidence[rest], made.correct[rest], values[0], wanted) if strategy == "defer" else None
    )
    ruled = _ruled(made, rest, answers, values[0]) if strategy == "rule" else None
    return Around(plan, versions, tuple(values), kept, ruled)


def _fitted(
    strategy: str, made: Predictions, at: Ints, answers: int, wanted: float
) -> tuple[dict[str, Any], dict[str, Any], float]:
    """What the versions of one seed say of themselves, repair and control; and the number that was fitted on the images ``at``."""
    if strategy == "recalibrate":
        value = temperature(np.clip(made.scores[at], FLOOR, None), made.labels[at])
        return (
            {"kind": "temperature", "temperature": value},
            {"kind": "temperature", "temperature": 1.0},
            value,
        )
    if strategy == "defer":
        value = threshold(made.confidence[at], made.correct[at], wanted)
        return {"kind": "defer", "threshold": value}, {"kind": "defer", "threshold": 0.0}, value
    value = rule_bound(made.scores[at], made.labels[at], answers)
    rule = {"kind": "rule", "answers": answers, "below": value}
    share = float(overruled(made.scores[at], rule).mean())
    return rule, {"kind": "rule", "share": share}, value


def given_too_often(finding: Finding | None, made: Predictions) -> int:
    """The class that a finding says is answered where it should not be. Raises RetryError where it names none."""
    name = None
    if finding is not None:
        pulls = finding.kind in ("spurious_correlation", "overemphasised_feature")
        name = finding.class_name if pulls else finding.confused_with
    if name not in made.classes:
        raise RetryError(
            "A rule needs a finding that says which class is answered too often; this one names none."
        )
    return made.classes.index(str(name))


def _ruled(made: Predictions, at: Ints, answers: int, bound: float) -> Ruled:
    scores, labels = made.scores[at], made.labels[at]
    taken = overruled(scores, {"kind": "rule", "answers": answers, "below": bound})
    first, second = best_two(scores)
    return Ruled(
        len(at),
        int(taken.sum()),
        int((first[taken] == labels[taken]).sum()),
        int((second[taken] == labels[taken]).sum()),
        made.classes[answers],
    )


def base_print(view: CaseView) -> str:
    """Fingerprint of the model, or of the recorded answers where there is none."""
    return view.model().fingerprint if view.has_model() else f"answers:{view.table('data').fingerprint}"


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


def _version(view: CaseView, plan: Plan, arm: Arm, seed: int, what: dict[str, Any]) -> Made:
    name = plan.name(arm, seed)
    known = next((v for v in view.versions() if v.name == name), None)
    if known is not None:
        return Made(known, (), 0, 0, ())
    folder = view.workspace(plan.repair) / name
    print_of = write_facts(folder, base_print(view), view.classes, what)
    version = ModelVersion(
        name=name,
        repair=plan.repair,
        arm=arm,
        seed=seed,
        strategy=plan.strategy,
        finding=plan.finding,
        path=f"{FOLDER}/{plan.repair}/{name}",
        fingerprint=print_of,
        data={**plan.data, **{k: v for k, v in what.items() if k != "kind"}, "plan": plan.key},
        cost={"seconds": 0.0, "images": float(len(plan.data["data"]["rows"])), "labels": 0.0},
    )
    view.add_version(version)
    return Made(version, (), 0, 0, ())


def _nothing(view: CaseView) -> Pile:
    height, width = view.model().preprocessing.size if view.has_model() else (1, 1)
    none = np.zeros(0, np.int64)
    return Pile(np.zeros((0, height, width, 3), np.uint8), none, none > 0, (), none > 0, none)
