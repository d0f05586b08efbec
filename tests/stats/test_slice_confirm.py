"""What the confirmation half asks of a slice, one demand at a time: the short list is given, not discovered."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.slices import Conjunction, SearchSettings, TestedSlice
from failsight.tools.stats.slices.confirm import confirm
from failsight.tools.stats.slices.discover import Shortlist
from failsight.tools.stats.slices.independence import excess_over_independence
from failsight.tools.stats.slices.table import INSIDE, OUTSIDE, UNKNOWN, Half, Patterns

from .tables import Conditions, errors, held

A, B, AB = Conjunction(((0, 1),)), Conjunction(((1, 1),)), Conjunction(((0, 1), (1, 1)))


def half(rate: np.ndarray, codes: np.ndarray, seed: int = 0, strata: np.ndarray | None = None) -> Half:
    rng = np.random.default_rng(seed)
    strata = np.zeros(len(codes), np.int64) if strata is None else strata
    return Half(list(codes.T), errors(rng, rate), strata, int(strata.max()) + 1)


def two_columns(n: int = 4000, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (n, 2))


def carried(
    tested: Half, picked: tuple[Conjunction, ...], min_effect: float = 0.05, class_column: int | None = None
) -> dict[Conditions, TestedSlice]:
    """Everything that was carried, by its conditions."""
    shortlist = Shortlist(picked, (), dict.fromkeys(picked, 100), 10, False)
    settings = SearchSettings(class_column=class_column)
    confirmed, others = confirm(tested, tested, shortlist, settings, min_effect)
    return {s.conjunction.conditions: s for s in (*confirmed, *others)}


def verdicts(found: dict[Conditions, TestedSlice]) -> dict[int, str]:
    """Verdict by number of conditions."""
    return {len(c): s.verdict for c, s in found.items()}


def test_a_conjunction_must_be_worse_than_each_parent_even_when_no_parent_was_carried() -> None:
    codes = two_columns()
    whole = carried(half(np.where(codes[:, 0] == 1, 0.4, 0.1), codes), (AB,))
    assert whole[AB.conditions].p_outside < 1e-6
    assert verdicts(whole) == {2: "inconclusive"}
    assert "fewer conditions" in whole[AB.conditions].reason
    part = carried(half(np.where(held(codes, AB.conditions), 0.4, 0.1), codes), (AB,))
    assert verdicts(part) == {2: "confirmed"}


def test_an_excess_below_the_floor_is_not_enough_however_sure() -> None:
    codes = two_columns(40_000)
    tested = half(np.where(codes[:, 0] == 1, 0.13, 0.1), codes)
    assert carried(tested, (A,))[A.conditions].p_outside < 1e-6
    assert verdicts(carried(tested, (A,))) == {1: "refuted"}
    assert verdicts(carried(tested, (A,), min_effect=0.01)) == {1: "confirmed"}


def test_too_little_evidence_for_so_many_candidates() -> None:
    """p of about 0.02 alone is confirmed, among twenty it is not."""
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 2, (600, 20))
    target = np.zeros(600)
    inside = np.flatnonzero(codes[:, 0] == 1)
    outside = np.flatnonzero(codes[:, 0] == 0)
    target[inside[: round(0.20 * len(inside))]] = 1
    target[outside[: round(0.135 * len(outside))]] = 1
    tested = Half(list(codes.T), target, np.zeros(600, np.int64), 1)
    alone = carried(tested, (A,))[A.conditions]
    assert 0.005 < alone.p < 0.05 and alone.verdict == "confirmed"
    many = tuple(Conjunction(((j, 1),)) for j in range(20))
    among = carried(tested, many)[A.conditions]
    assert among.verdict == "inconclusive" and among.q > 0.05 and "so many" in among.reason


@pytest.mark.parametrize("order", [(A, AB), (AB, A)])
def test_a_parent_is_merged_into_the_child_that_accounts_for_it(order: tuple[Conjunction, ...]) -> None:
    codes = two_columns()
    found = carried(half(np.where(held(codes, AB.conditions), 0.5, 0.1), codes), order)
    assert verdicts(found) == {1: "merged", 2: "confirmed"}
    assert [(m.conjunction, m.relation) for m in found[AB.conditions].merged] == [(A, "parent")]
    assert found[A.conditions].p_outside < 1e-6
    given = found[A.conditions].p_given
    assert given is not None and given > 0.05


@pytest.mark.parametrize("order", [(A, AB), (AB, A)])
def test_a_parent_with_an_excess_of_its_own_stays(order: tuple[Conjunction, ...]) -> None:
    codes = two_columns()
    rate = np.where(codes[:, 0] == 1, 0.3, 0.1)
    rate[held(codes, AB.conditions)] = 0.6
    assert verdicts(carried(half(rate, codes), order)) == {1: "confirmed", 2: "confirmed"}


def test_little_is_left_of_the_parent_and_it_is_below_the_floor() -> None:
    """Beside the child the parent has three points: real in so many rows, not worth a finding."""
    codes = two_columns(60_000)
    rate = np.where(codes[:, 0] == 1, 0.13, 0.1)
    rate[held(codes, AB.conditions)] = 0.6
    found = carried(half(rate, codes), (AB, A))
    assert verdicts(found) == {1: "merged", 2: "confirmed"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_cause_and_its_shadow_the_cause_stays(order: tuple[int, int]) -> None:
    """Column 1 agrees with column 0 in nine rows of ten and does nothing itself."""
    rng = np.random.default_rng(3)
    codes = two_columns(6000)
    codes[:, 1] = np.where(rng.random(6000) < 0.9, codes[:, 0], 1 - codes[:, 0])
    tested = half(np.where(codes[:, 0] == 1, 0.4, 0.1), codes)
    found = carried(tested, tuple((A, B)[i] for i in order))
    assert found[A.conditions].verdict == "confirmed"
    assert found[B.conditions].verdict == "merged" and found[B.conditions].p_outside < 1e-6


def test_the_class_must_not_be_what_explains_it() -> None:
    codes = two_columns(4000)
    rng = np.random.default_rng(4)
    classes = np.where(rng.random(4000) < 0.85, codes[:, 0], 1 - codes[:, 0]).astype(np.int64)
    rate = np.where(classes == 1, 0.4, 0.1)
    plain = half(rate, codes)
    assert verdicts(carried(plain, (A,))) == {1: "confirmed"}
    assert carried(half(rate, codes, strata=classes), (A,))[A.conditions].verdict != "confirmed"


def test_a_slice_within_a_class_must_exceed_what_class_and_parent_do() -> None:
    """Class 1 fails more, value 1 fails more, in the same measure everywhere: together nothing new."""
    codes = two_columns(12_000)
    even = 0.1 + 0.2 * codes[:, 0] + 0.2 * codes[:, 1]
    strata = codes[:, 1].astype(np.int64)
    found = carried(half(even, codes, strata=strata), (AB,), class_column=1)
    assert found[AB.conditions].p_outside < 1e-6
    assert found[AB.conditions].verdict == "inconclusive"
    more = even + 0.2 * held(codes, AB.conditions)
    assert verdicts(carried(half(more, codes, strata=strata), (AB,), class_column=1)) == {2: "confirmed"}


def test_overlaps_are_compared_with_independent_action() -> None:
    """Odds of 1/9 times 3 times 3 are 1: at a rate of 0.5 the overlap is what two causes do, at 0.8 it is more."""
    codes = two_columns(20_000)
    for rate, more in ((0.5, False), (0.8, True)):
        chance = np.select([codes.all(axis=1), codes.any(axis=1)], [rate, 0.25], 0.1)
        patterns = Patterns(half(chance, codes), (A, B, AB))
        effect, p = excess_over_independence(patterns, 2, [0, 1])
        assert (p < 1e-6) is more
        assert effect == pytest.approx(0.3 if more else 0.0, abs=0.05)


def test_nothing_is_said_of_an_overlap_that_is_all_there_is() -> None:
    """Value 1 of column 0 never occurs without value 1 of column 1."""
    codes = two_columns(2000)
    codes[:, 0] &= codes[:, 1]
    patterns = Patterns(half(np.where(codes[:, 0] == 1, 0.5, 0.1), codes), (A, B, AB))
    assert excess_over_independence(patterns, 2, [0, 1]) == (0.0, 1.0)


def test_memberships_and_patterns_with_missing_values() -> None:
    """Known to differ is outside, whatever is missing; agreeing so far is unknown."""
    codes = np.array([[1, 1], [1, -1], [0, -1], [-1, 0], [-1, -1], [1, 0]])
    tested = Half(list(codes.T), np.array([1.0, 0, 0, 0, 1, 0]), np.zeros(6, np.int64), 1)
    assert tested.inside(AB).tolist() == [True, False, False, False, False, False]
    unknown = tested.unknown(AB)
    assert unknown is not None and unknown.tolist() == [False, True, False, False, True, False]
    assert tested.measure(AB).n_out == 3 and tested.measure(AB).total == 1
    patterns = Patterns(tested, (AB,))
    by_member = dict(zip(patterns.member[:, 0].tolist(), patterns.sums.n.tolist(), strict=True))
    assert by_member == {INSIDE: 1, OUTSIDE: 3, UNKNOWN: 2}


def test_patterns_answer_as_the_rows_do() -> None:
    codes = two_columns(3000)
    strata = np.random.default_rng(5).integers(0, 3, 3000)
    tested = half(np.where(codes[:, 0] == 1, 0.3, 0.2), codes, strata=strata)
    patterns = Patterns(tested, (A, B))
    assert patterns.given(0, []).p == pytest.approx(tested.against_rest(A).p)
    assert patterns.given(0, []).effect == pytest.approx(tested.against_rest(A).effect)


def test_a_slice_of_easy_classes_is_not_refuted_by_the_bare_difference() -> None:
    """Of the easy class 0.02 fail, 0.22 with the value; of the hard one 0.4, whose images seldom have it: bare, it looks harmless."""
    rng = np.random.default_rng(6)
    classes = rng.integers(0, 2, 4000)
    codes = (rng.random(4000) < np.where(classes == 0, 0.4, 0.02)).astype(np.int64)[:, None]
    rate = np.where(classes == 1, 0.4, np.where(codes[:, 0] == 1, 0.22, 0.02))
    found = carried(half(rate, codes, strata=classes), (A,))[A.conditions]
    assert found.difference < 0 and found.difference_ci[1] < 0.05 < found.effect_ci[0]
    assert found.verdict == "inconclusive" and "over all classes" in found.reason
    alone = carried(half(rate, codes), (A,))[A.conditions]
    assert alone.verdict == "refuted" and alone.effect_ci == alone.difference_ci


def test_the_rest_of_the_class_is_what_a_slice_that_names_it_is_set_beside_but_for_the_unknown() -> None:
    codes = np.array([[1, 0], [0, 0], [-1, 0], [0, 1], [1, 1], [0, 0]])
    target = np.array([1.0, 1, 0, 1, 0, 0])
    tested = Half(list(codes.T), target, codes[:, 1].copy(), 2)
    slice_ = Conjunction(((0, 1), (1, 0)))
    assert tested.outside(slice_, 1).tolist() == [False, True, False, False, False, True]
    found = tested.measure(slice_, 1)
    assert (found.n, found.n_out, found.rate_out) == (1, 2, 0.5)
    assert tested.measure(slice_).n_out == 4


@pytest.mark.parametrize("binary", [True, False])
def test_the_interval_within_classes_covers_the_effect(binary: bool) -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng([seed, 8])
        classes = rng.integers(0, 3, 900)
        codes = (rng.random(900) < np.array([0.1, 0.3, 0.6])[classes]).astype(np.int64)[:, None]
        mean = np.array([0.5, 0.3, 0.1])[classes] + 0.1 * codes[:, 0]
        target = errors(rng, mean) if binary else np.clip(mean + rng.normal(0, 0.05, 900), 0, 1)
        low, high = Half(list(codes.T), target, classes, 3).effect_interval(A)
        covered += low <= 0.1 <= high
    assert covered >= 180


@pytest.mark.parametrize(("wrong", "verdict"), [(1, "inconclusive"), (2, "inconclusive"), (3, "confirmed")])
def test_one_or_two_errors_are_no_weakness_however_rare_errors_are(wrong: int, verdict: str) -> None:
    codes = np.repeat([[1, 0], [0, 0]], [22, 6000], axis=0)
    target = np.zeros(len(codes))
    target[:wrong] = 1.0
    tested = Half(list(codes.T), target, np.zeros(len(codes), np.int64), 1)
    made = carried(tested, (A,), min_effect=0.0)[A.conditions]
    assert made.p_outside < 0.01  # sure by the test alone
    assert made.verdict == verdict
    if wrong < 3:
        assert f"{wrong} error{'s are' if wrong > 1 else ' is'} too few" in made.reason.replace(
            " on the confirmation half", ""
        )


def test_a_slice_that_fails_in_the_end_accounts_for_no_other() -> None:
    """Most errors of A may lie in A and B, which is not surely worse than A: then A is confirmed, and not nothing at all."""
    sure = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        codes = (rng.random((200, 2)) < 0.25).astype(int)
        target = (
            rng.random(200) < np.where(codes[:, 0] == 1, np.where(codes[:, 1] == 1, 0.3, 0.08), 0.004)
        ).astype(float)
        if target.sum() < 4 or not held(codes, AB.conditions).any():
            continue
        tested = Half(list(codes.T), target, np.zeros(200, np.int64), 1)
        found = carried(tested, (B, A, AB), min_effect=0.01)
        many = [s for s in found.values() if s.confirmation.total >= 3]
        alone = min((max(s.p_outside, *s.p_parents, 0.0) for s in many), default=1.0)
        if alone <= 0.05 / 3:  # sure whatever the other two are
            sure += 1
            assert any(s.verdict == "confirmed" for s in found.values()), seed
    assert sure > 100
