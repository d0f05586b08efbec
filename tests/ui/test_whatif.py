"""The sliders of ``/whatif``: the prediction follows the knobs, the app never waits, and what is kept is evidence."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.events import EvidenceMade, Notice, PictureOpened, PlannerSaid
from failsight.agent.session import Session
from failsight.agent.ui.tui.screens.whatif import WhatIfScreen
from failsight.agent.ui.tui.widgets.knob import Knob, Switch
from failsight.agent.whatif import Probe, Setting, read
from tests.fakes.case import FakeCase, television_world
from tests.ui.stage import on_stage


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(60)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def shown(case: FakeCase) -> int:
    """A row that shows a television."""
    return next(i for i, boxes in enumerate(case.table().boxes or ()) if boxes)


def test_what_the_sliders_show_is_what_the_tool_measures(case: FakeCase) -> None:
    probe = Probe(case, f"#{shown(case)}")
    setting = Setting({"brightness": -30.0, "blur": 2.0}, frozenset({"mask:box:television"}))
    tried = probe.tried(setting)
    assert probe.text(setting) == "mask:box:television; brightness:-30; blur:2"
    made, _ = case.call("what_if", {"image": probe.image, "edits": probe.text(setting)})
    before = probe.says(probe.first)[0][0]
    after = made.fact("score", f"after, class {before}").value
    assert after == pytest.approx(float(tried.scores[probe.classes.index(before)]), abs=1e-6)


def test_covering_the_television_turns_the_answer_back(case: FakeCase) -> None:
    blue = next(
        i for i, boxes in enumerate(case.table().boxes or ()) if boxes and case.table().labels[i] == 1
    )
    probe = Probe(case, f"#{blue}")
    assert probe.says(probe.first)[0][0] == "red_room"
    tried = probe.tried(Setting({}, frozenset({"mask:box:television"})))
    assert probe.says(tried)[0][0] == "blue_room"


def test_a_picture_left_alone_is_the_picture(case: FakeCase) -> None:
    probe = Probe(case, "#3")
    assert np.array_equal(probe.tried(Setting()).picture, probe.first.picture)
    assert probe.text(Setting({"brightness": 0.0})) == ""


@pytest.mark.parametrize(
    ("typed", "image", "edits"),
    [
        ("#12", "#12", ""),
        ("a.png brightness:-30; blur", "a.png", "brightness:-30; blur"),
        ('"my room.png" grey', "my room.png", "grey"),
        ("", "", ""),
    ],
)
def test_a_command_names_an_image_and_edits(typed: str, image: str, edits: str) -> None:
    assert read(typed) == (image, edits)


def test_plain_lines_tell_the_prediction_and_keep_edits_as_evidence(case: FakeCase) -> None:
    session = Session(case)
    first = list(session.act("/whatif #3"))
    assert isinstance(first[0], PlannerSaid)
    assert "Knobs: brightness" in first[0].text
    assert isinstance(first[1], PictureOpened)
    (kept,) = session.act("/whatif #3 brightness:-30; blur:2")
    assert isinstance(kept, EvidenceMade)
    assert kept.evidence.arguments["edits"] == "brightness:-30; blur:2"
    (unknown,) = session.act("/whatif nothing.png")
    assert isinstance(unknown, Notice)
    (none,) = session.act("/whatif")
    assert isinstance(none, Notice)
    session.close()


async def test_keys_turn_the_knobs_and_the_bars_follow(case: FakeCase, tmp_path: Path) -> None:
    probe = Probe(case, f"#{shown(case)}")
    script: Any = {"/whatif #1": [PictureOpened(probe)]}
    async with on_stage(tmp_path, script) as stage:
        stage.session.actions = lambda: {"/whatif": "sliders"}  # type: ignore[method-assign]
        stage.app.offer_commands({"/whatif": "sliders"})
        await stage.type("/whatif #1")
        await stage.until(lambda: isinstance(stage.app.screen, WhatIfScreen))
        screen: Any = stage.app.screen
        await stage.until(lambda: screen.seen is not None)
        assert "red_room" in stage.text()
        assert "brightness" in stage.text()
        await stage.pilot.press("left", "left", "left")
        await stage.until(lambda: screen.seen.setting.knobs.get("brightness", 0) < 0)
        knob = screen.query(Knob).first()
        assert knob.value < 0
        await stage.pilot.press("home")
        await stage.until(lambda: not screen.seen.setting.knobs)
        screen.query(Switch).first().focus()
        await stage.pilot.press("space")
        await stage.until(lambda: screen.seen.setting.on)
        assert "mask:box:television" in stage.text()
        await stage.pilot.press("r")
        await stage.until(lambda: screen.seen.setting == Setting())
        await stage.pilot.press("escape")
        await stage.until(lambda: not isinstance(stage.app.screen, WhatIfScreen))


@pytest.mark.parametrize("size", [(80, 24), (100, 20), (120, 40), (200, 60)])
async def test_the_picture_is_whole_and_the_answers_are_seen_in_every_size(
    size: tuple[int, int], case: FakeCase, tmp_path: Path
) -> None:
    probe = Probe(case, f"#{shown(case)}")
    async with on_stage(tmp_path, {"start": [PictureOpened(probe)]}, size=size) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, WhatIfScreen))
        screen: Any = stage.app.screen
        for width, height in (size, (size[0] - 8, size[1] - 2)):
            await stage.pilot.resize_terminal(width, height)
            await stage.until(lambda: screen.seen is not None and not screen._trying)
            await stage.until(lambda: screen._drawn_for == screen._room() and not screen._trying)
            lines = [line.rstrip() for line in stage.text().split("\n")]
            rows = [line for line in lines if line.startswith(" ▀")]
            drawn = screen.query_one("#whatif-drawn")
            assert len(rows) == drawn.size.height  # a row that wrapped would be two
            assert len(rows) >= max(
                4, min(height - 16, (width // 2 - 6) // 2, 34)
            )  # as large as there is room
            assert screen.query_one("#whatif-picture").max_scroll_y == 0
            for name, score, _ in probe.says(probe.first):
                assert any(name in line and f"{100 * score:.1f} %" in line for line in lines), lines


async def test_enter_keeps_the_edits_as_evidence(case: FakeCase, tmp_path: Path) -> None:
    probe = Probe(case, f"#{shown(case)}")
    async with on_stage(tmp_path, {"/whatif #1": [PictureOpened(probe)]}) as stage:
        stage.session.actions = lambda: {"/whatif": "sliders"}  # type: ignore[method-assign]
        await stage.type("/whatif #1")
        await stage.until(lambda: isinstance(stage.app.screen, WhatIfScreen))
        await stage.pilot.press("enter")
        assert isinstance(stage.app.screen, WhatIfScreen)  # nothing is changed yet
        await stage.pilot.press("right", "enter")
        await stage.until(lambda: not isinstance(stage.app.screen, WhatIfScreen))
        await stage.rest()
        asked = [text for what, text in stage.session.asked if what == "act"]
        assert asked[-1].startswith(f"/whatif {probe.image} brightness:")


async def test_a_slow_model_never_holds_up_the_app(case: FakeCase, tmp_path: Path) -> None:
    probe = Probe(case, "#3")
    held, calls = threading.Event(), []
    inner = probe.tried

    def slow(setting: Setting) -> Any:
        calls.append(setting)
        held.wait(10)
        return inner(setting)

    probe.tried = slow  # type: ignore[method-assign]
    async with on_stage(tmp_path, {"/whatif #3": [PictureOpened(probe)]}) as stage:
        stage.session.actions = lambda: {"/whatif": "sliders"}  # type: ignore[method-assign]
        await stage.type("/whatif #3")
        await stage.until(lambda: isinstance(stage.app.screen, WhatIfScreen) and calls)
        screen: Any = stage.app.screen
        for _ in range(10):
            await stage.pilot.press("right")
        assert screen.query(Knob).first().value > 0  # keys are answered while the model works
        assert len(calls) == 1
        held.set()
        await stage.until(lambda: screen.seen is not None and screen.seen.setting == screen.setting)
        assert len(calls) == 2  # the settings in between were passed over
