"""The journal: an append-only, hash-chained record of every event of a case.

One JSON object a line: ``{"seq", "time", "kind", "data", "prev", "hash"}`` where ``hash`` is the SHA-256 of the
canonical JSON of the other five and ``prev`` is the hash of the event before (64 zeros for the first). Each event is
flushed to disk before ``append`` returns. ``journal.head`` beside it holds the number and hash of the last event, so
that a removed tail or an added event shows. A chain proves that nothing was changed by accident or in passing; whoever rewrites the
whole file and its head is found out by the head printed in reports and ``findings.json``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.evidence import canonical, digest

GENESIS = "0" * 64
_ID = re.compile(r"E\d{1,9}")
MOST_NAMED = 1000  # removed events in a row that are named one by one


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``time`` is UTC, ISO 8601 with milliseconds; it informs and orders nothing (``seq`` orders)."""

    seq: int
    time: str
    kind: str
    data: Mapping[str, Any]
    prev: str
    hash: str

    def content(self) -> dict[str, Any]:
        """What the hash covers."""
        return {"seq": self.seq, "time": self.time, "kind": self.kind, "data": self.data, "prev": self.prev}

    def line(self) -> str:
        return canonical({**self.content(), "hash": self.hash})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a journal: which event (0 when it is the file), what, in one sentence."""

    seq: int
    what: str
    sentence: str


def _read_event(line: bytes) -> Event:
    """The event in one line of the file. Raises ValueError, KeyError or TypeError where there is none."""
    try:
        raw = json.loads(line, parse_constant=_no_constant)
        return _event(raw)
    except (RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is never written")


def _event(raw: Any) -> Event:
    if not isinstance(raw["data"], Mapping):
        raise TypeError("data")
    return Event(
        int(raw["seq"]), str(raw["time"]), str(raw["kind"]), raw["data"], str(raw["prev"]), str(raw["hash"])
    )


class Journal:
    """The journal of one case folder, open for appending by one process at a time.

    Args:
        folder: the case folder.
        write: False opens for reading only: no lock, no repair.

    Raises:
        UserError: the journal is open in another process, damaged in its middle, or cannot be written.
    """

    def __init__(self, folder: Path, *, write: bool = True) -> None:
        self.path = folder / "journal.jsonl"
        self.head_path = folder / "journal.head"
        self.events: list[Event] = []
        self.set_aside: str | None = None
        self._file: Any = None
        self._cut: int | None = None  # where a failed write has to be cut off, once the disk allows it
        self._lock: Any = None
        if write:
            self._take_lock(folder)
        self._read(repair=write)
        if write:
            self._open()

    def _take_lock(self, folder: Path) -> None:
        try:
            self._lock = open(folder / ".lock", "a+")  # noqa: SIM115 (held as long as the journal)
        except OSError as error:
            raise UserError(
                f"The case folder {folder} cannot be written ({error.strerror}).",
                "Choose another with --out.",
            ) from None
        try:
            import fcntl

            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # no advisory locks on this system: one process at a time is then up to its user
            pass
        except OSError:
            self._lock.close()
            raise UserError(
                f"The case {folder.name} is open in another Failsight.",
                "Close it there first, or copy the folder.",
            ) from None

    def _read(self, *, repair: bool) -> None:
        if not self.path.exists():
            return
        raw = self.path.read_bytes()
        start = 0
        while start < len(raw):
            end = raw.find(b"\n", start)
            line = raw[start : end if end >= 0 else len(raw)]
            try:
                event = _read_event(line)
            except (ValueError, KeyError, TypeError):
                torn = raw[start:]
                if torn.count(b"\n") > 1 or (end >= 0 and raw[end + 1 :].strip()):
                    raise UserError(
                        f"Line {len(self.events) + 1} of {self.path} is not a journal event.",
                        f"Run `failsight verify {self.path.parent}` to see what was changed.",
                    ) from None
                self._put_aside(torn, start, repair=repair)
                return
            if end < 0:  # whole event, only its newline is missing
                self.events.append(event)
                if repair:
                    with open(self.path, "ab") as file:
                        file.write(b"\n")
                return
            self.events.append(event)
            start = end + 1

    def _put_aside(self, torn: bytes, start: int, *, repair: bool) -> None:
        """A crash in the middle of a write leaves half a line: keep it in a file of its own, cut it here."""
        self.set_aside = f"journal.torn-{len(self.events) + 1}"
        if repair:
            (self.path.parent / self.set_aside).write_bytes(torn)
            with open(self.path, "rb+") as file:
                file.truncate(start)
                os.fsync(file.fileno())

    def _open(self) -> None:
        try:
            self._file = open(self.path, "ab")  # noqa: SIM115 (held as long as the journal)
        except OSError as error:
            raise UserError(
                f"The journal {self.path} cannot be written ({error.strerror}).",
                "Choose another folder with --out.",
            ) from None
        wrong = [*_chain_problems(self.events), *_head_problems(self.path.parent, self.events)]
        changed = [p for p in wrong if p.what != "head"]
        if changed:
            self.close()
            raise UserError(
                f"The journal of {self.path.parent.name} was changed outside Failsight: {changed[0].sentence}",
                f"`failsight verify {self.path.parent}` lists all; start a new case with --out.",
            )
        if self.events:
            with contextlib.suppress(OSError):  # the next append says what is wrong with the disk
                self._write_head("done", self.events[-1])
        if self.set_aside:
            self.append("journal.repaired", {"set_aside": self.set_aside})

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Write one event and wait until it is on disk.

        Raises:
            UserError: the disk is full or the folder went read-only; what was written before stays whole.
        """
        if self._file is None:
            if self._cut is None:
                raise RuntimeError("this journal is open for reading only")
            self._reopen(self._cut)
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        prev = self.events[-1].hash if self.events else GENESIS
        content = {
            "seq": len(self.events) + 1,
            "time": stamp,
            "kind": kind,
            "data": json.loads(
                canonical(data)
            ),  # as it will be read again: what is told of it must not differ
            "prev": prev,
        }
        event = _event({**content, "hash": digest(content)})
        position = self._file.tell()
        try:
            self._write_head("pending", event)
            self._file.write(event.line().encode("utf-8", "surrogatepass") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._roll_back(position)
            raise UserError(
                f"The journal could not be written ({error.strerror or error}).",
                "Free some disk space and run the same command again: it goes on where it stopped.",
            ) from None
        self.events.append(event)
        with contextlib.suppress(OSError):  # the event is on disk, and announced: the next one confirms it
            self._write_head("done", event)
        return event

    def _roll_back(self, position: int) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._file, self._cut = None, position
        with contextlib.suppress(UserError):  # the disk may fail for longer: the next append tries again
            self._reopen(position)

    def _reopen(self, position: int) -> None:
        """Cut off what a failed write left behind ``position``, and go on there. Raises UserError."""
        try:
            with open(self.path, "rb+") as file:
                file.truncate(position)
            self._file, self._cut = open(self.path, "ab"), None  # noqa: SIM115
        except OSError as error:
            raise UserError(
                f"The journal could not be written ({error.strerror or error}).",
                "Free some disk space and run the same command again: it goes on where it stopped.",
            ) from None

    def _write_head(self, state: str, event: Event) -> None:
        """Announce an event before it is written and confirm it after: a crash between the two is then no riddle."""
        with open(self.head_path, "rb+" if self.head_path.exists() else "wb") as file:
            file.write(f"{state:<7} {event.seq:012d} {event.hash}\n".encode())
            if (
                state == "pending"
            ):  # after a power cut the head then names this event or the one before, never an older
                file.flush()
                os.fsync(file.fileno())

    @property
    def head(self) -> str:
        """Hash of the last event (64 zeros for an empty journal)."""
        return self.events[-1].hash if self.events else GENESIS

    def close(self) -> None:
        """Close the file and give back the lock. Closing twice is fine."""
        for held in (self._file, self._lock):
            if held is not None:
                held.close()
        self._file = self._lock = None

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


def verify(folder: Path) -> tuple[int, list[Problem]]:
    """Check the journal of a case folder: (number of readable events, problems found).

    Finds every event that was edited, removed, reordered or inserted, a cut tail, and evidence files that differ from
    what the journal recorded. A torn last line (a crash) is a problem of kind ``torn``.
    """
    path = folder / "journal.jsonl"
    if not path.is_file():
        raise UserError(f"{folder} holds no journal.", "Give the folder of a case.")
    problems: list[Problem] = []
    events: list[Event] = []
    unlike: list[Event] = []
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()
    for number, line in enumerate(lines, 1):
        try:
            event = _read_event(line)
            events.append(event)
            if event.line().encode("utf-8", "surrogatepass") != line:
                unlike.append(event)
        except (ValueError, KeyError, TypeError):
            problems.append(
                Problem(number, "edited", f"Line {number} is not an event any more: it was edited.")
            )
    if torn:
        problems.append(
            Problem(
                len(lines) + 1,
                "torn",
                "The last line is cut off, as a crash leaves it; opening the case repairs it.",
            )
        )
    problems += _chain_problems(events)
    problems += _head_problems(folder, events)
    problems += _evidence_problems(folder, events)
    named = {p.seq for p in problems}
    problems += [
        Problem(e.seq, "edited", f"Event {e.seq} ({e.kind}) was edited: its line is not as it was written.")
        for e in unlike
        if e.seq not in named
    ]
    return len(events), problems


def _chain_problems(events: Sequence[Event]) -> list[Problem]:
    """Walk the file in order and name each event at which the chain breaks."""
    problems: list[Problem] = []
    present = {e.seq for e in events}
    followed = {e.prev for e in events}

    def note(event: Event, what: str, why: str) -> None:
        problems.append(Problem(event.seq, what, f"Event {event.seq} ({event.kind}) was {what}: {why}."))

    sound = {id(e): digest(e.content()) == e.hash for e in events}
    by_seq: dict[int, Event] = {}
    for event in events:
        if event.seq in by_seq:  # of two with one number, the stranger is the one that nothing follows
            first = by_seq[event.seq]
            stranger = first if event.hash in followed and first.hash not in followed else event
            note(stranger, "inserted", "there are two events of that number")
            by_seq[event.seq] = event if stranger is first else first
        else:
            by_seq[event.seq] = event
        if not sound[id(event)]:
            note(event, "edited", "its content does not match its hash")
    problems += _gaps(sorted(present))
    last = 0
    for event in events:
        if event.seq < 1:
            note(event, "inserted", "the first event has the number 1")
        elif event.seq < last and by_seq[event.seq] is event:
            note(event, "reordered", f"it stands after event {last}")
        last = max(last, event.seq)
    for seq in sorted(s for s in present if s > 0):
        here, before = by_seq.get(seq), by_seq.get(seq - 1)
        linked = GENESIS if seq == 1 else before.hash if before else None
        if here is None or linked is None or here.prev == linked or not sound[id(here)]:
            continue
        if before is not None and sound[id(before)]:
            note(before, "edited", f"event {seq} follows another one of that number")
        elif before is None:
            note(here, "edited", "it does not begin the chain")
    return problems


def _gaps(present: Sequence[int]) -> Iterator[Problem]:
    """Numbers that are missing between those that are there (in order)."""
    before = 0
    for seq in present:
        missing = seq - before - 1
        if seq > 0 and missing > MOST_NAMED:
            yield Problem(before + 1, "removed", f"Events {before + 1} to {seq - 1} were removed.")
        elif seq > 0:
            yield from (
                Problem(
                    gap,
                    "removed",
                    f"Event {gap} was removed: event {gap - 1} and event {gap + 1} are not neighbours.",
                )
                for gap in range(before + 1, seq)
            )
        before = max(seq, 0)


def _head_problems(folder: Path, events: Sequence[Event]) -> list[Problem]:
    last = max((e.seq for e in events), default=0)
    noted = _read_head(folder / "journal.head")
    if noted is None:
        sentence = "journal.head is missing or unreadable, so a removed tail would not show."
        return [Problem(0, "head", sentence)] if events else []
    state, seq, value = noted
    if state == "pending" and last == seq - 1:
        return []  # a crash between announcing event `seq` and writing it
    if last < seq:
        gone = f"Event {seq} was" if seq == last + 1 else f"Events {last + 1} to {seq} were"
        return [
            Problem(last + 1, "removed", f"{gone} removed from the end: journal.head knows {seq} events.")
        ]
    if last > seq:
        return [
            Problem(
                seq + 1, "inserted", f"Events after {seq} were inserted: journal.head does not know them."
            )
        ]
    if all(e.hash != value for e in events if e.seq == seq):
        return [Problem(seq, "edited", f"Event {seq} was edited: it is not the one that journal.head knows.")]
    return []


def _read_head(path: Path) -> tuple[str, int, str] | None:
    try:
        state, seq, value = path.read_text().split()
        return state, int(seq), value
    except (OSError, ValueError):
        return None


def _evidence_problems(folder: Path, events: Sequence[Event]) -> list[Problem]:
    problems = []
    for event in events:
        if event.kind != "evidence.recorded":
            continue
        made = event.data.get("evidence", {})
        name = made.get("id") if isinstance(made, Mapping) else None
        path = folder / "evidence" / f"{name}.json"
        if not isinstance(name, str) or not _ID.fullmatch(name) or not path.exists():
            continue  # a copy for other programs; the journal holds the original
        try:
            same = digest(json.loads(path.read_text())) == digest(made)
        except (ValueError, OSError, RecursionError):
            same = False
        if not same:
            problems.append(
                Problem(event.seq, "evidence", f"{path.name} differs from what event {event.seq} recorded.")
            )
    return problems
