"""The first-run wizard in the terminal: an app of its own that ends with what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from failsight.agent.learn.wizard import Chosen, wizard
from failsight.agent.ui.tui import themes
from failsight.agent.ui.tui.screens.lesson import DialogueScreen

if TYPE_CHECKING:
    from failsight.agent.learn.dialogue import Dialogue
    from failsight.tools.view import Progress


class WizardApp(App[Chosen]):
    """Asks for what a case is made of."""

    TITLE = "Failsight"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False),
        Binding("ctrl+t", "theme", "Theme", show=False),
    ]

    def __init__(self, level: str = "") -> None:
        super().__init__()
        themes.dress(self)
        self.level = level

    def on_mount(self) -> None:
        self.push_screen(DialogueScreen(self._dialogue, "Failsight"), self._done)

    def _dialogue(self, reporter: Progress) -> Dialogue[Chosen | None]:
        return wizard(self.level, reporter)

    def _done(self, chosen: Chosen | None) -> None:
        self.exit(chosen)

    def action_theme(self) -> None:
        """The next look: dark, light, high contrast, greys."""
        self.theme = themes.after(self.theme)


def run_wizard_app(level: str = "") -> Chosen | None:
    """Run the wizard; None when the person left."""
    return WizardApp(level).run()
