"""Whether what stands behind a number is what a recorded value counts: its unit, the label of its row, its noun."""

from __future__ import annotations

import re

from failsight.agent.grounding.binding import FAR, ODD
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.slots import Bound
from failsight.agent.grounding.sources import Atom, words_of

#: things of which a case has few: only a count of just these may be meant
CASE_LEVEL = re.compile(
    r" (?:of (?:the |these |all )+)?(?:(?!of\b)[\w-]+ ){0,3}?(?:findings|hypotheses|shortcuts|verdicts|slices|experiments|criteria|expectations|splits|cues|repairs|corrections)\b| (?:were |was |are )?(?:confirmed|refuted|inconclusive|tested(?! images| pictures| photos)|merged|untested)\b",
    re.IGNORECASE,
)

#: what is counted and is no image
NO_IMAGES = re.compile(
    r"\s+(?:(?!of\b|images?\b|pictures?\b|photos?\b)[\w-]+ ){0,2}?(?:groups?|kinds?|slices?|tests?|experiments?|findings?|hypotheses|classes|categories|sets|splits|clusters|cues|shortcuts|proposals?|corrections?|repairs?|criteria|expectations?|attributes?|bins?|draws|parameters|weights)\b(?! (?:images|pictures|photos))",
    re.IGNORECASE,
)

OF_IMAGES = re.compile(
    r"\s+of\b|\s+(?:of\b|[\w-]+ )?(?:[\w-]+ ){0,2}(?:images?|pictures?|photos?|rooms?|bathrooms?|kitchens?|examples?|cases?|of)\b",
    re.IGNORECASE,
)


def fits_unit(number: Number, atom: Atom, at: Bound) -> bool:
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
    if atom.metric in ("confidence_right", "confidence_wrong"):
        if at.sides:
            return at.sides.get(atom.metric[11:], FAR) < ODD
        near = _nearest_side(number, at)
        return near == "" or atom.metric.endswith(near)
    return True


def _nearest_side(number: Number, at: Bound) -> str:
    """Whether right or wrong answers are spoken of just before a number."""
    found = list(
        re.finditer(
            r"\b(?P<right>right|correct\w*)\b|\b(?P<wrong>wrong\w*|errors?|mistakes?|misclassified)\b",
            at.reading.text[at.reading.sentence.start : number.start],
            re.IGNORECASE,
        )
    )
    return ("right" if found[-1]["right"] else "wrong") if found else ""


def fits_row(atom: Atom, part: str) -> bool:
    """Whether a text repeats the label of a row; of a range its lower end, with a word for ``and more``, will do."""
    said = set(words_of(part))
    beyond = (
        re.search(r"\b(?:over|above|more than|at least|or more|upwards|top|highest)\b", part, re.IGNORECASE)
        is not None
    )
    top = re.search(r"\btop\b|\bhighest\b", part) is not None
    if atom.row[0][0].isdigit() and all(
        any(w == s or (s.isdigit() and _close(w, s)) for s in said) for w in atom.row
    ):
        return True
    return set(atom.row) <= said or (
        beyond
        and atom.row[0][0].isdigit()
        and (atom.row[0] in said or any(s.isdigit() and _close(atom.row[0], s) for s in said) or top)
        and atom.row[-1] == "100"
    )


def _close(word: str, said: str) -> bool:
    """Whether a number of a label, rounded, is one that a text says."""
    return bool(re.fullmatch(r"[\d.]+", word)) and abs(float(word) - float(said)) <= 0.5


def is_counted(number: Number, atom: Atom, at: Bound) -> bool:
    """Whether what is counted stands behind the number; a narrower count that stands there too comes first."""
    text = at.reading.text
    clause = re.split(r"[:;]|, ", re.sub(r" \([^)]*\)", "", text[number.end : at.reading.sentence.end]))[0][
        :70
    ]
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
    if atom.metric == "tally:finding|hypothes" and _NARROWER.search(re.split(r"\d", clause)[0]):
        return False
    return not (narrow and "mask" not in atom.metric)


_NARROWER = re.compile(
    r"\b(?:confirm|refut|inconclus|undecided|open\b|untested|rare\b|shift|spurious|shortcut)", re.IGNORECASE
)
