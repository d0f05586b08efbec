"""MMD-critic: hand-made clusters, the discrepancy computed directly, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.mmd_critic import mmd_critic, rbf_kernel


def clusters(seed: int = 0, sizes: tuple[int, ...] = (40, 35, 30)) -> tuple[np.ndarray, np.ndarray]:
    """Three clusters, far apart, and an outlier."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    which = np.repeat([0, 1, 2], sizes)
    points = centres[which] + rng.normal(size=(len(which), 2)) * 0.7
    return np.vstack([points, [[10.0, 10.0]]]), np.append(which, 3)


def direct(kernel: np.ndarray, chosen: list[int]) -> float:
    value = kernel.mean() - 2 * kernel[:, chosen].mean() + kernel[np.ix_(chosen, chosen)].mean()
    return float(max(value, 0) ** 0.5)


def test_each_cluster_gets_a_prototype_near_its_middle() -> None:
    points, which = clusters()
    made = mmd_critic(rbf_kernel(points, 0.3), 3, 1)
    assert which[made.prototypes[0]] == 0  # the largest first
    assert sorted(which[made.prototypes].tolist()) == [0, 1, 2]
    for place in made.prototypes:
        middle = points[which == which[place]].mean(0)
        assert np.linalg.norm(points[place] - middle) < 0.7
    assert (which[made.prototypes][made.home] == which)[:-1].all()


def test_the_witness_tells_where_prototypes_are_missing_and_where_they_are_too_many() -> None:
    points, which = clusters(sizes=(60, 30, 3))
    made = mmd_critic(rbf_kernel(points, 0.05), 1, 2)
    assert which[made.prototypes[0]] == 0
    assert (made.witness[which == 1] > 0.1).all()  # points lie thicker there than prototypes
    assert made.witness[made.prototypes[0]] < -0.2
    free = np.setdiff1d(np.arange(len(points)), made.prototypes)
    assert made.criticisms[0] == free[np.abs(made.witness[free]).argmax()]
    assert which[made.criticisms[1]] != which[made.criticisms[0]]  # unlike the first one
    second = mmd_critic(rbf_kernel(points, 0.05), 2, 2)
    assert sorted(which[second.prototypes].tolist()) == [0, 1]


def test_the_first_prototypes_are_the_best_ones_by_brute_force() -> None:
    points, _ = clusters(1)
    kernel = rbf_kernel(points[::4])
    made = mmd_critic(kernel, 2, 0)
    first = min(range(len(kernel)), key=lambda i: direct(kernel, [i]))
    assert made.prototypes[0] == first
    second = min((i for i in range(len(kernel)) if i != first), key=lambda i: direct(kernel, [first, i]))
    assert made.prototypes[1] == second
    assert made.mmd[1] == pytest.approx(direct(kernel, [first, second]), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), m=st.integers(1, 8), c=st.integers(0, 8), seed=st.integers(0, 99))
def test_what_always_holds(n: int, m: int, c: int, seed: int) -> None:
    kernel = rbf_kernel(np.random.default_rng(seed).normal(size=(n, 3)))
    made = mmd_critic(kernel, m, c)
    assert len(made.prototypes) == min(m, n)
    assert len(made.criticisms) == min(c, n - len(made.prototypes))
    assert len({*made.prototypes.tolist(), *made.criticisms.tolist()}) == len(made.prototypes) + len(
        made.criticisms
    )
    for i in range(len(made.prototypes)):
        assert made.mmd[i] == pytest.approx(direct(kernel, made.prototypes[: i + 1].tolist()), abs=1e-6)
    if len(made.prototypes) == n:
        assert made.mmd[-1] == pytest.approx(0, abs=1e-6)


def test_points_all_alike_and_no_points() -> None:
    made = mmd_critic(rbf_kernel(np.ones((5, 2))), 2, 2)
    assert made.prototypes.tolist() == [0, 1]
    assert np.isfinite(made.mmd).all()
    with pytest.raises(ValueError, match="set of points"):
        mmd_critic(np.zeros((0, 0)), 2, 2)


def test_the_kernel_is_one_with_itself_and_its_width_is_the_median() -> None:
    kernel = rbf_kernel([[0.0], [1.0], [3.0]])  # squared distances 1, 4, 9
    assert np.allclose(np.diag(kernel), 1)
    assert kernel[0, 1] == pytest.approx(np.exp(-1 / 4))
