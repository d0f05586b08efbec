"""preprocessing_probe: is the model fed as it was trained? The same images through other plausible input pipelines."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import check_split
from failsight.tools.history.record import UnreadableRecordError, read_record
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.pipelines import report, setting
from failsight.tools.pipelines.candidates import Pipeline, alternatives
from failsight.tools.pipelines.choice import (
    MOST_CARRIED,
    Choice,
    Tested,
    choose,
    detectable,
    sample,
    test,
)
from failsight.tools.pipelines.feeding import Bench, Outcomes, orientations
from failsight.tools.pipelines.safeguards import border_apart, borne_out, brings_back, no_mere_sign
from failsight.tools.registry import tool
from failsight.tools.verdicts import STANDING_LEVEL
from failsight.tools.view import CaseView

ALPHA = STANDING_LEVEL
LEAST_OF_GEOMETRY = (
    0.05  # a resize or crop that gains less is as often an effect of test time as a wrong declaration
)
MEASURED = 64  # pictures that the mean and std of the data are taken from
FEWEST = 24  # labelled images: a third chooses, and sixteen can at least refuse a large difference
ASSUMED = (
    0.08  # share of answers that differ between two pipelines of equal worth, before anything is measured
)


ON_TRAINING = 300  # training images that a confirmed pipeline is also tried on
MANY, FEW = 600, 240  # images by default; few of pictures …
LARGE = 128  # … with more pixels a side than this, which take a model long


def usual_images(view: CaseView) -> int:
    """How many labelled images are used where nobody says it: by a rule, as what is measured must not depend on timing."""
    return FEW if max(view.model().preprocessing.size) > LARGE else MANY


@tool(
    cost="pass",
    needs=("model",),
    answers=("input.7",),
    decides=("preprocessing",),
    passes=12.0,
    sample=600,
    usual=usual_images,
)
def preprocessing_probe(
    view: CaseView,
    max_images: Annotated[
        int | None,
        Field(
            description="Labelled images to use: a third choose a pipeline, the others test it. Default: 600, of large pictures 240.",
            ge=24,
            le=20_000,
        ),
    ] = None,
    minimum_effect: Annotated[
        float,
        Field(
            description="Gain of accuracy below which no pipeline is called better (0.03: 3 points).",
            ge=0.01,
            le=0.5,
        ),
    ] = 0.03,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Test whether the model is fed wrongly: run the same images through other plausible input pipelines and test whether one is better.

    Where one class has far more images than the others, the mean recall of the classes judges instead of the share of right answers.
    The ground of transparent pictures, channel order, value range and normalisation, layout, turned pictures, EXIF rotation, resize against crop, margin and
    interpolation. A third of a seeded, stratified sample chooses; the others test the chosen ones against the declared
    pipeline, paired. On training images, which were surely fed rightly once, it must not be worse, and it must bring back a third of
    what was lost since the training record. The minimum of 3 points lies above what equivalent pipelines differ by, and well below
    what a wrong channel order or normalisation costs; pipelines that change the geometry need 5.
    """
    split = check_split(view, split)
    view.model()  # says what is missing for a black box, before anything else is looked at
    need_labels(view, split)
    max_images = max_images or usual_images(view)
    first, second = sample(view.table(split).labels, max_images, view.seed)
    if len(first) + len(second) < FEWEST:
        raise RetryError(
            f"Only {len(first) + len(second)} of the {called(split)} have a label; it takes {FEWEST} to compare pipelines."
        )
    arguments = {"max_images": max_images, "minimum_effect": minimum_effect, "split": split}
    seen = detectable(round(ASSUMED * len(second)), len(second), ALPHA / MOST_CARRIED)
    view.register(report.plan({**arguments, "seed": view.seed}, len(second), minimum_effect, ALPHA, seen))
    turned = orientations(view.table(split), np.concatenate([first, second]))
    bench = Bench(view, split, turned)
    choice = _choice(bench, first)
    outcomes = bench.measure(second, [Pipeline(), *choice.carried], "testing the chosen input pipelines")
    if not len(outcomes.rows) or not len(choice.tried[0].right):
        raise RetryError(f"None of the {called(split)} in the sample can be read.")
    if not choice.carried:
        raise RetryError(
            f"The model gives the same scores however the {called(split)} are fed ({len(choice.tried) - 1} ways tried), so no way is "
            "better: it does not look at them at all, or its scores are not finite (model_structure)."
        )
    minima = (minimum_effect, max(LEAST_OF_GEOMETRY, minimum_effect))
    tests = test(outcomes, choice.carried, minima, ALPHA, view.seed)
    training, recorded = _on_training(view, split, tests), _recorded(view)
    fed = [t.pipeline for t in tests if t.judgement.verdict == "confirmed"]
    tests = no_mere_sign(borne_out(tests, training), outcomes, bench.declared, fed, training)
    tests = brings_back(tests, recorded)
    if training is None and recorded is None:
        tests = border_apart(tests, outcomes, _covered(bench, outcomes, tests))
    made = report.Probe(split, bench, choice, tests, outcomes, len(turned))
    svg, title, alt = report.chart(made)
    shown = report.shown_pictures(made)
    return Evidence(
        tool=report.TOOL,
        arguments=arguments,
        title="Whether the model is fed as it was trained",
        summary=report.summary(made),
        facts=(*report.facts(made), *setting.side_file(made)),
        tables=(report.table(made),),
        figures=(view.save_figure("pipelines", svg, title=title, alt=alt), *([shown] if shown else [])),
        images=report.examples(made),
        questions=("input.7",),
        findings=(report.finding(made),),
        notes=(*report.notes(made, bench.declared), *left_out_notes(split, outcomes.left_out)),
        next_steps=setting.next_steps(made),
    )


def _on_training(view: CaseView, split: Split, tests: tuple[Tested, ...]) -> Outcomes | None:
    """Training images fed as declared and as each confirmed pipeline does; None without confirmed ones or such images."""
    confirmed = [t.pipeline for t in tests if t.judgement.verdict == "confirmed"]
    if not confirmed or split == "train" or "train" not in view.splits():
        return None
    table = view.table("train")
    first, second = sample(table.labels, ON_TRAINING, view.seed)
    rows = np.sort(np.concatenate([first, second]))
    if len(rows) < FEWEST:
        return None
    bench = Bench(view, "train", orientations(table, rows))
    return bench.measure(rows, [Pipeline(), *confirmed], "feeding training images the same ways")


def _covered(bench: Bench, outcomes: Outcomes, tests: tuple[Tested, ...]) -> dict[int, npt.NDArray[np.bool_]]:
    """Place of each confirmed crop → right answers on the same pictures fed as declared, what it cuts away covered."""
    cutting = [
        i
        for i, t in enumerate(tests)
        if t.judgement.verdict == "confirmed" and t.pipeline.cuts(bench.declared)
    ]
    if not cutting:
        return {}
    covers = [Pipeline(covered=tests[i].pipeline.how(bench.declared)) for i in cutting]
    made = bench.measure(outcomes.rows, covers, "covering what a crop cuts away")
    return dict(zip(cutting, made.right, strict=True))


def _recorded(view: CaseView) -> float | None:
    """Accuracy on held-out images at the end of the training record; None without one."""
    if view.history is None:
        return None
    try:
        curve = read_record(view.history).get("val_accuracy").finite
    except UnreadableRecordError:
        return None
    return float(curve.values[-1]) if len(curve) else None


def _choice(bench: Bench, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Choice:
    looked_at = rows[:: max(1, len(rows) // MEASURED)]
    changes = alternatives(
        bench.declared,
        arithmetic=bench.arithmetic,
        own_geometry=bench.own_geometry,
        turned=bool(bench.turned),
        measured=bench.statistics(looked_at),
        brightest=bench.brightest(looked_at),
        transparent=bench.transparent(rows),
    )
    usable = [c for c in changes if bench.accepts(c)]
    return choose(lambda p: bench.measure(rows, p, f"trying {len(p)} input pipelines"), usable)
