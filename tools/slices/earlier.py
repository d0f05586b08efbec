"""What earlier tests of the same groups on the same images had come to: a search of fewer columns makes them no surer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from failsight.tools.evidence import TestResult, group_key
from failsight.tools.slices.findings import conditions, spans_of
from failsight.tools.slices.search import Search
from failsight.tools.stats.slices import TestedSlice
from failsight.tools.text import p_value
from failsight.tools.view import CaseView

SAME = 1e-9  # relative difference of two p of one test on the same images


def held_to_earlier(view: CaseView, found: Search, level: float) -> Search:
    """The search, its slices no surer than tests of the case that gave them the same p: their q stands where it is larger.

    A test corrects for those that were made beside it. Whoever looks again among fewer columns, after having seen the first outcome, makes
    fewer tests, and would confirm what was not confirmed, by the same images and the same difference.
    """
    before = list(_tests(view, found)) if found.called is None and found.goal.kind == "error" else []
    if not before:
        return found
    held = [_held(found, one, before, level) for one in found.report.confirmed]
    return with_verdicts(found, held)


def with_verdicts(found: Search, held: Sequence[TestedSlice]) -> Search:
    """The search with other verdicts of the slices that it confirmed: what is no longer confirmed stands among the others."""
    dropped = [one for one in held if one.verdict != "confirmed"]
    report = replace(
        found.report,
        confirmed=tuple(one for one in held if one.verdict == "confirmed"),
        others=tuple(sorted((*dropped, *found.report.others), key=lambda one: one.p)),
    )
    return replace(found, report=report)


def _tests(view: CaseView, found: Search) -> Iterator[tuple[str, str, TestResult]]:
    """Group, evidence and test of every group of images of this split that was tested before."""
    for one in view.evidence():
        for tried in one.tried:
            if tried.split == found.split and not tried.apart:
                yield tried.group, one.id, tried.test
        for finding in one.findings:
            if finding.split == found.split and finding.slice and not finding.about:
                yield from ((finding.group, one.id, test) for test in finding.tests)


def _held(
    found: Search, one: TestedSlice, before: list[tuple[str, str, TestResult]], level: float
) -> TestedSlice:
    spans, class_index = spans_of(found, one.conjunction)
    where = found.prepared.within if class_index is None else class_index
    group = group_key(conditions(found, spans), None if where is None else found.classes[where], found.split)
    same = [
        (test.q, name)
        for about, name, test in before
        if about == group
        and test.q is not None
        and test.q > one.q
        and math.isclose(test.p, one.p_outside, rel_tol=SAME)
    ]
    if not same:
        return one
    q, name = max(same)
    if q <= level:
        return replace(one, q=q)
    reason = f"the same test came to q {p_value(q)} in {name}: looked for among less, it is no surer"
    return replace(one, q=q, verdict="inconclusive", reason=reason)
