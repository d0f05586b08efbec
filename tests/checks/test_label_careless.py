"""Labels of a source confirmed careless, judged by everybody else's: more of the wrong ones are listed first."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.label_noise import label_noise
from failsight.tools.labels.careless import habits_tables, list_suspects, look_again
from failsight.tools.labels.scores import Scored
from failsight.tools.stats.confident import confident_counts, normalised_margin
from failsight.tools.stats.linear_head import cross_validated_scores
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence

CLASSES = tuple("wxyz")


def careless_world(
    seed: int, n: int = 1500, noise: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(features, labels, true classes, whether annotator B gave it): B takes each class for the next one, half of the time."""
    rng = np.random.default_rng([seed, 31])
    k = len(CLASSES)
    truth, careless = rng.integers(0, k, n), rng.random(n) < 0.4
    centres = rng.normal(size=(k, 8))
    features = (centres[truth] + rng.normal(size=(n, 8)) * 1.6).astype(np.float32)
    given = np.where(careless & (rng.random(n) < noise), (truth + 1) % k, truth)
    return features, given, truth, careless


def scored(features: np.ndarray, given: np.ndarray) -> Scored:
    scores = cross_validated_scores(features, given, len(CLASSES))
    at = np.arange(len(given))
    return Scored("train", CLASSES, at, at, given, scores, "how")


def view_of(features: np.ndarray, given: np.ndarray, careless: np.ndarray) -> FakeView:
    n, k = len(given), len(CLASSES)
    columns = {"annotator": ["B" if c else "AC"[i % 2] for i, c in enumerate(careless)]}
    tables = {name: FakeTable(np.zeros((n, 2, 2, 3), np.uint8), given, CLASSES, columns) for name in ("data", "train")}  # fmt: skip
    flat = np.full((n, k), 1 / k, np.float32)
    view = FakeView(tables, scores={"data": flat, "train": flat})
    view.given_features["train"] = features
    return view


@pytest.mark.parametrize("seed", range(3))
def test_as_many_looks_find_more_wrong_labels_and_the_chances_count_them(seed: int) -> None:
    features, given, truth, careless = careless_world(seed)
    world = scored(features, given)
    wrong = given != truth
    usual = np.argsort(normalised_margin(given, world.scores), kind="stable")
    (one,) = look_again(world, features, [("annotator", "B", careless)])
    made = list_suspects(
        [one], world, usual, given, normalised_margin(given, world.scores), np.ones(len(given), bool)
    )
    looks = int(wrong.sum())
    assert wrong[made.order[:looks]].mean() > wrong[usual[:looks]].mean() + 0.15
    assert one.expected == pytest.approx(wrong.sum(), rel=0.12)
    assert np.diag(one.habits.given).mean() == pytest.approx(0.5, abs=0.08)


def test_the_list_holds_each_image_once_the_careless_first_and_nobody_that_does_not_take_part() -> None:
    features, given, _, careless = careless_world(4, 400)
    world = scored(features, given)
    counts = confident_counts(given, world.scores)
    quality = normalised_margin(given, world.scores)
    suspects = np.flatnonzero(counts.suspect)
    among = np.arange(400) % 3 > 0
    found = look_again(world, features, [("annotator", "B", careless)])
    made = list_suspects(found, world, suspects[among[suspects]], counts.suggested, quality, among)
    assert len(set(made.order.tolist())) == len(made.order) and among[made.order].all()
    theirs = careless[made.order]
    assert theirs.any() and not theirs.all() and (np.diff(theirs.astype(int)) <= 0).all()
    assert (made.suggested[made.order[theirs]] != given[made.order[theirs]]).all()
    assert (np.diff(made.quality[made.order[theirs]]) >= 0).all()
    none = list_suspects([], world, suspects, counts.suggested, quality, among)
    assert none.order is suspects


def test_too_few_other_labels_or_a_class_that_only_the_careless_give_are_left_as_they_were() -> None:
    features, given, _, careless = careless_world(5, 300)
    world = scored(features, given)
    few = np.ones(300, bool)
    few[:40] = False
    assert look_again(world, features, [("annotator", "B", few)]) == []
    alone = careless | (given == 2)
    assert look_again(world, features, [("annotator", "B", alone)]) == []
    both = look_again(world, features, [("annotator", "B", careless), ("batch", "1", careless)])
    assert [one.name for one in both] == ["annotator=B"]  # an image counts once


def test_the_tool_lists_them_first_and_says_what_the_labels_mean() -> None:
    features, given, truth, careless = careless_world(6, 3000)
    made = label_noise(view_of(features, given, careless), split="train", most=400)
    check_evidence(made)
    assert made.findings[0].slice == {"annotator": "B"} and made.findings[0].verdict == "confirmed"
    (table,) = (t for t in made.tables if t.title == "What labels with annotator=B mean")
    shares = {(str(r[0]), str(r[1])): float(r[2]) for r in table.rows}  # type: ignore[arg-type]
    assert shares["w", "x"] == pytest.approx(0.5, abs=0.1) and shares["w", "w"] == pytest.approx(0.5, abs=0.1)
    suspects = next(t for t in made.tables if t.title == "Suspects")
    rows = [int(str(r[0]).split("_")[1].split(".")[0]) for r in suspects.rows]
    assert careless[rows].all() and (given != truth)[rows].mean() > 0.85
    assert any(n.startswith("Labels with annotator=B come first") for n in made.notes)
    assert habits_tables([], CLASSES) == ()


def test_where_nobody_is_careless_nothing_is_said_of_anybody() -> None:
    features, given, _, careless = careless_world(7, 1500, noise=0.0)
    made = label_noise(view_of(features, given, careless), split="train")
    assert not any(t.title.startswith("What labels") for t in made.tables)
