"""Models that say where something is: real folders, opened, checked and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import RetryError, UserError
from failsight.tools.experiments.segmenters import open_segmenter
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.experiments.red_world import is_green, is_red, squares, world
from tests.fakes import segmenters as made
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeTable, FakeView

for one in (add, mask, swap):
    one.__test__ = False  # type: ignore[attr-defined]  # tools, not tests
BUILT: dict[str, Callable[[Path], Path]] = {
    "mask2former": made.mask2former,
    "detr_panoptic": made.detr,
    "detr_boxes": lambda folder: made.detr(folder, boxes=True),
    "clipseg": made.clipseg,
    "owlvit": made.owlvit,
    "grounding_dino": made.grounding_dino,
}


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    from failsight.tools.inputs.models.transformers_folder import _quiet

    with _quiet():
        yield


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SegFormer that knows red and green squares."""
    pixels = squares(48, seed=9).pixels
    truth = np.where(is_red(pixels / 255), 1, np.where(is_green(pixels / 255), 2, 0))
    return made.segformer(tmp_path_factory.mktemp("models") / "squares", pixels, truth)


def overlap(found: list[np.ndarray], truth: list[np.ndarray]) -> float:
    return float(np.mean([(f & t).sum() / max(1, (f | t).sum()) for f, t in zip(found, truth, strict=True)]))


def test_a_segformer_that_was_trained_finds_what_it_knows(learnt: Path) -> None:
    pixels = squares(20, seed=3).pixels
    images = [Image.fromarray(p) for p in pixels]
    found = open_segmenter(str(learnt))
    assert found.classes == made.LABELS
    assert overlap(found.find(images, "red square"), [is_red(p / 255) for p in pixels]) > 0.8
    assert overlap(found.find(images, "green square"), [is_green(p / 255) for p in pixels[:]]) > 0.5
    blank = Image.new("RGB", (32, 32), (110, 110, 110))
    assert not found.find([blank], "red square")[0].any()
    assert (
        found.find(images[:3], "red square", 0.99)[0].sum()
        <= found.find(images[:3], "red square", 0.2)[0].sum()
    )


def test_masks_have_the_shape_of_each_image_and_a_bounded_size(learnt: Path) -> None:
    images = [Image.new("RGB", size) for size in ((32, 32), (32, 48), (32, 48), (1200, 600), (1, 700))]
    shapes = [m.shape for m in open_segmenter(str(learnt)).find(images, "room")]
    assert shapes == [(32, 32), (48, 32), (48, 32), (256, 512), (512, 1)]


@pytest.mark.parametrize("kind", BUILT)
def test_every_kind_of_model_is_opened_and_run(kind: str, tmp_path: Path) -> None:
    found = open_segmenter(str(BUILT[kind](tmp_path / kind)))
    assert found.classes == (() if kind in ("clipseg", "owlvit", "grounding_dino") else made.LABELS)
    pixels = squares(5, seed=1).pixels
    images = [Image.fromarray(p) for p in pixels] + [Image.new("RGB", (40, 24), (200, 30, 30))]
    some = found.find(images, "red square", 0.05)
    assert [m.shape for m in some] == [(32, 32)] * 5 + [(24, 40)]
    again = found.find(images, "red square", 0.05)
    assert all(np.array_equal(a, b) for a, b in zip(some, again, strict=True))
    surer = found.find(images, "red square", 0.9999)
    assert all((few <= many).all() for few, many in zip(surer, some, strict=True))
    assert kind == "owlvit" or not any(
        m.any() for m in surer
    )  # abstains; the scores of that one are all near 1
    one = found.find(images[:1], "red square", 0.05)[0]  # alone as in a batch, but for rounding at edges
    assert (one != some[0]).mean() < 0.05
    assert len(found.fingerprint) == 64


def refused(folder: Path, told: str) -> None:
    with pytest.raises(UserError, match=told):
        open_segmenter(str(folder)).find([Image.new("RGB", (32, 32))], "room")


def test_what_can_not_be_opened_is_refused_in_one_sentence(tmp_path: Path, learnt: Path) -> None:
    refused(tmp_path / "nowhere", "There is no model folder")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "holds no model")
    config = json.loads((learnt / "config.json").read_text())
    for name, change, told in (
        ("code", {"auto_map": {"AutoModel": "x.Y"}}, "Python code of its own"),
        ("other", {"architectures": ["ViTForImageClassification"]}, "does not say where things are"),
        ("one", {"architectures": ["OneFormerForUniversalSegmentation"]}, "does not say where things are"),
        ("bare", {}, "holds no weights"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        if name != "bare":
            (folder / "model.safetensors").write_bytes((learnt / "model.safetensors").read_bytes())
        refused(folder, told)
    (tmp_path / "bare" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    refused(tmp_path / "bare", "pickle")


def test_weights_that_are_broken_are_told(tmp_path: Path, learnt: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "nan"
    folder.mkdir()
    for file in learnt.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    last = next(k for k in weights if k.endswith("classifier.bias"))
    weights[last] = weights[last] * float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "not finite")
    del weights[last]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "lack 1 of the network's tensors")
    (folder / "model.safetensors").write_bytes(b"no weights")
    refused(folder, "can't be loaded")


# -- the experiments ---------------------------------------------------------------------------------


def test_a_class_of_a_segmenter_is_masked_added_and_swapped(learnt: Path) -> None:
    given: dict[str, Any] = {"segmenter": str(learnt), "class_name": "day"}
    told = mask(world(), region="object:red_square", second_fill=None, **given)
    assert told.findings[0].verdict == "confirmed"
    assert told.findings[0].slice == {"region": "object:red_square"}
    assert any("where squares finds 'red square'" in note for note in told.notes)
    decoy = mask(world(), region="object:green square", second_fill=None, **given)
    assert decoy.findings[0].verdict == "refuted"
    half = squares(every=2)
    added = add(world(half), cue="object:red square", where="true=night", doses=(), soft_edges=0, **given)
    assert (added.findings[0].verdict, added.fact("n").value) == ("confirmed", 24)
    fixed = squares(every=2, fixed=(12, 12))
    swapped = swap(world(fixed), region="object:red square", soft_edges=0, **given)
    assert swapped.findings[0].verdict == "confirmed"
    assert "the place of the red square" in swapped.title


def test_pictures_are_segmented_once(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.tools.experiments.segmenters import Semantic

    seen: list[int] = []
    real = Semantic.find

    def count(self: Any, images: Any, *rest: Any) -> Any:
        seen.append(len(images))
        return real(self, images, *rest)

    monkeypatch.setattr(Semantic, "find", count)
    view = world()
    mask(view, region="object:red square", segmenter=str(learnt), doses=(0.5,))
    assert sum(seen) == 48
    mask(view, region="object:red square", segmenter=str(learnt), fill="noise", max_images=60)
    assert sum(seen) == 48


def test_a_name_among_synonyms_is_found(tmp_path: Path, learnt: Path) -> None:
    folder = tmp_path / "ade"
    folder.mkdir()
    for file in learnt.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    names = ["room", "television receiver, television, tv", "stool"]
    config |= {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}
    (folder / "config.json").write_text(json.dumps(config))
    told = mask(
        world(), region="object:Television", segmenter=str(folder), class_name="day", second_fill=None
    )
    assert told.findings[0].verdict == "confirmed"


@pytest.mark.parametrize(
    ("region", "model", "told"),
    [
        ("object:sofa", "learnt", "room, red square, green square"),
        ("text:a red square", "learnt", "takes no words; write object:NAME"),
        ("object:red square", None, "segmenter=FOLDER"),
        ("text:cat", None, "CLIPSeg"),
        ("text:cat", "nowhere", "There is no model folder"),
        ("colour:red", "learnt", "needs none"),
        ("object:", "learnt", "say what to look for"),
        ("object:red square@1.0", "learnt", "between 0 and 1"),
        ("object:red square@0.9999999", "learnt", "0 of 48 images"),
    ],
)
def test_bad_requests_say_what_there_is(region: str, model: str | None, told: str, learnt: Path) -> None:
    view = world()
    with pytest.raises(RetryError, match=told):
        mask(view, region=region, class_name="day", segmenter=str(learnt) if model == "learnt" else model)
    assert not view.instruments


def test_words_for_a_model_with_classes_are_asked_of_one_that_takes_words(tmp_path: Path) -> None:
    folder = str(made.clipseg(tmp_path / "clipseg"))
    with pytest.raises(RetryError, match="no classes of its own; write text:WORDS"):
        mask(world(), region="object:red square", class_name="day", segmenter=folder)
    with pytest.raises(RetryError, match="“<b>cat</b>”: 0 of 48 images"):
        mask(world(), region="text:<b>cat</b>@0.9999", class_name="day", segmenter=folder)


# -- through the agent -------------------------------------------------------------------------------


def red_case(folder: Path, **config: Any) -> FakeCase:
    view = world()
    return FakeCase(folder, {"data": view.table()}, view.model(), **config)


def test_the_segmenter_that_a_case_was_opened_with_finds_its_regions(tmp_path: Path, learnt: Path) -> None:
    with red_case(tmp_path / "case", segmenter=str(learnt)) as case:
        arguments = {"region": "object:red square", "class_name": "day", "max_images": 30}
        script = ScriptedPlanner([call("test_by_masking", **arguments), "It was measured [E1]."])
        session = Session(case, planner=script, policy="auto")
        list(session.say("does it use the red square?"))
        made = case.state().evidence[-1]
        assert (made.tool, made.findings[0].verdict) == ("test_by_masking", "confirmed")
        assert made.arguments["segmenter"] == str(learnt)
        assert case.call("test_by_masking", arguments)[1]  # answered from the journal
        assert (
            case.call("test_by_masking", {"region": "colour:red", "max_images": 20})[0].arguments["segmenter"]
            is None
        )
        session.close()


def test_only_a_person_makes_a_model_be_fetched(
    tmp_path: Path, learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.tools.attributes import hub

    asked: list[str] = []
    monkeypatch.setattr(hub, "fetched", lambda name: asked.append(name) or learnt)
    arguments = {"region": "object:red square", "class_name": "day", "max_images": 20}
    with red_case(tmp_path / "bare") as case, pytest.raises(RetryError, match="named with --segmenter"):
        case.call("test_by_masking", {**arguments, "segmenter": "owner/model"})
    assert not asked
    with red_case(tmp_path / "named", segmenter="owner/model") as case:
        assert case.call("test_by_masking", arguments)[0].findings[0].verdict == "confirmed"
    assert set(asked) == {"owner/model"}


def test_a_case_without_a_segmenter_says_how_to_give_one(tmp_path: Path) -> None:
    with red_case(tmp_path / "case") as case, pytest.raises(RetryError, match="segmenter=FOLDER"):
        case.call("test_by_adding", {"cue": "text:a red square"})


# -- what takes longer --------------------------------------------------------------------------------


@pytest.mark.slow
def test_words_find_what_the_model_uses_and_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    examples = []
    for picture in squares(48, seed=9).pixels:
        red, green = is_red(picture / 255), is_green(picture / 255)
        examples += [
            (picture, "red square", red),
            (picture, "green square", green),
            (picture, "cat", red & green),
        ]
    folder = str(made.clipseg(tmp_path / "clipseg", examples, steps=250))
    given: dict[str, Any] = {"segmenter": folder, "class_name": "day", "second_fill": None}
    told = mask(world(), region="text:red square", **given)
    assert told.findings[0].verdict == "confirmed"
    assert mask(world(), region="text:green square", **given).findings[0].verdict == "refuted"
    with pytest.raises(RetryError, match="0 of 48 images"):
        mask(world(), region="text:cat", **given)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_televisions_of_the_practice_rooms_are_found_and_shown_to_matter(tmp_path: Path) -> None:
    """A SegFormer that learnt from the boxes of 150 rooms finds televisions in new ones; the demo's model is tested with it."""
    from importlib import resources

    from failsight.knowledge_base.cases.rooms import ROOMS
    from failsight.knowledge_base.cases.splits import pictures
    from failsight.tools.inputs import open_model

    def drawn(split: str, count: int) -> tuple[np.ndarray, list[Any], list[str]]:
        some = [(draft, picture) for draft, picture in pictures(ROOMS, split, count)]
        pixels = np.stack([np.asarray(p.image.convert("RGB").resize((96, 96))) for _, p in some])
        return pixels, [p.boxes for _, p in some], [p.scene.label for _, p in some]

    pixels, boxes, _ = drawn("pool", 150)
    truth = np.stack([boxed(b.get("television", ())) for b in boxes])
    folder = made.segformer(tmp_path / "rooms", pixels, truth.astype(np.int64), steps=300, size=96)
    new, own, rooms = drawn("eval", 240)
    found = open_segmenter(str(folder)).find([Image.fromarray(p) for p in new], "red square", 0.8)
    shown = [i for i, b in enumerate(own) if b.get("television")]
    assert overlap([found[i] for i in shown], [boxed(own[i]["television"]) for i in shown]) > 0.6
    shipped = resources.files("failsight.knowledge_base.cases").joinpath("rooms_model")
    model = open_model(
        Path(str(shipped)) / "weights.safetensors", arch="failsight.knowledge_base.cases.model:build"
    )
    labels = [model.classes.index(r) for r in rooms]
    view = FakeView({"data": FakeTable(new, labels, model.classes)}, model)  # type: ignore[arg-type]
    told = mask(
        view,
        region="object:red square@0.8",
        segmenter=str(folder),
        class_name="living_room",
        second_fill=None,
    )
    assert told.findings[0].verdict == "confirmed"


def boxed(boxes: Any) -> np.ndarray:
    """Boxes as a mask of 96 × 96 pixels."""
    drawn = np.zeros((96, 96), bool)
    for x0, y0, x1, y1 in boxes:
        drawn[int(y0 * 96) : int(np.ceil(y1 * 96)), int(x0 * 96) : int(np.ceil(x1 * 96))] = True
    return drawn
