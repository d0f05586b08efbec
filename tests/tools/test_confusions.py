"""What is read from evidence of confusion_matrix: a row that was cut is never taken for its class."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import findings_document
from failsight.agent.narrate.experts import confusions as told_to_experts
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.report import _confused
from failsight.agent.narrate.schema import findings_schema, misfits
from failsight.agent.planners.because import _taken_for
from failsight.agent.state import fold
from failsight.tools.confusion_matrix import confusion_matrix
from failsight.tools.confusions import ALL, MATRIX, confusions, matrix
from failsight.tools.evidence import Evidence, Table
from tests.fakes.told import Teller, confused, evaluated
from tests.tools.cases import counted_view

K = 100
NAMES = tuple(f"c{i:02d}" for i in range(K))


def counts() -> np.ndarray:
    """100 classes of 40 images; those from 60 on have few errors. c00 is taken for c99 6 times, for c01 5 times."""
    made = np.zeros((K, K), int)
    for i in range(K):
        for step in range(1, 4 if i < 60 else 2):
            made[i, (i + step) % 60 if i < 60 else 60 + (i + step) % 40] += 1
    made[0, 99] = 6
    made[0, 1] = 5
    made[np.arange(K), np.arange(K)] = 40 - made.sum(1)
    return made


def measured(tmp_path: Path, wide: np.ndarray | None = None) -> Evidence:
    table = counts() if wide is None else wide
    return confusion_matrix(
        counted_view({"data": table.tolist()}, list(NAMES[: len(table)]), folder=tmp_path)
    )


def before(made: Evidence) -> Evidence:
    """As it was recorded when the table had no column of totals."""
    tables = tuple(
        Table(t.title, t.columns[:-1], tuple(r[:-1] for r in t.rows), t.units[:-1], t.caption) if t.title == MATRIX else t
        for t in made.tables
    )  # fmt: skip
    return dataclasses.replace(made, tables=tables)


def document(folder: Path, made: Evidence) -> tuple[dict, Record]:  # type: ignore[type-arg]
    t = Teller(folder)
    t.created(NAMES)
    t.call(evaluated())
    t.call(made)
    t.close()
    journal = Journal(folder, write=False)
    state = fold(journal)
    return findings_document(state, journal.events), Record(state, journal.events)


def test_a_cut_matrix_ends_with_the_images_of_each_class(tmp_path: Path) -> None:
    made = measured(tmp_path)
    table = next(t for t in made.tables if t.title == MATRIX)
    assert table.columns[-1] == ALL and len(table.rows) == 60
    read = matrix(made)
    assert read is not None and not read.whole and read.images == 40 * K
    assert set(read.totals) == {40} and len(read.names) == len(read.counts) == 60
    assert any(sum(row) < 40 for row in read.counts)


def test_a_whole_matrix_has_no_such_column(tmp_path: Path) -> None:
    made = measured(tmp_path, counts()[:60, :60])
    read = matrix(made)
    assert (
        read is not None
        and read.whole
        and ALL not in next(t for t in made.tables if t.title == MATRIX).columns
    )
    assert read.totals == tuple(map(sum, read.counts))


def test_pairs_are_of_all_classes_with_their_true_totals(tmp_path: Path) -> None:
    for made in (measured(tmp_path), before(measured(tmp_path))):
        first, second = confusions(made)[:2]
        assert (first.true, first.predicted, first.images, first.of) == ("c00", "c99", 6, 40)
        assert (second.true, second.predicted, second.images, second.of) == ("c00", "c01", 5, 40)


def test_totals_that_nobody_recorded_are_not_made_up(tmp_path: Path) -> None:
    made = before(measured(tmp_path))
    read = matrix(made)
    assert read is not None and read.totals[0] == 40  # listed among the most frequent confusions
    assert None in read.totals and all(t in (None, 40) for t in read.totals)


@pytest.mark.parametrize("old", [False, True])
def test_findings_and_reports_give_true_totals(tmp_path: Path, old: bool) -> None:
    made = measured(tmp_path)
    found, record = document(tmp_path / "case", before(made) if old else made)
    assert list(misfits(found, findings_schema())) == []
    performance = found["performance"]
    partial = performance["confusion_partial"]
    assert partial["images"] == 40 * K
    assert (
        partial["listed"] == sum(map(sum, (r.values() for r in performance["confusion"].values()))) < 40 * K
    )
    assert performance["confusion"]["c00"]["c99"] == 6 and partial["class_images"]["c00"] == 40
    text = _confused(record.state)[0].text
    assert "c00 taken for c99 (6 of 40) and c00 taken for c01 (5 of 40)" in text
    table = told_to_experts(record)
    assert table is not None and table.rows[0] == ("c00", "c99", 6, 0.15)
    assert "c99 6" in _taken_for(record.state, "c00")[0]


def test_a_whole_matrix_is_not_called_partial(tmp_path: Path) -> None:
    found, _ = document(tmp_path / "case", confused())
    assert "confusion_partial" not in found["performance"]
    assert sum(map(sum, (r.values() for r in found["performance"]["confusion"].values()))) == 600


def test_a_table_that_is_no_matrix() -> None:
    for table in (
        Table(MATRIX, ("true class",), ()),
        Table(MATRIX, ("true class", "a", "b"), (("a", 1, 2),) * 3),
    ):
        assert matrix(Evidence("confusion_matrix", "", "", tables=(table,))) is None
