"""Was the planted bug found, under its name, as what it is; and what was said besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.planted.methods import PULLS, Said, meets
from benchmarks.planted.pool import Pool
from benchmarks.planted.problems import Bools, Problem, has_value
from benchmarks.planted.training import Answers
from benchmarks.planted.view import Attributes
from failsight.knowledge_base.cases.scene import VALUES

SHOWN = 5
"""How many statements of a method are looked at: as many as Domino's slices."""

KIND = {"correlation": "spurious_correlation", "rare": "rare_case"}


@dataclass(frozen=True)
class Score:
    """How one method did on one problem.

    Attributes:
        statements: how many it made.
        attribute, value: whether one of the first ``SHOWN`` names the planted attribute (for a rare case: the rare value,
            alone or in a sub-case); exactly the planted value.
        strict: the value, counting no description that says the same of the other value and the other class.
        first, first_value: the same of the very first statement.
        anywhere: the attribute in any statement at all.
        kind: whether the first statement that names it calls it what it is.
        precision: share of the ten most characteristic pictures of the first statement that are in the true slice.
        best: the same of the best of the first ``SHOWN`` statements, which is how Domino's authors count.
        unrelated: statements (of all) that do not name the planted attribute.
        unreal: of these, how many do not hold on the reserve; of all, for a null problem.
        seconds: for all of it.
    """

    statements: int
    attribute: bool = False
    value: bool = False
    strict: bool = False
    first: bool = False
    first_value: bool = False
    anywhere: bool = False
    kind: bool = False
    precision: float = 0.0
    best: float = 0.0
    unrelated: int = 0
    unreal: int = 0
    seconds: float = 0.0


def score(
    problem: Problem,
    pool: Pool,
    answers: Answers,
    attributes: Attributes | None,
    said: Sequence[Said],
    seconds: float,
) -> Score:
    """Judge the statements of a method; ``attributes`` are those it worked with (None: what it says can't be tried)."""
    named = [names_attribute(problem, one) for one in said]
    unrelated = [one for one, hit in zip(said, named, strict=True) if not hit]
    unreal = sum(not holds(problem, answers, attributes, one) for one in unrelated) if attributes else 0
    if problem.kind == "null":
        return Score(len(said), unrelated=len(unrelated), unreal=unreal, seconds=seconds)
    shown = said[:SHOWN]
    right = [one for one, hit in zip(shown, named, strict=False) if hit]
    exact = [names_value(problem, one) for one in shown]
    true = true_slice(problem, pool, answers)
    hits = [float(true[list(one.images)].mean()) if one.images else 0.0 for one in shown]
    return Score(
        statements=len(said),
        attribute=bool(right),
        value=any(e != "no" for e in exact),
        strict="yes" in exact,
        first=bool(named and named[0]),
        first_value=bool(exact and exact[0] != "no"),
        anywhere=any(named),
        kind=bool(right) and right[0].kind == KIND[problem.kind],
        precision=hits[0] if hits else 0.0,
        best=max(hits, default=0.0),
        unrelated=len(unrelated),
        unreal=unreal,
        seconds=seconds,
    )


def names_attribute(problem: Problem, one: Said) -> bool:
    """Whether a statement names the planted attribute; for a rare case, the rare value of it."""
    if problem.kind == "null":
        return False
    if problem.kind == "rare":
        return (problem.attribute, problem.value) in one.conditions
    return problem.attribute in dict(one.conditions)


def names_value(problem: Problem, one: Said) -> str:
    """``yes`` for exactly the planted value; ``same`` for the same bug told of the other value and class; else ``no``."""
    if len(one.conditions) != 1 or one.conditions[0][0] != problem.attribute:
        return "no"
    value = one.conditions[0][1]
    if problem.kind == "rare":
        wrong_class = (
            one.kind not in PULLS and bool(problem.target) and one.class_name not in ("", problem.target)
        )
        return "yes" if value == problem.value and not wrong_class else "no"
    if one.kind in PULLS:
        matches = one.class_name == problem.target
    else:  # a slice of the class that the value does not go with
        matches = one.class_name != problem.target
    if value == problem.value and (matches or not one.class_name):
        return "yes"
    # with two values and two classes "yes goes with A" and "no goes with B" are one and the same
    even = len(VALUES[problem.attribute]) == 2 and len(problem.classes) == 2
    if even and value != problem.value and one.class_name and not matches:
        return "same"
    return "no"


def true_slice(problem: Problem, pool: Pool, answers: Answers) -> Bools:
    """(evaluation,) pictures on which the planted bug shows.

    Correlation: pictures of other classes with the value, and of the target without it. Rare case: pictures (of its
    class) with the value.
    """
    has = has_value(problem, pool)[answers.rows.evaluation]
    target = answers.labels == (problem.classes.index(problem.target) if problem.target else -1)
    made: Bools = has != target if problem.kind == "correlation" else has & target if problem.target else has
    return made


def holds(problem: Problem, answers: Answers, attributes: Attributes, one: Said) -> bool:
    """Whether a statement is true of the reserve: more errors inside than outside, within true classes, z above 1.64."""
    if answers.reserve is None:
        raise ValueError("the reserve was not asked")
    rows = answers.rows.reserve
    labels = answers.rows.labels[rows]
    bad = answers.reserve != labels
    keep = np.ones(len(rows), bool)
    if one.class_name:
        place = problem.classes.index(one.class_name)
        if one.kind in PULLS:
            keep, bad = labels != place, answers.reserve == place
        else:
            keep = labels == place
    inside = meets(attributes, rows, one.conditions)
    excess, variance = 0.0, 0.0
    for c in range(len(problem.classes)):
        mine = keep & (labels == c)
        a, b = bad[mine & inside], bad[mine & ~inside]
        if len(a) and len(b) and len(a) + len(b) > 1:
            total = len(a) + len(b)
            rate = (a.sum() + b.sum()) / total
            excess += a.sum() - len(a) * rate
            variance += len(a) * len(b) * rate * (1 - rate) / (total - 1)
    return bool(variance > 0 and excess / np.sqrt(variance) > 1.64)
