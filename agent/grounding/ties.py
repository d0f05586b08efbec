"""Which thing in the pictures a sentence ties to which class: the record has to hold that tie.

"A TV suggests living room, stools suggest dining room" names two ties; each is looked up among the associations, the
experiments and the slices of which the record says as what they are taken.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.about import slice_of
from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import NEGATION
from failsight.agent.grounding.names import Lexicon, Mention
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

_ABOUT = re.compile(
    r"\btowards?\b|\bdo(?:es)? for\b|\blean\w*|\btug\w*|\bnudg\w*|\btempt\w*|\btend\w*|\bshortcuts?\b|\bcues?\b|\bsigns? of\b|\bprops?\b|\bpull\w*|\bpush\w*|\bsuggest\w*|\bdriv\w+|\bdrove\b|\blead\w*|\bled\b|→|->|\bsays?\b|\banswers?\b|\bcall\w*|\bthinks?\b|\bscores?\b|\bassociat\w+|\brel(?:y|ies|ied)\b|"
    r"\blooks? for\b|\bgo(?:es)? along\b|\bmeans?\b|\bmistak\w+|\btaken for\b|\bspurious\w*|\battract\w*|\bdraw\w*|\blift\w*|\brais\w+|\btrigger\w*|\bswitch\w*|\bguess\w*|\bfavou?r\w*|\bbehind\b|\bpoints? (?:to|towards)\b|\blures?\b|\bsteers?\b|\bequat\w+|\blink\w*|\bstands? for\b|\bread as\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"→|->|\bfor\b|\bas\b|\bto(?:wards?)?\b|\bsays?\b|\banswer\w*|\bthinks?\b|\bsuggests?\b|\bmeans?\b|\bcall\w*|\bof\b|\bdriv\w+|\bpush\w*|\bpull\w*|\blift\w*|\brais\w+|\bleads?\b|\bfavou?r\w*|\btriggers?\b|\bwith\b|\bguess\w*|\binto\b|\bat\b|\band\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\bbecause of\b|\bdue to\b|\bbehind\b|\bis (?:the|an?)\b|\brel(?:y|ies|ied) on\b|\bdepends? on\b|\blooks? for\b|\buses?\b|\bfrom\b|\bby\b|\bfor\b|\bwhen(?:ever)? (?:it sees|there is)\b|\bis\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"^(?:s|es)?,? (?:(?:images|pictures|photos|rooms) )?(?:with|without|that (?:show|have|contain|lack)s?|showing|containing|lacking|having) (?:an? |the |no |any )?(?:[\w-]+ )?$",
    re.IGNORECASE,
)
_IN = re.compile(
    r"^(?:s|es)? (?:in|inside|of) (?:an?|the|its|their)?\s?(?:\w+ )?(?:images of |pictures of )?(?:an? )?$",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\b(?:other(?: than)?|not|isn't an?|aren't|non|no)[ -](?:an? )?$", re.IGNORECASE)
_AMOUNTS = (
    (r"nearly|almost|virtually|practically", 85, 100),
    (r"most|the majority", 50, 100),
    (r"hardly|scarcely|very few", 0, 12),
    (r"few|a minority", 0, 40),
)
_AMOUNT = re.compile(
    r"\b(?:(?:nearly|almost|virtually|practically) (?:all|every one)|the majority|most(?= (?:are|of them|get|end))|hardly any|scarcely any|very few|a minority|few)\b",
    re.IGNORECASE,
)
_PROVEN = re.compile(
    r"\b(?:proven|proved|proves|proof|experimental|experiment\w*|masking (?:test|experiment)s?|by masking|shown by|causes?|caused|causal\w*|itself)\b",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(
    r"\b(?:not?|never|nobody|none|only|alone|merely|without|yet|n't|association\w*|correlat\w*|except|unlike)\b|n't\b",
    re.IGNORECASE,
)
_RARELY = re.compile(
    r"\b(?:hardly|scarcely|barely|almost never) (?:ever )?|\b(?:rarely|seldom|never)\b", re.IGNORECASE
)
_CUT = re.compile(
    r"[;:]\s|\.\s|, (?:but|while|whereas|although|and)\b| but | while | whereas | [–—] ", re.IGNORECASE
)


class Ties:
    """The ties between things and classes that a case holds."""

    def __init__(self, state: CaseState, lexicon: Lexicon) -> None:
        known: dict[tuple[str, str], tuple[str, ...]] = {}
        for record in state.records.values():
            found = record.finding
            refs = (*record.evidence[-1:], record.id)
            for name, value in slice_of(found, lexicon).items():
                if found.kind == "spurious_correlation" and found.verdict != "refuted" and found.class_name:
                    known.setdefault((name, found.class_name), refs)
                if found.confused_with and value != "no":
                    known.setdefault((name, found.confused_with), refs)
        for made in state.evidence:
            if made.tool.startswith("test_"):
                region = lexicon.find(str(made.arguments.get("region") or "").replace("box:", "the box of "))
                for name in region.attributes:
                    known.setdefault((name, str(made.arguments.get("class_name"))), (made.id,))
        self._known = known
        self._pull = {
            (name, record.finding.class_name): 100 * record.finding.error_rate
            for record in state.records.values()
            if record.finding.kind == "spurious_correlation" and record.finding.error_rate is not None
            for name in slice_of(record.finding, lexicon)
        }
        self._proven = {
            name
            for record in state.records.values()
            if record.finding.verdict == "confirmed"
            and any(t.tool.startswith("test_") and t.verdict == "confirmed" for t in record.finding.tests)
            for name in slice_of(record.finding, lexicon)
        }
        self._things = {a for a, _ in known}

    def _only(self, at: Reading) -> Iterator[Claim]:
        """``Of the three cues masked, only the television mattered``: then no other one did."""
        match = re.search(r"\bonly (?:the |an? )?", at.part)
        if (
            match is None
            or not _MATTERS.search(at.part[match.end() :])
            or not _MASKED.search(at.part)
            or hedged(at.part, match.start())
        ):
            return
        following = [
            m for m in at.mentions if m.kind == "attribute" and m.start >= at.sentence.start + match.start()
        ]
        if following and following[0].start <= at.sentence.start + match.end() + 2 and self._proven:
            ok = {m.name for m in following} == self._proven
            yield weighed(
                "verdict", following[0].start, following[0].end, ok, (), "the record confirms others too"
            )

    def claims(self, at: Reading, taken: Sequence[Claim]) -> Iterator[Claim]:
        """Ties of a sentence that stand in words alone, checked."""
        begin = at.sentence.start
        yield from self._only(at)
        cuts = [0, *(m.start() for m in _CUT.finditer(at.part)), len(at.part)]
        if _ABOUT.search(at.part) is None:
            return
        for a, b in itertools.pairwise(cuts):
            inside = [
                m
                for m in at.mentions
                if begin + a <= m.start < begin + b and m.kind in ("attribute", "class")
            ]
            for thing, named in _tied(at.text, inside):
                if hedged(at.part, thing.start - begin) or NEGATION.search(
                    at.text[begin + a : max(thing.start, named.start)]
                ):
                    continue
                refs = self._known.get((thing.name, named.name))
                if (
                    refs
                    and _PROVEN.search(at.part)
                    and not _UNPROVEN.search(at.part)
                    and thing.name not in self._proven
                ):
                    yield Claim("verdict", thing.start, thing.end, False, (), "no experiment has shown this")
                    continue
                if refs and (rarely := _RARELY.search(at.part[a:b])) and thing.name in self._proven:
                    start = begin + a + rarely.start()
                    yield Claim(
                        "verdict", start, start + len(rarely[0]), False, (), "the record says the opposite"
                    )
                    continue
                amount = _AMOUNT.search(at.part[a:b])
                share = self._pull.get((thing.name, named.name))
                if (
                    refs
                    and amount is not None
                    and share is not None
                    and not any(m.kind == "class" and m.name != named.name for m in inside)
                ):
                    low, high = next(
                        (lo, hi) for words, lo, hi in _AMOUNTS if re.match(words, amount[0], re.IGNORECASE)
                    )
                    if not low <= share <= high:
                        start = begin + a + amount.start()
                        yield Claim(
                            "verdict", start, start + len(amount[0]), False, (), "it is another amount"
                        )
                        continue
                spot = named if thing.name in self._things else thing
                yield Claim(
                    "verdict",
                    spot.start,
                    spot.end,
                    refs is not None,
                    refs or (),
                    "" if refs else "the record holds no such tie",
                )


_MATTERS = re.compile(
    r"\b(?:matter\w*|had an effect|has an effect|(?:was|were|is|are|turned out) (?:to be )?(?:confirmed|proven|relevant|causal)|counted|is a (?:real |true )?shortcut)\b",
    re.IGNORECASE,
)
_MASKED = re.compile(
    r"\bmask\w*|\bexperiments?\b|\bcover(?:ed|ing)\b|\bcues?\b|\bshortcuts?\b", re.IGNORECASE
)


def _tied(text: str, inside: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    """Each thing with the class that it is tied to."""
    where = {
        id(one)
        for one, other in itertools.pairwise(inside)
        if one.kind == "class" and other.kind == "attribute" and _WHERE.match(text[one.end : other.start])
    }
    where |= {
        id(other)
        for one, other in itertools.pairwise(inside)
        if one.kind == "attribute" and other.kind == "class" and _IN.match(text[one.end : other.start])
    }
    where |= {
        id(m) for m in inside if m.kind == "class" and _OTHER.search(text[max(0, m.start - 20) : m.start])
    }
    row = [m for m in inside if id(m) not in where]
    used: set[int] = set()
    for one, other in itertools.pairwise(row):
        between = text[one.end : other.start]
        if len(between) > 70 or re.search(r"\d", between):
            continue
        if one.kind == "attribute" and other.kind == "class" and one.value != "no" and _ON.search(between):
            used |= {id(one), id(other)}
            yield one, other
        elif (
            one.kind == "class"
            and other.kind == "attribute"
            and other.value != "no"
            and id(one) not in used
            and _BACK.search(between)
        ):
            following = next((m for m in row if m.start > other.start), None)
            if following is None or following.kind == "attribute":
                yield other, one
