"""The list of lessons with what was done so far; Enter begins one. An app of its own, for ``failsight learn``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from failsight.agent.learn.classroom import Classroom
from failsight.agent.learn.lessons import Lesson, lessons, teach
from failsight.agent.learn.progress import LEVELS
from failsight.agent.learn.score import calibration
from failsight.agent.learn.screenwords import mark, status
from failsight.agent.ui.tui import themes
from failsight.agent.ui.tui.screens.lesson import DialogueScreen
from failsight.agent.ui.tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from failsight.agent.learn.progress import Progress


class LessonList(OptionList):
    """The lessons, a line each; Enter begins one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "select", "Begin")]


class LearnScreen(Screen[None]):
    """Lessons at the left, what the highlighted one is about at the right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "level", "Level"),
        Binding("escape,q", "leave", "Leave"),
    ]
    DEFAULT_CSS = """
    LearnScreen #learn-top { height: 1; padding: 0 1; background: $panel; color: $text; }
    LearnScreen #learn-both { height: 1fr; layout: horizontal; }
    LearnScreen #learn-list { width: 3fr; height: 1fr; max-height: 100%; border: round $panel-lighten-2; background: $background; }
    LearnScreen #learn-list:focus { border: round $accent; background: $background; }
    LearnScreen #learn-about { width: 2fr; height: 1fr; padding: 0 1; border: round $panel-lighten-2; }
    LearnScreen.-narrow-screen #learn-both { layout: vertical; }
    LearnScreen.-narrow-screen #learn-list { width: 1fr; height: auto; max-height: 65%; }
    LearnScreen.-narrow-screen #learn-about { width: 1fr; }
    LearnScreen KeyLine { dock: bottom; height: 1; padding: 0 1; background: $panel; color: $text; }
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress

    def compose(self) -> ComposeResult:
        yield Static(id="learn-top", markup=False)
        with Container(id="learn-both"):
            yield LessonList(id="learn-list", markup=False)
            with VerticalScroll(id="learn-about", can_focus=False):
                yield Static(id="learn-text", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.refill()
        self.query_one(OptionList).focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width < 90, "-narrow-screen")

    def on_screen_resume(self) -> None:
        """Back from a lesson: what was done shows, and what comes next is offered."""
        known = self.query_one(OptionList)
        at = known.highlighted
        if at is not None and mark(self.progress, lessons()[at]) not in "·…":
            known.highlighted = None
        self.refill()

    def refill(self) -> None:
        """Draw the list anew."""
        known = self.query_one(OptionList)
        at = known.highlighted
        known.clear_options()
        for lesson in lessons():
            sign = mark(self.progress, lesson)
            known.add_option(
                Option(
                    Content.assemble(
                        f"{sign} ", (lesson.title, "bold"), (f"  {status(self.progress, lesson)}", "dim")
                    ),
                    id=lesson.id,
                )
            )
        following = next((i for i, x in enumerate(lessons()) if mark(self.progress, x) in "·…"), 0)
        known.highlighted = at if at is not None else following
        top = Content.assemble(
            ("Learn to find out why a model fails", "bold"), f"  ·  level {self.progress.level}"
        )
        self.query_one("#learn-top", Static).update(top)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """What the lesson is about, and what your guesses say so far."""
        lesson = next(x for x in lessons() if x.id == event.option.id)
        done = self.progress.lessons.get(lesson.id)
        parts: list[Any] = [
            (lesson.title, "bold"),
            f"\n\n{lesson.about[self.progress.level]}\n\n",
            (status(self.progress, lesson), "dim"),
        ]
        if done is not None and done.pitfalls:
            from failsight.agent.learn.process import pitfalls

            parts.append(
                ("\n\nPitfalls met:\n" + "\n".join(f"- {pitfalls()[p].title}" for p in done.pitfalls), "dim")
            )
        about = calibration(self.progress.guesses)
        if about:
            parts.append(("\n\nYour guesses: " + about, "dim"))
        self.query_one("#learn-text", Static).update(Content.assemble(*parts))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Begin the lesson."""
        event.stop()
        self.begin(next(x for x in lessons() if x.id == event.option.id))

    def begin(self, lesson: Lesson) -> None:
        """Put the lesson on the screen."""
        progress = self.progress
        self.app.push_screen(
            DialogueScreen(
                lambda reporter: teach(Classroom(progress.level, progress, reporter), lesson),
                lesson.title,
                stays=True,
            )
        )

    def action_leave(self) -> None:
        """Back to the conversation, where it was opened from one; else the end."""
        if isinstance(self.app, LearnApp):
            self.app.exit(0)
        else:
            self.app.pop_screen()

    def action_level(self) -> None:
        """From novice to intermediate to expert and round."""
        at = LEVELS.index(self.progress.level) if self.progress.level in LEVELS else -1
        self.progress.level = LEVELS[(at + 1) % len(LEVELS)]
        self.progress.save()
        self.refill()
        self.notify(f"Level: {self.progress.level}", markup=False)


class LearnApp(App[int]):
    """Lessons in the terminal. With ``lesson`` that one begins at once, and the app ends with it."""

    TITLE = "Failsight"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False),
        Binding("ctrl+t", "theme", "Theme", show=False),
    ]

    def __init__(self, progress: Progress, lesson: Lesson | None = None) -> None:
        super().__init__()
        themes.dress(self)
        self.progress, self.lesson = progress, lesson

    def on_mount(self) -> None:
        if not self.progress.level:
            from failsight.agent.learn.school import choose_level

            self.push_screen(DialogueScreen(lambda _: choose_level(self.progress), "Lessons"), self._begin)
        else:
            self._begin(None)

    def _begin(self, _: Any) -> None:
        self.progress.level = self.progress.level or "novice"
        screen = LearnScreen(self.progress)
        self.push_screen(screen)
        if self.lesson is not None:
            self.call_after_refresh(screen.begin, self.lesson)

    def action_theme(self) -> None:
        """The next look: dark, light, high contrast, greys."""
        self.theme = themes.after(self.theme)

    async def action_quit(self) -> None:
        """Leave; lessons are kept where they are."""
        for screen in self.screen_stack:
            if isinstance(screen, DialogueScreen):
                screen.thread.leave(0.0)
        self.exit(0)


def run_learn_app(progress: Progress, lesson: Lesson | None = None) -> int:
    """Run the lessons until the person leaves; returns the exit code."""
    code = LearnApp(progress, lesson).run()
    print(f"Your progress is kept in {progress.path}.", file=sys.stderr)
    return code or 0
