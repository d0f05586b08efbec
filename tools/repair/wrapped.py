"""Versions that are the old model with something new around it, for models that can't be trained.

``version.json`` says what: a new last layer on the model's features or on the logarithms of its scores (``head``), its
scores at another temperature (``temperature``), its answers with a bound of confidence below which a person is asked
(``defer``), or weak answers of one class overruled (``rule``). It holds numbers only; opening it runs no code but the old
model. Where a case has recorded answers and no model, all but the first kind stand around these.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.inputs.base import Box, Floats, Pixels, Predictions, Split
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.inputs.models.scoring import ScoringModel
from failsight.tools.repair.reading import read_otherwise
from failsight.tools.repair.versions import WRAPPED
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.base import Classifier
    from failsight.tools.view import CaseView

ARRAYS = "head.npz"
Reader = Callable[[Pixels], Floats]


class WrappedModel(ScoringModel):
    """A classifier around another; pictures are prepared as the old one wants them.

    Attributes:
        base: the old model.
        facts: what ``version.json`` says.
        threshold: confidence below which a person is asked; 0 where nothing is deferred.
    """

    format = "wrapped"

    def __init__(
        self, base: Classifier, facts: Mapping[str, Any], arrays: Mapping[str, Any], print_of: str
    ) -> None:
        self.base, self.facts = base, dict(facts)
        self.threshold = float(facts.get("threshold", 0.0))
        self._weight: npt.NDArray[np.float32] = arrays.get("weight", np.zeros((0, 0), np.float32))
        self._bias: npt.NDArray[np.float32] = arrays.get("bias", np.zeros(0, np.float32))
        self._read: Reader | None = None
        if facts["kind"] == "head":
            self._read = reader_of(base, str(facts["reads"]))
        super().__init__(
            tuple(base.classes),
            print_of,
            base.preprocessing,
            "logits",
            geometry=getattr(base, "geometry", None),
        )
        self.thresholds = getattr(base, "thresholds", {})

    def prepare(self, image: Image) -> npt.NDArray[np.uint8]:
        return self.base.prepare(image)

    def prepare_box(self, box: Box, width: int, height: int) -> Box:
        return self.base.prepare_box(box, width, height)

    def normalise(self, pixels: Pixels) -> Any:
        return self.base.normalise(pixels)

    def torch_module(self) -> Any | None:
        """The old module where its answers are kept; None behind a new last layer."""
        return None if self._read is not None else self.base.torch_module()

    @property
    def feature_layer(self) -> str | None:
        return None if self._read is not None else self.base.feature_layer

    def raw_outputs(self, pixels: Pixels) -> Floats:
        if self._read is not None:
            return self.from_features(self._read(pixels))
        made = read_otherwise(self.base.scores(pixels), self.facts)
        return np.log(np.clip(made, 1e-7, None)).astype(np.float32)

    def read(self, pixels: Pixels) -> Floats:
        """(n, d) what the new last layer reads: of the old model alone, so that all versions may share it."""
        assert self._read is not None
        return self._read(pixels)

    def from_features(self, features: Floats) -> Floats:
        """(n, classes) outputs of the new last layer."""
        made: Floats = (features @ self._weight.T + self._bias).astype(np.float32)
        return made

    def defers(self, scores: Floats) -> npt.NDArray[np.bool_]:
        """(n,) whether each answer is left to a person."""
        sure = np.take_along_axis(scores, decide(scores, thresholds_of(self))[:, None], 1)[:, 0]
        made: npt.NDArray[np.bool_] = sure < self.threshold
        return made


def log_scores_of(model: Classifier) -> Reader:
    """Logarithms of the model's scores, (n, classes)."""

    def read(pixels: Pixels) -> Floats:
        made: Floats = np.log(np.clip(model.scores(pixels), 1e-7, None)).astype(np.float32)
        return made

    return read


def features_of(model: Classifier) -> Reader:
    """What the model's last layer reads, (n, channels). Raises RetryError where it can't be read."""
    from failsight.tools.engine.features import tap

    if model.format == "onnx":
        from failsight.tools.repair.onnx_features import penultimate

        return penultimate(model)
    listening = tap(model)
    if listening is None:
        raise RetryError("This model shows no inner layers; its features can't be read.")

    def read(pixels: Pixels) -> Floats:
        import torch

        with torch.inference_mode(), listening:
            listening.module(model.normalise(pixels))
        return listening.take()

    return read


def inputs_of(model: Classifier) -> Reader:
    """What the last layer of a TorchScript program reads, (n, d). Raises RetryError where it can't be told."""
    from failsight.tools.repair.script_features import script_head

    head = script_head(model)
    if head is None:
        raise RetryError("This program ends in no linear layer whose inputs can be read.")
    return head.read


READERS: Mapping[str, Callable[[Any], Reader]] = {
    "inputs": inputs_of,
    "features": features_of,
    "log_scores": log_scores_of,
}


def reader_of(model: Classifier, reads: str) -> Reader:
    """The reader that a version was made with."""
    return READERS[reads](model)


def best_reader(model: Classifier) -> tuple[str, Reader]:
    """What the last layer reads where that can be told (``inputs`` of a program, else ``features``), else ``log_scores``."""
    for name in ("inputs", "features"):
        try:
            return name, READERS[name](model)
        except RetryError:
            continue
    return "log_scores", log_scores_of(model)


def answered(view: CaseView, model: WrappedModel, split: Split) -> Predictions:
    """What a version with a new last layer answers. What that layer reads is the old model's: read once, kept, shared by all versions."""
    from failsight.tools.inputs.models.outputs import softmax

    base = view.predictions(split)
    said = [model.base.fingerprint, model.facts["reads"], view.table(split).fingerprint]
    key = {"what a new last layer reads": said}
    stored = view.cached(key)
    if stored is None:
        rows, parts = [np.zeros(0, np.int64)], []
        with view.progress.job(f"reading the features of the {split} images", len(base)) as tick:
            for at, pixels in view.pixels(base.rows, split):
                rows.append(at)
                parts.append(model.read(pixels))
                tick.advance(len(at))
        stored = {"rows": np.concatenate(rows), "features": np.concatenate(parts)}
        view.store(key, stored)
    known = np.isin(base.rows, stored["rows"])
    features = stored["features"][np.searchsorted(stored["rows"], base.rows[known])]
    scores = softmax(model.from_features(features))
    at = np.flatnonzero(known)[np.isfinite(scores).all(1)]
    scores = scores[np.isfinite(scores).all(1)]
    return replace(base.part(at), scores=scores, answers=None)


def write_wrapped(
    folder: Path,
    base: Classifier,
    facts: Mapping[str, Any],
    arrays: Mapping[str, npt.NDArray[Any]] | None = None,
) -> WrappedModel:
    """Write ``version.json`` (and ``head.npz``) into ``folder``, and open it. Raises UserError."""
    write_facts(folder, base.fingerprint, base.classes, facts, arrays)
    return open_wrapped(folder, base)


def write_facts(
    folder: Path,
    base: str,
    classes: Sequence[str],
    facts: Mapping[str, Any],
    arrays: Mapping[str, npt.NDArray[Any]] | None = None,
) -> str:
    """Write them for the model, or the recorded answers, whose fingerprint is ``base``; the version's own fingerprint.

    Raises:
        UserError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if arrays:
            np.savez(folder / ARRAYS, **{k: np.asarray(v, np.float32) for k, v in arrays.items()})
        told = {**facts, "base": base, "classes": list(classes)}
        (folder / WRAPPED).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as problem:
        raise UserError(
            f"The folder {clean(folder)} can't be written ({clean(problem)}).", "Is there room?"
        ) from problem
    return digest([base, _read_files(folder)[2]])


def answers_read(folder: Path, base: Predictions, of: str) -> tuple[Predictions, str]:
    """Recorded answers as ``version.json`` in ``folder`` wants them read, and the version's fingerprint.

    Args:
        of: fingerprint of the recorded answers.

    Raises:
        UserError: the file is damaged, or made for other answers.
    """
    facts, _, print_of = _read_files(folder)
    if facts.get("base") != of or facts["kind"] == "head":
        raise UserError(
            f"{folder / WRAPPED} was made for other answers than those of this case.",
            "Open the case with the predictions that it was made with.",
        )
    return replace(base, scores=read_otherwise(base.scores, facts), features=None), digest([of, print_of])


def open_wrapped(folder: Path, base: Classifier) -> WrappedModel:
    """The classifier that ``version.json`` in ``folder`` describes, around ``base``.

    Raises:
        UserError: the file is damaged, of a kind that this release does not know, or made for another model.
    """
    facts, arrays, print_of = _read_files(folder)
    if facts.get("base") != base.fingerprint:
        raise UserError(
            f"{folder / WRAPPED} was made for another model than the one of this case.",
            "Open the case with the model that it was made with.",
        )
    return WrappedModel(base, facts, arrays, digest([base.fingerprint, print_of]))


def _read_files(folder: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]], str]:
    """What the file says, checked; the arrays that go with it; and a digest of both."""
    kind, arrays, raw = None, {}, b""
    try:
        text = (folder / WRAPPED).read_text(encoding="utf-8")
        facts = json.loads(text)
        kind = facts["kind"]
        if kind == "head":
            raw = (folder / ARRAYS).read_bytes()
            with np.load(folder / ARRAYS, allow_pickle=False) as stored:
                arrays = {name: np.asarray(stored[name], np.float32) for name in ("weight", "bias")}
        if _sound(facts, arrays):
            return facts, arrays, digest([facts, hashlib.sha256(raw).hexdigest()])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        pass
    raise UserError(
        f"{folder / WRAPPED} describes no version that can be opened ({clean(kind, 40)}).",
        "Make the repair again.",
    )


def _sound(facts: Any, arrays: Mapping[str, npt.NDArray[np.float32]]) -> bool:
    kind = facts["kind"]
    if kind == "head":
        weight, bias = arrays["weight"], arrays["bias"]
        fits = weight.ndim == 2 and bias.shape == (len(weight),) == (len(facts["classes"]),)
        return bool(
            facts["reads"] in READERS and fits and np.isfinite(weight).all() and np.isfinite(bias).all()
        )
    if kind == "temperature":
        return math.isfinite(float(facts["temperature"])) and float(facts["temperature"]) > 0
    if kind == "rule" and "share" in facts:
        return bool(0 <= float(facts["share"]) <= 1)
    if kind == "rule":
        known = 0 <= int(facts["answers"]) < len(facts["classes"])
        return bool(known and 0 <= float(facts["below"]) <= 1.01)
    return bool(kind == "defer" and 0 <= float(facts["threshold"]) <= 1)
