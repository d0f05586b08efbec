"""What a person's line says to a question for approval: yes, always, no, or something else."""

from __future__ import annotations

import re
from typing import Final, Literal

Consent = Literal["yes", "always", "no"]

_AGREES: Final = r"(?:y|yes|yeah|yep|yup|ok|okay|sure|go|do|run|fine|alright|please|proceed)"
_BESIDE: Final = r"(?:ahead|it|that|then|right|now|start|good|so)"
_YES: Final = re.compile(rf"{_AGREES}(?: (?:{_AGREES}|{_BESIDE}))*")
_ALWAYS: Final = re.compile(r"a|always|yes always|always yes")
_NO: Final = re.compile(r"(?:n|no|nope|nah|not|don't|dont|never|stop|cancel|skip)\b")
#: a no that has something else after it: "no, i meant at night"
_GOES_ON: Final = re.compile(r"\b(?:i|we|show|tell|what|how|instead|rather|first)\b")
MOST_WORDS = 6  # of a no; what is longer says something of its own


def consent(line: str) -> Consent | None:
    """``yes`` for "ok yes do it", ``no`` for "no, don't" or an empty line, None for a sentence or wish of its own."""
    if not line.strip():
        return "no"
    words = re.findall(r"[a-z']+", line.casefold().replace("’", "'"))
    said = " ".join(words)
    if "?" in line:
        return None
    if _ALWAYS.fullmatch(said):
        return "always"
    if _NO.match(said):
        return "no" if len(words) <= MOST_WORDS and not _GOES_ON.search(said) else None
    return "yes" if _YES.fullmatch(said) else None
