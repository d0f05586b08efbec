"""What each version learns: a plan, and from it a lesson for every arm and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import digest
from failsight.tools.inputs.base import Pixels
from failsight.tools.repair import augment, recipes
from failsight.tools.repair.heads import PENALTIES, TURNS
from failsight.tools.repair.piles import Ints, Mask, Pile, as_added, join
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.training import Lesson
from failsight.tools.repair.versions import Arm

Way = Literal["tune", "last", "wrapped", "statistics"]
"""All layers or some of them by gradient; the last one alone; around the model; batch-normalisation statistics alone."""
DRAWN = ("rebalance", "group_balance", "last_layer")  # strategies that draw every group equally often


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        repair: ``R1``.
        finding: id of the finding; empty for none.
        strategy: name in ``tools.strategies``.
        way: what is trained.
        recipe: for how long and how.
        usual: the training images, with the labels that they have.
        added: images that the repair adds; None for none.
        spare: other labelled images of the same source, for a control arm that adds images by lot; None: the control adds
            training images again.
        corrected: row of the training table → corrected class.
        left_out: rows of the training table that the repair does not learn from; the control leaves out as many by lot. None for none.
        targets: pictures that training pictures are to look like, or whose statistics are taken; None where none are.
        anchors: pictures to whose old answers both arms are held; None for none.
        wrong: (usual,) images that the model answers wrongly, for hard examples.
        seeds: how many of each arm.
        base_seed: the case's.
        data: facts for ``ModelVersion.data`` of both arms; ``data_added`` of the repair arm and ``data_spare`` of the
            control arm beside them.
        key: digest of everything that the versions depend on.
    """

    repair: str
    finding: str
    strategy: str
    way: Way
    recipe: Recipe
    usual: Pile
    added: Pile | None = None
    spare: Pile | None = None
    corrected: Mapping[int, int] = field(default_factory=dict)
    left_out: Ints | None = None
    targets: Pixels | None = None
    anchors: Pixels | None = None
    wrong: Mask | None = None
    seeds: int = 3
    base_seed: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    data_added: Mapping[str, Any] = field(default_factory=dict)
    data_spare: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    def name(self, arm: Arm, seed: int) -> str:
        """``R1.1`` or ``R1.c1``."""
        return f"{self.repair}.{'c' if arm == 'control' else ''}{seed}"

    def steps(self) -> int:
        """Steps of progress of one version."""
        if self.way == "statistics":
            return 1
        return self.recipe.steps if self.way == "tune" else TURNS * len(PENALTIES)


@dataclass(frozen=True)
class Teacher:
    """Makes the lessons of a plan for a model with so many ``classes``."""

    plan: Plan
    classes: int

    def lesson(self, arm: Arm, seed: int) -> tuple[Lesson, list[tuple[str, Ints | None]]]:
        """What a version learns, and of which piles its images are (for their features)."""
        plan, recipe = self.plan, self.plan.recipe
        usual, kept = self._usual(arm)
        parts: list[tuple[str, Ints | None]] = [("usual", kept)]
        twins: Ints | None = None
        extra: Pile | None = None
        if plan.added is not None:
            if arm == "repair":
                extra = plan.added
                parts.append(("added", None))
            elif plan.spare is not None:
                extra = plan.spare
                parts.append(("spare", None))
            else:
                twins = self._again(seed)
                extra = usual.take(twins)
                parts.append(("usual", twins))
        pile = usual if extra is None else join(usual, as_added(extra))
        groups = pile.groups(self.classes)
        rng = np.random.default_rng([plan.base_seed, seed, 3])
        held = recipes.hold_out(groups, pile.added, recipe, rng)
        if twins is not None:  # the same picture is not learned and held out
            held[pile.added] = held[twins]
        key = digest([plan.key, arm, seed])
        return Lesson(
            pile,
            held,
            _normed(np.where(held, 0.0, self._draws(arm, pile, groups, held))),
            self._weights(arm, groups, held),
            groups,
            self._change(arm, pile),
            self._recipe(arm),
            plan.base_seed * 1009 + seed,
            key,
            arm == "repair",
            plan.anchors if plan.way == "tune" else None,
        ), parts

    def _recipe(self, arm: Arm) -> Recipe:
        """The control of a change of the loss, or of the time, trains as usual."""
        recipe, usual = self.plan.recipe, Recipe()
        if arm == "repair":
            return recipe
        if self.plan.strategy == "train_longer":
            recipe = replace(recipe, steps=usual.steps, rounds=usual.rounds)
        return replace(recipe, loss=usual.loss, smoothing=usual.smoothing, decay=usual.decay, robust=0.0)

    def _usual(self, arm: Arm) -> tuple[Pile, Ints | None]:
        """The training images as an arm learns them, and which of them they are; None for all."""
        plan, pile = self.plan, self.plan.usual
        if arm == "repair" and plan.corrected:
            labels = pile.labels.copy()
            for i, row in enumerate(pile.rows.tolist()):
                labels[i] = plan.corrected.get(row, int(labels[i]))
            pile = replace(pile, labels=labels)
        if plan.left_out is None:
            return pile, None
        out = np.isin(pile.rows, plan.left_out)
        if arm == "control":
            out = np.random.default_rng([plan.base_seed, 14]).permutation(out)
        kept = np.flatnonzero(~out).astype(np.int64)
        return pile.take(kept), kept

    def _again(self, seed: int) -> Ints:
        """Training images to add again, as many of each class as the repair adds, by lot."""
        plan = self.plan
        assert plan.added is not None
        rng = np.random.default_rng([plan.base_seed, seed, 4])
        made = []
        for label in plan.added.labels.tolist():
            own = np.flatnonzero(plan.usual.labels == label)
            made.append(int(rng.choice(own if len(own) else np.arange(len(plan.usual)))))
        return np.array(made, np.int64)

    def _draws(self, arm: Arm, pile: Pile, groups: Ints, held: Mask) -> recipes.Floats:
        """How often each image is drawn; the control of a change of drawing draws as usual."""
        free = np.flatnonzero(~held)
        made = np.zeros(len(pile))
        if pile.added.any():
            made[free] = recipes.mixed(pile.labels[free], pile.added[free])
        elif self.plan.strategy in DRAWN and arm == "repair" and not self.plan.recipe.robust:
            made[free] = recipes.balanced(groups[free])
        elif self.plan.strategy == "hard_examples" and self.plan.wrong is not None:
            wrong = self.plan.wrong[free]
            if arm == "control":  # as many others, by lot
                wrong = np.random.default_rng([self.plan.base_seed, 6]).permutation(wrong)
            made[free] = recipes.hard(wrong)
        else:
            made[free] = 1.0
        return made

    def _weights(self, arm: Arm, groups: Ints, held: Mask) -> recipes.Floats:
        made = np.ones(len(groups))
        if self.plan.strategy == "loss_weighting" and arm == "repair" and not self.plan.recipe.robust:
            free = np.flatnonzero(~held)
            made[free] = recipes.balanced(groups[free]) * len(free)
        return made

    def _change(self, arm: Arm, pile: Pile) -> augment.Change | None:
        plan, control = self.plan, arm == "control"
        if plan.strategy == "feature_specific":
            return augment.cover(pile, augment.donors_of(plan.usual, plan.base_seed), elsewhere=control)
        if plan.strategy == "cut_and_paste":
            return augment.paste(pile, augment.donors_of(plan.usual, plan.base_seed), plain=control)
        if plan.strategy == "typical_augmentation" and plan.targets is not None and not control:
            return augment.look_like(plan.targets)
        return None


def _normed(values: recipes.Floats) -> recipes.Floats:
    total = values.sum()
    if not total > 0:
        raise RetryError("No training image is left to learn from.")
    made: recipes.Floats = values / total
    return made
