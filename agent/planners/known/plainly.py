"""Figures that people ask for in everyday words: how good it is at all, how sure that figure is, whether an answer can be believed.

``when it says dog, how often is it right?`` is the precision of an answer, ``how often does it say dog when there is none?`` its false
alarms, ``can I trust it when it is above 80 % sure?`` the share that is right among sure answers. Each is counted from recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.words import bare, stands
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.expectations import METRICS
from failsight.agent.planners.known import demands
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.things import named
from failsight.tools.registry import registry
from failsight.tools.text import number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence, Fact

LONGEST: Final = 200
_IT: Final = r"(?:it|this|that|(?:this|the|that|our|your|my) (?:\w+ )?(?:thing|model|network|classifier|system|machine|program(?:me)?|software|tool|app|ai))"
_HOW: Final = r"(?:how (?:good|bad|well|badly|poor|poorly|accurate|reliable)(?: or (?:good|bad))?)"
_DOING: Final = r"(?: (?:do|does|work|perform|doing|really|actually|now|then))*(?: (?:at|in|with) (?:\w+ing)(?: (?:the|these|those|our|them|all))*(?: (?!and\b|or\b|in\b|on\b|at\b|with\b|when\b|if\b)\w+)?(?: apart)?)?"
_ABOUT: Final = r"(?:,? (?:roughly|about|approximately|overall|in general|generally|all in all|altogether|by and large|at all|in total|on the whole|now|then|first|please))*"
_OVERALL: Final = (
    rf"(?:first )?(?:(?:roughly|about|overall|in general),? )?{_HOW} (?:is|does|do|are) {_IT}{_DOING}{_ABOUT}",
    rf"(?:first )?(?:(?:roughly|about|overall|in general),? )?{_HOW} {_IT} (?:is|does|works|performs){_DOING}{_ABOUT}",
)
_HOW_SURE: Final = re.compile(
    r"\bhow (?:sure|certain|exact|precise|reliable|confident|trustworthy) (?:are|is|can|should|may)(?: (?:you|we|i|one))?(?: be)?(?: (?:of|about|in))? (?:that|this|the|these|those|your) (?:number|figure|percentage|value|rate|estimate|result|share|per ?cent)s?\b",
    re.IGNORECASE,
)
_SAYS: Final = re.compile(
    r"\b(?:says?|said|answers?|answered|calls?|called|predicts?|claims?|thinks?|reports?|shouts?)\b(?:\W+(?:it|that|there|this|something|anything|things?|them|pictures?|images?|one|is|are|sees?|a|an|the|it's)\b)*\W*$",
    re.IGNORECASE,
)
_OFTEN: Final = re.compile(r"\b(?:how (?:often|many|much|likely|sure)|what (?:share|part|percent\w*|fraction|proportion)|in how many)\b", re.IGNORECASE)  # fmt: skip
_TRUE: Final = re.compile(r"\b(?:right|correct|true|wrong|false|mistaken)\b", re.IGNORECASE)
_WHEN: Final = re.compile(r"\b(?:when(?:ever)?|if|once|every time|of the times)\b", re.IGNORECASE)
_NONE_THERE: Final = re.compile(
    r"\b(?:when|whenever|where|although|though|if|while|but)\b.*(?:\b(?:no|not|none|without|something else|another)\b|n't\b)",
    re.IGNORECASE,
)
_SURE: Final = re.compile(
    r"\b(?:above|over|beyond|more than|at least|from)\s+(?P<n>\d{1,2}(?:\.\d+)?) ?(?:%|per ?cent)",
    re.IGNORECASE,
)
_TRUST: Final = re.compile(r"\b(?:trust|rely on|believe|depend on)\b", re.IGNORECASE)
_CONFIDENT: Final = re.compile(r"\b(?:sure|certain|confiden\w+)\b", re.IGNORECASE)
_RIGHT: Final = re.compile(r"\b(?:right|correct|wrong|mistaken|trust|rely on|believe)\b", re.IGNORECASE)
_ELSE: Final = re.compile(
    rf"\b(?:{'|'.join(METRICS)}|must|demands?|requires?|expects?|wants?|needs?|(?:%|per ?cent) (?:are |is )?(?:right|correct))\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or the words, for a figure asked for in everyday words; None for every other sentence."""
    if len(question) > LONGEST or any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    return (
        _how_sure(case, question, before)
        or _overall(question, mentions)
        or _sure_answers(case, question, mentions)
        or _false_alarms(case, question, mentions)
        or _precision(case, question, mentions)
    )


def _overall(question: str, mentions: Mentions) -> AIMessage | None:
    """How good it is at all, whatever is said before or behind that."""
    if (
        mentions.found
        or mentions.split
        or "evaluate" not in registry()
        or not stands(bare(question), *_OVERALL)
    ):
        return None
    return words.call("evaluate", {}, why(question))


# --- how sure a figure is ------------------------------------------------------------------------------------------------


def _how_sure(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """The interval of the figure that was told last; that there is none, where it has none."""
    if not _HOW_SURE.search(question):
        return None
    known = {e.id: e for e in case.state().evidence}
    last = next((t for t in reversed(before) if t.acts or re.search(r"\[E\d+\]", t.reply)), None)
    if last is None:
        return None
    ids = [a.evidence for a in last.acts] or re.findall(r"\[(E\d+)\]", last.reply)
    made = next((known[i] for i in ids if i in known), None)
    if made is None:
        return None
    fact = _told(made, last.reply)
    if fact is None or fact.ci is None:
        return words.message(prompts.say("known.figure.unsure", evidence=made.id), words.choices(case))
    low, high = (number(float(end)) for end in fact.ci)
    text = prompts.say(
        "known.figure.sure",
        value=number(float(fact.value)),  # type: ignore[arg-type]
        n=f"{fact.n:,}" if fact.n else "these",
        low=low,
        high=high,
        evidence=made.id,
    )
    return words.message(text, words.choices(case))


def _told(made: Evidence, reply: str) -> Fact | None:
    """The share with an interval that an answer told first: the one that stands first in its words, else the first of the evidence."""
    shares = [
        f
        for f in made.facts
        if f.ci is not None and isinstance(f.value, int | float) and f.unit in ("share", "")
    ]
    at = [(reply.find(number(float(f.value))), i) for i, f in enumerate(shares)]  # type: ignore[arg-type]
    there = [(where, i) for where, i in at if where >= 0]
    return shares[min(there)[1]] if there else (shares[0] if shares else None)


# --- sure answers --------------------------------------------------------------------------------------------------------


def _sure_answers(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """How many of the answers above a confidence are right."""
    found = _SURE.search(question)
    if found is None or _ELSE.search(question) or not _RIGHT.search(question):
        return None
    if not (_CONFIDENT.search(question) or _TRUST.search(question)) or not case.has("scores"):
        return None
    if any(m.role not in ("class", "value", "attribute") for m in mentions.found):
        return None
    return demands.only_sure(case, question, named(case, mentions), [float(found["n"]) / 100])


# --- what an answer is worth ---------------------------------------------------------------------------------------------


def _of_answer(case: Case, question: str, mentions: Mentions) -> tuple[str, str, str, dict[str, Any]] | None:
    """(the class that it says, the words before and behind its name, the rest of the call); None where no class is said by the model."""
    classes = [m for m in mentions.found if m.role == "class"]
    first = next((m for m in classes if _SAYS.search(question[: m.start])), None)
    if first is None or len({m.name for m in classes}) != 1 or not _OFTEN.search(question):
        return None
    things = named(case, mentions)
    if not at_hand(case, things.split or "data"):
        return None
    split = things.split if things.split != "data" else ""
    more = {"held": list(things.group), "split": {"split": split} if split else {}}
    return first.name, question[: first.start], question[first.end :], more


def _precision(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """How often an answer is right: ``when it says dog, how often is it right?``."""
    found = _of_answer(case, question, mentions)
    if found is None or not _TRUE.search(question) or not _WHEN.search(question):
        return None
    name, _, _, more = found
    wrong = re.search(r"\b(?:wrong|false|mistaken)\b", question, re.IGNORECASE) is not None
    given = {"among": [f"predicted={name}", *more["held"]], "having": ["wrong" if wrong else "correct"]}
    return call_of((TOOL, {**given, **more["split"]}), [], why(question))


def _false_alarms(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """How often an answer is given to images of other classes, and how many of these answers are false."""
    found = _of_answer(case, question, mentions)
    if found is None or not _NONE_THERE.search(found[2]) or _CONFIDENT.search(found[2]):
        return None
    name, _, _, more = found
    calls = [
        (TOOL, {"among": [f"true!={name}", *more["held"]], "having": [f"predicted={name}"], **more["split"]}),
        (TOOL, {"among": [f"predicted={name}", *more["held"]], "having": ["wrong"], **more["split"]}),
    ]
    return call_of(calls[0], calls[1:], why(question), {"kind": "alarms", "name": name})
