"""What is true of a model, without the instruments under test: each scene drawn with and without the cue, all else equal.

The procedural rooms have twins (``Scene.showing``): the same room, camera, light and noise, the cue there or not, and what
it hid is drawn. No fill, no cut edges, no control is needed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.hypotheses.questions import Question, Tool
from failsight.knowledge_base.cases.drawing import picture_of
from failsight.knowledge_base.cases.render import encode, render
from failsight.knowledge_base.cases.world import Draft, WorldConfig, plan
from failsight.tools.inputs.base import Classifier
from failsight.tools.stats.intervals import bootstrap

SCENES = 40
Bytes = npt.NDArray[np.uint8]
State = Literal["uses", "ignores", "between"]


@dataclass(frozen=True, slots=True)
class Truth:
    """Mean change of the class's score by the cue alone, with its 95 % interval over scenes.

    Attributes:
        effect: score with the cue minus score without it, a difference of probabilities.
        ci: its interval.
        n: scenes.
        state: ``uses`` when the interval lies at or above the minimum effect, ``ignores`` when below it.
    """

    effect: float
    ci: tuple[float, float]
    n: int
    state: State


def truth(
    model: Classifier, world: WorldConfig, count: int, question: Question, tool: Tool, minimum_effect: float
) -> Truth:
    """What the cue does to the class's score, over the pictures that the instrument would ask.

    Args:
        model: scores prepared pictures.
        world, count: the evaluation pictures: those with the cue for masking; those of other classes without it for adding.
        minimum_effect: of the test.
    """
    wanted = "yes" if tool == "test_by_masking" else "no"
    chosen = [
        draft
        for draft in plan(world, "eval", count)
        if draft.attributes[question.cue] == wanted
        and (tool == "test_by_masking" or draft.label != question.label)
    ]
    rng = np.random.default_rng(len(chosen))
    chosen = [chosen[i] for i in rng.permutation(len(chosen))[:SCENES]]
    watched = list(model.classes).index(question.label)
    effects = np.concatenate(
        [_effects(model, world, chosen[i : i + 50], question.cue, watched) for i in range(0, len(chosen), 50)]
    )
    low, high = bootstrap(effects, seed=0)
    state: State = "uses" if low >= minimum_effect else "ignores" if high < minimum_effect else "between"
    return Truth(float(effects.mean()), (low, high), len(effects), state)


def _effects(
    model: Classifier, world: WorldConfig, drafts: list[Draft], cue: str, watched: int
) -> npt.NDArray[np.float64]:
    """Score with the cue minus score without; of each pair one is the picture as it stands."""
    shown: list[npt.NDArray[np.uint8]] = []
    hidden: list[npt.NDArray[np.uint8]] = []
    for draft in drafts:
        own = picture_of(world, draft)
        there = draft.attributes[cue] == "yes"
        twin = render(own.scene.showing(cue, not there), world.size)
        for picture, pictures in ((own, shown if there else hidden), (twin, hidden if there else shown)):
            with Image.open(io.BytesIO(encode(picture))) as stored:
                pictures.append(model.prepare(stored))
    scores = model.scores(np.stack([*shown, *hidden]))[:, watched].astype(np.float64)
    return np.asarray(scores[: len(shown)] - scores[len(shown) :])
