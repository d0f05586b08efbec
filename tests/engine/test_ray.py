"""The Ray engine on a real cluster of two workers: same tables, dead workers, Ctrl-C, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.attributes.computed import image_measures
from failsight.tools.attributes.embedding import image_embeddings
from failsight.tools.engine import predict, ray_session
from failsight.tools.engine.choice import EncoderSpec, LocalEngine
from failsight.tools.engine.ray_engine import RayEngine
from failsight.tools.errors import UserError
from failsight.tools.inputs import open_images
from tests.engine.doubles import ChannelModel, Drawn, Watcher
from tests.engine.ray_doubles import (
    Broken,
    Deadly,
    Marking,
    MeanEncoder,
    gone,
    open_mean_encoder,
    picture_folder,
    torch_model,
)
from tests.engine.test_ray_units import same

pytest.importorskip("ray", reason="the optional extra failsight[ray] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # a cluster takes seconds to start, workers too


@pytest.fixture(scope="module")
def engine() -> Iterator[RayEngine]:
    yield RayEngine(workers=2)
    ray_session.close()


def children() -> list[int]:
    """Processes of the driver's session: the driver, Ray's own and the workers."""
    found = []
    session = ray_session._running[0].process.pid
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found.append(int(entry.name))
    return found


def test_a_folder_and_a_network_give_the_local_tables(engine: RayEngine, tmp_path: Path) -> None:
    table = open_images(picture_folder(tmp_path / "data", 1200))
    os.truncate(tmp_path / "data" / "green" / "00001.png", 60)
    (tmp_path / "data" / "blue" / "01001.png").unlink()
    spec, watcher = torch_model(tmp_path / "model"), Watcher()
    expected = LocalEngine().predict(table, spec)
    made = engine.predict(table, spec.open(), spec=spec, cache_folder=tmp_path / "cache", progress=watcher)
    same(made, expected)
    assert len(made.left_out) == 2
    assert made.features is not None
    assert (watcher.done, watcher.total) == (1200, 1200)
    assert predict(table, spec.open(), cache_folder=tmp_path / "cache").cached


def test_embeddings_and_measurements_are_the_local_ones(engine: RayEngine, tmp_path: Path) -> None:
    table = open_images(picture_folder(tmp_path / "data", 700))
    os.truncate(tmp_path / "data" / "red" / "00300.png", 60)
    rows, expected = image_embeddings(table, MeanEncoder())
    got, made = engine.embed(table, MeanEncoder(), spec=EncoderSpec("", open_mean_encoder))
    np.testing.assert_array_equal(got, rows)
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-6)
    here, there = image_measures(table), engine.measure(table)
    np.testing.assert_array_equal(here.readable, there.readable)
    np.testing.assert_array_equal(here.dhash, there.dhash)
    for name, values in here.numbers.items():
        np.testing.assert_array_equal(values, there.numbers[name])


def test_a_worker_killed_at_work_costs_nothing(engine: RayEngine, tmp_path: Path) -> None:
    expected = predict(Drawn(5000, bad=(7, 4000)), ChannelModel())
    killed: list[int] = []

    class Killer(Watcher):
        def advance(self, steps: int = 1) -> None:
            super().advance(steps)
            if self.done and not killed:
                killed.append(int(next(tmp_path.iterdir()).name))
                os.kill(killed[0], signal.SIGKILL)

    watcher = Killer()
    same(engine.predict(Drawn(5000, bad=(7, 4000)), Marking(tmp_path), progress=watcher), expected)
    assert watcher.done == 5000
    workers = {int(entry.name) for entry in tmp_path.iterdir()}
    assert len(workers) == 3  # two, and the one in place of the dead
    assert killed[0] in workers


def test_a_picture_that_kills_its_worker_ends_the_pass_in_words(engine: RayEngine, tmp_path: Path) -> None:
    class Dark(Drawn):
        pass

    root = picture_folder(tmp_path, 30)
    from PIL import Image

    Image.new("RGB", (16, 16)).save(root / "red" / "00003.png")
    with pytest.raises(UserError, match=r"workers died 4 times while working on images 1 to 30\."):
        engine.predict(open_images(root), Deadly())


def test_a_bug_comes_back_as_itself(engine: RayEngine) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug") as caught:
        engine.predict(Drawn(30), Broken())
    assert "In a Ray worker" in caught.value.__notes__[0]


def test_an_interrupted_pass_leaves_no_process_and_is_gone_on_with(engine: RayEngine, tmp_path: Path) -> None:
    expected = predict(Drawn(3000), ChannelModel())
    (tmp_path / "seen").mkdir()
    before: list[int] = []

    class Impatient(Watcher):
        def advance(self, steps: int = 1) -> None:
            if any((tmp_path / "seen").iterdir()):  # they are at work
                before.extend(children())
                if self.done:
                    raise KeyboardInterrupt
            super().advance(steps)

    with pytest.raises(KeyboardInterrupt):
        engine.predict(
            Drawn(3000), Marking(tmp_path / "seen"), cache_folder=tmp_path / "cache", progress=Impatient()
        )
    assert len(before) > 3
    assert gone(before)
    assert not list(Path("/tmp").glob("failsight-ray-*")) or not ray_session._running
    table = Drawn(3000)
    same(predict(table, ChannelModel(), cache_folder=tmp_path / "cache"), expected)
    assert table.opened < 3000


CHILD = """
import sys
from pathlib import Path
from failsight.tools.engine.ray_engine import RayEngine
from tests.engine.doubles import Drawn
from tests.engine.ray_doubles import Marking
RayEngine(workers=2).predict(Drawn(9000), Marking(Path(sys.argv[1]), delay=0.2))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_and_kill_leave_no_worker_behind(how: signal.Signals, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 500
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    workers = [int(entry.name) for entry in tmp_path.iterdir()]
    assert len(workers) == 2
    child.send_signal(how)
    out, errors = child.communicate(timeout=120)
    assert gone(workers)
    if how == signal.SIGINT:
        assert errors.strip().endswith("KeyboardInterrupt")
        assert errors.count("Traceback") == 1
    assert out == ""


def test_ray_is_silent_keeps_to_itself_and_cleans_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = RayEngine(workers=2)
    engine.predict(Drawn(30), ChannelModel())
    folder = ray_session._running[0].folder
    assert folder.is_dir()
    listening = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True).stdout if _has("ss") else ""
    ours = children()
    for line in listening.splitlines():
        if any(f"pid={number}," in line for number in ours):
            assert "127.0.0.1" in line.split()[3]
    assert "RAY_AUTH_TOKEN" not in os.environ
    assert not (Path.home() / ".ray").exists()
    ray_session.close()
    assert gone(ours)
    assert not folder.exists()
    assert capfd.readouterr() == ("", "")


def _has(name: str) -> bool:
    import shutil

    return shutil.which(name) is not None
