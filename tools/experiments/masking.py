"""The passes of a masking test: every picture clean, with its cue masked, and with each of its controls masked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.evidence import digest
from failsight.tools.experiments.controls import change_ratio, draw_controls
from failsight.tools.experiments.doses import MOST_DRAWS, Doses, Response, dosed, subset
from failsight.tools.experiments.fills import Fill
from failsight.tools.experiments.patches import Patches, area, patches_of
from failsight.tools.experiments.regions_base import Region
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import BadImage, Floats, ImageTable, LeftOut, Pixels, Split
from failsight.tools.inputs.decisions import answers
from failsight.tools.view import CaseView

REASONS = (
    "it can't be read",
    "the region has no pixels in the part of the picture that the model sees",
    "the region leaves no room for a control of the same area",
    "the model's scores for it are not finite",
)
UNREADABLE, NO_REGION, NO_CONTROL, NOT_FINITE = range(4)
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trial:
    """One picture's part of the experiment.

    Attributes:
        stack: (2 + draws, h, w, 3): clean, cue masked, then each control masked.
        regions: the patches masked in ``stack[1:]``.
        match: how well the controls match the cue.
    """

    stack: Pixels
    regions: tuple[Patches, ...]
    match: Match


@dataclass(frozen=True, slots=True)
class Match:
    """How well a picture's controls match its cue.

    Attributes:
        row: table row.
        share: share of the picture that the cue covers (the controls cover as much).
        same_shape: whether the controls have the cue's shape, not only its area.
        change: how much the controls change the pixels, relative to the cue.
    """

    row: int
    share: float
    same_shape: bool
    change: float


@dataclass(frozen=True)
class Bench:
    """How every picture is edited: deterministic in (seed, row), so that any picture can be made again for a figure.

    Attributes:
        places: where the region lies in each picture; None: it is a box or of a fixed shape, and needs no looking for.
        dose: share of the region's area, and of its controls', that is masked.
    """

    view: CaseView
    split: Split
    region: Region
    fill: Fill
    draws: int
    seed: int
    places: Places | None = None
    dose: float = 1.0

    @cached_property
    def where(self) -> Places:
        """Where the region lies in each picture."""
        return self.places or Places(self.view, self.split, self.region)

    def trial(self, row: int) -> Trial | int:
        """The edited pictures of ``row``, or the number of the reason (:data:`REASONS`) why there are none."""
        model, table = self.view.model(), self.view.table(self.split)
        try:
            image = table.open(row)
        except BadImage:
            return UNREADABLE
        pixels = model.prepare(image)
        cue = patches_of(self.where.mask(row, pixels, image.size))
        if not cue:
            return NO_REGION
        rng = np.random.default_rng([self.seed, row])
        ground = self.fill.background(pixels, rng)
        energy = squared_change(pixels, ground)
        controls = draw_controls(cue, energy, self.draws, rng)
        if controls is None:
            return NO_CONTROL
        regions = (cue, *controls.draws)
        if self.dose < 1:
            start = np.random.default_rng([self.seed, row, 1]).random(
                2
            )  # the same for every dose, so that they are nested
            regions = tuple(dosed(r, self.dose, (float(start[0]), float(start[1]))) for r in regions)
        stack = np.empty((1 + len(regions), *pixels.shape), np.uint8)
        stack[:] = pixels
        self.fill.apply(stack[1:], regions, ground)
        match = Match(
            row, area(regions[0]) / energy.size, controls.same_shape, change_ratio(cue, controls, energy)
        )
        return Trial(stack, regions, match)


def squared_change(picture: Pixels, ground: Pixels) -> npt.NDArray[np.float64]:
    """Squared difference per pixel, mean over channels: (h, w). Channel by channel: sums over three are slow."""
    change = np.square(np.subtract(picture, ground, dtype=np.float32))
    made: npt.NDArray[np.float64] = (change[..., 0] + change[..., 1] + change[..., 2]).astype(np.float64) / 3
    return made


@dataclass(frozen=True)
class Measurements:
    """Scores of all passes. ``n`` pictures, ``k`` control draws.

    Attributes:
        rows: table rows. (n,)
        watched: index of the class whose score is watched, per picture. (n,)
        clean, cue: the watched class's score, untouched and with the cue masked. (n,)
        control: the same with each control masked. (n, k)
        top_clean, top_cue: predicted class. (n,)
        top_control: (n, k)
        share, change, same_shape: as in :class:`Match`. (n,)
        out_rows, out_reasons: pictures left out and the number of the reason. (m,)
    """

    rows: Ints
    watched: Ints
    clean: npt.NDArray[np.float64]
    cue: npt.NDArray[np.float64]
    control: npt.NDArray[np.float64]
    top_clean: Ints
    top_cue: Ints
    top_control: Ints
    share: npt.NDArray[np.float64]
    change: npt.NDArray[np.float64]
    same_shape: npt.NDArray[np.bool_]
    out_rows: Ints
    out_reasons: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def cue_drop(self) -> npt.NDArray[np.float64]:
        """Fall of the score when the cue is masked. (n,)"""
        return self.clean - self.cue

    @property
    def control_drop(self) -> npt.NDArray[np.float64]:
        """Fall of the score when a control is masked, mean over draws. (n,)"""
        made: npt.NDArray[np.float64] = self.clean - self.control.mean(1)
        return made

    @property
    def effect(self) -> npt.NDArray[np.float64]:
        """The paired effect: fall by the cue minus mean fall by the controls. (n,)"""
        return self.cue_drop - self.control_drop

    def left_out(self, table: ImageTable) -> tuple[LeftOut, ...]:
        """The pictures that could not take part, with the reason."""
        return tuple(
            LeftOut(table.paths[int(r)], REASONS[int(code)])
            for r, code in zip(self.out_rows, self.out_reasons, strict=True)
        )


def measure(bench: Bench, rows: Ints, watched: int | None, label: str) -> Measurements:
    """Run all passes over ``rows``, or take them from the cache.

    Args:
        watched: index of the class whose score is watched; None: the class predicted on the clean picture.
        label: what the progress bar says.
    """
    view = bench.view
    key = {
        "experiment": "masking/1",
        "model": view.model().fingerprint,
        "data": view.table(bench.split).fingerprint,
        "split": bench.split,
        "rows": digest(rows),
        "region": bench.region.spec,
        "fill": bench.fill.name,
        "draws": bench.draws,
        "seed": bench.seed,
        "watched": watched,
        **({"dose": bench.dose} if bench.dose < 1 else {}),
        **({"places": bench.where.key} if bench.where.key else {}),
    }
    stored = view.cached(key)
    if stored is not None:
        return Measurements(**{f.name: stored[f.name] for f in fields(Measurements)})
    made = _run(bench, rows, watched, label)
    view.store(key, {f.name: getattr(made, f.name) for f in fields(Measurements)})
    return made


def respond(
    bench: Bench, full: Measurements, watched: int | None, doses: Doses, label: str
) -> Response | None:
    """Smaller doses on a part of the same pictures, the whole region beside them; None without doses."""
    if len(doses) < 2 or not len(full):
        return None
    rows, draws = full.rows[subset(len(full), bench.seed)], min(MOST_DRAWS, bench.draws)
    levels = [
        measure(dataclasses.replace(bench, dose=d, draws=draws), rows, watched, f"{label}, {100 * d:.0f} %")
        for d in doses
        if d < 1
    ]
    common = set(full.rows.tolist()).intersection(*(set(one.rows.tolist()) for one in levels))
    at = [np.flatnonzero([r in common for r in one.rows.tolist()]) for one in (*levels, full)]
    cue = [one.cue_drop[i] for one, i in zip((*levels, full), at, strict=True)]
    control = [one.control_drop[i] for one, i in zip((*levels, full), at, strict=True)]
    return Response(doses, np.stack(cue, 1), np.stack(control, 1))


def _run(bench: Bench, rows: Ints, watched: int | None, label: str) -> Measurements:
    kept: list[Match] = []
    scores: list[Floats] = []
    out: list[tuple[int, int]] = []

    def stacks() -> Iterator[Pixels]:
        for row in rows.tolist():
            trial = bench.trial(row)
            if isinstance(trial, int):
                out.append((row, trial))
                continue
            kept.append(trial.match)
            yield trial.stack

    with bench.view.progress.job(label, len(rows)) as ticker:
        done = 0
        model = bench.view.model()
        for one in scored(model.scores, stacks(), batch_size(model)):
            scores.append(one)
            ticker.advance(len(kept) + len(out) - done)
            done = len(kept) + len(out)
        ticker.advance(len(rows) - done)
    return _collect(kept, scores, out, watched, bench)


def scored(score: Callable[[Pixels], Floats], stacks: Iterator[Pixels], size: int) -> Iterator[Floats]:
    """Scores of each stack (k, h, w, 3) in turn, with batches of at most ``size`` pictures that run across stacks.

    Memory is bounded: fewer than ``size`` pictures and one stack wait at a time."""
    waiting: list[Pixels] = []
    count = 0
    for stack in stacks:
        waiting.append(stack)
        count += len(stack)
        if count >= size:
            yield from _flush(score, waiting, size)
            waiting, count = [], 0
    if waiting:
        yield from _flush(score, waiting, size)


def _flush(score: Callable[[Pixels], Floats], stacks: Sequence[Pixels], size: int) -> list[Floats]:
    full = np.concatenate(stacks)
    calls = -(-len(full) // size)  # 70 pictures at 64 a batch are two batches of 35, not 64 and 6
    made = np.concatenate([score(part) for part in np.array_split(full, calls)])
    ends = np.cumsum([len(s) for s in stacks])[:-1]
    return [np.asarray(part) for part in np.split(made, ends)]


def _collect(
    matches: Sequence[Match],
    scores: Sequence[Floats],
    out: list[tuple[int, int]],
    watched: int | None,
    bench: Bench,
) -> Measurements:
    finite = [bool(np.isfinite(s).all()) for s in scores]
    out.extend((m.row, NOT_FINITE) for m, ok in zip(matches, finite, strict=True) if not ok)
    kept = [m for m, ok in zip(matches, finite, strict=True) if ok]
    full = np.zeros((len(kept), 2 + bench.draws, len(bench.view.model().classes)))
    if kept:
        full[:] = [s for s, ok in zip(scores, finite, strict=True) if ok]
    top = answers(bench.view, full)
    who = top[:, 0] if watched is None else np.full(len(full), watched, np.int64)
    own = np.take_along_axis(full, who[:, None, None], axis=2)[..., 0]
    out.sort()
    return Measurements(
        rows=np.array([m.row for m in kept], np.int64),
        watched=who,
        clean=own[:, 0],
        cue=own[:, 1],
        control=own[:, 2:],
        top_clean=top[:, 0],
        top_cue=top[:, 1],
        top_control=top[:, 2:],
        share=np.array([m.share for m in kept], np.float64),
        change=np.array([m.change for m in kept], np.float64),
        same_shape=np.array([m.same_shape for m in kept], bool),
        out_rows=np.array([r for r, _ in out], np.int64),
        out_reasons=np.array([c for _, c in out], np.int64),
    )
