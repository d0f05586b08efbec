"""Kill a run with SIGKILL at random moments; resume it; compare the findings with those of an undisturbed run.

    python -m benchmarks.kill_and_resume --kills 20 -- --model … --data … [more arguments of `failsight run`]

Prints one line a trial and a summary; exits 1 when a trial does not resume, does not verify or finds something else.
Each trial is one case folder, killed once at a moment drawn uniformly over the undisturbed run's duration (the draws
are seeded), then run again to its end.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def findings(folder: Path) -> dict[str, Any]:
    """findings.json without what may differ: the journal's head, the day, and the name, which is the folder's."""
    made: dict[str, Any] = json.loads((folder / "findings.json").read_text())
    made.pop("journal", None)
    for name in ("created", "name"):
        made["case"].pop(name, None)
    return made


def start(arguments: list[str], out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "failsight.agent.cli", "run", *arguments, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(arguments: list[str], out: Path) -> tuple[int, str]:
    process = start(arguments, out)
    _, errors = process.communicate()
    return process.returncode, errors.decode(errors="replace")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    rest = [a for a in given.rest if a != "--"]
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        began = time.monotonic()
        code, errors = finish(rest, base / "undisturbed")
        lasted = time.monotonic() - began
        if code not in (0, 3, 4):
            print(errors)
            return 1
        wanted = findings(base / "undisturbed")
        print(f"undisturbed: exit {code}, {lasted:.1f} s, {len(wanted['findings'])} findings")
        draw = random.Random(given.seed)
        for trial in range(given.kills):
            moment = draw.uniform(0, lasted)
            folder = base / f"trial-{trial}"
            process = start(rest, folder)
            try:
                process.communicate(timeout=moment)
                killed = False
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed = True
            journal = folder / "journal.jsonl"
            events = journal.read_bytes().count(b"\n") if journal.exists() else 0
            again, errors = finish(rest, folder)
            whole = subprocess.run(
                [sys.executable, "-m", "failsight.agent.cli", "verify", str(folder)],
                capture_output=True,
                text=True,
            )
            same = again == code and findings(folder) == wanted
            good = same and whole.returncode == 0
            bad += not good
            print(
                f"{trial:>3}  {'killed' if killed else 'ended'} at {moment:6.2f} s after {events:>3} events; resumed with exit {again}; "
                f"{'verifies' if whole.returncode == 0 else whole.stdout.strip()}; {'same findings' if same else 'OTHER FINDINGS ' + errors[-300:]}",
                flush=True,
            )
    print(f"{given.kills - bad} of {given.kills} resumed to the same findings with a whole journal")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
