"""Plain arithmetic over what an answer states: a number that no evidence holds may be made of two that stand with it.

A difference, a sum, a ratio or a share of two numbers of the same line, of the line over it, or of two like values of the
same section is right if it is computed right; so is the count that a demanded share allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations, permutations
from math import ceil

from failsight.agent.grounding.derived import DIFFERENCE, SUM, comparable
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.scope import Scope
from failsight.agent.grounding.sources import Atom

_MANY = 100  # a count of which it is no chance that it stands twice in an answer
_MOST = 14  # counts of a section of which sums are tried
#: a value as it would be, were some errors gone
_MENDED = re.compile(
    r"\bthen\b|\bwould\b|\bcould\b|\bif\b|\bsolved\b|\bmended\b|\bfixed\b|\bgone\b|\bwithout\b", re.IGNORECASE
)
_GOAL = re.compile(
    r"\b(?:need|want|reach|require|demand|ask)\w*|\b(?:has|have) to\b|\bgoal\b|\btarget\b", re.IGNORECASE
)
_ALLOWS = re.compile(
    r"\b(?:at most|no more than|may|might|must|can|allow\w*|should)\b|\d ?% of\b", re.IGNORECASE
)
_ALL_OF = re.compile(r"\ball (?:two|three|four|five|of (?:them|these))\b|\bboth\b", re.IGNORECASE)
_TERMS = re.compile(r"(?<![\d.,])\d+(?:,\d{3})*(?: ?\+ ?\d+(?:,\d{3})*)+(?!\.?\d)")
_HALF = re.compile(r"\bhalf\b", re.IGNORECASE)
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
    """The numbers of one answer: those that are held, and those that are not.

    Attributes:
        bounds: what is demanded, in percent; ``asked`` what else the person named.
        totals: (all images, wrong ones) of each split; ``parts`` those of each class.
        shift: leads from a cell to the answer.
    """

    bounds: Sequence[float] = ()
    asked: Sequence[float] = ()
    totals: Sequence[tuple[float, float]] = ()
    parts: Sequence[tuple[float, float]] = ()
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
            terms = self._terms(one) or self._of_counts(one) or self._as_term(one)
            if terms:
                made[one.place] = tuple(
                    dict.fromkeys(a.refs[0] for t in terms for a in t.atoms[:1] if a.refs)
                )
                self.stated.append(
                    Stated(one.number, tuple(a for t in terms for a in t.atoms[:1]), one.scope, one.place)
                )
        return made

    def _of_counts(self, one: Open) -> tuple[Stated, ...]:
        """What follows from counts of the section: a sum of confusions, a share of a class's errors, what is right without some."""
        number, part = one.number, one.at.part
        counts = [
            s for s in self.stated
            if s.scope.section == one.scope.section and s.number.family == "plain" and s.place < one.place and _confused(s)
        ][-_MOST:]  # fmt: skip
        if number.family == "plain" and number.value >= _FEW and (SUM.search(part) or _ALL_OF.search(part)):
            for many in range(2, 6):
                for some in combinations(counts, many):
                    if sum(s.number.value for s in some) == number.value:
                        return some
        if number.family != "percent":
            return ()
        for part_, whole in permutations(
            [s for s in self.stated if s.scope.section == one.scope.section and s.number.family == "plain"], 2
        ):
            if _of_its_errors(part_, whole, one) and number.near(
                100 * part_.number.value / whole.number.value
            ):
                return part_, whole
        if _MENDED.search(part + " " + one.scope.lead):
            own = [s for s in counts if s.scope.line == one.scope.line]
            column = list(accumulate(s.number.value for s in counts))
            gone = {s.number.value for s in own} | set(column)
            if any(
                number.near(100 * (1 - (wrong - k) / images))
                for images, wrong in self.totals
                for k in gone
                if k <= wrong
            ):
                return tuple(counts)
        return ()

    def _as_term(self, one: Open) -> tuple[Stated, ...]:
        """``102 are misjudged, 22 + 23 + 16 + 9 + 32``: the terms of a sum that is right and stated."""
        sentence = one.at.sentence
        for match in _TERMS.finditer(one.at.part):
            if match.start() <= one.number.end - 1 - sentence.start < match.end():
                total = sum(float(n.replace(",", "")) for n in match[0].split("+"))
                return tuple(
                    s
                    for s in self.stated
                    if s.scope.line == one.scope.line and s.number.value == total and s.atoms
                )[:1]
        return ()

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
        if one.number.family == "plain" and one.number.value >= _FEW and _HALF.search(one.at.part):
            for s in near:  # "about 117 fewer, if half of them go"
                if s.number.family == "plain" and one.number.near(s.number.value / 2):
                    return s, s
        section = [s for s in self.stated if s.scope.section == one.scope.section and s.atoms]
        for a, b in permutations(section, 2):
            if (
                a.scope.line == b.scope.line
                and _kin(a, b)
                and any(one.number.near(v) for v in _results(one, a, b, close=False))
            ):
                return a, b
        return self._of_a_demand(one, near)

    def _of_a_demand(self, one: Open, near: Sequence[Stated]) -> tuple[Stated, Stated] | None:
        """``90 % of the 2,250 would be 2,025``, ``at most 225 may be wrong``: what a demanded share makes of a total."""
        said = one.at.part + " " + one.scope.lead
        asked = [a for a in self.asked if re.search(rf"\b{a:g} ?%", said) and not one.number.bracket]
        for total in near:
            if not total.number.family == one.number.family == "plain" or total.number.value < _FEW:
                continue
            all_ = total.number.value
            allows = _GOAL.search(said) or _MENDED.search(said) or _ALLOWS.search(said)
            allowed = [all_ * (100 - b) / 100 for b in self.bounds] if allows else []
            allowed += [x for a in asked for x in (all_ * a / 100, all_ * (100 - a) / 100)]
            if any(one.number.near(x) for x in allowed):
                return total, total
        return self._short_of_a_demand(one, asked)

    def _short_of_a_demand(self, one: Open, asked: Sequence[float]) -> tuple[Stated, Stated] | None:
        """``to reach 90 %, 79 more of the 600 have to be right``: the right answers that a goal takes, and how many are missing."""
        number = one.number
        if number.family != "plain" or number.word or number.value < _FEW or not _GOAL.search(one.at.part):
            return None
        for images, wrong in (*self.totals, *self.parts):
            right = images - wrong
            beside = next(
                (s for s in self.stated if s.scope.section == one.scope.section and s.atoms and s.number.value in (images, wrong, right)),
                None,
            )  # fmt: skip
            goals = [ceil(images * share / 100) for share in asked or self.asked]
            if beside is not None and any(number.value in (goal, goal - right) for goal in goals):
                return beside, beside
        return None


def _confused(one: Stated) -> bool:
    """Whether a count is of one class taken for another, or a sum of such counts."""
    return any(a.pair is not None for a in one.atoms)


def _of_its_errors(part: Stated, whole: Stated, one: Open) -> bool:
    """Whether one count is of a confusion of a class that the sentence names, the other of all errors of that class."""
    if not part.number.value < whole.number.value:
        return False
    named = one.at.whole.classes
    return any(
        a.pair is not None and a.pair[0] in named and b.metric == "error" and b.pair is None and b.names.classes == {a.pair[0]} and a.names.splits == b.names.splits
        for a in part.atoms for b in whole.atoms
    )  # fmt: skip


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


def whole_sets(atoms: Sequence[Atom]) -> list[tuple[float, float]]:
    """(all images, wrong ones) of each split of which the record holds the accuracy."""
    made: dict[frozenset[str], dict[str, float]] = {}
    for a in atoms:
        if a.metric in ("accuracy", "error") and not (
            a.names.entities or a.when or a.told or a.row or a.pair
        ):
            if a.part == "count" and a.metric == "accuracy":
                made.setdefault(a.names.splits, {})["right"] = a.value
            elif a.part == "value" and a.metric == "accuracy" and a.family == "percent":
                made.setdefault(a.names.splits, {}).setdefault("share", a.value)
    found = [
        (100 * m["right"] / m["share"], m["right"]) for m in made.values() if m.get("share") and "right" in m
    ]
    return [(round(n), round(n) - right) for n, right in found]


def whole_classes(atoms: Sequence[Atom]) -> list[tuple[float, float]]:
    """(images, wrong ones) of each class of which the record counts the errors."""
    counts: dict[tuple[frozenset[str], frozenset[str]], dict[str, float]] = {}
    for a in atoms:
        plain = not (a.told or a.when or a.pair or a.row or a.names.attributes) and a.family == "plain"
        if (
            plain
            and len(a.names.classes) == 1
            and (a.metric, a.part) in (("images", "n"), ("recall", "count"))
        ):
            counts.setdefault((a.names.classes, a.names.splits), {}).setdefault(a.metric, a.value)
    return [(c["images"], c["images"] - c["recall"]) for c in counts.values() if len(c) == 2]
