"""A finding about a region (a mark that nobody boxed) can be repaired: it is sought in the training pictures."""

from __future__ import annotations

import numpy as np

from failsight.tools.evidence import Finding
from failsight.tools.propose_correction import propose_correction
from failsight.tools.repair.marked import region_boxes, region_of
from failsight.tools.repair.piles import read_pile
from tests.tools.test_find_marks import world

RED = {"region": "colour:red"}


def test_only_regions_that_are_sought_in_pictures_count() -> None:
    assert region_of(RED) == "colour:red" and region_of({"region": "like:train/3,0,0,0.2,0.2"})
    assert (
        not region_of({"region": "border:0.1"})
        and not region_of({"television": "yes"})
        and not region_of(None)
    )
    assert not region_of({**RED, "lighting": "dark"})


def test_boxes_lie_where_the_mark_is() -> None:
    view = world(800.0)
    table = view.table("train")
    red = (table.pixels[..., 0] > 180) & (table.pixels[..., 1] < 70) & (table.pixels[..., 2] < 80)
    rows = np.arange(len(table))
    for mask, boxes in zip(red, region_boxes(view, "train", "colour:red", rows), strict=True):
        assert bool(boxes) == (mask.sum() > 20)
        if boxes:
            x0, y0, x1, y1 = np.array(boxes[0]) * 32
            assert mask[int(y0) : int(y1), int(x0) : int(x1)].mean() > 0.9


def test_a_pile_knows_the_marked_training_pictures() -> None:
    view = world(800.0)
    table = view.table("train")
    rows = np.flatnonzero(table.labels >= 0)
    pile = read_pile(view, table, rows, table.labels[rows], RED, split="train")
    assert 0.5 < pile.inside[pile.labels == 0].mean() < 0.9 and not pile.inside[pile.labels != 0].any()
    assert [bool(b) for b in pile.boxes] == pile.inside.tolist()


def test_corrections_speak_of_the_mark() -> None:
    view = world(800.0)
    made = Finding(
        "spurious_correlation", "features", "data_content", "A red patch.", class_name="kitchen", verdict="confirmed",
        slice={"region": "like:train/0,0.1,0.1,0.3,0.3"}, n=100, error_rate=0.9, base_error_rate=0.1,
    )  # fmt: skip
    view.stated = [("F1", made)]
    actions = " ".join(c.action for c in propose_correction(view, finding="F1").corrections)
    assert "the mark" in actions and "like:" not in actions
    assert any(c.strategy == "cut_and_paste" for c in propose_correction(view, finding="F1").corrections)
