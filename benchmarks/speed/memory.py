"""Memory, honestly: the peak of one call as the kernel counts it, and what turns leave behind in the terminal app.

    python -m benchmarks.speed.memory        (about a minute)

Best in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import linear_regression
from types import FunctionType, ModuleType
from typing import Any


def peak_growth(call: Callable[[], object]) -> float:
    """MiB by which the peak resident memory of this process rises above what it holds before the call.

    On Linux the kernel's peak is reset first, so that memory which was used and given back before the call
    does not hide what the call needs; elsewhere the peak so far is the baseline.
    """
    reset = Path("/proc/self/clear_refs")
    try:
        reset.write_text("5")
        before = _status("VmRSS")
        call()
        return (_status("VmHWM") - before) / 1024
    except OSError:
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        call()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / unit


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"no {field} in /proc/self/status")


# What turns leave behind in the terminal app


def held(*roots: object) -> int:
    """Bytes of everything that ``roots`` lead to, each object once; not of classes, modules and functions."""
    seen: set[int] = set()
    left, total = list(roots), 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        left.extend(gc.get_referents(one))
    return total


def asked(turn: int) -> str:
    """What a person says in a turn."""
    words = ("which class is the weakest?", "test it", "which class is the weakest?", "why?", "show it again")
    return f"{words[turn % len(words)]} ({turn})" if turn % 3 else words[turn % len(words)]


def answered(turn: int) -> list[Any]:
    """What comes of it: an answer in words; every second turn with a tool that ran, every fourth with new evidence."""
    from failsight.agent.events import EvidenceMade, PlannerSaid, ToolStarted
    from tests.fakes.session import evaluation, masking

    said = f"The **kitchen** (answer {turn}): recall 64.0 % [57.9, 69.7].\n\n- 250 images\n- taken for *living room* {turn} times"
    steps: list[Any] = []
    if turn % 2 == 0:
        number = 1 + turn // 4
        made = (evaluation if number % 2 else masking)(number)
        steps = [
            ToolStarted(made.tool, made.arguments, f"question {turn}"),
            EvidenceMade(replace(made, summary=f"{made.summary} Turn {4 * (turn // 4)}."), turn % 4 != 0),
        ]
    return [*steps, PlannerSaid(said, ("Test it", "Why?"))]


async def turns_left(folder: Path, warm: int = 60, counted: int = 120) -> dict[str, float]:
    """MB that 100 turns leave in the app once ``warm`` turns were made: the slope over ``counted`` turns, in steps of 20.

    Memory is traced from before the app is there: what was made before tracing began and is let go later would not be
    subtracted, and what takes its place would look like growth. ``must`` is what the conversation itself weighs (words and
    evidence, in the session's state and in the app); ``mb_per_100_turns`` is the rest. Every tenth turn one scrolls to the
    beginning of all, unfolds a card, opens evidence in full and comes back.
    """
    from failsight.agent.ui.tui.messages import Answered
    from failsight.agent.ui.tui.widgets.conversation import STEP, Conversation
    from tests.ui.stage import on_stage

    tracemalloc.start()
    async with on_stage(folder, {"start": []}) as stage:
        app, session = stage.app, stage.session
        talk = app.main.query_one(Conversation)

        async def rests(true: Callable[[], bool] = lambda: True) -> None:
            while app.busy or not true():
                await asyncio.sleep(0.002)

        async def look_around() -> None:
            talk.action_scroll_home()
            await rests(lambda: talk._first == 0)
            talk.focus()
            talk.action_unfold()
            app.post_message(Answered("/evidence E1"))
            await rests(lambda: app.screen is not app.main)
            await asyncio.sleep(0.05)
            app.pop_screen()
            talk.follow()
            await rests(lambda: talk._last == len(talk.kept))

        async def turns(first: int, last: int) -> None:
            for turn in range(first, last):
                words = asked(turn)
                session.script[words] = answered(turn)
                before = len(session.asked)
                app.post_message(Answered(words))
                await rests(lambda before=before: len(session.asked) > before)  # type: ignore[misc]
                del session.script[words]
                if turn % 10 == 9:
                    await look_around()

        async def now() -> tuple[int, int]:
            """Traced bytes, and those of the conversation, with the same few widgets each time."""
            await talk._begin_at(len(talk.kept) - STEP, end=True)
            await rests(lambda: not talk._moving)
            await asyncio.sleep(0.5)
            content = held(talk.kept, app.main.evidence, session._state, session.asked, app.main.snapshot)
            gc.collect()
            return tracemalloc.get_traced_memory()[0], content

        await turns(0, warm)
        points = [(warm, *await now())]
        for done in range(warm, warm + counted, 20):
            await turns(done, done + 20)
            points.append((done + 20, *await now()))
    tracemalloc.stop()
    made, total, content = zip(*points, strict=True)
    must = 100 * linear_regression(made, content).slope / 1e6
    all_ = 100 * linear_regression(made, total).slope / 1e6
    return {
        "mb_per_100_turns": all_ - must,
        "must_mb_per_100_turns": must,
        "turns": float(counted),
        "mb_at_the_end": total[-1] / 1e6,
    }


def main() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, value in asyncio.run(turns_left(Path(folder), *map(int, sys.argv[1:]))).items():
            print(f"{name:<24} {value:.2f}")


if __name__ == "__main__":
    main()
