"""What came of every registered plan, also of those that ended without a finding: what was asked and not shown is a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import sentence
from failsight.tools.evidence import Cell, Instrument, Table
from failsight.tools.text import clean

TITLE = "What came of every plan"
GROUPS = ("disaggregate",)  # its one plan is for every group that it compares
REPAIRS = ("verify_correction",)  # judge a repair, which is told with the finding that it mends
MOST_ASKED = 3  # claims without a finding that are named, a row
_NOT_MEASURED = "not measured"


@dataclass
class _Row:
    """The plans of one call: how many, the verdicts of the tests that they led to, and those that led to none."""

    plans: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    bare: list[str] = field(default_factory=list)


def outcomes(record: Record) -> Table | None:
    """One row for each call that was planned; None without plans."""
    led = _led_to(record)
    rows: dict[tuple[str, str], _Row] = {}
    for name, (plan, seq) in record.state.instruments.items():
        tests = led.get(name, [])
        later = "" if tests else record.tested_since(plan, seq)
        where = tests[0][0] if tests else _measured_by(record, plan, seq) or later
        row = rows.setdefault((where or _NOT_MEASURED, clean(plan.tool)), _Row())
        row.plans += 1
        row.verdicts.update(verdict for _, verdict in tests)
        if not tests and not later and plan.tool not in REPAIRS and not _raised(record, plan, where):
            row.bare.append(plan.statement)
    if not rows:
        return None
    cells: list[tuple[Cell, ...]] = [
        (
            where, tool, row.plans, row.verdicts["confirmed"], row.verdicts["refuted"], row.verdicts["inconclusive"],
            len(row.bare), _asked(row.bare),
        )
        for (where, tool), row in rows.items()
    ]  # fmt: skip
    return Table(
        TITLE,
        ("evidence", "tool", "plans", "confirmed", "refuted", "undecided", "without a finding", "what was asked there"),
        tuple(cells),
        ("text", "text", "count", "count", "count", "count", "count", "text"),
        "Confirmed, refuted, undecided: tests of findings; one plan for whatever a search finds can lead to several. Without a finding: "
        "plans of which nothing was confirmed; what was measured stands in the tables of the evidence. What came of a repair is told "
        "with the repairs.",
    )  # fmt: skip


def _led_to(record: Record) -> dict[str, list[tuple[str, str]]]:
    """Plan → (evidence, verdict) of each test that was made by it."""
    made: dict[str, list[tuple[str, str]]] = {}
    for found in record.state.records.values():
        for test in found.finding.tests:
            planned = record.plan(found.finding, test) or _of_groups(record, test.tool, test.evidence)
            if planned is not None:
                made.setdefault(planned[0].id, []).append((test.evidence, test.verdict))
    return made


def _of_groups(record: Record, tool: str, evidence: str) -> tuple[Instrument, int] | None:
    """The plan of a tool whose one plan is for all groups, in the call that made ``evidence``."""
    if tool not in GROUPS:
        return None
    for plan, seq in record.state.instruments.values():
        if plan.tool == tool and _measured_by(record, plan, seq) == evidence:
            return plan, seq
    return None


def _measured_by(record: Record, plan: Instrument, seq: int) -> str:
    """The evidence of the call that registered a plan and carried it out; empty where it was not."""
    return next((c.evidence for c in record.calls if c.tool == plan.tool and c.seq < seq < (c.done or 0)), "")


def _raised(record: Record, plan: Instrument, where: str) -> bool:
    """Whether the call raised findings that the plan is for: an experiment judges them, and its own plan is told."""
    evidence = record.evidence(where)
    return evidence is not None and any(plan.covers(f, plan.tool) for f in evidence.findings)


def _asked(claims: Sequence[str]) -> str:
    told = " ".join(sentence(one, 200) for one in claims[:MOST_ASKED])
    more = len(claims) - MOST_ASKED
    return f"{told} And {more:,} more." if more > 0 else told
