"""Is it the labelling? What else a case records may account for a group's excess of disagreement, and then its labels are not blamed.

A confirmed group is tested again with other recorded conditions held fixed, those that say nothing of the labelling (intersection–union: it has to hold
with each of them): without the images of a value in which its excess is concentrated, or which disagree more outside the group, too; and without those
of a confirmed weak slice. And a column that says when or where speaks of the pictures as much as of their labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from failsight.tools.labels.groups import ALPHA, FEWEST, MINIMUM_EFFECT, Columns, Group, within_labels
from failsight.tools.labels.scores import Scored
from failsight.tools.provenance import labels_alone
from failsight.tools.repair.piles import inside_of
from failsight.tools.stats.stratified import compare_within
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

Bool = npt.NDArray[np.bool_]
CONCENTRATED = (
    0.05  # level at which a condition is looked at closer; each look may only take a confirmation back
)
SAME_CLASS = 0.9  # share of a value's images that get one answer, from which it speaks of what is shown, as the label does
RECORDED = (
    "metadata",
    "computed",
)  # attributes of pictures; boxed objects and named things are what the classes are about


@dataclass(frozen=True, slots=True)
class Condition:
    """Images that meet a recorded condition, and what it is called. ``found``: it is a confirmed finding of the case."""

    name: str
    inside: Bool
    found: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """Takes confirmations back that other conditions, or the pictures of another time or place, account for.

    Attributes:
        conditions: recorded conditions that say nothing of the labelling.
        named: columns that a person said to be about the labelling.
        looked: whether the images themselves were seen (the model's features), not only its answers.
    """

    scored: Scored
    among: Bool
    conditions: tuple[Condition, ...]
    named: frozenset[str]
    looked: bool

    def __call__(self, groups: Sequence[Group], masks: Mapping[tuple[str, str], Bool]) -> tuple[Group, ...]:
        """``groups``, those confirmed first."""
        made = [self._held(g, masks[g.column, g.value]) if g.verdict == "confirmed" else g for g in groups]
        return tuple(sorted(made, key=lambda g: g.verdict != "confirmed"))

    def _held(self, g: Group, inside: Bool) -> Group:
        wrong = self.scored.predicted != self.scored.labels
        reasons = (
            self.accounted(wrong, inside, self.among),
            self._floor_says_no(g),
            self.about_pictures(g.column),
        )
        why = " ".join(r for r in reasons if r)
        return replace(g, verdict="inconclusive", why=why, excess=None) if why else g

    def _floor_says_no(self, g: Group) -> str:
        if self.looked or g.floor.difference >= MINIMUM_EFFECT:
            return ""  # of pictures that are alike no floor is needed, which a weak model makes impossible to estimate
        return (
            f"The model disagrees with these labels more often, but not {number(MINIMUM_EFFECT, 'points')} more of them however sure it is "
            f"(estimated wrong labels {number(g.floor.inside)} against {number(g.floor.outside)}): its own errors may be what differs."
        )

    def about_pictures(self, column: str) -> str:
        """Why a column doesn't speak of the labels alone, where only answers are known; empty where it does."""
        if self.looked or column in self.named or labels_alone(column):
            return ""
        name = clean(column, 40)
        return (
            f"{name} says when or where, of the pictures as much as of their labels, and no picture was looked at: harder pictures and wrong labels are both "
            f"possible. Look at these pictures, or say that the column is about the labelling (by={name})."
        )

    def accounted(self, hit: Bool, inside: Bool, among: Bool) -> str:
        """The first condition without which no excess of ``hit`` is left in the group, in a sentence; empty for none."""
        for c in self._suspected(hit, inside, among):
            kept = among & ~c.inside
            left = _excess(hit, self.scored.labels, inside, kept)
            if left is None or left[0] < MINIMUM_EFFECT or left[1] > ALPHA:
                return self._accounted(c, hit, inside, kept)
        return ""

    def _accounted(self, c: Condition, hit: Bool, inside: Bool, kept: Bool) -> str:
        here, there = kept & inside, kept & ~inside
        if min(here.sum(), there.sum()) < FEWEST:
            return f"Nearly all of these images are of {c.name}, which may account for it."
        return (
            f"{c.name} may account for it: without these images the model disagrees in {number(float(hit[here].mean()))} of the group's against "
            f"{number(float(hit[there].mean()))}, an excess of at least {number(MINIMUM_EFFECT, 'points')} is not shown."
        )

    def _suspected(self, hit: Bool, inside: Bool, among: Bool) -> Iterator[Condition]:
        """Confirmed weak slices, and conditions in which the group's excess is concentrated, or that disagree more outside it as well;
        the strongest first."""
        yield from (c for c in self.conditions if c.found and (c.inside & inside & among).any())
        labels, found = self.scored.labels, []
        here, there = inside & among, ~inside & among
        for i, c in enumerate(self.conditions):
            if c.found or (c.inside & here).sum() < FEWEST:
                continue
            p = 1.0
            if (here & ~c.inside).sum() >= FEWEST:
                p = _interaction(hit, labels, inside, c.inside, among)
            if (
                c.inside[here].mean() > c.inside[there].mean()
            ):  # where nearly all of the group meets it this alone can tell
                p = min(p, compare_within(hit[there].astype(float), c.inside[there], labels[there]).p)
            if p <= CONCENTRATED:
                found.append((p, i, c))
        yield from (c for *_, c in sorted(found, key=lambda f: f[:2]))


def guard(
    view: CaseView, scored: Scored, columns: Columns, among: Bool, by: Sequence[str] | None, *, looked: bool
) -> Guard:
    """What the case records besides the labelling."""
    labelling = {c.name for c in columns.labelling}
    made = []
    for coded in columns.content:
        if coded.source not in RECORDED:
            continue
        for i, value in enumerate(coded.values):
            mine = coded.codes == i
            if not _one_class(scored, mine & among):
                made.append(Condition(f"{clean(coded.name, 40)}={clean(value, 60)}", mine))
    slices = _weak_slices(view, scored, labelling)
    return Guard(scored, among, (*slices, *made), frozenset(by or ()), looked)


def _one_class(scored: Scored, mine: Bool) -> bool:
    said = np.bincount(scored.predicted[mine], minlength=1)
    return bool(said.sum() and said.max() >= SAME_CLASS * said.sum())


def _weak_slices(view: CaseView, scored: Scored, labelling: set[str]) -> Iterator[Condition]:
    """Confirmed weak slices that speak of more than the labelling."""
    table = view.table(scored.split)
    for name, f in view.findings():
        if (
            f.kind != "weak_slice"
            or f.verdict != "confirmed"
            or f.failure == "robustness"
            or f.split != scored.split
        ):
            continue
        if not set(f.slice or {}) - labelling or f.class_name is not None:
            continue
        inside = inside_of(view, table, f.slice, scored.split)[scored.rows]
        said = " & ".join(f"{clean(c, 40)}={clean(v, 60)}" for c, v in (f.slice or {}).items())
        yield Condition(f"{name} ({said})", inside, found=True)


def _excess(
    hit: Bool, labels: npt.NDArray[np.int64], inside: Bool, among: Bool
) -> tuple[float, float] | None:
    """(difference within labels, its p); None where too few images are left."""
    if min((inside & among).sum(), (~inside & among).sum()) < FEWEST:
        return None
    test = compare_within(hit[among].astype(float), inside[among], labels[among])
    return float(test.effect), float(test.p)


def _interaction(hit: Bool, labels: npt.NDArray[np.int64], inside: Bool, within: Bool, among: Bool) -> float:
    """p of a larger excess among the images that meet the condition than among the others (difference of differences, one-sided)."""
    parts = [within_labels(hit, labels, inside, among & side) for side in (within, ~within)]
    errors = [(r.ci[1] - r.ci[0]) / (2 * 1.96) for r in parts]
    spread = float(np.sqrt(sum(e * e for e in errors)))
    if not np.isfinite([r.value for r in parts]).all() or not np.isfinite(spread) or spread <= 0:
        return 1.0
    return float(ndtr(-(parts[0].value - parts[1].value) / spread))
