"""Pitfalls are noticed when they are made, and the way taken is judged whatever came out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.learn.process import (
    CHECKS,
    Act,
    acts_of,
    at_conclusion,
    at_correction,
    at_test,
    at_verdict,
    one_family,
    pitfalls,
    review,
)
from failsight.tools.evidence import Evidence, Finding

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


# --- a check that was looked at is a test of the cause that it looks for ------------------------------------------------------

CHECKED = [
    ("label_noise", "label_noise"),
    ("training_record", "overfitting"),
    ("duplicates_and_leakage", "leakage"),
    ("preprocessing_probe", "preprocessing"),
    ("find_slices", "rare_case"),
]


def journal(folder: Path, *looks: tuple[str, str, str | None]) -> list[Any]:
    """Events of looks at tools, each with a finding of a kind and its verdict."""
    folder.mkdir(exist_ok=True)
    log = Journal(folder)
    for number, (tool, kind, verdict) in enumerate(looks, 1):
        finding = Finding(kind, "performance", "unknown", "x", {"n": str(number)}, verdict=verdict)  # type: ignore[arg-type]
        made = Evidence(tool, "t", "s", id=f"E{number}", findings=(finding,))
        log.append("evidence.recorded", {"call": f"c{number}", "evidence": made.to_dict()})
        log.append("learn.act", {"act": asdict(Act("look", tool))})
    return list(log.events)


@pytest.mark.parametrize(("tool", "kind"), CHECKED)
def test_a_confirmed_check_is_no_missed_step(tool: str, kind: str, tmp_path: Path) -> None:
    acts = acts_of(journal(tmp_path, (tool, kind, "confirmed")))
    assert acts == [Act("look", tool), Act("found", tool, kind, verdict="confirmed")]
    assert at_conclusion(acts, kind, False) == []
    assert at_correction(acts, "relabel", ["relabel"]) is None
    assert (
        at_correction(acts, "collect", ["relabel"]) == "data_for_everything"
    )  # it still has to aim at the cause
    told = review(acts)
    assert any(
        good and f"Your checks decided 1 cause ({kind.replace('_', ' ')})" in text for good, text in told
    )
    assert not any("You stated no hypothesis" in text for _, text in told)
    stated = review([*acts, Act("suspect", kind=kind)])
    assert not any("never tested" in text for _, text in stated)


def test_what_a_check_did_not_confirm_confirms_nothing(tmp_path: Path) -> None:
    for number, verdict in enumerate(("refuted", "inconclusive", None)):
        acts = acts_of(journal(tmp_path / str(number), ("label_noise", "label_noise", verdict)))
        assert at_conclusion(acts, "label_noise", False) == ["untested_conclusion"]
        assert at_correction(acts, "relabel", ["relabel"]) == "repair_before_hypothesis"
    other = acts_of(journal(tmp_path / "other", ("label_noise", "label_noise", "confirmed")))
    assert at_conclusion(other, "leakage", False) == ["untested_conclusion"]
    refuted = acts_of(journal(tmp_path / "no", ("leakage_check", "leakage", "refuted")))
    assert any(good and "You ruled out 1 cause" in text for good, text in review(refuted))


def test_figures_of_correctness_and_heat_maps_are_no_checks(tmp_path: Path) -> None:
    looks = [("evaluate", "distribution_shift", "confirmed"), ("saliency", "rare_case", "confirmed")]
    acts = acts_of(journal(tmp_path, *looks))  # type: ignore[arg-type]
    assert [a.what for a in acts] == ["look", "look"]
    assert at_conclusion(acts, "distribution_shift", False) == ["saliency_overread"]


def test_what_was_measured_without_a_look_is_not_the_persons(tmp_path: Path) -> None:
    events = journal(tmp_path, ("label_noise", "label_noise", "confirmed"))
    assert acts_of(events[:1]) == []
    again = [*events, events[1]]  # looked at twice: answered from the journal
    assert [a.what for a in acts_of(again)] == ["look", "found", "look", "found"]
