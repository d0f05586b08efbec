"""The shipped network: small, loadable, wrong where bugs are planted and right elsewhere, for the planted reasons."""

from __future__ import annotations

import csv
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from failsight.knowledge_base.cases.measure import (
    Sample,
    causes,
    errors,
    measure,
    planted,
    sample,
    shipped_network,
)
from failsight.knowledge_base.cases.model import build
from failsight.knowledge_base.cases.rooms import COUNTS, ROOMS
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.train import (
    Floats,
    TrainConfig,
    fit,
    load_split,
    probabilities,
    save,
    train,
)
from failsight.knowledge_base.cases.world import WorldConfig, with_correlation

SHIPPED = Path(str(resources.files("failsight.knowledge_base.cases"))) / "rooms_model"


@pytest.fixture(scope="module")
def network() -> Any:
    torch.set_num_threads(2)
    return shipped_network()


@pytest.fixture(scope="module")
def part() -> Sample:
    """The first 600 of the 2,250 evaluation pictures (file names are random: a fair sample)."""
    return sample(ROOMS, "eval", COUNTS["eval"], first=600)


@pytest.fixture(scope="module")
def scores(network: Any, part: Sample) -> Floats:
    return probabilities(network, part.images)


@pytest.fixture(scope="module")
def measured(part: Sample, scores: Floats) -> dict[str, Any]:
    return errors(part, scores)


def test_the_weights_are_small(network: Any) -> None:
    assert sum(p.numel() for p in network.parameters()) < 700_000
    assert (SHIPPED / "weights.safetensors").stat().st_size < 1_500_000
    assert not network.training


def test_the_side_file_says_how_to_use_them(network: Any) -> None:
    side = json.loads((SHIPPED / "model.json").read_text())
    assert side["classes"] == list(CLASSES)
    assert side["input_size"] == [ROOMS.size, ROOMS.size]
    assert side["feature_layer"] in dict(network.named_modules())
    module, factory = side["arch"].split(":")
    assert (module, factory) == (build.__module__, build.__name__)


def test_the_record_shows_a_training_that_went_well() -> None:
    with (SHIPPED / "history.csv").open(newline="") as lines:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(lines)]
    assert set(rows[0]) == {
        "epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "learning_rate",
    }  # fmt: skip
    assert rows[-1]["train_loss"] < 0.3 * rows[0]["train_loss"]
    assert rows[-1]["val_loss"] <= 1.1 * min(r["val_loss"] for r in rows)
    assert rows[-1]["val_accuracy"] > 0.9  # 3.5 % of the labels it is judged on are wrong


@pytest.mark.parametrize(
    "bug", ["television", "television:absent", "stools", "cat", "bed_like_sofa", "walk_in_shower"]
)
def test_every_planted_slice_fails(measured: dict[str, Any], bug: str) -> None:
    found = measured["slices"][bug]
    assert found["n"] >= 25
    assert found["error"] >= 0.35


def test_nothing_else_fails(measured: dict[str, Any]) -> None:
    assert measured["outside"]["n"] >= 300
    assert measured["outside"]["error"] <= 0.03
    for label, found in measured["outside_by_class"].items():
        assert found["error"] <= 0.08, label


def test_mistakes_go_where_the_cues_pull(measured: dict[str, Any]) -> None:
    for bug, label in (("television", "living_room"), ("stools", "dining_room"), ("cat", "kitchen")):
        told = measured["slices_alone"][bug]
        wrong = told["error"] * told["n"]
        right = sum(v for k, v in told["predictions"].items() if k == label)
        assert right >= 0.7 * wrong, bug
    lost = measured["slices"]["bed_like_sofa"]["predictions"]
    assert lost["bedroom"] >= 0.8 * (sum(lost.values()) - lost["living_room"])


def test_unplanted_attributes_do_not_matter(part: Sample, scores: Floats) -> None:
    """Off the planted slices, no value of another attribute goes with errors beyond a few points."""
    wrong = scores.argmax(1) != part.truth()
    outside = ~np.any(list(planted(part).values()), axis=0)
    for attribute in ("plant", "lamp", "picture", "floor", "lighting", "annotator"):
        for value in {d.attributes[attribute] for d in part.drafts}:
            inside = outside & part.having(attribute, value)
            assert wrong[inside].mean() <= 0.045, (attribute, value)


def test_painting_a_cue_over_changes_the_answer_and_the_decoy_does_not(network: Any, part: Sample) -> None:
    found = causes(network, part, limit=40, draws=2)
    for cue, own, victims in (("television", 0.4, 0.3), ("stools", 0.3, 0.2), ("cat", 0.15, 0.25)):
        assert found[f"{cue}:own"]["drop"] - found[f"{cue}:own"]["control_drop"] > own, cue
        assert found[f"{cue}:victims"]["drop"] - found[f"{cue}:victims"]["control_drop"] > victims, cue
    for where in ("plant:own", "plant:others"):
        assert found[where]["n"] >= 35
        assert abs(found[where]["drop"] - found[where]["control_drop"]) < 0.06, where


def test_training_is_repeatable_and_saves_what_it_learned(tmp_path: Path) -> None:
    world = WorldConfig("tiny", size=32)
    images, labels = load_split(world, "train", 40)
    recipe = TrainConfig(epochs=2, batch=20, threads=1)
    first, second = fit(images, labels, recipe), fit(images, labels, recipe)
    assert first.history == second.history
    for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
    save(first, world, tmp_path)
    from safetensors.torch import load_file

    again = build()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert np.array_equal(probabilities(again, images), probabilities(first.network, images))
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_the_published_figures_can_be_measured_again(network: Any) -> None:
    again = measure(network, ROOMS, COUNTS)
    published = json.loads((SHIPPED / "facts.json").read_text())
    for split in ("eval", "deploy"):
        assert again[split]["accuracy"] == pytest.approx(published[split]["accuracy"], abs=0.004)
    for name, told in published["eval"]["slices"].items():
        assert again["eval"]["slices"][name]["error"] == pytest.approx(told["error"], abs=0.02), name
    for name, told in published["masking"].items():
        assert again["masking"][name]["drop"] == pytest.approx(told["drop"], abs=0.02), name


@pytest.mark.slow
def test_a_family_of_worlds_gives_models_with_and_without_the_bug() -> None:
    clean = WorldConfig("family", size=48, seed=3)
    tied = with_correlation(clean, "television", "yes", "bedroom", 0.95, close_ups=0.3)
    pulled = []
    for world in (clean, tied):
        net = train(world, 1200, TrainConfig(epochs=8, held_out=0)).network
        data = sample(world, "eval", 400)
        guess = probabilities(net, data.images).argmax(1)
        others = data.having("television", "yes") & ~data.among(["bedroom"])
        pulled.append(float((guess[others] == CLASSES.index("bedroom")).mean()))
    assert pulled[0] < 0.1
    assert pulled[1] > 0.3
