"""What a set of saliency maps shows: examples, where the mass lies, whether the maps depend on the weights at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    scrambled,
)
from failsight.tools.experiments.population import shows
from failsight.tools.experiments.regions import Mask, Region
from failsight.tools.inputs.base import Box, Classifier, Floats, Pixels, Split
from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.intervals import bootstrap, wilson
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

CHECKED: dict[Method, int] = {"grad_cam": 8, "occlusion": 3}  # pictures of the randomisation check
SHUFFLES = 2
SIMILAR = 0.5  # mean rank correlation above which maps are said not to depend on the weights
FEWEST = 10  # pictures that show an object before anything is proposed about it
RATIO = 1.5  # saliency per area, relative to an even spread, from which an object is proposed
FEWEST_OTHERS, SHARE_OTHERS = (
    20,
    0.1,
)  # pictures of other classes that show it: so many, and such a share of all
LEAST_PULL = 0.05
FEWEST_OTHERS = (
    20  # images of other classes with it: an object that only its own class shows may well define the class
)
MOST_PROPOSED = 3
PLACES = (
    Region("border:0.1", "border", ((0, 0, 1, 0.1), (0, 0.9, 1, 1), (0, 0.1, 0.1, 0.9), (0.9, 0.1, 1, 0.9))),
    Region("corners:0.2", "corners", tuple((x, y, x + 0.2, y + 0.2) for y in (0, 0.8) for x in (0, 0.8))),
)


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
    def ratio(self) -> float:
        """Saliency per area relative to an even spread; 1 means no preference."""
        return self.mass / self.area if self.area > 0 else float("nan")


def mass_inside(mapped: Mapped, seed: int) -> list[Mass]:
    """Saliency mass inside every boxed object and inside border and corners, highest ratio first.

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
    made = []
    for m in masses:
        kind, _, name = m.name.partition(":")
        if kind != "box" or m.n < FEWEST or m.ratio < RATIO or not m.gap[0] > 0:
            continue
        found = _misleading(view, split, name, of, m)
        if found is not None:
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


@dataclass(frozen=True, slots=True)
class Sanity:
    """The weight-randomisation check: mean rank correlation of maps before and after shuffling the weights.

    ``similarity`` None: the check could not be made, for the ``reason``."""

    similarity: float | None
    n: int = 0
    reason: str = ""

    @property
    def failed(self) -> bool:
        """True when the maps hardly depend on the weights."""
        return self.similarity is not None and self.similarity >= SIMILAR


def check_sanity(
    lens: Lens,
    model: Classifier,
    method: Method,
    mapped: Mapped,
    target: Target,
    explainer: Explainer | None = None,
) -> Sanity:
    """Adebayo et al. 2018 on the case's own model: a map that stays the same with shuffled weights explains nothing.

    Args:
        explainer: another method than ``method``'s own, for checking the check.
    """
    chosen = explainer or EXPLAINERS[method]
    first = slice(0, CHECKED[method])
    part, pixels = target.part(first), mapped.pixels[first]
    values = []
    for seed in range(SHUFFLES):
        other = scrambled(lens, model.outputs, seed)
        if other is None:
            return Sanity(None, 0, "the weights of this model can't be reached")
        try:
            maps = chosen(other, pixels, part)
        except RuntimeError:  # traced graphs with a fixed batch, for example
            return Sanity(None, 0, "the model can't be run with shuffled weights")
        values += [_rank_correlation(a, b) for a, b in zip(mapped.maps[first], maps, strict=True)]
    return Sanity(float(np.mean(values)), len(pixels)) if values else Sanity(None, 0, "there are no maps")


def _rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation of two maps of equal shape; 0 where one of them is constant or not finite."""
    from scipy.stats import rankdata

    a, b = rankdata(first.ravel()), rankdata(second.ravel())
    if not (np.isfinite(first).all() and np.isfinite(second).all()) or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
