"""The chain of a finding (hypothesis, instrument, evidence, verdict) as app, plain mode and reports show it."""

from __future__ import annotations

from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.verdicts import Step, chain


def record_chain(state: CaseState, record: FindingRecord) -> tuple[Step, ...]:
    """How ``record`` came to its verdict: each link with the id of the evidence or plan that it rests on."""
    plans = [
        plan
        for plan, _ in state.instruments.values()
        if plan.tool != "verify_correction"  # judges a repair
        and (plan.finding == record.finding.key or plan.id in record.instruments)
    ]
    return chain(record.finding, plans, raised=record.evidence[0] if record.evidence else "")
