"""The three heavy passes on Ray: the same tables as the local engine, the same cache entries, part by part.

What was begun locally is gone on with here, and the other way round.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.embedding import Cached, Store
from failsight.tools.engine.choice import EncoderSpec, ModelSpec, Say, opened
from failsight.tools.engine.parts import Parts
from failsight.tools.engine.ray_work import (
    Arrays,
    Carrier,
    Embedding,
    Held,
    Measuring,
    Predicting,
    Work,
    outcome,
)
from failsight.tools.inputs.base import Classifier, Floats, ImageTable, Predictions, Split
from failsight.tools.inputs.fingerprint import job

if TYPE_CHECKING:
    from failsight.tools.attributes.computed import ImageMeasures
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import Progress

Unit = tuple[int, range]
UNIT = 256  # rows measured or embedded by a worker at a time; eight make a part of the cache


class RayEngine:
    """An :class:`~failsight.tools.engine.choice.Engine` on a Ray cluster, with at most ``workers`` workers; by default one
    a processor (or GPU) of the cluster."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers

    def predict(
        self,
        table: ImageTable,
        model: Classifier | ModelSpec | None,
        *,
        spec: ModelSpec | None = None,
        split: Split = "data",
        cache_folder: Path | None = None,
        progress: Progress | None = None,
        say: Say | None = None,
    ) -> Predictions:
        """``engine.local.predict`` on a cluster: same rows, reasons, scores and features, same pieces in the cache.

        Args:
            model: the opened model (what it is, and the key of the cache, are read off it), or how to open it.
            spec: how a worker opens it; without one ``model`` itself is pickled.
            say: told nothing: a worker halves its batches by itself.

        Raises:
            RetryError: there is no model (a black box with predictions only).
            UserError: as the local engine; Ray isn't installed or can't be reached; a worker opens another model.
        """
        from failsight.tools.engine import local

        started = time.perf_counter()
        here = opened(model)
        spec = model if isinstance(model, ModelSpec) else spec
        size = local.batch_size(here)
        step = local.part_size(here, size)
        parts = Parts(cache_folder, f"predictions-{local.cache_key(table, here)}")
        every = np.arange(len(table), dtype=np.int64)
        whole = local.sound(parts.whole(), every, len(here.classes))
        if whole is not None:
            return local.as_predictions(table, here, split, whole, 0.0, cached=True)
        units = _units(len(table), step)
        pieces: dict[int, Arrays] = {}
        for number, rows in units:
            piece = local.sound(parts.part(number), every[rows.start : rows.stop], len(here.classes))
            if piece is not None:
                pieces[number] = piece
        work = Predicting(spec or Held(here), here.fingerprint, size)
        device = spec.device if spec is not None else "cpu"
        with job(progress, f"predicting the {split} images", len(table)) as advance:
            advance(sum(len(rows) for number, rows in units if number in pieces))
            missing = [unit for unit in units if unit[0] not in pieces]
            with closing(_run(table, work, missing, device, self.workers, advance)) as source:
                for number, piece in source:
                    parts.save_part(number, piece)
                    pieces[number] = piece
                    advance(len(units[number][1]))
        merged = local.merge([pieces[number] for number, _ in units], here)
        parts.save_whole(merged)
        return local.as_predictions(table, here, split, merged, time.perf_counter() - started, cached=False)

    def embed(
        self,
        table: ImageTable,
        encoder: Encoder,
        *,
        spec: EncoderSpec | None = None,
        cached: Cached | None = None,
        store: Store | None = None,
        progress: Progress | None = None,
    ) -> tuple[npt.NDArray[np.int64], Floats]:
        """``image_embeddings`` on a cluster: what is missing in the cache is embedded by the workers.

        Args:
            spec: how a worker opens the encoder; without one ``encoder`` itself is pickled.

        Raises:
            UserError: as :meth:`predict`.
        """
        from failsight.tools.attributes import embedding

        memory = _Memory(cached, store)
        _Pass(
            "embedding the pictures",
            embedding.PART,
            lambda start: embedding.part_key(table, encoder, start),
            Embedding(spec or Held(encoder), encoder.fingerprint),
            spec.device if spec is not None else "cpu",
        ).fill(table, memory, progress, self.workers)
        return embedding.image_embeddings(
            table, encoder, cached=memory.get, store=memory.put, progress=progress
        )

    def measure(
        self,
        table: ImageTable,
        *,
        cached: Cached | None = None,
        store: Store | None = None,
        progress: Progress | None = None,
    ) -> ImageMeasures:
        """``image_measures`` on a cluster: what is missing in the cache is measured by the workers.

        Raises:
            UserError: Ray isn't installed or can't be reached.
        """
        from failsight.tools.attributes import computed

        memory = _Memory(cached, store)
        _Pass(
            "Measuring the pictures",
            computed.PART,
            lambda start: computed.part_key(table, start),
            Measuring(),
        ).fill(table, memory, progress, self.workers)
        return computed.image_measures(table, cached=memory.get, store=memory.put, progress=progress)


class _Memory:
    """The cache of the case; without one, what was made just now until it is asked for."""

    def __init__(self, cached: Cached | None, store: Store | None) -> None:
        self._cached, self._store = cached, store
        self._made: dict[str, Mapping[str, npt.NDArray[Any]]] = {}

    def get(self, key: Mapping[str, Any]) -> Arrays | None:
        """What is known under ``key``."""
        made = self._made.pop(str(key), None)
        if made is not None:
            return dict(made)
        return self._cached(key) if self._cached is not None else None

    def put(self, key: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep ``arrays``."""
        if self._store is not None:
            self._store(key, arrays)
        if self._store is None or self._cached is None:
            self._made[str(key)] = arrays


def _units(total: int, step: int) -> list[Unit]:
    """``total`` rows in numbered units of ``step``."""
    return [(i, range(start, min(start + step, total))) for i, start in enumerate(range(0, total, step))]


def _run(
    table: ImageTable,
    work: Work,
    units: Sequence[Unit],
    device: str,
    workers: int | None,
    advance: Callable[[int], None],
) -> Generator[tuple[int, Arrays], None, None]:
    """The results of ``units``, as they get ready; no cluster is started for none."""
    if not units:
        return
    from failsight.tools.engine.ray_driver import Pass
    from failsight.tools.engine.ray_session import results

    carrier = Carrier.of(table)
    wanted = Pass(work, carrier, [carrier.pack(table, *unit) for unit in units], device, workers)
    with closing(results(wanted, advance)) as source:
        for made in source:
            yield made["number"], outcome(made)


@dataclass(frozen=True)
class _Pass:
    """A pass whose results lie in the case's cache, ``part`` rows under one key."""

    label: str
    part: int
    key: Callable[[int], Mapping[str, Any]]
    work: Work
    device: str = "cpu"

    def fill(
        self, table: ImageTable, memory: _Memory, progress: Progress | None, workers: int | None
    ) -> None:
        """Put the parts that are missing into ``memory``, each as soon as its units are there."""
        starts = [s for s in range(0, len(table), self.part) if memory.get(self.key(s)) is None]
        units = [
            (number, range(at, min(at + UNIT, start + self.part, len(table))))
            for start in starts
            for number, at in enumerate(range(start, min(start + self.part, len(table)), UNIT), start // UNIT)
        ]
        left = Counter(rows.start // self.part for _, rows in units)
        by_number = dict(units)
        made: dict[int, dict[int, Arrays]] = defaultdict(dict)
        with (
            job(progress, self.label, sum(len(rows) for _, rows in units)) as advance,
            closing(_run(table, self.work, units, self.device, workers, advance)) as source,
        ):
            for number, arrays in source:
                rows = by_number[number]
                place = rows.start // self.part
                made[place][number] = arrays
                if len(made[place]) == left[place]:
                    memory.put(self.key(place * self.part), _joined(made.pop(place)))
                advance(len(rows))


def _joined(made: Mapping[int, Arrays]) -> Arrays:
    """The units of one part in the order of their rows; arrays without rows have no say in the shape."""
    parts = [made[number] for number in sorted(made)]
    return {
        name: np.concatenate([p[name] for p in parts if len(p[name])] or [parts[0][name]])
        for name in parts[0]
    }
