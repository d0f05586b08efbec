"""Tables with known truth for tests of the slice search."""

from __future__ import annotations

import numpy as np

Conditions = tuple[tuple[int, int], ...]


def attributes(
    rng: np.random.Generator, n: int, cardinalities: list[int], dependence: float = 0.0
) -> np.ndarray:
    """(n, a) codes with uneven shares; `dependence` is the correlation of the hidden normal scores."""
    shared = rng.normal(size=n)
    columns = []
    for cardinality in cardinalities:
        hidden = dependence * shared + np.sqrt(1 - dependence**2) * rng.normal(size=n)
        shares = rng.dirichlet(np.full(cardinality, 3.0))
        columns.append(np.searchsorted(np.quantile(hidden, np.cumsum(shares)[:-1]), hidden))
    return np.stack(columns, axis=1)


def held(codes: np.ndarray, conditions: Conditions) -> np.ndarray:
    """(n,) rows that meet all conditions."""
    return np.all([codes[:, a] == v for a, v in conditions], axis=0)


def errors(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """0/1 errors, independent given the rates."""
    return (rng.random(len(rate)) < rate).astype(float)


def one_weak_value(
    rng: np.random.Generator, n: int = 2000, dependence: float = 0.0, weak: float = 0.3, base: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Eight attributes; a tenth of the rows have value 0 in column 3, and fail at rate `weak`."""
    codes = attributes(rng, n, list(rng.integers(2, 6, 8)), dependence)
    codes[:, 3] = rng.integers(1, 4, n)
    codes[rng.permutation(n)[: n // 10], 3] = 0
    return codes, errors(rng, np.where(codes[:, 3] == 0, weak, base))


def five_planted(
    seed: int, n: int = 100_000, dependence: float = 0.0, combine: str = "largest", more: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray, list[Conditions]]:
    """Twelve attributes of cardinality 2 to 12 (and `more`), errors at 0.1, and five slices that fail more often.

    One single (0.30), two pairs (0.35), two triples (0.45), none part of another. Where slices overlap
    the largest rate holds, or they act as "independent" causes, or their excesses "add".
    """
    rng = np.random.default_rng(seed)
    cardinalities = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, *more]
    codes = attributes(rng, n, cardinalities, dependence)
    share = {1: (0.05, 0.3), 2: (0.015, 0.1), 3: (0.007, 0.04)}
    planted: list[Conditions] = []
    rate = np.full(n, 0.1)
    for depth, weak in ((1, 0.3), (2, 0.35), (2, 0.35), (3, 0.45), (3, 0.45)):
        conditions = _draw(rng, codes, cardinalities, depth, share[depth], planted)
        planted.append(conditions)
        rows = held(codes, conditions)
        if combine == "largest":
            rate[rows] = np.maximum(rate[rows], weak)
        elif combine == "independent":
            rate[rows] = 1 - (1 - rate[rows]) * (1 - (weak - 0.1) / 0.9)
        else:
            rate[rows] = np.minimum(rate[rows] + weak - 0.1, 0.98)
    return codes, errors(rng, rate), planted


def _draw(
    rng: np.random.Generator,
    codes: np.ndarray,
    cardinalities: list[int],
    depth: int,
    share: tuple[float, float],
    planted: list[Conditions],
) -> Conditions:
    for _ in range(10_000):
        columns = sorted(int(c) for c in rng.choice(len(cardinalities), depth, replace=False))
        conditions = tuple((c, int(rng.integers(cardinalities[c]))) for c in columns)
        nested = any(set(conditions) <= set(p) or set(p) <= set(conditions) for p in planted)
        if not nested and share[0] < held(codes, conditions).mean() < share[1]:
            return conditions
    raise AssertionError("no conjunction of that size in this table")
