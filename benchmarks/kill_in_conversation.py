"""Kill a conversation with SIGKILL, half of the times while it waits for a person's yes; take it up again; compare.

    python -m benchmarks.kill_in_conversation --kills 50 --images 300

A scripted person goes through a case in the plain look, `go on` after `go on`, and says yes to every question. Each
trial is one case folder: killed once, at a random moment or at a random pending question, then gone on with. It holds
when the journal verifies, the question that was pending is the first thing asked, nothing was measured twice, and the
findings are those of an undisturbed conversation. Prints one line a trial; exits 1 when one does not hold.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pty
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.kill_and_resume import findings

YES, LINE = b"y/a/n> ", b"> "
MOST_TURNS = 40


class Person:
    """Drives ``failsight chat --plain``: reads both streams, answers prompts. ``kill_at``: seconds, or a question's number."""

    def __init__(self, folder: Path, given: list[str]) -> None:
        self.folder = folder
        what = [*given, "--out", str(folder)]  # the same command goes on where it stopped
        command = [sys.executable, "-m", "failsight.agent.cli", "chat", *what, "--plain"]
        self._seen, drawn = pty.openpty()  # a prompt is drawn only where someone sees it
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=drawn)
        os.close(drawn)
        self.heard = b""
        self.questions = 0

    def converse(self, seconds: float | None = None, question: int | None = None) -> bool:
        """Until the workflow is through (True), or killed after ``seconds`` or at the ``question``-th question (False)."""
        began, turns = time.monotonic(), 0
        assert self.process.stdin
        with selectors.DefaultSelector() as streams:
            assert self.process.stdout
            streams.register(self.process.stdout, selectors.EVENT_READ)
            streams.register(self._seen, selectors.EVENT_READ)
            while True:
                if seconds is not None and time.monotonic() - began > seconds:
                    return self._killed()
                for key, _ in streams.select(0.02):
                    try:
                        part = os.read(key.fd, 65536)
                    except OSError:  # the other end of the terminal is closed
                        part = b""
                    if not part:
                        streams.unregister(key.fileobj)
                    elif key.fd == self._seen:
                        self.heard = (self.heard + part)[-200:]
                if self.process.poll() is not None:
                    return True
                if self.heard.endswith(YES):
                    self.questions += 1
                    if question is not None and self.questions == question:
                        return self._killed()
                    self._type(b"y\n")
                elif self.heard.endswith(LINE):
                    turns += 1
                    self._type(b"/quit\n" if self._through() or turns > MOST_TURNS else b"go on\n")

    def _type(self, line: bytes) -> None:
        assert self.process.stdin
        self.heard = b""
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def _killed(self) -> bool:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return False

    def _through(self) -> bool:
        return any(
            e["kind"] == "evidence.recorded" and e["data"]["evidence"]["tool"] == "readiness"
            for e in events(self.folder)
        )


def events(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal."""
    made = []
    path = folder / "journal.jsonl"
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            made.append(json.loads(line))
        except ValueError:  # the torn end that a kill leaves
            break
    return made


def pending(folder: Path) -> str | None:
    """The tool that the journal's last question is about, where it has no answer."""
    asked = None
    for event in events(folder):
        if event["kind"] == "approval.asked":
            asked = str(event["data"]["tool"])
        elif event["kind"] == "approval.given":
            asked = None
    return asked


def twice(folder: Path) -> list[str]:
    """Calls that have two pieces of evidence."""
    seen: set[str] = set()
    made = []
    for event in events(folder):
        if event["kind"] == "evidence.recorded":
            call = str(event["data"]["call"])
            if call in seen:
                made.append(call)
            seen.add(call)
    return made


def small_case(base: Path, images: int) -> list[str]:
    """Arguments that open a small part of the demo: its model, the first ``images`` evaluation pictures."""
    from failsight.agent.places import home
    from failsight.knowledge_base.cases import prepare_demo

    demo = prepare_demo(home() / "demo")
    with demo.data.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    at = rows[0].index("path")
    draw = random.Random(0)
    chosen = draw.sample(rows[1:], min(images, len(rows) - 1))
    for row in chosen:
        row[at] = str(demo.data.parent / row[at])
    path = base / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([rows[0], *chosen])
    return ["--model", str(demo.model), "--arch", demo.arch, "--data", str(path), "--expect", "accuracy>=0.9"]


def report(folder: Path) -> dict[str, Any]:
    """findings.json of a case folder, written now."""
    command = [sys.executable, "-m", "failsight.agent.cli", "report", str(folder), "--format", "json"]
    subprocess.run(command, check=True, capture_output=True)
    return findings(folder)


def trial(
    base: Path, number: int, given: list[str], lasted: float, asked: int, draw: random.Random
) -> tuple[Path, str, bool]:
    """One conversation, killed and gone on with: (folder, what happened, whether the pending question came back)."""
    folder = base / f"trial-{number}"
    if number % 2:
        first = Person(folder, given)
        first.converse(question=draw.randint(1, asked))
        waiting = pending(folder)
        told = f"killed at question {first.questions} ({waiting})"
    else:
        moment = draw.uniform(0, lasted)
        Person(folder, given).converse(seconds=moment)
        waiting = pending(folder)
        told = f"killed at {moment:.2f} s"
    before = len(events(folder))
    Person(folder, given).converse()
    later = [e for e in events(folder)[before:] if e["kind"] == "approval.asked"]
    back = waiting is None or bool(later and later[0]["data"]["tool"] == waiting)
    return folder, f"{told} after {before} events", back


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        what = small_case(base, given.images)
        began = time.monotonic()
        whole = Person(base / "undisturbed", what)
        whole.converse()
        lasted = time.monotonic() - began
        wanted = report(base / "undisturbed")
        print(
            f"undisturbed: {lasted:.1f} s, {whole.questions} questions, {len(wanted['findings'])} findings",
            flush=True,
        )
        draw = random.Random(given.seed)
        for number in range(given.kills):
            folder, told, back = trial(base, number, what, lasted, whole.questions, draw)
            verified = subprocess.run(
                [sys.executable, "-m", "failsight.agent.cli", "verify", str(folder)],
                capture_output=True,
                text=True,
            )
            same, again = report(folder) == wanted, twice(folder)
            good = same and back and not again and verified.returncode == 0
            bad += not good
            parts = [
                "verifies" if verified.returncode == 0 else verified.stdout.strip(),
                "question came back" if back else "QUESTION LOST",
                "same findings" if same else "OTHER FINDINGS",
                *(["MEASURED TWICE"] if again else []),
            ]
            print(f"{number:>3}  {told}; {'; '.join(parts)}", flush=True)
    print(f"{given.kills - bad} of {given.kills} were taken up where they stood")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
