"""Groups that stay as they were said: ``are the frogs okay there?``, ``and for the rest?``, ``if we leave out A at B, how good is the rest?``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight.agent.planners import antecedents, grouped, looks
from failsight.agent.planners.counting.base import call_of, names_of, split_of, why
from failsight.agent.planners.counting.read import OUTCOMES, Count, parts
from failsight.agent.planners.counting.said import TOOL
from failsight.knowledge_base.condition_text import TOGETHER, column_of
from failsight.knowledge_base.turned_away import left_over, resolved, runs
from failsight.tools.experiments.population import apart
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.antecedents import About
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mention, Mentions

LONGEST: Final = 200
_OF_IMAGES: Final = (
    TOOL,
    "compare_group",
    "show_images",
    "confusion_matrix",
)  # their answers are about a group of images
_THERE: Final = re.compile(r"\b(?:okay|ok|fine|good|alright|all right|bad|well|right|correct|wrong|better|worse|recogni[sz]ed|too|as well|also|#)(?: (?:as well|too|also))? there\W*$|\bhow (?:many|often|good|well)\b[^?]*\bthere\W*$", re.IGNORECASE)  # fmt: skip
_NO_PLACE: Final = re.compile(r"\b(?:is|are|was|were) there\b|\bwhy\b|\bshow\b|\bwhat\b|\bthere (?:is|are|was|were)\b", re.IGNORECASE)  # fmt: skip
_RIGHT: Final = re.compile(r"\b(?:okay|ok|fine|good|alright|all right|well|right|correct\w*|recogni[sz]\w*)\b", re.IGNORECASE)  # fmt: skip
_REST: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well)\b\W*)*(?:(?:what|how) about |how (?:is|are|was|does|good is|well does) (?:it|that)(?: (?:be|do|look|work))? )?(?:(?:for|on|in|with|of|at|by) )?(?:all )?(?:the )?(?:rest|others?|other (?:images|pictures|photos|ones)|remaining (?:ones|images|pictures))(?: of (?:them|the (?:images|pictures|photos)))?\W*$",
    re.IGNORECASE,
)
_LEAVES: Final = re.compile(
    r"\b(?:if|suppose|supposing|when|assuming|say|imagine|what if)\b[^?]*?\b(?:leav(?:e|ing)|thr(?:ow|ew)(?:ing)?|t(?:ake|ook|aking)|drop(?:ped)?|skip(?:ped)?|ignored?|exclud(?:e|ed|ing)|left|removed?|without|put aside)\b[^?]*\bhow (?:good|well|accurate|reliable|many|often)\b[^?]*(?:\b(?:rest|others?|remaining|what is left|then|left)\b|\bit\b[^?]*)\W*$",
    re.IGNORECASE,
)
_TURNS_AWAY: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|please)\b\W*)*(?:leave|throw|take|drop|skip|ignore|exclude)\b[^?]*,\s*(?:and\s+|then\s+)*how (?:good|well|accurate|reliable|many)\b",
    re.IGNORECASE,
)
_HOW_GOOD: Final = re.compile(
    r"\bhow (?:good|well|accurate|reliable|many|often|bad)\b|\bwhat (?:share|percentage|is left|remains)\b",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|what about|how about)\b\W*)*(?:leav|without|exclud|except|apart|aside|ignor|omit|skip|drop|tak|not counting)",
    re.IGNORECASE,
)
_NO_IMAGES: Final = re.compile(
    r"\b(?:train\w*|retrain\w*|learn\w*|label\w*|class\b|model again)\b", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The count within, or outside of, the images that were spoken of; None for every other sentence."""
    if TOOL not in registry() or len(question) > LONGEST:
        return None
    if any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    made = _parts_left_out(case, question, mentions, before) or _left_out(case, question, mentions)
    return made or _there(case, question, mentions, before) or _rest(case, question, mentions, before)  # fmt: skip


def _parts_left_out(
    case: Case, question: str, mentions: Mentions, before: Sequence[Turn]
) -> AIMessage | None:
    """``how good is it without the dark kitchens?``, ``and leaving the old scans and the dark kitchens out?``: part of a class is left out."""
    some = [(m, c) for m in mentions.found if (c := _condition(m))]
    if (
        len(some) != len(mentions.found)
        or not any(m.role == "class" for m, _ in some)
        or _NO_IMAGES.search(question)
    ):
        return None
    numbers = runs(question, [(m.start, m.end) for m, _ in some])
    shared = [n for (m, _), n in zip(some, numbers, strict=True) if m.role == "class"]
    if not all(n and numbers.count(n) > 1 for n in shared):
        return None
    rest, kept = resolved([c for _, c in some], numbers), Count((), ())
    if not _HOW_GOOD.search(question):
        found = antecedents.recent(case, before)[:1]
        act = found[0].act if found else None
        counted = (
            act is not None and act.tool == TOOL and not act.arguments.get("by") and len(found[0].counts) == 1
        )
        kept = found[0].counts[0] if counted else kept
        if not _BEGINS.match(question):
            return None
    wrong = re.search(r"\bwrong\b", question, re.IGNORECASE) is not None
    having = kept.having or (("wrong",) if wrong else ("correct",))
    split = split_of(question) or next(iter(kept.splits), "")
    among = tuple(dict.fromkeys((*kept.among, *(p for c in rest for p in apart(c)))))
    return call_of((TOOL, Count(among, having).arguments(split)), [], why(question))


def _condition(one: Mention) -> str:
    """The condition that a name is; empty for a name that is none."""
    if one.role == "class":
        return f"true={one.name}"
    return one.name if one.role == "value" else f"{one.name}=yes" if one.role == "object" else ""


def _left_out(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``if we throw away the old cameras at the lake, how good would it be for the rest?``"""
    if (
        not (_LEAVES.search(question) or _TURNS_AWAY.match(question))
        or _NO_IMAGES.search(question)
        or mentions.of("class")
    ):
        return None
    group = grouped.group_in(case, mentions)
    if group.each or group.unsure or not group.conditions:
        return None
    away = [c for c in group.conditions if c.startswith(TOGETHER) or parts(c)[1] == "!="]
    rest = list(group.conditions) if away else _outside(group.conditions)
    having = ("wrong",) if re.search(r"\bwrong\b", question, re.IGNORECASE) else ("correct",)
    split = split_of(question)
    return call_of((TOOL, Count(tuple(rest), having).arguments(split)), [], why(question))


def _there(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """A class among the images of which the last answer spoke."""
    names = mentions.of("class")
    if len(names) != 1 or any(m.role != "class" for m in mentions.found):
        return None
    text = question
    for one in mentions.found:
        text = f"{text[: one.start]}{'#':<{one.end - one.start}}{text[one.end :]}"
    text = re.sub(r"#\s+", "# ", text)
    if not _THERE.search(text) or _NO_PLACE.search(text):
        return None
    found = antecedents.recent(case, before)[:1]
    held, base = _shared(found)
    if not held and found:
        held, base = _said_before(case, before)
    if not held or base is None:
        return None
    asks = re.search(r"\bhow many\b", question, re.IGNORECASE) is not None
    outcome = tuple(c for c in base.having if c in OUTCOMES)
    having = ("correct",) if _RIGHT.search(question) else ("wrong",) if not asks else (outcome or ("wrong",))
    call = (TOOL, Count((f"true={names[0]}", *held), having).arguments(*base.splits[:1]))
    return call_of(call, [], why(question))


def _said_before(case: Case, before: Sequence[Turn]) -> tuple[tuple[str, ...], Count | None]:
    """The group that the sentence before named, where its answer told more groups than that."""
    said = next((t.said for t in reversed(before) if t.acts), "")
    group = grouped.group_in(case, names_of(case, said))
    if group.each or group.unsure or not group.conditions:
        return (), None
    split = split_of(said) or looks.only_in(case, group.conditions) or ""
    return group.conditions, Count((), ("correct",), (split,) if split else ())


def _shared(found: Sequence[About]) -> tuple[tuple[str, ...], Count | None]:
    """The conditions of the images that the last answer was about: those of each count, and the values of one column together."""
    act = found[0].act if found else None
    counts = found[0].counts if act is not None and act.tool in _OF_IMAGES else ()
    if not counts:
        return (), None
    rows = [[c for c in one.among if c not in OUTCOMES and parts(c)[0] not in ("true", "predicted", "confidence")] for one in counts]  # fmt: skip
    if _is_rest(rows):
        rows = rows[:1]  # a group that was told beside all others
    common = [c for c in rows[0] if all(c in row for row in rows)]
    own = [[c for c in row if c not in common] for row in rows]
    columns = {column_of(c) for row in own for c in row}
    if len(columns) == 1 and all(len(row) == 1 and parts(row[0])[1] == "=" for row in own):
        column = columns.pop()
        if any(
            column_of(c) == column for c in common
        ):  # the values that were compared are some of those that are left
            return tuple(common), counts[0]
        return (*common, f"{column}={'|'.join(parts(row[0])[2] for row in own)}"), counts[0]
    return (tuple(common), counts[0]) if not columns else ((), None)


def _is_rest(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the second of some counts is of all that the first is not."""
    if len(rows) < 2 or not rows[0]:
        return False
    return list(rows[1]) == _outside(rows[0])


def _outside(held: Sequence[str]) -> list[str]:
    """The conditions of all images but those that meet all of ``held``."""
    return apart(left_over(held))


def _rest(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``and for the rest?``: the images outside of the group that was counted, by the same quantity."""
    if mentions.found or not _REST.match(question):
        return None
    found = antecedents.recent(case, before)[:1]
    if not found or found[0].act is None or found[0].act.tool != TOOL or found[0].act.arguments.get("by"):
        return None
    one = found[0].counts[0]
    held = [
        c for c in one.among if c not in OUTCOMES and parts(c)[0] not in ("true", "predicted", "confidence")
    ]
    kept = [c for c in one.among if parts(c)[0] == "true"]
    if not held or not one.having:
        return None
    call = (TOOL, Count((*kept, *_outside(held)), one.having).arguments(*one.splits[:1]))
    return call_of(call, [], why(question))
