"""``And with 60?``: the question before, asked again with another number in the place of the one that it had.

Demands are no such question: another bound is held against what was judged, and nothing that is demanded changes by that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import demanded, phrases, words
from failsight.knowledge_base.condition_text import parts
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn

LONGEST: Final = 140
LIMITS: Final = ("<", "<=", ">", ">=")
MOST_CHAIN: Final = 8  # numbers that were changed one after the other
_NUMBER: Final = r"(?<![\w.,/-])(?P<n>\d{1,7}(?:[.,]\d+)?)(?P<unit> ?%| ?per ?cent| ?(?:[a-z]{1,12}|°|€|\$)(?![\w/]))?(?![\w/])"
#: all that a sentence may hold beside the number
_FILLER: Final = re.compile(
    r"(?:what|how|that|it|this|would|will|does|do|is|was|were|be|look|like|if|about|with|at|for|from|on|by|to|the|a|an|say|we|i|you|took|take|takes|set|used|use|put|make|made|had|have|only|just|instead|then|now|rather|else|and|so|but|or|ok|okay|please|maybe|perhaps|"
    r"well|hm+|many|much|good|bad|come|comes|out|change|changes|up|down|went|go|goes|lower|lowered|raise|raised|drop|dropped|limit|threshold|bar|above|over|below|under|least|most|than|more|less|in|case|of|sure|same|again|percent|of course|cut-?off|asked|wanted|needed|need|want|allowed)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"\?\s*$|\b(?:what|how|would|if)\b|^\W*(?:and|or)\b", re.IGNORECASE)
_GOES_ON: Final = re.compile(r"\b(?:what|how|and|or|with|at|if)\b", re.IGNORECASE)


def number_in(question: str) -> tuple[str, str] | None:
    """The number of a sentence that says nothing else, and its unit; None for every other sentence."""
    if len(question) > LONGEST:
        return None
    clause = _last_clause(question)
    found = list(re.finditer(_NUMBER, clause, re.IGNORECASE))
    if len(found) != 1 or not _ASKS.search(question) or not _GOES_ON.search(clause):
        return None
    rest = clause[: found[0].start()] + " " + clause[found[0].end() :]
    if any(_FILLER.fullmatch(w) is None for w in re.findall(r"[\w'’-]+", rest)):
        return None
    return found[0]["n"], _unit(found[0])


def _unit(found: re.Match[str]) -> str:
    """The unit of a number, ``%`` for any word of percent; empty for a word that is none."""
    unit = (found["unit"] or "").strip().lower()
    if _FILLER.fullmatch(unit) and "per" not in unit:
        return ""
    return "%" if unit in ("%", "percent", "per cent") else unit


def _last_clause(question: str) -> str:
    """The clause in which the number stands, where what goes before it is a remark: ``that's too much work, what would it be with 60?``."""
    *lead, clause = re.split(r"[,;.!]\s+", question.strip())
    return clause if lead and not any(re.search(r"\d|\?", one) for one in lead) else question


def question_before(before: Sequence[Turn]) -> tuple[str, list[str]]:
    """The last question that is more than a number, and the numbers that were put in its place since, oldest first."""
    since: list[str] = []
    for turn in reversed(before[-MOST_CHAIN:]):
        changed = number_in(turn.said)
        if changed is None:
            return ("", []) if phrases.is_aside(turn.said) and not turn.acts else (turn.said, since[::-1])
        since.append(turn.said)
    return "", []


def asked_again(case: Case, question: str, before: Sequence[Turn]) -> str | AIMessage | None:
    """The question before with the new number; words where several numbers may be meant; None for every other sentence."""
    if not before or number_in(question) is None:
        return None
    base, since = question_before(before)
    if not base:
        return None
    names = words.vocabulary(case)
    if demanded.asked(base, case.classes, names):
        new = number_in(question)
        return (
            demanded.otherwise(case, base, float(new[0].replace(",", ".")) / 100) if new is not None else None
        )
    text = base
    for one in [*since, question]:
        made = _replaced(case, text, *(number_in(one) or ("", "")))
        if not isinstance(made, str):
            return made
        text = made
    return text


def _replaced(case: Case, base: str, new: str, unit: str) -> str | AIMessage | None:
    """A sentence with another number. With a unit it takes the place of one of that unit; a number that is a name or a value of the case stays."""
    taken = [(m.start, m.end) for m in words.names(case, base).found if parts(m.name)[1] not in LIMITS]
    found = [
        m
        for m in re.finditer(_NUMBER, base, re.IGNORECASE)
        if not any(a <= m.start() and m.end("n") <= b for a, b in taken)
    ]
    found = [m for m in found if _unit(m) == unit] if unit else found
    if not found:
        return None
    offers = [f"{base[: m.start('n')]}{new}{base[m.end('n') :]}" for m in found]
    if len({m["n"] for m in found}) > 1:
        numbers = " or ".join(clean(m["n"], 20) for m in found)
        return words.message(
            prompts.say("known.which_number", new=new, numbers=numbers), [*offers[:3], *words.choices(case)]
        )
    return offers[0]
