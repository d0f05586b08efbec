"""Planners that are language models behind an OpenAI-compatible server (OpenAI, vLLM, Ollama, llama.cpp …)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from failsight.agent.guards.spending import PER_PICTURE, PER_TOKEN
from failsight.agent.planners.streamed import Answer, events
from failsight.tools.errors import UserError

TIMEOUT = 120.0  # seconds without an answer
RETRIES = 3  # of the SDK, with growing pauses: 429, 5xx, time-outs, refused connections
OPTIONAL = ("stream_options", "temperature")  # fields of a request that some servers or models do not take
_PICTURE = re.compile(r'data:image/[^"]+')


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
        disable_streaming=True,  # langchain's own reading of a stream: `_generate` reads it
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
    """``ChatOpenAI`` that reads an answer itself, to its end, no further than ``streamed.LONGEST``, and takes tool calls
    by the letter: langchain completes broken JSON of streamed arguments, which would run a call that nobody made."""
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_openai import ChatOpenAI
    from pydantic import PrivateAttr

    class StrictChat(ChatOpenAI):
        _refused: set[str] = PrivateAttr(
            default_factory=set
        )  # fields of a request that this server does not take

        def _generate(
            self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> ChatResult:
            if self._use_responses_api({**kwargs, **self.model_kwargs}):
                made = strictly(self._stream(messages, stop=stop, **kwargs))
            else:
                payload = self._get_request_payload(messages, stop=stop, **kwargs)
                payload["stream"] = bool(self.streaming)
                if self.streaming and self.stream_usage:
                    payload["stream_options"] = {"include_usage": True}
                taken = {c["id"] for m in messages for c in getattr(m, "tool_calls", ())}
                made = self._asked(payload).message(taken, _size(payload))
            return ChatResult(generations=[ChatGeneration(message=made)])

        def _asked(self, payload: dict[str, Any]) -> Answer:
            """The answer to a request; a field that the server does not take is left out from then on."""
            import openai

            while True:
                given = {k: v for k, v in payload.items() if k not in self._refused}
                try:
                    return _received(self.client.with_streaming_response, given)
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    left_out = next((k for k in OPTIONAL if k in given and k in str(error)), None)
                    if left_out is None:
                        raise
                    self._refused.add(left_out)

    return StrictChat


def _size(payload: Mapping[str, Any]) -> int:
    """Characters of a request; a picture counts as the words that cost about as much."""
    text = json.dumps({k: payload.get(k) for k in ("messages", "tools")}, default=str, ensure_ascii=False)
    pictures = sum(len(found) - PER_PICTURE * PER_TOKEN for found in _PICTURE.findall(text))
    return len(text) - pictures


def _received(client: Any, payload: dict[str, Any]) -> Answer:
    """What a server answers to one request, as a stream or in one piece, whichever it sends.

    Raises:
        openai.APIError: it refused, or said in the middle that it can't go on.
        openai.APIConnectionError: it broke off.
        Unreadable: it sent something else.
    """
    import openai

    answer, done = Answer(), False
    with client.create(**payload) as response:
        request = response.http_request
        try:
            if "json" in response.headers.get("content-type", ""):
                answer.add(_piece(response.read().decode("utf-8", "replace"), request))
                return answer
            for data in events(response.iter_lines()):
                done = data.startswith("[DONE]")
                if done or answer.full:
                    break
                answer.add(_piece(data, request))
        except Exception as error:
            if not type(error).__module__.startswith("httpx"):
                raise
            late = "Timeout" in type(error).__name__
            raise (openai.APITimeoutError if late else openai.APIConnectionError)(request=request) from error
    if answer.pieces and not (done or answer.ended or answer.full):
        raise openai.APIConnectionError(message="The answer broke off.", request=request)
    return answer


def _piece(data: str, request: Any) -> Any:
    """One JSON value of an answer. Raises openai.APIError where it is the server's account of an error."""
    import openai

    made = json.loads(data)
    if isinstance(made, dict) and made.get("error"):
        raise openai.APIError("", request, body=made["error"])
    return made


def strictly(pieces: Iterable[Any]) -> Any:
    """The message of langchain's pieces; arguments that are no JSON object make an invalid call."""
    answer, usage = Answer(), None
    for piece in pieces:
        message = piece.message
        why = message.response_metadata.get("finish_reason") or (piece.generation_info or {}).get(
            "finish_reason"
        )
        calls = [
            {
                "index": c.get("index"),
                "id": c.get("id"),
                "function": {"name": c.get("name"), "arguments": c.get("args")},
            }
            for c in getattr(message, "tool_call_chunks", ())
        ]
        delta = {"content": str(message.text), "tool_calls": calls}
        answer.add({"choices": [{"delta": delta, "finish_reason": why}]})
        usage = getattr(message, "usage_metadata", None) or usage
        if answer.full:
            break
    made = answer.message()
    made.usage_metadata = usage
    return made
