"""A trial as a case: evaluation images with labels, images without labels, the training images, and the network's answers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from benchmarks.planted.pool import Ints
from benchmarks.planted.training import Answers
from benchmarks.planted.view import Attributes, PlantedView, PoolTable
from benchmarks.selection.trials import Trial
from failsight.tools.attributes.computed import PART, blank_part, part_key
from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical
from failsight.tools.inputs.base import AttributeTable, Predictions, Split


class SelectionView(PlantedView):
    """A ``CaseView`` with splits ``data``, ``train`` and ``pool``. The network's features are kept from it; it cannot be run."""

    def __init__(self, trial: Trial, attributes: Attributes) -> None:
        evaluation = trial.rows.evaluation
        answers = Answers(trial.rows, trial.scores(evaluation), None, 0.0)
        super().__init__(trial.problem, trial.pool, answers, attributes)
        self.seed = trial.seed
        self._trial = trial
        self._rows["pool"] = trial.unlabelled
        hidden = np.full(len(trial.unlabelled), -1, np.int64)
        self._tables["pool"] = PoolTable(
            trial.pool, trial.unlabelled, hidden, trial.problem.classes, attributes
        )
        self._known: dict[str, Any] = {}
        for split in ("data", "pool"):
            self._measured(split)  # type: ignore[arg-type]

    def _measured(self, split: Split) -> None:
        """Digests of the pictures, by which copies are found; the tool would open every picture for them."""
        rows, table = self._rows[split], self._tables[split]
        for start in range(0, len(rows), PART):
            part = rows[start : start + PART]
            made = blank_part(len(part))
            made["readable"][:] = True
            made["content"] = np.stack(
                [
                    np.frombuffer(hashlib.blake2b(one.tobytes(), digest_size=16).digest(), np.uint8)
                    for one in np.asarray(self._trial.pool.small[part])
                ]
            )
            self._cache[canonical(part_key(table, start))] = made

    def splits(self) -> tuple[Split, ...]:
        return ("data", "train", "pool")

    def predictions(self, split: Split = "data") -> Predictions:
        if split == "data":
            return super().predictions(split)
        if split not in self._known:
            self._known[split] = self._trial.scores(self._rows[split])
        scores = self._known[split]
        return Predictions(
            split, self.classes, np.arange(len(scores), dtype=np.int64), self._tables[split].labels, scores
        )

    def features(self, split: Split = "data") -> tuple[Ints, np.ndarray[Any, np.dtype[np.float32]]]:
        if split not in self._rows:
            raise RetryError(f"This case has no {split} images.", self._rows)
        key = f"features of {split}"
        if key not in self._known:
            self._known[key] = self._trial.features(self._rows[split])
        made = self._known[key]
        return np.arange(len(made), dtype=np.int64), made

    def attributes(self, split: Split = "data") -> AttributeTable:
        made = super().attributes(split)
        if split != "pool" or not self._attributes.computed:
            return made
        numbers = {name: values[self._rows[split]] for name, values in self._attributes.computed.items()}
        return AttributeTable(
            made.rows,
            {**numbers, **made.columns},
            {**dict.fromkeys(numbers, "computed"), **made.sources},
            made.unusable,
        )
