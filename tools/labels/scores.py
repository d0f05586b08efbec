"""Scores that are out of sample, so that they can speak against a label: as they are, or cross-validated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called
from failsight.tools.stats.linear_head import cross_validated_scores
from failsight.tools.view import CaseView

FOLDS = 5
FEWEST = 20  # labelled images below which nothing is counted


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled images with scores by a model that did not learn their labels.

    Attributes:
        rows: (n,) row numbers in the split's image table.
        at: (n,) positions in ``predictions(split)``.
        labels: (n,) given class.
        scores: (n, k) probabilities.
        how: one sentence on where the scores come from.
    """

    split: Split
    classes: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    how: str

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image."""
        # the largest score, whatever the model's thresholds: a wrong label is told by what is likeliest, not by what is answered
        made: npt.NDArray[np.int64] = self.scores.argmax(axis=1)
        return made


def out_of_sample(view: CaseView, split: Split) -> Scored:
    """The labelled images of ``split`` with out-of-sample scores.

    Raises:
        RetryError: there are no class probabilities, no features, or too few labelled images.
    """
    predictions = view.predictions(split)
    if split != "train":
        if not predictions.has_scores:
            raise RetryError(
                "These predictions come without class probabilities, so nothing says how sure the model is that a label is wrong: "
                "give a column of probabilities for each class, or the model itself."
            )
        at = np.flatnonzero(predictions.labelled)
        _enough(len(at), split)
        scores = predictions.scores[at].astype(np.float64)
        how = "The scores are the model's own: it did not learn from these images."
        return Scored(
            split, predictions.classes, predictions.rows[at], at, predictions.labels[at], scores, how
        )
    rows, features = view.features(split)
    at = np.searchsorted(predictions.rows, rows)
    kept = predictions.labelled[at] & np.isfinite(features).all(axis=1)
    rows, features, at = rows[kept], features[kept], at[kept]
    _enough(len(at), split)
    labels = predictions.labels[at]
    with view.progress.job("fitting a head without each fold", 1) as ticker:
        scores = _head(view, split, features, rows, labels, len(predictions.classes))
        ticker.advance()
    how = (
        f"The scores are those of a linear head on the model's features, fitted {FOLDS} times without the images it scores. "
        "The features themselves were learnt with these labels, so some wrong labels will have been learnt by heart and are not seen."
    )
    return Scored(split, predictions.classes, rows, at, labels, scores, how)


def _enough(n: int, split: str) -> None:
    if n < FEWEST:
        raise RetryError(f"Only {n} labelled {called(split)}: too few to tell wrong labels from errors.")


def _head(
    view: CaseView,
    split: Split,
    features: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    k: int,
) -> npt.NDArray[np.float64]:
    """Cross-validated scores, cached under the content of images, labels and model."""
    key = {
        "what": "cross-validated head", "folds": FOLDS, "seed": view.seed, "n": len(rows), "split": split,
        "data": view.table(split).fingerprint, "model": view.model().fingerprint if view.has_model() else "",
    }  # fmt: skip
    found = view.cached(key)
    if found is not None and np.array_equal(found["rows"], rows):
        return np.asarray(found["scores"], np.float64)
    scores = cross_validated_scores(features, labels, k, folds=FOLDS, seed=view.seed)
    view.store(key, {"rows": rows, "scores": scores})
    return scores
