"""What a repair must not change: pictures of use that the model answers rightly, to whose answers it is held while it learns.

Training on a few hundred new pictures of one kind moves a network everywhere, most of all where it sees no picture while it
learns: in the light, the clutter and the cameras of deployment. Which way it moves there is left to the luck of the seed, so
that some group pays for the repair without anybody having asked. So every step also shows some deployment images that the
old model answers rightly, and charges the divergence of the new scores from the old ones: learning without forgetting (Li &
Hoiem 2018, IEEE TPAMI 40:2935, section 3), on images of the place where forgetting would cost. Their labels teach nothing
beyond what the old model says; they only tell which of its answers are worth keeping, so that its faults are not kept too.

Half of the deployment images take part, by lot, written down with the versions; the other half judges. Without labels, what
lies outside the finding's slice is held to. Both arms have the same anchors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.changes.groups import finding_mask
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import Pixels, Split
from failsight.tools.notes import called

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

SPLIT: Split = "deploy"
FEWEST = 20  # anchors below which there are none
MOST = 2000


@dataclass(frozen=True)
class Anchors:
    """Pictures to be held to.

    Attributes:
        pixels: (n, h, w, 3) prepared pictures.
        facts: what the versions say of them: split → fingerprint and rows set aside, more than are held to.
        told: in a sentence, for people.
    """

    pixels: Pixels
    facts: dict[str, Any]
    told: str


def find_anchors(view: CaseView, finding: Finding | None) -> Anchors | None:
    """The anchors of a repair; None without deployment images, where the finding is about them, or about no part of the images."""
    if SPLIT not in view.splits() or finding is None or finding.kind == "distribution_shift":
        return None
    if not (finding.slice or finding.class_name):
        return None
    made = view.predictions(SPLIT)
    labelled = np.flatnonzero(made.labelled)
    if len(labelled):
        lot = np.random.default_rng([view.seed, 12]).permutation(labelled)
        aside = np.sort(lot[: len(lot) // 2])
        at = aside[made.correct[aside]]
        which = "that it answers rightly"
    else:
        whole = replace(finding, class_name=None, confused_with=None)  # without labels, whatever the class
        inside = finding_mask(view, SPLIT, made, whole) if finding.slice else None
        if inside is None:
            return None
        aside = at = np.flatnonzero(~inside)
        which = "outside the finding's slice"
    if len(at) < FEWEST:
        return None
    rows = made.rows[at[:: -(-len(at) // MOST)]].astype(np.int64)
    pixels = np.concatenate([p for _, p in view.pixels(rows, SPLIT)])
    facts = {
        SPLIT: {"fingerprint": view.table(SPLIT).fingerprint, "rows": made.rows[aside].tolist()},
        "anchors": {"images": len(pixels), "split": SPLIT},
    }
    half = "of one half of them, which does not judge" if len(labelled) else "of them"
    return Anchors(
        pixels,
        facts,
        f"While it learned, the model was held to its old answers on {len(pixels):,} {called(SPLIT)} {which} ({half}), in both arms.",
    )
