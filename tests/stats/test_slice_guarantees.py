"""What the search promises, by simulation: seldom a false alarm, seldom a miss, each bug once.

The quick versions guard against breakage on every run; the slow ones are the promise itself, over 200 runs.
"""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.slices import SearchSettings, find_slices

from .tables import attributes, errors, five_planted, one_weak_value

NULLS = {
    "independent": {"dependence": 0.0},
    "dependent": {"dependence": 0.7},
    "nearly the same": {"dependence": 0.97},
    "often wrong": {"rate": 0.4},
    "rarely wrong": {"rate": 0.03},
    "five classes": {"classes": 5},
    "a loss": {"loss": True},
    "three recorded": {"recorded": 3},
    "three recorded, dependent": {"recorded": 3, "dependence": 0.7, "classes": 5},
    "three recorded, nearly the same": {"recorded": 3, "dependence": 0.97},
}


def false_alarms(
    runs: int,
    dependence: float = 0.3,
    rate: float = 0.15,
    classes: int = 0,
    loss: bool = False,
    recorded: int = 8,
    first: int = 0,
) -> int:
    """Runs that confirm anything where errors are coin flips: 2,000 rows, 8 attributes of 2 to 5 values, the first few recorded."""
    alarms = 0
    for seed in range(first, first + runs):
        rng = np.random.default_rng([seed, 99])
        codes = attributes(rng, 2000, list(rng.integers(2, 6, 8)), dependence)
        column = None
        if classes:
            codes, column = np.column_stack([codes, rng.integers(0, classes, 2000)]), 8
        target = rng.beta(0.5, 3, 2000) if loss else errors(rng, np.full(2000, rate))
        stand_ins = frozenset(range(recorded, 8))
        settings = SearchSettings(seed=seed, class_column=column, stand_ins=stand_ins)
        alarms += bool(find_slices(codes, target, settings=settings).confirmed)
    return alarms


def hits(runs: int, dependence: float = 0.0, first: int = 0) -> tuple[int, int]:
    """Runs that confirm the one weak value (0.30 against 0.10, a tenth of 2,000 rows), and other slices confirmed."""
    found = extra = 0
    for seed in range(first, first + runs):
        codes, target = one_weak_value(np.random.default_rng([seed, 7]), dependence=dependence)
        report = find_slices(codes, target, settings=SearchSettings(seed=seed))
        got = [s.conjunction.conditions for s in report.confirmed]
        found += ((3, 0),) in got
        extra += len(got) - (((3, 0),) in got)
    return found, extra


def recorded_pair(seed: int, stand_ins: frozenset[int]) -> tuple[bool, bool]:
    """Whether a pair of recorded values (a tenth of 1,250 rows, 0.51 against 0.30) is carried and confirmed beside ten columns of
    five computed ranges each."""
    rng = np.random.default_rng([seed, 41])
    codes = attributes(rng, 1250, [*rng.integers(2, 6, 6), *([5] * 10)], 0.3)
    held = rng.random((1250, 2)) < 0.1**0.5
    for j in range(2):
        others = rng.integers(1, codes[:, j].max() + 1, 1250)
        codes[:, j] = np.where(held[:, j], 0, others)
    target = errors(rng, np.where(held.all(axis=1), 0.51, 0.3))
    report = find_slices(codes, target, settings=SearchSettings(seed=seed, stand_ins=stand_ins))
    pair = ((0, 0), (1, 0))
    confirmed = [s.conjunction.conditions for s in report.confirmed]
    return pair in [*confirmed, *(s.conjunction.conditions for s in report.others)], pair in confirmed


def test_recorded_columns_are_a_family_of_their_own() -> None:
    """Measured over 400 runs: a pair is carried in 60 % instead of 42 %, and confirmed in 28 % instead of 16 %."""
    together = np.sum([recorded_pair(seed, frozenset()) for seed in range(50)], axis=0)
    apart = np.sum([recorded_pair(seed, frozenset(range(6, 16))) for seed in range(50)], axis=0)
    assert apart[0] >= together[0] + 5
    assert apart[1] > together[1]


@pytest.mark.parametrize("case", NULLS, ids=list(NULLS))
def test_coin_flips_seldom_confirm_anything(case: str) -> None:
    """At the promised 5 %, more than 5 alarms in 30 runs have probability 0.003."""
    assert false_alarms(30, **NULLS[case]) <= 5


def test_a_weak_value_is_seldom_missed() -> None:
    """With the 98 % measured over 200 runs, fewer than 37 hits in 40 runs have probability 0.01."""
    found, extra = hits(40)
    assert found >= 37
    assert extra <= 4


@pytest.mark.slow
@pytest.mark.parametrize("case", NULLS, ids=list(NULLS))
def test_false_alarms_over_200_runs(case: str) -> None:
    alarms = false_alarms(200, **NULLS[case])
    assert wilson(alarms, 200)[0] <= 0.05, f"{alarms} of 200"
    assert alarms <= 10, f"{alarms} of 200"


@pytest.mark.slow
@pytest.mark.parametrize("dependence", [0.0, 0.6])
def test_power_over_200_runs(dependence: float) -> None:
    found, extra = hits(200, dependence)
    assert found >= 180, f"{found} of 200"
    assert extra <= 10, f"{extra} slices besides"


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["largest", "independent", "add"])
@pytest.mark.parametrize("dependence", [0.0, 0.5])
def test_five_planted_slices_over_ten_tables(combine: str, dependence: float) -> None:
    """All five every time, never more than ten, and on average at most half a slice besides."""
    besides = []
    for seed in range(10):
        codes, target, planted = five_planted(seed, dependence=dependence, combine=combine)
        got = {s.conjunction.conditions for s in find_slices(codes, target).confirmed}
        assert got >= set(planted)
        assert len(got) <= 10
        besides.append(len(got) - 5)
    assert np.mean(besides) <= 0.5
