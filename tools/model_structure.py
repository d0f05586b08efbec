"""model_structure: how the network is built, and the faults of construction that can be seen or tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from failsight.tools.confidence_profile import score_oddities
from failsight.tools.evidence import Evidence, Fact, Finding, Table
from failsight.tools.inputs.base import Predictions
from failsight.tools.registry import tool
from failsight.tools.structure import company, report, scores, wiring
from failsight.tools.structure.trace import Operation, Trace, trace
from failsight.tools.structure.units import Units, watch_units
from failsight.tools.text import clean, listing, number
from failsight.tools.view import CaseView

LONG, VERY_LONG = 500, 2000  # operations: such programs are watched on fewer images
_BOUNDED = ("softmax", "ReLU", "ReLU6", "clamp", "hard tanh", "sigmoid", "tanh", "hard sigmoid", "threshold")


@tool(
    cost="pass",
    answers=(
        "model_structure.1",
        "model_structure.2",
        "model_training.3",
        "model_training.4",
        "model_training.5",
    ),
    decides=("overconfidence",),
    passes=2.0,
    sample=256,
)
def model_structure(
    view: CaseView,
    sample: Annotated[
        int, Field(description="How many evaluation images to watch the network's units on.", ge=16, le=5000)
    ] = 256,
) -> Evidence:
    """Look into the network: layers, parameters, receptive field, dead and saturated units, normalisation in training mode, a missing or doubled softmax, outputs against classes, classes never predicted.

    The PyTorch forms of UMLAUT's checks (Schoop et al., CHI 2021). Outputs that are held back (a second softmax, a ReLU behind the
    logits) and scores that depend on the batch are tested by undoing them on the case's own images; the rest is described. Of ONNX
    models and black boxes only what the scores give away can be said.
    """
    predictions = view.predictions("data")
    model = view.model() if view.has_model() else None
    followed, notes = _follow(model)
    units = _watch(view, model, followed, predictions, sample, notes)
    cause = company.cause_of(model, units) if model is not None else company.Cause()
    found = [
        *_outputs(view, followed, units, predictions, notes),
        *_company(view, model, predictions, cause, notes),
    ]
    notes += [*report.norm_notes(units), *report.stop_notes(units)] if units is not None else []
    found += _dead(units)
    silent = _silent(predictions, notes)
    size = report.size_of(model) if model is not None else None
    images = len(view.table("train")) if "train" in view.splits() else None
    given = predictions.scores.shape[1] if predictions.scores.ndim == 2 else 0
    outputs = getattr(model, "width", None) or given
    told = _told(view)
    return Evidence(
        tool="model_structure",
        arguments={"sample": sample},
        title="How the network is built",
        summary=_summary(report.built(size, followed, outputs, len(view.classes)), found, silent, units),
        facts=(
            *report.structure_facts(size, followed, images),
            *(report.units_facts(units) if units else ()),
            *silent,
        ),
        tables=tuple(t for t in _tables(followed, units, told) if t.rows),
        questions=_questions(model, told),
        findings=tuple(found),
        notes=tuple(notes),
        next_steps=_next_steps(found, silent, cause),
    )


def _follow(model: Any) -> tuple[Trace | None, list[str]]:
    """The operations of the network on one picture; None (and why) where it can't be looked into."""
    if model is None:
        return None, [
            "This case has predictions only: layers, units and normalisation would need the model itself."
        ]
    module = model.torch_module()
    if module is None:
        return None, [
            f"A model in the format {clean(model.format, 40)} shows no inner layers: dead units, normalisation and receptive field would need torch weights."
        ]
    from failsight.tools.inputs.models.scoring import probe_pixels

    try:
        made = trace(module, model.normalise(probe_pixels(model.preprocessing, 1)))
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError) as problem:
        return None, [f"The network could not be followed operation by operation ({clean(problem, 120)})."]
    notes = []
    if made.widest() is None and made.count("convolution"):
        notes.append(
            "The receptive field can't be told: the network mixes positions in a way that is not followed here."
        )
    return made, notes


def _watch(
    view: CaseView,
    model: Any,
    followed: Trace | None,
    predictions: Predictions,
    sample: int,
    notes: list[str],
) -> Units | None:
    """The network's units over a seeded sample of images."""
    if followed is None or not len(predictions):
        return None
    length = len(followed.operations)
    most = sample if length <= LONG else min(sample, 64 if length <= VERY_LONG else 32)
    rows = predictions.rows
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(view.seed).choice(rows, most, replace=False))
    if most < sample:
        notes.append(
            f"The network does {length:,} operations a picture; its units were watched on {len(rows)} images only."
        )
    last = followed.last()
    inner = (
        next((i for i, o in enumerate(followed.operations) if o is last), None)
        if _held_back(model, last)
        else None
    )
    if inner is not None:
        wiring.outputs_plan(view, len(rows))
    from failsight.tools.engine.local import batch_size

    try:
        return watch_units(view, rows, inner_of=inner, batch=min(32, batch_size(model)))
    except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError) as problem:
        notes.append(f"The network's units could not be watched ({clean(problem, 120)}).")
        return None


def _held_back(model: Any, last: Operation | None) -> bool:
    """Whether a bounded operation makes what is then put through a softmax."""
    return last is not None and model.outputs == "logits" and last.kind in _BOUNDED


def _outputs(
    view: CaseView,
    followed: Trace | None,
    units: Units | None,
    predictions: Predictions,
    notes: list[str],
) -> list[Finding]:
    """Scores that are no probabilities, or were held back on the way."""
    if not predictions.has_scores or not len(predictions):
        notes.append("Without class probabilities nothing can be said about the last layer.")
        return []
    share, _ = scores.not_probabilities(predictions.scores)
    if share > 0:
        notes.append(
            f"In {number(share)} of the images the scores are no probabilities (outside 0 to 1, or not summing to one): the softmax is missing, or the outputs are declared wrongly."
        )
    notes += score_oddities(predictions.scores)
    last = followed.last() if followed is not None else None
    if units is not None and units.inner and last is not None:
        return _undone(view, last, units, notes)
    undone = scores.undo_softmax(predictions.scores)
    if undone is None or not undone.doubled:
        return []
    wiring.outputs_plan(view, len(predictions))
    made = scores.compare_scores(
        predictions.scores.astype(np.float64), undone.inner, predictions.labels, view.seed
    )
    detail = f"no confidence can exceed {number(undone.ceiling)}, and in {number(undone.valid)} of the images the scores are exactly what a softmax makes of probabilities."
    return [wiring.outputs_finding(made, "two softmaxes", detail)] if made is not None else []


def _undone(view: CaseView, last: Operation, units: Units, notes: list[str]) -> list[Finding]:
    """The bounded last operation, undone on the images that were watched."""
    inner, outer = (np.concatenate(part).astype(np.float64) for part in (units.inner, units.outputs))
    if inner.shape != outer.shape:
        return []
    labels = view.table("data").labels[np.concatenate(units.rows)]
    made = scores.compare_scores(scores.softmax(outer), scores.softmax(inner), labels, view.seed)
    tied = float(((outer == outer.max(1, keepdims=True)).sum(1) > 1).mean())
    what = "two softmaxes" if last.kind == "softmax" else f"a {last.kind} behind the logits"
    detail = f"it holds them between {outer.min():.3g} and {outer.max():.3g}" + (
        f", and in {number(tied)} of the images the highest is shared by several classes." if tied else "."
    )
    if made is None:
        notes.append(f"The scores pass through {what}: {detail} Without labels its cost can't be measured.")
        return []
    return [wiring.outputs_finding(made, what, detail)]


def _company(
    view: CaseView, model: Any, predictions: Predictions, cause: company.Cause, notes: list[str]
) -> list[Finding]:
    """Whether answers depend on the batch or on chance; a finding only where they do, a note where nothing but scores does."""
    if model is None or len(predictions) < 2:
        return []
    rows = np.sort(
        np.random.default_rng(view.seed + 1).choice(
            predictions.rows, min(company.IMAGES, len(predictions)), replace=False
        )
    )
    company.batch_plan(view, len(rows))
    made = company.batch_dependence(view, rows)
    if made is None:
        return []
    if made.steady:
        notes.append(
            f"Scored alone, in a batch and twice, {made.n} images get the same scores: nothing is left in training mode."
        )
        return []
    finding = company.dependence_finding(made, cause)
    if finding.verdict == "confirmed":
        return [finding]
    notes.append(company.dependence_note(made, finding, cause))
    return []


def _dead(units: Units | None) -> list[Finding]:
    """Layers mostly dead: a hypothesis, since odd is not broken."""
    worst = report.mostly_dead(units) if units is not None else []
    if not worst:
        return []
    layer = worst[0]
    text = f"The network may have lost part of its capacity: in {len(worst):,} {'layer' if len(worst) == 1 else 'layers'} half the units or more are never active ({layer.name}: {layer.dead} of {layer.channels})."
    return [
        Finding(
            "underfitting",
            "correctness",
            "structural",
            text,
            note="Whether that costs accuracy, a retrained network would show.",
            about="units that are never active",
        )
    ]


def _silent(predictions: Predictions, notes: list[str]) -> list[Fact]:
    """Classes that are never predicted."""
    missing, unseen = scores.never_predicted(
        predictions.predicted, predictions.labels, len(predictions.classes)
    )
    if unseen:
        notes.append(
            f"Never predicted, and without an image to predict: {listing([predictions.classes[i] for i in unseen])}."
        )
    return [
        Fact(
            "never_predicted",
            0.0,
            "share",
            f"class {predictions.classes[s.index]}",
            (0.0, s.high),
            s.n,
            "higher_is_better",
        )
        for s in missing
    ]


def _told(view: CaseView) -> Table:
    from pathlib import Path

    path = getattr(getattr(view, "config", None), "model", "")
    return report.stated(Path(path) if path else None)


def _tables(followed: Trace | None, units: Units | None, told: Table) -> tuple[Table, ...]:
    made = [report.operations_table(followed)] if followed is not None else []
    if units is not None and units.layers:
        made.append(report.layers_table(units))
    return (*made, told)


def _questions(model: Any, told: Table) -> tuple[str, ...]:
    if model is None:
        return ()
    return (
        "model_structure.1",
        "model_training.3",
        "model_training.4",
        *(("model_structure.2", "model_training.5") if told.rows else ()),
    )


def _summary(built: str, found: Sequence[Finding], silent: Sequence[Fact], units: Units | None) -> str:
    parts = [built, *(f.statement + (f" This is {f.verdict}." if f.verdict else "") for f in found[:2])]
    if silent:
        parts.append(
            f"Never predicted although there are images of it: {listing([s.of.removeprefix('class ') for s in silent])}."
        )
    if not found and not silent:
        dead = report.units_facts(units) if units is not None else []
        told = f" {number(dead[0].value)} of its units are never active." if dead else ""
        blind = "can't be looked into" in built
        found_none = (
            "In the outputs alone, no fault shows." if blind else "No fault of construction was found."
        )
        parts.append(f"{found_none}{told}")
    return " ".join(parts)


def _next_steps(found: Sequence[Finding], silent: Sequence[Fact], cause: company.Cause) -> tuple[str, ...]:
    steps = [
        "Take the last operation off the network, or declare its outputs as what they are (outputs in model.json)."
        for one in found
        if one.verdict == "confirmed" and one.kind == "overconfidence"
    ]
    steps += company.step(found, cause)
    if silent:
        steps.append(
            "Check that outputs and class names are in the same order, and that these classes were in the training images."
        )
    return tuple(steps)
