"""What somebody has done and learned so far, kept between runs: one JSON file of the user, nothing in it but their own record."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
LEVELS = ("novice", "intermediate", "expert")


def learn_home() -> Path:
    """Where progress and the cases of lessons are kept: ``FAILSIGHT_HOME``, else the user's state folder (XDG)."""
    given = os.environ.get("FAILSIGHT_HOME")
    if given:
        return Path(given) / "learn"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "failsight" / "learn"


@dataclass
class Done:
    """How a lesson went.

    Attributes:
        finished: whether it was worked through.
        right: whether what was concluded is right; None where nothing was concluded.
        level: at which level.
        steps: steps done so far, where it was left.
        hints: hints that were asked for.
        pitfalls: names of the pitfalls that were stepped into.
    """

    finished: bool = False
    right: bool | None = None
    level: str = ""
    steps: int = 0
    hints: int = 0
    pitfalls: list[str] = field(default_factory=list)


@dataclass
class Progress:
    """Everything that is kept.

    Attributes:
        level: the level that was chosen last; empty before the first time.
        lessons: by the lesson's id.
        guesses: every guess: ``lesson``, ``what`` (range or pick), ``held``, and ``score``, ``sure`` where there are any.
        path: where it is kept; None keeps nothing (tests).
    """

    level: str = ""
    lessons: dict[str, Done] = field(default_factory=dict)
    guesses: list[dict[str, Any]] = field(default_factory=list)
    path: Path | None = None

    def lesson(self, name: str) -> Done:
        """The record of a lesson, begun if it is not there."""
        return self.lessons.setdefault(name, Done())

    def save(self) -> None:
        """Write the file; a disk that does not take it costs the record, not the lesson."""
        if self.path is None:
            return
        told = {
            "version": VERSION,
            "level": self.level,
            "lessons": {name: asdict(done) for name, done in self.lessons.items()},
            "guesses": self.guesses[-500:],
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.path.with_suffix(".part")
            fresh.write_text(json.dumps(told, indent=1), encoding="utf-8")
            os.replace(fresh, self.path)
        except OSError:
            pass


def load_progress(path: Path | None = None) -> Progress:
    """What is kept at ``path`` (by default the user's); a file that can't be read is begun anew, the old one put aside."""
    path = path or learn_home() / "progress.json"
    if not path.is_file():
        return Progress(path=path)
    try:
        raw = json.loads(path.read_text("utf-8"))
        lessons = {str(name): Done(**done) for name, done in raw["lessons"].items()}
        level = raw["level"] if raw["level"] in LEVELS else ""
        return Progress(level, lessons, [dict(g) for g in raw["guesses"]], path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        try:
            os.replace(path, path.with_suffix(".broken"))
        except OSError:
            pass
        return Progress(path=path)
