"""What is asked of which model on which pictures: the demo's bugs, and three sorts of decoys.

* **bug**: television → living room, cat → kitchen, stools → dining room, of the demo's shipped model, on fresh pictures.
* **known**: the demo's decoy. Plants go with bedrooms in its training and evaluation pictures; furniture sufficed.
* **late**: in the same pictures a lamp or a picture on the wall goes with a class; the model has never seen it do so.
* **trained**: a network of its own for every seed, in whose training pictures a cue goes with a class (four times in
  five at least) and furniture tells the classes apart as well. Whether it took the cue up is measured, not assumed
  (:mod:`benchmarks.hypotheses.truth`): those that did are judged as bugs.

One case holds all questions of its model and pictures in random order, so that every test pays for those before it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from failsight.knowledge_base.cases.key import answer_key
from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.scene import CLASSES, CUES
from failsight.knowledge_base.cases.world import WorldConfig, with_correlation, with_shares, yes

Family = Literal["bug", "known", "late", "trained"]
Tool = Literal["test_by_masking", "test_by_adding"]
TOOLS: tuple[Tool, ...] = ("test_by_masking", "test_by_adding")
RECIPE = 4  # raise it when the same seed would ask something else
HARMLESS = ("lamp", "picture")  # cues that say nothing about the class in the demo's training pictures
SMALL = 64  # side of the pictures that the trained networks see
LEARNED_FROM, EPOCHS, RATE = 1000, 7, 0.02
EVALUATED, EVALUATED_SMALL = 500, 400


@dataclass(frozen=True, slots=True)
class Question:
    """Is ``cue`` a sign of ``label`` for the model?"""

    family: Family
    cue: str
    label: str


@dataclass(frozen=True)
class Group:
    """Questions about one model and one set of pictures: one case.

    Attributes:
        name: ``demo`` or ``trained``.
        seed: which of its cases.
        world: what the evaluation pictures are drawn from (and a trained network's training pictures).
        count: evaluation pictures.
        trains: whether a network is trained for it; else it is the demo's shipped model.
        questions: in the order in which they are asked, each by one instrument.
    """

    name: str
    seed: int
    world: WorldConfig
    count: int
    trains: bool
    questions: tuple[tuple[Question, Tool], ...]


def groups(seed: int) -> Iterator[Group]:
    """All that a seed asks; the same on every call."""
    rng = random.Random(f"hypotheses/late/{seed}")
    cue, label = rng.choice(HARMLESS), rng.choice(CLASSES)
    fresh = replace(ROOMS, seed=ROOMS.seed + 1000 * seed)
    fresh = with_shares(fresh, "eval", cue, _tie(label, rng.uniform(0.7, 0.95)))
    asked = _shuffled([*_demo(), Question("late", cue, label)], f"demo/{seed}")
    yield Group("demo", seed, fresh, EVALUATED, False, asked)
    yield trained_group(seed)


def trained_group(seed: int) -> Group:
    """A network of its own: a cue goes with a class in training, more weakly in evaluation."""
    rng = random.Random(f"hypotheses/trained/{seed}")
    cue, label, strength = rng.choice(CUES), rng.choice(CLASSES), round(rng.uniform(0.8, 0.95), 2)
    world = WorldConfig("hypotheses", seed=90_000 + seed, size=SMALL)
    world = with_correlation(world, cue, "yes", label, strength)
    world = with_shares(world, "eval", cue, _tie(label, 0.6))
    asked = _shuffled([Question("trained", cue, label)], f"trained/{seed}")
    return Group("trained", seed, world, EVALUATED_SMALL, True, asked)


def _demo() -> list[Question]:
    key = answer_key()
    made = [
        Question("bug", bug.attribute, bug.pulls_to)
        for bug in key.bugs
        if bug.kind == "spurious_correlation" and bug.attribute and bug.pulls_to
    ]
    return made + [Question("known", decoy.attribute, decoy.goes_with) for decoy in key.decoys]


def _tie(label: str, share: float) -> dict[str, dict[str, float]]:
    """In ``share`` of a class's pictures, in a quarter of that in the others."""
    return {label: dict(yes(share)), "*": dict(yes(share / 4))}


def _shuffled(questions: list[Question], seed: str) -> tuple[tuple[Question, Tool], ...]:
    pairs = [(question, tool) for question in questions for tool in TOOLS]
    random.Random(f"hypotheses/order/{seed}").shuffle(pairs)
    return tuple(pairs)
