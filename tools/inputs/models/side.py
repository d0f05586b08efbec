"""The side file: what can't be read from the model itself, written beside it as JSON.

``roomnet.pt`` looks for ``roomnet.json``, then ``model.json`` in the same folder. Every key is optional::

    {"classes": ["bathroom", …], "input_size": [224, 224], "crop": "center", "resize": 256,
     "interpolation": "bilinear", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
     "scale": 0.00392156862745098, "channels": "RGB", "layout": "NCHW", "ground": "drop", "outputs": "logits",
     "output": "logits", "weights": "model_ema",
     "feature_layer": "layer3.2", "arch": "module:factory", "thresholds": {"bathroom": 0.2}, "format": "…"}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import Ground, Preprocessing
from failsight.tools.inputs.models.outputs import Kind
from failsight.tools.text import clean

Fit = Literal["stretch", "crop", "square"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]

_FITS: dict[str, Fit] = {
    "stretch": "stretch",
    "resize": "stretch",
    "none": "stretch",
    "squash": "stretch",
    "crop": "crop",
    "center": "crop",
    "centre": "crop",
    "centercrop": "crop",
    "centrecrop": "crop",
    "resizethencrop": "crop",
    "square": "square",
    "centersquare": "square",
    "centresquare": "square",
    "centersquarethenresize": "square",
    "centresquarethenresize": "square",
}


@dataclass(frozen=True, slots=True)
class Side:
    """The facts of a side file; None where it is silent. ``raw`` is the JSON as read (part of the fingerprint)."""

    classes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    fit: Fit | None = None
    resize: int | None = None
    interpolation: Interpolation | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    scale: float | None = None
    channels: Literal["RGB", "BGR", "GRAY"] | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    ground: Ground | None = None
    outputs: Kind | None = None
    feature_layer: str | None = None
    arch: str | None = None
    thresholds: Mapping[str, float] | None = None
    output: str | None = None
    weights: str | None = None
    path: Path | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    def over(self, other: Side) -> Side:
        """These facts, and those of ``other`` where these are silent."""
        mine = {name: getattr(self, name) for name in _FACTS if getattr(self, name) is not None}
        return replace(other, **mine, path=self.path or other.path, raw={**other.raw, **self.raw})

    def arch_here(self) -> str | None:
        """``arch``, a file's place read from the folder of the side file where the file is there."""
        before, _, function = (self.arch or "").rpartition(":")
        beside = self.path.parent / before if self.path and before.endswith(".py") else None
        return f"{beside.resolve()}:{function}" if beside is not None and beside.is_file() else self.arch

    def preprocessing(self, fallback: Preprocessing | None = None) -> Preprocessing | None:
        """The preprocessing these facts give, over ``fallback``; None when not even the input size is known."""
        if self.size is None and fallback is None:
            return None
        base = fallback or Preprocessing(size=self.size or (0, 0))
        changes: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "size",
                "fit",
                "interpolation",
                "mean",
                "std",
                "scale",
                "channels",
                "layout",
                "ground",
            )
            if getattr(self, name) is not None
        }
        if changes.get("channels", base.channels) == "BGR" and base.channels != "BGR":
            # mean and deviation stand in the order of the channels: those that nobody stated are turned with them
            changes = {"mean": base.mean[::-1], "std": base.std[::-1], **changes}
        if self.resize is not None or self.fit is not None or self.size is not None:
            changes["resize"] = self.resize
        return replace(base, **changes)


_FACTS = [
    "classes",
    "size",
    "fit",
    "resize",
    "interpolation",
    "mean",
    "std",
    "scale",
    "channels",
    "layout",
    "ground",
    "outputs",
    "feature_layer",
    "arch",
    "thresholds",
    "output",
    "weights",
]


def from_shape(
    shape: Sequence[Any], layout: Literal["NCHW", "NHWC"] | None = None
) -> tuple[Side, int | None]:
    """What the shape of a four-dimensional input says: size, layout and channels where they are fixed numbers.

    Returns:
        These facts, and the batch size when it is fixed.
    """
    batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else None
    if layout is None:
        layout = "NHWC" if shape[3] in (1, 3) and shape[1] not in (1, 3) else "NCHW"
    height, width, channels = shape[1:] if layout == "NHWC" else (shape[2], shape[3], shape[1])
    known = isinstance(height, int) and isinstance(width, int) and min(height, width) > 0
    size = (height, width) if known else None
    return Side(size=size, layout=layout, channels="GRAY" if channels == 1 else None), batch


def find_side(model: Path, given: Path | None = None) -> Side:
    """The side file of ``model``: the one given, else NAME.json beside it, else model.json; empty when there is none.

    Raises:
        UserError: the file given is missing, or a side file is not what it should be.
    """
    if given is not None:
        if not given.is_file():
            raise UserError(f"The side file {clean(given)} does not exist.", "Check the path.")
        return read_side(given)
    folder = model if model.is_dir() else model.parent
    names = ["model.json"] if model.is_dir() else [f"{model.stem}.json", "model.json"]
    for name in names:
        if (folder / name).is_file():
            return read_side(folder / name)
    return Side()


def read_side(path: Path) -> Side:
    """Read and check one side file. Raises UserError naming the key at fault."""
    try:
        raw = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as problem:
        raise UserError(
            f"The side file {clean(path)} is not readable JSON ({clean(problem)}).", "Mend it."
        ) from problem
    if not isinstance(raw, dict):
        raise UserError(f"The side file {clean(path)} must hold one JSON object.", _KEYS)
    try:
        return parse_side(raw, path)
    except (TypeError, ValueError, OverflowError) as problem:
        raise UserError(f"The side file {clean(path)}: {clean(problem)}.", _KEYS) from problem


_KEYS = "Its keys are classes, input_size, crop, resize, interpolation, mean, std, channels, layout, outputs, output, weights, feature_layer, thresholds."


def parse_side(raw: Mapping[str, Any], path: Path | None = None) -> Side:
    """The facts in ``raw``. A nested ``preprocessing`` object counts as if its keys stood at the top.

    Raises:
        ValueError: a value is out of its range; the message names the key.
    """
    nested = raw.get("preprocessing")
    facts: dict[str, Any] = {**raw, **(nested if isinstance(nested, dict) else {})}
    return Side(
        classes=_classes(facts.get("classes")),
        size=_size(facts.get("input_size", facts.get("size"))),
        fit=_fit(facts.get("fit", facts.get("crop"))),
        resize=_resize(facts.get("resize")),
        interpolation=_one_of(facts, "interpolation", get_args(Interpolation)),
        mean=_triple(facts.get("mean"), "mean"),
        std=_triple(facts.get("std"), "std", positive=True),
        scale=_scale(facts.get("scale")),
        channels=_channels(facts.get("channels")),
        layout=_one_of(facts, "layout", ("NCHW", "NHWC")),
        ground=_ground(facts.get("ground")),
        outputs=_one_of(facts, "outputs", get_args(Kind)),
        feature_layer=_text(facts, "feature_layer"),
        arch=_text(facts, "arch"),
        thresholds=_thresholds(facts.get("thresholds")),
        output=_text({"output": _as_text(facts.get("output"))}, "output"),
        weights=_text(facts, "weights"),
        path=path,
        raw=dict(raw),
    )


def _classes(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, dict):  # {"0": "bathroom", …} or {"bathroom": 0, …}
        if all(isinstance(v, int) for v in value.values()):
            value = [name for name, _ in sorted(value.items(), key=lambda item: item[1])]
        else:
            value = [value[key] for key in sorted(value, key=int)]
    if (
        not isinstance(value, list)
        or len(value) < 2
        or not all(isinstance(v, str) and v.strip() for v in value)
    ):
        raise ValueError(
            "classes must be a list of at least two names (a model with one output, a sigmoid, names two: first the one that a low output stands for)"
        )
    names = tuple(clean(v) for v in value)
    if len(set(names)) != len(names):
        raise ValueError("classes names the same class twice")
    return names


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = [value, value] if isinstance(value, int) else list(value) if isinstance(value, list) else []
    if len(pair) == 3:  # [3, height, width] or [height, width, 3]
        pair = pair[1:] if pair[0] in (1, 3) else pair[:2]
    if len(pair) != 2 or not all(isinstance(v, int) and 1 <= v <= 4096 for v in pair):
        raise ValueError("input_size must be a number of pixels or [height, width], 1 to 4096")
    return pair[0], pair[1]


def _fit(value: Any) -> Fit | None:
    if value is None:
        return None
    key = "".join(ch for ch in str(value).lower() if ch.isalpha())
    if key not in _FITS:
        raise ValueError(
            f"crop must be one of stretch, center, square (centre square, then resize), not {value!r}"
        )
    return _FITS[key]


def _resize(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not 1 <= value <= 8192:
        raise ValueError("resize must be the shorter side in pixels, 1 to 8192")
    return value


def _triple(value: Any, name: str, *, positive: bool = False) -> tuple[float, float, float] | None:
    if value is None:
        return None
    numbers = (
        [value] * 3 if isinstance(value, int | float) else list(value) if isinstance(value, list) else []
    )
    if len(numbers) == 1:
        numbers = numbers * 3
    good = len(numbers) == 3 and all(isinstance(v, int | float) and math.isfinite(v) for v in numbers)
    if not good or (positive and min(numbers) <= 0):
        raise ValueError(
            f"{name} must be three {'positive ' if positive else ''}numbers for pixels from 0 to 1"
        )
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


def _scale(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value) or value == 0:
        raise ValueError(
            "scale must be a number other than 0 (1/255 maps pixels to 0–1; below 0 pictures are fed as negatives)"
        )
    return float(value)


def _channels(value: Any) -> Literal["RGB", "BGR", "GRAY"] | None:
    if value is None:
        return None
    name = {"L": "GRAY", "GREY": "GRAY", "1": "GRAY", "3": "RGB"}.get(str(value).upper(), str(value).upper())
    if name not in ("RGB", "BGR", "GRAY"):
        raise ValueError(f"channels must be RGB, BGR or GRAY, not {value!r}")
    return name  # type: ignore[return-value]


def _ground(value: Any) -> Ground | None:
    name = "grey" if str(value).lower() == "gray" else value
    made: Ground | None = _one_of({"ground": name}, "ground", get_args(Ground))
    return made


def _thresholds(value: Any) -> Mapping[str, float] | None:
    """Class name → threshold; whether the model has these classes is seen once it is open."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError('thresholds must be an object such as {"bathroom": 0.2}')
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number <= 1:
            raise ValueError(f"the threshold of {name} must be a number above 0 and at most 1")
    return {clean(name): float(number) for name, number in value.items()}


def _one_of(facts: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> Any:
    value = facts.get(key)
    if value is None:
        return None
    for choice in choices:
        if str(value).lower() == choice.lower():
            return choice
    raise ValueError(f"{key} must be one of {', '.join(choices)}, not {value!r}")


def _as_text(value: Any) -> Any:
    """A place given as a number, as the text it is compared by."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(facts: Mapping[str, Any], key: str) -> str | None:
    value = facts.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a piece of text")
    return value
