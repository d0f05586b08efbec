"""What a set of saliency maps shows: examples, where the mass lies, whether the maps depend on the weights at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Interval, Table
from failsight.tools.experiments.explainers import (
    EXPLAINERS,
    Explainer,
    Lens,
    Method,
    Target,
    resized,
)
from failsight.tools.experiments.population import shows
from failsight.tools.experiments.regions import Mask, Region
from failsight.tools.experiments.saliency_gradients import tuned
from failsight.tools.experiments.saliency_sanity import Sanity, as_is
from failsight.tools.experiments.saliency_sanity import check_sanity as randomised
from failsight.tools.experiments.saliency_scores import Agreement
from failsight.tools.inputs.base import Box, Floats, Pixels, Split
from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.intervals import bootstrap, wilson
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

CHECKED, CHECKED_SLOW = 8, 3  # pictures of the randomisation check; fewer where a map takes many passes
QUICK: tuple[Method, ...] = ("grad_cam", "layer_cam", "rollout", "attention_gradient")
SPECKLED: tuple[Method, ...] = (
    "integrated_gradients",
    "smoothgrad",
)  # a value a pixel: smoothed to be looked at
BLUR = 0.03  # standard deviation of that, relative to the shorter side
FEWEST = 10  # pictures that show an object before anything is proposed about it
RATIO = 1.5  # saliency per area, relative to an even spread, from which an object is proposed
FEWEST_OTHERS = 20  # images of other classes with it: what only its own class shows may well define the class
SHARE_OTHERS = 0.1  # and such a share of all images with it
LEAST_PULL = 0.05
MOST_PROPOSED = 3
PLACES = (
    Region("border:0.1", "border", ((0, 0, 1, 0.1), (0, 0.9, 1, 1), (0, 0.1, 0.1, 0.9), (0.9, 0.1, 1, 0.9))),
    Region("corners:0.2", "corners", tuple((x, y, x + 0.2, y + 0.2) for y in (0, 0.8) for x in (0, 0.8))),
    Region("rect:0.25,0.25,0.75,0.75", "rect", ((0.25, 0.25, 0.75, 0.75),)),
    *(
        Region(f"grid:{r + 1},{c + 1}/2x2", "grid", ((c / 2, r / 2, (c + 1) / 2, (r + 1) / 2),))
        for r in (0, 1)
        for c in (0, 1)
    ),
)
TITLES = {
    "border:0.1": "the border",
    "corners:0.2": "the corners",
    "rect:0.25,0.25,0.75,0.75": "the centre",
    "grid:1,1/2x2": "the upper left quarter",
    "grid:1,2/2x2": "the upper right quarter",
    "grid:2,1/2x2": "the lower left quarter",
    "grid:2,2/2x2": "the lower right quarter",
}


@dataclass(frozen=True)
class Mapped:
    """Pictures with their maps.

    Attributes:
        rows: table rows. (n,)
        pixels: prepared pictures. (n, h, w, 3)
        maps: saliency at any resolution. (n, a, b)
        boxes: per picture, boxes in the prepared picture by object name.
    """

    rows: npt.NDArray[np.int64]
    pixels: Pixels
    maps: Floats
    boxes: tuple[Mapping[str, Sequence[Box]], ...]


@dataclass(frozen=True, slots=True)
class Mass:
    """How much of the saliency lies inside a region, against how much of the area.

    Attributes:
        name: ``box:television``, ``border:0.1`` …
        n: pictures.
        mass, area: mean shares in [0, 1].
        gap: 95 % interval of mass − area.
    """

    name: str
    n: int
    mass: float
    area: float
    gap: Interval

    @property
    def title(self) -> str:
        """What people call the region; a box by its object's name."""
        return TITLES.get(self.name, clean(self.name, 40))

    @property
    def ratio(self) -> float:
        """Saliency per area relative to an even spread; 1 means no preference."""
        return self.mass / self.area if self.area > 0 else float("nan")


def mass_inside(mapped: Mapped, seed: int) -> list[Mass]:
    """Saliency mass inside every boxed object, border, corners, centre and quarters, highest ratio first.

    Only positive values count as mass; pictures whose map is zero everywhere are skipped."""
    height, width = mapped.pixels.shape[1:3]
    shares: dict[str, list[tuple[float, float]]] = {}
    fixed = {r.spec: r.mask(height, width) for r in PLACES}
    for one, boxes in zip(mapped.maps, mapped.boxes, strict=True):
        full = np.maximum(resized(one, height, width), 0)
        total = float(full.sum())
        if not total > 0:
            continue
        masks = {f"box:{name}": _union(found, height, width) for name, found in boxes.items()}
        for name, mask in {**masks, **fixed}.items():
            if mask.any():
                shares.setdefault(name, []).append((float(full[mask].sum()) / total, float(mask.mean())))
    made = []
    for name, pairs in shares.items():
        values = np.array(pairs)
        gap = bootstrap(values[:, 0] - values[:, 1], seed=seed)
        made.append(Mass(name, len(values), float(values[:, 0].mean()), float(values[:, 1].mean()), gap))
    return sorted(made, key=lambda m: (-m.ratio, m.name))


def _union(boxes: Sequence[Box], height: int, width: int) -> Mask:
    return Region("box:", "box").mask(height, width, boxes)


def mass_table(masses: Sequence[Mass]) -> Table | None:
    """The masses as a table."""
    if not masses:
        return None
    rows = tuple((clean(m.name, 60), m.n, m.mass, m.area, m.ratio, *m.gap) for m in masses[:20])
    return Table(
        "Where the saliency lies",
        ("region", "n", "share of saliency", "share of area", "ratio", "gap from", "gap to"),
        rows,
        ("text", "count", "share", "share", "ratio", "points", "points"),
        "Gap: 95 % interval of share of saliency minus share of area.",
    )


def proposals(view: CaseView, split: Split, masses: Sequence[Mass], of: int | None) -> list[Finding]:
    """Objects that draw more saliency than their area and that go with wrong predictions of the class: open hypotheses.

    An object that only right pictures of the class show may well define it; it is not proposed as a spurious cue.
    """
    if of is None:
        return []
    known = {f.key: f for _, f in view.findings()}
    stated = {(str(f.slice), f.class_name) for f in known.values() if f.kind == "overemphasised_feature"}
    made = []
    for m in masses:
        kind, _, name = m.name.partition(":")
        if kind != "box" or m.n < FEWEST or m.ratio < RATIO or not m.gap[0] > 0:
            continue
        found = _misleading(view, split, name, of, m)
        if found is not None and (str(found.slice), found.class_name) not in stated:
            made.append(known.get(found.key, found))
    return made[:MOST_PROPOSED]


def _misleading(view: CaseView, split: Split, name: str, of: int, mass: Mass) -> Finding | None:
    """The hypothesis that the object leads other classes' pictures to ``of``: enough of them show it, and within their
    true classes those that do are called ``of`` more often than those that don't (Mantel–Haenszel difference).

    A thing that belongs to the class turns up in others only where a label is wrong: a handful is no suspicion."""
    predictions = view.predictions(split)
    shown = shows(view.table(split), name)[predictions.rows]
    other = predictions.labelled & (predictions.labels != of)
    taken = predictions.predicted == of
    n, everywhere = int((other & shown).sum()), int((predictions.labelled & shown).sum())
    if n < max(FEWEST_OTHERS, SHARE_OTHERS * everywhere):
        return None
    pull = risk_difference(
        [
            [
                [int((part & taken).sum()), int((part & ~taken).sum())]
                for part in (here & shown, here & ~shown)
            ]
            for here in (other & (predictions.labels == c) for c in range(len(view.classes)) if c != of)
        ]
    )
    if not pull.value >= LEAST_PULL or not pull.ci[0] > 0:
        return None
    wrong = int((other & shown & taken).sum())
    title = clean(name, 40).replace("_", " ")
    return Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_content",
        statement=f"The model may take the {title} for a sign of {clean(view.classes[of], 60)}.",
        slice={name: "yes"},
        class_name=view.classes[of],
        n=n,
        error_rate=wrong / n,
        base_error_rate=float(taken[other & ~shown].mean()),
        ci=wilson(wrong, n),
        note=f"Proposed by saliency ({number(mass.ratio, 'ratio')} times its share of the area); not tested.",
    )


def mean_map(mapped: Mapped) -> Floats:
    """The mean map on the grid of the prepared pictures (h, w): each picture's positive values count with sum 1, so that
    no picture outweighs another; pictures without any are left out. All zero when there are none."""
    height, width = mapped.pixels.shape[1:3]
    total, count = np.zeros((height, width), np.float32), 0
    for one in mapped.maps:
        full = np.maximum(resized(one, height, width), 0)
        if float(full.sum()) > 0:
            total += full / full.sum()
            count += 1
    made: Floats = total / max(1, count)
    return made


def smooth(saliency: Floats) -> Floats:
    """The positive values of a map, blurred so that eyes see where many of them lie; for pictures only."""
    from scipy.ndimage import gaussian_filter

    made: Floats = gaussian_filter(np.maximum(saliency, 0), BLUR * min(saliency.shape))
    return made


def agreement_table(found: Sequence[Agreement]) -> Table | None:
    """Agreement with people's boxes as a table."""
    if not found:
        return None
    rows = tuple(
        (
            clean(a.name, 60),
            a.n,
            a.iou[0],
            *a.iou[1],
            a.chance,
            a.coverage[0],
            a.inside[0],
            a.pointing[0],
            a.pointing_chance,
        )
        for a in found[:20]
    )
    return Table(
        "Agreement with people's boxes",
        (
            "box",
            "n",
            "IoU",
            "from",
            "to",
            "IoU by chance",
            "boxes covered",
            "salient inside",
            "peak inside",
            "peak by chance",
        ),
        rows,
        ("text", "count", *("share",) * 8),
        "Salient: one standard deviation above the map's mean. From, to: 95 % interval. By chance: the same salient pixels "
        "elsewhere in the image; for the peak, the boxes' share of the area.",
    )


def check_sanity(
    lens: Lens,
    method: Method,
    mapped: Mapped,
    target: Target,
    explainer: Explainer | None = None,
) -> Sanity:
    """The weight-randomisation check on the first pictures of a set.

    Args:
        explainer: another method than ``method``'s own, for checking the check.
    """
    first = first_of(method)
    return randomised(
        lens,
        explainer or EXPLAINERS[method],
        mapped.pixels[first],
        mapped.maps[first],
        target.part(first),
        prepare=prepared(method),
    )


def prepared(method: Method) -> Callable[[Lens], Lens]:
    """What a network with shuffled weights goes through first: a faster copy, where maps take many passes."""
    return as_is if method in QUICK else tuned


def first_of(method: Method) -> slice:
    """The pictures whose maps are made again with shuffled weights."""
    return slice(0, CHECKED if method in QUICK else CHECKED_SLOW)
