"""Broken inputs without end, counted in a file: several runs add up.

    python -m benchmarks.audit.fuzzing [--inputs 1000000] [--minutes 60] [--ledger benchmarks/audit/fuzzed.json]
    python -m benchmarks.audit.fuzzing --again      every input that went wrong, once more

A process of its own tries them; where a library ends it, that is counted too and the next round begins. Targets take turns, in rounds with seeds of their own, until the ledger holds so many inputs or the minutes are over. An
input is known by its target, its seed and its number, so that it can be made again after something was mended.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.audit import fuzz

LEDGER = Path(__file__).with_name("fuzzed.json")
ROUND = 60_000  # inputs of a round, shared among the targets
SLOWEST = 12.0  # seconds of a target in a round
MOST_DEATHS = 20


@dataclass
class Count:
    """What became of all inputs of one target so far."""

    tried: int = 0
    refused: int = 0
    wrong: int = 0


@dataclass
class Ledger:
    """All runs together.

    Attributes:
        rounds: seeds 0 … rounds − 1 were run.
        faults: inputs that went wrong; ``mended`` where the same input went well later.
    """

    rounds: int = 0
    seconds: float = 0.0
    targets: dict[str, Count] = field(default_factory=dict)
    faults: list[dict[str, object]] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(c.tried for c in self.targets.values())

    @property
    def wrong(self) -> int:
        return sum(c.wrong for c in self.targets.values())

    @property
    def standing(self) -> int:
        """Different faults that still go wrong."""
        return sum(not f.get("mended") for f in self.faults)

    def add(self, made: fuzz.Outcome, seed: int) -> None:
        count = self.targets.setdefault(made.target, Count())
        count.tried, count.refused, count.wrong = (
            count.tried + made.tried,
            count.refused + made.refused,
            count.wrong + made.wrong,
        )
        self.seconds = round(self.seconds + made.seconds, 1)
        known = {(f["target"], f["where"]) for f in self.faults if not f.get("mended")}
        self.faults += [
            {"target": made.target, "seed": seed, "number": made.numbers[where], "where": where, "how": how}
            for where, how in made.faults.items()
            if (made.target, where) not in known
        ]


def load(path: Path) -> Ledger:
    """The ledger of this file; an empty one where there is none."""
    if not path.exists():
        return Ledger()
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Ledger(
        raw["rounds"], raw["seconds"], {k: Count(**v) for k, v in raw["targets"].items()}, raw["faults"]
    )


def save(ledger: Ledger, path: Path) -> None:
    kept = asdict(ledger)
    kept["targets"] = dict(sorted(kept["targets"].items()))
    made = {"tried": ledger.tried, "wrong": ledger.wrong, "standing": ledger.standing, **kept}
    new = path.with_name(f".{path.name}")
    new.write_text(json.dumps(made, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    os.replace(new, path)


def again(targets: Sequence[fuzz.Target], ledger: Ledger) -> Iterator[str]:
    """Try every input that went wrong once more; mark those that go well now."""
    by_name = {t.name: t for t in targets}
    for fault in ledger.faults:
        target = by_name.get(str(fault["target"]))
        if target is None or fault.get("mended"):
            continue
        at, some = int(str(fault["number"])), fuzz.inputs(target, int(str(fault["seed"])))
        chosen = itertools.islice(some, 200) if at < 0 else itertools.islice(some, at, at + 1)
        went = [w for w in (fuzz.attempt(target, given) for given in chosen) if isinstance(w, Exception)]
        fault["mended"] = not went
        yield f"{target.name}: {fault['where']}: {'mended' if not went else f'STILL {went[0]!r}'[:300]}"


def all_targets() -> list[fuzz.Target]:
    """Every target; the small case that some need is made once, on the fastest disk there is."""
    from benchmarks.audit import targets_files, targets_models, targets_words

    desk = targets_files.Desk()
    return [t for module in (targets_files, targets_words, targets_models) for t in module.targets(desk)]


def rounds(
    targets: Sequence[fuzz.Target],
    ledger: Ledger,
    wanted: int,
    until: float,
    began: Callable[[str, int], object] = lambda *_: None,
    each: int = ROUND,
) -> Iterator[fuzz.Outcome]:
    """Round after round until ``wanted`` inputs are counted or the clock says so."""
    unit = each / sum(t.share for t in targets)
    while ledger.tried < wanted and time.monotonic() < until:
        seed = ledger.rounds
        for target in targets:
            if time.monotonic() >= until:
                break
            began(target.name, seed)
            made = fuzz.run(target, max(3, round(unit * target.share)), SLOWEST, seed)
            ledger.add(made, seed)
            yield made
        ledger.rounds += 1


def _now(path: Path) -> Path:
    return path.with_name(f".{path.stem}.now")


def watch(command: Sequence[str], path: Path) -> int:
    """Run the rounds in a process of their own, again after each time that it was ended by a library's fault."""
    for _ in range(MOST_DEATHS):
        code = subprocess.run(command, check=False).returncode
        if code >= 0:
            return code
        target, seed = _now(path).read_text(encoding="utf-8").rsplit("\n", 1)
        ledger = load(path)
        count = ledger.targets.setdefault(target, Count())
        count.tried, count.wrong = count.tried + 1, count.wrong + 1
        ended = f"the process ended with signal {-code}"
        ledger.faults.append(
            {
                "target": target,
                "seed": int(seed),
                "number": -1,
                "where": ended,
                "how": "see the target's inputs of this seed",
            }
        )
        ledger.rounds += 1
        save(ledger, path)
        print(f"{target}, seed {seed}: {ended}", flush=True)
    return 1


def work(path: Path, wanted: int, minutes: float) -> int:
    """The rounds themselves."""
    ledger, targets = load(path), all_targets()
    first = ledger.rounds

    def began(target: str, seed: int) -> None:
        _now(path).write_text(f"{target}\n{seed}", encoding="utf-8")

    for made in rounds(targets, ledger, wanted, time.monotonic() + 60 * minutes, began):
        save(ledger, path)
        if made.wrong or ledger.rounds == first:
            print(
                f"{made.target:<34}{made.tried:>8,} tried {made.refused:>8,} refused {made.wrong:>4} wrong {made.seconds:6.1f} s",
                flush=True,
            )
        for where, how in made.faults.items():
            print(f"    {where}: {how}", flush=True)
    save(ledger, path)
    _now(path).unlink(missing_ok=True)
    print(
        f"{ledger.tried:,} broken inputs in all, {ledger.wrong} unhandled, {ledger.standing} faults standing"
    )
    return 1 if ledger.standing else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--here", action="store_true", help="no process of its own")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if given.again:
        ledger = load(given.ledger)
        for line in again(all_targets(), ledger):
            print(line, flush=True)
        save(ledger, given.ledger)
        return 1 if ledger.standing else 0
    if given.here:
        return work(given.ledger, given.inputs, given.minutes)
    own = [sys.executable, "-m", "benchmarks.audit.fuzzing", "--here", "--inputs", str(given.inputs)]
    return watch([*own, "--minutes", str(given.minutes), "--ledger", str(given.ledger)], given.ledger)


if __name__ == "__main__":
    sys.exit(main())
