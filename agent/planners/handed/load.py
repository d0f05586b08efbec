"""What the work of people comes to: ``how many a day, with about 40 pictures a day?``, ``at 2 minutes each, how long is that?``

The share that goes to people was counted; the pictures of a day and the minutes of a look are what a person said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.beside import side
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.kept import kept
from failsight.agent.planners.handed.said import rule_words
from failsight.tools.evidence import Evidence
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import number, number_text

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn

KIND: Final = "load"
LONGEST: Final = 240
BACK: Final = 6  # turns in which the pictures of a day were said
_THINGS: Final = (
    r"(?:pictures|images|photos|photographs|records|scans|ones|items|pieces|slides|cases|new ones)"
)
_PERIOD: Final = r"(?:a|per|each|every|an|in a) (?P<period>hour|day|shift|night|week|month|year)"
_A_DAY: Final = re.compile(rf"(?P<n>\d[\d,.]*\d|\d)(?: (?:new|more|of them))? {_THINGS}?\s*{_PERIOD}\b|(?P<period2>daily|weekly|monthly)", re.IGNORECASE)  # fmt: skip
_PER: Final = re.compile(r"\bhow (?:many|much)\b", re.IGNORECASE)
_EACH: Final = re.compile(
    r"(?P<n>\d+(?:[.,]\d+)?|half an?|an?|one|two|three|five|ten)(?: and a half)?\s*(?P<unit>seconds?|secs?|minutes?|mins?|min|hours?)\b(?=[^?.!]{0,24}\b(?:each|per|a (?:picture|photo|look|piece|record)|apiece|every|for (?:one|each|every|a))\b|\W*(?:each|per)\b)",
    re.IGNORECASE,
)
_LONG: Final = re.compile(
    r"\b(?:how (?:long|many (?:hours|minutes|days))|what (?:time|does (?:it|that) cost)|in (?:hours|minutes|time)|how much (?:time|work))\b",
    re.IGNORECASE,
)
_NUMBERS: Final = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "five": 5.0, "ten": 10.0}
_MINUTES: Final = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def answered(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """How many pictures people look at in a day, and how long that takes; None for every other sentence."""
    text = " ".join(question.split())
    if len(text) > LONGEST or TOOL not in registry():
        return None
    day, each = _of_day(text), _minutes(text)
    looks = _PER.search(text) is not None and (h.LOOK_AT.search(text) is not None or h.TO_PEOPLE.search(text) is not None)  # fmt: skip
    asks = (day is not None and looks) or (each is not None and _LONG.search(text) is not None)
    if not asks:
        return None
    old = kept(case)
    if not old:
        return words.message(
            prompts.say("load.nobody"), [prompts.say("handed.example"), *words.choices(case)]
        )
    day = day or next((d for t in reversed(before[-BACK:]) if (d := _of_day(t.said)) is not None), None)
    said: dict[str, Any] = {"kind": KIND, "day": day[0] if day else 0, "period": day[1] if day else "", "minutes": each or 0.0, "rule_words": rule_words(old)}  # fmt: skip
    calls = [(TOOL, Count(held, ("wrong",)).arguments()) for held in (old.left, ())]
    return call_of(calls[0], calls[1:], why(text), said)


def _of_day(text: str) -> tuple[float, str] | None:
    """How many pictures come in a day, as a person says it."""
    found = next((m for m in _A_DAY.finditer(text) if m["n"]), None)
    return (float(re.sub(r"[,.](?=\d{3}\b)", "", found["n"])), found["period"].lower()) if found is not None else None  # fmt: skip


def _minutes(text: str) -> float | None:
    """How many minutes a look takes."""
    found = _EACH.search(text)
    if found is None:
        return None
    typed = found["n"].lower()
    n = 0.5 if typed.startswith("half") else _NUMBERS.get(typed) or float(typed.replace(",", "."))
    return n * _MINUTES[found["unit"][0].lower()]


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The pictures of a day that go to people, and the time they take."""
    some = [s for e in made[:2] if (s := side(e, "")) is not None]
    if len(some) < 2 or not some[1].n:
        return []
    left, whole = some
    gone, share = whole.n - left.n, 1 - left.n / whole.n
    day, each = float(said.get("day") or 0), float(said.get("minutes") or 0)
    cited = f"{made[0].id}][{made[1].id}"
    text = [prompts.say("load.share", gone=f"{gone:,}", n=f"{whole.n:,}", images=called("data"), share=number(share), evidence=cited)]  # fmt: skip
    text += [prompts.say("load.rule", rule=str(said["rule_words"]))] if said.get("rule_words") else []
    period = str(said.get("period") or "")
    if day:
        text.append(prompts.say("load.day", day=number_text(day), period=period, count=_some(day * share)))
    if each:
        text.append(prompts.say("load.time", minutes=number_text(round(each, 2)), gone=f"{gone:,}", time=_time(gone * each)))  # fmt: skip
        if day:
            text.append(prompts.say("load.time.day", period=period, time=_time(day * share * each)))
    return [*text, prompts.say("load.same")]


def _some(n: float) -> str:
    return number_text(round(n)) if n >= 10 else number_text(round(n, 1))


def _time(minutes: float) -> str:
    """A time in the unit in which it is said."""
    if minutes < 1:
        return prompts.say("load.seconds", n=number_text(round(60 * minutes)))
    if minutes < 90:
        return prompts.say("load.minutes", n=_some(minutes))
    return prompts.say("load.hours", n=_some(minutes / 60))
