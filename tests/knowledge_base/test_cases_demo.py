"""The demo case as a caller gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from failsight.knowledge_base.cases import list_cases, prepare_demo, rooms


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "COUNTS", {"train": 20, "eval": 15, "deploy": 10, "pool": 10})


@pytest.mark.usefixtures("few")
def test_everything_named_exists_and_a_second_call_keeps_it(tmp_path: Path) -> None:
    made = prepare_demo(tmp_path / "a folder")
    for path in (made.model, made.data, made.train, made.deploy, made.pool, made.history):
        assert path.is_file()
        assert path.is_relative_to(tmp_path)
    assert (made.model.parent / "model.json").is_file()
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    assert prepare_demo(tmp_path / "a folder") == made
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == times


@pytest.mark.usefixtures("few")
def test_a_damaged_model_is_put_back(tmp_path: Path) -> None:
    made = prepare_demo(tmp_path)
    good = made.model.read_bytes()
    made.model.write_bytes(b"broken")
    prepare_demo(tmp_path)
    assert made.model.read_bytes() == good


@pytest.mark.usefixtures("few")
def test_another_seed_gives_new_pictures_to_judge_by_and_the_same_to_train_on(tmp_path: Path) -> None:
    made = prepare_demo(tmp_path)
    before = {p: p.read_text() for p in (made.train, made.data, made.deploy, made.pool)}
    prepare_demo(tmp_path, seed=1)
    assert made.train.read_text() == before[made.train]
    for path in (made.data, made.deploy, made.pool):
        assert path.read_text() != before[path]


@pytest.mark.usefixtures("few")
def test_the_brief_the_classes_and_the_expectations(tmp_path: Path) -> None:
    made = prepare_demo(tmp_path)
    assert made.name in list_cases()
    assert made.classes == ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")
    assert "blind" in made.task
    assert made.expectations["accuracy"] == 0.9
    assert all(0 < bound < 1 for bound in made.expectations.values())


def test_importing_the_cases_loads_nothing_heavy() -> None:
    code = (
        "import sys, failsight.knowledge_base.cases;"
        "print([m for m in ('numpy', 'PIL', 'torch', 'scipy') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
