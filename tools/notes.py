"""Sentences that several tools say in the same words: what was left out, and which split is meant."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import LeftOut, Split
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
