"""A case as a person would hand it in: pictures, manifests, a model or its recorded answers; nothing says what is planted."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook import networks, pictures
from benchmarks.casebook.pictures import Part, World
from benchmarks.casebook.plans import ATTEMPTS, THINGS, Plan, Split, plan_case
from benchmarks.casebook.takeup import taken_up

Ints = npt.NDArray[np.int64]
SHARED = 3000  # pictures that a shared network of rooms is trained on


@dataclass(frozen=True)
class Reserve:
    """Pictures that no method sees: what is true of the model is true of them.

    Attributes:
        files: their JPEG files.
        columns: name → (n,) values, natural and imposed.
        truth: (n,) true classes.
        scores: (n, classes) what the model answers, fed as declared.
    """

    files: list[bytes]
    columns: Mapping[str, npt.NDArray[Any]]
    truth: Ints
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A case on disk.

    Attributes:
        plan: what is planted.
        given: arguments of ``open_case``.
        reserve: for judging.
        size: by how much the fault was taken up.
    """

    plan: Plan
    given: dict[str, Any]
    reserve: Reserve
    size: float


class NotMadeError(Exception):
    """No attempt gave a network that has the fault, or the world's pictures are absent."""


def make_case(split: Split, number: int, home: Path, cache: Path | None = None) -> Case:
    """Make a case, trying again where a fault is not taken up.

    Args:
        split, number: which case.
        home: folder for cases; this one gets a folder of its own, named so that it tells nothing.
        cache: folder of drawn pictures and shared networks.

    Raises:
        NotMadeError: the world's pictures are absent, or no attempt counts.
    """
    sizes = []
    for attempt in range(ATTEMPTS):
        plan = plan_case(split, number, attempt)
        made = _attempt(plan, home, cache)
        if made is not None:
            return made
        sizes.append(attempt)
    raise NotMadeError(f"not taken up in {len(sizes)} attempts")


def world_of(plan: Plan, cache: Path | None) -> World:
    """The world of a case. Raises NotMadeError where the real pictures are absent."""
    if plan.world == "rooms":
        return pictures.rooms(cache)
    folder = pictures.data_folder()
    if folder is None:
        raise NotMadeError(f"no real pictures: set {pictures.ENVIRONMENT}")
    return pictures.photos(folder)


def _attempt(plan: Plan, home: Path, cache: Path | None) -> Case | None:
    world = world_of(plan, cache)
    shared = plan.network.how == "shared" and plan.world == "rooms"
    pool = shared_rows(plan, world) if shared else None
    parts = pictures.parts_of(plan, world, pool)
    files, shown = {}, {}
    for name, part in parts.items():
        files[name], shown[name] = pictures.stored(plan, world, part)
    if shared:
        module, record = shared_network(plan, world, cache)
    else:
        source = "pretrained" if "pretrained" in parts else "train"
        trunk = photo_trunk(cache) if plan.world == "photos" else None
        made = networks.make_network(plan, shown[source], parts[source].truth, trunk)
        module, record = made.module, made.record
    scores = {n: networks.scores_of(module, networks.seen(plan, shown[n])) for n in ("data", "reserve")}
    size = taken_up(plan, parts["reserve"], scores["reserve"])
    if size is None:
        return None
    folder = home / plan.folder
    shutil.rmtree(folder, ignore_errors=True)
    given = _write(plan, folder, parts, files, module, record, scores["data"])
    told = parts["reserve"]
    # close-ups are no column of any case, but an encoder that knows words can see them
    framing = {"framing": world.natural["framing"][told.rows]} if plan.world == "rooms" else {}
    reserve = Reserve(files["reserve"], told.columns | framing, told.truth, scores["reserve"])
    return Case(plan, given, reserve, size)


# -- networks that cases share -----------------------------------------------------------------------


def shared_rows(plan: Plan, world: World) -> Ints:
    """The pictures that the shared network for these classes was trained on, in random order."""
    seed = f"casebook shared/{plan.split}/{'/'.join(plan.classes)}"
    rng = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:12], 16))
    usable = (np.arange(len(world)) % 2 == (plan.split != "dev")) & (world.natural["framing"] != "close")
    each = SHARED // len(plan.classes)
    taken = [rng.permutation(np.flatnonzero(usable & (world.labels == c)))[:each] for c in plan.classes]
    return rng.permutation(np.concatenate(taken))


def shared_network(plan: Plan, world: World, cache: Path | None) -> tuple[Any, networks.Record]:
    """A good network for the plan's classes: trained once, kept as weights."""
    import torch

    from benchmarks.planted.pool import default_cache
    from benchmarks.planted.training import _network

    # the same network whichever case asks for it first
    alike = replace(plan, number=0, attempt=0, bugs=(), network=replace(plan.network, how="shared"))
    mark = hashlib.sha256(f"3/{plan.split}/{'/'.join(plan.classes)}".encode()).hexdigest()[:12]
    path = (cache or default_cache()) / "casebook" / f"shared-{mark}.pt"
    if not path.is_file():
        rows = np.sort(shared_rows(plan, world))
        labels = np.array([plan.classes.index(c) for c in world.labels[rows]], np.int64)
        made = networks.make_network(alike, np.asarray(world.pictures[rows]), labels, None)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save({"weights": made.module.state_dict(), "record": made.record}, part)
        part.replace(path)
    kept = torch.load(path, weights_only=True)
    module = _network(len(plan.classes))
    module.load_state_dict(kept["weights"])
    return module.eval(), kept["record"]


def photo_trunk(cache: Path | None) -> Mapping[str, Any]:
    """Weights that all models of photographs start from: trained once on the training pictures, then kept."""
    import torch

    from benchmarks.planted.pool import default_cache

    path = (cache or default_cache()) / "casebook" / "photo-trunk-1.pt"
    if not path.is_file():
        folder = pictures.data_folder()
        if folder is None:
            raise NotMadeError(f"no real pictures: set {pictures.ENVIRONMENT}")
        world = pictures.photos(folder, "train")
        labels = np.array([THINGS.index(c) for c in world.labels], np.int64)
        made = networks.train_trunk(world.pictures, labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(made.module.state_dict(), part)
        part.replace(path)
    weights: Mapping[str, Any] = torch.load(path, weights_only=True)
    return weights


# -- files ---------------------------------------------------------------------------------------------


def _write(
    plan: Plan, folder: Path, parts: Mapping[str, Part], files: Mapping[str, list[bytes]], module: Any, record: networks.Record,
    scores: npt.NDArray[np.float32],
) -> dict[str, Any]:  # fmt: skip
    given: dict[str, Any] = {"task": "Tell the classes apart.", "name": f"case {plan.folder}", "seed": 0}
    black_box = plan.variant == "black_box"
    answers = _recorded(plan, parts["data"], scores) if black_box else None
    manifest = _split(plan, folder / "eval", parts["data"], files["data"], answers)
    given["predictions" if black_box else "data"] = str(manifest)
    if plan.variant != "no_train":
        given["train"] = str(_split(plan, folder / "train", parts["train"], files["train"], None))
    if not black_box:
        given["deploy"] = str(_split(plan, folder / "deploy", parts["deploy"], files["deploy"], None))
        networks.save(module, plan, folder / "model" / "model.pt")
        (folder / "model" / "model.json").write_text(json.dumps(networks.side_file(plan), indent=2))
        given["model"] = str(folder / "model" / "model.pt")
        if plan.variant != "no_train":
            with (folder / "model" / "history.csv").open("w", newline="") as out:
                writer = csv.DictWriter(out, list(record[0]))
                writer.writeheader()
                writer.writerows(record)
            given["history"] = str(folder / "model" / "history.csv")
    if plan.variant == "words":
        given["encoder"] = "rooms"
    return given


def _recorded(plan: Plan, part: Part, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The answers of a black box; for a null case exchanged between pictures of the same class."""
    made = scores.copy()
    if plan.null == "exchanged":
        rng = np.random.default_rng(
            int(hashlib.sha256(f"{plan.seed}/exchange".encode()).hexdigest()[:12], 16)
        )
        for c in range(len(plan.classes)):
            at = np.flatnonzero(part.truth == c)
            made[at] = made[rng.permutation(at)]
    return made


def _split(
    plan: Plan, home: Path, part: Part, files: list[bytes], scores: npt.NDArray[np.float32] | None
) -> Path:
    """Pictures and manifest of one split; file names tell nothing."""
    (home / "images").mkdir(parents=True)
    columns = {} if plan.variant == "words" else part.columns
    drawn = (
        pictures.room_boxes(part.rows, plan.boxes)
        if plan.boxes and "stamp" not in plan.boxes and home.name == "eval"
        else None
    )
    rows = []
    for i, content in enumerate(files):
        name = hashlib.sha256(f"{plan.seed}/{home.name}/{i}".encode()).hexdigest()[:12] + ".jpg"
        (home / "images" / name).write_bytes(content)
        row = {"path": f"images/{name}", "label": plan.classes[part.labels[i]]}
        if scores is not None:
            row |= {f"p_{c}": f"{s:.5f}" for c, s in zip(plan.classes, scores[i].tolist(), strict=True)}
        row |= {c: str(v[i]) for c, v in columns.items() if c not in plan.boxes}
        if plan.boxes and home.name == "eval":
            row["boxes"] = json.dumps(drawn[i] if drawn is not None else pictures.boxes_of(plan, part, i))
        rows.append(row)
    rows.sort(key=lambda r: r["path"])
    path = home / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
