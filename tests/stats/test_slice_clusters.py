"""Rows in groups: hand-computed, copies of rows as no more evidence, and never surer than independent rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.slices import (
    FEWEST,
    Conjunction,
    SearchSettings,
    compare_clusters,
    effective_rows,
    find_slices,
    rate_interval,
)
from failsight.tools.stats.slices.clusters import mean_cluster_interval, spread_of
from failsight.tools.stats.slices.independence import excess_over_independence
from failsight.tools.stats.slices.table import Half, Patterns
from failsight.tools.stats.stratified import compare_within

from .tables import attributes, errors, held

A, B, AB = Conjunction(((0, 1),)), Conjunction(((1, 1),)), Conjunction(((0, 1), (1, 1)))
TIMES = 8


def lucky(rng: np.random.Generator, groups: int, size: int, rate: float, icc: float) -> np.ndarray:
    """Errors of groups that differ in their luck: rows of one are correlated by ``icc``."""
    luck = np.full(groups, rate)
    if icc:
        luck = rng.beta(rate * (1 - icc) / icc, (1 - rate) * (1 - icc) / icc, groups)
    return errors(rng, np.repeat(luck, size))


def test_by_hand() -> None:
    """Two rows a group, groups of 2, 1 and 1, 0 errors inside and of 1, 0 and 0 outside."""
    y = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0], float)
    inside, groups = np.arange(12) < 6, np.arange(12) // 2
    made = compare_clusters(y, inside, ~inside, np.zeros(12, np.int64), groups)
    assert made.effect == pytest.approx(4 / 6 - 1 / 6)
    # sums over groups of (x − ½)(y − its side's mean); the weight is n₁n₀/n = 3
    sums = np.array([2 - 4 / 3, 1 - 4 / 3, 1 - 4 / 3, -(1 - 1 / 3), 1 / 3, 1 / 3]) / 2
    spread = spread_of((inside - 0.5) * (y - np.where(inside, 4 / 6, 1 / 6)), inside, ~inside, groups)
    assert spread.deviation == pytest.approx(math.sqrt((sums**2).sum() * 6 / 5))
    assert (spread.freedom, spread.groups, made.groups) == (2, 3, 3)
    assert made.p == 1 and not made.enough  # three groups tell nothing
    assert made.ci[0] < 0 < made.ci[1]


def test_every_row_its_own_group_changes_little() -> None:
    rng = np.random.default_rng(0)
    inside, strata = rng.random(3000) < 0.3, rng.integers(0, 3, 3000)
    y = errors(rng, np.where(inside, 0.14, 0.1) + 0.1 * strata)
    alone, made = (
        compare_within(y, inside, strata),
        compare_clusters(y, inside, ~inside, strata, np.arange(3000)),
    )
    assert made.effect == pytest.approx(alone.effect)
    assert made.p == pytest.approx(alone.p, rel=0.2)
    k, k0 = int(y[inside].sum()), int(y[~inside].sum())
    bare = compare_clusters(y, inside, ~inside, np.zeros(3000, np.int64), np.arange(3000))
    assert bare.ci == pytest.approx(newcombe(k, int(inside.sum()), k0, int((~inside).sum())), abs=0.003)


def test_copies_are_no_more_evidence() -> None:
    rng = np.random.default_rng(1)
    inside, strata = rng.random(400) < 0.3, rng.integers(0, 2, 400)
    y = errors(rng, np.where(inside, 0.3, 0.15))
    alone = compare_clusters(y, inside, ~inside, strata, np.arange(400))
    many = [np.repeat(v, TIMES) for v in (y, inside, ~inside, strata, np.arange(400))]
    copied = compare_clusters(*many)
    assert (copied.effect, copied.ci) == (pytest.approx(alone.effect), pytest.approx(alone.ci))
    assert (copied.p, copied.p_two) == (pytest.approx(alone.p), pytest.approx(alone.p_two))
    assert compare_within(many[0], many[1], many[3]).p < alone.p / 100


def halves() -> tuple[Half, Half]:
    """Two overlapping slices and a third worse than both together; and the same rows many times, in groups."""
    rng = np.random.default_rng(2)
    codes, strata = rng.integers(0, 2, (900, 2)), rng.integers(0, 2, 900)
    rate = 0.08 + 0.1 * codes[:, 0] + 0.1 * codes[:, 1] + 0.15 * held(codes, AB.conditions)
    y, n = errors(rng, rate), np.arange(900)
    repeated = np.repeat(n, TIMES)
    return (
        Half(list(codes.T), y, strata, 2, n),
        Half(list(codes[repeated].T), y[repeated], strata[repeated], 2, repeated),
    )


@pytest.mark.parametrize("what", ["rest", "parent", "excess", "given", "independence"])
def test_no_test_of_a_slice_takes_copies_for_evidence(what: str) -> None:
    ps = []
    for half in halves():
        patterns = Patterns(half, [A, B, AB])
        ps.append(
            {
                "rest": lambda h, p: h.against_rest(A).p,
                "parent": lambda h, p: h.against_parent(AB, A).p,
                "excess": lambda h, p: h.excess_against_parent(AB, A).p,
                "given": lambda h, p: p.given(0, [1]).p,
                "independence": lambda h, p: excess_over_independence(p, 2, [0, 1])[1],
            }[what](half, patterns)
        )
    alone, copied = ps
    assert 1e-12 < alone < 0.2
    # by copies alone p would fall to a power of itself
    assert copied == pytest.approx(alone, rel=0.5)
    assert copied > alone**2


def test_intervals_of_a_slice_take_no_copies_for_evidence() -> None:
    alone, copied = (half.effect_interval(A) for half in halves())
    assert copied == pytest.approx(alone, abs=0.01)


def test_to_say_what_belongs_together_never_makes_surer() -> None:
    """Values mixed within groups that differ: the groups alone would say more than the rows."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        y = lucky(rng, 60, 10, 0.2, 0.4)
        codes = rng.integers(0, 2, (600, 1))
        grouped = Half([codes[:, 0]], y, np.zeros(600, np.int64), 1, np.repeat(np.arange(60), 10))
        plain = Half([codes[:, 0]], y, np.zeros(600, np.int64), 1)
        assert grouped.against_rest(A).p >= plain.against_rest(A).p
        (low, high), (low0, high0) = grouped.effect_interval(A), plain.effect_interval(A)
        assert low <= low0 and high >= high0


def test_too_few_groups_confirm_and_refute_nothing() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(30), 100)
    bad = np.isin(groups, [0, 1, 2, 3, 4, 5])
    codes = np.stack([bad, rng.random(3000) < 0.5, rng.random(3000) < 0.5], axis=1).astype(np.int64)
    y = errors(rng, np.where(bad, 0.6, 0.1))
    settings = SearchSettings(depth=1)
    assert find_slices(codes, y, settings=settings).confirmed
    report = find_slices(codes, y, groups=groups, settings=settings)
    assert not report.confirmed
    few = next(s for s in report.others if s.conjunction == A)
    assert few.verdict == "inconclusive" and few.p == 1 and few.groups is not None and few.groups < FEWEST
    assert "too few groups" in few.reason and f"{few.groups} hold it" in few.reason


def test_a_slice_of_many_groups_is_confirmed_with_its_groups() -> None:
    rng = np.random.default_rng(5)
    codes, groups = rng.integers(0, 3, (150, 3)).repeat(10, axis=0), np.repeat(np.arange(150), 10)
    y = errors(rng, np.where(codes[:, 0] == 1, 0.4, 0.1))
    report = find_slices(codes, y, groups=groups)
    assert [s.conjunction for s in report.confirmed] == [A]
    assert report.confirmed[0].groups == len(np.unique(groups[~report.discovery & (codes[:, 0] == 1)]))
    loss = find_slices(codes, np.clip(y * 0.5 + rng.beta(1, 9, 1500), 0, 1), groups=groups)
    assert [s.conjunction for s in loss.confirmed] == [A]


def test_groups_may_be_named_by_any_numbers() -> None:
    rng = np.random.default_rng(6)
    codes, groups = attributes(rng, 2000, [2, 3, 4]), rng.integers(0, 200, 2000)
    y = errors(rng, np.where(codes[:, 0] == 1, 0.3, 0.1))
    assert find_slices(codes, y, groups=groups) == find_slices(codes, y, groups=groups * 10**12)
    with pytest.raises(ValueError, match="groups"):
        find_slices(codes, y, groups=groups[:5])


@pytest.mark.parametrize("case", ["no rows", "one group", "one side", "no errors", "all errors", "one row"])
def test_where_nothing_can_be_told_nothing_is_claimed(case: str) -> None:
    n = {"no rows": 0, "one row": 1}.get(case, 200)
    y = np.full(n, 1.0 if case == "all errors" else 0.0)
    if case in ("one group", "one side"):
        y[: n // 3] = 1
    inside = np.arange(n) < (n if case == "one side" else n // 2)
    groups = np.zeros(n, np.int64) if case == "one group" else np.arange(n) // 2
    made = compare_clusters(y, inside, ~inside, np.zeros(n, np.int64), groups)
    assert (made.p, made.p_two, made.ci) == (1.0, 1.0, (-1.0, 1.0))


class TestIntervals:
    def test_rows_that_are_independent_count_in_full(self) -> None:
        rng = np.random.default_rng(0)
        hits = rng.random(4000) < 0.2
        k = int(hits.sum())
        assert effective_rows(hits.astype(float), np.arange(4000)) >= 3990
        assert rate_interval(hits, np.arange(4000)) == pytest.approx(wilson(k, 4000), abs=1e-3)

    def test_copies_count_once(self) -> None:
        hits = np.random.default_rng(1).random(500) < 0.2
        copied = rate_interval(np.repeat(hits, 20), np.repeat(np.arange(500), 20))
        assert copied == pytest.approx(wilson(int(hits.sum()), 500), abs=2e-3)

    def test_without_errors_each_group_counts_once(self) -> None:
        low, high = rate_interval(np.zeros(500, bool), np.repeat(np.arange(10), 50))
        assert low == 0 and high == pytest.approx(0.3, abs=0.1)
        assert rate_interval(np.zeros(0, bool), np.zeros(0, np.int64)) == (0.0, 1.0)
        assert rate_interval(np.ones(5, bool), np.zeros(5, np.int64))[1] == 1.0

    def test_they_cover_where_groups_differ(self) -> None:
        rng, hits = np.random.default_rng(2), {True: 0, False: 0}
        for _ in range(400):
            y, groups = lucky(rng, 40, 20, 0.2, 0.3), np.repeat(np.arange(40), 20)
            for told, (low, high) in {
                True: rate_interval(y > 0, groups),
                False: wilson(int(y.sum()), 800),
            }.items():
                hits[told] += low <= 0.2 <= high
        assert hits[True] >= 0.92 * 400 and hits[False] < 0.7 * 400

    def test_a_mean(self) -> None:
        values = np.random.default_rng(3).beta(1, 5, 300)
        alone = mean_cluster_interval(values, np.arange(300))
        copied = mean_cluster_interval(np.repeat(values, 7), np.repeat(np.arange(300), 7))
        assert copied == pytest.approx(alone) and alone[0] < values.mean() < alone[1]
        assert all(math.isnan(v) for v in mean_cluster_interval(values, np.zeros(300, np.int64)))


def rejected(runs: int, size: int, icc: float, whole: bool, first: int = 0) -> dict[str, int]:
    """Of so many worlds without an effect, in how many a value is worse at 5 %: 1,000 rows, a value of half of them."""
    seen = {"groups": 0, "rows": 0}
    for seed in range(first, first + runs):
        rng = np.random.default_rng([seed, size, int(10 * icc)])
        number = 1000 // size
        groups, y = np.repeat(np.arange(number), size), lucky(rng, number, size, 0.15, icc)
        value = (rng.random(number) < 0.5)[groups] if whole else rng.random(1000) < 0.5
        strata = rng.integers(0, 3, 1000)
        seen["rows"] += compare_within(y, value, strata).p <= 0.05
        half = Half([value.astype(np.int64)], y, strata, 3, groups)
        seen["groups"] += half.against_rest(A).p <= 0.05
    return seen


def test_frames_of_one_video_keep_the_level() -> None:
    """Values recorded per video of twenty frames: some 30 % of the runs are false alarms when frames count as independent."""
    seen = rejected(200, 20, 0.4, whole=True)
    assert seen["groups"] <= 18  # at 5 %, more have probability 0.01
    assert seen["rows"] >= 35


@pytest.mark.slow
@pytest.mark.parametrize("size", [5, 20, 50])
@pytest.mark.parametrize("icc", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("whole", [True, False], ids=["per group", "per image"])
def test_the_level_over_a_thousand_runs(size: int, icc: float, whole: bool) -> None:
    seen = rejected(1000, size, icc, whole)
    assert wilson(seen["groups"], 1000)[0] <= 0.05, seen
