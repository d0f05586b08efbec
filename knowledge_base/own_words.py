"""Values that are told by less than their names, or by a name that is that of their column too: ``the flatbed scans`` of ``old flatbed``,
``the pictures in colour`` of a column ``colour`` with the values ``colour`` and ``black and white``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
