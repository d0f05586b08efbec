"""evaluate: how well the model does, class by class, and how much worse it does elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools.belonging import independent_note
from failsight.tools.copies import drop as drop_without_copies
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Table
from failsight.tools.experiments.population import check_split
from failsight.tools.figures.charts import MOST_ROWS, Mark, rates
from failsight.tools.guessing import by_guessing, guessing_facts, guessing_words
from failsight.tools.inputs.base import Split
from failsight.tools.inputs.decisions import decision_words
from failsight.tools.inputs.models.outputs import REVISED
from failsight.tools.notes import (
    called,
    labelled_splits,
    left_out_notes,
    need_labels,
    of_split,
    unanswered_words,
    without_images_facts,
    without_images_words,
)
from failsight.tools.performance import ClassPerformance, Performance, Rate, performance, weaker_than_rest
from failsight.tools.registry import tool
from failsight.tools.shifts.comparison import (
    ALPHA,
    Compared,
    follow_up,
    generalisation,
    register_shift_plan,
    shift,
)
from failsight.tools.sureness import sureness_facts
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

MOST_CLASSES = 40  # classes with facts and rows of their own: the weakest ones
TRAIN_LIMIT = 20_000  # training images evaluated without being asked to
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "data": ("performance.1", "performance.2"),
    "deploy": ("performance.8",),
    "train": ("model_training.1", "model_training.2"),
}


@tool(
    cost="pass",
    answers=(*(q for ids in QUESTIONS.values() for q in ids), "iterations.3"),
    decides=("distribution_shift",),
    reads_groups=True,
)
def evaluate(
    view: CaseView,
    split: Annotated[
        Split | None,
        Field(
            description="Evaluate on data, train or deploy; by default on every labelled split, with the drop between them."
        ),
    ] = None,
) -> Evidence:
    """Measure accuracy, balanced accuracy and per-class precision, recall and F1 with 95 % intervals, beside a baseline.

    Where there are labelled training or deployment images it also tests how much worse the model does from one to the
    other, at equal class proportions: a drop from evaluation to deployment images is a distribution shift.
    """
    notes: list[str] = []
    names = [check_split(view, split)] if split else _default_splits(view, notes)
    for name in names:
        need_labels(view, name)
    base: list[Split] = ["data"] if "data" in labelled_splits(view) else []
    made: dict[str, Performance] = {}
    for name in dict.fromkeys([*base, *names]):
        if name == "deploy" and base:
            register_shift_plan(view)
        measured = _measure(view, name, notes)
        if measured is not None:
            made[name] = measured
    shown = [n for n in names if n in made]
    if not shown:
        raise RetryError("No image has both a label and a prediction.", labelled_splits(view))
    compared = _compared(made, shown)
    evidence = Evidence(
        tool="evaluate",
        arguments={"split": split},
        title="How well the model does",
        summary=" ".join(
            [
                *(_told_of(view, made[n], n) for n in shown),
                *(c.sentence for c in compared),
            ]
        ),
        facts=(
            *(f for n in shown for f in _facts(made[n], n)),
            *(f for c in compared for f in c.facts),
            *(f for n in shown if n == "train" for f in sureness_facts(view.predictions(n), n, view.seed)),
            *(f for n in shown for f in (*_unanswered(view, n), *without_images_facts(view.predictions(n)))),
            *(f for n in shown for f in _class_facts(made[n], n)),
        ),
        tables=(
            _overview(made, shown),
            *(_class_table(made[n], n) for n in shown if n != "train" or shown == ["train"]),
            *(c.table for c in compared),
        ),
        figures=(_figure(view, made, shown),),
        questions=tuple(q for n in shown for q in QUESTIONS.get(n, ())),
        findings=drop_without_copies.undecided(view, [f for c in compared for f in c.findings]),
        notes=(
            *_without_images(made),
            *_decided(view, shown),
            *_revised(view),
            *independent_note(view),
            *notes,
            *(n for c in compared for n in c.notes),
            *drop_without_copies.note(view, [f for c in compared for f in c.findings]),
        ),
        next_steps=_next_steps(made[shown[0]]),
    )
    return dataclasses.replace(evidence, next_steps=(*evidence.next_steps, *follow_up(evidence)))


def _without_images(made: Mapping[str, Performance]) -> list[str]:
    """The classes that each split has no image of."""
    missing = {split: [c.name for c in one.per_class if not c.n] for split, one in made.items()}
    return [
        f"No {called(split)} of {listing(names)}: nothing is known about how often the model recognises these."
        for split, names in missing.items()
        if names
    ]


def _told_of(view: CaseView, made: Performance, split: Split) -> str:
    """A split in sentences."""
    predictions = view.predictions(split)
    said = (_sentence(made, split), without_images_words(predictions), unanswered_words(predictions))
    return " ".join(text for text in said if text)


def _decided(view: CaseView, shown: Sequence[Split]) -> list[str]:
    """How answers are decided where it is not by the largest score, once for all splits."""
    words = [decision_words(view.predictions(split)) for split in shown]
    return [text for text in words if text][:1]


def _revised(view: CaseView) -> list[str]:
    """That the outputs turned out to be others than was guessed when the model was opened."""
    notes = getattr(view.model(), "notes", ()) if view.has_model() else ()
    return [n for n in notes if n == REVISED]


def _default_splits(view: CaseView, notes: list[str]) -> list[Split]:
    """Every labelled split; training images only where they do not dwarf the evaluation images."""
    made = []
    limit = max(TRAIN_LIMIT, 3 * len(view.table("data")))
    for name in labelled_splits(view):
        n = len(view.table(name))
        if name == "train" and n > limit:
            notes.append(
                f"The {n:,} training images were not evaluated, to save time; ask for the split train to do so."
            )
        else:
            made.append(name)
    return made


def _measure(view: CaseView, split: Split, notes: list[str]) -> Performance | None:
    """The performance on one split, None where there is nothing to measure; what is left out goes to ``notes``."""
    try:
        predictions = view.predictions(split)
    except RetryError as problem:  # a black box has predictions for the evaluation images only
        if split == "data":
            raise
        notes.append(f"The {called(split)} were not evaluated: {problem}")
        return None
    made = performance(predictions, seed=view.seed)
    notes += left_out_notes(split, [*view.table(split).left_out, *predictions.left_out])
    if made.n == 0:
        notes.append(f"None of the {called(split)} has both a label and a prediction.")
        return None
    if made.n < len(predictions):
        notes.append(
            f"{len(predictions) - made.n:,} of the {called(split)} have no label and are not counted."
        )
    return made


def _compared(made: Mapping[str, Performance], shown: Sequence[str]) -> list[Compared]:
    found = []
    if "data" in made and "deploy" in shown:
        found.append(shift(made["data"], made["deploy"]))
    if "data" in made and "train" in shown:
        found.append(generalisation(made["train"], made["data"]))
    return found


def weak_classes(made: Performance) -> list[ClassPerformance]:
    """Classes recognised less often than the others together (q ≤ 0.05 over classes), weakest first."""
    q = weaker_than_rest(made)[1]
    return [c for c in made.weakest() if np.isfinite(q[c.index]) and q[c.index] <= ALPHA]


def _sentence(made: Performance, split: str) -> str:
    text = (
        f"On {made.n:,} {called(split)} the model is right in {number(made.accuracy.value)} {interval(made.accuracy.ci)}; "
        f"always answering {clean(made.classes[made.majority], 60)} would give {number(made.baseline)}."
    )
    weak = weak_classes(made)
    if weak:
        named = [f"{clean(c.name, 30)} {number(c.recall.value)}" for c in weak[:3]]
        text += f" Recognised less often than the rest: {listing(named)}."
    return f"{text} {guessing_words(made)}".rstrip()


def _facts(made: Performance, split: str) -> list[Fact]:
    """Uniform facts about a split as a whole."""
    of, worst = of_split(split), made.weakest()[0]
    whole = (
        ("accuracy", made.accuracy),
        ("balanced_accuracy", made.balanced_accuracy),
        ("macro_precision", made.macro_precision),
        ("macro_f1", made.macro_f1),
        ("worst_recall", worst.recall),
    )
    facts = [Fact(name, rate.value, "share", of, rate.ci, rate.n, "higher_is_better") for name, rate in whole]
    return [
        *facts,
        Fact("baseline_accuracy", made.baseline, "share", of, None, made.n),
        *guessing_facts(made),
    ]


def _unanswered(view: CaseView, split: Split) -> list[Fact]:
    """How many labelled images got no answer; nothing where all did."""
    n = len(view.predictions(split).unanswered)
    return [Fact("unanswered", n, "count", of_split(split), None, None, "lower_is_better")] if n else []


def _class_facts(made: Performance, split: str) -> list[Fact]:
    """Recall, precision and F1 of the weakest classes, where they are known."""
    facts = []
    for c in made.weakest()[:MOST_CLASSES]:
        about = of_split(split, f"class {c.name}")
        for name, rate in (("recall", c.recall), ("precision", c.precision), ("f1", c.f1)):
            if rate.known:
                facts.append(Fact(name, rate.value, "share", about, rate.ci, rate.n, "higher_is_better"))
    return facts


def _overview(made: Mapping[str, Performance], shown: Sequence[str]) -> Table:
    """One row a measure, one column a split: narrow enough for any screen."""
    columns = [made[name] for name in shown]
    measures = ("accuracy", "balanced_accuracy", "macro_precision", "macro_f1")
    rows: list[tuple[Cell, ...]] = [
        ("images", *(f"{one.n:,}" for one in columns)),
        *((m.replace("_", " "), *(_told(getattr(one, m)) for one in columns)) for m in measures),
        ("baseline", *(number(one.baseline) for one in columns)),
    ]
    caption = "With 95 % intervals. Balanced accuracy: mean recall of the classes. Baseline: always answering the most frequent class."
    return Table("Overall", ("measure", *(called(name) for name in shown)), tuple(rows), (), caption)


def _told(rate: Rate) -> str:
    """``81.0 [80.2, 81.8] %``: short enough for three in a row."""
    return f"{100 * rate.value:.1f} {interval(rate.ci)}" if rate.known else "–"


def _class_table(made: Performance, split: str) -> Table:
    """Precision, recall and F1 by class, weakest recall first."""
    q = weaker_than_rest(made)[1]
    rows: list[tuple[Cell, ...]] = [
        (c.name, c.n, _told(c.recall), _told(c.precision), _told(c.f1), p_value(float(q[c.index])))
        for c in made.weakest()[:MOST_CLASSES]
    ]
    left = len(made.present) - len(rows)
    return Table(
        f"Classes, {called(split)}",
        ("class", "images", "recall", "precision", "F1", "q"),
        tuple(rows),
        ("text", "count", "text", "text", "text", "text"),
        "Weakest recall first. q: is the class recognised less often than the others together (Fisher, Benjamini–Hochberg)?"
        + (f" {left:,} stronger classes are not shown." if left > 0 else ""),
    )


def _figure(view: CaseView, made: Mapping[str, Performance], shown: Sequence[str]) -> Figure:
    """Recall by class, weakest first, one colour a split."""
    first = made[shown[0]]
    order = [c.index for c in first.weakest()][:MOST_ROWS]
    series = []
    for name in shown[:4]:
        classes = [made[name].per_class[i] for i in order]
        series.append((called(name), [Mark(c.recall.value, *c.recall.ci) if c.n else None for c in classes]))
    listed = listing(
        [f"{clean(first.classes[i], 30)} {number(first.per_class[i].recall.value)}" for i in order], 8
    )
    alt = f"Recall of each class with its 95 % interval, weakest first. {called(shown[0]).capitalize()}: {listed}."
    svg = rates(
        "Recall by class",
        alt,
        [first.classes[i] for i in order],
        series,
        "share of its images that are recognised, 95 % interval",
    )
    return view.save_figure("recall", svg, title="Recall by class", alt=alt)


def _next_steps(made: Performance) -> tuple[str, ...]:
    steps = []
    if by_guessing(made) is not None:
        steps.append(
            "Look first at the order of the class names (class_order) and at how pictures are fed (preprocessing_probe)."
        )
    weak = weak_classes(made)
    if weak:
        steps.append(f"Look at what {clean(weak[0].name, 60)} is taken for (confusion_matrix).")
    if made.n - int(np.trace(made.confusion)) >= 40:
        steps.append("Look for conditions under which errors pile up (find_slices).")
    return tuple(steps)
