"""The answer key of a case, and the judgement of what somebody says of it.

A statement (an entry of findings.json, or what a baseline says in that form) is judged

* ``right``: kind and place are those of a planted fault,
* ``wrong_kind``: the place is, the kind is not,
* ``consequence``: it is true because of a planted fault (the key lists the kinds),
* ``elsewhere``: nobody planted it, and it holds on pictures that no method saw (the reserve),
* ``false``: none of these.

Place: every condition of a statement's slice must be about the planted attribute (or a measurement that shows the same, or
merely name a class), with a planted value, and the class must be one that the fault acts on. A slice that holds on the
reserve hardly anything but planted pictures shows the same, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Judgement = Literal["right", "wrong_kind", "consequence", "elsewhere", "false"]
SLICED = frozenset(
    {"weak_slice", "rare_case", "missing_feature", "spurious_correlation", "overemphasised_feature"}
)
RELIED = frozenset({"spurious_correlation", "overemphasised_feature"})
NAMES_CLASS = frozenset(
    {"label", "class", "true_class", "prediction", "predicted", "predicted class", "predicted_class"}
)


@dataclass(frozen=True)
class Planted:
    """One planted fault.

    Attributes:
        bug: name of the recipe.
        kinds: kinds of findings that tell of it; the first is the proper one.
        story: what was done, in a sentence.
        attribute: the column that it is about; empty for faults of the whole data set or model.
        values: values of the attribute that a statement may name; empty for any.
        signs: for a reliance, (value, class that it pulls to) pairs that tell of it.
        proxies: measured attributes that show the same thing.
        classes: classes that it acts on; empty for all.
        whole: a statement without a slice tells of it, too.
        also: kinds that are true as consequences, in the same place or of the whole.
        anything: every other kind may be a consequence (a model that is fed wrongly).
    """

    bug: str
    kinds: tuple[str, ...]
    story: str
    attribute: str = ""
    values: tuple[str, ...] = ()
    signs: tuple[tuple[str, str], ...] = ()
    proxies: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    whole: bool = True
    also: tuple[str, ...] = ()
    anything: bool = False


@dataclass(frozen=True)
class Judged:
    """What a statement is worth.

    Attributes:
        judgement: see the module.
        bug: the planted fault that it tells of (right, wrong_kind, consequence).
        misplaced: it has the kind of a planted fault, in another place (false or elsewhere).
    """

    judgement: Judgement
    bug: str = ""
    misplaced: bool = False


def judged(
    said: Mapping[str, Any],
    planted: Sequence[Planted],
    implied: Mapping[str, Sequence[str]],
    holds: Callable[[Mapping[str, Any]], bool],
    shown: Collection[str] = (),
) -> Judged:
    """Judge one statement.

    Args:
        said: has ``kind`` (empty where a method names none), ``slice``, ``class``, ``confused_with``.
        planted: the key.
        implied: attribute → values that say no more than which class is meant (``kitchen_style`` is ``none``).
        holds: whether a statement that nothing planted explains is true on the reserve.
        shown: planted faults whose pictures are what the statement's slice holds on the reserve, whatever it calls them.
    """
    kind = str(said.get("kind") or "")
    for one in planted:
        if _here(said, one, implied, shown) and (not kind or kind in one.kinds):
            return Judged("right", one.bug)
    for one in planted:
        if _consequence(said, one, implied, shown):
            return Judged("consequence", one.bug)
    for one in planted:
        if one.attribute and kind in SLICED and _about(said, one, implied, shown):
            return Judged("wrong_kind", one.bug)
        if not one.attribute and one.classes and said.get("class") in one.classes and not said.get("slice"):
            return Judged("wrong_kind", one.bug)
    misplaced = any(kind in one.kinds for one in planted)
    return Judged("elsewhere" if holds(said) else "false", "", misplaced)


def conditions(said: Mapping[str, Any], implied: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The conditions of a statement's slice that say more than which class is meant."""
    made = {str(a): str(v) for a, v in (said.get("slice") or {}).items()}
    return {a: v for a, v in made.items() if a not in NAMES_CLASS and v not in implied.get(a, ())}


def _about(
    said: Mapping[str, Any], one: Planted, implied: Mapping[str, Sequence[str]], shown: Collection[str]
) -> bool:
    """Whether the slice is about the planted attribute and nothing else, or holds the planted pictures under another name."""
    told = conditions(said, implied)
    named = all(a == one.attribute or a in one.proxies for a in told)
    return bool(told) and (named or (one.bug in shown and one.attribute not in told))


def _here(
    said: Mapping[str, Any], one: Planted, implied: Mapping[str, Sequence[str]], shown: Collection[str]
) -> bool:
    told = conditions(said, implied)
    named = str(said.get("class") or "")
    if not told:
        return one.whole and (not one.classes or not named or named in one.classes)
    if not _about(said, one, implied, shown):
        return False
    values = [v for a, v in told.items() if a == one.attribute]
    if one.signs and str(said.get("kind") or "") in RELIED:
        return any((v, named) in one.signs for v in values)
    if one.values and any(v not in one.values for v in values):
        return False
    return not named or not one.classes or named in one.classes


def _consequence(
    said: Mapping[str, Any], one: Planted, implied: Mapping[str, Sequence[str]], shown: Collection[str]
) -> bool:
    if one.anything:
        return True
    if str(said.get("kind") or "") not in one.also:
        return False
    return not conditions(said, implied) or _about(said, one, implied, shown)


def in_range(value: str) -> tuple[float | None, float | None] | None:
    """(low, high) of a range as findings write it: ``dark (< 0.2)``, ``(0.2 to 0.3)``, ``(≥ 0.3)``; None for no range."""
    found = re.search(
        r"\((?:< (?P<below>[^\s)]+)|≥ (?P<above>[^\s)]+)|(?P<low>[^\s)]+) to (?P<high>[^\s)]+))\)$", value
    )
    if found is None:
        return None
    low, high = found["low"] or found["above"], found["high"] or found["below"]
    try:
        return (float(low.replace(",", "")) if low else None, float(high.replace(",", "")) if high else None)
    except ValueError:
        return None
