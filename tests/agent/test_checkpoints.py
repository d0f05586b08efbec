"""Checkpoints: the file does not grow with the square of the turns, and a restart still goes on where it stood."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from failsight.agent import checkpoints
from failsight.agent.checkpoints import KEPT, open_checkpoints
from failsight.agent.graph import THREAD
from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.session import Session
from tests.fakes.case import FakeCase, television_world


def counts(folder: Path) -> tuple[int, int]:
    with sqlite3.connect(folder / "checkpoints.sqlite") as connection:
        rows = connection.execute("SELECT checkpoint_id FROM checkpoints").fetchall()
        lost = connection.execute(
            "SELECT count(*) FROM writes WHERE checkpoint_id NOT IN (SELECT checkpoint_id FROM checkpoints)"
        ).fetchone()[0]
    return len(rows), lost


def test_only_the_latest_checkpoints_stay_and_a_restart_remembers_all(tmp_path: Path) -> None:
    table, model = television_world(60)
    folder = tmp_path / "case"
    case = FakeCase(folder, {"data": table}, model)
    session = Session(case, planner=ScriptedPlanner(["What would you like to look at next?"] * 12))  # type: ignore[arg-type]
    for number in range(12):
        for _ in session.say(f"Question {number}?"):
            pass
    session.close()
    kept, lost = counts(folder)
    assert kept == KEPT and lost == 0
    again = Session(FakeCase(folder, {"data": table}, model), planner=ScriptedPlanner([]))  # type: ignore[arg-type]
    messages = again._graph.get_state(THREAD).values["messages"]
    again.close()
    said = [m.content for m in messages if m.type == "human"]
    assert said == [f"Question {i}?" for i in range(12)]


def test_what_was_let_go_of_is_given_back_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE old (content BLOB)")
        connection.execute("INSERT INTO old VALUES (zeroblob(?))", (4096 * 2 * checkpoints.WASTE,))
        connection.commit()
        connection.execute("DELETE FROM old")
    connection.close()
    before = path.stat().st_size
    open_checkpoints(tmp_path).conn.close()
    assert path.stat().st_size < before / 10
