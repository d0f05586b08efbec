"""A method plays a case: it says what it says, and is judged as the planner is.

Methods that name no kind can't be wrong in it: their statements are right wherever their place is that of a planted fault. A
fault of the whole data set or model has no place, so a statement of theirs that names none, or only a class that the fault is
not about, does not tell of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from benchmarks.casebook.baselines.given import Given, read
from benchmarks.casebook.baselines.methods import METHODS
from benchmarks.casebook.judging import Judge
from benchmarks.casebook.keys import Judged, Planted, conditions, judged
from benchmarks.casebook.making import Case
from benchmarks.casebook.measuring import MeasuredJudge
from benchmarks.casebook.playing import statement, time_limit
from failsight.agent.opening import open_case


class Room:
    """One case opened once for all methods; a context manager."""

    def __init__(self, case: Case, folder: Path, limit: float) -> None:
        self._case, self._folder, self._limit = case, folder, limit
        self._given: Given | None = None
        self._judge: Judge | None = None
        self._opening = 0.0
        self._opened: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.close()

    def play(self, name: str) -> dict[str, Any]:
        """As ``playing.play``: statements in the method's order, judged. Opening and reading count for each method."""
        with time_limit(self._limit):
            given = self._read()
            began = time.monotonic()
            said = METHODS[name].answer(given)
            seconds = time.monotonic() - began + self._opening
            if self._judge is None:
                self._judge = MeasuredJudge(self._case)
            judge = PlacedJudge(self._case, self._judge)
            statements = []
            for one in said:
                found = {
                    "kind": one.kind, "slice": dict(one.conditions), "class_name": one.class_name or None,
                    "confused_with": one.confused_with or None, "statement": one.text,
                }  # fmt: skip
                statements.append(statement(found, judge) | {"call": 1, "tool": name, "stands": True})
        return {"statements": statements, "calls": 1, "seconds": round(seconds, 2), "tokens": 0, "usd": 0.0, "by_tool": [[name, round(seconds, 2)]]}  # fmt: skip

    def _read(self) -> Given:
        """What methods are given: read once, or failed once."""
        if self._given is None:
            began = time.monotonic()
            if self._opened is None:
                self._opened = open_case(out=self._folder, planner="guided", **self._case.given)
            self._given = read(self._opened, self._case.plan.world == "rooms")
            self._opening = time.monotonic() - began
        return self._given


class PlacedJudge:
    """The judge of the casebook, for statements that may lack a kind."""

    def __init__(self, case: Case, judge: Judge) -> None:
        self._case, self._judge = case, judge

    def __call__(self, said: Mapping[str, Any]) -> Judged:
        """What a statement is worth."""
        made = self._judge(said)
        if said.get("kind") or made.judgement != "right":
            return made
        plan = self._case.plan
        about = [one for one in plan.key if placed(said, one, plan.implied)]
        again = judged(said, about, plan.implied, self._judge.holds)
        fed = [one for one in plan.key if one.anything]
        if fed and again.judgement != "right":
            return Judged("consequence", fed[0].bug)
        return again


def placed(said: Mapping[str, Any], one: Planted, implied: Mapping[str, Any]) -> bool:
    """Whether a statement without a kind names the place of a fault: its attribute, or a class that it is about."""
    return bool(conditions(said, implied)) or said.get("class") in one.classes
