"""Settings as Python programs give them: paths, numbers of numpy, objects where a path belongs. What can't be kept is refused in a sentence."""

from __future__ import annotations

import dataclasses
import difflib
import operator
import os
from collections.abc import Collection, Mapping
from typing import Any, Final

from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

CHOICES: Final[Mapping[str, Collection[str]]] = {
    "level": ("novice", "intermediate", "expert"),
    "method": ("failsight", "hibug"),
    "engine": ("local", "ray"),
}
OBJECTS: Final = {
    "model": "Save it to a file (docs/models.md), or name a Python function that returns it: model='file.py:function', trust_code=True.",
    "data": "Write the pictures to files, a folder for each class, or list them in a table (docs/data.md).",
    "predictions": "Write them to a CSV or Parquet file with the columns path, label and prediction (docs/models.md).",
}


KNOWN_AS: Final = {"map": "class_map", "threshold": "thresholds"}
"""What the command line calls a setting → the setting."""


def as_option(setting: str) -> str:
    """The option of the command line that gives a setting, without its dashes."""
    return next((option for option, name in KNOWN_AS.items() if name == setting), setting.replace("_", "-"))


def by_name(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` under the names of settings; ``map`` and ``threshold`` also as the command line writes them (``"garden=yard"``).

    Raises:
        TypeError: a name that is no setting, with those that are spelt much like it, and all of them.
        UserError: one setting under two names, or a text that is not A=B.
    """
    from failsight.agent.config import CaseConfig

    known = [f.name for f in dataclasses.fields(CaseConfig) if f.name != "code"]
    made: dict[str, Any] = {}
    for name, value in given.items():
        setting = KNOWN_AS.get(name, name)
        if setting not in known:
            near = difflib.get_close_matches(name, [*known, *KNOWN_AS, "groups", "expectations", "out"], 2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise TypeError(
                f"There is no setting {clean(name, 60)!r}.{hint} There are {listing([*known, 'groups'], 40)}."
            )
        if value is None:
            continue
        if setting in made:
            raise UserError(
                f"{setting} is given twice.", f"It is called {name} on the command line: give one of them."
            )
        made[setting] = _pairs(setting, value) if setting in KNOWN_AS.values() else value
    return made


def _pairs(setting: str, value: Any) -> Any:
    """A dictionary from the texts of the command line (``"a=b"``, or a list of these); anything else as it is."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(t, str) for t in texts):
        return value
    made = {}
    for text in texts:
        left, equals, right = text.rpartition("=") if setting == "thresholds" else text.partition("=")
        if not (left.strip() and equals):
            raise UserError(
                f"{setting} can't be {text[:40]!r}.", f"Give a dictionary: {setting}={{'a': 'b'}}."
            )
        made[left.strip()] = right.strip()
    return made


def as_settings(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with each value of the type that its default has.

    Paths become text, numpy's numbers and truth values Python's. None stays out.

    Args:
        defaults: setting → its default, whose type counts; settings that are not among them are left as they are.

    Raises:
        UserError: a value that is something else, or none of the words that the setting knows.
    """
    return {
        name: _of_type(name, value, defaults[name]) if name in defaults else value
        for name, value in given.items()
        if value is not None
    }


def _of_type(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        if type(value).__name__ not in ("bool", "bool_"):
            raise _wrong(name, value, "Write True or False.")
        return bool(value)
    if isinstance(default, int):
        return _whole(name, value)
    if isinstance(default, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(name, value, f"Give a dictionary: {name}={{'a': 'b'}}.")
        return value
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise _wrong(name, value, OBJECTS.get(name, "Give text, or a path."))
    known = CHOICES.get(name)
    if known is not None and value not in known:
        raise UserError(f"There is no {name} {clean(value, 40)!r}.", f"Use one of {listing(list(known))}.")
    return str(value)


def _whole(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise _wrong(name, value, "Give a whole number from 0.") from None
    if isinstance(value, bool) or number < 0:
        raise _wrong(name, value, "Give a whole number from 0.")
    return number


def _wrong(name: str, value: Any, hint: str) -> UserError:
    plain = isinstance(value, str | int | float)
    said = repr(value)[:40] if plain else f"an object ({clean(type(value).__name__, 60)})"
    return UserError(f"{name} can't be {said}.", hint)
