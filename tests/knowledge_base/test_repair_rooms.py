"""The renderer as a generator for repairs: it knows its own worlds only, and draws what is ordered."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from failsight.knowledge_base.cases.repair_rooms import Rooms
from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.splits import make_world
from failsight.tools.errors import RetryError
from failsight.tools.generate_repair_data import generate_repair_data
from failsight.tools.inputs import open_images
from failsight.tools.inputs.table import Images
from failsight.tools.repair.wishes import make_brief
from failsight.tools.repair.workshop import Made, Order
from tests.fakes.view import FakeView


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Images]:
    folder = tmp_path_factory.mktemp("world")
    made = make_world(ROOMS, folder, {"train": 60, "eval": 20}, processes=1)
    return {
        name: open_images(made[split], classes=CLASSES, split=name)  # type: ignore[arg-type]
        for name, split in (("data", "eval"), ("train", "train"))
    }


def case(world: dict[str, Images], folder: Path) -> FakeView:
    return FakeView(world, folder=folder, scores={})  # type: ignore[arg-type]


def test_it_knows_pictures_that_it_drew_and_no_others(world: dict[str, Images], tmp_path: Path) -> None:
    assert Rooms().knows(case(world, tmp_path), "train")
    copied = tmp_path / "manifest.csv"
    copied.write_text(
        (world["data"].root / "manifest.csv").read_text().replace("images/", f"{world['data'].root}/images/")
    )
    other = open_images(copied, classes=CLASSES, split="data")
    assert not Rooms().knows(FakeView({"data": other}, folder=tmp_path), "data")  # type: ignore[dict-item]


def test_an_order_is_drawn_with_its_values_boxes_and_size(world: dict[str, Images], tmp_path: Path) -> None:
    view, rooms = case(world, tmp_path), Rooms()
    order = Order(0, 0, "kitchen", {"television": "yes", "lighting": "dark"}, "make", 11)
    made = rooms.make(view, "train", order)
    assert isinstance(made, Made) and made.origin == "rendered" and made.suffix == ".jpg"
    assert made.values["television"] == "yes" and made.values["lighting"] == "dark"
    assert made.boxes is not None and made.boxes["television"]
    assert set(made.values) <= set(world["train"].columns)
    again = rooms.make(view, "train", order)
    assert isinstance(again, Made) and again.content == made.content


def test_what_it_can_not_draw_is_said(world: dict[str, Images], tmp_path: Path) -> None:
    said = Rooms().make(case(world, tmp_path), "train", Order(0, 0, "kitchen", {"colour": "red"}, "make", 1))
    assert said == "the renderer knows no colour=red"


def test_a_rare_sub_style_is_rendered_by_itself_when_nothing_can_be_cut_out(
    world: dict[str, Images], tmp_path: Path
) -> None:
    made = generate_repair_data(
        case(world, tmp_path), classes=("bathroom",), attributes=("bath_style=shower",), count=5
    )
    with (tmp_path / "repair" / "G1" / "manifest.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {r["label"] for r in rows} == {"bathroom"} and {r["bath_style"] for r in rows} == {"shower"}
    assert {r["origin"] for r in rows} == {"rendered"} and len(rows) == 5 and "renderer:rooms" in made.summary
    assert len({(tmp_path / "repair" / "G1" / r["path"]).read_bytes() for r in rows}) == 5


def test_elsewhere_the_renderer_is_refused(tmp_path: Path) -> None:
    from tests.repair.boxed_world import view

    with pytest.raises(RetryError, match="no installed generator"):
        generate_repair_data(view(tmp_path), finding="F1", method="renderer")


def test_a_slice_that_only_one_class_can_have_is_made_of_that_class_alone(
    world: dict[str, Images], tmp_path: Path
) -> None:
    view = case(world, tmp_path)
    brief = make_brief(view, "train", None, (), ("bath_style=shower",))
    assert {w.wanted.class_name for w in brief.wishes} == {"bathroom"} and "kitchen" in brief.notes[0]
    everywhere = make_brief(view, "train", None, (), ("television=yes",))
    assert {w.wanted.class_name for w in everywhere.wishes} == set(CLASSES) and not everywhere.notes
