"""Better words for the prompts of generated pictures, from the case's language model.

What comes back is checked by whoever asked (``tools.repair.prompts.polished``). The same prompts are asked about once: an
interrupted generation goes on with the words that it began with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.agent.proposals.asking import Asker, objects
from failsight.prompts import fenced, page
from failsight.tools.errors import RetryError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.repair.prompts import Polish

MOST = 60  # prompts of one question
LONGEST = 400  # characters of one

TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "reword_prompts",
        "description": "The prompts in better words, in the same order.",
        "parameters": {
            "type": "object",
            "properties": {"prompts": {"type": "array", "items": {"type": "string", "maxLength": LONGEST}}},
            "required": ["prompts"],
        },
    },
}


def rewording(case: Case, *, chat: Any = None) -> Polish | None:
    """Who rewords prompts for this case; None where no language model is configured.

    Args:
        chat: a chat model to use instead of the case's planner (tests).
    """
    planner = case.config.planner
    if chat is None and planner == "guided":
        return None

    def reword(prompts: Sequence[str]) -> Sequence[str]:
        made: list[str] = []
        for start in range(0, len(prompts), MOST):
            made += _once(case, planner, chat, list(prompts[start : start + MOST]))
        return made

    return reword


def _once(case: Case, planner: str, chat: Any, said: list[str]) -> list[str]:
    """One question, or its answer from an earlier one. Raises RetryError where the answer does not fit it."""
    key = {"what": "reworded prompts", "planner": planner, "prompts": said}
    known = case.cached(key)
    if known is not None:
        return [str(text) for text in known["prompts"]]
    if chat is None:
        from failsight.agent.planners import make_planner

        chat = make_planner(planner, case, case.config.level)
    from langchain_core.messages import HumanMessage, SystemMessage

    asker = Asker(case, chat, planner.partition(":")[2], "better words for prompts")
    lines = [
        f"Task: {clean(case.task, 1000) or 'not stated'}",
        *(f"{i}. {text}" for i, text in enumerate(said, 1)),
    ]
    messages = [SystemMessage(page("polish_prompts")), HumanMessage(fenced(lines))]
    made = next(
        (found for value in objects(asker.ask(messages, TOOL)) if (found := _read(value, len(said)))), None
    )
    if made is None:
        raise RetryError("The model's answer does not hold one prompt for each that was given.")
    case.store(key, {"prompts": np.array(made)})
    return made


def _read(value: Any, wanted: int) -> list[str] | None:
    """The prompts in one JSON value; None where there are not as many as were asked for."""
    found = value.get("prompts") if isinstance(value, dict) else value
    if not isinstance(found, list) or len(found) != wanted or not all(isinstance(f, str) for f in found):
        return None
    return [clean(text, LONGEST) for text in found]
