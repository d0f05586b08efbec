"""Tables that give one number an image: the probability of one of two classes, or a score of which nobody says of what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from failsight.tools.errors import UserError
from failsight.tools.inputs.columns import typed
from failsight.tools.inputs.spelling import folded
from failsight.tools.text import clean, listing

Columns = dict[str, list[Any]]
PREFIXES: Final = ("", "p_", "prob_", "probability_", "score_", "p(", "prob(", "p ", "prob ", "score ")
_SCORE: Final = re.compile(
    r"(?:(?:model|pred(?:icted)?|class(?:ifier)?|y|raw|final)[ _-]?)?(?:scores?|prob(?:s|a|abilit(?:y|ies))?|p|hat|logits?|outputs?|confidence|pred(?:ictions?)?|sigmoid)"
    r"(?:[ _-]?(?:score|prob(?:a|ability)?|value|pos(?:itive)?|1))?",
    re.IGNORECASE,
)


def completed(
    columns: Columns,
    classes: Sequence[str] | None,
    class_map: Mapping[str, str],
    table: str,
    notes: list[str],
) -> Columns:
    """``columns`` with the probability of the other class where two classes have a column for one of them alone; else unchanged.

    Args:
        classes: their names where they are known, else what ``label`` says.
        table: the table's name, for messages.

    Raises:
        UserError: the only answer is a number, and nothing says of which class it is the score.
    """
    names = list(classes or _labels(columns, class_map))
    mine = columns_of(columns, names)
    if len(names) == 2 and len(mine) == 1:
        (name, column), other = *mine.items(), next(n for n in names if n not in mine)
        values = _shares(columns[column])
        bare = folded(column) == folded(name)  # beside an answer that may be any attribute
        if values is None or (bare and "prediction" in columns):
            return columns
        notes.append(
            f"{clean(table)} gives the probability of {clean(name, 60)} alone ({clean(column, 60)}); {clean(other, 60)} gets one minus it."
        )
        made = {key: cells for key, cells in columns.items() if key != column}
        return {
            **made,
            f"p_{other}": [None if v is None else 1 - v for v in values],
            f"p_{name}": list(values),
        }
    answers = columns.get("prediction")
    if mine or (answers is not None and not _are_scores(answers, names)):
        return columns
    scored = ["prediction"] if answers is not None else [n for n in columns if _SCORE.fullmatch(n.strip())]
    if scored and _shares(columns[scored[0]], within=None) is not None:
        raise _nobody_says(scored[0], names, table)
    return columns


def _labels(columns: Columns, class_map: Mapping[str, str]) -> list[str]:
    said = {clean(value) for value in columns.get("label", ()) if value is not None}
    return sorted({class_map.get(word, word) for word in said} - {""})


def columns_of(columns: Columns, names: Sequence[str]) -> dict[str, str]:
    """Class → the column of its probabilities, by the usual names; a column belongs to one class at most."""
    ways = {(f"{b}{name})" if "(" in b else f"{b}{name}"): name for name in names for b in PREFIXES}
    found: dict[str, str] = {}
    for key in (
        str,
        str.casefold,
        folded,
    ):  # a column that has a class's very name is no other spelling of another's
        meant: dict[str, set[str]] = {}
        for way, name in ways.items():
            meant.setdefault(key(way), set()).add(name)
        for column in columns:
            classes = meant.get(key(column), set())
            if len(classes) == 1 and column not in ("path", "label", "prediction", *found.values()):
                found.setdefault(next(iter(classes)), column)
    return found


def _shares(
    cells: Sequence[Any], within: tuple[float, float] | None = (0.0, 1.0)
) -> list[float | None] | None:
    """``cells`` as numbers, all of them ``within`` the bounds; None where they are something else."""
    column = typed(cells)
    if column is None or not any(isinstance(value, float) for value in column):
        return None
    there = [value for value in column if value is not None]
    if not all(isinstance(value, float) for value in there):
        return None
    return column if within is None or all(within[0] <= value <= within[1] for value in there) else None


def _are_scores(cells: Sequence[Any], names: Sequence[str]) -> bool:
    """Whether answers are numbers with decimals, none of them a class."""
    values = _shares(cells, within=None)
    if values is None or {folded(clean(cell)) for cell in cells if cell is not None} & {
        folded(n) for n in names
    }:
        return False
    return any(value is not None and value % 1 for value in values)


def _nobody_says(column: str, names: Sequence[str], table: str) -> UserError:
    said = f"The table {clean(table)} gives one number an image ({clean(column, 60)}), and does not say of which class it is the probability."
    if len(names) == 2:
        first, second = (clean(name, 60) for name in names)
        return UserError(
            said,
            f"Call the column “p_{first}” or “p_{second}”, whichever it is (the other class gets one minus it), or give a column prediction with the class decided for.",
        )
    return UserError(
        said,
        f"Give one column of probabilities for each class (p_{clean(names[0], 60) if names else 'CLASS'}, …), or a column prediction with the class decided for; the labels are {listing([clean(n, 40) for n in names], 4)}.",
    )
