"""What a Ray worker does with one unit of consecutive rows. Knows nothing of Ray; runs anywhere.

A unit travels as plain values: its number, its rows, and where their pictures are (paths as the operating system spells
them, or positions in a data set that the worker opens itself). What comes back is one block of bytes (``numpy.savez``),
so every number arrives as it was made.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import FailsightError, RetryError, UserError
from failsight.tools.inputs.base import Classifier, Ground, ImageTable
from failsight.tools.inputs.table import Files, Images, Sources, open_source

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.encoders import Encoder

Arrays = dict[str, npt.NDArray[Any]]


class Opener(Protocol):
    """Opens the model or encoder of a worker."""

    def open(self) -> Any: ...


@dataclass(frozen=True)
class Held:
    """An opener that carries the opened thing itself, pickled: for models that are no file."""

    value: Any

    def open(self) -> Any:
        """The thing."""
        return self.value


class Work(Protocol):
    """What is done with the pictures of one unit."""

    def on(self, device: str) -> Work:
        """The same, with what it opens on ``device``."""

    def run(self, pictures: ImageTable, rows: range) -> Arrays: ...


@dataclass
class Predicting:
    """Scores and features, piece by piece, as the local engine makes them."""

    opener: Opener
    fingerprint: str
    batch: int
    _model: Classifier | None = field(default=None, init=False)

    def on(self, device: str) -> Predicting:
        """The same on ``device``."""
        return replace(self, opener=_on(self.opener, device))

    def run(self, pictures: ImageTable, rows: range) -> Arrays:
        """The piece of ``rows`` as ``engine.local.Runner`` makes it."""
        from failsight.tools.engine.local import Runner

        if self._model is None:
            self._model = _same(self.opener.open(), self.fingerprint, "model")
        runner, outputs = Runner(pictures, self._model, self.batch, None), self._model.outputs
        piece = runner.run(np.arange(rows.start, rows.stop, dtype=np.int64), lambda steps: None)
        self.batch = runner.batch
        if self._model.outputs != outputs:  # other workers have read theirs as what was guessed
            raise UserError(
                "The model's outputs were taken for probabilities, and for some of the images they are none.",
                'Write "outputs": "logits" into its side file and start again.',
            )
        return piece


@dataclass
class Embedding:
    """Embeddings of a few hundred rows."""

    opener: Opener
    fingerprint: str
    _encoder: Encoder | None = field(default=None, init=False)

    def on(self, device: str) -> Embedding:
        """The same on ``device``."""
        return replace(self, opener=_on(self.opener, device))

    def run(self, pictures: ImageTable, rows: range) -> Arrays:
        """``rows`` that could be read and their embeddings."""
        from failsight.tools.attributes.embedding import embed_part

        if self._encoder is None:
            self._encoder = _same(self.opener.open(), self.fingerprint, "encoder")
        numbers = np.arange(rows.start, rows.stop, dtype=np.int64)
        return embed_part(pictures, self._encoder, numbers, 1, lambda steps: None)


@dataclass
class Measuring:
    """Computed attributes of a few hundred rows."""

    def on(self, device: str) -> Measuring:
        """Itself: nothing is opened."""
        return self

    def run(self, pictures: ImageTable, rows: range) -> Arrays:
        """What ``attributes.computed`` measures of ``rows``."""
        from failsight.tools.attributes.computed import measure_part

        return measure_part(pictures, rows, 1, _Silent())


def _on(opener: Opener, device: str) -> Opener:
    """``opener`` for ``device``; what is held stays where it is."""
    return opener if isinstance(opener, Held) else cast("Opener", replace(cast("Any", opener), device=device))


class _Silent:
    def advance(self, steps: int = 1) -> None: ...


def _same(opened: Any, fingerprint: str, what: str) -> Any:
    """``opened``, if it is what the person's own process has. Raises UserError."""
    if opened.fingerprint != fingerprint:
        raise UserError(
            f"A Ray worker opened another {what} than this machine: their contents differ.",
            "Put the same file at the same path on every machine of the cluster.",
        )
    return opened


class _Offset:
    """Row → position in the unit's own sources."""

    def __init__(self, start: int) -> None:
        self._start = start

    def __getitem__(self, row: int) -> int:
        return int(row) - self._start


class _Positions:
    """Row → position in the sources of the whole data set."""

    def __init__(self, start: int, positions: Sequence[int]) -> None:
        self._start, self._positions = start, positions

    def __getitem__(self, row: int) -> int:
        return int(self._positions[int(row) - self._start])


@dataclass(frozen=True)
class Pictures:
    """The rows of one unit under their own numbers: as much of an ``ImageTable`` as a worker needs."""

    total: int
    sources: Sources
    index: Any
    ground: Ground = "drop"

    def __len__(self) -> int:
        return self.total

    def open(self, row: int) -> Image:
        """The picture of ``row``. Raises BadImage."""
        return open_source(self.sources, self.index[row], ground=self.ground)


@dataclass(frozen=True)
class Carrier:
    """How the pictures of ``table`` reach a worker.

    Files travel as paths, unit by unit. Embedded pictures: the worker opens the data set's own files, positions travel.
    Any other table is pickled as it is.
    """

    total: int
    sources: Sources | None = None
    table: Any = None
    ground: Ground = "drop"

    @staticmethod
    def of(table: ImageTable) -> Carrier:
        """The carrier for ``table``."""
        if isinstance(table, Images):
            whole = None if isinstance(table.sources, Files) else table.sources
            return Carrier(len(table), whole, ground=table.ground)
        return Carrier(len(table), None, table)

    def pack(self, table: ImageTable, number: int, rows: range) -> dict[str, Any]:
        """One unit as plain values."""
        unit: dict[str, Any] = {"number": number, "start": rows.start, "stop": rows.stop}
        unit["paths"], unit["positions"] = [], []
        if self.table is None and isinstance(table, Images):
            at = table.index[rows.start : rows.stop]
            if self.sources is None:
                unit["paths"] = [os.fsencode(cast("Files", table.sources).paths[int(i)]) for i in at]
            else:
                unit["positions"] = at.tolist()
        return unit

    def unpack(self, unit: Mapping[str, Any]) -> ImageTable:
        """The unit's pictures."""
        if self.table is not None:
            return cast("ImageTable", self.table)
        start = int(unit["start"])
        if self.sources is None:
            files = Files([os.fsdecode(bytes(path)) for path in unit["paths"]])
            return cast("ImageTable", Pictures(self.total, files, _Offset(start), self.ground))
        return cast(
            "ImageTable",
            Pictures(self.total, self.sources, _Positions(start, unit["positions"]), self.ground),
        )


@dataclass
class Worker:
    """One actor: opens its model once, then does unit after unit. ``name`` is that of the pass."""

    work: Work
    carrier: Carrier
    name: str = ""

    def __call__(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        """The unit's result; what a person has to mend comes back as words, not as a crash of the worker."""
        made = {"number": int(unit["number"]), "blob": b"", "kind": "", "message": "", "hint": ""}
        rows = range(int(unit["start"]), int(unit["stop"]))
        try:
            made["blob"] = to_bytes(self.work.run(self.carrier.unpack(unit), rows))
        except UserError as problem:
            made |= {"kind": "user", "message": problem.message, "hint": problem.hint}
        except FailsightError as problem:
            made |= {"kind": "retry", "message": str(problem)}
        except Exception as problem:  # a bug; told by ourselves, for Ray would wrap it in its own words
            made |= {"kind": "bug", "message": "".join(traceback.format_exception(problem))}
            with contextlib.suppress(Exception):  # an error that can't travel is told in words
                made["blob"] = pickle.dumps(problem)
        return made


def outcome(made: Mapping[str, Any]) -> Arrays:
    """The arrays that a worker sent. Raises what it met."""
    if made["kind"] == "user":
        raise UserError(made["message"], made["hint"])
    if made["kind"] == "retry":
        raise RetryError(made["message"])
    if made["kind"]:
        raise bug(made["blob"], made["message"])
    return from_bytes(made["blob"])


def bug(pickled: bytes, trace: str) -> BaseException:
    """An error as it was raised elsewhere, with the traceback it had there as a note."""
    try:
        problem: BaseException = pickle.loads(pickled)  # noqa: S301 - made by our own workers
    except Exception:
        problem = RuntimeError("a Ray worker failed")
    problem.add_note(f"In a Ray worker:\n{trace}")
    return problem


def to_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """``arrays`` as one block of bytes, exactly."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(blob: bytes) -> Arrays:
    """What ``to_bytes`` made."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
