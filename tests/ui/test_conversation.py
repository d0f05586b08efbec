"""A long conversation: everything stays in it, widgets are only near what is looked at, and nothing jumps meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import EvidenceMade, Notice, PlannerSaid
from failsight.agent.state import CaseState, Said
from failsight.agent.ui.snapshot import past
from failsight.agent.ui.tui.widgets import conversation
from failsight.agent.ui.tui.widgets.conversation import MOST, SPARE, STEP, Conversation
from tests.fakes.session import evaluation, masking
from tests.ui.stage import Stage, on_stage

TURNS = 48
LAST = f"notice {TURNS - 1:03}"


def long_talk(turns: int = TURNS) -> list[Any]:
    """Words, a list, a line and a card by turns, each with its number."""
    steps: list[Any] = []
    for i in range(turns):
        steps += [PlannerSaid(f"answer {i:03}\n\n- one\n- two"), Notice(f"notice {i:03}")]
        if i % 3 == 0:
            steps.append(EvidenceMade(evaluation(i // 3 + 1)))
    return steps


def seen(stage: Stage) -> list[str]:
    """``answer 007`` and ``notice 007`` that are on the screen, from above."""
    lines = (line.strip(" │█▇▁▂▃▄▅▆i") for line in stage.text().splitlines())
    return [line[:10] for line in lines if line.startswith(("answer ", "notice "))]


async def still(stage: Stage, talk: Conversation) -> None:
    await stage.until(lambda: not talk._moving and not talk.workers._workers)


@pytest.mark.slow
async def test_scrolling_back_shows_everything_and_keeps_few_widgets(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": long_talk()}, size=(80, 30)) as stage:
        talk = stage.app.main.query_one(Conversation)
        assert seen(stage)[-1] == LAST and talk.is_vertical_scroll_end
        assert len(talk.kept) == 2 * TURNS + TURNS // 3
        shown, most = seen(stage), 0
        for _ in range(200):
            if talk._first == 0 and talk.scroll_y == 0:
                break
            await stage.pilot.press("pageup")
            await still(stage, talk)
            now = seen(stage)
            assert int(now[-1][7:]) + 1 >= int(shown[0][7:]), "a gap between two pages"
            shown, most = now, max(most, len(talk.entries.children))
        assert "answer 000" in shown
        assert most <= MOST + SPARE + STEP
        await stage.pilot.press("pagedown", "pagedown", "pagedown")
        await still(stage, talk)
        talk.action_scroll_end()
        await stage.until(lambda: seen(stage)[-1:] == [LAST])
        assert talk.is_vertical_scroll_end


async def test_what_is_seen_stays_in_place_while_earlier_entries_come(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": long_talk()}, size=(80, 30)) as stage:
        talk = stage.app.main.query_one(Conversation)
        for _ in range(2):
            first = talk._first
            talk.scroll_to(y=talk.size.height, animate=False, immediate=True)
            await still(stage, talk)
            assert talk._first == first  # the next line up brings what is above
            was = stage.text().splitlines()
            talk.scroll_to(y=talk.scroll_y - 1, animate=False, immediate=True)
            await stage.until(lambda first=first: talk._first < first)
            await still(stage, talk)
            now = stage.text().splitlines()
            assert [line[:78] for line in now[3:20]] == [line[:78] for line in was[2:19]]


@pytest.mark.slow
async def test_who_reads_above_is_not_disturbed_by_what_comes(tmp_path: Path) -> None:
    script = {"start": long_talk(), "more": long_talk(12)}
    async with on_stage(tmp_path, script, size=(80, 30)) as stage:
        talk = stage.app.main.query_one(Conversation)
        await stage.type("more")
        talk.action_scroll_home()
        await stage.until(lambda: "answer 000" in seen(stage))
        await stage.rest()
        assert "answer 000" in seen(stage) and len(talk.entries.children) <= MOST + SPARE + STEP
        await stage.type("and now?")
        await stage.until(lambda: "You said: and now?" in stage.text())


async def test_the_cursor_goes_to_cards_that_have_no_widget_yet(tmp_path: Path) -> None:
    steps: list[Any] = []
    for number in (1, 2, 3):
        steps += [EvidenceMade(evaluation(number)), *(Notice(f"notice {number}{i:02}") for i in range(90))]
    async with on_stage(tmp_path, {"start": steps}, size=(80, 30)) as stage:
        talk = stage.app.main.query_one(Conversation)
        talk.focus()
        for wanted in ("E3", "E2", "E1", "E1"):
            await stage.pilot.press("shift+up")
            await stage.until(lambda wanted=wanted: talk.card and talk.card.evidence.id == wanted)
        await still(stage, talk)
        assert f"E1 {evaluation(1).title}" in stage.text()
        await stage.pilot.press("end")
        await stage.until(lambda: "notice 389" in seen(stage))


async def test_short_entries_in_a_tall_terminal_all_show(tmp_path: Path) -> None:
    """Where a screen holds more entries than usually have widgets, nothing of it is left out, and it comes to rest."""
    lines = [Notice(f"notice {i:03}") for i in range(250)]
    async with on_stage(tmp_path, {"start": lines}, size=(60, 130)) as stage:
        talk = stage.app.main.query_one(Conversation)
        await still(stage, talk)
        assert len(seen(stage)) > 120
        talk.action_scroll_home()
        await stage.until(lambda: seen(stage)[:1] == ["notice 000"] and len(seen(stage)) > 120)
        await still(stage, talk)
        assert seen(stage)[:3] == ["notice 000", "notice 001", "notice 002"]


async def test_a_case_taken_up_again_has_all_of_its_conversation(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [PlannerSaid("Welcome.")]}) as stage:
        from failsight.agent.ui.snapshot import Past
        from failsight.agent.ui.tui.drawing import draw_past

        said = tuple(Said("person", f"answer {i:03}", 2 * i) for i in range(300))
        before = Past(said, (masking(1), evaluation(2)), {"E1": 3, "E2": 301})
        await draw_past(stage.app.main, before)
        talk = stage.app.main.query_one(Conversation)
        await stage.until(lambda: "Taken up again (messages 300 · evidence 2)" in stage.text())
        assert len(talk.entries.children) <= MOST + SPARE + STEP
        talk.action_scroll_home()
        await stage.until(lambda: "answer 002" in stage.text() and "E1 Masking" in stage.text())
        text = stage.text()
        assert text.index("answer 001") < text.index("E1 Masking") < text.index("answer 002")


def test_messages_and_evidence_keep_their_order() -> None:
    state = CaseState()
    state.said += [Said("person", "how good?", 4), Said("planner", "78 %", 9)]
    state.evidence.append(evaluation(1))
    state.measured["E1"] = 7
    told = past(state).told
    assert [getattr(one, "text", "") if isinstance(one, Said) else one.id for one in told] == [
        "how good?",
        "E1",
        "78 %",
    ]


async def test_removed_cards_let_their_drawn_lines_go(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": long_talk(6)}) as stage:
        talk = stage.app.main.query_one(Conversation)
        gone = list(talk.entries.children)
        caches = conversation.caches_of_lines(gone)
        assert any(cache._cache for cache in caches)
        await talk._leave(gone)
        assert not any(cache._cache for cache in caches)


async def test_a_folded_card_tells_a_long_claim_to_its_end(tmp_path: Path) -> None:
    claim = (
        "Labels of annotator B disagree with the model, though it is as sure of these images. " * 5
        + "THE END"
    )
    made = masking(1)
    made = replace(made, findings=(replace(made.findings[0], statement=claim),))
    async with on_stage(tmp_path, {"start": [EvidenceMade(made)]}) as stage:
        assert "THE END" in stage.text()
