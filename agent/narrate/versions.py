"""Which number is of which version of the model, where a case went on with another one."""

from __future__ import annotations

from failsight.agent.narrate.model import Sentence
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.text import clean

GIVEN = "the model as given"


def name_of(version: str) -> str:
    """What a version is called: ``R1.1``, or the model as given."""
    return clean(version, 20) or GIVEN


def of_version(state: CaseState, evidence: str) -> str:
    """The version with which evidence was measured; empty where a case has one model only."""
    return name_of(state.made_with.get(evidence, "")) if state.adopted else ""


def mended_by(found: FindingRecord) -> str:
    """``mended in R1.1``; empty for findings with which the case did not go on."""
    return f"mended in {clean(found.mended, 20)}" if found.mended else ""


def before(found: FindingRecord) -> str:
    """The version that a finding speaks of, where the case is at another one; empty for what still stands."""
    return name_of(found.version) if found.earlier else ""


def spans(state: CaseState) -> tuple[Sentence, ...]:
    """A sentence for each version: the evidence that was measured with it."""
    if not state.adopted:
        return ()
    made = []
    for version in ("", *(name for name, _, _ in state.adopted)):
        ids = [e.id for e in state.evidence if state.made_with.get(e.id, "") == version]
        if not ids:
            continue
        finding = next((f for name, f, _ in state.adopted if name == version), "")
        why = f", with which the case went on because it mends {clean(finding, 20)}" if finding else ""
        through = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
        whose = name_of(version)
        made.append(Sentence(f"{through}: {whose}{why}.", tuple(i for i in (ids[0], ids[-1], finding) if i)))
    now = name_of(state.current)
    made.append(Sentence(f"What is said of the model without naming a version is said of {now}."))
    return tuple(made)
