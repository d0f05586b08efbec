"""Looking once at every picture: the hash of its bytes and the size its header states, in threads, remembered."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.inputs import images
from failsight.tools.inputs.base import BadImage
from failsight.tools.inputs.table import Sources

if TYPE_CHECKING:
    from failsight.tools.view import Progress

_CHUNK = 64
_THREADS = min(
    8, (os.cpu_count() or 2) + 2
)  # reading waits for the disk, hashing and inflating free the interpreter


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a picture gave: the hash of its bytes, its size and whether it is transparent, or why it is left out."""

    digest: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""
    transparent: bool = False


def look_at(sources: Sources, cache_folder: Path | None, root: Path, progress: Progress | None) -> list[Look]:
    """One ``Look`` per picture, in order.

    Unchanged files (same path, size and modification time) are taken from ``cache_folder``; what was looked at is
    stored there even when the work is interrupted.
    """
    memory = _Memory(cache_folder, root)
    looks: list[Look] = []
    try:
        with job(progress, "looking at the images", len(sources)) as advance, _pool() as pool:
            spans = [range(i, min(i + _CHUNK, len(sources))) for i in range(0, len(sources), _CHUNK)]
            for part in pool.map(lambda span: [_look(sources, i, memory) for i in span], spans):
                looks.extend(part)
                advance(len(part))
    finally:
        memory.save()
    return looks


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="failsight-look")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def job(progress: Progress | None, label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress job, or none when nobody watches."""
    if progress is None:
        yield lambda steps: None
        return
    with progress.job(label, total) as ticker:
        yield ticker.advance


def _look(sources: Sources, index: int, memory: _Memory) -> Look:
    try:
        name, size, changed = sources.identity(index)
        if size == 0:
            return Look(problem="the file is empty")
        known = memory.get(name, size, changed)
        if known is not None:
            return known
        look = _read(sources.get(index))
    except FileNotFoundError:
        return Look(problem="the file is missing")
    except PermissionError:
        return Look(problem="the file may not be read (permissions)")
    except OSError as problem:
        return Look(problem=f"it can't be read ({problem.strerror or type(problem).__name__})")
    except ValueError:  # a null byte, or half a character
        return Look(problem="its name holds something that no file name may hold")
    memory.put(name, size, changed, look)
    return look


def _read(source: str | bytes) -> Look:
    if isinstance(source, bytes):
        digest = hashlib.sha256(source).hexdigest()
    else:
        with open(source, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        width, height, transparent = images.look(source)
    except BadImage as problem:
        return Look(digest=digest, problem=str(problem))
    return Look(digest, width, height, transparent=transparent)


class _Memory:
    """Looks of earlier openings, in one JSON file per data folder; a damaged file is forgotten."""

    def __init__(self, folder: Path | None, root: Path) -> None:
        self._file: Path | None = None
        self._old: dict[str, list[Any]] = {}
        self._new: dict[str, list[Any]] = {}
        if folder is not None:
            key = hashlib.sha256(os.fsencode(os.path.abspath(root))).hexdigest()[:16]
            self._file = folder / f"looks-{key}.json"
            self._old = self._load(self._file)

    @staticmethod
    def _load(file: Path) -> dict[str, list[Any]]:
        try:
            stored = json.loads(file.read_bytes())
            return {name: row for name, row in stored.items() if len(row) == 7}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def get(self, name: str, size: int, changed: int) -> Look | None:
        row = self._old.get(name)
        return Look(*row[2:]) if row is not None and row[:2] == [size, changed] else None

    def put(self, name: str, size: int, changed: int, look: Look) -> None:
        self._new[name] = [
            size,
            changed,
            look.digest,
            look.width,
            look.height,
            look.problem,
            look.transparent,
        ]

    def save(self) -> None:
        if self._file is None or not self._new:
            return
        text = json.dumps({**self._old, **self._new}, separators=(",", ":"))
        try:
            write_atomically(self._file, lambda path: path.write_text(text, "ascii"))
        except OSError:  # a full or read-only disk costs the next opening some seconds, nothing else
            pass


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put it in place in one step; nothing half-written stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def content_hash(parts: Sequence[Any], digests: Sequence[str]) -> str:
    """SHA-256 over the pictures' hashes and ``parts`` (labels, columns, boxes as JSON values), in order."""
    from failsight.tools.evidence import canonical

    total = hashlib.sha256()
    for digest in digests:
        total.update(bytes.fromhex(digest))
    total.update(canonical(list(parts)).encode("utf-8", "surrogatepass"))
    return total.hexdigest()
