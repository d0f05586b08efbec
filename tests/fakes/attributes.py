"""Doubles for attributes: a source whose answers are known, and an encoder that sees colours and knows a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.sources import Assigned

#: a picture (h, w, 3) in [0, 255] → (value or None, confidence)
Rule = Callable[[np.ndarray], tuple[str | None, float]]


class FakeSource:
    """Assigns by rules over pixels; counts the images it looked at, so that a test sees what came from a cache."""

    def __init__(self, name: str, rules: Mapping[str, Rule], proposals: Sequence[Definition] = ()) -> None:
        self.name, self.rules, self.proposals, self.looked = name, dict(rules), tuple(proposals), 0

    def fingerprint(self, view: Any) -> str:
        return f"fake-{self.name}"

    def propose(self, view: Any, split: str, limit: int) -> Sequence[Definition]:
        return self.proposals[:limit]

    def assign(
        self, view: Any, split: str, rows: np.ndarray, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        made = {}
        pictures = [np.asarray(view.table(split).open(int(r)), np.float64) for r in rows]
        self.looked += len(rows)
        for d in definitions:
            rule = self.rules.get(d.origin, lambda picture, d=d: (d.values[0], 0.5))
            said = [rule(p) for p in pictures]
            place = {v: i for i, v in enumerate(d.values)}
            codes = np.array([place.get(v, -1) if v is not None else -1 for v, _ in said], np.int16)
            sure = np.array([c if v is not None else 0.0 for v, c in said], np.float32)
            made[d.key] = Assigned(codes, sure)
        return made


def white_square(picture: np.ndarray) -> tuple[str | None, float]:
    """Whether the picture of the television world has its white square."""
    share = float((picture.min(-1) > 230).mean())
    return ("yes" if share > 0.05 else "no"), min(1.0, 0.6 + share)


def tint(picture: np.ndarray) -> tuple[str | None, float]:
    """``warm`` where red outweighs blue, ``cool`` where blue does."""
    away = float(picture[..., 0].mean() - picture[..., 2].mean())
    return ("warm" if away > 0 else "cool"), min(1.0, abs(away) / 60)


class FakeEncoder:
    """Pictures and words in four dimensions: red, blue, white, one."""

    name, fingerprint, scale, bias = "fake encoder", "fake-encoder", 20.0, 0.0
    words: Mapping[str, tuple[float, float, float]] = {
        "warm": (1, 0, 0), "red": (1, 0, 0), "cool": (0, 1, 0), "blue": (0, 1, 0), "television": (0, 0, 1),
    }  # fmt: skip

    def __init__(self, vocabulary: Sequence[Definition] = ()) -> None:
        self.vocabulary = tuple(vocabulary)

    def embed_images(self, images: Sequence[Any]) -> np.ndarray:
        made = []
        for image in images:
            p = np.asarray(image.convert("RGB"), np.float32)
            red, blue = p[..., 0].mean() - p[..., 2].mean(), p[..., 2].mean() - p[..., 0].mean()
            white = float((p.min(-1) > 230).mean())
            made.append([max(red, 0) / 60, max(blue, 0) / 60, 4 * white, 0.2])
        return _unit(np.array(made, np.float32))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        made = []
        for text in texts:
            hit = [v for word, v in self.words.items() if word in text.lower()]
            made.append([*np.sum(hit, axis=0), 0.2] if hit else [0.01, 0.01, 0.01, 1.0])
        return _unit(np.array(made, np.float32))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def screen(by: str = "test") -> Definition:
    """A proposal for the source ``zero_shot``: television yes or no, under another name than the metadata."""
    return Definition("screen", "zero_shot", "screen", ("yes", "no"), {"yes": ("a television",)}, by=by)
