"""What is plain of one class before anything is searched: how often it is recognised, what it is taken for, what was found of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Fact
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
MOST_TAKEN, MOST_FOUND = 3, 6


def class_record(view: CaseView, labels: Ints, predicted: Ints, index: int) -> tuple[str, tuple[Fact, ...]]:
    """(one to three sentences, the facts that they are made of) of the images of one class.

    Args:
        labels, predicted: (n,) classes of all images that take part.
        index: the class; ("", ()) where no image carries it.
    """
    classes = view.classes
    mine = predicted[labels == index]
    if not len(mine):
        return "", ()
    n, right = len(mine), int((mine == index).sum())
    name = clean(classes[index], 60)
    of = f"{name} images"
    facts = [Fact("recall", right / n, "share", of, wilson(right, n), n, "higher_is_better")]
    said = f"Of {n:,} {of} {number(right / n)} {interval(wilson(right, n))} are recognised"
    counts = np.bincount(mine[mine != index], minlength=len(classes))
    taken = [int(i) for i in np.argsort(-counts, kind="stable")[:MOST_TAKEN] if counts[i]]
    if taken:
        facts += [Fact("taken for", int(counts[i]), "count", f"{of}, {clean(classes[i], 60)}") for i in taken]
        said += "; the others are taken for " + listing(
            [f"{clean(classes[i], 40)} ({int(counts[i]):,})" for i in taken], MOST_TAKEN
        )
    found = _found(view, classes[index])
    return f"{said}." + (
        f" Confirmed of this class before: {listing(found, MOST_FOUND)}." if found else ""
    ), tuple(facts)


def _found(view: CaseView, name: str) -> list[str]:
    """Ids of confirmed findings about a class, with what they are about; groups by a feature without a name left out."""
    made = []
    for id_, f in view.findings():
        if f.verdict != "confirmed" or name not in (f.class_name, f.confused_with):
            continue
        if any(key.startswith("feature #") for key in f.slice or {}):
            continue
        where = " & ".join(f"{clean(k, 30)}={clean(v, 40)}" for k, v in (f.slice or {}).items())
        made.append(f"{id_} ({where or f.kind.replace('_', ' ')})")
    return made
