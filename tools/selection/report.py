"""A selection in words for people, and as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Correction, Evidence, Fact, Figure, Finding, ImageRef, Table
from failsight.tools.notes import called
from failsight.tools.selection.methods import BY_SLICES, Method, Picks, Pool
from failsight.tools.selection.weak_slices import WeakSlices
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

MOST_LISTED = 1_000
SHARES = "What to label"
FILES = "Images to label, the most urgent first"
METHODS = {
    "failsight": "where the model fails on the evaluation images, the likeliest errors first",
    "hibug": "where the model fails on the evaluation images, the least sure first",
    "random": "by lot",
    "coreset": "so that they cover the model's features (core-set)",
    "confidence": "where the model is least sure",
}


@dataclass(frozen=True)
class Selection:
    """Everything that is told of one selection."""

    pool: Pool
    weak: WeakSlices | None
    picks: Picks
    method: Method
    beta: float

    @cached_property
    def picked(self) -> list[int]:
        """Images picked of each slice, and last of no slice."""
        return self._count(self.picks.place[self.picks.at])

    @cached_property
    def there(self) -> list[int]:
        """Images there are of each slice, and last of no slice."""
        return self._count(self.picks.place)

    def _count(self, place: npt.NDArray[np.int64]) -> list[int]:
        slices = len(self.weak.slices) if self.weak else 0
        made = [int((place == i).sum()) for i in range(slices)]
        return [*made, int((place < 0).sum())]

    def missing(self, i: int) -> int:
        """Images of a slice that the pool lacks."""
        return max(0, self.picks.wanted[i] - self.picked[i]) if self.picks.wanted else 0

    def what(self, i: int) -> str:
        """A slice in words: ``images taken for kitchen, without stove, with lighting evening``."""
        weak = self.weak
        if weak is None or i >= len(weak.slices) or weak.slices[i].rest:
            return "any other images"
        group = weak.slices[i].group
        taken = [f"taken for {clean(weak.classes[group], 60)}"] if group is not None else []
        return f"images {', '.join([*taken, *weak.conditions(i)])}"

    def counted(self, i: int) -> str:
        """The picks of a slice in words: ``13 images taken for kitchen, without stove``."""
        text = self.what(i)
        return f"{self.picked[i]:,} {text.replace('images', 'image', 1) if self.picked[i] == 1 else text}"

    def to_collect(self, i: int) -> str:
        """What to look for where the pool has too little, by true class; empty where nothing is missing."""
        weak = self.weak
        if weak is None or not self.missing(i):
            return ""
        really = " or ".join(clean(c, 60) for c in weak.truly(i)) or "such"
        marks = f" {', '.join(weak.conditions(i))}" if weak.conditions(i) else ""
        return f"{self.missing(i):,} {really} images{marks}"

    def findings(self, i: int) -> tuple[str, ...]:
        return self.weak.of_finding[i] if self.weak and i < len(self.weak.slices) else ()


def tables(view: CaseView, made: Selection) -> tuple[Table, ...]:
    """What to label, in words; and the list of files."""
    return tuple(t for t in (_shares(made), _files(view, made)) if t.rows)


def _shares(made: Selection) -> Table:
    rows: list[tuple[Cell, ...]] = []
    slices = made.weak.slices if made.weak else ()
    for i, one in enumerate(slices):
        rate = one.failures / one.n if one.n else None
        ci = interval(wilson(one.failures, one.n)) if one.n else ""
        wanted = made.picks.wanted[i] if made.picks.wanted else None
        really = listing(list(made.weak.truly(i)), 3) if made.weak else ""
        named = ", ".join(made.findings(i))
        rows.append(
            (
                i + 1,
                made.what(i),
                made.picked[i],
                wanted,
                made.there[i],
                rate,
                ci,
                one.failures,
                really,
                named,
            )
        )
    if made.picked[-1] or made.there[-1]:
        rows.append(
            (None, "images of no slice", made.picked[-1], None, made.there[-1], None, "", None, "", "")
        )
    return Table(
        SHARES,
        ("share", "images", "picked", "wanted", "there are", "error rate", "interval", "failures", "really mostly", "findings"),
        tuple(rows),
        ("count", "text", "count", "count", "count", "share", "text", "count", "text", "text"),
        "Error rate and failures: of the evaluation images, each counted in the first share that holds it. These images "
        "chose the shares, so the true rates are somewhat nearer to the average. Taken for: the predicted class.",
    )  # fmt: skip


def _files(view: CaseView, made: Selection) -> Table:
    pool, paths = made.pool, view.table(made.pool.split).paths
    predicted, confidence = pool.predicted, pool.confidence
    classes = pool.predictions.classes if pool.predictions is not None else ()
    rows: list[tuple[Cell, ...]] = []
    for rank, at in enumerate(made.picks.at[:MOST_LISTED].tolist(), 1):
        share = int(made.picks.place[at])
        rows.append(
            (
                rank,
                clean(paths[int(pool.rows[at])], 300),
                share + 1 if share >= 0 else None,
                classes[int(predicted[at])] if predicted is not None else "",
                float(confidence[at]) if confidence is not None else None,
            )
        )
    more = len(made.picks.at) - len(rows)
    return Table(
        FILES,
        ("rank", "path", "share", "taken for", "confidence"),
        tuple(rows),
        ("count", "text", "count", "text", "share"),
        f"{more:,} more are not listed." if more else "",
    )


def facts(made: Selection) -> tuple[Fact, ...]:
    """How many, from where, and how much of it lies where the model fails."""
    n, total = len(made.picks.at), len(made.pool.rows)
    of = f"split {made.pool.split}"
    found = [Fact("images_picked", n, "count", of), Fact("images_available", total, "count", of)]
    found += _told(made)
    if made.weak is None or not made.weak.slices:
        return tuple(found)
    weak = np.flatnonzero(made.weak.weak).tolist()
    picked, there = sum(made.picked[i] for i in weak), sum(made.there[i] for i in weak)
    found += [
        Fact("slices", len(made.weak.slices), "count"),
        Fact("failures_covered", made.weak.covered, "share", "", None, made.weak.failures),
        Fact("weak_slice_share", picked / n if n else None, "share", "picked images", wilson(picked, n), n),
        Fact("weak_slice_share", there / total if total else None, "share", of, wilson(there, total), total),
    ]
    if made.picks.wanted:
        found.append(
            Fact("images_to_collect", sum(made.missing(i) for i in range(len(made.picks.wanted))), "count")
        )
    return tuple(found)


def _told(made: Selection) -> list[Fact]:
    """How well failures are told from right answers, out of fold."""
    likely = made.picks.likely
    if likely is None:
        return []
    pairs = (("learned from the labels", likely.auc), ("the model's confidence", likely.auc_confidence))
    return [
        Fact("failure_auroc", auc, "share", of, likely.interval(auc), likely.n, "higher_is_better")
        for of, auc in pairs
        if auc is not None
    ]


def _order_note(made: Selection) -> tuple[str, ...]:
    """By what the images of a slice are ordered."""
    likely = made.picks.likely
    if likely is None:
        return ()
    alone = (
        f", the model's own confidence with {number(likely.auc_confidence)}"
        if likely.auc_confidence is not None
        else ""
    )
    which = "so it orders the images" if likely.learned else "so the confidence orders the images"
    return (
        f"What was learned from the evaluation labels tells errors from right answers with an area under the curve of "
        f"{number(likely.auc)}{alone} (0.5 is chance); {which} of a share.",
    )


def summary(made: Selection) -> str:
    """What was picked and why, in a few sentences."""
    n, total = len(made.picks.at), len(made.pool.rows)
    text = f"{n:,} of {total:,} {called(made.pool.split)} to label, chosen {METHODS[made.method]}."
    weak = made.weak
    if weak is None or not weak.slices:
        return text
    if made.picks.wanted:
        text += (
            f" {len(weak.slices)} slices hold {number(weak.covered)} of the {weak.failures:,} errors; the largest shares: "
            f"{'; '.join(made.counted(i) for i in _largest(made))}."
        )
    where = np.flatnonzero(weak.weak).tolist()
    if where and n:
        picked, there = sum(made.picked[i] for i in where), sum(made.there[i] for i in where)
        text += (
            f" {number(picked / n)} of the picked images lie in slices that fail more than average, "
            f"of all {called(made.pool.split)} {number(there / total)}."
        )
    return text


def _largest(made: Selection, most: int = 3) -> list[int]:
    """Slices with the most picks."""
    order = sorted(range(len(made.picked) - 1), key=lambda i: (-made.picked[i], i))
    return [i for i in order if made.picked[i]][:most]


def corrections(view: CaseView, made: Selection) -> tuple[Correction, ...]:
    """For each confirmed finding with a share of the budget: collect these. Never steps back from what was decided."""
    if not made.picks.wanted:
        return ()
    decided = {c.finding for e in view.evidence() for c in e.corrections if c.strategy == "collect" and c.status != "proposed"}  # fmt: skip
    proposed = []
    for name, finding in view.findings():
        shares = [i for i in range(len(made.picks.wanted)) if name in made.findings(i)]
        if shares and finding.key not in decided:
            proposed.append(
                Correction(
                    finding.key, "collect", "dataset", _action(made, shares), before=finding.error_rate
                )
            )
    return tuple(proposed)


def _action(made: Selection, shares: Sequence[int], most: int = 4) -> str:
    largest = sorted(shares, key=lambda i: (-made.picked[i], i))
    parts = [made.counted(i) for i in largest if made.picked[i]]
    more = [made.to_collect(i) for i in largest if made.missing(i)]
    tail = f"; and {len(parts) - most} smaller shares" if len(parts) > most else ""
    label = (
        f"Label from the {called(made.pool.split)}, and train with: {'; '.join(parts[:most])}{tail}."
        if parts
        else ""
    )
    return " ".join(p for p in (label, f"Collect: {'; '.join(more[:most])}." if more else "") if p)


def next_steps(made: Selection) -> tuple[str, ...]:
    steps = []
    lacking = [made.to_collect(i) for i in range(len(made.picks.wanted)) if made.missing(i)]
    if lacking:
        steps.append(f"Collect what the {called(made.pool.split)} lack: {'; '.join(lacking[:4])}.")
    if len(made.picks.at):
        steps.append("Have the images labelled, add them to the training images, and train again.")
        if made.method in BY_SLICES:
            steps.append("As a control, train as well with as many images chosen by lot (method=random).")
    return tuple(steps)


def captions(made: Selection, images: Sequence[ImageRef]) -> tuple[ImageRef, ...]:
    """The images with the number of their share."""
    from dataclasses import replace

    place = made.picks.place[made.picks.at].tolist()
    return tuple(
        replace(one, caption=f"share {p + 1}" if p >= 0 else "")
        for one, p in zip(images, place, strict=False)
    )


def evidence(
    view: CaseView, made: Selection, images: tuple[ImageRef, ...], figure: Figure | None
) -> Evidence:
    """The whole report."""
    weak_notes = (
        made.weak.notes if made.weak else ("Without labelled evaluation images nothing is known of slices.",)
    )
    return Evidence(
        tool="select_data",
        title="Which images to label next",
        summary=summary(made),
        facts=facts(made),
        tables=tables(view, made),
        figures=(figure,) if figure is not None else (),
        images=images,
        questions=("input.9",),
        corrections=corrections(view, made),
        notes=(*made.pool.notes, *weak_notes, *made.picks.notes, *_order_note(made), *_named(view, made)),
        next_steps=next_steps(made),
    )


def _named(view: CaseView, made: Selection) -> tuple[str, ...]:
    """Confirmed findings that no share is for."""
    confirmed: list[tuple[str, Finding]] = [(i, f) for i, f in view.findings() if f.verdict == "confirmed"]
    served = {i for named in (made.weak.of_finding if made.weak else ()) for i in named}
    left = [i for i, _ in confirmed if i not in served]
    return (f"No single share is for these confirmed findings: {listing(left, 8)}.",) if left else ()
