"""Groups that are known are found with their number; hopeless points are no error."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.clustering import choose, clearness, nearest, silhouette, tightest


def blobs(k: int, n: int = 600, d: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    which = rng.integers(0, k, n)
    centres = 8 * np.eye(max(d, k))[:k, :]
    return (centres[which] + rng.normal(0, 1, (n, centres.shape[1]))).astype(np.float32), which


@pytest.mark.parametrize("k", [3, 5])
def test_well_separated_groups_are_found_with_their_number(k: int) -> None:
    points, which = blobs(k)
    made = choose(points, range(3, 9), 0)
    assert len(made.centres) == k
    assert made.silhouette > 0.5
    assert made.tried[k] == max(made.tried.values())
    found = nearest(points, made.centres)[0]
    for group in range(k):  # one found group is one true group
        assert len(np.unique(found[which == group])) == 1
    sizes = np.bincount(found)
    assert list(sizes) == sorted(sizes, reverse=True)


def test_the_same_seed_gives_the_same_centres() -> None:
    points, _ = blobs(4)
    assert np.array_equal(tightest(points, 4, 7), tightest(points, 4, 7))


def test_the_silhouette_agrees_with_its_definition() -> None:
    points, which = blobs(3, 40)
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    expected = []
    for i in range(len(points)):
        own = [away[i, j] for j in range(len(points)) if which[j] == which[i] and j != i]
        others = [away[i, which == g].mean() for g in range(3) if g != which[i]]
        a, b = np.mean(own), min(others)
        expected.append((b - a) / max(a, b))
    assert silhouette(points, which) == pytest.approx(np.mean(expected), abs=1e-3)


def test_clearness_is_one_at_the_centre_and_nothing_half_way() -> None:
    centres = np.array([[0.0, 0], [10, 0]], np.float32)
    _, first, second = nearest(np.array([[0, 0], [5, 0], [2.5, 0]], np.float32), centres)
    assert clearness(first, second) == pytest.approx([1, 0, 1 - 2.5 / 7.5], abs=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_points_without_groups_are_no_error(n: int) -> None:
    same = np.ones((n, 3), np.float32)
    made = choose(same, range(3, 9), 0)
    assert made.tried == {}
    assert len(made.centres) == min(n, 1)


def test_more_centres_than_distinct_points_are_no_error() -> None:
    points = np.array([[0.0, 0], [0, 0], [1, 1]], np.float32)
    assert np.isfinite(tightest(points, 3, 0)).all()
