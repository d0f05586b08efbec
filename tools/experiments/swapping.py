"""A region of a picture replaced by the same region of an image of another class; as its control, of the same class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from failsight.tools.evidence import digest
from failsight.tools.experiments.arms import NO_DONOR, NO_REGION, UNREADABLE, Ints, Trial
from failsight.tools.experiments.donors import Pictures, paste
from failsight.tools.experiments.doses import dosed
from failsight.tools.experiments.patches import area, patches_of
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import Pixels, Split
from failsight.tools.view import CaseView

POOL = 64  # images of each class that pieces may come from
TRIES = 8


@dataclass(frozen=True)
class Swapping:
    """How a picture gets another image's region.

    Attributes:
        places: where the region lies in each picture.
        keep: True: the region stays and everything else is replaced.
        pools: per class: rows that pieces may come from.
        others: classes that pieces of the other class come from.
        soft: width of the soft edge as a share of the region's shorter side.
        dose: share of the region's area that is replaced.
    """

    view: CaseView
    split: Split
    places: Places
    keep: bool
    pools: Mapping[int, Ints]
    others: tuple[int, ...]
    draws: int
    seed: int
    soft: float
    pictures: Pictures
    dose: float = 1.0

    @property
    def key(self) -> Mapping[str, Any]:
        return {
            "arms": "swapping",
            "region": self.places.region.spec,
            "keep": self.keep,
            "pools": {str(k): digest(v) for k, v in self.pools.items()},
            "others": list(self.others),
            "draws": self.draws,
            "seed": self.seed,
            "soft": self.soft,
            "dose": self.dose,
            **({"places": self.places.key} if self.places.key else {}),
        }

    def dosed(self, dose: float, draws: int) -> Swapping:
        return dataclasses.replace(self, dose=dose, draws=draws)

    def trial(self, row: int) -> Trial | int:
        found, mask = self.pictures.get(row), self.pictures.where(row, self.places)
        if found is None or mask is None:
            return UNREADABLE
        if not mask.any():
            return NO_REGION
        parts = patches_of(~mask if self.keep else mask)
        if not parts:
            return NO_REGION
        pixels, label = found[0], int(self.view.table(self.split).labels[row])
        rng = np.random.default_rng([self.seed, row])
        anchor = (float(rng.random()), float(rng.random()))
        others = [self.pools[c] for c in self.others if c != label and c in self.pools]
        cues = self._donors(row, np.concatenate(others) if others else np.zeros(0, np.int64), pixels, rng)
        controls = self._donors(row, self.pools.get(label, np.zeros(0, np.int64)), pixels, rng)
        if not cues or not controls:
            return NO_DONOR
        stack = np.empty((1 + 2 * self.draws, *pixels.shape), np.uint8)
        stack[:] = pixels
        pairs = [(cues[i % len(cues)], controls[i % len(controls)]) for i in range(self.draws)]
        for i, pair in enumerate(pairs):
            for to, donor in zip((1 + i, 1 + self.draws + i), pair, strict=True):
                source = self.pictures.get(donor)
                for part in dosed(parts, self.dose, anchor) if source is not None else ():
                    paste(stack[to], part, source[0], part, self.soft)  # type: ignore[index]
        return Trial(stack, area(parts) / mask.size, np.array(pairs, np.int64))

    def _donors(self, row: int, pool: Ints, pixels: Pixels, rng: np.random.Generator) -> list[int]:
        """Up to ``draws`` readable rows of ``pool`` other than ``row``."""
        order = rng.permutation(pool)
        made: list[int] = []
        for donor in order[order != row][: self.draws + TRIES].tolist():
            source = self.pictures.get(donor)
            if source is not None and source[0].shape == pixels.shape:
                made.append(donor)
            if len(made) == self.draws:
                break
        return made
