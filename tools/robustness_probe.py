"""robustness_probe: does it hold up when light, lens, sensor, file, framing or weather are worse, or somebody means harm?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Figure, ImageRef
from failsight.tools.examples import references
from failsight.tools.experiments import robustness_report as report
from failsight.tools.experiments.attacks import NoGradient
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.experiments.perturbations import NAMES, SEVERITIES, perturb
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.experiments.robustness import Attacks, Panel, attack_sample, draw_sample, measure
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.curves import Panel as Curve
from failsight.tools.figures.curves import small_multiples
from failsight.tools.inputs.base import Split
from failsight.tools.inputs.decisions import rule_of
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

SAMPLE, SAMPLE_LARGE, LARGE_SIDE = 200, 100, 64  # images by default; fewer where a picture costs more
COLUMNS = 4


@tool(
    cost="heavy",
    needs=("model",),
    answers=("performance.7", "input.8"),
    decides=("weak_slice",),
    passes=100,
    sample=200,
    stateful=True,
)
def robustness_probe(
    view: CaseView,
    perturbations: Annotated[
        tuple[str, ...] | None,
        Field(description=f"Which perturbations: {', '.join(NAMES)}. Default: all.", max_length=len(NAMES)),
    ] = None,
    severities: Annotated[
        tuple[int, ...],
        Field(description="Which severities, from 1 (mild) to 5 (strong).", min_length=1, max_length=5),
    ] = SEVERITIES,
    class_name: Annotated[
        str | None, Field(description="Only images of this true class.", max_length=200)
    ] = None,
    sample: Annotated[
        int | None,
        Field(
            description=f"Images, drawn by class. Default {SAMPLE}, or {SAMPLE_LARGE} for pictures of more than {LARGE_SIDE} pixels a side.",
            ge=10,
            le=2000,
        ),
    ] = None,
    adversarial: Annotated[
        bool,
        Field(
            description="Also try small changes made on purpose (FGSM, PGD); needs a model with gradients."
        ),
    ] = True,
    attacked: Annotated[
        int, Field(description="How many of the sample to attack at most.", ge=5, le=1000)
    ] = 50,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Measure accuracy on a sample of images under natural perturbations of growing severity, and under adversarial changes.

    Perturbations are paired with the same images as they are (McNemar; Benjamini–Hochberg over all of them). When a
    person set an expectation of the accuracy, the severity up to which it is sure to hold is given, and a clear miss
    under a mild perturbation is confirmed; without one nothing is confirmed.

    The model runs once for each image, perturbation and severity (80 times an image by default); an attacked image costs up to
    about 400 more. Finished pieces are kept, so a stopped call goes on where it was.

    Raises:
        RetryError: an unknown perturbation, severity, class or split; no labelled image.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    need_labels(view, split)
    names, strengths = _chosen(perturbations), _severities(severities)
    of_class = class_index(view.classes, class_name) if class_name else None
    name = view.classes[of_class] if of_class is not None else None
    side = max(view.model().preprocessing.size)
    most = sample or (SAMPLE if side <= LARGE_SIDE else SAMPLE_LARGE)
    drawn = draw_sample(view, split, most, of_class)
    if not len(drawn.rows):
        raise RetryError(f"There are no labelled {called(split)} of {clean(name or 'any class', 60)}.")
    bound = report.bound_of(view, split, name)
    report.plans(view, drawn, names, strengths, bound)
    panel = measure(view, drawn, names, strengths)
    if not len(panel.sample.rows):
        raise RetryError("None of the images of the sample can be read.")
    found, missing = _attacks(view, panel, attacked) if adversarial else (None, "")
    made = Evidence(
        tool="robustness_probe",
        arguments={k: list(v) if isinstance(v, tuple) else v for k, v in given.items()},
        title="How it holds up under disturbance",
        summary=report.summary(panel, bound, found),
        facts=report.facts(panel, bound, found),
        tables=report.tables(panel, view.classes, bound, found),
        figures=_figures(view, panel, bound),
        images=_images(view, panel),
        questions=("performance.7",),
        findings=report.findings(panel, bound),
        notes=_notes(view, panel, found, missing),
    )
    return _with_steps(made, panel, bound)


def _with_steps(made: Evidence, panel: Panel, bound: report.Bound | None) -> Evidence:
    from dataclasses import replace

    return replace(made, next_steps=report.next_steps(panel, bound))


def _chosen(names: Sequence[str] | None) -> tuple[str, ...]:
    """The perturbations asked for, in the order of the list. Raises RetryError naming those that exist."""
    if not names:
        return NAMES
    wanted = {n.strip().casefold().replace(" ", "_") for n in names}
    unknown = sorted(wanted - set(NAMES))
    if unknown:
        raise RetryError(f"perturbations: there is no {clean(unknown[0], 40)!r}.", NAMES)
    return tuple(n for n in NAMES if n in wanted)


def _severities(given: Sequence[int]) -> tuple[int, ...]:
    wrong = [s for s in given if s not in SEVERITIES]
    if wrong or not given:
        raise RetryError("severities: they go from 1 to 5.", [str(s) for s in SEVERITIES])
    return tuple(sorted(set(given)))


def _attacks(view: CaseView, panel: Panel, most: int) -> tuple[Attacks | None, str]:
    """The attacks, or None and what is missing."""
    if rule_of(view):  # what breaks the largest score need not turn the answer, and the other way round
        return None, (
            "No adversarial check: thresholds decide the answers, and these attacks look for another largest score."
        )
    try:
        return attack_sample(view, panel.sample, most), ""
    except NoGradient as problem:
        return None, (
            f"No adversarial check: {problem}. With the weights as a torch model (safetensors, TorchScript, a transformers "
            "folder) it would tell which tiny changes somebody could make on purpose to mislead it."
        )


def _figures(view: CaseView, panel: Panel, bound: report.Bound | None) -> tuple[Figure, ...]:
    right, n = int(panel.sample.clean.sum()), len(panel.sample.clean)
    start = ("0", Mark(right / n, *wilson(right, n)))
    curves = [
        Curve(name, [start, *((str(c.severity), Mark(c.rate, *c.ci)) for c in panel.of(name))])
        for name in panel.names
    ]
    ends = [f"{name.replace('_', ' ')} {number(panel.of(name)[-1].rate)}" for name in panel.names]
    alt = (
        f"Share that is right over severity, one panel a perturbation, starting at {number(right / n)}. "
        f"At severity {panel.severities[-1]}: {listing(ends, len(ends))}."
    )
    line = None if bound is None else bound.value
    svg = small_multiples("Share that is right, by severity", alt, curves, line)
    curve = view.save_figure("robustness", svg, title="Share that is right, by severity", alt=alt)
    return (curve, *_sheet(view, panel))


def _sheet(view: CaseView, panel: Panel) -> tuple[Figure, ...]:
    """One image, right as it is where there is one, under each perturbation at severity 3 (or the nearest measured)."""
    right = np.flatnonzero(panel.sample.clean)
    at = int(right[0]) if len(right) else 0
    row = panel.sample.rows[at : at + 1]
    severity = min(panel.severities, key=lambda s: (abs(s - 3), s))
    k = panel.severities.index(severity)
    for _, pixels in view.pixels(row, panel.sample.split, batch=1):
        tiles = [Tile(pixels[0], ("as it is",))]
        for i, name in enumerate(panel.names):
            outcome = "right" if panel.right[i, k, at] else "wrong"
            shown = perturb(name, severity, pixels, row, view.seed)[0]
            tiles.append(Tile(shown, (f"{name.replace('_', ' ')}: {outcome}",)))
        rows = [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
        wrong = [n.replace("_", " ") for i, n in enumerate(panel.names) if not panel.right[i, k, at]]
        alt = f"One image as it is and under {len(panel.names)} perturbations of severity {severity}; " + (
            f"answered wrongly under {listing(wrong, 16)}."
            if wrong
            else "answered rightly under all of them."
        )
        return (view.save_figure("perturbed", sheet(rows), title=f"One image, severity {severity}", alt=alt),)
    return ()


def _images(view: CaseView, panel: Panel) -> tuple[ImageRef, ...]:
    """Right as they are, and lost under most perturbations."""
    predictions = view.predictions(panel.sample.split)
    lost = (panel.sample.clean & ~panel.right).sum((0, 1))
    order = [i for i in np.argsort(-lost, kind="stable")[:8] if lost[i]]
    at = np.searchsorted(predictions.rows, panel.sample.rows[np.array(order, np.int64)])
    return references(view, predictions, at, "lost under most perturbations")


def _notes(view: CaseView, panel: Panel, found: Attacks | None, missing: str) -> tuple[str, ...]:
    n, cells = len(panel.sample.rows), len(panel.names) * len(panel.severities)
    notes = [f"The model ran {n * cells:,} times ({n} images × {cells} perturbations and severities)."]
    if panel.silent:
        notes.append(
            f"To {panel.silent:,} of these {n * cells:,} perturbed pictures the model gives no answer (it fails on them, or its scores are "
            "not finite); they count as wrong."
        )
    if panel.sample.found > n:
        notes.append(
            f"A seeded sample of {n:,} of {panel.sample.found:,} images, by class; more (sample) make narrower intervals."
        )
    notes.append(
        "Severities follow Hendrycks & Dietterich 2019, relative to picture size; they are applied to the pixels the model sees, after resizing."
    )
    if found is not None:
        notes += report.attack_notes(found)
    if missing:
        notes.append(missing)
    notes += left_out_notes(panel.sample.split, view.predictions(panel.sample.split).left_out)
    return tuple(notes)
