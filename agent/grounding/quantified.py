"""How many classes do something: all, none, only these, four of the five; counted over the recorded values of all classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures
from failsight.agent.grounding.names import only
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.wording import quantity

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_HOW_MANY = re.compile(
    rf"(?<!\bof )(?<!\bOf )\b(?P<all>all|every|each)(?: (?:one )?of)?(?: the)?(?: \w+)? (?:class(?:es)?|rooms?|categor(?:y|ies))\b|"
    rf"\b(?P<none>none of the|no(?: other)?|not a single) (?:\w+ )?(?:class(?:es)?|rooms?|categor(?:y|ies))\b|"
    rf"\b(?P<these>{'|'.join(_WORDS[1:])}|\d+) (?:\w+ )?(?:classes|rooms|categories)\b(?=[^.]*:)|"
    rf"\b(?P<n>{'|'.join(_WORDS)}|\d+) (?:out )?of the (?:{'|'.join(_WORDS)}|\d+) (?:\w+ )?(?:class(?:es)?|rooms?|categories|kinds)\b",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"(?:^|[.;:,]\s|\band )(?:only|just|solely) (?:the )?(?=[a-z]+[ _]?[a-z]*\b)", re.IGNORECASE
)
_DOWN = re.compile(
    r"\b(?:los[es]\w*|lost|drops?|dropp\w+|falls?|fell|declin\w*|suffer\w*|gets? worse|got worse|deteriorat\w*|worsen\w*|(?:are|is) (?:\w+ )?(?:recogni[sz]ed|found) (?:less|worse)|(?:do|does|fare|fares) worse|lower recall)\b",
    re.IGNORECASE,
)
_UP = re.compile(
    r"\b(?:gains?|gained|improv\w*|rises?|rose|gets? better|got better|(?:are|is) (?:\w+ )?(?:recogni[sz]ed|found) (?:more|better)|(?:do|does|fare|fares) better|higher recall|holds? (?:up|its own|steady)|held up)\b",
    re.IGNORECASE,
)
_BEYOND = re.compile(
    r"\b(?P<up>above|over|more than|at least|exceeds?|reach(?:es)?)\b|\b(?P<down>below|under|less than|short of|at most)\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?P<n>\d+(?:\.\d+)?) ?(?:%|per ?cent)")
_POINTS = re.compile(
    r"\b(?:(?P<up>more than|over|at least)|(?P<down>less than|under)) (?P<n>\d+(?:\.\d+)?) (?:percentage )?points",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|never|without|no|avoids?|escapes?|spared)\b|n't\b", re.IGNORECASE)


_EXCEPT = re.compile(
    r"\b(?:apart from|except(?: for)?|with the exception of|save for|other than|all but|every \w+ but)\b",
    re.IGNORECASE,
)


def quantified(at: Reading, measures: Measures) -> Iterator[Claim]:
    """How many classes a sentence says do something, checked."""
    match = _HOW_MANY.search(at.part) or (_ONLY.search(at.part) if at.whole.classes else None)
    if match is None or hedged(at.part, match.start()) or at.whole.attributes:
        return
    values = measures.by_class("drop", "deploy") if only(at.about.splits - {"data"}) != "train" else {}
    said = at.part[match.end() :]
    doing = _doing(at, said, values, measures)
    if doing is None or len(values) < 2:
        return
    if match.re is _HOW_MANY and match["these"]:
        ok = doing == at.whole.classes and len(doing) == _number(match["these"])
    elif match.re is _ONLY:
        first = next((m for m in at.mentions if m.start >= at.sentence.start + match.start()), None)
        if first is None or first.kind != "class" or first.start > at.sentence.start + match.end() + 6:
            return
        ok = doing == at.whole.classes
    else:
        count = len(doing)
        ok = (
            count == len(values)
            if match["all"]
            else count == 0
            if match["none"]
            else count == _number(match["n"])
        )
        out = _EXCEPT.search(at.part)
        if (match["all"] or match["none"]) and at.whole.classes and out is not None:
            left = at.whole.classes
            ok = doing == (frozenset(values) - left if match["all"] else left)
        elif (
            (match["all"] or match["none"])
            and at.whole.classes
            and re.search(r"\b(?:but|except|other|as|than)\b", at.part)
        ):
            return
    start = at.sentence.start + match.start()
    refs = (next(iter(values.values()))[1],) if ok else ()
    yield weighed("rank", start, start + len(match[0]), ok, refs, "the record counts others")


def _doing(
    at: Reading, said: str, drops: dict[str, tuple[float, str]], measures: Measures
) -> frozenset[str] | None:
    """The classes of which something is true; None where it is nothing that can be counted."""
    points = _POINTS.search(said)
    if points is not None and _DOWN.search(said) and not at.whole.attributes:
        least = float(points["n"])
        return frozenset(c for c, (v, _) in drops.items() if (v > least) == (points["up"] is not None))
    limit, beyond = _PERCENT.search(said), _BEYOND.search(said)
    if limit is not None and beyond is not None:
        metric = quantity(said)[0]
        split = only(at.about.splits) or "data"
        values = measures.by_class(metric if metric in ("precision", "f1") else "recall", split)
        bound = float(limit["n"])
        return frozenset(c for c, (v, _) in values.items() if (v > bound) == (beyond["up"] is not None))
    up, down = _UP.search(said), _DOWN.search(said)
    if bool(up) == bool(down) or not (at.about.splits - {"data"}):
        return None
    spot = up or down
    denied = spot is not None and _NOT.search(said[: spot.start()]) is not None
    grows = (up is not None) != denied
    return frozenset(c for c, (v, _) in drops.items() if (v < 0) == grows)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _WORDS.index(word.lower())
