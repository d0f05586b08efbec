"""Does a class suffer because training showed few images of it? Its training proportion is taken out of the scores.

A model trained on uneven classes carries their proportions in its scores: log p(y|x) = log p(x|y) + log π(y) + … . With the
training proportions subtracted from the log scores (logit adjustment: Menon et al. 2021, ICLR, eq. 9) it answers as if every
class had been equally frequent. If the uneven proportions make the errors, the small class is recognised more often and
the mean recall of all classes rises. That the small class alone gains says nothing, any push towards it does that; so the
control is the same push for every other class in turn, and the mean recall must rise more than under the best of these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Instrument, Interval, TestResult
from failsight.tools.stats.intervals import newcombe_paired, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import mcnemar_exact
from failsight.tools.text import clean, interval, number, p_value
from failsight.tools.verdicts import STANDING_LEVEL, Judgement, Measured, judge

TOOL = "data_statistics"
MINIMUM_EFFECT = 0.05  # points of recall that the small class must gain
ALPHA = STANDING_LEVEL
UNEVEN = 3.0  # times as many training images in the largest class, from which a class counts as small
FEWEST = 20  # evaluation images of the class
MOST = 10  # classes that are tested, the smallest first
CONTROLS = 20  # other classes that get the same push, at most
STATISTIC = (
    "gain in recall of the class when the training proportions are subtracted from the log scores, images paired; and the mean "
    "recall of all classes must rise (normal test)"
)
CONTROL = (
    "the same push for every other class in turn: the mean recall must rise more than under each of these"
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Favour:
    """One small class with its scores as they are, and with the training proportions taken out.

    Attributes:
        index, train, largest, most: the class, its training images; the largest class and its.
        n: evaluation images of the class.
        before, after: its recall.
        effect, ci, p, q: gain in its recall (Newcombe, paired; McNemar, one-sided, the larger of it and of the mean recall's p).
        mean_gain, mean_ci: gain in the mean recall of all classes.
        control: the largest gain in mean recall when another class gets the same push.
    """

    index: int
    train: int
    largest: int
    most: int
    n: int
    before: float
    after: float
    effect: float
    ci: Interval
    p: float
    q: float
    mean_gain: float
    mean_ci: Interval
    control: float
    judgement: Judgement


def small_classes(train: Ints, labels: Ints) -> list[int]:
    """Classes with few training images and enough evaluation images to tell, the smallest first."""
    there = np.bincount(labels[labels >= 0], minlength=len(train))
    top = int(train.max(initial=0))
    if np.count_nonzero(there) < 2:
        return []  # nothing among the evaluation images that could be favoured
    small = [c for c in np.flatnonzero(train > 0).tolist() if train[c] * UNEVEN <= top and there[c] >= FEWEST]
    return sorted(small, key=lambda c: (int(train[c]), c))[:MOST]


def plans(classes: Sequence[str], train: Ints, labels: Ints) -> list[Instrument]:
    """What is journalled before anything is measured."""
    made = []
    for c in small_classes(train, labels):
        finding = hypothesis(classes, train, c)
        statement = (
            f"{clean(classes[c], 60)} is recognised less often because training showed few images of it."
        )
        n = int((labels == c).sum())
        made.append(
            Instrument(finding.key, TOOL, {}, statement, STATISTIC, CONTROL, MINIMUM_EFFECT, ALPHA, n)
        )
    return made


def hypothesis(classes: Sequence[str], train: Ints, index: int) -> Finding:
    """That a class is weak because the model was taught with few pictures of it: stated, not tested."""
    large = int(train.argmax())
    return Finding(
        "class_imbalance", "correctness", "data_statistics",
        f"{clean(classes[index], 60)} has {train[index]:,} training pictures, {clean(classes[large], 60)} {train[large]:,}: "
        "the model may favour the larger class.",
        class_name=classes[index], n=int(train[index]),
        note="Uneven counts are a fact; that they cause errors is a hypothesis until it is tested.",
    )  # fmt: skip


def measure(scores: Floats, labels: Ints, train: Ints) -> list[Favour]:
    """Every small class with and without the training proportions in the scores.

    Args:
        scores: (n, k) probabilities.
        labels: (n,) true classes, all known.
        train: (k,) training images by class; classes without any keep their scores.
    """
    logs = np.log(np.maximum(scores, 1e-12))
    share = np.maximum(train, 1) / max(int(train.sum()), 1)
    push = np.where(train > 0, -np.log(share), 0.0)
    push -= push[train > 0].min(initial=0.0)
    # the largest score on both sides: a threshold would be a second push beside the one that is tried
    before, after = logs.argmax(1) == labels, (logs + push).argmax(1) == labels
    gain, error = _mean_gain(before, after, labels)
    found = []
    for c in small_classes(train, labels):
        mine = labels == c
        up, down = int((after & ~before & mine).sum()), int((before & ~after & mine).sum())
        n, both = int(mine.sum()), int((before & after & mine).sum())
        p_mean = 0.5 * math.erfc(gain / error / math.sqrt(2)) if error > 0 else float(gain <= 0)
        p = max(mcnemar_exact(up, down, "greater"), p_mean)
        effect = (up - down) / n
        control = _control(logs, labels, before, float(push[c]), c)
        made = Favour(
            c, int(train[c]), int(train.argmax()), int(train.max()), n, float(before[mine].mean()), float(after[mine].mean()), effect,
            newcombe_paired(both, up, down, n - both - up - down), p, 1.0, gain, (gain - 1.96 * error, gain + 1.96 * error), control,
            Judgement("inconclusive", ""),
        )  # fmt: skip
        found.append(made)
    q = benjamini_hochberg([f.p for f in found]).tolist() if found else []
    return [_judged(replace(f, q=float(each))) for f, each in zip(found, q, strict=True)]


def _mean_gain(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_], labels: Ints
) -> tuple[float, float]:
    """Gain in the mean recall of the classes, and its standard error (images paired, classes as strata)."""
    change: Floats = after.astype(np.float64) - before
    present, where = np.unique(labels, return_inverse=True)
    size = np.bincount(where)
    mean = np.bincount(where, change) / size
    spread = np.bincount(where, (change - mean[where]) ** 2) / np.maximum(size - 1, 1)
    return float(mean.mean()), float(np.sqrt((spread / size).sum())) / len(present)


def _control(logs: Floats, labels: Ints, before: npt.NDArray[np.bool_], push: float, index: int) -> float:
    """The largest gain in mean recall when another class gets the push of this one."""
    others = [c for c in range(logs.shape[1]) if c != index][:CONTROLS]
    best = -1.0
    for c in others:
        pushed = logs.copy()
        pushed[:, c] += push
        best = max(best, _mean_gain(before, pushed.argmax(1) == labels, labels)[0])
    return best


def _judged(one: Favour) -> Favour:
    made = judge(Measured(one.effect, one.ci, one.p, one.q, one.n), MINIMUM_EFFECT, ALPHA)
    if made.verdict == "confirmed" and one.mean_gain <= max(one.control, 0.0):
        why = (
            "The class gains, but the mean recall of all classes rises no more than when another class gets the same push "
            f"({number(one.mean_gain, 'points')} against {number(one.control, 'points')})."
        )
        made = Judgement("inconclusive", why)
    return replace(one, judgement=made)


def finding(one: Favour, classes: Sequence[str]) -> Finding:
    """The hypothesis with its verdict."""
    name, large = clean(classes[one.index], 60), clean(classes[one.largest], 60)
    statement = (
        f"{name} has {one.train:,} training pictures, {large} {one.most:,}, and the model answers it too seldom: with the training proportions "
        f"taken out of its scores {name} is recognised in {number(one.after)} instead of {number(one.before)} of {one.n:,} evaluation images "
        f"({number(one.effect, 'points')} {interval(one.ci, 'points')}), and the mean recall of all classes changes by "
        f"{number(one.mean_gain, 'points')} {interval(one.mean_ci, 'points')}."
    )
    test = TestResult(
        TOOL, one.effect, one.ci, one.p, one.n, one.judgement.verdict, one.control, STATISTIC, one.q
    )
    return Finding(
        "class_imbalance", "correctness", "data_statistics", statement, class_name=classes[one.index], n=one.n,
        error_rate=1 - one.before, base_error_rate=1 - one.after, ci=wilson(round((1 - one.before) * one.n), one.n), p=one.p, q=one.q,
        verdict=one.judgement.verdict, tests=(test,), note=_note(one),
    )  # fmt: skip


def _note(one: Favour) -> str:
    if one.judgement.verdict != "confirmed":
        return one.judgement.reason
    return (
        f"{one.judgement.reason} The same push for another class changes the mean recall by {number(one.control, 'points')} at best "
        f"(q {p_value(one.q)}). Subtracting the proportions from the log scores is a correction at hand; more images of the class are the lasting one."
    )
