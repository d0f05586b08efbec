"""The real problems in plain words, and two ways out that somebody weighs: what the record has on either, and that nothing measured decides.

In the order of the errors at stake, with what was looked for and not found: what is not told would be taken for not looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.narrate.words import kind_label
from failsight.agent.planners import words
from failsight.agent.planners.advice import ranking
from failsight.agent.planners.advice.numbers import largest, told_stake
from failsight.agent.planners.advice.words import bare, stands
from failsight.agent.planners.known import findings
from failsight.agent.planners.known.things import Things, things_of
from failsight.knowledge_base.condition_text import column_of
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 200
MOST: Final = 4
_PROBLEMS: Final = re.compile(
    r"\bwhat(?:'s| is| are)(?: (?:then|now))? (?:the |its |our )(?:(?:one|two|three|four|few|or|\d|real|actual|main|true|big|most important|biggest|worst|serious)[, ]+)*(?:problems?|issues?|troubles?|weaknesses|faults)\b(?! (?:with|of|in|for|on) (?!it\b|this\b|the model\b|them\b))",
    re.IGNORECASE,
)
_PICTURES: Final = r"(?:pictures?|photos?|images?|photographs?|data|examples?|samples?)"
_COLLECT: Final = rf"(?:(?:collect|take|make|gather|label|get|buy|shoot)\w*(?: \w+)? (?:more|additional|new|further|extra) (?:\w+ )?{_PICTURES}|(?:more|additional|further|extra) (?:training )?{_PICTURES})"
_EITHER: Final = re.compile(rf"\bor\b.*\b{_COLLECT}\b|\b{_COLLECT}\b.*\bor\b", re.IGNORECASE)
_ADVICE: Final = re.compile(
    r"\?|\b(?:should|shall|would|better|rather|recommend|advise|what|which|do we|do i)\b", re.IGNORECASE
)
_NEW: Final = re.compile(
    rf"\b(?:new|other|better|more|different|buy|replace|exchange|change|get)\b(?: (?:an?|the|our|all|some|any|new|better|other|old))* (?P<what>(?!{_PICTURES}\b|(?:it|them|this|that|these|those|us|me|than|to|or|and|from|for|of|in|on|at|with|by|as|is)\b)\w+)",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The answer to a sentence about the problems as a whole, or about two ways out; None for every other sentence."""
    if len(question) > LONGEST or any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    return _weighed(case, question, mentions) or _problems(case, question, mentions)


# --- the problems --------------------------------------------------------------------------------------------------------


def _problems(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    if not _PROBLEMS.search(question) or mentions.found or not case.state().records:
        return None
    if stands(bare(question), *ranking._MATTERS):
        return None  # which of the confirmed ones matters most has an answer of its own
    found = largest(case.state())
    records = [r for r in ordered(case.state()) if not r.earlier]
    undecided = [r for r in records if r.standing in ("inconclusive", "open")]
    refuted = [r for r in records if r.standing == "refuted"]
    lines = [prompts.say("known.problems" if found else "known.problems.none")]
    lines += [f"{i}. {_line(r)}" for i, r in enumerate(found[:MOST], 1)]
    if len(found) > MOST:
        lines.append(prompts.say("next.more", count=len(found) - MOST))
    lines += [prompts.say("known.problems.open")] if undecided else []
    lines += [f"- {_line(r)}" for r in undecided[:MOST]]
    if refuted:
        names = [f"{clean(kind_label(r.finding.kind), 60).lower()} ({r.id})" for r in refuted]
        lines.append(prompts.say("known.problems.refuted", names=listing(names, 6, 80)))
    next_ = [say for r in found[:1] for say in (f"Why {r.id}?", f"Repair {r.id}")]
    return words.message("\n".join(lines), [*next_, *words.choices(case)])


def _line(record: FindingRecord) -> str:
    return f"{findings.line(record)} {told_stake(record)}".strip()


# --- two ways out --------------------------------------------------------------------------------------------------------


def _weighed(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """New equipment or more pictures: what is known of either."""
    if not _EITHER.search(question) or not _ADVICE.search(question):
        return None
    named = things_of(case, mentions)
    columns = tuple(
        dict.fromkeys([*named.columns, *map(column_of, named.group)])
    )  # a new camera is about the camera
    name = columns[0] if columns else _thing(question)
    if not name:
        return None
    state = case.state()
    about = findings.about(state, Things(columns=columns, classes=named.classes)) if columns else []
    lines = [prompts.say("known.weighed", name=clean(name.replace("_", " "), 60))]
    lines += [f"- {findings.line(r)}" for r in about[:MOST]]
    lines += (
        [] if about else ["- " + prompts.say("known.weighed.nothing", name=clean(name.replace("_", " "), 60))]
    )
    lines.append("- " + _trained(case))
    proposed = (findings.to_collect(state, r)[1] for r in (about or largest(state))[:1])
    lines += [f"- {said}" for said in proposed if said]
    lines.append(prompts.say("known.weighed.open"))
    return words.message("\n".join(lines), [*(f"Why {r.id}?" for r in about[:1]), *words.choices(case)])


def _thing(question: str) -> str:
    """What is to be bought or changed, where it is no name of the case."""
    found = _NEW.search(question)
    return found["what"] if found is not None else ""


def _trained(case: Case) -> str:
    if "train" not in case.splits():
        return prompts.say("known.weighed.no_train")
    return prompts.say("known.weighed.train", n=f"{len(case.table('train')):,}")
