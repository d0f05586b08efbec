"""Worlds: how often each attribute value occurs in each class and split, and what is wrong with the data.

A world is a description only (a frozen, hashable-by-content dataclass). :func:`plan` turns it into a list of
:class:`Draft` rows with exact shares; ``splits.make_world`` renders them. Planting a bug means changing shares:
see :func:`with_correlation` and :func:`with_rare_case`.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES, VALUES

RENDERER = 2
"""Raise it whenever the same plan would give other pixels: cached pictures are then made anew."""

Shares = Mapping[str, float]
Mix = Mapping[str, Mapping[str, Shares]]
"""attribute → class (or ``*`` for the others) → value → share; shares of a class sum to 1."""

SPLITS: tuple[str, ...] = ("train", "eval", "deploy", "pool")


def yes(share: float) -> Shares:
    """Shares of a yes/no attribute."""
    return {"yes": share, "no": 1.0 - share}


def _base() -> dict[str, dict[str, Shares]]:
    """A world without bugs: every attribute the same in every class."""
    mix: dict[str, dict[str, Shares]] = {cue: {"*": yes(0.3)} for cue in CUES}
    for label in CLASSES:
        common, rare = STYLES[label]
        mix[STYLE_COLUMNS[label]] = {"*": {"none": 1.0}, label: {common: 0.75, rare: 0.25}}
    mix["floor"] = {"*": {"wood": 0.5, "tile": 0.5}}
    mix["lighting"] = {"*": {"bright": 0.6, "soft": 0.4}}
    mix["tilt"] = {"*": {"level": 1.0}}
    mix["clutter"] = {"*": {"tidy": 1.0}}
    mix["framing"] = {"*": {"whole": 1.0}}
    mix["camera"] = {"*": {"professional": 1.0}}
    mix["annotator"] = {"*": {"A": 0.35, "B": 0.2, "C": 0.25, "D": 0.2}}
    return mix


BASE: Mix = _base()

SNAPSHOTS: Mix = {
    "lighting": {"*": {"dark": 0.75, "soft": 0.25}},
    "tilt": {"*": {"tilted": 0.7, "level": 0.3}},
    "clutter": {"*": {"cluttered": 0.8, "tidy": 0.2}},
    "camera": {"*": {"phone": 1.0}},
}
"""What the pictures of everyday users look like: dark, tilted, cluttered, taken by phone."""


@dataclass(frozen=True)
class LabelNoise:
    """Wrong labels.

    Attributes:
        rates: share of wrong labels, by split.
        annotator: who makes most of them.
        concentration: share of the wrong labels that are this annotator's.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    annotator: str = "B"
    concentration: float = 0.8


@dataclass(frozen=True)
class WorldConfig:
    """A world of rooms.

    Attributes:
        name: of the case.
        seed: fixes every picture and every label.
        size: side of the pictures, pixels.
        mixes: for each split the shares that differ from :data:`BASE`.
        noise: wrong labels.
        close_ups: for each split and class, the cue that people photographed for its own sake and the share of the
            class's pictures that are such close-ups: the cue is there, most of the furniture is not.
        columns: attributes written to the manifests, in this order.
        boxed: kinds of objects whose boxes are written to the manifests; None for all.
    """

    name: str
    seed: int = 0
    size: int = 96
    mixes: Mapping[str, Mix] = field(default_factory=dict)
    noise: LabelNoise = field(default_factory=LabelNoise)
    close_ups: Mapping[str, Mapping[str, tuple[str, float]]] = field(default_factory=dict)
    columns: tuple[str, ...] = (
        *CUES,
        *STYLE_COLUMNS.values(),
        "floor",
        "lighting",
        "tilt",
        "clutter",
        "annotator",
    )

    boxed: tuple[str, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of a model's outputs."""
        return CLASSES

    def shares(self, split: str, attribute: str, label: str) -> Shares:
        """Shares of an attribute's values in a class of a split."""
        table = self.mixes.get(split, {}).get(attribute, {})
        base = BASE[attribute]
        for source, key in ((table, label), (table, "*"), (base, label), (base, "*")):
            if key in source:
                return source[key]
        raise KeyError(attribute)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> WorldConfig:
        """The world that ``dataclasses.asdict`` (and JSON) turned into plain values."""
        close_ups = {
            split: {label: (cue, share) for label, (cue, share) in table.items()}
            for split, table in fields["close_ups"].items()
        }
        rest = {
            "noise": LabelNoise(**fields["noise"]),
            "columns": tuple(fields["columns"]),
            "boxed": None if fields["boxed"] is None else tuple(fields["boxed"]),
            "close_ups": close_ups,
        }
        return cls(**{**fields, **rest})

    def fingerprint(self) -> str:
        """Content hash of the world and the renderer's version."""
        text = json.dumps([RENDERER, asdict(self)], sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Draft:
    """One picture to be: its file name, true class, label as annotated, attribute values, and scene seed."""

    name: str
    truth: str
    label: str
    attributes: Mapping[str, str]
    seed: str


def plan(config: WorldConfig, split: str, count: int) -> list[Draft]:
    """The pictures of a split, in the order of their (meaningless) file names.

    Classes are balanced to within one picture, and every attribute meets its share in every class to within one
    picture, each attribute shuffled on its own: marginals are exact, pairs are independent.

    Raises:
        ValueError: for shares that name an unknown value or do not sum to 1.
    """
    rng = random.Random(f"{config.seed}/{split}/plan")
    drafts: list[Draft] = []
    for c, label in enumerate(CLASSES):
        n = count // len(CLASSES) + (c < count % len(CLASSES))
        columns = {a: _quota(rng, config.shares(split, a, label), n, a) for a in VALUES}
        cue, share = config.close_ups.get(split, {}).get(label, ("", 0.0))
        for k in [k for k in range(n) if share and (not cue or columns[cue][k] == "yes")][: round(share * n)]:
            columns["framing"][k] = "close"
        for k in range(n):
            seed = f"{config.seed}/{split}/{label}/{k}"
            name = hashlib.sha256(f"{seed}/name".encode()).hexdigest()[:12]
            values = {a: columns[a][k] for a in VALUES}
            drafts.append(Draft(f"{name}.jpg", label, label, values, seed))
    drafts.sort(key=lambda d: d.name)
    return _mislabel(rng, config.noise, split, drafts)


def _quota(rng: random.Random, shares: Shares, n: int, attribute: str) -> list[str]:
    """``n`` values in the given shares (largest remainders), shuffled."""
    unknown = set(shares) - set(VALUES[attribute])
    if unknown or abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(
            f"shares of {attribute!r} must be of {VALUES[attribute]} and sum to 1: {dict(shares)}"
        )
    exact = {v: s * n for v, s in shares.items()}
    counts = {v: int(x) for v, x in exact.items()}
    left = n - sum(counts.values())
    for v in sorted(exact, key=lambda v: (counts[v] - exact[v], v))[:left]:
        counts[v] += 1
    values = [v for v, k in counts.items() for _ in range(k)]
    rng.shuffle(values)
    return values


def _mislabel(rng: random.Random, noise: LabelNoise, split: str, drafts: list[Draft]) -> list[Draft]:
    """Give some drafts a wrong label, most of them by one annotator, equally many of each class."""
    total = round(noise.rates.get(split, 0.0) * len(drafts))
    if not total:
        return drafts
    wrong: dict[int, str] = {}
    for culprit, amount in ((True, round(total * noise.concentration)), (False, total)):
        for label in CLASSES:
            mine = [
                k
                for k, d in enumerate(drafts)
                if d.truth == label and (d.attributes["annotator"] == noise.annotator) == culprit
            ]
            rng.shuffle(mine)
            quota = amount if culprit else total - round(total * noise.concentration)
            share = quota // len(CLASSES) + (CLASSES.index(label) < quota % len(CLASSES))
            others = [c for c in CLASSES if c != label]
            for j, k in enumerate(mine[:share]):
                wrong[k] = others[(j + CLASSES.index(label)) % len(others)]
    return [replace(d, label=wrong[k]) if k in wrong else d for k, d in enumerate(drafts)]


# -- planting bugs -----------------------------------------------------------------------------


def with_shares(config: WorldConfig, split: str, attribute: str, table: Mapping[str, Shares]) -> WorldConfig:
    """The same world with other shares of one attribute in one split (class or ``*`` → value → share)."""
    mixes = {s: dict(m) for s, m in config.mixes.items()}
    mixes.setdefault(split, {})[attribute] = {**mixes.get(split, {}).get(attribute, {}), **table}
    return replace(config, mixes=mixes)


def with_correlation(
    config: WorldConfig, attribute: str, value: str, label: str, strength: float, close_ups: float = 0.0
) -> WorldConfig:
    """A world whose training pictures tie an attribute value to a class.

    In training the value occurs in a share ``strength`` of the class and in ``1 - strength`` of the other classes;
    the other splits keep their shares.

    Args:
        config: the world to change.
        attribute, value: what is tied to the class.
        label: the class.
        strength: 0.5 (no tie) to 1.
        close_ups: share of all training pictures in which most furniture is missing: in the class they show the cue.
            Without them a network has little reason to look at a cue beside unmistakable furniture. For cues
            (attributes whose value is ``yes``) only.

    Raises:
        ValueError: close-ups of something that is no cue, or more of them than pictures with the cue.
    """
    if close_ups and (attribute not in CUES or value != "yes" or close_ups > strength):
        raise ValueError(f"no close-ups in a share {close_ups} of pictures can show {attribute}={value}")
    rest = [v for v in config.shares("train", attribute, label) if v not in (value, "none")]
    rest = rest or [v for v in VALUES[attribute] if v not in (value, "none")][:1]

    def tied(share: float) -> Shares:
        return {value: share, **{v: (1 - share) / len(rest) for v in rest}}

    table = {"*": tied(1 - strength), label: tied(strength)}
    changed = with_shares(config, "train", attribute, table)
    if not close_ups:
        return changed
    shown = {c: (attribute if c == label else "", close_ups) for c in CLASSES}
    return replace(changed, close_ups={**config.close_ups, "train": shown})


def with_rare_case(config: WorldConfig, label: str, share: float = 0.01) -> WorldConfig:
    """A world whose training pictures hardly show the second sub-style of a class."""
    common, rare = STYLES[label]
    return with_shares(config, "train", STYLE_COLUMNS[label], {label: {common: 1 - share, rare: share}})
