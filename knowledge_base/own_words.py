"""Values that are told by less than their names, or by a name that is that of their column too: ``the flatbed scans`` of ``old flatbed``,
``the pictures in colour`` of a column ``colour`` with the values ``colour`` and ``black and white``, ``the new lamp`` of a column
``lamp_changed`` of yes and no, ``by day`` of a column that has a night."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from failsight.knowledge_base.dictionary import dictionary
from failsight.knowledge_base.vocabulary import words_of

if TYPE_CHECKING:
    from failsight.knowledge_base.vocabulary import Mentions, Vocabulary

SHORTEST: Final = 5  # letters of a word that tells a value by itself
_THINGS: Final = r"(?:ones?|pictures?|images?|photos?|photographs?|scans?|prints?|shots?|copies|slides?)\b"
_ENDS: Final = r"(?=\s*(?:$|[,.;:?!)]|(?:that|which|are|is|was|were|get|gets|got|and|or|but|than|with|at|on|from|wrong|only|too|as)\b))"
_CHANGES: Final = re.compile(
    r"\b(?:differ\w*|difference|change[sd]?|vary|varies|shift|only|matters?|depends?)\s+in\s+$", re.IGNORECASE
)


class Own(NamedTuple):
    """Where a value is told, and as which condition."""

    start: int
    end: int
    condition: str


def own_words(mentions: Mentions, vocabulary: Vocabulary) -> Iterator[Own]:
    """The values that a sentence tells in such words; ``mentions`` are the names that were found in it."""
    text, columns = mentions.sentence, vocabulary.attributes
    classes = [m.start for m in mentions.found if m.role == "class"]
    for column, value in _of_their_column(columns):
        name = re.escape(value).replace(r"\ ", r"[ _]")
        for found in re.finditer(rf"\b{name}(?:e?d)?\b", text, re.IGNORECASE):
            if _is_value(text, found, classes):
                yield Own(*found.span(), f"{column}={value}")
    taken = [(m.start, m.end) for m in mentions.found]
    alone = _alone(vocabulary)
    for found in re.finditer(rf"[^\W\d_]{{{SHORTEST},}}", text):
        condition = alone.get("".join(words_of(found[0])))
        if condition and not any(a < found.end() and found.start() < b for a, b in taken):
            yield Own(*found.span(), condition)
    yield from _by_day(text, columns)
    yield from _yes_or_no(mentions, vocabulary)


# --- columns of yes and no ------------------------------------------------------------------------------------------------

_CHANGED: Final = frozenset(("changed", "change", "replaced", "renewed", "swapped", "exchanged", "new", "updated", "upgraded", "refurbished"))  # fmt: skip
_LINKS: Final = frozenset(("was", "were", "are", "had", "has", "have", "been", "got", "being", "the", "not", "never", "wasn", "isn", "aren", "weren"))  # fmt: skip
_SMALL: Final = frozenset(("is", "has", "was", "were", "are", "with", "the", "a", "an", "of", "been", "had", "have"))  # fmt: skip
_NEW: Final = re.compile(r"\b(?:new(?:er|ly)?|changed|replaced|renewed|swapped|exchanged|updated|upgraded)\s+(?:\w+\s+)?$", re.IGNORECASE)  # fmt: skip
_OLD: Final = re.compile(r"\b(?:old(?:er)?|former|previous|original|unchanged)\s+(?:\w+\s+)?$", re.IGNORECASE)
_DENIED: Final = re.compile(r"\b(?:not|never|without|no|un)\b|n['’]t\b", re.IGNORECASE)
#: what stands before it asks about the column, and for none of its values
_COLUMN: Final = re.compile(r"\b(?:whether|by|per|each|every|column|across)\s+(?:or not\s+)?(?:(?:the|an?|our)\s+)?(?:(?:new|old)\s+)?$", re.IGNORECASE)  # fmt: skip
_BETWEEN: Final = re.compile(r"\s+(?:(?:was|is|were|are|had|has|have|been|got|being|the|not|never|(?:was|is|were|are)n['’]t)\s+)*", re.IGNORECASE)  # fmt: skip


def _yes_or_no(mentions: Mentions, vocabulary: Vocabulary) -> Iterator[Own]:
    """``the lamp was changed``, ``new lamps``, ``the old lamp``: a column of yes and no by its words in another order or form."""
    text = mentions.sentence
    taken = [(m.start, m.end) for m in mentions.found]
    free = [
        (m.start(), m.end(), "".join(words_of(m[0])))
        for m in re.finditer(r"[^\W\d_]{3,}", text)
        if m[0].lower() not in _LINKS and not any(a < m.end() and m.start() < b for a, b in taken)
    ]
    names = list(vocabulary.names)
    for column, values in vocabulary.attributes.items():
        own = {str(v).casefold(): str(v) for v in values}
        key = [w for w in words_of(column) if w not in _SMALL]
        if set(own) != {"yes", "no"} or len(key) < 2:
            continue
        alone = {w for w in key if sum(w in n for n in names) == 1 and len(w) > 2}
        for start, end, said in _said(text, free, set(key), alone):
            if not _COLUMN.search(text[:start]):
                yield Own(start, end, f"{column}={own[said]}")


def _said(
    text: str, free: Sequence[tuple[int, int, str]], key: set[str], alone: set[str]
) -> Iterator[tuple[int, int, str]]:
    """Where a column is told by two of its words side by side, or by one that is its own with *new* or *old*; and which value that is."""
    used = -1
    for (start, end, word), (start2, end2, word2) in pairwise(free) if len(free) > 1 else ():
        between = _BETWEEN.fullmatch(text[end:start2])
        if start >= used and between and {word, word2} <= key and word != word2 and {word, word2} & alone:
            before = re.search(
                r"\b(?:not|never|without|no)\s+(?:(?:the|an?|any)\s+)?$", text[:start], re.IGNORECASE
            )
            yield start, end2, "no" if bool(before) != bool(_DENIED.search(between[0])) else "yes"
            used = end2
    state = key & _CHANGED
    for start, end, word in free:
        if start < used or word not in alone or word in _CHANGED or not state:
            continue
        for pattern, value in ((_NEW, "yes"), (_OLD, "no")):
            found = pattern.search(text[:start])
            if found is not None:
                denied = re.search(r"\b(?:without|not|no)\s+(?:(?:the|an?|any)\s+)?$", text[: found.start()], re.IGNORECASE)  # fmt: skip
                yield found.start(), end, {"yes": "no", "no": "yes"}[value] if denied else value
                break


# --- by day ---------------------------------------------------------------------------------------------------------------

_DAY: Final = re.compile(r"\b(?:in|during|at|by)\s+(?:the\s+)?(?:day-?time|day|daylight)\b(?!\s+(?:before|after|shift|of|\d))", re.IGNORECASE)  # fmt: skip


def _by_day(text: str, columns: Mapping[str, Sequence[str]]) -> Iterator[Own]:
    """``in the daytime``, where a column has a night and no value for the day: all that is not night."""
    found = _DAY.search(text)
    nights = [(c, str(v)) for c, vs in columns.items() for v in vs if words_of(str(v)) in _NIGHT]
    if found is None or len(nights) != 1:
        return
    column, night = nights[0]
    if not any(set(words_of(str(v))) & {"day", "daytime", "daylight"} for vs in columns.values() for v in vs):
        yield Own(*found.span(), f"{column}!={night}")


_NIGHT: Final = frozenset((("night",), ("nighttime",), ("night", "shift")))


def _of_their_column(columns: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Columns of which one value has the same name."""
    spoken = {c: c.replace("_", " ").casefold() for c in columns}
    return [(c, str(v)) for c, vs in columns.items() if len(vs) > 1 for v in vs if str(v).casefold() == spoken[c]]  # fmt: skip


def _is_value(text: str, found: re.Match[str], classes: Sequence[int]) -> bool:
    """Whether a name stands where a value does: ``colour pictures``, ``the coloured ones``, ``kitchens in colour``."""
    behind = text[found.end() :]
    if re.match(rf"\s+{_THINGS}", behind, re.IGNORECASE) or any(
        found.end() < s <= found.end() + 2 for s in classes
    ):
        return True
    before = text[: found.start()]
    inside = re.search(r"\bin\s+$", before, re.IGNORECASE) is not None
    return inside and _CHANGES.search(before) is None and re.match(_ENDS, behind, re.IGNORECASE) is not None


def _alone(vocabulary: Vocabulary) -> dict[str, str]:
    """Words that only one name of the case has, a value of several words, and no dictionary: ``lindqvist`` of ``Lindqvist Estate``."""
    names: dict[str, list[str]] = {}
    for key, (role, name) in vocabulary.names.items():
        for word in key:
            names.setdefault(word, []).append(name if role == "value" and len(key) > 1 else "")
    known = dictionary()
    return {w: n[0] for w, n in names.items() if len(n) == 1 and n[0] and len(w) >= SHORTEST and w.isalpha() and w not in known}  # fmt: skip
