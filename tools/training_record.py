"""training_record: how training went, and whether the model learned its images by heart or hardly at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence, Fact, Finding, Table
from failsight.tools.history.diagnosis import Course, facts, read_course, table, when
from failsight.tools.history.figures import learning_curves
from failsight.tools.history.gap import (
    Measurement,
    findings,
    gap_facts,
    measure,
    open_hypothesis,
)
from failsight.tools.history.record import Record, UnreadableRecordError, read_record
from failsight.tools.registry import tool
from failsight.tools.shifts.comparison import MINIMUM_GAP
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

ABSENT = "No training record was given (--history)."
WOULD_SHOW = (
    "A training record would show whether the validation loss rose while the training loss fell (overfitting), whether training "
    "stopped early or diverged, and whether an earlier epoch was better."
)
AUGMENTED = 0.05  # training accuracy measured plainly above the recorded one: training images were made harder on purpose


@tool(
    cost="pass",
    answers=(
        "input.8", "iterations.2", "model_structure.3", "model_structure.4", "model_structure.5",
        "model_training.1", "model_training.2", "model_training.3", "model_training.4", "model_training.6",
    ),
    decides=("overfitting", "underfitting"),
)  # fmt: skip
def training_record(
    view: CaseView,
    measure_gap: Annotated[
        bool,
        Field(
            description="Also run the model over the training images and measure the gap to the evaluation images."
        ),
    ] = True,
) -> Evidence:
    """Read the training record: overfitting, underfitting, divergence, learning-rate trouble, plateaus, best epoch against the last, each tested against the noise of the curve.

    Reads CSV, Hugging Face ``trainer_state.json`` and TensorBoard event files. Where there are training images the gap to the
    evaluation images is measured with the model itself, at equal class proportions. Overfitting is confirmed only when that gap is
    at least 5 points and the validation loss in the record rises after its best while the training loss falls; a gap can also come
    from shifted images, shortcuts or wrong labels.
    """
    record, course, problem = _record(view)
    made, missing = measure(view) if measure_gap else (None, "")
    found: tuple[Finding, ...] = ()
    if made is not None:
        found = findings(made, course, record)
    elif course is not None:
        found = open_hypothesis(course)
    figure = learning_curves(view, record, course) if record is not None and course is not None else None
    return Evidence(
        tool="training_record",
        arguments={"measure_gap": measure_gap},
        title="How training went",
        summary=_summary(record, course, problem, made, found),
        facts=(*(facts(record, course) if record and course else ()), *(gap_facts(made) if made else ())),
        tables=tuple(t for t in _tables(record, course) if t.rows),
        figures=(figure,) if figure else (),
        questions=_questions(record, made),
        findings=found,
        notes=tuple(n for n in (*_notes(record, problem, made, course), missing) if n),
        next_steps=_next_steps(record, course, made, found),
    )


def _record(view: CaseView) -> tuple[Record | None, Course | None, str]:
    """The record and its course; else why there is none, as a sentence."""
    if view.history is None:
        return None, None, ABSENT
    try:
        record = read_record(view.history)
    except UnreadableRecordError as problem:
        return (
            None,
            None,
            f"The training record {clean(view.history.name, 80)} can't be used: {clean(problem, 300)}.",
        )
    return record, read_course(record, view.seed), ""


def _summary(
    record: Record | None,
    course: Course | None,
    problem: str,
    made: Measurement | None,
    found: Sequence[Finding],
) -> str:
    parts = []
    if record is None or course is None:
        parts.append(problem)
    else:
        span = max((float(c.at[-1]) for c in record.curves.values()), default=0.0)
        said = [d.sentence for d in course.diagnoses if d.answer == "yes"]
        lead = f"The record runs to {when(span, record.unit)}."
        if not said:
            lead += " It shows no trouble: no divergence, no lasting rise of the validation loss, no spikes."
        parts.append(" ".join([lead, *said[:3]]))
    if made is not None:
        drop = made.compared.same_mix
        parts.append(
            f"The model itself is right in {number(made.train.accuracy.value)} of {made.train.n:,} training images and in "
            f"{number(made.data.accuracy.value)} of {made.data.n:,} evaluation images, a gap of {number(drop.effect, 'points')} "
            f"{interval(drop.ci, 'points')} at equal class proportions."
        )
        parts += [f"{f.kind.capitalize()} is {f.verdict}." for f in found if f.verdict]
    return " ".join(parts)


def _tables(record: Record | None, course: Course | None) -> tuple[Table, ...]:
    if record is None or course is None:
        return ()
    rows = [(name.replace("_", " "), c.source, len(c)) for name, c in record.curves.items()]
    stated = [(k.replace("_", " "), v) for k, v in record.settings.items()]
    return (
        table(course),
        Table(
            "What was recorded", ("curve", "recorded as", "points"), tuple(rows), ("text", "text", "count")
        ),
        Table("What else the record states", ("setting", "value"), tuple(stated)),
    )


def _questions(record: Record | None, made: Measurement | None) -> tuple[str, ...]:
    asked = []
    if record is not None:
        asked += ["model_structure.3", "iterations.2"]
        if record.get("learning_rate").at.size or record.settings:
            asked.append("model_structure.5")
    if record is not None or made is not None:
        asked += ["model_training.1", "model_training.2", "model_training.3", "model_training.4"]
    if made is not None:
        asked.append("model_training.6")
        if record is not None and len(record.get("train_accuracy")):
            asked.append("input.8")
    return tuple(asked)


def _notes(record: Record | None, problem: str, made: Measurement | None, course: Course | None) -> list[str]:
    if record is None:
        return [problem, WOULD_SHOW]
    notes = list(record.notes)
    if record.ignored:
        notes.append(f"Not understood and left out: {listing(list(record.ignored), 6)}.")
    for name, what in (("train_loss", "training"), ("val_loss", "validation")):
        if not len(record.get(name)) and not len(record.get(name.replace("loss", "accuracy"))):  # type: ignore[arg-type]
            notes.append(f"No {what} curve is recorded: what it would show is open.")
    if "best_model_checkpoint" in record.settings:
        notes.append(
            f"The trainer kept {clean(record.settings['best_model_checkpoint'], 60)} as its best; whether that or the last one was shipped the record does not say."
        )
    elif course is not None and course.best_at is not None:
        notes.append("Which epoch was shipped is not recorded; the last one is taken for it.")
    notes.append("The record names neither the loss function, the optimiser nor the augmentations.")
    if course is not None and course.gap is not None and course.gap[2] > 1:
        notes.append(
            "The interval of the recorded gap covers the noise from epoch to epoch; how many images were behind it is not recorded."
        )
    if made is not None:
        notes += _beside_the_record(record, made)
    return notes


def _beside_the_record(record: Record, made: Measurement) -> list[str]:
    """What the model does today against what its record says it did."""
    notes = []
    train, val = record.get("train_accuracy").finite, record.get("val_accuracy").finite
    if len(train):
        before, now = float(train.values[-1]), made.train.accuracy
        if now.ci[0] > before + AUGMENTED:
            notes.append(
                f"Training accuracy was recorded as {number(before)} and is {number(now.value)} {interval(now.ci)} now: training was made harder on purpose (augmentation, dropout), or another epoch was shipped."
            )
        elif now.ci[1] < before - AUGMENTED:
            notes.append(
                f"Training accuracy was recorded as {number(before)} and is only {number(now.value)} {interval(now.ci)} now: the model is fed differently, or is not the one of this record."
            )
    if len(val):
        before, today = float(val.values[-1]), made.data.accuracy
        if today.ci[1] < before - MINIMUM_GAP:
            notes.append(
                f"Validation accuracy was recorded as {number(before)}, but the evaluation images give {number(today.value)} {interval(today.ci)}: they differ from the validation images (a shift, or shortcuts that do not hold here)."
            )
    return notes


def _next_steps(
    record: Record | None, course: Course | None, made: Measurement | None, found: Sequence[Finding]
) -> tuple[str, ...]:
    verdicts = {f.kind: f.verdict for f in found}
    steps = []
    gap: Fact | None = (
        next((f for f in gap_facts(made) if f.name == "accuracy_drop_same_mix"), None) if made else None
    )
    if (
        verdicts.get("overfitting") == "confirmed"
        and course is not None
        and course.best_at is not None
        and record is not None
    ):
        steps.append(
            f"Take the weights of {when(course.best_at, record.unit)}, or train again with early stopping, augmentation or weight decay."
        )
    elif gap is not None and float(gap.value or 0) >= MINIMUM_GAP:
        steps.append(
            "Look for what the evaluation images have and the training images lack: find_slices, data_statistics, shift."
        )
    if verdicts.get("underfitting") == "confirmed":
        steps.append("Train longer or with a higher learning rate before anything else is repaired.")
    if record is None:
        steps.append("Give the training record (--history): a CSV of losses by epoch is enough.")
    return tuple(steps)
