"""How fast the terminal app stays: a key with 1,000 evidence cards while a model pass runs, memory, pages of a gallery.

    python benchmarks/speed/app.py [--cards 1000] [--keys 200] [--json]

The app runs headless at 120×40. ``keystroke``: from a key to the frame that shows it, while another thread multiplies
matrices and ticks its progress. ``memory``: what 100 turns (words, a card, an answer) leave behind, counted by tracemalloc
once the conversation is as long as it gets. ``page``: from PgDn to the frame in which every thumbnail of the next page is
painted, over a gallery of 5,000 photographs-sized JPEG files that were never decoded before. Targets: 50 ms (p95), 1 MB,
100 ms. The first paint is measured by ``first_paint.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from PIL import Image
from textual import events

from failsight.agent.events import EvidenceMade, PlannerSaid, SessionEvent
from failsight.agent.gallery import Gallery, Shot
from failsight.agent.ui.tui.screens.gallery import GalleryScreen, Tile
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.tools.inputs.images import decode
from tests.fakes.session import ScriptedSession, evaluation, masking
from tests.ui.stage import Stage, on_stage


def cards(n: int) -> list[Any]:
    return [EvidenceMade(dataclasses.replace(evaluation(i), id=f"E{i}")) for i in range(1, n + 1)]


def model_pass(session: ScriptedSession) -> Iterator[SessionEvent]:
    """Works until it is cancelled, as a model on the processor does."""
    a = np.random.default_rng(0).random((256, 256)).astype(np.float32)
    with session.progress.job("predicting", 1_000_000) as ticker:
        while not session.cancelled.is_set():
            a = a @ a / 256
            ticker.advance()
    yield PlannerSaid("Done.")


async def painted(stage: Stage, true: Callable[[], bool], timeout: float = 20, every: float = 0.0005) -> None:
    """Until ``true()`` holds and a frame was drawn after that."""
    until = time.monotonic() + timeout
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("waited in vain")
        await asyncio.sleep(every)
    drawn = asyncio.Event()
    stage.app.screen.call_after_refresh(drawn.set)
    await drawn.wait()


async def keystrokes(folder: Path, n: int, keys: int) -> dict[str, float]:
    async with on_stage(folder, {"start": cards(n), "work": [model_pass]}, rest=False) as stage:
        await painted(stage, lambda: not stage.app.busy, 600)
        await stage.type("work")
        prompt = stage.app.main.query_one(Prompt)
        prompt.focus()
        await asyncio.sleep(0.5)
        took = []
        for i in range(keys):
            if i % 40 == 0:
                prompt.value = ""
            before = len(prompt.value)
            start = time.perf_counter()
            prompt.post_message(events.Key("k", "k"))
            await painted(stage, lambda before=before: len(prompt.value) > before)  # type: ignore[misc]
            took.append(1000 * (time.perf_counter() - start))
            await asyncio.sleep(0.01)
        stage.app.talk.stop()  # type: ignore[union-attr]
        await painted(stage, lambda: not stage.app.busy)
    took.sort()
    return {"median_ms": statistics.median(took), "p95_ms": took[int(0.95 * len(took))], "worst_ms": took[-1]}


async def memory(folder: Path) -> dict[str, float]:
    turn: list[Any] = [EvidenceMade(masking(2)), PlannerSaid("The **kitchen**: recall 64.0 % [57.9, 69.7].")]
    async with on_stage(folder, {"start": [], "*": turn}) as stage:

        async def turns(count: int) -> None:
            for _ in range(count):
                await stage.type("which is the weakest?")
                await stage.rest()

        entries = stage.app.main.query_one(Conversation).entries

        async def trimmed() -> None:
            """To the turn after which the oldest entries left: only there two moments can be compared."""
            before = len(entries.children)
            while len(entries.children) >= before:
                before = len(entries.children)
                await turns(1)
            gc.collect()

        await turns(70)
        tracemalloc.start()
        await trimmed()
        before = tracemalloc.get_traced_memory()[0]
        asked = len(stage.session.asked)
        for _ in range(4):
            await trimmed()
        grown, counted = tracemalloc.get_traced_memory()[0] - before, len(stage.session.asked) - asked
        tracemalloc.stop()
    return {"mb_per_100_turns": 100 * grown / 1e6 / counted, "turns": float(counted)}


def jpegs(folder: Path, n: int = 60) -> list[Path]:
    """Pictures of 500×375 pixels with some texture."""
    rng, made = np.random.default_rng(0), []
    for i in range(n):
        small = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        path = folder / f"{i}.jpg"
        small.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
        made.append(path)
    return made


async def pages(folder: Path) -> dict[str, float]:
    files = [p.read_bytes() for p in jpegs(folder)]

    def opener(split: str, row: int) -> Image.Image:
        return decode(files[row % len(files)])

    def previewer(split: str, row: int, least: tuple[int, int]) -> Image.Image:
        return decode(files[row % len(files)], least)

    shots = [Shot("data", i, f"{i}.jpg", "kitchen", "hall", 0.5) for i in range(5_000)]
    gallery = Gallery("all", shots, "", opener, lambda split, row: (opener(split, row), ""), previewer)
    async with on_stage(folder, {"start": []}) as stage:
        screen = GalleryScreen(gallery)
        await stage.app.push_screen(screen)

        await painted(stage, lambda: bool(screen.query(Tile)))
        tiles = list(screen.query(Tile))

        def there() -> bool:
            return bool(tiles) and all(t.painted for t in tiles)

        took: dict[str, list[float]] = {"read": [], "leapt": []}
        busy: dict[str, list[float]] = {"read": [], "leapt": []}
        await painted(stage, there)
        for kind, step, pause in (("read", 1, 0.6), ("leapt", 7, 0.0)):
            for _ in range(25):
                await asyncio.sleep(pause)
                start, worked = time.perf_counter(), time.process_time()
                screen.action_page(step)
                await painted(stage, there, every=0.004)
                took[kind].append(1000 * (time.perf_counter() - start))
                busy[kind].append(1000 * (time.process_time() - worked))
    made = {f"{kind}_p95_ms": sorted(v)[int(0.95 * len(v))] for kind, v in took.items()}
    made |= {f"{kind}_processor_p95_ms": sorted(v)[int(0.95 * len(v))] for kind, v in busy.items()}
    return {"tiles": float(screen.count), "median_ms": statistics.median(took["read"]), **made}


def measure(n: int, keys: int) -> dict[str, dict[str, float]]:
    """All figures. ``read`` turns to the next page after looking at one for 0.6 s; ``leapt`` to pages that nobody foresaw."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, run in (
            ("keystroke", lambda: keystrokes(Path(folder), n, keys)),
            ("page", lambda: pages(Path(folder))),
            ("memory", lambda: memory(Path(folder))),
        ):
            made[name] = {k: round(v, 2) for k, v in asyncio.run(run()).items()}
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cards", type=int, default=1_000)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.cards, args.keys)
    if args.json:
        print(json.dumps(result, indent=2))
    for name, values in result.items() if not args.json else ():
        print(f"{name:<10} " + ", ".join(f"{k} {v:g}" for k, v in values.items()))
