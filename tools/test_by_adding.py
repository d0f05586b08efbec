"""test_by_adding: is this cue enough? Paste it into images that lack it, paste as much else there, and compare."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence
from failsight.tools.experiments.adding_plan import Asked, make_plan
from failsight.tools.experiments.arguments import (
    Alpha,
    AnySplit,
    FindingId,
    MaxImages,
    MinimumEffect,
    Segmenter,
)
from failsight.tools.experiments.arms_plan import run
from failsight.tools.experiments.arms_report import evidence
from failsight.tools.experiments.doses import Dose
from failsight.tools.experiments.regions import HELP
from failsight.tools.experiments.regions_finders import region_print
from failsight.tools.registry import tool
from failsight.tools.view import CaseView


@tool(
    cost="heavy",
    needs=("model",),
    answers=("what_if.2", "features_global.2", "questionable_features.2"),
    decides=("spurious_correlation", "overemphasised_feature", "missing_feature"),
    passes=16,
    sample=200,
    outside=region_print,
)
def test_by_adding(
    view: CaseView,
    cue: Annotated[
        str | None,
        Field(
            description=f"What to add, cut from images that show it, or from those that donors names: {HELP} No border, no "
            "corners. May be left out when the finding is about a boxed object."
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(
            description="The class whose score should rise. Default: the finding's, else the class that images with the cue "
            "are predicted as more often than others."
        ),
    ] = None,
    where: Annotated[
        tuple[str, ...] | str,
        Field(
            description="Which images get it: conditions like true=kitchen, lighting=dark, correct. "
            "Default: images without the cue, of other classes."
        ),
    ] = (),
    donors: Annotated[
        tuple[str, ...] | str,
        Field(description="Which images it is cut from: conditions as in where. Default: all that show it."),
    ] = (),
    finding: FindingId = None,
    doses: Annotated[
        tuple[Dose, ...],
        Field(
            description="Shares of the cue's area that are added as well, to see whether more of it has more effect; empty: none.",
            max_length=8,
        ),
    ] = (0.25, 0.5, 0.75),
    draws: Annotated[
        int, Field(description="Pieces from different images per image, each with its control.", ge=1, le=32)
    ] = 4,
    soft_edges: Annotated[
        float,
        Field(description="Width of the fading edge as a share of the piece's shorter side.", ge=0, le=0.5),
    ] = 0.1,
    minimum_effect: MinimumEffect = 0.05,
    alpha: Alpha = 0.05,
    max_images: MaxImages = 200,
    split: AnySplit = "data",
    segmenter: Segmenter = None,
) -> Evidence:
    """Test whether a cue is enough to raise a class's score: cut it from images that show it, paste it into images without it.

    Its place is drawn from where it stands in its own images, its size is as there. The control of each draw is a piece of
    the same shape from elsewhere in the same donor, pasted at the same place with the same edges. The effect is paired:
    (cue added − clean) − (control added − clean), mean over draws, a difference of probabilities in [−1, 1]. The plan is
    registered first; the verdict follows its rule (:mod:`failsight.tools.verdicts`). Masking asks whether the cue is
    needed, adding whether it is enough.

    Raises:
        RetryError: an argument names something that does not exist, no image is left, or there is no model to run.
    """
    asked = Asked(
        cue=cue,
        class_name=class_name,
        where=where,
        donors=donors,
        finding=finding,
        doses=tuple(doses),
        draws=draws,
        soft_edges=soft_edges,
        minimum_effect=minimum_effect,
        alpha=alpha,
        max_images=max_images,
        split=split,
        segmenter=segmenter,
    )
    plan = make_plan(view, asked)
    return evidence(view, plan, view.register(plan.instrument), run(plan))
