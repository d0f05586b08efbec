"""Two models on the same images: where each looks where they disagree, and how alike their features are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.features import tap
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact, Figure
from failsight.tools.experiments.explainers import EXPLAINERS, Lens, Method, Target, choose, lens_of
from failsight.tools.experiments.figures import Tile, overlay, sheet
from failsight.tools.experiments.saliency_report import Mapped, check_sanity
from failsight.tools.inputs.base import BadImage, Floats, Pixels, Predictions, Split
from failsight.tools.stats.similarity import Alike, alignment, neighbours_shared
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
MOST = 1000  # images whose features are compared: pairs of them are held in memory
NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Spaces:
    """How alike the two models' features are: linear CKA, and the share of nearest neighbours that are the same."""

    alignment: Alike
    neighbours: Alike

    def facts(self) -> tuple[Fact, ...]:
        a, k = self.alignment, self.neighbours
        made = []
        for name, one in (("feature_alignment", a), ("neighbours_shared", k)):
            if np.isfinite(one.value):
                ci = one.ci if np.isfinite(one.ci[0]) else None
                made.append(
                    Fact(name, one.value, "ratio" if name == "feature_alignment" else "share", "", ci, one.n)
                )
        if np.isfinite(k.chance):
            made.append(Fact("neighbours_shared", k.chance, "share", "by chance", None, k.n))
        return tuple(made)


def spaces(before: CaseView, after: CaseView, rows: Ints, split: Split) -> tuple[Spaces | None, str]:
    """Features of both on the same images, a seeded sample of at most a thousand; and why not, where there are none."""
    for view in (before, after):
        if not view.has_model() or tap(view.model()) is None:
            return None, "One of the two shows no inner layers, so that features can't be compared."
    try:
        (one, x), (two, y) = before.features(split), after.features(split)
    except RetryError as problem:
        return None, f"Features can't be compared: {problem}"
    common = np.intersect1d(np.intersect1d(one, two), rows)
    if len(common) > MOST:
        common = np.sort(np.random.default_rng([before.seed, 23]).choice(common, MOST, replace=False))
    x, y = x[np.searchsorted(one, common)], y[np.searchsorted(two, common)]
    if len(common) < 4 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None, "Too few images, or features that are not finite: they can't be compared."
    return Spaces(alignment(x, y), neighbours_shared(x, y, min(NEIGHBOURS, len(common) - 2))), ""


@dataclass(frozen=True)
class SideBySide:
    """Maps of both models over the same pictures.

    Attributes:
        figure: three tiles a picture: itself, what the first looks at, what the second does; None where no map was made.
        notes: maps that hardly depend on the weights, pictures that can't be read.
    """

    figure: Figure | None
    notes: tuple[str, ...]


def side_by_side(
    views: tuple[CaseView, CaseView],
    names: tuple[str, str],
    answers: tuple[Predictions, Predictions],
    rows: Ints,
    split: Split,
) -> SideBySide:
    """Where the evidence for each model's own answer seems to lie, on pictures that they answer differently.

    Args:
        rows: the pictures, each answered by both.
    """
    table, notes = views[0].table(split), []
    readable = []
    for row in rows.tolist():
        try:
            table.open(row)
            readable.append(row)
        except BadImage as problem:
            notes.append(f"{clean(table.paths[row], 60)} can't be read: {clean(problem, 80)}.")
    if not readable or not all(v.has_model() for v in views):
        return SideBySide(None, tuple(notes))
    at = np.array(readable, np.int64)
    made = [_maps(v, p, at, split) for v, p in zip(views, answers, strict=True)]
    for name, (_, _, _, failed) in zip(names, made, strict=True):
        if failed:
            notes.append(
                f"The maps of {name} hardly depend on its weights (weight-randomisation check): they show little."
            )
    tiles = []
    classes = views[0].classes
    for i, row in enumerate(readable):
        line = []
        label = int(table.labels[row])
        picture = made[0][0][i]
        line.append(Tile(picture, (clean(classes[label], 24) if label >= 0 else "no label",)))
        for name, (pixels, maps, of, _) in zip(names, made, strict=True):
            line.append(
                Tile(overlay(pixels[i], maps[i]), (f"{clean(name, 12)}: {clean(classes[int(of[i])], 20)}",))
            )
        tiles.append(line)
    pairs = [tiles[i] + (tiles[i + 1] if i + 1 < len(tiles) else []) for i in range(0, len(tiles), 2)]
    figure = views[0].save_figure(
        "two_models",
        sheet(pairs),
        title="Where each looks where they disagree",
        alt=f"{len(readable)} images, each beside heat maps of both models: bright where the evidence for its own answer seems to lie.",
    )
    return SideBySide(figure, tuple(notes))


def _maps(
    view: CaseView, answers: Predictions, rows: Ints, split: Split
) -> tuple[Pixels, Floats, Ints, bool]:
    """(pictures as this model sees them, maps for its own answers, these answers, whether the maps fail their check)."""
    model, table = view.model(), view.table(split)
    lens: Lens = lens_of(model, view.seed)
    method: Method = choose(lens)
    pixels = np.stack([model.prepare(table.open(int(r))) for r in rows])
    of = answers.predicted[np.searchsorted(answers.rows, rows)]
    target = Target(of)
    with view.progress.job(f"maps ({method})", len(rows)) as ticker:
        maps = EXPLAINERS[method](lens, pixels, target)
        ticker.advance(len(rows))
    maps = np.nan_to_num(maps)
    mapped = Mapped(rows, pixels, maps, tuple({} for _ in rows))
    return pixels, maps, of, check_sanity(lens, method, mapped, target).failed
