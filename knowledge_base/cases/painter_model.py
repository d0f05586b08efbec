"""The shipped painter before it has learned anything: a small latent diffusion model made of diffusers' own parts.

Its folder is a plain ``StableDiffusionPipeline`` (Rombach et al. 2022): the text tower of the shipped encoder, a tiny
autoencoder, a UNet over its latents, a DDIM scheduler. So any program that reads diffusers folders can paint with it, from
text, from a picture, or inside a mask, and no code of ours is needed for that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch

TOKENS = 40
"""Length of a prompt in tokens; longer ones are cut."""

FACTOR = 4
"""Side of a latent cell in pixels."""


@dataclass(frozen=True)
class PainterConfig:
    """How the painter is built and trained.

    Attributes:
        pictures: to learn from; each is also seen mirrored.
        code_steps, code_batch, code_rate: of the autoencoder.
        steps, batch, rate: of the UNet (AdamW, peak rate).
        widths: channels of the UNet's levels, at 16, 8 and 4 cells a side.
        unsaid: share of pictures shown without words, for guidance (Ho & Salimans 2022).
        decay: of the running mean of the weights that is kept.
        gamma: bound of the loss weights (Hang et al. 2023).
        seed: of weights, order, noise and prompts.
    """

    pictures: int = 11_000
    code_steps: int = 2_000
    code_batch: int = 16
    code_rate: float = 3e-3
    steps: int = 3_800
    batch: int = 16
    rate: float = 1.2e-3
    widths: tuple[int, int, int] = (32, 72, 96)
    unsaid: float = 0.12
    decay: float = 0.995
    gamma: float = 5.0
    seed: int = 0


def build_code() -> Any:
    """A fresh autoencoder: 64 × 64 pixels to 16 × 16 cells of four numbers and back."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(32, 32, 32),
        latent_channels=4,
        num_encoder_blocks=(0, 1, 2),
        num_decoder_blocks=(2, 1, 0),
    )


def build_unet(config: PainterConfig) -> Any:
    """A fresh UNet that listens to words at its two coarser levels."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=config.widths,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def build_scheduler() -> Any:
    """DDIM (Song et al. 2021) on a cosine schedule, predicting velocities (Salimans & Ho 2022)."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


def text_tower() -> tuple[Any, Any]:
    """Tokenizer and text encoder of the shipped encoder, frozen."""
    from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

    folder = str(resources.files("failsight.knowledge_base.cases").joinpath("rooms_clip"))
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=TOKENS)
    whole = CLIPModel.from_pretrained(folder)
    tower = CLIPTextModel(whole.config.text_config)
    wanted = set(tower.state_dict())
    given = {k: v for k, v in whole.state_dict().items() if k.startswith("text_model.")}
    if not wanted & set(given):
        given = {k.removeprefix("text_model."): v for k, v in given.items()}
    tower.load_state_dict({k: v for k, v in given.items() if k in wanted}, strict=False)
    return tokenizer, tower.eval().requires_grad_(False)


def listen(tokenizer: Any, tower: Any, texts: list[str]) -> torch.Tensor:
    """(n, TOKENS, 128): what the UNet hears of each text, as the pipeline computes it."""
    tokens = tokenizer(
        texts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    heard: torch.Tensor = tower(tokens)[0]
    return heard


def assemble(code: Any, unet: Any, folder: Path) -> None:
    """Write the pipeline's folder in half precision."""
    from diffusers import StableDiffusionPipeline

    tokenizer, tower = text_tower()
    made = StableDiffusionPipeline(
        vae=code,
        text_encoder=tower,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.to(dtype=torch.float16).save_pretrained(folder)
    told = json.loads((folder / "vae" / "config.json").read_text())
    told.pop("_name_or_path", None)  # where it was trained is nobody's business
    (folder / "vae" / "config.json").write_text(json.dumps(told, indent=2) + "\n")
    for part in ("vae", "unet", "text_encoder"):
        for file in (folder / part).glob("*.safetensors"):
            file.chmod(0o644)
