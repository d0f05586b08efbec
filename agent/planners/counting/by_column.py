"""A column as a whole: ``is one pasture worse?``, ``which weather has the most errors?``, ``at least 80 % on every pasture``.

The share of right or wrong answers is counted by the values of the column; a demand on each of them is answered by the lowest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight.agent.planners.counting import follow
from failsight.agent.planners.counting.base import call_of, columns_of, split_of, why
from failsight.agent.planners.counting.read import parts
from failsight.agent.planners.counting.said import TOOL, by_share
from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.groups import group_of

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 140
_BETTER: Final = r"best|better|easiest|easier|strongest|(?:fewest|fewer|least) (?:errors|mistakes|failures)|most often right|most accurate|(?:fails?|errs?|struggles?) (?:the )?(?:least|less)"
_WORSE: Final = r"worst|worse|hardest|harder|weakest|weaker|poorest|(?:most|more) (?:errors|mistakes|failures|wrong|trouble|problems)|most often wrong|wrong most often|least accurate|(?:fails?|errs?|struggles?)(?: (?:the|in|on|at|for|with|under|some|certain|one|#))* (?:most|more)|(?:most|more) (?:(?:difficult|error.prone)\b)"
_EXTREME: Final = re.compile(rf"\b(?:(?P<better>{_BETTER})|(?P<worse>{_WORSE}))\b", re.IGNORECASE)
#: one value of the column, which the sentence does not name
_ONE: Final = re.compile(
    r"\b(?:which|what)(?: of (?:the|our|my|these|those))? #|\b(?:is|are|does|do|was|were)(?: there)? (?:(?:one|any|some|either|a|an)(?: of (?:the|our|my|these|those))?|a single) #"
    r"|\b(?:some|certain|one(?: of the)?) #.* than\b.*\bothers?\b"
    r"|#\W+(?:\w+\W+){0,2}?(?:is|are|does|do)(?: there)? (?:one|any|some)\b(?! #)",
    re.IGNORECASE,
)
_EVERY: Final = re.compile(r"\b(?:every|each|all(?: of)?(?: the| our| my)?|any) (?:single )?#", re.IGNORECASE)
_BOUND: Final = re.compile(
    r"\b(?:at least|no less than|minimum(?: of)?|over|above|more than)? ?(?P<n>\d{1,3}(?:\.\d+)?) ?(?:%|per ?cent\b)(?P<wrong>[^.?!]*\b(?:wrong|errors?|mistakes?)\b)?",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    r"\b(?:at most|no more than|under|below|less than|fewer than|maximum)\b", re.IGNORECASE
)
_ELSE: Final = re.compile(
    r"\b(?:why|because|show|list|compare|repair|fix|mend|improve|label\w*|confiden\w+|sure|certain|version|annotat\w+|recall|precision|thresholds?|confus\w+|taken|called)\b",
    re.IGNORECASE,
)
_THAT_ONE: Final = re.compile(
    r"\b(?:that|this) (?:one|#)(?=\W|$)|\b(?:what|how) about (?:it|that|there)(?= (?:when|where|if|in|at|on|with|without)\b)",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The count by the values of the column that a sentence is about; None for every other sentence."""
    columns = columns_of(case)
    named = [m for m in mentions.found if m.role == "attribute"]
    column = named[0].name if len({m.name for m in named}) == 1 else ""
    if (
        len(question) > LONGEST
        or len(columns.get(column, ())) < 2
        or any(m.role == "object" for m in mentions.found)
    ):
        return None
    text = masked(question, mentions)
    among = narrowed(case, mentions, column)
    if among is None or _ELSE.search(text):
        return None
    split = split_of(question)
    given = {"having": ["correct"], "by": column, **({"among": among} if among else {}), **({"split": split} if split else {})}  # fmt: skip
    bound = _BOUND.search(text) if _EVERY.search(text) else None
    if bound is not None and not _MOST.search(text) and not bound["wrong"]:
        said: dict[str, Any] = {"kind": "every", "by": column, "bound": float(bound["n"]) / 100}
        return call_of((TOOL, given), [], why(question), said)
    extreme = _EXTREME.search(text)
    if extreme is None or not _ONE.search(text):
        return None
    kind = {"kind": "rank_by", "by": column, "best": bool(extreme["better"]), "n": 1, "split": split}
    kind |= {} if extreme["better"] else {"wrong": True}
    return call_of((TOOL, {**given, "having": ["correct" if extreme["better"] else "wrong"]}), [], why(question), kind)  # fmt: skip


def masked(question: str, mentions: Mentions) -> str:
    """The sentence with ``#`` for the names of columns."""
    parts_, last = list[str](), 0
    for one in (m for m in mentions.found if m.role == "attribute"):
        parts_ += [question[last : one.start], "#"]
        last = one.end
    return "".join([*parts_, question[last:]])


def narrowed(case: Case, mentions: Mentions, column: str) -> list[str] | None:
    """The conditions of ``which operator is worst on line 3 at night?``; None where one can't be told, or names the column itself."""
    group = group_of(mentions, columns_of(case))
    names = mentions.of("class")
    if (
        set(group.each) - {column}
        or group.unsure
        or len(names) > 1
        or column in map(column_of, group.conditions)
    ):
        return None
    return [*(f"true={n}" for n in names), *group.conditions]


def pointed(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> str:
    """``and that one when foggy?`` after the worst or best value of a column was told, with its name; the sentence itself without."""
    turn = before[-1] if before else None
    act = turn.acts[0] if turn is not None and turn.acts else None
    by = str(act.arguments.get("by") or "") if act is not None and act.tool == TOOL else ""
    extreme = _EXTREME.search(turn.said) if turn is not None else None
    if act is None or not by or extreme is None:
        return question
    text = masked(question, mentions)
    found = _THAT_ONE.search(text)
    made = next((e for e in case.state().evidence if e.id == act.evidence), None)
    if (
        found is None
        or made is None
        or any(parts(m.name)[0] == by and m.role == "value" for m in mentions.found)
    ):
        return question
    wrong = follow.held(act.arguments.get("having")) == ("wrong",)
    rows = by_share(made, by, best=bool(extreme["better"]) != wrong)
    if not rows:
        return question
    value = rows[0][0].rpartition("=")[2]
    name = f"{by.replace('_', ' ')} {value}"
    lead = "what about " if found[0].lower().startswith(("what", "how")) else ""
    start = found.start()
    return f"{text[:start]}{lead}{name}{text[found.end() :]}".replace("#", by.replace("_", " "))
