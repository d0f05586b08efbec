"""open_images: whatever people keep their pictures in becomes one table, and nothing is left out in silence."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_images
from failsight.tools.inputs.base import BadImage
from failsight.tools.inputs.classes import match_labels
from failsight.tools.inputs.depth import BEGINS
from failsight.tools.notes import left_out_notes
from tests.inputs.pictures import class_folders, coloured, noise

MODEL = ("Blue", "Green", "Red")


def test_one_folder_a_class(tmp_path: Path) -> None:
    table = open_images(class_folders(tmp_path / "d"))
    assert table.classes == ("blue", "green", "red")
    assert list(table.paths) == [f"{c}/{i:03d}.png" for c in table.classes for i in range(3)]
    assert table.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert table.format == "folder"
    assert table.open(4).getpixel((0, 0))[1] > 150
    assert table.sizes.tolist() == [[16, 16]] * 9
    assert not table.left_out
    assert table.boxes is None


def test_model_order_and_names_win(tmp_path: Path) -> None:
    table = open_images(class_folders(tmp_path / "d"), classes=("Red", "Green", "Blue"))
    assert table.classes == ("Red", "Green", "Blue")
    assert table.labels.tolist() == [2, 2, 2, 1, 1, 1, 0, 0, 0]


def test_only_images_count_and_hidden_things_do_not(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    (root / "red" / "notes.txt").write_text("hello")
    (root / "red" / ".hidden.png").write_bytes(b"x")
    (root / ".cache").mkdir()
    coloured("red").save(root / ".cache" / "x.png")
    (root / "red" / "._000.png").write_bytes(b"x")
    (root / "red" / "deeper").mkdir()
    coloured("red", seed=9).save(root / "red" / "deeper" / "UPPER.PNG")
    table = open_images(root)
    assert len(table) == 7
    assert "red/deeper/UPPER.PNG" in table.paths


def test_pictures_in_formats_that_are_not_read_are_left_out_aloud(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=4)
    for i in range(5):
        (root / "red" / f"IMG_{i}.HEIC").write_bytes(b"x")
    (root / "blue" / "drawn.svg").write_text("<svg/>")
    (root / "blue" / "000.cr2").write_bytes(b"the raw of 000.png beside it")
    (root / "blue" / "notes.txt").write_text("no picture")
    (root / ".thumbs").mkdir()
    (root / ".thumbs" / "x.heic").write_bytes(b"x")
    table = open_images(root)
    assert len(table) == 12
    assert "5 .heic and 1 .svg files are not read and left out: export them to PNG or JPEG." in table.notes
    assert {one.path for one in table.left_out} == {
        *(f"red/IMG_{i}.HEIC" for i in range(5)),
        "blue/drawn.svg",
    }
    assert left_out_notes("data", table.left_out) == [
        "5 of the evaluation images were left out: .heic is a format that is not read (red/IMG_0.HEIC, red/IMG_1.HEIC, red/IMG_2.HEIC and 2 more).",
        "1 of the evaluation images was left out: .svg is a format that is not read (blue/drawn.svg).",
    ]
    assert not any("can't be read" in note for note in table.notes)
    assert open_images(root, split="pool").left_out
    for i in range(20):
        (root / "green" / f"more_{i}.heic").write_bytes(b"x")
    with pytest.raises(UserError, match="Most of the data") as refused:
        open_images(root, refuse_loss=True)
    assert ".heic is a format that is not read" in refused.value.message


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    (root / "red" / "again").symlink_to(root, target_is_directory=True)
    (root / "red" / "self.png").symlink_to("self.png")
    table = open_images(root)
    assert len(table) == 6
    assert next((item.path, item.reason) for item in table.left_out)[0].endswith("self.png")


def test_damaged_missing_and_empty_files_are_listed(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=4)
    (root / "red" / "000.png").write_bytes(b"")
    (root / "red" / "001.png").write_bytes(b"no image")
    (root / "red" / "002.png").unlink()
    (root / "red" / "002.png").symlink_to(root / "nowhere.png")
    whole = (root / "blue" / "000.png").read_bytes()
    (root / "blue" / "000.png").write_bytes(whole[: len(whole) // 2])
    table = open_images(root)
    reasons = {item.path: item.reason for item in table.left_out}
    assert reasons == {
        "red/000.png": "the file is empty",
        "red/001.png": "the file is not an image in a format we can read",
        "red/002.png": "the file is missing",
    }
    assert any("3 images can't be read" in note for note in table.notes)
    with pytest.raises(BadImage, match=r"cut short"):  # the header was fine: found when it is decoded
        table.open(list(table.paths).index("blue/000.png"))


def test_tiny_images_are_used_and_noted(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    Image.new("RGB", (1, 1), (9, 9, 9)).save(root / "red" / "dot.png")
    table = open_images(root)
    assert len(table) == 7
    assert any("1 image is smaller than 8 pixels on a side; it is used" in note for note in table.notes)


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    folder = os.fsencode(root / "red")
    coloured("red", seed=5).save(root / "x.png")
    os.rename(root / "x.png", os.path.join(folder, b"caf\xe9.png"))
    coloured("red", seed=6).save(root / "y.png")
    os.rename(root / "y.png", os.path.join(folder, b"a\x1b[31m\nb.png"))
    table = open_images(root)
    assert "red/café.png" in table.paths
    assert "red/a[31m b.png" in table.paths
    for row, name in enumerate(table.paths):
        name.encode("utf-8")
        assert name.isprintable()
        assert table.open(row).size == (16, 16)


def test_case_punctuation_and_the_class_map_match_names(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("living_room", "bath-room", "frontal"))
    table = open_images(
        root, classes=("BathRoom", "Frontyard", "LivingRoom"), class_map={"frontal": "frontyard"}
    )
    assert [table.classes[i] for i in table.labels[[0, 3, 6]]] == ["BathRoom", "Frontyard", "LivingRoom"]


def test_labels_unknown_to_the_model_are_listed_with_a_hint(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bedroom", "frontal"))
    table = open_images(root, classes=("Kitchen", "Bedroom", "Frontyard"))
    assert len(table) == 6
    assert {item.reason for item in table.left_out} == {"its label frontal is not a class of the model"}
    assert any("--map frontal=Frontyard" in note and "3 images" in note for note in table.notes)


def test_a_label_left_out_on_purpose_gets_no_hint(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bedroom", "frontal"))
    table = open_images(root, classes=("Kitchen", "Bedroom", "Frontyard"), class_map={"frontal": ""})
    assert len(table) == 6
    assert not any("--map" in note for note in table.notes)


def test_what_the_class_map_leaves_out_on_purpose_is_no_deployment_image_either(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bedroom", "frontal"))
    classes = ("Kitchen", "Bedroom", "Frontyard")
    table = open_images(root, classes=classes, split="deploy", class_map={"frontal": ""})
    assert len(table) == 6 and (table.labels >= 0).all() and len(table.left_out) == 3
    assert all("frontal" in item.path for item in table.left_out)
    kept = open_images(
        root, classes=classes, split="deploy"
    )  # nobody said so: it may be new, and counts as unlabelled
    assert len(kept) == 9 and (kept.labels < 0).sum() == 3 and not kept.left_out


def test_the_shift_of_splits_inside_one_folder(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "test")):
        class_folders(tmp_path / "d" / split, each=i + 1)
    assert len(open_images(tmp_path / "d")) == 6
    assert len(open_images(tmp_path / "d", split="train")) == 3
    assert len(open_images(f"{tmp_path / 'd'}#train")) == 3
    assert any("test is used" in note for note in open_images(tmp_path / "d").notes)
    with pytest.raises(UserError, match=r"no split dev.*test and train"):
        open_images(f"{tmp_path / 'd'}#dev")


def test_a_pool_needs_no_labels_and_deployment_uses_what_there_is(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for i in range(4):
        noise(20, 20, i).save(flat / f"{i}.jpg")
    for split in ("pool", "deploy"):
        table = open_images(flat, classes=MODEL, split=split)
        assert len(table) == 4
        assert (table.labels == -1).all()
    rooms = class_folders(tmp_path / "rooms")
    assert (open_images(rooms, classes=MODEL, split="deploy").labels >= 0).all()
    assert (open_images(rooms, classes=MODEL, split="pool").labels == -1).all()
    dated = class_folders(tmp_path / "dated", names=("2024", "monday", "tuesday"))
    assert (open_images(dated, classes=MODEL, split="deploy").labels == -1).all()


def test_a_folder_of_other_files_says_which_and_what_to_do(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError) as refused:
        open_images(tmp_path, classes=MODEL)
    assert "holds no images (2 .dcm files)" in str(refused.value)
    assert "DICOM is not read" in refused.value.hint


def test_dim_sixteen_bit_pictures_are_noted(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "x")
    for i, file in enumerate(sorted(root.rglob("*.png"))):
        Image.fromarray(np.full((9, 9), 100 + i, np.uint16)).save(file)
    assert any(note.startswith(BEGINS) for note in open_images(root, classes=MODEL).notes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "does not exist|do not exist"),
        (lambda root: root.mkdir(), "holds no images"),
        (lambda root: class_folders(root, names=("red",)), "one class only"),
        (lambda root: (root.mkdir(), noise(9, 9).save(root / "a.png")), "do not lie in class folders"),
        (lambda root: root.write_text("x"), "neither a folder nor"),
        (
            lambda root: [f.write_bytes(b"") for f in class_folders(root).rglob("*.png")],
            "Not one of the 9 images",
        ),
    ],
)
def test_sentences_for_a_person(make: object, words: str, tmp_path: Path) -> None:
    make(tmp_path / "d")  # type: ignore[operator]
    with pytest.raises(UserError, match=words) as caught:
        open_images(tmp_path / "d")
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_no_class_matches(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d")
    with pytest.raises(UserError, match=r"blue, green and red.*cat and dog.*--map"):
        open_images(root, classes=("cat", "dog"))


def test_one_class_left_after_matching(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"one class only: Red .6 images were left out"):
        open_images(class_folders(tmp_path / "d"), classes=("Red", "Violet"))


def test_a_class_map_to_nowhere_says_so(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d")
    with pytest.raises(UserError, match=r"sends red to Pink.*Blue, Green and Red"):
        open_images(root, classes=MODEL, class_map={"red": "Pink"})
    with pytest.raises(UserError, match=r"data=model: rouge=Red\?"):
        open_images(
            class_folders(tmp_path / "e", names=("rouge", "green")), classes=MODEL, class_map={"Red": "rouge"}
        )


def test_class_numbers_and_synonyms(tmp_path: Path) -> None:
    numbered = open_images(class_folders(tmp_path / "n", names=("0", "2")), classes=MODEL)
    assert sorted(set(numbered.labels)) == [0, 2]
    assert any("class numbers" in note for note in numbered.notes)
    named = open_images(
        class_folders(tmp_path / "s", names=("tench", "shark")), classes=("tench, Tinca tinca", "shark")
    )
    assert sorted(set(named.labels)) == [0, 1]


def test_the_fingerprint_is_of_content(tmp_path: Path) -> None:
    one = open_images(class_folders(tmp_path / "a")).fingerprint
    assert open_images(class_folders(tmp_path / "elsewhere" / "b")).fingerprint == one
    moved = class_folders(tmp_path / "c")
    (moved / "red" / "000.png").rename(moved / "red" / "0000.png")
    assert open_images(moved).fingerprint == one  # the same pictures in the same order
    coloured("red", seed=77).save(moved / "red" / "0000.png")
    assert open_images(moved).fingerprint != one
    relabelled = class_folders(tmp_path / "e", names=("red", "green", "cyan"))
    assert open_images(relabelled).fingerprint != one


def test_equal_digests_are_exact_duplicates(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d")
    (root / "red" / "copy.png").write_bytes((root / "blue" / "001.png").read_bytes())
    table = open_images(root)
    groups = [d for d in table.digests if table.digests.count(d) > 1]
    assert len(groups) == 2


def test_looks_are_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.tools.inputs import fingerprint

    root, cache = class_folders(tmp_path / "d"), tmp_path / "cache"
    read: list[str] = []
    real = fingerprint._read
    monkeypatch.setattr(fingerprint, "_read", lambda source: (read.append(str(source)), real(source))[1])
    first = open_images(root, cache_folder=cache)
    assert len(read) == 9
    assert open_images(root, cache_folder=cache).fingerprint == first.fingerprint
    assert len(read) == 9
    coloured("blue", seed=50, size=(20, 20)).save(root / "blue" / "000.png")
    assert open_images(root, cache_folder=cache).fingerprint != first.fingerprint
    assert len(read) == 10
    next(cache.iterdir()).write_text('{"damaged')
    open_images(root, cache_folder=cache)
    assert len(read) == 19


def test_a_read_only_cache_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert len(open_images(class_folders(tmp_path / "d"), cache_folder=blocked / "cache")) == 9


def test_interrupted_looking_keeps_what_was_seen(tmp_path: Path) -> None:
    from contextlib import contextmanager

    class Impatient:
        done = 0

        @contextmanager
        def job(self, label: str, total: int):
            yield self

        def advance(self, steps: int = 1) -> None:
            self.done += steps
            if self.done >= 64:
                raise KeyboardInterrupt

    root, cache = class_folders(tmp_path / "d", each=60), tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        open_images(root, cache_folder=cache, progress=Impatient())
    assert len(next(cache.iterdir()).read_text()) > 1000
    assert len(open_images(root, cache_folder=cache)) == 180


def test_order_never_depends_on_the_file_system(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for i in np.random.default_rng(0).permutation(20):
        for name in ("b", "a"):
            (root / name).mkdir(parents=True, exist_ok=True)
            coloured("red", seed=int(i)).save(root / name / f"{i:02d}.png")
    assert list(open_images(root).paths) == sorted(open_images(root).paths)


def test_a_table_in_the_folder_says_more_of_its_pictures(tmp_path: Path) -> None:
    """As Hugging Face's ImageFolder has it: attributes beside class folders; labels of pictures that lie in none, split by split."""
    root = class_folders(tmp_path / "d", each=2)
    (root / "metadata.csv").write_text("file_name,site\nred/000.png,A\nblue/001.png,B\nred/999.png,C\n")
    table = open_images(root)
    assert dict(zip(table.paths, table.columns["site"], strict=True))["blue/001.png"] == "B"
    assert table.columns["site"].count(None) == len(table) - 2
    assert any("says more of 2 of its 6 pictures. Its other rows" in note for note in table.notes)

    flat = tmp_path / "flat"
    for split in ("train", "test"):
        (flat / split).mkdir(parents=True)
        rows = []
        for i, colour in enumerate(("red", "blue", "red")):
            coloured(colour, seed=i + 10 * (split == "test")).save(flat / split / f"{i}.png")
            rows.append(
                json.dumps({"file_name": f"{i}.png", "label": colour, "bright": i > 0, "objects": {"a": [1]}})
            )
        (flat / split / "metadata.jsonl").write_text("\n".join(rows))
    table = open_images(flat)
    assert table.root == flat / "test" and [table.classes[i] for i in table.labels] == ["red", "blue", "red"]
    assert table.columns == {"bright": ["no", "yes", "yes"]} and any(
        "objects holds lists" in n for n in table.notes
    )
    assert open_images(flat, split="train").root == flat / "train"


def test_a_table_in_the_folder_that_says_nothing_is_told(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    (root / "metadata.csv").write_text("name,site\nx,A\n")
    table = open_images(root)
    assert not table.columns and any("names no pictures" in note for note in table.notes)
    (root / "metadata.csv").write_text("file_name,site\nx.png,A\n")
    assert any("says more of 0 of its 6 pictures" in note for note in open_images(root).notes)
    (root / "metadata.csv").write_text("file_name,site\n")
    with pytest.raises(UserError, match="holds no rows"):
        open_images(root)


@pytest.mark.parametrize("form", ["lines", "list", "held", "lines in .json"])
def test_tables_as_json(form: str, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=1)
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.png"))
    rows = [
        {"path": f, "label": f.partition("/")[0], "n": i, "boxes": {"x": [[0, 0, 0.5, 0.5]]}}
        for i, f in enumerate(files)
    ]
    del rows[0]["n"]
    text = "\n".join(map(json.dumps, rows)) + "\n\n"
    if form in ("list", "held"):
        text = json.dumps(rows if form == "list" else {"version": 1, "images": rows})
    manifest = root / ("m.jsonl" if form == "lines" else "m.json")
    manifest.write_text(text, encoding="utf-8-sig")
    table = open_images(manifest)
    assert list(table.paths) == files and table.columns == {"n": [None, 1.0, 2.0]}
    assert table.boxes is not None and table.boxes[0] == {"x": ((0.0, 0.0, 0.5, 0.5),)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no rows"),
        ("[]", "holds no rows"),
        ("{}", "holds no rows"),
        ('{"path": "a.png", "label": "x"}\n[1, 2]', "line 2 is no JSON object"),
        ('[{"path": "a.png"}, 7]', "row 2 is no JSON object"),
        ('{"path": "a.png"', "line 1 is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ('{"path": NaN, "label": 1e999}', "can't|no path|not one|image"),
    ],
)
def test_json_that_is_no_table_is_told_in_one_sentence(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        open_images(path)


def test_wordnet_ids_are_read_in_order_where_there_is_one_for_each_class() -> None:
    ids = ["n01443537", "n01440764", "n01484850"]
    names = ("tench, Tinca tinca", "goldfish", "great white shark")
    made = match_labels(ids, names, {}, "here")
    assert made.index == {"n01440764": 0, "n01443537": 1, "n01484850": 2}
    assert "n01440764 is tench, Tinca tinca, n01484850 is great white shark" in made.notes[0]
    with pytest.raises(UserError, match="None of the classes"):  # of some of them nobody knows which
        match_labels(ids[:2], names, {}, "here")
    with pytest.raises(UserError, match="None of the classes"):
        match_labels(["n01443537", "n01440764", "dog"], names, {}, "here")
