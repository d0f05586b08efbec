"""What to write into the model's side file so that it is fed as found, and what no setting there can do."""

from __future__ import annotations

from failsight.tools.evidence import (
    Fact,
)
from failsight.tools.pipelines.candidates import Pipeline, settings
from failsight.tools.pipelines.choice import ties
from failsight.tools.pipelines.report import Probe


def next_steps(made: Probe) -> tuple[str, ...]:
    """The setting to change, or where to look."""
    lead = made.lead
    if made.winner is None:
        if made.verdict == "refuted":
            return ()
        return (
            "Run preprocessing_probe with a larger max_images: the interval still contains an improvement.",
        )
    steps = [_setting(made, lead.pipeline)]
    if lead.pipeline.edits:
        steps.append(_beyond(lead.pipeline))
    steps.append(
        "Go on with it at once (adopt_version): every figure measured so far is one of a model that was fed otherwise."
        if side_file(made)
        else "Then evaluate again: every figure measured so far is one of a model that was fed otherwise."
    )
    if "train" in made.bench.view.splits() and made.split != "train":
        steps.append(
            "Confirm it with split=train: on its own training images a model is best when fed as it was trained."
        )
    return tuple(s for s in steps if s)


def _line(made: Probe, pipeline: Pipeline) -> str:
    """The members of the side file that express ``pipeline``; empty where it needs none."""
    declared, bench = made.bench.declared, made.bench
    whole = bench.model.format == "transformers" and bool(settings(pipeline, declared))
    return settings(pipeline, declared, whole=whole)


def side_file(made: Probe) -> tuple[Fact, ...]:
    """What the side file should state, as a fact; none where no pipeline is confirmed, or a setting does not do."""
    if made.winner is None or made.winner.pipeline.edits:
        return ()
    line = _line(made, made.winner.pipeline)
    return (Fact("side_file", line, "text", f"pipeline {made.winner.pipeline.title}"),) if line else ()


def _setting(made: Probe, pipeline: Pipeline) -> str:
    line = _line(made, pipeline)
    if not line:
        return ""
    same = [p.title for p in ties(made.choice, pipeline)][:4]
    also = f" As good on these images: {'; '.join(same)}; the training code decides." if same else ""
    return f"In the model's side file (model.json) write {line}.{also}"


def _beyond(pipeline: Pipeline) -> str:
    """What no setting of the side file expresses."""
    told = {
        "grey": "turn the pictures grey before they reach the model",
        "transposed": "swap height and width of the pictures (an array was probably transposed on its way)",
        "upside_down": "turn the pictures upside down (or find where they were turned)",
        "as_stored": "leave the EXIF orientation out, or train on upright pictures",
    }
    words = [told[e] for e in sorted(pipeline.edits)]
    return f"No setting in model.json does this: {' and '.join(words)}."
