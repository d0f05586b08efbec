"""What the record does hold about a statement that it does not bear out: told to the model that is to say it again.

A model that is told only that a number is wrong tends to type another one. It is told the recorded value of the very
thing that its clause names, with the placeholder that puts it there; where it can't be told which that is, the values
that are that very number, so that it sees of what they are; else nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.binding import clause_of
from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.conditions import beyond
from failsight.agent.grounding.lexicon import recorded, says
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import sentences
from failsight.agent.grounding.recorded_facts import called
from failsight.agent.grounding.sources import NAMING
from failsight.agent.state import CaseState
from failsight.tools.text import clean, number

_SPLITS = re.compile(r"\b(data|train|deploy|pool)\b")
_MOST = 3  # more values than that are not of one thing
_LONGEST = 200  # characters of a quoted sentence
_TELLING = 3  # digits: a shorter number is that of many things
_CITED = re.compile(r"\bE\d+\b")
_UNITS = {"%": "share", "p": "points"}


def hints(text: str, claim: Claim, state: CaseState, lexicon: Lexicon) -> str:
    """Recorded values of what the clause of ``claim`` names, as ``{E2.recall of class bathroom} = 65.5 %``; often nothing."""
    if claim.kind not in ("number", "comparison", "rank"):
        return ""
    return _about(text, claim, state, lexicon) or _equal(text, claim, state) or _told(text, claim, state)


def _about(text: str, claim: Claim, state: CaseState, lexicon: Lexicon) -> str:
    """Recorded values of the thing that the clause names."""
    inside = next((s for s in sentences(text) if s.start <= claim.start < s.end), None)
    if inside is None:
        return ""
    start, end = inside.clauses[clause_of(claim.start, inside.clauses)]
    named, whole = lexicon.find(text[start:end]), lexicon.find(text[inside.start : inside.end])
    if not named.classes | named.attributes:
        named, start, end = whole, inside.start, inside.end
    splits = named.splits or whole.splits
    if not named.classes | named.attributes | splits:
        return ""
    said = text[claim.start : claim.end] if claim.kind == "number" else ""
    found = list(dict.fromkeys(_of(text[start:end], said, named, splits, state, lexicon)))
    return "; ".join(found) if len(found) <= _MOST else ""


def _equal(text: str, claim: Claim, state: CaseState) -> str:
    """Recorded values that are shown exactly as the number was typed: what each is of lets the model see whether it meant that one.

    Those of the evidence that the sentence cites come first, then the newest.
    """
    said = _bare(text[claim.start : claim.end])
    if claim.kind != "number" or sum(c.isdigit() for c in said) < _TELLING:
        return ""
    found = []
    cited = _cited(text, claim)
    for made in sorted(state.evidence, key=lambda e: (e.id in cited, int(e.id[1:])), reverse=True):
        for fact in made.facts:
            plain = isinstance(fact.value, int | float) and not isinstance(fact.value, bool)
            shown = number(fact.value, fact.unit) if plain and fact.unit != "text" else ""
            if shown and _bare(shown) == said:
                found.append(f"{{{made.id}.{called(fact)}}} = {shown}")
    return "; ".join(dict.fromkeys(found[:_MOST]))


def _told(text: str, claim: Claim, state: CaseState) -> str:
    """What the summary or a note of evidence that the sentence cites says with that very number."""
    if claim.kind != "number" or not any(c.isdigit() for c in text[claim.start : claim.end]):
        return ""
    same = re.compile(
        rf"(?<![\d.,+−-]){re.escape(text[claim.start : claim.end].lstrip('+'))}(?![\d%]|[.,]\d)"
    )
    cited = _cited(text, claim)
    for made in (e for e in state.evidence if e.id in cited):
        for told in (made.summary, *made.notes):
            part = next(
                (told[s.start : s.end] for s in sentences(told) if same.search(told, s.start, s.end)), ""
            )
            if part:
                return f"{made.id} says: “{clean(part, _LONGEST)}”"
    return ""


def _cited(text: str, claim: Claim) -> set[str]:
    """Ids of evidence in the sentence, else in its paragraph."""
    inside = next((s for s in sentences(text) if s.start <= claim.start < s.end), None)
    own = set(_CITED.findall(text[inside.start : inside.end])) if inside is not None else set()
    start, stop = text.rfind("\n\n", 0, claim.start), text.find("\n\n", claim.end)
    return own or set(_CITED.findall(text[max(start, 0) : stop if stop >= 0 else len(text)]))


def _bare(shown: str) -> str:
    """A number as it is compared: without spaces, separators of thousands and the plus sign."""
    return shown.replace("−", "-").replace(",", "").replace(" ", "").lstrip("+").removesuffix("points")


def _of(
    part: str, said: str, named: Names, splits: frozenset[str], state: CaseState, lexicon: Lexicon
) -> Iterator[str]:
    """The facts of which a clause names the quantity, and all that they are of and nothing else."""
    wanted = splits or frozenset({"data"})
    unit = next((u for mark, u in _UNITS.items() if mark in said), "")
    for made in state.evidence:
        own = frozenset({str(made.arguments.get("split") or "data")})
        call = " ; ".join(str(made.arguments.get(k) or "").replace("box:", "the box of ") for k in NAMING)
        for fact in made.facts:
            if isinstance(fact.value, bool) or not isinstance(fact.value, int | float) or fact.unit == "text":
                continue
            about = lexicon.find(fact.of if fact.of and not fact.of.startswith("fill") else call)
            theirs = frozenset(_SPLITS.findall(fact.of)) or own
            same = about.classes == named.classes and about.attributes == named.attributes
            if not same or theirs != wanted or beyond(fact.of, lexicon) or (unit and fact.unit != unit):
                continue
            shown = number(fact.value, fact.unit)
            if says(recorded(fact.name), part) and (not said or shown.strip("+") != said.strip("+")):
                yield f"{{{made.id}.{called(fact)}}} = {shown}"
