"""find_slices shows its slices as cards and as a lattice; bad pictures are passed over."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from failsight.tools.figures.sketch import Lines, sketch_of
from failsight.tools.find_slices import find_slices
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot

ROOMS = ("bathroom", "kitchen")


def world(folder: Path, n: int = 1200, weak: float = 0.8, bad: tuple[int, ...] = ()) -> FakeView:
    """Kitchens with a cat are called bathrooms."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    cat, floor = rng.random(n) < 0.4, rng.choice(["tile", "wood"], n)
    wrong = rng.random(n) < np.where(cat & (labels == 1), weak, 0.1)
    columns = {"cat": np.where(cat, "yes", "no").tolist(), "floor": floor.tolist()}
    pixels = rng.integers(0, 255, (n, 8, 8, 3)).astype(np.uint8)
    table = FakeTable(pixels, labels, ROOMS, columns, bad=bad)
    scores = one_hot(np.where(wrong, 1 - labels, labels), 2, rng.uniform(0.6, 1, n))
    return FakeView({"data": table}, scores={"data": scores}, folder=folder)


def test_the_card_of_the_planted_slice(tmp_path: Path) -> None:
    made = find_slices(world(tmp_path))
    check_evidence(made)
    titles = [f.title for f in made.figures]
    assert "Slice cards" in titles
    assert titles.index("Slice cards") == 1
    svg = (tmp_path / "slice-cards-1.svg").read_text()
    assert "kitchen with cat=yes" in svg
    assert re.search(r"taken for bathroom \((\d+) of \1 errors\)", svg)
    sketch = sketch_of(svg)
    assert isinstance(sketch, Lines)
    assert "kitchen with cat=yes" in sketch.lines[0][0].text


def test_the_rate_of_all_beside_the_slices_says_that_it_is_of_one_half(tmp_path: Path) -> None:
    made = find_slices(world(tmp_path))
    assert "; all images of the half that tests " in next(
        f.alt for f in made.figures if f.title == "Error rate by slice"
    )


def test_the_lattice_has_the_slice_its_parts_and_all_images(tmp_path: Path) -> None:
    made = find_slices(world(tmp_path))
    alt = next(f.alt for f in made.figures if f.title.startswith("Lattice"))
    assert "cat=yes" in alt
    sketch = sketch_of((tmp_path / "slice-lattice.svg").read_text())
    assert isinstance(sketch, Lines)
    first = "".join(s.text for s in sketch.lines[0])
    assert "all images" in first


def test_pictures_that_went_bad_are_passed_over(tmp_path: Path) -> None:
    view = world(tmp_path)
    find_slices(view)
    whole = (tmp_path / "slice-cards-1.svg").read_text().count("<image")
    predictions = view.predictions()
    view.predictions = lambda split="data": predictions  # type: ignore[method-assign,assignment]
    made_bad = np.flatnonzero(~predictions.correct)[::2].tolist()
    opened = view.table().open

    def fails(row: int) -> object:
        from failsight.tools.inputs.base import BadImage

        if row in made_bad:
            raise BadImage("gone")
        return opened(row)

    view.table().open = fails  # type: ignore[method-assign,assignment]
    check_evidence(find_slices(view))
    assert (tmp_path / "slice-cards-1.svg").read_text().count("<image") == whole


def test_without_slices_there_are_no_cards(tmp_path: Path) -> None:
    made = find_slices(world(tmp_path, weak=0.1))
    assert not any("card" in f.title for f in made.figures)
