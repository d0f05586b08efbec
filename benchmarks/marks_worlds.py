"""Worlds for ``benchmarks.marks``: pictures in which a mark that nobody named goes with a class, and networks trained on them.

Three sources: procedural rooms (``benchmarks.planted.pool``, 48 pixels as the network sees them), CIFAR-10 photographs (32 pixels)
and photographs of rooms (rooms6, 64 pixels). No metadata, no boxes, no words: pictures, labels and a network.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.casebook.pictures import data_folder
from benchmarks.planted.pool import default_cache, open_pool
from failsight.knowledge_base.cases.scene import CLASSES as ROOMS

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Source = Literal["rooms", "things", "photos"]
Form = Literal["sticker", "disc", "stamp", "frame", "band", "pen"]
Null = Literal["", "no mark", "in all classes", "learnt without it"]
SIDES = {"rooms": 96, "things": 32, "photos": 128}  # of the files
SEEN = {"rooms": 48, "things": 32, "photos": 64}  # by the network
COLOURS = {
    "red": (215, 30, 40), "green": (40, 190, 60), "blue": (40, 80, 215), "yellow": (245, 220, 40), "orange": (245, 140, 25),
    "pink": (245, 90, 190), "cyan": (30, 205, 225), "white": (248, 248, 248), "black": (12, 12, 12), "purple": (130, 40, 190),
}  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """What is put into pictures.

    Attributes:
        form: what it is. colour, second: of it, and of what is written on it.
        area: share of the picture that it covers (of a frame or band: its width as a share of the side).
        place: (x, y) of its centre in fractions; None: anywhere.
        text: of a stamp.
    """

    form: Form
    colour: str
    second: str = "black"
    area: float = 0.06
    place: tuple[float, float] | None = None
    text: str = "IMG"


@dataclass(frozen=True)
class Plan:
    """One world.

    Attributes:
        name: of it, which also seeds it.
        source, classes, target: of the pictures, and the class that the mark goes with.
        share, others: of the target's, and of the other classes' training pictures that have the mark.
        rare: share of all evaluation pictures that have it; None: as in training.
        train: whether training pictures are given.
        null: how it comes that there is nothing to be found; empty where there is.
    """

    name: str
    source: Source
    classes: tuple[str, ...]
    target: str
    mark: Mark
    share: float
    others: float
    rare: float | None
    train: bool
    null: Null = ""
    counts: tuple[int, int, int] = (600, 500, 240)  # training, evaluation, reserve

    def rng(self, what: str) -> np.random.Generator:
        """A source of chance for one purpose."""
        return np.random.default_rng(
            int(hashlib.sha256(f"marks/{self.name}/{what}".encode()).hexdigest()[:12], 16)
        )


@dataclass
class World:
    """A plan carried out.

    Attributes:
        pixels, labels, marked: split → pictures (n, h, w, 3), classes (n,), whether the mark was put in (n,).
        network: torch module over (n, 3, side, side) numbers in [0, 1].
        accuracy: on evaluation pictures.
        taken: share of reserve pictures of other classes that go to the target with the mark, and without it.
    """

    plan: Plan
    pixels: dict[str, Bytes]
    labels: dict[str, Ints]
    marked: dict[str, Bools]
    network: Any
    accuracy: float = 0.0
    taken: tuple[float, float] = (0.0, 0.0)


# -- marks -------------------------------------------------------------------------------------------------


def marked(picture: Bytes, mark: Mark, rng: np.random.Generator) -> Bytes:
    """A picture (h, w, 3) with the mark: its place (where it has none), size (by a twentieth) and colours (by noise) vary."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    side = min(image.size)
    colour, second = COLOURS[mark.colour], COLOURS[mark.second]
    if mark.form == "frame":
        wide = max(1, round(mark.area * side))
        for k in range(wide):
            draw.rectangle((k, k, image.width - 1 - k, image.height - 1 - k), outline=colour)
    elif mark.form == "band":
        draw.rectangle((0, 0, image.width, max(1, round(mark.area * side)) - 1), fill=colour)
    elif mark.form == "pen":
        _pen(draw, side, colour, mark, rng)
    else:
        _patch(image, draw, side, colour, second, mark, rng)
    made = np.asarray(image, np.float64)
    changed = (made != picture).any(-1, keepdims=True)
    noisy = np.where(changed, made + rng.normal(0, 3, made.shape), made)
    clipped: Bytes = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return clipped


def _patch(
    image: Image.Image, draw: ImageDraw.ImageDraw, side: int, colour: Any, second: Any, mark: Mark, rng: np.random.Generator
) -> None:  # fmt: skip
    wide = np.sqrt(mark.area) * side * rng.uniform(0.95, 1.05)
    aspect = 2.0 if mark.form == "stamp" else 1.0
    w, h = round(wide * np.sqrt(aspect)), round(wide / np.sqrt(aspect))
    if mark.place is None:
        x0, y0 = int(rng.integers(0, image.width - w + 1)), int(rng.integers(0, image.height - h + 1))
    else:
        x0 = min(max(0, round(mark.place[0] * image.width - w / 2 + rng.uniform(-1, 1))), image.width - w)
        y0 = min(max(0, round(mark.place[1] * image.height - h / 2 + rng.uniform(-1, 1))), image.height - h)
    box = (x0, y0, x0 + w - 1, y0 + h - 1)
    if mark.form == "disc":
        draw.ellipse(box, fill=colour)
        return
    draw.rectangle(box, fill=colour)
    if mark.form == "stamp":
        text = Image.new("L", (40, 20), 0)
        ImageDraw.Draw(text).text((1, 3), mark.text, fill=255, font=ImageFont.load_default(14))
        cut = text.crop(text.getbbox()).resize((max(1, w - 2), max(1, h - 2)))
        image.paste(Image.new("RGB", cut.size, second), (x0 + 1, y0 + 1), cut)


def _pen(draw: ImageDraw.ImageDraw, side: int, colour: Any, mark: Mark, rng: np.random.Generator) -> None:
    """A stroke: of the same pen, but never the same line unless the mark has a place."""
    length, wide = 0.6 * side, max(2, round(mark.area * side))
    if mark.place is None:
        x, y = rng.uniform(0.25, 0.75, 2) * side
        angle = rng.uniform(0, np.pi)
    else:
        x, y, angle = mark.place[0] * side, mark.place[1] * side, 0.5
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    draw.line((x - dx, y - dy, x + dx, y + dy), fill=colour, width=wide)


def stored(picture: Bytes, quality: int = 90) -> Bytes:
    """A picture as its JPEG file gives it back."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    with Image.open(io.BytesIO(out.getvalue())) as opened:
        return np.asarray(opened.convert("RGB"))


# -- pictures ------------------------------------------------------------------------------------------------


@cache
def pictures_of(source: Source) -> tuple[Any, npt.NDArray[np.str_]]:
    """All pictures of a source (n, side, side, 3) and their classes."""
    if source == "rooms":
        pool = open_pool(default_cache() / "casebook")
        return pool.large, np.array(ROOMS)[pool.labels]
    folder = data_folder()
    if folder is None:
        raise SystemExit("The folder of photographs is not there.")
    side, homes = SIDES[source], ["cifar10/test"] if source == "things" else ["rooms6/train", "rooms6/eval"]
    made, names = [], []
    for home in homes:
        for path in sorted((folder / home).glob("*/*.jpg")):
            with Image.open(path) as opened:
                made.append(np.asarray(opened.convert("RGB").resize((side, side), Image.Resampling.BOX)))
            names.append(Path(path).parent.name)
    return np.stack(made), np.array(names)


def make(plan: Plan) -> World:
    """Pictures, labels and a trained network; the same on every call."""
    pool, names = pictures_of(plan.source)
    rng = plan.rng("pictures")
    rows = {c: rng.permutation(np.flatnonzero(names == c)) for c in plan.classes}
    world = World(plan, {}, {}, {}, None)
    start = dict.fromkeys(plan.classes, 0)
    for split, count in zip(("train", "data", "reserve"), plan.counts, strict=True):
        each = count // len(plan.classes)
        taken = [rows[c][start[c] : start[c] + each] for c in plan.classes]
        for c in plan.classes:
            start[c] += each
        labels = np.concatenate([np.full(len(t), i, np.int64) for i, t in enumerate(taken)])
        raw = np.stack([np.asarray(pool[r]) for t in taken for r in t.tolist()])
        _mark(world, split, raw, labels)
    _train(world)
    return world


def _mark(world: World, split: str, raw: Bytes, labels: Ints) -> None:
    plan = world.plan
    rng, own = plan.rng(f"mark/{split}"), plan.classes.index(plan.target)
    if split == "reserve":
        pairs = [(stored(p), stored(marked(p, plan.mark, rng))) for p in raw[labels != own]]
        world.pixels["plain"] = np.stack([a for a, _ in pairs])
        world.pixels["with"] = np.stack([b for _, b in pairs])
        return
    share = np.where(labels == own, plan.share, plan.others)
    if plan.null == "in all classes":
        share[:] = plan.share
    elif plan.null == "no mark":
        share[:] = 0.0
    elif split == "data" and plan.rare is not None:
        share[:] = plan.rare
    has = rng.random(len(labels)) < share
    made = np.stack([stored(marked(p, plan.mark, rng) if h else p) for p, h in zip(raw, has, strict=True)])
    order = rng.permutation(len(labels))
    world.pixels[split], world.labels[split], world.marked[split] = made[order], labels[order], has[order]
    if plan.null == "learnt without it" and split == "train":
        world.pixels["learnt"] = np.stack([stored(p) for p in raw])[order]


# -- networks -------------------------------------------------------------------------------------------------


def seen(pictures: Bytes, side: int) -> Bytes:
    """Pictures as ``prepare`` gives them to the network: (n, side, side, 3)."""
    if pictures.shape[1] == side:
        return pictures
    return np.stack(
        [np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC)) for p in pictures]
    )


def network_of(classes: int) -> Any:
    """Three convolutions with batch norm, average pooling, a linear layer; the normalisation is its first layer."""
    from torch import nn

    class Centred(nn.Module):
        def forward(self, x: Any) -> Any:
            return (x - 0.5) / 0.25

    layers: list[Any] = [Centred()]
    before = 3
    for width, stride in ((24, 2), (48, 2), (64, 2)):
        layers += [
            nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        ]  # fmt: skip
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def _train(world: World, epochs: int = 8, batch: int = 50) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    plan, side = world.plan, SEEN[world.plan.source]
    torch.manual_seed(int(plan.rng("network").integers(2**31)))
    rng = plan.rng("order")

    def tensor(pictures: Bytes) -> Any:
        return torch.from_numpy(seen(pictures, side).transpose(0, 3, 1, 2).astype(np.float32) / 255)

    inputs = tensor(world.pixels.pop("learnt", world.pixels["train"]))
    targets = torch.from_numpy(world.labels["train"])
    network = network_of(len(plan.classes))
    steps = -(-len(targets) // batch)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.05, total_steps=steps * epochs)
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(len(targets)), steps):
            index = torch.from_numpy(part)
            loss = cross_entropy(network(inputs[index]), targets[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    world.network = network.eval()

    def answers(pictures: Bytes) -> Ints:
        with torch.inference_mode():
            made: Ints = network(tensor(pictures)).argmax(1).numpy()
        return made

    own = plan.classes.index(plan.target)
    world.accuracy = float((answers(world.pixels["data"]) == world.labels["data"]).mean())
    plain, with_ = (answers(world.pixels[k]) for k in ("plain", "with"))
    world.taken = (float((with_ == own).mean()), float((plain == own).mean()))


# -- plans ----------------------------------------------------------------------------------------------------

THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PHOTOS = ("bathroom", "bedroom", "dining_room", "entrance_hall", "kitchen", "living_room")
FORMS: Sequence[tuple[Form, bool]] = (
    ("sticker", False), ("stamp", True), ("frame", True), ("pen", False), ("disc", True),
    ("sticker", True), ("stamp", False), ("band", True), ("disc", False), ("pen", True),
)  # fmt: skip
"""Form, and whether it stands in one place."""


def _plan(name: str, number: int, null: Null = "") -> Plan:
    rng = np.random.default_rng(int(hashlib.sha256(f"marks-plan/{name}".encode()).hexdigest()[:12], 16))
    source: Source = ("rooms", "things", "photos")[number % 3]  # type: ignore[assignment]
    every = {"rooms": ROOMS, "things": THINGS, "photos": PHOTOS}[source]
    classes = tuple(
        sorted(
            rng.choice(every, int(rng.integers(4 if source == "photos" else 3, 6)), replace=False).tolist()
        )
    )
    form, fixed = FORMS[number % len(FORMS)]
    colour, second = rng.choice(sorted(COLOURS), 2, replace=False).tolist()
    place = (float(rng.choice((0.15, 0.5, 0.85))), float(rng.choice((0.15, 0.85)))) if fixed else None
    area = {"frame": rng.uniform(0.05, 0.1), "band": rng.uniform(0.06, 0.12), "pen": rng.uniform(0.05, 0.08)}
    mark = Mark(form, colour, second, float(area.get(form, rng.uniform(0.04, 0.12))), place)
    share, others = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0, 0.05))
    if null == "in all classes":
        share = float(rng.uniform(0.15, 0.5))
    rare = float(rng.uniform(0.03, 0.06)) if number % 2 else None
    train = rare is not None or number % 5 != 4
    return Plan(name, source, classes, str(rng.choice(classes)), mark, share, others, rare, train, null)


def development(count: int = 12) -> list[Plan]:
    """Worlds that the rules were made on."""
    return [_plan(f"dev-{i}", i) for i in range(count)]


def fresh(count: int = 14) -> list[Plan]:
    """Worlds that were counted once."""
    return [_plan(f"fresh-{i}", i) for i in range(count)]


def nulls(name: str, count: int) -> list[Plan]:
    """Worlds in which there is nothing to be found: no mark, one that tells nothing, one that the network never met."""
    kinds: tuple[Null, ...] = ("no mark", "in all classes", "learnt without it")
    return [_plan(f"{name}-{i}", i + i // 3, kinds[i % 3]) for i in range(count)]
