"""What a sentence tells by itself: names that are numbers, whether it says what its value is of, what was measured in this turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState


def of_this_turn(state: CaseState) -> Iterator[str]:
    """The evidence that was made since the person last spoke: what an answer reports without having to cite it."""
    asked = max((s.seq for s in state.said if s.role != "planner"), default=-1)
    yield from (e.id for e in state.evidence if asked >= 0 and state.measured.get(e.id, -1) > asked)


def is_name(number: Number, at: Reading) -> bool:
    """Whether a number is the value of a recorded column that stands with the column's name: the 3 of "line 3"."""
    return any(
        m.kind == "attribute" and m.value and m.start <= number.start and number.end <= m.end
        and "=" not in at.text[m.start : m.end]
        for m in at.mentions
    )  # fmt: skip


def told_of(number: Number, at: Reading, holding: Sequence[Atom]) -> bool:
    """Whether a sentence itself names what the likeliest value of a number is of: a share in words fits too much."""
    if not holding or number.bound or (number.word and number.family == "percent"):
        return False
    best, whole = holding[0], at.whole
    own = best.names
    said = own.entities - best.loose <= whole.entities and (
        bool(own.entities & whole.entities) or not own.entities
    )
    other = {v for a, v in whole.values if a in own.attributes}
    return said and (not other or bool(own.values & whole.values) or not own.values)
