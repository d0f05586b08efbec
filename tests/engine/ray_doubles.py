"""Models, encoders and data for the Ray tests: importable by name, so that workers can open them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from failsight.tools.engine.choice import ModelSpec
from failsight.tools.engine.ray_driver import Pass
from failsight.tools.engine.ray_work import Worker
from failsight.tools.errors import UserError
from tests.engine.doubles import CLASSES, ChannelModel


def picture_folder(root: Path, count: int, side: int = 16) -> Path:
    """``count`` seeded PNG files in one folder a class."""
    for i in range(count):
        values = np.random.default_rng(i).integers(0, 100, (side, side, 3))
        values[..., i % 3] += 120
        folder = root / CLASSES[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.astype(np.uint8)).save(folder / f"{i:05d}.png")
    return root


def torch_model(folder: Path) -> ModelSpec:
    """A small convolutional network with a linear head, as TorchScript."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    ).eval()
    folder.mkdir(exist_ok=True)
    torch.jit.script(net).save(folder / "m.pt")
    (folder / "m.json").write_text(json.dumps({"classes": list(CLASSES), "input_size": 16}))
    return ModelSpec(str(folder / "m.pt"))


class Marking(ChannelModel):
    """Leaves the number of its process in ``folder`` whenever it scores; slow enough to be caught at it."""

    def __init__(self, folder: Path, delay: float = 0.03) -> None:
        super().__init__(delay=delay)
        self.folder = folder

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        (self.folder / str(os.getpid())).touch()
        return super().scores(pixels)


class Deadly(ChannelModel):
    """Ends its process without a word at pictures darker than they should be."""

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        if len(pixels) and pixels.mean((1, 2, 3)).min() < 20:
            os._exit(9)
        return super().logits(pixels)


class Broken(ChannelModel):
    """A bug of ours."""

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("a bug")


@dataclass(frozen=True)
class OtherSpec:
    """Opens a model with other contents than the person's."""

    device: str = "cpu"

    def open(self) -> ChannelModel:
        return ChannelModel(fingerprint="other")


class MeanEncoder:
    """Three numbers a picture: its mean colour, of unit length; NaN for pictures whose first pixel is white."""

    name, fingerprint, scale, bias, vocabulary = "mean colour", "mean-colour-1", 10.0, 0.0, ()

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        means = np.stack([np.asarray(image, np.float32).mean((0, 1)) for image in images])
        means[[image.getpixel((0, 0)) == (255, 255, 255) for image in images]] = np.nan
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        raise NotImplementedError


def open_mean_encoder(path: str, device: str = "cpu") -> MeanEncoder:
    """What ``EncoderSpec`` calls."""
    if device != "cpu":
        raise UserError("only the CPU")
    return MeanEncoder()


class Memory:
    """A case's ``cached`` and ``store``."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, np.ndarray]] = {}

    def cached(self, key: Any) -> dict[str, np.ndarray] | None:
        return self.kept.get(json.dumps(key, sort_keys=True))

    def store(self, key: Any, arrays: Any) -> None:
        self.kept[json.dumps(key, sort_keys=True)] = dict(arrays)


def inline(wanted: Pass, tick: Callable[[int], None]) -> Generator[dict[str, Any], None, None]:
    """``ray_session.results`` without Ray: everything is pickled as on the way to a worker; the last unit comes first."""
    import pickle

    work, carrier, units = pickle.loads(pickle.dumps((wanted.work.on("cpu"), wanted.carrier, wanted.units)))
    worker = Worker(work, carrier)
    for unit in reversed(units):
        tick(0)
        yield worker(unit)


def alive(number: int) -> bool:
    """Whether a process runs (a dead one that nobody waited for does not)."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(numbers: Sequence[int], seconds: float = 90) -> bool:
    """Whether all processes have ended, after waiting a little."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(alive(n) for n in numbers):
            return True
        time.sleep(0.1)
    return False
