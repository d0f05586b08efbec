"""What the reports of all experiments have in common: the hypothesis with its result, rates, examples, what was left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Fact, Finding, TestResult
from failsight.tools.experiments.paired import Share
from failsight.tools.inputs.base import LeftOut
from failsight.tools.text import listing
from failsight.tools.verdicts import EXPERIMENTS

POOR_MATCH = 0.5  # controls that change the pixels less than half as much as the cue are said to be weak
Values = npt.NDArray[np.float64]


def settled(
    finding: Finding, known: bool, result: TestResult, q: float, claim: str, act: str, *, fixed: bool = False
) -> Finding:
    """The hypothesis with this test's result and nothing of the tests before it (the case joins them).

    What another experiment confirmed stays confirmed: a cue may be needed where it stands and yet not be enough
    elsewhere, or be enough and not needed. The result is attached all the same and the note says what it adds.

    Args:
        finding: the hypothesis. known: whether the case had it before.
        claim: it, in one sentence. act: what was done to the cue, as the subject of a sentence.
        fixed: whether the cue is a place that is the same in all images, whatever they show there.
    """
    before = finding.verdict == "confirmed" and any(
        t.verdict == "confirmed" and t.tool in EXPERIMENTS and t.tool != result.tool for t in finding.tests
    )
    if before and result.verdict != "confirmed":
        note = (
            f"Another experiment confirmed it; {act[:1].lower()}{act[1:]} did not show it ({result.verdict})."
        )
        return dataclasses.replace(finding, tests=(result,), verdict=None, note=note)
    over = f" over all {result.n:,} images, whether or not anything is there" if fixed else ""
    told = {
        "confirmed": f"Decided by experiment: {claim}",
        "refuted": f"Decided by experiment{over}; it is not so that: {claim}",
        "inconclusive": f"An experiment left it open: {claim}",
    }
    made = dataclasses.replace(finding, tests=(result,), verdict=result.verdict, note=told[result.verdict])
    if known:
        return made  # its own n, p and q describe what raised it
    return dataclasses.replace(made, n=result.n, p=result.p, q=q)


def rates(name: str, cue: Share, control: Share) -> list[Fact]:
    """A share of the pictures by the cue and by its control; nothing where no picture counts."""
    if not cue.n:
        return []
    return [
        Fact(name, cue.value, "share", ci=cue.ci, n=cue.n),
        Fact(f"control_{name}", control.value, "share", ci=control.ci, n=control.n),
    ]


def finite(x: float) -> float | None:
    """``x``, None where it is not finite."""
    return x if np.isfinite(x) else None


def known_mean(values: Values) -> float | None:
    """Mean of the finite values, None of none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def left_out(left: Sequence[LeftOut], reasons: Sequence[str]) -> list[str]:
    """One sentence for each reason why pictures took no part."""
    notes = []
    for reason in reasons:
        names = [one.path for one in left if one.reason == reason]
        if names:
            notes.append(
                f"{len(names)} image{'s' * (len(names) > 1)} left out because {reason}: {listing(names)}."
            )
    return notes


def sampled(planned: int, found: int, tested: int) -> list[str]:
    """That a sample was drawn, and of how many of it the test speaks; nothing where all images were taken."""
    if planned >= found:
        return []
    if tested:
        return [f"A seeded sample of {planned:,} of {found:,} images was tested."]
    return [f"A seeded sample of {planned:,} of {found:,} images was drawn, and none of it could be tested."]


def mostly(codes: Values | npt.NDArray[np.int64], code: int) -> bool:
    """Whether most of the images that took no part were left out for the reason ``code``."""
    return len(codes) > 0 and 2 * int((np.asarray(codes) == code).sum()) > len(codes)


def examples(effect: Values, count: int) -> list[int]:
    """Positions to show: evenly from the largest effect to the median, so that they are not only the best ones."""
    order = np.argsort(-effect, kind="stable")
    at = np.linspace(0, len(order) // 2, min(count, len(order))).astype(int)
    return [int(order[i]) for i in dict.fromkeys(at.tolist())]
