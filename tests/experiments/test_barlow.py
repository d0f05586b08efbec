"""Failure modes: groups, halves, tests and their error rate where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.experiments.barlow import (
    Group,
    Known,
    Settings,
    confirmed,
    groups_of,
    grown,
    why_not,
)
from failsight.tools.experiments.barlow_attributes import words
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.stats.failure_tree import Condition
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.tests import fisher_exact


def known(n: int = 400, seed: int = 0, classes: int = 2, features: int = 8, error: float = 0.3) -> Known:
    """Features and errors that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    predicted = np.where(rng.random(n) < error, (labels + 1) % classes, labels)
    half = np.zeros(n, bool)
    half[rng.permutation(n)[: n // 2]] = True
    return Known(np.arange(n), rng.normal(size=(n, features)).astype(np.float32), labels, predicted, half)


def planted(n: int = 400, seed: int = 0) -> Known:
    """Of class 0, images with feature 3 below −0.5 fail nine times out of ten, others one time out of ten."""
    made = known(n, seed)
    rng = np.random.default_rng(seed + 1)
    fails = rng.random(n) < np.where((made.features[:, 3] < -0.5) & (made.labels == 0), 0.9, 0.1)
    predicted = np.where(fails, 1 - made.labels, made.labels)
    return Known(made.rows, made.features, made.labels, predicted, made.discovery)


def run(made: Known, settings: Settings | None = None, grouping: str = "label") -> tuple[list, list]:
    settings = settings or Settings(depth=2)
    groups = [g for g in groups_of(made, grouping, 2) if not why_not(made, g)]  # type: ignore[arg-type]
    return confirmed(made, [grown(made, g, settings) for g in groups], settings)


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_hold_the_images_that_the_paper_says() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 1, 2, 1, 0, 2])
    made = Known(np.arange(6), np.zeros((6, 1), np.float32), labels, predicted, np.ones(6, bool))

    def first(grouping: str, **more: object) -> tuple[list[int], list[bool]]:
        group = groups_of(made, grouping, 3, **more)[0]  # type: ignore[arg-type]
        return group.at.tolist(), group.failed.tolist()

    assert first("label") == ([0, 1, 2], [False, True, True])
    assert first("prediction") == ([0, 4], [False, True])
    assert first("either") == ([0, 1, 2, 4], [False, True, True, True])
    assert first("pairs", pair=(0, 1)) == ([0, 1], [False, True])
    assert first("all") == ([0, 1, 2, 3, 4, 5], [False, True, True, False, True, False])
    assert first("all", chosen=(1, 2)) == ([3, 4, 5], [False, True, False])
    assert first("label", chosen=(1,), correct=True) == ([3, 4], [True, False])
    assert len(groups_of(made, "label", 3)) == 3


def test_pairs_are_the_confusions_of_the_discovery_half_most_frequent_first() -> None:
    labels = np.array([0] * 20 + [1] * 20 + [2] * 20)
    predicted = np.array([1] * 8 + [0] * 12 + [2] * 11 + [1] * 9 + [2] * 20)
    half = np.ones(60, bool)
    half[20:24] = False  # of the eleven, seven are counted
    made = Known(np.arange(60), np.zeros((60, 1), np.float32), labels, predicted, half)
    assert [(g.true, g.predicted) for g in groups_of(made, "pairs", 3)] == [(0, 1), (1, 2)]
    assert [(g.true, g.predicted) for g in groups_of(made, "pairs", 3, chosen=(1,))] == [(1, 2)]


def test_groups_with_too_little_are_not_explained() -> None:
    made = known(400)
    few = Group("label", 0, None, np.arange(30), np.ones(30, bool))
    assert why_not(made, few) == "30 images"
    none = Group("label", 0, None, np.arange(200), np.zeros(200, bool))
    assert why_not(made, none) == "0 failures in the choosing half"
    every = Group("label", 0, None, np.arange(200), np.ones(200, bool))
    assert "right answers" in why_not(made, every)


# --- what is found ----------------------------------------------------------------------------------------------------


def test_a_planted_mode_is_found_and_its_numbers_are_those_of_the_other_half() -> None:
    made = planted(800)
    trees, modes = run(made)
    best = next(m for m in modes if m.verdict == "confirmed")
    assert best.path[0].feature == 3 and best.path[0].low
    assert best.path[0].threshold == pytest.approx(-0.5, abs=0.15)
    group = trees[best.group].group
    assert group.true == 0
    there = group.at[~made.discovery[group.at]]
    inside = best.leaf.inside(made.features[there])
    failed = made.failed[there]
    k, n, k0, n0 = (
        int(failed[inside].sum()),
        int(inside.sum()),
        int(failed[~inside].sum()),
        int((~inside).sum()),
    )
    assert (best.leaf.n, best.leaf.failures) == (n, k)
    assert best.effect == pytest.approx(k / n - k0 / n0)
    assert best.ci == pytest.approx(newcombe(k, n, k0, n0))
    assert best.p == pytest.approx(fisher_exact(k, n, k0, n0, "greater"))
    assert best.excess == pytest.approx(k / n - failed.mean())
    assert best.excess_ci[0] <= best.excess <= best.excess_ci[1]
    assert best.rest_rate == pytest.approx(k0 / n0)
    assert best.leaf.coverage == pytest.approx(k / failed.sum())


def test_the_half_that_tests_has_no_say_in_the_tree() -> None:
    made = planted(400)
    changed = Known(
        made.rows,
        np.where(made.discovery[:, None], made.features, 9.0).astype(np.float32),
        made.labels,
        made.predicted,
        made.discovery,
    )
    for group in groups_of(made, "label", 2):
        assert grown(made, group, Settings()).tree == grown(changed, group, Settings()).tree


def test_every_test_is_announced_before_any_is_made() -> None:
    made, told = planted(800), []
    settings = Settings(depth=2)
    trees = [grown(made, g, settings) for g in groups_of(made, "label", 2)]
    _, modes = confirmed(made, trees, settings, lambda i, leaf, path: told.append((i, leaf, path)))
    assert [(m.group, m.found, m.path) for m in modes] == told and told


def test_a_mode_that_was_chance_is_refuted_with_enough_images() -> None:
    """Errors go with feature 0 on the half that chooses only."""
    rng = np.random.default_rng(0)
    n = 2000
    x = rng.normal(size=(n, 2)).astype(np.float32)
    half = np.arange(n) % 2 == 0
    fails = rng.random(n) < np.where(half & (x[:, 0] > 0.5), 0.7, 0.2)
    made = Known(np.arange(n), x, np.zeros(n, np.int64), fails.astype(np.int64), half)
    trees = [grown(made, g, Settings(depth=1)) for g in groups_of(made, "label", 2, chosen=(0,))]
    _, modes = confirmed(made, trees, Settings(depth=1))
    assert [m.verdict for m in modes] == ["refuted"]
    assert modes[0].detectable is not None and modes[0].detectable < 0.15


def test_features_without_a_value_for_either_side_give_no_mode() -> None:
    made = known(400, features=3)
    flat = Known(made.rows, np.ones((400, 3), np.float32), made.labels, made.predicted, made.discovery)
    trees, modes = run(flat)
    assert trees and not modes and all(t.tree.depth == 0 for t in trees)


def test_hardly_anything_is_confirmed_where_errors_are_coin_flips() -> None:
    """Share of runs that confirm anything, over 200 runs: at most 5 %, within its interval."""
    false = sum(
        any(m.verdict == "confirmed" for m in run(known(240, seed=s, features=6))[1]) for s in range(200)
    )
    assert wilson(false, 200)[0] <= 0.05, false


# --- words ------------------------------------------------------------------------------------------------------------


def test_the_attribute_that_goes_with_a_mode_is_named_and_chance_is_not() -> None:
    rng = np.random.default_rng(0)
    n = 300
    inside = rng.random(n) < 0.3
    screen = np.where(rng.random(n) < np.where(inside, 0.8, 0.2), "yes", "no").astype(object)
    table = AttributeTable(
        np.arange(n),
        {"screen": screen, "noise": rng.choice(["a", "b", "c"], n).astype(object), "light": rng.random(n)},
        {},
    )
    found = words(table, np.arange(n), inside)
    assert [(w.attribute, w.value) for w in found] == [("screen", "yes")]
    assert found[0].inside == pytest.approx((screen[inside] == "yes").mean())
    assert found[0].ci[0] < found[0].difference < found[0].ci[1] and found[0].q < 0.001
    assert words(table, np.arange(n), np.zeros(n, bool)) == ()
    assert words(table, np.array([n + 5]), np.array([True])) == ()


def test_images_without_attributes_are_passed_over() -> None:
    table = AttributeTable(np.array([1, 2]), {"a": np.array(["x", None], object)}, {})
    assert words(table, np.array([0, 1, 2, 3]), np.array([True, True, False, False])) == ()


def test_conditions_number_the_features_of_the_model() -> None:
    made = planted(800)
    wide = np.random.default_rng(5).normal(size=(800, 60)).astype(np.float32)
    wide[:, 41] = made.features[:, 3]
    big = Known(made.rows, wide, made.labels, made.predicted, made.discovery)
    _, modes = run(big)
    first = next(m for m in modes if m.verdict == "confirmed")
    assert isinstance(first.path[0], Condition) and first.path[0].feature == 41
