"""Transformers folders: the scores are those of transformers' own pipeline, whatever the image processor does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_model

LABELS = {0: "kitchen", 1: "bath room", 2: "hall"}
SIZES = [(90, 70), (64, 64), (101, 333), (20, 30), (640, 481)]


def save(folder: Path, processor: Any, *, vit: bool = False) -> Path:
    """A tiny seeded network with ``processor`` as a transformers folder."""
    import torch
    import transformers as tf

    torch.manual_seed(0)
    labels = {"id2label": LABELS, "label2id": {v: k for k, v in LABELS.items()}}
    if vit:
        small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        net = tf.ViTForImageClassification(tf.ViTConfig(image_size=64, patch_size=16, **small, **labels))
    else:
        net = tf.ResNetForImageClassification(
            tf.ResNetConfig(
                embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **labels
            )
        )
    net.eval().save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    return folder


def same_as_the_pipeline(folder: Path) -> float:
    """The largest difference of any score over pictures of awkward sizes."""
    import transformers as tf

    model = open_model(folder)
    pipe = tf.pipeline("image-classification", model=str(folder))
    worst = 0.0
    for size in SIZES:
        picture = Image.fromarray(
            np.random.default_rng(size).integers(0, 256, (*size[::-1], 3)).astype(np.uint8)
        )
        ours = dict(zip(model.classes, model.scores(model.prepare(picture)[None])[0], strict=True))
        theirs = {one["label"]: one["score"] for one in pipe(picture, top_k=3)}
        worst = max(worst, *(abs(ours[name] - theirs[name]) for name in ours))
    return worst


def test_the_side_file_may_name_another_output(tmp_path: Path) -> None:
    """DeiT with a distillation token gives three sets of scores; ``logits`` is the mean of the two others."""
    import torch
    import transformers as tf

    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    labels = {"id2label": LABELS, "label2id": {v: k for k, v in LABELS.items()}}
    net = tf.DeiTForImageClassificationWithTeacher(
        tf.DeiTConfig(image_size=64, patch_size=16, **small, **labels)
    )
    net.eval().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["DeiTForImageClassificationWithTeacher"]
    tf.ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    whole = open_model(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    with torch.inference_mode():
        all_ = net(pixel_values=whole.normalise(pixels))
    assert np.allclose(whole.logits(pixels), all_.logits.numpy(), atol=1e-5)
    for wanted, name in (("distillation_logits", "distillation_logits"), ("1", "cls_logits")):
        (tmp_path / "model.json").write_text(json.dumps({"output": wanted}))
        other = open_model(tmp_path)
        assert np.allclose(other.logits(pixels), all_[name].numpy(), atol=1e-5)
        assert other.fingerprint != whole.fingerprint
        assert not any("is not read" in note for note in other.notes)
    (tmp_path / "model.json").write_text(json.dumps({"weights": "teacher"}))
    assert any(n.startswith("weights in model.json is not read") for n in open_model(tmp_path).notes)
    (tmp_path / "model.json").write_text(json.dumps({"output": "probs"}))
    with pytest.raises(UserError, match=r"no output probs.*logits, cls_logits and distillation_logits"):
        open_model(tmp_path)


PROCESSORS = {
    "vit": ("ViTImageProcessor", {"size": {"height": 64, "width": 64}}),
    "convnext small": ("ConvNextImageProcessor", {"size": {"shortest_edge": 64}, "crop_pct": 0.875}),
    "convnext large": ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}),
    "efficientnet": (
        "EfficientNetImageProcessor",
        {"size": {"height": 64, "width": 64}, "rescale_offset": True, "rescale_factor": 1 / 127.5},
    ),
    "mobilenet": (
        "MobileNetV2ImageProcessor",
        {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 64}},
    ),
    "mobilevit": (
        "MobileViTImageProcessor",
        {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 64}},
    ),
    "deit": (
        "DeiTImageProcessor",
        {"size": {"height": 73, "width": 73}, "crop_size": {"height": 64, "width": 64}},
    ),
    "clip": ("CLIPImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROCESSORS)
def test_every_processor_equals_its_pipeline(kind: str, tmp_path: Path) -> None:
    import transformers as tf

    name, options = PROCESSORS[kind]
    assert same_as_the_pipeline(save(tmp_path / "m", getattr(tf, name)(**options))) < 1e-5


def test_a_folder_equals_its_pipeline_and_is_checked(tmp_path: Path) -> None:
    """The short version of the above, and everything about folders that needs the slow import."""
    import transformers as tf

    folder = save(
        tmp_path / "m",
        tf.DeiTImageProcessor(size={"height": 73, "width": 73}, crop_size={"height": 64, "width": 64}),
    )
    assert same_as_the_pipeline(folder) < 1e-5
    model = open_model(folder)
    assert model.format == "transformers"
    assert model.classes == tuple(LABELS.values())
    assert model.feature_layer == "model.resnet.encoder.stages.1"
    x0, _, x1, _ = model.prepare_box((0.25, 0.25, 0.75, 0.75), 500, 400)
    assert (x0, x1) == pytest.approx(((0.25 - 4 / 73) / (64 / 73), (0.75 - 4 / 73) / (64 / 73)), abs=0.01)
    (folder / "model.json").write_text(
        json.dumps({"input_size": 64, "mean": 0.5, "std": 0.5, "crop": "stretch"})
    )
    stated = open_model(folder)
    assert stated.preprocessing.fit == "stretch"
    assert stated.fingerprint != model.fingerprint
    vit = save(tmp_path / "v", tf.ViTImageProcessor(size={"height": 64, "width": 64}), vit=True)
    assert open_model(vit).feature_layer is None  # its only maps are patches
    assert open_model(vit).preprocessing.fit == "stretch"
    _refusals(tmp_path, vit)


def test_a_size_that_a_configuration_only_states_is_not_blamed(tmp_path: Path) -> None:
    """A network of convolutions takes any size: where names do not fit its outputs, that is what is said."""
    import transformers as tf

    folder = save(tmp_path / "m", tf.ViTImageProcessor(size={"height": 64, "width": 64}))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "image_size": 224}))
    assert open_model(folder).preprocessing.size == (64, 64)
    (folder / "model.json").write_text(json.dumps({"classes": ["a", "b"]}))
    with pytest.raises(UserError, match=r"has 3 outputs, but 2 class names"):
        open_model(folder)


def _refusals(tmp_path: Path, good: Path) -> None:
    def but(name: str, **changes: Any) -> Path:
        folder = tmp_path / name
        shutil.copytree(good, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(
            json.dumps({k: v for k, v in {**config, **changes}.items() if v is not None})
        )
        return folder

    for name, changes, words in (
        ("code", {"auto_map": {"AutoModel": "x.Y"}}, r"brings Python code of its own.*--trust-code"),
        ("many", {"problem_type": "multi_label_classification"}, r"names? one class per image"),
        ("text", {"architectures": ["BertForMaskedLM"]}, r"is no image classifier"),
        (
            "names",
            {"id2label": None, "label2id": None, "num_labels": 3},
            r"does not say what its classes|do not fill|can't be loaded",
        ),
        (
            "head",
            {"id2label": {str(i): str(i) for i in range(5)}, "label2id": None},
            r"do not fill the network|can't be loaded",
        ),
    ):
        with pytest.raises(UserError, match=words):
            open_model(but(name, **changes))
    bare = but("bare")
    (bare / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"no preprocessor_config.json"):
        open_model(bare)
    empty = but("empty")
    (empty / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"can't be loaded"):
        open_model(empty)
    _pickled(but("pickled"), tmp_path / "it_ran")


def _pickled(folder: Path, target: Path) -> None:
    import torch

    from tests.inputs.test_refusals import Bomb

    (folder / "model.safetensors").unlink()
    torch.save({"x": Bomb(target)}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pickle that would run code"):
        open_model(folder)
    assert not target.exists()


def test_hub_models_are_fetched_only_when_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked: list[tuple[str, Any]] = []

    def download(name: str, allow_patterns: Any = None) -> str:
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(UserError, match=r"holds no model"):
        open_model("hub:owner/name")
    assert asked == [("owner/name", ["*.json", "*.safetensors"])]
    with pytest.raises(UserError, match=r"does not exist"):
        open_model("owner/name")
    assert len(asked) == 1
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *a, **k: (_ for _ in ()).throw(OSError("no"))
    )
    with pytest.raises(UserError, match=r"can't be fetched"):
        open_model("hub:owner/name")


def test_a_processor_that_fails_by_itself_is_said_to() -> None:
    """As one whose settings lack a number that its own code divides by."""
    from failsight.tools.inputs.models.processor import from_processor

    def broken(image: Any, **_: Any) -> Any:
        raise TypeError("unsupported operand type(s) for /: 'int' and 'NoneType'")

    with pytest.raises(UserError, match=r"fails on a picture \(TypeError: unsupported operand"):
        from_processor(broken)
