"""Which output is which class: names in another order are found, models that are merely bad are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from failsight.tools.class_order import class_order
from failsight.tools.pipelines.output_order import Renaming, best_order, counts, halves, renaming, rings
from failsight.tools.stats.intervals import wilson
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

Drawn = tuple[np.ndarray, np.ndarray]
NAMES = ("ash", "birch", "cedar", "elm", "fir", "oak")


def answered(labels: np.ndarray, right: float, rng: Any, classes: int) -> np.ndarray:
    return np.where(rng.random(len(labels)) < right, labels, rng.integers(0, classes, len(labels)))


def judged(labels: np.ndarray, outputs: np.ndarray, classes: int) -> Any:
    scores = np.full((len(labels), classes), 0.1 / classes, np.float32)
    scores[np.arange(len(labels)), outputs] += 0.9
    table = FakeTable(np.zeros((len(labels), 2, 2, 3), np.uint8), labels, NAMES[:classes])
    return class_order(FakeView({"data": table}, scores={"data": scores}))


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(class_order)


@pytest.mark.parametrize("classes", [3, 4, 6])
def test_an_order_turned_by_one_is_found_with_the_names_to_write(classes: int) -> None:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 300)
    outputs = (answered(labels, 0.9, rng, classes) + 1) % classes  # class c comes out of output c + 1
    made = judged(labels, outputs, classes)
    check_evidence(made)
    (finding,) = made.findings
    assert (finding.kind, finding.verdict) == ("class_order", "confirmed")
    wanted = [NAMES[(o - 1) % classes] for o in range(classes)]
    assert (
        made.fact("side_file", "class order").value
        == '"classes": [' + ", ".join(f'"{n}"' for n in wanted) + "]"
    )


def test_two_classes_that_carry_each_others_name_are_found_and_the_others_keep_theirs() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 6, 400)
    swap = np.array([0, 1, 5, 3, 4, 2])
    made = judged(labels, swap[answered(labels, 0.85, rng, 6)], 6)
    assert made.findings[0].verdict == "confirmed" and made.fact("classes_renamed").value == 2
    assert [r[1:] for r in made.tables[0].rows] == [("cedar", "oak"), ("oak", "cedar")]


def test_right_names_are_refuted_to_be_wrong() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 300)
    made = judged(labels, answered(labels, 0.8, rng, 4), 4)
    check_evidence(made)
    assert made.findings[0].verdict == "refuted"


def test_matching_and_rings_by_hand() -> None:
    table = np.array([[0, 9, 0], [9, 0, 0], [1, 0, 8]])
    assert best_order(table) == (1, 0, 2)
    assert rings((1, 0, 2)) == [(0, 1)] and rings((0, 1, 2)) == []
    collapsed = np.array([[0, 30, 0], [0, 9, 0], [0, 9, 0]])  # everything is called the second class
    assert best_order(collapsed) == (0, 1, 2)
    assert counts(np.array([0, 0, 2]), np.array([1, 1, 2]), 3).tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    first, second = halves(np.repeat([0, 1], 10), 0)
    assert first.sum() == 10 and not (first & second).any()


def coins(rng: Any, k: int, n: int) -> Drawn:
    return rng.choice(k, n, p=rng.dirichlet(np.full(k, 3.0))), rng.integers(0, k, n)


def confused(rng: Any, k: int, n: int) -> Drawn:
    """A bad model: right in up to six of ten, its errors in directions of its own."""
    labels, right = rng.integers(0, k, n), rng.uniform(1 / k, 0.6)
    rows = np.stack([right * np.eye(k)[c] + (1 - right) * rng.dirichlet(np.full(k, 0.5)) for c in range(k)])
    return labels, (rows.cumsum(1)[labels] < rng.random(n)[:, None]).sum(1).clip(0, k - 1)


def collapsed(rng: Any, k: int, n: int) -> Drawn:
    labels, right = rng.choice(k, n, p=rng.dirichlet(np.full(k, 2.0))), rng.uniform(0, 0.4)
    rest = rng.choice(k, n, p=rng.dirichlet(np.full(k, 0.3)))
    return labels, np.where(rng.random(n) < right, labels, rest)


def mislabelled(rng: Any, k: int, n: int) -> Drawn:
    """Up to 45 % of the labels are those of the next class."""
    truth = rng.integers(0, k, n)
    return np.where(rng.random(n) < rng.uniform(0, 0.45), (truth + 1) % k, truth), answered(
        truth, rng.uniform(0.6, 0.98), rng, k
    )


def confirmed(made: Renaming | None) -> bool:
    return made is not None and made.borne_out and made.p <= 0.01 and made.effect >= 0.03 and made.ci[0] > 0


@pytest.mark.parametrize("draw", [coins, confused, collapsed, mislabelled])
@pytest.mark.parametrize("classes", [2, 3, 8])
def test_models_that_are_merely_bad_and_wrong_labels_are_hardly_ever_taken_for_it(
    draw: Callable[[Any, int, int], Drawn], classes: int
) -> None:
    rng = np.random.default_rng([classes, 3])
    runs = 150
    false = sum(confirmed(renaming(*draw(rng, classes, 400), classes, i)) for i in range(runs))
    assert false / runs <= 0.01, wilson(false, runs)


def test_real_permutations_are_mostly_found() -> None:
    rng = np.random.default_rng(8)
    found = 0
    for i in range(60):
        k = int(rng.integers(3, 9))
        labels = rng.integers(0, k, 400)
        found += confirmed(renaming(labels, rng.permutation(k)[answered(labels, 0.85, rng, k)], k, i))
    assert found >= 55  # a permutation may be the names as they are
