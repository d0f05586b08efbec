"""Evidence on a pipe is as wide as its tables need; COLUMNS is obeyed."""

from __future__ import annotations

import io

import pytest

from failsight.agent.ui.wide import LEAST, print_evidence, width_of
from failsight.tools.evidence import Evidence, Table

LONG = "a name of a group of pictures that no eighty columns hold beside the others " * 2
WIDE = Evidence(
    "find_slices", "Groups", "Some.",
    tables=(Table("Groups", ("one", "two", "three"), ((LONG, LONG, 0.5),), ("text", "text", "share")),),
)  # fmt: skip


def test_no_cell_is_broken_on_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    print_evidence(WIDE, out)
    assert any(line.count(LONG.strip()) == 2 for line in out.getvalue().splitlines())
    assert width_of(Evidence("t", "x", "y")) == LEAST


def test_columns_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    print_evidence(WIDE, out)
    assert max(map(len, out.getvalue().splitlines())) <= 60
    monkeypatch.setenv("COLUMNS", "wide")
    assert width_of(WIDE) > 150
