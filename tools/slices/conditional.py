"""Whether a value pulls towards a class only where another value is there too: a mark that counts in black-and-white pictures alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from failsight.tools.slices.pulls import FEW, OnlyWith, Suspicion, compared, pull_of, recorded_codes
from failsight.tools.slices.search import Codes, Mask, Search
from failsight.tools.stats.association import Pull, prediction_tables
from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.multiplicity import benjamini_hochberg

LEVEL = 0.01  # false discovery rate of the values that are told
MOST_VALUES = 20  # of an attribute; more are names of single things


def only_with(found: Search, one: Suspicion) -> OnlyWith | None:
    """The value that a pull depends on most, of those that people recorded or boxes show; None where it is shown without any.

    For each value the rise in wrong calls among images that have it is set against that among those that lack it (a normal test of the
    difference of two independent differences, one-sided, Benjamini–Hochberg over all values). A value is told where that holds, where the pull
    is there among images that have it, and where its interval among the others holds 0. Where the pull is shown for some classes alone, these
    are looked at.
    """
    to, codes = one.found.predicted, recorded_codes(found, one.attribute)
    among = found.labels != to
    if one.elsewhere is not None:
        among &= np.isin(found.labels, [v.true for v in one.hit])
    tried = list(_tried(found, one, np.where(among, codes, -1)))
    adjusted = benjamini_hochberg([p for *_, p in tried])
    fits = [
        (p, place)
        for place, ((_, _, with_, without, p), q) in enumerate(zip(tried, adjusted, strict=True))
        if q <= LEVEL and with_.wrong_ci[0] > 0 >= without.wrong_ci[0] and without.wrong < with_.wrong_ci[0]
    ]
    if not fits:
        return None
    attribute, value, _, without, _ = tried[min(fits)[1]]
    there = found.attributes[attribute].codes
    called, has, lacks = (
        found.predicted == to,
        codes == one.found.value,
        (codes >= 0) & (codes != one.found.value),
    )
    sides = (among & (there == value), among & (there >= 0) & (there != value))
    inside, outside = (
        compared(to, called, side & has, side & lacks, found.prepared.groups) for side in sides
    )
    return OnlyWith(attribute, value, inside, replace(outside, ci=without.wrong_ci))


def _tried(found: Search, one: Suspicion, codes: Codes) -> Iterator[tuple[int, int, Pull, Pull, float]]:
    """Attribute, value, the pull with that value and without, and p of their difference; of values with enough images on all sides."""
    for place, coded in enumerate(found.attributes):
        named = coded.source not in ("computed", "clusters") and coded.learned is None
        if place == one.attribute or not named or len(coded.values) > MOST_VALUES:
            continue
        for value in range(len(coded.values)):
            with_ = _pull_where(found, one, codes, coded.codes == value)
            without = _pull_where(found, one, codes, (coded.codes >= 0) & (coded.codes != value))
            if with_ is not None and without is not None:
                yield place, value, with_, without, _p_of_difference(with_, without)


def _pull_where(found: Search, one: Suspicion, codes: Codes, where: Mask) -> Pull | None:
    value = np.where(where & (codes >= 0), codes == one.found.value, -1).astype(np.int64)
    if min(int((value == 1).sum()), int((value == 0).sum())) < FEW:
        return None
    made = pull_of(
        found, prediction_tables(value, found.labels, found.predicted), 1, one.found.predicted, value
    )
    return made if math.isfinite(made.wrong) and all(map(math.isfinite, made.wrong_ci)) else None


def _p_of_difference(a: Pull, b: Pull) -> float:
    """One-sided p that the first difference is larger; standard errors from the 95 % intervals."""
    per = 2 * normal_quantile(0.95)
    error = math.hypot((a.wrong_ci[1] - a.wrong_ci[0]) / per, (b.wrong_ci[1] - b.wrong_ci[0]) / per)
    return 0.5 * math.erfc((a.wrong - b.wrong) / error / math.sqrt(2)) if error > 0 else 1.0
