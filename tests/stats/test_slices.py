"""The slice search: what is reported, what is merged, what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.slices import (
    SearchSettings,
    SliceReport,
    discovery_half,
    find_slices,
    split_halves,
)
from failsight.tools.stats.slices.model import Conjunction

from .tables import Conditions, attributes, errors, five_planted, held, one_weak_value


def confirmed(report: SliceReport) -> list[Conditions]:
    return [s.conjunction.conditions for s in report.confirmed]


def test_a_weak_value_is_found_and_measured() -> None:
    rng = np.random.default_rng(1)
    codes, target = one_weak_value(rng)
    report = find_slices(codes, target, settings=SearchSettings(seed=1))
    assert confirmed(report) == [((3, 0),)]
    (found,) = report.confirmed
    assert found.support == 200
    assert found.discovery.n + found.confirmation.n == 200
    rows = held(codes, ((3, 0),))
    assert found.discovery.total + found.confirmation.total == target[rows].sum()
    assert found.ci[0] < found.confirmation.rate < found.ci[1]
    assert found.difference == pytest.approx(found.confirmation.rate - found.confirmation.rate_out)
    assert 0 < found.difference_ci[0] < found.difference < found.difference_ci[1]
    assert found.p == max(found.p_outside, found.p_given or 0.0)
    assert found.p <= found.q <= 0.05
    assert report.n_discovery + report.n_confirmation == report.n == 2000
    assert report.floor == 20 and report.carried == len(report.confirmed) + len(report.others)


def test_the_same_seed_gives_the_same_report_and_the_order_of_columns_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    codes, target = one_weak_value(rng)
    first = find_slices(codes, target, settings=SearchSettings(seed=5))
    assert find_slices(codes, target, settings=SearchSettings(seed=5)) == first
    turned = find_slices(codes[:, ::-1], target, settings=SearchSettings(seed=5))
    assert confirmed(turned) == [((4, 0),)]
    assert turned.confirmed[0].confirmation == first.confirmed[0].confirmation


def test_a_pair_is_reported_and_not_its_parents() -> None:
    """Both single values look weak, because of the pair alone."""
    rng = np.random.default_rng(3)
    codes = attributes(rng, 6000, [3, 3, 4, 2])
    pair = ((0, 0), (1, 1))
    target = errors(rng, np.where(held(codes, pair), 0.5, 0.1))
    single = held(codes, ((0, 0),))
    assert target[single].mean() - target[~single].mean() > 0.05
    report = find_slices(codes, target)
    assert confirmed(report) == [pair]
    merged = {m.conjunction: m.relation for m in report.confirmed[0].merged}
    assert merged.get(Conjunction(((0, 0),))) in (None, "parent")


def test_a_parent_that_is_weak_on_its_own_is_reported_beside_a_weaker_part() -> None:
    rng = np.random.default_rng(4)
    codes = attributes(rng, 12_000, [3, 3, 4, 2])
    rate = np.where(held(codes, ((0, 0),)), 0.25, 0.1)
    rate[held(codes, ((0, 0), (1, 1)))] = 0.6
    report = find_slices(codes, errors(rng, rate))
    assert set(confirmed(report)) == {((0, 0),), ((0, 0), (1, 1))}


def test_an_interaction_beyond_two_weak_values_is_reported_with_them() -> None:
    """Odds of 0.25 and 0.25 on a base of 0.1 combine to 0.5; the overlap fails at 0.9."""
    rng = np.random.default_rng(5)
    codes = attributes(rng, 20_000, [3, 3, 4])
    rate = np.full(20_000, 0.1)
    rate[held(codes, ((0, 0),)) | held(codes, ((1, 1),))] = 0.25
    rate[held(codes, ((0, 0), (1, 1)))] = 0.9
    report = find_slices(codes, errors(rng, rate))
    assert set(confirmed(report)) == {((0, 0),), ((1, 1),), ((0, 0), (1, 1))}


def test_the_overlap_of_two_independent_causes_is_not_a_third_slice() -> None:
    rng = np.random.default_rng(6)
    codes = attributes(rng, 20_000, [4, 4, 3])
    rate = 1 - 0.9 * np.where(codes[:, 0] == 0, 0.75, 1.0) * np.where(codes[:, 1] == 1, 0.75, 1.0)
    report = find_slices(codes, errors(rng, rate))
    assert set(confirmed(report)) == {((0, 0),), ((1, 1),)}


def test_copies_of_one_attribute_are_one_finding() -> None:
    """Column 4 repeats column 3 exactly, column 5 with one value in twenty changed."""
    rng = np.random.default_rng(7)
    codes, target = one_weak_value(rng, n=6000)
    codes[:, 4] = codes[:, 3]
    codes[:, 5] = np.where(rng.random(6000) < 0.05, rng.integers(0, 4, 6000), codes[:, 3])
    report = find_slices(codes, target)
    assert len(report.confirmed) == 1
    (found,) = report.confirmed
    assert found.conjunction.conditions in (((3, 0),), ((4, 0),))
    copies = {m.conjunction.conditions: m.relation for m in found.merged}
    assert copies[((5, 0),)] == "copy"


def test_an_attribute_that_only_marks_a_weak_class_is_not_reported() -> None:
    """Class 0 fails at 0.4; value 1 of the attribute goes with it and adds nothing."""
    rng = np.random.default_rng(8)
    classes = rng.integers(0, 5, 4000)
    marker = np.where(rng.random(4000) < 0.9, classes == 0, rng.random(4000) < 0.3).astype(int)
    codes = np.column_stack([marker, attributes(rng, 4000, [3, 4]), classes])
    target = errors(rng, np.where(classes == 0, 0.4, 0.1))
    assert ((0, 1),) in confirmed(find_slices(codes[:, :3], target))
    adjusted = find_slices(codes, target, settings=SearchSettings(class_column=3))
    assert adjusted.class_adjusted
    assert confirmed(adjusted) == []


def test_the_class_may_be_a_condition_and_is_never_the_only_one() -> None:
    rng = np.random.default_rng(9)
    classes = rng.integers(0, 5, 8000)
    codes = np.column_stack([attributes(rng, 8000, [3, 4, 2]), classes])
    planted = ((1, 2), (3, 4))
    rate = np.where(classes == 1, 0.35, 0.1)
    rate[held(codes, planted)] = 0.5
    report = find_slices(codes, errors(rng, rate), settings=SearchSettings(class_column=3))
    assert confirmed(report) == [planted]
    everything = [s.conjunction.conditions for s in (*report.confirmed, *report.others)]
    assert not any(len(c) == 1 and c[0][0] == 3 for c in everything)


def test_a_weakness_in_every_class_is_not_repeated_for_each() -> None:
    rng = np.random.default_rng(10)
    classes = rng.integers(0, 4, 8000)
    codes = np.column_stack([attributes(rng, 8000, [4, 3]), classes])
    rate = np.array([0.05, 0.1, 0.2, 0.35])[classes] + 0.2 * (codes[:, 0] == 2)
    report = find_slices(codes, errors(rng, rate), settings=SearchSettings(class_column=2))
    assert confirmed(report) == [((0, 2),)]


def test_many_small_classes_are_not_compared_within() -> None:
    rng = np.random.default_rng(11)
    codes, target = one_weak_value(rng)
    report = find_slices(codes, target, classes=np.arange(2000))
    assert not report.class_adjusted
    assert ((3, 0),) in confirmed(report)


def test_missing_values_belong_to_no_slice_and_to_no_comparison() -> None:
    """Rows without a value fail at 0.6: neither they nor the others become a slice of that attribute."""
    rng = np.random.default_rng(12)
    codes = attributes(rng, 4000, [2, 3])
    gone = rng.random(4000) < 0.3
    codes[gone, 0] = -1
    report = find_slices(codes, errors(rng, np.where(gone, 0.6, 0.1)))
    assert confirmed(report) == []
    rate = np.where(gone, 0.1, np.where(codes[:, 0] == 1, 0.4, 0.1))
    (found,) = find_slices(codes, errors(rng, rate)).confirmed
    assert found.conjunction.conditions == ((0, 1),)
    assert found.confirmation.n + found.confirmation.n_out == pytest.approx(2000 - gone.sum() / 2, abs=60)


def test_a_loss_is_searched_like_errors() -> None:
    rng = np.random.default_rng(13)
    codes = attributes(rng, 3000, [3, 4, 2])
    rows = held(codes, ((0, 1), (1, 2)))
    loss = np.where(rows, rng.beta(3, 4, 3000), rng.beta(1, 9, 3000))
    report = find_slices(codes, loss)
    assert confirmed(report) == [((0, 1), (1, 2))]
    (found,) = report.confirmed
    assert found.ci[0] < found.confirmation.rate < found.ci[1]
    assert found.difference_ci[0] > 0.1


def test_groups_stay_in_one_half() -> None:
    rng = np.random.default_rng(14)
    groups = rng.integers(0, 300, 1000)
    first = split_halves(np.zeros(1000, np.int64), 0, groups)
    assert not set(groups[first]) & set(groups[~first])
    assert 0.4 < first.mean() < 0.6


def test_duplicated_rows_do_not_confirm_themselves() -> None:
    """Forty pictures, twenty-five times each: chance errors repeat in both halves unless copies stay together."""
    apart = together = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pictures = attributes(rng, 40, [2, 3, 4])
        wrong = errors(rng, np.full(40, 0.3))
        copies = np.repeat(np.arange(40), 25)
        settings = SearchSettings(seed=seed)
        apart += bool(find_slices(pictures[copies], wrong[copies], settings=settings).confirmed)
        report = find_slices(pictures[copies], wrong[copies], groups=copies, settings=settings)
        together += bool(report.confirmed)
    assert together < apart


def test_each_class_is_split_in_half() -> None:
    strata = np.repeat([0, 1, 2], [101, 50, 7])
    first = split_halves(strata, 3)
    taken = np.bincount(strata, first)
    assert taken[0] in (50, 51) and taken[1] == 25 and taken[2] in (3, 4)


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_few_rows_give_an_empty_report(n: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (n, 3))
    report = find_slices(codes, errors(rng, np.full(n, 0.5)))
    assert report.confirmed == () and report.n == n


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_is_wrong_or_everything_is(value: float) -> None:
    report = find_slices(np.zeros((200, 2), int), np.full(200, value))
    assert report.confirmed == () and report.carried == 0 and report.overall == value


def test_no_attributes_or_only_missing_values() -> None:
    target = errors(np.random.default_rng(0), np.full(300, 0.3))
    assert find_slices(np.zeros((300, 0), int), target).examined == 0
    assert find_slices(np.full((300, 4), -1), target).examined == 0


def test_a_small_error_rate_lowers_the_effect_floor() -> None:
    """Errors at 0.02 overall: 0.06 in a tenth of the rows is worth saying, though only four points more."""
    rng = np.random.default_rng(15)
    codes, target = one_weak_value(rng, n=40_000, weak=0.06, base=0.02)
    report = find_slices(codes, target)
    assert report.min_effect == pytest.approx(target.mean() / 2, abs=0.002)
    assert confirmed(report) == [((3, 0),)]


def test_an_excess_below_the_floor_is_not_reported_however_sure() -> None:
    rng = np.random.default_rng(16)
    codes, target = one_weak_value(rng, n=100_000, weak=0.23, base=0.2)
    assert confirmed(find_slices(codes, target)) == []
    low = find_slices(codes, target, settings=SearchSettings(min_effect=0.01))
    assert ((3, 0),) in confirmed(low)


@pytest.mark.parametrize(
    ("codes", "target", "message"),
    [
        (np.zeros((4, 2)), np.zeros(4), "integers"),
        (np.zeros((4, 2), int), np.zeros(3), "one number a row"),
        (np.zeros((4, 2), int), np.array([0, 1, np.nan, 0]), r"\[0, 1\]"),
        (np.zeros((4, 2), int), np.array([0, 1, 7, 0]), r"\[0, 1\]"),
        (np.full((4, 2), -2), np.zeros(4), "−1"),
    ],
)
def test_bad_tables_are_refused(codes: np.ndarray, target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_slices(codes, target)


@pytest.mark.parametrize(
    "wrong", [{"depth": 4}, {"q": 0.0}, {"carry": 31}, {"min_effect": 1.0}, {"min_support": 0}]
)
def test_bad_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        SearchSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("combine", ["largest", "independent", "add"])
def test_five_planted_slices_and_nothing_else(combine: str) -> None:
    codes, target, planted = five_planted(21, combine=combine)
    report = find_slices(codes, target)
    assert sorted(confirmed(report)) == sorted(planted)


def test_many_candidates_are_held_a_bit_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """With memberships packed and gone through in blocks the report is the same."""
    codes, target, _ = five_planted(3, n=20_000)
    classes = np.random.default_rng(3).integers(0, 4, 20_000)
    for given in (None, classes):
        plain = find_slices(codes, target, classes=given)
        with monkeypatch.context() as patch:
            patch.setattr("failsight.tools.stats.slices.table.MOST_BYTES", 50_000)
            assert find_slices(codes, target, classes=given) == plain
    loss = np.clip(target * 0.5 + np.random.default_rng(4).random(20_000) / 4, 0, 1)
    plain = find_slices(codes, loss)
    monkeypatch.setattr("failsight.tools.stats.slices.table.MOST_BYTES", 50_000)
    again = find_slices(codes, loss)
    assert [s.conjunction for s in again.confirmed] == [s.conjunction for s in plain.confirmed]


def test_a_half_that_was_drawn_before_is_used() -> None:
    rng = np.random.default_rng(17)
    codes, target = one_weak_value(rng)
    first, strata = discovery_half(None, 2000, 5)
    assert not strata.any()
    settings = SearchSettings(seed=5)
    assert find_slices(codes, target, settings=settings, discovery=first) == find_slices(
        codes, target, settings=settings
    )
    with pytest.raises(ValueError, match="discovery"):
        find_slices(codes, target, discovery=first[:5])
