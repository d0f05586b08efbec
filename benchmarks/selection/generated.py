"""Generated pictures by class and slice against the class name alone: HiBug's Table 5 on the planted problems.

    python -m benchmarks.selection.generated                        # the renderer that knows this world: what could be reached
    python -m benchmarks.selection.generated --pipeline rooms       # and a diffusers pipeline, told in prompts

Slices are those of the evaluation images of each class with the highest error rates, until they hold 90 % of the class's
errors; every class gets the same number of pictures, its slices in proportion to their errors (Chen et al. 2023, section
7.1). The baseline asks for the class and nothing else. First the failing network is asked about the generated pictures, then
it is trained again with them; real pictures that no method saw judge it. Problems about rooms only: "a photo of no stools" is
no prompt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from benchmarks.planted.methods import true_attributes
from benchmarks.planted.pool import COUNT, SIZE, Bytes, Ints, Pool, default_cache, open_pool, shrunk
from benchmarks.planted.problems import Kind, Problem
from benchmarks.planted.training import fit, scores_of
from benchmarks.selection.run import problems_of
from benchmarks.selection.table import points, rate
from benchmarks.selection.trials import BUDGET, Trial, number_of, open_trial
from failsight.knowledge_base.cases.captions import PHRASES
from failsight.knowledge_base.cases.scene import CLASSES, VALUES
from failsight.tools.repair.prompts import Wanted, prompt
from failsight.tools.stats.covering import cover, share_out

BETA = 0.9


@dataclass(frozen=True)
class Result:
    """One way to generate on one trial.

    Attributes:
        problem, kind, seed: the trial.
        generator, words: who drew, and what was asked for (``class`` or ``slice``); both empty for the failing network.
        pictures: how many.
        wrong: share of them that the failing network gets wrong; None for none.
        error, inside, outside: after training again, on real pictures; see ``trials.Outcome``.
    """

    problem: str
    kind: Kind
    seed: int
    generator: str
    words: str
    pictures: int
    wrong: float | None
    error: float
    inside: float
    outside: float


class Generator(Protocol):
    """Draws what is asked for."""

    name: str

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Bytes:
        """(n, 3, 48, 48) pictures."""
        ...


# -- what to ask for -------------------------------------------------------------------------------


def by_class(problem: Problem, budget: int) -> list[Wanted]:
    """The same number of every class, nothing else said."""
    each = share_out(budget, [1.0] * len(problem.classes), [budget] * len(problem.classes))
    return [Wanted(name) for name, n in zip(problem.classes, each, strict=True) for _ in range(n)]


def by_slice(trial: Trial, budget: int) -> list[Wanted]:
    """The same number of every class, of its slices in proportion to their errors."""
    problem, rows = trial.problem, trial.rows.evaluation
    attributes = true_attributes(problem, trial.pool)
    codes = attributes.codes[rows].astype(np.int64)
    labels = trial.rows.labels[rows]
    failed = trial.scores(rows).argmax(1) != labels
    plain = by_class(problem, budget)
    made: list[Wanted] = []
    for c, name in enumerate(problem.classes):
        n = sum(one.class_name == name for one in plain)
        mine = labels == c
        slices = cover(codes[mine], failed[mine], beta=BETA) if failed[mine].any() else ()
        parts = share_out(n, [float(s.failures) for s in slices], [n] * len(slices))
        for one, k in zip(slices, parts, strict=True):
            values = {attributes.names[a]: attributes.values[a][code] for a, code in one.conditions}
            made += [Wanted(name, values)] * k
        made += [Wanted(name)] * (n - sum(parts))
    return made


# -- who draws -------------------------------------------------------------------------------------


class Renderer:
    """The pictures of the pool that nothing else uses: the renderer's own, with every attribute independent."""

    name = "renderer"

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Bytes:
        rows, used = trial.rows, trial.rows.labels < 0
        used = used.copy()
        used[np.concatenate([rows.train, rows.evaluation, rows.reserve])] = True
        rng = np.random.default_rng([number_of(trial.problem.seed), trial.seed, 3])
        order = rng.permutation(len(trial.pool))
        made = []
        for one in wanted:
            row = self._find(trial, one, order, used)
            used[row] = True
            made.append(row)
        return np.asarray(trial.pool.small[np.array(made)])

    def _find(self, trial: Trial, wanted: Wanted, order: Ints, used: np.ndarray[Any, Any]) -> int:
        """A picture as wanted; without its last condition where there is none left."""
        conditions = list(wanted.values.items())
        free = ~used & (trial.rows.labels == trial.problem.classes.index(wanted.class_name))
        while True:
            fits = free.copy()
            for name, value in conditions:
                codes = trial.pool.labels if name == "room" else trial.pool.codes[name]
                fits &= codes == (CLASSES if name == "room" else VALUES[name]).index(value)
            if fits.any() or not conditions:
                return int(order[fits[order]][0])
            conditions.pop()


class Pipeline:
    """A diffusers pipeline, told in prompts."""

    def __init__(self, where: str, steps: int) -> None:
        from failsight.tools.repair.pipelines import open_painter

        self._painter = open_painter(where, "text_to_image", steps=steps, batch=16)
        self.name = self._painter.name

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Bytes:
        from failsight.tools.repair.pipelines import Request

        seed = number_of(f"{trial.problem.seed} {trial.seed} painted")
        asked = [Request(prompt(one, PHRASES), seed + i) for i, one in enumerate(wanted)]
        pictures = [
            np.asarray((one or Image.new("RGB", (SIZE, SIZE))).convert("RGB").resize((SIZE, SIZE)))
            for one in self._painter.paint(asked)
        ]
        return shrunk(np.stack(pictures))


# -- measuring -------------------------------------------------------------------------------------


def measure(trial: Trial, generator: Generator, words: str, budget: int) -> Result:
    """Generate, ask, train again, judge."""
    wanted = by_slice(trial, budget) if words == "slice" else by_class(trial.problem, budget)
    pictures = generator.draw(trial, wanted)
    labels = np.array([trial.problem.classes.index(one.class_name) for one in wanted], np.int64)
    found = scores_of(trial.network, pictures, np.arange(len(pictures))).argmax(1)
    old = trial.rows.train
    # the same training pictures with the new ones behind them, as a small pool of its own
    small = np.concatenate([np.asarray(trial.pool.small[old]), pictures])
    joined = np.concatenate([trial.rows.labels[old], labels])
    rows = replace(trial.rows, train=np.arange(len(joined), dtype=np.int64), labels=joined)
    network = fit(trial.problem, replace(trial.pool, small=small), rows, trial.mark)
    got = trial.outcome(network)
    return Result(
        trial.problem.seed, trial.problem.kind, trial.seed, generator.name, words, len(pictures),
        float((found != labels).mean()), got.error, got.inside, got.outside,
    )  # fmt: skip


def run(
    problems: Sequence[Problem],
    seeds: Sequence[int],
    generators: Sequence[Generator],
    pool: Pool,
    path: Path | None,
    budget: int,
) -> list[Result]:
    """All results; what stands in the file already is not made again."""
    made = load(path)
    known = {(r.problem, r.seed, r.generator, r.words) for r in made}
    for seed in seeds:
        for problem in problems:
            trial = open_trial(problem, pool, seed)
            fresh = []
            if (problem.seed, seed, "", "") not in known:
                got = trial.outcome(trial.network)
                fresh.append(Result(problem.seed, problem.kind, seed, "", "", 0, None, got.error, got.inside, got.outside))  # fmt: skip
            fresh += [
                measure(trial, one, words, budget)
                for one in generators
                for words in WORDS
                if (problem.seed, seed, one.name, words) not in known
            ]
            made += fresh
            if path is not None:
                with path.open("a", encoding="utf-8") as out:
                    out.write("".join(json.dumps(asdict(r)) + "\n" for r in fresh))
            print(f"{problem.about}, seed {seed}", file=sys.stderr, flush=True)
    return made


def load(path: Path | None) -> list[Result]:
    """Results of a file; none where there is none."""
    if path is None or not path.is_file():
        return []
    return [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def markdown(results: Sequence[Result]) -> list[str]:
    """A table for each generator."""
    lines = []
    none = _means([r for r in results if not r.generator], "error")
    for name in dict.fromkeys(r.generator for r in results if r.generator):
        mine = [r for r in results if r.generator == name]
        means = {w: {f: _means([r for r in mine if r.words == w], f) for f in FIELDS} for w in WORDS}
        problems = sorted(means["class"]["error"])
        lines += [
            "",
            f"## {name}: {len(problems)} problems, {len({(r.problem, r.seed) for r in mine})} trials",
            "",
            "| | class name | class and slice | slice minus class, points |",
            "|---|---|---|---|",
        ]
        for field, title in FIELDS.items():
            one, two = (np.array([means[w][field][p] for p in problems]) for w in WORDS)
            lines.append(f"| {title} | {rate(one.tolist())} | {rate(two.tolist())} | {points(two - one)} |")
        lines.append(f"\nWithout added pictures: {rate([none[p] for p in problems])}.")
    return lines[1:]


WORDS = ("class", "slice")
FIELDS: Mapping[str, str] = {
    "wrong": "error on the generated pictures, before",
    "error": "error on real pictures, trained again",
    "inside": "the same where the bug is",
    "outside": "the same elsewhere",
}


def _means(results: Sequence[Result], field: str) -> dict[str, float]:
    by: dict[str, list[float]] = {}
    for r in results:
        by.setdefault(r.problem, []).append(getattr(r, field))
    return {p: float(np.mean(v)) for p, v in by.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, train, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection.generated", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--purpose", choices=("development", "final"), default="development")
    parser.add_argument("--correlation", type=int, default=4, help="correlation problems")
    parser.add_argument("--rare", type=int, default=4, help="rare-case problems")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", type=int, default=BUDGET, help="pictures to generate")
    parser.add_argument("--pipeline", help="a diffusers pipeline: folder, hub id, or rooms")
    parser.add_argument("--steps", type=int, default=25, help="denoising steps of the pipeline")
    parser.add_argument("--no-renderer", action="store_true", help="the pipeline alone")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--out", type=Path, help="file for all results, one JSON object a line; resumes")
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    given = parser.parse_args(argv)
    pool = open_pool(given.cache, COUNT)
    wanted: dict[Kind, int] = {"correlation": given.correlation, "rare": given.rare}
    problems = problems_of(given.purpose, wanted, pool, given.cache, cues=False)
    generators: list[Generator] = [] if given.no_renderer else [Renderer()]
    if given.pipeline:
        generators.append(Pipeline(given.pipeline, given.steps))
    lines = markdown(run(problems, range(given.seeds), generators, pool, given.out, given.budget))
    print("\n".join(lines))
    if given.markdown:
        said = " ".join(str(w) for w in (sys.argv[1:] if argv is None else argv))
        head = [
            "# Generated pictures: class and slice against the class name", "",
            f"Measured on {date.today():%d %B %Y} by `python -m benchmarks.selection.generated {said}`. Means over problems with "
            "95 % intervals over problems (Student's t, for shares on the logit scale); differences are paired.", "",
        ]  # fmt: skip
        given.markdown.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
