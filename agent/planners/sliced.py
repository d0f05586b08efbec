"""Demands on a group of the images: ``recall of kitchen at least 80 % at site Süd`` is ``recall.kitchen[site=Süd] >= 80 %``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from failsight.agent.planners.demands import apart
from failsight.agent.planners.expectations import Criterion
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.groups import group_of, without_group
from failsight.tools.expectations.budgets import is_budget
from failsight.tools.expectations.names import UNSLICED, is_price, parse_name
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.knowledge_base.vocabulary import Vocabulary

MOST_EACH: Final = 24  # demands that one sentence may state, a group each
_LONGEST: Final = 400


def within_groups(text: str, names: Vocabulary, read: Callable[[str], list[Criterion]]) -> list[Criterion]:
    """What a clause demands of a group of images, one criterion a group where it names several (``at each site``).

    Args:
        names: of the case: its columns and their values.
        read: what the clause demands without its group.

    Returns:
        nothing where it names no group, one that no column tells, or a measure that is not measured within a group.
    """
    rest, by = apart(text)
    if len(rest) > _LONGEST:
        return []
    group = group_of(named(rest, names), names.attributes)
    if not group or group.unsure:
        return []
    made = read(without_group(rest, group))
    if not made or not all(can_be_sliced(c.name) for c in made):
        return []
    each = [[f"{name}={value}" for value in values] for name, values in group.each.items()]
    wheres = ["&".join([*group.conditions, *more]) for more in product(*each)]
    if len(wheres) * len(made) > MOST_EACH or not all(wheres):
        return []
    return [replace(c, name=f"{c.name}[{where}]", by=by or c.by) for where in wheres for c in made]


def untold_group(text: str, names: Vocabulary, read: Callable[[str], list[Criterion]]) -> str:
    """What to say of a demand on a group that no column tells, or several do; empty where the clause is none."""
    rest, _ = apart(text)
    group = group_of(named(rest[:_LONGEST], names), names.attributes)
    if not group or not read(without_group(rest, group)):
        return ""
    if (many := next((n for n, v in group.each.items() if len(v) > MOST_EACH), None)) is not None:
        return (
            f"{clean(many, 40)} has more than {MOST_EACH} values, too many to demand something of each, so nothing was noted. "
            "Name the values that count."
        )
    if not group.unsure:
        return ""
    words = listing([f"“{clean(w, 40)}”" for w in group.unsure])
    columns = listing([clean(n.replace("_", " "), 40) for n in names.attributes], 8)
    known = f" Name the column and its value; there are {columns}." if columns else ""
    return f"No column of this case, or more than one, tells {words}, so nothing was noted.{known}"


def can_be_sliced(name: str) -> bool:
    """Whether the criterion of that name can be measured within a group of images."""
    if is_price(name) or is_budget(name) or "[" in name:
        return False
    try:
        return parse_name(name).metric not in (*UNSLICED, "worst_group")
    except LookupError:
        return False
