"""How fast the terminal app stays: a key with 1,000 evidence cards while a model pass runs, memory, pages of a gallery.

    python benchmarks/speed/app.py [--cards 1000] [--keys 200] [--json]

The app runs headless at 120×40. ``keystroke``: from a key to the frame that shows it, while another thread multiplies
matrices and ticks its progress. ``page``: from a key to the frame of another page of a gallery of 5,000 photographs-sized
JPEG files that were never decoded before. ``memory``: what 100 turns leave behind (``memory.py``). Targets, all p95: 50 ms,
100 ms for every move, 1 MB. The first paint is measured by ``first_paint.py``.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from PIL import Image
from textual import events

from benchmarks.speed.memory import turns_left
from failsight.agent.events import EvidenceMade, PlannerSaid, SessionEvent
from failsight.agent.gallery import Gallery, Shot
from failsight.agent.ui.tui.screens.gallery import GalleryScreen, Tile
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.tools.inputs.images import decode
from tests.fakes.session import ScriptedSession, evaluation
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
    """From a key to the first frame of another page (words and places of its pictures), and to the frame with all pictures.

    ``read``: the next page, after one was looked at for 0.6 s; ``leapt``: seven pages on, where nothing was foreseen;
    ``ended``: to the last picture and back to the first; ``cursor``: one picture on, within a page and over its edge.
    ``processor``: the processor's time until all are there, which other work on the machine disturbs least.
    """
    files = [p.read_bytes() for p in jpegs(folder)]

    def opener(split: str, row: int) -> Image.Image:
        return decode(files[row % len(files)])

    def previewer(split: str, row: int, least: tuple[int, int]) -> Image.Image:
        return decode(files[row % len(files)], least)

    shots = [Shot("data", i, f"{i}.jpg", "kitchen", "hall", 0.5) for i in range(5_000)]
    gallery = Gallery("all", shots, "", opener, lambda split, row: (opener(split, row), ""), previewer)
    made: dict[str, float] = {}
    async with on_stage(folder, {"start": []}) as stage:
        screen = GalleryScreen(gallery)
        await stage.app.push_screen(screen)
        await painted(stage, lambda: bool(screen.query(Tile)))
        tiles = list(screen.query(Tile))

        def there() -> bool:
            return all(t.painted for t in tiles if t.place is not None)

        await painted(stage, there)
        gc.freeze()  # as the app does once a case is open

        async def move(action: Callable[[], None]) -> tuple[float, float, float]:
            start, at, worked = time.perf_counter(), screen.cursor, time.process_time()
            screen.call_next(action)
            await painted(stage, lambda: screen.cursor != at)
            first = time.perf_counter()
            await painted(stage, there, every=0.002)
            worked = time.process_time() - worked
            return 1000 * (first - start), 1000 * (time.perf_counter() - start), 1000 * worked

        moves: dict[str, tuple[float, list[Callable[[], None]]]] = {
            "read": (0.6, [lambda: screen.action_page(1)] * 25),
            "leapt": (0.0, [lambda: screen.action_page(7)] * 25),
            "ended": (0.1, [lambda: screen.action_end(1), lambda: screen.action_end(0)] * 10),
            "cursor": (0.0, [lambda: screen.action_move(1, 0)] * 50),
        }
        for name, (pause, actions) in moves.items():
            took = []
            for action in actions:
                await asyncio.sleep(pause)
                took.append(await move(action))
            for what, values in zip(("first", "all", "processor"), zip(*took, strict=True), strict=True):
                made |= {f"{name}_{what}_p95_ms": sorted(values)[int(0.95 * len(values))]}
    gc.unfreeze()
    return {"tiles": float(screen.count), **made}


def measure(n: int, keys: int) -> dict[str, dict[str, float]]:
    """All figures."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, run in (
            ("keystroke", lambda: keystrokes(Path(folder), n, keys)),
            ("page", lambda: pages(Path(folder))),
            ("memory", lambda: turns_left(Path(folder))),
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
