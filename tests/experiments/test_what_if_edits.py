"""Edits of one picture: the grammar, what each edit does to pixels, and where an answer turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments.what_if_edits import KINDS, Edit, ladder, parse_edits
from failsight.tools.experiments.what_if_flip import curve
from failsight.tools.experiments.what_if_swaps import Grid, greedy, random_needed

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
SMOOTH = np.repeat(np.linspace(20, 230, 24, dtype=np.uint8)[None, :, None], 24, 0).repeat(3, 2)


def edits(text: str) -> tuple[Edit, ...]:
    return parse_edits(text, lambda spec: lambda p: p * 0, lambda spec, source: lambda p: p)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("brightness:-30%", ["brightness −30 %"]),
        ("brightness −30 %", None),
        ("brightness:−30 %", ["brightness −30 %"]),
        ("Brightness -30%; rotate:10°", ["brightness −30 %", "rotate +10°"]),
        ("blur then jpeg:20", ["blur 2 %", "jpeg 20"]),
        ("rotate:15, then darker:30%", ["rotate +15°", "brightness −30 %"]),
        ("brighter:30; desaturate:-40", ["brightness +30 %", "saturation −40 %"]),
        ("darker; black and white;mirror", None),
        ("gray; upside down; flip", ["grey", "rotate +180°", "flipped left to right"]),
        ("crop", ["cropped to 0.1,0.1,0.9,0.9"]),
        ("mask:box:table_lamp;paste:rect:0,0,1,1 from #3", ["table lamp covered", "rect:0,0,1,1 pasted from #3"]),
    ],
)  # fmt: skip
def test_edits_are_read_as_people_write_them(text: str, titles: list[str] | None) -> None:
    if titles is None and "−30 %" in text:
        with pytest.raises(RetryError, match="is not an edit"):
            edits(text)
        return
    found = [e.title for e in edits(text)]
    assert found == (titles or ["brightness −50 %", "grey", "flipped left to right"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sparkle:3", "brightness:-50%"),
        ("brightness:lots", "brightness:-50"),
        ("brightness:-150%", "from -100 to 200"),
        ("crop:0.5,0,0.2,1", "x0 < x1"),
        ("crop:a,b", "fractions"),
        ("flip:sideways", "horizontal or vertical"),
        ("mask:", "not an edit"),
        ("paste:box:cat", "not an edit"),
        ("rotate:1e9", "write a number"),
        (";".join(["grey"] * 13), "at most 12"),
    ],
)
def test_a_wrong_edit_is_refused_with_what_would_do(text: str, said: str) -> None:
    with pytest.raises(RetryError, match=said):
        edits(text)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_at_its_neutral_strength_an_edit_does_nothing_and_at_its_ends_it_gives_pictures(kind: Any) -> None:
    edit = Edit(kind.name, kind, kind.neutral)
    assert (edit.apply(PICTURE, 0) == PICTURE).all()
    for strength in (kind.low, kind.usual, kind.high):
        made = edit.apply(PICTURE, 0, strength)
        assert made.shape == PICTURE.shape
        assert made.dtype == np.uint8
        assert (made == edit.apply(PICTURE, 0, strength)).all()
        assert strength == kind.neutral or (made != PICTURE).any()


def test_pixels_are_changed_as_said() -> None:
    def made(text: str, picture: np.ndarray = PICTURE) -> np.ndarray:
        (edit,) = edits(text)
        return edit.apply(picture, 0).astype(int)

    assert np.abs(made("brightness:-50%") - PICTURE * 0.5).max() <= 0.5
    assert np.abs(made("brightness:100%") - np.minimum(PICTURE * 2.0, 255)).max() <= 0.5
    flat = made("contrast:-100%")
    assert np.ptp(flat, axis=(0, 1)).max() <= 1
    assert np.abs(made("saturation:-100%") - made("grey")).max() <= 1
    assert np.abs(made("rotate:90") - np.rot90(PICTURE)).max() <= 1  # counter-clockwise
    assert np.abs(made("rotate:180") - PICTURE[::-1, ::-1]).max() <= 1
    assert (made("flip:vertical") == PICTURE[::-1]).all()
    assert np.abs(made("crop:0,0,1,1") - PICTURE).max() <= 1
    zoomed = made("zoom:100%", SMOOTH)
    assert np.ptp(zoomed) == pytest.approx(np.ptp(SMOOTH) / 2, abs=12)
    cropped = made("crop:0.25,0.25,0.75,0.75", SMOOTH)
    assert np.abs(cropped - zoomed).max() <= 1
    assert made("blur:10%").std() < PICTURE.std() / 3
    assert np.diff(made("sharpen", SMOOTH), axis=1).max() >= np.diff(SMOOTH.astype(int), axis=1).max()


def test_a_turn_of_the_hue_keeps_brightness_and_comes_round() -> None:
    soft = (PICTURE // 4 + 96).astype(np.uint8)
    (edit,) = edits("hue:120")
    turned = edit.apply(soft, 0)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(turned @ luma - soft @ luma).max() < 1.5
    again = edit.apply(edit.apply(turned, 0), 0)
    assert np.abs(again.astype(int) - soft).max() <= 4


def test_noise_grows_with_the_same_grain() -> None:
    grey = np.full((16, 16, 3), 128, np.uint8)
    kind = KINDS["noise"]
    weak, strong = (Edit("noise", kind, s).apply(grey, 5).astype(float) - 128 for s in (5, 10))
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.99
    assert weak.std() == pytest.approx(0.05 * 255, rel=0.1)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_ladder_holds_both_ends_and_the_neutral_rung(kind: Any) -> None:
    rungs = ladder(kind, 20)
    assert {kind.low, kind.neutral, kind.high} <= set(rungs.tolist())
    assert (np.diff(rungs) > 0).all()
    assert 15 <= len(rungs) <= 22


def bright(pixels: np.ndarray) -> np.ndarray:
    """Class 1 where the mean lies above one half."""
    lead = 20 * (pixels.astype(float).mean((1, 2, 3)) / 255 - 0.5)
    return (1 / (1 + np.exp(np.stack([lead, -lead], 1)))).astype(np.float32)


def test_the_strength_at_which_the_answer_turns_is_found() -> None:
    grey = np.full((8, 8, 3), 153, np.uint8)  # 0.6: turns where 0.6 (1 + s) = 0.5
    made = curve(Edit("brightness", KINDS["brightness"], 0), grey, bright, 1, 0)
    assert len(made.flips) == 1
    flip = made.flips[0]
    assert flip.strength == pytest.approx(-100 / 6, abs=0.5)
    assert flip.before > flip.strength
    assert flip.to == 0
    assert made.nearest is flip
    dark = np.full((8, 8, 3), 102, np.uint8)
    (up,) = curve(Edit("brightness", KINDS["brightness"], 0), dark, bright, 0, 0).flips
    assert up.strength == pytest.approx(25, abs=0.5)
    assert not curve(Edit("hue", KINDS["hue"], 0), dark, bright, 0, 0).flips


def test_a_quality_is_a_whole_number() -> None:
    def score(pixels: np.ndarray) -> np.ndarray:
        same = (pixels == PICTURE).all((1, 2, 3)).astype(np.float32)
        return np.stack([same, 1 - same], 1)

    (flip,) = curve(Edit("jpeg", KINDS["jpeg"], 50), PICTURE, score, 0, 0).flips
    assert flip.strength == 99
    assert flip.before == 100


def cells_that_count(needed: tuple[int, ...], grid: Grid) -> Any:
    """Class 1 where all ``needed`` cells are white."""

    def score(pixels: np.ndarray) -> np.ndarray:
        white = []
        for cell in needed:
            y0, x0, y1, x1 = grid.box(cell)
            white.append(pixels[:, y0:y1, x0:x1].mean((1, 2, 3)) / 255)
        lead = 10 * (np.mean(white, 0) - 1 + 0.5 / len(needed))
        return (1 / (1 + np.exp(np.stack([lead, -lead], 1)))).astype(np.float32)

    return score


@pytest.mark.parametrize("needed", [(0,), (5, 10), (1, 7, 15)])
def test_greedy_search_finds_the_cells_that_count_and_random_order_takes_more(
    needed: tuple[int, ...],
) -> None:
    black, white, grid = np.zeros((17, 19, 3), np.uint8), np.full((17, 19, 3), 255, np.uint8), Grid(4, 17, 19)
    score = cells_that_count(needed, grid)
    made = greedy(black, white, grid, score, 1)
    assert sorted(made.cells) == list(needed)
    assert made.scores.shape == (len(needed) + 1, 2)
    assert made.scores[-1].argmax() == 1
    assert made.scores[-2].argmax() == 0
    counts = random_needed(black, white, grid, score, 1, 120, (0, 1))
    expected = len(needed) * 17 / (len(needed) + 1)  # mean place of the last of m among 16
    assert counts.mean() == pytest.approx(expected, abs=1.3)
    assert (counts == random_needed(black, white, grid, score, 1, 120, (0, 1))).all()


def test_needless_cells_are_put_back() -> None:
    """Cell 0 helps first, but 1 and 2 together do without it."""
    grid = Grid(2, 4, 4)
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)

    def score(pixels: np.ndarray) -> np.ndarray:
        a, b, c, _ = (pixels[:, y, x, 0] / 255 for y, x in ((0, 0), (0, 2), (2, 0), (2, 2)))
        lead = 10 * (0.5 * a + 0.48 * b + 0.48 * c - 0.95)
        lead += np.where((a > 0) & (b + c == 1), -2, 0)
        return (1 / (1 + np.exp(np.stack([lead, -lead], 1)))).astype(np.float32)

    made = greedy(black, white, grid, score, 1)
    assert sorted(made.cells) == [1, 2]


def test_cells_tile_a_picture_of_any_size() -> None:
    grid = Grid(5, 13, 11)
    seen = np.zeros((13, 11), int)
    for cell in range(grid.cells):
        y0, x0, y1, x1 = grid.box(cell)
        seen[y0:y1, x0:x1] += 1
    assert (seen == 1).all()
