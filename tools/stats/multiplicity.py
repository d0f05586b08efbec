"""Many tests at once: adjusted p-values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]


def benjamini_hochberg(p: ArrayLike) -> Float:
    """Adjusted p-values (q) that control the false discovery rate.

    Rejecting where q ≤ level keeps the expected share of false rejections among all rejections at most
    `level` × (share of true nulls), for independent or positively dependent tests.
    Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289; adjusted values as in Yekutieli & Benjamini 1999.

    Args:
        p: (m,) p-values in [0, 1], any order.

    Returns:
        (m,) q in [0, 1], in the order of `p`.

    Raises:
        ValueError: a p-value is missing or lies outside [0, 1].
    """
    values = _checked(p)
    m = len(values)
    order = np.argsort(values, kind="stable")
    ranked = values[order] * m / np.arange(1, m + 1)
    q = np.empty(m)
    q[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(q, 1.0)


def weighted_benjamini_hochberg(p: ArrayLike, weights: ArrayLike, level: float) -> Float:
    """Adjusted p-values where some claims get a larger share of the false discovery rate than others.

    The procedure on p / weight; what has p above ``level`` is never rejected, however large its weight. The weights must not
    depend on the data that gave p.
    Genovese, Roeder & Wasserman 2006, *False discovery control with p-value weighting*, Biometrika 93:509.

    Args:
        p: (m,) p-values in [0, 1], any order.
        weights: (m,) shares > 0, 1 on average.
        level: at which the adjusted values are compared.

    Returns:
        (m,) q in [0, 1], none below its p, in the order of `p`.

    Raises:
        ValueError: a p-value is missing or lies outside [0, 1]; weights that are not positive, or not 1 on average.
    """
    values, shares = _checked(p), np.asarray(weights, np.float64).ravel()
    if (
        shares.shape != values.shape
        or not np.all(shares > 0)
        or abs(shares.sum() - len(shares)) > 1e-6 * len(shares)
    ):
        raise ValueError("weights must be positive and 1 on average, one for each p-value")
    scaled = np.minimum(values / shares, 1.0)
    able = values <= level
    q = np.where(able, benjamini_hochberg(np.where(able, scaled, 1.0)), benjamini_hochberg(scaled))
    return np.maximum(q, values)


def holm(p: ArrayLike) -> Float:
    """Adjusted p-values that control the chance of any false rejection, whatever the dependence.

    Holm 1979, Scand. J. Stat. 6:65.

    Args:
        p: (m,) p-values in [0, 1], any order.

    Returns:
        (m,) adjusted p in [0, 1], in the order of `p`.

    Raises:
        ValueError: a p-value is missing or lies outside [0, 1].
    """
    values = _checked(p)
    m = len(values)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(m)
    adjusted[order] = np.maximum.accumulate(values[order] * np.arange(m, 0, -1))
    return np.minimum(adjusted, 1.0)


def _checked(p: ArrayLike) -> Float:
    values = np.asarray(p, np.float64).ravel()
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("p-values must lie in [0, 1]")
    return values
