"""From which confidence on answers can be believed: what it says itself held against how often it is right, and the bar for a wanted share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight import prompts
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.known import demands
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.said import group_words
from failsight.agent.planners.known.things import named
from failsight.tools.text import interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
KIND: Final = "trusted"
STEPS: Final = tuple(round(0.05 * i, 2) for i in range(6, 20))  # bars that are tried, and 0.99
_N: Final = r"(?P<n>\d{1,2}(?:[.,]\d+)?) ?(?:%|per ?cent)"
_SAYS_SURE: Final = re.compile(
    rf"\b(?:says?|claims?|tells?|states?|reports?|is|being|thinks?|gives?|shows?)\b(?: (?:that|it|it'?s|itself|me|us|is|to be|being|about|a|confidence of|with))*\W*{_N} ?(?:sure|certain|confiden\w*)?",
    re.IGNORECASE,
)
VERY: Final = 0.9  # what *very sure* is taken for
_VERY: Final = re.compile(
    r"\b(?:when(?:ever)?|if|where) (?:it|the \w+) (?:says?|claims?|tells?|reports?|shows?|is|feels?)\b[^,;?]{0,20}\b(?:very|really|quite|so|absolutely|completely|pretty|extremely|totally) (?:sure|certain|confident)\b",
    re.IGNORECASE,
)
_CONFIDENT: Final = re.compile(r"\b(?:sure|certain|confiden\w*)\b", re.IGNORECASE)
_WHEN: Final = re.compile(
    r"\b(?:when(?:ever)?|if|where) (?:it|the \w+) (?:says?|claims?|tells?|states?|reports?|shows?|gives?)\b",
    re.IGNORECASE,
)
_BELIEVED: Final = re.compile(
    r"\b(?:believ\w*|trust\w*|rely\w*|reliable|depend on|count on|mean(?:s|ing)? (?:anything|it|that|so)|(?:is|are) (?:it|that|this|they) (?:really |then |also )?(?:right|true|correct|so))\b",
    re.IGNORECASE,
)
_WANTED: Final = re.compile(
    rf"\b(?:how (?:sure|certain|confident)|(?:what|which) (?:confidence|certainty|cut-?off|threshold|bar)|from (?:what|which|how (?:much|high))|at (?:what|which))\b.*?{_N}[^,;?]{{0,40}}\b(?:right|correct|true)\b",
    re.IGNORECASE,
)
_OF_100: Final = re.compile(r"\b(\d{1,2}) (?:out )?of (?:a |one )?(?:100|hundred)\b", re.IGNORECASE)
_WHERE: Final = re.compile(
    r"\b(?:where|what|which|how)\b.{0,40}\b(?:cut-?off|threshold|bar|limit)\b.{0,60}\b(?:sure|certain|confiden\w*)\b|\b(?:cut-?off|threshold|bar|limit)\b.{0,30}\bso (?:that )?(?:it|we)\b.{0,30}\b(?:only|just)\b.{0,40}\b(?:sure|certain|confident)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The counts of the answers above a confidence; None for every other sentence."""
    if len(question) > LONGEST or not case.has("scores") or not at_hand(case):
        return None
    if any(m.role not in ("class", "value", "attribute") for m in mentions.found):
        return None
    text = _OF_100.sub(r"\1 %", question)
    return (
        _believed(case, question, mentions)
        or _reached(case, question, text, mentions)
        or _table(case, question, mentions)
    )


def _believed(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``when it says 90 percent sure, can I believe that?``"""
    found, very = _SAYS_SURE.search(question), None if re.search(_N, question) else _VERY.search(question)
    if (
        (found is None and very is None)
        or not _BELIEVED.search(question)
        or not (_CONFIDENT.search(question) or _WHEN.search(question))
    ):
        return None
    things = named(case, mentions)
    split = things.split if things.split not in ("", "data") else ""
    held = (*(f"true={c}" for c in things.classes[:1]), *things.group)
    bar = float(found["n"].replace(",", ".")) / 100 if found is not None else VERY
    call = (
        TOOL,
        Count((*held, f"confidence>={bar:g}"), ("correct",), (split,) if split else ()).arguments(split),
    )
    return call_of(
        call,
        [],
        why(question),
        {"kind": KIND, "bar": bar, **({} if found is not None else {"assumed": True})},
    )


def _reached(case: Case, question: str, text: str, mentions: Mentions) -> AIMessage | None:
    """``how sure must it be so that 95 percent are right?``: the lowest bar that reaches it, and the one below."""
    found = _WANTED.search(text)
    if found is None:
        return None
    things = named(case, mentions)
    if things.group or things.columns:
        return None
    wanted = float(found["n"].replace(",", ".")) / 100
    bars, key = _lowest(case, things.split or "data", wanted)
    lead = [prompts.say(f"known.cutoff.{key}", wanted=number(wanted), bar=number(bars[0]))]
    return demands.only_sure(case, question, things, bars, lead)


def _lowest(case: Case, split: str, wanted: float) -> tuple[list[float], str]:
    """The lowest bar above which so many answers are right, with the one below it; else the highest that leaves any answers."""
    made = case.predictions(split)  # type: ignore[arg-type]
    right = np.asarray(made.correct)[made.labelled]
    sure = np.asarray(made.confidence)[made.labelled]
    shares = [(b, float(right[sure >= b].mean())) for b in (*STEPS, 0.99) if (sure >= b).any()]
    at = next((i for i, (_, share) in enumerate(shares) if share >= wanted), None)
    if at is None:
        return [shares[-1][0] if shares else STEPS[-1]], "never"
    return [shares[at][0], *([shares[at - 1][0]] if at else [])], "from"


def _table(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``where would you put the cut-off?``: no number was wanted, so what each bar brings is told."""
    if not _WHERE.search(question) or mentions.found:
        return None
    lead = [prompts.say("known.cutoff.which")]
    return demands.only_sure(case, question, named(case, mentions), (*demands.BARS, 0.95), lead)


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Whether answers of a confidence are right as often as it says."""
    bar, one = float(said.get("bar") or 0), made[-1]
    side = beside.side(one, "")
    if side is None or not side.n or side.ci is None:
        return (
            [prompts.say("known.sure_only.none", bar=number(bar), evidence=one.id)]
            if side is not None and not side.n
            else [of_count(one)]
        )
    low, high = side.ci
    verdict = "no" if high < bar else "yes" if side.share >= bar else "nearly"
    assumed = [prompts.say("known.trusted.assumed", bar=number(bar))] if said.get("assumed") else []
    return [
        *assumed,
        prompts.say(
            f"known.trusted.{verdict}", k=f"{side.k:,}", n=f"{side.n:,}", share=f"{number(side.share)} {interval((low, high))}", bar=number(bar), images=group_words(one), evidence=one.id,
        )
    ]  # fmt: skip
