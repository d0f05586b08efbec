"""Sentences that narrow the images of the last answer: ``and only the coloured ones`` after pictures, ``within the kitchens?`` after a test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight.agent.planners import antecedents, looks
from failsight.agent.planners.counting import follow
from failsight.agent.planners.counting.base import call_of, columns_of, marks, why
from failsight.agent.planners.counting.read import OUTCOMES, Count, parts, read
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.words import call
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.antecedents import About
    from failsight.agent.planners.dialogue import Act, Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 100
_LEAD: Final = r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well|hm+|no|please|sorry|rather|i (?:only |just )?meant?|i (?:only |just )?want(?:ed)?|show me|show|of (?:those|these|them)|what about|how about)\b\W*)*"
#: what says that the group stays and becomes smaller
_NARROWS: Final = re.compile(rf"{_LEAD}(?:only|just|within|inside|among)\b", re.IGNORECASE)
_ONLY: Final = re.compile(r"\b(?:only|just|of (?:those|these|them))\b", re.IGNORECASE)
_THINGS: Final = re.compile(
    r"\b(?:ones?|those|pictures?|images?|photos?|photographs?|scans?)\b", re.IGNORECASE
)
_SMALL_TEXT: Final = (
    "and so but ok okay now then well hm hmm no please sorry rather i only just mean meant want wanted show me of those these them what how about the a an our all in at on for from "
    "with within inside among ones one that which are is was were pictures images photos scans photographs picture group groups class same"
)
_SMALL: Final = frozenset(_SMALL_TEXT.split())
_OTHERS: Final = frozenset(("other", "others", "rest", "both", "each", "too"))
_SEARCHED: Final = ("find_slices", "disaggregate")
_SHOWN: Final = ("show_images", "confusion_matrix")


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The same pictures, or the same counts, of fewer images; None for every other sentence."""
    if (each := _each(case, question, mentions, before)) is not None:
        return each
    if TOOL not in registry() or len(question) > LONGEST or not _NARROWS.match(question):
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    found = antecedents.recent(case, before)[:1]
    act = found[0].act if found else None
    said = _named(case, question, mentions) if act is not None else None
    if act is None or said is None:
        return None
    if act.tool in _SHOWN and _pictures(act):
        return _fewer_pictures(case, question, said, act)
    if act.tool in _SEARCHED and act.arguments.get("attributes") and _of_images(question, mentions):
        return _beside_the_rest(
            question, Count(said.among, ("wrong",), found[0].counts[0].splits if found[0].counts else ())
        )
    return _compared(question, said, found[0]) if act.tool == "compare_group" else None


def _each(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``and the others, Jonas, Marco?`` after a count of one value: each of these, and not all as one."""
    values = list(dict.fromkeys(m.name for m in mentions.found if m.role == "value"))
    columns = {parts(v)[0] for v in values}
    if TOOL not in registry() or len(values) < 2 or len(columns) != 1 or len(question) > LONGEST:
        return None
    if any(m.role != "value" for m in mentions.found) or any(parts(v)[1] != "=" for v in values):
        return None
    text = question
    for one in mentions.found:
        text = f"{text[: one.start]}{' ' * (one.end - one.start)}{text[one.end :]}"
    if any(w not in _SMALL | _OTHERS for w in re.findall(r"[^\W\d_]+", text.lower())):
        return None
    found = antecedents.recent(case, before)[:1]
    act, column = found[0].act if found else None, next(iter(columns))
    base = found[0].counts[0] if act is not None and act.tool == TOOL and found[0].counts else None
    if base is None or not any(parts(c)[0] == column for c in base.among):
        return None
    kept = tuple(c for c in base.among if parts(c)[0] != column)
    listed = f"{column}={'|'.join(parts(v)[2] for v in values)}"
    one_ = Count((*kept, listed), base.having or ("wrong",), base.splits, column)
    return call_of((TOOL, one_.arguments(*base.splits[:1])), [], why(question))


def _named(case: Case, question: str, mentions: Mentions) -> Count | None:
    """The images that a sentence of nothing but names and small words tells; None for every other."""
    text = question
    made = read(
        mentions, columns_of(case), lambda m, low: looks.condition(case, m, low), marks(case, mentions)
    )
    for one in mentions.found:
        text = f"{text[: one.start]}{' ' * (one.end - one.start)}{text[one.end :]}"
    if any(w not in _SMALL for w in re.findall(r"[^\W\d_]+", text.lower())):
        return None
    held = made[0].among if len(made) == 1 else ()
    if not held or any(c.startswith("?") or c in OUTCOMES for c in held):
        return None
    return made[0]


def _of_images(question: str, mentions: Mentions) -> bool:
    """Whether ``only`` is said of images (``only the dark ones``): ``only the plants`` after a search is a search for these alone."""
    told = any(m.role == "value" for m in mentions.found) or _THINGS.search(question) is not None
    return told and _ONLY.search(question) is not None


def _pictures(act: Act) -> bool:
    """Whether a measurement showed pictures: a matrix does so where both of its classes are named."""
    return act.tool != "confusion_matrix" or bool(act.arguments.get("true_class") and act.arguments.get("predicted_class"))  # fmt: skip


def _fewer_pictures(case: Case, question: str, said: Count, act: Act) -> AIMessage | None:
    base = follow.of_other(act)
    if base is None:
        return None
    one = follow.patched(replace(base, among=(*base.among, *base.having), having=()), said, "only")
    given: dict[str, Any] = {"class_name": _class(one, "true"), "predicted_class": _class(one, "predicted")}
    given["where"] = "&".join(c for c in one.among if parts(c)[0] not in ("true", "predicted"))
    given["split"] = next(iter(one.splits), None)
    given |= {k: v for k, v in act.arguments.items() if k in ("k", "order") and act.tool == "show_images"}
    return call("show_images", {k: v for k, v in given.items() if v}, why(question))


def _class(one: Count, kind: str) -> str:
    return next((parts(c)[2] for c in one.among if parts(c)[:2] == (kind, "=")), "")


def _beside_the_rest(question: str, one: Count) -> AIMessage:
    """A group that was searched for among others, counted beside the rest of the images."""
    from failsight.agent.planners.known.counts import rest_of

    group = [c for c in one.among if parts(c)[0] != "true"]
    rest = rest_of(group) if group else ()
    lead = tuple(c for c in one.among if parts(c)[0] == "true")
    calls = [(TOOL, one.arguments(*one.splits[:1]))]
    calls += [(TOOL, replace(one, among=(*lead, *rest)).arguments(*one.splits[:1]))] if rest else []
    return call_of(calls[0], calls[1:], why(question), {"kind": "known", "beside": ["rest"] if rest else []})


def _compared(question: str, said: Count, about: About) -> AIMessage | None:
    """Both groups of a test, among the images that the sentence names."""
    made = list(dict.fromkeys(follow.patched(b, said, "only") for b in about.counts))
    if not made:
        return None
    calls = [(TOOL, c.arguments(*c.splits[:1])) for c in made]
    return call_of(calls[0], calls[1:], why(question), {"kind": "compared", "how": "worse", "asked": False})


__all__ = ["answered"]
