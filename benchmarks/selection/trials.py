"""A trial: a failing network, images without labels to choose from, and pictures that judge the network trained again.

The images to choose from (the unlabelled pool) are half of the training's kind and half of the evaluation's: what is
lying around comes partly from the old source. The judging pictures are of the evaluation's kind; no method sees them.
Everything random depends on the trial's seed: which images there are, the weights and order of both trainings.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.planted.pool import Ints, Pool
from benchmarks.planted.problems import (
    Bools,
    Cell,
    Problem,
    Rows,
    cells_of,
    evaluation_shares,
    has_value,
    labels_of,
    planted_shares,
    rows_of,
    wanted_of,
)
from benchmarks.planted.training import Floats, fit, prepared, scores_of

UNLABELLED = (3000, 2500, 2000, 1500)  # as many as the pictures allow
JUDGING = 1500
BUDGET = 300


def number_of(text: str) -> int:
    """A seed from words."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


@dataclass(frozen=True)
class Outcome:
    """What a network does on pictures that no method sees.

    Attributes:
        error: share answered wrongly.
        inside: the same among the pictures of the planted bug: those with the rare value (of its class); where a value is
            tied to a class, those in which the tie does not hold.
        outside: the same among the others.
    """

    error: float
    inside: float
    outside: float


@dataclass(frozen=True)
class Trial:
    """A problem under one seed.

    Attributes:
        problem, pool: what, and the pictures.
        seed: of everything random.
        rows: training, evaluation and judging pictures (``reserve``).
        unlabelled: pictures to choose from, ascending.
    """

    problem: Problem
    pool: Pool
    seed: int
    rows: Rows
    unlabelled: Ints

    @property
    def mark(self) -> int:
        """The seed of both trainings."""
        return number_of(f"{self.problem.seed} selection {self.seed}")

    @cached_property
    def network(self) -> Any:
        """The failing network."""
        return fit(self.problem, self.pool, self.rows, self.mark)

    @cached_property
    def _seen(self) -> dict[bytes, tuple[Floats, Floats]]:
        return {}

    def answers(self, rows: Ints) -> tuple[Floats, Floats]:
        """(n, 64) what the failing network's last layer sees, (n, classes) its probabilities; computed once."""
        key = rows.tobytes()
        if key not in self._seen:
            self._seen[key] = _answers(self.network, self.pool, rows)
        return self._seen[key]

    def scores(self, rows: Ints) -> Floats:
        """(n, classes) probabilities of the failing network."""
        return self.answers(rows)[1]

    def features(self, rows: Ints) -> Floats:
        """(n, 64) what its last layer sees."""
        return self.answers(rows)[0]

    def outcome(self, network: Any) -> Outcome:
        """Judge a network."""
        rows = self.rows.reserve
        wrong = scores_of(network, self.pool.small, rows).argmax(1) != self.rows.labels[rows]
        inside = in_bug(self.problem, self.pool, self.rows.labels)[rows]
        return Outcome(float(wrong.mean()), float(wrong[inside].mean()), float(wrong[~inside].mean()))

    def trained_again(self, chosen: Ints) -> Outcome:
        """Train from scratch on the training pictures and ``chosen`` ones (rows of the pool), by the same recipe; judge."""
        train = np.sort(np.concatenate([self.rows.train, chosen]))
        return self.outcome(fit(self.problem, self.pool, replace(self.rows, train=train), self.mark))


def _answers(network: Any, pool: Pool, rows: Ints) -> tuple[Floats, Floats]:
    import torch

    features, scores = [], []
    with torch.inference_mode():
        for start in range(0, len(rows), 250):
            seen = network[:-1](prepared(np.asarray(pool.small[rows[start : start + 250]])))
            features.append(seen.numpy())
            scores.append(network[-1](seen).softmax(1).numpy())
    return np.concatenate(features), np.concatenate(scores)


def in_bug(problem: Problem, pool: Pool, labels: Ints) -> Bools:
    """(pool,) pictures that the planted bug is about; see ``Outcome.inside``."""
    has = has_value(problem, pool)
    if not problem.target:
        return has
    mine = labels == problem.classes.index(problem.target)
    made: Bools = (mine & has) if problem.kind == "rare" else (mine != has)
    return made


def open_trial(problem: Problem, pool: Pool, seed: int) -> Trial:
    """Draw the judging pictures (the same for every seed), and the images to choose from.

    Raises:
        TooFew: the pool has not enough pictures of the kinds needed.
    """
    rows = rows_of(problem, pool)
    left = np.setdiff1d(np.flatnonzero(rows.labels >= 0), np.concatenate([rows.train, rows.evaluation]))
    place = number_of(problem.seed)
    judging = _drawn(problem, pool, left, np.random.default_rng([place, 1]), _like_evaluation(problem, pool))
    left = np.setdiff1d(left, judging)
    rng = np.random.default_rng([place, 2, seed])
    for count in UNLABELLED:
        try:
            unlabelled = _drawn(problem, pool, left, rng, _mixed(problem, pool, count))
        except TooFew:
            continue
        return Trial(problem, pool, seed, replace(rows, reserve=judging), unlabelled)
    raise TooFew(problem.about)


class TooFew(Exception):
    """Not enough pictures are left."""


def _drawn(
    problem: Problem, pool: Pool, among: Ints, rng: np.random.Generator, wanted: dict[Cell, int]
) -> Ints:
    cells = cells_of(problem, pool, labels_of(problem, pool), rng.permutation(among))
    if any(len(cells[cell]) < n for cell, n in wanted.items()):
        raise TooFew(problem.about)
    return np.sort(np.concatenate([cells[cell][:n] for cell, n in wanted.items()]))


def _like_evaluation(problem: Problem, pool: Pool) -> dict[Cell, int]:
    return wanted_of(problem, JUDGING, evaluation_shares(problem, pool))


def _mixed(problem: Problem, pool: Pool, count: int) -> dict[Cell, int]:
    """Half of the training's kind, half of the evaluation's."""
    old = wanted_of(problem, count // 2, planted_shares(problem, pool))
    new = wanted_of(problem, count - count // 2, evaluation_shares(problem, pool))
    return {cell: old[cell] + new[cell] for cell in old}
