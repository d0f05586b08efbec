"""Are wrong labels tied to who, when or how labelled? Tests of one metadata value after another.

Three demands, so that a group whose images are merely hard is not called mislabelled:
suspects are over-represented in the group within given classes (stratified test); the group's labels disagree however
sure the model is (:mod:`failsight.tools.stats.label_floor`); and the model is as sure of the group's images as of the
others (wrong labels leave the scores alone, hard images do not). Images whose content misleads the model are left out first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Verdict
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.labels.scores import Scored
from failsight.tools.provenance import LABELLED, words
from failsight.tools.slices.columns import Coded, encode_column
from failsight.tools.stats.contingency import RiskDifference, risk_difference
from failsight.tools.stats.label_floor import Disagreement, FloorTest, compare_floors, sureness, sureness_gap
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.stratified import compare_within
from failsight.tools.text import interval, number, p_value
from failsight.tools.verdicts import STANDING_LEVEL

if TYPE_CHECKING:
    from failsight.tools.labels.swaps import Swap

Bool = npt.NDArray[np.bool_]

MINIMUM_EFFECT = 0.05
ALPHA = STANDING_LEVEL
FEWEST = 20  # images inside and outside
MOST_GROUPS = 40
REACH = 2.0  # a group the model is as sure of may still differ so much in temperature
ALIKE = 0.1  # p of the comparison of sureness above which it is taken to be as sure
UNLIKE, APART = 0.01, 0.1  # p below and distance above which the images are called harder or easier
SAME = 0.9  # correlation with a boxed object's presence from which a column speaks of content
_PROVENANCE = re.compile(
    r"annot|label|rater|reviewer|coder|worker|crowd|curator|grader|tagger|turker|expert|"
    r"batch|session|round|shift|date|day|week|month|year|time|version|release|import|upload|"
    r"source|site|origin|provider|vendor|hospital|lab\b|team|organi[sz]ation|guideline|protocol|project|collection",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Excess:
    """More disagreement with a group's labels, though its images can't be told from the others'.

    Attributes:
        rate, base: share of labels inside and outside that the model disagrees with.
        effect, ci: their difference within given classes (Mantel–Haenszel), with its 95 % interval.
        area, limit: area under the curve of a head that tells the group's images from the others', within given classes, and
            its upper limit.
        sees: whether the head saw the images (the model's features), not only the model's answers.
    """

    rate: float
    base: float
    effect: float
    ci: Interval
    area: float
    limit: float
    sees: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """One metadata value, and what was measured of its labels.

    Attributes:
        n, suspects: images with the value that take part, and how many of their labels are suspect.
        rate, base: share of suspects inside and outside.
        effect, effect_ci: their difference within given classes (Mantel–Haenszel), with its 95 % interval.
        p_effect: of that difference alone (stratified test).
        floor: the test of the share that disagrees however sure the model is.
        apart, p_apart: how differently sure the model is of the group's images.
        p, q: of both demands together (the larger p), corrected over all groups; of the excess where that confirmed it.
        excess: what confirmed it a second way; None where the floor did, or nothing.
        swap: two classes that it exchanges, where that confirmed it.
    """

    column: str
    value: str
    n: int
    suspects: int
    rate: float
    base: float
    effect: float
    effect_ci: Interval
    floor: FloorTest
    apart: float
    p_apart: float
    p: float
    q: float = 1.0
    verdict: Verdict = "inconclusive"
    why: str = ""
    excess: Excess | None = None
    swap: Swap | None = None
    p_effect: float = 1.0

    @property
    def measure(self) -> Measure:
        """The measure on which the verdict stands: one alone refutes, both together confirm; else the one that falls short."""
        if self.swap is not None:
            return Measure(SWAP, self.swap.effect, self.swap.ci, self.swap.p)
        if self.excess is not None:
            return Measure(EXCESS, self.excess.effect, self.excess.ci, self.p)
        floor = Measure(FLOOR, self.floor.difference, self.floor.ci, self.floor.p)
        suspects = Measure(SHARE, self.effect, self.effect_ci, self.p_effect)
        if self.verdict == "refuted":
            return floor if floor.ci[1] < MINIMUM_EFFECT else suspects
        short = self.verdict == "inconclusive" and floor.effect >= MINIMUM_EFFECT
        return suspects if short and (self.effect < MINIMUM_EFFECT or self.p_effect > floor.p) else floor


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a group against the others: what it is, its difference inside minus outside, interval and p."""

    name: str
    effect: float
    ci: Interval
    p: float


FLOOR = "floor of disagreement"
SHARE = "share of suspects within labels"
EXCESS = "disagreement within labels"
SWAP = "two classes exchanged, within labels"


@dataclass(frozen=True, slots=True)
class Columns:
    """Attributes sorted by what they can speak of: the labelling, or the content of the images."""

    labelling: tuple[Coded, ...]
    content: tuple[Coded, ...]


def sort_columns(attributes: AttributeTable, at: npt.NDArray[np.int64], by: Sequence[str] | None) -> Columns:
    """Which columns say who, when or how labelled (by name, or as given in ``by``); all others speak of content."""
    objects = [
        (np.asarray(v[at], object) == "yes")
        for name, v in attributes.columns.items()
        if attributes.sources.get(name) == "object"
    ]
    labelling: list[Coded] = []
    content: list[Coded] = []
    for name, values in attributes.columns.items():
        if name in attributes.unusable and not (by and name in by):
            continue
        source = attributes.sources.get(name, "")
        coded = encode_column(name, source, values[at])
        if len(coded.values) < 2:
            continue
        named = name in by if by is not None else says_how_labelled(name)
        fit = source == "metadata" and named and not _shows_object(coded, objects)
        (labelling if fit else content).append(coded)
    return Columns(tuple(labelling), tuple(content))


def says_how_labelled(name: str) -> bool:
    """Whether a column's name says that it is about who, when or how images were labelled."""
    return bool(_PROVENANCE.search(name)) or bool(LABELLED & words(name))


def _shows_object(coded: Coded, objects: Sequence[Bool]) -> bool:
    for i in range(len(coded.values)):
        mine = coded.codes == i
        for present in objects:
            if mine.std() > 0 and present.std() > 0 and abs(np.corrcoef(mine, present)[0, 1]) >= SAME:
                return True
    return False


def misleading_content(
    columns: Columns, suspect: Bool, labels: npt.NDArray[np.int64], among: Bool
) -> dict[str, Bool]:
    """Content that makes suspects of its own: ``attribute=value`` → the images that show it (corrected, minimum effect)."""
    found: list[tuple[str, Bool, float, float]] = []
    for coded in columns.content:
        for i, value in enumerate(coded.values):
            inside = coded.codes == i
            if FEWEST <= int((inside & among).sum()) <= int(among.sum()) - FEWEST:
                test = compare_within(suspect[among].astype(float), inside[among], labels[among])
                found.append((f"{coded.name}={value}", inside, test.p, test.effect))
    if not found:
        return {}
    q = benjamini_hochberg([f[2] for f in found])
    return {
        name: inside
        for (name, inside, _, effect), each in zip(found, q, strict=True)
        if each <= ALPHA and effect >= MINIMUM_EFFECT
    }


def shown(
    columns: Columns, tested: Sequence[Group], masks: Mapping[tuple[str, str], Bool]
) -> dict[str, Bool]:
    """What the images show: ``attribute=value`` → which ones. Of who, when or how labelled, the groups whose images the model finds harder
    or easier than the others: they differ in more than their labels."""
    made = {
        f"{coded.name}={value}": coded.codes == i
        for coded in columns.content
        for i, value in enumerate(coded.values)
    }
    other = (g for g in tested if g.p_apart < UNLIKE and abs(g.apart) > APART)
    return made | {f"{g.column}={g.value}": masks[g.column, g.value] for g in other}


def candidates(columns: Columns, among: Bool) -> list[tuple[str, str, Bool]]:
    """(column, value, images) of the groups that are large enough, the largest first, at most ``MOST_GROUPS``."""
    made = []
    for coded in columns.labelling:
        for i, value in enumerate(coded.values):
            inside = coded.codes == i
            size = int((inside & among).sum())
            if FEWEST <= size <= int(among.sum()) - FEWEST:
                made.append((size, coded.name, value, inside))
    made.sort(key=lambda g: (-g[0], g[1], g[2]))
    return [(column, value, inside) for _, column, value, inside in made[:MOST_GROUPS]]


def judge_groups(
    scored: Scored, suspect: Bool, groups: Sequence[tuple[str, str, Bool]], among: Bool
) -> tuple[Group, ...]:
    """Every group against the rest; verdicts after correction over all of them, the largest effect first."""
    binned = Disagreement(scored.scores, scored.predicted != scored.labels)
    ranks = sureness(scored.scores, scored.predicted)
    made = [_measure(scored, suspect, group, among, binned, ranks) for group in groups]
    q = benjamini_hochberg([g.p for g in made]).tolist()
    judged = [_judge(replace(g, q=float(each))) for g, each in zip(made, q, strict=True)]
    masks = {(c, v): inside for c, v, inside in groups}
    judged.sort(key=lambda g: (g.verdict != "confirmed", -min(g.effect, g.floor.difference)))
    return tuple(_without_echoes(judged, masks, among, binned))


def _measure(
    scored: Scored,
    suspect: Bool,
    group: tuple[str, str, Bool],
    among: Bool,
    binned: Disagreement,
    ranks: npt.NDArray[np.float64],
) -> Group:
    column, value, inside = group
    here, there = inside & among, ~inside & among
    k1, n1, k0, n0 = int(suspect[here].sum()), int(here.sum()), int(suspect[there].sum()), int(there.sum())
    over = compare_within(suspect[among].astype(float), inside[among], scored.labels[among])
    share = within_labels(suspect, scored.labels, inside, among)
    apart, p_apart = sureness_gap(ranks, inside, among)
    floor = compare_floors(binned, inside, among, reach=REACH if p_apart >= ALIKE else np.inf)
    return Group(
        column, value, n1, k1, k1 / max(n1, 1), k0 / max(n0, 1), over.effect, share.ci, floor,
        apart, p_apart, max(over.p, floor.p), p_effect=over.p,
    )  # fmt: skip


def within_labels(hit: Bool, labels: npt.NDArray[np.int64], inside: Bool, among: Bool) -> RiskDifference:
    """Share of ``hit`` inside a group minus outside, within given classes, with its interval. All arguments: (n,)."""
    tables = []
    for label in np.unique(labels[among]):
        here = among & (labels == label)
        sides = (here & inside, here & ~inside)
        tables.append([[int((side & hit).sum()), int((side & ~hit).sum())] for side in sides])
    return risk_difference(tables)


def _judge(g: Group) -> Group:
    """The rule of the plan."""
    least = number(MINIMUM_EFFECT, "points")
    if g.floor.ci[1] < MINIMUM_EFFECT or g.effect_ci[1] < MINIMUM_EFFECT:
        m = replace(g, verdict="refuted").measure
        text = f"The {m.name} is {number(m.effect, 'points')} {interval(m.ci, 'points')} in the group against the others: the interval lies below the {least} set beforehand. This is of its labels of all classes together: wrong ones in a few classes weigh little here."
        return replace(g, verdict="refuted", why=text)
    if g.q > ALPHA or min(g.effect, g.floor.difference) < MINIMUM_EFFECT:
        why = "More labels are suspect, but no" if g.effect >= MINIMUM_EFFECT else "No"
        return replace(
            g,
            why=f"{why} excess of at least {least} beyond the model's own errors is shown (q {p_value(g.q)}).",
        )
    if g.p_apart < UNLIKE and g.apart > APART:
        return replace(
            g,
            why="The model is not as sure of these images as of the others: they may be hard rather than mislabelled.",
        )
    return replace(
        g,
        verdict="confirmed",
        why="The labels disagree however sure the model is, and it is as sure of these images as of the others.",
    )


def _without_echoes(
    groups: Sequence[Group], masks: Mapping[tuple[str, str], Bool], among: Bool, binned: Disagreement
) -> list[Group]:
    """A confirmed group must still stand out when those confirmed before it are left out: batch 3 may be annotator B again."""
    kept, made = among.copy(), []
    for g in groups:
        mine = masks[g.column, g.value]
        if g.verdict == "confirmed" and not np.array_equal(kept, among):
            again = compare_floors(binned, mine, kept, reach=REACH) if (mine & kept).sum() >= FEWEST else None
            if again is None or again.p > ALPHA or again.difference < MINIMUM_EFFECT:
                g = replace(
                    g,
                    verdict="inconclusive",
                    why="Without the images of the groups above nothing of it is left: it is the same trouble again.",
                )
        if g.verdict == "confirmed":
            kept &= ~mine
        made.append(g)
    return made
