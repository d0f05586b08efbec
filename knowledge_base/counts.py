"""Numbers that count or measure something in a sentence (``top 5``, ``4 images``, ``80 %``) are no names of classes.

Classes may be called ``0`` to ``9``. What a number is is told by the words around it: a class where nothing else claims it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from failsight.knowledge_base.told_values import with_told_values
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary, recognise

_N: Final = r"\d{1,9}"
_RANGE: Final = rf"{_N}(?:(?: ?(?:-|–|to|or|and) ?){_N})?"
_MOST: Final = r"(?:worst|best|biggest|largest|greatest|smallest|highest|lowest|hardest|easiest|nearest|closest|commonest|rarest|newest|latest|strongest|weakest|likeliest)"
_COUNTED: Final = (
    r"(?:images?|pictures?|photos?|photographs?|samples?|examples?|instances?|shots?|errors?|mistakes?|failures?|blunders?|confusions?|mix-?ups?|misses|"
    r"classes|categories|labels?|pairs?|cells?|rows?|columns?|groups?|slices?|subgroups?|clusters?|segments?|neighbou?rs?|results?|findings?|hypotheses|"
    r"tests?|attributes?|conditions?|combinations?|features?|cues?|things?|ones|items?|entries|lines?|cases?|cards?|regions?|patches|boxes|questions?|"
    r"times|steps?|epochs?|seeds?|draws?|runs?|layers?|people|annotators?|users?|points?|pixels?|px|megapixels?|bits?|dimensions?|"
    r"seconds?|secs?|s|ms|milliseconds?|minutes?|mins?|hours?|days?|weeks?|fps|hz|[kmg]b|gigabytes?|megabytes?|dollars?|euros?|usd|eur|k|x)"
)
_FILLER: Final = r"(?:of (?:the|them|these|those|all|its|my|our) |more |most |new |further |other |extra |different |such |similar |[a-z]+(?:ed|est|al|ent|ing|y) |wrong |bad |good |random )"
_MANY: Final = r"(?:top|first|last|next|other|remaining|bottom)"
_CLAIMS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_MANY}[ -](?P<n>{_RANGE})\b(?!s\b)",
        rf"\b(?:the|only|just|some|any|all|these|those|my|our|its|your) (?P<n>{_N}) (?:most |least )?{_MOST}\b",
        rf"(?<![\w.#])(?P<n>{_N}) (?:{_MOST}|most|least)\b",
        rf"\b{_MOST} (?P<n>{_N})(?=\W*$|,? (?:for|of|in|on|by|from|with|and|please)\b)",
        rf"(?<![\w.#])(?P<n>{_RANGE})[ -](?:{_FILLER}){{0,3}}{_COUNTED}\b",
        rf"(?<![\w#])(?P<n>[-−+]?{_RANGE}) ?(?:%|‰|°|per ?cent|percentage|deg(?:rees?)?\b)",
        rf"(?<![\w#])[-−+](?P<n>{_N})\b",
        rf"\b(?:at least|at most|more than|less than|fewer than|up to|no more than|about|around|roughly|over|under|above|below|within|every) (?P<n>{_RANGE})(?= {_COUNTED}\b| ?%)",
        rf"\b(?:depth|stage|step|seed|budget|batch|level|k|n|q|size|limit|epochs?|severity|dose)(?: of| ?=)? (?P<n>{_N})\b",
        rf"(?<![\w#])(?P<n>{_N}) (?:out of|in|of) (?:every |a )?{_N}\b",
        rf"(?<![\w#]){_N} (?:out of|in|of) (?:every |a )?(?P<n>{_N})\b",
    )
)
#: before a number: what makes a class of it all the same (``how many 5 images are there``, ``the digit 3``, ``class 4``)
_A_CLASS: Final = re.compile(
    r"(?:\bhow many|\bnumber of|\bhow often (?:is|are)|\b(?:the|its|a|true|predicted|correct|wrong|same|with|of|and) labels?"
    r"|\b(?:class|digit|labell?ed|called|true|predicted|actual|real|category|a|an|as|for|says?|said))\W*$",
    re.IGNORECASE,
)
_KEPT: Final = 256  # sentences and parts of them whose names are kept
_HIDDEN: Final = 0xE000  # digits of counts, moved to where no name has letters


def named(sentence: str, vocabulary: Vocabulary) -> Mentions:
    """The names of a case in a sentence, as :func:`recognise` finds them, but for numbers that count something, and with the values and
    limits that are told of a column beside its name.

    Args:
        sentence: what a person typed.
        vocabulary: the names of the case.
    """
    kept = vocabulary.read
    if sentence not in kept:
        if len(kept) >= _KEPT:
            kept.clear()
        kept[sentence] = with_told_values(_without_counts(sentence, vocabulary), vocabulary)
    return kept[sentence]


def _without_counts(sentence: str, vocabulary: Vocabulary) -> Mentions:
    found = recognise(sentence, vocabulary)
    bare = [(m.start, m.end) for m in found.found if m.role not in ("image", "finding", "evidence") and _is_number(sentence[m.start : m.end])]  # fmt: skip
    if not bare:
        return found
    claimed = [span for span in counts(sentence) if any(a < span[1] and span[0] < b for a, b in bare)]
    if not claimed:
        return found
    letters = list(sentence)
    for start, end in claimed:
        letters[start:end] = [chr(_HIDDEN + int(c)) if c in "0123456789" else c for c in sentence[start:end]]
    again = recognise("".join(letters), vocabulary)
    shown = {_HIDDEN + digit: str(digit) for digit in range(10)}
    unknown = tuple(name.translate(shown) for name in again.unknown_images)
    return Mentions(sentence, again.found, again.masked.translate(shown), unknown)


def counts(sentence: str) -> list[tuple[int, int]]:
    """Where numbers stand that count or measure something: start and end of each, in characters."""
    return sorted({span for pattern in _CLAIMS for span in _spans(pattern, sentence)})


def _spans(pattern: re.Pattern[str], sentence: str) -> Iterator[tuple[int, int]]:
    at = 0
    while (match := pattern.search(sentence, at)) is not None:
        start, end = match.span("n")
        if not _A_CLASS.search(sentence[max(0, start - 24) : start]):
            yield start, end
        at = max(match.start("n"), match.start()) + 1


def _is_number(text: str) -> bool:
    return text.strip("#.+-−%= ").isdigit()
