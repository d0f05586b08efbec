"""Is the network wired as it should be between its weights and its answers? Each suspicion is tested by undoing it.

*Outputs held back* (a second softmax, or a ReLU, clamp or sigmoid behind the logits): the same images, once with the outputs as
declared and once with what goes into the last operation, compared by the Brier score. *Batch dependence* (normalisation by the
batch at hand, dropout left on): the same images scored twice in the same batches, and once alone (``company.py``).

Which kind of finding these are. Outputs that are held back make confidences that do not mean what they say, whichever way they are
off; among the kinds that findings have, ``overconfidence`` is the one about confidences, and ``structural`` says where the cause
lies (recalibration hides it, mending the last layer removes it). Batch dependence is ``preprocessing``: what a picture is normalised by is
not what it should be, nothing learned is at fault, and it is repaired without training.
"""

from __future__ import annotations

from failsight.tools.evidence import Finding, Instrument, TestResult
from failsight.tools.structure.scores import Better
from failsight.tools.text import number, p_value
from failsight.tools.verdicts import STANDING_LEVEL, Measured, judge
from failsight.tools.view import CaseView

TOOL = "model_structure"
ALPHA = STANDING_LEVEL
MINIMUM_GAIN = 0.01  # of the Brier score (0 to 1) per image: less is not worth a change of the network
#: what its findings are about: other tools judge the way of feeding, or which confidences are too high, and neither verdict is the other's
OUTPUTS = "outputs of the network"
_BRIER = "mean paired fall of the Brier score (half the squared distance to the label) when the last operation is undone; sign-flip test"


def outputs_plan(view: CaseView, n: int) -> Instrument:
    """How held-back outputs will be judged, journalled before they are compared."""
    plan = Instrument(
        Finding("overconfidence", "correctness", "structural", "", about=OUTPUTS).key, TOOL, {},
        "The last operation of the network spoils its probabilities.", _BRIER, "the same images with the outputs as declared", MINIMUM_GAIN, ALPHA, n,
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
        note=judged.reason.replace("points", "hundredths"), about=OUTPUTS,
    )  # fmt: skip
