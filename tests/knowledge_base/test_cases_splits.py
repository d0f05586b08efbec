"""Worlds on disk: valid manifests, hidden labels, repair after interruptions, nothing foreign touched."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from failsight.knowledge_base.cases import drawing
from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.splits import make_world, truths

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = replace(ROOMS, size=32)
COUNTS = {"train": 40, "eval": 30, "pool": 20}


@dataclass
class Counting:
    """A display that counts."""

    total: int = 0
    done: int = 0

    @contextmanager
    def job(self, label: str, total: int) -> Iterator[Counting]:
        self.total += total
        yield self

    def advance(self, steps: int = 1) -> None:
        self.done += steps


def rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    make_world(SMALL, folder, COUNTS)
    return folder


def test_manifests_name_pictures_that_exist(world: Path) -> None:
    for split, count in COUNTS.items():
        table = rows(world / split / "manifest.csv")
        assert len(table) == count
        assert {r["split"] for r in table} == {split}
        for row in table:
            with Image.open(world / split / row["path"]) as image:
                assert image.size == (32, 32)
                assert image.format == "JPEG"
        assert {r["path"] for r in table} == {
            f"images/{p.name}" for p in (world / split / "images").iterdir()
        }


def test_columns_are_those_of_the_world_and_boxes_agree_with_them(world: Path) -> None:
    table = rows(world / "eval" / "manifest.csv")
    assert list(table[0]) == ["path", "label", "split", *SMALL.columns, "boxes"]
    for row in table:
        boxes = json.loads(row["boxes"])
        assert set(boxes) <= set(SMALL.boxed or ())
        for cue in ("television", "stools", "cat"):
            assert (cue in boxes) == (row[cue] == "yes")
        assert ("bed_like" in boxes) == (row["sofa_style"] == "bed_like")
        for x0, y0, x1, y1 in (box for found in boxes.values() for box in found):
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1


def test_the_pool_hides_its_labels_and_the_key_has_them(world: Path) -> None:
    assert "label" not in rows(world / "pool" / "manifest.csv")[0]
    for split in COUNTS:
        key = truths(world, split)
        assert set(key) == {r["path"] for r in rows(world / split / "manifest.csv")}
    table = rows(world / "train" / "manifest.csv")
    wrong = [r for r in table if truths(world, "train")[r["path"]] != r["label"]]
    assert len(wrong) == round(0.035 * 40)


def test_a_second_call_draws_nothing(world: Path) -> None:
    before = contents(world)
    shown = Counting()
    assert make_world(SMALL, world, COUNTS, shown)["eval"] == world / "eval" / "manifest.csv"
    assert shown.total == 0
    assert contents(world) == before


@pytest.mark.parametrize("lost", ["manifest", "picture", "key", "stamp", "everything"])
def test_what_is_lost_is_drawn_again(world: Path, tmp_path: Path, lost: str) -> None:
    make_world(SMALL, tmp_path, {"eval": 30})
    wanted = contents(tmp_path)
    victims = {
        "manifest": [tmp_path / "eval" / "manifest.csv"],
        "picture": sorted((tmp_path / "eval" / "images").iterdir())[:3],
        "key": [tmp_path / "key" / "eval.csv"],
        "stamp": [tmp_path / "eval" / "world.json"],
        "everything": [p for p in tmp_path.rglob("*") if p.is_file()],
    }[lost]
    for path in victims:
        path.unlink()
    shown = Counting()
    make_world(SMALL, tmp_path, {"eval": 30}, shown)
    assert contents(tmp_path) == wanted
    assert shown.done == shown.total == 30


def test_an_interruption_leaves_no_manifest_and_loses_nothing(tmp_path: Path) -> None:
    class Stops(Counting):
        def advance(self, steps: int = 1) -> None:
            super().advance(steps)
            if self.done == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_world(SMALL, tmp_path, {"eval": 30}, Stops())
    assert not (tmp_path / "eval" / "manifest.csv").exists()
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "eval" / "images").iterdir()}
    assert len(times) == 7
    make_world(SMALL, tmp_path, {"eval": 30})
    later = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "eval" / "images").iterdir()}
    assert {name: later[name] for name in times} == times


def test_another_world_replaces_the_old_one_and_leaves_foreign_files(tmp_path: Path) -> None:
    make_world(SMALL, tmp_path, {"eval": 10})
    old = {p.name for p in (tmp_path / "eval" / "images").iterdir()}
    (tmp_path / "eval" / "notes.txt").write_text("mine")
    (tmp_path / "eval" / "images" / "notes.txt").write_text("mine too")
    make_world(replace(SMALL, seed=1), tmp_path, {"eval": 10})
    new = {p.name for p in (tmp_path / "eval" / "images").iterdir()}
    assert not old & new
    assert "notes.txt" in new
    assert (tmp_path / "eval" / "notes.txt").read_text() == "mine"


def test_a_helper_process_draws_the_same_files(world: Path, tmp_path: Path) -> None:
    shown = Counting()
    make_world(SMALL, tmp_path, COUNTS, shown, processes=2)
    assert shown.done == shown.total == sum(COUNTS.values())
    assert contents(tmp_path) == contents(world)


def test_a_helper_that_fails_is_made_up_for(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing.sys, "executable", "/bin/false")
    make_world(SMALL, tmp_path, COUNTS, processes=2)
    assert contents(tmp_path) == contents(world)
