"""Training labels that somebody in particular gives wrongly, looked at again by a head that learnt from everybody else's.

A head that learns from wrong labels repeats them: where half of one annotator's labels go one way, it is unsure of just the images that
matter. Once a source of labels is confirmed careless, nothing binds anybody to learn from it: a head fitted to the others' labels says what
the source's images look like, and what it calls them, class by class, says what its labels mean
(:mod:`failsight.tools.stats.labellers`). On practice worlds with half of one annotator's labels wrong, of as many labels looked at half as
many again are wrong ones (``benchmarks/relabelling.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Table
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.second import FEWEST_LABELS
from failsight.tools.stats.confident import normalised_margin
from failsight.tools.stats.labellers import Habits, learn_habits
from failsight.tools.stats.linear_head import scores_of_others
from failsight.tools.text import clean, number

Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTY = 30.0  # of the head: what it says is multiplied into habits, so that it had better not be too sure
DOUBTED = 0.8  # chance of being right below which a careless source's label is listed
LEAST_HABIT = 0.03  # share of a class's images from which a label that is given to them is shown


@dataclass(frozen=True, slots=True)
class Careless:
    """The labels of one source.

    Attributes:
        column, value: the source.
        at: (m,) positions of its images among the labelled ones.
        labels: (m,) what it gave.
        habits: what its labels mean.
    """

    column: str
    value: str
    at: Ints
    labels: Ints
    habits: Habits

    @property
    def name(self) -> str:
        """``annotator=B``."""
        return f"{clean(self.column, 40)}={clean(self.value, 60)}"

    @property
    def expected(self) -> float:
        """How many of its labels are wrong, by the chances of all of them."""
        return float((1 - self.habits.right(self.labels)).sum())

    @property
    def told(self) -> str:
        """What was done, and what it comes to, as a note."""
        doubted = int((self.habits.right(self.labels) < 0.5).sum())
        return (
            f"Labels with {self.name} come first in the list, by a head that learnt from all other labels and by what these labels turn out "
            f"to mean: {doubted:,} of {len(self.at):,} are rather wrong than right, about {number(self.expected, 'count')} are wrong in all."
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """Which suspects are listed, most suspicious first, and with what.

    Attributes:
        order: positions of the suspects.
        suggested: (n,) class that each image is probably of; of a careless source's the most probable other one.
        quality: (n,) score of the label minus the largest other score.
        scores: (n, k) that these come from.
    """

    order: Ints
    suggested: Ints
    quality: Float
    scores: Float


def look_again(
    scored: Scored, basis: npt.NDArray[np.float32], sources: Sequence[tuple[str, str, Bool]]
) -> list[Careless]:
    """The labels of sources confirmed careless, by a head fitted to all other labels.

    Args:
        basis: (n, d) what the head is fitted to.
        sources: column, value and (n,) images of each. An image of two of them counts to the first.

    Returns:
        One entry a source; none where too few other labels are left, or none of a class that a source gives.
    """
    rest = np.ones(len(scored.labels), bool)
    for _, _, inside in sources:
        rest &= ~inside
    k = len(scored.classes)
    known = np.bincount(scored.labels[rest], minlength=k) > 0
    if int(rest.sum()) < FEWEST_LABELS or int(known.sum()) < 2:
        return []
    made, taken = [], rest.copy()
    for column, value, inside in sources:
        at = np.flatnonzero(inside & ~taken).astype(np.int64)
        labels = scored.labels[at]
        if not len(at) or not known[labels].all():
            continue
        taken[at] = True
        seen = scores_of_others(basis[rest], scored.labels[rest], k, basis[at], penalty=PENALTY)
        made.append(Careless(column, value, at, labels, learn_habits(seen, labels)))
    return made


def list_suspects(
    careless: Sequence[Careless], scored: Scored, suspects: Ints, suggested: Ints, quality: Float, among: Bool
) -> Listing:
    """The suspects of careless sources first, then the others.

    Args:
        suspects: positions by confident learning, most suspicious first.
        suggested, quality: (n,) of all images, by the same.
        among: (n,) images that take part.
    """
    if not careless:
        return Listing(suspects, suggested, quality, scored.scores)
    suggested, quality, scores = suggested.copy(), quality.copy(), scored.scores.copy()
    own, doubted = np.zeros(len(among), bool), np.zeros(len(among), bool)
    for one in careless:
        own[one.at] = True
        scores[one.at] = one.habits.posterior
        others = one.habits.posterior.copy()
        others[np.arange(len(one.at)), one.labels] = -1.0
        suggested[one.at] = others.argmax(axis=1)
        doubted[one.at] = one.habits.right(one.labels) < DOUBTED
        quality[one.at] = normalised_margin(one.labels, one.habits.posterior)
    first = np.flatnonzero(own & among & doubted)
    first = first[np.argsort(quality[first], kind="stable")]
    return Listing(np.concatenate([first, suspects[~own[suspects]]]), suggested, quality, scores)


def listed(scored: Scored, made: Listing) -> Scored:
    """The same images with the scores that the list rests on."""
    return replace(scored, scores=made.scores)


def habits_tables(careless: Sequence[Careless], classes: Sequence[str]) -> tuple[Table, ...]:
    """What each careless source calls the images of each class."""
    made = []
    for one in careless:
        sizes = one.habits.posterior.sum(axis=0)
        rows: list[tuple[Cell, ...]] = [
            (classes[true], classes[given], float(one.habits.given[true, given]), round(float(sizes[true])))
            for true in np.flatnonzero(sizes >= 1).tolist()
            for given in np.argsort(-one.habits.given[true], kind="stable").tolist()
            if one.habits.given[true, given] >= LEAST_HABIT
        ]
        made.append(
            Table(
                f"What labels with {one.name} mean",
                ("images of", "get the label", "share", "images of that class"),
                tuple(rows),
                ("text", "text", "share", "count"),
                "Estimated from what a head that learnt from all other labels sees in these images (expectation and maximisation); nobody has looked yet.",
            )
        )
    return tuple(made)
