"""How alike two feature spaces are on the same images: centred kernel alignment, and shared nearest neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.intervals import mean_interval

Float = npt.NDArray[np.float64]
Interval = tuple[float, float]
FOLDS = 20  # parts left out in turn for the interval of the alignment
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Alike:
    """A similarity of two spaces.

    Attributes:
        value: 1 for the same space; near ``chance`` for unrelated ones.
        ci: 95 % interval over images; nan where there are too few.
        chance: what spaces without any relation show.
        n: images.
    """

    value: float
    ci: Interval
    chance: float
    n: int


def alignment(first: npt.ArrayLike, second: npt.ArrayLike) -> Alike:
    """Linear centred kernel alignment (Kornblith et al. 2019, ICML, eq. 5) with the unbiased estimate of HSIC.

    The plain estimate rises towards 1 for any two spaces with more channels than images; the unbiased one (Song et al.
    2012, JMLR 13:1393, eq. 4; for this use Nguyen, Raghu & Kornblith 2021, ICLR, §3) is 0 on average for unrelated spaces
    and may fall below. Unchanged by rotation and by scaling of either space. Interval: delete-a-part jackknife over images
    (a bootstrap would repeat images, and two equal images are alike in every space).

    Args:
        first, second: (n, p) and (n, q) features of the same n images, finite.

    Raises:
        ValueError: the numbers of images differ, or a value is not finite.
    """
    x, y = _checked(first, second)
    n = len(x)
    if n < 4:
        return Alike(math.nan, (math.nan, math.nan), 0.0, n)
    k, m = _gram(x), _gram(y)
    value = _cka(k, m)
    if n < FEWEST or not math.isfinite(value):
        return Alike(value, (math.nan, math.nan), 0.0, n)
    folds = min(FOLDS, n // 4)
    left = []
    for fold in range(folds):
        keep = np.flatnonzero(np.arange(n) % folds != fold)
        left.append(_cka(k[np.ix_(keep, keep)], m[np.ix_(keep, keep)]))
    values = np.array(left)
    se = math.sqrt((folds - 1) / folds * float(((values - values.mean()) ** 2).sum()))
    from scipy.special import stdtrit

    half = float(stdtrit(folds - 1, 0.975)) * se
    return Alike(value, (max(-1.0, value - half), min(1.0, value + half)), 0.0, n)


def _gram(x: Float) -> Float:
    """Inner products of all pairs, the diagonal set to 0."""
    centred = x - x.mean(0)
    scale = float(np.sqrt((centred**2).sum(1).mean()))
    centred = centred / scale if scale > 0 else centred
    made: Float = centred @ centred.T
    np.fill_diagonal(made, 0.0)
    return made


def _hsic(k: Float, m: Float) -> float:
    n = len(k)
    a, b = k.sum(0), m.sum(0)
    value = float((k * m).sum()) + float(a.sum() * b.sum()) / ((n - 1) * (n - 2)) - 2 * float(a @ b) / (n - 2)
    return value / (n * (n - 3))


def _cka(k: Float, m: Float) -> float:
    own = _hsic(k, k) * _hsic(m, m)
    return _hsic(k, m) / math.sqrt(own) if own > 0 else math.nan


def neighbours_shared(first: npt.ArrayLike, second: npt.ArrayLike, k: int = 10) -> Alike:
    """Mean share of each image's ``k`` nearest neighbours (by cosine) that are the same in both spaces.

    Args:
        first, second: (n, p) and (n, q).
        k: neighbours, fewer than n.
    """
    x, y = _checked(first, second)
    n = len(x)
    if n <= k + 1 or k < 1:
        return Alike(math.nan, (math.nan, math.nan), math.nan, n)
    one, two = _nearest(x, k), _nearest(y, k)
    both = np.zeros(n)
    for i in range(n):
        both[i] = len(np.intersect1d(one[i], two[i], assume_unique=True)) / k
    low, high = mean_interval(both)
    return Alike(float(both.mean()), (max(0.0, low), min(1.0, high)), k / (n - 1), n)


def _nearest(x: Float, k: int) -> npt.NDArray[np.int64]:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(length > 0, length, 1.0)
    made = unit @ unit.T
    np.fill_diagonal(made, -np.inf)
    found: npt.NDArray[np.int64] = np.argpartition(-made, k - 1, axis=1)[:, :k]
    return found


def _checked(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Float, Float]:
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError("features must be (n, p) and (n, q) of the same images")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("features must be finite")
    return x, y
