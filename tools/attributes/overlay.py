"""Definitions laid over columns: the attribute table as a person has named it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.metadata import unusable_columns
from failsight.tools.attributes.sources import Assigned
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.text import number, number_text


def table_with(
    base: AttributeTable, definitions: Sequence[Definition], assigned: Mapping[str, Assigned]
) -> AttributeTable:
    """The columns that came with the data and those that sources assigned, as the definitions show them.

    Args:
        base: metadata, object and computed columns.
        definitions: of the case.
        assigned: key of a definition → its values for ``base.rows``; definitions without are left out.
    """
    known = {d.key: d for d in definitions}
    columns: dict[str, npt.NDArray[Any]] = {}
    sources: dict[str, str] = {}
    unusable: dict[str, str] = {}
    raw = {f"{base.sources[name]}:{name}": values for name, values in base.columns.items()}
    raw |= {key: _column(known[key], assigned[key]) for key in assigned if key in known}
    for key, values in raw.items():
        definition = known.get(key)
        if definition is None:
            name = key.partition(":")[2]
            columns[name], sources[name] = values, base.sources[name]
            if name in base.unusable:
                unusable[name] = base.unusable[name]
        elif not definition.dropped:
            name = definition.name
            columns[name] = _shown(definition, values, [raw[k] for k in definition.also if k in raw])
            sources[name] = definition.source
            unusable |= _unfit(definition, columns[name])
    return AttributeTable(base.rows, columns, sources, unusable)


def _column(definition: Definition, assigned: Assigned) -> npt.NDArray[Any]:
    names = np.array([*definition.values, None], object)
    column: npt.NDArray[Any] = names[assigned.codes]  # −1 takes the last: no value
    return column


def _shown(
    definition: Definition, values: npt.NDArray[Any], others: Sequence[npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """The column with its values as they are called now, joined with the attributes merged into it.

    These fill its gaps; where all of them say only yes or no, yes wins: with ``couch`` merged into ``sofa`` an image
    shows a sofa when either was seen.
    """
    if values.dtype != object and not others and not definition.renamed:
        return values
    columns = [_texts(definition, column) for column in (values, *others)]
    made = columns[0]
    presence = bool(others) and all(set(column.tolist()) <= {"yes", "no", None} for column in columns)
    for other in columns[1:]:
        better = np.array([v is None for v in made.tolist()], bool)
        if presence:
            better |= other == "yes"
        made[better] = other[better]
    return made


def _texts(definition: Definition, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    listed = column.tolist()
    shown = {v: definition.shown(_text(v)) for v in set(listed)}  # a few values, many rows
    made = np.empty(len(column), object)
    made[:] = [shown[v] for v in listed]
    return made


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return number_text(value) if np.isfinite(value) else None


def _unfit(definition: Definition, column: npt.NDArray[Any]) -> dict[str, str]:
    """Why no slice can be made of it, if so."""
    if not definition.trusted and definition.check is not None:
        right = number(definition.check.accuracy)
        return {definition.name: f"right in only {right} of the images that were checked"}
    return unusable_columns({definition.name: column})
