"""What a difference between two splits means: a distribution shift, or a gap between training and evaluation.

Both are judged at equal class proportions: when deployment merely shows more images of a hard class, accuracy falls
without the model doing any worse on any image, and that is not called a drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import (
    Cell,
    Evidence,
    Fact,
    Finding,
    Instrument,
    Interval,
    Table,
    TestResult,
    Unit,
    Verdict,
)
from failsight.tools.notes import called
from failsight.tools.performance import Comparison, Drop, Performance, beyond_others, compare
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.verdicts import STANDING_LEVEL, Measured, judge
from failsight.tools.view import CaseView

MINIMUM_DROP = 0.03  # a smaller drop is not worth a repair; fixed before anything is measured
MINIMUM_GAP = 0.10  # between training and evaluation images: below this nobody calls it overfitting
ALPHA = STANDING_LEVEL
FEWEST = 10  # images of a class on both sides before its drop is spoken of
FAR = 0.10  # a difference of class proportions (total variation) that is worth a sentence
MOST_CLASSES = 40  # in the table
MOST_SPOKEN = 200  # classes with a plan of their own, without which no class becomes a finding
SAME_MIX = (
    "difference of accuracies at the class proportions of the evaluation images; "
    "images permuted between the splits within each class"
)
CLASSWISE = "difference of recalls (Fisher), corrected over classes (Benjamini–Hochberg)"
BEYOND = (
    "difference of recalls minus that of the other classes together, at the class proportions of the evaluation images (normal "
    "approximation), corrected over classes (Benjamini–Hochberg)"
)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison adds to the evidence."""

    sentence: str
    facts: tuple[Fact, ...]
    table: Table
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def register_shift_plan(view: CaseView) -> Instrument:
    """Journal how a shift will be judged, before the model sees the first deployment image."""
    plan = Instrument(
        finding=Finding("distribution_shift", "robustness", "data_statistics", "").key,
        tool="evaluate",
        arguments={"split": "deploy"},
        statement="The model does worse on deployment images than on evaluation images.",
        statistic=SAME_MIX,
        control="the evaluation images of the same classes",
        minimum_effect=MINIMUM_DROP,
        alpha=ALPHA,
        n_planned=len(view.table("deploy")),
    )
    view.register(plan)
    known = (view.table("data").labels, view.table("deploy").labels)
    data, deploy = (np.bincount(labels[labels >= 0], minlength=len(view.classes)) for labels in known)
    for i in spoken_of(data, deploy):
        name = view.classes[i]
        finding = Finding("distribution_shift", "robustness", "data_statistics", "", class_name=name)
        view.register(
            replace(
                plan,
                finding=finding.key,
                statement=f"{clean(name, 60)} is recognised less often in deployment images, and where a drop of all classes together is "
                "confirmed, by more than the other classes lose.",
                statistic=f"{CLASSWISE}; where a drop of all classes together is confirmed, the {BEYOND}",
                control="the evaluation images of the class; where a drop of all classes together is confirmed, the other classes",
                n_planned=int(deploy[i]),
            )
        )
    return plan


def spoken_of(data: npt.NDArray[np.integer[Any]], deploy: npt.NDArray[np.integer[Any]]) -> list[int]:
    """Classes whose drop may become a finding: enough images on both sides, those with most deployment images.

    Args:
        data, deploy: (k,) labelled images of each class.
    """
    enough = np.flatnonzero(np.minimum(data, deploy) >= FEWEST)
    order = enough[np.argsort(-deploy[enough], kind="stable")]
    return sorted(order[:MOST_SPOKEN].tolist())


def shift(data: Performance, deploy: Performance) -> Compared:
    """Evaluation against deployment images: is there a distribution shift, overall and in single classes?"""
    found = compare(data, deploy)
    facts, notes = _facts(found, "data", "deploy"), _notes(found, "data", "deploy")
    if not found.shared:
        text = "No class has both evaluation and deployment images: they can't be compared."
        return Compared(text, facts, _table(data, found, "data", "deploy"), (), notes)
    drop = found.same_mix
    judged = judge(Measured(drop.effect, drop.ci, drop.p, drop.q, drop.n), MINIMUM_DROP, ALPHA)
    sentence = (
        f"At equal class proportions accuracy is {points(drop.effect)} {'lower' if drop.effect >= 0 else 'higher'} on the deployment "
        f"images than on the evaluation images (drop {interval(drop.ci, 'points')}, p {p_value(drop.p)}): "
        f"a distribution shift that costs at least {points(MINIMUM_DROP)} is {judged.verdict}."
    )
    whole = whole_finding(data, deploy, drop, judged.verdict, judged.reason)
    more = beyond_others(data, deploy, found.shared) if judged.verdict == "confirmed" else ()
    sizes = (np.array([c.n for c in p.per_class], np.int64) for p in (data, deploy))
    spoken = set(spoken_of(*sizes))
    single = [
        _class_finding(data, deploy, i, d, more[at] if more else None)
        for at, (i, d) in enumerate(zip(found.shared, found.per_class, strict=True))
        if i in spoken
    ]
    table = _table(data, found, "data", "deploy", more)
    return Compared(sentence, facts, table, (whole, *(f for f in single if f is not None)), notes)


def generalisation(train: Performance, data: Performance) -> Compared:
    """Training against evaluation images. A large gap is stated as a hypothesis (overfitting), not as a verdict."""
    found = compare(train, data)
    drop = found.same_mix
    findings: tuple[Finding, ...] = ()
    if found.shared and drop.effect >= MINIMUM_GAP and drop.p <= ALPHA:
        statement = f"The model may have learned its training images by heart: it is right {points(drop.effect)} more often on them."
        findings = (
            Finding(
                "overfitting", "correctness", "training_parameter", statement,
                n=data.n, error_rate=1 - data.accuracy.value, base_error_rate=1 - train.accuracy.value,
                ci=_flipped(data.accuracy.ci), p=drop.p,
                note="A gap alone does not tell overfitting from harder evaluation images; the training record does.",
            ),
        )  # fmt: skip
    sentence = (
        f"At equal class proportions accuracy is {points(drop.effect)} {'lower' if drop.effect >= 0 else 'higher'} on the evaluation "
        f"images than on the training images (drop {interval(drop.ci, 'points')}, p {p_value(drop.p)})."
        if found.shared
        else "No class has both training and evaluation images: they can't be compared."
    )
    notes = _notes(found, "train", "data")
    return Compared(
        sentence, _facts(found, "train", "data"), _table(train, found, "train", "data"), findings, notes
    )


def points(effect: float) -> str:
    """The size of a difference, without its sign: ``4.2 points``."""
    return number(abs(effect), "points").lstrip("+")


def _flipped(ci: Interval) -> Interval:
    return 1 - ci[1], 1 - ci[0]


def _facts(found: Comparison, before: str, after: str) -> tuple[Fact, ...]:
    of = f"{before} to {after}"
    drops = (("accuracy_drop", found.raw), ("accuracy_drop_same_mix", found.same_mix))
    made = [
        Fact(name, d.effect, "points", of, d.ci, d.n, "lower_is_better")
        for name, d in drops
        if d.effect == d.effect
    ]
    return (*made, Fact("class_mix_distance", found.mix_distance, "share", of))


def _notes(found: Comparison, before: str, after: str) -> tuple[str, ...]:
    made = [
        f"Only among the {called(where)}: {listing(names)}. The comparison leaves {'it' if len(names) == 1 else 'them'} out."
        for names, where in ((found.only_reference, before), (found.only_other, after))
        if names
    ]
    if found.mix_distance >= FAR:
        made.append(
            f"The class proportions of {called(before)} and {called(after)} differ by {number(found.mix_distance)}; "
            "what counts is the drop at equal proportions."
        )
    return tuple(made)


def _table(
    reference: Performance, found: Comparison, before: str, after: str, more: Sequence[Drop] = ()
) -> Table:
    """The drop of each class; with ``more`` also how much it exceeds that of the other classes, by which it is then judged."""
    none: tuple[Cell, ...] = (None, "", "") if more else ()
    rows: list[tuple[Cell, ...]] = [
        (name, d.effect, interval(d.ci, "points"), p_value(d.p), "", *none, d.n)
        for name, d in (("all images", found.raw), ("all, equal class proportions", found.same_mix))
    ]
    order = sorted(range(len(found.shared)), key=lambda at: -found.per_class[at].effect)[:MOST_CLASSES]
    for at in order:
        d = found.per_class[at]
        beyond = (more[at].effect, interval(more[at].ci, "points"), p_value(more[at].q)) if more else ()
        told = (interval(d.ci, "points"), p_value(d.p), p_value(d.q))
        rows.append((reference.classes[found.shared[at]], d.effect, *told, *beyond, d.n))
    caption = f"Positive: worse on the {called(after)}, whose images are counted. q: Benjamini–Hochberg over classes."
    if more:
        caption += " As all classes together drop, a class is judged by how much more it drops than the other classes: beyond the others."
    names = ("beyond the others", "interval, beyond", "q, beyond") if more else ()
    units: tuple[Unit, ...] = ("points", "text", "text") if more else ()
    return Table(
        f"Drop from {called(before)} to {called(after)}",
        ("class", "drop", "interval", "p", "q", *names, "images"),
        tuple(rows),
        ("text", "points", "text", "text", "text", *units, "count"),
        caption,
    )


def _test(drop: Drop, verdict: Verdict, statistic: str = SAME_MIX, tool: str = "evaluate") -> TestResult:
    return TestResult(tool, drop.effect, drop.ci, drop.p, drop.n, verdict, statistic=statistic, q=drop.q)


def whole_finding(
    data: Performance,
    deploy: Performance,
    drop: Drop,
    verdict: Verdict,
    reason: str,
    *,
    which: str = "",
    tool: str = "evaluate",
) -> Finding:
    """The finding about all classes together; ``which`` says which evaluation images are meant where not all are."""
    statement = (
        f"On deployment images the model is right in {number(deploy.accuracy.value)}, on evaluation images{which} in "
        f"{number(data.accuracy.value)}; at equal class proportions the drop is {number(drop.effect, 'points')} "
        f"{interval(drop.ci, 'points')}."
    )
    return Finding(
        "distribution_shift", "robustness", "data_statistics", statement,
        n=deploy.n, error_rate=1 - deploy.accuracy.value, base_error_rate=1 - data.accuracy.value,
        ci=_flipped(deploy.accuracy.ci), p=drop.p, q=drop.q, verdict=verdict, tests=(_test(drop, verdict, tool=tool),), note=reason,
    )  # fmt: skip


def _class_finding(
    data: Performance, deploy: Performance, i: int, drop: Drop, more: Drop | None
) -> Finding | None:
    """A class that drops by itself; where all drop together, only one that drops ``more`` than the others says anything new."""
    here, there = data.per_class[i], deploy.per_class[i]
    d, statistic = (drop, CLASSWISE) if more is None else (more, BEYOND)
    if judge(Measured(d.effect, d.ci, d.p, d.q, d.n), MINIMUM_DROP, ALPHA).verdict != "confirmed":
        return None
    text = (
        f"{clean(here.name, 60)} is recognised in {number(there.recall.value)} of its deployment images and in "
        f"{number(here.recall.value)} of its evaluation images: {points(drop.effect)} less {interval(drop.ci, 'points')}"
    )
    if more is not None:
        text += (
            f", and {points(more.effect)} {interval(more.ci, 'points')} beyond what the other classes lose"
        )
    return Finding(
        "distribution_shift", "robustness", "data_statistics", f"{text}.", class_name=here.name,
        n=there.n, error_rate=1 - there.recall.value, base_error_rate=1 - here.recall.value,
        ci=_flipped(there.recall.ci), p=d.p, q=d.q, verdict="confirmed", tests=(_test(d, "confirmed", statistic),),
    )  # fmt: skip


def follow_up(made: Evidence) -> tuple[str, ...]:
    """What to look at next because of the findings in ``made``."""
    kinds = {(f.kind, f.verdict) for f in made.findings}
    steps = []
    if ("distribution_shift", "confirmed") in kinds:
        steps.append("See in what the deployment images differ from the evaluation images (data_statistics).")
    if ("overfitting", None) in kinds:
        steps.append(
            "Give the training record (--history): its curves tell overfitting from harder evaluation images."
        )
    return tuple(steps)
