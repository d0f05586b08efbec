"""How many tokens a model server takes at once: what a person says, what the server says, else not known."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

SETTING = "FAILSIGHT_MODEL_CONTEXT"  # tokens; before all that a server says
WAIT = 3.0  # seconds for a server's account of itself, also for one that sends it drop by drop
LONGEST = 4_000_000  # bytes of it that are read
_NAMES = (
    "max_model_len",
    "n_ctx",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
)
_LEAST, _MOST = 256, 10_000_000  # tokens that are a window at all
_SILENT = "api.openai.com"


def context_window(model: str) -> int:
    """Tokens of the context window of ``model`` at ``OPENAI_BASE_URL``; 0 where nobody says it.

    vLLM, SGLang, LM Studio and others tell it with their list of models; llama.cpp with its properties. OpenAI's own server
    doesn't say it, and is not asked.
    """
    try:
        said = int(float(os.environ.get(SETTING, "")))
    except ValueError:
        said = 0
    if said > 0:
        return max(_LEAST, said)
    url = os.environ.get("OPENAI_BASE_URL", "").rstrip("/")
    if urlsplit(url).hostname in (None, _SILENT):
        return 0
    return next(filter(None, _told(url, model)), 0)


def _told(url: str, model: str) -> Iterator[int]:
    listed = _entries(_got(f"{url}/models"))
    yield from (_tokens(one) for one in listed if one.get("id") == model or len(listed) == 1)
    props = _got(f"{url.removesuffix('/v1')}/props")
    if isinstance(props, Mapping):
        yield _tokens(props.get("default_generation_settings")) or _tokens(props)


def _entries(listed: Any) -> list[Mapping[str, Any]]:
    found = listed.get("data") if isinstance(listed, Mapping) else listed
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _tokens(made: Any) -> int:
    """The window in an account of a model, in the words of several servers; 0 where there is none."""
    if not isinstance(made, Mapping):
        return 0
    for name in _NAMES:
        value = made.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and _LEAST <= value <= _MOST:
            return value
    return _tokens(made.get("meta"))


def _got(url: str) -> Any:
    """The JSON at ``url``; None where there is none in time. Sent elsewhere, it isn't followed: the key is for this server."""
    import httpx

    key = os.environ.get("OPENAI_API_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    until = time.monotonic() + WAIT
    try:
        with httpx.stream("GET", url, headers=headers, timeout=WAIT, follow_redirects=False) as response:
            if response.status_code != 200:
                return None
            text = b""
            for piece in response.iter_bytes():
                text += piece
                if len(text) > LONGEST or time.monotonic() > until:
                    return None
        return json.loads(text)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        return None
