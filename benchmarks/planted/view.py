"""A case in memory: a network's recorded answers, pictures of the pool, and attributes from anywhere.

The tool under test sees nothing but this view. The network itself is not given (a black box), nor are boxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.planted.pool import Ints, Pool
from benchmarks.planted.problems import Problem
from benchmarks.planted.training import Answers
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.metadata import unusable_columns
from failsight.tools.attributes.sources import AttributeSource
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, Finding, Instrument, canonical
from failsight.tools.inputs.base import AttributeTable, Box, Classifier, LeftOut, Pixels, Predictions, Split
from failsight.tools.inputs.encoders import Encoder
from failsight.tools.view import Expectation, Knowledge, Progress, Ticker


@dataclass(frozen=True)
class Attributes:
    """Values of every picture of the pool, true or assigned.

    Attributes:
        source: ``metadata`` (true) or ``zero_shot``.
        names: of the attributes.
        values: for each, what its codes stand for.
        codes: (pool, attributes) positions among the values; −1 for none.
        computed: what pictures show by themselves (brightness …), numbers of every picture of the pool; {} for none.
    """

    source: str
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: np.ndarray[Any, np.dtype[np.int16]]
    computed: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]] = field(default_factory=dict)

    def column(self, place: int, rows: Ints) -> np.ndarray[Any, Any]:
        """(n,) text values of an attribute, None where there is none."""
        names = np.array([*self.values[place], None], object)
        made: np.ndarray[Any, Any] = names[self.codes[rows, place]]
        return made


class PoolTable:
    """Some pictures of the pool as an ``ImageTable``."""

    format = "memory"
    boxes: Sequence[Mapping[str, Sequence[Box]]] | None = None
    left_out: Sequence[LeftOut] = ()

    def __init__(
        self, pool: Pool, rows: Ints, labels: Ints, classes: tuple[str, ...], attributes: Attributes
    ) -> None:
        self.root = Path(".")
        self.paths: Sequence[str] = [f"picture-{row}.jpg" for row in rows.tolist()]
        self.labels, self.classes = labels, classes
        self.columns: Mapping[str, Sequence[Any]] = {}
        if attributes.source == "metadata":
            self.columns = {n: attributes.column(i, rows).tolist() for i, n in enumerate(attributes.names)}
        self._pool, self._rows = pool, rows
        content = pool.fingerprint.encode() + rows.tobytes() + labels.tobytes()
        self.fingerprint = hashlib.sha256(content).hexdigest()

    def __len__(self) -> int:
        return len(self.labels)

    def open(self, row: int) -> Image.Image:
        """The picture as an encoder or a person would see it."""
        return Image.fromarray(np.asarray(self._pool.large[self._rows[row]]))


class _Silent:
    def advance(self, steps: int = 1) -> None:
        pass

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        return nullcontext(self)


class _Nothing:
    def search(
        self, query: str, *, k: int = 5, topic: str | None = None, kinds: Sequence[str] | None = None
    ) -> Sequence[Any]:
        return []


class PlantedView:
    """A ``CaseView`` on one problem: splits ``data`` (evaluation) and ``train``."""

    name, task, history = "planted", "tell the classes apart", None

    def __init__(self, problem: Problem, pool: Pool, answers: Answers, attributes: Attributes) -> None:
        self.classes = problem.classes
        self.seed = 0
        self.expectations: Sequence[Expectation] = ()
        self.knowledge: Knowledge = _Nothing()
        self.progress: Progress = _Silent()
        self._answers, self._attributes = answers, attributes
        self._rows: dict[Split, Ints] = {"data": answers.rows.evaluation, "train": answers.rows.train}
        self._tables = {
            split: PoolTable(pool, rows, answers.rows.labels[rows], problem.classes, attributes)
            for split, rows in self._rows.items()
        }
        self._cache: dict[str, dict[str, np.ndarray[Any, Any]]] = {}

    def splits(self) -> Sequence[Split]:
        return ("data", "train")

    def table(self, split: Split = "data") -> PoolTable:
        if split not in self._tables:
            raise RetryError(f"This case has no {split} images.", self._tables)
        return self._tables[split]

    def has_model(self) -> bool:
        return False

    def model(self) -> Classifier:
        raise RetryError("This case has predictions only; there is no model to run.")

    def predictions(self, split: Split = "data") -> Predictions:
        if split != "data":
            raise RetryError("Predictions were recorded for the evaluation images only.")
        n = len(self._answers.scores)
        return Predictions(
            split, self.classes, np.arange(n, dtype=np.int64), self._answers.labels, self._answers.scores
        )

    def features(self, split: Split = "data") -> tuple[Ints, np.ndarray[Any, np.dtype[np.float32]]]:
        raise RetryError("This case has predictions only; there is no model to run.")

    def attributes(self, split: Split = "data") -> AttributeTable:
        rows = self._rows[split]
        columns = {n: self._attributes.column(i, rows) for i, n in enumerate(self._attributes.names)}
        sources = dict.fromkeys(columns, self._attributes.source)
        if split == "data":
            numbers = {name: values[rows] for name, values in self._attributes.computed.items()}
            columns, sources = {**numbers, **columns}, {**dict.fromkeys(numbers, "computed"), **sources}
        places = np.arange(len(rows), dtype=np.int64)
        return AttributeTable(places, columns, sources, unusable_columns(columns))

    def definitions(self) -> Sequence[Definition]:
        return ()

    def define(self, definition: Definition, *, action: str, why: str = "") -> None:
        raise RetryError("Attributes are given.")

    def source(self, name: str) -> AttributeSource:
        raise RetryError("Attributes are given.")

    def encoder(self) -> Encoder:
        raise RetryError("Attributes are given.")

    def embeddings(self, split: Split = "data") -> tuple[Ints, np.ndarray[Any, np.dtype[np.float32]]]:
        raise RetryError("Attributes are given.")

    def pixels(self, rows: Ints, split: Split = "data", batch: int = 64) -> Iterator[tuple[Ints, Pixels]]:
        table = self.table(split)
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            yield part, np.stack([np.asarray(table.open(int(row))) for row in part])

    def findings(self) -> Sequence[tuple[str, Finding]]:
        return ()

    def evidence(self, tool: str | None = None) -> Sequence[Evidence]:
        return ()

    def register(self, instrument: Instrument) -> str:
        return instrument.id

    def save_figure(self, name: str, image: Any, *, title: str, alt: str, caption: str = "") -> Figure:
        return Figure(title, f"{name}.png", alt, caption)

    def cached(self, key: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]] | None:
        return self._cache.get(canonical(key))

    def store(self, key: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self._cache[canonical(key)] = dict(arrays)
