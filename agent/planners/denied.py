"""Questions that deny what they ask about: ``then it is not the scanner, is it?``, ``it has nothing to do with the weather, right?``

Yes and no would be read either way, so neither is said: what was counted is, in words that can be taken in one way only. A group may do worse by
itself, or only together with something that a confirmed finding names beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.base import call_of, median, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed.kept import outside
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.things import named
from failsight.knowledge_base.condition_text import parts
from failsight.tools.hypotheses.typed import conditions_of
from failsight.tools.stats.contingency import general_association
from failsight.tools.text import clean, interval, listing, number, p_value

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.counting.beside import Side
    from failsight.agent.planners.handed.groups import Group
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

KIND: Final = "denied"
LONGEST: Final = 200
MOST_VALUES: Final = 8
_LEAD: Final = r"^\W*(?:(?:so|then|and|but|ok(?:ay)?|well|hm+|ah|oh|aha|right|all right|in that case|that means|i see|i take it|which means)\b\W*)*"
_NEG: Final = r"(?:not|n['’]?t|nothing|never|hardly|no|none)"
_AUX: Final = r"(?:is|are|was|were|has|have|had|does|do|did|can|could|would|will|makes?|plays?)"
_SUBJECT: Final = r"(?:it|that|this|they|there|the \w+(?: \w+){0,2}|\w+(?: \w+){0,2})"
_WH: Final = r"(?!(?:who|what|which|why|how|where|when|whose|is|are|was|were|does|do|did|can|could|would|will|should|shall|show|list|give|count|tell|please|test|check|if|find|mask|compare|images?|pictures?|photos?)\b)"
_TAG: Final = re.compile(
    rf"{_LEAD}{_WH}[^.?!]*\b{_NEG}\b[^.?!]*,\s*(?:is|are|does|do|did|has|have|can|was|were|could|would|will)\s+(?:it|they|that|this|there)\b[\s?!.]*$|{_LEAD}{_WH}[^.?!]*n['’]t\b[^.?!]*,\s*(?:is|are|does|do|did|has|have|can|was|were)\s+(?:it|they|that|this|there)\b[\s?!.]*$",
    re.IGNORECASE,
)
_STATED: Final = re.compile(
    rf"{_LEAD}{_WH}{_SUBJECT}\s+(?:{_AUX}\s*(?:\w+\s+)?{_NEG}\b|{_AUX}n['’]?t\b)[^.!]*(?:\?|\b(?:then|right|correct|yes)[\s?.!]*)$",
    re.IGNORECASE,
)
_NOTHING: Final = re.compile(
    r"\b(?:nothing (?:at all )?to do with|(?:n['’]?t|not)(?: \w+){0,3}? anything to do with|not (?:\w+ )?(?:to blame|at fault))\b",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    rf"{_LEAD}(?:(?:is|was) (?:it|that|this) not|(?:is|was)n['’]?t (?:it|that|this)|might it not be|could (?:it|that) not be|can (?:it|that) not be)\b",
    re.IGNORECASE,
)
_QUESTION: Final = re.compile(r"\?\W*$|\b(?:right|correct|then)\W*$|^\W*(?:so|then)\b", re.IGNORECASE)
_THAN: Final = re.compile(
    r"\b(?:than|ready|because|why|how|sure|certain|confiden\w+|label\w*|trained|training)\b", re.IGNORECASE
)


def denies(question: str) -> bool:
    """Whether a question denies what it asks about, so that *yes* and *no* would be read either way."""
    text = " ".join(question.split())
    if _TAG.search(text) or _STATED.search(text) or _ASKED.search(text):
        return True
    return _NOTHING.search(text) is not None and _QUESTION.search(text) is not None


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The counts that answer a denied supposition about a group, or about a column; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or not denies(text) or _THAN.search(text) or not at_hand(case):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    read = groups.read(case, _affirmed(text))
    if len(read.groups) == 1 and not any(parts(c)[0] in ("true", "predicted") for c in read.groups[0]):
        return _of_group(case, text, read.groups[0])
    columns = () if read.groups else named(case, mentions).columns
    if len(columns) != 1:
        return None
    if (middle := median(case, columns[0])) is not None:  # of numbers the upper half beside the lower
        return _of_group(case, text, (f"{columns[0]}>{middle}",))
    call = (TOOL, Count((), ("wrong",), (), columns[0]).arguments())
    found = [r.id for r in case.state().confirmed() if columns[0] in (r.finding.slice or {})]
    return call_of(call, [], why(text), {"kind": KIND, "column": columns[0], "findings": found[:2]})


def _affirmed(text: str) -> str:
    """The sentence without the words that deny, so that what it names is read as it stands."""
    plain = re.sub(r"n['’]t\b", " ", text)
    return re.sub(r"\b(?:not|nothing|never|hardly|anything)\b", " ", plain, flags=re.IGNORECASE)


def _of_group(case: Case, text: str, group: Group) -> AIMessage:
    """The group beside the other images; both again outside of what a confirmed finding names beside it."""
    pairs: list[tuple[Group, Group]] = [(group, (outside(group),))]
    others = _beside(case, group)
    if others:
        pairs.append(((*group, outside(others)), (outside(group), outside(others))))
    calls = [(TOOL, Count(tuple(held), ("wrong",)).arguments()) for pair in pairs for held in pair]
    found = [r.id for r in case.state().confirmed() if set(group) <= _slice(r.finding.slice)]
    said = {"kind": KIND, "group": list(group), "others": list(others), "findings": found[:2]}
    return call_of(calls[0], calls[1:], why(text), said)


def _slice(held: Mapping[str, str] | None) -> set[str]:
    return {str(f) for f in conditions_of(held)}


def _beside(case: Case, group: Group) -> Group:
    """What the first confirmed finding of this group and more names beside it; nothing where none does."""
    for record in case.state().confirmed():
        whole = _slice(record.finding.slice)
        if set(group) < whole and not any(c.startswith("not(") for c in whole):
            return tuple(sorted(whole - set(group)))
    return ()


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What was counted: that it goes with more errors, only together with something else, or that nothing shows it."""
    from failsight.agent.planners.known import findings

    text = _by_column(made[0], str(said["column"])) if said.get("column") else _groups(made, said)
    records = (case.state().find(str(i)) for i in said.get("findings") or ())
    return [*text, *(f"- {findings.line(r)}" for r in records if r is not None)]


def _groups(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    sides = [s for e in made if (s := beside.side(e, "")) is not None]
    if len(sides) < 2:
        return []
    group = group_words(said["group"])
    whole = {"group": group, **_two(sides[0], sides[1]), "evidence": _cited(made[:2])}
    if not beside.apart(sides[0], sides[1]):
        return [prompts.say("denied.nothing", **whole), prompts.say("denied.no_proof")]
    within = sides[2:4]
    others = group_words(said.get("others") or ())
    if len(within) == 2 and not beside.apart(*within):
        inside = {"group": group, "others": others, **_two(*within), "evidence": _cited(made[2:4])}
        return [prompts.say("denied.not_by_itself", **inside), prompts.say("denied.whole", **whole)]
    key = "denied.against" if sides[0].share > sides[1].share else "denied.fewer"
    text = [prompts.say(key, **whole)]
    if len(within) == 2:
        text.append(prompts.say("denied.still", others=others, **_two(*within), evidence=_cited(made[2:4])))
    return [*text, prompts.say("denied.not_why")]


def _two(a: Side, b: Side) -> dict[str, str]:
    def share(side: Side) -> str:
        return f"{number(side.share)} {interval(side.ci)}".strip() if side.n else "–"

    return {"k": f"{a.k:,}", "n": f"{a.n:,}", "share": share(a), "k0": f"{b.k:,}", "n0": f"{b.n:,}", "share0": share(b)}  # fmt: skip


def _cited(made: Sequence[Evidence]) -> str:
    return "".join(f"[{e.id}]" for e in made)


def _by_column(made: Evidence, column: str) -> list[str]:
    """The share that is wrong for each value, and whether the values differ more than chance makes them."""
    rows = [(str(r[0]), _whole(r[2]), _whole(r[1])) for t in made.tables[:1] for r in t.rows if _whole(r[1])]
    if len(rows) < 2:
        return []
    p = general_association([[[k, n - k] for _, k, n in rows]]).p
    told = [f"{clean(v, 60)} {k:,} of {n:,} ({number(k / n)})" for v, k, n in sorted(rows, key=lambda r: -r[1] / r[2])]  # fmt: skip
    fields = {"column": clean(column.replace("_", " "), 60), "values": listing(told, MOST_VALUES, 100), "p": p_value(p) if p_value(p).startswith("<") else f"= {p_value(p)}", "evidence": made.id}  # fmt: skip
    if p < 0.05:
        return [prompts.say("denied.column.against", **fields), prompts.say("denied.not_why")]
    return [prompts.say("denied.column.nothing", **fields), prompts.say("denied.no_proof")]


def _whole(cell: Any) -> int:
    """A cell of a table that holds a number of images."""
    return int(cell)
