"""Talks about cases of other subjects than rooms, with real tools on tiny images whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from failsight.agent.case import Case
from failsight.agent.events import ApprovalAsked, PlannerSaid, ToolStarted
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

ANIMALS = ("cat", "dog", "fox", "owl")
LESIONS = ("benign", "malignant")
#: class → (images, wrong by day, wrong by night, what wrong ones are called); half of the images are by night
WRONG = {
    "cat": (40, 0, 4, "dog"),
    "dog": (40, 2, 8, "fox"),
    "fox": (40, 8, 12, "dog"),
    "owl": (40, 1, 1, "cat"),
}
IN_USE = {
    "cat": (20, 2, 8, "dog"),
    "dog": (20, 1, 2, "fox"),
    "fox": (20, 5, 8, "dog"),
    "owl": (20, 0, 1, "cat"),
}
SKIN = {"benign": (60, 2, 4, "malignant"), "malignant": (40, 8, 12, "benign")}
Rule = Mapping[str, tuple[int, int, int, str]]


def _table(classes: Sequence[str], rule: Rule) -> FakeTable:
    """Images that are plain grey; how grey says what the model answers."""
    labels, answers, light = [], [], []
    for name, (n, by_day, by_night, other) in rule.items():
        for night, wrong in ((False, by_day), (True, by_night)):
            labels += [classes.index(name)] * (n // 2)
            answers += [classes.index(other)] * wrong + [classes.index(name)] * (n // 2 - wrong)
            light += ["night" if night else "day"] * (n // 2)
    pixels = np.repeat(np.array(answers, np.uint8)[:, None] * 40 + 20, 8 * 8 * 3, 1).reshape(-1, 8, 8, 3)
    columns: dict[str, list[Any]] = {"light": light, "site": ["north" if i % 4 < 2 else "south" for i in range(len(labels))]}  # fmt: skip
    made = FakeTable(pixels, labels, classes, columns)
    made.paths = [f"{classes[c]}/{classes[c]}_{i:04d}.png" for i, c in enumerate(labels)]
    return made


def _model(classes: Sequence[str]) -> FakeModel:
    def rule(x: np.ndarray) -> np.ndarray:
        answer = np.rint((x.mean((1, 2, 3)) * 255 - 20) / 40).astype(int)
        return 2.0 * np.eye(len(classes))[np.clip(answer, 0, len(classes) - 1)]

    return FakeModel(rule, tuple(classes), (8, 8))


def animals(folder: Path) -> FakeCase:
    """160 pictures of four animals, 80 from use."""
    tables = {"data": _table(ANIMALS, WRONG), "deploy": _table(ANIMALS, IN_USE)}
    return FakeCase(
        folder, tables, _model(ANIMALS), deploy="fake", task="Say which animal walked past a camera trap."
    )


def lesions(folder: Path) -> FakeCase:
    """100 pictures of lesions, of which one is looked for."""
    return FakeCase(folder, {"data": _table(LESIONS, SKIN)}, _model(LESIONS))


def talk(case: Case, said: Sequence[str], *, yes: bool = False) -> list[tuple[list[str], str]]:
    """What each sentence of a talk brought: its calls in short (``count_images true=cat wrong``), and the words that answered.

    Args:
        yes: what is said where a call asks whether it may run.
    """
    session = Session(case)
    made = []
    for text in said:
        events = list(session.say(text))
        while session.pending is not None:
            events += list(session.decide(yes))
        calls = [_short(e) for e in events if isinstance(e, ToolStarted)]
        calls += [f"? {e.tool}" for e in events if isinstance(e, ApprovalAsked)]
        made.append((calls, "\n".join(e.text for e in events if isinstance(e, PlannerSaid))))
    session._checkpoints.conn.close()
    return made


def _short(event: ToolStarted) -> str:
    values = [v for k in sorted(event.arguments, key=_ORDER) for v in _flat(event.arguments[k])]
    return " ".join([event.tool, *values])


def _ORDER(name: str) -> tuple[int, str]:
    known = ("split", "among", "having", "by")
    return (known.index(name) if name in known else len(known), name)


def _flat(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]


def first(case: Case, text: str) -> str:
    """What the planner does at once with one sentence, in short."""
    made = GuidedPlanner(case).plan([_human(text)])
    if not made.tool_calls:
        return str(made.text)
    one = made.tool_calls[0]
    return " ".join(
        [one["name"], *(v for k in sorted(one["args"], key=_ORDER) for v in _flat(one["args"][k]))]
    )


def _human(text: str) -> Any:
    from langchain_core.messages import HumanMessage

    return HumanMessage(text)
