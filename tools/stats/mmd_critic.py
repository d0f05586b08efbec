"""MMD-critic: prototypes that stand for a set of points, and criticisms where they stand for it badly.

Kim, Khanna & Koyejo 2016 (Examples are not enough, learn to criticize! NeurIPS), equations 2 to 4 and algorithm 1, written
anew. Prototypes S minimise the squared maximum mean discrepancy between the points and S,

    MMD² = mean k(x, x') − 2/(n m) Σ_i Σ_{j∈S} k(x_i, x_j) + 1/m² Σ_{i,j∈S} k(x_i, x_j),

greedily, which for such kernels comes within 1 − 1/e of the best. Criticisms are points where the witness function

    f(x) = 1/n Σ_i k(x, x_i) − 1/m Σ_{j∈S} k(x, x_j)

is far from 0, with the logarithm of the determinant of their kernel added, so that they differ from each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_PAIRS = 2000  # points from which the kernel's width is read
JITTER = 1e-9


@dataclass(frozen=True, slots=True)
class Critic:
    """Prototypes and criticisms of n points.

    Attributes:
        prototypes: places, in the order in which they were chosen.
        criticisms: places, none of them a prototype, in the order in which they were chosen.
        mmd: (m,) discrepancy left after each prototype: square root of MMD², ≥ 0.
        witness: (n,) of every point, given all prototypes: above 0 where points lie thicker than prototypes.
        home: (n,) number in ``prototypes`` of the prototype nearest to each point.
    """

    prototypes: Int
    criticisms: Int
    mmd: Float
    witness: Float
    home: Int


def rbf_kernel(x: ArrayLike, gamma: float | None = None) -> Float:
    """(n, n) exp(−γ‖x − y‖²).

    Args:
        gamma: by default 1 over the median squared distance of two points (the median heuristic: Gretton et al. 2012).
    """
    data = np.asarray(x, np.float64)
    squares = (data**2).sum(1)
    distance = np.maximum(squares[:, None] + squares[None] - 2 * data @ data.T, 0)
    np.fill_diagonal(distance, 0)
    if gamma is None:
        step = max(1, len(data) // MOST_PAIRS)
        part = distance[::step, ::step]
        apart = part[np.triu_indices(len(part), 1)]
        apart = apart[apart > 0]
        gamma = 1 / float(np.median(apart)) if len(apart) else 1.0
    kernel: Float = np.exp(-gamma * distance)
    return kernel


def mmd_critic(kernel: ArrayLike, prototypes: int, criticisms: int) -> Critic:
    """Greedy prototypes, then greedy criticisms; ties go to the lower place.

    Args:
        kernel: (n, n) positive semidefinite, n ≥ 1.
        prototypes: how many, ≥ 1; all points where there are fewer.
        criticisms: how many; fewer where no other points are left.

    Raises:
        ValueError: there is no point, or no prototype is wanted.
    """
    k = np.asarray(kernel, np.float64)
    n = len(k)
    if n == 0 or prototypes < 1:
        raise ValueError("a set of points and at least one prototype are needed")
    mean = k.mean(1)
    chosen, left = _prototypes(k, mean, min(prototypes, n))
    witness = mean - k[:, chosen].mean(1)
    critics = _criticisms(k, witness, chosen, min(criticisms, n - len(chosen)))
    return Critic(chosen, critics, left, witness, k[:, chosen].argmax(1).astype(np.int64))


def _prototypes(k: Float, mean: Float, count: int) -> tuple[Int, Float]:
    """Each time the point that lowers MMD² most. With S fixed only two sums change, so a step costs n."""
    whole, diagonal = float(mean.mean()), np.diag(k)
    chosen: list[int] = []
    to_chosen = np.zeros(len(k))  # Σ_{j∈S} k(x, x_j)
    cross, within = 0.0, 0.0  # Σ_{j∈S} mean_j, Σ_{i,j∈S} k
    left = []
    for m in range(1, count + 1):
        value = whole - 2 / m * (cross + mean) + (within + 2 * to_chosen + diagonal) / m**2
        value[chosen] = np.inf
        at = int(value.argmin())
        cross, within = cross + mean[at], within + 2 * to_chosen[at] + diagonal[at]
        to_chosen += k[:, at]
        chosen.append(at)
        left.append(max(float(value[at]), 0.0) ** 0.5)
    return np.array(chosen, np.int64), np.array(left)


def _criticisms(k: Float, witness: Float, chosen: Int, count: int) -> Int:
    """Each time the point with the largest |witness| plus gain in log-determinant (its variance given those chosen)."""
    free = np.ones(len(k), bool)
    free[chosen] = False
    variance = np.diag(k).astype(np.float64).copy()
    factors = np.zeros((0, len(k)))
    found: list[int] = []
    for _ in range(count):
        value = np.where(free, np.abs(witness) + np.log(np.maximum(variance, JITTER)), -np.inf)
        at = int(value.argmax())
        row = (k[at] - factors[:, at] @ factors) / np.sqrt(max(variance[at], JITTER))
        factors = np.vstack([factors, row])
        variance = np.maximum(variance - row**2, 0)
        free[at] = False
        found.append(at)
    return np.array(found, np.int64)
