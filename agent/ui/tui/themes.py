"""The looks of the app: dark, light, high contrast, and greys alone. ``NO_COLOR`` turns any of them into greys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

CONTRAST = Theme(
    name="contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffaf00",
    error="#ff8787",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    boost="#303030",
    dark=True,
    text_alpha=1.0,
    variables={
        "panel-lighten-2": "#ffffff",
        "panel-lighten-3": "#ffffff",
        "text-muted": "#d0d0d0",
        "text-accent": "#ffff00",
        "text-secondary": "#00ffff",
        "text-warning": "#ffd75f",
        "text-error": "#ff8787",
        "text-success": "#5fff5f",
        "text-primary": "#ffff00",
        "input-selection-background": "#ffff00 40%",
    },
)
LIGHT = Theme(
    name="paper",
    primary="#005f87",
    secondary="#005f87",
    accent="#a85d00",
    warning="#7a5200",
    error="#9c1c1c",
    success="#1e6b1e",
    foreground="#1c1c1c",
    background="#fafafa",
    surface="#f2f2f2",
    panel="#e0e0e0",
    boost="#d4d4d4",
    dark=False,
    variables={
        "panel-lighten-2": "#8a8a8a",
        "panel-lighten-3": "#a0a0a0",
        "text-muted": "#555555",
        "text-accent": "#8a4b00",
        "text-secondary": "#005f87",
        "text-warning": "#7a5200",
        "text-error": "#9c1c1c",
        "text-success": "#1e6b1e",
    },
)
GREY = Theme(
    name="grey",
    primary="#c6c6c6",
    secondary="#c6c6c6",
    accent="#dadada",
    warning="#e4e4e4",
    error="#ffffff",
    success="#d0d0d0",
    foreground="#e4e4e4",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    boost="#303030",
    dark=True,
)
OURS = (CONTRAST, LIGHT, GREY)
# what rich's named colours (of tables, notes, verdicts) are on a light and on a dark ground: all of them 4.5 to 1 or
# better, as greys (NO_COLOR) too
_ON_LIGHT = [
    (28, 28, 28), (156, 28, 28), (30, 107, 30), (122, 82, 0), (0, 95, 135), (110, 40, 110), (0, 95, 135), (85, 85, 85),
]  # fmt: skip
_ON_DARK = [
    (150, 150, 150), (255, 135, 135), (140, 220, 120), (255, 190, 90), (120, 185, 255), (220, 165, 255), (90, 210, 230), (224, 224, 224),
]  # fmt: skip
NAMES: dict[str, str] = {
    "dark": "textual-dark",
    "light": "paper",
    "contrast": "contrast",
    "grey": "grey",
}
WORDS = "dark, light, contrast or grey: /theme light; without a name: the next one"


def first() -> str:
    """The look to begin with: ``FAILSIGHT_THEME``, else dark."""
    return NAMES.get(os.environ.get("FAILSIGHT_THEME", "").strip().lower(), NAMES["dark"])


def dress(app: App[Any]) -> None:
    """Teach ``app`` our looks, and put the first one on."""
    from rich.terminal_theme import TerminalTheme

    for theme in OURS:
        app.register_theme(theme)
    app.ansi_theme_dark = TerminalTheme((18, 18, 18), (224, 224, 224), _ON_DARK, _ON_DARK)
    app.ansi_theme_light = TerminalTheme((250, 250, 250), (28, 28, 28), _ON_LIGHT, _ON_LIGHT)
    app.theme = first()


def after(theme: str) -> str:
    """The look behind ``theme``, round and round."""
    known = list(NAMES.values())
    return known[(known.index(theme) + 1) % len(known)] if theme in known else known[0]
