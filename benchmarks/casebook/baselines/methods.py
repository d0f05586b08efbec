"""Methods of the literature on a planted case: what each says, in its own order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.baselines.given import Given
from benchmarks.casebook.baselines.naming import Said, named
from benchmarks.casebook.baselines.spotlight import spotlights
from benchmarks.planted.domino import domino as mixture
from failsight.tools.slices.hibug import hibug_bugs

Answer = Callable[[Given], list[Said]]
BARLOW_DEPTH, BARLOW_EXCESS, BARLOW_COVER = 2, 0.1, 0.2
SLICELINE_ALPHA, SLICELINE_K, SLICELINE_DEPTH = 0.95, 4, 2


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        title: for tables.
        answer: its statements, in its order.
        source: paper and settings, and what is not in the paper.
    """

    title: str
    answer: Answer
    source: str


def hibug(given: Given) -> list[Said]:
    """Bugs of HiBug's released rules on single attribute values: correlations, rare cases, weak slices."""
    columns = given.columns
    if not columns.names:
        return []
    bugs = hibug_bugs(
        columns.codes, columns.values, columns.names, given.labels, given.predicted, given.classes,
        train_codes=columns.train, rules="released",
    )  # fmt: skip
    return [Said(tuple(zip(b.attributes, b.values, strict=True)), b.kind, b.class_name or "") for b in bugs]


def domino(given: Given) -> list[Said]:
    """Domino's five slices, named by :func:`named`."""
    embeddings = given.words if given.rooms or given.own is None else given.own
    if embeddings is None or len(embeddings) < 2:
        return []
    found = mixture(embeddings, given.labels, given.scores)
    return _once([named(given, one.members) for one in found])


def spotlight(given: Given) -> list[Said]:
    """Five spotlights in the model's own features, named by :func:`named`."""
    embeddings = given.own if given.own is not None else given.words
    if embeddings is None:
        return []
    return _once([named(given, weights) for weights in spotlights(embeddings, given.losses)])


def sliceline(given: Given) -> list[Said]:
    """The four best scored values or pairs of values, the label one of the columns; "no value" adds nothing to a statement."""
    from sliceline.slicefinder import Slicefinder

    columns = given.columns
    n = len(given.labels)
    if not given.wrong.any() or n < 64:
        return []
    coded = np.column_stack([given.labels + 1, columns.codes + 1])  # 0: no value
    finder = Slicefinder(
        alpha=SLICELINE_ALPHA,
        k=4 * SLICELINE_K,
        max_l=SLICELINE_DEPTH,
        min_sup=max(32, n // 100),
        verbose=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finder.fit(coded, given.wrong.astype(float))
    made = []
    for terms in finder.top_slices_.tolist():
        found = [(a, int(code) - 1) for a, code in enumerate(terms[1:]) if code is not None and int(code)]
        conditions = tuple((columns.names[a], columns.values[a][code]) for a, code in found)
        made.append(Said(conditions, "", given.classes[int(terms[0]) - 1] if terms[0] is not None else ""))
    return _once(made)[:SLICELINE_K]


def barlow(given: Given) -> list[Said]:
    """Failure modes of each class's decision tree on robust features, the most important first, named by :func:`named`."""
    from failsight.tools.experiments.barlow import FEATURES
    from failsight.tools.stats.failure_tree import grow, most_informative, mutual_information

    features = given.robust
    if features is None:
        return []
    found: list[tuple[float, Said]] = []
    for c in range(len(given.classes)):
        at = np.flatnonzero(given.labels == c)
        failed = given.wrong[at]
        if min(int(failed.sum()), int((~failed).sum())) < 5:
            continue
        x = features[at].astype(np.float64)
        columns = most_informative(mutual_information(x, failed), FEATURES)
        tree = grow(x[:, columns], failed, depth=BARLOW_DEPTH)
        for leaf in tree.valid(BARLOW_EXCESS, BARLOW_COVER):
            inside = np.zeros(len(given.labels))
            inside[at] = leaf.inside(x[:, columns])
            found.append((leaf.importance, named(given, inside)))
    found.sort(key=lambda one: -one[0])
    return _once([said for _, said in found])


def confusion(given: Given) -> list[Said]:
    """The largest cell off the diagonal, as a share of its true class."""
    k = len(given.classes)
    counts = np.bincount(given.labels * k + given.predicted, minlength=k * k).reshape(k, k).astype(float)
    shares: npt.NDArray[np.float64] = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    if not shares.any():
        return []
    true, taken = np.unravel_index(int(shares.argmax()), shares.shape)
    return [Said((), "", given.classes[true], given.classes[taken])]


def _once(found: list[Said]) -> list[Said]:
    """Without repetitions, and without statements that say nothing."""
    return list(dict.fromkeys(s for s in found if s.conditions or s.class_name))


METHODS: Mapping[str, Method] = {
    "hibug": Method(
        "HiBug's rules", hibug,
        "Chen et al. 2023, rules and thresholds as released, on the planner's attributes.",
    ),
    "domino": Method(
        "Domino", domino,
        "Eyuboglu et al. 2022, error-aware mixture, five of 25 slices; embeddings of the small CLIP that comes along "
        "(photographs: the model's own features); named by attribute values.",
    ),
    "spotlight": Method(
        "Spotlight", spotlight,
        "d'Eon et al. 2022, five spotlights of at least 5 % in the model's own features (black boxes: the small CLIP); "
        "named by attribute values.",
    ),
    "sliceline": Method(
        "SliceLine", sliceline,
        "Sagadeeva and Boehm 2021, package sliceline; α = 0.95, K = 4, support ≥ max(32, n/100), at most two terms (no "
        "planted fault has more than a value and a class); the label is one of the columns.",
    ),
    "barlow": Method(
        "Barlow", barlow,
        "Singla et al. 2021, a tree of depth 2 for each class on 20 features of a robust model of rooms (photographs: the "
        "model's own), leaves 10 points worse that hold 20 % of the errors; named by attribute values.",
    ),
    "confusion": Method("Confusion matrix", confusion, "Its largest cell off the diagonal."),
}  # fmt: skip
"""In the order of the tables."""
