"""Groups of look-alikes: k-means over what the model itself sees, and over an encoder's embeddings.

The groups are fitted without labels and without knowing which predictions are right, so that slices made of them keep
the search's error rate: whatever the errors are, they had no part in drawing the groups. Images near the centres stand
for a group (HiBug: Chen et al. 2023, section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import Definition, plain
from failsight.tools.attributes.sources import Assigned
from failsight.tools.errors import RetryError
from failsight.tools.stats.clustering import choose, clearness, nearest
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

VERSION = 1
FEATURES, EMBEDDINGS = "features", "embeddings"
NAMES = {FEATURES: "cluster", EMBEDDINGS: "scene cluster"}
SIZES = tuple(range(3, 13))
AXES = 32  # principal components that are kept: distances in hundreds of dimensions tell little apart
FIT = 5000  # images that the groups are fitted on at most
FEWEST = 30  # images below which there is nothing to group
WORDS = 2  # words in the name of a group
PRESENT, ABSENT = ("yes", "present"), ("no", "none", "absent", "other")
TELLING = 0.5  # standard deviations by which a word must stand out in a group to name it


class Clusters:
    """The source ``clusters``: attributes ``cluster`` (the model's own features) and ``scene cluster`` (an encoder's)."""

    name = "clusters"

    def fingerprint(self, view: CaseView) -> str:
        """Constant: what a grouping depends on stands in the settings of its definition."""
        return f"clusters-{VERSION}"

    def propose(self, view: CaseView, split: Split, limit: int) -> Sequence[Definition]:
        """One attribute for each space that this case has.

        Raises:
            RetryError: neither the model's features nor an encoder can be had, or there are too few images.
        """
        made, lacking = [], []
        for space in (FEATURES, EMBEDDINGS):
            try:
                made.append(_propose(view, split, space))
            except RetryError as error:
                lacking.append(str(error))
        if not made:
            raise RetryError("Nothing can be grouped. " + " ".join(lacking))
        return made[:limit]

    def assign(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        """The group whose centre is nearest; no value where an image has no features."""
        made: dict[str, Assigned] = {}
        for definition in definitions:
            space = str(definition.settings.get("space", FEATURES))
            axes, centres = _fitted(view, definition.settings)
            at, points = _points(view, split, space)
            which, first, second = nearest(project(points, axes), centres)
            codes = np.full(len(rows), -1, np.int16)
            confidence = np.zeros(len(rows), np.float32)
            place = np.full(max(_last(rows), _last(at)) + 1, -1, np.int64)
            place[at] = np.arange(len(at))
            found = place[rows]
            known = found >= 0
            codes[known] = which[found[known]]
            confidence[known] = clearness(first, second)[found[known]]
            made[definition.key] = Assigned(codes, confidence)
        return made


def principal(points: Floats) -> dict[str, npt.NDArray[np.float32]]:
    """Mean and principal axes of points: ``mean`` (d,), ``axes`` (d, ≤ ``AXES``), each with a fixed sign."""
    mean = points.mean(0, dtype=np.float64)
    spread = (points - mean).T @ (points - mean) / max(len(points), 1)
    strengths, axes = np.linalg.eigh(spread)
    keep = strengths[::-1][:AXES] > 1e-10 * max(float(strengths[-1]), 1e-30)
    axes = axes[:, ::-1][:, :AXES][:, keep]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]) if axes.size else np.ones(0)
    return {"mean": mean.astype(np.float32), "axes": (axes * signs).astype(np.float32)}


def project(points: Floats, onto: Mapping[str, npt.NDArray[np.float32]]) -> Floats:
    """(n, d) points along principal axes."""
    made: Floats = ((points - onto["mean"]) @ onto["axes"]).astype(np.float32)
    return made


def _propose(view: CaseView, split: Split, space: str) -> Definition:
    rows, points = _points(view, split, space)
    if len(rows) < FEWEST:
        raise RetryError(f"Only {len(rows)} images can be grouped; that takes {FEWEST}.")
    settings: dict[str, Any] = {"space": space, "of": _of(view, space), "split": split, "seed": view.seed}
    settings["data"] = view.table(split).fingerprint
    axes, centres = _fitted(view, settings)
    if len(centres) < 2:
        raise RetryError("All images look the same there: there are no groups.")
    which = nearest(project(points, axes), centres)[0]
    values = [f"group {k + 1}" for k in range(len(centres))]
    for k, words in enumerate(_words(view, split, rows, which, len(centres))):
        if words:
            values[k] += f" ({' and '.join(words)})"
    name = NAMES[space]
    return Definition(name, "clusters", name, tuple(values), settings=settings, by="clusters")


def _fitted(
    view: CaseView, settings: Mapping[str, Any]
) -> tuple[dict[str, npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """Axes and centres of one grouping: from the cache, or fitted again from the same seed and images."""
    key = {"what": "cluster centres", "version": VERSION, **settings}
    found = view.cached(key)
    if found is None:
        _, points = _points(view, settings["split"], settings["space"])
        fit = points[_sample(len(points), int(settings["seed"]))]
        axes = principal(fit)
        chosen = choose(project(fit, axes), SIZES, int(settings["seed"]))
        found = {**axes, "centres": chosen.centres}
        view.store(key, found)
    return {"mean": found["mean"], "axes": found["axes"]}, found["centres"]


def _points(view: CaseView, split: Split, space: str) -> tuple[Ints, Floats]:
    """(rows, finite points) of a split in one of the two spaces."""
    rows, points = view.embeddings(split) if space == EMBEDDINGS else view.features(split)
    points = np.asarray(points, np.float32)
    fine = np.isfinite(points).all(1)
    return np.asarray(rows, np.int64)[fine], points[fine]


def _of(view: CaseView, space: str) -> str:
    return view.encoder().fingerprint if space == EMBEDDINGS else view.model().fingerprint


def _sample(n: int, seed: int) -> Ints:
    """At most ``FIT`` positions, ascending."""
    if n <= FIT:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng([seed, 53]).choice(n, FIT, replace=False)).astype(np.int64)


def _last(rows: Ints) -> int:
    return int(rows.max()) if len(rows) else 0


def _words(view: CaseView, split: Split, rows: Ints, which: Ints, k: int) -> list[list[str]]:
    """Words of the encoder's vocabulary that tell each group from the others; none without such an encoder.

    A word's likeness to an image is their cosine. It names a group when the group's mean lies ``TELLING`` standard
    deviations above that of the other images. Class names are never used: a group is described by what it shows.
    """
    none: list[list[str]] = [[] for _ in range(k)]
    try:
        encoder = view.encoder()
    except RetryError:
        return none
    words, vectors = _vocabulary(encoder, view.classes)
    if not words:
        return none
    at, embedded = view.embeddings(split)
    place = {int(r): i for i, r in enumerate(at)}
    shared = np.array([i for i, r in enumerate(rows.tolist()) if r in place], np.int64)
    if not len(shared):
        return none
    alike = embedded[[place[int(r)] for r in rows[shared]]] @ vectors.T
    alike = (alike - alike.mean(0)) / np.maximum(alike.std(0), 1e-6)
    made = []
    for group in range(k):
        inside = which[shared] == group
        if not inside.any() or inside.all():
            made.append([])
            continue
        ahead = alike[inside].mean(0) - alike[~inside].mean(0)
        order = [i for i in np.argsort(-ahead, kind="stable") if ahead[i] >= TELLING]
        made.append(list(dict.fromkeys(words[i] for i in order))[:WORDS])
    return made


def _vocabulary(encoder: Encoder, classes: Sequence[str]) -> tuple[list[str], Floats]:
    """(words, (m, d) their directions) of what the encoder's folder proposes, else of the general bank.

    Class names and the absence of something (``no``) are left out.
    """
    from failsight.tools.attributes.zero_shot import bank, embed_values

    named = {plain(c) for c in classes}
    definitions = [d for d in (encoder.vocabulary or bank()) if plain(d.name) not in named]
    made = embed_values(encoder, definitions, classes)
    words: list[str] = []
    kept: list[int] = []
    for definition, (start, end), positions in zip(definitions, made.spans, made.positions, strict=True):
        for row, position in zip(range(start, end), positions.tolist(), strict=True):
            value = definition.values[position]
            word = clean(definition.name if plain(value) in PRESENT else value, 40)
            if plain(value) not in ABSENT and plain(word) not in named:
                words.append(word)
                kept.append(row)
    return words, made.vectors[kept]
