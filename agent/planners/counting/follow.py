"""Sentences that go on with a count: ``out of how many?``, ``how many of those have stools?``, ``and in deployment?``, ``by class?``.

Pure functions of the sentence as it was read and of the counts of the turn before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from failsight.agent.planners import phrases
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.read import OUTCOMES, Count, denied, parts
from failsight.agent.planners.counting.said import RANKS, TOOL
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.planners.slots import splits, where
from failsight.tools.experiments.population import apart

_LEAD: Final = r"^\W*(?:(?:and|so|but|ok(?:ay)?|now|then|well|hm+|please|or)\b\W*)*"
OUT_OF: Final = re.compile(_LEAD + r"(?:(?:that'?s |that is |is that )?(?:out )?of how many|how many (?:is|are|were) there(?: (?:in (?:total|all)|altogether))?|what(?:'s| is) the total)\b[^?]{0,20}\W*$", re.IGNORECASE)  # fmt: skip
THAT: Final = re.compile(
    r"\bhow many (?:images |pictures |photos |ones )?(?:is|are|was|were|would) (?:that|this|those|it|they)(?: be)?\b",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    _LEAD
    + r"(?:how many|what (?:share|percentage))(?: (?:are|were|is|was|of (?:them|those|these|which) (?:are|were)|does it get))? ?(?:the )?(?:wrong|right|correct|mistaken|misclassified)\W*$",
    re.IGNORECASE,
)
_OUTCOME: Final = re.compile(r"\b(?:out )?of (?:all )?(?:the |those |these )?(?:wrong|right|correct|errors|mistakes|failures|misclassified)\b", re.IGNORECASE)  # fmt: skip
_COMPARE: Final = re.compile(r"\b(?:compare|compared|versus|vs|against)\b", re.IGNORECASE)
_OTHERS: Final = re.compile(
    _LEAD
    + r"(?:what about |how about )?(?:the |all (?:the )?)?(?:others?|other (?:classes|rooms|ones|four|three|five)|rest)\W*$",
    re.IGNORECASE,
)
_AGAIN: Final = re.compile(r"\b(?:again|back|after all|included?|including)\b", re.IGNORECASE)
_AROUND: Final = re.compile(r"\b(?:other way (?:a?round)?|vice.versa|the (?:reverse|opposite|converse))\b", re.IGNORECASE)  # fmt: skip
_INTO_BASE: Final = re.compile(r"\b(?:with|without|in|at|only|just|for|among|if|when|on)\b", re.IGNORECASE)
_ASKS: Final = re.compile(_LEAD + r"(?:is|are|was|were|does|do|did|has|have|can|could|will|would|should|i|why|who|where|when|which)\b(?! (?:without|with|about|(?:the |that |it )?same)\b)", re.IGNORECASE)  # fmt: skip
_MOST_WORDS: Final = 14  # of a sentence that only goes on


def context(before: Sequence[Turn]) -> tuple[list[Count], bool]:
    """What the last measurement counted, and whether it was a count: only then do names alone go on with it."""
    turn = next((t for t in reversed(before) if t.acts or not phrases.is_aside(t.said)), None)
    if turn is None or not turn.acts:
        return [], False
    made = [_of_count(a.arguments) for a in turn.acts if a.tool == TOOL]
    if made:
        return made, True
    asked = turn.said if not splits(turn.said) else " ".join(t.said for t in before[-2:])
    if turn.acts[0].tool == "evaluate" and RANKS.search(w.spelt(asked)):
        return [Count((), ("correct",), _splits(turn.acts[0].arguments))], True
    one = of_other(turn.acts[0])
    return ([one] if one else []), False


def _splits(given: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(given["split"]),) if given.get("split") and given["split"] != "data" else ()


def held(value: Any) -> tuple[str, ...]:
    return (
        tuple(p.strip() for p in apart(value) if p.strip()) if isinstance(value, str) else tuple(value or ())
    )


def _of_count(given: Mapping[str, Any]) -> Count:
    return Count(
        held(given.get("among")), held(given.get("having")), _splits(given), str(given.get("by") or "")
    )


def of_other(act: Act) -> Count | None:
    """The images behind a confusion, behind pictures that are shown, of a group that was compared, or of a class."""
    given = act.arguments
    if act.tool == "data_statistics" and given.get("class_name"):
        return Count((f"true={given['class_name']}",), (), _splits(given))
    if act.tool not in ("confusion_matrix", "show_images", "compare_group"):
        return None
    true, called = given.get("true_class") or given.get("class_name"), given.get("predicted_class")
    among = [f"true={true}"] if true else []
    if act.tool != "confusion_matrix":
        among += [f"predicted={called}"] if called else []
        among += [c for c in where(given) if c not in OUTCOMES]
        wrong = "wrong" in where(given) or act.tool == "compare_group"
        return Count(tuple(among), ("wrong",) if wrong else (), _splits(given)) if among or wrong else None
    having = (f"predicted={called}",) if called and true else ("wrong",)
    among += [f"predicted={called}"] if called and not true else []
    return Count(tuple(among), having, _splits(given)) if among else None


def follow(
    question: str, plain: str, made: Sequence[Count], base: Sequence[Count], *, strict: bool
) -> list[Count] | None:
    """The counts of the turn before, as the sentence changes them; None where it is no such change.

    Args:
        plain: the sentence without the names in it.
        made: the sentence as it was read.
        base: what was counted before. strict: by a count, which names alone may change.
    """
    if not base:
        return None
    said = made[0] if made else Count()
    if OUT_OF.match(question) and not said.among:
        return [replace(b, having=(), by="") if b.having else b for b in base]
    if strict and (THAT.search(question) or (w.PERCENT.search(question) and not said.among)):
        return _unique([replace(b, splits=said.splits or b.splits) for b in base])
    if w.ELSEWHERE.search(plain) or said.unread or len(question.split()) > _MOST_WORDS + 8:
        return None
    if any(c.those and c.head for c in made):
        return _of_those(made, base)
    if _BARE.match(question):
        return _unique([_outcome(b, said) for b in base])
    if not strict or said.head or len(question.split()) > _MOST_WORDS or _ASKS.match(question):
        return None
    if len(made) > 1:
        return _unique([patched(b, m, question) for b in base for m in made if m.among])
    return _changed(question, said, base)


def _of_those(made: Sequence[Count], base: Sequence[Count]) -> list[Count]:
    """``how many of those have stools?``: among the images that were counted."""
    counts = []
    for said in made:
        for one in base:
            own = set(said.having) & set(OUTCOMES) and set(one.having) & set(OUTCOMES)
            kept = () if own or one.having == ("correct",) or not said.those else one.having
            among = (*one.among, *kept, *(c for c in said.among if c not in one.among))
            having = said.having
            if not having and said.among:
                among, having = (*one.among, *kept), said.among
            counts.append(replace(said, among=_dropped(among, having), having=having, splits=said.splits or one.splits, those=False))  # fmt: skip
    return _unique(counts)


def _dropped(among: Sequence[str], having: Sequence[str]) -> tuple[str, ...]:
    """Conditions of the base but those that what is counted repeats or speaks against."""
    outcome = bool(set(having) & set(OUTCOMES))
    return tuple(c for c in dict.fromkeys(among) if c not in having and not (outcome and c in OUTCOMES))


def _outcome(one: Count, said: Count) -> Count:
    kept = one.having if not set(one.having) & set(OUTCOMES) else ()
    return replace(one, among=_dropped((*one.among, *kept), said.having), having=said.having, by="")


def _changed(question: str, said: Count, base: Sequence[Count]) -> list[Count] | None:
    if _AROUND.search(question) and not said.among:
        turned = [_turned(b) for b in base]
        return turned if turned != list(base) else None
    if _OTHERS.match(question):
        left = [o for b in base if (o := others(b)) is not None]
        return _unique(left) or None
    if _OUTCOME.search(question) and set(said.among) <= set(OUTCOMES) and said.among:
        inside = [replace(b, among=(*_dropped(b.among, said.among), *said.among), having=tuple(c for c in b.having if c not in OUTCOMES)) for b in base]  # fmt: skip
        return inside if all(b.having for b in inside) else None
    if not (said.among or said.splits or said.by):
        return None
    if said.either:
        return [replace(base[-1], having=(), either=said.either, splits=said.splits or base[-1].splits)]
    changed = [patched(b, said, question) for b in base]
    if _COMPARE.search(question) and said.among:
        return _unique([*base, *changed])
    return _unique(changed)


def _turned(one: Count) -> Count:
    true = [c for c in one.among if parts(c)[0] == "true"]
    called = [c for c in one.having if parts(c)[0] == "predicted"]
    if not (true and called):
        return one
    among = [
        *(f"true{c.removeprefix('predicted')}" for c in called),
        *(c for c in one.among if c not in true),
    ]
    having = [
        *(f"predicted{c.removeprefix('true')}" for c in true),
        *(c for c in one.having if c not in called),
    ]
    return replace(one, among=tuple(among), having=tuple(having))


def others(one: Count) -> Count | None:
    """The other classes, or the images outside of the group."""
    if any(parts(c)[0] == "true" for c in one.among):
        return replace(one, among=tuple(c for c in one.among if parts(c)[0] != "true"), by="true")
    held = [c for c in one.among if c not in OUTCOMES and parts(c)[1]]
    if len(held) != 1:
        return None
    return replace(one, among=tuple(denied(c) if c == held[0] else c for c in one.among))


def patched(one: Count, said: Count, question: str) -> Count:
    """A count with other names in it: each takes the place of one of its kind, or narrows the base."""
    among, having = list(one.among), list(one.having)
    for new in said.among:
        name = parts(new)[0]
        if new in OUTCOMES:
            having = [new]
        elif _AGAIN.search(question) and f"{name}!={parts(new)[2]}" in among:
            among.remove(f"{name}!={parts(new)[2]}")
        elif any(parts(c)[0] == name for c in among):
            kept = [c for c in among if parts(c)[0] != name or (parts(c)[1] == "!=" == parts(new)[1])]
            among = [*kept, new]
        elif any(parts(c)[0] == name for c in having):
            having = [c for c in having if parts(c)[0] != name] + [new]
        elif name not in ("true", "predicted", "confidence") and _of_things(having) and not _INTO_BASE.search(question):  # fmt: skip
            having = [new]
        else:
            among.append(new)
    by = said.by or one.by
    if said.by or (by and any(parts(c)[0] == by and "|" not in c for c in among)):
        among = [c for c in among if parts(c)[0] != by] if said.by else among
        by = said.by
    return replace(
        one, among=tuple(dict.fromkeys(among)), having=tuple(having), by=by, splits=said.splits or one.splits
    )


def _of_things(having: Sequence[str]) -> bool:
    return bool(having) and not any(
        c in OUTCOMES or parts(c)[0] in ("true", "predicted", "confidence") for c in having
    )


def _unique(counts: Sequence[Count]) -> list[Count]:
    return list(dict.fromkeys(counts))
