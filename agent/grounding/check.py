"""The grounding check: every number, name, verdict, comparison and cause in an answer against the record of the case.

The planner proposes; what it *says* must stand in evidence. A number is matched to a recorded one of the same kind that
is about the same things, as far as it was rounded; a comparison to the two recorded values that it compares; a verdict
to the finding that it speaks of; a cause to a finding that an experiment confirmed. What can't be matched is marked
before a person sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from failsight.agent.grounding.cells import Cell, rows
from failsight.agent.grounding.cited import Cited
from failsight.agent.grounding.claims import ID, UNVERIFIED, Checked, Claim, weighed
from failsight.agent.grounding.compare import comparisons
from failsight.agent.grounding.consistency import consistent
from failsight.agent.grounding.counts import Counts
from failsight.agent.grounding.cues import Cues
from failsight.agent.grounding.deeds import Done
from failsight.agent.grounding.directions import Directions
from failsight.agent.grounding.filling import fill
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.known import Known
from failsight.agent.grounding.measures import Measures
from failsight.agent.grounding.names import Lexicon, Names, is_f1
from failsight.agent.grounding.numbers import Number, numbers, sentences
from failsight.agent.grounding.outright import Outright, by_its_numbers
from failsight.agent.grounding.overall import Overall
from failsight.agent.grounding.plainly import Plainly
from failsight.agent.grounding.pooled import Pooled
from failsight.agent.grounding.properties import Properties
from failsight.agent.grounding.quantified import quantified
from failsight.agent.grounding.quoting import Quoted
from failsight.agent.grounding.ranks import ranks
from failsight.agent.grounding.rarity import rarity
from failsight.agent.grounding.reading import Reading, read
from failsight.agent.grounding.reckoning import Ledger, whole_classes, whole_sets
from failsight.agent.grounding.reconciling import (
    but_one,
    hardly,
    marked_once,
    meet,
    reconciled,
    turned,
    wanted,
)
from failsight.agent.grounding.references import References
from failsight.agent.grounding.relations import relations
from failsight.agent.grounding.scope import Outline, Scope
from failsight.agent.grounding.settled import Settled
from failsight.agent.grounding.signs import Signs
from failsight.agent.grounding.silent import unsupported
from failsight.agent.grounding.slots import INTERVAL, LEVEL_OF, bound
from failsight.agent.grounding.sources import Atom, atoms, lexicon_of, parsed, statements
from failsight.agent.grounding.standing import Standing
from failsight.agent.grounding.statements import say
from failsight.agent.grounding.strangers import known_words, origins, strangers, unseen
from failsight.agent.grounding.superlatives import superlatives
from failsight.agent.grounding.support import NOT_CITED, OTHER_WAY, Recorded, ground, matched
from failsight.agent.grounding.sweeping import Sweeping
from failsight.agent.grounding.telling import is_name, of_this_turn, told_of
from failsight.agent.grounding.tendencies import masked, tendencies
from failsight.agent.grounding.ties import Ties
from failsight.agent.grounding.topics import Topics
from failsight.agent.grounding.typed import typed
from failsight.agent.grounding.unmeasured import Unmeasured
from failsight.agent.state import CaseState

_LEVELS = re.compile(r"\(\d[\d.]* ?(?:→|->) ?$")
_DIFFERENCE = re.compile(
    r" ?[-−–] ?[\d.]+ ?= ?[+−-]?[\d.]+ ?(?:percentage )?points"
)  # "74.2 - 53.5 = 20.7 points"
_MINUEND = re.compile(r"\d[\d.]* ?$")
_BIN = re.compile(r"\b(?:above|over|below|under|between|from|bin|range|top)\b", re.IGNORECASE)
_THE = re.compile(r"\b(?:the|these|those|both) $", re.IGNORECASE)  # those that were spoken of
_SETS = re.compile(
    r" (?:\w+ )?(?:findings|sets|splits|ways|sides)\b(?! (?:are|were|is) (?:confirmed|refuted))"
)
_IF = re.compile(r"\bif (?:\w+ ){0,2}$", re.IGNORECASE)  # "if half of them go"
_DIGIT = re.compile(r"\d")
_COMPARES = re.compile(r"\b(?:instead of|against|compared (?:with|to)|than|from|versus|vs\.?)\b")
_REFERENCES = re.compile(r"\[(?:[EF]\d+(?:, ?| )?)+\]|^\s*[-*] |\*\*")

__all__ = ["UNVERIFIED", "Checked", "Checker", "Claim", "check"]


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


def _said(state: CaseState) -> dict[str, tuple[str, ...]]:
    """Every sentence of the record that holds a digit → the evidence or finding that says it."""
    texts = [(e.id, t) for e in state.evidence for t in (e.summary, *e.notes, *e.next_steps)]
    texts += [(r.id, r.finding.statement) for r in state.records.values()]
    return {
        _bare(t[s.start : s.end]): (i,)
        for i, t in texts
        for s in parsed(t)[1]
        if _DIGIT.search(t, s.start, s.end)
    }


def _bare(sentence: str) -> str:
    """A sentence without references, full stop and case: what is left of a quotation."""
    return " ".join(_REFERENCES.sub(" ", sentence).split()).rstrip(" .").lower()


def _ends(text: str, found: Sequence[Number]) -> list[Number]:
    """The numbers of a text; the ends of an interval told in words have the unit of its value, and not of its level."""
    made: list[Number] = []
    for number in found:
        if INTERVAL.search(text[max(0, number.start - 60) : number.start]):
            value = next(
                (n for n in reversed(made) if not LEVEL_OF.match(text[n.end : n.end + 24]) and not n.bracket),
                None,
            )
            if value is not None and number.family == "percent" and value.family == "points":
                number = replace(number, family="points")
        own = re.search(r"points|pp", text[number.start : number.end]) is not None
        arrow = _LEVELS.search(text[: number.start]) or re.match(r" ?(?:→|->)", text[number.end :])
        minuend = text[number.start] in "-−–" and _MINUEND.search(text[: number.start]) is not None
        level = bool(arrow or _DIFFERENCE.match(text[number.end :]) or minuend)
        if number.family == "points" and not own and level:
            number = replace(number, family="percent")  # "45.1 points below (65.5 → 20.3)": the two levels
        made.append(number)
    return made


class Checker:
    """The record of a case, prepared once for many sentences."""

    def __init__(self, state: CaseState, classes: Sequence[str], values: Mapping[str, Any]) -> None:
        self.state = state
        self.lexicon: Lexicon = lexicon_of(state, classes, values)
        self.atoms: list[Atom] = atoms(state, self.lexicon)
        self._recorded = Recorded(self.atoms)
        self._cited = Cited(state, self.lexicon, self.atoms, statements(state, self.lexicon))
        self._measures = Measures(self.atoms)
        self._findings = Standing(state, self.lexicon, self.atoms)
        self._topics = Topics(state, self.atoms, self.lexicon)
        self._properties = Properties(state)
        self._references = References(state, self.lexicon, self._findings)
        self._done = Done(state, self.lexicon)
        self._ties = Ties(state, self.lexicon)
        known = Known(state, self.lexicon, self._measures, self.atoms)
        self._signs = (Signs(known), Cues(known), Settled(known))
        self._directions = Directions(state)
        self._counts = Counts(state, self._measures, classes)
        self._sweeping, self._overall = Sweeping(state, self._measures), Overall(state, self._measures)
        self._plainly, self._pooled = Plainly(state, self.atoms), Pooled(self.atoms)
        self._outright = Outright(state, self._measures, self.atoms)
        self._turn = frozenset(of_this_turn(state))
        self._bounds = [a.value for a in self.atoms if a.metric == "bound" and not a.refs]
        self._totals, self._classes = whole_sets(self.atoms), whole_classes(self.atoms)
        self._unmeasured, self._quoted = Unmeasured(state), Quoted(state)
        self._known = known_words(state, self.lexicon)
        told = [c.action for e in state.evidence for c in e.corrections] + [
            n for e in state.evidence for n in (*e.notes, *e.next_steps)
        ]
        self._told = [
            (t.lower(), {w[:5] for w in re.findall(r"[a-z]{5,}", t.lower())}) for t in dict.fromkeys(told)
        ]
        self._said = _said(state)
        self._edges = {
            float(w)
            for a in self.atoms
            for w in a.row
            if a.row and a.row[0][0].isdigit() and re.fullmatch(r"[\d.]+", w)
        }
        self._variants = list({id(c.variants): c.variants for a in self.atoms for c in a.when}.values())
        self._ids = {e.id for e in state.evidence} | {r.id for r in state.records.values()}

    def check(self, text: str) -> Checked:
        """All claims of ``text``, its placeholders filled in: what was put there from the record holds."""
        filled = fill(
            text, self.state, lambda what, rest: say(what, rest, self.lexicon, self._measures, self.state)
        )
        if not filled.made and not filled.unknown:
            return Checked(text, self._claims(text))
        spans = [(c.start, c.end) for c in (*filled.made, *filled.unknown)]
        rest = (
            c for c in self._claims(filled.text)
            if not any(a <= c.start and c.end <= b for a, b in spans)
        )  # fmt: skip
        claims = sorted((*filled.made, *filled.unknown, *rest), key=lambda c: (c.start, c.end))
        return Checked(filled.text, tuple(claims))

    def _claims(self, text: str) -> tuple[Claim, ...]:
        """The claims of the sentences; the numbers of a table are those of its cells, each with its row and head."""
        outline, ledger = (
            Outline(text),
            Ledger(self._bounds, self._unmeasured.asked, self._totals, self._classes),
        )
        claims = self._sentences(text, outline, ledger)
        for row in rows(text, self.lexicon) if "|" in text else ():
            claims = [c for c in claims if c.kind != "number" or not row.start <= c.start < row.end]
            ledger.drop(row.start, row.end)
            for cell in row.cells:
                claims += self._cell(cell, outline.at(row.start), ledger)
        made = ledger.computed()
        claims = [
            replace(c, ok=True, refs=made[c.start], reason="", named=False)
            if c.kind == "number" and not c.ok and c.reason != OTHER_WAY and c.start in made else c
            for c in claims
        ]  # fmt: skip
        lines = typed(text)  # a person is asked to type them: they state nothing
        claims = [c for c in claims if not any(a <= c.start and c.end <= b for a, b in lines)]
        return marked_once(sorted(claims, key=lambda c: (c.start, c.end)))

    def _cell(self, cell: Cell, over: Scope, ledger: Ledger) -> Iterator[Claim]:
        """The numbers of a cell, where they stand in the answer."""
        shift = cell.start - cell.at
        ledger.shift = shift
        for claim in self._sentences(cell.said, Outline(cell.said, over), ledger):
            if claim.kind == "number" and cell.at <= claim.start < cell.at + cell.end - cell.start:
                yield replace(claim, start=claim.start + shift, end=min(claim.end + shift, cell.end))

    def _sentences(self, text: str, outline: Outline, ledger: Ledger) -> list[Claim]:
        claims: list[Claim] = []
        found = _ends(text, sorted(numbers(text), key=lambda n: n.start))
        context = Names()
        line = -1
        for sentence in sentences(text):
            scope = outline.at(sentence.start)
            over = self.lexicon.find(scope.lead)
            if scope.line != line and (scope.listed or over.entities | over.splits):
                context = over
            line = scope.line
            reading = read(text, sentence, self.lexicon, context)
            if reading.whole.entities:
                reading = read(text, sentence, self.lexicon, Names(splits=over.splits))
            if not reading.whole.splits and (split := self._plainly.split_of(reading.whole.evidence)):
                reading = replace(reading, carried=replace(reading.carried, splits=frozenset({split})))
            inside = [
                n for n in found if sentence.start <= n.start < sentence.end and not is_name(n, reading)
            ]
            claims += self._names(reading, supposed=scope.supposed)
            if not reading.part.rstrip().endswith("?") and not (scope.head and "|" in reading.part):
                claims += self._numbers(reading, inside, scope, ledger)
                claims += [] if scope.supposed else self._said_of(reading, inside, scope)
                own = [c for c in claims if sentence.start <= c.start < sentence.end]
                counted = [
                    c for c in own if c.ok and c.kind == "rank"
                ]  # "four of the five rooms": counted as a whole
                claims = [
                    c for c in claims if c.ok or c.kind != "number" or not any(meet(c, r) for r in counted)
                ]
                silent = (
                    None
                    if scope.supposed or scope.head or self._plainly.none_of(reading)
                    else unsupported(reading, own)
                )
                claims += [silent] if silent is not None else []
            context = reading.whole if reading.whole.entities | reading.whole.splits else context
        return claims

    def _said_of(self, at: Reading, inside: Sequence[Number], scope: Scope) -> list[Claim]:
        """What a sentence says of findings and in words; a heading that names none says it of what stands below."""
        quoted = list(self._quoted.claims(at))
        if quoted:
            return quoted
        made = [*self._findings.claims(at), *self._worded(at, inside)]
        if scope.head and not at.whole.entities | at.whole.findings | at.whole.evidence:
            made = [c for c in made if c.ok or c.kind != "verdict"]
        return made

    def _worded(self, at: Reading, inside: Sequence[Number]) -> list[Claim]:
        """What is said in words: comparisons, ranks, tendencies; first by the rules for one turn of phrase, then by parts."""
        made = [
            *consistent(at, inside), *self._topics.claims(at), *comparisons(at, self._measures, self.state),
            *tendencies(at, self._measures), *masked(at, self._measures), *ranks(at, self._measures),
        ]  # fmt: skip
        made = [c for c in made if not hedged(at.part, c.start - at.sentence.start)]
        made += self._properties.claims(at)
        made += rarity(at, self._measures)
        made += quantified(at, self._measures)
        made += self._references.claims(at)
        made += self._done.claims(at)
        made += self._ties.claims(at, made)
        made += self._directions.claims(at, inside)
        made += self._counts.claims(at, inside)
        for signs in self._signs:
            made += signs.claims(at)
        read = reconciled(made, [*relations(at, self._measures), *superlatives(at, self._measures)])
        read = [
            *(hardly(at, c) for c in read),
            *self._sweeping.claims(at),
            *self._overall.claims(at),
            *self._outright.claims(at),
        ]
        return [
            c
            for c in read
            if c.ok
            or c.kind != "comparison"
            or not (turned(at, c) or but_one(at) or wanted(at, c) or by_its_numbers(at, c))
        ]

    def _names(self, at: Reading, *, supposed: bool) -> Iterator[Claim]:
        taken: list[tuple[int, int]] = []
        for start, end, reason in (
            *self.lexicon.unknown(at.part),
            *strangers(at, self.lexicon, looked=self._unmeasured.looked),
            *(() if supposed else unseen(at, self._known)),
            *origins(at, self._known),
        ):
            if any(one < end and start < other for one, other in taken):
                continue
            taken.append((start, end))
            yield Claim("name", at.sentence.start + start, at.sentence.start + end, False, (), reason)
        for match in ID.finditer(at.part):
            if match[0] not in self._ids and not is_f1(at.part, match.start()):
                start = at.sentence.start + match.start()
                yield Claim("name", start, start + len(match[0]), False, (), f"there is no {match[0]}")

    def _numbers(
        self, at: Reading, inside: Sequence[Number], scope: Scope, ledger: Ledger
    ) -> Iterator[Claim]:
        refs = self._said.get(_bare(at.part))
        if refs is not None:  # quoted whole
            for number in inside:
                own = [a for a in self._recorded.near(number) if set(a.refs) & set(refs)]
                if own:
                    ledger.note(number, own, at, scope)
                yield Claim("number", number.start, number.end, True, refs)
            return
        inside = [n for n in inside if not self._repeats(at, n)]
        cites = [self._cites(at, n) for n in inside]
        for number, holding, reason in ground(at, inside, self._recorded, cites):
            if not holding:
                holding = self._from_source(number, at, inside, scope)
            supposed = scope.supposed or _IF.search(at.text[at.sentence.start : number.start]) is not None
            if not holding and ((supposed and number.word) or self._unmeasured(number, at, scope)):
                continue
            if not holding and reason == NOT_CITED and self._set_against(number, at, inside, cites):
                holding = matched(number, bound(number, at, inside), self._recorded, frozenset())
            ledger.note(number, holding, at, scope)
            held = dict.fromkeys(r for a in holding for r in a.refs)
            cited = at.whole.evidence | at.whole.findings
            ordered = tuple(
                sorted(held, key=lambda r: (r not in cited, r not in scope.near, r not in scope.over))
            )
            claim = weighed("number", number.start, number.end, bool(holding), ordered, reason)
            yield replace(claim, named=told_of(number, at, holding))

    def _from_source(self, number: Number, at: Reading, inside: Sequence[Number], scope: Scope) -> list[Atom]:
        """The values that a number may be of the evidence that the sentence cites, else its line, else what stands over it."""
        own = at.whole.evidence | at.whole.findings
        around, near = bound(number, at, inside), list(self._recorded.near(number))
        wider = (
            () if at.whole.findings else (scope.near, scope.over, self._turn)
        )  # a finding that is named is meant
        for ids in dict.fromkeys((own, *wider)):
            found = self._cited.held(number, around, near, self._cited.sources(ids), scope) if ids else []
            if found:
                return found
        plainly = self._plainly
        return (
            plainly.with_interval(number, at, near)
            or plainly.of_each(number, at, near)
            or plainly.of_a_count(number, at, near)
            or plainly.of_a_goal(number, at)
            or self._pooled.held(number, at)
        )

    def _set_against(
        self, number: Number, at: Reading, inside: Sequence[Number], cites: Sequence[frozenset[str]]
    ) -> bool:
        """Whether a number is what the value of the cited evidence is compared with: it may stand elsewhere."""
        return (_COMPARES.search(at.part) is not None or len(at.whole.splits) > 1) and any(
            matched(n, bound(n, at, inside), self._recorded, ids)
            for n, ids in zip(inside, cites, strict=True) if ids and n is not number and n.family == number.family
        )  # fmt: skip

    def _repeats(self, at: Reading, number: Number) -> bool:
        """A number in words that a recorded sentence has too, or that counts the classes which the sentence lists."""
        if not number.word:
            digits = f"{abs(number.value):g}"
            return any(v.repeats(digits, at.part) for v in self._variants) or (
                "confiden" in at.part
                and _BIN.search(at.part) is not None
                and any(abs(number.value - e) <= max(number.half, 0.05) for e in self._edges)
            )
        word = at.text[number.start : number.end].lower()
        if (
            number.family == "plain"
            and _THE.search(at.text[: number.start])
            and _SETS.match(at.text, number.end)
        ):
            return True
        listed = number.value in (len(at.whole.classes), len(at.pairs))
        terms = re.search(r"\((?P<sum>[\d.,]+(?: ?%)?(?: ?\+ ?[\d.,]+| ?, ?[\d.,]+| and [\d.,]+)+)", at.part)
        if (
            terms is not None
            and number.family == "plain"
            and number.value == len(re.findall(r"[\d.]+", terms["sum"]))
        ):
            return True
        several = (
            len(at.whole.findings), len(at.whole.attributes),
            *(len(self.lexicon.values.get(a, ())) for a in at.about.attributes),
        )  # fmt: skip
        if (
            number.family == "plain"
            and number.value in several
            and re.match(
                r" (?:\w+ )?(?:findings|shortcuts|cues|cases|shifts|slices|attributes)", at.text[number.end :]
            )
        ):
            return True
        if (
            number.family == "plain"
            and listed
            and re.match(
                r" (?:of the \w+ )?(?:\w+ )?(?:classes|rooms|confusions|mix-ups)", at.text[number.end :]
            )
        ):
            return True
        mine = {w[:5] for w in re.findall(r"[a-z]{5,}", at.part.lower())}
        behind = re.search(r"\ball $", at.text[: number.start], re.IGNORECASE) is not None
        if number.family == "plain" and behind and number.value in (*several, len(at.whole.classes)):
            return True
        return any(word in told and len(mine & stems) >= 3 for told, stems in self._told)

    def _cites(self, at: Reading, number: Number) -> frozenset[str]:
        """The evidence cited behind a number: the next reference, of which one id has to hold it."""
        behind = [m for m in at.mentions if m.kind == "evidence" and m.start > number.start]
        if not behind:
            before = {m.name for m in at.mentions if m.kind == "evidence" and m.start < number.start}
            return (
                frozenset(before)
                if len(before) == 1
                and len(at.whole.evidence) == 1
                and min(m.start for m in at.mentions if m.kind == "evidence") - at.sentence.start < 30
                else frozenset()
            )
        first = behind[0]
        apart = at.text[number.end : first.start]
        if len(apart) > 60 and re.search(r"[,;] (?:and|but|while|whereas)\b[^\[\]]*\d", apart):
            return frozenset()  # it stands behind another clause with numbers of its own
        group = [m for m in behind if m.start - first.start < 16]
        kept = {m.name for m in group} | {
            m.name for m in at.mentions if m.kind == "finding" and abs(m.start - first.start) < 16
        }
        return frozenset(kept)
