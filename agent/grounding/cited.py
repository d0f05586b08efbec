"""A number beside a reference: what the evidence or finding that is cited holds is right, unless the words contradict it.

Where a text names its source, it need not say again of what the number is: a value of that source is meant. It is
contradicted where the text gives the number to another class, thing, split, side, quantity or condition than the value's
own, or leaves out a condition though the record holds the same quantity without it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from failsight.agent.grounding.binding import FAR, LIKELY, clause_of
from failsight.agent.grounding.counted import CASE_LEVEL
from failsight.agent.grounding.lexicon import SAID, marked_quantities, says
from failsight.agent.grounding.names import Lexicon
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.quantities import (
    LIMIT,
    barred,
    below,
    ends_said,
    level_of,
    level_said,
    rightly,
    wrong,
)
from failsight.agent.grounding.scope import Scope
from failsight.agent.grounding.search import EXPERIMENTS, WHOLE, Search, of_those_without, set_against, side
from failsight.agent.grounding.slots import Bound
from failsight.agent.grounding.sources import NOTHING, Atom
from failsight.agent.grounding.which_split import BACK
from failsight.agent.state import CaseState

_COMPARED = re.compile(r"\s(?:more|fewer|less)\b")  # a difference of two counts
_PLAINLY = 0.3  # what costs no more is what the words name
_MANY = 100  # a count that stands in a source by chance hardly ever
_LEVEL = re.compile(r"[<>]\s?$")
_CONTRAST = re.compile(r"\b(?:against|than|instead of|from)\b")
#: what a test was planned with: no result, unless a text says so
_OF_THE_TEST = frozenset({"minimum_effect", "smallest", "draws", "effect_sd"})
_RIGHT = frozenset({"accuracy", "recall", "precision", "f1", "balanced_accuracy", "worst_recall"})


class Cited:
    """The recorded numbers by the evidence and the findings that hold them."""

    def __init__(
        self, state: CaseState, lexicon: Lexicon, atoms: Sequence[Atom], said: Iterable[Atom]
    ) -> None:
        self._said = [*said]
        self._lexicon, self._search = lexicon, Search(atoms)
        self._by: dict[str, list[Atom]] = {}
        for atom in atoms:
            if atom.part in ("value", "count") and not atom.told and not atom.row:
                for ref in atom.refs:
                    self._by.setdefault(ref, []).append(atom)
        self._levels: dict[str, list[Atom]] = {}
        for atom in atoms:
            if not atom.told and ("p" in (atom.part, atom.metric) or "q" in (atom.part, atom.metric)):
                for ref in atom.refs:
                    self._levels.setdefault(ref, []).append(atom)
        self._plain = {
            (a.metric, a.family, a.names.splits)
            for a in atoms
            if not a.when and not a.names.entities and not a.told and a.part in ("value", "count")
        }
        self._bare = {(a.metric, a.names) for a in atoms if not a.when and not a.told and a.part == "value"}
        self._measured = {(metric, family) for metric, family, _ in self._plain}
        self._with = {r.id: {r.id} for r in state.records.values()}
        for made in state.evidence:  # what was measured for one finding alone
            asked = str(made.arguments.get("finding") or "")
            about = {asked} if asked else {r.id for r in state.records.values() if made.id in r.evidence}
            if len(about) == 1:
                self._with.setdefault(next(iter(about)), set()).add(made.id)

    def sources(self, ids: Iterable[str]) -> frozenset[str]:
        """The ids, and the evidence that was made for a cited finding alone."""
        return frozenset(itertools.chain.from_iterable(self._with.get(i, {i}) for i in ids))

    def held(
        self, number: Number, at: Bound, near: Sequence[Atom], ids: frozenset[str], scope: Scope
    ) -> list[Atom]:
        """The values of the cited evidence that a number may be: nothing that the text says contradicts them."""
        if number.word and number.family == "plain":
            return []
        if level_said(number, at):
            return [a for i in ids for a in self._levels.get(i, ()) if _at_level(number, a, at)][:1]
        if _COMPARED.match(at.reading.text, number.end) or _LEVEL.search(at.reading.text[: number.start]):
            return []
        known = [a for a in (*near, *(a for a in self._said if _equal(number, a))) if set(a.refs) & ids]
        known += [a for a in near if a.metric == "bound" and not a.refs and says("bound", at.reading.part)]
        values = [
            a for a in known if not a.told and (a.part != "end" or number.bracket or ends_said(number, at))
        ]
        known = (
            values or known
        )  # the end of an interval, or a sentence of the record, where nothing else holds it
        found = [a for a in known if not self._contradicted(number, a, at, scope)]
        return [a for a in found if not self._another_is_meant(number, a, at, ids)]

    def _another_is_meant(self, number: Number, atom: Atom, at: Bound, ids: frozenset[str]) -> bool:
        """Whether the words name another value of the cited evidence, of the same quantity or of the same experiment."""
        if atom.when or atom.told or atom.metric not in SAID:
            return False
        alike = {atom.metric} | (EXPERIMENTS if atom.metric in EXPERIMENTS else NOTHING)
        return any(
            a.family == atom.family and a.metric in alike and a.part == atom.part and not a.when
            and self._search.cost(number, a, at, NOTHING) <= _PLAINLY
            for i in ids for a in self._by.get(i, ())
        )  # fmt: skip

    def _contradicted(self, number: Number, atom: Atom, at: Bound, scope: Scope) -> bool:
        if atom.metric.startswith("tally:"):
            return True
        return (
            _of_another_thing(number, atom, at)
            or _of_another_split(atom, at, scope)
            or _another_part(number, atom, at)
            or (not self._of_statement(number, atom, at) and _another_quantity(number, atom, at, scope))
            or self._another_condition(number, atom, at, scope)
            or self._of_everything(atom, at, self._lexicon.find(scope.lead).entities)
        )

    def _of_statement(self, number: Number, atom: Atom, at: Bound) -> bool:
        """Whether a number stands in the statement of the finding that the text names for it: its quantity is given by that."""
        named = set(atom.refs) & at.findings
        return any(_equal(number, a) and named & set(a.refs) for a in self._said)

    def _another_condition(self, number: Number, atom: Atom, at: Bound, scope: Scope) -> bool:
        sentence = at.reading
        start = sentence.sentence.start
        before = (
            sentence.text[scope.line : start]
            if _TAKES_UP.search(sentence.part) and scope.line < start
            else ""
        )
        text = " ".join(
            (scope.lead, before, sentence.text[start : number.start], sentence.text[number.end : sentence.sentence.end], _moved(number, at))
        )  # fmt: skip
        for one in atom.when:
            if one.rivalled(text):
                return True
            if atom.part == "n" or one.touched(text):
                continue
            if (atom.metric, atom.family) in self._measured or (atom.metric, atom.names) in self._bare:
                return True
        return False

    def _of_everything(self, atom: Atom, at: Bound, scope_names: frozenset[str]) -> bool:
        """Whether a rate of one class or thing is given as that of all images, of which the record holds another one."""
        small = atom.part == "n" and atom.value < _MANY
        if not atom.names.entities or atom.told or at.reading.whole.findings:
            return False
        if atom.part not in ("value", "count") and not small:
            return False
        named = at.reading.whole.entities | at.reading.carried.entities | scope_names
        if atom.pair is not None:
            return not set(atom.pair) <= named
        return not atom.names.entities & named


#: words that take up what the sentence before is about
_TAKES_UP = re.compile(r"\b(?:that|this|these|those|it|they|them|such|so)\b", re.IGNORECASE)


def _moved(number: Number, at: Bound) -> str:
    """``from 43.3 % to 26.3 %``: which of the two is before, and which after what was done."""
    text, start = at.reading.text, at.reading.sentence.start
    if re.search(r"\bfrom (?:about )?$", text[start : number.start]) and re.match(
        r" ?%?(?: points)? to ", text[number.end :]
    ):
        return "before"
    return (
        "after repair"
        if re.search(r"\bfrom (?:about )?[\d.]+ ?%? to (?:about )?$", text[start : number.start])
        else ""
    )


_REST = re.compile(r"\b(?:an)?other\b|\belsewhere\b|\brest\b", re.IGNORECASE)


_CHANGES = re.compile(r"change|difference|loss|interval|gap")
_MOVED = re.compile(
    r"\bcosts?\b|\blos[et]s?\b|\bmore\b|\bfewer\b|\bless\b|\bbetter\b|\bworse\b|\bgains?\b|\bpoints\b",
    re.IGNORECASE,
)
_WORDS_OF = {"wrong": re.compile(r"error|wrong|fail|worse|mistake", re.IGNORECASE)}


def _named(metric: str, text: str) -> bool:
    """Whether a text says any word of the name of a quantity that has no words of its own, or of a change that it is."""
    if _CHANGES.search(metric) and _MOVED.search(text):
        return True
    if any(w in metric and said.search(text) for w, said in _WORDS_OF.items()):
        return True
    return any(
        w[:6] in text.lower() for w in re.findall(r"[a-z]{3,}", metric) if w not in ("the", "and", "same")
    )


def _at_level(number: Number, atom: Atom, at: Bound) -> bool:
    """Whether a p or q value of the source is the one that is said, of nothing that the sentence sets it apart from."""
    named = at.reading.about.entities
    of = atom.names.entities <= named or not atom.names.entities
    if atom.metric not in (letter := level_of(number, at)) and atom.part not in letter:
        return False
    return of and (atom.value <= number.value if below(number, at) else number.near(atom.value))


def _equal(number: Number, atom: Atom) -> bool:
    return number.family == atom.family and (
        number.near(atom.value) if number.signed else number.near(abs(atom.value))
    )


def _meant(costs: Iterable[tuple[str, float]]) -> set[str]:
    return {name for name, cost in costs if cost <= LIKELY}


def _of_another_thing(number: Number, atom: Atom, at: Bound) -> bool:
    """Another class or attribute than the value's own, another confusion, another side."""
    classes = set() if at.carried else _meant(at.classes.items())
    things = set() if at.carried else _meant(at.attributes.items())
    own = atom.names
    whose = {r for r in atom.refs if r[0] == "F"}
    if whose and at.findings and not whose & at.findings:
        return True
    labelled = bool(atom.when) and own.classes <= at.reading.whole.classes
    if labelled and all(c.label and c.touched(at.reading.part) for c in atom.when):
        return _of_another_side(number, atom, at)  # the row is named by its label
    if atom.metric in WHOLE or (not own.entities and whose & at.findings):
        return False  # of the whole case, or of the finding that is named
    if own.classes and classes and not own.classes & classes:
        return True
    if own.attributes and things and not own.attributes & things:
        return True
    if not own.entities and (classes or things) and not atom.told and not atom.when:
        return True
    if atom.pair is not None:
        same = {p for p in at.pairs if set(p) == set(atom.pair)}
        if at.pairs and atom.pair not in (same or at.pairs):
            return True
    if number.word and not own.entities <= at.reading.whole.entities | at.reading.carried.entities:
        return True  # a share in words is too wide to be any value of a source
    return _of_another_side(number, atom, at)


def _of_another_side(number: Number, atom: Atom, at: Bound) -> bool:
    """Another value of an attribute than is said, or the images that have a thing for those that have it not."""
    if atom.metric not in EXPERIMENTS and not atom.told:
        for name, value in atom.names.values:
            said = at.claimed.get(name)
            if said and value not in said and not (at.other or at.without):
                return True
    if atom.metric == "control_ratio":
        return False  # there is no other
    if atom.elsewhere and atom.metric not in EXPERIMENTS:
        told = at.other or at.without or _REST.search(at.near) is not None or set_against(number, at)
        return not told or of_those_without(number, atom, at)
    return side(number, atom, at) >= FAR


def _of_another_split(atom: Atom, at: Bound, scope: Scope) -> bool:
    theirs = atom.names.splits
    if not theirs or atom.metric in ("bound", "parameters"):
        return False
    reading = at.reading
    if BACK.search(at.clause) and reading.carried.splits and not reading.carried.splits & theirs:
        return True
    if not reading.whole.splits:
        carried = reading.carried.splits
        return bool(carried) and (not scope.near or at.number.word) and not theirs & carried
    if atom.told and _CONTRAST.search(atom.metric):
        return False  # of two sets that one sentence of the record sets against each other, either
    _, end = reading.sentence.clauses[clause_of(at.number.start, reading.sentence.clauses)]
    marks = [m.start for m in reading.mentions if m.kind == "split"]
    if not any(m < end for m in marks):
        return False  # named only for what a later clause says
    meant = {name for name, cost in at.splits.items() if cost < LIMIT}
    return not theirs & meant and not (BACK.search(at.clause) and theirs & reading.carried.splits)


def _another_part(number: Number, atom: Atom, at: Bound) -> bool:
    """The end of an interval or a p value where the words say neither."""
    if atom.part == "end" and not number.bracket:
        return not ends_said(number, at)
    if atom.part in ("p", "q") or atom.metric in ("p", "q"):
        return not level_said(number, at)
    return False


def _another_quantity(number: Number, atom: Atom, at: Bound, scope: Scope) -> bool:
    if barred(number, atom, at):
        return True
    if number.family == "plain" and not atom.told and CASE_LEVEL.match(at.reading.text, number.end):
        return not atom.metric.startswith("slices")
    if (
        atom.metric not in SAID
        and not atom.told
        and not any(c.touched(at.reading.part) for c in atom.when)
        and not _named(atom.metric, scope.lead + " " + at.reading.part)
    ):
        return True
    if atom.metric in _OF_THE_TEST and not says(atom.metric, at.reading.part):
        return True
    if atom.part in ("n", "count", "p", "q") or (atom.family == "plain" and atom.value >= _MANY):
        return False
    if atom.metric in (*_RIGHT, "confidence_right") and wrong(at.clause):
        return True
    if atom.metric in ("error", "confidence_wrong") and rightly(at.clause):
        return True
    if not at.quantities:
        return False
    if atom.when:  # words of its condition name no quantity: "darker: 68.6 %"
        said = marked_quantities(at.clause)
        free = [names for names, a, b in said if not any(c.touched(at.clause[a:b]) for c in atom.when)]
        return bool(free) and atom.metric in SAID and not any(atom.metric in names for names in free)
    if atom.told:
        theirs = [names for names, _, _ in marked_quantities(atom.metric)]
        return bool(theirs) and not any(
            one & other for one in theirs for other, cost in at.quantities.items() if cost < FAR
        )
    if atom.metric not in SAID:
        return False
    return not any(atom.metric in names for names, cost in at.quantities.items() if cost < FAR)
