"""Sentences that the record or the program itself answers, whatever a search for the nearest question would make of them.

Each reader takes only what its own words tell; the order is that in which a sentence with several of these is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import showing, words
from failsight.agent.planners.known import (
    answer,
    changed,
    charts,
    counts,
    cutoff,
    demands,
    doubt,
    merging,
    needed,
    pictures,
    plainly,
    problems,
    searched,
    shown,
    subjects,
    unspoken,
    verdicts,
    versions,
    weights,
    wording,
)
from failsight.agent.planners.known.answer import answered as from_record
from failsight.agent.planners.known.things import as_values as as_values
from failsight.agent.planners.known.things import things_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 300
WHOLE: Final = (
    "evaluate",
    "confusion_matrix",
)  # figures of a class or of all images, whatever group a sentence names
_INTRODUCED: Final = re.compile(
    r"^\W*(?=.{0,200}\b(?:i am|i'm|we are|my name is|i was told|we were told|i have been|we have been|i heard|good (?:morning|afternoon|evening|day)|hello|hi)\b)(?!.*\b(?:think|believe|suspect|guess|assume)\b)"
    r".{20,}?[,.;!:]\s*(?:and\s+)?(?:so|therefore|that'?s why)\b,?\s+(?=(?:please|tell|show|give|can|could|how|what|which|check|count)\b)(?P<wish>.{12,})$",
    re.IGNORECASE | re.DOTALL,
)
#: people who label
_PEOPLE: Final = re.compile(
    r"\bwho (?:\w+ )?(?:put|puts|made|gave|gives|wrote|set|is|are|was|were)\b.*\b(?:wrong (?:labels?|names)|annotators?|labell?ers?)\b|\b(?:trust|rely on|believe)\b.*\b(?:annotators?|labell?ers?)\b|\b(?:annotators?|labell?ers?)\b.*\b(?:trust\w*|reliable|good|bad|careful|careless)\b",
    re.IGNORECASE,
)
_SUFFERS: Final = re.compile(
    r"\b(?:suffers?|(?:gets?|becomes?|are|is|does|do) (?:the )?(?:worse|worst)|affected|hit (?:hardest|most)|fails? (?:more|most)|lose(?:s)? most)\b",
    re.IGNORECASE,
)
_BELIEF: Final = re.compile(
    r"\b(?:think|believe|suspect|guess|maybe|perhaps|probably|because|could (?:it|that)|might|i bet|assume|suppose)\b",
    re.IGNORECASE,
)
_WHY: Final = re.compile(r"\b(?:why|how come)\b", re.IGNORECASE)


def contradicts(made: AIMessage | None) -> bool:
    """Whether a count asks for images that are right and wrong at once."""
    calls = made.tool_calls if made is not None else []
    for call in calls:
        held = {str(c) for name in ("among", "having") for c in call["args"].get(name) or ()}
        if call["name"] == "count_images" and {"wrong", "correct"} <= held:
            return True
    return False


def refused(case: Case, mentions: Mentions) -> AIMessage:
    """To a count that contradicts itself: what the check of the labels says, or that it tells."""
    lines = subjects.told(case, "labels", things_of(case, mentions))[::-1]
    if lines:
        return answer.message(case, lines, "labels")
    return words.message(prompts.say("known.contradicts"), ["Are the labels right?", *words.choices(case)])


def wish_of(question: str) -> str:
    """What somebody wants who introduces himself first: ``I am responsible for …, so please tell me how often …``."""
    found = _INTRODUCED.match(question)
    return found["wish"] if found is not None else question


def as_said(case: Case, question: str, before: Sequence[Turn]) -> str | AIMessage | None:
    """What goes on with the sentence before it by a number, or corrects what was shown: the whole sentence, or its answer; None for every other
    sentence."""
    return shown.corrected(case, question, before) or changed.asked_again(case, question, before)


def whole(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to a sentence that is one wish however many clauses it has; None for every other sentence."""
    if len(question) > LONGEST:
        return None
    return (
        wording.introduced(case, question, mentions)
        or searched.answered(case, question, mentions)
        or needed.answered(case, question, mentions)
        or wording.written(case, question)
        or demands.decided(case, question)
        or cutoff.answered(case, question, mentions)
        or versions.lost(case, question, mentions)
        or merging.answered(case, question, mentions)
        or weights.answered(case, question, mentions)
        or charts.answered(case, question, mentions, before)
        or unspoken.answered(case, question, mentions, before)
        or demands.abstaining(case, question, mentions)
        or shown.answered(case, question, mentions, before)
        or doubt.answered(case, question, mentions, before)
        or plainly.answered(case, question, mentions, before)
        or problems.answered(case, question, mentions, before)
        or showing.those(case, mentions, before)
        or _people(case, question, mentions)
        or pictures.described(case, question, before)
    )


def early(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to one wish that its own words tell; None for every other sentence."""
    if len(question) > LONGEST:
        return None
    return (
        verdicts.answered(case, question, mentions)
        or shown.answered(case, question, mentions, before)
        or doubt.answered(case, question, mentions, before)
        or plainly.answered(case, question, mentions, before)
        or problems.answered(case, question, mentions, before)
        or pictures.of_finding(case, question, before)
        or versions.answered(case, question, mentions, before)
        or demands.collected(case, question, mentions, before)
        or wording.done(case, question, before)
        or _which(case, question, mentions, before)
        or _why(case, question, mentions, before)
    )


def late(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to a sentence about a subject as a whole that no reader of whole sentences took; None for every other sentence."""
    if len(question) > LONGEST or answer.is_action(question):
        return None
    if any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    name = subjects.subject_of(question)
    things = things_of(case, mentions, before) if name in ("worst", "trust") else None
    if things is None or things.classes or things.group or things.columns:
        return None
    lines = subjects.told(case, name, things)
    return answer.message(case, lines, name) if lines else None


def _people(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """Whose labels are wrong, and which errors are errors of the label, as the check of the labels has it."""
    none = subjects.NO_ERRORS.search(question) is not None
    if not (_PEOPLE.search(question) or none) or answer.is_action(question):
        return None
    lines = subjects.told(case, "labels", things_of(case, mentions))
    lines = lines[::-1] if none else lines  # of how many it is so, before whose they are
    return answer.message(case, lines, "labels") if lines else None


def _which(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """Which classes suffer from a group: its share of errors in each class beside that of the others."""
    if not _SUFFERS.search(question) or mentions.of("class"):
        return None
    things = things_of(case, mentions, before)
    return answer.of_things(case, question, things) if things.group and counts.asks_class(question) else None


def _why(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """Why it fails on a group of images, which is a question and no suspicion; a class alone has an answer of its own."""
    if not _WHY.search(question) or _BELIEF.search(question) or not mentions.sentence:
        return None
    things = things_of(case, mentions, before)
    if not (things.group or (things.taken and things.classes)) or any(
        m.role in ("image", "evidence", "finding") for m in mentions.found
    ):
        return None
    return from_record(case, question, mentions, before)
