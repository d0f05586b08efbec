"""Messages that reach the app from other threads, and wishes that widgets send to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from failsight.agent.ui.runner import Update


class SessionUpdate(Message):
    """Something came from the session's thread."""

    def __init__(self, update: Update) -> None:
        super().__init__()
        self.update = update


class ShowEvidence(Message):
    """A person wants to see one piece of evidence in full."""

    def __init__(self, evidence_id: str) -> None:
        super().__init__()
        self.evidence_id = evidence_id


class ShowFinding(Message):
    """A person wants to see one hypothesis in full."""

    def __init__(self, finding_id: str) -> None:
        super().__init__()
        self.finding_id = finding_id


class Answered(Message):
    """A person said something: typed, picked or clicked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Errand(Message):
    """Something to be done on the session's thread between two turns, because it runs the model.

    Args:
        work: what to do there.
        done: gets what came of it, on the app's thread.
        words: what the status line says meanwhile.
    """

    def __init__(self, work: Callable[[], Any], done: Callable[[Any], None], words: str) -> None:
        super().__init__()
        self.work, self.done, self.words = work, done, words
