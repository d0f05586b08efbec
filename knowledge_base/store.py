"""Reading the entries, quickly.

The data files are YAML because people write them. Parsing them takes a few hundred milliseconds, so the result is
kept as JSON in the cache folder under a name made of every file's path, size and time of change; any edit makes
another name. The cache holds nothing that the files don't: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from failsight.knowledge_base.schema import Entry, from_dict, parse

HERE: Final = Path(__file__).resolve().parent
ENTRIES: Final = HERE / "entries"
_FORMAT: Final = "2"  # raise it when Entry changes, so that no older cache is read


class BrokenEntries(Exception):
    """A shipped data file does not fit the schema: a bug of ours, caught by the tests."""


def home() -> Path:
    """The folder for caches and people's own entries.

    ``FAILSIGHT_HOME`` if set, else ``failsight`` under the XDG cache folder.
    """
    if own := os.environ.get("FAILSIGHT_HOME"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "failsight"


def shipped() -> tuple[Entry, ...]:
    """All entries that come with the package, in file order, the workflows last.

    Raises:
        BrokenEntries: a data file does not fit the schema.
    """
    from failsight.knowledge_base import workflow

    files = sorted(ENTRIES.rglob("*.yaml")) + sorted(workflow.FOLDER.glob("*.yaml"))
    cache = home() / "knowledge" / f"entries-{_stamp(files)}.json"
    found = _read_cache(cache)
    if found is not None:
        return found
    entries, problems = read_files(sorted(ENTRIES.rglob("*.yaml")), mine=True)
    if problems:
        raise BrokenEntries("\n".join(problems))
    entries += workflow.entries()
    write_quietly(cache, json.dumps([e.to_dict() for e in entries], ensure_ascii=False).encode())
    return tuple(entries)


def read_files(files: Iterable[Path], *, mine: bool) -> tuple[list[Entry], list[str]]:
    """Parse YAML files of entries.

    A file holds either one entry, or ``entries:`` (a list) beside fields that all of them share.

    Returns:
        The usable entries and one sentence for each problem, with the file's name.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    seen: dict[str, str] = {}
    for file in files:
        try:
            raws = list(_mappings(load_yaml(file.read_text(encoding="utf-8"))))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            problems.append(f"{file.name}: {_one_line(error)}")
            continue
        for raw in raws:
            entry, wrong = parse(raw, mine=mine, origin="" if mine else str(file))
            problems += [f"{file.name}: {w}" for w in wrong]
            if entry is None:
                continue
            if entry.id in seen:
                problems.append(f"{file.name}: the id '{entry.id}' is used in {seen[entry.id]} already.")
                continue
            seen[entry.id] = file.name
            entries.append(entry)
    return entries, problems


def load_yaml(text: str) -> Any:
    """Parse YAML safely (no Python objects), with libyaml's parser where it is there.

    Raises:
        ValueError: it is not YAML; the message says where.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    except yaml.YAMLError as error:
        raise ValueError(f"it is not valid YAML ({_one_line(error)}).") from error
    except RecursionError as error:
        raise ValueError("its YAML is nested too deeply.") from error


def _mappings(raw: Any) -> Iterator[Any]:
    if isinstance(raw, dict) and isinstance(raw.get("entries"), list):
        shared = {k: v for k, v in raw.items() if k != "entries"}
        for each in raw["entries"]:
            yield {**shared, **each} if isinstance(each, dict) else each
    else:
        yield raw


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _stamp(files: Iterable[Path]) -> str:
    digest = hashlib.sha256(_FORMAT.encode())
    for file in files:
        stat = file.stat()
        digest.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]


def _read_cache(cache: Path) -> tuple[Entry, ...] | None:
    try:
        return tuple(from_dict(raw) for raw in json.loads(cache.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_quietly(path: Path, content: bytes) -> bool:
    """Write ``content`` to ``path`` in one step; False if the folder can't be written (a cache is a convenience)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:
        return False
    return True
