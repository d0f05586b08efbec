"""Hugging Face data sets on disk."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_images
from tests.inputs.pictures import bytes_of, class_folders, coloured

NAMES = ["red", "green", "blue"]


def dataset(count: int = 6, **changes: Any) -> Any:
    """A data set of coloured pictures with a label, two attributes and a list column."""
    import datasets

    columns: dict[str, Any] = {
        "image": [{"bytes": bytes_of(coloured(NAMES[i % 3], seed=i)), "path": None} for i in range(count)],
        "label": [i % 3 for i in range(count)],
        "season": [i % 2 for i in range(count)],
        "price": [i * 1.5 for i in range(count)],
        "codes": [[i] for i in range(count)],
    }
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=NAMES),
            "season": datasets.ClassLabel(names=["winter", "summer"]),
            "price": datasets.Value("float32"),
            "codes": datasets.Sequence(datasets.Value("int64")),
        }
    )
    columns.update(changes)
    kept = {name: columns[name] for name in columns if columns[name] is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dill, about what pyarrow's classes are called
        return _made(kept, features)


def _made(kept: dict[str, Any], features: Any) -> Any:
    import datasets

    return datasets.Dataset.from_dict(kept, datasets.Features({n: features[n] for n in kept}))


def test_columns_are_found_by_their_kind(tmp_path: Path) -> None:
    dataset().save_to_disk(tmp_path / "d")
    table = open_images(tmp_path / "d", classes=("Blue", "Green", "Red"), cache_folder=tmp_path / "cache")
    assert table.format == "dataset"
    assert table.labels.tolist() == [2, 1, 0] * 2
    assert table.columns == {"season": ["winter", "summer"] * 3, "price": [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]}
    assert table.paths[3] == "row-3"
    assert np.array_equal(np.asarray(table.open(4)), np.asarray(coloured("green", seed=4)))
    assert table.file(0) is None
    assert any("codes holds lists" in note for note in table.notes)
    again = open_images(tmp_path / "d", classes=("Blue", "Green", "Red"), cache_folder=tmp_path / "cache")
    assert again.fingerprint == table.fingerprint


def test_splits_of_a_dictionary(tmp_path: Path) -> None:
    import datasets

    datasets.DatasetDict({"train": dataset(9), "validation": dataset(3)}).save_to_disk(tmp_path / "d")
    assert len(open_images(tmp_path / "d")) == 3
    assert len(open_images(tmp_path / "d", split="train")) == 9
    assert len(open_images(f"{tmp_path / 'd'}#train")) == 9
    with pytest.raises(UserError, match=r"no split test.*train and validation"):
        open_images(tmp_path / "d", choose="test")


def test_unlabelled_unknown_and_damaged_rows(tmp_path: Path) -> None:
    images = [{"bytes": bytes_of(coloured(NAMES[i % 3], seed=i)), "path": None} for i in range(6)]
    images[1] = {"bytes": b"rubbish", "path": None}
    dataset(6, image=images, label=[0, 1, 2, -1, 0, 1]).save_to_disk(tmp_path / "d")
    table = open_images(tmp_path / "d")
    assert {i.path: i.reason for i in table.left_out} == {
        "row-1": "the file is not an image in a format we can read",
        "row-3": "it has no label",
    }
    pool = open_images(tmp_path / "d", split="pool")
    assert len(pool) == 5
    assert (pool.labels == -1).all()


def test_a_folder_that_datasets_saved_paths_for(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "pictures", each=2)
    files = sorted(str(p) for p in root.rglob("*.png"))
    dataset(6, image=[{"bytes": None, "path": f} for f in files]).save_to_disk(tmp_path / "d")
    assert open_images(tmp_path / "d").open(0).size == (16, 16)


def test_sentences_for_a_person(tmp_path: Path) -> None:
    dataset(6, label=None, season=None).save_to_disk(tmp_path / "nolabel")
    with pytest.raises(UserError, match=r"no column of class labels.*image, price and codes"):
        open_images(tmp_path / "nolabel")
    dataset(6, image=None).save_to_disk(tmp_path / "noimage")
    with pytest.raises(UserError, match=r"no column of images"):
        open_images(tmp_path / "noimage")
    dataset(6).save_to_disk(tmp_path / "cut")
    for arrow in (tmp_path / "cut").glob("*.arrow"):
        arrow.write_bytes(arrow.read_bytes()[:200])
    with pytest.raises(UserError, match=r"can't be loaded"):
        open_images(tmp_path / "cut")
