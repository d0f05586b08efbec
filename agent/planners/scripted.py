"""A planner for tests: plays a list of replies, records what it was asked, and fails when the list is used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

Reply = AIMessage | str | Callable[[Sequence[BaseMessage]], AIMessage] | Exception


def call(tool: str, why: str = "", **arguments: Any) -> AIMessage:
    """A reply that calls one tool."""
    return AIMessage(why, tool_calls=[{"name": tool, "args": arguments, "id": f"scripted-{tool}"}])


class ScriptedPlanner(BaseChatModel):
    """Plays ``replies`` in order: messages, plain text, functions of the messages so far, or exceptions to raise."""

    _replies: list[Reply] = PrivateAttr()
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    def __init__(self, replies: Sequence[Reply]) -> None:
        super().__init__()
        self._replies = list(replies)

    @property
    def _llm_type(self) -> str:
        return "failsight-scripted"

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The messages of every request so far."""
        return self._asked

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ScriptedPlanner:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._asked.append(list(messages))
        if not self._replies:
            raise AssertionError("the script is used up")
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        made = reply(messages) if callable(reply) else reply
        message = AIMessage(made) if isinstance(made, str) else made
        calls = [{**c, "id": f"{c['id']}-{len(self._asked)}-{i}"} for i, c in enumerate(message.tool_calls)]
        return ChatResult(
            generations=[ChatGeneration(message=message.model_copy(update={"tool_calls": calls, "id": None}))]
        )
