"""The questions of HiBug §3.1 from end to end with the small model: which values are proposed, and how often they are right.

``python -m benchmarks.small_vqa.measure FOLDER`` (as ``train`` wrote it) prints one line for each attribute, on rooms that
the model never saw: the values found by asking about representative pictures, how many pictures got one, how many of
those are right with its 95 % interval, and how often the commonest value alone would be.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from benchmarks.small_vqa.train import ANSWERS, THINGS, drawn
from failsight.tools.attributes.vqa import Vqa
from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical
from failsight.tools.stats.intervals import wilson
from failsight.tools.view import CaseView

NAMES = (*(f"{name} of the room" for name in ANSWERS), *(f"{thing}?" for thing in THINGS))


class Rooms:
    """A table of pictures in memory, and as much of a case as a source of attributes needs."""

    seed, classes, task, fingerprint = 0, (), "", "rooms that were held out"

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.progress = images, self
        self._stored: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.images)

    def open(self, row: int) -> Image.Image:
        return Image.fromarray(self.images[row])

    def table(self, split: str = "data") -> Rooms:
        return self

    def encoder(self) -> Any:
        raise RetryError("none")

    def embeddings(self, split: str = "data") -> Any:
        raise RetryError("none")

    features = embeddings

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Any]:
        yield self

    def advance(self, steps: int = 1) -> None:
        pass

    def cached(self, key: Mapping[str, Any]) -> Any:
        return self._stored.get(canonical(key))

    def store(self, key: Mapping[str, Any], arrays: Any) -> None:
        self._stored[canonical(key)] = arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=400)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    images, _, truths = drawn(given.pictures, 78)
    view = cast("CaseView", Rooms(images))
    source = Vqa(str(given.folder))
    began = time.monotonic()
    made = source.propose(view, "data", 40, names=NAMES)
    asked = time.monotonic() - began
    began = time.monotonic()
    assigned = source.assign(view, "data", np.arange(len(images)), made)
    took = time.monotonic() - began
    for one in made:
        name = str(one.settings["asked"])
        words = ANSWERS.get(name, {"yes": "yes", "no": "no"})
        truth = np.array([words[t[name]] for t in truths], object)
        codes = assigned[one.key].codes
        told = np.array([*one.values, None], object)[codes]
        given_one = int((codes >= 0).sum())
        hits = int((told == truth)[codes >= 0].sum())
        low, high = wilson(hits, given_one)
        common = Counter(truth.tolist()).most_common(1)[0][1] / len(truth)
        print(
            f"{one.name:24s} {', '.join(one.values):24s} with a value {(codes >= 0).mean():6.1%}  right {hits / max(given_one, 1):6.1%} ({low:.1%} to {high:.1%})  commonest {common:6.1%}"
        )
    print(f"asked {asked:.1f} s; {len(images)} pictures × {len(made)} attributes assigned in {took:.1f} s")
    for note in source.notes:
        print(f"  {note}")


if __name__ == "__main__":
    main()
