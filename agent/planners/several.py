"""Several wishes in one sentence: ``evaluate, then find slices and write the report``.

Each is read and carried out as a sentence of its own, in order (``parted.py``); what the one before brought is what the next speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from failsight import prompts
from failsight.agent.planners import unsure, words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.dialogue import Turn, turn_of, turns
from failsight.agent.planners.parted import LONGEST, POLITE, parts
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

WISH: Final = "wish"  # of a call: the wish that it begins, what was answered before it, what is left
MOST: Final = 5  # wishes of one sentence
_BELONG: Final = re.compile(r"\b(?:together|as one)\b", re.IGNORECASE)  # images that count as one
_THAT_ONE: Final = re.compile(
    rf"^{POLITE}(?:test|check|try|measure|evaluate|verify|run|count|see|look|say|tell me) (?:it|that|this)(?: (?:out|please|again))*\W*$",
    re.IGNORECASE,
)
_SAFE: Final = re.compile(
    r"(?!.*\b(?:reports?|save|export|write|undo)\b)", re.IGNORECASE
)  # read twice, and nothing is written by that
_SHOW: Final = re.compile(
    r"^\W*(?:(?:can|could|would) you |please |now |and )*(?:show|list|open|give)(?: (?:me|us))? (?:the )?(?:images? of |pictures? of |photos? of |some |a few )?",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    r"\b(?:between|confus\w+|taken|mistaken|called|compar\w+|versus|vs|than|differ\w*|both|as|for)\b",
    re.IGNORECASE,
)


def _each(case: Case, question: str) -> list[str]:
    """``show me wrong foxes and wrong dogs`` as a wish for each class: pictures are shown of one; empty for all other sentences."""
    text = " ".join(question.split()).rstrip(" ?.!")
    head = _SHOW.match(text)
    if head is None or len(text) > LONGEST or _BETWEEN.search(text):
        return []
    pieces = re.split(r",? and |, ", text[head.end() :])
    held = [words.names(case, p) for p in pieces]
    if not 1 < len(pieces) <= MOST or any(len(m.of("class")) != 1 for m in held):
        return []
    last = held[-1].found[-1]
    tail = pieces[-1][last.end :] if len(held[-1].found) == 1 else ""
    ends = [p[m.found[-1].end :].strip() for p, m in zip(pieces[:-1], held[:-1], strict=True)]
    if tail.strip() and not any(ends):  # foxes and dogs that are wrong
        pieces = [*(f"{p}{tail}" for p in pieces[:-1]), pieces[-1]]
    lead = pieces[0][: held[0].found[0].start].strip()
    if lead and all(not p[: m.found[0].start].strip() for p, m in zip(pieces[1:], held[1:], strict=True)):
        pieces = [pieces[0], *(f"{lead} {p}" for p in pieces[1:])]  # wrong foxes and dogs
    return [f"{head[0].strip()} {p}" for p in pieces]


First = Callable[["Case", str, Sequence[Turn]], AIMessage]


def asked(case: Case, question: str, first: First) -> AIMessage | None:
    """The first step of a sentence with several wishes; None for every other sentence.

    Args:
        first: what is made of one wish, after the turns before it.
    """
    found = _each(case, question) or parts(question)
    if not 1 < len(found) <= MOST or _BELONG.search(question):
        return None
    if any(_THAT_ONE.match(p) for p in found):
        return None  # how the wish before it is to be answered
    if all(w.HOW_MANY.search(p) or w.SHARE.search(p) for p in found):
        return None  # counts are told beside each other
    begins = first(case, found[0], turns(case, question)) if _SAFE.match(found[0]) else None
    if begins is not None and not begins.tool_calls and _not_understood(str(begins.text)):
        return None  # what is no sentence by itself was no wish of its own: the sentence is read as a whole
    return on(case, {"whole": question, "told": [], "left": found}, first)


def on(case: Case, wish: Mapping[str, Any], first: First) -> AIMessage:
    """The call of the next wish; the answers of all where none needs a further call."""
    told, left = [list(t) for t in wish["told"]], list(wish["left"])
    offered: list[str] = []
    while left:
        part = left.pop(0)
        made = first(case, part, _before(case, str(wish["whole"]), told))
        if made.tool_calls:
            more = {**made.additional_kwargs, WISH: {**wish, "now": part, "told": told, "left": left}}
            return AIMessage(made.text, tool_calls=made.tool_calls, additional_kwargs=more)
        told.append([part, str(made.text)])
        if left and _asks_back(str(made.text)):  # what follows may rest on the answer
            waits = prompts.say("several.left", left="; ".join(f"“{clean(p, 120)}”" for p in left))
            offers = [*made.additional_kwargs.get("choices", ())[:3], *left]
            return words.message("\n\n".join([*_lines(told), waits]), offers)
        offered += made.additional_kwargs.get("choices", ())[:2]
    lines = _lines(told)
    return words.message("\n\n".join(lines), list(dict.fromkeys([*offered[:2], *words.choices(case)])))


def _lines(told: Sequence[Sequence[str]]) -> list[str]:
    return [
        prompts.say("several.one", number=i, said=clean(p, 120), answer=t) for i, (p, t) in enumerate(told, 1)
    ]


def _asks_back(text: str) -> bool:
    """Whether words ask something of the person, so that nothing was done yet."""
    return text.rstrip().endswith("?") or _not_understood(text)


def _not_understood(text: str) -> bool:
    return unsure.was_asked(text) or text.startswith(prompts.say("asks_back"))


def answered(case: Case, wish: Mapping[str, Any], made: AIMessage, first: First) -> AIMessage:
    """What follows the answer ``made`` of the wish that was being carried out."""
    told = [*wish["told"], [wish["now"], str(made.text)]]
    return on(case, {**wish, "told": told}, first)


def begun(since: Sequence[BaseMessage]) -> int | None:
    """Where in a turn the wish begins that is being carried out; None where the turn has one wish."""
    return next((i for i in range(len(since) - 1, -1, -1) if WISH in since[i].additional_kwargs), None)


def _before(case: Case, whole: str, told: Sequence[Sequence[str]]) -> list[Turn]:
    """The turns before a wish: those before its sentence, and the wishes of it that were answered."""
    known = {e.id: e for e in case.state().evidence}
    return [*turns(case, whole), *(turn_of(part, (), text, known) for part, text in told)]
