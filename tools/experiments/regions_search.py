"""Which images an experiment on a region takes: those that show it, found by looking where nothing else says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import Filter, Population, check_split, resolve, shows
from failsight.tools.experiments.regions_base import Region
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.experiments.regions_places import Ints, Looked, Places, look
from failsight.tools.inputs.base import BadImage, Split
from failsight.tools.stats.slices import split_halves
from failsight.tools.text import listing, number
from failsight.tools.view import CaseView

Bools = npt.NDArray[np.bool_]
ENOUGH_GIVERS = 96  # pieces come from no more images than that
WHOLE = 0.98  # of width and height: a model that sees as much sees the image
ENOUGH_FOR_CLASS = 256  # tells as well which class images with the cue are given


@dataclass(frozen=True)
class Chosen:
    """The images of an experiment, and where its region lies in them.

    Attributes:
        notes: what a reader should know of how both were found.
    """

    places: Places
    population: Population
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Givers:
    """Images that a cue can be cut from.

    Attributes:
        places: where the cue lies in them, and in any other image.
        rows: those that show it, ascending.
        seen: those that were looked at, with or without it; all of the split where nothing had to be looked at.
        spare: rows that served to choose the cue and take no other part.
    """

    places: Places
    rows: Ints
    seen: Ints
    spare: Ints
    notes: tuple[str, ...] = ()


def searched(region: Region) -> bool:
    """Whether only a look tells which images show it."""
    return region.kind in ("colour", "mask", "object", "text", "like") or (
        region.kind == "segment" and region.colour is not None
    )


def choose(
    view: CaseView,
    split: Split,
    region: Region,
    filters: Sequence[Filter],
    *,
    within: Bools | None = None,
    most: int,
    watched: int | None = None,
    segmenter: str | None = None,
) -> Chosen:
    """At most ``most`` images that show ``region`` and meet ``filters`` (and ``within``), seeded.

    Whether an image shows it depends on the image alone, never on what the model says of it; a place that is learnt from the
    model's maps is learnt on images that are then left out.

    Raises:
        RetryError: no image is left, or the region can't be found with what there is.
    """
    table = view.table(split)
    keep = np.ones(len(table), bool) if within is None else within.copy()
    if region.average:
        return _place(view, split, region, filters, keep, most, watched)
    places = open_places(view, split, region, watched=watched, segmenter=segmenter)
    keep &= _may_show(places)
    if not searched(region):
        population = resolve(view, split, filters, within=keep, most=most, seed=view.seed)
        places.plan(population.rows)
        return Chosen(places, population, places.notes)
    rows = resolve(view, split, filters, within=keep, most=len(table), seed=view.seed).rows
    found = look(places, rows, most, view.seed, label=f"looking for {region.title}")
    if not (found.states == 1).any():
        raise _nowhere(places, found)
    taken = sample(found.with_state(1, -1), most, view.seed)
    places.plan(taken)
    notes = (*places.notes, found.told, *_trouble(places, found.rows))
    return Chosen(places, Population(split, taken, len(taken), tuple(filters)), notes)


def _place(
    view: CaseView,
    split: Split,
    region: Region,
    filters: Sequence[Filter],
    within: Bools,
    most: int,
    watched: int | None,
) -> Chosen:
    rows = resolve(view, split, filters, within=within, most=len(within), seed=view.seed).rows
    learn, rest = halves(view, split, rows)
    places = open_places(view, split, region, watched=watched, learn=learn)
    if not len(rest):
        raise RetryError(
            "region: saliency:place needs images to choose the place on and others to test it on."
        )
    population = Population(split, sample(rest, most, view.seed), len(rest), tuple(filters))
    return Chosen(places, population, places.notes)


def halves(view: CaseView, split: Split, rows: Ints) -> tuple[Ints, Ints]:
    """``rows`` in two seeded halves, with as many of each class."""
    strata = np.unique(view.table(split).labels[rows], return_inverse=True)[1].astype(np.int64)
    first = split_halves(strata, view.seed)
    return rows[first], rows[~first]


def part_seen(view: CaseView, split: Split, region: Region) -> tuple[str, ...]:
    """What of an image the model sees, where a place is given in fractions of that and images lose their edges; else nothing.

    A place that is read off a whole image lies elsewhere in the part that is left of it.
    """
    if region.kind not in ("rect", "grid", "like") and region.point is None:
        return ()
    home, row = (
        (check_split(view, region.name.partition("/")[0]), int(region.name.partition("/")[2]))
        if region.kind == "like"
        else (split, 0)
    )
    try:
        size = view.table(home).open(row).size
    except BadImage:
        return ()
    x0, y0, x1, y1 = view.model().prepare_box((0.25, 0.25, 0.75, 0.75), *size)
    if not (x1 > x0 and y1 > y0):
        return ()
    across, down = 0.5 / (x1 - x0), 0.5 / (y1 - y0)
    if min(across, down) > WHOLE:
        return ()
    return (
        f"Places are fractions of what the model sees of an image: of one of {size[0]} × {size[1]} pixels {number(min(1.0, across))} of the width "
        f"and {number(min(1.0, down))} of the height. A place that was read off the whole image lies elsewhere there.",
    )


def check_donors(region: Region, filters: Sequence[Filter]) -> None:
    """Raises RetryError where every image has the region and ``filters`` don't say which ones it is cut from."""
    if region.everywhere and not filters:
        raise RetryError(
            f"donors: say which images {region.title} is cut from, for example true=kitchen or watermark=yes."
        )


def givers(
    view: CaseView,
    split: Split,
    region: Region,
    filters: Sequence[Filter],
    *,
    watched: int | None,
    segmenter: str | None,
) -> Givers:
    """The images that a cue can be cut from: those that show it and meet ``filters``.

    Raises:
        RetryError: there are none; or every image has the region, and ``filters`` don't say which ones it is cut from.
    """
    table = view.table(split)
    check_donors(region, filters)
    every, none = np.arange(len(table), dtype=np.int64), np.zeros(0, np.int64)
    if region.average:
        rows = resolve(view, split, filters, most=len(table), seed=view.seed).rows
        learn, rest = halves(view, split, rows)
        places = open_places(view, split, region, watched=watched, learn=learn)
        return Givers(places, rest, every, learn, places.notes)
    places = open_places(view, split, region, watched=watched, segmenter=segmenter)
    within = _may_show(places)
    rows = resolve(view, split, filters, within=within, most=len(table), seed=view.seed).rows
    if not searched(region):
        return Givers(places, rows, every, none, places.notes)
    enough = ENOUGH_FOR_CLASS if watched is None else ENOUGH_GIVERS
    found = look(places, rows, enough, view.seed, label=f"looking for {region.title}")
    if not (found.states == 1).any():
        raise _nowhere(places, found)
    notes = (*places.notes, found.told, *_trouble(places, found.rows))
    return Givers(places, found.with_state(1), found.with_state(0, 1), none, notes)


def lacking(places: Places, rows: Ints, most: int, seed: int) -> Ints:
    """At most ``most`` of ``rows`` that do not show the region, ascending. Rows are not looked at where nothing has to be."""
    if not searched(places.region):
        return sample(rows, most, seed)
    found = look(
        places, rows, most, seed, absent=True, label=f"looking for images without {places.region.title}"
    )
    doubtful = places.finder.problems if places.finder else {}  # their masks can't be read
    free = found.with_state(0, -1)
    return sample(free[[r not in doubtful for r in free.tolist()]], most, seed)


def lacks(places: Places) -> Bools:
    """Rows that are known not to show the region, without a look: no box, no mask, no point of their own."""
    return ~_may_show(places)


def _may_show(places: Places) -> Bools:
    table, region = places.view.table(places.split), places.region
    if region.kind == "box":
        return shows(table, region.name)
    if places.finder is not None and places.finder.may_show is not None:
        return places.finder.may_show.copy()
    return np.ones(len(table), bool)


def sample(rows: Ints, most: int, seed: int) -> Ints:
    """At most ``most`` of ``rows``, seeded, ascending."""
    if len(rows) <= most:
        return rows
    made: Ints = np.sort(np.random.default_rng([seed, len(rows), most]).choice(rows, most, replace=False))
    return made


def _nowhere(places: Places, found: Looked) -> RetryError:
    unread = int((found.states == -1).sum())
    more = f" {unread:,} of them can't be read." if unread else ""
    surer = " A lower @sureness finds more." if places.region.kind in ("object", "text", "like") else ""
    return RetryError(f"region: {places.region.title}: {found.told}{more}{surer}")


def _trouble(places: Places, rows: Ints) -> list[str]:
    """What was wrong with mask files of ``rows``, in one sentence; none for nothing."""
    problems = places.finder.problems if places.finder else {}
    told = [problems[r] for r in rows.tolist() if r in problems]
    return (
        [f"{len(told):,} mask file{'s' * (len(told) > 1)} can't be used: {listing(told, 3)}."] if told else []
    )
