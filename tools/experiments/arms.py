"""Experiments with two arms a draw: a picture changed as the claim says, and changed as much in a way that should not matter.

Used by adding (a cue pasted in, against a piece from elsewhere in the same donor) and by swapping (a region taken from
another class, against one from the same class).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.evidence import digest
from failsight.tools.experiments.doses import MOST_DRAWS, Doses, Response, subset
from failsight.tools.experiments.masking import scored, squared_change
from failsight.tools.experiments.paired import RESAMPLES, Paired, Share, clearest, most_of
from failsight.tools.experiments.units import covering, units_of
from failsight.tools.inputs.base import ImageTable, LeftOut, Pixels, Split
from failsight.tools.inputs.decisions import answers
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.stats.tests import sign_flip
from failsight.tools.verdicts import TIMES, Claim, Fixed
from failsight.tools.view import CaseView

REASONS = (
    "it can't be read",
    "the region has no pixels in the part of the picture that the model sees",
    "no image was left to cut a piece and its control from",
    "the model's scores for it are not finite",
)
UNREADABLE, NO_REGION, NO_DONOR, NOT_FINITE = range(4)
Ints = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Sign = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Trial:
    """One picture's part of the experiment, with k draws.

    Attributes:
        stack: (1 + 2k, h, w, 3): as it is, then the k changed ones, then their k controls.
        share: share of the picture that is changed.
        donors: rows that the pieces and their controls were cut from. (k, 2)
    """

    stack: Pixels
    share: float
    donors: Ints


class Bench(Protocol):
    """How every picture is changed: deterministic in (seed, row)."""

    @property
    def view(self) -> CaseView: ...
    @property
    def split(self) -> Split: ...
    @property
    def draws(self) -> int: ...
    @property
    def key(self) -> Mapping[str, Any]:
        """What makes two benches the same, for the cache."""

    def trial(self, row: int) -> Trial | int:
        """The changed pictures of ``row``, or the number of the reason (:data:`REASONS`) why there are none."""

    def dosed(self, dose: float, draws: int) -> Bench:
        """The same with a share of the cue and its first draws only."""


@dataclass(frozen=True)
class Arms:
    """Scores of all passes: n pictures, k draws.

    Attributes:
        rows, watched: table row and index of the class whose score is watched. (n,)
        clean: the watched class's score on the picture as it is; cue, control: changed. (n,), (n, k), (n, k)
        top_clean, top_cue, top_control: predicted classes, likewise.
        share: share of the picture that is changed. (n,)
        change: how much the controls change the pixels, relative to the cue, mean over draws. (n,)
        donors: rows that cue and control were cut from. (n, k, 2)
        out_rows, out_reasons: pictures left out and the number of the reason. (m,)
    """

    rows: Ints
    watched: Ints
    clean: Values
    cue: Values
    control: Values
    top_clean: Ints
    top_cue: Ints
    top_control: Ints
    share: Values
    change: Values
    donors: Ints
    out_rows: Ints
    out_reasons: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def by_draw(self, sign: Sign) -> Values:
        """Paired effect of each draw, cue minus control; ``sign`` 1: of a rise of the score, −1: of a fall. (n, k)"""
        made: Values = sign * (self.cue - self.control)
        return made

    def moved(self, sign: Sign) -> tuple[Values, Values]:
        """Rise (or fall) of the score by the cue and by the control, mean over draws. (n,), (n,)"""
        clean = self.clean[:, None]
        return (sign * (self.cue - clean)).mean(1), (sign * (self.control - clean)).mean(1)

    def left_out(self, table: ImageTable) -> tuple[LeftOut, ...]:
        """The pictures that could not take part, with the reason."""
        return tuple(
            LeftOut(table.paths[int(r)], REASONS[int(code)])
            for r, code in zip(self.out_rows, self.out_reasons, strict=True)
        )


def measure(bench: Bench, rows: Ints, watched: Ints, label: str) -> Arms:
    """Run all passes over ``rows``, or take them from the cache.

    Args:
        watched: index of the class whose score is watched, per row. (n,)
        label: what the progress bar says.
    """
    view = bench.view
    key = {
        "experiment": "arms/1",
        "model": view.model().fingerprint,
        "data": view.table(bench.split).fingerprint,
        "split": bench.split,
        "rows": digest(rows),
        "watched": digest(watched),
        **bench.key,
    }
    stored = view.cached(key)
    if stored is not None:
        return Arms(**{f.name: stored[f.name] for f in fields(Arms)})
    made = _run(bench, rows, watched, label)
    view.store(key, {f.name: getattr(made, f.name) for f in fields(Arms)})
    return made


@dataclass(frozen=True, slots=True)
class _Kept:
    """One picture's place among the kept ones, before its scores are known."""

    row: int
    watched: int
    share: float
    change: float
    donors: Ints


def _run(bench: Bench, rows: Ints, watched: Ints, label: str) -> Arms:
    kept: list[_Kept] = []
    out: list[tuple[int, int]] = []
    own: list[Values] = []
    tops: list[Ints] = []

    def stacks() -> Iterator[Pixels]:
        for row, who in zip(rows.tolist(), watched.tolist(), strict=True):
            trial = bench.trial(row)
            if isinstance(trial, int):
                out.append((row, trial))
                continue
            kept.append(_Kept(row, who, trial.share, change_ratio(trial.stack), trial.donors))
            yield trial.stack

    with bench.view.progress.job(label, len(rows)) as ticker:
        model, done = bench.view.model(), 0
        for scores in scored(model.scores, stacks(), batch_size(model)):
            who = kept[len(own)].watched
            fine = bool(np.isfinite(scores).all())
            own.append(scores[:, who].astype(np.float64) if fine else np.full(len(scores), np.nan))
            tops.append(answers(bench.view, scores))
            ticker.advance(len(kept) + len(out) - done)
            done = len(kept) + len(out)
        ticker.advance(len(rows) - done)
    return _collect(kept, own, tops, out, bench.draws)


def change_ratio(stack: Pixels) -> float:
    """Pixel change of the controls relative to the cue's; NaN when the cue changes nothing."""
    k = (len(stack) - 1) // 2
    changed = [float(squared_change(one, stack[0]).sum()) for one in stack[1:]]
    return sum(changed[k:]) / sum(changed[:k]) if sum(changed[:k]) > 0 else float("nan")


def _collect(
    kept: Sequence[_Kept],
    own: Sequence[Values],
    tops: Sequence[Ints],
    out: list[tuple[int, int]],
    draws: int,
) -> Arms:
    finite = [bool(np.isfinite(s).all()) for s in own]
    out.extend((one.row, NOT_FINITE) for one, ok in zip(kept, finite, strict=True) if not ok)
    out.sort()
    good = [i for i, ok in enumerate(finite) if ok]
    full = np.zeros((len(good), 1 + 2 * draws))
    top = np.zeros((len(good), 1 + 2 * draws), np.int64)
    donors = np.zeros((len(good), draws, 2), np.int64)
    for to, i in enumerate(good):
        full[to], top[to], donors[to] = own[i], tops[i], kept[i].donors
    return Arms(
        rows=np.array([kept[i].row for i in good], np.int64),
        watched=np.array([kept[i].watched for i in good], np.int64),
        clean=full[:, 0],
        cue=full[:, 1 : 1 + draws],
        control=full[:, 1 + draws :],
        top_clean=top[:, 0],
        top_cue=top[:, 1 : 1 + draws],
        top_control=top[:, 1 + draws :],
        share=np.array([kept[i].share for i in good], np.float64),
        change=np.array([kept[i].change for i in good], np.float64),
        donors=donors,
        out_rows=np.array([r for r, _ in out], np.int64),
        out_reasons=np.array([c for _, c in out], np.int64),
    )


def summarise(
    arms: Arms, sign: Sign, *, minimum_effect: float, alpha: float, claim: Claim, seed: int
) -> Paired:
    """Mean paired effect, its interval and the p-value of the claim, over pictures and over donors.

    The sign-flip test and the bootstrap are made for each kind of unit (:mod:`failsight.tools.experiments.units`). Fewer than
    five donors can then never confirm anything.
    """
    draws = arms.by_draw(sign)
    cue, control = (float(v.mean()) if len(v) else float("nan") for v in arms.moved(sign))
    n = len(draws)
    if n < 2:
        mean = float(draws.mean()) if n else float("nan")
        nan = float("nan")
        return Paired(n, mean, (nan, nan), nan, 1.0, None, cue, control)
    d = draws.mean(1)
    units = units_of(draws, arms.donors)
    flipped = [u if claim == "uses" else minimum_effect - u for u in units]
    return Paired(
        n=n,
        effect=float(d.mean()),
        ci=covering(units, seed),
        sd=float(d.std(ddof=1)),
        p=max(sign_flip(f, "greater", resamples=RESAMPLES, seed=seed) for f in flipped),
        detectable=_detectable(units, alpha),
        cue_effect=cue,
        control_effect=control,
    )


def _detectable(units: Sequence[Values], alpha: float) -> float | None:
    """The smallest effect that the weakest of the tests shows with 80 % power."""
    made = [
        smallest_paired_effect(float(u.std(ddof=1)), len(u), alpha, two_sided=False) if len(u) > 1 else None
        for u in units
    ]
    return None if any(m is None for m in made) else max(float(m) for m in made if m is not None)


def fixed_place(arms: Arms, sign: Sign, minimum_effect: float, seed: int) -> Fixed:
    """What bears on the verdict over a place that is the same in all pictures: see :class:`~failsight.tools.verdicts.Fixed`.

    Were cue and control alike, as many draws would fall short by the minimum as reach it; tested over pictures and over donors."""
    cue, elsewhere = arms.moved(sign)
    known = Fixed(float(elsewhere.mean()) if len(arms) else float("nan"), most_of(cue))
    if len(arms) < 2:
        return known
    draws = arms.by_draw(sign)
    made = []
    for reached in (minimum_effect * t for t in TIMES):
        more, less = (draws >= reached).astype(float), (draws <= -reached).astype(float)
        units = units_of(more - less, arms.donors)
        p = max(sign_flip(u, "greater", resamples=RESAMPLES, seed=seed) for u in units)
        made.append((p, reached, float(more.mean()), float(less.mean())))
    return clearest(known, made)


def turned(arms: Arms, sign: Sign) -> tuple[Share, Share]:
    """How often the prediction turns, by the cue and by the control, draws averaged.

    Of a rise: to the watched class, among pictures that were given another; of a fall: away from it, among those given it.
    """
    given = arms.top_clean == arms.watched
    able = ~given if sign == 1 else given
    who = arms.watched[able][:, None]
    made = []
    for top in (arms.top_cue[able], arms.top_control[able]):
        turn = (top == who) if sign == 1 else (top != who)
        made.append(Share(float(turn.mean(1).sum()) if able.any() else 0.0, int(able.sum())))
    return made[0], made[1]


def respond(bench: Bench, arms: Arms, sign: Sign, doses: Doses, seed: int, label: str) -> Response | None:
    """The smaller doses on a part of the same pictures with the same first draws, and the whole dose beside them."""
    if len(doses) < 2 or not len(arms):
        return None
    draws = min(MOST_DRAWS, bench.draws)
    rows, watched = arms.rows[subset(len(arms), seed)], arms.watched[subset(len(arms), seed)]
    levels = [
        measure(bench.dosed(d, draws), rows, watched, f"{label}, {100 * d:.0f} %") for d in doses if d < 1
    ]
    common = set(arms.rows.tolist()).intersection(*(set(one.rows.tolist()) for one in levels))
    cues, controls, drawn = [], [], []
    for one in (*levels, arms):
        at = np.flatnonzero([r in common for r in one.rows.tolist()])
        clean = one.clean[at, None]
        cues.append((sign * (one.cue[at, :draws] - clean)).mean(1))
        controls.append((sign * (one.control[at, :draws] - clean)).mean(1))
        drawn.append(one.by_draw(sign)[at, :draws])
    at = np.flatnonzero([r in common for r in arms.rows.tolist()])
    return Response(
        doses, np.stack(cues, 1), np.stack(controls, 1), np.stack(drawn, 2), arms.donors[at, :draws]
    )
