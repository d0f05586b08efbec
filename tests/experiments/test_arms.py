"""Pieces of one image share its luck: what that does to error rates, and that donors as units keep them."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.experiments.arms import Arms, summarise, turned
from failsight.tools.experiments.units import by_donor
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.tests import sign_flip
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.tools.test_masking_null import null_case

add.__test__ = swap.__test__ = False  # type: ignore[attr-defined]  # tools, not tests


def arms(cue: np.ndarray, control: np.ndarray, donors: np.ndarray) -> Arms:
    """Scores (n, k) on pictures of score 0.2, of class 1, watched for class 0."""
    n = len(cue)
    zero = np.zeros(n, np.int64)
    none = np.zeros(0, np.int64)
    both = np.stack([donors, donors], -1)
    tops = (cue < 0.5).astype(np.int64), (control < 0.5).astype(np.int64)
    return Arms(
        zero, zero, np.full(n, 0.2), cue, control, zero + 1, *tops, np.ones(n), np.ones(n), both, none, none
    )


def luck(seed: int, donors: int, n: int = 40, k: int = 4) -> Arms:
    """No effect of the cue, but every donor's piece has a value of its own."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, donors, (n, k))
    own = rng.normal(0, 0.1, donors)[which] + rng.normal(0, 0.02, (n, k))
    return arms(0.3 + own, np.full((n, k), 0.3), which)


def p_of(made: Arms) -> float:
    return summarise(made, 1, minimum_effect=0.05, alpha=0.05, claim="uses", seed=0).p


def test_the_mean_effect_and_the_turned_predictions_are_counted() -> None:
    made = arms(
        np.array([[0.6, 0.4], [0.8, 0.9]]), np.array([[0.2, 0.6], [0.2, 0.2]]), np.array([[5, 7], [7, 5]])
    )
    told = summarise(made, 1, minimum_effect=0.05, alpha=0.05, claim="uses", seed=0)
    assert told.effect == pytest.approx((0.4 - 0.2 + 0.6 + 0.7) / 4)
    assert (told.cue_effect, told.control_effect) == pytest.approx((0.475, 0.1))
    cue, control = turned(made, 1)
    assert (cue.value, control.value) == (0.75, 0.25)
    assert by_donor(made.by_draw(1), made.donors[..., 0]) == pytest.approx([0.55, 0.2])


def test_the_luck_of_a_few_donors_is_not_taken_for_an_effect() -> None:
    naive = sum(sign_flip(luck(s, 6).by_draw(1).mean(1), "greater", resamples=500) <= 0.05 for s in range(60))
    kept = sum(p_of(luck(s, 6)) <= 0.05 for s in range(60))
    assert naive >= 15  # what pictures as units would have claimed
    assert kept <= 8


def test_an_effect_that_all_donors_share_is_seen() -> None:
    made = luck(0, 12)
    shared = arms(made.cue + 0.4, made.control, made.donors[..., 0])
    assert p_of(shared) < 0.005


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("donors", [3, 8, 20])
def test_type_one_error_of_adding(donors: int) -> None:
    below = confirmed = 0
    for seed in range(2000, 2200):
        view = null_case(seed, 40)
        for i in range(donors, 40):
            view.table().boxes[i] = {}  # type: ignore[index]
        made = add(view, cue="box:cue", class_name="day", where="true=night", minimum_effect=0.001, doses=())
        below += float(str(made.fact("p").value)) <= 0.05
        confirmed += made.findings[0].verdict == "confirmed"
    assert wilson(below, 200)[0] <= 0.05
    assert confirmed <= 0.05 * 200


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_type_one_error_of_swapping() -> None:
    told = [
        swap(null_case(seed, 40), region="rect:0,0,0.5,0.5", class_name="day", minimum_effect=0.0005)
        for seed in range(200)
    ]
    assert wilson(sum(float(str(t.fact("p").value)) <= 0.05 for t in told), 200)[0] <= 0.05
    assert sum(t.findings[0].verdict == "confirmed" for t in told) <= 0.05 * 200
