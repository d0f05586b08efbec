"""Neighbouring ranges of one number are one finding, in whatever order they were confirmed."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from failsight.tools.find_slices import find_slices
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.slices.beside import told_recorded, told_simpler
from failsight.tools.slices.columns import Coded
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


def coded(name: str, source: str, has: np.ndarray, value: str, other: str = "other") -> Coded:
    return Coded(name, source, np.where(has, 0, 1), (value, other), None)


def flat_world() -> tuple[SimpleNamespace, np.ndarray]:
    """1,000 images of which 400 are flat and 112 of these come from one station: 32 of the station's and 45 of the other flat
    ones are wrong, 53 of the 600 others."""
    at = np.arange(1000)
    flat, station = at < 400, at < 112
    wrong = (at < 32) | ((at >= 112) & (at < 157)) | ((at >= 400) & (at < 453))
    attributes = [
        coded("contrast", "computed", flat, "flat (< 0.117)"),
        coded("height", "metadata", station, "1310"),
        coded("station", "metadata", station, "brook"),
        coded("observer", "metadata", (at >= 300) & (at < 400), "A"),
        coded("texture", "computed", station, "plain"),
        coded("weather", "metadata", at % 2 == 0, "rain"),
    ]
    found = SimpleNamespace(attributes=attributes, wrong=wrong, confirmation=np.ones(1000, bool))
    return found, flat


MERGED = [(((i, 0, 0),), None) for i in range(1, 6)]


def test_what_people_recorded_of_a_measured_slice_is_named_in_its_statement() -> None:
    found, flat = flat_world()
    said = told_recorded(found, ((0, 0, 0),), flat, MERGED)  # type: ignore[arg-type]
    assert said == " Those with station=brook, 112 of these 400, have 32 of the 77 errors (28.6 % wrong)."
    found.confirmation = np.arange(1000) % 2 == 0  # counted on the half that tests
    said = told_recorded(found, ((0, 0, 0),), flat, MERGED)  # type: ignore[arg-type]
    assert "56 of these 200, have 16 of the" in said


@pytest.mark.parametrize(
    "merged",
    [
        [],
        [(((4, 0, 0),), None)],  # measured as well
        [(((3, 0, 0),), None)],  # has fewer errors than the slice
        [(((5, 0, 0),), None)],  # half of it lies outside
        [(((2, 0, 0),), 1)],  # of one class only
        [(((2, 0, 0), (5, 0, 0)), None)],
    ],
)
def test_other_groups_are_not_named_for_it(merged: list[object]) -> None:
    found, flat = flat_world()
    found.wrong[112:157] = False
    found.wrong[200:245] = True
    assert told_recorded(found, ((0, 0, 0),), flat, merged) == ""  # type: ignore[arg-type]


def test_a_slice_that_names_what_was_recorded_needs_no_other_name() -> None:
    found, flat = flat_world()
    assert told_recorded(found, ((5, 0, 0), (0, 0, 0)), flat, MERGED) == ""  # type: ignore[arg-type]


def test_the_station_behind_a_measured_quality_is_in_the_finding_of_the_search() -> None:
    rng = np.random.default_rng(8)
    n = 2000
    labels = rng.integers(0, 2, n)
    station = rng.choice(["brook", "hill", "pond", "wood"], n, p=[0.14, 0.3, 0.3, 0.26])
    contrast = np.where(station == "brook", rng.uniform(0, 0.2, n), rng.uniform(0, 1, n))
    wrong = rng.random(n) < np.where(station == "brook", 0.4, np.where(contrast < 0.2, 0.36, 0.1))
    table = FakeTable(np.zeros((n, 1, 1, 3), np.uint8), labels, ("a", "b"), {"station": station.tolist()})
    view = FakeView({"data": table}, scores={"data": one_hot(np.where(wrong, 1 - labels, labels), 2, 0.8)})
    columns = {"station": station.astype(object), "contrast": contrast}
    given = AttributeTable(np.arange(n), columns, {"station": "metadata", "contrast": "computed"})
    view.attributes = lambda split="data": given  # type: ignore[method-assign]
    (held,) = (f for f in find_slices(view).findings if f.verdict == "confirmed")
    assert set(held.slice or {}) == {"contrast"}
    assert " Those with station=brook, " in held.statement


@pytest.mark.parametrize("wrong_elsewhere", [0.6, 0.1])
def test_one_recorded_value_is_told_where_it_has_more_of_the_errors(wrong_elsewhere: float) -> None:
    """100 images are dark (recorded), 20 of them flat as well, all of these wrong; of the other dark ones 60 % are, or no more than elsewhere."""
    dark, flat = np.arange(400) < 100, np.arange(400) < 20
    wrong = np.where(
        flat, 1.0, np.where(dark, np.arange(400) % 10 < 10 * wrong_elsewhere, np.arange(400) % 10 < 1)
    )

    def coded(name: str, source: str, has: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(
            name=name, source=source, codes=np.where(has, 0, 1), span=lambda low, high: "yes", edges=None
        )

    found: Any = SimpleNamespace(
        attributes=(coded("flat", "computed", flat), coded("dark", "metadata", dark)),
        confirmation=np.ones(400, bool),
        wrong=wrong.astype(bool),
    )
    both = ((0, 0, 0), (1, 0, 0))
    said = told_simpler(found, both, flat & dark)
    assert ("dark=yes alone has more of the errors: 68.0 % of 100 are wrong, 10.0 % elsewhere" in said) == (
        wrong_elsewhere == 0.6
    )
    assert (said == "") == (wrong_elsewhere == 0.1)
    assert told_simpler(found, both[:1], flat) == "" and told_simpler(found, both[1:], dark) == ""


def test_groups_that_are_counted_but_not_named_are_said_to_be_more() -> None:
    """Four values that fail, three of which the summary names."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 6000)
    columns = {name: rng.random(6000) < 0.12 for name in ("cat", "lamp", "sofa", "stove")}
    rate = 0.05 + sum(0.4 * v for v in columns.values())
    predicted = np.where(rng.random(6000) < rate, (labels + 1) % 3, labels)
    table = FakeTable(
        np.zeros((6000, 2, 2, 3), np.uint8), labels, ("a", "b", "c"),
        {k: np.where(v, "yes", "no").tolist() for k, v in columns.items()},
    )  # fmt: skip
    made = find_slices(FakeView({"data": table}, scores={"data": one_hot(predicted, 3, 0.8)}))
    assert made.summary.startswith("4 groups of images fail more"), made.summary
    named = made.summary.split(" Over all")[0]
    assert sum(f"{name}=yes (" in named for name in columns) == 3 and named.endswith("; and 1 more.")
