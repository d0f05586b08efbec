"""The confirmation half: test what was carried over, and report each bug once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from failsight.tools.stats.intervals import difference_interval, mean_interval, newcombe, wilson
from failsight.tools.stats.multiplicity import weighted_benjamini_hochberg
from failsight.tools.stats.slices.clusters import (
    FEWEST,
    Clustered,
    compare_clusters,
    mean_cluster_interval,
    rate_interval,
    wider,
)
from failsight.tools.stats.slices.discover import Shortlist
from failsight.tools.stats.slices.independence import excess_over_independence
from failsight.tools.stats.slices.model import (
    Conjunction,
    Float,
    Measured,
    Relative,
    SearchSettings,
    TestedSlice,
)
from failsight.tools.stats.slices.table import INSIDE, OUTSIDE, Half, Patterns
from failsight.tools.stats.stratified import StratifiedTest

Relation = Literal["copy", "parent", "part", "overlap"]
#: Jaccard index above which two slices are the same rows for all practical purposes
SAME_ROWS = 0.8
#: slices that fewer than about so many would equal by chance weigh nearly alike
ALL_SAME = 0.1
#: share of a slice's errors that a confirmed one must hold to account for it
MOST_ERRORS = 0.5
#: errors of a slice on the confirmation half below which no rate is a weakness: one or two are single pictures, however rare errors are
FEWEST_ERRORS = 3
#: of the slices passed over on the discovery half, how many are attached to the confirmed ones
LISTED = 32


@dataclass(slots=True)
class _Tested:
    """Tests of one carried slice that do not depend on the others, and later the one that does."""

    conjunction: Conjunction
    against_rest: StratifiedTest
    p_parents: tuple[float, ...]
    measured: Measured
    enough: bool
    few_errors: bool = False
    together: Clustered | None = None
    given: float | None = None
    weight: float = 1.0

    @property
    def too_few(self) -> bool:
        """Whether rows come in groups, and too few of these hold the slice or lack it to say anything."""
        return self.together is not None and not self.together.enough

    @property
    def alone(self) -> float:
        """p that the slice is worse than the rest and than each parent; 1 below the effect floor and with too few errors."""
        return max((self.against_rest.p, *self.p_parents)) if self.enough and not self.few_errors else 1.0

    @property
    def final(self) -> float:
        """p of the whole claim: also given the other confirmed slices, where that was asked."""
        return max(self.alone, 0.0 if self.given is None else self.given)


def confirm(
    discovery: Half, confirmation: Half, shortlist: Shortlist, settings: SearchSettings, min_effect: float
) -> tuple[list[TestedSlice], list[TestedSlice]]:
    """Test the carried slices; returns (confirmed, others).

    A slice is confirmed when, at the weighted Benjamini–Hochberg level over all carried (`_weights`), it is worse than the rest
    of the table within true classes, worse than the rest of each parent, and still worse once the other
    confirmed slices are accounted for. The p-value of such a joint claim is the largest of its parts
    (intersection–union test, Berger 1982), so that false discoveries are controlled over whole claims.
    """
    if not shortlist.picked:
        return [], []
    tested = [_test(confirmation, c, settings, min_effect) for c in shortlist.picked]
    for t, weight in zip(tested, _weights(shortlist), strict=True):
        t.weight = weight
    patterns = Patterns(confirmation, shortlist.picked)
    kept, q = _settle(patterns, tested, settings.q, min_effect)
    made = [
        _describe(
            discovery,
            confirmation,
            t,
            shortlist.support[t.conjunction],
            float(q[i]),
            i in kept,
            min_effect,
            settings.class_column,
        )
        for i, t in enumerate(tested)
    ]
    made = _merge(confirmation, made, shortlist.passed_over)
    confirmed = [s for s in made if s.verdict == "confirmed"]
    others = [s for s in made if s.verdict != "confirmed"]
    confirmed.sort(key=lambda s: -s.effect * s.confirmation.n)
    others.sort(key=lambda s: s.p)
    return confirmed, others


def _weights(shortlist: Shortlist) -> list[float]:
    """Shares of the error budget, 1 on average: the more, the fewer slices of its family would stand out as far by chance.

    They rest on the half that chose alone, so that false discoveries stay controlled.
    """
    worth = [1 / (ALL_SAME + shortlist.luck.get(c, 1.0)) for c in shortlist.picked]
    return [w * len(worth) / sum(worth) for w in worth]


def _test(half: Half, conjunction: Conjunction, settings: SearchSettings, min_effect: float) -> _Tested:
    rest = half.against_rest(conjunction)
    parents = tuple(_against_parent(half, conjunction, p, settings) for p in conjunction.parents())
    measured = half.measure(conjunction)
    enough = rest.effect >= min_effect and measured.rate > measured.rate_out
    few = half.binary and measured.total < FEWEST_ERRORS
    return _Tested(conjunction, rest, parents, measured, enough, few, half.together(conjunction))


def _against_parent(half: Half, child: Conjunction, parent: Conjunction, settings: SearchSettings) -> float:
    """One-sided p of the child against the rest of one parent.

    Within true classes. Where the child names the class and the parent does not, the rest of the parent holds other
    classes only: then the child must exceed it in what is left over the mean of each row's class, so that a condition
    that is as bad in every class is reported once, and without a class.
    """
    column = settings.class_column
    if half.levels == 1 or column not in child.attributes or column in parent.attributes:
        return half.against_parent(child, parent).p
    return half.excess_against_parent(child, parent).p


def _settle(
    patterns: Patterns, tested: list[_Tested], level: float, min_effect: float
) -> tuple[set[int], Float]:
    """Which carried slices are confirmed, and the q of each.

    The cut-off depends on the p-values, and these on which other slices are confirmed. A slice that is left and then fails at its own cut-off
    accounts for no other: it is barred, the worst first, and the others are looked at again without it, so that the loop ends.
    """
    weights = [t.weight for t in tested]
    barred: set[int] = set()
    while True:
        alone = [1.0 if i in barred else t.alone for i, t in enumerate(tested)]
        rejected = int((weighted_benjamini_hochberg(alone, weights, level) <= level).sum())
        cuts = [
            0.0 if i in barred else min(level, t.weight * rejected * level / len(tested))
            for i, t in enumerate(tested)
        ]
        kept = _walk(patterns, tested, cuts, min_effect)
        q = weighted_benjamini_hochberg([t.final for t in tested], weights, level)
        failed = {i for i in kept if q[i] > level}
        if not failed:
            return kept, q
        barred.add(max(failed, key=lambda i: float(q[i])))


def _walk(patterns: Patterns, tested: list[_Tested], cuts: list[float], min_effect: float) -> set[int]:
    """Forward: keep what adds to the slices already kept. Backward: drop what the others account for."""
    kept: list[int] = []
    for i, t in enumerate(tested):
        t.given = None
        if t.alone > cuts[i]:
            continue
        t.given = _given(patterns, tested, i, kept, min_effect)
        if t.given <= cuts[i]:
            kept.append(i)
    while len(kept) > 1:
        left = {i: _given(patterns, tested, i, [k for k in kept if k != i], min_effect) for i in kept}
        for i, p in left.items():
            tested[i].given = p
        over = [i for i in kept if left[i] > cuts[i]]
        if not over:
            break
        weakest = max(over, key=lambda i: left[i] / tested[i].weight)
        kept.remove(weakest)
    for i in kept if len(kept) == 1 else ():  # what it was given is gone
        tested[i].given = _given(patterns, tested, i, [], min_effect)
    return set(kept)


def _given(
    patterns: Patterns, tested: list[_Tested], i: int, others: Sequence[int], min_effect: float
) -> float:
    """One-sided p of slice i once the others are accounted for; 1 when less than the floor is left of it.

    Rows are compared within classes and within the memberships of the other slices. Rows of the slice that
    have nothing to be compared with there are passed over when they belong to a part of the slice (which
    accounts for them); when they are the overlap of other slices, see `excess_over_independence`.
    """
    member, n = patterns.member, patterns.sums.n
    inside = member[:, i] == INSIDE
    others = [o for o in others if (inside & (member[:, o] == INSIDE)).any()]
    group = patterns.group(others)
    comparable = np.bincount(group, n * (member[:, i] == OUTSIDE))[group] > 0
    apart = inside.copy()
    for o in others:
        if tested[i].conjunction in tested[o].conjunction:
            apart &= member[:, o] != INSIDE
    if n[apart & ~comparable].sum() > n[apart].sum() / 2:
        around = [o for o in others if tested[i].conjunction not in tested[o].conjunction]
        effect, p = excess_over_independence(patterns, i, around)
    else:
        left = patterns.given(i, others)
        effect, p = left.effect, left.p
    return p if effect >= min_effect else 1.0


def _describe(
    discovery: Half,
    confirmation: Half,
    tested: _Tested,
    support: int,
    q: float,
    confirmed: bool,
    min_effect: float,
    class_column: int | None,
) -> TestedSlice:
    """Figures of one carried slice in both halves.

    A slice that names a class is set beside the rest of that class, as it is tested: beside all other rows a slice of
    an easy class would look harmless, and one of a hard class bad, whatever its other conditions do.
    """
    there = confirmation.measure(tested.conjunction, class_column)
    ci, difference_ci = _intervals(confirmation, tested.conjunction, there, class_column)
    # within classes a slice of easy ones may be worse than the bare difference says
    effect_ci = confirmation.effect_interval(tested.conjunction) if confirmation.levels > 1 else difference_ci
    verdict: Literal["confirmed", "refuted", "inconclusive"] = "confirmed" if confirmed else "inconclusive"
    if not confirmed and not tested.too_few and max(difference_ci[1], effect_ci[1]) < min_effect:
        verdict = "refuted"
    return TestedSlice(
        conjunction=tested.conjunction,
        support=support,
        discovery=discovery.measure(tested.conjunction, class_column),
        confirmation=there,
        overall=float(confirmation.target.mean()),
        ci=ci,
        difference=there.rate - there.rate_out,
        difference_ci=difference_ci,
        effect=tested.against_rest.effect,
        effect_ci=effect_ci,
        p_outside=tested.against_rest.p,
        p_parents=tested.p_parents,
        p_given=tested.given,
        p=max((tested.against_rest.p, *tested.p_parents, tested.given or 0.0)),
        q=q,
        verdict=verdict,
        reason="" if confirmed else _reason(tested, q, min_effect),
        groups=None if tested.together is None else tested.together.groups,
    )


def _reason(tested: _Tested, q: float, min_effect: float) -> str:
    """Why a slice was not confirmed, the plainest reason first."""
    if tested.together is not None and tested.too_few:
        return f"too few groups to tell: {tested.together.groups} hold it or lack it, fewer than {FEWEST}"
    if not tested.enough and tested.against_rest.effect >= min_effect:
        return "over all classes it is no worse than the rest"
    if not tested.enough:
        return f"its excess on the confirmation half is below {100 * min_effect:.1f} points"
    if tested.few_errors:
        count = int(tested.measured.total)
        errors = "1 error" if count == 1 else f"{count or 'no'} errors"
        return f"{errors} on the confirmation half {'is' if count == 1 else 'are'} too few to call it a weakness (fewer than {FEWEST_ERRORS})"
    if tested.given is not None:
        return "its excess is accounted for by confirmed slices"
    if tested.against_rest.p > 0.05:
        return "its excess on the confirmation half is no more than chance would do"
    if any(p > 0.05 for p in tested.p_parents):
        return "it is not clearly worse than a slice with fewer conditions"
    return f"the evidence is not enough for so many candidates (q = {q:.2f})"


def _intervals(
    half: Half, conjunction: Conjunction, measured: Measured, class_column: int | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of the slice's mean, and of its difference from the rows outside; no narrower than groups allow."""
    ci, difference_ci = _independent_intervals(half, conjunction, measured, class_column)
    if half.clusters is None:
        return ci, difference_ci
    inside, outside = half.inside(conjunction), half.outside(conjunction, class_column)
    zero = np.zeros(len(half), np.int64)
    together = compare_clusters(half.target, inside, outside, zero, half.clusters)
    values, clusters = half.target[inside], half.clusters[inside]
    by_group = rate_interval(values > 0, clusters) if half.binary else mean_cluster_interval(values, clusters)
    return wider(ci, by_group), wider(difference_ci, together.ci)


def _independent_intervals(
    half: Half, conjunction: Conjunction, measured: Measured, class_column: int | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    if half.binary:
        wrong_outside = round(measured.rate_out * measured.n_out)
        ci = wilson(measured.total, measured.n)
        return ci, newcombe(measured.total, measured.n, wrong_outside, measured.n_out)
    values = half.target[half.inside(conjunction)]
    return mean_interval(values), difference_interval(
        values, half.target[half.outside(conjunction, class_column)]
    )


def _merge(half: Half, made: list[TestedSlice], passed_over: Sequence[Conjunction]) -> list[TestedSlice]:
    """Attach to each confirmed slice what it accounts for.

    What was carried and has no excess left beside the confirmed slices goes to the one that holds most of its errors;
    what was passed over on the discovery half, only where that one holds most of them, or the rows are nearly the same.
    """
    homes = [i for i, s in enumerate(made) if s.verdict == "confirmed"]
    merged: dict[int, list[Relative]] = {i: [] for i in homes}
    there = [made[h].conjunction for h in homes]
    for i, s in enumerate(made):
        home = None
        if s.verdict != "confirmed" and s.p_given is not None:
            home = _home(half, s.conjunction, there, s.p_given)
        if home is not None:
            made[i] = replace(s, verdict="merged")
            merged[homes[home[0]]].append(home[1])
    for conjunction in passed_over[:LISTED] if homes else ():
        home = _home(half, conjunction, there, None)
        if home is not None and (home[1].errors >= MOST_ERRORS or home[1].relation == "copy"):
            merged[homes[home[0]]].append(home[1])
    return [replace(s, merged=tuple(merged[i])) if i in merged else s for i, s in enumerate(made)]


def _home(
    half: Half, conjunction: Conjunction, confirmed: list[Conjunction], p: float | None
) -> tuple[int, Relative] | None:
    """The confirmed slice that holds most of the errors of this one, and how they lie to each other."""
    inside = half.inside(conjunction)
    measured = half.measure(conjunction)
    best: tuple[tuple[float, float], int] | None = None
    for i, other in enumerate(confirmed):
        both = inside & half.inside(other)
        shared = int(np.count_nonzero(both))
        if not shared:
            continue
        union = measured.n + int(np.count_nonzero(half.inside(other))) - shared
        errors = float(half.target[both].sum()) / measured.total if measured.total else 0.0
        rank = (shared / union, errors)
        if best is None or _closer(rank, best[0]):
            best = rank, i
    if best is None:
        return None
    (jaccard, errors), i = best
    relation: Relation = "overlap"
    if jaccard >= SAME_ROWS:
        relation = "copy"
    elif conjunction in confirmed[i]:
        relation = "parent"
    elif confirmed[i] in conjunction:
        relation = "part"
    return i, Relative(conjunction, measured.n, measured.rate, relation, jaccard, errors, p)


def _closer(rank: tuple[float, float], best: tuple[float, float]) -> bool:
    """Whether (rows in common, errors in common) say more: errors first where they differ by a tenth."""
    if abs(rank[1] - best[1]) > 0.1:
        return rank[1] > best[1]
    return rank[0] > best[0]
