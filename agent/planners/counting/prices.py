"""What errors cost, and how many wrong answers there are in so many pictures: arithmetic on counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, names_of, why
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.dialogue import Turn
from failsight.agent.planners.expectations import Criterion
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.groups import group_of
from failsight.knowledge_base.vocabulary import Mention, Mentions
from failsight.tools.errors import RetryError
from failsight.tools.expectations.names import is_price, parse_price
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

_N: Final = rf"(?<![\d.,])({w.FIGURE})"  # whole: of "1,000" not the 000 alone
_DAY: Final = re.compile(
    rf"\b(?:wrong|errors?|mistakes?|incorrect)\b.*\b{_N} {w.PICTURES} ?(?:an?|per|every|each)? ?(?:day|week|hour|month|user|walk)?\b|\b(?:with|of|out of|in|for|from) {_N} {w.PICTURES} (?:an?|per|every|each) (?:day|week|hour|month)\b.*\b(?:wrong|errors?|mistakes?|incorrect)\b",
    re.IGNORECASE,
)
_EACH_DAY: Final = re.compile(r"\b(?:a|per|every|each) (?:day|week|hour|month)\b", re.IGNORECASE)
_UNIT: Final = r"(?:\s*(?P<unit>euros?|eur|€|dollars?|usd|\$|pounds?|gbp|£|francs?|chf|cents?))?"
_CURRENCY: Final = {"€": "euros", "$": "dollars", "£": "pounds", "eur": "euros", "usd": "dollars", "gbp": "pounds", "euro": "euros", "dollar": "dollars", "pound": "pounds"}  # fmt: skip
#: a number with what it is the price of before it: behind ``costs``, or behind ``at`` and nothing for what goes on with a price
_PRICE: Final = re.compile(
    rf"(?P<costs>\b(?:costs?|is worth|at)\b)?\s*(?:us |me |about |as much as |is |of )*(?P<mark>[$€£])?\s?{_N}{_UNIT}(?: times)?",
    re.IGNORECASE,
)
_COSTS: Final = re.compile(rf"\bcosts? (?:us |me |about |as much as )?(?:[$€£] ?)?{_N}", re.IGNORECASE)
_REST: Final = re.compile(
    r"\b(?:everything|anything|(?:every|each|any|all)(?: the)? others?|all (?:the )?(?:rest|others?)|the (?:rest|others?)|other (?:errors?|mistakes?|misses|confusions?)|others)\b",
    re.IGNORECASE,
)
CONFUSES: Final = re.compile(
    r"\b(?:call\w*|tak\w+|mistak\w+|predict\w*|confus\w+|sort\w*|land\w*|going|goes|as|for|in|into)\b",
    re.IGNORECASE,
)
_MISSED: Final = re.compile(
    r"\b(?:miss\w*|overlook\w*|lost|los(?:e|ing)|not (?:recogni[sz]ed|found|seen|detected)|wrong\w*|error|mistake)\b",
    re.IGNORECASE,
)
_PER: Final = re.compile(r"\b(?:per|for(?: each| every)?|each|every|an?)\s+(?:1,?000|(?:a |one )?thousand|hundred)\b|\b(?:1,?000|thousand) (?:items?|images?|pictures?|photos?|pieces?)\b", re.IGNORECASE)  # fmt: skip
_IF: Final = re.compile(r"\bif (?:the |all |we |they |it |our )*(?:\w+ )?(?:were|was|had|would|changed|replaced|exchanged)\b", re.IGNORECASE)  # fmt: skip
_COST_ASKED: Final = re.compile(
    r"\b(?:what|which|how (?:much|high))\b.*\bcosts?\b.*\b(?:1,?000|thousand|per|each|all|pictures|images|photos|errors|mistakes|then|in total)\b",
    re.IGNORECASE,
)


_NOTHING: Final = re.compile(
    r"\b(costs?)((?: us| me| them)?) (?:nothing(?: at all)?|no money)\b", re.IGNORECASE
)
_AN_ITEM: Final = re.compile(  # costs me a lamb, say 200 euros
    r"\b(costs?)((?: us| me| them)?) (?:an?|the|one|about an?) (?:\w+ ){0,2}\w+,? (?:or |so )?(?:say|about|that is|that'?s|which is|i\.?e\.?|worth|roughly)?,? ?(?=[$€£]? ?\d)",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(  # make it 350 euros
    rf"^\W*(?:(?:and|so|but|ok(?:ay)?|no|sorry|then|well|now|please|rather|better|what if|if)\b\W*)*(?:(?:(?:make|set|put|change|raise|lower) (?:it|that|this|(?:the|that) (?:price|cost))|(?:let'?s |let us )?(?:say|take)|(?:it|that|this) (?:is|costs?|were|was|cost))\s+)?(?:(?:to|at|be|about|rather)\s+)*(?P<mark>[$€£])?\s?{_N}{_UNIT}(?: (?:then|now|instead|each|please|rather))*\s*(?=[,.;!?]|$)",
    re.IGNORECASE,
)


def spelt(text: str) -> str:
    """A sentence about prices with its costs as figures: ``costs me a lamb, say 200 euros`` as ``costs me 200 euros``."""
    return _AN_ITEM.sub(r"\1\2 ", _NOTHING.sub(r"\1\2 0", text))


def told(case: Case, text: str) -> dict[str, Any] | None:
    """The prices of one sentence, as a count of costs has them."""
    return _said(case, text)


def _said(case: Case, text: str) -> dict[str, Any] | None:
    """The prices of one sentence."""
    plain = spelt(text)
    return _prices(plain, names_of(case, plain))


def _changed(case: Case, question: str, before: Sequence[Turn]) -> dict[str, Any] | None:
    """``make it 350``: the price that was told last, changed; None for other sentences, and where several prices may be meant."""
    new = _INSTEAD.match(question)
    if new is None:
        return None
    base = next((t for t in reversed(before) if not _INSTEAD.match(_bare(t.said))), None)
    told = _said(case, base.said) if base is not None else None
    if told is None:
        return None
    prices = [dict(p) for p in told.get("prices") or [{k: told[k] for k in ("true", "predicted", "cost")}]]
    meant = [p for p in prices if p["cost"]] or prices
    if len(meant) != 1:
        return None
    meant[0]["cost"] = w.number_of(new[2])
    unit = (new["mark"] or new["unit"] or "").lower()
    unit = _CURRENCY.get(unit, unit) or str(told.get("unit") or "")
    return {"kind": "costs", "prices": prices, "rest": told["rest"], "unsaid": told["unsaid"], "unit": unit}


def repriced(case: Case, text: str, before: Sequence[Turn]) -> list[Criterion]:
    """The noted prices that a sentence changes: ``make it 350`` after a price that was noted; none for every other sentence."""
    told = _changed(case, _bare(text), before)
    made = []
    for one in told["prices"] if told is not None else ():
        name = f"cost.{one['true']}>{one['predicted']}"
        old = case.state().expectations.get(name) if one["predicted"] else None
        if old is not None and old.bound != one["cost"]:
            made.append(Criterion(name, float(one["cost"]), old.at_least))
    return made


def told_at_once(case: Case, text: str) -> bool:
    """Whether a price that was noted can be told with today's errors: it is said as one, and the errors are recorded."""
    return case.state().latest("evaluate") is not None and _said(case, text) is not None


def _bare(text: str) -> str:
    """A sentence without what only says that another one was meant."""
    return re.sub(r"^\W*(?:(?:no|sorry|wait)\b\W*)*(?:i (?:mean|meant)\b)?\W*", "", text, flags=re.IGNORECASE)


def _prices(text: str, mentions: Mentions) -> dict[str, Any] | None:
    """``a bathroom called kitchen costs 10, a missed bedroom 3 and everything else 1``; None where a sentence says no such thing."""
    if _COSTS.search(text) is None:
        return None
    prices, rest, unit, end = list[dict[str, Any]](), None, "", 0
    for found in _PRICE.finditer(text):
        clause, cost = text[end : found.start()], w.number_of(found[3])
        if (
            _PER.search(text[found.start() - 10 if found.start() > 10 else 0 : found.end() + 12])
            and not found["costs"]
        ):
            continue
        names = [m for m in mentions.found if m.role == "class" and end <= m.start and m.end <= found.start()]
        made = _price(clause, end, names, mentions)
        if made is None and not _REST.search(clause):
            continue
        unit = unit or (found["mark"] or found["unit"] or "").lower()
        end = found.end()
        if made is None:
            rest = cost
        else:
            prices.append({**made, "cost": cost})
    if not prices:
        return None
    prices.sort(key=lambda p: not p["predicted"])
    told = {
        "rest": rest,  # None: nobody said what other errors cost, so they have no price
        "unsaid": rest is None,
        "unit": _CURRENCY.get(unit, unit),
    }
    if len(prices) == 1 and prices[0]["predicted"] and not unit:
        return {"kind": "cost", **prices[0], **{k: v for k, v in told.items() if k != "unit"}}
    return {"kind": "costs", "prices": prices, **told}


def _price(clause: str, at: int, names: Sequence[Mention], mentions: Mentions) -> dict[str, Any] | None:
    """Which error a clause is about: one class called another, or a class that is missed."""
    if _REST.search(clause) and len(names) < 2:
        return None
    if len(names) == 2 and names[0].name != names[1].name and CONFUSES.search(clause):
        moved = tuple(replace(m, start=m.start - at, end=m.end - at) for m in names)
        true, predicted = directions(Mentions(clause, moved, clause))
        return {"true": true, "predicted": predicted}
    if len(names) == 1 and _MISSED.search(clause):
        return {"true": names[0].name, "predicted": ""}
    return None


def cost(
    case: Case, question: str, mentions: Mentions, before: Sequence[Turn], split: str
) -> AIMessage | None:
    """What errors cost by the prices that a sentence says, that an earlier one said, or that are noted as expectations."""
    said = _said(case, question) or _changed(case, question, before)
    if said is None and _COST_ASKED.search(question):
        earlier = (_earlier(case, before[: i + 1]) for i in range(len(before) - 1, -1, -1))
        said = next((p for p in earlier if p is not None), None) or _noted(case)
        if said is None and _PER.search(question):
            names = [clean(c.replace("_", " "), 40) for c in case.classes[:2]]
            return words.message(
                prompts.say("count.cost_unknown", true=names[0], predicted=names[-1]), words.choices(case)
            )
    if said is None:
        return None
    if _IF.search(question):  # with other pictures other errors would be made
        return words.message(prompts.say("count.cost_if"), words.choices(case))
    held = group_of(mentions, columns_of(case)).conditions
    base: dict[str, Any] = {**({"split": split} if split else {}), **({"among": list(held)} if held else {})}
    prices = said.get("prices") or [said]
    each = [(TOOL, {**base, **_counted(p)}) for p in prices]
    return call_of((TOOL, {**base, "having": ["wrong"]}), each, why(question), said)


def _earlier(case: Case, before: Sequence[Turn]) -> dict[str, Any] | None:
    """The prices that the last of these turns told, or changed."""
    return _said(case, before[-1].said) or _changed(case, _bare(before[-1].said), before[:-1])


def _counted(price: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that count the errors of one price."""
    if price["predicted"]:
        return {"having": [f"true={price['true']}", f"predicted={price['predicted']}"]}
    return {"having": [f"true={price['true']}", "wrong"]}


def _noted(case: Case) -> dict[str, Any] | None:
    """The prices that stand among the expectations; None for none."""
    made = []
    for one in case.state().expectations.values():
        pair = parse_price(one.name, case.classes) if is_price(one.name) else None
        if pair is not None:
            made.append({"true": pair[0], "predicted": pair[1], "cost": one.bound})
    return {"kind": "costs", "prices": made, "rest": 1.0, "unsaid": True, "unit": ""} if made else None


def day(case: Case, question: str, split: str) -> AIMessage | None:
    """How many answers of so many are wrong: as in deployment, where that is labelled, and as in the evaluation."""
    found = _DAY.search(question)
    if found is None or not (
        _EACH_DAY.search(question) or re.search(r"\bhow many\b", question, re.IGNORECASE)
    ):
        return None
    n = w.number_of(found[1] or found[2])
    which = [split] if split else ["deploy", ""] if _labelled(case, "deploy") else [""]
    calls = [(TOOL, {"having": ["wrong"], **({"split": s} if s else {})}) for s in which]
    return call_of(calls[0], calls[1:], why(question), {"kind": "day", "n": n})


def _labelled(case: Case, split: str) -> bool:
    """Whether the case has images of ``split``, and their true classes."""
    try:
        return bool((np.asarray(case.table(split).labels) >= 0).any())  # type: ignore[arg-type]
    except RetryError:
        return False
