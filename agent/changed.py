"""What of a data set is no longer as it was when its case was opened: pictures, labels, answers, or which columns."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from failsight.tools.evidence import digest
from failsight.tools.notes import called
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.inputs.base import ImageTable, Predictions

COLUMN = "column:"  # before the name of a column


def parts(table: ImageTable, answers: Predictions | None = None) -> dict[str, str]:
    """Digests of the parts of a split (16 hexadecimal digits each), for ``case.created``.

    Args:
        answers: those that came with the images, where a table of predictions stands in for the model.
    """
    made: dict[str, Any] = {
        "names": list(table.paths),
        "images": list(getattr(table, "digests", ())),
        "labels": [table.classes[label] if label >= 0 else None for label in table.labels],
        **{f"{COLUMN}{name}": list(values) for name, values in table.columns.items()},
    }
    if answers is not None:
        made["answers"] = [sha256(a.tobytes()).hexdigest() for a in (answers.scores, answers.predicted)]
    return {name: digest(values)[:16] for name, values in made.items()}


def told(split: str, then: Mapping[str, Any], now: Mapping[str, str]) -> tuple[str, str]:
    """What changed of a split: the beginning of a sentence, and what follows after since when.

    Args:
        then: what :func:`parts` gave when the case was opened; empty in cases of before.
    """
    of = called(split)
    if not then:
        return f"The {of}, their labels, answers or columns have changed", ""
    if then.get("names") != now.get("names"):
        return f"The {of} have changed", ": some were added, removed, renamed or put in another order"
    whole = {"images": "pictures", "labels": "labels", "answers": "model's answers"}
    other = [what for name, what in whole.items() if then.get(name) != now.get(name)]
    if other:
        return f"The {listing(other)} of the {of} have changed", ""
    columns = {n for n in (*then, *now) if n.startswith(COLUMN) and then.get(n) != now.get(n)}
    for names, verb in (
        (columns - set(then), "added to"),
        (columns - set(now), "taken from"),
        (columns, "changed in"),
    ):
        if names:
            called_so = listing(sorted(clean(n.removeprefix(COLUMN), 60) for n in names))
            noun = f"The column {called_so} was" if len(names) == 1 else f"The columns {called_so} were"
            return f"{noun} {verb} the table of the {of}", "; pictures, labels and answers are the same"
    return f"Boxes or classes of the {of} have changed", ""
