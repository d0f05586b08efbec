"""Journeys of a person, described once and walked twice: through the app by keys, and line by line."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from failsight.agent.events import EvidenceMade, ImagesOpened, MatrixOpened, StageEntered
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.gallery import GalleryScreen
from failsight.agent.ui.tui.screens.image import ImageScreen
from failsight.agent.ui.tui.screens.matrix import MatrixScreen
from failsight.agent.ui.tui.screens.problem import ProblemScreen
from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard
from failsight.tools.errors import UserError
from tests.fakes.session import ScriptedSession, Step, evaluation
from tests.ui.stage import SCRIPT, WEAKEST, in_both_looks, on_stage
from tests.ui.test_gallery import matrix, opened, pictures

# lines typed (y, a, n answer an approval), what the session was asked, and words that are seen at the end
Journey = tuple[tuple[str, ...], list[tuple[str, object]], str]
JOURNEYS: dict[str, Journey] = {
    "ask a question": ((WEAKEST,), [("say", WEAKEST)], "recall 64.0 %"),
    "pick an offered answer": (("1",), [("say", WEAKEST)], "recall 64.0 %"),
    "test a hypothesis": (("test it",), [("say", "test it")], "Confirmed."),
    "allow a tool": (("repair it", "y"), [("say", "repair it"), ("decide", True)], "Done."),
    "always allow it": (("repair it", "a"), [("say", "repair it"), ("decide", "always")], "Done."),
    "decline it": (("repair it", "n"), [("say", "repair it"), ("decide", False)], "Then not."),
    "look at evidence": ((WEAKEST, "/evidence E1"), [("say", WEAKEST)], "Accuracy and recall by class"),
    "look at a hypothesis": (("test it", "/finding F1"), [("say", "test it")], "Kitchens with a television"),
    "search": (("test it", "/find television"), [("say", "test it")], "television"),
    "look a word up": (("/glossary recall",), [], "Among pictures of the class"),
    "see the map": (("test it", "/map"), [("say", "test it")], "Ways on from here"),
    "run the rest": (("/auto",), [("auto", None)], "All done."),
    "write the report": (("/report html",), [("act", "/report html")], "Did /report html."),
    "help": (("/help",), [], "/glossary"),
    "list the evidence": ((WEAKEST, "/evidence"), [("say", WEAKEST)], "E1 Accuracy and recall by class"),
    "list the hypotheses": (("test it", "/finding"), [("say", "test it")], "Dark bedrooms are rare"),
    "copy the evidence": ((WEAKEST, "/copy E1"), [("say", WEAKEST)], "Accuracy and recall by class"),
    "read a word that is not there": (("/glossary kwyjibo",), [], ""),
    "ask for evidence that is not there": (("/evidence E9",), [], "There is no evidence E9."),
    "a command that is not there": (("/nonsense",), [], "no command /nonsense"),
    "see the lessons": (("/learn",), [], "min"),
    "a lesson that is not there": (("/learn nonsense",), [], "no lesson"),
    "stop what runs": (("stop me",), [("say", "stop me")], "Stopped; nothing is lost."),
    "something breaks and one goes on": (
        ("break", WEAKEST), [("say", "break"), ("say", WEAKEST)], "recall 64.0 %"
    ),
    "what a person must mend is said": (("mend",), [("say", "mend")], "The folder is gone."),
    "page through pictures": (("pictures",), [("say", "pictures")], "all pictures"),
    "walk the matrix": (("matrix",), [("say", "matrix")], "dining room"),
}  # fmt: skip
JOURNEY_SCRIPT: dict[str, list[Step]] = {
    **SCRIPT,
    "stop me": [StageEntered("test", "asked"), KeyboardInterrupt()],
    "break": [RuntimeError("a bug of ours")],
    "mend": [UserError("The folder is gone.", "Bring it back.")],
    "pictures": [ImagesOpened(pictures(30), 1)],
    "matrix": [EvidenceMade(matrix()), MatrixOpened(matrix())],
}


async def by_keys(folder: Path, lines: tuple[str, ...], seen: str) -> ScriptedSession:
    async with on_stage(folder, JOURNEY_SCRIPT, size=(120, 110)) as stage:
        for line in lines:
            if isinstance(stage.app.screen, ProblemScreen):
                await stage.pilot.press("enter")
            if isinstance(stage.app.screen, ApprovalScreen) or line.isdecimal():
                await stage.pilot.press(line)
            else:
                await stage.type(line)
            await stage.rest()
        await stage.until(lambda: seen in stage.text())
        return stage.session


async def by_lines(folder: Path, lines: tuple[str, ...], seen: str) -> ScriptedSession:
    out, err, session = io.StringIO(), io.StringIO(), ScriptedSession(folder, JOURNEY_SCRIPT)
    PlainDisplay(io.StringIO("\n".join(lines) + "\n"), out, err, False).run(lambda progress: session)
    assert seen in out.getvalue() + err.getvalue()
    return session


ALWAYS = (
    "ask a question",
    "always allow it",
    "stop what runs",
    "something breaks and one goes on",
    "walk the matrix",
)


@in_both_looks(JOURNEYS, by_keys, by_lines, ALWAYS)
async def test_a_journey(name: str, walk: object, tmp_path: Path) -> None:
    lines, asked, seen = JOURNEYS[name]
    session = await walk(tmp_path, lines, seen)  # type: ignore[operator]
    assert session.asked == asked


# what only a screen has


async def test_cards_cells_and_offers_are_clicked(tmp_path: Path) -> None:
    async with on_stage(tmp_path, JOURNEY_SCRIPT, size=(140, 50)) as stage:
        await stage.pilot.click("#choices Choice")
        await stage.rest()
        assert stage.session.asked == [("say", WEAKEST)]
        card = stage.app.main.query(EvidenceCard).first()
        await stage.pilot.click(card, offset=(4, 0))
        await stage.until(lambda: card.expanded and "dining room" in stage.text())
        walked = replace(matrix(), id="E7")
        stage.session.script["matrix"] = [EvidenceMade(walked), MatrixOpened(walked)]
        await stage.type("matrix")
        screen = await opened(stage, MatrixScreen)
        await stage.rest()
        stage.session.script["/images deploy dining room > kitchen"] = [ImagesOpened(pictures(9), 1)]
        stage.session.actions = lambda: {"/images": "pictures"}  # type: ignore[method-assign]
        await stage.pilot.press("enter")  # the largest confusion has the cursor
        gallery = await opened(stage, GalleryScreen)
        await stage.until(lambda: any(t.painted for t in gallery.query("Tile")))
        await stage.pilot.click(next(iter(gallery.query("Tile"))))
        assert (await opened(stage, ImageScreen)).place == 0
        await stage.pilot.press("escape")
        await opened(stage, GalleryScreen)
        await stage.pilot.press("escape")
        assert await opened(stage, MatrixScreen) is screen
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.main)


async def test_a_running_tool_is_stopped_and_the_conversation_goes_on(tmp_path: Path) -> None:
    async with on_stage(tmp_path, JOURNEY_SCRIPT) as stage:
        await stage.type("work")
        await stage.until(lambda: "predicting" in stage.text())
        await stage.pilot.press("escape")
        await stage.rest()
        assert "Stopped; nothing is lost." in stage.text()
        await stage.type(WEAKEST)
        await stage.rest()
        assert "recall 64.0 %" in stage.text()


async def test_the_terminal_is_resized_in_the_middle_of_work(tmp_path: Path) -> None:
    async with on_stage(tmp_path, JOURNEY_SCRIPT, size=(200, 60)) as stage:
        await stage.type("work")
        await stage.until(lambda: "predicting" in stage.text())
        for size in ((80, 24), (40, 12), (120, 40)):
            await stage.pilot.resize_terminal(*size)
            await stage.pilot.pause()
        await stage.pilot.press("escape")
        await stage.rest()
        await stage.type("test it")
        await stage.rest()
        await stage.pilot.resize_terminal(80, 24)
        await stage.until(lambda: "Confirmed." in stage.text())


@pytest.mark.parametrize("walk", [by_keys, by_lines])
async def test_without_colour_nothing_is_lost(
    walk: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    session = await walk(tmp_path, ("test it", "/finding F1"), "confirmed")  # type: ignore[operator]
    assert session.asked == [("say", "test it")]


async def test_the_look_is_changed_by_word_and_key(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [EvidenceMade(evaluation(1))]}) as stage:
        for line, theme in (
            ("/theme light", "paper"),
            ("/theme contrast", "contrast"),
            ("/theme grey", "grey"),
        ):
            await stage.type(line)
            await stage.until(lambda theme=theme: stage.app.theme == theme)
        await stage.pilot.press("ctrl+t")
        await stage.until(lambda: stage.app.theme == "textual-dark")


async def test_a_lesson_is_begun_beside_the_conversation_and_left(tmp_path: Path) -> None:
    from failsight.agent.ui.tui.screens.learn import LearnScreen

    async with on_stage(tmp_path, JOURNEY_SCRIPT) as stage:
        await stage.type("/learn")
        screen = await opened(stage, LearnScreen)
        before = screen.progress.level
        await stage.pilot.press("l")  # the level changes what lessons say
        assert screen.progress.level != before
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.main)
        await stage.type(WEAKEST)
        await stage.rest()
        assert "recall 64.0 %" in stage.text()
