"""Whether the model is ready, read from the newest readiness evidence: the exit code of an unattended run."""

from __future__ import annotations

from failsight.agent.state import CaseState
from failsight.agent.ui.errors import NOT_READY, OK, UNDECIDED
from failsight.agent.ui.words import inert_text

CODES = {"ready": OK, "not_ready": NOT_READY, "undecided": UNDECIDED}


def verdict(state: CaseState) -> str:
    """``ready``, ``not_ready`` or ``undecided``; undecided as well when nobody asked."""
    made = state.latest("readiness")
    values = [str(f.value).strip().replace(" ", "_") for f in made.facts] if made else []
    return next((v for v in values if v in CODES), "undecided")


def readiness_lines(state: CaseState) -> list[str]:
    """``readiness: not ready`` and the sentence that the tool gave with it."""
    made = state.latest("readiness")
    said = [inert_text(made.summary)] if made else ["Nobody has said what is expected of the model."]
    return [f"readiness: {verdict(state).replace('_', ' ')}", *said]
