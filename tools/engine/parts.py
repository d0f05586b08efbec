"""Results of a long pass, saved piece by piece: what is finished survives Ctrl-C and kill -9."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import UserError
from failsight.tools.inputs.fingerprint import write_atomically
from failsight.tools.text import clean

Arrays = Mapping[str, npt.NDArray[Any]]


class Parts:
    """The pieces of one pass under ``folder / name``: numbered files, merged into ``name.npz`` when all are there.

    Without a folder nothing is stored. A damaged file counts as absent.
    """

    def __init__(self, folder: Path | None, name: str) -> None:
        self._whole = folder / f"{name}.npz" if folder is not None else None
        self._folder = folder / f"{name}.parts" if folder is not None else None

    def whole(self) -> dict[str, npt.NDArray[Any]] | None:
        """The merged result, if it is there and sound."""
        return _read(self._whole)

    def part(self, number: int) -> dict[str, npt.NDArray[Any]] | None:
        """Piece ``number``, if it is there and sound."""
        return _read(self._folder / f"{number:06d}.npz" if self._folder is not None else None)

    def save_part(self, number: int, arrays: Arrays) -> None:
        """Store piece ``number`` in one step. Raises UserError when the disk does not take it."""
        if self._folder is not None:
            _write(self._folder / f"{number:06d}.npz", arrays)

    def save_whole(self, arrays: Arrays) -> None:
        """Store the merged result and drop the pieces. Raises UserError when the disk does not take it."""
        if self._whole is not None and self._folder is not None:
            _write(self._whole, arrays)
            shutil.rmtree(self._folder, ignore_errors=True)


def _read(path: Path | None) -> dict[str, npt.NDArray[Any]] | None:
    if path is None or not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, SyntaxError):
        return None


def _write(path: Path, arrays: Arrays) -> None:
    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    try:
        write_atomically(path, save)
    except OSError as problem:
        raise UserError(
            f"The folder {clean(path.parent.parent)} can't be written ({problem.strerror or clean(problem)}).",
            "Free some space or choose another folder with --out; what is done so far is kept.",
        ) from problem
