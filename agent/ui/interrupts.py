"""Ctrl-C while a turn runs: the first asks it to stop at its next step, the second stops it where it is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Takes SIGINT over for the time of a turn, so that no record is cut in the middle of being written.

    Args:
        say: tells the person that the wish was heard.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._asked = threading.Event()

    def asked(self) -> bool:
        """Whether the person asked the running turn to stop."""
        return self._asked.is_set()

    @contextmanager
    def while_running(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Within: the first SIGINT calls ``cancel``, the second raises KeyboardInterrupt. Elsewhere nothing changes.

        Outside of the main thread signals can't be taken over; then only ``cancel`` from elsewhere stops a turn.
        """
        self._asked.clear()
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self._asked.is_set():
                raise KeyboardInterrupt
            self._asked.set()
            self._say("\nStopping after the current step; Ctrl-C again stops now.")
            cancel()

        old = signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, old)
