"""Which of the strategies that fit a finding the training images of the case allow, and which of them comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from failsight.tools.evidence import Finding
from failsight.tools.repair.choosing import ADDING, BALANCING, Asked, lacks
from failsight.tools.repair_sizes import slice_rows
from failsight.tools.text import number

if TYPE_CHECKING:
    from failsight.tools.strategies import Strategy
    from failsight.tools.view import CaseView

OF_ITS_IMAGES = (
    *BALANCING,
    "hard_examples",
    "split_class",
)  # they handle training images of the slice, and need some
LOOKING = ("typical_augmentation", "adapt_normalisation")  # they take pictures of the look that is wanted
GREAT = 0.3  # rise of the error in deployment from which a picture that is fed otherwise is ruled out first
Plan = tuple["Strategy", str, str]  # strategy, what to do, how the number was reckoned


def allowed(view: CaseView, finding: Finding, plans: Sequence[Plan]) -> list[Plan]:
    """``plans`` without those that the case's training images rule out; collecting comes first where training has none.

    Without training images in the case nothing is ruled out: whoever trains elsewhere may have what it takes.
    """
    if "train" not in view.splits():
        return list(plans)
    none = _none_in_training(view, finding)
    asked = Asked("", finding, None, None, None, None, 1, "auto", "usual")
    kept = [p for p in plans if not _ruled_out(view, asked, p[0].name, none)]
    kept.sort(key=lambda p: p[0].name in LOOKING and bool(lacks(view, p[0].name, asked)))
    if none:
        kept.sort(key=lambda p: p[0].name not in ADDING)
    return kept


def _ruled_out(view: CaseView, asked: Asked, name: str, none: bool) -> bool:
    return (none and name in OF_ITS_IMAGES) or (name in BALANCING and bool(lacks(view, name, asked)))


def _none_in_training(view: CaseView, finding: Finding) -> bool:
    """Whether no training image is in the slice, where its attributes are known of them; not asked of a whole class."""
    if not finding.slice or finding.kind in ("class_imbalance", "label_noise"):
        return False
    inside = slice_rows(view, view.table("train"), finding.slice)
    return inside is not None and not inside.any()


def fed_first(finding: Finding, made: Sequence[Plan]) -> list[Plan]:
    """Before images are collected for a great drop in deployment, how its pictures are fed is looked at: that costs a minute."""
    drop = (finding.error_rate or 0.0) - (finding.base_error_rate or 0.0)
    if finding.kind != "distribution_shift" or finding.split not in ("data", "deploy") or drop < GREAT:
        return list(made)
    text = (
        "See first whether the deployment images are fed as the model was trained (preprocessing_probe split=deploy), and whether they "
        "show the same kind of picture (inverted, turned, of other colours). If not, mend how they are prepared, and judge again."
    )
    first = [
        (s, text, f"the error rises by {number(drop, 'points')}")
        for s, *_ in made
        if s.name == "data_engineering"
    ]
    return [*first, *[p for p in made if p[0].name != "data_engineering"]]
