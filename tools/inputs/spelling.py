"""Names for comparing: the same name in another spelling, and never two names taken for one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from failsight.tools.text import clean, listing

_ORNAMENTS = frozenset("|`^~´¨")  # symbols by their category, but separators or quotes in names
_AFTER = frozenset("#*")  # part of a name behind a letter (C#, A*); before one they only mark it (#1)


def folded(name: str) -> str:
    """``name`` for comparing: compatibility-normalised, case-folded; letters with their marks, digits and signs.

    Signs are what tells names apart that have the same letters: ``+1`` and ``-1``, ``C``, ``C++`` and ``C#``, ``♥A`` and ``♠A``. Spaces,
    underscores, brackets and other punctuation are left out.
    """
    text = unicodedata.normalize("NFKC", name).casefold().replace("\u2212", "-")
    return "".join(ch for i, ch in enumerate(text) if _tells(text, i))


def _tells(text: str, i: int) -> bool:
    """Whether character ``i`` belongs to the name."""
    ch, before = text[i], text[i - 1 : i]
    if ch.isalnum():
        return True
    if ch == "+" and text[i + 1 : i + 2].isdigit() and not before.strip():
        return False  # +1 is 1
    if ch == "-":  # the sign of a number, not the hyphen between two parts
        return text[i + 1 : i + 2].isdigit() and not before.isalnum()
    if ch in _AFTER:
        return before.isalnum() or before == ch
    kind = unicodedata.category(ch)
    if kind[0] == "M":  # vowels of many scripts are marks; a variation selector only says how a sign is drawn
        return not "\ufe00" <= ch <= "\ufe0f"
    return kind[0] == "S" and ch not in _ORNAMENTS


class Spellings:
    """Names, and which of them a word means: the same word, else the only one that it is another spelling of."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        self._known = frozenset(self.names)
        self._small: dict[str, list[str]] = {}
        self._folded: dict[str, list[str]] = {}
        for name in self.names:
            self._small.setdefault(_small(name), []).append(name)
            self._folded.setdefault(folded(name), []).append(name)

    def find(self, word: str) -> str | None:
        """The name that ``word`` means; None where it means none, or could mean several."""
        if word in self._known:
            return word
        small = self._small.get(_small(word), [])
        if small:
            return small[0] if len(small) == 1 else None
        key = folded(word)
        alike = self._folded.get(key, []) if key else []
        return alike[0] if len(alike) == 1 else None

    def has(self, key: str) -> bool:
        """Whether ``key`` is a name for comparing (:func:`folded`) of one of them, or of several."""
        return key in self._folded

    def apart(self) -> bool:
        """Whether no two of the names are spellings of one."""
        return all(len(alike) == 1 for key, alike in self._folded.items() if key)


def _small(name: str) -> str:
    return " ".join(name.casefold().split())


def one_spelling(
    labels: Sequence[str], answers: Sequence[str], where: str, notes: list[str]
) -> dict[str, str]:
    """Answer → the label that it spells otherwise (``cat`` → ``Cat``), for all answers that are no label; said in ``notes``.

    Empty where labels, or answers, have names among them that differ only in spelling: there the spelling tells them apart.
    """
    known, said = Spellings(labels), Spellings(answers)
    if not (known.apart() and said.apart()):
        return {}
    found = {word: name for word in said.names if (name := known.find(word)) is not None and name != word}
    if found:
        shown = listing([f"{clean(a, 40)} as {clean(b, 40)}" for a, b in sorted(found.items())], 3)
        notes.append(
            f"In {where}, answers are spelt otherwise than labels: {shown} (read as the same class)."
        )
    return found
