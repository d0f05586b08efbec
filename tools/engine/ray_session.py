"""This side of the process that talks to Ray: started when first needed, used by pass after pass, ended with us."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.connection import Pipe as pipe
from pathlib import Path
from typing import Any

from failsight.tools.engine.ray_driver import Pass
from failsight.tools.engine.ray_work import bug
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean

_POLL = 0.25  # seconds between looks at whether a person wants to stop
_GRACE = 10.0  # seconds that the driver may take to end in order
_LOCK = threading.RLock()


@dataclass
class _Driver:
    """A running driver process, the pipe to it, and the folder where it and its cluster write."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    folder: Path
    address: str = field(default_factory=lambda: os.environ.get("RAY_ADDRESS", ""))

    def usable(self) -> bool:
        """Whether it runs, and for the cluster that is asked for now."""
        return self.process.poll() is None and self.address == os.environ.get("RAY_ADDRESS", "")

    def last_words(self) -> str:
        """The last line that it wrote."""
        try:
            lines = (self.folder / "driver.log").read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return clean(lines[-1], 160) if lines else f"exit code {self.process.poll()}"


_running: list[_Driver] = []


def results(wanted: Pass, tick: Callable[[int], None]) -> Generator[dict[str, Any], None, None]:
    """What the workers made of each unit of ``wanted``, as it gets ready; ``tick(0)`` is called while waiting.

    Whatever ends the generator early (Ctrl-C, a cancelled job) ends the driver and its workers too.

    Raises:
        UserError: Ray isn't installed, can't be reached, ended unexpectedly, or a worker met what a person must mend.
        RetryError: as raised by a worker.
        Exception: any other error of a worker, as it was raised there, with its traceback as a note.
    """
    with _LOCK:
        driver = _driver()
        finished = False
        try:
            driver.pipe.send_bytes(_pickled(wanted))
            while True:
                while not driver.pipe.poll(_POLL):
                    tick(0)
                kind, value = driver.pipe.recv()
                if kind == "made":
                    yield value
                    continue
                finished = True
                if kind == "done":
                    return
                _raise(kind, value)
        except (EOFError, BrokenPipeError, ConnectionResetError) as problem:
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.process.wait(_GRACE)
            raise UserError(
                f"Ray ended unexpectedly ({driver.last_words()}).",
                "Memory may be short; what is done so far is kept, so try again, or use --engine local.",
            ) from problem
        finally:
            if not finished:
                close()


def close() -> None:
    """End the driver, its cluster and its workers; nothing if there is none."""
    while _running:
        driver = _running.pop()
        driver.pipe.close()
        driver.process.send_signal(signal.SIGTERM)
        try:
            driver.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # what of Ray outlived it; workers end with Ray's daemon
            os.killpg(driver.process.pid, signal.SIGKILL)
        driver.process.wait()
        shutil.rmtree(driver.folder, ignore_errors=True)


atexit.register(close)


def _pickled(wanted: Pass) -> bytes:
    try:
        return pickle.dumps(wanted)
    except (pickle.PicklingError, TypeError, AttributeError) as problem:
        raise UserError(
            f"This model or data set can't be sent to a Ray worker ({clean(problem, 120)}).",
            "Use --engine local for it.",
        ) from problem


def _raise(kind: str, value: Any) -> None:
    if kind == "user":
        raise UserError(*value)
    if kind == "retry":
        raise RetryError(value)
    raise bug(*value)


def _driver() -> _Driver:
    """The running driver, or a new one. Raises UserError where Ray isn't installed."""
    if _running and _running[0].usable():
        return _running[0]
    close()
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            "--engine ray needs the package ray, which isn't installed.",
            "Install it with: pip install 'failsight[ray]'",
        )
    folder = _folder()
    ours, theirs = pipe()
    with (folder / "driver.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "failsight.tools.engine.ray_driver", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "FAILSIGHT_RAY_FOLDER": str(folder)},
            start_new_session=True,  # Ctrl-C at the terminal is ours to pass on
        )
    theirs.close()
    ours.send(sys.path)
    _running.append(_Driver(process, ours, folder))
    return _running[0]


def _folder() -> Path:
    """A folder of our own; Ray puts sockets there, whose paths may have 107 bytes."""
    usual = tempfile.gettempdir()
    short = len(os.fsencode(usual)) <= 20
    return Path(tempfile.mkdtemp(prefix="failsight-ray-", dir=usual if short else "/tmp"))  # noqa: S108
