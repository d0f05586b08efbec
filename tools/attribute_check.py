"""attribute_check: how often are the values of an attribute right, by the eyes of a person or by an answer key?"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.attributes import checking
from failsight.tools.attributes.check_report import check_evidence, form, neither
from failsight.tools.attributes.checking import Judged
from failsight.tools.attributes.definitions import ASSIGNED, Check, Definition, plain
from failsight.tools.attributes.editing import find, visible
from failsight.tools.attributes.sources import AttributeSource, assign_all
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import AttributeTable, Split
from failsight.tools.notes import called
from failsight.tools.registry import tool
from failsight.tools.text import clean, counted, number_text
from failsight.tools.view import CaseView

UNSURE = frozenset({"", "?", "unsure", "unknown", "can't tell"})
NEITHER = frozenset({"none", "neither", "other", "none of them", "none of these", "something else"})
TRUTHS = {"1": "yes", "1.0": "yes", "true": "yes", "present": "yes", "y": "yes",
          "0": "no", "0.0": "no", "false": "no", "absent": "no", "n": "no"}  # fmt: skip
MOST_VALUES = 40
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Checked:
    """An attribute as it stands in a split: ``values`` by frequency, ``codes`` (n,), ``groups`` (n,) to draw from."""

    definition: Definition
    split: Split
    rows: Ints
    values: tuple[str, ...]
    codes: Ints
    groups: Ints


@tool(cost="pass", reads_attributes=True)
def attribute_check(
    view: CaseView,
    attribute: Annotated[str, Field(description="Name of the attribute, as it is shown.", max_length=200)],
    n: Annotated[int, Field(description="How many images to look at.", ge=4, le=400)] = 40,
    answers: Annotated[
        dict[str, str] | None,
        Field(
            description="What a person saw, image path to value: one of the attribute's values, 'none' (or 'other') where none fits, "
            "'?' when unsure. Never fill this in by guessing."
        ),
    ] = None,
    key_column: Annotated[
        str | None,
        Field(description="A column that holds the right values, instead of answers.", max_length=200),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train, pool or deploy.")] = "data",
) -> Evidence:
    """Measure how often the values of an attribute are right. Without answers: draw a handful of images for a person to
    look at, evenly over the values and over sure and unsure assignments. With answers, or a column that holds the right
    values: accuracy with its interval, weighted back to how often each value occurs, precision and recall of each value,
    and what is taken for what.

    The result is kept with the attribute. One that is right in less than 80 % confirms nothing from then on.

    Raises:
        RetryError: an unknown attribute, image, value or column; nothing to compare.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    if answers is not None and key_column is not None:
        raise RetryError("Give answers or key_column, not both.")
    table = view.attributes(split)
    one = _checked(view, split, table, attribute)
    if answers is None and key_column is None:
        drawn = checking.draw(one.groups, n, view.seed)
        made = form(
            view, one.definition.name, split, one.rows[drawn], one.values, int((one.codes >= 0).sum())
        )
        return dataclasses.replace(made, arguments=jsonable(given))
    if answers is not None:
        looked, truth, notes = _from_answers(view, one, answers)
        by = "a person"
    else:
        looked, truth, notes = _from_key(view, one, table, key_column or "")
        by = f"column {clean(key_column or '', 60)}"
    judged = checking.judge(one.codes, one.groups, looked, truth, len(one.values))
    gaps = int((one.codes < 0).sum())
    if gaps:
        notes.append(f"{gaps:,} of the {called(split)} have no value and are not judged.")
    _keep(view, one.definition, judged, by)
    made = check_evidence(one.definition.name, split, one.values, judged, notes)
    return dataclasses.replace(made, arguments=jsonable(given))


def _checked(view: CaseView, split: Split, table: AttributeTable, name: str) -> Checked:
    """Raises RetryError when there is no such attribute, or nothing in it that could be right or wrong."""
    definition = find(visible(table, view.definitions()), name, "attribute")
    if definition.source == "clusters" and not definition.renamed:
        raise RetryError(
            f"A group of {clean(definition.name, 60)} is neither right nor wrong: look at its images and name it "
            "(edit_attributes, rename_value); then the name can be checked."
        )
    confidence = None
    if definition.source in ASSIGNED:
        sources: dict[str, AttributeSource] = {definition.source: view.source(definition.source)}
        confidence = assign_all(view, split, table.rows, [definition], sources)[definition.key].confidence
    texts = _texts(table.columns[definition.name])
    values = tuple(v for v, _ in Counter(t for t in texts if t is not None).most_common())
    shown = clean(definition.name, 60)
    if not values:
        raise RetryError(f"{shown} has no value on any of the {called(split)}.")
    if len(values) > MOST_VALUES:
        raise RetryError(
            f"{shown} has {len(values):,} different values; that can't be looked at value by value."
        )
    codes = checking.codes_of(texts, values)
    groups = checking.strata(codes, confidence)
    return Checked(definition, split, np.asarray(table.rows, np.int64), values, codes, groups)


def _texts(column: npt.NDArray[Any]) -> list[str | None]:
    if column.dtype == object:
        return [None if v is None else str(v) for v in column.tolist()]
    return [number_text(v) if np.isfinite(v) else None for v in column.tolist()]


def _from_answers(view: CaseView, one: Checked, answers: Mapping[str, str]) -> tuple[Ints, Ints, list[str]]:
    """(positions, true values, notes). Raises RetryError for an unknown image or value."""
    paths = view.table(one.split).paths
    place = {paths[int(row)]: i for i, row in enumerate(one.rows)}
    at: list[int] = []
    truth: list[int] = []
    unsure = without = 0
    for path, said in answers.items():
        if path not in place:
            raise RetryError(f"There is no image {clean(path, 120)!r} among the {called(one.split)}.")
        code = _value(said, one.values)
        if code is None and plain(said) in UNSURE:
            unsure += 1
            continue
        if code is None:
            raise RetryError(f"{clean(said, 60)!r} is no value of {clean(one.definition.name, 60)}.", [*one.values, neither(one.values), "?"])  # fmt: skip
        if one.codes[place[path]] < 0:
            without += 1
            continue
        at.append(place[path])
        truth.append(code)
    if not at:
        raise RetryError("There is no answer to compare: name a value for at least one image that has one.")
    notes = []
    if unsure:
        notes.append(
            f"{counted(unsure, 'answer was unsure and is left out; such images are', 'answers were unsure and are left out; such images are')} often the hard ones."
        )
    if without:
        notes.append(
            f"{counted(without, 'answer is about an image without a value and is', 'answers are about images without a value and are')} left out."
        )
    return np.array(at, np.int64), np.array(truth, np.int64), notes


def _from_key(view: CaseView, one: Checked, table: AttributeTable, name: str) -> tuple[Ints, Ints, list[str]]:
    """(positions, true values, notes) of every image that has both. Raises RetryError when the two can't be compared."""
    raw = view.table(one.split).columns
    columns = {k: list(v) for k, v in raw.items()}
    texts: dict[str, list[str | None]] = {
        k: _texts(np.array([_plainly(v[int(r)]) for r in one.rows], object)) for k, v in columns.items()
    }
    texts |= {k: _texts(v) for k, v in table.columns.items() if k != one.definition.name}
    said = find({k: v for k, v in texts.items() if one.definition.key != f"metadata:{k}"}, name, "column")
    codes = [None if t is None else _value(t, one.values) for t in said]
    at = np.array([i for i, t in enumerate(said) if t is not None and one.codes[i] >= 0], np.int64)
    if not any(codes[i] is not None for i in at):
        theirs = sorted({t for t in said if t is not None})
        raise RetryError(
            f"Column {clean(name, 60)} holds other values ({', '.join(clean(t, 30) for t in theirs[:6]) or 'none'}): "
            f"rename the attribute's values first.",
            one.values,
        )
    foreign = Counter(said[i] for i in at if codes[i] is None)
    notes = []
    if foreign:
        names = ", ".join(clean(v, 30) for v, _ in foreign.most_common(6))
        notes.append(
            f"{counted(foreign.total(), 'image counts as wrong', 'images count as wrong')}: the column says {names}, which the attribute can't say."
        )
    truth = [len(one.values) if (code := codes[i]) is None else code for i in at]
    return at, np.array(truth, np.int64), notes


def _plainly(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value) if np.isfinite(value) else None
    return value if value not in (None, "") else None


def _value(said: str, values: Sequence[str]) -> int | None:
    """Position of the value meant; the number after the last for none of them; None when nothing is meant."""
    if said in values:  # two values may differ in their case only
        return values.index(said)
    told = plain(clean(said, 200))
    for form_ in (told, TRUTHS.get(told)):
        for i, value in enumerate(values):
            if form_ is not None and plain(clean(value, 200)) == form_:
                return i
    return len(values) if told in NEITHER else None


def _keep(view: CaseView, definition: Definition, judged: Judged, by: str) -> None:
    check = Check(
        judged.n,
        judged.right,
        round(judged.accuracy, 4),
        (round(judged.ci[0], 4), round(judged.ci[1], 4)),
        by,
    )
    if definition.source in ASSIGNED:
        check = dataclasses.replace(check, of=view.source(definition.source).fingerprint(view))
    view.define(dataclasses.replace(definition, check=check), action="checked", why=f"looked at by {by}")
