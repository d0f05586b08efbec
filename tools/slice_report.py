"""What find_slices shows: sentences, facts, tables, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from failsight.tools.evidence import Cell, Fact, Figure, ImageRef, Table
from failsight.tools.examples import contact_sheet, references
from failsight.tools.figures.charts import Mark, rates
from failsight.tools.notes import of_split
from failsight.tools.slice_findings import Found, TrainShare, spans_of, title
from failsight.tools.slice_search import Search, Suspicion, Target, detectable
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

EXAMPLES = 4  # images of each of the first slices
SHOWN_SLICES = 3
WHAT: Mapping[Target, str] = {
    "error": "error",
    "confident_error": "share of errors made with confidence",
    "loss": "probability that the true class lacks",
}


def summary(found: Search, shown: Sequence[Found], pulls: Sequence[Suspicion], target: Target) -> list[str]:
    report = found.report
    base = f"Over all {report.n:,} images the {WHAT[target]} is {number(report.overall)}."
    if not shown:
        text = f"No group of images holds up as worse than the others: {report.examined:,} combinations were counted, {report.carried} tested on images set aside, none confirmed."
        lines = [text, base]
    else:
        first = [
            f"{title(found, one.spans, one.class_index)} ({number(one.errors.rate)} wrong against {number(one.errors.rate_out)} elsewhere)"
            for one in shown[:3]
        ]
        many = "One group of images fails" if len(shown) == 1 else f"{len(shown)} groups of images fail"
        lines = [f"{many} more than the others, on images that did not suggest it: {'; '.join(first)}.", base]
    if pulls:
        one = pulls[0]
        coded = found.attributes[one.attribute]
        lines.append(
            f"{clean(coded.name, 40)}={clean(coded.values[one.found.value], 60)} pulls predictions towards "
            f"{clean(found.classes[one.found.predicted], 40)}: {number(one.rate)} of the other classes' images are called that "
            f"with it, {number(one.rate_out)} without."
        )
    return lines


def facts(found: Search, shown: Sequence[Found], pulls: Sequence[Suspicion], q: float) -> tuple[Fact, ...]:
    report, where = found.report, of_split(found.split)
    facts = [
        Fact("slices_confirmed", len(shown), "count", where),
        Fact("slices_tested", report.carried, "count", where),
        Fact("slices_counted", report.examined, "count", where),
    ]
    smallest = detectable(report, q)
    if smallest is not None:
        facts.append(Fact("smallest_detectable_effect", smallest, "points", where, n=report.n_confirmation))
    for one in shown:
        about = of_split(found.split, f"slice {title(found, one.spans, one.class_index)}")
        e = one.errors
        facts += [
            Fact("error_rate", e.rate, "share", about, e.ci, e.n, "lower_is_better"),
            Fact("effect", e.difference, "points", about, e.difference_ci, e.n, "lower_is_better"),
            Fact("q", one.q, "score", about),
        ]
    for pull in pulls:
        coded = found.attributes[pull.attribute]
        value = coded.values[pull.found.value]
        about = of_split(
            found.split, f"{coded.name}={value} towards class {found.classes[pull.found.predicted]}"
        )
        facts.append(
            Fact("pull", pull.found.wrong, "points", about, pull.found.wrong_ci, pull.n, "lower_is_better")
        )
    return tuple(facts)


def slices(found: Search, shown: Sequence[Found], shares: Mapping[int, TrainShare]) -> Table | None:
    if not shown:
        return None
    rows: list[tuple[Cell, ...]] = []
    for i, one in enumerate(shown):
        e, share = one.errors, shares.get(i)
        merged = sum(len(part.merged) for part in one.parts)
        rows.append(
            (
                title(found, one.spans, one.class_index),
                int(one.inside.sum()),
                e.n,
                e.rate,
                interval(e.ci),
                e.rate_out,
                interval(e.difference_ci, "points"),
                p_value(one.q),
                merged,
                share.share if share else None,
            )
        )
    return Table(
        "Slices that hold",
        (
            "slice",
            "images",
            "tested",
            "error",
            "interval",
            "elsewhere",
            "difference",
            "q",
            "merged",
            "in training",
        ),
        tuple(rows),
        ("text", "count", "count", "share", "text", "share", "text", "text", "count", "share"),
        "Error rates are those of the half that did not suggest the slice. Merged: similar groups that this one accounts for.",
    )


def rest(found: Search, within: int | None) -> Table | None:
    """Everything that was carried to the other half and not reported."""
    if not found.report.others:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one in found.report.others:
        spans, class_index = spans_of(found, one)
        e = one.confirmation
        rows.append(
            (
                title(found, spans, within if class_index is None else class_index),
                one.support,
                one.discovery.rate,
                e.rate,
                e.rate_out,
                p_value(one.p),
                one.verdict,
                one.reason,
            )
        )
    return Table(
        "Tried on the other half and not reported",
        ("slice", "images", "first half", "other half", "elsewhere", "p", "verdict", "why"),
        tuple(rows),
        ("text", "count", "share", "share", "share", "text", "text", "text"),
        "The first half chose these groups, so their rates there are too high.",
    )


def pulls(found: Search, pulls: Sequence[Suspicion]) -> Table | None:
    if not pulls:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one in pulls:
        coded = found.attributes[one.attribute]
        rows.append(
            (
                f"{clean(coded.name, 40)}={clean(coded.values[one.found.value], 60)}",
                found.classes[one.found.predicted],
                one.n,
                one.rate,
                one.rate_out,
                interval(one.found.wrong_ci, "points"),
                p_value(one.q),
            )
        )
    return Table(
        "Attributes that pull predictions",
        ("attribute", "towards", "images", "with it", "without", "difference", "q"),
        tuple(rows),
        ("text", "text", "count", "share", "share", "text", "text"),
        "Share of the images of other classes that are called this class; differences within true classes.",
    )


def chart(view: CaseView, found: Search, shown: Sequence[Found]) -> Figure:
    names = [title(found, one.spans, one.class_index) for one in shown]
    marks = [Mark(one.errors.rate, *one.errors.ci) for one in shown]
    said = listing([f"{n} {number(one.errors.rate)}" for n, one in zip(names, shown, strict=True)], 8)
    overall = number(float(found.wrong[found.confirmation].mean()))
    alt = f"Error rate of each slice with its 95 % interval: {said}; all images {overall}."
    svg = rates(
        "Error rate by slice",
        alt,
        names,
        [("error", marks)],
        f"share that is wrong, 95 % interval (all: {overall})",
    )
    return view.save_figure("slices", svg, title="Error rate by slice", alt=alt)


def examples(
    view: CaseView, found: Search, shown: Sequence[Found]
) -> tuple[tuple[ImageRef, ...], Figure | None]:
    """The most confident errors of the first slices."""
    images: list[ImageRef] = []
    for one in shown[:SHOWN_SLICES]:
        wrong = np.flatnonzero(one.inside & found.wrong)
        best = wrong[np.argsort(-found.confidence[wrong], kind="stable")][:EXAMPLES]
        caption = title(found, one.spans, one.class_index)
        images += references(view, found.predictions, found.positions[best], caption)
    if not images:
        return (), None
    alt = f"{len(images)} misclassified images from {min(len(shown), SHOWN_SLICES)} slices, with label and prediction."
    return tuple(images), contact_sheet(
        view, images, name="slices-examples", title="Errors in the slices", alt=alt
    )
