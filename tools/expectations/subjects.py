"""Whether what an expectation speaks of exists in a case: its images, classes, attributes and their values.

Nothing is predicted or measured here, so that a misspelt name is told before hours are spent and not after. What the data
came with is known then, and so are the attributes that are computed from every picture; attributes that a model proposes
may still come.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools import belonging
from failsight.tools.attributes.computed import COMPUTED, NUMERIC
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.measure import HUES
from failsight.tools.attributes.metadata import column, unusable_columns
from failsight.tools.errors import RetryError
from failsight.tools.expectations.budgets import is_budget
from failsight.tools.expectations.named_groups import CLASS
from failsight.tools.expectations.names import Asked, is_price, parse_name
from failsight.tools.experiments.population import (
    PREDICTED_NAMES,
    TRUE_NAMES,
    Filter,
    apart,
    boxed_objects,
    compare,
    parse_filters,
)
from failsight.tools.inputs.base import Split
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.notes import called
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

MOST_LISTED = 12
NEAR = 0.6  # likeness of two spellings, from 0 to 1, from which one may be meant for the other
SHOWN_OPTION = {"data": "--data", "train": "--train", "deploy": "--deploy", "pool": "--pool"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """What an expectation names and the case does not have.

    Attributes:
        sentence: what is missing. hint: what there is, nearest names first.
        later: it is an attribute, and one of that name could still be assigned.
        empty: it exists, and no image of the case shows it: worth a word, and no mistake of whoever wrote it.
    """

    sentence: str
    hint: str
    later: bool = False
    empty: bool = False


def doubt(view: CaseView, name: str) -> Doubt | None:
    """What the criterion ``name`` speaks of and this case does not have; None where all of it exists."""
    if is_price(name) or is_budget(name):
        return None
    try:
        asked = parse_name(name)
    except LookupError:
        return None  # said where names are read
    split = next((s for s in view.splits() if s == asked.split), None)
    if split is None:
        return Doubt(
            f"This case has no {called(asked.split)}.",
            f"Give them with {SHOWN_OPTION[asked.split]} when the case is opened, or leave {asked.split}. away.",
        )
    if asked.metric == "worst_group":
        found = _groups(view, split, asked)
    else:
        found = _conditions(view, split, asked.where) if asked.where else None
    return found or _unlabelled(view, split, asked)


def _unlabelled(view: CaseView, split: Split, asked: Asked) -> Doubt | None:
    """No labelled image that it could be judged on, whatever is measured."""
    labels = view.table(split).labels
    if not (labels >= 0).any():
        return Doubt(
            f"The {called(split)} have no labels.", "Give them with labels in a new case.", empty=True
        )
    true = asked.about.rpartition(">")[0] if asked.metric == "confusion" else asked.about
    if asked.metric not in ("recall", "confusion"):
        return None
    name = Spellings(view.classes).find(true.strip())
    if name is None or (labels == view.classes.index(name)).any():
        return None
    return Doubt(f"None of the {called(split)} is labelled {clean(true, 60)}.", "", empty=True)


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """``known`` names, those spelt much like ``name`` first; the others in the order given."""
    wanted = name.casefold()

    def likeness(other: str) -> float:
        ratio = difflib.SequenceMatcher(None, wanted, other.casefold()).ratio()
        return ratio if ratio >= NEAR else 0.0

    return sorted(known, key=lambda k: -likeness(k))


def named(name: str, known: Iterable[str]) -> str:
    """``There are a, b and 7 more.``, nearest names first."""
    ranked = [clean(k, 40) for k in nearest_first(name, known)]
    return f"There are {listing(ranked, MOST_LISTED)}." if ranked else "There are none."


def _groups(view: CaseView, split: Split, asked: Asked) -> Doubt | None:
    names = [part.strip() for one in asked.where.split(",") for part in one.split("*") if part.strip()]
    if not names and not view.table(split).columns:
        return Doubt(
            f"worst_group needs to know which groups, as the {called(split)} came without attributes.",
            f"Write worst_group[NAME]. {named('', _attributes(view, split))}",
        )
    for name in names:
        if name != CLASS and name not in _attributes(view, split):
            return _no_attribute(view, split, name, [CLASS])
        if (found := _too_fine(view, split, name)) is not None:
            return found
    return None


def _too_fine(view: CaseView, split: Split, name: str) -> Doubt | None:
    """A column none of whose groups could ever be judged: one group each, or hardly an image."""
    columns = view.table(split).columns
    if name not in columns:
        return None
    if name == belonging.column_of(view):
        return _single(name)
    values = column(columns[name], np.arange(len(columns[name])))
    why = unusable_columns({name: values}).get(name)
    if why is None:
        return None
    fit = [
        n
        for n in columns
        if n != name and not unusable_columns({n: column(columns[n], np.arange(len(columns[n])))})
    ]
    return Doubt(
        f"The attribute {clean(name, 60)!r} forms no groups that can be judged: {why}.", named(name, fit)
    )


def _single(name: str) -> Doubt:
    return Doubt(
        f"Images with the same {clean(name, 60)} belong together, so that each {clean(name, 60)} is one group that tells nothing of others.",
        "Name another attribute, or say that images stand alone (--groups none).",
    )


def _conditions(view: CaseView, split: Split, where: str) -> Doubt | None:
    parts = apart(where, "&,")
    if not all(
        re.search(r"[=<>]", p) for p in parts
    ):  # a comma inside a value, as `named_groups.pick` reads it
        parts = apart(where)
    try:
        filters = parse_filters(parts)
    except RetryError as problem:
        return Doubt(_plain(problem), "Write for example accuracy[lighting=dark].")
    return next(
        (d for one in filters for part in one.inside if (d := _condition(view, split, part)) is not None),
        None,
    )


def _condition(view: CaseView, split: Split, one: Filter) -> Doubt | None:
    table = view.table(split)
    if not one.op:
        return None
    if one.name in (*TRUE_NAMES, *PREDICTED_NAMES):
        return _class(view, one)
    if one.name in table.columns and one.op == "=" and one.name == belonging.column_of(view):
        return _single(one.name)
    if one.name in table.columns:
        return _value(one, np.asarray(table.columns[one.name], object))
    if one.name in boxed_objects(table):
        return _one_of(one, ("yes", "no"))
    definition = next((d for d in view.definitions() if d.name == one.name and not d.dropped), None)
    if definition is not None:
        return _one_of(one, _shown(definition)) if definition.values else None
    if one.name in _computed(view, split):
        plain = one.name.removeprefix("computed_")
        return _value(one, np.array([0.0], object)) if plain in NUMERIC else _one_of(one, HUES)
    return _no_attribute(view, split, one.name, [*TRUE_NAMES[:1], *PREDICTED_NAMES[:1]])


def _class(view: CaseView, one: Filter) -> Doubt | None:
    if one.op not in ("=", "!="):
        return Doubt(f"Classes can only be compared with = and !=, not with {one.op}.", "")
    if one.value.strip().casefold() in {c.casefold() for c in view.classes}:
        return None
    return Doubt(f"There is no class {clean(one.value, 60)!r}.", named(one.value, view.classes))


def _value(one: Filter, values: np.ndarray[tuple[int], np.dtype[np.object_]]) -> Doubt | None:
    """Whether a condition can be put to a column, by the very comparison that will be made."""
    try:
        compare(one, values)
    except RetryError as problem:
        there = {str(v) for v in values.tolist() if v is not None and v == v}
        if one.op in ("=", "!=") and problem.choices:
            return Doubt(
                f"The attribute {clean(one.name, 60)!r} is never {clean(one.value, 60)!r}.",
                named(one.value, sorted(there)),
            )
        return Doubt(_plain(problem), f"Write for example {clean(one.name, 40)}<0.3.")
    return None


def _one_of(one: Filter, values: Sequence[str]) -> Doubt | None:
    if one.op not in ("=", "!="):
        return Doubt(f"{clean(one.name, 60)!r} holds names; compare it with = or !=.", "")
    if one.value in values or (set(values) == {"yes", "no"} and one.value.casefold() in values):
        return None
    return Doubt(
        f"The attribute {clean(one.name, 60)!r} is never {clean(one.value, 60)!r}.", named(one.value, values)
    )


def _no_attribute(view: CaseView, split: Split, name: str, more: Sequence[str]) -> Doubt:
    elsewhere = [s for s in view.splits() if s != split and name in view.table(s).columns]
    if elsewhere:
        prefix = "" if elsewhere[0] == "data" else f"{elsewhere[0]}."
        return Doubt(
            f"The {called(split)} have no attribute {clean(name, 60)!r}; the {called(elsewhere[0])} have one.",
            f"To judge those, write {prefix} before the measure."
            if prefix
            else f"To judge those, leave {split}. away.",
        )
    known = [*_attributes(view, split), *more]
    return Doubt(f"There is no attribute {clean(name, 60)!r}.", named(name, dict.fromkeys(known)), later=True)


def _attributes(view: CaseView, split: Split) -> list[str]:
    """Names of attributes that the images of ``split`` have, or will have as soon as they are measured."""
    table = view.table(split)
    moved = {d.key for d in view.definitions()} | {key for d in view.definitions() for key in d.also}
    own = [n for n in table.columns if f"metadata:{n}" not in moved]
    objects = [n for n in boxed_objects(table) if n not in table.columns and f"object:{n}" not in moved]
    made = [n for n in _computed(view, split) if f"computed:{n}" not in moved]
    return list(
        dict.fromkeys([*own, *objects, *(d.name for d in view.definitions() if not d.dropped), *made])
    )


def _computed(view: CaseView, split: Split) -> list[str]:
    taken = view.table(split).columns
    return [n if n not in taken else f"computed_{n}" for n in COMPUTED]


def _shown(definition: Definition) -> tuple[str, ...]:
    """The values as they are called now."""
    shown = (definition.renamed.get(v, v) for v in definition.values)
    return tuple(v for v in shown if v is not None)


def _plain(problem: RetryError) -> str:
    """The sentence of a refused argument, as people read it who never heard of the argument."""
    text = str(problem.args[0]).removeprefix("where: ")
    return text[:1].upper() + text[1:]
