"""Fills: exact colours, smooth continuation, determinism, and a diffusion pipeline made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments.fills import Fill, harmonic, make_fill
from failsight.tools.experiments.patches import patches_of

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)
HOLE = np.zeros((24, 32), bool)
HOLE[5:12, 8:20] = True


def filled(fill: Fill, picture: np.ndarray = PICTURE, hole: np.ndarray = HOLE) -> np.ndarray:
    ground = fill.background(picture, np.random.default_rng(1))
    made = picture[None].copy()
    fill.apply(made, [patches_of(hole)], ground)
    return made[0]


@pytest.mark.parametrize("name", ["mean", "dataset_mean", "blur", "noise", "inpaint"])
def test_every_fill_replaces_the_hole_only(name: str) -> None:
    fill = make_fill(name, (10.0, 20.0, 30.0))
    made = filled(fill)
    assert made.dtype == np.uint8
    assert (made[~HOLE] == PICTURE[~HOLE]).all()
    assert (made[HOLE] != PICTURE[HOLE]).any()
    assert (made == filled(make_fill(name, (10.0, 20.0, 30.0)))).all()
    assert fill.name == name


def test_mean_colours_are_exact() -> None:
    assert (filled(make_fill("mean"))[HOLE] == np.rint(PICTURE.reshape(-1, 3).mean(0))).all()
    assert (filled(make_fill("dataset_mean", (10.2, 20.0, 30.6)))[HOLE] == (10, 20, 31)).all()


def test_noise_matches_mean_and_spread() -> None:
    picture = np.clip(RNG.normal((90, 120, 150), (10, 20, 30), (64, 64, 3)), 0, 255).astype(np.uint8)
    made = make_fill("noise").background(picture, np.random.default_rng(0)).reshape(-1, 3)
    np.testing.assert_allclose(made.mean(0), (90, 120, 150), atol=3)
    np.testing.assert_allclose(made.std(0), (10, 20, 30), atol=2)


def test_a_strong_blur_leaves_no_small_contrast() -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    inner = make_fill("blur").background(board, RNG)[16:48, 16:48]
    assert np.ptp(inner.astype(int)) <= 3


def test_the_harmonic_fill_continues_a_ramp() -> None:
    """A linear ramp is harmonic: the fill must return it."""
    y, x = np.indices((48, 64))
    ramp = np.stack([40 + 2 * x, 10 + 3 * y, 20 + x + y], 2).astype(np.uint8)
    hole = np.zeros((48, 64), bool)
    hole[14:30, 20:44] = True
    error = np.abs(harmonic(np.where(hole[..., None], 0, ramp).astype(np.uint8), hole).astype(int) - ramp)
    assert error[hole].mean() < 2
    assert error.max() <= 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (7, 5)])
def test_the_harmonic_fill_takes_any_shape(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 200, np.uint8)
    hole = np.zeros(shape, bool)
    hole.flat[0] = True
    if hole.all():
        return
    assert (harmonic(picture, hole) == 200).all()


def test_inpainting_everything_takes_the_mean_colour() -> None:
    made = filled(make_fill("inpaint"), hole=np.ones((24, 32), bool))
    assert (made == np.rint(PICTURE.reshape(-1, 3).mean(0))).all()


def test_a_folder_that_is_no_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RetryError, match="no model_index"):
        make_fill(f"diffusion:{tmp_path}")
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(RetryError, match="names one"):
        make_fill(f"diffusion:{tmp_path}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pipeline_without_weights_is_refused_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(
        '{"_class_name": "StableDiffusionInpaintPipeline", "_diffusers_version": "0.30.0", "vae": ["diffusers", "AutoencoderKL"]}'
    )
    fill = make_fill(f"diffusion:{tmp_path}")
    with pytest.raises(RetryError, match="can't be loaded"):
        filled(fill)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_diffusion_pipeline_from_a_local_folder(tmp_path: Path) -> None:
    """A random Stable Diffusion inpainting pipeline of a few thousand weights, saved and loaded as a real one."""
    _tiny_pipeline(tmp_path)
    fill = make_fill(f"diffusion:{tmp_path}")
    object.__setattr__(fill, "steps", 2)
    made = filled(fill)
    assert (made[~HOLE] == PICTURE[~HOLE]).all()
    assert (made[HOLE] != PICTURE[HOLE]).any()
    assert fill.name.startswith("diffusion:") and str(tmp_path) not in fill.name


def _tiny_pipeline(folder: Path) -> None:
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    vocabulary = folder / "vocab"
    vocabulary.mkdir()
    words = [
        "<|startoftext|>",
        "<|endoftext|>",
        *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz,"),
        *"abcdefghijklmnopqrstuvwxyz,",
    ]
    (vocabulary / "vocab.json").write_text("{" + ",".join(f'"{w}": {i}' for i, w in enumerate(words)) + "}")
    (vocabulary / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(vocabulary / "vocab.json"), str(vocabulary / "merges.txt"), model_max_length=16
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words) + 10, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=16, eos_token_id=1, bos_token_id=0, pad_token_id=1,
        )
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=9, out_channels=4, layers_per_block=1, block_out_channels=(16, 32), norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=[16, 16, 16, 16], norm_num_groups=8, latent_channels=4, layers_per_block=1,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    )  # fmt: skip
    StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
