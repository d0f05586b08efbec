"""How far a long job is, and how long it will still take: arithmetic shared by every display."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from failsight.agent.ui.words import cost_text, duration, inert_text

if TYPE_CHECKING:
    from failsight.agent.events import ApprovalAsked

WORTH_SHOWING = 1.0  # seconds; shorter jobs pass unseen
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class JobState:
    """One look at a job. ``total`` 0 means unknown; ``seconds`` is the time since its start."""

    number: int
    label: str
    done: int
    total: int
    seconds: float
    ended: bool = False

    @property
    def share(self) -> float | None:
        """Done share in [0, 1], or None when the total is unknown."""
        return min(1.0, self.done / self.total) if self.total > 0 else None

    @property
    def left(self) -> float | None:
        """Seconds left at the pace so far; None before there is a pace."""
        if self.total <= 0 or self.done <= 0 or self.seconds <= 0:
            return None
        return self.seconds / self.done * max(0, self.total - self.done)

    def line(self, bar: int = 0) -> str:
        """``predicting 43 % · 12 s left``, with a bar of ``bar`` characters where asked for."""
        if self.share is None:
            return f"{self.label} · {self.done:,} done · {duration(self.seconds)}"
        full = round(self.share * bar)
        drawn = f" {'━' * full}{'╌' * (bar - full)}" if bar else ""
        left = "" if self.left is None or self.seconds < WORTH_SHOWING else f" · {duration(self.left)} left"
        return f"{self.label}{drawn} {100 * self.share:.0f} %{left}"


def roughly(seconds: float) -> str:
    """``15 s``, ``2 min 40 s``, ``12 min``: an expected time, no more exact than it can be."""
    step = 1 if seconds < 10 else 5 if seconds < 60 else 10 if seconds < 600 else 60
    return duration(max(1, round(seconds / step)) * step).removesuffix(" 00 s")


def expected(asked: ApprovalAsked) -> str:
    """``about 2 min 40 s to 8 min (estimated from …)``; else what the kind of the tool says of its cost."""
    least, most = asked.seconds
    if most <= 0:
        return cost_text(asked.cost)
    short, long = roughly(least), roughly(most)
    return f"about {short if short == long else f'{short} to {long}'} ({asked.basis})"


class Meter:
    """The ticker of one job: counts, and tells ``show`` at most every ``every`` seconds and once at the end.

    Thread-safe. ``cancelled`` is asked at each tick; when it says yes the job is left with KeyboardInterrupt.
    """

    def __init__(
        self,
        label: str,
        total: int,
        show: Callable[[JobState], None],
        cancelled: Callable[[], bool] = lambda: False,
        every: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._number = next(_numbers)
        self._label, self._total, self._show, self._cancelled = inert_text(label), total, show, cancelled
        self._every, self._clock, self._lock = every, clock, threading.Lock()
        self._started = self._shown = clock()
        self._done = 0

    def advance(self, steps: int = 1) -> None:
        """``steps`` more are done. Raises KeyboardInterrupt when the person asked to stop."""
        if self._cancelled():
            raise KeyboardInterrupt
        with self._lock:
            self._done += steps
            now = self._clock()
            due = now - self._shown >= self._every
            if due:
                self._shown = now
        if due:
            self._show(self.state())

    def state(self, ended: bool = False) -> JobState:
        """The job right now."""
        return JobState(
            self._number, self._label, self._done, self._total, self._clock() - self._started, ended
        )


@contextmanager
def metered(meter: Meter, show: Callable[[JobState], None]) -> Iterator[Meter]:
    """Show the start and the end of a job, however it ends."""
    show(meter.state())
    try:
        yield meter
    finally:
        show(meter.state(ended=True))
