"""How expectations are named, and how their numbers are written. Light: no numpy here.

``[SPLIT.]MEASURE[.CLASS][[CONDITIONS]]``: ``accuracy``, ``deploy.recall.kitchen``, ``accuracy[lighting=dark]``,
``recall.kitchen[lighting=dark&style=modern]``, ``confusion.stove>chair``, ``worst_group[lighting,style]``, ``expected_cost``;
and the demands on speed and size of :mod:`failsight.tools.expectations.budgets`. ``cost.bathroom>kitchen`` is no expectation but the
price of a confusion, on which ``expected_cost`` rests.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from failsight.tools.errors import UserError
from failsight.tools.expectations.budgets import BUDGETS, is_budget, show, show_interval
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.text import clean, interval, listing, number

SPLITS = ("data", "train", "deploy", "pool")
WHOLE = (
    "accuracy",
    "error_rate",
    "balanced_accuracy",
    "macro_precision",
    "macro_f1",
    "worst_recall",
    "worst_group",
    "ece",
    "overconfidence",
    "worst_slice_error",
    "expected_cost",
    "unacceptable_errors",
    "unacceptable",
)
BY_CLASS = ("recall", "precision", "f1", "confusion")
UPPER = ("error_rate", "ece", "overconfidence", "worst_slice_error", "expected_cost", "unacceptable_errors", "unacceptable", "confusion")  # fmt: skip
"""Measures of which less is better: a bound on them is an upper one unless it is said otherwise."""
UNSLICED = ("worst_slice_error", "unacceptable_errors", "unacceptable")  # not measured within a slice
MOST_COST = 1e6
_BRACKET = re.compile(r"^(?P<before>.*?)\[(?P<inside>[^\[\]]*)\](?P<after>.*)$")


class Asked(NamedTuple):
    """A parsed name. ``where``: conditions joined by ``&``, or for ``worst_group`` the attributes, joined by ``,``."""

    split: str
    metric: str
    about: str = ""
    where: str = ""


def parse_name(name: str) -> Asked:
    """``deploy.recall.kitchen`` → (``deploy``, ``recall``, ``kitchen``, ````). Raises LookupError for a name that is not known."""
    rest, where = _apart(name.strip())
    split = "data"
    head, _, tail = rest.partition(".")
    if head in SPLITS and tail:
        split, rest = head, tail
    metric, _, about = rest.partition(".")
    if is_budget(name):
        return Asked(split, metric)
    whole, one = metric in WHOLE and not about, metric in BY_CLASS and bool(about)
    pair = metric != "confusion" or 0 < about.find(">") < len(about) - 1
    if (whole or one) and pair and not (where and metric in UNSLICED):
        return Asked(split, metric, about, where)
    known = [*WHOLE, *BUDGETS, "recall.CLASS", "precision.CLASS", "f1.CLASS", "confusion.CLASS>OTHER"]
    raise LookupError(
        f"{clean(name, 60)!r} is not a measure known here; known are {listing(known, 30)}, each with deploy. or train. before it, "
        "and most with [ATTRIBUTE=VALUE] behind it."
    )


def _apart(name: str) -> tuple[str, str]:
    """(name, what stands in brackets), where the brackets hold conditions or the attributes of ``worst_group``."""
    found = _BRACKET.match(name)
    if found is None:
        return name, ""
    inside = found["inside"].strip()
    groups = found["before"].rpartition(".")[2].strip() == "worst_group"
    if not (groups or re.search(r"[=<>]", inside)):
        return name, ""  # a class called so
    return (found["before"].strip() + found["after"].strip()), inside


def is_price(name: str) -> bool:
    """Whether ``name`` is the price of a confusion: ``cost.bathroom>kitchen``."""
    return name.strip().startswith("cost.")


def parse_price(name: str, classes: tuple[str, ...] | list[str]) -> tuple[str, str] | None:
    """(true class, wrong answer) of ``cost.bathroom>kitchen`` or ``confusion.bathroom>kitchen``; None when it names no two of ``classes``."""
    text = name.strip().partition(".")[2]
    spelt = Spellings(classes)
    for at, letter in enumerate(text):  # a class may have the sign in its name
        if letter == ">":
            one, other = (part.strip() for part in (text[:at], text[at + 1 :]))
            true, said = (spelt.find(p) for p in (one, other))
            if true is not None and said is not None and true != said:
                return true, said
    return None


def is_cost(name: str) -> bool:
    """Whether the value is a cost an image rather than a share."""
    return is_price(name) or _metric(name) == "expected_cost"


def _metric(name: str) -> str:
    try:
        return parse_name(name).metric
    except LookupError:
        return ""


def usual_side(name: str) -> bool:
    """True when a bound on it is a lower one unless it is said otherwise."""
    if is_budget(name):
        return BUDGETS[name.strip()].at_least
    return not is_price(name) and _metric(name) not in UPPER


def check_bound(name: str, bound: float) -> None:
    """Raises UserError when ``bound`` can't be one of ``name``."""
    if is_budget(name):
        if not 0 <= bound < math.inf:
            raise UserError(f"{name} can't be {bound:g}.", f"Write it in {BUDGETS[name.strip()].unit}.")
    elif is_cost(name):
        if not 0 <= bound <= MOST_COST:
            raise UserError(
                f"{clean(name, 80)} can't be {bound:g}.",
                f"Costs lie between 0 and {MOST_COST:,.0f}; a plain error costs 1.",
            )
    elif not 0 <= bound <= 1:
        raise UserError(f"{clean(name, 80)} lies between 0 and 1, not at {bound:g}.", "Write 90 % as 0.9.")


def is_share(name: str) -> bool:
    """Whether the value is a share in [0, 1]."""
    return not (is_budget(name) or is_cost(name))


def show_value(name: str, value: float | None) -> str:
    """A value or bound of the criterion ``name`` as people read it: ``81.0 %``, ``0.25``, ``12.3 ms``."""
    if is_budget(name):
        return show(name, value)
    return number(value, "score" if is_cost(name) else "share")


def show_expected(name: str, at_least: bool, bound: float | None) -> str:
    """An expectation as people read it, everywhere: ``accuracy at least 81.0 %``, ``expected_cost at most 0.6``, ``cost.cat>dog is 5``."""
    words = BUDGETS[name.strip()].words if is_budget(name) else clean(name, 80)
    sense = "is" if is_price(name) else "at least" if at_least else "at most"
    return f"{words} {sense} {show_value(name, bound)}"


def show_range(name: str, ci: tuple[float, float] | None) -> str:
    """The interval of a value of ``name``; empty without one."""
    if is_budget(name):
        return show_interval(name, ci)
    return interval(ci, "score" if is_cost(name) else "share")
