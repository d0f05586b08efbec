"""Comparisons without numbers: which of two recorded values is larger, and whether a sentence says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.lexicon import ELSEWHERE, THAN_NOTHING, WHEN_SAID
from failsight.agent.grounding.measures import Measures, Side, noun
from failsight.agent.grounding.names import Names, gather, only
from failsight.agent.grounding.phrases import NOMINAL, PIVOT, RULES, VERBS
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.relations import ANY_OTHER as _ANY_OTHER
from failsight.agent.grounding.relations import SOME_OF as _SOME_OF
from failsight.agent.grounding.sources import DATA
from failsight.agent.grounding.tendencies import right_wrong
from failsight.agent.state import CaseState


def comparisons(at: Reading, measures: Measures, state: CaseState) -> Iterator[Claim]:
    """All comparisons of one sentence, checked."""
    part = re.sub(r"\bF\d+\b", lambda m: "·" * len(m[0]), at.part) if at.whole.findings else at.part
    yield from _multiples(at, measures)
    yield from _collapses(at, measures)
    seen: list[tuple[int, int]] = []
    for start, end, metric, sign in _found(part, at):
        if any(a < end and start < b for a, b in seen):
            continue
        seen.append((start, end))
        if _SOME_OF.search(part[:start]) or _THAN_RIGHT.search(part) or _ANY_OTHER.search(part[end:]):
            continue  # counted over the classes
        told = _judge(_bracketed(at, start), start, end, metric, sign, measures, state)
        if told is None:
            continue
        ok, ref, reason = told
        begin = at.sentence.start + start
        yield weighed("comparison", begin, at.sentence.start + end, ok, (ref,) if ok and ref else (), reason)


_MULTIPLE = re.compile(
    r"\b(?:(?P<short>nearly|almost|about|roughly) |(?P<over>more than|over) )?(?P<word>doubl|tripl|quadrupl|halv)(?:es?|ed)\b",
    re.IGNORECASE,
)
_TIMES = {"doubl": (1.6, 2.5), "tripl": (2.6, 3.5), "quadrupl": (3.6, 4.6), "halv": (0.38, 0.6)}


def _multiples(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``The error rate nearly doubles in deployment``."""
    match, split = _MULTIPLE.search(at.part), only(at.whole.splits - DATA)
    metric = noun(at.part)
    if match is None or not split or not metric or at.whole.attributes or len(at.about.classes) > 1:
        return
    one = measures.value(metric, Side(at.about.classes, split=split))
    other = measures.value(metric, Side(at.about.classes))
    if one is None or other is None or not other[0]:
        return
    low, high = _TIMES[match["word"].lower()]
    times = one[0] / other[0]
    ok = low - 0.1 * bool(match["short"]) <= times <= (high if not match["over"] else 2 * high)
    start = at.sentence.start + match.start()
    yield weighed("comparison", start, start + len(match[0]), ok, (one[1],) if ok else (), "it is another multiple")  # fmt: skip


_COLLAPSES = re.compile(r"\b(?:collaps\w+|plummet\w*|crash\w*|tumbl\w+|nosediv\w+)\b", re.IGNORECASE)
_A_COLLAPSE = 10.0  # points


def _collapses(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``Precision collapses in deployment``: a fall, and not by a few points."""
    match, split = _COLLAPSES.search(at.part), only(at.whole.splits - DATA)
    if match is None or not split or at.whole.attributes or len(at.about.classes) > 1:
        return
    metric = noun(re.split(r"[,;]| while | whereas | but | and ", at.part[: match.start()])[-1]) or "recall"
    one, other = (
        measures.value(metric, Side(at.about.classes, split=split)),
        measures.value(metric, Side(at.about.classes)),
    )
    if one is not None and other is not None and metric in ("recall", "accuracy", "precision", "f1"):
        ok = other[0] - one[0] >= _A_COLLAPSE
        start = at.sentence.start + match.start()
        yield weighed(
            "comparison", start, start + len(match[0]), ok, (one[1],) if ok else (), "it does not fall so far"
        )


_THAN_RIGHT = re.compile(r"\bmore often (?:\w+ )?than (?:not|right|wrong|correct|incorrect)\b", re.IGNORECASE)
_OF_MODEL = re.compile(r"\b(?:model|network|classifier|it|performance|results?|quality)\b", re.IGNORECASE)


def _found(part: str, at: Reading) -> Iterator[tuple[int, int, str, int]]:
    for pattern, metric, sign in RULES:
        for match in pattern.finditer(part):
            yield *match.span(), metric, sign
    for nominal, sign in NOMINAL:
        for match in nominal.finditer(part):
            if re.search(r"\b(?:no|not|without|hardly) $", part[: match.start()]) or " than " in match[0]:
                continue
            yield *match.span(), noun(match[0]) if "macro" in match[0].lower() else noun(match["noun"]), sign
    if at.whole.splits - {"data"} or "when" in part:
        for verb, sign in VERBS:
            for match in verb.finditer(part):
                metric = noun(re.split(r"[,;]| while | whereas | but ", part[: match.start()])[-1]) or noun(
                    part[: match.start()]
                )
                if re.search(
                    r"(?:\bnot|n't|\bnever|\bhardly|\ban?|\bthe|\bthis|\bthat|\bits) $", part[: match.start()]
                ):
                    continue  # denied, or a noun
                if not metric and not at.about.classes and not _OF_MODEL.search(part[: match.start()]):
                    continue  # "that spread grows": nothing that the record compares
                yield (
                    *match.span(),
                    metric if (metric and metric != "error") or noun(part) == "error" else "quality",
                    sign,
                )


def _bracketed(at: Reading, start: int) -> Reading:
    """Of a comparison inside round brackets, just the bracket."""
    for match in re.finditer(r"\([^()]{12,}\)", at.part):
        if match.start() < start < match.end():
            begin, end = at.sentence.start + match.start(), at.sentence.start + match.end()
            inner = gather(at.mentions, begin, end)
            if inner.entities:
                mentions = tuple(m for m in at.mentions if begin <= m.start < end)
                return replace(
                    at,
                    sentence=replace(at.sentence, start=begin, end=end),
                    mentions=mentions,
                    whole=inner,
                    pairs=(),
                )
    return at


def _judge(
    at: Reading, start: int, end: int, metric: str, sign: int, measures: Measures, state: CaseState
) -> tuple[bool, str, str] | None:
    """(holds, evidence, why not) of one comparison; None where it can't be told what is compared."""
    if metric == "quality" and "answers" in at.part and at.whole.classes:
        metric = "precision"
    if metric in ("quality", "recall") and at.whole.classes and WHEN_SAID.search(at.part):
        metric = "precision"
    if THAN_NOTHING.match(at.text[end : at.sentence.end]):
        return None
    if metric == "frequency":
        return _frequency(at, sign, state, start, measures)
    if metric == "preds":
        return _preds(at, sign, measures)
    if _MASKED.search(at.part) and metric not in ("brightness", "sharpness", "effect", "flip"):
        return None
    if metric in ("effect", "flip") and (control := _CONTROL.search(at.part)):
        ahead = re.search(r"\bthan\b", at.part[: control.start()]) is None
        return (sign < 0) == ahead, "", "the record says the opposite"
    if metric == "confidence" and _WRONG.search(at.part) and _RIGHT.search(at.part):
        return right_wrong(at, sign, measures)
    return _measured(at, metric, sign, measures, _moved_to(at, start, end))


_MASKED = re.compile(r"mask|cover|hid|remov|tak(?:e|ing) away", re.IGNORECASE)
_CONTROL = re.compile(r"control|elsewhere", re.IGNORECASE)
_WRONG = re.compile(r"\bwrong|\berrors?\b", re.IGNORECASE)
_RIGHT = re.compile(r"\bright\b|\bcorrect", re.IGNORECASE)


def _moved_to(at: Reading, start: int, end: int) -> str:
    """The split to which something moves: the one behind a verb of moving, before the next comma."""
    if not any(v.fullmatch(at.part[start:end]) for v, _ in VERBS):
        return ""
    behind = re.split(r", |;", at.part[end:])[0]
    names = gather(at.mentions, at.sentence.start + end, at.sentence.start + end + len(behind)).splits
    return only(names - DATA) if not re.search(r"\bfrom\b|\bbetween\b", behind) else ""


def _measured(
    at: Reading, metric: str, sign: int, measures: Measures, moved: str = ""
) -> tuple[bool, str, str] | None:
    """Two recorded values looked up and compared."""
    made = _sides(at, metric)
    if made is not None and moved and made[0].split != made[1].split and made[1].split == moved:
        made = made[1], made[0]
    if made is None or (metric == "effect" and made[1].elsewhere):
        return None
    one, other = made
    if metric == "confusion" and one.pair is None:
        metric = "called" if one.attributes else metric
        if not one.attributes:
            return None
    several = metric == "effect" and len(other.attributes) > 1 and not other.values
    if several:  # "smaller than those of the stools and the television"
        told = [
            _measured_two(metric, one, replace(other, attributes=frozenset({a})), sign, measures)
            for a in other.attributes
        ]
        return next((t for t in told if t is None or not t[0]), told[0])
    return _measured_two(metric, one, other, sign, measures)


_SUCCESS = frozenset({"quality", "accuracy", "recall", "precision"})


def _measured_two(
    metric: str, one: Side, other: Side, sign: int, measures: Measures
) -> tuple[bool, str, str] | None:
    left, right = measures.value(metric, one), measures.value(metric, other)
    if (left is None or right is None) and metric in ("recall", "quality", "accuracy") and one.attributes:
        left, right, sign = measures.value("error", one), measures.value("error", other), -sign
    if left is None or right is None:
        if metric in _SUCCESS and not all(measures.value(metric, Side(split=s.split)) for s in (one, other)):
            return False, "", "this was not measured on these images"
        return None
    ok = (left[0] - right[0]) * sign > 0 or (abs(sign) > 1 and left[0] == right[0])
    return ok, left[1], "the record says the opposite"


def _preds(at: Reading, sign: int, measures: Measures) -> tuple[bool, str, str] | None:
    """``More A are called B than C``: two answers for one class."""
    pivot, classes = re.search(r"\bthan\b", at.part), [m for m in at.mentions if m.kind == "class"]
    after = [m.name for m in classes if pivot and m.start > at.sentence.start + pivot.end()]
    if len(at.pairs) < 1 or len(after) != 1:
        return None
    (true, said), split = at.pairs[0], only(at.about.splits) or "data"
    values = measures.by_pair(split)
    one, other = values.get((true, said), (0.0, "")), values.get((true, after[0]), (0.0, ""))
    return ((one[0] - other[0]) * sign > 0), one[1], "the record says the opposite"


def _sides(at: Reading, metric: str) -> tuple[Side, Side] | None:
    """What is compared with what."""
    about = at.about
    before, after, behind, pivot = _halves(at)
    split = only(about.splits) or "data"
    if metric == "confusion" and at.pairs and not about.attributes:
        return _directions(at, after, pivot, split)
    one = Side(
        before.classes or about.classes, before.values or about.values, before.attributes or about.attributes
    )
    left, right = _splits(at, before, after, pivot)
    if (
        pivot
        and len(before.classes) == 1 == len(after.classes)
        and before.classes != after.classes
        and not (before.splits and after.splits and before.splits != after.splits)
        and not before.attributes
    ):
        shared = only(about.splits) or ("deploy" if "deploy" in before.splits else "data")
        return Side(before.classes, split=shared), Side(after.classes, split=shared)
    if left and right and left != right:
        if len(about.classes) == 1 or len(before.classes) == 1:
            one = replace(one, classes=about.classes if len(about.classes) == 1 else before.classes)
        if one.attributes or len(one.classes) > 1:
            return None
        return replace(one, split=left), replace(one, split=right)
    one = replace(one, split=left or "data")
    if one.attributes:
        return _slices(one, before, after)
    first, second = replace(one, classes=before.classes), replace(one, classes=after.classes)
    if len(before.classes) == 1 == len(after.classes) and before.classes != after.classes:
        return first, second
    general = ELSEWHERE.search(behind) or re.search(r"average|overall|whole|all\b", behind)
    if len(before.classes) == 1 and pivot and general:
        return first, replace(one, classes=frozenset())
    return None


def _halves(at: Reading) -> tuple[Names, Names, str, bool]:
    """What stands before and behind ``than``, the words behind it, and whether there is one."""
    part, start = at.part, at.sentence.start
    pivot = PIVOT.search(part)
    if pivot is None:
        return at.whole, Names(), "", False
    if pivot.start() < 3:  # "Compared with the evaluation images, …"
        comma = part.find(",")
        return (
            gather(at.mentions, start + comma),
            gather(at.mentions, start, start + comma),
            part[:comma],
            True,
        )
    before, after = (
        gather(at.mentions, start, start + pivot.start()),
        gather(at.mentions, start + pivot.end()),
    )
    turn = re.search(r",? but (?:a|an|less|more|not|still)\b", part[pivot.end() :])
    if turn is not None:  # "more than the cat but less than the television": the first comparison
        after = gather(at.mentions, start + pivot.end(), start + pivot.end() + turn.start())
    return before, after, part[pivot.end() :], True


def _directions(at: Reading, after: Names, pivot: bool, split: str) -> tuple[Side, Side] | None:
    """One confusion against its reverse, or against another answer for the same class."""
    (pair, *rest) = at.pairs
    other: tuple[str, str] | None = None
    if rest == [pair[::-1]] or (not rest and re.search(r"other way|revers|vice versa", at.part)):
        other = (pair[1], pair[0])
    elif pivot and len(after.classes) == 1 and not rest:
        other = (pair[0], next(iter(after.classes)))
    return (Side(split=split, pair=pair), Side(split=split, pair=other)) if other else None


def _slices(one: Side, before: Names, after: Names) -> tuple[Side, Side] | None:
    """A slice against another one, else against the images outside of it."""
    if after.attributes and (after.values != before.values or after.attributes != before.attributes):
        return one, Side(before.classes, after.values, after.attributes, one.split)
    return (one, replace(one, elsewhere=True)) if one.values or len(one.attributes) == 1 else None


def _splits(at: Reading, before: Names, after: Names, pivot: bool) -> tuple[str, str]:
    """The split of either side; the evaluation images where one side is not named."""
    mentions = [m for m in at.mentions if m.kind == "split"]
    names = list(dict.fromkeys(m.name for m in mentions))
    if pivot and before.splits and after.splits:
        return only(before.splits), only(after.splits)
    if len(names) == 2 and not (pivot and not after.splits and len(before.splits) == 2 and False):
        turn = re.search(r"\bfrom\b.*\bto\b|\bbetween\b.*\band\b", at.part, re.IGNORECASE)
        if turn:
            return names[1], names[0]
        return names[0], names[1]
    if len(names) == 1:
        if names[0] == "data":
            return "data", ""
        moved = after.entities or re.search(r"\b(?:elsewhere|rest|others?|average|any)\b", at.part)
        return names[0], "" if (moved and not before.splits) or moved else "data"
    return "", ""


def _frequency(
    at: Reading, sign: int, state: CaseState, start: int, measures: Measures
) -> tuple[bool, str, str] | None:
    """More or less frequent in training: by the findings of rare cases."""
    about = at.about
    if "train" not in at.whole.splits or not about.entities:
        return None
    pivot = PIVOT.search(at.part)
    pivot = pivot if re.search(r"\bthan\b", at.part) else None
    first = next((m.name for m in at.mentions if m.kind == "split"), "train")
    if pivot and first != "train":
        sign = -sign
    for side in (
        Side(about.classes, about.values, about.attributes, "train"),
        Side(about.classes, frozenset(), about.attributes, "train"),
    ):
        here, there = (
            measures.value("frequency", side),
            measures.value("frequency", replace(side, split="data")),
        )
        if here is not None and there is not None:
            return (here[0] - there[0]) * sign > 0, here[1], "the record says the opposite"
    for record in state.records.values():
        found = record.finding
        own = frozenset((found.slice or {}).keys())
        if (
            found.kind == "rare_case"
            and own
            and own == about.attributes
            and about.values <= frozenset((a, str(v)) for a, v in (found.slice or {}).items())
        ):
            return sign < 0, record.evidence[0] if record.evidence else "", "the record says the opposite"
    return None
