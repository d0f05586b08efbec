"""How a slice search will judge whatever it brings up, journalled before the first image is counted.

Which slices there will be is not known beforehand, but the rule that judges each of them is: one half of the images proposes, the other half,
which had no say in it, decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from failsight.tools.belonging import told
from failsight.tools.evidence import Instrument, family_key
from failsight.tools.stats.slices import SearchSettings
from failsight.tools.view import CaseView

TOOL = "find_slices"
TAKEN = (
    "; for where or with what pictures were taken, also as pulls are tested: the share of the images of other classes that are called the class, "
    "over all images (Cochran–Mantel–Haenszel), Benjamini–Hochberg over all values and classes"
)  # without training images such a pull is told as a weak slice

TOGETHER = (
    "images that belong together are counted together: no p is smaller than groups of them alone would give"
)


def register_slice_plans(
    view: CaseView, arguments: Mapping[str, Any], settings: SearchSettings, n: int, pulls: bool
) -> None:
    """Journal the plan for slices and, where predictions are looked at, that for pulls towards a class.

    Args:
        arguments: of the call, by which its evidence finds the plans.
        settings: of the search.
        n: images that take part.
        pulls: whether pulls are tested, too.
    """
    untold = pulls and "train" not in view.splits()
    together = f"; {TOGETHER}" if told(arguments.get("group_by")) else ""
    view.register(
        Instrument(
            finding=family_key("weak_slice"),
            tool=TOOL,
            arguments=dict(arguments),
            statement="Under some conditions the model fails more often than on other images of the same class.",
            statistic="excess over the other images within true classes, on the half that did not propose the slice; exact or permutation test, "
            "Benjamini–Hochberg over everything that was carried to that half, weighted by what the other half says"
            + (TAKEN if untold else "")
            + together,
            control="all other images of the same true class, the same images with one condition less, and the other confirmed slices; "
            "where a confirmed group of the case by other columns has most of the excess, also the images outside that group",
            minimum_effect=settings.min_effect,
            alpha=settings.q,
            n_planned=n // 2,
        )
    )
    if pulls:
        view.register(
            Instrument(
                finding=family_key("spurious_correlation"),
                tool=TOOL,
                arguments=dict(arguments),
                statement="Some value of an attribute pulls predictions towards a class that the images are not of.",
                statistic="share of the images of other classes that are called the class, with the value minus without, within true classes "
                "(Cochran–Mantel–Haenszel), Benjamini–Hochberg over all values and classes" + together,
                control="images of the same true class without the value; whether training images tie the value to the class",
                minimum_effect=settings.min_effect,
                alpha=settings.q,
                n_planned=n,
            )
        )
