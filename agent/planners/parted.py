"""The wishes of one sentence, in order: ``evaluate, then find slices and write the report``.

A sentence is parted only where what follows *and* or *then* begins a wish of its own, with a verb or a question word.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 240  # characters of a sentence that is parted
_DO: Final = (
    r"(?:show|tell|list|write|save|export|find|evaluate|measure|compare|test|mask|check|explain|give|count|run|repair|retrain|look|open|search|plot|name|rank|summari[sz]e|propose|suggest|say|"
    r"see|audit|judge|verify|cover|estimate|assess|analy[sz]e|report|undo|try)"
)
_ASK: Final = r"(?:what|which|how|why|who|where|is|are|does|do|did|can|could|should|was|were|has|have)"
POLITE: Final = r"(?:(?:please|also|just|finally|first|second|next|afterwards|can you|could you|would you|will you|i want you to|i would like you to|i'd like you to|i want to|let'?s|you)\s+)*"
_CLAUSE: Final = rf"{POLITE}(?:{_DO}|{_ASK})\b"
_HEAD: Final = re.compile(
    rf"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well|hi|hello|hey|right|good|fine|all right|alright|thanks|good (?:morning|afternoon|evening|day))\b\W*)*{POLITE}(?:{_DO}|{_ASK}|would|will|may|shall|might|must)\b",
    re.IGNORECASE,
)
_GLUE: Final = re.compile(
    rf"(?:\s*[,;.?!]+\s*(?:and\s+)?(?:then|after (?:that|this)|afterwards|and|also|finally|plus)?|\s+(?:and then|and also|and after (?:that|this)|and afterwards|and finally|and|then|plus))[\s,]+(?={_CLAUSE})",
    re.IGNORECASE,
)
_FRAGMENT: Final = re.compile(
    r"\s*[,;]?\s*(?:and|but) (?:also|then|additionally|the same)(?: once(?: more)?| again)? (?=(?:in|on|at|for|with|without|by|only|under)\b)|[,;] also (?=(?:in|on|at|for|with|without|by|under)\b)",
    re.IGNORECASE,
)
_AUX: Final = re.compile(r"(?:is|are|does|do|did|was|were|has|have)\b", re.IGNORECASE)
_ASKED: Final = re.compile(rf"\W*{POLITE}{_ASK}\b", re.IGNORECASE)
_PREDICATE: Final = re.compile(  # said of all that stands before it: ``how many on line 1, early shift, are wrong?``
    r"(?:is|are|was|were|has been|have been)\s+(?:(?:also|often|more|not|then)\s+)*(?:wrong\w*|right|correct\w*|mis\w+|called|taken|answered|recogni[sz]ed|predicted|worse|better)\b",
    re.IGNORECASE,
)
_OUTCOME: Final = re.compile(  # what comes of what stands before it: ``cover the sinks and see if kitchen still comes out``
    r"see\s+(?:if|whether|what (?:it|the model) (?:says|does|answers))\b[^.?!]*\b(?:still|then|says?|comes? out|changes?|answers?|stays?)\b",
    re.IGNORECASE,
)
_OF_ONE: Final = re.compile(  # clauses that belong to what is before them
    r"\b(?:whether|if|that|because|when|while|where|who|which|think|believe|suspect|guess|know|wonder|suppose|between|both)\W*(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)


#: ``leave the phones for now, …``: what is put aside before the wish
_ASIDE: Final = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|so|and|but|well|now|alright|all right)\b\W*)*(?:(?:leave|set|put|let'?s leave)\s+[\w ]{1,28}?\s+(?:for (?:now|the moment)|aside|alone)|(?:forget|never ?mind|enough of)\s+(?:about\s+)?[\w ]{1,28}?)\s*[,.;]\s+(?=(?:and\s+|now\s+)*(?:what|how|is|are|does|do|did|which|tell|show|compare)\b)",
    re.IGNORECASE,
)
#: ``what about cats that live indoors, do they get called dogs?``: a topic, and what is asked of it
_TOPIC: Final = re.compile(
    rf"^(?P<lead>\W*(?:(?:ok(?:ay)?|so|and|but|well|now|then)\b\W*)*)(?:(?:what|how) about\s+|as for\s+|regarding\s+)?(?!{_ASK}\b|{_DO}\b|(?:i|we|if|when|because|since|my|you)\b)(?P<topic>[^,.;?!]{{3,80}}),\s*(?P<aux>is|are|does|do|did|was|were|has|have)\s+(?:they|it|those|these)\s+(?P<rest>[^.!]+)$",
    re.IGNORECASE,
)


def joined(question: str) -> str:
    """The sentence with its topic in its place, and without what it puts aside; itself where it has neither."""
    text = _ASIDE.sub("", question, count=1)
    found = _TOPIC.match(text)
    if found is None or not re.search(r"\b(?:called|taken|mistaken|wrong|right|correct\w*|recogni[sz]ed|worse|better|errors?|mistakes?|fail\w*)\b", found["rest"], re.IGNORECASE):  # fmt: skip
        return text
    return f"{found['lead']}{found['aux']} {found['topic'].strip()} {found['rest']}"


def parts(question: str) -> list[str]:
    """The wishes of a sentence, in order; itself alone where it has one."""
    text = " ".join(question.split())
    if len(text) > LONGEST or not _HEAD.match(text):
        return [text]
    made, start = [], 0
    for glue in _GLUE.finditer(text):
        if _PREDICATE.match(text[glue.end() :]) or _OUTCOME.match(text[glue.end() :]):
            continue
        if _OF_ONE.search(text[start : glue.start()]) or not _whole(text[start : glue.start()]):
            continue
        if (
            _AUX.match(text[glue.end() :])
            and not re.search(r"[.?!]", glue[0])
            and not _ASKED.match(text[start:])
        ):
            continue  # check whether it uses the cat and is wrong with it
        made.append(text[start : glue.start()])
        start = glue.end()
    made.append(text[start:])
    if (fragment := _FRAGMENT.search(made[-1])) is not None and _whole(made[-1][: fragment.start()]):
        made[-1:] = [made[-1][: fragment.start()], f"and {made[-1][fragment.end() :]}"]
    return [p.strip(" ,;") for p in made]


def _whole(text: str) -> bool:
    """Whether what stands before the next wish says something by itself: a verb alone shares the object that follows."""
    held = re.sub(rf"^\W*{POLITE}", "", text.strip(), flags=re.IGNORECASE).split()
    return len(held) > 1 or (len(held) == 1 and held[0].lower().strip(",.;") in ("evaluate", "undo", "audit"))
