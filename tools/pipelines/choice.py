"""Which of many pipelines is chosen, and whether it is really better: chosen on one part of the sample, tested on the other.

Picking the best of many and testing it on the pictures that picked it finds an improvement in any noise. So one third of
the sample chooses (some thirty pipelines, greedily), and two thirds test the few that were chosen: the test is the part
that needs pictures, and there only a few pipelines are left to be fed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Verdict
from failsight.tools.pipelines.candidates import Alternative, Pipeline
from failsight.tools.pipelines.feeding import Outcomes
from failsight.tools.pipelines.measure import collapsed, informed, recalls, scale
from failsight.tools.stats.intervals import bootstrap
from failsight.tools.stats.multiplicity import holm
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.verdicts import Judgement, Measured, judge

STEP = 0.02  # a further change must be right in so many more of the choosing pictures, or it is decoration
MOST_STEPS = 3
VALUES_WITH_CHANNELS = 2  # value ranges tried with each channel order, the most likely ones
MOST_CARRIED = 4
CLEARLY = 0.01  # level at which one of several confirmed pipelines is called worse than another

Measure = Callable[[Sequence[Pipeline]], Outcomes]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tried:
    """One pipeline on the choosing part: ``right`` and ``truth`` are (n,).

    Attributes:
        rank: right answers first (where classes are very unequal the mean recall, times n), then the likelihood of the truth. A pipeline that is right more often only because the
            model now favours a frequent class (:func:`recall_gain` not above 0), or answers without regard to the picture
            (:func:`informed` not above 0), counts no more than the declared one.
    """

    pipeline: Pipeline
    right: Bools
    truth: Floats
    rank: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the choosing part says: everything tried, the declared pipeline first, and those carried to the test."""

    tried: tuple[Tried, ...]
    carried: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """One pipeline against the declared one, on the confirming part.

    Attributes:
        declared, accuracy: share that is right under the declared pipeline, and under this one.
        gained, lost: pictures that are right under one of the two only.
        effect: ``accuracy − declared``, or the gain of the mean recall where classes are very unequal; ``ci`` its 95 % interval
            (:mod:`failsight.tools.pipelines.measure`, as ``p``).
        p: one-sided: the other pipeline is no better. ``q``: Holm over all that were carried.
        balanced: mean recall as declared and under this one, where that judges; else None.
        recalls: class → (right as declared, right under this one, pictures).
        truth: mean difference of the log probability of the true class, with its bootstrap interval.
        detectable: the smallest effect that would have been seen with 80 % power.
        minimum: the effect that it takes to confirm.
        alone: the verdict by that effect alone, before what else a confirmation takes (:func:`borne_out` and others).
    """

    pipeline: Pipeline
    n: int
    declared: float
    accuracy: float
    gained: int
    lost: int
    effect: float
    ci: Interval
    p: float
    q: float
    truth: float
    truth_ci: Interval
    detectable: float
    minimum: float
    judgement: Judgement
    balanced: tuple[float, float] | None = None
    recalls: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    alone: Verdict = "inconclusive"


def sample(
    labels: npt.NDArray[np.int64], most: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A seeded sample of the labelled rows, each class in its share: (choosing rows, confirming rows), one to two.

    Args:
        labels: true class per row, −1 unknown. (n,)
        most: rows in both parts together, at most.
    """
    rng = np.random.default_rng([seed, 1907])
    known = np.flatnonzero(labels >= 0)
    within = rng.random(len(known))
    place = np.empty(len(known))
    for c in np.unique(labels[known]):
        at = np.flatnonzero(labels[known] == c)
        order = at[np.argsort(within[at], kind="stable")]
        place[order] = (np.arange(len(at)) + rng.random()) / len(at)  # classes interleave by their share
    taken = known[np.argsort(place, kind="stable")][:most]
    choosing = np.zeros(len(taken), bool)
    for i, c in enumerate(np.unique(labels[taken])):
        at = np.flatnonzero(labels[taken] == c)
        choosing[at[(np.arange(len(at)) + i) % 3 == 0]] = True
    return np.sort(taken[choosing]).astype(np.int64), np.sort(taken[~choosing]).astype(np.int64)


def choose(measure: Measure, changes: Sequence[Alternative]) -> Choice:
    """Search greedily, one axis after the other, and say which pipelines deserve a test.

    Channel order and value range are also tried together (a wrong one can hide that the other is wrong). Only then
    further changes are added to the best so far, as long as each is worth ``STEP``.
    """
    known: dict[Pipeline, Tried] = {}

    def try_all(pipelines: Iterable[Pipeline]) -> None:
        new = [p for p in dict.fromkeys(pipelines) if p not in known]
        if new:
            made = measure(new)
            for i, (p, right, truth) in enumerate(zip(new, made.right, made.truth, strict=True)):
                blind = made.said is not None and not informed(made.said[i], made.labels)[0] > 0
                base = known[declared].right if known else right
                known[p] = _tried(p, right, truth, base, made.labels, blind=blind)

    declared = Pipeline()
    try_all([declared, *(declared.plus(c) for c in changes)])
    try_all(_channels_and_values(known, changes))
    best, useful = _best(known, known[declared]), [c for c in changes if not _idle(known, c)]
    for _ in range(MOST_STEPS):
        if best.pipeline == declared:
            break
        try_all(best.pipeline.plus(c) for c in useful if c.axis not in best.pipeline.axes)
        better = _best(known, best)
        if better is best:
            break
        best = better
    tried = tuple(known.values())
    return Choice(tried, _carried(tried, best.pipeline))


def _plain(one: Tried) -> tuple[int, float, float]:
    """The best of the simplest."""
    return -one.pipeline.complexity, *one.rank


def _idle(known: dict[Pipeline, Tried], change: Alternative) -> bool:
    """Whether a change of geometry leaves every pixel as it is (pictures that have the input size already)."""
    same = np.array_equal(known[Pipeline((change,))].truth, known[Pipeline()].truth)
    return change.axis in ("fit", "interpolation", "exif") and same


def _tried(
    p: Pipeline,
    right: Bools,
    truth: Floats,
    base: Bools,
    labels: npt.NDArray[np.int64],
    *,
    blind: bool = False,
) -> Tried:
    counts = scale(labels)
    least = counts.share(base) * len(base)
    if counts.balanced:
        count = counts.share(right) * len(right)
        return Tried(
            p, right, truth, (min(count, least) if blind else count, float((counts.weights * truth).sum()))
        )
    count = float(right.sum())
    if blind or recall_gain(right, base, labels) <= 0:
        count = min(count, least)
    return Tried(p, right, truth, (count, float(truth.sum())))


def recall_gain(right: Bools, base: Bools, labels: npt.NDArray[np.int64]) -> float:
    """Mean over the classes of the gain in recall; 0 where there is one class only.

    A pipeline that blinds the model, so that it always gives the same answer, is right wherever that answer is frequent.
    What it wins there it loses in the other classes."""
    present, where = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return 0.0
    gains = right.astype(np.float64) - base
    return float((np.bincount(where, gains) / np.bincount(where)).mean())


def _channels_and_values(known: dict[Pipeline, Tried], changes: Sequence[Alternative]) -> list[Pipeline]:
    orders = [c for c in changes if c.axis == "channels" and not c.benign]
    values = sorted((c for c in changes if c.axis == "values"), key=lambda c: -_truth(known[Pipeline((c,))]))
    return [Pipeline((v,)).plus(o) for v in values[:VALUES_WITH_CHANNELS] for o in orders]


def _truth(one: Tried) -> float:
    return float(one.truth.sum())


def _best(known: dict[Pipeline, Tried], base: Tried) -> Tried:
    """The best pipeline; one with more changes than ``base`` (or than one) only if each of them is worth ``STEP``."""
    n, length = len(base.right), max(base.pipeline.complexity, 1)

    def worth(one: Tried) -> tuple[float, float]:
        return one.rank[0] - max(one.pipeline.complexity - length, 0) * STEP * n, one.rank[1]

    best = max(known.values(), key=worth)
    return best if worth(best)[0] > base.rank[0] else base


def _carried(tried: Sequence[Tried], best: Pipeline) -> tuple[Pipeline, ...]:
    """The best pipeline, the best that changes the arithmetic alone, the best that leaves it.

    The last two are tested even where they are behind: that is what a refutation rests on. Pipelines that feed the same
    numbers as the declared one are no candidates."""
    others = [t for t in tried[1:] if not np.array_equal(t.truth, tried[0].truth)]
    wanted = [t.pipeline for t in others if t.pipeline == best]
    if len(best.changes) > 1:  # one of its changes alone may do as well: the test then says so
        parts = [t for t in others if t.pipeline.changes in [(c,) for c in best.changes]]
        wanted += [max(parts, key=lambda t: t.rank).pipeline] if parts else []
    arithmetic = [t for t in others if t.pipeline.arithmetic]
    benign = [t for t in others if t.pipeline.benign]
    groups = [g for g in (arithmetic, benign) if g]
    wanted += [_best({t.pipeline: t for t in g}, max(g, key=_plain)).pipeline for g in groups]
    return tuple(dict.fromkeys(wanted))


def test(
    outcomes: Outcomes, carried: Sequence[Pipeline], minima: tuple[float, float], alpha: float, seed: int
) -> tuple[Tested, ...]:
    """Test each carried pipeline against the declared one.

    Args:
        outcomes: on the confirming part; the first row is the declared pipeline, then ``carried`` in order.
        minima: the least effect to confirm when only the arithmetic differs, and when the geometry does too.
        alpha: level of the whole test: what Holm's correction makes of the p of each must not be above it.
    """
    base, n, counts = outcomes.right[0], outcomes.right.shape[1], scale(outcomes.labels)
    p = [counts.p(right, base, seed) for right in outcomes.right[1:]]
    q = holm(p).tolist() if p else []
    made = []
    for i, pipeline in enumerate(carried):
        right = outcomes.right[i + 1]
        effect, ci = counts.gain(right, base), counts.interval(right, base)
        shift = counts.weights * (outcomes.truth[i + 1] - outcomes.truth[0]).astype(np.float64)
        least = minima[0] if pipeline.arithmetic else minima[1]
        judged = judge(
            Measured(effect, ci, q[i], q[i], n), least, alpha
        )  # the level holds for all that are tested
        said = None if outcomes.said is None else outcomes.said[i + 1]
        known = recalls(base, outcomes.labels)
        made.append(
            Tested(
                pipeline=pipeline,
                n=n,
                declared=float(base.mean()) if n else math.nan,
                accuracy=float(right.mean()) if n else math.nan,
                gained=int((right & ~base).sum()),
                lost=int((base & ~right).sum()),
                effect=effect,
                ci=ci,
                p=p[i],
                q=q[i],
                truth=float(shift.mean()) if n else math.nan,
                truth_ci=bootstrap(shift, seed=seed),
                detectable=counts.detectable(right, base, alpha / len(carried)),
                minimum=least,
                judgement=_fair(judged, right, base, outcomes.labels, said),
                balanced=(counts.share(base), counts.share(right)) if counts.balanced else None,
                alone=judged.verdict,
                recalls={c: (known[c][0], k, m) for c, (k, m) in recalls(right, outcomes.labels).items()},
            )
        )
    return tuple(made)


test.__test__ = False  # type: ignore[attr-defined]  # not for pytest, whatever its name begins with


def _fair(
    judged: Judgement,
    right: Bools,
    base: Bools,
    labels: npt.NDArray[np.int64],
    said: npt.NDArray[np.int64] | None = None,
) -> Judgement:
    """A confirmation also takes a gain in the mean recall of the classes, and answers that depend on the picture."""
    if judged.verdict != "confirmed":
        return judged
    if recall_gain(right, base, labels) <= 0:
        return Judgement(
            "inconclusive",
            "The gain is that of a frequent class alone, the mean recall of all classes does not rise: a model that always gave "
            "that answer would gain as much.",
        )
    if said is not None and (collapsed(said, labels) or not informed(said, labels)[1] > 0):
        return Judgement(
            "inconclusive",
            "The gain is that of answers that hardly depend on what a picture shows: so fed the model answers each class about as often "
            "whatever the true class is. As declared it was below that, as where the names of classes are exchanged (class_order).",
        )
    return judged


def winner(tests: Sequence[Tested], outcomes: Outcomes) -> Tested | None:
    """The confirmed pipeline to speak of: the simplest that is not shown to be worse than the best; None when none is."""
    confirmed = {i: t for i, t in enumerate(tests) if t.judgement.verdict == "confirmed"}
    if not confirmed:
        return None
    top, counts = (
        outcomes.right[max(confirmed, key=lambda i: confirmed[i].effect) + 1],
        scale(outcomes.labels),
    )
    good = []
    for i, one in confirmed.items():
        right = outcomes.right[i + 1]
        apart = not counts.balanced or counts.interval(top, right)[0] > 0
        if counts.p(top, right) > CLEARLY or not apart:
            good.append(one)
    return min(good, key=lambda t: (t.pipeline.complexity, -t.effect))


def detectable(discordant: int, n: int, alpha: float) -> float:
    """The smallest gain that n paired answers would have shown with 80 % power, when ``discordant`` of them differ.

    Never less than what the exact test needs: enough answers that differ, all in one direction."""
    if n < 2:
        return 1.0
    fewest = math.ceil(math.log2(1 / alpha)) / n
    spread = math.sqrt(max(discordant, 1) / n)
    found = smallest_paired_effect(spread, n, alpha, two_sided=False)
    return min(1.0, max(fewest, found or 1.0))


def ties(choice: Choice, winner: Pipeline) -> tuple[Pipeline, ...]:
    """Pipelines with changes on the same axes as ``winner`` that are as good on the choosing part, within 2 %."""
    tried = {t.pipeline: t for t in choice.tried}
    if winner not in tried:
        return ()
    least = tried[winner].rank[0] - STEP * len(tried[winner].right)
    made = [t for t in choice.tried[1:] if t.pipeline.axes == winner.axes and t.pipeline != winner]
    made = [t for t in made if t.rank[0] >= least and t.pipeline.benign == winner.benign]
    return tuple(t.pipeline for t in sorted(made, key=lambda t: t.rank, reverse=True))
