"""Words in another form: ``foggy`` of ``fog``, ``icy`` of ``ice``, ``raining`` of ``rain``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_NO_FORM_TEXT: Final = (
    "many any ready busy every party study body story copy vary easy early only very city duty lazy happy empty army country county daily family "
    "training trained testing tested using used missing missed labelled labeled labeling labelling going being having doing done"
)
#: words of their own that only look like a form of another: ``many`` of ``man``
_NO_FORM: Final = frozenset(_NO_FORM_TEXT.split())
#: before a verb's form that tells what pictures show, and behind one that tells something else (``based on``)
_BEFORE: Final = frozenset(("when", "while", "if", "where", "whenever", "is", "it's", "was", "were", "are", "be", "only", "just", "the", "in"))  # fmt: skip
_BEHIND: Final = frozenset(
    ("on", "by", "as", "for", "to", "that", "than", "of", "into", "about", "if", "whether")
)


def stems(word: str, before: str = "", behind: str = "") -> Iterator[str]:
    """The words that a word with an ending may come from.

    Args:
        word: in small letters.
        before, behind: its neighbours; the forms of a verb count only where they can tell what pictures show.
    """
    if word in _NO_FORM or not word.isalpha():
        return
    verb = before in _BEFORE and behind not in _BEHIND
    for ending in ("y", "ing", "ed") if verb else ("y",):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            continue
        if len(stem) > 2:
            yield stem
            if stem[-1] == stem[-2]:
                yield stem[:-1]
        yield f"{stem}e"
