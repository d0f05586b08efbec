"""What the parts of counting share: the columns and names of a case, conditions told by a word or a unit, and calls with what is worked out
of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.marks import Mark
from failsight.agent.planners.counting.said import SAID
from failsight.agent.planners.dialogue import Turn
from failsight.agent.planners.slots import SPLIT_WORDS, splits, without_names
from failsight.knowledge_base.vocabulary import Mentions, words_of
from failsight.tools.text import clean, number_text

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

Call = tuple[str, dict[str, Any]]
LEAD: Final = r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well|hm+|please|or|what about|how about)\b\W*)*"
_HOUSES: Final = (
    (re.compile(r"\b(?:cheap(?:er)?|inexpensive|low.priced|affordable)(?= (?:ones|houses?|homes?|flats?|apartments?|properties|places)\b)", re.IGNORECASE), ("price", "usd", "cost", "value"), "<="),
    (re.compile(r"\b(?:(?:more )?expensive|pric(?:e)?y|high.priced|costly|dear)(?= (?:ones|houses?|homes?|flats?|apartments?|properties|places)\b| *[?.!]*$)", re.IGNORECASE), ("price", "usd", "cost", "value"), ">"),
    (re.compile(r"\b(?:small(?:er)?|little|tiny)(?= (?:houses?|homes?|flats?|apartments?|properties|places)\b)", re.IGNORECASE), ("area", "sqft", "size", "m2"), "<="),
    (re.compile(r"\b(?:large(?:r)?|big(?:ger)?)(?= (?:houses?|homes?|flats?|apartments?|properties|places)\b)", re.IGNORECASE), ("area", "sqft", "size", "m2"), ">"),
)  # fmt: skip
_UNITS: Final = (
    (r"dollars?|usd|\$|euros?|€", ("price", "usd", "cost", "value", "eur")),
    (
        r"sq\.? ?(?:ft|feet|m|meters?|metres?)|square (?:feet|meters?|metres?)|sqft|m2|m²",
        ("area", "sqft", "size", "m2"),
    ),
)


def columns_of(case: Case) -> Mapping[str, Sequence[str]]:
    """Attribute → its values as they are shown."""
    made: Mapping[str, Sequence[str]] = words.vocabulary(case).attributes
    return made


def call_of(
    first: Call,
    rest: Sequence[Call],
    why: str,
    said: Mapping[str, Any] | None = None,
    unread: Sequence[str] = (),
) -> AIMessage:
    """A call with those after it, and what is worked out of them."""
    from failsight.agent.planners.asides import UNREAD
    from failsight.agent.planners.words import call

    more: dict[str, Any] = {"then": [list(c) for c in rest]} if rest else {}
    more |= {SAID: dict(said)} if said else {}
    more |= {UNREAD: list(unread)} if unread else {}
    return call(*first, why, **more)


def marks(case: Case, mentions: Mentions) -> list[Mark]:
    """``expensive houses``, ``above 700000 dollars``: conditions on columns of numbers that are told by a word or a unit."""
    text, made = mentions.sentence, list[Mark]()
    for pattern, kinds, sign in _HOUSES:
        found = pattern.search(text)
        column = _column(case, kinds) if found is not None else ""
        middle = median(case, column) if column else None
        if found is not None and middle is not None:
            made.append(Mark(*found.span(), "condition", f"{column}{sign}{middle}"))
    for unit, about in _UNITS:
        pattern_ = rf"\b(?P<op>{'|'.join(sorted(w.OPS, key=len, reverse=True))}) ?(?P<n>\d[\d,.]*)(?P<k> ?k\b)? ?(?:{unit})"
        found = re.search(pattern_, text, re.IGNORECASE)
        column = _column(case, about) if found is not None else ""
        value = w.number_of(found["n"]) if found is not None and column else None
        if found is not None and value is not None:
            bound = number_text(value * (1000 if found["k"] else 1))
            made.append(Mark(*found.span(), "condition", f"{column}{w.OPS[found['op'].lower()]}{bound}"))
    return made


def _column(case: Case, kinds: Sequence[str]) -> str:
    """The one column of numbers whose name says what a word or a unit is about; empty for none or several."""
    found = [n for n in columns_of(case) if set(words_of(n)) & set(kinds) and median(case, n) is not None]
    return found[0] if len(found) == 1 else ""


_MEDIANS: WeakKeyDictionary[Case, dict[str, tuple[str, str | None]]] = WeakKeyDictionary()


def median(case: Case, column: str) -> str | None:
    """The median of a column of numbers; None for any other. Read once, and again after an edit: a table may have a million rows."""
    edits, kept = case.state().attributes_now(), _MEDIANS.setdefault(case, {})
    if column not in kept or kept[column][0] != edits:
        kept[column] = edits, _middle(case.attributes().columns.get(column, ()))
    return kept[column][1]


def _middle(values: Iterable[Any]) -> str | None:
    """The median of numbers, as it is shown; None where some are none, or there are none."""
    try:
        made = np.asarray([np.nan if v is None else v for v in values], float)
    except (TypeError, ValueError):
        return None
    made = made[np.isfinite(made)]
    return number_text(float(np.median(made))) if len(made) else None


def names_of(case: Case, text: str) -> Mentions:
    """The names of the case in a sentence."""
    from failsight.knowledge_base.counts import named

    return named(text[:400], words.vocabulary(case))


def why(question: str) -> str:
    """The reason of a call."""
    return prompts.say("why.question", question=clean(question, 120))


def split_of(text: str) -> str:
    """The one split that a sentence names; empty for none, and for the evaluation images."""
    named = splits(text)
    return named[0] if len(named) == 1 and named[0] != "data" else ""


def with_before(question: str, mentions: Mentions, before: Sequence[Turn]) -> str:
    """A sentence that only names a split, with the question before it that it asks again."""
    bare = re.sub(
        r"\b(?:images|pictures|photos|set|data|split)\b", " ", without_names(mentions), flags=re.IGNORECASE
    )
    if mentions.found or not splits(question) or re.sub(LEAD, "", _no_splits(bare)).strip(" ?.!"):
        return question
    for turn in reversed(before):
        named = splits(turn.said)
        only = not re.sub(LEAD, "", _no_splits(turn.said)).strip(" ?.!")
        if only and named:
            continue
        return f"{_no_splits(w.spelt(turn.said)).strip(' ?.!')} {question.strip()}"
    return question


def _no_splits(text: str) -> str:
    text = re.sub(
        rf"\b(?:in|on|for|of|at)(?: the)? (?:{SPLIT_WORDS.pattern})(?: (?:set|data|images|pictures|photos|split))?",
        " ",
        text,
        flags=re.IGNORECASE,
    )
    return SPLIT_WORDS.sub(" ", text)
