"""What is planted: problems in dcbench's form, as plans and as rows of the pool.

* **correlation** (dcbench's correlation problems): in training the attribute value is seen in a share ``strength`` of
  the target class and in ``1 - strength`` of the others; in evaluation it has nothing to do with the class.
* **rare** (dcbench's rare problems): 1 to 4 % of the training pictures (of the target class, for a sub-style) have the
  value, and 20 to 50 % of the evaluation pictures.
* **null**: nothing is planted: all attributes are balanced and independent of the class in training and evaluation.

Tasks are two of the five rooms, all five, or whether a cue is in the picture. Close-ups, in which most furniture is
missing, give a network reason to look at something else; their share is the same in every part of a problem.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.planted.pool import ATTRIBUTES, Ints, Pool
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES, VALUES

Kind = Literal["correlation", "rare", "null"]
Task = Literal["pair", "five", "cue"]
Bools = npt.NDArray[np.bool_]
KINDS: tuple[Kind, ...] = ("correlation", "rare", "null")
RECIPE = 5  # raise it when the same plan would give another network
RESERVE = (2500, 2000, 1500, 1000)  # as many as the pool has left
GLOBAL = ("floor", "lighting", "tilt", "clutter")
PLANTABLE = (
    *(cue for cue in CUES if cue != "picture"),
    *GLOBAL,
)  # no small network cares for a picture on the wall


@dataclass(frozen=True)
class Problem:
    """One problem, before anything is trained.

    Attributes:
        kind, task: see the module.
        classes: names of the classes, in the order of the network's outputs.
        target: the class that the value is tied to, or whose sub-style is rare; empty when all classes are alike.
        attribute, value: what is planted; empty for nothing.
        strength: share of the target's training pictures with the value; for a rare case the rare share.
        share: share of evaluation pictures with a rare value.
        close: share of close-ups.
        train, evaluation: numbers of pictures.
        epochs: passes over the training pictures.
        seed: text that fixes the rows and the network.
    """

    kind: Kind
    task: Task
    classes: tuple[str, ...]
    target: str
    attribute: str
    value: str
    strength: float
    share: float
    close: float
    train: int
    evaluation: int
    epochs: int
    seed: str

    def fingerprint(self, pool: Pool) -> str:
        """Of everything that decides the network's answers."""
        text = json.dumps([RECIPE, pool.fingerprint, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def about(self) -> str:
        """In one line."""
        planted = f"{self.attribute}={self.value} {self.strength:g}" if self.attribute else "nothing"
        return (
            f"{self.seed}: {'/'.join(self.classes)}, {planted}{' -> ' + self.target if self.target else ''}"
        )

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes that say something here and are not the label itself."""
        own = self.classes[0] if self.task == "cue" else ""
        here = CLASSES if self.task != "pair" else self.classes
        styles = {STYLE_COLUMNS[c] for c in CLASSES} - {STYLE_COLUMNS[c] for c in here}
        return tuple(a for a in ATTRIBUTES if a != own and a not in styles)


def draw(purpose: str, kind: Kind, number: int) -> Problem:
    """A plan: the same on every call.

    Args:
        purpose: ``development`` or ``final``: no problem is both.
        kind: what to plant.
        number: which of them.
    """
    seed = f"{purpose}/{kind}/{number}"
    rng = random.Random(f"planted {seed}")
    common: dict[str, object] = {
        "train": rng.choice((1000, 1250, 1500)),
        "evaluation": rng.choice((1500, 2000, 2500)),
        "epochs": rng.choice((4, 5)),
        "seed": seed,
    }
    if kind == "correlation":
        return _correlation(rng, number, common)
    if kind == "rare":
        return _rare(rng, common)
    task, classes = _task(rng, ("pair", "five", "cue"), (0.5, 0.2, 0.3), "")
    common["train"], common["epochs"] = 3000, 10  # the better trained, the more alike its errors
    return Problem("null", task, classes, "", "", "", 0.0, 0.0, 0.0, **common)  # type: ignore[arg-type]


def _correlation(rng: random.Random, number: int, common: dict[str, object]) -> Problem:
    attribute = PLANTABLE[number % len(PLANTABLE)]
    value = "yes" if attribute in CUES else rng.choice(VALUES[attribute])
    task, classes = _task(rng, ("pair", "five", "cue"), (0.4, 0.12, 0.48), attribute)
    close = rng.choice((0.4, 0.5, 0.6))
    common["epochs"] = rng.choice((3, 4))
    strength = round(rng.uniform(0.7, 0.95), 2)
    target = rng.choice(classes)
    return Problem(
        "correlation", task, classes, target, attribute, value, strength, 0.0, close, **common  # type: ignore[arg-type]
    )  # fmt: skip


def _rare(rng: random.Random, common: dict[str, object]) -> Problem:
    strength, share = round(rng.uniform(0.01, 0.04), 3), rng.choice((0.2, 0.3, 0.5))
    common["train"], common["epochs"] = rng.choice((1500, 2000)), 5
    if rng.random() < 0.75:
        task, classes = _task(rng, ("pair", "five"), (0.35, 0.65), "")
        target = rng.choice(classes)
        attribute, value = STYLE_COLUMNS[target], rng.choice(STYLES[target])
    else:
        attribute = rng.choices(GLOBAL, (0.05, 0.45, 0.35, 0.15))[0]
        value, target = rng.choice(VALUES[attribute]), ""
        task, classes = _task(rng, ("pair", "five", "cue"), (0.3, 0.2, 0.5), attribute)
    share = min(share, 0.3) if attribute == "lighting" else share
    return Problem(
        "rare", task, classes, target, attribute, value, strength, share, 0.0, **common  # type: ignore[arg-type]
    )  # fmt: skip


def _task(
    rng: random.Random, tasks: tuple[Task, ...], weights: tuple[float, ...], attribute: str
) -> tuple[Task, tuple[str, ...]]:
    task = rng.choices(tasks, weights)[0]
    if task == "pair":
        return task, tuple(sorted(rng.sample(CLASSES, 2)))
    if task == "five":
        return task, CLASSES
    cue = rng.choice([c for c in CUES if c != attribute])
    return task, (cue, f"no_{cue}")


@dataclass(frozen=True)
class Rows:
    """Which pictures of the pool a problem is made of, ascending and disjoint, with their labels."""

    train: Ints
    evaluation: Ints
    reserve: Ints
    labels: Ints  # of the whole pool; -1 for pictures that are of none of the classes


def labels_of(problem: Problem, pool: Pool) -> Ints:
    """(pool,) classes of a problem; -1 for pictures of none."""
    if problem.task == "cue":
        return np.where(pool.codes[problem.classes[0]] == 1, 0, 1).astype(np.int64)
    made = np.full(len(pool), -1, np.int64)
    for i, name in enumerate(problem.classes):
        made[pool.labels == CLASSES.index(name)] = i
    return made


def has_value(problem: Problem, pool: Pool) -> Bools:
    """(pool,) whether a picture has the planted value."""
    made: Bools = pool.codes[problem.attribute] == VALUES[problem.attribute].index(problem.value)
    return made


def rows_of(problem: Problem, pool: Pool) -> Rows:
    """Draw the pictures of a problem."""
    seed = int(hashlib.sha256(problem.seed.encode()).hexdigest()[:12], 16)
    rng = np.random.default_rng(seed)
    labels = labels_of(problem, pool)
    order = rng.permutation(len(pool))
    cells = cells_of(problem, pool, labels, order[labels[order] >= 0])
    evaluation = _take(problem, cells, problem.evaluation, evaluation_shares(problem, pool))
    train = _take(problem, cells, problem.train, planted_shares(problem, pool))
    fits = (n for n in RESERVE if _fits(problem, cells, n, evaluation_shares(problem, pool)))
    reserve = _take(problem, cells, next(fits, 0), evaluation_shares(problem, pool))
    return Rows(train, evaluation, reserve, labels)


Cell = tuple[int, bool, bool]  # class, close-up, has the value


def cells_of(problem: Problem, pool: Pool, labels: Ints, order: Ints) -> dict[Cell, Ints]:
    """The pool in random order, apart by class, framing and planted value."""
    has = has_value(problem, pool) if problem.attribute else np.zeros(len(pool), bool)
    close = pool.codes["framing"] == 1
    return {
        (c, near, there): order[(labels[order] == c) & (close[order] == near) & (has[order] == there)]
        for c in range(len(problem.classes))
        for near in (True, False)
        for there in (True, False)
    }


def wanted_of(problem: Problem, count: int, shares: dict[int, float]) -> dict[Cell, int]:
    """How many pictures of each cell make so many in all."""
    each = count / len(problem.classes)
    made = {}
    for c in range(len(problem.classes)):
        for near, part in ((True, problem.close), (False, 1 - problem.close)):
            whole = round(each * part)
            made[c, near, True] = round(whole * shares.get(c, 0.0))
            made[c, near, False] = whole - made[c, near, True]
    return made


def _fits(problem: Problem, cells: dict[Cell, Ints], count: int, shares: dict[int, float]) -> bool:
    return all(len(cells[cell]) >= n for cell, n in wanted_of(problem, count, shares).items())


def _take(problem: Problem, cells: dict[Cell, Ints], count: int, shares: dict[int, float]) -> Ints:
    """Take pictures out of the cells."""
    taken = []
    for cell, n in wanted_of(problem, count, shares).items():
        taken.append(cells[cell][:n])
        cells[cell] = cells[cell][n:]
    return np.sort(np.concatenate(taken))


def planted_shares(problem: Problem, pool: Pool) -> dict[int, float]:
    """Class → share of its training pictures with the planted value."""
    if problem.kind == "correlation":
        tied = problem.classes.index(problem.target)
        return {
            c: problem.strength if c == tied else 1 - problem.strength for c in range(len(problem.classes))
        }
    return _shares(problem, pool, problem.strength)


def evaluation_shares(problem: Problem, pool: Pool) -> dict[int, float]:
    return _shares(problem, pool, problem.share if problem.kind == "rare" else None)


def _shares(problem: Problem, pool: Pool, share: float | None) -> dict[int, float]:
    """Class → share with the value: as in the pool, or ``share`` where it is rare (in its class, if it has one)."""
    if not problem.attribute:
        return {}
    labels, has = labels_of(problem, pool), has_value(problem, pool)
    made = {c: float(has[labels == c].mean()) for c in range(len(problem.classes))}
    if share is None:
        return made
    if problem.target:
        return {**made, problem.classes.index(problem.target): share}
    return dict.fromkeys(made, share)
