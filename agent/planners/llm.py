"""Planners that are language models behind an OpenAI-compatible server (OpenAI, vLLM, Ollama, llama.cpp …)."""

from __future__ import annotations

import os
from typing import Any

from failsight.tools.errors import UserError


def openai_planner(model: str) -> Any:
    """A chat model of the server at ``OPENAI_BASE_URL`` (OpenAI's own by default).

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
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model, base_url=url, api_key=SecretStr(key or "none"), temperature=0, timeout=120, max_retries=3
    )


def endpoint_error(error: BaseException) -> UserError | None:
    """The openai SDK's errors as sentences for a person; None when ``error`` is not one of them."""
    try:
        import openai
    except ImportError:  # pragma: no cover (a declared dependency)
        return None
    if isinstance(error, openai.AuthenticationError):
        return UserError("The model server refused the key.", "Check OPENAI_API_KEY and OPENAI_BASE_URL.")
    if isinstance(error, openai.APITimeoutError | openai.APIConnectionError):
        return UserError(
            "The model server can't be reached.",
            "Check OPENAI_BASE_URL, or go on with --planner guided: the case keeps everything.",
        )
    if isinstance(error, openai.APIStatusError):
        return UserError(
            f"The model server answered {error.status_code}.",
            "Try again, or go on with --planner guided: the case keeps everything.",
        )
    return None
