"""The words at the end of the workflow: each confirmed finding once, what is part of it below it, the repairs, and readiness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.narrate.parts import parts
from failsight.agent.narrate.plainly import not_possible
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.story import no_headline
from failsight.agent.planners import words
from failsight.agent.state import FindingRecord
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case


def closing(case: Case) -> AIMessage:
    """The end of the workflow: what was confirmed, what is part of what, and whether it is ready."""
    state = case.state()
    held = {r.id for r in state.confirmed()}
    confirmed = [r for r in ordered(state) if r.id in held]  # as the report has them, the largest first
    lines = (
        [prompts.say("summary.some", count=len(confirmed)), *_nested(case, confirmed)]
        if confirmed
        else [_none(case)]
    )
    checked = [e for e in state.evidence if e.tool == "verify_correction"]
    if checked:
        lines += ["", prompts.say("summary.repairs"), *(f"- {e.summary} [{e.id}]" for e in checked)]
    ready = state.latest("readiness")
    if ready:
        lines += ["", ready.summary + f" [{ready.id}]"]
    lines += ["", prompts.say("nothing_next")]
    return words.message("\n".join(lines), words.choices(case))


def _nested(case: Case, confirmed: Sequence[FindingRecord]) -> list[str]:
    """The confirmed findings in their order, each with those that are part of it below it."""
    told = [r.id for r in confirmed]
    part_of = {i: p.of for i, p in parts(Record(case.state(), case.journal.events)).items() if p.of in told}
    whole = [r for r in confirmed if r.id not in part_of]
    lines = []
    for record in whole:
        lines.append(_closed(record))
        lines += [f"  {_closed(r, 'part')}" for r in confirmed if _top(r.id, part_of) == record.id != r.id]
    return lines


def _top(finding: str, part_of: Mapping[str, str]) -> str:
    """The finding that this one is part of, and that is part of none itself."""
    seen = {finding}
    while (above := part_of.get(finding)) is not None and above not in seen:
        seen.add(above)
        finding = above
    return finding


def _closed(record: FindingRecord, how: str = "finding") -> str:
    statement = clean(record.finding.statement, 600)
    return prompts.say(f"summary.{how}", id=record.id, statement=statement, detail=words.detail(record))


def _none(case: Case) -> str:
    """That nothing was confirmed: what was refuted or undecided, or that nothing was tested, and why not."""
    verdicts = [r.finding.verdict for r in case.state().now()]
    refuted, undecided = verdicts.count("refuted"), verdicts.count("inconclusive")
    if refuted or undecided:
        return prompts.say("summary.none", refuted=refuted, inconclusive=undecided)
    record = Record(case.state(), case.journal.events)
    missing = " ".join(s.text for s in not_possible(record))
    return prompts.say("summary.nothing", nothing=no_headline(record).text, missing=missing).strip()
