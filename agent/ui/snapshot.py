"""A frozen picture of the case for a display, taken on the session's own thread: screens never read live state."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from failsight.agent.chains import record_chain
from failsight.agent.currency import dated, stale_stages
from failsight.agent.declined import left_out
from failsight.agent.state import STAGES, CaseState, FindingRecord, Said
from failsight.agent.ui.completion import Names
from failsight.agent.ui.words import inert
from failsight.tools.evidence import Evidence
from failsight.tools.verdicts import Step

_OF_CLASS = re.compile(r"^class (.+)$")
_OF_SLICE = re.compile(r"^slice (.+)$")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the panels show: stage and transitions, findings, and how much evidence there is.

    ``entered``: the stages that were gone through; one in which something is left to do is not among them.
    ``left``: such a stage → what a person said no to in it or what no longer holds, and how to have it.
    ``chains``: id of a finding → how it came to its verdict, link by link.
    """

    stage: str = STAGES[0]
    trigger: str = ""
    entered: tuple[str, ...] = ()
    records: tuple[FindingRecord, ...] = ()
    words: tuple[str, ...] = ()
    chains: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    moves: tuple[tuple[str, str], ...] = ()  # each stage that was entered, in order, and what triggered it
    names: Names = field(default_factory=Names)
    left: Mapping[str, str] = field(default_factory=dict)

    def why(self, stage: str) -> str:
        """What triggered the last transition into ``stage``; empty when it was never entered."""
        return next((trigger for name, trigger in reversed(self.moves) if name == stage), "")

    def find(self, finding_id: str) -> FindingRecord | None:
        """The record called ``F3``, whatever the case of the letter."""
        return next((r for r in self.records if r.id == finding_id.upper()), None)


@dataclass(frozen=True, slots=True)
class Past:
    """What was said and measured before this session, when a case is taken up again."""

    said: tuple[Said, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    measured: Mapping[str, int] = field(default_factory=dict)  # evidence → when, as messages have it

    @property
    def told(self) -> list[Said | Evidence]:
        """Messages and evidence in the order in which they came."""
        when = [(s.seq, s) for s in self.said] + [(self.measured.get(e.id, 0), e) for e in self.evidence]
        return [one for _, one in sorted(when, key=lambda pair: pair[0])]


def take(state: CaseState) -> Snapshot:
    """The snapshot of ``state``, harmless to show."""
    trigger, left = state.stages[-1][1] if state.stages else "", _left(state)
    return inert(
        Snapshot(
            state.stage,
            trigger,
            tuple(name for name, _, _ in state.stages if name not in left),
            tuple(state.records.values()),
            tuple(sorted({w for w in _names(state) if 2 < len(w) <= 60}, key=str.casefold)),
            {r.id: record_chain(state, r) for r in state.records.values()},
            tuple((name, trigger) for name, trigger, _ in state.stages),
            Names(
                tuple(e.id for e in state.evidence),
                tuple(r.id for r in state.records.values()),
                _images(state),
                _tools(),
            ),
            left,
        )
    )


def _left(state: CaseState) -> dict[str, str]:
    """Stage → what is left to do in it."""
    made = left_out(state)
    for stage, said in stale_stages(state).items():
        made[stage] = f"{made[stage]}; {said}" if stage in made else said
    return made


def _images(state: CaseState) -> tuple[str, ...]:
    """The pictures that the newest evidence shows, as commands call them, and their files; at most 200."""
    made: dict[str, None] = {}
    for evidence in reversed(state.evidence):
        for image in evidence.images:
            made[f"#{image.row}" if image.split == "data" else f"{image.split}:#{image.row}"] = None
            if " " not in image.path:
                made[image.path] = None
        if len(made) >= 200:
            break
    return tuple(made)


def _tools() -> tuple[str, ...]:
    """The measuring tools, where the session has read them in already: a display does not wait for them."""
    module = sys.modules.get("failsight.tools.registry")
    return tuple(module.registry()) if module is not None else ()


def past(state: CaseState) -> Past:
    """The conversation and evidence that ``state`` holds already, harmless to show."""
    return inert(Past(tuple(state.said), dated(state, state.evidence), dict(state.measured)))


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
