"""Rates that a sentence wants of a class: ``95 % specificity``, ``at most 5 % false alarms``, ``miss one in 20``, ``ppv of 0.9``.

All are told as recall, precision or specificity of the class that is looked for: at most 5 % false alarms are a specificity of
0.95. A number is taken for the rate that stands beside it, so that ``specificity at 95 % sensitivity`` wants a recall.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_VALUE: Final = r"(?P<value>\d{1,3}(?:[.,]\d+)?|[.,]\d+)(?![\d.,]*\d) ?(?P<unit>%|per ?cent|percent)?|(?P<k>one|an?|\d{1,3}) (?:in|out of|of|from|per) (?:every |each |the )?(?P<n>\d{1,4})(?! ?(?:%|per))"
#: words → the rate, and whether the number is of what is left of it
_RATES: Final = (
    ("specificity", True, r"false[ -](?:alarm|positive)s?(?:[ -](?:rates?|fraction|share))?|rates? of false (?:alarms|positives)|fprs?|fall-?out|(?:one|1) ?(?:minus|-) ?specificity"),
    ("recall", True, r"miss(?:ed)?[ -]rates?|rates? of misses|false[ -]negatives?(?:[ -]rates?)?|fnrs?|miss(?:es|ed|ing)?"),
    ("specificity", False, r"specificit(?:y|ies)|specifity|spec|true[ -]negative(?:[ -]rates?)?|tnrs?|selectivity"),
    ("precision", False, r"precision|ppvs?|positive[ -]predictive[ -]values?"),
    ("recall", False, r"recall|sensitivit(?:y|ies)|sens|true[ -]positive(?:[ -]rates?)?|tprs?|detection(?:[ -]rates?)?|hit[ -]rates?|find(?:s|ing)?|catch(?:es|ing)?|detect(?:s|ing)?|recogni[sz](?:es?|ing)|reach(?:es)?"),
)  # fmt: skip
_TOKENS: Final = re.compile(
    rf"(?P<number>(?<![\w.,]){_VALUE})|"
    + "|".join(rf"(?P<r{i}>\b(?:{words})\b)" for i, (_, _, words) in enumerate(_RATES))
)
#: numbers that are said of something else
_ELSE: Final = re.compile(
    r"\b(?:thresholds?|cut-?offs?|cut-?points?|operating points?|scores?|probabilit(?:y|ies)|confidence|prevalence)\b(?: (?:of|at|is|was|were|to|about|around|from|above|over|on))* ?(?:=|>=?|≥)? ?[\d.,]+(?: ?(?:%|per ?cent))?"
    r"|[\d.,]+ ?(?:%|per ?cent)? (?:prevalence|(?:as|for) (?:the |a )?(?:threshold|cut-?off)|confidence|intervals?)"
    r"|\bwhere (?:about |only )?[\d.,]+ ?(?:%|per ?cent) (?:of|are|have)"
)
_LEAST: Final = r"(?:at least|at most|a minimum of|a maximum of|(?:no|not) (?:less|more|fewer|lower|higher) than|more than|less than|fewer than|over|above|below|under|up to|maximum|minimum|max\.?|min\.?|only|about|around|just|>=?|<=?|≥|≤)"
_BETWEEN: Final = r"(?:at night|by night|by day|in (?:the )?(?:dark|daylight|light)|of|is|are|be|to|at|that|which|should|shall|must|stays?|remains?|keeps?|equals?|for|in|:|=|the|a|an)"
#: what may stand between a rate and its number
_BEHIND: Final = re.compile(rf"(?:\s+|{_LEAST}|{_BETWEEN}\b|[:=])*")
_BEFORE: Final = re.compile(r"[\s-]*(?:(?:or (?:more|fewer|less|better)|of|the|a|an|in)\s+)*")
_AT: Final = re.compile(r"\b(?:at|with|for)(?! (?:least|most))\b")
_LOW: Final = re.compile(
    r"at most|(?:no|not) (?:more|higher) than|(?<!no )(?<!not )(?:less|fewer|lower) than|below|under|up to|\bmax|<|≤"
)
_HIGH: Final = re.compile(
    r"at least|(?:no|not) (?:less|fewer|lower) than|(?<!no )(?<!not )(?:more|higher) than|over|above|\bmin|>|≥"
)
_CLAUSES: Final = (
    ("precision", False, re.compile(rf"(?P<number>{_VALUE}) of (?:the |its |all |those |our )*(?:alarms|alerts|answers|calls|flags|warnings|hits|positives|detections|ones called so)[\w ]{{0,20}}? (?:are|is|be|being) (?:really |actually )?(?:right|true|correct|real|justified)\b")),
    # the name of the class is left out before this is read: 95 % of the leer are right
    ("precision", False, re.compile(rf"\b(?:so that|such that|from which|where|until) (?:at least )?(?P<number>{_VALUE}) of (?:the |its |all |those |our )*(?:are|is|be|being) (?:really |actually )?(?:right|true|correct|real|justified)\b")),
    ("precision", True, re.compile(rf"(?P<number>{_VALUE}) of (?:the |its |all |those |our )*(?:alarms|alerts|answers|calls|flags|warnings|positives|detections)[\w ]{{0,20}}? (?:are|is|be|being) (?:false|wrong|in error)\b")),
    ("recall", False, re.compile(rf"(?P<number>{_VALUE}) of (?:the |all |our )*[\w -]{{0,40}}?(?:are |is |be |get |being )?(?:found|caught|detected|recogni[sz]ed)\b")),
    ("recall", True, re.compile(rf"(?P<number>{_VALUE}) of (?:the |all |our )*[\w -]{{0,40}}?(?:are |is |be |get |being )?(?:missed|overlooked)\b")),
    ("specificity", True, re.compile(rf"(?P<number>{_VALUE}) of (?:the |all |our )*(?:healthy|others?|other (?:images|pictures|photos|ones)|rest|negatives|normals?|good ones|well)[\w ]{{0,20}}? (?:are |is |be |get |being )?(?:flagged|called|reported|marked|alarmed|taken)\b")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    rate: tuple[str, bool, str] | None
    value: float = 0.0
    unit: bool = False  # whether it is said to be a share


def wanted(text: str) -> dict[str, float]:
    """Recall, precision and specificity that a sentence asks for, each in (0, 1); what it does not say is left out.

    Args:
        text: in small letters, numbers as digits, names of the case left out.
    """
    text = " ".join(_ELSE.sub(lambda m: "," * len(m[0]), text).split())
    made: dict[str, float] = {}
    for rate, rest, pattern in _CLAUSES:
        found = pattern.search(text)
        if found is not None:
            _put(made, rate, rest, _number(found))
            text = f"{text[: found.start()]},{text[found.end() :]}"
    tokens = [_token(m) for m in _TOKENS.finditer(text)]
    at = 0
    while at + 1 < len(tokens):
        first, second = tokens[at : at + 2]
        after = tokens[at + 2] if at + 2 < len(tokens) else None
        number, named = (first, second) if second.rate else (second, first)
        if number.rate is None and named.rate is not None and _belong(text, first, second, after):
            _put(made, named.rate[0], named.rate[1], number)
            at += 2
        else:
            at += 1
    return made


def _belong(text: str, first: _Token, second: _Token, after: _Token | None) -> bool:
    """Whether a rate and a number that follow each other belong together, and the number bounds it on the side that is wanted."""
    between = text[first.end : second.start]
    rate, number = (second, first) if first.rate is None else (first, second)
    bound = text[max(0, number.start - 18) : number.start].rpartition(",")[2]
    if rate.rate is not None and (_HIGH if rate.rate[1] else _LOW).search(bound):
        return False
    if first.rate is None:
        return _BEFORE.fullmatch(between) is not None
    if _BEHIND.fullmatch(between) is None:
        return False
    beside = after is not None and after.rate and _BEFORE.fullmatch(text[second.end : after.start])
    return not (_AT.search(between) and (beside or not second.unit))


def _token(found: re.Match[str]) -> _Token:
    if found["number"] is not None:
        return _number(found)
    at = next(i for i in range(len(_RATES)) if found[f"r{i}"] is not None)
    return _Token(found.start(), found.end(), _RATES[at])


def _number(found: re.Match[str]) -> _Token:
    start, end = found.span("number")
    if found["value"] is None:
        k = 1.0 if found["k"] in ("one", "a", "an") else float(found["k"])
        n = float(found["n"])
        return _Token(start, end, None, k / n if n else 0.0, True)
    value = float(found["value"].replace(",", "."))
    unit = found["unit"] is not None
    return _Token(start, end, None, value / 100 if unit else value, unit)


def _put(made: dict[str, float], rate: str, rest: bool, number: _Token) -> None:
    value = number.value
    if not number.unit and value > 1:
        if rest:
            return  # so many false alarms are no share
        value /= 100
    if number.unit or value <= 1:
        value = round(1 - value if rest else value, 6)
        if 0 < value <= 1:
            made.setdefault(rate, value)
