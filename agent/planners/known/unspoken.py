"""Groups that do badly and that nobody in the talk has spoken of: found and not told yet, and how small a difference the search could see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import told_stake
from failsight.agent.planners.known import findings
from failsight.agent.planners.known.counts import at_hand
from failsight.tools.text import number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
SEARCH: Final = "find_slices"
MOST: Final = 5
_NO_GROUP: Final = (
    "label_noise",
    "leakage",
    "preprocessing",
)  # what is wrong with these is not that the model does badly
_GROUPS: Final = r"(?:groups?|kinds?(?: of (?:pictures?|images?|photos?))?|sorts?(?: of \w+)?|subgroups?|slices?|weak (?:spots?|points?|groups?)|(?:bad|problem) (?:spots?|cases?|groups?)|blind spots?)"
_OTHER: Final = re.compile(
    rf"\b(?:any|some|a|other|more|further|else|another|what|which)\b.{{0,30}}\b{_GROUPS}\b.*(?:\b(?:not|nobody|no ?one|none of us|never|without)|n['’]?t)\b.{{0,30}}\b(?:ask\w*|mention\w*|brought up|bring up|spok\w+|talk\w*|name[ds]?|look\w*|thought|think|know|knew|seen)\b"
    rf"|\b(?:any|other|more|further|another)\b.{{0,12}}\b{_GROUPS}\b.{{0,40}}\b(?:bad|badly|poor|poorly|worse|fail\w*|wrong|weak|trouble)\b.{{0,40}}(?:\b(?:not|nobody|never)|n['’]?t)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """Findings about groups that no answer has told yet; None for every other sentence, and where no search was made."""
    if len(question) > LONGEST or mentions.found or not _OTHER.search(question):
        return None
    made = next(
        (
            e
            for e in reversed(case.state().evidence)
            if e.tool == SEARCH and not e.arguments.get("within_class")
        ),
        None,
    )
    if made is None or not at_hand(case):
        return (
            words.call(SEARCH, {}, prompts.say("why.question", question=question[:120]))
            if at_hand(case)
            else None
        )
    told = "\n".join(f"{t.said}\n{t.reply}" for t in before)
    known = [
        r
        for r in ordered(case.state())
        if r.standing in ("confirmed", "inconclusive")
        and not r.earlier
        and r.finding.slice
        and r.finding.kind not in _NO_GROUP
    ]
    new = [r for r in known if not re.search(rf"\b{r.id}\b", told)]
    lines = _lines(new, known)
    lines.append(prompts.say("known.unspoken.search", groups=_counted(made), evidence=made.id))
    if (least := _least(made)) is not None:
        lines.append(prompts.say("known.unspoken.least", least=least, evidence=made.id))
    offers = [f"Why {r.id}?" for r in new[:2]]
    return words.message("\n".join(lines), [*offers, *words.choices(case)])


def _lines(new: Sequence[FindingRecord], known: Sequence[FindingRecord]) -> list[str]:
    sure = [r for r in new if r.standing == "confirmed"]
    open_ = [r for r in new if r.standing != "confirmed"]
    if not new:
        ids = ", ".join(r.id for r in known[:MOST])
        return [prompts.say("known.unspoken.none", ids=ids) if ids else prompts.say("known.unspoken.nothing")]
    head = prompts.say("known.unspoken" if sure else "known.unspoken.open")
    return [head, *(f"- {f'{findings.line(r)} {told_stake(r)}'.strip()}" for r in [*sure, *open_][:MOST])]


def _counted(made: Evidence) -> str:
    """How many groups a search looked at, in words."""
    fact = next(
        (
            f
            for f in made.facts
            if f.name in ("slices_counted", "candidates", "slices_examined")
            and isinstance(f.value, int | float)
        ),
        None,
    )
    return f"{int(float(str(fact.value))):,} groups" if fact is not None else "the groups"


def _least(made: Evidence) -> str | None:
    """The smallest difference that the search would have found, where it says it."""
    fact = next((f for f in made.facts if "detectable" in f.name and isinstance(f.value, int | float)), None)
    return number(float(str(fact.value)), "points") if fact is not None else None
