"""How many confident errors to expect among images that nobody has labelled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.intervals import normal_quantile, wilson_many

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
FEWEST = 20  # confident answers of a class below which its rate is taken from the small classes together


@dataclass(frozen=True, slots=True)
class Expected:
    """Confident errors to expect.

    Attributes:
        count: expected number.
        ci: 95 % interval of the number that will be there (of a draw, not of its mean).
        confident: confident answers among the images.
        n: images.
        known, known_wrong: labelled confident answers that the rates come from, and the wrong ones among them.
    """

    count: float
    ci: tuple[float, float]
    confident: int
    n: int
    known: int
    known_wrong: int


def expected_errors(predicted: Ints, wrong: Mask, others: Ints, n: int, classes: int) -> Expected:
    """The rate of errors among confident answers of each predicted class, carried over to other confident answers.

    Rates are Wilson's; the interval of their weighted sum follows Zou & Donner 2008 (Stat. Med. 27:1693, MOVER), widened by
    the binomial spread of the number itself. It assumes that a confident answer of a class is as often wrong there as here.

    Args:
        predicted, wrong: (m,) predicted class of the labelled confident answers, and which are wrong.
        others: predicted class of each confident answer among the other images.
        n: how many other images there are.
        classes: number of classes.
    """
    known = np.bincount(predicted, minlength=classes).astype(float)
    errors = np.bincount(predicted[wrong], minlength=classes).astype(float)
    ask = np.bincount(others, minlength=classes).astype(float)
    small = known < FEWEST
    k, m, a = (np.append(v[~small], v[small].sum()) for v in (errors, known, ask))
    rate = k / np.maximum(m, 1)
    rate[m == 0] = errors.sum() / max(known.sum(), 1)
    low, high = wilson_many(k, m).T
    z = normal_quantile(0.95)
    noise = z * z * a * rate * (1 - rate)
    count = float((a * rate).sum())
    down = math.sqrt(float(((a * (rate - low)) ** 2 + noise).sum()))
    up = math.sqrt(float(((a * (high - rate)) ** 2 + noise).sum()))
    ci = (max(0.0, count - down), min(float(a.sum()), count + up))
    return Expected(count, ci, len(others), n, int(known.sum()), int(errors.sum()))
