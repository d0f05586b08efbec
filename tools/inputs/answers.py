"""What a table of predictions says was answered, beside the scores that it gives: the column ``prediction`` counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import Floats
from failsight.tools.inputs.decisions import Thresholds, decide, named_thresholds
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.text import clean, listing

Ints = npt.NDArray[np.int64]


def answers_given(
    words: Sequence[str | None], names: Sequence[str], class_map: Mapping[str, str], notes: list[str]
) -> tuple[Ints, dict[int, str]]:
    """The class of each word, and for rows whose word is no class, why they can't be used.

    A column in which no word at all is a class is no answer of the model: it is not used, and that is noted.

    Args:
        words: one a row; None where the cell is empty.

    Returns:
        (n,) class indices, −1 where there is none; row → reason.
    """
    number, spelt = {name: i for i, name in enumerate(names)}, Spellings(names)
    meant = {word: spelt.find(clean(class_map.get(word, word))) for word in set(words) if word}
    known = {word: None if name is None else number[name] for word, name in meant.items()}
    if known and not any(i is not None for i in known.values()):
        shown = listing([clean(word, 40) for word in sorted(known)], 3)
        notes.append(
            f"The column prediction names no class ({shown}): the class with the largest score counts as the answer."
        )
        return np.full(len(words), -1, np.int64), {}
    found = [known.get(word) if word else None for word in words]
    reasons = {
        i: f"its prediction {clean(word, 60)} is no known class"
        for i, word in enumerate(words)
        if word and known[word] is None
    }
    return np.array([-1 if i is None else i for i in found], np.int64), reasons


def answers_kept(given: Ints, scores: Floats, rule: Thresholds, notes: list[str]) -> Ints | None:
    """The answer of every row, with a note where it is not what the scores say; None where the scores say the same.

    Args:
        given: (n,) class indices as the table has them, −1 where it has none.
        scores: (n, classes).
        rule: thresholds that a person set; they decide in place of the table.
    """
    n, has = len(given), given >= 0
    if not has.any():
        return None
    from_scores = decide(scores, rule)
    top = scores.max(1)
    own = scores[np.arange(n), np.where(has, given, from_scores)]
    if any(t is not None for t in rule):
        differ = int((has & (given != from_scores)).sum())
        if differ:
            notes.append(
                f"The thresholds decide the answers, not the column prediction, which says otherwise in {differ:,} of {n:,} rows."
            )
        return None
    lower = has & (own < top)  # a tie is no other answer, whichever class comes first
    empty = n - int(has.sum())
    if lower.any():
        notes.append(
            f"The column prediction counts as the answer: in {int(lower.sum()):,} of {n:,} rows it is not the class with the "
            f"largest score, as where a threshold decides. The lowest score of such an answer is {float(own[lower].min()):.3g}."
        )
    if empty:
        notes.append(
            f"{empty:,} of {n:,} rows have no prediction; there the class with the largest score counts as the answer."
        )
    return np.where(has, given, from_scores).astype(np.int64) if lower.any() else None


def table_thresholds(
    given: Mapping[str, float], names: Sequence[str], table: str, *, has_scores: bool
) -> Thresholds:
    """Thresholds in the order of the classes. Raises UserError where the table has no scores, or no such class."""
    if not given:
        return ()
    if not has_scores:
        raise UserError(
            f"A threshold needs class probabilities, and {clean(table)} has decided classes only.",
            "Add one column of probabilities per class, or leave --threshold away.",
        )
    named = named_thresholds(given, names)
    return tuple(named.get(name) for name in names)
