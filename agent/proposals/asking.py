"""One question to a language model outside the conversation: within the case's budget, journalled like any other call."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from failsight.agent.guards.budget import LABELS, Budget, price, spent
from failsight.agent.planners.llm import endpoint_error, transient
from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case

PER_TOKEN = 4  # characters
PER_PICTURE = 800  # tokens that a picture of 512 pixels counts for where the server does not count
LONGEST = 100_000  # characters of an answer that are looked through


@dataclass(frozen=True, slots=True)
class Asker:
    """A chat model with one function to call.

    Attributes:
        case: whose budget pays and whose journal remembers.
        chat: a langchain chat model.
        model: its name, for prices and the journal.
        why: what it is asked for, for the journal.
    """

    case: Case
    chat: Any
    model: str
    why: str

    def ask(self, messages: Sequence[Any], tool: Mapping[str, Any]) -> Any:
        """The answer as a message; with a call of ``tool`` where the server can call at all.

        Raises:
            UserError: the budget is used up, or the server can't answer.
        """
        import openai

        try:
            return self._once(self.chat.bind_tools([dict(tool)], tool_choice="any"), messages)
        except openai.BadRequestError:  # a server that knows no tools: the words are parsed
            return self._tried(self.chat, messages)
        except Exception as error:
            if not transient(error):
                raise self._plain(error) from error
            return self._tried(self.chat.bind_tools([dict(tool)], tool_choice="any"), messages)

    def _tried(self, chat: Any, messages: Sequence[Any]) -> Any:
        try:
            return self._once(chat, messages)
        except Exception as error:
            raise self._plain(error) from error

    @staticmethod
    def _plain(error: Exception) -> Exception:
        return endpoint_error(error) or error

    def _once(self, chat: Any, messages: Sequence[Any]) -> Any:
        self._afford()
        began = time.monotonic()
        answer = chat.invoke(list(messages))
        usage: Mapping[str, Any] = getattr(answer, "usage_metadata", None) or {}
        tokens_in, tokens_out = int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))
        if not usage:
            tokens_in = sum(_size(m.content) for m in messages)
            tokens_out = _size(answer.content) + sum(_size(json.dumps(c["args"])) for c in answer.tool_calls)
        self.case.record(
            "model.called", model=self.model, input_tokens=tokens_in, output_tokens=tokens_out, counted=bool(usage),
            usd=price(self.model, tokens_in, tokens_out), seconds=round(time.monotonic() - began, 3), why=self.why,
        )  # fmt: skip
        return answer

    def _afford(self) -> None:
        """Raises UserError when a cap of the case is reached."""
        state = self.case.state()
        budget = Budget.parse(self.case.config.budget).times(1 + state.budget_raised)
        budget = replace(budget, tool_minutes=math.inf)  # no matter of the model's
        name, share = spent(state).fullest(budget)
        if share >= 1:
            raise UserError(
                f"The budget is used up: {getattr(budget, name):g} {LABELS[name]}.",
                f"Give more with --budget {name}=NUMBER; what was answered so far is kept.",
            )


def _size(content: Any) -> int:
    """About how many tokens a message's content has."""
    if isinstance(content, str):
        return len(content) // PER_TOKEN
    parts = content if isinstance(content, list) else [content]
    return sum(
        PER_PICTURE if isinstance(p, dict) and p.get("type") == "image_url" else len(str(p)) // PER_TOKEN
        for p in parts
    )


def objects(answer: Any) -> list[Any]:
    """Every JSON value that an answer holds: arguments of its calls, of calls that are no JSON, and what its words say."""
    made: list[Any] = [call["args"] for call in answer.tool_calls]
    texts = [str(call.get("args") or "") for call in answer.invalid_tool_calls]
    for text in [*texts, str(answer.text)]:
        made += _in_text(text[:LONGEST])
    return made


def _in_text(text: str) -> list[Any]:
    """JSON objects and lists in a text, outermost first; broken ones are passed over."""
    decoder, made, at = json.JSONDecoder(), [], 0
    for _ in range(200):  # a text of brackets alone must not take quadratic time
        starts = [i for i in (text.find("{", at), text.find("[", at)) if i >= 0]
        if not starts:
            break
        at = min(starts)
        try:
            found, at = decoder.raw_decode(text, at)
            made.append(found)
        except (ValueError, RecursionError):
            at += 1
    return made
