"""Pairs of classes that one source exchanges, looked for in every source: a swap of some hundredths is lost where all labels are taken together.

Every source and every pair of classes with enough labels is one test; Benjamini–Hochberg runs over all of them. The first demand is the same as in
:mod:`failsight.tools.labels.swaps`. For the second, how often the model itself takes the two for each other is learnt from the others' labels of the
two, and how much harder the source's images may be from her labels of the other classes: her labels must be exchanged more often than such errors make.
What meets the first demand and stands out from her other labels is named, and never confirmed: a confusion of the two by a condition that nobody recorded
looks the same in answers and in the model's features (simulated: confirmed as often as a real swap). It is what a person should look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.labels import swaps
from failsight.tools.labels.conditions import Guard
from failsight.tools.labels.groups import (
    ALIKE,
    ALPHA,
    APART,
    FEWEST,
    MINIMUM_EFFECT,
    REACH,
    UNLIKE,
    Group,
    within_labels,
)
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.swaps import FEWEST_LABELS, FEWEST_TAKEN, Swap, at_least
from failsight.tools.performance import confusion
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.label_floor import sureness, sureness_gap
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.stratified import compare_within
from failsight.tools.text import clean, number

Bool = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
LEAST = 0.1  # difference of the shares that is no small matter
LEVEL = 0.01  # of the second demand, corrected over the pairs of the source that were tested


@dataclass(frozen=True, slots=True)
class _Test:
    group: Group
    pair: tuple[int, int]
    p: float  # of the first demand


def with_pairs(
    groups: Sequence[Group],
    masks: Mapping[tuple[str, str], Bool],
    scored: Scored,
    calibrated: Floats,
    among: Bool,
    held: Guard,
) -> tuple[Group, ...]:
    """``groups``, of which those where one pair of classes stands out name it, with what leaves it open.

    The same pair in another source counts once: these may be the same images under another name.
    """
    made = list(_tests(groups, masks, scored, among))
    if not made:
        return tuple(groups)
    q = benjamini_hochberg([t.p for t in made]).tolist()
    named: dict[tuple[str, str], Group] = {}
    seen: set[tuple[int, int]] = set()
    for t, each in sorted(zip(made, q, strict=True), key=lambda found: found[0].p):
        if each > ALPHA:
            break
        g = t.group
        if t.pair in seen or (g.column, g.value) in named or g.verdict == "confirmed":
            continue
        looks = sum(other.group is g for other in made)
        found = _judge(g, t, float(each), looks, masks[g.column, g.value], scored, calibrated, among, held)
        if found is not None:
            seen.add(t.pair)
            named[g.column, g.value] = found
    told = [named.get((g.column, g.value), g) for g in groups]
    return tuple(sorted(told, key=lambda g: (g.verdict != "confirmed", g.swap is None)))


def _tests(
    groups: Sequence[Group], masks: Mapping[tuple[str, str], Bool], scored: Scored, among: Bool
) -> Iterator[_Test]:
    """The first demand, of every source and every pair with enough labels; where no more are exchanged than chance gives, p is put at one."""
    labels, said, k = scored.labels, scored.predicted, len(scored.classes)
    whole = confusion(labels[among], said[among], k)
    for g in groups:
        mine = among & masks[g.column, g.value]
        here = confusion(labels[mine], said[mine], k)
        there = whole - here
        for a, b in np.argwhere(np.triu(whole + whole.T >= FEWEST_TAKEN, 1)).tolist():
            at = np.ix_((a, b), (a, b))
            if min(here[at].sum(), there[at].sum()) < FEWEST_LABELS:
                continue
            taken = int(here[a, b] + here[b, a])
            chance = sum(
                float(here[c, [a, b]].sum()) * whole[c, d] / max(float(whole[c, [a, b]].sum()), 1.0)
                for c, d in ((a, b), (b, a))
            )
            if taken < FEWEST_TAKEN or taken <= chance:
                yield _Test(g, (a, b), 1.0)
                continue
            both = among & swaps.either(labels, a, b) & swaps.either(said, a, b)
            over = compare_within(
                (said != labels)[both].astype(float), masks[g.column, g.value][both], labels[both]
            )
            yield _Test(g, (a, b), float(over.p))


def _judge(
    g: Group,
    t: _Test,
    q: float,
    looks: int,
    inside: Bool,
    scored: Scored,
    calibrated: Floats,
    among: Bool,
    held: Guard,
) -> Group | None:
    """The group with the pair; None where the pair doesn't stand out from the source's other labels."""
    (a, b), labels, said = t.pair, scored.labels, scored.predicted
    both = among & swaps.either(labels, a, b) & swaps.either(said, a, b)
    rest = among & ~swaps.either(labels, a, b)
    hit = both & (said != labels)
    here, there = both & inside, both & ~inside
    share = within_labels(hit, labels, inside, both)
    elsewhere = swaps.elsewhere(scored, inside, rest)
    if share.value < MINIMUM_EFFECT or elsewhere >= share.value / 2:
        return None
    gaps = swaps.gaps(calibrated, a, b)
    spread = _temperature(gaps[there], wilson(int(hit[there].sum()), int(there.sum()))[1])
    chances = _chances(gaps[here], spread * _harder(scored, calibrated, inside, rest))
    taken = int(hit[here].sum())
    p = min(1.0, at_least(chances, taken) * looks)
    s = Swap(
        scored.classes[a], scored.classes[b], int(here.sum()), taken, float(hit[here].mean()), float(hit[there].mean()), float(chances.sum()),
        share.value, share.ci, elsewhere, max(t.p, p), q,
    )  # fmt: skip
    why = _objection(g, s, p, hit, both, inside, scored, held)
    return replace(
        g,
        p=s.p,
        q=q,
        verdict="inconclusive",
        why=f"{_OPEN.format(**_words(s))} {why} {look_at(g, s)}",
        swap=s,
    )


def _objection(
    g: Group,
    s: Swap,
    p: float,
    hit: Bool,
    both: Bool,
    inside: Bool,
    scored: Scored,
    held: Guard,
) -> str:
    """Why it stays open, in a sentence: what speaks against wrong labels, else that answers can't tell."""
    if s.effect < LEAST or s.ci[0] < MINIMUM_EFFECT:
        return f"That is less than {number(LEAST, 'points')}, or its interval reaches below {number(MINIMUM_EFFECT, 'points')}: it may be little."
    if p > LEVEL:
        return "Were these images a little harder than the others, as the group's other labels allow, the model's own errors might make as many."
    apart, alike = sureness_gap(sureness(scored.scores, scored.predicted), inside, both)
    unlike = g.p_apart < ALIKE and not (g.apart <= APART and s.effect - 2 * g.apart >= MINIMUM_EFFECT)
    if unlike or (alike < UNLIKE and apart > APART):
        return "The model is not as sure of these images as of the others: they may be hard rather than mislabelled."
    return held.about_pictures(g.column) or held.accounted(hit, inside, both) or _UNSEEN


_UNSEEN = (
    "Answers alone can't tell wrong labels from images of this source in which the model takes the two for each other for a reason that is not "
    "recorded: both look the same, also in the model's own features."
)
_OPEN = (
    "Of {n} images that these labels and the model both call {one} or {other}, they call {taken} by the other of the two names ({rate} against {base} "
    "elsewhere), and of the group's other labels no more than elsewhere."
)


def _words(s: Swap) -> dict[str, object]:
    return {
        "n": f"{s.n:,}", "taken": f"{s.taken:,}", "one": clean(s.one, 60), "other": clean(s.other, 60), "rate": number(s.rate), "base": number(s.base),
        "expected": f"{s.expected:.1f}",
    }  # fmt: skip


def look_at(g: Group, s: Swap) -> str:
    """What a person can do about a pair that stands out."""
    one, other = clean(s.one, 60), clean(s.other, 60)
    return f"Look at these labels of {one} and {other} (`failsight labels export`), or search among the images of one class (find_slices within_class={other})."


def _harder(scored: Scored, calibrated: Floats, inside: Bool, rest: Bool) -> float:
    """How many times less sure of the source's images than of the others the model may rightly be, by its labels of the other classes."""
    here, there = rest & inside, rest & ~inside
    if min(int(here.sum()), int(there.sum())) < FEWEST:
        return REACH
    logs = np.log(np.maximum(np.sort(calibrated, axis=1)[:, -2:], 1e-30))
    gaps, wrong = logs[:, 1] - logs[:, 0], scored.predicted != scored.labels
    mine = _temperature(gaps[here], wilson(int(wrong[here].sum()), int(here.sum()))[1])
    others = _temperature(gaps[there], float(wrong[there].mean()))
    return float(np.clip(mine / others, 1.0, REACH))


def _temperature(gaps: Floats, rate: float) -> float:
    """What the log odds are divided by, so that on average this share goes the other way."""
    low, high = 0.02, 50.0
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _chances(gaps, middle).mean() < rate else (low, middle)
    return float(np.sqrt(low * high))


def _chances(gaps: Floats, temperature: float) -> Floats:
    made: Floats = 1 / (1 + np.exp(np.minimum(gaps / temperature, 700)))
    return made
