"""One given label against the others: whether it is often given wrongly, for images of which class.

Two ways to see it. The label disagrees with what the model sees however sure it is, more often than other labels do, and its suspects
go one way. Or, between this label and another, members of one class carry the other's label more often than the other way round
(:mod:`failsight.tools.stats.flips`), as the model and a head that learnt from these very labels see it, each alone: that needs no other labels to
compare with, so it finds one label given for another where all classes are hard to tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from failsight.tools.checks.label_groups import ALPHA, FEWEST, MINIMUM_EFFECT, REACH
from failsight.tools.checks.label_scores import Scored
from failsight.tools.checks.label_second import Second, Seconded, seconded
from failsight.tools.evidence import Cell, Finding, Interval, Table, TestResult, Verdict
from failsight.tools.notes import called
from failsight.tools.stats.flips import Flips, compare_flips, flip_interval
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.label_floor import Disagreement, FloorTest, compare_floors
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, interval, number, p_value

Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ONE_CLASS = 0.6  # share of a label's suspects that are of one class, lower limit
LIKE = 0.35  # mean rank among the suggested class's images that suspects must exceed
ALONE = 0.05  # p of the model's and of the head's odds, each alone
SUSPECTS = 5  # suspects of a pair of classes, one way, below which its flip rates are not fitted
MOST_BACK = 1 / 3  # flips the other way round, of those this way
MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class PairFlips:
    """Members of one class that carry another's label.

    Attributes:
        source: the class that they are of.
        both: flip rates by the model's and the head's odds together; ``model``, ``head``: by each alone.
        q: of ``both``, corrected over all ordered pairs of classes (Benjamini–Hochberg).
        ci: interval of ``both.rate − both.back``.
        looks: whether the suspects look like members of the source class (as for ``ClassNoise.looks``): images of a kind that the model
            always takes for the source go one way, too, and lie at its border.
    """

    source: int
    both: Flips
    q: float
    model: Flips
    head: Flips
    ci: Interval
    looks: bool

    @property
    def confirmed(self) -> bool:
        """Enough labels of the class, not most of them, go this way and not the other, as each judge sees it."""
        one_way = self.both.back <= MOST_BACK * self.both.rate
        alone = max(self.model.p, self.head.p) <= ALONE
        enough = MINIMUM_EFFECT <= self.both.share <= 0.5
        return self.q <= ALPHA and enough and one_way and alone and self.looks


def pair_flips(
    scored: Scored, second: Second, suspect: Bool, suggested: Ints, among: Bool
) -> dict[int, PairFlips]:
    """Given label → the source class whose members carry it most surely, where the correction leaves any."""
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
            looks = _looks(*_likeness(second, scored, pair, *key))
            ci = flip_interval(odds, is_given)
            made[key[0]] = PairFlips(key[1], found[key], float(each), *alone, ci, looks)
    return made


def _odds(
    scored: Scored, second: Second, among: Bool, given: int, source: int
) -> tuple[npt.NDArray[np.float64], Bool]:
    """((n, 2) log odds of the source by the model and by the head, (n,) whether the label is the given one) of the two labels' images."""
    use = among & ((scored.labels == given) | (scored.labels == source))
    logs = [np.log(np.maximum(s[use], 1e-12)) for s in (scored.scores, second.scores)]
    return np.column_stack([each[:, source] - each[:, given] for each in logs]), scored.labels[use] == given


@dataclass(frozen=True, slots=True)
class ClassNoise:
    """One given label, set against all others: how much disagrees however sure the model is, and what a second head says.

    Attributes:
        index, suggested: the label, and the class that most of its suspects are of.
        n, suspects: images with the label that take part; suspects among them.
        model: floors inside against outside, by the model's scores.
        second: how far the second opinion agrees with the suspects.
        alike, like: suspects of the suggested class that the second opinion agrees on, and their mean rank, by its log odds of the two
            classes, among images labelled as suggested: one half for images like them, near 0 for those at the border.
        reverse, p_reverse: suspects the other way round, labelled as suggested and perhaps of this class; and the chance of at least
            ``alike`` of all of both if they came in proportion to the images with either label.
        flips: members of one other class that carry this label more often than the other way round; None where nothing speaks for it.
    """

    index: int
    suggested: int
    n: int
    suspects: int
    model: FloorTest
    second: Seconded
    alike: int
    like: float
    reverse: int
    p_reverse: float
    p: float
    q: float = 1.0
    verdict: Verdict = "inconclusive"
    flips: PairFlips | None = None

    @property
    def one_way(self) -> bool:
        """Whether the suspects go one way. Two classes that a model can't tell apart are taken for each other, both ways."""
        return self.p_reverse <= ALPHA

    @property
    def looks(self) -> bool:
        """Whether the suspects are of one class and look like it: lower limits of their share, and of the mean rank (uniform ranks).

        A class that a model does badly is taken for several others; who mislabels takes one class for one other.
        """
        return wilson(self.alike, max(self.suspects, 1))[0] > ONE_CLASS and _looks(self.alike, self.like)


def _looks(alike: int, like: float) -> bool:
    """Whether so many suspects of this mean rank look like members of a class: lower limit of the mean of uniform ranks."""
    return alike > 0 and like - 1.645 * 0.2887 / np.sqrt(alike) > LIKE


def class_noise(
    scored: Scored, second: Second | None, suspect: Bool, suggested: Ints, among: Bool
) -> list[ClassNoise]:
    """Every label with enough images; the confirmed ones first.

    Args:
        suspect, suggested: (n,) of confident learning.
        among: (n,) the images that take part.
    """
    if second is None or not second.sees:
        return []
    first = Disagreement(scored.scores, scored.predicted != scored.labels)
    made = []
    for c in range(len(scored.classes)):
        inside = (scored.labels == c) & among
        if int(inside.sum()) < FEWEST or int((~inside & among).sum()) < FEWEST:
            continue
        mine = inside & suspect
        to = np.bincount(suggested[mine], minlength=len(scored.classes))
        model = compare_floors(first, inside, among, reach=REACH)
        opinion = seconded(second, suspect, suggested, inside)
        top = int(to.argmax())
        alike, like = _likeness(second, scored, mine & (suggested == top), c, top)
        reverse, p_reverse = _reverse(scored, alike, suspect & among & (suggested == c), c, top)
        made.append(
            ClassNoise(c, top, int(inside.sum()), int(mine.sum()), model, opinion, alike, like, reverse, p_reverse, model.p)
        )  # fmt: skip
    q = benjamini_hochberg([m.p for m in made]).tolist() if made else []
    flips = pair_flips(scored, second, suspect, suggested, among)
    judged = [replace(m, q=float(each), flips=flips.get(m.index)) for m, each in zip(made, q, strict=True)]
    judged = [replace(m, verdict=_class_verdict(m)) for m in judged]
    return sorted(judged, key=lambda m: (m.verdict != "confirmed", -m.model.difference))


def _likeness(second: Second, scored: Scored, pair: Bool, label: int, suggested: int) -> tuple[int, float]:
    """(how many, mean rank) of a label's suspects among the images labelled as suggested."""
    logs = np.log(np.maximum(second.scores, 1e-12))
    odds = logs[:, suggested] - logs[:, label]
    members = np.sort(odds[scored.labels == suggested])
    if not len(members) or not pair.any():
        return 0, 0.0
    return int(pair.sum()), float(np.searchsorted(members, odds[pair]).mean() / len(members))


def _reverse(scored: Scored, alike: int, back: Bool, label: int, suggested: int) -> tuple[int, float]:
    """(suspects the other way round, chance that at least ``alike`` of all of both go this way by the numbers of images alone)."""
    reverse = int((back & (scored.labels == suggested)).sum())
    mine, theirs = int((scored.labels == label).sum()), int((scored.labels == suggested).sum())
    if alike + reverse == 0:
        return 0, 1.0
    return reverse, float(binom.sf(alike - 1, alike + reverse, mine / (mine + theirs)))


def _class_verdict(m: ClassNoise) -> Verdict:
    if m.flips is not None and m.flips.confirmed:
        return "confirmed"
    if m.model.ci[1] < MINIMUM_EFFECT:
        return "refuted"
    large = m.model.difference >= MINIMUM_EFFECT and m.q <= ALPHA
    return "confirmed" if large and m.second.holds and m.looks and m.one_way else "inconclusive"


def class_finding(m: ClassNoise, scored: Scored) -> Finding:
    """The finding of one label that is often given wrongly."""
    if m.flips is not None and m.flips.confirmed:
        return _flips_finding(m, m.flips, scored)
    name, other = clean(scored.classes[m.index], 60), clean(scored.classes[m.suggested], 60)
    statement = (
        f"Of the {called(scored.split)} labelled {name} an estimated {number(m.model.inside)} carry a wrong label against {number(m.model.outside)} of the others; "
        f"{number(m.suspects / m.n)} of {m.n:,} are suspects, most of them are perhaps {other}."
    )
    note = (
        "The labels disagree however sure the model is, and a head that learnt from these very labels, without the images that it judges, "
        f"agrees with the model on {m.second.agreed} of {m.second.suspects} suspects, which to it look like members of the other class."
    )
    statistic = "floor of disagreement, this label minus the others; and a head cross-validated on these labels must agree with most suspects, which go one way"
    return _finding(m, scored, statement, note, statistic, m.model.difference, m.model.ci, (m.p, m.q))


def _flips_finding(m: ClassNoise, flips: PairFlips, scored: Scored) -> Finding:
    name, other = clean(scored.classes[m.index], 60), clean(scored.classes[flips.source], 60)
    both = flips.both
    statement = (
        f"Of the {called(scored.split)} labelled {name} an estimated {number(both.share)} are {other}: {number(both.rate)} of the {other} images carry that label, "
        f"against {number(both.back)} the other way round ({number(both.rate - both.back, 'points')} {interval(flips.ci, 'points')}); {number(m.suspects / m.n)} of {m.n:,} are suspects."
    )
    note = (
        f"Two classes that are hard to tell apart are taken for each other both ways. Here the labels go one way, as the model sees it ({number(flips.model.rate)} against {number(flips.model.back)}) "
        f"and as a head that learnt from these very labels, without the images that it judges, sees it ({number(flips.head.rate)} against {number(flips.head.back)})."
    )
    statistic = f"share of {other} images labelled {name}, minus the other way round: flip rates between the two labels, beside a logistic curve of the model's and a cross-validated head's log odds"
    return _finding(m, scored, statement, note, statistic, both.rate - both.back, flips.ci, (both.p, flips.q))


def _finding(
    m: ClassNoise, scored: Scored, statement: str, note: str, statistic: str, effect: float, ci: Interval, chances: tuple[float, float]
) -> Finding:  # fmt: skip
    p, q = chances
    test = TestResult("label_noise", effect, ci, p, m.n, m.verdict, statistic=statistic, q=q)
    return Finding(
        "label_noise", "correctness", "data_content", statement, class_name=scored.classes[m.index],
        n=m.n, error_rate=m.suspects / m.n, ci=wilson(m.suspects, m.n), p=p, q=q, verdict=m.verdict, tests=(test,), note=note,
    )  # fmt: skip


def class_table(made: Sequence[ClassNoise], classes: Sequence[str]) -> Table:
    """Every label, both opinions."""
    rows: list[tuple[Cell, ...]] = [
        (classes[m.index], m.n, m.suspects, m.model.inside, m.model.outside, interval(m.model.ci, "points"),
         m.second.agreed / max(m.second.suspects, 1), m.like, m.reverse,
         p_value(m.q), p_value(m.flips.q) if m.flips else None, m.verdict)
        for m in made[:MOST_ROWS]
    ]  # fmt: skip
    return Table(
        "Wrong labels by label given",
        ("label", "images", "suspects", "wrong labels", "elsewhere", "difference", "seconded", "likeness", "the other way", "q", "q, one way", "verdict"),
        tuple(rows),
        ("text", "count", "count", "share", "share", "text", "share", "share", "count", "text", "text", "text"),
        "Wrong labels: estimated share that disagrees however sure the model is; seconded: suspects on which a head cross-validated on "
        "these labels agrees with the model; likeness: where they rank among images of the suggested class, 50 % for images like them; the other way: suspects among the images of the suggested class that may be of this one: as many where the two "
        "classes are merely hard to tell apart. q is corrected over all labels (Benjamini–Hochberg); q, one way: that members of one other class carry this label more often than the other "
        "way round, corrected over all pairs of classes, where it is 1 % at most.",
    )  # fmt: skip
