"""counterfactual_pair: the closest image of another class, and the parts of it that turn the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Table
from failsight.tools.experiments.arguments import AnySpace
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.figures import TILE, Tile, outlined, sheet
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.experiments.regions import Region
from failsight.tools.experiments.what_if_images import (
    Named,
    find_named,
    places_of,
    prepared,
    reference,
    says,
    scores_of,
)
from failsight.tools.experiments.what_if_pair import closest_pair
from failsight.tools.experiments.what_if_space import (
    CALLED,
    Cloud,
    Ints,
    Space,
    clouds,
    likeness,
    point_of,
)
from failsight.tools.experiments.what_if_swaps import Grid, Swap, greedy, random_needed
from failsight.tools.inputs.base import Floats, Pixels, Predictions, Split
from failsight.tools.inputs.decisions import Thresholds, decide, decide_one, rule_of
from failsight.tools.notes import called
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

MOST = 2000  # images of each class among which the closest pair is looked for
TRIED = 5  # closest candidates whose answer is looked at
COVERED = (
    0.25  # share of an object in the swapped cells, or of these cells that it fills, from which it is named
)
AS_EASY = (
    0.2  # share of random orders that turn the answer with as few cells, from which the cells tell little
)
QUESTIONS = ("what_if.1", "features_local.2")


@dataclass(frozen=True)
class Turned:
    """An image, another one, and the cells of the other that turn its answer.

    Attributes:
        pixels: both prepared pictures.
        scores: of both, as they are.
        random: cells needed in random order, one number a draw.
        objects: boxed objects in the swapped cells: (whose picture, object, share of its boxes inside).
    """

    images: tuple[Named, Named]
    pixels: tuple[Pixels, Pixels]
    scores: tuple[Floats, Floats]
    grid: Grid
    swap: Swap
    random: Ints
    objects: tuple[tuple[str, str, float], ...]
    space: Space | None
    likeness: float | None
    rule: Thresholds = ()

    @property
    def target(self) -> int:
        """The other image's answer."""
        return decide_one(self.scores[1], self.rule)


@tool(cost="heavy", needs=("model",), answers=QUESTIONS, passes=1, sample=1000)
def counterfactual_pair(
    view: CaseView,
    image: Annotated[
        str | None,
        Field(
            description="The image whose answer is to be turned: its path or file name, its row number (#12), another split's (train:#12), or an image of evidence (E3#2). Default: the image of class_name that is closest to the other class.",
            max_length=400,
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(description="Without an image: the class to which it belongs.", max_length=200),
    ] = None,
    other_class: Annotated[
        str | None,
        Field(
            description="The answer to be reached. Default: the image's true class where the model is wrong, else the closest other.",
            max_length=200,
        ),
    ] = None,
    other: Annotated[
        str | None,
        Field(
            description="The image from which parts are taken. Default: the closest one that the model answers with other_class.",
            max_length=400,
        ),
    ] = None,
    cells: Annotated[int, Field(description="Cells a side of the grid.", ge=2, le=14)] = 7,
    draws: Annotated[int, Field(description="Random orders of cells as a control.", ge=5, le=500)] = 20,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
    space: AnySpace = None,
) -> Evidence:
    """Find the closest image that the model answers otherwise, and the fewest cells of it which, put into the first, turn the answer.

    Greedy search (Goyal et al. 2019) over cells of pixels at the same place. As a control, cells are swapped in random order:
    how many of them would it take? One pair is an anecdote: no finding comes from it.

    Raises:
        RetryError: an unknown image or class; no image is answered with the other class; there is no model to run.
    """
    split = check_split(view, split)
    view.model()
    notes: list[str] = []
    made = _turn(view, split, (image, other), (class_name, other_class), space, (cells, draws), notes)
    return Evidence(
        tool="counterfactual_pair",
        arguments={
            "image": image,
            "class_name": class_name,
            "other_class": other_class,
            "other": other,
            "cells": cells,
            "draws": draws,
            "split": split,
            "space": space,
        },
        title="What of another picture turns the answer",
        summary=_summary(view, made),
        facts=_facts(view, made),
        tables=_tables(view, made),
        figures=(_figure(view, made),),
        images=(
            reference(view, made.images[0], made.scores[0], "the image"),
            reference(view, made.images[1], made.scores[1], "parts come from it"),
        ),
        questions=QUESTIONS,
        notes=(
            *notes,
            "One pair proves nothing about the model: no verdict comes from it. "
            "Pieced pictures are unlike those that the model was trained on.",
            "The cells are the fewest that the greedy search found; there may be fewer.",
        ),
        next_steps=_next(made),
    )


def _turn(
    view: CaseView,
    split: Split,
    names: tuple[str | None, str | None],
    classes: tuple[str | None, str | None],
    space: Space | None,
    size: tuple[int, int],
    notes: list[str],
) -> Turned:
    wanted = None if classes[1] is None else class_index(view.classes, classes[1])
    chosen: Space | None = None
    near: float | None = None
    if names[0] is None:
        if names[1] is not None or classes[0] is None or wanted is None:
            raise RetryError("image: name an image, or class_name and other_class.")
        own = class_index(view.classes, classes[0])
        if own == wanted:
            raise RetryError("other_class: name another class than class_name.")
        first, second, chosen, near = _class_pair(view, split, own, wanted, space, notes)
    else:
        first = find_named(view, names[0], split)
        if names[1] is not None:
            second = find_named(view, names[1], first.split, argument="other")
        else:
            second, chosen, near = _closest(view, first, wanted, space, notes)
    pixels = prepared(view, first), prepared(view, second, "other")
    scores = scores_of(view, np.stack(pixels))
    answers = decide(scores, rule_of(view))
    if answers[0] == answers[1]:
        raise RetryError(
            f"other: the model says {clean(view.classes[int(answers[0])], 40)} for both images; name one that it answers otherwise."
        )
    if names[1] is not None and wanted not in (None, answers[1]):
        raise RetryError(
            f"other: the model says {says(view, scores[1])} for {second.words}, not {clean(view.classes[wanted], 40)}."
        )
    return _searched(view, (first, second), pixels, scores, chosen, near, size)


def _searched(
    view: CaseView,
    images: tuple[Named, Named],
    pixels: tuple[Pixels, Pixels],
    scores: Floats,
    space: Space | None,
    near: float | None,
    size: tuple[int, int],
) -> Turned:
    height, width = pixels[0].shape[:2]
    side, draws = min(size[0], height, width), size[1]
    rule = rule_of(view)
    grid, target = Grid(side, height, width), decide_one(scores[1], rule)
    swap = greedy(*pixels, grid, lambda p: scores_of(view, p), target, rule)
    with view.progress.job("random cells as a control", draws) as ticker:
        seed = (view.seed, images[0].row, images[1].row)
        needed = random_needed(
            *pixels, grid, lambda p: scores_of(view, p), target, draws, seed, ticker.advance, rule
        )
    objects = _objects(view, images, grid, swap.cells)
    return Turned(images, pixels, (scores[0], scores[1]), grid, swap, needed, objects, space, near, rule)


def _predicted(view: CaseView, split: Split) -> Predictions:
    found = view.predictions(split)
    if not len(found):
        raise RetryError(f"None of the {called(split)} could be scored.")
    return found


def _cloud(
    view: CaseView, split: Split, space: Space | None, notes: list[str]
) -> tuple[Space, Cloud, Ints, Ints, npt.NDArray[np.bool_]]:
    """The images as points, with answers and labels of each place, and which have both a point and an answer."""
    predictions = _predicted(view, split)
    chosen, made = clouds(view, (split,), space, notes)
    cloud = made[split]
    at, known = places_of(predictions, cloud.rows)
    return chosen, cloud, predictions.predicted[at], predictions.labels[at], known


def _closest(
    view: CaseView, first: Named, wanted: int | None, space: Space | None, notes: list[str]
) -> tuple[Named, Space, float]:
    """The closest image of another class that the model answers so; rightly answered ones where there are any."""
    chosen, cloud, predicted, labels, known = _cloud(view, first.split, space, notes)
    own = decide_one(scores_of(view, prepared(view, first)[None])[0], rule_of(view))
    if wanted is None and first.label >= 0 and first.label != own:
        wanted = first.label
    if wanted == own:
        notes.append(
            f"The model says {clean(view.classes[own], 40)} already; the closest image with another answer is taken."
        )
        wanted = None
    fits = known & (predicted != own if wanted is None else predicted == wanted)
    right = fits & ((labels == predicted) | (labels < 0))
    fits = right if right.any() else fits
    fits &= cloud.rows != first.row
    if not fits.any():
        name = "anything else" if wanted is None else clean(view.classes[wanted], 40)
        raise RetryError(f"other_class: the model answers none of the {called(first.split)} with {name}.")
    close = likeness(cloud, point_of(view, first, chosen, cloud)[None])[0]
    at = int(np.where(fits, close, -np.inf).argmax())
    return _at(view, cloud, at), chosen, float(close[at])


def _class_pair(
    view: CaseView, split: Split, own: int, wanted: int, space: Space | None, notes: list[str]
) -> tuple[Named, Named, Space, float]:
    """The closest two images of two classes, both answered rightly."""
    chosen, cloud, predicted, labels, known = _cloud(view, split, space, notes)
    sides = []
    for k in (own, wanted):
        at = np.flatnonzero(known & (labels == k) & (predicted == k))
        if not len(at):
            raise RetryError(
                f"The model answers none of the {called(split)} of {clean(view.classes[k], 40)} rightly; name an image."
            )
        if len(at) > MOST:
            at = np.sort(np.random.default_rng([view.seed, k, len(at)]).choice(at, MOST, replace=False))
        sides.append(at)
    (i, j), *_ = closest_pair(cloud, sides[0], sides[1], 1)
    pair = cloud.scaled(np.asarray(cloud.values[[i, j]], np.float32))
    return _at(view, cloud, i), _at(view, cloud, j), chosen, float(pair[0] @ pair[1])


def _at(view: CaseView, cloud: Cloud, place: int) -> Named:
    row, table = int(cloud.rows[place]), view.table(cloud.split)
    return Named(cloud.split, row, table.paths[row], int(table.labels[row]))


def _objects(
    view: CaseView, images: tuple[Named, Named], grid: Grid, cells: tuple[int, ...]
) -> tuple[tuple[str, str, float], ...]:
    """Boxed objects of both pictures that fill a good part of the cells, or of which these hold one; the most covered first."""
    inside = np.zeros((grid.height, grid.width), bool)
    for cell in cells:
        y0, x0, y1, x1 = grid.box(cell)
        inside[y0:y1, x0:x1] = True
    found = []
    for image, whose in zip(images, ("covered in the first", "brought from the second"), strict=True):
        boxes = view.table(image.split).boxes
        for name in boxes[image.row] if boxes is not None else ():
            mask = Pictures(view, image.split).mask(image.row, Region(f"box:{name}", "box", name=name))
            if mask is not None and mask.any():
                share = float((mask & inside).sum() / mask.sum())
                if share >= COVERED or float((mask & inside).sum()) >= COVERED * inside.sum():
                    found.append((whose, name, share))
    return tuple(sorted(found, key=lambda f: (-f[2], f[1])))


def _summary(view: CaseView, made: Turned) -> str:
    first, second = made.images
    n, total = len(made.swap.cells), made.grid.cells
    start = f"The model says {says(view, made.scores[0])} for {first.words} and {says(view, made.scores[1])} for {second.words}"
    if made.space is not None:
        start += f", the closest such image by {CALLED[made.space]}"
    low, high = np.quantile(made.random, [0.05, 0.95])
    parts = [
        start + ".",
        f"{n} of {total} cells of the second, put into the first, {'turns' if n == 1 else 'turn'} its answer to {clean(view.classes[made.target], 40)} "
        f"({number(float(made.swap.scores[-1, made.target]))}); cells in random order take {np.median(made.random):g} "
        f"(median of {len(made.random)} draws, nine in ten between {low:.0f} and {high:.0f}).",
    ]
    if float((made.random <= n).mean()) >= AS_EASY:
        parts.append("Random cells do it about as easily, so these ones tell little.")
    if made.objects:
        told = [f"{clean(name, 40)} ({whose}, {number(share)} of it)" for whose, name, share in made.objects]
        parts.append(f"In these cells lie: {listing(told, 4)}.")
    return " ".join(parts)


def _facts(view: CaseView, made: Turned) -> tuple[Fact, ...]:
    target = f"class {clean(view.classes[made.target], 60)}"
    draws, as_few = len(made.random), int((made.random <= len(made.swap.cells)).sum())
    found = [
        Fact("cells_needed", len(made.swap.cells), "count", "greedy search", n=1),
        Fact("cells_needed", float(np.median(made.random)), "count", "random order, median", n=draws),
        *(
            Fact("cells_needed", float(np.quantile(made.random, q)), "count", f"random order, {of}", n=draws)
            for q, of in ((0.05, "5 % quantile"), (0.95, "95 % quantile"))
        ),
        Fact("share_of_draws_as_few", as_few / draws, "share", "random order", wilson(as_few, draws), draws),
        Fact("score", float(made.scores[0][made.target]), "share", f"before, {target}", n=1),
        Fact("score", float(made.swap.scores[-1, made.target]), "share", f"after, {target}", n=1),
    ]
    if made.likeness is not None:
        found.append(Fact("likeness", made.likeness, "ratio", "the two", n=1))
    return tuple(found)


def _tables(view: CaseView, made: Turned) -> tuple[Table, ...]:
    own = decide_one(made.scores[0], made.rule)
    rows: list[tuple[Cell, ...]] = []
    for i, scores in enumerate(made.swap.scores):
        place = "as it is" if i == 0 else _place(made.grid, made.swap.cells[i - 1])
        answer = clean(view.classes[decide_one(scores, made.rule)], 60)
        rows.append((place, answer, float(scores[own]), float(scores[made.target])))
    names = (clean(view.classes[own], 40), clean(view.classes[made.target], 40))
    return (
        Table(
            "Cell by cell",
            ("cell swapped", "answer", f"score of {names[0]}", f"score of {names[1]}"),
            tuple(rows),
            ("text", "text", "share", "share"),
            "Cells are written as test_by_masking takes them.",
        ),
    )


def _place(grid: Grid, cell: int) -> str:
    row, column = divmod(cell, grid.side)
    return f"grid:{row + 1},{column + 1}/{grid.side}x{grid.side}"


def _figure(view: CaseView, made: Turned) -> Figure:
    boxes = [made.grid.box(c) for c in made.swap.cells]
    first, second = (_marked(p, boxes) for p in made.pixels)
    tiles = [
        Tile(made.pixels[0], ("the image", says(view, made.scores[0]))),
        Tile(second, ("parts from", says(view, made.scores[1]))),
        Tile(first, ("where they go", f"{len(boxes)} of {made.grid.cells} cells")),
        Tile(made.swap.picture, ("with these cells swapped", says(view, made.swap.scores[-1]))),
    ]
    alt = (
        f"{made.images[0].words}, {made.images[1].words}, {number(len(boxes), 'count')} of {made.grid.cells} cells marked in both, and the first picture with what "
        f"the second shows there: the model says {says(view, made.swap.scores[-1])}."
    )
    return view.save_figure(
        "counterfactual", sheet([tiles]), title="The pair, and the cells that turn the answer", alt=alt
    )


def _marked(picture: Pixels, boxes: list[tuple[int, int, int, int]]) -> Pixels:
    """The cells bright and outlined, the rest faded; small pictures are enlarged, so that outlines hide no cell."""
    faded = (picture * 0.4 + 153).astype(np.uint8)
    for y0, x0, y1, x1 in boxes:
        faded[y0:y1, x0:x1] = picture[y0:y1, x0:x1]
    times = max(1, TILE // max(picture.shape[:2]))
    large = faded.repeat(times, 0).repeat(times, 1)
    return outlined(large, [(y0 * times, x0 * times, y1 * times, x1 * times) for y0, x0, y1, x1 in boxes])


def _next(made: Turned) -> tuple[str, ...]:
    for whose, name, _ in made.objects:
        tested = "test_by_adding" if whose.startswith("brought") else "test_by_masking"
        return (f"To ask over many images, with a control: {tested}(region='box:{clean(name, 40)}').",)
    return ("cue_profile asks over many images, with controls, what each class depends on.",)
