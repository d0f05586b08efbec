"""One set of pictures from brief to manifest: made in rounds until enough of them have passed the sieve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Split
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.repair.sieve import CLASS, Assigner, Seen, assigner_for, copies
from failsight.tools.repair.wishes import Brief, numbers
from failsight.tools.repair.workshop import Made, Order, Record, Workshop

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

MOST_ROUNDS = 4
MOST_TRIED = 3.0  # pictures made for each one asked for: a maker that fails more often should be another one


class Maker(Protocol):
    """Makes pictures: composition, a pipeline, a renderer."""

    @property
    def name(self) -> str: ...

    def orders(self, start: int, counts: Sequence[int], seed: int) -> list[Order]:
        """What to make next: numbers from ``start`` on, ``counts`` of each wish or as many as can be made."""

    def make(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | str]]:
        """A picture for each order, or why there is none."""


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        records: of all orders, by number.
        seen: what the assigner found, by number; empty where there was none.
        unfiltered: why nothing was filtered by content; empty where it was.
        unknown: wanted attributes that the assigner has no words for.
        repeats: number → what the picture repeats.
        kept: numbers of the pictures in the manifest.
        rejected: numbers that a person put aside.
        errors: number → whether the case's model gets the kept picture wrong; empty without a model.
    """

    records: dict[int, Record]
    seen: dict[int, Seen] = field(default_factory=dict)
    unfiltered: str = ""
    unknown: tuple[str, ...] = ()
    repeats: dict[int, str] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)
    rejected: tuple[int, ...] = ()
    errors: dict[int, bool] = field(default_factory=dict)

    def shows(self, number: int) -> bool:
        """Whether everything wanted that the assigner knows was found in a picture."""
        return number not in self.seen or self.seen[number].shows(wanted_of(self.records[number]))


def wanted_of(record: Record) -> dict[str, str]:
    """What has to be seen: the wanted values; and the class, where the picture was not made from one of it."""
    wanted = dict(record.wanted)
    if not record.repair_of:
        wanted[CLASS] = record.label
    return wanted


def make_all(
    view: CaseView,
    split: Split,
    brief: Brief,
    maker: Maker,
    workshop: Workshop,
    count: int,
    *,
    sift: bool,
    reject: Sequence[int] = (),
) -> Outcome:
    """Make pictures until ``count`` have passed, or enough were tried; write the manifest of those that passed."""
    names = [n for w in brief.wishes for n in w.wanted.values]
    assigner = assigner_for(view, split, names) if sift else "That was not asked for."
    made = Outcome({}, rejected=tuple(reject))
    if isinstance(assigner, str):
        made.unfiltered = assigner
    else:
        made.unknown = tuple(assigner.unknown)
    targets = numbers(brief.wishes, count)
    missing, issued = list(targets), 0
    for _ in range(MOST_ROUNDS):
        orders = maker.orders(issued, missing, view.seed)
        if not orders:
            break
        issued += len(orders)
        _make(view, workshop, maker, orders)
        made.records |= {o.number: workshop.records[o.number] for o in orders if o.number in workshop.records}
        _sift(view, split, workshop, made, assigner, targets)
        reached = [sum(made.records[n].wish == k for n in made.kept) for k in range(len(targets))]
        missing = [max(0, t - r) for t, r in zip(targets, reached, strict=True)]
        missing = next_round(missing, targets, reached, int(MOST_TRIED * count) - issued)
        if not sum(missing):
            break
    workshop.manifest([made.records[n] for n in made.kept], list(view.table(split).columns))
    made.errors = judged(view, workshop, [made.records[n] for n in made.kept])
    return made


def next_round(missing: list[int], targets: Sequence[int], reached: Sequence[int], left: int) -> list[int]:
    """How many more to try of each wish: as many as are likely to give what is missing, at most ``left`` in all."""
    wanted = []
    for m, t, r in zip(missing, targets, reached, strict=True):
        wanted.append(min(3 * m, round(m * max(1.0, t / max(r, 1)))) if m else 0)
    total = sum(wanted)
    return wanted if total <= left else [int(w * max(left, 0) / total) for w in wanted]


def _make(view: CaseView, workshop: Workshop, maker: Maker, orders: Sequence[Order]) -> None:
    done = [o for o in orders if o.number in workshop.records]
    left = [o for o in orders if o.number not in workshop.records]
    with view.progress.job("Making the pictures", len(orders)) as tick:
        tick.advance(len(done))
        for order, picture in maker.make(left):
            workshop.keep(order, picture)
            tick.advance()


def _sift(
    view: CaseView,
    split: Split,
    workshop: Workshop,
    made: Outcome,
    assigner: Assigner | str,
    targets: Sequence[int],
) -> None:
    """Bring ``seen``, ``repeats`` and ``kept`` up to date; of each wish at most its target is kept, in order."""
    there = [r for n, r in sorted(made.records.items()) if r.file]
    if isinstance(assigner, Assigner):
        made.seen |= assigner.look(workshop, [r for r in there if r.number not in made.seen], view)
    passed = [r for r in there if made.shows(r.number)]
    made.repeats = copies(view, workshop, passed, split)
    room, kept = list(targets), []
    for record in passed:
        if record.number in made.repeats or record.number in made.rejected or not room[record.wish]:
            continue
        room[record.wish] -= 1
        kept.append(record.number)
    made.kept = kept


def judged(view: CaseView, workshop: Workshop, records: Sequence[Record], batch: int = 64) -> dict[int, bool]:
    """Number → whether the case's own model gets the picture wrong."""
    if not view.has_model() or not records:
        return {}
    model, made = view.model(), {}
    for start in range(0, len(records), batch):
        part = records[start : start + batch]
        pixels: npt.NDArray[np.uint8] = np.stack([model.prepare(workshop.open(r)) for r in part])
        called = decide(model.scores(pixels), thresholds_of(model))
        for record, c in zip(part, called.tolist(), strict=True):
            made[record.number] = view.classes[c] != record.label
    return made


def reasons(records: Mapping[int, Record]) -> dict[str, int]:
    """Why orders gave no picture → how often."""
    made: dict[str, int] = {}
    for record in records.values():
        if not record.file:
            made[record.why] = made.get(record.why, 0) + 1
    return made
