"""Claims of rank: the weakest class, the largest confusion, an order from best to worst."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from failsight.agent.grounding.amounts import MOST, alone, majority, mostly
from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.measures import Measures, noun
from failsight.agent.grounding.names import gather, only
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.superlatives import together
from failsight.agent.grounding.wording import quantity

_HIGH = re.compile(
    r"\b(?P<word>highest|largest|biggest|greatest|(?<!at )best|strongest|easiest|(?<!at )most(?! part\b)(?! (?:are|were|is|go|end|get)\b)(?! of\b)(?! likely\b)|brightest|sharpest|top)\b|\bmore often than (?:any|all)\b|\bmore \w+ than (?:any|all)\b|\bmore than any\b",
    re.IGNORECASE,
)
_LOW = re.compile(
    r"\b(?P<word>lowest|smallest|least(?! once\b)(?! \d)(?<!at least)|fewest|(?<!at )worst(?!_)|weakest|hardest|poorest|darkest|blurriest)\b|\bless often than (?:any|all)\b",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"\b(?P<nth>second|third|fourth|fifth)\b(?P<bottom>[- ](?:from the bottom|lowest|weakest|worst|to last|smallest|fewest))?(?=[- ](?:\w+ )?(?:from|best|largest|highest|lowest|weakest|worst|biggest|most|strongest|to last|smallest|place)|\b)",
    re.IGNORECASE,
)
_NTH = {"two": 2, "three": 3, "four": 4, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_LIST = re.compile(
    r"\b(?:from )?(?:the )?(?P<one>weakest|worst|lowest|smallest|best|highest|largest|strongest)\b[^:]{0,20}\bto (?:the )?(?P<other>\w+)\b|\border(?:ed)?\b(?! chang)[^:]*:|\border is\b|\branked\b|\branking\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?P<n>two|three|four) (?:\w+ )?(?:worst|best|largest|biggest|weakest|strongest|lowest|highest|hardest|most)\b",
    re.IGNORECASE,
)
_WEAK = {"weakest", "worst", "lowest", "smallest", "hardest", "poorest", "fewest"}
_LOSS = re.compile(r"\b(?:los[es]\w*|loss|drops?|falls?|hit|hurt|affected|decline|suffers?)\b", re.IGNORECASE)
_CONFUSION = re.compile(
    r"\bconfusions?\b|\bmix[- ]?ups?\b|\btaken for\b|\bmistaken\b|\bconfused\b", re.IGNORECASE
)
_ANSWERS = re.compile(
    r"\bgives? the answer\b|\banswers? (?:with )?\w+ (?:more|most) often\b|\bmost (?:frequent|common) (?:answer|prediction)\b|\bpredict\w* (?:most|more) often\b|\bfavourite answer\b|\bmost often (?:answered|predicted)\b|\banswer(?:s|ed)?\b[^.]*\bmore often than any\b",
    re.IGNORECASE,
)
_FREQUENT = re.compile(r"\b(?:most frequent|largest|smallest|rarest|biggest) class\b", re.IGNORECASE)


def ranks(at: Reading, measures: Measures) -> Iterator[Claim]:
    """All claims of rank of one sentence, checked."""
    part = at.part
    if "at most" in part or re.search(r"\b(?:among|of) (?:the|those) (?:\w+ )?(?:that|which)\b", part):
        return
    yield from mostly(at, measures)
    yield from alone(at, measures)
    yield from _of_findings(at, measures)
    yield from majority(at, measures)
    if re.search(r"\bcalibrat", part) or together(at) is not None:
        return  # "the two rooms … are A and B": ranked as a set
    listed = _LIST.search(part)
    if listed is not None and len(_classes(at)) >= (
        2 if listed.groupdict().get("one") and ":" in part else 3
    ):
        yield from _order(at, listed, measures)
        return
    found = _HIGH.search(part) or _LOW.search(part) or _PLACE.search(part)
    most = MOST.search(part)
    if found is None or (most is not None and most.start() == found.start()):
        return
    values, subject, high = _scene(at, found, measures)
    yield from _other_end(at, found, measures)
    if len(values) < 2 or not subject:
        return
    best = sorted((v for v, _ in values.values()), reverse=high)
    several = _SEVERAL.search(part)
    joined = len(subject) if len(subject) > 1 and re.search(r"\btogether\b|\bboth\b", part) else 0
    for rank, name in enumerate(subject, start=_nth(part, found)):
        places = (
            best[: _NTH[several["n"].lower()]]
            if several
            else best[:joined]
            if joined
            else best[min(rank, len(best)) - 1 :][:1]
        )
        ok = name in values and any(abs(values[name][0] - v) < 1e-9 for v in places)
        start = at.sentence.start + found.start()
        refs = (values[name][1],) if ok else ()
        yield weighed("rank", start, start + len(found[0]), ok, refs, "another one is")


def _other_end(at: Reading, found: re.Match[str], measures: Measures) -> Iterator[Claim]:
    """``A has the best recall, B the worst``: the other end too, where its part of the sentence names one class."""
    high = _HIGH.match(at.part, found.start()) is not None
    again = (_LOW if high else _HIGH).search(at.part, found.end())
    if again is None or not again.groupdict().get("word") or at.pairs or at.whole.attributes:
        return
    cuts = [0, *(m.start() for m in re.finditer(r", | and | while | but |;", at.part)), len(at.part)]
    start, end = next((a, b) for a, b in itertools.pairwise(cuts) if a <= again.start() < b)
    mine = gather(at.mentions, at.sentence.start + start, at.sentence.start + end).classes
    split = only(at.about.splits) or ("deploy" if "deploy" in at.about.splits else "data")
    metric = _class_metric(at, found, (found.groupdict().get("word") or "").lower())
    values = measures.by_class(metric, split) if metric else {}
    if len(mine) != 1 or len(values) < 2 or only(mine) not in values:
        return
    best = (min if high else max)(v for v, _ in values.values())
    ok = abs(values[only(mine)][0] - best) < 1e-9
    begin = at.sentence.start + again.start()
    refs = (values[only(mine)][1],) if ok else ()
    yield weighed("rank", begin, begin + len(again[0]), ok, refs, "another one is")


_PLACE = re.compile(r"\b(?P<nth>second|third|fourth)\b(?= from the (?:bottom|top))", re.IGNORECASE)


def _of_findings(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``F1 has the most errors at stake``, ``after F11, F13 has the most``."""
    found = _HIGH.search(at.part) or _LOW.search(at.part)
    metric = next(
        (
            m
            for p, m in (
                (r"excess|stake|lever", "excess"),
                (r"error|wrong|fail", "error"),
                (r"effect", "effect"),
                (r"pull", "pull_gap"),
            )
            if re.search(p, at.part, re.IGNORECASE)
        ),
        "",
    )
    bracketed = [m.span() for m in re.finditer(r"\([^()]*\)|\[[^\[\]]*\]", at.part)]
    named = list(
        dict.fromkeys(
            m.name for m in at.mentions
            if m.kind == "finding" and not any(a < m.start - at.sentence.start < b for a, b in bracketed)
        )
    )  # fmt: skip
    if re.search(
        r"\b(?:among|of) (?:the|all|these|our) (?:\w+ )?(?:rare|shortcuts?|shifts?|spurious|weak)\b", at.part
    ):
        return  # ranked among some of them
    values = measures.by_finding(metric, "slice" in at.part) if found and metric and named else {}
    if found is None or len(values) < 2 or not set(named) <= set(values):
        return
    high = _HIGH.match(at.part, found.start()) is not None
    behind = (
        re.search(
            r"\b(?:after|behind|next to)\b[^,]{0,24}$",
            at.part[: at.mentions[0].start - at.sentence.start],
            re.IGNORECASE,
        )
        is not None
    )
    if len(named) > 2 or (len(named) == 2 and not behind):
        return
    best = sorted((v for v, _ in values.values()), reverse=high)
    rank = _nth(at.part, found) + (1 if len(named) == 2 else 0)
    own = values[named[-1]]
    ok = rank <= len(best) and abs(own[0] - best[rank - 1]) < 1e-9
    start = at.sentence.start + found.start()
    yield weighed("rank", start, start + len(found[0]), ok, (own[1],) if ok else (), "another one is")


def _nth(part: str, found: re.Match[str]) -> int:
    before = part[max(0, found.start() - 16) : found.end() + 4].lower()
    return next(
        (
            n
            for word, n in _NTH.items()
            if word not in ("two", "three", "four") and re.search(rf"\b{word}\b(?!,)", before)
        ),
        1,
    )


def _classes(at: Reading) -> list[str]:
    return list(dict.fromkeys(m.name for m in at.mentions if m.kind == "class"))


Values = Mapping[Any, tuple[float, str]]


def _scene(at: Reading, found: re.Match[str], measures: Measures) -> tuple[Values, list[Any], bool]:
    """(all values that are ranked, who is said to stand at the place and next, whether the highest comes first)."""
    part, classes = at.part, _classes(at)
    split = only(at.about.splits) or ("deploy" if "deploy" in at.about.splits else "data")
    word = (found.groupdict().get("word") or "").lower()
    high = _HIGH.match(part, found.start()) is not None and "from the bottom" not in part
    if at.pairs and (_CONFUSION.search(part) or "errors" in part) and not at.whole.attributes:
        return (
            measures.by_pair(split),
            list(at.pairs),
            not re.match(r"least|smallest|rarest|fewest|lowest", word),
        )
    if at.whole.attributes and not (
        re.search(r"\bclass(?:es)?\b", part[max(0, found.start() - 30) : found.end() + 30]) and classes
    ):
        return _slices(at, found, word, high, measures)
    if not classes:
        return _splits(at, part, measures, high)
    metric = _class_metric(at, found, word)
    if metric == "drop" and not at.about.splits:
        split = "deploy"
    values = measures.by_class(metric, split) if metric else {}
    high = high or (metric == "drop" and word in _WEAK - {"smallest", "lowest", "fewest"})
    return values, _subject(at, found, classes, part), high


def _class_metric(at: Reading, found: re.Match[str], word: str) -> str:
    """By which quantity the classes are ranked."""
    part = at.part
    if _ANSWERS.search(part):
        return "answers"
    if _FREQUENT.search(part):
        return "images"
    if re.search(r"\b(?:over|under)-?confident", part[found.start() :], re.IGNORECASE):
        return "gap"
    metric = noun(part[max(0, found.start() - 40) :]) or noun(part)
    if not metric and _TROUBLE.search(part):
        return "error"
    moved = at.about.splits & {"deploy", "train"} or not at.about.splits
    if _LOSS.search(part) and metric in ("precision", "f1"):
        return ""
    if _LOSS.search(part) and metric in ("", "recall", "accuracy") and moved:
        return "drop"
    if word in _LOOKS:
        return _LOOKS[word]
    if metric in ("error", "") and word in _JUDGED:
        return "recall"
    return metric or ("recall" if re.search(r"class|rooms?\b|categor", part, re.IGNORECASE) else "")


_TROUBLE = re.compile(r"\bstruggl\w+|\btrouble|\bdifficult\w+|\bproblems? with", re.IGNORECASE)
_LOOKS = {
    "darkest": "brightness",
    "brightest": "brightness",
    "sharpest": "sharpness",
    "blurriest": "sharpness",
}
_JUDGED = {"weakest", "worst", "hardest", "poorest", "best", "strongest", "easiest"}
_SLICED = (
    (r"excess", "excess"), (r"slice effect", "slice_effect"), (r"mask|effect|experiment", "effect"), (r"share", "pull"),
    (r"pull|attract|called|drawn|shortcut", "pull_gap"), (r"error|fail|wrong|slice", "error"),
)  # fmt: skip


def _slices(
    at: Reading, found: re.Match[str], word: str, high: bool, measures: Measures
) -> tuple[Values, list[Any], bool]:
    """Slices and cues, ranked."""
    metric = next((m for p, m in _SLICED if re.search(p, at.part, re.IGNORECASE)), "")
    if metric in ("", "error") and word in ("easiest", "best", "hardest", "worst", "weakest"):
        metric, high = "error", word not in ("easiest", "best")
    values = measures.by_slice(metric) if metric else {}
    named = (k for k in values if {a for a, _ in k} == set(at.whole.attributes))
    mine = [k for k in named if not at.whole.values or at.whole.values <= k]
    order = list(dict.fromkeys(m.name for m in at.mentions if m.kind == "attribute"))
    if len(order) > 1 and not mine:
        cues = {only(frozenset(a for a, _ in k)): k for k in values if len(k) == 1}
        if not re.search(r"\bfollowed by\b|\bthen\b|\bahead of\b", at.part):
            spot = at.sentence.start + found.start()
            before = [m.name for m in at.mentions if m.kind == "attribute" and m.start < spot]
            order = before[-1:] or order[:1]
        return values, [cues.get(a, frozenset()) for a in order], high
    return values, mine[:1] or ([frozenset()] if values else []), high


def _subject(at: Reading, found: re.Match[str], classes: list[str], part: str) -> list[str]:
    """The class of which the rank is said, and the one that follows."""
    if len(classes) == 1:
        return classes
    spot = at.sentence.start + found.start()
    followed = re.search(r"\bfollowed by\b|\bahead of\b|\bbefore\b|\bthen\b", part)
    mentions = [m for m in at.mentions if m.kind == "class"]
    if followed is not None:
        cuts = [at.sentence.start + m.start() for m in re.finditer(r"; | while | whereas | but ", part)]
        start, end = (
            max((c for c in cuts if c <= spot), default=0),
            min((c for c in cuts if c > spot), default=10**9),
        )
        return list(dict.fromkeys(m.name for m in mentions if start <= m.start < end)) or classes
    if _SEVERAL.search(part) or re.search(r"\btogether\b|\bboth\b", part):
        return classes
    before = [m.name for m in mentions if m.start < spot]
    return before[-1:] or [mentions[0].name]


def _splits(
    at: Reading, part: str, measures: Measures, high: bool
) -> tuple[Mapping[Any, tuple[float, str]], list[Any], bool]:
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
    lead = part[: max(part.rfind(":"), 0)]
    lost = _LOSS.search(part) and (split != "data" or len(at.about.splits) > 1)
    by = re.search(r"\bby (?:the )?(gap|answers)\b", lead)
    metric = "drop" if lost else by[1] if by else noun(part) or quantity(lead, 0)[0] or "recall"
    values = measures.by_class(metric, "deploy" if metric == "drop" and split == "data" else split)
    colon = part.rfind(":")
    names = [
        m.name for m in at.mentions if m.kind == "class" and m.start >= at.sentence.start + max(colon, 0)
    ]
    names = list(dict.fromkeys(names or _classes(at)))
    if len(values) < 2 or any(n not in values for n in names):
        return
    one = (listed.groupdict().get("one") or "").lower()
    up = (
        one in _WEAK
        if one
        else bool(re.search(r"\b(?:ascending|weakest first|lowest first|worst first)\b", part))
    )
    row = [values[n][0] for n in names]
    ok = all((a <= b) if up else (a >= b) for a, b in itertools.pairwise(row))
    start = at.sentence.start + listed.start()
    yield weighed(
        "rank",
        start,
        start + len(listed[0]),
        ok,
        (values[names[0]][1],) if ok else (),
        "the order is another",
    )
