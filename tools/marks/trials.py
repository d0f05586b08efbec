"""Tests of proposed marks with the model: pasted into pictures of other classes, and covered where they are, against controls.

*Adding*: a picture that is not taken for the class gets the mark, cut from a picture that shows it, where it stood there; its control
gets a piece of the same shape from elsewhere in the same picture (of a frame: the frame of a picture without the mark) at the same
place. Counted is which of the two goes to the class. *Covering*: a picture with the mark that is taken for the class has it covered,
its control an equal region elsewhere; measured is the fall of the class's probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.evidence import Interval
from failsight.tools.experiments.controls import draw_controls
from failsight.tools.experiments.donors import Pictures, paste
from failsight.tools.experiments.fills import MeanColour, mean_colour
from failsight.tools.experiments.masking import squared_change
from failsight.tools.experiments.patches import Patches, as_mask, paint, patches_of
from failsight.tools.experiments.population import boxed_objects
from failsight.tools.experiments.regions import parse_region
from failsight.tools.experiments.regions_base import Mask
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import Floats, Pixels, Split
from failsight.tools.inputs.decisions import answers
from failsight.tools.marks.proposals import ONE_PIECE
from failsight.tools.stats.intervals import mean_interval, newcombe_paired
from failsight.tools.stats.tests import mcnemar_exact, sign_flip
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
MOST_OF_FRAME = 3  # connected parts of a region up to which it is moved elsewhere for its control


@dataclass(frozen=True)
class Adding:
    """What adding the mark did.

    Attributes:
        n: pictures that got it, each with its control.
        to, control: of them, go to the class with the mark, and with the control.
        effect, ci: difference of these shares, and its interval (Newcombe, paired).
        p: one-sided exact McNemar test.
        rise: mean rise of the class's probability over the control's.
    """

    n: int
    to: int
    control: int
    effect: float
    ci: Interval
    p: float
    rise: float


@dataclass(frozen=True)
class Covering:
    """What covering the mark did to pictures that are taken for the class.

    Attributes:
        n: pictures.
        effect, ci, p: mean fall of the class's probability beyond the control's (one-sided sign-flip test).
        lost, control: pictures that are no longer taken for the class, by the mark's and by the control's cover.
    """

    n: int
    effect: float
    ci: Interval
    p: float
    lost: int
    control: int


@dataclass
class Bench:
    """Pictures of a case, and where one proposed mark is in them."""

    view: CaseView
    spec: str
    pictures: dict[Split, Pictures]
    places: dict[Split, Places]

    @classmethod
    def of(cls, view: CaseView, spec: str, pictures: dict[Split, Pictures]) -> Bench:
        """The bench of a region. ``pictures`` is shared between benches, so that a file is opened once."""
        region = parse_region(spec, boxed_objects(view.table("data")), view.classes)
        places = {split: open_places(view, split, region, exact=True) for split in pictures}
        return cls(view, spec, pictures, places)

    def mask(self, split: Split, row: int) -> Mask | None:
        """Where the mark is in a picture; None where the picture can't be read. Of a colour, only what lies in one piece."""
        from scipy import ndimage

        found = self.pictures[split].where(row, self.places[split])
        if found is None or not self.spec.startswith("colour:") or not found.any():
            return found
        joined, _ = ndimage.label(ndimage.binary_dilation(found, np.ones((3, 3))))
        largest = np.bincount((joined * found).ravel())
        largest[0] = 0
        if largest.max() < ONE_PIECE * found.sum():
            return np.zeros_like(found)
        made: Mask = found & (joined == largest.argmax())
        return made

    def shows(self, split: Split, rows: Ints) -> npt.NDArray[np.bool_]:
        """(n,) which pictures show it."""
        found = [self.mask(split, int(r)) for r in rows.tolist()]
        return np.array([m is not None and bool(m.any()) for m in found], bool)


@dataclass(frozen=True)
class Donor:
    """A picture that shows the mark: what is cut from it, and what its controls are cut from."""

    pixels: Pixels
    mark: Patches
    plain: Pixels | None


def donors_of(bench: Bench, split: Split, rows: Ints, plain: Ints, most: int) -> list[Donor]:
    """Up to ``most`` donors of ``rows``; ``plain``: pictures without the mark, for the controls of a frame."""
    made: list[Donor] = []
    for k, row in enumerate(rows.tolist()):
        found, mask = bench.pictures[split].get(row), bench.mask(split, row)
        if found is None or mask is None or not mask.any():
            continue
        other = bench.pictures[split].get(int(plain[k % len(plain)])) if len(plain) else None
        made.append(Donor(found[0], patches_of(mask), None if other is None else other[0]))
        if len(made) == most:
            break
    return made


def pasted(picture: Pixels, donor: Donor, rng: np.random.Generator) -> tuple[Pixels, Pixels] | None:
    """The picture with the mark, and with its control; None where there is no fair control."""
    height, width = picture.shape[:2]
    ground = np.broadcast_to(np.rint(mean_colour(donor.pixels)).astype(np.uint8), donor.pixels.shape)
    controls = (
        draw_controls(donor.mark, squared_change(donor.pixels, ground), 1, rng)
        if len(donor.mark) <= MOST_OF_FRAME
        else None
    )
    first, second = picture.copy(), picture.copy()
    paint(first, donor.mark, donor.pixels)
    if controls is not None and controls.same_shape:
        for part, origin in zip(donor.mark, controls.draws[0], strict=True):
            paste(second, part, donor.pixels, origin, soft=0)  # a mark has sharp edges
    elif donor.plain is not None:
        window = as_mask(donor.mark, height, width)
        second[window] = donor.plain[window]
    else:
        return None
    return first, second


def add(
    bench: Bench, split: Split, rows: Ints, target: int, donors: Sequence[Donor], seed: int
) -> Adding | None:
    """Paste the mark into ``rows``, which are not taken for ``target`` as they are. None where nothing could be pasted."""
    stack: list[Pixels] = []
    for k, row in enumerate(rows.tolist()):
        found = bench.pictures[split].get(row)
        rng = np.random.default_rng([seed, row])
        pair = None if found is None or not donors else pasted(found[0], donors[k % len(donors)], rng)
        if pair is not None:
            stack += pair
    if not stack:
        return None
    scores = scored(bench.view, np.stack(stack))
    first, second = scores[::2], scores[1::2]
    fine = np.isfinite(first).all(1) & np.isfinite(second).all(1)
    first, second = first[fine], second[fine]
    if not len(first):
        return None
    to, control = (answers(bench.view, made) == target for made in (first, second))
    table = [int((a & b).sum()) for a, b in ((to, control), (to, ~control), (~to, control), (~to, ~control))]
    n = len(first)
    return Adding(
        n,
        int(to.sum()),
        int(control.sum()),
        (table[1] - table[2]) / n,
        newcombe_paired(*table),
        mcnemar_exact(table[1], table[2], "greater"),
        float((first[:, target] - second[:, target]).mean()),
    )


def cover(bench: Bench, split: Split, rows: Ints, target: int, seed: int) -> Covering | None:
    """Cover the mark in ``rows``, which show it and are taken for ``target``. None with fewer than two pictures."""
    fill, stack = MeanColour(), []
    for row in rows.tolist():
        found, mask = bench.pictures[split].get(row), bench.mask(split, row)
        if found is None or mask is None or not mask.any():
            continue
        rng = np.random.default_rng([seed, row])
        ground = fill.background(found[0], rng)
        mark = patches_of(mask)
        controls = draw_controls(mark, squared_change(found[0], ground), 1, rng)
        if controls is None:
            continue
        first, second = found[0].copy(), found[0].copy()
        paint(first, mark, ground)
        paint(second, controls.draws[0], ground)
        stack += [found[0], first, second]
    if len(stack) < 6:
        return None
    scores = scored(bench.view, np.stack(stack)).reshape(len(stack) // 3, 3, -1)
    scores = scores[np.isfinite(scores).all((1, 2))]
    if len(scores) < 2:
        return None
    fall = (scores[:, 2, target] - scores[:, 1, target]).astype(np.float64)
    top = answers(bench.view, scores) != target
    return Covering(
        len(scores), float(fall.mean()), mean_interval(fall), sign_flip(fall, "greater", seed=seed),
        int(top[:, 1].sum()), int(top[:, 2].sum()),
    )  # fmt: skip


def scored(view: CaseView, pixels: Pixels) -> Floats:
    """(n, classes) probabilities, in batches."""
    model = view.model()
    size = batch_size(model)
    return np.concatenate([model.scores(pixels[i : i + size]) for i in range(0, len(pixels), size)])
