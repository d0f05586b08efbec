"""test_by_masking: does the model rely on this region? Take it away, take as much away elsewhere, and compare."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence
from failsight.tools.experiments.arguments import (
    Alpha,
    AnySplit,
    FindingId,
    MaxImages,
    MinimumEffect,
    Segmenter,
)
from failsight.tools.experiments.doses import Dose
from failsight.tools.experiments.masking_plan import Asked, Hypothesis, make_plan, run
from failsight.tools.experiments.masking_report import evidence
from failsight.tools.experiments.regions import HELP
from failsight.tools.experiments.regions_finders import region_print
from failsight.tools.registry import tool
from failsight.tools.view import CaseView


@tool(
    cost="heavy",
    needs=("model",),
    answers=("features_global.2", "questionable_features.2", "questionable_features.7", "what_if.1"),
    decides=("spurious_correlation", "overemphasised_feature", "missing_feature"),
    passes=10,
    sample=300,
    outside=region_print,
)
def test_by_masking(
    view: CaseView,
    region: Annotated[
        str | None,
        Field(
            description=f"What to take away: {HELP} May be left out when the finding is about a boxed object."
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        Field(
            description="The class whose score is watched, or 'predicted'. Default: the finding's, else 'predicted'."
        ),
    ] = None,
    where: Annotated[
        tuple[str, ...] | str,
        Field(
            description="Which images: conditions like television=yes, true=kitchen, predicted=bedroom, area<0.3, wrong."
        ),
    ] = (),
    finding: FindingId = None,
    hypothesis: Annotated[
        Hypothesis | None,
        Field(
            description="What is claimed of the region (default: the finding's kind, else spurious_correlation); "
            "missing_feature claims that the model does not use it."
        ),
    ] = None,
    fill: Annotated[
        str,
        Field(
            description="What takes its place: mean, dataset_mean, blur, noise, inpaint or diffusion:FOLDER."
        ),
    ] = "mean",
    second_fill: Annotated[
        str | None,
        Field(
            description="Another fill, tried on some of the images to see whether the effect depends on it."
        ),
    ] = "blur",
    draws: Annotated[int, Field(description="Control regions per image.", ge=1, le=32)] = 8,
    minimum_effect: MinimumEffect = 0.05,
    alpha: Alpha = 0.05,
    max_images: MaxImages = 300,
    split: AnySplit = "data",
    doses: Annotated[
        tuple[Dose, ...],
        Field(
            description="Shares of the region's area that are covered as well, such as 0.25, 0.5, 0.75, to see whether more of "
            "it has more effect. Default: none.",
            max_length=8,
        ),
    ] = (),
    segmenter: Segmenter = None,
) -> Evidence:
    """Test whether the model relies on a region: mask it, mask as much elsewhere in the same image, compare the class's score.

    The effect is paired per image: (clean − cue masked) − mean over draws of (clean − control masked), a difference of
    probabilities in [−1, 1]. The plan is registered first; the verdict follows its rule (:mod:`failsight.tools.verdicts`).

    Raises:
        RetryError: an argument names something that does not exist, no image is left, or there is no model to run.
    """
    asked = Asked(
        region=region,
        class_name=class_name,
        where=where,
        finding=finding,
        hypothesis=hypothesis,
        fill=fill,
        second_fill=second_fill,
        draws=draws,
        minimum_effect=minimum_effect,
        alpha=alpha,
        max_images=max_images,
        split=split,
        segmenter=segmenter,
        doses=tuple(doses),
    )
    plan = make_plan(view, asked)
    return evidence(view, plan, view.register(plan.instrument), run(plan))
