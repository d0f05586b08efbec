"""A page, a letter or a note for somebody: the report of the audience that such a reader is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import readers

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

LONGEST: Final = 300
_PAGE: Final = r"(?:(?:one|a|single|short|half a|two|brief|plain|written|simple|clear|little)[ -]+)*(?:pages?|page[ -]long \w+|letters?|notes?|memos?|briefings?|brief|hand-?outs?|statements?|information sheets?|summary sheets?|e-?mails?|texts?|paper)"
_WRITES: Final = (
    r"(?:write|draft|draw up|prepare|compose|make|put together|produce|give|print|send|do|need|want|have|and)"
)
_FOR: Final = re.compile(
    rf"\b{_WRITES}\b[^.?!]{{0,40}}?\b{_PAGE}\b[^.?!]{{0,60}}?\b(?:for|to)\s+(?:(?:the|our|my|an?|all|some|his|her|their)\s+)*(?P<who>[^?.!,;:]{{2,60}})",
    re.IGNORECASE,
)
_UP: Final = re.compile(
    r"\b(?:write|put|set|sum)\s+(?:it|that|this|all (?:of )?(?:it|that|this)|everything)\s+(?:all\s+)?(?:up|down|together)\b(?P<rest>[^?!]*)",
    re.IGNORECASE,
)
_FOR_WHOM: Final = re.compile(r"\b(?:for|to)\s+(?:(?:the|our|my|an?|all|some)\s+)*(?P<who>[^?.!,;:]{2,60})", re.IGNORECASE)  # fmt: skip
_SENTENCES: Final = re.compile(
    r"\b(?:\d|one|two|three|four|five|a few|few|couple of|some) (?:\w+ )?sentences?\b", re.IGNORECASE
)
_HOURS: Final = re.compile(
    r"\b(?:in (?:hours|time|minutes)|how (?:long|many hours)|working hours)\b", re.IGNORECASE
)
_HOW: Final = re.compile(r"\s+(?:in|with|without|on|as) (?:\w+ ){0,3}?(?:words?|terms|language|english|pages?|jargon|sentences?|form)\b.*$", re.IGNORECASE)  # fmt: skip
_HIM: Final = re.compile(r"\b(?:him|her|them)\b", re.IGNORECASE)


def answered(case: Case, question: str, whole: str = "") -> AIMessage | None:
    """The report for the one who is to read it, written; None for every other sentence.

    Args:
        whole: what was said around the wish: ``write it up for him`` is for the one who was named there.
    """
    text = " ".join(question.split())
    if len(text) > LONGEST or _SENTENCES.search(text):
        return None
    found, up = _FOR.search(text), _UP.search(text)
    if found is None and up is None:
        return None
    who = found["who"] if found is not None else ""
    if not who and up is not None:
        named = _FOR_WHOM.search(up["rest"])
        who = named["who"] if named is not None else ""
    who = _HOW.sub("", who)
    if not readers.audience_of(who) and (_HIM.match(who.strip()) or not who):
        who = whole or text
    audience = readers.audience_of(who)
    if not audience:
        return readers.for_whom(case, who) if up is not None and who not in (whole, text) and who else None
    reader = next((m[0] for _, pattern in readers.READERS if (m := pattern.search(who))), who)
    made = readers.written(case, audience, reader)
    hours = f"\n{prompts.say('load.ask')}" if _HOURS.search(text) else ""
    made.content = f"{made.text}\n{prompts.say('handed.letter')}{hours}"
    return made
