"""How well it does, asked at the end of a sentence that says much else first: the figure, before any word is explained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.handed import groups
from failsight.agent.planners.slots import splits
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

KIND: Final = "outright"
TOOL: Final = "evaluate"
_IT: Final = r"(?:it|this|that|they|(?:this|the|my|our|your|her|his) (?:\w+ )?(?:thing|model|machine|computer|classifier|network|system|program|software|camera|app|ai|sorter|tool))"
_DOES: Final = r"(?:do|does|did|work|works|perform|performs|is|are|doing|working|performing|be)"
_ASKS: Final = re.compile(
    rf"(?:^|[,.;:!?]\s*(?:and\s+|so\s+)?|\b(?:tell|say|explain|know|hear|see|me|us|words|terms|language|english)\b[\s,:]+)(?:how (?:well|good|accurate|reliable) (?:(?:does|do|is|are|did) {_IT}(?: (?:really|actually|overall|now))*(?: {_DOES})?|{_IT} (?:really |actually )?{_DOES}))"
    r"(?:,?\s+(?:really|now|overall|then|in general|on the whole|all in all|altogether|please|in (?:plain|simple|easy|short|everyday|normal) (?:words|terms|language|english)))*\W*$",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"\b(?:plain|simple|easy|everyday|normal) (?:words|terms|language|english)\b|\bnot technical\b", re.IGNORECASE)  # fmt: skip
_LONG: Final = 9  # words from which on a sentence says more than the question


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The call for the figure of all images; None for every other sentence."""
    text = " ".join(question.split())
    if TOOL not in registry() or splits(text) or not _ASKS.search(text):
        return None
    if any(m.role in ("value", "image", "finding", "evidence") for m in mentions.found):
        return None
    if groups.read(case, text).groups:
        return None
    if not (_PLAIN.search(text) or len(text.split()) > _LONG):
        return None
    return call_of((TOOL, {}), [], why(text), {"kind": KIND})


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """How many of the images are right, and how many in ten that is."""
    rate = next((f for f in made[-1].facts if f.name == "accuracy" and not f.of and f.n), None)
    if rate is None or not isinstance(rate.value, int | float) or not rate.n:
        return []
    value, right = float(rate.value), round(float(rate.value) * rate.n)
    told = f"{number(value)} {interval(rate.ci)}".strip()
    return [
        prompts.say(
            "handed.plain", right=f"{right:,}", n=f"{rate.n:,}", images=called("data"), rate=told, ten=f"{10 * value:.0f}", wrong=f"{rate.n - right:,}", evidence=made[-1].id,
        )
    ]  # fmt: skip
