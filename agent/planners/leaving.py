"""What a sentence leaves out of the last measurement, or takes in again: ``no, ignore the cats``, ``and the plants too``,
``and now with the cats again``. Pure functions of the sentence, the names in it and the last measurement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.planners.slots import Call, Unfit, fields, objects_as_regions, things, where
from failsight.knowledge_base.condition_text import TOGETHER
from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.vocabulary import Mention, Mentions

_OUT: Final = (
    r"(?:ignor(?:e|ing)|without|leav(?:e|ing) out|except(?: for)?|excluding|exclude|skip(?:ping)?|disregard(?:ing)?|forget(?:ting)?(?: about)?|minus|not counting|apart from|aside from|"
    r"but for|put(?:ting)? aside|omit(?:ting)?|drop(?:ping)?)"
)
EXCLUDE: Final = re.compile(
    r"^\W*(?:(?:no|and|but|also|please|ok|okay|now|then|or|nor|could you|can you|let'?s|just|same|the same|again|if|what if|what about|how about|we|i|you|try|do (?:it|that)|"
    rf"everything|all|anything|this time|so)\b\W*)*{_OUT}\b",
    re.IGNORECASE,
)
_NEGATED: Final = re.compile(
    rf"(?:\b(?:not|never)(?! (?:only|just|merely|sure))|\binstead of|\brather than|\bin place of|\bno longer|\bother than|\b{_OUT})"
    r"(?:\W+(?:the|a|an|any|all|for|in|of|on|by|with|at|about|to|my|our|these|those|class|classes|images?|pictures?|photos?|ones?))*\W*$",
    re.IGNORECASE,
)
_ALSO: Final = re.compile(
    r"^\W*(?:,\W*)?(?:and|or|nor|&|as well as|plus)(?:\W+(?:the|a|an|any|in|of|for|my|our))*\W*$",
    re.IGNORECASE,
)
_COMMA: Final = re.compile(r"^\s*,\s*(?:the|a|an|any)?\s*$", re.IGNORECASE)
_SWAPPING: Final = re.compile(
    r"\b(?:not|never|instead of|rather than|in place of|no longer|other than)\b", re.IGNORECASE
)
_MORE: Final = re.compile(
    r"^\W*(?:(?:oh|no|ok|okay|yes|please|then|now|so)\b\W*)*(?:and|or|nor|plus|also|neither)\b|\b(?:too|also|as well|likewise|either|neither)\b",
    re.IGNORECASE,
)
_NOT_THOSE: Final = re.compile(r"^\W*(?:(?:no|but|and|ok|okay|please|also)\b\W*)*not\b", re.IGNORECASE)
_ONLY: Final = re.compile(
    r"\b(?:only|just|instead|rather|what about|how about|look at|again|back)\b", re.IGNORECASE
)
_AGAIN: Final = re.compile(r"\b(?:again|back|after all|once more|in again)\b", re.IGNORECASE)
_TAKE_IN: Final = re.compile(
    r"^\W*(?:(?:no|and|but|also|please|ok|okay|now|then|or|so|well|could you|can you|let'?s|just|the same|again|if|what if|what about|how about|we|i|you|try|do (?:it|that)|this time|actually)\b\W*)*"
    r"(?:with|includ(?:e|ing)|bring(?:ing)?(?: back)?|put(?:ting)?(?: back)?|add(?:ing)?(?: back)?|count(?:ing)?(?: in)?|consider(?:ing)?|us(?:e|ing)|tak(?:e|ing)(?: in)?|allow(?:ing)?|keep(?:ing)?)\b",
    re.IGNORECASE,
)
_SMALL_TEXT: Final = (
    "ignore ignoring without leave leaving out except excluding exclude skip skipping disregard forget about minus not counting apart aside but put putting omit omitting "
    "drop dropping include including bring bringing back add adding count considering consider using take taking in after all allow if everything anything nor neither "
    "either likewise plus altogether completely this time"
)
_OF_ALL: Final = ("evaluate", "disaggregate", "find_slices")  # tell how often all images are right
SMALL: Final = frozenset(_SMALL_TEXT.split())
"""Words that a sentence of leaving out or taking in may have beside names and small words."""


def dropped(mentions: Mentions) -> tuple[Mention, ...]:
    """The names that a sentence turns away: those behind ``not``, ``instead of``, ``rather than``, ``without``."""
    gone: list[Mention] = []
    end = 0
    for one in mentions.found:
        between = mentions.sentence[end : one.start]
        before = gone[-1] if gone and gone[-1].end == end else None
        goes_on = before is not None and (
            _ALSO.match(between) or (_COMMA.match(between) and _lists(mentions, before, one))
        )
        if _NEGATED.search(between) or goes_on:
            gone.append(one)
        end = one.end
    return tuple(gone)


def _lists(mentions: Mentions, before: Mention, one: Mention) -> bool:
    """Whether a comma goes on with what is left out: ``without cats, plants``; but ``not bathrooms, bedrooms`` corrects."""
    return (
        before.role != "class"
        and one.role != "class"
        and not _SWAPPING.search(mentions.sentence[: before.start])
    )


def was_leaving_out(before: Sequence[Turn], act: Act) -> bool:
    """Whether the last measurement came of leaving something out, or of leaving out more."""
    given = act.arguments
    narrowed = given.get("attributes") or any(c.endswith("=no") for c in where(given))
    if not narrowed and "mask:box:" not in str(given.get("edits", "")):
        return False
    for turn in reversed([t for t in before if t.acts]):
        if EXCLUDE.match(turn.said) or _NOT_THOSE.match(turn.said):
            return True
        if not leaves_out_more(turn.said):
            return False
    return False


def leaves_out_more(sentence: str) -> bool:
    """``and the plants too`` after something was left out."""
    return _MORE.search(sentence) is not None and _ONLY.search(sentence) is None


def takes_in(sentence: str) -> bool:
    """``and now with the cats again``, ``bring the cats back``, ``include the cats``."""
    return _TAKE_IN.match(sentence) is not None or _AGAIN.search(sentence) is not None


def without(
    left: Sequence[str], act: Act, given: Mapping[str, Any], every: Callable[[], Sequence[str]]
) -> Call | Unfit | None:
    """The last measurement without what is named; that nothing would be left of it; None where it can't leave things out."""
    takes = fields(act.tool)
    if not left:
        return None
    if act.tool == "what_if":
        kept = [p.strip() for p in str(given.get("edits", "")).split(";") if p.strip()]
        more = [p for p in (f"mask:box:{o}" for o in left) if p not in kept]
        return act.tool, {**given, "edits": "; ".join([*kept, *more])}
    if "attributes" in takes:
        before = list(given.get("attributes") or every())
        kept = [a for a in before if a not in left]
        if not kept:
            return Unfit("nothing_left", tuple(left))
        if kept == before and set(left) & set(act.arguments.get("attributes") or every()):
            return act.tool, dict(given)  # what else is named left it out already
        return (act.tool, {**given, "attributes": kept}) if kept != before else Unfit("not_in", tuple(left))
    if "where" in takes and act.tool != "state_hypothesis":
        there = where(given)
        return act.tool, {
            **given,
            "where": [*there, *(c for c in (f"{o}=no" for o in left) if c not in there)],
        }
    return None


def images_left(mentions: Mentions, act: Act) -> Call | None:
    """The last measurement of all images but those that are left out by what a column says of them: ``without line 3 at night``.

    Where it knows no conditions, it is counted how many of the others are right; None where nothing is said of images, or it measured no
    answers.
    """
    kept = [
        c for c in conditions_of(mentions) if "!=" in c or c.startswith(TOGETHER) or re.search(r"[<>]", c)
    ]
    if not kept:
        return None
    takes, given = fields(act.tool), dict(act.arguments)
    if "where" in takes and act.tool != "state_hypothesis":
        return act.tool, {**given, "where": [*(c for c in where(given) if c not in kept), *kept]}
    if act.tool not in _OF_ALL:
        return None
    split = {"split": given["split"]} if given.get("split") else {}
    return "count_images", {**split, "among": kept, "having": ["correct"]}


def again(
    mentions: Mentions, act: Act, given: Mapping[str, Any], every: Callable[[], Sequence[str]]
) -> Call | Unfit | None:
    """The last measurement with what was left out of it taken in again; None where nothing was left out in it."""
    names, takes = things(mentions), fields(act.tool)
    if not names:
        return None
    if act.tool == "what_if":
        regions = [f"mask:{r}" for r in objects_as_regions(mentions)]
        parts = [p.strip() for p in str(given.get("edits", "")).split(";") if p.strip()]
        kept = [p for p in parts if p not in regions]
        return (act.tool, {**given, "edits": "; ".join(kept)}) if kept and kept != parts else None
    if "attributes" in takes:
        return _attributes_again(names, act, given, list(every()))
    if "where" in takes and act.tool != "state_hypothesis":
        there = where(given)
        kept = [c for c in there if c not in {f"{n}=no" for n in names}]
        return (act.tool, _with_where(given, kept)) if kept != there else None
    return None


def _attributes_again(
    names: Sequence[str], act: Act, given: Mapping[str, Any], all_of_them: Sequence[str]
) -> Call | Unfit | None:
    before = list(given.get("attributes") or ())
    if not before:
        return Unfit("not_out", tuple(names))
    taken = {*before, *names}
    kept = [*(a for a in all_of_them if a in taken), *(a for a in before if a not in all_of_them)]
    if set(kept) == set(before):
        return Unfit("not_out", tuple(names))
    more = {k: v for k, v in given.items() if k != "attributes"}
    return act.tool, more if set(kept) >= set(all_of_them) else {**more, "attributes": kept}


def _with_where(given: Mapping[str, Any], kept: Sequence[str]) -> dict[str, Any]:
    made = {k: v for k, v in given.items() if k != "where"}
    return {**made, "where": list(kept)} if kept else made
