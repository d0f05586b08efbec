"""How often an answer is wrong: ``how often does it say pretzel and it isn't one?``, ``what share of its pretzel answers are wrong?``.

Counted are the images that are called so, whatever they are; how often the class is recognised is another number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight.agent.planners.counting.base import call_of, split_of, why
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.handed import groups
from failsight.agent.planners.known.counts import at_hand

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 160
_IT: Final = r"(?:it|this|they|the (?:\w+ )?(?:model|machine|computer|classifier|network|system|program|software|camera|app|ai|sorter|tool))"
_SAYS: Final = r"(?:says?|calls?(?: (?:it|them|something|a thing))?|answers?|predicts?|thinks?(?: (?:it(?:'s| is)|they are))?|claims?|names?(?: it)?)"
_IS_NOT: Final = r"(?:(?:is|was|are|were)n['’]?t|(?:is|was|are|were) (?:not|no|none|something else|another|wrong|really something else)|(?:is|was|are|were) (?:in fact|actually|really) )"
_HOW: Final = r"(?:how (?:often|many times)|(?:what|which) (?:share|percentage|proportion|part)(?: of the time)?|how many)"
#: names of classes as ``#``
_ASKS: Final = (
    re.compile(rf"\b{_HOW}\b[^.?!]*\b(?:does|do|did|will|would|when)? ?{_IT} {_SAYS} (?:an? |the )?#[^.?!]{{0,12}}?\b(?:and|but|though|although|yet)\b (?:in (?:fact|truth|reality) )?(?:it|that|this|they) ?{_IS_NOT}", re.IGNORECASE),
    re.compile(rf"\b{_HOW}\b[^.?!]*\bof (?:its|the|all|their|those|these|the model'?s)?(?: its| the)* ?# (?:answers?|predictions?|calls?|guesses|verdicts?)\b[^.?!]*?\b(?P<what>wrong|false|incorrect|right|correct|true)\b", re.IGNORECASE),
    re.compile(rf"\b{_HOW} (?:is|are) (?:its|the|an?|their) # (?:answers?|predictions?|calls?|guess(?:es)?|verdicts?) (?P<what>wrong|false|incorrect|right|correct|true)\b", re.IGNORECASE),
    re.compile(rf"\b(?:when(?:ever)?|if) {_IT} {_SAYS} (?:an? |the )?#\W+{_HOW}\b[^.?!]*\b(?P<what>wrong|false|incorrect|right|correct|true)\b", re.IGNORECASE),
)  # fmt: skip
_RIGHT: Final = ("right", "correct", "true")


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The count of the images that are called so and are wrong; None for every other sentence."""
    if len(question) > LONGEST or not at_hand(case) or split_of(question):
        return None
    names = [m for m in mentions.found if m.role == "class"]
    if len(names) != 1 or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    text = question
    for one in sorted(names, key=lambda m: -m.start):
        text = f"{text[: one.start]}#{text[one.end :]}"
    found = next((m for p in _ASKS if (m := p.search(" ".join(text.split()))) is not None), None)
    if found is None:
        return None
    read = groups.read(case, question).groups
    held = tuple(dict.fromkeys(c for g in read for c in g if parts(c)[0] not in ("true", "predicted")))
    right = (found.groupdict().get("what") or "").lower() in _RIGHT
    count = Count((f"predicted={names[0].name}", *held), ("correct" if right else "wrong",))
    return call_of((TOOL, count.arguments()), [], why(question))
