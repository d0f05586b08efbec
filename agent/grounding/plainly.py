"""What numbers and sentences plainly mean: the split of the cited evidence, ``of each class``, ``the 222``, ``no images of A``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.grounding.names import only
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import DATA, Atom
from failsight.agent.state import CaseState

_NO_IMAGES = re.compile(
    r"\b(?:no|not one|not a single|none of the) (?:\w+ )?(?:images?|pictures?|photos?)\b", re.IGNORECASE
)
_EACH = re.compile(
    r" (?:images|pictures|photos) (?:of|in|for|per) (?:each|every|a|one)?(?: of the)? ?(?:\w+ )?(?:class|room|categor|label)"
)
_SIGNED = r"[+\-−]?\d(?:[\d,]*\d)?(?:\.\d+)?"
_INTERVAL = re.compile(
    rf"(?P<value>{_SIGNED})\s?(?:%|(?:percentage )?points)?\s?[\[(]\s?(?P<low>{_SIGNED})\s?%?,\s?(?P<high>{_SIGNED})\s?(?:%|points)?[\])]"
)
_SHORT = re.compile(r"\b(?:miss\w*|short of|below|under|away from|lacks?|from)\b[^.;]*\b(?:targets?|goals?|demands?|requirements?|bound|what you (?:want|need|ask))\b", re.IGNORECASE)  # fmt: skip
_DEFINITE = re.compile(r"\b(?:the|these|those|both) $", re.IGNORECASE)
_ROUNDED = 0.0501  # intervals are written with one decimal
_LARGE = 100  # a count that stands twice in a record by chance hardly ever


class Plainly:
    """The splits and the counts of images of a case."""

    def __init__(self, state: CaseState, atoms: Sequence[Atom]) -> None:
        self._evidence = state.evidence
        self._images = [a for a in atoms if a.metric == "images" and len(a.names.classes) == 1]
        none = [a for a in self._images if a.value == 0]
        self._values: dict[tuple[object, ...], list[float]] = {}
        self._ends: dict[tuple[object, ...], list[float]] = {}
        for a in atoms:
            if a.part in ("value", "end"):
                (self._values if a.part == "value" else self._ends).setdefault(_key(a), []).append(a.value)
        self._goals = [a for a in atoms if a.metric == "bound" and a.family == "percent" and not a.refs]
        self._rates = [
            a for a in atoms
            if a.metric in ("accuracy", "recall") and a.part == "value" and a.family == "percent" and a.names.splits == DATA
            and not (a.told or a.when or a.row or a.names.attributes)
        ]  # fmt: skip
        self._empty = {(s, c) for a in none for s in a.names.splits for c in a.names.classes}

    def none_of(self, at: Reading) -> bool:
        """``no photos of A``, where the record counts none of them."""
        named = at.whole.classes or at.carried.classes
        split = only(at.whole.splits) or "data"
        absent = _NO_IMAGES.search(at.part) is not None
        return bool(named) and absent and all((split, c) in self._empty for c in named)

    def split_of(self, ids: frozenset[str]) -> str:
        """The one split, other than that of the evaluation, to which all of the cited evidence is restricted."""
        asked = {str(e.arguments.get("split") or "data") for e in self._evidence if e.id in ids}
        return only(frozenset(asked)) if asked - {"data"} else ""

    def of_each(self, number: Number, at: Reading, near: Sequence[Atom]) -> list[Atom]:
        """``300 images of each class``: every class has this value."""
        if _EACH.match(at.text, number.end) is None or number.family != "plain":
            return []
        held = [
            a for a in near
            if a.metric == "images" and len(a.names.classes) == 1 and not (a.pair or a.names.attributes or a.when or a.told)
            and a.names.splits <= (at.whole.splits or DATA)
        ]  # fmt: skip
        counted = {
            c
            for a in self._images
            if a.metric == "images" and len(a.names.classes) == 1 and a.value
            for c in a.names.classes
        }
        return held if counted and {c for a in held for c in a.names.classes} >= counted else []

    def of_a_count(self, number: Number, at: Reading, near: Sequence[Atom]) -> list[Atom]:
        """``part of the 222 errors``: a large count that was told before, taken up where nothing else is named."""
        definite = _DEFINITE.search(at.text[: number.start]) is not None and number.family == "plain"
        if not definite or number.value < _LARGE or at.whole.entities | at.whole.splits | at.whole.evidence:
            return []
        return [a for a in near if a.part in ("count", "n") and not a.told and not a.when]

    def of_a_goal(self, number: Number, at: Reading) -> list[Atom]:
        """``film misses its target by nearly 8 points``: what is demanded of a class, or of all, less what it reaches."""
        if number.family != "points" or not _SHORT.search(at.part):
            return []
        own = at.about.classes
        return [
            rate for goal in self._goals if goal.names.classes == own
            for rate in self._rates
            if rate.names.classes == own and goal.value > rate.value and number.near(goal.value - rate.value)
            and ("accuracy" if not own else "recall") == rate.metric
        ][:1]  # fmt: skip

    def with_interval(self, number: Number, at: Reading, near: Sequence[Atom]) -> list[Atom]:
        """``+0.8 points [+0.2, +1.8]``: a value and both ends of its interval are those of one fact, whatever words stand beside them, as long as
        these name nothing else."""
        spans = (m for m in _INTERVAL.finditer(at.text, at.sentence.start, at.sentence.end))
        found = next((m for m in spans if m.start() <= number.start and number.end <= m.end()), None)
        if found is None or number.word:
            return []
        value, *ends = (
            float(found[part].replace("−", "-").replace(",", "")) for part in ("value", "low", "high")
        )
        return [
            a for a in near
            if a.part in ("value", "end") and _names_no_other(a, at)
            and _holds(self._values.get(_key(a), ()), value) and all(_holds(self._ends.get(_key(a), ()), end) for end in ends)
        ]  # fmt: skip


def _key(atom: Atom) -> tuple[object, ...]:
    return atom.refs, atom.metric, atom.family, atom.names


def _holds(recorded: Sequence[float], said: float) -> bool:
    return any(abs(one - said) <= _ROUNDED for one in recorded)


def _names_no_other(atom: Atom, at: Reading) -> bool:
    """Whether what a sentence names, of each kind of thing, is what a value is about."""
    mine, said = atom.names, at.about
    kinds = ((mine.classes, said.classes), (mine.attributes, said.attributes), (mine.splits, said.splits))
    return all(not named or not own or own <= named for own, named in kinds) and not (
        mine.values and said.values and not mine.values & said.values
    )
