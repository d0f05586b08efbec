"""What every data set and every model looks like to a tool: two small protocols and three frozen tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.decisions import Thresholds, decide

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of width and height, 0 to 1
Pixels = npt.NDArray[np.uint8]  # (n, height, width, 3), RGB, 0 to 255
Floats = npt.NDArray[np.float32]
Split = Literal["data", "train", "pool", "deploy"]
SPLITS: tuple[Split, ...] = ("data", "train", "pool", "deploy")


NOT_READ = "is a format that is not read"
"""How the reason of a file that is left out for its format ends."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image or row that is counted and listed but not used, with the reason in plain words.

    ``label``: its true class, where the image is in order and the model gave no answer that can be used; else −1.
    """

    path: str
    reason: str
    label: int = -1


class ImageTable(Protocol):
    """Images with labels and metadata, in a fixed order; rows are numbered from 0.

    Attributes:
        paths: one name per row, relative to ``root``; for display and joins (``row-12`` where images have no file).
        labels: true class per row as an index into ``classes``; −1 where unknown (an unlabelled pool).
        classes: class names, as the *model* names them once the case has matched the two lists.
        columns: metadata: column name → one value per row (``str``, ``float`` or None); never path, label, split, boxes.
        boxes: per row: object name → boxes; None when the data has no boxes.
        left_out: rows dropped while reading (unknown label, missing file …).
        fingerprint: SHA-256 of the content (bytes of the images, labels, columns), never of where it lies.
    """

    @property
    def root(self) -> Path: ...

    @property
    def paths(self) -> Sequence[str]: ...

    @property
    def labels(self) -> npt.NDArray[np.int64]: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]: ...

    @property
    def boxes(self) -> Sequence[Mapping[str, Sequence[Box]]] | None: ...

    @property
    def left_out(self) -> Sequence[LeftOut]: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def format(self) -> str: ...

    def __len__(self) -> int: ...

    def open(self, row: int) -> Image:
        """The image of ``row``, RGB, EXIF rotation applied. Raises ``BadImage`` when it can't be read."""


class BadImage(Exception):
    """An image that can't be read; the message says why in a few words."""


Ground = Literal["drop", "white", "black", "grey"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the model's input.

    ``fit``: ``stretch`` (resize to size), ``crop`` (resize shorter side to ``resize``, centre crop), ``square``
    (centre square crop, then resize). ``mean`` and ``std`` apply to pixels scaled by ``scale`` (normally 1/255).
    ``ground``: what transparent pictures are laid on; ``drop``: their alpha is dropped, as most training pipelines do.
    """

    size: tuple[int, int]  # height, width
    fit: Literal["stretch", "crop", "square"] = "crop"
    resize: int | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box"] = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    channels: Literal["RGB", "BGR", "GRAY"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    ground: Ground = "drop"


class Classifier(Protocol):
    """A model that turns prepared pixels into class probabilities.

    The two halves are apart so that experiments can edit the very pixels that the model sees:
    ``prepare`` resizes and crops to uint8; ``logits`` normalises and runs the model.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def format(self) -> str:
        """transformers | onnx | torchscript | torch_export | safetensors | python."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def preprocessing(self) -> Preprocessing: ...

    @property
    def outputs(self) -> Literal["logits", "probabilities"]: ...

    @property
    def feature_layer(self) -> str | None: ...

    def prepare(self, image: Image) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB pixels at the model's input size."""

    def prepare_box(self, box: Box, width: int, height: int) -> Box:
        """``box`` of an image of ``width`` × ``height`` pixels, as fractions of the prepared picture, clipped to it."""

    def logits(self, pixels: Pixels) -> Floats:
        """(n, classes) raw outputs for prepared pixels."""

    def scores(self, pixels: Pixels) -> Floats:
        """(n, classes) probabilities in [0, 1]: softmax of the logits, or the outputs when they are probabilities."""

    def torch_module(self) -> Any | None:
        """The torch module in eval mode for tools that need layers and gradients; None for ONNX and black boxes.

        Feed it ``normalise(pixels)``.
        """

    def normalise(self, pixels: Pixels) -> Any:
        """Prepared pixels as the float32 torch tensor that the module takes."""


@dataclass(frozen=True)
class Predictions:
    """The prediction table of one split: one row per image that could be read and scored.

    Attributes:
        rows: row numbers in the split's ImageTable, ascending. Shape (n,).
        labels: true class index per row, −1 unknown. Shape (n,).
        scores: class probabilities. Shape (n, classes), float32. A black box with predictions only has one-hot rows
            and ``has_scores`` False.
        left_out: images that could not be read or whose scores are not finite.
        features: what the model's last layer read, (n, channels) float16, from the same pass; None for black boxes,
            ONNX, and where they would not fit (``CaseView.features`` then reads a sample).
        thresholds: of the classes, in their order; empty where the largest score decides (see ``decisions.decide``).
        answers: class index per row where a table says outright what was answered, whatever the scores. Shape (n,).
        predicted: class index per row that counts as the model's answer: ``answers``, else by ``thresholds``. Shape (n,).
        confidence: the score of the class answered, which need not be the largest. Shape (n,), float32.
    """

    split: Split
    classes: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    scores: Floats
    left_out: tuple[LeftOut, ...] = ()
    has_scores: bool = True
    seconds: float = 0.0
    cached: bool = False
    features: npt.NDArray[np.float16] | None = None
    thresholds: Thresholds = ()
    answers: npt.NDArray[np.int64] | None = None
    predicted: npt.NDArray[np.int64] = field(init=False)
    confidence: Floats = field(init=False)

    def __post_init__(self) -> None:
        if not len(self.scores):
            predicted, confidence = np.zeros(0, np.int64), np.zeros(0, np.float32)
        else:
            given = self.answers
            if given is not None and len(given) != len(self.scores):
                raise ValueError(f"{len(given)} answers for {len(self.scores)} rows")
            predicted = decide(self.scores, self.thresholds) if given is None else given.astype(np.int64)
            confidence = np.take_along_axis(self.scores, predicted[:, None], 1)[:, 0]
        object.__setattr__(self, "predicted", predicted)
        object.__setattr__(self, "confidence", confidence)

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, at: npt.NDArray[Any]) -> Predictions:
        """The rows ``at`` (places or a mask) by themselves, without features."""
        given = None if self.answers is None else self.answers[at]
        return replace(
            self,
            rows=self.rows[at],
            labels=self.labels[at],
            scores=self.scores[at],
            answers=given,
            features=None,
        )

    @property
    def unanswered(self) -> npt.NDArray[np.int64]:
        """True class of each labelled image to which the model gave no answer: no row here, and no right answer either."""
        return np.array([one.label for one in self.left_out if one.label >= 0], np.int64)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Mask of rows with a known label."""
        return self.labels >= 0

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Mask of rows predicted right (False where the label is unknown)."""
        right: npt.NDArray[np.bool_] = self.labelled & (self.predicted == self.labels)
        return right

    @property
    def otherwise(self) -> npt.NDArray[np.bool_]:
        """Mask of rows whose answer is not the class with the largest score (a tie counts as the largest)."""
        made: npt.NDArray[np.bool_] = (
            self.confidence < self.scores.max(1) if len(self.scores) else np.zeros(0, np.bool_)
        )
        return made


@dataclass(frozen=True)
class AttributeTable:
    """Attributes of the images of one split, aligned with ``Predictions.rows``.

    ``columns``: name → values (``str`` or None for categories, float with NaN for numbers). ``sources``: name →
    ``metadata`` | ``computed`` | ``object`` (presence of a boxed object) | later proposers. ``unusable``: name → why
    no slice can be made of the column (constant, nearly every value unique …); the column is kept for display.
    """

    rows: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]
    sources: Mapping[str, str]
    unusable: Mapping[str, str] = field(default_factory=dict)


def batches(rows: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    """``rows`` in slices of at most ``size``."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
