"""``python -m failsight.knowledge_base.fit``: train the router on the entries and ship the result.

Run after changing a question, a paraphrase or ``data/off_topic.txt`` (a test says when it is due). Writes
``data/router.npz`` (see :mod:`failsight.knowledge_base.heads`) and ``data/vectors.npz`` (embeddings of all shipped
texts, so that nobody has to compute them again). Takes a few minutes on two cores (``--keep-fusion``: one), and four more for the heads of :mod:`failsight.knowledge_base.requests`; nothing but the shipped entries is
read: the retrieval test set never is.

Every paraphrase is used in general words and with the names of several domains, so that the heads learn to look past
the nouns of one domain. The fusion is fitted on out-of-fold scores: a paraphrase is scored by heads that have never
seen it in any of its versions.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from failsight.knowledge_base.encoder import encoder
from failsight.knowledge_base.heads import (
    BUCKETS,
    FILE,
    NEAREST,
    OFF,
    SCALE,
    hashed,
    heads,
    log_softmax,
    off_topic_examples,
    stamp,
)
from failsight.knowledge_base.index import pack, unpack
from failsight.knowledge_base.rendering import GENERAL, Row, domains, fill, rows
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.store import HERE, shipped, write_quietly

FOLDS: Final = 4
STEPS: Final = 160
DENSE_DECAY: Final = 2e-4
WORD_DECAY: Final = 1e-4
VECTORS: Final = HERE / "data" / "vectors.npz"


@dataclass(frozen=True)
class Examples:
    """Sentences with their class (index), the paraphrase they come from, and whether they are in general words."""

    texts: list[str]
    labels: Any
    origin: Any
    general: Any


def examples(questions: Sequence[Entry], off_topic: Sequence[str]) -> Examples:
    """All training sentences; the last class is "off the subject"."""
    texts: list[str] = []
    labels: list[int] = []
    origin: list[int] = []
    general: list[bool] = []
    phrases = [(i, phrase) for i, q in enumerate(questions) for phrase in (*q.aliases, q.title)]
    phrases += [(len(questions), sentence) for sentence in off_topic]
    for number, (label, phrase) in enumerate(phrases):
        versions = [fill(phrase, GENERAL)]
        versions += [fill(phrase, names) for names in domains()] if "{" in phrase else []
        for version in dict.fromkeys(versions):
            texts.append(version)
            labels.append(label)
            origin.append(number)
            general.append(version == versions[0])
    return Examples(texts, np.array(labels), np.array(origin), np.array(general))


def train(features: Any, labels: Any, classes: int, decay: float, steps: int = STEPS) -> tuple[Any, Any]:
    """Multinomial logistic regression by full-batch Adam; ``features`` dense or scipy sparse, (n, d)."""
    n, width = features.shape
    target = np.zeros((n, classes), np.float32)
    target[np.arange(n), labels] = 1.0
    weights, bias = np.zeros((width, classes), np.float32), np.zeros(classes, np.float32)
    moments = [np.zeros_like(weights), np.zeros_like(weights), np.zeros_like(bias), np.zeros_like(bias)]
    transposed = features.T.tocsr() if hasattr(features, "tocsr") else features.T
    for step in range(1, steps + 1):
        error = (np.exp(log_softmax(features @ weights + bias)) - target) / n
        rate = 0.05 * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-4
        for i, (value, slope) in enumerate(
            ((weights, transposed @ error + 2 * decay * weights), (bias, error.sum(0)))
        ):
            first, second = moments[2 * i], moments[2 * i + 1]
            first += 0.1 * (slope - first)
            second += 0.01 * (slope * slope - second)
            value -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return weights, bias


def sparse(texts: Sequence[str]) -> Any:
    """Hashed features of ``texts`` as a scipy CSR matrix, scaled like the dense ones."""
    from scipy.sparse import csr_matrix

    indices: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        features = hashed(text)
        indices += features.keys()
        values += features.values()
        ends.append(len(indices))
    data = np.array(values, np.float32) * SCALE
    return csr_matrix(
        (data, np.array(indices), np.array(ends)), shape=(len(texts), BUCKETS), dtype=np.float32
    )


def nearest(vectors: Any, known: Any, labels: Any, classes: int) -> Any:
    """Mean cosine of the nearest few known sentences of every class, (n, classes)."""
    similar = vectors @ known.T
    made = np.zeros((len(vectors), classes), np.float32)
    for c in range(classes):
        mine = similar[:, labels == c]
        few = min(NEAREST, mine.shape[1])
        made[:, c] = np.partition(mine, mine.shape[1] - few, axis=1)[:, mine.shape[1] - few :].mean(1)
    return made


def fit_fusion(parts: Sequence[Any], labels: Any, steps: int = 400) -> tuple[list[float], float]:
    """Weights of ``parts`` (each (n, classes)) and an offset of the last class that minimise the mean log loss."""
    weights = np.array([0.5] * len(parts) + [0.0])
    if parts[-1].max() <= 1.0 and len(parts) > 1:
        weights[len(parts) - 1] = 8.0
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    n = len(labels)
    for step in range(1, steps + 1):
        logits = sum(w * p for w, p in zip(weights, parts, strict=False))
        logits = logits + weights[-1] * np.eye(parts[0].shape[1])[-1]
        error = np.exp(log_softmax(logits))
        error[np.arange(n), labels] -= 1.0
        slope = np.array([*((error * p).sum() / n for p in parts), error[:, -1].sum() / n])
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        weights = weights - 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    logits = (
        sum(w * p for w, p in zip(weights, parts, strict=False)) + weights[-1] * np.eye(parts[0].shape[1])[-1]
    )
    loss = -log_softmax(logits)[np.arange(n), labels].mean()
    return [float(w) for w in weights], float(loss)


def main(arguments: Sequence[str] = ()) -> int:
    """Train, report the cross-validated figures, write the two files.

    ``--keep-fusion`` leaves out the cross-validation (most of the time) and keeps the fusion that is shipped: right
    after small changes of the entries. ``--vectors`` embeds the texts that are new and stops: enough where no question changed.
    """
    if "--vectors" in arguments:
        write_vectors(known=unpack(VECTORS))
        return 0
    questions = [e for e in shipped() if e.kind == "question"]
    off_topic = off_topic_examples()
    data = examples(questions, off_topic)
    classes = len(questions) + 1
    print(
        f"{len(data.texts)} sentences of {len(set(data.origin.tolist()))} phrases, {classes} classes",
        file=sys.stderr,
    )
    vectors = encoder()(data.texts)
    bags = sparse(data.texts)
    if "--keep-fusion" in arguments:
        fusion, alone = heads().fusion.tolist(), heads().alone.tolist()
    else:
        fusion, alone = cross_validate(data, vectors, bags, classes)
    dense = train(vectors * SCALE, data.labels, classes, DENSE_DECAY)
    word = train(bags, data.labels, classes, WORD_DECAY)
    names = [*(q.id for q in questions), OFF]
    write_heads(FILE, names, stamp(questions, off_topic), dense, word, fusion, alone)
    write_vectors()
    from failsight.knowledge_base import fit_tools  # it builds on this module

    return fit_tools.main()


def cross_validate(data: Examples, vectors: Any, bags: Any, classes: int) -> tuple[list[float], list[float]]:
    """Fit the fusion, with and without the dense half, on scores by heads that have not seen the paraphrase."""
    out_of_fold = [np.zeros((len(data.texts), classes), np.float32) for _ in range(3)]
    folds = np.random.default_rng(0).integers(0, FOLDS, data.origin.max() + 1)[data.origin]
    for fold in range(FOLDS):
        held, kept = folds == fold, folds != fold
        dense = train(vectors[kept] * SCALE, data.labels[kept], classes, DENSE_DECAY)
        word = train(bags[kept], data.labels[kept], classes, WORD_DECAY)
        out_of_fold[0][held] = log_softmax(vectors[held] * SCALE @ dense[0] + dense[1])
        out_of_fold[1][held] = log_softmax(bags[held] @ word[0] + word[1])
        base = kept & data.general
        out_of_fold[2][held] = nearest(vectors[held], vectors[base], data.labels[base], classes)
        print(f"fold {fold + 1} of {FOLDS} done", file=sys.stderr)
    fusion, loss = fit_fusion(out_of_fold, data.labels)
    alone, loss_alone = fit_fusion(out_of_fold[1:2], data.labels)
    print(
        f"fusion {np.round(fusion, 3)} log loss {loss:.3f}; words alone {np.round(alone, 3)} {loss_alone:.3f}"
    )
    _report(out_of_fold, fusion, data, classes)
    return fusion, alone


def _report(parts: Sequence[Any], fusion: Sequence[float], data: Examples, classes: int) -> None:
    logits = sum(w * p for w, p in zip(fusion, parts, strict=False)) + fusion[-1] * np.eye(classes)[-1]
    order = np.argsort(-logits, axis=1)
    on = data.labels < classes - 1
    probability = np.exp(log_softmax(logits))
    print(
        f"out of fold: right first {np.mean(order[on, 0] == data.labels[on]):.3f}, "
        f"in three {np.mean((order[on, :3] == data.labels[on, None]).any(1)):.3f}, "
        f"off topic recognised {np.mean(probability[~on, -1] > 0.5):.3f}, "
        f"turned away {np.mean(probability[on, -1] > 0.5):.3f}"
    )


def write_heads(
    file: Path,
    classes: Sequence[str],
    stamped: str,
    dense: tuple[Any, Any],
    word: tuple[Any, Any],
    fusion: Sequence[float],
    alone: Sequence[float],
) -> None:
    """Write trained heads as :func:`failsight.knowledge_base.heads.heads` reads them.

    Args:
        classes: their names, what is off the subject last.
        stamped: what they were trained on.
        dense, word: weights (features, classes) and bias (classes,) of the two heads.
        fusion, alone: weights of the fusion, with and without the dense half.
    """
    scale = np.abs(word[0]).max(0) / 127.0 + 1e-12
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        classes=np.array(classes),
        stamp=np.array(stamped),
        dense=dense[0].astype(np.float16),
        dense_bias=dense[1],
        words=np.round(word[0] / scale).astype(np.int8),
        words_scale=scale.astype(np.float32),
        words_bias=word[1],
        fusion=np.array(fusion),
        alone=np.array(alone),
    )
    write_quietly(file, buffer.getvalue())
    print(f"wrote {file.name}: {len(buffer.getvalue()) / 1e6:.2f} MB")


def write_vectors(known: Mapping[str, Any] | None = None) -> None:
    """Embed every shipped text but those whose vectors are ``known``, and write all of them."""
    wanted = {
        row.key: row.text for row in [*rows(shipped()), *(Row(OFF, OFF, t) for t in off_topic_examples())]
    }
    kept = {key: vector for key, vector in (known or {}).items() if key in wanted}
    fresh = {key: text for key, text in wanted.items() if key not in kept}
    made = dict(zip(fresh, encoder()(list(fresh.values())), strict=True)) if fresh else {}
    content = pack({key: kept.get(key, made.get(key)) for key in wanted})
    write_quietly(VECTORS, content)
    print(f"wrote {VECTORS.name}: {len(wanted)} texts, {len(content) / 1e6:.2f} MB")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
