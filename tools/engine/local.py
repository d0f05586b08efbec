"""One batched pass of the model over the data, on this machine: streamed, resumable, cached by content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.features import MOST_VALUES, tap
from failsight.tools.engine.parts import Parts
from failsight.tools.engine.singly import FAILS, NOT_FINITE
from failsight.tools.engine.stream import iter_pixels, stream
from failsight.tools.errors import ModelFails, UserError
from failsight.tools.evidence import canonical
from failsight.tools.inputs.base import Classifier, Floats, ImageTable, LeftOut, Pixels, Predictions, Split
from failsight.tools.inputs.decisions import thresholds_of
from failsight.tools.inputs.fingerprint import job

if TYPE_CHECKING:
    from failsight.tools.view import Progress

_LAYOUT = 2  # raise when the stored arrays change
_NO_ANSWER = (NOT_FINITE, FAILS)  # how a reason begins that is the model's own and not the picture's


def predict(
    table: ImageTable,
    model: Classifier,
    *,
    split: Split = "data",
    cache_folder: Path | None = None,
    progress: Progress | None = None,
    batch: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Predictions:
    """The prediction table of ``table``: every picture prepared and scored once.

    Results are saved under a key of model, data and preprocessing, a few hundred rows at a time: an interrupted pass
    goes on where it stopped, a finished one is read back. Pieces always start at the same rows, so a resumed pass gives
    the very numbers of an undisturbed one.

    Args:
        cache_folder: None keeps nothing.
        batch: pictures the model takes at once; by default fitted to their size.
        say: told when a batch had to be halved for lack of GPU memory.

    Raises:
        UserError: no picture could be scored, or the cache folder can't be written.
    """
    started, outputs = time.perf_counter(), model.outputs
    size = batch or batch_size(model)
    step = part_size(model, size)
    parts = Parts(cache_folder, f"predictions-{cache_key(table, model)}")
    whole = sound(parts.whole(), np.arange(len(table), dtype=np.int64), len(model.classes))
    if whole is not None:
        return as_predictions(table, model, split, whole, 0.0, cached=True)
    runner = Runner(table, model, size, say)
    pieces: list[dict[str, npt.NDArray[Any]]] = []
    with job(progress, f"predicting the {split} images", len(table)) as advance:
        for number, start in enumerate(range(0, len(table), step)):
            rows = np.arange(start, min(start + step, len(table)), dtype=np.int64)
            piece = sound(parts.part(number), rows, len(model.classes))
            if piece is None:
                piece = runner.run(rows, advance)
                if model.outputs == outputs:
                    parts.save_part(number, piece)
            else:
                advance(len(rows))
            if model.outputs != outputs:  # they turned out to be others than was guessed: all is scored alike
                break
            pieces.append(piece)
    if model.outputs != outputs:
        return predict(
            table, model, split=split, cache_folder=cache_folder, progress=progress, batch=batch, say=say
        )
    merged = merge(pieces, model)
    parts.save_whole(merged)
    return as_predictions(table, model, split, merged, time.perf_counter() - started, cached=False)


def batch_size(model: Classifier) -> int:
    """Pictures a batch: about half a megapixel, 8 to 64; more falls out of the processor's caches.

    A rule, not a measurement, so that numbers never depend on timing.
    """
    height, width = model.preprocessing.size
    return int(np.clip(2 ** round(np.log2(500_000 / (height * width))), 8, 64))


def part_size(model: Classifier, batch: int) -> int:
    """Rows saved at a time: about 512 small pictures, fewer large ones, whole batches."""
    height, width = model.preprocessing.size
    rows = 512 if height * width <= 64 * 64 else 128
    return max(1, rows // batch) * batch


def cache_key(table: ImageTable, model: Classifier) -> str:
    """What the predictions depend on: content of model and data, preprocessing, kind of outputs."""
    facts = [
        _LAYOUT,
        model.fingerprint,
        table.fingerprint,
        len(table),
        asdict(model.preprocessing),
        model.outputs,
    ]
    return hashlib.sha256(canonical([*facts, list(model.classes)]).encode()).hexdigest()[:32]


class Runner:
    """Scores pieces of the table; ``batch`` is what the model takes at once, halved when a GPU ran out of memory."""

    def __init__(
        self, table: ImageTable, model: Classifier, batch: int, say: Callable[[str], None] | None
    ) -> None:
        self._table, self._model, self.batch, self._say = table, model, batch, say
        self._tap = tap(model)

    def run(self, rows: npt.NDArray[np.int64], advance: Callable[[int], None]) -> dict[str, npt.NDArray[Any]]:
        """Scores (and features) of ``rows``: kept rows with finite scores, and the others with their reasons."""
        kept: list[npt.NDArray[np.int64]] = []
        scores: list[Floats] = []
        features: list[npt.NDArray[np.float16]] = []
        bad: list[tuple[int, str]] = []
        with (
            closing(stream(self._table, self._model, rows, self.batch)) as source,
            self._tap or nullcontext(),
        ):
            for part in source:
                bad.extend(part.bad)
                if len(part.rows):
                    values, heard, failed = self._answers(part.pixels)
                    fine = np.isfinite(values).all(1)
                    kept.append(part.rows[fine])
                    scores.append(values[fine])
                    features.append(self._features(fine, heard))
                    bad.extend(
                        (int(part.rows[i]), failed.get(int(i), NOT_FINITE)) for i in np.flatnonzero(~fine)
                    )
                advance(len(part.rows) + len(part.bad))
        bad.sort()
        return {
            "rows": np.concatenate(kept) if kept else np.zeros(0, np.int64),
            "scores": np.concatenate(scores)
            if scores
            else np.zeros((0, len(self._model.classes)), np.float32),
            "features": _joined(features),
            "bad_rows": np.array([row for row, _ in bad], np.int64),
            "bad_reasons": np.array([reason for _, reason in bad], dtype="U160"),
        }

    def _answers(self, pixels: Pixels) -> tuple[Floats, Floats | None, dict[int, str]]:
        """Scores of one batch, what the last layer read of it, and why the model failed on single pictures (their scores are NaN).

        A model that fails on a batch is asked for each picture by itself, so that it is known on which it fails.
        """
        try:
            return self._score(pixels), self._heard(), {}
        except ModelFails:
            self._heard()  # what was heard of the batch that failed is heard again
        values = np.full((len(pixels), len(self._model.classes)), np.nan, np.float32)
        heard: list[Floats | None] = [None] * len(pixels)
        failed: dict[int, str] = {}
        for i in range(len(pixels)):
            try:
                values[i] = self._model.scores(pixels[i : i + 1])[0]
                heard[i] = self._heard()
            except ModelFails as problem:
                self._heard()
                failed[i] = f"{FAILS} ({problem.why})"
        known = next((h for h in heard if h is not None and h.shape[0] == 1), None)
        if known is None:
            return values, None, failed
        gap = np.zeros_like(known)
        return (
            values,
            np.concatenate([gap if h is None or h.shape != gap.shape else h for h in heard]),
            failed,
        )

    def _heard(self) -> Floats | None:
        return None if self._tap is None else self._tap.take()

    def _features(self, fine: npt.NDArray[np.bool_], made: Floats | None) -> npt.NDArray[np.float16]:
        """What the model's last layer read of the batch just scored; without columns where that can't be kept."""
        nothing = np.zeros((int(fine.sum()), 0), np.float16)
        if made is None:
            return nothing
        if len(made) != len(fine) or made.shape[1] * len(self._table) > MOST_VALUES:
            return nothing
        limit = float(np.finfo(np.float16).max)
        return np.clip(np.nan_to_num(made[fine]), -limit, limit).astype(np.float16)

    def _score(self, pixels: Pixels) -> Floats:
        """Scores of one batch; when the GPU runs out of memory the batch is halved, for good."""
        limit = self.batch
        while True:
            try:
                return np.concatenate(
                    [self._model.scores(pixels[i : i + limit]) for i in range(0, len(pixels), limit)]
                )
            except Exception as problem:
                if type(problem).__name__ != "OutOfMemoryError" or limit == 1:
                    raise
                limit = max(1, limit // 2)
                self.batch = limit
                if self._tap is not None:
                    self._tap.take()  # what was heard of the batch that failed is heard again
                if self._say is not None:
                    self._say(f"The GPU ran out of memory; going on with batches of {limit}.")


def sound(
    piece: dict[str, npt.NDArray[Any]] | None, rows: npt.NDArray[np.int64], classes: int
) -> dict[str, npt.NDArray[Any]] | None:
    """``piece`` when it accounts for exactly these ``rows``, else None: it is computed anew."""
    if piece is None or set(piece) != {"rows", "scores", "features", "bad_rows", "bad_reasons"}:
        return None
    if len(piece["features"]) != len(piece["rows"]):
        return None
    if piece["scores"].shape != (len(piece["rows"]), classes) or len(piece["bad_rows"]) != len(
        piece["bad_reasons"]
    ):
        return None
    return (
        piece if np.array_equal(np.sort(np.concatenate([piece["rows"], piece["bad_rows"]])), rows) else None
    )


def merge(pieces: list[dict[str, npt.NDArray[Any]]], model: Classifier) -> dict[str, npt.NDArray[Any]]:
    """The pieces, in the order of their rows, as one."""
    if not pieces:
        return _empty(model)
    made = {name: np.concatenate([p[name] for p in pieces]) for name in pieces[0] if name != "features"}
    made["features"] = _joined([p["features"] for p in pieces])
    return made


def _joined(parts: list[npt.NDArray[np.float16]]) -> npt.NDArray[np.float16]:
    """Features of several batches; without columns where some batch with rows has none, or others."""
    some = [p for p in parts if len(p)]
    widths = {p.shape[1] for p in some}
    if len(widths) == 1:
        return np.concatenate(some)
    return np.zeros((sum(map(len, some)), 0), np.float16)


def _empty(model: Classifier) -> dict[str, npt.NDArray[Any]]:
    none = np.zeros(0, np.int64)
    scores = np.zeros((0, len(model.classes)), np.float32)
    return {
        "rows": none,
        "scores": scores,
        "features": np.zeros((0, 0), np.float16),
        "bad_rows": none,
        "bad_reasons": np.zeros(0, "U160"),
    }


def as_predictions(
    table: ImageTable,
    model: Classifier,
    split: Split,
    piece: dict[str, npt.NDArray[Any]],
    seconds: float,
    *,
    cached: bool,
) -> Predictions:
    """The prediction table of all rows. Raises UserError when no picture could be scored."""
    rows = piece["rows"]
    left_out = tuple(
        LeftOut(
            table.paths[int(row)],
            str(reason),
            int(table.labels[int(row)]) if str(reason).startswith(_NO_ANSWER) else -1,
        )
        for row, reason in zip(piece["bad_rows"], piece["bad_reasons"], strict=True)
    )
    if not len(rows) and left_out:
        raise UserError(
            f"Not one of the {len(left_out):,} images could be scored (the first: {left_out[0].reason}).",
            "Check that the model gives numbers for a picture of its input size."
            if left_out[0].reason.startswith(_NO_ANSWER)
            else "Check the images, and the model's input size and normalisation.",
        )
    features = piece["features"] if piece["features"].shape[1] else None
    return Predictions(
        split,
        model.classes,
        rows,
        table.labels[rows],
        piece["scores"],
        left_out,
        True,
        seconds,
        cached,
        features,
        thresholds_of(model),
    )


__all__ = ["batch_size", "cache_key", "iter_pixels", "part_size", "predict"]
