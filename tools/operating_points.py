"""operating_points: from which score on a class should be answered, and what each threshold costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.checks import operating_report as report
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import check_split, class_index, parse_filters, rows_meeting
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.inputs.decisions import decision_words
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.stats.operating import Point, halves, point, reaches, threshold_for
from failsight.tools.stats.two_sample import Auc, auc
from failsight.tools.text import clean
from failsight.tools.view import CaseView

GRID = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
FEWEST = 10  # images of the class in each half, from which a threshold is chosen
Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """The images of one class and all others, and what calling them so from a score on comes to.

    Attributes:
        name: of the class.
        n, own: images, and those of the class.
        now: as the model answers at present. at: the threshold of the grid that calls the same images so; None without one.
        points: by threshold, ascending.
        chosen: threshold for the recall that is wanted; None where none is wanted or there is none to be had.
        named: a threshold that somebody asked about.
        first: at the chosen threshold on the half that chose it; second: on the other half.
        grouped: the column by which images belong together; empty for none.
    """

    name: str
    n: int
    own: int
    area: Auc
    now: Point
    at: float | None
    points: tuple[tuple[float, Point], ...]
    wanted: float | None = None
    chosen: float | None = None
    named: float | None = None
    first: Point | None = None
    second: Point | None = None
    grouped: str = ""


@tool(cost="pass", needs=("scores",), reads_groups=True)
def operating_points(
    view: CaseView,
    class_name: Annotated[
        str | None,
        Field(
            description="The class to be found. Default: the one that has a threshold, else the rarer of two, else the one recognised least.",
            max_length=200,
        ),
    ] = None,
    recall: Annotated[
        float | None,
        Field(description="Also the threshold that finds this share of the class, e.g. 0.95.", ge=0.01, le=1),
    ] = None,
    threshold: Annotated[
        float | None,
        Field(description="A threshold to be told of, beside those of the table.", ge=0.0001, le=1),
    ] = None,
    prevalence: Annotated[
        float | None,
        Field(
            description="Share of images of the class where the model is used, e.g. 0.08: precision is also told for that.",
            ge=0.0001,
            le=0.9999,
        ),
    ] = None,
    where: Annotated[
        str,
        Field(description="Only images that meet conditions, joined by &: site=north.", max_length=400),
    ] = "",
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Measure what each threshold on a class's score costs: sensitivity (recall), precision, false alarms, and the AUC.

    Intervals are 95 % (Wilson's; DeLong's for the AUC); images that belong together are counted so where the case says it. The
    threshold for a wanted recall is the largest that reaches it on one half of the images, and is told on the other half.
    Nothing is changed: a threshold is set with --threshold when a case is opened, or in model.json.

    Raises:
        RetryError: no scores or labels; an unknown class or condition; no image of the class, or of the others.
    """
    split = check_split(view, split)
    need_labels(view, split)
    predictions = view.predictions(split)
    if not predictions.has_scores:
        raise RetryError(
            "These predictions come without class probabilities, so there is no score to put a threshold on: "
            "give a column of probabilities for each class, or the model itself."
        )
    inside = _inside(view, predictions, where)
    index, why = _class(predictions, inside, class_name)
    groups = belonging.codes(view, split)
    made = _measured(predictions, inside, index, (recall, threshold), groups, view.seed)
    if groups is not None:
        made = report.with_groups(made, belonging.shown(view))
    rule = decision_words(predictions)
    notes = (*([why] if why else []), *([rule] if rule else []), *report.notes(made, predictions, prevalence))
    return Evidence(
        tool="operating_points",
        arguments={
            "class_name": class_name, "recall": recall, "threshold": threshold, "prevalence": prevalence, "where": where,
            "split": split,
        },
        title="What a threshold costs",
        summary=report.summary(made, split, prevalence),
        facts=report.facts(made, split, prevalence),
        tables=(report.table(made, prevalence),),
        figures=(report.figure(view, made),),
        notes=(*notes, *left_out_notes(split, predictions.left_out)),
        next_steps=report.next_steps(made),
    )  # fmt: skip


def _inside(view: CaseView, predictions: Predictions, where: str) -> Bool:
    """(n,) labelled images that meet the conditions. Raises RetryError without any."""
    filters = parse_filters(where)
    meets, _ = rows_meeting(view, predictions.split, filters)
    inside: Bool = predictions.labelled & meets[predictions.rows]
    if not inside.any():
        raise RetryError(f"There are no labelled {called(predictions.split)} that meet these conditions.")
    return inside


def _class(predictions: Predictions, inside: Bool, given: str | None) -> tuple[int, str]:
    """The class to be found, and why that one where nobody said it. Raises RetryError without images of it or of others."""
    counts = np.bincount(predictions.labels[inside], minlength=len(predictions.classes))
    why = ""
    if given is not None:
        index = class_index(predictions.classes, given)
    else:
        index, reason = _default(predictions, inside, counts)
        why = f"No class was named: {clean(predictions.classes[index], 60)} was taken, {reason}."
    if not 0 < counts[index] < counts.sum():
        name, n = clean(predictions.classes[index], 60), int(counts[index])
        lacking = f"all {n:,} images here are {name}" if n else f"there are no images of {name} here"
        raise RetryError(
            f"class_name: {lacking}, so nothing can be weighed.",
            [predictions.classes[int(i)] for i in np.flatnonzero(counts)],
        )
    return index, why


def _default(predictions: Predictions, inside: Bool, counts: Ints) -> tuple[int, str]:
    bars = [i for i, t in enumerate(predictions.thresholds) if t is not None and counts[i]]
    if bars:
        return bars[0], "which has a threshold"
    present = np.flatnonzero(counts)
    if len(present) == 2:
        return int(present[counts[present].argmin()]), "the rarer of the two"
    right = np.bincount(predictions.labels[inside & predictions.correct], minlength=len(counts))
    return int(present[(right[present] / counts[present]).argmin()]), "which is recognised least"


def _measured(
    predictions: Predictions,
    inside: Bool,
    index: int,
    asked: tuple[float | None, float | None],
    groups: Ints | None,
    seed: int,
) -> Measured:
    wanted, named = asked
    scores, target = predictions.scores[inside, index], predictions.labels[inside] == index
    together = None if groups is None else groups[inside]
    said = predictions.predicted[inside] == index
    own = predictions.thresholds[index] if predictions.thresholds else None
    chosen = first = second = None
    if wanted is not None:
        lot = halves(target, together, seed)
        if min(int((target & lot).sum()), int((target & ~lot).sum())) >= FEWEST:
            chosen = threshold_for(scores[target & lot], wanted)
        if chosen is not None:
            first, second = (
                point(reaches(scores, chosen)[h], target[h], None if together is None else together[h])
                for h in (lot, ~lot)
            )
    bars = sorted({*GRID, *(t for t in (own, chosen, named) if t is not None)})
    calls = [(bar, reaches(scores, bar)) for bar in bars]
    same = [bar for bar, call in calls if np.array_equal(call, said)]
    at = min(same, key=lambda bar: (bar != own, abs(bar - 0.5)), default=None)
    return Measured(
        name=predictions.classes[index],
        n=len(target),
        own=int(target.sum()),
        area=auc(scores.astype(np.float64), target, groups=together),
        now=point(said, target, together),
        at=at,
        points=tuple((bar, point(call, target, together)) for bar, call in calls),
        wanted=wanted,
        chosen=chosen,
        named=named,
        first=first,
        second=second,
    )
