"""Input pipelines that a model may have been trained with: the declared one, and plausible mistakes about it.

A mistake about the *arithmetic* (channel order, value range, layout, turned pictures) is seldom anything but a mistake.
Another *geometry* (resize, crop, interpolation) or grey pictures may help a model that is declared correctly: a network
sees objects larger in training than at test time, and a resize can undo that (Touvron et al., "Fixing the train-test
resolution discrepancy", NeurIPS 2019). The two are told apart by :attr:`Alternative.benign`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from failsight.tools.inputs.base import Ground, Preprocessing
from failsight.tools.inputs.preprocess import affine

Axis = Literal["ground", "channels", "values", "layout", "turn", "exif", "fit", "interpolation"]
Edit = Literal["grey", "transposed", "upside_down", "as_stored"]
AXES: tuple[Axis, ...] = ("ground", "channels", "values", "layout", "turn", "exif", "fit", "interpolation")
Triple = tuple[float, float, float]
NEAR = 0.3  # of what the pictures vary by: usual means and stds differ by less (0.10 to 0.26), other ranges by 0.5 and more
UNUSED = 4  # times that the range is larger than the largest pixel, from which pictures use little of it
MARGIN = 256 / 224  # shorter side over crop in the usual evaluation of ImageNet models

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR: tuple[Triple, Triple] = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CLIP: tuple[Triple, Triple] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
_NONE: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Alternative:
    """One change to the declared pipeline.

    Attributes:
        title: a few words for a row of a table.
        fed: the change as it follows on "The model is right in … when", in words.
        fields: fields of ``Preprocessing`` and their values.
        edits: what ``Preprocessing`` can't express.
        mirrored: mean and std are reversed with the channels.
        benign: helping need not mean that the declaration is wrong.
    """

    axis: Axis
    title: str
    fed: str
    fields: tuple[tuple[str, Any], ...] = ()
    edits: tuple[Edit, ...] = ()
    mirrored: bool = False
    benign: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The declared pipeline with changes on different axes, in the order of ``AXES``; none: the declared one itself.

    Attributes:
        covered: a crop; what it does not show of a picture is covered before anything else, without cropping.
    """

    changes: tuple[Alternative, ...] = ()
    covered: Preprocessing | None = None

    @property
    def title(self) -> str:
        """A few words for a row of a table."""
        return " + ".join(c.title for c in self.changes) or "as declared"

    @property
    def fed(self) -> str:
        """What is different, in words that follow on "when"."""
        return " and ".join(c.fed for c in self.changes) or "fed as declared"

    @property
    def benign(self) -> bool:
        """True when no change is about the arithmetic."""
        return bool(self.changes) and all(c.benign for c in self.changes)

    @property
    def arithmetic(self) -> bool:
        """True when every change is about the arithmetic."""
        return bool(self.changes) and not any(c.benign for c in self.changes)

    @property
    def axes(self) -> frozenset[Axis]:
        """The axes that are changed."""
        return frozenset(c.axis for c in self.changes)

    @property
    def complexity(self) -> int:
        """How many settings it takes, roughly: the simpler of two equals is chosen."""
        return sum(1 + c.mirrored for c in self.changes)

    @property
    def edits(self) -> frozenset[Edit]:
        """What ``Preprocessing`` can't express."""
        return frozenset(e for c in self.changes for e in c.edits)

    def changed_geometry(self) -> bool:
        """Whether pictures are resized, cropped or interpolated otherwise than declared."""
        return bool(self.axes & {"fit", "interpolation"})

    def cuts(self, declared: Preprocessing) -> bool:
        """Whether the model is shown less of a picture's border than as declared."""
        how = self.how(declared)
        if how.fit != "crop":
            return how.fit == "square" and declared.fit == "stretch"
        before = (declared.resize or min(declared.size)) if declared.fit == "crop" else 0
        return (how.resize or min(how.size)) > before

    def how(self, declared: Preprocessing) -> Preprocessing:
        """The preprocessing with all changes made."""
        changes = {name: value for c in self.changes for name, value in c.fields}
        made = replace(declared, **changes)
        if any(c.mirrored for c in self.changes):
            made = replace(made, mean=made.mean[::-1], std=made.std[::-1])
        return made

    def plus(self, more: Alternative) -> Pipeline:
        """This pipeline with one more change; a change on the same axis is replaced."""
        kept = [c for c in self.changes if c.axis != more.axis]
        return Pipeline(tuple(sorted([*kept, more], key=lambda c: AXES.index(c.axis))))


def changed_input(pipeline: Pipeline, declared: Preprocessing) -> float | None:
    """By how much other means, stds or ranges change the numbers that the model is fed; None where these are as declared.

    The root of the mean squared change over all pixels from 0 to 255 and all channels, as a share of the same of the declared
    numbers around their mean.
    """
    if "values" not in pipeline.axes:
        return None
    (factor, shift), (other, moved) = affine(declared), affine(pipeline.how(declared))
    slope, offset = (other - factor).astype(float), (moved - shift).astype(float)
    change = (slope * 127.5 + offset) ** 2 + (slope * 255) ** 2 / 12
    spread = (factor.astype(float) * 255) ** 2 / 12
    return math.sqrt(float(change.mean()) / float(spread.mean()))


def settings(pipeline: Pipeline, declared: Preprocessing, *, whole: bool = False) -> str:
    """The JSON members of the side file that express ``pipeline``: ``"channels": "BGR"``; empty when none is needed.

    Args:
        whole: all members, where a side file without them would fall back on defaults.
    """
    how = pipeline.how(declared)
    differ = {f.name for f in fields(how) if getattr(how, f.name) != getattr(declared, f.name)}
    members: dict[str, Any] = {
        "input_size": list(how.size),
        "crop": {"crop": "center"}.get(how.fit, how.fit),
        "resize": how.resize,
        "interpolation": how.interpolation,
        "scale": how.scale,
        "mean": [round(v, 8) for v in how.mean],
        "std": [round(v, 8) for v in how.std],
        "channels": how.channels,
        "layout": how.layout,
        "ground": how.ground,
    }
    wanted = {"crop" if name == "fit" else "input_size" if name == "size" else name for name in differ}
    if wanted & {"scale", "mean", "std"}:
        wanted |= {"scale", "mean", "std"}  # the three mean nothing apart
    if wanted & {"crop", "resize"}:
        wanted |= {"crop", "resize"}
    shown = [
        name
        for name in members
        if (whole or name in wanted)
        and not (
            whole
            and (
                (name == "resize" and how.resize is None)
                or (name == "ground" and name not in wanted and how.ground == "drop")
            )
        )
    ]
    return ", ".join(f"{json.dumps(name)}: {json.dumps(members[name])}" for name in shown)


def alternatives(
    declared: Preprocessing,
    *,
    arithmetic: bool = True,
    own_geometry: bool = False,
    turned: bool = False,
    measured: tuple[Triple, Triple] | None = None,
    brightest: int | None = None,
    transparent: bool = False,
) -> tuple[Alternative, ...]:
    """Every single change worth trying, axis by axis; none that equals the declared pipeline.

    Args:
        arithmetic: whether the model can be fed other numbers than the declared ones.
        own_geometry: pictures become pixels by the model's own function, so ``fit`` and ``interpolation`` say nothing.
        turned: whether any picture carries an EXIF orientation.
        measured: mean and std of the pictures themselves, pixels from 0 to 1, which many training codes use.
        brightest: the largest pixel of the pictures, 0 to 255: where they use little of their range (12 bits in a file of 16), they are also
            tried at full range.
        transparent: whether any picture is less than opaque somewhere.
    """
    made: list[Alternative] = [*(_grounds(declared) if transparent else ()), *_channels(declared, arithmetic)]
    if arithmetic:
        made += [*_values(declared, measured, brightest), _layout(declared)]
    made += _turns(declared)
    if arithmetic:  # after the turns: seldom a mistake, and where light stands for dark the same as a turn
        made.append(_negative(declared))
    if turned:
        text = "turned as they are stored, with the EXIF orientation ignored"
        made.append(Alternative("exif", "EXIF ignored", text, edits=("as_stored",)))
    return (*made, *_geometry(declared, own_geometry))


def _grounds(declared: Preprocessing) -> Iterable[Alternative]:
    for name in get_args(Ground):
        if name != declared.ground:
            title = "alpha dropped" if name == "drop" else f"on {name}"
            what = "with their alpha dropped" if name == "drop" else f"laid on {name}"
            yield Alternative("ground", title, f"shown transparent pictures {what}", (("ground", name),))


def _channels(declared: Preprocessing, arithmetic: bool) -> Iterable[Alternative]:
    if declared.channels == "GRAY":
        return
    other: Literal["RGB", "BGR"] = "BGR" if declared.channels == "RGB" else "RGB"
    fed = f"fed {other} instead of the declared {declared.channels}"
    change = (("channels", other),)
    yield Alternative("channels", other, fed, change)
    if arithmetic:
        yield Alternative(
            "channels",
            f"{other}, mean too",
            f"{fed} with mean and std in the order {other}",
            change,
            mirrored=True,
        )
    yield Alternative(
        "channels", "grey", "shown grey pictures instead of coloured ones", edits=("grey",), benign=True
    )


def _values(
    declared: Preprocessing, measured: tuple[Triple, Triple] | None, brightest: int | None = None
) -> Iterable[Alternative]:
    unit, byte = 1 / 255, 1.0
    known: list[tuple[str, str, float, tuple[Triple, Triple]]] = [
        ("0 to 1", "pixels from 0 to 1 with no mean subtracted", unit, _NONE),
        ("0 to 255", "raw pixels from 0 to 255", byte, _NONE),
        ("-1 to 1", "pixels from -1 to 1", unit, ((0.5,) * 3, (0.5,) * 3)),
        ("(x-127)/128", "pixels normalised as (x - 127) / 128", unit, ((127 / 255,) * 3, (128 / 255,) * 3)),
        ("ImageNet mean, std", "pixels normalised with the mean and std of ImageNet", unit, IMAGENET),
        ("CIFAR mean, std", "pixels normalised with the mean and std of CIFAR-10", unit, CIFAR),
        ("CLIP mean, std", "pixels normalised with the mean and std of CLIP", unit, CLIP),
        (
            "0 to 255 - mean",
            "pixels from 0 to 255 minus the mean of ImageNet",
            byte,
            ((123.675, 116.28, 103.53), _NONE[1]),
        ),
        (
            "mean, std unscaled",
            "pixels from 0 to 255 to which the declared mean and std are applied",
            byte,
            (declared.mean, declared.std),
        ),
    ]  # fmt: skip
    if measured is not None:
        words = "pixels normalised with the mean and std of the pictures themselves"
        known.append(("the data's mean, std", words, unit, measured))
    if brightest and brightest * UNUSED < 255 and declared.scale > 0:
        times = 2 ** (8 - math.ceil(math.log2(max(brightest, 2))))
        words = f"pixels {times} times as bright, at the full range of their bits"
        known.append(("full range", words, declared.scale * times, (declared.mean, declared.std)))
    seen = [_line(declared.scale, declared.mean, declared.std)]
    for title, words, scale, (mean, std) in known:
        line = _line(scale, mean, std)
        if not any(_same(line, other) for other in seen):
            seen.append(line)
            made = (("scale", scale), ("mean", mean), ("std", std))
            yield Alternative("values", title, f"fed {words}", made)


def _negative(declared: Preprocessing) -> Alternative:
    """Light for dark: 255 - x for each pixel x, as the declared arithmetic then takes it."""
    mean = tuple(m - 255 * declared.scale for m in declared.mean)
    made = (("scale", -declared.scale), ("mean", mean), ("std", declared.std))
    return Alternative("values", "negative", "fed negatives of the pictures (255 - x for each pixel x)", made)


def _line(scale: float, mean: Sequence[float], std: Sequence[float]) -> tuple[float, ...]:
    """Factor and shift of each channel: equal lines feed equal numbers."""
    return (*(scale / s for s in std), *(-m / s for m, s in zip(mean, std, strict=True)))


def _same(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(abs(x - y) <= 1e-6 * max(abs(x), abs(y), 1e-3) for x, y in zip(a, b, strict=True))


def _layout(declared: Preprocessing) -> Alternative:
    other = "NHWC" if declared.layout == "NCHW" else "NCHW"
    words = f"fed arrays laid out {other} instead of the declared {declared.layout}"
    return Alternative("layout", f"layout {other}", words, (("layout", other),))


def _turns(declared: Preprocessing) -> Iterable[Alternative]:
    if declared.size[0] == declared.size[1]:
        text = "fed pictures with height and width swapped"
        yield Alternative("turn", "height and width swapped", text, edits=("transposed",))
    yield Alternative("turn", "upside down", "fed pictures upside down", edits=("upside_down",))


def _geometry(declared: Preprocessing, own: bool) -> Iterable[Alternative]:
    margin = round(min(declared.size) * MARGIN)
    fits: list[tuple[str, str, str, int | None]] = [
        ("stretched", "stretched to the input size", "stretch", None),
        ("crop, no margin", "cropped at the centre without a margin", "crop", None),
        ("crop, margin", f"resized to a shorter side of {margin} and cropped at the centre", "crop", margin),
        ("square, resized", "cropped to the centre square and then resized", "square", None),
    ]
    now = (declared.fit, declared.resize if declared.fit == "crop" else None)
    for title, words, fit, resize in fits:
        if own or (fit, resize) != now:
            change = (("fit", fit), ("resize", resize))
            yield Alternative("fit", title, f"shown pictures {words}", change, benign=True)
    for name in ("nearest", "bilinear", "bicubic"):
        if not own and name != declared.interpolation:
            text = f"shown pictures resized by {name} instead of {declared.interpolation} interpolation"
            yield Alternative("interpolation", name, text, (("interpolation", name),), benign=True)
