"""The journal: an append-only, hash-chained record of every event of a case.

One JSON object a line: ``{"seq", "time", "kind", "data", "prev", "hash"}`` where ``hash`` is the SHA-256 of the
canonical JSON of the other five and ``prev`` is the hash of the event before (64 zeros for the first). Each event is
flushed to disk before ``append`` returns. ``journal.head`` beside it holds the number and hash of the last event, so
that a removed tail or an added event shows. A chain proves that nothing was changed by accident or in passing; whoever rewrites the
whole file and its head is found out by the head printed in reports and ``findings.json``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from failsight.agent.journal_check import (
    DOUBLE,
    GENESIS,
    Event,
    Problem,
    chain_problems,
    event_of,
    head_problems,
    read_event,
    verify,
    written_whole,
)
from failsight.agent.places import shown_place
from failsight.tools.errors import UserError
from failsight.tools.evidence import canonical, digest

__all__ = ["GENESIS", "Event", "Journal", "Problem", "verify"]


_WRITING: weakref.WeakSet[Journal] = weakref.WeakSet()
"""The journals that this process holds open for writing."""


_COPY = "Make it writable, or copy the folder to a place that is."


_MENDED = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "Free some disk space"),
    **dict.fromkeys(
        (errno.ENOENT, errno.ENOTDIR, errno.ESTALE), "Put the case folder back where it was opened"
    ),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "Make the case folder writable"),
}
"""What a person does about a failed write, by what the system says of it."""


class ReadOnly(UserError):
    """The case folder can't be written: it can be looked at all the same."""


class Journal:
    """The journal of one case folder, open for appending by one process at a time.

    Args:
        folder: the case folder.
        write: False opens for reading only: no lock, no repair.

    Raises:
        UserError: the journal is open in another process, or damaged in its middle.
        ReadOnly: it cannot be written.
    """

    def __init__(self, folder: Path, *, write: bool = True) -> None:
        folder = Path(
            os.path.abspath(folder)
        )  # a journal that moved with the working folder would end in another case
        self.path = folder / "journal.jsonl"
        self.head_path = folder / "journal.head"
        self.events: list[Event] = []
        self.set_aside: str | None = None
        self._file: Any = None
        self._cut: int | None = None  # where a failed write has to be cut off, once the disk allows it
        self._lock: Any = None
        self._closed = False
        self._appending = (
            threading.RLock()
        )  # calls of one message run in threads, and each event follows another
        self._torn: tuple[int, bytes] | None = (
            None  # where half a line begins that a crash left, and what it holds
        )
        if write:
            self._take_lock(folder)
        try:
            self._read()
            if write:
                self.check()
                self._open()
        except BaseException:
            self.close()
            raise

    def _take_lock(self, folder: Path) -> None:
        try:
            self._lock = open(folder / ".lock", "a+")  # noqa: SIM115 (held as long as the journal)
        except OSError as error:
            raise ReadOnly(
                f"The case folder {shown_place(folder)} cannot be written ({error.strerror}).", _COPY
            ) from None
        try:
            import fcntl

            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # no advisory locks on this system: one process at a time is then up to its user
            pass
        except OSError:
            self._lock.close()
            if any(one.path.resolve() == self.path.resolve() for one in _WRITING if one is not self):
                raise UserError(
                    f"The case {folder.name} is open already in this Python program.",
                    "Go on with that object, or close it first: case.close(), or with open_case(…) as case: …",
                ) from None
            raise UserError(
                f"The case {folder.name} is open in another Failsight.",
                "Close it there first, or copy the folder.",
            ) from None
        _WRITING.add(self)

    def _read(self) -> None:
        """Read all events. Nothing on disk is changed: what was edited must stay as it is found."""
        if not self.path.exists():
            return
        raw = self.path.read_bytes()
        start = 0
        while start < len(raw):
            end = raw.find(b"\n", start)
            line = raw[start : end if end >= 0 else len(raw)]
            try:
                self.events.append(read_event(line))
            except (ValueError, KeyError, TypeError):
                if (
                    end >= 0
                ):  # an event is written with its end in one piece: a crash leaves no line that is ended and wrong
                    raise UserError(
                        f"Line {len(self.events) + 1} of {shown_place(self.path)} is not a journal event.",
                        f"Run `failsight verify {shown_place(self.path.parent)}` to see what was changed.",
                    ) from None
                self._torn = start, line
                self.set_aside = f"journal.torn-{len(self.events) + 1}"
                return
            if end < 0:  # whole event, only its newline is missing
                self._torn = len(raw), b""
                return
            start = end + 1

    def check(self) -> None:
        """Raises UserError when chain or head say that the journal was changed: nothing is written to such a one."""
        folder = self.path.parent
        wrong = [*chain_problems(self.events), *head_problems(folder, self.events)]
        changed = [p.sentence for p in wrong if p.what not in ("head", DOUBLE)]
        if self.set_aside and written_whole(folder, len(self.events) + 1):
            changed.insert(0, f"Event {len(self.events) + 1} was edited: its line is not an event any more.")
        if changed:
            raise UserError(
                f"The journal of {folder.name} was changed outside Failsight: {changed[0]}",
                f"`failsight verify {shown_place(folder)}` lists all. Start a new case with --out, or go on from before it:"
                f" `failsight fork {shown_place(folder)} --at NUMBER` (--list shows the numbers).",
            )

    def _open(self) -> None:
        try:
            self._mend()
            self._file = open(self.path, "ab")  # noqa: SIM115 (held as long as the journal)
        except OSError as error:
            raise ReadOnly(
                f"The journal {shown_place(self.path)} cannot be written ({error.strerror}).", _COPY
            ) from None
        if self.events:
            with contextlib.suppress(OSError):  # the next append says what is wrong with the disk
                self._write_head("done", self.events[-1])
        if self.set_aside:
            self.append("journal.repaired", {"set_aside": self.set_aside})

    def _mend(self) -> None:
        """A crash in the middle of a write leaves half a line: keep it in a file of its own, cut it here."""
        if self._torn is None:
            return
        start, torn = self._torn
        if self.set_aside:
            (self.path.parent / self.set_aside).write_bytes(torn)
        with open(self.path, "rb+") as file:
            if self.set_aside:
                file.truncate(start)
            else:
                file.seek(start)
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Write one event and wait until it is on disk. Any number of threads may do so.

        Raises:
            UserError: the disk is full, the folder is gone or went read-only; what was written before stays whole.
        """
        with self._appending:
            return self._appended(kind, data)

    def _appended(self, kind: str, data: Mapping[str, Any]) -> Event:
        if self._file is None:
            if self._cut is None:
                if self._closed:
                    raise UserError(
                        f"The case {self.path.parent.name} is closed.", "Open it again: open_case(FOLDER)."
                    )
                raise ReadOnly(
                    f"The case folder {shown_place(self.path.parent)} cannot be written, and this would add to its journal.",
                    _COPY,
                )
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
        event = event_of({**content, "hash": digest(content)})
        position = self._file.tell()
        try:
            self._write_head("pending", event)
            self._file.write(event.line().encode("utf-8", "surrogatepass") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._roll_back(position)
            raise self._unwritten(error) from None
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
            raise self._unwritten(error) from None

    def _unwritten(self, error: OSError) -> UserError:
        """Why an event could not be written, and what a person does about it."""
        return UserError(
            f"The journal could not be written ({error.strerror or error}).",
            f"{_MENDED.get(error.errno or 0, 'Mend that')} and run the same command again: it goes on where it stopped.",
        )

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
        self._closed = self._closed or self._lock is not None
        self._file = self._lock = None
        _WRITING.discard(self)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)
