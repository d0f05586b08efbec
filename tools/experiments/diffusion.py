"""Fill by generative inpainting: a diffusers pipeline from a local folder, loaded on first use, never from the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.experiments.fills import Blur
from failsight.tools.experiments.patches import Patches, as_mask
from failsight.tools.inputs.base import Pixels
from failsight.tools.text import clean

STEPS = 20
GRAIN = 64  # sides are rounded up to this many pixels: every published latent model takes such sizes
PROMPT = "empty room, plain background"


@dataclass
class Diffusion:
    """An inpainting pipeline as a fill.

    Only pixels inside the region are taken from what the pipeline returns: models repaint their surroundings a little.

    Attributes:
        name: ``diffusion:`` and a digest of the folder's content, so that results are cached by content, not by path.
    """

    folder: Path
    name: str
    steps: int = STEPS
    prompt: str = PROMPT
    _pipeline: Any = field(default=None, repr=False)

    @classmethod
    def load(cls, folder: Path, steps: int = STEPS) -> Diffusion:
        """The fill for the pipeline in ``folder``; its weights are read on first use.

        Raises:
            RetryError: the folder is not a diffusers pipeline.
        """
        index = folder / "model_index.json"
        if not _is_index(index):
            raise RetryError(
                f"fill: {clean(folder, 120)} is no diffusers pipeline (it has no model_index.json that names one); "
                "give the folder of an inpainting pipeline as diffusion:FOLDER."
            )
        seen = hashlib.sha256(index.read_bytes())
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            seen.update(
                f"{file.relative_to(folder)} {file.stat().st_size}".encode("utf-8", "surrogateescape")
            )
        return cls(folder, f"diffusion:{seen.hexdigest()[:16]}", steps)

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        """A blur, as an estimate of what the pipeline will paint."""
        return Blur().background(picture, rng)

    def apply(self, copies: Pixels, regions: Sequence[Patches], ground: Pixels) -> None:
        """See :meth:`failsight.tools.experiments.fills.Fill.apply`. One pipeline call per region; noise is seeded."""
        import torch
        from PIL import Image

        pipeline = self._ready()
        height, width = copies.shape[1:3]
        size = (-(-width // GRAIN) * GRAIN, -(-height // GRAIN) * GRAIN)
        for one, region in zip(copies, regions, strict=True):
            mask = as_mask(region, height, width)
            painted = pipeline(
                prompt=self.prompt,
                image=Image.fromarray(one).resize(size, Image.Resampling.BICUBIC),
                mask_image=Image.fromarray(mask).convert("L").resize(size, Image.Resampling.NEAREST),
                width=size[0],
                height=size[1],
                num_inference_steps=self.steps,
                generator=torch.Generator().manual_seed(0),
                output_type="pil",
            ).images[0]
            small = np.asarray(painted.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
            one[mask] = small[mask]

    def _ready(self) -> Any:
        if self._pipeline is None:
            from diffusers import AutoPipelineForInpainting

            try:
                self._pipeline = AutoPipelineForInpainting.from_pretrained(
                    self.folder, local_files_only=True, use_safetensors=True, safety_checker=None
                )
            except (OSError, ValueError) as problem:
                first = clean(str(problem).strip().split("\n")[0], 160)
                raise RetryError(
                    f"fill: the pipeline in {clean(self.folder, 120)} can't be loaded ({first})."
                ) from problem
            self._pipeline.set_progress_bar_config(disable=True)
        return self._pipeline


def _is_index(path: Path) -> bool:
    """Whether ``path`` is a pipeline's index."""
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and "_class_name" in raw
