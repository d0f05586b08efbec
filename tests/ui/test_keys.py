"""Keys as a person presses them who does not know where the focus is: words go to the question line, names open."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from failsight.agent.events import EvidenceMade, PlannerSaid
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen
from failsight.agent.ui.tui.screens.finding import FindingScreen
from failsight.agent.ui.tui.screens.help import HelpScreen
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.prompt import Prompt
from tests.fakes.session import masking
from tests.ui.stage import WEAKEST, Stage, on_stage

MEASURED = {"start": [EvidenceMade(masking(1)), PlannerSaid("What next?", (WEAKEST, "Go on"))]}


@pytest.mark.parametrize("focused", ["#conversation", "#board", "#evidence"])
async def test_words_typed_at_a_panel_go_to_the_question_line(tmp_path: Path, focused: str) -> None:
    """Not a letter is lost, and none does something else: the words begin with letters that were keys once."""
    async with on_stage(tmp_path, MEASURED, size=(160, 48)) as stage:
        stage.app.main.query_one(focused).focus()
        await stage.pilot.pause()
        words = "explain negative cases, please: 1 Ü"
        await stage.pilot.press(*("space" if c == " " else c for c in words))
        prompt = stage.app.main.query_one(Prompt)
        assert prompt.value == words and prompt.has_focus and stage.app.screen is stage.app.main
        await stage.pilot.press("enter")
        await stage.rest()
        assert stage.session.asked == [("say", words)]


async def test_words_go_on_where_the_line_stopped(tmp_path: Path) -> None:
    async with on_stage(tmp_path, MEASURED) as stage:
        prompt, talk = stage.app.main.query_one(Prompt), stage.app.main.query_one(Conversation)
        await stage.pilot.press("w", "h", "y")
        talk.focus()
        await stage.pilot.press("x")
        assert prompt.value == "whyx"
        talk.focus()
        await stage.pilot.pause()
        talk.post_message(events.Paste("\x1b[31m and\nthen"))
        await stage.until(lambda: prompt.value == "whyx[31m and then")


async def test_a_digit_picks_a_reply_wherever_the_focus_is(tmp_path: Path) -> None:
    async with on_stage(tmp_path, MEASURED) as stage:
        stage.app.main.query_one(Conversation).focus()
        await stage.pilot.press("1")
        await stage.rest()
        assert stage.session.asked == [("say", WEAKEST)]


async def test_keys_that_are_bound_keep_their_meaning(tmp_path: Path) -> None:
    """Space and Enter unfold a card, the question mark is help: none of them is a letter of a question."""
    async with on_stage(tmp_path, MEASURED) as stage:
        talk = stage.app.main.query_one(Conversation)
        talk.focus()
        await stage.pilot.press("space")
        assert talk.card is not None and talk.card.expanded and talk.has_focus
        await stage.pilot.press("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        await stage.pilot.press("escape", "ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))


async def test_a_function_key_opens_the_hypothesis_that_is_called_as_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path, MEASURED) as stage:
        await stage.pilot.press("f2")
        await stage.until(lambda: isinstance(stage.app.screen, FindingScreen))
        assert "Hypothesis F2" in stage.text() and "Dark bedrooms" in stage.text()
        await stage.pilot.press("escape", "f9")
        await stage.until(lambda: "no hypothesis F9" in stage.text())
        assert stage.app.screen is stage.app.main
        await stage.pilot.press("f1")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        assert "F2-F12" in stage.text() and "/finding F1" in stage.text()


async def test_no_visible_key_is_called_as_a_hypothesis_could_be(tmp_path: Path) -> None:
    """The last line names F1, which is the help, and no other function key."""
    async with on_stage(tmp_path, MEASURED, size=(160, 48)) as stage:
        last = stage.text().splitlines()[-1]
        assert "F1 Help" in last and "^l Map" in last and "^r Evidence" in last
        assert not any(f"F{n} " in last for n in range(2, 13))


async def test_search_opens_while_the_question_line_has_the_focus(tmp_path: Path) -> None:
    async with on_stage(tmp_path, MEASURED) as stage:
        await stage.pilot.press("t", "ctrl+f")
        await stage.until(lambda: "type to narrow" in stage.text())
        await _closed(stage)
        assert stage.app.main.query_one(Prompt).value == "t"


async def _closed(stage: Stage) -> None:
    await stage.pilot.press("escape")
    await stage.until(lambda: stage.app.screen is stage.app.main)
