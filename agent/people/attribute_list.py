"""The attributes of a case as people see them: names, values with counts, where they come from, how often they were right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from failsight.tools.text import clean, interval, listing, number, number_text

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

MOST_NAMED = 50  # values of a column that a sentence may name
MOST_NUMERALS = 30  # whole numbers of a column that name things (lines, cameras, sites) and not amounts
MOST_VALUES = 40  # a column with more is not listed value by value
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Listed:
    """One attribute.

    Attributes:
        counts: shown value → images, most frequent first; empty for numbers and texts that nearly all differ.
        known: images with a value.
        unusable: why no slice can be made of it, or empty.
        parts: names of the attributes that were merged into it.
    """

    definition: Definition
    counts: dict[str, int]
    known: int
    unusable: str
    parts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        d = self.definition
        check = None if d.check is None else {"n": d.check.n, "accuracy": d.check.accuracy, "ci": list(d.check.ci), "by": d.check.by}  # fmt: skip
        return {
            "key": d.key,
            "name": d.name,
            "source": d.source,
            "values": self.counts,
            "known": self.known,
            "unusable": self.unusable,
            "merged": list(self.parts),
            "put_aside": d.dropped,
            "check": check,
        }

    @property
    def line(self) -> str:
        """One line of plain text."""
        d = self.definition
        if d.dropped:
            return f"{clean(d.name, 60)} ({d.source}): put aside"
        shown = [f"{clean(v, 40)} {n:,}" for v, n in self.counts.items()]
        values = listing(shown, SHOWN) if shown else f"{self.known:,} images have a value"
        more = [f"with {listing(list(self.parts))} merged in"] if self.parts else []
        if d.check is not None:
            more.append(
                f"right in {number(d.check.accuracy)} {interval(d.check.ci)} of {d.check.n:,} looked at"
            )
        if self.unusable:
            more.append(f"not used: {clean(self.unusable, 120)}")
        return f"{clean(d.name, 60)} ({d.source}): {values}" + "".join(f"; {m}" for m in more)


def listed(case: Case, split: Split = "data") -> list[Listed]:
    """Every attribute of a split, those put aside last."""
    from failsight.tools.attributes.editing import visible
    from failsight.tools.attributes.sources import still_checked

    table = case.attributes(split)
    definitions = still_checked(cast("CaseView", case), case.definitions())
    names = {d.key: d.name for d in definitions}
    made = []
    for name, one in visible(table, definitions).items():
        texts = _texts(table.columns[name])
        counts = Counter(texts).most_common()
        parts = tuple(names.get(key, key.partition(":")[2]) for key in one.also)
        kept = dict(counts) if len(counts) <= MOST_VALUES else {}
        made.append(Listed(one, kept, len(texts), table.unusable.get(name, ""), parts))
    return made + [Listed(d, {}, 0, "", ()) for d in definitions if d.dropped]


_READ: WeakKeyDictionary[Case, dict[bool, tuple[str, dict[str, list[str]]]]] = WeakKeyDictionary()


def attribute_values(case: Case, *, everywhere: bool = False) -> dict[str, list[str]]:
    """Name → shown values of every attribute, without looking at any picture: amounts and computed ones have none listed.

    Whole numbers are listed where they are few: ``line`` has ``1``, ``2`` and ``3``, which a sentence names.

    ``everywhere``: also values that stand among deployment images alone, behind the others: people name them. The tables are read once,
    and again after an edit of attributes: a sentence asks a dozen times."""
    edits, kept = case.state().attributes_now(), _READ.setdefault(case, {})
    if everywhere not in kept or kept[everywhere][0] != edits:
        kept[everywhere] = edits, _attribute_values(case, everywhere=everywhere)
    return dict(kept[everywhere][1])


def _attribute_values(case: Case, *, everywhere: bool) -> dict[str, list[str]]:
    from failsight.tools.attributes.computed import COMPUTED
    from failsight.tools.attributes.definitions import ASSIGNED

    table = case.table()
    objects = {name for row in table.boxes or () for name in row}
    raw: dict[str, list[str]] = {f"object:{name}": ["yes", "no"] for name in sorted(objects)}
    raw |= {f"computed:{name}": [] for name in COMPUTED}
    for name, column in table.columns.items():
        values = _spoken(column)
        if everywhere and values and "deploy" in case.splits():
            there = case.table("deploy").columns.get(name, ())
            values += [v for v in _spoken(there) if v not in values]
        raw[f"metadata:{name}"] = values[:MOST_NAMED] or _numerals(column)
    definitions = {d.key: d for d in case.definitions()}
    raw |= {key: list(d.values) for key, d in definitions.items() if d.source in ASSIGNED}
    made: dict[str, list[str]] = {}
    for key, values in raw.items():
        one = definitions.get(key)
        if one is None:
            made[key.partition(":")[2]] = values
        elif not one.dropped:
            shown = (one.shown(v) for v in (*values, *(v for k in one.also for v in raw.get(k, ()))))
            made[one.name] = list(dict.fromkeys(v for v in shown if v is not None))
    return made


def _spoken(column: Any) -> list[str]:
    """The texts of a column, in order; of many dates their months, by which they are counted."""
    from failsight.tools.attributes.dates import by_period

    texts = {v for v in column if isinstance(v, str)}
    return sorted(set((by_period(column) or {}).values()) or texts)


def _numerals(column: Any) -> list[str]:
    """The values of a column of few different whole numbers, in order; none for amounts and for anything else."""
    found: set[float] = set()
    for value in column:
        if value is None or value != value:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
            return []
        found.add(float(value))
        if len(found) > MOST_NUMERALS:
            return []
    return [number_text(v) for v in sorted(found)]


def _texts(column: Any) -> list[str]:
    return [v if isinstance(v, str) else number_text(v) for v in column.tolist() if v is not None and v == v]
