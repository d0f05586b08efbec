"""Comparisons read by their parts: a word that compares, the quantity, and the two sides; all readings are tried.

A sentence may often be read in several ways ("kitchens are taken for bathrooms more often than dining rooms"). It stands
where the record bears out one of them; it is wrong where the record holds the values of at least one and bears out none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import THAN_NOTHING
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import Mention, Names, gather, only
from failsight.agent.grounding.reading import Reading, pairs_in
from failsight.agent.grounding.sources import DATA, NOTHING
from failsight.agent.grounding.wording import CLOSE, EXCEEDS, comparing, quantity

_THAN = re.compile(
    r"\bthan\b|\bcompared (?:with|to)\b|\brelative to\b|\bversus\b|\bvs\.?|\bagainst\b|\bas opposed to\b|\brather than\b|\binstead of\b",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"[;:]\s|\.\s|, (?:and|but|while|whereas|although|though|yet|so|which|because)\b| (?:but|while|whereas|although|though|because) | [–—] ",
    re.IGNORECASE,
)
_REST = re.compile(
    r"\belsewhere\b|\b(?:usual|normal|typical|general) (?:error )?rate\b|\bthe rest\b|\banything else\b|\banywhere else\b|\bothers?\b|\bremaining\b|\bwithout (?:it|one|them|any)\b|\baverage\b|\boverall\b|\bin general\b|\bwhole\b|\bnormal\b|\ball (?:the )?(?:other|classes|images)\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\brevers\w*|\bother way\b|\bother direction\b|\bvice versa\b|\bopposite\b|\bconverse\w*", re.IGNORECASE
)
_DENIED = re.compile(
    r"\b(?:not|no|never|hardly|isn't|aren't|doesn't|don't|wasn't|n't)\s+(?:\w+ )?$", re.IGNORECASE
)
SOME_OF = re.compile(r"\b(?:\w+|\d+) of the (?:\w+|\d+) (?:\w+ )?(?:class|room|categor|kind)", re.IGNORECASE)
_ATTRIBUTIVE = re.compile(
    r" (?:evaluation |training |deployment )?(?:images|pictures|photos|ones|cases|classes|rooms)\b",
    re.IGNORECASE,
)
ANY_OTHER = re.compile(
    r"\b(?:any|every|all|each) (?:of the )?(?:others?|other \w+)\b|\bany (?:class|room)\b", re.IGNORECASE
)
_CHANCE = re.compile(r"\bguess\w*|\bchance\b|\bbaseline\b|\brandom\w*|\balways answering\b", re.IGNORECASE)
_CLOSE_WITHIN = 4.0  # percent or points that are still "about the same"
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Compared:
    """A word that compares, in a stretch of a sentence.

    Attributes:
        start, end: where the word stands in the whole text.
        sign: +1 the first side is said to be larger, −1 smaller; ±2 at least as large, at most as large.
        implied: the quantity that the word itself implies, or nothing.
        left, right: the stretches of the two sides; ``right`` is empty where only one side is said.
    """

    start: int
    end: int
    sign: int
    implied: str
    left: tuple[int, int]
    right: tuple[int, int]


_AMOUNT = re.compile(r"\d (?:percentage )?points? $")


def compared(at: Reading) -> Iterator[Compared]:
    """Every word of a sentence that compares."""
    text, begin, end = at.text, at.sentence.start, at.sentence.end
    cuts = [begin, *(begin + m.start() for m in _CUT.finditer(at.part)), end]
    for a, b in itertools.pairwise(cuts):
        stretch = text[a:b]
        taken: list[tuple[int, int]] = []
        for match, sign, implied in comparing(stretch):
            if any(x < match.end() and match.start() < y for x, y in taken):
                continue
            taken.append(match.span())
            denied = _DENIED.search(stretch[: match.start()]) is not None
            if hedged(at.part, a - begin + match.start()):
                continue
            than = _THAN.search(_unbracketed(stretch), match.end())
            if match.re in (EXCEEDS, CLOSE):
                left, right = (a, a + match.start()), (a + match.end(), b)
            elif than is not None:
                left, right = (a, a + than.start()), (a + than.end(), b)
            elif (first := _THAN.search(stretch)) is not None and first.start() < 3:
                comma = stretch.find(",")
                left, right = (a + max(comma, first.end()), b), (a + first.end(), a + max(comma, first.end()))
            else:
                left, right = (a, b), (b, b)
            if than is None and implied and _ATTRIBUTIVE.match(stretch[match.end() :]):
                continue  # "harder images": which they are, and not than which
            if denied and than is None:
                continue  # "does not fare better": than what is not said
            if than is None and _AMOUNT.search(stretch[: match.start()]):
                continue  # "drops to 53.5 %, 21 points lower": how far, and not that it does
            if THAN_NOTHING.match(stretch[match.end() :]):
                continue
            yield Compared(
                a + match.start(), a + match.end(), 2 * -sign if denied else sign, implied, left, right
            )


def _default(metric: str, one: Side, other: Side) -> str:
    """The quantity where only quality is meant: that of slices is their error."""
    return "error" if metric == "quality" and (one.attributes or other.attributes) else metric


def relations(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Comparisons of a sentence that no other rule has read, checked."""
    for found in compared(at):
        told = [t for r in _readings(at, found, measures) if (t := _all_hold(r, measures)) is not None]
        if not told:
            continue
        ok = next((ref for good, ref in told if good), None)
        refs = (ok,) if ok else ()
        reason = "" if ok is not None else "the record says the opposite"
        yield Claim("comparison", found.start, found.end, ok is not None, refs, reason)


def _unbracketed(stretch: str) -> str:
    """A stretch with its brackets blotted out, at the same places."""
    return re.sub(r"\([^()]*\)", lambda m: " " * len(m[0]), stretch)


@dataclass(frozen=True, slots=True)
class Told:
    """One reading of a comparison: the first side's quantity is said to be larger (``sign`` +1) or smaller."""

    sign: int
    metric: str
    one: Side
    other: Side
    second: str = ""


def _all_hold(several: Sequence[Told], measures: Measures) -> tuple[bool, str] | None:
    """Whether all of what one reading says holds; None where the record lacks a value for it."""
    told = [_holds(t, measures) for t in several]
    known = [t for t in told if t is not None]
    if not known or len(known) < len(told):
        return None
    return all(ok for ok, _ in known), known[0][1]


def _holds(told: Told, measures: Measures) -> tuple[bool, str] | None:
    left, right = (
        measures.value(told.metric, told.one),
        measures.value(told.second or told.metric, told.other),
    )
    if told.metric == "confusion":  # a pair that is nowhere listed was never taken so
        left, right = left or (0.0, ""), right or (0.0, "")
    if left is None or right is None:
        return None
    if told.sign == 0:
        return abs(left[0] - right[0]) <= _CLOSE_WITHIN, left[1] or right[1]
    apart = (left[0] - right[0]) * told.sign
    return apart > _SAME or (abs(told.sign) > 1 and apart > -_SAME), left[1] or right[1]


def _readings(at: Reading, found: Compared, measures: Measures) -> Iterator[list[Told]]:
    """All readings of a comparison for which both sides are plain; each is a list of what has to hold together."""
    text = at.text
    left, right = text[slice(*found.left)], text[slice(*found.right)]
    ahead = [m for m in at.mentions if found.left[0] <= m.start < found.left[1]]
    behind = [m for m in at.mentions if found.right[0] <= m.start < found.right[1]]
    mine, theirs = gather(ahead), gather(behind)
    if re.match(r"\s*(?:about |only )?[\d.,]+", right) and not behind and not _REST.search(right):
        right = ""  # "larger in deployment, 2,711 against 4,169"
    metric, sense = found.implied, 1
    if not metric:
        metric, sense = quantity(left, found.start - found.left[0])
        if not metric:
            metric, sense = quantity(right, 0)
    sign = found.sign * sense
    if not metric or SOME_OF.search(left):
        return
    if metric == "confusion":
        yield from _confused(at, found, ahead, behind, sign, measures)
        return
    if len(mine.splits) == 2 == len(theirs.splits) and not (mine | theirs).attributes:
        sides = [
            Side(n.classes or mine.classes, split=only(n.splits - DATA) or "deploy") for n in (mine, theirs)
        ]
        yield [Told(found.sign, "drop", sides[0], sides[1])]
        return
    about = mine if mine.entities else at.about
    if metric in ("quality", "accuracy") and _CHANCE.search(right) and not about.entities:
        base = Side(split=only(mine.splits or at.about.splits) or "data")
        yield [Told(sign, "accuracy", base, base, "baseline")]
        return
    second = _second(metric, right, behind)
    splits = sorted(mine.splits or theirs.splits or at.about.splits) or ["data"]
    classes = sorted(about.classes)
    if _REST.search(right) and (len(classes) > 1 or len(splits) > 1) and classes and not about.attributes:
        yield [
            Told(sign, metric, Side(frozenset({c}), split=s), Side(split=s)) for c in classes for s in splits
        ]
        return
    if ANY_OTHER.search(right) and len(classes) == 1 and not about.attributes:
        name = {"accuracy": "recall", "quality": "recall"}.get(metric, metric)
        rest = [c for c in measures.by_class(name, splits[0]) if c != classes[0]]
        yield [
            Told(sign, name, Side(frozenset(classes), split=splits[0]), Side(frozenset({c}), split=splits[0]))
            for c in rest
        ]
        return
    base = Side(about.classes, about.values, about.attributes, splits[0] if len(splits) == 1 else "data")
    if second:
        yield from _two_quantities(metric, second, sign, base)
        return
    for one, other in _pairs_of_sides(base, mine, theirs, right, at):
        name = _default(metric, one, other)
        yield [Told(sign * (-1 if name == "error" and metric == "quality" else 1), name, one, other)]


def _two_quantities(metric: str, second: str, sign: int, base: Side) -> Iterator[list[Told]]:
    """``It is right more often than its confidence says``: for confidence, by the gap of the answers."""
    if "confidence" in (metric, second):
        yield [Told(sign if metric == "confidence" else -sign, "gap", base, base, "zero")]
    else:
        yield [Told(sign, metric, base, base, second)]


_TWO = {("recall", "precision"), ("precision", "recall"), ("confidence", "accuracy"), ("accuracy", "confidence"), ("confidence", "precision"), ("precision", "confidence"),
        ("saliency", "area"), ("recall", "confidence"), ("confidence", "recall"), ("answers", "images"), ("images", "answers")}  # fmt: skip


_WHOLE = {"accuracy", "macro_precision", "macro_f1", "balanced_accuracy"}


def _second(metric: str, right: str, behind: Sequence[Mention]) -> str:
    """Another quantity of the same thing behind ``than``."""
    if re.search(r"\barea\b|\bsize\b", right) and metric == "saliency":
        return "area"
    if any(m.kind in ("class", "attribute") for m in behind):
        return ""
    other, _ = quantity(right, 0)
    whole = {metric, other} <= _WHOLE and metric != other
    return other if (metric, other) in _TWO or whole else ""


def _pairs_of_sides(
    base: Side, mine: Names, theirs: Names, right: str, at: Reading
) -> Iterator[tuple[Side, Side]]:
    """What may be set against what: two splits, two classes, two slices, one against the rest."""
    if theirs.splits and not theirs.entities:
        yield from _two_splits(base, mine, theirs, right, at)
        return
    if theirs.attributes:
        if len(theirs.attributes) == 1:
            yield (
                base,
                replace(
                    base,
                    classes=theirs.classes or (base.classes if theirs.values else NOTHING),
                    values=theirs.values,
                    attributes=theirs.attributes,
                ),
            )
            yield replace(base, classes=NOTHING), Side(NOTHING, theirs.values, theirs.attributes, base.split)
        return
    if len(theirs.classes) == 1 and len(base.classes) == 1 and theirs.classes != base.classes:
        yield (
            replace(base, split=base.split),
            replace(base, classes=theirs.classes, split=only(theirs.splits) or base.split),
        )
        return
    if _REST.search(right) or (not right and base.attributes):
        if base.attributes:
            yield base, replace(base, elsewhere=True)
        elif base.classes and right:
            yield base, replace(base, classes=NOTHING)
        return
    other = at.whole.classes - base.classes
    if not right and len(base.classes) == 1 == len(other) and not base.attributes:
        yield base, replace(base, classes=other)
        if base.split in DATA:
            return
    if not right and base.split not in DATA and len(base.classes) < 2 and not base.attributes:
        yield base, replace(base, split="data")


def _two_splits(
    base: Side, mine: Names, theirs: Names, right: str, at: Reading
) -> Iterator[tuple[Side, Side]]:
    """Behind ``than`` only images are named: those are set against others, or a class against the rest on them."""
    there = only(theirs.splits)
    if base.classes and not base.attributes and _REST.search(right):
        there = there or base.split
        yield replace(base, split=there), replace(base, classes=NOTHING, split=there)
        return
    here = (
        only(mine.splits - theirs.splits)
        or only(at.about.splits - theirs.splits)
        or ("data" if there != "data" else "deploy")
    )
    if there and len(base.classes) < 2:
        yield replace(base, split=here), replace(base, split=there)


def _confused(
    at: Reading,
    found: Compared,
    ahead: Sequence[Mention],
    behind: Sequence[Mention],
    sign: int,
    measures: Measures,
) -> Iterator[list[Told]]:
    """One confusion against its reverse, against another answer for the same class, or against another class."""
    pairs = pairs_in(at.text, ahead)
    if not pairs and at.pairs and _BACK.search(at.text[slice(*found.left)]):
        one, split = at.pairs[0], only(at.about.splits) or "data"
        yield [Told(sign, "confusion", Side(split=split, pair=(one[1], one[0])), Side(split=split, pair=one))]
    if not pairs:
        return
    one = pairs[0]
    split = only(gather((*ahead, *behind)).splits or at.about.splits) or "data"
    right = at.text[slice(*found.right)]
    named = list(dict.fromkeys(m.name for m in behind if m.kind == "class"))
    others: list[tuple[str, str]] = []
    if _BACK.search(right) or _BACK.search(at.text[found.end : found.left[1]]):
        others = [(one[1], one[0])]
    elif len(named) == 2:
        others = [(named[0], named[1])]
    elif len(named) == 1:
        others = (
            [(one[0], named[0])]
            if re.match(r"\s*(?:with|for|as|by|to)\b", right)
            else [(one[0], named[0]), (named[0], one[1])]
        )
    elif len(pairs) > 1:
        others = [pairs[1]]
    if not others and _REST.search(right):
        answers = [p for p in measures.by_pair(split) if p[0] == one[0] and p != one]
        yield [
            Told(sign, "confusion", Side(split=split, pair=one), Side(split=split, pair=p)) for p in answers
        ]
        return
    for other in others:
        if other != one and other[0] != other[1]:
            yield [Told(sign, "confusion", Side(split=split, pair=one), Side(split=split, pair=other))]
