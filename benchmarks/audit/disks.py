"""A disk that fails at every possible moment: no space, input/output errors, read-only, half a write; then it is mended.

Each scenario is run once for every operation on a file that it makes (open, write, flush, sync, rename, cut), with that
operation failing. What was acknowledged must be there afterwards, and nothing may be half-written. Files that libraries
write in C (SQLite, Parquet) are limited by the kernel instead: a process of its own may write no file beyond some size.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.audit.injected import FINE, Injected

FAULTS = (
    (errno.ENOSPC, False),
    (errno.EIO, False),
    (errno.EROFS, False),
    (errno.ENOSPC, True),
    (errno.EDQUOT, True),
)


class Disk:
    """Counts the writing operations below ``folder`` and lets one of them fail."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at, self.code, self.short, self.count = folder, -1, errno.EIO, False, 0
        self._open, self._fsync, self._replace, self._mkdir = builtins.open, os.fsync, os.replace, os.mkdir

    def fail(self, at: int, code: int, short: bool) -> None:
        """The operation number ``at`` (from 0) and all after it within this run fail, as on a full disk."""
        self.at, self.code, self.short, self.count = at, code, short, 0

    def step(self, name: str) -> None:
        now, self.count = self.count, self.count + 1
        if 0 <= self.at <= now:
            raise OSError(self.code, os.strerror(self.code), name)

    @property
    def failing(self) -> bool:
        return 0 <= self.at <= self.count

    def inside(self, file: Any) -> bool:
        try:
            path = (
                os.readlink(f"/proc/self/fd/{file}")
                if isinstance(file, int)
                else os.fsdecode(os.fspath(file))
            )
        except (OSError, TypeError):
            return False
        return os.path.abspath(path).startswith(str(self.folder))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """While this lasts, files below the folder are opened, written and renamed through this object."""

        def opened(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            writes = any(c in mode for c in "wax+")
            if not writes or not self.inside(file):
                return self._open(file, mode, *given, **named)
            self.step(str(file))
            return _File(self._open(file, mode, *given, **named), self)

        def synced(number: int) -> None:
            if self.inside(number):
                self.step("fsync")
            self._fsync(number)

        def replaced(old: Any, new: Any, **named: Any) -> None:
            if self.inside(new):
                self.step("rename")
            self._replace(old, new, **named)

        def made(path: Any, *given: Any, **named: Any) -> None:
            if self.inside(path) and not os.path.isdir(path):
                self.step("mkdir")
            self._mkdir(path, *given, **named)

        with mock.patch.object(builtins, "open", opened), mock.patch.object(io, "open", opened), mock.patch.object(os, "fsync", synced), \
                mock.patch.object(os, "replace", replaced), mock.patch.object(os, "mkdir", made):  # fmt: skip
            yield


class _File:
    """An open file whose writing may fail half way."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk = file, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: Any) -> Any:
        try:
            self._disk.step("write")
        except OSError:
            if self._disk.short:
                self._file.write(content[: len(content) // 2])
                self._file.flush()
            raise
        return self._file.write(content)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._disk.step("flush")
        self._file.flush()

    def truncate(self, *given: Any) -> Any:
        self._disk.step("truncate")
        return self._file.truncate(*given)


Scenario = tuple[str, Callable[[Path], None], Callable[[Path], object], Callable[[Path], str | None]]


def scenarios() -> Iterator[Scenario]:
    """(name, what is there before, what is done, what was lost)."""
    yield _journal()
    yield _configuration()
    yield _reports()
    yield _verdicts()
    yield _passes()
    yield _knowledge()
    yield _case()


def _journal() -> Scenario:
    from failsight.agent.journal import Journal, verify

    acknowledged: list[int] = []

    def before(folder: Path) -> None:
        acknowledged.clear()
        journal = Journal(folder)
        acknowledged.extend(journal.append("note", {"n": i}).seq for i in range(3))
        journal.close()

    def work(folder: Path) -> None:
        journal = Journal(folder)
        try:
            for i in range(3):
                acknowledged.append(journal.append("note", {"n": i, "text": "x" * 3000 * i}).seq)  # noqa: PERF401
        finally:
            journal.close()

    def lost(folder: Path) -> str | None:
        journal = Journal(folder)  # the person runs the same command again
        journal.append("note", {"again": True})
        journal.close()
        kept = {e.seq for e in Journal(folder, write=False)}
        missing = set(acknowledged) - kept
        problems = verify(folder)[1]
        return f"events {sorted(missing)}" if missing else problems[0].sentence if problems else None

    return "journal", before, work, lost


def _configuration() -> Scenario:
    from failsight.agent.config import CaseConfig, load_config, save_config

    old, new = (
        CaseConfig(name="old", model="m", data="d"),
        CaseConfig(name="new", model="m", data="d", encoder="rooms"),
    )

    def lost(folder: Path) -> str | None:
        return None if load_config(folder) in (old, new) else "the settings"

    return "case.toml", lambda f: save_config(f, old), lambda f: save_config(f, new), lost


def _fake(folder: Path) -> Any:
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(80)
    return FakeCase(folder / "case", {"data": table}, model)


def _reports() -> Scenario:
    from failsight.agent.narrate import write_reports
    from failsight.agent.narrate.check import check_report

    held: list[Any] = []

    def before(folder: Path) -> None:
        case = _fake(folder)
        case.call("evaluate", {})
        write_reports(case.folder, case.state(), case.journal.events)
        case.call("confusion_matrix", {})
        case.close()
        held[:] = [case]

    def work(folder: Path) -> None:
        case = held[0]
        write_reports(case.folder, case.state(), case.journal.events)

    def lost(folder: Path) -> str | None:
        told = [
            p
            for p in check_report(folder / "case")
            if "older" not in p and "before" not in p and "since" not in p
        ]
        left = [p.name for p in (folder / "case").iterdir() if p.name.startswith(".") and p.name != ".lock"]
        return told[0] if told else f"left behind: {left}" if left else None

    return "reports", before, work, lost


def _verdicts() -> Scenario:
    from failsight.agent.people.labels import _write_manifest

    held: list[Any] = []

    def before(folder: Path) -> None:
        held[:] = [_fake(folder)]
        held[0].close()

    def work(folder: Path) -> None:
        _write_manifest(held[0], held[0].table("data"), "data")

    def lost(folder: Path) -> str | None:
        path = folder / "case" / "repair" / "labels.csv"
        return "half a manifest" if path.exists() and path.read_text().count("\n") != 81 else None

    return "corrected labels", before, work, lost


def _passes() -> Scenario:
    import numpy as np

    from failsight.tools.engine import predict
    from tests.engine.doubles import ChannelModel, Drawn

    model: Any = ChannelModel()
    wanted = predict(Drawn(30), model).scores

    def work(folder: Path) -> None:
        predict(Drawn(30), model, cache_folder=folder)

    def lost(folder: Path) -> str | None:
        made = predict(Drawn(30), model, cache_folder=folder).scores
        return None if np.array_equal(made, wanted) else "other scores after it"

    return "cached pass", lambda f: None, work, lost


def _knowledge() -> Scenario:
    from failsight.knowledge_base import user

    def before(folder: Path) -> None:
        (folder / "note.md").write_text("# Our cameras\n\nThe lenses were changed.\n")

    def lost(folder: Path) -> str | None:
        user.add(folder / "note.md", folder)
        return None if [e.title for e in user.entries(folder)].count("Our cameras") == 1 else "the note"

    return "own knowledge", before, lambda f: user.add(f / "note.md", f), lost


def _case() -> Scenario:
    from failsight.agent.journal import verify

    def work(folder: Path) -> None:
        case = _fake(folder)
        try:
            case.expect("accuracy", 0.9)
            case.call("evaluate", {})
            case.call("find_slices", {"depth": 1})
        finally:
            case.close()

    def lost(folder: Path) -> str | None:
        case = _fake(folder)
        case.call("evaluate", {})
        case.close()
        problems = verify(folder / "case")[1]
        return problems[0].sentence if problems else None

    return "measuring", lambda f: (f / "case").mkdir(), work, lost  # the double makes its folder itself


def run(folder: Path, most: int) -> Injected:
    """At most ``most`` faults a scenario and error code, at moments spread over its operations."""
    made = Injected("disk", "a sentence; nothing acknowledged lost; nothing half-written")
    for name, before, work, lost in scenarios():
        for code, short in FAULTS:
            for at in _moments(folder / "probe", before, work, most):
                place = folder / f"{made.tried}"
                place.mkdir()
                before(place)
                made.one(
                    f"{name}, operation {at}, {errno.errorcode[code]}{', half a write' if short else ''}",
                    lambda p=place, a=at, c=code, s=short, w=work, gone=lost: _once(p, a, c, s, w, gone),
                )  # type: ignore[misc]
    return made


def _once(
    place: Path,
    at: int,
    code: int,
    short: bool,
    work: Callable[[Path], object],
    lost: Callable[[Path], str | None],
) -> str | None:
    disk = Disk(place)
    disk.fail(at, code, short)
    with disk.watching(), contextlib.suppress(*FINE):
        work(place)
    return lost(place)  # the disk is mended: nothing may stand in the way now


def _moments(
    probe: Path, before: Callable[[Path], None], work: Callable[[Path], object], most: int
) -> list[int]:
    """Which of the operations fail: all, or ``most`` of them spread evenly."""
    probe = probe.with_name(f"probe-{len(list(probe.parent.iterdir()))}")
    probe.mkdir()
    before(probe)
    disk = Disk(probe)
    with disk.watching():
        work(probe)
    total = disk.count
    return sorted({i * total // min(most, total) for i in range(min(most, total))}) if total else []


CHILD = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from failsight.agent.session import Session
from failsight.tools.errors import UserError
from tests.fakes.case import FakeCase, television_world
try:
    table, model = television_world(80)
    session = Session(FakeCase(Path(sys.argv[1]), {"data": table}, model))
    for text in ("how good is it?", "go on", "go on"):
        list(session.say(text))
    session.write_report()
except UserError as error:
    print(error)
    sys.exit(2)
"""


def quota(folder: Path, trials: int, seed: int) -> Injected:
    """Conversations in processes that may write no file beyond some size; then the same without a limit."""
    from failsight.agent.journal import verify

    made = Injected(
        "no room for files (SQLite and C libraries too)",
        "a sentence and exit 2; the same command goes on without a limit",
    )
    draw = random.Random(seed)

    def child(place: Path, limit: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", CHILD, str(place), str(limit)], capture_output=True, text=True, check=False
        )

    def one(place: Path, limit: int) -> str | None:
        first = child(place, limit)
        if first.returncode not in (0, 2):
            return f"limit {limit}: exit {first.returncode}: {first.stderr.strip().splitlines()[-1:]}"
        again = child(place, 0)
        problems = verify(place)[1]
        return (
            f"going on: {again.stderr.strip().splitlines()[-1:]}"
            if again.returncode
            else problems[0].sentence
            if problems
            else None
        )

    for trial in range(trials):
        limit = int(10 ** draw.uniform(2.5, 5.3))
        made.one(f"limit {limit}", lambda t=trial, n=limit: one(folder / f"quota-{t}", n))  # type: ignore[misc]
    return made
