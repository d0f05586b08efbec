"""Scatter, histograms, heat map, slice cards and lattice: well-formed, escaped, legible, with a sketch for terminals."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.figures.cells import Cells, cells
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.histograms import Bar, Block, histograms
from failsight.tools.figures.lattice import Node, chosen, lattice, lattice_alt, parents
from failsight.tools.figures.scatter import Cloud, named_kinds, ordered_kinds, outcome_kinds, scatter
from failsight.tools.figures.sketch import Points, drawn, sketch_of
from failsight.tools.figures.slice_cards import (
    Example,
    SliceCard,
    cards_alt,
    half_blocks,
    slice_cards,
)
from tests.figures.test_charts import NASTY, SVG, parsed, texts


def lines(svg: str, columns: int = 60, rows: int = 14) -> list[str]:
    found = sketch_of(svg)
    assert found is not None
    made = ["".join(s.text for s in one) for one in drawn(found, columns, rows)]
    assert all(len(one) <= columns for one in made)
    assert not any("\x1b" in one or "\u202e" in one for one in made)
    return made


def inside(svg: str) -> None:
    """No text begins outside of the picture."""
    root = parsed(svg)
    width, height = float(str(root.get("width"))), float(str(root.get("height")))
    for one in root.iter(f"{SVG}text"):
        assert -1 <= float(str(one.get("x"))) <= width
        assert 0 <= float(str(one.get("y"))) <= height


def test_each_dot_says_on_hovering_which_image_it_is() -> None:
    cloud = Cloud(np.array([[0.0, 0], [1, 1]]), np.array([0, 1]), outcome_kinds(), ["one", NASTY])
    svg = scatter("Map", "alt words", cloud, "note")
    inside(svg)
    hints = [t.text for t in parsed(svg).iter(f"{SVG}title")]
    assert "one" in hints
    assert '<script>"&[31m' in hints  # escaped, without its control characters
    assert {"right (1)", "wrong (1)"} <= set(texts(parsed(svg)))


def test_wrong_dots_differ_by_shape_and_classes_by_letter() -> None:
    cloud = Cloud(np.array([[0.0, 0], [1, 1]]), np.array([0, 1]), outcome_kinds(), ["a", "b"])
    root = parsed(scatter("Map", "alt", cloud))
    assert len(list(root.iter(f"{SVG}polygon"))) == 2  # the wrong one and its legend
    kinds = named_kinds([f"class {i}" for i in range(10)])
    assert len({(k.colour, k.shape) for k in kinds}) == len({k.mark for k in kinds}) == 10
    assert [k.mark for k in ordered_kinds(["low", "high"])] == ["1", "2"]


def test_in_a_terminal_every_colour_can_be_told_from_black() -> None:
    kinds = (*named_kinds([str(i) for i in range(10)]), *ordered_kinds([str(i) for i in range(5)]))
    n = len(kinds)
    cloud = Cloud(np.random.default_rng(0).normal(size=(n, 2)), np.arange(n), kinds, ["x"] * n)
    found = sketch_of(scatter("Map", "alt", cloud))
    assert isinstance(found, Points)
    for group in found.groups:
        rgb = np.array([int(group.colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        assert (linear @ [0.2126, 0.7152, 0.0722] + 0.05) / 0.05 >= 3.7


def test_a_far_point_does_not_squeeze_the_others_and_letters_do_not_cover_each_other() -> None:
    at = np.vstack([np.random.default_rng(0).normal(size=(999, 2)), [[1e6, 1e6]]])
    letters = ((0.0, 0.0, "A"), (0.0, 0.0, "B"), (0.01, 0.0, "C"))
    cloud = Cloud(at, np.zeros(1000, np.int64), outcome_kinds(), ["x"] * 1000, letters)
    svg = scatter("Map", "alt", cloud)
    inside(svg)
    x = [float(str(c.get("cx"))) for c in parsed(svg).iter(f"{SVG}circle")]
    assert np.std(x) > 60
    badges = [(t.get("x"), t.get("y")) for t in parsed(svg).iter(f"{SVG}text") if t.text in ("A", "B", "C")]
    assert len(set(badges)) == 3


def test_an_empty_map_and_a_single_point_are_drawn() -> None:
    for n in (0, 1):
        cloud = Cloud(np.zeros((n, 2)), np.zeros(n, np.int64), outcome_kinds(), ["x"] * n)
        inside(scatter("Map", "alt", cloud))


def test_histograms_print_counts_and_rates() -> None:
    block = Block(
        "television",
        "metadata",
        (
            Bar("yes", 30, Mark(0.5, 0.33, 0.67)),
            Bar("no", 60, Mark(0.1, 0.05, 0.2)),
            Bar("no value", 5, quiet=True),
        ),
    )
    svg = histograms("Histograms", "alt", [block], 0.2)
    inside(svg)
    assert {"television", "yes", "no", "no value", "30", "60", "5"} <= set(texts(parsed(svg)))
    shown = lines(svg)
    assert shown[0].startswith("television")
    assert "30" in shown[1]
    assert "50 % [33, 67]" in shown[1]
    assert "%" not in shown[3]


def test_cells_on_too_few_images_are_hatched_and_print_no_figure() -> None:
    made = Cells(
        ["kitchen", NASTY],
        ["a: yes", "a: no", "b: yes"],
        [0, 0, 1],
        np.array([[0.25, 0.75, 1.0], [0.5, np.nan, 0.0]]),
        np.array([[20, 20, 3], [20, 0, 20]]),
        "wrong",
    )
    svg = cells("Errors", "alt", made, least=10, note="note")
    inside(svg)
    shown = texts(parsed(svg))
    assert {"25", "75", "50", "0"} <= set(shown)
    assert "100" not in shown
    hints = [t.text or "" for t in parsed(svg).iter(f"{SVG}title")]
    assert any(h.endswith("too few") for h in hints)
    sketched = lines(svg)
    assert sketched[1].split()[1:] == ["25", "75", "·"]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (24, 20), (6, 40)])
def test_heat_maps_of_any_size_stay_inside(rows: int, columns: int) -> None:
    made = Cells(
        [f"a class with a very long name {i}" for i in range(rows)],
        [f"an attribute with a long name: value {j}" for j in range(columns)],
        list(range(columns)),
        np.full((rows, columns), 0.5),
        np.full((rows, columns), 50),
        "wrong",
    )
    svg = cells("Errors", "alt", made, least=10, note="note")
    inside(svg)
    lines(svg)


def example(label: str, prediction: str) -> Example:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, :15] = 255
    return Example(picture, label, prediction, 0.9)


def card(**more: object) -> SliceCard:
    given: dict[str, object] = {
        "name": "F1", "conditions": ("television=yes",), "class_name": "kitchen", "n": 120,
        "inside": Mark(0.6, 0.5, 0.7), "outside": Mark(0.2, 0.15, 0.25), "q": 0.0004,
        "mistaken": (("living_room", 0.9),), "stability": (4, 5), "notes": ("a note",),
        "examples": tuple(example("kitchen", p) for p in ["living_room"] * 9 + ["kitchen"] * 3),
    }  # fmt: skip
    return SliceCard(**{**given, **more})  # type: ignore[arg-type]


def test_a_card_says_what_the_slice_is_how_bad_and_what_it_is_taken_for() -> None:
    svg = slice_cards("Slice cards", cards_alt([card()]), [card()])
    inside(svg)
    said = " ".join(texts(parsed(svg)))
    for words in ("F1 kitchen with television=yes", "60.0 % wrong [50.0, 70.0] %", "20.0 % wrong", "q < 0.001",
                  "taken for living_room (65 of 72 errors)", "found again in 4 of 5 reseeded searches", "a note"):  # fmt: skip
        assert words in said
    assert len(list(parsed(svg).iter(f"{SVG}image"))) == 8  # six wrong, two right
    shown = lines(svg)
    assert "kitchen with television=yes" in shown[0]
    assert any(one.lstrip().startswith("✗") and "✓" in one for one in shown)


def test_a_bare_card_and_a_hostile_one_are_drawn() -> None:
    bare = SliceCard("", (), None, 0, Mark(0, 0, 1))
    evil = card(conditions=(NASTY * 20,) * 3, class_name=NASTY, mistaken=((NASTY, 1.0),), notes=(NASTY * 50,),
                examples=(Example(np.zeros((1, 400, 3), np.uint8), NASTY, "x" * 300),))  # fmt: skip
    svg = slice_cards("Cards", cards_alt([bare, evil]), [bare, evil])
    inside(svg)
    lines(svg)
    assert "all images" in " ".join(texts(parsed(svg)))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (500, 2), (3, 900), (64, 64)])
def test_thumbnails_of_any_shape_fill_their_place_exactly(shape: tuple[int, int]) -> None:
    made = half_blocks(np.full((*shape, 3), 7, np.uint8), 12, 6)
    assert [sum(len(s.text) for s in one) for one in made] == [12] * 6


def nodes() -> list[Node]:
    return [
        Node((), 1000, Mark(0.2, 0.18, 0.22)),
        Node(("a=1",), 300, Mark(0.4, 0.35, 0.45), held=True),
        Node(("b=1",), 400, Mark(0.25, 0.2, 0.3)),
        Node(("b=1", "a=1"), 100, Mark(0.7, 0.6, 0.8), held=True),
        Node(("a=1", "b=1", "c=1"), 40, Mark(0.9, 0.8, 0.95)),
    ]


def test_the_lattice_joins_each_slice_with_those_of_one_condition_less() -> None:
    kept = chosen(nodes())
    assert [len(n.conditions) for n in kept] == [0, 1, 1, 2, 3]
    pair = next(n for n in kept if len(n.conditions) == 2)
    assert {kept[p].words for p in parents(pair, kept)} == {"a=1", "b=1"}
    svg = lattice("Lattice", lattice_alt(nodes()), nodes())
    inside(svg)
    assert "a=1 40.0 % of 300" in lattice_alt(nodes())
    assert "40 % [35, 45] wrong, n = 300" in texts(parsed(svg))
    assert len(list(parsed(svg).iter(f"{SVG}line"))) == 2 + 2 + 1


def test_the_tree_names_only_what_each_slice_adds() -> None:
    shown = lines(lattice("Lattice", "alt", nodes()))
    assert shown[0].split() == ["20", "%", "all", "images", "[18,", "22]", "1,000"]
    assert shown[1].split() == ["├─", "40", "%", "a=1", "●", "[35,", "45]", "300"]
    assert shown[2].split() == ["│", "└─", "70", "%", "b=1", "●", "[60,", "80]", "100"]
    assert shown[3].split() == ["│", "└─", "90", "%", "c=1", "[80,", "95]", "40"]
    assert shown[4].startswith("└─")


def test_a_crowded_lattice_shows_what_holds_and_the_worst() -> None:
    many = [
        Node((f"attribute_{i}=a long value ({i})",), 50, Mark(i / 100, 0, 1), held=i == 0) for i in range(60)
    ]
    pairs = [Node((f"attribute_{i}=a long value ({i})", NASTY), 20, Mark(0.5, 0, 1)) for i in range(60)]
    svg = lattice("Lattice", "alt", [Node((), 9, Mark(0.1, 0, 1)), *many, *pairs])
    inside(svg)
    kept = chosen([*many, *pairs])
    assert len(kept) == 22
    assert kept[0].error.value == 0.0 or any(n.held for n in kept)
    lines(svg)
