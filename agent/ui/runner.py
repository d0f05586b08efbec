"""One thread of its own for the session: built, talked to and closed there, and nowhere else.

Databases and models dislike changing threads. A display submits work and gets :data:`Update` messages back through
``post``, a function that may be called from any thread; it never calls the session itself but for ``cancel``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.events import EvidenceMade, SessionEvent, StageEntered
from failsight.agent.ui.errors import BUG, USER_MUST_ACT, bug_line, sentence
from failsight.agent.ui.pictures import Album
from failsight.agent.ui.progress import JobState, Meter, metered
from failsight.agent.ui.snapshot import Past, Snapshot, past, take
from failsight.agent.ui.words import inert
from failsight.tools.errors import FailsightError

if TYPE_CHECKING:
    from failsight.agent.ui.display import SessionLike
    from failsight.tools.view import Progress, Ticker


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is there."""

    name: str
    folder: Path
    album: Album
    actions: dict[str, str]
    snapshot: Snapshot
    past: Past
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the running turn, already harmless to show; ``snapshot`` where it changed the case."""

    event: SessionEvent
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over: the planner is done, waits for a decision, or was ``stopped``."""

    snapshot: Snapshot
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn broke. ``fatal``: there is no session at all. ``code`` is the exit code that fits."""

    text: str
    code: int
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class JobChanged:
    """A long job began, moved on or ended."""

    job: JobState


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of an errand, for the one who sent it."""

    done: Callable[[Any], None]
    value: Any


Update = Opened | Happened | TurnEnded | Failed | JobChanged | Fetched
Turn = Callable[["SessionLike"], Iterator[SessionEvent]]


class SessionThread:
    """Runs a session on a thread of its own.

    Args:
        open_session: builds the session; called on the thread, with the progress to show long work on.
        post: gets every :data:`Update`; called from the session's thread and from threads that do its long work.
    """

    def __init__(
        self, open_session: Callable[[Progress], SessionLike], post: Callable[[Update], None]
    ) -> None:
        self._open, self._post = open_session, post
        self._turns: queue.SimpleQueue[Turn | None] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._session: SessionLike | None = None
        self._folder: Path | None = None
        # a daemon: a pass of a model that no one can interrupt must not keep the program from leaving
        self._thread = threading.Thread(target=self._work, name="failsight-session", daemon=True)

    def begin(self) -> None:
        """Open the session and let it greet."""
        self._thread.start()

    def submit(self, turn: Turn) -> None:
        """Queue a turn; turns run one after the other."""
        self._turns.put(turn)

    def errand(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Queue something that is no turn but needs the session's thread; ``done`` comes back in :class:`Fetched`."""

        def turn(session: SessionLike) -> Iterator[SessionEvent]:
            self._post(Fetched(done, work()))
            yield from ()

        self.submit(turn)

    def cancel(self) -> None:
        """Ask the running turn to stop at its next tick. Thread-safe, and harmless when nothing runs."""
        self._cancel.set()
        if self._session is not None:
            self._session.cancel()

    def close(self, patience: float = 10.0) -> bool:
        """Cancel, close the session, and wait at most ``patience`` seconds; True when the thread has ended."""
        if not self._thread.is_alive():
            return True
        self._turns.put(None)
        self.cancel()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of a long job of the session (``failsight.tools.view.Progress``); called from any thread."""

        def show(state: JobState) -> None:
            self._post(JobChanged(state))

        return metered(Meter(label, total, show, self._cancel.is_set), show)

    def _work(self) -> None:
        try:
            session = self._session = self._open(self)
            self._folder = session.folder
            state = session.state()
            self._post(
                Opened(
                    inert(session.name),
                    session.folder,
                    Album.of(session.folder, state.config),
                    inert(session.actions()),
                    take(state),
                    past(state),
                    session.workflow,
                )
            )
        except BaseException as error:
            self._post(self._failure(error, fatal=True))
            return
        try:
            self._turn(lambda s: s.start())
            while (turn := self._turns.get()) is not None:
                self._turn(turn)
        finally:
            session.close()

    def _turn(self, turn: Turn) -> None:
        session = self._session
        assert session is not None
        self._cancel.clear()
        stopped = False
        try:
            for event in turn(session):
                changed = isinstance(event, EvidenceMade | StageEntered)
                self._post(Happened(inert(event), take(session.state()) if changed else None))
        except KeyboardInterrupt:
            stopped = True
        except BaseException as error:
            self._post(self._failure(error, fatal=False))
        try:
            self._post(TurnEnded(take(session.state()), stopped or self._cancel.is_set()))
        except Exception as error:
            self._post(self._failure(error, fatal=True))

    def _failure(self, error: BaseException, *, fatal: bool) -> Failed:
        if isinstance(error, FailsightError):
            return Failed(sentence(error), USER_MUST_ACT, fatal)
        if isinstance(error, KeyboardInterrupt):
            return Failed("Stopped before the case was open.", 130, fatal)
        return Failed(bug_line(error, self._folder), BUG, fatal)
