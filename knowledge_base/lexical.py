"""Matching by words: BM25 over stems, and character n-grams for what people mistype.

Small on purpose (a few thousand short texts): two inverted indexes in plain Python, no numpy, ready in a tenth of a
second, so that search goes on when nothing else can be loaded.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[a-z0-9]+")
_K1: Final = 1.2
_B: Final = 0.6
_GRAM: Final = 3

# Words that people use for the same thing in this domain; the value is the stem that stands for all of them.
_SAME: Final = {
    **dict.fromkeys(
        ("picture", "photo", "photograph", "pic", "img", "image", "photographs", "snapshot", "shot"), "image"
    ),
    **dict.fromkeys(
        ("network", "classifier", "ai", "net", "nn", "cnn", "system", "algorithm", "machine", "bot"), "model"
    ),
    **dict.fromkeys(("wrong", "incorrect", "mistaken", "erroneous", "false"), "wrong"),
    **dict.fromkeys(("mistake", "error", "misclassification", "failure", "fault"), "error"),
    **dict.fromkeys(("category", "label", "class"), "class"),
    **dict.fromkeys(("dataset", "corpus", "collection"), "data"),
    **dict.fromkeys(("correct", "right"), "right"),
    **dict.fromkeys(("cue", "feature", "element"), "feature"),
    **dict.fromkeys(("heatmap", "cam", "gradcam", "saliency"), "saliency"),
    **dict.fromkeys(("rely", "depend", "reliance", "dependence"), "rely"),
    **dict.fromkeys(("confuse", "confusion", "mix", "mistake_for"), "confuse"),
    **dict.fromkeys(("remove", "hide", "mask", "cover", "erase"), "mask"),
}
_FUNCTION_WORDS: Final = (
    "a an the of to in on for and or is are was were be been it its i we you they me my our your this that these those "
    "with at by from as so do does did can could would will shall should have has had please there here just"
)
_STOP: Final = frozenset(_FUNCTION_WORDS.split())


def fold(text: str) -> str:
    """``text`` in small letters without accents, underscores and hyphens as spaces."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return plain.replace("_", " ").replace("-", " ").replace("’", "'")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A crude stem: enough to let 'predicted', 'predicts' and 'predicting' meet."""
    if word in _SAME:
        return _SAME[word]
    base = word
    if len(base) > 4 and base.endswith("ies"):
        base = base[:-3] + "y"
    elif len(base) > 4 and base.endswith(("sses", "shes", "ches", "xes")):
        base = base[:-2]
    elif len(base) > 3 and base.endswith("s") and not base.endswith(("ss", "us", "is")):
        base = base[:-1]
    if base in _SAME:
        return _SAME[base]
    for ending in ("ingly", "edly", "ing", "ed", "ly", "ment", "ion"):
        if len(base) - len(ending) >= 4 and base.endswith(ending):
            base = base[: -len(ending)]
            break
    base = base[:-1] if len(base) > 4 and base.endswith("e") else base
    return _SAME.get(base, base)


def stems(text: str) -> list[str]:
    """The stems of ``text`` in order, without the commonest function words."""
    return [stem(w) for w in _WORD.findall(fold(text)) if w not in _STOP]


def grams(text: str) -> Counter[str]:
    """Character trigrams of the words of ``text``, with word boundaries marked."""
    counts: Counter[str] = Counter()
    for word in _WORD.findall(fold(text)):
        if word in _STOP:
            continue
        padded = f"#{word}#"
        counts.update(padded[i : i + _GRAM] for i in range(max(1, len(padded) - _GRAM + 1)))
    return counts


class Lexicon:
    """An index of texts by words and by character trigrams.

    Scores lie in [0, 1]: BM25 divided by the score that the query would give itself as a document, and the cosine of
    tf-idf weighted trigram vectors.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [Counter(stems(t)) for t in texts]
        self.size = len(texts)
        frequency = Counter(word for bag in bags for word in bag)
        self.idf = {w: math.log(1 + (self.size - n + 0.5) / (n + 0.5)) for w, n in frequency.items()}
        mean = sum(sum(bag.values()) for bag in bags) / max(1, self.size)
        self._words: dict[str, list[tuple[int, float]]] = {}
        for row, bag in enumerate(bags):
            length = _K1 * (1 - _B + _B * sum(bag.values()) / max(mean, 1e-9))
            for word, n in bag.items():
                self._words.setdefault(word, []).append((row, self.idf[word] * n * (_K1 + 1) / (n + length)))
        self._index_grams(texts)

    def _index_grams(self, texts: Sequence[str]) -> None:
        bags = [grams(t) for t in texts]
        frequency = Counter(g for bag in bags for g in bag)
        self._gram_idf = {g: math.log(1 + self.size / n) for g, n in frequency.items()}
        self._grams: dict[str, list[tuple[int, float]]] = {}
        for row, bag in enumerate(bags):
            weights = {g: (1 + math.log(n)) * self._gram_idf[g] for g, n in bag.items()}
            norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
            for gram, weight in weights.items():
                self._grams.setdefault(gram, []).append((row, weight / norm))

    def words(self, query: str) -> list[float]:
        """BM25 of every text for ``query``, scaled to [0, 1]."""
        scores = [0.0] * self.size
        wanted = Counter(stems(query))
        most = math.log(1 + self.size)
        ceiling = sum(self.idf.get(w, most) for w in wanted) * (_K1 + 1) / (1 + _K1)
        for word in wanted:
            for row, weight in self._words.get(word, ()):
                scores[row] += weight
        return [min(1.0, s / ceiling) for s in scores] if ceiling else scores

    def letters(self, query: str) -> list[float]:
        """Cosine of trigram vectors of every text with ``query``, in [0, 1]."""
        bag = grams(query)
        unseen = math.log(1 + self.size)
        weights = {g: (1 + math.log(n)) * self._gram_idf.get(g, unseen) for g, n in bag.items()}
        norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        scores = [0.0] * self.size
        for gram, weight in weights.items():
            for row, other in self._grams.get(gram, ()):
                scores[row] += weight * other / norm
        return scores

    def coverage(self, query: str) -> float:
        """Share of the query's word weight that occurs in any text, in [0, 1]; unknown words count as rarest."""
        wanted = set(stems(query))
        most = math.log(1 + self.size)
        total = sum(self.idf.get(w, most) for w in wanted)
        return sum(self.idf[w] for w in wanted if w in self.idf) / total if total else 0.0


def best_per_group(scores: Iterable[float], groups: Iterable[int], n: int) -> list[float]:
    """Largest score of each group 0 … n-1 (0 for a group without rows)."""
    best = [0.0] * n
    for score, group in zip(scores, groups, strict=True):
        if score > best[group]:
            best[group] = score
    return best
