"""``failsight select``: the list is whole, says in words what it holds, and comes back as labels for retraining."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, get_args

import pytest

from failsight.agent.cli import build_parser
from failsight.agent.commands.select import HEADER, export, in_words
from failsight.tools.errors import UserError
from failsight.tools.repair.additions import labelled_images
from failsight.tools.selection.methods import Method
from tests.fakes.case import CLASSES, FakeCase, television_world

GIVEN: dict[str, Any] = {"budget": 20, "method": "failsight", "beta": 0.9, "split": "pool"}


class PoolCase(FakeCase):
    def splits(self) -> Any:
        return list(self._tables)


@pytest.fixture
def case(tmp_path: Path) -> PoolCase:
    table, model = television_world(400)
    pool, _ = television_world(150, seed=1)
    pool.labels[:] = -1
    pool.paths[:] = [f"unsorted/{i:03d}, a.png" for i in range(150)]  # a comma is no end of a cell
    return PoolCase(tmp_path / "case", {"data": table, "pool": pool}, model)


def test_a_list_for_people_that_comes_back_as_labels(case: PoolCase, tmp_path: Path) -> None:
    out = tmp_path / "to label.csv"
    made, n = export(case, out, GIVEN)
    rows = list(csv.DictReader(out.open()))
    assert n == len(rows) == 20 and tuple(rows[0]) == HEADER
    assert [int(r["rank"]) for r in rows] == list(range(1, 21)) and all(r["label"] == "" for r in rows)
    assert {r["path"] for r in rows} <= set(case.table("pool").paths)
    assert all(r["taken_for"] in CLASSES and 0.5 <= float(r["confidence"]) <= 1 for r in rows)
    assert all(bool(r["share"]) == bool(r["chosen_as"]) for r in rows)
    said = in_words(made)
    assert said[0] == made.summary and any("taken for" in line or "with" in line for line in said[1:])
    for row in rows[:12]:
        row["label"] = CLASSES[0]
    back = tmp_path / "labelled.csv"
    with back.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    added = labelled_images(case, str(back), None, None)
    assert added.split == "pool" and len(added.rows) == 12 and set(added.labels.tolist()) == {0}


def test_an_emptied_cache_costs_nothing_but_the_tail(case: PoolCase, tmp_path: Path) -> None:
    export(case, tmp_path / "one.csv", GIVEN)
    case.cached = lambda key: None  # type: ignore[method-assign]
    export(case, tmp_path / "two.csv", GIVEN)
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()


def test_what_somebody_filled_in_is_not_written_over(case: PoolCase, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    out.write_text("mine")
    with pytest.raises(UserError, match="exists"):
        export(case, out, GIVEN)
    assert out.read_text() == "mine"
    with pytest.raises(UserError):
        export(case, tmp_path / "nowhere" / "list.csv", GIVEN)


def test_what_the_case_lacks_is_one_sentence(tmp_path: Path) -> None:
    table, model = television_world(60)
    bare = FakeCase(tmp_path / "case", {"data": table}, model)
    with pytest.raises(UserError, match="needs a pool"):
        export(bare, tmp_path / "list.csv", GIVEN)
    with pytest.raises(UserError, match="budget"):
        export(bare, tmp_path / "list.csv", {**GIVEN, "budget": 0})


def test_the_parser_knows_the_tools_methods() -> None:
    for method in get_args(Method):
        assert build_parser().parse_args(["select", "CASE", "a.csv", "--method", method]).method == method
