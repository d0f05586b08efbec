"""Whether a network has taken up what was planted: decided from true attributes alone, before any method is run.

As in dcbench and HiBug, only such problems are counted; the others are replaced by new seeds.

* correlation: the correlation coefficient (phi) of "has the value" and "is called the target class", over the
  evaluation pictures, where value and class have nothing to do with each other, is at least ``PHI``.
* rare: pictures with the rare value (of its class) are answered wrongly at least 10 points more often than the other
  pictures (of its class), p < 0.01 (Fisher's exact test, one-sided).
* null: over the reserve, pictures that no method sees, no value of any attribute has ``NOTHING`` points more errors
  than the rest, overall or within a class: a network may have weaknesses that nobody planted (dark pictures are harder).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.planted.pool import Pool
from benchmarks.planted.problems import Bools, Problem, has_value
from benchmarks.planted.training import Answers

PHI = 0.2
EXCESS = 0.10
LEVEL = 0.01
NOTHING = 0.05
FEWEST = 50  # pictures of a group, below which its error rate says nothing


@dataclass(frozen=True)
class TakeUp:
    """Attributes:
    counts: whether the problem is counted.
    size: phi; excess errors of the rare case; for a null problem the most by which a value's errors exceed the rest's,
        overall or within a class, over the reserve.
    error: share of evaluation pictures answered wrongly.
    """

    counts: bool
    size: float
    error: float


def worth_asking(problem: Problem, pool: Pool) -> Callable[[Answers], bool]:
    """Whether the reserve need be asked: not where the evaluation pictures have settled that a problem does not count."""
    return lambda answers: problem.kind == "null" or take_up(problem, pool, answers).counts


def take_up(problem: Problem, pool: Pool, answers: Answers) -> TakeUp:
    """Judge one network."""
    error = float((answers.predicted != answers.labels).mean())
    if problem.kind == "null":
        size = largest_excess(problem, pool, answers)
        return TakeUp(size < NOTHING, size, error)
    has = has_value(problem, pool)[answers.rows.evaluation]
    if problem.kind == "correlation":
        phi = _phi(has, answers.predicted == problem.classes.index(problem.target))
        return TakeUp(phi >= PHI, phi, error)
    mine = np.ones(len(has), bool)
    if problem.target:
        mine = answers.labels == problem.classes.index(problem.target)
    wrong = answers.predicted != answers.labels
    excess, p = _worse(wrong[mine & has], wrong[mine & ~has])
    return TakeUp(excess >= EXCESS and p < LEVEL, excess, error)


def _phi(one: Bools, other: Bools) -> float:
    if one.all() or other.all() or not one.any() or not other.any():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _worse(inside: Bools, outside: Bools) -> tuple[float, float]:
    from scipy.stats import fisher_exact

    table = [[inside.sum(), (~inside).sum()], [outside.sum(), (~outside).sum()]]
    return float(inside.mean() - outside.mean()), float(fisher_exact(table, alternative="greater").pvalue)


def largest_excess(problem: Problem, pool: Pool, answers: Answers) -> float:
    """The most by which the error of a value of an attribute exceeds the rest's, over the reserve."""
    if answers.reserve is None:
        raise ValueError("the reserve was not asked")
    rows = answers.rows.reserve
    labels = answers.rows.labels[rows]
    wrong = answers.reserve != labels
    groups = [np.ones(len(rows), bool), *(labels == c for c in range(len(problem.classes)))]
    largest = 0.0
    for name in problem.attributes:
        codes = pool.codes[name][rows]
        for value in np.unique(codes):
            for group in groups:
                there, rest = group & (codes == value), group & (codes != value)
                if min(there.sum(), rest.sum()) >= FEWEST:
                    largest = max(largest, float(wrong[there].mean() - wrong[rest].mean()))
    return largest
