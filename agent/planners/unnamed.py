"""Things and circumstances that nobody recorded: ``is it because of the sofa?``, ``is it worse in winter?``.

A word that is no name of the case is said to be none, with what there is, instead of being dropped for a search of everything. Whoever
can't name what is marked in the pictures does not know what can be tested.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import grouped, looking, words
from failsight.agent.planners.whether import IS_ONE
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 10  # names that are listed
LONGEST: Final = 120  # characters of a sentence that asks about one thing
_NOUN: Final = r"(?P<x>[a-zäöüßéèàçñ]{3,}(?:-[a-z]+)*)"
#: a thing in the pictures that an answer is laid to; what is laid to it is an answer of the model
_CAUSE: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:because of|due to|down to) (?:the|an?|that|those|these) {_NOUN}\W*$",
        rf"\b(?:it|the (?:model|network|classifier)) (?:is )?(?:us(?:es|ing)|rel(?:ies|ying) on|go(?:es|ing) by|look(?:s|ing) at|see(?:s|ing)) (?:the|an?|that) {_NOUN} (?:to (?:say|call|tell|decide|recogni[sz]e)|so (?:that|it)|and (?:then )?says?|for)\b",
        rf"\b(?:does|do|can|could|is it) (?:the|an?|that) {_NOUN} (?:that )?(?:make|makes|lead|leads|cause|causes|trick|tricks|fool|fools)\b",
        rf"\bis it (?:the|an?) {_NOUN} (?:that|which)\b",
    )
)
_WORSE: Final = re.compile(
    r"\b(?:worse|fails?|failing|struggl\w+|trouble|harder|more (?:often )?(?:wrong|errors?|mistakes?)|wrong more)\b[^?]*?"
    rf"\b(?:in|with|during|for|at|on|when (?:it is|it's|there is|there's|they are)|if (?:it is|it's|there is|there's))(?: (?:the|an?|some))? {_NOUN}\W*$",
    re.IGNORECASE,
)
_NO_NAME_TEXT: Final = (
    "deployment production field practice use reality general average total all any some certain other others new unseen training test evaluation validation pool images "
    "pictures photos photographs samples data classes class groups group subgroups conditions situations circumstances cases places people persons users patients humans "
    "particular specific different individual single both each every one ones two three these those them it this that there here now then today yesterday which what who whom "
    "others something anything things thing reason reasons model network classifier prediction predictions answer answers label labels kind kinds types type sort sorts "
    "errors error mistakes confidence score scores accuracy recall precision attribute attributes column columns value values slice slices feature features cue cues "
    "background foreground border edge edges corner corners centre center middle top bottom left right object objects colour color texture shape size light lighting position "
    "rest half part parts whole set split sets average more less data epochs augmentation time others fact context presence absence way look looks"
)
_NO_NAME: Final = frozenset(_NO_NAME_TEXT.split())


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """That a thing or a circumstance is not recorded in this case, and what is; None for every other sentence."""
    if len(question) > LONGEST or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    return _thing(case, question, mentions) or _circumstance(case, question, mentions)


def _thing(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    found = next((m for p in _CAUSE if (m := p.search(question)) is not None), None)
    if found is None or _is_known(found, mentions):
        return None
    names = words.vocabulary(case)
    word = clean(found["x"], 40)
    key = set(words_of(found["x"]))
    near = [n for n in names.attributes if key & set(words_of(n))]
    near += [
        n
        for n, values in names.attributes.items()
        if n not in near and any(key & set(words_of(str(v))) for v in values)
    ]
    text = prompts.say("unnamed.thing", thing=word)
    if names.objects:
        text += " " + prompts.say(
            "unnamed.marked", things=listing([clean(o.replace("_", " "), 40) for o in names.objects], MOST)
        )
    if near:
        text += " " + prompts.say("unnamed.columns", columns=listing([clean(n, 40) for n in near], MOST))
    text += " " + prompts.say("unnamed.seen")
    offers = [f"Where does it fail by {clean(n.replace('_', ' '), 40)}?" for n in near[:2]]
    return words.message(text, [*offers, *words.choices(case)][:4])


def _circumstance(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    found = _WORSE.search(question) if IS_ONE.match(question) else None
    if found is None or _is_known(found, mentions) or grouped.group_in(case, mentions):
        return None
    if any(pattern.search(question) for pattern, *_ in looking.LOOKS) or mentions.split:
        return None
    names = words.vocabulary(case)
    there = [clean(n.replace("_", " "), 40) for n in (*names.attributes, *names.objects)]
    if not there:
        return None
    text = prompts.say("unnamed.circumstance", word=clean(found["x"], 40), names=listing(there, MOST))
    return words.message(text, words.choices(case))


def _is_known(found: re.Match[str], mentions: Mentions) -> bool:
    """Whether a word is a name of the case or none of a thing."""
    start, end = found.span("x")
    named = any(m.start < end and start < m.end for m in mentions.found)
    return named or found["x"].casefold() in _NO_NAME
