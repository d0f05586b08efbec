"""The search for what holds a number: of all recorded values that fit it, the one that the sentence contradicts least.

Every recorded value that a number can be (as far as it was rounded) is weighed against what the sentence names around
it: a class, an attribute, a split, a quantity, a side of a comparison that contradicts it costs more than any number of
words that are merely unknown. A number stands where one candidate stays below ``LIMIT``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.binding import FAR, LIKELY, ODD, POSSIBLE, clause_of
from failsight.agent.grounding.derived import SPEAKS
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.quantities import LIMIT, quantity, spoken
from failsight.agent.grounding.reading import REVERSE, Reading
from failsight.agent.grounding.slots import Bound
from failsight.agent.grounding.sources import DATA, Atom

EXPERIMENTS = frozenset(
    {"effect", "cue_effect", "cue_change", "control_change", "control_effect", "flip", "control_flip", "mended", "control_mended", "region_share", "draws", "control_ratio"}
)  # fmt: skip
#: quantity of one class → those of all classes, of which a sentence that names no class speaks
GENERAL = {
    "recall": ("accuracy", "recall"),
    "precision": ("accuracy", "macro_precision"),
    "f1": ("macro_f1",),
    "worst_recall": (),
    "confusion": ("error",),
    "share_of_errors": ("error",),
    "false_answers": ("error",),
    "pull": ("error", "accuracy"),
}
#: quantities that belong to the whole case, whatever else a sentence names
WHOLE = frozenset(
    {
        "bound",
        "minimum_effect",
        "draws",
        "slices_counted",
        "slices_tested",
        "slices_confirmed",
        "parameters",
        "smallest",
    }
)
_SIDED = frozenset({"error", "pull", "frequency", "flip", "mended"})
_PRONOUN = re.compile(
    r"\b(?:it|its|they|their|them|this|these|that|those|one|ones|there|such|here|he|she)\b", re.IGNORECASE
)
_OVERALL = re.compile(
    r"\boverall\b|\bon average\b|\b(?:the|than) average\b|\ball (?:the )?(?:classes|images|rooms)\b|\bin total\b|\baltogether\b|\bof all (?:the )?(?:images|pictures|photos|errors|mistakes|cases)\b|\ball (?:\w+ )?errors\b|\bof the (?:\d+|\w+) errors",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\bboth (?:directions|ways)\b|\bin all\b|\btogether\b|\bswapped\b|\bone way\b|\bbetween\b|\bone another\b|\beach other\b",
    re.IGNORECASE,
)


def stated(number: Number, atom: Atom, at: Bound) -> bool:
    """Whether the sentence states every condition under which a value was measured; the number itself states none."""
    text, sentence = at.reading.text, at.reading.sentence
    start, end = sentence.clauses[clause_of(number.start, sentence.clauses)]
    clause = text[start : number.start] + " " + text[number.end : end]
    whole = text[sentence.start : number.start] + " " + text[number.end : sentence.end]
    return all(c.stated(clause, whole) for c in atom.when)


_AT = re.compile(r",? (?:at|in|on|during|&|with)(?: the| an?)? |[ -]")


def whole_and_parts(atoms: Sequence[Atom]) -> Iterator[Atom]:
    """The plain values that groups have."""
    return (a for a in atoms if not a.told and not a.elsewhere and a.part in ("value", "count", "n"))


def crossed(reading: Reading, number: Number) -> Iterator[frozenset[tuple[str, str]]]:
    """The groups of more than one condition that a sentence names before a number: "line 3 at night"."""
    marks = [m for m in reading.mentions if m.kind == "attribute" and m.value and m.end <= number.start]
    for one, other in itertools.pairwise(marks):
        if one.name != other.name and _AT.fullmatch(reading.text[one.end : other.start]):
            yield frozenset({(one.name, one.value), (other.name, other.value)})


_AGAINST = re.compile(r"\b(?:against|than|versus|vs\.?|compared (?:with|to)|instead of) (?:\w+ ){0,2}$")
_EFFECT = re.compile(r"\beffects? (?:is|was|of)\b")  # what is beyond the control


class Search:
    """Weighs recorded values for the numbers of a case."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        whole = [a for a in atoms if not a.told and not a.names.entities and a.part in ("value", "count")]
        self._general = {(a.metric, s) for a in whole for s in a.names.splits}  # recorded for everything
        self._crossed = {
            (a.metric, a.family, a.names.values) for a in whole_and_parts(atoms) if len(a.names.values) > 1
        }
        self._evidence: dict[str, set[str]] = {}  # finding → the evidence that speaks of it
        for atom in atoms:
            for ref in atom.refs:
                if ref.startswith("F"):
                    self._evidence.setdefault(ref, set()).update(r for r in atom.refs if r.startswith("E"))
        self._implied: dict[
            frozenset[tuple[str, str]], frozenset[str]
        ] = {}  # values seen with one class alone
        for atom in atoms:
            if atom.names.values and atom.names.classes and not atom.told and not atom.elsewhere:
                seen = self._implied.get(atom.names.values, frozenset())
                self._implied[atom.names.values] = seen | atom.names.classes
        self._implied = {v: c for v, c in self._implied.items() if len(c) == 1}

    def cost(self, number: Number, atom: Atom, at: Bound, cited: frozenset[str]) -> float:
        """How much the sentence speaks against ``atom`` being meant by ``number``; at or above ``LIMIT``: it is not."""
        total = 0.0
        whose = {r for r in atom.refs if r[0] == "F"}
        if whose and at.findings and not whose & at.findings and len(at.findings) == 1:
            total += FAR
        elif not whose and atom.refs and len(at.findings) == 1 and SPEAKS.match(at.reading.part):
            total += 0.0 if set(atom.refs) & self._evidence.get(next(iter(at.findings)), frozenset()) else FAR
        if cited and atom.refs and not set(atom.refs) & cited:
            total += FAR
        if atom.names.values and self._of_a_wider_group(number, atom, at):
            return FAR
        if atom.when and not stated(number, atom, at):
            return FAR
        for part in (_split, self._subject, quantity, _pair, side):  # the cheap ones first
            if total >= LIMIT:
                break
            total += part(number, atom, at)
        return total

    def _of_a_wider_group(self, number: Number, atom: Atom, at: Bound) -> bool:
        """``Line 3 at night handles 22.3 %``: the value of all of line 3, where the record holds that of line 3 at night."""
        for group in crossed(at.reading, number):
            if atom.names.values < group and (atom.metric, atom.family, group) in self._crossed:
                return True
        return False

    def loosely(self, number: Number, atom: Atom, at: Bound) -> bool:
        """Whether ``atom`` is about the things of a sentence, whatever quantity it is."""
        if (
            atom.metric.startswith("tally:")
            or atom.told
            or atom.row
            or atom.when
            or atom.part in ("end", "p", "q")
        ):
            return False
        return (
            spoken(atom, at) + sum(part(number, atom, at) for part in (self._subject, _split, _pair, side))
            < LIMIT
        )

    def _subject(self, number: Number, atom: Atom, at: Bound) -> float:
        """Classes and attributes: what the atom is about has to be named, what is named it has to be about."""
        if atom.metric.startswith("tally:") or atom.metric in WHOLE:
            return 0.0
        cited = set(atom.refs) & at.reading.whole.evidence and (
            atom.loose or atom.told
        )  # a call about one thing
        held = bool(cited or set(atom.refs) & at.findings)
        total = self._unnamed(atom, at, held) + self._unmet(atom, at)
        return total + _contradicted(atom, at)

    def _loose(self, atom: Atom, at: Bound) -> int:
        """How much of what may be left out is left out though nothing else says that the atom is meant."""
        named = set(at.classes) | set(at.attributes)
        own = atom.names.attributes
        if own and not own & named and not (atom.metric in EXPERIMENTS and atom.names.classes & named):
            return 1
        return int(not own and not atom.names.classes & named)

    def _unmet(self, atom: Atom, at: Bound) -> float:
        """What is plainly meant and the atom is not about."""
        total = 0.0
        for own, said in ((atom.names.classes, at.classes), (atom.names.attributes, at.attributes)):
            meant = [n for n, c in said.items() if c <= LIKELY]
            if not meant or own & set(meant):
                continue
            if atom.told and not own and set(atom.refs) & at.reading.whole.evidence:
                total += ODD
            elif at.carried and not _PRONOUN.search(at.reading.part):
                continue
            elif not own and _OVERALL.search(at.clause):
                total += POSSIBLE
            elif (
                own is atom.names.classes
                and not own
                and set(meant) <= self._implied.get(atom.names.values, frozenset())
            ):
                total += LIKELY
            else:
                total += FAR - min(said.values()) - (2 * LIKELY if at.carried else 0.0)
        return total

    def _unnamed(self, atom: Atom, at: Bound, held: bool) -> float:
        """What an atom is about without being named."""
        total = 0.0
        lost = 0
        named = at.reading.about.classes | at.reading.carried.classes
        for own, said in ((atom.names.classes, at.classes), (atom.names.attributes, at.attributes)):
            for name in own - atom.loose:
                if atom.pair is not None and name in named and name in atom.pair:
                    continue
                if name in said:
                    total += said[name]
                elif not held:
                    lost += 1
                    total += FAR if said else 0.0
        if not lost and atom.loose and not held:
            lost = self._loose(atom, at)
            if lost and (at.classes or at.attributes):
                return total + FAR
        if (
            lost
            and atom.metric == "frequency"
            and at.quantities
            and not any("frequency" in q for q in at.quantities)
        ):
            return FAR
        if not lost or total >= LIMIT:
            return total
        if at.classes or at.attributes:
            return total + (FAR if not at.carried else ODD)
        split = next(iter(atom.names.splits), "data")
        general = any((m, split) in self._general for m in GENERAL.get(atom.metric, (atom.metric,)))
        if atom.pair is not None and at.number.word and at.number.family == "percent":
            return total + FAR  # one confusion of many is not what a share in words is of
        return total + (0.6 if at.several else FAR if general or at.number.about else 1.2)


def _contradicted(atom: Atom, at: Bound) -> float:
    """Another value of the same attribute."""
    if atom.metric in EXPERIMENTS or atom.metric == "pull_gap":
        return 0.0
    for name, value in atom.names.values:
        said = at.claimed.get(name)
        if said and value not in said:
            beyond = at.other or at.without or (at.contrast and atom.elsewhere)
            if not (beyond and (value == "no" or atom.elsewhere)):
                return FAR
    return 0.0


def side(number: Number, atom: Atom, at: Bound) -> float:
    """The side that has a thing, or the rest; the cue, or a control of equal size."""
    if atom.metric.startswith("control"):
        if at.other or re.search(r"elsewhere|control|equal|same|patch|as much", at.clause):
            return 0.0
        return ODD if at.contrast and not _EFFECT.search(at.near) else FAR
    if atom.metric in EXPERIMENTS:
        if re.search(r"\bcontrol(?:'s)? (?:effect|change|flip)", at.near):
            return FAR  # the name of another quantity
        return (
            FAR
            if re.search(r"\belsewhere\b|\bcontrols?\b|\bas much\b|\bequal\b|\bpatch\b", at.near)
            and atom.metric in ("cue_effect", "cue_change", "flip", "mended")
            else 0.0
        )
    if not atom.names.attributes and atom.elsewhere:
        return 0.0 if at.other or at.without else FAR
    if not atom.names.attributes or atom.metric == "pull_gap":
        return 0.0
    own = bool(set(atom.refs) & at.findings) and not at.attributes  # "F7 has an error rate of 57 %"
    rest = atom.elsewhere or (
        not own and any(v == "no" and at.claimed.get(a) != frozenset({"no"}) for a, v in atom.names.values)
    )
    if rest:
        if of_those_without(number, atom, at):
            return FAR
        if at.other or at.without:
            return 0.0
        if _with_it(number, at):
            return FAR
        return LIKELY if at.contrast else FAR
    sided = atom.metric in _SIDED and (at.other or at.without) and not _with_it(number, at)
    if sided and (
        re.search(
            r"\botherwise\b|\belsewhere\b|\bthe rest\b|\bothers\b|\bwithout (?:it|one|them|any)\b|\bwithout\W*$|\bnot there\b",
            at.near,
        )
        or (at.without and "no" not in str(at.claimed))
    ):
        return FAR
    return 0.0


def of_those_without(number: Number, atom: Atom, at: Bound) -> bool:
    """``without a television``: where the group is those that lack the thing, the rest are those that have it."""
    lacking = any(v == "no" and at.claimed.get(a) == frozenset({v}) for a, v in atom.names.values)
    return atom.elsewhere and lacking and not at.other and not set_against(number, at)


def set_against(number: Number, at: Bound) -> bool:
    """Whether a number is the second one of a comparison: "57 %, against 2.9 %"."""
    return (
        _AGAINST.search(at.reading.text[max(at.reading.sentence.start, number.start - 40) : number.start])
        is not None
    )


def _with_it(number: Number, at: Bound) -> bool:
    """``with a cat 48.6 %``: the side that has it."""
    before = at.reading.text[max(at.reading.sentence.start, number.start - 40) : number.start]
    found = re.search(
        r"\bwith (?:an? |the )?(?P<thing>[a-z_]{3,}),? (?:just |only |about |it is )*$", before, re.IGNORECASE
    )
    return found is not None and found["thing"].lower() not in ("control", "controls", "mask")


_MOVES = re.compile(
    r"\bdrops?\b|\bloss|\blos[et]|\bfalls?\b|\bfell\b|\bgains?\b|\brises?\b|\bshift\b", re.IGNORECASE
)


def _split(number: Number, atom: Atom, at: Bound) -> float:
    theirs = atom.names.splits
    if (
        atom.metric.startswith("tally:")
        or atom.metric == "bound"
        or atom.metric == "parameters"
        or not theirs
    ):
        return 0.0
    if set(atom.refs) & at.findings and not at.named:
        return 0.0
    spoken_of = at.reading.carried.splits
    if number.word and number.about and spoken_of and not at.reading.whole.splits and not theirs & spoken_of:
        return FAR  # a share in words is wide, and the text speaks of other images
    if (
        not at.named
        and atom.metric in ("unlabelled", "images")
        and re.search(r"\bsets\b|\bsplits\b|\d \+ \d", at.reading.part)
    ):
        return 0.0
    if len(theirs) == 1:
        (split,) = theirs
        meant = [s for s, c in at.splits.items() if c <= LIKELY]
        if number.family == "points" and len(meant) > 1 and atom.metric not in ("gap", "bound"):
            return FAR  # what changes between two splits
        if split in at.splits:
            far = (
                number.word
                and number.about
                and not at.named
                and split != "data"
                and not _MOVES.search(at.reading.part)
            )
            return FAR if far else at.splits[split]
        return ODD if split == "data" and atom.metric in EXPERIMENTS and not at.named else FAR
    if len(at.reading.whole.splits) == 2 and theirs != at.reading.whole.splits and atom.metric == "drop":
        return FAR  # from one of two to the other, and not from a third
    other = theirs - DATA
    whole = at.reading.whole.splits
    if whole & other and whole <= theirs:
        return 0.0
    if {s for s, c in at.splits.items() if c <= LIKELY} - theirs and at.named:
        return FAR
    if not at.named:
        return 0.0 if "deploy" in other else FAR
    costs = [at.splits[s] for s in other if s in at.splits]
    return min(costs) if costs else FAR


def _told_later(number: Number, at: Bound) -> bool:
    """Whether what a class is taken for is named only behind the number: "57.0 % wrong, usually answered with bedroom"."""
    ends = {b for _, b in at.reading.pairs}
    return all(m.start > number.end for m in at.reading.mentions if m.kind == "class" and m.name in ends)


def _pair(number: Number, atom: Atom, at: Bound) -> float:
    """Which class is taken for which."""
    pairs = at.reading.pairs
    if atom.pair is None:
        inner = len([c for c, cost in at.classes.items() if cost <= LIKELY]) > 1
        return (
            (FAR if atom.metric == "false_answers" else POSSIBLE if _told_later(number, at) else ODD)
            if pairs
            and inner
            and atom.metric in ("recall", "error", "f1", "answers", "false_answers")
            and atom.names.classes <= set(at.classes)
            else 0.0
        )
    known = at.reading.about.classes | at.reading.carried.classes
    if not known:
        return 0.0
    if not set(atom.pair) <= known:
        return FAR
    same = {p for p in at.pairs if set(p) == set(atom.pair)}
    if not same or _BOTH.search(at.reading.part):
        return 0.0 if not at.pairs or same else POSSIBLE if not pairs else FAR
    turned = (atom.pair[1], atom.pair[0])
    reverse = REVERSE.search(at.clause) is not None
    if reverse and len(same) == 1:
        return 0.0 if at.number.bracket or turned in same else FAR
    return at.pairs.get(atom.pair, FAR)
