"""The renderer as a generator of pictures for repairs (entry point ``failsight.generators``).

It knows a case's world by the stamp that it left beside the manifest when it drew the pictures. What an order does not say
is taken from a training picture of the same class, drawn at random: so a new picture differs from the case's own in what
the repair asks for, and in nothing else on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from failsight.knowledge_base.cases.files import read_json
from failsight.knowledge_base.cases.layout import compose
from failsight.knowledge_base.cases.render import SIZE, encode, render
from failsight.knowledge_base.cases.scene import CLASSES, STYLE_COLUMNS, STYLES, VALUES
from failsight.knowledge_base.cases.world import BASE
from failsight.tools.repair.workshop import Made, Order

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

STAMP = "world.json"


class Rooms:
    """Draws rooms with given attribute values."""

    name = "rooms"

    def __init__(self) -> None:
        self._rows: dict[str, list[int]] = {}
        self._size = 0

    def knows(self, view: CaseView, split: Split) -> bool:
        """Whether the split was drawn by this renderer: its stamp lies beside the manifest, and the classes are rooms."""
        stamp = read_json(view.table(split).root / STAMP)
        return isinstance(stamp, dict) and "world" in stamp and set(view.classes) <= set(CLASSES)

    def make(self, view: CaseView, split: Split, order: Order) -> Made | str:
        """One picture, as the JPEG file that the world itself would hold."""
        rng = random.Random(f"repair/{order.seed}")
        wrong = [n for n, v in order.values.items() if v not in VALUES.get(n, ())]
        if wrong:
            return f"the renderer knows no {wrong[0]}={order.values[wrong[0]]}"
        values = self._values(view, split, order, rng)
        picture = render(compose(order.class_name, values, f"repair/{order.seed}"), self._side(view, split))
        table = view.table(split)
        shown = {n: v for n, v in values.items() if n in table.columns or n in order.values}
        kinds = {kind for row in table.boxes or () for kind in row}
        boxes = {k: list(v) for k, v in picture.boxes.items() if k in kinds}
        return Made(
            encode(picture),
            ".jpg",
            shown,
            boxes if table.boxes is not None else None,
            "renderer:rooms",
            "rendered",
        )

    def _values(self, view: CaseView, split: Split, order: Order, rng: random.Random) -> dict[str, str]:
        """Those of a picture of the class, what is missing as in a world without bugs, then what is ordered."""
        label = order.class_name
        values = {name: _drawn(rng, _shares(name, label)) for name in VALUES}
        rows = self._of(view, split, label)
        if rows:
            table, row = view.table(split), rng.choice(rows)
            for name, column in table.columns.items():
                if name in VALUES and column[row] in VALUES[name]:
                    values[name] = str(column[row])
        style = STYLE_COLUMNS[label]
        for name in STYLE_COLUMNS.values():
            values[name] = "none" if name != style else values[name]
        if values[style] not in STYLES[label]:  # the row's label was wrong
            values[style] = _drawn(rng, _shares(style, label))
        values["framing"] = "whole"
        return {**values, **order.values}

    def _of(self, view: CaseView, split: Split, label: str) -> list[int]:
        if label not in self._rows:
            index = view.classes.index(label)
            self._rows[label] = [r for r, y in enumerate(view.table(split).labels.tolist()) if y == index]
        return self._rows[label]

    def _side(self, view: CaseView, split: Split) -> int:
        """Side of the split's own pictures."""
        if not self._size:
            sizes: Any = getattr(view.table(split), "sizes", None)
            self._size = int(sizes[0][0]) if sizes is not None and len(sizes) else SIZE
        return self._size


def _shares(name: str, label: str) -> Mapping[str, float]:
    table = BASE[name]
    return table.get(label, table.get("*", {}))


def _drawn(rng: random.Random, shares: Mapping[str, float]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]
