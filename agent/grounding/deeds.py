"""What was done and on what: which things were masked, for which class maps were made, on which images a tool ran.

A sentence about an experiment or a map has to agree with the calls that the record holds: the thing covered, the class,
the images. Where it says that something was not done, the record may not hold it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.names import Lexicon, Mention
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

#: kind of tool → how a sentence speaks of it
_TOOLS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(words, re.IGNORECASE))
    for name, words in (
        ("test_", r"\bmask(?:s|ed|ing)?\b|\bhid(?:e|es|ing|den)?\b|\bcover(?:ed|ing|s)?\b(?! (?:\w+ ){0,3}[\d%])|\bocclu\w+|\bblack(?:ed|ing)? out\b|\bexperiments?\b|\bexperimental(?:ly)?\b"),
        ("saliency", r"\bsaliency\b|\bheat ?maps?\b|\battention maps?\b|\bgrad-?cam\b|(?<!mental )\bmaps\b"),
        ("find_slices", r"\bsearch(?:ed|ing)? (?:for |out )?(?:\w+ )?(?:slices|groups)\b|\bslices? (?:search|were|was)\b|\bsearch for (?:weak )?(?:slices|groups)\b|\b(?:slice|group) search\b|\bslices (?:were )?(?:searched|tested)\b"),
        ("confidence", r"\bcalibration\b|\bconfidence (?:was|were|profile|check)\b"),
        ("confusion", r"\bconfusion matrix\b|\bconfusion table\b"),
    )
)  # fmt: skip
_NOT = re.compile(
    r"\b(?:not|never|nobody|no one|none|no|nothing|neither|nor|without (?:an? |any )?(?:mask\w*|tests?|experiments?)|hasn't|haven't|wasn't|weren't|didn't|isn't|aren't|yet to be|needs?|awaits?|lacks?|pending|calls? for|un(?:masked|tested))\b|n't\b",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|solely|just|alone|exclusively|nothing else|no other)\b", re.IGNORECASE)
_NO_OTHER = re.compile(
    r"\b(?:(?:and )?(?:for )?no other|nothing else|none (?:of the )?others?|not (?:for )?(?:the |any )?others?)\b",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\b(?:each|every|all)\b(?: of)?(?: the)? (?:\w+ )?(?:class|room|categor|kind)", re.IGNORECASE
)
_MADE = re.compile(
    r"\b(?:was|were|is|are|been|be|got|has|have|had|ran|run|made|drawn|computed|produced|done|performed|took|included?|covered|concern\w*|for|of|on|tested|masked|hidden|looked|drew|examined|used|shown|computed)\b",
    re.IGNORECASE,
)
#: a repair covers things too: those of training images
_REPAIR = re.compile(
    r"\bretrain\w*|\bhalf of\b|\bcorrections?\b|\brepairs?\b|\bpropos\w+|\bfix\w*|\bremed\w+|\baugment\w*|\bif you\b|\bnext\b|\btraining (?:images|pictures)\b",
    re.IGNORECASE,
)
_ASSOCIATION = re.compile(
    r"(?<!not )(?<!not an )\bassociation (?:alone|only)\b|\bonly an association\b|\bno experiment\b|\bwithout (?:an )?experiment\b",
    re.IGNORECASE,
)
_TO_DO = re.compile(
    r"\b(?:would|should|has|have|needs?|ought|remains?|left) (?:have )?to (?:be )?(?:mask|cover|hid|test|done|run)|\bto do:",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|them|this|that|these|one)\b", re.IGNORECASE)
_CUT = re.compile(
    r"[;]\s|\.\s|, and (?=an? |the )|, (?:but|while|whereas|although|though|so|yet)\b| but | while | whereas | though | [–—] ",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Made:
    """The calls of one kind of tool."""

    ids: tuple[str, ...]
    attributes: frozenset[str]
    classes: frozenset[str]
    splits: frozenset[str]
    pairs: frozenset[tuple[str, str]]


class Done:
    """What was done in a case."""

    def __init__(self, state: CaseState, lexicon: Lexicon) -> None:
        self._made = {name: self._calls(name, state, lexicon) for name, _ in _TOOLS}

    @staticmethod
    def _calls(name: str, state: CaseState, lexicon: Lexicon) -> _Made:
        calls = [e for e in state.evidence if e.tool.startswith(name)]
        attributes: set[str] = set()
        classes: set[str] = set()
        splits: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for made in calls:
            things = lexicon.find(
                str(made.arguments.get("region") or "").replace("box:", "the box of ")
            ).attributes
            about = {str(v) for k, v in made.arguments.items() if "class" in k and v}
            attributes |= things
            classes |= about
            pairs |= {(a, c) for a in things for c in about}
            splits.add(str(made.arguments.get("split") or "data"))
        return _Made(
            tuple(e.id for e in calls),
            frozenset(attributes),
            frozenset(classes),
            frozenset(splits),
            frozenset(pairs),
        )

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says was done, checked."""
        begin = at.sentence.start
        cuts = [0, *(m.start() for m in _CUT.finditer(at.part)), len(at.part)]
        for a, b in itertools.pairwise(cuts):
            stretch = at.part[a:b]
            inside = [m for m in at.mentions if begin + a <= m.start < begin + b]
            if not inside and _PRONOUN.search(stretch):
                inside = [m for m in at.mentions if m.start < begin + a and m.kind == "attribute"][-1:]
            if _TO_DO.search(stretch):
                continue
            for name, words in _TOOLS:
                match = words.search(stretch)
                if match is None or hedged(at.part, a + match.start()):
                    continue
                told = self._told(name, stretch, match, inside, at)
                if told is not None:
                    ok, spot = told
                    start, end = (
                        (spot.start, spot.end)
                        if spot
                        else (begin + a + match.start(), begin + a + match.end())
                    )
                    refs = self._made[name].ids[:1] if ok else ()
                    yield weighed(
                        "status", start, end, ok, refs, "the record says otherwise of what was done"
                    )

    def _told(
        self, name: str, stretch: str, match: re.Match[str], inside: list[Mention], at: Reading
    ) -> tuple[bool, Mention | None] | None:
        made = self._made[name]
        things = [m for m in inside if m.kind == "attribute"]
        classes = [m for m in inside if m.kind == "class"]
        splits = [m for m in inside if m.kind == "split"]
        if name == "test_":
            return self._masked(stretch, made, things, splits, at)
        if not made.ids or not _MADE.search(stretch):
            return None
        if name == "saliency" and made.classes:
            if _EACH.search(stretch) and len(made.classes) < 2:
                return _NOT.search(stretch) is not None, None
            strange = next((m for m in classes if m.name not in made.classes), None)
            if classes and (strange is None or not things):
                denied = _NOT.search(_NO_OTHER.sub(" ", stretch)) is not None
                return (strange is None) != denied, strange
        wrong = next((m for m in splits if m.name not in made.splits), None)
        right = any(m.name in made.splits for m in splits)
        if wrong is not None and not right and len({m.name for m in splits}) == 1:
            return _NOT.search(stretch) is not None, wrong
        if right and wrong is not None:
            behind = at.text[wrong.start - 16 : wrong.start]
            return re.search(r"\bnot\b|\bnever\b|rather than|instead of", behind) is not None, wrong
        return (True, None) if right and _NOT.search(stretch) is None else None

    def _masked(
        self, stretch: str, made: _Made, things: list[Mention], splits: list[Mention], at: Reading
    ) -> tuple[bool, Mention | None] | None:
        """Whether the things that a sentence says were covered are those of the experiments."""
        if _REPAIR.search(stretch) or not (made.ids or things):
            return None
        denied = _NOT.search(re.sub(r"\bnothing else\b|\bno other\b", "", stretch)) is not None
        other = [m for m in splits if m.name not in made.splits]
        if things and not other:
            strange = [m for m in things if m.name not in made.attributes]
            if not denied:
                whole = frozenset(m.name for m in things)
                if (
                    _ONLY.search(stretch)
                    and re.search(r"nothing else|no other|\bonly\b (?:the|televis)", stretch)
                    and not strange
                ):
                    return whole == made.attributes or "only" in stretch, None
                return (not strange), (strange[0] if strange else None)
            if len(strange) == len({m.name for m in things}):
                return True, None
            if not strange and _ASSOCIATION.search(stretch):
                return False, things[0]
            if (
                not strange
                and re.search(
                    r"\b(?:not|never|n't|nobody|no (?:\w+ )?(?:experiment|test|masking))\b[^,]{0,40}\b(?:mask|cover|hid|experiment|test)",
                    stretch,
                )
                and not re.search(r"\bnot (?:only|just)\b|\bno longer\b|\bdoes not\b", stretch)
            ):
                return False, things[0]
            return None
        if (
            other
            and len({m.name for m in splits}) == 1
            and re.search(
                r"\b(?:ran|run|made|done|masked|covered|on|used?|performed|carried|conducted|based|took place)\b",
                stretch,
            )
        ):
            return denied, other[0]
        if other and any(m.name in made.splits for m in splits):
            behind = at.text[max(0, other[0].start - 20) : other[0].start]
            return re.search(r"\bnot\b|\bnever\b|rather than|instead of|\bno\b", behind) is not None, other[0]
        return None
