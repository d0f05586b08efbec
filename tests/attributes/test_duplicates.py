"""Duplicates: exact groups, near pairs against the quadratic answer, hostile hashes."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.attributes import duplicates
from failsight.tools.attributes.duplicates import across, clusters, equal_groups, near_pairs
from failsight.tools.attributes.measure import distance


def flip(value: int, bits: list[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


def test_equal_groups_by_hand() -> None:
    content = np.zeros((6, 16), np.uint8)
    content[[1, 4], 0] = 1
    content[[2, 3, 5], 15] = 2
    groups = equal_groups(content, np.ones(6, bool))
    assert [g.tolist() for g in groups] == [[1, 4], [2, 3, 5]]
    assert [g.tolist() for g in equal_groups(content, np.arange(6) != 4)] == [[2, 3, 5]]
    assert equal_groups(content[:0], np.zeros(0, bool)) == []


def test_near_pairs_equal_those_of_comparing_all_with_all() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 150).astype(object)
    copies = [
        flip(int(b), rng.choice(64, int(k), replace=False).tolist())
        for b, k in zip(base, rng.integers(1, 12, 150), strict=True)
    ]
    dhash = np.array([int(v) for v in [*base, *copies]], np.uint64)
    found, cut = near_pairs(dhash, dhash, np.ones(300, bool))
    i, j = np.triu_indices(300, 1)
    close = distance(dhash[i], dhash[j]) <= duplicates.NEAR
    assert not cut
    assert {tuple(p) for p in found.tolist()} == set(zip(i[close].tolist(), j[close].tolist(), strict=True))
    assert 50 < close.sum() < 150


def test_both_hashes_must_agree() -> None:
    rng = np.random.default_rng(1)
    dhash = np.full(2, rng.integers(0, 2**63), np.uint64)
    phash = rng.integers(0, 2**63, 2).astype(np.uint64)
    assert len(near_pairs(dhash, phash, np.ones(2, bool))[0]) == 0
    assert near_pairs(dhash, dhash, np.ones(2, bool))[0].tolist() == [[0, 1]]


def test_flat_pictures_resemble_nothing_and_copies_stay_linear() -> None:
    blank = np.zeros(5000, np.uint64)
    assert len(near_pairs(blank, blank, np.ones(5000, bool))[0]) == 0
    same = np.full(5000, 0x0F0F3355AA001177, np.uint64)
    links, cut = near_pairs(same, same, np.ones(5000, bool))
    assert len(links) == 4999
    assert not cut
    assert [len(g) for g in clusters(links)] == [5000]


def test_a_crowd_is_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "CROWD", 3)
    dhash = (np.uint64(0x5A5A5A5A5A5A0000) + np.arange(20).astype(np.uint64) * np.uint64(2**24)).astype(
        np.uint64
    )
    assert near_pairs(dhash, dhash, np.ones(20, bool))[1]


def test_blocks_do_not_lose_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    seeds = rng.integers(0, 2**63, 40)
    dhash = np.array([flip(int(s), [int(rng.integers(64))]) for s in np.repeat(seeds, 5)], np.uint64)
    whole = near_pairs(dhash, dhash, np.ones(200, bool))[0]
    monkeypatch.setattr(duplicates, "BLOCK", 7)
    np.testing.assert_array_equal(near_pairs(dhash, dhash, np.ones(200, bool))[0], whole)


def test_bounds_and_grouping() -> None:
    with pytest.raises(ValueError, match="between 0 and 7"):
        near_pairs(np.zeros(2, np.uint64), np.zeros(2, np.uint64), np.ones(2, bool), near=8)
    groups = clusters(np.array([[0, 3], [3, 5], [1, 2]]))
    assert [g.tolist() for g in groups] == [[0, 3, 5], [1, 2]]
    assert [g.tolist() for g in across(groups, np.array([0, 1, 1, 0, 0, 0]))] == []
    assert [g.tolist() for g in across(groups, np.array([0, 1, 0, 0, 0, 0]))] == [[1, 2]]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pictures(n: int) -> None:
    assert len(near_pairs(np.zeros(n, np.uint64), np.zeros(n, np.uint64), np.ones(n, bool))[0]) == 0
