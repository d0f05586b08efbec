"""Where the heavy passes run: ``predict`` and ``iter_pixels``, on this machine (``local``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failsight.tools.engine.local import iter_pixels as iter_pixels
    from failsight.tools.engine.local import predict as predict


def __getattr__(name: str) -> Any:
    if name in ("predict", "iter_pixels"):
        return getattr(importlib.import_module("failsight.tools.engine.local"), name)
    raise AttributeError(name)
