"""A search of one column does not confirm what a confirmed group by other columns accounts for."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.evidence import Evidence
from failsight.tools.find_slices import find_slices
from tests.fakes.view import FakeView
from tests.tools.test_find_slices import noisy, scored


def ovens(night: float, alone: float, other: float, n: int) -> FakeView:
    """Errors of oven C at night, of oven C by day, and of the other ovens."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 4, n)
    oven, shift = rng.choice(["A", "B", "C"], n), rng.choice(["early", "late", "night"], n)
    rate = np.where((oven == "C") & (shift == "night"), night, np.where(oven == "C", alone, other))
    return scored(labels, {"oven": oven, "shift": shift}, noisy(rng, labels, rate))


def confirmed(made: Evidence) -> list[dict[str, str]]:
    return [dict(f.slice or {}) for f in made.findings if f.verdict == "confirmed"]


@pytest.mark.parametrize(
    ("world", "holds"),
    [
        ((0.65, 0.15, 0.15, 2400), False),
        ((0.65, 0.4, 0.15, 2400), True),
        ((0.3, 0.05, 0.01, 6000), True),  # where errors are few, four points more are an excess too
    ],
)
def test_what_is_left_outside_the_confirmed_group_decides(
    world: tuple[float, float, float, int], holds: bool
) -> None:
    view = ovens(*world)
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
