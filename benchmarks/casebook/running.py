"""Cases played one after the other or several at a time: nothing is played twice, and whoever waits knows for how long."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.casebook.baselines.answering import Room
from benchmarks.casebook.baselines.methods import METHODS
from benchmarks.casebook.keeping import GIGABYTES, kept_case
from benchmarks.casebook.making import Case, NotMadeError, make_case
from benchmarks.casebook.plans import Split, slot
from benchmarks.casebook.playing import LIMIT, TooLongError, play
from failsight.tools.errors import UserError

CACHE = Path.home() / ".cache" / "failsight" / "planted" / "casebook"
KEEP = CACHE / "made"
PACKAGES = (
    "failsight.agent",
    "failsight.tools",
    "failsight.prompts",
    "failsight.knowledge_base",
    "benchmarks.casebook",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What is to be played.

    Attributes:
        split, numbers: which cases.
        players: planners as in ``failsight run --planner``, or methods of the literature (``baselines.methods``).
        cache: folder of drawn pictures and shared networks.
        keep: folder of made cases; None makes each anew.
        gigabytes: kept at most.
        limit: seconds after which a case is given up.
        jobs: worker processes.
        budget: of a language model, for each case, as in ``failsight run --budget``.
        only: the faults that ``numbers`` were chosen by; none: all.
    """

    split: Split
    numbers: Sequence[int]
    players: tuple[str, ...] = ("guided",)
    cache: Path = CACHE
    keep: Path | None = KEEP
    gigabytes: float = GIGABYTES
    limit: float = LIMIT
    jobs: int = 1
    budget: str = ""
    only: tuple[str, ...] = ()


@cache
def code_digest() -> str:
    """Of the product and the casebook: results of other code are not the results of this one."""
    total = hashlib.sha256()
    for package in PACKAGES:
        for folder in find_spec(package).submodule_search_locations or ():  # type: ignore[union-attr]
            for path in sorted(p for p in Path(folder).rglob("*") if p.suffix in (".py", ".toml")):
                total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:10]


@dataclass
class Pace:
    """How far a run is.

    Attributes:
        total: cases to play in all; ``done`` of them are.
    """

    total: int
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that the rest takes at the pace so far."""
        return (time.monotonic() - self.began) / max(self.done, 1) * (self.total - self.done)


Told = Callable[[Sequence[Row], Pace], None]


def run_wish(wish: Wish, out: Path | None = None, told: Told = lambda rows, pace: None) -> list[Row]:
    """Play what ``out`` does not hold yet.

    Args:
        wish: what is to be played.
        out: results, a JSON object a line; rows are added as cases are done.
        told: is called after each case with its rows.

    Returns:
        the rows of all wished cases, by case and player.
    """
    rows = [r for r in (read_rows(out) if out else ()) if not r.get("crashed")]  # these are tried again
    held = {(r["case"], r["planner"]) for r in rows}
    left = [
        replace(wish, numbers=(n,), players=players)
        for n in wish.numbers
        if (players := tuple(p for p in wish.players if (f"{wish.split}/{n}", p) not in held))
    ]
    pace = Pace(len(left))
    for made in _played(left, wish.jobs):
        rows += made
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            with out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in made if not row.get("ended"))
        pace.done += 1
        told(made, pace)
    places = {f"{wish.split}/{n}": i for i, n in enumerate(wish.numbers)}
    asked = [r for r in rows if r["case"] in places and r["planner"] in wish.players]
    return sorted(asked, key=lambda r: (places[r["case"]], wish.players.index(r["planner"])))


def read_rows(path: Path) -> list[Row]:
    """The rows of a file of results, the latest of each case and player; a last line that was cut off is left out."""
    if not path.is_file():
        return []
    text = path.read_text("utf-8")
    if text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        path.write_text(text, "utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return list({(row["case"], row["planner"]): row for row in rows}.values())


def one(wish: Wish) -> list[Row]:
    """The rows of one case: made or fetched once, then played by each."""
    import torch

    torch.set_num_threads(1)
    (number,) = wish.numbers
    entry = slot(wish.split, number)
    base: Row = {
        "case": f"{wish.split}/{number}", "bugs": list(entry.bugs), "world": entry.world, "variant": entry.variant,
        "null": entry.null, "code": code_digest(),
    }  # fmt: skip
    home = Path(tempfile.mkdtemp(prefix="case-"))
    began = time.monotonic()
    try:
        try:
            case = (
                kept_case(wish.split, number, wish.keep, wish.cache, wish.gigabytes)
                if wish.keep
                else make_case(wish.split, number, home, wish.cache)
            )
        except NotMadeError as problem:
            return [base | {"planner": player, "problem": str(problem)} for player in wish.players]
        base |= {
            "made": round(time.monotonic() - began, 1),
            "attempt": case.plan.attempt,
            "taken_up": round(case.size, 3),
        }
        with Room(case, home / "methods", wish.limit) as room:
            return [
                base | {"planner": player} | _answer(case, room, player, home / str(i), wish)
                for i, player in enumerate(wish.players)
            ]
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answer(case: Case, room: Room, player: str, folder: Path, wish: Wish) -> Row:
    """What a player says; one that fails or takes too long has said nothing, and is told of."""
    began = time.monotonic()
    crashed = False
    try:
        if player in METHODS:
            return room.play(player)
        return play(case, player, folder, wish.limit, **({"budget": wish.budget} if wish.budget else {}))
    except UserError:
        raise  # the planner can't be had: no other case would have it
    except TooLongError as problem:
        told = str(problem)
    except Exception as problem:  # a crash is a result of the player's, not the end of the run
        last = traceback.extract_tb(problem.__traceback__)[-1]
        told = f"{type(problem).__name__} in {Path(last.filename).name}:{last.lineno}: {problem}"[:300]
        crashed = True
    seconds = round(time.monotonic() - began, 2)
    return {
        "failed": told,
        "crashed": crashed,
        "statements": [],
        "calls": 0,
        "seconds": seconds,
        "tokens": 0,
        "usd": 0.0,
    }


def _played(wishes: Sequence[Wish], jobs: int) -> Iterator[list[Row]]:
    """Rows of each case as it is done."""
    if jobs <= 1 or len(wishes) < 2:
        for wish in wishes:
            yield one(wish)
        return
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))  # workers inherit it
    try:
        yield from _in_workers(list(wishes), jobs)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _in_workers(left: list[Wish], jobs: int) -> Iterator[list[Row]]:
    """A worker that is killed (memory) costs the cases that were in work, which are told of and not kept as results."""
    while left:
        running: dict[Future[list[Row]], Wish] = {}
        pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=40)
        try:
            while left or running:
                while left and len(running) < jobs:
                    running[pool.submit(one, left[0])] = left[0]
                    left = left[1:]
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    wish = running.pop(future)
                    yield _ended(wish) if _broken(future) else future.result()
        except BrokenProcessPool:  # nothing more can be handed to this pool: the rest goes to a new one
            yield from map(_ended, running.values())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _broken(future: Future[list[Row]]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _ended(wish: Wish) -> list[Row]:
    entry = slot(wish.split, wish.numbers[0])
    base = {"case": f"{wish.split}/{wish.numbers[0]}", "bugs": list(entry.bugs), "world": entry.world}
    problem = "its process was ended from outside; the same command plays it again"
    return [base | {"planner": p, "problem": problem, "ended": True} for p in wish.players]
