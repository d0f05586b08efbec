"""Where Failsight keeps what belongs to no case: the demo's pictures, the knowledge index."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``FAILSIGHT_HOME``, else ``failsight`` in the user's cache folder (XDG). Not created here."""
    given = os.environ.get("FAILSIGHT_HOME")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "failsight"
