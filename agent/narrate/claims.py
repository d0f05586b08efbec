"""What a report says, held to the journal without knowing how its program would have put it.

A report that another program told (another version, other entries of the knowledge base) can't be told again word by
word. What was measured and judged does not depend on the words: where a sentence reads as one of ours but for its numbers
or its verdict, these must be ours too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

FEWEST_WORDS = 3  # below, two sentences may read alike and be about different things
_TAG = re.compile(r"<[^>]+>")
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n")
_CLAIM = re.compile(
    r"(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+(?![.\d])(?:\s?%)?|\s?%)"  # shares and decimals; plain counts may follow the program
    r"|\b(?:not ready|ready|undecided|not confirmed|confirmed|refuted|inconclusive)\b",
    re.IGNORECASE,
)
_GAP = re.compile(r" (?=[.,;:!?)])")  # where a tag stood
_WORD = re.compile(r"[^\W\d_]{2,}")


def other_claims(text: Sequence[str], told: Sequence[str]) -> list[tuple[str, str]]:
    """(what the text says, what is told from the journal) where both say the same but for a number or a verdict.

    Whole sentences are held to each other wherever they stand; a cell of a table to the one at its place.

    Args:
        text: pieces of the report, with or without tags.
        told: pieces of the report as it is told now.
    """
    return [*_moved(text, told), *_in_place(text, told)]


def _in_place(text: Sequence[str], told: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pieces between equal neighbours that differ in their claims alone. A value that is told elsewhere may have changed rows."""
    elsewhere = {claim for piece in told for claim in _tokens(piece)}
    for what, a, to, b, end in SequenceMatcher(None, text, told, autojunk=False).get_opcodes():
        if what != "replace" or to - a != end - b:
            continue
        for one, two in zip(text[a:to], told[b:end], strict=True):
            said, known = (list(_claims([piece], fewest=0)) for piece in (one, two))
            if [s[1] for s in said] == [k[1] for k in known]:
                pairs = zip(said, known, strict=True)
                yield from ((s[0], k[0]) for s, k in pairs if s[2] != k[2] and not elsewhere.issuperset(s[2]))


def _moved(text: Sequence[str], told: Sequence[str]) -> list[tuple[str, str]]:
    """Sentences that read as one of the told ones, and claim something else."""
    ours: dict[str, dict[tuple[str, ...], str]] = {}
    for sentence, shape, claims in _claims(told):
        ours.setdefault(shape, {}).setdefault(claims, sentence)
    wrong = []
    for sentence, shape, claims in _claims(text):
        known = ours.get(shape)
        if known and claims not in known:
            wrong.append((sentence, next(iter(known.values()))))
    return wrong


def _claims(pieces: Iterable[str], fewest: int = FEWEST_WORDS) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(sentence, its shape without claims, the claims) for each sentence that claims something."""
    for piece in pieces:
        plain = html.unescape(_TAG.sub(" ", piece))
        for raw in _SENTENCE.split(plain):
            sentence = _GAP.sub("", " ".join(raw.split()))
            claims = _tokens(sentence)
            shape = _CLAIM.sub("#", sentence)
            if claims and len(_WORD.findall(shape)) >= fewest:
                yield sentence, shape, claims


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(c.casefold().replace(" ", "") for c in _CLAIM.findall(_TAG.sub(" ", text)))


def other_values(document: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Where two documents hold other values at the same place (``readiness.verdict``); empty where only fields came or went."""
    return _other(document, told, "")


def _named(key: str, items: list[Any]) -> bool:
    """Whether a list is of things by name, whose order may follow the program."""
    return bool(items) and all(isinstance(v, Mapping) and isinstance(v.get(key), str) for v in items)


def _other(one: Any, two: Any, place: str) -> str:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        found = (_other(v, two[k], f"{place}.{k}" if place else str(k)) for k, v in one.items() if k in two)
    elif isinstance(one, list) and isinstance(two, list):
        if named := next((k for k in ("id", "class", "name") if _named(k, one) and _named(k, two)), ""):
            ours, theirs = ({str(v[named]): v for v in side} for side in (one, two))
            return _other(ours, theirs, place) or (place if ours.keys() != theirs.keys() else "")
        if len(one) != len(two):
            return place
        found = (_other(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(one, two, strict=True)))
    else:
        sentences = all(isinstance(v, str) and " " in v for v in (one, two))  # put in other words, perhaps
        return "" if one == two or sentences else place
    return next((place for place in found if place), "")
