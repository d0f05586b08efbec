"""What a person or a planner changes about attributes: names, values, what is put aside. Columns are never touched.

Every function returns the definitions to journal and one sentence; whoever calls it journals them. A name that does not
exist is refused with the names that do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from failsight.tools.attributes.definitions import ASSIGNED, Definition, plain, sound
from failsight.tools.attributes.proposals import LONGEST, MARKUP, alike
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.text import clean, listing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """What was changed.

    Attributes:
        definitions: to be journalled, in this order.
        sentence: what was done, in plain words.
        before, after: names of the attribute whose values are compared; empty where there was or is none.
        assigned_anew: the values will be assigned again.
        notes: what follows from it.
    """

    definitions: tuple[Definition, ...]
    sentence: str
    before: str = ""
    after: str = ""
    assigned_anew: bool = False
    notes: tuple[str, ...] = ()


def visible(table: AttributeTable, definitions: Iterable[Definition]) -> dict[str, Definition]:
    """Name → definition of every attribute that is shown, columns that nobody defined included."""
    named = {d.name: d for d in definitions if not d.dropped}
    return {
        name: named.get(name) or Definition(name, table.sources[name], name)  # type: ignore[arg-type]
        for name in table.columns
    }


def find(names: Mapping[str, T], name: str | None, what: str) -> T:
    """The entry called ``name``, whatever its case, dashes and plural. Raises RetryError listing the names."""
    if name is not None and name in names:
        return names[name]
    wanted = clean(name or "", 100)
    for same in (str, plain, alike):
        found = [known for known in names if same(clean(known, 100)) == same(wanted)]
        if wanted and len(found) == 1:
            return names[found[0]]
    if not names:
        raise RetryError(f"There is no {what} to choose from.")
    shown = [clean(n, 60) for n in names]
    asked = f"no {what} {wanted!r}" if wanted else f"no {what} named"
    raise RetryError(f"There is {asked}.", shown)


def renamed(one: Definition, to: str | None, classes: Sequence[str], others: Iterable[str]) -> Edit:
    """The attribute under another name."""
    name = fit_name(to, "new name (to)")
    not_class(name, classes)
    if plain(name) in {plain(o) for o in others if o != one.name}:
        raise RetryError(f"There is an attribute {name!r} already: merge the two instead.")
    made = dataclasses.replace(one, name=name)
    return Edit((made,), f"{_said(one)} is called {name} now.", one.name, name)


def merged(one: Definition, into: Definition, shown: Sequence[str]) -> Edit:
    """``one`` put into ``into``: it fills the gaps there, or is a second way of saying the same.

    Args:
        shown: values that ``into`` shows now.
    """
    if one.key == into.key:
        raise RetryError(f"{_said(one)} can't be merged with itself.")
    if "clusters" in (one.source, into.source):
        raise RetryError("Groups of look-alikes can't be merged with another attribute: merge their values.")
    aside = dataclasses.replace(one, dropped=True)
    sentence = f"{_said(one)} is part of {_said(into)} now."
    own = {*shown, *into.values, *into.renamed}
    names = {**{k: v for k, v in one.renamed.items() if k not in own}, **into.renamed}
    if one.source not in ASSIGNED:
        also = tuple(dict.fromkeys((*into.also, one.key, *one.also)))
        made = dataclasses.replace(into, also=also, renamed=names, check=None)
        note = f"Where an image has both, {_said(into)} counts; among yes and no, yes."
        return Edit((aside, made), sentence, into.name, into.name, notes=(note, *_void(into)))
    if one.source != into.source:
        raise RetryError(
            f"{_said(one)} is assigned by {one.source} and {_said(into)} is not: merge {_said(into)} into "
            f"{_said(one)}, then rename it."
            if into.source not in ASSIGNED
            else f"{_said(one)} and {_said(into)} come from different sources: drop the worse one."
        )
    values = {plain(v): v for v in (*one.values, *into.values)}
    same = {v: values[plain(v)] for v in (*one.values, *into.values)}
    phrases: dict[str, tuple[str, ...]] = {}
    for d in (into, one):
        for v in d.values:
            said = d.phrases.get(v, () if d is into else (v,))
            phrases[same[v]] = tuple(dict.fromkeys((*phrases.get(same[v], ()), *said)))
    made = dataclasses.replace(
        into,
        values=tuple(dict.fromkeys(same[v] for v in (*into.values, *one.values))),
        phrases={k: v for k, v in phrases.items() if v},
        renamed=names,
        check=None,
    )
    return Edit((aside, made), sentence, into.name, "", True, _void(into))


def dropped(one: Definition) -> Edit:
    """The attribute put aside."""
    sentence = f"{_said(one)} is put aside; restore brings it back."
    return Edit((dataclasses.replace(one, dropped=True),), sentence, one.name)


def restored(one: Definition, hosts: Iterable[Definition]) -> Edit:
    """The attribute brought back; those that it was merged into let go of it."""
    freed = tuple(
        dataclasses.replace(h, also=tuple(k for k in h.also if k != one.key), check=None)
        for h in hosts
        if one.key in h.also
    )
    made = dataclasses.replace(one, dropped=False)
    # itself first: when its name is taken by now, nothing has been journalled yet
    return Edit((made, *freed), f"{_said(one)} is back.", "", one.name)


def restored_value(one: Definition, value: str) -> Edit:
    """A value that was left out is shown again under its own name."""
    hidden = {k: k for k, v in one.renamed.items() if v is None}
    if not hidden:
        raise RetryError(f"No value of {_said(one)} was left out.")
    raw = find(hidden, value, f"left-out value of {_said(one)}")
    names = {k: v for k, v in one.renamed.items() if k != raw}
    return _shown(one, names, f"{_text(raw)} of {_said(one)} is back.")


def renamed_values(one: Definition, shown: Sequence[str], chosen: Sequence[str], to: str | None) -> Edit:
    """Some values under one name: a value renamed, or several merged.

    Args:
        shown: values that the attribute shows now.
        chosen: those that get the name ``to``.
    """
    known = {v: v for v in shown}
    values = list(dict.fromkeys(find(known, v, f"value of {_said(one)}") for v in chosen))
    name = fit_name(to, "new name of the value (to)")
    there = next((v for v in shown if plain(v) == plain(name)), None)
    if there is not None and [there] != values:
        name = there
    elif [name] == values:
        raise RetryError(f"{_text(name)} of {_said(one)} is called that already.")
    joined = dict.fromkeys((*values, *([there] if there is not None else [])))
    names = {**one.renamed, **{raw: name for v in joined for raw in _raw(one, v)}}
    what = listing([_text(v) for v in joined])
    sentence = (
        f"{what} of {_said(one)} is called {_text(name)} now."
        if len(joined) == 1
        else f"{what} of {_said(one)} are one value now: {_text(name)}."
    )
    return _shown(one, {k: v for k, v in names.items() if k != v}, sentence, checked=len(joined) == 1)


def without_value(one: Definition, shown: Sequence[str], value: str | None) -> Edit:
    """Images with this value count as having none."""
    found = find({v: v for v in shown}, value, f"value of {_said(one)}")
    names = {**one.renamed, **dict.fromkeys(_raw(one, found))}
    return _shown(one, names, f"Images with {_text(found)} count as having no {_said(one)} now.")


def with_choice(one: Definition, value: str | None, classes: Sequence[str]) -> Edit:
    """One more value that the source may choose."""
    _choosing(one)
    name = fit_name(value, "value")
    if alike(name) in {alike(v) for v in one.values}:
        raise RetryError(f"{_said(one)} has the value {_text(name)} already.")
    made = sound(dataclasses.replace(one, values=(*one.values, name), check=None), classes)
    return Edit((made,), f"{_said(one)} may be {_text(name)} too now.", one.name, "", True, _void(one))


def without_choice(one: Definition, shown: Sequence[str], value: str | None) -> Edit:
    """One value less to choose from: its images go to the others."""
    _choosing(one)
    found = find({v: v for v in shown}, value, f"value of {_said(one)}")
    gone = _raw(one, found)
    left = tuple(v for v in one.values if v not in gone)
    if len(left) < 2:
        raise RetryError(f"{_said(one)} would have fewer than two values to choose from: drop it instead.")
    made = dataclasses.replace(
        one,
        values=left,
        phrases={k: v for k, v in one.phrases.items() if k not in gone},
        renamed={k: v for k, v in one.renamed.items() if k not in gone},
        check=None,
    )
    sentence = f"{_said(one)} can't be {_text(found)} any more; its images get one of the other values."
    return Edit((made,), sentence, one.name, "", True, _void(one))


def fit_name(text: str | None, what: str) -> str:
    """A name that people can read. Raises RetryError when it is empty, markup or too long."""
    name = clean(text or "", 1000)
    if not any(c.isalnum() for c in name):
        raise RetryError(f"The {what} is missing.")
    if MARKUP.search(name):
        raise RetryError(f"{clean(name, 40)!r} is markup, not a name.")
    if len(name) > LONGEST:
        raise RetryError(f"{clean(name, 40)!r} is too long: a name has at most {LONGEST} characters.")
    return name


def not_class(name: str, classes: Sequence[str]) -> None:
    """Raises RetryError when an attribute would be called what the model predicts."""
    if plain(name) in {"class", "label", "category", "prediction", *map(plain, classes)}:
        raise RetryError(f"{name!r} is what the model predicts; an attribute needs a name of its own.")


def _choosing(one: Definition) -> None:
    if one.source not in ASSIGNED or one.source == "clusters":
        raise RetryError(
            f"The values of {_said(one)} are not chosen among given ones ({one.source}): rename, merge or leave them out."
        )


def _raw(one: Definition, shown: str) -> list[str]:
    """Values that are shown as ``shown``."""
    own = [] if shown in one.renamed else [shown]
    return [*own, *(k for k, v in one.renamed.items() if v == shown)]


def _shown(one: Definition, names: Mapping[str, str | None], sentence: str, checked: bool = False) -> Edit:
    made = dataclasses.replace(one, renamed=dict(names), check=one.check if checked else None)
    return Edit((made,), sentence, one.name, one.name, notes=() if checked else _void(one))


def _void(one: Definition) -> tuple[str, ...]:
    return (f"{_said(one)} was checked before this change: check it again.",) if one.check else ()


def _said(one: Definition) -> str:
    return clean(one.name, 60)


def _text(value: str) -> str:
    return clean(value, 60)
