"""Things in pictures by their signs: what the model sees in them, what covering them does, how common and how hard they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.known import Known
from failsight.agent.grounding.operators import (
    BAD,
    GOOD,
    OPPOSITE,
    SAME,
    Clause,
    any_word,
    clauses,
    denied,
    direction,
    said,
)
from failsight.agent.grounding.reading import Reading

_TOWARDS = any_word(
    r"towards?", r"pull\w*", r"push\w*", r"lean(?:s|ing)?", r"signs? (?:of|for)", r"cues?", r"shortcuts?", r"driv(?:es?|en|ing)", r"say(?:s|ing)?", r"call(?:s|ed|ing)?", r"think(?:s|ing)?", r"believe(?:s)?", r"answer(?:s|ed)?",
    r"mistak(?:es?|en)", r"taken for", r"stands? for", r"giveaways?", r"associat\w+", r"attract\w*", r"trick\w*", r"fool\w*", r"nudg\w*", r"tempt\w*", r"steer\w*", r"trigger\w*", r"equat\w*", r"confus\w+", r"rel(?:y|ies|ying)",
    r"signals?", r"lur\w+", r"depends?", r"hint(?:s|ed)?", r"draw\w*", r"favou?r\w*", r"associat\w*", r"means?", r"reads?", r"see(?:s|ing)?", r"guess\w*", r"turns?(?: \w+)? into",
)  # fmt: skip
_SEES = re.compile(
    r"\b(?:see(?:s|ing)?|say(?:s|ing)?|think(?:s|ing)?(?: of)?|answer(?:s|ing)?|call(?:s|ing)?(?: it| them)?|predict(?:s|ing)?|guess(?:es|ing)?|shout(?:s|ing)?|lean(?:s|ing)? (?:to|towards)|believ\w+ (?:it|in)|smell(?:s|ing)?)(?: (?:an?|the|it is|in|it's))*[ \"“'*]+",
    re.IGNORECASE,
)
_AWAY = any_word(
    r"away from", r"discourag\w*", r"prevent\w*", r"keeps? (?:it|the model) from", r"less (?:likely|inclined|prone|often)", r"repels?", r"rul(?:es?|ed) out", r"taught (?:it|the model) nothing", r"ignor(?:es?|ed|ing)", r"immune", r"unrelated",
)  # fmt: skip
_COVERED = any_word(
    r"mask(?:s|ed|ing)?", r"hid(?:es?|den|ing)?", r"cover(?:s|ed|ing)?(?: up)?", r"remov(?:es?|ed|ing)", r"occlud\w+", r"black(?:ed|ing)? out", r"eras(?:es?|ed|ing)", r"paint\w* over", r"blank\w*", r"block(?:s|ed|ing)", r"tak(?:es?|ing|en) (?:out|away)", r"out of (?:sight|view)",
)  # fmt: skip
_MERELY = re.compile(
    r"\bonly (?:say|know|claim|tell|see)\b[^.;]*\b(?:go(?:es)? (?:together|along)|co-?occur|correlat)|\b(?:only|just|merely|no more than|nothing but) (?:an? )?(?:association|correlation)|\b(?:association|correlation)s? only\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(
    r"\b(?:just|exactly|about|almost|nearly|quite)? ?as (?:much|strongly|far|often)\b|\b(?:the same|equally|no less)\b",
    re.IGNORECASE,
)
_SURER = any_word(
    r"(?:gets?|grows?|becomes?) (?:even |only |all the |just )*(?:stronger|firmer|surer|louder|clearer)",
    r"surer",
    r"more (?:sure|certain|confident|likely|stable|often|strongly|firmly|inclined)",
)
_ELSEWHERE = any_word(
    r"elsewhere", r"controls?", r"patch(?:es)?", r"same[- ]size\w*", r"as much", r"equal", r"another"
)
_RARE = any_word(
    r"rar(?:e|ely|er|ity)", r"scarce(?:ly)?", r"seldom", r"hardly (?:any|ever)", r"few", r"uncommon", r"infrequent\w*", r"under-?represented", r"almost (?:no|never|none|absent)", r"barely (?:any|ever|seen|saw|appears?|occurs?)", r"next to no(?:ne)?", r"exceptions?",
)  # fmt: skip
_COMMON = any_word(
    r"common(?:ly)?", r"frequent(?:ly)?", r"plenty", r"often", r"abundan\w*", r"well[- ]represented", r"nearly (?:every|all)", r"almost (?:every|all|always)", r"everywhere", r"usual(?:ly)?", r"mostly", r"lots of", r"many", r"over-?represented",
)  # fmt: skip
_AS_OFTEN = re.compile(
    r"\bas (?:common|frequent|rare|often|usual|widespread)\b[^.;]{0,50}?\bas\b", re.IGNORECASE
)
_SCORE = any_word(r"scores?", r"confidence (?:in|for)")
_SHORTCUT = any_word(r"shortcuts?", r"cues?", r"giveaways?")
_PROPOSAL = any_word(
    r"propos\w+",
    r"listed",
    r"repairs?",
    r"corrections?",
    r"cheap(?:est|er)?",
    r"plan",
    r"rank(?:ed|s)? first",
)


class Cues:
    """The signs of the things in pictures."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of them, checked."""
        yield from self._merely(at)
        for part in clauses(at):
            found = (
                *self._tied(part, at),
                *self._hidden(part, at),
                *self._slice(part),
                *self._rare(part, at),
                *self._strange(part, at),
            )
            yield from (c for c in found if not hedged(at.part, c.start - at.sentence.start))

    def _tied(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing and the class that the model is said to see in it."""
        things, named = part.names("attribute"), part.of("class")
        if len(things) != 1 or not named or _COVERED.search(part.text):
            return
        (thing,) = things
        ties, groups = self._known.ties.get(thing, {}), self._known.groups.get(thing, {})
        match = _TOWARDS.search(part.text)
        if (
            match is None
            or not ties
            or re.search(r"salien|map\b|maps\b|\barea\b|training|% of", part.text, re.IGNORECASE)
        ):
            return
        known = set(ties) | set(groups) | {c for c in groups.values() if c}
        odd = [m for m in named if m.name not in known]
        spot = named[0]
        if (
            odd
            and len({m.name for m in named}) <= 2
            and not denied(part.text)
            and not re.search(r"\b(?:other|not|isn't|aren't|non|than|no)\b", part.text)
        ):
            yield Claim("verdict", odd[0].start, odd[0].end, False, (), "the record holds no such tie")
            return
        seen = _SEES.search(part.text)
        target = next((m for m in named if seen is not None and m.start - part.start >= seen.end() - 1), None)
        if (
            (
                seen is not None
                and target is not None
                and target.start - part.start - seen.end() < 12
                and not denied(part.text)
            )
            and target.name not in ties
            and target.name not in groups.values()
        ):
            yield Claim("verdict", target.start, target.end, False, (), "the record holds no such tie")
            return
        meant = [m for m in named if m.name in ties]
        if meant and _AWAY.search(part.text) and not odd:
            refs = ties[meant[0].name]
            yield weighed("verdict", spot.start, spot.end, denied(part.text), refs, OPPOSITE)

    def _hidden(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing that is covered: what becomes of the score of its class."""
        things = [a for a in (part.names("attribute") or at.whole.attributes) if a in self._known.tested]
        match = _COVERED.search(part.text) or _COVERED.search(at.part)
        if len(things) != 1 or match is None or _ELSEWHERE.search(at.part):
            return
        named = at.whole.classes
        ties = self._known.ties.get(things[0], {})
        if named and not named & set(ties):
            spot = next(m for m in at.mentions if m.kind == "class")
            odd = len(named) == 1 and not named & set(self._known.groups.get(things[0], {}))
            if (
                odd
                and _SCORE.search(at.part)
                and not denied(at.part)
                and not re.search(r"\bother\b|\d ?%", at.part)
            ):
                yield Claim("verdict", spot.start, spot.end, False, (), "the record holds no such tie")
            return
        if re.search(
            r"\berrors?\b|wrong|mend|repair|retrain|half of|accura|right|correct", at.part, re.IGNORECASE
        ):
            return
        if BAD.search(part.text) or (_COVERED.search(part.text) is None and part.mentions):
            return
        surer = _SURER.search(part.text)
        if surer is not None and not re.search(r"less", part.text):
            yield Claim(
                "status", part.start + surer.start(), part.start + surer.end(), denied(part.text[: surer.start()]), (), OPPOSITE
            )  # fmt: skip

    def _slice(self, part: Clause) -> Iterator[Claim]:
        """Images with a thing: said to be answered better, where the record has them worse."""
        things = part.names("attribute")
        if len(things) != 1 or part.of("split") or _COVERED.search(part.text) or part.of("finding"):
            return
        (thing,) = things
        weak = self._known.weak.get(thing)
        values = {m.value for m in part.of("attribute") if m.value}
        if (
            weak is None
            or not values
            or (self._known.groups.get(thing) and not part.of("class") and weak == "no")
        ):
            return
        if values != {weak} or (
            part.of("class") and not part.names("class") & set(self._known.groups.get(thing, {}))
        ):
            return
        rate = re.search(r"\b(?:error rate|errors?|failure rate)\b", part.text, re.IGNORECASE)
        if (
            rate is not None
            and direction(part.text) < 0
            and not re.search(r"\d|\belsewhere\b|\bcontrol|\bthan\b|\bexcess\b|\bless\b", part.text)
            and not denied(part.text)
        ):
            yield said(part, rate, False, "E")
            return
        good = GOOD.search(part.text)
        if good is None or BAD.search(part.text) or re.search(r"\b(?:than|rest|other)\b", part.text) is None:
            return
        way = direction(part.text[: good.start()].split("than")[0]) or direction(part.text.split("than")[0])
        if re.match(r"(?:safer|easier|better)", good[0], re.IGNORECASE):
            way = 1
        if way:
            sign = way * (-1 if denied(part.text.split("than")[0]) else 1)
            yield said(part, good, sign < 0, "E")

    def _rare(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """How common a thing is in one set of images, beside another one."""
        things, named = part.names("attribute"), part.names("class")
        splits = list(dict.fromkeys(m.name for m in part.of("split")))
        if len(things) != 1 or len(named) != 1 or len(splits) != 2:
            return
        match = SAME.search(part.text) or _AS_OFTEN.search(part.text)
        if match is not None and re.search(r"\b(?:times|twice|half|double) $", part.text[: match.start()]):
            return
        if match is None or not (_COMMON.search(part.text) or _RARE.search(part.text)):
            return
        found = [
            next((a.value for a in self._known.frequency if a.names.attributes == things and a.names.classes == named and a.names.splits == {s}), None)
            for s in splits
        ]  # fmt: skip
        if found[0] is not None and found[1] is not None:
            low, high = sorted((found[0], found[1]))
            yield said(part, match, (high <= 1.5 * low) != denied(part.text[: match.start()]), "E")

    def _merely(self, at: Reading) -> Iterator[Claim]:
        """``The television only goes together with …``, of what an experiment has shown; controls that did as much."""
        match = _MERELY.search(at.part)
        if (
            match is not None
            and at.whole.attributes
            and at.whole.attributes <= self._known.tested
            and not denied(at.part)
        ):
            start = at.sentence.start + match.start()
            yield Claim("verdict", start, start + len(match[0]), False, (), "an experiment has shown it")
        match = _CONTROL.search(at.part)
        if (
            match is None
            or denied(at.part)
            or not re.search(r"\bcontrols?\b", at.part)
            or re.search(r"\bpixels?\b|masking as much|times as", at.part)
        ):
            return
        if self._known.quiet and re.search(
            r"\b(?:cue|object|thing|itself|mask\w*|television|stools|did)\b", at.part[match.end() :]
        ):
            start = at.sentence.start + match.start()
            yield Claim("status", start, start + len(match[0]), False, (), OPPOSITE)

    def _strange(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing called a shortcut, a slice or something to repair, of which no finding speaks."""
        for thing in part.of("attribute"):
            tried = thing.name in self._known.undecided_things - self._known.confirmed
            if (
                tried
                and not denied(at.part)
                and re.search(r"\b(?:reported|listed|confirmed) as (?:an? )?(?:\w+ )?slice", at.part)
            ):
                yield Claim("verdict", thing.start, thing.end, False, (), "no finding is about this")
                return
            known = (
                thing.name in self._known.ties
                or thing.name in self._known.weak
                or thing.name in self._known.undecided_things
            )
            if known or denied(at.part) or re.search(r"salien|map|\bwhether\b|\bbox|\barea|frame", at.part):
                continue
            typed = (
                thing.name not in self._known.counted
                and "=" in at.text[thing.start : thing.end]
                and re.search(r"slices?\b|\d ?%", at.part) is not None
            )
            word = typed or _SHORTCUT.search(part.text) is not None
            if not word and _PROPOSAL.search(part.text) and self._known.treated:
                word = not any(
                    thing.name.replace("_", " ") in c.action.replace("_", " ")
                    for e in self._known.state.evidence
                    for c in e.corrections
                )
            if word:
                yield Claim("verdict", thing.start, thing.end, False, (), "no finding is about this")
                return
