"""From proposals to the few marks that are tested: seen in more pictures of the class than in others, and strong in a first try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.regions_like import shrunk
from failsight.tools.inputs.base import Split
from failsight.tools.marks.growing import grown_box
from failsight.tools.marks.proposals import LARGEST, Proposal, Sight, groups, propose, told
from failsight.tools.marks.trials import Adding, Bench, Donor, add, donors_of
from failsight.tools.text import number
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
PER_CLASS = 60  # pictures of a class that are looked at in each split
PROPOSALS = 4  # of each class, that are looked for in pictures
COUNTED = 40  # pictures of the group, and as many of the rest, in which a proposal is looked for
MORE = 0.12  # how much more often the group has to show it than the rest …
TIMES = 2.5  # … and times as often
SEEN_IN = 4  # pictures of the group that show it, at least
SCREENED = 10  # proposals that get a first try with the model …
TRIED = 16  # … on so many pictures
PROMISING = 0.05  # rise of the class's probability over the control's, from which a proposal is tested
TESTED = 3  # marks that are tested
DONORS = 12
ALIKE = (
    0.6  # share of a proposal's pictures in which another one is found as well, from which they are one mark
)


@dataclass(frozen=True)
class Half:
    """One half of the evaluation pictures: rows, labels (−1 unknown) and predictions. (n,)"""

    rows: Ints
    labels: Ints
    predicted: Ints


@dataclass(frozen=True)
class Candidate:
    """A mark that may be tested.

    Attributes:
        bench: where it is in pictures.
        donors: pictures that it is cut from, none of which is tested.
        inside, outside: (pictures with it, pictures looked at) of the group in which it was seen, and of the rest.
        by_label: whether the group is a class as labelled in training, and not as predicted.
        shown: rows of the pictures that show it, and where they are from.
        first: what the first try did.
    """

    proposal: Proposal
    bench: Bench
    donors: tuple[Donor, ...]
    inside: tuple[int, int]
    outside: tuple[int, int]
    shown: frozenset[tuple[str, int]]
    first: Adding | None = None


@dataclass(frozen=True)
class Fate:
    """What became of a proposal.

    Attributes:
        inside, outside: (pictures with it, pictures looked at) of its class, and of the rest; None where it was not counted.
        rise: of the class's probability over the control's in the first try; None without one.
        out: why it was not tested; empty where it was.
    """

    proposal: Proposal
    inside: tuple[int, int] | None = None
    outside: tuple[int, int] | None = None
    rise: float | None = None
    out: str = ""


def halves(view: CaseView) -> tuple[Half, Half]:
    """The evaluation pictures in two halves, of which the first proposes and the second tests; seeded, equal shares of each
    prediction in both."""
    made = view.predictions("data")
    order = np.random.default_rng([view.seed, len(made.rows), 53]).permutation(len(made.rows))
    order = order[np.argsort(made.predicted[order], kind="stable")]
    first = np.sort(order[::2])
    second = np.sort(order[1::2])
    return tuple(Half(made.rows[i], made.labels[i], made.predicted[i]) for i in (first, second))  # type: ignore[return-value]


def sights_of(view: CaseView, first: Half, most: int) -> list[Sight]:
    """Prepared and shrunk pictures of the discovery half, and of the training pictures where there are any."""
    classes = len(view.classes)
    each = max(8, min(PER_CLASS, most // max(classes, 1)))
    rng = np.random.default_rng([view.seed, 59])
    wrong = (first.predicted != first.labels) & (first.labels >= 0)
    # wrong answers first: where a mark leads astray, it is among them
    chosen = _of_each(
        np.where(wrong, first.predicted + classes, first.predicted), 2 * classes, each // 2 + 1, rng
    )
    made = [_sight(view, "data", first.rows[chosen], first.labels[chosen], first.predicted[chosen])]
    if "train" in view.splits():
        labels = np.asarray(view.table("train").labels)
        rows = _of_each(labels, classes, each, rng)
        made.insert(0, _sight(view, "train", rows, labels[rows], np.full(len(rows), -1, np.int64)))
    return [s for s in made if len(s.rows)]


def _of_each(kinds: Ints, count: int, each: int, rng: np.random.Generator) -> Ints:
    rows = [rng.permutation(np.flatnonzero(kinds == k))[:each] for k in range(count)]
    return np.sort(np.concatenate(rows)) if rows else np.zeros(0, np.int64)


def _sight(view: CaseView, split: Split, rows: Ints, labels: Ints, predicted: Ints) -> Sight:
    height, width = view.model().preprocessing.size
    factor = -(-max(height, width) // LARGEST)
    kept: list[Ints] = []
    pixels = []
    with view.progress.job(f"looking for marks in {split} images", len(rows)) as ticker:
        for part, some in view.pixels(rows, split):
            kept.append(part)
            pixels += [shrunk(one, factor) for one in some]
            ticker.advance(len(part))
    read = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    at = np.searchsorted(rows, read)
    empty = np.zeros((0, height // factor, width // factor, 3), np.uint8)
    return Sight(split, read, np.stack(pixels) if pixels else empty, labels[at], predicted[at])


def search(view: CaseView, first: Half, most: int, only: int | None) -> tuple[list[Candidate], list[Fate]]:
    """Candidates that did something in a first try, strongest first; and what became of every proposal, most one-sided first."""
    sights = sights_of(view, first, most)
    pictures = {s.split: Pictures(view, s.split) for s in sights}
    pictures.setdefault("data", Pictures(view, "data"))
    proposed = [p for p in propose(sights, len(view.classes)) if only is None or p.target == only]
    counted: list[Candidate] = []
    fates: list[Fate] = []
    for c in range(len(view.classes)):
        own = [p for p in proposed if p.target == c]
        for one in own[:PROPOSALS]:
            made = _counted(view, one, sights, pictures)
            counted += [made] if isinstance(made, Candidate) else []
            fates += [made] if isinstance(made, Fate) else []
        fates += [Fate(p, out=f"{PROPOSALS} of its class are more one-sided") for p in own[PROPOSALS:]]
    counted.sort(key=lambda k: -(k.inside[0] / k.inside[1] - k.outside[0] / k.outside[1]))
    tried = [_tried(view, k, first) for k in counted[:SCREENED]]
    strong = [k for k in tried if k.first is not None and k.first.rise >= PROMISING]
    strong.sort(key=lambda k: -(k.first.rise if k.first else 0))
    kept = _distinct(strong)
    fates += [_fate(k, strong, kept, i < len(tried)) for i, k in enumerate([*tried, *counted[SCREENED:]])]
    return kept, sorted(fates, key=lambda f: (f.out != "", -f.proposal.more))


def _fate(one: Candidate, strong: Sequence[Candidate], kept: Sequence[Candidate], tried: bool) -> Fate:
    """What became of a proposal that enough pictures show."""
    rise = None if one.first is None else one.first.rise
    if any(k is one for k in kept):
        out = ""
    elif any(k is one for k in strong):
        out = (
            "it is the same as one that is tested"
            if len(kept) < TESTED
            else f"{TESTED} are stronger or the same"
        )
    elif rise is not None:
        out = f"pasted into {one.first.n if one.first else 0} pictures of others it hardly raises the class's score"
    elif tried:
        out = "no picture of others was left to paste it into"
    else:
        out = f"{SCREENED} that were tried are more one-sided"
    return Fate(one.proposal, one.inside, one.outside, rise, out)


def _counted(
    view: CaseView, one: Proposal, sights: Sequence[Sight], pictures: dict[Split, Pictures]
) -> Candidate | Fate:
    """A proposal that more pictures of some group of its class show than others, with its donors; else why it is none."""
    one = _whole(one, sights)
    try:
        bench = Bench.of(view, one.spec, pictures)
    except RetryError:
        return Fate(one, out="it can't be looked for")
    best: tuple[bool, float, Mask, Mask, Ints, Ints] | None = None
    for group in groups([s for s in sights if s.split == one.split], len(view.classes)):
        if group.target != one.target:
            continue
        rng = np.random.default_rng([view.seed, len(group.sight.rows)])
        inside = rng.permutation(group.sight.rows[group.inside])[:COUNTED]
        outside = rng.permutation(group.sight.rows[group.outside])[:COUNTED]
        if not len(inside) or not len(outside):
            continue
        has, lacks = bench.shows(one.split, inside), bench.shows(one.split, outside)
        more = float(has.mean() - lacks.mean())
        enough = has.sum() >= SEEN_IN and has.mean() >= TIMES * lacks.mean() and more >= MORE
        if best is None or (enough, more) > best[:2]:
            best = (bool(enough), more, has, lacks, inside, outside)
    if best is None:
        return Fate(one, out="there is no picture of others to compare with")
    enough, _, has, lacks, inside, outside = best
    counts = (int(has.sum()), len(has)), (int(lacks.sum()), len(lacks))
    if not enough:
        return Fate(one, *counts, out=_too_few(*counts))
    shown = frozenset((one.split, int(r)) for r in [*inside[has], *outside[lacks]])
    donors = donors_of(
        bench, one.split, inside[has], inside[~has] if (~has).any() else outside[~lacks], DONORS
    )
    if not donors:
        return Fate(one, *counts, out="it can't be cut from any picture")
    return Candidate(one, bench, tuple(donors), *counts, shown)


def _too_few(inside: tuple[int, int], outside: tuple[int, int]) -> str:
    """Which of the bounds a proposal misses."""
    (a, n), (b, m) = inside, outside
    if a < SEEN_IN:
        return f"fewer than {SEEN_IN} pictures of the class show it"
    if a / n - b / m < MORE:
        return f"its share is less than {number(MORE, 'points').lstrip('+')} larger in the class"
    return f"its share in the class is less than {TIMES:g} times that of the others"


def _whole(one: Proposal, sights: Sequence[Sight]) -> Proposal:
    """The proposal with its box grown to all that recurs with it."""
    if not one.spec.startswith("like:") or ",frame:" in one.spec:
        return one
    sight = next(s for s in sights if s.split == one.split)
    own = sight.labels if one.split == "train" else sight.predicted
    mine = (own == one.target) & (sight.rows != one.row)
    head, *numbers = one.spec.split(",")
    box = tuple(float(v) for v in numbers)
    first = sight.pixels[int(np.searchsorted(sight.rows, one.row))]
    return replace(one, spec=f"{head},{told(grown_box(first, sight.pixels[mine], box))}")  # type: ignore[arg-type]


def receivers(bench: Bench, half: Half, target: int, most: int, seed: int) -> Ints:
    """Pictures that are neither of the class nor taken for it, and do not show the mark: seeded, evenly over the classes."""
    others = (half.predicted != target) & (half.labels != target)
    rng = np.random.default_rng([seed, target, 61])
    order = rng.permutation(np.flatnonzero(others))
    by_class: dict[int, int] = {}
    turn = []
    for i in order.tolist():
        by_class[int(half.predicted[i])] = by_class.get(int(half.predicted[i]), 0) + 1
        turn.append(by_class[int(half.predicted[i])])
    order = order[np.argsort(turn, kind="stable")]
    made: list[int] = []
    for row in half.rows[order].tolist():
        mask = bench.mask("data", row)
        if mask is not None and not mask.any():
            made.append(row)
        if len(made) == most:
            break
    return np.array(made, np.int64)


def _tried(view: CaseView, one: Candidate, first: Half) -> Candidate:
    target = one.proposal.target
    rows = receivers(one.bench, first, target, TRIED, view.seed)
    return replace(one, first=add(one.bench, "data", rows, target, one.donors, view.seed))


def _distinct(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Without those that stronger ones of the same class find as well where they were seen."""
    kept: list[Candidate] = []
    for one in ranked:
        if not any(k.proposal.target == one.proposal.target and _same(k, one) for k in kept):
            kept.append(one)
        if len(kept) == TESTED:
            break
    return kept


def _same(kept: Candidate, one: Candidate) -> bool:
    """Whether ``kept`` is found in most of the pictures that show ``one``, or the other way round."""
    for first, second in ((kept, one), (one, kept)):
        split = second.proposal.split
        rows = np.array(sorted(r for s, r in second.shown if s == split)[:DONORS], np.int64)
        if len(rows) and first.bench.shows(split, rows).mean() >= ALIKE:
            return True
    return False
