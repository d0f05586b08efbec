"""Did the repair work, and what did it cost? The rule, over arrays; nothing here knows a case.

**What is compared.** A slice is found because the old model erred there, so on the very images that found it the old
error is too high, and any other model, even one just trained again, does better there by chance alone (regression to
the mean). Two things guard against that. The images that judge are those that neither chose nor trained
(:mod:`failsight.tools.repair.untouched`). And the claim rests on repair − control: both arms were made from the same
model with the same budget and the same seeds and are measured on the same images, so that whatever the choice of the
slice, more training or a new seed brings, it brings to both. An image's value is the difference of the two errors,
averaged over seeds; intervals cover other images and other seeds (:mod:`failsight.tools.stats.crossed`).

**The rule**, fixed before the versions are run:

- *verified*: in the target, repair − control and repair − before both lie below 0 with their whole 95 % interval, both
  reach the minimum effect, and the larger of the two one-sided p, corrected for the repairs judged before it in this
  case (:func:`failsight.tools.verdicts.online_q`), is at most α; and nothing was traded for it.
- *traded away*: the same, but all images together are worse than before, or another group is by at least the tolerance:
  Benjamini–Hochberg over all groups at α. Dozens of columns that have nothing to do with the repair must not hide where a
  trade is to be expected: in the classes, in the other confirmed findings, in the finding's own columns class by class. These
  also make a family of their own, at α/2, where a loss counts that is shown to exceed half of the tolerance. Where such a
  group seems to lose more than the tolerance, by more than chance alone (p ≤ α) but not surely so, nothing is verified: the
  verdict is *inconclusive*, with the number of images of that group that would decide. Crossings are small; there it is
  enough that a sure loss may well be larger than it seems (p ≥ 0.25 that it reaches the tolerance). Against the model before, not the control: the loss is paid whatever it is
  due to. And for the versions that were made, whose errors are averaged, not for all seeds: with three of those a loss
  would have to be enormous, and whoever takes one of these versions pays it. The tolerance is not 0 by default but a
  quarter of what the target gains (at least 2 points), for a right repair has a price: a model that leaned on a cue was right for the wrong
  reason where the cue fits, and a model that shunned a class was right on the others. Every group that is worse at all
  is counted and named; ``tolerance=0`` makes each of them a trade. Where the target's gain is left open but others are
  worse by that much, nothing is worth waiting for: also *traded away*.
- *no effect*: that both repair − control and repair − before reach the minimum effect is rejected, one-sided at α in all
  (equivalence as in Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657): the p of "repair − control ≤ −minimum" is at most
  0.8 α, or that of repair − before at most 0.2 α, or both are at most α (weighted Simes, which holds for the two as they share
  the repair's errors; Benjamini & Hochberg 1997, Scand. J. Stat. 24:407). Most goes to the control, as the claim is about it; before is
  needed where only the control arm became worse.
- *inconclusive*: anything else, and whenever there is no control arm, or fewer than three seeds.

Three seeds and not one: one seed against one seed tells two models apart, not two recipes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.crossed import CrossedMean, crossed_difference, crossed_mean
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, number, p_value
from failsight.tools.verdicts import online_q

Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Interval = tuple[float, float]
Outcome = Literal["verified", "no effect", "traded away", "inconclusive"]
Kind = Literal["target", "overall", "class", "finding", "crossed", "slice", "split"]
"""``crossed``: a value of the finding's own columns in one class; ``slice``: a value of any column."""
EXPECTED: frozenset[Kind] = frozenset(
    ("overall", "class", "finding", "crossed", "split")
)  # where trades are looked for first
FEWEST = 10  # images below which a group is not compared
FEWEST_SEEDS = 3
LEAST_LOSS, SHARE_OF_GAIN = 0.02, 0.25  # of the default tolerance
TO_CONTROL = 0.8  # of the level at which no effect is claimed, what the comparison with the control gets
PERHAPS = 0.25  # p of a loss no smaller than the tolerance from which that is not put aside


@dataclass(frozen=True)
class Losses:
    """What each image cost before, and in each run of both arms: 1 for a wrong answer, or a part of the calibration error.

    Attributes:
        before: (n,)
        repair: (s, n), seeds in order.
        control: (s, n) of the same seeds; None without a control arm.
        groups: (n,) images that belong together; None where each stands alone.
    """

    before: Float
    repair: Float
    control: Float | None
    groups: npt.NDArray[np.int64] | None = None

    def part(self, inside: Mask) -> Losses:
        """Only these images."""
        return Losses(
            self.before[inside],
            self.repair[:, inside],
            None if self.control is None else self.control[:, inside],
            None if self.groups is None else self.groups[inside],
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """One group of images before and after. Negative differences: the repair errs less.

    Attributes:
        before, repair, control: mean loss; over seeds for the arms.
        change: repair − before; over images and seeds in the target, over images alone elsewhere.
        effect: repair − control; None without a control arm.
        drift: control − before: what retraining alone does here.
        q_all: of being worse than before, after Benjamini–Hochberg over the groups compared; 1 for the target.
        q_worse: the same, or twice that of the family of expected groups where that is smaller.
        simultaneous: interval of ``change`` that holds for all those groups together (Bonferroni).
    """

    kind: Kind
    name: str
    n: int
    before: float
    repair: float
    control: float | None
    change: CrossedMean
    effect: CrossedMean | None
    drift: CrossedMean | None
    q_all: float = 1.0
    q_worse: float = 1.0
    simultaneous: Interval = (-1.0, 1.0)

    @property
    def before_ci(self) -> Interval:
        """Wilson interval of the error before."""
        return wilson(round(self.before * self.n), self.n)

    @property
    def cost(self) -> Literal["worse", "better", "no clear change"]:
        """What happened to this group, beside the others."""
        if self.q_worse <= 0.05 and self.change.mean > 0:
            return "worse"
        return "better" if self.change.ci[1] < 0 else "no clear change"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on a repair.

    Attributes:
        reason: in one sentence.
        p, q: of the claim that the target's error fell, against control and before.
        detectable: smallest fall against the control that would have been seen with 80 % power; None without control.
        more_images: images of the target beyond those there are that would decide; None where they would not, or nothing is open.
        more_seeds: the same of seeds.
        worse: names of other groups that are worse than before, by however little.
        tolerance: smallest rise elsewhere that counts as a trade.
        traded: names of those that are worse by more.
        doubt: name of a group that seems to be worse by more, though not surely; empty for none.
        doubt_images: images of that group beyond those there are that would decide; None where images alone would not.
    """

    outcome: Outcome
    reason: str
    p: float
    q: float
    detectable: float | None
    more_images: int | None = None
    more_seeds: int | None = None
    worse: tuple[str, ...] = ()
    tolerance: float = 0.0
    traded: tuple[str, ...] = ()
    doubt: str = ""
    doubt_images: int | None = None


def compare(kind: Kind, name: str, losses: Losses, *, scale: float = 1.0, seed: int = 0) -> Compared:
    """One group of images, all of ``losses``."""

    def mean(values: Float, flips: bool = True) -> CrossedMean:
        return crossed_mean(values, groups=losses.groups, scale=scale, seed=seed, flips=flips)

    tested = kind == "target"

    control = losses.control
    change = losses.repair - losses.before
    return Compared(
        kind,
        name,
        len(losses.before),
        float(losses.before.mean()),
        float(losses.repair.mean()),
        None if control is None else float(control.mean()),
        mean(change if tested else change.mean(0)),
        None
        if control is None
        else crossed_difference(
            losses.repair, control, groups=losses.groups, scale=scale, seed=seed, flips=tested
        ),
        None if control is None else mean(control - losses.before, False),
    )


def compare_others(
    losses: Losses, others: Mapping[tuple[Kind, str], Mask], *, seed: int = 0
) -> tuple[list[Compared], list[str]]:
    """Every other group with enough images, corrected together; and the names of those with too few."""
    made, few = [], []
    for (kind, name), inside in others.items():
        n = int(inside.sum())
        if n >= FEWEST:
            made.append(compare(kind, name, losses.part(inside), seed=seed))
        elif n:
            few.append(name)
    if not made:
        return [], few
    p = np.array([c.change.p("greater") for c in made])
    q_all = benjamini_hochberg(p)
    expected = np.array([c.kind in EXPECTED for c in made])
    q = q_all.copy()
    q[expected] = np.minimum(q_all[expected], 2 * benjamini_hochberg(p[expected]))
    level = 1 - 0.05 / len(made)
    return [
        replace(c, q_all=float(a), q_worse=float(x), simultaneous=c.change.interval(level))
        for c, a, x in zip(made, q_all, q, strict=True)
    ], few


def decide(
    target: Compared,
    others: Sequence[Compared],
    *,
    minimum: float,
    tolerance: float | None = None,
    alpha: float = 0.05,
    earlier: int = 0,
    verified: int = 0,
) -> Decision:
    """The verdict by the rule above.

    Args:
        minimum: smallest fall of the target's loss that counts.
        tolerance: smallest rise elsewhere that counts; None: a quarter of the target's fall, at least 2 points.
        earlier, verified: repairs judged in this case before this one, and how many of them were verified.
    """
    change, effect = target.change, target.effect
    p = max(change.p("less"), 1.0 if effect is None else effect.p("less"))
    q = online_q(p, earlier, verified)
    bound = max(LEAST_LOSS, SHARE_OF_GAIN * -change.mean) if tolerance is None else tolerance
    worse = [o for o in others if o.q_worse <= alpha and o.change.mean > 0]
    traded = [o for o in worse if _is_trade(o, bound, alpha)]
    unsure = None if traded else _doubtful(others, bound, alpha)
    outcome, reason = _outcome(target, minimum, alpha, p, q)
    images = seeds = None
    if outcome == "verified" and unsure is not None:
        told = f"{number(unsure.change.mean, 'points')}, p {p_value(unsure.change.p('greater'))}"
        return Decision(
            "inconclusive",
            f"{reason}; whether {clean(unsure.name, 60)} pays more for it than it may is left open ({told}).",
            p,
            q,
            effect.detectable() if effect else None,
            worse=tuple(o.name for o in worse),
            tolerance=bound,
            doubt=unsure.name,
            doubt_images=_more_to_be_sure(unsure, bound, alpha, sum(o.kind in EXPECTED for o in others)),
        )
    if outcome == "verified":
        outcome, reason = _beside(reason, worse, traded)
    elif outcome == "inconclusive" and traded and _settled(effect) and change.mean < 0:
        outcome = "traded away"
        doubt = "" if _sure(effect, change) else ", if it did"
        reason = f"{_many(traded, 'is', 'are')} worse than before, by more than may be paid for what the target gained{doubt}: {reason[:1].lower()}{reason[1:]}"
    elif outcome == "inconclusive" and effect is not None:
        images, seeds = _needed(effect, minimum, p, alpha * p / q if q > 0 else alpha)
        if effect.runs < FEWEST_SEEDS:
            images, seeds = None, FEWEST_SEEDS - effect.runs
    return Decision(
        outcome,
        reason,
        p,
        q,
        None if effect is None else effect.detectable(),
        images,
        seeds,
        tuple(o.name for o in worse),
        bound,
        tuple(o.name for o in traded),
    )


def _is_trade(group: Compared, bound: float, alpha: float) -> bool:
    """Whether a group that is worse pays more than it may."""
    if group.kind == "overall":
        return group.q_all <= alpha
    if group.change.mean < bound:
        return False
    return group.q_all <= alpha or group.change.p("greater", bound / 2) <= alpha / 2


def _doubtful(others: Sequence[Compared], bound: float, alpha: float) -> Compared | None:
    """Of the expected groups the one that most likely pays more than it may, where none surely does."""
    seen = [
        o
        for o in others
        if o.kind in EXPECTED
        and o.change.p("greater") <= alpha
        and (o.change.mean >= bound or (o.kind == "crossed" and o.change.p("less", bound) >= PERHAPS))
    ]
    return min(seen, key=lambda o: -o.change.p("less", bound), default=None)


def _more_to_be_sure(group: Compared, bound: float, alpha: float, family: int) -> int | None:
    """Images after which the present loss would decide.

    A loss above the bound: when it is a trade, surely above 0 among a family so large, and above half of the bound. One
    below: when more than the bound is unlikely.
    """
    loss = group.change
    if loss.mean < bound:
        needed = [replace(loss, level=1 - 2 * PERHAPS).images_for(bound - loss.mean)]
    else:
        strict = replace(loss, level=1 - alpha / family)
        needed = [
            strict.images_for(loss.mean),
            replace(loss, level=1 - alpha).images_for(loss.mean - bound / 2),
        ]
    known = [n for n in needed if n is not None]
    return max(1, max(known) - loss.n) if len(known) == len(needed) else None


def _outcome(target: Compared, minimum: float, alpha: float, p: float, q: float) -> tuple[Outcome, str]:
    """What the target alone says, and why."""
    change, effect = target.change, target.effect
    least = number(minimum, "points").lstrip("+")
    if effect is None:
        return (
            "inconclusive",
            "There is no control arm: whether the same effort without the repair would have done as much is not known.",
        )
    if effect.runs < FEWEST_SEEDS:
        told = f"{effect.runs} seed{'s' * (effect.runs != 1)}"
        return "inconclusive", f"{told} can't tell the repair from the luck of training; three are the least."
    fell = all(m.ci[1] < 0 and m.mean <= -minimum for m in (effect, change))
    if fell and q <= alpha:
        return (
            "verified",
            f"The error fell by at least the {least} set beforehand, against the control and against before",
        )
    if _too_small(effect, change, minimum, alpha):
        return "no effect", _small(effect, change, minimum, least)
    if fell:
        return (
            "inconclusive",
            f"The error fell, but its p of {p_value(p)} is not small enough for one of the repairs that a case may try (q {p_value(q)}).",
        )
    if _sure(effect, change):
        return "inconclusive", f"The error fell; whether by the {least} set beforehand is left open."
    return "inconclusive", f"The interval contains both no effect and a fall of {least}."


def _beside(reason: str, worse: Sequence[Compared], traded: Sequence[Compared]) -> tuple[Outcome, str]:
    """What the other groups make of a repair that reached its target."""
    if traded:
        return (
            "traded away",
            f"{reason}, but {_many(traded, 'is', 'are')} worse than before, by more than may be paid for it.",
        )
    if worse:
        most = number(max(o.change.mean for o in worse), "points").lstrip("+")
        return "verified", f"{reason}; {_many(worse, 'pays', 'pay')} for it, by at most {most}."
    return "verified", f"{reason}; no other group is shown to be worse."


def _many(groups: Sequence[Compared], one: str, more: str) -> str:
    """``3 other groups are``."""
    return f"{len(groups)} other groups {more}" if len(groups) > 1 else f"1 other group {one}"


def _sure(effect: CrossedMean | None, change: CrossedMean) -> bool:
    """Whether the target's error fell at all, against the control and against before."""
    return effect is not None and effect.ci[1] < 0 and change.ci[1] < 0


def _settled(effect: CrossedMean | None) -> bool:
    """Whether there are a control arm and seeds enough for a verdict."""
    return effect is not None and effect.runs >= FEWEST_SEEDS


def _too_small(effect: CrossedMean, change: CrossedMean, minimum: float, alpha: float) -> bool:
    """Whether it is excluded that both reach the minimum effect."""
    p, q = (m.p("greater", -minimum) for m in (effect, change))
    return p <= TO_CONTROL * alpha or q <= (1 - TO_CONTROL) * alpha or max(p, q) <= alpha


def _small(effect: CrossedMean, change: CrossedMean, minimum: float, least: str) -> str:
    p, q = (m.p("greater", -minimum) for m in (effect, change))
    if p / TO_CONTROL > q / (1 - TO_CONTROL):
        only = "; only the control arm became worse" if effect.ci[1] < 0 else ""
        return f"Against the model before, a fall of {least} is excluded (p {p_value(q)}){only}."
    if effect.ci[1] < 0:
        return f"It did something, but less than the {least} set beforehand (p {p_value(p)})."
    other = " The control arm gained as much: not what was repaired did it." if change.ci[1] < 0 else ""
    return f"Beyond the control arm, a fall of {least} is excluded (p {p_value(p)}).{other}"


def _needed(effect: CrossedMean, minimum: float, p: float, level: float) -> tuple[int | None, int | None]:
    """More images, or more seeds, after which an interval about the present estimate would exclude 0 or the minimum.

    Args:
        p, level: of the claim, and what it has to reach for q to reach α.
    """
    if effect.mean <= -minimum and effect.ci[1] < 0 and 0 < level < p < 0.5:
        wanted, have = NormalDist().inv_cdf(1 - level), NormalDist().inv_cdf(1 - p)
        return math.ceil(effect.n * ((wanted / have) ** 2 - 1)), None
    room = max(abs(effect.mean), abs(effect.mean + minimum))
    images, seeds = effect.images_for(room), effect.runs_for(room)
    return (
        None if images is None else max(1, images - effect.n),
        None if seeds is None else max(1, seeds - effect.runs),
    )
