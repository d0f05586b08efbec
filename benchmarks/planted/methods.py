"""What each method answers, in one form: ranked statements about attribute values, with the pictures they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.planted.pool import Ints, Pool
from benchmarks.planted.problems import Problem
from benchmarks.planted.training import Answers
from benchmarks.planted.view import Attributes, PlantedView
from failsight.knowledge_base.cases.scene import CLASSES, VALUES
from failsight.tools.evidence import Finding
from failsight.tools.find_slices import find_slices
from failsight.tools.slices.hibug import HiBugBug, Rules, hibug_bugs

Bools = npt.NDArray[np.bool_]
PULLS = ("spurious_correlation", "overemphasised_feature")  # kinds whose class is the one predicted
CHARACTERISTIC = 10  # pictures that a statement shows


@dataclass(frozen=True)
class Said:
    """One statement of a method.

    Attributes:
        conditions: attribute → value, all of which hold.
        kind: ``spurious_correlation``, ``rare_case``, ``weak_slice`` or empty.
        class_name: the class that predictions are pulled to (a correlation) or the true class of the slice; may be empty.
        images: evaluation pictures (positions) most characteristic of it, at most ten.
        p: where the method has one.
    """

    conditions: tuple[tuple[str, str], ...]
    kind: str
    class_name: str = ""
    images: tuple[int, ...] = ()
    p: float | None = None

    @property
    def text(self) -> str:
        """In a few words."""
        where = " & ".join(f"{name}={value}" for name, value in self.conditions) or "?"
        towards = " -> " if self.kind in PULLS else ", "
        return (
            f"{where}{towards}{self.class_name} [{self.kind}]"
            if self.class_name
            else f"{where} [{self.kind}]"
        )


Method = Callable[[Problem, Pool, Answers], Sequence[Said]]


def true_attributes(problem: Problem, pool: Pool) -> Attributes:
    """The true values of everything that pictures show, but for the label itself; the room too where that is not the label."""
    names = (*problem.attributes, "framing") if problem.close else problem.attributes
    columns = [pool.codes[name].astype(np.int16) for name in names]
    values = [VALUES[name] for name in names]
    if problem.task == "cue":
        names, values = (*names, "room"), [*values, CLASSES]
        columns.append(pool.labels.astype(np.int16))
    return Attributes("metadata", names, tuple(values), np.stack(columns, axis=1))


# -- Failsight ---------------------------------------------------------------------------------


def failsight(problem: Problem, pool: Pool, answers: Answers, attributes: Attributes) -> list[Said]:
    """The findings of ``find_slices`` with its defaults, in its order; refuted ones are no answers."""
    view = PlantedView(problem, pool, answers, attributes)
    evidence = find_slices(view)
    return [_said(problem, answers, attributes, one) for one in evidence.findings if one.verdict != "refuted"]


def _said(problem: Problem, answers: Answers, attributes: Attributes, one: Finding) -> Said:
    conditions = tuple((one.slice or {}).items())
    inside = meets(attributes, answers.rows.evaluation, conditions)
    if one.class_name is not None:
        mine = answers.labels == problem.classes.index(one.class_name)
        inside &= ~mine if one.kind in PULLS else mine
    images = characteristic(
        answers, inside, problem.classes.index(one.class_name) if one.kind in PULLS and one.class_name else None
    )  # fmt: skip
    return Said(conditions, one.kind, one.class_name or "", images, one.p)


def meets(attributes: Attributes, rows: Ints, conditions: Sequence[tuple[str, str]]) -> Bools:
    """(n,) which pictures meet all conditions."""
    made = np.ones(len(rows), bool)
    for name, value in conditions:
        if name in attributes.computed:
            made &= _in_range(attributes.computed[name][rows], value)
            continue
        if name not in attributes.names:
            return np.zeros(len(rows), bool)
        place = attributes.names.index(name)
        codes = attributes.codes[rows, place]
        made &= codes == (attributes.values[place].index(value) if value in attributes.values[place] else -2)
    return made


def _in_range(numbers: npt.NDArray[np.float64], value: str) -> Bools:
    """(n,) whether numbers lie in a range that is written ``very dark (< 0.2)``, ``(0.2 to 0.3)`` or ``(≥ 0.3)``."""
    found = re.search(r"\((?:< (?P<below>\S+)|≥ (?P<above>\S+)|(?P<low>\S+) to (?P<high>\S+))\)$", value)
    if found is None:
        return np.zeros(len(numbers), bool)
    low, high = found["low"] or found["above"], found["high"] or found["below"]
    made: Bools = np.isfinite(numbers)
    if low:
        made &= numbers >= float(low)
    if high:
        made &= numbers < float(high)
    return made


def characteristic(answers: Answers, inside: Bools, towards: int | None) -> tuple[int, ...]:
    """Ten pictures of a slice: wrong ones first (those called ``towards`` where that is said), the surest first."""
    wrong = answers.predicted != answers.labels
    if towards is not None:
        wrong &= answers.predicted == towards
    places = np.flatnonzero(inside)
    sure = answers.scores.max(1)
    order = np.lexsort((-sure[places], ~wrong[places]))
    return tuple(int(i) for i in places[order][:CHARACTERISTIC])


# -- HiBug -------------------------------------------------------------------------------------


def hibug(
    problem: Problem, pool: Pool, answers: Answers, attributes: Attributes, rules: Rules = "released"
) -> list[Said]:
    """The bugs of HiBug's rules on single attribute values, in its order: correlations, rare cases, weak slices."""
    rows = answers.rows
    bugs = hibug_bugs(
        attributes.codes[rows.evaluation],
        attributes.values,
        attributes.names,
        answers.labels,
        answers.predicted,
        problem.classes,
        train_codes=attributes.codes[rows.train],
        rules=rules,
    )
    return [_told(answers, attributes, bug) for bug in bugs]


def _told(answers: Answers, attributes: Attributes, bug: HiBugBug) -> Said:
    conditions = tuple(zip(bug.attributes, bug.values, strict=True))
    inside = meets(attributes, answers.rows.evaluation, conditions)
    if bug.class_index is not None:
        inside &= answers.labels != bug.class_index
    return Said(conditions, bug.kind, bug.class_name or "", characteristic(answers, inside, bug.class_index))


# -- everything that is compared ---------------------------------------------------------------


def with_true(method: Callable[..., list[Said]], **settings: Any) -> Method:
    """A method that is given the true attributes."""

    def answer(problem: Problem, pool: Pool, answers: Answers) -> list[Said]:
        return method(problem, pool, answers, true_attributes(problem, pool), **settings)

    return answer


def true_methods() -> dict[str, Method]:
    """Methods on true attributes, by name."""
    return {
        "Failsight, true attributes": with_true(failsight),
        "HiBug as released, true attributes": with_true(hibug),
        "HiBug as in the paper, true attributes": with_true(hibug, rules="paper"),
    }
