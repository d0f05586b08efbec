"""The speed table: what is kept, missed, guarded; the page and the picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from benchmarks.speed.sections import SECTIONS
from benchmarks.speed.shown import PROMISES, judged, page, picture, regressions, shown

FIGURES = {
    "slices_over_counting": 1.4,
    "pysubgroup_dfs_over_slices": 5.0,
    "help_s": 0.25,
    "curve:rows": [[10_000, 0.05], [100_000, 0.2], [1_000_000, 1.9]],
}


def promise(name: str):  # type: ignore[no-untyped-def]
    return next(p for p in PROMISES if p.name == name)


def test_a_figure_is_kept_missed_or_absent() -> None:
    assert judged(promise("slices_over_counting"), FIGURES) == "kept"
    assert judged(promise("pysubgroup_dfs_over_slices"), FIGURES) == "missed"
    assert judged(promise("cam"), FIGURES) == "absent"
    assert judged(promise("turn_growth"), {"turn_growth": 2.0}) == "told"


def test_the_guard_sees_what_got_half_as_good_again_and_what_is_no_longer_measured() -> None:
    assert regressions(FIGURES, {"slices_over_counting": 1.0, "pysubgroup_dfs_over_slices": 7.0}) == []
    worse = regressions(FIGURES, {"slices_over_counting": 0.9, "pysubgroup_dfs_over_slices": 8.0, "cam": 1.0})
    assert len(worse) == 3
    assert "not measured" in worse[-1]


def test_seconds_of_the_clock_are_never_guarded() -> None:
    assert not any(p.guarded for p in PROMISES if p.unit != "×")
    assert len({p.name for p in PROMISES}) == len(PROMISES)


def test_the_table_names_what_was_missed_and_what_failed() -> None:
    text = shown({**FIGURES, "failed:saliency": "no captum"}, {"python": "3.11"})
    assert "MISSED" in text
    assert "saliency: FAILED: no captum" in text
    assert "power 0.98" in text


def test_the_page_and_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "speed.md"
    path.write_text("a\n<!-- measured: begin -->\n<!-- measured: end -->\nb\n")
    page(path, FIGURES, {"python": "3.11"})
    assert "| 1.4 × | ≤ 3 × | kept | yes |" in path.read_text()
    drawn = ET.fromstring(picture(FIGURES))
    assert "with rows" in "".join(drawn.itertext())


def test_every_part_has_a_name() -> None:
    assert {"slices", "saliency", "turns"} <= set(SECTIONS)
