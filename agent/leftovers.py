"""What was in a folder before a case was opened there, so that an opening that fails leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from failsight.agent.config import FILE
from failsight.tools.repair.versions import FOLDER as REPAIRS

FILES = (FILE, "journal.jsonl", "journal.head", ".lock", "checkpoints.sqlite", "checkpoints.sqlite-wal", "checkpoints.sqlite-shm")  # fmt: skip
FOLDERS = ("cache", "figures", "evidence", REPAIRS)


class Before:
    """The state of a folder before an opening.

    Only what Failsight itself writes into a case folder is ever taken away or put back, by name: whatever else lies there, or
    came there in the meantime, is somebody else's.

    Args:
        folder: where the case will be; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.missing = [p for p in (self.folder, *self.folder.parents) if not p.exists()]
        self.kept: dict[Path, bytes] = {}
        self.there: set[Path] = set()
        for name in FILES:
            path = self.folder / name
            if path.is_file():
                self.kept[path] = path.read_bytes() if os.access(path, os.R_OK) else b""
        for name in FOLDERS:
            self.there |= set(_all(self.folder / name))

    def undo(self) -> None:
        """Take away what came since, and put back what was written over. What can't be taken away stays."""
        for name in FILES:
            path = self.folder / name
            with contextlib.suppress(OSError):
                if path not in self.kept:
                    path.unlink()
                elif path.read_bytes() != self.kept[path]:
                    path.write_bytes(self.kept[path])
        for name in FOLDERS:
            folder = self.folder / name
            if folder not in self.there and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            for path in reversed(list(_all(folder))):  # what lies inside a folder before it
                if path not in self.there:
                    with contextlib.suppress(OSError):
                        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self.unmade()

    def unmade(self) -> None:
        """Take away the folders that were made for the case, as far as they are empty."""
        for folder in self.missing:
            try:
                folder.rmdir()
            except OSError:
                return


def _all(folder: Path) -> list[Path]:
    """``folder`` and all in it, each folder before what it holds; links are not followed. Empty where there is none."""
    if not folder.is_dir():
        return []
    made = [folder]
    for where, folders, files in os.walk(folder):
        made += (Path(where) / name for name in (*folders, *files))
    return made
