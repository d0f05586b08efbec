"""The form that a person fills in, and what the answers say, as evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.checking import Judged
from failsight.tools.attributes.definitions import LEAST_ACCURACY, plain
from failsight.tools.attributes.proposal_report import labelled_sheet, reference
from failsight.tools.evidence import Evidence, Fact, Table
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, of_split
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

SHEET = 40  # images of a contact sheet
TO_LOOK_AT = "Images to look at"


def form(
    view: CaseView,
    attribute: str,
    split: Split,
    rows: npt.NDArray[np.int64],
    values: Sequence[str],
    known: int,
) -> Evidence:
    """The images to look at. Which value each was given is not shown: whoever looks should not be led."""
    name = clean(attribute, 60)
    refs = tuple(reference(view, split, int(row), f"{i}") for i, row in enumerate(rows, 1))
    sheet = labelled_sheet(
        view,
        refs[:SHEET],
        [r.caption for r in refs[:SHEET]],
        name=f"check_{attribute}",
        title="Images to look at",
        alt=f"{len(refs[:SHEET])} images to be looked at for {name}, numbered; the assigned value is not shown.",
    )
    choices = listing([clean(v, 40) for v in values], 12)
    return Evidence(
        tool="attribute_check",
        title="A handful of images to look at",
        summary=(
            f"{len(refs)} of the {known:,} {called(split)} that have a value of {name} were drawn, evenly over its values and "
            f"over sure and unsure ones. Say for each what it shows: {choices}; {neither(values)} where nothing fits, ? when unsure."
        ),
        facts=(Fact("n", len(refs), "count", of_split(split, f"attribute {name}")),),
        tables=(
            Table(
                TO_LOOK_AT,
                ("number", "path"),
                tuple((i, r.path) for i, r in enumerate(refs, 1)),
                ("count", "text"),
            ),
        ),
        figures=(sheet,) if sheet else (),
        images=refs,
        notes=("Nothing was measured yet: the values count as unchecked until somebody has looked.",),
        next_steps=(
            "Fill in the sheet that `failsight attributes check CASE NAME` writes and give it back with --answers, or call "
            "attribute_check with answers (path to value).",
        ),
    )


def neither(values: Sequence[str]) -> str:
    """What is answered where none of the values fits: ``none``, unless that is a value; always one of a few fixed words."""
    taken = [plain(v) for v in values]
    return next((w for w in ("none", "other", "none of them") if w not in taken), "something else")


def check_evidence(
    attribute: str, split: Split, values: Sequence[str], made: Judged, notes: Sequence[str]
) -> Evidence:
    """What the answers say."""
    name = clean(attribute, 60)
    return Evidence(
        tool="attribute_check",
        title="How often the attribute is right",
        summary=_summary(name, split, made),
        facts=tuple(_facts(name, split, values, made)),
        tables=tuple(t for t in (_per_value(values, made), _confusion(values, made)) if t),
        notes=(*notes, *_notes(made)),
        next_steps=_next_steps(name, made),
    )


def _summary(name: str, split: Split, made: Judged) -> str:
    text = (
        f"{name} is right in {number(made.accuracy)} {interval(made.ci)} of the {called(split)} that have a value, from {made.n:,} "
        f"images that were looked at ({made.right:,} right)."
    )
    if made.accuracy < LEAST_ACCURACY:
        return f"{text} That is below {number(LEAST_ACCURACY)}: it is not used to find or confirm anything from now on."
    if made.ci[0] < LEAST_ACCURACY:
        return f"{text} It may be used, but the handful is too small to say that it reaches {number(LEAST_ACCURACY)}."
    return f"{text} It may be used."


def _facts(name: str, split: Split, values: Sequence[str], made: Judged) -> list[Fact]:
    about = of_split(split, f"attribute {name}")
    facts = [
        Fact("accuracy", made.accuracy, "share", about, made.ci, made.n, "higher_is_better"),
        Fact("accuracy_of_guessing", made.guess, "share", about, None, made.n),
    ]
    for value, one in zip(values, made.values, strict=True):
        at = of_split(split, f"slice {name}={clean(value, 60)}")
        if one.looked:
            facts.append(
                Fact(
                    "precision", one.precision, "share", at, one.precision_ci, one.looked, "higher_is_better"
                )
            )
        if not math.isnan(one.recall):
            facts.append(
                Fact("recall", one.recall, "share", at, one.recall_ci, one.shown, "higher_is_better")
            )
    return facts[:60]


def _per_value(values: Sequence[str], made: Judged) -> Table:
    rows = tuple(
        (
            value,
            one.images,
            one.looked,
            None if math.isnan(one.precision) else one.precision,
            one.precision_ci[0] if one.looked else None,
            one.precision_ci[1] if one.looked else None,
            None if math.isnan(one.recall) else one.recall,
            one.recall_ci[0] if one.shown else None,
            one.recall_ci[1] if one.shown else None,
        )
        for value, one in zip(values, made.values, strict=True)
    )
    return Table(
        "By value",
        ("value", "images", "looked at", "precision", "from", "to", "recall", "recall from", "recall to"),
        rows,
        ("text", "count", "count", "share", "share", "share", "share", "share", "share"),
        "Precision: right among the images that got the value. Recall: found among those that show it. Both with 95 % "
        "intervals and weighted back to how often each value occurs.",
    )


def _confusion(values: Sequence[str], made: Judged) -> Table | None:
    """What is taken for what, the most frequent first; None when nothing is."""
    names = [*values, "(none of them)"]
    wrong = [
        (int(made.confusion[t, a]), names[t], names[a])
        for t in range(len(names))
        for a in range(len(values))
        if t != a and made.confusion[t, a]
    ]
    if not wrong:
        return None
    rows = tuple((true, said, n) for n, true, said in sorted(wrong, key=lambda w: -w[0])[:20])
    return Table("Taken for", ("it shows", "was given", "images looked at"), rows, ("text", "text", "count"))


def _notes(made: Judged) -> list[str]:
    notes = []
    if made.covered < 0.995:
        notes.append(
            f"The images looked at stand for {number(made.covered)} of those that have a value: not every value was seen."
        )
    if made.n and made.accuracy <= made.guess and len(made.values) > 1:
        notes.append(
            f"Always giving the most frequent value would be right in {number(made.guess)}: it tells nothing more than that."
        )
    return notes


def _next_steps(name: str, made: Judged) -> tuple[str, ...]:
    if made.accuracy < LEAST_ACCURACY:
        return (
            f"Merge values of {name} that are taken for one another, give them better phrases, or drop it (edit_attributes).",
            "Search again: find_slices leaves it out.",
        )
    if made.ci[0] < LEAST_ACCURACY:
        return (f"Look at more images of {name} (n).",)
    return ("See whether the model fails more where some value holds: find_slices.",)
