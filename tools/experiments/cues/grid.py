"""The occlusion grid, coarse to fine: where in the picture does the score of a class hang?

Every image of the localising half loses only a few patches, dealt so that all places of a class's images are hidden
equally often. Coarse: patches of a quarter of the side on two grids, one shifted by half a patch. Fine: patches of an
eighth, all over a window of half the side around the place that mattered most. The place is read from falls of the
log-odds: a score of 0.999 has no room to fall when a cue is half hidden, its log-odds do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.evidence import digest
from failsight.tools.experiments.cues.panel import mean_ground
from failsight.tools.experiments.cues.sameness import thumbnails
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.experiments.masking import scored
from failsight.tools.inputs.base import Pixels
from failsight.tools.view import CaseView

Values = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Cell = tuple[int, int, int, int]  # y0, x0, y1, x1 in cells of the fine grid
CELLS = 16  # cells of the fine grid along each side
COARSE, FINE = 4, 2  # cells that a patch covers along each side
ZOOM = 8  # cells of the window that is looked at closely
EACH = 6  # patches an image loses in either step
FLOOR = 1e-6  # scores are kept this far from 0 and 1 before log-odds are taken


@dataclass(frozen=True)
class Grid:
    """What the localising half says of each class in ``classes``; k classes.

    Attributes:
        classes: class indices. (k,)
        fall: mean fall of the score by a coarse patch over each cell. (k, 16, 16)
        odds: the same in log-odds. (k, 16, 16)
        fine: mean fall of log-odds by a fine patch, NaN outside the window. (k, 16, 16)
        window: the window looked at closely, (y0, x0, y1, x1) in cells. (k, 4)
        rows: all images of the localising half. (m,)
        watched: their classes. (m,)
        small: thumbnails of them. (m, h, w, 3) uint8
    """

    classes: Ints
    fall: Values
    odds: Values
    fine: Values
    window: Ints
    rows: Ints
    watched: Ints
    small: Pixels


def locate(view: CaseView, sample: Sample, classes: Sequence[int]) -> Grid:
    """Both steps for ``classes``, over the localising half; 12 passes an image. Cached."""
    key = {
        "experiment": "cue_grid/1",
        "model": view.model().fingerprint,
        "data": view.table(sample.split).fingerprint,
        "split": sample.split,
        "rows": digest(sample.rows[sample.first]),
        "classes": list(classes),
        "seed": view.seed,
    }
    names = tuple(Grid.__dataclass_fields__)
    stored = view.cached(key)
    if stored is not None:
        return Grid(**{n: stored[n] for n in names})
    made = _locate(view, sample, classes)
    view.store(key, {n: getattr(made, n) for n in names})
    return made


def _locate(view: CaseView, sample: Sample, classes: Sequence[int]) -> Grid:
    at = np.flatnonzero(sample.first)
    coarse = [deal(_coarse(), int((sample.watched[at] == c).sum()), view.seed, c) for c in classes]
    rows, small = _thumbnails(view, sample, at)
    maps = _pass(view, sample, at, classes, coarse, "hiding coarse patches")
    fall, odds = (np.stack([m[i].mean() for m in maps]) for i in (0, 1))
    windows = [zoom(o) for o in odds]
    fine = [
        deal([_fine(w)], int((sample.watched[at] == c).sum()), view.seed + 1, c)
        for c, w in zip(classes, windows, strict=True)
    ]
    close = _pass(view, sample, at, classes, fine, "hiding fine patches")
    inner = np.full_like(odds, np.nan)
    for made, (y0, x0, y1, x1), (_, o) in zip(inner, windows, close, strict=True):
        made[y0:y1, x0:x1] = o.mean()[y0:y1, x0:x1]
    return Grid(
        np.array(classes, np.int64),
        fall,
        odds,
        inner,
        np.array(windows, np.int64).reshape(len(classes), 4),
        rows,
        sample.watched[np.searchsorted(sample.rows, rows)],
        small,
    )


def _thumbnails(view: CaseView, sample: Sample, at: Ints) -> tuple[Ints, Pixels]:
    """All images of the localising half, of whatever class, that can be read: (rows, thumbnails)."""
    size = batch_size(view.model())
    made = [(rows, thumbnails(pixels)) for rows, pixels in view.pixels(sample.rows[at], sample.split, size)]
    if not made:
        return np.zeros(0, np.int64), np.zeros((0, 1, 1, 3), np.uint8)
    return np.concatenate([rows for rows, _ in made]), np.concatenate([small for _, small in made])


class _Map:
    """Running mean over patches of what their hiding cost, per cell; cells never hidden say 0."""

    def __init__(self) -> None:
        self.total, self.count = np.zeros((CELLS, CELLS)), np.zeros((CELLS, CELLS))

    def add(self, cell: Cell, value: float) -> None:
        y0, x0, y1, x1 = cell
        self.total[y0:y1, x0:x1] += value
        self.count[y0:y1, x0:x1] += 1

    def mean(self) -> Values:
        made: Values = self.total / np.maximum(self.count, 1)
        return made


def _pass(
    view: CaseView,
    sample: Sample,
    at: Ints,
    classes: Sequence[int],
    deals: Sequence[Sequence[Sequence[Cell]]],
    label: str,
) -> list[tuple[_Map, _Map]]:
    """One step: (fall of the score, fall of the log-odds) per class.

    Args:
        deals: per class, per image in order of appearance: the patches it loses.
    """
    model = view.model()
    maps = [(_Map(), _Map()) for _ in classes]
    where = {int(sample.rows[i]): (int(i), slot) for i, slot in _slots(sample, at, classes)}
    waiting: list[tuple[int, int, Sequence[Cell]]] = []
    clean = sample.clean

    def stacks() -> Iterator[Pixels]:
        rows = np.array(sorted(where), np.int64)
        for got, pixels in view.pixels(rows, sample.split, batch_size(model)):
            for row, picture, ground in zip(got.tolist(), pixels, mean_ground(pixels), strict=True):
                i, (k, j) = where[row]
                waiting.append((i, k, deals[k][j]))
                yield hidden(picture, deals[k][j], ground)

    with view.progress.job(label, len(where)) as ticker:
        done = 0
        for scores in scored(model.scores, stacks(), batch_size(model)):
            i, k, cells = waiting[done]
            done += 1
            ticker.advance()
            if not np.isfinite(scores).all():
                continue
            after = scores[:, sample.watched[i]].astype(np.float64)
            for cell, fall, odds in zip(
                cells, clean[i] - after, log_odds(clean[i]) - log_odds(after), strict=True
            ):
                maps[k][0].add(cell, float(fall))
                maps[k][1].add(cell, float(odds))
        ticker.advance(len(where) - done)
    return maps


def _slots(sample: Sample, at: Ints, classes: Sequence[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """(position in the sample, (which class, the how manieth of it)) of the images that take part."""
    seen = dict.fromkeys(classes, 0)
    order = {c: k for k, c in enumerate(classes)}
    for i in at.tolist():
        c = int(sample.watched[i])
        if c in order:
            yield i, (order[c], seen[c])
            seen[c] += 1


def log_odds(p: npt.ArrayLike) -> Values:
    """log(p / (1 − p)), scores kept a millionth away from 0 and 1."""
    q = np.clip(np.asarray(p, np.float64), FLOOR, 1 - FLOOR)
    made: Values = np.log(q) - np.log1p(-q)
    return made


def hidden(picture: Pixels, cells: Sequence[Cell], ground: Pixels) -> Pixels:
    """The picture once for each cell, that cell painted over. (len(cells), h, w, 3)"""
    height, width = picture.shape[:2]
    made = np.repeat(picture[None], len(cells), 0)
    for one, (y0, x0, y1, x1) in zip(made, cells, strict=True):
        one[
            round(y0 * height / CELLS) : round(y1 * height / CELLS),
            round(x0 * width / CELLS) : round(x1 * width / CELLS),
        ] = ground
    return made


def _coarse() -> list[list[Cell]]:
    """The two coarse grids: aligned, and shifted by half a patch (cut off at the picture's edge)."""
    aligned = [
        (y, x, y + COARSE, x + COARSE) for y in range(0, CELLS, COARSE) for x in range(0, CELLS, COARSE)
    ]
    starts = range(-COARSE // 2, CELLS, COARSE)
    shifted = [_clip((y, x, y + COARSE, x + COARSE), (0, 0, CELLS, CELLS)) for y in starts for x in starts]
    return [aligned, shifted]


def _fine(window: Cell) -> list[Cell]:
    """All places of a fine patch over the window, those that hang over its edge cut off there."""
    y0, x0, y1, x1 = window
    ys, xs = range(y0 - FINE + 1, y1), range(x0 - FINE + 1, x1)
    return [_clip((y, x, y + FINE, x + FINE), window) for y in ys for x in xs]


def _clip(cell: Cell, window: Cell) -> Cell:
    return (
        max(cell[0], window[0]),
        max(cell[1], window[1]),
        min(cell[2], window[2]),
        min(cell[3], window[3]),
    )


def deal(grids: Sequence[Sequence[Cell]], images: int, seed: int, tag: int) -> list[list[Cell]]:
    """``EACH`` patches for each of ``images``, equally many from each grid; every place of a grid is dealt equally often
    (up to one), in an order that is random anew each time round."""
    rng = np.random.default_rng([seed, 500, tag])
    made: list[list[Cell]] = [[] for _ in range(images)]
    for grid in grids:
        share = EACH // len(grids)
        rounds = -(-images * share // len(grid)) if images else 0
        order = np.concatenate([rng.permutation(len(grid)) for _ in range(rounds)]) if rounds else []
        for j in range(images):
            made[j] += [grid[int(p)] for p in order[j * share : (j + 1) * share]]
    return made


def zoom(odds: Values) -> Cell:
    """The window of ``ZOOM`` cells around the place where ``odds`` (16, 16) is largest, inside the picture."""
    from scipy import ndimage

    hot = odds >= odds.max() - 0.2 * abs(float(odds.max()))
    labels, _ = ndimage.label(hot)
    part = labels == labels.flat[int(odds.argmax())]
    y, x = ndimage.center_of_mass(part)
    y0, x0 = (int(np.clip(round(v + 0.5 - ZOOM / 2), 0, CELLS - ZOOM)) for v in (y, x))
    return y0, x0, y0 + ZOOM, x0 + ZOOM


def peak_box(fine: Values) -> Cell:
    """The bounding box, in cells, of the patch around the largest value of ``fine`` where it is at least half of it."""
    from scipy import ndimage

    values = np.nan_to_num(fine, nan=-np.inf)
    top = float(values.max())
    labels, _ = ndimage.label(values >= top / 2 if top > 0 else values >= top)
    ys, xs = ndimage.find_objects(labels)[labels.flat[int(values.argmax())] - 1]
    return ys.start, xs.start, ys.stop, xs.stop
