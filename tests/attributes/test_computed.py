"""The streamed pass: known values, unreadable pictures, caching, resuming, joining with metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes import computed
from failsight.tools.attributes.computed import attribute_table, image_measures
from failsight.tools.evidence import canonical
from tests.fakes.view import FakeTable, Recorder


class Folder(FakeTable):
    """A table whose pictures are files."""

    def __init__(self, root: Path, names: list[str]) -> None:
        super().__init__(np.zeros((len(names), 1, 1, 3), np.uint8), [0] * len(names), ["a"])
        self.root, self.paths = root, names

    def open(self, row: int) -> Image.Image:
        raise AssertionError("files are read as bytes")


def picture(seed: int = 0, size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    )


class Cache(dict[str, Any]):
    def cached(self, key: Any) -> Any:
        return self.get(canonical(key))

    def store(self, key: Any, arrays: Any) -> None:
        self[canonical(key)] = dict(arrays)


def test_files_of_every_kind(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    picture().save(tmp_path / "b.jpg", quality=80)
    (tmp_path / "c.jpg").write_bytes((tmp_path / "b.jpg").read_bytes())
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:700])
    (tmp_path / "text.jpg").write_text("no picture")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(size=(1200, 900)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.new("LA", (1, 1)).save(tmp_path / "dot.png")
    table = Folder(tmp_path, ["a.png", "b.jpg", "c.jpg", "broken.jpg", "text.jpg", "turned.jpg", "dot.png"])
    made = image_measures(table)
    assert made.readable.tolist() == [True, True, True, False, False, True, True]
    assert made.numbers["width"][[0, 5, 6]].tolist() == [60, 900, 1]  # upright, at full size
    assert made.numbers["height"][[0, 5, 6]].tolist() == [40, 1200, 1]
    assert made.numbers["aspect_ratio"][0] == pytest.approx(1.5)
    assert made.numbers["jpeg_quality"][[1, 2, 5]].tolist() == [80, 80, 95]
    assert np.isnan(made.numbers["jpeg_quality"][[0, 3, 4, 6]]).all()
    assert made.numbers["file_size"][1] == (tmp_path / "b.jpg").stat().st_size
    assert all(np.isnan(made.numbers[name][3]) for name in computed.NUMERIC)
    assert made.dominant_hue(np.array([3])).tolist() == [None]
    assert (made.content[1] == made.content[2]).all()
    assert (made.content[0] != made.content[1]).any()


def test_pictures_without_files() -> None:
    pixels = np.zeros((3, 32, 32, 3), np.uint8)
    pixels[1] = 255
    made = image_measures(FakeTable(pixels, [0, 0, 0], ["a"], bad=[2]))
    assert made.numbers["brightness"][:2].tolist() == [0, 1]
    assert made.readable.tolist() == [True, True, False]
    assert np.isnan(made.numbers["file_size"]).all()


def test_threads_change_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3)).astype(np.uint8)
    table = FakeTable(pixels, [0] * 300, ["a"])
    one, three = image_measures(table, workers=1), image_measures(table, workers=3)
    for name in computed.NUMERIC:
        np.testing.assert_array_equal(one.numbers[name], three.numbers[name])
    np.testing.assert_array_equal(one.phash, three.phash)


def test_an_interrupted_pass_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computed, "PART", 8)
    monkeypatch.setattr(computed, "BATCH", 4)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
    opened: list[int] = []

    class Counting(FakeTable):
        def open(self, row: int) -> Image.Image:
            opened.append(row)
            if len(opened) == 13:
                raise KeyboardInterrupt
            return super().open(row)

    table, cache = Counting(pixels, [0] * 20, ["a"]), Cache()
    with pytest.raises(KeyboardInterrupt):
        image_measures(table, cached=cache.cached, store=cache.store, workers=1)
    assert len(cache) == 1  # the first eight rows are safe
    done = len(opened)
    recorder = Recorder()
    made = image_measures(table, cached=cache.cached, store=cache.store, progress=recorder, workers=1)
    assert len(opened) - done == 12
    assert recorder.jobs == [("Measuring the pictures", 12, 12)]
    image_measures(table, cached=cache.cached, store=cache.store, workers=1)
    assert len(opened) - done == 12  # nothing is opened twice
    np.testing.assert_array_equal(made.dhash, image_measures(FakeTable(pixels, [0] * 20, ["a"])).dhash)


def test_an_empty_table() -> None:
    table = FakeTable(np.zeros((0, 4, 4, 3), np.uint8), [], ["a"])
    assert len(image_measures(table).readable) == 0
    assert len(attribute_table(table).rows) == 0


def test_the_attribute_table_joins_metadata_objects_and_measurements() -> None:
    n = 40
    pixels = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3)).astype(np.uint8)
    columns = {
        "style": ["modern", "rustic"] * (n // 2),
        "price": [float(i * 1.7) if i else None for i in range(n)],
        "id": [f"house {i}" for i in range(n)],
        "lit": [True, False] * (n // 2),
        "brightness": ["low", "high"] * (n // 2),
        "cat": ["maybe", None] * (n // 2),
        "place": ["here"] * n,
    }
    boxes = [
        {"sofa": [(0, 0, 1, 1)], "cat": [(0, 0, 1, 1)]} if i % 4 == 0 else {"sofa": []} for i in range(n)
    ]
    made = attribute_table(FakeTable(pixels, [0] * n, ["a"], columns, boxes, bad=[3]))
    assert len(made.rows) == n - 1
    assert 3 not in made.rows
    assert made.sources["style"] == "metadata"
    assert made.sources["sofa"] == "object"
    assert made.columns["sofa"].tolist().count("yes") == 10
    assert made.sources["cat"] == "metadata"  # the data's own column keeps its name
    assert set(made.columns["cat"].tolist()) == {"maybe", None}
    assert made.sources["computed_brightness"] == "computed"
    assert made.columns["lit"].tolist()[:2] == ["yes", "no"]
    assert made.columns["price"].dtype == np.float64
    assert np.isnan(made.columns["price"][0])
    assert made.unusable["id"] == "nearly every value is unique"
    assert made.unusable["place"] == "the same everywhere"
    assert made.unusable["jpeg_quality"] == "no values"
    assert made.unusable["width"] == "the same everywhere"
    assert not {"style", "price", "lit", "sofa", "saturation"} & set(made.unusable)
    assert set(made.columns) == set(made.sources)


def test_given_rows_keep_their_order() -> None:
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8) * 50
    made = attribute_table(FakeTable(pixels, [0] * 5, ["a"]), np.array([4, 0]))
    assert made.columns["brightness"] == pytest.approx([200 / 255, 0])


def test_running_numbers_mixed_types_and_hostile_text() -> None:
    n = 120
    columns = {
        "index": list(range(n)),
        "mixed": [1, "two"] * (n // 2),
        "nasty": ["\x1b[31mred\x00", "\u202egreen"] * (n // 2),
        "nan": [float("nan"), 1.5] * (n // 2),
        "blank": ["", None] * (n // 2),
    }
    made = attribute_table(FakeTable(np.zeros((n, 2, 2, 3), np.uint8), [0] * n, ["a"], columns))
    assert made.unusable["index"] == "a running number"
    assert set(made.columns["mixed"].tolist()) == {"1", "two"}
    assert set(made.columns["nasty"].tolist()) == {"[31mred", "green"}
    assert np.isnan(made.columns["nan"][0])
    assert made.unusable["blank"] == "no values"


@pytest.mark.shared_data
def test_real_photographs_are_measured_fast_enough(shared_data: Path) -> None:
    import time

    for folder, least in (
        ("cifar10/test/cat", 150),
        ("rooms6/eval/kitchen", 15),
    ):  # a tenth: machines are shared
        names = sorted(p.name for p in (shared_data / folder).glob("*.jpg"))[:100]
        table = Folder(shared_data / folder, names)
        started = time.process_time()
        made = image_measures(table, workers=1)
        assert len(names) / (time.process_time() - started) > least
        assert made.readable.all()
        assert (made.numbers["jpeg_quality"] == 75).all()
