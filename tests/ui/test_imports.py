"""The app paints before anything heavy is imported, and the plain look needs no Textual."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "torch transformers diffusers langchain langchain_core langgraph numpy scipy pyarrow chromadb openai onnxruntime PIL"
SEEN = "import sys; print(' '.join(m for m in '{}'.split() if m in sys.modules))"


def modules_after(code: str, names: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{SEEN.format(names)}"], capture_output=True, text=True, check=True
    )
    return run.stdout.split()


@pytest.mark.parametrize(
    "module", ["agent.ui.tui.app", "agent.ui.plain", "agent.ui.errors", "agent.ui.display", "agent.ui.runner"]
)
def test_displays_import_nothing_heavy(module: str) -> None:
    assert modules_after(f"import failsight.{module}", HEAVY) == []


def test_lines_need_no_textual() -> None:
    assert modules_after("import failsight.agent.ui.plain, failsight.agent.ui.errors", "textual") == []


def test_the_first_paint_comes_before_the_session_is_opened() -> None:
    """At the first paint nothing heavy is imported; the session is opened afterwards, on another thread."""
    code = """
import sys, threading
from failsight.agent.ui.tui.app import FailsightApp
def open_session(progress):
    assert threading.current_thread() is not threading.main_thread()
    order.append("open")
    raise KeyboardInterrupt
order = []
class Watched(FailsightApp):
    async def on_main_screen_painted(self):
        heavy = [m for m in '%s'.split() if m in sys.modules]
        order.append(("painted", bool(self.screen._compositor.render_strips(self.size)), heavy))
import asyncio
async def main():
    app = Watched(open_session)
    async with app.run_test() as pilot:
        while len(order) < 2:
            await pilot.pause(0.01)
        app.exit()
asyncio.run(main())
assert order == [("painted", True, []), "open"], order
"""
    subprocess.run([sys.executable, "-c", code % HEAVY], check=True)
