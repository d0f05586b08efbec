"""Whether the model is ready, read from the newest readiness evidence: the exit code of an unattended run."""

from __future__ import annotations

from failsight.agent.currency import READINESS, newest, outdated
from failsight.agent.state import CaseState
from failsight.agent.ui.errors import NOT_READY, OK, UNDECIDED
from failsight.agent.ui.words import inert_text

SAID = ("readiness", "verdict")  # facts that say whether it is ready
AS_GIVEN = "readiness_as_given"  # fact of tools/readiness.py, which would load numpy before the first paint
CODES = {"ready": OK, "not_ready": NOT_READY, "undecided": UNDECIDED}


def verdict(state: CaseState) -> str:
    """``ready``, ``not_ready`` or ``undecided``; undecided as well when nobody asked, or something else since."""
    return _said(state, SAID)


def as_given(state: CaseState) -> str:
    """The verdict of the model as given, where another version was judged: an exit code is of what somebody runs unchanged."""
    return _said(state, (AS_GIVEN, *SAID))


def _said(state: CaseState, names: tuple[str, ...]) -> str:
    made = state.latest("readiness")
    if made is not None and state.out_of_date(made):
        return "undecided"
    facts = {f.name: str(f.value).strip().replace(" ", "_") for f in made.facts} if made else {}
    return next((facts[n] for n in names if facts.get(n) in CODES), "undecided")


def readiness_lines(state: CaseState) -> list[str]:
    """``readiness: not ready`` and the sentence that the tool gave with it."""
    made = state.latest("readiness")
    nobody = "Nobody has said what is expected of the model."
    said = [inert_text(made.summary) if made else "It was not judged." if state.expectations else nobody]
    if made is not None and state.out_of_date(made):
        said = [f"What is expected was changed since {made.id}, and whether it holds was not judged again."]
    elif last := newest(state, READINESS):
        said += [f"{inert_text(late)}." for late in [outdated(state, last)] if late]
    now, given = verdict(state), as_given(state)
    of = "" if now == given else f" (the model as given: {given.replace('_', ' ')})"
    return [f"readiness: {now.replace('_', ' ')}{of}", *said]
