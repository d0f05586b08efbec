"""What can be counted at once, from recorded answers, of the things that a sentence names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from failsight.agent.people.attribute_list import MOST_NUMERALS, attribute_values
from failsight.agent.planners import words
from failsight.agent.planners.counting.base import median
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.knowledge_base.condition_text import TOGETHER, denied
from failsight.knowledge_base.people import are_numbers
from failsight.tools.notes import labelled_splits
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.known.things import Things

MOST_CLASSES: Final = 3
MOST_VALUES: Final = 12
RIGHT_WORDS: Final = re.compile(r"\b(?:right(?:ly)?|correct(?:ly)?|recogni[sz]\w*|accura\w+|good|well|reliab\w+|works?|found|detect\w*|trust)\b", re.IGNORECASE)  # fmt: skip
_TAKEN: Final = re.compile(
    r"\b(?:taken|takes?|mistaken|called|calls|confused|sends?|sent|ends? up|named|sorted|turns? into|recogni[sz]ed as)\b.*\b(?:for|as|with|to|me|into|when|in|at)\b|\bwhat .*\binstead\b",
    re.IGNORECASE,
)
_WHICH_CLASS: Final = re.compile(
    r"\b(?:which|what)(?: (?:kinds?|types?|sorts?) of)?(?: of (?:the|our|these|those))? (?:classes|class|items?|rooms?|categor(?:y|ies)|things|products?|kinds?|types?|species|answers?)\b|\b(?:which|what)\b.*\b(?:suffers?|get(?:s)? worse|is worst|are worst)\b",
    re.IGNORECASE,
)
_WHAT: Final = re.compile(r"\b(?:what|which|where)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts in the order in which they are told: those of the things themselves, then those beside them. ``beside``: what each of the latter
    is of, ``rest`` or ``all``."""

    counts: tuple[Count, ...] = ()
    beside: tuple[str, ...] = ()


def at_hand(case: Case, split: str = "data") -> bool:
    """Whether right and wrong answers of a split are known without a pass of the model."""
    evaluated = [e for e in case.state().evidence if e.tool == "evaluate"]
    some = any(e.arguments.get("split") in (None, "", split) for e in evaluated)
    return TOOL in registry() and some and split in labelled_splits(case)  # type: ignore[arg-type]


def plan(case: Case, question: str, things: Things) -> Plan:
    """The counts that answer a sentence about these things; none where nothing can be counted without a pass."""
    split = _split(case, things)
    if not at_hand(case, split):
        return Plan()
    having = (
        ("correct",) if RIGHT_WORDS.search(question) and not re.search(r"\bwrong\b", question) else ("wrong",)
    )
    where = (split,) if split != "data" else ()
    if things.pair is not None:
        true, predicted = things.pair
        return Plan((Count((f"true={true}", *things.group), (f"predicted={predicted}",), where),))
    if len(things.classes) == 1 and _TAKEN.search(question) and _WHAT.search(question):
        return Plan((Count((f"true={things.classes[0]}", *things.group, "wrong"), (), where, "predicted"),))
    if things.group and not things.classes and asks_class(question) and rest_of(things.group):
        return Plan(
            (
                Count(things.group, ("wrong",), where, "true"),
                Count(rest_of(things.group), ("wrong",), where, "true"),
            ),
            ("by_class",),
        )
    if things.group:
        return _of_group(things, having, where)
    if things.columns:
        return _by_column(case, things, having, where)
    return Plan()


def asks_class(question: str) -> bool:
    """Whether it is asked which of the classes it is."""
    return _WHICH_CLASS.search(question) is not None


def _split(case: Case, things: Things) -> str:
    """The images that are counted: those that are meant, else the evaluation images, else those that alone have the column."""
    if things.split:
        return things.split
    here, everywhere = attribute_values(case), attribute_values(case, everywhere=True)
    apart = [c for c in things.columns if c in everywhere and c not in here]
    return "deploy" if apart and "deploy" in case.splits() else "data"


def _of_group(things: Things, having: tuple[str, ...], where: tuple[str, ...]) -> Plan:
    """The class in the group, with the rest of the class; then the group of all classes."""
    rest = rest_of(things.group)
    own: list[tuple[str, ...]] = [(f"true={c}",) for c in things.classes[:MOST_CLASSES]]
    made = [Count((*lead, *things.group), having, where) for lead in own or [()]]
    beside = list[str]()
    if len(own) < 2 and rest:
        made.append(Count((*(own[0] if own else ()), *rest), having, where))
        beside.append("rest")
    if own:
        made.append(Count(things.group, having, where))
        beside.append("all")
    return Plan(tuple(made), tuple(beside))


def rest_of(group: Sequence[str]) -> tuple[str, ...]:
    """What holds of all images but those of a group; empty where that can't be told."""
    first, *more = group
    if more:
        nested = any(c.startswith(TOGETHER) for c in group)
        return () if nested else (f"{TOGETHER}{'&'.join(group)})",)
    if first.startswith(TOGETHER):
        return tuple(first.removeprefix(TOGETHER).removesuffix(")").split("&"))
    return (denied(first),)


def _by_column(case: Case, things: Things, having: tuple[str, ...], where: tuple[str, ...]) -> Plan:
    """Each value of a column beside the others; a column of numbers in two halves."""
    column = things.columns[0]
    values: Sequence[str] = words.vocabulary(case).attributes.get(column, ())
    lead = tuple(f"true={c}" for c in things.classes[:1])
    if values and len(values) <= (MOST_NUMERALS if are_numbers(values) else MOST_VALUES):
        return Plan((Count(lead, having, where, column),))
    middle = median(case, column)
    if middle is None:
        return (
            Plan((Count(lead, having, where, column),)) if values and len(values) <= MOST_VALUES else Plan()
        )
    return Plan(
        (
            Count((*lead, f"{column}>{middle}"), having, where),
            Count((*lead, f"{column}<={middle}"), having, where),
        ),
        ("rest",),
    )
