"""What an answer says that the evidence above it says already, word for word: a screen says it once."""

from __future__ import annotations

from collections.abc import Iterable

from failsight.tools.evidence import Evidence


def told_once(text: str, shown: Iterable[Evidence]) -> str:
    """``text`` without the summaries of ``shown`` that it begins with; empty where it says nothing else.

    Only what it begins with is left out, each as ``summary [E3]`` with or without a bullet: further down a summary stands
    among other words for a reason.
    """
    known = [f"{e.summary} [{e.id}]" for e in shown if e.summary]
    rest = text.strip()
    while True:
        said = next((k for k in known for lead in ("", "- ") if rest.startswith(lead + k)), None)
        if said is None:
            return rest if rest != text.strip() else text
        rest = rest.removeprefix("- ").removeprefix(said).lstrip()
