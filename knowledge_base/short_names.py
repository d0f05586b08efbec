"""One word for a class of two: ``kaiser`` of ``kaiser_roll`` beside ``poppy_roll``, ``diabetic`` of ``diabetic_foot``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping

from failsight.knowledge_base.dictionary import dictionary

SHORTEST = 4


def short_names(classes: Mapping[str, tuple[str, ...]], others: Container[str]) -> dict[str, str]:
    """The first word of a class of two words, where it names no other class and either classes share the second (so that people leave it
    away) or it is no English word.

    Args:
        classes: name → its words.
        others: words of other names, which these are not.
    """
    shared = Counter(key[-1] for key in classes.values() if len(key) == 2)
    owners = Counter(word for key in classes.values() for word in set(key))
    known = dictionary()
    made = {}
    for name, key in classes.items():
        word = key[0] if len(key) == 2 else ""
        fits = word.isalpha() and len(word) >= SHORTEST and owners[word] == 1 and word not in others
        # living room beside dining room: "living" is no room, and seldom meant as one
        if fits and (word not in known or (shared[key[-1]] > 1 and not word.endswith("ing"))):
            made[word] = name
    return made
