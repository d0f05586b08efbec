"""Whether a recorded number is about the same as a number in a sentence."""

from __future__ import annotations

import re

from failsight.agent.grounding.lexicon import ELSEWHERE, SAID, says
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import REVERSE
from failsight.agent.grounding.settings import Setting
from failsight.agent.grounding.sources import DATA, Atom, words_of

_BOTH = re.compile(
    r"\bboth (?:directions|ways)\b|\bin all\b|\btogether\b|\bswapped\b|\bone way\b|\bbetween\b|\bone another\b|\beach other\b",
    re.IGNORECASE,
)


_INTERVAL = re.compile(
    r"\binterval\b|\bbetween\b|\bfrom\b|\bat (?:least|most)\b|\bbounds?\b|\b(?:lower|upper) end\b|\brang\w+|\bCI\b|\d ?%? to \d",
    re.IGNORECASE,
)


_P = re.compile(
    r"\b(?P<part>[pq])(?:[ -]values?)?(?: of| is| was|:)?\s*[<=≈>]?\s*(?:about |only |below |under )?$",
    re.IGNORECASE,
)


_QUALITY = re.compile(
    r"recall|recogni|precision|wrong|\bf1\b|error|wrong|fail|confus|call|taken|confiden|\bsure|bright|contrast|saturat|sharp|\bsize|jpeg|mask|score|rare|show|have|image|picture|rooms|answer|say",
    re.IGNORECASE,
)


_EACH = re.compile(r"\b(?:each|every|per) class\b", re.IGNORECASE)
_EXPERIMENTAL = re.compile(r"\bexperiments?\b|\bmasking\b|\btests?\b", re.IGNORECASE)


EXPERIMENTS = frozenset(
    {
        "effect",
        "cue_effect",
        "cue_change",
        "control_change",
        "control_effect",
        "flip",
        "control_flip",
        "mended",
        "control_mended",
    }
)


def below(number: Number, at: Setting) -> bool:
    """Whether a number is an upper bound of a p value: ``p < 0.001``."""
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 24) : number.start]
    return _P.search(lead) is not None and re.search(r"<\s*$|below\s*$|under\s*$", lead) is not None


def fits_loosely(atom: Atom, at: Setting) -> bool:
    """Whether ``atom`` is about the things of a setting, whatever quantity it is."""
    if atom.metric.startswith("tally:") or atom.told or atom.row or atom.part in ("end", "p", "q"):
        return False
    return _fits_names(atom, at) and _fits_split(atom, at) and _fits_pair(atom, at)


def fits(number: Number, atom: Atom, at: Setting) -> bool:
    """Whether ``atom`` may be meant by ``number``."""
    return (
        not (atom.elsewhere and atom.names.attributes and _with_it(number, at))
        and _fits_metric(number, atom, at)
        and _fits_names(atom, at)
        and _fits_split(atom, at)
        and _fits_pair(atom, at)
    )


def _with_it(number: Number, at: Setting) -> bool:
    """``with a cat 48.6 %``: the side that has it."""
    before = at.reading.text[max(at.reading.sentence.start, number.start - 40) : number.start]
    found = re.search(
        r"\bwith (?:an? |the )?(?P<thing>[a-z_]{3,}),? (?:just |only |about |it is )*$", before, re.IGNORECASE
    )
    return found is not None and found["thing"].lower() not in ("control", "controls", "mask")


def _fits_metric(number: Number, atom: Atom, at: Setting) -> bool:
    part = at.reading.part
    if _barred(number, atom, at):
        return False
    if atom.metric.startswith("tally:"):
        return number.family == "plain" and _counted(number, atom, at)
    if atom.metric.startswith("told:"):
        if set(atom.refs) & at.names.findings and re.search(r"propos|collect|\bask|need|label", part):
            return True
        return _alike(at, atom.metric[5:], 1 if set(atom.refs) & at.reading.whole.evidence else 2)
    if atom.row and not _fits_row(atom, part):
        return False
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 24) : number.start]
    level = _P.search(lead)
    if level is not None or atom.part in ("p", "q") or atom.metric in ("p", "q"):
        return level is not None and level["part"].lower() in (atom.part, atom.metric)
    if atom.part == "end" and not number.bracket and not _INTERVAL.search(part):
        return False
    if not _fits_unit(number, atom, at):
        return False
    if at.quantities and atom.part not in ("n", "count") and atom.metric not in at.quantities:
        return False
    if (
        number.word
        and atom.part not in ("n", "count")
        and number.family == "plain"
        and not atom.told
        and not atom.metric.startswith(("slices", "images"))
    ):
        return False
    if not says(atom.metric, part) and not _goes_without_saying(atom, at):
        return False
    return not (atom.metric in ("accuracy", "recall", "precision") and wrong(at.clause) and atom.part != "n")


def _goes_without_saying(atom: Atom, at: Setting) -> bool:
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


_FAILURES = {
    "error", "false_answers", "share_of_errors", "confusion", "reverse", "confident_errors", "pull",
}  # fmt: skip


def _barred(number: Number, atom: Atom, at: Setting) -> bool:
    """Whether the words beside a number rule a quantity out: a change, what is demanded, a share of failures."""
    if number.signed and not number.bracket and atom.metric in ("cue_effect", "control_effect"):
        return "chang" in at.clause  # a fall is a negative change
    if number.family != "percent":
        return False
    if _demanded(number, at) and (atom.metric != "bound" or abs(atom.value - number.value) > number.half):
        return True
    failure = atom.metric.startswith("told:") or atom.metric in _FAILURES or atom.part == "end"
    return not failure and _said_wrong(number, at)


def _said_wrong(number: Number, at: Setting) -> bool:
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
            r"[^,;.\d]{0,70}\b(?:is|are|were|get) (?:wrong\b|misclassified|answered wrongly)|(?: [\[(][^\])]*[\])])? wrong\b",
            after,
        )
    )


def _demanded(number: Number, at: Setting) -> bool:
    """``should be at least 70 %``: what is asked for, to the letter."""
    start = at.reading.sentence.start
    before = at.reading.text[max(start, number.start - 60) : number.start]
    return number.family == "percent" and bool(
        re.search(
            r"\b(?:should|must|has to|is required|required|expected to (?:be|reach)|demanded|asked for)\b[^,;:.\d]{0,40}$",
            before,
        )
    )


def _fits_unit(number: Number, atom: Atom, at: Setting) -> bool:
    """``540 times`` counts answers, ``450 images`` counts images; right and wrong answers have their own confidence."""
    after = at.reading.text[number.end : number.end + 24]
    if number.family == "plain" and atom.metric in ("answers", "images"):
        if re.match(r" (?:times|answers)\b", after) or (
            re.match(r"[^.]*\bfor \d", after) and "answer" in at.clause
        ):
            return atom.metric == "answers" or bool(atom.names.attributes)
        if re.match(r" labels\b", after):
            return False
        if re.match(r" (?:\w+ )?(?:images|pictures|photos)\b", after):
            called = re.search(r"\b(?:called|answered|predicted)\b", at.clause) is not None
            return atom.metric == "images" or called
    sure = atom.metric.startswith("confidence") or atom.metric == "gap"
    if re.match(r" (?:sure|confident|certain)\b", after):
        return sure
    if re.search(
        r"\b(?:right|correct|recogni[sz]ed) (?:in|on|for) (?:only |just |about |some )?$",
        at.reading.text[max(0, number.start - 32) : number.start],
    ):
        return not sure
    if atom.metric.startswith("slices") and not says(atom.metric, at.clause):
        return False
    if atom.metric in ("confidence_right", "confidence_wrong"):
        near = _nearest_side(number, at)
        return near == "" or atom.metric.endswith(near)
    return True


def _nearest_side(number: Number, at: Setting) -> str:
    """Whether right or wrong answers are spoken of just before a number."""
    start = at.reading.sentence.start
    found = list(
        re.finditer(
            r"\b(?P<right>right|correct\w*)\b|\b(?P<wrong>wrong\w*|errors?|mistakes?|misclassified)\b",
            at.reading.text[start : number.start],
            re.IGNORECASE,
        )
    )
    return ("right" if found[-1]["right"] else "wrong") if found else ""


def _fits_row(atom: Atom, part: str) -> bool:
    """Whether a text repeats the label of a row; of a range its lower end, with a word for ``and more``, will do."""
    said = set(words_of(part))
    beyond = (
        re.search(r"\b(?:over|above|more than|at least|or more|upwards|top)\b", part, re.IGNORECASE)
        is not None
    )
    return set(atom.row) <= said or (
        beyond and atom.row[0][0].isdigit() and atom.row[0] in said and atom.row[-1] == "100"
    )


def _counted(number: Number, atom: Atom, at: Setting) -> bool:
    """Whether what is counted stands behind the number; a narrower count that stands there too comes first."""
    text = at.reading.text
    clause = re.split(r"[:;(]|, ", text[number.end : at.reading.sentence.end])[0][:70]
    of = re.match(r"\s+of (?:the|them|these|those|all)\b", clause)
    groups = atom.metric[6:].split("&")
    if of:
        clause = at.reading.part
    if not all(
        re.search(rf"\b(?:{g})", at.reading.part if "mask" in g else clause, re.IGNORECASE) for g in groups
    ):
        return False
    if re.search(r"\bof (?:the )?$", text[max(0, number.start - 8) : number.start]):
        return True
    narrow = re.search(r"\b(?:experiment|mask|prove)", clause, re.IGNORECASE) is not None
    return not (narrow and "mask" not in atom.metric)


def wrong(clause: str) -> bool:
    """Whether a clause speaks of errors only."""
    return bool(
        re.search(r"\b(?:wrong\w*|errors?|error rate|fail\w*|misclassified|missed)\b", clause, re.IGNORECASE)
        and not re.search(
            r"\b(?:right|accura\w*|recogni\w*|recall|precision|correct\w*|expect\w*|criteri\w*|bar)\b",
            clause,
            re.IGNORECASE,
        )
    )


def _alike(at: Setting, told: str, least: int = 2) -> bool:
    """Whether a sentence repeats what a recorded sentence says: its rarer words."""
    mine = set(re.findall(r"[a-z]{4,}", at.reading.part.lower()))
    theirs = set(re.findall(r"[a-z]{4,}", told.lower()))
    stems = {w[:5] for w in mine} & {w[:5] for w in theirs}
    common = {
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
    }
    return len(stems - common) >= least


def _fits_names(atom: Atom, at: Setting) -> bool:
    mine, theirs = at.names, atom.names
    if atom.metric.startswith("tally:") or (at.total and not theirs.entities):
        return True
    strict = theirs.classes - atom.loose
    wide = at.reading.whole.classes | at.reading.carried.classes | mine.classes
    named_by_finding = bool(set(atom.refs) & mine.findings)
    if named_by_finding and not mine.entities:
        return True
    if (
        atom.metric == "images"
        and not mine.entities
        and not theirs.attributes
        and _EACH.search(at.reading.part)
    ):
        return True
    known = mine.classes if len(mine.classes) == 1 and not atom.pair else wide
    if not strict <= known and not named_by_finding:
        return False
    if mine.classes - theirs.classes and not (theirs.classes and _listed(at, atom)):
        return False
    if theirs.attributes - atom.loose - mine.attributes and not named_by_finding:
        return False
    if (
        not mine.entities
        and not theirs.entities - atom.loose
        and re.search(r"\b(?:all|each|every|effects|rates|shares|respectively)\b", at.reading.part)
        and _EXPERIMENTAL.search(at.reading.part)
    ):
        return True
    if (
        atom.loose
        and not at.reading.about.entities
        and (atom.metric in ("saliency", "area") or atom.metric not in SAID)
    ):
        return True
    if atom.loose and not (
        mine.entities & theirs.entities
        or named_by_finding
        or set(atom.refs) & at.reading.whole.evidence
        or (
            not mine.entities
            and not theirs.classes - atom.loose
            and theirs.entities & at.reading.about.entities
        )
    ):
        return False
    if mine.attributes - theirs.attributes:
        return False
    return _fits_presence(atom, at)


def _listed(at: Setting, atom: Atom) -> bool:
    """Whether several classes are named and the atom is about one of them."""
    return len(at.names.classes) > 1 and atom.names.classes <= at.names.classes


def _fits_presence(atom: Atom, at: Setting) -> bool:
    if atom.metric in EXPERIMENTS or atom.metric == "pull_gap":
        return not atom.elsewhere or at.elsewhere or bool(ELSEWHERE.search(at.reading.part))
    if at.absent and atom.names.attributes and not atom.elsewhere and atom.metric not in EXPERIMENTS:
        return all(v == "no" for _, v in atom.names.values)
    rates = atom.metric in ("error", "pull") and atom.names.attributes and not atom.elsewhere
    if at.elsewhere and rates and re.search(r"elsewhere|otherwise|the rest\b|\bothers\b", at.clause):
        return False
    shown = re.search(r"\b(?:shows?|have|has|with|contains?) (?:one|it|them)\b", at.clause) is not None
    claimed = {a: "yes" if shown and v in ("yes", "no") else v for a, v in at.names.values}
    for name, value in atom.names.values:
        outside = atom.elsewhere and (at.absent or at.elsewhere)
        if name in claimed and claimed[name] != value and not outside:
            return False
        if (
            value == "no"
            and claimed.get(name) != "no"
            and not at.absent
            and not at.elsewhere
            and "out" not in at.clause
            and "not" not in at.clause
        ):
            return False
    if atom.elsewhere and atom.names.attributes:
        return bool(
            at.absent
            or at.elsewhere
            or re.search(r"\b(?:than|against|otherwise|without|no|not|vs|versus|instead)\b", at.clause)
        )
    return True


def _fits_split(atom: Atom, at: Setting) -> bool:
    theirs, mine = atom.names.splits, at.splits
    if set(atom.refs) & at.names.findings and not at.named:
        return True
    if atom.metric.startswith("tally:") or atom.metric == "bound":
        return not at.named or mine <= DATA or atom.metric.startswith("tally:")
    if (at.everywhere and atom.metric == "images") or (not at.named and atom.metric == "unlabelled"):
        return True
    if len(theirs) > 1 and not at.named:
        return "deploy" in theirs and "deploy" in mine
    if len(theirs) > 1:
        return bool((theirs - DATA) & (mine | at.reading.whole.splits)) and mine <= theirs
    if not theirs:
        return mine <= DATA
    if theirs <= mine:
        return True
    if atom.metric == "images" and at.everywhere:
        return True
    if at.spare and theirs == DATA and not atom.pair:
        return True
    return theirs == DATA and atom.metric in EXPERIMENTS and not at.named


def _fits_pair(atom: Atom, at: Setting) -> bool:
    if atom.pair is None:
        return not (
            at.reading.pairs
            and len(at.names.classes) > 1
            and atom.names.classes <= at.names.classes
            and atom.metric in ("recall", "error", "f1", "answers")
        )
    if not set(atom.pair) <= at.reading.about.classes | at.reading.carried.classes:
        return False
    pairs = {p for p in at.pairs or at.reading.pairs if set(p) == set(atom.pair)}
    if not pairs or _BOTH.search(at.reading.part):
        return not at.reading.pairs or bool(pairs) or len(at.names.classes) > 2
    turned = (atom.pair[1], atom.pair[0])
    if REVERSE.search(at.reading.part) and at.bracket and len(pairs) == 1:
        return True
    return turned in pairs if at.reverse and len(pairs) == 1 else atom.pair in pairs
