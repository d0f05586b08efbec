"""Files of a report: written whole or not at all, and only inside the case folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from failsight.tools.errors import UserError


def write_whole(path: Path, content: bytes) -> Path:
    """Write ``content`` beside ``path`` and put it in place in one step, so that a reader never sees half a file.

    Raises:
        UserError: the disk is full or the folder cannot be written; what stood at ``path`` before stays.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise UserError(
            f"The report {path.name} cannot be written to {path.parent} ({error.strerror or error}).",
            "Free some space, make the folder writable, or write elsewhere with `failsight report CASE --out FOLDER`; nothing else was lost.",
        ) from None
    return path


def _umask() -> int:
    """The process's mask for new files (mkstemp makes them private; a report is as readable as any other file)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def inside(folder: Path, name: str) -> Path | None:
    """The file ``name`` of ``folder``, or None when there is none or its path leads out of the folder."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None
