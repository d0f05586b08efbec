"""Conditions as they are written: ``lighting=dark``, ``age>70``, ``true=kitchen|bathroom``, ``not(line=3&shift=night)``, ``wrong``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PARTS: Final = re.compile(r"(?P<name>.+?)(?P<op>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
_OUTCOMES: Final = ("wrong", "correct")
_OPPOSITE: Final = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
TOGETHER: Final = "not("
"""What conditions begin with that do not hold together: ``not(line=3&shift=night)``."""


def either(conditions: Sequence[str]) -> str:
    """The condition of all images that meet one of ``conditions`` at least: ``hour>=22`` or ``hour<=5`` is ``not(hour<22&hour>5)``."""
    return f"{TOGETHER}{'&'.join(map(denied, conditions))})"


def column_of(one: str) -> str:
    """The column of a condition: ``site`` of ``site=Ost``, ``age`` of ``age>70``."""
    return columns_in(one)[0]


def columns_in(one: str) -> list[str]:
    """The columns of a condition, of which one that denies several has several."""
    inside = one[len(TOGETHER) : -1].split("&") if one.startswith(TOGETHER) else [one]
    return [re.split(r"[<>=!]", part, maxsplit=1)[0] for part in inside]


def parts(condition: str) -> tuple[str, str, str]:
    """Name, sign and value of a condition; the sign is empty for ``wrong``, ``correct`` and ``not(…)``."""
    found = None if condition.startswith(TOGETHER) else _PARTS.fullmatch(condition)
    return (found["name"], found["op"], found["value"]) if found else (condition, "", "")


def denied(condition: str) -> str:
    """What holds where a condition does not: ``cat=no``, ``true!=kitchen``, ``price<=300``; all of them, joined by ``&``, for ``not(…)``."""
    if condition.startswith(TOGETHER):
        return condition[len(TOGETHER) : -1]
    if condition in _OUTCOMES:
        return _OUTCOMES[1 - _OUTCOMES.index(condition)]
    name, sign, value = parts(condition)
    if sign == "=" and value in ("yes", "no"):
        return f"{name}={'no' if value == 'yes' else 'yes'}"
    return f"{name}{_OPPOSITE[sign]}{value}"
