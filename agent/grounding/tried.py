"""Verdicts that tables hold: of slices that were tested and not reported, and of the rows about one class or attribute."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

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


def in_evidence(state: CaseState, lexicon: Lexicon, ids: Collection[str], about: Names) -> list[str]:
    """The verdicts that tables of some evidence give the rows which a sentence names: those of the values, else of the columns that it
    names, else all; a row about more than it names is none of them. Without ids all evidence counts, and something has to be named."""
    made: list[str] = []
    for evidence in state.evidence:
        if (ids and evidence.id not in ids) or not (ids or about.attributes):
            continue
        for table in (t for t in evidence.tables if "verdict" in t.columns):
            at = table.columns.index("verdict")
            for row in table.rows:
                own = lexicon.find(str(row[0]))
                valued = {v for v in about.values if v[0] in own.attributes}
                if about.attributes and not own.attributes <= about.attributes:
                    continue
                if (
                    own.attributes
                    and (not valued or own.values & valued)
                    and (about.attributes or len(own.attributes) == 1)
                ):
                    made.append(str(row[at]))
    return made
