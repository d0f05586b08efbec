"""A diffusers pipeline as the one who draws: told in prompts, its pictures sifted by an encoder as ``generate_repair_data`` does.

Only pictures in which the encoder finds the class and every wanted value count; where too few pass, more are painted, up to
three for each one asked for. Pictures of a prompt are painted once and kept: trials that ask for the same get the same. What is missing then is made up with pictures of the class that passed for another slice, then
with those that show the class alone, so that both ways to ask spend the same budget; how many that were is told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.planted.pool import SIZE, Bytes, shrunk
from benchmarks.selection.trials import Trial
from failsight.knowledge_base.cases.captions import PHRASES
from failsight.tools.attributes.zero_shot import assign_values, embed_values
from failsight.tools.inputs.encoders import Encoder
from failsight.tools.repair.making import MOST_ROUNDS, MOST_TRIED, next_round
from failsight.tools.repair.painting import unwanted
from failsight.tools.repair.pipelines import Painter, Request
from failsight.tools.repair.prompts import Wanted, prompt
from failsight.tools.repair.sieve import CLASS, class_definition

BLOCK = 64
Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Drawn:
    """Pictures, in the order in which they were asked for.

    Attributes:
        pictures: (n, 3, 48, 48)
        tried: how many were made for them.
        shown: share of them in which all that was asked for is seen; None where nobody looked.
        found: ``attribute=value`` (and ``class``) → pictures made for it, and those in which it is seen.
    """

    pictures: Bytes
    tried: int
    shown: float | None = None
    found: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Sieve:
    """What an encoder sees of a class and attributes."""

    def __init__(self, encoder: Encoder, classes: Sequence[str]) -> None:
        self._encoder = encoder
        self._definitions = [*encoder.vocabulary, class_definition(classes)]
        self._bank = embed_values(encoder, self._definitions, classes)

    def look(self, pictures: Sequence[Image.Image]) -> list[dict[str, str | None]]:
        """Attribute (and ``class``) → value, of each picture; None where it is unsure."""
        made: list[dict[str, str | None]] = []
        for start in range(0, len(pictures), BLOCK):
            vectors = self._encoder.embed_images(pictures[start : start + BLOCK])
            found = assign_values(np.asarray(vectors, np.float32), self._bank)
            for i in range(len(vectors)):
                codes = {d.name: (d, int(found[d.key].codes[i])) for d in self._definitions}
                made.append({k: d.shown(d.values[c]) if c >= 0 else None for k, (d, c) in codes.items()})
        return made


@dataclass
class Batch:
    """Pictures of one slice: ``right`` show all that was wanted, ``near`` the class alone, ``rest`` not even that."""

    wanted: Wanted
    right: list[Pictures] = field(default_factory=list)
    near: list[Pictures] = field(default_factory=list)
    rest: list[Pictures] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return len(self.right) + len(self.near) + len(self.rest)


class Gallery:
    """Pictures by prompt, painted when they are first asked for.

    Args:
        folder: where they are kept; None for as long as this object lives.
    """

    def __init__(self, painter: Painter, folder: Path | None = None) -> None:
        self.painter = painter
        said = [painter.fingerprint, painter.steps, painter.guidance]
        mark = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
        self._folder = None if folder is None else folder / f"painted-{mark}"
        self._kept: dict[str, list[Pictures]] = {}

    def pictures(self, wanted: Wanted, start: int, count: int) -> list[Pictures]:
        """Those with numbers from ``start`` on; fewer where the pipeline's own filter flagged some."""
        said, against = prompt(wanted, PHRASES), unwanted(wanted.values)
        key = hashlib.sha256(json.dumps([said, against]).encode()).hexdigest()[:16]
        there = self._kept.setdefault(key, self._read(key))
        have = len(there)
        if have < start + count:
            first = int(key[:6], 16)
            more = [Request(said, first + i, against) for i in range(have, start + count)]
            there += [np.asarray(i.convert("RGB")) for i in self.painter.paint(more) if i is not None]
            self._keep(key, there)
        return there[start : start + count]

    def _read(self, key: str) -> list[Pictures]:
        path = None if self._folder is None else self._folder / f"{key}.npy"
        return list(np.load(path)) if path is not None and path.is_file() else []

    def _keep(self, key: str, pictures: Sequence[Pictures]) -> None:
        if self._folder is None or not pictures:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{key}.part.npy"
        np.save(part, np.stack(pictures))
        part.replace(self._folder / f"{key}.npy")


class Pipeline:
    """Paints what is asked for.

    Attributes:
        name: of the pipeline.
        encoder: sifts; None: every picture is taken as what was asked for.
    """

    def __init__(self, gallery: Gallery, encoder: Encoder | None) -> None:
        self._gallery, self.encoder = gallery, encoder
        self.name = gallery.painter.name

    def draw(self, trial: Trial, wanted: Sequence[Wanted]) -> Drawn:
        """See the module."""
        asked: dict[tuple[Any, ...], list[int]] = {}
        for i, one in enumerate(wanted):
            asked.setdefault((one.class_name, *one.values.items()), []).append(i)
        batches = [Batch(wanted[places[0]]) for places in asked.values()]
        found: dict[str, tuple[int, int]] = {}
        sieve = None if self.encoder is None else Sieve(self.encoder, trial.problem.classes)
        targets = [len(places) for places in asked.values()]
        missing, tried = list(targets), 0
        for _ in range(MOST_ROUNDS):
            for batch, n in zip(batches, missing, strict=True):
                self._fill(batch, n, sieve, found)
            tried += sum(missing)
            reached = [min(len(b.right), t) for b, t in zip(batches, targets, strict=True)]
            missing = [t - r for t, r in zip(targets, reached, strict=True)]
            missing = next_round(missing, targets, reached, int(MOST_TRIED * len(wanted)) - tried)
            if not sum(missing):
                break
        taken = [b.right[:t] for b, t in zip(batches, targets, strict=True)]
        whole = sum(map(len, taken))
        for k, extra in enumerate(_made_up(batches, targets)):
            taken[k] += extra
        pictures: list[Pictures | None] = [None] * len(wanted)
        for places, many in zip(asked.values(), taken, strict=True):
            for i, made in zip(places, many, strict=True):
                pictures[i] = made
        shown = None if sieve is None else whole / max(len(wanted), 1)
        return Drawn(shrunk(np.stack([p for p in pictures if p is not None])), tried, shown, found)

    def _fill(self, batch: Batch, n: int, sieve: Sieve | None, found: dict[str, tuple[int, int]]) -> None:
        """Take ``n`` more pictures and sort them."""
        values = batch.wanted.values
        images = [Image.fromarray(p) for p in self._gallery.pictures(batch.wanted, batch.tried, n)]
        seen = [{}] * len(images) if sieve is None else sieve.look(images)
        for image, sight in zip(images, seen, strict=True):
            hits = {
                k: sight[k] == v for k, v in {**values, CLASS: batch.wanted.class_name}.items() if k in sight
            }
            for name, hit in hits.items():
                key = name if name == CLASS else f"{name}={values[name]}"
                a, b = found.get(key, (0, 0))
                found[key] = (a + 1, b + hit)
            pile = batch.right if all(hits.values()) else batch.near if hits.get(CLASS) else batch.rest
            pile.append(np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)))


def _made_up(batches: Sequence[Batch], targets: Sequence[int]) -> Iterator[list[Pictures]]:
    """What makes up for the pictures that a batch lacks: of its class, the most fitting first."""
    spare: dict[str, list[Pictures]] = {}
    for pile in ("right", "near", "rest"):
        for batch, target in zip(batches, targets, strict=True):
            more = getattr(batch, pile)
            spare.setdefault(batch.wanted.class_name, []).extend(more[target:] if pile == "right" else more)
    for batch, target in zip(batches, targets, strict=True):
        left = spare[batch.wanted.class_name]
        lacking = max(0, target - len(batch.right))
        if lacking > len(left):
            raise ValueError(f"the pipeline's own filter left too few pictures of {batch.wanted.name}")
        yield [left.pop(0) for _ in range(lacking)]
