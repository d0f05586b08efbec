"""Every way to choose on every trial; resumable, with the time left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.planted.pool import Pool
from benchmarks.planted.problems import Kind, Problem
from benchmarks.planted.run import Drawn, drawn_problems
from benchmarks.planted.words import WordMethods
from benchmarks.selection.methods import Chooser, Way
from benchmarks.selection.trials import BUDGET, TooFew, Trial, in_bug, open_trial

SEEN = ("stools", "television")  # the only cues that networks of this size can be taught at 48 pixels


@dataclass(frozen=True)
class Result:
    """One network.

    Attributes:
        problem, kind, seed: the trial.
        method: how the added images were chosen.
        budget, unlabelled: images added, and images to choose from.
        error, inside, outside: see ``trials.Outcome``.
        picked, there: share of the chosen images, and of those to choose from, that the planted bug is about; ``picked``
            None where none were added.
        seconds: to choose.
    """

    problem: str
    kind: Kind
    seed: int
    method: str
    budget: int
    unlabelled: int
    error: float
    inside: float
    outside: float
    picked: float | None
    there: float
    seconds: float


def problems_of(
    purpose: str, wanted: Mapping[Kind, int], pool: Pool, cache: Path, cues: bool = True
) -> list[Problem]:
    """The first problems of each kind that count, that the networks can be taught at all, and that leave enough pictures.

    ``cues`` False: those about rooms only.
    """
    found = drawn_problems(purpose, {kind: 3 * n for kind, n in wanted.items()}, pool, cache)
    seen = SEEN if cues else ()
    fit = {kind: _first(found[kind], n, pool, seen) for kind, n in wanted.items()}
    longest = max((len(many) for many in fit.values()), default=0)
    return [many[i] for i in range(longest) for many in fit.values() if i < len(many)]


def _first(drawn: Sequence[Drawn], n: int, pool: Pool, seen: Sequence[str]) -> list[Problem]:
    made: list[Problem] = []
    for one in drawn:
        if len(made) == n:
            break
        if not one.taken.counts or (one.problem.task == "cue" and one.problem.classes[0] not in seen):
            continue
        try:
            open_trial(one.problem, pool, 0)
        except TooFew:
            continue
        made.append(one.problem)
    return made


def run(
    problems: Sequence[Problem],
    seeds: Sequence[int],
    ways: Mapping[str, Way],
    pool: Pool,
    words: WordMethods | None,
    path: Path | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    budget: int = BUDGET,
) -> list[Result]:
    """All results; what stands in the file already is not run again. Seed by seed, so that a stopped run is balanced."""
    made = load(path)
    known = {(r.problem, r.seed, r.method) for r in made}
    todo = [
        (problem, seed, [n for n in ways if (problem.seed, seed, n) not in known])
        for seed in seeds
        for problem in problems
    ]
    todo = [one for one in todo if one[2]]
    began = time.monotonic()
    for done, (problem, seed, names) in enumerate(todo, 1):
        trial = open_trial(problem, pool, seed)
        for result in _results(trial, {n: ways[n] for n in names}, words, budget):
            made.append(result)
            if path is not None:
                with path.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(asdict(result)) + "\n")
        if progress is not None:
            progress(done, len(todo), (time.monotonic() - began) / done * (len(todo) - done))
    asked = {(p.seed, s, n) for p in problems for s in seeds for n in ways}
    return [r for r in made if (r.problem, r.seed, r.method) in asked]


def _results(
    trial: Trial, ways: Mapping[str, Way], words: WordMethods | None, budget: int
) -> Iterator[Result]:
    chooser = Chooser(trial, words)
    about = in_bug(trial.problem, trial.pool, trial.rows.labels)
    for name, way in ways.items():
        began = time.process_time()
        chosen = chooser.choose(way, budget)
        seconds = time.process_time() - began
        got = trial.trained_again(chosen) if len(chosen) else trial.outcome(trial.network)
        yield Result(
            trial.problem.seed,
            trial.problem.kind,
            trial.seed,
            name,
            len(chosen),
            len(trial.unlabelled),
            got.error,
            got.inside,
            got.outside,
            float(about[chosen].mean()) if len(chosen) else None,
            float(about[trial.unlabelled].mean()),
            seconds,
        )


def load(path: Path | None) -> list[Result]:
    """Results of a file; none where there is none."""
    if path is None or not path.is_file():
        return []
    return [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
