"""compare_images: features by hand, attributes, distances; hostile input; through the agent loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.compare_images import compare_images
from failsight.tools.errors import RetryError
from failsight.tools.experiments.what_if_images import Named
from failsight.tools.experiments.what_if_pair import (
    closest_pair,
    distance_apart,
    head_weights,
    other_attributes,
    telling_features,
)
from failsight.tools.experiments.what_if_space import cloud_of
from failsight.tools.inputs.base import AttributeTable
from tests.experiments.nets import lamp_net, net_case
from tests.experiments.scenes import CLASSES
from tests.fakes.view import FakeTable
from tests.tools.cases import check_evidence, check_spec
from tests.tools.test_embedding_map import black_box, world


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(compare_images)


def test_the_feature_that_pulls_two_answers_apart_comes_first() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 5)).astype(np.float32)
    cloud = cloud_of("data", np.arange(200), values)
    weights = np.array([[0, 2.0, 0, 0, 0.1], [0, -1.0, 0, 0, 0]], np.float32)
    first, second = values[0].copy(), values[1].copy()
    first[:], second[:] = 0, 0
    first[0], second[0] = 9, -9  # far apart, but no weight
    first[1], second[1] = 1, -1  # (1 − −1)(2 − −1) = 6
    found = telling_features(cloud, first, second, (0, 1), weights)
    assert found[0].number == 1
    assert found[0].pull == pytest.approx(6)
    assert found[0].first == pytest.approx((1 - values[:, 1].mean()) / values[:, 1].std(), abs=1e-3)
    assert found[0].examples.tolist() == np.argsort(-values[:, 1])[:3].tolist()
    assert [f.number for f in telling_features(cloud, first, second, (0, 1), None)][:1] == [0]
    second[1] = 1  # the same answer, held up by the same feature
    same = telling_features(cloud, first, second, (0, 0), weights)
    assert same[0].number == 1
    assert same[0].pull == pytest.approx(2 * (1 - values[:, 1].mean()), abs=1e-3)


def test_a_feature_that_rises_and_falls_with_one_shown_is_not_shown_again() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 4)).astype(np.float32)
    values[:, 2] = values[:, 0] + 0.1 * values[:, 2]  # a copy
    values[:, 3] = -values[:, 0]  # the same, upside down
    cloud = cloud_of("data", np.arange(200), values)
    weights = np.array([[3.0, 1.0, 2.0, -2.0], [0, 0, 0, 0]], np.float32)
    first, second = np.array([1, 1, 1, -1], np.float32), np.array([-1, -1, -1, 1], np.float32)
    assert [f.number for f in telling_features(cloud, first, second, (0, 1), weights)] == [0, 1]


def test_two_pictures_of_a_net_are_told_apart_by_its_one_feature(tmp_path: Path) -> None:
    pixels = np.zeros((12, 32, 32, 3), np.uint8)
    for i in range(6):
        pixels[i, : 4 + i] = 255
    view = net_case(lamp_net(), FakeTable(pixels, [0] * 6 + [1] * 6, CLASSES), folder=tmp_path)
    predicted = view.predictions().predicted
    a, b = int(np.flatnonzero(predicted == 0)[0]), int(np.flatnonzero(predicted == 1)[0])
    assert head_weights(view.model(), 4).shape == (2, 4)  # type: ignore[union-attr]
    made = compare_images(view, f"#{a}", f"#{b}")
    check_evidence(made)
    assert "different answers" in made.summary
    features = next(t for t in made.tables if t.title == "Features")
    assert features.rows[0][0] == "#0"
    assert any("counterfactual_pair" in s for s in made.next_steps)
    assert (tmp_path / "compare-images.png").exists()
    assert made.findings == ()


def test_attributes_that_differ_are_listed_the_most_telling_first() -> None:
    columns = {
        "room": np.array(["a", "a", None], object),
        "cat": np.array(["yes", "no", "no"], object),
        "light": np.array([1.0, 5.0, 9.0]),
        "noise": np.array([1.0, 1.1, 9.0]),
        "gone": np.array([np.nan, 1.0, 2.0]),
    }
    table = AttributeTable(np.array([0, 2, 5]), columns, dict.fromkeys(columns, "metadata"))
    first, second, odd = (Named("data", r, "x", 0) for r in (0, 2, 5))
    rows, agreeing = other_attributes([table, table], (first, second))
    assert [r[:3] for r in rows] == [("cat", "yes", "no"), ("light", "1", "5")]
    assert rows[1][3] == pytest.approx(4 / np.std([1, 5, 9]))
    assert agreeing == 2  # room and noise; a missing value neither agrees nor differs
    assert [r[0] for r in other_attributes([table, table], (second, odd))[0]][:2] == ["noise", "gone"]
    assert other_attributes([table, table], (first, Named("data", 3, "x", 0))) == ([], 0)


def test_distances_are_set_against_those_within_and_between_classes() -> None:
    view = world()
    cloud = cloud_of("data", np.arange(300), view.given_features["data"])
    a, b = (np.asarray(cloud.values[i], np.float32) for i in (1, 2))  # of two classes
    made = distance_apart(view, cloud, a, b)
    assert made.within is not None
    assert made.between is not None
    assert made.within < 0.3 < made.between
    assert made.closer_within > 0.8  # type: ignore[operator]
    unlabelled = world()
    unlabelled.table().labels[:] = -1
    assert distance_apart(unlabelled, cloud, a, b).within is None


def test_the_closest_pairs_are_those_of_brute_force_and_use_no_image_twice() -> None:
    rng = np.random.default_rng(3)
    cloud = cloud_of("data", np.arange(40), rng.normal(size=(40, 6)).astype(np.float32))
    left, right = np.arange(0, 20), np.arange(20, 40)
    scaled = cloud.scaled(cloud.values)
    close = scaled[left] @ scaled[right].T
    found = closest_pair(cloud, left, right, 3)
    i, j = np.unravel_index(close.argmax(), close.shape)
    assert found[0] == (int(i), 20 + int(j))
    assert len({a for a, _ in found}) == len({b for _, b in found}) == 3
    with pytest.raises(RetryError, match="no two images"):
        closest_pair(cloud, left[:0], right, 1)


def test_black_boxes_are_compared_by_what_there_is(tmp_path: Path) -> None:
    made = compare_images(black_box(folder=tmp_path, n=60), "#3", "#4")
    check_evidence(made)
    assert "small copies" in made.summary
    assert not any(t.title == "Features" for t in made.tables)
    assert made.questions == ("features_comparison.3", "features_comparison.4")


def test_what_can_not_be_compared_is_refused() -> None:
    view = world(bad=(3,))
    for given, said in (
        (("#5", "5"), "is the first image"),
        (("#5", "nowhere"), "second: there is no image"),
        (("nowhere", "#5"), "first: there is no image"),
        (("#5", "#3"), "second: .*can't be read"),
    ):
        with pytest.raises(RetryError, match=said):
            compare_images(view, *given)


def test_through_the_agent_loop(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, policy="auto")
    events = list(session.say("compare #3 and #7"))
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tool == "compare_images"
    assert [i.row for i in made.images] == [3, 7]
    assert any(r[0] == "television" for t in made.tables for r in t.rows) == (
        table.columns["television"][3] != table.columns["television"][7]
    )
    session.close()
    case.close()
