"""Pictures that somebody asks to see: ``show me wrong bathrooms``, ``the worst mistakes``, ``dark kitchens with a cat``.

The sentence is read word by word into conditions. A word that is no condition and no filler is not dropped in silence: it
is said which part was not understood. Typical pictures, pictures by what they are taken for and single pictures have tools
of their own; such sentences are left to the question bank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from failsight.agent.planners.slots import splits, without_names
from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.directions import asks_for_confusions, directions
from failsight.knowledge_base.vocabulary import Mentions

TOOL: Final = "show_images"
LONGEST: Final = 200
_LEAD: Final = r"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well|please|hey|can you|could you|would you|can i|could i|may i|i want to|i'd like to|i would like to|let me|let us|let'?s|just)\b\W*)*"
_SHOWS: Final = re.compile(
    _LEAD + r"(?:show|see|look at|view|display|give|find(?! out\b)|list|open|pull up|bring up|get)\b",
    re.IGNORECASE,
)
_ASKS_FOR: Final = re.compile(
    _LEAD + r"(?:which|any|where are|i need|i want|do you have|are there|there are)\b", re.IGNORECASE
)
_PICTURES: Final = re.compile(
    r"\b(?:images?|pictures?|photos?|photographs?|pics?|shots?|samples?|examples?|ones?|those|mistakes?|errors?|failures?|misses|blunders?)\b",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(r"^\W*(?:the |some |all |any |all the |a few )?(?:(?!(?:on|in|for|at|of|from|to|by|do|does|did|is|are|was|can|has|have|how|what|why|when|where|if|with|without|compare|use|because|than|i|we|you|it)\b)\w+ ){0,2}?(?:images?|pictures?|photos?|pics?|examples?|samples?)\b", re.IGNORECASE)  # fmt: skip
_ALONE: Final = re.compile(
    r"^\W*(?:the |some |all |any |a few |\d+ )*(?:wrong(?:ly)?|incorrect|misclassified|mistaken|worst|correct)\b(?!.*\?)",
    re.IGNORECASE,
)
_WRONG: Final = re.compile(
    r"\b(?:(?:gets?|got|getting|are|is|were|was|goes|went|it's) )?(?:wrong(?:ly)?|incorrect(?:ly)?|mis-?classified|mis-?predicted|mis-?labell?ed by the model|mistaken(?:ly)?|false(?:ly)?(?: (?:alarms?|positives?|negatives?))?|failed|fails?(?: (?:on|at|for))?|"
    r"mistakes?|errors?|failures?|misses|missed|blunders?|confused)\b(?: (?:answered|classified|predicted|recogni[sz]ed))?",
    re.IGNORECASE,
)
_RIGHT: Final = re.compile(
    r"\b(?:(?:gets?|got|are|is|were|was) )?(?:right(?:ly)?|correct(?:ly)?|well)\b(?: (?:answered|classified|predicted|recogni[sz]ed))?",
    re.IGNORECASE,
)
_NOT_RIGHT: Final = re.compile(
    r"\b(?:not|never|in)[ -]?(?:right|correct)|(?:\b(?:not|never)|n[o']?t) (?:recogni[sz]ed|found|detected|identified|spotted)\b",
    re.IGNORECASE,
)
_WORST: Final = re.compile(
    r"\b(?:worst|baddest|most (?:wrong|severe|serious|egregious|embarrassing|blatant)|biggest|gravest|terrible|most terrible|awful|top)\b",
    re.IGNORECASE,
)
_UNSURE: Final = re.compile(
    r"\b(?:unsure|uncertain|least (?:sure|certain|confident)|doubtful|low confidence|not (?:sure|certain|confident)|hesitat\w+|borderline|ambiguous)\b(?: (?:about|of|on))?",
    re.IGNORECASE,
)
_SURE: Final = re.compile(
    r"\b(?:sure|confident\w*|confidence|certain\w*|convinced|conviction)\b", re.IGNORECASE
)
_OTHERS: Final = re.compile(  # what other tools show: typical, similar and odd pictures, heat maps, labels, curves
    r"\b(?:typical|prototyp\w*|representative|odd|untypical|atypical|similar|nearest|neighbou?rs?|alike|like|heat ?maps?|saliency|grad.?cam|attention|wrong (?:class|classes|label|format|order|way|size)|acceptable|labels?|labell?ed|annotat\w+|mislabell?ed|matrix|curves?|"
    r"slices?|groups?|copies|duplicates?|twice|features?|map|report|findings?|evidence|attributes?|distribution|statistics|histogram|numbers?|figures?|scores?|accuracy|recall|precision|rates?|often|many|common|frequent|"
    r"confusions?|mix-?ups?|why|how|reasons?|if|whether|happens?|would|train(?:ed)? on|look up|to label|next)\b",
    re.IGNORECASE,
)
#: words that describe how a picture looks → the measure, and whether its low or high quarter is meant
LOOKS: Final = (
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:dark(?:er|est)?|dim(?:ly lit)?|gloomy|unlit|at night|night(?:time)?|under-?exposed)\b", re.IGNORECASE), "brightness", True),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:bright(?:er|est|ly lit)?|over-?exposed|sunny)\b", re.IGNORECASE), "brightness", False),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:blurr?(?:y|ed|iest)|out of focus|unsharp|fuzzy)\b", re.IGNORECASE), "sharpness", True),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:sharp(?:est)?|crisp)\b", re.IGNORECASE), "sharpness", False),
    (re.compile(r"\b(?:low.contrast|washed.out|hazy|foggy|flat)\b", re.IGNORECASE), "contrast", True),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:pale|grey(?:ish)?|gray|colou?rless|desaturated)\b", re.IGNORECASE), "saturation", True),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:colou?rful|vivid|saturated)\b", re.IGNORECASE), "saturation", False),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:small(?:er|est)?|tiny|little|thumbnails?|low.res(?:olution)?)\b", re.IGNORECASE), "width", True),
    (re.compile(r"\b(?:very |too |rather |quite |really )?(?:large|big|high.res(?:olution)?)\b", re.IGNORECASE), "width", False),
)  # fmt: skip
_CALLED: Final = re.compile(
    r"\b(?:(?:mis)?taken|mistaken|called|labell?ed|classified|predicted|recogni[sz]ed|confused|seen|read|identified|tagged|named|takes?|calls?|predicts?|thinks?|says?|mistakes?|confuses?)\b"
    r"(?: (?:wrongly|falsely|incorrectly|often|mostly))?(?: (?:for|as|with|to be))?",
    re.IGNORECASE,
)
_FILLER_TEXT: Final = (
    "except excluding apart aside besides other than show see look looks looking at view display give find list open pull bring up which any all some few more most the a an of in on from with without and or but that this those these them they "
    "it its it's is are was were be been being where what who i me my us our we you can could would may please want need like to let let's just now then so ok okay well hey do does did have has had there here "
    "image images picture pictures photo photos photograph photographs pic pics shot shots sample samples example examples one ones thing things item items piece pieces product products class classes room rooms kind by for as model network classifier "
    "set data split test evaluation training deployment pool production field gets get got getting makes make made go goes answer answers answered answers' classified predicted recognised recognized again only "
    "really also too both either per each every containing contain contains including having showing shows taken behind part side also'd especially mainly mostly first second not no damn damned bloody fucking stupid silly goddamn freaking hell exactly kindly"
)
_FILLER: Final = frozenset(_FILLER_TEXT.split())
_SPELT: Final = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "twenty": 20, "dozen": 12}  # fmt: skip
_NUMBER: Final = re.compile(
    rf"(?<![\w#.,=<>−-])(?:\d{{1,3}}(?![\w.%°])(?! ?%)|(?:{'|'.join(_SPELT)})\b(?! (?:\w+ )?(?:classes|rooms|kinds|categories)\b))",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Wish:
    """Pictures that somebody wants to see.

    Attributes:
        arguments: those of ``show_images`` that the sentence gives.
        unread: words of the sentence that are no condition that is known, in order.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def wish(mentions: Mentions, look: Callable[[str, bool], str | None]) -> Wish | None:
    """What pictures a sentence asks for; None where it asks for none, or for some that another tool shows better.

    Args:
        mentions: the names of the case in the sentence.
        look: measure and whether the low end is meant → a condition (``computed_brightness<=0.3``), or None where the images are all alike.
    """
    text = mentions.sentence
    plain = without_names(mentions)
    if len(text) > LONGEST or mentions.of("image") or mentions.of("finding") or mentions.of("evidence"):
        return None
    if _OTHERS.search(plain) or asks_for_confusions(mentions):
        return None
    if _SURE.search(text) and not _UNSURE.search(text):
        return None  # errors made with conviction have a tool of their own
    if _shows(text, plain, mentions):
        return _read(mentions, plain, look)
    if not _names(text, plain, mentions):
        return None
    made = _read(mentions, plain, look)
    return made if made is not None and not made.unread else None  # more than a name: another question


def _shows(text: str, plain: str, mentions: Mentions) -> bool:
    """Whether pictures are asked for by a verb of looking."""
    names = any(m.role in ("class", "object", "value") for m in mentions.found)
    return _SHOWS.match(text) is not None and bool(_PICTURES.search(plain) or _WRONG.search(plain) or names)


def _names(text: str, plain: str, mentions: Mentions) -> bool:
    """Whether pictures are only named, or asked after: ``which images does it get wrong?``, ``wrong kitchens``."""
    if _ASKS_FOR.match(text):
        return _PICTURES.search(plain) is not None
    return _BEGINS.match(text) is not None or (bool(mentions.of("class")) and _ALONE.match(text) is not None)


def _read(mentions: Mentions, plain: str, look: Callable[[str, bool], str | None]) -> Wish | None:
    text, where, unread = plain, list[str](), list[str]()
    given: dict[str, Any] = {}
    text, given["order"] = _order(text)
    wrong = _WRONG.search(text) is not None or _NOT_RIGHT.search(text) is not None
    given |= _classes(mentions, called=_CALLED.search(text) is not None)
    if wrong and not given.get("predicted_class"):
        where.append("wrong")
    elif _RIGHT.search(text) and not wrong:
        where.append("correct")
    for pattern in (_NOT_RIGHT, _WRONG, _RIGHT, _CALLED, _NUMBER):
        text = pattern.sub(" ", text)
    for pattern, measure, low in LOOKS:
        if (found := pattern.search(text)) is None:
            continue
        looked = look(measure, low)
        where += [looked] if looked else []
        unread += [] if looked else [found[0].strip()]
        text = pattern.sub(" ", text)
    where += conditions_of(mentions)
    given["where"] = "&".join(dict.fromkeys(where))
    given["k"], given["split"] = _count(plain), _split(plain)
    spoken = [m for m in mentions.found if m.role == "attribute"]
    unread += [mentions.sentence[m.start : m.end] for m in spoken]
    unread += [w for w in _WORD.findall(text) if w.lower() not in _FILLER]
    kept = {k: v for k, v in given.items() if v}
    if not kept.get("where") and "order" not in kept and not (unread and kept.get("class_name")):
        return None  # no condition: pictures of a class are shown by other tools
    return Wish(kept, tuple(dict.fromkeys(unread)))


def _order(text: str) -> tuple[str, str]:
    """The sentence without the words that say which come first, and the order; the surest come first anyway."""
    if _UNSURE.search(text):
        return _UNSURE.sub(" ", text), "unsure"
    return _WORST.sub(" ", text), ""


def _classes(mentions: Mentions, *, called: bool) -> dict[str, str | None]:
    names = mentions.of("class")
    if called and names:
        true, predicted = directions(mentions)
        return {"class_name": true, "predicted_class": predicted}
    return {"class_name": names[0]} if len(names) == 1 else {}


def _count(plain: str) -> int | None:
    """How many are wanted; at most 48. ``plain``: the sentence without names, of which some are numbers."""
    number = _NUMBER.search(plain)
    return max(1, min(48, _SPELT.get(number[0].lower()) or int(number[0]))) if number else None


def _split(plain: str) -> str | None:
    named = [s for s in splits(plain) if s != "data"]
    return named[0] if len(named) == 1 else None
