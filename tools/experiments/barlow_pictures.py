"""Pictures of a failure mode, laid out as in Barlow (Singla et al. 2021, §4, §F): most activating images of each feature of
the path, heat maps over them, and images of the mode that fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Figure, ImageRef
from failsight.tools.experiments import figures
from failsight.tools.experiments.barlow import Grown, Known, Mode
from failsight.tools.experiments.barlow_report import Told
from failsight.tools.experiments.feature_reader import Reader, reader_of
from failsight.tools.inputs.base import BadImage, Floats, Pixels, Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
SHOWN = 6  # images a row (the paper's number)
MOST_MODES = 3
MOST_FEATURES = 2  # of a path, in the order of the tree


@dataclass(frozen=True)
class Shown:
    """Opened images: positions in ``Known`` and prepared pixels."""

    at: Ints
    pixels: Pixels


def picture(
    view: CaseView, split: Split, told: Told, known: Known, one: Grown, mode: Mode, number: int
) -> tuple[Figure | None, tuple[ImageRef, ...], bool]:
    """The figure of one mode, references to the failing images on it, and whether heat maps could be made."""
    rows, mapped = [], True
    reader: Reader | None = None
    for feature in list(dict.fromkeys(c.feature for c in mode.path))[:MOST_FEATURES]:
        values = known.features[:, feature]
        order = one.group.at[np.argsort(-values[one.group.at], kind="stable")]
        top = opened(view, split, told, known, order, SHOWN)
        if not len(top.at):
            continue
        if reader is None:
            reader = reader_of(told.source.model, top.pixels[:1])
        rows.append(_row(told, known, top, values, f"#{feature}"))
        maps = None if reader is None else reader.maps(top.pixels, feature)
        mapped = mapped and maps is not None
        if maps is not None:
            rows.append(
                [
                    figures.Tile(figures.overlay(p, m), ("where",))
                    for p, m in zip(top.pixels, maps, strict=True)
                ]
            )
    failing = opened(view, split, told, known, _failing(view, known, one, mode), SHOWN)
    last = mode.path[0].feature
    if len(failing.at):
        rows.append(_row(told, known, failing, known.features[:, last], f"fails; #{last}"))
    if not rows:
        return None, (), mapped
    name = told.group(one.group)
    figure = view.save_figure(
        f"failure_mode_{number}",
        figures.sheet(rows),
        title=f"Failure mode: {name}, {told.short(mode.path)}",
        alt=f"Rows of {name}: those on which a feature of the failure mode is highest, with heat maps of where it comes "
        "from; the last row shows images of the failure mode that fail.",
        caption="Top rows: where the feature is highest. Last row: images of the mode that fail; where the condition is "
        "'low', they lack what the top rows show.",
    )
    return figure, _references(view, split, told, known, failing.at, told.short(mode.path)), mapped


def _failing(view: CaseView, known: Known, one: Grown, mode: Mode) -> Ints:
    """Failing images of the mode on the half that tests, in a seeded order."""
    at = one.group.at
    inside = mode.leaf.inside(known.features[at]) & one.group.failed & ~known.discovery[at]
    return np.random.default_rng([view.seed, mode.group]).permutation(at[inside])


def opened(view: CaseView, split: Split, told: Told, known: Known, order: Ints, most: int) -> Shown:
    """The first ``most`` images of ``order`` that can be opened, prepared for the model that gives the features."""
    table = view.table(split)
    kept: list[int] = []
    pixels: list[Pixels] = []
    for i in order.tolist():
        if len(kept) == most:
            break
        try:
            pixels.append(told.source.model.prepare(table.open(int(known.rows[i]))))
        except BadImage:
            continue
        kept.append(i)
    shape = (0, *told.source.model.preprocessing.size, 3)
    return Shown(np.array(kept, np.int64), np.stack(pixels) if pixels else np.zeros(shape, np.uint8))


def _row(told: Told, known: Known, shown: Shown, values: Floats, what: str) -> list[figures.Tile]:
    made = []
    for i, pixels in zip(shown.at.tolist(), shown.pixels, strict=True):
        outcome = f"{told.named(int(known.labels[i]))} > {told.named(int(known.predicted[i]))}"
        made.append(figures.Tile(pixels, (outcome, f"{what}: {values[i]:.3g}")))
    return made


def _references(
    view: CaseView, split: Split, told: Told, known: Known, at: Sequence[int] | Ints, caption: str
) -> tuple[ImageRef, ...]:
    table, made = view.table(split), []
    for i in np.asarray(at).tolist():
        row = int(known.rows[i])
        made.append(
            ImageRef(
                split=split,
                row=row,
                path=table.paths[row],
                label=told.classes[int(known.labels[i])],
                prediction=told.classes[int(known.predicted[i])],
                caption=clean(caption, 80),
            )
        )
    return tuple(made)
