"""Images that an expectation names by their attributes: those that meet conditions, and the groups that attributes form."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import Filter, apart, parse_filters, resolve, rows_meeting
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called
from failsight.tools.slices.columns import Coded, encode_column, encode_columns
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]
CLASS = "class"  # the true class, among attributes
MOST_GROUPS = 2000


def pick(view: CaseView, split: Split, conditions: str) -> Mask:
    """Which rows of the prediction table meet ``conditions``: ``lighting=dark``, several joined by ``&`` or by commas.

    Raises:
        RetryError: an unknown attribute or value, or no image is left.
    """
    rows = resolve(view, split, _filters(conditions), most=len(view.table(split)) + 1, seed=view.seed).rows
    mask: Mask = np.isin(view.predictions(split).rows, rows)
    return mask


def _filters(conditions: str) -> tuple[Filter, ...]:
    parts = apart(conditions, "&,")
    if not all(re.search(r"[=<>]", p) for p in parts):  # a comma inside a value
        parts = apart(conditions)
    return parse_filters(parts)


def without_value(view: CaseView, split: Split, conditions: str) -> str:
    """How many labelled images are in no group of ``conditions`` because a value is missing, in a sentence; empty for none.

    Raises:
        RetryError: an unknown attribute or value.
    """
    filters = [f for f in _filters(conditions) if f.attribute]
    _, known = rows_meeting(view, split, filters)
    predictions = view.predictions(split)
    n = int((~known[predictions.rows] & predictions.labelled).sum())
    if not n:
        return ""
    names = listing(list(dict.fromkeys(clean(f.name, 40) for f in filters)))
    return f"Of {n:,} more of the {called(split)} {names} is missing: they are not in it."


def groups(view: CaseView, split: Split, attributes: str) -> tuple[list[tuple[str, Mask]], str]:
    """The groups that ``attributes`` form over the prediction table, named, and what a reader has to know about them.

    ``lighting,style``: each value of each attribute is a group. ``lighting*style``: each combination is; ``class`` stands for
    the true class. Empty: every metadata column that forms groups.

    Raises:
        RetryError: an unknown attribute, one that forms no groups, or far too many groups.
    """
    predictions, table = view.predictions(split), view.attributes(split)
    everything = np.ones(len(table.rows), bool)
    wanted = [p.strip() for p in attributes.split(",") if p.strip()] or _metadata(table)
    if not wanted:
        raise RetryError(
            "The images have no metadata that forms groups; name attributes: worst_group[ATTRIBUTE].",
            list(table.columns),
        )
    made: list[tuple[str, Mask]] = []
    missing: dict[str, int] = {}
    guessed: list[str] = []
    for one in wanted:
        columns = [_column(name.strip(), predictions, table, everything) for name in one.split("*")]
        made += _crossed(columns)
        for c in columns:
            if c.missing:
                missing[c.name] = c.missing
            if c.source not in ("metadata", "object", CLASS) and c.name not in guessed:
                guessed.append(c.name)
    if len(made) > MOST_GROUPS:
        raise RetryError(f"{len(made):,} groups are too many to judge; name fewer attributes.")
    return made, _remark(split, missing, guessed)


def _metadata(table: AttributeTable) -> list[str]:
    return [
        n
        for n in table.columns
        if table.sources.get(n) == "metadata" and n not in table.unusable and "," not in n and "*" not in n
    ]


def _column(name: str, predictions: Predictions, table: AttributeTable, keep: Mask) -> Coded:
    if name == CLASS and CLASS not in table.columns:
        names = np.array([predictions.classes[i] if i >= 0 else None for i in predictions.labels], object)
        return encode_column(CLASS, CLASS, names)
    made, _ = encode_columns(table, keep, (name,))
    if made:
        return made[0]
    return encode_column(name, table.sources.get(name, ""), table.columns[name])  # all alike: one group


def _crossed(columns: list[Coded]) -> list[tuple[str, Mask]]:
    """Every combination of values that occurs, in order."""
    known = np.all([c.codes >= 0 for c in columns], axis=0)
    if not known.any():
        return []
    codes = np.stack([c.codes for c in columns], axis=1)
    cells, at = np.unique(codes[known], axis=0, return_inverse=True)
    where = np.full(len(known), -1, np.int64)
    where[known] = at.ravel()
    named = (
        " & ".join(
            f"{clean(c.name, 40)}={clean(c.values[code], 60)}" for c, code in zip(columns, cell, strict=True)
        )
        for cell in cells.tolist()
    )
    return [(name, where == i) for i, name in enumerate(named)]


def _remark(split: str, missing: dict[str, int], guessed: list[str]) -> str:
    told = []
    if missing:
        each = listing([f"{name} {n:,}" for name, n in missing.items()], 4)
        told.append(f"Of the {called(split)} some have no value and are in no group ({each}).")
    if guessed:
        told.append(
            f"{listing(guessed, 4)} was assigned or computed; its mistakes are not in the interval (attribute_check measures them)."
        )
    return " ".join(told)
