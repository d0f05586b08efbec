"""Copies: re-encoded, mirrored and cropped pictures are one picture; look-alikes are not."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes.alike import Seen, compare, seen
from failsight.tools.attributes.computed import image_measures
from failsight.tools.attributes.copies import find_copies
from failsight.tools.attributes.duplicates import mirrored, mirrored_pairs
from tests.fakes.view import FakeTable


def scene(seed: int, side: int = 96, details: int | None = None) -> Image.Image:
    """A picture with layout and detail that no other seed shares; finer patterns are fainter, as in photographs.

    With ``details`` only the layout comes from ``seed``, everything finer from that other seed.
    """
    made = np.zeros((side, side, 3))
    for octave, cells in enumerate((3, 6, 12, 24)):
        rng = np.random.default_rng([seed if octave < 1 or details is None else details + 5000, octave])
        grid = Image.fromarray(rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        made += np.asarray(grid.resize((side, side), 3), float) * 0.55**octave
    return Image.fromarray(np.clip(made / 1.95, 0, 255).astype(np.uint8))


def kept(image: Image.Image) -> Seen:
    table = FakeTable(np.asarray(image)[None], [0], ["a"])
    made = seen(table, 0)
    assert made is not None
    return made


def recompressed(image: Image.Image, quality: int = 40) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


CHANGES = {
    "re-encoded": lambda i: recompressed(i),
    "smaller": lambda i: i.resize((48, 48)),
    "mirrored": lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped": lambda i: i.crop((8, 10, 86, 88)),
    "crop at a corner": lambda i: i.crop((0, 20, 76, 96)),
    "one side cut": lambda i: i.crop((0, 0, 96, 72)),
    "mirrored and cropped": lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((5, 5, 90, 88)),
    "brighter": lambda i: i.point(lambda v: min(255, int(1.1 * v))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_done_to_a_picture_leaves_it_one_picture(change: str) -> None:
    hits = [compare(kept(scene(s)), kept(CHANGES[change](scene(s)))).one_picture for s in range(8)]
    assert sum(hits) >= 7


def test_order_does_not_matter() -> None:
    one, other = kept(scene(0)), kept(scene(0).crop((8, 10, 86, 88)))
    assert compare(one, other).one_picture
    assert compare(other, one).one_picture
    assert "part" in compare(one, other).way


def test_different_pictures_of_one_layout_are_not_copies() -> None:
    """The same coarse scene with other details in it: what hashes and features take for one."""
    hits = sum(
        compare(kept(scene(s, details=2 * s)), kept(scene(s, details=2 * s + 1))).one_picture
        for s in range(20)
    )
    assert hits == 0


def test_one_hard_edge_on_plain_ground_does_not_make_copies() -> None:
    """Squares of other colours on other grounds, 32 pixels wide: nearly all of their detail is the edge of the square."""
    draw = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "examples" / "shapes.py"))["picture"]
    drawn = (draw("square", False, np.random.default_rng(seed))[0] for seed in range(18))
    squares = [kept(Image.fromarray(pixels)) for pixels in drawn]
    alike = [
        (i, j) for i in range(len(squares)) for j in range(i) if compare(squares[i], squares[j]).one_picture
    ]
    assert not alike
    assert all(compare(s, s.mirrored).one_picture for s in squares)


def test_another_colour_is_another_picture_and_flat_ones_show_nothing() -> None:
    picture = np.asarray(scene(1)).copy()
    assert not compare(
        kept(Image.fromarray(picture)), kept(Image.fromarray(picture[..., ::-1].copy()))
    ).one_picture
    flat = np.full((128, 128, 3), 90, np.uint8)
    assert not compare(flat, flat).one_picture


def test_mirrored_hashes_find_mirror_images() -> None:
    pictures = [scene(s) for s in range(12)]
    pictures[7] = pictures[2].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    measures = image_measures(FakeTable(np.stack([np.asarray(p) for p in pictures]), [0] * 12, ["a"]))
    assert np.array_equal(mirrored(mirrored(measures.dhash)), measures.dhash)
    pairs, cut = mirrored_pairs(measures.dhash, measures.readable)
    assert pairs.tolist() == [[2, 7]] and not cut
    assert len(mirrored_pairs(measures.dhash[:1], measures.readable[:1])[0]) == 0


def splits() -> dict[str, FakeTable]:
    data, train = [scene(s) for s in range(20)], [scene(s) for s in range(100, 130)]
    train[3], train[4] = data[0], data[0]
    train[5] = recompressed(data[1])
    train[6] = data[2].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    train[7] = data[3].crop((10, 10, 84, 84)).resize((96, 96))
    return {
        s: FakeTable(np.stack([np.asarray(p) for p in ps]), [i % 2 for i in range(len(ps))], ["a", "b"])
        for s, ps in (("data", data), ("train", train))
    }


def features_of(tables: dict[str, FakeTable]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Grey averages of the picture and its mirror image added: a descriptor that neither crop nor mirror changes much."""
    made = {}
    for s, t in tables.items():
        grey = t.pixels.mean(3)[:, 8:88, 8:88].reshape(len(t), 4, 20, 4, 20).mean((2, 4))
        made[s] = (np.arange(len(t)), (grey + grey[:, :, ::-1]).reshape(len(t), -1).astype(np.float32))
    return made


def test_copies_across_splits_and_what_they_are() -> None:
    tables = splits()
    measures = {s: image_measures(t) for s, t in tables.items()}
    found = find_copies(tables, measures, features_of(tables))
    exact, near = found.partners("data", "train")
    assert exact == {0: [3, 4]}
    assert near == {1: [5], 2: [6], 3: [7]}
    ways = {found.way(g) for g in found.near()}
    assert ways == {"re-encoded", "mirrored", "cropped"}
    assert found.by_features >= 1
    without = find_copies(tables, measures, {})
    assert set(without.partners("data", "train")[1]) >= {1, 2}  # hashes alone see these


def test_a_copy_of_an_equal_pair_is_a_copy_of_both() -> None:
    data = [scene(0), scene(0), scene(5)]
    train = [recompressed(scene(0)), scene(9)]
    tables = {
        s: FakeTable(np.stack([np.asarray(p) for p in ps]), [0] * len(ps), ["a"])
        for s, ps in (("data", data), ("train", train))
    }
    found = find_copies(tables, {s: image_measures(t) for s, t in tables.items()}, {})
    assert found.partners("data", "train") == ({}, {0: [0], 1: [0]})
    assert found.partners("train", "data") == ({}, {0: [0, 1]})
