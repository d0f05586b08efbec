"""Sentences that several tools say in the same words: what was left out, and which split is meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import LeftOut, Predictions, Split
from failsight.tools.inputs.unmatched import NO_CLASS
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

CALLED = {
    "data": "evaluation images",
    "train": "training images",
    "deploy": "deployment images",
    "pool": "pool images",
}


IMAGES = {"data": "Images", "train": "Training images", "deploy": "Deployment images", "pool": "Pool images"}
"""How a sentence about images of a split begins: those of the evaluation need no word more."""


def called(split: str) -> str:
    """What people call the images of ``split``."""
    return CALLED.get(split, f"{clean(split, 40)} images")


def of_split(split: str, about: str = "") -> str:
    """The ``of`` of a fact: nothing more than ``about`` for the evaluation images, else the split first."""
    return about if split == "data" else f"split {split}" + (f", {about}" if about else "")


def left_out_notes(split: str, left_out: Sequence[LeftOut], most: int = 4) -> list[str]:
    """One sentence for each reason why images were left out, the most frequent first; one for all labels that are no class."""
    reasons: dict[str, list[str]] = {}
    for one in left_out:
        why = f"their label {NO_CLASS}" if one.reason.endswith(NO_CLASS) else clean(one.reason, 120)
        reasons.setdefault(why, []).append(one.path)
    made = []
    for reason, paths in sorted(reasons.items(), key=lambda item: -len(item[1])):
        verb = "was" if len(paths) == 1 else "were"
        made.append(f"{len(paths):,} of the {called(split)} {verb} left out: {reason} ({listing(paths, 4)}).")
    if len(made) > most:
        made = [*made[:most], f"Images were left out for {len(made) - most} more reasons."]
    return made


def unanswered_words(predictions: Predictions, most: int = 4) -> str:
    """To how many labelled images the model gave no answer, and of which classes, in a sentence; empty where it answered all."""
    of = predictions.unanswered
    if not len(of):
        return ""
    n, answered = len(of), int(predictions.labelled.sum())
    k = len(predictions.classes)
    by_class = np.bincount(of, minlength=k)[:k]
    total = by_class + np.bincount(predictions.labels[predictions.labelled], minlength=k)[:k]
    share = by_class / np.maximum(total, 1)
    order = [int(i) for i in np.argsort(-share, kind="stable") if by_class[i]][:most]
    uneven = (len(order) > 1 and share.max() > 1.5 * n / (n + answered)) or (by_class > 0).sum() == 1 < k
    told = f"The model gave no answer to {n:,} of {n + answered:,} labelled {called(predictions.split)}, which are counted in none of these rates"
    if not uneven:
        return f"{told}."
    each = listing([f"{clean(predictions.classes[i], 40)} {by_class[i]:,} of {total[i]:,}" for i in order])
    return f"{told}; most often {each}."


def labelled_splits(view: CaseView) -> list[Split]:
    """The splits that have at least one label, in the case's order."""
    return [s for s in view.splits() if bool((view.table(s).labels >= 0).any())]


def need_labels(view: CaseView, split: Split) -> None:
    """Raises RetryError when no image of ``split`` has a label."""
    labelled = labelled_splits(view)
    if split not in labelled:
        raise RetryError(
            f"The {called(split)} have no labels, so nothing can be said about right and wrong there.",
            labelled,
        )
