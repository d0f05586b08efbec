"""Where do the numbers of a report come from? The product's own check, and it held by hand to a few sentences."""

from __future__ import annotations

from typing import Any

from failsight.agent.narrate.grounded import _Sources, grounding, numbers, sentences
from failsight.agent.narrate.model import Report
from failsight.agent.state import CaseState

__all__ = ["numbers", "sentences", "sources", "ungrounded"]


def sources(state: CaseState, events: list[Any], refs: tuple[str, ...]) -> set[str]:
    return _Sources(state, events).of(refs)


def ungrounded(report: Report, state: CaseState, events: list[Any]) -> list[tuple[str, str, set[str]]]:
    """(where, sentence, numbers) for each sentence of the prose with numbers that none of its references holds."""
    return [(where, text, set(loose)) for where, text, loose in grounding(report, state, events).loose]
