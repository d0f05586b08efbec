"""The same model behind another arithmetic of pixels: weights, session and device are shared, nothing is loaded again."""

from __future__ import annotations

import copy
from dataclasses import asdict

from failsight.tools.evidence import digest
from failsight.tools.inputs.base import Classifier, Preprocessing
from failsight.tools.inputs.models.scoring import ScoringModel


def takes_preprocessing(model: Classifier) -> bool:
    """Whether :func:`with_preprocessing` can feed ``model`` otherwise: every model that Failsight opened itself."""
    return isinstance(model, ScoringModel)


def with_preprocessing(model: Classifier, how: Preprocessing, *, keep_geometry: bool = False) -> Classifier:
    """``model`` with ``how`` in place of its declared preprocessing.

    Args:
        keep_geometry: keep a model's own way from picture to pixels, where it has one, and change the arithmetic only.

    Returns:
        A classifier that shares everything else with ``model``; its fingerprint differs.

    Raises:
        TypeError: the model is none that Failsight opened (see :func:`takes_preprocessing`).
    """
    if not isinstance(model, ScoringModel):
        raise TypeError(f"{type(model).__name__} can't be fed otherwise")
    made = copy.copy(model)
    made.preprocessing = how
    if not keep_geometry:
        made.geometry = None
    own = keep_geometry and model.geometry is not None
    made.fingerprint = digest([model.fingerprint, asdict(how), own])
    return made
