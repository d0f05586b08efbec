"""Images as examples: references with what the model said, and a contact sheet of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Figure, ImageRef
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.inputs.base import BadImage, Predictions
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

COLUMNS = 4
SIDE = 336  # pixels kept of an example: twice what the sheet shows


def references(
    view: CaseView, predictions: Predictions, at: npt.NDArray[np.int64], caption: str = ""
) -> tuple[ImageRef, ...]:
    """The images at positions ``at`` of a prediction table, in that order."""
    table, classes = view.table(predictions.split), predictions.classes
    made = []
    for i in at.tolist():
        row, label = int(predictions.rows[i]), int(predictions.labels[i])
        made.append(
            ImageRef(
                split=predictions.split,
                row=row,
                path=table.paths[row],
                label=classes[label] if label >= 0 else "",
                prediction=classes[int(predictions.predicted[i])],
                confidence=float(predictions.confidence[i]) if predictions.has_scores else None,
                caption=caption,
            )
        )
    return tuple(made)


def contact_sheet(
    view: CaseView, images: Sequence[ImageRef], *, name: str, title: str, alt: str
) -> Figure | None:
    """Save the images side by side with label, prediction and confidence below; None when none can be opened."""
    tiles = []
    for one in images:
        try:
            picture = view.table(one.split).open(one.row)  # type: ignore[arg-type]
        except BadImage:
            continue
        picture.thumbnail((SIDE, SIDE))
        lines = (_outcome(one), " ".join(w for w in (one.caption, _sure(one), _tail(one.path)) if w))
        tiles.append(Tile(np.asarray(picture.convert("RGB")), lines))
    if not tiles:
        return None
    rows = [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
    return view.save_figure(name, sheet(rows), title=title, alt=alt)


def _outcome(one: ImageRef) -> str:
    label = one.label or "no label"
    return f"{label} > {one.prediction}" if one.prediction else label


def _sure(one: ImageRef) -> str:
    return number(one.confidence) if one.confidence is not None else ""


def _tail(path: str) -> str:
    return clean(path.rsplit("/", 1)[-1], 40)
