"""What a language model is told: the case as it stands, and a conversation that fits, rebuilt from the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from failsight import prompts
from failsight.agent.checkpoints import named
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

TOKENS = 8_000  # of conversation that the model is sent; more is summed up from the journal
FINDINGS = 40  # newest findings that it is told of besides
PER_TOKEN = 3  # characters; 2.7 in evidence, which is numbers for a good part, 3.6 in words
KEEP = 6  # newest messages that are never summed up
INTERNAL = "internal"  # marks messages between the program and the model
KEEP_TOOL = 1200  # characters of an older tool reply


class ContextWindow(AgentMiddleware[Any, Any, Any]):
    """Every call gets the newest state of the case; older messages give way to a summary that keeps ids and numbers."""

    def __init__(self, case: Case, system: Callable[[], str], tokens: int = TOKENS) -> None:
        super().__init__()
        self.case, self.system, self.tokens = case, system, tokens

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Send the model its system prompt as of now and messages that fit."""
        told = SystemMessage(self.told(request.messages))
        messages = self.fitting(answered(request.messages))
        return handler(request.override(system_message=told, messages=messages))

    def told(self, messages: Sequence[AnyMessage], findings: int = FINDINGS) -> str:
        """The system prompt as of now, with at most so many findings; without any, without the library too."""
        return self.system() + "\n\n" + self.standing(messages, findings)

    def standing(self, messages: Sequence[AnyMessage], findings: int = FINDINGS) -> str:
        """Stage, open hypotheses, and what the library says about the question, as data."""
        state = self.case.state()
        lines = [f"Stage: {state.stage}."]
        if not findings:
            return prompts.fenced(lines)
        lines += [
            f"{r.id} [{r.standing}] {clean(r.finding.statement, 220)}"
            for r in list(state.records.values())[-findings:]
        ]
        asked = next((str(m.text) for m in reversed(messages) if m.type == "human"), "")
        lines += [
            f"Library {hit.id}: {clean(hit.title, 160)}. {clean(hit.text, 300)}"
            for hit in self._library(asked)
        ]
        return prompts.fenced(lines)

    def _library(self, question: str) -> Sequence[Any]:
        if not question.strip():
            return ()
        try:
            return tuple(self.case.knowledge.search(question[:400], k=3))
        except (RuntimeError, OSError, ValueError):
            return ()

    def fitting(self, messages: Sequence[AnyMessage], tokens: int = 0) -> list[AnyMessage]:
        """The messages, the older ones shortened and at last summed up, within ``tokens`` (0: the budget of a request)."""
        kept, most = list(messages), tokens or self.tokens
        if _size(kept) <= most:
            return kept
        kept = [_short(m) if i < len(kept) - KEEP else m for i, m in enumerate(kept)]
        if _size(kept) <= most:
            return kept
        start = _cut(kept, most // 2)
        return [HumanMessage(self.summary(most), additional_kwargs={INTERNAL: True}), *kept[start:]]

    def summary(self, tokens: int = 0) -> str:
        """The session so far from the journal: every evidence with its id and numbers, every finding with its verdict."""
        state = self.case.state()
        lines = [prompts.say("context.summary")]
        lines += [f"[{e.id}] {e.tool}: {clean(e.summary, 400)}" for e in state.evidence[-60:]]
        lines += [f"{r.id} [{r.standing}] {clean(r.finding.statement, 300)}" for r in state.records.values()]
        lines += [f"{s.role}: {clean(s.text, 200)}" for s in state.said[-8:]]
        limit = (tokens or self.tokens) * PER_TOKEN // 3
        text = "\n".join(lines)
        return text if len(text) <= limit else text[: limit // 2] + "\n…\n" + text[-limit // 2 :]


def answered(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages as servers take them: every call has a name and a reply (one that was interrupted never got it), and
    calls that are no JSON are left out (servers that fill a template with the conversation fail at them)."""
    replied = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    unread = {c["id"] for m in messages if isinstance(m, AIMessage) for c in m.invalid_tool_calls}
    made: list[AnyMessage] = []
    for message in (named(m) or m for m in messages):
        if not isinstance(message, AIMessage):
            if not (isinstance(message, ToolMessage) and message.tool_call_id in unread):
                made.append(message)
            continue
        if message.invalid_tool_calls:
            words = str(message.text) or ("" if message.tool_calls else "(a call that could not be read)")
            message = AIMessage(words, id=message.id, tool_calls=message.tool_calls)
        made.append(message)
        made += [
            ToolMessage(
                "FAILED: it was interrupted before it was done.", tool_call_id=c["id"], name=c["name"]
            )
            for c in message.tool_calls
            if c["id"] not in replied
        ]
    return made


def _size(messages: Sequence[AnyMessage]) -> int:
    return sum(len(str(m.content)) + 200 * len(getattr(m, "tool_calls", ())) for m in messages) // PER_TOKEN


def shortened(messages: Sequence[AnyMessage], limit: int) -> list[AnyMessage]:
    """The messages with every tool reply cut to ``limit`` characters, the newest too."""
    return [_short(m, limit) for m in messages]


def _short(message: AnyMessage, limit: int = KEEP_TOOL) -> AnyMessage:
    if isinstance(message, ToolMessage) and len(str(message.content)) > limit:
        kept = str(message.content)[:limit]
        end = "\n</data>" if kept.startswith("<data>") else ""
        return message.model_copy(update={"content": f"{kept} …{end} (shortened; call again for all of it)"})
    return message


def _cut(messages: Sequence[AnyMessage], tokens: int) -> int:
    """Where the kept part begins: at a person's message, so that no tool reply is parted from its call."""
    starts = [
        i for i, m in enumerate(messages) if m.type == "human" and not m.additional_kwargs.get(INTERNAL)
    ]
    for start in starts:
        if _size(messages[start:]) <= tokens:
            return start
    return starts[-1] if starts else max(0, len(messages) - KEEP)
