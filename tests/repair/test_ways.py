"""Errors the way of wrong labels: counted by hand, and a verdict that is not bought by errors that go another way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from failsight.tools.repair.verdict import Losses, compare, decide
from failsight.tools.repair.ways import along, directions, read_moves, unless_moved


def test_what_a_version_says_of_itself_is_read_and_nonsense_is_nothing() -> None:
    assert read_moves([[1, 0, 30], [0, 1, 2]]) == {(1, 0): 30, (0, 1): 2}
    assert read_moves(None) == read_moves("none") == read_moves([]) == {}


def test_directions_are_those_of_nine_tenths_of_the_corrections() -> None:
    ways = directions(
        {(1, 0): 30, (0, 1): 2}, 3
    )  # of class 0, pictures were labelled 1; one slip the other way
    assert np.argwhere(ways).tolist() == [[0, 1]]
    assert np.argwhere(directions({(1, 0): 30, (0, 1): 20}, 3)).tolist() == [[0, 1], [1, 0]]
    assert not directions({}, 3).any()
    everywhere = {(a, b): 10 for a in range(4) for b in range(4) if a != b}
    assert directions(everywhere, 4).sum() >= 11  # labels changed by lot go every way


def test_errors_that_go_the_way_of_wrong_labels_are_counted_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    called = np.array([1, 1, 2, 0, 0, 1, 0, 2])
    assert along(directions({(1, 0): 30, (0, 1): 2}, 3), labels, called) == 0.25
    assert along(directions({(1, 0): 30, (0, 1): 20}, 3), labels, called) == 0.375
    assert along(directions({}, 3), labels, called) == 0.0
    assert along(directions({(1, 0): 3}, 3), labels[:0], called[:0]) == 0.0


@pytest.mark.parametrize(("moved", "wanted"), [(False, "verified"), (True, "inconclusive")])
def test_errors_that_go_another_way_verify_nothing(moved: bool, wanted: str) -> None:
    """Half of the images of class 0 are answered 1 before; afterwards they are answered 2, or rightly."""
    rng = np.random.default_rng(2)
    n, seeds = 800, 3
    labels = rng.integers(0, 3, n)
    before = np.where((labels == 0) & (rng.random(n) < 0.5), 1, labels)
    mended = np.where(before == labels, labels, 2 if moved else 0)
    ways = directions({(1, 0): 30}, 3)

    def losses(by: np.ndarray) -> Losses:
        """``by``: (k, k) which answers are errors."""
        wrong = [by[labels, a].astype(float) for a in (before, mended)]
        arms = [np.stack([w] * seeds) for w in wrong]
        return Losses(wrong[0], arms[1], arms[0])

    target = compare("target", "all images", losses(ways))
    everything = compare("overall", "all images", losses(~np.eye(3, dtype=bool)))
    decision = decide(target, [everything], minimum=0.02)
    assert decision.outcome == "verified"
    made = unless_moved(decision, everything)
    assert made.outcome == wanted and ("another way" in made.reason) == moved
    assert unless_moved(decision, None).outcome == "inconclusive"
    nothing = dataclasses.replace(decision, outcome="no effect")
    assert unless_moved(nothing, everything) is nothing
