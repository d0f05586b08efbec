"""What a sentence says by its signs: the names of the case, a quantity, a direction, a negation, in any wording.

A clause is not matched to a turn of phrase. Its names are found, then the words that point (``operators``), and the
product of their signs is held against the sign that the record has for these names. Where the two differ the record
says the contrary. A clause without names or without a sign claims nothing here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.known import Known
from failsight.agent.grounding.measures import Side
from failsight.agent.grounding.operators import (
    BAD,
    GOOD,
    SAME,
    Clause,
    any_word,
    clauses,
    denied,
    direction,
    said,
)
from failsight.agent.grounding.reading import Reading

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
_LOOKS: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    ("brightness", any_word(r"bright(?:er|ness|est)?", r"light(?:er|ness)", r"well[- ]lit", r"sunn\w+", r"luminous"), any_word(r"dark(?:er|ness|est)?", r"dim(?:mer)?", r"gloom\w+", r"murk\w+", r"under-?exposed", r"poorly lit")),
    ("contrast", any_word(r"contrast(?:y|ier)?(?! to)", r"punch\w+"), any_word(r"flat(?:ter)?", r"low-contrast")),
    ("saturation", any_word(r"saturat(?:ed|ion)", r"vivid(?:er)?"), any_word(r"pale(?:r)?", r"desaturated", r"washed[- ]out")),
    ("sharpness", any_word(r"sharp(?:er|ness)?", r"crisp(?:er)?"), any_word(r"blur(?:red|ry|rier)?", r"soft(?:er)?", r"fuzz\w+", r"out of focus")),
    ("colourfulness", any_word(r"colou?rful(?:ness)?"), any_word(r"drab\w*", r"colou?rless")),
    ("jpeg", any_word(r"jpeg quality", r"compression quality"), any_word(r"compress(?:ed|ion)", r"artefacts?", r"artifacts?")),
    ("file_size", any_word(r"file sizes?", r"heavier files?", r"larger files?"), any_word(r"lighter files?", r"smaller files?")),
)  # fmt: skip
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
_MOVING = any_word(
    r"drop\w*", r"loss\w*", r"los[et]\w*", r"fall\w*", r"fell", r"declin\w*", r"gain\w*", r"ris\w+", r"rose", r"improv\w*", r"collaps\w*", r"suffer\w*", r"degrad\w*", r"deteriorat\w*", r"plummet\w*", r"plung\w*", r"hold\w*", r"held", r"hit", r"hurt\w*", r"harm\w*", r"damag\w*", r"worse\w*", r"better",
)  # fmt: skip


class Signs:
    """The signs of the model as a whole, of its classes and of the pictures."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of them, checked."""
        for part in clauses(at):
            found = (
                *self._confidence(part, at), *self._readied(part), *self._balance(part, at), *self._pictures(part, at), *self._moved(part, at),
            )  # fmt: skip
            yield from (c for c in found if not hedged(at.part, c.start - at.sentence.start))

    def _confidence(self, part: Clause, at: Reading) -> Iterator[Claim]:
        if not self._known.gap[1] or at.whole.classes or at.whole.attributes or at.carried.classes:
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
                yield said(
                    part,
                    _WORD.search(part.text, first.start()) or first,
                    sign * self._known.gap[0] > 0,
                    self._known.gap[1],
                )
                return
        over, under, exact = _OVER.search(part.text), _UNDER.search(part.text), _EXACT.search(part.text)
        match = over or under or exact
        if match is None or (over and under) or not _ITSELF.search(part.text):
            return
        if exact is not None and not (over or under):
            yield said(
                part,
                match,
                (abs(self._known.gap[0]) < 2) != denied(part.text[: match.start()]),
                self._known.gap[1],
            )
        else:
            sign = (1 if over else -1) * (-1 if denied(part.text[: match.start()]) else 1)
            yield said(part, match, sign * self._known.gap[0] > 0, self._known.gap[1])

    def _readied(self, part: Clause) -> Iterator[Claim]:
        match = _READY.search(part.text)
        if match is None or not self._known.readiness or part.of("attribute"):
            return
        if not re.search(r"\bready|\breadiness|\b(?:is|isn't|be|it|model) ", part.text, re.IGNORECASE):
            return
        if _OPEN.search(part.text) and not denied(part.text):
            yield said(part, match, False, self._known.readiness)

    def _balance(self, part: Clause, at: Reading) -> Iterator[Claim]:
        match = _UNEVEN.search(part.text) or _EVEN.search(part.text)
        if match is None:
            return
        uneven = _UNEVEN.fullmatch(match[0]) is not None
        whose = part.names("attribute")
        if not whose and not part.of("class") and re.search(r"\b(?:they|it)\b", part.text, re.IGNORECASE):
            whose = at.whole.attributes
        tied = [a for a in whose if a in self._known.ties]
        if tied and re.search(r"\bclass|\brooms?\b|\bspread\b|\bdistributed\b", part.text, re.IGNORECASE):
            says = uneven != denied(part.text[: match.start()])
            yield said(part, match, says, next(iter(self._known.ties[tied[0]].values()))[0])
            return
        if part.of("attribute") or not re.search(r"\bclass(?:es)?\b", part.text, re.IGNORECASE):
            return
        if re.search(r"\baccuracy\b|\bat equal\b|\brecall\b|\bproportions\b|\bprecision\b", part.text):
            return
        found = [
            v
            for s in part.names("split") or {"data"}
            if (v := self._known.measures.value("imbalance", Side(split=s))) is not None
        ]
        if found and not part.of("class"):
            even = all(v <= 1.5 for v, _ in found)
            yield said(part, match, even != (uneven != denied(part.text)), found[0][1])

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
                self._known.measures.value(metric, Side(split=here)),
                self._known.measures.value(metric, Side(split=there)),
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
                    yield said(part, match, False, one[1])
                continue
            yield said(part, match, sign * (one[0] - other[0]) > 0, one[1])

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
            for c in self._known.lexicon.classes
            if (v := self._known.measures.value("recall", Side(classes=frozenset({c}), split=here)))
            and (w := self._known.measures.value("recall", Side(classes=frozenset({c}), split=there)))
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
            yield said(part, match, moves == set(values) - left, "E")
        elif named and out is None and not every and named <= set(values):
            nothing = re.search(r"\bnothing\b", part.text, re.IGNORECASE) is not None
            wrong = [c for c in named if ((values[c] * way > 0) == (no or nothing))]
            if wrong and (
                nothing or (len(part.of("split")) > 0 and not re.search(r"\d|n't|\bnot\b", part.text))
            ):
                yield said(part, match, False, "E")


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
