"""The slice search on the images of a case: what is searched, and everything that was measured about each slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.slice_columns import Coded, encode_columns
from failsight.tools.stats.association import Pull, prediction_tables, pull, screen_pulls
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.slices import SearchSettings, SliceReport, TestedSlice, find_slices
from failsight.tools.view import CaseView

Target = Literal["error", "confident_error", "loss"]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MOST_WORK = 2e10  # attribute triples × images above which only pairs are searched: minutes
TAIL = 0.1  # share of the images in the slice for which the smallest visible excess is stated
SCREEN = 2.0  # standard errors below which a pull is not looked at closer


@dataclass(frozen=True)
class Search:
    """The images that take part, coded, and the outcome.

    Attributes:
        predictions: of the whole split.
        positions: (n,) places of the images in the prediction table.
        labels, predicted: (n,) classes.
        confidence: (n,) of the prediction.
        wrong: (n,) whether the prediction is wrong.
        target: (n,) what was searched, in [0, 1].
        attributes: the coded attributes; the class, where it is a condition, comes after them.
        class_column: position of the class among the conditions, None within one class.
        confirmation: (n,) the half that tests.
        report: the outcome.
        notes: what was left out.
    """

    split: Split
    classes: tuple[str, ...]
    predictions: Predictions
    positions: Codes
    labels: Codes
    predicted: Codes
    confidence: npt.NDArray[np.float64]
    wrong: Mask
    target: npt.NDArray[np.float64]
    attributes: tuple[Coded, ...]
    class_column: int | None
    confirmation: Mask
    report: SliceReport
    notes: tuple[str, ...]

    def inside(self, found: TestedSlice) -> Mask:
        """(n,) images of a slice."""
        mask = np.ones(len(self.labels), bool)
        for column, code in found.conjunction.conditions:
            mask &= (self.labels if column == self.class_column else self.attributes[column].codes) == code
        return mask


def search(
    view: CaseView,
    split: Split,
    *,
    attributes: Sequence[str] | None,
    within: int | None,
    target: Target,
    confidence: float,
    group_by: str | None,
    settings: SearchSettings,
) -> Search:
    """Code the attributes, choose the target, search.

    Raises:
        RetryError: unknown attributes; nothing to search; scores are needed and missing.
    """
    predictions = view.predictions(split)
    table = view.attributes(split)
    keep = predictions.labelled if within is None else predictions.labels == within
    if not keep.any():
        raise RetryError("None of these images has both a label and a prediction.")
    goal = _target(predictions, target, confidence)[keep]
    coded, notes = encode_columns(table, keep, attributes)
    if not coded:
        raise RetryError("There is no attribute to make slices of.", table.columns)
    groups = _groups(table, keep, group_by)
    labels = predictions.labels[keep].astype(np.int64)
    matrix, class_column = _matrix(coded, labels, within)
    settings = _settled(settings, coded, matrix, class_column, notes)
    report = find_slices(matrix, goal, groups=groups, settings=settings)
    return Search(
        split=split,
        classes=predictions.classes,
        predictions=predictions,
        positions=np.flatnonzero(keep).astype(np.int64),
        labels=labels,
        predicted=predictions.predicted[keep],
        confidence=predictions.confidence[keep].astype(np.float64),
        wrong=~predictions.correct[keep],
        target=goal,
        attributes=tuple(coded),
        class_column=class_column,
        confirmation=~report.discovery,
        report=report,
        notes=tuple(notes),
    )


def _settled(
    settings: SearchSettings,
    coded: Sequence[Coded],
    matrix: Codes,
    class_column: int | None,
    notes: list[str],
) -> SearchSettings:
    """The settings that fit these columns: what is not recorded stands in for what is; no triples where they take minutes."""
    n, width = matrix.shape
    triples = width * (width - 1) * (width - 2) // 6
    depth = settings.depth
    if depth == 3 and triples * n > MOST_WORK:
        depth = 2
        notes.append("With so many attributes and images only single values and pairs were searched.")
    stand_ins = frozenset(i for i, c in enumerate(coded) if c.source != "metadata")
    return replace(settings, depth=depth, class_column=class_column, stand_ins=stand_ins)


def _matrix(coded: Sequence[Coded], labels: Codes, within: int | None) -> tuple[Codes, int | None]:
    """(n, a) codes, the class last where there is more than one."""
    columns = [c.codes for c in coded]
    if within is not None or len(np.unique(labels)) < 2:
        return np.stack(columns, axis=1), None
    return np.stack([*columns, labels], axis=1), len(columns)


def _target(predictions: Predictions, target: Target, confidence: float) -> npt.NDArray[np.float64]:
    wrong = (~predictions.correct).astype(np.float64)
    if target == "error":
        return wrong
    if not predictions.has_scores:
        raise RetryError(
            f"target={target} needs class probabilities, and this case has predictions only.", ["error"]
        )
    if target == "confident_error":
        return wrong * (predictions.confidence >= confidence)
    true = np.maximum(predictions.labels, 0)
    score = predictions.scores[np.arange(len(predictions)), true].astype(np.float64)
    loss: npt.NDArray[np.float64] = np.clip(1.0 - score, 0.0, 1.0)
    return loss


def _groups(table: AttributeTable, keep: Mask, name: str | None) -> Codes | None:
    """One code a group; images without a value are groups of their own."""
    if name is None:
        return None
    if name not in table.columns:
        raise RetryError(f"There is no column {name!r} to group by.", table.columns)
    values = [str(v) for v in table.columns[name][keep].tolist()]
    unknown = {"None", "nan"}
    named = [v if v not in unknown else f"\0{i}" for i, v in enumerate(values)]
    groups: Codes = np.unique(np.array(named, object).astype(str), return_inverse=True)[1].astype(np.int64)
    return groups


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors in a slice and elsewhere, on the half that tests.

    Attributes:
        n, n_out: images inside and outside.
        rate, rate_out: share that is wrong.
        ci: 95 % interval of ``rate``.
        difference, difference_ci: rate minus rate_out.
        into, into_share: the wrong class that is predicted most often inside, and its share of the errors there;
            None without errors.
    """

    n: int
    rate: float
    ci: tuple[float, float]
    n_out: int
    rate_out: float
    difference: float
    difference_ci: tuple[float, float]
    into: int | None
    into_share: float


def errors_of(found: Search, inside: Mask) -> Errors:
    """Errors of some images against all others, on the confirmation half."""
    there, other = inside & found.confirmation, ~inside & found.confirmation
    n, k, n0, k0 = (
        int(x) for x in (there.sum(), found.wrong[there].sum(), other.sum(), found.wrong[other].sum())
    )
    rate, rate_out = k / n if n else 0.0, k0 / n0 if n0 else 0.0
    wrong = found.predicted[there & found.wrong]
    counts = np.bincount(wrong, minlength=1)
    into = int(counts.argmax()) if len(wrong) else None
    share = float(counts.max() / len(wrong)) if len(wrong) else 0.0
    ci = newcombe(k, n, k0, n0)
    return Errors(n, rate, wilson(k, n), n0, rate_out, rate - rate_out, ci, into, share)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """An attribute value that goes with a wrong prediction among images of the same true class.

    Attributes:
        attribute: position among the coded attributes.
        found: the pull (see ``Pull``): value, predicted class, differences with intervals, p.
        q: p after Benjamini–Hochberg over all attribute values and predicted classes.
        n, rate: images of other true classes with the value, and the share of them called ``found.predicted``.
        n_out, rate_out: the same without the value.
    """

    attribute: int
    found: Pull
    q: float
    n: int
    rate: float
    n_out: int
    rate_out: float


def suspicions(found: Search, *, q: float, min_effect: float, floor: int) -> list[Suspicion]:
    """Attributes that pull predictions their way, strongest first, each beside those before it.

    Every value of every attribute is compared with the rest for every predicted class, within true classes, over all
    images: nothing was selected, so nothing has to be set aside; Benjamini–Hochberg runs over all of them. An
    attribute counts when the wrong predictions of the class (images of other true classes) rise by at least
    ``min_effect`` with an interval above zero, when the other classes offer at least ``floor`` pairs to compare, when most further
    errors go to that class, and when they still do within the values of the attributes listed before it.
    """
    # a picture's own statistics (brightness, hue …) are what any model of pictures goes by: no suspicion in itself
    named = [a for a, coded in enumerate(found.attributes) if coded.source != "computed"]
    screened = [(a, *_screen(found, a, floor)) for a in named]
    pulls = [(a, one) for a, ones, _ in screened for one in ones]
    adjusted = benjamini_hochberg([one.p for _, one in pulls] + [1.0] * sum(rest for *_, rest in screened))
    ranked = sorted(zip(pulls, adjusted, strict=False), key=lambda item: (item[0][1].p, -item[0][1].wrong))
    kept: list[Suspicion] = []
    given = np.zeros(len(found.labels), np.int64)
    for (a, one), value in ranked:
        coded = found.attributes[a]
        if value > q or not _harmful(one, min_effect) or a in [s.attribute for s in kept]:
            continue
        if _comparable(found, coded.codes, one) < floor or not _directed(found, coded.codes, one):
            continue
        if kept and not _beside(found, coded.codes, one, given, min_effect):
            continue
        kept.append(_suspicion(found, a, one, float(value)))
        given = np.unique(given * 2 + (coded.codes == one.value), return_inverse=True)[1].astype(np.int64)
    return kept


def _screen(found: Search, attribute: int, floor: int) -> tuple[list[Pull], int]:
    """Pulls towards a class that may be real, and how many others were looked at."""
    codes = found.attributes[attribute].codes
    support = np.bincount(codes[codes >= 0], minlength=len(found.attributes[attribute].values))
    # values with few images are put together: each alone has no say
    rare = support < floor
    lumped = np.where((codes >= 0) & rare[np.maximum(codes, 0)], len(support), codes)
    tables = prediction_tables(lumped, found.labels, found.predicted)
    if len(tables.values) < 2:
        return [], 0
    z = screen_pulls(tables)
    z[tables.values == len(support)] = 0.0
    close = np.argwhere(z >= SCREEN)
    return [pull(tables, int(i), int(j)) for i, j in close], int((z != 0).sum()) - len(close)


def _harmful(one: Pull, min_effect: float) -> bool:
    return one.wrong >= min_effect and one.wrong_ci[0] > 0


def _comparable(found: Search, codes: Codes, one: Pull) -> float:
    """How many pairs with and without the value the other true classes offer: Σ n₁n₀/n, the weight of the comparison.

    A thing that belongs to a class (the table of a dining room) is seen in others only where a label is wrong or rooms
    run into each other, and missing in its own as rarely: a handful of pairs, which say nothing about what the model
    relies on.
    """
    others = (found.labels != one.predicted) & (codes >= 0)
    size = np.bincount(found.labels[others], minlength=len(found.classes)).astype(float)
    has = np.bincount(found.labels[others & (codes == one.value)], minlength=len(found.classes))
    return float((has * (size - has) / np.maximum(size, 1)).sum())


def _directed(found: Search, codes: Codes, one: Pull) -> bool:
    """Whether the further errors with the value go to this class, and are not spread over all classes alike.

    Of the rise in errors (images of other true classes, within true classes) the class must get three fifths, and
    twice an even share where there are few classes.
    """
    others = (found.labels != one.predicted) & (codes >= 0)
    value = (codes[others] == one.value).astype(np.int64)
    wrong = prediction_tables(value, found.labels[others], found.wrong[others].astype(np.int64))
    rise = pull(wrong, 1, 1).difference if len(wrong.values) == 2 else 0.0
    share = max(0.6, min(0.95, 2 / max(len(found.classes) - 1, 1)))
    return one.wrong >= share * rise


def _beside(found: Search, codes: Codes, one: Pull, given: Codes, min_effect: float) -> bool:
    """Whether the pull is still there within the values of the attributes that were found first."""
    value = np.where(codes < 0, -1, codes == one.value).astype(np.int64)
    tables = prediction_tables(value, found.labels, found.predicted, given)
    place = np.flatnonzero(tables.values == 1)
    if not len(place) or len(tables.values) < 2:
        return False
    again = pull(tables, int(place[0]), one.predicted)
    return again.p <= 0.01 and _harmful(again, min_effect)


def _suspicion(found: Search, attribute: int, one: Pull, q: float) -> Suspicion:
    codes = found.attributes[attribute].codes
    others = found.labels != one.predicted
    there, rest = others & (codes == one.value), others & (codes != one.value) & (codes >= 0)
    called = found.predicted == one.predicted
    n, n_out = int(there.sum()), int(rest.sum())
    rate = float(called[there].mean()) if n else 0.0
    rate_out = float(called[rest].mean()) if n_out else 0.0
    return Suspicion(attribute, one, q, n, rate, n_out, rate_out)


def detectable(report: SliceReport, q: float) -> float | None:
    """Smallest excess that a slice of a tenth of the images would have shown with 80 % power, in points; else None."""
    n = round(TAIL * report.n_confirmation)
    if not report.n or not 0 < report.overall < 1:
        return None
    rest = report.n_confirmation - n
    return smallest_rate_difference(n, report.overall, rest, q / max(report.carried, 1))
