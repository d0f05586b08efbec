"""What stands out of a piece of a picture, looked for in others: how alike must two places be to show the same mark?

Pixels of a mark that is printed on whatever lies below (a date, a watermark) differ with the ground. What is compared here is the
*detail*: each pixel less the mean of its surroundings, correlated over the piece's rectangle; 1 is a copy, 0 is chance.

The least likeness that counts comes from the pictures: mirrored copies of the piece are looked for in the same pictures, beside it.
They are as rich in detail and recur nowhere, so that what they reach is chance (target and decoy, as in Elias & Gygi 2007, Nature
Methods 4:207, and in the knockoffs of Barber & Candès 2015, Ann. Stat. 43:2055). Counted is from the smallest likeness on from which
mirrored copies would be at most one in twenty of what is found. A piece that equals its mirrored copies can't be judged so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.controls import integral
from failsight.tools.experiments.regions_base import Mask, pixel_box
from failsight.tools.experiments.regions_like import shrunk
from failsight.tools.inputs.base import Box, Pixels

LARGEST = 256  # side of the picture in which detail is compared; larger ones are shrunk by a whole number
NEAR = 0.05  # of the side: how far from its own place a piece is still at that place
NOISE = 20.0  # squared grey levels, sum over channels, below which detail is compression noise
PLAIN = 60.0  # the same of a piece, mean over its pixels, below which it has no detail to compare
ALIKE = 0.8  # likeness of a mirrored copy to the piece itself from which it says nothing of chance
CHANCE = 0.025  # share of mirrored copies among what is found, at most, at its own place and anywhere: one in twenty together
SAME, WELL = (
    0.75,
    0.1,
)  # where too few pictures show the piece to tell more: a copy with little changed, well beyond chance
COPY = 0.95  # a copy
Map = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """The best likeness in one picture: at the piece's own place, and anywhere."""

    near: float
    anywhere: float


@dataclass(frozen=True)
class Least:
    """From which likeness on a picture shows the piece.

    Attributes:
        near, anywhere: at the piece's own place, and anywhere; ``near`` is None where none sets it apart from chance.
        recurs: whether enough pictures show it for a bound below which chance begins; else only what is nearly a copy counts.
        looked: pictures that were compared. best: the best likeness among them.
        chance: the best likeness of a mirrored copy among them; None where the piece equals its mirrored copies.
    """

    near: float | None
    anywhere: float
    recurs: bool
    looked: int
    best: float
    chance: float | None


@dataclass(frozen=True)
class Detail:
    """The detail of a piece, ready to be looked for in pictures of the same size.

    Attributes:
        factor: by which pictures are shrunk. blur: side of the surroundings whose mean is taken off.
        pattern: (h, w, 3). corner: where it lay, (y, x).
    """

    factor: int
    blur: int
    pattern: npt.NDArray[np.float64]
    corner: tuple[int, int]

    def prepared(self, picture: Pixels) -> npt.NDArray[np.float64]:
        """The detail of a prepared picture (h, w, 3)."""
        return detail_of(shrunk(picture, self.factor), self.blur)

    def likeness(
        self, detail: npt.NDArray[np.float64], pattern: npt.NDArray[np.float64] | None = None
    ) -> Map:
        """Likeness at each place where the pattern lies wholly inside: (h', w'), −1 to 1; empty where it is larger than the picture."""
        from scipy import fft

        wanted = self.pattern if pattern is None else pattern
        tall, wide = wanted.shape[:2]
        shape = detail.shape[:2]
        if tall > shape[0] or wide > shape[1]:
            return np.zeros((0, 0))
        product = fft.rfft2(detail, axes=(0, 1)) * fft.rfft2(wanted, shape, axes=(0, 1)).conj()
        alike = fft.irfft2(product.sum(-1), shape)[: shape[0] - tall + 1, : shape[1] - wide + 1]
        own = integral((detail**2).sum(-1))
        sums = (own[tall:, wide:] - own[:-tall, wide:]) - (own[tall:, :-wide] - own[:-tall, :-wide])
        energy = float((wanted**2).sum()) * (np.maximum(sums, 0) + tall * wide * NOISE)
        made: Map = alike / np.sqrt(np.maximum(energy, 1e-9))
        return made

    def best(self, likeness: Map) -> Likeness:
        """The best of a map of :meth:`likeness`."""
        if not likeness.size:
            return Likeness(0.0, 0.0)
        return Likeness(float(likeness[self._near(likeness)].max()), float(likeness.max()))

    def place(self, picture: Pixels, least: Least) -> Mask:
        """The rectangle where the piece is in a prepared picture: (h, w); empty where no place is alike enough."""
        likeness = self.likeness(self.prepared(picture))
        made = np.zeros(picture.shape[:2], bool)
        if not likeness.size:
            return made
        best, near = self.best(likeness), self._near(likeness)
        if least.near is not None and best.near >= least.near:
            y, x = divmod(int(likeness[near].argmax()), likeness[near].shape[1])
            y, x = y + near[0].start, x + near[1].start
        elif best.anywhere >= least.anywhere:
            y, x = divmod(int(likeness.argmax()), likeness.shape[1])
        else:
            return made
        tall, wide = self.pattern.shape[:2]
        k = self.factor
        made[y * k : (y + tall) * k, x * k : (x + wide) * k] = True
        return made

    def mirrored(self) -> list[npt.NDArray[np.float64]]:
        """Mirrored copies of the pattern that are not like it."""
        p = self.pattern
        tall, wide = p.shape[:2]
        around = ((max(2, tall // 2),) * 2, (max(2, wide // 2),) * 2, (0, 0))
        itself = np.pad(p, around)
        copies = (p[:, ::-1], p[::-1], p[::-1, ::-1])
        return [c for c in copies if float(self.likeness(itself, c).max(initial=-1.0)) < ALIKE]

    def _near(self, likeness: Map) -> tuple[slice, slice]:
        reach = [
            max(2, round(NEAR * (n + m))) for n, m in zip(likeness.shape, self.pattern.shape[:2], strict=True)
        ]
        starts = [
            min(max(0, c - r), n - 1) for c, r, n in zip(self.corner, reach, likeness.shape, strict=True)
        ]
        ends = [c + r + 1 for c, r in zip(self.corner, reach, strict=True)]
        return slice(starts[0], ends[0]), slice(starts[1], ends[1])


def detail_of_piece(picture: Pixels, box: Box) -> Detail | None:
    """The detail of the piece of a prepared picture in ``box`` (fractions); None where it is plain, or smaller than three pixels."""
    factor = -(-max(picture.shape[:2]) // LARGEST)
    small = shrunk(picture, factor)
    top, left, bottom, right = pixel_box(box, small.shape[0], small.shape[1])
    if min(bottom - top, right - left) < 3:
        return None
    blur = int(np.clip(min(bottom - top, right - left) // 2, 5, max(5, min(small.shape[:2]) // 6))) | 1
    pattern = detail_of(small, blur)[top:bottom, left:right]
    if float((pattern**2).sum(-1).mean()) < PLAIN:
        return None
    return Detail(factor, blur, pattern, (top, left))


def detail_of(picture: Pixels, blur: int) -> npt.NDArray[np.float64]:
    """Each pixel less the mean of the ``blur`` × ``blur`` pixels around it."""
    from scipy import ndimage

    values = picture.astype(np.float64)
    made: npt.NDArray[np.float64] = values - ndimage.uniform_filter(values, (blur, blur, 0))
    return made


def compared(detail: Detail, pictures: list[Pixels]) -> npt.NDArray[np.float64]:
    """(n, 1 + copies, 2): likeness of each picture to the piece and to its mirrored copies, at the piece's place and anywhere."""
    copies = detail.mirrored()
    made = np.zeros((len(pictures), 1 + len(copies), 2))
    for i, picture in enumerate(pictures):
        seen = detail.prepared(picture)
        for j, pattern in enumerate((detail.pattern, *copies)):
            found = detail.best(detail.likeness(seen, pattern))
            made[i, j] = found.near, found.anywhere
    return made


def least_of(likeness: npt.NDArray[np.float64]) -> Least:
    """From which likeness on pictures show the piece. ``likeness``: see :func:`compared`, of pictures other than the piece's own."""
    n, patterns = likeness.shape[:2]
    if not n:
        return Least(None, COPY, False, 0, 0.0, None)
    best = float(likeness[:, 0].max())
    if patterns < 2:
        return Least(None, COPY, False, n, best, None)
    near, anywhere = (_apart(likeness[:, 0, k], likeness[:, 1:, k]) for k in (0, 1))
    chance = float(likeness[:, 1:].max())
    copy = min(COPY, max(SAME, chance + WELL))
    recurs = near is not None or anywhere is not None
    return Least(near, copy if anywhere is None else anywhere, recurs, n, best, chance)


def _apart(own: npt.NDArray[np.float64], copies: npt.NDArray[np.float64]) -> float | None:
    """The smallest likeness from which mirrored copies (one for each picture, on average) are at most CHANCE of what is found; None for none.

    A copy counts only where it is more like the picture than the piece itself is: what shows the piece is somewhat like its copies,
    too. By chance either is as often the better one; so a copy counts twice where both would do. One copy is counted beyond those seen, as the knockoff filter does to keep its promise: fewer than fourteen pictures are never enough."""
    made = None
    for value in np.sort(own)[::-1]:
        found = own >= value
        beaten = (copies >= value) & (copies > own[:, None])
        by_chance = int(beaten.sum()) + int(beaten[found].sum())
        if (1 + by_chance) / copies.shape[1] <= CHANCE * int(found.sum()):
            made = float(value)
    return made
