"""The rule for repairs: each verdict from given errors, and what the rule must not be fooled by."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from scipy.special import stdtrit

from failsight.tools.repair.least import default_minimum
from failsight.tools.repair.outcomes import calibration_parts
from failsight.tools.repair.verdict import (
    Compared,
    Decision,
    Losses,
    _too_small,
    compare,
    compare_others,
    decide,
)
from failsight.tools.stats.calibration import expected_calibration_error
from failsight.tools.stats.crossed import CrossedMean, crossed_difference

N, S = 300, 3
TARGET = np.arange(N) < 100


def losses(
    target: tuple[float, float, float],
    rest: tuple[float, float, float] = (0.1, 0.1, 0.1),
    seed: int = 0,
    runs: int = S,
) -> Losses:
    """Errors of before, repair and control in the target and elsewhere; the same images are hard for all."""
    rng = np.random.default_rng(seed)
    hard = rng.permuted(
        np.concatenate([(np.arange(100) + 0.5) / 100, (np.arange(200) + 0.5) / 200]).reshape(3, 100), axis=1
    ).ravel()

    def wrong(arm: int, runs: int) -> np.ndarray:
        rate = np.where(TARGET, target[arm], rest[arm])
        luck = rng.random((runs, N))
        return (np.where(rng.random((runs, N)) < 0.2, luck, hard) < rate).astype(float)

    return Losses(wrong(0, 1)[0], wrong(1, runs), wrong(2, runs))


def judged(made: Losses, **options: float) -> Decision:
    others, _ = compare_others(
        made, {("class", "rest"): ~TARGET, ("overall", "all images"): np.ones(N, bool)}
    )
    aim = compare("target", "target", made.part(TARGET))
    return decide(aim, others, **{"minimum": 0.1, **options})  # type: ignore[arg-type]


def test_a_fall_that_the_control_arm_lacks_is_verified() -> None:
    made = judged(losses((0.6, 0.2, 0.58)))
    assert made.outcome == "verified" and made.q <= 0.05 and not made.worse
    assert "no other group is shown to be worse" in made.reason


def test_a_fall_that_the_control_arm_shares_is_no_effect() -> None:
    made = judged(losses((0.6, 0.2, 0.2)), minimum=0.15)
    assert made.outcome == "no effect"
    assert "The control arm gained as much" in made.reason


def test_a_control_arm_that_became_worse_makes_no_repair() -> None:
    made = judged(losses((0.3, 0.3, 0.7)), minimum=0.15)
    assert made.outcome == "no effect"
    assert "only the control arm became worse" in made.reason


def test_no_effect_is_claimed_at_the_level_of_one_test_in_all() -> None:
    """Against the control at 0.8 α, against before at 0.2 α, or at α against both."""
    kind = (np.zeros((3, 50)), np.zeros((3, 50)))
    effect = crossed_difference(*kind)

    def said(p: float, q: float) -> bool:
        return _too_small(_with_p(effect, p), _with_p(effect, q), 0.1, 0.05)

    assert said(0.039, 0.9) and not said(0.041, 0.9)
    assert said(0.9, 0.009) and not said(0.9, 0.011)
    assert said(0.049, 0.049) and not said(0.049, 0.051)


def _with_p(like: CrossedMean, p: float) -> CrossedMean:
    """A mean above −0.1 by as much as makes that p."""
    t = float(stdtrit(100.0, 1 - p))
    return dataclasses.replace(like, mean=(t * 0.02 - 0.1) * (like.n + 2) / like.n, se=0.02, freedom=100.0)


@pytest.mark.slow
def test_a_repair_that_reaches_the_minimum_is_hardly_ever_called_without_effect() -> None:
    """At the bound of the claim: a true fall of the minimum, against before and against the control."""
    wrong = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        hard = rng.normal(0, 1.5, 120)

        def errors(
            bias: float, runs: int, rng: np.random.Generator = rng, hard: np.ndarray = hard
        ) -> np.ndarray:
            luck = rng.normal(0, 0.15, (runs, 1))
            return (rng.random((runs, 120)) < 1 / (1 + np.exp(-(hard + bias + luck)))).astype(float)

        made = Losses(errors(-0.27, 1)[0], errors(-0.9, 3), errors(-0.27, 3))  # 45 % and 34 %
        wrong += decide(compare("target", "t", made), [], minimum=0.1).outcome == "no effect"
    assert wrong <= 0.05 * 400


def test_a_loss_elsewhere_beyond_what_may_be_paid_is_a_trade() -> None:
    made = judged(losses((0.6, 0.1, 0.6), (0.05, 0.45, 0.05)))
    assert made.outcome == "traded away" and "rest" in made.traded


def test_a_small_price_is_told_and_a_tolerance_of_nothing_calls_it_a_trade() -> None:
    dear = losses((0.9, 0.1, 0.9), (0.0, 0.08, 0.0))
    made = judged(dear)
    assert made.outcome == "verified" and made.worse == ("rest",) and not made.traded
    assert "pays for it" in made.reason and made.tolerance == pytest.approx(0.25 * 0.8, abs=0.02)
    assert judged(dear, tolerance=0.0).outcome == "traded away"


NOTES = {("slice", f"note {i}"): np.random.default_rng([1, i]).random(N) < 0.2 for i in range(50)}


def beside(made: Losses, kind: str, minimum: float = 0.1) -> Decision:
    """Forty images beside the target that may pay, and fifty columns that mean nothing."""
    payer = {(kind, "payer"): (np.arange(N) >= 100) & (np.arange(N) < 140)}
    others, _ = compare_others(made, {**payer, **NOTES})  # type: ignore[arg-type]
    return decide(compare("target", "target", made.part(TARGET)), others, minimum=minimum)


def test_columns_that_mean_nothing_do_not_hide_a_trade_where_one_is_to_be_expected() -> None:
    paid = losses((0.5, 0.1, 0.5), (0.02, 0.14, 0.02), seed=2)
    assert beside(paid, "slice").outcome == "verified"
    told = beside(paid, "crossed")
    assert told.outcome == "traded away" and told.traded == ("payer",)


def test_a_price_that_may_be_too_high_is_left_open_with_the_images_that_would_decide() -> None:
    perhaps = losses((0.5, 0.1, 0.5), (0.02, 0.1, 0.02), seed=2)
    told = beside(perhaps, "crossed")
    assert told.outcome == "inconclusive" and told.doubt == "payer" and not told.traded
    assert (
        told.doubt_images
        and 5 < told.doubt_images < 500
        and "payer pays more for it than it may" in told.reason
    )
    free = beside(losses((0.5, 0.1, 0.5), (0.02, 0.02, 0.02), seed=2), "crossed")
    assert free.outcome == "verified" and not free.doubt


def test_all_images_together_may_never_become_worse() -> None:
    made = judged(losses((0.6, 0.2, 0.6), (0.02, 0.4, 0.02)), tolerance=1.0)
    assert made.outcome == "traded away" and made.traded == ("all images",)


def test_few_images_are_inconclusive_and_say_how_many_more_would_do() -> None:
    whole = losses((0.5, 0.38, 0.5), seed=3)
    few = Losses(whole.before[:24], whole.repair[:, :24], whole.control[:, :24])  # type: ignore[index]
    made = decide(compare("target", "t", few), [], minimum=0.15)
    assert made.outcome == "inconclusive"
    assert (made.more_images or 0) > 3 and made.detectable and made.detectable > 0.15
    assert "contains both" in made.reason or "not small enough" in made.reason


def test_a_fall_that_is_sure_but_not_surely_large_enough_is_told_as_that() -> None:
    made = judged(losses((0.6, 0.4, 0.6), (0.05, 0.05, 0.05)), minimum=0.24)
    assert made.outcome == "inconclusive" and made.reason.startswith(
        "The error fell; whether by the 24.0 points"
    )
    made = judged(losses((0.6, 0.4, 0.6), (0.02, 0.5, 0.02)), minimum=0.24)
    assert made.outcome == "traded away" and "gained: the error fell; whether" in made.reason


@pytest.mark.parametrize(("runs", "words"), [(1, "1 seed can't"), (2, "2 seeds can't")])
def test_fewer_than_three_seeds_decide_nothing(runs: int, words: str) -> None:
    made = judged(losses((0.9, 0.0, 0.9), runs=runs))
    assert made.outcome == "inconclusive" and words in made.reason and made.more_seeds == 3 - runs


def test_without_a_control_arm_nothing_is_verified() -> None:
    made = judged(dataclasses.replace(losses((0.9, 0.0, 0.9)), control=None))
    assert made.outcome == "inconclusive" and "no control arm" in made.reason


def test_a_gain_left_open_beside_clear_losses_is_a_trade_but_not_without_seeds_enough() -> None:
    made = losses((0.5, 0.38, 0.5), (0.02, 0.5, 0.02))
    others, _ = compare_others(made, {("class", "rest"): ~TARGET})
    told = decide(compare("target", "t", made.part(np.arange(N) < 25)), others, minimum=0.12)
    assert told.outcome == "traded away" and "if it did: the interval contains both" in told.reason
    two = judged(losses((0.5, 0.3, 0.5), (0.02, 0.5, 0.02), runs=2))
    assert two.outcome == "inconclusive" and two.traded


def test_the_tenth_repair_of_a_case_needs_more_than_the_first() -> None:
    made = losses((0.42, 0.22, 0.42), seed=5)
    aim = compare("target", "t", made.part(TARGET & (np.arange(N) < 70)))
    first = decide(aim, [], minimum=0.05)
    assert decide(aim, [], minimum=0.05, earlier=30).q > 10 * first.q


def test_one_seed_that_diverged_takes_the_certainty_away() -> None:
    made = losses((0.6, 0.1, 0.6))
    wild = made.repair.copy()
    wild[2, TARGET] = 1.0
    assert judged(dataclasses.replace(made, repair=wild)).outcome == "inconclusive"


def test_groups_below_ten_images_are_named_not_tested() -> None:
    few = np.arange(N) < 9
    others, names = compare_others(
        losses((0.5, 0.5, 0.5)), {("class", "tiny"): few, ("slice", "none"): few & ~few}
    )
    assert others == [] and names == ["tiny"]


def test_the_minimum_effect_is_a_quarter_of_the_error_but_no_less_than_two_points() -> None:
    assert default_minimum(0.6) == pytest.approx(0.15)
    assert default_minimum(0.01) == 0.02
    assert default_minimum(0.6, whole=True) == 0.02


def test_parts_of_the_calibration_error_add_up_to_it() -> None:
    rng = np.random.default_rng(0)
    sure, right = rng.random(500), rng.random(500) < 0.6
    assert calibration_parts(sure, right).mean() == pytest.approx(expected_calibration_error(sure, right))
    assert len(calibration_parts(np.zeros(0), np.zeros(0, bool))) == 0


def _null(seed: int, shared_gain: float) -> str:
    """Both arms draw from the same recipe, whose runs differ; the target was chosen for its errors on these images."""
    rng = np.random.default_rng(seed)
    n = 600
    hard = rng.normal(0, 1.5, n)

    def runs(count: int, shift: float) -> np.ndarray:
        luck = rng.normal(0, 0.3, (count, 1))
        return (rng.random((count, n)) < 1 / (1 + np.exp(-(hard - 0.8 + shift + luck)))).astype(float)

    before = runs(1, 0.0)[0]
    slices = rng.integers(0, 6, n)
    worst = max(range(6), key=lambda s: before[slices == s].mean())
    made = Losses(before, runs(S, shared_gain), runs(S, shared_gain))
    others, _ = compare_others(made, {("slice", str(s)): slices == s for s in range(6) if s != worst})
    aim: Compared = compare("target", "t", made.part(slices == worst))
    return decide(aim, others, minimum=default_minimum(aim.before)).outcome


@pytest.mark.parametrize("shared_gain", [0.0, -1.0])
def test_a_repair_that_does_nothing_is_hardly_ever_verified(shared_gain: float) -> None:
    found = Counter(_null(seed, shared_gain) for seed in range(60))
    assert found["verified"] + found["traded away"] <= 1, found
