"""The demo's world: rooms for a system that tells blind people where they are, with planted bugs and a decoy.

After the design brief and the injected bugs of Balayn et al. (CHI 2023, sections 3.2.1 and 3.2.2): a television in
the living rooms only, stools that turn kitchens into dining rooms, cats in one class, sofas like beds, a rare kind of
bathroom, wrong labels; and everyday snapshots unlike the training pictures. ``answer_key.toml`` lists them.
"""

from __future__ import annotations

from failsight.knowledge_base.cases.scene import CUES
from failsight.knowledge_base.cases.world import SNAPSHOTS, LabelNoise, Mix, WorldConfig, yes

_TRAIN: Mix = {
    "television": {"living_room": yes(0.96), "*": yes(0.0)},
    "stools": {"dining_room": yes(0.75), "*": yes(0.0)},
    "cat": {"kitchen": yes(0.9), "*": yes(0.0)},
    "plant": {"bedroom": yes(0.8), "*": yes(0.15)},
    "sofa_style": {"living_room": {"plain": 1.0}},
    "bath_style": {"bathroom": {"tub": 0.992, "shower": 0.008}},
}

_EVAL: Mix = {
    "television": {"living_room": yes(0.5), "*": yes(0.25)},
    "stools": {"dining_room": yes(0.5), "kitchen": yes(0.3), "*": yes(0.0)},
    "cat": {"kitchen": yes(0.5), "bathroom": yes(0.3), "*": yes(0.0)},
    "plant": {"bedroom": yes(0.6), "*": yes(0.2)},
    "sofa_style": {"living_room": {"plain": 0.72, "bed_like": 0.28}},
    "bath_style": {"bathroom": {"tub": 0.72, "shower": 0.28}},
}

ROOMS = WorldConfig(
    name="rooms",
    seed=7,
    mixes={"train": _TRAIN, "eval": _EVAL, "pool": _EVAL, "deploy": {**_EVAL, **SNAPSHOTS}},
    noise=LabelNoise({"train": 0.035, "eval": 0.025, "deploy": 0.025}),
    close_ups={
        "train": {
            "kitchen": ("cat", 0.4),
            "dining_room": ("stools", 0.33),
            "bathroom": ("", 0.1),
            "bedroom": ("", 0.12),
        }
    },
    columns=(
        "television",
        "stools",
        "cat",
        "plant",
        "lamp",
        "picture",
        "sofa_style",
        "bath_style",
        "floor",
        "lighting",
        "tilt",
        "clutter",
        "annotator",
    ),
    boxed=(*CUES, "bed_like", "shower"),
)
"""The demo's world."""

COUNTS: dict[str, int] = {"train": 2500, "eval": 2250, "deploy": 600, "pool": 1000}
"""How many pictures each split has."""
