"""Comparisons without numbers: which of two recorded values is larger, and whether a sentence says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import ELSEWHERE, HEDGE
from failsight.agent.grounding.measures import Measures, Side, noun
from failsight.agent.grounding.names import Names, gather
from failsight.agent.grounding.settings import Reading
from failsight.agent.state import CaseState

_MORE, _LESS = r"(?:more|higher|larger|greater|bigger|better)", r"(?:less|fewer|lower|smaller|worse|poorer)"
_NOUN = r"(?:\w+[- ]){0,2}?(?P<noun>precision|f1|recall|accuracy|errors?(?: rate)?|brightness|contrast|saturation|sharpness|colourfulness|jpeg quality|file size|confidence|mistakes|effect)\b"
_UP = r"(?:rises?|rose|increas\w+|goes up|go up|went up|climbs?|grows?|improves?|improved|gains?|gained|gets? (?:better|higher|larger)|is (?:raised|up)|benefits?)"
_DOWN = r"(?:falls?|fell|decreas\w+|goes down|go down|went down|sinks?|shrinks?|drops?|dropped|declin\w+|deteriorat\w+|worsens?|loses?|lost|gets? (?:worse|lower|smaller)|suffers?|is down)"
_HOW = r"(?: (?:much|far|clearly|considerably|slightly|somewhat|a little|a lot|even|markedly|significantly|rather|a bit))?"
_OFTEN = r"(?: (?:often|frequently|likely|easily|reliably|well))?"
_BAD = r"(?:fail(?:s|ed)?|errs?|(?:are |is |get |gets |being |answered |classified )*(?:wrong(?:ly)?|misclassified|mistaken|missed|answered wrongly|judged wrongly))"
_GOOD = r"(?:(?:are |is |get |gets )*(?:recogni[sz]ed|right|correct(?:ly classified)?|classified correctly|answered correctly|found))"
_CALLED = r"(?:taken for|called|mistaken for|confused with|answered with)"
_RULES: tuple[tuple[re.Pattern[str], str, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), metric, sign)
    for pattern, metric, sign in (
        (r"\b(?:darker|dimmer|less bright|not as bright)\b", "brightness", -1), (r"\b(?:brighter|less dark)\b", "brightness", 1),
        (r"\b(?:blurrier|less sharp|more blurred|more blurry|softer)\b", "sharpness", -1), (r"\b(?:sharper|less blurr\w+|crisper)\b", "sharpness", 1),
        (r"\bmore (?:strongly |heavily )?compressed\b", "jpeg", -1), (r"\bless (?:strongly |heavily )?compressed\b", "jpeg", 1),
        (r"\bmore saturated\b", "saturation", 1), (r"\bless saturated\b|\bpaler\b", "saturation", -1),
        (r"\bmore colourful\b", "colourfulness", 1), (r"\bless colourful\b", "colourfulness", -1),
        (r"\b(?:larger|bigger) files\b", "file_size", 1), (r"\bsmaller files\b", "file_size", -1),
        (rf"\b{_BAD}(?: in [\d.]+ %[^,;]*?,)?{_HOW} more{_OFTEN}\b|\bmore{_OFTEN} {_BAD}\b|\bharder\b|\bmore difficult\b|\bmore errors\b", "error", 1),
        (rf"\b{_BAD}{_HOW} (?:less|more seldom|more rarely){_OFTEN}\b|\bless{_OFTEN} {_BAD}\b|\beasier\b|\bless difficult\b|\bfewer errors\b", "error", -1),
        (rf"\b{_GOOD}{_HOW} (?:more{_OFTEN}|better)\b|\bmore{_OFTEN} {_GOOD}\b|\bbetter (?:recogni[sz]ed|classified)\b", "recall", 1),
        (rf"\b{_GOOD}{_HOW} (?:less{_OFTEN}|worse|more rarely)\b|\bless{_OFTEN} {_GOOD}\b|\bworse (?:recogni[sz]ed|classified)\b", "recall", -1),
        (r"\b(?:does|doing|do|performs?|works?|fares?|is|are|scores?|copes?)(?: \w+)? (?:worse|poorer|weaker)\b", "quality", -1),
        (r"\b(?:does|doing|do|performs?|works?|fares?|is|are|scores?|copes?)(?: \w+)? (?:better|stronger)\b", "quality", 1),
        (rf"\bmore{_OFTEN} {_CALLED}\b|\b{_CALLED} [^,;.]{{1,40}}?more often\b", "confusion", 1),
        (rf"\bless{_OFTEN} {_CALLED}\b|\b{_CALLED} [^,;.]{{1,40}}?(?:less often|more seldom|more rarely)\b", "confusion", -1),
        (r"\bmore (?:accurate|reliable)\b", "quality", 1), (r"\bless (?:accurate|reliable)\b", "quality", -1),
        (r"\bmore (?:frequent|common|numerous)\b|\bless rare\b", "frequency", 1), (r"\bless (?:frequent|common|numerous)\b|\brarer\b|\bscarcer\b|\bmore rare\b|(?<!not )(?<!no )\brare(?:ly)? in\b", "frequency", -1),
        (r"(?<!less )(?<!not )(?<!more )\b(?:common|frequent|plentiful|abundant|well represented) in\b", "frequency", 1),
    )
)  # fmt: skip
_NOMINAL = (
    (re.compile(rf"\b{_MORE} {_NOUN}", re.IGNORECASE), 1), (re.compile(rf"\b{_LESS} {_NOUN}", re.IGNORECASE), -1),
    (re.compile(rf"\b{_NOUN}(?:[^,;.]|\.\d){{0,60}}?\b(?:{_UP})\b(?! to be)", re.IGNORECASE), 1),
    (re.compile(rf"\b{_NOUN}(?:[^,;.]|\.\d){{0,60}}?\b(?:{_DOWN})\b", re.IGNORECASE), -1),
    (re.compile(rf"\b{_NOUN}[^,;.]{{0,40}}? (?:is|are|was|being|stays|remains|comes){_HOW} (?:higher|larger|greater|better|above)\b", re.IGNORECASE), 1),
    (re.compile(rf"\b{_NOUN}[^,;.]{{0,40}}? (?:is|are|was|being|stays|remains|comes){_HOW} (?:lower|smaller|worse|below)\b", re.IGNORECASE), -1),
)  # fmt: skip
_VERBS = (
    (re.compile(rf"\b(?:{_UP})\b", re.IGNORECASE), 1), (re.compile(rf"\b(?:{_DOWN})\b", re.IGNORECASE), -1),
)  # fmt: skip
_PIVOT = re.compile(r"\bthan\b|\brelative to\b|\bcompared (?:with|to)\b|\bagainst\b|\binstead of\b|\babove\b|\bbelow\b|\bexceeds\b", re.IGNORECASE)


def comparisons(at: Reading, measures: Measures, state: CaseState) -> Iterator[Claim]:
    """All comparisons of one sentence, checked."""
    part = at.part
    if HEDGE.search(re.sub(r"\b(?:should|if|could) (?:be|you see)\b|hypothes\w+|\bproposed?\b|than it should|\bthan (?:it|they) (?:would|could|can|may)\b", "", part)):
        return
    seen: list[tuple[int, int]] = []
    for start, end, metric, sign in _found(part, at):
        if any(a < end and start < b for a, b in seen):
            continue
        seen.append((start, end))
        told = _judge(at, start, end, metric, sign, measures, state)
        if told is None:
            continue
        ok, ref, reason = told
        begin = at.sentence.start + start
        yield Claim("comparison", begin, at.sentence.start + end, ok, (ref,) if ok and ref else (), "" if ok else reason)


def _found(part: str, at: Reading) -> Iterator[tuple[int, int, str, int]]:
    for pattern, metric, sign in _RULES:
        for match in pattern.finditer(part):
            yield *match.span(), metric, sign
    for nominal, sign in _NOMINAL:
        for match in nominal.finditer(part):
            if re.search(r"\b(?:no|not|without|hardly) $", part[: match.start()]):
                continue
            yield *match.span(), noun(match["noun"]), sign
    if at.whole.splits - {"data"} or "when" in part:
        for verb, sign in _VERBS:
            for match in verb.finditer(part):
                metric = noun(part[: match.start()])
                if re.search(r"(?:\bnot|n't|\bnever|\bhardly) $", part[: match.start()]):
                    continue
                yield *match.span(), metric if metric and metric != "error" or noun(part) == "error" else "quality", sign


def _judge(
    at: Reading, start: int, end: int, metric: str, sign: int, measures: Measures, state: CaseState
) -> tuple[bool, str, str] | None:
    """(holds, evidence, why not) of one comparison; None where it can't be told what is compared."""
    if metric == "frequency":
        return _frequency(at, sign, state, start)
    if re.search(r"mask|cover|hid|remov|tak(?:e|ing) away", at.part, re.IGNORECASE) and metric not in ("brightness", "sharpness", "effect"):
        return None
    if metric == "confidence" and re.search(r"\bwrong|\berrors?\b", at.part, re.IGNORECASE) and re.search(r"\bright\b|\bcorrect", at.part, re.IGNORECASE):
        return _right_wrong(at, sign, measures)
    if metric == "effect" and re.search(r"control|elsewhere", at.part, re.IGNORECASE):
        first = re.search(r"control|elsewhere|than", at.part, re.IGNORECASE)
        ahead = first is not None and first[0].lower() != "than"
        return (sign < 0) == ahead, "", "the record says the opposite"
    made = _sides(at, start, end, metric)
    if made is None or metric == "effect" and made[1].elsewhere:
        return None
    one, other = made
    if metric == "confusion" and one.pair is None:
        metric = "called" if one.attributes else metric
        if not one.attributes:
            return None
    left, right = measures.value(metric, one), measures.value(metric, other)
    if (left is None or right is None) and metric in ("recall", "quality", "accuracy") and one.attributes:
        left, right, sign = measures.value("error", one), measures.value("error", other), -sign
    if left is None or right is None:
        if not measures.has(metric):
            return None
        return False, "", "the record does not compare these"
    ok = (left[0] - right[0]) * sign > 0
    return ok, left[1], "the record says the opposite"


def _right_wrong(at: Reading, sign: int, measures: Measures) -> tuple[bool, str, str] | None:
    """The confidence of right answers against that of wrong ones."""
    right, wrong = measures.value("confidence_right", Side()), measures.value("confidence_wrong", Side())
    if right is None or wrong is None:
        return None
    first = re.search(r"\b(?:right|correct|wrong|errors?)", at.part, re.IGNORECASE)
    begins = first is not None and first[0].lower() in ("right", "correct")
    return ((right[0] - wrong[0]) * (1 if begins else -1) * sign > 0), right[1], "the record says the opposite"


def _sides(at: Reading, start: int, end: int, metric: str) -> tuple[Side, Side] | None:
    """What is compared with what."""
    part = at.part
    pivot = next((m for m in _PIVOT.finditer(part)), None)
    shift = at.sentence.start
    about = at.about
    if pivot is not None and pivot.start() < 3:  # "Compared with the evaluation images, …"
        comma = part.find(",")
        before, after = gather(at.mentions, shift + comma), gather(at.mentions, shift, shift + comma)
        behind = part[:comma]
    elif pivot is not None:
        before, after = gather(at.mentions, shift, shift + pivot.start()), gather(at.mentions, shift + pivot.end())
        behind = part[pivot.end() :]
    else:
        before, after, behind = at.whole, Names(), ""
    one = Side(about.classes if not before.classes else before.classes, before.values or about.values, before.attributes or about.attributes, "data")
    if metric == "confusion" and at.pairs:
        (pair, *rest) = at.pairs
        if rest == [pair[::-1]]:
            split = _one(about.splits) or "data"
            return Side(split=split, pair=pair), Side(split=split, pair=rest[0])
        if re.search(r"other way|revers|vice versa", part) and not rest and not about.attributes:
            split = _one(about.splits) or "data"
            return Side(split=split, pair=pair), Side(split=split, pair=(pair[1], pair[0]))
        if not about.attributes:
            return None
    left, right = _splits(at, before, after, pivot is not None)
    if left and right and left != right:
        if one.attributes:
            return None
        one = replace(one, classes=about.classes if len(about.classes) == 1 else before.classes if len(before.classes) == 1 else one.classes)
        if len(one.classes) > 1:
            return None
        return replace(one, split=left), replace(one, split=right)
    split = left or "data"
    if one.attributes:
        if after.attributes and (after.values != before.values or after.attributes != before.attributes):
            return replace(one, split=split), Side(before.classes, after.values, after.attributes, split)
        if one.values or len(one.attributes) == 1:
            return replace(one, split=split), replace(one, split=split, elsewhere=True)
        return None
    if len(before.classes) == 1 and len(after.classes) == 1 and before.classes != after.classes:
        return Side(before.classes, split=split), Side(after.classes, split=split)
    if len(before.classes) == 1 and pivot is not None and (ELSEWHERE.search(behind) or re.search(r"average|overall|whole|all\b", behind)):
        return Side(before.classes, split=split), Side(split=split)
    return None


def _splits(at: Reading, before: Names, after: Names, pivot: bool) -> tuple[str, str]:
    """The split of either side; the evaluation images where one side is not named."""
    mentions = [m for m in at.mentions if m.kind == "split"]
    names = list(dict.fromkeys(m.name for m in mentions))
    if pivot and before.splits and after.splits:
        return _one(before.splits), _one(after.splits)
    if len(names) == 2 and not (pivot and not after.splits and len(before.splits) == 2 and False):
        turn = re.search(r"\bfrom\b.*\bto\b|\bbetween\b.*\band\b", at.part, re.IGNORECASE)
        if turn:
            return names[1], names[0]
        return names[0], names[1]
    if len(names) == 1:
        if names[0] == "data":
            return "data", ""
        moved = after.entities or re.search(r"\b(?:elsewhere|rest|others?|average|any)\b", at.part)
        return names[0], "" if moved and not before.splits or moved else "data"
    return "", ""


_MASKING = re.compile(r"\b(?:mask\w*|cover\w*|hid(?:es?|ing|den)|remov\w+|tak(?:e|es|ing) away|without)\b", re.IGNORECASE)
_SCORE = re.compile(r"\b(?P<up>rais\w+|increas\w+|lifts?|rises?|goes up|grows?|boosts?|improves?|climbs?|pushes up|higher)|\b(?P<down>lower\w*|decreas\w+|reduc\w+|falls?|drops?|goes down|sinks?|shrinks?|costs?|cuts?)\b", re.IGNORECASE)


def masked(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Whether a score falls or rises when a cue, or as much elsewhere, is masked."""
    part = at.part
    match = _SCORE.search(part)
    if match is None or HEDGE.search(part) or "score" not in part or not at.about.attributes | at.about.classes:
        return
    hidden, other = _MASKING.search(part) is not None, ELSEWHERE.search(part[: match.start()] + part[match.end() : match.end() + 24]) is not None
    metric = "control_effect" if other and hidden else "cue_effect" if hidden else "effect"
    side = Side(frozenset(), frozenset(), at.about.attributes, "data", other and hidden)
    found = measures.value(metric, side) if at.about.attributes else measures.value(metric, replace(side, classes=at.about.classes))
    if found is None:
        found = measures.of_class(metric, at.about.classes)
    if found is None:
        return
    up = match["up"] is not None
    yield _tendency(at, match, (found[0] < 0) == up if hidden else (found[0] > 0) == up, found[1])


def _one(names: frozenset[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def _frequency(at: Reading, sign: int, state: CaseState, start: int) -> tuple[bool, str, str] | None:
    """More or less frequent in training: by the findings of rare cases."""
    about = at.about
    if "train" not in at.whole.splits or not about.entities:
        return None
    pivot = _PIVOT.search(at.part)
    pivot = pivot if re.search(r"\bthan\b", at.part) else None
    first = next((m.name for m in at.mentions if m.kind == "split"), "train")
    if pivot and first != "train":
        sign = -sign
    for record in state.records.values():
        found = record.finding
        own = frozenset((found.slice or {}).keys())
        if found.kind == "rare_case" and own and own == about.attributes and about.values <= frozenset((a, str(v)) for a, v in (found.slice or {}).items()):
            return sign < 0, record.evidence[0] if record.evidence else "", "the record says the opposite"
    return False, "", "the record does not say so"


# --- how sure the model is, and how often it gives an answer ---------------------------------------------------------

_SURE = (
    (re.compile(r"\bover-?confiden\w*|\bsurer than\b|\btoo (?:sure|confident|certain)\b|\btrusts? itself too much\b|\bmore (?:confident|sure|certain) than (?:it is|it should|it ought|they are|is warranted|accurate|correct|right)|\bconfidence (?:is|lies) (?:above|higher than)\b|\bconfidence exceeds\b", re.IGNORECASE), 1),
    (re.compile(r"\bunder-?confiden\w*|\bless (?:confident|sure|certain) than (?:it is|it should|it ought|they|accurate|correct|right)|\bnot (?:sure|confident|certain) enough\b|\btrusts? itself too little\b|\btoo (?:unsure|hesitant|cautious|modest)\b|\bless sure than\b|\bis it less sure\b", re.IGNORECASE), -1),
)  # fmt: skip
_PREDICTED = (
    (re.compile(r"\bover-?predict\w*|\bpredicted too often\b|\banswered too often\b|\bmore answers than images\b|\bcalled too often\b", re.IGNORECASE), 1),
    (re.compile(r"\bunder-?predict\w*|\bpredicted too (?:rarely|seldom)\b|\btoo few answers\b|\bfewer answers than images\b", re.IGNORECASE), -1),
)  # fmt: skip
_SALIENT = re.compile(r"\b(?P<way>more|less) saliency than\b|\bsaliency (?:\w+ ){0,3}?(?P<also>above|below|exceeds) (?:its|the) (?:share of the )?area\b", re.IGNORECASE)


def tendencies(at: Reading, measures: Measures) -> Iterator[Claim]:
    """Over- and underconfidence, over- and underprediction, saliency against area."""
    if HEDGE.search(at.part.replace("than it should", "").replace("than they should", "")):
        return
    excepted = re.search(r"\b(?:but|except(?: for)?|apart from|other than)\b", at.part)
    split = _one(at.about.splits) or "data"
    if excepted is not None and len(at.whole.classes) == 1 and at.mentions[-1].start > at.sentence.start + excepted.start():
        return
    classes = at.about.classes if len(at.about.classes) == 1 else frozenset()
    gap = measures.value("gap", Side(classes, split=split))
    for pattern, sign in _SURE:
        for match in pattern.finditer(at.part):
            if gap is not None:
                yield _tendency(at, match, gap[0] * sign > 0, gap[1])
    answers, images = measures.value("answers", Side(classes, split=split)), measures.value("images", Side(classes, split=split))
    for pattern, sign in _PREDICTED:
        for match in pattern.finditer(at.part):
            if answers and images and classes:
                yield _tendency(at, match, (answers[0] - images[0]) * sign > 0, answers[1])
    found = _SALIENT.search(at.part)
    if found is not None and at.about.attributes:
        side = Side(at.about.classes, frozenset(), at.about.attributes, split)
        one, other = measures.value("saliency", side), measures.value("area", side)
        if one is None or other is None:
            one, other = measures.value("saliency", replace(side, classes=frozenset())), measures.value("area", replace(side, classes=frozenset()))
        if one and other:
            up = (found["way"] or found["also"]).lower() in ("more", "above", "exceeds")
            yield _tendency(at, found, (one[0] > other[0]) == up, one[1])


def _tendency(at: Reading, match: re.Match[str], ok: bool, ref: str) -> Claim:
    start = at.sentence.start + match.start()
    return Claim("comparison", start, start + len(match[0]), ok, (ref,) if ok else (), "" if ok else "the record says the opposite")
