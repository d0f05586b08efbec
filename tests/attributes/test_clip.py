"""Dual encoders from folders: tiny random CLIP and SigLIP models, the shipped one, and folders that are something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes.clip import open_encoder
from failsight.tools.attributes.zero_shot import assign_values, embed_values
from failsight.tools.errors import UserError

SIDE = 32


def save_tokenizer(folder: Path) -> int:
    """A CLIP tokenizer of single characters; its vocabulary size."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz.,"
    tokens = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=[], model_max_length=24).save_pretrained(
        folder
    )
    return len(tokens)


def save_processor(folder: Path, kind: str = "CLIPImageProcessor") -> None:
    settings: dict[str, Any] = {
        "image_processor_type": kind,
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "size": {"height": SIDE, "width": SIDE},
    }
    if "CLIP" in kind:
        crop = {"height": SIDE, "width": SIDE}
        settings |= {"size": {"shortest_edge": SIDE}, "crop_size": crop, "do_center_crop": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def shapes(vocab: int) -> tuple[dict[str, Any], dict[str, Any]]:
    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**tower, "vocab_size": vocab, "max_position_embeddings": 24, "bos_token_id": vocab - 2}
    return {**text, "eos_token_id": vocab - 1, "pad_token_id": vocab - 1}, {
        **tower,
        "image_size": SIDE,
        "patch_size": 16,
    }


def make_clip(folder: Path) -> Path:
    import torch
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir()
    text, vision = shapes(save_tokenizer(folder))
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**text, "projection_dim": 12},
        vision_config={**vision, "projection_dim": 12},
        projection_dim=12,
    )
    CLIPModel(config).save_pretrained(folder)
    save_processor(folder)
    return folder


def make_siglip(folder: Path) -> Path:
    import torch
    from transformers import SiglipConfig, SiglipModel

    folder.mkdir()
    text, vision = shapes(save_tokenizer(folder))
    torch.manual_seed(0)
    model = SiglipModel(SiglipConfig(text_config={**text, "projection_size": 16}, vision_config=vision))
    with torch.no_grad():
        model.logit_bias.fill_(-7.0)
        model.logit_scale.fill_(2.0)
    model.save_pretrained(folder)
    save_processor(folder, "SiglipImageProcessor")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("encoders") / "tiny_clip")


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_siglip(tmp_path_factory.mktemp("encoders") / "tiny_siglip")


@pytest.fixture
def broken(clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip, tmp_path / "broken"))


def pictures(count: int, seed: int = 0) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    sizes = [(40, 50), (64, 31), (32, 32)]
    return [Image.fromarray(rng.integers(0, 256, (*sizes[k % 3], 3), dtype=np.uint8)) for k in range(count)]


@pytest.mark.parametrize("which", ["clip", "siglip"])
def test_embeddings_are_what_transformers_gives_at_unit_length(
    which: str, request: pytest.FixtureRequest
) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder: Path = request.getfixturevalue(which)
    encoder = open_encoder(str(folder))
    texts = ["a cat", "a very long text, " * 30, "no dog."]
    made = encoder.embed_texts(texts)
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    padding = "max_length" if which == "siglip" else True
    tokens = tokenizer(texts, padding=padding, truncation=True, max_length=24, return_tensors="pt")
    kept = {k: tokens[k] for k in ("input_ids", "attention_mask")}
    with torch.no_grad():
        expected = model.get_text_features(**kept)
    expected = getattr(expected, "pooler_output", expected).numpy()
    np.testing.assert_allclose(made, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)
    shown = encoder.embed_images(pictures(5))
    assert shown.dtype == made.dtype == np.float32
    assert shown.shape[1] == made.shape[1]
    np.testing.assert_allclose(np.linalg.norm(shown, axis=1), 1, atol=1e-5)


def test_pictures_are_prepared_as_the_folder_says(clip: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    some = pictures(4)
    pixels = AutoImageProcessor.from_pretrained(clip)(some, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = AutoModel.from_pretrained(clip).eval().get_image_features(pixel_values=pixels)
    expected = getattr(expected, "pooler_output", expected).numpy()
    made = open_encoder(str(clip)).embed_images(some)
    np.testing.assert_allclose(made, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=2e-4)


def test_scale_and_bias_come_from_the_model(clip: Path, siglip: Path) -> None:
    assert open_encoder(str(clip)).scale == pytest.approx(np.exp(2.6592), rel=1e-3)
    assert open_encoder(str(clip)).bias == 0.0
    second = open_encoder(str(siglip))
    assert second.scale == pytest.approx(np.exp(2.0), rel=1e-5)
    assert second.bias == -7.0


@pytest.mark.parametrize("which", ["clip", "siglip"])
def test_pictures_of_the_model_s_own_size_go_the_short_way_to_the_same_place(
    which: str, request: pytest.FixtureRequest
) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    folder: Path = request.getfixturevalue(which)
    fitting = [pictures(3)[2]]
    pixels = AutoImageProcessor.from_pretrained(folder)(fitting, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval().get_image_features(pixel_values=pixels)
    expected = getattr(expected, "pooler_output", expected).numpy()
    made = open_encoder(str(folder)).embed_images(fitting)
    np.testing.assert_allclose(made, expected / np.linalg.norm(expected), atol=2e-4)


def test_batches_do_not_change_the_answers_and_none_is_fine(clip: Path) -> None:
    encoder = open_encoder(str(clip))
    some = pictures(300)
    whole = encoder.embed_images(some)
    np.testing.assert_allclose(whole[256:], encoder.embed_images(some[256:]), atol=1e-5)
    assert encoder.embed_images([]).shape == (0, 12)
    assert encoder.embed_texts([]).shape == (0, 12)
    assert np.isfinite(encoder.embed_texts(["", " ", "💥", "\u202e", "{}"])).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_any_mode_are_taken(clip: Path, mode: str) -> None:
    assert open_encoder(str(clip)).embed_images([pictures(1)[0].convert(mode)]).shape == (1, 12)


def test_the_fingerprint_follows_the_content_not_the_place_nor_the_vocabulary(
    clip: Path, broken: Path
) -> None:
    first = open_encoder(str(clip)).fingerprint
    assert open_encoder(str(broken)).fingerprint == first
    (broken / "attributes.json").write_text("[]")
    assert open_encoder(str(broken)).fingerprint == first
    (broken / "tokenizer.json").write_text((broken / "tokenizer.json").read_text() + " ")
    assert open_encoder(str(broken)).fingerprint != first


def test_opening_loads_neither_torch_nor_transformers(clip: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from failsight.tools.attributes.clip import open_encoder;"
        f"e = open_encoder({str(clip)!r}); e.vocabulary; print(e.name, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["tiny_clip", "False", "False"]


def test_other_families_of_two_towers_go_the_same_way(tmp_path: Path) -> None:
    from transformers import BertTokenizer, ChineseCLIPConfig, ChineseCLIPModel

    (tmp_path / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "dog"])
    )
    BertTokenizer(str(tmp_path / "vocab.txt"), model_max_length=24).save_pretrained(tmp_path)
    text, vision = shapes(7)
    config = ChineseCLIPConfig(
        text_config={**text, "pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2},
        vision_config=vision,
        projection_dim=12,
    )
    ChineseCLIPModel(config).save_pretrained(tmp_path)
    save_processor(tmp_path, "ChineseCLIPImageProcessor")
    encoder = open_encoder(str(tmp_path))
    assert encoder.embed_texts(["cat", "dog dog"]).shape == (2, 12)
    assert encoder.embed_images(pictures(2)).shape == (2, 12)


def test_an_image_processor_without_one_size_is_refused(broken: Path) -> None:
    settings = json.loads((broken / "preprocessor_config.json").read_text())
    (broken / "preprocessor_config.json").write_text(json.dumps({**settings, "do_center_crop": False}))
    with pytest.raises(UserError, match="one size") as refusal:
        open_encoder(str(broken)).embed_images(pictures(1))
    assert "pictures of one size" in refusal.value.hint


def test_a_model_that_needs_more_than_pixels_is_refused(tmp_path: Path) -> None:
    from transformers import Siglip2Config, Siglip2Model

    text, vision = shapes(save_tokenizer(tmp_path))
    vision = {k: v for k, v in vision.items() if k != "image_size"} | {"num_patches": 4}
    Siglip2Model(
        Siglip2Config(text_config={**text, "projection_size": 16}, vision_config=vision)
    ).save_pretrained(tmp_path)
    save_processor(tmp_path, "SiglipImageProcessor")
    with pytest.raises(UserError, match="can't take pictures"):
        open_encoder(str(tmp_path)).embed_images(pictures(1))


# -- folders that are something else ----------------------------------------------------------------


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-200])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def classifier(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["BertModel"], "model_type": "bert"}')


def with_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))


def other_family(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "nonesuch"}))


def captioner(folder: Path) -> None:
    """Two towers, but no common space."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "model_type": "llava", "architectures": ["Llava"]})
    )


def other_weights(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors.pop("visual_projection.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def not_finite(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    for name in ("visual_projection.weight", "text_projection.weight"):
        tensors[name] = tensors[name] * np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (without("config.json"), "can't be read"),
    "config is no JSON": (lambda f: (f / "config.json").write_text("<html>") and None, "can't be read"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]") and None, "no JSON object"),
    "no weights": (without("model.safetensors"), "no weights"),
    "weights cut short": (cut, "can't be read"),
    "a pickle": (pickled, "pickle .* run code"),
    "another architecture": (classifier, "does not put pictures and words into one space"),
    "code of its own": (with_code, "Python code of its own"),
    "an unknown family": (other_family, "can't be loaded"),
    "a captioner": (captioner, "one space|can't be loaded|do not fill"),
    "weights missing inside": (other_weights, "do not fill the network"),
    "no tokenizer": (without("tokenizer.json"), "how words become tokens"),
    "torn tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{") and None,
        "tokenizer .* can't be loaded",
    ),
    "no processor": (without("preprocessor_config.json"), "how pictures are prepared"),
    "not finite": (not_finite, "not finite"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_folder_that_is_no_encoder_is_refused_in_one_sentence(what: str, broken: Path) -> None:
    damage, said = HOSTILE[what]
    damage(broken)
    with pytest.raises(UserError, match=said) as refusal:
        open_encoder(str(broken)).embed_texts(["a cat"])
    assert refusal.value.hint
    assert "\n" not in str(refusal.value)
    assert str(broken.parent) not in refusal.value.message


def test_nan_pictures_are_said_too(broken: Path) -> None:
    not_finite(broken)
    with pytest.raises(UserError, match=r"not finite \(pictures\)"):
        open_encoder(str(broken)).embed_images(pictures(1))


@pytest.mark.parametrize(
    "missing", ["/nowhere/at/all", "./clip", "~/no such encoder", "..", "owner/name/more", ""]
)
def test_a_missing_folder_is_never_looked_for_on_the_hub(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.tools.attributes.clip.fetched", lambda _name: pytest.fail("fetched"))
    with pytest.raises(UserError):
        open_encoder(missing)


def test_a_hub_id_that_can_not_be_fetched_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_args: object, **_more: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(UserError, match="no model of that name can be fetched"):
        open_encoder("owner/name")


def test_a_file_is_no_folder(clip: Path) -> None:
    with pytest.raises(UserError, match="is a file"):
        open_encoder(str(clip / "config.json"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "null",
        "[3]",
        '{"name": "x"}',
        '[{"values": ["a", "b"]}]',
        '[{"name": "x", "values": ["a"]}]',
        '[{"name": "x", "values": 3}]',
        '[{"name": "x", "values": ["a", "b"], "temperature": "warm"}]',
        '[{"name": "x", "values": ["a", "b"], "phrases": 3}]',
    ],
)
def test_a_damaged_vocabulary_is_said(broken: Path, text: str) -> None:
    (broken / "attributes.json").write_text(text)
    with pytest.raises(UserError, match=r"attributes\.json can't be read"):
        _ = open_encoder(str(broken)).vocabulary


def test_a_vocabulary_brings_phrases_and_calibration(broken: Path) -> None:
    entry = {
        "name": "light",
        "values": ["on", "off"],
        "phrases": {"on": ["a lamp that is on"]},
        "temperature": 2,
    }
    (broken / "attributes.json").write_text(json.dumps([entry]))
    (only,) = open_encoder(str(broken)).vocabulary
    assert (only.key, only.values, only.by) == ("zero_shot:light", ("on", "off"), "broken")
    own = open_encoder(str(broken)).fingerprint
    assert only.settings == {"temperature": 2.0, "calibrated_for": own}
    assert open_encoder(str(broken.parent / "broken")).embed_texts(["x"]).shape == (1, 12)
    words = embed_values(open_encoder(str(broken)), [only])
    assert len(assign_values(open_encoder(str(broken)).embed_images(pictures(3)), words)[only.key].codes) == 3
