"""Counts of images that an expectation is judged by, and what they tell where several images belong together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.inputs.base import Predictions
from failsight.tools.performance import Performance
from failsight.tools.stats.floors import LEVEL
from failsight.tools.stats.grouped import ALONE, Grouped, grouped
from failsight.tools.text import clean

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
FEW = 5  # groups below which a sentence says that they are too few


@dataclass(frozen=True, slots=True)
class Part:
    """One group of images that has to reach a bound by itself.

    ``worth``: share of them that tell as much, each by itself, where only that is known; ``groups``: what is known where images
    belong together.
    """

    name: str
    k: int
    n: int
    worth: float = 1.0
    groups: Grouped = ALONE

    def share(self, level: float = LEVEL) -> float:
        """Share of the images that tell as much, each by itself; 0 where they are all of one group."""
        return self.worth if self.groups == ALONE else min(1.0, self.groups.worth(level))

    def interval(self, level: float = LEVEL) -> Interval:
        """Exact interval of the rate for as many images as these are worth."""
        return self.groups.exact(self.k, self.n, level)


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured criterion.

    Attributes:
        value, ci, n: NaN and the whole range where nothing was counted.
        parts: the counts behind it, where it is a count: one, or one a class or group that must each reach the bound.
        which: what kind of images would decide it. remark: what the value rests on, a sentence or two, or empty.
        missing: why a part of it could not be measured, so that no number of images would decide it; empty where all was.
        scope: over how many of the classes it is a mean, where some have no images (``over 3 of 5 classes``), or how many images
            without an answer are in it; else empty.
    """

    value: float
    ci: Interval
    n: int
    parts: tuple[Part, ...] = ()
    which: str = "labelled images"
    remark: str = ""
    missing: str = ""
    scope: str = ""

    @property
    def known(self) -> bool:
        """False where there was nothing to count."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Seen:
    """Images that a criterion speaks of.

    Attributes:
        table, made: their prediction table, and its counts and rates.
        codes: (n,) images of equal code belong together; None where each stands alone.
        column: what says so; empty where nothing does.
    unanswered: true classes of images among these to which the model gave no answer; they are in no table, and no right answer.
    """

    table: Predictions
    made: Performance
    codes: Codes | None = None
    column: str = ""
    unanswered: Codes = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def known(self) -> Mask:
        return self.table.labelled

    @property
    def right(self) -> Mask:
        return self.table.correct & self.table.labelled

    def of_class(self, name: str) -> Mask:
        """Labelled so."""
        found: Mask = self.known & (self.table.labels == self.made.classes.index(name))
        return found

    def called(self, name: str) -> Mask:
        """Labelled, and called so by the model."""
        found: Mask = self.known & (self.table.predicted == self.made.classes.index(name))
        return found

    def silent(self, name: str = "") -> int:
        """Images without an answer, of one class or of all."""
        return int((self.unanswered == self.made.classes.index(name)).sum() if name else len(self.unanswered))

    def part(
        self, name: str, hits: Mask, inside: Mask, silent: int = 0, *, silent_hits: bool = False
    ) -> Part:
        """The images ``inside``, and how many of them are ``hits``; ``silent`` more without an answer, which stand for themselves."""
        if silent:
            hits = np.concatenate([hits, np.full(silent, silent_hits)])
            inside = np.concatenate([inside, np.ones(silent, np.bool_)])
        codes = self.codes
        if silent and codes is not None:
            codes = np.concatenate([codes, codes.max(initial=-1) + 1 + np.arange(silent)])
        told = ALONE if codes is None else grouped(hits[inside], codes[inside])
        return Part(name, int((hits & inside).sum()), int(inside.sum()), groups=told)

    def counted(
        self,
        name: str,
        hits: Mask,
        inside: Mask,
        which: str = "labelled images",
        *,
        silent: int = 0,
        silent_hits: bool = False,
    ) -> Measured:
        """One rate that is a plain count. ``silent`` images without an answer are counted in, as ``hits`` or not."""
        part = self.part(name, hits, inside, silent, silent_hits=silent_hits)
        value = part.k / part.n if part.n else math.nan
        told = together(part, self.column)
        scope = counted_in(silent, part.n)
        if silent:
            told = f"The model gave no answer to {silent:,} of these {part.n:,} images, which count as not answered rightly. {told}"
        return Measured(
            value, part.interval(), part.n, (part,), which, told.strip(), only_one(part, self.column), scope
        )

    def stretched(self, found: Measured, *, low: float = 0.0, high: float = 1.0) -> Measured:
        """A mean whose interval takes images for independent, widened by what the groups leave of all of them."""
        if self.codes is None or not found.known:
            return found
        whole = self.part("", self.right, self.known)
        share = whole.share()
        if share <= 0:
            return dataclasses.replace(found, ci=(low, high), missing=only_one(whole, self.column))
        factor = 1 / math.sqrt(share)
        ends = (
            found.value - (found.value - found.ci[0]) * factor,
            found.value + (found.ci[1] - found.value) * factor,
        )
        remark = f"{found.remark} {together(whole, self.column)}".strip()
        return dataclasses.replace(found, ci=(max(low, ends[0]), min(high, ends[1])), remark=remark)


def counted_in(silent: int, n: int) -> str:
    """How many images without an answer are in a value, in a few words; empty without any."""
    if not silent:
        return ""
    return f"{silent:,} of these {n:,} got no answer from the model and {'counts' if silent == 1 else 'count'} as wrong"


def worst_of(parts: Sequence[Part], which: str, column: str, remark: str = "") -> Measured | None:
    """The lowest of several rates, each of which has to reach the bound; one without images may be anything.

    That all reach a bound needs no correction: each must reach it on its own (intersection-union test: Berger 1982,
    Technometrics 24:295). That one of them misses it was picked among many, so the upper end is corrected (Bonferroni).
    """
    if not parts:
        return None
    corrected = 1 - (1 - LEVEL) / len(parts)
    low, high = min(p.interval()[0] for p in parts), min(p.interval(corrected)[1] for p in parts)
    worst = min((p for p in parts if p.n), key=lambda p: (p.k / p.n, -p.n))
    value = worst.k / worst.n
    weakest = f"The weakest is {clean(worst.name, 80)} with {worst.k:,} of {worst.n:,} right."
    single = next((only_one(p, column) for p in parts if p.n and only_one(p, column)), "")
    return Measured(
        value,
        (min(low, value), max(high, value)),
        worst.n,
        tuple(parts),
        which.format(clean(worst.name, 80)),
        " ".join(filter(None, (weakest, together(worst, column), remark))),
        single,
    )


def together(part: Part, column: str) -> str:
    """What images that belong together are worth, in a sentence; empty where each stands alone."""
    if not column or math.isinf(part.groups.freedom) or part.groups.groups < 2:
        return ""
    groups, name = part.groups.groups, clean(column, 40)
    told = f"Images of the same {name} count together: {part.n:,} images in {groups:,} groups"
    if groups < FEW:
        return f"{told}, too few groups to say much."
    worth = max(1, round(part.n * part.share()))
    return f"{told} tell as much as {min(worth, part.n):,} that each stand alone."


def only_one(part: Part, column: str) -> str:
    """Why a rate can't be bounded: all its images are of one group; else empty."""
    if not part.n or part.share() > 0:
        return ""
    of = f" of {clean(part.name, 60)}" if part.name else ""
    return f"All {part.n:,} images{of} are of one {clean(column, 40)}, and tell nothing of others."
