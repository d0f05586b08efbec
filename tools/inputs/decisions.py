"""Which class a model answers, given its scores: the largest score, thresholds of classes, or what a table says outright.

The largest score is a rule like any other. Where a miss costs more than a false alarm, a class is answered from a lower score on:
Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import UserError
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Predictions
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Thresholds = tuple[
    float | None, ...
]  # a class each, None where a class has none; empty for the largest score


def decide(scores: npt.ArrayLike, thresholds: Thresholds = ()) -> Ints:
    """The class that is answered: the one rule that every measurement of answers goes by.

    Among the classes whose score reaches its threshold it is the one with the largest ratio of score to threshold. Where none
    reaches its threshold, it is the largest score among the classes without a threshold, or the largest ratio where all
    classes have one. Without thresholds it is the largest score. Of equals the first in the order of the classes.

    Args:
        scores: (..., classes) probabilities.
        thresholds: one a class, above 0 and at most 1, or None; empty for none.

    Returns:
        (...) class indices.

    Raises:
        ValueError: there are thresholds for another number of classes.
    """
    given = np.asarray(scores, np.float32)  # both sides alike: a score written 0.7 reaches a threshold of 0.7
    if given.size == 0:
        return np.zeros(given.shape[:-1], np.int64)
    has = np.array([t is not None for t in thresholds], bool)
    if not has.any():
        return np.asarray(given.argmax(-1), np.int64)
    if len(has) != given.shape[-1]:
        raise ValueError(f"{len(has)} thresholds for {given.shape[-1]} classes")
    bars = np.array([1.0 if t is None else t for t in thresholds], np.float32)
    ratio = given / bars
    reached = has & (given >= bars)
    rest = ratio if has.all() else np.where(has, -np.inf, given)
    made = np.where(reached.any(-1, keepdims=True), np.where(reached, ratio, -np.inf), rest).argmax(-1)
    return np.asarray(made, np.int64)


def decide_one(scores: npt.ArrayLike, thresholds: Thresholds = ()) -> int:
    """:func:`decide` for the (classes,) scores of one image."""
    return int(decide(scores, thresholds))


def lead(scores: npt.ArrayLike, target: int, thresholds: Thresholds = ()) -> npt.NDArray[np.float64]:
    """(n,) how far ``target`` is from being answered, in logarithms of scores: above 0 it is, below 0 it is not.

    Logarithms don't vanish near 0 and 1, so that a search that goes by them finds its way from anywhere.

    Args:
        scores: (n, classes) probabilities.
    """
    logs = np.log(np.maximum(np.asarray(scores, np.float64), 1e-12))
    has = np.array([t is not None for t in thresholds], bool)
    if not has.any():
        made: npt.NDArray[np.float64] = logs[:, target] - np.delete(logs, target, 1).max(1, initial=-np.inf)
        return made
    over = logs - np.log(
        [1.0 if t is None else t for t in thresholds]
    )  # of a threshold; a score itself without one
    own, rivals = over[:, target], has.copy()
    rivals[target] = False
    reached = np.where(rivals & (over >= 0), over, -np.inf).max(1, initial=-np.inf)
    if has.all():
        made = own - over[:, rivals].max(1, initial=-np.inf)
    elif has[target]:
        made = np.minimum(own, np.where(np.isfinite(reached), own - reached, np.inf))
    else:
        rest = ~has
        rest[target] = False
        free = own - over[:, rest].max(1, initial=-np.inf)
        made = np.minimum(free, -over[:, has].max(1))
    return made


def thresholds_of(model: Any) -> Thresholds:
    """The thresholds of a model in the order of its classes; empty where the largest score decides."""
    named: Mapping[str, float] = getattr(model, "thresholds", None) or {}
    return tuple(named.get(name) for name in model.classes) if named else ()


def rule_of(view: CaseView) -> Thresholds:
    """The thresholds that the case's answers are made with; empty where there are none.

    A table that gives its decisions outright has none: how they were made is not known.
    """
    return thresholds_of(view.model()) if view.has_model() else view.predictions().thresholds


def answers(view: CaseView, scores: npt.ArrayLike) -> Ints:
    """(...) what the case's model answers for (..., classes) scores. For rows of a split take ``Predictions.predicted``."""
    return decide(scores, rule_of(view))


def answer(view: CaseView, scores: npt.ArrayLike) -> int:
    """What the case's model answers for the (classes,) scores of one image."""
    return int(answers(view, scores))


def named_thresholds(given: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    """Thresholds by the names that the model has for its classes; spelling is forgiven as it is for labels.

    Raises:
        UserError: a class that the model does not have, one named twice, or a number that is no threshold.
    """
    spelt = Spellings(classes)
    made: dict[str, float] = {}
    for word, value in given.items():
        name = spelt.find(word)
        if name is None:
            raise UserError(
                f"A threshold is set for {clean(word, 60)}, which is no class of the model.",
                f"Its classes are {listing([clean(c, 40) for c in classes], 20)}.",
            )
        if name in made:
            raise UserError(f"Two thresholds are set for {clean(name, 60)}.", "Give one.")
        made[name] = threshold_value(word, value)
    return made


def threshold_value(name: str, value: Any) -> float:
    """A threshold as a number. Raises UserError where it is not above 0 and at most 1."""
    try:
        made = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        made = math.nan
    if not 0 < made <= 1:
        raise UserError(
            f"The threshold of {clean(name, 60)} is {clean(value, 40)}.",
            "A threshold is a score from which on a class is answered, above 0 and at most 1, for example 0.2.",
        )
    return made


def rule_words(classes: Sequence[str], thresholds: Thresholds) -> str:
    """The rule in a sentence; empty where the largest score decides."""
    set_ = [
        f"{clean(c, 60)} from a score of {t:g} on"
        for c, t in zip(classes, thresholds, strict=False)
        if t is not None
    ]
    return f"By its thresholds the model answers {listing(set_)}." if set_ else ""


def decision_words(predictions: Predictions) -> str:
    """How the answers of a table of predictions are decided, and in how many images that is not the largest score.

    Empty where the largest score decides. Nothing else is measured for it.
    """
    n = int(predictions.otherwise.sum())
    count = f"in {n:,} of {len(predictions):,} images the answer is not the class with the largest score"
    rule = rule_words(predictions.classes, predictions.thresholds)
    if rule:
        return f"{rule} So {count}."
    if n:
        return f"The answers are those that the table gives in its column prediction: {count}."
    return ""
