"""A cue cut from other images and pasted into a picture without it; as its control, an equal piece of the same donor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from failsight.tools.evidence import digest
from failsight.tools.experiments.arms import NO_DONOR, UNREADABLE, Ints, Trial
from failsight.tools.experiments.controls import draw_controls
from failsight.tools.experiments.donors import Pictures, paste
from failsight.tools.experiments.doses import dosed
from failsight.tools.experiments.fills import mean_colour
from failsight.tools.experiments.masking import squared_change
from failsight.tools.experiments.patches import Patches, area, patches_of
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import Pixels, Split
from failsight.tools.view import CaseView

LEAST_PIXELS = 4  # a cue of fewer pixels is not one that anybody sees
TRIES = 12  # donors tried for each draw


@dataclass(frozen=True, slots=True)
class Piece:
    """One draw: what is cut where, and how far it moves.

    Attributes:
        cue, control: parts of the donor's picture, in the same order and of the same shapes.
        shift: (down, across) from the cue's place in its own image to where it goes.
        anchor: where smaller doses start, see :func:`doses.grown`.
    """

    donor: int
    cue: Patches
    control: Patches
    shift: tuple[int, int]
    anchor: tuple[float, float]


@dataclass(frozen=True)
class Adding:
    """How a picture gets the cue.

    Attributes:
        places: where the cue lies in each picture.
        donors: rows that the cue may be cut from.
        soft: width of the soft edge as a share of the cue's shorter side.
        dose: share of the cue's area that is pasted.
    """

    view: CaseView
    split: Split
    places: Places
    donors: Ints
    draws: int
    seed: int
    soft: float
    pictures: Pictures
    dose: float = 1.0

    @property
    def key(self) -> Mapping[str, Any]:
        return {
            "arms": "adding",
            "region": self.places.region.spec,
            "donors": digest(self.donors),
            "draws": self.draws,
            "seed": self.seed,
            "soft": self.soft,
            "dose": self.dose,
            **({"places": self.places.key} if self.places.key else {}),
        }

    def dosed(self, dose: float, draws: int) -> Adding:
        return dataclasses.replace(self, dose=dose, draws=draws)

    def trial(self, row: int) -> Trial | int:
        found = self.pictures.get(row)
        if found is None:
            return UNREADABLE
        pixels = found[0]
        pieces = self._pieces(row, pixels)
        if not pieces:
            return NO_DONOR
        pieces = [pieces[i % len(pieces)] for i in range(self.draws)]
        stack = np.empty((1 + 2 * self.draws, *pixels.shape), np.uint8)
        stack[:] = pixels
        for i, piece in enumerate(pieces):
            self._paste(stack[1 + i], piece, piece.cue)
            self._paste(stack[1 + self.draws + i], piece, piece.control)
        share = float(np.mean([area(p.cue) for p in pieces])) / (pixels.shape[0] * pixels.shape[1])
        return Trial(stack, share, np.array([[p.donor, p.donor] for p in pieces], np.int64))

    def _paste(self, picture: Pixels, piece: Piece, cut: Patches) -> None:
        source = self.pictures.get(piece.donor)
        if source is None:  # it was readable a moment ago
            return
        down, across = piece.shift
        for cue, origin in zip(
            dosed(piece.cue, self.dose, piece.anchor), dosed(cut, self.dose, piece.anchor), strict=True
        ):
            paste(picture, cue.moved(cue.y0 + down, cue.x0 + across), source[0], origin, self.soft)

    def _pieces(self, row: int, pixels: Pixels) -> list[Piece]:
        """Up to ``draws`` pieces from different donors, as long as there are so many."""
        rng = np.random.default_rng([self.seed, row])
        order = rng.permutation(self.donors)
        order = order[order != row]
        made: list[Piece] = []
        for donor in order[: self.draws + TRIES].tolist():
            piece = self._piece(donor, int(rng.choice(order)), pixels, rng)
            if piece is not None:
                made.append(piece)
            if len(made) == self.draws:
                break
        return made

    def _piece(self, donor: int, place: int, pixels: Pixels, rng: np.random.Generator) -> Piece | None:
        """The cue of ``donor``, to go where the cue of ``place`` stands; None when either can't be used."""
        anchor = (float(rng.random()), float(rng.random()))
        source, cue = self.pictures.get(donor), self._cue(donor)
        if source is None or not cue or area(cue) < LEAST_PIXELS or source[0].shape != pixels.shape:
            return None
        ground = np.broadcast_to(np.rint(mean_colour(source[0])).astype(np.uint8), pixels.shape)
        controls = draw_controls(cue, squared_change(source[0], ground), 1, rng)
        if controls is None or not controls.same_shape:
            return None
        shift = _shift(cue, self._cue(place) or cue, *pixels.shape[:2])
        return Piece(donor, cue, controls.draws[0], shift, anchor)

    def _cue(self, row: int) -> Patches:
        mask = self.pictures.where(row, self.places)
        return () if mask is None else patches_of(mask)


def _shift(cue: Patches, place: Patches, height: int, width: int) -> tuple[int, int]:
    """How far to move ``cue`` so that its centre lies at that of ``place``, as far as it stays inside the picture."""
    y0, x0, y1, x1 = _bounds(cue)
    v0, u0, v1, u1 = _bounds(place)
    down, across = (v0 + v1 - y0 - y1) // 2, (u0 + u1 - x0 - x1) // 2
    return min(max(down, -y0), height - y1), min(max(across, -x0), width - x1)


def _bounds(patches: Patches) -> tuple[int, int, int, int]:
    return (
        min(p.y0 for p in patches),
        min(p.x0 for p in patches),
        max(p.y1 for p in patches),
        max(p.x1 for p in patches),
    )
