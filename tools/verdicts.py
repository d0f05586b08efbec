"""From hypothesis to verdict, in one place: the rule that a plan fixes beforehand, and what it says of the numbers.

The chain is always the same: a *hypothesis* (Finding with verdict None) → an *instrument* (the plan, journalled before
the first image is touched) → *evidence* (the measured effect against its control) → a *verdict* by :func:`judge`.

**Several tests in one case.** Tests arrive one by one and a verdict, once given, is not taken back; so the correction
has to be an online one. :func:`online_q` is LOND (Javanmard & Montanari 2015, arXiv:1502.06197; 2018, Ann. Stat. 46:526):
with weights γ₁ + γ₂ + … = 1, the j-th test is judged at the level γⱼ · (D + 1) · α, where D counts the confirmations before
it. The expected share of false ones among all confirmations then stays ≤ α at any time one stops, for independent
p-values and for positively dependent ones (Zrnic, Ramdas & Jordan 2021, JMLR 22:33), which tests that share
images are; while nothing is confirmed (D = 0) the same levels bound the chance of any false confirmation by α (they sum
to α). Here a confirmation also needs a large enough effect; a test that lacks it counts as if its p were 1, which can
only make a p-value larger, so that the promise covers exactly what is called confirmed.
The γ fall slowly, so that the twentieth question of a session is not hopeless: γⱼ = c / ((j + c − 1)(j + c)), whose
sum telescopes to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from failsight.tools.evidence import Evidence, Finding, Instrument, Interval, TestResult, Verdict
from failsight.tools.faces import control_alone
from failsight.tools.text import bounds, interval, number, p_beside, p_value

Claim = Literal["uses", "ignores"]
ONLINE_LEVEL = 0.05
STANDING_LEVEL = 0.01
"""Level of checks that run in every case, unasked (deployment, labels, feeding, class proportions): half a dozen of them at 5 % each
would find something in every fourth model that has no fault. What a person suspected and had tested is judged at ONLINE_LEVEL."""
EXPERIMENTS = (
    "test_by_masking",
    "test_by_adding",
    "test_by_swapping",
)  # they share one sequence of tests in a case
FEWEST_FOR_TEST = 2  # images below which nothing can be confirmed or refuted, whatever they show
FEWEST_FOR_REFUTATION = 8  # a bootstrap interval over fewer images is too short to exclude anything
TIMES = (1, 2, 4)  # of the minimum effect: how far a part of the images may be moved where their mean is not
_FLAT = 4  # c above: γ₁ = 0.2, γ₅ = 0.056, γ₂₀ = 0.007


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the reason for it in one sentence."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """What bears on a mean over one place in all images: few of them may show anything there, and dilute the effect of those that do.

    Attributes:
        control: change of the score by the control alone, in the direction that is claimed.
        most: upper end of the 95 % interval of the change by the cue alone; controls elsewhere may cost more than this place would, were
            nothing there, and hide that.
        reached: an effect, the minimum or some times it; moved: share of the images in which it is reached; chance: that in which
            controls reach it when set against each other. The one of :data:`TIMES` that tells most; None without draws to compare.
        p: one-sided p-value of there being no more of the first than of the second, corrected for those looked at.
    """

    control: float
    most: float
    reached: float | None = None
    moved: float | None = None
    chance: float | None = None
    p: float = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a paired test measured.

    Attributes:
        effect: mean paired effect, a difference of scores in [−1, 1].
        ci: its 95 % interval.
        p: p-value of the claim's null hypothesis; for ``uses``: effect ≤ 0; for ``ignores``: effect ≥ the minimum effect.
        q: p corrected for the tests before it (:func:`online_q`).
        n: images.
        detectable: the smallest effect that this many images show with 80 % power, or None.
        fall: mean change of the score by the cue alone, in the direction that is claimed (its fall when the cue is masked),
            without subtracting the control; None where there is no such thing. A control that moves the score the other way
            makes an effect of its own, which is no reliance on the cue.
        act: what is done to the cue, as the subject of a sentence.
        claimed: which way the score is claimed to go.
        place: of a place that is the same in all images, whatever stands there; None where each image is known to show the cue.
    """

    effect: float
    ci: Interval
    p: float
    q: float
    n: int
    detectable: float | None = None
    fall: float | None = None
    act: str = "Masking the region"
    claimed: Literal["falls", "rises"] = "falls"
    place: Fixed | None = None


def weight(j: int) -> float:
    """γⱼ, the share of the error budget that belongs to the j-th test (j from 1); the weights of all j sum to 1."""
    if j < 1:
        raise ValueError(f"tests are counted from 1, not {j}")
    return _FLAT / ((j + _FLAT - 1) * (j + _FLAT))


def online_q(p: float, earlier: int, confirmed: int) -> float:
    """The level at which LOND would just confirm this test: ``q ≤ ONLINE_LEVEL`` is its rule.

    Args:
        p: p-value of this test, in [0, 1].
        earlier: how many tests came before it.
        confirmed: how many of those were confirmed.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a p-value lies in [0, 1], not {p}")
    if not 0 <= confirmed <= earlier:
        raise ValueError(f"{confirmed} of {earlier} earlier tests can't be confirmed")
    return min(1.0, p / (weight(earlier + 1) * (confirmed + 1)))


@dataclass(frozen=True, slots=True)
class History:
    """The place of one test in the sequence of a case: how many came before it, how many of those were confirmed."""

    earlier: int
    confirmed: int


def history(evidence: Iterable[Evidence], plan: str) -> History:
    """The distinct tests before the one whose plan id is ``plan``, oldest first; a repeated plan is one test.

    Evidence of a test carries the id of its plan as the fact ``plan`` and its outcome as a TestResult. One in which fewer than two
    images could take part had no chance to reject anything, whatever they showed: it spends nothing of the error budget.
    """
    verdicts: dict[str, Verdict] = {}
    for one in evidence:
        found = next((str(f.value) for f in one.facts if f.name == "plan"), "")
        results = [t for finding in one.findings for t in finding.tests if t.tool == one.tool]
        if not found or not results:
            continue
        if found == plan:  # the same question again: it keeps its place
            break
        if results[-1].n >= FEWEST_FOR_TEST:
            verdicts.setdefault(found, results[-1].verdict)
    return History(len(verdicts), sum(v == "confirmed" for v in verdicts.values()))


def judge(measured: Measured, minimum_effect: float, alpha: float, claim: Claim = "uses") -> Judgement:
    """The verdict that the plan's rule gives.

    ``uses`` (the model relies on the region): confirmed when p ≤ alpha, q ≤ alpha (ONLINE_LEVEL where alpha is larger), the interval lies
    above 0, and both the effect and the change of the score by the cue alone reach the minimum; refuted when the whole interval lies below the minimum. ``ignores`` (the model
    misses the region) is the mirror image: confirmed when the interval lies below the minimum with p and q as small
    as that, refuted when it relies on the region as above (without q: refuting claims nothing new).

    That an effect is too small is said of a fixed place only where the mean can bear it (:func:`_diluted`), and then with what it covers.
    """
    m = measured
    if m.n < FEWEST_FOR_TEST or not all(map(math.isfinite, (m.effect, *m.ci, m.p))):
        if not m.n:
            return Judgement("inconclusive", "Nothing was tested: no image could take part.")
        return Judgement("inconclusive", f"{m.n} image{'s' * (m.n != 1)} can't decide anything.")
    small = m.ci[1] < minimum_effect and m.n >= FEWEST_FOR_REFUTATION
    diluted = _diluted(m, minimum_effect) if small else ""
    large = m.ci[0] > 0 and m.effect >= minimum_effect and (m.fall is None or m.fall >= minimum_effect)
    passed = m.p <= alpha and m.q <= min(alpha, ONLINE_LEVEL)
    least = number(minimum_effect, "points")
    if claim == "uses":
        if large and passed:
            return Judgement(
                "confirmed", f"The effect is above zero and at least the {least} set beforehand."
            )
        if diluted:
            return Judgement("inconclusive", diluted)
        if small:
            return Judgement(
                "refuted",
                f"The whole interval lies below the {least} set beforehand{_power(m)}.{_covers(m)}",
            )
        return Judgement("inconclusive", _why_open(m, minimum_effect, alpha, large))
    if diluted:
        return Judgement("inconclusive", diluted)
    if small and passed:
        return Judgement(
            "confirmed",
            f"The whole interval lies below the {least} set beforehand{_power(m)}.{_covers(m)}",
        )
    if large:
        return Judgement(
            "refuted", f"The model does rely on it: the effect is above zero and at least {least}."
        )
    return Judgement("inconclusive", _why_open(m, minimum_effect, alpha, small))


def _diluted(m: Measured, minimum_effect: float) -> str:
    """Why a small mean effect of a fixed place does not show that the model makes nothing of what stands there; empty where it does."""
    least, place = number(minimum_effect, "points").lstrip("+"), m.place
    if place is None:
        return ""
    if m.detectable is None or m.detectable > minimum_effect:
        could = "" if m.detectable is None else f" (only one of {number(m.detectable, 'points').lstrip('+')})"
        return (
            f"{m.n:,} images would not reliably show an effect of {least}{could}, "
            "and those with nothing at that place dilute the effect of the others."
        )
    if place.control >= minimum_effect:
        return (
            f"A control of the same size alone changes the score by {number(place.control, 'points').lstrip('+')}, as much as the {least} "
            "looked for: the model suffers from any patch, and an effect of this place in some of the images can be hidden by that."
        )
    if place.most >= minimum_effect:
        return (
            f"{m.act} may change the score by {number(place.most, 'points').lstrip('+')} by itself; the effect is below {least} only as controls "
            "elsewhere cost something too, and an effect in some of the images can be hidden by that."
        )
    if (
        place.reached is not None
        and place.moved is not None
        and place.chance is not None
        and place.p <= ONLINE_LEVEL
    ):
        return (
            f"The mean effect is below {least}, but it reaches {number(place.reached, 'points').lstrip('+')} in {number(place.moved)} of the images, "
            f"where controls do in {number(place.chance)} (p {p_value(place.p)}): some of the images may show something there, and the others "
            "dilute its effect."
        )
    return ""


def _covers(m: Measured) -> str:
    """What a small mean over a fixed place says and what it doesn't; empty for a cue that each image shows."""
    if m.place is None:
        return ""
    return f" That is over all {m.n:,} images, whether or not anything is there: an effect in few of them would be diluted."


def _power(m: Measured) -> str:
    if m.detectable is None or not math.isfinite(m.detectable):
        return ""
    return f" ({m.n} images would show {number(m.detectable, 'points')} or more with 80 % power)"


def _why_open(m: Measured, minimum_effect: float, alpha: float, enough: bool) -> str:
    if m.n < FEWEST_FOR_REFUTATION:
        return f"Only {m.n} images: too few to decide."
    if enough and m.p > alpha:
        return f"The effect is not distinguishable from none: p {p_value(m.p)} is above {alpha:g}."
    if enough:
        return (
            f"p {p_value(m.p)} is small, but not after correction for the tests before it (q {p_value(m.q)})."
        )
    if m.ci[0] > 0 and m.effect >= minimum_effect and m.fall is not None:
        here, there = ("lowers", "raise") if m.claimed == "falls" else ("raises", "lower")
        return (
            f"{m.act} {here} the score by only {number(m.fall, 'points')}; "
            f"the rest of the effect is that controls {there} it."
        )
    if m.ci[0] > 0:
        return f"There is an effect, but whether it reaches {number(minimum_effect, 'points')} is open."
    return f"The interval {interval(m.ci, 'points')} contains both no effect and {number(minimum_effect, 'points')}."


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain from hypothesis to verdict, for app and report."""

    stage: Literal["hypothesis", "instrument", "evidence", "verdict"]
    text: str
    refers: str = ""


def chain(finding: Finding, instruments: Sequence[Instrument] = (), raised: str = "") -> tuple[Step, ...]:
    """How a finding came to its verdict: the hypothesis, the plans made for it, what they measured, the verdict.

    Args:
        raised: id of the evidence in which the hypothesis was first stated.
    """
    made = [Step("hypothesis", finding.statement, raised)]
    made += [Step("instrument", _planned(p), p.id) for p in instruments if p.covers(finding, p.tool)]
    made += [Step("evidence", _measured(t), t.evidence) for t in finding.tests]
    deciding = decisive(finding)
    made.append(Step("verdict", _verdict(finding), deciding.evidence if deciding else ""))
    return tuple(made)


def decisive(finding: Finding) -> TestResult | None:
    """The test on which the verdict stands: the last one that says the same; None while it is open."""
    return next((t for t in reversed(finding.tests) if t.verdict == finding.verdict), None)


HALVED: Final = {"find_slices": ("weak_slice", "rare_case"), "unknown_unknowns": ("overconfidence",)}
"""Tool → kinds of findings whose group one half of the images suggests, and which it measures on the other: for findings that do not
say themselves on which part of the images they were counted."""


def at_stake(finding: Finding) -> float:
    """Errors among all images beyond the rate beside: what a perfect repair would save; 0 where errors are not the matter.

    A group that was measured on a part of the images, because the others had suggested it, counts for all: parts are drawn alike. An
    estimate, to say what to look at first.
    """
    if finding.error_rate is None or finding.base_error_rate is None or finding.n is None:
        return 0.0
    gap = finding.error_rate - finding.base_error_rate
    if not math.isfinite(gap):
        return 0.0
    return max(0.0, gap) * finding.n / measured_part(finding)


def measured_part(finding: Finding) -> float:
    """The share of the images it could have been counted on that a finding's numbers come from, in (0, 1]."""
    if finding.part is not None and 0 < finding.part <= 1:
        return finding.part
    n = finding.n or 0
    return 0.5 if any(finding.kind in HALVED.get(t.tool, ()) for t in finding.tests if t.n >= n) else 1.0


def _planned(plan: Instrument) -> str:
    power = plan.smallest_detectable_effect
    seen = f"; would show {number(power, 'points')} with 80 % power" if power is not None else ""
    return (
        f"with {plan.tool}: {plan.statistic}; control: {plan.control}; at least {number(plan.minimum_effect, 'points')}, "
        f"α {plan.alpha:g}, {plan.n_planned:,} images{seen}"
    )


def _verdict(finding: Finding) -> str:
    if finding.verdict is None:
        return "open: not tested" if not finding.tests else "open: what was measured does not settle it"
    return f"{finding.verdict}. {finding.note}".strip() if finding.tests else finding.verdict


def _measured(test: TestResult) -> str:
    control = f", the control alone {control_alone(test)}" if test.control_effect is not None else ""
    q = "" if test.q is None else f", q {p_value(test.q)}"
    return (
        f"with {test.tool}: {number(test.effect, 'points')} {bounds(test.ci, 'points')}{control}, "
        f"p {p_beside(test.p, test.ci)}{q}{f', n = {test.n}' if test.n else ''}"
    )
