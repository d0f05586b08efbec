"""One given label against the others: whether it is often given wrongly, for images of which class.

Two ways to see it. The label disagrees with what the model sees however sure it is, more often than other labels do, and its suspects
go one way. Or, between this label and another, members of one class carry the other's label more often than the other way round
(:mod:`failsight.tools.labels.flips`): that needs no other labels to compare with, so it finds one label given for another where all
classes are hard to tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from failsight.tools.evidence import Cell, Finding, Table, Verdict
from failsight.tools.labels.flips import (
    PairFlips,
    flips_finding,
    label_finding,
    likeness_of,
    looks_like,
    pair_flips,
)
from failsight.tools.labels.groups import ALPHA, FEWEST, MINIMUM_EFFECT, REACH
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.second import Second, Seconded, seconded
from failsight.tools.notes import called
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.label_floor import Disagreement, FloorTest, compare_floors
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, interval, listing, number, p_value

Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ONE_CLASS = 0.6  # share of a label's suspects that are of one class, lower limit
MOST_ROWS = 30


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
        return wilson(self.alike, max(self.suspects, 1))[0] > ONE_CLASS and looks_like(self.alike, self.like)


def class_noise(
    scored: Scored,
    second: Second | None,
    suspect: Bool,
    suggested: Ints,
    among: Bool,
    content: Mapping[str, Bool],
) -> list[ClassNoise]:
    """Every label with enough images; the confirmed ones first.

    Args:
        suspect, suggested: (n,) of confident learning.
        among: (n,) the images that take part.
        content: what images show (``attribute=value``) → (n,) which ones.
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
        alike, like = likeness_of(second, scored, mine & (suggested == top), c, top)
        reverse, p_reverse = _reverse(scored, alike, suspect & among & (suggested == c), c, top)
        made.append(
            ClassNoise(c, top, int(inside.sum()), int(mine.sum()), model, opinion, alike, like, reverse, p_reverse, model.p)
        )  # fmt: skip
    q = benjamini_hochberg([m.p for m in made]).tolist() if made else []
    flips = pair_flips(scored, second, suspect, suggested, among, content)
    judged = [replace(m, q=float(each), flips=flips.get(m.index)) for m, each in zip(made, q, strict=True)]
    judged = [replace(m, verdict=_class_verdict(m)) for m in judged]
    return sorted(judged, key=lambda m: (m.verdict != "confirmed", -m.model.difference))


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
    if m.flips is not None and m.flips.pulled:
        return "inconclusive"
    large = m.model.difference >= MINIMUM_EFFECT and m.q <= ALPHA
    return "confirmed" if large and m.second.holds and m.looks and m.one_way else "inconclusive"


def class_finding(m: ClassNoise, scored: Scored) -> Finding:
    """The finding of one label that is often given wrongly."""
    if m.flips is not None and m.flips.confirmed:
        return flips_finding(m.flips, scored, m.index, m.n, m.suspects)
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
    return label_finding(
        scored,
        m.index,
        (m.n, m.suspects),
        statement,
        note,
        (statistic, m.model.difference, m.model.ci, m.p, m.q),
        m.verdict,
    )


def class_table(made: Sequence[ClassNoise], classes: Sequence[str]) -> Table:
    """Every label, both opinions."""
    rows: list[tuple[Cell, ...]] = [
        (classes[m.index], m.n, m.suspects, m.model.inside, m.model.outside, interval(m.model.ci, "points"),
         m.second.agreed / max(m.second.suspects, 1), m.like, m.reverse,
         p_value(m.q), p_value(m.flips.q) if m.flips else None,
         listing([clean(one, 60) for one in m.flips.pulled], 3) if m.flips and m.flips.pulled else None, m.verdict)
        for m in made[:MOST_ROWS]
    ]  # fmt: skip
    return Table(
        "Wrong labels by label given",
        ("label", "images", "suspects", "wrong labels", "elsewhere", "difference", "seconded", "likeness", "the other way", "q", "q, one way", "only with", "verdict"),
        tuple(rows),
        ("text", "count", "count", "share", "share", "text", "share", "share", "count", "text", "text", "text", "text"),
        "Wrong labels: estimated share that disagrees however sure the model is; seconded: suspects on which a head cross-validated on "
        "these labels agrees with the model; likeness: where they rank among images of the suggested class, 50 % for images like them; the other way: suspects among the images of the suggested class that may be of this one: as many where the two "
        "classes are merely hard to tell apart. q is corrected over all labels (Benjamini–Hochberg); q, one way: that members of one other class carry this label more often than the other "
        "way round, corrected over all pairs of classes, where it is 1 % at most; only with: what these images show, where nothing of it is left without them: "
        "the model is pulled by it, and the labels are not to blame.",
    )  # fmt: skip
