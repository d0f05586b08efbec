"""What the dots of a map are coloured by: right and wrong, class, answer, confidence, or an attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import ASSIGNED
from failsight.tools.errors import RetryError
from failsight.tools.figures.scatter import (
    MOST_GROUPS,
    Kind,
    named_kinds,
    ordered_kinds,
    outcome_kinds,
    rest_kind,
)
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.maps.layout import Map
from failsight.tools.slices.columns import encode_column
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
BUILT_IN = ("error", "class", "prediction", "confidence")
LEVELS = (0.5, 0.7, 0.9, 0.99)  # where confidences are cut
LEVEL_NAMES = ("below 50 %", "50 to 70 %", "70 to 90 %", "90 to 99 %", "99 % and more")


@dataclass(frozen=True)
class Colouring:
    """Kinds of dots, and (n,) which kind each image is; ``words``: what the colours stand for."""

    kinds: tuple[Kind, ...]
    codes: Ints
    words: str


def colouring(view: CaseView, made: Map, by: str, notes: list[str]) -> Colouring:
    """The colours asked for; by answer or class where right and wrong are not known, with a note.

    Raises:
        RetryError: there is no such attribute, or confidences are not known.
    """
    if by == "error":
        if made.known.any():
            return _outcome(made)
        instead = "prediction" if made.predicted is not None else "class"
        notes.append(f"Right and wrong are not known here, so the dots are coloured by {instead}.")
        by = instead
    if by == "class":
        return _classes(view.classes, made, made.labels, "true class", "no label")
    if by == "prediction":
        if made.predicted is None:
            raise RetryError("There are no predictions of these images.", ["class"])
        return _classes(view.classes, made, made.predicted, "prediction", "no answer")
    if by == "confidence":
        return _confidence(made)
    return _attribute(view.attributes(made.split), made, by)


def _outcome(made: Map) -> Colouring:
    right, wrong = outcome_kinds()
    codes = np.where(made.known, made.wrong, 2).astype(np.int64)
    return Colouring((right, wrong, rest_kind("no label")), codes, "right or wrong")


def _classes(classes: Sequence[str], made: Map, values: Ints, words: str, none: str) -> Colouring:
    """Classes by colour; of many those with most errors, then the largest."""
    k = len(classes)
    size = np.bincount(values[values >= 0], minlength=k)
    errors = np.bincount(values[made.wrong & (values >= 0)], minlength=k)
    present = [c for c in np.lexsort((-size, -errors)).tolist() if size[c]]
    return _named(
        [clean(classes[c], 40) for c in present], _places(values, present, k), words, "other classes", none
    )


def _places(values: Ints, order: Sequence[int], k: int) -> Ints:
    """Place of each value in ``order``; −1 stays."""
    rank = np.full(k + 1, -1, np.int64)
    rank[list(order)] = np.arange(len(order))
    made: Ints = rank[np.where(values < 0, k, values)]
    return made


def _named(names: Sequence[str], places: Ints, words: str, others: str, none: str) -> Colouring:
    shown = names if len(names) <= MOST_GROUPS else names[: MOST_GROUPS - 1]
    codes = np.where(places < 0, len(shown) + 1, np.minimum(places, len(shown)))
    return Colouring((*named_kinds(shown), rest_kind(others), rest_kind(none)), codes.astype(np.int64), words)


def _confidence(made: Map) -> Colouring:
    if made.confidence is None or not made.has_scores:
        raise RetryError(
            "These predictions come without class probabilities.", ["error", "class", "prediction"]
        )
    codes = np.searchsorted(LEVELS, made.confidence, side="right").astype(np.int64)
    return Colouring(ordered_kinds(LEVEL_NAMES), codes, "confidence")


def _attribute(table: AttributeTable, made: Map, name: str) -> Colouring:
    known = {n.casefold(): n for n in table.columns}
    found = name if name in table.columns else known.get(name.strip().casefold())
    if found is None:
        choices = [*BUILT_IN, *(clean(n, 60) for n in table.columns)]
        raise RetryError(f"There is no attribute {clean(name, 60)!r} to colour by.", choices)
    place = np.searchsorted(table.rows, made.rows)
    column = table.columns[found][np.minimum(place, max(len(table.rows) - 1, 0))]
    coded = encode_column(found, table.sources.get(found, ""), column)
    none = "unsure" if coded.source in ASSIGNED else "no value"
    if coded.edges is not None:
        kinds = (*ordered_kinds(coded.values), rest_kind(none))
        return Colouring(kinds, np.where(coded.codes < 0, len(coded.values), coded.codes), clean(found, 40))
    size = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.values))
    order = np.argsort(-size, kind="stable").tolist()
    places = _places(coded.codes, order, len(coded.values))
    return _named([coded.values[i] for i in order], places, clean(found, 40), "other values", none)
