"""What a repair is held to: which images, in both arms, and that it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.repair import training
from failsight.tools.repair.anchors import find_anchors
from failsight.tools.repair.steps import Round, good_enough
from failsight.tools.repair.untouched import untouched
from failsight.tools.retrain import retrain
from tests.fakes.view import FakeView
from tests.repair import square_world as world


@pytest.fixture
def view(tmp_path: Path) -> FakeView:
    made = world.view(tmp_path)
    made._tables["deploy"] = world.pictures(60, 9, tied=False)
    return made


def test_anchors_are_rightly_answered_images_of_a_half_that_does_not_judge(view: FakeView) -> None:
    found = find_anchors(view, world.FINDING)
    assert found is not None
    aside = found.facts["deploy"]["rows"]
    assert len(aside) == 60
    made = view.predictions("deploy")
    assert len(found.pixels) == int(made.correct[aside].sum()) < 60
    assert find_anchors(view, replace(world.FINDING, kind="distribution_shift")) is None
    assert find_anchors(view, replace(world.FINDING, slice=None, class_name=None)) is None
    assert find_anchors(view, None) is None


def test_without_labels_what_lies_outside_the_slice_is_held_to(view: FakeView) -> None:
    table = view.table("deploy")
    table.labels = np.full(len(table), -1)
    found = find_anchors(view, world.FINDING)
    assert found is not None
    outside = [v == "no" for v in table.columns["square"]]
    assert len(found.pixels) == sum(outside)
    assert find_anchors(view, replace(world.FINDING, slice=None)) is None


def test_versions_say_what_held_them_and_it_does_not_judge(view: FakeView, tmp_path: Path) -> None:
    told = retrain(view, finding="F1", data=str(tmp_path / "pool.csv"), budget=60, epochs=2, seeds=1)
    assert any("held to its old answers" in n for n in told.notes)
    repair, control = view.versions()
    assert repair.data["deploy"] == control.data["deploy"]
    keep = untouched(view, "deploy", world.FINDING, view.versions()).keep
    assert keep.sum() == 60
    assert not keep[repair.data["deploy"]["rows"]].any()


def test_what_is_held_to_moves_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {}
    for weight in (0.0, 5.0):
        view = world.view(tmp_path / str(weight))
        deploy = world.pictures(60, 9, tied=False)
        deploy.pixels = (deploy.pixels * 0.5).astype(
            np.uint8
        )  # dark: no training image shows how to move there
        view._tables["deploy"] = deploy
        monkeypatch.setattr("failsight.tools.repair.planning.Recipe", recipe(weight))
        before = view.predictions("deploy").scores
        asked = {"finding": "F1", "data": str(tmp_path / str(weight) / "pool.csv"), "budget": 60}
        retrain(view, **asked, epochs=4, seeds=1)
        judges = untouched(view, "deploy", world.FINDING, view.versions()).keep
        right = judges & view.predictions("deploy").correct
        moved[weight] = float(
            np.abs(view.version("R1.1").predictions("deploy").scores - before)[right].mean()
        )
    assert moved[5.0] < 0.8 * moved[0.0], moved


def recipe(weight: float) -> type[training.Recipe]:
    class Held(training.Recipe):
        def __init__(self, **given: object) -> None:
            super().__init__(**{"anchor": weight, **given})  # type: ignore[arg-type]

    return Held


def test_a_later_round_is_taken_unless_it_is_worse_by_more_than_chance() -> None:
    def seen(*worst: float) -> list[Round]:
        return [Round(1, 0, 0, 0, 0, w, 0) for w in worst]

    groups = np.repeat([0, 1], 50)
    assert good_enough(0.8, seen(0.7, 0.8), groups)
    assert good_enough(0.80, seen(0.84, 0.80), groups)
    assert not good_enough(0.70, seen(0.84, 0.70), groups)
    assert good_enough(1.0, seen(1.0, 1.0), groups)
