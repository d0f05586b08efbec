"""Pictures that occur more than once: exactly (equal bytes or equal pixels) or nearly (perceptual hashes close).

Near pairs are found without comparing all with all: cut into four parts of 16 bits, two hashes that differ in at most
seven bits differ in at most one bit of one part (pigeonhole; Norouzi, Punjani & Fleet 2012, multi-index hashing). So
every hash looks up 17 buckets in each of four tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.measure import Hashes, distance

Ints = npt.NDArray[np.int64]

PARTS = 4
NEAR = (
    7  # bits of 64; with one bit of tolerance in each of four parts no more than 7, or pairs would be missed
)
FLAT = (
    6  # a hash with fewer set (or unset) bits comes from a picture without structure: it resembles everything
)
CROWD = 500  # most neighbours looked at in one bucket: more means pictures without telling structure
BLOCK = 2_000_000  # pairs compared at a time


def equal_groups(content: npt.NDArray[np.uint8], keep: npt.NDArray[np.bool_]) -> list[Ints]:
    """Groups of two or more rows with equal digests, in order of their first row.

    Args:
        content: (n, 16) digests.
        keep: (n,) rows that take part.
    """
    rows = np.flatnonzero(keep)
    if len(rows) < 2:
        return []
    keys = np.ascontiguousarray(content[rows]).view("V16").ravel()
    _, group, count = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(count)
    groups = [rows[order[end - n : end]] for end, n in zip(ends, count, strict=True) if n > 1]
    return sorted(groups, key=lambda g: int(g[0]))


def near_pairs(
    dhash: Hashes, phash: Hashes, keep: npt.NDArray[np.bool_], near: int = NEAR
) -> tuple[Ints, bool]:
    """Pairs whose difference hash *and* frequency hash differ in at most ``near`` bits.

    Pictures with equal hashes are linked in a row, each to the next, and only the first is compared with others:
    enough to find the groups, and a thousand copies stay a thousand links.

    Args:
        dhash, phash: (n,) 64-bit hashes of the same pictures.
        keep: (n,) rows that take part.
        near: most bits that differ, 0 to 7.

    Returns:
        (m, 2) row pairs (i < j), sorted; and whether crowded buckets were cut, so that pairs may be missing.

    Raises:
        ValueError: ``near`` is outside 0 … 7.
    """
    if not 0 <= near <= NEAR:
        raise ValueError(f"near must lie between 0 and {NEAR}, not {near}")
    rows = np.flatnonzero(keep & _has_structure(dhash) & _has_structure(phash))
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), False
    both = np.stack([dhash[rows], phash[rows]], axis=1)
    _, first, group = np.unique(both, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    same = group[order[1:]] == group[order[:-1]]
    found = [np.stack([rows[order[:-1]][same], rows[order[1:]][same]], axis=1)]
    firsts, cut = rows[first], False
    parts = np.ascontiguousarray(dhash[firsts]).view(np.uint16).reshape(-1, PARTS)
    for part in range(PARTS):
        pairs, crowded = _neighbours(parts[:, part], dhash[firsts], phash[firsts], near)
        found.append(np.sort(firsts[pairs], axis=1))
        cut |= crowded
    return np.unique(np.concatenate(found), axis=0), cut


def mirrored_pairs(dhash: Hashes, keep: npt.NDArray[np.bool_], near: int = NEAR) -> tuple[Ints, bool]:
    """Pairs of which one looks like the other seen in a mirror, by the difference hash alone: candidates.

    Mirrored, a row of eight steps runs the other way and up becomes down.

    Args:
        dhash: (n,) 64-bit difference hashes, rows of eight bits.
        keep: (n,) rows that take part.
        near: most bits that differ, 0 to 7.

    Returns:
        As :func:`near_pairs`.
    """
    rows = np.flatnonzero(keep & _has_structure(dhash))
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), False
    plain, turned = dhash[rows], mirrored(dhash[rows])
    found, cut = [np.zeros((0, 2), np.int64)], False
    for part in range(PARTS):
        keys, asked = (
            np.ascontiguousarray(h).view(np.uint16).reshape(-1, PARTS)[:, part] for h in (plain, turned)
        )
        pairs, crowded = _neighbours(keys, plain, None, near, (asked, turned))
        found.append(np.sort(rows[pairs], axis=1))
        cut |= crowded
    return np.unique(np.concatenate(found), axis=0), cut


def mirrored(dhash: Hashes) -> Hashes:
    """The difference hashes of the mirrored pictures (but for neighbouring cells that are equally bright)."""
    bits = np.unpackbits(np.ascontiguousarray(dhash).astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    turned = 1 - bits.reshape(-1, 8, 8)[:, :, ::-1]
    return np.packbits(turned.reshape(-1, 64), axis=1).view(">u8").ravel().astype(np.uint64)


def _has_structure(hashes: Hashes) -> npt.NDArray[np.bool_]:
    ones = distance(hashes, np.zeros_like(hashes))
    return (ones >= FLAT) & (ones <= 64 - FLAT)


def _neighbours(
    keys: npt.NDArray[np.uint16],
    dhash: Hashes,
    phash: Hashes | None,
    near: int,
    asked: tuple[npt.NDArray[np.uint16], Hashes] | None = None,
) -> tuple[Ints, bool]:
    """Pairs i < j of positions whose 16-bit keys differ in at most one bit and whose hashes differ in at most ``near``.

    With ``asked`` (keys and difference hashes) those of i are taken from there.
    """
    asked_keys, asked_hash = asked or (keys, dhash)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found, cut = [np.zeros((0, 2), np.int64)], False
    for mask in (0, *(1 << bit for bit in range(16))):
        wanted = asked_keys ^ np.uint16(mask)
        low = np.searchsorted(ordered, wanted, side="left")
        count = np.searchsorted(ordered, wanted, side="right") - low
        cut |= bool((count > CROWD).any())
        count = np.minimum(count, CROWD)
        for start, stop in _blocks(count):
            left = np.repeat(np.arange(start, stop), count[start:stop])
            offset = np.arange(len(left)) - np.repeat(
                np.cumsum(count[start:stop]) - count[start:stop], count[start:stop]
            )
            right = order[low[left] + offset]
            once = left < right
            left, right = left[once], right[once]
            close = distance(asked_hash[left], dhash[right]) <= near
            left, right = left[close], right[close]
            if phash is not None:
                close = distance(phash[left], phash[right]) <= near
                left, right = left[close], right[close]
            found.append(np.stack([left, right], axis=1))
    return np.concatenate(found), cut


def _blocks(count: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of positions whose counts add up to about ``BLOCK``."""
    block = np.cumsum(count) // BLOCK
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    yield from zip(starts.tolist(), [*starts[1:].tolist(), len(count)], strict=True)


def clusters(pairs: Ints) -> list[Ints]:
    """Connected groups of the pairs, each sorted, in order of their first member."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs.tolist():
        ra, rb = root(a), root(b)
        parent[max(ra, rb)] = min(ra, rb)
    groups: dict[int, list[int]] = {}
    for i in sorted(parent):
        groups.setdefault(root(i), []).append(i)
    return [np.array(g, np.int64) for g in groups.values()]


def across(groups: Sequence[Ints], part: Ints) -> list[Ints]:
    """The groups whose members belong to more than one part (split, class …)."""
    return [g for g in groups if len(np.unique(part[g])) > 1]
