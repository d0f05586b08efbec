"""Claims about findings: verdicts, causes, and what draws predictions to a class."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from failsight.agent.grounding.about import finding_names, slice_of
from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import CAUSE, KINDS, NEGATION, VERDICTS
from failsight.agent.grounding.names import Lexicon, Names, gather
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.reasons import names_no_cause, of_oneself, of_shares
from failsight.agent.grounding.subjects import by_experiment, clause_of_verdict, speaks_of
from failsight.agent.grounding.tried import in_evidence, of_rows, tried
from failsight.agent.state import CaseState, FindingRecord

AHEAD = re.compile(
    r"(?<!out )(?<!found )(?<!shown )(?<!proved )(?<!out to )(?<!found to )(?<!shown to )(?<!proved to )\b(?:to be|be|get|getting|until|unless|before|to)\s+(?:an? )?$"
)


_CAME_OUT = re.compile(
    r"\b(?:was|were|is|are|has been|have been|remains?|stays?|came out|turned out|ended|got)(?: (?:to be|as|tested and|still|now|already))* $",
    re.IGNORECASE,
)
_MAY = re.compile(r"\b(?:may|might|could|would|if|should|shall|can|perhaps|maybe)\b|\?")
_QUANTIFIED = re.compile(
    r"\b(?:none|not (?:a single )?one|neither|no (?:finding|shortcut|hypothesis))\b[^,;|]*$", re.IGNORECASE
)


_NOT_KNOWN = re.compile(
    r"\b(?:nobody|no one|nothing|not|never|no (?:test|experiment)|unclear|unknown|open)\b[^,;:]*\b(?:establish\w*|known?|knows|shown?|shows|tests?|tested|clear|settled|say|tell|whether|which|why|what|how)\b[^;:]*$|n't\b[^,;:]*\b(?:know|tell|say|established|shown|tested)\b[^;:]*$|\b(?:whether|(?<!, )which|why)\b[^;:]*$",
    re.IGNORECASE,
)
_AS_A_WHOLE = re.compile(
    r"\boverall\b|\bas a whole\b|\bon (?:its|their) own\b|\bby (?:itself|themselves)\b|\bas one (?:big )?group\b|\btaken together\b|\bin general\b",
    re.IGNORECASE,
)
MANY = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NOT_HELD = re.compile(r"\bhold\b|fell through", re.IGNORECASE)
_SO_MANY = re.compile(
    rf"(?:[;,]|\band|\bbut|\bwhile) (?:only |just )?(?P<n>{'|'.join(MANY[1:])}) (?:of them |finding |hypothesis )?(?:was|were|is|are|has been|have been|remains?|stays?|came out) (?:still )?$",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"\ball\b[^,;.]{0,40}\bbut\b|\b(?:all but|except(?: for)?|apart from|other than)\b", re.IGNORECASE
)
_ALL = re.compile(
    r"\b(?:(?<!\bin )all(?! in all)|every|each|none of|no|one of|some of|two of)\b (?:the |of the |\d+ |open |[a-z]+(?:teen|een|n|e|o|r|ve|ix|t) )?(?:hypothes[ei]s|findings?|masking tests|experiments)\b",
    re.IGNORECASE,
)
#: "13 findings are (confirmed)": a count, checked as a number
_COUNT_OF = re.compile(
    r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|\w+teen|eleven|twelve)) (?:of the )?(?:\w+ )?(?:findings|hypotheses|ones) (?:are|were|have been|got) $|(?:(?<![EF\d])\d+|\b(?:two|three|four|five|six|seven|eight|nine|ten)) (?:\w+ ){0,3}(?:as )?$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"^\s+(?:findings?|hypothes[ei]s|ones?|slices|groups)\b")


_NO_GAP = re.compile(r"\bno (?:\w+ )?(?:gaps?|differences?|excess)\b[^.;,]*$", re.IGNORECASE)
_EXPERIMENT = re.compile(
    r"\bexperiment\w*|\bmask(?:ing|ed) (?:test|experiment)|\btest by masking|\bmasking\b", re.IGNORECASE
)


_SUBJECT = re.compile(
    r"model|predict|classif|network|\bit\b|error|fail|wrong|answer|score|confus|accura|recogni|call|mistak|\bsay|\bdrop|\bshift|\bloss|perform|recall|precision|\bfalls?\b",
    re.IGNORECASE,
)


_PULLS = re.compile(
    r"\bpulls?\b(?! (?:\w+ )?saliency)|\b(?:tends? to be|(?:are|is|get|gets) (?:often|usually|mostly)) (?:called|taken for|mistaken for)\b|\bdraws?\b(?! (?:\w+ )?(?:saliency|attention))|\bdrawn to\b|\battracts?\b|\bsigns? of\b|\bshortcuts? (?:for|to)\b|\bcues? for\b|\bgoes? along with the answer\b|\blures?\b|\bsteers?\b|\bpush(?:es)?\b",
    re.IGNORECASE,
)


_AWAY = re.compile(
    r"\b(?:lowers?|reduces?|decreases?|cuts?) (?:the )?(?:share|chance|probability|likelihood|odds|number)\b|\baway from\b|\bweighs? against\b|\bspeaks? against\b|\bdetracts? from\b|\bagainst the answer\b",
    re.IGNORECASE,
)


_NO_EVIDENCE = re.compile(
    r"\bno (?:\w+ ){0,2}?(?:evidence|proof|indication|hint|experiment|test)\b(?: (?:here|so far|yet|anywhere|in the record|at all))*,? (?:that|for|of)\b[^,;]*$",
    re.IGNORECASE,
)
_MERELY = re.compile(
    r"\bassociations? only\b|\b(?:only|just|merely|no more than|nothing but) (?:an? )?(?:association|correlation)|\bcorrelations? only\b|\b(?:maps?|saliency) (?:prove|show|conclude|establish|settle)s? nothing\b",
    re.IGNORECASE,
)


_ONE_TEST = re.compile(
    r"\bby (?:one|another|its own|the \w+) test\b|\bby (?:an)?other\b|\btests?\b[^.;|]*\[E|\bby (?:masking|swapping)\b",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(r"\bopen\b|\bundecided\b", re.IGNORECASE)
_LABEL_OR_THAT = re.compile(r"^\W*\*\*[^*]+\*\*|\btested (?:that|this|it)\b", re.IGNORECASE)


def _around(at: Reading, match: re.Match[str]) -> Names:
    """What the stretch of a sentence between semicolons, or the cell of a row, names around a place."""
    cuts = [0, *(m.start() for m in re.finditer(r"; |\|", at.part)), len(at.part)]
    begin, end = next((a, b) for a, b in itertools.pairwise(cuts) if a <= match.start() < b)
    return gather(at.mentions, at.sentence.start + begin, at.sentence.start + end)


def _own_subject(at: Reading) -> bool:
    """``**The sky:** not tested yet``, ``I have not tested that``: what is spoken of is no thing of the case."""
    return not at.whole.entities | at.whole.findings and _LABEL_OR_THAT.search(at.part) is not None


class Findings:
    """The findings of a case and what may be said of them."""

    def __init__(self, state: CaseState, lexicon: Lexicon) -> None:
        self.state = state
        self.lexicon = lexicon
        self._rows = of_rows(state, lexicon)
        self.named = [(r, self._about(r)) for r in state.records.values()] + list(tried(state, lexicon))

    def _about(self, record: FindingRecord) -> Names:
        names = finding_names(record.finding, self.lexicon)
        other = frozenset(c for c in (record.finding.confused_with,) if c)
        return names | Names(classes=other | self.lexicon.find(record.finding.statement).classes)

    def claims(self, reading: Reading) -> Iterator[Claim]:
        """All claims about findings of one sentence."""
        yield from self._verdicts(reading)
        yield from self._causes(reading)
        yield from self._associations(reading)

    def _verdicts(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        for verdict, pattern in VERDICTS.items():
            for match in pattern.finditer(part):
                before, after = part[: match.start()], part[match.end() :]
                denied = (
                    re.search(r"\b(?:could not|couldn't|cannot|can't|can not)\b", before[-40:]) is not None
                )
                if (
                    not denied
                    and not _QUANTIFIED.search(before)
                    and verdict != "open"
                    and not (_CAME_OUT.search(before) and not _MAY.search(part))
                    and hedged(part, match.start())
                ) or (AHEAD.search(before) and not denied and not _QUANTIFIED.search(before)):
                    continue
                if verdict == "open" and re.match(r" (?:by|with|in) (?:an? )?(?:experiment|masking)", after):
                    continue
                counted = _SO_MANY.search(before)
                if (
                    counted is not None
                    and _ALL.search(before) is None
                    and not at.whole.entities
                    and "slices" not in part
                ):
                    yield self._so_many(at, verdict, match, counted)
                    continue
                if re.match(r" (?:as (?:a|the) )?(?:causes?|links?|reasons?)\b", after) or (
                    _COUNT_OF.search(before) and not _ALL.search(before)
                ):
                    continue
                if (
                    _COUNTED.match(after)
                    and not at.whole.findings
                    and (not at.whole.entities or re.match(r"\s+\w+s\b", after))
                ):
                    continue  # "13 confirmed findings": a count, checked as a number
                if verdict == "open" and "test" in match[0].lower() and _own_subject(at):
                    continue  # of something that the record has no name for
                about = self.resolve(clause_of_verdict(at, match.start()))
                if verdict == "open" and "test" in match[0].lower() and not about:
                    continue  # nobody has tested it: no finding is about it
                if about is None or (not about and re.match(r"h[eo]lds? up", match[0], re.IGNORECASE)):
                    continue
                yield self._judged(at, verdict, match, about)

    def _judged(
        self, at: Reading, verdict: str, match: re.Match[str], about: Sequence[FindingRecord]
    ) -> Claim:
        part = at.part
        window = re.split(r"[:;,|]", part[max(0, match.start() - 24) : match.start()])[-1]
        nobody = _QUANTIFIED.search(part[: match.start()]) is not None or (
            not about
            and re.match(
                r"\W*no (?:\w+ )?(?:slices?|groups?|findings?|shortcuts?|cues?)\b", part, re.IGNORECASE
            )
            is not None
        )
        negated = (nobody or bool(NEGATION.search(window))) and verdict != "open"
        wanted = None if verdict == "open" else verdict
        before = part[: match.start()]
        everyone = (len({r.id for r in about}) > 1 and len(at.whole.findings) > 1) or bool(
            _QUANTIFIED.search(before) or re.search(r"\b(?:all|every|each|both)\b", before, re.IGNORECASE)
        )
        agreeing = [r for r in about if (r.finding.verdict == wanted) != negated]
        if not agreeing and not negated and _ONE_TEST.search(part):
            agreeing = [r for r in about if any(t.verdict == wanted for t in r.finding.tests)]
        if verdict == "open" and _UNDECIDED.search(match[0]):
            agreeing = agreeing or [r for r in about if r.finding.verdict == "inconclusive"]
        if verdict == "confirmed" and negated and _EXPERIMENT.search(part):
            agreeing = [r for r in about if not by_experiment(r)]
        if match[0].lower() == "undecided":
            agreeing = [r for r in about if r.finding.verdict in (None, "inconclusive")]
        if verdict == "refuted" and _NOT_HELD.search(match[0]):
            agreeing = [r for r in about if r.finding.verdict != "confirmed"]
        if match[0].lower().startswith("neither"):
            agreeing = [r for r in about if r.finding.verdict in ("inconclusive", None)]
            negated = False
        if (
            verdict == "confirmed"
            and not negated
            and not re.search(
                r"\bno (?:\w+ )?experiment|\bno masking|n't (?:been )?masked|(?:never|not) (?:been )?masked|without masking|\bno mask|\bwithout (?:an |any )?experiment|\bnot (?:by|through)|\bas an association",
                part,
            )
            and _EXPERIMENT.search(re.split(r"; ", part[match.start() :])[0] + part[: match.start()])
            and "test" not in at.whole.splits
        ):
            agreeing = [r for r in agreeing if by_experiment(r)]
        ok = bool(agreeing) and (len(agreeing) == len(about) or not everyone)
        ok = ok or (not about and negated and verdict == "confirmed")
        ok = ok or (
            not about and (self._never_tested(at, match[0]) or self._in_table(at, wanted or "inconclusive"))
        )
        ok = ok or self._of_rows_cited(at, verdict, negated=negated, before=before)
        reason = "" if ok else "the record gives another verdict" if about else "no such finding"
        refs = tuple(x for r in agreeing[:1] for x in (*r.evidence[-1:], r.id))
        start = at.sentence.start + match.start()
        return Claim("verdict", start, start + len(match[0]), ok, refs, reason)

    def _of_rows_cited(self, at: Reading, verdict: str, *, negated: bool, before: str) -> bool:
        """``refuted for all six operators [E24]``, ``no gap between the speed groups is confirmed [E21]``: the rows of the table say so."""
        if at.whole.findings or at.whole.classes:
            return False
        if verdict == "confirmed" and _NO_GAP.search(before):
            rows = in_evidence(self.state, self.lexicon, at.whole.evidence, at.whole)
            return bool(rows) and "confirmed" not in rows
        rows = in_evidence(self.state, self.lexicon, at.whole.evidence, at.whole) if at.whole.evidence else []
        return bool(rows) and not negated and all(row == verdict for row in rows)

    def _in_table(self, at: Reading, verdict: str) -> bool:
        """``airplane and bird are inconclusive``: a table of the record gives each thing that is named this verdict."""
        things = at.whole.classes or at.whole.attributes
        return bool(things) and all(verdict in self._rows.get(name, ()) for name in things)

    def _never_tested(self, at: Reading, said: str) -> bool:
        """``The plant has not been tested``: nothing in the record tested it, and it is a thing of the case."""
        whole = at.whole if at.whole.attributes else at.carried
        if "test" not in said.lower() or not whole.attributes:
            return False
        asked = (
            str(e.arguments[k]).replace("box:", "the box of ")
            for e in self.state.evidence
            if e.tool.startswith("test_")
            for k in ("region", "cue", "attribute", "slice")
            if e.arguments.get(k)
        )
        tested = {name for text in asked for name in self.lexicon.find(text).attributes}
        tested |= {
            a
            for r in self.state.records.values()
            if r.finding.verdict
            for a in slice_of(r.finding, self.lexicon)
        }
        return not whole.attributes & tested

    def _so_many(self, at: Reading, verdict: str, match: re.Match[str], counted: re.Match[str]) -> Claim:
        """``one was refuted``: so many findings have the verdict."""
        word = counted["n"].lower()
        many = int(word) if word.isdigit() else MANY.index(word)
        wanted = None if verdict == "open" else verdict
        ok = sum(r.finding.verdict == wanted for r in self.state.records.values()) == many
        start = at.sentence.start + match.start()
        return weighed("verdict", start, start + len(match[0]), ok, (), "the record counts others")

    def resolve(self, at: Reading) -> list[FindingRecord] | None:
        """The findings that a sentence speaks of; None where it speaks of none in particular."""
        whole = at.whole if at.whole.entities | at.whole.findings else at.whole | at.carried
        records = list(self.state.records.values())
        kinds = {k for k, words in KINDS.items() if words.search(at.part)}
        if whole.findings:
            but = _BUT.search(at.part)
            first = min(m.start for m in at.mentions if m.kind == "finding") if at.whole.findings else 0
            left_out = but is not None and first > at.sentence.start + but.start()
            some = [r for r in records if r.finding.kind in kinds] if left_out and kinds else records
            return [r for r in some if (r.id in whole.findings) != left_out]
        if at.whole.evidence and not whole.entities:
            return [r for r in records if any(t.evidence in at.whole.evidence for t in r.finding.tests)]
        if whole.entities:
            return self._about_these(at, whole, kinds)
        if _ALL.search(at.part) and re.search(r"\b(?:masking tests|experiments)\b", at.part):
            return [r for r in records if any(t.tool.startswith("test_") for t in r.finding.tests)]
        if _ALL.search(at.part):
            return records
        if kinds:
            return [r for r in records if r.finding.kind in kinds]
        if re.search(r"\bslices\b", at.part):
            held = [
                r
                for r in records
                if r.finding.slice and any(t.tool == "find_slices" for t in r.finding.tests)
            ]
            tried = [r for r, _ in self.named if ":" in r.id]
            return held + (tried if re.search(r"\btested\b|\btried\b|\bput to the test\b", at.part) else [])
        return None

    def _about_these(self, at: Reading, whole: Names, kinds: set[str]) -> list[FindingRecord]:
        """The findings about the classes and attributes that a sentence names."""
        found = [r for r, names in self.named if speaks_of(names, whole)]
        if not found and len(whole.attributes) > 1:  # several findings, each with its own attribute
            each = [[r for r, n in self.named if n.attributes == {a}] for a in sorted(whole.attributes)]
            found = [r for some in each for r in some] if all(each) else []
        if _EXPERIMENT.search(at.part) or whole.evidence:
            tests = [
                r for r in found
                if any(t.evidence in whole.evidence or t.tool.startswith("test_") for t in r.finding.tests)
            ]  # fmt: skip
            found = tests or found
        if (
            "slice" not in at.part and not whole.values and not _AS_A_WHOLE.search(at.part)
        ):  # a slice that was merely tried, only where it is meant
            found = [r for r in found if ":" not in r.id] or found
        if _AS_A_WHOLE.search(at.part) and not whole.classes:
            found = [
                r
                for r in found
                if ":" in r.id and set(slice_of(r.finding, self.lexicon)) == set(whole.attributes)
            ] or found
        of_kind = [r for r in found if r.finding.kind in kinds]
        alike = [r for r in found if self._exact(r, whole)] if "slice" in at.part or not of_kind else []
        return alike or of_kind or found

    def _exact(self, record: FindingRecord, whole: Names) -> bool:
        own = frozenset(slice_of(record.finding, self.lexicon))
        return (
            own == whole.attributes
            and frozenset({record.finding.class_name} - {None}) == whole.classes
            and bool(own)
        )

    def _causes(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        match = CAUSE.search(part)
        if match is None or hedged(part, match.start()) or NEGATION.search(part[: match.start()][-20:]):
            return
        if re.match(
            r"(?:explained|accounted for) by (?:\w+ ){0,2}(?:slices?|groups?|findings?)\b",
            part[match.start() :],
        ):
            return
        if _NOT_KNOWN.search(part[: match.start()]):
            return  # "nobody has established which of these is responsible"
        if re.search(
            r"\b(?:rather than|instead of|as opposed to|and not) (?:an? |the )?$", part[: match.start()]
        ):
            return
        if re.match(
            r"(?: (?:about|roughly|only|nearly|almost|just|some|over|more than|less than|at most(?: the)?|no more than(?: the)?))* (?:\d|half\b|an? (?:third|quarter|fifth)|most\b|the (?:bulk|majority|lion))",
            part[match.end() :],
        ):
            return  # "is responsible for 21 % of the errors": a share
        if of_oneself(part, match) or of_shares(at, match):
            return
        if names_no_cause(part, match) or self._repeats(part[match.end() :], at):
            return
        link = re.search(r"because|due to|thanks|owing|explain", match[0], re.IGNORECASE)
        if match[0].lower().startswith(("the model", "the network", "the classifier")) and re.search(
            r"salien|map", part
        ):
            return
        if (
            not _SUBJECT.search(part)
            and not (at.whole.entities and not link)
            and match.start() > 2
            and not (at.whole.classes | (at.whole.splits - {"data"}))
        ):
            return
        cuts = [0, *(m.start() for m in re.finditer(r"; ", part)), len(part)]
        begin, end = next((a, b) for a, b in itertools.pairwise(cuts) if a <= match.start() < b)
        own = gather(at.mentions, at.sentence.start + begin, at.sentence.start + end)
        tested = self._experimental(replace(at, whole=own) if own.attributes and len(cuts) > 2 else at)
        start = at.sentence.start + match.start()
        if _NO_EVIDENCE.search(part[: match.start()]) or (_MERELY.search(part) and not tested):
            if tested:
                yield Claim("cause", start, start + len(match[0]), False, (), "an experiment has shown it")
            return
        reason = "" if tested else "a cause needs a finding that an experiment confirmed"
        refs = tuple(x for r in tested[:1] for x in (*r.evidence[-1:], r.id))
        yield Claim("cause", start, start + len(match[0]), bool(tested), refs, reason)

    def _repeats(self, said: str, at: Reading) -> bool:
        """Whether what is given as the reason is itself a recorded sentence, not about anything in the pictures."""
        if (
            at.whole.attributes
            or not re.search(r"\b(?:is|are|was|were)\b", said)
            or len(re.findall(r"[a-z]{4,}", said)) < 2
        ):
            return False
        told = (
            t for e in self.state.evidence for t in re.split(r"(?<=[.;]) ", " ".join((e.summary, *e.notes)))
        )
        words = {w[:5] for w in re.findall(r"[a-z]{4,}", said.lower())}
        return any(
            len(words) >= 2 and words <= {w[:5] for w in re.findall(r"[a-z]{4,}", t.lower())} for t in told
        )

    def _experimental(self, at: Reading) -> list[FindingRecord]:
        """The findings confirmed by an experiment about just what the sentence names; every attribute needs its own."""
        whole = at.whole if at.whole.attributes | at.whole.findings else at.whole | at.carried
        tested = [(r, n) for r, n in self.named if by_experiment(r)]
        if not whole.attributes:
            return [r for r, n in tested if r.id in whole.findings and whole.classes <= n.classes]
        made = []
        for name in sorted(whole.attributes):
            own = [r for r, n in tested if name in n.attributes]
            if len(whole.attributes) == 1:
                own = [r for r in own if not whole.classes or r.finding.class_name in whole.classes]
            if not own:
                return []
            made += own
        return made

    def _associations(self, at: Reading) -> Iterator[Claim]:
        """What pulls predictions towards a class, or is a sign of it: a finding has to say so."""
        away = _AWAY.search(at.part)
        if (
            away is not None
            and at.whole.attributes
            and at.whole.classes
            and not hedged(at.part, away.start())
            and not _EXPERIMENT.search(at.part)
            and not re.search(r"\bhid|\bcover|\bwithout\b", at.part)
        ):
            start = at.sentence.start + away.start()
            yield Claim("verdict", start, start + len(away[0]), False, (), "no finding says so")
        match = _PULLS.search(at.part)
        if match is None or hedged(at.part, match.start()) or NEGATION.search(at.part[: match.start()][-20:]):
            return
        own = _around(at, match)
        if not own.attributes or not own.classes:
            return
        signs = [
            (r, n)
            for r, n in self.named
            if r.finding.kind == "spurious_correlation" and r.finding.verdict != "refuted"
        ]
        known = [r for r, n in signs if n.attributes & own.attributes and r.finding.class_name in own.classes]
        covered = {a for r in known for a in slice_of(r.finding, self.lexicon)}
        ok = own.attributes <= covered
        start = at.sentence.start + match.start()
        refs = tuple(x for r in known[:1] for x in (*r.evidence[-1:], r.id)) if ok else ()
        yield weighed("verdict", start, start + len(match[0]), ok, refs, "no finding says so")
