"""failsight train-robust: from a folder of images to a model that explains failures."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from PIL import Image

from failsight.agent.commands.robust import arguments, run
from failsight.tools.errors import UserError
from tests.experiments.test_robust_training import rooms
from tests.fakes.view import Recorder


def folder(home: Path, n: int = 60) -> Path:
    table = rooms(n)
    for i in range(n):
        place = home / "images" / table.classes[table.labels[i]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(table.pixels[i]).save(place / f"{i}.png")
    (home / "images" / "red" / "broken.png").write_bytes(b"no image")
    return home / "images"


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    arguments(parser)
    return parser.parse_args(list(words))


def test_a_model_is_made_with_progress_and_said_how_to_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Recorder()
    given = parsed(
        "--data", str(folder(tmp_path)), "--out", str(tmp_path / "out"), "--epochs", "2", "--side", "16"
    )
    assert run(given, progress) == 0
    told = capsys.readouterr()
    assert "weights.safetensors: give it to explain_failures" in told.out and "epoch 2" in told.err
    assert re.search(r"6 held-out images: [\d.]+ % \[.*\] % right, [\d.]+ % \[.*\] % after", told.out)
    assert any(label == "training a robust feature model" for label, _, _ in progress.jobs)
    assert (tmp_path / "out" / "weights.safetensors").is_file()


def test_options_out_of_range_and_missing_data_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="options"):
        run(parsed("--data", "x", "--out", str(tmp_path / "o"), "--epochs", "0"))
    with pytest.raises(UserError, match="most at least 20"):
        run(parsed("--data", "x", "--out", str(tmp_path / "o"), "--most", "5"))
    with pytest.raises(UserError):
        run(parsed("--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "o")))
