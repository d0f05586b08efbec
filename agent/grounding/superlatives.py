"""Superlatives read by their parts: the word, the quantity, what is ranked and whose place it is; all readings are tried.

As with comparisons, a sentence stands where one reading is borne out, and is wrong where the record ranks the things of at
least one reading and none puts the named one at the place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures
from failsight.agent.grounding.names import gather, only
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.wording import quantity

_HIGH = r"most|highest|largest|biggest|greatest|best|strongest|easiest|top|main|dominant|leading|heaviest|safest|number one|prime"
_LOW = r"least|lowest|smallest|fewest|worst|weakest|hardest|poorest|rarest|toughest|shakiest"
_LOOKS = {
    "darkest": ("brightness", False), "brightest": ("brightness", True), "sharpest": ("sharpness", True), "blurriest": ("sharpness", False),
    "surest": ("confidence", True), "rarest": ("frequency", False), "costliest": ("excess", True), "commonest": ("frequency", True),
}  # fmt: skip
_WORD = re.compile(
    rf"(?<!\bat )(?<!\bat the )\b(?:(?P<nth>second|third|fourth|fifth|next)[- ])?(?:(?P<high>{_HIGH})|(?P<low>{_LOW})|(?P<look>{'|'.join(_LOOKS)})|(?P<first>leads?(?! to\b)(?! the model)|tops|heads the|comes? first|ranks? first|is first))\b(?!_)",
    re.IGNORECASE,
)
#: "most of the …", "at best", "top confidence bin", "best and worst": no place of one thing
_NOT = re.compile(
    r"^most part\b|^(?:most|least)(?: of\b| (?:are|is|were|was|go|end|get)\b| (?:(?!with\b|for\b|on\b|in\b|by\b)\w+ )?(?:images|pictures|photos|answers|predictions|rooms|errors|mistakes|\w+rooms|kitchens)\b|\s\d)|^(?:top|highest)[- ](?:confidence|bin)|^(?:best|worst|highest|lowest|largest|smallest|weakest|strongest)(?:,? and| vs| to)|^worst[- ]recall|^(?:most|least) likely\b",
    re.IGNORECASE,
)
#: "most others", "takes most, but …": a word of an amount as well
_LOOSELY = re.compile(r"most(?:[,;.]| others?\b| of all\b| certain\b| but\b| and\b|,? \d|$)", re.IGNORECASE)
_AMONG = re.compile(
    r"\b(?:among|of) (?:the|those) (?:\w+ )?(?:that|which|who)\b|\bof those that\b", re.IGNORECASE
)
_CUT = re.compile(
    r"[;]\s|\.\s|, (?:and|but|while|whereas|although|though|yet|so|which|with)\b| (?:but|while|whereas|although|though) | [–—] | and (?=least|most|worst|best|lowest|highest)",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"best|worst|strongest|weakest|easiest|hardest|poorest|toughest|safest|shakiest", re.IGNORECASE
)
_MANY = {"two": 2, "three": 3, "four": 4, "2": 2, "3": 3, "4": 4}
_SEVERAL = re.compile(
    r"\b(?P<n>two|three|four|[234])\b (?:\w+ )?(?:class(?:es)?|rooms|categories|weakest|worst|best|strongest|lowest|highest|largest|biggest|hardest|easiest)\b(?! (?:and|of)\b)",
    re.IGNORECASE,
)
_NTH = {"second": 2, "next": 2, "third": 3, "fourth": 4, "fifth": 5}
_SAME = 1e-9
#: words of a sentence → the quantities by which things in the pictures may be ranked
_BY_FINDING = (
    (re.compile(r"excess|stake|sav\w+|errors|cost|lever|propos|repair|order|list", re.IGNORECASE), "excess"), (re.compile(r"\bwrong|fail|error rate", re.IGNORECASE), "error"),
    (re.compile(r"effect", re.IGNORECASE), "effect"), (re.compile(r"\bpull", re.IGNORECASE), "pull_gap"),
)  # fmt: skip
_BY_THING: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(words, re.IGNORECASE), names)
    for words, names in (
        (r"\bat stake\b|\bexcess errors\b", ("excess",)), (r"\bexcess\b", ("slice_effect", "excess")), (r"salien|heat ?map|attention|\bmaps?\b", ("saliency", "saliency_ratio")),
        (r"\bmask|\beffects?\b|experiment|influence|\bcover|\bhid", ("effect", "cue_effect", "flip")),
        (r"\bpulls?\b|shortcut|\bcues?\b|attract|\blure|spurious|association", ("pull_gap", "pull", "effect")),
        (r"\b(?:largest|biggest|smallest) (?:\w+ )*(?:slices?|groups?|subsets?)", ()), (r"slice|group|subset|\berror|\bwrong|\bfail|weak|worst|hard", ("error",)), (r"", ("error", "pull_gap", "effect")),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One reading: ``who`` is said to stand at ``rank`` among ``values``."""

    values: Mapping[Any, tuple[float, str]]
    who: Any
    high: bool
    rank: int


def superlatives(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Superlatives of a sentence that no other rule has read, checked."""
    begin = at.sentence.start
    cuts = [0, *(m.start() for m in _CUT.finditer(at.part)), len(at.part)]
    for match in _WORD.finditer(at.part):
        start, end = begin + match.start(), begin + match.end()
        if _NOT.match(at.part[match.start() :]):
            continue
        if together(at) is None and re.search(
            r"\b(?:two|three|four|five|six|\d+) (?:\w+ )?$", at.part[: match.start()], re.IGNORECASE
        ):
            continue
        if re.search(
            r"\b(?:best|worst|highest|lowest|largest|smallest|weakest|strongest) (?:and|vs|to) (?:the )?$",
            at.part[: match.start()],
        ):
            continue
        if match["first"] and not (
            any(m.kind == "finding" for m in at.mentions) or (at.pairs and "confusion" in at.part)
        ):
            continue
        if _AMONG.search(at.part) is not None:
            continue  # of some of them only
        if hedged(at.part, match.start()) or re.search(
            r"\b(?:not|reverse of) (?:the )?$", at.part[: match.start()]
        ):
            continue
        if (several := _SEVERAL.search(at.part)) is not None and abs(several.start() - match.start()) < 60:
            yield from _together(at, match, several, measures)
            continue
        if re.search(r"\bthen\b|\bfollowed by\b|\branked\b", at.part) and len(at.whole.classes) > 2:
            continue  # a whole order
        a, b = next((x, y) for x, y in itertools.pairwise(cuts) if x <= match.start() < y)
        told = [
            _holds(p)
            for p in _places(at, match, (begin + a, begin + b), measures)
            if len(p.values) > 1 and p.who in p.values
        ]
        if told:
            ref = next((r for ok, r in told if ok), None)
            if ref is None and _LOOSELY.match(at.part, match.start()):
                continue
            yield weighed("rank", start, end, ref is not None, (ref,) if ref else (), "another one is")


def together(at: Reading) -> re.Match[str] | None:
    """The words by which as many classes are ranked as a sentence names, as a set."""
    match = _SEVERAL.search(at.part)
    many = _MANY[match["n"].lower()] if match is not None else 0
    return match if len(at.whole.classes) == many and not at.pairs and not at.whole.attributes else None


def _together(
    at: Reading, match: re.Match[str], several: re.Match[str], measures: Measures
) -> Iterator[Claim]:
    """``The two rooms that it recognises least often are A and B``: the first few of a ranking, in any order."""
    many = _MANY[several["n"].lower()]
    named = list(dict.fromkeys(m.name for m in at.mentions if m.kind == "class"))
    if at.pairs or len(named) != many or at.whole.attributes:
        return
    metric, sense = quantity(at.part, match.start())
    word = (match["high"] or match["low"] or match["look"] or match["first"]).lower()
    split = only(at.about.splits) or "data"
    found = [
        ({c for c, _ in sorted(values.items(), key=lambda v: v[1][0], reverse=up)[:many]}, values)
        for name, up in _of_class(metric, sense, match["high"] is not None, _JUDGED.match(word) is not None)
        if len(values := measures.by_class(name, "deploy" if name == "drop" and split == "data" else split))
        > many
    ]
    if found:
        ok = any(best == set(named) for best, _ in found)
        start = at.sentence.start + match.start()
        ref = found[0][1][named[0]][1] if named[0] in found[0][1] else ""
        yield weighed("rank", start, start + len(match[0]), ok, (ref,) if ok and ref else (), "others are")


def _holds(place: Place) -> tuple[bool, str]:
    best = sorted((v for v, _ in place.values.values()), reverse=place.high)
    value, ref = place.values[place.who]
    return place.rank <= len(best) and abs(value - best[place.rank - 1]) < _SAME, ref


def _places(at: Reading, match: re.Match[str], span: tuple[int, int], measures: Measures) -> Iterator[Place]:
    part, begin = at.part, at.sentence.start
    stretch = at.text[slice(*span)]
    spot = begin + match.start()
    mine = [m for m in at.mentions if span[0] <= m.start < span[1]]
    names = gather(mine)
    word = (match["high"] or match["low"] or match["look"] or match["first"]).lower()
    rank = _NTH.get((match["nth"] or "").lower(), 1)
    high = match["high"] is not None or match["first"] is not None
    metric, sense, high = _quantity(stretch, spot - span[0], word, high)
    if metric == "drop" and re.search(r"\bprecision\b|\bf1\b", stretch, re.IGNORECASE):
        return  # what each class loses of it is not recorded
    judged = _JUDGED.match(word) is not None
    split = (
        only(names.splits or at.about.splits or (at.carried.splits if at.whole.evidence else names.splits))
        or "data"
    )
    if at.pairs and (metric in ("confusion", "error", "frequency", "") or "confus" in part):
        yield from _of_pairs(at.pairs[0], stretch, not match["low"], rank, measures.by_pair(split))
        return
    if re.search(r"\bcalibrat", stretch) and (who := _nearest(at.text, mine, spot, "class")):
        gaps = {c: (abs(v), ref) for c, (v, ref) in measures.by_class("gap", split).items()}
        yield Place(gaps, who, not high, rank)
        return
    finding = _nearest(at.text, mine, spot, "finding")
    if finding:
        for name in [n for words, n in _BY_FINDING if words.search(part)][:1]:
            yield Place(measures.by_finding(name, "slice" in part), finding, high, rank)
        return
    who = _nearest(at.text, mine, spot, "attribute")
    if who and not (metric in ("recall", "precision", "accuracy", "f1") and names.classes):
        for name in next(names for words, names in _BY_THING if words.search(stretch)):
            if metric in ("", "images", "accuracy", "recall", name) or name != "error":
                up = (high != (judged and name == "error")) if sense > 0 else not high
                found = re.search(r"\bconfirmed\b", part) is not None and name == "error"
                yield Place(measures.by_attribute(name, found), who, up, rank)
        return
    who = _nearest(at.text, mine, spot, "class") or (only(at.about.classes) if not names.classes else "")
    if who:
        for name, up in _of_class(metric, sense, high, judged):
            yield Place(
                measures.by_class(name, "deploy" if name == "drop" and split == "data" else split),
                who,
                up,
                rank,
            )
        return
    if len(names.splits) == 1 and re.search(r"\bsets?\b|\bsplits?\b", stretch):
        yield Place(measures.by_split(metric or "images"), only(names.splits), high, rank)


def _of_pairs(
    pair: tuple[str, str], stretch: str, high: bool, rank: int, pairs: Mapping[Any, tuple[float, str]]
) -> Iterator[Place]:
    """A confusion among all of them; "most often" may also mean among those of its class."""
    yield Place(pairs, pair, high, rank)
    if re.search(r"\boften\b|\bfrequently\b|\busual", stretch):
        yield Place({p: v for p, v in pairs.items() if p[0] == pair[0]}, pair, high, rank)


def _quantity(stretch: str, spot: int, word: str, high: bool) -> tuple[str, int, bool]:
    """The quantity that a superlative is of, its sense, and whether the highest comes first."""
    if word in _LOOKS:
        return _LOOKS[word][0], 1, _LOOKS[word][1]
    if re.search(r"\bgap\b", stretch) and "confiden" in stretch:
        return "gap", 1, high
    metric, sense = quantity(stretch[spot:], 0)
    if not metric:
        metric, sense = quantity(stretch, spot)
    return metric, sense, high


def _of_class(metric: str, sense: int, high: bool, judged: bool) -> Iterator[tuple[str, bool]]:
    """The quantities by which a class may be ranked, and whether the highest comes first."""
    if judged and metric in ("", "error", "accuracy", "images", "confusion", "frequency", "answers"):
        yield "recall", high
        if metric == "answers":
            yield "precision", high
    elif metric == "frequency" or metric == "answers":
        yield "answers", high
        yield "images", high
    elif metric == "accuracy":
        yield "recall", high
        yield "precision", high
    elif metric == "error":
        yield "recall", not high
        yield "error", high
    elif metric == "gap":
        yield "gap", high if sense > 0 else not high
    elif metric in (
        "drop",
        "confidence",
        "precision",
        "recall",
        "f1",
        "brightness",
        "contrast",
        "sharpness",
        "saturation",
        "colourfulness",
        "images",
    ):
        yield metric, high if sense > 0 else not high
        if metric == "confidence":
            yield "gap", high


def _between(text: str, spot: int, start: int) -> str:
    return text[spot:start] if not re.search(r"\b(?:is|are|was|were|that|of)\b", text[spot:start]) else ""


def _nearest(text: str, mentions: Sequence[Any], spot: int, kind: str) -> str:
    """The name before a superlative that is nearest to it, else the one behind it."""
    some = [m for m in mentions if m.kind == kind]
    if len({m.name for m in some}) == 1:
        return str(some[0].name)
    after = next((m for m in some if m.start >= spot), None)
    if after is not None and (
        re.fullmatch(r"\w+ (?:\w+ )?", _between(text, spot, after.start))
        or re.fullmatch(
            r"\w+ (?:\w+ ){0,5}?(?:that|those|the one) (?:of|for) (?:the |an? )?", text[spot : after.start]
        )
    ):
        return str(after.name)
    before = [m.name for m in some if m.start < spot]
    return str(before[-1]) if before else str(some[0].name) if some else ""
