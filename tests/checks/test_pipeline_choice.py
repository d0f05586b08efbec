"""Choosing among pipelines and testing the choice: known tables, oracles, and what noise alone confirms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from failsight.tools.inputs.base import Preprocessing
from failsight.tools.pipelines.candidates import Alternative, Pipeline, alternatives
from failsight.tools.pipelines.choice import choose, detectable, sample, test, ties, winner
from failsight.tools.pipelines.feeding import Outcomes
from failsight.tools.pipelines.recalls import fallen
from failsight.tools.pipelines.report import _nothing_better, kept
from failsight.tools.pipelines.safeguards import borne_out, brings_back
from failsight.tools.stats.intervals import wilson

USUAL = Preprocessing((224, 224), "crop", 256)
CHANGES = alternatives(USUAL)
BGR = next(c for c in CHANGES if c.title == "BGR")
HALF = next(c for c in CHANGES if c.title == "-1 to 1")
STRETCH = next(c for c in CHANGES if c.title == "stretched")


def outcomes(right: np.ndarray) -> Outcomes:
    rows = np.arange(right.shape[1])
    return Outcomes(rows, rows % 2, right, np.where(right, -0.1, -2.0).astype(np.float32))


def world(n: int, share: Callable[[Pipeline], float], seed: int) -> Callable[[Sequence[Pipeline]], Outcomes]:
    """Answers that are independent coin flips, right with ``share`` of the pipeline."""

    def measure(pipelines: Sequence[Pipeline]) -> Outcomes:
        rows = []
        for p in pipelines:
            own = np.random.default_rng([seed, *p.title.encode()])
            rows.append(own.random(n) < share(p))
        return outcomes(np.stack(rows))

    return measure


def test_two_mistakes_at_once_are_found_together() -> None:
    """Each alone leaves the model at chance; only channels and values together mend it."""

    def share(p: Pipeline) -> float:
        titles = {c.title for c in p.changes}
        return 0.9 if titles == {"BGR", "-1 to 1"} else 0.36 if "-1 to 1" in titles else 0.3

    found = choose(world(200, share, 1), CHANGES)
    assert found.carried[0] == Pipeline((BGR, HALF))
    assert Pipeline((HALF,)) in found.carried


def test_a_further_change_that_adds_nothing_is_left_out() -> None:
    def share(p: Pipeline) -> float:
        return 0.8 if BGR in p.changes else 0.4

    found = choose(world(300, share, 3), CHANGES)
    tests = test(world(600, share, 4)([Pipeline(), *found.carried]), found.carried, (0.03, 0.05), 0.05, 0)
    top = winner(tests, world(600, share, 4)([Pipeline(), *found.carried]))
    assert top is not None and top.pipeline == Pipeline((BGR,))


def test_pipelines_that_feed_the_same_numbers_are_not_carried() -> None:
    def measure(pipelines: Sequence[Pipeline]) -> Outcomes:
        row = np.random.default_rng(0).random(100) < 0.8
        worse = row & (np.arange(100) % 9 > 0)
        same = [row if p.axes <= {"fit", "interpolation"} else worse for p in pipelines]
        return outcomes(np.stack(same))

    found = choose(measure, CHANGES)
    assert all(p.arithmetic or p.changes[0].title == "grey" for p in found.carried)


def test_the_numbers_of_a_test_are_those_of_the_table() -> None:
    right = np.zeros((2, 100), bool)
    right[0, :60] = True
    right[1, 10:85] = True  # 25 gained, 10 lost
    (one,) = test(outcomes(right), [Pipeline((BGR,))], (0.03, 0.05), 0.05, 0)
    assert (one.gained, one.lost, one.effect) == (25, 10, pytest.approx(0.15))
    from scipy.stats import binomtest

    assert one.p == one.q == pytest.approx(binomtest(25, 35, alternative="greater").pvalue)
    assert one.ci[0] < 0.15 < one.ci[1]
    assert one.judgement.verdict == "confirmed"
    assert one.truth == pytest.approx(0.15 * 1.9, abs=1e-6)


def test_geometry_needs_a_larger_effect_than_arithmetic() -> None:
    right = np.zeros((2, 1000), bool)
    right[0, :600] = True
    right[1, :640] = True  # four points, without a single loss
    for change, verdict in ((BGR, "confirmed"), (STRETCH, "inconclusive")):
        (one,) = test(outcomes(right), [Pipeline((change,))], (0.03, 0.05), 0.05, 0)
        assert one.judgement.verdict == verdict
    (mixed,) = test(outcomes(right), [Pipeline((BGR, STRETCH))], (0.03, 0.05), 0.05, 0)
    assert mixed.judgement.verdict == "inconclusive"


def test_equal_answers_refute_on_many_images_and_decide_nothing_on_few() -> None:
    for n, verdict in ((400, "refuted"), (16, "inconclusive")):
        right = np.repeat((np.arange(n) % 5 > 0)[None], 2, 0)
        (one,) = test(outcomes(right), [Pipeline((BGR,))], (0.03, 0.05), 0.05, 0)
        assert one.judgement.verdict == verdict
        assert one.p == 1


def test_holm_counts_everything_that_was_carried() -> None:
    right = np.random.default_rng(0).random((4, 200)) < 0.7
    carried = [Pipeline((c,)) for c in (BGR, HALF, STRETCH)]
    from statsmodels.stats.multitest import multipletests

    tests = test(outcomes(right), carried, (0.03, 0.05), 0.05, 0)
    assert [t.q for t in tests] == pytest.approx(multipletests([t.p for t in tests], method="holm")[1])


def test_the_smallest_detectable_gain_is_seen_four_times_in_five() -> None:
    """Simulated: answers that differ in 8 %, with the gain that is said to be detectable."""
    from failsight.tools.stats.tests import mcnemar_exact

    n, discordant = 400, 0.12
    gain = detectable(round(discordant * n), n, 0.05)
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(400):
        up, down = rng.multinomial(n, [(discordant + gain) / 2, (discordant - gain) / 2, 1 - discordant])[:2]
        seen += mcnemar_exact(int(up), int(down), "greater") <= 0.05
    assert 0.7 < seen / 400 < 0.9


def test_a_sample_is_seeded_stratified_and_cut_in_a_third_and_two() -> None:
    labels = np.array([0] * 700 + [1] * 200 + [2] * 100 + [-1] * 500)
    first, second = sample(labels, 300, 7)
    assert len(first) + len(second) == 300 and len(first) == pytest.approx(100, abs=2)
    assert not set(first) & set(second)
    for part in (first, second):
        shares = np.bincount(labels[part], minlength=3) / len(part)
        assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    again = sample(labels, 300, 7)
    assert np.array_equal(first, again[0]) and np.array_equal(second, again[1])
    assert not np.array_equal(first, sample(labels, 300, 8)[0])


def test_one_image_a_class_fills_both_parts() -> None:
    first, second = sample(np.arange(250), 600, 0)
    assert len(first) + len(second) == 250 and len(first) == pytest.approx(83, abs=2)


def test_no_labels_give_an_empty_sample() -> None:
    first, second = sample(np.full(20, -1), 600, 0)
    assert len(first) == len(second) == 0


def test_ties_are_of_the_same_kind_as_the_winner() -> None:
    def share(p: Pipeline) -> float:
        return 0.95 if p.axes == {"values"} and p.changes[0].title in ("-1 to 1", "(x-127)/128") else 0.3

    same = world(100, share, 0)

    def measure(pipelines: Sequence[Pipeline]) -> Outcomes:
        twins = [Pipeline((HALF,)) if p.title == "(x-127)/128" else p for p in pipelines]
        return same(twins)

    found = choose(measure, CHANGES)
    assert [p.title for p in ties(found, Pipeline((HALF,)))] == ["(x-127)/128"]


def run_null(seed: int, changes: Sequence[Alternative], first: int, second: int) -> bool:
    """Every pipeline is equally good and errs independently: the hardest null for picking the best of many."""
    found = choose(world(first, lambda p: 0.8, 2 * seed), changes)
    right = world(second, lambda p: 0.8, 2 * seed + 1)([Pipeline(), *found.carried])
    return winner(test(right, found.carried, (0.03, 0.05), 0.05, seed), right) is not None


@pytest.mark.parametrize("runs", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_noise_alone_confirms_a_pipeline_in_at_most_one_run_of_twenty(runs: int) -> None:
    false = sum(run_null(seed, CHANGES, 100, 200) for seed in range(runs))
    assert wilson(false, runs)[0] <= 0.05
    assert false / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)


def test_a_pipeline_that_blinds_the_model_is_neither_chosen_nor_confirmed() -> None:
    """Seven in ten are of one class; blinded, the model always names it and is right more often than before."""
    n = 600
    labels = (np.arange(n) % 10 < 3).astype(np.int64)
    seeing = np.random.default_rng(0).random(n) < 0.56

    def measure(pipelines: Sequence[Pipeline]) -> Outcomes:
        right = np.stack([labels == 0 if "0 to 255" in p.title else seeing for p in pipelines])
        truth = np.where(right, -0.1, -2.0).astype(np.float32)
        return Outcomes(np.arange(n), labels, right, truth)

    found = choose(measure, CHANGES)
    assert found.tried[0].rank[0] == max(t.rank[0] for t in found.tried)
    blind = Pipeline((next(c for c in CHANGES if c.title == "0 to 255"),))
    (one,) = test(measure([Pipeline(), blind]), [blind], (0.03, 0.05), 0.05, 0)
    assert one.effect > 0.05 and one.q < 0.01
    assert one.judgement.verdict == "inconclusive" and "frequent class" in one.judgement.reason


def unequal(n: int = 400, ill: float = 0.08) -> np.ndarray:
    return (np.arange(n) < ill * n).astype(np.int64)


def fed(labels: np.ndarray, *recalls: tuple[float, float]) -> Outcomes:
    """Ways of feeding with these shares of right answers among the healthy and the ill; the same pictures stay right as far as they go."""
    place = np.empty(len(labels))
    for c in (0, 1):
        of = np.flatnonzero(labels == c)
        place[of] = (np.arange(len(of)) + 0.5) / len(of)
    right = np.stack([place < np.array(r)[labels] for r in recalls])
    return Outcomes(np.arange(len(labels)), labels, right, np.where(right, -0.1, -2.0).astype(np.float32))


BLIND, RIGHT = (1.0, 0.0), (0.90, 0.77)


def test_where_hardly_any_are_ill_the_mean_recall_judges() -> None:
    """Blind, the model says healthy and is right in 92 %; fed rightly it finds the ill, and is right in fewer."""
    labels = unequal()
    right = Pipeline((HALF,))
    (one,) = test(fed(labels, BLIND, RIGHT), [right], (0.03, 0.05), 0.01, 0)
    assert one.accuracy < one.declared
    assert one.balanced == (pytest.approx(0.5), pytest.approx(0.835, abs=0.02))
    assert one.effect == pytest.approx(0.335, abs=0.02) and one.ci[0] > 0.2
    assert one.judgement.verdict == "confirmed"
    assert {c: n for c, (_, _, n) in one.recalls.items()} == {0: 368, 1: 32}

    def measure(pipelines: Sequence[Pipeline]) -> Outcomes:
        return fed(labels, *(RIGHT if p == right else BLIND for p in pipelines))

    assert choose(measure, CHANGES).carried[0] == right
    training = fed(unequal(300), BLIND, RIGHT)  # fewer right there, too: that does not speak against it
    assert borne_out([one], training) == (one,)
    (back,) = borne_out([one], fed(unequal(300), RIGHT, BLIND))
    assert back.judgement.verdict == "inconclusive" and "mean recall" in back.judgement.reason


def test_fewer_false_alarms_and_more_ill_overlooked_is_no_better_feeding() -> None:
    """Right in 93 instead of 88 of 100, as fewer healthy are called ill: the frequent class alone."""
    (one,) = test(fed(unequal(), (0.89, 0.75), (0.957, 0.69)), [Pipeline((STRETCH,))], (0.03, 0.05), 0.01, 0)
    assert one.accuracy > one.declared + 0.05
    assert one.judgement.verdict != "confirmed"
    assert fallen(one, ("healthy", "ill")) == " Recall falls of ill from 75.0 % to 68.8 %."


def test_equal_classes_are_judged_by_right_answers() -> None:
    (one,) = test(fed(unequal(400, 0.3), (0.6, 0.6), (0.9, 0.9)), [Pipeline((HALF,))], (0.03, 0.05), 0.01, 0)
    assert one.balanced is None
    assert one.effect == pytest.approx(one.accuracy - one.declared)


def test_noise_between_unequal_classes_is_seldom_confirmed() -> None:
    rng, false, runs = np.random.default_rng(4), 0, 100
    labels = unequal(300)
    for seed in range(runs):
        right = rng.random((2, 300)) < np.where(labels == 1, 0.6, 0.85)
        truth = np.where(right, -0.1, -2.0).astype(np.float32)
        (one,) = test(
            Outcomes(np.arange(300), labels, right, truth), [Pipeline((HALF,))], (0.03, 0.05), 0.05, seed
        )
        false += one.judgement.verdict == "confirmed"
    assert wilson(false, runs)[0] <= 0.05


def test_training_images_speak_against_a_way_of_feeding_that_the_model_was_not_trained_with() -> None:
    """On evaluation images another crop cuts a misleading frame away; on its own training images the model is worse with it."""
    rng = np.random.default_rng(0)
    stretched = Pipeline((STRETCH,))
    (one,) = test(
        outcomes(np.stack([rng.random(400) < 0.5, rng.random(400) < 0.8])), [stretched], (0.03, 0.05), 0.05, 0
    )
    assert one.judgement.verdict == "confirmed"
    every, some = np.ones(200, bool), np.arange(200) >= 60
    (judged,) = borne_out([one], outcomes(np.stack([every, some])))
    assert judged.judgement.verdict == "inconclusive" and "trained as declared" in judged.judgement.reason
    told = _nothing_better(SimpleNamespace(lead=judged, verdict="inconclusive"))  # type: ignore[arg-type]
    assert "None was shown to be better" in told and judged.judgement.reason in told
    assert "would have been seen" not in told and kept(judged) and not kept(one)
    assert borne_out([one], outcomes(np.stack([some, every]))) == (one,)
    assert borne_out([one], outcomes(np.stack([every, every]))) == (one,)
    assert borne_out([one], None) == (one,)


def test_training_images_that_are_right_either_way_speak_by_how_probable_their_truth_is() -> None:
    """A trained model is right in all its training images, fed a little wrongly or not; how sure it is of them tells which."""
    rng = np.random.default_rng(1)
    other = Pipeline((STRETCH,))
    (one,) = test(
        outcomes(np.stack([rng.random(400) < 0.5, rng.random(400) < 0.8])), [other], (0.03, 0.05), 0.05, 0
    )
    right = np.ones((2, 300), bool)
    declared = -rng.exponential(0.05, 300)
    worse = declared - rng.exponential(0.05, 300)

    def fed(first: np.ndarray, second: np.ndarray) -> Outcomes:
        return Outcomes(
            np.arange(300), np.zeros(300, np.int64), right, np.stack([first, second]).astype(np.float32)
        )

    (judged,) = borne_out([one], fed(declared, worse))
    assert judged.judgement.verdict == "inconclusive" and "no more probability" in judged.judgement.reason
    assert borne_out([one], fed(worse, declared)) == (one,)
    better = fed(declared, declared + np.abs(rng.normal(0, 0.01, 300)))
    assert borne_out([one], better) == (one,)
    noise = rng.normal(0, 0.01, 300)
    unmoved = fed(
        declared, declared + noise - noise.mean() - 1e-6
    )  # no room for half of 30 points in 300 unchanged answers
    assert borne_out([one], unmoved)[0].judgement.verdict == "inconclusive"
    few = Outcomes(
        np.arange(8),
        np.zeros(8, np.int64),
        right[:, :8],
        unmoved.truth[:, :8] - np.array([[0], [1e-3]], np.float32),
    )
    few.truth[1] = few.truth[0] - np.array([1, -1, 1, -1, 1, -1, 1, -1], np.float32) * 1e-3
    assert borne_out([one], few) == (one,)  # eight images leave room for it
    gaining = fed(declared, worse)
    gaining.right[0, :3] = False  # right in three more of them: no word against it
    assert borne_out([one], gaining) == (one,)


def test_a_gain_that_brings_back_little_of_what_was_lost_is_no_wrong_feeding() -> None:
    rng = np.random.default_rng(0)
    declared = rng.random(600) < 0.5
    better = declared | (rng.random(600) < 0.14)  # seven points more
    (one,) = test(outcomes(np.stack([declared, better])), [Pipeline((STRETCH,))], (0.03, 0.05), 0.05, 0)
    assert one.judgement.verdict == "confirmed"
    (judged,) = brings_back([one], 0.95)
    assert judged.judgement.verdict == "inconclusive" and "small part" in judged.judgement.reason
    assert brings_back([one], 0.6) == brings_back([one], None) == brings_back([one], math.nan) == (one,)
