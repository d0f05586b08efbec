"""What errors cost, and how many wrong answers there are in so many pictures: arithmetic on counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, names_of, why
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.dialogue import Turn
from failsight.knowledge_base.vocabulary import Mentions
from failsight.tools.errors import RetryError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

_N: Final = rf"(?<![\d.,])({w.FIGURE})"  # whole: of "1,000" not the 000 alone
_DAY: Final = re.compile(
    rf"\b(?:wrong|errors?|mistakes?|incorrect)\b.*\b{_N} {w.PICTURES} ?(?:an?|per|every|each)? ?(?:day|week|hour|month|user|walk)?\b|\b(?:with|of|out of|in|for|from) {_N} {w.PICTURES} (?:an?|per|every|each) (?:day|week|hour|month)\b.*\b(?:wrong|errors?|mistakes?|incorrect)\b",
    re.IGNORECASE,
)
_EACH_DAY: Final = re.compile(r"\b(?:a|per|every|each) (?:day|week|hour|month)\b", re.IGNORECASE)
_COSTS: Final = re.compile(
    rf"\bcosts? (?:us |about |as much as )?(?:[$€£] ?)?{_N}\b(?: times)?", re.IGNORECASE
)
_REST: Final = re.compile(
    rf"\b(?:everything|anything|(?:every|each|any|all)(?: the)? others?|all (?:the )?(?:rest|others?)|the (?:rest|others?)|others?)(?: \w+)?(?: costs?| errors?| mistakes?| else| is| at)* (?:[$€£] ?)?{_N}\b",
    re.IGNORECASE,
)
_COST_ASKED: Final = re.compile(
    r"\b(?:what|how (?:much|high))\b.*\bcosts?\b.*\b(?:1,?000|thousand|per|each|all|pictures|images|photos|errors|mistakes|then|in total)\b",
    re.IGNORECASE,
)


def _prices(text: str, mentions: Mentions) -> dict[str, Any] | None:
    """``a bathroom called kitchen costs 10 and everything else 1``; None where a sentence says no such thing."""
    one = _COSTS.search(text)
    names = mentions.of("class")
    if (
        one is None
        or len(names) != 2
        or not re.search(r"\b(?:call\w*|tak\w+|mistak\w+|predict\w*|confus\w+|as|for)\b", text, re.IGNORECASE)
    ):
        return None
    rest = _REST.search(text, one.end())
    return {
        "kind": "cost",
        "true": names[0],
        "predicted": names[1],
        "cost": w.number_of(one[1]),
        "rest": w.number_of(rest[1]) if rest is not None else 1.0,
        "unsaid": rest is None,
    }


def cost(
    case: Case, question: str, mentions: Mentions, before: Sequence[Turn], split: str
) -> AIMessage | None:
    said = _prices(question, mentions)
    if said is None and _COST_ASKED.search(question):
        earlier = (_prices(t.said, names_of(case, t.said)) for t in reversed(before) if _COSTS.search(t.said))
        said = next((p for p in earlier if p is not None), None)
    if said is None:
        return None
    base = {"split": split} if split else {}
    pair = [f"true={said['true']}", f"predicted={said['predicted']}"]
    return call_of(
        (TOOL, {**base, "having": ["wrong"]}), [(TOOL, {**base, "having": pair})], why(question), said
    )


def day(case: Case, question: str, split: str) -> AIMessage | None:
    """How many answers of so many are wrong: as in deployment, where that is labelled, and as in the evaluation."""
    found = _DAY.search(question)
    if found is None or not (
        _EACH_DAY.search(question) or re.search(r"\bhow many\b", question, re.IGNORECASE)
    ):
        return None
    n = w.number_of(found[1] or found[2])
    which = [split] if split else ["deploy", ""] if _labelled(case, "deploy") else [""]
    calls = [(TOOL, {"having": ["wrong"], **({"split": s} if s else {})}) for s in which]
    return call_of(calls[0], calls[1:], why(question), {"kind": "day", "n": n})


def _labelled(case: Case, split: str) -> bool:
    """Whether the case has images of ``split``, and their true classes."""
    try:
        return bool((np.asarray(case.table(split).labels) >= 0).any())  # type: ignore[arg-type]
    except RetryError:
        return False
