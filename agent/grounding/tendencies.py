"""Tendencies said without numbers: too sure or not sure enough, answered too often, a score that falls when a cue is hidden."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.lexicon import ELSEWHERE
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import gather, only
from failsight.agent.grounding.reading import Reading


def right_wrong(at: Reading, sign: int, measures: Measures) -> tuple[bool, str, str] | None:
    """The confidence of right answers against that of wrong ones."""
    right, wrong = measures.value("confidence_right", Side()), measures.value("confidence_wrong", Side())
    if right is None or wrong is None:
        return None
    first = re.search(r"\b(?:right|correct|wrong|errors?)", at.part, re.IGNORECASE)
    begins = first is not None and first[0].lower() in ("right", "correct")
    return (
        ((right[0] - wrong[0]) * (1 if begins else -1) * sign > 0),
        right[1],
        "the record says the opposite",
    )


_SUREST = re.compile(
    r"\b(?:surest|most (?:confident|certain|sure)) when (?:it is|it's|its answer is|its answers are) (?P<side>wrong|right)\b",
    re.IGNORECASE,
)


def _surest(at: Reading, measures: Measures) -> Iterator[Claim]:
    match = _SUREST.search(at.part)
    told = right_wrong(at, 1, measures) if match else None
    if match is not None and told is None:
        right, wrong = measures.value("confidence_right", Side()), measures.value("confidence_wrong", Side())
        if right and wrong:
            yield _tendency(at, match, (right[0] > wrong[0]) == (match["side"] == "right"), right[1])
    elif match is not None and told is not None:
        yield _tendency(at, match, told[0], told[1])


_MASKING = re.compile(
    r"\b(?:mask\w*|cover\w*|hid(?:es?|ing|den)|remov\w+|tak(?:e|es|ing) away|without)\b", re.IGNORECASE
)


_SCORE = re.compile(
    r"\b(?P<pushed>(?:push|driv|bring|send|mov|nudg|tak)\w* (?:[\w-]+ ){1,4}(?P<way>up|higher|upwards|down|lower|downwards)\b)|\b(?P<up>rais\w+|increas\w+|lifts?|rises?|goes up|grows?|boosts?|improves?|climbs?|pushes up|higher|more likely|more inclined|more prone|positive)|\b(?P<down>lower\w*|decreas\w+|reduc\w+|falls?|drops?|goes down|sinks?|shrinks?|costs?|cuts?|less likely|less inclined|less prone|negative)\b",
    re.IGNORECASE,
)


def masked(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Whether a score falls or rises when a cue, or as much elsewhere, is masked."""
    part = at.part
    still = re.search(
        r"\b(?:hardly|barely|scarcely|doesn't|does not|didn't|did not) (?:change|affect|move|touch|matter)\w*\b|\bleaves? (?:[\w-]+ ){1,4}(?:about |roughly |almost |just )?(?:where it was|unchanged|untouched|the same|alone|as it was)\b|"
        r"\bstays? (?:the same|put|where it was|about the same)\b|\bunaffected\b|\bmakes? (?:no|little|hardly any) difference\b|\bha[sd] (?:no|little|hardly any) (?:effect|influence)\b|\bdoes nothing\b|\bnothing (?:much )?(?:happens|changes)\b|\b(?:changed?|changes|moved?|moves|did|does) (?:almost|hardly|next to|virtually|practically)? ?(?:nothing|anything)\b",
        part,
        re.IGNORECASE,
    )
    match = _SCORE.search(part)
    if still is not None and (match is None or still.start() < match.start()):
        match = still
    else:
        still = None
    if (
        match is None
        or re.match(r" (?:nothing|no\b)", part[match.end() :])
        or not re.search(
            r"score|answers?\b|flip|likely|inclined|prone|effect\b.*\bis (?:positive|negative)", part
        )
        or not at.about.attributes | at.about.classes
    ):
        return
    cuts = [0, *(m.end() for m in re.finditer(r"[:;]\s|, (?:while|but|whereas|and)\b", part)), len(part)]
    first, last = next(
        (a, b) for a, b in itertools.pairwise(cuts) if a <= match.start() < b or b == len(part)
    )
    hidden, other = (
        _MASKING.search(part[first:last]) is not None,
        ELSEWHERE.search(part[first : match.start()] + part[match.end() : min(last, match.end() + 24)])
        is not None,
    )
    if re.match("positive|negative", match[0]):
        hidden, other = False, False
    less = re.search(r"points (?P<way>more|less) than\b[^.;]*\b(?:controls?|elsewhere)\b", part)
    if less is not None and hidden is not None and at.about.attributes:
        effects = [
            measures.value("effect", Side(frozenset(), frozenset(), frozenset({a})))
            for a in sorted(at.about.attributes)
        ]
        known = [v for v in effects if v is not None]
        if known:
            yield _tendency(at, less, all(v > 0 for v, _ in known) == (less["way"] == "more"), known[0][1])
    control = re.search(r"\bcontrols?\b", part[first : match.start()]) is not None and not hidden
    if control and still is not None:
        yield from _controls(at, match, measures)
        return
    metric = "control_effect" if other and hidden else "cue_effect" if hidden else "effect"
    side = Side(frozenset(), frozenset(), at.about.attributes, "data", other and hidden)
    found = (
        measures.value(metric, side)
        if at.about.attributes
        else measures.value(metric, replace(side, classes=at.about.classes))
    )
    if found is None:
        found = measures.of_class(metric, at.about.classes)
    if found is None:
        return
    if still is not None:
        yield _tendency(at, match, abs(found[0]) < 5, found[1])
        return
    up = match["up"] is not None or (match["way"] or "").lower() in ("up", "higher", "upwards")
    yield _tendency(at, match, (found[0] < 0) == up if hidden else (found[0] > 0) == up, found[1])


def _controls(at: Reading, match: re.Match[str], measures: Measures) -> Iterator[Claim]:
    """``The control patches barely moved the scores``, of one cue or of several."""
    found = [
        measures.value("control_effect", Side(frozenset(), frozenset(), frozenset({a}), "data", True))
        for a in sorted(at.about.attributes)
    ]
    known = [v for v in found if v is not None]
    if known:
        yield _tendency(at, match, all(abs(v) < 5 for v, _ in known), known[0][1])


_SURE = (
    (re.compile(r"\bover-?confiden\w*|\bsurer than\b|\btoo (?:sure|confident|certain)\b|\btrusts? itself too much\b|\bmore (?:confident|sure|certain) than (?:it is|it should|it ought|they are|is warranted|accurate|correct|right)|\bconfidence (?:is|lies) (?:above|higher than)\b|\bconfidence exceeds\b|\btoo much confidence\b|\boverestimates? itself\b|\bconfidence is too (?:high|large)\b|\bconfidence is (?:\w+ )?(?:higher|greater|above)\b(?! (?:for|on|in|when))", re.IGNORECASE), 1),
    (re.compile(r"\bunder-?confiden\w*|\bless (?:confident|sure|certain) than (?:it is|it should|it ought|they|accurate|correct\b(?! ones| answers)|right\b(?! ones| answers))|\bnot (?:sure|confident|certain) enough\b|\btrusts? itself too little\b|\btoo (?:unsure|hesitant|cautious|modest)\b|\bless sure than\b|\bis it less sure\b|\btoo little confidence\b|\bunderestimates? itself\b|\bconfidence is too (?:low|small)\b|\bconfidence is (?:\w+ )?(?:lower|below|smaller)\b(?! (?:for|on|in|when))", re.IGNORECASE), -1),
)  # fmt: skip


_PREDICTED = (
    (re.compile(r"\bover-?predict\w*|\bpredicted too often\b|\banswered too often\b|\bmore answers than images\b|\bmore often than (?:there are|it occurs|they occur|it should)\b|\bcalled too often\b|\b(?:answered|said|given|predicted) (?:far |much )?too often\b", re.IGNORECASE), 1),
    (re.compile(r"\bunder-?predict\w*|\b(?:answered|said|given|predicted|called) (?:far |much )?too (?:rarely|seldom|little)\b|\btoo few answers\b|\bfewer answers than images\b|\bless often than (?:there are|it occurs|they occur|it should)\b", re.IGNORECASE), -1),
)  # fmt: skip


_LIGHTS_UP = re.compile(
    r"\b(?:heat ?maps?|saliency|maps?|attention|grad-?cam)\b[^.;]{0,40}\b(?:lights? up|points? (?:at|to)|highlights?|stands? out|focus\w*|concentrat\w+|hints? at|lies on|falls on)\b",
    re.IGNORECASE,
)
_SALIENT = re.compile(
    r"\b(?P<way>more|less) saliency than\b|\bsaliency (?:\w+ ){0,3}?(?P<also>above|below|exceeds) (?:its|the) (?:share of the )?area\b",
    re.IGNORECASE,
)


def tendencies(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Over- and underconfidence, over- and underprediction, saliency against area."""
    yield from _vague(at, measures)
    yield from _oftener(at, measures)
    yield from _one_way(at, measures)
    yield from _unlabelled(at, measures)
    yield from _surest(at, measures)
    yield from _calibrated(at, measures)
    split = only(at.about.splits) or "data"
    yield from _salient(at, measures, split)
    but = re.search(r"\b(?:but|except(?: for)?|apart from|other than)\b", at.part)
    last = at.mentions[-1].start if at.mentions else 0
    if but is not None and len(at.whole.classes) == 1 and last > at.sentence.start + but.start():
        return  # "for every answer but bathroom"
    classes = at.about.classes if len(at.about.classes) == 1 else frozenset()
    side = Side(classes, split=split)
    gap, answers, images = (measures.value(m, side) for m in ("gap", "answers", "images"))
    for pattern, sign in _SURE if gap is not None else ():
        for match in pattern.finditer(at.part):
            mine = _own_gap(at, match, measures, split) if len(at.whole.classes) > 1 else gap
            if mine is not None:
                yield _tendency(at, match, mine[0] * sign > 0, mine[1])
    for pattern, sign in _PREDICTED if answers and images and classes else ():
        for match in pattern.finditer(at.part):
            more = answers[0] - images[0] if answers and images else 0.0
            yield _tendency(at, match, more * sign > 0, answers[1] if answers else "")


def _own_gap(at: Reading, match: re.Match[str], measures: Measures, split: str) -> tuple[float, str] | None:
    """The gap of the one class that the same part of a sentence names; nothing where it names several."""
    cuts = [0, *(m.start() for m in re.finditer(r"[,;]| and | but | while ", at.part)), len(at.part)]
    begin, end = next((a, b) for a, b in itertools.pairwise(cuts) if a <= match.start() < b)
    inside = gather(at.mentions, at.sentence.start + begin, at.sentence.start + end).classes
    return measures.value("gap", Side(inside, split=split)) if len(inside) == 1 else None


_VAGUE = re.compile(
    r"\b(?:is|are|looks?|remains?|stays?|does|do|performs?|works?|holds?|held|fares?) (?:\w+ )?(?:(?P<weak>weak|poor(?:ly)?|bad(?:ly)?|unreliable|a problem|problematic|a weak spot|in trouble|troublesome)|(?P<strong>strong|good|fine|well|reliabl[ey]|solid|ok|okay|unproblematic|no (?:problem|trouble)(?: at all)?|unaffected|up well))\b(?! (?:as|than|calibrated)\b)",
    re.IGNORECASE,
)
_WEAK_BELOW, _STRONG_FROM = 75.0, 65.0  # recall in percent; between them either word may be used


def _vague(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``Kitchen is weak in deployment``, ``bedrooms hold up well``: against the recall of the class, generously."""
    match = _VAGUE.search(at.part)
    if (
        match is None
        or len(at.whole.classes) != 1
        or at.whole.attributes
        or at.pairs
        or re.search(r"\bprecision\b|\bconfiden|\bcalibrat", at.part)
    ):
        return
    split = only(at.about.splits) or "data"
    found = measures.value("recall", Side(at.whole.classes, split=split))
    if found is not None:
        denied = (
            re.search(r"\b(?:not|never)\b|n't\b", at.part[max(0, match.start() - 12) : match.end()])
            is not None
        )
        weak = (match["weak"] is not None) != denied
        yield _tendency(at, match, found[0] <= _WEAK_BELOW if weak else found[0] >= _STRONG_FROM, found[1])


_OFTENER = re.compile(
    r"\b(?P<one>right|correct|wrong|incorrect)(?:ly)? more often than (?:not|right|wrong|correct|incorrect)\b|\bmore often (?P<two>right|correct|wrong|incorrect)(?:ly)? than (?:not|right|wrong|correct|incorrect)\b",
    re.IGNORECASE,
)


def _oftener(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``wrong more often than right``: in more than half of the cases."""
    match = _OFTENER.search(at.part)
    if match is None or at.whole.attributes or len(at.about.classes) > 1:
        return
    side = Side(at.about.classes, split=only(at.about.splits) or "data")
    answers = re.search(r"\banswers?\b|\bpredict\w*|\bsays?\b|\bcall\w*", at.part, re.IGNORECASE)
    found = measures.value(
        "precision" if answers and side.classes else "recall" if side.classes else "accuracy", side
    )
    if found is not None:
        right = (match["one"] or match["two"]).lower() in ("right", "correct")
        yield _tendency(at, match, (found[0] > 50) == right, found[1])


_ONE_WAY = re.compile(r"\b(?:one|a single) way\b(?! or)|\bone-sided\b|\bone direction\b", re.IGNORECASE)


_EQUALLY = re.compile(
    r"\bboth (?:directions|ways)\b[^.;]{0,30}\bequal\w*|\bequally (?:often )?in both (?:directions|ways)\b|\bas often (?:one way|in one direction) as\b",
    re.IGNORECASE,
)


def _both_ways(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``Confused in both directions about equally often``."""
    match = _EQUALLY.search(at.part)
    if match is None or len(at.whole.classes) != 2:
        return
    counts = measures.by_pair(only(at.about.splits) or "data")
    one, other = sorted(at.whole.classes)
    here, there = counts.get((one, other), (0.0, "")), counts.get((other, one), (0.0, ""))
    yield _tendency(at, match, max(here[0], there[0]) <= 1.5 * min(here[0], there[0]), here[1] or there[1])


def _one_way(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``Mix-ups go one way: bathrooms become kitchens``: at least twice as often as the reverse."""
    match = _ONE_WAY.search(at.part)
    yield from _both_ways(at, measures)
    if match is None or len(set(at.pairs)) != 1 or re.search(r"\d+ (?:\w+ )?one way", at.part):
        return
    counts = measures.by_pair(only(at.about.splits) or "data")
    (true, said) = at.pairs[0]
    here, there = counts.get((true, said), (0.0, "")), counts.get((said, true), (0.0, ""))
    yield _tendency(
        at,
        match,
        here[0] >= (1.2 if re.search(r"\bmostly\b|\bmainly\b", at.part) else 2) * there[0] and here[0] > 0,
        here[1],
    )


_CALM = re.compile(
    r"\bwell[- ]calibrated\b|\bconfidence is (?:about |roughly |quite )?(?:right|justified|trustworthy|reliable|well placed)\b",
    re.IGNORECASE,
)


def _calibrated(at: Reading, measures: Measures) -> Iterator[Claim]:
    classes = at.about.classes if len(at.about.classes) == 1 else frozenset[str]()
    calm, overall = (
        _CALM.search(at.part),
        measures.value("gap", Side(classes)) or measures.value("gap", Side()),
    )
    if calm is not None and overall is not None and not re.search(r"\bnot\b|n't", at.part[: calm.end()]):
        yield _tendency(at, calm, abs(overall[0]) < 5, overall[1])


def _salient(at: Reading, measures: Measures, split: str) -> Iterator[Claim]:
    found = _SALIENT.search(at.part) or _LIGHTS_UP.search(at.part)
    if found is None or not at.about.attributes:
        return
    way = "more" if found.re is _LIGHTS_UP else (found["way"] or found["also"]).lower()
    up = way in ("more", "above", "exceeds")
    for classes in (at.about.classes, frozenset[str]()):
        side = Side(classes, frozenset(), at.about.attributes, split)
        one, other = measures.value("saliency", side), measures.value("area", side)
        if one and other:
            yield _tendency(at, found, (one[0] > other[0]) == up, one[1])
            return


_LABELS = re.compile(
    r"\b(?:have no labels?|are unlabell?ed|carry no labels?|come without labels?)\b", re.IGNORECASE
)


def _unlabelled(at: Reading, measures: Measures) -> Iterator[Claim]:
    found, split = _LABELS.search(at.part), only(at.about.splits)
    held = measures.value("unlabelled", Side(split=split)) if found and split else None
    if found is not None and held is not None:
        yield _tendency(at, found, held[0] > 0, held[1])


def _tendency(at: Reading, match: re.Match[str], ok: bool, ref: str) -> Claim:
    start = at.sentence.start + match.start()
    return weighed("comparison", start, start + len(match[0]), ok, (ref,), "the record says the opposite")
