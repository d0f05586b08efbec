"""What every model that puts pictures and words into one space looks like to a tool: one small protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Floats


class Encoder(Protocol):
    """A dual encoder such as CLIP (Radford et al. 2021) or SigLIP (Zhai et al. 2023)."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def fingerprint(self) -> str:
        """Content of weights, tokenizer and image processing."""

    @property
    def scale(self) -> float:
        """What multiplies cosines before a softmax: the exponential of CLIP's ``logit_scale``."""

    @property
    def bias(self) -> float:
        """SigLIP's ``logit_bias``; 0 for CLIP."""

    @property
    def vocabulary(self) -> Sequence[Definition]:
        """Attributes that the encoder's folder proposes (``attributes.json``); empty where it names none."""

    def embed_images(self, images: Sequence[Image]) -> Floats:
        """(n, d) float32 of unit length."""

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """(m, d) float32 of unit length."""
