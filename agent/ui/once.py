"""What an answer says that the evidence above it says already, word for word: a screen says it once."""

from __future__ import annotations

from collections.abc import Iterable

from failsight.agent.ui.words import finding_label
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean

CLAIMS = 5  # findings that a folded card states
_FINDING = "- **F"


def told_once(text: str, shown: Iterable[Evidence]) -> str:
    """``text`` without the summaries of ``shown`` that it begins with; empty where it says nothing else.

    Only what it begins with is left out, each as ``summary [E3]`` with or without a bullet: further down a summary stands
    among other words for a reason. A line that tells a finding (``- **F3** [confirmed] …``) whose claim stands above
    keeps its numbers, and a few words instead of the claim.
    """
    shown = list(shown)
    return _labelled(_without_summaries(text, shown), shown)


def _labelled(text: str, shown: list[Evidence]) -> str:
    claims = {clean(f.statement, 300): finding_label(f) for e in shown for f in e.findings[:CLAIMS]}
    lines = text.split("\n")
    for i, line in enumerate(lines):
        said = next((c for c in claims if line.startswith(_FINDING) and f"] {c} (" in line), None)
        if said is not None:
            lines[i] = line.replace(said, claims[said], 1)
    return "\n".join(lines)


def _without_summaries(text: str, shown: list[Evidence]) -> str:
    known = [f"{e.summary} [{e.id}]" for e in shown if e.summary]
    rest = text.strip()
    while True:
        said = next((k for k in known for lead in ("", "- ") if rest.startswith(lead + k)), None)
        if said is None:
            return rest if rest != text.strip() else text
        rest = rest.removeprefix("- ").removeprefix(said).lstrip()
