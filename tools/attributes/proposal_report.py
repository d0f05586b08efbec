"""What was assigned, for people: shares of the values with intervals, abstentions, and images that stand for each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.sources import Assigned
from failsight.tools.evidence import Fact, Figure, ImageRef, Table
from failsight.tools.examples import COLUMNS, SIDE
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.inputs.base import BadImage, Split
from failsight.tools.notes import of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean
from failsight.tools.view import CaseView

PER_VALUE = 2
MOST_FIGURES = 8
MOST_VALUES = 10  # values of one attribute that are shown in pictures
MOST_FACTS = 60
Ints = npt.NDArray[np.int64]


def facts(split: Split, definitions: Sequence[Definition], assigned: Mapping[str, Assigned]) -> list[Fact]:
    """Share of each value among the images that have one; abstentions and mean confidence of each attribute."""
    made = [Fact("attributes", len(definitions), "count", of_split(split))]
    for d in definitions:
        one = assigned[d.key]
        n, known = len(one.codes), one.codes >= 0
        counts = np.bincount(one.codes[known], minlength=len(d.values))
        name, total = clean(d.name, 60), int(known.sum())
        ci = wilson(n - total, n)
        made.append(Fact("abstained", (n - total) / n if n else 0.0, "share", of_split(split, f"attribute {name}"), ci, n, "lower_is_better"))  # fmt: skip
        for value, k in zip(d.values, counts.tolist(), strict=True):
            about = of_split(split, f"slice {name}={clean(value, 60)}")
            made.append(Fact("share", k / total if total else 0.0, "share", about, wilson(k, total), total))
        if total:
            sure = float(one.confidence[known].mean(dtype=np.float64))
            about = of_split(split, f"attribute {name}")
            made.append(Fact("mean_confidence", sure, "score", about, None, total))
    return made[:MOST_FACTS]


def table(definitions: Sequence[Definition], assigned: Mapping[str, Assigned]) -> Table:
    """One line a value, then one for the images without."""
    rows: list[tuple[str | int | float | None, ...]] = []
    for d in definitions:
        one = assigned[d.key]
        total = int((one.codes >= 0).sum())
        for i, value in enumerate(d.values):
            here = one.codes == i
            k = int(here.sum())
            low, high = wilson(k, total)
            sure = float(one.confidence[here].mean(dtype=np.float64)) if k else None
            rows.append((d.name, value, k, k / total if total else 0.0, low, high, sure))
        if total < len(one.codes):
            rows.append((d.name, "(no value)", len(one.codes) - total, None, None, None, None))
    return Table(
        "Values that were assigned",
        ("attribute", "value", "images", "share", "from", "to", "mean confidence"),
        tuple(rows),
        ("text", "text", "count", "share", "share", "share", "score"),
        "Shares of the images that have a value, with 95 % intervals; the confidence is the source's own.",
    )


def pictures(
    view: CaseView,
    split: Split,
    rows: Ints,
    definitions: Sequence[Definition],
    assigned: Mapping[str, Assigned],
) -> tuple[tuple[Figure, ...], tuple[ImageRef, ...]]:
    """A contact sheet an attribute: for each value the images that it was assigned to with most confidence."""
    figures: list[Figure] = []
    images: list[ImageRef] = []
    for d in definitions[:MOST_FIGURES]:
        refs = [
            reference(view, split, int(rows[i]), f"{clean(d.name, 40)}: {clean(d.values[code], 60)}")
            for code in range(min(len(d.values), MOST_VALUES))
            for i in surest(assigned[d.key], code, PER_VALUE)
        ]
        alt = f"Images that stand for the values of {clean(d.name, 60)}, two a value, the surest first."
        title = f"Images for the values of {clean(d.name, 60)}"
        heads = [r.caption.partition(": ")[2] for r in refs]
        made = labelled_sheet(view, refs, heads, name=f"attribute_{d.name}", title=title, alt=alt)
        figures += [made] if made else []
        images += refs
    return tuple(figures), tuple(images[:24])


def labelled_sheet(
    view: CaseView, refs: Sequence[ImageRef], heads: Sequence[str], *, name: str, title: str, alt: str
) -> Figure | None:
    """Images side by side, each with a text of its own and its file's name below; None when none can be opened."""
    tiles = []
    for one, head in zip(refs, heads, strict=True):
        try:
            picture = view.table(one.split).open(one.row)  # type: ignore[arg-type]
        except BadImage:
            continue
        picture.thumbnail((SIDE, SIDE))
        tail = clean(one.path.rsplit("/", 1)[-1], 40)
        tiles.append(Tile(np.asarray(picture.convert("RGB")), (head, tail)))
    if not tiles:
        return None
    lines = [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
    return view.save_figure(name, sheet(lines), title=title, alt=alt)


def surest(one: Assigned, code: int, many: int) -> list[int]:
    """Positions of the images that have a value with most confidence."""
    at = np.flatnonzero(one.codes == code)
    return [int(i) for i in at[np.argsort(-one.confidence[at], kind="stable")][:many]]


def reference(view: CaseView, split: Split, row: int, caption: str = "") -> ImageRef:
    """An image without its label and prediction: what is looked at here is the attribute."""
    return ImageRef(split, row, view.table(split).paths[row], caption=caption)
