"""Is a journal what it was? Where its chain breaks, what was cut off its end, which copies of evidence were changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.evidence import canonical, digest

GENESIS = "0" * 64
_ID = re.compile(r"E\d{1,9}")
DOUBLE = "double"  # the kind of problem that two events written at once are: none is lost
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


def read_event(line: bytes) -> Event:
    """The event in one line of the file. Raises ValueError, KeyError or TypeError where there is none."""
    try:
        raw = json.loads(line, parse_constant=_no_constant)
        return event_of(raw)
    except (RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is never written")


def event_of(raw: Any) -> Event:
    if not isinstance(raw["data"], Mapping):
        raise TypeError("data")
    return Event(
        int(raw["seq"]), str(raw["time"]), str(raw["kind"]), raw["data"], str(raw["prev"]), str(raw["hash"])
    )


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
            event = read_event(line)
            events.append(event)
            if event.line().encode("utf-8", "surrogatepass") != line:
                unlike.append(event)
        except (ValueError, KeyError, TypeError):
            problems.append(
                Problem(number, "edited", f"Line {number} is not an event any more: it was edited.")
            )
    if torn:
        problems.append(_cut_off(folder, torn, len(lines) + 1))
    problems += chain_problems(events)
    told = {
        p.seq for p in problems if p.what == "edited"
    }  # a line that is no event is no event that was removed
    problems += [p for p in head_problems(folder, events) if p.what != "removed" or p.seq not in told]
    problems += _evidence_problems(folder, events)
    named = {p.seq for p in problems}
    problems += [
        Problem(e.seq, "edited", f"Event {e.seq} ({e.kind}) was edited: its line is not as it was written.")
        for e in unlike
        if e.seq not in named
    ]
    return len(events), problems


def _cut_off(folder: Path, line: bytes, number: int) -> Problem:
    """What is wrong with a last line that does not end."""
    try:
        read_event(line)
    except (ValueError, KeyError, TypeError):
        if written_whole(folder, number):
            return Problem(number, "edited", f"Line {number} is not an event any more: it was edited.")
    told = "The last line is cut off, as a crash leaves it; opening the case repairs it."
    return Problem(number, "torn", told)


def written_whole(folder: Path, number: int) -> bool:
    """Whether ``journal.head`` confirms that the event of that number was written to its end, so that no crash cut it off."""
    noted = read_head(folder / "journal.head")
    return noted is not None and noted[0] == "done" and noted[1] >= number


def chain_problems(events: Sequence[Event]) -> list[Problem]:
    """Walk the file in order and name each event at which the chain breaks."""
    events, before_it, problems = _in_one_row(events)
    present = {e.seq for e in events} | {n for a, e in before_it.items() for n in range(e.seq + 1, a)}
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
        here, before = by_seq.get(seq), before_it.get(seq) or by_seq.get(seq - 1)
        linked = GENESIS if seq == 1 else before.hash if before else None
        if here is None or linked is None or here.prev == linked or not sound[id(here)]:
            continue
        if before is not None and sound[id(before)]:
            note(before, "edited", f"event {seq} follows another one of that number")
        elif before is None:
            note(here, "edited", "it does not begin the chain")
    return problems


def _in_one_row(events: Sequence[Event]) -> tuple[list[Event], dict[int, Event], list[Problem]]:
    """The events without those that were written at once with another; number of the event after such → the one that it
    follows; and what is to be said of them."""
    problems: list[Problem] = []
    beside: set[int] = set()
    before_it: dict[int, Event] = {}
    for same, after in _at_once(events):
        told = (
            f"There are {len(same)} events of number {same[0].seq} ({' and '.join(e.kind for e in same)}): they were"
            " written at once, and none is missing, so the case can be gone on with. The chain goes on from one of"
            " them alone; an edit of what stands beside it would not show."
        )
        problems.append(Problem(same[0].seq, DOUBLE, told))
        beside |= {id(e) for e in same if e.hash != after.prev}
        before_it[after.seq] = next(e for e in same if e.hash == after.prev)
    return [e for e in events if id(e) not in beside], before_it, problems


def _at_once(events: Sequence[Event]) -> Iterator[tuple[list[Event], Event]]:
    """Events of one number that were written at once, with the event after them.

    Threads that appended without waiting for each other took the same number and the same event before; the next event
    counts them all and follows one of them. An event that was put in later can't look so: the next one does not count it.
    """
    start = 0
    for at in range(1, len(events) + 1):
        first = events[start]
        if at < len(events) and (events[at].seq, events[at].prev) == (first.seq, first.prev):
            continue
        same = list(events[start:at])
        if at < len(events) and len(same) > 1 and events[at].seq == first.seq + len(same):
            followed = events[at].prev in {e.hash for e in same}
            if followed and all(digest(e.content()) == e.hash for e in same):
                yield same, events[at]
        start = at


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


def head_problems(folder: Path, events: Sequence[Event]) -> list[Problem]:
    last = max((e.seq for e in events), default=0)
    noted = read_head(folder / "journal.head")
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


def read_head(path: Path) -> tuple[str, int, str] | None:
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
