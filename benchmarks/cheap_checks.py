"""Is the planted bug the first thing that `failsight run` confirms? The family of practice cases, many seeds of each.

    python -m benchmarks.cheap_checks --results checks.jsonl [--bugs leakage clean] [--seeds 20] [--jobs 1]

For every bug and seed: draw the case into a temporary folder, run the whole workflow by the command line, read the
journal and findings.json, throw the folder away. Results go to a file of JSON lines as they come; a rerun skips what is
finished there (give another file after changing the code).

* A bug is right when the first finding that the journal ever records as confirmed is of its kind (promised: at least
  90 % of the seeds).
* The clean case is right when no finding of any bug's kind is ever confirmed (promised: at most 5 % are). Other kinds
  (weak_slice, overconfidence) are listed beside it.

Shares come with Wilson 95 % intervals. Exits 1 when a run failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from failsight.agent.journal import Event, Journal
from failsight.agent.narrate.findings import load_findings
from failsight.knowledge_base.cases import DemoCase, family_key, list_bugs, prepare_case
from failsight.tools.stats.intervals import wilson

KINDS = frozenset(a.kind for a in family_key().values() if a.kind)
"""The kinds of findings that tell of a bug of the family."""


@dataclass(frozen=True)
class Run:
    """What came of one case.

    Attributes:
        bug, seed, workflow: which case, played how.
        error: why it has no result; empty when it has.
        first: kind of the first finding that was ever confirmed; empty when none was.
        first_statement, first_tool: what it says, and which tool said it.
        confirmed: kinds confirmed at the end.
        ever: kinds that were confirmed at any time.
        seconds: from the start of the command to its end; drawing the case is not in it.
        seconds_to_first: from the first event of the journal to the first confirmed finding.
        calls: tool calls that ended in evidence.
        calls_to_first: of these, up to and with the one that confirmed first.
        by_tool: seconds of each call, in order.
    """

    bug: str
    seed: int
    workflow: str = ""
    error: str = ""
    first: str = ""
    first_statement: str = ""
    first_tool: str = ""
    confirmed: tuple[str, ...] = ()
    ever: tuple[str, ...] = ()
    seconds: float = 0.0
    seconds_to_first: float | None = None
    calls: int = 0
    calls_to_first: int | None = None
    by_tool: tuple[tuple[str, float], ...] = ()

    @property
    def right(self) -> bool:
        """Whether the case was told as the answer key tells it."""
        wanted = family_key()[self.bug].kind
        return self.first == wanted if wanted else not KINDS & set(self.ever)

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Kinds of other bugs that were confirmed at any time."""
        answer = family_key()[self.bug]
        return tuple(sorted((KINDS & set(self.ever)) - {answer.kind, *answer.also}))


def first_confirmed(events: Iterable[Event]) -> tuple[Event, dict[str, Any]] | None:
    """The first finding, in the order of the journal, that was recorded as confirmed, and its event."""
    for event in events:
        if event.kind == "evidence.recorded":
            for finding in event.data["evidence"].get("findings", ()):
                if finding.get("verdict") == "confirmed":
                    return event, finding
    return None


def read_run(folder: Path, bug: str, seed: int, seconds: float, workflow: str = "") -> Run:
    """What a finished case folder tells."""
    events = Journal(folder, write=False).events
    recorded = [e for e in events if e.kind == "evidence.recorded"]
    found = [
        f for e in recorded for f in e.data["evidence"].get("findings", ()) if f.get("verdict") == "confirmed"
    ]
    known = load_findings(folder)["findings"]
    first = first_confirmed(events)
    event, finding = first or (None, {})
    return Run(
        bug=bug,
        seed=seed,
        workflow=workflow,
        first=str(finding.get("kind", "")),
        first_statement=str(finding.get("statement", "")),
        first_tool=str(event.data["evidence"]["tool"]) if event else "",
        confirmed=tuple(sorted({str(f["kind"]) for f in known if f.get("verdict") == "confirmed"})),
        ever=tuple(sorted({str(f["kind"]) for f in found})),
        seconds=round(seconds, 2),
        seconds_to_first=_between(events[0], event) if event else None,
        calls=len(recorded),
        calls_to_first=sum(e.seq <= event.seq for e in recorded) if event else None,
        by_tool=_durations(events),
    )


def _between(one: Event, other: Event) -> float:
    gap = datetime.fromisoformat(other.time) - datetime.fromisoformat(one.time)
    return round(gap.total_seconds(), 2)


def _durations(events: Sequence[Event]) -> tuple[tuple[str, float], ...]:
    """For each call that ended in evidence, the seconds since the event before its plan was made."""
    made: list[tuple[str, float]] = []
    last = events[0]
    for event in events:
        if event.kind == "evidence.recorded":
            made.append((str(event.data["evidence"]["tool"]), _between(last, event)))
        if event.kind != "instrument.registered":
            last = event
    return tuple(made)


def command(case: DemoCase, out: Path, seed: int, workflow: str = "") -> list[str]:
    """The `failsight run` of a case."""
    given = {
        "--model": case.model, "--arch": case.arch, "--data": case.data, "--train": case.train,
        "--deploy": case.deploy, "--history": case.history, "--task": case.task, "--name": case.name,
        "--seed": seed, "--out": out,
    }  # fmt: skip
    if workflow:
        given["--workflow"] = workflow
    made = [sys.executable, "-m", "failsight.agent.cli", "run"]
    for name, value in given.items():
        made += [name, str(value)]
    for name, bound in case.expectations.items():
        made += ["--expect", f"{name}>={bound}"]
    return made


def play(bug: str, seed: int, limit: float = 600.0, threads: int = 0, workflow: str = "") -> Run:
    """Draw a case, run the workflow on it, read what came of it.

    Args:
        bug, seed: which case.
        limit: seconds after which the run is given up.
        threads: CPU threads of the run; 0 leaves that to it.
        workflow: the order of steps; the product's own choice when empty.
    """
    env = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    with tempfile.TemporaryDirectory(prefix="failsight-checks-") as temporary:
        base = Path(temporary)
        case = prepare_case(base / "inputs", bug, seed=seed)
        began = time.monotonic()
        try:
            ended = subprocess.run(
                command(case, base / "case", seed, workflow),
                env=env,
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Run(bug, seed, workflow, error=f"not done after {limit:.0f} s")
        seconds = time.monotonic() - began
        if ended.returncode not in (0, 3, 4):
            return Run(bug, seed, workflow, error=f"exit {ended.returncode}: {ended.stderr.strip()[-400:]}")
        return read_run(base / "case", bug, seed, seconds, workflow)


# -- results -----------------------------------------------------------------------------------


def load_runs(path: Path | None) -> dict[tuple[str, int, str], Run]:
    """Finished runs of a results file; a torn last line and failed runs are left out."""
    made: dict[tuple[str, int, str], Run] = {}
    if path is None or not path.is_file():
        return made
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        fields |= {k: tuple(fields[k]) for k in ("confirmed", "ever")}
        fields["by_tool"] = tuple((str(t), float(s)) for t, s in fields["by_tool"])
        run = Run(**fields)
        if not run.error:
            made[run.bug, run.seed, run.workflow] = run
    return made


def _keep(path: Path | None, run: Run) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.is_file() and path.read_bytes()[-1:] not in (b"", b"\n")
        with path.open("a", encoding="utf-8") as out:
            out.write("\n" * torn + json.dumps(asdict(run), ensure_ascii=False) + "\n")


def line_of(run: Run) -> str:
    """One run in one line."""
    name = f"{run.bug:<20} {run.seed:>3}"
    if run.error:
        return f"{name}  FAILED  {run.error}"
    when = (
        f"after {run.seconds_to_first:.1f} s and {run.calls_to_first} calls"
        if run.seconds_to_first is not None
        else ""
    )
    return (
        f"{name}  {'right' if run.right else 'WRONG'}  first: {run.first or 'nothing'} {when}  "
        f"[all: {', '.join(run.ever) or 'nothing'}]  {run.seconds:.1f} s, {run.calls} calls"
    )


def table(runs: Sequence[Run]) -> list[str]:
    """One line a bug: how many are right, how long they took, what was confirmed first."""
    lines = [
        f"{'bug':<20} {'right':>9}  {'share [95 %]':<24} {'found at all':>12} {'s':>6} {'s to 1st':>8} {'calls':>5}  first confirmed"
    ]
    for bug in list_bugs():
        mine = [r for r in runs if r.bug == bug and not r.error]
        if not mine:
            continue
        right = sum(r.right for r in mine)
        low, high = wilson(right, len(mine))
        kind = family_key()[bug].kind
        found = f"{sum(kind in r.ever for r in mine)} of {len(mine)}" if kind else "-"
        waits = [r.seconds_to_first for r in mine if r.seconds_to_first is not None]
        wait = f"{median(waits):.1f}" if waits else "-"
        firsts = Counter(r.first or "nothing" for r in mine).most_common()
        alarms = Counter(k for r in mine for k in r.false_alarms).most_common()
        lines.append(
            f"{bug:<20} {right:>3} of {len(mine):<3} {right / len(mine):>6.1%} [{low:.1%}, {high:.1%}]".ljust(
                56
            )
            + f" {found:>12} {median(r.seconds for r in mine):>6.1f} {wait:>8} {median(r.calls for r in mine):>5.0f}  "
            + ", ".join(f"{k} {n}" for k, n in firsts)
            + (f"; false alarms: {', '.join(f'{k} {n}' for k, n in alarms)}" if alarms else "")
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--bugs", nargs="+", choices=list_bugs(), default=list(list_bugs()), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=20, help="so many seeds of each bug, from --from on")
    parser.add_argument("--from", type=int, default=0, dest="start", help="the first seed (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a run is given up")
    parser.add_argument("--results", type=Path, help="file of JSON lines to go on with")
    parser.add_argument("--workflow", default="", help="order of steps (the product's own choice by default)")
    given = parser.parse_args(argv)
    done = load_runs(given.results)
    wanted = [
        (b, s, given.workflow) for s in range(given.start, given.start + given.seeds) for b in given.bugs
    ]
    threads = max(1, (os.cpu_count() or 1) // given.jobs) if given.jobs > 1 else 0
    runs = [done[key] for key in wanted if key in done]
    for run in runs:
        print(line_of(run))
    with ThreadPoolExecutor(given.jobs) as pool:
        waiting = [
            pool.submit(play, bug, seed, given.limit, threads, workflow)
            for bug, seed, workflow in wanted
            if (bug, seed, workflow) not in done
        ]
        for future in as_completed(waiting):
            run = future.result()
            _keep(given.results, run)
            print(line_of(run), flush=True)
            runs.append(run)
    print()
    print("\n".join(table(runs)))
    return 1 if any(r.error for r in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
