"""What a sentence says by its signs: the names of the case, a quantity, a direction, a negation, in any wording.

A clause is not matched to a turn of phrase. Its names are found, then the words that point (``operators``), and the
product of their signs is held against the sign that the record has for these names. Where the two differ the record
says the contrary. A clause without names or without a sign claims nothing here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import HEDGE
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import Lexicon
from failsight.agent.grounding.operators import (
    BAD,
    GOOD,
    SAME,
    Clause,
    any_word,
    clauses,
    denied,
    direction,
)
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState

_OPPOSITE = "the record says the opposite"
_OVER = any_word(
    r"over-?confiden\w*", r"over-?estimat\w*", r"overstat\w*", r"inflat\w*", r"exaggerat\w*", r"optimistic\w*", r"cocky", r"boastful", r"brags?", r"full of itself",
    r"too (?:sure|confident|certain|optimistic|bold|self-assured|high|big|large|generous)", r"(?:surer|more (?:confident|sure|certain)) than", r"trusts itself (?:too|more)",
)  # fmt: skip
_UNDER = any_word(
    r"under-?confiden\w*", r"under-?estimat\w*", r"understat\w*", r"cautious\w*", r"shy", r"modest\w*", r"timid\w*", r"humble", r"hesitant", r"pessimistic\w*", r"diffident", r"self-doubt\w*",
    r"too (?:careful|unsure|low|reserved|conservative|doubtful)", r"less (?:confident|sure|certain) than", r"(?:right|correct) more often than (?:it|its)", r"better than it (?:thinks|believes|claims|says)",
)  # fmt: skip
_EXACT = any_word(
    r"well[- ]calibrated", r"perfectly calibrated", r"properly calibrated", r"at face value", r"honest about", r"matches? its accuracy", r"as (?:sure|confident) as it (?:should|is right)", r"exactly as (?:sure|confident) as",
    r"about right", r"spot on", r"no (?:calibration )?gap",
)  # fmt: skip
_WORD = re.compile(r"\w+")
_SURENESS = any_word(
    r"confidence", r"sureness", r"certainty", r"promises?", r"claims?", r"trusts itself", r"believes"
)
_RIGHTNESS = any_word(
    r"accuracy", r"(?:share|rate|proportion) of (?:right|correct) answers", r"hit rate", r"how often it is (?:right|correct)", r"delivers?", r"it should", r"it is (?:right|correct)", r"actual performance",
)  # fmt: skip
_ITSELF = any_word(
    r"confiden\w*", r"sure\w*", r"certain\w*", r"calibrat\w*", r"probabilit\w+", r"scores?", r"itself", r"believes?", r"thinks?", r"model",
    r"overconfiden\w*", r"underconfiden\w*", r"self-assess\w*",
)  # fmt: skip
_READY = any_word(
    r"ready", r"readiness", r"production[- ]ready", r"deployable", r"shippable", r"ship(?:ped|ping)?", r"releas(?:e|ed|able)", r"go(?:es|ing)? live", r"roll(?:ed)? out", r"green light", r"fit for (?:use|production|deployment|purpose)",
)  # fmt: skip
_OPEN = any_word(
    r"undecided",
    r"inconclusive",
    r"pending",
    r"unclear",
    r"undetermined",
    r"open",
    r"up in the air",
    r"(?:too early|impossible|hard) to (?:say|tell|judge)",
)
_NO = any_word(r"negative", r"unready", r"fails?", r"failed", r"short", r"premature", r"too early", r"unfit")
_EVEN = any_word(
    r"balanced",
    r"evenly",
    r"even (?:mix|split|spread|distribution)",
    r"equally (?:often|frequent|large|many|represented)",
    r"uniform(?:ly)?",
    r"in balance",
    r"same (?:size|number|amount)",
)
_UNEVEN = any_word(
    r"im-?balanc\w*", r"unbalanced", r"skewed", r"out of balance", r"uneven(?:ly)?", r"lop-?sided", r"dominat\w+", r"over-?represented", r"under-?represented", r"unequal(?:ly)?", r"disproportion\w*",
)  # fmt: skip
#: measurement of pictures → words for much and for little of it
_LOOKS: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    ("brightness", any_word(r"bright(?:er|ness|est)?", r"light(?:er|ness)", r"well[- ]lit", r"sunn\w+", r"luminous"), any_word(r"dark(?:er|ness|est)?", r"dim(?:mer)?", r"gloom\w+", r"murk\w+", r"under-?exposed", r"poorly lit")),
    ("contrast", any_word(r"contrast(?:y|ier)?(?! to)", r"punch\w+"), any_word(r"flat(?:ter)?", r"low-contrast")),
    ("saturation", any_word(r"saturat(?:ed|ion)", r"vivid(?:er)?"), any_word(r"pale(?:r)?", r"desaturated", r"washed[- ]out")),
    ("sharpness", any_word(r"sharp(?:er|ness)?", r"crisp(?:er)?"), any_word(r"blur(?:red|ry|rier)?", r"soft(?:er)?", r"fuzz\w+", r"out of focus")),
    ("colourfulness", any_word(r"colou?rful(?:ness)?"), any_word(r"drab\w*", r"colou?rless")),
    ("jpeg", any_word(r"jpeg quality", r"compression quality"), any_word(r"compress(?:ed|ion)", r"artefacts?", r"artifacts?")),
    ("file_size", any_word(r"file sizes?", r"heavier files?", r"larger files?"), any_word(r"lighter files?", r"smaller files?")),
)  # fmt: skip
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
_EXCEPT = any_word(
    r"except(?: for)?",
    r"apart from",
    r"but for",
    r"other than",
    r"save for",
    r"with the exception of",
    r"bar",
)
_EVERY = any_word(r"every", r"each", r"all", r"any", r"across the board", r"throughout")
_REFUTED = any_word(
    r"refut(?:ed|es)", r"disprov(?:ed|en|es)", r"debunk\w*", r"falsif\w*", r"rejected", r"dismissed"
)
_REFUTED_THINGS = re.compile(
    r"\b(?:refuted|disproved|rejected) (?:\w+ )?(?:findings?|slices?|groups?|cues?|shortcuts?|hypothes\w+|suspicions?|tests?)\b",
    re.IGNORECASE,
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
_MOVING = any_word(
    r"drop\w*", r"loss\w*", r"los[et]\w*", r"fall\w*", r"fell", r"declin\w*", r"gain\w*", r"ris\w+", r"rose", r"improv\w*", r"collaps\w*", r"suffer\w*", r"degrad\w*", r"deteriorat\w*", r"plummet\w*", r"plung\w*", r"hold\w*", r"held", r"hit", r"hurt\w*", r"harm\w*", r"damag\w*", r"worse\w*", r"better",
)  # fmt: skip
_FINDING_WORDS = any_word(r"corrections?", r"repairs?", r"fix(?:es)?", r"proposals?", r"remed\w+")


class Signs:
    """The signs that a record has for the names of its case."""

    def __init__(self, state: CaseState, lexicon: Lexicon, measures: Measures, atoms: Sequence[Atom]) -> None:
        self._state, self._lexicon, self._measures = state, lexicon, measures
        gap = measures.value("gap", Side())
        self._gap = gap or (0.0, "")
        readiness = state.latest("readiness")
        self._readiness = readiness.id if readiness else ""
        self._ready = readiness is not None and any(
            f.name == "readiness" and f.value == "ready" for f in readiness.facts
        )
        self._ties: dict[str, dict[str, tuple[str, ...]]] = {}
        self._groups: dict[
            str, dict[str, str]
        ] = {}  # attribute → class of a weak group → as what it is taken
        self._weak: dict[str, str] = {}  # attribute → the value with more errors
        for record in state.records.values():
            found = record.finding
            for name, value in (found.slice or {}).items():
                refs = (*record.evidence[-1:], record.id)
                if found.kind == "spurious_correlation" and found.class_name:
                    self._ties.setdefault(name, {})[found.class_name] = refs
                elif found.kind in ("weak_slice", "rare_case") and found.verdict == "confirmed":
                    self._weak.setdefault(name, str(value))
                    if found.class_name:
                        self._groups.setdefault(name, {})[found.class_name] = found.confused_with or ""
        self._tested = {
            name
            for record in state.records.values()
            for name in record.finding.slice or {}
            if any(t.tool.startswith("test_") and t.verdict == "confirmed" for t in record.finding.tests)
        }
        self._refuted = any(r.finding.verdict == "refuted" for r in state.records.values()) or any(
            "refuted" in str(cell) for e in state.evidence for t in e.tables for r in t.rows for cell in r
        )
        tried = [
            [str(cell) for cell in r]
            for e in state.evidence
            for t in e.tables
            if "verdict" in t.columns and t.columns[0] == "slice"
            for r in t.rows
        ]
        undecided = [r for r in tried if "inconclusive" in r]
        self._inconclusive = {
            len(undecided),
            len(tried),
            sum(r.finding.verdict == "inconclusive" for r in state.records.values()),
        }
        self._undecided_things = {a for r in tried for a in lexicon.find(r[0]).attributes}
        self._confirmed = {
            a
            for r in state.records.values()
            if r.finding.verdict == "confirmed"
            for a in r.finding.slice or {}
        }
        cue, control = (
            {a.names.attributes: abs(a.value) for a in atoms if a.metric == m and a.part == "value"}
            for m in ("cue_effect", "control_effect")
        )
        self._quiet = bool(cue) and all(control.get(k, v) < 0.5 * v for k, v in cue.items())
        self._treated = {c.finding for e in state.evidence for c in e.corrections}
        self._frequency = [a for a in atoms if a.metric == "frequency" and a.family == "percent"]

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says by its signs, checked."""
        yield from self._undecided(at)
        yield from self._numbered(at)
        yield from self._merely(at)
        for part in clauses(at):
            for claim in (
                *self._confidence(part, at), *self._readied(part), *self._balance(part, at), *self._pictures(part, at), *self._moved(part, at),
                *self._tied(part, at), *self._hidden(part, at), *self._slice(part), *self._rare(part, at), *self._refutes(part), *self._proposed(part), *self._strange(part, at),
            ):  # fmt: skip
                own = claim.reason == "nothing was refuted" and HEDGE.search(part.text) is None
                if own or not hedged(at.part, claim.start - at.sentence.start):
                    yield claim

    # --- the model about itself -------------------------------------------------------------------------------------

    def _confidence(self, part: Clause, at: Reading) -> Iterator[Claim]:
        if not self._gap[1] or at.whole.classes or at.whole.attributes or at.carried.classes:
            return
        if re.search(r"\bwrong|\berrors?\b|\bbins?\b|\bones\b|\bbetween\b", at.part, re.IGNORECASE):
            return
        sure, right = _SURENESS.search(part.text), _RIGHTNESS.search(part.text)
        if sure is not None and right is not None and not re.search(r"\d ?% (?:sure|confiden)", part.text):
            first, second = sorted((sure, right), key=lambda m: m.start())
            between = part.text[first.end() : second.start()]
            way = direction(
                re.sub(r"\b(?:over|up|under)\b", " ", between) if "points" in between else between
            )
            if way and re.search(
                r"\b(?:than|below|above|behind|exceed\w*|ahead of|over|under|trails?|outruns?|beats?)\b",
                between,
            ):
                sign = way * (1 if first is sure else -1) * (-1 if denied(between) else 1)
                match = _WORD.search(part.text, first.start()) or first
                yield _said(part, match, sign * self._gap[0] > 0, self._gap[1])
                return
        over, under, exact = _OVER.search(part.text), _UNDER.search(part.text), _EXACT.search(part.text)
        match = over or under or exact
        if match is None or (over and under) or not _ITSELF.search(part.text):
            return
        if exact is not None and not (over or under):
            yield _said(
                part, match, (abs(self._gap[0]) < 2) != denied(part.text[: match.start()]), self._gap[1]
            )
        else:
            sign = (1 if over else -1) * (-1 if denied(part.text[: match.start()]) else 1)
            yield _said(part, match, sign * self._gap[0] > 0, self._gap[1])

    def _readied(self, part: Clause) -> Iterator[Claim]:
        match = _READY.search(part.text)
        if match is None or not self._readiness or part.of("attribute"):
            return
        if not re.search(r"\bready|\breadiness|\b(?:is|isn't|be|it|model) ", part.text, re.IGNORECASE):
            return
        if _OPEN.search(part.text) and not denied(part.text):
            yield _said(part, match, False, self._readiness)

    def _balance(self, part: Clause, at: Reading) -> Iterator[Claim]:
        match = _UNEVEN.search(part.text) or _EVEN.search(part.text)
        if match is None:
            return
        uneven = _UNEVEN.fullmatch(match[0]) is not None
        whose = part.names("attribute")
        if not whose and not part.of("class") and re.search(r"\b(?:they|it)\b", part.text, re.IGNORECASE):
            whose = at.whole.attributes
        tied = [a for a in whose if a in self._ties]
        if tied and re.search(r"\bclass|\brooms?\b|\bspread\b|\bdistributed\b", part.text, re.IGNORECASE):
            says = uneven != denied(part.text[: match.start()])
            yield _said(part, match, says, next(iter(self._ties[tied[0]].values()))[0])
            return
        if part.of("attribute") or not re.search(r"\bclass(?:es)?\b", part.text, re.IGNORECASE):
            return
        if re.search(r"\baccuracy\b|\bat equal\b|\brecall\b|\bproportions\b|\bprecision\b", part.text):
            return
        found = [
            v
            for s in part.names("split") or {"data"}
            if (v := self._measures.value("imbalance", Side(split=s))) is not None
        ]
        if found and not part.of("class"):
            even = all(v <= 1.5 for v, _ in found)
            yield _said(part, match, even != (uneven != denied(part.text)), found[0][1])

    # --- from one set of images to another ----------------------------------------------------------------------------

    def _pictures(self, part: Clause, at: Reading) -> Iterator[Claim]:
        if not part.of("split") or part.of("class") or part.of("attribute"):
            return
        if re.search(
            r"\b(?:prov|cause|role|test|explain|reason|blame|behind|tell)\w*", part.text, re.IGNORECASE
        ):
            return
        here, there = _two_splits(part)
        if len(part.names("split")) == 1 and re.search(
            r"\bthan\b|compared", part.before(part.of("split")[0].start)
        ):
            others = [m.name for m in at.mentions if m.kind == "split" and m.name != here]
            here, there = others[0] if others else there, here
        for metric, much, little in _LOOKS:
            match = little.search(part.text) or much.search(part.text)
            if match is None:
                continue
            one, other = (
                self._measures.value(metric, Side(split=here)),
                self._measures.value(metric, Side(split=there)),
            )
            sense = -1 if little.search(part.text) else 1
            if sense < 0 and much.search(part.text):
                continue
            way = _way(part.text, match)
            if one is None or other is None or not way:
                continue
            sign = way * sense * (-1 if denied(part.text) else 1)
            if abs(one[0] - other[0]) < 0.02 * abs(other[0]):
                if (
                    metric not in ("file_size",)
                    and abs(one[0] - other[0]) < 0.01 * abs(other[0])
                    and not denied(part.text)
                ):
                    yield _said(part, match, False, one[1])
                continue
            yield _said(part, match, sign * (one[0] - other[0]) > 0, one[1])

    def _moved(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """``nothing is lost in deployment``, ``recall falls in every class except kitchen``."""
        idle = re.compile(r"\b(?:falls?|fell|comes?) apart\b|\bdrops? out\b", re.IGNORECASE)
        match = _MOVING.search(idle.sub(lambda m: "·" * len(m[0]), part.text))
        if (
            match is None
            or part.of("attribute")
            or any(m.search(part.text) or n.search(part.text) for _, m, n in _LOOKS)
        ):
            return
        if re.search(
            r"\bthan\b|precision|confiden|\bsure|mask|score|cover|hid|flip|f1|more than|less than|than the|most|least|average|rest\b|others?\b|ahead|larger|smaller|biggest|largest|smallest|strongest",
            part.text,
            re.IGNORECASE,
        ):
            return
        splits = part.names("split") or at.whole.splits
        if not splits and re.search(r"\bshift\b", part.text):
            splits = frozenset({"deploy"})
        if not splits or "pool" in splits:
            return
        here, there = (
            _two_splits(part) if part.of("split") else (next(iter(splits - {"data"}), "deploy"), "data")
        )
        values = {
            c: v[0] - w[0]
            for c in self._lexicon.classes
            if (v := self._measures.value("recall", Side(classes=frozenset({c}), split=here)))
            and (w := self._measures.value("recall", Side(classes=frozenset({c}), split=there)))
        }
        if not values:
            return
        way = direction(match[0]) or (0 if not SAME.search(part.text) else 2)
        bad = BAD.search(part.text) is not None and not GOOD.search(part.text)
        if (
            way == 2
            or not way
            or bad
            or re.search(
                r"\bas (?:much|many|far)\b|\bavoid|\bescap|\bspared|\bonly\b", part.text, re.IGNORECASE
            )
        ):
            return
        no = denied(part.text)
        every, out = _EVERY.search(part.text), _EXCEPT.search(part.text)
        named = part.names("class")
        if every is not None and re.search(r"\bclass|\broom|\bof them|\bfive\b", part.text):
            left = {
                m.name for m in part.of("class") if out is not None and m.start - part.start > out.start()
            }
            moves = {c for c, v in values.items() if (v * way > 0) != no}
            yield _said(part, match, moves == set(values) - left, "E")
        elif named and out is None and not every and named <= set(values):
            nothing = re.search(r"\bnothing\b", part.text, re.IGNORECASE) is not None
            wrong = [c for c in named if ((values[c] * way > 0) == (no or nothing))]
            if wrong and (
                nothing or (len(part.of("split")) > 0 and not re.search(r"\d|n't|\bnot\b", part.text))
            ):
                yield _said(part, match, False, "E")

    # --- things in pictures -------------------------------------------------------------------------------------------

    def _tied(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing and the class that the model is said to see in it."""
        things, named = part.names("attribute"), part.of("class")
        if len(things) != 1 or not named or _COVERED.search(part.text):
            return
        (thing,) = things
        ties, groups = self._ties.get(thing, {}), self._groups.get(thing, {})
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
            yield weighed("verdict", spot.start, spot.end, denied(part.text), refs, _OPPOSITE)

    def _hidden(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing that is covered: what becomes of the score of its class."""
        things = [a for a in (part.names("attribute") or at.whole.attributes) if a in self._tested]
        match = _COVERED.search(part.text) or _COVERED.search(at.part)
        if len(things) != 1 or match is None or _ELSEWHERE.search(at.part):
            return
        named = at.whole.classes
        ties = self._ties.get(things[0], {})
        if named and not named & set(ties):
            spot = next(m for m in at.mentions if m.kind == "class")
            odd = len(named) == 1 and not named & set(self._groups.get(things[0], {}))
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
                "status", part.start + surer.start(), part.start + surer.end(), denied(part.text[: surer.start()]), (), _OPPOSITE
            )  # fmt: skip

    def _slice(self, part: Clause) -> Iterator[Claim]:
        """Images with a thing: said to be answered better, where the record has them worse."""
        things = part.names("attribute")
        if len(things) != 1 or part.of("split") or _COVERED.search(part.text) or part.of("finding"):
            return
        (thing,) = things
        weak = self._weak.get(thing)
        values = {m.value for m in part.of("attribute") if m.value}
        if weak is None or not values or (self._groups.get(thing) and not part.of("class") and weak == "no"):
            return
        if values != {weak} or (
            part.of("class") and not part.names("class") & set(self._groups.get(thing, {}))
        ):
            return
        rate = re.search(r"\b(?:error rate|errors?|failure rate)\b", part.text, re.IGNORECASE)
        if (
            rate is not None
            and direction(part.text) < 0
            and not re.search(r"\d|\belsewhere\b|\bcontrol|\bthan\b|\bexcess\b|\bless\b", part.text)
            and not denied(part.text)
        ):
            yield _said(part, rate, False, "E")
            return
        good = GOOD.search(part.text)
        if good is None or BAD.search(part.text) or re.search(r"\b(?:than|rest|other)\b", part.text) is None:
            return
        way = direction(part.text[: good.start()].split("than")[0]) or direction(part.text.split("than")[0])
        if re.match(r"(?:safer|easier|better)", good[0], re.IGNORECASE):
            way = 1
        if way:
            sign = way * (-1 if denied(part.text.split("than")[0]) else 1)
            yield _said(part, good, sign < 0, "E")

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
            next((a.value for a in self._frequency if a.names.attributes == things and a.names.classes == named and a.names.splits == {s}), None)
            for s in splits
        ]  # fmt: skip
        if found[0] is not None and found[1] is not None:
            low, high = sorted((found[0], found[1]))
            yield _said(part, match, (high <= 1.5 * low) != denied(part.text[: match.start()]), "E")

    # --- verdicts and repairs -----------------------------------------------------------------------------------------

    def _refutes(self, part: Clause) -> Iterator[Claim]:
        match = _REFUTED_THINGS.search(part.text)
        if (
            match is not None
            and not self._refuted
            and self._state.records
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
            and not self._refuted
            and not denied(part.text[: match.end()])
            and self._state.records
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

    def _strange(self, part: Clause, at: Reading) -> Iterator[Claim]:
        """A thing called a shortcut, a slice or something to repair, of which no finding speaks."""
        for thing in part.of("attribute"):
            tried = thing.name in self._undecided_things - self._confirmed
            if (
                tried
                and not denied(at.part)
                and re.search(r"\b(?:reported|listed|confirmed) as (?:an? )?(?:\w+ )?slice", at.part)
            ):
                yield Claim("verdict", thing.start, thing.end, False, (), "no finding is about this")
                return
            known = (
                thing.name in self._ties or thing.name in self._weak or thing.name in self._undecided_things
            )
            if known or denied(at.part) or re.search(r"salien|map|\bwhether\b|\bbox|\barea|frame", at.part):
                continue
            word = _SHORTCUT.search(part.text) or (
                "=" in at.text[thing.start : thing.end] and re.search(r"slices?\b|\d ?%", at.part)
            )
            if not word and _PROPOSAL.search(part.text) and self._treated:
                word = not any(
                    thing.name.replace("_", " ") in c.action.replace("_", " ")
                    for e in self._state.evidence
                    for c in e.corrections
                )
            if word:
                yield Claim("verdict", thing.start, thing.end, False, (), "no finding is about this")
                return

    def _numbered(self, at: Reading) -> Iterator[Claim]:
        """``F2 and F3 are the shifts of kitchen and living_room``: each thing named has to be of one of the findings."""
        ids = [m.name for m in at.mentions if m.kind == "finding" and m.name in self._state.records]
        if not ids or re.search(
            r"\b(?:than|other|others|unlike|compared|while|whereas|but|not|no)\b|n't|\[|\d ?%|E\d", at.part
        ):
            return
        classes: set[str] = set()
        things: set[str] = set()
        for name in ids:
            found = self._state.records[name].finding
            if not found.slice and not found.class_name:
                return
            told = self._lexicon.find(found.statement)
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

    def _merely(self, at: Reading) -> Iterator[Claim]:
        """``The television only goes together with …``, of what an experiment has shown; controls that did as much."""
        match = _MERELY.search(at.part)
        if (
            match is not None
            and at.whole.attributes
            and at.whole.attributes <= self._tested
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
        if self._quiet and re.search(
            r"\b(?:cue|object|thing|itself|mask\w*|television|stools|did)\b", at.part[match.end() :]
        ):
            start = at.sentence.start + match.start()
            yield Claim("status", start, start + len(match[0]), False, (), _OPPOSITE)

    def _undecided(self, at: Reading) -> Iterator[Claim]:
        """``the 13 inconclusive findings``, ``of the inconclusive slices, the shower has …``."""
        match = _INCONCLUSIVE_THINGS.search(at.part)
        if match is None or re.search(
            r"\b(?:no|or|nor|any)\b[^.;]*$", at.part[: match.start()], re.IGNORECASE
        ):
            return
        many = (match["n"] or match["m"] or "").lower()
        wrong = (
            bool(many) and (int(many) if many.isdigit() else _MANY.get(many, -1)) not in self._inconclusive
        )
        mine = at.whole.attributes
        wrong = wrong or (not many and len(mine) == 1 and mine <= self._confirmed - self._undecided_things)
        if wrong:
            start = at.sentence.start + match.start()
            yield Claim(
                "verdict", start, start + len(match[0]), False, (), "the record gives another verdict"
            )

    def _proposed(self, part: Clause) -> Iterator[Claim]:
        ids = [m for m in part.of("finding") if m.name in self._state.records]
        match = _FINDING_WORDS.search(part.text)
        if match is None or not ids or not self._treated:
            return
        if not re.search(
            r"\bpropos|\bsuggest|\boffer|\blist|\bexists?\b|\bthere (?:is|are)\b|\bmade\b",
            part.text,
            re.IGNORECASE,
        ):
            return
        treated = [self._state.records[m.name].finding.key in self._treated for m in ids]
        no = denied(part.text)
        if no and all(treated):
            yield _said(part, match, False, "E")


def _said(part: Clause, match: re.Match[str], ok: bool, ref: str) -> Claim:
    start = part.start + match.start()
    return weighed("status", start, start + len(match[0]), ok, (ref,) if len(ref) > 1 else (), _OPPOSITE)


def _two_splits(part: Clause) -> tuple[str, str]:
    """Which images a clause speaks of, and beside which others."""
    found = part.of("split")
    names = list(dict.fromkeys(m.name for m in found))
    if len(names) < 2:
        return names[0], "data" if names[0] != "data" else "train" if re.search(
            r"train", part.text
        ) else "deploy"
    one, other = found[0], next(m for m in found if m.name != names[0])
    between = part.text[one.end - part.start : other.start - part.start]
    lead = part.text[max(0, one.start - part.start - 24) : one.start - part.start]
    behind = re.search(
        r"\b(?:than|against|versus|relative to|compared (?:to|with|against))\b[^,]*$", lead, re.IGNORECASE
    )
    if behind is not None:
        return other.name, one.name
    moving = re.search(r"→|->|\bto\b(?! the same)", between) and re.search(r"\bfrom\b", lead, re.IGNORECASE)
    if moving or (re.search(r"\bbetween\b[^,]*$", lead, re.IGNORECASE) and re.search(r"\band\b", between)):
        return other.name, one.name
    return one.name, other.name


def _way(text: str, match: re.Match[str]) -> int:
    """The direction of one word among several: ``smaller in file size and lower in contrast``, ``darker but no less sharp``."""
    cuts = [0, *(m.start() for m in re.finditer(r",|\band\b|\bor\b", text)), len(text)]
    a, b = next((x, y) for x, y in itertools.pairwise(cuts) if x <= match.start() < y)
    own = direction(text[a : match.start()] + " " + text[match.end() : b])
    word = match[0].lower()
    if word.endswith(("er", "ier")) and word != "colourfuller":
        return -1 if re.search(r"\bless\b", text[a : match.start()]) else 1
    if own:
        return own
    return direction(text[: match.start()]) if a else direction(text[match.end() :])
