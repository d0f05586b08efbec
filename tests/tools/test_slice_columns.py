"""Numbers as slices name them: six digits where these tell numbers apart, as many as it takes where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.attributes.metadata import unusable_columns
from failsight.tools.experiments.population import parse_filters
from failsight.tools.find_slices import find_slices
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.repair_sizes import matches
from failsight.tools.slices.columns import (
    Coded,
    edge_texts,
    encode_column,
    encode_columns,
    learn_ranges,
)
from failsight.tools.stats.slices import discovery_half
from failsight.tools.stats.slices.cuts import Learner
from failsight.tools.text import number_text
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot

TIMES = 1_700_000_000 + 3.0 * np.arange(500)
SERIAL = np.array([12345671, 12345672, 12345673] * 100, float)


def meets(filters: tuple[str, ...], numbers: np.ndarray) -> np.ndarray:
    """(n,) numbers that meet conditions as an experiment reads them."""
    inside = np.ones(len(numbers), bool)
    for one in parse_filters(filters):
        bound = float(one.value)
        inside &= {
            "<": numbers < bound, ">=": numbers >= bound, "=": numbers == bound,
        }[one.op]  # fmt: skip
    return inside


def agrees(coded: Coded, numbers: np.ndarray) -> None:
    """Every value's name, filters and codes mean the same numbers, here and in another column."""
    for code, value in enumerate(coded.values):
        inside = coded.codes == code
        assert inside.any()
        assert np.array_equal(matches(numbers, value), inside), value
        assert np.array_equal(meets(coded.filters(code, code), numbers), inside), coded.filters(code, code)
        assert np.array_equal(coded.encode(numbers[::-1])[::-1] == code, inside)
    assert len(set(coded.values)) == len(coded.values)


@pytest.mark.parametrize(
    "numbers",
    [
        TIMES,
        TIMES * 1e6,  # microseconds: sixteen digits
        1 + 1e-9 * np.arange(400),
        -TIMES,
        np.r_[np.full(300, 1.7e9), 1.7e9 + np.arange(1, 200)],
        1e-12 * (1e7 + np.arange(300)),
    ],
    ids=["seconds", "microseconds", "just above one", "below zero", "mostly one value", "tiny"],
)
def test_numbers_that_differ_beyond_six_digits_are_cut(numbers: np.ndarray) -> None:
    coded = encode_column("taken", "metadata", numbers)
    assert len(coded.values) >= 2 and coded.edges is not None
    assert numbers.min() < coded.edges[0] and coded.edges[-1] <= numbers.max()
    agrees(coded, numbers)
    whole = coded.span(0, 1)
    assert np.array_equal(matches(numbers, whole), coded.codes <= 1) or len(coded.values) == 2


def test_five_hundred_times_are_five_ranges_with_their_seconds() -> None:
    coded = encode_column("taken", "metadata", TIMES)
    assert np.bincount(coded.codes).tolist() == [100] * 5
    assert coded.values[1] == "low (1700000300 to 1700000600)"
    assert coded.filters(1, 2) == ("taken>=1700000300", "taken<1700000900")
    assert coded.span(1, 2) == "low or middle (1700000300 to 1700000900)"


def test_times_are_no_longer_called_the_same() -> None:
    table = AttributeTable(np.arange(500), {"taken": TIMES}, {"taken": "metadata"})
    made, notes = encode_columns(table, np.ones(500, bool), None)
    assert [c.name for c in made] == ["taken"] and not notes


def test_a_few_serial_numbers_stay_apart() -> None:
    coded = encode_column("camera", "metadata", SERIAL)
    assert coded.values == ("12345671", "12345672", "12345673")
    agrees(coded, SERIAL)
    other = np.array([12345672, 12345679, np.nan, 12345671.0])
    assert coded.encode(other).tolist() == [1, -2, -1, 0]
    assert matches(other, "12345672").tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    "numbers", [[1234500.0, 1234501.0], [0.123457, 0.1234571], [1.7e15, 1.7e15 + 3], [1e300, 1.0000001e300]]
)
def test_two_numbers_that_six_digits_merge(numbers: list[float]) -> None:
    column = np.array(numbers * 50)
    coded = encode_column("x", "metadata", column)
    assert len(coded.values) == 2
    agrees(coded, column)


def test_errors_of_rounding_make_no_values_and_no_cuts() -> None:
    """0.1 + 0.2 and 0.3 mean the same, and no digits are added to cut between numbers that differ in the last bit only."""
    column = np.array([0.1 + 0.2, 0.3, 0.7] * 40)
    coded = encode_column("x", "metadata", column)
    assert coded.values == ("0.3", "0.7") and np.bincount(coded.codes).tolist() == [80, 40]
    assert matches(column, "0.3").sum() == 80
    noisy = 0.3 * (1 + 2.3e-16 * np.arange(-5, 5)).repeat(40)
    assert len(np.unique(noisy)) > 6
    edges = encode_column("x", "metadata", noisy).edges or ()
    assert [e for e in edges if e != 0.3] == []


def test_names_in_six_digits_stay_as_they_were() -> None:
    assert encode_column("x", "metadata", np.array([1 / 3, 2 / 3, 1] * 30)).values == (
        "0.333333",
        "0.666667",
        "1",
    )
    assert matches(np.array([1 / 3, 0.5]), "0.333333").tolist() == [True, False]
    big = np.random.default_rng(0).lognormal(12, 1, 600)
    coded = encode_column("price", "metadata", big)
    assert all(f"{e:g}" in coded.values[i] for i, e in enumerate(coded.edges or ()))
    assert edge_texts([250000.0, 2.5e6, 0.21]) == ["250000", "2.5e+06", "0.21"]


def test_text_in_full_gives_the_number_again() -> None:
    rng = np.random.default_rng(1)
    for v in [*rng.normal(size=50), *rng.lognormal(0, 40, 50), 0.0, -0.0, 1e22, -12345678.0, 5e-324]:
        assert float(number_text(float(v))) == v
    assert number_text(1700000300.0) == "1700000300" and number_text(0.1) == "0.1"


@pytest.mark.parametrize("value", ["", "many", "12e", "≥ x", "high (≥ )"])
def test_what_is_no_number_matches_none(value: str) -> None:
    assert not matches(np.array([1.0, np.nan, np.inf]), value).any()


def test_a_range_of_seconds_is_learned_and_told() -> None:
    """Fifty seconds of three hundred fail: the half that chooses cuts them out, and names, filters and codes agree."""
    rng = np.random.default_rng(2)
    seconds = np.sort(1_700_000_000 + rng.integers(0, 1500, 3000)).astype(float)
    bad = (seconds >= 1_700_000_700) & (seconds < 1_700_000_900)
    target = (rng.random(3000) < np.where(bad, 0.5, 0.05)).astype(float)
    first, strata = discovery_half(None, 3000, 0)
    plain = encode_column("taken", "metadata", seconds)
    table = AttributeTable(np.arange(3000), {"taken": seconds}, {"taken": "metadata"})
    (coded,) = learn_ranges([plain], table, np.ones(3000, bool), Learner(target, strata, first, 20))
    assert coded.learned is not None
    assert coded.learned == pytest.approx((1_700_000_700, 1_700_000_900), abs=25)
    agrees(coded, seconds)


def test_find_slices_finds_the_seconds_in_which_it_fails() -> None:
    rng = np.random.default_rng(3)
    seconds = np.sort(1_700_000_000 + rng.integers(0, 1500, 2000)).astype(float)
    late = seconds >= 1_700_001_200
    labels = rng.integers(0, 3, 2000)
    says = np.where(rng.random(2000) < np.where(late, 0.5, 0.1), (labels + 1) % 3, labels)
    table = FakeTable(
        np.zeros((2000, 1, 1, 3), np.uint8), labels, ("a", "b", "c"), {"taken": seconds.tolist()}
    )
    made = find_slices(FakeView({"data": table}, scores={"data": one_hot(says, 3, 0.8)}))
    check_evidence(made)
    (finding,) = [f for f in made.findings if f.verdict == "confirmed"]
    assert finding.slice is not None
    inside = matches(seconds, finding.slice["taken"])
    assert (inside & late).sum() / (inside | late).sum() > 0.9
    assert any("taken ≥ 17000" in n for n in made.notes)


@pytest.mark.parametrize("name", ["zip", "zip_code", "deviceId", "house number", "district"])
def test_numbers_that_are_names_are_not_cut_into_ranges(name: str) -> None:
    numbers = np.repeat(10000.0 + 7 * np.arange(20), 30)
    coded = encode_column(name, "metadata", numbers)
    assert coded.edges is None and coded.values[:2] == ("10000", "10007") and len(coded.values) == 20
    agrees(coded, numbers)


@pytest.mark.parametrize("name", ["zip_distance", "number_of_codes", "number", "id_area", "brightness"])
def test_numbers_that_measure_are_cut(name: str) -> None:
    assert encode_column(name, "metadata", np.repeat(10000.0 + 7 * np.arange(20), 30)).edges is not None
    assert encode_column("device_id", "metadata", np.repeat(0.5 + np.arange(20), 30)).edges is not None


def test_names_that_each_occur_once_make_no_slices() -> None:
    once = {"zip": 10000.0 + 7 * np.arange(600), "age": 10000.0 + 7 * np.arange(600)}
    assert unusable_columns(once) == {"zip": "nearly every value is unique"}
