"""Two values of one column beside each other, and which of two classes is taken for which.

``compare Ehlers and Fofana on night shift`` counts the errors of both within the condition; ``no, film taken for paper, not paper taken for
film`` asks the question before it once more the way round that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from failsight.agent.planners.counting import follow
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, split_of, why
from failsight.agent.planners.counting.marks import PREDICTED, TRUE
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.dialogue import Turn
from failsight.agent.planners.slots import without_names
from failsight.knowledge_base.condition_text import column_of, denied
from failsight.knowledge_base.groups import group_of
from failsight.knowledge_base.vocabulary import Mentions

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

MOST: Final = 6  # values that are set beside each other
_COMPARES: Final = re.compile(
    r"^\W*(?:(?:and|so|now|then|please|ok(?:ay)?|can you|could you|i want to|let us|let's|just)\b\W*)*(?:compare|contrast|(?:do|try|take)(?= [^?]*\b(?:and|or)\b[^?]*$)(?! (?:it|you|we|they|i|the (?:model|network))\b))\b|\b(?:differences? between|versus|vs\.?)\b|\bcompared? (?:to|with)\b",
    re.IGNORECASE,
)
_REASON: Final = re.compile(
    r"[,;]?\s*\b(?:because|since|as i|for i|i (?:think|suspect|believe|guess))\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_ELSE: Final = re.compile(
    r"\b(?:features?|saliency|heat ?maps?|versions?|models?|statistics|distribution|brightness|labels?|labell\w+|annotat\w+|confiden\w+|sure|calibrat\w+|pictures? of|show|train(?:ing)?|threshold\w*)\b",
    re.IGNORECASE,
)
_TURN: Final = re.compile(
    rf"C0 (?:\w+ ){{0,2}}?(?:{w.CALLED.pattern}|into|as|for) (?:an? |the )?C1\W+(?:and |but )?(?:not|instead of|rather than|never)\W+(?:the |an? )?C1 (?:\w+ ){{0,2}}?(?:{w.CALLED.pattern}|into|as|for) (?:an? |the )?C0",
    re.IGNORECASE,
)


_SPLIT: Final = re.compile(
    r"\b(?:split|broken? (?:it |that )?down|separately|each of (?:them|the two)|for both|old and new|new and old)\b",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(
    r"[,;]?\s+(?:and|or|versus|vs\.?|against)\s+(?:how many (?:are |of them |of those )?)?(?:(?:with|for|below|under|above|over|of|the ones|those)\s+)*(?:less|fewer|more|lower|higher|younger|older|newer|(?:below|under|above|over) (?:that|it)|the (?:others?|rest))(?: (?:than that|ones|items|images|hours))?\W*$",
    re.IGNORECASE,
)


def without_tail(question: str) -> str:
    """``how many with over 800 hours are wrong, and how many with less?`` without the other side of its limit; the sentence itself without."""
    found = _TAIL.search(question)
    return question[: found.start()] if found is not None and found.start() > 12 else question


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The counts of the errors of each of several values of one column that a sentence compares; None for every other sentence."""
    if not _COMPARES.search(question) or any(
        m.role in ("object", "finding", "evidence", "image") for m in mentions.found
    ):
        return None
    start = _REASON.search(question)
    end = start.start() if start is not None else len(question)
    said = replace(mentions, sentence=question[:end], found=tuple(m for m in mentions.found if m.end <= end))
    group, names = group_of(said, columns_of(case)), said.of("class")
    if len(group.each) != 1 or group.unsure or len(names) > 1 or _ELSE.search(without_names(said)):
        return None
    column, values = next(iter(group.each.items()))
    told = {column, *map(column_of, group.conditions)}
    if not 1 < len(values) <= MOST or any(m.role == "attribute" and m.name not in told for m in said.found):
        return None
    base = (*(f"{TRUE}={n}" for n in names), *group.conditions)
    split = split_of(question)
    return _beside(
        question, [Count((f"{column}={v}", *base), ("wrong",), (split,) if split else ()) for v in values]
    )


def _beside(question: str, counts: Sequence[Count]) -> AIMessage:
    calls = [(TOOL, c.arguments(c.splits[0] if c.splits else "")) for c in counts]
    return call_of(calls[0], calls[1:], why(question), {"kind": "compared", "how": "worse"})


def corrected(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The question before once more, with the true class and the answer as the sentence has them; None for every other sentence."""
    names = mentions.of("class")
    if len(names) != 2:
        return None
    text, last = list[str](), 0
    for one in (m for m in mentions.found if m.role == "class"):
        text += [question[last : one.start], f"C{names.index(one.name)}"]
        last = one.end
    if not _TURN.search("".join([*text, question[last:]])):
        return None
    true, called = f"{TRUE}={names[0]}", f"{PREDICTED}={names[1]}"
    base, _ = follow.context(before)
    counts = [_with(one, true, called) for one in base] or [Count((true,), (called,))]
    if _SPLIT.search(question) and len(counts) == 1:
        counts = both_sides(counts[0]) or counts
    calls = [(TOOL, c.arguments(c.splits[0] if c.splits else "")) for c in dict.fromkeys(counts)]
    return call_of(calls[0], calls[1:], why(question))


def both_sides(one: Count) -> list[Count]:
    """A count within a limit, and the same on the other side of it; none where it has no limit, or several."""
    limits = [c for c in one.among if parts(c)[1] in ("<", "<=", ">", ">=") and parts(c)[0] != "confidence"]
    if len(limits) != 1:
        return []
    return [one, replace(one, among=tuple(denied(c) if c == limits[0] else c for c in one.among))]


def _with(one: Count, true: str, called: str) -> Count:
    kept = [c for c in (*one.among, *one.having) if parts(c)[0] not in (TRUE, PREDICTED) and parts(c)[1]]
    return replace(one, among=(true, *kept), having=(called,), by="")
