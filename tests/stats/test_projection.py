"""Maps of points: known axes, clusters that stay apart, neighbours that are kept, and errors that lie together."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.projection import (
    Region,
    dense_errors,
    neighbours,
    neighbours_kept,
    principal_components,
    tsne,
)


def clusters(n: int = 240, k: int = 4, spread: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres, which = rng.normal(size=(k, 20)) * 3, np.arange(n) % k
    return centres[which] + spread * rng.normal(size=(n, 20)), which


def test_components_of_a_line_are_the_line() -> None:
    t = np.linspace(-1, 1, 11)
    made = principal_components(np.outer(t, [3.0, 4.0]), 2)
    assert made.scores.shape == (11, 1)  # the second direction has no variance
    assert made.scores[:, 0] == pytest.approx(5 * t)
    assert made.explained == pytest.approx([1.0])


def test_components_agree_with_a_singular_value_decomposition_for_tall_and_wide_data() -> None:
    rng = np.random.default_rng(0)
    for shape in ((40, 7), (7, 40)):
        x = rng.normal(size=shape)
        centred = x - x.mean(0)
        u, s, _ = np.linalg.svd(centred, full_matrices=False)
        made = principal_components(x, 3)
        assert np.abs(made.scores) == pytest.approx(np.abs(u[:, :3] * s[:3]))
        assert made.explained == pytest.approx(s[:3] ** 2 / (s**2).sum())


def test_neighbours_are_the_nearest_by_brute_force() -> None:
    x = np.random.default_rng(1).normal(size=(300, 5))
    places, squared = neighbours(x, 7)
    full = ((x[:, None] - x[None]) ** 2).sum(2)
    np.fill_diagonal(full, np.inf)
    assert (places == np.argsort(full, axis=1, kind="stable")[:, :7]).all()
    assert squared == pytest.approx(np.sort(full, axis=1)[:, :7])


def test_few_rows_have_as_many_neighbours_as_there_are_others() -> None:
    assert neighbours(np.zeros((1, 3)), 15)[0].shape == (1, 0)
    assert neighbours(np.eye(4), 15)[0].shape == (4, 3)


def test_neighbours_kept_is_one_on_the_same_points_and_chance_on_others() -> None:
    x, _ = clusters()
    near, _ = neighbours(x, 15)
    assert neighbours_kept(near, near) == 1.0
    other, _ = neighbours(np.random.default_rng(5).normal(size=(240, 2)), 15)
    assert neighbours_kept(near, other) == pytest.approx(15 / 239, abs=0.03)
    assert np.isnan(neighbours_kept(near[:, :0], near[:, :0]))


def test_tsne_keeps_clusters_whole_and_apart_and_is_repeatable() -> None:
    x, which = clusters()
    made = tsne(x)
    near, _ = neighbours(made, 15)
    assert (which[near] == which[:, None]).all()
    assert (made == tsne(x)).all()
    assert neighbours_kept(neighbours(x, 15)[0], near) > 0.4  # principal components keep 0.14


@pytest.mark.slow
def test_tsne_is_as_trustworthy_as_the_reference() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, 3 * np.pi, 250)
    x = np.column_stack([angle * np.cos(angle), rng.uniform(0, 8, 250), angle * np.sin(angle)])
    ours = manifold.trustworthiness(x, tsne(x), n_neighbors=15)
    theirs = manifold.TSNE(init="pca", random_state=0).fit_transform(x)
    assert ours > manifold.trustworthiness(x, theirs, n_neighbors=15) - 0.01


@pytest.mark.parametrize("x", [np.zeros((0, 4)), np.zeros((1, 4)), np.ones((3, 4)), np.ones((40, 4))])
def test_tsne_of_nothing_one_or_equal_points_is_finite(x: np.ndarray) -> None:
    made = tsne(x)
    assert made.shape == (len(x), 2)
    assert np.isfinite(made).all()


def test_errors_planted_in_one_cluster_are_the_densest_region() -> None:
    x, which = clusters(400)
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < np.where(which == 2, 0.9, 0.05)
    near, _ = neighbours(x, 15)
    found = dense_errors(near, wrong, np.zeros(400, np.int64))
    assert (which[found[0].rows] == 2).all()
    assert found[0].p == pytest.approx(1 / 201)
    assert all(isinstance(one, Region) and one.wrong == wrong[one.rows].sum() for one in found)
    taken = [set(one.rows.tolist()) for one in found]
    assert all(len(a & b) <= 16 / 3 for i, a in enumerate(taken) for b in taken[:i])


def test_a_hard_class_alone_is_no_surprise_among_shuffles_within_classes() -> None:
    x, which = clusters(400)
    wrong = np.random.default_rng(0).random(400) < np.where(which == 2, 0.9, 0.05)
    near, _ = neighbours(x, 15)
    within = dense_errors(near, wrong, which)
    assert within[0].p > 0.05


def test_scattered_errors_are_rarely_called_thick() -> None:
    low = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        near, _ = neighbours(rng.normal(size=(150, 3)), 10)
        found = dense_errors(near, rng.random(150) < 0.2, np.zeros(150, np.int64), shuffles=60, seed=seed)
        low += bool(found) and found[0].p <= 0.05
    assert low <= 8  # 3 expected


def test_without_errors_or_neighbours_there_is_no_region() -> None:
    near, _ = neighbours(np.random.default_rng(0).normal(size=(50, 3)), 5)
    assert dense_errors(near, np.zeros(50), np.zeros(50)) == []
    assert dense_errors(np.zeros((0, 0), np.int64), np.zeros(0), np.zeros(0)) == []


def test_a_long_map_says_how_far_it_is() -> None:
    turns: list[int] = []
    tsne(np.random.default_rng(0).normal(size=(40, 3)), iterations=7, advance=lambda: turns.append(1))
    assert len(turns) == 7
