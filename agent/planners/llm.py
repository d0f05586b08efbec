"""Planners that are language models behind an OpenAI-compatible server (OpenAI, vLLM, Ollama, llama.cpp …)."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, Any, cast

from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk

TIMEOUT = 120.0  # seconds without an answer
RETRIES = 3  # of the SDK, with growing pauses: 429, 5xx, time-outs, refused connections
LONGEST = 200_000  # characters of one answer that are read at all
_ANSWER = (
    "langchain_openai",
    "openai",
    "httpx",
    "langchain_core",
    "json",
    "pydantic",
    "failsight.agent.planners.llm",
)


class PlannerFailed(UserError):
    """A language model that can't answer, whatever it is asked: the guided planner takes over."""


def openai_planner(model: str) -> Any:
    """A chat model of the server at ``OPENAI_BASE_URL`` (OpenAI's own by default).

    ``FAILSIGHT_MODEL_TIMEOUT`` (seconds) and ``FAILSIGHT_MODEL_RETRIES`` change how patient it is.

    Raises:
        UserError: no model named, or no key for a server that needs one.
    """
    if not model:
        raise UserError("No model was named.", "Write --planner openai:MODEL, for example openai:gpt-5-mini.")
    key, url = os.environ.get("OPENAI_API_KEY"), os.environ.get("OPENAI_BASE_URL")
    if not key and not url:
        raise UserError(
            "There is no OPENAI_API_KEY.",
            "Set it (or OPENAI_BASE_URL for a server of your own), or use --planner guided.",
        )
    from pydantic import SecretStr

    return _strict_class()(
        model=model,
        base_url=url,
        api_key=SecretStr(key or "none"),
        temperature=0,
        timeout=setting("FAILSIGHT_MODEL_TIMEOUT", TIMEOUT),
        max_retries=int(setting("FAILSIGHT_MODEL_RETRIES", RETRIES)),
        streaming=True,
        stream_usage=True,
    )


def setting(name: str, default: float) -> float:
    """The number in the environment variable ``name``, or ``default``."""
    try:
        return float(os.environ.get(name, ""))
    except ValueError:
        return default


def _strict_class() -> Any:
    """``ChatOpenAI`` that reads a streamed answer to its end, no further than :data:`LONGEST`, and takes tool calls by
    the letter: langchain completes broken JSON of streamed arguments, which would run a call that nobody made."""
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_openai import ChatOpenAI

    class StrictChat(ChatOpenAI):
        def _generate(
            self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> ChatResult:
            whole, length = None, 0
            for piece in self._stream(messages, stop=stop, run_manager=run_manager, **kwargs):
                whole = piece if whole is None else whole + piece
                length += len(str(piece.message.content))
                if length > LONGEST:
                    break
            if whole is None:
                raise ValueError("the answer is empty")
            return ChatResult(
                generations=[ChatGeneration(message=strictly(cast("AIMessageChunk", whole.message)))]
            )

    return StrictChat


def strictly(chunk: AIMessageChunk) -> Any:
    """The whole message of merged pieces; arguments that are no JSON object make an invalid call."""
    from langchain_core.messages import AIMessage
    from langchain_core.messages.tool import invalid_tool_call, tool_call

    good, bad = [], []
    for piece in chunk.tool_call_chunks:
        name, text, call_id = piece["name"] or "", piece["args"] or "", piece["id"]
        try:
            arguments = json.loads(text or "{}")
            if not isinstance(arguments, dict):
                raise ValueError("the arguments are no object")
            good.append(tool_call(name=name, args=arguments, id=call_id))
        except ValueError as error:
            bad.append(invalid_tool_call(name=name, args=text[:2000], id=call_id, error=str(error)))
    return AIMessage(
        str(chunk.text), tool_calls=good, invalid_tool_calls=bad, usage_metadata=chunk.usage_metadata,
        response_metadata={k: v for k, v in chunk.response_metadata.items() if isinstance(v, str | int | float)},
    )  # fmt: skip


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
            "Check OPENAI_BASE_URL, or go on with --planner guided: the case keeps everything.",
        )
    if isinstance(error, openai.APIStatusError):
        return UserError(
            f"The model server answered {error.status_code}.",
            "Try again, or go on with --planner guided: the case keeps everything.",
        )
    if isinstance(error, openai.OpenAIError) or _unreadable(error):
        return UserError(
            "The model server's answer can't be read.",
            "Is OPENAI_BASE_URL an OpenAI-compatible server? --planner guided needs none.",
        )
    return None


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
