"""Labelled shifts to check accuracy estimates against: real CIFAR models on perturbed JPEGs, the demo's model on other rooms.

A *world* is one model with its evaluation images and many deployment samples whose true labels are known: brightness,
contrast, blur, noise, JPEG and rotation at three severities, and other class mixes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from failsight.tools.engine import predict
from failsight.tools.inputs.base import LeftOut, Predictions

Array = np.ndarray[Any, Any]
SEVERITIES: Mapping[str, tuple[float, float, float]] = {
    "brightness": (0.7, 0.45, 0.25),
    "contrast": (0.7, 0.45, 0.25),
    "blur": (0.4, 0.7, 1.1),
    "noise": (6, 14, 28),
    "jpeg": (60, 30, 12),
    "rotation": (6, 14, 28),
}
#: kinds that played no part while the rule for the stated estimate was made
HELD_OUT: Mapping[str, tuple[float, float, float]] = {
    "pixelate": (0.8, 0.6, 0.45),
    "saturation": (0.5, 0.0, 2.5),
    "occlusion": (0.2, 0.35, 0.5),
    "gamma": (0.6, 1.7, 3.0),
    "salt": (0.01, 0.03, 0.08),
    "zoom": (0.85, 0.7, 0.55),
}
MIXES: Mapping[str, float] = {
    "slightly": 0.8,
    "clearly": 2.0,
    "strongly": 3.5,
}  # spread of the log class weights
RELATIVE = 32  # side that blur radii are given for


class Pictures:
    """Images in memory as an ``ImageTable``: (n, h, w, 3) uint8."""

    format = "memory"
    root = Path(".")
    boxes = None

    def __init__(
        self, pixels: Array, labels: Array, classes: tuple[str, ...], columns: Mapping[str, Any] | None = None
    ) -> None:
        self.pixels, self.labels, self.classes = pixels, np.asarray(labels, np.int64), classes
        self.columns = dict(columns or {})
        self.paths = [f"{i:05d}.png" for i in range(len(pixels))]
        self.left_out: tuple[LeftOut, ...] = ()
        self.fingerprint = hashlib.sha256(pixels.tobytes() + self.labels.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.labels)

    def open(self, row: int) -> Image.Image:
        return Image.fromarray(self.pixels[row])

    def some(self, rows: Array) -> Pictures:
        """The same with these rows only, in this order."""
        columns = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return Pictures(self.pixels[rows], self.labels[rows], self.classes, columns)


@dataclass
class World:
    """One model, its evaluation images, and deployment samples by the name of the shift."""

    name: str
    model: Any
    data: Pictures
    shifts: dict[str, Pictures]


def perturbed(picture: Image.Image, kind: str, level: float, rng: np.random.Generator) -> Image.Image:
    """The picture with one perturbation; blur scales with its size."""
    if kind == "brightness":
        return ImageEnhance.Brightness(picture).enhance(level)
    if kind == "contrast":
        return ImageEnhance.Contrast(picture).enhance(level)
    if kind == "blur":
        return picture.filter(ImageFilter.GaussianBlur(level * picture.width / RELATIVE))
    if kind == "noise":
        pixels = np.asarray(picture, np.float64)
        return Image.fromarray(np.clip(pixels + rng.normal(0, level, pixels.shape), 0, 255).astype(np.uint8))
    if kind == "jpeg":
        stored = io.BytesIO()
        picture.save(stored, "JPEG", quality=int(level))
        return Image.open(io.BytesIO(stored.getvalue())).convert("RGB")
    if kind == "rotation":
        return picture.rotate(float(level if rng.random() < 0.5 else -level), Image.Resampling.BILINEAR)
    return _held_out(picture, kind, level, rng)


def _held_out(picture: Image.Image, kind: str, level: float, rng: np.random.Generator) -> Image.Image:
    size = picture.size
    if kind == "pixelate":
        small = picture.resize([max(1, round(level * s)) for s in size], Image.Resampling.BOX)
        return small.resize(size, Image.Resampling.NEAREST)
    if kind == "saturation":
        return ImageEnhance.Color(picture).enhance(level)
    if kind == "gamma":
        return picture.point([round(255 * (v / 255) ** level) for v in range(256)] * 3)
    if kind == "zoom":
        left, top = (round((1 - level) / 2 * s) for s in size)
        return picture.crop((left, top, size[0] - left, size[1] - top)).resize(
            size, Image.Resampling.BILINEAR
        )
    pixels = np.asarray(picture).copy()
    if kind == "occlusion":
        h, w = (round(level * s) for s in pixels.shape[:2])
        y, x = int(rng.integers(0, pixels.shape[0] - h + 1)), int(rng.integers(0, pixels.shape[1] - w + 1))
        pixels[y : y + h, x : x + w] = 110
        return Image.fromarray(pixels)
    if kind == "salt":
        hit = rng.random(pixels.shape[:2])
        pixels[hit < level / 2], pixels[hit > 1 - level / 2] = 0, 255
        return Image.fromarray(pixels)
    raise ValueError(kind)


def under(table: Pictures, kind: str, level: float, seed: int) -> Pictures:
    """The table with every picture perturbed alike."""
    rng = np.random.default_rng(seed)
    pixels = np.stack([np.asarray(perturbed(table.open(i), kind, level, rng)) for i in range(len(table))])
    return Pictures(pixels, table.labels, table.classes, table.columns)


def mixed(table: Pictures, spread: float, n: int, rng: np.random.Generator) -> Pictures:
    """``n`` pictures drawn without replacement from a class mix whose log weights are uniform over ``spread``."""
    k = len(table.classes)
    weight = np.exp(rng.permutation(np.linspace(0, spread, k)))
    have = np.bincount(table.labels, minlength=k)
    n = int(min(n, (have / (weight / weight.sum())).min()))
    wanted = np.round(n * weight / weight.sum()).astype(int)
    rows = [rng.permutation(np.flatnonzero(table.labels == c))[: wanted[c]] for c in range(k)]
    return table.some(np.sort(np.concatenate(rows)))


def shifted(
    pool: Pictures, n: int, seed: int, kinds: Mapping[str, tuple[float, ...]] = SEVERITIES
) -> Iterator[tuple[str, Pictures]]:
    """Every perturbation at every severity, class mixes, and both at once; each of at most ``n`` pictures."""
    rng = np.random.default_rng(seed)
    for kind, levels in kinds.items():
        for level in levels:
            rows = np.sort(rng.permutation(len(pool))[:n])
            yield f"{kind} {level:g}", under(pool.some(rows), kind, level, int(rng.integers(2**31)))
    for name, spread in MIXES.items():
        yield f"class mix {name}", mixed(pool, spread, n, rng)
    names = list(kinds)
    for kind in (names[2], names[0]):
        both = under(mixed(pool, MIXES["clearly"], n, rng), kind, kinds[kind][1], seed)
        yield f"class mix clearly, {kind} {kinds[kind][1]:g}", both


def cifar(
    shared: Path,
    arch: str,
    *,
    each: int = 150,
    n: int = 1200,
    seed: int = 0,
    kinds: Mapping[str, tuple[float, ...]] = SEVERITIES,
) -> World:
    """A CIFAR-10 model of the shared data on its JPEG test images: ``each`` of a class to evaluate on, the rest to shift."""
    from failsight.tools.inputs import open_model

    files = {"cifar_resnet20": "cifar10_resnet20", "cifar_resnet56": "cifar10_resnet56", "cifar_resnet4b_robust": "cifar10_resnet4b_robust"}  # fmt: skip
    model = open_model(shared / "models" / f"{files[arch]}.safetensors", arch=arch)
    pixels, labels = [], []
    for c, name in enumerate(model.classes):
        for path in sorted((shared / "cifar10" / "test" / name).glob("*.jpg"))[:600]:
            with Image.open(path) as picture:
                pixels.append(np.asarray(picture.convert("RGB")))
            labels.append(c)
    whole = Pictures(np.stack(pixels), np.array(labels), tuple(model.classes))
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(whole.labels == c)) for c in range(len(whole.classes))]
    data = whole.some(np.sort(np.concatenate([o[:each] for o in order])))
    pool = whole.some(np.sort(np.concatenate([o[each:] for o in order])))
    return World(arch, model, data, dict(shifted(pool, n, seed, kinds)))


ROOMS: Mapping[str, Mapping[str, Any]] = {
    "half dark": {"lighting": {"*": {"dark": 0.5, "soft": 0.25, "bright": 0.25}}},
    "dark": {"lighting": {"*": {"dark": 0.75, "soft": 0.25}}},
    "all dark": {"lighting": {"*": {"dark": 1.0}}},
    "soft": {"lighting": {"*": {"soft": 1.0}}},
    "half tilted": {"tilt": {"*": {"tilted": 0.5, "level": 0.5}}},
    "tilted": {"tilt": {"*": {"tilted": 1.0}}},
    "cluttered": {"clutter": {"*": {"cluttered": 0.8, "tidy": 0.2}}},
    "phone": {"camera": {"*": {"phone": 1.0}}},
    "snapshots": {
        "lighting": {"*": {"dark": 0.75, "soft": 0.25}},
        "tilt": {"*": {"tilted": 0.7, "level": 0.3}},
        "clutter": {"*": {"cluttered": 0.8, "tidy": 0.2}},
        "camera": {"*": {"phone": 1.0}},
    },
    "dark and tilted": {"lighting": {"*": {"dark": 0.75, "soft": 0.25}}, "tilt": {"*": {"tilted": 0.7, "level": 0.3}}},
}  # fmt: skip

#: and these played no part while the rule was made
OTHER_ROOMS: Mapping[str, Mapping[str, Any]] = {
    "a third dark": {"lighting": {"*": {"dark": 0.35, "soft": 0.25, "bright": 0.4}}},
    "bright": {"lighting": {"*": {"bright": 1.0}}},
    "dark by phone": {"lighting": {"*": {"dark": 0.6, "soft": 0.4}}, "camera": {"*": {"phone": 1.0}}},
    "cluttered and tilted": {"clutter": {"*": {"cluttered": 1.0}}, "tilt": {"*": {"tilted": 1.0}}},
    "dark and cluttered": {
        "lighting": {"*": {"dark": 0.9, "soft": 0.1}},
        "clutter": {"*": {"cluttered": 1.0}},
    },
    "tiled floors": {"floor": {"*": {"tile": 1.0}}},
}


def rooms(
    *, n: int = 600, pool: int = 2000, seed: int = 5, mixes: Mapping[str, Mapping[str, Any]] = ROOMS
) -> World:
    """The demo's model on new rooms: other lighting, tilt, clutter and camera, and other class mixes.

    Args:
        n: pictures of the evaluation split and of each shift.
        pool: pictures that class mixes are drawn from; 0 for no class mixes.
        seed: of the rooms.
        mixes: the shares of each shift that differ from the evaluation split's.
    """
    from importlib import resources

    from failsight.knowledge_base.cases.world import WorldConfig
    from failsight.tools.inputs import open_model

    home = resources.files("failsight.knowledge_base.cases").joinpath("rooms_model")
    model = open_model(
        Path(str(home)) / "weights.safetensors", arch="failsight.knowledge_base.cases.model:build"
    )
    config = WorldConfig("shifts", seed=seed)
    data = drawn(config, "eval", n)
    shifts = {
        name: drawn(replace(config, mixes={"deploy": mix}, seed=seed + i), "deploy", n)
        for i, (name, mix) in enumerate(mixes.items())
    }
    if pool:
        more = drawn(replace(config, seed=seed + 99), "pool", pool)
        rng = np.random.default_rng(seed)
        for name, spread in MIXES.items():
            shifts[f"class mix {name}"] = mixed(more, spread, n, rng)
    return World("demo rooms", model, data, shifts)


def drawn(config: Any, split: str, n: int) -> Pictures:
    from failsight.knowledge_base.cases.measure import sample

    made = sample(config, split, n)
    names = ("lighting", "tilt", "clutter")
    columns = {name: [d.attributes[name] for d in made.drafts] for name in names}
    return Pictures(
        np.ascontiguousarray(made.images.transpose(0, 2, 3, 1)), made.truth(), config.classes, columns
    )


def answers(world: World) -> dict[str, Predictions]:
    """The model's answers on the evaluation images (``data``) and on every shift, features included; one pass each."""
    made = {"data": predict(world.data, world.model, split="data")}
    made |= {name: predict(table, world.model, split="deploy") for name, table in world.shifts.items()}
    return made
