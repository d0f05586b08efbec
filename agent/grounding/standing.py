"""Claims about how things stand: repairs, expectations, what was left out, and what a cited finding is about."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.expected import Expected
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import KINDS, NEGATION, STATUS
from failsight.agent.grounding.names import Lexicon, Mention
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import DATA, NOTHING, Atom
from failsight.agent.grounding.tried import in_evidence
from failsight.agent.grounding.verdicts import AHEAD, MANY
from failsight.agent.state import CaseState

_CORRECTION = re.compile(
    r"repair|correct|fix|collect|retrain|cover|weigh|propos|finding|problem|model|shortcut|bug|\bF\d+",
    re.IGNORECASE,
)


_OUT = re.compile(
    r"\b(?:left out|leave out|(?:could|can) ?not be used|not usable|left aside|excluded|skipped|ignored)\b",
    re.IGNORECASE,
)


_CHECKED = re.compile(
    r"\b(?:checked|tested|examined|verified) (?:by|with|in|through) (?:an? )?(?:masking|experiments?)\b",
    re.IGNORECASE,
)


_ACCOUNTED = re.compile(
    r"\b(?:explained|accounted for|covered|absorbed) by (?:the )?(?:\w+ )?(?:slices?|groups?|findings?|others?)\b|\bmerged\b|\b(?:folded|absorbed) into\b",
    re.IGNORECASE,
)
_SIGNIFICANT = re.compile(r"\b(?P<not>in|non-?|not (?:statistically )?)?significant(?:ly)?\b", re.IGNORECASE)


_DENIES = re.compile(
    r"\b(?:no|not|none|nothing|nobody|never|neither|nor|without|wrong|whether|cannot|unless|until|yet|or)\b|n't\b",
    re.IGNORECASE,
)

_HOW_MANY = re.compile(rf"(?<![\w.])(?P<n>\d+(?![.\d])|{'|'.join(MANY[1:])})\b", re.IGNORECASE)


class Standing(Expected):
    """The findings of a case, with what was done about them and how they stand."""

    def __init__(self, state: CaseState, lexicon: Lexicon, atoms: Sequence[Atom]) -> None:
        super().__init__(state, lexicon)
        self.levels = [
            a for a in atoms if ("p" in (a.part, a.metric) or "q" in (a.part, a.metric)) and not a.told
        ]

    def claims(self, reading: Reading) -> Iterator[Claim]:
        """All claims about findings of one sentence."""
        yield from super().claims(reading)
        yield from self._experimented(reading)
        yield from self._status(reading)
        yield from self._cited(reading)
        yield from self._shown(reading)
        yield from self._elsewhere(reading)
        yield from self._expectations(reading)
        yield from self._left_out(reading)
        yield from self._significant(reading)
        yield from self._nobody(reading)
        yield from self._accounted(reading)

    def _nobody(self, at: Reading) -> Iterator[Claim]:
        """``13 refuted findings``, ``six were inconclusive``: a verdict that nothing, or another number of things, has."""
        for word in ("refuted", "inconclusive"):
            for match in re.finditer(rf"\b{word}\b", at.part):
                before = re.split(r"[;:|]|, (?:and|but)\b| but ", at.part[: match.start()])[-1]
                if hedged(at.part, match.start()) or _DENIES.search(before):
                    continue
                ids, whole = at.whole.evidence, at.whole
                if (
                    ids
                    and not whole.findings
                    and set(in_evidence(self.state, self.lexicon, ids, whole)) == {word}
                ):
                    continue  # the rows of the table that is cited say so
                behind = re.match(
                    r"(?: \w+)? (?P<what>findings?|shortcuts?|hypotheses|experiments?|(?:masking )?tests?|slices?)\b",
                    at.part[match.end() :],
                )
                slices = "slice" in (behind["what"] if behind else at.part)
                some = [r for r, _ in self.named if r.finding.verdict == word and (slices or ":" not in r.id)]
                many = next(reversed(list(_HOW_MANY.finditer(before))), None)
                counted = (
                    many is not None
                    and (
                        behind is not None
                        or re.search(r"(?:were|are|was|is|came out|ended up|stayed) $", before)
                    )
                    and not at.whole.entities
                )
                wrong = not some and (word == "refuted" or behind is not None or counted)
                if not wrong and counted and many is not None and some:
                    n = many["n"].lower()
                    wrong = (int(n) if n.isdigit() else MANY.index(n)) > len(some)
                if many is not None and many["n"] == "0" and behind is None:
                    wrong = bool(some)
                if wrong:
                    start = at.sentence.start + match.start()
                    yield Claim(
                        "verdict",
                        start,
                        start + len(word),
                        False,
                        (),
                        "nothing has this verdict" if not some else "the record counts others",
                    )

    def _significant(self, at: Reading) -> Iterator[Claim]:
        """``The drop of kitchen is significant``: by its q value, else its p value."""
        match = _SIGNIFICANT.search(at.part)
        if match is None or hedged(at.part, match.start()):
            return
        if not at.about.entities | at.about.splits:
            yield from self._gap_significant(at, match)
            return
        names = at.about
        levels = [
            a for a in self.levels
            if a.names.classes == names.classes and a.names.attributes == names.attributes and (a.names.splits == names.splits or (not names.splits and a.names.splits == DATA)
                or a.names.splits - DATA == names.splits - DATA != frozenset())
        ]  # fmt: skip
        if re.search(r"\b(?:drops?|chang\w+|loss|loses?|falls?|declin\w+|gains?|rises?)\b", at.part):
            levels = [a for a in levels if len(a.names.splits) > 1] or levels
        if not levels:
            return
        best = [a for a in levels if "q" in (a.part, a.metric)] or levels
        low = all(a.value <= 0.05 for a in best)
        if not low and any(a.value <= 0.05 for a in best):
            return
        denied = (
            match["not"] is not None
            or NEGATION.search(at.part[max(0, match.start() - 24) : match.start()]) is not None
        )
        start = at.sentence.start + match.start()
        ok = low != denied
        yield weighed(
            "verdict",
            start,
            start + len(match[0]),
            ok,
            best[0].refs[:1] if ok else (),
            "the record gives another p value",
        )

    def _accounted(self, at: Reading) -> Iterator[Claim]:
        """``Its excess is explained by other slices``: those that were tried and merged."""
        match = _ACCOUNTED.search(at.part)
        if match is None or not at.about.attributes:
            return
        found = [
            row for e in self.state.evidence for t in e.tables if "verdict" in t.columns and t.columns[0] == "slice"
            for row in t.rows if self.lexicon.find(str(row[0])).attributes == at.about.attributes
        ]  # fmt: skip
        if found:
            start = at.sentence.start + match.start()
            ok = any("merged" in (str(c) for c in row) for row in found)
            yield weighed("verdict", start, start + len(match[0]), ok, (), "the record says otherwise")

    def _gap_significant(self, at: Reading, match: re.Match[str]) -> Iterator[Claim]:
        """``The gap between confidence and accuracy is significant``."""
        found = [
            r
            for r in self.state.records.values()
            if r.finding.kind == "overconfidence" and r.finding.p is not None
        ]
        if found and re.search(r"\bgap\b|confiden", at.part, re.IGNORECASE):
            denied = match["not"] is not None or NEGATION.search(
                at.part[max(0, match.start() - 24) : match.start()]
            )
            ok = (float(found[0].finding.p or 0) <= 0.05) != bool(denied)
            start = at.sentence.start + match.start()
            yield weighed(
                "verdict",
                start,
                start + len(match[0]),
                ok,
                (found[0].id,) if ok else (),
                "the record gives another p value",
            )

    def _experimented(self, at: Reading) -> Iterator[Claim]:
        """``the pull of the sofa was checked by an experiment``: one has to have been made."""
        match = _CHECKED.search(at.part)
        if match is None or not at.whole.attributes or hedged(at.part, match.start()):
            return
        said = NEGATION.search(at.part[max(0, match.start() - 16) : match.start()]) is None
        made = {
            a
            for e in self.state.evidence
            if e.tool.startswith("test_")
            for a in self.lexicon.find(
                str(e.arguments.get("region", "")).replace("box:", "the box of ")
            ).attributes
        }
        ok = (at.whole.attributes <= made) if said else not at.whole.attributes & made
        start = at.sentence.start + match.start()
        yield weighed("status", start, start + len(match[0]), ok, (), "the record says otherwise")

    def _status(self, at: Reading) -> Iterator[Claim]:
        part = at.part
        for match in STATUS.finditer(part):
            before = part[: match.start()]
            if (
                hedged(part, match.start())
                or NEGATION.search(before[-60:])
                or AHEAD.search(before)
                or not _CORRECTION.search(part)
            ):
                continue
            if re.search(r"\bhalf (?:of \w+ )?$", before) and "retrained" in match[0]:
                continue
            wanted = {"verified"} if "verified" in match[0].lower() else {"applied", "verified"}
            done = [c for e in self.state.evidence for c in e.corrections if c.status in wanted]
            done += [c for r in self.state.records.values() for c in r.corrections if c.status in wanted]
            about = self.resolve(at)
            keys = {r.finding.key for r in about} if about is not None else None
            ok = any(keys is None or c.finding in keys for c in done)
            start = at.sentence.start + match.start()
            yield weighed("status", start, start + len(match[0]), ok, (), "the record holds no such repair")

    def _cited(self, at: Reading) -> Iterator[Claim]:
        """A sentence that names one finding speaks of what that finding is about."""
        cited = [m for m in at.mentions if m.kind == "finding" and self.state.find(m.name) is not None]
        if cited:
            yield from self._kinds(at, cited)
        if cited and re.fullmatch(
            r"(?:[EF]\d+|[\s,()–-]|and|to|or)*", at.text[cited[0].start : cited[-1].end]
        ):
            for name in dict.fromkeys(m.name for m in cited):
                yield from self._kind(at, name)
        if len({m.name for m in cited}) != 1:
            return
        names = next(n for r, n in self.named if r.id == cited[0].name)
        strange = (at.whole.classes - names.classes) if names.classes else NOTHING
        strange = strange | ((at.whole.attributes - names.attributes) if names.attributes else NOTHING)
        typed = {(m.name, m.value) for m in at.mentions if "=" in at.text[m.start : m.end]}
        strange = strange | {a for a, _ in typed - names.values if a in names.attributes}
        strange = strange | self._outside(at, cited[0].name)
        wrong = [m for m in at.mentions if m.name in strange]
        both = at.whole.entities & names.entities
        if wrong and not (both and len(at.whole.classes) > 1 and not at.whole.attributes - names.attributes):
            yield Claim(
                "name", wrong[0].start, wrong[0].end, False, (), f"{cited[0].name} is about something else"
            )
        return

    def _outside(self, at: Reading, name: str) -> frozenset[str]:
        """``F8, kitchens with a cat``: the class that has the attribute is the finding's own."""
        record = self.state.find(name)
        own = record.finding.class_name if record is not None else None
        if own is None or record is None or record.finding.kind not in ("rare_case", "weak_slice"):
            return NOTHING
        for one, other in itertools.pairwise(at.mentions):
            if one.kind == "class" and other.kind == "attribute" and one.name != own:
                between = at.text[one.end : other.start]
                if re.match(
                    r"s? (?:images )?(?:with|without|that (?:show|have|contain)|showing|containing) ",
                    between + " ",
                ):
                    return frozenset({one.name})
        return NOTHING

    def _kinds(self, at: Reading, cited: Sequence[Mention]) -> Iterator[Claim]:
        """``The three shifts are F1, F2 and F3``."""
        lead = at.part[: cited[0].start - at.sentence.start]
        match = re.search(r"\b(?P<kind>[\w-]+(?: [\w-]+)?)(?: \([^)]*\))?(?: (?:are|is|were)|:) $", lead)
        kinds = {k for k, words in KINDS.items() if match is not None and words.search(match["kind"])}
        for mention in cited if kinds else ():
            record = self.state.find(mention.name)
            if record is not None:
                ok = record.finding.kind in kinds
                yield weighed(
                    "verdict",
                    mention.start,
                    mention.end,
                    ok,
                    (mention.name,) if ok else (),
                    f"{mention.name} is of another kind",
                )

    def _kind(self, at: Reading, name: str) -> Iterator[Claim]:
        """``F6 is a rare case``: it has to be one."""
        record = self.state.find(name)
        match = re.search(
            r"\b(?:is|as|was|are|were)(?: \w+)?(?: as)? (?:(?:an?|the) )?(?:\w+ )?(?P<kind>\w+(?: \w+)?)",
            at.part,
        )
        if record is None or match is None:
            return
        kinds = {k for k, words in KINDS.items() if words.search(match["kind"])}
        if kinds and record.finding.kind not in kinds:
            start = at.sentence.start + match.start("kind")
            yield Claim("verdict", start, start + len(match["kind"]), False, (), f"{name} is of another kind")

    def _shown(self, at: Reading) -> Iterator[Claim]:
        """A sentence that cites one experiment speaks of what that experiment tested."""
        cited = [m for m in at.mentions if m.kind == "evidence"]
        if len(cited) == 1:
            yield from self._of_class(at, cited[0].name)
        if len(cited) != 1 or not at.whole.attributes:
            return
        own = [
            n
            for r, n in self.named
            if any(t.evidence == cited[0].name and t.tool.startswith("test_") for t in r.finding.tests)
        ]
        strange = at.whole.attributes - own[0].attributes if own else NOTHING
        if strange == at.whole.attributes and strange:
            spot = next(m for m in at.mentions if m.name in strange)
            yield Claim("name", spot.start, spot.end, False, (), f"{cited[0].name} is about something else")

    def _of_class(self, at: Reading, name: str) -> Iterator[Claim]:
        """Evidence that was made for one class says nothing of another."""
        made = next((e for e in self.state.evidence if e.id == name), None)
        if made is None or len(at.whole.classes) != 1:
            return
        asked = " ; ".join(
            str(v) for k, v in made.arguments.items() if k.endswith("class") or k.startswith("class")
        )
        own = self.lexicon.find(asked).classes
        if (
            own
            and not own & at.whole.classes
            and not self.lexicon.find(made.summary).classes & at.whole.classes
        ):
            spot = next(m for m in at.mentions if m.kind == "class")
            yield Claim("name", spot.start, spot.end, False, (), f"{name} is about something else")

    def _elsewhere(self, at: Reading) -> Iterator[Claim]:
        cited = [m for m in at.mentions if m.kind == "finding" and self.state.find(m.name) is not None]
        if len({m.name for m in cited}) != 1:
            return
        names = next(n for r, n in self.named if r.id == cited[0].name)
        if at.whole.splits & {"pool"} and "pool" not in names.splits:
            spot = next(m for m in at.mentions if m.kind == "split" and m.name == "pool")
            yield Claim("name", spot.start, spot.end, False, (), f"{cited[0].name} is about something else")

    def _left_out(self, at: Reading) -> Iterator[Claim]:
        """What a note says was left out."""
        match = _OUT.search(at.part)
        if match is None or not at.whole.attributes or hedged(at.part, match.start()):
            return
        ids = at.whole.evidence
        rows = in_evidence(self.state, self.lexicon, ids, at.whole) if match[0].lower() == "excluded" else []
        if rows and all(row == "excluded" for row in rows):  # the verdict of a gap, and not what was left out
            start = at.sentence.start + match.start()
            yield weighed("verdict", start, start + len(match[0]), True, tuple(sorted(ids)[:1]), "")
            return
        notes = [
            (e.id, self.lexicon.find(n).attributes)
            for e in self.state.evidence
            for n in e.notes
            if _OUT.search(n)
        ]
        ref = next((i for i, names in notes if at.whole.attributes <= names), "")
        start = at.sentence.start + match.start()
        yield Claim(
            "status",
            start,
            start + len(match[0]),
            bool(ref),
            (ref,) if ref else (),
            "" if ref else "no note says so",
        )
