"""cue_profile: what does the model depend on? Colour, texture, shape, background, borders and places, each against a control."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence, Instrument
from failsight.tools.experiments.cues import effects as measured
from failsight.tools.experiments.cues.grid import Grid, locate
from failsight.tools.experiments.cues.panel import Cue, cues_of, run
from failsight.tools.experiments.cues.places import (
    FEWEST_FIRST,
    MOST_PLACES,
    TOOL,
    Place,
    Tested,
    confirm,
    propose,
)
from failsight.tools.experiments.cues.report import Profile, evidence
from failsight.tools.experiments.cues.sample import Sample, draw
from failsight.tools.experiments.paired import ASSUMED_SD
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.registry import tool
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.view import CaseView

FEWEST = 2 * FEWEST_FIRST  # images of a class, both halves, to look at it by itself


@tool(
    cost="heavy",
    needs=("model",),
    answers=(
        "features_global.1",
        "features_global.2",
        "features_global.3",
        "features_global.4",
        "features_comparison.5",
        "features_comparison.6",
        "questionable_features.7",
    ),
    decides=("overemphasised_feature",),
    passes=40,
    sample=400,
)
def cue_profile(
    view: CaseView,
    class_name: Annotated[
        str | None,
        Field(description="Look closely at this class: half of the sample is taken from it.", max_length=200),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
    max_images: Annotated[
        int,
        Field(
            description="Most images in the sample; each costs at most 40 passes of the model.",
            ge=16,
            le=100_000,
        ),
    ] = 400,
    minimum_effect: Annotated[
        float,
        Field(
            description="The smallest fall of a class's score, in (0, 1], for which a place would matter.",
            gt=0,
            le=1,
        ),
    ] = 0.1,
    alpha: Annotated[
        float, Field(description="Significance level of the test of a place.", gt=0, le=0.2)
    ] = 0.05,
) -> Evidence:
    """Measure what predictions depend on: colour, texture, shape, frequencies, subject, background, border, corners, boxed objects, and places.

    Each cue is taken away from rightly predicted images and the fall of the class's score is set beside that of a
    control of equal strength. A small place on which one class depends (a watermark, a corner tag) is searched for on one
    half of the images and tested on the other; only such a place becomes a finding.

    Raises:
        RetryError: there is no model, no such class or split, or no image to look at.
    """
    view.model()
    split = check_split(view, split)
    wanted = class_index(view.classes, class_name) if class_name else None
    sample = draw(view, split, wanted, max_images)
    cues = cues_of(view, sample)
    plan = view.register(_plan(view, sample, cues, class_name, max_images, minimum_effect, alpha))
    panel = run(view, sample, cues)
    classes = sample.classes(FEWEST)
    found = measured.effects(panel, sample.watched, cues, classes, view.seed)
    looked = [c for c in classes if wanted in (None, c)]
    grid, places, tested = _places(view, sample, looked, minimum_effect, alpha)
    made = Profile(
        sample=sample,
        wanted=wanted,
        effects=found,
        grid=grid,
        places=places,
        tested=tested,
        plan=plan,
        minimum_effect=minimum_effect,
        poor=[c for c in sample.classes(1) if c not in classes],
    )
    arguments = {
        "class_name": class_name,
        "split": split,
        "max_images": max_images,
        "minimum_effect": minimum_effect,
        "alpha": alpha,
    }
    return evidence(view, made, arguments)


def _places(
    view: CaseView, sample: Sample, classes: list[int], minimum_effect: float, alpha: float
) -> tuple[Grid | None, list[Place], list[Tested]]:
    """Search on one half, test on the other."""
    first = [c for c in classes if int((sample.first & (sample.watched == c)).sum()) >= FEWEST_FIRST]
    if not first:
        return None, [], []
    grid = locate(view, sample, first)
    places = propose(grid)
    suspected = sorted((p for p in places if p.suspicious(minimum_effect)), key=lambda p: -p.fall)
    return grid, places, confirm(view, sample, suspected[:MOST_PLACES], minimum_effect, alpha)


def _plan(
    view: CaseView,
    sample: Sample,
    cues: tuple[Cue, ...],
    class_name: str | None,
    max_images: int,
    minimum_effect: float,
    alpha: float,
) -> Instrument:
    n = len(sample)
    return Instrument(
        finding="",
        tool=TOOL,
        arguments={
            "class_name": class_name,
            "split": sample.split,
            "max_images": max_images,
            "seed": view.seed,
            "cues": [c.name for c in cues],
        },
        statement="Some kinds of information cost a class more of its score than a control of equal strength; "
        "a suspicious place gets a plan of its own before the half that tests it is touched.",
        statistic="mean paired fall of the class's score, cue minus control, over all images and by class; one-sided "
        "sign-flip permutation test, Benjamini–Hochberg over the panel",
        control="; ".join(f"{c.name}: {c.control}" for c in cues),
        minimum_effect=minimum_effect,
        alpha=alpha,
        n_planned=n,
        smallest_detectable_effect=smallest_paired_effect(ASSUMED_SD, n, alpha, two_sided=False),
    )
