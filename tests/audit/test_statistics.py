"""The harness of the statistical audit: counts that add up, states that mean what they say; a glance at every kind of world."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from benchmarks.audit.statistics import cells, intervals, slices, table, testing, verdicts
from benchmarks.audit.statistics.__main__ import all_cells, write
from benchmarks.audit.statistics.cells import Cell, Ledger, Promise, Tally


def coin(rng: np.random.Generator) -> Mapping[str, float]:
    return {"heads": float(rng.random() < 0.5)}


def cell(promise: Promise | None = None, runs: int = 40) -> Cell:
    return Cell("coins", "one coin", {"heads": promise}, coin, runs, 10)


def test_runs_add_up_and_are_the_same_in_pieces(tmp_path: Path) -> None:
    whole, parts = Ledger(tmp_path / "a.json"), Ledger(tmp_path / "b.json")
    list(cells.run([cell()], whole, 1.0, math.inf))
    list(cells.run([cell()], parts, 0.5, math.inf))
    parts.save()
    again = Ledger(tmp_path / "b.json")
    assert again.of(cell()).runs == 20
    list(cells.run([cell()], again, 1.0, math.inf))
    assert again.of(cell()).measures == whole.of(cell()).measures


def test_no_trial_is_made_once_the_time_is_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.json")
    assert list(cells.run([cell()], ledger, 1.0, time.monotonic() - 1)) == []
    assert ledger.of(cell()).runs == 0


@pytest.mark.parametrize(
    ("hits", "promise", "state"),
    [
        (50, Promise("at most", 0.05, 0.01), "kept"),
        (160, Promise("at most", 0.05, 0.01), "broken"),
        (70, Promise("at most", 0.05, 0.03), "short"),
        (950, Promise("at least", 0.95, 0.02), "kept"),
        (900, Promise("at least", 0.95, 0.02), "broken"),
        (900, None, "shown"),
    ],
)
def test_a_promise_is_kept_short_or_broken(hits: int, promise: Promise | None, state: str) -> None:
    assert Tally(1000, hits, hits).state(promise) == state


def test_shares_have_an_interval_of_their_own() -> None:
    made = Tally()
    for value in (0.0, 0.5, 0.25, 1.0, 0.0, 0.5) * 5:
        made.add(value)
    low, high = made.interval()
    assert 0 < low < made.mean < high < 1


def test_a_slice_that_is_no_worse_than_its_parent_is_a_false_discovery() -> None:
    codes = np.array([[a, b] for a in (0, 1) for b in (0, 1)] * 50)
    chance = np.where(codes[:, 0] == 0, 0.4, 0.1)
    strata = np.zeros(200, np.int64)
    assert slices.excess(codes, chance, strata, slices.Conjunction(((0, 0),))) == pytest.approx(0.3)
    assert slices.excess(codes, chance, strata, slices.Conjunction(((0, 0), (1, 0)))) == pytest.approx(0.0)


def test_effects_have_the_mean_that_they_say() -> None:
    for kind in intervals.KINDS:
        made = intervals.effects(np.random.default_rng(0), 200_000, kind, 0.1)
        assert made.mean() == pytest.approx(0.1, abs=0.003), kind


def test_every_world_has_a_name_of_its_own_and_a_trial_that_runs() -> None:
    """The cheapest two of each statistic; whole tools are left to the audit itself."""
    seen: dict[str, int] = {}
    for one in (*intervals.cells(), *testing.cells(), *slices.cells(), *verdicts.cells()):
        seen[one.area] = seen.get(one.area, 0) + 1
        if seen[one.area] > 1 or "whole" in one.area:
            continue
        made = one.trial(np.random.default_rng(1))
        assert set(made) <= set(one.promises), one.key
        assert all(0 <= v <= 1 for v in made.values()), one.key
    assert len(all_cells()) > 300


def test_the_page_gets_its_tables_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "audit.md"
    page.write_text("before\n<!-- measured: begin -->old<!-- measured: end -->\nafter\n")
    ledger = Ledger(tmp_path / "a.json")
    list(cells.run([cell(Promise("at most", 0.05, 0.01), 400)], ledger, 1.0, math.inf))
    write(list(table.rows([cell(Promise("at most", 0.05, 0.01))], ledger)), page)
    text = page.read_text()
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "**broken**" in text
    assert "1 broken" in text
