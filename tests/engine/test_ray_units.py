"""What the Ray engine does around the cluster: units, caches, errors. No cluster is started here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.attributes.computed import image_measures
from failsight.tools.attributes.embedding import image_embeddings
from failsight.tools.engine import predict
from failsight.tools.engine.choice import EncoderSpec, LocalEngine, ModelSpec, choose_engine
from failsight.tools.engine.ray_engine import RayEngine
from failsight.tools.engine.ray_work import Carrier
from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs import open_images
from failsight.tools.inputs.base import BadImage, Predictions
from tests.engine.doubles import ChannelModel, Drawn, Watcher
from tests.engine.ray_doubles import (
    Broken,
    MeanEncoder,
    Memory,
    OtherSpec,
    inline,
    open_mean_encoder,
    picture_folder,
    torch_model,
)


@pytest.fixture
def without_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.tools.engine.ray_session.results", inline)


def same(made: Predictions, expected: Predictions) -> None:
    np.testing.assert_array_equal(made.rows, expected.rows)
    np.testing.assert_array_equal(made.labels, expected.labels)
    np.testing.assert_allclose(made.scores, expected.scores, rtol=0, atol=1e-6)
    assert made.left_out == expected.left_out
    assert (made.features is None) == (expected.features is None)
    if made.features is not None and expected.features is not None:
        np.testing.assert_allclose(made.features, expected.features, rtol=2e-3, atol=1e-6)


def test_without_ray_a_person_reads_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "ray" else real(name, *a)
    )
    with pytest.raises(UserError) as caught:
        choose_engine("ray").predict(Drawn(9), ChannelModel())
    assert str(caught.value) == (
        "--engine ray needs the package ray, which isn't installed. "
        "Install it with: pip install 'failsight[ray]'"
    )


def test_choosing_an_engine_imports_neither_ray_nor_torch() -> None:
    code = (
        "import sys; from failsight.tools.engine.choice import choose_engine; choose_engine('ray'); "
        "print(sorted({'ray', 'torch'} & set(sys.modules)))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_other_engines_are_refused_by_name() -> None:
    assert isinstance(choose_engine("local"), LocalEngine)
    with pytest.raises(UserError, match=r"no engine spark. Use one of local, ray"):
        choose_engine("spark")


@pytest.mark.parametrize("name", ["local", "ray"])
def test_a_black_box_has_nothing_to_run(name: str) -> None:
    with pytest.raises(RetryError, match="predictions only"):
        choose_engine(name).predict(Drawn(9), None)


@pytest.mark.usefixtures("without_cluster")
def test_predictions_are_those_of_the_local_engine_and_end_in_the_same_cache(tmp_path: Path) -> None:
    table, watcher = Drawn(1300, bad=(3, 600)), Watcher()
    expected = predict(Drawn(1300, bad=(3, 600)), ChannelModel(), cache_folder=tmp_path / "local")
    made = RayEngine().predict(table, ChannelModel(), cache_folder=tmp_path / "ray", progress=watcher)
    same(made, expected)
    assert (watcher.done, watcher.total) == (1300, 1300)
    assert [p.name for p in (tmp_path / "local").iterdir()] == [p.name for p in (tmp_path / "ray").iterdir()]
    again = predict(Drawn(1300, bad=(3, 600)), ChannelModel(), cache_folder=tmp_path / "ray")
    assert again.cached
    same(again, expected)


@pytest.mark.usefixtures("without_cluster")
def test_what_one_engine_began_the_other_goes_on_with(tmp_path: Path) -> None:
    expected = predict(Drawn(1300), ChannelModel())
    with pytest.raises(KeyboardInterrupt):
        predict(Drawn(1300), ChannelModel(), cache_folder=tmp_path / "a", progress=Watcher(600))
    watcher = Watcher()
    same(
        RayEngine().predict(Drawn(1300), ChannelModel(), cache_folder=tmp_path / "a", progress=watcher),
        expected,
    )
    assert watcher.done == 1300
    with pytest.raises(KeyboardInterrupt):
        RayEngine().predict(Drawn(1300), ChannelModel(), cache_folder=tmp_path / "b", progress=Watcher(200))
    assert len(list(tmp_path.glob("b/*.parts/*.npz"))) == 1
    table = Drawn(1300)
    same(predict(table, ChannelModel(), cache_folder=tmp_path / "b"), expected)
    assert table.opened == 1300 - 276


@pytest.mark.usefixtures("without_cluster")
def test_files_travel_as_paths_and_the_model_as_a_path(tmp_path: Path) -> None:
    table = open_images(picture_folder(tmp_path / "data", 30))
    (tmp_path / "data" / "green" / "00001.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (tmp_path / "data" / "blue" / "00002.png").unlink()
    spec = torch_model(tmp_path / "model")
    expected = LocalEngine().predict(table, spec)
    assert expected.features is not None
    assert {item.reason for item in expected.left_out} >= {"the file is missing"}
    same(RayEngine().predict(table, spec), expected)
    same(RayEngine().predict(table, spec.open(), spec=spec), expected)


@pytest.mark.usefixtures("without_cluster")
@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are Linux's")
def test_file_names_that_are_no_text_travel_too(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "data", 6)
    os.rename(folder / "red" / "00000.png", os.fsencode(folder / "red") + b"/\xff\xe9.png")
    table = open_images(folder)
    expected = LocalEngine().predict(table, ChannelModel())
    assert len(expected) == 6
    same(RayEngine().predict(table, ChannelModel()), expected)


@pytest.mark.usefixtures("without_cluster")
def test_an_empty_table_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.tools.engine.ray_session.results", None)
    made = RayEngine().predict(Drawn(0), ChannelModel(), cache_folder=tmp_path)
    assert made.scores.shape == (0, 3)
    rows, _ = RayEngine().embed(Drawn(0), MeanEncoder())
    assert len(rows) == 0
    assert len(RayEngine().measure(Drawn(0)).readable) == 0


@pytest.mark.usefixtures("without_cluster")
def test_nothing_that_can_be_scored_is_for_the_person() -> None:
    with pytest.raises(UserError, match=r"Not one of the 9 images could be scored"):
        RayEngine().predict(Drawn(9, bad=range(9)), ChannelModel())


@pytest.mark.usefixtures("without_cluster")
def test_a_worker_that_opens_another_model_is_no_silent_mistake() -> None:
    with pytest.raises(UserError, match=r"opened another model than this machine"):
        RayEngine().predict(Drawn(9), ChannelModel(), spec=OtherSpec())  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_cluster")
def test_a_model_that_only_this_machine_has_is_said_in_words(tmp_path: Path) -> None:
    spec = torch_model(tmp_path / "model")
    model = spec.open()
    os.remove(spec.path)
    with pytest.raises(UserError, match="does not exist"):
        RayEngine().predict(Drawn(9), model, spec=spec)


@pytest.mark.usefixtures("without_cluster")
def test_bugs_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        RayEngine().predict(Drawn(9), Broken())


@pytest.mark.usefixtures("without_cluster")
def test_embeddings_are_those_of_the_local_engine_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.tools.attributes.embedding.PART", 512)
    table = open_images(picture_folder(tmp_path / "data", 600, side=4))
    os.truncate(tmp_path / "data" / "red" / "00597.png", 60)
    rows, expected = image_embeddings(table, MeanEncoder())
    spec = EncoderSpec("", open_mean_encoder)
    for memory in (None, Memory()):
        watcher = Watcher()
        cache = {} if memory is None else {"cached": memory.cached, "store": memory.store}
        got, made = RayEngine().embed(table, MeanEncoder(), spec=spec, progress=watcher, **cache)
        np.testing.assert_array_equal(got, rows)
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-6)
        assert len(rows) == 599
        assert (watcher.done, watcher.total) == (600, 600)
    assert memory is not None
    got, made = LocalEngine().embed(table, MeanEncoder(), cached=memory.cached, store=None)
    np.testing.assert_array_equal(made, expected)
    assert len(memory.kept) == 2


@pytest.mark.usefixtures("without_cluster")
def test_measurements_are_those_of_the_local_engine_and_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.tools.attributes.computed.PART", 512)
    table, memory = Drawn(600, side=8, bad=(0, 511, 512)), Memory()
    expected = image_measures(table)
    for cache in ({}, {"cached": memory.cached, "store": memory.store}, {"cached": memory.cached}):
        made = RayEngine().measure(table, **cache)
        np.testing.assert_array_equal(made.readable, expected.readable)
        np.testing.assert_array_equal(made.phash, expected.phash)
        np.testing.assert_array_equal(made.content, expected.content)
        for name, values in expected.numbers.items():
            np.testing.assert_array_equal(made.numbers[name], values)
    opened = table.opened
    LocalEngine().measure(table, cached=memory.cached)
    assert table.opened == opened


def test_a_unit_carries_its_own_paths_only(tmp_path: Path) -> None:
    table = open_images(picture_folder(tmp_path / "data", 12))
    carrier = Carrier.of(table)
    assert carrier.sources is None
    assert carrier.table is None
    unit = carrier.pack(table, 1, range(4, 8))
    assert len(unit["paths"]) == 4
    pictures = carrier.unpack(unit)
    assert len(pictures) == 12
    for row in range(4, 8):
        np.testing.assert_array_equal(pictures.open(row), table.open(row))


def test_pictures_in_a_data_set_travel_as_positions(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    files = sorted((picture_folder(tmp_path / "data", 9)).rglob("*.png"))
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["blue", "green", "red"])}
    )
    rows = {
        "image": [{"bytes": f.read_bytes(), "path": None} for f in files],
        "label": [i // 3 for i in range(9)],
    }
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "set")
    table = open_images(tmp_path / "set")
    import pickle

    carrier = pickle.loads(pickle.dumps(Carrier.of(table)))
    pictures = carrier.unpack(carrier.pack(table, 0, range(3, 6)))
    for row in range(3, 6):
        np.testing.assert_array_equal(pictures.open(row), table.open(row))


@pytest.mark.usefixtures("without_cluster")
def test_a_parquet_manifest_gives_the_local_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(picture_folder(tmp_path / "data", 12).rglob("*.png"))
    rows = {"path": [str(f.relative_to(tmp_path)) for f in files], "label": [f.parent.name for f in files]}
    pq.write_table(pa.table(rows), tmp_path / "manifest.parquet")
    table, spec = open_images(tmp_path / "manifest.parquet"), torch_model(tmp_path / "model")
    same(RayEngine().predict(table, spec), LocalEngine().predict(table, spec))


def test_a_damaged_picture_is_bad_in_the_worker_too(tmp_path: Path) -> None:
    table = open_images(picture_folder(tmp_path / "data", 6))
    carrier = Carrier.of(table)
    unit = carrier.pack(table, 0, range(6))
    os.truncate(tmp_path / "data" / "red" / "00000.png", 50)
    row = list(table.paths).index("red/00000.png")
    with pytest.raises(BadImage):
        carrier.unpack(unit).open(row)
    assert ModelSpec("a").device == "cpu"
