"""How well it does, asked at the end of a sentence that says much else first: the figure, before any word is explained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL as COUNT
from failsight.agent.planners.handed import groups
from failsight.agent.planners.known.counts import at_hand, rest_of
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
    r"(?:,?\s+(?:really|now|overall|then|roughly|about|approximately|more or less|so far|in general|on the whole|all in all|altogether|please|in (?:plain|simple|easy|short|everyday|normal) (?:words|terms|language|english)))*\W*$",
    re.IGNORECASE,
)
_SO_MANY: Final = re.compile(
    r"\bhow many\b(?: (?:pictures|images|photos|photographs|records|scans|ones|items|is|are|were|was))* (?:that|those|these|this|there|it)\b[^?.!]*\bhow many\b[^?.!]*\b(?P<what>wrong|right|correct)\b",
    re.IGNORECASE,
)
_OF_ALL: Final = re.compile(
    r"\bhow many of (?:the|all|our|my)(?: the)? (?P<n>\d[\d,.]*)(?: \w+)?,? (?:(?:did|does|do|has|have|will|would|are|were|is) )?(?:(?:it|they|the \w+) )?(?:get|got|gets|gotten|answer(?:ed|s)?|be|been|come out)? ?(?P<what>wrong|right|correct)(?:ly)?\W*$",
    re.IGNORECASE,
)
_THOUGHT: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well)\b\W*)*(?:what|how) about (?P<a>[^,.;?!]+?)\s*[,.;?!-]+\s*(?:because |since |as )?(?:i|we|they|everybody|people|my \w+)\b(?: \w+)? (?:thought|expected|believed|assumed|feared|guessed|suspected|said|heard|figured|think|expect|say|was told|were told|would have)\b[^?]*$",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"\b(?:plain|simple|easy|everyday|normal) (?:words|terms|language|english)\b|\bnot technical\b", re.IGNORECASE)  # fmt: skip
_LONG: Final = 9  # words from which on a sentence says more than the question


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The call for the figure of all images; None for every other sentence."""
    text = " ".join(question.split())
    named = any(m.role in ("image", "finding", "evidence") for m in mentions.found)
    counted = _counted(case, text) if at_hand(case) and not (named or splits(text)) else None
    if counted is not None:
        return counted
    if TOOL not in registry() or splits(text) or not _ASKS.search(text):
        return None
    if any(m.role in ("value", "image", "finding", "evidence") for m in mentions.found):
        return None
    asks = _ASKS.search(text)
    if asks is None or groups.read(case, text[asks.start() :]).groups:  # who says so is no group of images
        return None
    if not (_PLAIN.search(text) or len(text.split()) > _LONG):
        return None
    return call_of((TOOL, {}), [], why(text), {"kind": KIND})


def _counted(case: Case, text: str) -> AIMessage | None:
    """How many images a group has and how many of them are wrong, or how many of all; None for every other sentence."""
    if (topic := _THOUGHT.match(text)) is not None:
        return _beside_the_rest(case, text, groups.read(case, topic["a"]).groups)
    some, of_all = _SO_MANY.search(text), _OF_ALL.search(text)
    read = groups.read(case, text) if some or of_all else groups.Groups()
    found = some or of_all
    if found is None or len(read.groups) > 1 or (some is not None and not read.groups):
        return None
    if of_all is not None and not some:
        typed = int(re.sub(r"\D", "", of_all["n"]))
        if read.groups or typed != len(case.predictions("data").rows):
            return None
    having = "wrong" if found["what"].lower() == "wrong" else "correct"
    group = read.groups[0] if read.groups else ()
    return call_of((COUNT, Count(group, (having,)).arguments()), [], why(text), None, list(read.unread) if group else [])  # fmt: skip


def _beside_the_rest(case: Case, text: str, named: Sequence[groups.Group]) -> AIMessage | None:
    """``what about the retouched ones, I thought they would be the hardest``: the group beside the other images."""
    rest = rest_of(named[0]) if len(named) == 1 else ()
    if not rest:
        return None
    calls = [(COUNT, Count(held, ("wrong",)).arguments()) for held in (named[0], rest)]
    return call_of(calls[0], calls[1:], why(text), {"kind": "compared", "how": "worse", "asked": False})


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
