"""What a person's line says to a question for approval: yes, always, no, or something else."""

from __future__ import annotations

import re
from typing import Literal

Consent = Literal["yes", "always", "no"]

_YES = frozenset(
    [
        "y",
        "yes",
        "yeah",
        "yep",
        "yup",
        "ok",
        "okay",
        "sure",
        "please",
        "go",
        "ahead",
        "do",
        "it",
        "that",
        "run",
        "then",
        "fine",
        "alright",
        "right",
        "now",
        "start",
        "good",
        "so",
        "proceed",
    ]
)
_NO = frozenset(["n", "no", "nope", "nah", "not", "don't", "dont", "never", "stop", "cancel", "skip"])
_ALWAYS = frozenset({"a", "always", "yes always", "always yes"})
_AGREES = frozenset(
    [
        "y",
        "yes",
        "yeah",
        "yep",
        "yup",
        "ok",
        "okay",
        "sure",
        "go",
        "do",
        "run",
        "fine",
        "alright",
        "please",
        "proceed",
    ]
)
MOST_WORDS = 6  # of a no; what is longer says something of its own


def consent(line: str) -> Consent | None:
    """``yes`` for "ok yes do it", ``no`` for "no, don't" or an empty line, None for a sentence or wish of its own."""
    words = re.findall(r"[a-z']+", line.casefold().replace("’", "'"))
    if not line.strip():
        return "no"
    if not words or "?" in line:
        return None
    if " ".join(words) in _ALWAYS:
        return "always"
    if words[0] in _NO:
        return "no" if len(words) <= MOST_WORDS and not _goes_on(line) else None
    return "yes" if words[0] in _AGREES and set(words) <= _YES else None


def _goes_on(line: str) -> bool:
    """Whether a no has something else after it: "no, i meant at night"."""
    return re.search(r"\b(?:i|we|show|tell|what|how|instead|rather|first)\b", line, re.IGNORECASE) is not None
