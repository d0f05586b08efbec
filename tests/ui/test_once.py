"""An answer does not say again what the evidence above it says, in either look; what was said stays whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from failsight.agent.events import EvidenceMade, PlannerSaid
from failsight.agent.ui.once import told_once
from failsight.agent.ui.plain import PlainDisplay
from tests.fakes.session import ScriptedSession, Step, evaluation, masking
from tests.ui.stage import on_stage

FIRST, SECOND = evaluation(1), masking(2)
ANSWER = f"{FIRST.summary} [E1]\n- Labels were not checked.\n\nAsk for the confusions."
SCRIPT: dict[str, list[Step]] = {
    "how good?": [EvidenceMade(FIRST), PlannerSaid(ANSWER, ("And now?",))],
    "only that": [EvidenceMade(FIRST), PlannerSaid(f"{FIRST.summary} [E1]", ("And now?",))],
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (ANSWER, "- Labels were not checked.\n\nAsk for the confusions."),
        (f"- {FIRST.summary} [E1]\n- {SECOND.summary} [E2]\n\nNext: context.", "Next: context."),
        (f"{FIRST.summary} [E1]", ""),
        (f"Two were confirmed.\n\n{FIRST.summary} [E1]", f"Two were confirmed.\n\n{FIRST.summary} [E1]"),
        (f"{FIRST.summary} [E7]", f"{FIRST.summary} [E7]"),  # of other evidence
        ("", ""),
        ("  as it is \n", "  as it is \n"),
    ],
)
def test_only_what_an_answer_begins_with_is_left_out(text: str, left: str) -> None:
    assert told_once(text, [SECOND, FIRST]) == left


def test_a_finding_whose_claim_stands_above_keeps_its_number_and_name() -> None:
    finding = SECOND.findings[0]
    line = f"- **F1** [confirmed] {finding.statement} (error 62.0 %; E2)"
    made = told_once(f"{SECOND.summary} [E2]\n{line}\n- A note.", [SECOND])
    assert (
        made
        == "- **F1** [confirmed] television=yes, kitchen → living room · spurious correlation (error 62.0 %; E2)\n- A note."
    )
    assert told_once(line, [FIRST]) == line  # its claim stands nowhere


def test_without_evidence_above_nothing_is_left_out() -> None:
    assert told_once(ANSWER, []) == ANSWER


async def test_the_app_says_it_once_and_keeps_all_of_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path, SCRIPT) as stage:
        await stage.type("how good?")
        await stage.rest()
        shown = " ".join(stage.text().split())
        assert shown.count(FIRST.summary[:40]) == 1 and "Ask for the confusions." in shown
        assert stage.app.main.said[-1] == ("planner", ANSWER)  # for the search, and to copy
        await stage.type("only that")
        await stage.rest()
        assert " ".join(stage.text().split()).count(FIRST.summary[:40]) == 2  # one a card
        assert "And now?" in stage.text()


def test_lines_say_it_once(tmp_path: Path) -> None:
    out = io.StringIO()
    lines = io.StringIO("how good?\nonly that\n")
    PlainDisplay(lines, out, io.StringIO(), False).run(lambda progress: ScriptedSession(tmp_path, SCRIPT))
    assert out.getvalue().count(FIRST.summary) == 2  # one a measurement
    assert "Ask for the confusions." in out.getvalue()
