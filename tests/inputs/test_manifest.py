"""Tables that list images: CSV in any encoding, Parquet, splits, attributes, boxes, joined metadata."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_images
from failsight.tools.inputs.columns import typed
from tests.inputs.pictures import class_folders, coloured


def write(path: Path, header: str, *rows: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "d")


def rows(root: Path, more: str = "") -> list[str]:
    files = sorted(p.relative_to(root) for p in root.rglob("*.png"))
    return [f"{f.as_posix()},{f.parent.name}{more}" for f in files]


def test_a_manifest_beside_its_images(root: Path) -> None:
    path = write(root / "manifest.csv", "path,label,light,price", *rows(root, ",dim,7"))
    for given in (path, root):
        table = open_images(given)
        assert table.format == "manifest"
        assert len(table) == 9
        assert table.columns == {"light": ["dim"] * 9, "price": [7.0] * 9}
        assert table.open(0).size == (16, 16)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(root: Path, encoding: str, delimiter: str) -> None:
    lines = [line.replace(",", delimiter) for line in ("path,label,süß", *rows(root, ",café"))]
    table = open_images(write(root / "m.csv", *lines, encoding=encoding))
    assert table.columns == {"süß": ["café"] * 9}
    assert any("Latin-1" in note for note in table.notes) == (encoding == "latin-1")


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_latin1_manifest_finds_latin1_names(root: Path) -> None:
    lines = [*rows(root), "café.png,red"]
    coloured("red", seed=8).save(root / "x.png")
    os.rename(root / "x.png", os.path.join(os.fsencode(root), b"caf\xe9.png"))
    table = open_images(write(root / "m.csv", "path,label", *lines, encoding="latin-1"))
    assert len(table) == 10
    assert not table.left_out


def test_splits_in_a_column(root: Path) -> None:
    lines = [f"{line},{'train' if i % 3 else 'test'}" for i, line in enumerate(rows(root))]
    path = write(root / "m.csv", "path,label,split", *lines)
    assert len(open_images(path)) == 3
    assert len(open_images(path, split="train")) == 6
    assert len(open_images(path, choose="TRAIN")) == 6
    assert len(open_images(f"{path}#train")) == 6
    assert "split" not in open_images(path).columns
    odd = write(
        root / "odd.csv",
        "path,label,split",
        *(line.replace("train", "a").replace("test", "b") for line in lines),
    )
    with pytest.raises(UserError, match=r"several splits: a and b.*#a"):
        open_images(odd)


def test_boxes(root: Path) -> None:
    cells = [
        '"{""tv"": [[0, 0, 0.5, 0.5]]}"',
        '"{""tv"": [[0.2, 0.2, 1.5, 0.5], [0.1, 0.1, 0.2, 0.2]], ""cat"": [[0, 0.1, 0, 0.4]]}"',
        "nonsense",
        "",
        '"{""tv"": [[0.5, 0.5, 0.1, 0.9]]}"',
        '"{""tv"": 3, ""cat"": [[""a"", 0, 1, 1]]}"',
        '"{""cat"": [[0, 0.1, 0, 0.4]]}"',
        "[1]",
        "{}",
    ]
    lines = [f"{line},{cell}" for line, cell in zip(rows(root), cells, strict=True)]
    table = open_images(write(root / "m.csv", "path,label,boxes", *lines))
    assert table.boxes == [{"tv": ((0.0, 0.0, 0.5, 0.5),)}, {"tv": ((0.1, 0.1, 0.2, 0.2),)}, *[{}] * 7]
    assert any("Of 5 images some boxes" in note for note in table.notes)


def test_parquet(root: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = [line.split(",") for line in rows(root)]
    table = pa.table(
        {
            "path": [p for p, _ in lines],
            "label": [c for _, c in lines],
            "day": list(range(9)),
            "indoor": [True, False, None] * 3,
            "codes": [[1, 2]] * 9,
        }
    )
    pq.write_table(table, root / "m.parquet")
    read = open_images(root / "m.parquet")
    assert read.columns == {"day": [float(i) for i in range(9)], "indoor": ["yes", "no", None] * 3}
    assert any("codes holds lists" in note for note in read.notes)
    (root / "broken.parquet").write_bytes((root / "m.parquet").read_bytes()[:100])
    with pytest.raises(UserError, match=r"can't be read"):
        open_images(root / "broken.parquet")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("where,label", r"no column named path.*where, label.*Rename"),
        ("path,kind", r"no column named label.*path, kind"),
    ],
)
def test_missing_columns(root: Path, header: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        open_images(write(root / "m.csv", header, *rows(root)))


def test_empty_tables_and_no_file_found(root: Path) -> None:
    with pytest.raises(UserError, match=r"holds no rows"):
        open_images(write(root / "m.csv", "path,label"))
    with pytest.raises(UserError, match=r"holds no rows"):
        open_images(write(root / "e.csv", ""))
    with pytest.raises(UserError, match=r"Not one of the 9 images.*9 times: the file is missing"):
        open_images(write(root.parent / "m.csv", "path,label", *rows(root)))


def test_rows_without_path_or_label_and_ragged_rows(root: Path) -> None:
    lines = [*rows(root, ",x"), ",red,x", "red/000.png,,x", "red/001.png"]
    table = open_images(write(root / "m.csv", "path,label,a", *lines))
    assert len(table) == 9
    assert [item.reason for item in table.left_out] == [
        "it names no path",
        "it has no label",
        "it has no label",
    ]
    assert any("1 row has more or fewer cells" in note for note in table.notes)


def test_windows_paths_and_absolute_paths(root: Path) -> None:
    lines = [line.replace("/", "\\") for line in rows(root)[:5]] + [
        f"{root}/{line}" for line in rows(root)[5:]
    ]
    table = open_images(write(root / "m.csv", "path,label", *lines))
    assert len(table) == 9
    assert table.paths[0] == "blue/000.png"


def test_the_same_picture_twice_keeps_both_rows_apart(root: Path) -> None:
    table = open_images(write(root / "m.csv", "path,label", *rows(root), "red/000.png,blue"))
    assert len(table) == 10
    assert len(set(table.paths)) == 10


def test_hostile_text_is_cleaned(root: Path) -> None:
    table = open_images(write(root / "m.csv", "path,label,a\x1b[2Jb", *rows(root, ",x\x07\u202ey")))
    assert table.columns == {"a[2Jb": ["xy"] * 9}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", ""], [1.0, 2.5, None]),
        (["001", "002"], ["001", "002"]),
        (["1", "two"], ["1", "two"]),
        (["-3", "1e3", ".5"], [-3.0, 1000.0, 0.5]),
        (["nan", "NA", "x"], [None, None, "x"]),
        (["none", "white", "", None], ["none", "white", None, None]),
        (["none", "a", "b"], [None, "a", "b"]),
        ([True, False, None], ["yes", "no", None]),
        ([1, "a"], ["1", "a"]),
        ([float("inf"), 1.0], [None, 1.0]),
        ([[1], [2]], None),
    ],
)
def test_types_of_columns(values: list[object], expected: object) -> None:
    assert typed(values) == expected


def test_metadata_joined_on_the_file_stem(root: Path) -> None:
    meta = write(root / "houses.csv", "house,beds,zip", "000,3,A", "1,4,B", "000,9,C")
    table = open_images(root, metadata=(meta, "house"))
    assert table.columns["beds"] == [3.0, 4.0, None] * 3
    assert table.columns["zip"] == ["A", "B", None] * 3
    assert any("found for 6 of 9" in note for note in table.notes)
    assert any("1 row with a repeated house" in note for note in table.notes)


def test_a_column_of_paths_names_the_images_without_being_told(root: Path) -> None:
    named = write(
        root / "named.csv", "site,path,zip", *[f"A,{r.split(',')[0]},0{i}" for i, r in enumerate(rows(root))]
    )
    table = open_images(root, metadata=(named, ""))
    assert table.columns["site"] == ["A"] * 9
    assert any("The column path of named.csv names the image" in note for note in table.notes)
    numbered = write(root / "numbered.csv", "house,beds", "000,3", "001,4", "002,4")  # houses, or file names?
    with pytest.raises(UserError, match="was not said"):
        open_images(root, metadata=(numbered, ""))


def test_metadata_joined_on_a_column_and_on_paths(root: Path) -> None:
    manifest = write(root / "m.csv", "path,label,house", *[f"{r},h{i}" for i, r in enumerate(rows(root))])
    by_column = write(root / "by.csv", "house,beds", *[f"h{i},{i}" for i in range(9)])
    assert open_images(manifest, metadata=(by_column, "house")).columns["beds"] == [
        float(i) for i in range(9)
    ]
    by_path = write(root / "paths.csv", "file,beds", "red/000.png,5")
    beds = open_images(root, metadata=(by_path, "file")).columns["beds"]
    assert beds.count(5.0) == 1


def test_metadata_that_does_not_fit(root: Path) -> None:
    meta = write(root / "houses.csv", "house,beds", "x,3")
    with pytest.raises(UserError, match=r"no column home.*house, beds"):
        open_images(root, metadata=(meta, "home"))
    with pytest.raises(UserError, match=r"No house in houses.csv .such as x. matches"):
        open_images(root, metadata=(meta, "house"))


def test_columns_and_labels_are_part_of_the_fingerprint(root: Path) -> None:
    prints = {
        open_images(
            write(root / f"{i}.csv", "path,label,light,boxes", *rows(root, f",{light},{json_box}"))
        ).fingerprint
        for i, (light, json_box) in enumerate(
            [("dim", ""), ("bright", ""), ("dim", '"{""a"": [[0,0,1,1]]}"')]
        )
    }
    assert len(prints) == 3


def test_columns_that_are_called_otherwise_are_read_and_said(root: Path) -> None:
    read = open_images(write(root / "m.csv", "Image Path,class", *rows(root)))
    assert len(read) == 9
    assert any("Image Path is read as path and class is read as label" in note for note in read.notes)


def test_answers_in_a_manifest_are_no_attributes(root: Path) -> None:
    lines = [f"{line},A,red,{n % 2 == 0}" for n, line in enumerate(rows(root))]
    read = open_images(write(root / "m.csv", "path,label,camera,predicted,is_correct", *lines))
    assert list(read.columns) == ["camera"]
    assert any("predicted and is_correct repeat what the model answered" in note for note in read.notes)


def test_what_may_be_an_attribute_is_no_label_where_none_is_needed(root: Path) -> None:
    read = open_images(write(root / "m.csv", "path,category", *rows(root)), split="deploy")
    assert "category" in read.columns and (read.labels == -1).all()


def test_serial_numbers_join_and_stay_apart_beyond_six_digits(tmp_path: Path) -> None:
    """A number of eight digits is itself: as a key of metadata, and as a value beside words."""
    root = class_folders(tmp_path / "photos", 2, ("cat", "dog"))
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.png"))
    rows = [f"{f},{f.partition('/')[0]},{20240131 + i},{'n/k' if i else 'x'}" for i, f in enumerate(files)]
    (root / "manifest.csv").write_text("\n".join(["path,label,patient,note", *rows, ""]))
    extra = tmp_path / "extra.csv"
    extra.write_text("patient,ward\n" + "".join(f"{20240131 + i},w{i}\n" for i in range(len(files))))
    table = open_images(root, metadata=(extra, "patient"))
    assert table.columns["ward"] == [f"w{i}" for i in range(len(files))]
    assert typed([20240131.0, 20240132.0, "unknown"]) == ["20240131", "20240132", "unknown"]
    assert typed([0.1234567, "x"]) == ["0.1234567", "x"]
