"""What the last result was about: its group of images with what was counted of it, and the images beside that group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight.agent.planners import antecedents, words
from failsight.agent.planners.counting.read import OUTCOMES, Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.known.counts import RIGHT_WORDS, rest_of
from failsight.agent.planners.known.things import Things, named
from failsight.knowledge_base.condition_text import TOGETHER, parts

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn

COUNTED: Final = (
    TOOL,
    "compare_group",
    "confusion_matrix",
    "show_images",
    "compare_classes",
)  # what speaks of the images of its arguments
_NO_GROUP: Final = ("true", "predicted", "confidence", *OUTCOMES)


def counts(case: Case, before: Sequence[Turn]) -> tuple[Count, ...]:
    """The counts of the last result, the one that it was about first; none where it counted no images.

    A table of all groups of a column is about the one that its sentence names.
    """
    found = antecedents.recent(case, before)[:1]
    if not found or found[0].act is None or found[0].act.tool in COUNTED:
        return found[0].counts if found else ()
    turn = next((t for t in reversed(before) if found[0].act in t.acts), None)
    things = named(case, words.names(case, turn.said)) if turn is not None else Things()
    if not things.group or len(things.classes) > 1:
        return found[0].counts
    having = ("correct",) if RIGHT_WORDS.search(turn.said if turn is not None else "") else ("wrong",)
    where = (things.split,) if things.split not in ("", "data") else ()
    return (Count((*(f"true={c}" for c in things.classes), *things.group), having, where),)


def group_of(one: Count) -> tuple[str, ...]:
    """The conditions of a count that say which images they are, beside their class and answer."""
    return tuple(
        c for c in one.among if parts(c)[0] not in _NO_GROUP and (parts(c)[1] or c.startswith(TOGETHER))
    )


def beside(one: Count) -> Count | None:
    """The same count of the images outside of its group; outside of its class, where it is of a class alone. None where it is of all images."""
    group = group_of(one)
    others = [c for c in one.among if c not in group]
    if group:
        rest = rest_of(group)
        return replace(one, among=(*others, *rest), by="") if rest else None
    name = antecedents.class_of(one)
    if not name:
        return None
    kept = tuple(c for c in others if c != f"true={name}")
    return replace(one, among=(*kept, f"true!={name}"), by="")


def sides(found: Sequence[Count]) -> list[Count]:
    """The group of a result and what it is compared with: the other group where two were told, else the images beside it."""
    first = found[0]
    if (
        len(found) == 2
        and first.having == found[1].having
        and set(group_of(first)) != set(group_of(found[1]))
    ):
        return list(found)
    other = beside(first)
    return [first] if other is None else [first, other]


def calls(some: Sequence[Count]) -> list[tuple[str, dict[str, Any]]]:
    """The calls that make these counts."""
    made = [(TOOL, replace(c, by="").arguments(s)) for c in some for s in (c.splits[:1] or ("",))]
    return [one for i, one in enumerate(made) if one not in made[:i]]
