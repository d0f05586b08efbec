"""Drawing and training problems until enough have taken up what was planted; resumable, with the time left."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.planted.pool import Pool
from benchmarks.planted.problems import KINDS, Kind, Problem, draw
from benchmarks.planted.takeup import TakeUp, take_up, worth_asking
from benchmarks.planted.training import answers_of

PATIENCE = 8  # draws per wanted problem after which the rest is given up


@dataclass(frozen=True)
class Drawn:
    """A problem that was drawn and trained, and whether it counts."""

    problem: Problem
    taken: TakeUp


def drawn_problems(
    purpose: str, wanted: Mapping[Kind, int], pool: Pool, cache: Path, quiet: bool = False
) -> dict[Kind, list[Drawn]]:
    """For each kind, all problems drawn until as many as wanted count, in order.

    What was judged before is read from the cache, so that an interrupted run goes on where it was. The kinds take turns,
    so that a stopped run has some of each.

    Args:
        purpose: ``development`` or ``final``.
        wanted: how many of each kind are to count.
        pool, cache: the pictures and the folder for everything kept.
        quiet: no lines on stderr.
    """
    made: dict[Kind, list[Drawn]] = {kind: [] for kind in KINDS}
    began, fresh = time.monotonic(), 0
    while open_kinds := [k for k in KINDS if _open(made[k], wanted.get(k, 0))]:
        for kind in open_kinds:
            problem = draw(purpose, kind, len(made[kind]))
            known = _known(problem, pool, cache)
            if known is None:
                known = take_up(problem, pool, answers_of(problem, pool, cache, worth_asking(problem, pool)))
                _keep(problem, pool, cache, known)
                fresh += 1
            made[kind].append(Drawn(problem, known))
            if not quiet and fresh and known is not None:
                _say(made, wanted, time.monotonic() - began, fresh, made[kind][-1])
    return made


def compared(made: Mapping[Kind, list[Drawn]]) -> Iterator[Drawn]:
    """The problems that count, and all with nothing planted: exchanged answers are null whatever the network is like."""
    for kind, many in made.items():
        yield from (one for one in many if one.taken.counts or kind == "null")


def _open(many: list[Drawn], wanted: int) -> bool:
    return sum(one.taken.counts for one in many) < wanted and len(many) < PATIENCE * wanted


def _path(problem: Problem, pool: Pool, cache: Path) -> Path:
    return cache / "taken" / f"{problem.fingerprint(pool)}.json"


def _known(problem: Problem, pool: Pool, cache: Path) -> TakeUp | None:
    path = _path(problem, pool, cache)
    if not path.is_file():
        return None
    return TakeUp(**json.loads(path.read_text()))


def _keep(problem: Problem, pool: Pool, cache: Path, taken: TakeUp) -> None:
    path = _path(problem, pool, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(taken)))
    part.replace(path)


def _say(
    made: Mapping[Kind, list[Drawn]], wanted: Mapping[Kind, int], seconds: float, fresh: int, last: Drawn
) -> None:
    counts = {k: sum(one.taken.counts for one in many) for k, many in made.items()}
    parts, left = [], 0.0
    for kind, many in made.items():
        goal = wanted.get(kind, 0)
        parts.append(f"{kind} {counts[kind]}/{goal} of {len(many)}")
        left += max(goal - counts[kind], 0) * (len(many) + 1) / (counts[kind] + 1)
    minutes = left * seconds / max(fresh, 1) / 60
    verdict = "counts" if last.taken.counts else "not taken up"
    print(
        f"{'; '.join(parts)}; about {minutes:.0f} min left | {verdict} {last.taken.size:.2f}, error {last.taken.error:.2f} "
        f"{last.problem.about}",
        file=sys.stderr,
        flush=True,
    )
