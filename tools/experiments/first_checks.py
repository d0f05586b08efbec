"""What is wrong with the arguments of an experiment, told before any image is looked at: names that the case does not have.

The same checks are made again, and others, where the experiment looks at its images. These need the tables alone, so that nobody is
asked to allow a call that can't run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.errors import NotRecorded, RetryError
from failsight.tools.experiments.population import (
    CONFIDENCE,
    NOT,
    PREDICTED_NAMES,
    TRUE_NAMES,
    Filter,
    boxed_objects,
    class_index,
    compare,
    edited,
    parse_filters,
)
from failsight.tools.inputs.base import Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

WHERE = "where"


def conditions(
    view: CaseView, split: Split, given: str | Sequence[str], argument: str = WHERE
) -> tuple[Filter, ...]:
    """The conditions of ``argument``, whose names the case has.

    Raises:
        RetryError: one can't be read, or names an attribute, value or class that does not exist.
    """
    try:
        made = parse_filters(given)
        for one in made:
            _check(view, split, one)
    except RetryError as problem:
        told = str(problem)
        if argument == WHERE or not told.startswith(f"{WHERE}:"):
            raise
        raise type(problem)(f"{argument}{told.removeprefix(WHERE)}") from None
    return made


def _check(view: CaseView, split: Split, one: Filter) -> None:
    if one.op == NOT:
        for part in one.inside:
            _check(view, split, part)
        return
    if not one.op:
        return
    if one.name in (*TRUE_NAMES, *PREDICTED_NAMES):
        if one.value not in view.classes:
            for name in one.values:
                class_index(view.classes, name)
        return
    table = view.table(split)
    if one.name in table.columns:
        if not edited(view, one.name):
            compare(one, np.asarray(table.columns[one.name], object))
        return
    objects = boxed_objects(table)
    known = {*objects, *COMPUTED, *(d.name for d in view.definitions()), CONFIDENCE}
    if one.name not in known:
        listed = [*TRUE_NAMES[:1], *PREDICTED_NAMES[:1], *objects, *table.columns, *COMPUTED]
        raise NotRecorded(f"where: there is no attribute {clean(one.name, 60)!r}.", dict.fromkeys(listed))
