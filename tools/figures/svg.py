"""The few SVG shapes that the charts need. Everything is escaped; a figure says in words what it shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from failsight.tools.text import clean

# Okabe & Ito 2008: told apart by readers with any common colour vision
BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
INK, FAINT, GRID = "#222222", "#666666", "#DDDDDD"
SERIES = (BLUE, VERMILION, GREEN, PURPLE)
CHARACTER = 6.2  # mean advance of one character at 11 px, for layout


class Canvas:
    """An SVG being drawn; lengths in pixels, origin top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []
        self._hatched = False

    def rect(
        self, x: float, y: float, w: float, h: float, fill: str, *, stroke: str = "none", hint: str = ""
    ) -> None:
        """A rectangle; ``hint`` shows on hovering."""
        title = f"<title>{escape(clean(hint))}</title>" if hint else ""
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" fill="{fill}" stroke="{stroke}"'
        self._parts.append(f"<rect {shape}>{title}</rect>" if title else f"<rect {shape}/>")

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str = GRID, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width:g}"{dashed}/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str, hint: str = "") -> None:
        """A filled circle."""
        title = f"<title>{escape(clean(hint))}</title>" if hint else ""
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}">{title}</circle>'
        )

    def polygon(self, corners: Sequence[tuple[float, float]], fill: str, hint: str = "") -> None:
        """A filled outline through ``corners``."""
        title = f"<title>{escape(clean(hint))}</title>" if hint else ""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self._parts.append(f'<polygon points="{points}" fill="{fill}">{title}</polygon>')

    def picture(self, x: float, y: float, w: float, h: float, png: bytes, kind: str = "png") -> None:
        """A small picture, kept inside the document (``kind``: png or jpeg)."""
        data = b64encode(png).decode("ascii")
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"'
        self._parts.append(f'<image {shape} href="data:image/{kind};base64,{data}"/>')

    def hatch(self, x: float, y: float, w: float, h: float, hint: str = "") -> None:
        """A rectangle with thin slanted lines: too little is known to shade it."""
        if not self._hatched:
            self._hatched = True
            self._parts.append(
                '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
                '<path d="M-1,1 L1,-1 M0,6 L6,0 M5,7 L7,5" stroke="#BBBBBB" stroke-width="0.8"/></pattern></defs>'
            )
        self.rect(x, y, w, h, "url(#hatch)", stroke=GRID, hint=hint)

    def text(
        self,
        x: float,
        y: float,
        words: object,
        *,
        anchor: str = "start",
        fill: str = INK,
        size: float = 11,
        bold: bool = False,
        turn: float = 0,
    ) -> None:
        """Words with their baseline at ``y``; ``turn`` in degrees about (x, y)."""
        turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
        weight = ' font-weight="bold"' if bold else ""
        shape = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size:g}"{weight}{turned}'
        self._parts.append(f"<text {shape}>{escape(clean(words))}</text>")

    def svg(self, title: str, alt: str) -> str:
        """The whole document; ``title`` and ``alt`` are read out by screen readers."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" width="{self.width:.0f}" '
            f'height="{self.height:.0f}" role="img" font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif">'
        )
        words = f"<title>{escape(clean(title))}</title><desc>{escape(clean(alt, 1000))}</desc>"
        ground = f'<rect width="{self.width:.0f}" height="{self.height:.0f}" fill="#FFFFFF"/>'
        return f"{head}{words}{ground}{''.join(self._parts)}</svg>"


def short(words: object, most: int) -> str:
    """``words`` cut to ``most`` characters."""
    return clean(words, max(most, 1))


def shade(share: float) -> tuple[str, str]:
    """Fill from white (0) to dark blue (1), and an ink that can be read on it (contrast at least 4.5 : 1)."""
    stops = ((255, 255, 255), (198, 219, 239), (107, 174, 214), (33, 113, 181), (8, 48, 107))
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(place), len(stops) - 2)
    mixed = [a + (b - a) * (place - low) for a, b in zip(stops[low], stops[low + 1], strict=True)]
    ink = "#000000" if _luminance(mixed) > 0.179 else "#FFFFFF"  # where black and white contrast equally
    return "#" + "".join(f"{round(c):02X}" for c in mixed), ink


def on_black(colour: str) -> str:
    """``#RRGGBB`` lightened until it can be told from a black ground (contrast at least 3.8 : 1), its hue kept."""
    rgb = [float(int(colour[i : i + 2], 16)) for i in (1, 3, 5)]
    while _luminance(rgb) < 0.14:
        rgb = [c + (255 - c) * 0.1 for c in rgb]
    return "#" + "".join(f"{round(c):02X}" for c in rgb)


def _luminance(rgb: list[float]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.1)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
