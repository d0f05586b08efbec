"""Neighbouring ranges of one number are one finding, in whatever order they were confirmed."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from failsight.tools.find_slices import find_slices
from failsight.tools.slices.findings import conditions, put_together
from failsight.tools.slices.search import Search, prepare, search
from failsight.tools.slices.target import goal
from failsight.tools.stats.slices import Conjunction, SearchSettings
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import one_hot

LIGHT, FLOOR = 0, 1


@pytest.fixture(scope="module")
def found() -> Search:
    """A search among images with five ranges of light and three floors."""
    rng = np.random.default_rng(0)
    n = 1000
    labels, floor = rng.integers(0, 2, n), rng.choice(["stone", "tile", "wood"], n)
    says = np.where(rng.random(n) < np.where(floor == "tile", 0.4, 0.1), 1 - labels, labels)
    columns = {"light": rng.random(n).tolist(), "floor": floor.tolist()}
    table = FakeTable(np.zeros((n, 1, 1, 3), np.uint8), labels, ("a", "b"), columns)
    view = FakeView({"data": table}, scores={"data": one_hot(says, 2, 0.8)})
    aim = goal("error", view.predictions(), view.attributes(), 0.9)
    prepared, notes = prepare(
        view, "data", attributes=None, within=None, called=None, made=aim, group_by=None, settings=SearchSettings()
    )  # fmt: skip
    made = search(view, "data", prepared, aim, notes)
    assert made.report.confirmed and len(made.attributes[LIGHT].values) == 5
    return made


def told(found: Search, slices: list[tuple[tuple[int, int], ...]]) -> list[dict[str, str]]:
    """What slices with these conditions are put together to, were they confirmed in this order."""
    one = found.report.confirmed[0]
    parts = tuple(replace(one, conjunction=Conjunction(c)) for c in slices)
    made = put_together(replace(found, report=replace(found.report, confirmed=parts)))
    assert sorted(p.conjunction for m in made for p in m.parts) == sorted(p.conjunction for p in parts)
    for m in made:
        meets = np.ones(len(found.labels), bool) if m.class_index is None else found.labels == m.class_index
        for attribute, low, high in m.spans:
            codes = found.attributes[attribute].codes
            meets &= (codes >= low) & (codes <= high)
        assert np.array_equal(m.inside, meets)
        assert m.errors.n == int((m.inside & found.confirmation).sum())
    return [conditions(found, m.spans) for m in made]


@pytest.mark.parametrize("order", permutations((0, 1, 2)))
def test_three_neighbours_are_one_in_any_order(found: Search, order: tuple[int, ...]) -> None:
    (one,) = told(found, [((LIGHT, code),) for code in order])
    assert one == {"light": found.attributes[LIGHT].span(0, 2)}


def test_a_range_that_closes_two_gaps_joins_all(found: Search) -> None:
    (one,) = told(found, [((LIGHT, code),) for code in (0, 2, 4, 3, 1)])
    assert one["light"].endswith("(all)")


def test_what_is_apart_stays_apart(found: Search) -> None:
    first, second = told(found, [((LIGHT, 0),), ((LIGHT, 2),)])
    assert first != second
    assert len(told(found, [((FLOOR, 0),), ((FLOOR, 1),)])) == 2  # floors have no order
    assert len(told(found, [((LIGHT, 0), (FLOOR, 0)), ((LIGHT, 1), (FLOOR, 1))])) == 2
    classes = found.class_column
    assert classes is not None
    assert len(told(found, [((LIGHT, 0), (classes, 0)), ((LIGHT, 1), (classes, 1))])) == 2


def test_joined_ranges_may_meet_in_the_other_condition(found: Search) -> None:
    """Light 0 to 2 on two floors: each floor's ranges become one, the floors stay two."""
    cells = [((LIGHT, code), (FLOOR, floor)) for code in (0, 2, 1) for floor in (0, 1)]
    assert len(told(found, cells)) == 2


def test_the_same_slice_of_other_images_is_another_finding() -> None:
    rng = np.random.default_rng(3)
    n = 1200
    tv = rng.random(n) < 0.3
    labels = np.arange(n) % 2
    wrong = rng.random(n) < np.where(tv, 0.5, 0.08)
    table = FakeTable(
        np.zeros((n, 2, 2, 3), np.uint8), labels, ("a", "b"), columns={"tv": np.where(tv, "yes", "no")}
    )
    right = np.eye(2)[labels] * 0.8 + 0.1
    scores = np.where(wrong[:, None], 1 - right, right)
    kept = {}
    for split, other in (("data", "deploy"), ("deploy", "data")):
        view = FakeView({split: table, other: table}, scores={split: scores, other: scores})
        (kept[split],) = (f for f in find_slices(view, split=split).findings if f.verdict == "confirmed")
    assert kept["data"].split == "data" and kept["data"].statement.startswith("Images with tv=yes")
    assert kept["deploy"].split == "deploy" and kept["deploy"].statement.startswith(
        "Deployment images with tv=yes"
    )
    assert kept["data"].key != kept["deploy"].key and kept["data"].slice == kept["deploy"].slice
