"""Claims of rank: the weakest class, the largest confusion, an order from best to worst."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import HEDGE
from failsight.agent.grounding.measures import Measures, noun
from failsight.agent.grounding.settings import Reading

_HIGH = re.compile(
    r"\b(?P<word>highest|largest|biggest|greatest|best|strongest|easiest|most(?! of\b)(?! likely\b)|brightest|sharpest|top)\b|\bmore often than (?:any|all)\b|\bmore \w+ than (?:any|all)\b|\bmore than any\b", re.IGNORECASE
)
_LOW = re.compile(r"\b(?P<word>lowest|smallest|least(?! once\b)(?! \d)(?<!at least)|fewest|worst(?!_)|weakest|hardest|poorest|darkest|blurriest)\b|\bless often than (?:any|all)\b", re.IGNORECASE)
_ORDINAL = re.compile(r"\b(?P<nth>second|third|fourth|fifth)\b(?P<bottom>[- ](?:from the bottom|lowest|weakest|worst|to last|smallest|fewest))?(?=[- ](?:\w+ )?(?:from|best|largest|highest|lowest|weakest|worst|biggest|most|strongest|to last|smallest|place)|\b)", re.IGNORECASE)
_NTH = {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
_LIST = re.compile(r"\bfrom (?:the )?(?P<one>weakest|worst|lowest|smallest|best|highest|largest|strongest)\b[^:]{0,20}\bto (?:the )?(?P<other>\w+)\b|\border(?:ed)?\b[^:]*:|\branked\b|\branking\b", re.IGNORECASE)
_WEAK = {"weakest", "worst", "lowest", "smallest", "hardest", "poorest", "fewest"}
_LOSS = re.compile(r"\b(?:los[es]\w*|loss|drops?|falls?|decline|suffers?)\b", re.IGNORECASE)
_CONFUSION = re.compile(r"\bconfusions?\b|\bmix[- ]?ups?\b|\btaken for\b|\bmistaken\b|\bconfused\b", re.IGNORECASE)
_ANSWERS = re.compile(r"\bgives? the answer\b|\banswers? (?:with )?\w+ (?:more|most) often\b|\bmost (?:frequent|common) (?:answer|prediction)\b|\bpredict\w* (?:most|more) often\b|\bfavourite answer\b|\bmost often (?:answered|predicted)\b|\banswer(?:s|ed)?\b[^.]*\bmore often than any\b", re.IGNORECASE)
_FREQUENT = re.compile(r"\b(?:most frequent|largest|smallest|rarest|biggest) class\b", re.IGNORECASE)


def ranks(at: Reading, measures: Measures) -> Iterator[Claim]:
    """All claims of rank of one sentence, checked."""
    part = at.part
    if HEDGE.search(part) or "at most" in part:
        return
    listed = _LIST.search(part)
    if listed is not None and len(_classes(at)) >= 3:
        yield from _order(at, listed, measures)
        return
    found = _HIGH.search(part) or _LOW.search(part)
    if found is None:
        third = re.search(r"\b(?P<nth>second|third|fourth)\b(?= from the (?:bottom|top))", part, re.IGNORECASE)
        if third is None:
            return
        found = third
    values, subject, high = _scene(at, found, measures)
    if len(values) < 2 or not subject:
        return
    nth = _nth(part, found)
    best = sorted(values.items(), key=lambda kv: kv[1][0], reverse=high)
    for rank, name in enumerate(subject, start=nth):
        if name not in values:
            ok = False
        else:
            wanted = best[min(rank, len(best)) - 1][1][0]
            ok = abs(values[name][0] - wanted) < 1e-9
        start = at.sentence.start + found.start()
        ref = values[name][1] if ok else ""
        yield Claim("rank", start, start + len(found[0]), ok, (ref,) if ref else (), "" if ok else "another one is")


def _nth(part: str, found: re.Match[str]) -> int:
    before = part[max(0, found.start() - 16) : found.end() + 4].lower()
    return next((n for word, n in _NTH.items() if re.search(rf"\b{word}\b(?!,)", before)), 1)


def _classes(at: Reading) -> list[str]:
    return list(dict.fromkeys(m.name for m in at.mentions if m.kind == "class"))


def _scene(at: Reading, found: re.Match[str], measures: Measures) -> tuple[Mapping[Any, tuple[float, str]], list[Any], bool]:
    """(all values that are ranked, who is said to stand at the place and next, whether the highest comes first)."""
    part, classes = at.part, _classes(at)
    split = next(iter(at.about.splits), "data") if len(at.about.splits) == 1 else "deploy" if "deploy" in at.about.splits else "data"
    word = (found.groupdict().get("word") or "").lower()
    high = _HIGH.match(part, found.start()) is not None
    if "from the bottom" in part:
        high = False
    if at.pairs and (_CONFUSION.search(part) or "errors" in part) and not at.whole.attributes:
        return measures.by_pair(split), list(at.pairs), True
    if at.whole.attributes and not ("class" in part and classes):
        metric = next((m for p, m in ((r"excess", "excess"), (r"mask|effect", "effect"), (r"share", "pull"), (r"pull|attract|called|drawn|shortcut", "pull_gap"), (r"error|fail|wrong|slice", "error")) if re.search(p, part, re.IGNORECASE)), "")
        values = measures.by_slice(metric) if metric else {}
        mine = [k for k in values if {a for a, _ in k} == set(at.whole.attributes) and (not at.whole.values or at.whole.values <= k)]
        return values, mine[:1] or ([frozenset()] if values else []), high
    if not classes:
        return _splits(at, part, measures, high)
    subject = _subject(at, found, classes, part)
    if _ANSWERS.search(part):
        return measures.by_class("answers", split), subject, high
    if _FREQUENT.search(part):
        return measures.by_class("images", split), subject, high
    metric = noun(part[max(0, found.start() - 40) :]) or noun(part)
    if _LOSS.search(part) and (metric in ("", "recall", "accuracy") ) and ("deploy" in at.about.splits or "train" in at.about.splits):
        return measures.by_class("drop", split), subject, high
    if word in ("darkest", "brightest", "sharpest", "blurriest"):
        metric = "brightness" if word in ("darkest", "brightest") else "sharpness"
    if word in ("weakest", "worst", "hardest", "poorest") and metric in ("error", ""):
        metric = "recall"
    if word in ("best", "strongest", "easiest") and metric in ("error", ""):
        metric = "recall"
    if metric == "" and not re.search(r"class|rooms?\b|categor", part, re.IGNORECASE):
        return {}, [], high
    return measures.by_class(metric or "recall", split), subject, high


def _subject(at: Reading, found: re.Match[str], classes: list[str], part: str) -> list[str]:
    """The class of which the rank is said, and the one that follows."""
    if len(classes) == 1:
        return classes
    spot = at.sentence.start + found.start()
    followed = re.search(r"\bfollowed by\b|\bahead of\b|\bbefore\b|\bthen\b", part)
    mentions = [m for m in at.mentions if m.kind == "class"]
    if followed is not None and len(classes) == 2:
        return classes
    before = [m.name for m in mentions if m.start < spot]
    return before[-1:] or [mentions[0].name]


def _splits(at: Reading, part: str, measures: Measures, high: bool) -> tuple[Mapping[Any, tuple[float, str]], list[Any], bool]:
    metric = noun(part)
    if len(at.whole.splits) != 1 or not metric or at.whole.findings:
        return {}, [], high
    if re.search(r"\bclass|\bof (?:all|the) (?:rooms|confusions)|mistake|confus", part):
        return {}, [], high
    if not re.search(r"\b(?:sets?|splits?)\b", part):
        return {}, [], high
    return measures.by_split(metric), list(at.whole.splits), high


def _order(at: Reading, listed: re.Match[str], measures: Measures) -> Iterator[Claim]:
    part = at.part
    split = next(iter(at.about.splits), "data") if len(at.about.splits) == 1 else "data"
    metric = "drop" if _LOSS.search(part) and split != "data" else noun(part) or "recall"
    values = measures.by_class(metric, split)
    colon = part.rfind(":")
    names = [m.name for m in at.mentions if m.kind == "class" and m.start >= at.sentence.start + max(colon, 0)]
    names = list(dict.fromkeys(names or _classes(at)))
    if len(values) < 2 or any(n not in values for n in names):
        return
    one = (listed.groupdict().get("one") or "").lower()
    up = one in _WEAK if one else bool(re.search(r"\b(?:ascending|weakest first|lowest first|worst first)\b", part))
    row = [values[n][0] for n in names]
    ok = all((a <= b) if up else (a >= b) for a, b in zip(row, row[1:], strict=False))
    start = at.sentence.start + listed.start()
    yield Claim("rank", start, start + len(listed[0]), ok, (values[names[0]][1],) if ok else (), "" if ok else "the order is another")
