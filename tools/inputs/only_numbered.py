"""Models that only number their outputs (``LABEL_0``, ``LABEL_1`` …): the names that the data's labels give them, in order.

An order is an assumption. It is taken only where the pictures bear it out: the model is right clearly more often than by
guessing, and no other order of the same names does better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.classes import REST
from failsight.tools.inputs.data import raw_labels
from failsight.tools.pipelines.output_order import FEWEST_EACH, counts, matched
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.tests import mcnemar_exact
from failsight.tools.text import listing, number

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier, ImageTable
    from failsight.tools.view import Progress

_NUMBER = re.compile(r"(?:(?:label|class|output)[ _-]?)?(\d{1,6})", re.IGNORECASE)
Ints = npt.NDArray[np.int64]
EACH = 20  # pictures of a class that are looked at
FEWEST = 2 * FEWEST_EACH  # of them, below which nothing is assumed
LEVEL = 0.99  # how sure it must be that the order does better than guessing
OTHER = 0.05  # p below which another order is taken to do better


@dataclass(frozen=True, slots=True)
class Assumed:
    """Names given to numbered outputs, and what they rest on: ``right`` of ``n`` pictures, as many of each class."""

    outputs: tuple[str, ...]
    names: tuple[str, ...]
    right: int
    n: int

    def told(self) -> str:
        """What a person should hear of it, with how to change it."""
        pairs = [f"{a} is {b}" for a, b in zip(self.outputs, self.names, strict=True)]
        return (
            f"The model only numbers its classes, so they are taken for the labels of the data in their order: {listing(pairs, 5)}. "
            f"That is an assumption: so named it is right in {self.right:,} of {self.n:,} images looked at ({number(self.right / self.n)}; "
            f"guessing would give {number(1 / len(self.names))}), and no other order does clearly better. If it is wrong, write "
            '"classes": ["first class", …] in the order of the outputs into the model\'s side file (model.json), and open a new case.'
        )


def numbers(names: Iterable[str]) -> list[int] | None:
    """The numbers of ``LABEL_0``, ``LABEL_1`` … where the names say nothing else; None where they do."""
    found = [_NUMBER.fullmatch(name.strip()) for name in names]
    return [int(one[1]) for one in found if one] if found and all(found) else None


def only_numbered(classes: Sequence[str]) -> bool:
    """Whether all classes are called by their place, counted from 0 or from 1, and by nothing else."""
    made = numbers(classes)
    return made in (list(range(len(classes))), list(range(1, len(classes) + 1)))


def orders(data: Path | str, class_map: Mapping[str, str], outputs: int) -> list[tuple[str, ...]]:
    """Orders that the labels of the data may stand in; none where there are not as many labels as outputs.

    That in which the data set itself numbers them, then by their numbers or the alphabet. Labels that the person's map leaves out
    don't count; where it says which is which, nothing is assumed.
    """
    if any(class_map.values()):
        return []
    labels, own = raw_labels(data)
    words = {w for w in labels if w is not None and w not in class_map}
    if len(words) != outputs or REST in class_map:
        return []
    placed = numbers(sorted(words))
    by_name = sorted(words)
    if placed is not None:
        by_name = [word for _, word in sorted(zip(placed, by_name, strict=True))]
    made = [tuple(w for w in own if w in words), tuple(by_name)]
    return [one for one in dict.fromkeys(made) if len(one) == outputs]


def borne_out(
    table: ImageTable, model: Classifier, outputs: Sequence[str], seed: int, progress: Progress
) -> Assumed | None:
    """Whether the classes of ``model``, named by assumption, are the right ones for pictures of ``table``; None where that is not clear."""
    rows = _some_of_each(table, len(model.classes), seed)
    if rows is None:
        return None
    labels, said = _answers(table, model, rows, progress)
    n, right = len(labels), int((labels == said).sum())
    if wilson(right, n, LEVEL)[0] <= 1 / len(model.classes):
        return None
    if np.bincount(labels, minlength=len(model.classes)).min() < FEWEST:
        return None  # too few were answered to compare orders
    if _another_is_better(labels, said, len(model.classes)):
        return None
    return Assumed(tuple(outputs), tuple(model.classes), right, n)


def _another_is_better(labels: Ints, said: Ints, classes: int) -> bool:
    """Whether some order of the names is right clearly more often than that assumed, on these very pictures.

    It is chosen on those that it is tested on: this errs towards asking. Two of ten names exchanged are so found of a model that is right in
    40 % of the pictures, too, where halves would miss most of them.
    """
    renamed, named = matched(counts(labels, said, classes))[said] == labels, said == labels
    gained, lost = int((renamed & ~named).sum()), int((named & ~renamed).sum())
    return mcnemar_exact(gained, lost, "greater") < OTHER


def _some_of_each(table: ImageTable, classes: int, seed: int) -> Ints | None:
    """Rows with equally many pictures of each class, drawn; None where a class has too few to compare orders by."""
    each = min(EACH, int(np.bincount(table.labels[table.labels >= 0], minlength=classes).min()))
    if each < FEWEST:
        return None
    rng = np.random.default_rng([seed, 907])
    drawn = [rng.choice(np.flatnonzero(table.labels == c), each, replace=False) for c in range(classes)]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _answers(table: ImageTable, model: Classifier, rows: Ints, progress: Progress) -> tuple[Ints, Ints]:
    """Labels and answers of the pictures that the model answers."""
    from failsight.tools.engine.singly import answered
    from failsight.tools.engine.stream import iter_pixels

    labels, said = [], []
    with progress.job(
        "Looking whether the class names stand in the order of the labels", len(rows)
    ) as ticker:
        for at, pixels in iter_pixels(table, model, rows):
            kept, scores, _ = answered(model, pixels)
            labels.append(np.asarray(table.labels)[at[kept]])
            said.append(scores.argmax(1))
            ticker.advance(len(at))
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *labels]).astype(np.int64), np.concatenate([none, *said]).astype(np.int64)
