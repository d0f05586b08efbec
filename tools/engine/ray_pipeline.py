"""Units of rows through a pool of Ray Data actors: in bounded rounds, back in any order, each exactly once."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from failsight.tools.engine.ray_cluster import Cluster
from failsight.tools.engine.ray_work import Carrier, Work, Worker
from failsight.tools.errors import UserError
from failsight.tools.text import clean

ROUND = 2000  # units handed to Ray at a time: their paths wait in its memory, about 50 bytes a row
TRIES = 4  # how often a unit is begun whose worker dies


def run_units(
    work: Work, carrier: Carrier, units: Sequence[Mapping[str, Any]], cluster: Cluster
) -> Generator[dict[str, Any], None, None]:
    """What a worker made of each unit, as it gets ready; each unit once.

    A worker that dies is started again and its unit with it. Closing the generator ends the workers.

    Raises:
        UserError: the cluster gives up.
    """
    for start in range(0, len(units), ROUND):
        yield from _round(work, carrier, units[start : start + ROUND], cluster)


def _round(
    work: Work, carrier: Carrier, units: Sequence[Mapping[str, Any]], cluster: Cluster
) -> Generator[dict[str, Any], None, None]:
    data = _dataset(work, carrier, units, cluster)
    missing = {unit["number"] for unit in units}
    source = iter(data.iter_batches(batch_size=None, prefetch_batches=1, batch_format="pyarrow"))
    try:
        with closing(source):
            for block in source:
                for made in block.to_pylist():
                    missing.discard(made["number"])
                    yield made
    except cluster.ray.exceptions.RayError as problem:
        raise UserError(
            f"The Ray cluster gave up ({type(problem).__name__}: {clean(problem, 160)}).",
            "Look at the cluster, or use --engine local; what is done so far is kept.",
        ) from problem
    if missing:
        raise RuntimeError(f"Ray handed back {len(missing)} units too few")


def _dataset(work: Work, carrier: Carrier, units: Sequence[Mapping[str, Any]], cluster: Cluster) -> Any:
    """One block a unit, mapped over the pool."""
    import pyarrow as pa

    ray = cluster.ray
    schema = pa.schema(
        {
            "number": pa.int64(),
            "start": pa.int64(),
            "stop": pa.int64(),
            "paths": pa.list_(pa.binary()),
            "positions": pa.list_(pa.int64()),
        }
    )
    blocks = [pa.Table.from_pylist([dict(unit)], schema=schema) for unit in units]
    size = max(1, min(cluster.workers, len(units)))
    pool: dict[str, Any] = {"size": size} if cluster.private else {"min_size": 1, "max_size": size}
    data = ray.data.from_arrow(blocks)
    context = data.context
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return data.map(
        Counted,
        fn_constructor_args=(work, carrier, secrets.token_hex(8)),
        compute=ray.data.ActorPoolStrategy(max_tasks_in_flight_per_actor=2, **pool),
        num_cpus=1,
        num_gpus=cluster.gpus or None,
    )  # Ray Data starts dead actors again, and their unit, without end: ``Counted`` puts one


class Counted(Worker):
    """A worker that refuses a unit on which workers died again and again, so that the pass ends."""

    def __call__(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        """As ``Worker``; the starts of each unit are counted in the cluster's own small store."""
        key = f"failsight:{self.name}:{unit['number']}".encode()
        starts = _count(key)
        if starts > TRIES:
            first, last = int(unit["start"]) + 1, int(unit["stop"])
            return {
                "number": int(unit["number"]),
                "blob": b"",
                "kind": "user",
                "message": f"Ray's workers died {TRIES} times while working on images {first:,} to {last:,}.",
                "hint": "Memory may be short: use fewer workers, or --engine local to see what these images do.",
            }
        made = super().__call__(unit)
        _forget(key)
        return made


def _count(key: bytes) -> int:
    """How often ``key`` was counted, this time included; 1 where the cluster keeps no count."""
    try:
        from ray.experimental import internal_kv as store

        starts = int(store._internal_kv_get(key) or 0) + 1
        store._internal_kv_put(key, str(starts).encode(), overwrite=True)
    except (ImportError, AttributeError):
        return 1
    return starts


def _forget(key: bytes) -> None:
    try:
        from ray.experimental import internal_kv as store

        store._internal_kv_del(key)
    except (ImportError, AttributeError):
        pass
