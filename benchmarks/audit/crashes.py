"""Processes that die, journals that are tampered with, clocks that go backwards."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.audit.injected import Injected
from benchmarks.audit.targets_files import lines

SAID = ("how good is it?", "which classes are confused?", "go on", "go on")


def conversation(folder: Path, told: int | None = None) -> None:
    """A few turns with the guided planner, a report at the end; every event that was acknowledged is told to ``told``."""
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(60)
    case = FakeCase(folder, {"data": table}, model)
    if told is not None:
        kept = case.journal.append

        def append(*given: Any, **more: Any) -> Any:
            made = kept(*given, **more)
            os.write(told, f"{made.seq} {made.hash}\n".encode())
            return made

        case.journal.append = append  # type: ignore[method-assign]
    session = Session(case)
    done = sum(e.kind == "message" and e.data.get("role") == "person" for e in case.journal)
    for text in SAID[max(0, done - 1) :]:  # the last thing said is said again
        list(session.say(text))
    session.write_report()
    session.close()
    case.close()


def said(folder: Path) -> list[tuple[str, Any]]:
    """What stands in the report's findings, and which tools measured."""
    made = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    return [(f["statement"], f["verdict"]) for f in made["findings"]]


def _child(work: Callable[[int], object]) -> tuple[int, int]:
    """(process, end of the pipe to read): ``work`` in a fork of this process."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        with contextlib.suppress(BaseException):
            os.close(read)
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1), os.dup2(devnull, 2)
            work(write)
            code = 0
        os._exit(code)
    os.close(write)
    return process, read


def _heard(read: int) -> list[list[str]]:
    made = b""
    while part := os.read(read, 65536):
        made += part
    os.close(read)
    return [line.split() for line in made.decode().split("\n")[:-1]]


def kills(folder: Path, trials: int, seed: int) -> Injected:
    """SIGKILL at a random moment of a conversation; then the same command once more."""
    from failsight.agent.journal import Journal, verify

    made = Injected(
        "kill -9",
        "the journal verifies, holds every acknowledged event, and the findings are those of an undisturbed run",
    )
    conversation(folder / "whole")  # also loads everything that the forks need
    wanted, draw = said(folder / "whole"), random.Random(seed)
    began = time.monotonic()
    process, read = _child(lambda told: conversation(folder / "timed", told))
    _heard(read), os.waitpid(process, 0)
    lasted = time.monotonic() - began

    def one(place: Path, moment: float) -> str | None:
        process, read = _child(lambda told: conversation(place, told))
        time.sleep(moment)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        acknowledged = _heard(read)
        os.waitpid(process, 0)
        again, read = _child(lambda told: conversation(place, told))
        _heard(read)
        if os.waitstatus_to_exitcode(os.waitpid(again, 0)[1]) != 0:
            return "it does not go on"
        problems = verify(place)[1]
        if problems:
            return problems[0].sentence
        kept = {(str(e.seq), e.hash) for e in Journal(place, write=False)}
        missing = [a for a in acknowledged if tuple(a) not in kept]
        return f"lost: {missing[:3]}" if missing else None if said(place) == wanted else "other findings"

    for trial in range(trials):
        moment = draw.uniform(0, lasted)
        made.one(f"after {moment:.2f} s", lambda t=trial, m=moment: one(folder / f"kill-{t}", m))  # type: ignore[misc]
    return made


def tampering(folder: Path, most: int) -> Injected:
    """Every event of a journal edited, removed, moved, doubled or forged; every tail torn off: each must be named."""
    from failsight.agent.journal import Journal, verify

    made = Injected(
        "journal tampered with", "verify names it; a torn last line is set aside and nothing else is lost"
    )
    conversation(folder / "whole")
    whole, head = ((folder / "whole" / name).read_bytes() for name in ("journal.jsonl", "journal.head"))
    events = [json.loads(line) for line in whole.splitlines()]
    place = folder / "broken"
    place.mkdir()

    def named(content: bytes) -> str | None:
        (place / "journal.jsonl").write_bytes(content)
        (place / "journal.head").write_bytes(head)
        return None if verify(place)[1] else "passed as whole"

    for name, content in _tampered(events):
        made.one(name, lambda c=content: named(c))  # type: ignore[misc]

    def torn(at: int) -> str | None:
        (place / "journal.jsonl").write_bytes(whole[:at])
        (place / "journal.head").unlink(missing_ok=True)
        before = whole[:at].count(b"\n")
        journal = Journal(place)
        kept = len(list(journal))
        journal.append("note", {})
        journal.close()
        return (
            None
            if kept >= before and len(list(Journal(place, write=False))) == kept + 1
            else f"{kept} of {before} kept"
        )

    cuts = random.Random(0).sample(range(1, len(whole)), min(most, len(whole) - 1))
    for at in cuts:
        made.one(f"torn at byte {at}", lambda a=at: torn(a))  # type: ignore[misc]
    return made


def _tampered(events: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    from failsight.tools.evidence import digest

    for i, event in enumerate(events):
        changed = copy.deepcopy(events)
        changed[i]["data"] = {**event["data"], "note": "edited"}
        yield f"event {i + 1} edited", lines(changed)
        content = {k: changed[i][k] for k in ("seq", "time", "kind", "data", "prev")}
        changed[i]["hash"] = digest(content)
        yield f"event {i + 1} edited, with a hash of its own", lines(changed)
        yield f"event {i + 1} removed", lines(events[:i] + events[i + 1 :])
        yield f"event {i + 1} doubled", lines(events[: i + 1] + events[i:])
        if i:
            yield (
                f"events {i} and {i + 1} swapped",
                lines([*events[: i - 1], event, events[i - 1], *events[i + 1 :]]),
            )
        yield f"all after event {i} cut off", lines(events[:i])


def clocks(folder: Path, trials: int, seed: int) -> Injected:
    """Clocks that go backwards, stand still, leap by years; while a conversation goes on."""
    from failsight.agent.journal import verify

    made = Injected("clock backwards, standing still, leaping", "the same findings, a whole journal")
    conversation(folder / "whole")
    wanted, draw = said(folder / "whole"), random.Random(seed)

    def one(place: Path, kind: str) -> str | None:
        now = [2_000_000_000.0]

        def wrong() -> float:
            now[0] += {
                "backwards": -draw.uniform(0, 3600),
                "still": 0.0,
                "leaping": draw.uniform(-1, 1) * 3e8,
            }[kind]
            now[0] = min(max(now[0], 0.0), 4e9)
            return now[0]

        with mock.patch("time.time", wrong):
            conversation(place)
        problems = verify(place)[1]
        return problems[0].sentence if problems else None if said(place) == wanted else "other findings"

    for trial in range(trials):
        kind = ("backwards", "still", "leaping")[trial % 3]
        made.one(f"{kind}, {trial}", lambda t=trial, k=kind: one(folder / f"clock-{t}", k))  # type: ignore[misc]
    return made
