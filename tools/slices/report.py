"""What find_slices shows: sentences, facts, tables, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from failsight.tools.evidence import Cell, Fact, Figure, ImageRef, Table, Unit
from failsight.tools.examples import contact_sheet, references
from failsight.tools.figures.charts import Mark, rates
from failsight.tools.notes import of_split
from failsight.tools.slices.causes import tied
from failsight.tools.slices.classes import class_facts, told_exchange
from failsight.tools.slices.findings import Found, Why, beside, means, merged_into, spans_of, title
from failsight.tools.slices.pulls import Compared, Suspicion
from failsight.tools.slices.search import HALF, TAIL, Search, detectable, half_digest
from failsight.tools.slices.suspicions import looked_at, pull_claim, shown_only
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

EXAMPLES = 4  # images of each of the first slices
SHOWN_SLICES = 3
MERGED_ROWS = 25


def summary(
    view: CaseView,
    found: Search,
    shown: Sequence[Found],
    pulls: Sequence[Suspicion],
    whys: Sequence[Why],
    q: float,
) -> list[str]:
    report = found.report
    base = f"Over all {report.n:,} images the {found.goal.what} is {found.goal.shown(report.overall)}."
    if not shown:
        text = f"No group of images holds up as worse than the others: {report.examined:,} combinations were counted, {report.carried} tested on images set aside, none confirmed."
        lines = [text, *unseen(found, q), base]
    else:
        first = [f"{title(found, one.spans, one.class_index)} ({_against(found, one)})" for one in shown[:3]]
        first += [f"and {len(shown) - 3} more"] if len(shown) > 3 else []
        does, do = ("scores higher", "score higher") if found.goal.kind == "column" else ("fails", "fail")
        many = f"One group of images {does}" if len(shown) == 1 else f"{len(shown)} groups of images {do}"
        lines = [f"{many} more than the others, on images that did not suggest it: {'; '.join(first)}.", base]
        lines[1:1] = [
            f"In {title(found, one.spans, None)} {told_exchange(found, why.classes)}."
            for one, why in zip(shown[:1], whys, strict=False)
            if why.classes.exchanged
        ]
    if pulls:
        one = pulls[0]
        lines.append(
            f"{pull_claim(view, found, one)}: {number(one.rate)} of {looked_at(found)} are called that "
            f"with it, {number(one.rate_out)} without ({number(one.found.wrong, 'points')} "
            f"{interval(one.found.wrong_ci, 'points')} within true classes).{shown_only(found, one)}"
        )
    return lines


def unseen(found: Search, q: float) -> list[str]:
    """How large an excess would have had to be to be seen: what is smaller may be there all the same. Nothing where all images
    are answered alike, rightly or wrongly."""
    if not 0 < found.report.overall < 1:
        return []
    tenth = f"a group of a tenth of the images ({round(TAIL * found.report.n):,})"
    worse = "score higher" if found.goal.kind == "column" else "fail more often"
    smallest = detectable(found, q)
    if smallest is None:
        return [f"So few images show no difference, however large: even {tenth} may {worse} unseen."]
    return [
        f"That does not mean that there is none: {tenth} would have to {worse} than the others by about {number(smallest, 'points')} to be "
        "seen four times in five; a smaller excess, a smaller group or a combination of attributes is more easily missed."
    ]


def _against(found: Search, one: Found) -> str:
    if found.goal.kind == "column":
        inside, outside = (found.goal.shown(value) for value in means(found, one))
        return f"{inside} against {outside} {beside(found, one)}"
    return f"{number(one.errors.rate)} wrong against {number(one.errors.rate_out)} {beside(found, one)}"


def facts(found: Search, shown: Sequence[Found], whys: Sequence[Why], q: float) -> tuple[Fact, ...]:
    report, where = found.report, of_split(found.split)
    n, wrong = report.n, int(found.wrong.sum())
    facts = [
        Fact("error_rate", wrong / n, "share", where, wilson(wrong, n), n, "lower_is_better"),
        Fact("slices_confirmed", len(shown), "count", where),
        Fact("slices_tested", report.carried, "count", where),
        Fact("slices_counted", report.examined, "count", where),
    ]
    if found.goal.kind != "error":
        facts.append(Fact("target_mean", report.overall, "share", where, None, n, "lower_is_better"))
    smallest = detectable(found, q)
    if smallest is not None:
        facts.append(Fact("smallest_detectable_effect", smallest, "points", where, n=report.n_confirmation))
    for one, why in zip(shown, whys, strict=True):
        about = of_split(found.split, f"slice {title(found, one.spans, one.class_index)}")
        e = one.errors
        facts += [
            Fact("error_rate", e.rate, "share", about, e.ci, e.n, "lower_is_better"),
            Fact(
                "error_rate_elsewhere",
                e.rate_out,
                "share",
                about,
                _wilson(e.rate_out, e.n_out),
                e.n_out,
                "lower_is_better",
            ),
            Fact("effect", e.difference, "points", about, e.difference_ci, e.n, "lower_is_better"),
            Fact("q", one.q, "score", about),
        ]
        if found.goal.kind != "error":
            facts.append(
                Fact("target_mean", means(found, one)[0], "share", about, None, e.n, "lower_is_better")
            )
        facts += [*_why_facts(why, about), *class_facts(found, why.classes, about)]
    return tuple(facts)


def _why_facts(why: Why, about: str) -> list[Fact]:
    made: list[Fact] = []
    if why.share is not None:
        share, curve = why.share, why.share.curve
        made.append(Fact("share_in_training", share.share, "share", about, share.ci, share.n))
        made.append(Fact("share_here", share.here, "share", about))
        if curve is not None and curve.units:
            made.append(Fact("error_per_doubling", curve.slope, "points", about, curve.ci, curve.units))
    if why.cue is not None:
        m = why.cue.missed
        made += [
            Fact("cue_share", why.cue.share, "share", about),
            Fact("cue_share_elsewhere", why.cue.share_other, "share", about),
            Fact("missed_without", m.difference, "points", about, m.ci, m.n, "lower_is_better"),
        ]
    if why.splits:
        found = why.again / why.splits
        made.append(Fact("stability", found, "share", about, None, why.splits, "higher_is_better"))
    return made


def _wilson(rate: float, n: int) -> tuple[float, float]:
    return wilson(round(rate * n), n)


def pull_facts(
    found: Search, pulls: Sequence[Suspicion], ties: Sequence[Compared | None]
) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    for pull, tie in zip(pulls, ties, strict=True):
        coded = found.attributes[pull.attribute]
        value = coded.values[pull.found.value]
        about = of_split(
            found.split, f"{coded.name}={value} towards class {found.classes[pull.found.predicted]}"
        )
        for name, rate, n in (("with", pull.rate, pull.n), ("without", pull.rate_out, pull.n_out)):
            facts.append(Fact(f"called_{name}", rate, "share", about, _wilson(rate, n), n, "lower_is_better"))
        if tie is not None:
            facts += [
                Fact("tie_in_training", tie.difference, "points", about, tie.ci, tie.n + tie.n_out),
                Fact("share_in_training", tie.rate, "share", about, _wilson(tie.rate, tie.n), tie.n),
                Fact(
                    "share_in_training_elsewhere",
                    tie.rate_out,
                    "share",
                    about,
                    _wilson(tie.rate_out, tie.n_out),
                    tie.n_out,
                ),
            ]
        facts.append(
            Fact("pull", pull.found.wrong, "points", about, pull.found.wrong_ci, pull.n, "lower_is_better")
        )
        facts.append(
            Fact("cramers_v", pull.v, "score", about, pull.v_ci, pull.n + pull.n_out, "lower_is_better")
        )
        if pull.missed.enough:
            missed = pull.missed
            facts.append(
                Fact(
                    "missed_without",
                    missed.difference,
                    "points",
                    about,
                    missed.ci,
                    missed.n,
                    "lower_is_better",
                )
            )
    return tuple(facts)


def half_fact(found: Search) -> Fact:
    """Which rows chose, as a digest: a repair is judged on others, and whoever draws the half again can check it."""
    rows = found.predictions.rows[found.positions[found.report.discovery]]
    return Fact(HALF, half_digest(rows), "text", of_split(found.split), n=len(rows))


def slices(found: Search, shown: Sequence[Found], whys: Sequence[Why]) -> Table | None:
    if not shown:
        return None
    scored = found.goal.kind != "error"
    tried = any(why.splits for why in whys)
    rows: list[tuple[Cell, ...]] = []
    for one, why in zip(shown, whys, strict=True):
        e = one.errors
        score = [found.goal.shown(value) for value in means(found, one)] if scored else []
        rows.append(
            (
                title(found, one.spans, one.class_index),
                int(one.inside.sum()),
                e.n,
                *score,
                e.rate,
                interval(e.ci),
                e.rate_out,
                interval(e.difference_ci, "points"),
                p_value(one.q),
                len(merged_into(found, one)),
                why.share.share if why.share else None,
                *([f"{why.again} of {why.splits}"] if tried else []),
            )
        )
    units: list[Unit] = ["text", "count", "count", *(["text"] * 2 if scored else [])]  # type: ignore[list-item]
    units += ["share", "text", "share", "text", "text", "count", "share", *(["text"] if tried else [])]  # type: ignore[list-item]
    return Table(
        "Slices that hold",
        (
            "slice",
            "images",
            "tested",
            *(("mean", "mean elsewhere") if scored else ()),
            "error",
            "interval",
            "elsewhere",
            "difference",
            "q",
            "merged",
            "in training",
            *(("found again",) if tried else ()),
        ),
        tuple(rows),
        tuple(units),
        "Error rates are those of the half that did not suggest the slice. Elsewhere: the other images that have a value. Merged: similar groups that this one accounts for."
        + (" Found again: in other splits of the same images." if tried else ""),
    )


def merged(found: Search, shown: Sequence[Found]) -> Table | None:
    """What each slice accounts for, by name."""
    rows: list[tuple[Cell, ...]] = []
    for one in shown:
        into = title(found, one.spans, one.class_index)
        for name, r in merged_into(found, one):
            rows.append((name, into, RELATIONS[r.relation], r.n, r.rate, r.jaccard, r.errors, p_value(r.p)))
    if not rows:
        return None
    return Table(
        "Merged into these slices",
        (
            "group",
            "into",
            "how it lies",
            "tested",
            "error",
            "images in common",
            "its errors there",
            "p beside it",
        ),
        tuple(rows[:MERGED_ROWS]),
        ("text", "text", "text", "count", "share", "share", "share", "text"),
        "Images in common: of all images of either. p beside it: of its excess once the confirmed slices are accounted for.",
    )


RELATIONS = {
    "copy": "nearly the same images",
    "parent": "fewer conditions",
    "part": "more conditions",
    "overlap": "overlaps",
}


def causes(
    found: Search, shown: Sequence[Found], whys: Sequence[Why], pulls: Mapping[int, str]
) -> Table | None:
    """What the images tell about the cause of each slice; ``undetermined`` where they don't."""
    if not shown:
        return None
    rows: list[tuple[Cell, ...]] = []
    for i, (one, why) in enumerate(zip(shown, whys, strict=True)):
        share, cue = why.share, why.cue
        rare = (
            "undetermined" if share is None else f"{share.says}: {number(share.share)} {interval(share.ci)}"
        )
        curve = None if share is None else share.curve
        falls = (
            "undetermined"
            if curve is None or curve.says == "undetermined"
            else f"{curve.says}: {interval(curve.ci, 'points')}"
        )
        lacks = (
            "no such cue"
            if cue is None
            else f"{number(cue.missed.difference, 'points')} {interval(cue.missed.ci, 'points')}"
        )
        rows.append(
            (title(found, one.spans, one.class_index), rare, falls, lacks, pulls.get(i, "no pull found"))
        )
    return Table(
        "What may be behind them",
        (
            "slice",
            "rare in training",
            "errors fall with training images",
            "missed without the usual cue",
            "pull",
        ),
        tuple(rows),
        ("text",) * 5,
        "Rare: share in training with its interval. Falls: change of the error for each doubling, over other groups.",
    )


def rest(found: Search) -> Table | None:
    """Everything that was carried to the other half and not reported."""
    if not found.report.others:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one in found.report.others:
        spans, class_index = spans_of(found, one.conjunction)
        e = one.confirmation
        rows.append(
            (
                title(found, spans, found.prepared.within if class_index is None else class_index),
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


def pulls(found: Search, pulls: Sequence[Suspicion], ties: Sequence[Compared | None]) -> Table | None:
    if not pulls:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one, tie in zip(pulls, ties, strict=True):
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
                f"{one.v:.2f} [{one.v_ci[0]:.2f}, {one.v_ci[1]:.2f}]",
                listing([found.classes[v.true] for v in one.hit], 4) or "undetermined",
                one.missed.says(found.report.min_effect),
                tied(tie) if tie is None else f"{tied(tie)}: {interval(tie.ci, 'points')}",
            )
        )
    return Table(
        "Attributes that pull predictions",
        (
            "attribute",
            "towards",
            "images",
            "with it",
            "without",
            "difference",
            "q",
            "Cramér's V",
            "from",
            "missed without",
            "tied in training",
        ),
        tuple(rows),
        ("text", "text", "count", "share", "share", "text", "text", "text", "text", "text", "text"),
        f"Share of {looked_at(found)} that are called this class; differences within true classes. "
        "Missed without: whether images of the class itself are missed when it is not there. "
        "Tied: whether training images of the class have it more often than others.",
    )


def chart(view: CaseView, found: Search, shown: Sequence[Found]) -> Figure:
    names = [title(found, one.spans, one.class_index) for one in shown]
    marks = [Mark(one.errors.rate, *one.errors.ci) for one in shown]
    said = listing([f"{n} {number(one.errors.rate)}" for n, one in zip(names, shown, strict=True)], 8)
    overall = number(float(found.wrong[found.confirmation].mean()))
    alt = f"Error rate of each slice with its 95 % interval: {said}; all images of the half that tests {overall}."
    svg = rates(
        "Error rate by slice",
        alt,
        names,
        [("error", marks)],
        f"share that is wrong, 95 % interval (all of the half that tests: {overall})",
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
