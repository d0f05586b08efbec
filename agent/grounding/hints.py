"""What the record does hold about a statement that it does not bear out: told to the model that is to say it again.

A model that is told only that a number is wrong tends to type another one. It is told the recorded values of what its
statement is about, each with the placeholder that puts it there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import recorded, says
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import sentences
from failsight.agent.grounding.sources import NAMING
from failsight.agent.state import CaseState
from failsight.tools.evidence import Fact
from failsight.tools.text import clean, number

_SPLITS = re.compile(r"\b(data|train|deploy|pool)\b")
_MOST = 3


def hints(text: str, claim: Claim, state: CaseState, lexicon: Lexicon) -> str:
    """Recorded values of what the sentence of ``claim`` names, as ``{E2.recall of class bathroom} = 65.5 %``; often nothing."""
    if claim.kind not in ("number", "comparison", "rank"):
        return ""
    inside = next((s for s in sentences(text) if s.start <= claim.start < s.end), None)
    if inside is None:
        return ""
    part = text[inside.start : inside.end]
    named = lexicon.find(part)
    if not named.classes | named.attributes | named.splits:
        return ""
    found = dict.fromkeys(_of(part, named, state, lexicon))
    return "; ".join(list(found)[:_MOST])


def _of(part: str, named: Names, state: CaseState, lexicon: Lexicon) -> Iterator[str]:
    """The facts of which a sentence names the quantity and all that they are of."""
    splits = named.splits or frozenset({"data"})
    for made in state.evidence:
        own = frozenset({str(made.arguments.get("split") or "data")})
        call = " ; ".join(str(made.arguments.get(k) or "").replace("box:", "the box of ") for k in NAMING)
        for fact in made.facts:
            if isinstance(fact.value, bool) or not isinstance(fact.value, int | float) or fact.unit == "text":
                continue
            about = lexicon.find(fact.of if fact.of and not fact.of.startswith("fill") else call)
            theirs = frozenset(_SPLITS.findall(fact.of)) or own
            general = not about.classes | about.attributes and bool(named.classes | named.attributes)
            meant = about.classes <= named.classes and about.attributes <= named.attributes
            if general or not meant or not theirs <= splits | {"data"} or not theirs & splits:
                continue
            if says(recorded(fact.name), part):
                yield f"{{{made.id}.{_called(fact)}}} = {number(fact.value, fact.unit)}"


def _called(fact: Fact) -> str:
    return clean(f"{fact.name} of {fact.of}" if fact.of else fact.name, 80)
