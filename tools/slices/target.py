"""What counts as bad in a search for slices: errors, errors made with confidence, a loss, or any score per image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Predictions
from failsight.tools.text import clean, number

TargetKind = Literal["error", "confident_error", "loss", "column"]
PLAIN = ("error", "confident_error", "loss")
PREFIX = "column:"
PATTERN = r"^(error|confident_error|loss|column:.+)$"
#: fewest images with a score
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Goal:
    """The target of a search.

    Attributes:
        kind: of the target.
        values: (n,) numbers in [0, 1], higher is worse; NaN where an image has none.
        column: the column that it comes from, else None.
        low, high: what 0 and 1 stand for, where a column was scaled; else 0 and 1.
    """

    kind: TargetKind
    values: npt.NDArray[np.float64]
    column: str | None = None
    low: float = 0.0
    high: float = 1.0

    def shown(self, value: float) -> str:
        """A mean of the target as people read it: a share, or in the column's own unit."""
        if self.kind != "column" or (self.low, self.high) == (0.0, 1.0):
            return number(value)
        return f"{self.low + value * (self.high - self.low):.4g}"

    @property
    def what(self) -> str:
        """What a mean of it is called."""
        if self.kind == "column":
            return f"mean of {clean(self.column or '', 40)}"
        return {
            "error": "error",
            "confident_error": "share of errors made with confidence",
            "loss": "probability that the true class lacks",
        }[self.kind]


def goal(target: str, predictions: Predictions, table: AttributeTable, confidence: float) -> Goal:
    """The target of each image of a split.

    Args:
        target: ``error``, ``confident_error``, ``loss``, or ``column:NAME`` (a number per image, larger is worse).
        predictions: of the split.
        table: attributes of the same images.
        confidence: for confident errors.

    Raises:
        RetryError: probabilities are needed and missing; no such column of numbers.
    """
    if target.startswith(PREFIX):
        return _column(target.removeprefix(PREFIX).strip(), table)
    wrong = (~predictions.correct).astype(np.float64)
    if target == "error":
        return Goal("error", wrong)
    if not predictions.has_scores:
        raise RetryError(
            f"target={target} needs class probabilities, and this case has predictions only.", ["error"]
        )
    if target == "confident_error":
        return Goal("confident_error", wrong * (predictions.confidence >= confidence))
    true = np.maximum(predictions.labels, 0)
    score = predictions.scores[np.arange(len(predictions)), true].astype(np.float64)
    return Goal("loss", np.clip(1.0 - score, 0.0, 1.0))


def _column(name: str, table: AttributeTable) -> Goal:
    numbers = [c for c, values in table.columns.items() if values.dtype != object]
    if name not in table.columns:
        raise RetryError(f"There is no column {clean(name, 60)!r} to search by.", numbers)
    if name not in numbers:
        raise RetryError(f"The column {clean(name, 60)} holds no numbers.", numbers)
    values = np.asarray(table.columns[name], np.float64).copy()
    values[~np.isfinite(values)] = np.nan
    known = values[np.isfinite(values)]
    if len(known) < FEWEST or known.min() == known.max():
        raise RetryError(f"The column {clean(name, 60)} tells too few images apart to search by.", numbers)
    low, high = float(known.min()), float(known.max())
    if low >= 0 and high <= 1:
        return Goal("column", values, name)
    return Goal("column", np.clip((values - low) / (high - low), 0.0, 1.0), name, low, high)
