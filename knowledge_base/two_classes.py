"""Which of two classes is the one that is looked for, told by their names: a lesion, a defect, a yes, against normal, healthy, a no.

Sensitivity, specificity, misses and false alarms speak of it. Where the names do not tell, people are asked: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_FOUND_TEXT: Final = (
    "positive positiv positives lesion lesions läsion laesion läsionen disease diseased defect defects defective defekt fault faulty ill illness sick krank abnormal "
    "anomaly anomalous anomalie yes ja malignant maligne bösartig cancer cancerous krebs carcinoma karzinom tumor tumour melanoma nodule polyp fracture fractured "
    "fraktur broken damaged damage schaden beschädigt crack cracked riss scratch scratched suspicious suspected verdächtig auffällig pathological pathologisch pathology "
    "infected infection pneumonia pneumonie covid tuberculosis unhealthy bad reject rejected fail failed nok present true alarm fire smoke weapon fraud spam intruder "
    "haemorrhage hemorrhage bleeding stroke oedema edema effusion pneumothorax"
)
_CLEAR_TEXT: Final = (
    "normal healthy gesund negative negativ negatives benign benigne gutartig ok okay okey good gut intact intakt clear clean unremarkable unauffällig undamaged "
    "unbroken flawless regular none nothing nichts no nein absent false pass passed accept accepted uninfected background"
)
_FOUND: Final = frozenset(_FOUND_TEXT.split())
_CLEAR: Final = frozenset(_CLEAR_TEXT.split())
_DENIES: Final = frozenset(
    [
        "no",
        "not",
        "non",
        "kein",
        "keine",
        "keinen",
        "ohne",
        "without",
        "free",
        "frei",
        "sans",
        "pas",
        "aucun",
        "aucune",
        "sin",
    ]
)
_WORD: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])")


def positive(classes: Sequence[str]) -> str | None:
    """The class that is looked for, of two; None for more or fewer classes, or where their names do not tell.

    Args:
        classes: the names of the classes of a case.
    """
    if len(classes) != 2:
        return None
    one, other = (side(c) for c in classes)
    if one == other:
        return None
    return classes[0] if one > other else classes[1]


def other(classes: Sequence[str], name: str) -> str | None:
    """The class of two that is not ``name``; None for more or fewer classes."""
    rest = [c for c in classes if c != name]
    return rest[0] if len(classes) == 2 and len(rest) == 1 else None


def side(name: str) -> int:
    """1 for a name of what is looked for, -1 for a name of nothing found, 0 where the words do not tell.

    ``no defect`` is -1 and ``not ok`` 1: a word that denies turns what it denies.
    """
    words = [w.casefold() for w in _WORD.findall(_CAMEL.sub(" ", name))]
    denied = len(words) > 1 and any(w in _DENIES for w in words)
    told = [w for w in words if w not in _DENIES or len(words) == 1]
    found, clear = any(w in _FOUND for w in told), any(w in _CLEAR for w in told)
    if found and clear:
        return 0
    if denied:
        return 1 if clear else -1
    return 1 if found else -1 if clear else 0


def words_for_positive(classes: Sequence[str]) -> frozenset[str]:
    """Single words, in small letters, that speak of the class that is looked for without its whole name; none where that is not told.

    A word of the class's own name that no other class has (``läsion`` of ``Läsion verdächtig``) is one, and so is any word for what is
    looked for (``lesion``, ``defects``).
    """
    name = positive(classes)
    if name is None:
        return frozenset()
    own = {w.casefold() for w in _WORD.findall(name) if len(w) > 3}
    rest = {w.casefold() for c in classes if c != name for w in _WORD.findall(c)}
    return frozenset((own | _THINGS) - rest)


def part_of_positive(text: str, classes: Sequence[str]) -> tuple[int, int] | None:
    """Where ``text`` speaks of the class that is looked for without its whole name: ``the missed lesions``; None where it does not."""
    told = words_for_positive(classes)
    for word in _WORD.finditer(text):
        heard = word[0].casefold()
        if heard in told or heard.removesuffix("s") in told:
            return word.start(), word.end()
    return None


_NO_THINGS_TEXT: Final = (
    "bad true yes ja fail failed present alarm reject rejected positive positiv positives ill sick"
)
_THINGS: Final = _FOUND - frozenset(_NO_THINGS_TEXT.split())
