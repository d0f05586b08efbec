"""Words for a failure mode: which attribute values go with its images, so that people can name what a feature shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.slices.columns import encode_columns
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import fisher_exact

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LEAST = 0.1  # difference of shares below which a value says little about a leaf
LEVEL = 0.05
MOST = 4  # values named for a leaf


@dataclass(frozen=True, slots=True)
class Word:
    """An attribute value that is more (or less) frequent inside a failure mode than in the rest of its group.

    Attributes:
        attribute, value: for display.
        inside, outside: its shares, in [0, 1].
        difference: inside − outside.
        ci: its 95 % interval.
        q: two-sided Fisher after Benjamini–Hochberg over all values of the failure mode.
    """

    attribute: str
    value: str
    inside: float
    outside: float
    difference: float
    ci: Interval
    q: float


def words(table: AttributeTable, rows: Ints, inside: Mask) -> tuple[Word, ...]:
    """The attribute values that go with ``inside`` most clearly, at most four, one an attribute.

    Args:
        table: attributes of the images.
        rows: table rows of the group's images. (n,)
        inside: which of them are in the failure mode. (n,)
    """
    place = {int(row): i for i, row in enumerate(table.rows)}
    kept = np.array([int(row) in place for row in rows], bool)
    if not kept.any() or not inside[kept].any() or inside[kept].all():
        return ()
    keep = np.zeros(len(table.rows), bool)
    keep[[place[int(row)] for row in rows[kept]]] = True
    within = np.zeros(len(table.rows), bool)
    within[[place[int(row)] for row in rows[kept & inside]]] = True
    coded, _ = encode_columns(table, keep, None)
    here = within[keep]
    found: list[Word] = []
    p: list[float] = []
    for one in coded:
        for code, value in enumerate(one.values):
            made = _word(
                one.name, value, one.codes == code, here & (one.codes >= 0), ~here & (one.codes >= 0)
            )
            if made is not None:
                found.append(made[0])
                p.append(made[1])
    q = benjamini_hochberg(p)
    return _best([replace(w, q=float(v)) for w, v in zip(found, q, strict=True)])


def _word(name: str, value: str, has: Mask, inside: Mask, outside: Mask) -> tuple[Word, float] | None:
    n1, n0 = int(inside.sum()), int(outside.sum())
    if not n1 or not n0:
        return None
    k1, k0 = int((has & inside).sum()), int((has & outside).sum())
    share, other = k1 / n1, k0 / n0
    word = Word(name, value, share, other, share - other, newcombe(k1, n1, k0, n0), 1.0)
    return word, fisher_exact(k1, n1, k0, n0)


def _best(found: Sequence[Word]) -> tuple[Word, ...]:
    """Clear and large ones, largest first; of each attribute the value that is more frequent inside, if there is one."""
    clear = [w for w in found if w.q <= LEVEL and abs(w.difference) >= LEAST]
    made: dict[str, Word] = {}
    for word in sorted(clear, key=lambda w: (-abs(w.difference), w.difference < 0, w.attribute, w.value)):
        known = made.get(word.attribute)
        if known is None or (
            known.difference < 0 < word.difference and -known.difference <= word.difference + 1e-9
        ):
            made[word.attribute] = word
    return tuple(sorted(made.values(), key=lambda w: -abs(w.difference)))[:MOST]
