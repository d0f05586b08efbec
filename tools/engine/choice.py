"""Which engine does the heavy passes: ``local`` (this process) or ``ray`` (a cluster), behind one small protocol.

Importing this module imports neither torch nor ray.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.embedding import Cached, Store
from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs.base import Classifier, Floats, ImageTable, Predictions, Split
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.attributes.computed import ImageMeasures
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import Progress

ENGINES = ("local", "ray")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How a worker on another machine opens the model: the arguments of ``open_model``.

    ``path`` and ``side_file`` must mean the same file there. ``device`` is that of the person; a worker gets one GPU
    where it names a GPU and the cluster has any.
    """

    path: str
    arch: str | None = None
    trust_code: bool = False
    device: str = "cpu"
    side_file: str | None = None
    classes: tuple[str, ...] | None = None
    thresholds: Mapping[str, float] | None = None

    def open(self) -> Classifier:
        """The model. Raises UserError."""
        from failsight.tools.inputs import open_model

        return open_model(
            self.path,
            arch=self.arch,
            trust_code=self.trust_code,
            side_file=self.side_file,
            classes=self.classes,
            device=self.device,
            thresholds=self.thresholds,
        )


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """How a worker opens the encoder: ``opener`` called with ``path`` and ``device``.

    ``opener`` is a function at the top of a module, so that it travels by name.
    """

    path: str
    opener: Callable[..., Encoder]
    device: str = "cpu"

    def open(self) -> Encoder:
        """The encoder. Raises UserError."""
        return self.opener(self.path, device=self.device)


class Engine(Protocol):
    """The three passes over all pictures. Both engines give the same tables and read each other's caches."""

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
        """The prediction table of ``table``. Raises RetryError without a model, UserError as ``open_model`` does."""

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
        """(rows, (n, d) float32 of unit length) of the pictures that can be read."""

    def measure(
        self,
        table: ImageTable,
        *,
        cached: Cached | None = None,
        store: Store | None = None,
        progress: Progress | None = None,
    ) -> ImageMeasures:
        """What ``image_measures`` finds; with a cache, ``attribute_table`` then reads it from there."""


def opened(model: Classifier | ModelSpec | None) -> Classifier:
    """``model`` as something that scores. Raises RetryError where there is none."""
    if model is None:
        raise RetryError("This case has predictions only; there is no model to run.")
    return model.open() if isinstance(model, ModelSpec) else model


class LocalEngine:
    """Batches in this process."""

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
        from failsight.tools.engine.local import predict

        return predict(
            table, opened(model), split=split, cache_folder=cache_folder, progress=progress, say=say
        )

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
        from failsight.tools.attributes.embedding import image_embeddings

        return image_embeddings(table, encoder, cached=cached, store=store, progress=progress)

    def measure(
        self,
        table: ImageTable,
        *,
        cached: Cached | None = None,
        store: Store | None = None,
        progress: Progress | None = None,
    ) -> ImageMeasures:
        from failsight.tools.attributes.computed import image_measures

        return image_measures(table, cached=cached, store=store, progress=progress)


def choose_engine(name: str) -> Engine:
    """The engine called ``name``; ray itself is imported (and missed) only when there is something to run.

    Raises:
        UserError: there is no engine of that name.
    """
    if name == "local":
        return LocalEngine()
    if name == "ray":
        from failsight.tools.engine.ray_engine import RayEngine

        return RayEngine()
    raise UserError(f"There is no engine {clean(name, 40)}.", f"Use one of {', '.join(ENGINES)}.")
