"""How a measurement is told in a conversation: what it says, its first rows or pictures, and how to see the rest.

An answer comes first and alone: a person, and more so a screen reader, has to get through every line above it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from failsight.agent.ui.renderables import image_line
from failsight.tools.evidence import Evidence, Fact, ImageRef, Table
from failsight.tools.faces import cell_text, fact_text
from failsight.tools.text import clean, counted, number

ROWS, FACTS, IMAGES = 6, 4, 8
WIDEST = 140  # characters of a row
COUNTS = ("count_images", "compare_group")  # their summary says it all; examples are for who asks for them
MORE = frozenset(
    {"more", "show more", "tell me more", "the rest", "show me the rest", "show all", "all of it"}
)


@dataclass(frozen=True, slots=True)
class Brief:
    """What is shown of a measurement beside its summary; ``left``: how many lines of it are not; ``pictures``: whether it is about them."""

    table: Table | None
    facts: tuple[Fact, ...]
    images: tuple[ImageRef, ...]
    left: int
    pictures: bool

    @property
    def empty(self) -> bool:
        return not (self.table or self.facts or self.images)

    def lines(self) -> list[str]:
        """As plain text."""
        table = self.table
        made = [fact_text(f) for f in self.facts] + [image_line(i) for i in self.images]
        if table is not None:
            made.append(f"{clean(table.title)}: {' | '.join(map(clean, table.columns))}")
            made += [" | ".join(cell_text(table, i, v) for i, v in enumerate(row)) for row in table.rows]
        return made


def brief(evidence: Evidence) -> Brief:
    """Its pictures where it is about pictures; else the first rows of its first table, or the values that its summary does not give.

    Findings, notes and next steps are told by whoever answers.
    """
    about = evidence.tool not in COUNTS and not evidence.findings
    images = evidence.images[:IMAGES] if about and not evidence.tables else ()
    table = None if evidence.findings else next((t for t in evidence.tables[:1] if _narrow(t)), None)
    facts: tuple[Fact, ...] = ()
    if about and not (images or table):
        facts = tuple(f for f in evidence.facts if number(f.value, f.unit) not in evidence.summary)[:FACTS]
    rows = table.rows[:ROWS] if table else ()
    whole = len(evidence.facts) + sum(len(t.rows) for t in evidence.tables) + len(evidence.images)
    cut = replace(table, rows=rows) if table else None
    return Brief(cut, facts, images, whole - len(rows) - len(facts) - len(images), about)


def _narrow(table: Table) -> bool:
    """Whether its rows can be read as lines: whole sentences in cells can't."""
    return all(sum(len(cell_text(table, i, v)) for i, v in enumerate(r)) <= WIDEST for r in table.rows[:ROWS])


def rest_line(left: int, evidence: Evidence) -> str:
    """``… 134 more lines: more``: how to see what was left out."""
    return f"… {counted(left, 'more line')}: more, or /evidence {evidence.id}"
