"""The masking test against its own forward passes: what the regions, controls and bookkeeping cost on top of the model.

    python -m benchmarks.speed.masking [--images 200] [--size 96] [--threads 1]

Both are timed in processor seconds, alternately, and the median of the ratios is printed: other work on the machine
then disturbs it least. The demo's small network is the hardest case; a larger one hides the cost.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

DRAWS = 8


def processor_seconds(work: Callable[[], object]) -> float:
    """What ``work`` costs, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(images: int = 200, size: int = 96, threads: int = 1, rounds: int = 7) -> tuple[float, float]:
    """(processor seconds of the bare passes, how many times that the whole test takes), medians."""
    import torch

    from failsight.knowledge_base.cases.model import build
    from failsight.tools.engine.local import batch_size
    from failsight.tools.experiments.fills import make_fill
    from failsight.tools.experiments.masking import Bench, measure
    from failsight.tools.experiments.regions import parse_region
    from tests.experiments.scenes import scene
    from tests.fakes.view import FakeModel, FakeView

    torch.set_num_threads(threads)
    classes = tuple("abcde")
    table = scene(images, size=size)
    view: Any = FakeView({"data": table}, FakeModel(None, classes, (size, size), module=build()))
    bench = Bench(
        view, "data", parse_region("box:lamp", {"lamp": images}, classes), make_fill("mean"), DRAWS, 0
    )
    rows = np.arange(images)
    passes = images * (2 + DRAWS)
    at_once = batch_size(view.model())
    batches = [np.repeat(table.pixels[:1], min(at_once, passes - i), 0) for i in range(0, passes, at_once)]

    def bare() -> None:
        for batch in batches:
            view.model().scores(batch)

    def test() -> None:
        view._cache.clear()
        measure(bench, rows, 0, "masking")

    test()
    pairs = [(processor_seconds(bare), processor_seconds(test)) for _ in range(rounds)]
    return statistics.median(b for b, _ in pairs), statistics.median(t / b for b, t in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    plain, ratio = measured(asked.images, asked.size, asked.threads, asked.rounds)
    print(
        f"masking test, {asked.images} images × (2 + {DRAWS}) passes at {asked.size} × {asked.size}, {asked.threads} thread(s)"
    )
    print(
        f"bare forward passes {plain:.2f} s of processor time; the whole test {ratio:.2f} × that (wanted: at most 1.2)"
    )


if __name__ == "__main__":
    main()
