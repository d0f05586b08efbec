"""A search of fewer columns, made after another test of the group on the same images, makes it no surer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from failsight.tools.evidence import Evidence, Tried
from failsight.tools.find_slices import find_slices
from tests.fakes.view import FakeView
from tests.tools.test_find_slices import noisy, scored


def dark_world() -> FakeView:
    """Dark pictures fail more, by little."""
    rng = np.random.default_rng(4)
    labels, dark = rng.integers(0, 4, 1600), rng.random(1600) < 0.3
    columns = {"light": np.where(dark, "dark", "day")}
    return scored(labels, columns, noisy(rng, labels, np.where(dark, 0.32, 0.18)))


def confirmed(made: Evidence) -> list[dict[str, str]]:
    return [dict(f.slice or {}) for f in made.findings if f.verdict == "confirmed"]


@pytest.mark.parametrize(("q", "same", "holds"), [(0.3, True, False), (0.3, False, True), (0.04, True, True)])
def test_a_test_that_was_corrected_for_more_stands(q: float, same: bool, holds: bool) -> None:
    view = dark_world()
    first = find_slices(view)
    assert confirmed(first) == [{"light": "dark"}]
    test = next(t.test for t in first.tried if t.slice == {"light": "dark"})
    among_many = dataclasses.replace(
        test, q=max(q, test.q or 0.0), verdict="inconclusive", p=test.p if same else test.p / 2
    )
    view.recorded = [Evidence("find_slices", "", "", id="E1", tried=(Tried({"light": "dark"}, among_many),))]
    again = find_slices(view)
    assert confirmed(again) == ([{"light": "dark"}] if holds else [])
    if not holds:
        assert "looked for among less, it is no surer" in str(again.to_dict())
    elif same:  # sure enough, and not surer than it was
        assert next(f.q for f in again.findings if f.verdict == "confirmed") == among_many.q
