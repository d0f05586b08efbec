"""The process that talks to Ray for us, so that Ray's prints, signal handlers and settings stay out of ours.

Failsight's own process (a terminal screen, a server, a test) starts it with a pipe, sends passes, and receives results.
It ends when the pipe closes, however that came about, and a private cluster with it.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from failsight.tools.errors import RetryError, UserError

_GRACE = 8.0  # seconds that an orderly end may take


@dataclass(frozen=True)
class Pass:
    """What is asked for: how to do a unit, and the units (see ``ray_work``).

    Attributes:
        device: what the person asked for; the workers' own is settled when the cluster is known.
        workers: at most so many.
    """

    work: Any
    carrier: Any
    units: Sequence[Mapping[str, Any]]
    device: str
    workers: int | None


def main() -> None:
    """Serve the pipe whose number is the first argument; its first message is the path to import from."""
    pipe = Connection(int(sys.argv[1]))
    sys.path[:] = pipe.recv()
    requests: list[bytes] = []
    arrived = threading.Condition()
    threading.Thread(target=_listen, args=(pipe, requests, arrived), daemon=True).start()
    from failsight.tools.engine.ray_cluster import disconnect

    try:
        while True:
            with arrived:
                while not requests:
                    arrived.wait()
                asked = requests.pop(0)
            _serve(pipe, asked)
    finally:
        disconnect()
        _tidy()


def _listen(pipe: Connection, requests: list[bytes], arrived: threading.Condition) -> None:
    """Receive requests; end the process when the other side is gone."""
    while True:
        try:
            asked = pipe.recv_bytes()
        except (EOFError, OSError):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            time.sleep(_GRACE)
            _tidy()
            os.killpg(0, signal.SIGKILL)  # this process leads its group
        with arrived:
            requests.append(asked)
            arrived.notify()


def _tidy() -> None:
    """Remove the folder of the cluster: the other side may not be there to do it."""
    folder = os.environ.get("FAILSIGHT_RAY_FOLDER")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(pipe: Connection, asked: bytes) -> None:
    """Do one pass: ``("made", …)`` for every unit, then ``("done", …)`` or what went wrong."""
    from failsight.tools.engine.ray_cluster import connect
    from failsight.tools.engine.ray_pipeline import run_units

    try:
        wanted: Pass = pickle.loads(asked)  # noqa: S301 - from the process that started this one
        cluster = connect(wanted.device, wanted.workers)
        work = wanted.work.on(cluster.device)
        with closing(run_units(work, wanted.carrier, wanted.units, cluster)) as source:
            for made in source:
                pipe.send(("made", made))
        pipe.send(("done", None))
    except UserError as problem:
        pipe.send(("user", (problem.message, problem.hint)))
    except RetryError as problem:
        pipe.send(("retry", str(problem)))
    except Exception as problem:
        pickled = b""
        with suppress(Exception):  # an error that can't travel is told in words
            pickled = pickle.dumps(problem)
        pipe.send(("bug", (pickled, "".join(traceback.format_exception(problem)))))


def _end(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    main()
