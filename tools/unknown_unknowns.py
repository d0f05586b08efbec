"""unknown_unknowns: errors made with conviction, what they have in common, how many more to expect, what to label next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Instrument
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.slices.columns import Coded, encode_columns
from failsight.tools.unknowns import report
from failsight.tools.unknowns.blind_spots import BlindSpots, find_blind_spots
from failsight.tools.unknowns.expected import Expected, expected_errors
from failsight.tools.unknowns.to_label import Choice, atypicality, label_plan
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@tool(
    cost="pass",
    needs=("scores",),
    answers=("performance.6",),
    decides=("overconfidence",),
    reads_attributes=True,
)
def unknown_unknowns(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Only answers of this class (as predicted).", max_length=200)
    ] = None,
    confidence: Annotated[
        float, Field(description="From which confidence on an error counts as confident.", ge=0.5, le=0.999)
    ] = 0.9,
    budget: Annotated[int, Field(description="How many images can be labelled next.", ge=2, le=1000)] = 40,
    uncertain_share: Annotated[
        float,
        Field(
            description="Share of the budget for images the model is unsure of; the rest goes to confident, atypical ones.",
            ge=0,
            le=1,
        ),
    ] = 0.5,
    plan_for: Annotated[
        Literal["pool", "deploy", "data"] | None,
        Field(
            description="Where to label: pool, deploy or data; by default the first of these that the case has."
        ),
    ] = None,
) -> Evidence:
    """Group and describe the errors made with high confidence, estimate how many more are undiscovered, and plan what to label next.

    Groups of confident errors (by the model's features and by attribute values) are suggested by one half of the confident
    answers and tested on the other, within predicted classes. The rate of confident errors of each predicted class gives
    the number to expect among images without labels, with its interval. The plan joins uncertain images (DeepGini) and
    confident ones that look unlike the right answers of their class.
    """
    need_labels(view, "data")
    predictions = view.predictions("data")
    if not predictions.has_scores:
        raise RetryError(
            "These predictions come without class probabilities, so it is not known how sure the model is: "
            "give a column of probabilities for each class, or the model itself."
        )
    wanted = class_index(predictions.classes, class_name) if class_name else None
    notes: list[str] = []
    target, unseen = _target(view, plan_for, notes)
    given = {
        "class_name": class_name,
        "confidence": confidence,
        "budget": budget,
        "uncertain_share": uncertain_share,
        "plan_for": plan_for,
    }
    plan = _register(view, predictions, confidence, given)
    known = _Answers(predictions, _features(view, "data", predictions), confidence, wanted)
    if not known.labelled.any():
        raise RetryError("No labelled image is answered with this class.")
    spots = _spots(view, known, notes)
    unknown = _Answers(unseen, _features(view, target, unseen), confidence, wanted)
    expected = _expected(known, unknown, target)
    choices = _choices(known, unknown, budget, uncertain_share, view.seed, target == "data")
    name = predictions.classes[wanted] if wanted is not None else None
    told = report.Told(
        view, known, unknown, spots, expected, tuple(choices), target, name, confidence, budget
    )
    images, figures = report.pictures(told)
    return Evidence(
        tool="unknown_unknowns",
        arguments=given,
        title="Errors made with conviction, and where more may hide",
        summary=report.summary(told),
        facts=report.facts(told, plan.id),
        tables=report.tables(told),
        figures=figures,
        images=images,
        questions=("performance.6",),
        findings=report.findings(told),
        notes=(*notes, *report.notes(told), *left_out_notes("data", predictions.left_out)),
        next_steps=report.next_steps(told),
    )


@dataclass(frozen=True)
class _Answers:
    """The answers of one split.

    Attributes:
        predictions: of the whole split.
        features: (n, c) of every prediction, NaN rows where unknown; None without any.
        confidence: from which an answer is confident.
        wanted: the predicted class that is looked at, None for all.
    """

    predictions: Predictions
    features: Floats | None
    confidence: float
    wanted: int | None

    @property
    def inside(self) -> Mask:
        """(n,) answers that are looked at."""
        p = self.predictions
        return np.ones(len(p), bool) if self.wanted is None else p.predicted == self.wanted

    @property
    def sure(self) -> Mask:
        """(n,) confident ones among them."""
        made: Mask = self.inside & (self.predictions.confidence >= self.confidence)
        return made

    @property
    def labelled(self) -> Mask:
        """(n,) those with a label among them."""
        made: Mask = self.inside & self.predictions.labelled
        return made

    @property
    def errors(self) -> Ints:
        """Positions of the confident errors, most confident first."""
        at = np.flatnonzero(self.sure & self.labelled & ~self.predictions.correct)
        return at[np.argsort(-self.predictions.confidence[at], kind="stable")]


def _target(
    view: CaseView, wanted: Literal["pool", "deploy", "data"] | None, notes: list[str]
) -> tuple[Split, Predictions]:
    """Where to label, and the answers there: what is asked for, else the first split that there are answers for.

    Raises:
        RetryError: the case lacks the split that is asked for, or answers for it.
    """
    has = list(view.splits())
    if wanted is not None and wanted not in has:
        raise RetryError(f"This case has no {called(wanted)} to label.", has)
    places: tuple[Split, ...] = ("pool", "deploy", "data")
    for split in (wanted,) if wanted else [s for s in places if s in has]:
        try:
            predictions = view.predictions(split)
        except RetryError as problem:
            if wanted or split == "data":
                raise
            notes.append(f"The {called(split)} were not looked at: {problem}")
            continue
        if split != "data":
            notes += left_out_notes(split, predictions.left_out)
        return split, predictions
    raise RetryError("This case has no images to label.", has)


def _register(
    view: CaseView, predictions: Predictions, confidence: float, given: dict[str, float | str | None]
) -> Instrument:
    """Journal how groups of confident errors are judged, before any is formed."""
    plan = Instrument(
        finding=report.PLAN_KEY,
        tool="unknown_unknowns",
        arguments=given,
        statement="Some group of confident answers is wrong more often than other confident answers of the same class.",
        statistic="rate of errors in the group minus elsewhere within predicted classes, on the half that did not suggest it; "
        "one-sided exact test, Benjamini–Hochberg over all groups carried over",
        control="confident answers of the same predicted class outside the group",
        minimum_effect=0.05,
        alpha=0.05,
        n_planned=int((predictions.labelled & (predictions.confidence >= confidence)).sum()),
    )
    view.register(plan)
    return plan


def _features(view: CaseView, split: Split, predictions: Predictions) -> Floats | None:
    """(n, c) features in the order of the predictions, NaN where not read; None where the model shows none."""
    try:
        rows, features = view.features(split)
    except RetryError:
        return None
    if not len(rows):
        return None
    made = np.full((len(predictions), features.shape[1]), np.nan, np.float32)
    at = np.searchsorted(predictions.rows, rows)
    there = (at < len(predictions.rows)) & (predictions.rows[np.minimum(at, len(predictions) - 1)] == rows)
    made[at[there]] = features[there]
    return made


def _spots(view: CaseView, known: _Answers, notes: list[str]) -> BlindSpots | None:
    """The search for what confident errors have in common."""
    keep = known.sure & known.labelled
    wrong = ~known.predictions.correct[keep]
    if not wrong.any():
        return None
    columns: Sequence[Coded] = ()
    try:
        table = view.attributes("data")
        if np.array_equal(table.rows, known.predictions.rows):
            columns, said = encode_columns(table, keep, None)
            notes += said
    except RetryError as problem:
        notes.append(str(problem))
    features = None if known.features is None else known.features[keep]
    return find_blind_spots(columns, features, wrong, known.predictions.predicted[keep], seed=view.seed)


def _expected(known: _Answers, unknown: _Answers, target: Split) -> Expected | None:
    """Confident errors to expect among the images to label; None where these are the labelled ones themselves."""
    known_at = known.sure & known.labelled
    asked = unknown.inside & ~unknown.predictions.labelled if target == "data" else unknown.inside
    if not known_at.any() or not asked.any():
        return None
    p = known.predictions
    return expected_errors(
        p.predicted[known_at],
        ~p.correct[known_at],
        unknown.predictions.predicted[asked & unknown.sure],
        int(asked.sum()),
        len(p.classes),
    )


def _choices(
    known: _Answers, unknown: _Answers, budget: int, share: float, seed: int, same_split: bool
) -> list[Choice]:
    """The plan, as positions in the prediction table of the images to label."""
    p = unknown.predictions
    at = np.flatnonzero(unknown.inside)
    unlabelled = at[p.labels[at] < 0]
    if same_split and len(unlabelled):
        at = unlabelled
    if not len(at):
        return []
    atypical = None
    points: Floats = p.scores[at]
    if unknown.features is not None and known.features is not None:
        points = unknown.features[at]
        right = np.flatnonzero(known.predictions.correct)
        own = None
        if same_split:
            place = np.full(len(p), -1, np.int64)
            place[right] = np.arange(len(right))
            own = place[at]
        atypical = atypicality(
            points, p.predicted[at], known.features[right], known.predictions.predicted[right], own, seed
        )
    made = label_plan(
        p.scores[at], points, atypical, budget,
        confidence=known.confidence, uncertain_share=share, confidences=p.confidence[at],
    )  # fmt: skip
    return [Choice(int(at[c.position]), c.why, c.gini, c.atypical) for c in made]
