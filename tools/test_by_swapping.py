"""test_by_swapping: does the class hang on this region? Take it from another class's image, and from one of the same class."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence
from failsight.tools.experiments.arguments import Alpha, AnySplit, MaxImages, MinimumEffect, Segmenter
from failsight.tools.experiments.arms_plan import run
from failsight.tools.experiments.arms_report import evidence
from failsight.tools.experiments.doses import Dose
from failsight.tools.experiments.regions import HELP
from failsight.tools.experiments.regions_finders import region_print
from failsight.tools.experiments.swapping_plan import Asked, make_plan
from failsight.tools.registry import tool
from failsight.tools.view import CaseView


@tool(
    cost="heavy",
    needs=("model",),
    answers=("features_global.2", "questionable_features.2", "what_if.1"),
    decides=("spurious_correlation", "overemphasised_feature", "missing_feature"),
    passes=9,
    sample=200,
    outside=region_print,
)
def test_by_swapping(
    view: CaseView,
    region: Annotated[
        str | None,
        Field(description=f"What is replaced, with all that stands there: {HELP}"),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(
            description="The true class of the images, whose score is watched. Default: the finding's, else every image's own."
        ),
    ] = None,
    keep: Annotated[
        bool, Field(description="Keep the region and replace everything else: a swap of the background.")
    ] = False,
    donor_class: Annotated[
        str | None, Field(description="The other class that it is taken from. Default: all other classes.")
    ] = None,
    where: Annotated[
        tuple[str, ...] | str,
        Field(description="Which images: conditions like television=yes, lighting=dark, correct."),
    ] = (),
    finding: Annotated[
        str | None,
        Field(
            description="Id of the finding about a region that this tests, such as F1; the result is attached to it."
        ),
    ] = None,
    doses: Annotated[
        tuple[Dose, ...],
        Field(
            description="Shares of the region's area that are swapped as well, to see whether more has more effect.",
            max_length=8,
        ),
    ] = (),
    draws: Annotated[int, Field(description="Images of either kind to take it from.", ge=1, le=32)] = 4,
    soft_edges: Annotated[
        float,
        Field(description="Width of the fading edge as a share of the region's shorter side.", ge=0, le=0.5),
    ] = 0.1,
    minimum_effect: MinimumEffect = 0.05,
    alpha: Alpha = 0.05,
    max_images: MaxImages = 200,
    split: AnySplit = "data",
    segmenter: Segmenter = None,
) -> Evidence:
    """Test whether the model goes by what stands in a region (or around it): swap it with an image of another class.

    The control swaps the same region with images of the same class, so that what the cut itself does cancels. The effect is
    paired: (clean − from another class) − (clean − from the same class), mean over draws, a difference of probabilities of
    the image's own class in [−1, 1]. The plan is registered first; the verdict follows its rule
    (:mod:`failsight.tools.verdicts`). What is swapped is the place with all that stands there; whether one object counts is
    for masking and adding to say.

    Raises:
        RetryError: an argument names something that does not exist, no image is left, or there is no model to run.
    """
    asked = Asked(
        region=region,
        class_name=class_name,
        keep=keep,
        donor_class=donor_class,
        where=where,
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
