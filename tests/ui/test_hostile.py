"""Text from data shows and does nothing: no escape codes, no markup, no links, no reordering, no crash."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import pytest

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    Notice,
    PlannerSaid,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen
from failsight.agent.ui.tui.screens.finding import FindingScreen
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.tools.evidence import Correction, Evidence, Fact, Figure, Finding, ImageRef, Table
from tests.fakes.session import ScriptedSession
from tests.ui.stage import on_stage

MARKUP = [
    "[red]x[/red]",
    "[/]",
    "[@click=app.quit]go[/]",
    "[link=http://evil]l[/link]",
    "[",
    "$primary",
    ":smile:",
]
STEERING = [
    "\x1b[31m",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://evil\x07",
    "\x9b2J",
    "\u202e",
    "\u2066",
    "\r",
    "\x00",
    "\x7f",
]
LONG = "W" * 10_000
NASTY = "".join(MARKUP + STEERING) + "end"


def nasty_events(text: str) -> list[object]:
    finding = Finding(
        "weak_slice", "correctness", "unknown", text, slice={text: text}, class_name=text, confused_with=text,
        verdict="confirmed", note=text,
    )  # fmt: skip
    evidence = Evidence(
        tool="evaluate",
        title=text,
        summary=text,
        arguments={text: text},
        facts=(Fact("accuracy", 0.5, of=f"class {text}"), Fact(text, text, "text")),
        tables=(Table(text, (text, "n"), ((text, 1), (None, float("nan"))), ("text", "count"), text),),
        figures=(Figure(text, text, text, text),),
        images=(ImageRef(text, 1, text, text, text, 0.5, text),),
        findings=(finding,),
        corrections=(Correction(finding.key, text, "dataset", text),),
        notes=(text,),
        next_steps=(text,),
        questions=(text,),
        id="E1",
    )
    return [
        StageEntered("test", text),
        Notice(text, "error"),
        ToolStarted(text, {text: text}, text),
        ToolFailed(text, text),
        EvidenceMade(evidence),
        PlannerSaid(
            f"{text}\n\n# {text}\n\n- {text}\n\n| a | b |\n|---|---|\n| {text} | 1 |\n\n```\n{text}\n```",
            (text,),
        ),
        ApprovalAsked(text, {text: text}, text, text),
    ]


def harmless(text: str) -> bool:
    return not any(unicodedata.category(ch) == "Cc" and ch != "\n" for ch in text) and not set(
        "\u202e\u2066"
    ) & set(text)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NASTY, id="nasty"),
        pytest.param(LONG, id="long", marks=SLOW),
        pytest.param("\x1b" * 50, id="escapes", marks=SLOW),
        pytest.param("", id="empty", marks=SLOW),
        pytest.param("部屋🛋" * 40, id="wide", marks=SLOW),
    ],
)
async def test_the_app_shows_it_inert_on_every_screen(tmp_path: Path, text: str) -> None:
    async with on_stage(tmp_path, {"start": nasty_events(text)}, size=(100, 32), rest=False) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        assert harmless(stage.text())
        await stage.pilot.press("n")
        await stage.rest()
        main = stage.app.main
        main.query_one(Conversation).focus()
        await stage.pilot.press("shift+down", "enter")
        await stage.pilot.pause(0.1)
        assert harmless(stage.text())
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))
        assert harmless(stage.text())
        await stage.pilot.press("escape")
        await stage.type("/finding F1")
        await stage.until(lambda: isinstance(stage.app.screen, FindingScreen))
        assert harmless(stage.text())
        await stage.pilot.press("escape", "f1", "escape")
        assert not stage.app._exit, "no text may leave the app"


async def test_markup_is_shown_letter_by_letter(tmp_path: Path) -> None:
    """Each piece of markup stands on the screen as it was written; none of it became a style or an action."""
    text = "[red]x[/red] [@click=app.quit]go[/] $primary"
    script = {
        "start": [Notice(text), EvidenceMade(Evidence("t", text, text, id="E1")), PlannerSaid(text, (text,))]
    }
    async with on_stage(tmp_path, script, size=(160, 48)) as stage:
        assert stage.text().count(text) >= 5  # notice, headline, summary, words, quick reply, evidence list
        for strip in stage.app.screen._compositor.render_strips(stage.app.size):
            for segment in strip:
                meta = segment.style.meta if segment.style else {}
                assert "@click" not in meta and not (segment.style and segment.style.link)


async def test_links_are_shown_and_never_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    script = {"start": [PlannerSaid("[press here](http://evil.example/x)")]}
    async with on_stage(tmp_path, script, size=(80, 24)) as stage:
        monkeypatch.setattr(stage.app, "open_url", lambda url, **_: opened.append(url))
        for x in range(0, 14, 2):
            for y in (1, 2, 3):
                await stage.pilot.click(offset=(x, y))
        assert "press here" in stage.text() and opened == []


@pytest.mark.parametrize("colour", [True, False])
def test_lines_show_it_inert(tmp_path: Path, colour: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    session = ScriptedSession(tmp_path, {"start": nasty_events(NASTY)})
    given = io.StringIO("n\n/evidence E1\n/finding F1\n/map\n")
    assert PlainDisplay(given, out, err, colour=colour).run(lambda progress: session) == 0
    text = out.getvalue()
    assert "[@click=app.quit]go[/]" in text
    if colour:  # what is left of the escape codes are rich's own colours
        import re

        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert harmless(text) and harmless(err.getvalue())
