"""Sentences about who answers what, and what is taken away from a talk: a denied supposition, a list or a file, a letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from failsight.agent.planners import denied, outright, reasons
from failsight.agent.planners.handed import answer, costs, exported, letters, load
from failsight.agent.planners.parted import parts

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or the words; None for every other sentence."""
    alone = len(parts(question)) == 1
    around = before[-1].said if before else ""
    return (
        (letters.answered(case, question, around) if alone else None)
        or exported.answered(case, question, mentions, before)
        or costs.answered(case, question, mentions, before)
        or load.answered(case, question, before)
        or denied.answered(case, question, mentions)
        or reasons.answered(case, question, mentions, before)
        or answer.answered(case, question, mentions, before)
        or outright.answered(case, question, mentions)
    )
