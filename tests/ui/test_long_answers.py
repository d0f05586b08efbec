"""Long answers: their beginning, and a line that opens the rest; nothing of a table is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import EvidenceMade, PlannerSaid
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.agent.ui.tui.widgets.said import LONG, More, PlannerSays, lines_of
from tests.fakes.session import evaluation
from tests.ui.stage import on_stage

LINES = "\n".join(f"- line {i:03} of a long answer" for i in range(60))
SIZES = pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["middle", "short"])


def script(*more: Any) -> dict[str, list[Any]]:
    return {"start": [PlannerSaid(LINES), *more], "again": [PlannerSaid(LINES.replace("line", "row"))]}


@SIZES
async def test_enter_in_the_empty_line_opens_the_newest_answer(tmp_path: Path, size: tuple[int, int]) -> None:
    async with on_stage(tmp_path, script(), size=size) as stage:
        text = stage.text()
        assert "line 000" in text and "line 059" not in text, "it begins at its beginning"
        assert f"▸ about {60 - (20 if size[1] == 40 else 10)} more lines: Enter or a click" in text
        await stage.pilot.press("enter")
        await stage.until(lambda: "more lines" not in stage.text())
        talk = stage.app.main.query_one(Conversation)
        await stage.pilot.pause(0.1)
        assert "line 000" in stage.text(), "one reads on from where it begins"
        talk.scroll_end(animate=False)
        await stage.until(lambda: "line 059" in stage.text() and "▾ less" in stage.text())
        assert stage.session.asked == []


async def test_an_answer_is_opened_and_folded_by_keys_and_by_a_click(tmp_path: Path) -> None:
    async with on_stage(tmp_path, script()) as stage:
        await stage.type("again")
        await stage.rest()
        talk = stage.app.main.query_one(Conversation)
        old, new = talk.query(PlannerSays)
        await stage.pilot.press("enter")
        assert new.expanded and not old.expanded
        talk.focus()
        await stage.pilot.press("enter")
        assert not new.expanded
        await stage.pilot.press("shift+up", "enter")
        assert old.expanded and talk.card is None
        talk.scroll_end(animate=False)
        await stage.pilot.pause()
        await stage.pilot.click(new.query_one(More))
        assert new.expanded


async def test_the_cursor_walks_over_cards_and_long_answers(tmp_path: Path) -> None:
    async with on_stage(tmp_path, script(EvidenceMade(evaluation(1)), PlannerSaid("short"))) as stage:
        talk = stage.app.main.query_one(Conversation)
        talk.focus()
        await stage.pilot.pause()
        assert talk.card is not None and talk.card.evidence.id == "E1"
        await stage.pilot.press("shift+up", "ctrl+o", "ctrl+y")  # an answer is no evidence to open or copy
        assert isinstance(talk.foldable, PlannerSays) and stage.app.screen is stage.app.main


async def test_a_short_answer_is_not_folded(tmp_path: Path) -> None:
    text = "\n".join(f"- {i}" for i in range(LONG))
    assert lines_of(text) == LONG and lines_of("x" * 81) == 2 and lines_of("") == 1
    async with on_stage(tmp_path, {"start": [PlannerSaid(text)]}) as stage:
        assert not stage.app.main.query(More)
        await stage.pilot.press("enter")
        assert stage.session.asked == [] and stage.app.main.query_one(Prompt).has_focus


async def test_no_number_of_a_wide_table_is_cut(tmp_path: Path) -> None:
    cells = [f"{j}1.5 % [57.9, 69.7]" for j in range(8)]
    head = " | ".join(f"column {j}" for j in range(8))
    table = f"| {head} |\n|{'---|' * 8}\n| {' | '.join(cells)} |"
    async with on_stage(tmp_path, {"start": [PlannerSaid(table)]}, size=(80, 24)) as stage:
        assert "…" not in stage.text() and "│" in stage.text()


async def test_lines_are_no_wider_than_one_can_read(tmp_path: Path) -> None:
    words = "word " * 200
    async with on_stage(tmp_path, {"start": [PlannerSaid(words)]}, size=(260, 40)) as stage:
        await stage.type(words)
        await stage.rest()
        talk = stage.app.main.query_one(Conversation)
        assert talk.size.width > 150
        assert all(w.size.width <= 100 for w in talk.entries.children)
