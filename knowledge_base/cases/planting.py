"""What each case of the family shows, before anything is drawn: which pictures, which labels, which declared pipeline.

:func:`plan_case` is a pure function of the bug's name and a seed. Each bug changes one thing and leaves the rest of the
clean world alone, so that whatever else is confirmed in a case is a false alarm.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from failsight.knowledge_base.cases.clean import (
    CLEAN,
    LEARNED_BY_HEART,
    OVERFITTED,
    TRAINED_ON,
    clean_recipe,
    overfitted_recipe,
    overfitted_world,
)
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.world import Draft, WorldConfig, plan, with_shares

BUGS: tuple[str, ...] = (
    "clean",
    "wrong_channels",
    "wrong_normalisation",
    "label_noise",
    "leakage",
    "overfitting",
    "dark_deployment",
)
"""The members of the family."""

COUNTS: dict[str, int] = {"train": 800, "eval": 900, "deploy": 400}
"""Pictures of each split. Train is a sample of the pictures that the model was trained on."""

MISLABELLED = 0.2
"""Share of one annotator's evaluation labels that are wrong (5 % of all: there are four annotators)."""

LEAKED = 0.08
"""Share of the evaluation pictures that are training pictures too."""

NEIGHBOURS: dict[str, tuple[str, str]] = {
    "bathroom": ("kitchen", "bedroom"),
    "bedroom": ("living_room", "bathroom"),
    "dining_room": ("kitchen", "living_room"),
    "kitchen": ("dining_room", "bathroom"),
    "living_room": ("bedroom", "dining_room"),
}
"""Classes that an annotator may take for each class; the seed picks one of the two."""

PIPELINES: dict[str, dict[str, Any]] = {
    "statistics of another data set": {"mean": [0.1307, 0.1307, 0.1307], "std": [0.3081, 0.3081, 0.3081]},
    "divided, not centred": {"mean": [0.0, 0.0, 0.0], "std": [0.25, 0.25, 0.25]},
    "0 to 2, not centred": {"mean": [0.0, 0.0, 0.0], "std": [0.5, 0.5, 0.5]},
    "0 to 255, means subtracted": {"mean": [123.7, 116.8, 103.9], "std": [1.0, 1.0, 1.0], "scale": 1.0},
    "0 to 1, not normalised": {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]},
}
"""Wrong declarations that people make: name → keys of ``model.json``."""

Make = Literal["drawn", "dark", "copied", "recompressed", "mirrored"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to be written.

    Attributes:
        name: file name.
        draft: what is drawn, and the row of the manifest.
        world: of which world.
        make: as drawn; developed dark and noisy; or a training picture again (copied byte for byte, compressed once
            more, mirrored).
    """

    name: str
    draft: Draft
    world: WorldConfig
    make: Make = "drawn"


@dataclass(frozen=True)
class CasePlan:
    """A case before anything is drawn.

    Attributes:
        bug: which member of the family.
        seed: which of its cases.
        model: folder of the shipped model.
        declared: keys of ``model.json`` that are declared otherwise than the model was trained.
        shots: for each split its pictures, sorted by file name.
        planted: what was done, in figures and names, for judging results.
    """

    bug: str
    seed: int
    model: str
    declared: Mapping[str, Any] = field(default_factory=dict)
    shots: Mapping[str, tuple[Shot, ...]] = field(default_factory=dict)
    planted: Mapping[str, Any] = field(default_factory=dict)


def plan_case(bug: str, seed: int, counts: Mapping[str, int] | None = None) -> CasePlan:
    """The plan of a case: the same on every call.

    Args:
        bug: one of :data:`BUGS`; KeyError otherwise.
        seed: draws the pictures, and what the bug leaves open.
        counts: pictures of each split; :data:`COUNTS` by default.
    """
    counts = counts or COUNTS
    world = replace(CLEAN, seed=CLEAN.seed + 1000 * (seed + 1))
    shots = {
        "train": _trained_on("clean_model", seed, counts["train"]),
        "eval": _shots(world, "eval", counts["eval"]),
        "deploy": _shots(world, "deploy", counts["deploy"]),
    }
    return _PLANTED[bug](CasePlan(bug, seed, "clean_model", shots=shots), counts)


def _shots(world: WorldConfig, split: str, count: int, make: Make = "drawn") -> tuple[Shot, ...]:
    return tuple(Shot(d.name, d, world, make) for d in plan(world, split, count))


def _trained_on(model: str, seed: int, count: int) -> tuple[Shot, ...]:
    """Pictures that a model learned from: a sample, or all if there are few."""
    learned = _learned(model)
    if len(learned) <= count:
        return learned
    rows = sorted(random.Random(f"{seed}/train").sample(range(len(learned)), count))
    return tuple(learned[k] for k in rows)


@cache
def _learned(model: str) -> tuple[Shot, ...]:
    """All pictures that a model learned from; none that were held out for its record."""
    from failsight.knowledge_base.cases.train import parted

    if model in OVERFITTED:
        world, recipe, total = overfitted_world(model), overfitted_recipe(model), LEARNED_BY_HEART
    else:
        world, recipe, total = CLEAN, clean_recipe(), TRAINED_ON
    drafts = plan(world, "train", total)
    _, learned = parted(total, recipe)
    return tuple(Shot(drafts[k].name, drafts[k], world) for k in learned)


# -- the bugs ----------------------------------------------------------------------------------


def _clean(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    return case


def _wrong_channels(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    return replace(case, declared={"channels": "BGR"}, planted={"channels": "BGR for RGB"})


def _wrong_normalisation(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    name = list(PIPELINES)[case.seed % len(PIPELINES)]
    return replace(case, declared=PIPELINES[name], planted={"pipeline": name})


def _label_noise(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    """One annotator takes a fifth of the pictures of each class for one particular other class."""
    rng = random.Random(f"{case.seed}/labels")
    annotator = rng.choice("ABCD")
    taken_for = {label: rng.choice(NEIGHBOURS[label]) for label in CLASSES}
    shots = case.shots["eval"]
    his = [s for s in shots if s.draft.attributes["annotator"] == annotator]
    total = round(MISLABELLED * len(his))
    wrong: set[str] = set()
    for k, label in enumerate(rng.sample(CLASSES, len(CLASSES))):
        mine = [s.name for s in his if s.draft.truth == label]
        share = total // len(CLASSES) + (k < total % len(CLASSES))
        wrong.update(rng.sample(mine, min(share, len(mine))))
    marked = tuple(
        replace(s, draft=replace(s.draft, label=taken_for[s.draft.truth])) if s.name in wrong else s
        for s in shots
    )
    told = {"annotator": annotator, "taken_for": taken_for, "wrong_labels": len(wrong)}
    return replace(case, shots={**case.shots, "eval": marked}, planted=told)


def _leakage(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    """Training pictures in the evaluation set: most of them copies, the others compressed again or mirrored."""
    rng = random.Random(f"{case.seed}/leak")
    train, fresh = case.shots["train"], list(case.shots["eval"])
    total = min(round(LEAKED * len(fresh)), len(train))
    makes: list[Make] = ["copied", "copied", "copied", "copied", "recompressed", "mirrored"]
    pairs: dict[str, str] = {}
    for k, shot in enumerate(rng.sample(train, total)):
        same = [j for j, s in enumerate(fresh) if s.draft.truth == shot.draft.truth and s.make == "drawn"]
        name = hashlib.sha256(f"{case.seed}/leak/{k}".encode()).hexdigest()[:12] + ".jpg"
        leaked = Shot(name, replace(shot.draft, name=name), shot.world, makes[k % len(makes)])
        pairs[name] = shot.name
        fresh[rng.choice(same)] = leaked
    shots = {**case.shots, "eval": _sorted(fresh)}
    return replace(case, shots=shots, planted={"leaked": total, "copy_of": pairs})


def _overfitting(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    """A model that was trained too long on too few pictures; with all the pictures that it learned from."""
    model = OVERFITTED[case.seed % len(OVERFITTED)]
    shots = {**case.shots, "train": _trained_on(model, case.seed, counts["train"])}
    return replace(case, model=model, shots=shots, planted={"model": model})


def _dark_deployment(case: CasePlan, counts: Mapping[str, int]) -> CasePlan:
    """Deployment pictures taken in the dark by phone: the ``lighting`` column says so, and the pixels do."""
    world = replace(CLEAN, seed=CLEAN.seed + 1000 * (case.seed + 1))
    for attribute, value in (("lighting", "dark"), ("camera", "phone")):
        world = with_shares(world, "deploy", attribute, {"*": {value: 1.0}})
    shots = {**case.shots, "deploy": _shots(world, "deploy", counts["deploy"], "dark")}
    return replace(case, shots=shots, planted={"deploy": "dark and noisy"})


def _sorted(shots: Sequence[Shot]) -> tuple[Shot, ...]:
    return tuple(sorted(shots, key=lambda s: s.name))


_PLANTED = {
    "clean": _clean,
    "wrong_channels": _wrong_channels,
    "wrong_normalisation": _wrong_normalisation,
    "label_noise": _label_noise,
    "leakage": _leakage,
    "overfitting": _overfitting,
    "dark_deployment": _dark_deployment,
}
