"""The data's labels and the model's classes: which is which."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failsight.tools.errors import UserError
from failsight.tools.inputs.spelling import Spellings, folded
from failsight.tools.inputs.table import Unmatched
from failsight.tools.inputs.unmatched import argument, unmatched_note
from failsight.tools.text import clean, listing

_WORDNET = re.compile(r"n\d{8}")  # how ImageNet's folders are called
REST = "*"
"""In a class map: every label that nothing else matches. ``{"*": ""}`` leaves them all out on purpose."""


@dataclass(frozen=True, slots=True)
class Matching:
    """``index``: data label → class number. ``unknown``: label → the class it may have meant, or None.

    ``unmatched``: the same labels with what a person should hear of them, most images first.
    """

    classes: tuple[str, ...]
    index: Mapping[str, int]
    unknown: Mapping[str, str | None]
    notes: tuple[str, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()


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
    same word, the same letters, digits and signs in any case, one of a class's comma-separated synonyms, the class's name without its
    number where all carry their own (``0: cat``, ``1: dog``), and, when no word matches but all are whole numbers below the number of classes, the class number; or, where they are WordNet ids and as many as
    there are classes, their order. What is left goes where the class
    map sends :data:`REST`.

    Args:
        classes: None takes the data's own words, sorted.
        where: the data's name for messages.
        strict: raise when nothing matches (else everything is unknown), and leave out what is unknown.

    Raises:
        UserError: no label matches, or ``class_map`` names a class or label that does not exist.
    """
    counts = Counter(label for label in labels if label is not None)
    words = sorted(counts)
    if classes is None:
        renamed = {word: class_map.get(word, word) for word in words}
        own = tuple(sorted({name for name in renamed.values() if name}))
        return Matching(
            own,
            {w: own.index(n) for w, n in renamed.items() if n},
            dict.fromkeys(w for w in words if not renamed[w]),
        )
    names = _Names(classes)
    mapped = _mapped(words, names, class_map)
    index = {word: target for word, target in mapped.items() if target is not None}
    for word in words:
        found = names.find(word) if word not in mapped else None
        if found is not None:
            index[word] = found
    notes: tuple[str, ...] = ()
    counted = [w for w in index if w not in mapped and names.only_bare(w)]
    if counted:
        first = min(counted)
        notes = (
            f"The names of the classes begin with their numbers; labels are read without these ({clean(first, 40)} is "
            f"{clean(classes[index[first]], 40)}).",
        )
    if not index and words and all(_number(word) < len(classes) for word in words):
        index = {word: int(word) for word in words}
        notes = ("The labels are numbers; they are read as the model's class numbers, counted from 0.",)
    elif not index and len(words) == len(classes) and all(_WORDNET.fullmatch(word) for word in words):
        index = {word: i for i, word in enumerate(words)}
        notes = (
            f"The labels are WordNet ids, one for each class; sorted, they are read as the model's classes in order: {words[0]} is "
            f"{clean(classes[0], 40)}, {words[-1]} is {clean(classes[-1], 40)}.",
        )
    if not index and words and strict:
        near = next(((w, c) for w in words if (c := _suggest(w, classes))), (words[0], classes[0]))
        raise UserError(
            f"None of the classes in {where} ({listing(words)}) is a class of the model ({listing(classes)}).",
            f"Say which is which, once for each: --map {argument(near[0])}={argument(near[1])} (data=model).",
        )
    rest = class_map.get(REST) if REST not in words else None
    if rest:
        to = names.find(rest)
        index = {**({w: to for w in words if w not in mapped} if to is not None else {}), **index}
    unmatched = tuple(
        Unmatched(w, counts[w], None if meant else _suggest(w, classes), meant)
        for w in sorted(words, key=lambda w: -counts[w])
        if w not in index
        for meant in (w in mapped or rest == "",)
    )
    notes = (*notes, *_together(index, mapped, names))
    said = unmatched_note(unmatched, left_out=strict)
    unknown = {one.label: one.closest for one in sorted(unmatched, key=lambda one: one.label)}
    return Matching(classes, index, unknown, (*notes, *said), unmatched)


def _number(word: str) -> float:
    """A class number as it is written; infinite where it is none (or longer than any number of classes)."""
    return int(word) if word.isdecimal() and len(word) < 10 else float("inf")


def _mapped(words: Sequence[str], names: _Names, class_map: Mapping[str, str]) -> dict[str, int | None]:
    """The person's own map as word → class number (None: left out on purpose)."""
    result: dict[str, int | None] = {}
    spelt = Spellings(words)
    for given, target in class_map.items():
        word = spelt.find(given)
        number = names.find(target) if target else None
        if target and number is None:
            turned = (
                f" It is data=model: {clean(target)}={clean(given)}?" if names.find(given) is not None else ""
            )
            raise UserError(
                f"The class map sends {clean(given)} to {clean(target)}, which is no class of the model.{turned}",
                f"The model's classes: {listing(names.classes, 12)}.",
            )
        if word is not None and (given == word or word not in result):
            result[word] = number  # a map may serve several data sets, so an absent word is no error
    return result


def _together(index: Mapping[str, int], mapped: Mapping[str, int | None], names: _Names) -> tuple[str, ...]:
    """A note where several labels are read as one class and nobody said so: perhaps they are different things."""
    words: dict[int, list[str]] = {}
    for word, number in sorted(index.items()):
        if word not in mapped and names.find(word) == number:  # not what a map sends on, nor a class number
            words.setdefault(number, []).append(word)
    several = [
        f"{listing([clean(w, 40) for w in found], 4)} as {clean(names.classes[number], 40)}"
        for number, found in sorted(words.items())
        if len(found) > 1
    ]
    return (
        (f"Labels that differ in spelling are read as one class: {listing(several, 3)}.",) if several else ()
    )


_NUMBERED = re.compile(r"(?:class[ _-]?)?(\d{1,6})\s*[:.)_\- ]\s*(?=\D)", re.IGNORECASE)


def _without_numbers(classes: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names without the numbers before them, where each carries its own place, counted from 0 or from 1; else None."""
    found = [_NUMBERED.match(name) for name in classes]
    if not found or not all(found):
        return None
    places = [int(one.group(1)) for one in found if one]
    if places not in (list(range(len(classes))), list(range(1, len(classes) + 1))):
        return None
    bare = tuple(name[one.end() :].strip() for name, one in zip(classes, found, strict=True) if one)
    return bare if len({folded(name) for name in bare}) == len(classes) and all(map(folded, bare)) else None


class _Names:
    """The model's classes, and which of them a word names; what is compared is made once, for there may be a thousand."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._spelt = Spellings(classes)
        self._number = {name: i for i, name in reversed(list(enumerate(classes)))}
        self._synonyms: dict[str, set[int]] = {}
        for i, name in enumerate(classes):
            for part in name.split(","):
                self._synonyms.setdefault(folded(part), set()).add(i)
        bare = _without_numbers(classes)
        self._bare = None if bare is None else _Names(bare)

    def find(self, word: str) -> int | None:
        """The number of the class that ``word`` names: exactly, by its letters, as one of its synonyms, or without the class's number."""
        found = self._whole(word)
        return found if found is not None or self._bare is None else self._bare._whole(word)

    def only_bare(self, word: str) -> bool:
        """Whether ``word`` names a class only without the class's number."""
        return self._bare is not None and self._whole(word) is None

    def _whole(self, word: str) -> int | None:
        name = self._spelt.find(word)
        if name is not None:
            return self._number[name]
        key = folded(word)
        if not key or self._spelt.has(key):  # several that it could be
            return None
        same = self._synonyms.get(key, set())
        return next(iter(same)) if len(same) == 1 else None


def _suggest(word: str, classes: tuple[str, ...]) -> str | None:
    """The class that ``word`` may have meant: one spelt much like it, else the only one that shares whole words with it."""
    by_fold = {folded(name): name for name in classes}
    close = difflib.get_close_matches(folded(word), list(by_fold), n=1, cutoff=0.6)
    if close:
        return by_fold[close[0]]
    said = _words(word)
    sharing = [
        name for name in classes if (other := _words(name)) and said and (other <= said or said <= other)
    ]
    return sharing[0] if len(sharing) == 1 else None


def _words(name: str) -> set[str]:
    """The words of a class's name, each for comparing: ``kitchen_2`` → ``kitchen``."""
    return {w for w in re.split(r"[\W\d_]+", name.casefold()) if len(w) > 2}
