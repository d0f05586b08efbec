"""A session that points out, after a turn, what nobody has looked at yet; each thing once in the life of a case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from failsight.agent.events import EvidenceMade, Notice, SessionEvent
from failsight.agent.learn.prompts import prompts
from failsight.agent.session import Session

if TYPE_CHECKING:
    from failsight.agent.case import Case

EVENT = "prompt.shown"


class PromptingSession(Session):
    """As :class:`failsight.agent.session.Session`, with prompts after turns that measured something."""

    def say(self, text: str) -> Iterator[SessionEvent]:
        yield from self._and_prompts(super().say(text))

    def _and_prompts(self, turn: Iterator[SessionEvent]) -> Iterator[SessionEvent]:
        measured = False
        for event in turn:
            measured = measured or (isinstance(event, EvidenceMade) and not event.reused)
            yield event
        if measured and self.pending is None:
            yield from point_out(self.case, self.level)


def point_out(case: Case, level: str) -> Iterator[SessionEvent]:
    """Prompts that fit now as notices, journalled so that none comes twice."""
    for prompt in prompts(case.state(), at_hand(case), level, told(case)):
        case.record(EVENT, name=prompt.name)
        yield Notice(prompt.sentence)


def at_hand(case: Case) -> set[str]:
    """What the case has: its splits, a model, a training record."""
    made: set[str] = set(case.splits())
    if case.has_model():
        made.add("model")
    if case.history is not None:
        made.add("history")
    return made


def told(case: Case) -> set[str]:
    """Names of the prompts that were given before."""
    return {str(e.data["name"]) for e in case.journal if e.kind == EVENT}
