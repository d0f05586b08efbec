"""What is kept of the pictures that were made: no copies, and only those in which what was wanted is really to be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.attributes.computed import image_measures
from failsight.tools.attributes.copies import find_copies
from failsight.tools.attributes.definitions import Definition, plain
from failsight.tools.attributes.zero_shot import assign_values, embed_values
from failsight.tools.errors import FailsightError, RetryError
from failsight.tools.inputs.base import BadImage, Split
from failsight.tools.repair.prompts import with_article, words
from failsight.tools.repair.wishes import values_of
from failsight.tools.repair.workshop import Record, Workshop

if TYPE_CHECKING:
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.inputs.table import Images
    from failsight.tools.view import CaseView

BATCH = 64
CLASS = "class"
MOST_VALUES = 40


@dataclass(frozen=True)
class Seen:
    """What the assigner finds in one picture: attribute (and ``class``) → value; None where it is unsure."""

    values: Mapping[str, str | None]

    def shows(self, wanted: Mapping[str, str]) -> bool:
        """Whether every wanted value that it can tell is found."""
        return all(self.values[k] == v for k, v in wanted.items() if k in self.values)


class Assigner:
    """The case's encoder, asked about made pictures. ``unknown``: wanted attributes that it has no words for."""

    def __init__(self, view: CaseView, split: Split, names: Iterable[str]) -> None:
        self.encoder: Encoder = view.encoder()
        self.classes = view.classes
        self.definitions, self.unknown = _definitions(view, self.encoder, split, names)
        self._bank = embed_values(
            self.encoder, [*self.definitions, class_definition(view.classes)], self.classes
        )

    def look(self, workshop: Workshop, records: Sequence[Record], view: CaseView) -> dict[int, Seen]:
        """What is seen in each picture, by its number."""
        made: dict[int, Seen] = {}
        with view.progress.job("Looking whether it is there", len(records)) as tick:
            for start in range(0, len(records), BATCH):
                part = records[start : start + BATCH]
                vectors = self.encoder.embed_images([workshop.open(r) for r in part])
                found = assign_values(np.asarray(vectors, np.float32), self._bank)
                for i, record in enumerate(part):
                    made[record.number] = Seen(
                        {d.name: _value(d, int(found[d.key].codes[i])) for d in self._all()}
                    )
                tick.advance(len(part))
        return made

    def _all(self) -> list[Definition]:
        return [*self.definitions, class_definition(self.classes)]


def assigner_for(view: CaseView, split: Split, names: Iterable[str]) -> Assigner | str:
    """The assigner, or in words why there is none."""
    try:
        return Assigner(view, split, names)
    except FailsightError as problem:
        return str(problem)


def _definitions(
    view: CaseView, encoder: Encoder, split: Split, names: Iterable[str]
) -> tuple[list[Definition], list[str]]:
    """Words for each attribute: those that the case uses, else those of the encoder's folder, else its values."""
    known = {d.name: d for d in reversed(encoder.vocabulary)}
    known |= {d.name: d for d in view.definitions() if d.source == "zero_shot" and not d.dropped}
    made, unknown = [], []
    for name in dict.fromkeys(names):
        found = known.get(name) or next((d for k, d in known.items() if plain(k) == plain(name)), None)
        values = tuple(sorted({v for v in values_of(view, split, name) if v is not None}))
        if found is not None and set(values) <= {found.shown(v) for v in found.values}:
            made.append(replace(found, name=name))
        elif 2 <= len(values) <= MOST_VALUES:
            made.append(Definition(name, "zero_shot", name, values))
        else:
            unknown.append(name)
    return made, unknown


def class_definition(classes: Sequence[str]) -> Definition:
    """The classes as an attribute of their own, always told."""
    phrases = {c: (with_article(words(c)), words(c)) for c in classes}
    return Definition(CLASS, "zero_shot", CLASS, tuple(classes), phrases, settings={"threshold": 0.0})


def _value(definition: Definition, code: int) -> str | None:
    return definition.shown(definition.values[code]) if code >= 0 else None


# -- copies -----------------------------------------------------------------------------------------


def copies(view: CaseView, workshop: Workshop, records: Sequence[Record], split: Split) -> dict[int, str]:
    """Pictures that repeat another: number → what they repeat, in words. The first of a group stays.

    Painted and rendered pictures may not be near copies of each other, painted ones nor of a picture of ``split``;
    composed ones are near copies of what they are made from, and may only not be equal to each other.
    """
    made: dict[int, str] = {}
    if len(records) < 2:
        return made
    table = _table(workshop, records, view.classes)
    if table is None:
        return made
    number_of = {path: r.number for r in records for path in (r.file,)}
    numbers = [number_of[p] for p in table.paths]
    composed = {r.number for r in records if r.repair_of}
    tables: dict[str, object] = {"made": table}
    if any(not r.repair_of and r.origin == "generated" for r in records):
        tables[split] = view.table(split)
    measures = {
        s: image_measures(t, cached=view.cached, store=view.store, progress=view.progress)  # type: ignore[arg-type]
        for s, t in tables.items()
    }
    found = find_copies(tables, measures, {}, seed=view.seed)  # type: ignore[arg-type]
    for group in found.groups:
        inside = sorted(numbers[r] for s, r in group.members if s == "made")
        if not group.exact:
            inside = [n for n in inside if n not in composed]
        outside = [view.table(split).paths[r] for s, r in group.members if s != "made"]
        for n in inside if outside else inside[1:]:
            first = outside[0] if outside else f"picture {inside[0]}"
            made.setdefault(n, f"{'equal to' if group.exact else 'a near copy of'} {first}")
    return made


def _table(workshop: Workshop, records: Sequence[Record], classes: tuple[str, ...]) -> Images | None:
    from failsight.tools.inputs import open_images

    path = workshop.manifest(records, ())
    try:
        return open_images(path, split="pool", classes=classes)
    except (FailsightError, BadImage, RetryError):
        return None
