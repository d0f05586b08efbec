"""From slices that hold to findings: neighbouring ranges put together, the kind of bug, the sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.metadata import metadata_columns, object_columns
from failsight.tools.evidence import Bug, Failure, Finding, Kind, TestResult
from failsight.tools.slice_search import Errors, Search, Suspicion, Target, errors_of
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.slices import TestedSlice
from failsight.tools.text import clean, interval, number, p_value
from failsight.tools.view import CaseView

TOOL = "find_slices"
RARE = 0.05  # share of the training images below which a condition counts as rare …
UNDER = 0.5  # … or below this multiple of its share in the evaluation images
CONFUSED = 0.5  # share of a slice's errors that go to one class, to name it
YES = ("yes", "true", "1", "present")
FAILURES: Mapping[Target, Failure] = {
    "error": "correctness",
    "confident_error": "unknown_unknowns",
    "loss": "correctness",
}
Span = tuple[int, int, int]  # attribute, first and last code


@dataclass(frozen=True)
class Found:
    """One slice to report, or neighbouring ranges of one number together.

    Attributes:
        parts: the confirmed slices that it consists of.
        spans: its conditions on attributes.
        class_index: its condition on the true class, or the class within which was searched; None without.
        inside: (n,) images.
        errors: its errors on the half that tests.
    """

    parts: tuple[TestedSlice, ...]
    spans: tuple[Span, ...]
    class_index: int | None
    inside: npt.NDArray[np.bool_]
    errors: Errors

    @property
    def p(self) -> float:
        return max(part.p for part in self.parts)

    @property
    def q(self) -> float:
        return max(part.q for part in self.parts)


def put_together(found: Search, within: int | None) -> list[Found]:
    """The confirmed slices, those that differ only in neighbouring ranges of one number as one."""
    groups: list[tuple[tuple[TestedSlice, ...], tuple[Span, ...], int | None]] = []
    for part in found.report.confirmed:
        spans, class_index = spans_of(found, part)
        for i, (parts, other, other_class) in enumerate(groups):
            joined = _join(found, other, spans) if other_class == class_index else None
            if joined is not None:
                groups[i] = ((*parts, part), joined, class_index)
                break
        else:
            groups.append(((part,), spans, class_index))
    made = []
    for parts, spans, class_index in groups:
        inside = np.any([found.inside(p) for p in parts], axis=0)
        where = within if class_index is None else class_index
        made.append(Found(parts, spans, where, inside, errors_of(found, inside)))
    return made


def spans_of(found: Search, part: TestedSlice) -> tuple[tuple[Span, ...], int | None]:
    """Conditions on attributes, and the class condition."""
    conditions = part.conjunction.conditions
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


def filters(found: Search, spans: Sequence[Span]) -> tuple[str, ...]:
    """The same as conditions that an experiment understands."""
    return tuple(f for a, low, high in spans for f in found.attributes[a].filters(low, high))


def title(found: Search, spans: Sequence[Span], class_index: int | None) -> str:
    """``television=yes & floor=tile, kitchen``."""
    text = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in conditions(found, spans).items())
    return text if class_index is None else f"{text}, {clean(found.classes[class_index], 40)}"


@dataclass(frozen=True, slots=True)
class TrainShare:
    """How often a slice's conditions occur in the training images.

    Attributes:
        n: training images with known values (of the slice's class, where it has one).
        share, ci: share that meets the conditions, with its interval.
        here: the share among the images that were searched.
        rare: whether the share is low: see `RARE` and `UNDER`.
    """

    n: int
    share: float
    ci: tuple[float, float]
    here: float
    rare: bool


def train_shares(view: CaseView, found: Search, slices: Sequence[Found]) -> dict[int, TrainShare]:
    """Position of a slice → its share in training, for slices of metadata and objects; {} without training images.

    Computed attributes would need a pass over the training images and are left out.
    """
    if "train" not in view.splits() or not slices or found.split == "train":
        return {}
    table = view.table("train")
    rows = np.arange(len(table), dtype=np.int64)
    columns = {**object_columns(table, rows), **metadata_columns(table, rows)}
    made = {}
    for i, one in enumerate(slices):
        names = [found.attributes[a].name for a, *_ in one.spans]
        if all(name in columns for name in names):
            share = _share(found, one, columns, table.labels)
            if share is not None:
                made[i] = share
    return made


def _share(
    found: Search, one: Found, columns: Mapping[str, npt.NDArray[np.generic]], labels: npt.NDArray[np.int64]
) -> TrainShare | None:
    known = np.ones(len(labels), bool) if one.class_index is None else labels == one.class_index
    here = np.ones(len(found.labels), bool) if one.class_index is None else found.labels == one.class_index
    meets = known.copy()
    for a, low, high in one.spans:
        codes = found.attributes[a].encode(columns[found.attributes[a].name])
        known = known & (codes != -1)
        meets &= (codes >= low) & (codes <= high)
    n, k = int(known.sum()), int(meets.sum())
    if not n:
        return None
    ci = wilson(k, n)
    share_here = float(one.inside[here].mean()) if here.any() else 0.0
    single = len(one.spans) == 1
    rare = (single and ci[1] < RARE) or ci[1] < UNDER * share_here
    return TrainShare(n, k / n, ci, share_here, rare)


def slice_finding(
    found: Search, one: Found, target: Target, share: TrainShare | None, adjusted: bool
) -> Finding:
    """The finding of one confirmed slice."""
    kind: Kind = "rare_case" if share is not None and share.rare else "weak_slice"
    bug: Bug = "data_statistics" if kind == "rare_case" else "unknown"
    e = one.errors
    confused = None
    if one.class_index is not None and e.into is not None and e.into_share >= CONFUSED:
        confused = found.classes[e.into]
    return Finding(
        kind=kind,
        failure=FAILURES[target],
        bug=bug,
        statement=_statement(found, one, target, share),
        slice=conditions(found, one.spans),
        class_name=None if one.class_index is None else found.classes[one.class_index],
        confused_with=confused,
        n=e.n,
        error_rate=e.rate,
        base_error_rate=e.rate_out,
        ci=e.ci,
        p=one.p,
        q=one.q,
        verdict="confirmed",
        tests=tuple(_test(part, adjusted) for part in one.parts),
        note=_cause(share),
    )


def refuted_finding(
    found: Search, part: TestedSlice, target: Target, within: int | None, adjusted: bool
) -> Finding:
    """The finding of a slice that looked weak on one half and is not on the other."""
    spans, class_index = spans_of(found, part)
    where = within if class_index is None else class_index
    e = errors_of(found, found.inside(part))
    return Finding(
        kind="weak_slice",
        failure=FAILURES[target],
        bug="unknown",
        statement=f"{_images(found, spans, where)} looked worse than the others on the images that suggested it, and is not on the rest.",
        slice=conditions(found, spans),
        class_name=None if where is None else found.classes[where],
        n=e.n,
        error_rate=e.rate,
        base_error_rate=e.rate_out,
        ci=e.ci,
        p=part.p,
        q=part.q,
        verdict="refuted",
        tests=(_test(part, adjusted),),
        note=part.reason[:1].upper() + part.reason[1:] + ".",
    )


def _test(part: TestedSlice, adjusted: bool) -> TestResult:
    within = " within true classes" if adjusted else ""
    return TestResult(
        tool=TOOL,
        effect=part.difference,
        ci=part.difference_ci,
        p=part.p,
        n=part.confirmation.n,
        verdict="confirmed" if part.verdict == "confirmed" else "refuted",
        statistic=f"rate in the slice minus rate elsewhere, on the half that did not suggest it; one-sided exact test{within}, "
        "against each slice with fewer conditions, and beside the other slices",
        q=part.q,
    )


def _images(found: Search, spans: Sequence[Span], class_index: int | None) -> str:
    which = " and ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in conditions(found, spans).items())
    what = "Images" if class_index is None else f"{clean(found.classes[class_index], 40)} images"
    return f"{what} with {which}"


def _statement(found: Search, one: Found, target: Target, share: TrainShare | None) -> str:
    images, e = _images(found, one.spans, one.class_index), one.errors
    if target == "loss":
        inside = found.target[one.inside & found.confirmation].mean()
        outside = found.target[~one.inside & found.confirmation].mean()
        text = f"{images} give the true class less: it lacks {number(float(inside))} of the probability on average, against {number(float(outside))} elsewhere."
    elif target == "confident_error":
        inside = found.target[one.inside & found.confirmation].mean()
        outside = found.target[~one.inside & found.confirmation].mean()
        text = f"{images} are answered wrongly with full confidence more often: {number(float(inside))} against {number(float(outside))} elsewhere."
    else:
        text = f"{images} are answered wrongly more often: {number(e.rate)} {interval(e.ci)} against {number(e.rate_out)} elsewhere."
    if share is not None and share.rare:
        text += f" They are rare in training: {number(share.share)} {interval(share.ci)} there, {number(share.here)} here."
    return text


def _cause(share: TrainShare | None) -> str:
    if share is None:
        return "The cause is undetermined: no training images with these attributes to compare with."
    if share.rare:
        return "High error and few training images: more of them is the first thing to try."
    return f"Not rare in training ({number(share.share)} of {share.n:,} images there, {number(share.here)} here): the cause lies elsewhere."


def suspicion_finding(view: CaseView, found: Search, one: Suspicion) -> Finding:
    """The hypothesis that the model takes an attribute for a sign of a class.

    Where the attribute is a boxed object and there is a model to run, an experiment can decide: the finding stays
    open. Otherwise this association is the test.
    """
    coded, pulled = found.attributes[one.attribute], found.classes[one.found.predicted]
    value = coded.values[one.found.value]
    test = TestResult(
        tool=TOOL,
        effect=one.found.wrong,
        ci=one.found.wrong_ci,
        p=one.found.p,
        n=one.n + one.n_out,
        verdict="confirmed",
        statistic="share of other classes' images called this class, with the value minus without, within true classes "
        "(Cochran–Mantel–Haenszel)",
        q=one.q,
    )
    testable = maskable(view, found, one)
    return Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_statistics",
        statement=f"The model takes {clean(coded.name, 40)}={clean(value, 60)} for a sign of {clean(pulled, 40)}: of the images of other "
        f"classes, {number(one.rate)} with it are called {clean(pulled, 40)}, and {number(one.rate_out)} without "
        f"({number(one.found.wrong, 'points')} {interval(one.found.wrong_ci, 'points')} within true classes, p {p_value(one.found.p)}).",
        slice={coded.name: value},
        class_name=pulled,
        n=one.n,
        error_rate=one.rate,
        base_error_rate=one.rate_out,
        ci=wilson(round(one.rate * one.n), one.n),
        p=one.found.p,
        q=one.q,
        verdict=None if testable else "confirmed",
        tests=() if testable else (test,),
        note="An association; whether the object itself is what the model sees is for a masking test to decide."
        if testable
        else "An association within true classes; no experiment was made.",
    )


def accounts_for(one: Suspicion, found: Found) -> bool:
    """Whether a slice is the pull seen from its errors.

    Either images with the value are called the class that it pulls towards, or images of that class without the value
    are not recognised.
    """
    if len(found.spans) != 1 or found.spans[0][0] != one.attribute:
        return False
    _, low, high = found.spans[0]
    if low <= one.found.value <= high:
        return found.errors.into == one.found.predicted and found.errors.into_share >= CONFUSED
    return found.class_index == one.found.predicted


def same_bug(finding: Finding, suspicion: Finding) -> Finding:
    """The finding of a slice, with a word on the suspicion that it is probably part of."""
    value = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in (suspicion.slice or {}).items())
    hint = f"Probably the same bug: the model may take {value} for a sign of {clean(suspicion.class_name or '', 40)}."
    return replace(finding, note=f"{hint} {finding.note}".strip())


def maskable(view: CaseView, found: Search, one: Suspicion) -> bool:
    """Whether the attribute is the presence of a boxed object that a masking test can take away."""
    coded = found.attributes[one.attribute]
    boxes = view.table(found.split).boxes
    if boxes is None or not view.has_model() or coded.values[one.found.value].lower() not in YES:
        return False
    return any(coded.name in row for row in boxes)
