"""Which words are English: such a word is what it says, and never a slip of the keyboard in the name of a class."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.store import HERE, shipped

WORD: Final = re.compile(r"[^\W\d_]+")


@cache
def dictionary() -> frozenset[str]:
    """Whole words of the encoder's vocabulary (thirty thousand that occur often in English) and of the entries."""
    lines = (HERE / "data" / "vocab.txt").read_text(encoding="utf-8").split("\n")
    texts = (fold(text) for e in shipped() for text in (e.title, e.text, *e.aliases))
    return frozenset(w for w in lines if w.isalpha()) | {w for text in texts for w in WORD.findall(text)}
