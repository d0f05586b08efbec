"""What every classifier here shares: pixels in, class probabilities out, and the probe that tells logits from
probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import FailsightError, ModelFails, UserError
from failsight.tools.evidence import canonical
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Box, Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.causes import named_cause, wanted_channels
from failsight.tools.inputs.models.outputs import (
    REVISED,
    Kind,
    Outputs,
    guess_kind,
    refuted,
    shares,
    softmax,
    told,
    two_columns,
)
from failsight.tools.inputs.models.side import Side
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.models import Request
    from failsight.tools.inputs.models.geometry import Geometry

NOT_NUMBERS = "The model's outputs for a made picture are not finite numbers (NaN or infinite). Are its weights in order?"


class ScoringModel:
    """A ``Classifier`` around any function from normalised input to raw outputs.

    Attributes:
        notes: what a person should know about how the model was read, in plain sentences.
        geometry: a picture-to-pixels step of the model's own, when ``preprocessing`` can't express it.
        kind: what its outputs are; for ``sigmoids``, each for itself, ``outputs`` says ``probabilities`` and scores are their shares.
        width: numbers that the model itself gives for a picture; 1 for a yes/no model with one output. None where nothing was probed.
        source: what the model was opened from; None for one that was made in memory.
        thresholds: class name → score from which on the class is answered (see ``decisions.decide``); empty for none.
    """

    format: str = "python"
    width: int | None = None
    kind: Kind = "logits"
    _guessed = False
    _told: tuple[str, ...] = ()  # of the kind of outputs, as long as it is a guess
    source: Request | None = None
    thresholds: Mapping[str, float] = MappingProxyType({})

    def __init__(
        self,
        classes: tuple[str, ...],
        fingerprint: str,
        preprocessing: Preprocessing,
        outputs: Kind | None,
        feature_layer: str | None = None,
        notes: Iterable[str] = (),
        geometry: Geometry | None = None,
    ) -> None:
        self.classes = classes
        self.fingerprint = fingerprint
        self.preprocessing = preprocessing
        self._feature_layer = feature_layer
        self.notes: tuple[str, ...] = tuple(notes)
        self.geometry = geometry
        self.kind = outputs or "logits"
        self._guessed = outputs is None
        self.outputs: Outputs = self._check_outputs(outputs)

    @property
    def feature_layer(self) -> str | None:
        """The name of the layer whose maps a saliency method should use, None where there is none."""
        return self._feature_layer

    def prepare(self, image: Image) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB pixels at the model's input size."""
        if self.geometry is not None:
            return self.geometry.prepare(image)
        return preprocess.prepare(image, self.preprocessing)

    def prepare_box(self, box: Box, width: int, height: int) -> Box:
        """``box`` of a ``width`` × ``height`` picture as fractions of the prepared picture, clipped to it."""
        if self.geometry is not None:
            return self.geometry.prepare_box(box, width, height)
        return preprocess.prepare_box(box, width, height, self.preprocessing)

    def raw_outputs(self, pixels: Pixels) -> Floats:
        """(n, anything) outputs as the model gives them, one row per picture."""
        raise NotImplementedError

    def logits(self, pixels: Pixels) -> Floats:
        """(n, classes) raw outputs for prepared pixels, float32."""
        if not len(pixels):
            return np.zeros((0, len(self.classes)), np.float32)
        try:
            raw = np.asarray(self.raw_outputs(pixels), np.float32).reshape(len(pixels), -1)
        except (FailsightError, MemoryError):
            raise
        except Exception as problem:
            if (
                type(problem).__name__ == "OutOfMemoryError"
            ):  # torch's, for each device another: batches are halved
                raise
            raise ModelFails(named_cause(problem, 100), len(pixels)) from problem
        if self._guessed and refuted(raw, self.kind):
            self.kind, self._guessed, self.outputs = "logits", False, "logits"
            self.notes = (*(n for n in self.notes if n not in self._told), REVISED)
        return two_columns(raw, self.outputs) if raw.shape[1] == 1 else raw

    def scores(self, pixels: Pixels) -> Floats:
        """(n, classes) probabilities in [0, 1]; a row with a value that is not finite stays so."""
        raw = self.logits(pixels)
        if self.kind == "sigmoids" and raw.shape[1] == len(self.classes):
            return shares(raw)
        return raw if self.outputs == "probabilities" else softmax(raw)

    def torch_module(self) -> Any | None:
        """The torch module in eval mode; None where the model is not a torch module."""
        return None

    def normalise(self, pixels: Pixels) -> Any:
        """Prepared pixels as the float32 torch tensor that the module takes."""
        import torch

        return torch.from_numpy(preprocess.normalise_array(pixels, self.preprocessing))

    def _check_outputs(self, stated: Kind | None) -> Outputs:
        """Run a probe: the number of outputs must fit the classes; logits or probabilities is read off unless stated."""
        try:
            raw = np.asarray(self.raw_outputs(probe_pixels(self.preprocessing)), np.float32)
        except FailsightError:
            raise
        except Exception as problem:
            raise self._cannot_run(problem) from problem
        raw = raw.reshape(len(raw), -1)
        self.width = raw.shape[1]
        count = 2 if raw.shape[1] == 1 else raw.shape[1]
        if count != len(self.classes):
            raise UserError(
                f"The model has {count} outputs, but {len(self.classes)} class names are given.",
                "Correct classes in the side file model.json.",
            )
        if stated is None:
            self.kind = guess_kind(raw)
            if self.kind == "sigmoids" or (self.kind == "probabilities" and raw.shape[1] == 1):
                more = np.asarray(self.raw_outputs(probe_pixels(self.preprocessing, 8)), np.float32)
                self.kind = guess_kind(more.reshape(len(more), -1))  # two pictures are few for that
            self._told = tuple(told(self.kind, raw.shape[1]))
            self.notes = (*self.notes, *self._told)
        if not np.isfinite(raw).all():
            self.notes += (NOT_NUMBERS,)
        return "logits" if self.kind == "logits" else "probabilities"

    def _cannot_run(self, problem: Exception) -> UserError:
        """What to tell a person where the model fails on a first picture."""
        height, width = self.preprocessing.size
        channels = wanted_channels(problem)
        hint = 'Do input_size, channels and layout in the side file fit the model ("channels": "GRAY" for one channel)?'
        if channels == 1:
            hint = 'It takes one channel: write "channels": "GRAY" into the side file.'
        elif channels is not None:
            hint = f"It takes {channels} channels; Failsight gives pictures of three, or of one."
        return UserError(
            f"The model can't be run on pictures of {height} × {width} pixels: {named_cause(problem)}.",
            hint,
        )


def probe_pixels(how: Preprocessing, count: int = 2) -> Pixels:
    """A few seeded pictures of different brightness and noise at the model's input size."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (count, *how.size, 3))
    level = np.linspace(0.1, 1.0, count)[:, None, None, None]
    return (noise * level).astype(np.uint8)


def hash_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the contents of ``paths`` in the order given, never over where they lie."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def fingerprint_of(weights: str, side: Side, *more: Any) -> str:
    """One fingerprint from the hash of the weights, the side file's facts and whatever else shapes the answers."""
    text = canonical([weights, dict(side.raw), *more])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Unnamed(UserError):
    """Nobody says what the classes are called. ``outputs``: how the model numbers them (``LABEL_0`` …); empty where it does not."""

    outputs: tuple[str, ...] = ()


def need_classes(
    side: Side, path: Path, found: tuple[str, ...] | None = None, numbered: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The class names, from the side file or as ``found`` in the model.

    Raises:
        Unnamed: nobody names them; ``numbered`` is what stands in place of names.
    """
    names = side.classes or found
    if names is None:
        problem = Unnamed(
            f"The model {clean(path.name)} does not say what its classes are called.",
            f'Write {side_place(path)}: {{"classes": ["first class", "second class", …]}} in output order.',
        )
        problem.outputs = numbered
        raise problem
    return names


def side_place(path: Path) -> str:
    """Which side file to write for the model at ``path``, and where."""
    if path.is_dir():
        return f"model.json into the folder {clean(path.name)}"
    return f"{clean(path.stem)}.json beside it"


def need_preprocessing(side: Side, path: Path, found: Preprocessing | None = None) -> Preprocessing:
    """The preprocessing, from the side file over what was ``found``. Raises UserError without an input size."""
    how = side.preprocessing(found)
    if how is None:
        raise UserError(
            f"The model {clean(path.name)} does not say what size of picture it takes.",
            f'Write {side_place(path)} with "input_size": [height, width], and mean and std if it needs them.',
        )
    return how
