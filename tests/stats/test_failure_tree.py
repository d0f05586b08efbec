"""Failure trees against hand-computed ones, scikit-learn and the paper's propositions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failsight.tools.stats.failure_tree import (
    Condition,
    FailureTree,
    Leaf,
    grow,
    most_informative,
    mutual_information,
    simplified,
)

tables = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, (n, 3), elements=st.integers(-4, 4).map(float)),
        hnp.arrays(np.bool_, (n,)),
    )
)


# --- the paper's definitions on trees worked out by hand --------------------------------------------------------------


def test_the_papers_figure_5_gives_the_papers_numbers() -> None:
    """§5.1: two leaves, error rates 0.454 and about 0.11, base error rate 0.2, ALER 0.291 (0.2 + 0.091)."""
    # the figure does not print its counts; these give its rates
    first = Leaf((Condition(0, 0.5, True),), 2640, 1199, 11000, 2200)
    second = Leaf((Condition(0, 0.5, False),), 8360, 1001, 11000, 2200)
    tree = FailureTree((first, second))
    assert tree.base_error_rate == 0.2
    assert first.error_rate == pytest.approx(0.454, abs=5e-4)
    assert second.error_rate < 0.5 and first.error_rate < 0.5  # precision and recall of the tree are both 0
    assert tree.aler == pytest.approx(0.454 * 0.545 + 0.1197 * 0.455, abs=1e-3)
    assert max(leaf.error_rate for leaf in tree.leaves) >= tree.aler > tree.base_error_rate
    assert tree.valid(0.1, 0.2) == (first,)


def test_a_tree_worked_out_by_hand() -> None:
    """Ten images; failures are the four lowest but one of feature 1; feature 0 is noise."""
    low = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    noise = [5, 1, 4, 2, 8, 5, 7, 1, 8, 2]
    failed = [True, True, False, True, False, False, False, False, False, False]
    tree = grow(np.column_stack([noise, low]), failed, depth=1)
    left, right = tree.leaves
    assert left.path == (Condition(1, pytest.approx(0.45), True),)
    assert (left.n, left.failures, right.n, right.failures) == (4, 3, 6, 0)
    assert (left.error_rate, left.coverage, left.importance) == (0.75, 1.0, 0.75)
    assert (right.error_rate, right.coverage, right.importance) == (0.0, 0.0, 0.0)
    assert tree.base_error_rate == 0.3
    assert tree.aler == 0.75
    assert tree.valid(0.1, 0.2) == (left,)
    assert tree.valid(0.46, 0.2) == ()


def test_weights_decide_where_failures_are_rare() -> None:
    """Balanced, one failure among many weighs as much as all the rest: entropy after the split is 0 on its side."""
    x = np.arange(20.0)[:, None]
    failed = np.zeros(20, bool)
    failed[[0, 1, 5]] = True
    balanced = grow(x, failed, depth=1)
    plain = grow(x, failed, depth=1, balanced=False)
    assert balanced.leaves[0].n == 6  # holds all three
    assert balanced.leaves[1].failures == 0
    assert plain.leaves[0].n == 2  # pure


def test_the_tree_stops_at_depth_at_pure_leaves_and_at_small_ones() -> None:
    rng = np.random.default_rng(0)
    x, failed = rng.random((200, 4)), rng.random(200) < 0.4
    assert grow(x, failed, depth=3).depth == 3
    assert len(grow(x, failed, depth=3).leaves) <= 8
    assert grow(x, failed, depth=0).leaves == (Leaf((), 200, int(failed.sum()), 200, int(failed.sum())),)
    assert min(leaf.n for leaf in grow(x, failed, depth=3, least=30).leaves) >= 30
    assert grow(x, np.ones(200, bool)).depth == 0
    assert grow(x, np.zeros(200, bool)).aler == 0.0
    assert grow(np.ones((50, 2)), rng.random(50) < 0.5).depth == 0
    assert grow(np.zeros((5, 0)), [True, False, True, False, False]).depth == 0


def test_nothing_is_grown_from_nothing_or_from_nan() -> None:
    with pytest.raises(ValueError, match="at least one"):
        grow(np.zeros((0, 2)), np.zeros(0, bool))
    with pytest.raises(ValueError, match="finite"):
        grow([[np.nan], [1.0]], [True, False])
    with pytest.raises(ValueError, match="finite"):
        mutual_information([[np.inf], [1.0]], [True, False])
    with pytest.raises(ValueError):
        mutual_information(np.zeros((3, 1)), [True, False])
    with pytest.raises(ValueError):
        mutual_information(np.zeros((3, 1)), [True, False, True], neighbours=0)


def test_another_half_falls_into_the_same_leaves() -> None:
    rng = np.random.default_rng(1)
    x, failed = rng.random((300, 3)), rng.random(300) < 0.3
    tree = grow(x[:150], failed[:150], depth=2)
    assert tree.measured(x[:150], failed[:150]) == tree
    other = tree.measured(x[150:], failed[150:])
    assert [leaf.path for leaf in other.leaves] == [leaf.path for leaf in tree.leaves]
    assert sum(leaf.n for leaf in other.leaves) == 150
    assert sum(leaf.coverage for leaf in other.leaves) == pytest.approx(1.0)
    assert other.base_error_rate == failed[150:].mean()


def test_a_path_keeps_its_tightest_bounds() -> None:
    path = (
        Condition(3, 0.5, True),
        Condition(1, 2.0, False),
        Condition(3, 0.2, True),
        Condition(3, 0.1, False),
    )
    assert simplified(path) == (Condition(3, 0.2, True), Condition(1, 2.0, False), Condition(3, 0.1, False))


# --- properties -------------------------------------------------------------------------------------------------------


@given(tables, st.integers(0, 3), st.booleans())
@settings(deadline=None, max_examples=200)
def test_some_leaf_is_at_least_as_bad_as_the_aler(table: tuple, depth: int, balanced: bool) -> None:
    """Proposition 1; and ALER is never below BER; coverages sum to 1; every image is in exactly one leaf."""
    x, failed = table
    tree = grow(x, failed, depth=depth, balanced=balanced)
    assert max(leaf.error_rate for leaf in tree.leaves) >= tree.aler - 1e-12
    assert tree.aler >= tree.base_error_rate - 1e-12
    assert sum(leaf.n for leaf in tree.leaves) == len(failed)
    if failed.any():
        assert sum(leaf.coverage for leaf in tree.leaves) == pytest.approx(1.0)
    assert (np.sum([leaf.inside(x) for leaf in tree.leaves], axis=0) == 1).all()
    for leaf in tree.leaves:
        assert leaf.inside(x).sum() == leaf.n


@given(tables, st.integers(1, 3))
@settings(deadline=None, max_examples=100)
def test_proposition_1_holds_on_another_half_too(table: tuple, depth: int) -> None:
    x, failed = table
    half = len(x) // 2
    tree = grow(x[:half], failed[:half], depth=depth).measured(x[half:], failed[half:])
    assert max(leaf.error_rate for leaf in tree.leaves) >= tree.aler - 1e-12


@given(tables, st.integers(0, 2**16))
@settings(deadline=None, max_examples=50)
def test_information_does_not_care_for_scale_order_or_outcome(table: tuple, seed: int) -> None:
    x, failed = table
    x = x + np.random.default_rng(seed).random(x.shape)  # no ties
    plain = mutual_information(x, failed)
    order = np.random.default_rng(seed).permutation(len(x))
    assert (plain >= 0).all()
    assert mutual_information(x * 7, failed) == pytest.approx(plain, abs=1e-6)
    assert mutual_information(x[order], failed[order]) == pytest.approx(plain, abs=1e-6)
    assert mutual_information(x, ~failed) == pytest.approx(plain, abs=1e-6)


# --- against scikit-learn ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_information_is_scikit_learns(seed: int) -> None:
    selection = pytest.importorskip("sklearn.feature_selection")
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    failed = rng.random(n) < rng.uniform(0.1, 0.6)
    failed[:2] = True, False
    x = rng.normal(size=(n, 5)) + failed[:, None] * np.array([0, 0.5, 1, 2, 4])
    mine = mutual_information(x, failed)
    reference = selection.mutual_info_classif(x, failed, random_state=0)
    assert mine == pytest.approx(reference, abs=1e-6)
    assert set(most_informative(mine, 2)) == set(np.argsort(reference)[-2:])


def test_information_with_many_equal_values_is_scikit_learns_up_to_the_noise() -> None:
    """ReLU features are often exactly 0: there both estimators depend on the noise that breaks ties."""
    selection = pytest.importorskip("sklearn.feature_selection")
    rng = np.random.default_rng(3)
    failed = rng.random(500) < 0.3
    x = np.maximum(0, rng.normal(size=(500, 3)) - 0.5 + failed[:, None] * np.array([0, 1, 2]))
    several = [selection.mutual_info_classif(x, failed, random_state=s) for s in range(8)]
    mine = mutual_information(x, failed)
    assert (mine >= np.min(several, axis=0) - 0.03).all()
    assert (mine <= np.max(several, axis=0) + 0.03).all()


def test_information_of_an_outcome_that_occurs_once_or_never() -> None:
    selection = pytest.importorskip("sklearn.feature_selection")
    x = np.random.default_rng(0).normal(size=(30, 2))
    once = np.arange(30) == 4
    assert mutual_information(x, once) == pytest.approx(
        selection.mutual_info_classif(x, once, random_state=0), abs=1e-6
    )
    assert mutual_information(x, np.zeros(30, bool)).tolist() == [0, 0]
    assert mutual_information(x[:1], [True]).tolist() == [0, 0]


@pytest.mark.parametrize("criterion", ["entropy", "gini"])
@pytest.mark.parametrize("seed", range(5))
def test_the_tree_is_scikit_learns(seed: int, criterion: str) -> None:
    """Where scikit-learn's tree does not depend on its random order of features, ours has the same leaves."""
    trees = pytest.importorskip("sklearn.tree")
    rng = np.random.default_rng(seed)
    n = 400
    x = rng.normal(size=(n, 6)).astype(np.float32)
    failed = rng.random(n) < 1 / (1 + np.exp(-(2 * x[:, 1] - 2 * (x[:, 4] > 0.3) + 0.3)))
    weight = {0: 1, 1: np.sum(~failed) / np.sum(failed)}
    for depth in (1, 2, 3):
        partitions = set()
        for state in range(4):
            reference = trees.DecisionTreeClassifier(
                max_depth=depth, criterion=criterion, class_weight=weight, random_state=state
            ).fit(x, failed)
            partitions.add(_partition(reference.apply(x)))
        mine = grow(x, failed, depth=depth, criterion=criterion)  # type: ignore[arg-type]
        place = np.argmax([leaf.inside(x) for leaf in mine.leaves], axis=0)
        assert _partition(place) in partitions
        if len(partitions) == 1:
            thresholds = sorted(t for t in reference.tree_.threshold if t != -2)
            own = sorted({c.threshold for leaf in mine.leaves for c in leaf.path})
            assert own == pytest.approx(sorted(set(thresholds)), abs=1e-6)


def _partition(place: np.ndarray) -> frozenset[frozenset[int]]:
    return frozenset(frozenset(np.flatnonzero(place == leaf).tolist()) for leaf in np.unique(place))


def test_aler_is_that_of_the_released_code() -> None:
    """``compute_average_leaf_error_rate`` of github.com/singlasahil14/barlow, restated."""
    rng = np.random.default_rng(5)
    x, failed = rng.random((300, 4)), rng.random(300) < 0.25
    tree = grow(x, failed, depth=3)
    place = np.argmax([leaf.inside(x) for leaf in tree.leaves], axis=0)
    aler = 0.0
    for leaf in np.unique(place):
        true, false = int(failed[place == leaf].sum()), int((~failed[place == leaf]).sum())
        aler += true / failed.sum() * true / (true + false)
    assert tree.aler == pytest.approx(aler)
