"""How a group that images of several splits make up fares in each: two hard splits together are no split of middling difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Fact, Table, Unit
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called
from failsight.tools.repair.verdict import Losses
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, listing, number

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """The images of one split in a group: ``n`` of them, and their mean loss before and in both arms (over seeds)."""

    split: Split
    n: int
    before: float
    repair: float
    control: float | None


def by_split(
    losses: Losses, of: Ints, splits: Sequence[Split], inside: Mask | None = None
) -> tuple[Share, ...]:
    """What each split adds to a group; empty where all its images are of one split.

    Args:
        of: (n,) number of the split of each image of ``losses``.
        inside: (n,) images of the group; None for all.
    """
    made = []
    for number_, split in enumerate(splits):
        mine = (of == number_) & (True if inside is None else inside)
        if mine.any():
            part = losses.part(mine)
            control = None if part.control is None else float(part.control.mean())
            made.append(
                Share(split, int(mine.sum()), float(part.before.mean()), float(part.repair.mean()), control)
            )
    return tuple(made) if len(made) > 1 else ()


def sizes(shares: Sequence[Share]) -> str:
    """``104 evaluation images and 236 deployment images``; empty for none."""
    return listing([f"{s.n:,} {called(s.split)}" for s in shares])


def rates(shares: Sequence[Share]) -> str:
    """``evaluation images 2.3 % to 4.0 %, deployment images 50.0 % to 61.0 %``; empty for none."""
    return ", ".join(f"{called(s.split)} {number(s.before)} to {number(s.repair)}" for s in shares)


def sized_rates(shares: Sequence[Share]) -> str:
    """The same with how many there are of each."""
    return ", ".join(f"{s.n:,} {called(s.split)} {number(s.before)} to {number(s.repair)}" for s in shares)


def split_table(shares: Sequence[Share], measure: str, title: str) -> Table:
    """One row a split."""
    controlled = any(s.control is not None for s in shares)
    rows: list[tuple[Cell, ...]] = [
        (called(s.split), s.n, s.before, s.repair, *([s.control] if controlled else [])) for s in shares
    ]
    rates_: list[Unit] = ["share"] * (3 if controlled else 2)
    return Table(
        f"The target by split: {clean(title, 80)}",
        ("images", "number", f"{measure} before", "after", *(["control"] if controlled else [])),
        tuple(rows),
        ("text", "count", *rates_),
        "The verdict rests on all of them together. After, control: mean over seeds.",
    )


def split_facts(shares: Sequence[Share]) -> list[Fact]:
    """Error before and after, split by split."""
    made = []
    for s in shares:
        of = f", {called(s.split)}"
        ci = wilson(round(s.before * s.n), s.n)
        made.append(Fact("error_rate", s.before, "share", f"target, before{of}", ci, s.n, "lower_is_better"))
        made.append(
            Fact("error_rate", s.repair, "share", f"target, repair{of}", None, s.n, "lower_is_better")
        )
    return made
