"""A drop in deployment that evaluation images from training explain, and one that they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from failsight.tools.copies import drop as drop_without_copies
from failsight.tools.duplicates_and_leakage import duplicates_and_leakage
from failsight.tools.evaluate import evaluate
from failsight.tools.performance import performance
from failsight.tools.registry import registry
from failsight.tools.shift import shift
from failsight.tools.shifts.comparison import MINIMUM_DROP
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import one_hot
from tests.tools.test_duplicates_and_leakage import picture
from tests.tools.test_duplicates_and_leakage import world as pictures

CLASSES = ["bath", "bed"]
N, M = 600, 600


def world(leaked: int, clean: float, deployed: float, seed: int = 0) -> FakeView:
    """The first ``leaked`` evaluation images are answered rightly, the others with ``clean``, deployment images with ``deployed``."""
    rng = np.random.default_rng(seed)

    def split(n: int, right: np.ndarray) -> tuple[FakeTable, np.ndarray]:
        labels = np.arange(n) % 2
        return FakeTable(np.zeros((n, 4, 4, 3), np.uint8), labels, CLASSES), one_hot(
            np.where(right, labels, 1 - labels), 2
        )

    learnt = np.arange(N) < leaked
    data, answered = split(N, learnt | (rng.permutation(N) < clean * N))
    deploy, there = split(M, rng.permutation(M) < deployed * M)
    view = FakeView({"data": data, "deploy": deploy}, scores={"data": answered, "deploy": there})
    view.stated = [(f"F{i}", f) for i, f in enumerate(evaluate(view).findings, 1)]
    return view


def verdicts(view: FakeView) -> dict[str | None, str | None]:
    return {f.class_name: f.verdict for _, f in view.findings() if f.kind == "distribution_shift"}


def test_a_drop_that_the_copies_make_does_not_stand() -> None:
    view = world(leaked=180, clean=0.75, deployed=0.75)
    assert verdicts(view)[None] == "confirmed"
    before = len(view.instruments)
    found = drop_without_copies.look(view, {"data": list(range(180))})
    assert {f.class_name: f.verdict for f in found}[None] != "confirmed"
    whole = found[0]
    data, deploy = view.predictions("data"), view.predictions("deploy")
    clean = data.correct[180:].mean()
    assert whole.base_error_rate == pytest.approx(1 - clean)
    weights = [(data.labels[180:] == c).mean() for c in (0, 1)]
    expected = sum(
        w * (data.correct[180:][data.labels[180:] == c].mean() - deploy.correct[deploy.labels == c].mean())
        for c, w in enumerate(weights)
    )
    assert whole.tests[0].effect == pytest.approx(expected)
    assert whole.tests[0].tool == "duplicates_and_leakage"
    assert "180 evaluation images that are training images too" in whole.note
    planned = view.instruments[before:]
    assert {p.finding for p in planned} == {f.key for f in found}
    assert all(p.minimum_effect == MINIMUM_DROP for p in planned)
    assert "no longer confirmed" in drop_without_copies.sentence(found)


def test_a_real_drop_stands_without_the_copies_too() -> None:
    view = world(leaked=60, clean=0.9, deployed=0.6)
    found = drop_without_copies.look(view, {"data": list(range(60)), "deploy": []})
    assert found and found[0].verdict == "confirmed"
    assert "not trained on" in found[0].statement
    assert "holds without them" in drop_without_copies.sentence(found)


def test_copies_among_deployment_images_are_left_out_as_well() -> None:
    view = world(leaked=0, clean=0.9, deployed=0.6)
    wrong = np.flatnonzero(~view.predictions("deploy").correct)
    (whole, *_) = drop_without_copies.look(view, {"deploy": wrong.tolist()})
    assert whole.verdict == "refuted" and whole.error_rate == 0


@pytest.mark.parametrize("leaked", [{}, {"data": []}, {"data": [], "deploy": []}])
def test_nothing_is_said_where_nothing_leaked(leaked: dict[str, list[int]]) -> None:
    assert drop_without_copies.look(world(180, 0.75, 0.75), leaked) == ()
    assert drop_without_copies.sentence(()) == ""


def test_nothing_is_said_where_no_drop_was_confirmed() -> None:
    view = world(leaked=10, clean=0.8, deployed=0.8)
    assert drop_without_copies.look(view, {"data": list(range(10))}) == ()
    view.stated = []
    assert drop_without_copies.look(world(0, 0.9, 0.6), {"data": []}) == ()


def test_all_images_leaked_leaves_nothing_to_compare() -> None:
    view = world(leaked=180, clean=0.75, deployed=0.75)
    assert drop_without_copies.look(view, {"data": list(range(N))}) == ()


def test_a_count_over_all_images_does_not_override_it() -> None:
    view = world(leaked=180, clean=0.75, deployed=0.75)
    found = {f.key: f for f in drop_without_copies.look(view, {"data": list(range(180))})}
    view.stated = [
        (name, replace(found[f.key], tests=(*f.tests, *found[f.key].tests))) if f.key in found else (name, f)
        for name, f in view.findings()
    ]
    again = evaluate(view)
    assert not any(f.key in found for f in again.findings)
    assert any("judged without them (F1" in n for n in again.notes)
    assert not any(f.key in found for f in shift(view).findings)


def test_through_the_tool_with_real_copies() -> None:
    """Half of the evaluation images are training images, learnt by heart; deployment images are answered like the others."""
    view = pictures(leaked=60, n=120)
    rng = np.random.default_rng(5)
    labels = np.arange(400) % 2
    view._tables["deploy"] = FakeTable(
        np.stack([picture(9000 + s % 40) for s in range(400)]), labels, CLASSES
    )
    view._scores["deploy"] = one_hot(np.where(rng.random(400) < 0.5, labels, 1 - labels), 2)
    del view.given_features
    view.stated = [("F1", f) for f in evaluate(view).findings if f.kind == "distribution_shift"][:1]
    assert view.stated[0][1].verdict == "confirmed"
    made = duplicates_and_leakage(view, features=False)
    (whole,) = [f for f in made.findings if f.kind == "distribution_shift" and f.class_name is None]
    right = view.predictions("data").correct[60:].mean()
    assert whole.base_error_rate == pytest.approx(1 - right)
    assert performance(view.predictions("deploy")).n == 400
    assert ("holds without them" in made.summary) == (whole.verdict == "confirmed")


def test_the_tool_heeds_drops() -> None:
    assert "distribution_shift" in registry()["duplicates_and_leakage"].heeds
