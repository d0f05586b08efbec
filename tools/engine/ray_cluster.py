"""The Ray cluster that a pass runs on: the one named by ``RAY_ADDRESS``, or a small private one on this machine.

A private cluster listens on the loopback address only, asks for a token that this process and its workers alone know
(Ray's own default would write one into the home folder), keeps its files in the folder that ``FAILSIGHT_RAY_FOLDER``
names, shows no dashboard, sends no usage statistics, and ends with this process. Used by ``ray_driver`` only.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from dataclasses import dataclass
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean

_STORE = 512 * 2**20  # bytes of shared memory: units in flight are a few megabytes each
_WORKER = 2 * 2**30  # bytes of memory reckoned for one worker with torch and a model
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else Ray's C++ half writes to the screen
}
_TOKEN = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # "0": Ray listens on 127.0.0.1 only, on Linux too


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connected cluster.

    Attributes:
        workers: how many workers a pass may start.
        gpus: GPUs a worker takes, 0 or 1.
        device: what a worker passes as ``device``.
        private: whether it was started by this process and is its alone.
    """

    ray: Any
    workers: int
    gpus: int
    device: str
    private: bool


def library() -> Any:
    """The module ``ray`` with Ray Data, silent. Raises UserError where it isn't installed."""
    os.environ.update(_QUIET)
    if not _address() and "ray" not in sys.modules:  # both are read when Ray is imported
        os.environ.setdefault(_LOOPBACK, "0")
        if not any(name in os.environ for name in _TOKEN):
            os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
        import ray.data
    except ImportError as problem:
        raise UserError(
            f"--engine ray needs Ray, which can't be loaded here ({clean(problem, 120)}).",
            "Install it with: pip install 'failsight[ray]'",
        ) from problem
    for name in ("ray", "ray.data", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


def connect(device: str = "cpu", workers: int | None = None) -> Cluster:
    """The running cluster, started or joined where there is none yet.

    Args:
        device: what the person asked the model to run on.
        workers: at most so many; by default as many as the cluster has CPUs (or GPUs, on a GPU).

    Raises:
        UserError: Ray isn't installed, the cluster can't be reached or started, or it has no GPU.
    """
    ray = library()
    if not ray.is_initialized():
        _start(ray, workers)
    has = ray.cluster_resources()
    gpus, cpus = int(has.get("GPU", 0)), max(1, int(has.get("CPU", 1)))
    kind = device.split(":")[0]
    if kind == "auto":
        kind = "cuda" if gpus else "cpu"
    if kind == "cuda" and not gpus:
        raise UserError("The Ray cluster has no GPU.", "Use --device cpu, or join a cluster with GPUs.")
    there = {"cuda": gpus, "mps": 1}.get(kind, cpus)
    return Cluster(
        ray,
        min(workers or there, there),
        int(kind == "cuda"),
        kind,
        not _address(),
    )


def _start(ray: Any, workers: int | None) -> None:
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if _address():
            ray.init(address=_address(), **quiet)
            return
        ray.init(
            address="local",
            num_cpus=max(2, workers or _workers()),
            object_store_memory=_store(),
            include_dashboard=False,
            _temp_dir=os.environ.get("FAILSIGHT_RAY_FOLDER"),
            **quiet,
        )
    except (ConnectionError, TimeoutError, RuntimeError, OSError, ValueError, AssertionError) as problem:
        place = (
            f"The Ray cluster at {clean(_address(), 80)} can't be reached"
            if _address()
            else "Ray can't start"
        )
        raise UserError(
            f"{place} ({clean(problem, 160)}).", "Check RAY_ADDRESS, or use --engine local."
        ) from problem


def _address() -> str:
    """The cluster to join; empty for a private one."""
    given = os.environ.get("RAY_ADDRESS", "")
    return "" if given == "local" else given


def _memory() -> int:
    """Bytes of memory that this machine has free, as far as it tells."""
    try:
        return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 8 * 2**30


def _workers() -> int:
    """One worker a processor, fewer where memory is short, at least two."""
    return max(2, min(os.cpu_count() or 2, _memory() // _WORKER))


def _store() -> int:
    return int(max(100 * 2**20, min(_STORE, _memory() // 8)))


def disconnect() -> None:
    """End the private cluster (its workers with it), or leave the joined one; nothing if there is none."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()
