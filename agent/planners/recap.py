"""What words that sum up say beside themselves: what was declined and stays open, and what they repeat that is out of date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from failsight import prompts
from failsight.agent import declined
from failsight.agent.currency import remarks

if TYPE_CHECKING:
    from failsight.agent.case import Case


def completed(case: Case, made: AIMessage) -> AIMessage:
    """A recap, or what to do next, with what was left out and what in it no longer holds."""
    state = case.state()
    told = _more(made, [*remarks(state, str(made.text)), *declined.told(state), *declined.by_policy(state)])
    return _offering(told, declined.offers(state))


def dated(case: Case, made: AIMessage) -> AIMessage:
    """Any other words, with what in them no longer holds."""
    return _more(made, remarks(case.state(), str(made.text)))


def closing(case: Case, made: AIMessage, since: Sequence[BaseMessage]) -> AIMessage:
    """The end of the workflow, with the same; its last sentence stays the last."""
    last = prompts.say("nothing_next")
    head = _with(made, str(made.text).removesuffix(last).rstrip())
    told = completed(case, after_no(case, head, since, tell=False))
    return _with(told, f"{told.text}\n\n{last}")


def after_no(case: Case, made: AIMessage, since: Sequence[BaseMessage], *, tell: bool = True) -> AIMessage:
    """Words after a turn in which somebody said no: that it was heard, and with ``tell`` what stays open without that test."""
    refused = list(dict.fromkeys(str(m.name) for m in since if isinstance(m, ToolMessage) and _said_no(m)))
    if not refused:
        return made
    heard = [prompts.say("rejected", tool=name) for name in refused]
    text = str(made.text)
    lead = [line for line in heard if line not in text]
    made = _with(made, "\n\n".join([*lead, text])) if lead else made
    tests = [name for name in refused if name.startswith(declined.TEST)]
    return _more(made, declined.told(case.state(), tests)) if tell and tests else made


def _said_no(reply: ToolMessage) -> bool:
    return f"the person declined {reply.name}." in str(reply.text)


def _more(made: AIMessage, lines: Sequence[str]) -> AIMessage:
    return _with(made, "\n".join([str(made.text), "", *(f"- {line}" for line in lines)])) if lines else made


def _offering(made: AIMessage, more: Sequence[str]) -> AIMessage:
    known = made.additional_kwargs
    return AIMessage(
        str(made.text), additional_kwargs={**known, "choices": [*known.get("choices", ()), *more]}
    )


def _with(made: AIMessage, text: str) -> AIMessage:
    return AIMessage(text.strip(), additional_kwargs=dict(made.additional_kwargs))
