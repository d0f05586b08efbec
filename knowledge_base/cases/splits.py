"""Rendering a world to disk: pictures, manifest, hidden truth; cached by content, repaired after an interruption."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from failsight.knowledge_base.cases.drawing import Drawn, Share, drawn, helper, picture_of
from failsight.knowledge_base.cases.files import read_json, write_csv, write_file
from failsight.knowledge_base.cases.geometry import Box
from failsight.knowledge_base.cases.render import Picture
from failsight.knowledge_base.cases.world import Draft, WorldConfig, plan

_STAMP = "world.json"
_WORTH_A_HELPER = 600
"""Pictures to draw below which a second process costs more than it saves."""


class Ticker(Protocol):
    """Counts finished steps."""

    def advance(self, steps: int = 1) -> None:
        """Count more steps as done."""


class Progress(Protocol):
    """Shows how far a long job has come."""

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Begin a job of ``total`` steps."""


class _Silent:
    def advance(self, steps: int = 1) -> None:
        pass


def pictures(config: WorldConfig, split: str, count: int) -> Iterator[tuple[Draft, Picture]]:
    """All pictures of a split, one at a time, nothing written."""
    for draft in plan(config, split, count):
        yield draft, picture_of(config, draft)


def make_world(
    config: WorldConfig,
    folder: Path,
    counts: Mapping[str, int],
    progress: Progress | None = None,
    unlabelled: tuple[str, ...] = ("pool",),
    processes: int | None = None,
) -> dict[str, Path]:
    """Render the splits of a world under a folder, unless they are there already.

    Each split becomes ``<folder>/<split>/images/*.jpg`` and ``<folder>/<split>/manifest.csv``
    (``path,label,split,<attributes>,boxes``; no ``label`` column for unlabelled splits). True classes go to
    ``<folder>/key/<split>.csv``, which is for judging results, not for the product. A manifest is written last and
    files appear whole or not at all, so the next call completes an interrupted one.

    Args:
        config: the world.
        folder: where to put it; made if absent.
        counts: how many pictures for each split.
        progress: shown one job over all splits that are missing.
        unlabelled: splits whose labels are hidden.
        processes: 1 draws in this process alone, 2 with a helper; by default as the machine and the work suggest.

    Returns:
        For each split, its manifest.
    """
    missing = [
        split for split, count in counts.items() if not _complete(config, folder, split, count, unlabelled)
    ]
    total = sum(counts[split] for split in missing)
    if processes is None:
        processes = 2 if (os.cpu_count() or 1) > 1 and total >= _WORTH_A_HELPER else 1
    if missing:
        label = "Drawing the pictures"
        with progress.job(label, total) if progress else nullcontext(_Silent()) as ticker:
            shares = {split: _prepared(config, folder, split, counts[split], unlabelled) for split in missing}
            with helper(config, list(shares.values()) if processes > 1 else []) as half:
                for split, share in shares.items():
                    boxes = _draw(config, share, half, ticker)
                    _finish(config, folder, share, boxes, split not in unlabelled)
    return {split: folder / split / "manifest.csv" for split in counts}


def _stamp(
    config: WorldConfig, split: str, count: int, unlabelled: tuple[str, ...]
) -> dict[str, str | int | bool]:
    return {
        "world": config.fingerprint(),
        "split": split,
        "count": count,
        "labelled": split not in unlabelled,
    }


def _complete(config: WorldConfig, folder: Path, split: str, count: int, unlabelled: tuple[str, ...]) -> bool:
    home = folder / split
    if read_json(home / _STAMP) != _stamp(config, split, count, unlabelled):
        return False
    if not (home / "manifest.csv").is_file() or not (folder / "key" / f"{split}.csv").is_file():
        return False
    have = {entry.name for entry in os.scandir(home / "images")}
    return have.issuperset(d.name for d in plan(config, split, count))


def _prepared(
    config: WorldConfig, folder: Path, split: str, count: int, unlabelled: tuple[str, ...]
) -> Share:
    """The split's folder, emptied if it holds another world, and what is still to be drawn."""
    home = folder / split
    stamp = _stamp(config, split, count, unlabelled)
    if read_json(home / _STAMP) != stamp:
        empty(home)
        (home / "images").mkdir(parents=True, exist_ok=True)
        write_file(home / _STAMP, json.dumps(stamp).encode())
    (home / "images").mkdir(exist_ok=True)
    return Share(split, count, str(home / "images"))


def _draw(config: WorldConfig, share: Share, half: Drawn | None, ticker: Ticker) -> dict[str, _Boxes]:
    """Boxes of every picture of a split; the files are written. The helper, if any, drew every other picture."""
    boxes: dict[str, _Boxes] = {}
    for name, found in drawn(config, share, 0, 2 if half else 1):
        boxes[name] = found
        ticker.advance(1)
    if half:
        for name, found in half.rest(share.split):
            boxes[name] = found
            ticker.advance(1)
        for name, found in drawn(config, share, 0, 1, skip=boxes.keys()):  # what a failed helper left
            boxes[name] = found
            ticker.advance(1)
    return boxes


_Boxes = Mapping[str, tuple[Box, ...]]


def _finish(
    config: WorldConfig, folder: Path, share: Share, boxes: Mapping[str, _Boxes], labelled: bool
) -> None:
    """The key, then the manifest."""
    drafts = plan(config, share.split, share.count)
    write_csv(
        folder / "key" / f"{share.split}.csv",
        [{"path": f"images/{d.name}", "truth": d.truth} for d in drafts],
    )
    rows = [row_of(config, share.split, draft, boxes[draft.name], labelled) for draft in drafts]
    write_csv(folder / share.split / "manifest.csv", rows)


def row_of(config: WorldConfig, split: str, draft: Draft, boxes: _Boxes, labelled: bool) -> dict[str, str]:
    """The row of a manifest that tells of one picture."""
    rounded = {
        kind: [[round(v, 4) for v in box] for box in found]
        for kind, found in sorted(boxes.items())
        if config.boxed is None or kind in config.boxed
    }
    row = {"path": f"images/{draft.name}"}
    if labelled:
        row["label"] = draft.label
    row["split"] = split
    row.update({column: draft.attributes[column] for column in config.columns})
    row["boxes"] = json.dumps(rounded, separators=(",", ":"))
    return row


def empty(home: Path) -> None:
    """Remove what an older world left here: only files that this module writes."""
    for name in ("manifest.csv", _STAMP):
        (home / name).unlink(missing_ok=True)
    if (home / "images").is_dir():
        for entry in os.scandir(home / "images"):
            if entry.is_file(follow_symlinks=False) and entry.name.endswith((".jpg", ".part")):
                os.unlink(entry.path)


def truths(folder: Path, split: str) -> dict[str, str]:
    """The key of a split: path as in its manifest → true class. For judging results only."""
    with (folder / "key" / f"{split}.csv").open(newline="", encoding="utf-8") as lines:
        return {row["path"]: row["truth"] for row in csv.DictReader(lines)}
