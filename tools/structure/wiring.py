"""Is the network wired as it should be between its weights and its answers? Each suspicion is tested by undoing it.

*Outputs held back* (a second softmax, or a ReLU, clamp or sigmoid behind the logits): the same images, once with the outputs as
declared and once with what goes into the last operation, compared by the Brier score. *Batch dependence* (normalisation by the
batch at hand, dropout left on): the same images scored twice in the same batches, and once in other batches.

Which kind of finding these are. Outputs that are held back make confidences that do not mean what they say, whichever way they are
off; among the kinds that findings have, ``overconfidence`` is the one about confidences, and ``structural`` says where the cause
lies (recalibration hides it, mending the last layer removes it). Batch dependence is ``preprocessing``: what a picture is normalised by is
not what it should be, nothing learned is at fault, and it is repaired without training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding, Instrument, Interval, TestResult
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.stats.intervals import wilson
from failsight.tools.structure.scores import Better
from failsight.tools.text import interval, number, p_value
from failsight.tools.verdicts import STANDING_LEVEL, Measured, judge
from failsight.tools.view import CaseView

TOOL = "model_structure"
ALPHA = STANDING_LEVEL
MINIMUM_GAIN = 0.01  # of the Brier score (0 to 1) per image: less is not worth a change of the network
MINIMUM_CHANGED = 0.05  # of the images whose scores depend on what else is in the batch
TOLERANCE = 1e-3  # of a probability: rounding differs between batch sizes by far less
_BRIER = "mean paired fall of the Brier score (half the squared distance to the label) when the last operation is undone; sign-flip test"
_BATCH = "share of images of which a probability changes by more than a thousandth between two compositions of the batches"


def outputs_plan(view: CaseView, n: int) -> Instrument:
    """How held-back outputs will be judged, journalled before they are compared."""
    plan = Instrument(
        Finding("overconfidence", "correctness", "structural", "").key, TOOL, {},
        "The last operation of the network spoils its probabilities.", _BRIER, "the same images with the outputs as declared", MINIMUM_GAIN, ALPHA, n,
    )  # fmt: skip
    view.register(plan)
    return plan


def batch_plan(view: CaseView, n: int) -> Instrument:
    """How batch dependence will be judged, journalled before images are scored for it."""
    plan = Instrument(
        Finding("preprocessing", "robustness", "structural", "").key, TOOL, {},
        "What the model says of a picture depends on the other pictures of its batch.", _BATCH,
        "the same images scored alone", MINIMUM_CHANGED, ALPHA, n,
    )  # fmt: skip
    view.register(plan)
    return plan


def outputs_finding(made: Better, what: str, detail: str) -> Finding:
    """The verdict on outputs held back by ``what`` (``a second softmax``, ``a ReLU6 behind the logits``)."""
    judged = judge(Measured(made.gain, made.ci, made.p, made.p, made.n), MINIMUM_GAIN, ALPHA)
    accuracy = f"; accuracy changes by {number(made.accuracy, 'points')}, p {p_value(made.accuracy_p)}"
    return Finding(
        "overconfidence", "correctness", "structural",
        f"The scores pass through {what}, so that confidences do not mean what they say: {detail} Undone, the Brier score falls by "
        f"{made.gain:.3f} [{made.ci[0]:.3f}, {made.ci[1]:.3f}] per image{accuracy}.",
        n=made.n, p=made.p, q=made.p, verdict=judged.verdict,
        tests=(TestResult(TOOL, made.gain, made.ci, made.p, made.n, judged.verdict, 0.0, _BRIER, made.p),),
        note=judged.reason.replace("points", "hundredths"),
    )  # fmt: skip


@dataclass(frozen=True)
class Dependence:
    """Scores of the same images in different company.

    Attributes:
        n: images.
        company, company_ci: share whose probabilities change between scored in a batch and scored alone.
        chance, chance_ci: share whose probabilities change when exactly the same is done twice.
        flips: share whose prediction changes between batch and alone.
    """

    n: int
    company: float
    company_ci: Interval
    chance: float
    chance_ci: Interval
    flips: float

    @property
    def steady(self) -> bool:
        """Neither company nor chance changes anything."""
        return self.company == 0 and self.chance == 0


def batch_dependence(view: CaseView, rows: npt.NDArray[np.int64]) -> Dependence | None:
    """Score ``rows`` together, together again, and one by one. None without at least two pictures."""
    model = view.model()
    pixels = [p for _, p in view.pixels(rows, "data", len(rows))]
    if not pixels or sum(map(len, pixels)) < 2:
        return None
    stack = np.concatenate(pixels)
    together, again = model.scores(stack), model.scores(stack)
    alone = np.concatenate([model.scores(stack[i : i + 1]) for i in range(len(stack))])
    n = len(stack)

    def moved(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> int:
        return int((~(np.abs(a - b).max(1) <= TOLERANCE)).sum())

    company, chance = moved(together, alone), moved(together, again)
    rule = thresholds_of(model)
    flips = float((decide(together, rule) != decide(alone, rule)).mean())
    return Dependence(n, company / n, wilson(company, n), chance / n, wilson(chance, n), flips)


def dependence_finding(made: Dependence) -> Finding:
    """The verdict on batch dependence or randomness, whichever is larger."""
    random = made.chance >= MINIMUM_CHANGED
    share, ci = (made.chance, made.chance_ci) if random else (made.company, made.company_ci)
    p = _p(share, made.n)
    judged = judge(Measured(share, ci, p, p, made.n), MINIMUM_CHANGED, ALPHA)
    what = (
        "The model gives different scores for the same batch twice: dropout or other randomness is left on"
        if random
        else "What the model says of a picture depends on the other pictures in its batch: a normalisation is in training mode"
    )
    refuted = "The scores depend neither on the other pictures of the batch nor on chance"
    return Finding(
        "preprocessing", "robustness", "structural",
        f"{what if share else refuted} ({number(share)} {interval(ci)} of {made.n} pictures change, {number(made.flips)} change their prediction).",
        n=made.n, p=p, q=p, verdict=judged.verdict,
        tests=(TestResult(TOOL, share, ci, p, made.n, judged.verdict, made.chance if not random else 0.0, _BATCH, p),),
        note=judged.reason,
    )  # fmt: skip


def _p(share: float, n: int) -> float:
    """One-sided binomial p of a share this large when only MINIMUM_CHANGED change."""
    from scipy.special import bdtrc

    k = round(share * n)
    return 1.0 if k == 0 else float(min(1.0, max(bdtrc(k - 1, n, MINIMUM_CHANGED), 1e-300)))
