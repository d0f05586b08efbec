"""Whether the words around a number allow the quantity, the unit and the part of a recorded value."""

from __future__ import annotations

import re

from failsight.agent.grounding.binding import FAR, LIKELY, ODD, POSSIBLE
from failsight.agent.grounding.counted import (
    CASE_LEVEL,
    NO_IMAGES,
    OF_IMAGES,
    fits_row,
    fits_unit,
    is_counted,
)
from failsight.agent.grounding.lexicon import EVERYDAY, WHEN_SAID, says
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.slots import Bound
from failsight.agent.grounding.sources import Atom

LIMIT = 2.0  # what costs as much or more is not meant


_MASKED = frozenset(
    {
        "cue_effect",
        "cue_change",
        "control_effect",
        "control_change",
        "flip",
        "control_flip",
        "mended",
        "control_mended",
        "control_ratio",
    }
)
_MASK_WORDS = re.compile(
    r"mask|cover|hid|remov|tak\w+ (?:\w+ )*(?:away|out)|without|experiment|control|blur|patch|flip|effect|influence|occlu|elsewhere|conceal|gone|knock|E\d|= ?\d",
    re.IGNORECASE,
)
#: what is said to be so, and not to be demanded
_ASSERTED = re.compile(
    r"(?:\b(?:is|are|was|were|of|in|has|have|reach(?:es|ed)?|scores?|gets|achieves|attains|manages|stands at|lies at)"
    r"(?: (?:only|just|right in))*|[:=])\s?$",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    r"\b(?:at most|less than|under|below|up to) (?:\w+ )?\d+ ?% (?:of )?confiden", re.IGNORECASE
)
_COUNTS = frozenset(
    [
        "draws",
        "slices_tested",
        "slices_confirmed",
        "slices_counted",
        "images",
        "excess",
        "verify",
        "parameters",
        "confusion",
        "near_duplicates",
        "duplicates",
        "classes",
        "answers",
        "merged",
        "unlabelled",
        "left_out",
    ]
)
_DIFFERS = re.compile(
    r"\b(?:more|(?<!-)less|fewer|higher|lower|drops?|fall\w*|fell|los[est]\w*|gains?|differ\w*|gap|effects?|by|larger|smaller|better|worse|too|excess|above|below|over-?confiden\w*|under-?confiden\w*)\b",
    re.IGNORECASE,
)
#: quantities of which a sentence has to use a word
_EXPLICIT = frozenset(
    [
        "f1",
        "macro_f1",
        "macro_precision",
        "balanced_accuracy",
        "ece",
        "baseline",
        "hue",
        "aspect",
        "standardised",
        "effect_sd",
        "minimum_effect",
        "smallest",
        "class_mix",
        "imbalance",
        "draws",
        "slices_tested",
        "slices_confirmed",
        "slices_counted",
        "confident_errors",
        "rank",
        "merged",
        "distance",
    ]
)
_RIGHT = frozenset({"accuracy", "recall", "precision", "f1", "balanced_accuracy", "worst_recall"})
_FAILURES = frozenset(
    {"error", "false_answers", "share_of_errors", "confusion", "reverse", "confident_errors", "pull"}
)
_P = re.compile(
    r"\b(?P<part>[pq])(?:[ -]values?\b[^.;\d]{0,44}?| (?:for|of) (?:the |this )?[a-z ]{3,40}?)?(?: of| is| was| are|:)?\s*[<=≈>]?\s*(?:about |only |all |below |under |less than )*$",
    re.IGNORECASE,
)
_INTERVAL = re.compile(
    r"\bintervals?\b|\bat (?:best|worst|the (?:least|most|very least))\b|\bbounds?\b|\b(?:lower|upper) end\b|\brang\w+|\bCI\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"\b(?:between|from|at least|at most|as (?:low|high|little|much) as)\s*(?:about |only )?$|\b(?:between|from|at least) [\d.,]+ ?(?:%|points)? ?(?:and|to|or)\s*$|\d ?%? ?(?:to|–|-)\s*$",
    re.IGNORECASE,
)
_QUALITY = re.compile(
    r"recall|recogni|precision|wrong|\bf1\b|error|wrong|fail|confus|call|taken|confiden|\bsure|bright|contrast|saturat|sharp|\bsize|jpeg|mask|score|rare|show|have|image|picture|rooms|answer|say",
    re.IGNORECASE,
)
_COMMON = frozenset(
    [
        "image",
        "model",
        "evalu",
        "class",
        "train",
        "deplo",
        "with",
        "that",
        "this",
        "there",
        "these",
        "they",
        "are",
        "than",
        "more",
        "when",
        "from",
        "have",
    ]
)


def _lead(number: Number, at: Bound) -> str:
    return at.reading.text[max(at.reading.sentence.start, number.start - 60) : number.start]


_AT_MOST = re.compile(
    r"\d ?(?:%|points),? (?:and |but |or )?(?:at most|at least|up to) $", re.IGNORECASE
)  # "3.0 %, at most 4.5 %"


def ends_said(number: Number, at: Bound) -> bool:
    """Whether the words say that a number is the end of an interval."""
    lead = _lead(number, at)
    return bool(_INTERVAL.search(at.reading.part) or _END.search(lead) or _AT_MOST.search(lead))


def level_said(number: Number, at: Bound) -> bool:
    """Whether the words before a number call it a p or q value."""
    return _P.search(_lead(number, at)) is not None


def level_of(number: Number, at: Bound) -> str:
    """The letter that the words before a number give it, ``p`` or ``q``; both where they say neither."""
    found = _P.search(_lead(number, at))
    return found["part"].lower() if found is not None else "pq"


def _so_far(at: Bound) -> str:
    """A sentence with the one before it: "Mean confidence of right answers: 86.1 %. Of wrong ones: 70.0 %"."""
    return at.reading.text[max(0, at.reading.sentence.start - 90) : at.reading.sentence.end]


def _settled(number: Number, atom: Atom, at: Bound) -> float | None:
    """The cost where a rule of its own decides: counts of findings, recorded sentences, rows, p values; else None."""
    part = at.reading.part
    if atom.metric.startswith("tally:"):
        return 0.0 if number.family == "plain" and is_counted(number, atom, at) else FAR
    if (
        number.family == "plain"
        and not atom.told
        and not atom.metric.startswith("slices")
        and CASE_LEVEL.match(at.reading.text, number.end)
    ):
        return FAR
    if atom.metric.startswith("told:"):
        if number.word and number.family == "percent" and not alike(part, atom.metric[5:], 4):
            return FAR  # a share in words is too wide to be told by two words alone
        if number.about and abs(number.value - atom.value) > number.half + 1e-9 and not number.word:
            return FAR
        cited = set(atom.refs) & at.reading.whole.evidence
        if set(atom.refs) & at.findings and re.search(r"propos|collect|\bask|need|label", part):
            return 0.0
        return 0.0 if alike(part, atom.metric[5:], 1 if cited and number.family == "plain" else 2) else FAR
    if atom.row and not fits_row(atom, part):
        return FAR
    level = _P.search(_lead(number, at))
    if level is not None or atom.part in ("p", "q") or atom.metric in ("p", "q"):
        return 0.0 if level is not None and level["part"].lower() in (atom.part, atom.metric) else FAR
    return None


def quantity(number: Number, atom: Atom, at: Bound) -> float:
    """Whether the words allow the quantity, its unit and its part."""
    part = at.reading.part
    if barred(number, atom, at):
        return FAR
    settled = _settled(number, atom, at)
    if settled is not None:
        return settled
    total = 0.0
    if atom.part == "end" and not number.bracket:
        total += 0.0 if ends_said(number, at) else FAR
    if (
        number.word
        and number.family == "plain"
        and atom.part not in ("n", "count")
        and not atom.told
        and atom.metric not in _COUNTS
    ):
        return FAR
    if {number.family, atom.family} == {"percent", "points"} and not (
        atom.family == "points" and _DIFFERS.search(at.clause)
    ):
        return FAR
    if not fits_unit(number, atom, at):
        return FAR
    if atom.metric == "confident_errors" and _AT_MOST.search(part):
        return FAR
    total += spoken(atom, at)
    if (
        number.family == "plain"
        and atom.metric in ("images", "answers", "confusion", "error")
        and NO_IMAGES.match(at.reading.text, number.end)
    ):
        return FAR
    if (
        atom.metric == "images"
        and number.value < 30
        and number.family == "plain"
        and not OF_IMAGES.match(at.reading.text, number.end)
        and not number.bracket
    ):
        total += ODD
    if atom.part != "n" and (
        (atom.metric in _RIGHT and wrong(at.clause)) or (atom.metric == "error" and rightly(at.clause))
    ):
        total += FAR
    return total


def spoken(atom: Atom, at: Bound) -> float:
    """Whether words for the quantity stand near the number, and none for another one."""
    metric = atom.metric
    if metric == "smallest" and re.search(r"\b(?:largest|biggest|at most)\b", at.reading.part):
        return FAR
    if metric == "bound" and (cost := _as_bound(at)) is not None:
        return cost
    if metric.startswith("confidence_") and not says("confidence", _so_far(at)):
        return FAR
    if metric in _EXPLICIT and not says(metric, at.reading.part):
        return FAR
    if metric in ("confidence_right", "confidence_wrong") and any(metric in q for q in at.quantities):
        return 0.0
    if metric in _MASKED and not _MASK_WORDS.search(at.reading.part) and not at.reading.carried.attributes:
        return FAR
    if at.quantities:
        own = min((c for q, c in at.quantities.items() if metric in q), default=FAR)
        if at.number.word and 0 < own < FAR and not says(metric, at.reading.part):
            return FAR
        if own < FAR or (atom.part not in ("n", "count") and metric not in EVERYDAY):
            return own
        least = min(at.quantities.values())
        if atom.part in ("n", "count") or (least > 0 and says(metric, at.clause)):
            return 0.0 if says(metric, at.reading.part) else ODD
        return POSSIBLE if says(metric, at.clause) else FAR
    if says(metric, at.reading.part):
        return 0.0
    return LIKELY if _goes_without_saying(atom, at) else FAR if at.number.about else 1.7


def _as_bound(at: Bound) -> float | None:
    """The cost of reading a number as what is demanded; None where nothing speaks against it."""
    asserted = _ASSERTED.search(_lead(at.number, at)) is not None
    if asserted and not says("bound", at.near):
        return FAR  # "is 80 % where 90 % is asked for": what was reached
    if says("bound", at.reading.part):
        return None
    return FAR if asserted or at.number.about or at.number.word else ODD


def _goes_without_saying(atom: Atom, at: Bound) -> bool:
    """``Living rooms: 67.1 %``: what is meant where a sentence names no quantity at all."""
    if atom.metric not in ("accuracy", "drop", "recall", "precision", "f1") and not (
        atom.metric == "error" and atom.names.attributes
    ):
        return False
    part, shift = at.reading.part, at.reading.sentence.start
    if "|" in part and atom.metric in ("recall", "precision", "f1"):
        return re.search(r"[a-z]{3,}", re.sub(r"[a-z_]+ \|", "", part)) is None
    if atom.metric in ("precision", "f1"):
        return False
    if atom.metric == "recall":
        for mention in reversed(at.reading.mentions):
            if mention.kind == "class":
                part = part[: mention.start - shift] + part[mention.end - shift :]
    return not _QUALITY.search(
        re.sub(r"\b(?:confidence (?=interval)|(?:by|in) contrast\b)", "", part, flags=re.IGNORECASE)
    )


def barred(number: Number, atom: Atom, at: Bound) -> bool:
    """Whether the words beside a number rule a quantity out: a change, what is demanded, a share of failures."""
    if number.signed and not number.bracket and atom.metric in ("cue_effect", "control_effect"):
        return "chang" in at.clause  # a fall is a negative change
    if number.family != "percent":
        return False
    if atom.metric == "recall" and _of_an_answer(at):
        return True
    if atom.metric == "images" and _OF_ERRORS.match(at.reading.text, number.end):
        return True  # a share of the errors is no share of the images
    if _demanded(number, at) and (atom.metric != "bound" or abs(atom.value - number.value) > number.half):
        return True
    failure = (
        atom.metric.startswith("told:")
        or atom.metric in _FAILURES
        or "mended" in atom.metric
        or atom.part == "end"
    )
    return not failure and _said_wrong(number, at)


_OF_ERRORS = re.compile(
    r" of (?:(?:all|the|these|its|their) )*(?:[\d,]+ )?(?:\w+ )?(?:errors|mistakes|wrong answers)\b"
)


def _of_an_answer(at: Bound) -> bool:
    """``When it says bathroom, it is right in 94.8 %``: a share of the answers, and not of the images of the class."""
    start = at.reading.sentence.start
    ends = [start + m.end() for m in WHEN_SAID.finditer(at.reading.part)]
    named = [m.start for m in at.reading.mentions if m.kind == "class"]
    return any(0 < n - e <= _QUOTED for n in named for e in ends) and not _FOUND.search(at.clause)


_QUOTED = len(' "*')  # between the verb and the class that it names
_FOUND = re.compile(r"\brecall|recogni[sz]|\bfinds?\b|\bfound\b|detect|\bmiss", re.IGNORECASE)


def _said_wrong(number: Number, at: Bound) -> bool:
    """``fails in 50.7 %``, ``a quarter of them are misclassified``: a share of failures and of nothing else."""
    text, sentence = at.reading.text, at.reading.sentence
    before = text[max(sentence.start, number.start - 40) : number.start]
    after = text[number.end : min(sentence.end, number.end + 90)]
    return bool(
        re.search(
            r"\b(?:fails?|failed|errs?|(?:is|are|were) (?:wrong|misclassified|answered wrongly))(?: (?:in|for|on|with|about|only|just|roughly))* $",
            before,
        )
        or re.match(
            r"(?:[^,;.\d]|\d+(?:\.\d+)? ?% (?=conf|or more)){0,70}\b(?:is|are|were|get) (?:wrong\b|misclassified|answered wrongly)|(?: [\[(][^\])]*[\])])? wrong\b",
            after,
        )
    )


def _demanded(number: Number, at: Bound) -> bool:
    """``should be at least 70 %``: what is asked for, to the letter."""
    before = at.reading.text[max(at.reading.sentence.start, number.start - 60) : number.start]
    after = at.reading.text[number.end : number.end + 40]
    return number.family == "percent" and bool(
        (_DEMANDED.search(before) and not _STARTS.search(before)) or _WANTED.match(after)
    )


_DEMANDED = re.compile(
    r"\b(?:should|must|has to|is required|requires?|required|requirement|expected to (?:be|reach)|demand(?:s|ed)?|asked for|target|criterion|threshold|goal|"
    r"expectation|bar|bound|limit|minimum)\b(?!\s+by\b)[^,;:.\d]{0,40}$",
    re.IGNORECASE,
)
_STARTS = re.compile(
    r"\b(?:get|go|come|rise|climb|move|improve|grow) from (?:about |the )?$"
)  # where it stands today
_WANTED = re.compile(
    r"\s(?:(?:that |which )?(?:you|we|they) (?:want|ask|expect|require|demand|set)|(?:target|goal|bar|threshold|requirement|criterion|mark)\b|(?:that )?(?:is|was|were) (?:required|demanded|asked|expected))",
    re.IGNORECASE,
)


def wrong(clause: str) -> bool:
    """Whether a clause speaks of errors only."""
    return bool(
        re.search(
            r"\b(?:wrong\w*|errors?|error rate|fail\w*|misclassified|missed|misjudged|misread|unnoticed|undetected|overlook\w*)\b",
            clause,
            re.IGNORECASE,
        )
        and not re.search(
            r"\b(?:right|accura\w*|recogni\w*|recall|precision|correct\w*|expect\w*|criteri\w*|bar)\b",
            clause,
            re.IGNORECASE,
        )
    )


def rightly(clause: str) -> bool:
    """Whether a clause speaks of right answers only."""
    return bool(
        re.search(r"\b(?:right|accura\w*|recogni\w*|recall|correct\w*)\b", clause, re.IGNORECASE)
        and not re.search(
            r"\b(?:wrong\w*|errors?|fail\w*|mis\w+|incorrect\w*|not|never|un\w+)\b|n't\b",
            clause,
            re.IGNORECASE,
        )
    )


def alike(part: str, told: str, least: int = 2) -> bool:
    """Whether a sentence repeats what a recorded sentence says: its rarer words."""
    mine = {w[:5] for w in re.findall(r"[a-z]{4,}", part.lower())}
    theirs = {w[:5] for w in re.findall(r"[a-z]{4,}", told.lower())}
    return len((mine & theirs) - _COMMON) >= least


def below(number: Number, at: Bound) -> bool:
    """Whether a number is an upper bound of a p value: ``p < 0.001``."""
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 60) : number.start]
    return (
        _P.search(lead) is not None
        and re.search(r"<\s*$|below\s*$|under\s*$|less than\s*$", lead) is not None
    )
