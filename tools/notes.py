"""Sentences that several tools say in the same words: what was left out, and which split is meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact
from failsight.tools.inputs.base import LeftOut, Predictions, Split
from failsight.tools.inputs.unmatched import NO_CLASS
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView

CALLED = {
    "data": "evaluation images",
    "train": "training images",
    "deploy": "deployment images",
    "pool": "pool images",
}


MOST_CLASSES = 10  # classes without images with a fact of their own
MANY = 0.1  # share of the errors from which on answers of classes without images are told with them

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
        made = [*made[:most], f"Images were left out for {counted(len(made) - most, 'more reason')}."]
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


def without_images(predictions: Predictions) -> tuple[dict[str, int], int]:
    """How many labelled images are answered with each class that none of them has, most answers first, and how many are wrong in all."""
    k, known = len(predictions.classes), predictions.labelled
    images = np.bincount(predictions.labels[known], minlength=k)[:k]
    answers = np.where(images == 0, np.bincount(predictions.predicted[known], minlength=k)[:k], 0)
    order = [i for i in np.argsort(-answers, kind="stable").tolist() if answers[i]]
    return {predictions.classes[i]: int(answers[i]) for i in order}, int((known & ~predictions.correct).sum())


def without_images_facts(predictions: Predictions) -> list[Fact]:
    """The same as facts, in all and of each such class; nothing where no answer is of a class without images."""
    answers, errors = without_images(predictions)
    if not answers:
        return []
    split, name = predictions.split, "answers_without_images"
    each = [
        Fact(name, k, "count", of_split(split, f"class {one}"), None, errors, "lower_is_better")
        for one, k in list(answers.items())[:MOST_CLASSES]
    ]
    return [
        Fact(name, sum(answers.values()), "count", of_split(split), None, errors, "lower_is_better"),
        *each,
    ]


def without_images_words(predictions: Predictions, most: int = 4) -> str:
    """That many errors are answers of classes without an image here, in a sentence; empty where they are few."""
    answers, errors = without_images(predictions)
    n = sum(answers.values())
    if not n or n < MANY * errors:
        return ""
    each = listing([f"{clean(name, 40)} {k:,}" for name, k in answers.items()], most)
    what = "is the answer of a class" if n == 1 else "are answers of classes"
    return (
        f"{n:,} of {errors:,} errors on the {called(predictions.split)} {what} that no image here has ({each}): such an "
        "answer can only be wrong here, and how well these classes are recognised is not known."
    )


def labelled_splits(view: CaseView) -> list[Split]:
    """The splits that have at least one label, in the case's order."""
    return [s for s in view.splits() if bool((view.table(s).labels >= 0).any())]


def answered(view: CaseView, split: Split) -> bool:
    """Whether the model's answers to the images of ``split`` are known, or a model is there to give them."""
    if view.has_model():
        return True
    try:
        return bool(len(view.predictions(split)))
    except RetryError:
        return False


def need_labels(view: CaseView, split: Split) -> None:
    """Raises RetryError when no image of ``split`` has a label."""
    labelled = labelled_splits(view)
    if split not in labelled:
        without = "; the tool shift estimates the accuracy without them" if split == "deploy" else ""
        raise RetryError(
            f"The {called(split)} have no labels, so nothing can be said about right and wrong there{without}.",
            labelled,
        )
