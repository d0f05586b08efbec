"""Attributes by words alone: every value is a few phrases, every picture takes the value whose phrases lie nearest.

All phrases are embedded once, in several templates whose embeddings are averaged (Radford et al. 2021, section 3.1.4).
Assigning all attributes to all pictures is then one matrix product and a softmax over the values of each attribute. The
softmax is calibrated by a temperature (Guo et al. 2017); where it stays unsure, the picture gets no value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import Definition, plain, sound
from failsight.tools.attributes.sources import Assigned
from failsight.tools.attributes.vocabulary import CALIBRATED_FOR
from failsight.tools.attributes.vocabulary import bank as bank
from failsight.tools.errors import RetryError

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Floats, Split
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

TEMPLATES: tuple[str, ...] = ("{}", "a photo of {}.", "a picture of {}.", "an image of {}.")
"""What every phrase is put into. ``{class}`` in a template or phrase stands for each class in turn, averaged: an attribute
means the same in every class."""

TEMPERATURE = 1.0
"""Divides the logits of attributes without a calibration of their own: CLIP's softmax as it was trained."""

LEAST_MARGIN = 0.3
"""How far from chance towards certainty the confidence must lie where an attribute has no threshold of its own."""

_VERSION = 1  # raise when the same definitions and embeddings would give other values
_BLOCK = 4096  # pictures at a time: what is in flight stays in the processor's caches
_YES = {"yes", "true", "present", "there", "1"}
_NO = {"no", "false", "absent", "none", "not there", "0"}


# -- prompts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WordBank:
    """Embedded values of several attributes, ready to be compared with pictures.

    Attributes:
        keys: of the definitions.
        spans: for each, its rows of ``vectors``.
        positions: for each, the position among the definition's values that each row stands for.
        vectors: (values in all, d) float32 of unit length.
        factors: for each, what multiplies cosines: the encoder's scale over the attribute's temperature.
        thresholds: for each, the least confidence with which a value is given.
    """

    keys: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    positions: tuple[npt.NDArray[np.int16], ...]
    vectors: Floats
    factors: tuple[float, ...]
    thresholds: tuple[float, ...]


def phrases_of(definition: Definition, value: str) -> tuple[str, ...]:
    """The phrases that stand for a value; made from the names where the definition has none.

    The attribute's name is the one it was proposed under: what people call it since changes no value.
    """
    given = tuple(p for p in definition.phrases.get(value, ()) if p.strip())
    if given:
        return given
    name, said = plain(definition.origin) or definition.origin, plain(value)
    if said in _YES:
        return (f"a {name}", f"a scene with a {name}")
    if said in _NO:
        return (f"no {name}", f"a scene without a {name}")
    return (value, f"{value} {name}")


def texts_of(
    phrases: Iterable[str], classes: Sequence[str] = (), templates: Sequence[str] = TEMPLATES
) -> list[str]:
    """Every phrase in every template, ``{class}`` filled in; without classes it reads "thing"."""
    names = [plain(c) for c in classes] or ["thing"]
    made: dict[str, None] = {}
    for phrase in phrases:
        for template in templates:
            text = template.replace("{}", phrase)
            for name in names if "{class}" in text else ("",):
                made.setdefault(text.replace("{class}", name))
    return list(made)


def embed_values(
    encoder: Encoder,
    definitions: Sequence[Definition],
    classes: Sequence[str] = (),
    templates: Sequence[str] = TEMPLATES,
) -> WordBank:
    """Embed the values of all definitions: one call of the text encoder, each text once.

    Values that are written alike count as one, the first. Values averaged to nothing (phrases that cancel out) can't
    occur with unit vectors of a trained encoder; one that does is given the zero vector and never wins.
    """
    wanted: dict[str, int] = {}
    plans: list[list[list[int]]] = []
    positions = []
    for definition in definitions:
        kept = _distinct(definition.values)
        positions.append(np.array(kept, np.int16))
        plan = []
        for position in kept:
            texts = texts_of(phrases_of(definition, definition.values[position]), classes, templates)
            plan.append([wanted.setdefault(text, len(wanted)) for text in texts])
        plans.append(plan)
    embedded = encoder.embed_texts(list(wanted)) if wanted else np.zeros((0, 1), np.float32)
    fitted = [calibration_of(d, encoder) for d in definitions]
    rows: list[Floats] = []
    spans = []
    for plan in plans:
        spans.append((len(rows), len(rows) + len(plan)))
        rows += [_mean_direction(embedded[index]) for index in plan]
    vectors = np.stack(rows).astype(np.float32) if rows else np.zeros((0, embedded.shape[1]), np.float32)
    return WordBank(
        keys=tuple(d.key for d in definitions),
        spans=tuple(spans),
        positions=tuple(positions),
        vectors=vectors,
        factors=tuple(encoder.scale / temperature_of(f) for f in fitted),
        thresholds=tuple(threshold_of(f, len(p)) for f, p in zip(fitted, positions, strict=True)),
    )


def _distinct(values: Sequence[str]) -> list[int]:
    """Positions of the values that differ and are not empty."""
    seen: dict[str, int] = {}
    for position, value in enumerate(values):
        if plain(value):
            seen.setdefault(plain(value), position)
    return list(seen.values())


def _mean_direction(vectors: Floats) -> Floats:
    mean = vectors.mean(0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-9 else mean * 0, np.float32)


def calibration_of(definition: Definition, encoder: Encoder) -> Mapping[str, Any]:
    """The settings of the attribute, where they are this encoder's: another one has other logits."""
    made_for = definition.settings.get(CALIBRATED_FOR)
    return definition.settings if made_for in (None, encoder.fingerprint) else {}


def temperature_of(settings: Mapping[str, Any]) -> float:
    """The attribute's own temperature, else the default."""
    found = float(settings.get("temperature", TEMPERATURE))
    return found if np.isfinite(found) and found > 0 else TEMPERATURE


def threshold_of(settings: Mapping[str, Any], values: int) -> float:
    """The attribute's own threshold, else part of the way from chance to certainty."""
    found = settings.get("threshold")
    if found is not None and np.isfinite(float(found)):
        return float(found)
    chance = 1 / max(values, 1)
    return chance + LEAST_MARGIN * (1 - chance)


# -- assignment -------------------------------------------------------------------------------------


def assign_values(pictures: Floats, bank: WordBank) -> dict[str, Assigned]:
    """The values of all attributes for all pictures.

    Args:
        pictures: (n, d) unit vectors; a row that is not finite gets no value.
        bank: from :func:`embed_values`.

    Returns:
        Key → codes and confidences. The confidence is the softmax probability of the value; with fewer than two values
        there is nothing to choose, and no picture gets one.
    """
    n = len(pictures)
    codes = np.full((len(bank.keys), n), -1, np.int16)
    confidence = np.zeros((len(bank.keys), n), np.float32)
    for start in range(0, n if len(bank.vectors) else 0, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        # values by pictures: every step below runs along contiguous rows
        cosines = bank.vectors @ np.ascontiguousarray(pictures[block], np.float32).T
        for k, (low, high) in enumerate(bank.spans):
            if high - low > 1:
                best, sure = _softmax_best(cosines[low:high], bank.factors[k])
                fine = sure >= bank.thresholds[k]  # NaN compares as unsure
                codes[k, block] = np.where(fine, bank.positions[k][best], -1)
                confidence[k, block] = np.where(fine, sure, 0)
    return {key: Assigned(codes[k], confidence[k]) for k, key in enumerate(bank.keys)}


def _softmax_best(cosines: Floats, factor: float) -> tuple[npt.NDArray[np.int16], Floats]:
    """Row that wins in each column, and its softmax probability."""
    top = cosines[0].copy()
    best = np.zeros(len(top), np.int16)
    for row in range(1, len(cosines)):  # argmax(0) walks down the columns and is ten times slower
        np.copyto(best, row, where=cosines[row] > top)
        np.maximum(top, cosines[row], out=top)
    total = np.exp((cosines - top) * np.float32(factor)).sum(0)
    return best, np.asarray(1 / total, np.float32)


def probabilities(pictures: Floats, bank: WordBank, k: int) -> Floats:
    """(n, values) softmax over the distinct values of the ``k``-th attribute."""
    low, high = bank.spans[k]
    logits = (pictures @ bank.vectors[low:high].T).astype(np.float64) * bank.factors[k]
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


# -- calibration ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes confidences of one attribute honest: the temperature, and the confidence below which to abstain."""

    temperature: float
    threshold: float


def fit_calibration(
    cosines: Floats, truth: Ints, scale: float, *, accuracy: float = 0.97, keep: float = 0.9
) -> Calibration:
    """Temperature and threshold of an attribute from pictures whose values are known.

    Args:
        cosines: (n, values) of pictures with the values' phrases.
        truth: (n,) positions of the true values.
        scale: of the encoder.
        accuracy: what the pictures that get a value should reach.
        keep: share of the pictures that get one at least.

    Returns:
        The temperature with the least cross entropy (Guo et al. 2017), and the lowest threshold that reaches the accuracy
        without leaving out more than allowed.

    Raises:
        ValueError: no pictures, or truths that are no positions.
    """
    if not len(truth) or truth.min() < 0 or truth.max() >= cosines.shape[1]:
        raise ValueError("calibration needs pictures with known values")
    grid = np.geomspace(0.05, 20, 121)
    shifted = (cosines - cosines.max(1, keepdims=True)).astype(np.float64) * scale
    right = np.take_along_axis(shifted, truth[:, None], 1)[:, 0]
    loss = [float((np.log(np.exp(shifted / t).sum(1)) - right / t).mean()) for t in grid]
    temperature = float(grid[int(np.argmin(loss))])
    sure = 1 / np.exp(shifted / temperature).sum(1)
    hit = cosines.argmax(1) == truth
    order = np.argsort(-sure, kind="stable")
    reached = np.cumsum(hit[order]) / np.arange(1, len(order) + 1)
    least = max(1, int(np.ceil(keep * len(order))))
    enough = np.flatnonzero(reached[least - 1 :] >= accuracy) + least
    kept = int(enough[-1]) if len(enough) else least
    threshold = 0.0 if kept == len(order) else float(sure[order[kept - 1 : kept + 1]].mean())
    return Calibration(temperature, threshold)


# -- the source -------------------------------------------------------------------------------------


class ZeroShot:
    """Attributes by the case's encoder; an :class:`~failsight.tools.attributes.sources.AttributeSource`."""

    name = "zero_shot"

    def fingerprint(self, view: CaseView) -> str:
        """What the answers depend on besides pictures and definitions."""
        facts = [str(_VERSION), view.encoder().fingerprint, repr(TEMPLATES), repr(tuple(view.classes))]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def propose(self, view: CaseView, split: Split, limit: int) -> Sequence[Definition]:
        """The attributes that the encoder was made for; else those of a general bank that vary in these pictures.

        Raises:
            RetryError: the case has no encoder.
        """
        encoder = view.encoder()
        own = _usable(encoder.vocabulary, view.classes)
        if own:
            return own[:limit]
        general = _usable(bank(), view.classes)
        _, pictures = view.embeddings(split)
        words = embed_values(encoder, general, view.classes)
        return varying(general, assign_values(pictures, words))[:limit]

    def assign(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        """Key of each definition → values of ``rows``; pictures that the encoder could not read get none.

        Raises:
            RetryError: the case has no encoder.
        """
        words = embed_values(view.encoder(), definitions, view.classes)
        known, pictures = view.embeddings(split)
        found = assign_values(pictures, words)
        order = np.argsort(known, kind="stable")
        place = np.searchsorted(known, rows, sorter=order)
        there = place < len(known)
        index = order[np.where(there, place, 0)] if len(known) else np.zeros(len(rows), np.int64)
        there &= known[index] == rows if len(known) else False
        return {key: _picked(one, index, there) for key, one in found.items()}


def _picked(one: Assigned, index: Ints, there: npt.NDArray[np.bool_]) -> Assigned:
    if not len(one.codes):
        return Assigned(np.full(len(index), -1, np.int16), np.zeros(len(index), np.float32))
    codes = np.where(there, one.codes[index], -1).astype(np.int16)
    return Assigned(codes, np.where(there, one.confidence[index], 0).astype(np.float32))


def _usable(definitions: Iterable[Definition], classes: Sequence[str]) -> list[Definition]:
    """Those that say more than the class."""
    kept = []
    for definition in definitions:
        try:
            kept.append(sound(definition, classes))
        except RetryError:
            continue
    return kept


def varying(definitions: Sequence[Definition], assigned: Mapping[str, Assigned]) -> list[Definition]:
    """The attributes whose values differ between the pictures, the most telling first.

    What counts is the share of all pictures that surely have another value than the commonest: below one in a hundred,
    or with a value for fewer than half of the pictures, an attribute makes no slice worth looking at.
    """
    scored = []
    for definition in definitions:
        codes = assigned[definition.key].codes
        counts = np.bincount(codes[codes >= 0], minlength=1)
        others = (counts.sum() - counts.max()) / max(len(codes), 1)
        if others >= 0.01 and counts.sum() >= 0.5 * len(codes):
            scored.append((float(others), definition))
    return [d for _, d in sorted(scored, key=lambda pair: -pair[0])]
