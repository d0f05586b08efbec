"""The tests of the marks that came through the search: planned, registered, counted on the other half of the pictures, judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.checks.mark_search import Candidate, Half, Ints, Mask, receivers
from failsight.tools.checks.mark_trials import Adding, Covering, add, cover
from failsight.tools.checks.mark_words import Look, look_of
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Instrument, TestResult
from failsight.tools.slice_columns import encode_column
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import clean, number
from failsight.tools.verdicts import STANDING_LEVEL, Judgement, Measured, judge
from failsight.tools.view import CaseView

TOOL = "find_marks"
RECEIVERS, COVERED = 100, 40
LOOKED = 60  # pictures taken for the class, and as many others, in which the mark is counted
WEAK = 0.3  # effect of adding below which covering has to bear it out: any striking piece may push a few pictures somewhere
SAME = 0.7  # correlation from which the mark is what an attribute says
STATISTIC = "share of pictures that go to the class with the mark, minus that with its control; one-sided exact McNemar test"
NOT_OF = ("computed", "clusters")  # attributes that don't say what a mark is


@dataclass(frozen=True)
class Seen:
    """How often a mark is in the pictures of the testing half: (with it, looked at) of those taken for the class, and of others."""

    inside: tuple[int, int]
    outside: tuple[int, int]
    rows: Ints
    has: Mask
    said: Mask


@dataclass(frozen=True)
class Tested:
    """A mark and what was measured of it.

    Attributes:
        number: of the mark, from 1.
        slice: how the case calls it: by an attribute that says the same, else by its region.
        attribute: whether an attribute says the same.
        q: of adding, corrected over all marks tested.
    """

    number: int
    candidate: Candidate
    look: Look
    seen: Seen
    slice: dict[str, str]
    attribute: bool
    added: Adding | None
    covered: Covering | None
    q: float
    judgement: Judgement
    class_name: str

    @property
    def confirmed(self) -> bool:
        """Whether the mark is a shortcut of the model."""
        return self.judgement.verdict == "confirmed"


def test(view: CaseView, found: Sequence[Candidate], half: Half, minimum: float) -> list[Tested]:
    """All tests of all marks; plans are registered before anything is counted on the testing half."""
    if not found:
        return []
    named = [_named(view, one) for one in found]
    for one, (look, _) in zip(found, named, strict=True):
        view.register(_plan(view, one, look, minimum))
    rows = [receivers(k.bench, half, k.proposal.target, RECEIVERS, view.seed + 1) for k in found]
    with view.progress.job("testing marks", len(found)) as ticker:
        added = []
        for one, who in zip(found, rows, strict=True):
            added.append(add(one.bench, "data", who, one.proposal.target, one.donors, view.seed + 1))
            ticker.advance()
    q = benjamini_hochberg([1.0 if a is None else a.p for a in added])
    made = []
    for i, (one, (look, spec)) in enumerate(zip(found, named, strict=True)):
        target = one.proposal.target
        seen = _seen(view, one, half)
        shown = seen.rows[seen.has & seen.said][:COVERED]
        covered = cover(one.bench, "data", shown, target, view.seed)
        told = _attribute(view, seen)
        made.append(
            Tested(
                i + 1,
                one,
                look,
                seen,
                told or {"region": spec},
                told is not None,
                added[i],
                covered,
                float(q[i]),
                _judged(added[i], covered, float(q[i]), minimum),
                view.classes[target],
            )
        )
    return made


def _named(view: CaseView, one: Candidate) -> tuple[Look, str]:
    from failsight.tools.experiments.patches import as_mask

    height, width = view.model().preprocessing.size
    masks = [as_mask(d.mark, height, width) for d in one.donors]
    return look_of([d.pixels for d in one.donors], masks, one.bench.spec), one.bench.spec


def _plan(view: CaseView, one: Candidate, look: Look, minimum: float) -> Instrument:
    name = clean(view.classes[one.proposal.target], 60)
    key = Finding(
        "spurious_correlation", "features", "data_content", "", slice={"region": one.bench.spec}, class_name=view.classes[one.proposal.target]
    ).key  # fmt: skip
    return Instrument(
        finding=key,
        tool=TOOL,
        arguments={
            "region": one.bench.spec,
            "class_name": view.classes[one.proposal.target],
            "seed": view.seed,
        },
        statement=f"The model takes {look.told}, for a sign of {name}.",
        statistic=STATISTIC,
        control="a piece of the same shape from elsewhere in the same donor at the same place; of a frame, that of a picture without it",
        minimum_effect=minimum,
        alpha=STANDING_LEVEL,
        n_planned=RECEIVERS,
        smallest_detectable_effect=smallest_rate_difference(RECEIVERS, 0.05, RECEIVERS, STANDING_LEVEL),
    )


def _judged(added: Adding | None, covered: Covering | None, q: float, minimum: float) -> Judgement:
    """The rule: adding decides; a weak pull counts only where covering the mark costs the class something as well."""
    if added is None:
        return Judgement("inconclusive", "No picture was left to paste it into.")
    made = judge(
        Measured(added.effect, added.ci, q, q, added.n, act="Pasting the mark", claimed="rises"),
        minimum,
        STANDING_LEVEL,
    )
    borne_out = covered is not None and covered.effect > 0 and covered.p <= STANDING_LEVEL
    if made.verdict == "confirmed" and added.effect < WEAK and not borne_out:
        why = f"A pull of less than {number(WEAK, 'points')} counts only where covering the mark costs the class something, too."
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
    return Seen((int(has[said].sum()), len(mine)), (int(has[~said].sum()), len(others)), rows, has, said)


def _attribute(view: CaseView, seen: Seen) -> dict[str, str] | None:
    """The attribute and value that say of the same pictures that they are marked; None without one."""
    if seen.has.sum() < 5 or seen.has.all():
        return None
    try:
        known = view.attributes("data")
    except RetryError:
        return None
    at = np.searchsorted(known.rows, seen.rows)
    if len(known.rows) == 0 or (known.rows[np.minimum(at, len(known.rows) - 1)] != seen.rows).any():
        return None
    best, told = SAME, None
    for name, values in known.columns.items():
        if known.sources.get(name) in NOT_OF or name in known.unusable:
            continue
        coded = encode_column(name, known.sources.get(name, ""), values[at])
        for i, value in enumerate(coded.values):
            inside = coded.codes == i
            if 0 < inside.sum() < len(inside):
                fit = float(np.corrcoef(inside, seen.has)[0, 1])
                if fit >= best:
                    best, told = fit, {name: value}
    return told


def finding(one: Tested) -> Finding:
    """A confirmed mark as a finding."""
    added, name = one.added, clean(one.class_name, 60)
    assert added is not None
    called = one.look.told
    if one.attribute:
        called += f" ({', '.join(f'{k}={v}' for k, v in one.slice.items())})"
    tests = [
        TestResult(TOOL, added.effect, added.ci, added.p, added.n, one.judgement.verdict, added.control / added.n, STATISTIC, one.q)
    ]  # fmt: skip
    return Finding(
        "spurious_correlation", "features", "data_content",
        f"Pictures that show {called} are taken for {name}: pasted into pictures of other classes it brings {added.to} of {added.n} "
        f"to {name}, a piece of the same shape {added.control} of {added.n}. {_where_seen(one)}",
        slice=one.slice, class_name=one.class_name, n=added.n, error_rate=added.to / added.n,
        base_error_rate=added.control / added.n, ci=added.ci, p=added.p, q=one.q, verdict="confirmed", tests=tuple(tests),
        note=f"{one.judgement.reason} Whether it is part of what makes {name} {name}, a person has to say.",
    )  # fmt: skip


def _where_seen(one: Tested) -> str:
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
