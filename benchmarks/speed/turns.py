"""What a turn costs beside the model: ``python -m benchmarks.speed.turns [--turns 260] [--profile]``.

A language model that answers at once (scripted) talks about a small case with evidence: checkpoints, context, approvals,
grounding check and journal are what is timed. Promised: at most 60 ms a turn at 10 messages, 150 ms at 500.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path
from statistics import median

from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.session import Session
from tests.fakes.case import FakeCase, television_world

ANSWER = "The evaluation is done [E1]. Which group of images do you want to look at next?"
AT = (10, 50, 100, 200, 500)  # messages


def turns(count: int) -> list[float]:
    """Seconds of each of ``count`` turns (two messages each) of one conversation."""
    table, model = television_world(300)
    with tempfile.TemporaryDirectory() as folder:
        case = FakeCase(Path(folder) / "case", {"data": table}, model)
        case.call("evaluate", {}, by="person")
        case.call("find_slices", {}, by="person")
        session = Session(case, planner=ScriptedPlanner([ANSWER] * count))  # type: ignore[arg-type]
        seconds = []
        for number in range(count):
            began = time.perf_counter()
            for _ in session.say(f"What about the dark pictures, question {number}?"):
                pass
            seconds.append(time.perf_counter() - began)
            while session.pending is not None:  # the budget of calls asks for more: that turn is timed again
                for _ in session.decide(True):
                    pass
        session.close()
    return seconds


def main() -> None:
    """Time the turns, print the growth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=255)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    turns(2)  # imports
    if given.profile:
        with cProfile.Profile() as profile:
            turns(given.turns)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        return
    seconds = turns(given.turns)
    print("| messages | ms a turn (median of five) |\n|---|---|")
    for messages in AT:
        at = messages // 2
        if at <= len(seconds):
            print(f"| {messages} | {1000 * median(seconds[max(0, at - 3) : at + 2]):.0f} |")


if __name__ == "__main__":
    main()
