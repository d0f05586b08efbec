"""What a wrong answer costs and what a look costs: below which sureness it is cheapest that people look.

The limit is proposed from the confidences of the case; how many are looked at and how many wrong ones slip through is counted by
``count_images``, and the costs are worked out of these counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.beside import side
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.handed import limits
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.kept import Division, kept
from failsight.agent.planners.handed.said import rule_words
from failsight.agent.planners.known.counts import at_hand
from failsight.tools.registry import registry
from failsight.tools.text import number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 300
SHORT: Final = 6  # words of a sentence that only tells the price that was asked for
STEPS: Final = tuple(round(0.01 * i, 2) for i in range(1, 100))
_UNITS: Final = {
    "€": "euros", "eur": "euros", "euro": "euros", "$": "dollars", "usd": "dollars", "dollar": "dollars", "£": "pounds", "gbp": "pounds", "pound": "pounds", "pence": "pence",
    "chf": "francs", "franc": "francs", "cent": "cents", "ct": "cents", "second": "seconds", "sec": "seconds", "minute": "minutes", "min": "minutes", "hour": "hours",
}  # fmt: skip
#: unit → the one that it is told in, and how many of those it is
_SAME: Final = {"cents": ("cents", 1.0), "euros": ("cents", 100.0), "seconds": ("minutes", 1 / 60), "minutes": ("minutes", 1.0), "hours": ("minutes", 60.0)}  # fmt: skip
_UNIT: Final = r"(?P<unit>euros?|eur|€|dollars?|usd|\$|pounds?|gbp|£|pence|francs?|chf|cents?|cts?|seconds?|secs?|minutes?|mins?|hours?)"
_AMOUNT: Final = re.compile(rf"(?P<mark>[$€£])?\s?(?<![\w.,])(?P<n>{w.FIGURE})(?:\s*{_UNIT}(?!\w))?(?!\s*%|\s*per ?cent|\w)", re.IGNORECASE)  # fmt: skip
_LOOK: Final = re.compile(
    rf"\b(?:looks?|looking|by hand|checks?|checking|inspect\w*|reviews?|reviewing|{h.PEOPLE}(?<!\bhand)(?<!\beye))\b",
    re.IGNORECASE,
)
_WRONG: Final = re.compile(
    r"\b(?:wrong(?:ly)?|mistakes?|errors?|miss(?:ed)?|slips?|false|incorrect|complaints?|claims?)\b",
    re.IGNORECASE,
)
_COSTS: Final = re.compile(rf"\b(?:costs?|price[ds]?|worth|charge[ds]?|takes?|pays?)\b|\d\s*{_UNIT}(?!\w)|[€$£]\s?\d", re.IGNORECASE)  # fmt: skip
_WHERE: Final = re.compile(
    r"\b(?:cheap\w*|best|lowest cost|least (?:cost|money)|worth (?:it|looking)|pays? off)\b|\b(?:where|what|which|how|from|at)\b[^.?!]{0,50}\b(?:line|limit|threshold|cut-?off|bar|sure|confiden\w+|border)\b|\bwho (?:should|must) look\b|\bwhat should (?:i|we|people) look at\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts for the line of least cost, or what price is missing; None for every other sentence."""
    text = " ".join(question.split())
    if (
        len(text) > LONGEST
        or TOOL not in registry()
        or any(m.role in ("class", "finding", "evidence", "image") for m in mentions.found)
    ):
        return None
    text = _gone_on(text, before)
    prices = prices_of(text)
    if not prices or not _COSTS.search(text) or not _WHERE.search(text):
        return None
    for name in ("look", "wrong"):
        if name not in prices:
            return words.message(prompts.say(f"handed.cost.{name}"), words.choices(case))
    (wrong, unit), (look, other) = prices["wrong"], prices["look"]
    unit, other = unit or other, other or unit
    if unit != other:
        one, two = _SAME.get(unit, (unit, 1.0)), _SAME.get(other, (other, 1.0))
        if one[0] != two[0]:
            return words.message(
                prompts.say("handed.cost.units", wrong=unit, look=other), words.choices(case)
            )
        wrong, look, unit = wrong * one[1], look * two[1], one[0]
    if not at_hand(case):
        return words.call("evaluate", {}, why(text))
    return _counted(case, text, wrong, look, unit)


def prices_of(text: str) -> dict[str, tuple[float, str]]:
    """``wrong`` and ``look`` → what it costs, and its unit, as far as a sentence tells."""
    made, end = dict[str, tuple[float, str]](), 0
    for found in _AMOUNT.finditer(text):
        value, clause = w.number_of(found["n"]), text[end : found.start()]
        behind = re.match(r"[^,;.\d]*?(?=\b(?:and|but|or|while)\b|[,;.?!]|$)", text[found.end() :])
        kind = _kind(clause) or _kind(behind[0] if behind else "")
        so_many = re.search(r"\b(?:per|over|under|above|below|than|least)\s*$", clause, re.IGNORECASE)
        end = found.end()
        if so_many or value is None or not kind or kind in made:
            continue
        unit = (found["mark"] or found["unit"] or "").lower()
        made[kind] = (value, _UNITS.get(unit) or _UNITS.get(unit.rstrip("s")) or unit)
    return made


def _kind(clause: str) -> str:
    """What a clause prices: the last of the two that it names."""
    looks, wrongs = list(_LOOK.finditer(clause)), list(_WRONG.finditer(clause))
    if looks and (not wrongs or looks[-1].start() > wrongs[-1].start()):
        return "look"
    return "wrong" if wrongs else ""


def _gone_on(text: str, before: Sequence[Turn]) -> str:
    """The sentence with the one before it, where that lacked the price that is told now."""
    for name, of in (("look", "a look costs"), ("wrong", "a wrong one costs")):
        if before and prompts.say(f"handed.cost.{name}") in before[-1].reply:
            told = text if name in prices_of(text) else f"{of} {text}" if len(text.split()) <= SHORT and not h.per(text) else ""  # fmt: skip
            return f"{before[-1].said.rstrip(' ?.')}; {told}" if told and _AMOUNT.search(text) else text
    if before and prompts.say("handed.cost.mark") in before[-1].reply and h.per(text):
        return f"{before[-1].said.rstrip(' ?.')}; {text}"
    return text


def _counted(case: Case, text: str, wrong: float, look: float, unit: str) -> AIMessage:
    rule = Division(kept(case).groups)  # a line of its own takes the place of one that was kept
    found = limits.sureness(case, rule.outside)
    bar = cheapest(found, wrong, look) if found is not None else 0.0
    calls = [(TOOL, Count(rule.outside, ("wrong",)).arguments())]
    if 0 < bar < 1:
        calls.append((TOOL, Count((*rule.outside, f"confidence>={bar:g}"), ("wrong",)).arguments()))
    said = {
        "kind": "handed", "ask": "cost", "names": ["all", "limit"][: len(calls)], "bar": bar, "wrong": wrong, "look": look, "unit": unit,
        "scores": found is not None, "per": h.per(text), "rule_words": rule_words(rule),
    }  # fmt: skip
    return call_of(calls[0], calls[1:], why(text), said)


def cheapest(found: tuple[limits.Floats, limits.Bool], wrong: float, look: float) -> float:
    """The limit below which looking costs least in all: 0 where nobody is to look, 1 where everything is."""
    confidence, bad = found
    costs = [(wrong * int(bad.sum()), 0.0)]
    for bar in STEPS:
        stay = confidence >= np.float32(bar)
        if stay.any() and not stay.all():
            costs.append((look * int((~stay).sum()) + wrong * int((bad & stay).sum()), bar))
    costs.append((look * len(confidence), 1.0))
    return min(costs)[1]


def lines(named: Sequence[tuple[str, Evidence]], said: Mapping[str, Any]) -> list[str]:
    """The line of least cost, and what it costs beside nobody looking and looking at everything."""
    counts = {name: (e, s) for name, e in named if (s := side(e, "")) is not None}
    if "all" not in counts:
        return []
    (made, whole), wrong, look, unit = (
        counts["all"],
        float(said["wrong"]),
        float(said["look"]),
        str(said["unit"]),
    )
    alone, hand, best = whole.k * wrong, whole.n * look, 0.0
    if "limit" in counts:
        one, stay = counts["limit"]
        gone = whole.n - stay.n
        best = gone * look + stay.k * wrong
        text = [prompts.say("handed.cost.bar", bar=number(float(said["bar"])), gone=f"{gone:,}", n=f"{whole.n:,}", k=f"{stay.k:,}", cost=_money(best, unit), evidence=one.id)]  # fmt: skip
    elif alone <= hand:
        best = alone
        text = [prompts.say("handed.cost.alone", k=f"{whole.k:,}", n=f"{whole.n:,}", cost=_money(alone, unit), evidence=made.id)]  # fmt: skip
    else:
        best = hand
        text = [prompts.say("handed.cost.hand", n=f"{whole.n:,}", cost=_money(hand, unit), evidence=made.id)]
    text.append(prompts.say("handed.cost.others", alone=_money(alone, unit), k=f"{whole.k:,}", hand=_money(hand, unit), evidence=made.id))  # fmt: skip
    if said.get("per") and whole.n:
        per = int(said["per"])
        each = [_money(x * per / whole.n, unit) for x in (best, alone, hand)]
        text.append(prompts.say("handed.cost.per", per=f"{per:,}", cost=each[0], alone=each[1], hand=each[2]))
    text += [prompts.say("handed.cost.rule", rule=str(said["rule_words"]))] if said.get("rule_words") else []
    text += [] if said.get("scores") else [prompts.say("handed.cost.no_scores")]
    return [*text, prompts.say("handed.cost.right"), *([prompts.say("handed.chosen")] if said.get("scores") else [])]  # fmt: skip


def _money(value: float, unit: str) -> str:
    shown = f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{shown} {unit}".strip()
