"""Tool calls in the text of a language model: the common formats, read by the letter.

<tool_call>{"name": …, "arguments": {…}}</tool_call>      Hermes, Qwen, SmolLM
<|python_tag|>{"name": …, "parameters": {…}}              Llama 3
[TOOL_CALLS] [{"name": …, "arguments": {…}}]              Mistral
{"name": …, "arguments" or "parameters": {…}}             the whole answer, also fenced as ```json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

OPEN, CLOSE, PYTHON, MISTRAL = "<tool_call>", "</tool_call>", "<|python_tag|>", "[TOOL_CALLS]"
SHOWN = 2000  # characters of an unreadable call that are kept
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)


def read_answer(text: str) -> tuple[str, list[Any], list[Any]]:
    """(the words, the tool calls, the calls that can't be read) of one answer.

    A call counts only when it is whole: an object with a ``name`` and an object of arguments, no key twice, nothing
    beside it. Anything else that set out to be a call is an invalid one, and is never completed or guessed.
    """
    from langchain_core.messages.tool import invalid_tool_call, tool_call

    words, pieces = _split(text.strip())
    good: list[Any] = []
    bad: list[Any] = []
    for piece in pieces:
        try:
            for name, arguments in _calls(piece):
                good.append(tool_call(name=name, args=arguments, id=f"local-{len(good)}"))
        except (ValueError, RecursionError) as error:
            bad.append(
                invalid_tool_call(name="", args=piece[:SHOWN], id=f"local-bad-{len(bad)}", error=str(error))
            )
    return words, good, bad


def _split(text: str) -> tuple[str, list[str]]:
    """The words before and between the calls, and the text of each call."""
    for marker in (PYTHON, MISTRAL):
        before, found, after = text.partition(marker)
        if found:
            return before.strip(), [after.strip()]
    if OPEN in text:
        words, *rest = text.split(OPEN)
        pieces, between = [], [words]
        for part in rest:
            inner, closed, after = part.partition(CLOSE)
            pieces.append(inner.strip() if closed else inner.strip() + " (cut off)")
            between.append(after)
        return " ".join(w.strip() for w in between if w.strip()), pieces
    fenced = _FENCE.match(text)
    whole = (fenced[1] if fenced else text).strip()
    return ("", [whole]) if _meant(whole) else (text, [])


def _meant(text: str) -> bool:
    """Whether an answer without a marker set out to be a call: an object whose first keys name a tool."""
    return bool(re.match(r'\{\s*"(name|type|function|arguments|parameters)"\s*:', text))


def _calls(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls of one piece of text. Raises ValueError for anything but calls."""
    made = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    found = [_call(item) for item in (made if isinstance(made, list) else [made])]
    if not found:
        raise ValueError("there is no call in it")
    yield from found


def _call(item: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(item, dict) and isinstance(item.get("function"), dict):
        item = item["function"]
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise ValueError("it names no tool")
    given = [k for k in ("arguments", "parameters") if k in item]
    if len(given) > 1 or set(item) - {"name", "type", "id", *given}:
        raise ValueError("it has keys that a call does not have")
    arguments = item[given[0]] if given else {}
    if isinstance(arguments, str):  # the form that OpenAI's servers use: JSON in a string
        arguments = arguments_of(arguments or "null")
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are no object")
    return item["name"], arguments


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments of a call from JSON text; empty text: none.

    Raises:
        ValueError: it is no JSON, or no object, or has a key twice.
    """
    made = json.loads(text if text.strip() else "{}", object_pairs_hook=_once, parse_constant=_no_constant)
    if not isinstance(made, dict):
        raise ValueError("the arguments are no object")
    return made


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands there twice")
    return made


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
