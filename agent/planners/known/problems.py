"""The real problems in plain words, and two ways out that somebody weighs: what the record has on either, and that nothing measured decides.

In the order of the errors at stake, with what was looked for and not found: what is not told would be taken for not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import FIRST, ordered
from failsight.agent.narrate.parts import parts as parts_of
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import kind_label
from failsight.agent.planners import words
from failsight.agent.planners.advice import ranking
from failsight.agent.planners.advice.numbers import accuracy, largest, stake, told_stake
from failsight.agent.planners.advice.words import bare, stands
from failsight.agent.planners.known import findings
from failsight.agent.planners.known.things import Things, things_of
from failsight.knowledge_base.condition_text import column_of, parts
from failsight.tools.hypotheses.typed import conditions_of
from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 200
MOST: Final = 4
COUNT: Final = "count_images"
_NO_GROUP: Final = ("true", "predicted", "confidence")
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


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn] = ()) -> AIMessage | None:
    """The answer to a sentence about the problems as a whole, or about two ways out; None for every other sentence."""
    if len(question) > LONGEST or any(m.role in ("image", "evidence", "finding") for m in mentions.found):
        return None
    return (
        _weighed(case, question, mentions)
        or _costliest(case, question, mentions, before)
        or _problems(case, question, mentions)
    )


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
    part_of = _part_of(case)
    whole = [r for r in found if part_of.get(r.id) not in {o.id for o in found}]
    for i, record in enumerate(whole[:MOST], 1):
        lines.append(f"{i}. {_line(record)}")
        lines += [
            f"   {prompts.say('known.problems.part', line=_line(r))}"
            for r in found
            if part_of.get(r.id) == record.id
        ]
    if len(whole) > MOST:
        lines.append(prompts.say("next.more", count=len(whole) - MOST))
    lines += [prompts.say("known.problems.open")] if undecided else []
    lines += [f"- {_line(r)}" for r in undecided[:MOST]]
    if refuted:
        names = [f"{clean(kind_label(r.finding.kind), 60).lower()} ({r.id})" for r in refuted]
        lines.append(prompts.say("known.problems.refuted", names=listing(names, 6, 80)))
    next_ = [say for r in found[:1] for say in (f"Why {r.id}?", f"Repair {r.id}")]
    return words.message("\n".join(lines), [*next_, *words.choices(case)])


def _line(record: FindingRecord) -> str:
    return f"{findings.line(record)} {told_stake(record)}".strip()


_PROBLEM: Final = r"(?:problems?|troubles?|issues?|faults?|weakness(?:es)?|groups?|things?|findings?)"
_COSTS: Final = re.compile(
    rf"^\W*(?:(?:so|and|but|then|now|ok(?:ay)?|well)\b\W*)*(?:which|what)(?: (?:one|ones))?(?: of (?:all )?(?:the|these|those|our|its)(?: \w+)?)?(?: {_PROBLEM})? (?:costs?|causes?|makes?|brings?|is|are)(?: (?:us|me|the|responsible for))*(?: (?:the )?most)?(?: \w+)?(?: (?:mistakes?|errors?|wrong answers?|trouble))?(?: most| the most)?\W*$",
    re.IGNORECASE,
)
_FIRST: Final = re.compile(
    r"^\W*(?:(?:so|and|but|then|now|ok(?:ay)?|well)\b\W*)*what(?: (?:(?:should|must|would|has to|ought to|do|can|could) (?:we |i |you |one )?(?:come|be done|do|go|tackle|fix|change)|comes|is to be done))?(?: about (?:it|that|this|them))? first(?: about (?:it|that|this|them))?\W*$",
    re.IGNORECASE,
)


def _costliest(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """What costs most errors, or comes first: confirmed findings by the errors at stake, with the groups that were counted in the talk."""
    most = _COSTS.match(question) is not None and re.search(r"\bmost\b", question, re.IGNORECASE) is not None
    if not (most or _FIRST.match(question)) or mentions.found:
        return None
    found = largest(case.state())
    if any(r.finding.kind in FIRST for r in found) or (not most and not any(map(stake, found))):
        return None  # what feeds the model wrongly comes before any count of errors
    held = [set(conditions_of(r.finding.slice)) for r in found]
    part_of = _part_of(case)
    rows = [
        (stake(r), _with_parts(r, part_of))
        for r in found
        if stake(r) and part_of.get(r.id) not in {o.id for o in found}
    ]
    rows += [
        (n, text)
        for n, group, text in groups_counted(case)
        if not any(set(map(str, h)) == group for h in held)
    ]
    rows.sort(key=lambda row: -row[0])
    if not rows:
        return None
    if (
        not most and before and before[-1].reply.startswith(prompts.say("known.costliest"))
    ):  # they were told just now
        return words.message(
            prompts.say("known.costliest.first", line=rows[0][1]),
            [f"Repair {r.id}" for r in found[:1]] + words.choices(case),
        )
    lines = [
        prompts.say("known.costliest"),
        *(f"- {text}" for _, text in rows[:MOST]),
        prompts.say("advice.overlap"),
    ]
    next_ = [say for r in found[:1] for say in (f"Why {r.id}?", f"Repair {r.id}")]
    return words.message("\n".join(lines), [*next_, *words.choices(case)])


def _part_of(case: Case) -> dict[str, str]:
    """Id of a finding → the one that it is part of."""
    return {i: p.of for i, p in parts_of(Record(case.state(), case.journal.events)).items()}


def _with_parts(record: FindingRecord, part_of: Mapping[str, str]) -> str:
    ids = [i for i, of in part_of.items() if of == record.id]
    return " ".join(
        [ranking.line(record), *([prompts.say("known.costliest.part", ids=listing(ids, 6))] if ids else [])]
    )


def groups_counted(case: Case) -> list[tuple[int, set[str], str]]:
    """(errors more than if they fared like the others, conditions, sentence) of each group whose errors were counted and that surely does worse."""
    from failsight.agent.planners.counting.beside import side
    from failsight.agent.planners.known.said import group_words

    whole = accuracy(case.state())
    made: dict[frozenset[str], tuple[int, set[str], str]] = {}
    for one in case.state().measured_now():
        group = {str(c) for c in one.arguments.get("among") or ()}
        counted = (
            side(one, "")
            if one.tool == COUNT and list(one.arguments.get("having") or ()) == ["wrong"]
            else None
        )
        if (
            counted is None
            or whole is None
            or counted.split != "data"
            or not _is_group(group)
            or not whole.n > counted.n > 0
        ):
            continue
        others, n = round(whole.n * (1 - whole.value)) - counted.k, whole.n - counted.n
        excess = round(counted.k - counted.n * others / n)
        if excess > 0 and newcombe(counted.k, counted.n, others, n)[0] > 0:
            text = prompts.say(
                "known.costliest.counted",
                group=group_words(one),
                k=f"{counted.k:,}",
                n=f"{counted.n:,}",
                excess=f"{excess:,}",
                evidence=one.id,
            )
            made[frozenset(group)] = (excess, group, text[:1].upper() + text[1:])
    return list(made.values())


def _is_group(group: set[str]) -> bool:
    """Whether conditions are a group by columns that a person named, and no class, answer, confidence or rest of a group."""
    held = [parts(c) for c in group]
    return bool(held) and all(
        sign in ("=", ">", ">=", "<", "<=") and name not in _NO_GROUP for name, sign, _ in held
    )


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
