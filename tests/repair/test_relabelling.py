"""Wrong training labels from the finding to the verified repair: the benchmark's parts, and one whole world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.relabelling import WAYS, Judged, World, by_lot, by_mistake, judge, markdown, read, write
from failsight.tools.evidence import Finding
from failsight.tools.repair.choosing import Asked

TRUTH = {f"{i}.png": "ab"[i % 2] for i in range(40)}
WORLD = World({}, TRUTH, {p: "a" if p in ("1.png", "3.png") else c for p, c in TRUTH.items()})


def test_somebody_who_looks_at_pictures_by_lot_gives_each_its_true_class() -> None:
    rows = by_lot(WORLD, 12, np.random.default_rng(0))
    assert len({r["path"] for r in rows}) == 12 and all(TRUTH[r["path"]] == r["label"] for r in rows)


def test_labels_changed_by_lot_are_never_what_they_were() -> None:
    rows = by_mistake(WORLD, 15, np.random.default_rng(0))
    assert len({r["path"] for r in rows}) == 15 and all(WORLD.labels[r["path"]] != r["label"] for r in rows)


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [{"path": "a,b.png", "label": "x"}, {"path": "ä.png", "label": "y"}]
    assert read(write(tmp_path / "rows.csv", rows)) == rows


def test_the_table_counts_verdicts_and_worlds() -> None:
    rows = [
        Judged(
            w, way, "f", 100, 50, 30, "verified" if way == "suspects" else "no effect",
            0.1, 0.04, 0.12, 0.01, 0, 0.3, 0.2, 0.29,
        )
        for w in (0, 1)
        for way in WAYS
    ]  # fmt: skip
    told = markdown(rows, 3)
    assert (
        "In 2 of 3 worlds" in told
        and "| the suspects | 2 | 30 | 10.0 % | 4.0 % | 12.0 % | 30.0 % | 20.0 % | 29.0 % | 2 | 0 | 0 | 0 | 0 |"
        in told
    )


def test_a_careless_annotators_images_are_no_group_while_training() -> None:
    noise = Finding(
        "label_noise", "correctness", "data_content", "s", slice={"annotator": "B"}, verdict="confirmed"
    )
    weak = Finding("weak_slice", "correctness", "unknown", "s", slice={"annotator": "B"}, verdict="confirmed")
    for finding, wanted in ((noise, None), (weak, {"annotator": "B"})):
        asked = Asked("F1", finding, None, None, None, None, 3, "auto", "usual")
        assert asked.conditions == wanted


@pytest.mark.slow
def test_relabelled_suspects_repair_a_model_and_labels_changed_by_lot_do_not() -> None:
    made = {j.way: j for j in judge(0, ("suspects", "wrong"))}
    assert made["suspects"].verdict == "verified" and made["wrong"].verdict in ("no effect", "inconclusive")
    assert (
        made["suspects"].repair <= 0.5 * made["suspects"].before
        and made["suspects"].repair < 0.5 * made["suspects"].control
    )
    assert made["suspects"].worse == 0 and made["suspects"].changed == made["wrong"].changed > 400
