"""The same cues taken out of the same images for two models: what each depends on, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Table
from failsight.tools.experiments.cues.panel import Cue, cues_of, run
from failsight.tools.experiments.cues.sample import Sample, draw
from failsight.tools.inputs.base import Split
from failsight.tools.stats.crossed import crossed_mean
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import number, p_value
from failsight.tools.view import CaseView

FEWEST = 8  # images with a cue, below which nothing is said
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Moved:
    """One cue for two models. Effects: fall of the watched score by the cue's loss, minus that by its control's, in [−1, 1].

    Attributes:
        before, after: mean effect of the first model, and of the others (mean over them).
        change, ci: after − before, paired by image; q over all cues.
    """

    cue: Cue
    n: int
    before: float
    after: float
    change: float
    ci: Interval
    p: float
    q: float = 1.0

    @property
    def clear(self) -> bool:
        """Whether the two differ by more than chance, all cues considered."""
        return self.q <= LEVEL and self.change != 0


def shared_sample(before: CaseView, split: Split, most: int) -> Sample:
    """Images that the first model gets right; each keeps its class to watch for every model. Raises RetryError for none."""
    return draw(before, split, None, most)


def compare_panels(before: CaseView, after: Sequence[CaseView], made: Sample) -> list[Moved]:
    """The panel of both on the images of ``made``; images that one of them can't score are left out."""
    cues = cues_of(before, made)
    known = np.ones(len(made), bool)
    samples = []
    for view in after:
        own = view.predictions(made.split)
        at = np.searchsorted(own.rows, made.rows).clip(max=max(len(own.rows) - 1, 0))
        known &= own.rows[at] == made.rows if len(own.rows) else False
        samples.append((view, at, own))
    if not known.any():
        return []
    part = _part(made, known)
    first = run(before, part, cues).effect
    rest = [run(view, replace(part, scores=own.scores[at[known]]), cues).effect for view, at, own in samples]
    moved = [_one(cue, first[:, j], np.stack([r[:, j] for r in rest])) for j, cue in enumerate(cues)]
    kept = [m for m in moved if m is not None]
    q = benjamini_hochberg([m.p for m in kept]).tolist() if kept else []
    return [replace(m, q=float(x)) for m, x in zip(kept, q, strict=True)]


def _part(made: Sample, keep: npt.NDArray[np.bool_]) -> Sample:
    return replace(
        made,
        rows=made.rows[keep],
        watched=made.watched[keep],
        first=made.first[keep],
        scores=made.scores[keep],
    )


def _one(cue: Cue, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> Moved | None:
    there = np.isfinite(before) & np.isfinite(after).all(0)
    if int(there.sum()) < FEWEST:
        return None
    b, a = before[there], after[:, there]
    made = crossed_mean(a - b, scale=2.0, counts=False)
    return Moved(cue, len(b), float(b.mean()), float(a.mean()), made.mean, made.ci, made.p())


def moved_table(moved: Sequence[Moved], names: tuple[str, str]) -> Table:
    """The cues side by side, the largest changes first."""
    rows = tuple(
        (
            m.cue.lost,
            m.n,
            number(m.before, "points"),
            number(m.after, "points"),
            m.change,
            *m.ci,
            p_value(m.q),
        )
        for m in sorted(moved, key=lambda m: -abs(m.change))
    )
    return Table(
        "What each depends on",
        ("without", "images", *names, "change", "from", "to", "q"),
        rows,
        ("text", "count", "text", "text", "points", "points", "points", "text"),
        "Fall of the score of the class that the first model rightly gives, beyond that of a control of equal strength. "
        "From, to: 95 % interval of the change, paired by image; q: Benjamini–Hochberg over the cues.",
    )
