"""What is planted in which case: a pure function of split, number and attempt.

Cases are numbered from 0 on in splits: ``dev`` (to build against), ``test`` (to be run once), and ``fresh`` (drawn when all null cases of
``test`` had been played; from the same pictures as ``test``). Every cycle of
:func:`schedule` holds each recipe in one of its variants, pairs of faults, and null cases, in an order shuffled for the cycle, so that
the first 20, 60 or 300 cases have something of everything. Where a fault turns out not to have been taken up by the network, the next attempt
of the same number takes its place.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from benchmarks.casebook.keys import Planted
from failsight.knowledge_base.cases.scene import CLASSES as ROOMS
from failsight.knowledge_base.cases.scene import CUES, STYLE_COLUMNS, STYLES, VALUES

Split = Literal["dev", "test", "fresh"]
World = Literal["rooms", "photos"]
Variant = Literal["whole", "no_train", "black_box", "words"]
SPLITS: tuple[Split, ...] = ("dev", "test", "fresh")
SIZES: Mapping[Split, int] = {"dev": 240, "test": 900, "fresh": 900}
ATTEMPTS = 6
VERSION = 2  # raise it whenever the same plan would give other files
THINGS: tuple[str, ...] = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
IMPOSED: Mapping[str, tuple[str, ...]] = {
    "stamp": ("no", "yes"),
    "frame": ("none", "white"),
    "light": ("day", "night"),
    "camera": ("a7", "p2"),
    "finish": ("colour", "grey"),
    "orientation": ("upright", "turned"),
    "site": ("north", "south", "west"),
    "annotator": ("A", "B", "C", "D"),
    "batch": ("1", "2", "3"),
}
"""Columns that a case may have beside what its pictures show by themselves: values; ``edit`` says what they do to a picture."""

Shares = dict[str, dict[str, dict[str, dict[str, float]]]]
"""attribute → split → class (``*``: the others) → value → share."""


@dataclass
class Network:
    """How the model is made.

    Attributes:
        how: ``own``: trained on the case's training pictures; ``shared``: a good network that several cases share;
            ``heart``: trained too long on few; ``early``: stopped long before the end.
        epochs: passes over the training pictures (``own``).
        sharpen: factor on the logits.
    """

    how: Literal["own", "shared", "heart", "early"] = "shared"
    epochs: int = 6
    sharpen: float = 1.0


@dataclass
class Plan:
    """A case before anything is drawn.

    Attributes:
        split, number, attempt: which case.
        world, task, classes: what the model is to tell apart (``task``: ``rooms``, ``cue`` or ``things``).
        variant: what is given: everything; no training pictures and record; recorded answers instead of a model; no
            columns but an encoder that knows words.
        bugs: names of the recipes; none for a null case.
        null: how a null case is made.
        key: what is planted.
        counts: pictures of each split; ``reserve`` is seen by nobody but the judge.
        close: share of close-ups, in which furniture is missing (rooms).
        shares: attributes that are not left to chance.
        edits: attribute → value → what is done to pictures that have it.
        whole: split → what is done to all its pictures.
        noise: wrong labels: ``column``, ``value``, ``share``, ``taken_for`` (class → class), in the evaluation pictures.
        leak: share of the evaluation pictures that are training pictures, and how they are changed.
        declared: keys of the model's side file that are declared otherwise than the model was trained.
        network: the model.
        boxes: objects that are boxed in the manifests.
    """

    split: Split
    number: int
    attempt: int
    world: World = "rooms"
    task: str = "rooms"
    classes: tuple[str, ...] = ()
    variant: Variant = "whole"
    bugs: tuple[str, ...] = ()
    null: str = ""
    key: tuple[Planted, ...] = ()
    counts: dict[str, int] = field(
        default_factory=lambda: {"train": 1200, "data": 1000, "deploy": 400, "reserve": 2000}
    )
    close: float = 0.05
    shares: Shares = field(default_factory=dict)
    edits: dict[str, dict[str, str]] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    noise: dict[str, Any] = field(default_factory=dict)
    leak: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    boxes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people: which case."""
        return f"{self.split}-{self.number:03d}"

    @property
    def seed(self) -> str:
        """Fixes everything that is drawn."""
        return f"casebook/{VERSION}/{self.split}/{self.number}/{self.attempt}"

    @property
    def folder(self) -> str:
        """A name that tells nothing."""
        return hashlib.sha256(f"{self.seed}/folder".encode()).hexdigest()[:10]

    @property
    def kind(self) -> str:
        """What the case is counted under."""
        return "+".join(self.bugs) or f"null: {self.null}"

    def random(self, what: str) -> random.Random:
        """A source of chance for one purpose."""
        return random.Random(f"{self.seed}/{what}")

    def values(self, attribute: str) -> tuple[str, ...]:
        """What an attribute may be."""
        if attribute in IMPOSED:
            return IMPOSED[attribute]
        return VALUES[attribute]

    @property
    def natural(self) -> tuple[str, ...]:
        """What pictures show by themselves and a column could say (rooms), but for the label."""
        if self.world != "rooms":
            return ()
        here = ROOMS if self.task == "cue" else self.classes
        styles = tuple(STYLE_COLUMNS[c] for c in ROOMS if c in here)
        own = self.classes[0] if self.task == "cue" else ""
        return tuple(a for a in (*CUES, *styles, "floor", "lighting", "tilt", "clutter") if a != own)

    @property
    def implied(self) -> dict[str, tuple[str, ...]]:
        """Attribute → values that only say which class is meant."""
        if self.task != "rooms":
            return {}
        planted = {(p.attribute, v) for p in self.key for v in p.values}
        made = {}
        for label in self.classes:
            column = STYLE_COLUMNS[label]
            made[column] = tuple(v for v in ("none", STYLES[label][0]) if (column, v) not in planted)
        return made

    def set_share(self, attribute: str, split: str, label: str, table: Mapping[str, float]) -> None:
        """Fix how often values occur in one class (``*``: in all others) of one split."""
        self.shares.setdefault(attribute, {}).setdefault(split, {})[label] = dict(table)

    def digest(self) -> str:
        """Of the plan and its key."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def even(values: tuple[str, ...]) -> dict[str, float]:
    """All values alike."""
    return dict.fromkeys(values, 1 / len(values))


@dataclass(frozen=True)
class Slot:
    """One entry of the schedule."""

    bugs: tuple[str, ...]
    world: World
    variant: Variant = "whole"
    null: str = ""


@cache
def schedule() -> tuple[Slot, ...]:
    """One cycle: what kinds of cases there are, and in which proportions."""
    from benchmarks.casebook.bugs import PAIRS, RECIPES

    made = [Slot((name,), world, v) for name, r in RECIPES.items() for world, v in r.slots]
    made += [Slot(pair, world) for pair, world in PAIRS]
    nulls: tuple[tuple[World, Variant, str], ...] = (
        ("rooms", "whole", "clean"),
        ("rooms", "no_train", "clean"),
        ("rooms", "words", "clean"),
        ("photos", "whole", "clean"),
        ("photos", "no_train", "clean"),
        ("rooms", "black_box", "exchanged"),
        ("photos", "black_box", "exchanged"),
        ("rooms", "black_box", "exchanged"),
    )
    made += [Slot((), world, variant, null) for world, variant, null in nulls]
    return tuple(made)


@cache
def _order(split: Split, cycle: int) -> tuple[int, ...]:
    """A cycle's slots, spread: singles, pairs and nulls in turn, each shuffled."""
    slots = schedule()
    rng = random.Random(f"casebook/{split}/{cycle}")
    groups = [[i for i, s in enumerate(slots) if len(s.bugs) == size] for size in (1, 2, 0)]
    keyed = []
    for group in groups:
        rng.shuffle(group)
        keyed += [((k + rng.random()) / len(group), i) for k, i in enumerate(group)]
    return tuple(i for _, i in sorted(keyed))


def slot(split: Split, number: int) -> Slot:
    """What kind of case a number is."""
    cycle, place = divmod(number, len(schedule()))
    return schedule()[_order(split, cycle)[place]]


def plan_case(split: Split, number: int, attempt: int = 0) -> Plan:
    """The plan of a case: the same on every call."""
    from benchmarks.casebook.bugs import RECIPES

    chosen = slot(split, number)
    made = Plan(
        split, number, attempt, chosen.world, variant=chosen.variant, bugs=chosen.bugs, null=chosen.null
    )
    rng = made.random("plan")
    _task(made, rng)
    _columns(made, rng)
    planted = []
    for name in chosen.bugs:
        recipe: Callable[[Plan, random.Random], Planted] = RECIPES[name].plant
        planted.append(recipe(made, rng))
    made.key = tuple(planted)
    if not chosen.bugs:
        _null(made)
    if made.network.how == "shared":
        # shared networks were shown no close-ups: to ask for some would plant a fault that no key tells of
        made.close = 0.0
    return made


def _task(made: Plan, rng: random.Random) -> None:
    if made.world == "photos":
        made.task, made.classes = "things", tuple(sorted(rng.sample(THINGS, rng.choice((5, 6)))))
        made.counts = {"train": 1500, "data": 1000, "deploy": 400, "reserve": 1500}
        made.network = Network("own", epochs=6)
        return
    pairs = [("bathroom", "kitchen"), ("bedroom", "living_room"), ("dining_room", "living_room")]
    made.classes = rng.choice((ROOMS, ROOMS, *pairs))


def _null(made: Plan) -> None:
    """Nothing is planted. Exchanged answers are those of a model with some errors."""
    if made.null == "exchanged":
        made.network = Network("own", epochs=4)


def _columns(made: Plan, rng: random.Random) -> None:
    """Columns that say nothing of the model's errors: some that go with the class all the same."""
    annotators = even(IMPOSED["annotator"])
    for split in ("train", "data", "deploy", "reserve"):
        made.set_share("annotator", split, "*", annotators)
        made.set_share("site", split, "*", even(IMPOSED["site"]))
        made.set_share("camera", split, "*", even(IMPOSED["camera"]))
    batches = even(IMPOSED["batch"])
    tied = rng.choice(made.classes)
    for split in ("train", "data", "deploy", "reserve"):
        made.set_share("batch", split, "*", batches)
        # a decoy: goes with a class, in all splits alike, and is not to be seen in the pictures
        made.set_share("batch", split, tied, {"1": 0.7, "2": 0.15, "3": 0.15})


def key_digest(split: Split) -> str:
    """SHA-256 over the plans and keys of all cases of a split, all attempts."""
    total = hashlib.sha256()
    for number in range(SIZES[split]):
        for attempt in range(ATTEMPTS):
            total.update(plan_case(split, number, attempt).digest().encode())
    return total.hexdigest()
