"""Train the heads that tell which tool a sentence asks for (:mod:`failsight.knowledge_base.requests`); ``python -m failsight.knowledge_base.fit``
calls it after the router's own, and ``python -m failsight.knowledge_base.fit_tools`` alone.

Every sentence is used in general words and with the names of several domains. The weights of the two heads and the offset of what is off
the subject are fitted on scores of heads that have never seen the sentence in any of its versions. Nothing but the shipped requests and entries is
read: no test set ever is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from failsight.knowledge_base.encoder import encoder
from failsight.knowledge_base.fit import (
    DENSE_DECAY,
    FOLDS,
    WORD_DECAY,
    Examples,
    fit_fusion,
    sparse,
    train,
    write_heads,
)
from failsight.knowledge_base.heads import OFF, log_softmax
from failsight.knowledge_base.rendering import GENERAL, domains, fill
from failsight.knowledge_base.requests import FILE, examples, stamp
from failsight.knowledge_base.store import shipped

MORE: Final = {"attribute2": "size", "repair": "R1", "n": "20"}  # slots that the bank's phrases have not
VERSIONS: Final = 3  # domains that a sentence is said in, beside general words


def sentences(labelled: Sequence[tuple[str, str]], classes: Sequence[str]) -> Examples:
    """All sentences in their versions, with the class (index) and the sentence that they come from."""
    texts: list[str] = []
    labels: list[int] = []
    origin: list[int] = []
    general: list[bool] = []
    place = {name: i for i, name in enumerate(classes)}
    worlds = [{**names, **MORE} for names in domains()]
    for number, (label, raw) in enumerate(labelled):
        phrase = raw.replace("{classes}", "{class}s").replace("{classes2}", "{class2}s")
        versions = [fill(phrase, {**GENERAL, **MORE})]
        if "{" in phrase:
            versions += [fill(phrase, worlds[(number + k) % len(worlds)]) for k in range(VERSIONS)]
        for version in dict.fromkeys(versions):
            texts.append(version)
            labels.append(place[label])
            origin.append(number)
            general.append(version == versions[0])
    return Examples(texts, np.array(labels), np.array(origin), np.array(general))


def main() -> int:
    """Train, report the cross-validated figures, write the file."""
    questions = [e for e in shipped() if e.kind == "question"]
    labelled = examples(questions)
    classes = [*sorted({label for label, _ in labelled} - {OFF}), OFF]
    data = sentences(labelled, classes)
    print(f"{len(data.texts)} sentences of {len(labelled)} requests, {len(classes)} tools", file=sys.stderr)
    vectors, bags = encoder()(data.texts), sparse(data.texts)
    fusion, alone = _cross_validate(data, vectors, bags, classes)
    dense = train(vectors * 10.0, data.labels, len(classes), DENSE_DECAY)
    word = train(bags, data.labels, len(classes), WORD_DECAY)
    write_heads(FILE, classes, stamp(questions), dense, word, fusion, alone)
    return 0


def _cross_validate(
    data: Examples, vectors: Any, bags: Any, classes: Sequence[str]
) -> tuple[list[float], list[float]]:
    parts = [np.zeros((len(data.texts), len(classes)), np.float32) for _ in range(2)]
    folds = np.random.default_rng(0).integers(0, FOLDS, data.origin.max() + 1)[data.origin]
    for fold in range(FOLDS):
        held, kept = folds == fold, folds != fold
        dense = train(vectors[kept] * 10.0, data.labels[kept], len(classes), DENSE_DECAY)
        word = train(bags[kept], data.labels[kept], len(classes), WORD_DECAY)
        parts[0][held] = log_softmax(vectors[held] * 10.0 @ dense[0] + dense[1])
        parts[1][held] = log_softmax(bags[held] @ word[0] + word[1])
        print(f"fold {fold + 1} of {FOLDS} done", file=sys.stderr)
    (a, b, off), _ = fit_fusion(parts, data.labels)
    alone, _ = fit_fusion(parts[1:], data.labels)
    chances = np.exp(log_softmax(a * parts[0] + b * parts[1] + off * np.eye(len(classes))[-1]))
    best, sure = chances.argmax(1) == data.labels, chances.max(1)
    told = ", ".join(f"{(sure >= t).mean():.2f} at {t}: {best[sure >= t].mean():.3f} right" for t in (0.5, 0.6, 0.7, 0.8, 0.9))  # fmt: skip
    print(f"out of fold: right first {best.mean():.3f}; {told}")
    return [a, b, 0.0, off], alone


if __name__ == "__main__":
    raise SystemExit(main())
