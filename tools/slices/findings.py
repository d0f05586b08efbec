"""From slices that hold to findings: neighbouring ranges put together, the kind of bug, the sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from failsight.tools.evidence import Bug, Failure, Finding, Kind, TestResult, Tried
from failsight.tools.notes import IMAGES
from failsight.tools.slices.beside import told_beside, told_recorded, told_shares, told_simpler
from failsight.tools.slices.causes import Cue, TrainShare
from failsight.tools.slices.classes import Classes, told_classes, what_to_look_at
from failsight.tools.slices.search import Errors, Mask, Search, Span, errors_of
from failsight.tools.slices.target import TargetKind
from failsight.tools.stats.slices import Conjunction, Relative, TestedSlice
from failsight.tools.text import clean, interval, number

TOOL = "find_slices"
TELLING = 0.02  # from which difference on a rate within classes is told beside the bare ones
CONFUSED = 0.5  # share of a slice's errors that go to one class, to name it
YES = ("yes", "true", "1", "present")
FAILURES: Mapping[TargetKind, Failure] = {
    "error": "correctness",
    "confident_error": "unknown_unknowns",
    "loss": "correctness",
    "column": "correctness",
}


#: slices told as one, their conditions together, and their class
Together = tuple[tuple[TestedSlice, ...], tuple[Span, ...], int | None]


@dataclass(frozen=True)
class Found:
    """One slice to report, or neighbouring ranges of one number together.

    Attributes:
        parts: the confirmed slices that it consists of.
        spans: its conditions on attributes.
        class_index: its condition on the true class, or the class within which was searched; None without.
        inside: (n,) images.
        rest: (n,) the images that they are set beside: known to be outside, and of the class where there is one.
        errors: its errors on the half that tests.
    """

    parts: tuple[TestedSlice, ...]
    spans: tuple[Span, ...]
    class_index: int | None
    inside: Mask
    rest: Mask
    errors: Errors

    @property
    def p(self) -> float:
        return max(part.p for part in self.parts)

    @property
    def q(self) -> float:
        return max(part.q for part in self.parts)


def put_together(found: Search) -> list[Found]:
    """The confirmed slices, those that differ only in neighbouring ranges of one number as one."""
    groups: list[Together] = []
    for part in found.report.confirmed:
        spans, class_index = spans_of(found, part.conjunction)
        for i, (parts, other, other_class) in enumerate(groups):
            joined = _join(found, other, spans) if other_class == class_index else None
            if joined is not None:
                groups[i] = ((*parts, part), joined, class_index)
                break
        else:
            groups.append(((part,), spans, class_index))
    made = []
    for parts, spans, class_index in _joined(found, groups):
        inside = np.any([found.inside(p) for p in parts], axis=0)
        where = found.prepared.within if class_index is None else class_index
        rest = found.rest(spans, where)
        made.append(Found(parts, spans, where, inside, rest, errors_of(found, inside, rest)))
    return made


def _joined(found: Search, groups: list[Together]) -> list[Together]:
    """The same until nothing is left to join: a range between two others may come after both."""
    for i, (parts, spans, class_index) in enumerate(groups):
        for j in range(i + 1, len(groups)):
            more, other, other_class = groups[j]
            joined = _join(found, spans, other) if other_class == class_index else None
            if joined is not None:
                left = groups[:j] + groups[j + 1 :]
                left[i] = ((*parts, *more), joined, class_index)
                return _joined(found, left)
    return groups


def spans_of(found: Search, conjunction: Conjunction) -> tuple[tuple[Span, ...], int | None]:
    """Conditions on attributes, and the class condition."""
    conditions = conjunction.conditions
    spans = tuple((a, code, code) for a, code in conditions if a != found.class_column)
    named = [code for a, code in conditions if a == found.class_column]
    return spans, named[0] if named else None


def _join(found: Search, first: tuple[Span, ...], second: tuple[Span, ...]) -> tuple[Span, ...] | None:
    """Both together, when they differ in neighbouring ranges of one number and in nothing else."""
    if [a for a, *_ in first] != [a for a, *_ in second]:
        return None
    differ = [i for i, (x, y) in enumerate(zip(first, second, strict=True)) if x != y]
    if len(differ) != 1:
        return None
    i = differ[0]
    (a, low, high), (_, low2, high2) = first[i], second[i]
    if found.attributes[a].edges is None or not (low2 == high + 1 or low == high2 + 1):
        return None
    return (*first[:i], (a, min(low, low2), max(high, high2)), *first[i + 1 :])


def conditions(found: Search, spans: Sequence[Span]) -> dict[str, str]:
    """Attribute → value, as findings name a slice."""
    return {found.attributes[a].name: found.attributes[a].span(low, high) for a, low, high in spans}


def named(found: Search, spans: Sequence[Span]) -> dict[str, str]:
    """The same with the predicted class, where the search was among images of one."""
    made = conditions(found, spans)
    if found.called is not None:
        made["predicted class" if "prediction" in made else "prediction"] = found.classes[found.called]
    return made


def filters(found: Search, spans: Sequence[Span]) -> tuple[str, ...]:
    """The same as conditions that an experiment understands."""
    return tuple(f for a, low, high in spans for f in found.attributes[a].filters(low, high))


def title(found: Search, spans: Sequence[Span], class_index: int | None) -> str:
    """``television=yes & floor=tile, kitchen``; among images of one predicted class ``…, called kitchen``."""
    text = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in conditions(found, spans).items())
    if found.called is not None:
        text = f"{text}, called {clean(found.classes[found.called], 40)}"
    return text if class_index is None else f"{text}, {clean(found.classes[class_index], 40)}"


@dataclass(frozen=True, slots=True)
class Why:
    """What was found out about the cause of one slice.

    Attributes:
        share: in training; None without training images that have these attributes.
        cue: what is usual for the class and absent in the slice; None where there is no such thing.
        again, splits: in how many other splits it was found again; 0 of 0 where that was not tried.
        classes: which classes its errors are of.
    """

    share: TrainShare | None = None
    cue: Cue | None = None
    again: int = 0
    splits: int = 0
    classes: Classes = field(default_factory=Classes)


def merged_into(found: Search, one: Found) -> list[tuple[str, Relative]]:
    """What a slice accounts for: names, and how they lie to it; copies and large overlaps first."""
    made: dict[str, Relative] = {}
    for relative in (r for part in one.parts for r in part.merged):
        spans, class_index = spans_of(found, relative.conjunction)
        name = title(found, spans, class_index)
        if name not in made or relative.errors > made[name].errors:
            made[name] = relative
    order = ("copy", "parent", "overlap", "part")
    return sorted(made.items(), key=lambda item: (order.index(item[1].relation), -item[1].errors))


def slice_finding(found: Search, one: Found, why: Why) -> Finding:
    """The finding of one confirmed slice."""
    share = why.share
    kind: Kind = "rare_case" if share is not None and share.rare else "weak_slice"
    bug: Bug = "data_statistics" if kind == "rare_case" else "unknown"
    e = one.errors
    confused = None
    if one.class_index is not None and e.into is not None and e.into_share >= CONFUSED:
        confused = found.classes[e.into]
    return Finding(
        kind=kind,
        failure=FAILURES[found.goal.kind],
        bug=bug,
        statement=_statement(found, one, share) + told_classes(found, why.classes),
        slice=named(found, one.spans),
        class_name=None if one.class_index is None else found.classes[one.class_index],
        confused_with=confused,
        split=found.split,
        n=e.n,
        error_rate=e.rate,
        base_error_rate=e.rate_out,
        part=float(found.confirmation.mean()),
        ci=e.ci,
        p=one.p,
        q=one.q,
        verdict="confirmed",
        tests=tuple(_test(found, part) for part in one.parts),
        note=" ".join(_why(found, one, why)),
    )


def refuted_finding(found: Search, part: TestedSlice) -> Finding:
    """The finding of a slice that looked weak on one half and is not on the other."""
    spans, class_index = spans_of(found, part.conjunction)
    where = found.prepared.within if class_index is None else class_index
    e = errors_of(found, found.inside(part), found.rest(spans, where))
    return Finding(
        kind="weak_slice",
        failure=FAILURES[found.goal.kind],
        bug="unknown",
        statement=f"{_images(found, spans, where)} looked worse than the others on the images that suggested it; on the rest any excess is below what counts.",
        slice=named(found, spans),
        class_name=None if where is None else found.classes[where],
        split=found.split,
        n=e.n,
        error_rate=e.rate,
        base_error_rate=e.rate_out,
        part=float(found.confirmation.mean()),
        ci=e.ci,
        p=part.p,
        q=part.q,
        verdict="refuted",
        tests=(_test(found, part),),
        note=part.reason[:1].upper() + part.reason[1:] + ".",
    )


def _test(found: Search, part: TestedSlice) -> TestResult:
    adjusted = found.report.class_adjusted
    within = " within true classes" if adjusted else ""
    spans, class_index = spans_of(found, part.conjunction)
    named = found.class_column in part.conjunction.attributes
    outside = told_beside(found, spans, found.prepared.within if class_index is None else class_index)
    outside = (
        "in the rest of its class"
        if named and "known" not in outside
        else outside + ("" if named else within)
    )
    return TestResult(
        tool=TOOL,
        effect=part.effect if adjusted else part.difference,
        ci=part.effect_ci if adjusted else part.difference_ci,
        p=part.p,
        n=part.confirmation.n,
        verdict="confirmed" if part.verdict == "confirmed" else "refuted",
        statistic=f"rate in the slice minus rate {outside}, on the half that did not suggest it; one-sided test{within}, "
        "against each slice with fewer conditions, and beside the other slices" + together(found),
        q=part.q,
        together=found.prepared.group_by or "",
    )


def tried_slices(found: Search, level: float) -> tuple[Tried, ...]:
    """Every slice that was carried to the half that tests, and what came of it there; then those that confirmed slices account for.

    A slice that was not confirmed is told by its test against the images outside, unless that would have passed at ``level``: then it
    failed beside another slice, which says nothing against it.
    """
    report, made = found.report, []
    errors = found.goal.kind == "error" and found.called is None
    for part in (*report.confirmed, *report.others):
        spans, class_index = spans_of(found, part.conjunction)
        where = found.prepared.within if class_index is None else class_index
        held = part.verdict == "confirmed"
        beside = not held and part.verdict != "refuted" and part.p_outside * report.carried <= level
        test = dataclasses.replace(
            _test(found, part),
            p=part.p if held else part.p_outside,
            verdict="inconclusive" if part.verdict == "merged" else part.verdict,
            statistic="",
        )
        name = None if where is None else found.classes[where]
        made.append(Tried(conditions(found, spans), test, name, found.split, beside or not errors))
    return (*made, *_merged_slices(found, {one.group for one in made}))


def _merged_slices(found: Search, known: Collection[str]) -> list[Tried]:
    """What confirmed slices account for: brought up and shown, without a test of its own."""
    made: dict[str, Tried] = {}
    for relative in (r for part in found.report.confirmed for r in part.merged):
        spans, class_index = spans_of(found, relative.conjunction)
        where = found.prepared.within if class_index is None else class_index
        p = 1.0 if relative.p is None else relative.p
        test = TestResult(TOOL, 0.0, (-1.0, 1.0), p, relative.n, "inconclusive")
        name = None if where is None else found.classes[where]
        one = Tried(conditions(found, spans), test, name, found.split, apart=True)
        if one.group not in known:
            made.setdefault(one.group, one)
    return list(made.values())


def together(found: Search) -> str:
    """What the tests took for one, where images belong together: ``, images of one video counted together``."""
    name = found.prepared.group_by
    return "" if name is None else f", images of one {clean(name, 40)} counted together"


def _images(found: Search, spans: Sequence[Span], class_index: int | None) -> str:
    which = " and ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in conditions(found, spans).items())
    images = IMAGES[found.split].lower()
    what = images.capitalize() if class_index is None else f"{clean(found.classes[class_index], 40)} {images}"
    if found.called is not None:
        what = f"{images.capitalize()} called {clean(found.classes[found.called], 40)}"
    return f"{what} with {which}"


def _statement(found: Search, one: Found, share: TrainShare | None) -> str:
    images, e, goal = _images(found, one.spans, one.class_index), one.errors, found.goal
    inside, outside = (goal.shown(value) for value in means(found, one))
    rest = beside(found, one)
    if goal.kind == "loss":
        text = f"{images} give the true class less: it lacks {inside} of the probability on average, against {outside} {rest}."
    elif goal.kind == "confident_error":
        text = f"{images} are answered wrongly with full confidence more often: {inside} against {outside} {rest}."
    elif goal.kind == "column":
        text = f"{images} have a higher {clean(goal.column or '', 40)}: {inside} on average, against {outside} {rest}."
    else:
        text = f"{images} are answered wrongly more often: {number(e.rate)} {interval(e.ci)} against {number(e.rate_out)} {rest}{_at_equal_classes(found, one)}."
        groups = [spans_of(found, r.conjunction) for part in one.parts for r in part.merged]
        text += told_simpler(found, one.spans, one.inside) or told_recorded(
            found, one.spans, one.inside, groups
        )
    if share is not None and share.rare:
        text += f" They are rare in training: {told_shares(found, one.class_index, share)}."
    return text


def _at_equal_classes(found: Search, one: Found) -> str:
    """What was tested, where the two bare rates would tell another story because the slice holds easier or harder classes."""
    part, e = one.parts[0], one.errors
    if not found.report.class_adjusted or one.class_index is not None:
        return ""
    if abs(part.effect - (e.rate - e.rate_out)) < TELLING:
        return ""
    expected = _at_rates_elsewhere(found, one)
    holds = (
        "" if abs(expected - e.rate_out) < TELLING / 2 else "easier" if expected < e.rate_out else "harder"
    )
    why = f": it holds more of the {holds} classes" if holds else ""
    return f" ({number(part.effect, 'points')} against images of the same classes{why})"


def _at_rates_elsewhere(found: Search, one: Found) -> float:
    """The error of a slice's images if each class failed as often there as elsewhere; 0 to 1, on the half that tests."""
    there, other = found.labels[one.inside & found.confirmation], one.rest & found.confirmation
    k, size = np.bincount(found.labels[other & found.wrong]), np.bincount(found.labels[other])
    rates = np.zeros(len(found.classes))
    rates[: len(size)] = np.pad(k, (0, len(size) - len(k))) / np.maximum(size, 1)
    return float(rates[there].mean()) if len(there) else 0.0


def beside(found: Search, one: Found) -> str:
    """Beside what its error is told."""
    return told_beside(found, one.spans, one.class_index)


def means(found: Search, one: Found) -> tuple[float, float]:
    """Mean of the target inside and outside a slice, on the half that tests; outside within its class, as ``beside`` says."""
    there, other = one.inside & found.confirmation, one.rest & found.confirmation
    return float(found.target[there].mean()), float(found.target[other].mean()) if other.any() else 0.0


def _why(found: Search, one: Found, why: Why) -> list[str]:
    """What is known about the cause, what was merged into the slice, whether it is found in other halves."""
    said = [what_to_look_at(found, why.classes) or _cause(found, one, why.share)]
    if why.cue is not None:
        said.append(_cue(found, why.cue))
    merged = merged_into(found, one)
    if merged:
        names = "; ".join(f"{name} ({number(r.errors)} of its errors are here)" for name, r in merged[:3])
        more = f"; and {len(merged) - 3} more" if len(merged) > 3 else ""
        said.append(f"Merged with it, for it accounts for them: {names}{more}.")
    if why.splits:
        said.append(f"Found again in {why.again} of {why.splits} other splits of these images.")
    return said


def _cause(found: Search, one: Found, share: TrainShare | None) -> str:
    if share is None:
        return "The cause is undetermined: no training images with these attributes to compare with."
    if share.says == "undetermined":
        return f"Whether they are rare in training is undetermined ({told_shares(found, one.class_index, share)})."
    if not share.rare:
        return (
            f"Not rare in training ({told_shares(found, one.class_index, share)}): the cause lies elsewhere."
        )
    curve = share.curve
    first = "High error and few training images"
    if curve is None or curve.says == "undetermined":
        return (
            f"{first}: more of them is the first thing to try. Whether errors fall with more training images is undetermined: "
            "too few other values tell."
        )
    doubled = f"{number(curve.slope, 'points')} {interval(curve.ci, 'points')} for each doubling, over {curve.units} other groups"
    if curve.says == "no":
        return f"{first}, yet elsewhere errors do not fall with more training images ({doubled}): more of them may not help."
    expected = "" if curve.expected is None else f"; so few lead to expect {number(curve.expected)} wrong"
    return f"{first}, and errors fall with more of them ({doubled}{expected}): more of them is the first thing to try."


def _cue(found: Search, cue: Cue) -> str:
    coded = found.attributes[cue.attribute]
    value = f"{clean(coded.name, 40)}={clean(coded.values[cue.value], 60)}"
    there, others = number(cue.share), number(cue.share_other)
    m = cue.missed
    missed = f"{number(m.rate)} are missed, {number(m.rate_out)} with it ({number(m.difference, 'points')} {interval(m.ci, 'points')})"
    return (
        f"They lack what is usual for the class, {value} ({there} of its images, {others} of the others): {missed}. "
        "Whether the model relies on it is undetermined; an experiment can tell."
    )
