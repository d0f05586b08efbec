"""How sure a model is on the images it was trained on: what no other images can have caused.

Training by the usual losses leaves mean confidence near accuracy on the training images themselves, or below it. A model that is
surer than right even there, whichever class it answers, was made so: its outputs were scaled, or its labels were others. What it
does badly elsewhere (rare cases, signs of a class, another place) can't show there.
"""

from __future__ import annotations

import numpy as np

from failsight.tools.evidence import Fact
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import of_split
from failsight.tools.stats.calibration import overconfidence
from failsight.tools.stats.intervals import mean_interval

GAP = "overconfidence"  # mean confidence minus accuracy
WITHOUT_ONE = "overconfidence_without_one_class"  # the same without the answered class that shows most of it


def sureness_facts(predictions: Predictions, split: Split, seed: int) -> list[Fact]:
    """Mean confidence minus accuracy, over all images and without those that are called the one class that shows most of it."""
    known = predictions.labelled
    if not predictions.has_scores or int(known.sum()) < 2:
        return []
    confidence = np.clip(predictions.confidence[known].astype(np.float64), 0, 1)
    correct, called = predictions.correct[known], predictions.predicted[known]
    gap, ci = overconfidence(confidence, correct, seed=seed)
    about, n = of_split(split), len(correct)
    facts = [Fact(GAP, gap, "points", about, ci, n, "lower_is_better")]
    gaps = confidence - correct
    most = int(np.bincount(called, gaps, len(predictions.classes)).argmax())
    rest = gaps[called != most]
    if len(rest) > 1:
        facts.append(Fact(WITHOUT_ONE, float(rest.mean()), "points", about, mean_interval(rest), len(rest), "lower_is_better"))  # fmt: skip
    return facts
