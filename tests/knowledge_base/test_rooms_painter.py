"""The painter that ships with the demo: a plain diffusers folder, small, and of use by the tool as it stands."""

from __future__ import annotations

import csv
import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.splits import make_world
from failsight.tools.generate_repair_data import generate_repair_data
from failsight.tools.inputs import open_images
from failsight.tools.repair.pipelines import Request, open_painter
from tests.fakes.view import FakeView

SHIPPED = Path(str(resources.files("failsight.knowledge_base.cases").joinpath("rooms_painter")))


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_is_small_and_holds_no_code() -> None:
    files = [p for p in SHIPPED.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 10 * 2**20
    assert {p.suffix for p in files} <= {".json", ".safetensors", ".txt"}
    index = json.loads((SHIPPED / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert {index[k][0] for k in ("vae", "unet", "scheduler")} == {"diffusers"}


def test_its_card_says_how_often_class_and_attribute_are_seen() -> None:
    card = json.loads((SHIPPED / "card.json").read_text())
    measured, most = card["measured"], card["renderer"]
    assert measured["pictures"] >= 50
    for name in ("class_by_classifier", "class_by_encoder", "attribute_by_encoder"):
        assert 0 <= measured[name] <= most[name] <= 1
    assert measured["class_by_encoder"] > 0.8 and measured["attribute_by_encoder"] > 0.5


@pytest.mark.slow
def test_it_paints_the_same_picture_from_the_same_seed() -> None:
    painter = open_painter("rooms", "text_to_image", steps=2, batch=2)
    asked = [Request("a photo of a kitchen with a television", 3), Request("a photo of a bedroom", 4)]
    one, two = list(painter.paint(asked)), list(painter.paint(asked[:1]))
    assert one[0] is not None and one[0].size == (64, 64) and two[0] is not None
    gap = np.abs(np.asarray(one[0], int) - np.asarray(two[0], int))
    assert gap.max() <= 2  # alone or in a batch, up to rounding
    assert one[1] is not None and not np.array_equal(np.asarray(one[0]), np.asarray(one[1]))
    assert not painter.filtered


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> FakeView:
    from failsight.tools.attributes.clip import open_encoder

    folder = tmp_path_factory.mktemp("world")
    made = make_world(ROOMS, folder, {"train": 60, "eval": 10}, processes=1)
    tables = {
        n: open_images(made[s], classes=CLASSES, split=n) for n, s in (("data", "eval"), ("train", "train"))
    }  # type: ignore[arg-type]
    case = FakeView(tables, folder=tmp_path_factory.mktemp("case"), scores={})  # type: ignore[arg-type]
    case.given_encoder = open_encoder(str(SHIPPED.parent / "rooms_clip"))
    return case


@pytest.mark.slow
def test_the_whole_path_from_words_to_a_sifted_manifest(view: FakeView) -> None:
    made = generate_repair_data(
        view, classes=("kitchen", "bedroom"), attributes=("television=yes",), pipeline="rooms",
        method="text_to_image", count=8, steps=12, guidance=4.0, batch=8, name="words",
    )  # fmt: skip
    found = made.fact("wanted_found", "attribute television")
    assert found.n is not None and found.n >= 8 and found.value > 0.5
    rows = rows_of(view.workspace("words"))
    assert (
        rows and {r["television"] for r in rows} == {"yes"} and {r["origin"] for r in rows} == {"generated"}
    )
    assert all("television" in r["prompt"] for r in rows)
    assert len(rows) == made.fact("pictures_kept").value


@pytest.mark.slow
@pytest.mark.parametrize("value", ["yes", "no"])
def test_inpainting_leaves_the_rest_of_the_picture_as_it_was(view: FakeView, value: str) -> None:
    classes = ("kitchen",) if value == "yes" else ("living_room",)
    case = view
    made = generate_repair_data(
        case, classes=classes, attributes=(f"television={value}",), cue="box:television", pipeline="rooms",
        method="inpaint", count=4, steps=10, strength=1.0, keep="all", name=f"paint-{value}",
    )  # fmt: skip
    table, folder = case.table("train"), case.workspace(f"paint-{value}")
    assert made.fact("pictures_kept").value == 4
    for row in rows_of(folder):
        source = list(table.paths).index(row["repair_of"])
        old = np.asarray(table.open(source).convert("RGB"), int)
        new = np.asarray(Image.open(folder / row["path"]), int)
        assert old.shape == new.shape
        changed = (np.abs(old - new).sum(2) > 0).mean()
        assert 0 < changed < 0.4


@pytest.mark.slow
def test_a_picture_painted_over_keeps_its_place_in_the_world(view: FakeView) -> None:
    made = generate_repair_data(
        view, classes=("bedroom",), attributes=("lighting=dark",), pipeline="rooms", method="image_to_image",
        count=4, steps=10, strength=0.7, keep="all", name="over",
    )  # fmt: skip
    assert made.fact("pictures_kept").value == 4
    assert all(r["repair_of"] for r in rows_of(view.workspace("over")))
