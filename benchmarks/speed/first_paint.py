"""How long until the terminal app paints: the median of five fresh processes, beside a bare Textual app.

    python benchmarks/speed/first_paint.py [--runs 5] [--json]

Each process runs in a pseudo terminal of 80×24; the clock runs from its start until its title has arrived there. When
the session is opened (after the first paint) the process says which heavy libraries it had imported by then. On a busy
machine the processor's time is the figure to compare.
Targets: 0.8 s (a bare Textual app: 0.49 s on the machine of the design), and no heavy library.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time

HEAVY = "torch transformers diffusers langchain numpy scipy chromadb openai onnxruntime PIL"
BARE = """
from textual.app import App
from textual.widgets import Label
class Bare(App):
    def compose(self):
        yield Label("Failsight")
Bare().run()
"""
OURS = f"""
import os, sys
from failsight.agent.ui.tui.app import run_app
def open_session(progress):
    os.write(3, (" ".join(m for m in "{HEAVY}".split() if m in sys.modules) + ".").encode())
run_app(open_session)
"""


def once(code: str, *, reports: bool) -> tuple[float, float, list[str]]:
    """(seconds from the start of the process to its first paint, seconds of processor time till then, heavy libraries
    imported when it opens its session)."""
    read, write = os.pipe()
    started = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(write, 3)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(sys.executable, [sys.executable, "-c", code])
    os.close(write)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        seen = b""
        while b"Failsight" not in seen:
            seen += _read(terminal)
        painted, worked = time.monotonic() - started, processor(pid)
        heavy = b""
        while reports and not heavy.endswith(b"."):
            ready, _, _ = select.select([read, terminal], [], [], 30)
            if terminal in ready:
                _read(terminal)
            if read in ready:
                heavy += os.read(read, 4096)
        return painted, worked, heavy.decode().rstrip(".").split()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(terminal)


def processor(pid: int) -> float:
    """Seconds that the process has had of a processor so far; not a number where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            told = stat.read().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return float("nan")


def _read(terminal: int) -> bytes:
    if not select.select([terminal], [], [], 30)[0]:
        raise TimeoutError("nothing on the terminal for 30 s")
    return os.read(terminal, 65536)


def measure(runs: int) -> dict[str, object]:
    """Medians of ``runs`` fresh processes each, after one of each to warm the file cache."""
    once(BARE, reports=False)
    once(OURS, reports=True)
    bare, ours, worked = [], [], []
    heavy: set[str] = set()
    for _ in range(runs):
        bare.append(once(BARE, reports=False)[0])
        seconds, processor_seconds, modules = once(OURS, reports=True)
        ours.append(seconds)
        worked.append(processor_seconds)
        heavy.update(modules)
    return {
        "runs": runs,
        "bare_textual_s": round(statistics.median(bare), 3),
        "failsight_s": round(statistics.median(ours), 3),
        "failsight_processor_s": round(statistics.median(worked), 3),
        "failsight_worst_s": round(max(ours), 3),
        "heavy": sorted(heavy),
        "target_s": 0.8,
    }


def main() -> int:
    """Print the figures; exit 1 when something heavy was imported before the first paint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made = measure(given.runs)
    heavy = made["heavy"]
    if given.json:
        print(json.dumps(made))
    else:
        print(f"first paint, median of {made['runs']} fresh processes (target {made['target_s']} s)")
        print(f"  bare Textual app  {made['bare_textual_s']} s")
        print(
            f"  failsight         {made['failsight_s']} s (worst {made['failsight_worst_s']} s), processor {made['failsight_processor_s']} s"
        )
        print(f"  heavy libraries   {heavy or 'none'}")
    return 1 if heavy else 0


if __name__ == "__main__":
    sys.exit(main())
