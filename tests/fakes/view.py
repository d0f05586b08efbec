"""A small in-memory CaseView and tiny analytic models for tests of tools.

``FakeView`` implements the whole protocol of ``failsight.tools.view.CaseView`` over arrays: give it pictures, labels
and a model whose answers can be computed by hand.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.embedding import image_embeddings
from failsight.tools.attributes.overlay import table_with
from failsight.tools.attributes.sources import assign_all, built_in
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, Finding, Instrument, canonical
from failsight.tools.inputs.base import AttributeTable, BadImage, LeftOut, Predictions, Preprocessing
from failsight.tools.inputs.decisions import thresholds_of
from failsight.tools.repair.versions import ModelVersion, check_version, find_version, open_version
from failsight.tools.view import Expectation


class FakeTable:
    """Images held as one uint8 array (n, h, w, 3); ``bad`` rows raise BadImage."""

    format = "memory"

    def __init__(
        self,
        pixels: np.ndarray,
        labels: Sequence[int],
        classes: Sequence[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
        boxes: Sequence[Mapping[str, Any]] | None = None,
        bad: Sequence[int] = (),
    ) -> None:
        self.root = Path(".")
        self.pixels = np.asarray(pixels, np.uint8)
        self.paths = [f"img_{i:05d}.png" for i in range(len(self.pixels))]
        self.labels = np.asarray(labels, np.int64)
        self.classes = tuple(classes)
        self.columns = dict(columns or {})
        self.boxes = boxes
        self.bad = set(bad)
        self.left_out: Sequence[LeftOut] = ()
        self.fingerprint = hashlib.sha256(self.pixels.tobytes() + self.labels.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.labels)

    def open(self, row: int) -> Image.Image:
        if row in self.bad:
            raise BadImage("the file is cut short")
        return Image.fromarray(self.pixels[row])


class FakeModel:
    """An analytic classifier: ``rule(pixels) -> (n, classes) logits`` over float pixels in [0, 1]."""

    format = "python"
    outputs = "logits"
    feature_layer = None

    def __init__(self, rule: Any, classes: Sequence[str], size: tuple[int, int], module: Any = None) -> None:
        self.rule, self.classes, self.module = rule, tuple(classes), module
        self.preprocessing = Preprocessing(size=size, fit="stretch", mean=(0, 0, 0), std=(1, 1, 1))
        self.fingerprint = "fake-model"
        self.seen = 0

    def prepare(self, image: Image.Image) -> np.ndarray:
        height, width = self.preprocessing.size
        return np.asarray(image.convert("RGB").resize((width, height)), np.uint8)

    def prepare_box(self, box: Any, width: int, height: int) -> Any:
        return tuple(box)

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        self.seen += len(pixels)
        if self.module is not None:
            import torch

            with torch.inference_mode():
                return self.module(self.normalise(pixels)).numpy().astype(np.float32)
        return np.asarray(self.rule(pixels.astype(np.float32) / 255), np.float32)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        raw = self.logits(pixels)
        raw = np.exp(raw - raw.max(1, keepdims=True))
        return (raw / raw.sum(1, keepdims=True)).astype(np.float32)

    def torch_module(self) -> Any:
        return self.module

    def normalise(self, pixels: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(pixels.astype(np.float32).transpose(0, 3, 1, 2).copy() / 255)


class Recorder:
    """Progress that counts."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, int, int]] = []

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Any]:
        ticker = _Ticker()
        yield ticker
        self.jobs.append((label, total, ticker.done))


class _Ticker:
    done = 0

    def advance(self, steps: int = 1) -> None:
        self.done += steps


class NoKnowledge:
    def search(self, query: str, *, k: int = 5, topic: Any = None, kinds: Any = None) -> list[Any]:
        return []


class FakeView:
    """A CaseView over in-memory tables. ``scores`` may replace the model (black box)."""

    name, task, history = "fake", "tell things apart", None

    def __init__(
        self,
        tables: Mapping[str, FakeTable],
        model: FakeModel | None = None,
        scores: Mapping[str, np.ndarray] | None = None,
        folder: Path | None = None,
        seed: int = 0,
        expectations: Sequence[Expectation] = (),
        has_scores: bool = True,
    ) -> None:
        self._tables, self._model, self._scores = dict(tables), model, dict(scores or {})
        self.classes = self._tables["data"].classes
        self.seed, self.expectations = seed, expectations
        self.knowledge, self.progress = NoKnowledge(), Recorder()
        self.folder, self.has_scores = folder, has_scores
        self.instruments: list[Instrument] = []
        self.recorded: list[Evidence] = []
        self.stated: list[tuple[str, Finding]] = []
        self._cache: dict[str, dict[str, np.ndarray]] = {}
        self.given_features: dict[str, np.ndarray] = {}
        self.defined: dict[str, Definition] = {}
        self.changes: list[tuple[str, Definition]] = []
        self.given_sources: dict[str, Any] = {}
        self.given_verdicts: dict[str, dict[str, str]] = {}  # split → path → class that people said
        self.given_encoder: Any = None
        self.made_versions: list[ModelVersion] = []
        self.given_versions: dict[str, FakeModel] = {}  # analytic models in place of a version's files

    def splits(self) -> list[Any]:
        return list(self._tables)

    def table(self, split: str = "data") -> FakeTable:
        if split not in self._tables:
            raise RetryError(f"This case has no {split} images.", self._tables)
        return self._tables[split]

    def has_model(self) -> bool:
        return self._model is not None

    def model(self) -> FakeModel:
        if self._model is None:
            raise RetryError("This case has predictions only; there is no model to run.")
        return self._model

    def predictions(self, split: str = "data") -> Predictions:
        table = self.table(split)
        rows = np.array([r for r in range(len(table)) if r not in table.bad], np.int64)
        if split in self._scores:
            scores = np.asarray(self._scores[split], np.float32)[rows]
        elif len(rows):
            scores = np.concatenate([self.model().scores(p) for _, p in self.pixels(rows, split)])
        else:
            scores = np.zeros((0, len(self.classes)), np.float32)
        left = tuple(LeftOut(table.paths[r], "the file is cut short") for r in sorted(table.bad))
        rule = thresholds_of(self._model) if self._model is not None else ()
        return Predictions(
            split, self.classes, rows, table.labels[rows], scores, left, self.has_scores, thresholds=rule
        )  # type: ignore[arg-type]

    def features(self, split: str = "data") -> tuple[np.ndarray, np.ndarray]:
        """Features given as ``view.given_features[split]``, else what the model's last layer reads."""
        made = self.predictions(split)
        if split in self.given_features:
            return made.rows, np.asarray(self.given_features[split], np.float32)[made.rows]
        from failsight.tools.engine.features import sampled_features

        return sampled_features(
            self.table(split), self.model(), made, seed=self.seed, cached=self.cached, store=self.store
        )

    def attributes(self, split: str = "data") -> AttributeTable:
        table = self.table(split)
        rows = np.array([r for r in range(len(table)) if r not in table.bad], np.int64)
        columns: dict[str, Any] = {
            k: np.array([v[r] for r in rows], object if isinstance(v[0], str) or v[0] is None else float)
            for k, v in table.columns.items()
        }
        base = AttributeTable(rows, columns, dict.fromkeys(columns, "metadata"))
        if not self.defined:
            return base
        made = assign_all(self, split, rows, self.definitions(), self.given_sources)
        return table_with(base, self.definitions(), made)

    def definitions(self) -> list[Definition]:
        return list(self.defined.values())

    def define(self, definition: Definition, *, action: str, why: str = "") -> None:
        self.defined[definition.key] = definition
        self.changes.append((action, definition))

    def source(self, name: str) -> Any:
        return self.given_sources.get(name) or built_in(name)

    def encoder(self) -> Any:
        if self.given_encoder is None:
            raise RetryError("This case has no encoder that knows words.")
        return self.given_encoder

    def embeddings(self, split: str = "data") -> tuple[np.ndarray, np.ndarray]:
        return image_embeddings(self.table(split), self.encoder(), cached=self.cached, store=self.store)

    def pixels(
        self, rows: np.ndarray, split: str = "data", batch: int = 64
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        table = self.table(split)
        kept = np.array([r for r in rows if r not in table.bad], np.int64)
        for start in range(0, len(kept), batch):
            part = kept[start : start + batch]
            if self._model is None:
                yield part, table.pixels[part]
            else:
                yield part, np.stack([self._model.prepare(table.open(int(r))) for r in part])

    def findings(self) -> list[tuple[str, Finding]]:
        return self.stated

    def looked_at(self, split: str = "data") -> dict[str, str]:
        return self.given_verdicts.get(split, {})

    def evidence(self, tool: str | None = None) -> list[Evidence]:
        return [e for e in self.recorded if tool in (None, e.tool)]

    def register(self, instrument: Instrument) -> str:
        if instrument.id not in {i.id for i in self.instruments}:
            self.instruments.append(instrument)
        return instrument.id

    def withdraw(self, finding_id: str, *, by: str = "", why: str = "") -> object:
        self.withdrawn = [*getattr(self, "withdrawn", []), (finding_id, why)]
        return None

    def workspace(self, name: str) -> Path:
        assert self.folder is not None, "a view that writes needs a folder"
        made = self.folder / "repair" / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def versions(self) -> list[ModelVersion]:
        return list(self.made_versions)

    def add_version(self, version: ModelVersion) -> None:
        check_version(version, self.made_versions)
        if version not in self.made_versions:
            self.made_versions.append(version)

    def version(self, name: str) -> FakeView:
        if not name:
            return self
        found = find_version(self.made_versions, name)
        made = copy.copy(self)  # tables, cache, findings and records are shared
        if found.name in self.given_versions:
            made._model = self.given_versions[found.name]
        else:
            assert self.folder is not None
            made._model = open_version(self.folder, found, self.model())  # type: ignore[assignment]
        made._scores, made.given_features = {}, {}
        return made

    def save_figure(self, name: str, image: Any, *, title: str, alt: str, caption: str = "") -> Figure:
        if self.folder is not None:
            suffix = ".svg" if isinstance(image, str) else ".png"
            path = self.folder / f"{name}{suffix}"
            path.write_text(image) if isinstance(image, str) else image.save(path)
            return Figure(title, path.name, alt, caption)
        return Figure(title, f"{name}.png", alt, caption)

    def cached(self, key: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        return self._cache.get(canonical(key))

    def store(self, key: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        self._cache[canonical(key)] = dict(arrays)
