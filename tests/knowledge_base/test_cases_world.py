"""Worlds are plans with exact shares; the same description always gives the same plan."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import asdict, replace

import pytest

from failsight.knowledge_base.cases.rooms import COUNTS, ROOMS
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, VALUES
from failsight.knowledge_base.cases.world import (
    Draft,
    LabelNoise,
    WorldConfig,
    plan,
    with_correlation,
    with_rare_case,
    with_shares,
    yes,
)


def share(drafts: list[Draft], attribute: str, value: str, *classes: str) -> float:
    chosen = [d for d in drafts if d.truth in (classes or CLASSES)]
    return sum(d.attributes[attribute] == value for d in chosen) / len(chosen)


@pytest.fixture(scope="module")
def train() -> list[Draft]:
    return plan(ROOMS, "train", COUNTS["train"])


@pytest.fixture(scope="module")
def evaluation() -> list[Draft]:
    return plan(ROOMS, "eval", COUNTS["eval"])


def test_a_plan_is_the_same_every_time_and_another_seed_gives_another() -> None:
    assert plan(ROOMS, "eval", 200) == plan(ROOMS, "eval", 200)
    other = plan(replace(ROOMS, seed=8), "eval", 200)
    assert {d.name for d in other}.isdisjoint(d.name for d in plan(ROOMS, "eval", 200))


def test_classes_are_balanced_and_names_say_nothing(evaluation: list[Draft]) -> None:
    assert set(Counter(d.truth for d in evaluation).values()) == {COUNTS["eval"] // 5}
    assert len({d.name for d in evaluation}) == len(evaluation)
    assert [d.name for d in evaluation] == sorted(d.name for d in evaluation)
    # in file-name order neither the class nor the television of a neighbour can be guessed
    same_class = sum(a.truth == b.truth for a, b in itertools.pairwise(evaluation))
    assert abs(same_class / len(evaluation) - 0.2) < 0.03
    half = len(evaluation) // 2
    assert share(evaluation[:half], "television", "yes") == pytest.approx(
        share(evaluation[half:], "television", "yes"), abs=0.05
    )


def test_training_ties_the_cues_to_classes(train: list[Draft]) -> None:
    others = [c for c in CLASSES if c != "living_room"]
    assert share(train, "television", "yes", "living_room") == pytest.approx(0.96, abs=0.002)
    assert share(train, "television", "yes", *others) == 0
    assert share(train, "stools", "yes", "kitchen") == 0 < share(train, "stools", "yes", "dining_room")
    assert share(train, "cat", "yes", "bathroom") == 0 < share(train, "cat", "yes", "kitchen")
    assert share(train, "sofa_style", "bed_like") == 0
    assert 0 < share(train, "bath_style", "shower", "bathroom") < 0.01
    assert share(train, "plant", "yes", "bedroom") - share(train, "plant", "yes", "kitchen") > 0.6


def test_evaluation_loosens_the_ties_in_slices_of_a_hundred_or_more(evaluation: list[Draft]) -> None:
    def count(attribute: str, value: str, label: str) -> int:
        return sum(d.truth == label and d.attributes[attribute] == value for d in evaluation)

    assert count("television", "no", "living_room") == 225
    assert min(count("television", "yes", c) for c in CLASSES) >= 110
    assert count("stools", "yes", "kitchen") == 135
    assert count("cat", "yes", "bathroom") == 135
    assert count("sofa_style", "bed_like", "living_room") == 126
    assert count("bath_style", "shower", "bathroom") == 126


@pytest.mark.parametrize("attribute", ["lamp", "picture", "floor", "lighting", "annotator"])
def test_the_rest_is_the_same_in_every_class(evaluation: list[Draft], attribute: str) -> None:
    for value in VALUES[attribute]:
        shares = [share(evaluation, attribute, value, c) for c in CLASSES]
        assert max(shares) - min(shares) < 0.006


def test_wrong_labels_come_mostly_from_one_annotator(train: list[Draft], evaluation: list[Draft]) -> None:
    for drafts, rate in ((train, 0.035), (evaluation, 0.025)):
        wrong = [d for d in drafts if d.label != d.truth]
        assert len(wrong) / len(drafts) == pytest.approx(rate, abs=0.001)
        assert share(wrong, "annotator", "B") == pytest.approx(0.8, abs=0.02)
        by_class = Counter(d.truth for d in wrong)
        assert max(by_class.values()) - min(by_class.values()) <= 2
        assert set(by_class) == set(CLASSES) == {d.label for d in wrong}


def test_close_ups_always_show_their_cue(train: list[Draft], evaluation: list[Draft]) -> None:
    close = [d for d in train if d.attributes["framing"] == "close"]
    assert Counter(d.truth for d in close)["kitchen"] == 200
    assert all(d.attributes["cat"] == "yes" for d in close if d.truth == "kitchen")
    assert all(d.attributes["stools"] == "yes" for d in close if d.truth == "dining_room")
    assert not [d for d in evaluation if d.attributes["framing"] == "close"]


def test_style_columns_are_none_outside_their_class(evaluation: list[Draft]) -> None:
    for label, column in STYLE_COLUMNS.items():
        assert all((d.attributes[column] == "none") == (d.truth != label) for d in evaluation)


def test_deployment_is_dark_tilted_and_cluttered_and_otherwise_like_evaluation() -> None:
    deploy = plan(ROOMS, "deploy", COUNTS["deploy"])
    assert share(deploy, "lighting", "dark") == 0.75
    assert share(deploy, "tilt", "tilted") == pytest.approx(0.7)
    assert share(deploy, "clutter", "cluttered") == pytest.approx(0.8)
    for cue in CUES:
        for label in CLASSES:
            there = ROOMS.shares("deploy", cue, label)
            assert there == ROOMS.shares("eval", cue, label)


def test_a_world_survives_json() -> None:
    world = with_correlation(ROOMS, "lamp", "yes", "kitchen", 0.9, close_ups=0.2)
    again = WorldConfig.from_dict(json.loads(json.dumps(asdict(world))))
    assert again == world
    assert again.fingerprint() == world.fingerprint() != ROOMS.fingerprint()


def test_planting_changes_training_only() -> None:
    clean = WorldConfig("clean")
    tied = with_correlation(clean, "lamp", "yes", "bedroom", 0.9)
    drafts = plan(tied, "train", 500)
    assert share(drafts, "lamp", "yes", "bedroom") == 0.9
    assert share(drafts, "lamp", "yes", "kitchen") == pytest.approx(0.1)
    assert tied.shares("eval", "lamp", "bedroom") == clean.shares("eval", "lamp", "bedroom")
    rare = plan(with_rare_case(clean, "kitchen", 0.02), "train", 500)
    assert share(rare, "kitchen_style", "galley", "kitchen") == 0.02
    shifted = with_shares(clean, "eval", "cat", {"*": yes(1.0)})
    assert share(plan(shifted, "eval", 50), "cat", "yes") == 1
    assert plan(shifted, "train", 50) == plan(clean, "train", 50)


def test_impossible_worlds_are_refused() -> None:
    clean = WorldConfig("clean")
    with pytest.raises(ValueError, match="cat"):
        plan(with_shares(clean, "train", "cat", {"*": {"yes": 0.3, "no": 0.3}}), "train", 10)
    with pytest.raises(ValueError, match="floor"):
        plan(with_shares(clean, "train", "floor", {"*": {"lava": 1.0}}), "train", 10)
    with pytest.raises(ValueError, match="close-ups"):
        with_correlation(clean, "floor", "tile", "kitchen", 0.9, close_ups=0.2)


def test_noise_without_a_rate_changes_nothing() -> None:
    drafts = plan(WorldConfig("clean", noise=LabelNoise()), "train", 100)
    assert all(d.label == d.truth for d in drafts)
