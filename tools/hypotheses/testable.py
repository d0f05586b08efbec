"""Whether a hypothesis can be tested in this case at all, and what would make it so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from failsight.tools.experiments.population import rows_meeting
from failsight.tools.hypotheses.instruments import Choice
from failsight.tools.hypotheses.typed import Typed
from failsight.tools.needs import LACKING, has
from failsight.tools.registry import registry
from failsight.tools.text import listing
from failsight.tools.view import CaseView

#: kind → what its measurement can't do without, one of each group, beyond what the tool needs for everything
KINDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "leakage": (("train",),),
    "class_imbalance": (("train",),),
    "distribution_shift": (("deploy",),),
    "overfitting": (("train", "history"),),
    "underfitting": (("train", "history"),),
}
BY_RUNNING = (
    "falls_without",
    "rises_with",
    "unmoved_without",
)  # predictions that only a model at hand can bear out


def hindrances(view: CaseView, made: Typed, choice: Choice) -> tuple[str, ...]:
    """Why the hypothesis can't be tested here, each with what would make it testable; empty where it can."""
    if made.cue is not None and made.prediction in BY_RUNNING and not view.has_model():
        return (_without_model(made, choice),)
    needed = [(need,) for need in registry()[choice.tool].needs] + list(KINDS.get(made.kind, ()))
    lacking = [
        f"{choice.tool} needs {' or '.join(LACKING[need] for need in group)}"
        for group in dict.fromkeys(needed)
        if not any(has(view, need) for need in group)
    ]
    return (*lacking, *_nobody_to_compare(view, made))


def _without_model(made: Typed, choice: Choice) -> str:
    assert made.cue is not None
    told = f"what happens without {made.cue.title} shows only where the model runs on changed pictures, and this case has only its predictions"
    if made.prediction == "rises_with":
        told = f"what {made.cue.title} does in other pictures shows only where the model runs on them, and this case has only its predictions"
    short = f"; {choice.tool} compares the images that there are, which is less" if choice.decides else ""
    return f"{told}: give the model itself (--model){short}"


def _nobody_to_compare(view: CaseView, made: Typed) -> tuple[str, ...]:
    """Conditions that no image meets, or that all do."""
    if not made.conditions:
        return ()
    meets, known = rows_meeting(view, made.split, made.conditions)
    words = listing([str(one) for one in made.conditions])
    if not meets.any():
        return (f"no evaluation image meets {words}: give images that do",)
    if not (known & ~meets).any():
        return (f"no evaluation image fails {words}, so there are none to compare with: give images that do",)
    return ()
