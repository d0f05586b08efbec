"""Which pictures occur more than once within and across splits, as one list of groups with what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import ImageMeasures
from failsight.tools.attributes.duplicates import clusters, equal_groups, near_pairs
from failsight.tools.attributes.measure import distance
from failsight.tools.inputs.base import BadImage, ImageTable

Ints = npt.NDArray[np.int64]
MOST_COMPARED = 2000  # pairs with equal hashes whose pixels are compared one by one


@dataclass(frozen=True, slots=True)
class Repeated:
    """One picture that occurs more than once.

    Attributes:
        members: (split, row) of each occurrence.
        labels: class index of each, −1 unknown.
        exact: equal bytes or equal pixels (else the perceptual hashes are close).
    """

    members: tuple[tuple[str, int], ...]
    labels: tuple[int, ...]
    exact: bool

    @property
    def splits(self) -> frozenset[str]:
        """The splits it occurs in."""
        return frozenset(s for s, _ in self.members)

    @property
    def contradictory(self) -> bool:
        """Whether it carries two different labels."""
        return len({label for label in self.labels if label >= 0}) > 1


@dataclass(frozen=True, slots=True)
class Repeats:
    """All repeated pictures; ``cut``: in a crowd of similar pictures some near ones may be missing."""

    groups: tuple[Repeated, ...]
    cut: bool = False

    def exact(self) -> tuple[Repeated, ...]:
        """Groups of equal pictures."""
        return tuple(g for g in self.groups if g.exact)

    def near(self) -> tuple[Repeated, ...]:
        """Groups of pictures that only look alike: candidates, not facts."""
        return tuple(g for g in self.groups if not g.exact)


def find_repeats(tables: Mapping[str, ImageTable], measures: Mapping[str, ImageMeasures]) -> Repeats:
    """Exact and near duplicates over the splits in ``measures``.

    Two pictures are equal when their files are equal byte for byte, or when their hashes and sizes agree and so does
    every pixel. Near groups list pictures that are not already equal to each other.
    """
    splits = list(measures)
    where = [(s, r) for s in splits for r in range(len(measures[s].readable))]
    labels = _joined([tables[s].labels for s in splits])
    keep = _joined([measures[s].readable for s in splits]).astype(bool)
    if not keep.any():
        return Repeats(())
    content = np.concatenate([measures[s].content for s in splits])
    dhash, phash = (
        np.concatenate([getattr(measures[s], name) for s in splits]) for name in ("dhash", "phash")
    )
    sizes = np.stack(
        [np.concatenate([measures[s].numbers[n] for s in splits]) for n in ("width", "height")], axis=1
    )
    byte_groups = equal_groups(content, keep)
    links, cut = near_pairs(dhash, phash, _first_of_each(keep, byte_groups))
    same = _equal_pixels(tables, where, links, dhash, phash, sizes)
    exact = clusters(np.concatenate([_chain(byte_groups), links[same]]))
    root = np.arange(len(where))
    for group in exact:
        root[group] = group[0]
    rest = root[links[~same]]  # equal pictures stand for each other
    rest = np.unique(rest[rest[:, 0] != rest[:, 1]], axis=0)
    made = [(g, True) for g in exact] + [(g, False) for g in clusters(rest)]
    return Repeats(tuple(_repeated(g, is_exact, where, labels) for g, is_exact in made), cut)


def _joined(parts: list[npt.NDArray[np.int64]] | list[npt.NDArray[np.bool_]]) -> Ints:
    return np.concatenate([np.asarray(p, np.int64) for p in parts]) if parts else np.zeros(0, np.int64)


def _first_of_each(keep: npt.NDArray[np.bool_], groups: list[Ints]) -> npt.NDArray[np.bool_]:
    """``keep`` without the second and later members of each group."""
    made = keep.copy()
    for group in groups:
        made[group[1:]] = False
    return made


def _chain(groups: list[Ints]) -> Ints:
    pairs = [np.stack([g[:-1], g[1:]], axis=1) for g in groups]
    return np.concatenate([np.zeros((0, 2), np.int64), *pairs])


def _equal_pixels(
    tables: Mapping[str, ImageTable],
    where: list[tuple[str, int]],
    links: Ints,
    dhash: npt.NDArray[np.uint64],
    phash: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Which links join pictures that are equal pixel by pixel (the same picture saved twice without loss)."""
    a, b = links[:, 0], links[:, 1]
    likely = (
        (distance(dhash[a], dhash[b]) == 0)
        & (distance(phash[a], phash[b]) == 0)
        & (sizes[a] == sizes[b]).all(1)
    )
    same = np.zeros(len(links), bool)
    for i in np.flatnonzero(likely)[:MOST_COMPARED]:
        try:
            one, other = (tables[s].open(r) for s, r in (where[a[i]], where[b[i]]))
            same[i] = one.size == other.size and np.array_equal(np.asarray(one), np.asarray(other))
        except BadImage:
            continue
    return same


def _repeated(group: Ints, exact: bool, where: list[tuple[str, int]], labels: Ints) -> Repeated:
    return Repeated(
        tuple(where[i] for i in group.tolist()), tuple(int(labels[i]) for i in group.tolist()), exact
    )
