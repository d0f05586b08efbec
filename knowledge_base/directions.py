"""Which of the classes in a sentence is the true one and which the answer: ``kitchens taken for bathrooms``.

What stands behind "taken for", "called" or "says" is the answer; what is taken, or is "instead of" an answer, is what
the images really show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from failsight.knowledge_base.vocabulary import Mentions

_INTO: Final = (
    r"(?:predict|classif|label|mislabel|misclassif|mistak|mistook|taken|took|call|recogni[sz]|confus|confound|seen|named|tagg?|end|go|"
    r"turn|come|land|read|identif|interpret|mixed|put|sorted|filed|detect)\w*"
)
_SAYS: Final = r"(?:predict|say|said|call|choos|chose|answer|giv|gave|think|thought|prefer|shout|claim|announc|declar|report|output|return|pick|decid|lean|go)\w*"
_NOT: Final = r"(?:instead of|rather than|and not|but not|not|over|versus|vs\.?|against|when|though|although)"
_A: Final = r"(?:(?:being |just )?(?:an?|the|any|some|one of the|our|my|those|these) )?"
_SOMEHOW: Final = (
    r"(?:(?:most(?: often)?|more often|often|usually|sometimes|ever|also|always|only|up|out|down|away|frequently|"
    r"[a-z]+ly) ){0,3}"
)
# What comes before the answer, each verb with the words that join it: "recognises kitchens" speaks of the images
_TOLD: Final = (
    rf"(?:(?:mistak|mistook|took|tak|pass|held|hold)\w* {_SOMEHOW}(?:for|as|to be)"
    rf"|(?:confus|confound|mix|muddl|mess)\w* {_SOMEHOW}(?:with|for|and)"
    rf"|(?:predict|classif|label|mislabel|misclassif|call|recogni[sz]|nam|tagg?|identif|interpret|detect|seen?|sees|read|treat|regard|perceiv|"
    rf"understood|consider|sort|fil|assign|put|count|describ|report|misread|rate|announc|declar|flag)\w* {_SOMEHOW}(?:down )?(?:as|to be|into|under|to|in the (?:class|category))"
    rf"|(?:end|land|wind|wound|finish|fall|fell)\w* {_SOMEHOW}(?:as|under|into|among|in)"
    rf"|(?:com|came|go|went|turn|show)\w* {_SOMEHOW}(?:as|under|into)"
    rf"|(?:call|predict|nam|consider)\w*|labell?ed|tagged|dubbed|termed) {_SOMEHOW}{_A}"
)
_ANSWER: Final = (
    re.compile(rf"\b{_TOLD}C0\b"),
    re.compile(r"\bfalse (?:positive|alarm)s?\b.*C0|\bC0 false (?:positive|alarm)s?\b"),
    re.compile(
        rf"\b(?:{_SAYS}|(?:go|goes|went|opt|opts|opted|settles?|settled|decides?|decided) for|leans? to\w*|leant to\w*) "
        rf"{_SOMEHOW}(?:it'?s )?{_A}C0\b"
    ),
    re.compile(
        r"\b(?:wrong(?:ly)?|false(?:ly)?|incorrect(?:ly)?|mistaken(?:ly)?) (?:an? |the )?C0\b(?!.*\b(?:labels?|labell?ed)\b)"
    ),
)
_SHOWN: Final = (  # words that make the class one of the images, whatever else is there
    re.compile(
        rf"\b(?:instead of|rather than|other than|except|besides|think\w* (?:that )?){_A}C0\b(?! (?:what|which)\b)"
    ),
    re.compile(r"\bwhen it (?:sees|is|gets|looks at|comes to)\b.*\bC0\b"),
    re.compile(  # what does it confuse C0 with, take C0 for something else
        rf"\b{_INTO} {_SOMEHOW}{_A}C0\b (?:\w+ )?(?:as|for|with|into|to be|to|under)"
        r"(?=\W*$| (?:what|which|some\w*|any\w*|other\w*|another|else|most|more|instead|exactly|usually|often|one)\b)"
    ),
    re.compile(rf"\b(?:call|nam|label|tagg?)\w* {_A}C0\b (?:some|any)thing\b"),
    re.compile(  # with what is C0 confused; for which class does it take C0
        r"^\W*(?:(?:and|but|so|ok|okay|now|then|well)\W+)*(?:(?:with|as|into|to|under) (?:what|which|whom)"
        r"|for (?:what|which(?: (?:other|wrong))? (?:class|categor|label|room|name|one)\w*))\b.*\bC0\b"
    ),
    re.compile(rf"\b(?:labell?|tagg)\w*\b.*\bC0\b.*\b{_INTO}"),  # labelled C0 and called something else
    re.compile(r"\b(?:misclassif|mislabel|mistaken|confused)\w* C0\b"),
)
_CALLS: Final = re.compile(  # what does it call (the) kitchens
    rf"\bwhat (?:the hell |the heck |on earth |exactly |the devil )?(?:does|do|did|would|will|might) (?:it|the (?:model|network|classifier)) {_SOMEHOW}(?:call|name|label|tag) {_A}C0\b"
)
_BOTH: Final = (
    (
        re.compile(rf"C0\b.*?\b(?:is|are|was|were|as)?\s*(?:really|actually|in fact)?.*?\b{_NOT}\b.*?C1"),
        ("C1", "C0"),
    ),
    (re.compile(rf"\b{_SAYS}\b.*?C0.*?\b{_NOT}\b.*?C1"), ("C1", "C0")),
    (re.compile(rf"C0.*?\b{_INTO}\b.*?C1"), ("C0", "C1")),
    (re.compile(rf"\b{_SAYS}\b.*?C0.*?\b(?:is|are|be|really|actually|true)\b.*?C1"), ("C1", "C0")),
    (
        re.compile(
            rf"\b(?:predict|say|said|answer|giv|gave|choos|chose|output|return|report|announc)\w* {_A}C0\b (?:for|to|on|at|given|shown)\b.*?C1"
        ),
        ("C1", "C0"),
    ),
    (
        re.compile(
            rf"\b{_TOLD}C0\b.*?(?:\b(?:is|are|be|was|were|really|actually|true|truly|among|from|of)\b|[,:?]).*?C1"
        ),
        ("C1", "C0"),
    ),
)


def directions(mentions: Mentions) -> tuple[str | None, str | None]:
    """(true class, predicted class) as the sentence has them; None where it names none.

    "kitchens called living room" and "living room instead of kitchen" both give (kitchen, living_room); "what is
    mistaken for a kitchen" gives (None, kitchen).
    """
    names = mentions.of("class")
    text = _with_marks(mentions, names)
    if len(names) >= 2:
        for pattern, (true, predicted) in _BOTH:
            if pattern.search(text):
                return names[int(true[1])], names[int(predicted[1])]
        return names[0], names[1]
    if not names:
        return None, None
    shown = any(p.search(text) for p in _SHOWN) or (_several(mentions) and _CALLS.search(text) is not None)
    if not shown and any(p.search(text) for p in _ANSWER):
        return None, names[0]
    return names[0], None


#: the only words beside a verb of confusion in a request for images by what they are called
_AROUND_TEXT: Final = (
    "what which who all any some every anything everything something the a an of one ones and or also else other others please show give list see "
    "find view display let me us can could you would i we want to like just here are there images image pictures picture photos photo photographs "
    "samples shots examples things rooms classes class categories category items is was were be been being gets get got getting does do did has have had it "
    "its the model network classifier that this these those how often many much when where up out down as for with into under in among to but not "
    "really actually though although n't aren't isn't so far by mistake top first my our on from training train deployment deploy test evaluation field production set split data"
)
_AROUND: Final = frozenset(_AROUND_TEXT.split())
_VERB: Final = re.compile(rf"\b{_TOLD}(?:C0|C1)\b")
_OF_LABELS: Final = re.compile(r"\b(?:label|tag|annotat|describ|detect|read|rate|count)\w*\b")


def asks_for_confusions(mentions: Mentions) -> bool:
    """Whether a sentence asks for images by what they are taken for, and for nothing else: ``the bathrooms it takes for kitchens``."""
    names = mentions.of("class")
    if not names or len(names) > 2 or any(m.role != "class" for m in mentions.found):
        return False
    text = _with_marks(mentions, names)
    verb = _VERB.search(text)
    if verb is None or _OF_LABELS.search(text):
        return False
    rest = re.sub(r"\bC[01]\b|\b\d+\b|\b[a-z]+ly\b", " ", f"{text[: verb.start()]} {text[verb.end() :]}")
    return all(word in _AROUND for word in re.findall(r"[\w']+", rest))


_ASKS_TO_SEE: Final = re.compile(
    r"[,;:.] *(?:so|and|thus|therefore|hence|please|\W)* *(?=(?:let me see|let us see|show (?:me|us)|give (?:me|us)|i (?:want|need|would like) to see|list)\b)"
)


def last_wish(mentions: Mentions) -> Mentions:
    """The part of a sentence that asks to see something, after the reasons for it; the whole sentence where it has no such part."""
    found = list(_ASKS_TO_SEE.finditer(mentions.sentence.lower()))
    if not found:
        return mentions
    start = found[-1].end()
    kept = tuple(
        replace(m, start=m.start - start, end=m.end - start) for m in mentions.found if m.start >= start
    )
    return Mentions(mentions.sentence[start:], kept, mentions.masked)


def _several(mentions: Mentions) -> bool:
    """Whether the first class stands in the plural: ``kitchens`` are images, ``kitchen`` may be a name."""
    first = next(m for m in mentions.found if m.role == "class")
    typed = mentions.sentence[first.start : first.end].lower()
    return typed.endswith("s") and not first.name.lower().endswith("s")


def _with_marks(mentions: Mentions, names: Sequence[str]) -> str:
    """The sentence in small letters, its first two classes as ``C0`` and ``C1``, without limits: ``over 800 hours`` says nothing of
    either."""
    parts: list[str] = []
    last = 0
    for mention in mentions.found:
        if mention.role == "class" and mention.name in names[:2]:
            parts += [mentions.sentence[last : mention.start].lower(), f"C{names.index(mention.name)}"]
            last = mention.end
        elif mention.told:
            parts += [mentions.sentence[last : mention.start].lower(), "#"]
            last = mention.end
    return " ".join("".join([*parts, mentions.sentence[last:].lower()]).split())
