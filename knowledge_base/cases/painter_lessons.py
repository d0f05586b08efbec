"""What the shipped painter learns from: rooms whose attributes vary on their own, a third of them almost empty, and prompts for them.

Most prompts are those that ``generate_repair_data`` would write for such a picture, with some of the attributes named;
the others are the captions that the encoder, whose text tower the painter listens to, was trained on.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from failsight.knowledge_base.cases.captions import PHRASES, THINGS, caption
from failsight.knowledge_base.cases.render import SIZE as RENDERED
from failsight.knowledge_base.cases.render import encode
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES
from failsight.knowledge_base.cases.splits import pictures
from failsight.knowledge_base.cases.world import Mix, WorldConfig, yes
from failsight.tools.repair.prompts import Wanted, prompt

SIZE = 64
SEED = 930_000
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_VARIED: Mix = {
    **{cue: {"*": yes(0.35)} for cue in CUES},
    **{STYLE_COLUMNS[c]: {c: {STYLES[c][0]: 0.6, STYLES[c][1]: 0.4}} for c in CLASSES},
    "floor": {"*": {"wood": 0.5, "tile": 0.5}},
    "lighting": {"*": {"bright": 0.5, "soft": 0.3, "dark": 0.2}},
    "framing": {"*": {"whole": 0.65, "close": 0.35}},
    "tilt": {"*": {"level": 0.8, "tilted": 0.2}},
    "clutter": {"*": {"tidy": 0.8, "cluttered": 0.2}},
}

_NAMED: Mapping[str, Mapping[str, float]] = {
    **{cue: {"yes": 0.85, "no": 0.15} for cue in CUES},
    **{column: {"none": 0.0, "*": 0.5} for column in STYLE_COLUMNS.values()},
    "floor": {"*": 0.3},
    "lighting": {"dark": 0.85, "*": 0.4},
    "framing": {"close": 0.9, "whole": 0.1},
    "tilt": {"tilted": 0.8, "level": 0.1},
    "clutter": {"cluttered": 0.8, "tidy": 0.1},
}
"""How often a prompt names a value: what is unusual is said, what is usual need not be."""


@dataclass(frozen=True)
class Lessons:
    """Pictures (n, SIZE, SIZE, 3) with true class, attribute values and kinds of objects seen in each."""

    images: Bytes
    labels: list[str]
    values: list[Mapping[str, str]]
    kinds: list[frozenset[str]]

    def prompt(self, k: int, rng: random.Random) -> str:
        """Something true of picture ``k``."""
        if rng.random() < 0.35:
            return caption(rng, self.labels[k], self.values[k], self.kinds[k] & set(THINGS))
        names = [n for n, shares in _NAMED.items() if rng.random() < _share(shares, self.values[k][n])]
        if self.values[k]["framing"] == "close":  # a sub-style's furniture is hardly ever there
            names = [n for n in names if n not in STYLE_COLUMNS.values()]
        rng.shuffle(names)
        phrases = PHRASES if rng.random() < 0.5 else {}
        return prompt(Wanted(self.labels[k], {n: self.values[k][n] for n in names}), phrases)


def draw(count: int, seed: int = SEED, say: Callable[[str], None] = print) -> Lessons:
    """Draw pictures at the demo's size as stored JPEGs decode, and reduce them."""
    world = WorldConfig("painted rooms", seed=seed, size=RENDERED, mixes={"train": _VARIED})
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    labels: list[str] = []
    values: list[Mapping[str, str]] = []
    kinds: list[frozenset[str]] = []
    for k, (draft, picture) in enumerate(pictures(world, "train", count)):
        with Image.open(io.BytesIO(encode(picture))) as stored:
            images[k] = np.asarray(stored.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))
        labels.append(draft.truth)
        values.append(dict(draft.attributes))
        kinds.append(frozenset(picture.boxes))
        if k % 2000 == 1999:
            say(f"{k + 1} of {count} pictures drawn")
    return Lessons(images, labels, values, kinds)


def _share(shares: Mapping[str, float], value: str) -> float:
    return shares.get(value, shares.get("*", 0.0))
