"""From curves to sentences: what a training record says about how training went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from failsight.tools.evidence import Cell, Direction, Fact, Table, Unit
from failsight.tools.history import curves
from failsight.tools.history.curves import Answer, Best, Rise
from failsight.tools.history.names import Quantity
from failsight.tools.history.record import Curve, Record
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, interval, number, p_value

_ANSWERS = {"yes": "yes", "no": "no", "open": "can't tell"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One question to the record: what was asked, the answer, in words why, and the p-value where a test was possible."""

    name: str
    answer: Answer
    sentence: str
    p: float | None = None
    q: float | None = None


@dataclass(frozen=True)
class Course:
    """How training went.

    Attributes:
        diagnoses: one for each question that the record can answer.
        rise: of the validation curve after its best; None without one.
        train_end, val_end: how both losses (or error rates) end.
        best_loss, best_accuracy: best validation point against the last one.
        gap: training minus validation accuracy at the end, its interval from epoch to epoch, and the points behind it.
        diverged: training broke down.
        error_rates: ``training`` and ``validation``, where error rates stand in for a loss that is not recorded.
    """

    diagnoses: tuple[Diagnosis, ...]
    rise: Rise | None
    train_end: curves.Ending | None
    val_end: curves.Ending | None
    best_loss: Best | None
    best_accuracy: Best | None
    gap: tuple[float, tuple[float, float], int] | None
    diverged: bool
    error_rates: tuple[str, ...] = ()

    def named(self, text: str) -> str:
        """``text`` with each loss that was not recorded called what it is, an error rate."""
        for side in self.error_rates:
            text = text.replace(f"{side} loss", f"{side} error rate")
        return text

    @property
    def still_learning(self) -> bool:
        """Training still falls at the end, and validation falls too or at least does not rise."""
        train, val, rise = self.train_end, self.val_end, self.rise
        return bool(
            train is not None
            and train.state == "falling"
            and (val is None or val.state == "falling")
            and (rise is None or rise.answer != "yes")
        )

    @property
    def best_at(self) -> float | None:
        """When the validation images were recognised best, by their loss where it is recorded."""
        best = self.best_loss or self.best_accuracy
        return None if best is None else best.at


def falling(record: Record, side: str) -> Curve:
    """The loss of ``train`` or ``val``; where it is not recorded (or hardly), the error rate."""
    loss = record.get("train_loss" if side == "train" else "val_loss")
    accuracy = record.get("train_accuracy" if side == "train" else "val_accuracy")
    if not _stands_in(loss, accuracy):
        return loss
    return Curve(accuracy.at, 1 - accuracy.values, accuracy.source)


def _stands_in(loss: Curve, accuracy: Curve) -> bool:
    return len(loss) < min(3, len(accuracy))


def read_course(record: Record, seed: int = 0) -> Course:
    """Every question to the record, answered."""
    train, val = falling(record, "train"), falling(record, "val")
    rise = curves.rise_after_best(val, train)
    train_end, val_end = curves.ending(train), curves.ending(val)
    broken = curves.divergence(train)
    made = [
        _divergence(record, broken, curves.divergence(val)),
        _overfitting(record, rise),
        _still_learning(train_end, val_end),
        _plateau(record, train_end),
        _oscillation(curves.oscillation(train, seed)),
        _spikes(record, train, val),
    ]
    best_loss = curves.best_point(record.get("val_loss"), lower_is_better=True)
    best_accuracy = curves.best_point(record.get("val_accuracy"), lower_is_better=False)
    made.append(_best(record, best_loss, best_accuracy))
    gap = curves.recorded_gap(record.get("train_accuracy"), record.get("val_accuracy"))
    kept = _corrected([d for d in made if d is not None])
    diverged = broken is not None and broken.answer == "yes"
    rates = tuple(
        side
        for side, loss, accuracy in (
            ("training", "train_loss", "train_accuracy"),
            ("validation", "val_loss", "val_accuracy"),
        )
        if _stands_in(record.get(loss), record.get(accuracy))  # type: ignore[arg-type]
    )
    course = Course((), rise, train_end, val_end, best_loss, best_accuracy, gap, diverged, rates)
    named = (replace(d, name=course.named(d.name), sentence=course.named(d.sentence)) for d in kept)
    return replace(course, diagnoses=tuple(named))


def _corrected(made: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Benjamini–Hochberg over the questions that were answered by a test; what does not survive it is open."""
    tested = [d for d in made if d.p is not None]
    q = iter(benjamini_hochberg([d.p or 0.0 for d in tested])) if tested else iter(())
    kept = []
    for one in made:
        if one.p is not None:
            value = float(next(q))
            answer: Answer = "open" if one.answer == "yes" and value > curves.ALPHA else one.answer
            one = replace(one, q=value, answer=answer)
        kept.append(one)
    return kept


def when(at: float, unit: str) -> str:
    """``epoch 12`` or ``step 1,200``."""
    value = f"{at:,.0f}" if float(at).is_integer() else f"{at:,.2f}"
    return f"{unit} {value}"


def _divergence(
    record: Record, train: curves.Divergence | None, val: curves.Divergence | None
) -> Diagnosis | None:
    for which, found in (("training", train), ("validation", val)):
        if found is not None and found.answer == "yes" and not found.finite:
            return Diagnosis(
                "divergence",
                "yes",
                f"From {when(found.at, record.unit)} on the {which} loss is no finite number.",
            )
    if train is None:
        return None
    if train.answer == "yes":
        text = f"The training loss ends at {train.last:.3g}, above where it began ({train.first:.3g}): what was learned by {when(train.at, record.unit)} is lost."
        return Diagnosis("divergence", "yes", text)
    text = (
        "The training loss is finite throughout, and ends below where it began."
        if train.answer == "no"
        else "Too few points."
    )
    return Diagnosis("divergence", train.answer, text)


def _overfitting(record: Record, rise: Rise | None) -> Diagnosis | None:
    if rise is None:
        return None
    size = f"{number(rise.size)} {interval(rise.ci)} of its best level"
    best = when(rise.best, record.unit)
    if rise.answer == "yes":
        text = f"After its best at {best} the validation loss rises by {size} while the training loss falls (p {p_value(rise.p)})."
    elif rise.answer == "no" and rise.after == 0:
        text = f"The validation loss is at its best at the end ({best}): it does not rise while the training loss falls."
    elif rise.answer == "no":
        text = f"After its best at {best} the validation loss changes by {size}: a rise of {number(curves.MINIMUM_RISE)} or more is excluded."
    else:
        text = f"Whether the validation loss rises after its best at {best} is open (change {size}): {rise.reason}."
    return Diagnosis("validation loss rises while training loss falls", rise.answer, text, rise.p)


def _still_learning(train: curves.Ending | None, val: curves.Ending | None) -> Diagnosis | None:
    if train is None:
        return None
    change = f"{number(train.change, 'points').replace(' points', ' %')} over the last {train.n} points"
    if train.state == "falling":
        beside = {"falling": "the validation loss too", "rising": "the validation loss rises"}.get(
            val.state if val else "", "the validation loss does not clearly"
        )
        if val is not None:
            beside += f" (p {p_value(val.p)})"
        answer: Answer = (
            "yes" if val is None or val.state == "falling" else "open" if val.state == "open" else "no"
        )
        text = f"The training loss still falls at the end ({change}, p {p_value(train.p)}); {beside}."
        if answer == "yes":
            text += " Training may have stopped early, or the learning rate was too low to get further."
        return Diagnosis("still learning at the end", answer, text, max(train.p, val.p) if val else train.p)
    answer = "no" if train.state in ("flat", "rising") else "open"
    return Diagnosis(
        "still learning at the end", answer, f"The training loss {_ends(train)} ({change}).", train.p
    )


def _ends(end: curves.Ending) -> str:
    return {"flat": "is flat at the end", "rising": "rises at the end", "falling": "falls at the end"}.get(
        end.state, "neither clearly falls nor is clearly flat at the end"
    )


def _plateau(record: Record, train: curves.Ending | None) -> Diagnosis | None:
    if train is None:
        return None
    span = f"since {when(train.since, record.unit)}"
    if train.state == "flat":
        text = f"The training loss has not moved {span}: its change lies within {interval(train.ci, 'points').replace(' points', ' %')}."
        return Diagnosis("plateau", "yes", text)
    answer: Answer = "no" if train.state in ("falling", "rising") else "open"
    return Diagnosis("plateau", answer, f"The training loss {_ends(train)} ({span}).")


def _oscillation(saw: curves.Saw | None) -> Diagnosis | None:
    if saw is None:
        return None
    size = f"{number(saw.share)} {interval(saw.ci)} of its level from point to point"
    text = {
        "yes": f"In its second half the training loss jumps by {size}: the learning rate may be too high, or the batches too small.",
        "no": f"The training loss is smooth: it jumps by {size}.",
        "open": f"The training loss jumps by {size}; whether that is too much is open.",
    }[saw.answer]
    return Diagnosis("oscillation", saw.answer, text)


def _spikes(record: Record, train: Curve, val: Curve) -> Diagnosis | None:
    if len(train) < 6 and len(val) < 6:
        return None
    rate = record.get("learning_rate")
    for which, curve in (("training", train), ("validation", val)):
        found = curves.spikes(curve, rate)
        if found:
            top = found[0]
            high = ", where the learning rate is highest" if top.lr_share >= 0.9 else ""
            more = f" ({len(found)} such spikes)" if len(found) > 1 else ""
            text = f"The {which} loss leaps to {top.value:.3g} at {when(top.at, record.unit)}, {number(top.height)} above its neighbours{high}{more}."
            return Diagnosis("spikes", "yes", text)
    return Diagnosis("spikes", "no", "No point stands far above its neighbours.")


def _best(record: Record, loss: Best | None, accuracy: Best | None) -> Diagnosis | None:
    best = loss or accuracy
    if best is None:
        return None
    what = "loss" if loss is not None else "accuracy"
    if best.at == best.last_at:
        text = f"The last {record.unit} is the best one by validation {what}."
        return Diagnosis("an earlier epoch was better than the last", "no", text)
    unit = "points" if what == "accuracy" else "score"
    worse = number(best.worse, unit).lstrip("+")
    told = interval(best.ci, unit)
    clear = best.ci[0] > 0
    text = (
        f"By validation {what} {when(best.at, record.unit)} was best; the last ({when(best.last_at, record.unit)}) is {worse} {told} worse"
        + ("." if clear else ", which is within the noise of the curve.")
    )
    return Diagnosis("an earlier epoch was better than the last", "yes" if clear else "open", text)


def table(course: Course) -> Table:
    """All questions and answers."""
    rows: list[tuple[Cell, ...]] = [
        (
            d.name,
            _ANSWERS[d.answer],
            clean(d.sentence, 400),
            p_value(d.p) if d.p is not None else "",
            p_value(d.q) if d.q is not None else "",
        )
        for d in course.diagnoses
    ]
    return Table(
        "What the training record shows",
        ("question", "answer", "why", "p", "q"),
        tuple(rows),
        caption="p: of a question with two trends, the larger. q: Benjamini–Hochberg over the questions answered by a test.",
    )


def facts(record: Record, course: Course) -> tuple[Fact, ...]:
    """Where training began, was best and ended."""
    made = []
    last = max((float(c.at[-1]) for c in record.curves.values()), default=math.nan)
    made.append(Fact(f"last_{record.unit}", last, "score"))
    validation: tuple[tuple[str, Best | None, Unit, Direction], ...] = (
        ("val_loss", course.best_loss, "score", "lower_is_better"),
        ("val_accuracy", course.best_accuracy, "share", "higher_is_better"),
    )
    for what, best, unit, better in validation:
        if best is not None:
            made.append(Fact(f"best_{record.unit}", best.at, "score", f"by {what}"))
            made.append(Fact(what, best.value, unit, when(best.at, record.unit), None, None, better))
            if best.at != best.last_at:
                made.append(Fact(what, best.last, unit, when(best.last_at, record.unit), None, None, better))
    training: tuple[tuple[Quantity, Unit, Direction], ...] = (
        ("train_loss", "score", "lower_is_better"),
        ("train_accuracy", "share", "higher_is_better"),
    )
    for name, unit, way in training:
        curve = record.get(name).finite
        if len(curve):
            made.append(
                Fact(
                    name,
                    float(curve.values[-1]),
                    unit,
                    when(float(curve.at[-1]), record.unit),
                    None,
                    None,
                    way,
                )
            )
    if course.rise is not None:
        made.append(
            Fact(
                "val_loss_rise",
                course.rise.size,
                "share",
                "after the best",
                course.rise.ci,
                None,
                "lower_is_better",
            )
        )
    if course.gap is not None:
        mean, ci, _ = course.gap
        made.append(
            Fact(
                "generalisation_gap",
                mean,
                "points",
                "training record",
                ci if math.isfinite(ci[0]) else None,
                None,
                "lower_is_better",
            )
        )
    rate = record.get("learning_rate").finite
    if len(rate):
        made += [
            Fact("learning_rate", float(rate.values.max()), "score", "highest"),
            Fact("learning_rate", float(rate.values[-1]), "score", "at the end"),
        ]
    return tuple(made)
