"""Whether a network has what was planted: decided on the reserve from true attributes, before anybody is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.keys import Planted
from benchmarks.casebook.pictures import Part
from benchmarks.casebook.plans import Plan

PULL = 0.15  # rise of the share of other classes' pictures that are called the class
EXCESS = 0.12  # more errors of a rare or weak group than of the others of its class
GAP = 0.08  # mean confidence over accuracy
WORST = 0.12  # a good model of rooms must not be worse; of photographs:
WORST_PHOTOS = 0.40


def taken_up(plan: Plan, reserve: Part, scores: npt.NDArray[np.float32]) -> float | None:
    """By how much, the least of all planted faults; None where one of them is not there.

    Faults of data and of feeding are there by construction.
    """
    predicted = scores.argmax(1)
    wrong = predicted != reserve.truth
    sizes = [
        made for one in plan.key if (made := _size(plan, one, reserve, predicted, wrong, scores)) is not None
    ]
    for size, least in sizes:
        if size < least:
            return None
    if (
        plan.network.how in ("own", "shared")
        and float(wrong.mean()) > 0.6 * (1 - 1 / len(plan.classes))
        and not plan.declared
    ) and not any(p.bug in ("scene_shortcut", "mark_shortcut", "inherited_sign") for p in plan.key):
        return None
    return min((s for s, _ in sizes), default=1.0)


def _size(
    plan: Plan, one: Planted, reserve: Part, predicted: Any, wrong: Any, scores: npt.NDArray[np.float32]
) -> tuple[float, float] | None:
    if one.signs:
        value, target = one.signs[0]
        others = reserve.truth != plan.classes.index(target)
        has = reserve.columns[one.attribute] == value
        called = predicted == plan.classes.index(target)
        return _rate(called, others & has) - _rate(called, others & ~has), PULL
    if one.bug in ("rare_style", "rare_condition", "weak_site"):
        has = reserve.columns[one.attribute] == one.values[0]
        mine = (
            np.isin(reserve.truth, [plan.classes.index(c) for c in one.classes])
            if one.classes
            else np.ones(len(has), bool)
        )
        return _rate(wrong, mine & has) - _rate(wrong, mine & ~has), EXCESS
    if one.bug == "starved_class":
        mine = reserve.truth == plan.classes.index(one.classes[0])
        return _rate(wrong, mine) - _rate(wrong, ~mine), EXCESS
    if one.bug == "sharpened":
        return float(scores.max(1).mean() - (~wrong).mean()), GAP
    return None


def _rate(hit: Any, where: Any) -> float:
    return float(hit[where].mean()) if where.any() else 0.0
