"""Which of two groups costs more errors, and what would be gained: ``which is the bigger problem, the kitchens or the flatbed?``

What is gained is counted as if the group were answered as well as the images outside of both: a group of easy images gains nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import looks
from failsight.agent.planners.counting.base import call_of, split_of, why
from failsight.agent.planners.counting.beside import Side, side
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.handed import groups
from failsight.agent.planners.handed.kept import outside
from failsight.agent.planners.handed.said import group_words
from failsight.agent.planners.known.counts import at_hand
from failsight.knowledge_base.condition_text import TOGETHER
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry
from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.planners.handed.groups import Group
    from failsight.knowledge_base.vocabulary import Mentions

KIND: Final = "bigger"
LONGEST: Final = 240
BACK: Final = 3  # turns that ``both`` may reach back
_PROBLEM: Final = r"(?:problems?|troubles?|issues?|worry|loss|faults?|mess|headache|concern|deal)"
_BIGGER: Final = re.compile(
    rf"\b(?:which|what)(?: one)?(?: of (?:the|these|those) two)? (?:(?:is|are|was|makes?|does)(?: the)? (?:bigger|larger|worse|greater|more serious|biggest|largest|worst|main|more|most|harder) (?:{_PROBLEM}|errors|mistakes|harm)|(?:costs?|hurts?)(?: us)? (?:more|most))\s*[,:;-]?\s*(?P<a>[^,.?!]+?)\s*,?\s+or\s+(?P<b>[^,.?!]+?)\s*(?:[,.?!]|$)",
    re.IGNORECASE,
)
_GONE: Final = re.compile(
    r"\bhow many\b[^?.!]*\b(?:gone|go away|disappear|vanish|saved?|avoided|prevented|fewer|less|gained?|fixed|left)\b[^?.!]*\b(?:if|when|once|by)\b[^?.!]*\b(?:both|the two|all of (?:them|that)|them both|they)\b[^?.!]*\b(?:fixed|repaired|mended|solved|put right|sorted|cured|corrected|gone|ok(?:ay)?|fixing|solving)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts of both groups and of what is outside of both; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or TOOL not in registry() or not at_hand(case) or split_of(text):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    both = _two(case, text)
    if both is None and _GONE.search(text) and not mentions.found:
        both = next((two for t in reversed(before[-BACK:]) if (two := _two(case, t.said)) is not None), None)
    if both is None or looks.only_in(case, (*both[0], *both[1])):
        return None
    held = [both[0], both[1], (outside(both[0]), outside(both[1])), ()]
    calls = [(TOOL, Count(tuple(h), ("wrong",)).arguments()) for h in held]
    return call_of(calls[0], calls[1:], why(text), {"kind": KIND, "groups": [list(g) for g in both]})


def _two(case: Case, text: str) -> tuple[Group, Group] | None:
    """The two groups that a sentence sets against each other by what they cost."""
    found = _BIGGER.search(text)
    if found is None:
        return None
    read = [groups.read(case, found[x]).groups for x in "ab"]
    one = [r[0] for r in read if len(r) == 1 and not any(c.startswith(TOGETHER) for c in r[0])]
    return (one[0], one[1]) if len(one) == 2 and one[0] != one[1] else None


# --- what is said ---------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Which group costs more errors than its share of images explains, and how many would be gained."""
    some = [s for e in made[:4] if (s := side(e, "")) is not None]
    if len(some) < 4 or not some[2].n or any(s.grouped for s in some):
        return [of_count(e) for e in made]
    a, b, neither, whole = some
    names = [group_words(g) for g in said["groups"]]
    usual = neither.share
    excess = [s.k - s.n * usual for s in (a, b)]
    order = sorted((0, 1), key=lambda i: -excess[i])
    first, second = order
    union_k, union_n = whole.k - neither.k, whole.n - neither.n
    shared = a.n + b.n - union_n
    gained = max(0.0, union_k - union_n * usual)
    sides = (a, b)
    text = [prompts.say("bigger.first", name=names[first], more=_more(excess[first]), other=names[second], more0=_more(excess[second]), usual=number(usual))]  # fmt: skip
    text += [prompts.say("bigger.group", name=names[i], k=f"{sides[i].k:,}", n=f"{sides[i].n:,}", share=number(sides[i].share if sides[i].n else 0.0), evidence=made[i].id, sure=_sure(sides[i], neither)) for i in order]  # fmt: skip
    text.append(prompts.say("bigger.gained", gained=f"{gained:,.0f}", wrong=f"{whole.k:,}", left=f"{whole.k - gained:,.0f}", n=f"{whole.n:,}", evidence=f"{made[2].id}][{made[3].id}"))  # fmt: skip
    return [*text, *([prompts.say("bigger.shared", n=f"{shared:,}")] if shared > 0 else []), prompts.say("bigger.bound")]  # fmt: skip


def _more(excess: float) -> str:
    return f"{max(0.0, excess):,.0f}"


def _sure(one: Side, rest: Side) -> str:
    """Whether the group surely does worse than what is outside of both."""
    return prompts.say("bigger.sure" if newcombe(one.k, one.n, rest.k, rest.n)[0] > 0 else "bigger.unsure")
