"""Progress for callers without a screen, and the way to stop long work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from failsight.tools.view import Progress, Ticker


class Cancelled(KeyboardInterrupt):
    """A person asked to stop. Nothing is lost: finished parts are kept and the same call goes on from there."""


class _Silent:
    def advance(self, steps: int = 1) -> None:
        pass


class Quiet:
    """Progress that shows nothing."""

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Ticker]:
        yield _Silent()


class _Stopping:
    def __init__(self, inner: Ticker, stop: threading.Event) -> None:
        self._inner, self._stop = inner, stop

    def advance(self, steps: int = 1) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._inner.advance(steps)


class Cancellable:
    """Wraps a display's progress so that ``cancel`` from another thread stops the work at its next tick."""

    def __init__(self, inner: Progress | None = None) -> None:
        self.inner: Progress = inner or Quiet()
        self._stop = threading.Event()

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Any]:
        if self._stop.is_set():
            raise Cancelled
        with self.inner.job(label, total) as ticker:
            yield _Stopping(ticker, self._stop)

    def cancel(self) -> None:
        self._stop.set()

    def reset(self) -> None:
        self._stop.clear()
