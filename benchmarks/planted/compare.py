"""Every method on every problem that counts, and the table of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.planted.methods import Method
from benchmarks.planted.metrics import SHOWN, Score, score
from benchmarks.planted.pool import Ints, Pool
from benchmarks.planted.problems import Kind, Problem
from benchmarks.planted.run import Drawn
from benchmarks.planted.takeup import NOTHING, TakeUp
from benchmarks.planted.training import Answers
from benchmarks.planted.view import Attributes
from failsight.tools.stats.intervals import wilson

BANDS = ((0.2, 0.4), (0.4, 0.7), (0.7, 1.01))
"""Correlation problems apart by how far the bug was taken up (phi): HiBug's thresholds are 0.7 and 0.8."""


@dataclass(frozen=True)
class Entry:
    """A method and the attributes that its statements are judged by."""

    method: Method
    attributes: Callable[[Problem, Pool], Attributes]


@dataclass(frozen=True)
class Result:
    """How a method did on a problem.

    Attributes:
        method: its name.
        problem, taken: the problem, and how far the bug was taken up.
        exchanged: whether the answers were exchanged between pictures of the same class (null problems only).
        score: see there.
        said: its first statements, in words.
    """

    method: str
    problem: Problem
    taken: TakeUp
    exchanged: bool
    score: Score
    said: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "method": self.method,
            "problem": asdict(self.problem),
            "taken": asdict(self.taken),
            "exchanged": self.exchanged,
            "score": asdict(self.score),
            "said": list(self.said),
        }


def exchanged(problem: Problem, answers: Answers) -> Answers:
    """The same answers, exchanged at random between pictures of the same class: now errors have to do with nothing."""
    rng = np.random.default_rng(int(hashlib.sha256(problem.seed.encode()).hexdigest()[:8], 16))
    if answers.reserve is None:
        raise ValueError("the reserve was not asked")
    place = _within(rng, answers.labels)
    kept = _within(rng, answers.rows.labels[answers.rows.reserve])
    return replace(answers, scores=answers.scores[place], reserve=answers.reserve[kept])


def _within(rng: np.random.Generator, labels: Ints) -> Ints:
    made = np.arange(len(labels))
    for c in np.unique(labels):
        mine = np.flatnonzero(labels == c)
        made[mine] = rng.permutation(mine)
    return made


def compare(
    problems: Sequence[Drawn],
    pool: Pool,
    answers_of: Callable[[Problem], Answers],
    entries: Mapping[str, Entry],
    progress: Callable[[int, int, float], None] | None = None,
    path: Path | None = None,
) -> list[Result]:
    """Run everything on everything; what stands in the file already is not run again.

    Args:
        problems: those that count.
        pool: the pictures.
        answers_of: the network's answers to a problem.
        entries: method by name.
        progress: told how many problems of how many are done, and the seconds left.
        path: file of JSON lines, one result each, written as they come.
    """
    made = load(path)
    known = {(r.method, r.problem.seed) for r in made}
    began = time.monotonic()
    for done, one in enumerate(problems, 1):
        answers = answers_of(one.problem)
        for name, entry in entries.items():
            if (name, one.problem.seed) not in known:
                fresh = list(_results(name, entry, one, pool, answers))
                _append(path, fresh)
                made += fresh
        if progress is not None:
            progress(done, len(problems), (time.monotonic() - began) / done * (len(problems) - done))
    return made


def load(path: Path | None) -> list[Result]:
    """Results of a file; none where there is none."""
    if path is None or not path.is_file():
        return []
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        problem = Problem(**{**raw["problem"], "classes": tuple(raw["problem"]["classes"])})
        taken, scored = TakeUp(**raw["taken"]), Score(**raw["score"])
        made.append(Result(raw["method"], problem, taken, raw["exchanged"], scored, tuple(raw["said"])))
    return made


def _append(path: Path | None, results: Sequence[Result]) -> None:
    """All results of a method on a problem at once: half of them would never be completed."""
    if path is not None:
        with path.open("a", encoding="utf-8") as out:
            out.write("".join(json.dumps(r.row()) + "\n" for r in results))


def _results(name: str, entry: Entry, one: Drawn, pool: Pool, answers: Answers) -> Iterator[Result]:
    ways = [(False, answers)] if one.taken.counts else []
    if one.problem.kind == "null":
        ways.append((True, exchanged(one.problem, answers)))
    for swapped, given in ways:
        began = time.process_time()
        said = entry.method(one.problem, pool, given)
        seconds = time.process_time() - began
        made = score(one.problem, pool, given, entry.attributes(one.problem, pool), said, seconds)
        yield Result(name, one.problem, one.taken, swapped, made, tuple(s.text for s in said[:SHOWN]))


# -- the table ---------------------------------------------------------------------------------


def share(hits: int, n: int) -> str:
    """``0.87 [0.79, 0.92]``."""
    if not n:
        return "-"
    low, high = wilson(hits, n)
    return f"{hits / n:.2f} [{low:.2f}, {high:.2f}]"


def markdown(results: Sequence[Result], drawn: Mapping[Kind, Sequence[Drawn]]) -> list[str]:
    """Everything that was measured, as Markdown tables."""
    methods = list(dict.fromkeys(r.method for r in results))
    lines = [
        "## Problems",
        "",
        "| kind | drawn | counted | taken up (median) | error of the networks (median) |",
    ]
    lines.append("|---|---|---|---|---|")
    for kind, many in drawn.items():
        counted = [d for d in many if d.taken.counts]
        if counted:
            sizes, errors = [d.taken.size for d in counted], [d.taken.error for d in counted]
            lines.append(
                f"| {kind} | {len(many)} | {len(counted)} | {median(sizes):.2f} | {median(errors):.2f} |"
            )
    for kind in ("correlation", "rare"):
        mine = [r for r in results if r.problem.kind == kind]
        if mine:
            lines += ["", *_planted_table(kind, mine, methods)]
    mine = [r for r in results if r.problem.kind == "correlation"]
    if mine:
        lines += ["", *_bands(mine, methods)]
    mine = [r for r in results if r.problem.kind == "null"]
    if mine:
        lines += ["", *_null_table(mine, methods)]
    return lines


def _planted_table(kind: str, results: Sequence[Result], methods: Sequence[str]) -> list[str]:
    n = len(results) // len(methods)
    lines = [
        f"## {kind}: {n} problems",
        "",
        f"| method | attribute (first {SHOWN}) | exact value (first {SHOWN}) | value, strictly | attribute, first statement | "
        f"value, first statement | attribute, any statement | right kind | precision at 10 | best of the first {SHOWN} | statements | "
        "unrelated | of these not so | s |",
        "|---" * 14 + "|",
    ]
    for name in methods:
        scores = [r.score for r in results if r.method == name]
        said, unrelated = sum(s.statements for s in scores), sum(s.unrelated for s in scores)
        cells = [
            share(sum(getattr(s, field) for s in scores), len(scores))
            for field in ("attribute", "value", "strict", "first", "first_value", "anywhere")
        ]
        named = [s for s in scores if s.attribute]
        silent = not any(s.kind for s in scores) and name.startswith("Domino")  # it does not say
        cells.append("-" if silent else share(sum(s.kind for s in named), len(named)))
        cells.append(f"{np.mean([s.precision for s in scores]):.2f}")
        cells.append(f"{np.mean([s.best for s in scores]):.2f}")
        cells.append(f"{said / max(len(scores), 1):.1f}")
        cells.append(share(unrelated, said))
        cells.append(share(sum(s.unreal for s in scores), unrelated))
        cells.append(f"{median(s.seconds for s in scores):.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _bands(results: Sequence[Result], methods: Sequence[str]) -> list[str]:
    heads = [f"phi {low:g} to {min(high, 1):g}" for low, high in BANDS]
    lines = [
        "## correlation, by how far the bug was taken up (attribute / value)",
        "",
        f"| method | {' | '.join(heads)} |",
        "|---" * (len(heads) + 1) + "|",
    ]
    for name in methods:
        cells = []
        for low, high in BANDS:
            scores = [r.score for r in results if r.method == name and low <= r.taken.size < high]
            hits = [sum(s.attribute for s in scores), sum(s.value for s in scores)]
            cells.append(f"{hits[0]} / {hits[1]} of {len(scores)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _null_table(results: Sequence[Result], methods: Sequence[str]) -> list[str]:
    everything = len({r.problem.seed for r in results})
    n = len({r.problem.seed for r in results if not r.exchanged})
    lines = [
        f"## null: {n} problems, {everything} with answers exchanged",
        "",
        "Exchanged: the network's answers are exchanged between pictures of the same class, so that nothing is true but the "
        "classes (all networks that were drawn). As they are: nothing was planted, and no attribute value has "
        f"{NOTHING:.0%} more errors than the rest; a network may have smaller weaknesses of its own, so statements are tried "
        "on the reserve.",
        "",
        "| method | exchanged: says anything | as they are: says anything | as they are: says what is not so | statements, as they are |",
        "|---" * 5 + "|",
    ]
    for name in methods:
        mine = [r for r in results if r.method == name]
        swapped, natural = [r.score for r in mine if r.exchanged], [r for r in mine if not r.exchanged]
        cells = [
            share(sum(s.statements > 0 for s in swapped), len(swapped)),
            share(sum(r.score.statements > 0 for r in natural), len(natural)),
            share(sum(r.score.unreal > 0 for r in natural), len(natural)),
            f"{sum(r.score.statements for r in natural) / max(len(natural), 1):.1f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def failures(results: Sequence[Result], method: str) -> Iterator[str]:
    """The planted problems in which a method does not give the value, with what it says instead."""
    for r in results:
        if r.method == method and r.problem.kind != "null" and not (r.score.value and r.score.attribute):
            yield f"{r.problem.about} (taken up {r.taken.size:.2f}, error {r.taken.error:.2f}): {'; '.join(r.said) or 'nothing'}"
