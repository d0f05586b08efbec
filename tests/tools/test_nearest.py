"""nearest: neighbours by hand and by brute force, black boxes, hostile input, through the agent loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments import what_if_space
from failsight.tools.experiments.what_if_space import cloud_of, likeness
from failsight.tools.nearest import nearest
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot
from tests.tools.test_embedding_map import Encoder, black_box, world


def trained(n: int = 300, **more: Any) -> FakeView:
    """The world of ``test_embedding_map``, its images also as training images; data row 0 lies where class 2 lives."""
    view = world(n, **more)
    data = view.table()
    train = FakeTable(data.pixels, data.labels, data.classes)
    view._tables["train"] = train
    view._scores["train"] = one_hot(data.labels, 3)
    features = view.given_features["data"]
    view.given_features["train"] = features.copy()
    features[0] = features[data.labels == 2].mean(0)
    return view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(nearest)


def test_labels_of_neighbours_agree_with_the_answer_or_not(tmp_path: Path) -> None:
    view = trained(folder=tmp_path)
    view._scores["data"][0] = (0.1, 0.1, 0.8)
    made = nearest(view, "#0", k=10)
    check_evidence(made)
    assert made.arguments["split"] is None
    assert "10 nearest training images by the model's own features: 10 kitchen" in made.summary
    assert made.fact("neighbours_of_predicted_class").value == 1
    assert made.fact("neighbours_of_own_class").value == 0
    assert made.questions == ("input.15",)
    assert len(made.images) == 11
    assert made.images[0].caption == "the image"
    assert {i.label for i in made.images[1:]} == {"kitchen"}
    assert any("label_noise" in s for s in made.next_steps)
    assert made.findings == ()
    assert (tmp_path / "nearest.png").exists()


def test_neighbours_are_those_of_brute_force_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    view = trained()
    values = view.given_features["train"].astype(np.float64)
    scaled = (values - values.mean(0)) / values.std(0)
    point = (view.given_features["data"][7] - values.mean(0)) / values.std(0)
    cosine = scaled @ point / np.linalg.norm(scaled, axis=1) / np.linalg.norm(point)
    expected = np.argsort(-cosine)[:12]
    for block in (16_384, 7):
        monkeypatch.setattr(what_if_space, "BLOCK", block)
        made = nearest(view, "#7")
        assert [i.row for i in made.images[1:]] == expected.tolist()
        assert made.tables[0].rows[0][4] == pytest.approx(cosine[expected[0]], abs=1e-4)


def test_an_image_is_not_its_own_neighbour_and_a_copy_is_said_to_be_one() -> None:
    view = trained()
    made = nearest(view, "train:#7", k=5)
    assert 7 not in [i.row for i in made.images[1:]]
    copy = nearest(view, "#7", k=5)
    assert copy.images[1].row == 7
    assert any("the same picture to the model" in n for n in copy.notes)


def test_how_many_resemble_it_is_counted_against_what_is_usual() -> None:
    view = trained()
    usual = nearest(view, "#30", k=5)
    assert usual.fact("resembling", "training images").value >= 1  # type: ignore[operator]
    view.given_features["data"][1] = 0
    view.given_features["data"][1, 7] = 100
    odd = nearest(view, "#1", k=5)
    assert odd.fact("resembling", "training images").value == 0
    assert any("lies apart" in n for n in odd.notes)


def test_without_a_training_set_the_evaluation_images_are_searched() -> None:
    made = nearest(world(), "#5", k=3)
    assert made.questions == ()
    assert any("no training set" in n for n in made.notes)
    assert 5 not in [i.row for i in made.images[1:]]


def test_a_black_box_falls_back_to_embeddings_then_to_pixels(tmp_path: Path) -> None:
    view = black_box(folder=tmp_path, n=90, bad=(3,))
    made = nearest(view, "#5", k=4)
    check_evidence(made)
    assert "small copies of the pictures" in made.summary
    assert any("not read from the model's own features" in n for n in made.notes)
    view.given_encoder = Encoder()
    assert "encoder" in nearest(view, "#5", k=4).summary
    with pytest.raises(RetryError, match="can't be read"):
        nearest(view, "#3")


@pytest.mark.parametrize("n", [2, 3, 9])
def test_a_handful_of_images(n: int) -> None:
    made = nearest(world(n), "#0", k=12)
    check_evidence(made)
    assert len(made.images) == n


def test_few_images_are_not_enough_to_say_that_one_lies_apart() -> None:
    for n, told in ((12, False), (120, True)):
        view = trained(n)
        view.given_features["data"][1] = 0
        view.given_features["data"][1, 7] = 100
        made = nearest(view, "#1", k=5)
        assert any("lies apart" in note for note in made.notes) is told
        fact = made.fact("share_less_alike", "training images with a less like nearest neighbour")
        assert fact.n == n
        assert fact.ci is not None


def test_hostile_features_labels_and_names() -> None:
    view = trained()
    view.given_features["train"][:5] = np.nan
    made = nearest(view, "#7")
    assert made.fact("n", "training images compared").value == 295
    view.table("train").labels[:] = -1
    check_evidence(nearest(view, "#7"))
    view.given_features["data"][9] = np.inf
    with pytest.raises(RetryError, match="finite features"):
        nearest(view, "data:#9")
    for given, said in (({"split": "deploy"}, "no 'deploy'"), ({"space": "encoder"}, "encoder")):
        with pytest.raises(RetryError, match=said):
            nearest(view, "#7", **given)  # type: ignore[arg-type]
    with pytest.raises(RetryError, match="no other image"):
        nearest(world(1), "#0")


def test_channels_that_never_change_say_nothing() -> None:
    values = np.ones((6, 3), np.float32)
    values[:, 1] = np.arange(6)
    cloud = cloud_of("data", np.arange(6), values)
    assert np.allclose(np.abs(likeness(cloud, values[:1])), 1)
    same = cloud_of("data", np.arange(6), np.ones((6, 3), np.float16))
    assert (likeness(same, np.ones((1, 3), np.float32)) == 0).all()


def test_a_plain_sentence_reaches_it(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(60)
    train, _ = television_world(80, seed=1)
    case = FakeCase(tmp_path / "case", {"data": table, "train": train}, model)
    session = Session(case, policy="auto")
    events = list(session.say("which training images are nearest to #12?"))
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tool == "nearest"
    assert {i.split for i in made.images[1:]} == {"train"}
    session.close()
    case.close()
