"""Near duplicates among 100,000 hashes: time, recall of what was planted, and how the time grows.

    python -m benchmarks.speed.duplicates [--hashes 100000] [--share 0.03] [--seed 0]

Random 64-bit difference and frequency hashes; 3 % of them are copies of others with up to seven bits flipped in each.
Both searches are timed: near pairs, and mirror images. Time grows with the number of pairs that share three quarters of a
16-bit part by chance, which is quadratic in principle; at these sizes it is far below comparing all with all (5 · 10⁹ pairs).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from failsight.tools.attributes.duplicates import NEAR, mirrored_pairs, near_pairs

Hashes = np.ndarray[Any, Any]


def planted(n: int, share: float, seed: int) -> tuple[Hashes, Hashes, set[tuple[int, int]]]:
    """Difference and frequency hashes, and the pairs that were planted among them."""
    rng = np.random.default_rng(seed)
    first, second = (rng.integers(0, 2**64, n, dtype=np.uint64) for _ in range(2))
    chosen = rng.permutation(n)[: 2 * round(n * share)].reshape(-1, 2)
    for one, other in chosen:
        for hashes in (first, second):
            hashes[other] = hashes[one] ^ np.bitwise_or.reduce(
                np.left_shift(
                    np.uint64(1), rng.choice(64, rng.integers(0, NEAR + 1), replace=False).astype(np.uint64)
                )
            )
    return first, second, {(int(min(p)), int(max(p))) for p in chosen}


def measure(n: int, share: float, seed: int) -> tuple[float, float, float]:
    """Seconds for near pairs, seconds for mirror images, recall of the planted pairs."""
    first, second, pairs = planted(n, share, seed)
    keep = np.ones(n, bool)
    start = time.perf_counter()
    found, _ = near_pairs(first, second, keep)
    near = time.perf_counter() - start
    start = time.perf_counter()
    mirrored_pairs(first, keep)
    mirror = time.perf_counter() - start
    return near, mirror, len(pairs & {tuple(p) for p in found.tolist()}) / max(len(pairs), 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hashes", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{'hashes':>9} {'near pairs':>11} {'mirrored':>9} {'recall':>7}")
    for n in (given.hashes // 4, given.hashes // 2, given.hashes):
        near, mirror, recall = measure(n, given.share, given.seed)
        print(f"{n:>9,} {near:>9.2f} s {mirror:>7.2f} s {100 * recall:>5.1f} %", flush=True)


if __name__ == "__main__":
    main()
