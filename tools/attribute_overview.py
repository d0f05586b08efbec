"""attribute_overview: which attributes the images have, how often each value occurs, and what goes with what."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.checks import overview_report as report
from failsight.tools.checks.attribute_profile import MOST_STRATA, against_others, grid, profiles
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.slices.columns import encode_columns
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
QUESTIONS = ("input.2", "input.6", "input.14", "performance.3")


@tool(cost="pass", answers=QUESTIONS, reads_attributes=True)
def attribute_overview(
    view: CaseView,
    attributes: Annotated[
        tuple[str, ...] | None,
        Field(
            description="Only these attributes: metadata columns, objects, computed or proposed ones. Default: all.",
            max_length=60,
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(
            description="Only images of this true class, set against the other classes in the heat maps.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
) -> Evidence:
    """Show how often each attribute value occurs, how often the model errs there, and what goes with classes, predictions and errors.

    Histograms with error rates and Wilson intervals; shares and error rates of classes by values; Cramér's V of every
    attribute with the class, the prediction and, within true classes, with being wrong; attributes that tell nearly the
    same. The most telling attributes come first. Nothing is tested here: it says where to look.

    Raises:
        RetryError: an unknown attribute, class or split.
    """
    split = check_split(view, split)
    within = class_index(view.classes, class_name) if class_name else None
    notes: list[str] = []
    table = view.attributes(split)
    labels = view.table(split).labels[table.rows].astype(np.int64)
    predictions = _predictions(view, split, notes)
    predicted = _aligned(predictions, table.rows)
    keep = np.ones(len(labels), bool) if within is None else labels == within
    if not keep.any():
        about = f" of {clean(class_name or '', 60)}" if class_name else ""
        raise RetryError(f"There are no {called(split)}{about} to look at.")
    groups = belonging.of_rows(view, split, table.rows)
    everyone = np.ones(len(labels), bool)  # values and ranges are the same for a class and for all
    coded, more = encode_columns(table, everyone, attributes)
    inside = [dataclasses.replace(one, codes=one.codes[keep]) for one in coded]
    with view.progress.job("setting attributes side by side", len(inside)) as ticker:
        found = profiles(
            inside,
            labels[keep],
            None if predicted is None else predicted[keep],
            groups=None if groups is None else groups[keep],
            seed=view.seed,
            advance=ticker.advance,
        )
    whole = {one.name: one for one in coded}
    if within is not None:
        found = against_others(found, whole, labels, within, groups=groups, seed=view.seed)
    judged = keep & (labels >= 0) & (predicted >= 0) if predicted is not None else np.zeros(len(keep), bool)
    made = report.Overview(
        split=split,
        classes=view.classes,
        n=int(keep.sum()),
        judged=int(judged.sum()),
        wrong=0 if predicted is None else int((judged & (predicted != labels)).sum()),
        profiles=tuple(found),
        grid=grid(
            [whole[p.coded.name] for p in found],
            labels,
            predicted,
            only=within,
            most_rows=report.ROWS,
            most_columns=report.COLUMNS,
        ),
        name=view.classes[within] if within is not None else None,
        together=belonging.column_of(view) if groups is not None else "",
    )
    return Evidence(
        tool="attribute_overview",
        arguments=jsonable({"attributes": attributes, "class_name": class_name, "split": split}),
        title="What the images are like, attribute by attribute",
        summary=report.summary(made),
        facts=report.facts(made),
        tables=report.tables(made),
        figures=report.figures(view, made),
        questions=_questions(within, made.judged > 0),
        notes=(
            *notes,
            *more,
            *(belonging.together_note(view) if groups is not None else ()),
            *report.notes(made, len(view.classes) > MOST_STRATA),
            *left_out_notes(split, view.table(split).left_out),
        ),
        next_steps=report.next_steps(made),
    )


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:  # a black box comes with predictions of some images only
        notes.append(str(problem))
        return None


def _aligned(predictions: Predictions | None, rows: Ints) -> Ints | None:
    """(n,) predicted class of ``rows``, −1 where there is none; None without predictions."""
    if predictions is None:
        return None
    made = np.full(int(max(rows.max(initial=-1), predictions.rows.max(initial=-1))) + 1, -1, np.int64)
    made[predictions.rows] = predictions.predicted
    aligned: Ints = made[rows]
    return aligned


def _questions(within: int | None, judged: bool) -> tuple[str, ...]:
    """A class alone says how varied it is; all together, in what classes differ."""
    about = ("input.2",) if within is not None else ("input.6", "input.14")
    return (*about, "performance.3") if judged else about
