"""Going on with what a finding says about the feeding: offered at once, because every later number hangs on it.

A model that is fed wrongly, or whose outputs carry each other's names, is a model that nobody will run. Where a check
confirmed that, and a setting mends it, the next step is to go on with a version so stated (``adopt_version``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners.step import Step
from failsight.tools.adopt_version import KINDS, TOOL, stated
from failsight.tools.registry import registry
from failsight.tools.repair.restated import members_line

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState, FindingRecord

_THING = (
    r"(?:(?:input )?pipeline|pre-?processing|feeding|channel order|(?:class|output) order|order of (?:the )?(?:classes|outputs)|"
    r"side file|settings?|crop|normali[sz]ation|mended (?:model|version)|(?:correctly|rightly) fed (?:model|version))"
)
MEANT = re.compile(
    r"^\W*(?:(?:so|and|but|ok|okay|now|then|well|yes|please|let'?s|can you|could you|i want (?:you )?to|i'd like (?:you )?to)\b\W*)*"
    r"(?:use|take|adopt|apply|go on with|continue with|proceed with|carry on with|switch to|work with|measure with|change to)\b"
    rf".*?\b{_THING}\b(?:.*?\bF(?P<id>\d+)\b)?",
    re.IGNORECASE | re.DOTALL,
)
THINGS = {"preprocessing": "pipeline", "class_order": "class order"}


def waiting(case: Case, state: CaseState) -> tuple[FindingRecord, str] | None:
    """The finding to be mended before anything else is measured, and what the side file should state; None without one."""
    if TOOL not in registry() or not case.has_model():
        return None
    for record in state.confirmed():
        line = line_of(state, record)
        if line and not record.mended:
            return record, line
    return None


def line_of(state: CaseState, record: FindingRecord) -> str:
    """What the side file should state by a confirmed finding; empty where no setting mends it."""
    if record.finding.kind not in KINDS:
        return ""
    found = (stated(e, record.finding) for e in reversed(state.evidence) if e.id in record.evidence)
    return members_line(next((m for m in found if m), {}))


def step(case: Case, state: CaseState) -> Step | None:
    """The call that goes on with the mended model; None where nothing waits."""
    found = waiting(case, state)
    return None if found is None else step_for(state, *found)


def step_for(state: CaseState, record: FindingRecord, line: str) -> Step:
    """The call that mends one finding."""
    why = prompts.say("why.adopt_version", finding=record.id, line=line)
    return Step(state.stage, TOOL, why, {"finding": record.id})


def offer(case: Case, state: CaseState) -> str:
    """The words with which a person goes on with the mended model; empty where nothing waits."""
    found = waiting(case, state)
    return "" if found is None else f"Use the {THINGS[found[0].finding.kind]} found ({found[0].id})"


def asked(case: Case, question: str) -> Step | AIMessage | None:
    """The call that somebody asks for, or that it was made; None for other sentences, and where nothing was found."""
    said = MEANT.match(question)
    if said is None or (
        question.rstrip().endswith("?") and not re.match(r"\W*(?:can|could|would|will) you\b", question, re.I)
    ):
        return None
    state = case.state()
    named = state.find(f"F{said['id']}") if said["id"] else None
    found = waiting(case, state)
    if found is not None and (named is None or named.id == found[0].id):
        return step_for(state, *found)
    if state.current and (named is None or named.mended):
        record = named or next(r for r in state.records.values() if r.mended == state.current)
        return AIMessage(prompts.say("adopted.before", version=record.mended, finding=record.id))
    return None
