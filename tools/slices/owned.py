"""Slices that a search confirms and that only follow from a group which the case has confirmed before, by columns that this search did not look at.

A search tells a slice from the other slices that it carries itself. Asked about one column alone, it would confirm the whole oven whose nights fail, beside
the finding that says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from failsight.tools.evidence import group_key
from failsight.tools.groups.shadows import Owner, apart, measured_names, owners
from failsight.tools.slices.earlier import with_verdicts
from failsight.tools.slices.findings import conditions, spans_of, title
from failsight.tools.slices.search import Search
from failsight.tools.stats.groups import gap
from failsight.tools.stats.slices import TestedSlice
from failsight.tools.view import CaseView


def held_to_findings(view: CaseView, found: Search, level: float) -> Search:
    """The search, without the slices that a confirmed group of the case accounts for: these are told as such among the others.

    Args:
        level: of the search's tests; what counts as an excess is the floor that it used.
    """
    if not found.report.confirmed or found.called is not None or found.goal.kind != "error":
        return found
    searched = {one.name for one in found.attributes}
    known = [(key, o) for key, o in owners(view, found.split) if not _looked_at(view, o.name, searched)]
    if not known:
        return found
    held = [_held(view, found, one, known, level) for one in found.report.confirmed]
    notes = [
        f"{title(found, *spans_of(found, one.conjunction))} stood out, but {one.reason}."
        for one in held
        if one.verdict != "confirmed"
    ]
    return replace(with_verdicts(found, held), notes=(*found.notes, *notes))


def _looked_at(view: CaseView, name: str, searched: set[str]) -> bool:
    """Whether the search looked at all columns of a finding, and so tells its slices from it by itself."""
    return any(i == name and set(one.slice or {}) <= searched for i, one in view.findings())


def _held(
    view: CaseView,
    found: Search,
    one: TestedSlice,
    known: list[tuple[str, Owner]],
    level: float,
) -> TestedSlice:
    spans, class_index = spans_of(found, one.conjunction)
    of_class = found.prepared.within if class_index is None else class_index
    own = group_key(
        conditions(found, spans), None if of_class is None else found.classes[of_class], found.split
    )
    inside, told = np.ones(len(found.labels), bool), np.ones(len(found.labels), bool)
    for a, low, high in spans:
        codes = found.attributes[a].codes
        inside &= (codes >= low) & (codes <= high)
        told &= codes >= 0
    if class_index is not None:
        inside, told = inside & (found.labels == class_index), told & (found.labels == class_index)
    half = found.confirmation & told
    inside, others = inside & half, half & ~inside
    strata = np.maximum(found.labels, 0).astype(np.int64)
    sources = None if found.prepared.groups is None else np.asarray(found.prepared.groups, np.int64)
    whole = gap(found.wrong, inside, others, strata, sources)
    rows = found.predictions.rows[found.positions]
    measured = bool({found.attributes[a].name for a, _, _ in spans} & measured_names(view, found.split))
    for key, owner in known:
        if key == own or not owner.explains(measured):
            continue
        beside = apart(
            replace(owner, inside=owner.inside[rows]), inside, others, whole, found.wrong, strata, sources
        )
        if beside is None:
            continue
        outcome = beside.outcome(found.report.min_effect, beside.gap.p, level)
        if outcome != "stands":
            reason = beside.told(outcome).rstrip(".")
            return replace(one, verdict="inconclusive", reason=f"{reason[0].lower()}{reason[1:]}")
    return one
