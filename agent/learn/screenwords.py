"""How lessons and progress are shown in lists: the same words by lines and in the terminal app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failsight.agent.learn.lessons import Lesson
    from failsight.agent.learn.progress import Progress


def mark(progress: Progress, lesson: Lesson) -> str:
    """``✓`` finished (and right), ``✗`` finished with another conclusion, ``…`` begun, ``·`` not yet."""
    done = progress.lessons.get(lesson.id)
    if done is None or not (done.finished or done.steps):
        return "·"
    if not done.finished:
        return "…"
    return "✗" if done.right is False else "✓"


def listed(progress: Progress) -> list[str]:
    """All lessons, a line each: number, sign, title, and what became of it."""
    from failsight.agent.learn.lessons import lessons

    return [
        f"{number:>2} {mark(progress, lesson)} {lesson.title:<36} {status(progress, lesson)}"
        for number, lesson in enumerate(lessons(), 1)
    ]


def status(progress: Progress, lesson: Lesson) -> str:
    """What became of a lesson so far, in a few words."""
    done = progress.lessons.get(lesson.id)
    if done is None or not (done.finished or done.steps):
        return f"about {lesson.minutes} min"
    if not done.finished:
        return f"begun: {done.steps} {'of ' + str(len(lesson.steps)) + ' steps' if lesson.steps else 'things done'}"
    said = {True: "solved", False: "concluded otherwise", None: "finished"}[done.right]
    pitfalls = (
        f", {len(done.pitfalls)} {'pitfall' if len(done.pitfalls) == 1 else 'pitfalls'} met"
        if done.pitfalls
        else ""
    )
    return f"{said}{pitfalls}"
