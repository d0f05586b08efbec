"""The lattice of slices: from single conditions to pairs and triples, each with its error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from failsight.tools.figures.charts import Mark
from failsight.tools.figures.sketch import Line, Lines, line, with_sketch
from failsight.tools.figures.svg import CHARACTER, FAINT, INK, VERMILION, Canvas, shade, short
from failsight.tools.text import clean, interval, number

BOX, TALL, ACROSS, DOWN = 208.0, 34.0, 262.0, 44.0
MOST_LEVEL = 11  # nodes of one depth that are drawn: those that hold first, then the worst
DEEPEST = 3


@dataclass(frozen=True)
class Node:
    """One slice: its conditions (the class may be one of them), images, error rate, and whether it held up when tested."""

    conditions: tuple[str, ...]
    n: int
    error: Mark
    held: bool = False

    @property
    def words(self) -> str:
        return " & ".join(clean(c, 60) for c in self.conditions) or "all images"


def chosen(nodes: Sequence[Node]) -> list[Node]:
    """The nodes that are drawn: of each depth those that hold, then the worst; sorted so that edges cross little."""
    made: list[Node] = []
    for depth in range(DEEPEST + 1):
        level = [n for n in nodes if len(set(n.conditions)) == depth]
        unique = {frozenset(n.conditions): n for n in reversed(level)}
        ranked = sorted(unique.values(), key=lambda n: (not n.held, -n.error.value, n.words))[:MOST_LEVEL]
        above = [n for n in made if len(n.conditions) == depth - 1]
        made += sorted(ranked, key=lambda n: (_middle(n, above), -n.error.value))
    return made


def _middle(node: Node, above: Sequence[Node]) -> float:
    places = [i for i, one in enumerate(above) if set(one.conditions) < set(node.conditions)]
    return sum(places) / len(places) if places else len(above)


def parents(node: Node, nodes: Sequence[Node]) -> list[int]:
    """Places of the drawn nodes with one condition less."""
    own = set(node.conditions)
    return [i for i, n in enumerate(nodes) if len(n.conditions) == len(own) - 1 and set(n.conditions) < own]


def lattice_alt(nodes: Sequence[Node]) -> str:
    """What the lattice shows, in words."""
    drawn = chosen(nodes)
    held = [n for n in drawn if n.held]
    told = "; ".join(f"{n.words} {number(n.error.value)} of {n.n:,}" for n in held[:6])
    return f"Lattice of {len(drawn)} slices by depth, darker where more is wrong. " + (
        f"Those that hold up: {told}." if told else "None of them holds up."
    )


def lattice(title: str, alt: str, nodes: Sequence[Node]) -> str:
    """The lattice from left (all images) to right (three conditions) as SVG; as an indented tree in a terminal."""
    drawn = chosen(nodes)
    levels = sorted({len(n.conditions) for n in drawn})
    rows = max((sum(len(n.conditions) == d for n in drawn) for d in levels), default=1)
    canvas = Canvas(max(24 + ACROSS * max(len(levels), 1) - (ACROSS - BOX), 460), 62 + DOWN * rows)
    canvas.text(10, 18, short(title, 90), size=13, bold=True)
    places: dict[int, tuple[float, float]] = {}
    for column, depth in enumerate(levels):
        members = [i for i, n in enumerate(drawn) if len(n.conditions) == depth]
        start = 34 + DOWN * (rows - len(members)) / 2
        for row, i in enumerate(members):
            places[i] = (12 + ACROSS * column, start + DOWN * row)
    for i, node in enumerate(drawn):
        for p in parents(node, drawn):
            x, y = places[p]
            strong = node.held and drawn[p].held
            canvas.line(
                x + BOX,
                y + TALL / 2,
                places[i][0],
                places[i][1] + TALL / 2,
                INK if strong else "#C4C4C4",
                1.4 if strong else 1,
            )
    for i, node in enumerate(drawn):
        _box(canvas, node, *places[i])
    note = "shade: share that is wrong, with 95 % interval · thick frame: held up on images that did not suggest it"
    canvas.text(10, 50 + DOWN * rows, note, fill=FAINT)
    return with_sketch(canvas.svg(title, alt), Lines(tuple(_tree(drawn))))


def _box(canvas: Canvas, node: Node, x: float, y: float) -> None:
    fill, ink = shade(node.error.value)
    if node.held:
        canvas.rect(x - 3, y - 3, BOX + 6, TALL + 6, VERMILION)
        canvas.rect(x - 0.5, y - 0.5, BOX + 1, TALL + 1, "#FFFFFF")
    hint = f"{node.words}: {number(node.error.value)} wrong {interval((node.error.low, node.error.high))}, {node.n:,} images"
    canvas.rect(x, y, BOX, TALL, fill, stroke="#999999", hint=hint)
    letters = int((BOX - 12) / (CHARACTER * (1.12 if node.held else 1)))
    canvas.text(x + 6, y + 14, _fitted(node, letters), fill=ink, bold=node.held)
    rate = f"{100 * node.error.value:.0f} % {_bounds(node)} wrong, n = {node.n:,}"
    canvas.text(x + 6, y + 28, rate, fill=ink, size=10)


def _bounds(node: Node) -> str:
    """The 95 % interval in whole per cent, without the sign."""
    return f"[{100 * node.error.low:.0f}, {100 * node.error.high:.0f}]"


def _fitted(node: Node, letters: int) -> str:
    """The conditions in so many letters: ranges go first, then each condition is cut alike."""
    if len(node.words) <= letters:
        return node.words
    bare = [clean(c, 60).partition(" (")[0] for c in node.conditions]
    if len(" & ".join(bare)) > letters and bare:
        each = (letters - 3 * (len(bare) - 1)) // len(bare)
        spare = sum(max(0, each - len(c)) for c in bare)
        long = sum(len(c) > each for c in bare)
        bare = [short(c, each + spare // max(long, 1)) for c in bare]
    return short(" & ".join(bare) or "all images", letters)


def _tree(drawn: Sequence[Node]) -> list[Line]:
    """Each slice once, below the worst of the slices that it narrows; ``●`` marks those that hold."""
    below: dict[int | None, list[int]] = {}
    for i, node in enumerate(drawn):
        above = sorted(parents(node, drawn), key=lambda p: -drawn[p].error.value)
        below.setdefault(above[0] if above else None, []).append(i)
    lines: list[Line] = []

    def grow(i: int, stem: str, joint: str, given: set[str]) -> None:
        node = drawn[i]
        new = [c for c in node.conditions if c not in given] or list(node.conditions)
        words = " & ".join(clean(c, 40) for c in new) or "all images"
        fill, ink = shade(node.error.value)
        figures = f" {100 * node.error.value:>3.0f} % "
        mark = (" ●", VERMILION) if node.held else ("", "")
        lines.append(
            line(
                (stem + joint, FAINT),
                (figures, ink, fill),
                f" {words}",
                mark,
                (f"  {_bounds(node)} {node.n:,}", FAINT),
            )
        )
        children = sorted(below.get(i, []), key=lambda c: -drawn[c].error.value)
        further = "" if not joint else "│  " if joint.startswith("├") else "   "
        for k, child in enumerate(children):
            grow(
                child, stem + further, "└─ " if k == len(children) - 1 else "├─ ", {*given, *node.conditions}
            )

    for root in below.get(None, []):
        grow(root, "", "", set())
    lines.append(line(("% wrong, condition, 95 % interval, images; ● held up when tested", FAINT)))
    return lines
