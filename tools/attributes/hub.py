"""Models of the Hugging Face hub, fetched only when a person named one: weights and settings, no code and no pickles."""

from __future__ import annotations

import re
from pathlib import Path

from failsight.tools.errors import UserError
from failsight.tools.text import clean

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def is_hub_id(named: str) -> bool:
    """Whether it reads ``owner/name`` and can be no path that was meant."""
    return _HUB_ID.fullmatch(named) is not None


def fetched(hub_id: str) -> Path:
    """Folder of a model downloaded from the hub. Raises UserError."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=_WANTED))
    except Exception as problem:
        raise UserError(
            f"There is no folder {clean(hub_id)}, and no model of that name can be fetched from the Hugging Face hub "
            f"({type(problem).__name__}).",
            "Check the name and the network, or give a folder.",
        ) from problem
