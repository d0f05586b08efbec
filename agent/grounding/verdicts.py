"""Claims about findings: verdicts, what was done about them, causes, and what a cited finding is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import CAUSE, HEDGE, KINDS, NEGATION, STATUS, VERDICTS
from failsight.agent.grounding.names import Names
from failsight.agent.grounding.settings import Reading
from failsight.agent.grounding.sources import NOTHING, finding_names
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Finding
from failsight.agent.grounding.names import Lexicon

_AHEAD = re.compile(r"\b(?:to be|be|get|getting|until|unless|before|to)\s+$")
_QUANTIFIED = re.compile(r"\b(?:none|not (?:a single )?one|neither|no (?:finding|shortcut|hypothesis))\b[^,;]*$", re.IGNORECASE)
_COUNTED = re.compile(r"^\s+(?:findings?|hypothes[ei]s|ones?|slices|groups)\b")
_CORRECTION = re.compile(r"repair|correct|fix|collect|retrain|cover|weigh|propos|finding|problem|model|shortcut|bug|\bF\d+", re.IGNORECASE)
_EXPERIMENT = re.compile(r"\bexperiment\w*|\bmask(?:ing|ed) (?:test|experiment)|\btest by masking|\bmasking\b", re.IGNORECASE)
_SUBJECT = re.compile(r"model|predict|classif|network|\bit\b|error|fail|wrong|answer|score|confus|accura|recogni|call|mistak|\bsay|\bdrop|\bshift|\bloss|perform|recall|precision", re.IGNORECASE)
_MET = re.compile(r"\b(?:met|fulfilled|satisfied|reached|holds?|passed|passes|pass|achieved|meets?|fulfils?|satisf(?:y|ies)|reaches|clears|exceeds)\b|\bfails?\b|\bfailed\b|\bmisse[sd]\b|\bbelow\b|\bshort of\b|\bfalls short\b|\bunmet\b", re.IGNORECASE)
_UNMET = re.compile(r"fail|miss|below|short|unmet", re.IGNORECASE)
_PULLS = re.compile(r"\bpulls?\b|\bdraws?\b|\bdrawn to\b|\battracts?\b|\bsigns? of\b|\bshortcuts? (?:for|to)\b|\bcues? for\b|\bgoes? along with the answer\b|\blures?\b|\bsteers?\b|\bpush(?:es)?\b", re.IGNORECASE)
_OUT = re.compile(r"\b(?:left out|leave out|excluded|skipped|ignored)\b", re.IGNORECASE)
_CRITERION = re.compile(r"\bexpectations?\b|\bcriteri(?:a|on)\b|\breadiness\b|\bbars?\b|\btargets?\b|\brequirements?\b|\bgoals?\b|\bdemands?\b", re.IGNORECASE)
_READY = re.compile(r"\b(?:is|are|looks|seems|was|judged|be) (?P<not>not (?:yet )?|far from )?(?:\w+ )?ready\b|\bgood enough\b|\bfit for (?:use|deployment)\b", re.IGNORECASE)


class Findings:
    """The findings of a case and what may be said of them."""

    def __init__(self, state: CaseState, lexicon: Lexicon) -> None:
        self.state = state
        self.lexicon = lexicon
        self.named = [(r, self._about(r)) for r in state.records.values()] + list(self._tried())

    def _about(self, record: FindingRecord) -> Names:
        names = finding_names(record.finding, self.lexicon)
        other = frozenset(c for c in (record.finding.confused_with,) if c)
        return names | Names(classes=other | self.lexicon.find(record.finding.statement).classes)

    def claims(self, reading: Reading) -> Iterator[Claim]:
        """All claims about findings of one sentence."""
        yield from self._verdicts(reading)
        yield from self._status(reading)
        yield from self._causes(reading)
        yield from self._cited(reading)
        yield from self._expectations(reading)
        yield from self._left_out(reading)
        yield from self._associations(reading)

    # --- verdicts

    def _verdicts(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        for verdict, pattern in VERDICTS.items():
            for match in pattern.finditer(part):
                before, after = part[: match.start()], part[match.end() :]
                if not _QUANTIFIED.search(before) and HEDGE.search(re.sub(r"hypothes\w+", "", before[-60:])) or _AHEAD.search(before) and not _QUANTIFIED.search(before):
                    continue
                if _COUNTED.match(after) and not at.whole.findings and (not at.whole.entities or re.match(r"\s+\w+s\b", after)):
                    continue  # "13 confirmed findings": a count, checked as a number
                about = self.resolve(at)
                if about is None:
                    continue
                yield self._judged(at, verdict, match, about)

    def _judged(self, at: Reading, verdict: str, match: re.Match[str], about: Sequence[FindingRecord]) -> Claim:
        part = at.part
        negated = bool(NEGATION.search(part[max(0, match.start() - 24) : match.start()])) and verdict != "open"
        wanted = None if verdict == "open" else verdict
        before = part[: match.start()]
        everyone = len(at.whole.findings) > 1 or bool(_QUANTIFIED.search(before) or re.search(r"\b(?:all|every|each|both)\b", before))
        agreeing = [r for r in about if (r.finding.verdict == wanted) != negated]
        if verdict == "confirmed" and not negated and not re.search(r"\bno experiment|\bwithout (?:an |any )?experiment|\bnot (?:by|through)", part) and _EXPERIMENT.search(part) and "test" not in at.whole.splits:
            agreeing = [r for r in agreeing if _tested(r)]
        ok = bool(agreeing) and (len(agreeing) == len(about) or not everyone)
        reason = "" if ok else "the record gives another verdict" if about else "no such finding"
        refs = tuple(x for r in agreeing[:1] for x in (*r.evidence[-1:], r.id))
        start = at.sentence.start + match.start()
        return Claim("verdict", start, start + len(match[0]), ok, refs, reason)

    def resolve(self, at: Reading) -> list[FindingRecord] | None:
        """The findings that a sentence speaks of; None where it speaks of none in particular."""
        whole = at.whole if at.whole.entities | at.whole.findings else at.whole | at.carried
        kinds = {k for k, words in KINDS.items() if words.search(at.part)}
        if whole.findings:
            return [r for r in self.state.records.values() if r.id in whole.findings]
        if at.whole.evidence and not whole.entities:
            return [r for r in self.state.records.values() if any(t.evidence in at.whole.evidence for t in r.finding.tests)]
        if whole.entities:
            found = [r for r, names in self.named if speaks_of(names, whole)]
            if not found and len(whole.attributes) > 1:  # several findings, each with its own attribute
                each = [[r for r, n in self.named if n.attributes == {a}] for a in sorted(whole.attributes)]
                found = [r for some in each for r in some] if all(each) else []
            if _EXPERIMENT.search(at.part) or whole.evidence:
                tests = [r for r in found if any(t.evidence in whole.evidence or t.tool.startswith("test_") for t in r.finding.tests)]
                found = tests or found
            of_kind = [r for r in found if r.finding.kind in kinds]
            alike = [r for r in found if self._exact(r, whole)] if "slice" in at.part or not of_kind else []
            return alike or of_kind or found
        if kinds:
            return [r for r in self.state.records.values() if r.finding.kind in kinds]
        return None

    def _tried(self) -> Iterator[tuple[FindingRecord, Names]]:
        """Slices that were tested and not reported: a verdict without a finding."""
        for made in self.state.evidence:
            for table in made.tables:
                if "verdict" not in table.columns or table.columns[0] != "slice":
                    continue
                at = table.columns.index("verdict")
                for row in table.rows:
                    names = self.lexicon.find(str(row[0]))
                    if row[at] in ("confirmed", "refuted", "inconclusive"):
                        finding = Finding("weak_slice", "correctness", "unknown", str(row[0]), dict(names.values), verdict=row[at])  # type: ignore[arg-type]
                        yield FindingRecord(f"{made.id}:{row[0]}", finding, (made.id,)), names

    def _exact(self, record: FindingRecord, whole: Names) -> bool:
        own = frozenset((record.finding.slice or {}).keys())
        return own == whole.attributes and frozenset({record.finding.class_name} - {None}) == whole.classes and bool(own)

    # --- what was done

    def _status(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        for match in STATUS.finditer(part):
            before = part[: match.start()]
            if HEDGE.search(before) or NEGATION.search(before[-40:]) or _AHEAD.search(before) or not _CORRECTION.search(part):
                continue
            if re.search(r"\b(?:half|were|was) (?:of \w+ )?$", before) and "retrained" in match[0]:
                continue
            wanted = {"verified"} if "verified" in match[0].lower() else {"applied", "verified"}
            done = [c for e in self.state.evidence for c in e.corrections if c.status in wanted]
            done += [c for r in self.state.records.values() for c in r.corrections if c.status in wanted]
            about = self.resolve(at)
            keys = {r.finding.key for r in about} if about is not None else None
            ok = any(keys is None or c.finding in keys for c in done)
            start = at.sentence.start + match.start()
            yield Claim("status", start, start + len(match[0]), ok, (), "" if ok else "the record holds no such repair")

    # --- causes

    def _causes(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        match = CAUSE.search(part)
        if match is None or HEDGE.search(re.sub(r"hypothes\w+", "", part)) or NEGATION.search(part[: match.start()][-20:]):
            return
        link = re.search(r"because|due to|thanks|owing|explain", match[0], re.IGNORECASE)
        if match[0].lower().startswith(("the model", "the network", "the classifier")) and re.search(r"salien|map", part):
            return
        if not _SUBJECT.search(part) and not (at.whole.entities and not link) and match.start() > 2:
            return
        tested = self._experimental(at)
        start = at.sentence.start + match.start()
        reason = "" if tested else "a cause needs a finding that an experiment confirmed"
        refs = tuple(x for r in tested[:1] for x in (*r.evidence[-1:], r.id))
        yield Claim("cause", start, start + len(match[0]), bool(tested), refs, reason)

    def _experimental(self, at: Reading) -> list[FindingRecord]:
        """The findings confirmed by an experiment about just what the sentence names; every attribute needs its own."""
        whole = at.whole if at.whole.attributes | at.whole.findings else at.whole | at.carried
        tested = [(r, n) for r, n in self.named if _tested(r)]
        if not whole.attributes:
            return [r for r, n in tested if r.id in whole.findings and whole.classes <= n.classes]
        made = []
        for name in sorted(whole.attributes):
            own = [r for r, n in tested if name in n.attributes and not _opposite(n, whole)]
            if len(whole.attributes) == 1:
                own = [r for r in own if not whole.classes or whole.classes & self._classes(r) and self._right_class(r, at)]
            if not own:
                return []
            made += own
        return made

    def _classes(self, record: FindingRecord) -> frozenset[str]:
        return frozenset({record.finding.class_name or ""})

    def _right_class(self, record: FindingRecord, at: Reading) -> bool:
        """Other classes may be named only as those whose images are mistaken."""
        return record.finding.class_name in at.whole.classes

    def _associations(self, at: Reading) -> Iterator[Claim]:
        """What pulls predictions towards a class, or is a sign of it: a finding has to say so."""
        match = _PULLS.search(at.part)
        if match is None or HEDGE.search(at.part) or NEGATION.search(at.part[: match.start()][-20:]):
            return
        if not at.whole.attributes or not at.whole.classes:
            return
        signs = [(r, n) for r, n in self.named if r.finding.kind == "spurious_correlation" and r.finding.verdict != "refuted"]
        known = [r for r, n in signs if n.attributes & at.whole.attributes and r.finding.class_name in at.whole.classes]
        covered = {a for r in known for a in (r.finding.slice or {})}
        ok = at.whole.attributes <= covered
        start = at.sentence.start + match.start()
        refs = tuple(x for r in known[:1] for x in (*r.evidence[-1:], r.id)) if ok else ()
        yield Claim("verdict", start, start + len(match[0]), ok, refs, "" if ok else "no finding says so")

    # --- what a finding is about

    def _cited(self, at: Reading) -> Iterator[Claim]:
        """A sentence that names one finding speaks of what that finding is about."""
        cited = [m for m in at.mentions if m.kind == "finding" and self.state.find(m.name) is not None]
        if len({m.name for m in cited}) != 1:
            return
        names = next(n for r, n in self.named if r.id == cited[0].name)
        strange = (at.whole.classes - names.classes) if names.classes else NOTHING
        strange = strange | ((at.whole.attributes - names.attributes) if names.attributes else NOTHING)
        wrong = [m for m in at.mentions if m.name in strange]
        both = at.whole.entities & names.entities
        if wrong and not (both and len(at.whole.classes) > 1 and not at.whole.attributes - names.attributes):
            yield Claim("name", wrong[0].start, wrong[0].end, False, (), f"{cited[0].name} is about something else")
        if at.whole.splits & {"pool"} and "pool" not in names.splits:
            spot = next(m for m in at.mentions if m.kind == "split" and m.name == "pool")
            yield Claim("name", spot.start, spot.end, False, (), f"{cited[0].name} is about something else")

    def _left_out(self, at: Reading) -> Iterator[Claim]:
        """What a note says was left out."""
        match = _OUT.search(at.part)
        if match is None or not at.whole.attributes or HEDGE.search(at.part):
            return
        notes = [(e.id, self.lexicon.find(n).attributes) for e in self.state.evidence for n in e.notes if _OUT.search(n)]
        ref = next((i for i, names in notes if at.whole.attributes <= names), "")
        start = at.sentence.start + match.start()
        yield Claim("status", start, start + len(match[0]), bool(ref), (ref,) if ref else (), "" if ref else "no note says so")

    # --- expectations

    def _expectations(self, at: Reading) -> Iterator[Claim]:
        """Which of the expectations hold, and whether the model is ready."""
        part = at.part
        readiness = self.state.latest("readiness")
        if readiness is None or HEDGE.search(part):
            return
        match = _READY.search(part)
        if match is not None:
            is_ready = any(f.name == "readiness" and f.value == "ready" for f in readiness.facts)
            says = not (match["not"] or NEGATION.search(part[: match.end()]))
            yield self._expected(at, match, is_ready == says, readiness.id)
        match = _MET.search(part)
        named = [n for n in self.state.expectations if re.search(re.escape(n).replace("_", "[_ ]"), part, re.IGNORECASE)]
        if match is None or not _CRITERION.search(part) or at.whole.attributes or re.search(r"\beffect\b", part):
            return
        held = _holding(readiness)
        wanted = [held[n] for n in named if n in held] or list(held.values())
        says = bool(_UNMET.search(match[0])) == bool(NEGATION.search(re.sub(r"\bno\b", " ", part[: match.start()])))
        if re.search(r"\bneither\b|\bnone\b|\bno (?:criterion|expectation)", part, re.IGNORECASE):
            says = bool(_UNMET.search(match[0]))
        yield self._expected(at, match, all(h == says for h in wanted), readiness.id)

    def _expected(self, at: Reading, match: re.Match[str], ok: bool, ref: str) -> Claim:
        start = at.sentence.start + match.start()
        return Claim("status", start, start + len(match[0]), ok, (ref,) if ok else (), "" if ok else "the readiness check says otherwise")


def _holding(readiness: object) -> dict[str, bool]:
    made: dict[str, bool] = {}
    for table in getattr(readiness, "tables", ()):
        if "holds" in table.columns and "name" in table.columns:
            at, name = table.columns.index("holds"), table.columns.index("name")
            made.update({str(row[name]): str(row[at]) == "yes" for row in table.rows})
    return made


def _tested(record: FindingRecord) -> bool:
    """Whether an experiment (not only counting) confirmed a finding."""
    tests = record.finding.tests
    return record.finding.verdict == "confirmed" and any(
        t.tool.startswith("test_") and t.verdict == "confirmed" for t in tests
    )


def _opposite(names: Names, whole: Names) -> bool:
    return False


def speaks_of(names: Names, whole: Names) -> bool:
    """Whether a finding is about what the sentence names: all attributes named, and a class that it knows."""
    if whole.attributes:
        if not whole.attributes <= names.attributes:
            return False
        if any((a, v) not in names.values for a, v in whole.values if a in names.attributes):
            return False
        return not whole.classes or not names.classes or bool(whole.classes & names.classes)
    return bool(whole.classes & names.classes) and not names.attributes and not (
        whole.classes - names.classes and len(whole.classes) == 1
    )
