"""Which pictures are one picture: equal ones, and those that are so once re-encoded, mirrored or cropped.

Hashes and features propose pairs, :mod:`alike` decides on pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.alike import Likeness, Way, compare_pairs
from failsight.tools.attributes.computed import ImageMeasures
from failsight.tools.attributes.duplicates import clusters, mirrored_pairs
from failsight.tools.attributes.neighbours import nearest_pairs
from failsight.tools.attributes.repeats import Repeated, Repeats, find_repeats
from failsight.tools.inputs.base import ImageTable
from failsight.tools.view import Progress

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Member = tuple[str, int]  # split and row

NEIGHBOURS = 5
MOST_COMPARED = 4_000  # pairs compared pixel by pixel, those nearest in the features first: about ten seconds
LEAST_COMPARED = 600
PER_PICTURE = 0.5  # pairs a picture, between these bounds: more are look-alikes, not copies
MOST_OF_A_GROUP = 12  # members of a group of look-alikes that are compared each with each


@dataclass(frozen=True, slots=True)
class Link:
    """Two pictures that are one by their pixels, though not equal."""

    one: Member
    other: Member
    likeness: Likeness


@dataclass(frozen=True)
class Copies:
    """What was found.

    Attributes:
        groups: equal pictures (``exact``), then pictures joined by verified links, equal ones among them included.
        links: the verified pairs; of equal pictures the first stands for all.
        compared: pairs compared pixel by pixel.
        by_features: how many verified pairs no hash had proposed.
        cut: whether candidates were left out.
    """

    groups: tuple[Repeated, ...]
    links: tuple[Link, ...] = ()
    compared: int = 0
    by_features: int = 0
    cut: bool = False

    def exact(self) -> tuple[Repeated, ...]:
        """Groups of equal pictures."""
        return tuple(g for g in self.groups if g.exact)

    def near(self) -> tuple[Repeated, ...]:
        """Groups joined by verified links."""
        return tuple(g for g in self.groups if not g.exact)

    def as_they_are(self) -> tuple[Repeated, ...]:
        """Groups joined by links without a mirror or a crop: these may well show another class."""
        labels = {m: label for g in self.groups for m, label in zip(g.members, g.labels, strict=True)}
        equal: dict[Member, tuple[Member, ...]] = {m: g.members for g in self.exact() for m in g.members}
        joined = [(k.one, k.other) for k in self.links if k.likeness.way == "same"]
        known = sorted({m for pair in joined for m in pair})
        at = {m: i for i, m in enumerate(known)}
        made = []
        for cluster in clusters(np.array([(at[a], at[b]) for a, b in joined], np.int64).reshape(-1, 2)):
            members = tuple(
                dict.fromkeys(m for i in cluster.tolist() for m in equal.get(known[i], (known[i],)))
            )
            made.append(Repeated(members, tuple(labels[m] for m in members), False))
        return tuple(made)

    def way(self, group: Repeated) -> str:
        """How the members of a group are alike, in a word or two."""
        if group.exact:
            return "equal"
        inside = set(group.members)
        ways: list[Way] = [k.likeness.way for k in self.links if k.one in inside]
        words = {
            "same": "re-encoded",
            "mirrored": "mirrored",
            "part": "cropped",
            "mirrored part": "mirrored, cropped",
        }
        return ", ".join(dict.fromkeys(words[w] for w in ways))

    def partners(self, split: str, of: str) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Rows of ``split`` → rows of ``of`` that are the same picture: equal ones, and those by verified links."""
        equal: dict[Member, tuple[Member, ...]] = {m: g.members for g in self.exact() for m in g.members}
        exact: dict[int, list[int]] = {}
        near: dict[int, list[int]] = {}
        for group in self.exact():
            there = [r for s, r in group.members if s == of]
            for s, r in group.members if there else ():
                if s == split and split != of:
                    exact[r] = there
        for link in self.links:
            for one, other in ((link.one, link.other), (link.other, link.one)):
                there = [r for s, r in equal.get(other, (other,)) if s == of]
                for s, r in equal.get(one, (one,)) if there else ():
                    if s == split and r not in exact:
                        near[r] = sorted({*near.get(r, []), *there})
        return exact, near


def find_copies(
    tables: Mapping[str, ImageTable],
    measures: Mapping[str, ImageMeasures],
    features: Mapping[str, tuple[Ints, Floats]],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Copies:
    """Equal pictures, and verified copies among what hashes and features propose.

    Args:
        tables, measures: the splits that take part.
        features: split → (rows, (n, c) features), for those splits that have any; all of one width.
        seed: of the bucket search over many pictures.
    """
    repeats = find_repeats(tables, measures)
    where = [(s, r) for s in measures for r in range(len(measures[s].readable))]
    place = {m: i for i, m in enumerate(where)}
    root = np.arange(len(where))
    for group in repeats.exact():
        root[[place[m] for m in group.members]] = place[group.members[0]]
    hashed, hash_cut = _by_hashes(repeats, measures, place)
    nearby, feature_cut = _by_features(features, measures, place, seed)
    known = {tuple(p) for p in _distinct(root[hashed]).tolist()}
    most = int(np.clip(PER_PICTURE * len(where), LEAST_COMPARED, MOST_COMPARED))
    half = most // 2  # neither way of proposing may crowd the other out
    candidates = _in_order(
        [root[hashed][:half], root[nearby][:half], root[hashed][half:], root[nearby][half:]]
    )
    likeness = compare_pairs(tables, where, candidates[:most], progress)
    kept = [
        (tuple(p), like) for p, like in zip(candidates.tolist(), likeness, strict=False) if like.one_picture
    ]
    return Copies(
        groups=(*repeats.exact(), *_groups([p for p, _ in kept], repeats, where, place, tables)),
        links=tuple(Link(where[i], where[j], like) for (i, j), like in kept),
        compared=len(likeness),
        by_features=sum(p not in known for p, _ in kept),
        cut=repeats.cut or hash_cut or feature_cut or len(candidates) > most,
    )


def _by_hashes(
    repeats: Repeats, measures: Mapping[str, ImageMeasures], place: Mapping[Member, int]
) -> tuple[Ints, bool]:
    """Pairs that hashes propose: near ones, and mirrored ones."""
    pairs = [(place[a], place[b]) for g in repeats.near() for a, b in _pairs_of(g.members)]
    dhash = np.concatenate([m.dhash for m in measures.values()])
    readable = np.concatenate([m.readable for m in measures.values()])
    turned, cut = mirrored_pairs(dhash, readable)
    return np.concatenate([np.array(pairs, np.int64).reshape(-1, 2), turned]), cut


def _pairs_of(members: Sequence[Member]) -> list[tuple[Member, Member]]:
    if len(members) <= MOST_OF_A_GROUP:
        return list(combinations(members, 2))
    return list(pairwise(members))


def _by_features(
    features: Mapping[str, tuple[Ints, Floats]],
    measures: Mapping[str, ImageMeasures],
    place: Mapping[Member, int],
    seed: int,
) -> tuple[Ints, bool]:
    """Pairs among each other's nearest, nearest first."""
    taken = {s: f for s, f in features.items() if s in measures and len(f[0])}
    if not taken:
        return np.zeros((0, 2), np.int64), False
    at = np.array([place[s, int(r)] for s, (rows, _) in taken.items() for r in rows], np.int64)
    pairs, _, cut = nearest_pairs(np.concatenate([f for _, f in taken.values()]), NEIGHBOURS, seed=seed)
    return at[pairs], cut


def _distinct(pairs: Ints) -> Ints:
    """Sorted pairs of different pictures, each once."""
    ordered = np.sort(pairs.reshape(-1, 2), axis=1)
    made: Ints = np.unique(ordered[ordered[:, 0] != ordered[:, 1]], axis=0).astype(np.int64)
    return made


def _in_order(parts: Sequence[Ints]) -> Ints:
    """Pairs of all parts in their order, each once."""
    pairs = np.sort(np.concatenate(parts).reshape(-1, 2), axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    _, first = np.unique(pairs, axis=0, return_index=True)
    made: Ints = pairs[np.sort(first)]
    return made


def _groups(
    pairs: Sequence[tuple[int, ...]],
    repeats: Repeats,
    where: Sequence[Member],
    place: Mapping[Member, int],
    tables: Mapping[str, ImageTable],
) -> list[Repeated]:
    """Pictures joined by links, with all that are equal to one of them."""
    equal = {place[g.members[0]]: g.members for g in repeats.exact()}
    made = []
    for cluster in clusters(np.array(pairs, np.int64).reshape(-1, 2)):
        members = tuple(m for i in cluster.tolist() for m in equal.get(i, (where[i],)))
        made.append(Repeated(members, tuple(int(tables[s].labels[r]) for s, r in members), False))
    return made
