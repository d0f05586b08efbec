"""What was seen of a network, as facts, tables and sentences."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failsight.tools.evidence import Cell, Fact, Table
from failsight.tools.structure.trace import Trace
from failsight.tools.structure.units import STRANGE_MEAN, Layer, Units
from failsight.tools.text import clean, interval, listing, number

MOST_ROWS = 40
_WEIGHTED = ("convolution", "linear")
_TOLD = ("_name_or_path", "architectures", "model_type", "finetuning_task", "dataset", "datasets", "pretrained", "pretrained_on", "pretraining", "base_model", "init", "license")  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Parameters (distinct ones), bytes of weights and buffers."""

    parameters: int
    weight_bytes: int


def size_of(model: Any) -> Size | None:
    """Counted on the module as it was loaded; None where weights can't be seen."""
    module = getattr(model, "module", None)
    if module is None or not hasattr(module, "parameters"):
        module = model.torch_module() if hasattr(model, "torch_module") else None
    if module is None or not hasattr(module, "parameters"):
        return None
    own = {id(p): p for p in module.parameters()}
    held = {**own, **{id(b): b for b in module.buffers()}}
    return Size(
        sum(int(p.numel()) for p in own.values()),
        sum(int(b.numel()) * int(b.element_size()) for b in held.values()),
    )


def structure_facts(size: Size | None, trace: Trace | None, images: int | None) -> list[Fact]:
    """Size, depth, reach; parameters per training image as information."""
    made = []
    if size is not None:
        made += [
            Fact("parameters", size.parameters, "count"),
            Fact("weights_bytes", size.weight_bytes, "bytes"),
        ]
        if images:
            made.append(
                Fact(
                    "parameters_per_image", size.parameters / images, "score", "training images", None, images
                )
            )
    if trace is not None:
        made.append(Fact("weighted_layers", sum(trace.count(k) for k in _WEIGHTED), "count"))
        widest = trace.widest()
        if trace.patch is not None and trace.count("attention"):
            made.append(Fact("patch_size", trace.patch[0], "pixels"))
        elif widest is not None and widest.reach is not None:
            made.append(Fact("receptive_field", max(widest.reach.size), "pixels", "last map"))
            made.append(Fact("stride", max(widest.reach.step), "pixels", "last map"))
    return made


def operations_table(trace: Trace) -> Table:
    """How many operations of each kind, and what comes last."""
    kinds = dict.fromkeys(o.kind for o in trace.operations if o.kind)
    rows = tuple((k, trace.count(k)) for k in kinds)
    return Table(
        "What it is made of",
        ("operation", "times"),
        rows,
        ("text", "count"),
        "Counted while one picture passed through.",
    )


def layers_table(units: Units) -> Table:
    """Activations, most dead units first."""
    rows: list[tuple[Cell, ...]] = []
    for layer in sorted(units.layers, key=lambda one: -((one.dead or 0) / max(one.channels, 1)))[:MOST_ROWS]:
        dead = layer.dead
        share = None if dead is None else dead / layer.channels
        rows.append(
            (
                layer.name,
                clean(layer.module, 60),
                layer.channels,
                dead,
                share,
                interval(layer.dead_ci) if dead is not None else "",
                layer.low_share,
                layer.high_share,
            )
        )
    return Table(
        "Activations",
        (
            "activation",
            "in",
            "units",
            "never active",
            "share",
            "interval",
            "at the lower stop",
            "at the upper stop",
        ),
        tuple(rows),
        ("text", "text", "count", "count", "share", "text", "share", "share"),
        f"Over {units.n:,} images. A unit that none of them activates is activated by at most {number(1 - 0.05 ** (1 / max(units.n, 1)))} of such images (95 %).",
    )


def units_facts(units: Units) -> list[Fact]:
    """Dead units in all and in the worst layer."""
    told = [layer for layer in units.layers if layer.dead is not None]
    if not told:
        return []
    from failsight.tools.stats.intervals import wilson

    dead, channels = sum(layer.dead or 0 for layer in told), sum(layer.channels for layer in told)
    worst = max(told, key=lambda layer: (layer.dead or 0) / layer.channels)
    return [
        Fact("dead_units", dead / channels, "share", "", wilson(dead, channels), units.n, "lower_is_better"),
        Fact(
            "dead_units",
            (worst.dead or 0) / worst.channels,
            "share",
            f"layer {worst.name}",
            worst.dead_ci,
            units.n,
            "lower_is_better",
        ),
    ]


def mostly_dead(units: Units) -> list[Layer]:
    """Layers of which at least half the units, and beyond chance a quarter, never speak."""
    return [
        x
        for x in units.layers
        if x.dead is not None and x.channels >= 8 and 2 * x.dead >= x.channels and x.dead_ci[0] > 0.25
    ]


def norm_notes(units: Units) -> list[str]:
    """Batch norms in training mode, or with statistics that do not fit."""
    notes = []
    training = [n.module or f"number {i + 1}" for i, n in enumerate(units.norms) if n.training]
    broken = [n.module or f"number {i + 1}" for i, n in enumerate(units.norms) if n.broken]
    strange = [
        n.module or f"number {i + 1}"
        for i, n in enumerate(units.norms)
        if n.strange and not n.broken and not n.training
    ]
    if training:
        notes.append(
            f"{len(training)} of {len(units.norms)} batch norms use the statistics of the batch at hand (training mode): {listing(training)}."
        )
    if broken:
        notes.append(f"Running statistics of batch norms are not finite or negative: {listing(broken)}.")
    if strange:
        notes.append(
            f"In {len(strange)} of {len(units.norms)} batch norms what passes through is more than {STRANGE_MEAN:g} standard deviations (or a factor of ten in variance) "
            f"away from the running statistics: {listing(strange)}. The images, or how they are fed, differ from training; or the statistics were never learned."
        )
    return notes


def stop_notes(units: Units) -> list[str]:
    """Activations that hold most of their values at a stop."""
    made = []
    for layer in units.layers:
        saturating = layer.kind in ("sigmoid", "tanh", "hard sigmoid", "hard tanh")
        if saturating and layer.low_share + layer.high_share >= 0.9:
            made.append(
                f"{layer.name} ({clean(layer.module, 40) or 'unnamed'}): {number(layer.low_share + layer.high_share)} of its values lie at its stops; hardly any gradient passes."
            )
        elif layer.kind in ("ReLU6", "clamp") and layer.high_share >= 0.1:
            made.append(
                f"{layer.name} ({clean(layer.module, 40) or 'unnamed'}): {number(layer.high_share)} of its values are cut off at its upper stop."
            )
    return made[:6]


def stated(path: Path | None) -> Table:
    """What config.json or model.json say about where the weights come from; empty where there is nothing."""
    rows: list[tuple[Cell, ...]] = []
    for name in ("config.json", "model.json"):
        folder = path if path is not None and path.is_dir() else path.parent if path is not None else None
        if folder is None or not (folder / name).is_file():
            continue
        try:
            raw = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(raw, dict):
            rows += [(name, clean(k, 40), clean(raw[k], 200)) for k in _TOLD if raw.get(k)]
    return Table("What is stated about its origin", ("file", "key", "value"), tuple(rows))


def _outputs(n: int) -> str:
    return "one output" if n == 1 else f"{n} outputs"


def built(size: Size | None, trace: Trace | None, outputs: int, classes: int) -> str:
    """One sentence about how the network is built."""
    if trace is None:
        head = "The network can't be looked into in this format"
        return f"{head}{f'; it has {size.parameters:,} parameters' if size else ''}. It has {_outputs(outputs)} for {classes} classes."
    family = (
        "transformer"
        if trace.count("attention")
        else "convolutional network"
        if trace.count("convolution")
        else "network"
    )
    weighted = sum(trace.count(k) for k in _WEIGHTED)
    text = f"A {family} of {weighted} weighted layers" + (
        f" and {size.parameters:,} parameters" if size else ""
    )
    text += f", {_outputs(outputs)} for {classes} classes."
    widest = trace.widest()
    if trace.patch is not None and trace.count("attention"):
        text += f" It reads patches of {trace.patch[0]} × {trace.patch[1]} pixels."
    elif widest is not None and widest.reach is not None:
        h, w = widest.reach.size
        text += f" A cell of its last map sees {h:.0f} × {w:.0f} pixels."
    return text
