"""Two models on the same images: every number against a table counted by hand, and a model against itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.changes.measures import FEWEST, Cell, cells, compare, paired
from failsight.tools.stats.intervals import newcombe_paired, wilson

CLASSES = ("bath", "bed")


def hand_made() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, before, after, and a slice: 40 baths, 60 beds. Before: 30 and 50 right; after: 38 and 45 right."""
    rows = [
        # true, before, after, images, in the slice
        (0, 0, 0, 29, False),
        (0, 1, 0, 9, True),
        (0, 0, 1, 1, False),
        (0, 1, 1, 1, True),
        (1, 1, 1, 43, False),
        (1, 1, 0, 7, True),
        (1, 0, 1, 2, False),
        (1, 0, 0, 8, False),
    ]
    columns = [np.repeat([r[i] for r in rows], [r[3] for r in rows]) for i in (0, 1, 2, 4)]
    return tuple(c.astype(np.int64) for c in columns)  # type: ignore[return-value]


def test_a_table_counted_by_hand() -> None:
    labels, before, after, _ = hand_made()
    made = compare(labels, before, after, CLASSES)
    o = made.overall
    assert (o.both, o.only_before, o.only_after, o.neither, o.n) == (72, 8, 11, 9, 100)
    assert (o.before, o.after) == (0.80, 0.83) and o.difference == pytest.approx(0.03)
    assert o.ci == newcombe_paired(72, 11, 8, 9) and o.ci[0] < 0 < o.ci[1]
    # two-sided binomial: 2 · P(X ≥ 11), X ~ B(19, 1/2)
    tail = sum(math.comb(19, k) for k in range(11, 20)) / 2**19
    assert o.p == pytest.approx(2 * tail)
    assert made.disagree == 19 and made.churn == 0.19 and made.churn_ci == wilson(19, 100)
    assert made.cells[:2] == (Cell(0, 1, 0, 9), Cell(1, 1, 0, 7))
    assert sum(c.n for c in made.cells) == 19
    bath, bed = made.groups
    assert (bath.counts.only_before, bath.counts.only_after, bath.counts.n) == (1, 9, 40)
    assert (bed.counts.only_before, bed.counts.only_after, bed.counts.n) == (7, 2, 60)
    p_bath = 2 * (1 + 10) / 2**10
    p_bed = 2 * sum(math.comb(9, k) for k in (0, 1, 2)) / 2**9
    assert (bath.counts.p, bed.counts.p) == (pytest.approx(p_bath), pytest.approx(p_bed))
    assert (bath.q, bed.q) == (pytest.approx(2 * p_bath), pytest.approx(p_bed))  # Benjamini–Hochberg over two
    assert bath.verdict == "better" and bed.verdict == "no clear change"
    assert made.worst == bed


def test_slices_are_tested_with_the_classes_and_small_ones_named() -> None:
    labels, before, after, inside = hand_made()
    few = np.arange(100) < FEWEST - 1
    slices = {("finding", "television=yes"): inside > 0, ("slice", "few"): few, ("slice", "none"): few & ~few}
    made = compare(labels, before, after, CLASSES, slices=slices)  # type: ignore[arg-type]
    assert [(g.kind, g.name) for g in made.groups] == [
        ("class", "bath"),
        ("class", "bed"),
        ("finding", "television=yes"),
    ]
    assert made.groups[2].counts.n == 17 and made.too_few == ("few",)


def test_a_loss_that_is_more_than_chance_comes_before_a_larger_one_that_is_not() -> None:
    labels = np.repeat([0, 1], [200, 10])
    before = labels.copy()
    after = labels.copy()
    after[:30] = 1  # 15 points of 200: certain
    after[200:202] = 0  # 20 points of 10: chance
    made = compare(labels, before, after, CLASSES)
    assert made.worst is not None and (made.worst.name, made.worst.verdict) == ("bath", "worse")


def test_a_model_compared_with_itself_shows_no_change() -> None:
    labels, before, _, inside = hand_made()
    sure = np.linspace(0.5, 1, 100)
    made = compare(
        labels, before, before, CLASSES, slices={("slice", "s"): inside > 0}, confidence=(sure, sure)
    )
    assert made.churn == 0 and made.cells == () and made.worst is None
    assert made.overall.difference == 0 and made.overall.p == 1.0
    assert made.overall.ci[0] <= 0 <= made.overall.ci[1]
    assert all(g.verdict == "no clear change" and g.q == 1.0 for g in made.groups)
    c = made.calibration
    assert c is not None and (c.before, c.before_ci) == (c.after, c.after_ci)


def test_calibration_by_hand() -> None:
    labels = np.zeros(100, np.int64)
    before = np.repeat([0, 1], [80, 20])  # 80 % right, 90 % sure: off by 10 points
    after = np.repeat([0, 1], [80, 20])
    made = compare(labels, before, after, CLASSES, confidence=(np.full(100, 0.9), np.full(100, 0.8)))
    assert made.calibration is not None
    assert made.calibration.before == pytest.approx(0.1) and made.calibration.after == pytest.approx(
        0, abs=1e-9
    )
    assert (made.calibration.mean_before, made.calibration.mean_after) == (
        pytest.approx(0.9),
        pytest.approx(0.8),
    )


def test_an_answer_a_rounding_above_certain_counts_as_certain() -> None:
    labels, above = np.zeros(10, np.int64), np.full(10, 1.0005, np.float32)
    made = compare(labels, labels, labels, ("a", "b"), confidence=(above, np.ones(10, np.float32)))
    assert made.calibration is not None
    assert made.calibration.before == made.calibration.after == 0


def test_images_without_a_label_count_for_churn_alone() -> None:
    made = compare(np.full(20, -1), np.zeros(20, np.int64), np.ones(20, np.int64), CLASSES)
    assert made.churn == 1.0 and made.overall.n == 0 and math.isnan(made.overall.difference)
    assert made.groups == () and made.worst is None and made.cells == (Cell(-1, 0, 1, 20),)


def test_nothing_at_all_is_no_crash() -> None:
    none = np.zeros(0, np.int64)
    made = compare(none, none, none, CLASSES, confidence=(np.zeros(0), np.zeros(0)))
    assert made.n == 0 and math.isnan(made.churn) and made.calibration is None


def test_predictions_of_different_images_are_refused() -> None:
    with pytest.raises(ValueError):
        compare(np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(2, np.int64), CLASSES)
    with pytest.raises(ValueError):
        paired(np.ones(3, bool), np.ones(2, bool))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_swapping_the_models_swaps_the_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 80))
    labels, before, after = rng.integers(-1, 3, n), rng.integers(0, 3, n), rng.integers(0, 3, n)
    forth, back = compare(labels, before, after, "abc"), compare(labels, after, before, "abc")
    assert forth.churn == back.churn and sum(c.n for c in forth.cells) == forth.disagree
    if forth.overall.n:
        assert forth.overall.difference == -back.overall.difference and forth.overall.p == back.overall.p
        assert forth.overall.ci == pytest.approx((-back.overall.ci[1], -back.overall.ci[0]))
    for one, other in zip(forth.groups, back.groups, strict=True):
        assert one.q == other.q and {one.verdict, other.verdict} in ({"better", "worse"}, {"no clear change"})
    assert len(cells(labels, before, after)) == len(cells(labels, after, before))


def test_two_equally_good_models_are_seldom_told_apart() -> None:
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        labels = rng.integers(0, 4, 200)
        answers = [np.where(rng.random(200) < 0.2, (labels + 1) % 4, labels) for _ in range(2)]
        made = compare(labels, *answers, "abcd")
        alarms += any(g.verdict != "no clear change" for g in made.groups)
    assert alarms <= 10  # McNemar's exact test is conservative: at most 5 % of 200
