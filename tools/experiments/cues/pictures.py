"""The figures of a cue profile: the chart of cues beside their controls, and the occlusion map of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.evidence import Figure
from failsight.tools.experiments.cues.effects import Effect
from failsight.tools.experiments.cues.grid import Grid
from failsight.tools.experiments.cues.places import Place, Tested, verdict_of
from failsight.tools.experiments.figures import Tile, outlined, overlay, sheet
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.effects import effects as chart
from failsight.tools.inputs.base import Box, Pixels
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

COLUMNS = 5
MOST_TILES = 20
SCALE = 168  # side of a tile: the outline is drawn at this size


def profile(view: CaseView, shown: Sequence[Effect], title: str) -> Figure | None:
    """Falls with intervals, cue beside control; None when there is nothing to draw."""
    if not shown:
        return None
    cue = [Mark(e.fall, *e.fall_ci) for e in shown]
    control = [Mark(e.control, *e.control_ci) for e in shown]
    words = listing(
        [
            f"without {e.cue.lost} {number(0.0 - e.fall, 'points')}, control {number(0.0 - e.control, 'points')}"
            for e in shown
        ],
        len(shown),
    )
    alt = f"Change of the class's score when a cue is taken away, beside its control: {words}."
    svg = chart(
        title,
        alt,
        [e.cue.lost for e in shown],
        (("cue taken away", cue), ("control of equal strength", control)),
        "fall of the class's score, points (right: the score falls)",
    )
    return view.save_figure("cue_profile", svg, title=title, alt=alt)


def maps(view: CaseView, grid: Grid, places: Sequence[Place], tested: Sequence[Tested]) -> Figure | None:
    """For each class its mean image, and how much hiding each part of it costs, with the place that matters most."""
    tiles = []
    order = sorted(range(len(places)), key=lambda k: -places[k].fall)[:MOST_TILES]
    for k in order:
        mine = grid.watched == places[k].wanted
        if not mine.any():
            continue
        mean = np.rint(grid.small[mine].mean(0)).astype(np.uint8)
        name = clean(view.classes[places[k].wanted], 24)
        verdict = verdict_of(places[k], tested)
        tiles.append(
            Tile(
                _tile(mean, grid, k, places[k].box if verdict else None),
                (name, f"{number(0.0 - places[k].fall, 'points')} {verdict or ''}"),
            )
        )
    if not tiles:
        return None
    words = listing(
        [f"{view.classes[places[k].wanted]}: most at the {places[k].where}" for k in order], len(order)
    )
    alt = (
        "Occlusion maps over the mean image of each class; bright is where hiding a patch costs the class most of its score, "
        f"a frame marks a place that was tested. {words}."
    )
    picture = sheet([tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)])
    return view.save_figure("cue_places", picture, title="Where the score of each class hangs", alt=alt)


def _tile(mean: Pixels, grid: Grid, k: int, box: Box | None) -> Pixels:
    from PIL import Image

    height, width = mean.shape[:2]
    scale = SCALE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    large = np.asarray(Image.fromarray(mean).resize(size, Image.Resampling.BILINEAR))
    heat = overlay(large, grid.fall[k].astype(np.float32))
    if box is None:
        return heat
    x0, y0, x1, y1 = box
    return outlined(
        heat, [(round(y0 * size[1]), round(x0 * size[0]), round(y1 * size[1]), round(x1 * size[0]))]
    )
