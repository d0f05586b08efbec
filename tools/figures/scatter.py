"""Images as dots on a map, coloured by group; each dot says on hovering which image it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.figures.sketch import GRAIN, MARKS, Points, with_sketch
from failsight.tools.figures.sketch import Group as SketchGroup
from failsight.tools.figures.svg import (
    BLUE,
    CHARACTER,
    FAINT,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Canvas,
    on_black,
    short,
)

SIDE, LEFT, TOP = 560.0, 14.0, 40.0
LEGEND = 190.0
MOST_GROUPS = 10  # told apart by colour and shape; further ones are shown together
QUIET = "#9AA0A6"
HUES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, "#8C6D1F", "#444444", "#882255", "#117733")
# from dark to light, evenly spaced in lightness (viridis)
RAMP = ("#440154", "#3B528B", "#21918C", "#5EC962", "#C8B900")


@dataclass(frozen=True, slots=True)
class Kind:
    """Dots of one colour.

    Attributes:
        name: for the legend.
        colour: ``#RRGGBB``.
        mark: the character that stands for it in a terminal; empty for fine dots.
        shape: ``dot``, ``cross``, ``square`` or ``triangle``.
    """

    name: str
    colour: str
    mark: str = ""
    shape: str = "dot"


@dataclass(frozen=True)
class Cloud:
    """A map.

    Attributes:
        at: (n, 2) places, finite.
        kind: (n,) place among ``kinds``.
        hints: (n,) what a dot says on hovering.
        letters: (x, y, word) of regions, in the units of ``at``.
    """

    at: npt.NDArray[np.float64]
    kind: npt.NDArray[np.int64]
    kinds: tuple[Kind, ...]
    hints: Sequence[str]
    letters: tuple[tuple[float, float, str], ...] = ()


def outcome_kinds() -> tuple[Kind, Kind]:
    """Right and wrong."""
    return Kind("right", SKY), Kind("wrong", VERMILION, "x", "cross")


def named_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """One kind a name: at most ``MOST_GROUPS``, told apart by colour, shape and letter."""
    shapes = ("dot", "square", "triangle", "cross")
    return tuple(
        Kind(name, HUES[i % len(HUES)], MARKS[i], shapes[(i + i // len(HUES)) % len(shapes)])
        for i, name in enumerate(names)
    )


def ordered_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """Ranges of a number from low to high: dark to light."""
    step = (len(RAMP) - 1) / max(len(names) - 1, 1)
    return tuple(Kind(name, RAMP[round(i * step)], str(i + 1)) for i, name in enumerate(names))


def rest_kind(name: str) -> Kind:
    """Everything else, or no value."""
    return Kind(name, QUIET)


def scatter(title: str, alt: str, cloud: Cloud, note: str = "") -> str:
    """The map as SVG with its terminal sketch. Distances mean little on such a map, so it has no axes."""
    canvas = Canvas(LEFT + SIDE + LEGEND, TOP + SIDE + 34)
    canvas.text(LEFT, 20, short(title, 90), size=13, bold=True)
    canvas.rect(LEFT, TOP, SIDE, SIDE, "none", stroke=GRID)
    place = _placed(cloud.at)
    radius = 2.2 if len(place) > 1200 else 3.0 if len(place) > 300 else 4.0
    for i in _order(cloud):
        kind = cloud.kinds[int(cloud.kind[i])]
        x, y = LEFT + 8 + (SIDE - 16) * place[i, 0], TOP + 8 + (SIDE - 16) * place[i, 1]
        _mark(canvas, kind, x, y, radius, cloud.hints[i] if cloud.hints else "")
    letters = _letters(cloud)
    for x, y, word in letters:
        _badge(canvas, LEFT + 8 + (SIDE - 16) * x, TOP + 8 + (SIDE - 16) * y, word)
    _legend(canvas, cloud)
    canvas.text(LEFT, TOP + SIDE + 20, short(note, 110), fill=FAINT)
    return with_sketch(canvas.svg(title, alt), _sketch(cloud, place, letters))


def _placed(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places in [0, 1], y downwards; one far point does not squeeze the others: the outermost 0.2 % lie on the edge."""
    if not len(at):
        return np.zeros((0, 2))
    low, high = np.quantile(at, (0.002, 0.998), axis=0)
    span = float(max((high - low).max(), 1e-12))
    middle = (low + high) / 2
    made: npt.NDArray[np.float64] = np.clip((at - middle) / span + 0.5, 0, 1)
    made[:, 1] = 1 - made[:, 1]
    return made


def _order(cloud: Cloud) -> list[int]:
    """Larger groups first, so that few dots are not hidden by many."""
    size = np.bincount(cloud.kind, minlength=len(cloud.kinds))
    order: list[int] = np.argsort(-size[cloud.kind], kind="stable").tolist()
    return order


def _mark(canvas: Canvas, kind: Kind, x: float, y: float, radius: float, hint: str) -> None:
    r = radius
    if kind.shape == "square":
        canvas.rect(x - r * 0.85, y - r * 0.85, 1.7 * r, 1.7 * r, kind.colour, hint=hint)
    elif kind.shape == "triangle":
        canvas.polygon(
            [(x, y - 1.2 * r), (x + 1.1 * r, y + 0.8 * r), (x - 1.1 * r, y + 0.8 * r)], kind.colour, hint
        )
    elif kind.shape == "cross":
        a, b = r * 1.25, r * 0.42  # a cross that can be hovered: a filled outline
        turned = [(-b, 0), (-a, -a + b), (-a + b, -a), (0, -b), (a - b, -a), (a, -a + b),
                  (b, 0), (a, a - b), (a - b, a), (0, b), (-a + b, a), (-a, a - b)]  # fmt: skip
        canvas.polygon([(x + dx, y + dy) for dx, dy in turned], kind.colour, hint)
    else:
        canvas.dot(x, y, r, kind.colour, hint)


def _badge(canvas: Canvas, x: float, y: float, word: str) -> None:
    canvas.dot(x, y, 10, "#FFFFFF")
    canvas.dot(x, y, 9, INK)
    canvas.text(x, y + 4, word, anchor="middle", fill="#FFFFFF", bold=True)


def _legend(canvas: Canvas, cloud: Cloud) -> None:
    x, y = LEFT + SIDE + 16, TOP + 12.0
    size = np.bincount(cloud.kind, minlength=len(cloud.kinds))
    for kind, n in zip(cloud.kinds, size.tolist(), strict=True):
        if not n:
            continue
        _mark(canvas, kind, x, y - 4, 4.5, "")
        most = int((LEGEND - 34) / CHARACTER)
        canvas.text(x + 12, y, f"{short(kind.name, most - len(f'{n:,}') - 3)} ({n:,})")
        y += 18


def _letters(cloud: Cloud) -> list[tuple[float, float, str]]:
    """Where the letters stand, in [0, 1]; one that would lie on another is moved down."""
    if not cloud.letters:
        return []
    low, high = np.quantile(cloud.at, (0.002, 0.998), axis=0)
    span = float(max((high - low).max(), 1e-12))
    made: list[tuple[float, float, str]] = []
    for x, y, word in cloud.letters:
        u, v = (np.array([x, y]) - (low + high) / 2) / span + 0.5
        u, v = float(np.clip(u, 0, 1)), float(np.clip(1 - v, 0, 1))
        while any(abs(u - a) < 0.04 and abs(v - b) < 0.04 for a, b, _ in made):
            v = v + 0.04 if v < 0.96 else v - 0.5
        made.append((u, v, word))
    return made


def _sketch(
    cloud: Cloud, place: npt.NDArray[np.float64], letters: Sequence[tuple[float, float, str]]
) -> Points:
    grid = np.rint(place * GRAIN).astype(np.int64).reshape(-1, 2)
    used, kind = np.unique(cloud.kind, return_inverse=True)
    size = np.bincount(kind, minlength=len(used)).tolist()
    groups = tuple(
        SketchGroup(
            f"{short(cloud.kinds[i].name, 28)} ({n:,})", on_black(cloud.kinds[i].colour), cloud.kinds[i].mark
        )
        for i, n in zip(used.tolist(), size, strict=True)
    )
    words = tuple((round(x * GRAIN), round(y * GRAIN), word) for x, y, word in letters)
    return Points(grid[:, 0], grid[:, 1], kind.astype(np.int64).reshape(-1), groups, words)
