"""Models that say where something is: real folders, opened, checked and run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import RetryError, UserError
from failsight.tools.experiments.segmenters import open_segmenter
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.experiments.red_world import is_green, is_red, squares, world
from tests.fakes import segmenters as made

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
