"""What the curves of a training record show, each question answered by a test against the curve's own noise.

*Rising after the best.* The best epoch is the lowest point of a noisy curve, so everything after it lies higher by
selection; the mere difference proves nothing. What comes *after* it is still in random order when nothing happens, so a trend
test over those points alone keeps its level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.history.record import Curve
from failsight.tools.stats.intervals import bootstrap, normal_quantile
from failsight.tools.stats.trend import mann_kendall, noise, wiggles

Floats = npt.NDArray[np.float64]
Answer = Literal["yes", "no", "open"]

ALPHA = 0.05
MINIMUM_RISE = 0.10  # of the best level: a smaller rise of the validation loss is not worth an earlier stop
MINIMUM_FALL = 0.05  # of the level, over the last third: less is a plateau
SAW = 0.20  # noise of the training loss, as a share of its level, that is called oscillation
SPIKE = 0.5  # height of a spike above its neighbours, as a share of their level
SPIKE_NOISE = 8.0  # and in standard deviations of the noise
EXPLODED = 1.0  # of the first level: a training loss that ends above where it began has lost what it learned
LEARNED = 0.9  # of the first level: below this something had been learned
MOST_POINTS = 200  # longer curves are averaged down to this many: step-wise logs are noise for the most part
FEWEST_AFTER = 4  # four points in a row have a chance of 1 in 24 to rise throughout
FEWEST_WINDOW = 5


def thinned(curve: Curve, most: int = MOST_POINTS) -> Curve:
    """Finite values, averaged over runs of neighbours so that at most ``most`` are left."""
    kept = curve.finite
    if len(kept) <= most:
        return kept
    groups = np.array_split(np.arange(len(kept)), most)
    return Curve(
        np.array([kept.at[g].mean() for g in groups]),
        np.array([kept.values[g].mean() for g in groups]),
        kept.source,
    )


@dataclass(frozen=True, slots=True)
class Rise:
    """Whether the validation curve rises after its best point while the training curve falls.

    Attributes:
        answer: ``yes`` (both trends tested and the rise large enough), ``no`` (the rise's interval excludes the minimum), ``open``.
        best, last: when the lowest point and the last one were.
        after: points after the best.
        size, ci: rise of the level from the best to the end, as a share of the best level, with its interval from the noise.
        p: the larger of the two trend tests: both must hold.
        p_rise, p_fall: validation rising after its best, training falling from there.
        reason: why it is open, a clause.
    """

    answer: Answer
    best: float
    last: float
    after: int
    size: float
    ci: Interval
    p: float
    p_rise: float
    p_fall: float
    reason: str = ""


def rise_after_best(validation: Curve, training: Curve) -> Rise | None:
    """Both curves in a form where lower is better (losses, or error rates). None with fewer than three validation points."""
    val, train = thinned(validation), thinned(training)
    if len(val) < 3:
        return None
    at = int(np.argmin(val.values))
    best, last, after = float(val.at[at]), float(val.at[-1]), len(val) - 1 - at
    size, ci = _size(val.values, at)
    p_rise = mann_kendall(val.values[at + 1 + _settling(after) :]).p_up
    late = train.values[train.at >= best]
    p_fall = mann_kendall(late).p_down if len(late) >= FEWEST_AFTER else 1.0
    p = max(p_rise, p_fall)
    answer: Answer = "open"
    reason = ""
    if p <= ALPHA and size >= MINIMUM_RISE and ci[0] > 0:
        answer = "yes"
    elif ci[1] < MINIMUM_RISE:
        answer = "no"
    elif after < FEWEST_AFTER:
        reason = f"too few points come after the best ({after}) to see a trend"
    elif len(training) == 0:
        reason = "no training curve is recorded beside the validation curve"
    elif p_rise > ALPHA or size < MINIMUM_RISE:
        reason = "the validation curve's rise is not distinguishable from its noise, but not excluded either"
    else:
        reason = "the training curve does not fall over the same time"
    return Rise(answer, best, last, after, size, ci, p, p_rise, p_fall, reason)


def _settling(after: int) -> int:
    """How many points right after the best the trend test leaves out: where noise carries over from one point to the
    next, a curve climbs back from its lowest point by itself."""
    return min(4, after // 4)


def _size(values: Floats, at: int) -> tuple[float, Interval]:
    """Relative rise from the level about the best to the level at the end; the interval takes independent noise."""
    n = len(values)
    if at == n - 1:
        window = min(3, n)
        level = float(values[-1])
        half = 1.96 * _or_zero(noise(values[max(0, at - 6) :])) * math.sqrt(1 / window)
        scale = max(abs(level), 1e-12)
        return 0.0, (-half / scale, half / scale)
    about = values[max(0, at - max(1, n // 20)) : at + max(1, n // 20) + 1]
    end = values[-min(max(3, n // 10), n - 1 - at) :]
    level = float(about.mean())
    scale = max(abs(level), 1e-12)
    size = (float(end.mean()) - level) / scale
    sigma = _or_zero(noise(values[max(0, at - 3) :]))
    half = 1.96 * sigma * math.sqrt(1 / len(end) + 1 / len(about)) / scale
    return size, (size - half, size + half)


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a curve ends: ``falling``, ``rising``, ``flat`` (a change beyond the minimum is excluded) or ``open``.

    Attributes:
        change, ci: change over the last third by the Theil–Sen slope, as a share of the level.
        p: of the trend in the direction of ``change``.
        since: where the last third begins.
        n: points in it.
    """

    state: Literal["falling", "rising", "flat", "open"]
    change: float
    ci: Interval
    p: float
    since: float
    n: int


def ending(curve: Curve) -> Ending | None:
    """The last third of a curve (lower is better), at least five points. None where there are fewer."""
    kept = thinned(curve)
    n = max(FEWEST_WINDOW, len(kept) // 3)
    if len(kept) < n:
        return None
    at, values = kept.at[-n:], kept.values[-n:]
    trend = mann_kendall(values, at)
    level = max(abs(float(np.median(values))), 1e-12)
    reach = float(at[-1] - at[0]) / level
    change, ci = trend.slope * reach, (trend.ci[0] * reach, trend.ci[1] * reach)
    p = trend.p_down if change < 0 else trend.p_up
    state: Literal["falling", "rising", "flat", "open"] = "open"
    if p <= ALPHA and abs(change) >= MINIMUM_FALL:
        state = "falling" if change < 0 else "rising"
    elif ci[0] > -MINIMUM_FALL and ci[1] < MINIMUM_FALL:
        state = "flat"
    return Ending(state, change, ci, p, float(at[0]), n)


@dataclass(frozen=True, slots=True)
class Divergence:
    """Whether training broke down: a value that is no number, or a training loss that ends above where it began."""

    answer: Answer
    at: float = math.nan
    finite: bool = True
    first: float = math.nan
    last: float = math.nan


def divergence(curve: Curve) -> Divergence | None:
    """None without points."""
    if not len(curve):
        return None
    bad = ~np.isfinite(curve.values)
    if bad.any():
        return Divergence("yes", float(curve.at[int(np.argmax(bad))]), finite=False)
    kept = thinned(curve).values
    if len(kept) < FEWEST_WINDOW:
        return Divergence("open")
    first, last, best = float(kept[:2].mean()), float(np.median(kept[-3:])), float(kept.min())
    sigma = _or_zero(noise(kept))
    broken = last > EXPLODED * first + 2 * sigma and (best < LEARNED * first or last > 2 * abs(first))
    where = float(curve.finite.at[int(np.argmin(curve.finite.values))])
    return Divergence("yes" if broken else "no", where if broken else math.nan, True, first, last)


@dataclass(frozen=True, slots=True)
class Saw:
    """Noise of the second half of a curve, as a share of its level, with a bootstrap interval."""

    answer: Answer
    share: float
    ci: Interval
    n: int


def oscillation(curve: Curve, seed: int = 0) -> Saw | None:
    """None with fewer than eight points in the second half."""
    kept = thinned(curve)
    values = kept.values[len(kept) // 2 :]
    if len(values) < 8:
        return None
    level = max(abs(float(np.median(values))), 1e-12)
    left = wiggles(values) / level
    low, high = bootstrap(left**2, seed=seed, resamples=500, method="percentile")
    share, ci = math.sqrt(float((left**2).mean())), (math.sqrt(max(low, 0)), math.sqrt(max(high, 0)))
    answer: Answer = "yes" if share >= SAW and ci[0] >= SAW / 2 else "no" if ci[1] < SAW else "open"
    return Saw(answer, share, ci, len(values))


@dataclass(frozen=True, slots=True)
class Spike:
    """A point far above its neighbours: ``height`` as a share of their level; ``lr_share`` of the highest learning rate then."""

    at: float
    value: float
    height: float
    lr_share: float


def spikes(curve: Curve, rate: Curve) -> tuple[Spike, ...]:
    """Single points far above what comes before and after, highest first. The first two points are never spikes."""
    kept = thinned(curve)
    values = kept.values
    if len(values) < 6:
        return ()
    sigma, top = _or_zero(noise(values)), float(rate.finite.values.max()) if len(rate.finite) else math.nan
    found = []
    for i in range(2, len(values) - 1):
        around = max(float(values[i - 2 : i].min()), float(values[i + 1 : i + 3].min()))
        level = max(abs(around), 1e-12)
        height = (values[i] - around) / level
        if height >= SPIKE and values[i] - around >= SPIKE_NOISE * sigma and values[i] >= values[i - 1]:
            lr = (
                float(np.interp(kept.at[i], rate.finite.at, rate.finite.values))
                if len(rate.finite)
                else math.nan
            )
            found.append(
                Spike(float(kept.at[i]), float(values[i]), float(height), lr / top if top > 0 else math.nan)
            )
    return tuple(sorted(found, key=lambda s: -s.height))


@dataclass(frozen=True, slots=True)
class Best:
    """The best point of a curve against its last: ``loss`` is how much worse the last is, in the curve's unit, with interval."""

    at: float
    value: float
    last_at: float
    last: float
    worse: float
    ci: Interval


def best_point(curve: Curve, *, lower_is_better: bool) -> Best | None:
    """None without finite points. The interval takes the noise of one point at either end, and is as wide as it takes for
    all points at once (Bonferroni): the best of many noisy points lies far below the last one by selection alone."""
    kept = curve.finite
    if not len(kept):
        return None
    sign = 1.0 if lower_is_better else -1.0
    at, others = int(np.argmin(sign * kept.values)), len(kept) - 1
    worse = sign * float(kept.values[-1] - kept.values[at])
    half = 0.0
    if at < others:
        width = normal_quantile(1 - 0.05 / others) * math.sqrt(2)
        half = width * _or_zero(noise(kept.values[max(0, at - 3) :]))
    return Best(
        float(kept.at[at]),
        float(kept.values[at]),
        float(kept.at[-1]),
        float(kept.values[-1]),
        worse,
        (worse - half, worse + half),
    )


def recorded_gap(training: Curve, validation: Curve) -> tuple[float, Interval, int] | None:
    """Training minus validation accuracy over the last up to five points they share in time: mean, interval, points.

    The interval covers the noise from epoch to epoch only: how many images were behind it, the record does not say.
    """
    train, val = training.finite, validation.finite
    if not len(train) or not len(val):
        return None
    at = val.at[-5:]
    at = at[(at >= train.at[0]) & (at <= train.at[-1] * (1 + 1e-9))]
    if not len(at):
        return None
    gaps = np.interp(at, train.at, train.values) - val.values[np.searchsorted(val.at, at)]
    mean = float(gaps.mean())
    half = 1.96 * float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
    return mean, (mean - half, mean + half), len(gaps)
