"""A cue that nobody recorded in training: its share there by a detector that errs, corrected for its errors."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.find_slices import find_slices
from failsight.tools.slices.causes import tied
from failsight.tools.slices.detector import corrected
from failsight.tools.slices.pulls import Compared
from tests.fakes.view import FakeTable, FakeView


def world(seed: int, own: float, others: float, hits: float = 0.9, alarms: float = 0.05) -> Compared | None:
    """A detector that raises more false alarms in class 0, where the model half expects the cue."""
    rng = np.random.default_rng(seed)
    labels, there = np.repeat([0, 1, 2], 600), np.repeat([0, 1, 2], 900)
    has, has_there = rng.random(1800) < 0.5, rng.random(2700) < np.where(there == 0, own, others)
    here = rng.random(1800) < np.where(has, hits, np.where(labels == 0, alarms + 0.1, alarms))
    away = rng.random(2700) < np.where(has_there, hits, np.where(there == 0, alarms + 0.1, alarms))
    return corrected(here, has, labels, away, there, 0, 3)


def test_a_tie_is_found_and_its_absence_too() -> None:
    bound, loose = world(0, 0.9, 0.1), world(1, 0.5, 0.5)
    assert bound is not None and loose is not None
    assert tied(bound) == "yes" and bound.difference == pytest.approx(0.8, abs=0.1) and bound.detected
    assert tied(loose) == "no" and abs(loose.difference) < 0.1


def test_the_interval_covers_the_difference_though_the_detector_errs_unevenly() -> None:
    made = [m for m in (world(s, 0.4, 0.4) for s in range(200)) if m is not None]
    assert len(made) == 200 and sum(m.ci[0] <= 0.0 <= m.ci[1] for m in made) >= 180


def test_a_weak_detector_and_few_images_say_nothing() -> None:
    assert world(0, 0.5, 0.5, hits=0.6, alarms=0.3) is None
    few = np.array([True] * 5 + [False] * 5)
    assert corrected(few, few, np.zeros(10, int), few, np.zeros(10, int), 0, 2) is None


def stamped(tied_there: float) -> FakeView:
    """Images of a, b, c; a stamp makes the model say a. Training records no stamps: they are in the features alone."""
    rng = np.random.default_rng(5)
    tables, scores, features = {}, {}, {}
    for split, n in (("data", 900), ("train", 1200)):
        labels = np.arange(n) % 3
        share = np.where(labels == 0, tied_there, 1 - tied_there) if split == "train" else np.full(n, 0.5)
        stamp = rng.random(n) < share
        says = np.where(stamp & (rng.random(n) < 0.6), 0, labels)
        scores[split] = (np.eye(3)[says] * 0.9 + 0.1 / 3).astype(np.float32)
        features[split] = np.column_stack([np.eye(3)[labels], 4.0 * stamp]) + rng.normal(0, 0.5, (n, 4))
        columns = {"stamp": ["yes" if s else "no" for s in stamp]} if split == "data" else {}
        tables[split] = FakeTable(np.zeros((n, 2, 2, 3), np.uint8), labels, ("a", "b", "c"), columns)
    view = FakeView(tables, scores=scores)
    view.given_features = {k: v.astype(np.float32) for k, v in features.items()}
    return view


def costly(view: FakeView) -> FakeView:
    """The same with a cost that is unknown of a third of the images."""
    rng = np.random.default_rng(6)
    cost = np.where(rng.random(900) < 1 / 3, np.nan, rng.random(900))
    view._tables["data"].columns["cost"] = [float(v) for v in cost]
    return view


@pytest.mark.parametrize("arguments", [{"within_class": "b"}, {"target": "column:cost"}])
def test_a_search_among_some_of_the_labelled_images(arguments: dict[str, str]) -> None:
    """Places among all labelled images are no places among those that were searched."""
    told = find_slices(costly(stamped(tied_there=0.95)), attributes=("stamp",), **arguments).findings  # type: ignore[arg-type]
    if "target" in arguments:
        (found,) = [f for f in told if f.kind == "spurious_correlation"]
        assert "seen there by a detector" in found.note
    else:  # one class alone can't be set against it: the slice says where its errors go
        (found,) = [f for f in told if f.verdict == "confirmed"]
        assert (found.kind, found.class_name, found.confused_with) == ("weak_slice", "b", "a")
        assert "Only b images were searched" in found.note and "seen there by a detector" not in found.note


def test_features_of_some_images_are_paired_with_their_own_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of every second image, searched among some of the images: each goes with the code of its own image."""
    view = costly(stamped(tied_there=0.95))
    whole = view.given_features["data"]
    sampled = np.arange(0, 900, 2)
    features = {
        "data": (sampled, whole[sampled]),
        "train": (np.arange(1200), view.given_features["train"]),
    }
    monkeypatch.setattr(view, "features", lambda split: features[split])
    import failsight.tools.slices.detector as module

    seen: list[tuple[np.ndarray, np.ndarray]] = []
    real = module.cross_validated_scores
    monkeypatch.setattr(
        module, "cross_validated_scores", lambda x, y, *a, **k: seen.append((x, y)) or real(x, y, *a, **k)
    )
    told = find_slices(view, attributes=("stamp",), target="column:cost").findings
    assert [f for f in told if "seen there by a detector" in f.note]
    (x, has), *_ = seen
    # the last feature is the stamp itself, with noise: half of it is as far from 0 as from 1
    assert len(x) < 350 and ((x[:, 3] > 2) == (has == 1)).mean() > 0.99


def test_a_stamp_that_training_does_not_tie_is_no_learnt_correlation() -> None:
    told = find_slices(stamped(tied_there=0.5)).findings
    assert not [f for f in told if f.kind == "spurious_correlation" and f.verdict == "confirmed"]
    weak = [f for f in told if f.slice == {"stamp": "yes"} and f.verdict == "confirmed"]
    assert weak and "seen there by a detector" in weak[0].note


def test_a_stamp_that_training_ties_is_one_though_nobody_recorded_it_there() -> None:
    told = find_slices(stamped(tied_there=0.95)).findings
    (found,) = [f for f in told if f.kind == "spurious_correlation"]
    assert (found.slice, found.class_name, found.verdict) == ({"stamp": "yes"}, "a", "confirmed")
    assert "seen there by a detector" in found.note
