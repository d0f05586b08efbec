"""Verdicts that tables hold: of slices that were tested and not reported, and of the rows about one class or attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Cell, Finding, Verdict

_VERDICTS: Mapping[Cell, Verdict] = {
    "confirmed": "confirmed",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
}


def tried(state: CaseState, lexicon: Lexicon) -> Iterator[tuple[FindingRecord, Names]]:
    """Slices that were tested and not reported: a verdict without a finding."""
    for made in state.evidence:
        for table in made.tables:
            if "verdict" not in table.columns or table.columns[0] != "slice":
                continue
            at = table.columns.index("verdict")
            for row in table.rows:
                names, label = lexicon.find(str(row[0])), str(row[0])
                verdict = _VERDICTS.get(row[at], "inconclusive" if row[at] == "merged" else None)
                if verdict is not None:
                    slice_ = dict(names.values)
                    finding = Finding("weak_slice", "correctness", "unknown", label, slice_, verdict=verdict)
                    yield FindingRecord(f"{made.id}:{label}", finding, (made.id,)), names


def of_rows(state: CaseState, lexicon: Lexicon) -> dict[str, set[str]]:
    """Class or attribute → the verdicts of the rows of tables that are about it alone."""
    made: dict[str, set[str]] = {}
    for table in (t for e in state.evidence for t in e.tables if "verdict" in t.columns):
        for row in table.rows:
            names = lexicon.find(str(row[0])).entities
            if len(names) == 1:
                verdict = str(row[table.columns.index("verdict")])
                made.setdefault(next(iter(names)), set()).add(verdict)
    return made
