"""Findings that are part of another, as the newest list of repairs that speaks of them found out: they get no repair of their own."""

from __future__ import annotations

from dataclasses import dataclass

from failsight.agent.narrate.model import Sentence
from failsight.agent.narrate.record import Record
from failsight.tools.repair.parts import TABLE_PARTS
from failsight.tools.text import clean

PROPOSE = "propose_correction"


@dataclass(frozen=True, slots=True)
class PartOf:
    """``of``: id of the other finding. ``why``: in a clause. ``evidence``: that says so."""

    of: str
    why: str
    evidence: str

    @property
    def said(self) -> Sentence:
        """``F5: 42 of its 49 errors are labels that F5 suspects.``"""
        return Sentence(f"{self.of}: {self.why}. What repairs {self.of} is its repair.", (self.evidence,))


def parts(record: Record) -> dict[str, PartOf]:
    """Id of a finding → the confirmed one that it is part of."""
    keys = {r.id: r.finding.key for r in record.state.now()}
    made: dict[str, PartOf] = {}
    for one in record.state.measured_now():
        if one.tool != PROPOSE:
            continue
        anew = {c.finding for c in one.corrections}
        made = {i: part for i, part in made.items() if keys.get(i) not in anew}
        for row in (row for t in one.tables if t.title == TABLE_PARTS for row in t.rows):
            made[str(row[0])] = PartOf(clean(row[1], 20), clean(row[-1], 200), one.id)
    held = {r.id for r in record.state.confirmed()}
    return {i: part for i, part in made.items() if part.of in held}
