"""A sentence without what people say around it, and the numbers in it: for readers that match all of a short sentence."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

LONGEST: Final = 200  # characters of a sentence that such a reader takes
_LEAD: Final = re.compile(
    r"^(?:(?:so|and|but|ok|okay|well|now|then|please|hey|hi|hello|morning|good morning|hmm+|hm|um+|uh|oh|ah|ugh|fine|right|good|great|thanks|thank you|alright|all right|wait|listen|look|sorry|actually|"
    r"just|simply|honestly|seriously|straight|again|yes|no|can you|could you|would you|will you|tell me|say|give it to me straight|be honest|in short|in other words|do you think|i mean|quickly)(?=[\s,:.;!]|$)[\s,:.;!]*)+"
)
_TAIL: Final = re.compile(
    r"(?:[\s,:.;!?]+(?:please|then|now|thanks|thank you|by the way|btw|at all|exactly|actually|again|anyway|or what|or not|to be honest|for me|here|yes or no|isn'?t it|is it)|[\s.;!?]*[,;][\s,;]*(?:right|really|no|yes|eh|huh|correct|true))+$"
)
_APOSTROPHES: Final = {
    "whats": "what's", "thats": "that's", "isnt": "isn't", "dont": "don't", "didnt": "didn't", "doesnt": "doesn't", "cant": "can't",
    "youre": "you're", "im": "i'm", "lets": "let's", "wheres": "where's", "whos": "who's", "havent": "haven't",
    "wich": "which", "whic": "which", "wat": "what",
}  # fmt: skip
_SHORT: Final = re.compile(rf"\b(?:{'|'.join(_APOSTROPHES)})\b")
_NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "couple": 2, "three": 3, "few": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
MODEL: Final = r"(?:(?:this|the|that|my|our|your) (?:\w+ )?(?:model|network|classifier|thing|version|system|ai)|it|this|that|the model)"
PERCENT: Final = r"(?P<percent>\d{1,3}(?:[.,]\d+)?)(?P<unit> ?%| ?percent| ?per cent)?"


def bare(question: str) -> str:
    """The sentence in lower case, with single spaces, without closing marks, greetings and fillers; empty where it is too long."""
    if len(question) > LONGEST:
        return ""
    text = " ".join(question.lower().replace("’", "'").split()).strip(" .!?,;:-")
    text = _SHORT.sub(lambda m: _APOSTROPHES[m[0]], text)
    lead = _LEAD.match(text)
    rest = text[lead.end() :] if lead else text
    return (_TAIL.sub("", rest).strip(" .!?,;:-") or text) if rest else text


def stands(text: str, *patterns: str) -> re.Match[str] | None:
    """The match of the first pattern that is all of ``text``."""
    return next((m for p in patterns if (m := _compiled(p).fullmatch(text)) is not None), None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def count(text: str, after: str) -> int | None:
    """The number before a word: ``three`` of ``three sentences`` as 3; None where none stands there.

    Args:
        after: pattern of what follows the number.
    """
    found = re.search(rf"\b(\d{{1,2}}|{'|'.join(_NUMBERS)})\b(?: (?:short|plain|simple|biggest|main|most \w+|largest|worst))* (?:{after})", text)  # fmt: skip
    if found is None:
        return None
    return _NUMBERS.get(found[1]) or int(found[1])


def share(found: str, unit: str | None) -> float | None:
    """``70 %`` and ``70`` as 0.7, ``0.7`` as itself; None for what is no share."""
    value = float(found.replace(",", "."))
    value = value / 100 if unit or value > 1 else value
    return value if 0 < value <= 1 else None
