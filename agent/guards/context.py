"""What a language model is told: the case as it stands, and a conversation that fits, the older turns summed up.

The beginning of a request stays the same from one to the next, so that servers that remember it need not read it again:
what changes (stage, findings, what the library says) rides with the last message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

from failsight import prompts
from failsight.agent.checkpoints import named
from failsight.agent.guards.turns import INTERNAL, PER_TOKEN, asks, settled, short, size, turns
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

__all__ = ["FINDINGS", "INTERNAL", "ContextWindow", "answered", "conversation", "shortened"]

WINDOW = 32_000  # tokens of a server that does not say how many it takes
BESIDE = (
    14_000  # of them for what is no conversation: tools, the system prompt, the case as it stands, the answer
)
MOST = 40_000  # of conversation, however large the window: each request pays for all of it
LEAST = 600
REPLY = (1_500, 16_000)  # characters of a tool's reply: least and most
FINDINGS = 40  # newest findings that it is told of
STATEMENTS = 9_000  # characters of these
WHOLE = 2  # answers among what is summed up that stay whole
AT_ONCE = 3  # turns that are summed up at once, so that the beginning of a request stays the same for some
KEEP_TOOL = 1_200  # characters of an older tool reply
SUMMARIES = (400, 200, 100, 40, 0)  # characters of an evidence's summary, as there is room


def conversation(window: int) -> int:
    """Tokens of conversation for a context window of so many (0: not known)."""
    window = window or WINDOW
    return min(MOST, max(LEAST, window // 8, min(window - BESIDE, int(0.6 * window))))


class ContextWindow(AgentMiddleware[Any, Any, Any]):
    """Every call gets the newest state of the case; older turns give way to a summary that keeps every id.

    Args:
        tokens: of conversation that the model is sent; asked when the first request is made.
    """

    def __init__(
        self, case: Case, system: Callable[[], str], tokens: Callable[[], int] | None = None
    ) -> None:
        super().__init__()
        self.case, self.system = case, system
        self._asked, self._tokens = tokens or (lambda: conversation(0)), 0

    @property
    def tokens(self) -> int:
        """Tokens of conversation that fit."""
        self._tokens = self._tokens or self._asked()
        return self._tokens

    def reply(self) -> int:
        """Characters of a tool's reply."""
        least, most = REPLY
        return max(least, min(most, self.tokens * PER_TOKEN // 5))

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Send the model its system prompt and messages that fit."""
        messages = self.fitting(request.messages)
        return handler(request.override(system_message=SystemMessage(self.system()), messages=messages))

    # --- the case as it stands --------------------------------------------------------------------------------------

    def with_standing(self, messages: Sequence[AnyMessage], findings: int = FINDINGS) -> list[AnyMessage]:
        """The messages, the case as it stands behind the last one."""
        if not messages:
            return []
        last = messages[-1]
        told = self.standing(messages, findings)
        content: Any = (
            [*last.content, {"type": "text", "text": told}]
            if isinstance(last.content, list)
            else f"{last.content}\n\n{told}"
        )
        return [*messages[:-1], last.model_copy(update={"content": content})]

    def standing(self, messages: Sequence[AnyMessage], findings: int = FINDINGS) -> str:
        """Stage, findings, and what the library says about the person's question, as data."""
        state = self.case.state()
        lines = [f"The case now. Stage: {state.stage}."]
        if not findings:
            return prompts.fenced(lines)
        newest = list(state.records.values())[-findings:]
        each = max(160, min(600, STATEMENTS // max(1, len(newest))))
        lines += [f"{r.id} [{r.standing}] {clean(r.finding.statement, each)}" for r in newest]
        asked = next(
            (m.additional_kwargs.get("said") or str(m.text) for m in reversed(messages) if asks(m)), ""
        )
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

    # --- a conversation that fits -----------------------------------------------------------------------------------

    def fitting(self, messages: Sequence[AnyMessage], tokens: int = 0) -> list[AnyMessage]:
        """The messages within ``tokens`` (0: what fits), as far as that can be: drafts that were sent back go first, then tool
        replies of older turns are shortened, the oldest first, then whole turns are summed up, and only at last are replies of
        the turn at hand shortened."""
        most = tokens or self.tokens
        parts = turns(settled(answered(messages)))
        if not parts:
            return []
        for at in range(len(parts) - 1):
            if size(_all(parts)) <= most:
                break
            parts[at] = [short(m, KEEP_TOOL) for m in parts[at]]
        kept = 0
        while kept < len(parts) - 1 and size(_all(parts[kept:])) > (most if not kept else most - most // 4):
            kept = min(kept + AT_ONCE, len(parts) - 1)
        now = parts[-1]
        for limit in (KEEP_TOOL, KEEP_TOOL // 3):
            for at in range(len(now)):
                if size(_all(parts[kept:])) <= most:
                    break
                now[at] = short(now[at], limit)
        if not kept:
            return _all(parts)
        return _behind(self.summary(_all(parts[:kept]), most), _all(parts[kept:]))

    def summary(self, left_out: Sequence[AnyMessage] = (), tokens: int = 0) -> str:
        """The session so far: every evidence by its id, as much of its numbers as there is room for, the newest most, and what was
        said in ``left_out``, the newest answers whole."""
        limit = (tokens or self.tokens) * PER_TOKEN // 3
        said = _said(left_out, limit // 2)
        every = self.case.state().evidence
        room = limit - len("\n".join(said))
        for length in SUMMARIES:
            lines = [
                f"[{e.id}] {e.tool}" + (f": {clean(e.summary, length)}" if length else "")
                for e in (every if length else ())
            ] or [", ".join(f"[{e.id}] {e.tool}" for e in every)]
            if sum(map(len, lines)) + len(lines) <= room:
                break
        newest = len(every)
        while (
            length and newest > 0 and length < SUMMARIES[0]
        ):  # what is left of the room goes to the newest ones
            newest -= 1
            longer = (
                f"[{every[newest].id}] {every[newest].tool}: {clean(every[newest].summary, SUMMARIES[0])}"
            )
            if sum(map(len, lines)) + len(lines) + len(longer) - len(lines[newest]) > room:
                break
            lines[newest] = longer
        return "\n".join([prompts.say("context.summary"), *lines, *said])


def _said(left_out: Sequence[AnyMessage], room: int) -> list[str]:
    """What people and the model said, an entry each; the newest answers whole, the rest shortened, the oldest left out first."""
    spoken = [
        m for m in left_out if asks(m) or (isinstance(m, AIMessage) and not m.tool_calls and str(m.text))
    ]
    answers = [m for m in spoken if isinstance(m, AIMessage)][-WHOLE:]
    lines: list[str] = []
    for message in reversed(spoken):
        who = "You" if isinstance(message, AIMessage) else "Person"
        whole = any(message is a for a in answers)
        text = str(message.text).strip() if whole else clean(str(message.text), 300)
        if len(text) + len(who) > room:
            text = clean(text, 200)
        room -= len(text) + len(who) + 3
        if room < 0:
            break
        lines.insert(0, f"{who}: {text}")
    return lines


def _behind(summary: str, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The summary and then the messages: in one with the person's that comes first, since some servers take no two in a row."""
    first = messages[0]
    if not asks(first):
        return [HumanMessage(summary, additional_kwargs={INTERNAL: True}), *messages]
    said = str(first.text)
    told = f"{summary}\n\n{prompts.say('context.asked')}\n{said}"
    more = {**first.additional_kwargs, "said": said}
    return [first.model_copy(update={"content": told, "additional_kwargs": more}), *messages[1:]]


def _all(parts: Sequence[Sequence[AnyMessage]]) -> list[AnyMessage]:
    return [m for part in parts for m in part]


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


def shortened(messages: Sequence[AnyMessage], limit: int) -> list[AnyMessage]:
    """The messages with every tool reply cut to ``limit`` characters, the newest too."""
    return [short(m, limit) for m in messages]
