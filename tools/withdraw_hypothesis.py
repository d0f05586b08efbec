"""withdraw_hypothesis: takes back a stated hypothesis that nobody will test. What was measured can't be taken back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.registry import tool
from failsight.tools.text import clean
from failsight.tools.view import CaseView


@tool(cost="instant", stateful=True)
def withdraw_hypothesis(
    view: CaseView,
    finding: Annotated[
        str, Field(description="The hypothesis to take back, such as F7.", min_length=1, max_length=20)
    ],
    reason: Annotated[
        str,
        Field(
            description="Why nobody will test it, for the journal, in a few words.",
            min_length=1,
            max_length=300,
        ),
    ],
) -> Evidence:
    """Take back a hypothesis that was stated and not tested, such as one that can't be tested here. It stays in the journal.

    Nobody plans for it any more; stating it again opens it again. One that was tested stays, whatever came of it; so does what a
    measurement raised.

    Raises:
        RetryError: no such hypothesis, one that was tested or that nobody stated, or no reason.
    """
    known = dict(view.findings())
    wanted, told = clean(finding, 20).strip().upper(), clean(reason, 300).strip()
    stated = {f.key for e in view.evidence("state_hypothesis") for f in e.findings}
    open_ones = [i for i, f in known.items() if f.key in stated and f.verdict is None and not f.tests]
    if wanted not in known:
        raise RetryError(f"finding: there is no {wanted or 'finding of that name'}.", open_ones)
    one = known[wanted]
    if one.verdict is not None or one.tests:
        raise RetryError(f"finding: {wanted} was tested: what was measured stays.", open_ones)
    if one.key not in stated:
        raise RetryError(
            f"finding: {wanted} was raised by a measurement, not stated: it stays until a test decides it.",
            open_ones,
        )
    if not told:
        raise RetryError("reason: say in a few words why nobody will test it.")
    view.withdraw(wanted, why=told)
    return Evidence(
        tool="withdraw_hypothesis",
        title="A hypothesis was taken back",
        summary=f"{wanted} is taken back, untested: {clean(one.statement, 300)} Reason: {told.rstrip('.')}.",
        arguments={"finding": wanted, "reason": told},
        facts=(Fact("withdrawn", wanted, "text"), Fact("still_open", len(open_ones) - 1, "count")),
        notes=("That says nothing of whether it is so: nothing was measured.",),
        next_steps=("To test it after all, state it again (state_hypothesis).",),
    )
