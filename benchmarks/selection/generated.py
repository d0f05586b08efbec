"""Generated pictures by class and slice against the class name alone: HiBug's Table 5 on the planted problems.

    python -m benchmarks.selection.generated                        # the renderer that knows this world: what could be reached
    python -m benchmarks.selection.generated --pipeline rooms       # and a diffusers pipeline, told in prompts (painted.py)

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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.planted.methods import true_attributes
from benchmarks.planted.pool import COUNT, Ints, Pool, default_cache, open_pool
from benchmarks.planted.problems import Kind, Problem
from benchmarks.planted.training import fit, scores_of
from benchmarks.selection.painted import Drawn, Gallery, Pipeline
from benchmarks.selection.run import problems_of
from benchmarks.selection.table import points, rate
from benchmarks.selection.trials import BUDGET, Trial, number_of, open_trial
from failsight.knowledge_base.cases.scene import CLASSES, VALUES
from failsight.tools.repair.prompts import Wanted
from failsight.tools.stats.covering import cover, share_out

BETA = 0.9
BATCH = 50  # pictures painted at a time
ENCODER = str(Path(__file__).resolve().parents[2] / "knowledge_base" / "cases" / "rooms_clip")


@dataclass(frozen=True)
class Result:
    """One way to generate on one trial.

    Attributes:
        problem, kind, seed: the trial.
        generator, words: who drew, and what was asked for (``class`` or ``slice``); both empty for the failing network.
        pictures: how many.
        wrong: share of them that the failing network gets wrong; None for none.
        error, inside, outside: after training again, on real pictures; see ``trials.Outcome``.
        tried, shown, found: see ``painted.Drawn``.
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
    tried: int = 0
    shown: float | None = None
    found: Mapping[str, Sequence[int]] = field(default_factory=dict)


class Generator(Protocol):
    """Draws what is asked for."""

    name: str

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Drawn:
        """A picture for each of ``wanted``."""
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

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Drawn:
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
        return Drawn(np.asarray(trial.pool.small[np.array(made)]), len(made))

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


# -- measuring -------------------------------------------------------------------------------------


def measure(trial: Trial, generator: Generator, words: str, budget: int) -> Result:
    """Generate, ask, train again, judge."""
    wanted = by_slice(trial, budget) if words == "slice" else by_class(trial.problem, budget)
    drawn = generator.draw(trial, wanted)
    pictures = drawn.pictures
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
        float((found != labels).mean()), got.error, got.inside, got.outside, drawn.tried, drawn.shown, drawn.found,
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
            for result in _fresh(trial, generators, budget, known):
                made.append(result)
                if path is not None:
                    with path.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(asdict(result)) + "\n")
            print(f"{problem.about}, seed {seed}", file=sys.stderr, flush=True)
    asked = {(p.seed, s) for p in problems for s in seeds}
    return [r for r in made if (r.problem, r.seed) in asked]


def _fresh(
    trial: Trial, generators: Sequence[Generator], budget: int, known: set[tuple[str, int, str, str]]
) -> Iterator[Result]:
    """What is not known of a trial yet."""
    problem, seed = trial.problem, trial.seed
    if (problem.seed, seed, "", "") not in known:
        got = trial.outcome(trial.network)
        yield Result(problem.seed, problem.kind, seed, "", "", 0, None, got.error, got.inside, got.outside)
    for one in generators:
        for words in WORDS:
            if (problem.seed, seed, one.name, words) not in known:
                yield measure(trial, one, words, budget)


def load(path: Path | None) -> list[Result]:
    """Results of a file; none where there is none."""
    if path is None or not path.is_file():
        return []
    return [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def markdown(results: Sequence[Result]) -> list[str]:
    """A table for each generator, of the trials that it finished."""
    lines = []
    for name in dict.fromkeys(r.generator for r in results if r.generator):
        mine, before = _finished(results, name)
        if not mine:
            continue
        none = _means(before, "error")
        means = {w: {f: _means([r for r in mine if r.words == w], f) for f in FIELDS} for w in WORDS}
        problems = sorted(means["class"]["error"])
        lines += [
            "",
            f"## {name}: {len(problems)} problems, {len({(r.problem, r.seed) for r in mine})} trials",
            "",
            "| | class name | class and slice | slice minus class, points |",
            "|---|---|---|---|",
        ]
        for what, title in FIELDS.items():
            one, two = (np.array([means[w][what][p] for p in problems]) for w in WORDS)
            lines.append(f"| {title} | {rate(one.tolist())} | {rate(two.tolist())} | {points(two - one)} |")
        lines.append(f"\nWithout added pictures: {rate([none[p] for p in problems])}.")
        lines += _sifted(mine)
    return lines[1:]


def _finished(results: Sequence[Result], name: str) -> tuple[list[Result], list[Result]]:
    """A generator's results in the trials of which it has both ways to ask, and those of their failing networks."""
    ways: dict[tuple[str, int], set[str]] = {}
    for r in results:
        if r.generator in (name, ""):
            ways.setdefault((r.problem, r.seed), set()).add(r.words)
    whole = {trial for trial, words in ways.items() if words == {"", *WORDS}}
    there = [r for r in results if (r.problem, r.seed) in whole]
    return [r for r in there if r.generator == name], [r for r in there if not r.generator]


def _sifted(results: Sequence[Result]) -> list[str]:
    """What the encoder found in painted pictures; nothing where nobody looked."""
    lines = []
    for words in WORDS:
        seen = [r for r in results if r.words == words and r.shown is not None]
        if seen:
            pictures, tried = (sum(getattr(r, k) for r in seen) for k in ("pictures", "tried"))
            shown = sum((r.shown or 0.0) * r.pictures for r in seen) / pictures
            lines.append(
                f"Prompts of {TITLES[words]}: {tried:,} pictures painted for {pictures:,}; {100 * shown:.0f} % of those show all that was asked for."
            )
    found: dict[str, list[int]] = {}
    for r in results:
        for name, (tried, hit) in r.found.items():
            one = found.setdefault(name, [0, 0])
            one[0], one[1] = one[0] + tried, one[1] + hit
    if found:
        lines += ["", "| asked for | pictures | seen in |", "|---|---|---|"]
        order = sorted(found.items(), key=lambda item: -item[1][1] / item[1][0])
        lines += [f"| {name} | {tried:,} | {100 * hit / tried:.0f} % |" for name, (tried, hit) in order]
    return ["", *lines] if lines else []


WORDS = ("class", "slice")
TITLES = {"class": "the class name", "slice": "class and slice"}
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
    parser.add_argument("--skip", type=int, default=0, help="leave out the first so many of each kind")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budget", type=int, default=BUDGET, help="pictures to generate")
    parser.add_argument("--pipeline", help="a diffusers pipeline: folder, hub id, or rooms")
    parser.add_argument("--steps", type=int, default=15, help="denoising steps of the pipeline")
    parser.add_argument("--guidance", type=float, default=4.0, help="how closely its prompts are followed")
    parser.add_argument("--encoder", default=ENCODER, help="folder of the encoder that sifts what it paints")
    parser.add_argument("--keep", choices=("wanted", "all"), default="wanted", help="all: nothing is sifted")
    parser.add_argument("--no-renderer", action="store_true", help="the pipeline alone")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--out", type=Path, help="file for all results, one JSON object a line; resumes")
    parser.add_argument("--markdown", type=Path, help="file for the tables")
    given = parser.parse_args(argv)
    pool = open_pool(given.cache, COUNT)
    counts: dict[Kind, int] = {"correlation": given.correlation, "rare": given.rare}
    wanted: dict[Kind, int] = {kind: n + given.skip if n else 0 for kind, n in counts.items()}
    problems = _without(problems_of(given.purpose, wanted, pool, given.cache, cues=False), given.skip)
    generators: list[Generator] = [] if given.no_renderer else [Renderer()]
    if given.pipeline:
        generators.append(_pipeline(given))
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


def _without(problems: Sequence[Problem], first: int) -> list[Problem]:
    """All but the first so many of each kind."""
    seen: Counter[Kind] = Counter()
    made = []
    for one in problems:
        seen[one.kind] += 1
        if seen[one.kind] > first:
            made.append(one)
    return made


def _pipeline(given: argparse.Namespace) -> Pipeline:
    from failsight.tools.attributes.clip import open_encoder
    from failsight.tools.repair.pipelines import open_painter

    painter = open_painter(
        given.pipeline, "text_to_image", steps=given.steps, guidance=given.guidance, batch=BATCH
    )
    return Pipeline(
        Gallery(painter, given.cache), open_encoder(given.encoder) if given.keep == "wanted" else None
    )


if __name__ == "__main__":
    sys.exit(main())
