"""Over- and underfitting: the gap that the model itself shows, and the training record that explains it.

A gap between training and evaluation images has many causes: images learned by heart, evaluation images that differ from the
training images, shortcuts that hold in one set only, wrong labels. So a gap alone confirms nothing, however large and however
near-perfect the training accuracy (a model that relies on a shortcut is near-perfect on its training images too). Learning by heart
has a course of its own: from some epoch on the validation loss rises while the training loss still falls. Both are asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact, Finding, Instrument, TestResult
from failsight.tools.history.diagnosis import Course
from failsight.tools.history.record import Record
from failsight.tools.performance import Comparison, Performance, compare, performance
from failsight.tools.shifts.comparison import ALPHA, MINIMUM_GAP
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import interval, number, p_value
from failsight.tools.verdicts import Judgement, Measured, judge
from failsight.tools.view import CaseView

TOOL = "training_record"
LOW = 0.80  # training accuracy below this, by at least SHORT, is what underfitting is asked about
SHORT = 0.05
LEARNED = 0.05  # gap from which images count as learned by heart, where the record shows it as well
GUESSING = 0.9  # share of the loss of guessing above which a model has learnt nothing worth the name
ELSEWHERE = 0.05  # a recorded accuracy so far above today's is that of a model that is fed otherwise
SMALLEST_P = 1e-300
FEWEST_POINTS = 3  # of a recorded gap, before it counts against overfitting
_TODAY = (
    "difference of accuracies, training minus evaluation images, at the class proportions of the training images (images permuted "
    "between the two within each class)"
)
_RECORDED = "difference of the accuracies at the end of the training record, training minus validation"
_GAP = (
    f"{_TODAY}; and a trend test of the validation loss after its best: both confirm. Refuted where the whole interval of that difference lies "
    f"below the minimum, or where the validation loss does not rise and the whole interval of another lies below {number(MINIMUM_GAP, 'points')}: "
    f"the {_RECORDED}"
)
_LOW = f"training accuracy against {number(LOW)} (binomial); and trend tests of both losses at the end"


@dataclass(frozen=True)
class Measurement:
    """Both splits as the model sees them today."""

    train: Performance
    data: Performance
    compared: Comparison


def measure(view: CaseView) -> tuple[Measurement | None, str]:
    """Register both plans, then measure; (None, why not) where there is nothing to compare."""
    if "train" not in view.splits() or not bool((view.table("train").labels >= 0).any()):
        return (
            None,
            "Without labelled training images (--train) the gap between training and evaluation images can't be measured.",
        )
    if not bool((view.table("data").labels >= 0).any()):
        return None, "Without labelled evaluation images there is no gap to measure."
    for plan in _plans(view):
        view.register(plan)
    try:
        train, data = (performance(view.predictions(s), seed=view.seed) for s in ("train", "data"))
    except RetryError as problem:
        return None, f"The gap could not be measured: {problem}"
    compared = compare(train, data)
    if not compared.shared:
        return None, "No class has both training and evaluation images: there is no gap to measure."
    return Measurement(train, data, compared), ""


def _plans(view: CaseView) -> tuple[Instrument, Instrument]:
    n = len(view.table("data"))
    return (
        Instrument(
            _finding("overfitting", "").key, TOOL, {},
            "The model has learned its training images by heart.", _GAP,
            "the training record: the validation loss must rise after its best while the training loss falls; without a record nothing is confirmed",
            LEARNED, ALPHA, n,
        ),
        Instrument(
            _finding("underfitting", "").key, TOOL, {},
            "The model has not even learned its training images.", _LOW,
            "the training record: both losses must still fall at the end, and the gap must stay below the minimum; without a record nothing is confirmed",
            SHORT, ALPHA, len(view.table("train")),
        ),
    )  # fmt: skip


def _finding(kind: str, statement: str) -> Finding:
    return Finding(kind, "correctness", "training_parameter", statement)  # type: ignore[arg-type]


def findings(made: Measurement, course: Course | None, record: Record | None = None) -> tuple[Finding, ...]:
    """Both hypotheses with their verdicts."""
    drop = made.compared.same_mix
    p_low = _below(made.train.accuracy.value, made.train.n)
    q_gap, q_low = (float(q) for q in benjamini_hochberg([drop.p, p_low]))
    gap = judge(Measured(drop.effect, drop.ci, drop.p, q_gap, drop.n), LEARNED, ALPHA)
    over = _overfitting(gap, course)
    shown = _deciding(over, made, course, q_gap)
    accuracy = made.train.accuracy
    short = (LOW - accuracy.ci[1], LOW - accuracy.ci[0])
    low = judge(Measured(LOW - accuracy.value, short, p_low, q_low, made.train.n), SHORT, ALPHA)
    under = _had_learnt(_underfitting(low, made, course, _of_guessing(made, record)), made, record)
    return (
        Finding(
            "overfitting", "correctness", "training_parameter", _gap_statement(made),
            n=made.data.n, error_rate=1 - made.data.accuracy.value, base_error_rate=1 - made.train.accuracy.value,
            ci=(1 - made.data.accuracy.ci[1], 1 - made.data.accuracy.ci[0]), p=shown.p, q=shown.q, verdict=over.verdict, tests=(shown,),
            note=over.reason,
        ),
        Finding(
            "underfitting", "correctness", "training_parameter",
            f"The model has not learnt its task, not even on the images it was trained on: it is right in {number(accuracy.value)} {interval(accuracy.ci)} of them.",
            n=made.train.n, error_rate=1 - accuracy.value, ci=(1 - accuracy.ci[1], 1 - accuracy.ci[0]), p=p_low, q=q_low, verdict=under.verdict,
            tests=(TestResult(TOOL, LOW - accuracy.value, short, p_low, made.train.n, under.verdict, None, _LOW, q_low),),
            note=under.reason,
        ),
    )  # fmt: skip


def _below(accuracy: float, n: int) -> float:
    """One-sided binomial p of ``the training accuracy is LOW or more``."""
    from scipy.special import bdtr

    return float(min(1.0, max(bdtr(round(accuracy * n), n, LOW), 1e-300)))


def _gap_statement(made: Measurement) -> str:
    drop = made.compared.same_mix
    return (
        f"The model has learnt its training images by heart: it is right in {number(made.train.accuracy.value)} of them and in "
        f"{number(made.data.accuracy.value)} of the evaluation images, a gap of {number(drop.effect, 'points')} {interval(drop.ci, 'points')} at equal class proportions."
    )


def _deciding(over: Judgement, made: Measurement, course: Course | None, q: float) -> TestResult:
    """The test of what decided: the recorded gap where that refutes, else today's gap; with the trend of the record where both confirm."""
    drop = made.compared.same_mix
    recorded = course.gap if course is not None else None
    if over.verdict == "refuted" and recorded is not None and drop.ci[1] >= LEARNED:
        value, ci, _ = recorded
        p = _above_none(value, ci)
        return TestResult(TOOL, value, ci, p, 0, "refuted", None, _RECORDED)
    rise = course.rise if course is not None else None
    if over.verdict == "confirmed" and rise is not None:
        both = f"{_TODAY}; p of both demands, of this and of the trend of the record, the larger"
        p = max(drop.p, rise.p)
        return TestResult(TOOL, drop.effect, drop.ci, p, drop.n, over.verdict, None, both, max(q, p))
    return TestResult(TOOL, drop.effect, drop.ci, drop.p, drop.n, over.verdict, None, _TODAY, q)


def _above_none(value: float, ci: tuple[float, float]) -> float:
    """One-sided p of no difference, by the normal distribution from which a 95 % interval was made."""
    error = (ci[1] - ci[0]) / (2 * 1.96)
    if error <= 0:
        return 1.0 if value <= 0 else SMALLEST_P
    return max(0.5 * math.erfc(value / error / math.sqrt(2)), SMALLEST_P)


def _overfitting(gap: Judgement, course: Course | None) -> Judgement:
    if gap.verdict != "confirmed":
        return gap
    if course is None or course.rise is None:
        return Judgement(
            "inconclusive",
            "The gap is there, but without a training record (with a validation curve) it can't be told from harder evaluation images, shortcuts or wrong labels.",
        )
    rise = course.rise
    if rise.answer == "yes":
        return Judgement(
            "confirmed",
            course.named(
                f"The gap is at least {number(LEARNED, 'points')}, and in the record the validation loss rises by {number(rise.size)} "
                f"after its best while the training loss falls (p {p_value(rise.p)})."
            ),
        )
    recorded = course.gap
    small = recorded is not None and recorded[2] >= FEWEST_POINTS and recorded[1][1] < MINIMUM_GAP
    if rise.answer == "no" and small and recorded is not None:
        return Judgement(
            "refuted",
            f"The gap is real but not learned by heart: in the record the {course.named('validation loss')} does not rise, and training and validation "
            f"accuracy end {number(recorded[0], 'points')} {interval(recorded[1], 'points')} apart. The evaluation images differ from those used for validation, or the model relies on something that holds in training only.",
        )
    why = rise.reason or course.named("the validation loss does not rise after its best")
    if recorded is not None and rise.answer == "no":
        why += f", though the recorded accuracies end {number(recorded[0], 'points')} apart"
    return Judgement(
        "inconclusive", f"The gap is there; the record does not show that it was learned by heart: {why}."
    )


def _of_guessing(made: Measurement, record: Record | None) -> float:
    """The last recorded training loss as a multiple of that of guessing, log k (cross entropy); 0 where it is not recorded."""
    if record is None:
        return 0.0
    losses = record.get("train_loss").finite.values
    classes = int((made.train.confusion.sum(1) > 0).sum())
    return float(losses[-1]) / math.log(classes) if len(losses) and classes > 1 else 0.0


def _had_learnt(judged: Judgement, made: Measurement, record: Record | None) -> Judgement:
    """A model that was right more often at the end of its training than it is on its training images now has not failed to
    learn: it is fed differently, or is another one."""
    if judged.verdict != "confirmed" or record is None:
        return judged
    for name, which in (("train_accuracy", "training"), ("val_accuracy", "held-out")):
        values = record.get(name).finite.values  # type: ignore[arg-type]
        if len(values) and float(values[-1]) > made.train.accuracy.ci[1] + ELSEWHERE:
            return Judgement(
                "inconclusive",
                f"The training accuracy is low now, but the record ends with {number(float(values[-1]))} of the {which} images right: the model had "
                "learnt more than it shows, and is fed differently, or is not the one of this record.",
            )
    return judged


def _underfitting(low: Judgement, made: Measurement, course: Course | None, of_guessing: float) -> Judgement:
    if low.verdict == "refuted":
        return Judgement(
            "refuted", f"Its training accuracy is above {number(LOW - SHORT)}, interval and all."
        )
    if low.verdict != "confirmed":
        return Judgement(
            "inconclusive", f"Whether the training accuracy lies below {number(LOW - SHORT)} is open."
        )
    if made.compared.same_mix.effect >= MINIMUM_GAP:
        return Judgement(
            "inconclusive",
            "The training accuracy is low, but the evaluation images are far worse still: more than a lack of learning.",
        )
    if course is None or course.train_end is None:
        return Judgement(
            "inconclusive",
            "The training accuracy is low; without a training record it can't be told whether training stopped early or wrong labels set a ceiling.",
        )
    if of_guessing >= GUESSING:
        return Judgement(
            "confirmed",
            f"The training accuracy is low, and the training loss ended at {number(of_guessing)} of that of guessing: it has hardly begun to learn.",
        )
    if course.still_learning:
        return Judgement(
            "confirmed",
            "The training accuracy is low, and both losses still fall at the end: training stopped before it was done.",
        )
    if course.diverged:
        return Judgement(
            "confirmed", "The training accuracy is low, and the record shows that training diverged."
        )
    return Judgement(
        "inconclusive",
        "The training accuracy is low, but the record has levelled off: too small a model and a ceiling set by wrong labels look the same here.",
    )


def open_hypothesis(course: Course) -> tuple[Finding, ...]:
    """What the record alone raises, where the gap can't be measured: stated, not judged."""
    if course.rise is not None and course.rise.answer == "yes":
        text = (
            f"The model may have learned its training images by heart: its validation loss rose by {number(course.rise.size)} after its best "
            "while the training loss fell."
        )
        return (
            Finding(
                "overfitting",
                "correctness",
                "training_parameter",
                course.named(text),
                p=course.rise.p,
                note="The gap itself could not be measured.",
            ),
        )
    return ()


def gap_facts(made: Measurement) -> tuple[Fact, ...]:
    """Accuracy on both splits and the gap."""
    train, data, drop = made.train.accuracy, made.data.accuracy, made.compared.same_mix
    return (
        Fact("accuracy", train.value, "share", "split train", train.ci, train.n, "higher_is_better"),
        Fact("accuracy", data.value, "share", "", data.ci, data.n, "higher_is_better"),
        Fact(
            "accuracy_drop_same_mix",
            drop.effect,
            "points",
            "train to data",
            drop.ci,
            drop.n,
            "lower_is_better",
        ),
    )
