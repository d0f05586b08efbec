"""duplicates_and_leakage: which pictures occur twice, which evaluation images were trained on, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.attributes.alike import LEAST
from failsight.tools.attributes.computed import ImageMeasures, image_measures
from failsight.tools.attributes.copies import Copies, find_copies
from failsight.tools.attributes.repeats import Repeated
from failsight.tools.copies import drop as drop_without_copies
from failsight.tools.copies import groups as group_leakage
from failsight.tools.copies import report
from failsight.tools.copies.leakage import (
    ALPHA,
    TOLERATED,
    Inflation,
    disagreements,
    inflation,
    leaked_share,
)
from failsight.tools.copies.repeats import contradiction, near_contradiction
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Instrument
from failsight.tools.inputs.base import ImageTable, LeftOut, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.registry import tool
from failsight.tools.stats.multiplicity import holm
from failsight.tools.text import counted
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
JUDGED: tuple[Split, ...] = ("data", "deploy")  # splits on which the model is judged
LARGE = (
    100_000  # images of a split other than the evaluation images that are looked at without being asked for
)
FEATURES_OF = 30_000  # … and whose features are read


@tool(
    cost="pass",
    answers=("input.16",),
    decides=("leakage",),
    passes=6.0,  # in time: half a comparison of pixels for each picture
    reads_groups=True,
    heeds=(
        "distribution_shift",
    ),  # a drop in deployment that was confirmed is counted again without leaked images
)
def duplicates_and_leakage(
    view: CaseView,
    splits: Annotated[
        tuple[Split, ...] | None,
        Field(
            description="Only among these splits: data, train, deploy, pool; by default all.", max_length=4
        ),
    ] = None,
    features: Annotated[
        bool,
        Field(
            description="Also look for copies by the model's own features: finds crops and mirror images that hashes miss."
        ),
    ] = True,
) -> Evidence:
    """Find pictures that occur twice within and across splits, and evaluation images that were trained on, with the accuracy without them.

    Equal pictures are found by their bytes and pixels; re-encoded, mirrored and cropped ones are proposed by perceptual
    hashes and by nearness in the model's features, and count only when their pixels agree once laid over each other.
    Leakage is confirmed when clearly more than 0.5 % of the evaluation images are training images too. Where a column says which
    images belong together (patient, video), its values are compared as well, with what it changes where they are on both sides.
    """
    run = _open(view, splits)
    leaks = [s for s in JUDGED if s in run.tables and "train" in run.tables]
    plans = {s: _plan(view, s, len(run.tables[s])) for s in leaks}
    seen = _features(view, run) if features else {}
    found = find_copies(run.tables, run.measures, seen, seed=view.seed, progress=view.progress)
    judged = _judge(view, run, found, leaks)
    shared = group_leakage.look(view, leaks)
    contradictory = [g for g in found.exact() if g.contradictory]
    doubtful = _beyond_equal(found, contradictory)
    dropped = drop_without_copies.look(view, {one.split: sorted({*one.exact, *one.near}) for one in judged})
    images, figure = report.pictures(view, run.tables, found)
    findings = [report.leakage(one, run.tables) for one in judged if one.share.n]
    if contradictory:
        findings.append(contradiction(contradictory, run.tables, view.classes))
    if doubtful:
        findings.append(near_contradiction(doubtful, run.tables, view.classes))
    return Evidence(
        tool="duplicates_and_leakage",
        arguments={"splits": list(splits) if splits else None, "features": features},
        title="Pictures that occur twice, and leakage from training",
        summary=" ".join(
            [
                part
                for part in (
                    report.summary(found, judged, run.sizes(), len(doubtful)),
                    drop_without_copies.sentence(dropped),
                    *(group_leakage.sentence(one) for one in shared),
                )
                if part
            ]
        ),
        facts=(
            *report.facts(found, judged, len(contradictory), len(doubtful)),
            *group_leakage.facts(shared),
            *(report.plan_fact(p.id, s) for s, p in plans.items()),
        ),
        tables=report.tables(found, run.tables, view.classes, judged),
        figures=(figure,) if figure else (),
        images=images,
        questions=("input.16",),
        findings=(*findings, *dropped, *group_leakage.findings(shared, bool(belonging.column_of(view)))),
        notes=(
            *run.notes,
            *group_leakage.notes(view, shared, leaks),
            *report.notes(found, judged, "train" in run.tables),
            *_too_small(run),
        ),
        next_steps=(
            *group_leakage.next_step(shared),
            *report.next_steps(found, judged, contradictory, doubtful),
        ),
    )


def _beyond_equal(found: Copies, contradictory: Sequence[Repeated]) -> list[Repeated]:
    """Groups of nearly equal pictures under more labels than the equal ones among them have."""
    known = [(set(g.members), {c for c in g.labels if c >= 0}) for g in contradictory]
    return [
        g
        for g in found.as_they_are()
        if g.contradictory
        and not any(
            members <= set(g.members) and labels >= {c for c in g.labels if c >= 0}
            for members, labels in known
        )
    ]


def _too_small(run: _Run) -> list[str]:
    """How many pictures are too small for any word on likeness."""
    small = sum(
        int((np.minimum(m.numbers["width"], m.numbers["height"])[m.readable] < LEAST).sum())
        for m in run.measures.values()
    )
    if not small:
        return []
    return [
        f"{counted(small, 'picture is smaller', 'pictures are smaller')} than {LEAST} pixels on a side: there different pictures are as alike as copies, so only equal ones count."
    ]


@dataclass
class _Run:
    """The splits that take part, measured; ``notes`` on what was left out."""

    tables: dict[str, ImageTable]
    measures: dict[str, ImageMeasures]
    notes: list[str]

    def sizes(self) -> dict[str, int]:
        return {s: int(m.readable.sum()) for s, m in self.measures.items()}


def _open(view: CaseView, wanted: Sequence[Split] | None) -> _Run:
    """Measure the splits; what can't be read is noted. Raises RetryError for splits that the case lacks."""
    has = list(view.splits())
    for split in wanted or ():
        if split not in has:
            raise RetryError(f"This case has no {called(split)}.", has)
    run = _Run({}, {}, [])
    for split in has:
        if wanted is not None and split not in wanted:
            continue
        table = view.table(split)
        if wanted is None and split != "data" and len(table) > LARGE:
            run.notes.append(
                f"The {len(table):,} {called(split)} were not compared; name the split to do so."
            )
            continue
        made = image_measures(table, cached=view.cached, store=view.store, progress=view.progress)
        unreadable = [LeftOut(table.paths[r], "it can't be read") for r in np.flatnonzero(~made.readable)]
        run.notes += left_out_notes(split, [*table.left_out, *unreadable])
        run.tables[split], run.measures[split] = table, made
    if not any(m.readable.any() for m in run.measures.values()):
        raise RetryError("None of these pictures can be read.")
    return run


def _plan(view: CaseView, split: Split, size: int) -> Instrument:
    """Journal when leakage will be called so, before any two pictures are compared."""
    plan = Instrument(
        finding=report.leakage_key(split),
        tool="duplicates_and_leakage",
        arguments={"split": split},
        statement=f"More {called(split)} than can be tolerated are also training images.",
        statistic=f"share of the {called(split)} with an equal or pixel-verified copy among the training images; "
        "Wilson interval and exact binomial test",
        control=f"a tolerated share of {100 * TOLERATED:g} %",
        minimum_effect=TOLERATED,
        alpha=ALPHA,
        n_planned=size,
        smallest_detectable_effect=report.detectable(size),
    )
    view.register(plan)
    return plan


def _features(view: CaseView, run: _Run) -> Mapping[str, tuple[Ints, Floats]]:
    """The model's features of each split; a note where there are none."""
    made: dict[str, tuple[Ints, Floats]] = {}
    for split, table in run.tables.items():
        if split != "data" and len(table) > FEATURES_OF:
            run.notes.append(
                f"The features of the {len(table):,} {called(split)} were not read; copies of them were looked for by hashes alone."
            )
            continue
        try:
            made[split] = view.features(split)  # type: ignore[arg-type]
        except RetryError:
            run.notes.append(
                "This model shows no features, so copies were looked for by hashes alone; crops may be missing."
            )
            return {}
    return made


def _judge(view: CaseView, run: _Run, found: Copies, splits: Sequence[Split]) -> list[report.Leak]:
    """Leaked images of each evaluation split: their share against the plan, and accuracy without them."""
    made = []
    for split in splits:
        exact, near = found.partners(split, "train")
        share = leaked_share(len(exact) + len(near), run.sizes()[split])
        effect = _inflation(view, split, sorted({*exact, *near})) if share.n else None
        both = {**near, **exact}
        labels = disagreements(both, run.tables[split].labels, run.tables["train"].labels)
        made.append(report.Leak(split, exact, near, share, effect, labels))
    for one, q in zip(made, holm([one.share.p for one in made]) if made else (), strict=True):
        one.q = float(q)
    return made


def _inflation(view: CaseView, split: Split, rows: Sequence[int]) -> Inflation | None:
    """None where leaked and other images can't be compared, also for want of answers (of a black box)."""
    try:
        predictions = view.predictions(split)
    except RetryError:
        return None
    return inflation(predictions, np.isin(predictions.rows, rows))
