"""How long a model takes and how much memory it needs, on the machine at hand."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Pixels

Floats = npt.NDArray[np.float64]
WARM_UP = 3
WARM_SECONDS = 10.0
PAGE = 0.01  # seconds between two looks at the memory


def timed(run: Callable[[], Any], repeats: int, seconds: float, least: int = 6) -> Floats:
    """Seconds of each of up to ``repeats`` runs after a few to warm up; stops after ``seconds``, but not before ``least`` runs."""
    started = time.perf_counter()
    for _ in range(WARM_UP):
        run()
        if time.perf_counter() - started > WARM_SECONDS:
            break
    made: list[float] = []
    started = time.perf_counter()
    while len(made) < repeats and (len(made) < least or time.perf_counter() - started < seconds):
        before = time.perf_counter()
        run()
        made.append(time.perf_counter() - before)
    return np.array(made)


def scorer(model: Any, pixels: Pixels) -> Callable[[], None]:
    """A run of the model over ``pixels``, waiting for the device to finish."""

    def run() -> None:
        model.scores(pixels)  # gives arrays in main memory: whatever device it is, it has finished

    return run


def resident() -> int | None:
    """Bytes of main memory that this process holds now; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


class Peak:
    """The highest resident set between entering and leaving, looked at every hundredth of a second."""

    def __init__(self) -> None:
        self.before = self.highest = resident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.wait(PAGE):
            self._note()

    def _note(self) -> None:
        now = resident()
        if now is not None:
            self.highest = max(self.highest or 0, now)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._note()
        self._stop.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        """Bytes by which it grew."""
        return max(0, (self.highest or 0) - (self.before or 0))


def device_of(model: Any) -> str:
    """``cpu``, ``cuda`` … as the model was opened."""
    return str(getattr(model, "device", "cpu"))


def device_peak(device: str, run: Callable[[], None]) -> int | None:
    """Bytes that torch held at most on a CUDA device during a run; None elsewhere."""
    if not device.startswith("cuda"):
        return None
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    run()
    return int(torch.cuda.max_memory_allocated(device))


def threads(model: Any) -> str:
    """How many threads the model computes with, as far as can be told."""
    cores = os.cpu_count() or 1
    if getattr(model, "format", "") == "onnx":
        return f"the threads that ONNX Runtime chooses on {cores} cores"
    if getattr(model, "torch_module", lambda: None)() is None:
        return f"up to {cores} cores"
    import torch

    count = torch.get_num_threads()
    return f"{count} thread{'s' * (count != 1)} on {cores} core{'s' * (cores != 1)}"
