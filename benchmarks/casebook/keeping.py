"""Made cases kept on disk: every method plays the same files, and nobody waits for them twice.

A case is kept under a mark: plans of all its attempts and the code that makes cases, comments aside. Of the answer key only
what is planted counts, not how it is judged: a key that accepts more makes no other pictures.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook import edits, making, networks, pictures, takeup
from benchmarks.casebook.making import Case, NotMadeError, Reserve, make_case
from benchmarks.casebook.plans import ATTEMPTS, VERSION, Plan, Split, plan_case
from benchmarks.planted import pool, training

LAYOUT = 1  # of what is kept
GIGABYTES = 4.0  # kept at most, unless more is asked for
IN_USE = 3600.0  # seconds since its last use for which a case is not removed
PLACES = ("data", "train", "deploy", "model", "history", "predictions")
MAKERS = (making, networks, pictures, edits, takeup, pool, training)
TOLD = ("kinds", "story", "also", "proxies", "whole", "anything")  # fields of a key that only judge


@dataclass(frozen=True)
class KeptCase(Case):
    """A case in the folder ``place`` of kept ones."""

    place: Path


def kept_case(split: Split, number: int, keep: Path, cache: Path | None = None, gigabytes: float = GIGABYTES) -> KeptCase:  # fmt: skip
    """A case from the folder of kept ones; made and put there where it is missing.

    Args:
        split, number: which case.
        keep: folder of kept cases.
        cache: folder of drawn pictures and shared networks.
        gigabytes: kept at most; the cases unused for longest go first.

    Raises:
        NotMadeError: as ``make_case``; that no attempt counts is kept, too.
    """
    place = keep / mark(split, number)
    if not (place / "case.json").is_file():
        _make(split, number, place, cache)
        _trim(keep, gigabytes)
    return _opened(split, number, place)


def mark(split: Split, number: int) -> str:
    """What a case is kept under."""
    plans = [_made_of(plan_case(split, number, attempt)) for attempt in range(ATTEMPTS)]
    content = json.dumps([LAYOUT, VERSION, _code(), plans], sort_keys=True)
    return f"{split}-{number:03d}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _made_of(plan: Plan) -> dict[str, Any]:
    """The plan without what only judges."""
    made = asdict(plan)
    made["key"] = [{k: v for k, v in one.items() if k not in TOLD} for one in made["key"]]
    return made


@cache
def _code() -> str:
    """Digest of the code that makes cases, and of the library that trains: comments and docstrings aside."""
    from importlib.metadata import version

    total = hashlib.sha256(version("torch").encode())
    for module in MAKERS:
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and ast.get_docstring(node) is not None
            ):
                del node.body[0]
        total.update(ast.dump(tree).encode())
    return total.hexdigest()


# -- writing -----------------------------------------------------------------------------------------


def _make(split: Split, number: int, place: Path, cache: Path | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=place.parent))
    began = time.monotonic()
    try:
        try:
            case = make_case(split, number, part, cache)
        except NotMadeError as problem:
            if not str(problem).startswith("not taken up"):
                raise  # the pictures are absent: they may be there next time
            told: dict[str, Any] = {"problem": str(problem)}
        else:
            given = {k: str(Path(v).relative_to(part)) if k in PLACES else v for k, v in case.given.items()}
            told = {"given": given, "attempt": case.plan.attempt, "size": case.size}
            _save_reserve(part / "reserve.npz", case.reserve)
        told["bytes"] = sum(p.stat().st_size for p in part.rglob("*") if p.is_file())
        told["seconds"] = round(time.monotonic() - began, 2)
        (part / "case.json").write_text(json.dumps(told, indent=1), "utf-8")
        try:
            part.replace(place)
        except OSError:  # another process was faster
            if not (place / "case.json").is_file():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save_reserve(path: Path, reserve: Reserve) -> None:
    ends = np.cumsum([len(f) for f in reserve.files], dtype=np.int64)
    content = np.frombuffer(b"".join(reserve.files), np.uint8)
    columns = {f"column {name}": np.asarray(values, np.str_) for name, values in reserve.columns.items()}
    np.savez(path, content=content, ends=ends, truth=reserve.truth, scores=reserve.scores, **columns)


def _trim(keep: Path, gigabytes: float) -> None:
    """Remove the cases unused for longest, until the rest is small enough."""
    kept = []
    for path in keep.glob("*/case.json"):
        try:
            kept.append((path.stat().st_mtime, json.loads(path.read_text("utf-8"))["bytes"], path.parent))
        except (OSError, ValueError, KeyError):
            continue
    total = sum(size for _, size, _ in kept)
    for used, size, folder in sorted(kept):
        if total <= gigabytes * 1e9 or time.time() - used < IN_USE:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= size


# -- reading -----------------------------------------------------------------------------------------


def _opened(split: Split, number: int, place: Path) -> KeptCase:
    told = json.loads((place / "case.json").read_text("utf-8"))
    os.utime(place / "case.json")
    if "problem" in told:
        raise NotMadeError(told["problem"])
    given = {k: str(place / v) if k in PLACES else v for k, v in told["given"].items()}
    plan = plan_case(split, number, told["attempt"])
    return KeptCase(plan, given, _load_reserve(place / "reserve.npz"), told["size"], place)


def _load_reserve(path: Path) -> Reserve:
    with np.load(path) as stored:
        ends, content = stored["ends"].tolist(), stored["content"].tobytes()
        files = [content[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        columns: Mapping[str, npt.NDArray[Any]] = {
            name.removeprefix("column "): stored[name] for name in stored.files if name.startswith("column ")
        }
        return Reserve(files, columns, stored["truth"], stored["scores"])


def digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files below a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
