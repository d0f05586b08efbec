"""How long until the terminal app paints: the median of five fresh processes, beside a bare Textual app.

    python benchmarks/speed/first_paint.py [--runs 5] [--json]

Each process runs in a pseudo terminal of 80×24 and reports the seconds from its start
to the first frame on the terminal, and which heavy libraries were imported by then. Targets: 0.8 s, and none.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import sys
import time

CHILD = """
import os, sys, time
{imports}
class Timed({app}):
    CSS_PATH = {css}
    def on_mount(self):
        self.call_after_refresh(self.painted)
    def painted(self):
        heavy = [m for m in "torch transformers diffusers langchain numpy scipy chromadb openai".split() if m in sys.modules]
        os.write(3, f"{{time.monotonic()}} {{' '.join(heavy)}}".encode())
        self.exit()
Timed({arguments}).run()
os._exit(0)
"""
BARE = {"imports": "from textual.app import App", "app": "App", "css": "None", "arguments": ""}
OURS = {
    "imports": "from failsight.agent.ui.tui.app import FailsightApp",
    "app": "FailsightApp",
    "css": "FailsightApp.CSS_PATH",
    "arguments": "lambda progress: None",
}


def once(code: str) -> tuple[float, str]:
    """(seconds from the start of the process to its first paint, heavy modules imported by then)."""
    import pty

    read, write = os.pipe()
    started = time.monotonic()  # the clock is the same in the child
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(write, 3)
        os.set_inheritable(3, True)
        os.environ.update(COLUMNS="80", LINES="24", TERM="xterm-256color")
        os.execv(sys.executable, [sys.executable, "-c", code])
    os.close(write)
    said = b""
    while not said:
        ready, _, _ = select.select([read, terminal], [], [], 30)
        if not ready:
            raise TimeoutError("no paint within 30 s")
        if terminal in ready:  # the screen: read it, or the child waits for us
            try:
                os.read(terminal, 65536)
            except OSError:
                pass
        if read in ready:
            said = os.read(read, 4096)
            if not said:
                raise RuntimeError("the app ended before it painted")
    drain(terminal)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(terminal)
    when, _, heavy = said.decode().partition(" ")
    return float(when) - started, heavy


def drain(terminal: int) -> None:
    """Read what the child still draws until it is gone."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def measure(runs: int) -> dict[str, object]:
    """Medians of ``runs`` fresh processes each, after one to warm the file cache."""
    bare, ours = CHILD.format(**BARE), CHILD.format(**OURS)
    once(bare), once(ours)
    times: dict[str, list[float]] = {"bare": [], "failsight": []}
    heavy = set()
    for _ in range(runs):
        times["bare"].append(once(bare)[0])
        seconds, modules = once(ours)
        times["failsight"].append(seconds)
        heavy |= set(modules.split())
    return {
        "runs": runs,
        "bare_textual_s": round(statistics.median(times["bare"]), 3),
        "failsight_s": round(statistics.median(times["failsight"]), 3),
        "failsight_worst_s": round(max(times["failsight"]), 3),
        "heavy_modules_at_first_paint": sorted(heavy),
        "target_s": 0.8,
    }


def main() -> int:
    """Print the figures; exit 1 when something heavy was imported."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made = measure(given.runs)
    if given.json:
        print(json.dumps(made))
    else:
        print(f"first paint, median of {made['runs']} fresh processes (target {made['target_s']} s)")
        print(f"  bare Textual app  {made['bare_textual_s']:.3f} s")
        print(f"  failsight         {made['failsight_s']:.3f} s  (worst {made['failsight_worst_s']:.3f} s)")
        print(f"  heavy modules     {', '.join(made['heavy_modules_at_first_paint']) or 'none'}")  # type: ignore[arg-type]
    return 1 if made["heavy_modules_at_first_paint"] else 0


if __name__ == "__main__":
    sys.exit(main())
