"""The words of sentences that divide the work: who looks at pictures, what is left to the model, how many errors are accepted, how sure it is.

Pure functions of a sentence; names of a case are read elsewhere.
"""

from __future__ import annotations

import re
from typing import Final

from failsight.agent.planners.counting import words as w

_A: Final = r"(?:(?:always|only|first|again|an?|the|our|my|their|some|one of|two|all|real|human|senior|trained|domain|second|pair of)\s+)*"
PEOPLE: Final = (
    r"(?:people|persons?|humans?|human beings?|somebody|someone|anybody|anyone|staff|colleagues?|co-?workers?|team|experts?|specialists?|curators?|archivists?|registrars?|librarians?|"
    r"doctors?|physicians?|clinicians?|nurses?|radiologists?|pathologists?|dermatologists?|inspectors?|controllers?|reviewers?|annotators?|volunteers?|growers?|farmers?|workers?|supervisors?|"
    r"engineers?|technicians?|biologists?|students?|helpers?|assistants?|operators?|sorters?|packers?|pickers?|crew|folks?|guys|lads|hand|eye)"
)
_US: Final = rf"(?:{PEOPLE}|us|me|them)"
_MODEL: Final = r"(?:it|the (?:model|network|classifier|machine|computer|program|software|system|camera|app|robot|tool|ai)|this (?:thing|model))"
_SEND: Final = r"(?:go(?:es)?|going|went|sen(?:d|ds|t)|hand(?:s|ed|ing)?(?: over| on)?|give[ns]?|pass(?:es|ed)?(?: on)?|leaves?|left|rout(?:e|es|ed)|refer(?:s|red)?|forward(?:s|ed)?|kept|keep|come|escalated?|reserved?|assigned?)"
_LOOK: Final = r"(?:look(?:s|ed|ing)? (?:at|through|over|into)|check(?:s|ed|ing)?|see(?:s|n)?|review(?:s|ed)?|go(?:es|ne)? (?:over|through)|verif(?:y|ies|ied)|handled?|inspect(?:s|ed)?|examined?|judged?|sort(?:s|ed)?|decided?(?: on)?|labell?(?:ed)?|read|filled in|confirm(?:s|ed)?|done)"
_NOT_TO: Final = r"(?!\W+(?:to|for) (?:the )?(?:model|machine|computer))"
#: something goes to people, or is done by them
TO_PEOPLE: Final = re.compile(
    rf"\b{_SEND}\b[^.?!]{{0,160}}?\b(?:to|by)\s+{_A}{_US}\b{_NOT_TO}|\balways\s+to\s+{_A}{_US}\b|\b(?:leaves?|left|kept|keep|reserved?)\b[^.?!]{{0,100}}?\bfor\s+{_A}{PEOPLE}\b"
    rf"|\b{_LOOK}(?:\s+(?:always|only|first|again|wrongly))*\s+(?:by\s+{_A}{_US}\b|by (?:hand|eye)\b|manually\b)"
    rf"|\b(?:{_A}{PEOPLE}|they)\s+(?:must|should|shall|will|would|ha(?:s|ve) to|needs? to|always|ought to)(?:\s+(?:always|still|only|all|have to|need to))*\s+{_LOOK}\b"
    rf"|\b(?:we|i)\s+(?:must|ha(?:s|ve) to|needs? to|always|would have to)(?:\s+(?:always|still|only|all))*\s+{_LOOK}\b",
    re.IGNORECASE,
)
#: the model works without people
ALONE: Final = re.compile(
    rf"\b(?:by itself|on its own|automatic(?:ally)?|automated|unattended|unsupervised|(?:it|machine|computer|camera|model|program|app|decides?|answers?|sorts?|does|do|fills?|runs?|works?|everything|them|itself|rooms|catalogue) (?:all )?alone|(?:decides?|answers?|sorts?|does|fills?|handles?|names?)(?: in)? itself)\b"
    rf"|\bwithout (?:{_A}{_US}|anybody|anyone|a check|checks|supervision|being) (?:\w+ ){{0,2}}(?:check\w*|look\w*|supervis\w*|control\w*|review\w*|help\w*|interven\w*)|\bwithout (?:a check|checks|supervision|control|human help)\b"
    rf"|\b(?:let|have|leave|trust)\s+(?:to\s+)?{_MODEL}(?:\s+(?:to|just|simply|do|all))*\s+(?:fill\w*|do|decide|answer|sort|run|label|name|tag|call|assign|handle|take|go|work|judge)\b|\b{_MODEL}(?:\s+\w+){{0,2}}?\s+fill(?:s|ed)?\b",
    re.IGNORECASE,
)
_MACHINES: Final = (
    r"(?:model|network|classifier|machine|computer|program|software|system|camera|app|robot|ai)"
)
#: the words of a clause for who does it: people, without what they do; people; the model
BY_PEOPLE_ALONE: Final = re.compile(
    rf"\b(?:by (?:hand|eye)|manually|(?:by|to|for|with) {_A}{PEOPLE})\b{_NOT_TO}", re.IGNORECASE
)
BY_PEOPLE: Final = re.compile(
    rf"{BY_PEOPLE_ALONE.pattern}|{TO_PEOPLE.pattern}|\b{_A}{PEOPLE}\s+(?:\w+\s+)?(?:{_LOOK}|do|does|take|takes)\b",
    re.IGNORECASE,
)
BY_MODEL: Final = re.compile(
    rf"\b(?:by (?:itself|the {_MACHINES}|{_MACHINES})|on its own|automatic(?:ally)?|unattended|(?:to|with) (?:the )?{_MACHINES}|(?:the |this |our )?{_MACHINES}\s+(?:\w+\s+)?(?:does|do|sorts?|decides?|handles?|takes?|keeps?|answers?)(?: alone)?)\b|\balone\b",
    re.IGNORECASE,
)
RUN: Final = re.compile(rf"\b(?:let|left|leave|have)\s+{_MODEL}\s+(?:\w+\s+)?(?:fill|run|do|decide|answer|sort|work|label)\b|\b(?:ran|runs?) (?:alone|by itself|on its own)", re.IGNORECASE)  # fmt: skip
WHICH: Final = re.compile(
    r"\b(?:which|what|where|can|could|may|might|should|shall|how (?:much|many|far)|is (?:it|that) possible|possible|get there|part|portion|share)\b",
    re.IGNORECASE,
)
#: what people have to look at
LOOK_AT: Final = re.compile(
    rf"\b(?:what|which|how (?:many|much)|what (?:share|part|percentage))\b[^.?!]{{0,40}}?\b(?:must|should|shall|do|does|would|will|ha(?:s|ve) to|needs? to|can|remains? for|is left for)?\s*(?:{_A}{PEOPLE}|we|i|they)\b[^.?!]{{0,30}}?\b{_LOOK}\b"
    rf"|\b(?:what|which|how (?:many|much))\b[^.?!]{{0,50}}?\b{_SEND}\s+to\s+{_A}{_US}\b|\bwhat (?:is|remains|would be) left for {_A}{_US}\b|\bwhat share would {_A}{PEOPLE} see\b",
    re.IGNORECASE,
)
LEFT: Final = re.compile(
    r"\b(?:what(?:'s| is| would be| will be)? (?:is |be )?(?:left|remaining)|what remains?|(?:of|for|in|with|on) (?:the (?:rest|others|remaining(?: ones)?|remainder)|what (?:is left|remains|it keeps))|how (?:good|well|many|much)\b[^.?!]{0,30}\b(?:the rest|the others|the remaining|left|remains?)|the rest\b|those it keeps|its (?:own )?(?:share|part))\b",
    re.IGNORECASE,
)
WRONG_MANY: Final = re.compile(
    r"\b(?:how (?:many|much|often)|what (?:share|part|percentage|fraction))\b[^?!]{0,90}\b(?:wrong(?:ly)?|mistakes?|errors?|false|incorrect(?:ly)?|right|correct(?:ly)?)\b",
    re.IGNORECASE,
)
OUT: Final = re.compile(
    r"\b(?:without|leaving|leave|left out|take out|taking|except(?:ing)?|exclud(?:e|ing)|minus|apart from|other than|as well|too|also|in addition|plus|add(?:ing)?)\b",
    re.IGNORECASE,
)
BACK: Final = re.compile(
    rf"\b(?:not the|but not|(?:can|may|could) (?:stay|do|keep)|(?:take|put|give) [^.?!]{{1,60}} back|leave [^.?!]{{1,60}} to {_MODEL}|back to {_MODEL}|{_MODEL} (?:may|can|could) (?:do|have|keep|take|answer))\b",
    re.IGNORECASE,
)
#: something else is to be done with pictures
DOES: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well|please|no|can you|could you|would you|let us|let's|i(?:'d| would) (?:like|want) (?:you )?to|i want (?:you )?to)\b\W*)*"
    r"(?:show|draw|list|test|mask|cover|hide|paste|swap|compare|select|pick|find|search|train|retrain|generate|plot|explain|evaluate|measure|count|see|view|display|take|remove)\b",
    re.IGNORECASE,
)
DROP: Final = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|now|please|then|no|well|can you|let us|let's)\W+)*(?:forget|drop|delete|remove|cancel|discard|undo|scrap|clear)\s+(?:about\s+)?(?:that|the|this|all(?: the)?|my|our|those|these)?\s*(?:rules?|division|handing over|hand-?over)\b[^?]{0,30}$",
    re.IGNORECASE,
)
RULE: Final = re.compile(
    r"\b(?:rule|always|from now on|note that|suppose|assume|say that|let(?:'s| us) say|if)\b", re.IGNORECASE
)
BY_CLASS: Final = re.compile(
    r"\b(?:per|by|for (?:each|every)|each|every|(?:for )?which (?:of the )?)\s*(?:class(?:es)?|answers?|kinds?|categor(?:y|ies)|labels?|types?)\b|\bclass by class\b",
    re.IGNORECASE,
)
SURENESS: Final = re.compile(
    r"\b(?:what|which|from (?:which|what)|how)\b[^.?!]{0,40}\b(?:sure(?:ness)?|certain(?:ty)?|confiden(?:t|ce)|percentage|limit|threshold|cut-?off)\b",
    re.IGNORECASE,
)
_NUMBERS: Final = {
    **w.NUMBERS, "a": 1, "an": 1, "single": 1, "no": 0, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "a hundred": 100,
    "one hundred": 100, "two hundred": 200, "a thousand": 1000, "thousand": 1000, "one thousand": 1000,
}  # fmt: skip
_N: Final = (
    rf"(?:\d[\d,]*(?:\.\d+)?|{'|'.join(sorted((re.escape(k) for k in _NUMBERS), key=len, reverse=True))})"
)
_BAD: Final = r"(?:wrong(?:ly)?|mistakes?|errors?|false|incorrect(?:ly)?|mis\w+)"
_OF_SO_MANY: Final = (
    re.compile(rf"\b(?P<k>{_N})\s+(?:\w+\s+){{0,2}}?{_BAD}(?:\s+\w+){{0,3}}?\s+(?:in|of|out of|per|among|for|on)\s+(?:every\s+|each\s+|any\s+)?(?P<n>{_N})\b", re.IGNORECASE),
    re.compile(rf"\b(?P<k>{_N})\s+(?:in|out of|per|of)\s+(?:every\s+|each\s+)?(?P<n>{_N})\b(?=[^.?!]{{0,40}}\b{_BAD}\b)", re.IGNORECASE),
)  # fmt: skip
_SHARE: Final = r"(?<![\d.])(?P<p>\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)"
_SHARE_BAD: Final = (
    re.compile(rf"{_SHARE}(?=(?: \w+){{0,4}} {_BAD}\b)", re.IGNORECASE),
    re.compile(rf"\b(?:{_BAD}|error rate)\b(?: \w+){{0,5}} {_SHARE}", re.IGNORECASE),
)
_SHARE_GOOD: Final = (
    re.compile(rf"{_SHARE}(?= (?:\w+ ){{0,2}}?(?:right|correct|accura\w+)\b)", re.IGNORECASE),
    re.compile(rf"\b(?:accura\w+|right|correct)\b(?: \w+){{0,4}} {_SHARE}", re.IGNORECASE),
)
_ACCEPTS: Final = re.compile(
    r"\b(?:at most|no more than|not more than|at the most|maximum|max|up to|fewer than|less than|below|under|only|at least|minimum|accept\w*|allow\w*|tolera\w*|live with|afford|need|want|must|should|can|may|would|if)\b",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    rf"\b(?:{_A}{PEOPLE}|we|i|they|us)\b[^.?!]{{0,40}}?\b(?:(?:can|could|may|might|able to|time to|manage to|capacity to|only)\b[^.?!\d]{{0,16}}?\b{_LOOK}|time for|capacity for)\b[^.?!\d]{{0,30}}?(?<![\d.])(?P<n>\d[\d,]*)(?P<unit> ?%| ?per ?cent)?(?! ?(?:sure|certain|confident)| ?% ?(?:sure|certain|confident))",
    re.IGNORECASE,
)
#: so many have to be right: ``would that get me over 90?``
_GOAL: Final = re.compile(
    r"\b(?:(?:get|bring|put|push|take|lift)s?(?: (?:me|us|it|that|this|them|you))?(?: (?:over|above|past|beyond|up to|to|at least))|(?:reach|make|hit|pass|beat)(?:es|s)?|(?:is|are|be|comes?) (?:that |it |this |we |then )*(?:over|above|past|at least))"
    r" (?:the |my |our |that |those )*(?P<n>[5-9]\d(?:\.\d+)?)(?: ?(?:%|per ?cent))?(?! ?(?:% |per ?cent )?(?:sure|certain|confident|pictures|images|rolls|of|in|or)\b)(?=\W*(?:$|[,;.?!]|then\b|and\b|with\b|if\b|right\b|correct\b|or\b))",
    re.IGNORECASE,
)
_PER: Final = re.compile(
    rf"\bper (?P<n>{_N})\b|\b(?:in|of|out of) (?:a|every|each) (?P<m>\d[\d,]*|hundred|thousand)\b|\bof (?P<k>1,?000|10,?000|100)\b",
    re.IGNORECASE,
)
_BAR: Final = re.compile(
    r"(?<![\d.])(?:(?P<b>100|[5-9]\d(?:\.\d+)?)(?= (?:sure|certain|confident)\b)|(?P<n>100|\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)(?= (?:or more )?(?:sure|certain|confident|confidence|certainty))|(?:sure|certain|confident|confidence|certainty|sureness|score)\b(?: \w+){0,4} (?P<m>100|\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)|(?:sure|certain|confident|confidence|certainty|sureness|score)\b(?: \w+){0,4} 0?\.(?P<d>\d{1,3})\b)",
    re.IGNORECASE,
)


def divides(text: str) -> bool:
    """Whether a sentence speaks of what goes to people, or of what a model does without them."""
    return TO_PEOPLE.search(text) is not None or ALONE.search(text) is not None


def accepted(text: str) -> float | None:
    """The share of errors that a sentence accepts: ``at most one wrong in twenty`` and ``95 % right`` are 0.05; None where it tells none."""
    if not _ACCEPTS.search(text):
        return None
    for pattern in _OF_SO_MANY:
        if (found := pattern.search(text)) is not None:
            k, n = number_of(found["k"]), number_of(found["n"])
            if k is not None and n and 0 <= k < n and n >= 5:
                return k / n
    for pattern in _SHARE_BAD:
        if (found := pattern.search(text)) is not None and not _BAR.search(text):
            return float(found["p"]) / 100
    for pattern in _SHARE_GOOD:
        if (found := pattern.search(text)) is not None:
            return round(1 - float(found["p"]) / 100, 6)
    return None


def number_of(text: str) -> float | None:
    """``twenty`` as 20, ``1,000`` as 1000."""
    known = _NUMBERS.get(text.lower())
    return float(known) if known is not None else w.number_of(text)


def bar(text: str) -> float | None:
    """How sure an answer has to be: ``85 % sure`` is 0.85; None where no such limit is told."""
    found = _BAR.search(text)
    if found is None:
        return None
    given = found["b"] or found["n"] or found["m"]
    value = float(given) / 100 if given else float(f"0.{found['d']}")
    return value if 0 < value <= 1 else None


def goal(text: str) -> float | None:
    """How many are to be right: ``would that get me over 90?`` is 0.9; None where a sentence asks no such thing."""
    found = _GOAL.search(text)
    return float(found["n"]) / 100 if found is not None else None


def is_goal(text: str, at: int) -> bool:
    """Whether the number that stands at ``at`` is how many are to be right, and not how sure an answer is."""
    found = _GOAL.search(text)
    return found is not None and found.start("n") == at


def per(text: str) -> int:
    """So many pictures of which the numbers are wanted: ``per 1000``; 0 where none are."""
    found = _PER.search(text)
    value = number_of(found["n"] or found["m"] or found["k"]) if found is not None else None
    return int(value) if value is not None and value >= 10 else 0


def most(text: str) -> tuple[float, bool] | None:
    """How many pictures people can look at, and whether that is a share of them; None where nothing tells."""
    found = _MOST.search(text)
    value = w.number_of(found["n"]) if found is not None else None
    if found is None or value is None or value <= 0:
        return None
    return (value / 100, True) if found["unit"] else (value, False)


def is_accepted_of_the_left(text: str) -> bool:
    """Whether a sentence accepts so many errors among what is left to the model alone, which is no demand on all of its answers."""
    return accepted(text) is not None and divides(text)
