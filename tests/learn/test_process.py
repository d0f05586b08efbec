"""Pitfalls are noticed when they are made, and the way taken is judged whatever came out."""

from __future__ import annotations

import pytest

from failsight.agent.learn.process import (
    CHECKS,
    Act,
    at_conclusion,
    at_correction,
    at_test,
    at_verdict,
    one_family,
    pitfalls,
    review,
)

LOOKED = [Act("look", "evaluate"), Act("look", "confusion_matrix")]
CONFIRMED = [
    *LOOKED,
    Act("suspect", kind="leakage"),
    Act("test", "duplicates_and_leakage", "leakage", verdict="confirmed"),
]


def test_repairing_before_testing() -> None:
    assert at_correction(LOOKED, "collect", ()) == "repair_before_hypothesis"
    assert at_correction([*LOOKED, Act("suspect", kind="leakage")], "deduplicate", ()) == "repair_before_test"
    assert at_correction(CONFIRMED, "deduplicate", ["deduplicate"]) is None
    assert at_correction(CONFIRMED, "collect", ["deduplicate"]) == "data_for_everything"
    assert at_correction(CONFIRMED, "larger_model", ["deduplicate"]) == "unfitting_repair"


def test_concluding_from_accuracy_from_heat_maps_and_from_nothing() -> None:
    assert "only_accuracy" in at_conclusion(LOOKED, "leakage", False)
    assert "saliency_overread" in at_conclusion([*LOOKED, Act("look", "saliency")], "leakage", False)
    assert "untested_conclusion" in at_conclusion([*LOOKED, Act("look", "label_noise")], "label_noise", False)
    assert at_conclusion(CONFIRMED, "leakage", True) == []


def test_calling_a_model_sound() -> None:
    assert "only_accuracy" in at_conclusion(LOOKED, "", False)
    assert "few_checks" in at_conclusion([*LOOKED, Act("look", "label_noise")], "", False)
    every = [*LOOKED, *(Act("look", tool) for tool in CHECKS)]
    assert at_conclusion(every, "", True) == []
    open_ = [*every, Act("test", "label_noise", "label_noise", verdict="inconclusive")]
    assert at_conclusion(open_, "", True) == ["absence"]


def test_deployment_pictures_that_nobody_looked_at() -> None:
    acts = [
        Act("suspect", kind="leakage"),
        Act("test", "duplicates_and_leakage", "leakage", verdict="confirmed"),
    ]
    assert at_conclusion(acts, "leakage", True) == ["shift_ignored"]


def test_testing_a_group_on_the_pictures_that_suggested_it() -> None:
    searched = [Act("look", "find_slices")]
    assert at_test(searched, "weak_slice", "compare_group") == "same_data"
    assert at_test([], "weak_slice", "compare_group") is None
    assert at_test(searched, "leakage", "duplicates_and_leakage") is None


@pytest.mark.parametrize(
    ("read", "measured", "pitfall"),
    [
        ("confirmed", "confirmed", None),
        ("refuted", "inconclusive", "absence"),
        ("confirmed", "inconclusive", "point_estimate"),
        ("confirmed", "refuted", "point_estimate"),
        ("inconclusive", "confirmed", None),
    ],
)
def test_reading_a_verdict(read: str, measured: str, pitfall: str | None) -> None:
    assert at_verdict(read, measured) == pitfall


def test_three_suspicions_of_one_family() -> None:
    families = {"a": "data", "b": "data", "c": "data", "d": "training"}
    suspected = [Act("suspect", kind=k) for k in "abc"]
    assert one_family(suspected, families)
    assert not one_family(suspected[:2], families)
    assert not one_family([*suspected, Act("suspect", kind="d")], families)


def test_every_pitfall_says_what_was_done_and_what_to_do_instead() -> None:
    for one in pitfalls().values():
        assert one.said
        assert one.title
        assert one.instead
        assert one.said in one.sentence


def test_the_review_tells_the_way_and_not_only_the_outcome() -> None:
    told = review([Act("look", "saliency"), Act("suspect", kind="leakage")])
    assert any(not good and "Heat maps came before" in text for good, text in told)
    assert any(not good and "never tested" in text for good, text in told)
    good = review([Act("guess"), Act("look", "evaluate"), *CONFIRMED[2:], Act("verdict", right=True)])
    assert all(ok for ok, _ in good)
