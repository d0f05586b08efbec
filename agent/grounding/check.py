"""The grounding check: every number, name, verdict and cause in an answer against the record of the case.

The planner proposes; what it *says* must stand in evidence. A number is matched to a recorded one of the same kind that
is about the same things, as far as it was rounded; a verdict to the finding that it speaks of; a cause to a finding that
an experiment confirmed. What can't be matched is marked before a person sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from failsight.agent.grounding.arithmetic import computed
from failsight.agent.grounding.lexicon import (
    BEST,
    CAUSE,
    HEDGE,
    HIGHER,
    KINDS,
    LOWER,
    NEGATION,
    VERDICTS,
    WORST,
    agree,
    metrics_in,
)  # fmt: skip
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import Number, Sentence, numbers, sentences
from failsight.agent.grounding.sources import Atom, atoms, finding_names, lexicon_of
from failsight.agent.state import CaseState, FindingRecord

Kind = Literal["number", "verdict", "cause", "name", "rank"]
UNVERIFIED = "⟨unverified⟩"
NOTHING = Names()
_ID = re.compile(r"\b([EF])(\d+)\b")
_PRONOUN = re.compile(
    r"^\W*(?:it|its|they|their|these|those|this|that|there|here|the same|both|of (?:these|those|them))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer, checked.

    Attributes:
        start, end: where it stands in the text.
        ok: whether the record holds it.
        refs: evidence and finding ids that hold it.
        reason: why it does not stand, in a few words.
    """

    kind: Kind
    start: int
    end: int
    ok: bool
    refs: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer with its claims."""

    text: str
    claims: tuple[Claim, ...]

    @property
    def unverified(self) -> tuple[Claim, ...]:
        """The claims that the record does not hold."""
        return tuple(c for c in self.claims if not c.ok)

    def marked(self) -> str:
        """The text with a mark behind everything unverified, and a reference behind each sentence that lacks one."""
        made = self.text
        places = [(c.end, f" {UNVERIFIED}") for c in self.unverified]
        places += list(self._references())
        for at, mark in sorted(set(places), reverse=True):
            made = made[:at] + mark + made[at:]
        return made

    def _references(self) -> Iterator[tuple[int, str]]:
        for sentence in sentences(self.text):
            inside = [c for c in self.claims if sentence.start <= c.start < sentence.end]
            if not inside or _ID.search(self.text[sentence.start : sentence.end]):
                continue
            refs = list(dict.fromkeys(r for c in inside if c.ok for r in c.refs[:1] if r.startswith("E")))
            if refs:
                end = sentence.start + len(self.text[sentence.start : sentence.end].rstrip().rstrip(".!"))
                yield end, " " + "".join(f"[{r}]" for r in refs[:3])


def check(
    text: str, state: CaseState, classes: Sequence[str], values: Mapping[str, Any] | None = None
) -> Checked:
    """Check ``text`` against the record.

    Args:
        text: an answer, Markdown.
        state: the fold of the journal.
        classes: the case's class names.
        values: attribute → its values.
    """
    return Checker(state, classes, values or {}).check(text)


class Checker:
    """The record of a case, prepared once for many sentences."""

    def __init__(self, state: CaseState, classes: Sequence[str], values: Mapping[str, Any]) -> None:
        self.state = state
        self.lexicon: Lexicon = lexicon_of(state, classes, values)
        self.atoms: list[Atom] = atoms(state, self.lexicon)
        self._named = [(r, finding_names(r.finding, self.lexicon)) for r in state.records.values()]

    def check(self, text: str) -> Checked:
        """All claims of ``text``."""
        claims: list[Claim] = []
        found = list(numbers(text))
        context = Names()
        for sentence in sentences(text):
            part = text[sentence.start : sentence.end]
            whole = self.lexicon.find(part)
            carried = context if _PRONOUN.match(part) or not whole.entities | whole.splits else Names()
            inside = [n for n in found if sentence.start <= n.start < sentence.end]
            claims += self._names(text, sentence)
            if not part.rstrip().endswith("?"):
                claims += self._numbers(text, sentence, whole, carried, inside)
                claims += self._verdicts(text, sentence, whole | carried)
                claims += self._causes(text, sentence, whole | carried)
                claims += self._ranks(text, sentence, whole)
            context = whole if whole.entities | whole.splits else context
        return Checked(text, tuple(sorted(claims, key=lambda c: (c.start, c.end))))

    # --- names ---------------------------------------------------------------------------------------------------

    def _names(self, text: str, sentence: Sentence) -> Iterator[Claim]:
        part = text[sentence.start : sentence.end]
        for start, end, reason in self.lexicon.unknown(part):
            yield Claim("name", sentence.start + start, sentence.start + end, False, (), reason)
        for match in _ID.finditer(part):
            known = (
                any(e.id == match[0] for e in self.state.evidence)
                if match[1] == "E"
                else self.state.find(match[0]) is not None
            )
            if not known:
                start = sentence.start + match.start()
                yield Claim("name", start, start + len(match[0]), False, (), f"there is no {match[0]}")

    # --- numbers -------------------------------------------------------------------------------------------------

    def _numbers(
        self, text: str, sentence: Sentence, whole: Names, carried: Names, inside: Sequence[Number]
    ) -> Iterator[Claim]:
        for position, number in enumerate(inside):
            start, end = next(
                (c for c in sentence.clauses if c[0] <= number.start < c[1]), (sentence.start, sentence.end)
            )
            clause = text[start:end]
            about = _About(
                self.lexicon.find(clause),
                whole,
                carried,
                metrics_in(clause),
                metrics_in(text[sentence.start : sentence.end]),
            )
            about = self._nearest(text, number, start, end, about, inside)
            holding = [a for a in self.atoms if matches(number, a) and about.fits(a)]
            if holding and not self._direction(clause, number, holding):
                yield Claim("number", number.start, number.end, False, (), "the direction is the other way")
                continue
            if not holding:
                holding = computed(
                    number, text[sentence.start : sentence.end], about, self.atoms, inside, position
                )
            refs = _references(holding, whole)
            reason = "" if holding else "no evidence holds this number about this"
            yield Claim("number", number.start, number.end, bool(holding), refs, reason)

    def _nearest(
        self, text: str, number: Number, start: int, end: int, about: _About, inside: Sequence[Number]
    ) -> _About:
        """Where a clause lists several classes with as many numbers, each number belongs to its own class."""
        others = [n for n in inside if start <= n.start < end and n.family == number.family]
        if len(about.clause.classes) != len(others) or len(others) < 2:
            return about
        order = sorted(about.clause.classes, key=lambda c: self._place(text[start:end], c))
        mine = order[others.index(number)]
        own = Names(frozenset({mine}), about.clause.attributes, about.clause.values, about.clause.splits)
        return _About(own, own, Names(), about.metrics, about.wider, about.clause)

    def _place(self, text: str, name: str) -> int:
        match = re.search(re.escape(name).replace("_", "[_ -]?"), text, re.IGNORECASE)
        return match.start() if match else len(text)

    def _direction(self, clause: str, number: Number, holding: Sequence[Atom]) -> bool:
        """Whether a word such as ``lower`` beside a difference agrees with the record."""
        if number.family not in ("points", "percent"):
            return True
        down, up = bool(LOWER.search(clause)), bool(HIGHER.search(clause))
        if down == up:
            return True
        known = {a.direction for a in holding if a.family == "points" and a.direction}
        return (
            not known
            or (-1 if down else 1) in known
            or any(a.family == "points" and not a.direction and number.signed for a in holding)
        )

    # --- verdicts ------------------------------------------------------------------------------------------------

    def _verdicts(self, text: str, sentence: Sentence, whole: Names) -> Iterator[Claim]:
        part = text[sentence.start : sentence.end]
        for verdict, pattern in VERDICTS.items():
            for match in pattern.finditer(part):
                before = part[: match.start()]
                if HEDGE.search(before[-60:]) or re.search(
                    r"\b(?:to be|be|get|getting|until|unless|before)\s+$", before
                ):
                    continue
                if (
                    re.match(r"\s+(?:findings?|hypothes[ei]s|ones?)\b", part[match.end() :])
                    and not whole.entities | whole.findings
                ):
                    continue  # "13 confirmed findings": a count, checked as a number
                about = self._resolve(part, whole)
                if about is None:
                    continue
                negated = bool(NEGATION.search(before[-24:]))
                agreeing = [r for r in about if (r.finding.verdict == verdict) != negated]
                start = sentence.start + match.start()
                reason = (
                    "" if agreeing else "the record gives another verdict" if about else "no such finding"
                )
                refs = tuple(x for r in agreeing[:1] for x in (*r.evidence[-1:], r.id))
                yield Claim("verdict", start, start + len(match[0]), bool(agreeing), refs, reason)

    def _resolve(self, part: str, whole: Names) -> list[FindingRecord] | None:
        """The findings that a sentence speaks of; None where it speaks of none in particular."""
        if whole.findings:
            return [r for r in self.state.records.values() if r.id in whole.findings]
        kinds = {k for k, words in KINDS.items() if re.search(words, part, re.IGNORECASE)}
        if whole.entities:
            found = [r for r, names in self._named if self._speaks_of(names, whole)]
            of_kind = [r for r in found if r.finding.kind in kinds]
            return of_kind or found
        if kinds:
            return [r for r in self.state.records.values() if r.finding.kind in kinds]
        return None

    def _speaks_of(self, names: Names, whole: Names) -> bool:
        """Whether a finding is about what the sentence names: all attributes named, and a class that it knows."""
        if whole.attributes:
            if not whole.attributes <= names.attributes:
                return False
            wrong = {a for a, v in whole.values if (a, v) not in names.values and a in names.attributes}
            if wrong:
                return False
            return not whole.classes or not names.classes or bool(whole.classes & names.classes)
        return bool(whole.classes & names.classes) and not (
            whole.classes - names.classes and len(whole.classes) == 1
        )

    # --- causes --------------------------------------------------------------------------------------------------

    def _causes(self, text: str, sentence: Sentence, whole: Names) -> Iterator[Claim]:
        part = text[sentence.start : sentence.end]
        match = CAUSE.search(part)
        if match is None or HEDGE.search(part) or NEGATION.search(part[: match.start()][-20:]):
            return
        if not re.search(
            r"model|predict|classif|network|\bit\b|error|fail|wrong|answer|score", part, re.IGNORECASE
        ):
            return
        about = [
            r
            for r, names in self._named
            if (whole.findings and r.id in whole.findings) or self._speaks_of(names, whole)
        ]
        tested = [
            r for r in about
            if r.finding.verdict == "confirmed" and any(t.tool.startswith("test_") and t.verdict == "confirmed" for t in r.finding.tests)
        ]  # fmt: skip
        start = sentence.start + match.start()
        reason = "" if tested else "a cause needs a finding that an experiment confirmed"
        refs = tuple(x for r in tested[:1] for x in (*r.evidence[-1:], r.id))
        yield Claim("cause", start, start + len(match[0]), bool(tested), refs, reason)

    # --- ranks ---------------------------------------------------------------------------------------------------

    def _ranks(self, text: str, sentence: Sentence, whole: Names) -> Iterator[Claim]:
        """``X is the weakest class``: by the recalls of the evaluation images."""
        part = text[sentence.start : sentence.end]
        if len(whole.classes) != 1 or whole.attributes or HEDGE.search(part):
            return
        for pattern, pick in ((WORST, min), (BEST, max)):
            match = pattern.search(part)
            if match is None or not re.search(
                r"class|recall|recogni|room|category|accura", part, re.IGNORECASE
            ):
                continue
            recalls = self._recalls("deploy" if "deploy" in whole.splits else "data")
            if len(recalls) < 2:
                continue
            (name,) = whole.classes
            best, ref = pick((v for v in recalls.values()), key=lambda v: v[0])
            ok = name in recalls and recalls[name][0] == best
            start = sentence.start + match.start()
            yield Claim(
                "rank",
                start,
                start + len(match[0]),
                ok,
                (ref,) if ok else (),
                "" if ok else "another class is",
            )

    def _recalls(self, split: str) -> dict[str, tuple[float, str]]:
        made = {}
        for evidence in self.state.evidence:
            if evidence.tool != "evaluate":
                continue
            for fact in evidence.facts:
                if (
                    fact.name == "recall"
                    and isinstance(fact.value, float)
                    and ("deploy" in fact.of) == (split == "deploy")
                    and "train" not in fact.of
                ):
                    for name in self.lexicon.find(fact.of).classes:
                        made[name] = (fact.value, evidence.id)
        return made


@dataclass(frozen=True, slots=True)
class _About:
    """What a number claims to be about: what its clause names, what its sentence names, what was spoken of before."""

    clause: Names
    sentence: Names
    carried: Names
    metrics: frozenset[str]
    wider: frozenset[str]
    siblings: Names = NOTHING

    def fits(self, atom: Atom) -> bool:
        """Whether ``atom`` may be meant."""
        return (
            agree(self.metrics or self.wider, atom.metrics)
            and self._same(
                self.clause.classes, self.sentence.classes, self.carried.classes, atom.names.classes
            )
            and self._same(
                self.clause.attributes,
                self.sentence.attributes,
                self.carried.attributes,
                atom.names.attributes,
            )
            and self._presence(atom)
            and self._split(atom)
        )

    def _same(
        self, clause: frozenset[str], sentence: frozenset[str], carried: frozenset[str], atom: frozenset[str]
    ) -> bool:
        if clause:
            return bool(atom & clause) and atom <= sentence | clause | carried
        known = sentence | carried
        if not known:
            return not atom or "accuracy" not in self.metrics
        return atom <= known

    def _presence(self, atom: Atom) -> bool:
        """A number with a television is not one without."""
        claimed = dict(self.clause.values or self.sentence.values)
        recorded: dict[str, set[str]] = {}
        for name, value in atom.names.values:
            recorded.setdefault(name, set()).add(value)
        return all(name not in recorded or value in recorded[name] for name, value in claimed.items())

    def _split(self, atom: Atom) -> bool:
        claimed = self.clause.splits or self.sentence.splits or self.carried.splits
        recorded = atom.names.splits
        if claimed:
            return bool(claimed & (recorded or {"data"})) or (
                not recorded and "data" not in claimed and not atom.metrics
            )
        return (
            not recorded
            or "data" in recorded
            or (bool(atom.names.entities) and "accuracy" not in self.metrics)
        )


def matches(number: Number, atom: Atom) -> bool:
    """Whether ``number`` is ``atom`` as far as it was rounded."""
    if not _families(number.family, atom.family):
        return False
    value, recorded = number.value, atom.value
    if number.family in ("points", "percent") and not number.signed:
        value, recorded = abs(value), abs(recorded)
    slack = number.half + atom.half * (atom.half > number.half) + 1e-9
    if number.about:
        slack = max(slack, 0.025 * abs(recorded))
    return abs(value - recorded) <= slack * 1.0001


def _families(number: str, atom: str) -> bool:
    if number == atom:
        return True
    pairs = {("percent", "points"), ("points", "percent"), ("plain", "ratio"), ("ratio", "plain")}
    return (number, atom) in pairs


def _references(holding: Sequence[Atom], whole: Names) -> tuple[str, ...]:
    """Ids that hold a number: those that the sentence itself cites first."""
    refs = list(dict.fromkeys(r for a in holding for r in a.refs))
    cited = whole.evidence | whole.findings
    return tuple(sorted(refs, key=lambda r: r not in cited))
