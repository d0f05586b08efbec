"""The two samples of a shift comparison, aligned: labels, answers, attributes, features; at most so many rows of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import attribute_table
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called, left_out_notes
from failsight.tools.stats.prior_shift import LabelShift
from failsight.tools.stats.sample_shift import mix_weights
from failsight.tools.stats.two_sample import (
    Auc,
    Separation,
    auc_within,
    fold_numbers,
    permutation_p,
    reduced,
    separate,
)
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST = 2000  # images of each sample that the comparison reads: more would not make it sharper
FEWEST = 20  # images of a sample below which nothing is compared
MOSTLY = 0.9  # share of images with labels from which classes are held fixed by their labels
BINS = 10  # ranges of a number when the separation is explained by it
MOST_VALUES = 30  # values of a category; the rarer ones are taken together


@dataclass(frozen=True)
class Sample:
    """One split as the comparison sees it; everything follows ``rows``.

    Attributes:
        rows: (n,) rows of the image table.
        labels: (n,) true classes, −1 unknown.
        predicted: (n,) the model's answers; None where there are none.
        columns: attribute → (n,) values.
        odd: attributes that can't be compared here, with the reason.
        features: (n, channels) of the model, or None.
        predictions: the whole prediction table, or None.
        total: images of the split, before sampling.
    """

    split: Split
    rows: Ints
    labels: Ints
    predicted: Ints | None
    columns: Mapping[str, npt.NDArray[Any]]
    odd: Mapping[str, str]
    features: npt.NDArray[np.float32] | None
    predictions: Predictions | None
    total: int

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, keep: Mask) -> Sample:
        """The rows where ``keep``."""
        return Sample(
            self.split,
            self.rows[keep],
            self.labels[keep],
            None if self.predicted is None else self.predicted[keep],
            {name: values[keep] for name, values in self.columns.items()},
            self.odd,
            None if self.features is None else self.features[keep],
            self.predictions,
            self.total,
        )


def load(view: CaseView, split: Split, notes: list[str]) -> Sample:
    """A seeded sample of the split; what is left out or missing goes to ``notes``."""
    predictions = _predictions(view, split, notes)
    attributes = _attributes(view, split, predictions)
    table = view.table(split)
    rows, features = attributes.rows, None
    if predictions is not None:
        notes += left_out_notes(split, [*table.left_out, *predictions.left_out])
        known = _features(view, split)
        if known is not None:
            rows = np.intersect1d(rows, known[0])
    chosen = rows
    if len(rows) > MOST:
        chosen = np.sort(np.random.default_rng([view.seed, len(rows)]).choice(rows, MOST, replace=False))
    at = np.searchsorted(attributes.rows, chosen)
    if predictions is not None and known is not None:
        features = known[1][np.searchsorted(known[0], chosen)]
    answers = None
    if predictions is not None:
        answers = predictions.predicted[np.searchsorted(predictions.rows, chosen)]
    columns = {name: values[at] for name, values in attributes.columns.items()}
    return Sample(
        split,
        chosen,
        table.labels[chosen],
        answers,
        columns,
        attributes.unusable,
        features,
        predictions,
        len(rows),
    )


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:  # a black box comes with predictions of the evaluation images only
        notes.append(f"The model's answers on the {called(split)} are not known: {problem}")
        return None


def _attributes(view: CaseView, split: Split, predictions: Predictions | None) -> AttributeTable:
    if predictions is not None:
        return view.attributes(split)
    return attribute_table(view.table(split), cached=view.cached, store=view.store, progress=view.progress)


def _features(view: CaseView, split: Split) -> tuple[Ints, npt.NDArray[np.float32]] | None:
    try:
        return view.features(split)
    except RetryError:
        return None


@dataclass(frozen=True)
class Pair:
    """Both samples one after the other, reference first.

    Attributes:
        target: (n,) True for rows of the second sample.
        strata: (n,) true classes where nearly all of both samples have labels, else all 0.
        by_class: whether ``strata`` are classes.
        weights: (n,) with these, the reference has the target's class mix (known, or estimated from the answers);
            None where neither is possible.
    """

    first: Sample
    second: Sample
    target: Mask
    strata: Ints
    by_class: bool
    weights: Floats | None

    def column(self, name: str) -> npt.NDArray[Any]:
        """An attribute over both samples."""
        return np.concatenate([self.first.columns[name], self.second.columns[name]])


def paired(first: Sample, second: Sample, estimated: LabelShift | None) -> Pair:
    """Join two samples; ``estimated`` is the class mix of the second where it has no labels."""
    known = all(len(s) and (s.labels >= 0).mean() >= MOSTLY for s in (first, second))
    if known and np.intersect1d(first.labels[first.labels >= 0], second.labels[second.labels >= 0]).size:
        first, second = first.only(first.labels >= 0), second.only(second.labels >= 0)
        strata = np.concatenate([first.labels, second.labels])
        target = np.repeat([False, True], [len(first), len(second)])
        return Pair(first, second, target, strata, True, mix_weights(target, strata))
    target = np.repeat([False, True], [len(first), len(second)])
    weights = None
    if estimated is not None and estimated.reliable and (first.labels >= 0).all() and len(first):
        weights = np.concatenate([estimated.weights[first.labels], np.ones(len(second))])
        if weights[~target].sum() <= 0:
            weights = None
    return Pair(first, second, target, np.zeros(len(target), np.int64), False, weights)


@dataclass(frozen=True)
class Domain:
    """What the domain classifier found.

    Attributes:
        read: ``features`` of the model or ``attributes``.
        raw: separation of the samples as they are.
        same_mix: AUC once the reference has the target's class mix; None where the mix is not known.
        p: permutation p of the null hypothesis of no difference (within classes where these are known).
        within: whether it is that of no difference within classes: then another class mix alone makes no small p.
    """

    read: str
    raw: Separation
    same_mix: Auc | None
    p: float
    within: bool = False

    @property
    def beyond_mix(self) -> Auc:
        """The AUC that is not owed to the class mix, as far as that is known."""
        return self.same_mix or self.raw.auc


def tell_apart(pair: Pair, seed: int) -> Domain | None:
    """The domain classifier on features of the model, else on attributes; None without either."""
    one, other = pair.first.features, pair.second.features
    if one is not None and other is not None and one.shape[1] == other.shape[1]:
        read, x = "features", reduced(np.concatenate([one, other]))
    else:
        read, x = "attributes", reduced(attribute_matrix(pair))
    if not x.shape[1]:
        return None
    folds = fold_numbers(pair.target, pair.strata, seed)
    raw = separate(x, pair.target, folds)
    same = None if pair.weights is None else separate(x, pair.target, folds, pair.weights).auc
    p = permutation_p(x, pair.target, folds, pair.strata, seed)
    return Domain(read, raw, same, p, pair.by_class)


def attribute_matrix(pair: Pair) -> Floats:
    """(n, columns) numbers as they are and categories as 0/1 columns; columns that are missing in a sample are left out."""
    made = []
    for name in shared_attributes(pair):
        values = pair.column(name)
        if values.dtype != object:
            made.append(values.astype(np.float64)[:, None])
            continue
        codes, names = coded(values)
        made.append((codes[:, None] == np.arange(len(names))).astype(np.float64))
    return np.concatenate(made, axis=1) if made else np.zeros((len(pair.target), 0))


def shared_attributes(pair: Pair) -> list[str]:
    """Attributes that both samples have, of one type, with something to compare."""
    made = []
    for name, values in pair.first.columns.items():
        other = pair.second.columns.get(name)
        if other is None or (values.dtype == object) != (other.dtype == object):
            continue
        if any(
            "unique" in s.odd.get(name, "") or "running" in s.odd.get(name, "")
            for s in (pair.first, pair.second)
        ):
            continue
        made.append(name)
    return made


def coded(values: npt.NDArray[Any]) -> tuple[Ints, list[str]]:
    """(n,) codes of a category and what they stand for; −1 is missing, rare values beyond the thirtieth are one."""
    texts = np.array(["" if v is None else str(v) for v in values], dtype=object)
    names, times = np.unique(texts[texts != ""].astype(str), return_counts=True)
    order = np.argsort(-times, kind="stable")
    place = {str(names[i]): min(at, MOST_VALUES - 1) for at, i in enumerate(order.tolist())}
    kept = [str(names[i]) for i in order[:MOST_VALUES].tolist()]
    if len(names) > MOST_VALUES:
        kept[-1] = "any other"
    return np.array([place.get(t, -1) for t in texts], np.int64), kept


def left_when_known(pair: Pair, domain: Domain, name: str) -> float:
    """AUC of the domain score among images with the same value (for numbers: in the same tenth) of one attribute."""
    values = pair.column(name)
    if values.dtype == object:
        codes = coded(values)[0]
    else:
        numbers = values.astype(np.float64)
        known = np.isfinite(numbers)
        codes = np.full(len(numbers), -1, np.int64)
        if known.any():
            edges = np.unique(np.quantile(numbers[known], np.arange(1, BINS) / BINS))
            codes[known] = np.searchsorted(edges, numbers[known], side="right")
    return auc_within(domain.raw.scores, pair.target, codes)
