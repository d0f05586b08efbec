"""The numbers behind evaluate, against hand counts, scikit-learn's definitions and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools import performance as P
from failsight.tools.guessing import by_guessing, guessing_words
from failsight.tools.inputs.base import Predictions
from failsight.tools.stats.intervals import newcombe, wilson
from tests.tools.cases import from_counts, one_hot


def made_of(counts: list[list[int]], split: str = "data") -> P.Performance:
    labels, predicted = from_counts(counts)
    k = len(counts)
    names = tuple(f"c{i}" for i in range(k))
    table = Predictions(split, names, np.arange(len(labels)), labels, one_hot(predicted, k))  # type: ignore[arg-type]
    return P.performance(table)


def test_every_rate_by_hand() -> None:
    made = made_of([[8, 2, 0], [1, 4, 0], [3, 0, 2]])
    assert made.n == 20
    assert made.accuracy.value == 14 / 20
    assert made.accuracy.ci == wilson(14, 20)
    assert [c.recall.value for c in made.per_class] == [0.8, 0.8, 0.4]
    assert [c.precision.value for c in made.per_class] == pytest.approx([8 / 12, 4 / 6, 1])
    assert [c.f1.value for c in made.per_class] == pytest.approx([16 / 22, 8 / 11, 4 / 7])
    assert made.balanced_accuracy.value == pytest.approx(2 / 3)
    assert made.macro_precision.value == pytest.approx((8 / 12 + 4 / 6 + 1) / 3)
    assert made.macro_f1.value == pytest.approx((16 / 22 + 8 / 11 + 4 / 7) / 3)
    assert (made.majority, made.baseline) == (0, 0.5)
    assert [c.index for c in made.weakest()] == [2, 0, 1]


def test_a_class_never_predicted_and_one_never_seen() -> None:
    made = made_of([[5, 0, 0], [5, 0, 0], [0, 0, 0]])
    never = made.per_class[1]
    assert not never.precision.known and never.precision.ci == (0, 1)
    assert never.f1.value == 0
    assert not made.per_class[2].recall.known
    assert made.macro_precision.value == pytest.approx(0.25)  # of the two classes that have images
    assert made.balanced_accuracy.value == 0.5


def test_without_images_nothing_is_known_and_nothing_crashes() -> None:
    made = made_of([[0, 0], [0, 0]])
    assert made.n == 0 and not made.accuracy.known and not made.balanced_accuracy.known
    assert made.macro_f1.ci == (0, 1)
    assert np.isnan(P.weaker_than_rest(made)[0]).all()


def test_unlabelled_rows_do_not_count() -> None:
    table = Predictions(
        "data", ("a", "b"), np.arange(3), np.array([0, -1, 1]), one_hot(np.array([0, 0, 0]), 2)
    )
    assert P.performance(table).n == 2


@pytest.mark.parametrize(("n", "recall"), [(30, (0.9, 0.6, 0.75, 0.5)), (200, (0.99, 0.8, 0.3, 0.6))])
def test_intervals_cover_as_promised(n: int, recall: tuple[float, ...]) -> None:
    rng, k, runs = np.random.default_rng(0), len(recall), 300
    truth = np.diag(recall).astype(float)
    for i, r in enumerate(recall):
        truth[i, (i + 1) % k] = 1 - r
    covered = np.zeros(4)
    called = truth.sum(0)
    f1 = 2 * np.diag(truth) / (1 + called)
    for run in range(runs):
        counts = np.stack([rng.multinomial(n, row) for row in truth])
        made = [P._class(i, "", counts) for i in range(k)]
        balanced = P.weighted_rate([c.recall for c in made], np.full(k, 1 / k))
        covered[0] += balanced.ci[0] <= np.mean(recall) <= balanced.ci[1]
        covered[1] += made[1].f1.ci[0] <= f1[1] <= made[1].f1.ci[1]
        if run < 80:
            precision, macro = P.macro_intervals(counts, run, draws=100)
            covered[2] += precision[0] <= (np.diag(truth) / called).mean() <= precision[1]
            covered[3] += macro[0] <= f1.mean() <= macro[1]
    assert covered[:2] / runs == pytest.approx([0.95, 0.95], abs=0.035)
    assert (covered[2:] / 80 > 0.87).all()


def test_weaker_than_rest_finds_the_weak_class_only() -> None:
    p, q = P.weaker_than_rest(made_of([[90, 10, 0], [10, 90, 0], [30, 10, 60]]))
    assert q[2] < 1e-6 and min(q[0], q[1]) > 0.5
    assert (q >= p).all()


def test_a_change_of_class_proportions_is_no_drop() -> None:
    # recalls are 0.9 and 0.5 in both splits; only the proportions change
    data, deploy = made_of([[180, 20], [25, 25]]), made_of([[45, 5], [100, 100]], "deploy")
    found = P.compare(data, deploy)
    assert found.raw.effect == pytest.approx(205 / 250 - 145 / 250)
    assert found.raw.ci == newcombe(205, 250, 145, 250)
    assert found.same_mix.effect == pytest.approx(0)
    assert found.same_mix.p > 0.9 and found.raw.p < 1e-6
    assert found.mix_distance == pytest.approx(0.6)


def test_a_drop_in_every_class_is_seen_at_any_mix() -> None:
    data, deploy = made_of([[180, 20], [40, 160]]), made_of([[30, 20], [100, 100]], "deploy")
    found = P.compare(data, deploy)
    assert found.same_mix.effect == pytest.approx((0.3 + 0.3) / 2)
    assert found.same_mix.ci[0] > 0.2 and found.same_mix.p < 1e-9
    assert [d.effect for d in found.per_class] == pytest.approx([0.3, 0.3])
    assert found.per_class[0].ci == newcombe(180, 200, 30, 50)
    assert all(d.q >= d.p for d in found.per_class)


def test_only_shared_classes_are_compared() -> None:
    found = P.compare(made_of([[9, 1, 0], [0, 10, 0], [0, 0, 0]]), made_of([[5, 5, 0], [0, 0, 0], [0, 0, 8]]))
    assert found.shared == (0,)
    assert (found.only_reference, found.only_other) == (("c1",), ("c2",))
    assert found.same_mix.effect == pytest.approx(0.4)
    nothing = P.compare(made_of([[3, 0], [0, 0]]), made_of([[0, 0], [0, 3]]))
    assert nothing.shared == () and np.isnan(nothing.same_mix.effect) and nothing.same_mix.p == 1


def test_without_a_difference_the_drop_is_rarely_significant() -> None:
    rng = np.random.default_rng(3)
    recall, hits, covered, runs = np.array([0.9, 0.7, 0.5]), 0, 0, 300
    for _ in range(runs):
        n_a, n_b = np.array([60, 80, 100]), np.array([100, 30, 60])
        k_a, k_b = rng.binomial(n_a, recall), rng.binomial(n_b, recall)
        drop = P._mixed_drop(n_a, k_a, n_b, k_b)
        hits += drop.p <= 0.05
        covered += drop.ci[0] <= 0 <= drop.ci[1]
    assert hits / runs <= 0.08
    assert covered / runs >= 0.92


def test_a_thousand_classes_are_quick() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 1000, 5000)
    predicted = np.where(rng.random(5000) < 0.7, labels, rng.integers(0, 1000, 5000))
    names = tuple(f"c{i}" for i in range(1000))
    made = P.performance(Predictions("data", names, np.arange(5000), labels, one_hot(predicted, 1000)))
    assert 0.68 < made.accuracy.value < 0.73
    assert len(P.compare(made, made).per_class) == len(made.present)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([[0, 6], [6, 0]], "fewer than guessing gives"),
        ([[28, 22], [24, 26]], "can't be told from guessing"),
        (
            [[95, 0], [5, 0]],
            "can't be told from guessing",
        ),  # always the frequent class: 95 % right, and tells nothing apart
        ([[40, 10], [10, 40]], ""),
        ([[9, 0], [0, 0]], ""),  # one class has images: there is nothing to guess
        ([[0, 0], [0, 0]], ""),
    ],
)
def test_a_model_is_held_to_somebody_who_guesses(counts: list[list[int]], said: str) -> None:
    made = made_of(counts)
    assert (said in guessing_words(made)) if said else guessing_words(made) == ""
    assert (by_guessing(made) is None) == (not said)


def test_guessing_among_the_classes_that_have_images() -> None:
    assert by_guessing(made_of([[1, 3, 0], [3, 1, 0], [0, 0, 0]])) == 1 / 2
