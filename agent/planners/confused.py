"""Confusions that are asked about with a word that is no class: ``does it confuse cats with dogs often?`` among rooms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 160  # characters of a sentence that asks for one confusion
_A: Final = r"(?:(?:an?|the|any|some|its|our|my)\s+)?"
_X: Final = r"(?P<x>[\w-]+(?: [\w-]+)??)"
_Y: Final = r"(?P<y>[\w-]+(?: [\w-]+)??)"
_END: Final = r"(?: (?:often|a lot|frequently|sometimes|ever|much|at all|regularly|here|very often|in this case|too))*\W*$"
_ASKS: Final = tuple(
    re.compile(rf"\b{text}{_END}", re.IGNORECASE)
    for text in (
        rf"(?:confus\w+|mix\w*(?: up)?) {_A}{_X} (?:with|and|for) {_A}{_Y}",
        rf"(?:mistak\w+|tak(?:e|es|ing)) {_A}{_X} (?:for|as) {_A}{_Y}",
        rf"{_A}{_X} (?:(?:is|are|get|gets|was|were|being) )?(?:often |ever |sometimes |usually )?(?:mistaken|taken|confused|mixed up|called) (?:for |with |as )?{_A}{_Y}",
    )
)
_NO_NAME_TEXT: Final = (
    "it them this that these those they what which who something anything others other another one ones each everything nothing images pictures photos classes class rooms things wrong "
    "for with as by of in on to a an and or than from when if while because but not be being been is are does do did how why often most more else instead then there here else now"
)
_NO_NAME: Final = frozenset(_NO_NAME_TEXT.split())


def unknown(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """That a class which is asked about is none of the case's; None where both are, or the sentence asks something else."""
    found = next((m for p in _ASKS if (m := p.search(question)) is not None), None)
    if len(question) > LONGEST or found is None:
        return None
    spans = [(m.start, m.end) for m in mentions.found if m.role == "class"]
    strange = [
        found[g] for g in ("x", "y") if not any(a < found.end(g) and found.start(g) < b for a, b in spans)
    ]
    strange = [s for s in strange if not set(s.lower().split()) & _NO_NAME]
    if not strange or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    if len(strange) == 1 and not spans:
        return None
    text = prompts.say(
        "whether.no_class",
        names=" or ".join(f"“{clean(s, 40)}”" for s in strange),
        classes=listing([clean(c, 40) for c in case.classes], 10),
    )
    return words.message(text, ["Which classes are confused most?", *words.choices(case)])
