"""A dialogue on a thread of its own, for displays that must not wait: items come out by messages, answers go in by a queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.dialogue import Ask, Dialogue, Item
from failsight.agent.ui.errors import bug_line, sentence
from failsight.agent.ui.progress import JobState, Meter, metered
from failsight.agent.ui.words import inert
from failsight.tools.errors import FailsightError

if TYPE_CHECKING:
    from failsight.tools.view import Progress, Ticker


@dataclass(frozen=True, slots=True)
class Came:
    """The dialogue said, showed or asked something."""

    item: Item


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialogue is over, with its result; ``problem`` where it broke."""

    result: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Long work began, moved on or ended."""

    state: JobState


News = Came | Ended | Job


class DialogueThread:
    """Runs one dialogue.

    Args:
        make: builds the dialogue; called on the thread, with the progress to show long work on.
        post: gets every :data:`News`; called from the thread.
    """

    def __init__(self, make: Callable[[Progress], Dialogue[Any]], post: Callable[[News], None]) -> None:
        self._make, self._post = make, post
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="failsight-dialogue", daemon=True)

    def begin(self) -> None:
        """Start."""
        self._thread.start()

    def answer(self, text: str) -> None:
        """The person's answer to the question that waits."""
        self._answers.put(text)

    def leave(self, patience: float = 10.0) -> bool:
        """End the dialogue at the next question or step of work; True when it has ended."""
        self._stop.set()
        self._answers.put(None)
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of long work (``failsight.tools.view.Progress``)."""

        def show(state: JobState) -> None:
            self._post(Job(state))

        return metered(Meter(label, total, show, self._stop.is_set), show)

    def _work(self) -> None:
        dialogue = self._make(self)
        try:
            item = next(dialogue)
            while not self._stop.is_set():
                self._post(Came(inert(item)))
                if isinstance(item, Ask):
                    text = self._answers.get()
                    if text is None:
                        break
                    item = dialogue.send(text)
                else:
                    item = next(dialogue)
            self._post(Ended())
        except StopIteration as end:
            self._post(Ended(end.value))
        except KeyboardInterrupt:
            self._post(Ended())
        except FailsightError as error:
            self._post(Ended(problem=sentence(error)))
        except Exception as error:  # a bug of ours: said, with a crash report
            self._post(Ended(problem=bug_line(error)))
        finally:
            dialogue.close()
