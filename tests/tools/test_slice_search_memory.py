"""What searches remember is shared by all threads of a program: whoever comes at the same time is served."""

from __future__ import annotations

import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from failsight.tools.slices import search as slice_search
from failsight.tools.stats.slices import CountCache


class SlowToMove(OrderedDict[str, Any]):
    """Lets other threads in before it moves a key to the end, as a busy program may at any time."""

    def move_to_end(self, key: str, last: bool = True) -> None:
        for _ in range(20):
            sys.getswitchinterval()
        super().move_to_end(key, last)


@pytest.fixture
def hurried() -> Any:
    """Threads are switched as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_tables_are_remembered_and_evicted_by_many_threads(
    monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    monkeypatch.setattr(slice_search, "_REMEMBERED", SlowToMove())
    monkeypatch.setattr(slice_search, "REMEMBERED", 2)

    def ask(thread: int) -> int:
        rng = np.random.default_rng(thread)
        return sum(
            slice_search._counts(f"table {k}", None).counted == 0 for k in rng.integers(0, 5, 1500).tolist()
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [1500] * 8
    assert len(slice_search._REMEMBERED) <= 2


def test_one_table_is_remembered_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: slice_search._counts("the same", None), range(50)))
    assert len({id(one) for one in made}) == 1


def test_counts_of_one_table_are_used_and_evicted_by_many_threads(hurried: None) -> None:
    cells = (np.arange(50), [np.arange(50.0) for _ in range(4)])
    cache = CountCache(3000)
    cache._made = SlowToMove()  # type: ignore[assignment]

    def use(thread: int) -> None:
        rng = np.random.default_rng(thread)
        for k in rng.integers(0, 5, 1000).tolist():
            name = bytes([k]) * 48
            if cache.get(name) is None:
                cache.put(name, cells)
            if k == 0:
                cache.dump()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert len(cache) == 1 and cache.held == sum(
        int(c.nbytes + sum(x.nbytes for x in found) + 96) for c, found in cache._made.values()
    )
