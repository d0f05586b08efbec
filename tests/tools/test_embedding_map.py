"""embedding_map: planted clusters and errors are seen, the same map every time; hostile input; through the agent loop."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.embedding_map import embedding_map
from failsight.tools.errors import RetryError
from failsight.tools.figures.sketch import Points, sketch_of
from failsight.tools.maps.layout import lay_out
from tests.fakes.view import FakeTable, FakeView
from tests.figures.test_charts import NASTY
from tests.tools.cases import check_evidence, check_spec, one_hot

ROOMS = ("bathroom", "bedroom", "kitchen")


def world(n: int = 300, seed: int = 0, **more: Any) -> FakeView:
    """Three clusters; bathrooms with a television lie together and are called bedrooms."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    television = (labels == 0) & (rng.random(n) < 0.3)
    predicted = np.where(television | (rng.random(n) < 0.04), (labels + 1) % 3, labels)
    features = rng.normal(size=(3, 16))[labels] * 4 + rng.normal(size=(n, 16)) * 0.5
    features[television, 0] += 6
    columns = {"television": np.where(television, "yes", "no").tolist(), "size": rng.normal(size=n).tolist()}
    pixels = rng.integers(0, 255, (n, 4, 4, 3)).astype(np.uint8)
    classes = more.pop("classes", ROOMS)
    bad = more.pop("bad", ())
    table = FakeTable(pixels, labels, classes, columns, bad=bad)
    confidence = rng.uniform(0.4, 1, n)
    view = FakeView({"data": table}, scores={"data": one_hot(predicted, 3, confidence)}, **more)
    view.given_features = {"data": features.astype(np.float32)}
    return view


def black_box(**more: Any) -> FakeView:
    view = world(**more)
    view.given_features = {}
    return view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(embedding_map)


def test_clusters_and_the_planted_errors_are_seen(tmp_path: Path) -> None:
    made = embedding_map(world(folder=tmp_path))
    check_evidence(made)
    assert made.fact("neighbours_of_own_class").value > 0.97  # type: ignore[operator]
    assert made.fact("errors_near_errors").value > 0.5  # type: ignore[operator]
    chance = made.fact("neighbours_of_own_class_by_chance").value
    assert f"({100 * chance:.1f} % by chance)" in made.summary  # type: ignore[operator]
    assert made.fact("error_rate", "images on the map").ci is not None
    assert 0.2 < made.fact("neighbours_kept").value <= 1  # type: ignore[operator]
    first = made.tables[0].rows[0]
    assert first[0] == "A"
    assert "bathroom taken for bedroom" in str(first[2])
    assert "television=yes" in str(first[3])
    assert all(i.caption in "ABCD" and i.label != i.prediction for i in made.images)
    assert made.findings == ()
    assert any("no finding" in n for n in made.notes)
    assert made.questions == ("features_global.1", "performance.3")
    svg = (tmp_path / "map.svg").read_text()
    assert svg.count("<title>") >= 301
    assert "bathroom taken for bedroom" in svg
    assert isinstance(sketch_of(svg), Points)


def test_the_same_map_every_time() -> None:
    first, second = (
        lay_out(world(), "data", space=None, method="tsne", within=None, points=200) for _ in "ab"
    )
    assert (first.at == second.at).all()
    assert (first.rows == second.rows).all()
    assert first.total == 300
    assert len(first.rows) == 200


def test_a_map_that_was_drawn_is_kept() -> None:
    view = world()
    first = lay_out(view, "data", space=None, method="tsne", within=None, points=300)
    assert len(view._cache) == 1
    assert (lay_out(view, "data", space=None, method="tsne", within=None, points=300).at == first.at).all()


@pytest.mark.parametrize(
    ("colour", "legend"),
    [
        ("class", "bathroom (100)"),
        ("prediction", "kitchen ("),
        ("confidence", "below 50 % ("),
        ("television", "yes ("),
        ("Size", "very low ("),
    ],
)
def test_every_way_to_colour(tmp_path: Path, colour: str, legend: str) -> None:
    made = embedding_map(world(folder=tmp_path), colour=colour, method="pca")
    assert legend in (tmp_path / "map.svg").read_text()
    assert (
        made.fact("variance_explained", "first axis").value
        > made.fact("variance_explained", "second axis").value
    )  # type: ignore[operator]


def test_one_class_alone(tmp_path: Path) -> None:
    made = embedding_map(world(folder=tmp_path), class_name="bathroom")
    check_evidence(made)
    assert made.fact("images").value == 100
    assert "by chance" not in made.summary  # one class is no company to keep


def test_a_black_box_falls_back_to_small_copies_and_says_so(tmp_path: Path) -> None:
    made = embedding_map(black_box(folder=tmp_path, n=90, bad=(3,)))
    check_evidence(made)
    assert "small copies" in made.summary
    assert sum("The map is not drawn from" in n for n in made.notes) == 2
    assert made.fact("images").value == 89
    with pytest.raises(RetryError, match="pixels"):
        embedding_map(black_box(), space="features")


class Encoder:
    name, fingerprint, scale, bias, vocabulary = "fake", "fake", 1.0, 0.0, ()

    def embed_images(self, images: Any) -> np.ndarray:
        made = np.stack([np.asarray(i, np.float32).ravel() for i in images])
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def embed_texts(self, texts: Any) -> np.ndarray:
        raise NotImplementedError


def test_the_space_of_the_encoder() -> None:
    view = black_box(n=90)
    view.given_encoder = Encoder()
    made = embedding_map(view)
    assert "encoder" in made.summary
    assert made.arguments["space"] is None


def test_without_labels_the_answers_colour_the_map(tmp_path: Path) -> None:
    view = world(folder=tmp_path)
    view.table().labels[:] = -1
    made = embedding_map(view)
    check_evidence(made)
    assert any("coloured by prediction" in n for n in made.notes)
    assert made.tables == ()
    assert made.questions == ("features_global.1",)


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    for given, said in (
        ({"colour": "sofa"}, "confidence.*television"),
        ({"class_name": "cellar"}, "kitchen"),
        ({"split": "train"}, "data"),
    ):
        with pytest.raises(RetryError, match=said):
            embedding_map(world(), **given)  # type: ignore[arg-type]
    with pytest.raises(RetryError, match="class probabilities"):
        embedding_map(world(has_scores=False), colour="confidence")


def test_umap_is_drawn_or_said_to_be_missing() -> None:
    try:
        import umap  # noqa: F401
    except ImportError:
        with pytest.raises(RetryError, match=r"failsight\[maps\]"):
            embedding_map(world(60), method="umap")
    else:
        check_evidence(embedding_map(world(60), method="umap"))


@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_a_handful_of_images(n: int) -> None:
    made = embedding_map(world(n))
    check_evidence(made)
    assert made.fact("images").value == n


def test_features_that_are_not_finite_or_all_the_same() -> None:
    view = world()
    view.given_features["data"][:7] = np.nan
    view.given_features["data"][7] = np.inf
    made = embedding_map(view)
    assert made.fact("images").value == 292
    assert any("8 images have features that are not finite" in n for n in made.notes)
    view.given_features["data"][:] = 1.0
    made = embedding_map(view)
    check_evidence(made)
    assert any("same features" in n for n in made.notes)
    view.given_features["data"][:] = np.nan
    with pytest.raises(RetryError, match="can be put on a map"):
        embedding_map(view)


def test_of_many_images_a_sample_is_shown(tmp_path: Path) -> None:
    n = 50_000
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    table = FakeTable(np.zeros((n, 1, 1, 3), np.uint8), labels, ROOMS)
    view = FakeView({"data": table}, scores={"data": one_hot(labels, 3)}, folder=tmp_path)
    view.given_features = {"data": rng.normal(size=(n, 8)).astype(np.float32)}
    made = embedding_map(view, method="pca", points=1000)
    assert made.fact("images").value == 1000
    assert any("sample of 1,000 of 50,000" in note for note in made.notes)
    assert (tmp_path / "map.svg").stat().st_size < 400_000


def test_of_a_thousand_classes_those_with_most_errors_have_colours(tmp_path: Path) -> None:
    k = 1000
    labels = np.arange(2 * k) % k
    predicted = np.where(labels == 77, 5, labels)
    table = FakeTable(np.zeros((2 * k, 1, 1, 3), np.uint8), labels, [f"class {i}" for i in range(k)])
    view = FakeView({"data": table}, scores={"data": one_hot(predicted, k)}, folder=tmp_path)
    view.given_features = {"data": np.random.default_rng(0).normal(size=(2 * k, 6)).astype(np.float32)}
    embedding_map(view, colour="class", method="pca")
    legend = re.findall(r">(class \d+|other classes) \(", (tmp_path / "map.svg").read_text())
    assert legend[0] == "class 77"
    assert len(legend) == 10
    assert legend[-1] == "other classes"


def test_names_from_data_can_neither_mark_up_nor_steer(tmp_path: Path) -> None:
    view = world(folder=tmp_path, classes=(NASTY, "[blink]b", "c" * 300))
    view.table().columns["television"] = [NASTY, "[red]", "\u202eevil"] * 100
    for colour in ("class", "television"):
        check_evidence(embedding_map(view, colour=colour, method="pca"))
        text = (tmp_path / "map.svg").read_text()
        assert "<script" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_through_the_agent_loop(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade, ToolFailed
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from failsight.agent.ui.pictures import Album
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(200)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    script = ScriptedPlanner(
        [
            call("embedding_map", "to see", colour="sofa"),
            call("embedding_map", "to see", colour="television"),
            "It was drawn [E1].",
        ]
    )
    session = Session(case, planner=script)
    events = list(session.say("show me a map"))
    assert any(isinstance(e, ToolFailed) and "television" in e.message for e in events)
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    shown = Album.of(case.folder, case.state().config).sketches(made, 60, 14)
    assert "yes (" in shown[made.figures[0].path].plain
    session.close()
    case.close()
