"""Turns for :class:`tests.fakes.server.ChatServer` that look at the pictures they are sent."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from tests.fakes.server import Turn, dynamic, text, tool


def pictures_of(request: Mapping[str, Any]) -> list[np.ndarray]:
    """The pictures of a request, in order, as (h, w, 3) arrays."""
    made = []
    for message in request["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                raw = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                made.append(np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")))
    return made


def words_of(request: Mapping[str, Any]) -> str:
    """Everything that a request says in words."""
    made = []
    for message in request["messages"]:
        content = message["content"]
        made += (
            [content]
            if isinstance(content, str)
            else [p["text"] for p in content or () if p["type"] == "text"]
        )
    return "\n".join(made)


def seeing(rule: Callable[[np.ndarray], Mapping[str, Any]], *, spoken: bool = False) -> Turn:
    """Answers ``rule(picture)`` (key of an attribute → value) for every picture; ``spoken``: as JSON in words."""

    def make(request: dict[str, Any]) -> Turn:
        told = [{"picture": i, "values": dict(rule(p))} for i, p in enumerate(pictures_of(request))]
        if spoken:
            return text("Here you are:\n```json\n" + json.dumps({"pictures": told}) + "\n```")
        return tool("describe_pictures", pictures=told)

    return dynamic(make)
