"""How ``like:`` is found: pixel by pixel (:mod:`regions_like`), and where that fails by its detail (:mod:`regions_detail`)."""

from __future__ import annotations

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import digest
from failsight.tools.experiments.population import check_split
from failsight.tools.experiments.regions_base import Mask, Region
from failsight.tools.experiments.regions_detail import Detail, Least, compared, detail_of_piece, least_of
from failsight.tools.experiments.regions_like import AGREE, Piece, piece_of
from failsight.tools.experiments.regions_places import Finder, Size
from failsight.tools.inputs.base import BadImage, Pixels, Split
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

COMPARED = 240  # pictures in which the least likeness is found
EXACT = (
    "It is where most pixels are nearly those of that piece; a copy of another size, or turned, is not found."
)


def alike(view: CaseView, split: Split, region: Region, exact: bool = False) -> Finder:
    """The finder of what looks like a piece of a picture of the case, in pictures of ``split``.

    Args:
        exact: only where most pixels are nearly those of the piece, whatever of its detail recurs elsewhere.

    Raises:
        RetryError: the picture that the piece is cut from can't be read.
    """
    home, _, row = region.name.partition("/")
    picture = _picture(view, check_split(view, home), int(row))
    box = region.rectangles[0] if region.rectangles else None
    piece = piece_of(picture, box, region.size)
    key = {"piece": digest(piece.patch)}
    detail = detail_of_piece(picture, box) if box is not None and not exact else None
    if region.threshold is not None:
        return _as_sure(piece, detail, region.threshold, key)
    if detail is None:
        return Finder(lambda _, pixels, __: piece.find(pixels), None, key, None, (EXACT,))
    least = _least(view, split, region, detail)

    def find(_: int, pixels: Pixels, __: Size) -> Mask:
        found = piece.find(pixels)
        return found if found.any() else detail.place(pixels, least)

    key["least"] = digest([least.near, least.anywhere])
    return Finder(find, None, key, None, (_told(least),))


def _as_sure(piece: Piece, detail: Detail | None, sure: float, key: dict[str, str]) -> Finder:
    """What is at least so alike: by its detail, or by the share of alike pixels where it has none."""
    if detail is None:
        told = f"It is where at least {number(sure)} of the pixels are nearly those of that piece (usual is {number(AGREE)})."
        return Finder(lambda _, pixels, __: piece.find(pixels, sure), None, key, None, (told,))
    least = Least(None, sure, True, 0, 0.0, None)
    told = f"It is where the detail of that piece recurs with a likeness of at least {sure:g}; 1 is a copy, 0 is chance."
    return Finder(
        lambda _, pixels, __: detail.place(pixels, least), None, {**key, "detail": "1"}, None, (told,)
    )


def _picture(view: CaseView, split: Split, row: int) -> Pixels:
    try:
        return view.model().prepare(view.table(split).open(row))
    except BadImage as problem:
        raise RetryError(f"region: image {row} of {split} can't be read: {clean(problem, 80)}.") from None


def _least(view: CaseView, split: Split, region: Region, detail: Detail) -> Least:
    """From which likeness on pictures of ``split`` show the piece; found on a seeded sample of them, or taken from the cache."""
    key = {
        "regions": "likeness/1",
        "model": view.model().fingerprint,
        "data": view.table(split).fingerprint,
        "split": split,
        "region": region.spec,
        "piece": digest(detail.pattern),
        "seed": view.seed,
    }
    stored = view.cached(key)
    if stored is None:
        order = np.random.default_rng([view.seed, 71]).permutation(len(view.table(split)))
        home, _, row = region.name.partition("/")
        own = int(row) if home == split else -1
        rows = np.sort(order[order != own][:COMPARED]).astype(np.int64)
        made = []
        with view.progress.job(f"comparing with {region.title}", len(rows)) as ticker:
            for part, pictures in view.pixels(rows, split):
                made.append(compared(detail, list(pictures)))
                ticker.advance(len(part))
        stored = {"likeness": np.concatenate(made) if made else np.zeros((0, 1, 2))}
        view.store(key, stored)
    return least_of(stored["likeness"])


def _told(least: Least) -> str:
    """How it was found, in one or two sentences."""
    surer = "A piece of its most telling part, or @sureness behind the region, sets another bound."
    if not least.looked:
        return EXACT
    if least.chance is None:
        return f"{EXACT} Its detail equals that of its mirrored copies, so that a likeness of detail can't be told from chance."
    if not least.recurs:
        return (
            f"{EXACT} By its detail too few images show it to tell them from chance: the best likeness in {least.looked:,} other images is "
            f"{least.best:.2f}, mirrored copies of it reach {least.chance:.2f}; from {least.anywhere:.2f} on an image counts. {surer}"
        )
    bounds = [
        f"{v:.2f} {where}"
        for v, where in ((least.near, "at its own place"), (least.anywhere, "anywhere"))
        if v is not None
    ]
    return (
        f"It is where most pixels are nearly those of that piece, or its detail recurs with a likeness of at least {' or '.join(bounds)}. "
        f"In {least.looked:,} images it is chance, judged by mirrored copies of the piece, in at most about 5 % of what is found. {surer}"
    )
