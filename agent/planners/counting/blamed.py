"""Something that is supposed to be behind the errors of a group: ``is the new lamp the reason for the bad nights on oven C?``, ``oven C at
night and the lamp changed, still bad?``, ``did the new lamp help?``

Inside the group the images with the supposed reason are counted beside those without it. Counts tell what goes together; what causes what is
told by an experiment alone, so *yes* is never said to a cause here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting.base import call_of, columns_of, names_of, split_of, why
from failsight.agent.planners.counting.beside import Side, apart, side
from failsight.agent.planners.counting.crossed import thing
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known.counts import at_hand, rest_of
from failsight.agent.planners.slots import without_names
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.tools.evidence import Evidence
from failsight.tools.hypotheses.typed import conditions_of
from failsight.tools.text import interval, number
from failsight.tools.verdicts import EXPERIMENTS

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

KIND: Final = "blamed"
LONGEST: Final = 200
Group = tuple[str, ...]
_LEAD: Final = r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|then|hm+|really|please|could it be that|do you think(?: that)?|i wonder (?:if|whether)|tell me (?:if|whether))\b\W*)*"
_IS: Final = r"(?:is|are|was|were|could|can|may|might)"
_NOUN: Final = r"(?:reasons?|causes?|culprits?|explanations?|sources?)"
_OF: Final = r"(?:for|of|why|behind|that|at|on|in|with|by|there)"
#: the supposed reason is ``a``, what it is to explain ``b``
_CAUSES: Final = (
    re.compile(rf"{_LEAD}(?:{_IS}\s+)?(?P<a>[^,;?!]+?)\s+(?:(?:really|maybe|also|perhaps|then|be|is|are)\s+)*(?:the|a|an)\s+(?:(?:real|main|only|true|actual|root)\s+)?{_NOUN}\b(?:\s+{_OF}\s+(?P<b>[^?!]+?))?\s*[?!.]", re.IGNORECASE),
    re.compile(rf"{_LEAD}(?:does|did|do)\s+(?P<a>[^,;?!]+?)\s+(?:really\s+)?cause\s+(?P<b>[^?!]+?)\s*[?!.]", re.IGNORECASE),
    re.compile(rf"{_LEAD}{_IS}\s+(?P<b>(?!it\b)[^,;?!]+?)\s+(?:(?:really|maybe|mostly|mainly|just|simply|all)\s+)*(?:because of|due to|caused by|down to|the fault of)\s+(?P<a>[^?!]+?)\s*[?!.]", re.IGNORECASE),
    re.compile(rf"{_LEAD}{_IS}\s+(?P<a>[^,;?!]+?)\s+(?:really\s+)?(?:to blame|at fault)(?:\s+for\s+(?P<b>[^?!]+?))?\s*[?!.]", re.IGNORECASE),
)  # fmt: skip
_HELPED: Final = re.compile(rf"{_LEAD}(?:did|does|do|has|have)\s+(?P<a>[^,;?!]+?)\s+(?:really\s+|actually\s+)?(?:help(?:ed|s)?|improved?|change(?:d|s)? (?:anything|something)|(?:make|made|makes) (?:it|things|any of it) (?:any )?better)\b(?P<b>[^?!]*)", re.IGNORECASE)  # fmt: skip
_STILL: Final = re.compile(r"\b(?:still|even|bad|worse|better|any good|the same)\b", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\bhow many|\bshow\b|\bwhich\b|\bwhat\b|\bwhy\b|\blist\b|\bthan\b|\bpeople\b|\bby hand\b|\bwithout\b|\bleave\b", re.IGNORECASE)  # fmt: skip
_YES_NO: Final = re.compile(r"[\s,;-]*\byes or no\b", re.IGNORECASE)
_ELSE: Final = re.compile(r"\b(?:labels?|labell\w+|annotat\w+|confiden\w+|train\w*|retrain\w*|or)\b", re.IGNORECASE)  # fmt: skip


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts with the supposed reason and without it, inside the group; None for every other sentence."""
    text = _YES_NO.sub("", " ".join(question.split()))
    if (
        len(text) > LONGEST
        or not at_hand(case)
        or split_of(text)
        or _ELSE.search(_YES_NO.sub("", without_names(mentions)))
    ):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    if (found := next((m for p in _CAUSES if (m := p.match(_closed(text))) is not None), None)) is not None:
        return _of(case, text, found["a"], found["b"] or "", before, "cause")
    if (found := _HELPED.match(text)) is not None:
        return _of(case, text, found["a"], found["b"] or "", before, "helped")
    return _narrower(case, text)


def _closed(text: str) -> str:
    return text if text[-1:] in "?!." else f"{text}?"


def _of(
    case: Case, text: str, reason: str, about: str, before: Sequence[Turn], asks: str
) -> AIMessage | None:
    told = antecedents.recent(case, before)
    supposed = thing(case, names_of(case, reason).sentence, told)
    if supposed is None or supposed[1] == "true" or _is_tested(case, supposed[1]):
        return None
    held, column = supposed
    read = groups.read(case, about).groups if about else ()
    if len(read) > 1 or any(parts(c)[0] in ("true", "predicted") for g in read for c in g):
        return None
    group = tuple(c for c in (read[0] if read else ()) if column_of(c) != column)
    return _call(case, text, group, held, column, asks)


def _call(case: Case, text: str, group: Group, held: Group, column: str, asks: str) -> AIMessage | None:
    if any(c.startswith(TOGETHER) for c in group) or looks.only_in(case, (*group, *held)):
        return None
    if not held:
        values = columns_of(case).get(column, ())
        return (
            call_of((TOOL, Count(group, ("wrong",), (), column).arguments()), [], why(text))
            if values
            else None
        )
    rest = rest_of(held)
    if not rest:
        return None
    calls = [(TOOL, Count((*group, *one), ("wrong",)).arguments()) for one in (held, rest)]
    said = {"kind": KIND, "group": list(group), "supposed": list(held), "asks": asks}
    return call_of(calls[0], calls[1:], why(text), said)


def _is_tested(case: Case, column: str) -> bool:
    """Whether an experiment has decided what a column or a thing does: its verdict is told then."""
    return any(
        column in (r.finding.slice or {}) and any(t.tool in EXPERIMENTS for t in r.finding.tests)
        for r in case.state().now()
        if r.standing in ("confirmed", "refuted")
    )


def _narrower(case: Case, text: str) -> AIMessage | None:
    """``oven C at night and the lamp changed, still bad?``: a confirmed group with one condition more, beside the same group without that."""
    if not _STILL.search(text) or _NUMBER.search(text):
        return None
    read = groups.read(case, text).groups
    group = tuple(dict.fromkeys(c for g in read for c in g))
    if len(group) < 2 or len({column_of(c) for c in group}) < len(group):
        return None
    for record in case.state().confirmed():
        known = {str(c) for c in conditions_of(record.finding.slice)}
        more = tuple(c for c in group if c not in known)
        if known and record.finding.class_name is None and known < set(group) and len(more) == 1:
            own = tuple(c for c in group if c in known)
            return _call(case, text, own, more, column_of(more[0]), "still")
    return None


# --- what is said ---------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What the two counts say of the supposed reason, and the counts."""
    counted = [of_count(e) for e in made]
    sides = [s for e in made[:2] if (s := side(e, "")) is not None]
    group, supposed = list(said.get("group") or ()), group_words(said["supposed"])
    inside = prompts.say("blamed.inside", group=group_words(group)) if group else prompts.say("blamed.all")
    if len(sides) < 2 or not all(s.n for s in sides):
        return [prompts.say("blamed.empty", supposed=supposed, inside=inside), *counted]
    key = _reading(sides[0], sides[1])
    fields = {"supposed": supposed, "inside": inside, "share": _rate(sides[0]), "share0": _rate(sides[1])}
    return [prompts.say(f"blamed.{said.get('asks')}.{key}", **fields), *counted]


def _reading(given: Side, other: Side) -> str:
    """``more``, ``less`` or ``open``: whether more is wrong where the supposed reason holds."""
    if not apart(given, other):
        return "open"
    return "more" if given.share > other.share else "less"


def _rate(one: Side) -> str:
    return f"{one.k:,} of {one.n:,} ({number(one.share)} {interval(one.ci)})"
