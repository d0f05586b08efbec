"""A frozen picture of the case for a display, taken on the session's own thread: screens never read live state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from failsight.agent.chains import record_chain
from failsight.agent.state import STAGES, CaseState, FindingRecord, Said
from failsight.agent.ui.words import inert
from failsight.tools.evidence import Evidence
from failsight.tools.verdicts import Step

_OF_CLASS = re.compile(r"^class (.+)$")
_OF_SLICE = re.compile(r"^slice (.+)$")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the panels show: stage and transitions, findings, and how much evidence there is.

    ``chains``: id of a finding → how it came to its verdict, link by link.
    """

    stage: str = STAGES[0]
    trigger: str = ""
    entered: tuple[str, ...] = ()
    records: tuple[FindingRecord, ...] = ()
    words: tuple[str, ...] = ()
    chains: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    def find(self, finding_id: str) -> FindingRecord | None:
        """The record called ``F3``, whatever the case of the letter."""
        return next((r for r in self.records if r.id == finding_id.upper()), None)


@dataclass(frozen=True, slots=True)
class Past:
    """What was said and measured before this session, when a case is taken up again."""

    said: tuple[Said, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def take(state: CaseState) -> Snapshot:
    """The snapshot of ``state``, harmless to show."""
    trigger = state.stages[-1][1] if state.stages else ""
    return inert(
        Snapshot(
            state.stage,
            trigger,
            tuple(name for name, _, _ in state.stages),
            tuple(state.records.values()),
            tuple(sorted({w for w in _names(state) if 2 < len(w) <= 60}, key=str.casefold)),
            {r.id: record_chain(state, r) for r in state.records.values()},
        )
    )


def past(state: CaseState) -> Past:
    """The conversation and evidence that ``state`` holds already, harmless to show."""
    return inert(Past(tuple(state.said), tuple(state.evidence)))


def _names(state: CaseState) -> Iterator[str]:
    """Class names, attributes and attribute values that the evidence speaks of: what a person may want to type."""
    for about in (state.config.get("data") or {}).values():
        yield from (str(name) for name in about.get("classes") or ())
    for record in state.records.values():
        yield from (str(n) for n in (record.finding.class_name, record.finding.confused_with) if n)
        for attribute, value in (record.finding.slice or {}).items():
            yield from (attribute, f"{attribute}={value}")
    for evidence in state.evidence:
        for fact in evidence.facts:
            if found := _OF_CLASS.match(fact.of):
                yield found[1]
            elif found := _OF_SLICE.match(fact.of):
                yield from re.split(r" & | and |, ", found[1])
