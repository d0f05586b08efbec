"""Counting and arithmetic in a conversation: which sentences ask for a number of images, and the calls that count them.

``how many bathrooms with a cat are wrong in training?`` is read into calls of ``count_images``, with every name of it; a sentence that
goes on (``and in deployment?``, ``how many of those have stools?``) changes the count before it. Sentences that other tools answer
better are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import looks
from failsight.agent.planners.counting import by_column, named_beside
from failsight.agent.planners.counting import follow as counting_follow
from failsight.agent.planners.counting import more as counting_more
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, marks, names_of
from failsight.agent.planners.counting.read import OUTCOMES, Count, denied, parts, read
from failsight.agent.planners.counting.said import SAID, TOOL
from failsight.agent.planners.slots import without_names
from failsight.knowledge_base.condition_text import TOGETHER
from failsight.knowledge_base.groups import strange_values
from failsight.knowledge_base.two_classes import positive
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 200  # characters of a sentence that asks for a number
MOST_UNREAD: Final = 2  # words that may be left out of an answer, and are told
_ONE_SIDED: Final = re.compile(
    r"\b(?:miss\w*|overlook\w*|false (?:alarms?|positives?|negatives?))\b", re.IGNORECASE
)
_FIGURE: Final = re.compile(r"\b(?:accurac\w+|recall|precision|error[ -]rates?)\b", re.IGNORECASE)
_SHOWS: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|now|then|well|please|can you|could you|let me|let us|let's|just|i want to)\b\W*)*(?:show|list|open|view|display|give me|find|look at|test|mask|check)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or the words, for a sentence that asks for a number of images; None for every other sentence.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    if TOOL not in registry() or len(question) > LONGEST:
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found) or mentions.unknown_images:
        return None
    spelt = _first_question(w.spelt(question))
    if spelt != question:
        question, mentions = spelt, names_of(case, spelt)
    pointed = by_column.pointed(case, question, mentions, before)
    if pointed != question:
        question, mentions = pointed, names_of(case, pointed)
    columns = columns_of(case)
    if strange_values(mentions, columns):
        return None
    special = counting_more.answered(case, question, mentions, before)
    if special is not None:
        return special
    counts = _where_they_are(case, _other_side(case, question, before) or asked(case, mentions, before))
    return message(case, question, counts) if counts else None


def _other_side(case: Case, question: str, before: Sequence[Turn]) -> list[Count]:
    """``how many with over 800 hours are wrong, and how many with less?``: the count on both sides of its limit; none for every other sentence."""
    short = named_beside.without_tail(question)
    made = asked(case, names_of(case, short), before) if short != question else []
    return named_beside.both_sides(made[0]) if len(made) == 1 else []


def _where_they_are(case: Case, counts: Sequence[Count]) -> list[Count]:
    """Counts of what stands in one split alone (dark pictures, in real use), of that split: elsewhere there is nothing to count."""
    made = []
    for one in counts:
        split = looks.only_in(case, (*one.among, *one.having, *one.either))
        made.append(replace(one, splits=(split,)) if split and one.splits in ((), ("data",)) else one)
    return made


def _first_question(text: str) -> str:
    """The sentence without what is remarked after its question mark: ``how many go to LivingRoom? we don't have any``."""
    first, mark, rest = text.partition("?")
    remark = mark and rest.strip(" ?!.") and w.HOW_MANY.search(first) and "?" not in rest
    return f"{first}?" if remark and not any(p.search(rest) for p in (w.HOW_MANY, w.SHARE)) else text


def asked(case: Case, mentions: Mentions, before: Sequence[Turn]) -> list[Count]:
    """The counts that a sentence asks for, with what it takes from the count before it; none where it asks for none."""
    question = mentions.sentence
    if _SHOWS.match(question) or (positive(case.classes) is not None and _ONE_SIDED.search(question)):
        return []
    columns = columns_of(case)
    told = marks(case, mentions)
    made = read(mentions, columns, lambda m, low: looks.condition(case, m, low), told)
    made = _compared(_complemented(made, question))
    base, strict = counting_follow.context(before)
    plain = without_names(mentions)
    for one in told:  # the unit of a bound, in "above 1,000 dollars", is no word that other tools answer
        plain = plain.replace(question[one.start : one.end], " ")
    followed = counting_follow.follow(question, plain, made, base, strict=strict)
    if followed is not None:
        return _with_values(followed, base)
    if len(made) == 2 and _opposed(made):
        return [replace(one, having=one.having or ("correct",)) for one in made]
    if not made or w.ELSEWHERE.search(plain) or any(c.those for c in made):
        return []
    if not all(_takes(one, question, len(made) > 1) for one in made):
        return []
    return list(made)


def _with_values(counts: Sequence[Count], base: Sequence[Count]) -> list[Count]:
    """Counts without the columns of which no value was said, which are told to be left out; none where nothing else was said."""
    made = []
    for one in counts:
        bare = [c.removeprefix("?").replace("_", " ") for c in (*one.among, *one.having) if c.startswith("?")]
        among, having = (tuple(c for c in held if not c.startswith("?")) for held in (one.among, one.having))
        made.append(replace(one, among=among, having=having, unread=(*one.unread, *bare)) if bare else one)
    return made if any(not m.unread or replace(m, unread=()) not in base for m in made) else []


def _opposed(made: Sequence[Count]) -> bool:
    """``kitchens of cheap houses vs kitchens of expensive ones``: two groups by a number, beside each other, and nothing else."""
    names = [{parts(c)[0] for c in one.among} for one in made]
    numbers = all(any(parts(c)[1] in ("<", "<=", ">", ">=") for c in one.among) for one in made)
    return numbers and names[0] == names[1] and not any(one.unread or one.head or one.those for one in made)


def _complemented(made: Sequence[Count], question: str) -> list[Count]:
    """``four or more bedrooms versus fewer``: the rest of the images beside them."""
    if not w.VERSUS.search(question):
        return list(made)
    if len(made) != 1 or len(made[0].unread) != 1 or made[0].unread[0] not in ("fewer", "less", "more", "rest", "others", "other"):  # fmt: skip
        return list(made)
    one = replace(made[0], unread=())
    numbers = [c for c in one.among if parts(c)[1] in ("<", "<=", ">", ">=")]
    if len(numbers) != 1:
        return list(made)
    return [one, replace(one, among=tuple(denied(c) if c == numbers[0] else c for c in one.among))]


_COMPARATIVES: Final = frozenset(
    ["lower", "higher", "worse", "better", "smaller", "larger", "greater", "more", "less"]
)


def _compared(made: Sequence[Count]) -> list[Count]:
    """``is the accuracy of bathroom lower than that of kitchen?``: both are told, and so which is lower."""
    if len(made) != 1 or made[0].head != "rate" or not any("|" in c for c in made[0].among):
        return list(made)
    return [replace(made[0], unread=tuple(u for u in made[0].unread if u not in _COMPARATIVES))]


def _takes(one: Count, question: str, several: bool) -> bool:
    """Whether a count is better answered by counting than by another tool."""
    if not one.head or any(c.startswith("?") for c in (*one.among, *one.having)):
        return False
    if one.unread:
        told = one.head in ("many", "share") and bool(one.among) and bool(one.having)
        if not told or len(one.unread) > MOST_UNREAD:
            return False
    return _takes_rate(one, question) if one.head == "rate" else _takes_number(one, several)


def _takes_rate(one: Count, question: str) -> bool:
    names = [parts(c)[0] for c in one.among]
    classes = [c for c in one.among if parts(c)[0] in ("true", "predicted")]
    others = [c for c in one.among if c not in classes]
    narrow = any(
        "!=" in c or c.startswith(TOGETHER) or "|" in c or c.endswith("=no") or parts(c)[0] == "confidence"
        for c in one.among
    )
    limits = [parts(c)[0] for c in others if parts(c)[1] in ("<", "<=", ">", ">=")]
    narrow = narrow or w.WITHOUT.search(question) is not None or len(set(limits)) < len(limits)
    if narrow or w.FOR_SOME.search(question) or w.ONLY_ANSWERS.search(question):
        return bool(one.among)
    if one.by:
        return bool(others or classes) or w.DIFFERS.search(question) is not None or w.WITH_AND_WITHOUT.search(question) is not None  # fmt: skip
    return bool(classes) and (not others or len(names) > 2) and _FIGURE.search(question) is not None


def _takes_number(one: Count, several: bool) -> bool:
    names = [parts(c)[0] for c in (*one.among, *one.having)]
    others = [n for n in names if n not in ("true", "predicted")]
    if one.by and one.having:
        return True
    if (
        not others
    ):  # how many kitchens there are, or how many of them are taken for another class, other tools tell
        pair = (
            bool(one.having)
            and bool(one.among)
            and all(parts(c)[1] == "=" for c in (*one.among, *one.having))
        )
        return several or any("!=" in c or "|" in c for c in (*one.among, *one.having)) or (bool(one.having) and not pair and names == ["predicted"])  # fmt: skip
    return bool(one.having) or bool(set(others) - set(OUTCOMES))


def message(
    case: Case, question: str, counts: Sequence[Count], said: dict[str, Any] | None = None
) -> AIMessage:
    """The calls of counts, each on each of its splits; the last message of the turn sets them beside each other.

    Args:
        said: what is to be worked out of them.
    """
    either = next((c for c in counts if c.either), None)
    if either is not None and said is None:
        counts, said = counting_more.any_of(either)
    made = [(TOOL, c.arguments(s)) for c in counts for s in (c.splits or ("",))]
    first, *rest = [one for i, one in enumerate(made) if one not in made[:i]]
    unread = list(dict.fromkeys(u for c in counts for u in c.unread))
    return call_of(first, rest, prompts.say("why.question", question=clean(question, 120)), said, unread)


__all__ = ["SAID", "TOOL", "answered", "asked", "message"]
