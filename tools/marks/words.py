"""What a mark is called: its colours, its form, how large it is and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.experiments.regions_base import Mask
from failsight.tools.experiments.regions_colour import NAMED
from failsight.tools.inputs.base import Pixels
from failsight.tools.text import number

SECOND = 0.15  # share of a mark's pixels from which its second colour is told
FIXED = 0.07  # standard deviation of its centre (share of the side) up to which it stands in one place


@dataclass(frozen=True)
class Look:
    """A mark in words.

    Attributes:
        name: ``red patch``, ``white frame``, ``black patch with yellow`` …
        area: mean share of the picture.
        where: ``at the lower right``, ``in changing places``, ``around the picture`` …
    """

    name: str
    area: float
    where: str

    @property
    def told(self) -> str:
        """``a red patch of about 6 % of the picture, at the lower right``."""
        article = "an" if self.name[0] in "aeiou" else "a"
        return f"{article} {self.name} of about {number(self.area)} of the picture, {self.where}"


def look_of(pictures: Sequence[Pixels], masks: Sequence[Mask], spec: str) -> Look:
    """The look of a mark over the pictures that show it.

    Args:
        pictures, masks: (h, w, 3) and (h, w) of each; at least one, no mask empty.
        spec: the region that finds it.
    """
    colours = np.concatenate([p[m] for p, m in zip(pictures, masks, strict=True)])
    area = float(np.mean([m.mean() for m in masks]))
    frame = ",frame:" in spec
    form = "frame" if frame else "spot or stroke" if spec.startswith("colour:") else _form(masks)
    names = named_colours(colours)
    name = f"{names[0]} {form}" + (f" with {names[1]}" if len(names) > 1 else "")
    return Look(name, area, "around the picture" if frame else _where(masks))


def named_colours(colours: Pixels) -> list[str]:
    """The one or two names that fit most of ``colours`` (n, 3); white, grey and black only where no colour fits."""
    left = np.ones(len(colours), bool)
    shares = {}
    for name, colour in NAMED.items():
        inside = colour.inside(colours) & left
        shares[name] = float(inside.mean())
        left &= ~inside
    ranked = sorted(shares, key=lambda n: -shares[n])
    if shares[ranked[0]] == 0:
        return ["pale"]
    return [ranked[0], *[n for n in ranked[1:2] if shares[n] >= SECOND]]


def _form(masks: Sequence[Mask]) -> str:
    wide = np.median([m.any(0).sum() / m.shape[1] for m in masks])
    tall = np.median([m.any(1).sum() / m.shape[0] for m in masks])
    return "band" if max(wide, tall) >= 0.9 and min(wide, tall) < 0.4 else "patch"


def _where(masks: Sequence[Mask]) -> str:
    centres = np.array([[np.nonzero(m)[k].mean() / m.shape[k] for k in (0, 1)] for m in masks])
    if len(centres) > 2 and (centres.std(0) > FIXED).any():
        return "in changing places"
    y, x = centres.mean(0)
    down = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    if not down and not across:
        return "in the middle"
    if not across:
        return "at the top" if down == "upper" else "at the bottom"
    return f"at the {down} {across}".replace("  ", " ")
