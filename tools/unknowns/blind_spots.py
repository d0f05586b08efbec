"""Groups of confident errors: what they have in common, found on one half of the confident answers, tested on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.neighbours import unit_rows
from failsight.tools.slices.columns import Coded
from failsight.tools.stats.grouping import k_means, squared_distances
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.slices import SearchSettings, SliceReport, TestedSlice, find_slices, split_halves
from failsight.tools.stats.stratified import compare_within

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

COLUMN = "blind_spot"
FEWEST = 8  # confident errors in the half that suggests below which no groups are formed
ERRORS_A_GROUP = 6
MOST_GROUPS = 6
LEAST = 10  # answers of a group in the half that suggests it
DEPTH = 2


@dataclass(frozen=True)
class BlindSpots:
    """The confident answers and what was found among them.

    Attributes:
        columns: the attributes, and after them the groups (column ``blind_spot``) where there are features.
        wrong, predicted: (n,) whether each confident answer is wrong, and its class.
        report: the search over columns; its target is ``wrong``, within predicted classes.
        values: attribute values more frequent among confident errors, tested over all answers, most certain first.
    """

    columns: tuple[Coded, ...]
    wrong: Mask
    predicted: Ints
    report: SliceReport
    values: tuple[Value, ...]

    def inside(self, found: TestedSlice) -> Mask:
        """(n,) answers in a slice."""
        mask = np.ones(len(self.wrong), bool)
        for column, code in found.conjunction.conditions:
            mask &= self.columns[column].codes == code
        return mask


@dataclass(frozen=True, slots=True)
class Value:
    """An attribute value among confident errors against confident right answers of the same predicted class."""

    name: str
    value: str
    share_wrong: float
    share_right: float
    n: int
    effect: float
    p: float
    q: float


def find_blind_spots(
    columns: Sequence[Coded],
    features: Floats | None,
    wrong: Mask,
    predicted: Ints,
    *,
    seed: int,
    q: float = 0.05,
) -> BlindSpots | None:
    """Search attributes and groups of features for confident answers that are wrong more often.

    Groups are formed of the errors in the half that suggests; every answer is then put into its group or none, and the
    other half tests them (see ``tools.stats.slices``). None without any column.

    Args:
        columns: attributes of the n confident answers.
        features: (n, c) of them, NaN rows where unknown; or None.
        wrong, predicted: (n,).
        seed: of the halves and of the groups.
        q: false discovery rate.
    """
    strata = np.unique(predicted, return_inverse=True)[1].astype(np.int64)
    first = split_halves(strata, seed)
    made = list(columns)
    groups = _groups(features, wrong, first, seed) if features is not None else None
    if groups is not None:
        made.append(groups)
    if not made or not len(wrong):
        return None
    stand_ins = frozenset(i for i, c in enumerate(made) if c.source != "metadata")
    settings = SearchSettings(depth=DEPTH, q=q, seed=seed, stand_ins=stand_ins)
    report = find_slices(
        np.stack([c.codes for c in made], 1), wrong.astype(np.float64), classes=predicted, settings=settings
    )
    return BlindSpots(tuple(made), wrong, predicted, report, _values(columns, wrong, strata))


def _groups(features: Floats, wrong: Mask, first: Mask, seed: int) -> Coded | None:
    """Clusters of the errors in the first half, so many and each so wide as sets them apart best there."""
    unit, good = unit_rows(features)
    x = unit.astype(np.float64)
    seeds = good & wrong & first
    if seeds.sum() < FEWEST:
        return None
    most = int(np.clip(seeds.sum() // ERRORS_A_GROUP, 1, MOST_GROUPS))
    best, best_codes, count = -np.inf, np.zeros(0, np.int64), 0
    for k in range(1, most + 1):
        centres = k_means(x[seeds], k, seed)
        codes, strength = _drawn(x, good, wrong, first, centres)
        if strength > best:
            best, best_codes, count = strength, codes, len(centres)
    return Coded(COLUMN, "features", best_codes, (*(f"group {j + 1}" for j in range(count)), "none"))


def _drawn(
    x: npt.NDArray[np.float64], good: Mask, wrong: Mask, first: Mask, centres: npt.NDArray[np.float64]
) -> tuple[Ints, float]:
    """Codes of the answers (one a centre, then one for none, −1 unknown), and how far the best group stands out.

    A group reaches as far as its excess of errors grows in the first half; it stands out by that excess over its
    standard deviation.
    """
    gap = squared_distances(x, centres)
    home, base = gap.argmin(1), float(wrong[first].mean())
    codes = np.where(good, len(centres), -1).astype(np.int64)
    strength = 0.0
    for j in range(len(centres)):
        near = np.flatnonzero(good & first & (home == j))
        near = near[np.argsort(gap[near, j], kind="stable")]
        if len(near) < LEAST:
            continue
        excess = np.cumsum(wrong[near] - base)[LEAST - 1 :]
        wide = LEAST - 1 + int(excess.argmax())
        strength = max(strength, float(excess.max()) / np.sqrt((wide + 1) * base * (1 - base) + 1e-9))
        codes[good & (home == j) & (gap[:, j] <= gap[near[wide], j])] = j
    return codes, strength


def _values(columns: Sequence[Coded], wrong: Mask, strata: Ints) -> tuple[Value, ...]:
    """Every attribute value against the rest, within predicted classes, Benjamini–Hochberg over all of them."""
    found: list[Value] = []
    for column in columns:
        known = column.codes >= 0
        for code, value in enumerate(column.values):
            inside = column.codes == code
            if not inside.any() or inside.sum() == known.sum():
                continue
            test = compare_within(wrong[known].astype(np.float64), inside[known], strata[known])
            bad, right = (
                float(inside[m].mean()) if m.any() else 0.0 for m in (known & wrong, known & ~wrong)
            )
            found.append(Value(column.name, value, bad, right, int(inside.sum()), test.effect, test.p, 1.0))
    if not found:
        return ()
    q = benjamini_hochberg([v.p for v in found])
    made = [replace(v, q=float(adjusted)) for v, adjusted in zip(found, q, strict=True)]
    return tuple(sorted(made, key=lambda v: v.p))
