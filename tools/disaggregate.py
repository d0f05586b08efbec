"""disaggregate: is some group of people, places or devices served worse than the others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, ImageRef, jsonable
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.population import check_split
from failsight.tools.figures.charts import MOST_ROWS, Mark, rates
from failsight.tools.groups import report
from failsight.tools.groups.gaps import Groups, Images, measure
from failsight.tools.groups.shadows import measured_names, owners, settled
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.slices.columns import Coded, encode_columns
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

QUESTIONS = ("expectations.3", "questionable_features.8")
SHOWN = 8
ASK = "Which groups matter, which gap is too large and who would be hurt is not in the data: ask (form fairness_scope)."
ABSENT = "A group that is missing from the data shows no gap."


@tool(cost="pass", answers=QUESTIONS, decides=("weak_slice",), reads_attributes=True)
def disaggregate(
    view: CaseView,
    attributes: Annotated[
        tuple[str, ...] | None,
        Field(
            description="By which columns. Default: all metadata columns that form groups, no computed ones.",
            max_length=40,
        ),
    ] = None,
    intersections: Annotated[bool, Field(description="Also cross the columns, two at a time.")] = True,
    per_class: Annotated[
        bool,
        Field(description="Also list recall, precision and false positives of each class in each group."),
    ] = False,
    min_group: Annotated[
        int, Field(description="Fewest images in a group to be compared.", ge=5, le=100_000)
    ] = 20,
    min_gap: Annotated[
        float,
        Field(
            description="Smallest difference in error rate that would matter, in [0.001, 0.5].",
            ge=0.001,
            le=0.5,
        ),
    ] = 0.05,
    group_by: Annotated[
        str | None,
        Field(
            description="Column whose equal values belong together (house, patient, video): such images are not independent. By default as the case says (--groups); none: each image by itself.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Compare error rates between the groups that metadata columns form, and between groups of two columns crossed.

    Each group is compared with the other images of the same true classes, so that a group with more pictures of a hard
    class is not called disadvantaged. Images without a value of a column are one more group. All groups are fixed beforehand;
    Benjamini–Hochberg runs over all of them and over what earlier tables of the case tested on these images. A gap is
    confirmed when q is at most 0.05, it reaches the minimum, and its interval lies above zero; one of which another confirmed
    group has most of the excess, when that holds without that group too. Calibration by group and
    equalised-odds differences are listed beside it.

    Raises:
        RetryError: an unknown attribute or split; no labels.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    group_by = belonging.told(group_by)
    split = check_split(view, split)
    need_labels(view, split)
    predictions, table = view.predictions(split), view.attributes(split)
    keep = predictions.labelled
    if not keep.any():
        raise RetryError(f"None of the {called(split)} has both a label and a prediction.")
    columns, notes = _columns(table, keep, attributes, group_by)
    if not columns:
        return _nothing(given, notes)
    images = _images(predictions, table, keep, group_by)
    report.register(view, split, columns, min_group, min_gap, len(images.labels), group_by, intersections)
    before = report.earlier(view, split)
    made = measure(images, columns, min_group, intersections, before, split)
    known = [
        (group, replace(owner, inside=owner.inside[predictions.rows][keep]))
        for group, owner in owners(view, split)
    ]
    made = settled(made, images, known, min_gap, split, measured_names(view, split))
    found = report.findings(made, min_gap, group_by, split, {f.group for _, f in view.findings()})
    shown = _examples(view, predictions, images, made, min_gap)
    return Evidence(
        tool="disaggregate",
        arguments=jsonable(given),
        title="Whether some groups are served worse",
        summary=report.summary(made, columns, images, split, min_gap),
        facts=report.facts(made, images, view.classes, split),
        tables=report.tables(made, columns, images, view.classes, min_gap, per_class, min_group),
        figures=_figures(view, made, shown),
        images=shown,
        questions=QUESTIONS,
        findings=found,
        tried=report.tried(made, min_gap, group_by, split),
        notes=(
            *report.notes(made, min_gap),
            *_notes(view, split, made, predictions, min_group, group_by),
            *notes,
        ),
        next_steps=_next_steps(bool(found)),
    )


def _columns(
    table: AttributeTable, keep: npt.NDArray[np.bool_], wanted: Sequence[str] | None, group_by: str | None
) -> tuple[list[Coded], list[str]]:
    """The columns that form groups, coded, and what was left out. Raises RetryError for an unknown one."""
    if group_by is not None and group_by not in table.columns:
        raise RetryError(f"There is no column {clean(group_by, 60)!r} to group by.", table.columns)
    notes: list[str] = []
    if wanted is None:
        of_data = [n for n in table.columns if table.sources.get(n) == "metadata" and n != group_by]
        unfit = [f"{clean(n, 40)} ({table.unusable[n]})" for n in of_data if n in table.unusable]
        if unfit:
            notes.append(f"Metadata columns that form no groups: {listing(unfit)}.")
        wanted = [n for n in of_data if n not in table.unusable]
    if not wanted:
        return [], notes
    columns, more = encode_columns(table, keep, tuple(wanted))
    return columns, [*notes, *more]


def _images(
    predictions: Predictions, table: AttributeTable, keep: npt.NDArray[np.bool_], group_by: str | None
) -> Images:
    sources = None
    if group_by is not None:
        values = [str(v) for v in table.columns[group_by][keep].tolist()]
        named = [v if v not in ("None", "nan") else f"\0{i}" for i, v in enumerate(values)]
        sources = np.unique(np.array(named, object).astype(str), return_inverse=True)[1].astype(np.int64)
    confidence = np.clip(predictions.confidence[keep].astype(np.float64), 0, 1)
    return Images(
        np.flatnonzero(keep).astype(np.int64),
        predictions.labels[keep],
        predictions.predicted[keep],
        confidence if predictions.has_scores else None,
        sources,
    )


def _nothing(given: dict[str, object], notes: Sequence[str]) -> Evidence:
    """The answer where no column says who or what is in the pictures."""
    return Evidence(
        tool="disaggregate",
        arguments=jsonable(given),
        title="No groups to compare",
        summary="No metadata column tells groups of people, places or devices apart, so whether some are served worse can't be measured.",
        notes=(
            *notes,
            "With a manifest (path, label and a column such as region, income or device) error rates would be compared by group.",
            ABSENT,
            ASK,
        ),
        next_steps=(
            "Ask for whom it must work equally well, and which column could tell (form fairness_scope).",
        ),
    )


def _examples(
    view: CaseView, predictions: Predictions, images: Images, made: Groups, least: float
) -> tuple[ImageRef, ...]:
    """Errors of the group with the largest confirmed gap."""
    held = [g for g in made.all if g.verdict(least) == "confirmed"]
    if not held:
        return ()
    worst = max(held, key=lambda g: g.gap.value)
    at = images.at[worst.inside & images.wrong]
    order = np.argsort(-predictions.confidence[at], kind="stable")[:SHOWN]
    return references(view, predictions, at[order], clean(worst.label, 60))


def _figures(view: CaseView, made: Groups, shown: Sequence[ImageRef]) -> tuple[Figure, ...]:
    groups = list(made.single)
    if len(groups) > MOST_ROWS:  # the clearest gaps, in the order of their columns
        clearest = {id(g) for g in sorted(groups, key=lambda g: g.q)[:MOST_ROWS]}
        groups = [g for g in groups if id(g) in clearest]
    figures: list[Figure] = []
    if groups:
        words = listing([f"{clean(g.label, 40)} {number(g.accuracy)}" for g in groups], 8)
        alt = f"Share that is right by group, with 95 % intervals: {words}."
        marks = [Mark(g.accuracy, *g.accuracy_ci) for g in groups]
        svg = rates(
            "Right, by group", alt, [g.label for g in groups], [("right", marks)], "share that is right"
        )
        figures.append(view.save_figure("groups", svg, title="Right, by group", alt=alt))
    if shown:
        alt = f"{len(shown)} errors of the group with the largest confirmed gap, {clean(shown[0].caption, 60)}, the surest first."
        sheet = contact_sheet(
            view, shown, name="group_errors", title="Errors of the worst served group", alt=alt
        )
        figures += [sheet] if sheet else []
    return tuple(figures)


def _notes(
    view: CaseView, split: Split, made: Groups, predictions: Predictions, least: int, group_by: str | None
) -> list[str]:
    notes = [ASK, ABSENT]
    if made.small:
        notes.append(f"Fewer than {least} images, so not compared: {listing(made.small, 8)}.")
    apart = [g.label for g in made.single if g.gap.value != g.gap.value]
    if apart:
        notes.append(
            f"No other images of the same classes to compare with: {listing(apart)}. Such a column can't be told from the class."
        )
    if made.cut:
        notes.append(f"{made.cut} smaller crossed groups were not looked at.")
    if made.before:
        notes.append(f"q is corrected for {report.corrected_for(made)}.")
    if made.overruled:
        notes.append(
            f"An earlier table counted images that belong together as one: for {listing(made.overruled, 6)} its larger p and wider interval stand."
        )
    if group_by is None:
        notes.append(
            "Images count as independent. If several show the same house, person or device, name that column (group_by, or --groups for "
            "the whole case): intervals widen."
        )
    else:
        notes.append(
            f"Gaps, shares that are right and overconfidence count images of one {clean(group_by, 40)} together; intervals of "
            "single classes and of images without a value count them as independent and are too narrow for that."
        )
    unlabelled = int((~predictions.labelled).sum())
    if unlabelled:
        notes.append(f"{unlabelled:,} of the {called(split)} have no label and are not counted.")
    if not predictions.has_scores:
        notes.append("Without class probabilities calibration by group can't be measured.")
    notes += left_out_notes(split, [*view.table(split).left_out, *predictions.left_out])
    return notes


def _next_steps(found: bool) -> tuple[str, ...]:
    steps = [
        "Let those concerned say which groups and which gap matter before the numbers are read (form fairness_scope)."
    ]
    if found:
        steps.append(
            "See which cue carries the gap: find_slices for what else marks these images, saliency and a masking test."
        )
        steps.append("Compare how many training images each group has (data_statistics).")
    return tuple(steps)
