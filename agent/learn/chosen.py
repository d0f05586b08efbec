"""What the wizard gathers, and how a typed path is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.dialogue import Dialogue

if TYPE_CHECKING:
    from failsight.tools.view import Progress

SKIP = ("", "skip", "none", "no", "-")
"""What people type for nothing."""


@dataclass
class Chosen:
    """What came of the wizard: which door, and what a case is made of."""

    level: str = "novice"
    demo: bool = False
    learn: bool = False
    model: str = ""
    predictions: str = ""
    arch: str = ""
    trust_code: bool = False
    data: str = ""
    train: str = ""
    deploy: str = ""
    history: str = ""
    class_map: dict[str, str] = field(default_factory=dict)
    task: str = ""
    expect: list[str] = field(default_factory=list)
    wishes: list[str] = field(default_factory=list)
    picture: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    unlabelled: bool = False  # the table of predictions has no labels: the pictures' own place has them
    named: bool = False  # the names of the classes were said in the wizard, not read from the model

    def given(self) -> dict[str, Any]:
        """Fields of the configuration (``failsight.agent.config.CaseConfig``)."""
        names = ("model", "predictions", "arch", "data", "train", "deploy", "history", "task", "level")
        made: dict[str, Any] = {n: getattr(self, n) for n in names if getattr(self, n)}
        if self.class_map:
            made["class_map"] = dict(self.class_map)
        if self.trust_code:
            made["trust_code"] = True
        return made


Part = Callable[[Chosen, "Progress"], Dialogue[None]]
"""One part of the wizard: asks, and writes into what is gathered."""


def new_here(chosen: Chosen) -> bool:
    """Whether everything is to be explained."""
    return chosen.level == "novice"


def read_path(text: str) -> Path | None:
    """The path that was typed, quotes taken off; None for nothing."""
    bare = text.strip().strip("'\"")
    return Path(bare).expanduser() if bare else None
