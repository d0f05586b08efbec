"""The same pictures through many input pipelines: each is decoded once, equal inputs are scored once."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from failsight.tools.engine.local import batch_size
from failsight.tools.engine.singly import FAILS, scored_singly
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import (
    BadImage,
    Classifier,
    Floats,
    ImageTable,
    LeftOut,
    Pixels,
    Preprocessing,
    Split,
    batches,
)
from failsight.tools.inputs.decisions import Thresholds, decide, thresholds_of
from failsight.tools.inputs.models.scoring import probe_pixels
from failsight.tools.inputs.models.variant import takes_preprocessing, with_preprocessing
from failsight.tools.inputs.table import laid_on
from failsight.tools.pipelines.candidates import Alternative, Pipeline, Triple
from failsight.tools.view import CaseView

FLOOR = 1e-6  # a probability below this counts as this: one sure error must not outweigh all other pictures
_STORED = 2  # layout of the cached arrays
WORTH_KEEPING = 1.0  # seconds that a batch took, from which it is kept by itself
_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # EXIF orientation → what undoes the turn that decoding made

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Outcomes:
    """What became of n pictures under p pipelines.

    Attributes:
        rows: the readable rows, in the order asked for. (n,)
        labels: their true classes. (n,)
        right: whether the true class had the highest score. (p, n)
        truth: natural logarithm of the true class's probability, at least ``log(FLOOR)``. (p, n)
        left_out: the unreadable ones, and those on which the model fails as it is fed.
        said: the class that was answered, −1 for scores that are not finite; None where nobody kept it. (p, n)
    """

    rows: Rows
    labels: Rows
    right: Bools
    truth: Floats
    left_out: tuple[LeftOut, ...] = ()
    said: npt.NDArray[np.int64] | None = None


class Bench:
    """One model and one split, ready to be fed in many ways."""

    def __init__(self, view: CaseView, split: Split, turned: Mapping[int, int]) -> None:
        self.view, self.split = view, split
        self.model: Classifier = view.model()
        self.table: ImageTable = view.table(split)
        self.declared: Preprocessing = self.model.preprocessing
        self.own_geometry = getattr(self.model, "geometry", None) is not None
        self.arithmetic = takes_preprocessing(self.model)
        self.turned = turned
        self._fed: dict[Preprocessing, Classifier] = {}
        self._fails: dict[int, str] = {}  # row → why the model gives no answer to it as it is fed

    def accepts(self, change: Alternative) -> bool:
        """Whether the model takes pictures in the shape that this change gives them."""
        if change.axis != "layout":
            return True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.scores(Pipeline((change,)), probe_pixels(self.declared))
        except Exception:  # whatever a network raises for a shape that it does not take
            return False
        return True

    def scores(self, pipeline: Pipeline, pixels: Pixels) -> Floats:
        """(n, classes) probabilities for prepared pixels, fed as ``pipeline`` says."""
        how = pipeline.how(self.declared)
        edited = edit(pixels, pipeline, swap=how.channels != self.declared.channels)
        arithmetic = replace(
            self.declared, scale=how.scale, mean=how.mean, std=how.std, layout=how.layout
        )  # channels are swapped already, and the pixels have their size
        if arithmetic == self.declared:
            return self.model.scores(edited)
        if arithmetic not in self._fed:
            self._fed[arithmetic] = with_preprocessing(self.model, arithmetic)
        return self._fed[arithmetic].scores(edited)

    def prepare(self, image: Image.Image, pipeline: Pipeline) -> npt.NDArray[np.uint8]:
        """(height, width, 3) pixels as the pipeline's geometry makes them; the declared one is the model's own."""
        if not pipeline.changed_geometry():
            return np.asarray(self.model.prepare(image), np.uint8)
        return preprocess.prepare(image, pipeline.how(self.declared))

    def statistics(self, rows: Rows) -> tuple[Triple, Triple] | None:
        """Mean and std of the prepared pictures of ``rows``, per channel, for pixels from 0 to 1; None when they say nothing."""
        colours, squares, count = np.zeros(3), np.zeros(3), 0
        for row in rows.tolist():
            try:
                pixels = self.prepare(self.table.open(row), Pipeline()).reshape(-1, 3) / 255
            except BadImage:
                continue
            colours, squares, count = colours + pixels.mean(0), squares + (pixels**2).mean(0), count + 1
        if not count:
            return None
        mean = colours / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        if std.min() < 0.01:
            return None
        (r, g, b), (x, y, z) = np.round(mean, 2).tolist(), np.round(std, 2).tolist()
        return (r, g, b), (x, y, z)

    def brightest(self, rows: Rows) -> int | None:
        """The largest pixel of the prepared pictures of ``rows``, 0 to 255; None where none can be read."""
        found = None
        for row in rows.tolist():
            try:
                found = max(found or 0, int(self.prepare(self.table.open(row), Pipeline()).max()))
            except BadImage:
                continue
        return found

    def open(self, row: int, pipeline: Pipeline) -> Image.Image:
        """One picture of the table on the ground that the pipeline lays it on. Raises BadImage."""
        ground = pipeline.how(self.declared).ground
        return (self.table if ground == self.declared.ground else laid_on(self.table, ground)).open(row)

    def transparent(self, rows: Rows) -> bool:
        """Whether any of the pictures of ``rows`` is less than opaque somewhere, as far as is known."""
        known = getattr(self.table, "transparent", None)
        return known is not None and bool(known[rows].any())

    def picture(self, image: Image.Image, row: int, pipeline: Pipeline) -> npt.NDArray[np.uint8]:
        """One picture of the table as the pipeline hands it to the arithmetic: (height, width, 3)."""
        pixels = self.prepare(self._stored(image, row, pipeline), pipeline)[None]
        swap = pipeline.how(self.declared).channels != self.declared.channels
        shown: npt.NDArray[np.uint8] = edit(pixels, pipeline, swap=swap)[0]
        return shown

    def measure(self, rows: Rows, pipelines: Sequence[Pipeline], label: str) -> Outcomes:
        """Feed ``rows`` through every pipeline: streamed, batch by batch, each picture decoded once; cached.

        Pictures on which the model fails as it is fed are left out, from then on in every call; where it fails under another
        pipeline only, it is not right under that one.
        """
        known_bad = [(row, self._fails[row]) for row in rows.tolist() if row in self._fails]
        rows = rows[[row not in self._fails for row in rows.tolist()]]
        key = self._key(rows, pipelines)
        arrays = self.view.cached(key)
        if arrays is None:
            arrays = self._in_parts(rows, pipelines, label)
            self.view.store(key, arrays)
        bad = list(zip(arrays["bad"].tolist(), map(str, arrays["reasons"].tolist()), strict=True))
        self._note_failures(bad)
        kept, said = arrays["rows"], arrays["said"]
        labels = self.table.labels[kept]
        left_out = self._left_out([*known_bad, *bad])
        return Outcomes(kept, labels, said == labels, arrays["truth"], left_out, said)

    def _in_parts(self, rows: Rows, pipelines: Sequence[Pipeline], label: str) -> Arrays:
        """What becomes of ``rows``, batch by batch. A batch that took long is kept, so that an interrupted call goes on after it."""
        parts = list(batches(rows, batch_size(self.model)))
        made = [self.view.cached(self._key(part, pipelines)) if len(parts) > 1 else None for part in parts]
        missing = [i for i, one in enumerate(made) if one is None]
        with self.view.progress.job(label, sum(len(parts[i]) for i in missing)) as ticker:
            begun = perf_counter()
            for i, (part, pictures, bad) in zip(
                missing, self._pictures([parts[i] for i in missing], pipelines), strict=True
            ):
                made[i] = one = self._measured(part, pictures, pipelines, bad)
                if len(parts) > 1 and perf_counter() - begun >= WORTH_KEEPING:
                    self.view.store(self._key(parts[i], pipelines), one)
                ticker.advance(len(parts[i]))
                begun = perf_counter()
        empty = self._measured(np.zeros(0, np.int64), {}, pipelines, [])
        return {
            name: np.concatenate([one[name] for one in (empty, *made) if one is not None], -1)
            for name in empty
        }

    def _measured(
        self,
        rows: Rows,
        pictures: Mapping[Any, Pixels],
        pipelines: Sequence[Pipeline],
        unread: Sequence[tuple[int, str]],
    ) -> Arrays:
        """One batch under every pipeline: readable rows, answers, log probability of the truth; rows left out, with the reason."""
        bad = list(unread)
        said, truth = np.zeros((len(pipelines), 0), np.int64), np.zeros((len(pipelines), 0), np.float32)
        if len(rows):
            scored, failed = self._batch(pictures, pipelines)
            fine = np.array([i not in failed for i in range(len(rows))], bool)
            bad += [(int(rows[i]), why) for i, why in failed.items()]
            rows, scored = rows[fine], [s[fine] for s in scored]
            said, truth = _said(scored, thresholds_of(self.model)), _truth(scored, self.table.labels[rows])
        return {
            "rows": rows, "said": said, "truth": truth,
            "bad": np.array([row for row, _ in bad], np.int64),
            "reasons": np.array([reason for _, reason in bad], np.str_),
        }  # fmt: skip

    def _key(self, rows: Rows, pipelines: Sequence[Pipeline]) -> dict[str, Any]:
        fed = [[asdict(p.how(self.declared)), sorted(p.edits), p.changed_geometry()] for p in pipelines]
        for each, p in zip(fed, pipelines, strict=True):
            each += [asdict(p.covered)] if p.covered else []
        where = hashlib.sha256(np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest()
        return {
            "preprocessing_probe": _STORED, "model": self.model.fingerprint, "data": self.table.fingerprint,
            "split": self.split, "rows": where, "pipelines": fed, "declared": asdict(self.declared),
        }  # fmt: skip

    def _left_out(self, bad: Sequence[tuple[int, str]]) -> tuple[LeftOut, ...]:
        return tuple(LeftOut(self.table.paths[row], reason) for row, reason in bad)

    def _pictures(
        self, parts: Sequence[Rows], pipelines: Sequence[Pipeline]
    ) -> Iterator[tuple[Rows, dict[Any, Pixels], list[tuple[int, str]]]]:
        """Of each batch (readable rows, prepared pixels by geometry, unreadable rows); threads decode one batch ahead."""
        wanted = {_geometry(p, self.declared): p for p in pipelines}

        def one(row: int) -> dict[Any, npt.NDArray[np.uint8]] | str:
            grounds = {p.how(self.declared).ground: p for p in wanted.values()}
            try:
                images = {ground: self.open(row, p) for ground, p in grounds.items()}
            except BadImage as problem:
                return str(problem)
            return {
                key: self.prepare(self._stored(images[p.how(self.declared).ground], row, p), p)
                for key, p in wanted.items()
            }

        with ThreadPoolExecutor(2, thread_name_prefix="failsight-decode") as pool:
            pending = ((part, [pool.submit(one, int(r)) for r in part]) for part in parts)
            ahead = list(islice(pending, 2))
            while ahead:
                part, futures = ahead.pop(0)
                made = [f.result() for f in futures]
                ahead += islice(pending, 1)
                good = [(r, m) for r, m in zip(part.tolist(), made, strict=True) if not isinstance(m, str)]
                bad = [(r, m) for r, m in zip(part.tolist(), made, strict=True) if isinstance(m, str)]
                stacks = {key: np.stack([m[key] for _, m in good]) for key in wanted} if good else {}
                yield np.array([r for r, _ in good], np.int64), stacks, bad

    def _stored(self, image: Image.Image, row: int, pipeline: Pipeline) -> Image.Image:
        back = _BACK.get(self.turned.get(row, 1)) if "as_stored" in pipeline.edits else None
        image = image if back is None else image.transpose(back)
        return image if pipeline.covered is None else preprocess.border_covered(image, pipeline.covered)

    def _note_failures(self, bad: Sequence[tuple[int, str]]) -> None:
        self._fails |= {row: reason for row, reason in bad if reason.startswith(FAILS)}

    def _batch(
        self, pictures: Mapping[Any, Pixels], pipelines: Sequence[Pipeline]
    ) -> tuple[list[Floats], dict[int, str]]:
        """Scores under each pipeline, and place → why for pictures on which the model fails as it is fed, where that is among them.

        Two pipelines that feed the same numbers share one pass.
        """
        same: dict[Any, Any] = {}
        for key, pixels in pictures.items():
            twin = next((k for k in dict.fromkeys(same.values()) if np.array_equal(pictures[k], pixels)), key)
            same[key] = twin
        done: dict[Any, Floats] = {}
        made = []
        failed: dict[Any, dict[int, str]] = {}
        as_fed: dict[int, str] = {}
        for p in pipelines:
            how, twin = p.how(self.declared), same[_geometry(p, self.declared)]
            fed = (
                twin, p.edits - {"as_stored"}, how.channels, how.scale, how.mean, how.std, how.layout
            )  # fmt: skip
            if fed not in done:
                done[fed], failed[fed] = scored_singly(
                    partial(self.scores, p), pictures[twin], len(self.model.classes)
                )
            if p == Pipeline():
                as_fed = failed[fed]
            made.append(done[fed])
        return made, as_fed


def _geometry(pipeline: Pipeline, declared: Preprocessing) -> Any:
    """What decides the prepared pixels: equal keys, equal pixels."""
    stored, how = "as_stored" in pipeline.edits, pipeline.how(declared)
    if not pipeline.changed_geometry():
        return "declared", stored, pipeline.covered, how.ground
    return how.fit, how.resize, how.interpolation, stored, pipeline.covered, how.ground


def edit(pixels: Pixels, pipeline: Pipeline, *, swap: bool) -> Pixels:
    """Prepared pixels with what ``Preprocessing`` can't express: (n, h, w, 3) → the same shape."""
    edits = pipeline.edits
    if "transposed" in edits:
        pixels = pixels.transpose(0, 2, 1, 3)
    if "upside_down" in edits:
        pixels = pixels[:, ::-1]
    if "grey" in edits:
        one = preprocess.to_channels(pixels, Preprocessing(size=(1, 1), channels="GRAY"))
        pixels = np.repeat(one, 3, axis=3)
    if swap:
        pixels = pixels[..., ::-1]
    return np.ascontiguousarray(pixels)


def _said(scored: Sequence[Floats], rule: Thresholds) -> Rows:
    """(p, n): the class that is answered; −1, which no class is, for scores that are not finite."""
    made = [np.where(np.isfinite(s).all(1), decide(np.nan_to_num(s, nan=-1.0), rule), -1) for s in scored]
    values: Rows = np.stack(made).astype(np.int64)
    return values


def _truth(scored: Sequence[Floats], labels: Rows) -> Floats:
    """(p, n): log probability of the true class."""
    at = np.arange(len(labels))
    made = [np.log(np.clip(np.nan_to_num(s[at, labels], nan=0.0), FLOOR, 1.0)) for s in scored]
    values: Floats = np.stack(made).astype(np.float32)
    return values


def orientations(table: ImageTable, rows: Rows) -> dict[int, int]:
    """EXIF orientation of those ``rows`` whose file carries one other than upright; none where pictures have no file."""
    file = getattr(table, "file", None)
    found: dict[int, int] = {}
    if file is None:
        return found
    for row in rows.tolist():
        path = file(row)
        turn = 1 if path is None else _orientation(path)
        if turn in _BACK:
            found[row] = turn
    return found


def _orientation(path: Path) -> int:
    """The EXIF orientation of a file, read from its header; 1 (upright) for one that can't be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow about large pictures
            with Image.open(path) as opened:
                return int(opened.getexif().get(0x0112, 1))
    except Exception:  # it is left out later, with its reason
        return 1
