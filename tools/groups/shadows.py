"""Whether a group fails more of its own, or only because another confirmed group lies in it, or it in that one.

All images of a night shift are answered wrongly more often where one line does so at night, and so are those of everybody who works then. A
group of which a confirmed other one carries most of the excess is tested again outside that one (or, where it lies in it, beside the
rest of it); only where it is still worse it is a finding of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import group_key
from failsight.tools.experiments.population import rows_meeting
from failsight.tools.groups.gaps import LEVEL, Group, Groups, Images
from failsight.tools.hypotheses.suggested import conditions_behind
from failsight.tools.hypotheses.typed import CUED, GROUPED
from failsight.tools.inputs.base import Split
from failsight.tools.stats.groups import Gap, gap
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, counted, interval, number
from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]
FEWEST = 20  # images of either side, below which nothing is told apart
MOSTLY = 0.5  # share of a group's excess errors that another one carries, from which the group has to stand without it
ALIKE = 0.95  # share of the images of either group that both have, from which they are one
LITTLE = 0.05  # what is left of an excess, from which it is told
RULE = "where a confirmed group has most of its excess, also outside that group (inside it, where the group lies in it)"
Outcome = Literal["stands", "follows", "indistinct"]


@dataclass(frozen=True, eq=False)
class Owner:
    """A confirmed group that may carry the excess of others: its name (an id where the case has it), which images are in it, and whether
    qualities measured in the pictures describe it."""

    name: str
    inside: Mask
    measured: bool = False

    def explains(self, measured: bool) -> bool:
        """Whether it can explain a group. A quality that was measured (dark) explains none of what people recorded (an old lamp): it may
        be how that looks, and only what was recorded can be visited."""
        return measured or not self.measured


@dataclass(frozen=True, slots=True)
class Apart:
    """A group without the images of another one, or where it lies in that one, beside the rest of it.

    Attributes:
        owner: name of the other one. whole: gap of the group among all images. gap: what is left of it.
        rate, rate_out, n: share that counts in what is left of the group and beside it; images of the group that are left.
        within: whether it was compared inside the other one. fate: what became of the images that count: wrong, or called a class.
    """

    owner: str
    whole: Gap
    gap: Gap
    rate: float
    rate_out: float
    n: int
    n_out: int
    within: bool
    fate: str = "wrong"

    def outcome(self, least: float, q: float, level: float = LEVEL) -> Outcome:
        """``stands``: still worse; ``follows``: surely less than it seemed; ``indistinct``: too few images are left to tell."""
        if min(self.n, self.n_out) < FEWEST or not math.isfinite(self.gap.value):
            return "indistinct"
        if q <= level and self.gap.value >= least and self.gap.ci[0] > 0:
            return "stands"
        return "follows" if self.gap.ci[1] < max(least, self.whole.value) else "indistinct"

    def told(self, outcome: Outcome) -> str:
        """One sentence about it, for a note."""
        where = f"inside {self.owner}" if self.within else f"outside {self.owner}"
        if min(self.n, self.n_out) < FEWEST:
            few = min(self.n, self.n_out)
            return f"It can't be told apart from {self.owner}: only {counted(few, 'image is', 'images are')} left to compare."
        if not math.isfinite(self.gap.value):
            return f"It can't be told apart from {self.owner}: {where} no class has images of both sides."
        rates = (
            f"{where} {number(self.rate)} of its {self.n:,} images are {self.fate}, against {number(self.rate_out)} of the others "
            f"({number(self.gap.value, 'points')} {interval(self.gap.ci, 'points')} within true classes)"
        )
        if outcome == "stands":
            return f"{rates[0].upper()}{rates[1:]}: that is more than {self.owner} explains."
        if outcome == "indistinct":
            return f"It can't be told apart from {self.owner}: {rates}, too few to tell."
        most = "Most of its" if self.gap.ci[0] > 0 or self.gap.value >= LITTLE else "Its"
        return f"{most} excess is that of {self.owner}: {rates}."


def measured_names(view: CaseView, split: Split) -> frozenset[str]:
    """The attributes that were computed from pictures."""
    return frozenset(n for n, source in view.attributes(split).sources.items() if source == "computed")


def owners(
    view: CaseView, split: Split, skip: Collection[str] = (), called: str | None = None
) -> list[tuple[str, Owner]]:
    """(group, owner) of each confirmed group of the case, over the rows of the table; without those of ``skip`` (:func:`group_key`).

    Args:
        called: those whose images are called this class more often, by which such groups are explained; None: those that are wrong more often.
    """
    made = []
    table = view.table(split)
    computed: frozenset[str] | None = None
    for name, one in view.findings():
        kinds = GROUPED if called is None else (*GROUPED, *CUED)
        wanted = one.verdict == "confirmed" and one.kind in kinds and one.slice and not one.about
        if not wanted or one.split != split or one.failure == "robustness":
            continue
        key = group_key(one.slice, one.class_name, split)
        if key in skip:
            continue
        if called is None and one.confused_with and not one.class_name:
            continue  # it says what such images are called, not that they are wrong more often
        if called is not None and called != (one.class_name if one.kind in CUED else one.confused_with):
            continue
        try:
            inside, _ = rows_meeting(view, split, conditions_behind(one.slice))
        except RetryError:
            continue
        if one.class_name in view.classes and one.kind not in CUED:
            inside = inside & (table.labels == view.classes.index(one.class_name))
        computed = measured_names(view, split) if computed is None else computed
        made.append((key, Owner(name, inside, bool(computed & set(one.slice or {})))))
    return made


def apart(
    owner: Owner,
    inside: Mask,
    others: Mask,
    whole: Gap,
    counted: Mask,
    strata: npt.NDArray[np.int64],
    sources: npt.NDArray[np.int64] | None,
    fate: str = "wrong",
) -> Apart | None:
    """A group against its others without the images of another group; None where that one does not have most of its excess.

    Args:
        inside, others: (n,) the group and what it is compared with. counted: (n,) errors, or images called a class; ``fate`` says which.
    """
    shared, n = int((inside & owner.inside).sum()), int(inside.sum())
    if not shared or not math.isfinite(whole.value) or whole.value <= 0:
        return None
    left = inside & ~owner.inside
    mostly = shared >= MOSTLY * n
    within = mostly and int(left.sum()) < FEWEST
    keep = owner.inside if within else ~owner.inside
    mine, rest = inside & keep, others & keep
    found = gap(counted, mine, rest, strata, sources)
    remains = found.value * int(left.sum()) if math.isfinite(found.value) else math.nan
    if not within and not (mostly if math.isnan(remains) else remains <= (1 - MOSTLY) * whole.value * n):
        return None
    return Apart(
        owner.name, whole, found, _rate(counted, mine), _rate(counted, rest), int(mine.sum()), int(rest.sum()), within, fate
    )  # fmt: skip


def _rate(counted: Mask, some: Mask) -> float:
    return float(counted[some].mean()) if some.any() else math.nan


def settled(
    made: Groups,
    images: Images,
    known: Sequence[tuple[str, Owner]],
    least: float,
    split: str,
    computed: Collection[str] = (),
) -> Groups:
    """The groups of a table, of which those that only follow from another confirmed one say so.

    Those with the largest gap are looked at first: each has to stand beside the confirmed groups of the case and those of the table that
    stood before it; then each beside those that stood after it. It is judged by the q that the table gives the larger p of both tests.

    Args:
        known: (group, owner) of the case, over the images that take part. computed: columns that were measured in pictures.
    """
    held = sorted((g for g in made.all if g.verdict(least) == "confirmed"), key=lambda g: -g.gap.value)
    names = {group: owner.name for group, owner in known}
    here = {group_key(g.slice, None, split): g for g in held}
    others = [owner for group, owner in known if group not in here]
    stood: list[tuple[Group, Owner]] = []
    looked: dict[int, Group] = {}

    def look(group: Group, beside: Sequence[tuple[Group, Owner]], new: bool = True) -> bool:
        """Whether it stands; ``new``: beside those of the case, too, and what was said of it before is forgotten."""
        some = [o for g, o in beside if g is not group and shared(g, group) < ALIKE]
        now = group if new else looked[id(group)]
        of_pictures = bool(set(group.names) & set(computed))
        able = [o for o in ([*others, *some] if new else some) if o.explains(of_pictures)]
        looked[id(group)] = _beside(made, images, now, able, least)
        return not looked[id(group)].follows

    for group in held:
        key = group_key(group.slice, None, split)
        if look(group, stood):
            name = names.get(key, clean(group.label, 80))
            stood.append((group, Owner(name, group.inside, bool(set(group.names) & set(computed)))))
    for i in reversed(range(len(stood))):
        if not look(stood[i][0], stood[i + 1 :], new=False):
            del stood[i]
    for group in held:  # told by those that stand, not by those that follow from them
        look(group, stood)
    return replace(
        made,
        single=tuple(looked.get(id(g), g) for g in made.single),
        crossed=tuple(looked.get(id(g), g) for g in made.crossed),
    )


def _beside(made: Groups, images: Images, group: Group, beside: Sequence[Owner], least: float) -> Group:
    """A group with what is left of it beside each of some others; the first that it does not stand beside decides."""
    q_of = _corrected(made, group)
    told = list(group.beside)
    for owner in beside:
        one = apart(owner, group.inside, group.others, group.gap, images.wrong, images.labels, images.sources)
        if one is None:
            continue
        outcome = one.outcome(least, q_of(max(group.p, one.gap.p)))
        if outcome != "stands":
            return replace(group, beside=(one.told(outcome),), follows=owner.name)
        told.append(one.told(outcome))
    return replace(group, beside=tuple(told))


def _corrected(made: Groups, group: Group) -> Callable[[float], float]:
    """The q of the whole table with another p of this group."""
    able = [g.label for g in made.all if math.isfinite(g.gap.value)]
    place = able.index(group.label)

    def q(p: float) -> float:
        ps = list(made.ps)
        ps[place] = p
        return float(benjamini_hochberg(ps)[place])

    return q


def shared(one: Group, other: Group) -> float:
    """Images of both, as a share of those of either."""
    return int((one.inside & other.inside).sum()) / max(int((one.inside | other.inside).sum()), 1)
