"""A model that fails is replaced by the guided planner; one that goes in circles is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, ModelResponse, hook_config
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer

from failsight import prompts
from failsight.agent.events import Notice
from failsight.agent.guards.spending import LABELS, amount, budget_of, journal_call, spent
from failsight.agent.guards.turns import INTERNAL, asks
from failsight.tools.evidence import canonical
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

MOST_CALLS = 40  # tool calls in one turn
MOST_EQUAL = 3  # the very same call in one turn
MOST_REFUSED = 2  # turns one after the other after which the model is not asked any more
AGAIN = 2  # more tries for an answer that was cut off or garbled
PAUSE = 0.5  # seconds before the first of them
GUIDED = "guided"  # marks what the guided planner said in a language model's place


def by_guided(message: Any) -> bool:
    """Whether the guided planner said it, in the place of a model that failed."""
    return bool(message.additional_kwargs.get(GUIDED))


class Steady(AgentMiddleware[Any, Any, Any]):
    """Falls back to ``instead`` when the endpoint fails for good; ends a turn of repeated or endless calls."""

    def __init__(self, case: Case, instead: Callable[[], Any]) -> None:
        super().__init__()
        self.case, self.instead = case, instead
        self.failed = False
        self.refused = 0  # turns one after the other whose request the server refused
        self._turn = -1  # of the last of them: how many messages of a person there were

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Call the model; after a failure for good the guided planner answers, now and from here on.

        A request that the server refused is no failure for good: the next turn goes to the model again.
        """
        turn = sum(asks(m) for m in request.state.get("messages", ()))
        if self.failed or turn == self._turn:
            return self._guided(request, handler)
        from failsight.agent.planners.server_errors import endpoint_error, this_request

        try:
            response = self._patiently(request, handler)
        except Exception as error:
            plain = endpoint_error(error)
            if plain is None:
                raise
            self.refused += 1
            self.failed = not this_request(error) or self.refused >= MOST_REFUSED
            self._turn = turn
            self.case.record("planner.failed", message=str(plain))
            key = "planner.failed" if self.failed else "planner.refused"
            get_stream_writer()(Notice(prompts.say(key, reason=clean(plain, 900)), "warning"))
            return self._guided(request, handler)
        self.refused = 0
        return response

    def _guided(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The guided planner's answer to what the person asked, marked as its own: it is neither checked nor billed."""
        said = (
            request.state.get("messages") or request.messages
        )  # as it was said, without a summary before it
        asked = [m for m in said if not m.additional_kwargs.get(INTERNAL)]
        response = handler(request.override(model=self.instead(), messages=asked))
        for made in response.result:
            made.additional_kwargs[GUIDED] = True
        return response

    def _patiently(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Call the model; an answer that was cut off or garbled is asked for again, a little later each time.

        Every try costs: each is journalled, and none is made that the budget does not cover.
        """
        from failsight.agent.planners.server_errors import sent, transient

        for attempt in range(AGAIN + 1):
            began = time.monotonic()
            try:
                return handler(request)
            except Exception as error:
                if sent(error):
                    model = self.case.config.planner.partition(":")[2]
                    seconds = time.monotonic() - began
                    journal_call(self.case, model, request.messages, None, seconds, broken=True)
                if not transient(error) or attempt == AGAIN:
                    raise
            if (words := self._used_up()) is not None:
                return ModelResponse(result=[AIMessage(words, additional_kwargs={GUIDED: True})])
            time.sleep(PAUSE * 2**attempt)
        raise AssertionError  # the last try answers or raises

    def _used_up(self) -> str | None:
        """What the person is told where the budget does not cover another try; None where it does."""
        budget = budget_of(self.case)
        name, share = spent(self.case.state()).fullest(budget)
        if share < 1:
            return None
        self.case.record("budget.stopped", what=name)
        return prompts.say("budget.ended", what=LABELS[name], cap=amount(getattr(budget, name)))

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """End a turn in which the model asks for the same thing again and again, or never comes to an end."""
        messages = state["messages"]
        last = messages[-1]
        if by_guided(last) or not isinstance(last, AIMessage) or not last.tool_calls:
            return None
        start = max((i for i, m in enumerate(messages) if m.type == "human"), default=0)
        calls = [c for m in messages[start:] if isinstance(m, AIMessage) for c in m.tool_calls]
        newest = {canonical([c["name"], c["args"]]) for c in last.tool_calls}
        equal = max(sum(canonical([c["name"], c["args"]]) == n for c in calls) for n in newest)
        if len(calls) <= MOST_CALLS and equal <= MOST_EQUAL:
            return None
        why = "model.endless" if len(calls) > MOST_CALLS else "model.repeats"
        self.case.record("turn.stopped", reason=why, calls=len(calls))
        return {
            "messages": [AIMessage(prompts.say(why), id=last.id, additional_kwargs={"grounded": True})],
            "jump_to": "end",
        }
