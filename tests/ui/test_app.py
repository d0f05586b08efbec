"""The terminal app, driven by its keys against a scripted session."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from failsight.agent.events import EvidenceMade, PlannerSaid, StageEntered
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen, SortableTable
from failsight.agent.ui.tui.screens.finding import FindingScreen
from failsight.agent.ui.tui.screens.help import HelpScreen
from failsight.agent.ui.tui.widgets.conversation import MOST, SPARE, Conversation
from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from tests.fakes.session import ScriptedSession, evaluation, masking
from tests.ui.stage import SCRIPT, WEAKEST, on_stage

RUN = FailsightApp.run
SIZES = [(80, 24), pytest.param((160, 48), marks=pytest.mark.slow)]


@pytest.mark.parametrize("size", SIZES)
async def test_from_greeting_to_quitting(tmp_path: Path, size: tuple[int, int]) -> None:
    """The whole path by keyboard: greeting, a quick reply, evidence, a test, an approval, cancelled work, leaving."""
    async with on_stage(tmp_path, size=size) as stage:
        assert "five rooms" in stage.text() and f"1 {WEAKEST}" in stage.text()
        await stage.pilot.press("1")
        await stage.rest()
        assert stage.session.asked == [("say", WEAKEST)]
        assert "E1 Accuracy and recall by class" in stage.text() and "64.0 %" in stage.text()
        await stage.type("test it")
        await stage.rest()
        assert "✓ confirmed" in stage.text() and "test (5 of 7)" in stage.text()
        await stage.type("repair it")
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        for words in (
            "retrain",
            "rebalance, the best fitting one",
            "Kitchens with a television",
            "loss weighting",
            "the finding is confirmed",
            "about 2 min 40 s to 8 min",
        ):
            assert words in stage.text()
        await stage.pilot.press("y")
        await stage.rest()
        assert stage.session.asked[-1] == ("decide", True) and "Done." in stage.text()
        await stage.type("work")
        await stage.until(lambda: stage.app.main.query_one(StatusLine).job is not None)
        assert "predicting" in stage.text()
        await stage.pilot.press("escape")
        await stage.rest()
        assert "Stopped; nothing is lost." in stage.text()
        await stage.pilot.press("ctrl+q")
        await stage.pilot.pause()
        assert stage.app._exit
    assert stage.session.closed


async def test_the_session_lives_on_one_thread_of_its_own(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.type("hello")
        await stage.rest()
        assert len(stage.session.threads) == 1 and threading.get_ident() not in stage.session.threads


async def test_the_loading_line_says_what_is_loading(tmp_path: Path) -> None:
    gate = threading.Event()

    def open_session(progress: Any) -> ScriptedSession:
        gate.wait(10)
        return ScriptedSession(tmp_path, SCRIPT, progress)

    app = FailsightApp(open_session)
    async with app.run_test() as pilot:
        await pilot.pause(0.05)
        assert "loading " in app.main.query_one(StatusLine).work
        gate.set()
        while app.busy:
            await pilot.pause(0.02)
        assert app.main.query_one(StatusLine).work == ""
    assert app.close_session()


async def test_a_slow_start_gives_something_to_read_and_takes_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.agent.ui.tui.talk import Talk
    from tests.ui.stage import Stage

    gate = threading.Event()
    sessions: list[ScriptedSession] = []

    def open_session(progress: Any) -> ScriptedSession:
        with progress.job("Drawing the pictures", 10) as ticker:
            ticker.advance(4)
            gate.wait(10)
        sessions.append(ScriptedSession(tmp_path, SCRIPT, progress))
        return sessions[0]

    monkeypatch.setattr(Talk, "PATIENCE", 0.0)
    app = FailsightApp(open_session)
    async with app.run_test(size=(120, 40)) as pilot:
        stage = Stage(app, pilot, sessions)
        await stage.until(lambda: "Failsight finds out where a classifier fails" in stage.text())
        assert "Drawing the pictures" in stage.text() and "asks for your yes first" in stage.text()
        await stage.type("how good is it?")
        assert "next: how good is it?" in stage.text()
        gate.set()
        await stage.until(lambda: bool(sessions) and ("say", "how good is it?") in sessions[0].asked)
        await stage.rest()
        assert stage.text().count("Failsight finds out") == 1 and "five rooms" in stage.text()
    assert app.close_session()


async def test_who_comes_back_to_a_case_is_not_introduced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.agent.state import Said
    from failsight.agent.ui.tui.talk import Talk
    from tests.ui.stage import Stage

    gate = threading.Event()

    def open_session(progress: Any) -> ScriptedSession:
        gate.wait(10)
        session = ScriptedSession(tmp_path, {"start": [PlannerSaid("Welcome back.")]}, progress)
        session.state().said.append(Said("person", "How good is it?", 1))
        return session

    monkeypatch.setattr(Talk, "PATIENCE", 0.0)
    app = FailsightApp(open_session)
    async with app.run_test(size=(120, 40)) as pilot:
        stage = Stage(app, pilot, [])
        await stage.until(lambda: "Failsight finds out" in stage.text())
        gate.set()
        await stage.rest()
        assert "Failsight finds out" not in stage.text() and "How good is it?" in stage.text()
    assert app.close_session()


async def test_cards_unfold_open_and_turn(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (64, 40), "red").save(tmp_path / "figures" / "m.png")
    script = {
        "start": [
            EvidenceMade(evaluation(1)),
            EvidenceMade(masking(2, "figures/m.png", "gone.png")),
        ]
    }
    async with on_stage(tmp_path, script) as stage:
        talk = stage.app.main.query_one(Conversation)
        talk.focus()
        await stage.pilot.pause()
        assert talk.card is not None and talk.card.evidence.id == "E2"
        assert "▀" not in stage.text()
        await stage.pilot.press("enter")
        await stage.until(lambda: all(w in stage.text() for w in ("▀", "effect +31.0 points", "gone.png")))
        await stage.pilot.press("space", "shift+up", "space")
        await stage.pilot.pause()
        assert talk.card.evidence.id == "E1" and "dining room" in stage.text() and "▀" not in stage.text()
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))
        assert "E1 Accuracy and recall by class" in stage.text() and "(1 of 2)" in stage.text()
        await stage.pilot.press("n")
        await stage.until(lambda: "▀" in stage.text())
        assert "(2 of 2)" in stage.text()
        await stage.pilot.press("escape")
        assert stage.app.screen is stage.app.main


async def test_tables_sort_by_number_and_by_name(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [EvidenceMade(evaluation(1))]}) as stage:
        await stage.type("/evidence e1")
        await stage.until(lambda: bool(stage.app.screen.query(SortableTable)))
        table = stage.app.screen.query_one(SortableTable)
        table.focus()

        def first() -> str:
            return str(table.get_cell_at(table.cursor_coordinate._replace(row=0, column=0)))

        await stage.pilot.press("s")
        assert first() == "bathroom"
        await stage.pilot.press("s")
        assert first() == "kitchen"
        await stage.pilot.press("right", "s")
        assert first() == "bathroom"
        await stage.pilot.press("s")
        assert first() == "kitchen"


async def test_the_board_lists_hypotheses_and_opens_them(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [EvidenceMade(masking(1))]}, size=(160, 48)) as stage:
        text = stage.text()
        for line in (
            "F1  ■□■✓ television=yes, kitchen",
            "F2  ■□□○ brightness=low · rare",
            "F3  ■□□✗ tilt=high · weak",
        ):
            assert line in text
        stage.app.main.query_one("#board").focus()
        await stage.pilot.press("home", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, FindingScreen))
        for words in ("spurious correlation", "living room", "62.0 %", "control +2.0 points", "E1"):
            assert words in stage.text()
        await stage.pilot.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))


async def test_panels_fold_away_when_narrow_and_come_back_by_key(tmp_path: Path) -> None:
    async with on_stage(tmp_path, size=(160, 48)) as stage:
        main = stage.app.main

        def shown() -> list[bool]:
            return [main.query_one(f"#{name}").display for name in ("left", "right")]

        assert shown() == [True, True]
        await stage.pilot.resize_terminal(110, 40)
        await stage.pilot.pause()
        assert shown() == [True, False]
        await stage.pilot.resize_terminal(80, 24)
        await stage.pilot.pause()
        assert shown() == [False, False]
        await stage.pilot.press("ctrl+l")
        await stage.pilot.pause()
        assert shown() == [True, False] and "▶ see failure" in stage.text()
        await stage.pilot.press("ctrl+b", "ctrl+r")
        await stage.pilot.pause()
        assert shown() == [False, True]
        await stage.pilot.resize_terminal(20, 6)
        await stage.pilot.pause()
        await stage.pilot.resize_terminal(160, 48)
        await stage.pilot.pause()
        assert "Rooms" in stage.text()


async def test_why_a_stage_was_entered_wraps_below_itself(tmp_path: Path) -> None:
    script = {
        "start": [StageEntered("context", "the failures were seen and nothing cheap was ruled out yet")]
    }
    for width in (110, 160):
        async with on_stage(tmp_path, script, size=(width, 40)) as stage:
            lines = [line[1:].split("│")[0].rstrip() for line in stage.text().splitlines()]
            at = next(i for i, line in enumerate(lines) if line.startswith("   because "))
            after = next(i for i, line in enumerate(lines) if line.startswith(" · hypothesis"))
            assert after - at >= 2 and all(line.startswith("   ") for line in lines[at:after])
            assert " ".join(line.strip() for line in lines[at:after]).endswith("ruled out yet")


async def test_help_lists_every_binding_and_every_command(tmp_path: Path) -> None:
    from failsight.agent.ui import commands
    from failsight.agent.ui.tui.app import OWN
    from failsight.agent.ui.tui.screens.help import key_rows
    from failsight.agent.ui.tui.screens.keys import key_groups

    async with on_stage(tmp_path, size=(100, 120)) as stage:
        await stage.pilot.press("f1")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        text = stage.text()
        for name in commands.offered(stage.session.actions(), OWN):
            assert name in text
        rows = [row for _, bindings in key_groups(stage.app.BINDINGS) for row in key_rows(bindings)]
        assert len(rows) > 25
        for keys, description in rows:
            assert keys in text and description in text
            assert len(set(keys.split(", "))) == len(keys.split(", ")), keys
        await stage.pilot.press("escape")
        assert stage.app.screen is stage.app.main


async def test_every_action_of_the_session_can_be_typed_and_is_in_the_palette(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        titles = {c.title for c in stage.app.get_system_commands(stage.app.screen)}
        for name in {a.split()[0] for a in stage.session.actions()}:
            assert name in titles
        await stage.type("/why")
        await stage.rest()
        assert stage.session.asked == [("act", "/why")]
        await stage.type("/report html")
        await stage.rest()
        assert stage.session.asked[-1] == ("act", "/report html")


async def test_question_mark_helps_only_when_not_typing(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.pilot.press("question_mark")
        assert stage.app.main.query_one(Prompt).value == "?"
        stage.app.main.query_one(Conversation).focus()
        await stage.pilot.press("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))


async def test_slash_shows_commands_and_tab_completes(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [EvidenceMade(evaluation(1))]}) as stage:
        await stage.pilot.press("slash", "w")
        assert "why the planner did" in stage.text()
        await stage.pilot.press("tab")
        prompt = stage.app.main.query_one(Prompt)
        assert prompt.value == "/why"
        prompt.value = "what about kitc"
        await stage.pilot.press("tab")
        assert prompt.value == "what about kitchen"
        await stage.pilot.press("tab")
        assert not prompt.has_focus


async def test_history_comes_back_with_up_and_the_draft_with_down(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        for words in ("first", "second"):
            await stage.type(words)
            await stage.rest()
        prompt = stage.app.main.query_one(Prompt)
        await stage.pilot.press("d")
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await stage.pilot.press(key)
            seen.append(prompt.value)
        assert seen == ["second", "first", "first", "second", "d", "d"]


async def test_a_case_taken_up_again_shows_what_was_said(tmp_path: Path) -> None:
    from failsight.agent.state import Said

    sessions = []

    def open_session(progress: Any) -> ScriptedSession:
        session = ScriptedSession(tmp_path, {"start": [PlannerSaid("Welcome back.")]}, progress)
        session._fold(EvidenceMade(evaluation(1)))
        session._fold(StageEntered("context", "recall was low"))
        session.state().said += [Said("person", "How good is it?", 1), Said("planner", "**78 %**", 2)]
        sessions.append(session)
        return session

    app = FailsightApp(open_session)
    async with app.run_test(size=(120, 40)) as pilot:
        from tests.ui.stage import Stage

        stage = Stage(app, pilot, sessions)
        await stage.rest()
        for words in (
            "Taken up again (messages 2 · evidence 1)",
            "How good is it?",
            "78 %",
            "Welcome back.",
            "context (2 of 7)",
        ):
            assert words in stage.text()
        await pilot.press("up")
        assert app.main.query_one(Prompt).value == "How good is it?"
        await stage.type("/evidence E1")
        await stage.until(lambda: isinstance(app.screen, EvidenceScreen))
    assert app.close_session()


async def test_many_cards_stay_light_and_the_list_keeps_all(tmp_path: Path) -> None:
    """Cards far from what is looked at have no widgets; every piece of evidence stays in the list."""
    count = 100
    async with on_stage(
        tmp_path, {"start": [EvidenceMade(evaluation(i + 1)) for i in range(count)]}
    ) as stage:
        talk = stage.app.main.query_one(Conversation)
        assert len(talk.entries.children) <= MOST + SPARE and len(talk.kept) == count
        assert stage.app.main.query_one("#evidence").option_count == count
        assert len(talk.query(EvidenceCard).first().children) == 0
        await stage.type("/evidence E1")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))
        assert f"(1 of {count})" in stage.text()


async def test_themes_and_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(tmp_path) as stage:
        dark = stage.app.current_theme.dark
        await stage.pilot.press("ctrl+t")
        assert stage.app.current_theme.dark is not dark
        await stage.type("/theme")
        assert stage.app.theme == "contrast"
        await stage.type("/theme dark")
        assert stage.app.current_theme.dark is dark
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(tmp_path, {"start": [EvidenceMade(masking(1))]}) as stage:
        assert stage.app.no_color
        for strip in stage.app.screen._compositor.render_strips(stage.app.size):
            for segment in strip.apply_filter(stage.app._filters[-1], stage.app.background_colors[0]):
                for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    if colour is not None and colour.triplet is not None:
                        assert len(set(colour.triplet)) == 1, "only greys are left"
        for word in ("✓ confirmed", "· not decided here", "✗ refuted"):
            assert word in stage.text()


async def test_unknown_ids_are_said_to_be_unknown(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        for line, words in (("/evidence E9", "no evidence E9"), ("/finding F9", "no hypothesis F9")):
            await stage.type(line)
            await stage.until(lambda w=words: w in stage.text())


def test_named_colours_can_be_read_on_every_ground_with_and_without_colour() -> None:
    from failsight.agent.ui.tui.themes import _ON_DARK, _ON_LIGHT

    def luminance(colour: tuple[int, int, int]) -> float:
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def grey(colour: tuple[int, int, int]) -> tuple[int, int, int]:
        """As NO_COLOR shows it."""
        made = round(0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2])
        return made, made, made

    def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for colours, ground in ((_ON_DARK, (38, 38, 38)), (_ON_LIGHT, (242, 242, 242))):
        for colour in colours:
            assert contrast(colour, ground) >= 4.5, colour
            assert contrast(grey(colour), ground) >= 4.5, colour
