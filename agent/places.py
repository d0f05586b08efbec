"""Where Failsight keeps what belongs to no case, and how a place is written for people."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``FAILSIGHT_HOME``, else ``failsight`` in the user's cache folder (XDG). Not created here."""
    given = os.environ.get("FAILSIGHT_HOME")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "failsight"


def shown_place(place: Path) -> str:
    """A place as people are told of it: seen from the folder they work in, and absolute where it lies elsewhere.

    A case knows its folder by the absolute path, so that it stays where it was opened. Sentences, commands and pages that
    are handed on should not tell where on a machine that is.
    """
    try:
        return str(Path(os.path.abspath(place)).relative_to(os.path.abspath(os.curdir)))
    except (ValueError, OSError):  # elsewhere, or the working folder is gone
        return str(place)
