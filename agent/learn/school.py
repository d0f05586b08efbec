"""The whole of ``failsight learn`` as one dialogue: choose the level once, choose lessons, work through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failsight.agent.learn.classroom import Classroom
from failsight.agent.learn.dialogue import Dialogue, Option, Say, pick
from failsight.agent.learn.lessons import Lesson, lessons, teach
from failsight.agent.learn.score import calibration
from failsight.agent.learn.screenwords import mark, status

if TYPE_CHECKING:
    from failsight.agent.learn.progress import Progress
    from failsight.tools.view import Progress as Reporter

LEVELS = (
    Option("novice", "novice: explain everything, and ask me often"),
    Option("intermediate", "intermediate: I have trained classifiers; the usual words are fine"),
    Option("expert", "expert: short, and ask only what needs me"),
)


def school(progress: Progress, reporter: Reporter, lesson: Lesson | None = None) -> Dialogue[None]:
    """Lessons until the person leaves; with ``lesson`` that one alone."""
    if not progress.level:
        yield Say(
            "Lessons about failing image classifiers. Everything is measured on your machine while you wait."
        )
        yield from choose_level(progress)
    if lesson is not None:
        yield from teach(Classroom(progress.level, progress, reporter), lesson)
        return
    while True:
        chosen = yield from _choose(progress)
        if chosen == "leave":
            return
        if chosen == "level":
            yield from choose_level(progress)
            continue
        found = next(x for x in lessons() if x.id == chosen)
        yield from teach(Classroom(progress.level, progress, reporter), found)
        about = calibration(progress.guesses)
        if about:
            yield Say(about, "muted")


def choose_level(progress: Progress) -> Dialogue[str]:
    """Ask how much shall be explained, and keep it."""
    picked = yield from pick("How much shall be explained?", LEVELS, default=progress.level or "novice")
    progress.level = picked.key
    progress.save()
    return picked.key


def _choose(progress: Progress) -> Dialogue[str]:
    options = [Option(x.id, f"{mark(progress, x)} {x.title} ({status(progress, x)})") for x in lessons()]
    options += [Option("level", f"change the level (now {progress.level})"), Option("leave", "leave")]
    following = next((x.id for x in lessons() if mark(progress, x) in "·…"), "leave")
    picked = yield from pick("Which lesson?", options, default=following)
    return picked.key
