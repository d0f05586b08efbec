"""Verdicts that nothing has, numbered findings that are about something else, repairs said to be missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.known import Known
from failsight.agent.grounding.lexicon import HEDGE
from failsight.agent.grounding.operators import (
    Clause,
    any_word,
    clauses,
    denied,
    said,
)
from failsight.agent.grounding.reading import Reading

_REFUTED = any_word(
    r"refut(?:ed|es)", r"disprov(?:ed|en|es)", r"debunk\w*", r"falsif\w*", r"rejected", r"dismissed"
)
_REFUTED_THINGS = re.compile(
    r"\b(?:refuted|disproved|rejected) (?:\w+ )?(?:findings?|slices?|groups?|cues?|shortcuts?|hypothes\w+|suspicions?|tests?)\b",
    re.IGNORECASE,
)
_MANY = {
    w: n
    for n, w in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    )
}
_INCONCLUSIVE_THINGS = re.compile(
    r"\b(?:(?P<n>two|three|four|five|six|seven|eight|nine|ten|\d{1,2}) )?inconclusive (?:(?P<m>\d{1,2})\b|(?:\w+ )?(?:slices?|findings?|groups?|cues?|shortcuts?)\b|(?=[,.;]|$))",
    re.IGNORECASE,
)
_FINDING_WORDS = any_word(r"corrections?", r"repairs?", r"fix(?:es)?", r"proposals?", r"remed\w+")


class Settled:
    """What a record settles about its findings."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of them, checked."""
        yield from self._undecided(at)
        yield from self._numbered(at)
        for part in clauses(at):
            yield from (
                c
                for c in self._refutes(part)
                if HEDGE.search(part.text) is None or not hedged(at.part, c.start - at.sentence.start)
            )
            yield from self._proposed(part)

    def _refutes(self, part: Clause) -> Iterator[Claim]:
        match = _REFUTED_THINGS.search(part.text)
        if (
            match is not None
            and not self._known.refuted
            and self._known.state.records
            and not re.search(r"\b(?:no|or|nor|any)\b[^.;]*$", part.text[: match.start()], re.IGNORECASE)
        ):
            yield Claim(
                "verdict",
                part.start + match.start(),
                part.start + match.end(),
                False,
                (),
                "nothing was refuted",
            )
            return
        match = _REFUTED.search(part.text)
        if (
            match is not None
            and not self._known.refuted
            and not denied(part.text[: match.end()])
            and self._known.state.records
        ):
            if re.search(
                r"\b(?:0|zero|nor|or|if|would|could|can|would have|neither|either)\b",
                part.text,
                re.IGNORECASE,
            ):
                return
            yield Claim(
                "verdict",
                part.start + match.start(),
                part.start + match.end(),
                False,
                (),
                "nothing was refuted",
            )

    def _undecided(self, at: Reading) -> Iterator[Claim]:
        """``the 13 inconclusive findings``, ``of the inconclusive slices, the shower has …``."""
        match = _INCONCLUSIVE_THINGS.search(at.part)
        if match is None or re.search(
            r"\b(?:no|or|nor|any)\b[^.;]*$", at.part[: match.start()], re.IGNORECASE
        ):
            return
        many = (match["n"] or match["m"] or "").lower()
        wrong = (
            bool(many)
            and (int(many) if many.isdigit() else _MANY.get(many, -1)) not in self._known.inconclusive
        )
        mine = at.whole.attributes
        wrong = wrong or (
            not many and len(mine) == 1 and mine <= self._known.confirmed - self._known.undecided_things
        )
        if wrong:
            start = at.sentence.start + match.start()
            yield Claim(
                "verdict", start, start + len(match[0]), False, (), "the record gives another verdict"
            )

    def _numbered(self, at: Reading) -> Iterator[Claim]:
        """``F2 and F3 are the shifts of kitchen and living_room``: each thing named has to be of one of the findings."""
        ids = [m.name for m in at.mentions if m.kind == "finding" and m.name in self._known.numbered]
        if at.pairs or "fits" in at.part:
            return  # "fits with F13", "called kitchen": of other images too
        if not ids or re.search(
            r"\b(?:than|other|others|unlike|compared|while|whereas|but|not|no)\b|n't|\[|\d ?%|E\d", at.part
        ):
            return
        classes: set[str] = set()
        things: set[str] = set()
        for name in ids:
            found = self._known.numbered[name].finding
            if not found.slice and not found.class_name:
                return
            told = self._known.lexicon.find(found.statement)
            classes |= told.classes | {c for c in (found.class_name, found.confused_with) if c}
            things |= told.attributes | set(found.slice or {})
        for mention in at.mentions:
            if (mention.kind == "class" and mention.name not in classes) or (
                mention.kind == "attribute" and mention.name not in things
            ):
                yield Claim(
                    "name", mention.start, mention.end, False, (), "the finding is about something else"
                )
                return

    def _proposed(self, part: Clause) -> Iterator[Claim]:
        ids = [m for m in part.of("finding") if m.name in self._known.numbered]
        match = _FINDING_WORDS.search(part.text)
        if re.search(r"\b(?:would|could|should|may|might|if|whether)\b|\?", part.text, re.IGNORECASE):
            return
        if match is None or not ids or not self._known.treated:
            return
        if not re.search(
            r"\bpropos|\bsuggest|\boffer|\blist|\bexists?\b|\bthere (?:is|are)\b|\bmade\b",
            part.text,
            re.IGNORECASE,
        ):
            return
        treated = [self._known.numbered[m.name].finding.key in self._known.treated for m in ids]
        no = denied(part.text)
        if no and all(treated):
            yield said(part, match, False, "E")
