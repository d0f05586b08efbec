"""Which sentences of a conversation are expectations: wishes with a bound, and not questions or observations that hold a number.

``recall of kitchen and bathroom at least 90 %`` states two. What sounds like a wish and can't be taken as it stands (an accuracy of *at
most* 80 %) is asked about; everything else is left to the planner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from failsight.agent.planners import demanded, rates
from failsight.agent.planners.demands import apart, misses
from failsight.agent.planners.expectations import METRICS, Criterion, parse_expectation
from failsight.agent.planners.sliced import untold_group, within_groups
from failsight.tools.expectations.budgets import is_budget
from failsight.tools.expectations.names import is_cost, is_price, parse_name
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.knowledge_base.vocabulary import Vocabulary

_ASKS = re.compile(
    r"^(?:and |but |so |then )?(?:what|which|why|how|when|where|who|whose|is|are|am|was|were|do|does|did|can|could|will|would|has|have|had|should|shall|may|might"
    r"|tell|show|check|see|find|explain|compare|list|try|test|measure)\b",
    re.IGNORECASE,
)
_OPINION = re.compile(
    r"\b(?:i|we|they) (?:think|believe|doubt|guess|suspect|bet|assume|wonder|suppose|see|saw|notice|noticed|heard|read|measured|got|get|find|found|fear)\b"
    r"|\b(?:seems?|appears?|looks?|apparently|maybe|perhaps|probably|surprising(?:ly)?)\b",
    re.IGNORECASE,
)
_HAPPENED = re.compile(
    r"\b(?:drop(?:s|ped)?|fall(?:s|en)?|fell|was|were|went|goes|got|stays?|stayed|remains?|uses?|used|takes?|took|only)\b",
    re.IGNORECASE,
)
_WANTED = re.compile(
    r"\b(?:must|should|shall|has to|have to|need(?:s|ed)?|want(?:s|ed)?|expect(?:s|ed)?|require[sd]?|demand(?:s|ed)?|to be|set)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*(?:;|,? (?:and|as well as) (?=[^;]*?\d)|, (?=[^;]*?\d))\s*", re.IGNORECASE)
_BOUND = re.compile(
    r"(?:[<>≥≤]=?|\b(?:least|most|minimum|min|maximum|max|above|over|below|under|than))\s*[.,]?\d",
    re.IGNORECASE,
)
_MEASURE = re.compile(rf"\b(?:{'|'.join(METRICS)}|{rates.WORDS})\b", re.IGNORECASE)
LONGEST = 2_000  # characters: a longer text states nothing
_LOWER = (
    "error_rate",
    "ece",
    "overconfidence",
    "worst_slice_error",
    "confusion",
    "unacceptable",
    "unacceptable_errors",
)
"""Measures of which less is better; so are costs and all budgets but throughput."""


def is_about_now(text: str) -> bool:
    """Whether a sentence asks or observes, whatever numbers it holds."""
    bare = text.strip()
    if bare.endswith("?") or _ASKS.match(bare) or _OPINION.search(bare):
        return True
    return bool(_HAPPENED.search(bare)) and not _WANTED.search(bare)


def parse_wishes(
    text: str, classes: Sequence[str], names: Vocabulary | None = None
) -> tuple[list[Criterion], str]:
    """What a sentence of a conversation states.

    Args:
        names: the names of the case, for demands on a group of its images (``at site Süd``); without them such demands are not read.

    Returns:
        the criteria, none where it is something else; and what to ask back where it sounds like a wish and can't be taken as it stands.
    """
    if is_about_now(text):
        return [], ""
    made = parse_bounds(text, classes, names)
    if not made and demanded.wanted_without_sign(text):
        made = parse_bounds(demanded.with_signs(text), classes, names)
    if not made:
        return [], doubt(text, classes, names)
    backwards = next((c for c in made if _backwards(c)), None)
    if backwards is None:
        return made, ""
    if not _WANTED.search(text):
        return [], ""  # “accuracy is below 60 %” tells what is
    other = "at most" if not backwards.at_least else "at least"
    return [], (
        f"Is {backwards.name} really meant to be {other} that? As a wish this is the wrong way round, so nothing was noted. "
        f"If it is meant: /expect {backwards.name}{'>=' if backwards.at_least else '<='}{backwards.bound:g}"
    )


def doubt(text: str, classes: Sequence[str], names: Vocabulary | None = None) -> str:
    """What to ask where a sentence bounds a rate, or a group of images, that can't be told as it stands; empty for all others."""
    if len(text) > LONGEST or not _BOUND.search(text):
        return ""
    for clause in _clauses(text):
        if names is not None and (told := untold_group(clause, names, lambda rest: _plain(rest, classes))):
            return told
        read = (rates.read(one, classes) for one in rates.apart(clause))
        if asked := next((r.doubt for r in read if r is not None and r.doubt), ""):
            return asked
    if _WANTED.search(text) and _MEASURE.search(text):  # a definition would be no answer to a demand
        example = clean(classes[0].replace("_", " "), 40) if classes else "CLASS"
        return (
            "I could not take all of that as a demand, so nothing was noted. Write for example “accuracy at least 90 %”, "
            f"“recall of {example} at least 80 %”, or either with “where COLUMN is VALUE”."
        )
    return ""


def parse_bounds(text: str, classes: Sequence[str], names: Vocabulary | None = None) -> list[Criterion]:
    """All criteria of a sentence, or none: half of what was said is not taken. ``names``: see :func:`parse_wishes`."""
    if len(text) > LONGEST:
        return []
    if priced := misses(text, classes):
        return [Criterion(*one) for one in priced]
    parts = [_clause(c, classes, names) for c in _clauses(text)]
    if all(parts):
        return [one for part in parts for one in part]
    # a bound that none of the parts states by itself, and no second one that would be lost
    return _clause(text, classes, names) if len(_BOUND.findall(text)) < 2 else []


def _clauses(text: str) -> list[str]:
    """The parts of a sentence with a bound each; who wants them is said once, at the end, and holds for all."""
    rest, by = apart(text)
    clauses = [c for c in _PARTS.split(rest.strip()) if c]
    return [f"{c}, says {by}" for c in clauses] if by else clauses


def _clause(text: str, classes: Sequence[str], names: Vocabulary | None) -> list[Criterion]:
    """The criteria of one clause: as it stands, of a rate by another name, or of a group of images."""
    made = _plain(text, classes)
    if not made and names is not None:
        made = within_groups(text, names, lambda rest: _plain(rest, classes))
    return made


def _plain(text: str, classes: Sequence[str]) -> list[Criterion]:
    made = _measures(text, classes)
    if made:
        return made
    parts = [_rated(one, classes) for one in rates.apart(text)]
    return [one for part in parts for one in part] if all(parts) else []


def _measures(text: str, classes: Sequence[str]) -> list[Criterion]:
    one = parse_expectation(text, classes)
    return [one] if one is not None else _each_class(text, classes)


def _rated(text: str, classes: Sequence[str]) -> list[Criterion]:
    """The criteria behind ``sensitivity at least 90 %``, with how the word was taken; none where it states none."""
    read = rates.read(text, classes)
    if read is None or not read.text:
        return []
    made = _measures(read.text, classes)
    if read.rest:
        made = [replace(c, bound=round(1 - c.bound, 12), at_least=not c.at_least) for c in made]
    return [replace(c, heard=read.heard) for c in made]


def _each_class(text: str, classes: Sequence[str]) -> list[Criterion]:
    """``recall of kitchen and bathroom at least 90 %``: one criterion a class, where all that is listed are classes."""
    spoken = sorted((c.replace("_", " ") for c in classes), key=len, reverse=True)
    name = "|".join(re.escape(c) for c in spoken).replace(r"\ ", r"[ _]")
    if not name:
        return []
    listed = re.search(
        rf"\b(?:{name})(?:\s*(?:,|and|&|,\s*and)\s*(?:the )?(?:{name}))+\b", text, re.IGNORECASE
    )
    if listed is None:
        return []
    made = []
    for one in re.findall(rf"\b(?:{name})\b", listed[0], re.IGNORECASE):
        found = parse_expectation(f"{text[: listed.start()]}{one}{text[listed.end() :]}", classes)
        if found is None:
            return []
        made.append(found)
    return made


def _backwards(one: Criterion) -> bool:
    """Whether it bounds a measure on the side that nobody has reason to: an accuracy from above, a latency from below."""
    if is_price(one.name):
        return False
    if is_cost(one.name):
        return one.at_least
    if is_budget(one.name):
        return one.at_least is not (one.name == "throughput")
    try:
        metric = parse_name(one.name).metric
    except LookupError:
        return False
    return one.at_least is (metric in _LOWER)


__all__ = ["doubt", "is_about_now", "parse_bounds", "parse_wishes"]
