"""Several trainings at once, each on one core: of small networks, where one training can't make use of two."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from failsight.tools.cores import cores, one_thread_each
from failsight.tools.repair.recipes import Recipe

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

Made = TypeVar("Made")
Advance = Callable[[int], None]
MOST_WEIGHTS = 5_000_000  # of a network of which several are trained at once …
MOST_PIXELS = 2_000_000  # … and pixels of one step: larger ones keep more than one core busy, and need their memory once
MOST = 4


class Halted(KeyboardInterrupt):
    """The work was stopped elsewhere. What each training saved after its last round is there to go on from."""


def small(model: Classifier, recipe: Recipe) -> bool:
    """Whether trainings of the model run on one core each, as many as there are cores.

    A rule and no timing, and not asked of the number of cores: the weights depend, in their last digits, on how many
    threads share a sum, and are so the same on any number of cores.
    """
    if str(getattr(model, "device", "cpu")) != "cpu":
        return False
    network = model.torch_module()
    height, width = model.preprocessing.size
    pixels = (recipe.batch + recipe.anchored) * height * width
    weights = 0 if network is None else sum(p.numel() for p in network.parameters())
    return weights <= MOST_WEIGHTS and pixels <= MOST_PIXELS


def at_once(
    jobs: Sequence[Callable[[Advance], Made]], advance: Advance, keep: Callable[[Made], None]
) -> None:
    """Do all jobs, ``cores`` at a time (at most ``MOST``), each with one thread of torch's.

    Args:
        jobs: each gets what it is to call after every step; that raises `Halted` once the others stopped.
        advance: told of the steps of all, in the caller's thread; what it raises ends all of them.
        keep: given what the jobs made, in their order, in the caller's thread.

    Raises:
        whatever a job, ``advance`` or ``keep`` raises, after all others have stopped.
    """
    stop, ticks = Event(), SimpleQueue[int]()

    def tick(steps: int) -> None:
        if stop.is_set():
            raise Halted
        ticks.put(steps)

    with one_thread_each(), ThreadPoolExecutor(min(cores(), MOST, max(1, len(jobs)))) as pool:
        waiting = deque(pool.submit(job, tick) for job in jobs)
        try:
            while waiting:
                _tell(ticks, advance)
                for future in waiting:
                    if future.done() and future.exception() is not None:
                        future.result()
                while waiting and waiting[0].done():
                    keep(waiting.popleft().result())
            _tell(ticks, advance)
        finally:
            stop.set()
            for future in waiting:
                future.cancel()


def _tell(ticks: SimpleQueue[int], advance: Advance) -> None:
    """Pass on the steps that were done; waits a moment for the first."""
    try:
        steps = ticks.get(timeout=0.05)
        while not ticks.empty():
            steps += ticks.get()
    except Empty:
        return
    advance(steps)
