"""One label given for another: flip rates between two labels, as the model and a head that learnt from these very labels see it.

What pulls a model from one class to another (a stamp, a camera that it knows from one class) looks the same: images that it takes for the source
carry the other label, and not the other way round. Members of the source that somebody labelled wrongly do so whatever else they show. So what
is recorded of the images is asked first: where, among images that the model takes for the source, the other label goes along with
something that they show, the flips must still be there without the images that show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Interval, TestResult, Verdict
from failsight.tools.labels.groups import ALPHA, FEWEST, MINIMUM_EFFECT
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.second import Second
from failsight.tools.notes import called
from failsight.tools.stats.flips import Flips, compare_flips, flip_interval
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, interval, listing, number

Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ALONE = 0.05  # p of the model's odds alone, of the head's alone, and of both without what goes along with the label
LIKE = 0.35  # mean rank among the suggested class's images that suspects must exceed
SUSPECTS = 5  # suspects of a pair of classes, one way, below which its flip rates are not fitted
MOST_BACK = 1 / 3  # flips the other way round, of those this way


@dataclass(frozen=True, slots=True)
class PairFlips:
    """Members of one class that carry another's label.

    Attributes:
        source: the class that they are of.
        both: flip rates by the model's and the head's odds together; ``model``, ``head``: by each alone.
        q: of ``both``, corrected over all ordered pairs of classes (Benjamini–Hochberg).
        ci: interval of ``both.rate − both.back``.
        looks: whether the suspects look like members of the source class: images of a kind that the model
            always takes for the source go one way, too, and lie at its border.
        along: what the images show that the label goes along with (``television=yes``), each with the flips that are left without
            the images that show it; None where too few are left to tell.
    """

    source: int
    both: Flips
    q: float
    model: Flips
    head: Flips
    ci: Interval
    looks: bool
    along: Mapping[str, Flips | None]

    @property
    def pulled(self) -> tuple[str, ...]:
        """What the images show without which nothing of the flips is left: the model is pulled by it, the labels are not to blame."""
        return tuple(
            name
            for name, left in self.along.items()
            if left is None or left.p > ALONE or left.share < MINIMUM_EFFECT
        )

    @property
    def confirmed(self) -> bool:
        """Enough labels of the class, not most of them, go this way and not the other, as each judge sees it, whatever else is shown."""
        one_way = self.both.back <= MOST_BACK * self.both.rate
        alone = max(self.model.p, self.head.p) <= ALONE
        enough = MINIMUM_EFFECT <= self.both.share <= 0.5
        return self.q <= ALPHA and enough and one_way and alone and self.looks and not self.pulled


def pair_flips(
    scored: Scored, second: Second, suspect: Bool, suggested: Ints, among: Bool, content: Mapping[str, Bool]
) -> dict[int, PairFlips]:
    """Given label → the source class whose members carry it most surely, where the correction leaves any.

    Args:
        suspect, suggested: (n,) of confident learning.
        among: (n,) the images that take part.
        content: what images show (``attribute=value``) → (n,) which ones.
    """
    k = len(scored.classes)
    sizes = np.bincount(scored.labels[among], minlength=k)
    found: dict[tuple[int, int], Flips] = {}
    for given in range(k):
        mine = among & suspect & (scored.labels == given)
        for source in np.flatnonzero(np.bincount(suggested[mine], minlength=k) >= SUSPECTS).tolist():
            if source != given and min(sizes[given], sizes[source]) >= FEWEST:
                odds, is_given = _odds(scored, second, among, given, source)
                found[given, source] = compare_flips(odds, is_given)
    # a pair with too few suspects to be looked at counts as looked at
    keys = list(found)
    absent = k * (k - 1) - len(keys)
    q = benjamini_hochberg([found[key].p for key in keys] + [1.0] * absent).tolist() if keys else []
    made: dict[int, PairFlips] = {}
    for key, each in sorted(zip(keys, q, strict=False), key=lambda one: found[one[0]].p):
        if each <= ALPHA and key[0] not in made:
            odds, is_given = _odds(scored, second, among, *key)
            alone = (compare_flips(odds[:, :1], is_given), compare_flips(odds[:, 1:], is_given))
            pair = among & suspect & (scored.labels == key[0]) & (suggested == key[1])
            looks = looks_like(*likeness_of(second, scored, pair, *key))
            along = _along(scored, second, among, key, content)
            ci = flip_interval(odds, is_given)
            made[key[0]] = PairFlips(key[1], found[key], float(each), *alone, ci, looks, along)
    return made


def _along(
    scored: Scored, second: Second, among: Bool, pair: tuple[int, int], content: Mapping[str, Bool]
) -> dict[str, Flips | None]:
    """What the given label goes along with among images that the model takes for the source, with the flips left without it."""
    given, source = pair
    both = among & ((scored.labels == given) | (scored.labels == source))
    taken, is_given = both & (scored.predicted == source), scored.labels == given
    tried: list[tuple[str, Bool, float]] = []
    for name, inside in content.items():
        here, there = taken & inside, taken & ~inside
        n1, n0 = int(here.sum()), int(there.sum())
        k1, k0 = int((here & is_given).sum()), int((there & is_given).sum())
        if n1 and n0 and k1 / n1 - k0 / n0 >= MINIMUM_EFFECT:
            tried.append((name, inside, fisher_exact(k1, n1, k0, n0, "greater")))
        elif n1 and n0:
            tried.append((name, inside, 1.0))
    q = benjamini_hochberg([p for *_, p in tried]).tolist() if tried else []
    made: dict[str, Flips | None] = {}
    for (name, inside, _), each in zip(tried, q, strict=True):
        if each <= ALPHA:
            odds, left = _odds(scored, second, among & ~inside, given, source)
            enough = min(int(left.sum()), int((~left).sum())) >= FEWEST
            made[name] = compare_flips(odds, left) if enough else None
    return made


def _odds(
    scored: Scored, second: Second, among: Bool, given: int, source: int
) -> tuple[npt.NDArray[np.float64], Bool]:
    """((n, 2) log odds of the source by the model and by the head, (n,) whether the label is the given one) of the two labels' images."""
    use = among & ((scored.labels == given) | (scored.labels == source))
    logs = [np.log(np.maximum(s[use], 1e-12)) for s in (scored.scores, second.scores)]
    return np.column_stack([each[:, source] - each[:, given] for each in logs]), scored.labels[use] == given


def likeness_of(second: Second, scored: Scored, pair: Bool, label: int, suggested: int) -> tuple[int, float]:
    """(how many, mean rank) of a label's suspects among the images labelled as suggested."""
    logs = np.log(np.maximum(second.scores, 1e-12))
    odds = logs[:, suggested] - logs[:, label]
    members = np.sort(odds[scored.labels == suggested])
    if not len(members) or not pair.any():
        return 0, 0.0
    return int(pair.sum()), float(np.searchsorted(members, odds[pair]).mean() / len(members))


def looks_like(alike: int, like: float) -> bool:
    """Whether so many suspects of this mean rank look like members of a class: lower limit of the mean of uniform ranks."""
    return alike > 0 and like - 1.645 * 0.2887 / np.sqrt(alike) > LIKE


def flips_finding(flips: PairFlips, scored: Scored, label: int, n: int, suspects: int) -> Finding:
    """The finding of one label that is given for another: ``label``, its images, how many of them are suspects."""
    name, other = clean(scored.classes[label], 60), clean(scored.classes[flips.source], 60)
    both = flips.both
    statement = (
        f"Of the {called(scored.split)} labelled {name} an estimated {number(both.share)} are {other}: {number(both.rate)} of the {other} images carry that label, "
        f"against {number(both.back)} the other way round ({number(both.rate - both.back, 'points')} {interval(flips.ci, 'points')}); {number(suspects / n)} of {n:,} are suspects."
    )
    note = (
        f"Two classes that are hard to tell apart are taken for each other both ways. Here the labels go one way, as the model sees it ({number(flips.model.rate)} against {number(flips.model.back)}) "
        f"and as a head that learnt from these very labels, without the images that it judges, sees it ({number(flips.head.rate)} against {number(flips.head.back)})."
    )
    if flips.along:
        note += f" They still do without the images that the label goes along with ({listing([clean(a, 60) for a in flips.along], 4)}, tried one by one)."
    statistic = f"share of {other} images labelled {name}, minus the other way round: flip rates between the two labels, beside a logistic curve of the model's and a cross-validated head's log odds"
    measured = (statistic, both.rate - both.back, flips.ci, both.p, flips.q)
    return label_finding(scored, label, (n, suspects), statement, note, measured, "confirmed")


def label_finding(
    scored: Scored, label: int, counts: tuple[int, int], statement: str, note: str,
    measured: tuple[str, float, Interval, float, float], verdict: Verdict,
) -> Finding:  # fmt: skip
    """A finding about one label.

    Args:
        counts: images with the label, and suspects among them.
        measured: statistic, effect, its interval, p, q.
    """
    n, suspects = counts
    statistic, effect, ci, p, q = measured
    test = TestResult("label_noise", effect, ci, p, n, verdict, statistic=statistic, q=q)
    return Finding(
        "label_noise", "correctness", "data_content", statement, class_name=scored.classes[label],
        n=n, error_rate=suspects / n, ci=wilson(suspects, n), p=p, q=q, verdict=verdict, tests=(test,), note=note,
    )  # fmt: skip
