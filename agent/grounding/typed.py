"""What a text quotes for the person to type, or to ask: a line in quotes or code that states nothing of the case."""

from __future__ import annotations

import re

_ASKED_FOR = re.compile(
    r"\b(?:typed?|typing|enter|paste|send me|write (?:me )?(?:the|this|a) (?:line|words?)|ask (?:me|for)|as a line|"
    r"the (?:line|words?)|(?:tell|say to) me)\b[^.;\n]*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`[^`\n]{2,160}`|“[^”\n]{2,160}”|\"[^\"\n]{2,160}\"")


def typed(text: str) -> list[tuple[int, int]]:
    """Where the lines stand that a person is asked to type."""
    found = []
    for match in _QUOTED.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if _ASKED_FOR.search(line):
            found.append(match.span())
    return found
