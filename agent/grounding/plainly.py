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
_DEFINITE = re.compile(r"\b(?:the|these|those|both) $", re.IGNORECASE)
_LARGE = 100  # a count that stands twice in a record by chance hardly ever


class Plainly:
    """The splits and the counts of images of a case."""

    def __init__(self, state: CaseState, atoms: Sequence[Atom]) -> None:
        self._evidence = state.evidence
        self._images = [a for a in atoms if a.metric == "images" and len(a.names.classes) == 1]
        none = [a for a in self._images if a.value == 0]
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
