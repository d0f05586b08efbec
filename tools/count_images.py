"""count_images: how many images meet conditions, and how many of these meet others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.counting import report
from failsight.tools.counting.counts import Bool, Images, by_named, by_value, count, images_of, meeting
from failsight.tools.counting.report import Asked, Report
from failsight.tools.counting.words import base_words, verb_words
from failsight.tools.evidence import Evidence, Figure, ImageRef
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.population import CONFIDENCE, check_split, parse_filters
from failsight.tools.inputs.base import Split
from failsight.tools.notes import left_out_notes
from failsight.tools.registry import tool
from failsight.tools.view import CaseView

SHOWN = 8
Conditions = tuple[str, ...] | Annotated[str, Field(max_length=400)]
QUESTIONS = ("input.12", "performance.1", "performance.5")


@tool(cost="pass", answers=QUESTIONS, reads_attributes=True, reads_groups=True)
def count_images(
    view: CaseView,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
    among: Annotated[
        Conditions,
        Field(
            description="Conditions of all images of the base: wrong, correct, true=a|b, predicted!=a, cat=yes, confidence>=0.9, not(cat=yes&light=dark). Joined by & in one text. Default: all images.",
        ),
    ] = (),
    having: Annotated[
        Conditions,
        Field(
            description="Conditions of what is counted among them, in the same words, like wrong. Default: only the size of the base.",
        ),
    ] = (),
    by: Annotated[
        str | None,
        Field(
            description="Also the same count for each value of a column, or of true, predicted, outcome or confidence.",
            max_length=200,
        ),
    ] = None,
    top: Annotated[
        int, Field(description="How many values of it to list, the largest count first.", ge=1, le=200)
    ] = 20,
    group_by: Annotated[
        str | None,
        Field(
            description="Column whose equal values belong together (house, patient, video): intervals count such images together. By default as the case says (--groups); none: each image by itself.",
            max_length=200,
        ),
    ] = None,
) -> Evidence:
    """Count images that meet conditions, and how many of these meet others: a number, and its share with a 95 % interval.

    It counts and judges nothing. Images of which a condition can't be told (a value is missing, there is no label) are in neither
    number, and it is said how many they are. Wilson's interval, or one that counts images that belong together as such.

    Raises:
        RetryError: an unknown class, column, value or split; right, wrong or true classes where there are no labels; confidence
            where there are no scores.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    group_by = belonging.told(group_by)
    asked = Asked(parse_filters(among), parse_filters(having), by_named(view, split, by), top, group_by)
    images = images_of(view, split, (*asked.among, *asked.having), asked.by, group_by)
    base = meeting(view, images, asked.among)
    made = count(base, meeting(view, images, asked.having) if asked.having else None)
    part = images.rate(base.yes, ~base.unknown) if asked.having else None
    values, without = by_value(view, images, made, asked.by, sizes=not asked.having) if asked.by else ([], 0)
    told = Report(asked, images, made, images.rate(made.hits, made.base), part, tuple(values), without)
    shown = _examples(view, images, made.hits)
    sheet = _sheet(view, shown, told)
    return Evidence(
        tool="count_images",
        arguments={**given, "among": [str(f) for f in asked.among], "having": [str(f) for f in asked.having]},
        title="Images counted",
        summary=report.summary(told),
        facts=report.facts(told),
        tables=report.tables(told),
        figures=(*report.figures(view, told), *([sheet] if sheet else [])),
        images=shown,
        questions=_questions(asked),
        notes=(*report.notes(told), *_left_out(view, images)),
    )


def _questions(asked: Asked) -> tuple[str, ...]:
    """What of the question bank this count answers: how many pictures, how good overall, or how sure of errors."""
    outcome = [f for f in asked.having if not f.op]
    if not asked.having and all(f.op for f in asked.among):
        return QUESTIONS[:1]
    if outcome == list(asked.having) and outcome and not asked.among:
        return QUESTIONS[1:2]
    every = (*asked.among, *asked.having)
    sure = any(f.name == CONFIDENCE for f in every) or asked.by == CONFIDENCE
    return QUESTIONS[2:] if sure and any(not f.op for f in every) else ()


def _examples(view: CaseView, images: Images, hits: Bool) -> tuple[ImageRef, ...]:
    """Some of the images that were counted, those the model is surest of first."""
    at = np.flatnonzero(hits).astype(np.int64)
    if images.predictions is None:
        table = view.table(images.split)
        rows = images.rows[at[:SHOWN]].tolist()
        names = [view.classes[int(table.labels[r])] if table.labels[r] >= 0 else "" for r in rows]
        return tuple(
            ImageRef(images.split, r, table.paths[r], label) for r, label in zip(rows, names, strict=True)
        )
    if images.predictions.has_scores:
        at = at[np.argsort(-images.predictions.confidence[at], kind="stable")]
    return references(view, images.predictions, at[:SHOWN])


def _sheet(view: CaseView, shown: Sequence[ImageRef], told: Report) -> Figure | None:
    if not shown:
        return None
    asked = told.asked
    which = base_words(asked.among, told.split)
    done = f" that {verb_words(asked.having, 2)}" if asked.having else ""
    alt = f"Examples of what was counted: {len(shown)} of {told.whole.k:,} {which}{done}."
    return contact_sheet(view, shown, name="counted", title="Examples of what was counted", alt=alt)


def _left_out(view: CaseView, images: Images) -> list[str]:
    left = list(view.table(images.split).left_out)
    return left_out_notes(images.split, [*left, *(images.predictions.left_out if images.predictions else ())])
