"""Groups of look-alikes: k-means over what the model itself sees, and over an encoder's embeddings.

The groups are fitted without labels and without knowing which predictions are right, so that slices made of them keep
the search's error rate: where errors have nothing to do with what the model sees, they have nothing to do with the
groups. Images near the centres stand for a group (HiBug: Chen et al. 2023, section 3.1).

Left alone, groups of the model's features would be its predictions under another name, and every slice of them a truism.
So the mean of each predicted class is taken out first: what is grouped is how images differ that the model calls the same.
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

VERSION = 2
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
    """The source ``clusters``: attributes ``cluster`` (the model's own features, within what it calls the
    same) and ``scene cluster`` (an encoder's embeddings)."""

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
        """The group whose centre is nearest; no value where an image has no features.

        Raises:
            RetryError: the groups were made with another model or encoder than the case has now, or their centres are lost
                and the images they were fitted on have changed.
        """
        made: dict[str, Assigned] = {}
        for definition in definitions:
            space = str(definition.settings.get("space", FEATURES))
            _check_same(view, definition, space)
            fitted = _fitted(view, definition.settings)
            at, points, called = _points(view, split, space)
            which, first, second = nearest(project(points, called, fitted), fitted["centres"])
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


def directions(points: Floats, called: Ints) -> dict[str, Floats]:
    """Means of the points by predicted class, and the principal axes of what is left.

    Args:
        points: (n, d); ``called``: (n,) predicted class of each, all 0 where that does not matter.

    Returns:
        ``means`` (classes, d); ``axes`` (d, ≤ ``AXES``), each with a fixed sign.
    """
    means = np.tile(points.mean(0, dtype=np.float64), (int(called.max(initial=0)) + 1, 1))
    for one in np.unique(called):
        means[one] = points[called == one].mean(0, dtype=np.float64)
    left = points - means[called]
    strengths, axes = np.linalg.eigh(left.T @ left / max(len(points), 1))
    keep = strengths[::-1][:AXES] > 1e-10 * max(float(strengths[-1]), 1e-30)
    axes = axes[:, ::-1][:, :AXES][:, keep]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]) if axes.size else np.ones(0)
    return {"means": means.astype(np.float32), "axes": (axes * signs).astype(np.float32)}


def project(points: Floats, called: Ints, onto: Mapping[str, Floats]) -> Floats:
    """(n, d) points along the axes, without the mean of their predicted class (the first one's where it is new)."""
    means = onto["means"]
    known = np.where(called < len(means), called, 0)
    made: Floats = ((points - means[known]) @ onto["axes"]).astype(np.float32)
    return made


def _propose(view: CaseView, split: Split, space: str) -> Definition:
    rows, points, called = _points(view, split, space)
    if len(rows) < FEWEST:
        raise RetryError(f"Only {len(rows)} images can be grouped; that takes {FEWEST}.")
    settings: dict[str, Any] = {"space": space, "of": _of(view, space), "split": split, "seed": view.seed}
    settings["data"] = view.table(split).fingerprint
    fitted = _fitted(view, settings)
    centres = fitted["centres"]
    if len(centres) < 2:
        raise RetryError("All images look the same there: there are no groups.")
    which = nearest(project(points, called, fitted), centres)[0]
    values = [f"group {k + 1}" for k in range(len(centres))]
    for k, words in enumerate(_words(view, split, rows, which, len(centres))):
        if words:
            values[k] += f" ({' and '.join(words)})"
    name = NAMES[space]
    return Definition(name, "clusters", name, tuple(values), settings=settings, by="clusters")


def _fitted(view: CaseView, settings: Mapping[str, Any]) -> Mapping[str, Floats]:
    """``means``, ``axes`` and ``centres`` of one grouping: cached, or fitted again from the same seed and images."""
    key = {"what": "cluster centres", "version": VERSION, **settings}
    found = view.cached(key)
    if found is None:
        if settings.get("data") != view.table(settings["split"]).fingerprint:
            raise RetryError("The images that the groups were made from have changed.")
        _, points, called = _points(view, settings["split"], settings["space"])
        fit = _sample(len(points), int(settings["seed"]))
        onto = directions(points[fit], called[fit])
        chosen = choose(project(points[fit], called[fit], onto), SIZES, int(settings["seed"]))
        found = {**onto, "centres": chosen.centres}
        view.store(key, found)
    return found


def _points(view: CaseView, split: Split, space: str) -> tuple[Ints, Floats, Ints]:
    """(rows, finite points, predicted class of each) of a split in one of the two spaces; class 0 in an encoder's."""
    rows, points = view.embeddings(split) if space == EMBEDDINGS else view.features(split)
    points, rows = np.asarray(points, np.float32), np.asarray(rows, np.int64)
    called = np.zeros(len(rows), np.int64)
    if space == FEATURES:
        made = view.predictions(split)
        order = np.argsort(made.rows, kind="stable")
        called = made.predicted[order[np.searchsorted(made.rows, rows, sorter=order)]].astype(np.int64)
    fine = np.isfinite(points).all(1)
    return rows[fine], points[fine], called[fine]


def _of(view: CaseView, space: str) -> str:
    return view.encoder().fingerprint if space == EMBEDDINGS else view.model().fingerprint


def _check_same(view: CaseView, one: Definition, space: str) -> None:
    """Raises RetryError where the groups lie in another space than the case has now: centres mean nothing there."""
    if one.settings.get("of", _of(view, space)) != _of(view, space):
        made_by = "encoder" if space == EMBEDDINGS else "model"
        raise RetryError(
            f"{clean(one.name, 60)} groups what another {made_by} sees: open the case with that one."
        )


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
    _, shared, theirs = np.intersect1d(rows, at, assume_unique=True, return_indices=True)
    if not len(shared):
        return none
    alike = embedded[theirs] @ vectors.T
    alike = (alike - alike.mean(0)) / np.maximum(alike.std(0), 1e-6)
    made: list[list[str]] = []
    for group in range(k):
        inside = which[shared] == group
        if not inside.any() or inside.all():
            made.append([])
            continue
        ahead = alike[inside].mean(0) - alike[~inside].mean(0)
        best: dict[str, str] = {}  # one word of each attribute
        for i in np.argsort(-ahead, kind="stable"):
            if ahead[i] >= TELLING:
                best.setdefault(*words[i])
        made.append(list(dict.fromkeys(best.values()))[:WORDS])
    return made


def _vocabulary(encoder: Encoder, classes: Sequence[str]) -> tuple[list[tuple[str, str]], Floats]:
    """((attribute, word), (m, d) their directions) of what the encoder's folder proposes, else of the general bank.

    Class names and the absence of something (``no``) are left out.
    """
    from failsight.tools.attributes.zero_shot import bank, embed_values

    named = {plain(c) for c in classes}
    definitions = [d for d in (encoder.vocabulary or bank()) if plain(d.name) not in named]
    made = embed_values(encoder, definitions, classes)
    words: list[tuple[str, str]] = []
    kept: list[int] = []
    for definition, (start, end), positions in zip(definitions, made.spans, made.positions, strict=True):
        for row, position in zip(range(start, end), positions.tolist(), strict=True):
            value = definition.values[position]
            word = _word(definition, value)
            if plain(value) not in ABSENT and plain(word) not in named:
                words.append((definition.name, word))
                kept.append(row)
    return words, made.vectors[kept]


def _word(definition: Definition, value: str) -> str:
    """How a value is said: the shortest of its phrases without its article, where it has any that stand for themselves."""
    if plain(value) in PRESENT:
        return clean(definition.name, 40)
    phrases = [p for p in definition.phrases.get(value, ()) if "{" not in p]
    said = plain(min(phrases, key=len)) if phrases else plain(value)
    return clean(said.removeprefix("a ").removeprefix("an ").removeprefix("the "), 40)
