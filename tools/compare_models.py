"""compare_models: two versions of the model, or two models, on the same images: what changed, where, and why."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.changes import report as told
from failsight.tools.changes.groups import (
    column_values,
    cross_names,
    finding_mask,
    finding_title,
    value_masks,
)
from failsight.tools.changes.measures import Kind, ModelChange, compare
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, ImageRef, Table
from failsight.tools.experiments.cues.compared import Moved, compare_panels, moved_table, shared_sample
from failsight.tools.experiments.model_pair import SideBySide, Spaces, side_by_side, spaces
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.repair.beside import beside, other_print
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
SHOWN = 8
MOST_SLICES = 300


@tool(
    cost="heavy",
    answers=("iterations.3", "iterations.4"),
    stateful=True,
    reads_attributes=True,
    passes=6,
    outside=other_print,
)
def compare_models(
    view: CaseView,
    before: Annotated[
        str,
        Field(
            description="A version (R1.1), or the path of a model file. Default: the case's own model.",
            max_length=500,
        ),
    ] = "",
    after: Annotated[
        str,
        Field(
            description="The same for the other one. Default: the first version of the last repair.",
            max_length=500,
        ),
    ] = "",
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
    saliency: Annotated[
        bool, Field(description="Also where each looks, on images that they answer differently.")
    ] = True,
    features: Annotated[
        bool,
        Field(description="Also how alike their features are, and what each depends on (the panel of cues)."),
    ] = True,
    max_images: Annotated[
        int,
        Field(
            description="Most images for the panel of cues; each costs about 28 passes of both models.",
            ge=8,
            le=2000,
        ),
    ] = 48,
) -> Evidence:
    """Compare two models or versions on the same images: answers that changed, every class and slice with a paired test, calibration, what each looks at and depends on.

    Disagreement by right and wrong and class by class, churn, per-group changes (McNemar, Benjamini–Hochberg), calibration;
    saliency side by side where they disagree; how alike their feature spaces are (linear CKA, nearest neighbours); the same
    cues taken out of the same images. A description: which of two is better for a purpose, and whether a repair caused the
    difference, is for verify_correction to say.

    Raises:
        RetryError: no such version or file, other classes, or no image that both answer.
    """
    given = {
        "before": before,
        "after": after,
        "split": split,
        "saliency": saliency,
        "features": features,
        "max_images": max_images,
    }
    split = check_split(view, split)
    one, first_name = beside(view, before, "before")
    two, second_name = beside(view, after.strip() or _latest(view), "after")
    pair = _Pair(view, split, (one, two), (first_name, second_name))
    change, notes = pair.change()
    alike: Spaces | None = None
    cues: list[Moved] = []
    if features:
        alike, why = spaces(one, two, pair.rows, split)
        cues, more = pair.cues(max_images)
        notes += [w for w in (why, more) if w]
    maps = SideBySide(None, ())
    images, rows = pair.examples()
    if saliency and len(rows):
        maps = side_by_side(pair.views, pair.names, pair.answers, rows, split)
    return _evidence(pair, change, alike, cues, maps, images, (*notes, *maps.notes), given)


def _latest(view: CaseView) -> str:
    made = [v for v in view.versions() if v.arm == "repair"]
    if not made:
        raise RetryError(
            "There is nothing to compare with: name another model's file (after), or repair something first."
        )
    return next(v.name for v in made if v.repair == made[-1].repair)


class _Pair:
    """Two models and the images that both answer."""

    def __init__(
        self, view: CaseView, split: Split, views: tuple[CaseView, CaseView], names: tuple[str, str]
    ) -> None:
        self.view, self.split, self.views = view, split, views
        self.names = names if names[0] != names[1] else (f"{names[0]} (before)", f"{names[1]} (after)")
        self.answers: tuple[Predictions, Predictions] = (
            views[0].predictions(split),
            views[1].predictions(split),
        )
        if tuple(self.answers[0].classes) != tuple(self.answers[1].classes):
            raise RetryError("The two models tell different classes apart.", self.answers[0].classes)
        a, b = self.answers
        self.rows, self.at, self.other = np.intersect1d(a.rows, b.rows, return_indices=True)
        if not len(self.rows):
            raise RetryError(f"None of the {called(split)} is answered by both.")

    def change(self) -> tuple[ModelChange, list[str]]:
        a, b = self.answers
        notes = left_out_notes(self.split, [*self.view.table(self.split).left_out, *a.left_out])
        more = [one for one in b.left_out if one.path not in {o.path for o in a.left_out}]
        notes += left_out_notes(self.split, more)
        both = a.has_scores and b.has_scores
        if not both:
            notes.append("One of the two gives no probabilities, so that calibration can't be compared.")
        confidence = (a.confidence[self.at].astype(np.float64), b.confidence[self.other].astype(np.float64))
        made = compare(
            a.labels[self.at],
            a.predicted[self.at],
            b.predicted[self.other],
            a.classes,
            slices=self._slices(notes),
            confidence=confidence if both else None,
            seed=self.view.seed,
        )
        if made.too_few:
            notes.append(f"Too few images to compare: {listing(made.too_few, 8)}.")
        return made, notes

    def _slices(self, notes: list[str]) -> dict[tuple[Kind, str], Mask]:
        """Slices of confirmed findings, then values of columns and boxed objects."""
        made: dict[tuple[Kind, str], Mask] = {}
        unknown = []
        base = self.view.predictions(self.split)
        place = np.searchsorted(base.rows, self.rows).clip(max=max(len(base.rows) - 1, 0))
        there = base.rows[place] == self.rows
        for number_, finding in self.view.findings():
            if finding.verdict != "confirmed" or not finding.slice:
                continue
            mask = finding_mask(self.view, self.split, base, finding)
            if mask is None:
                unknown.append(number_)
            else:
                made.setdefault(("finding", finding_title(finding)), mask[place] & there)
        if unknown:
            notes.append(f"Which of these images belong to it is not known, for {listing(unknown)}.")
        table = self.view.table(self.split)
        values = value_masks(table, self.rows)
        about = {n for _, f in self.view.findings() if f.verdict == "confirmed" for n in f.slice or {}}
        crossed = [c for c in column_values(table, self.rows) if c[0] in about]
        values |= cross_names(crossed, base.labels[place], base.classes)
        known = {name for _, name in made}
        for name, mask in values.items():
            if name not in known and len(made) < MOST_SLICES:
                made[("slice", name)] = mask
        return made

    def examples(self) -> tuple[tuple[ImageRef, ...], Ints]:
        """Images that they answer differently: new errors first, then mended ones, then the rest; as evenly as there are."""
        a, b = self.answers
        first, second, labels = a.predicted[self.at], b.predicted[self.other], a.labels[self.at]
        differ = first != second
        kinds = (
            differ & (first == labels),
            differ & (second == labels),
            differ & (first != labels) & (second != labels),
        )
        sure = b.confidence[self.other]
        piles = [np.flatnonzero(k)[np.argsort(-sure[k], kind="stable")].tolist() for k in kinds]
        chosen: list[int] = []
        while len(chosen) < SHOWN and any(piles):
            chosen += [pile.pop(0) for pile in piles if pile][: SHOWN - len(chosen)]
        table = self.view.table(self.split)
        made = []
        for i in chosen:
            row, label = int(self.rows[i]), int(labels[i])
            said = f"{self.names[0]}: {clean(a.classes[int(first[i])], 40)}; {self.names[1]}: {clean(a.classes[int(second[i])], 40)}"
            kind = told.effect(label, int(first[i]), int(second[i]))
            made.append(
                ImageRef(
                    self.split,
                    row,
                    table.paths[row],
                    a.classes[label] if label >= 0 else "",
                    a.classes[int(second[i])],
                    float(sure[i]) if b.has_scores else None,
                    f"{kind}; {said}" if kind else said,
                )
            )
        return tuple(made), self.rows[np.array(chosen, np.int64)]

    def cues(self, most: int) -> tuple[list[Moved], str]:
        """The panel of cues for both; and why there is none."""
        if not all(v.has_model() for v in self.views):
            return [], "Without both models at hand, what each depends on can't be tried."
        try:
            return compare_panels(
                self.views[0], [self.views[1]], shared_sample(self.views[0], self.split, most)
            ), ""
        except RetryError as problem:
            return [], f"What each depends on can't be compared: {problem}"


def _evidence(
    pair: _Pair,
    change: ModelChange,
    alike: Spaces | None,
    cues: list[Moved],
    maps: SideBySide,
    images: tuple[ImageRef, ...],
    notes: tuple[str, ...],
    given: dict[str, object],
) -> Evidence:
    classes, (first, second) = pair.view.classes, pair.names
    tables: list[Table] = [
        told.right_wrong_table(change, first, second),
        told.changes_table(change),
        told.disagreements_table(change, classes),
    ]
    if cues:
        tables.append(moved_table(cues, (first, second)))
    said = told.sentences(change, first, second)
    said[0] = said[0][:1].upper() + said[0][1:]
    if alike is not None and np.isfinite(alike.alignment.value):
        a, k = alike.alignment, alike.neighbours
        said.append(
            f"Their features are alike to {a.value:.2f} {interval(a.ci, 'ratio')} (1: the same but for rotation, 0: unrelated), "
            f"and share {number(k.value)} of nearest neighbours (by chance {number(k.chance)})."
        )
    clear = [m for m in cues if m.clear]
    if clear:
        top = max(clear, key=lambda m: abs(m.change))
        said.append(
            f"Without {top.cue.lost} {first} loses {number(top.before, 'points').lstrip('+')}, {second} {number(top.after, 'points').lstrip('+')}: the clearest change of what they depend on."
        )
    facts = list(told.facts(change))
    if alike is not None:
        facts += alike.facts()
    return Evidence(
        tool="compare_models",
        title="Two models on the same images",
        summary=" ".join(said),
        arguments=given,
        facts=tuple(facts),
        tables=tuple(t for t in tables if t.rows),
        figures=(maps.figure,) if maps.figure is not None else (),
        images=images,
        questions=("iterations.3", *(("iterations.4",) if cues or alike is not None else ())),
        notes=(*notes, *_meaning(pair, cues, maps)),
        next_steps=_next_steps(change),
    )


def _meaning(pair: _Pair, cues: list[Moved], maps: SideBySide) -> tuple[str, ...]:
    """What the figures can't say."""
    made = []
    if any(name == v.name for name in pair.names for v in pair.view.versions()):
        made.append(
            "These images may have chosen or trained the repair; whether it works is for verify_correction to say, beside its control arm."
        )
    if maps.figure is not None:
        made.append("Maps propose where to look; they conclude nothing.")
    if cues and not any(m.clear for m in cues):
        made.append("None of the cues changed more than chance would do, all of them considered.")
    return tuple(made)


def _next_steps(change: ModelChange) -> tuple[str, ...]:
    if not change.disagree:
        return ("Nothing differs: compare on other images (split: deploy), or change more.",)
    steps = []
    if change.worst is not None and change.worst.verdict == "worse":
        steps.append(
            f"Look at what {clean(change.worst.name, 60)} lost before this version replaces the other."
        )
    steps.append("Look at the new errors among the examples: could a person err there too?")
    return tuple(steps)
