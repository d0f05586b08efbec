"""Edits of one prepared picture: a small grammar, and what each edit does to the pixels that the model sees.

brightness:-30%      light, from −100 (black) to +200 per cent; so too contrast, saturation
hue:+60              colours turned by so many degrees, brightness kept
blur:2% sharpen:100% noise:10%    width as a share of the shorter side; strength; standard deviation of grey levels
rotate:15            degrees counter-clockwise; what turns into the frame is mirrored
zoom:+50%            closer (up to +300) or further away (down to −50, surroundings mirrored)
jpeg:20              quality, 1 to 95
flip:horizontal      or vertical
grey
crop:x0,y0,x1,y1     this part alone, fractions of width and height, stretched to the whole
mask:REGION          a region covered: box:television, rect:x0,y0,x1,y1, grid:1,4/4x4, border:0.1, corners:0.2
paste:REGION from IMAGE    what another image shows there, at the same place

Edits are made on prepared pixels, not on the file, so that nothing but the edit lies between two scores.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.warps import bilinear, gaussian
from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.text import clean

Still = Callable[[Pixels], Pixels]  # one picture (h, w, 3) uint8, edited
Graded = Callable[[Floats, float, int], Floats]  # one picture (1, h, w, 3) in [0, 1], strength, seed
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
MOST = 12  # edits in a sequence


@dataclass(frozen=True)
class Kind:
    """An edit whose strength can be turned like a knob.

    Attributes:
        neutral: the strength at which nothing happens.
        low, high: the weakest and strongest that make sense.
        usual: strength when only the name is given.
        unit: what stands behind the number: ``%``, ``°`` or nothing.
        signed: whether strengths are said with their sign.
        words: what it stands for.
        whole: whether only whole numbers make a difference.
        tested: the name under which ``robustness_probe`` measures the like over many images, or empty.
    """

    name: str
    neutral: float
    low: float
    high: float
    usual: float
    unit: str
    signed: bool
    words: str
    change: Graded
    tested: str = ""
    whole: bool = False

    def said(self, strength: float) -> str:
        """``brightness −32 %``, ``rotate +15°``, ``jpeg 20``."""
        shown = f"{abs(strength):.3g}" if abs(strength) < 100 else f"{abs(strength):.0f}"
        sign = "−" if strength < 0 else "+" if self.signed and strength > 0 else ""
        unit = " %" if self.unit == "%" else self.unit
        return f"{self.name} {sign}{shown}{unit}"


@dataclass(frozen=True)
class Edit:
    """One edit of a sequence.

    Attributes:
        kind: the knob, or None for an edit that is made or not made.
        strength: where the knob stands.
        title: what a sentence calls the edit.
        still: for edits without a knob, what they do.
        region: the region covered or pasted, in its grammar; empty for edits of the whole picture.
    """

    title: str
    kind: Kind | None = None
    strength: float = 0.0
    still: Still | None = None
    region: str = ""

    def apply(self, picture: Pixels, seed: int, strength: float | None = None) -> Pixels:
        """``picture`` (h, w, 3) edited; ``strength`` in place of the edit's own."""
        if self.still is not None:
            return self.still(picture)
        assert self.kind is not None
        at = self.strength if strength is None else strength
        if at == self.kind.neutral:
            return picture
        changed = self.kind.change(picture[None].astype(np.float32) / 255, at, seed)[0]
        made: Pixels = np.clip(np.rint(changed * 255), 0, 255).astype(np.uint8)
        return made


def _brightness(x: Floats, at: float, seed: int) -> Floats:
    made: Floats = x * np.float32(1 + at / 100)
    return made


def _contrast(x: Floats, at: float, seed: int) -> Floats:
    mean = x.mean((1, 2), keepdims=True)
    made: Floats = mean + (x - mean) * np.float32(1 + at / 100)
    return made


def _saturation(x: Floats, at: float, seed: int) -> Floats:
    grey = (x @ _LUMA)[..., None]
    made: Floats = grey + (x - grey) * np.float32(1 + at / 100)
    return made


def _hue(x: Floats, at: float, seed: int) -> Floats:
    """Colours turned about the grey axis, then moved along it so that brightness stays (Haeberli 1993)."""
    turn, third = math.radians(at), 1 / 3
    c, s = math.cos(turn), math.sin(turn) * math.sqrt(third)
    matrix = np.full((3, 3), (1 - c) * third) + np.eye(3) * c
    matrix += s * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turned = x @ matrix.T.astype(np.float32)
    made: Floats = turned + ((x - turned) @ _LUMA)[..., None]
    return made


def _blur(x: Floats, at: float, seed: int) -> Floats:
    return gaussian(x, at / 100 * min(x.shape[1:3]))


def _sharpen(x: Floats, at: float, seed: int) -> Floats:
    soft = gaussian(x, max(0.7, 0.01 * min(x.shape[1:3])))
    made: Floats = x + np.float32(at / 100) * (x - soft)
    return made


def _noise(x: Floats, at: float, seed: int) -> Floats:
    """The same grain at every strength, only stronger."""
    grain = np.random.default_rng([seed, 7]).standard_normal(x.shape, dtype=np.float32)
    made: Floats = x + np.float32(at / 100) * grain
    return made


def _rotate(x: Floats, at: float, seed: int) -> Floats:
    height, width = x.shape[1:3]
    angle = math.radians(at)
    down, right = (np.arange(n) - (n - 1) / 2 for n in (height, width))
    rows = down[:, None] * math.cos(angle) + right[None] * math.sin(angle) + (height - 1) / 2
    columns = right[None] * math.cos(angle) - down[:, None] * math.sin(angle) + (width - 1) / 2
    return bilinear(x, rows[None], columns[None])


def _zoom(x: Floats, at: float, seed: int) -> Floats:
    return _window(x, 0.5, 0.5, 1 / (1 + at / 100), 1 / (1 + at / 100))


def _window(x: Floats, centre_y: float, centre_x: float, tall: float, wide: float) -> Floats:
    """The part of the picture round a centre, stretched to the whole; all in fractions."""
    height, width = x.shape[1:3]
    rows = (centre_y + (np.arange(height) + 0.5) / height * tall - tall / 2) * height - 0.5
    columns = (centre_x + (np.arange(width) + 0.5) / width * wide - wide / 2) * width - 0.5
    shape = (1, height, width)
    return bilinear(x, np.broadcast_to(rows[:, None], shape), np.broadcast_to(columns[None], shape))


def _jpeg(x: Floats, at: float, seed: int) -> Floats:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rint(x[0] * 255).astype(np.uint8)).save(buffer, "JPEG", quality=round(at))
    with Image.open(buffer) as back:
        made: Floats = np.asarray(back.convert("RGB"), np.float32)[None] / 255
    return made


_ALL = (
    Kind("brightness", 0, -100, 200, -50, "%", True, "more or less light", _brightness, "darker"),
    Kind("contrast", 0, -100, 300, -50, "%", True, "flatter or harder contrast", _contrast, "low_contrast"),
    Kind("saturation", 0, -100, 300, -100, "%", True, "paler or stronger colours", _saturation),
    Kind("hue", 0, -180, 180, 90, "°", True, "turned colours", _hue),
    Kind("blur", 0, 0, 15, 2, "%", False, "a softer lens", _blur, "gaussian_blur"),
    Kind("sharpen", 0, 0, 500, 100, "%", False, "sharper edges", _sharpen),
    Kind("noise", 0, 0, 60, 10, "%", False, "sensor noise", _noise, "gaussian_noise"),
    Kind("rotate", 0, -180, 180, 15, "°", True, "a tilted camera", _rotate, "rotation"),
    Kind("zoom", 0, -50, 300, 50, "%", True, "a closer or wider frame", _zoom, "closer"),
    Kind("jpeg", 100, 1, 100, 20, "", False, "stronger compression", _jpeg, "jpeg", whole=True),
)
KINDS: Mapping[str, Kind] = {one.name: one for one in _ALL}
_ALIASES = {
    "darker": "brightness:-50",
    "brighter": "brightness:50",
    "lighter": "brightness:50",
    "desaturate": "saturation:-100",
    "gray": "grey",
    "greyscale": "grey",
    "grayscale": "grey",
    "black_and_white": "grey",
    "mirror": "flip:horizontal",
    "upside_down": "rotate:180",
    "blurred": "blur",
    "rotated": "rotate",
    "noisy": "noise",
    "quality": "jpeg",
    "compression": "jpeg",
}
GRAMMAR = (
    *(f"{k.name}:{k.usual:g}{k.unit if k.unit == '%' else ''}" for k in _ALL),
    "flip:horizontal",
    "grey",
    "crop:x0,y0,x1,y1",
    "mask:REGION",
    "paste:REGION from IMAGE",
)
_NUMBER = re.compile(r"^\s*([+\-−–]?\s*\d+(?:\.\d+)?)\s*(?:%|°|deg(?:rees)?)?\s*$")
Placed = Callable[[str], Still]  # a region (and what it is pasted from) as an edit of one picture


def parse_edits(text: str, mask: Placed, paste: Callable[[str, str], Still]) -> tuple[Edit, ...]:
    """The edits that ``text`` names, in order, separated by semicolons or ``then``.

    Args:
        mask: makes the edit that covers a region.
        paste: makes the edit that pastes a region from an image.

    Raises:
        RetryError: an edit is not in the grammar, or too strong, or there are more than twelve.
    """
    parts = [p.strip() for p in re.split(r";|,?\s+then\s+", text) if p.strip()]
    if len(parts) > MOST:
        raise RetryError(f"edits: at most {MOST} edits in a row, not {len(parts)}.")
    return tuple(_parse(part, mask, paste) for part in parts)


def _parse(text: str, mask: Placed, paste: Callable[[str, str], Still]) -> Edit:
    plain = _ALIASES.get(text.strip().casefold().replace(" ", "_").replace("-", "_"), text)
    name, colon, rest = (part.strip() for part in plain.partition(":"))
    if not colon and len(plain.split()) == 2:  # brightness -30%
        name, rest = plain.split()
    name = name.casefold()
    name, _, usual = _ALIASES.get(name, name).partition(":")
    if name in KINDS:
        return _graded(KINDS[name], rest, text, down=usual.startswith("-"))
    if name == "grey" and not rest:
        return Edit("grey", still=_grey)
    if name == "flip":
        return _flip(rest.casefold() or "horizontal", text)
    if name == "crop":
        return _crop(rest, text)
    if name == "mask" and rest:
        return Edit(f"{_thing(rest)} covered", still=mask(rest), region=rest)
    if name == "paste" and " from " in rest:
        region, _, source = rest.rpartition(" from ")
        return Edit(
            f"{_thing(region)} pasted from {clean(source, 30)}",
            still=paste(region.strip(), source.strip()),
            region=region.strip(),
        )
    raise RetryError(f"edits: {clean(text, 60)!r} is not an edit.", GRAMMAR)


def _thing(region: str) -> str:
    """``television`` for ``box:television``; other regions as they are written."""
    return clean(region.strip().removeprefix("box:").replace("_", " "), 40)


def _graded(kind: Kind, rest: str, text: str, down: bool) -> Edit:
    """``down``: the name itself says that it goes down, so that ``darker:30`` is −30."""
    strength = kind.usual
    if rest:
        found = _NUMBER.match(rest)
        if not found:
            raise RetryError(
                f"edits: {clean(text, 60)!r}: write a number, for example {kind.name}:{kind.usual:g}."
            )
        strength = float(re.sub(r"\s", "", found[1]).replace("−", "-").replace("–", "-"))
        strength = -abs(strength) if down else strength
    if not kind.low <= strength <= kind.high:
        raise RetryError(
            f"edits: {kind.name} goes from {kind.low:g} to {kind.high:g}, not {clean(rest, 20)}."
        )
    return Edit(kind.said(strength), kind, strength)


def _grey(picture: Pixels) -> Pixels:
    grey = np.rint(picture.astype(np.float32) @ _LUMA).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def _flip(way: str, text: str) -> Edit:
    if way in ("horizontal", "left_right"):
        return Edit("flipped left to right", still=lambda p: np.ascontiguousarray(p[:, ::-1]))
    if way in ("vertical", "upside_down"):
        return Edit("flipped top to bottom", still=lambda p: np.ascontiguousarray(p[::-1]))
    raise RetryError(f"edits: {clean(text, 60)!r}: flip horizontal or vertical.")


def _crop(rest: str, text: str) -> Edit:
    try:
        numbers = tuple(float(n) for n in (rest or "0.1,0.1,0.9,0.9").split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not (0 <= numbers[0] < numbers[2] <= 1 and 0 <= numbers[1] < numbers[3] <= 1):
        raise RetryError(
            f"edits: {clean(text, 60)!r}: write crop:x0,y0,x1,y1 with fractions, x0 < x1 and y0 < y1."
        )
    x0, y0, x1, y1 = numbers

    def cut(picture: Pixels) -> Pixels:
        seen = _window(picture[None].astype(np.float32) / 255, (y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0)
        made: Pixels = np.clip(np.rint(seen[0] * 255), 0, 255).astype(np.uint8)
        return made

    return Edit(f"cropped to {x0:g},{y0:g},{x1:g},{y1:g}", still=cut)


Strengths = npt.NDArray[np.float64]


def ladder(kind: Kind, steps: int) -> Strengths:
    """Strengths from the one end of the knob to the other, the neutral one among them; about ``steps`` of them."""
    below, above = kind.neutral - kind.low, kind.high - kind.neutral
    share = below / (below + above)
    down = round(steps * share) if above else steps
    left = np.linspace(kind.low, kind.neutral, down + 1) if below else np.array([kind.neutral])
    right = np.linspace(kind.neutral, kind.high, steps - down + 1) if above else np.array([kind.neutral])
    both = np.concatenate([left, right])
    made: Strengths = np.unique(np.rint(both) if kind.whole else both)
    return made
