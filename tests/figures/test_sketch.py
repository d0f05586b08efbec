"""Sketches: the same figure in characters, told apart without colours, harmless whatever a file says."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.agent.ui.pictures import Album, sketch
from failsight.tools.evidence import Evidence, Figure
from failsight.tools.figures.sketch import (
    Group,
    Lines,
    Points,
    Span,
    bar,
    drawn,
    line,
    sketch_of,
    with_sketch,
)

GROUPS = (Group("right", "#56B4E9", ""), Group("wrong", "#D55E00", "x"))


def text(sketched: object, columns: int = 20, rows: int = 6) -> list[str]:
    return ["".join(s.text for s in one) for one in drawn(sketched, columns, rows)]  # type: ignore[arg-type]


def points(x: list[int], y: list[int], group: list[int], **more: object) -> Points:
    return Points(np.array(x, np.int64), np.array(y, np.int64), np.array(group, np.int64), GROUPS, **more)  # type: ignore[arg-type]


def test_points_lie_where_they_belong_and_wrong_ones_have_a_sign_of_their_own() -> None:
    made = text(points([0, 1000], [0, 1000], [0, 1]))
    assert made[0][0] == "⠁"  # the upper left dot of a braille character
    assert made[5][19] == "x"
    assert "x wrong" in made[6]
    assert all(len(row) == 20 for row in made[:6])


def test_a_few_wrong_ones_among_many_right_ones_do_not_hide_them() -> None:
    made = text(points([500] * 9, [500] * 9, [0] * 8 + [1]), 1, 4)
    assert "x" not in made[1]
    assert "x" in text(points([500] * 9, [500] * 9, [0] * 4 + [1] * 5), 1, 4)[1]


def test_regions_are_lettered() -> None:
    assert text(points([0], [0], [0], labels=((1000, 1000, "A"),)))[5][19] == "A"


def test_a_sketch_survives_its_svg() -> None:
    made = points([1, 2, 999], [3, 4, 5], [0, 1, 1], labels=((7, 8, "A"),))
    back = sketch_of(with_sketch("<svg></svg>", made))
    assert isinstance(back, Points)
    assert (back.x.tolist(), back.group.tolist(), back.labels) == ([1, 2, 999], [0, 1, 1], ((7, 8, "A"),))
    lines = Lines((line("  two  spaces ", ("red", "#FF0000", "#000000")),))
    assert sketch_of(with_sketch("<svg></svg>", lines)) == lines


def test_long_lines_are_cut_with_a_sign() -> None:
    assert text(Lines((line("abcdefgh", ("ijkl", "#000000")),)), 10) == ["abcdefghi…"]
    assert text(Lines((line("abcdefgh", ("ij", "#000000")),)), 10) == ["abcdefghij"]


def test_bars_grow_in_eighths() -> None:
    assert [bar(s, 2) for s in (0, 0.5, 0.57, 1, 7, -1, float("nan"))] == ["", "█", "█▏", "██", "██", "", ""]


@pytest.mark.parametrize(
    "raw",
    [
        "no json",
        "[]",
        "{}",
        '{"lines": 3}',
        '{"lines": [[["a"]]]}',
        '{"x": [1], "y": [1, 2], "group": [0], "groups": [["a", "#000000", "x"]], "labels": []}',
        '{"x": [1], "y": [1], "group": [4], "groups": [["a", "#000000", "x"]], "labels": []}',
        '{"x": [1e400], "y": [1], "group": [0], "groups": [["a", "#000000", "x"]], "labels": []}',
        '{"x": [{}], "y": [1], "group": [0], "groups": [["a", "#000000", "x"]], "labels": []}',
        "[" * 100_000,
    ],
)
def test_what_is_no_sketch_is_none(raw: str) -> None:
    assert sketch_of(f"<svg><metadata>{escape(raw)}</metadata></svg>") is None


def test_a_sketch_can_neither_steer_the_terminal_nor_smuggle_a_style() -> None:
    evil = {"lines": [[["\x1b[2J\u202eboo", "red; blink", "#00000G"]]]}
    made = sketch_of(f"<svg><metadata>{escape(json.dumps(evil))}</metadata></svg>")
    assert made == Lines(((Span("[2Jboo"),),))


def test_a_file_too_large_to_be_one_is_not_read() -> None:
    assert sketch_of("<svg><metadata>{}</metadata>" + " " * 5_000_000) is None


def test_the_terminal_shows_the_sketch_and_without_colours_drops_half_blocks(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    made = Lines((line("words"), line(("▀▀", "#FF0000", "#00FF00"), "  "), line("more")))
    (tmp_path / "figures" / "a.svg").write_text(with_sketch("<svg></svg>", made))
    (tmp_path / "figures" / "b.svg").write_text("<svg></svg>")
    Image.new("RGB", (4, 4)).save(tmp_path / "figures" / "c.png")
    figures = tuple(
        Figure("t", f"figures/{n}", "what it shows") for n in ("a.svg", "b.svg", "c.png", "d.svg")
    )
    evidence = Evidence("t", "t", "s", figures=figures)
    album = Album(tmp_path)
    coloured = album.load(evidence, 40, 10)
    assert set(coloured) == {"figures/a.svg", "figures/c.png"}
    assert coloured["figures/a.svg"].plain.split("\n") == ["words", "▀▀  ", "more"]
    plain = album.sketches(evidence, 40, 10)
    assert {k: v.plain for k, v in plain.items()} == {"figures/a.svg": "words\nmore"}
    assert sketch(tmp_path / "nowhere.svg", 40, 10) is None
