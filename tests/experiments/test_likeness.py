"""``like:`` by its detail: stamps of known contrast on textured pictures, none at all, and hostile pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from failsight.tools.errors import RetryError
from failsight.tools.experiments.regions import parse_region
from failsight.tools.experiments.regions_detail import (
    ALIKE,
    COPY,
    Detail,
    compared,
    detail_of_piece,
    least_of,
)
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.experiments.regions_search import choose, part_seen
from failsight.tools.test_by_adding import test_by_adding as add
from tests.fakes.view import FakeModel, FakeTable, FakeView

SIDE, N = 96, 200
BOX = (60, 80, 92, 92)  # x0, y0, x1, y1 in pixels
SPEC = ",".join(f"{v / SIDE:g}" for v in BOX)
CLASSES = ("bed", "bath")


def texture(n: int, seed: int) -> np.ndarray:
    """Blotches, edges and grain: (n, SIDE, SIDE, 3) floats."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (n, SIDE, SIDE, 1))
    blotches = ndimage.gaussian_filter(coarse, (0, 6, 6, 0)) * 400
    edges = np.sign(ndimage.gaussian_filter(rng.normal(0, 1, (n, SIDE, SIDE, 1)), (0, 4, 4, 0))) * 12
    return 120 + blotches + edges + rng.normal(0, 7, (n, SIDE, SIDE, 3))


def letters(seed: int = 1) -> np.ndarray:
    """Strokes (h, w), 0 or 1, that equal none of their mirrored copies."""
    rng = np.random.default_rng(seed)
    made = np.zeros((BOX[3] - BOX[1], BOX[2] - BOX[0]))
    made[1:-1, 1:-1] = (rng.random((5, 15)) < 0.4).repeat(2, 0).repeat(2, 1)
    return made


def stamped(contrast: float, share: float, *, seed: int = 0, shift: int = 2) -> tuple[FakeView, np.ndarray]:
    """Half transparent strokes over whatever lies below, a pixel or two beside their place; picture 0 has them in place."""
    rng = np.random.default_rng(seed + 1)
    pixels = texture(N, seed)
    has = rng.random(N) < share
    has[0] = True
    for row in np.flatnonzero(has).tolist():
        dy, dx = (0, 0) if row == 0 else rng.integers(-shift, shift + 1, 2)
        y, x = BOX[1] + dy, BOX[0] + dx
        pixels[row, y : y + 12, x : x + 32] += contrast * letters()[..., None] * np.array((1.0, 0.8, -0.6))
    table = FakeTable(np.clip(pixels, 0, 255).astype(np.uint8), [i % 2 for i in range(N)], CLASSES)

    def rule(x: np.ndarray) -> np.ndarray:
        return np.stack([x[..., 0].mean((1, 2)), x[..., 2].mean((1, 2))], 1)

    return FakeView({"data": table}, FakeModel(rule, CLASSES, (SIDE, SIDE))), has


def found(view: FakeView, spec: str) -> tuple[np.ndarray, str]:
    chosen = choose(view, "data", parse_region(spec, {}, CLASSES, ()), (), most=N)
    made = np.zeros(N, bool)
    made[chosen.population.rows] = True
    return made, " ".join(chosen.notes)


@pytest.mark.parametrize(("contrast", "recall"), [(40.0, 0.8), (90.0, 0.97)])
def test_stamps_on_texture_are_found_and_counted(contrast: float, recall: float) -> None:
    view, has = stamped(contrast, 0.25)
    made, told = found(view, f"like:data/0,{SPEC}")
    assert (made & has).sum() >= recall * has.sum()
    assert (made & ~has).sum() <= 0.1 * made.sum() + 1
    assert f"{made.sum()} of {N} images that were looked at show it" in told
    assert "at its own place" in told and "at most about 5 %" in told


def test_where_it_is_found_is_where_it_stands() -> None:
    view, has = stamped(90.0, 0.25, shift=0)
    places = open_places(view, "data", parse_region(f"like:data/0,{SPEC}", {}, CLASSES, ()))
    row = int(np.flatnonzero(has)[3])
    mask = places.mask(row, view.table().pixels[row], (SIDE, SIDE))
    ys, xs = np.nonzero(mask)
    assert abs(ys.min() - BOX[1]) <= 1 and abs(xs.min() - BOX[0]) <= 1
    assert abs(ys.max() + 1 - BOX[3]) <= 1 and abs(xs.max() + 1 - BOX[2]) <= 1


@pytest.mark.parametrize("seed", range(6))
def test_a_piece_that_recurs_nowhere_is_in_its_own_picture_alone(seed: int) -> None:
    view, _ = stamped(60.0, 0.0, seed=10 * seed)
    made, told = found(view, f"like:data/0,{SPEC}")
    assert made[0] and made.sum() <= 2
    assert "too few images show it to tell them from chance" in told


def test_how_alike_can_be_said() -> None:
    view, _ = stamped(40.0, 0.25)
    counts = [found(view, f"like:data/0,{SPEC}@{sure}")[0].sum() for sure in (0.95, 0.5, 0.3, 0.05)]
    assert counts[0] == 1 and counts == sorted(counts) and counts[-1] == N
    assert parse_region(f"like:data/0,{SPEC}@0.50", {}, CLASSES, ()).spec == f"like:data/0,{SPEC}@0.5"
    frame = parse_region("like:data/0,frame:0.07@0.9", {}, CLASSES, ())
    assert frame.threshold == 0.9 and frame.spec == "like:data/0,frame:0.07@0.9"


@pytest.mark.parametrize("sure", ["@0", "@1", "@2", "@nan", "@-0.2", "@", "@0.5@0.5"])
def test_a_likeness_that_is_none_is_refused(sure: str) -> None:
    with pytest.raises(RetryError, match="region:"):
        parse_region(f"like:data/0,{SPEC}{sure}", {}, CLASSES, ())


def test_images_without_it_get_it_added(tmp_path: Path) -> None:
    """Which images show it is looked for: not every image counts as showing it."""
    view, has = stamped(90.0, 0.25)
    view.folder = tmp_path  # type: ignore[attr-defined]
    made = add(view, cue=f"like:data/0,{SPEC}", class_name="bed", max_images=40, draws=1)
    assert made.fact("n").value == 40
    assert made.fact("donors").value <= has.sum() + 5


def test_plain_symmetric_tiny_and_whole_pieces_end_in_words() -> None:
    view, _ = stamped(60.0, 0.25)
    table = view.table()
    table.pixels[0, :30, :30] = 200  # plain
    disc = np.hypot(*(np.mgrid[0:21, 0:21] - 10)) <= 7
    table.pixels[0, 40:61, 40:61] = np.where(disc[..., None], (250, 240, 20), (20, 20, 90))
    for box in ("0.416667,0.416667,0.635417,0.635417", "0.5,0.5,0.505,0.505", "0,0,1,1", "0,0.5,1,0.52"):
        try:
            made, told = found(view, f"like:data/0,{box}")
        except RetryError as error:
            made, told = np.ones(1, bool), str(error)
        assert made[0] and "images that were looked at" in told, box
    with pytest.raises(RetryError, match="0 of 200 images that were looked at show it"):
        found(view, "like:data/0,0.02,0.02,0.2,0.2")  # of a larger plain area: no mark


@pytest.mark.parametrize("spec", ["rect:0.7,0.8,0.9,0.9", "point:0.8,0.8,0.1", f"like:data/0,{SPEC}"])
def test_that_the_model_sees_a_part_of_the_image_is_said(spec: str) -> None:
    view, _ = stamped(90.0, 0.25)
    region = parse_region(spec, {}, CLASSES, ())
    assert part_seen(view, "data", region) == ()
    model = view.model()
    model.prepare_box = lambda box, width, height: tuple((v - 1 / 16) / (14 / 16) for v in box)  # type: ignore[method-assign]
    (told,) = part_seen(view, "data", region)
    assert "87.5 % of the width and 87.5 % of the height" in told and "96 × 96" in told
    assert part_seen(view, "data", parse_region("border:0.1", {}, CLASSES, ())) == ()
    view.table().bad = {0}
    assert part_seen(view, "data", region) == ()


def test_mirrored_copies_that_are_the_piece_itself_say_nothing() -> None:
    view, _ = stamped(60.0, 0.0)
    disc = np.hypot(*(np.mgrid[0:21, 0:21] - 10)) <= 7
    picture = view.table().pixels[0].copy()
    picture[40:61, 40:61] = np.where(disc[..., None], (250, 240, 20), (20, 20, 90))
    detail = detail_of_piece(picture, (40 / 96, 40 / 96, 61 / 96, 61 / 96))
    assert isinstance(detail, Detail) and detail.mirrored() == []
    least = least_of(compared(detail, list(view.table().pixels[:30])))
    assert least.near is None and least.anywhere == COPY and least.chance is None and not least.recurs
    letter = detail_of_piece(stamped(90.0, 0.0)[0].table().pixels[0], tuple(v / SIDE for v in BOX))  # type: ignore[arg-type]
    assert letter is not None and len(letter.mirrored()) == 3
    own = letter.likeness(letter.pattern, letter.pattern)
    assert own[0, 0] > max(0.95, ALIKE)


def test_no_other_pictures_and_no_numbers_are_no_crash() -> None:
    assert least_of(np.zeros((0, 4, 2))).anywhere == COPY
    assert least_of(np.zeros((5, 4, 2))).near is None
