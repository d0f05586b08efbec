"""One planned tool call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One planned tool call. ``trigger``: what leads into its stage, in one sentence."""

    stage: str
    tool: str
    why: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = ""
