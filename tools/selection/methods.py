"""Which images without labels to label: the images there are, and five ways to choose among them on one budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import image_measures
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.selection.likely_failures import Known, LikelyFailures, likely_failures
from failsight.tools.selection.weak_slices import WeakSlices
from failsight.tools.stats.covering import k_center, share_out
from failsight.tools.text import counted, listing
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
DIGITS = 6  # of a probability of being wrong, beyond which two are alike
Method = Literal["failsight", "hibug", "random", "coreset", "confidence"]
BY_SLICES = ("failsight", "hibug")
MOST_KNOWN = 5_000  # training images that a core-set counts as covered


@dataclass(frozen=True)
class Pool:
    """The images to choose among.

    Attributes:
        split: where they are.
        rows: (n,) their rows.
        at: (n,) their positions in the attribute table.
        attributes: that table.
        predictions: of the split; None where there is no model to run.
        where: (n,) their positions in the prediction table.
        notes: what was left out.
    """

    split: Split
    rows: Ints
    at: Ints
    attributes: AttributeTable
    predictions: Predictions | None
    where: Ints
    notes: tuple[str, ...]

    @property
    def predicted(self) -> Ints | None:
        return None if self.predictions is None else self.predictions.predicted[self.where]

    @property
    def confidence(self) -> npt.NDArray[np.float64] | None:
        """(n,) probability of the predicted class; None where it is not known."""
        if self.predictions is None or not self.predictions.has_scores:
            return None
        return self.predictions.confidence[self.where].astype(np.float64)


def open_pool(view: CaseView, split: Split) -> Pool:
    """The readable images of ``split`` that are no copies of evaluation images or of each other."""
    table = view.table(split)
    notes = left_out_notes(split, table.left_out)
    predictions = _predictions(view, split)
    attributes = view.attributes(split)
    rows = attributes.rows
    if predictions is not None:
        notes += left_out_notes(split, predictions.left_out)
        rows = np.intersect1d(rows, predictions.rows)
    else:
        notes.append(
            "There is no model to run on these images: predicted classes and confidence play no part."
        )
        if len(table) > len(rows):
            notes.append(
                f"{len(table) - len(rows):,} of the {called(split)} can't be read and were left out."
            )
    rows, told = _fresh(view, split, rows)
    at = np.searchsorted(attributes.rows, rows).astype(np.int64)
    where = np.searchsorted(predictions.rows, rows).astype(np.int64) if predictions is not None else at
    return Pool(split, rows, at, attributes, predictions, where, (*notes, *told))


def _predictions(view: CaseView, split: Split) -> Predictions | None:
    """None where there is neither a model to run nor a table of its answers."""
    try:
        return view.predictions(split)
    except RetryError:
        return None


def _fresh(view: CaseView, split: Split, rows: Ints) -> tuple[Ints, list[str]]:
    """Without images that are there already: a copy of a test image must not be trained on, a copy is labelled once."""
    made = image_measures(view.table(split), cached=view.cached, store=view.store, progress=view.progress)
    known = image_measures(view.table("data"), cached=view.cached, store=view.store, progress=view.progress)
    tests = {c.tobytes() for c in known.content[known.readable]}
    seen: set[bytes] = set()
    kept, copies, repeats = [], 0, 0
    for row in rows.tolist():
        if not made.readable[row]:  # its answers came in a table: whether it is a copy is not known
            kept.append(row)
            continue
        content = made.content[row].tobytes()
        if content in tests:
            copies += 1
        elif content in seen:
            repeats += 1
        else:
            kept.append(row)
        seen.add(content)
    notes = []
    if copies:
        notes.append(
            f"{copies:,} of the {called(split)} are evaluation images too; they must judge, not teach."
        )
    if repeats:
        notes.append(f"{repeats:,} of the {called(split)} repeat others exactly and were left out.")
    return np.array(kept, np.int64), notes


@dataclass(frozen=True)
class Picks:
    """What was chosen.

    Attributes:
        at: (k,) positions in the pool, the most urgent first; every beginning of the list has about the same mix.
        place: (n,) slice of each pool image, −1 for none.
        wanted: images a slice should get, by its failures; empty where no slices were used.
        notes: what could not be done.
        likely: how likely the model is wrong about each pool image; None where nobody asked, or nothing could be learned.
    """

    at: Ints
    place: Ints
    wanted: tuple[int, ...]
    notes: tuple[str, ...]
    likely: LikelyFailures | None = None


def pick(view: CaseView, pool: Pool, weak: WeakSlices | None, method: Method, budget: int) -> Picks:
    """Choose ``budget`` images, or all there are.

    Raises:
        RetryError: the method needs something that this case lacks.
    """
    place = np.full(len(pool.rows), -1, np.int64)
    if weak is not None:
        place = weak.carry_over(pool.attributes, pool.at, pool.predicted)
    take, notes = min(budget, len(pool.rows)), []
    if take < budget:
        notes.append(f"There are only {take:,} {called(pool.split)} to choose from.")
    likely = _likely(view, pool) if method == "failsight" and weak is not None else None
    if method == "failsight" and likely is None:
        notes.append("Too little is known to learn where the model is wrong; its own confidence decides.")
    if method in BY_SLICES and weak is not None and weak.slices:
        at, wanted, told = _by_slices(pool, weak, place, take, _urgent(view, pool, likely))
        return Picks(at, place, wanted, (*notes, *told), likely)
    if method in BY_SLICES:
        notes.append(
            "There are no failures to make slices of; the images the model is least sure of were taken."
        )
    if method == "coreset":
        at, told = _spread(view, pool, take)
        return Picks(at, place, (), (*notes, *told))
    if method == "confidence" and pool.confidence is None:
        raise RetryError(
            "method=confidence needs class probabilities of the images to choose from.", ["random"]
        )
    order = _shuffled(view, pool) if method == "random" else _least_sure(view, pool)
    return Picks(order[:take], place, (), tuple(notes))


def _likely(view: CaseView, pool: Pool) -> LikelyFailures | None:
    """How likely the model is wrong about each pool image; None without a model or without failures to learn from."""
    if pool.predictions is None:
        return None
    predictions, attributes = view.predictions("data"), view.attributes("data")
    rows = np.intersect1d(predictions.rows[predictions.labelled], attributes.rows)
    where = np.searchsorted(predictions.rows, rows).astype(np.int64)
    at = np.searchsorted(attributes.rows, rows).astype(np.int64)
    here, there = _features(view, "data", rows), _features(view, pool.split, pool.rows)
    return likely_failures(
        Known(predictions, where, here, attributes, at),
        Known(pool.predictions, pool.where, there, pool.attributes, pool.at),
        view.seed,
    )


def _features(view: CaseView, split: Split, rows: Ints) -> npt.NDArray[np.float32] | None:
    """(n, c) the model's features of ``rows``, NaN where they are not kept; None where the model shows none."""
    try:
        known, features = view.features(split)
    except RetryError:
        return None
    made = np.full((len(rows), features.shape[1]), np.nan, np.float32)
    _, mine, theirs = np.intersect1d(rows, known, return_indices=True)
    made[mine] = features[theirs]
    return made


def _shuffled(view: CaseView, pool: Pool) -> Ints:
    order: Ints = np.random.default_rng([view.seed, 7]).permutation(len(pool.rows)).astype(np.int64)
    return order


def _least_sure(view: CaseView, pool: Pool) -> Ints:
    """Least confident first; drawn by lot where confidence is not known."""
    if pool.confidence is None:
        return _shuffled(view, pool)
    order: Ints = np.argsort(pool.confidence, kind="stable").astype(np.int64)
    return order


def _urgent(view: CaseView, pool: Pool, likely: LikelyFailures | None) -> Ints:
    """Most likely wrong first, where that is alike the least sure; by the model's own confidence alone where nothing was learned,
    or an image's features are not kept."""
    order = _least_sure(view, pool)
    if likely is None:
        return order
    # the last digits of a fit are the processor's: they must not order images that are equally likely wrong
    doubt = np.round(np.nan_to_num(likely.probability[order], nan=-1.0), DIGITS)
    made: Ints = order[np.argsort(-doubt, kind="stable")]
    return made


def _by_slices(
    pool: Pool, weak: WeakSlices, place: Ints, take: int, order: Ints
) -> tuple[Ints, tuple[int, ...], list[str]]:
    """The budget in proportion to failures; what a slice lacks goes to the others, what all lack to the rest.

    Within a slice, and in the rest, by ``order``.
    """
    members = [order[place[order] == i] for i in range(len(weak.slices))]
    weights = [float(s.failures) for s in weak.slices]
    wanted = share_out(take, weights, [take] * len(weights))
    given = share_out(take, weights, [len(m) for m in members])
    chosen = [m[:k] for m, k in zip(members, given, strict=True)]
    rank = np.concatenate([(np.arange(len(c)) + 0.5) / max(len(c), 1) for c in chosen])
    at = np.concatenate(chosen)[np.argsort(rank, kind="stable")]
    notes = []
    if pool.confidence is None:
        notes.append("Without confidences the images of a slice were drawn by lot.")
    short = [i for i, (w, g) in enumerate(zip(wanted, given, strict=True)) if g < w]
    if short:
        missing = sum(wanted[i] - given[i] for i in short)
        notes.append(
            f"The {called(pool.split)} hold {counted(missing, 'image too few', 'images too few')} for {listing([f'share {i + 1}' for i in short])}; "
            "their part of the budget went to the others."
        )
    if len(at) < take:
        others = order[~np.isin(order, at)][: take - len(at)]
        notes.append(
            f"{counted(len(others), 'image belongs', 'images belong')} to none of the slices: the most doubtful ones fill up."
        )
        at = np.concatenate([at, others])
    return at.astype(np.int64), tuple(wanted), notes


def _spread(view: CaseView, pool: Pool, take: int) -> tuple[Ints, list[str]]:
    """A core-set on the model's features, away from what the training images cover."""
    rows, features = view.features(pool.split)
    shared, mine, theirs = np.intersect1d(pool.rows, rows, return_indices=True)
    notes = []
    known = None
    if "train" in view.splits():
        known = view.features("train")[1]
        if len(known) > MOST_KNOWN:
            drawn = np.random.default_rng([view.seed, 8]).choice(len(known), MOST_KNOWN, replace=False)
            known = known[np.sort(drawn)]
    else:
        notes.append(
            "Without the training images the core-set can't know what they cover; it covers the pool alone."
        )
    at = mine[k_center(features[theirs], take, known)]
    if len(at) < take:
        others = _shuffled(view, pool)
        others = others[~np.isin(others, at)][: take - len(at)]
        notes.append(
            f"Features are kept of {len(shared):,} images only; {len(others):,} more were drawn by lot."
        )
        at = np.concatenate([at, others])
    return at.astype(np.int64), notes
