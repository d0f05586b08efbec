"""The arithmetic of progress, with a clock that stands still unless told."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.ui.progress import JobState, Meter, metered
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from tests.ui.stage import on_stage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_is_the_pace_so_far_times_what_is_left() -> None:
    state = JobState(1, "predicting", done=250, total=1000, seconds=10)
    assert state.share == 0.25
    assert state.left == 30
    assert state.line() == "predicting 25 % · 30 s left"
    assert state.line(8) == "predicting ━━╌╌╌╌╌╌ 25 % · 30 s left"


def test_without_a_total_it_says_how_much_is_done() -> None:
    assert JobState(1, "reading", 1200, 0, 3).line() == "reading · 1,200 done · 3 s"


def test_more_than_the_total_is_a_hundred_percent() -> None:
    assert JobState(1, "x", 12, 10, 5).line() == "x 100 % · 0 s left"


def test_looks_are_rare_and_the_end_always_shows() -> None:
    clock, seen = Clock(), []
    meter = Meter("x", 100, seen.append, every=1.0, clock=clock)
    with metered(meter, seen.append):
        for _ in range(100):
            clock.now += 0.125
            meter.advance()
    assert [s.done for s in seen[:3]] == [0, 8, 16]
    assert len(seen) <= 14
    assert seen[-1].ended and seen[-1].done == 100


def test_the_end_shows_after_an_error_too() -> None:
    seen: list[JobState] = []
    meter = Meter("x", 10, seen.append)
    with pytest.raises(ValueError), metered(meter, seen.append):
        raise ValueError
    assert seen[-1].ended


def test_a_wish_to_stop_is_granted_at_the_next_tick() -> None:
    wish = [False]
    meter = Meter("x", 10, lambda _: None, cancelled=lambda: wish[0])
    meter.advance()
    wish[0] = True
    with pytest.raises(KeyboardInterrupt):
        meter.advance()


def test_labels_are_harmless() -> None:
    assert Meter("\x1b[2Jx", 1, lambda _: None).state().label == "[2Jx"


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_how_to_stop_is_never_cut_off(width: int, tmp_path: Path) -> None:
    job = JobState(1, "comparing pictures", 60_000, 240_000, 30.0, False)
    async with on_stage(tmp_path, {"start": []}, size=(width, 24)) as stage:
        stage.app.main.query_one(StatusLine).job = job
        await stage.until(lambda: "left  Esc stops" in stage.text())


def test_an_expected_time_is_told_no_more_exactly_than_it_is_known() -> None:
    from failsight.agent.events import ApprovalAsked
    from failsight.agent.ui.progress import expected, roughly

    told = {
        0.2: "1 s",
        7.4: "7 s",
        33: "35 s",
        58: "1 min",
        159: "2 min 40 s",
        478: "8 min",
        3_700: "1 h 02 min",
    }
    assert {seconds: roughly(seconds) for seconds in told} == told
    asked = ApprovalAsked("retrain", {}, "", "heavy", (), (159.0, 478.0), "estimated")
    assert expected(asked) == "about 2 min 40 s to 8 min (estimated)"
    assert (
        expected(ApprovalAsked("retrain", {}, "", "heavy", (), (159.0, 161.0), "so before"))
        == "about 2 min 40 s (so before)"
    )
    assert expected(ApprovalAsked("retrain", {}, "", "heavy")) == "many passes of the model"
