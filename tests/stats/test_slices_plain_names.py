"""Of two descriptions of the same rows, the one that people recorded is reported."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.slices import SearchSettings, find_slices


@pytest.mark.parametrize("stand_in", [0, 1])
def test_a_recorded_attribute_names_the_slice_that_a_stand_in_shares(stand_in: int) -> None:
    rng = np.random.default_rng(0)
    n = 3000
    style = (rng.random(n) < 0.15).astype(np.int64)
    seen = np.where(rng.random(n) < 0.01, 1 - style, style)
    error = rng.random(n) < np.where(style == 1, 0.6, 0.1)
    codes = np.stack([style, seen] if stand_in == 1 else [seen, style], 1)
    made = find_slices(codes, error.astype(float), settings=SearchSettings(stand_ins=frozenset({stand_in})))
    assert [s.conjunction.conditions for s in made.confirmed] == [((1 - stand_in, 1),)]
