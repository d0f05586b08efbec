"""The data's labels and the model's classes: which is which."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failsight.tools.errors import UserError
from failsight.tools.inputs.table import folded
from failsight.tools.text import clean, listing


@dataclass(frozen=True, slots=True)
class Matching:
    """``index``: data label → class number. ``unknown``: label → the class it may have meant, or None."""

    classes: tuple[str, ...]
    index: Mapping[str, int]
    unknown: Mapping[str, str | None]
    notes: tuple[str, ...] = ()


def match_labels(
    labels: Sequence[str | None],
    classes: tuple[str, ...] | None,
    class_map: Mapping[str, str],
    where: str,
    *,
    strict: bool = True,
) -> Matching:
    """Match the words in ``labels`` with the model's ``classes``.

    In this order: the person's ``class_map`` (data word → class; an empty class leaves the label out on purpose), the
    same word, the same letters and digits in any case, one of a class's comma-separated synonyms, and, when no word
    matches but all are whole numbers below the number of classes, the class number.

    Args:
        classes: None takes the data's own words, sorted.
        where: the data's name for messages.
        strict: raise when nothing matches (else everything is unknown).

    Raises:
        UserError: no label matches, or ``class_map`` names a class or label that does not exist.
    """
    counts = Counter(label for label in labels if label is not None)
    words = sorted(counts)
    if classes is None:
        renamed = {word: class_map.get(word, word) for word in words}
        names = tuple(sorted({name for name in renamed.values() if name}))
        return Matching(
            names,
            {w: names.index(n) for w, n in renamed.items() if n},
            dict.fromkeys(w for w in words if not renamed[w]),
        )
    mapped = _mapped(words, classes, class_map)
    index = {word: target for word, target in mapped.items() if target is not None}
    for word in words:
        found = _find(word, classes) if word not in mapped else None
        if found is not None:
            index[word] = found
    notes: tuple[str, ...] = ()
    if not index and words and all(_number(word) < len(classes) for word in words):
        index = {word: int(word) for word in words}
        notes = ("The labels are numbers; they are read as the model's class numbers, counted from 0.",)
    if not index and words and strict:
        raise UserError(
            f"None of the classes in {where} ({listing(words)}) is a class of the model ({listing(classes)}).",
            f"Say which is which: --map {_argument(words[0])}={_argument(classes[0])},… (data=model).",
        )
    unknown = {w: None if w in mapped else _suggest(w, classes) for w in words if w not in index}
    return Matching(classes, index, unknown, notes + _unknown_notes(unknown, counts))


def _number(word: str) -> float:
    """A class number as it is written; infinite where it is none (or longer than any number of classes)."""
    return int(word) if word.isdecimal() and len(word) < 10 else float("inf")


def _mapped(
    words: Sequence[str], classes: tuple[str, ...], class_map: Mapping[str, str]
) -> dict[str, int | None]:
    """The person's own map as word → class number (None: left out on purpose)."""
    result: dict[str, int | None] = {}
    by_fold = {folded(word): word for word in words}
    for given, target in class_map.items():
        word = given if given in words else by_fold.get(folded(given))
        number = _find(target, classes) if target else None
        if target and number is None:
            turned = (
                f" It is data=model: {clean(target)}={clean(given)}?"
                if _find(given, classes) is not None
                else ""
            )
            raise UserError(
                f"The class map sends {clean(given)} to {clean(target)}, which is no class of the model.{turned}",
                f"The model's classes: {listing(classes, 12)}.",
            )
        if word is not None:  # a map may serve several data sets, so an absent word is no error
            result[word] = number
    return result


def _find(word: str, classes: tuple[str, ...]) -> int | None:
    """The number of the class that ``word`` names: exactly, by its letters, or as one of its synonyms."""
    if word in classes:
        return classes.index(word)
    key = folded(word)
    if not key:
        return None
    same = [i for i, name in enumerate(classes) if folded(name) == key]
    if not same:
        same = [i for i, name in enumerate(classes) if key in map(folded, name.split(","))]
    return same[0] if len(same) == 1 else None


def _suggest(word: str, classes: tuple[str, ...]) -> str | None:
    """The class that ``word`` may have meant."""
    by_fold = {folded(name): name for name in classes}
    close = difflib.get_close_matches(folded(word), list(by_fold), n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None


def _unknown_notes(unknown: Mapping[str, str | None], counts: Mapping[str, int]) -> tuple[str, ...]:
    notes = []
    for word, guess in unknown.items():
        hint = f" If it is {guess}: --map {_argument(word)}={_argument(guess)}." if guess else ""
        notes.append(f"The model has no class {clean(word)}: {counts[word]:,} images are left out.{hint}")
    return tuple(notes)


def _argument(text: str) -> str:
    """``text`` as one would type it on a command line."""
    text = clean(text, 60)
    return f'"{text}"' if " " in text else text
