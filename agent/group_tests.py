"""All tests of one group of images that a case made, with what is said of that group; and what stands where they disagree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from failsight.tools.evidence import Finding, TestResult
from failsight.tools.text import clean


def with_tests(finding: Finding, tried: Iterable[TestResult], order: Mapping[str, int]) -> Finding:
    """A finding with the tests of its group that other searches and tables made, oldest first.

    Args:
        order: evidence → when it was recorded.
    """

    def measured(test: TestResult) -> tuple[object, ...]:
        return test.tool, test.effect, test.p, test.n, test.together, test.verdict

    known = {measured(t) for t in finding.tests} | {(t.tool, t.evidence) for t in finding.tests}
    more: list[TestResult] = []
    for test in tried:
        if measured(test) not in known and (test.tool, test.evidence) not in known:
            known.add(measured(test))
            more.append(test)
    if not more:
        return finding
    tests = sorted((*finding.tests, *more), key=lambda t: order.get(t.evidence, 0))
    return dataclasses.replace(finding, tests=tuple(tests))


def weighed(finding: Finding) -> Finding:
    """A group that was tested with its images counted together (frames of one video) stands as such tests say: one that counts them as
    independent does not override them. What one of them confirmed stays until another refutes it."""
    counted = [t for t in finding.tests if t.together]
    if finding.verdict != "confirmed" or not counted:
        return finding
    last, held = counted[-1], any(t.verdict == "confirmed" for t in counted)
    if last.verdict == "confirmed" or (
        held and last.verdict == "inconclusive"
    ):  # fewer images leave open what more have shown
        return finding
    why = (
        f"Not confirmed with images of one {clean(last.together, 40)} counted together ({last.evidence}); what counts them as independent "
        "does not override that."
    )
    note = finding.note if why in finding.note else f"{why} {finding.note}".strip()
    return dataclasses.replace(finding, verdict=last.verdict, q=last.q, p=last.p, note=note)
