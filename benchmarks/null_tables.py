"""Does a whole run cry wolf? Tables of predictions of which nothing is wrong, each through `failsight run` from the command line.

    python -m benchmarks.null_tables [--tables 100] [--start 0]

The classes of each table are drawn from the model's own scores, so that confidences are right and labels are too, and nothing that is recorded
(line, shift, operator, temperature, lamp hours, wetness, supplier, speed, day) has to do with errors. Whatever is confirmed is a false alarm.
Unlike the null cases of the casebook, whose networks have weaknesses of their own, these tables have none.

Promised: at most 5 % of the runs confirm anything. The share comes with its Wilson 95 % interval. A table takes about six seconds.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.intervals import wilson

SIZES = (800, 1500, 2500)
CLASSES = (3, 5, 8)
LEADS = (2.0, 4.0, 8.0)  # how far the likeliest class is ahead: accuracies of 50 to 97 %
STATE = {0, 3, 4}  # exit codes of a run that came to an end: ready, not ready, undecided


def scores(rng: np.random.Generator, n: int, k: int, lead: float) -> npt.NDArray[np.float64]:
    """(n, k) probabilities."""
    z = rng.normal(0, 1, (n, k))
    z[np.arange(n), rng.integers(0, k, n)] += lead * np.abs(rng.normal(0.8, 0.4, n)) + 0.5
    made = np.exp(z)
    shares: npt.NDArray[np.float64] = made / made.sum(axis=1, keepdims=True)
    return shares


def recorded(rng: np.random.Generator, n: int) -> dict[str, npt.NDArray[Any]]:
    """Columns that say nothing of the errors."""
    months, days = rng.integers(1, 7, n), rng.integers(1, 29, n)
    return {
        "line": np.array([f"L{i}" for i in rng.integers(1, 5, n)]),
        "shift": np.array(["early", "late", "night"])[rng.choice(3, n, p=[0.4, 0.35, 0.25])],
        "operator": np.array(["Adler", "Brandt", "Conti", "Dorn", "Eder"])[rng.integers(0, 5, n)],
        "temperature": np.round(rng.normal(20, 6, n), 1),
        "lamp_hours": rng.integers(0, 5000, n),
        "wet": np.where(rng.random(n) > 0.3, "no", "yes"),
        "supplier": np.array([f"S{i}" for i in rng.integers(1, 9, n)]),
        "speed": np.round(rng.uniform(1, 3, n), 2),
        "day": np.array([f"2024-{m:02d}-{d:02d}" for m, d in zip(months, days, strict=True)]),
    }


def write_table(seed: int, file: Path) -> tuple[int, int, float]:
    """One table; returns images, classes, accuracy."""
    rng = np.random.default_rng([seed, 8])
    n, k, lead = int(rng.choice(SIZES)), int(rng.choice(CLASSES)), float(rng.choice(LEADS))
    columns, shares = recorded(rng, n), scores(rng, n, k, lead)
    names = [f"class_{chr(97 + i)}" for i in range(k)]
    truth = np.array([rng.choice(k, p=row) for row in shares])
    said = shares.argmax(axis=1)
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["path", "label", "prediction", *columns, *[f"prob_{c}" for c in names]])
        for i in range(n):
            own = [column[i] for column in columns.values()]
            rows.writerow(
                [f"i{i:05d}.jpg", names[truth[i]], names[said[i]], *own, *[f"{p:.6f}" for p in shares[i]]]
            )
    return n, k, float((truth == said).mean())


def confirmed(table: Path, out: Path) -> list[str]:
    """What a run confirms, in its words. Raises RuntimeError where it does not come to an end."""
    command = [
        sys.executable,
        "-m",
        "failsight.agent.cli",
        "run",
        "--predictions",
        str(table),
        "--out",
        str(out),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode not in STATE:
        raise RuntimeError(ended.stderr or ended.stdout)
    found = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    return [f["statement"] for f in found if f["verdict"] == "confirmed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--start", type=int, default=0, help="first seed")
    given = parser.parse_args()
    alarms = 0
    for done, seed in enumerate(range(given.start, given.start + given.tables), 1):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "predictions.csv"
            n, k, accuracy = write_table(seed, table)
            found = confirmed(table, Path(folder) / "case")
        alarms += bool(found)
        told = "; ".join(found) or "nothing confirmed"
        print(f"  {seed}: {n:,} images, {k} classes, {accuracy:.1%} right: {told}", flush=True)
        if done % 10 == 0 or done == given.tables:
            low, high = wilson(alarms, done)
            print(
                f"{alarms} of {done} runs confirm anything: {alarms / done:.1%} [{low:.1%}, {high:.1%}] (promised: at most 5 %)",
                flush=True,
            )


if __name__ == "__main__":
    main()
