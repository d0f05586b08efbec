"""Expectations of slices, groups, single confusions and costs, in plain words and as they are named.

``accuracy[lighting=dark] >= 80 %`` or ``accuracy where lighting is dark at least 80 %``; ``worst group over lighting at
least 70 %``; ``confusion.stove>chair <= 1 %`` or ``stove taken for chair at most 1 %``; ``cost.bathroom>kitchen = 5`` or
``taking a bathroom for a kitchen costs 5``; ``expected cost at most 0.2``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from failsight.knowledge_base.two_classes import part_of_positive, positive
from failsight.tools.expectations.budgets import is_budget
from failsight.tools.expectations.names import is_cost, is_price, parse_name, parse_price
from failsight.tools.inputs.spelling import Spellings

LEAST = r">=|≥|at least|minimum|no less than|not (?:below|less than|under)"
MOST = r"<=|≤|at most|maximum|no more than|not (?:above|more than|over)|below|under"
_VALUE = r"(?P<value>\d+(?:[.,]\d+)?|[.,]\d+)\s*(?P<unit>%|percent|per cent)?"
MOST_TEXT = 2_000  # characters: a longer text is no demand
_BOUND = re.compile(
    rf"^(?P<what>.+?)\s*(?:must be|should be|has to be|to be|is|of)?\s*(?P<sign>{LEAST}|{MOST})\s*{_VALUE}\W*$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"^\s*(?P<what>\S.*?)\s*(?P<sign>>=|<=|≥|≤)\s*(?P<value>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>%?)\s*$"
)
_PRICE = (
    re.compile(rf"^cost\.(?P<pair>.+?)\s*(?:<=|=|is|at)?\s*{_VALUE}\W*$", re.IGNORECASE),
    re.compile(
        rf"^(?:the )?costs? of (?:an? )?(?P<true>.+?) (?:being )?(?:taken|mistaken|called) (?:for |as )?(?:an? )?(?P<said>.+?)\s*(?:is|=|:|are|at|to)\s*{_VALUE}\W*$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:taking|mistaking|calling) (?:an? )?(?P<true>.+?) (?:for|as) (?:an? )?(?P<said>.+?) costs?\s*{_VALUE}\W*$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:an? )?(?P<true>.+?) (?:mis)?taken for (?:an? )?(?P<said>.+?) costs?\s*{_VALUE}\W*$",
        re.IGNORECASE,
    ),
)
_COSTS = rf"\s*(?:costs?(?: us)?|is worth|=|:)\s*{_VALUE}\W*$"
_A = r"(?:an? |the |any |one )?"
_CURRENCY = re.compile(
    r"(?:(?<=\d)\s*(?:euros?|eur|€|dollars?|usd|\$|pounds?|gbp|£)|[€$£]\s*(?=\d))", re.IGNORECASE
)
_MISS = tuple(
    re.compile(text + _COSTS, re.IGNORECASE)
    for text in (
        rf"^(?:missing|overlooking|not (?:seeing|finding|recogni[sz]ing)) {_A}(?P<name>.+?)",
        rf"^{_A}(?:missed|overlooked) (?P<name>.+?)",
        rf"^{_A}(?:miss|false negative|missed case)",
        rf"^{_A}(?P<alarm>false alarm|false positive)(?: (?:of|for) {_A}(?P<name>.+?))?",
    )
)
_CONFUSION = (
    re.compile(
        r"^(?:share of |rate of )?(?:an? )?(?P<true>.+?)s? (?:mis)?taken for (?:an? )?(?P<said>.+?)s?$",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?:share of |rate of )?(?:an? )?(?P<true>.+?)s? (?:wrongly )?called (?:an? )?(?P<said>.+?)s?$",
        re.IGNORECASE,
    ),
    re.compile(r"^confusions? of (?:an? )?(?P<true>.+?)s? with (?:an? )?(?P<said>.+?)s?$", re.IGNORECASE),
)
_WITHIN = re.compile(
    r"^(?P<what>.+?) (?:where|when|if|for|with|among|on|of)(?: all)?(?: the)?(?: images?| pictures?| photos?)?(?: where| with| whose)?(?: the)? "
    r"(?P<name>[\w -]+?)(?: is | being | ?= ?)(?P<of>[\w -]+?)$",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"^(?:the )?(?:accuracy of the )?(?:worst|weakest)[ -]group(?:'s)?(?: accuracy)?(?: (?:over|by|of|among|across|for) (?P<names>[\w ,*-]+?))?$",
    re.IGNORECASE,
)
_PLAIN = (
    (re.compile(r"^(?:the )?(?:expected|mean|average) costs?(?: (?:an?|per|each) (?:image|picture|photo))?$", re.IGNORECASE), "expected_cost"),
    (re.compile(r"^(?:the )?(?:share of )?unacceptable errors(?: among (?:all )?errors)?$", re.IGNORECASE), "unacceptable_errors"),
    (re.compile(r"^(?:the )?(?:share of )?(?:images|pictures|photos) with an? (?:unacceptable error|error that nobody accepts)$", re.IGNORECASE), "unacceptable"),
)  # fmt: skip
_BY = re.compile(
    r"^(?P<rest>.*\d\W*?)[,;]?\s+(?:says|according to|asked by|set by|demanded by)\s+(?P<by>[^\d<>=]{2,80}?)\W?$",
    re.IGNORECASE,
)


class Demand(NamedTuple):
    """What was demanded: a criterion's name, its bound, on which side."""

    name: str
    bound: float
    at_least: bool


def apart(text: str) -> tuple[str, str]:
    """(the expectation, who wants it): ``accuracy at least 90 %, says Ann`` → (``accuracy at least 90 %``, ``Ann``)."""
    text = _squeezed(text)
    found = _BY.match(text)
    return (found["rest"].strip(), found["by"].strip()) if found else (text, "")


def _squeezed(text: str) -> str:
    """One space for any run of white space: long runs cost the patterns time that grows with their third power."""
    return " ".join(text[:MOST_TEXT].split())


def parse_named(text: str) -> Demand | None:
    """``NAME>=VALUE`` (or ``<=``; for a price ``=``), the name as it is written; None when it is nothing of the kind."""
    price = _PRICE[0].match(text.strip()) if "=" in text else None
    if price is not None and ">" in price["pair"]:
        return Demand(
            f"cost.{price['pair'].strip()}", _number(price["value"], "", f"cost.{price['pair']}"), False
        )
    found = _NAMED.match(text)
    if found is None:
        return None
    name = found["what"].strip()
    bound = _number(found["value"], found["unit"], name)
    return Demand(name, bound, found["sign"] in (">=", "≥"))


def parse_demand(text: str, classes: Sequence[str]) -> Demand | None:
    """A demand in plain words or by name; None when it is none, or one that needs nothing of this module."""
    text = _squeezed(text).removeprefix("I expect ").removeprefix("we expect ").removeprefix("expect ")
    priced = _CURRENCY.sub("", re.sub(r"^(?:please )?(?:set|make|put|let) ", "", text, flags=re.IGNORECASE))
    for pattern in _PRICE:
        found = pattern.match(priced)
        if found is not None:
            given = found.groupdict()
            pair = _pair(given["pair"] if given.get("pair") else f"{given['true']}>{given['said']}", classes)
            return (
                Demand(f"cost.{pair}", _number(found["value"], "", f"cost.{pair}"), False) if pair else None
            )
    found = _BOUND.match(text)
    if found is None:
        return None
    name = _name(found["what"].strip(), classes)
    if name is None:
        return None
    least = re.fullmatch(LEAST, found["sign"], re.IGNORECASE) is not None
    bound = _number(found["value"], found["unit"] or "", name)
    return Demand(name, bound, least) if bound <= 1 or is_cost(name) else None


def misses(text: str, classes: Sequence[str]) -> list[Demand]:
    """The prices of missing a class: ``missing a kitchen costs 5`` is one price for each class that it may be taken for; of two
    classes ``a miss costs 20`` and ``a false alarm costs 2`` speak of the one that is looked for. None for other sentences."""
    text = _CURRENCY.sub("", _squeezed(text))
    found = next((m for p in _MISS if (m := p.match(text)) is not None), None)
    if found is None:
        return []
    given = found.groupdict()
    sought = positive(classes)
    if given.get("name"):
        spelt, typed = Spellings(classes), given["name"].replace("_", " ")
        true = spelt.find(typed) or spelt.find(typed.removesuffix("s"))
        if true is None and part_of_positive(typed.casefold(), classes) is not None:
            true = sought
    else:
        true = sought
    if true is None:
        return []
    if given.get("alarm"):
        pairs = [(c, true) for c in classes if c != true]
    else:
        pairs = [(true, c) for c in classes if c != true]
    cost = float(found["value"].replace(",", "."))
    return [Demand(f"cost.{one}>{said}", cost, False) for one, said in pairs]


def _pair(text: str, classes: Sequence[str]) -> str | None:
    """``bathroom>kitchen`` as the classes are written, spaces for underscores allowed."""
    spelt = Spellings(classes)
    made = parse_price(f"cost.{text}", list(classes))
    if made is None:
        true, _, said = text.partition(">")
        one, other = (spelt.find(t.strip()) for t in (true, said))
        made = (one, other) if one and other and one != other else None
    return ">".join(made) if made else None


def _name(what: str, classes: Sequence[str]) -> str | None:
    """The criterion's name behind plain words, where it is one of a slice, a group, a confusion or a cost."""
    formal = _formal(what, classes)
    if formal:
        return formal
    for pattern, name in _PLAIN:
        if pattern.match(what):
            return name
    group = _GROUP.match(what)
    if group is not None:
        names = re.sub(r"\s*(?:,|\band\b)\s*", ",", (group["names"] or "").strip())
        return f"worst_group[{names}]" if names else "worst_group"
    for pattern in _CONFUSION:
        found = pattern.match(what)
        pair = _pair(f"{found['true']}>{found['said']}", classes) if found else None
        if pair:
            return f"confusion.{pair}"
    return _sliced(what, classes)


def _formal(what: str, classes: Sequence[str]) -> str | None:
    """``what`` itself, where it is a name that only this module reads."""
    if is_price(what) or not re.search(
        r"[\[>]|^(?:\w+\.)?(?:worst_group|expected_cost|unacceptable(?:_errors)?)$", what
    ):
        return None
    try:
        asked = parse_name(what)
    except LookupError:
        return None
    if asked.metric == "confusion":
        pair = _pair(asked.about, classes)
        return what.replace(asked.about, pair) if pair else None
    return what


def _sliced(what: str, classes: Sequence[str]) -> str | None:
    """``accuracy where lighting is dark`` → ``accuracy[lighting=dark]``."""
    from failsight.agent.planners.expectations import metric_name

    found = _WITHIN.match(what)
    base = metric_name(found["what"], classes) if found else None
    if found is None or base is None:
        return None
    return f"{base}[{found['name'].strip()}={found['of'].strip()}]"


def _number(text: str, unit: str, name: str) -> float:
    value = float(text.replace(",", "."))
    if is_cost(name) or is_budget(name):
        return value
    return value / 100 if unit or value > 1 else value
