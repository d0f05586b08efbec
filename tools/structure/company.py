"""Does what the model says of a picture depend on the other pictures of its batch, or on chance?

The same images are scored twice in the same batches and once alone. It is a fault where answers change, or probabilities by ten points;
that scores change in their third digit is told and no more. Why they do is named only where the network shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Instrument, Interval, TestResult
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.stats.intervals import wilson
from failsight.tools.structure.units import Units
from failsight.tools.structure.wiring import ALPHA, TOOL
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.verdicts import Measured, judge
from failsight.tools.view import CaseView

IMAGES = 64  # scored in batches and alone
MINIMUM_CHANGED = 0.05  # of the images that come out otherwise with others in the batch: fewer are no fault
NOTICED = 0.1  # of a probability: an image comes out otherwise where its answer changes or a probability does by this much
TOLERANCE = 1e-3  # of a probability: rounding differs between batch sizes by far less
BATCHES = "pictures of one batch"
_MEASURE = "share of images of which the answer changes, or a probability by more than ten points, between scored in a batch and scored alone"


def batch_plan(view: CaseView, n: int) -> Instrument:
    """How batch dependence will be judged, journalled before images are scored for it."""
    plan = Instrument(
        Finding("preprocessing", "robustness", "structural", "", about=BATCHES).key, TOOL, {},
        "What the model answers for a picture depends on the other pictures of its batch.", _MEASURE,
        "the same images scored alone", MINIMUM_CHANGED, ALPHA, n,
    )  # fmt: skip
    view.register(plan)
    return plan


@dataclass(frozen=True)
class Dependence:
    """Scores of the same images in different company.

    Attributes:
        n: images.
        company, chance: share whose probabilities change by more than a thousandth between a batch and alone, and between the same
            batches scored twice.
        changed, changed_ci: share that comes out otherwise (see ``NOTICED``) between batch and alone.
        chance_changed, chance_changed_ci: share that comes out otherwise when exactly the same is done twice.
        flips: share whose answer changes, between batch and alone or, where chance does more, between twice the same.
    """

    n: int
    company: float
    chance: float
    changed: float
    changed_ci: Interval
    chance_changed: float
    chance_changed_ci: Interval
    flips: float

    @property
    def steady(self) -> bool:
        """Neither company nor chance changes anything."""
        return self.company == 0 and self.chance == 0

    @property
    def random(self) -> bool:
        """Whether chance alone changes as many."""
        return self.chance_changed >= MINIMUM_CHANGED or (
            self.chance > 0 and self.chance_changed >= self.changed
        )


def batch_dependence(view: CaseView, rows: npt.NDArray[np.int64]) -> Dependence | None:
    """Score ``rows`` in batches, in the same batches again, and one by one. None without at least two pictures."""
    from failsight.tools.engine.local import batch_size

    model = view.model()
    pixels = [p for _, p in view.pixels(rows, "data", batch_size(model))]
    if not pixels or sum(map(len, pixels)) < 2:
        return None
    together, again = (np.concatenate([model.scores(p) for p in pixels]) for _ in range(2))
    stack = np.concatenate(pixels)
    alone = np.concatenate([model.scores(stack[i : i + 1]) for i in range(len(stack))])
    rule, n = thresholds_of(model), len(stack)
    turned = [decide(together, rule) != decide(other, rule) for other in (alone, again)]
    noticed = [_differ(together, other, NOTICED) for other in (alone, again)]
    changed, chance = (int((t | d).sum()) for t, d in zip(turned, noticed, strict=True))
    return Dependence(
        n,
        float(_differ(together, alone, TOLERANCE).mean()),
        float(_differ(together, again, TOLERANCE).mean()),
        changed / n,
        wilson(changed, n),
        chance / n,
        wilson(chance, n),
        float(max(t.mean() for t in turned)),
    )


def _differ(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], by: float) -> npt.NDArray[np.bool_]:
    """(n,) images of which a probability differs by more than ``by``; what is not finite in both is the same."""
    differ: npt.NDArray[np.bool_] = ((np.abs(a - b) > by) | (np.isfinite(a) != np.isfinite(b))).any(1)
    return differ


@dataclass(frozen=True, slots=True)
class Cause:
    """What the network shows of why: a clause, empty where it shows nothing; and what to do."""

    words: str = ""
    step: str = "Find what in the network reads the whole batch (statistics taken while it scores, a range taken for all), and take it out."


def cause_of(model: Any, units: Units | None) -> Cause:
    """Why a model may depend on its batch, as far as its layers or its ONNX graph show it."""
    training = [
        n.module or f"number {i + 1}" for i, n in enumerate(units.norms if units else ()) if n.training
    ]
    if training:
        which = "a normalisation is" if len(training) == 1 else f"{len(training)} normalisations are"
        return Cause(
            f"{which} in training mode ({clean(listing(training, 3), 120)})",
            "Export the network anew in evaluation mode.",
        )
    if _quantises(model):
        return Cause(
            "it is quantised dynamically: the numbers of a batch are rounded by the range of the whole batch",
            "Quantise it with fixed ranges (statically), or run it on one picture at a time; batches of another size give other answers.",
        )
    return Cause()


def _quantises(model: Any) -> bool:
    """Whether ranges are taken from the batch at hand: an operation of the ONNX graph, or a layer of torch."""
    module = model.torch_module()
    if module is not None and hasattr(module, "modules"):
        return any(".quantized.dynamic." in type(child).__module__ for child in module.modules())
    source = getattr(model, "source", None)
    if model.format != "onnx" or source is None:
        return False
    from failsight.tools.inputs.models.protobuf import operations

    try:
        return "DynamicQuantizeLinear" in operations(source.path)
    except (OSError, ValueError, RecursionError):
        return False


def dependence_finding(made: Dependence, cause: Cause | None = None) -> Finding:
    """The verdict on batch dependence or randomness, whichever changes more answers."""
    share, ci = (
        (made.chance_changed, made.chance_changed_ci) if made.random else (made.changed, made.changed_ci)
    )
    p = _p(share, made.n)
    judged = judge(Measured(share, ci, p, p, made.n), MINIMUM_CHANGED, ALPHA)
    why = f": {cause.words}" if cause is not None and cause.words else ""
    what = (
        "The model gives different answers for the same batch twice: something in it is random, as dropout that is left on"
        if made.random
        else f"What the model answers for a picture depends on the other pictures in its batch{why}"
    )
    refuted = "The answers depend neither on the other pictures of the batch nor on chance"
    return Finding(
        "preprocessing", "robustness", "structural",
        f"{what if share else refuted} ({number(share)} {interval(ci)} of {made.n} pictures change their answer or a probability by "
        f"more than ten points, {number(made.flips)} their answer).",
        n=made.n, p=p, q=p, verdict=judged.verdict,
        tests=(TestResult(TOOL, share, ci, p, made.n, judged.verdict, 0.0 if made.random else made.chance_changed, _MEASURE, p),),
        note=judged.reason, about=BATCHES,
    )  # fmt: skip


def dependence_note(made: Dependence, finding: Finding, cause: Cause) -> str:
    """What to say where scores depend on the batch and that is not shown to be a fault."""
    by = "when the same batch is scored twice" if made.random else "with the other pictures of the batch"
    why = f" ({cause.words})" if cause.words and not made.random else ""
    moved, more = (made.chance, made.chance_changed) if made.random else (made.company, made.changed)
    k = round(made.flips * made.n)
    answers = (
        f"{k:,} of {made.n:,} answers {'changes' if k == 1 else 'change'}"
        if k
        else f"none of {made.n:,} answers changes"
    )
    told = f"In {number(moved)} of {made.n:,} images a probability changes by more than a thousandth {by}{why}, in {number(more)} by more than ten points; {answers}."
    if finding.verdict == "refuted":
        return told
    return f"{told} Whether that is a fault (at least {number(MINIMUM_CHANGED)} come out otherwise), so few images do not decide."


def step(found: Sequence[Finding], cause: Cause) -> list[str]:
    """What to do about a confirmed dependence."""
    return [cause.step for f in found if f.about == BATCHES and f.verdict == "confirmed"]


def _p(share: float, n: int) -> float:
    """One-sided binomial p of a share this large when only MINIMUM_CHANGED change."""
    from scipy.special import bdtrc

    k = round(share * n)
    return 1.0 if k == 0 else float(min(1.0, max(bdtrc(k - 1, n, MINIMUM_CHANGED), 1e-300)))
