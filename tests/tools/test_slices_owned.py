"""A search of one column does not confirm what a confirmed group by other columns accounts for."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.evidence import Evidence
from failsight.tools.find_slices import find_slices
from tests.fakes.view import FakeView
from tests.tools.test_find_slices import noisy, scored


def ovens(alone: float) -> FakeView:
    """Oven C fails at night; by day it fails ``alone`` as often."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 4, 2400)
    oven, shift = rng.choice(["A", "B", "C"], 2400), rng.choice(["early", "late", "night"], 2400)
    rate = np.where((oven == "C") & (shift == "night"), 0.65, np.where(oven == "C", alone, 0.15))
    return scored(labels, {"oven": oven, "shift": shift}, noisy(rng, labels, rate))


def confirmed(made: Evidence) -> list[dict[str, str]]:
    return [dict(f.slice or {}) for f in made.findings if f.verdict == "confirmed"]


@pytest.mark.parametrize(("alone", "holds"), [(0.15, False), (0.4, True)])
def test_what_is_left_outside_the_confirmed_group_decides(alone: float, holds: bool) -> None:
    view = ovens(alone)
    assert confirmed(find_slices(view, attributes=("oven",))) == [{"oven": "C"}]  # nothing is known yet
    first = find_slices(view)
    assert {"oven": "C", "shift": "night"} in confirmed(first)
    view.stated = [(f"F{i}", f) for i, f in enumerate(first.findings, 1) if len(f.slice or {}) == 2]
    again = find_slices(view, attributes=("oven",))
    assert confirmed(again) == ([{"oven": "C"}] if holds else [])
    said = [n for n in again.notes if n.startswith("oven=C stood out, but its excess is that of F")]
    assert bool(said) != holds
    assert {"oven": "C", "shift": "night"} in confirmed(
        find_slices(view)
    )  # a search of both columns tells them apart itself
