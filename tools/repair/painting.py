"""Pictures painted by a diffusers pipeline: from words, from a picture, or inside the place where a cue is or is to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.donors import matte
from failsight.tools.experiments.patches import Patch
from failsight.tools.inputs.base import BadImage, Box, Pixels, Split
from failsight.tools.repair.compose import Composer, in_turn, row_values
from failsight.tools.repair.pipelines import Painter, Request
from failsight.tools.repair.prompts import Phrases, Polish, Wanted, part_of, polished, prompt
from failsight.tools.repair.wishes import Brief, values_of
from failsight.tools.repair.workshop import Made, Order, png
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
AROUND = 0.15  # of a box's size that is painted anew around it: shadows and edges belong to an object


@dataclass
class Painting:
    """A pipeline at work on a brief.

    Attributes:
        words: ``slice``: prompts name the class and the wanted values; ``class``: the class alone, the baseline.
        composer: knows where the cue lies and which pictures show it; needed for inpainting.
        kept: how many prompts a language model's better words were refused for.
    """

    view: CaseView
    split: Split
    brief: Brief
    painter: Painter
    words: str = "slice"
    phrases: Phrases = field(default_factory=dict)
    composer: Composer | None = None
    polish: Polish | None = None
    kept: int = 0
    _said: list[str] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """What the record calls it."""
        return f"{self.painter.task}:{self.painter.name}"

    def prompts(self) -> list[str]:
        """One for each wish; asked for once."""
        if self._said:
            return self._said
        wanted = [
            w.wanted if self.words == "slice" else Wanted(w.wanted.class_name) for w in self.brief.wishes
        ]
        plain = [prompt(w, self.phrases) for w in wanted]
        self._said, self.kept = polished(plain, wanted, self.polish)
        return self._said

    def orders(self, start: int, counts: Sequence[int], seed: int) -> list[Order]:
        """The next pictures to make, from number ``start`` on."""
        said = self.prompts()
        if self.painter.task == "text_to_image":
            return self._from_words(start, counts, seed, said)
        made: list[Order] = []
        for k, (wish, count) in enumerate(zip(self.brief.wishes, counts, strict=True)):
            rng = np.random.default_rng([seed, start, k])
            for row in in_turn(self._rows(k), count, rng):
                number = start + len(made)
                own = int(np.random.default_rng([seed, number, row]).integers(2**31))
                wanted = wish.wanted
                made.append(
                    Order(number, k, wanted.class_name, wanted.values, wish.change, own, said[k], row)
                )
        return made

    def _from_words(self, start: int, counts: Sequence[int], seed: int, said: Sequence[str]) -> list[Order]:
        made: list[Order] = []
        for k, (wish, count) in enumerate(zip(self.brief.wishes, counts, strict=True)):
            for _ in range(count):
                number = start + len(made)
                own = (seed * 1_000_003 + number) % 2**31
                wanted = wish.wanted
                values = wanted.values if self.words == "slice" else {}
                made.append(Order(number, k, wanted.class_name, values, "make", own, said[k]))
        return made

    def _rows(self, k: int) -> Ints:
        """Pictures that wish ``k`` can be made from: of its class, without the wanted values where these are known."""
        wish, table = self.brief.wishes[k], self.view.table(self.split)
        label = self.view.classes.index(wish.wanted.class_name)
        mine = table.labels == label
        if self.painter.task == "inpaint" and self.composer is not None:
            known = self.composer.lacks if wish.change == "add" else self.composer.has
            return np.flatnonzero(mine & known).astype(np.int64)
        other = mine.copy()
        for name, value in wish.wanted.values.items():
            column = values_of(self.view, self.split, name)
            other &= np.array([v != value for v in column], bool)
        return np.flatnonzero(other if other.any() else mine).astype(np.int64)

    def make(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | str]]:
        """A picture for each order, or why there is none; the pipeline paints them in batches."""
        at = 0
        while at < len(orders):
            part = orders[at : at + 4 * max(1, self.painter.batch)]
            at += len(part)
            asked: list[tuple[Order, Request, Source | None]] = []
            for order in part:
                source = self._source(order)
                if isinstance(source, str):
                    yield order, source
                else:
                    asked.append((order, self._request(order, source), source))
            painted = self.painter.paint([r for _, r, _ in asked])
            for (order, _, source), image in zip(asked, painted, strict=True):
                if image is None:
                    yield order, "the pipeline's own filter flagged it"
                else:
                    yield order, self._made(order, source, image.convert("RGB"))

    def _request(self, order: Order, source: Source | None) -> Request:
        absent = unwanted(order.values) if self.words == "slice" else ""
        if source is None:
            return Request(order.prompt, order.seed, absent)
        from PIL import Image

        mask = None if source.mask is None else Image.fromarray(source.mask).convert("L")
        return Request(order.prompt, order.seed, absent, source.image, mask)

    def _source(self, order: Order) -> Source | str | None:
        """What it is made from; None from words alone; a text says why it can't be."""
        if order.row < 0:
            return None
        try:
            image = self.view.table(self.split).open(order.row).convert("RGB")
        except BadImage:
            return "the picture that it is made from can't be read"
        if self.painter.task == "image_to_image" or self.composer is None:
            return Source(image)
        rng = np.random.default_rng(order.seed)
        if order.change == "add":
            rows = np.flatnonzero(self.composer.has)
            boxes = self.composer.cue.boxes(int(rng.choice(rows)))
            mask = _boxed(boxes, image.size) if boxes else self.composer.cue.mask(order.row, image)
        else:
            boxes = ()
            mask = self.composer.cue.mask(order.row, image, AROUND)
        if not mask.any():
            return "the cue's place is not known"
        return Source(image, mask, tuple(boxes))

    def _made(self, order: Order, source: Source | None, image: Image) -> Made:
        """The finished picture: of what was painted over, only what lies inside the mask is taken."""
        values: Mapping[str, str] = dict(order.values)
        boxes: dict[str, list[Box]] | None = None
        path = ""
        if source is not None:
            table = self.view.table(self.split)
            path = clean(table.paths[order.row], 400)
            if source.mask is not None:
                image = _inside(source.image, image, source.mask)
                values = {**row_values(table, order.row), **order.values}
                if table.boxes is not None and self.composer is not None and self.composer.cue.name:
                    boxes = {k: list(v) for k, v in table.boxes[order.row].items()}
                    boxes.pop(self.composer.cue.name, None)
                    if source.boxes:
                        boxes[self.composer.cue.name] = list(source.boxes)
        return Made(png(image), ".png", values, boxes, self.name, "generated", path)


def unwanted(values: Mapping[str, str]) -> str:
    """What a picture must not show, as a prompt against it: the things that a slice is without."""
    parts = (part_of(name, value) for name, value in values.items())
    return ", ".join(text for place, text in parts if place == "without")


@dataclass(frozen=True)
class Source:
    """A picture to paint over; ``mask`` (height, width) where, ``boxes`` where the cue is to appear."""

    image: Image
    mask: npt.NDArray[np.bool_] | None = None
    boxes: tuple[Box, ...] = ()


def _boxed(boxes: Sequence[Box], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """A mask of (height, width) over boxes and a little around them."""
    from failsight.tools.experiments.regions import pixel_box

    made = np.zeros((size[1], size[0]), bool)
    for x0, y0, x1, y1 in boxes:
        dx, dy = AROUND * (x1 - x0), AROUND * (y1 - y0)
        top, left, bottom, right = pixel_box((x0 - dx, y0 - dy, x1 + dx, y1 + dy), size[1], size[0])
        made[top:bottom, left:right] = True
    return made


def _inside(old: Image, new: Image, mask: npt.NDArray[np.bool_]) -> Image:
    """``new`` (any size) inside the mask, ``old`` outside, with a soft seam inside the mask's edge."""
    from PIL import Image as module

    height, width = mask.shape
    painted = np.asarray(new.resize(old.size, module.Resampling.BICUBIC), np.float32)
    seen = matte(Patch(0, 0, height, width, mask), height, width, 0.1)[..., None]
    mixed = painted * seen + np.asarray(old, np.float32) * (1 - seen)
    pixels: Pixels = np.rint(mixed).astype(np.uint8)
    return module.fromarray(pixels)
