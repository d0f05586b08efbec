"""One pass over the data: right, resumable, in bounded memory, and nothing lost when it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.engine import iter_pixels, predict
from failsight.tools.engine.local import batch_size, cache_key, part_size
from failsight.tools.errors import UserError
from tests.engine.doubles import ChannelModel, Drawn, Watcher


def test_rows_labels_scores_and_progress() -> None:
    table, watcher = Drawn(150), Watcher()
    made = predict(table, ChannelModel(), split="deploy", progress=watcher)
    assert made.split == "deploy"
    assert made.rows.tolist() == list(range(150))
    assert made.correct.all()
    assert made.scores.dtype == np.float32
    np.testing.assert_allclose(made.scores.sum(1), 1, rtol=1e-5)
    assert (watcher.done, watcher.total) == (150, 150)
    assert made.seconds > 0
    assert not made.cached


def test_unreadable_images_are_listed_and_left_out() -> None:
    table, watcher = Drawn(100, bad=(0, 40, 99)), Watcher()
    made = predict(table, ChannelModel(), progress=watcher)
    assert [item.path for item in made.left_out] == ["0.png", "40.png", "99.png"]
    assert {item.reason for item in made.left_out} == {"the file is cut short"}
    assert len(made) == 97
    assert not set(made.rows) & {0, 40, 99}
    assert made.correct.all()
    assert watcher.done == 100


def test_scores_that_are_not_finite_are_listed_and_left_out() -> None:
    class Unsure(ChannelModel):
        def scores(self, pixels: np.ndarray) -> np.ndarray:
            made = super().scores(pixels)
            made[made.argmax(1) == 1, 0] = np.nan
            made[made.argmax(1) == 2, 1] = np.inf
            return made

    made = predict(Drawn(60), Unsure())
    assert len(made) == 20
    assert made.rows.tolist() == list(range(0, 60, 3))
    assert len(made.left_out) == 40
    assert "not finite" in made.left_out[0].reason


def test_nothing_to_score_is_for_the_person() -> None:
    with pytest.raises(
        UserError, match=r"Not one of the 9 images could be scored .the first: the file is cut short"
    ):
        predict(Drawn(9, bad=range(9)), ChannelModel())


def test_a_finished_pass_is_read_back(tmp_path: Path) -> None:
    table, model = Drawn(700, bad=(3,)), ChannelModel()
    first = predict(table, model, cache_folder=tmp_path)
    ran, opened = len(model.batches), table.opened
    again = predict(table, model, cache_folder=tmp_path)
    assert (len(model.batches), table.opened) == (ran, opened)
    assert again.cached
    np.testing.assert_array_equal(again.scores, first.scores)
    np.testing.assert_array_equal(again.rows, first.rows)
    assert again.left_out == first.left_out
    assert [p.suffix for p in tmp_path.iterdir()] == [".npz"]  # the pieces are gone


def test_the_key_follows_model_data_and_preprocessing() -> None:
    from dataclasses import replace

    model = ChannelModel()
    keys = {
        cache_key(Drawn(9), model),
        cache_key(Drawn(10), model),
        cache_key(Drawn(9), ChannelModel(fingerprint="b")),
    }
    model.preprocessing = replace(model.preprocessing, mean=(0, 0, 0))
    keys.add(cache_key(Drawn(9), model))
    model.outputs = "probabilities"
    keys.add(cache_key(Drawn(9), model))
    assert len(keys) == 5
    assert cache_key(Drawn(9), ChannelModel()) in keys


@pytest.mark.parametrize("stop", [1, 600, 1299])
def test_an_interrupted_pass_goes_on_where_it_stopped(stop: int, tmp_path: Path) -> None:
    expected = predict(Drawn(1300, bad=(5, 700)), ChannelModel())
    table, before = Drawn(1300, bad=(5, 700)), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        predict(table, ChannelModel(), cache_folder=tmp_path, progress=Watcher(stop))
    assert threading.active_count() <= before  # the decoding threads are gone
    table.opened = 0
    watcher = Watcher()
    made = predict(table, ChannelModel(), cache_folder=tmp_path, progress=watcher)
    assert table.opened == 1300 - stop // 512 * 512
    assert watcher.done == 1300
    np.testing.assert_array_equal(made.scores, expected.scores)
    np.testing.assert_array_equal(made.rows, expected.rows)
    assert made.left_out == expected.left_out


CHILD = """
import sys
from pathlib import Path
from tests.engine.doubles import ChannelModel, Drawn
from failsight.tools.engine import predict
predict(Drawn(2000), ChannelModel(delay=0.02), cache_folder=Path(sys.argv[1]))
"""


def test_kill_minus_nine_loses_at_most_a_piece(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], cwd=Path(__file__).parents[2])
    for _ in range(600):
        pieces = list(tmp_path.glob("*.parts/[0-9]*.npz"))
        if len(pieces) >= 2:
            break
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    pieces = len(list(tmp_path.glob("*.parts/[0-9]*.npz")))
    assert 2 <= pieces < 4
    table = Drawn(2000)
    made = predict(table, ChannelModel(), cache_folder=tmp_path)
    assert table.opened == 2000 - pieces * 512
    np.testing.assert_array_equal(made.scores, predict(Drawn(2000), ChannelModel()).scores)


@pytest.mark.parametrize("damage", ["cut", "zero", "text", "flip", "other shape"])
def test_damaged_pieces_and_results_are_computed_anew(damage: str, tmp_path: Path) -> None:
    def harm(path: Path) -> None:
        content = bytearray(path.read_bytes())
        if damage == "cut":
            content = content[: len(content) // 2]
        elif damage == "zero":
            content = bytearray()
        elif damage == "text":
            content = bytearray(b"hello")
        elif damage == "flip":
            content[len(content) // 3] ^= 0xFF
        if damage == "other shape":
            np.savez(path, rows=np.arange(3), scores=np.zeros((3, 7), np.float32))
        else:
            path.write_bytes(content)

    expected = predict(Drawn(600), ChannelModel())
    with pytest.raises(KeyboardInterrupt):
        predict(Drawn(600), ChannelModel(), cache_folder=tmp_path, progress=Watcher(550))
    harm(next(tmp_path.glob("*.parts/*.npz")))
    table = Drawn(600)
    made = predict(table, ChannelModel(), cache_folder=tmp_path)
    assert table.opened == 600
    np.testing.assert_array_equal(made.scores, expected.scores)
    harm(next(tmp_path.glob("*.npz")))
    again = predict(Drawn(600), ChannelModel(), cache_folder=tmp_path)
    assert not again.cached
    np.testing.assert_array_equal(again.scores, expected.scores)


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"can't be written.*--out") as caught:
        predict(Drawn(20), ChannelModel(), cache_folder=tmp_path / "cache" / "predictions")
    assert "\n" not in str(caught.value)


def test_a_full_disk_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, written = np.savez, []

    def full(file: object, **arrays: np.ndarray) -> None:
        if len(written) == 1:
            raise OSError(28, "No space left on device")
        written.append(1)
        real(file, **arrays)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"No space left on device.*what is done so far is kept"):
        predict(Drawn(1300), ChannelModel(), cache_folder=tmp_path)
    monkeypatch.setattr(np, "savez", real)
    assert [p.suffix for p in tmp_path.rglob("*") if p.is_file()] == [".npz"]  # no half-written file stays
    table = Drawn(1300)
    predict(table, ChannelModel(), cache_folder=tmp_path)
    assert table.opened == 1300 - 512


def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        predict(Drawn(count, side=96), ChannelModel(side=96), cache_folder=tmp_path / str(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(250), peak(1000)
    held = 750 * 96 * 96 * 3  # what keeping the pixels would cost
    assert many - few < held / 10


def test_a_slow_model_never_lets_decoding_run_ahead() -> None:
    table = Drawn(2000)
    ahead: list[int] = []

    class Slow(ChannelModel):
        def logits(self, pixels: np.ndarray) -> np.ndarray:
            ahead.append(table.opened - sum(self.batches))
            return super().logits(pixels)

    predict(table, Slow(delay=0.005))
    assert max(ahead) <= 64 * 4


def test_a_gpu_out_of_memory_halves_the_batch_and_says_so() -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    class Small(ChannelModel):
        def logits(self, pixels: np.ndarray) -> np.ndarray:
            if len(pixels) > 20:
                raise OutOfMemoryError
            return super().logits(pixels)

    said: list[str] = []
    model = Small()
    made = predict(Drawn(200), model, say=said.append)
    assert made.correct.all()
    assert said == [
        "The GPU ran out of memory; going on with batches of 32.",
        "The GPU ran out of memory; going on with batches of 16.",
    ]
    assert max(model.batches) == 16


def test_other_errors_of_the_model_are_not_hidden() -> None:
    class Broken(ChannelModel):
        def logits(self, pixels: np.ndarray) -> np.ndarray:
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        predict(Drawn(200), Broken())
    assert not [t for t in threading.enumerate() if t.name.startswith("failsight-decode")]


def test_batches_and_pieces_by_rule() -> None:
    assert [batch_size(ChannelModel(side=s)) for s in (8, 32, 128, 224, 384, 1024)] == [64, 64, 32, 8, 8, 8]
    for side in (32, 224, 500):
        model = ChannelModel(side=side)
        assert part_size(model, batch_size(model)) % batch_size(model) == 0


def test_pixels_by_rows_in_any_order_skip_what_can_not_be_read() -> None:
    table, model = Drawn(50, bad=(7, 8, 9)), ChannelModel()
    wanted = np.array([20, 7, 3, 8, 9, 40, 41])
    parts = list(iter_pixels(table, model, wanted, batch=2))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == [20, 3, 40, 41]
    for rows, pixels in parts:
        for row, one in zip(rows, pixels, strict=True):
            np.testing.assert_array_equal(one, model.prepare(table.open(int(row))))
    assert list(iter_pixels(table, model, np.array([7, 8]))) == []


def test_pixels_can_be_left_half_read() -> None:
    source = iter_pixels(Drawn(500), ChannelModel(), np.arange(500), batch=16)
    next(source)
    source.close()
    time.sleep(0.05)
    assert not [t for t in threading.enumerate() if t.name.startswith("failsight-decode")]


def test_an_empty_table_gives_an_empty_prediction(tmp_path: Path) -> None:
    made = predict(Drawn(0), ChannelModel(), cache_folder=tmp_path)
    assert len(made) == 0
    assert made.scores.shape == (0, 3)
