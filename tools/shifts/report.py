"""How a shift between two splits is said: facts, tables, figures, sentences and the finding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from failsight.tools.copies import drop as drop_without_copies
from failsight.tools.evidence import (
    Cell,
    Fact,
    Figure,
    Finding,
    ImageRef,
    Instrument,
    Table,
    TestResult,
    Verdict,
)
from failsight.tools.examples import contact_sheet
from failsight.tools.figures.charts import Mark, rates
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, of_split
from failsight.tools.performance import Rate, performance
from failsight.tools.shifts.attributes import AttributeShift
from failsight.tools.shifts.comparison import MINIMUM_DROP
from failsight.tools.shifts.comparison import shift as labelled_shift
from failsight.tools.shifts.samples import Domain, Pair
from failsight.tools.shifts.without_labels import LEAST_SIZE, MARGIN, METHODS, Expected, differs
from failsight.tools.stats.prior_shift import LabelShift
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

ALPHA = 0.05
EXAMPLES = 4  # most and least typical images, of each
MOST_CLASSES = 30
NAMED = 3  # attributes spoken of
STATISTIC = (
    "expected loss of accuracy on the deployment images, estimated without labels; p: AUC of a domain classifier, "
    "images permuted between the splits (within classes where these are known)"
)


def register_plan(view: CaseView) -> None:
    """Journal how a shift will be judged where the deployment images have no labels."""
    view.register(
        Instrument(
            finding=Finding("distribution_shift", "robustness", "data_statistics", "").key,
            tool="shift",
            arguments={},
            statement="Deployment images differ from evaluation images, and the model does worse on them.",
            statistic=STATISTIC,
            control=f"evaluation images of the same case; a domain classifier must reach an AUC above {0.5 + MARGIN:.2f}",
            minimum_effect=MINIMUM_DROP,
            alpha=ALPHA,
            n_planned=len(view.table("deploy")),
        )
    )


# -- sentences ----------------------------------------------------------------------------------


def difference_words(shifts: Sequence[AttributeShift], most: int = NAMED) -> str:
    """The attributes that differ, in words, clearest first; empty when there are none."""
    return "; ".join(s.words for s in shifts[:most] if s.differs)


def domain_sentence(domain: Domain | None, first: Split, second: Split) -> str:
    """How well the two samples are told apart."""
    if domain is None:
        return "There is nothing to tell the two samples apart by: no features and no shared attributes."
    by = "the model's own features" if domain.read == "features" else "their measured attributes"
    found = domain.raw.auc
    text = (
        f"From {by}, a classifier tells {called(second)} from {called(first)} with an AUC of {number(found.value, 'ratio')} "
        f"{interval(found.ci, 'ratio')}"
    )
    if not domain.within:
        text += f" (p {p_value(domain.p)})"
    if domain.same_mix is not None:
        text += f", of {number(domain.same_mix.value, 'ratio')} {interval(domain.same_mix.ci, 'ratio')} at equal class mix"
    if domain.within:  # images were permuted within classes: the p is of what is left beside the mix
        text += f" (p {p_value(domain.p)} within classes)"
    return f"{text}."


def attribute_sentence(shifts: Sequence[AttributeShift], second: Split) -> str:
    """In what they differ."""
    words = difference_words(shifts)
    if words:
        return f"The {called(second)} are {words}."
    if not shifts:
        return ""
    return f"None of {len(shifts)} attributes differs by an amount worth mentioning."


def accuracy_sentence(expected: Expected | None, truth: Rate | None) -> str:
    """What accuracy is to be expected, and what it is where that is known."""
    if expected is None or expected.stated is None:
        return ""
    made = expected.stated
    text = (
        f"From the scores alone an accuracy of {number(made.value)} {interval(made.ci)} is expected on them, against "
        f"{number(expected.reference)} on the evaluation images"
    )
    if truth is None:
        return f"{text}."
    return f"{text}; by their labels it is {number(truth.value)} {interval(truth.ci)}."


def mix_sentence(mix: LabelShift | None, classes: Sequence[str], trusted: bool) -> str:
    """The class mix, where it changed beyond its interval."""
    if mix is None or not mix.reliable or not trusted:
        return ""
    moved = [i for i in range(len(classes)) if not mix.ci[i][0] <= mix.before[i] <= mix.ci[i][1]]
    moved.sort(key=lambda i: -abs(mix.shares[i] - mix.before[i]))
    if not moved or mix.distance < MARGIN:
        return ""
    words = [
        f"{clean(classes[i], 40)} {number(mix.shares[i])} against {number(mix.before[i])}"
        for i in moved[:NAMED]
    ]
    return f"Their answers point to another class mix: {listing(words)}."


# -- facts and tables -----------------------------------------------------------------------------


def domain_facts(domain: Domain | None, first: Split, second: Split) -> tuple[Fact, ...]:
    """AUC of the domain classifier."""
    if domain is None:
        return ()
    of = f"{first} to {second}"
    made = [Fact("domain_auc", domain.raw.auc.value, "score", of, domain.raw.auc.ci, domain.raw.auc.n)]
    if domain.same_mix is not None:
        same = domain.same_mix
        made.append(Fact("domain_auc_same_mix", same.value, "score", of, same.ci, same.n))
    return (*made, Fact("p", domain.p, "score", of, None, domain.raw.auc.n))


def accuracy_facts(expected: Expected | None, truth: Rate | None, n: int) -> tuple[Fact, ...]:
    """The stated estimate and those behind it, and what the labels say where there are any."""
    if expected is None:
        return ()
    of, made = of_split("deploy"), []
    if expected.stated is not None:
        s = expected.stated
        made.append(Fact("expected_accuracy", s.value, "share", of, s.ci, n, "higher_is_better"))
        made.append(
            Fact("expected_drop", s.drop, "points", "data to deploy", s.drop_ci, n, "lower_is_better")
        )
    for method, one in expected.estimates.items():
        made.append(
            Fact(f"expected_accuracy_{method}", one.value, "share", of, one.ci, n, "higher_is_better")
        )
    if truth is not None:
        made.append(Fact("accuracy", truth.value, "share", of, truth.ci, truth.n, "higher_is_better"))
    return tuple(made)


def accuracy_table(expected: Expected | None, truth: Rate | None) -> tuple[Table, ...]:
    """Every estimate beside what it assumes."""
    if expected is None or not expected.estimates:
        return ()
    assumed = {
        "threshold": "confidence means the same on the new images",
        "threshold_entropy": "entropy means the same on the new images",
        "transport": "the class mix is the same",
        "class_mix": "images of a class look the same",
        "look": "images that look alike are as hard",
    }
    used = expected.stated.methods if expected.stated else ()
    rows: list[tuple[Cell, ...]] = [
        (METHODS[m], e.value, interval(e.ci), assumed[m], "yes" if m in used else "no")
        for m, e in expected.estimates.items()
    ]
    if expected.stated is not None:
        s = expected.stated
        rows.append(("stated", s.value, interval(s.ci), " and ".join(METHODS[m] for m in s.methods), ""))
    if truth is not None:
        rows.append(("by the labels", truth.value, interval(truth.ci), "", ""))
    return (
        Table(
            "Expected accuracy on the deployment images",
            ("estimate", "accuracy", "interval", "assumes", "used"),
            tuple(rows),
            ("text", "share", "text", "text", "text"),
            "The labels of the deployment images play no part in the estimates. The interval of the stated one allows for "
            "what the method was off by on labelled shifts; the others are of sampling only.",
        ),
    )


def mix_table(mix: LabelShift | None, classes: Sequence[str], labels: np.ndarray) -> tuple[Table, ...]:  # type: ignore[type-arg]
    """Class shares: before, estimated, and by the labels where there are any."""
    if mix is None:
        return ()
    known = labels[labels >= 0]
    true = np.bincount(known, minlength=len(classes)) / max(len(known), 1)
    order = np.argsort(-np.abs(mix.shares - mix.before), kind="stable")[:MOST_CLASSES]
    columns = ("class", called("data"), "estimated", "interval") + (("by the labels",) if len(known) else ())
    rows = []
    for i in order.tolist():
        ci = (float(mix.ci[i][0]), float(mix.ci[i][1]))
        cells: tuple[Cell, ...] = (classes[i], float(mix.before[i]), float(mix.shares[i]), interval(ci))
        rows.append((*cells, float(true[i])) if len(known) else cells)
    units = ("text", "share", "share", "text") + (("share",) if len(known) else ())
    caption = "Estimated from the model's answers, as if images of a class looked the same in both splits."
    if not mix.reliable:
        caption += " The confusion matrix is too ill-conditioned: the estimate can't be relied on."
    return (Table("Class mix of the deployment images", columns, tuple(rows), units, caption),)  # type: ignore[arg-type]


def mix_facts(mix: LabelShift | None) -> tuple[Fact, ...]:
    """How far the class mix moved, and how well it can be read."""
    if mix is None:
        return ()
    of = "data to deploy"
    condition = mix.condition if math.isfinite(mix.condition) else None
    return (
        Fact("estimated_mix_distance", mix.distance, "share", of),
        Fact("confusion_condition", condition, "score", of, None, None, "lower_is_better"),
    )


def notes_on(
    domain: Domain | None, mix: LabelShift | None, expected: Expected | None, by_class: bool
) -> tuple[str, ...]:
    """What the estimates can't know."""
    made = []
    if mix is not None and not mix.reliable:
        made.append(
            f"The class mix can't be read off the answers: some classes are answered so alike (condition number "
            f"{number(mix.condition, 'ratio')}) that many mixes would explain them."
        )
    elif mix is not None and differs(domain) and not by_class:
        made.append(
            "The estimated class mix supposes that images of a class look the same in both splits; they do not, so read it with care."
        )
    if expected is not None and expected.size == expected.size and expected.size < LEAST_SIZE:
        made.append(
            f"Few evaluation images look like the deployment images: the look-weighted estimate rests on "
            f"{number(expected.size)} of them."
        )
    if expected is not None and expected.conflict:
        made.append(
            "The estimates lie more than ten points apart: label some deployment images before relying on any."
        )
    if expected is not None and expected.stated is None:
        made.append("Without scores on both splits no accuracy can be estimated where the inputs differ.")
    return tuple(made)


SAME_MIX = 0.05  # total variation distance up to which two class mixes are one


def weighed_note(pair: Pair, first: Split, second: Split, classes: Sequence[str]) -> list[str]:
    """Which images of the first sample the comparison rests on, where classes are known of both; nothing where the mixes are the same."""
    if not pair.by_class:
        return []
    missing = np.setdiff1d(pair.first.labels, pair.second.labels)
    text = f"The {called(first)} are compared at the class mix of the {called(second)}"
    before, after = (
        np.bincount(s.labels, minlength=len(classes)) / len(s.labels) for s in (pair.first, pair.second)
    )
    if np.abs(before - after).sum() / 2 < SAME_MIX:
        return []
    if not missing.size:
        return [f"{text}, so medians here may differ from those over all of them."]
    names = listing([clean(classes[i], 40) for i in missing.tolist()], 6)
    return [f"{text}: those of {names} count for nothing, of which there are no {called(second)}."]


# -- pictures -------------------------------------------------------------------------------------


def typical_images(
    view: CaseView, pair: Pair, domain: Domain | None
) -> tuple[tuple[ImageRef, ...], list[Figure]]:
    """Images of the second sample that the classifier is surest about, and those it takes for the first sample's."""
    if domain is None or not len(pair.second):
        return (), []
    scores = domain.raw.scores[pair.target]
    order = np.argsort(-scores, kind="stable")
    count = min(EXAMPLES, len(order) // 2)
    chosen = [(int(i), "most typical") for i in order[:count]]
    chosen += [(int(i), "least typical") for i in order[::-1][:count]]
    sample, table = pair.second, view.table(pair.second.split)
    images = []
    for i, caption in chosen:
        label, row = int(sample.labels[i]), int(sample.rows[i])
        answer = view.classes[int(sample.predicted[i])] if sample.predicted is not None else ""
        images.append(
            ImageRef(
                sample.split,
                row,
                table.paths[row],
                view.classes[label] if label >= 0 else "",
                answer,
                caption=caption,
            )
        )
    who = called(sample.split)
    alt = (
        f"The {count} {who} most typical of them, then the {count} that look most like {called(pair.first.split)}, "
        "by the domain classifier."
    )
    title = f"Most and least typical {who}"
    made = contact_sheet(view, images, name="shift_typical", title=title, alt=alt) if images else None
    return tuple(images), [made] if made else []


def accuracy_figure(view: CaseView, expected: Expected | None, truth: Rate | None) -> list[Figure]:
    """Estimates with intervals beside the accuracy on evaluation images."""
    if expected is None or not expected.estimates:
        return []
    marks = [(METHODS[m], Mark(e.value, *e.ci)) for m, e in expected.estimates.items()]
    if expected.stated is not None:
        marks.insert(0, ("stated", Mark(expected.stated.value, *expected.stated.ci)))
    marks.append(("evaluation images", Mark(expected.reference, expected.reference, expected.reference)))
    if truth is not None:
        marks.append(("by the labels", Mark(truth.value, *truth.ci)))
    words = listing([f"{name} {number(m.value)}" for name, m in marks], 8)
    alt = f"Expected accuracy on the deployment images: {words}."
    svg = rates(
        "Expected accuracy",
        alt,
        [name for name, _ in marks],
        [("accuracy", [m for _, m in marks])],
        "accuracy",
    )
    return [
        view.save_figure("expected_accuracy", svg, title="Expected accuracy on deployment images", alt=alt)
    ]


# -- the finding ----------------------------------------------------------------------------------


def labelled_finding(view: CaseView, shifts: Sequence[AttributeShift]) -> tuple[Finding, ...]:
    """The verdict of ``evaluate`` on labelled deployment images, with what they differ in; nothing where a test without images that
    were trained on has decided."""
    data, deploy = (performance(view.predictions(s), seed=view.seed) for s in ("data", "deploy"))
    if not data.n or not deploy.n:
        return ()
    found = drop_without_copies.undecided(view, labelled_shift(data, deploy).findings[:1])
    if not found:
        return ()
    whole = found[0]
    tests = tuple(dataclasses.replace(t, tool="shift") for t in whole.tests)
    if any(
        f.key == whole.key and t.effect == whole.tests[0].effect for _, f in view.findings() for t in f.tests
    ):
        tests = ()  # the same comparison is on record already
    words = difference_words(shifts)
    statement, note = whole.statement, whole.note
    if words:
        statement = f"{statement} Deployment images are {words}."
        note = f"{note} What differs: {words}. That it is the cause is shown only by a test within deployment images."
    return (dataclasses.replace(whole, statement=statement, note=note, tests=tests),)


def unlabelled_finding(
    domain: Domain | None, expected: Expected | None, shifts: Sequence[AttributeShift], n: int
) -> tuple[Finding, ...]:
    """The verdict where the deployment images have no labels: the inputs must differ and the expected loss be large."""
    if domain is None:
        return ()
    apart, auc = differs(domain), domain.beyond_mix
    drop = expected.stated if expected is not None else None
    low = drop.drop_ci[0] if drop else -1.0
    verdict: Verdict = "confirmed" if apart and low > MINIMUM_DROP else "inconclusive"
    words = difference_words(shifts)
    difference = f" They are {words}." if words else ""
    told = f"AUC {number(auc.value, 'ratio')} {interval(auc.ci, 'ratio')} of a domain classifier"
    if not apart:
        statement = f"Deployment images are hardly told from evaluation images ({told})."
        note = "The inputs are not shown to differ beyond their class mix; without labels a drop can't be excluded."
    else:
        statement = f"Deployment images look different from evaluation images ({told}).{difference}"
        note = _loss_note(verdict, drop is not None)
        if drop is not None:
            statement += (
                f" The model is expected to be right in {number(drop.value)}, a loss of {number(drop.drop, 'points')} "
                f"{interval(drop.drop_ci, 'points')}."
            )
    tests: tuple[TestResult, ...] = ()
    if drop is not None:
        tests = (
            TestResult(
                "shift", drop.drop, drop.drop_ci, domain.p, n, verdict, statistic=STATISTIC, q=domain.p
            ),
        )
    return (
        Finding(
            "distribution_shift", "robustness", "data_statistics", statement, n=n,
            error_rate=1 - drop.value if drop else None,
            base_error_rate=1 - expected.reference if expected is not None else None,
            ci=(1 - drop.ci[1], 1 - drop.ci[0]) if drop else None,
            p=domain.p, q=domain.p, verdict=verdict, tests=tests, note=note,
        ),
    )  # fmt: skip


def _loss_note(verdict: Verdict, estimated: bool) -> str:
    if verdict == "confirmed":
        return f"Without labels: the whole interval of the expected loss lies above {number(MINIMUM_DROP, 'points')}."
    if estimated:
        return (
            f"Inputs differ, accuracy not shown to suffer: the expected loss may be below {number(MINIMUM_DROP, 'points')}. "
            "Labels for some deployment images would decide it."
        )
    return "Inputs differ; what that costs can't be estimated without scores on labelled evaluation images."
