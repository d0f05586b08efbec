"""A case played by a planner: the same agent loop as ``failsight run``, in this process, then judged."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.casebook.judging import Judge
from benchmarks.casebook.keys import Judged
from benchmarks.casebook.making import Case
from benchmarks.casebook.measuring import MeasuredJudge

LIMIT = 900.0  # seconds after which a case is given up


class TooLongError(Exception):
    """A case took longer than its limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLongError in the main thread after so many seconds (between two steps of Python)."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError(f"not done after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def play(case: Case, planner: str, folder: Path, limit: float = LIMIT, **settings: str) -> dict[str, Any]:
    """Play a case through the whole workflow and judge what was confirmed, in order.

    Args:
        case: made by ``making``.
        planner: as in ``failsight run --planner``.
        folder: for the case folder.
        limit: seconds.
        settings: ``workflow``, ``budget`` as in ``failsight run``.

    Returns:
        JSON values: ``statements`` (every finding when it was first confirmed: call, tool, what it says, judgement,
        whether it stands at the end), ``calls``, ``seconds``, ``tokens``, ``usd``, ``by_tool``.
    """
    from failsight.agent.opening import open_case
    from failsight.agent.session import Session

    given = dict(case.given) | settings
    began = time.monotonic()
    opened = open_case(out=folder, planner=planner, **given)
    try:
        session = Session(opened)
        try:
            with time_limit(limit):
                for _ in session.auto():
                    pass
        finally:
            session.close()
        seconds = time.monotonic() - began
        state = opened.state()
        standing = {r.finding.key for r in state.confirmed()}
        recorded = [e for e in opened.journal.events if e.kind == "evidence.recorded"]
        used = dict(state.model_use)
    finally:
        opened.close()
    judge = MeasuredJudge(case)
    return {
        "statements": list(_statements([e.data["evidence"] for e in recorded], standing, judge)),
        "calls": len(recorded),
        "seconds": round(seconds, 2),
        "tokens": int(used.get("tokens", 0)),
        "usd": round(used.get("usd", 0.0), 6),
        "by_tool": [[e.data["evidence"]["tool"], round(float(e.data["evidence"].get("seconds", 0)), 2)] for e in recorded],
    }  # fmt: skip


def _statements(made: list[Mapping[str, Any]], standing: set[str], judge: Judge) -> Iterator[dict[str, Any]]:
    """Every finding when it was first confirmed, in the order of the journal."""
    seen = set()
    for number, evidence in enumerate(made, 1):
        for finding in evidence.get("findings", ()):
            if finding.get("verdict") != "confirmed":
                continue
            key = key_of(finding)
            if key in seen:
                continue
            seen.add(key)
            yield statement(finding, judge) | {
                "call": number,
                "tool": evidence["tool"],
                "stands": key in standing,
            }


def key_of(finding: Mapping[str, Any]) -> str:
    """What makes two findings one, as ``Finding.key``."""
    part = "&".join(f"{k}={v}" for k, v in sorted((finding.get("slice") or {}).items()))
    return "|".join(
        (finding["kind"], part, finding.get("class_name") or "", finding.get("confused_with") or "")
    )


def statement(finding: Mapping[str, Any], judge: Callable[[Mapping[str, Any]], Judged]) -> dict[str, Any]:
    """A finding in the form that is judged, with its judgement, and what the reserve shows of it (``again``: pictures, effect, interval)."""
    said = {
        "kind": finding.get("kind") or "",
        "slice": dict(finding.get("slice") or {}),
        "class": finding.get("class_name"),
        "confused_with": finding.get("confused_with"),
    }
    made = judge(said)
    again = judge.again(said) if isinstance(judge, Judge) else None
    return said | {
        "says": str(finding.get("statement") or "")[:200],
        "judgement": made.judgement, "bug": made.bug, "misplaced": made.misplaced,
        "again": None if again is None else [again.n, round(again.effect, 4), *(round(v, 4) for v in again.ci)],
    }  # fmt: skip
