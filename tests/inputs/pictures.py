"""Small pictures and folders of them for the tests of inputs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth seeded picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def coloured(name: str, seed: int = 0, size: tuple[int, int] = (16, 16)) -> Image.Image:
    """A picture whose strongest channel is ``name``, with seeded noise."""
    rng = np.random.default_rng([seed, list(COLOURS).index(name)])
    values = np.array(COLOURS[name]) + rng.integers(-15, 16, (*size, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def class_folders(
    root: Path, each: int = 3, names: tuple[str, ...] = tuple(COLOURS), suffix: str = ".png"
) -> Path:
    """``root/<class>/<number>.png``, each picture different; classes beyond the colours take the colours in turn."""
    for k, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True)
        colour = name if name in COLOURS else list(COLOURS)[k % 3]
        for i in range(each):
            coloured(colour, seed=100 * k + i).save(folder / f"{i:03d}{suffix}")
    return root


def bytes_of(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """``image`` as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
