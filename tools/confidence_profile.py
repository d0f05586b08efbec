"""confidence_profile: do confidences mean what they say, and which errors are made with conviction?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import (
    Cell,
    Evidence,
    Fact,
    Figure,
    Finding,
    ImageRef,
    Instrument,
    Interval,
    Table,
    TestResult,
)
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.charts import reliability as diagram
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes, need_labels, of_split
from failsight.tools.registry import tool
from failsight.tools.stats.calibration import (
    Bin,
    calibration_error_interval,
    expected_calibration_error,
    overconfidence,
    reliability,
)
from failsight.tools.stats.intervals import mean_interval, wilson
from failsight.tools.stats.tests import normal_p
from failsight.tools.text import clean, counted, interval, listing, number
from failsight.tools.view import CaseView

MINIMUM_GAP = (
    0.05  # mean confidence above accuracy: below this nobody acts on it; fixed before anything is measured
)
CONFIDENT = 0.9
SHOWN = 12
FEWEST = 30  # images below which a gap is measured but no finding is raised
TIED = 0.01  # share of images whose top score is shared by several classes that is worth a warning
MOST_CLASSES = 40

Mask = npt.NDArray[np.bool_]


@tool(cost="pass", needs=("scores",), answers=("performance.5", "performance.6"), decides=("overconfidence",))
def confidence_profile(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Only images that are predicted to be of this class.", max_length=200)
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Measure calibration: expected calibration error, confidence of right and wrong answers, and the most confident errors.

    Intervals are 95 %. The model is called overconfident when its mean confidence exceeds its accuracy by at least
    5 points and the interval excludes less. Scores that carry no ranking (ties, a capped range) are pointed out.
    """
    split = check_split(view, split)
    need_labels(view, split)
    predictions = view.predictions(split)
    if not predictions.has_scores:
        raise RetryError(
            "These predictions come without class probabilities, so their confidence is not known: "
            "give a column of probabilities for each class, or the model itself."
        )
    wanted = class_index(predictions.classes, class_name) if class_name else None
    inside = predictions.labelled & ((predictions.predicted == wanted) if wanted is not None else True)
    if not inside.any():
        about = f" predicted to be {clean(class_name, 60)}" if class_name else ""
        raise RetryError(f"There are no labelled {called(split)}{about}.")
    name = predictions.classes[wanted] if wanted is not None else None
    if split == "data":
        view.register(_plan(name, int(inside.sum())))
    made = _profile(predictions, inside, view.seed)
    errors = _confident_errors(predictions, inside)
    images = references(view, predictions, errors[:SHOWN])
    oddities = score_oddities(predictions.scores[inside])
    return Evidence(
        tool="confidence_profile",
        arguments={"class_name": class_name, "split": split},
        title="Whether its confidence can be trusted",
        summary=_summary(made, split, name, len(errors)),
        facts=_facts(made, split, name, len(errors)),
        tables=tuple(t for t in (_bin_table(made.bins), _class_table(predictions, inside, wanted)) if t.rows),
        figures=_figures(view, made, images, len(errors)),
        images=images,
        questions=("performance.5", "performance.6"),
        findings=_findings(made, split, name),
        notes=(*oddities, *left_out_notes(split, predictions.left_out)),
        next_steps=_next_steps(made, len(errors)),
    )


@dataclass(frozen=True, slots=True)
class Profile:
    """What is measured of the images at hand; ``gap`` is mean confidence minus accuracy."""

    n: int
    accuracy: float
    confidence: float
    gap: float
    gap_ci: Interval
    p: float  # of the null hypothesis that the gap is no larger than the minimum
    ece: float
    ece_ci: Interval
    bins: tuple[Bin, ...]
    right: tuple[float, Interval, int]
    wrong: tuple[float, Interval, int]

    @property
    def overconfident(self) -> bool:
        """Beyond the stated minimum, interval and all, on enough images."""
        return self.n >= FEWEST and self.gap_ci[0] >= MINIMUM_GAP


def _plan(name: str | None, n: int) -> Instrument:
    """How overconfidence will be judged, journalled before the first confidence is looked at."""
    finding = Finding("overconfidence", "correctness", "training_parameter", "", class_name=name)
    about = f" when it answers {clean(name, 60)}" if name else ""
    return Instrument(
        finding.key, "confidence_profile", {"class_name": name}, f"The model is surer than it is right{about}.",
        "mean confidence minus accuracy; the whole interval must lie above the minimum", "the accuracy on the same images", MINIMUM_GAP, 0.05, n,
    )  # fmt: skip


def _profile(predictions: Predictions, inside: Mask, seed: int) -> Profile:
    confidence = np.clip(predictions.confidence[inside].astype(np.float64), 0, 1)
    correct = predictions.correct[inside]
    gap, gap_ci = overconfidence(confidence, correct, seed=seed)
    return Profile(
        n=len(correct),
        accuracy=float(correct.mean()),
        confidence=float(confidence.mean()),
        gap=gap,
        gap_ci=gap_ci,
        p=_beyond_minimum(confidence - correct),
        ece=expected_calibration_error(confidence, correct),
        ece_ci=calibration_error_interval(confidence, correct, seed=seed),
        bins=reliability(confidence, correct),
        right=_mean(confidence[correct]),
        wrong=_mean(confidence[~correct]),
    )


def _beyond_minimum(gaps: npt.NDArray[np.float64]) -> float:
    """One-sided p of a mean gap above the minimum (normal approximation); 1 without spread."""
    spread = float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0
    if spread == 0:
        return 1.0
    return normal_p((float(gaps.mean()) - MINIMUM_GAP) / (spread / math.sqrt(len(gaps))), "greater")


def _mean(values: npt.NDArray[np.float64]) -> tuple[float, Interval, int]:
    if not len(values):
        return math.nan, (math.nan, math.nan), 0
    low, high = mean_interval(values)
    return float(values.mean()), (max(0.0, low), min(1.0, high)), len(values)


def _confident_errors(predictions: Predictions, inside: Mask) -> npt.NDArray[np.int64]:
    """Positions of the wrong predictions with confidence of at least 0.9, most confident first."""
    at = np.flatnonzero(inside & ~predictions.correct & (predictions.confidence >= CONFIDENT))
    return at[np.argsort(-predictions.confidence[at], kind="stable")]


def score_oddities(scores: npt.NDArray[np.float32]) -> list[str]:
    """Sentences about scores that do not rank: exact ties at the top, a range that is cut, answers that are all or nothing.

    Args:
        scores: (n, classes) probabilities.
    """
    if scores.shape[0] == 0 or scores.shape[1] < 2:
        return []
    notes = []
    top = scores.max(1)
    tied = (scores == top[:, None]).sum(1) > 1
    if tied.mean() >= TIED:
        notes.append(
            f"In {number(float(tied.mean()))} of the images several classes share the highest score exactly; which of them is the "
            "prediction is an accident of their order. The model's outputs seem to be cut off (for instance by a ReLU or a clamp before the softmax)."
        )
    floor = scores.min(1)
    cut = float(((scores == floor[:, None]).sum(1)[floor > 0] > 1).sum() / len(scores))
    if scores.shape[1] > 2 and cut >= 0.2:
        notes.append(
            f"In {number(cut)} of the images several classes share the lowest score exactly, and it is not zero: the outputs are cut off "
            "below (for instance by a ReLU before the softmax). Classes it has ruled out still get their share, which holds every confidence down."
        )
    levels, times = np.unique(top, return_counts=True)
    share = float(times.max() / len(top))
    if len(top) >= FEWEST and share >= 0.05 and share > 2 * float(tied.mean()):
        level = float(levels[times.argmax()])
        why = (
            "the scores are saturated"
            if level >= 0.999
            else "the outputs have a ceiling, and above it the model can't tell sure from surer"
        )
        notes.append(
            f"{number(share)} of the images have exactly the same confidence, {number(level)}: {why}."
        )
    if len(top) >= FEWEST and float(top.max()) < CONFIDENT:
        notes.append(
            f"No confidence exceeds {number(float(top.max()))}: the scale is compressed, so read it as a ranking, not as a probability."
        )
    return notes


def _summary(made: Profile, split: str, name: str | None, confident: int) -> str:
    of = f" predicted to be {clean(name, 60)}" if name else ""
    modest = " The model is less sure than it could be." if made.gap_ci[1] <= -MINIMUM_GAP else ""
    text = (
        f"On {made.n:,} {called(split)}{of} mean confidence is {number(made.confidence)} and {number(made.accuracy)} are right: "
        f"a gap of {number(made.gap, 'points')} {interval(made.gap_ci, 'points')}. "
        f"Expected calibration error {number(made.ece)} {interval(made.ece_ci)}.{modest}"
    )
    if made.wrong[2]:
        text += f" Wrong answers have a mean confidence of {number(made.wrong[0])}; {confident:,} of {made.wrong[2]:,} errors are made with at least {number(CONFIDENT)}."
    return text


def _facts(made: Profile, split: str, name: str | None, confident: int) -> tuple[Fact, ...]:
    of = of_split(split, f"class {name}" if name else "")
    facts = [
        Fact("ece", made.ece, "share", of, made.ece_ci, made.n, "lower_is_better"),
        Fact("overconfidence", made.gap, "points", of, made.gap_ci, made.n, "lower_is_better"),
        Fact("mean_confidence", made.confidence, "share", of, None, made.n),
    ]
    for kind, (value, ci, n) in (("right", made.right), ("wrong", made.wrong)):
        if n:
            facts.append(Fact(f"mean_confidence_{kind}", value, "share", of, ci if n > 1 else None, n))
    wrong = made.wrong[2]
    if wrong:
        share, ci = confident / wrong, wilson(confident, wrong)
        facts.append(Fact("confident_errors", share, "share", of, ci, wrong, "lower_is_better"))
    return tuple(facts)


def _bin_table(bins: Sequence[Bin]) -> Table:
    rows = tuple(
        (
            f"{number(b.low)} to {number(b.high)}",
            b.n,
            b.confidence,
            b.accuracy,
            interval(b.ci),
            b.confidence - b.accuracy,
        )
        for b in bins
    )
    return Table(
        "Reliability",
        ("confidence", "images", "mean confidence", "right", "interval", "gap"),
        rows,
        ("text", "count", "share", "share", "text", "points"),
    )


def _class_table(predictions: Predictions, inside: Mask, wanted: int | None) -> Table:
    """Mean confidence and accuracy by predicted class, largest gap first; not for a single class."""
    rows: list[tuple[Cell, ...]] = []
    for c in range(len(predictions.classes)) if wanted is None else ():
        part = inside & (predictions.predicted == c)
        n = int(part.sum())
        if n:
            sure, right = float(predictions.confidence[part].mean()), int(predictions.correct[part].sum())
            rows.append(
                (predictions.classes[c], n, sure, right / n, interval(wilson(right, n)), sure - right / n)
            )
    rows.sort(key=lambda r: -float(r[5] or 0))
    return Table(
        "By predicted class",
        ("predicted class", "images", "mean confidence", "right", "interval", "gap"),
        tuple(rows[:MOST_CLASSES]),
        ("text", "count", "share", "share", "text", "points"),
        "Largest gap first. A positive gap is overconfidence."
        + (
            f" {counted(len(rows) - MOST_CLASSES, 'more class is', 'more classes are')} not shown."
            if len(rows) > MOST_CLASSES
            else ""
        ),
    )


def _figures(view: CaseView, made: Profile, images: Sequence[ImageRef], confident: int) -> tuple[Figure, ...]:
    bins = [(b.confidence, Mark(b.accuracy, *b.ci), b.n) for b in made.bins]
    words = listing([f"at {number(c)} confidence {number(m.value)} are right" for c, m, _ in bins], 6)
    alt = f"Reliability diagram: {words}. The diagonal is perfect calibration."
    svg = diagram("Reliability", alt, bins)
    figure = view.save_figure("reliability", svg, title="Reliability", alt=alt)
    sheet_alt = f"The {len(images)} most confident of {confident} errors made with at least {number(CONFIDENT)} confidence."
    sheet = (
        contact_sheet(view, images, name="confident_errors", title="Confident errors", alt=sheet_alt)
        if images
        else None
    )
    return (figure, sheet) if sheet else (figure,)


def _findings(made: Profile, split: str, name: str | None) -> tuple[Finding, ...]:
    if not made.overconfident or split != "data":
        return ()
    of = f" when it answers {clean(name, 60)}" if name else ""
    return (
        Finding(
            "overconfidence", "correctness", "training_parameter",
            f"The model is surer than it is right{of}: mean confidence {number(made.confidence)}, right in {number(made.accuracy)}, "
            f"a gap of {number(made.gap, 'points')} {interval(made.gap_ci, 'points')}.",
            class_name=name, n=made.n, p=made.p, verdict="confirmed",
            tests=(TestResult("confidence_profile", made.gap, made.gap_ci, made.p, made.n, "confirmed", statistic="mean confidence minus accuracy"),),
            note=f"The whole interval of the gap lies above the {number(MINIMUM_GAP, 'points')} set beforehand.",
        ),
    )  # fmt: skip


def _next_steps(made: Profile, confident: int) -> tuple[str, ...]:
    steps = []
    if confident >= 5:
        steps.append("Look through the confident errors: wrong labels and unknown unknowns show there first.")
    if made.overconfident:
        steps.append(
            "Before a threshold is put on the confidence, recalibrate it on held-out images (temperature scaling)."
        )
    return tuple(steps)
