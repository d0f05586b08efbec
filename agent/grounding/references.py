"""What a sentence says a piece of evidence or a finding is: each id is held against the words that stand with it.

"E9 is the television test, E10 the stools": the sentence is cut between its ids, and each piece has to name something of
what its id is about, and nothing of what only another one is about.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import KINDS
from failsight.agent.grounding.names import Lexicon, Mention, gather, only
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import NOTHING
from failsight.agent.grounding.verdicts import Findings
from failsight.agent.state import CaseState

#: tool → how a sentence speaks of what it finds out
TOPICS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(words, re.IGNORECASE))
    for name, words in (
        ("describe_case", r"\bwhat (?:there is|we have)\b|\binventory\b|\bparameters\b|\binput size\b|\bthe case\b"),
        ("evaluate", r"\baccura\w+|\brecalls?\b|\bprecision\b|\bperformance\b|\bevaluat(?:e|ed|ion (?:result|figure|table|number)s?)\b|\bhow well\b"),
        ("confusion_matrix", r"\bconfusions?\b|\bmix-?ups?\b|\bmistaken for\b|\btaken for\b|\bconfused\b"),
        ("confidence_profile", r"\bcalibrat\w+|\bconfiden\w+|\breliability\b|\bece\b"),
        ("data_statistics", r"\bstatistics\b|\bbrightness\b|\bsharpness\b|\bjpeg\b|\bcontrast\b|\bsaturation\b|\bduplicates?\b|\bimage quality\b|\bdarker\b|\bless sharp\b|\bpictures are like\b|\bmedians?\b|\blook alike\b"),
        ("find_slices", r"\bslices?\b|\bgroups?\b|\bgroup search\b|\bsearch\b|\bsubsets?\b|\bweak spots?\b"),
        ("saliency", r"\bsalien\w+|\bheat ?maps?\b|\battention\b|\bgrad-?cam\b|\bmaps?\b"),
        ("test_", r"\bmask\w*|\bcover\w*|\bhid\w*|\bexperiments?\b|\btests?\b"),
        ("propose_correction", r"\brepairs?\b|\bcorrections?\b|\bpropos\w+|\bfix(?:es)?\b|\bremed\w+"),
        ("readiness", r"\bread(?:y|iness)\b|\bcriteri\w+|\bverdict on the model\b"),
    )
)  # fmt: skip
_OF_KIND: dict[str, str] = {
    "distribution_shift": r"\bdrops?\b|\bcollaps\w+|\bloss(?:es)?\b|\bloses?\b|\bdeclin\w+|\bdeployment\b|\bfalls?\b|\bin use\b|\bshifts?\b",
    "rare_case": r"\brare\w*|\bslices?\b|\bgroups?\b|\bweak spots?\b|\berrors?\b|\bwrong\b|\bsubsets?\b|\bfail\w*",
    "weak_slice": r"\bslices?\b|\bgroups?\b|\bweak spots?\b|\berrors?\b|\bwrong\b|\bsubsets?\b|\bfail\w*",
    "spurious_correlation": r"\bshortcuts?\b|\bcues?\b|\bsigns?\b|\bassociation\b|\bpull\w*|\bspurious\w*|\bprops?\b|\bcorrelat\w+",
    "overconfidence": r"\bover-?confiden\w+|\bconfiden\w+|\bcalibrat\w+|\bsurer\b",
    "overfitting": r"\bover-?fit\w*|\bby heart\b|\bmemori[sz]\w*",
}  # fmt: skip
_LIST = re.compile(r"(?:[\s,()\[\]/–-]|and|to|or|&|through)*")
_LINK = re.compile(
    r"\brests? (?:up)?on\b|\bbacks?\b|\bbacked by\b|\bbased on\b|\bdecided (?:by|in)\b|\bsettled (?:by|in)\b|\braised (?:by|in)\b|\bdrawn from\b|\btested (?:by|in)\b|\bcomes? from\b|\bmeasured in\b|\bconfirmed (?:by|in)\b|\bbehind\b|\bsupports?\b",
    re.IGNORECASE,
)
_PROPOSAL = re.compile(r"\bpropos\w+|\brepairs?\b|\bcorrections?\b|\bfirst step\b", re.IGNORECASE)
_STRATEGIES = tuple(
    (name, re.compile(words, re.IGNORECASE))
    for name, words in (
        ("feature_specific", r"\bcover(?:ing)?\b|\bhid(?:e|ing)\b"), ("collect", r"\bcollect(?:ing)?\b|\bgather(?:ing)?\b"), ("cut_and_paste", r"\bcut and paste\b|\bpast(?:e|ing)\b"),
        ("loss_weighting", r"\bloss[- ]weight\w*|\bweigh(?:t|ing|ting)?\b|\bmore weight\b"), ("typical_augmentation", r"\baugment\w*"),
        ("adapt_normalisation", r"\bnormali[sz]ation\b|\bre-?estimat\w+"), ("hard_examples", r"\bhard examples\b"),
    )
)  # fmt: skip
_SAME_BUG = re.compile(
    r"\b(?:flip side|same (?:bug|problem|cause|thing|root)|one (?:and the same|bug|problem)|two sides|counterpart|go together|belong together)\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\bnot\b|n't\b|\bno\b|\bneither\b|\bnor\b|\bwithout\b|\bnever\b", re.IGNORECASE)
_MEASURED = re.compile(r"\d(?:[\d,.]*\d)? ?(?:%|points|images|pictures)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a sentence with the ids of which it speaks."""

    ids: tuple[Mention, ...]
    start: int
    end: int


class References:
    """What each piece of evidence and each finding is about."""

    def __init__(self, state: CaseState, lexicon: Lexicon, findings: Findings) -> None:
        self._strategies: dict[str, list[str]] = {}
        keys = {r.finding.key: r.id for r in state.records.values()}
        for made in state.evidence:
            for correction in made.corrections:
                self._strategies.setdefault(keys.get(correction.finding, ""), []).append(correction.strategy)
        self._classes = {
            r.id: r.finding.class_name
            for r in state.records.values()
            if r.finding.kind in ("rare_case", "weak_slice") and r.finding.class_name
        }
        self._tools = {e.id: e.tool for e in state.evidence}
        self._kinds = {r.id: r.finding.kind for r in state.records.values()}
        self._evidence = {
            r.id: {*r.evidence, *(t.evidence for t in r.finding.tests if t.evidence)}
            for r in state.records.values()
        }
        self._about = {r.id: n for r, n in findings.named if r.id in self._kinds}
        self._asked = {}
        for made in state.evidence:
            asked = " ; ".join(
                str(v)
                for k, v in made.arguments.items()
                if v and (k.endswith("class") or k.startswith("class") or k == "region")
            )
            self._asked[made.id] = lexicon.find(asked.replace("box:", "the box of "))
            for fact in made.facts:
                if fact.of.startswith("finding ") and fact.of[8:] in self._evidence:
                    self._evidence[fact.of[8:]].add(made.id)

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of each id, checked."""
        ids = [
            m
            for m in at.mentions
            if m.kind in ("finding", "evidence") and (m.name in self._tools or m.name in self._kinds)
        ]
        if not ids or hedged(at.part, ids[0].start - at.sentence.start):
            return
        pieces = list(_pieces(at, ids))
        for piece in pieces:
            judged = self._judged(at, piece, len(pieces) > 1)
            if judged is not None:
                spot = piece.ids[0]
                refs = tuple(m.name for m in piece.ids) if judged else ()
                yield weighed(
                    "name", spot.start, spot.end, judged, refs, f"{spot.name} is about something else"
                )
        yield from self._linked(at, ids)
        yield from self._same(at, ids)
        yield from self._proposed(at, ids)

    def _judged(self, at: Reading, piece: _Piece, several: bool) -> bool | None:
        """Whether a piece names what its ids are about (True), what only others are about (False), or neither."""
        text = at.text[piece.start : piece.end]
        names = gather(at.mentions, piece.start, piece.end)
        own = [self._fits(m.name, text) for m in piece.ids]
        attributes, classes = self._subjects(piece)
        if _NOT.search(text):
            return True if any(own) else None
        if len(piece.ids) == 1 and self._outside(at, piece):
            return False
        if (
            attributes
            and names.attributes
            and not names.attributes & attributes
            and (several or not names.classes)
        ):
            return False
        if (
            classes
            and names.classes
            and not names.classes & classes
            and (several or (len(piece.ids) > 1 and all(m.kind == "finding" for m in piece.ids)))
            and not names.attributes & attributes
        ):
            return False
        if (
            any(own)
            or (attributes and names.attributes & attributes)
            or (classes and names.classes & classes)
        ):
            return True
        if not all(any(self._tools.get(m.name, "").startswith(t) for t, _ in TOPICS) for m in piece.ids):
            return None  # of what it may speak is not known
        tools = {t for t, words in TOPICS if words.search(text)}
        if (
            (several or len(text.split()) < 11)
            and tools
            and all(m.kind == "evidence" for m in piece.ids)
            and not _MEASURED.search(text)
        ):
            return False
        return None

    def _outside(self, at: Reading, piece: _Piece) -> bool:
        """``F10, the bathrooms with stools``: the class that has the thing is not the finding's own."""
        own = self._classes.get(piece.ids[0].name)
        inside = [
            m for m in at.mentions if piece.start <= m.start < piece.end and m.kind in ("class", "attribute")
        ]
        return own is not None and any(
            one.kind == "class" and other.kind == "attribute" and one.name != own
            and re.match(r"s? (?:images |pictures )?(?:with|without|that (?:show|have|contain)|showing|containing) ", at.text[one.end : other.start] + " ")
            for one, other in itertools.pairwise(inside)
        )  # fmt: skip

    def _fits(self, name: str, text: str) -> bool:
        if name in self._tools:
            return any(self._tools[name].startswith(tool) and words.search(text) for tool, words in TOPICS)
        kind = self._kinds[name]
        return re.search(_OF_KIND.get(kind, kind.replace("_", " ")), text, re.IGNORECASE) is not None or (
            kind in KINDS and KINDS[kind].search(text) is not None
        )

    def _subjects(self, piece: _Piece) -> tuple[frozenset[str], frozenset[str]]:
        """Attributes and classes of the ids of a piece; empty where one of them is about everything."""
        found = [self._about[m.name] if m.name in self._about else self._asked[m.name] for m in piece.ids]
        attributes = (
            NOTHING.union(*(n.attributes for n in found)) if all(n.attributes for n in found) else NOTHING
        )
        classes = NOTHING.union(*(n.classes for n in found)) if all(n.classes for n in found) else NOTHING
        return attributes, classes

    def _same(self, at: Reading, ids: Sequence[Mention]) -> Iterator[Claim]:
        """``F7 is the flip side of F11``: both speak of the same thing."""
        match = _SAME_BUG.search(at.part)
        names = list(dict.fromkeys(m.name for m in ids if m.name in self._about))
        if match is None or len(names) != 2 or _NOT.search(at.part):
            return
        one, other = (self._about[n].attributes for n in names)
        ok = bool(one & other) or not (one or other)
        yield weighed(
            "name",
            ids[-1].start,
            ids[-1].end,
            ok,
            tuple(names) if ok else (),
            "they are about different things",
        )

    def _proposed(self, at: Reading, ids: Sequence[Mention]) -> Iterator[Claim]:
        """``Cut and paste is among the proposals for F1``: a correction of that strategy was proposed for it."""
        findings = {m.name for m in ids if m.kind == "finding"}
        word = _PROPOSAL.search(at.part)
        if len(findings) != 1 or word is None or _NOT.search(at.part):
            return
        own = self._strategies.get(only(frozenset(findings)), ())
        said = [(m, name) for name, words in _STRATEGIES if (m := words.search(at.part)) is not None]
        if not own or len(said) != 1:
            return
        match, name = said[0]
        ok = (
            own[0] == name
            if re.search(r"\bfirst\b|\brank(?:ed)? (?:1|one|first)\b", at.part)
            else name in own
        )
        start = at.sentence.start + match.start()
        refs = (only(frozenset(findings)),) if ok else ()
        yield weighed("status", start, start + len(match[0]), ok, refs, "another repair was proposed")

    def _linked(self, at: Reading, ids: Sequence[Mention]) -> Iterator[Claim]:
        """``F5 rests on E4``: a finding and evidence of it."""
        link = _LINK.search(at.part)
        if link is None or _NOT.search(at.part):
            return
        for one, other in itertools.pairwise(ids):
            between = at.text[one.end : other.start]
            if one.kind == other.kind or not _LINK.search(between) or len(between) > 60:
                continue
            finding, made = (one, other) if one.kind == "finding" else (other, one)
            ok = made.name in self._evidence.get(finding.name, set())
            yield weighed(
                "name", made.start, made.end, ok, (made.name,), f"{finding.name} does not rest on {made.name}"
            )


def _pieces(at: Reading, ids: Sequence[Mention]) -> Iterator[_Piece]:
    """A sentence cut between its ids; ids of one list stay together."""
    groups: list[list[Mention]] = []
    for mention in ids:
        if (
            groups
            and _LIST.fullmatch(at.text[groups[-1][-1].end : mention.start])
            and groups[-1][-1].kind == mention.kind
        ):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    start = at.sentence.start
    for here, following in itertools.zip_longest(groups, groups[1:]):
        end = at.sentence.end
        if following is not None:
            between = at.text[here[-1].end : following[0].start]
            cuts = [m.end() for m in re.finditer(r"[;,]\s|\band\b|\bwhile\b", between)]
            bracket = re.match(r"\s?\([^()]*\)", between)
            behind = [c for c in cuts if bracket is None or c > bracket.end()]
            end = here[-1].end + (behind[0] if behind else len(between) if bracket else len(between) // 2)
        yield _Piece(tuple(here), start, end)
        start = end
