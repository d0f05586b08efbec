"""find_slices: on which images the model fails more than on others, and whether that holds on images set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from failsight.tools import slice_report as report
from failsight.tools.evidence import Evidence, Finding, jsonable
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.slice_findings import (
    Found,
    TrainShare,
    accounts_for,
    filters,
    maskable,
    put_together,
    refuted_finding,
    same_bug,
    slice_finding,
    suspicion_finding,
    train_shares,
)
from failsight.tools.slice_search import Search, Suspicion, Target, search, suspicions
from failsight.tools.stats.slices import SearchSettings
from failsight.tools.text import clean
from failsight.tools.view import CaseView

MOST_REFUTED = 5  # refuted slices that become findings; all are in the table


@tool(
    cost="pass",
    answers=("performance.3", "performance.6", "expectations.3", "features_global.6", "input.14"),
    decides=("weak_slice", "rare_case", "spurious_correlation"),
    reads_attributes=True,
)
def find_slices(
    view: CaseView,
    attributes: Annotated[
        tuple[str, ...] | None,
        Field(
            description="Only these attributes: metadata columns, objects, computed ones such as brightness. Default: all.",
            max_length=60,
        ),
    ] = None,
    within_class: Annotated[
        str | None, Field(description="Search only among images of this true class.", max_length=200)
    ] = None,
    depth: Annotated[int, Field(description="Most conditions in a slice.", ge=1, le=3)] = 3,
    target: Annotated[
        Target,
        Field(
            description="What counts as bad: error; confident_error (wrong and sure of it); loss (1 − probability of the true class)."
        ),
    ] = "error",
    confidence: Annotated[
        float, Field(description="For confident_error: how sure the model must be.", ge=0.5, le=0.999)
    ] = 0.9,
    min_support: Annotated[
        int | None,
        Field(
            description="Fewest images in a slice; by default 20, or 0.5 % of the images if that is more.",
            ge=10,
            le=1_000_000,
        ),
    ] = None,
    min_effect: Annotated[
        float,
        Field(
            description="Smallest excess worth reporting, in [0, 0.5]; half the overall error where that is smaller.",
            ge=0,
            le=0.5,
        ),
    ] = 0.05,
    q: Annotated[float, Field(description="False discovery rate.", ge=0.001, le=0.2)] = 0.05,
    top: Annotated[int, Field(description="How many slices to report at most.", ge=1, le=50)] = 10,
    group_by: Annotated[
        str | None,
        Field(
            description="Attribute whose equal values belong together (house, patient, video): kept in one half.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Find the conditions (attribute values, alone or up to three together) under which the model fails more often.

    All combinations with enough images are ranked on one half of the images; the best are tested on the other half:
    against all other images within the true class, against the same images with one condition less, and beside the
    other slices, so that each bug is reported once. Benjamini–Hochberg runs over everything that was tested. It also
    tests which attribute values pull predictions towards a class among images of other classes.

    Raises:
        RetryError: an unknown attribute, class or split; no labels; class probabilities are needed and missing.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    need_labels(view, split)
    within = class_index(view.classes, within_class) if within_class else None
    found = search(
        view,
        split,
        attributes=attributes,
        within=within,
        target=target,
        confidence=confidence,
        group_by=group_by,
        settings=SearchSettings(
            depth=depth, min_support=min_support, min_effect=min_effect, q=q, seed=view.seed
        ),
    )
    pulls = suspicions(found, q=q, min_effect=min_effect, floor=found.report.floor)
    made = _evidence(view, found, pulls, within, target, q, top)
    return dataclasses.replace(made, arguments=jsonable(given))


def _evidence(
    view: CaseView,
    found: Search,
    pulls: Sequence[Suspicion],
    within: int | None,
    target: Target,
    q: float,
    top: int,
) -> Evidence:
    """Everything that was measured, but for the arguments."""
    together = put_together(found, within)
    shown, cut = together[:top], len(together) - top
    shares = train_shares(view, found, shown)
    images, figure = report.examples(view, found, shown)
    chart = report.chart(view, found, shown) if shown else None
    slices, towards, rest = (
        report.slices(found, shown, shares),
        report.pulls(found, pulls),
        report.rest(found, within),
    )
    return Evidence(
        tool="find_slices",
        title="Where it fails more than elsewhere",
        summary=" ".join(report.summary(found, shown, pulls, target)),
        facts=report.facts(found, shown, pulls, q),
        tables=tuple(t for t in (slices, towards, rest) if t),
        figures=tuple(f for f in (chart, figure) if f),
        images=images,
        questions=_questions(target, pulls),
        findings=_findings(view, found, shown, pulls, shares, target, within),
        notes=tuple(_notes(view, found, cut, shares)),
        next_steps=tuple(_next_steps(view, found, shown, pulls)),
    )


def _questions(target: Target, pulls: Sequence[Suspicion]) -> tuple[str, ...]:
    return (
        "performance.3",
        "input.14",
        *(("performance.6",) if target == "confident_error" else ()),
        *(("features_global.6",) if pulls else ()),
    )


def _findings(
    view: CaseView,
    found: Search,
    shown: Sequence[Found],
    pulls: Sequence[Suspicion],
    shares: Mapping[int, TrainShare],
    target: Target,
    within: int | None,
) -> tuple[Finding, ...]:
    """The same bug is not reported twice: a slice that a confirmed pull accounts for is part of that finding.

    While the pull is open (an experiment will decide), the slice stands for itself and says so.
    """
    adjusted = found.report.class_adjusted
    slices = [slice_finding(found, one, target, shares.get(i), adjusted) for i, one in enumerate(shown)]
    suspected = []
    for pull in pulls:
        made = suspicion_finding(view, found, pull)
        same = [i for i, one in enumerate(shown) if accounts_for(pull, one)]
        if made.verdict == "confirmed":
            made = dataclasses.replace(made, tests=(*made.tests, *(t for i in same for t in slices[i].tests)))
            shown = [one for i, one in enumerate(shown) if i not in same]
            slices = [one for i, one in enumerate(slices) if i not in same]
        else:
            slices = [same_bug(one, made) if i in same else one for i, one in enumerate(slices)]
        suspected.append(made)
    refuted = [s for s in found.report.others if s.verdict == "refuted"][:MOST_REFUTED]
    tried = [refuted_finding(found, one, target, within, adjusted) for one in refuted]
    return (*slices, *suspected, *tried)


def _notes(view: CaseView, found: Search, cut: int, shares: Mapping[int, TrainShare]) -> list[str]:
    made, split = found.report, found.split
    notes = left_out_notes(split, [*view.table(split).left_out, *found.predictions.left_out])
    unlabelled = int((~found.predictions.labelled).sum())
    if unlabelled:
        notes.append(f"{unlabelled:,} of the {called(split)} have no label and are not counted.")
    notes += found.notes
    if not made.class_adjusted and found.class_column is not None:
        notes.append("Too few images a class to compare within classes: slices may stand for hard classes.")
    elif made.class_adjusted:
        notes.append("Slices are compared within true classes, so none is listed for holding hard classes.")
    if made.n < 4 * made.floor:
        notes.append(f"Only {made.n} images: slices of fewer than {made.floor} are not looked at.")
    if cut > 0:
        notes.append(f"{cut} more slices hold; raise top to see them.")
    if made.confirmed and "train" not in view.splits():
        notes.append(
            "Without training images the cause of a weak slice is undetermined: rare cases can't be told from others."
        )
    return notes


def _next_steps(
    view: CaseView, found: Search, shown: Sequence[Found], pulls: Sequence[Suspicion]
) -> list[str]:
    steps = []
    for one in pulls[:1]:
        coded = found.attributes[one.attribute]
        name, pulled = clean(coded.name, 40), clean(found.classes[one.found.predicted], 40)
        if maskable(view, found, one):
            steps.append(
                f"Take the {name} away and see whether {pulled} goes with it (test_by_masking, region box:{name})."
            )
        else:
            steps.append(f"Look at what the model looks at when it answers {pulled} (saliency).")
    for slice_ in shown[:1]:
        where = " & ".join(filters(found, slice_.spans))
        steps.append(
            f"Look at these images and what they are taken for (confusion_matrix, saliency with where: {clean(where, 120)})."
        )
    if not shown:
        steps.append("Add attributes that people find telling (metadata columns), and search again.")
    return steps
