"""What a model server did wrong: as a sentence for a person, and whether asking again may help.

The server's own words are shown: only they say which limit was met, which model is missing, or what it does not take.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from failsight.agent.secrets import redacted
from failsight.tools.errors import UserError
from failsight.tools.text import clean

SHOWN = 300  # characters of a server's own words
GO_ON = "go on with --planner guided: the case keeps everything."
_ANSWER = (
    "langchain_openai",
    "openai",
    "httpx",
    "langchain_core",
    "json",
    "pydantic",
    "failsight.agent.planners.llm",
    "failsight.agent.planners.streamed",
    "failsight.agent.planners.calls",
)
_LONG = re.compile(
    r"context[ _](?:length|window|size)|context_length|exceed_context|maximum context|when context the overflows"
    r"|prompt is too long|input token count|too many (?:input )?tokens|max_new_tokens|maximum number of tokens"
    r"|(?:request|prompt|input) (?:is )?too (?:large|long)|reduce the length",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"(?:context (?:length|size|window)|context length of(?: only)?|allowed|limit(?: is)?|<=|n_ctx|(?<=> ))\D{0,24}?(\d[\d,]*)"
    r"|(\d[\d,]*) (?:maximum|tokens? maximum)",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(
    r"(?:support|enable|handle|without|unknown|unrecognized|not permitted|extra|--jinja|requires?)\b.{0,60}\b(?:tools?(?![\[.])|tool[-_ ](?:use|choice|call\w*)|function[-_ ]call\w*)\b"
    r"|\b(?:tools?(?![\[.])|tool[-_ ](?:use|choice|call\w*)|function[-_ ]call\w*)\b.{0,60}(?:support|--enable|--jinja|not permitted|not allowed|unknown|requires?)",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = (400, 413, 422, 500)  # statuses that servers give to a request over their context
_NO_TOOL_CALLS = (400, 404, 422, 500, 501)  # to one with tools, where the model or the server knows none


class PlannerFailed(UserError):
    """A language model that can't answer, whatever it is asked: the guided planner takes over."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A request over the server's context. Tokens as the server tells them; 0 where it does not."""

    window: int
    needed: int


def server_words(error: BaseException) -> str:
    """What the server itself said, cleaned, bounded, without keys; empty where it said nothing in words."""
    said = _message(getattr(error, "body", None))
    if not said and isinstance(said_raw := getattr(error, "message", ""), str):
        said = "" if said_raw.startswith("Error code:") else said_raw
    said = re.sub(r"<[^>]{0,200}>", " ", said) if said.lstrip().startswith("<") else said
    return redacted(clean(said, SHOWN)).rstrip(". ")


def _message(body: Any) -> str:
    for _ in range(4):  # {"error": {"message": …}}, {"detail": …}, {"error": "…"}
        if isinstance(body, str):
            return body
        if isinstance(body, list) and body:
            body = body[0]
        if not isinstance(body, Mapping):
            return ""
        body = next((body[k] for k in ("message", "error", "detail", "msg") if body.get(k)), None)
    return ""


def too_long(error: BaseException) -> TooLong | None:
    """Whether a request was over the server's context, and by how much; None: it failed for another reason."""
    import openai

    if not isinstance(error, openai.APIError):
        return None
    if isinstance(error, openai.APIStatusError) and error.status_code not in _TOO_LONG:
        return None
    raw = getattr(error, "body", None)
    said = " ".join(
        (_message(raw), str(error.message), str(raw.get("type", "")) if isinstance(raw, Mapping) else "")
    )
    if not _LONG.search(said):
        return None
    found = _WINDOW.search(said)
    window = int((found[1] or found[2]).replace(",", "")) if found else 0
    numbers = [int(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*(?=\D|$)", said)]
    needed = max((n for n in numbers if n > window), default=0) if window else 0
    return TooLong(window, needed)


def takes_no_tools(error: BaseException) -> bool:
    """Whether a server refused a request because its model, or how it was started, knows no tool calls."""
    import openai

    fits = isinstance(error, openai.APIStatusError) and error.status_code in _NO_TOOL_CALLS
    return fits and bool(_NO_TOOLS.search(server_words(error)))


def this_request(error: BaseException) -> bool:
    """Whether a server refused one request for what was in it: another one may do."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in (400, 413, 422, 429) and not takes_no_tools(error)
    return type(error) is openai.APIError  # told in the middle of a stream


def endpoint_error(error: BaseException) -> UserError | None:
    """What a model server did wrong as a sentence for a person; None when ``error`` is one of ours."""
    if isinstance(error, PlannerFailed):
        return error
    try:
        import httpx
        import openai
    except ImportError:  # pragma: no cover (declared dependencies)
        return None
    if isinstance(error, openai.AuthenticationError):
        return UserError("The model server refused the key.", "Check OPENAI_API_KEY and OPENAI_BASE_URL.")
    if isinstance(error, openai.APITimeoutError):
        return UserError("The model server took too long to answer.", "Try again, or use --planner guided.")
    if isinstance(error, openai.APIConnectionError | httpx.HTTPError):
        return UserError(
            "The model server can't be reached, or broke off its answer.",
            f"Check OPENAI_BASE_URL, or {GO_ON}",
        )
    if (longer := too_long(error)) is not None:
        return _window_error(longer, server_words(error))
    if isinstance(error, openai.APIStatusError):
        return _status_error(error)
    if isinstance(error, openai.APIError) and server_words(error):  # in the middle of a stream
        return UserError(
            f"The model server broke off with an error{_quoted(error)}.", f"Try again, or {GO_ON}"
        )
    if isinstance(error, openai.OpenAIError) or _unreadable(error):
        return UserError(
            "The model server's answer can't be read.",
            "Is OPENAI_BASE_URL an OpenAI-compatible server? --planner guided needs none.",
        )
    return None


def _status_error(error: Any) -> UserError:
    said = f"The model server answered {error.status_code}{_quoted(error)}."
    if takes_no_tools(error):
        return PlannerFailed(
            said,
            "A planner has to call tools: take a model that can, and start the server so that it lets it "
            "(vLLM: --enable-auto-tool-choice and --tool-call-parser; llama.cpp: --jinja).",
        )
    if error.status_code == 404:
        return UserError(said, f"Check the model's name and OPENAI_BASE_URL, or {GO_ON}")
    return UserError(said, f"Try again, or {GO_ON}")


def _window_error(longer: TooLong, said: str) -> UserError:
    needed = f"{longer.needed:,} tokens are needed" if longer.needed else "more is needed"
    has = f", it has {longer.window:,}" if longer.window else ""
    return PlannerFailed(
        f"The request does not fit the model's context window ({needed}{has}). The server said: “{said}”.",
        "Start the server with a larger one (vLLM: --max-model-len; llama.cpp: -c; Ollama: OLLAMA_CONTEXT_LENGTH), "
        "or take a model with more.",
    )


def _quoted(error: Any) -> str:
    said = server_words(error)
    return f": “{said}”" if said else ""


def transient(error: BaseException) -> bool:
    """Whether asking once more may help, beyond what the SDK retried: an answer cut off or garbled."""
    import httpx
    import openai

    if isinstance(error, openai.APIStatusError | openai.APITimeoutError):
        return False
    return isinstance(error, openai.APIConnectionError | httpx.HTTPError) or _unreadable(error)


def sent(error: BaseException) -> bool:
    """Whether a request that failed so may have cost something: it had reached a server when it broke off."""
    import httpx
    import openai

    if isinstance(error, httpx.ConnectError) or isinstance(error.__cause__, httpx.ConnectError):
        return False
    return transient(error) or isinstance(error, openai.APITimeoutError)


def _unreadable(error: BaseException) -> bool:
    """Whether reading the server's reply failed: an ordinary error raised inside the client libraries."""
    if not isinstance(error, ValueError | KeyError | TypeError | AttributeError | IndexError):
        return False
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].startswith(_ANSWER)
