"""Counts that are made once: from chunks of a table that does not fit, and from what was counted before."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.slices import CountCache, Counts, count_conjunctions, find_slices
from failsight.tools.stats.slices.stream import Chunk, arrow_chunks, count_stream

from .tables import attributes, errors


def same(one: Counts, other: Counts) -> None:
    for name in ("attributes", "values", "support", "n", "parents"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in ("total", "expected"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name


@given(
    st.integers(0, 10**6),
    st.integers(1, 300),
    st.integers(0, 5),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_chunks_give_the_same_counts(
    seed: int, n: int, width: int, depth: int, binary: bool, given_expected: bool
) -> None:
    """Whatever the chunks, with missing values, values that one chunk lacks, and several passes for the triples."""
    rng = np.random.default_rng(seed)
    codes = np.stack(
        [rng.integers(-1, rng.integers(1, 7), n) for _ in range(width)] or [np.zeros(n, int)], axis=1
    )
    target = errors(rng, np.full(n, 0.3)) if binary else rng.random(n)
    rows = rng.random(n) < 0.5
    expected = rng.random(n) if given_expected else None
    floor = int(rng.integers(1, 12))
    cuts = np.sort(rng.integers(0, n + 1, 3))

    def chunks() -> Iterable[Chunk]:
        for part in np.split(np.arange(n), cuts):
            yield Chunk(codes[part], target[part], rows[part], None if expected is None else expected[part])

    whole = count_conjunctions(codes, target, min_support=floor, depth=depth, rows=rows, expected=expected)
    same(count_stream(chunks, min_support=floor, depth=depth, most_cells=40), whole)


def test_many_values_are_recoded_in_chunks_too() -> None:
    rng = np.random.default_rng(4)
    codes = np.stack([np.minimum(rng.geometric(0.05, 2000) - 1, 60) for _ in range(4)], axis=1)
    target = errors(rng, np.full(2000, 0.2))

    def chunks() -> Iterable[Chunk]:
        for start in range(0, 2000, 300):
            yield Chunk(codes[start : start + 300], target[start : start + 300])

    same(count_stream(chunks, min_support=5), count_conjunctions(codes, target, min_support=5))


def test_chunks_must_agree_on_their_attributes() -> None:
    parts = [Chunk(np.zeros((3, 2), int), np.zeros(3)), Chunk(np.zeros((3, 1), int), np.zeros(3))]
    with pytest.raises(ValueError, match="2 attributes"):
        count_stream(lambda: parts, min_support=1)


def test_record_batches_of_a_file_are_chunks(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(5)
    codes = attributes(rng, 5000, [3, 4, 2])
    target, rows = errors(rng, np.full(5000, 0.2)), rng.random(5000) < 0.5
    gone = rng.random(5000) < 0.1
    columns = {
        f"a{j}": pa.array(codes[:, j].astype(np.int8), mask=gone if j == 0 else None) for j in range(3)
    }
    pq.write_table(pa.table(columns | {"wrong": target, "first": rows}), tmp_path / "t.parquet")
    file = pq.ParquetFile(tmp_path / "t.parquet")
    chunks = arrow_chunks(lambda: file.iter_batches(700), ["a0", "a1", "a2"], "wrong", "first")
    codes[gone, 0] = -1
    whole = count_conjunctions(codes, target, min_support=20, rows=rows)
    same(count_stream(chunks, min_support=20), whole)


def test_a_further_attribute_costs_its_own_tuples_and_no_others() -> None:
    rng = np.random.default_rng(6)
    codes = attributes(rng, 3000, [3, 4, 2, 5, 3])
    target, rows = errors(rng, np.full(3000, 0.2)), rng.random(3000) < 0.5
    cache = CountCache()
    first = count_conjunctions(codes[:, :4], target, min_support=20, rows=rows, cache=cache)
    assert (cache.counted, cache.reused) == (6 + 4, 0)
    same(first, count_conjunctions(codes[:, :4], target, min_support=20, rows=rows))
    more = count_conjunctions(codes, target, min_support=20, rows=rows, cache=cache)
    assert (cache.counted - 10, cache.reused) == (4 + 6, 6 + 4)
    same(more, count_conjunctions(codes, target, min_support=20, rows=rows))
    # the new attribute may stand anywhere, and one may go
    turned = codes[:, [4, 0, 1, 3]]
    count_conjunctions(turned, target, min_support=20, rows=rows, cache=cache)
    same(
        count_conjunctions(turned, target, min_support=20, rows=rows, cache=cache),
        count_conjunctions(turned, target, min_support=20, rows=rows),
    )


@pytest.mark.parametrize("change", ["target", "rows", "floor", "expected", "values"])
def test_nothing_is_reused_that_would_come_out_otherwise(change: str) -> None:
    rng = np.random.default_rng(7)
    codes = attributes(rng, 2000, [3, 4, 2])
    target, rows = errors(rng, np.full(2000, 0.2)), rng.random(2000) < 0.5
    cache = CountCache()
    count_conjunctions(codes, target, min_support=20, rows=rows, cache=cache)
    given = {"target": target, "rows": rows, "min_support": 20, "expected": None}
    if change == "target":
        given["target"] = errors(rng, np.full(2000, 0.2))
    elif change == "rows":
        given["rows"] = ~rows
    elif change == "floor":
        given["min_support"] = 30
    elif change == "expected":
        given["expected"] = rng.random(2000)
    else:
        codes = (codes + 1) % 2
    same(count_conjunctions(codes, cache=cache, **given), count_conjunctions(codes, **given))  # type: ignore[arg-type]
    assert cache.reused == 0


def test_a_cache_forgets_the_oldest_and_comes_back_from_its_arrays() -> None:
    rng = np.random.default_rng(8)
    codes, target = attributes(rng, 1000, [3, 4, 2, 5]), errors(rng, np.full(1000, 0.2))
    cache = CountCache()
    whole = count_conjunctions(codes, target, min_support=5, cache=cache)
    again = CountCache()
    again.load(cache.dump())
    same(count_conjunctions(codes, target, min_support=5, cache=again), whole)
    assert (again.counted, again.reused) == (0, 10)
    again.load({"names": np.zeros((1, 1))})
    assert len(again) == 10
    small = CountCache(most_bytes=2000)
    same(count_conjunctions(codes, target, min_support=5, cache=small), whole)
    assert small.held <= 2000 and 0 < len(small) < 10
    assert CountCache().dump()["cells"].shape == (0,)


def test_a_search_with_a_cache_reports_the_same() -> None:
    rng = np.random.default_rng(9)
    codes = attributes(rng, 4000, [3, 4, 2, 5])
    target = errors(rng, np.where(codes[:, 1] == 2, 0.4, 0.1))
    cache = CountCache()
    plain = find_slices(codes, target)
    assert find_slices(codes, target, cache=cache) == plain
    counted = cache.counted
    assert find_slices(codes, target, cache=cache) == plain and cache.counted == counted
