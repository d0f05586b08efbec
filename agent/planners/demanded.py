"""Demands in a sentence that asks whether they hold: ``is it ready for line 1 if I demand 80 percent accuracy?``.

They become expectations, of the group of images that the sentence names, and readiness is judged; the answer begins with exactly these.
A bound without a sign (``80 percent accuracy``) is on the side that people want of its measure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.expectations import METRICS, Criterion
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.groups import group_of
from failsight.tools.expectations.names import is_share
from failsight.tools.registry import registry
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Vocabulary

TOOL: Final = "readiness"
LONGEST: Final = 400
MOST_VALUES: Final = 12  # groups of which each gets a demand of its own
_EVERY: Final = re.compile(
    r"\b(?:on|in|at|for|of|with|by)? ?\b(?:every|each|all|any)(?: single)?(?: of)?(?: the| our)? $",
    re.IGNORECASE,
)
_SIGN: Final = r"(?:>=|<=|≥|≤|>|<|=|at least|at most|minimum(?: of)?|maximum(?: of)?|min|max|no less than|no more than|more than|less than|not below|not above|not under|not over|above|over|below|under|about|around|roughly|only|exactly)"
_BARE: Final = re.compile(
    rf"(?P<sign>{_SIGN}\s*(?:of\s+)?)?(?:\b(?:of|an?|the)\s+)?(?<![\w.])(?P<n>\d+(?:[.,]\d+)?)\s*(?:%|per ?cent\b)",
    re.IGNORECASE,
)
_WANTS: Final = re.compile(
    r"\b(?:i|we|they|you|it|the \w+|one)\s+(?:(?:only|just|really|do|will|would|also|now)\s+)*(?:demands?|requires?|expects?|needs?|wants?|insists? on|asks? for|must have|has to have|have to have)\b|^\W*(?:please )?(?:expect|demand|require)\b",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(r"\b(?:not|never|no|cannot)\b|n't\b", re.IGNORECASE)
_LOWER: Final = re.compile(
    r"\b(?:error|miss|false|confus\w+|overconfiden\w+|ece|calibration)\b", re.IGNORECASE
)
_RIGHT: Final = re.compile(r"(?<=%)\s*(?:are |is )?(?:right|correct)(?: answers)?\b|(?<=cent)\s*(?:are |is )?(?:right|correct)(?: answers)?\b", re.IGNORECASE)  # fmt: skip
_ERRORS: Final = re.compile(r"(?<!slice )(?<!calibration )\berrors?\b(?! rates?\b)", re.IGNORECASE)
_READY: Final = re.compile(
    r"\b(?:ready|(?:good )?enough(?= *(?:$|[?.,;]|for (?:us|that|this)\b))|fit for|acceptable|accept (?:it|this|that)|go live|release|ship|sell|roll (?:it )?out|let (?:it|this|that|the \w+) run|run (?:it|this|that)|use (?:it|this|that|the model)|deploy (?:it|this|the model)|put (?:it|this) into|get (?:it|that|this|there)|reach (?:it|that|this)|manage (?:it|that|this)|achieve (?:it|that|this)|"
    r"start with it|trust it|hold|holds|does it (?:reach|meet|make|pass|satisfy|fulfil)|(?:are|is) (?:that|this|these|they|it) (?:met|reached|fulfilled|satisfied))\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"\?\s*$|(?:^|[,;.:?!]\s*|\b(?:so|and|but|then)\s+)(?:is|are|can|could|may|should|shall|does|do|will|would|tell me (?:if|whether)|check (?:if|whether))\b",
    re.IGNORECASE,
)
_PIECES: Final = re.compile(
    r"[;?!:]+|[,.](?=\s|$)|\b(?:if|when|where(?:as)?|provided(?: that)?|given(?: that)?|assuming(?: that)?|suppos(?:e|ing)(?: that)?|as long as|with)\b",
    re.IGNORECASE,
)


def with_signs(text: str) -> str:
    """``recall of 80 percent`` as ``recall at least 80 percent``: a bound without a sign on the side that people want of its measure."""
    side = "at most" if _LOWER.search(text) else "at least"

    def said(found: re.Match[str]) -> str:
        sign = (found["sign"] or f"{side} ").strip()
        return f"{re.sub(r' of$', '', sign)} {found['n']} percent"

    spelt = _ERRORS.sub("error rate", _RIGHT.sub(" accuracy", text))
    return " ".join(_BARE.sub(said, spelt).split())


def wanted_without_sign(text: str) -> bool:
    """Whether a sentence wants a bound that it says without a sign: ``I need 80 percent accuracy``."""
    measured = any(re.search(rf"\b{re.escape(m)}\b", text.lower()) for m in METRICS) or _RIGHT.search(text)
    return bool(_WANTS.search(text) and measured and _BARE.search(text)) and not _DENIED.search(text)


def asked(text: str, classes: Sequence[str], names: Vocabulary | None) -> list[Criterion]:
    """The demands of a sentence that asks whether the model may be used; none for every other sentence."""
    if len(text) > LONGEST or not re.search(r"\d", text) or not _ASKS.search(text):
        return []
    made, rest = list[Criterion](), list[str]()
    for piece in _joined(text):
        bare, groups = _each(piece, names)
        criteria = _of_each(_read(bare, classes, names), groups)
        made += criteria
        rest += [] if criteria else [piece]
    left = " ".join(rest)
    if not made or not _READY.search(left):
        return []
    where = _where(left, names)
    if where is None:
        return []
    whole = [c for c in made if "[" not in c.name]
    return [
        replace(c, name=f"{c.name}[{where}]") if where and c in whole and _may_be_sliced(c) else c
        for c in made
    ]


def _each(piece: str, names: Vocabulary | None) -> tuple[str, list[str]]:
    """``at least 80 % on every pasture`` as the demand without its column, and a group for each value; no group where none is named so."""
    if names is None:
        return piece, []
    for one in named(piece, names).found:
        lead = _EVERY.search(piece[: one.start]) if one.role == "attribute" else None
        values = names.attributes.get(one.name, ())
        if lead is not None and 1 < len(values) <= MOST_VALUES:
            bare = f"{piece[: lead.start()]} {piece[one.end :].lstrip('s')}"
            return " ".join(bare.split()), [f"{one.name}={value}" for value in values]
    return piece, []


def _of_each(made: Sequence[Criterion], groups: Sequence[str]) -> list[Criterion]:
    """Demands of each of several groups; as they are where there are none."""
    if not groups:
        return list(made)
    return [replace(c, name=f"{c.name}[{g}]") for c in made if _may_be_sliced(c) for g in groups]


def _joined(text: str) -> list[str]:
    return [p.strip() for p in _PIECES.split(text) if p and p.strip()]


def _read(piece: str, classes: Sequence[str], names: Vocabulary | None) -> list[Criterion]:
    from failsight.agent.planners.wishes import parse_bounds

    if not re.search(r"\d", piece):
        return []
    bare = re.sub(rf"^\W*(?:and\s+)?(?:{_WANTS.pattern})\s*", "", piece, flags=re.IGNORECASE)
    return parse_bounds(with_signs(bare), classes, names)


def _where(text: str, names: Vocabulary | None) -> str | None:
    """The group that the rest of the sentence names, several values of a column together; None where one can't be told."""
    if names is None:
        return ""
    group = group_of(named(text, names), names.attributes)
    if group.unsure:
        return None
    each = [f"{name}={'|'.join(values)}" for name, values in group.each.items()]
    return "&".join([*each, *group.conditions])


def _may_be_sliced(one: Criterion) -> bool:
    from failsight.agent.planners.sliced import can_be_sliced

    return is_share(one.name) and can_be_sliced(one.name)


def answered(case: Case, question: str, names: Vocabulary) -> AIMessage | None:
    """Readiness, told of the demands that the sentence holds; None for every other sentence."""
    from failsight.agent.planners.counting.said import SAID
    from failsight.agent.planners.words import call

    made = asked(question, case.classes, names)
    held = [c.name for c in made if c.name in case.state().expectations]
    if not held or TOOL not in registry():
        return None
    why = prompts.say("why.question", question=clean(question, 120))
    return call(TOOL, {}, why, **{SAID: {"kind": "demanded", "names": held}})


def otherwise(case: Case, question: str, bound: float) -> AIMessage | None:
    """What another bound would make of the demands of a sentence, by the newest judgement; nothing is changed. None where it holds none of them."""
    from failsight.agent.planners import words
    from failsight.agent.planners.advice.numbers import judged, measured, shown

    known = judged(case.state())
    names = {c.name for c in asked(question, case.classes, words.vocabulary(case))}
    rows = (
        [c for c in known.criteria if c["name"] in names and is_share(c["name"])] if known is not None else []
    )
    if known is None or not rows or not 0 < bound <= 1:
        return None
    holds = [_side(row, bound) for row in rows]
    verdict = "no" if "no" in holds else "open" if "open" in holds else "yes"
    lines = [prompts.say(f"known.otherwise.{verdict}", bound=number(bound), evidence=known.evidence.id)]
    for row, side in zip(rows, holds, strict=True):
        demand = shown(str(row["name"]), bound, at_least=bool(row["at_least"]))
        lines.append(
            "- "
            + prompts.say(
                f"known.otherwise.one.{side}", demand=demand, value=measured(row), n=f"{row['n'] or 0:,}"
            )
        )
    lines.append(prompts.say("known.otherwise.kept"))
    return words.message("\n".join(lines), ["Is it ready?", *words.choices(case)])


def _side(row: Mapping[str, Any], bound: float) -> str:
    """``yes``, ``no`` or ``open``: on which side of a bound the interval of a criterion lies."""
    if row["value"] is None or not row["ci"]:
        return "open"
    low, high = (float(end) for end in row["ci"])
    if not row["at_least"]:
        low, high, bound = -high, -low, -bound
    return "yes" if low >= bound else "no" if high < bound else "open"
