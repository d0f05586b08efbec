"""Plain arithmetic by placeholder: ``{difference of E2.accuracy and E2.accuracy of split deploy}``, computed from recorded values.

What does not go together (a share and a count, parts that are larger than the whole) is refused with the reason.
"""

from __future__ import annotations

import math
import re

from failsight.agent.grounding.recorded_facts import called, facts, key
from failsight.agent.state import CaseState
from failsight.tools.text import clean, number

CALCULATED = re.compile(
    r"\{\s*(?P<what>difference|ratio|share|sum)\s+(?:of|between)\s+(?P<rest>[EF]\d+\s*[.:][^{}\n]{1,300}?)\s*\}",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\s*(?:,\s*(?:and\s+)?|\s(?:and|to|in|from|minus)\s+)(?=[EF]\d+\s*[.:])")
_ONE = re.compile(r"(?P<id>[EF]\d+)\s*[.:]\s*(?P<name>.+)")
_KINDS = {"share": "a share", "points": "points", "count": "a number"}


def calculated(what: str, rest: str, state: CaseState) -> tuple[str, str, str]:
    """(the value, the ids that it comes from, why there is none)."""
    terms = [m for part in _NEXT.split(rest) if (m := _ONE.fullmatch(part.strip()))]
    if len(terms) < 2 or (len(terms) > 2 and what != "sum"):
        return "", "", f"a {what} is of two recorded values, like {{{what} of E2.NAME and E2.NAME}}"
    found: list[tuple[float, str]] = []
    for term in terms:
        value, unit, reason = _quantity(term["id"], term["name"], state)
        if reason:
            return "", "", reason
        found.append((value, unit))
    value_, reason = _computed(what, [v for v, _ in found], [u for _, u in found])
    return value_, ", ".join(dict.fromkeys(t["id"] for t in terms)) if value_ else "", reason


def _computed(what: str, values: list[float], units: list[str]) -> tuple[str, str]:
    """(the value as it is written, why there is none)."""
    unit = units[0]
    if len(set(units)) > 1:
        return "", f"{' and '.join(_KINDS.get(u, u) for u in units)} don't go together"
    first, second = values[0], values[1]
    if what == "difference":
        return number(first - second, "points" if unit == "share" else unit), ""
    if what == "sum":
        return (
            (number(sum(values), unit), "")
            if unit == "count"
            else ("", "only numbers of images can be added")
        )
    if second == 0:
        return "", "the second value is 0"
    if what == "ratio":
        return f"{first / second:.3g} times", ""
    if unit != "count" or not 0 <= first <= second:
        return "", "a share is of a number of images in a larger one"
    return number(first / second, "share"), ""


def _quantity(name: str, wanted: str, state: CaseState) -> tuple[float, str, str]:
    """(value, unit, why there is none)."""
    if name.startswith("F"):
        record = state.find(name)
        made = {} if record is None else _of_finding(record.finding)
        value, unit = made.get(key(wanted), (None, ""))
        told = (
            f"{name} has no {clean(wanted, 60)} to reckon with; it has {', '.join(made)}"
            if made
            else f"there is no {name}"
        )
    else:
        evidence = next((e for e in state.evidence if e.id == name), None)
        if evidence is None:
            return math.nan, "", f"there is no {name}"
        found = facts(evidence, wanted)
        value, unit = (found[0].value, found[0].unit) if len(found) == 1 else (None, "")
        near = ", ".join(called(f) for f in (found or evidence.facts)[:8])
        told = f"{name} has no one {clean(wanted, 60)}; there are {near}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return math.nan, "", told
    return float(value), unit, ""


def _of_finding(finding: object) -> dict[str, tuple[object, str]]:
    tests = getattr(finding, "tests", ())
    every = {
        "effect": (tests[-1].effect if tests else None, "points"),
        "control effect": (tests[-1].control_effect if tests else None, "points"),
        "error rate": (getattr(finding, "error_rate", None), "share"),
        "base error rate": (getattr(finding, "base_error_rate", None), "share"),
        "n": (getattr(finding, "n", None), "count"),
    }
    return {name: made for name, made in every.items() if made[0] is not None}
