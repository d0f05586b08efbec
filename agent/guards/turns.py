"""A conversation by its turns: what a person asked with all that came of it, and what of that can be left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

INTERNAL = "internal"  # marks messages between the program and the model
PER_TOKEN = 3  # characters; 2.7 in evidence, which is numbers for a good part, 3.6 in words
_EVIDENCE = re.compile(r"\AE\d+\b|<data>\s*(E\d+)\b")


def asks(message: AnyMessage) -> bool:
    """Whether a person said it."""
    return message.type == "human" and not message.additional_kwargs.get(INTERNAL)


def turns(messages: Sequence[AnyMessage]) -> list[list[AnyMessage]]:
    """The messages by turns, each from what a person said to the next of these."""
    made: list[list[AnyMessage]] = []
    for message in messages:
        if asks(message) or not made:
            made.append([])
        made[-1].append(message)
    return made


def settled(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages without what was sent back in turns that are over: the draft, and the words that sent it back."""
    last = max((i for i, m in enumerate(messages) if asks(m)), default=0)
    gone: set[int] = set()
    for i, message in enumerate(messages[:last]):
        if message.type == "human" and message.additional_kwargs.get(INTERNAL):
            gone.add(i)
            before = messages[i - 1] if i else None
            if isinstance(before, AIMessage) and not before.tool_calls:
                gone.add(i - 1)
    return [m for i, m in enumerate(messages) if i not in gone]


def size(messages: Sequence[AnyMessage]) -> int:
    """About how many tokens messages have."""
    return sum(len(str(m.content)) + 200 * len(getattr(m, "tool_calls", ())) for m in messages) // PER_TOKEN


def short(message: AnyMessage, limit: int) -> AnyMessage:
    """A tool's reply cut at the end of a line within ``limit`` characters, with how the rest is read; others as they are."""
    text = str(message.content)
    if (
        not isinstance(message, ToolMessage)
        or len(text) <= limit
        or message.additional_kwargs.get("cut") == limit
    ):
        return message
    kept = text[:limit]
    kept = kept[: kept.rfind("\n")] if kept.rfind("\n") > limit // 2 else kept.rsplit(" ", 1)[0]
    end = "\n</data>" if kept.lstrip().startswith("<data>") else ""
    found = _EVIDENCE.search(text)
    rest = f"show_evidence reads the rest of {found[1] or found[0]}" if found else "the rest was left out"
    more = {**message.additional_kwargs, "cut": limit}
    cut = f"{kept} …{end}\n(shortened: {rest})"
    return message.model_copy(update={"content": cut, "additional_kwargs": more})
