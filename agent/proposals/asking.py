"""One question to a language model outside the conversation: within the case's budget, journalled like any other call."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from failsight.agent.guards.spending import LABELS, amount, budget_of, journal_call, spent
from failsight.agent.planners.server_errors import endpoint_error, sent, transient
from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case

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
        try:
            answer = chat.invoke(list(messages))
        except Exception as error:
            if sent(error):  # it broke off: that cost something too
                self._journal(messages, None, time.monotonic() - began, broken=True)
            raise
        self._journal(messages, answer, time.monotonic() - began)
        return answer

    def _journal(self, messages: Sequence[Any], answer: Any, seconds: float, **more: Any) -> None:
        journal_call(self.case, self.model, messages, answer, seconds, why=self.why, **more)

    def _afford(self) -> None:
        """Raises UserError when a cap of the case is reached."""
        budget = replace(budget_of(self.case), tool_minutes=math.inf)  # no matter of the model's
        name, share = spent(self.case.state()).fullest(budget)
        if share >= 1:
            raise UserError(
                f"The budget is used up: {amount(getattr(budget, name))} {LABELS[name]}.",
                f"Give more with --budget {name}=NUMBER; what was answered so far is kept.",
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
