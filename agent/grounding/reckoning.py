"""Plain arithmetic over what an answer states: a number that no evidence holds may be made of two that stand with it.

A difference, a sum, a ratio or a share of two numbers of the same line, of the line over it, or of two like values of the
same section is right if it is computed right; so is the count that a demanded share allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from failsight.agent.grounding.derived import DIFFERENCE, SUM, comparable
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.scope import Scope
from failsight.agent.grounding.sources import Atom

_MANY = 100  # a count of which it is no chance that it stands twice in an answer
_FEW = 13  # a smaller count may be the difference of any two


@dataclass(frozen=True, slots=True)
class Stated:
    """A number of the answer that the record holds, or that was computed of such; ``place`` is where it stands."""

    number: Number
    atoms: tuple[Atom, ...]
    scope: Scope
    place: int


@dataclass(frozen=True, slots=True)
class Open:
    """A number of the answer that nothing holds so far; ``place`` is where it stands in the answer."""

    number: Number
    at: Reading
    scope: Scope
    place: int


@dataclass(slots=True)
class Ledger:
    """The numbers of one answer: those that are held, and those that are not. ``shift`` leads from a cell to the answer."""

    bounds: Sequence[Atom] = ()
    stated: list[Stated] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    shift: int = 0

    def note(self, number: Number, atoms: Sequence[Atom], at: Reading, scope: Scope) -> None:
        """Enter a number."""
        if atoms:
            self.stated.append(Stated(number, tuple(atoms), scope, number.start + self.shift))
        else:
            self.open.append(Open(number, at, scope, number.start + self.shift))

    def drop(self, start: int, end: int) -> None:
        """Forget the numbers of a row that was read as a sentence: its cells are read one by one."""
        self.stated = [s for s in self.stated if not start <= s.place < end]
        self.open = [o for o in self.open if not start <= o.place < end]

    def computed(self) -> dict[int, tuple[str, ...]]:
        """Place of each open number that can be computed → the ids that hold its terms."""
        made: dict[int, tuple[str, ...]] = {}
        for one in sorted(self.open, key=lambda o: o.place):
            terms = self._terms(one)
            if terms is not None:
                made[one.place] = tuple(
                    dict.fromkeys(a.refs[0] for t in terms for a in t.atoms[:1] if a.refs)
                )
                self.stated.append(Stated(one.number, (), one.scope, one.place))
        return made

    def _terms(self, one: Open) -> tuple[Stated, Stated] | None:
        if one.number.family == "plain" and one.number.value >= _MANY:
            for other in self.stated:  # said in another sentence
                inside = one.at.sentence.start <= other.place < one.at.sentence.end
                if not inside and other.number.family == "plain" and other.number.value == one.number.value:
                    return other, other
        lines = {one.scope.line, *one.scope.leads}
        near = [s for s in self.stated if s.scope.line in lines and s.number is not one.number]
        for a, b in permutations(near, 2):
            if any(one.number.near(v) for v in _results(one, a, b, close=True)):
                return a, b
        section = [s for s in self.stated if s.scope.section == one.scope.section and s.atoms]
        for a, b in permutations(section, 2):
            if (
                a.scope.line == b.scope.line
                and _kin(a, b)
                and any(one.number.near(v) for v in _results(one, a, b, close=False))
            ):
                return a, b
        for total in near:
            if total.number.family == one.number.family == "plain" and total.number.value >= _FEW:
                for bound in self.bounds:
                    if one.number.near(total.number.value * (100 - bound.value) / 100):
                        return total, total
        return None


def _results(one: Open, a: Stated, b: Stated, close: bool) -> Iterator[float]:
    """What two numbers may give of the kind that is asked for; ``close`` where they stand beside it."""
    number, part, first, second = one.number, one.at.part, a.number, b.number
    x, y = _exact(a), _exact(b)
    alike = first.family == second.family or {first.family, second.family} == {"percent", "points"}
    if number.family == "ratio":
        if alike and y and (close or _kin(a, b)):
            yield x / y
        return
    if number.family in ("percent", "points"):
        if close and first.family == second.family == "plain" and y > x >= 0 and y >= _FEW:
            yield 100 * x / y
        if alike and first.family != "plain" and not number.word and DIFFERENCE.search(part) and _kin(a, b):
            yield x - y
    elif number.family == "plain" and close and not number.word and first.family == second.family == "plain":
        if number.value >= _FEW:
            yield x - y
        if SUM.search(part):
            yield x + y


def _exact(one: Stated) -> float:
    """The recorded value of a rate where it has one of its own kind, else the number as it is written."""
    if one.number.family == "plain":
        return abs(one.number.value)
    same = next((a.value for a in one.atoms if one.number.near(abs(a.value))), one.number.value)
    return abs(same)


def _kin(a: Stated, b: Stated) -> bool:
    """Whether two numbers are like values: one quantity, of things that differ in one respect."""
    return any(_alike(x, y) for x in a.atoms[:3] for y in b.atoms[:3])


def _alike(one: Atom, other: Atom) -> bool:
    if one.told or other.told:  # of one sentence of the record
        return bool(set(one.refs) & set(other.refs))
    if not comparable(one.metric, other.metric):
        return False
    if "bound" in (one.metric, other.metric):
        return True
    a, b = one.names, other.names
    apart = (
        a.splits != b.splits,
        (a.values, a.attributes, one.elsewhere) != (b.values, b.attributes, other.elsewhere),
        (a.classes, one.pair) != (b.classes, other.pair),
    )
    return sum(apart) <= 1
