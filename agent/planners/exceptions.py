"""What a sentence takes back while it says it: ``not the cat but the plant``, ``unless there are stools``, ``there is no leakage``.

Names and words of what is set aside are blanked before a suspicion is read, so that none of them is taken for the suspicion. Exceptions
and denials can't be stated in types: they are asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from failsight.knowledge_base.vocabulary import Mentions

_NOT = r"(?:not|isn'?t|aren'?t|wasn'?t)"
_ASIDE: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # not the cat but the plant; it isn't the labels, it's the preprocessing
        rf"\b{_NOT} (?:[^,;.]|,(?! ?(?:it'?s|it is|but)\b)){{1,60}}?(?:,? but (?!only\b|also\b|not\b|in\b|on\b|for\b|when\b|where\b)|[,;] ?(?:it'?s|it is)\b)",
        # the plant, not the cat, makes it say kitchen; it's underfitting, not overfitting
        rf",? ?(?:and |but )?(?<=[, ]){_NOT} (?:so much |because of |due to )?(?:the |an? |any )?[\w' -]{{1,40}}?(?=[,;.]|$)",
        r"\b(?:rather than|instead of|as opposed to) (?:the |an? |any )?[\w' ]{1,40}?(?= (?:to|for|when|that|which|makes?|in|on)\b|[,;.]|$)",
    )
)
_AFTER_COMMA = re.compile(r"(?:,|\band|\bbut) ?$", re.IGNORECASE)
_EXCEPT = re.compile(
    r"\b(?:unless|except(?:ing)?|excluding|apart from|save for|other than|(?:everything|anything|all|everywhere|anywhere) but|but (?:only|not|never)|(?:only|just) (?:if|when) not)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:is|are|was|were|has|have|do|does)(?:n'?t| not| no| never)\b|\bthere(?:'s| is| are) no\b|\bi (?:don'?t|do not) (?:think|believe|suspect|guess)\b|\bi doubt\b|\bno\b|\bnothing to do with\b",
    re.IGNORECASE,
)
_NO_REASON = re.compile(
    r"\b(?:is|are|was|were)(?:n'?t| not| never)(?: really| actually| at all)? (?:the |an? |to )?(?:reason|cause|problem|culprit|issue|sign|signal|cue|clue|blame|responsible|why|what|behind)\b"
    r"|\b(?:has|have) nothing to do with\b",
    re.IGNORECASE,
)
_CONFUSED = re.compile(r"\b(?:confus\w+|(?:mis)?taken|mistak\w+|mixed up|swapped)\b", re.IGNORECASE)


def without_what_is_set_aside(mentions: Mentions) -> Mentions:
    """The sentence with what it sets aside blanked, and without the names in there. Where nothing of weight would be left, as it was."""
    text, spans = mentions.sentence, []
    for number, pattern in enumerate(_ASIDE):
        for found in pattern.finditer(text):
            start = found.start()
            if (
                number == 1
                and not _AFTER_COMMA.search(text[: start + 1])
                and not found[0].startswith((",", " and", " but"))
            ):
                continue  # “does not use the cat” sets nothing aside
            spans.append((start, found.end()))
    if not spans:
        return mentions
    made = list(text)
    for start, end in spans:
        made[start:end] = " " * (end - start)
    kept = tuple(m for m in mentions.found if not any(a < m.end and m.start < b for a, b in spans))
    blank = "".join(made)
    masked = mentions.masked if len(mentions.masked) != len(text) else blank
    return (
        replace(mentions, sentence=blank, found=kept, masked=masked)
        if re.search(r"\w{3}", blank)
        else mentions
    )


def is_exception(text: str) -> bool:
    """Whether a statement makes an exception, or holds only somewhere beside what it names first."""
    return _EXCEPT.search(text) is not None


def denies_reason(text: str) -> bool:
    """Whether a statement says that something is *not* what the errors come from."""
    return _NO_REASON.search(text) is not None


def denies(text: str, found: re.Match[str], *, within: bool) -> bool:
    """Whether the clause that holds ``found`` denies it. ``within``: words of denial may stand in what was found, too."""
    clause = max((text.rfind(mark, 0, found.start()) for mark in ",;."), default=-1) + 1
    before = text[clause : found.start()]
    return _DENIES.search(before) is not None or (within and _DENIES.search(found[0]) is not None)


def confuses_things(mentions: Mentions) -> bool:
    """Whether two things in the pictures, none of them a class, are said to be confused with each other."""
    things = [m for m in mentions.found if m.role == "object"]
    return (
        len(things) == 2
        and not mentions.of("class")
        and _CONFUSED.search(mentions.sentence[things[0].end : things[1].start]) is not None
    )


__all__ = ["confuses_things", "denies", "denies_reason", "is_exception", "without_what_is_set_aside"]
