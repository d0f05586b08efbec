"""Does one source of labels take two classes for each other? A swap of two rare classes is too little of all labels for the other tests.

Two demands, for one source and one pair of classes at a time, over the labels that say one of the two, of images that the model takes for one of
the two. It takes them for the other one than the label more often than where others gave these labels (exact test within labels); and more often
than its own errors would, by its calibrated scores between the two classes, even were it half as sure of these images as it says (chance of
so many, as independent errors). The first alone is also met by a source whose images are hard, the second alone by a model that takes the two for each other everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Interval, TestResult
from failsight.tools.labels.groups import ALIKE, ALPHA, APART, REACH, Group, within_labels
from failsight.tools.labels.scores import Scored
from failsight.tools.notes import called
from failsight.tools.performance import confusion
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.stratified import compare_within
from failsight.tools.text import clean, interval, number, p_value

if TYPE_CHECKING:
    from failsight.tools.labels.conditions import Guard

Bool = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
FEWEST_LABELS, FEWEST_TAKEN = (
    8,
    4,
)  # that say one of the two, of images that the model takes for one of the two; taken for the other, by whomever
LEAST = 0.2  # difference of the shares, the source minus the others
CHOSEN = 0.05  # level at which a pair of classes is looked at closer, whoever gave its labels
MOST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Swap:
    """Two classes that a source takes for each other.

    Attributes:
        one, other: the classes.
        n, taken: labels of the source that say one of the two, of images that the model takes for one of the two; and how many of them it
            takes for the other one.
        rate, base: share of those inside and outside.
        expected: how many its own errors would make, were it half as sure as it says.
        effect, ci: difference within labels (Mantel–Haenszel), with its 95 % interval.
        elsewhere: upper end of the interval of the same difference of disagreement, in the labels that say neither of the two.
        p, q: the larger of the two demands; corrected over all sources and pairs that were tested.
    """

    one: str
    other: str
    n: int
    taken: int
    rate: float
    base: float
    expected: float
    effect: float
    ci: Interval
    elsewhere: float
    p: float
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Two classes, whoever gave the labels.

    Attributes:
        pair, one, other: the classes, by number and by name.
        n, taken: images that label and model both call one of the two, and on how many of them they disagree.
        expected: how many of these the model's own errors would make, were it half as sure as it says.
        p: of so many, corrected over all pairs of classes.
    """

    pair: tuple[int, int]
    one: str
    other: str
    n: int
    taken: int
    expected: float
    p: float


def with_swaps(
    groups: Sequence[Group],
    masks: Mapping[tuple[str, str], Bool],
    scored: Scored,
    calibrated: Floats,
    among: Bool,
    held: Guard | None = None,
) -> tuple[Group, ...]:
    """``groups``, of which those that exchange two classes are confirmed by that; none where one is confirmed already.

    Args:
        calibrated: (n, k) scores after temperature scaling.
        among: (n,) images that take part.
        held: says whether something else that the case records accounts for a swap.
    """
    if any(g.verdict == "confirmed" for g in groups):
        return tuple(groups)
    pairs = suspicious_pairs(scored, calibrated, among)
    made = [
        (g, s) for g in groups for s in _swaps(scored, calibrated, masks[g.column, g.value], among, pairs)
    ]
    if not made:
        return tuple(groups)
    q = benjamini_hochberg([s.p for _, s in made]).tolist()
    best: dict[tuple[str, str], Swap] = {}
    taken: set[tuple[str, str]] = set()
    for (g, s), each in sorted(zip(made, q, strict=True), key=lambda found: found[0][1].p):
        if (s.one, s.other) in taken:
            continue  # the same two classes by another source: that may be the same images under another name
        if each > ALPHA or not stands_out(s, g.apart, g.p_apart):
            continue
        if held is not None and _explained(held, g, s, scored, masks[g.column, g.value], among):
            continue
        taken.add((s.one, s.other))
        best.setdefault((g.column, g.value), replace(s, q=float(each)))
    told = [_confirmed(g, best.get((g.column, g.value))) for g in groups]
    return tuple(sorted(told, key=lambda g: g.verdict != "confirmed"))


def _explained(held: Guard, g: Group, s: Swap, scored: Scored, inside: Bool, among: Bool) -> bool:
    a, b = (scored.classes.index(c) for c in (s.one, s.other))
    both = among & either(scored.labels, a, b) & either(scored.predicted, a, b)
    return bool(
        held.about_pictures(g.column) or held.accounted(scored.predicted != scored.labels, inside, both)
    )


def stands_out(s: Swap, apart: float, p_apart: float) -> bool:
    """Whether an excess is large enough, of these two classes more than of the source's other labels, and not of images that are harder.

    Args:
        apart, p_apart: how differently sure the model is of the source's images (Kolmogorov–Smirnov distance), and its p. Errors that follow
            sureness alone can't differ by more than that distance.
    """
    as_sure = p_apart >= ALIKE or (apart <= APART and s.effect - 2 * apart >= LEAST)
    return s.effect >= LEAST and s.ci[0] > 0 and s.elsewhere < s.effect / 2 and as_sure


def _confirmed(g: Group, s: Swap | None) -> Group:
    if s is None:
        return g
    why = (
        f"Of {s.n} images that these labels and the model both call {clean(s.one, 60)} or {clean(s.other, 60)}, they call "
        f"{s.taken} by the other of the two names; the model's own errors would make about {s.expected:.1f}, were it half as sure as it says."
    )
    return replace(g, p=s.p, q=s.q, verdict="confirmed", why=why, swap=s)


def _swaps(
    scored: Scored, calibrated: Floats, inside: Bool, among: Bool, pairs: Sequence[Exchanged]
) -> Iterator[Swap]:
    """The pairs of classes of which the source gave enough labels."""
    labels, said = scored.labels, scored.predicted
    for a, b in (e.pair for e in pairs):
        both = among & either(labels, a, b) & either(said, a, b)
        here, there = both & inside, both & ~inside
        if min(int(here.sum()), int(there.sum())) < FEWEST_LABELS:
            continue
        hit = both & (said != labels)
        over = compare_within(hit[both].astype(float), inside[both], labels[both])
        share = within_labels(hit, labels, inside, both)
        chances = _chances(calibrated[here], a, b)
        taken = int(hit[here].sum())
        yield Swap(
            scored.classes[a], scored.classes[b], int(here.sum()), taken, float(hit[here].mean()), float(hit[there].mean()), float(chances.sum()),
            over.effect, share.ci, elsewhere(scored, inside, among & ~either(labels, a, b)), max(over.p, at_least(chances, taken)),
        )  # fmt: skip


def elsewhere(scored: Scored, inside: Bool, rest: Bool) -> float:
    """How much more the model may disagree with the source's other labels: a swap is of two classes, hard images are of all."""
    if not (rest & inside).any() or not (rest & ~inside).any():
        return 0.0
    made = within_labels(scored.predicted != scored.labels, scored.labels, inside, rest)
    return made.ci[1] if np.isfinite(made.value) else 0.0


def suspicious_pairs(scored: Scored, calibrated: Floats, among: Bool) -> list[Exchanged]:
    """Pairs of classes that are taken for each other more often than the model's own errors would do it, were it half as sure as it says,
    whoever gave the labels.

    Nothing here looks at the sources, so that choosing among the pairs costs their tests nothing.
    """
    labels, said = scored.labels, scored.predicted
    there = np.unique(labels[among])
    pairs = len(there) * (len(there) - 1) // 2
    counts = confusion(labels[among], said[among], len(scored.classes))
    exchanged = (counts + counts.T)[np.ix_(there, there)]  # with thousands of classes few pairs have any
    found = []
    for a, b in there[np.argwhere(np.triu(exchanged >= FEWEST_TAKEN, 1))].tolist():
        both, taken = among & either(labels, a, b) & either(said, a, b), int(counts[a, b] + counts[b, a])
        chances = _chances(calibrated[both], a, b)
        p = at_least(chances, taken)
        if p <= CHOSEN:
            names = scored.classes[a], scored.classes[b]
            every = min(1.0, p * pairs)
            found.append(Exchanged((a, b), *names, int(both.sum()), taken, float(chances.sum()), every))
    return sorted(found, key=lambda e: (e.p, -e.taken))[:MOST_PAIRS]


def most_exchanged(scored: Scored, calibrated: Floats, among: Bool) -> Exchanged | None:
    """The pair of classes that is surely (at the level of these tests, over all pairs) taken for each other too often; None for none."""
    found = suspicious_pairs(scored, calibrated, among)
    return found[0] if found and found[0].p <= ALPHA else None


def either(values: npt.NDArray[np.int64], a: int, b: int) -> Bool:
    made: Bool = (values == a) | (values == b)
    return made


def _chances(calibrated: Floats, a: int, b: int) -> Floats:
    """(n,) chance that the label, right and one of the two, is not the one of the two that the model holds likelier, were the model half as
    sure as it says."""
    made: Floats = 1 / (1 + np.exp(np.minimum(gaps(calibrated, a, b) / REACH, 700)))
    return made


def gaps(calibrated: Floats, a: int, b: int) -> Floats:
    """(n,) log odds between the two classes, without their sign."""
    odds = np.log(np.maximum(calibrated[:, [a, b]], 1e-30))
    made: Floats = np.abs(odds[:, 0] - odds[:, 1])
    return made


def at_least(chances: Floats, k: int) -> float:
    """Chance that at least ``k`` of independent events happen, whose chances are given (Poisson–binomial, exact)."""
    below = np.zeros(max(k, 1))
    below[0] = 1.0
    for p in chances[chances > 0]:
        below[1:] = below[1:] * (1 - p) + below[:-1] * p
        below[0] *= 1 - p
    return float(max(0.0, 1 - below.sum())) if k > 0 else 1.0


def swap_words(group: Group, s: Swap) -> str:
    """A swap, as a sentence of a summary."""
    may = "exchange" if group.verdict == "confirmed" else "may exchange"
    return (
        f"Labels with {clean(group.column, 40)}={clean(group.value, 60)} {may} {clean(s.one, 60)} and {clean(s.other, 60)}: the model disagrees "
        f"on which of the two in {number(s.rate)} of {s.n:,} images against {number(s.base)} elsewhere (q {p_value(s.q)})."
    )


def swap_finding(group: Group, s: Swap, split: str, clear: str) -> Finding:
    """A group that gives two classes each other's name. ``clear``: which images took part, in words."""
    statement = (
        f"Labels with {clean(group.column, 40)}={clean(group.value, 60)} exchange {clean(s.one, 60)} and {clean(s.other, 60)}: of {s.n:,} "
        f"{called(split)}{clear} that these labels and the model both call one of the two, they disagree on which in {number(s.rate)} against "
        f"{number(s.base)} elsewhere ({number(s.effect, 'points')} {interval(s.ci, 'points')} within labels)."
    )
    test = TestResult(
        "label_noise", s.effect, s.ci, s.p, s.n, group.verdict,
        statistic="disagreement on two classes within labels, inside minus outside (Mantel–Haenszel); p of both demands, the larger", q=s.q,
    )  # fmt: skip
    return Finding(
        "label_noise", "correctness", "data_content", statement, slice={group.column: group.value}, n=s.n, error_rate=s.rate,
        base_error_rate=s.base, ci=wilson(s.taken, s.n), p=s.p, q=s.q, verdict=group.verdict, tests=(test,), note=group.why,
    )  # fmt: skip
