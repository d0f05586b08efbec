"""label_noise: which labels are probably wrong, how many, and whether somebody in particular gave them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, Finding, ImageRef
from failsight.tools.examples import contact_sheet
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.labels.by_source import with_pairs
from failsight.tools.labels.careless import (
    Careless,
    Listing,
    habits_tables,
    list_suspects,
    listed,
    look_again,
)
from failsight.tools.labels.classes import ClassNoise, class_finding, class_noise, class_table
from failsight.tools.labels.conditions import guard
from failsight.tools.labels.groups import (
    FEWEST,
    MOST_GROUPS,
    Columns,
    Group,
    candidates,
    judge_groups,
    misleading_content,
    shown,
    sort_columns,
)
from failsight.tools.labels.judged import judged
from failsight.tools.labels.pairs import Pair, calibrate, class_pairs, expected_suspects
from failsight.tools.labels.report import (
    BY_HEART,
    Overall,
    facts,
    group_finding,
    overall_finding,
    plan,
    summary,
)
from failsight.tools.labels.scores import FOLDS, Scored, out_of_sample
from failsight.tools.labels.second import (
    Second,
    looked_at,
    second_opinion,
    seconded,
    with_excess,
)
from failsight.tools.labels.swaps import most_exchanged, with_swaps
from failsight.tools.labels.tables import group_table, pair_table, suspect_table
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.stats.confident import (
    ConfidentCounts,
    calibrated_joint,
    confident_counts,
    normalised_margin,
)
from failsight.tools.stats.label_floor import Disagreement, fit_floor
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView

Bool = npt.NDArray[np.bool_]
SHOWN = 12
TYPICAL_RATE = 0.05  # suspect share assumed outside a group when the plan states what it could see


@tool(
    cost="pass",
    needs=("scores",),
    answers=("input.11", "expectations.4"),
    decides=("label_noise",),
    fits=FOLDS,
    heeds=("preprocessing",),  # what is known of the feeding decides what disagreement means
    reads_attributes=True,
)
def label_noise(
    view: CaseView,
    split: Annotated[Split, Field(description="Which labels: data, train or deploy.")] = "data",
    class_name: Annotated[
        str | None, Field(description="Only images that carry this label.", max_length=200)
    ] = None,
    by: Annotated[
        list[str] | None,
        Field(
            description="Metadata columns that say who, when or how an image was labelled; by default those whose names say so (annotator, observer, batch, date, source …; also in German, French and Spanish).",
            max_length=20,
        ),
    ] = None,
    most: Annotated[int, Field(description="How many suspects to list.", ge=5, le=10_000)] = 100,
) -> Evidence:
    """Find labels that are probably wrong (confident learning), how many there are, and whether one annotator or batch gave them.

    Suspects are ranked and shown with the class that the model suggests. A model's errors make suspects too: their number is
    estimated from its calibrated confidence, and wrong labels are confirmed only where labels disagree however sure the model is and a
    second head, which learnt from these very labels, agrees with it; where members of one class carry another's label far more often than the
    other way round; or where one annotator's images are like the others' and the labels are not.
    """
    if split == "train" and split not in view.splits():
        raise RetryError(
            "This case has no training images, so their labels can't be checked: give them with --train.",
            view.splits(),
        )
    split = check_split(view, split)
    need_labels(view, split)
    wanted = class_index(view.classes, class_name) if class_name else None
    _check_columns(view, split, by)
    scored = out_of_sample(view, split)
    among = np.ones(len(scored.labels), bool) if wanted is None else scored.labels == wanted
    if not among.any():
        raise RetryError(f"No {called(split)} carry the label {clean(class_name or '', 60)}.")
    among, unjudged = judged(scored, among)
    attributes = view.attributes(split)
    columns = sort_columns(attributes, np.searchsorted(attributes.rows, scored.rows), by)
    groups = candidates(columns, among)
    name = scored.classes[wanted] if wanted is not None else None
    _register(view, split, name, groups, among)
    made = _measure(view, scored, columns, groups, among, by, by_class=wanted is None)
    made = replace(made, overall=replace(made.overall, fed_wrongly=_fed_wrongly(view)))
    images = _images(view, scored, made)
    return Evidence(
        tool="label_noise",
        arguments={"split": split, "class_name": class_name, "by": by, "most": most},
        title="Whether the labels can be trusted",
        summary=" ".join(
            [summary(made.overall, made.groups, made.pairs, scored.classes, split, name), *unjudged]
        ),
        facts=facts(made.overall, made.groups, split, name),
        tables=tuple(
            t
            for t in (
                group_table(made.groups),
                class_table(made.by_class, scored.classes),
                pair_table(made.pairs, scored.classes),
                *habits_tables(made.careless, scored.classes),
                suspect_table(
                    listed(scored, made.listing),
                    made.order[:most],
                    made.listing.suggested,
                    made.listing.quality,
                    view.table(split).paths,
                ),
            )
            if t.rows
        ),
        figures=_figures(view, images, made),
        images=images,
        questions=("input.11", "expectations.4"),
        findings=tuple(replace(f, split=split) for f in _findings(made, scored, split, name)),
        notes=(
            *_notes(scored, columns, made, most, by),
            *left_out_notes(split, view.predictions(split).left_out),
        ),
        next_steps=_next_steps(made),
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """What one call measured; ``listing`` holds the suspects that take part, most suspicious first."""

    overall: Overall
    counts: ConfidentCounts
    listing: Listing
    careless: list[Careless]
    pairs: list[Pair]
    groups: tuple[Group, ...]
    untested: tuple[str, ...]
    by_class: list[ClassNoise]
    second: Second | None

    @property
    def order(self) -> npt.NDArray[np.int64]:
        return self.listing.order


def _fed_wrongly(view: CaseView) -> str:
    """The id of the confirmed finding that the model is fed wrongly, or empty."""
    wrong = (i for i, f in view.findings() if f.kind == "preprocessing" and f.verdict == "confirmed")
    return next(wrong, "")


def _check_columns(view: CaseView, split: Split, by: list[str] | None) -> None:
    known = view.table(split).columns
    for name in by or ():
        if name not in known:
            raise RetryError(
                f"by: there is no metadata column {clean(name, 60)!r}.", [clean(c, 60) for c in known]
            )


def _register(
    view: CaseView, split: Split, name: str | None, groups: list[tuple[str, str, Bool]], among: Bool
) -> None:
    """Journal every test before anything is counted."""
    total = int(among.sum())
    whole = Finding("label_noise", "correctness", "data_content", "", class_name=name, split=split)
    view.register(
        plan(whole, f"Labels of the {called(split)} are wrong beyond the model's own errors.", total, "the model's own errors, by its calibrated confidence, within groups too; a cross-validated head must agree with most suspects", None)
    )  # fmt: skip
    if name is None and split != "train":
        for label in range(len(view.classes)):
            n = int((view.predictions(split).labels == label).sum())
            if n >= FEWEST:
                one = Finding(
                    "label_noise",
                    "correctness",
                    "data_content",
                    "",
                    class_name=view.classes[label],
                    split=split,
                )
                said = f"Images labelled {clean(view.classes[label], 60)} carry wrong labels more often than the others."
                view.register(
                    plan(
                        one,
                        said,
                        n,
                        "all other labels, and for each other class its members with this label against the other way round, also without the images that show what the label goes along with; and a head that learnt from these very labels, cross-validated",
                        None,
                    )
                )
    for column, value, inside in groups:
        n = int((inside & among).sum())
        finding = Finding(
            "label_noise",
            "correctness",
            "data_content",
            "",
            slice={column: value},
            class_name=name,
            split=split,
        )
        smallest = smallest_rate_difference(n, TYPICAL_RATE, total - n, 0.05 / max(len(groups), 1))
        statement = (
            f"Labels with {clean(column, 40)}={clean(value, 60)} are wrong more often than the others."
        )
        view.register(plan(finding, statement, n, "all other labelled images, within given classes; images as hard as the group's own", smallest))  # fmt: skip


def _measure(
    view: CaseView,
    scored: Scored,
    columns: Columns,
    groups: list[tuple[str, str, Bool]],
    among: Bool,
    by: list[str] | None,
    *,
    by_class: bool,
) -> _Made:
    counts = confident_counts(scored.labels, scored.scores)
    quality = normalised_margin(scored.labels, scored.scores)
    suspects = np.flatnonzero(counts.suspect & among)
    order = suspects[np.argsort(quality[suspects], kind="stable")]
    misleading = misleading_content(columns, counts.suspect, scored.labels, among)
    clear = among.copy()
    for inside in misleading.values():
        clear &= ~inside
    floor, ci, p, sharpness = fit_floor(Disagreement(scored.scores, scored.predicted != scored.labels), among)
    calibrated = calibrate(scored.scores, sharpness)
    sizes = np.bincount(scored.labels[among], minlength=len(scored.classes))
    joint = calibrated_joint(counts.joint * (sizes > 0)[:, None], sizes)
    large = [g for g in groups if min((g[2] & clear).sum(), (~g[2] & clear).sum()) >= FEWEST]
    second, seen = second_opinion(view, scored), looked_at(view, scored)
    looks = second or seen
    masks = {(column, value): inside for column, value, inside in large}
    held = guard(view, scored, columns, clear, by, looked=looks is not None and looks.sees)
    tested = held(judge_groups(scored, counts.suspect, large, clear), masks)
    tested = held(with_excess(tested, masks, looks, scored, clear, view.seed), masks)
    tested = with_swaps(tested, masks, scored, calibrated, clear, held)
    tested = with_pairs(tested, masks, scored, calibrated, clear, held)
    if scored.split == "train":
        tested = tuple(
            replace(g, verdict="inconclusive", why=BY_HEART) if g.verdict == "refuted" else g for g in tested
        )
    known = set(masks)
    untested = tuple(f"{column}={value}" for column, value, _ in groups if (column, value) not in known)
    pairs = class_pairs(scored, counts, calibrated, among)
    overall = Overall(
        n=int(among.sum()), suspects=len(suspects), learned=float(1 - np.trace(joint) / max(joint.sum(), 1)),
        expected=expected_suspects(counts, calibrated, among), floor=floor, floor_ci=ci, p=p, sharpness=sharpness, misleading=tuple(misleading),
        second=seconded(second, counts.suspect, counts.suggested, among) if second else None,
        within=_within_groups(tested), learnt=scored.split == "train",
        exchanged=most_exchanged(scored, calibrated, clear),
    )  # fmt: skip
    # what tells the true class goes along with suspects, too: here the second opinion guards against what misleads
    classes = (
        class_noise(scored, second, counts.suspect, counts.suggested, among, shown(columns, tested, masks))
        if by_class
        else []
    )
    careless = _careless(seen, scored, tested, masks)
    listing_ = list_suspects(careless, scored, order, counts.suggested, quality, among)
    return _Made(overall, counts, listing_, careless, pairs, tested, untested, classes, second)


def _careless(
    seen: Second | None, scored: Scored, tested: tuple[Group, ...], masks: dict[tuple[str, str], Bool]
) -> list[Careless]:
    """The confirmed groups' training labels, judged by a head that learnt from none of them. Other images' scores come from a model that
    did not learn these labels in the first place."""
    confirmed = [(g.column, g.value, masks[g.column, g.value]) for g in tested if g.verdict == "confirmed"]
    return look_again(scored, seen.basis, confirmed) if confirmed and seen else []


def _within_groups(groups: tuple[Group, ...]) -> float | None:
    """Share of wrong labels when every group may be as hard as it is: the smallest over the columns; None without groups.

    Images of which some are harder than the model knows look like wrong labels when all are taken together.
    """
    columns = {g.column for g in groups}
    shares = []
    for column in columns:
        mine = [g for g in groups if g.column == column]
        if len(mine) > 1:
            shares.append(sum(g.n * g.floor.inside for g in mine) / sum(g.n for g in mine))
    return min(shares, default=None)


def _findings(made: _Made, scored: Scored, split: Split, name: str | None) -> tuple[Finding, ...]:
    """Confirmed groups; else the most suspicious one if more labels are suspect there; and the labels as a whole."""
    confirmed = [g for g in made.groups if g.verdict == "confirmed"]
    told = confirmed or [g for g in made.groups[:1] if g.verdict == "inconclusive" and g.effect > 0]
    found = [group_finding(g, split, name, bool(made.overall.misleading)) for g in told]
    if not confirmed:
        fed = bool(made.overall.fed_wrongly)
        classes = [m for m in made.by_class if m.verdict == "confirmed" and not fed]
        whole = overall_finding(made.overall, split, name)
        # where most labels are given wrongly, that is the finding, not each of them
        widespread = whole.verdict == "confirmed" and len(classes) > len(scored.classes) / 2
        found += [class_finding(m, scored) for m in classes] if classes and not widespread else [whole]
    return tuple(found)


def _images(view: CaseView, scored: Scored, made: _Made) -> tuple[ImageRef, ...]:
    paths = view.table(scored.split).paths
    shown = []
    for i in made.order[:SHOWN].tolist():
        row, suggested = int(scored.rows[i]), int(made.listing.suggested[i])
        shown.append(
            ImageRef(
                scored.split, row, paths[row], scored.classes[scored.labels[i]], scored.classes[suggested], float(made.listing.scores[i, suggested])
            )
        )  # fmt: skip
    return tuple(shown)


def _figures(view: CaseView, images: tuple[ImageRef, ...], made: _Made) -> tuple[Figure, ...]:
    if not images:
        return ()
    words = listing([f"{clean(i.label, 30)} perhaps {clean(i.prediction, 30)}" for i in images], 4)
    alt = f"The {len(images)} most suspicious of {len(made.order)} labels, each with its given label and the suggested one: {words}."
    sheet = contact_sheet(
        view, images, name="label_suspects", title="Suspect labels: given > suggested", alt=alt
    )
    return (sheet,) if sheet else ()


def _notes(scored: Scored, columns: Columns, made: _Made, most: int, by: list[str] | None) -> list[str]:
    notes = [
        scored.how,
        *(
            [
                f"Second opinion: a head on {made.second.how}, fitted {FOLDS} times to these labels without the images that it judges."
                + (
                    f" To save time each time to {made.second.fitted:,} of the others, drawn by class."
                    if made.second.fitted
                    else ""
                )
            ]
            if made.second
            else []
        ),
        "A weak model makes suspects of its own errors, and errors that are as confident as its right answers look like wrong labels: only a person who looks at the suspects can say which they are.",
    ]
    notes += [one.told for one in made.careless]
    if made.overall.misleading:
        notes.append(
            f"Suspects go along with what the images show ({listing(list(made.overall.misleading), 6)}); such images were left out of the tests by group, because the model may be misled there."
        )
    if made.untested:
        notes.append(
            f"Too few images without misleading content were left to test {listing(list(made.untested), 6)}."
        )
    if not columns.labelling:
        notes.append(
            "No column was recognised as saying who, when or how the images were labelled; where one does, name it (by=COLUMN): then it is "
            "tested whether the wrong labels have one source."
        )
    elif by is None:
        notes.append(
            f"Taken by their names to tell how the images were labelled: {listing([c.name for c in columns.labelling], 6)}. If that is not so, name the columns "
            "that do (by=COLUMN)."
        )
    if any(len(c.values) > MOST_GROUPS for c in columns.labelling):
        notes.append(f"Only the {MOST_GROUPS} largest groups were tested.")
    absent = [
        scored.classes[c]
        for c in np.flatnonzero(np.bincount(scored.labels, minlength=len(scored.classes)) == 0)
    ]
    if absent:
        notes.append(
            f"No image carries the label {listing(absent, 6)}: nothing can be suggested to belong there."
        )
    if len(made.order) > most:
        notes.append(f"{counted(len(made.order) - most, 'more suspect is', 'more suspects are')} not listed.")
    return notes


def _next_steps(made: _Made) -> tuple[str, ...]:
    steps = []
    if len(made.order):
        steps.append(
            "Look through the suspects: `failsight labels export CASE FILE.csv` writes them for relabelling, `failsight labels import` reads the verdicts back."
        )
    if any(g.verdict == "confirmed" for g in made.groups):
        steps.append(
            "Have that group's labels looked through as a whole, and the guideline explained to whoever gave them."
        )
    if any(p.reading == "ambiguous classes" for p in made.pairs):
        steps.append(
            "For classes that are confused both ways write a rule that tells them apart, before anybody relabels."
        )
    return tuple(steps)
