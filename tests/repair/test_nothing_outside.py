"""A whole repair, from the finding to the verdict: nothing is written but in the case's folder, and what was given stays as it was."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from failsight.agent.opening import open_case
from failsight.tools.evidence import Evidence
from tests.repair import square_world as world

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
)
_watchers: list[list[str]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, int) or not ((flags or 0) & WRITES or set(mode or "") & set("wax+")):
            return
        paths = [path]
    elif event == "shutil.rmtree":
        paths = [arguments[0]]
    elif event in CHANGES and arguments[-1] < 0:  # not relative to an open folder, as in shutil.rmtree
        paths = [p for p in arguments[:2] if isinstance(p, (str, bytes, os.PathLike))]
    else:
        return
    _watchers[-1] += [os.path.abspath(os.fsdecode(p)) for p in paths]


sys.addaudithook(_hear)


@contextmanager
def written() -> Iterator[list[str]]:
    """Every path that is opened for writing, made, moved or removed."""
    made: list[str] = []
    _watchers.append(made)
    try:
        yield made
    finally:
        _watchers.remove(made)


def _files(folder: Path) -> None:
    """A model, and pictures in three folders with a manifest each, as a person would give them."""
    world.save(folder / "model", "safetensors")
    splits = {
        "data": world.pictures(120, 2, tied=False),
        "train": world.pictures(80, 1, tied=True),
        "pool": world.pictures(40, 3, tied=False),
    }
    for split, table in splits.items():
        (folder / split).mkdir()
        with (folder / split / "manifest.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["path", "label", "square", "boxes"])
            for i, name in enumerate(table.paths):
                Image.fromarray(table.pixels[i]).save(folder / split / name)
                label, square = world.CLASSES[table.labels[i]], table.columns["square"][i]
                out.writerow([name, label, square, json.dumps(table.boxes[i])])  # type: ignore[index]


@pytest.mark.slow
def test_a_whole_repair_writes_in_the_case_alone_and_leaves_model_and_data_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, folder, elsewhere = tmp_path / "given", tmp_path / "case", tmp_path / "elsewhere"
    for place in (given, elsewhere):
        place.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(elsewhere))
    _files(given)
    before = world.hashes(given)
    inputs = {name: str(given / name) for name in ("data", "train", "pool")}
    model = str(given / "model" / "net.safetensors")
    with written() as paths, open_case(out=folder, model=model, trust_code=True, **inputs) as case:

        def call(tool: str, **arguments: Any) -> Evidence:
            return case.call(tool, arguments, by="person")[0]

        call("find_slices")
        assert any(f.verdict == "confirmed" for _, f in case.findings())
        call("propose_correction")
        call("select_data", budget=20)
        call("generate_repair_data", finding="F1", attributes=["square=yes"], count=8)
        call("retrain", finding="F1", data=str(given / "pool" / "manifest.csv"), budget=20, epochs=1)
        told = call("verify_correction", max_images=8)
        call("compare_models", after="R1.1")
    assert told.fact("verdict", "R1").value
    assert any("history.csv" in p for p in paths), "the watch does not hear"
    own = os.environ["FAILSIGHT_HOME"]  # the program's index of its knowledge base; nothing of the case
    assert not {p for p in paths if not p.startswith((str(folder), own, "/dev/"))}
    assert world.hashes(given) == before and len(before) > 400
    assert not list(elsewhere.iterdir())
