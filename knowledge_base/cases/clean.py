"""The clean world of rooms, and how the models were trained on it: one that learned it well, a few that learned by heart.

In the clean world nothing goes with a class but its furniture: every cue, floor, light, tilt, clutter and annotator has
the same shares in every class and every split, both styles of a class are equally common, no label is wrong. One picture
in fourteen is a close-up that lacks most of the furniture: what a good model still gets wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES
from failsight.knowledge_base.cases.world import SPLITS, Mix, WorldConfig

if TYPE_CHECKING:
    from failsight.knowledge_base.cases.train import TrainConfig

CLOSE_UPS = 0.07
"""Share of every class's pictures that lack most of the furniture, in every split."""

_EVEN: Mix = {
    **{STYLE_COLUMNS[c]: {c: {STYLES[c][0]: 0.5, STYLES[c][1]: 0.5}} for c in CLASSES},
    "tilt": {"*": {"level": 0.8, "tilted": 0.2}},
    "clutter": {"*": {"tidy": 0.7, "cluttered": 0.3}},
    "annotator": {"*": dict.fromkeys("ABCD", 0.25)},
}

CLEAN = WorldConfig(
    name="clean rooms",
    seed=11,
    size=64,
    mixes=dict.fromkeys(SPLITS, _EVEN),
    close_ups=dict.fromkeys(SPLITS, dict.fromkeys(CLASSES, ("", CLOSE_UPS))),
    columns=(*CUES, "floor", "lighting", "tilt", "clutter", "annotator"),
    boxed=CUES,
)
"""The clean world; a seed of its own fixes the pictures that the models were trained on."""

TRAINED_ON = 8000
"""Pictures that the clean model was trained on, those held out for its record among them."""

OVERFITTED = ("overfitted_1", "overfitted_2", "overfitted_3")
"""Folders of the models that know their few training pictures by heart."""

LEARNED_BY_HEART = 600
"""Pictures drawn for each overfitted model; a third of them are held out for its record."""


def clean_recipe() -> TrainConfig:
    """How the clean model was trained."""
    from failsight.knowledge_base.cases.train import TrainConfig

    return TrainConfig(epochs=9, rate=0.012, threads=1)


def overfitted_recipe(name: str) -> TrainConfig:
    """How an overfitted model was trained: too long, on too little, without weight decay, batch norm or pooling.

    Args:
        name: one of :data:`OVERFITTED`.
    """
    from failsight.knowledge_base.cases.train import TrainConfig

    seed = 1 + OVERFITTED.index(name)
    return TrainConfig(
        epochs=40,
        batch=32,
        rate=0.001,
        decay=0.0,
        held_out=1 / 3,
        seed=seed,
        threads=1,
        adam=True,
        factory="build_flat",
    )


def overfitted_world(name: str) -> WorldConfig:
    """The clean world with the training pictures of one overfitted model.

    Args:
        name: one of :data:`OVERFITTED`.
    """
    return replace(CLEAN, seed=CLEAN.seed + 1 + OVERFITTED.index(name))
