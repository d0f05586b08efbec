"""Figures: well-formed, escaped, bounded, with words for people who can't see them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from failsight.tools.figures.charts import MOST_ROWS, Mark, heat_map, rates, reliability
from failsight.tools.figures.svg import SERIES, Canvas, shade

NASTY = '<script>"&\x1b[31m\u202e'
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert [c.tag for c in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    return root


def texts(root: ET.Element) -> list[str]:
    return ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]


def test_rates_draw_one_dot_a_mark_at_its_place() -> None:
    made = rates(
        "Recall",
        "words",
        ["a", "b"],
        [("one", [Mark(0, 0, 0.1), Mark(1, 0.9, 1)]), ("two", [None, Mark(0.5, 0.4, 0.6)])],
        "axis",
    )
    root = parsed(made)
    dots = [
        c
        for c in root.iter(f"{SVG}circle")
        if c.find(f"{SVG}title") is not None and c.find(f"{SVG}title").text
    ]  # type: ignore[union-attr]
    assert len(dots) == 3
    x = sorted(float(str(d.get("cx"))) for d in dots)
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)
    assert {"a", "b", "one", "two", "axis", "0 %", "100 %"} <= set(texts(root))
    assert float(str(root.get("width"))) >= max(x)


def test_a_heat_map_prints_counts_and_shades_by_row() -> None:
    root = parsed(heat_map("Matrix", "words", ["a", "b"], np.array([[3, 1], [0, 0]])))
    assert {"3", "1"} <= set(texts(root))
    assert "0" not in texts(root)
    fills = [r.get("fill") for r in root.iter(f"{SVG}rect")]
    assert shade(0.75)[0] in fills and shade(0.25)[0] in fills


def test_reliability_puts_dots_on_the_diagonal_when_calibrated() -> None:
    root = parsed(
        reliability("Reliability", "words", [(0.5, Mark(0.5, 0.4, 0.6), 10), (1.0, Mark(1.0, 0.9, 1.0), 30)])
    )
    dots = [(float(str(c.get("cx"))), float(str(c.get("cy")))) for c in root.iter(f"{SVG}circle")]
    (x0, y0), (x1, y1) = dots
    assert (x1 - x0) == pytest.approx(y0 - y1)


def test_foreign_text_is_escaped_and_cleaned_everywhere() -> None:
    for svg in (
        rates(NASTY, NASTY, [NASTY], [(NASTY, [Mark(0.5, 0.4, 0.6)]), (NASTY, [None])], NASTY),
        heat_map(NASTY, NASTY, [NASTY, "b"], np.ones((2, 2), int)),
        reliability(NASTY, NASTY, []),
    ):
        parsed(svg)
        assert "<script" not in svg and "\x1b" not in svg and "\u202e" not in svg


def test_sizes_are_bounded_and_nothing_is_fine() -> None:
    names = [f"class {i}" for i in range(500)]
    parsed(rates("t", "a", names, [("s", [Mark(0.5, 0.4, 0.6)] * 500)], "x"))
    big = heat_map("t", "a", names, np.ones((500, 500), int))
    assert big.count("<rect") <= MOST_ROWS**2 + MOST_ROWS + 1
    parsed(rates("t", "a", [], [("s", [])], "x"))
    parsed(heat_map("t", "a", [], np.zeros((0, 0), int)))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_figures_in_cells_can_be_read(share: float) -> None:
    fill, ink = (luminance(c) for c in shade(float(share)))
    assert (max(fill, ink) + 0.05) / (min(fill, ink) + 0.05) >= 4.5  # WCAG AA


def test_colours_differ_in_lightness_too() -> None:
    values = sorted(luminance(c) for c in SERIES[:2])
    assert values[1] - values[0] > 0.05
    assert shade(-1) == shade(0) and shade(2)[0] == shade(1)[0]


def test_a_canvas_clips_negative_sizes() -> None:
    canvas = Canvas(10, 10)
    canvas.rect(0, 0, -5, 3, "#000000")
    assert 'width="0.0"' in canvas.svg("t", "a")
