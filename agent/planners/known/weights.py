"""What an error costs beside another, as people say it: kept for the case, said back, and the confusions weighed with it.

``A cat taken for a dog is five times as bad as any other mistake``. What was said is a fold over the journal, so that a later question, also
after a restart, is answered with it. An error that nobody gave a price has none: that is said, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting import beside, prices
from failsight.agent.planners.counting.base import call_of, names_of, why
from failsight.agent.planners.counting.said import TOOL, of_count
from failsight.agent.planners.known.counts import at_hand
from failsight.knowledge_base.directions import directions
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 240
KIND: Final = "weighed"
MATRIX: Final = "confusion_matrix"
MOST: Final = 4  # confusions that are told
_WORDS: Final = {
    "twice": 2.0, "double": 2.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0, "twenty": 20.0, "fifty": 50.0, "hundred": 100.0, "thousand": 1000.0,
}  # fmt: skip
_BAD: Final = r"(?:bad|badly|costly|expensive|grave|serious|severe|important|dear|harmful|dangerous|terrible|heav(?:y|ily)|much|worse|costlier|graver)"
_TIMES: Final = re.compile(
    rf"\b(?:(?P<n>\d+(?:[.,]\d+)?)|(?P<w>{'|'.join(_WORDS)}))(?: times)? (?:(?:as|so|more) )?{_BAD}\b|\b(?:(?P<n2>\d+(?:[.,]\d+)?)|(?P<w2>{'|'.join(_WORDS)}))[ -]times\b|\bcounts? (?:for )?(?P<n3>\d+(?:[.,]\d+)?)\b",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(r"^\W*(?:(?:no|sorry|wait|oops|actually|rather|well|hm+|and|so|but|ok(?:ay)?|make (?:it|that)|say|let'?s say|only|just|perhaps|maybe|then|now)\b\W*)+", re.IGNORECASE)  # fmt: skip
_CORRECTS: Final = re.compile(
    r"\b(?:no|wait|wrong|mixed|sorry|other way|instead|meant|rather|reverse)\b", re.IGNORECASE
)
_AROUND: Final = re.compile(r"^\W*(?:(?:no|sorry|wait|i mean|i meant)\b\W*)*(?:it'?s |it is |that'?s )?(?:(?:exactly )?the other way (?:a?round)|the reverse|vice versa)\W*$", re.IGNORECASE)  # fmt: skip
_ERRORS: Final = r"(?:mistakes?|errors?|confusions?|mix-?ups?|misclassifications?|wrong answers?)"
_COSTLIEST: Final = re.compile(
    rf"\b(?:what|which)\b.{{0,30}}\b(?:worry|worries|hurts?|costs?|bothers?|concerns?|weighs?|matters?)\b.{{0,14}}\bmost\b.{{0,8}}\b(?:among|of|in|from)\b.{{0,16}}\b{_ERRORS}\b|\b(?:which|what)\b(?: \w+){{0,5}}? {_ERRORS}\b.*\b(?:cost\w*|worst|expensive|weigh\w*|hurt\w*|harm\w*|matter\w*|count\w*)\b|\b(?:which|what)\b.{{0,40}}\b(?:worst|costliest|most (?:expensive|costly|harmful)) {_ERRORS}\b",
    re.IGNORECASE,
)
_MOST: Final = re.compile(r"^\W*(?:(?:so|and|but|then|now|ok(?:ay)?)\b\W*)*(?:what|which(?: one| ones)?) (?:costs?|hurts?|weighs?)(?: (?:us|me))?(?: the)? most\b(?: (?:now|then))*\W*$", re.IGNORECASE)  # fmt: skip


_MAY_TELL: Final = re.compile(r"\d|times|twice|double|other way|reverse|vice", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Weights:
    """What errors cost: (true class, answer; empty for a miss) → cost. ``rest``: of every other error, None where nobody said it."""

    pairs: tuple[tuple[tuple[str, str], float], ...] = ()
    rest: float | None = 1.0
    unit: str = ""

    def with_(self, pair: tuple[str, str], cost: float) -> Weights:
        return replace(self, pairs=(*(p for p in self.pairs if p[0] != pair), (pair, cost)))


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """What is said back to a weight, and the confusions that cost most; None for every other sentence."""
    if len(question) > LONGEST or MATRIX not in registry() or not at_hand(case):
        return None
    if any(m.role != "class" for m in mentions.found):
        return None
    asks = _COSTLIEST.search(question) is not None
    if not (asks or _MOST.match(question) or _TIMES.search(question) or _AROUND.match(question)):
        return None
    before = _kept(case)
    now = _told(case, question, mentions, before)
    if now is not None:
        return _call(question, now, stated=True)
    if not (asks or _MOST.match(question)) or mentions.found:
        return None
    if before.pairs:
        return _call(question, before, stated=False)
    return (
        _call(question, before, stated=False)
        if asks and re.search(r"\b(?:cost|expensive|dear|harm|hurt)", question, re.IGNORECASE)
        else None
    )


def _kept(case: Case) -> Weights:
    """What was said before, the newest of each pair."""
    made = Weights()
    for text in _said_before(case):
        if len(text) > LONGEST or not _MAY_TELL.search(text):
            continue
        told = _told(case, text, names_of(case, text), made) or _priced(case, text)
        made = told if told is not None else made
    return made


def _said_before(case: Case) -> list[str]:
    """All that a person said in the case, without what is being answered."""
    said, waits = list[str](), False
    for event in case.journal.events:
        if event.kind == "message":
            waits = event.data["role"] == "person"
            said += [str(event.data["text"])] if waits else []
    return said[:-1] if waits else said


def _priced(case: Case, text: str) -> Weights | None:
    """Prices in money, as they are read where they are counted."""
    said = prices.told(case, text)
    if said is None:
        return None
    some = said.get("prices") or [said]
    pairs = tuple(((str(p["true"]), str(p["predicted"])), float(p["cost"])) for p in some)
    return Weights(
        pairs, None if said.get("rest") is None else float(said["rest"]), str(said.get("unit") or "")
    )


def _told(case: Case, text: str, mentions: Mentions, before: Weights) -> Weights | None:
    """The weights with what a sentence says of them; None where it says nothing of them."""
    if _AROUND.match(text) and len(before.pairs) == 1:
        (label, said), weight = before.pairs[0]
        return Weights((((said, label), weight),), before.rest, before.unit) if said else None
    found = _TIMES.search(text)
    if found is None:
        return None
    cost = _number(found)
    names = list(dict.fromkeys(mentions.of("class")))
    if not names:
        return _changed(text, cost, before)
    if (
        len(names) != 2
        or len(mentions.of("class")) != 2
        or not prices.CONFUSES.search(text)
        or "?" in text[: found.start()]
    ):
        return None
    true, predicted = directions(mentions)
    if not true or not predicted:
        return None
    held = before if before.rest == 1.0 and not before.unit else Weights()
    if _CORRECTS.search(text):
        held = replace(held, pairs=tuple(p for p in held.pairs if p[0] != (predicted, true)))
    return held.with_((true, predicted), cost)


def _changed(text: str, cost: float, before: Weights) -> Weights | None:
    """``no, twice as bad is enough``: another weight of the one error that has one."""
    if len(before.pairs) != 1 or not _INSTEAD.match(text) or len(text.split()) > 10:
        return None
    return before.with_(before.pairs[0][0], cost)


def _number(found: re.Match[str]) -> float:
    figure = found["n"] or found["n2"] or found["n3"]
    return float(figure.replace(",", ".")) if figure else _WORDS[(found["w"] or found["w2"]).lower()]


def _call(question: str, kept: Weights, *, stated: bool) -> AIMessage:
    counts = [
        (TOOL, {"having": [f"true={true}", f"predicted={predicted}" if predicted else "wrong"]})
        for (true, predicted), _ in kept.pairs
    ]
    said = {
        "kind": KIND,
        "pairs": [[*pair, cost] for pair, cost in kept.pairs],
        "rest": kept.rest,
        "unit": kept.unit,
        "stated": stated,
    }
    return call_of((MATRIX, {}), [(TOOL, {"having": ["wrong"]}), *counts], why(question), said)


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The weights as they are kept, and the confusions that weigh most."""
    matrix = next((e for e in made if e.tool == MATRIX), None)
    found = [s for s in (beside.side(e, "") for e in made if e.tool == TOOL) if s is not None]
    kept = [((str(t), str(p)), float(c)) for t, p, c in said.get("pairs") or ()]
    if matrix is None or len(found) != len(kept) + 1:
        return [of_count(e) for e in made if e.tool == TOOL]
    wrong, each = found[0].k, [s.k for s in found[1:]]
    rest, unit = said.get("rest"), str(said.get("unit") or "")
    rows = _rows(matrix, kept, each, rest)
    total = sum(k * c for k, (_, c) in zip(each, kept, strict=True)) + (wrong - sum(each)) * float(rest or 0)
    if not rows or not total:
        return [of_count(e) for e in made if e.tool == TOOL]
    cited = "".join(f"[{e.id}]" for e in made)
    text = [_stated(kept, rest, unit)] if said.get("stated") else []
    (name, k, cost), *others = rows
    text.append(prompts.say("known.weights.first", name=name, sum=_sum(k, cost), total=_text(total), share=number(k * cost / total), unit=f" {unit}" if unit else "",
                            n=f"{found[0].n:,}", images=called("data"), evidence=cited))  # fmt: skip
    if others:
        told = [f"{n} {_sum(k, c)}" for n, k, c in others[:MOST]]
        text.append(prompts.say("known.weights.next", names=listing(told, MOST, 120)))
    if rest is None and wrong > sum(each):
        text.append(prompts.say("known.weights.unpriced", n=f"{wrong - sum(each):,}"))
    if not kept:
        text.append(prompts.say("known.weights.alike"))
    return text


def _stated(kept: Sequence[tuple[tuple[str, str], float]], rest: float | None, unit: str) -> str:
    names = [f"{_name(*pair)} {_text(cost)}{f' {unit}' if unit else ''}" for pair, cost in kept]
    others = prompts.say("known.weights.rest", cost=_text(rest)) if rest is not None else ""
    return prompts.say(
        "known.weights.kept", names=listing(names, 8, 120), others=f" {others}" if others else ""
    )


def _rows(
    matrix: Evidence, kept: Sequence[tuple[tuple[str, str], float]], each: Sequence[int], rest: float | None
) -> list[tuple[str, int, float]]:
    """(confusion, errors, cost of each), those that cost most first; those without a price are left out."""
    rows = [(_name(*pair), k, cost) for (pair, cost), k in zip(kept, each, strict=True) if k]
    taken = {pair for pair, _ in kept}
    missed = {true for true, predicted in taken if not predicted}
    table = next(
        (t for t in matrix.tables if t.columns[:3] == ("true class", "predicted class", "images")), None
    )
    for row in table.rows if table is not None and rest is not None else ():
        true, predicted, k = str(row[0]), str(row[1]), int(float(str(row[2])))
        if (true, predicted) not in taken and true not in missed:
            rows.append((_name(true, predicted), k, float(rest or 0)))
    return sorted(rows, key=lambda r: -r[1] * r[2])


def _name(true: str, predicted: str) -> str:
    name = clean(true.replace("_", " "), 60)
    if not predicted:
        return prompts.say("count.cost_missed", true=name)
    return prompts.say("count.cost_pair", true=name, predicted=clean(predicted.replace("_", " "), 60))


def _sum(k: int, cost: float) -> str:
    return f"{k:,} × {_text(cost)} = {_text(k * cost)}"


def _text(value: float | None) -> str:
    """A weight as it is read: ``4``, ``2.5``, ``24,600``."""
    return f"{float(value or 0):,.10g}"
