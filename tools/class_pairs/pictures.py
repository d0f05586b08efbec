"""Classes side by side, as pictures: typical, alike and confused images, and a chart of what differs."""

from __future__ import annotations

import numpy as np

from failsight.tools.class_pairs.model import Compared, Pair, shown_value
from failsight.tools.evidence import Figure, ImageRef
from failsight.tools.examples import contact_sheet, references
from failsight.tools.figures.charts import Mark, rates
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

SHOWN = 4


def pictures(view: CaseView, made: Compared) -> tuple[tuple[ImageRef, ...], tuple[Figure, ...]]:
    """Typical, most alike and confused images of the first pair, and a chart of what differs."""
    pair = made.pairs[0]
    images = (*_typical(view, made, pair), *_taken(view, made, pair))
    a, b = made.names(pair)
    figures = []
    sheet = contact_sheet(view, images, name=f"classes_{a}_{b}", title=f"{a} and {b}", alt=f"Typical images of {a} and {b}, the most alike ones, and images of one taken for the other; {len(images)} in all.") if images else None  # fmt: skip
    if sheet:
        figures.append(sheet)
    chart = _chart(view, made, pair)
    if chart:
        figures.append(chart)
    return images, tuple(figures)


def _typical(view: CaseView, made: Compared, pair: Pair) -> tuple[ImageRef, ...]:
    if pair.space is None:
        return ()
    found, rows = pair.space
    groups: list[tuple[str, list[int]]] = [
        (f"typical {name}", rows[at].tolist())
        for name, at in zip(made.names(pair), found.typical, strict=True)
    ]
    groups.append(("alike", [int(rows[i]) for one in found.alike for i in one]))
    return tuple(image for caption, chosen in groups for image in _refs(view, made, chosen, caption))


def _taken(view: CaseView, made: Compared, pair: Pair) -> tuple[ImageRef, ...]:
    """The most confident images of either class that were taken for the other."""
    if pair.outcome is None or made.predictions is None:
        return ()
    p = made.predictions
    place = {int(row): i for i, row in enumerate(p.rows)}
    images: list[ImageRef] = []
    for side in (False, True):
        rows = pair.rows[(pair.outcome == 1) & (pair.target == side)].tolist()
        at = sorted((place[r] for r in rows), key=lambda i: (-float(p.confidence[i]), i))[:SHOWN]
        images += references(view, p, np.array(at, np.int64), "confused")
    return tuple(images)


def _refs(view: CaseView, made: Compared, rows: list[int], caption: str) -> tuple[ImageRef, ...]:
    """Images by row, with the model's answer where there is one."""
    p = made.predictions
    table = view.table(made.split)
    place = {int(row): i for i, row in enumerate(p.rows)} if p is not None else {}
    images: list[ImageRef] = []
    for row in rows:
        if p is not None and row in place:
            images += references(view, p, np.array([place[row]], np.int64), caption)
        else:
            images.append(
                ImageRef(
                    made.split, row, table.paths[row], view.classes[int(table.labels[row])], caption=caption
                )
            )
    return tuple(images)


def _chart(view: CaseView, made: Compared, pair: Pair) -> Figure | None:
    """Shares of the values that differ most, class beside class."""
    a, b = made.names(pair)
    rows: list[tuple[str, Mark, Mark]] = []
    for d in pair.attributes:
        coded = d.column.coded
        if d.category is None or coded is None or len(rows) == 12:
            continue
        value, code, _, _ = shown_value(d)
        marks = []
        for side in (False, True):
            inside = (pair.target == side) & (coded.codes >= 0)
            k, n = int((coded.codes[inside] == code).sum()), int(inside.sum())
            marks.append(Mark(k / n, *wilson(k, n)))
        rows.append((f"{clean(d.column.name, 30)} = {clean(value, 30)}", marks[0], marks[1]))
    if not rows:
        return None
    alt = f"Shares of attribute values among {a} and {b}: " + "; ".join(f"{name} {number(x.value)} and {number(y.value)}" for name, x, y in rows[:6]) + "."  # fmt: skip
    svg = rates(
        f"{a} and {b}",
        alt,
        [r[0] for r in rows],
        [(a, [r[1] for r in rows]), (b, [r[2] for r in rows])],
        "share of the images",
    )
    return view.save_figure("class_attributes", svg, title=f"In what {a} and {b} differ", alt=alt)
