"""People's own knowledge: notes in Markdown or entries in YAML, kept per user or per project.

Own entries are found and cited like the shipped ones and marked as theirs. They are text, nothing more: whatever a
file says, it adds no tool, no call and no permission; fields beyond title, text, source, topic, steps, level and
aliases are dropped on reading.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from failsight.knowledge_base.schema import Entry, clean, from_dict, parse
from failsight.knowledge_base.store import load_yaml, shipped, write_quietly

SUFFIXES: Final = (".md", ".markdown", ".yaml", ".yml")
MAX_BYTES: Final = 1_000_000
MAX_FILES: Final = 1_000
_FRONT: Final = re.compile(r"\A---\s*\n(.*?)\n---\s*\n?", re.DOTALL)
_HEADING: Final = re.compile(r"^#{1,2}\s+(.+)$", re.MULTILINE)
_PREFIX: Final = "own."


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file or folder: the entries that are usable, and one sentence for each problem."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]


def folder(project: Path | None = None) -> Path:
    """Where own entries are kept: inside the project's folder, or in the user's data folder."""
    if project is not None:
        return project / "knowledge"
    if own := os.environ.get("FAILSIGHT_HOME"):
        return Path(own).expanduser() / "own"
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "failsight" / "own"


def check(path: Path) -> Report:
    """Read ``path`` (a file or a folder) and say what would be added and what is wrong, without keeping anything."""
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    taken = {entry.id for entry in shipped()}
    for file in _files(path, problems):
        for raw in _read(file, problems):
            entry, wrong = parse(raw, mine=False, origin=file.name)
            problems += [f"{file.name}: {w}" for w in wrong]
            if entry is None:
                continue
            if entry.id in taken or entry.id in entries:
                problems.append(f"{file.name}: the id '{entry.id}' is in use already.")
                continue
            entries[entry.id] = entry
    return Report(tuple(entries.values()), tuple(problems))


def add(path: Path, project: Path | None = None) -> Report:
    """Keep the entries of ``path``; one with an id that is kept already replaces it."""
    report = check(path)
    problems = list(report.problems)
    kept: list[Entry] = []
    for entry in report.entries:
        content = json.dumps(entry.to_dict(), ensure_ascii=False, indent=1).encode()
        if write_quietly(folder(project) / f"{entry.id}.json", content):
            kept.append(entry)
        else:
            problems.append(f"{entry.id}: it can't be written to {folder(project)}.")
    return Report(tuple(kept), tuple(problems))


def entries(project: Path | None = None) -> tuple[Entry, ...]:
    """Own entries: the user's, then the project's; a project's entry replaces a user's with the same id."""
    found: dict[str, Entry] = {}
    for place in [folder(), *([folder(project)] if project is not None else [])]:
        found |= {entry.id: entry for entry in _kept(place)}
    return tuple(found.values())


def remove(name: str, project: Path | None = None) -> bool:
    """Forget the own entry called ``name``; False if there is none."""
    if not re.fullmatch(r"[a-z0-9_.]+", name):
        return False
    try:
        (folder(project) / f"{name}.json").unlink()
    except OSError:
        return False
    return True


def stamp(project: Path | None = None) -> tuple[tuple[str, int, int], ...]:
    """Changes when an own entry is added, changed or removed."""
    made: list[tuple[str, int, int]] = []
    for place in [folder(), *([folder(project)] if project is not None else [])]:
        for file in sorted(place.glob("*.json")):
            stat = file.stat()
            made.append((str(file), stat.st_size, stat.st_mtime_ns))
    return tuple(made)


def _kept(place: Path) -> Iterator[Entry]:
    for file in sorted(place.glob("*.json")):
        try:
            entry = from_dict(json.loads(file.read_bytes()))
            # Whoever wrote the file by hand gets no further than parse() lets an own entry go.
            raw: dict[str, Any] = {**entry.to_dict(), "say": [], "extra": None}
            del raw["extra"], raw["mine"], raw["origin"]
            checked, _ = parse(raw, mine=False, origin=str(entry.origin))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if checked is not None:
            yield replace(checked, aliases=tuple(clean(str(a)) for a in entry.aliases))


def _files(path: Path, problems: list[str]) -> Iterator[Path]:
    if not path.exists():
        problems.append(f"There is no file or folder '{clean(str(path))}'.")
        return
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
    if len(files) > MAX_FILES:
        problems.append(f"Only the first {MAX_FILES} files of {path.name} are read.")
    for file in files[:MAX_FILES]:
        if file.suffix.lower() not in SUFFIXES:
            problems.append(f"{clean(file.name)}: only Markdown (.md) and YAML (.yaml) files are read.")
        elif file.stat().st_size > MAX_BYTES:
            problems.append(f"{clean(file.name)}: it is larger than {MAX_BYTES // 1_000_000} MB.")
        else:
            yield file
    if not files:
        problems.append(f"{clean(path.name)} holds no Markdown (.md) or YAML (.yaml) file.")


def _read(file: Path, problems: list[str]) -> Iterator[Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        problems.append(f"{clean(file.name)}: it can't be read as UTF-8 text.")
        return
    try:
        if file.suffix.lower() in (".md", ".markdown"):
            yield from _from_markdown(file, text)
        else:
            yield from _from_yaml(file, load_yaml(text))
    except ValueError as error:
        problems.append(f"{clean(file.name)}: {error}")


def _from_yaml(file: Path, raw: Any) -> Iterator[Any]:
    if isinstance(raw, Mapping) and isinstance(raw.get("entries"), list):
        shared = {k: v for k, v in raw.items() if k != "entries"}
        raws = [{**shared, **each} if isinstance(each, Mapping) else each for each in raw["entries"]]
    else:
        raws = raw if isinstance(raw, list) else [raw]
    for number, each in enumerate(raws, 1):
        yield (
            _with_defaults(each, file, number if len(raws) > 1 else 0) if isinstance(each, Mapping) else each
        )


def _from_markdown(file: Path, text: str) -> Iterator[dict[str, Any]]:
    front = _FRONT.match(text)
    about = load_yaml(front.group(1)) if front else {}
    if not isinstance(about, Mapping):
        raise ValueError("the part between the '---' lines is not a list of fields and values.")
    body = text[front.end() :] if front else text
    marks = list(_HEADING.finditer(body))
    if not marks or (len(body) < 2000 and len(marks) == 1):
        title = marks[0].group(1) if marks else file.stem.replace("_", " ").replace("-", " ")
        rest = body[marks[0].end() :] if marks else body
        yield _with_defaults({"title": title, **about, "text": rest.strip()}, file, 0)
        return
    ends = [m.start() for m in marks[1:]] + [len(body)]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True), 1):
        section = body[mark.end() : end].strip()
        if section:
            shared = {k: v for k, v in about.items() if k not in ("id", "title")}
            yield _with_defaults({**shared, "title": mark.group(1), "text": section}, file, number)


def _with_defaults(raw: Mapping[str, Any], file: Path, number: int) -> dict[str, Any]:
    slug = re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_") or "note"
    name = str(raw.get("id") or f"{slug}.n{number}" if number else raw.get("id") or slug)
    return {
        "title": file.stem,
        "kind": "note",
        "source": f"your own knowledge ({clean(file.name)})",
        **raw,
        "id": name if name.startswith(_PREFIX) else f"{_PREFIX}{name}",
    }


def run(action: str, what: str = "", *, project: bool | Path = False) -> list[str]:
    """``failsight knowledge ACTION WHAT``: do it and say, a line each, what came of it.

    Args:
        action: ``add``, ``list``, ``check`` or ``remove``.
        what: a file or folder (add, check), or an entry's id (remove).
        project: True for the current folder's store instead of the user's, or the folder itself.
    """
    place = project if isinstance(project, Path) else Path.cwd() if project else None
    if action == "list":
        lines = [f"{entry.id}  {entry.title}  ({entry.source})" for entry in entries(place)]
        return lines or ["No entries of your own yet: failsight knowledge add FILE."]
    if action == "remove":
        done = remove(what, place)
        return [
            f"{clean(what)} was removed."
            if done
            else f"There is no entry of your own called '{clean(what)}'."
        ]
    if action not in ("add", "check"):
        raise ValueError(f"unknown action {action!r}")
    report = check(Path(what)) if action == "check" else add(Path(what), place)
    done_word = "would be added" if action == "check" else "added"
    return [*(f"{entry.id}  {entry.title}: {done_word}." for entry in report.entries), *report.problems]
