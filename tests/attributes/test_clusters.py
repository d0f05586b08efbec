"""The source of look-alikes: groups that are known, names by words, and the same groups when a session is taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from failsight.tools.attributes.clusters import Clusters, directions, project
from failsight.tools.attributes.definitions import Definition
from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical
from failsight.tools.propose_attributes import propose_attributes
from tests.fakes.attributes import FakeEncoder
from tests.fakes.case import television_world
from tests.fakes.view import FakeTable, FakeView

VOCABULARY = (
    Definition("television", "zero_shot", "television", ("yes", "no"), {"yes": ("a television",), "no": ("a wall",)}),
    Definition("tint", "zero_shot", "tint", ("warm", "cool")),
    Definition("room", "zero_shot", "room", ("red_room", "blue_room")),
)  # fmt: skip


def rooms(n: int = 300, seed: int = 0, encoder: bool = True) -> FakeView:
    table, model = television_world(n, seed)
    view = FakeView({"data": table, "train": television_world(120, seed + 1)[0]}, model, seed=seed)
    view.given_encoder = FakeEncoder(VOCABULARY) if encoder else None
    view.given_features = {
        s: FakeEncoder().embed_images([t.open(i) for i in range(len(t))]) for s, t in view._tables.items()
    }
    return view


def test_groups_follow_what_the_pictures_show() -> None:
    view = rooms()
    made = {d.name: d for d in Clusters().propose(view, "data", 20)}
    assert set(made) == {"cluster", "scene cluster"}
    rows = np.arange(300)
    assigned = Clusters().assign(view, "data", rows, list(made.values()))
    seen = np.array([v == "yes" for v in view.table().columns["television"]])
    red = np.array(
        [view.table().pixels[i, ..., 0].mean() > view.table().pixels[i, ..., 2].mean() for i in rows]
    )
    for one in assigned.values():
        assert ((one.codes >= 0) & (one.confidence >= 0) & (one.confidence <= 1)).all()
        for code in np.unique(one.codes):  # every group is pure in colour or in the square
            here = one.codes == code
            assert max(red[here].mean(), 1 - red[here].mean(), seen[here].mean()) > 0.9


def test_groups_are_named_by_words_and_never_by_classes() -> None:
    for definition in Clusters().propose(rooms(), "data", 20):
        words = " ".join(definition.values)
        assert all(v.startswith(f"group {i}") for i, v in enumerate(definition.values, 1))
        assert any(w in words for w in ("warm", "cool", "television"))
        assert "room" not in words
        assert " no" not in words


def test_without_an_encoder_groups_have_numbers() -> None:
    (only,) = Clusters().propose(rooms(encoder=False), "data", 20)
    assert only.name == "cluster"
    assert only.values == tuple(f"group {i + 1}" for i in range(len(only.values)))


def test_the_same_groups_again_with_and_without_the_cache_and_other_splits_by_the_nearest_centre() -> None:
    view = rooms()
    made = list(Clusters().propose(view, "data", 20))
    first = Clusters().assign(view, "train", np.arange(120), made)
    again = rooms()  # a resumed session whose cache was emptied
    assert canonical([d.settings for d in Clusters().propose(again, "data", 20)]) == canonical(
        [d.settings for d in made]
    )
    second = Clusters().assign(rooms(), "train", np.arange(120), made)
    for key in first:
        assert np.array_equal(first[key].codes, second[key].codes)
        assert len(np.unique(first[key].codes)) > 1


class OtherEncoder(FakeEncoder):
    """Sees other things, in another number of dimensions."""

    name, fingerprint = "other encoder", "other-encoder"

    def embed_images(self, images: Sequence[Any]) -> np.ndarray:
        return super().embed_images(images)[:, [1, 0]]


def test_groups_of_another_encoder_or_of_other_images_are_not_guessed_at() -> None:
    view = rooms()
    (scene,) = [d for d in Clusters().propose(view, "data", 20) if d.name == "scene cluster"]
    view.given_encoder = OtherEncoder(VOCABULARY)
    with pytest.raises(RetryError, match="another encoder"):
        Clusters().assign(view, "train", np.arange(120), [scene])
    changed = rooms(seed=5)  # no centres in its cache
    with pytest.raises(RetryError, match="have changed"):
        Clusters().assign(changed, "data", np.arange(300), [scene])


def test_images_without_features_have_no_value() -> None:
    view = rooms()
    view.table().bad = {3}
    made = list(Clusters().propose(view, "data", 20))
    assigned = Clusters().assign(view, "data", np.array([2, 3, 299]), made)
    for one in assigned.values():
        assert one.codes[1] == -1 and one.confidence[1] == 0
        assert (one.codes[[0, 2]] >= 0).all()


def test_nothing_to_group_is_said() -> None:
    black = FakeTable(np.zeros((40, 4, 4, 3), np.uint8), [0] * 20 + [1] * 20, ["a", "b"])
    view = FakeView({"data": black}, scores={"data": np.full((40, 2), 0.5)})
    with pytest.raises(RetryError, match="encoder"):
        Clusters().propose(view, "data", 5)
    view.given_features["data"] = np.full((40, 3), np.nan)
    with pytest.raises(RetryError, match="Only 0 images"):
        propose_attributes(view, source="clusters")


def test_axes_keep_distances_and_take_the_predicted_class_out() -> None:
    rng = np.random.default_rng(0)
    called = rng.integers(0, 2, 50)
    points = (rng.normal(0, 1, (50, 5)) + 10 * called[:, None]).astype(np.float32)
    flat = project(points, called, directions(points, called))
    same = np.flatnonzero(called == 0)[:2]
    assert np.linalg.norm(flat[same[0]] - flat[same[1]]) == pytest.approx(
        np.linalg.norm(points[same[0]] - points[same[1]]), rel=1e-4
    )
    assert flat[called == 1].mean(0) == pytest.approx(0, abs=1e-4)
    assert np.isfinite(
        project(points, called + 5, directions(points, called))
    ).all()  # a class not seen before


def test_groups_of_the_models_features_are_not_its_predictions() -> None:
    rng = np.random.default_rng(1)
    said = rng.integers(0, 3, 300)
    kind = rng.integers(0, 3, 300)
    table = FakeTable(np.zeros((300, 1, 1, 3), np.uint8), said, ["a", "b", "c"])
    view = FakeView({"data": table}, scores={"data": np.eye(3)[said]})
    view.model = lambda: type("M", (), {"fingerprint": "m"})()  # type: ignore[method-assign]
    view.given_features["data"] = (
        30 * np.eye(6)[said] + 5 * np.eye(6)[3 + kind] + rng.normal(0, 0.5, (300, 6))
    )
    made = list(Clusters().propose(view, "data", 5))
    (assigned,) = Clusters().assign(view, "data", np.arange(300), made).values()
    for k in range(3):
        assert len(np.unique(assigned.codes[kind == k])) == 1
        assert len(np.unique(assigned.codes[said == k])) == 3


def test_groups_confirm_nothing_where_errors_are_coin_flips() -> None:
    """The groups never see what is right; slices of them keep the search's error rate."""
    from failsight.tools.find_slices import find_slices

    alarms = 0
    for seed in range(12):
        rng = np.random.default_rng([seed, 3])
        labels = rng.integers(0, 2, 400)
        table = FakeTable(np.zeros((400, 1, 1, 3), np.uint8), labels, ["a", "b"])
        wrong = rng.random(400) < 0.2
        said = np.where(wrong, 1 - labels, labels)
        scores = np.where(np.arange(2)[None] == said[:, None], 0.8, 0.2)
        view = FakeView({"data": table}, scores={"data": scores}, seed=seed)
        view.model = lambda: type("M", (), {"fingerprint": "m"})()  # type: ignore[method-assign]
        view.given_features["data"] = rng.normal(0, 1, (400, 4)) + 4 * rng.integers(0, 3, 400)[:, None]
        propose_attributes(view, source="clusters")
        made = find_slices(view)
        alarms += any(f.verdict == "confirmed" for f in made.findings)
    assert alarms <= 2
