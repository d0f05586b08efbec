"""The panel: every cue taken out of every image of the sample, each beside a control of equal strength."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.evidence import digest
from failsight.tools.experiments.controls import draw_controls
from failsight.tools.experiments.cues.edits import EDITS, scrambled
from failsight.tools.experiments.cues.foreground import subjects
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.experiments.masking import squared_change
from failsight.tools.experiments.patches import as_mask, patches_of
from failsight.tools.experiments.population import boxed_objects
from failsight.tools.experiments.regions import Region
from failsight.tools.inputs.base import BadImage, Pixels
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
BORDER = 0.1  # thickness of the frame, as a fraction of height and width
CORNER = 0.25  # side of a corner
PLACES = 2  # control places shared by the four corners
MOST_OBJECTS = 6  # boxed objects that the panel looks at, the most frequent ones
OBJECTS_EACH = 2  # of them in one image
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}


@dataclass(frozen=True, slots=True)
class Cue:
    """One intervention: its short ``name``, what a sentence calls what is ``lost``, and its ``control``."""

    name: str
    lost: str
    control: str


_NOISE = "noise of the same energy and frequencies"
_ROLLED = "the same shape at a random place"
FIXED = (
    Cue("grey", "colour (grey instead)", _NOISE),
    Cue("hue", "the right hue (opposite instead)", _NOISE),
    Cue("shuffle", "shape (patches shuffled)", _NOISE),
    Cue("smooth", "texture (smoothed, edges kept)", _NOISE),
    Cue("low", "high frequencies (blurred)", _NOISE),
    Cue("high", "low frequencies (only detail kept)", _NOISE),
    Cue("subject", "the subject (automatic mask)", _ROLLED),
    Cue("background", "the background (automatic mask)", _ROLLED),
    Cue("border", "the border", _ROLLED),
    *(Cue(name, f"the {name} corner", "a patch of the same size that touches no corner") for name in CORNERS),
)


@dataclass(frozen=True)
class Panel:
    """What the panel measured; NaN where a cue is absent from an image. ``n`` images, ``k`` cues.

    Attributes:
        fall, control: fall of the watched class's score by the cue's removal, and by its control's. (n, k)
        flip, control_flip: whether the prediction changed (0 or 1; a mean where the control has several draws). (n, k)
        cues: names, in the order of the columns. (k,)
    """

    fall: Values
    control: Values
    flip: Values
    control_flip: Values
    cues: npt.NDArray[np.str_]

    @property
    def effect(self) -> Values:
        """The paired effect. (n, k)"""
        return self.fall - self.control


def cues_of(view: CaseView, sample: Sample) -> tuple[Cue, ...]:
    """The panel of this case: the fixed cues, and the most frequent boxed objects."""
    table = view.table(sample.split)
    shown: dict[str, int] = {}
    for row in sample.rows.tolist() if table.boxes is not None else ():
        for name, boxes in table.boxes[row].items():  # type: ignore[index]
            shown[name] = shown.get(name, 0) + bool(len(boxes))
    often = sorted((n for n in boxed_objects(table) if shown.get(n)), key=lambda n: (-shown[n], n))
    objects = tuple(
        Cue(
            f"object:{name}",
            f"the {clean(name, 40).replace('_', ' ')} (its boxes)",
            "as much elsewhere, same shape",
        )
        for name in often[:MOST_OBJECTS]
    )
    return (*FIXED, *objects)


def run(view: CaseView, sample: Sample, cues: Sequence[Cue]) -> Panel:
    """All passes of the panel, or what the cache holds of them: at most 28 an image."""
    key = {
        "experiment": "cue_panel/1",
        "model": view.model().fingerprint,
        "data": view.table(sample.split).fingerprint,
        "split": sample.split,
        "rows": digest(sample.rows),
        "cues": [c.name for c in cues],
        "seed": view.seed,
    }
    stored = view.cached(key)
    if stored is not None:
        return Panel(**{f.name: stored[f.name] for f in fields(Panel)})
    made = _Bench(view, sample, tuple(c.name for c in cues)).run()
    view.store(key, {f.name: getattr(made, f.name) for f in fields(Panel)})
    return made


class _Bench:
    """The running panel: edits batches, scores them, keeps falls and flips."""

    def __init__(self, view: CaseView, sample: Sample, cues: tuple[str, ...]) -> None:
        self.view, self.sample, self.cues = view, sample, cues
        self.model = view.model()
        self.clean = sample.clean
        shape = (len(sample), len(cues))
        self.fall, self.control, self.flip, self.control_flip = (np.full(shape, np.nan) for _ in range(4))

    def run(self) -> Panel:
        size = batch_size(self.model)
        with self.view.progress.job("taking cues out of the images", len(self.sample)) as ticker:
            done = 0
            for rows, pixels in self.view.pixels(self.sample.rows, self.sample.split, size):
                at = np.searchsorted(self.sample.rows, rows)
                self._whole(at, pixels)
                self._masked(at, pixels)
                self._corners(at, pixels)
                self._objects(at, pixels)
                ticker.advance(len(rows))
                done += len(rows)
            ticker.advance(len(self.sample) - done)
        return Panel(self.fall, self.control, self.flip, self.control_flip, np.array(self.cues))

    def _rngs(self, at: npt.NDArray[np.int64], tag: int) -> list[np.random.Generator]:
        """One generator an image, so that no result hangs on how images fall into batches."""
        return [np.random.default_rng([self.view.seed, tag, int(self.sample.rows[i])]) for i in at]

    def _scored(self, at: npt.NDArray[np.int64], pixels: Pixels) -> tuple[Values, Values]:
        """(fall of the watched score, whether the answer changed) of edited pictures; NaN where scores aren't finite."""
        scores = self.model.scores(pixels)
        watched = self.sample.watched[at]
        fall = self.clean[at] - np.take_along_axis(scores, watched[:, None], 1)[:, 0]
        flip = (decide(scores, thresholds_of(self.model)) != watched).astype(np.float64)
        bad = ~np.isfinite(scores).all(1)
        fall[bad] = flip[bad] = np.nan
        return fall, flip

    def _keep(self, name: str, at: npt.NDArray[np.int64], edited: Pixels, controls: Sequence[Pixels]) -> None:
        cue = self._scored(at, edited)
        drawn = [self._scored(at, c) for c in controls]
        self._put(name, at, cue, (np.mean([d[0] for d in drawn], 0), np.mean([d[1] for d in drawn], 0)))

    def _put(
        self, name: str, at: npt.NDArray[np.int64], cue: tuple[Values, Values], control: tuple[Values, Values]
    ) -> None:
        column = self.cues.index(name)
        self.fall[at, column], self.flip[at, column] = cue
        self.control[at, column], self.control_flip[at, column] = control

    def _whole(self, at: npt.NDArray[np.int64], pixels: Pixels) -> None:
        for tag, (name, edit) in enumerate(EDITS.items()):
            edited = edit(pixels, self._rngs(at, tag))
            self._keep(name, at, edited, [scrambled(pixels, edited, self._rngs(at, 100 + tag))])

    def _masked(self, at: npt.NDArray[np.int64], pixels: Pixels) -> None:
        """Subject, background and border, replaced by the picture's mean colour."""
        height, width = pixels.shape[1:3]
        masks, fit = subjects(pixels)
        for tag, name in ((200, "subject"), (201, "background")):
            if fit.any():
                mask = masks[fit] if name == "subject" else ~masks[fit]
                self._filled(name, at[fit], pixels[fit], mask, tag)
        frame = np.ones((height, width), bool)
        down, right = max(1, round(BORDER * height)), max(1, round(BORDER * width))
        frame[down : height - down, right : width - right] = False
        self._filled("border", at, pixels, np.broadcast_to(frame, pixels.shape[:3]), 202)

    def _filled(self, name: str, at: npt.NDArray[np.int64], pixels: Pixels, masks: Mask, tag: int) -> None:
        control = np.stack([rolled(m, rng) for m, rng in zip(masks, self._rngs(at, tag), strict=True)])
        ground = mean_ground(pixels)
        self._keep(name, at, fill(pixels, masks, ground), [fill(pixels, control, ground)])

    def _corners(self, at: npt.NDArray[np.int64], pixels: Pixels) -> None:
        height, width = pixels.shape[1:3]
        tall, wide = max(1, round(CORNER * height)), max(1, round(CORNER * width))
        ground = mean_ground(pixels)
        masks = np.zeros((PLACES, *pixels.shape[:3]), bool)
        for i, rng in enumerate(self._rngs(at, 300)):
            for draw in range(PLACES):
                y, x = off_corner(height, width, tall, wide, rng)
                masks[draw, i, y : y + tall, x : x + wide] = True
        drawn = [self._scored(at, fill(pixels, m, ground)) for m in masks]
        control = (np.mean([d[0] for d in drawn], 0), np.mean([d[1] for d in drawn], 0))
        for name, (bottom, right) in CORNERS.items():
            mask = np.zeros((height, width), bool)
            ys = slice(height - tall, None) if bottom else slice(None, tall)
            xs = slice(width - wide, None) if right else slice(None, wide)
            mask[ys, xs] = True
            cue = self._scored(at, fill(pixels, np.broadcast_to(mask, pixels.shape[:3]), ground))
            self._put(name, at, cue, control)

    def _objects(self, at: npt.NDArray[np.int64], pixels: Pixels) -> None:
        edits = list(self._object_edits(at, pixels))
        if not edits:
            return
        size = batch_size(self.model)
        for start in range(0, len(edits), size):
            part = edits[start : start + size]
            where = np.array([one[1] for one in part], np.int64)
            cue = self._scored(where, np.stack([one[2] for one in part]))
            control = self._scored(where, np.stack([one[3] for one in part]))
            for i, (name, _, _, _) in enumerate(part):
                one = slice(i, i + 1)
                self._put(name, where[one], (cue[0][one], cue[1][one]), (control[0][one], control[1][one]))

    def _object_edits(
        self, at: npt.NDArray[np.int64], pixels: Pixels
    ) -> Iterator[tuple[str, int, Pixels, Pixels]]:
        """(cue, position in the sample, picture without the object, picture without its control)."""
        wanted = [c.removeprefix("object:") for c in self.cues if c.startswith("object:")]
        table = self.view.table(self.sample.split)
        if not wanted or table.boxes is None:
            return
        grounds = mean_ground(pixels)
        for i, rng, picture, colour in zip(at.tolist(), self._rngs(at, 400), pixels, grounds, strict=True):
            row = int(self.sample.rows[i])
            here = [n for n in wanted if len(table.boxes[row].get(n, ()))]
            for name in sorted(rng.permutation(here).tolist()[:OBJECTS_EACH], key=wanted.index):
                masks = self._object_masks(row, name, picture, colour, rng)
                if masks is not None:
                    yield f"object:{name}", i, *(fill(picture, m, colour) for m in masks)

    def _object_masks(
        self, row: int, name: str, picture: Pixels, colour: Pixels, rng: np.random.Generator
    ) -> tuple[Mask, Mask] | None:
        """The object's boxes, and a control of equal area matched in place and pixel change; None without room for one."""
        table = self.view.table(self.sample.split)
        try:
            size = table.open(row).size
        except BadImage:
            return None
        height, width = picture.shape[:2]
        boxes = [self.model.prepare_box(b, *size) for b in (table.boxes or [])[row].get(name, ())]
        cue = patches_of(Region(f"box:{name}", "box", name=name).mask(height, width, boxes))
        drawn = draw_controls(cue, squared_change(picture, np.broadcast_to(colour, picture.shape)), 1, rng)
        if not cue or drawn is None:
            return None
        return as_mask(cue, height, width), as_mask(drawn.draws[0], height, width)


def mean_ground(pixels: Pixels) -> Pixels:
    """Each picture's mean colour, ready to be broadcast: (b, 1, 1, 3)."""
    made: Pixels = np.rint(pixels.mean((1, 2), keepdims=True)).astype(np.uint8)
    return made


def fill(pixels: Pixels, masks: Mask, ground: Pixels) -> Pixels:
    """``pixels`` (…, h, w, 3) with ``ground`` where ``masks`` (…, h, w) says so."""
    made: Pixels = np.where(masks[..., None], ground, pixels)
    return made


def rolled(mask: Mask, rng: np.random.Generator) -> Mask:
    """The mask moved round the picture (what leaves on one side comes back on the other) by a quarter to three quarters
    of either side: the same area and shape where nothing in the picture asks for it."""
    height, width = mask.shape
    down = int(rng.integers(height // 4, max(3 * height // 4, height // 4 + 1)))
    right = int(rng.integers(width // 4, max(3 * width // 4, width // 4 + 1)))
    return np.roll(mask, (down, right), (0, 1))


def off_corner(height: int, width: int, tall: int, wide: int, rng: np.random.Generator) -> tuple[int, int]:
    """The top left pixel of a random patch that touches no corner patch of the same size."""
    ys, xs = np.arange(height - tall + 1), np.arange(width - wide + 1)
    inner_y = (ys >= tall) & (ys + tall <= height - tall)
    inner_x = (xs >= wide) & (xs + wide <= width - wide)
    free = np.flatnonzero((inner_y[:, None] | inner_x[None, :]).ravel())
    if not len(free):
        free = np.arange(len(ys) * len(xs))
    y, x = divmod(int(free[rng.integers(len(free))]), len(xs))
    return int(ys[y]), int(xs[x])
