"""A cross-validated linear head: exact where there is no haste, and as good in a fraction of the time where there are many classes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from failsight.tools.stats import linear_head
from failsight.tools.stats.linear_head import FEWEST_EACH, cross_validated_scores, fit_seconds, rows_fitted


def drawn(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log scores of a model that is mostly right, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    z = rng.normal(size=(n, k)) * 1.5
    z[np.arange(n), labels] += 5
    p = np.exp(z - z.max(1, keepdims=True))
    return np.log(np.maximum(p / p.sum(1, keepdims=True), 1e-6)).astype(np.float32), labels


def test_small_heads_are_the_same_in_haste() -> None:
    features, labels = drawn(300, 5)
    exact = cross_validated_scores(features, labels, 5, seed=3)
    assert np.array_equal(exact, cross_validated_scores(features, labels, 5, seed=3, most_work=1e8))


def test_in_haste_it_is_nearly_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = drawn(2000, 30)
    exact = cross_validated_scores(features, labels, 30)
    monkeypatch.setattr(linear_head, "QUICK", 1e4)
    quick = cross_validated_scores(features, labels, 30, most_work=1e8)
    assert quick.shape == exact.shape and np.allclose(quick.sum(1), 1)
    right = [(made.argmax(1) == labels).mean() for made in (exact, quick)]
    assert right[0] > 0.7 and abs(right[0] - right[1]) < 0.02
    assert np.array_equal(quick, cross_validated_scores(features, labels, 30, most_work=1e8))


def test_many_rows_are_drawn_class_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = drawn(2000, 10)
    assert rows_fitted(1600, 10, 10, 11e3) == 100
    some = linear_head._some(labels, np.arange(1600), 10, 10, 11e3, 0)
    assert len(some) == len(set(some.tolist())) == 100 and some.max() < 1600
    each = np.bincount(labels[some], minlength=10) / np.bincount(labels[:1600], minlength=10)
    assert each.min() > 0.04 and each.max() < 0.09
    told: list[int] = []
    scores = cross_validated_scores(features, labels, 10, most_work=11e3, advance=lambda: told.append(1))
    assert len(told) == 5 and (scores.argmax(1) == labels).mean() > 0.5


def test_how_many_rows_a_head_is_fitted_to() -> None:
    assert rows_fitted(100, 5, 3, None) == 100
    assert rows_fitted(16_000, 100, 100, 4e8) == 16_000
    assert rows_fitted(10**6, 1000, 1000, 4e8) == FEWEST_EACH * 1000
    assert rows_fitted(10, 1000, 1000, 1.0) == 10


def test_the_estimate_grows_with_the_work_and_falls_with_haste() -> None:
    assert fit_seconds(3600, 64, 5) < 1
    slow, quick = fit_seconds(20_000, 100, 100), fit_seconds(20_000, 100, 100, most_work=4e8)
    assert slow > 40 and 3 < quick < slow / 4
    started = time.process_time()
    features, labels = drawn(3000, 40)
    cross_validated_scores(features, labels, 40, most_work=4e8)
    assert time.process_time() - started < 20 * fit_seconds(3000, 40, 40, most_work=4e8) + 5
