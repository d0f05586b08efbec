"""What the record does hold about a statement that it does not bear out: told to the model that is to say it again.

A model that is told only that a number is wrong tends to type another one. It is told the recorded value of the very
thing that its clause names, with the placeholder that puts it there; where it can't be told which that is, nothing.
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
from failsight.tools.text import number

_SPLITS = re.compile(r"\b(data|train|deploy|pool)\b")
_MOST = 3  # more values than that are not of one thing
_UNITS = {"%": "share", "p": "points"}


def hints(text: str, claim: Claim, state: CaseState, lexicon: Lexicon) -> str:
    """Recorded values of what the clause of ``claim`` names, as ``{E2.recall of class bathroom} = 65.5 %``; often nothing."""
    if claim.kind not in ("number", "comparison", "rank"):
        return ""
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
