"""Attributes without metadata: the pool's pictures embedded once by an encoder, its words assigned to them.

The words are the encoder's own vocabulary (``attributes.json`` of its folder), the assignment is the product's
(``tools/attributes/zero_shot.py``), abstentions included. Nothing here knows a true value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.planted.domino import described, domino
from benchmarks.planted.methods import Method, Said, failsight
from benchmarks.planted.pool import Pool
from benchmarks.planted.problems import Problem
from benchmarks.planted.training import Answers
from benchmarks.planted.view import Attributes, PoolTable
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.tools.attributes.clip import open_encoder
from failsight.tools.attributes.computed import NUMERIC, VERSION, image_measures
from failsight.tools.attributes.definitions import Definition, sound
from failsight.tools.attributes.zero_shot import TEMPLATES, assign_values, embed_values, phrases_of, texts_of
from failsight.tools.errors import RetryError
from failsight.tools.inputs.encoders import Encoder

Floats = npt.NDArray[np.float32]
_BLOCK = 500


@dataclass(frozen=True)
class Words:
    """An encoder and what it makes of the pool: (pool, d) embeddings of unit length."""

    encoder: Encoder
    pictures: Floats

    def definitions(self, classes: Sequence[str]) -> list[Definition]:
        """The encoder's vocabulary, without what names a class."""
        kept = []
        for one in self.encoder.vocabulary:
            try:
                kept.append(sound(one, classes))
            except RetryError:
                continue
        return kept

    def attributes(self, classes: Sequence[str]) -> Attributes:
        """Every picture's values in the words of the encoder."""
        definitions = self.definitions(classes)
        found = assign_values(self.pictures, embed_values(self.encoder, definitions, classes))
        codes = np.stack([found[d.key].codes for d in definitions], axis=1)
        return Attributes(
            "zero_shot", tuple(d.name for d in definitions), tuple(d.values for d in definitions), codes
        )


def open_words(
    folder: Path, pool: Pool, cache: Path, progress: Callable[[int, int], None] | None = None
) -> Words:
    """The encoder of a folder and the embedded pool; what was embedded before comes from the cache."""
    encoder = open_encoder(str(folder))
    mark = hashlib.sha256(f"{encoder.fingerprint} {pool.fingerprint}".encode()).hexdigest()[:16]
    path, reached = cache / f"embedded-{mark}.npy", cache / f"embedded-{mark}.txt"
    start = int(reached.read_text()) if reached.is_file() else 0
    if not path.is_file() or not start:
        width = encoder.embed_images([Image.fromarray(np.asarray(pool.large[0]))]).shape[1]
        np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            path, mode="w+", dtype=np.float32, shape=(len(pool), width)
        ).flush()
        start = 0
    if start < len(pool):
        made = np.lib.format.open_memmap(path, mode="r+")  # type: ignore[no-untyped-call]
        for first in range(start, len(pool), _BLOCK):
            block = np.asarray(pool.large[first : first + _BLOCK])
            made[first : first + len(block)] = encoder.embed_images([Image.fromarray(one) for one in block])
            made.flush()
            reached.write_text(str(first + len(block)))
            if progress is not None:
                progress(first + len(block), len(pool))
    return Words(encoder, np.load(path))


def computed_numbers(pool: Pool, cache: Path) -> dict[str, npt.NDArray[np.float64]]:
    """What the product computes of every picture by default (brightness, texture …): name → (pool,) numbers."""
    path = cache / f"computed-{VERSION}-{pool.fingerprint}.npz"
    if not path.is_file():
        nothing = Attributes("computed", (), (), np.zeros((len(pool), 0), np.int16))
        rows = np.arange(len(pool), dtype=np.int64)
        made = image_measures(PoolTable(pool, rows, pool.labels, CLASSES, nothing))
        np.savez(path, **{name: made.numbers[name] for name in NUMERIC})
    with np.load(path) as stored:
        found = {name: np.asarray(stored[name], np.float64) for name in NUMERIC}
    return {name: numbers for name, numbers in found.items() if len(np.unique(numbers[:1000])) > 1}


class WordMethods:
    """Methods that are given pictures and an encoder, no metadata. Attributes are assigned once for each set of classes."""

    def __init__(self, words: Words, computed: Mapping[str, npt.NDArray[np.float64]] | None = None) -> None:
        self.words = words
        self.computed = computed or {}
        self._attributes: dict[tuple[str, ...], Attributes] = {}
        self._phrases: dict[tuple[str, ...], tuple[list[tuple[str, str]], Floats]] = {}

    def attributes(self, problem: Problem) -> Attributes:
        """What the encoder says of every picture of the pool."""
        if problem.classes not in self._attributes:
            self._attributes[problem.classes] = self.words.attributes(problem.classes)
        return self._attributes[problem.classes]

    def with_words(self, method: Callable[..., list[Said]], **settings: object) -> Method:
        """A method that works on the encoder's words."""

        def answer(problem: Problem, pool: Pool, answers: Answers) -> list[Said]:
            return method(problem, pool, answers, self.attributes(problem), **settings)

        return answer

    def everything(self, problem: Problem) -> Attributes:
        """The same, and what the product computes of every picture beside it."""
        return replace(self.attributes(problem), computed=self.computed)

    def failsight_with_all(self, problem: Problem, pool: Pool, answers: Answers) -> list[Said]:
        """Failsight as it stands when data come without metadata: words and computed attributes."""
        return failsight(problem, pool, answers, self.everything(problem))

    def domino(self, problem: Problem, pool: Pool, answers: Answers) -> list[Said]:
        """Domino's five slices, each with the vocabulary's nearest phrase."""
        rows = answers.rows.evaluation
        pictures = self.words.pictures[rows]
        slices = domino(pictures, answers.labels, answers.scores)
        values, vectors = self.phrases(problem)
        named = described(slices, pictures, answers.labels, vectors)
        made = []
        for one, k in zip(slices, named, strict=True):
            top = np.argsort(-one.members, kind="stable")[:10]
            made.append(Said((values[k],), "", "", tuple(int(i) for i in top)))
        return made

    def phrases(self, problem: Problem) -> tuple[list[tuple[str, str]], Floats]:
        """The candidate phrases for Domino: every value of the vocabulary, and its embedded words."""
        if problem.classes not in self._phrases:
            values, vectors = [], []
            for one in self.words.definitions(problem.classes):
                for value in one.values:
                    texts = texts_of(phrases_of(one, value), problem.classes, TEMPLATES)
                    mean = self.words.encoder.embed_texts(texts).mean(0)
                    values.append((one.name, value))
                    vectors.append(mean / np.linalg.norm(mean))
            self._phrases[problem.classes] = (values, np.stack(vectors).astype(np.float32))
        return self._phrases[problem.classes]
