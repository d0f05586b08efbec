"""Slips of the keyboard: words of the trade that are typed almost right, and names of the case that were read from such ones.

Names of the case are forgiven by :func:`failsight.knowledge_base.vocabulary.recognise`; here is said which ones were. A word is
taken for a slip only where it is in no dictionary and one word of the trade alone is near enough.
"""

from __future__ import annotations

import re
from typing import Final

from failsight.knowledge_base.counts import named
from failsight.knowledge_base.dictionary import WORD, dictionary
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.vocabulary import Mention, Mentions, Vocabulary, distance, singular, words_of

_TRADE_TEXT: Final = (
    "accuracy recall precision confusion confusions confused matrix calibration calibrated confidence confident evaluation evaluate label labels annotation annotations annotator "
    "saliency heatmap overfitting overfit underfitting robustness robust fairness duplicates duplicate leakage readiness deployment training attributes attribute hypothesis hypotheses "
    "finding findings evidence report mistake mistakes mistaken errors images image pictures picture slices slice distribution shift preprocessing performance problem problems "
    "weakest worst wrong wrongly correct correctly classes class model score scores feature features example examples misclassified predicted prediction predictions improve "
    "compare difference explain repair background texture colour interval significant statistics retrain"
)
_TRADE: Final = tuple(dict.fromkeys(_TRADE_TEXT.split()))
SHORTEST: Final = 5  # letters of a word that may be a slip
LONG: Final = 10  # letters from which on two slips are forgiven


def corrected(sentence: str, vocabulary: Vocabulary) -> str:
    """``sentence`` with misspelt words of the trade written right; names of the case stay as they were typed."""
    parts, last = [], 0
    for start, end, word in _slips(sentence, vocabulary):
        parts += [sentence[last:start], word]
        last = end
    return "".join([*parts, sentence[last:]])


def misread(sentence: str, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """What was typed and how it was read, for every name and word of the trade that was typed almost right, in order."""
    mentions = named(sentence[:400], vocabulary)
    found = [(m.start, sentence[m.start : m.end], m.name) for m in mentions.found if _almost(mentions, m)]
    found += [(start, sentence[start:end], word) for start, end, word in _slips(sentence, vocabulary)]
    return list(dict.fromkeys((typed, name) for _, typed, name in sorted(found)))


def _almost(mentions: Mentions, one: Mention) -> bool:
    """Whether a name was typed otherwise than it is written, plural, case and separators left aside."""
    if one.role not in ("class", "object", "attribute"):
        return False
    return "".join(words_of(mentions.sentence[one.start : one.end])) != "".join(words_of(one.name))


def _slips(sentence: str, vocabulary: Vocabulary) -> list[tuple[int, int, str]]:
    """Start, end and right spelling of every misspelt word of the trade."""
    mentions = named(sentence[:400], vocabulary)
    spans = [(m.start, m.end) for m in mentions.found]
    own = {word for key in vocabulary.names for word in key}
    made = []
    for match in WORD.finditer(sentence[:400]):
        typed = fold(match.group())
        if len(typed) < SHORTEST or _is_word(typed) or singular(typed) in own or _in_a_name(sentence, match):
            continue
        if any(a < match.end() and match.start() < b for a, b in spans):
            continue
        best = _nearest(typed)
        if best:
            made.append((match.start(), match.end(), best))
    return made


def _in_a_name(sentence: str, match: re.Match[str]) -> bool:
    """Whether a word is a piece of a file name, a path or an option."""
    return any(
        c in "./\\_#=-@" and c
        for c in (
            sentence[match.start() - 1 : match.start()],
            sentence[match.end() : match.end() + 1]
            if re.match(r"[./\\_#=@-]\w", sentence[match.end() :])
            else "",
        )
    )


def _nearest(typed: str) -> str:
    """The one word of the trade that is near enough; empty where none is, or two are equally near."""
    limit = 1 if len(typed) < LONG else 2
    scored = sorted(
        (distance(typed, word, limit), word) for word in _TRADE if abs(len(word) - len(typed)) <= limit
    )
    near = [s for s in scored if s[0] <= limit]
    if not near or (
        len(near) > 1 and near[0][0] == near[1][0] and singular(near[0][1]) != singular(near[1][1])
    ):
        return ""
    return near[0][1]


def _is_word(typed: str) -> bool:
    known = dictionary()
    return typed in known or singular(typed) in known or typed in _TRADE
