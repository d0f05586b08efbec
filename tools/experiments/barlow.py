"""Barlow's failure modes (Singla et al. 2021), found on one half of the images and tested on the other.

The paper reads the leaves of a tree off the very images that grew it; a leaf that is bad by chance looks the same as one
that is bad for a reason. So features and trees are chosen on the discovery half, and every leaf that the paper would report
is tested on the confirmation half: its error rate against the rest of its group, Fisher's exact test, Benjamini–Hochberg
over all leaves of all groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Verdict
from failsight.tools.inputs.base import Floats
from failsight.tools.stats.failure_tree import (
    Condition,
    FailureTree,
    Leaf,
    grow,
    most_informative,
    mutual_information,
    simplified,
)
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import counted

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Grouping = Literal["label", "prediction", "either", "pairs", "all"]
FEATURES = 20  # §5: features with the highest mutual information
LEAST_LEAF = 10  # discovery images of the smallest leaf: fewer could not be confirmed
LEAST_GROUP = 40  # images of the smallest group, both halves together
LEAST_FAILURES = 5  # in each half of a group
MOST_ROWS = 4000  # images of a group that information is estimated from
FEWEST_TO_REFUTE = 10  # confirmation images of a leaf
MOST_PAIRS = 10


@dataclass(frozen=True)
class Known:
    """What is known of every labelled image whose features could be read.

    Attributes:
        rows: row numbers in the image table. (n,)
        features: (n, c).
        labels, predicted: class indices. (n,)
        discovery: which images choose; the others test. (n,)
    """

    rows: Ints
    features: Floats
    labels: Ints
    predicted: Ints
    discovery: Mask

    @property
    def failed(self) -> Mask:
        """(n,) predicted wrong."""
        wrong: Mask = self.labels != self.predicted
        return wrong


@dataclass(frozen=True)
class Group:
    """Images that are explained together.

    Attributes:
        grouping: how they were put together.
        true, predicted: class indices that define it; None where they don't.
        at: positions in ``Known``, ascending. (n,)
        failed: what is to be explained, for each. (n,)
        classes: for a union of classes, their indices.
    """

    grouping: Grouping
    true: int | None
    predicted: int | None
    at: Ints
    failed: Mask
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The paper's parameters, and the level of the tests.

    Attributes:
        depth: most conditions on a path.
        delta: least excess of a leaf's error rate over the group's.
        tau: least share of the group's failures in a leaf.
        q: false discovery rate.
        seed: of the halves and of the noise that breaks ties.
    """

    depth: int = 3
    delta: float = 0.1
    tau: float = 0.2
    q: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class Grown:
    """The tree of one group, from its discovery half.

    Attributes:
        columns: the features that it could choose from, most informative first. (k,)
        information: their mutual information with failure, in nats. (k,)
        tree: with counts of the discovery half; conditions number features of the model.
        modes: its leaves with ER ≥ BER + δ and EC ≥ τ there, most important first.
        after: the same tree with counts of the confirmation half; empty until that half may be looked at.
    """

    group: Group
    columns: Ints
    information: npt.NDArray[np.float64]
    tree: FailureTree
    modes: tuple[Leaf, ...]
    after: FailureTree | None = None


@dataclass(frozen=True)
class Mode:
    """A failure mode on the confirmation half.

    Attributes:
        group: number of its group among those that were grown.
        found: the leaf on the discovery half.
        leaf: the same conditions with the counts of the confirmation half.
        path: its conditions, each bound once.
        effect: error rate of the leaf minus that of the rest of the group.
        ci: its 95 % interval (Newcombe).
        p: one-sided, Fisher.
        q: after Benjamini–Hochberg over all modes of all groups.
        excess: error rate of the leaf minus that of the group, rest and leaf together: ER − BER.
        excess_ci: its 95 % interval, given how many of the group are in the leaf.
        detectable: smallest effect that would have been seen with 80 % power; None if none would.
    """

    group: int
    found: Leaf
    leaf: Leaf
    path: tuple[Condition, ...]
    effect: float
    ci: Interval
    p: float
    excess: float
    excess_ci: Interval
    detectable: float | None
    q: float = 1.0
    verdict: Verdict = "inconclusive"

    @property
    def rest_rate(self) -> float:
        """Error rate of the rest of the group, in [0, 1]; nan without a rest."""
        n = self.leaf.of - self.leaf.n
        return (self.leaf.all_failures - self.leaf.failures) / n if n else float("nan")


def groups_of(
    known: Known,
    grouping: Grouping,
    count: int,
    *,
    chosen: Sequence[int] = (),
    pair: tuple[int, int] | None = None,
    correct: bool = False,
) -> list[Group]:
    """The groups of Algorithm 1, in order of classes (pairs: most frequent confusion first).

    Args:
        grouping: ``label``: images of a class (what goes with false negatives). ``prediction``: images called so (false
            positives). ``either``: their union. ``pairs``: images of one class called that or the other; called the other
            is failure. ``all``: the chosen classes together, by label.
        count: number of classes.
        chosen: only these classes; none for all.
        pair: only this pair (true, predicted).
        correct: explain right answers instead of wrong ones.
    """
    labels, predicted = known.labels, known.predicted

    def made(
        inside: Mask,
        true: int | None,
        guess: int | None,
        classes: tuple[int, ...] = (),
        wrong: Mask | None = None,
    ) -> Group:
        at = np.flatnonzero(inside)
        bad = (known.failed if wrong is None else wrong)[at]
        return Group(grouping, true, guess, at, ~bad if correct else bad, classes)

    if grouping == "pairs":
        pairs = [pair] if pair is not None else _confusions(known, count, chosen)
        return [
            made((labels == a) & np.isin(predicted, (a, b)), a, b, wrong=predicted == b) for a, b in pairs
        ]
    classes = list(chosen) or list(range(count))
    if grouping == "all":
        return [made(np.isin(labels, classes), None, None, tuple(chosen))]
    if grouping == "label":
        return [made(labels == c, c, None) for c in classes]
    if grouping == "prediction":
        return [made(predicted == c, None, c) for c in classes]
    return [made((labels == c) | (predicted == c), c, c) for c in classes]


def _confusions(known: Known, count: int, chosen: Sequence[int]) -> list[tuple[int, int]]:
    """(true, predicted) of the most frequent confusions, counted on the discovery half."""
    here = known.discovery & known.failed
    counts = np.bincount(known.labels[here] * count + known.predicted[here], minlength=count * count)
    order = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i] >= LEAST_FAILURES]
    pairs = [(i // count, i % count) for i in order]
    return [p for p in pairs if not chosen or p[0] in chosen][:MOST_PAIRS]


def why_not(known: Known, group: Group) -> str:
    """Why a group can't be explained, in a few words; empty where it can."""
    if len(group.at) < LEAST_GROUP:
        return counted(len(group.at), "image")
    for half, name in ((known.discovery[group.at], "choosing"), (~known.discovery[group.at], "testing")):
        wrong, right = int(group.failed[half].sum()), int((~group.failed[half]).sum())
        if min(wrong, right) < LEAST_FAILURES:
            what = f"{wrong} failures" if wrong <= right else f"{right} right answers"
            return f"{what} in the {name} half"
    return ""


def grown(known: Known, group: Group, settings: Settings) -> Grown:
    """Choose features and grow the tree of one group on its discovery half (§5, Algorithm 1)."""
    here = known.discovery[group.at]
    at, failed = group.at[here], group.failed[here]
    x = known.features[at].astype(np.float64)
    drawn = np.arange(len(at))
    if len(at) > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(settings.seed).choice(len(at), MOST_ROWS, replace=False))
    information = mutual_information(x[drawn], failed[drawn], seed=settings.seed)
    columns = most_informative(information, FEATURES)
    tree = grow(x[:, columns], failed, depth=settings.depth, least=LEAST_LEAF)
    tree = FailureTree(tuple(replace(leaf, path=_renumbered(leaf.path, columns)) for leaf in tree.leaves))
    return Grown(group, columns, information[columns], tree, tree.valid(settings.delta, settings.tau))


def _renumbered(path: tuple[Condition, ...], columns: Ints) -> tuple[Condition, ...]:
    return tuple(replace(one, feature=int(columns[one.feature])) for one in path)


def confirmed(
    known: Known,
    trees: Sequence[Grown],
    settings: Settings,
    before: Callable[[int, Leaf, tuple[Condition, ...]], None] | None = None,
) -> tuple[list[Grown], list[Mode]]:
    """Test the failure modes of all groups on the confirmation half.

    Args:
        before: told of every test (number of the group, leaf, path) before the first one is made.

    Returns:
        The trees with the counts of the confirmation half, and one tested mode for each carried leaf, group by group.
    """
    carried = [(i, leaf, simplified(leaf.path)) for i, one in enumerate(trees) for leaf in one.modes]
    if before is not None:
        for i, leaf, path in carried:
            before(i, leaf, path)
    measured = [_after(known, one) for one in trees]
    level = settings.q / max(1, len(carried))
    modes = []
    for i, leaf, path in carried:
        after = measured[i].after
        assert after is not None
        place = [one.path for one in trees[i].tree.leaves].index(leaf.path)
        modes.append(_mode(i, leaf, after.leaves[place], path, level))
    q = benjamini_hochberg([m.p for m in modes])
    return measured, [_judged(replace(m, q=float(v)), settings) for m, v in zip(modes, q, strict=True)]


def _after(known: Known, one: Grown) -> Grown:
    there = ~known.discovery[one.group.at]
    at = one.group.at[there]
    x = known.features[at].astype(np.float64)
    return replace(one, after=one.tree.measured(x, one.group.failed[there]))


def _mode(group: int, found: Leaf, leaf: Leaf, path: tuple[Condition, ...], level: float) -> Mode:
    n, k = leaf.n, leaf.failures
    n0, k0 = leaf.of - n, leaf.all_failures - k
    effect = k / n - k0 / n0 if n and n0 else 0.0
    ci = newcombe(k, n, k0, n0)
    outside = n0 / leaf.of if leaf.of else 0.0  # ER − BER is this part of ER − the rest's rate
    detectable = smallest_rate_difference(n, k0 / n0, n0, level) if n and n0 else None
    p = fisher_exact(k, n, k0, n0, "greater")
    excess = leaf.error_rate - leaf.base_error_rate if n else 0.0
    return Mode(
        group, found, leaf, path, effect, ci, p, excess, (ci[0] * outside, ci[1] * outside), detectable
    )


def _judged(mode: Mode, settings: Settings) -> Mode:
    """Confirmed: q within the level, and the excess over BER reaches δ. Refuted: its whole interval lies below δ."""
    if mode.q <= settings.q and mode.excess >= settings.delta - 1e-12:
        return replace(mode, verdict="confirmed")
    if mode.leaf.n >= FEWEST_TO_REFUTE and mode.excess_ci[1] < settings.delta:
        return replace(mode, verdict="refuted")
    return mode
