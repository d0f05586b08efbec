"""find_slices: on which images the model fails more than on others, and whether that holds on images set aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from failsight.tools import belonging
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact, jsonable
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.slices import report
from failsight.tools.slices.bugs import told_once
from failsight.tools.slices.causes import (
    tied_in_training,
    train_shares,
    usual_cue,
)
from failsight.tools.slices.classes import classes_of
from failsight.tools.slices.conditional import only_with
from failsight.tools.slices.earlier import held_to_earlier
from failsight.tools.slices.findings import (
    Found,
    Why,
    filters,
    put_together,
    tried_slices,
)
from failsight.tools.slices.hibug_report import hibug_evidence
from failsight.tools.slices.owned import held_to_findings
from failsight.tools.slices.pictures import slice_figures
from failsight.tools.slices.plan import register_slice_plans
from failsight.tools.slices.pulls import (
    Suspicion,
    doubtful_labels,
    stands_without,
    suspicions,
)
from failsight.tools.slices.search import Search, prepare, search
from failsight.tools.slices.stability import stability
from failsight.tools.slices.suspicions import (
    HELD,
    WEAKER,
    accounts_for,
    maskable,
    told_held,
    told_weaker,
)
from failsight.tools.slices.target import PATTERN, goal
from failsight.tools.stats.slices import FEWEST, SearchSettings
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView

T = TypeVar("T")


@tool(
    cost="pass",
    answers=("performance.3", "performance.6", "expectations.3", "features_global.6", "input.14"),
    decides=("weak_slice", "rare_case", "spurious_correlation", "overemphasised_feature"),
    # a pull that rests on images with doubtful labels is none; slices wait for the experiment that tells what they are part of
    heeds=("label_noise", "overemphasised_feature"),
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
    within_prediction: Annotated[
        str | None,
        Field(description="Search only among images that the model calls this class.", max_length=200),
    ] = None,
    depth: Annotated[int, Field(description="Most conditions in a slice.", ge=1, le=3)] = 3,
    target: Annotated[
        str,
        Field(
            description="What counts as bad: error; confident_error (wrong and sure of it); loss (1 − probability of the true class); "
            "or column:NAME, a number per image in a metadata column, larger is worse.",
            pattern=PATTERN,
            max_length=200,
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
            description="Attribute whose equal values belong together (house, patient, video): kept in one half, counted together. By default as the case says (--groups); none: each image by itself.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
    method: Annotated[
        Literal["failsight", "hibug"],
        Field(
            description="hibug: HiBug's own thresholds instead of tests, for comparison (best with depth 1)."
        ),
    ] = "failsight",
    alpha: Annotated[
        float, Field(description="For hibug: threshold of P(prediction | description).", ge=0.5, le=0.999)
    ] = 0.7,
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
    group_by = belonging.told(group_by)
    split = check_split(view, split)
    need_labels(view, split)
    within = class_index(view.classes, within_class) if within_class else None
    predicted = class_index(view.classes, within_prediction) if within_prediction else None
    if within is not None and predicted is not None:
        raise RetryError("Among images of one true and one predicted class all are right or all are wrong.")
    aim = goal(target, view.predictions(split), view.attributes(split), confidence)
    settings = SearchSettings(
        depth=depth, min_support=min_support, min_effect=min_effect, q=q, seed=view.seed
    )
    prepared, notes = prepare(
        view,
        split,
        attributes=attributes,
        within=within,
        called=predicted,
        made=aim,
        group_by=group_by,
        settings=settings,
    )
    if method == "hibug":
        made = hibug_evidence(view, split, prepared, notes, alpha, top)
        return dataclasses.replace(made, arguments=jsonable(given))
    register_slice_plans(view, jsonable(given), settings, int(prepared.keep.sum()), predicted is None)
    found = held_to_earlier(view, search(view, split, prepared, aim, notes), q)
    found = held_to_findings(view, found, q)
    pulls = [
        dataclasses.replace(one, needs=only_with(found, one))
        for one in suspicions(found, q=q, min_effect=min_effect, floor=found.report.floor)
    ]
    pulls, doubts = _without_doubtful(view, found, pulls, min_effect)
    made = _evidence(view, found, pulls, q, top)
    made = dataclasses.replace(made, notes=(*made.notes, *doubts))
    return dataclasses.replace(made, arguments=jsonable(given))


def _without_doubtful(
    view: CaseView, found: Search, pulls: list[Suspicion], min_effect: float
) -> tuple[list[Suspicion], list[str]]:
    """The pulls that don't rest on images whose labels are confirmed to be often wrong, and a word on the others."""
    doubtful, named = doubtful_labels(view, found) if pulls else (None, [])
    if doubtful is None or not named:
        return pulls, []
    kept = [one for one in pulls if stands_without(found, one, doubtful, min_effect, found.report.floor)]
    if len(kept) == len(pulls):
        return pulls, []
    gone = [
        f"{found.attributes[p.attribute].name}={found.attributes[p.attribute].values[p.found.value]}"
        for p in pulls
        if p not in kept
    ]
    why = f"{clean(listing(gone, 4), 200)} pulls predictions only among images whose labels are often wrong ({listing(named, 4)}): not reported."
    return kept, [why]


def _evidence(view: CaseView, found: Search, pulls: Sequence[Suspicion], q: float, top: int) -> Evidence:
    """Everything that was measured, but for the arguments."""
    together = put_together(found)
    shown, cut = together[:top], len(together) - top
    whys, ties = _whys(view, found, shown), tied_in_training(view, found, pulls)
    findings, waiting = told_once(view, found, shown, list(zip(pulls, ties, strict=True)), whys)
    images, figure = report.examples(view, found, shown)
    chart = report.chart(view, found, shown) if shown else None
    cards = slice_figures(view, found, shown, {i: (why.again, why.splits) for i, why in enumerate(whys)})
    tables = (
        report.slices(found, shown, whys),
        report.pulls(found, pulls, ties),
        report.causes(found, shown, whys, _pulled(found, shown, pulls)),
        report.merged(found, shown),
        report.rest(found),
    )
    return Evidence(
        tool="find_slices",
        title="Where it fails more than elsewhere",
        summary=" ".join(report.summary(view, found, shown, pulls, whys, q)),
        facts=(
            *report.facts(found, shown, whys, q),
            *report.pull_facts(found, pulls, ties),
            *(Fact(HELD, len(names), "count", about) for about, names in waiting.slices.items()),
            *(Fact(WEAKER, len(names), "count", about) for about, names in waiting.weaker.items()),
            report.half_fact(found),
        ),
        tables=tuple(t for t in tables if t),
        figures=tuple(f for f in (chart, *cards, figure) if f),
        images=images,
        questions=_questions(found.goal.kind, pulls),
        findings=findings,
        tried=tried_slices(found, q),
        notes=(
            *_notes(view, found, cut, whys, bool(pulls)),
            *(told_held(*one) for one in waiting.slices.items()),
            *(told_weaker(*one) for one in waiting.weaker.items()),
        ),
        next_steps=tuple(_next_steps(view, found, shown, pulls)),
    )


def _whys(view: CaseView, found: Search, shown: Sequence[Found]) -> list[Why]:
    """What may be behind each slice, and whether it is found again in other halves."""
    shares = train_shares(view, found, [(one.spans, one.class_index, one.inside) for one in shown])
    again = stability(
        view, found, [one.inside for one in shown], lambda other: [one.inside for one in put_together(other)]
    )
    return [
        Why(
            shares.get(i),
            usual_cue(found, one.spans, one.class_index),
            again.again[i] if again else 0,
            again.splits if again else 0,
            classes_of(found, one.spans, one.class_index),
        )
        for i, one in enumerate(shown)
    ]


def _pulled(found: Search, shown: Sequence[Found], pulls: Sequence[Suspicion]) -> dict[int, str]:
    """Slice → the pull that accounts for it, in words."""
    made = {}
    for one in pulls:
        coded = found.attributes[one.attribute]
        words = f"{clean(coded.name, 40)}={clean(coded.values[one.found.value], 60)} towards {clean(found.classes[one.found.predicted], 40)}"
        made.update({i: words for i, slice_ in enumerate(shown) if accounts_for(one, slice_)})
    return made


def _questions(target: str, pulls: Sequence[Suspicion]) -> tuple[str, ...]:
    return (
        "performance.3",
        "input.14",
        *(("performance.6",) if target == "confident_error" else ()),
        *(("features_global.6",) if pulls else ()),
    )


def _notes(view: CaseView, found: Search, cut: int, whys: Sequence[Why], pulls: bool) -> list[str]:
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
    if found.called is not None:
        notes.append(
            "Among images of one predicted class the true class is the error itself: nothing is compared within it."
        )
    notes += _together_notes(found, pulls)
    if found.goal.kind == "column" and (found.goal.low, found.goal.high) != (0.0, 1.0):
        notes.append(
            f"{clean(found.goal.column or '', 40)} was scaled from {found.goal.low:g} … {found.goal.high:g} to 0 … 1; min_effect counts there."
        )
    if whys and not any(why.splits for why in whys):
        notes.append(
            "Whether the slices are found again in other splits was not tried: it would take more than a few seconds."
        )
    if pulls:
        notes.append(
            "Slices and pulls are two families: the false discovery rate is kept within each, not over both together."
        )
    if cut > 0:
        notes.append(f"{counted(cut, 'more slice holds', 'more slices hold')}; raise top to see them.")
    if made.confirmed and "train" not in view.splits():
        notes.append(
            "Without training images the cause of a weak slice is undetermined: rare cases can't be told from others."
        )
    return notes


def _together_notes(found: Search, pulls: bool) -> list[str]:
    """How images that belong together were counted, and what too few groups leave open."""
    if found.prepared.group_by is None:
        return []
    name = clean(found.prepared.group_by, 40)
    few = sum(s.groups is not None and s.groups < FEWEST for s in found.report.others)
    open_ = f": {few} of the {found.report.carried} slices tested" if few else ""
    narrow = " Shares with and without a pull, and Cramér's V, count images as independent: their intervals are too narrow."
    return [
        f"Images of one {name} are kept in one half and counted together, in tests and in the intervals of slices and of differences. What "
        f"fewer than {FEWEST} different values of {name} hold, or lack, stays inconclusive{open_}.{narrow if pulls else ''}"
    ]


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
