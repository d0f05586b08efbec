"""The trained part of routing: two linear classifiers and a fusion, shipped as one small file.

* the *dense* head reads the sentence embedding,
* the *word* head reads hashed words, word pairs and letter groups; it needs no encoder and forgives typing errors,
* the fusion weighs both with the nearest paraphrases. Its weights were fitted on out-of-fold scores, so that the
  softmax over questions (and "off the subject") is a probability to act upon.

:mod:`failsight.knowledge_base.fit` makes the file from the entries; ``stamp`` ties it to them.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.store import HERE

FILE: Final = HERE / "data" / "router.npz"
OFF: Final = "off"
BUCKETS: Final = 1 << 13
SCALE: Final = 10.0
NEAREST: Final = 3
_WORD: Final = re.compile(r"[a-z0-9]+")


def hashed(text: str) -> dict[int, float]:
    """Unit-length features of ``text``: words, word pairs and groups of two to four letters, hashed into buckets."""
    words = _WORD.findall(fold(text))
    wordlike = Counter(
        [f"w:{w}" for w in words] + [f"p:{a} {b}" for a, b in zip(["^", *words], [*words, "$"], strict=True)]
    )
    letters: Counter[str] = Counter()
    for word in words:
        padded = f" {word} "
        for size in (2, 3, 4):
            letters.update(f"c:{padded[i : i + size]}" for i in range(len(padded) - size + 1))
    made: dict[int, float] = {}
    for bag, share in ((wordlike, 0.6), (letters, 0.8)):
        norm = math.sqrt(sum((1 + math.log(n)) ** 2 for n in bag.values())) or 1.0
        for name, n in bag.items():
            digest = zlib.crc32(name.encode())
            sign = 1.0 if digest & 0x80000000 else -1.0
            bucket = digest % BUCKETS
            made[bucket] = made.get(bucket, 0.0) + sign * share * (1 + math.log(n)) / norm
    return made


def stamp(questions: Iterable[Entry], off_topic: Sequence[str]) -> str:
    """What the heads were trained on: changes when a question, a paraphrase or an off-topic example does."""
    digest = hashlib.sha256()
    for question in questions:
        digest.update("\x1f".join((question.id, *question.aliases, "\x1e")).encode())
    digest.update("\x1f".join(off_topic).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Heads:
    """The trained heads. Arrays: float32; the last class is :data:`OFF`."""

    classes: tuple[str, ...]
    stamp: str
    dense: Any
    dense_bias: Any
    words: Any
    words_bias: Any
    fusion: Any
    alone: Any

    def from_dense(self, vectors: Any) -> Any:
        """Log-probabilities (n, classes) by the dense head for unit vectors (n, 384)."""
        return log_softmax(vectors * SCALE @ self.dense + self.dense_bias)

    def from_words(self, texts: Sequence[str]) -> Any:
        """Log-probabilities (n, classes) by the word head."""
        import numpy as np

        logits = np.tile(self.words_bias, (len(texts), 1))
        for row, text in enumerate(texts):
            features = hashed(text)
            buckets = np.fromiter(features, np.int64, len(features))
            weights = np.fromiter(features.values(), np.float32, len(features))
            logits[row] += weights @ self.words[buckets] * SCALE
        return log_softmax(logits)

    def fuse(self, words: Any, dense: Any = None, nearest: Any = None) -> Any:
        """Probabilities of the classes, (classes,), from log-probabilities and cosines (each (classes,))."""
        import numpy as np

        if dense is None:
            logits = self.alone[0] * words
            logits[-1] += self.alone[1]
        else:
            logits = self.fusion[0] * dense + self.fusion[1] * words + self.fusion[2] * nearest
            logits[-1] += self.fusion[3]
        return np.exp(log_softmax(logits[None])[0])


def log_softmax(logits: Any) -> Any:
    """Row-wise log-softmax."""
    import numpy as np

    shifted = logits - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def average(log_probabilities: Any) -> Any:
    """Mean probability over rows (readings of the same sentence), as logarithms."""
    import numpy as np

    return np.logaddexp.reduce(log_probabilities, axis=0) - math.log(len(log_probabilities))


@lru_cache(maxsize=4)
def heads(path: Path = FILE) -> Heads:
    """The shipped heads.

    Raises:
        OSError, ValueError, KeyError: the file is missing or damaged.
    """
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        words = stored["words"].astype(np.float32) * stored["words_scale"]
        return Heads(
            tuple(str(c) for c in stored["classes"]),
            str(stored["stamp"]),
            stored["dense"].astype(np.float32),
            stored["dense_bias"].astype(np.float32),
            words,
            stored["words_bias"].astype(np.float32),
            stored["fusion"].astype(np.float32),
            stored["alone"].astype(np.float32),
        )


def off_topic_examples() -> tuple[str, ...]:
    """The shipped sentences that are off the subject."""
    lines = (HERE / "data" / "off_topic.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
