"""How good a set of maps is: against the model (deletion, insertion) and against people's boxes (Shared Interest)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.experiments.explainers import Lens, Target, resized
from failsight.tools.experiments.fills import mean_colour
from failsight.tools.experiments.masking import scored
from failsight.tools.experiments.regions import Mask, Region
from failsight.tools.inputs.base import Box, Floats, Pixels
from failsight.tools.stats.intervals import bootstrap, wilson

STEPS = 10
DRAWS = 3  # random maps a picture
ROLLS = 24  # chance positions a picture, for the agreement with boxes
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Deletion or insertion over pictures, against random maps of the same grain.

    Attributes:
        name: ``deletion`` or ``insertion``.
        n: pictures.
        own, random: mean area under the score's curve, with the maps and with random ones; scores lie in [0, 1].
        better: mean gain over random maps, the good way up for both, and its 95 % interval.
    """

    name: str
    n: int
    own: float
    random: float
    better: float
    ci: Interval


def deletion_insertion(
    lens: Lens,
    pixels: Pixels,
    maps: Floats,
    target: Target,
    seed: int,
    *,
    steps: int = STEPS,
    draws: int = DRAWS,
    done: Callable[[int], object] | None = None,
) -> tuple[Curve, ...]:
    """Deletion and insertion (Petsiuk et al. 2018, section 4.3): how fast the target's score falls when the most salient
    pixels take the picture's mean colour, and rises when they come back, against the same map moved and mirrored at random.

    A map that is zero everywhere, or constant, orders nothing and is left out. Empty without maps.

    Args:
        done: told of every curve, of which a picture has 2 (1 + draws).
    """
    height, width = pixels.shape[1:3]
    rows = [k for k, one in enumerate(maps) if np.isfinite(one).all() and float(one.max()) > float(one.min())]
    if not rows:
        return ()
    rng = np.random.default_rng(seed)
    orders = []
    for k in rows:
        full = resized(maps[k], height, width)
        orders.append([ranks(m) for m in (full, *(moved(full, rng) for _ in range(draws)))])
    areas: Doubles = np.empty((len(rows), 1 + draws, 2))
    stacks = (
        _path(pixels[k], order, steps, deleting)
        for k, own in zip(rows, orders, strict=True)
        for order in own
        for deleting in (True, False)
    )
    for at, scores in enumerate(scored(lens.score, stacks, lens.batch)):
        i, j, kind = at // (2 * (1 + draws)), at // 2 % (1 + draws), at % 2
        value = target.part(slice(rows[i], rows[i] + 1)).repeated(len(scores)).value(scores)
        areas[i, j, kind] = float((value[:-1] + value[1:]).sum()) / (2 * steps)  # the trapezoid rule
        if done is not None:
            done(1)
    made = []
    for kind, name, sign in ((0, "deletion", -1), (1, "insertion", 1)):
        own, others = areas[:, 0, kind], areas[:, 1:, kind].mean(1)
        gain = sign * (own - others)
        made.append(
            Curve(
                name,
                len(rows),
                float(own.mean()),
                float(others.mean()),
                float(gain.mean()),
                bootstrap(gain, seed=seed),
            )
        )
    return tuple(made)


def moved(full: Floats, rng: np.random.Generator) -> Floats:
    """A random map of the same grain: the map rolled round both edges by a random distance and mirrored by chance."""
    made = full[:: int(rng.choice([-1, 1])), :: int(rng.choice([-1, 1]))]
    return np.roll(made, (int(rng.integers(full.shape[0])), int(rng.integers(full.shape[1]))), (0, 1))


def ranks(full: Floats) -> npt.NDArray[np.float64]:
    """Each pixel's place in the order from the most to the least salient, as a share in [0, 1)."""
    order = np.argsort(-full.ravel(), kind="stable")
    made = np.empty(full.size)
    made[order] = np.arange(full.size) / full.size
    return made.reshape(full.shape)


def _path(picture: Pixels, order: Doubles, steps: int, deleting: bool) -> Pixels:
    """The picture at each step: (steps + 1, h, w, 3)."""
    ground = np.rint(mean_colour(picture)).astype(np.uint8)
    covered = np.stack([(order < k / steps) == deleting for k in range(steps + 1)])
    made: Pixels = np.where(covered[..., None], ground, picture)
    return made


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the maps' most salient pixels lie to people's boxes of one thing (Shared Interest, Boggust et al. 2022).

    Every pair is the mean over pictures and its 95 % interval.

    Attributes:
        name: the boxed object.
        n: pictures that show it.
        iou: intersection over union of salient pixels and boxes.
        coverage: ground-truth coverage, the share of the boxes that is salient.
        inside: saliency coverage, the share of the salient pixels inside the boxes.
        chance: the IoU of the same salient pixels at random positions.
        pointing: share of pictures whose most salient pixel lies inside (pointing game, Zhang et al. 2016, no margin).
        pointing_chance: the boxes' mean share of the area.
    """

    name: str
    n: int
    iou: tuple[float, Interval]
    coverage: tuple[float, Interval]
    inside: tuple[float, Interval]
    chance: float
    gain: tuple[float, Interval]
    pointing: tuple[float, Interval]
    pointing_chance: float


def agreement(
    pixels: Pixels, maps: Floats, boxes: Sequence[Mapping[str, Sequence[Box]]], seed: int
) -> list[Agreement]:
    """Agreement per boxed object, most often shown first; salient is a pixel one standard deviation above its map's mean.

    Maps without any salient pixel, and boxes without area in the prepared picture, don't count."""
    height, width = pixels.shape[1:3]
    rng = np.random.default_rng(seed)
    values: dict[str, list[tuple[float, ...]]] = {}
    for one, own in zip(maps, boxes, strict=True):
        if not own or not np.isfinite(one).all():
            continue
        full = resized(one, height, width)
        salient = salient_pixels(full)
        if not salient.any():
            continue
        for name, found in own.items():
            truth = Region("box:", "box").mask(height, width, found)
            if truth.any():
                values.setdefault(name, []).append(_compared(full, salient, truth, rng))
    made = [_agreement(name, np.array(v), seed) for name, v in values.items()]
    return sorted(made, key=lambda a: (-a.n, a.name))


def salient_pixels(full: Floats) -> Mask:
    """Positive pixels more than one standard deviation above the map's mean."""
    made: Mask = (full > full.mean() + full.std()) & (full > 0)
    return made


def _compared(full: Floats, salient: Mask, truth: Mask, rng: np.random.Generator) -> tuple[float, ...]:
    marked, boxed = np.count_nonzero(salient), np.count_nonzero(truth)

    def iou(one: Mask) -> float:
        common = np.count_nonzero(one & truth)
        return common / (marked + boxed - common)

    shifts = rng.integers(0, full.shape, (ROLLS, 2))
    chance = float(np.mean([iou(np.roll(salient, (int(y), int(x)), (0, 1))) for y, x in shifts]))
    both = np.count_nonzero(salient & truth)
    return (
        iou(salient),
        both / boxed,
        both / marked,
        chance,
        float(truth.ravel()[full.argmax()]),
        float(truth.mean()),
    )


def _agreement(name: str, values: Doubles, seed: int) -> Agreement:
    def mean(of: Doubles) -> tuple[float, Interval]:
        return float(of.mean()), bootstrap(of, seed=seed)

    n, hits = len(values), int(values[:, 4].sum())
    return Agreement(
        name,
        n,
        mean(values[:, 0]),
        mean(values[:, 1]),
        mean(values[:, 2]),
        float(values[:, 3].mean()),
        mean(values[:, 0] - values[:, 3]),
        (hits / n, wilson(hits, n)),
        float(values[:, 5].mean()),
    )
