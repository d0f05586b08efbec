"""From a plan to rows: which pictures of a world a case is made of, their labels, columns and edits."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.edits import STAMP, Box, Bytes, decoded, edited, encoded
from benchmarks.casebook.plans import IMPOSED, THINGS, Plan
from benchmarks.planted.pool import Pool, default_cache, open_pool
from failsight.knowledge_base.cases.scene import CLASSES, STYLE_COLUMNS, VALUES

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]
VISIBLE = frozenset({"stamp", "frame", "light", "camera", "finish", "orientation", "site"})
ENVIRONMENT = "FAILSIGHT_CASEBOOK_DATA"


def data_folder() -> Path | None:
    """The folder of real pictures (``cifar10/{train,test}/<class>/*.jpg``), if there is one."""
    given = os.environ.get(ENVIRONMENT)
    places = [Path(given)] if given else [Path(__file__).parents[3] / "shared" / "data"]
    found = [p for p in places if all((p / "cifar10" / part).is_dir() for part in ("train", "test"))]
    return found[0] if found else None


@dataclass(frozen=True)
class World:
    """Pictures to draw from: (n, side, side, 3), labels (n,), natural attributes attribute → (n,) texts."""

    pictures: Any
    labels: Texts
    natural: Mapping[str, Texts]

    def __len__(self) -> int:
        return len(self.labels)


@cache
def rooms(cache_folder: Path | None = None) -> World:
    """Procedural rooms at 96 pixels; drawn on first use (some minutes), then kept."""
    pool: Pool = open_pool(cache_folder or default_cache())
    labels = np.array(CLASSES)[pool.labels]
    natural = {a: np.array(VALUES[a])[c] for a, c in pool.codes.items()}
    return World(pool.large, labels, natural)


@cache
def photos(folder: Path, part: str = "test") -> World:
    """The CIFAR-10 test photographs, which the network's trunk was not trained on; or the training ones."""
    pictures, labels = [], []
    for name in THINGS:
        for path in sorted((folder / "cifar10" / part / name).glob("*.jpg")):
            pictures.append(decoded(path.read_bytes()))
            labels.append(name)
    return World(np.stack(pictures), np.array(labels), {})


@dataclass
class Part:
    """One split of a case.

    Attributes:
        rows: (n,) places in the world.
        truth: (n,) true classes (positions in the plan's classes).
        labels: (n,) classes as labelled.
        columns: name → (n,) values.
        edits: (n,) edits of each picture, in order.
        copies: place → place in the training split that it is a copy of.
    """

    rows: Ints
    truth: Ints
    labels: Ints
    columns: dict[str, Texts] = field(default_factory=dict)
    edits: list[tuple[str, ...]] = field(default_factory=list)
    copies: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def parts_of(plan: Plan, world: World, shared: Ints | None = None) -> dict[str, Part]:
    """All splits of a case, disjoint but for what leaks; ``pretrained`` where the plan has one.

    Args:
        shared: rows that a shared network was trained on: the training split is drawn from them, the others from the rest.
    """
    truth = _truth(plan, world)
    rng = np.random.default_rng(int(hashlib.sha256(f"{plan.seed}/rows".encode()).hexdigest()[:12], 16))
    half = (
        np.arange(len(world)) % 2 == (plan.split != "dev")
        if plan.world == "rooms"
        else np.ones(len(world), bool)
    )
    order = rng.permutation(np.flatnonzero(half & (truth >= 0)))
    free = np.ones(len(world), bool)
    made: dict[str, Part] = {}
    names = ["data", "train", "deploy", "reserve"]
    if any("pretrained" in t for t in plan.shares.values()):
        names.insert(1, "pretrained")
        plan.counts.setdefault("pretrained", 1300)
    if shared is not None:
        free[shared] = False
    for name in names:
        fresh = shared if shared is not None and name == "train" else order[free[order]]
        rows = _draw(plan, world, name, truth, fresh, rng)
        free[rows] = False
        made[name] = _part(plan, world, name, rows, truth[rows], rng)
    _leak(plan, made, rng)
    _mislabel(plan, made["data"], rng)
    return made


def _truth(plan: Plan, world: World) -> Ints:
    if plan.task == "cue":
        return np.where(world.natural[plan.classes[0]] == "yes", 0, 1).astype(np.int64)
    made = np.full(len(world), -1, np.int64)
    for i, name in enumerate(plan.classes):
        made[world.labels == name] = i
    return made


def _table(plan: Plan, attribute: str, split: str, label: str) -> Mapping[str, float] | None:
    by_class = plan.shares.get(attribute, {}).get(split)
    if by_class is None:
        return None
    return by_class.get(label, by_class.get("*"))


def _draw(plan: Plan, world: World, split: str, truth: Ints, order: Ints, rng: np.random.Generator) -> Ints:
    """Rows of one split: of each class its share, in each cell of the natural attributes that the plan fixes."""
    taken = []
    for c, label in enumerate(plan.classes):
        count = plan.counts.get(f"{split}/{label}", round(plan.counts[split] / len(plan.classes)))
        mine = order[truth[order] == c]
        cells: list[tuple[Ints, float]] = [(mine, 1.0)]
        if plan.world == "rooms":
            close = world.natural["framing"] == "close"
            cells = [
                (r[close[r] == near], w * s)
                for r, w in cells
                for near, s in ((True, plan.close), (False, 1 - plan.close))
            ]
        for attribute in plan.shares:
            table = _table(plan, attribute, split, label)
            if attribute in IMPOSED or table is None or attribute not in world.natural:
                continue
            values = world.natural[attribute]
            cells = [(r[values[r] == v], w * s) for r, w in cells for v, s in table.items()]
        taken += [r[: round(count * w)] for r, w in cells]
    return np.sort(np.concatenate(taken))


def _part(plan: Plan, world: World, split: str, rows: Ints, truth: Ints, rng: np.random.Generator) -> Part:
    made = Part(rows, truth, truth.copy())
    for name in plan.natural:
        made.columns[name] = world.natural[name][rows]
    if plan.task == "cue":
        made.columns["room"] = world.labels[rows]
    for name in plan.shares:
        if name in IMPOSED:
            made.columns[name] = _quotas(plan, name, split, truth, rng)
    made.edits = [() for _ in range(len(rows))]
    for name, by_value in plan.edits.items():
        if name in made.columns:
            made.edits = [
                (*e, by_value[v]) if v in by_value else e
                for e, v in zip(made.edits, made.columns[name].tolist(), strict=True)
            ]
    if split in plan.whole:
        made.edits = [(*e, plan.whole[split]) for e in made.edits]
    return made


def _quotas(plan: Plan, name: str, split: str, truth: Ints, rng: np.random.Generator) -> Texts:
    """Values of an imposed column: exact shares in each class, shuffled."""
    made = np.empty(len(truth), dtype="<U16")
    for c, label in enumerate(plan.classes):
        table = (
            _table(plan, name, split, label) or _table(plan, name, "train", label) or {IMPOSED[name][0]: 1.0}
        )
        where = rng.permutation(np.flatnonzero(truth == c))
        edges = np.round(np.cumsum(list(table.values())) * len(where)).astype(int)
        for value, part in zip(table, np.split(where, edges[:-1]), strict=True):
            made[part] = value
    return made


def _leak(plan: Plan, made: dict[str, Part], rng: np.random.Generator) -> None:
    """Put training pictures in place of evaluation pictures of the same class."""
    if not plan.leak:
        return
    data, train = made["data"], made["train"]
    count = round(plan.leak["share"] * len(data))
    free = set(range(len(data)))
    for k, source in enumerate(rng.permutation(len(train))[:count].tolist()):
        same = [i for i in sorted(free) if data.truth[i] == train.truth[source]]
        if not same:
            continue
        place = same[int(rng.integers(len(same)))]
        free.discard(place)
        data.rows[place] = train.rows[source]
        for name, values in data.columns.items():
            values[place] = train.columns[name][source]
        how = plan.leak["makes"][k % len(plan.leak["makes"])]
        data.edits[place] = train.edits[source] if how == "copied" else (*train.edits[source], how)
        data.copies[place] = source


def _mislabel(plan: Plan, data: Part, rng: np.random.Generator) -> None:
    noise = plan.noise
    if not noise:
        return
    names = np.array(plan.classes)[data.truth]
    if "column" in noise:
        at = np.flatnonzero(data.columns[noise["column"]] == noise["value"])
    else:
        at = np.flatnonzero(names == noise["label"])
    for place in rng.permutation(at)[: round(noise["share"] * len(at))].tolist():
        data.labels[place] = plan.classes.index(noise["taken_for"][names[place]])


def picture(plan: Plan, world: World, part: Part, place: int) -> Bytes:
    """One picture, edits and all."""
    made = np.asarray(world.pictures[part.rows[place]])
    for edit in part.edits[place]:
        made = edited(made, edit, f"{plan.seed}/{int(part.rows[place])}")
    return made


def stored(plan: Plan, world: World, part: Part) -> tuple[list[bytes], Bytes]:
    """The JPEG files of a split, and the pictures that they give back (n, side, side, 3)."""
    files = [encoded(picture(plan, world, part, i)) for i in range(len(part))]
    return files, np.stack([decoded(f) for f in files])


def boxes_of(plan: Plan, part: Part, place: int) -> dict[str, list[Box]]:
    """Boxes of the planted mark; those of things in rooms come from drawing them again (``room_boxes``)."""
    if "stamp" in plan.boxes and part.columns["stamp"][place] == "yes":
        return {"stamp": [STAMP]}
    return {}


def room_boxes(rows: Ints, kinds: tuple[str, ...]) -> list[dict[str, list[Box]]]:
    """Boxes of the things in rooms of the pool: the pictures are drawn once more."""
    from benchmarks.planted.pool import world
    from failsight.knowledge_base.cases.drawing import picture_of

    config = world()
    drafts = _drafts()
    made = []
    for row in rows.tolist():
        found = picture_of(config, drafts[row]).boxes
        made.append({k: [(b[0], b[1], b[2], b[3]) for b in found[k]] for k in kinds if k in found})
    return made


@cache
def _drafts() -> Any:
    from benchmarks.planted.pool import COUNT, world
    from failsight.knowledge_base.cases.world import plan as drafts_of

    return drafts_of(world(), "pool", COUNT)


__all__ = [
    "STYLE_COLUMNS",
    "Part",
    "World",
    "data_folder",
    "parts_of",
    "photos",
    "picture",
    "room_boxes",
    "rooms",
    "stored",
]
