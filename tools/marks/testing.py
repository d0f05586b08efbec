"""The tests of the marks that came through the search: planned, registered, counted on the other half of the pictures, judged.

The exact test takes the pictures that get a mark as independent, though up to twelve donors are shared between them: what recurs
nearly alike differs little from donor to donor. Where donors may differ, ``test_by_adding`` also tests over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Instrument, TestResult
from failsight.tools.experiments.patches import as_mask
from failsight.tools.experiments.population import boxed_objects
from failsight.tools.marks.itself import Natural, may_be_itself, natural, share_of_object
from failsight.tools.marks.search import COUNTED, Candidate, Half, Ints, Mask, receivers
from failsight.tools.marks.trials import Adding, Bench, Covering, add, cover
from failsight.tools.marks.words import Look, look_of
from failsight.tools.slices.columns import encode_column
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import bounds, clean, number
from failsight.tools.verdicts import STANDING_LEVEL, Judgement, Measured, judge
from failsight.tools.view import CaseView

TOOL = "find_marks"
Relied = Literal["spurious_correlation", "overemphasised_feature"]
RECEIVERS, COVERED = 100, 40
LOOKED = 60  # pictures taken for the class, and as many others, in which the mark is counted
WEAK = 0.3  # effect of adding below which covering has to bear it out: any striking piece may push a few pictures somewhere
# share of marked pictures that have an attribute's value, and times its usual share, from which it says of the mark
SURE, LIFT = 0.9, 1.4
EVERYWHERE = 0.9  # of all pictures that have the boxed thing: then it is what is to be told apart
INSIDE = 0.5  # share of the mark that lies in the boxes of a named thing, from which it is a part of it
SAME = 0.5  # correlation from which the attribute and the mark are one thing, and what is stated of one is stated of the other
STATISTIC = "share of pictures that go to the class with the mark, minus that with its control; one-sided exact McNemar test"
# training pictures counted on either side, and points more from which they tie the mark to the class
TRAINING, TIED = 60, 0.1
NOT_OF = ("computed", "clusters")  # attributes that don't say what a mark is


@dataclass(frozen=True)
class Seen:
    """How often a mark is in the pictures of the testing half: (with it, looked at) of those taken for the class, and of others."""

    inside: tuple[int, int]
    outside: tuple[int, int]
    rows: Ints
    has: Mask
    said: Mask
    of_others: Natural


@dataclass(frozen=True)
class Subject:
    """A mark that is to be tested.

    Attributes:
        slice: how the case calls it: by an attribute that says of it, else by its region.
        attribute: whether an attribute does.
        class_name: the class that it may stand for.
        kind: what the finding will be, see :func:`_kind`.
        stated: id of a finding of the case that says the same by the attribute's name; its own experiment decides. Else empty.
        subject: the boxed thing that nearly every picture has, of whatever class, where the mark lies in its boxes: it is part of what
            is told apart. Else empty.
        of_object: share of what stands out in its pictures that lies in the mark, see :func:`share_of_object`.
    """

    candidate: Candidate
    look: Look
    seen: Seen
    slice: dict[str, str]
    attribute: bool
    class_name: str
    kind: Relied
    stated: str = ""
    subject: str = ""
    of_object: float = 0.0


@dataclass(frozen=True)
class Tested:
    """A mark and what was measured of it.

    Attributes:
        number: of the mark, from 1.
        q: of adding, corrected over all marks tested.
    """

    number: int
    subject: Subject
    added: Adding | None
    covered: Covering | None
    q: float
    judgement: Judgement

    @property
    def confirmed(self) -> bool:
        """Whether the mark is a shortcut of the model."""
        return self.judgement.verdict == "confirmed"


def subjects(view: CaseView, found: Sequence[Candidate], half: Half) -> list[Subject]:
    """What the candidates are called, and which of them the case has a finding about already."""
    return [_subject(view, one, half) for one in found]


def test(view: CaseView, found: Sequence[Subject], half: Half, minimum: float) -> list[Tested]:
    """All tests of all marks; plans are registered before anything is counted on the testing half."""
    if not found:
        return []
    for one in found:
        view.register(_plan(view, one, minimum))
    with view.progress.job("testing marks", len(found)) as ticker:
        added, covered = [], []
        for one in found:
            k, seen = one.candidate, one.seen
            target = k.proposal.target
            rows = receivers(k.bench, half, target, RECEIVERS, view.seed + 1)
            added.append(add(k.bench, "data", rows, target, k.donors, view.seed + 1))
            shown = seen.rows[seen.has & seen.said][:COVERED]
            covered.append(cover(k.bench, "data", shown, target, view.seed))
            ticker.advance()
    q = benjamini_hochberg([1.0 if a is None else a.p for a in added])
    return [
        Tested(
            i + 1,
            one,
            added[i],
            covered[i],
            float(q[i]),
            _judged(one, added[i], covered[i], float(q[i]), minimum),
        )
        for i, one in enumerate(found)
    ]


def _subject(view: CaseView, one: Candidate, half: Half) -> Subject:
    look, seen, name = _look(view, one), _seen(view, one, half), view.classes[one.proposal.target]
    told, fit = _attribute(view, seen)
    named = told or {"region": one.bench.spec}
    before = _stated(view, name, named)
    kind: Relied = before[1] if before else _kind(view, one)
    stated = before[0] if before and told and (fit >= SAME or _within(view, one, next(iter(told)))) else ""
    return Subject(
        one,
        look,
        seen,
        named,
        told is not None,
        name,
        kind,
        stated,
        _subject_of(view, one),
        share_of_object(one.donors),
    )


def _subject_of(view: CaseView, one: Candidate) -> str:
    """The boxed thing in nearly every picture of every class that the mark is a part of; empty without one."""
    table = view.table("data")
    everywhere = [n for n, k in boxed_objects(table).items() if k >= EVERYWHERE * len(table)]
    return next((name for name in everywhere if _within(view, one, name)), "")


def _within(view: CaseView, one: Candidate, name: str) -> bool:
    """Whether the mark lies in the boxes of the thing that an attribute names; False where there are none."""
    try:
        boxes = Bench.of(view, f"box:{name}", one.bench.pictures)
    except RetryError:
        return False
    shares = []
    for split, row in sorted(one.shown)[:COUNTED]:
        mark, box = one.bench.mask(split, row), boxes.mask(split, row)  # type: ignore[arg-type]
        if mark is not None and box is not None and mark.any():
            shares.append(float((mark & box).sum() / mark.sum()))
    return bool(shares) and float(np.median(shares)) >= INSIDE


def _stated(view: CaseView, class_name: str, named: dict[str, str]) -> tuple[str, Relied] | None:
    """Id and kind of the case's finding that the class goes by what is so named; None without one."""
    for found, known in view.findings():
        same = known.class_name == class_name and dict(known.slice or {}) == named
        if same and (known.kind == "overemphasised_feature" or known.kind == "spurious_correlation"):
            return found, known.kind
    return None


def _look(view: CaseView, one: Candidate) -> Look:
    height, width = view.model().preprocessing.size
    masks = [as_mask(d.mark, height, width) for d in one.donors]
    return look_of([d.pixels for d in one.donors], masks, one.bench.spec)


def _plan(view: CaseView, one: Subject, minimum: float) -> Instrument:
    return Instrument(
        finding=_hypothesis(one).key,
        tool=TOOL,
        arguments={"region": one.candidate.bench.spec, "class_name": one.class_name, "seed": view.seed},
        statement=_hypothesis(one).statement,
        statistic=STATISTIC,
        control="a piece of the same shape from elsewhere in the same donor at the same place; of a frame, that of a picture without it",
        minimum_effect=minimum,
        alpha=STANDING_LEVEL,
        n_planned=RECEIVERS,
        smallest_detectable_effect=smallest_rate_difference(RECEIVERS, 0.05, RECEIVERS, STANDING_LEVEL),
    )


def _hypothesis(one: Subject) -> Finding:
    """What is to be tested, before anything is measured."""
    text = f"The model takes {one.look.told}, for a sign of {clean(one.class_name, 60)}."
    return Finding(one.kind, "features", "data_content", text, slice=one.slice, class_name=one.class_name)


def _judged(
    one: Subject, added: Adding | None, covered: Covering | None, q: float, minimum: float
) -> Judgement:
    """The rule: adding decides; a weak pull counts only where covering the mark costs the class something as well, and of a
    colour alone not at all: what has only its colour in common may be a thing of the class, such as its dark wood."""
    if added is None:
        return Judgement("inconclusive", "No picture was left to paste it into.")
    made = judge(
        Measured(added.effect, added.ci, q, q, added.n, act="Pasting the mark", claimed="rises"),
        minimum,
        STANDING_LEVEL,
    )
    if made.verdict == "confirmed" and one.subject:
        thing, name = clean(one.subject, 40), clean(one.class_name, 60)
        why = f"It lies in the boxes of {thing}, which nearly every picture has: it may be what makes a {thing} a {name}. A person has to say."
        return Judgement("inconclusive", why)
    spec = one.candidate.bench.spec
    if made.verdict == "confirmed" and (
        why := may_be_itself(
            one.class_name, spec, one.seen.inside, one.of_object, one.seen.of_others, minimum
        )
    ):
        return Judgement("inconclusive", why)
    borne_out = covered is not None and covered.effect > 0 and covered.p <= STANDING_LEVEL
    if made.verdict == "confirmed" and added.effect < WEAK and not borne_out:
        why = f"A pull of less than {number(WEAK, 'points')} counts only where covering the mark costs the class something, too."
        return Judgement("inconclusive", why)
    if made.verdict == "confirmed" and added.effect < WEAK and spec.startswith("colour:"):
        why = f"A colour alone, without one form, may be that of a thing of the class: it takes a pull of {number(WEAK, 'points')}."
        return Judgement("inconclusive", why)
    return made


def _seen(view: CaseView, one: Candidate, half: Half) -> Seen:
    target = one.proposal.target
    rng = np.random.default_rng([view.seed, target, 67])
    mine = rng.permutation(half.rows[half.predicted == target])[:LOOKED]
    others = rng.permutation(half.rows[half.predicted != target])[:LOOKED]
    rows = np.concatenate([mine, others])
    has = one.bench.shows("data", rows)
    said = np.arange(len(rows)) < len(mine)
    label = half.labels[np.searchsorted(half.rows, rows)]
    sizes = (int((half.predicted == target).sum()), int((half.predicted != target).sum()))
    of_others = natural(has, said, (label >= 0) & (label != target), sizes)
    return Seen(
        (int(has[said].sum()), len(mine)), (int(has[~said].sum()), len(others)), rows, has, said, of_others
    )


def _attribute(view: CaseView, seen: Seen) -> tuple[dict[str, str] | None, float]:
    """The attribute and value that nearly all marked pictures have and far from all others, and how closely (correlation); None without one.

    Where several do, the one that goes with the mark most closely."""
    if seen.has.sum() < 5 or seen.has.all():
        return None, 0.0
    try:
        known = view.attributes("data")
    except RetryError:
        return None, 0.0
    at = np.searchsorted(known.rows, seen.rows)
    if len(known.rows) == 0 or (known.rows[np.minimum(at, len(known.rows) - 1)] != seen.rows).any():
        return None, 0.0
    best = 0.0
    told: dict[str, str] | None = None
    for name, values in known.columns.items():
        if known.sources.get(name) in NOT_OF or name in known.unusable:
            continue
        coded = encode_column(name, known.sources.get(name, ""), values[at])
        for i, value in enumerate(coded.values):
            inside = coded.codes == i
            share = float(inside[seen.has].mean())
            if share < SURE or share < LIFT * inside.mean():
                continue
            fit = float(np.corrcoef(inside, seen.has)[0, 1])
            if fit > best:
                best, told = fit, {name: value}
    return told, best


def _kind(view: CaseView, one: Candidate) -> Relied:
    """What the finding is: whether the training pictures at hand tie the mark to the class."""
    target = one.proposal.target
    if "train" not in view.splits() or one.proposal.split == "train":
        return "spurious_correlation"
    labels = np.asarray(view.table("train").labels)
    rng = np.random.default_rng([view.seed, 71])
    mine, others = (
        rng.permutation(np.flatnonzero(m))[:TRAINING] for m in (labels == target, labels != target)
    )
    if not len(mine) or not len(others):
        return "spurious_correlation"
    more = one.bench.shows("train", mine).mean() - one.bench.shows("train", others).mean()
    return "spurious_correlation" if more >= TIED else "overemphasised_feature"


def finding(tested: Tested) -> Finding:
    """A confirmed mark as a finding."""
    added, one = tested.added, tested.subject
    assert added is not None
    name, called = clean(one.class_name, 60), one.look.told
    if one.attribute:
        called += f" ({', '.join(f'{clean(k, 60)}={clean(v, 60)}' for k, v in one.slice.items())})"
    result = TestResult(
        TOOL, added.effect, added.ci, added.p, added.n, tested.judgement.verdict, added.control / added.n, STATISTIC, tested.q
    )  # fmt: skip
    return replace(
        _hypothesis(one),
        statement=f"Pictures that show {called} are taken for {name}: pasted into pictures of other classes it brings {added.to} of "
        f"{added.n} to {name}, a piece of the same shape {added.control} of {added.n} ({number(added.effect, 'points')} "
        f"{bounds(added.ci, 'points')}). {_where_seen(one)}",
        n=added.n, error_rate=added.to / added.n, base_error_rate=added.control / added.n, ci=wilson(added.to, added.n), p=added.p, q=tested.q,
        verdict="confirmed", tests=(result,),
        note=f"{tested.judgement.reason} Whether it is part of what makes {name} {name}, a person has to say.",
    )  # fmt: skip


def _where_seen(one: Subject) -> str:
    (k, n), (k0, n0) = one.seen.inside, one.seen.outside
    name = clean(one.class_name, 60)
    text = f"It is in {k} of {n} evaluation pictures that are taken for {name} and in {k0} of {n0} others"
    if one.candidate.proposal.split == "train":
        (a, m), (b, m0) = one.candidate.inside, one.candidate.outside
        text += f"; in {a} of {m} training pictures of {name} and in {b} of {m0} others"
    return f"{text} (of those looked at)."


def rate(k: int, n: int) -> str:
    """``41 of 96 (43 %)``."""
    return f"{k} of {n} ({number(k / n)})" if n else "none"
