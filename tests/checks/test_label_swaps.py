"""Two rare classes exchanged by one source: found where it is so, and not where her images are hard or everybody does it."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import numpy as np
import pytest

from failsight.tools.label_noise import label_noise
from failsight.tools.labels import swaps
from failsight.tools.labels.groups import REACH
from failsight.tools.labels.pairs import calibrate
from failsight.tools.labels.report import group_finding
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.swaps import at_least, most_exchanged, suspicious_pairs, with_swaps
from failsight.tools.stats.label_floor import Disagreement, fit_floor
from tests.checks.label_worlds import judged, world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence


def swapped(
    seed: int, share: float = 0.6, by: tuple[int, ...] = (1,), **more: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A world of uneven classes in which some sources give classes 3 and 4 each other's name."""
    labels, scores, group = world(seed, **{"n": 1500, "imbalanced": True, **more})  # type: ignore[arg-type]
    rng = np.random.default_rng([seed, 5])
    wrong = np.isin(group, by) & (labels >= 3) & (rng.random(len(labels)) < share)
    return np.where(wrong, 7 - labels, labels), scores, group


def told(labels: np.ndarray, scores: np.ndarray, group: np.ndarray) -> list:
    """The groups after the test of swaps, and the pair that is told of all labels."""
    n, k = scores.shape
    rows, everything = np.arange(n), np.ones(n, bool)
    scored = Scored("data", tuple(f"c{i}" for i in range(k)), rows, rows, labels, scores.astype(float), "")
    sharpness = fit_floor(Disagreement(scored.scores, scored.predicted != labels), everything)[3]
    calibrated = calibrate(scored.scores, sharpness)
    masks = {("annotator", "ABCDEFGH"[g]): group == g for g in np.unique(group)}
    groups = judged(labels, scores, group)
    return [
        with_swaps(groups, masks, scored, calibrated, everything),
        most_exchanged(scored, calibrated, everything),
        scored,
        calibrated,
    ]


@pytest.mark.parametrize(
    ("n", "p", "k"), [(10, 0.3, 4), (20, 0.05, 1), (5, 0.5, 5), (7, 0.2, 0), (3, 0.9, 4)]
)
def test_the_chance_of_so_many_is_the_binomial_one_where_all_are_alike(n: int, p: float, k: int) -> None:
    by_hand = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    assert at_least(np.full(n, p), k) == pytest.approx(by_hand, abs=1e-12)


def test_the_chance_of_so_many_with_uneven_chances_by_hand() -> None:
    assert at_least(np.array([0.5, 0.1]), 2) == pytest.approx(0.05)
    assert at_least(np.array([0.5, 0.1]), 1) == pytest.approx(0.55)
    assert at_least(np.zeros(0), 1) == 0.0 and at_least(np.zeros(0), 0) == 1.0


def test_a_swap_of_two_rare_classes_is_confirmed_with_their_names() -> None:
    labels, scores, group = swapped(0)
    assert not any(
        g.verdict == "confirmed" for g in judged(labels, scores, group)
    )  # too little of all her labels
    groups, pair, *_ = told(labels, scores, group)
    first = groups[0]
    assert (first.value, first.verdict) == ("B", "confirmed") and first.swap is not None
    assert {first.swap.one, first.swap.other} == {"c3", "c4"}
    both = np.isin(labels, (3, 4)) & np.isin(scores.argmax(1), (3, 4)) & (group == 1)
    assert first.swap.n == both.sum() and first.swap.taken == (both & (labels != scores.argmax(1))).sum()
    assert [g.verdict for g in groups].count("confirmed") == 1
    made = group_finding(first, "data")
    assert "Labels with annotator=B exchange c3 and c4" in made.statement and made.slice == {"annotator": "B"}
    assert made.n == first.swap.n and made.tests[0].effect == first.swap.effect
    assert pair is not None and {pair.one, pair.other} == {"c3", "c4"} and pair.taken > 2 * pair.expected


def test_what_everybody_does_is_nobodys_swap() -> None:
    groups, pair, *_ = told(*swapped(1, by=(0, 1, 2, 3)))
    assert not any(g.swap for g in groups)
    assert pair is not None and {pair.one, pair.other} == {"c3", "c4"}


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"n": 900, "accuracy": 0.75},
        {"n": 900, "hard": "noisy", "by": 1.0},
        {"n": 900, "hard": "noisy", "by": 1.0, "overconfident": 2.0, "accuracy": 0.85},
        {"n": 900, "hard": "shifted"},
        {"n": 600, "k": 2, "hard": "noisy"},
    ],
)
def test_hard_images_and_weak_models_make_no_swap(kind: dict) -> None:
    for seed in range(6):
        assert not any(g.swap for g in told(*world(seed, **kind))[0]), seed


def test_the_choice_of_pairs_does_not_look_at_the_sources() -> None:
    labels, scores, group = swapped(2)
    *_, scored, calibrated = told(labels, scores, group)
    found = suspicious_pairs(scored, calibrated, np.ones(len(labels), bool))
    assert found[0].pair == (3, 4) and all(a.p <= b.p for a, b in pairwise(found))
    assert suspicious_pairs(scored, calibrated, np.zeros(len(labels), bool)) == []


def test_with_many_classes_only_exchanged_ones_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    k = 120
    labels = np.repeat(np.arange(k), 10)
    said = labels.copy()
    said[70:76], said[88:90] = 8, 7  # eight of the twenty of classes 7 and 8 are exchanged
    said[300:303] = 31  # three of a class: too few to be a pair
    scores = np.full((len(labels), k), 1e-6)
    scores[np.arange(len(labels)), said] = 1.0
    rows, looked = np.arange(len(labels)), []
    scored = Scored("data", tuple(f"c{i}" for i in range(k)), rows, rows, labels, scores, "")
    monkeypatch.setattr(swaps, "either", lambda v, a, b: looked.append((a, b)) or np.isin(v, (a, b)))
    (one,) = suspicious_pairs(scored, scores, np.ones(len(labels), bool))
    assert (one.pair, one.one, one.other, one.n, one.taken) == ((7, 8), "c7", "c8", 20, 8)
    chance = 1 / (1 + 1e6 ** (1 / REACH))
    assert one.expected == pytest.approx(20 * chance)
    assert one.p == pytest.approx(min(1.0, at_least(np.full(20, chance), 8) * k * (k - 1) / 2))
    assert set(looked) == {(7, 8)}


def test_through_the_tool_the_source_is_named_and_few_wrong_labels_are_not_called_none() -> None:
    labels, scores, group = swapped(3)
    common = np.tile([0.96, 0.01, 0.01, 0.01, 0.01], (2000, 1))  # of a class that is easy, by whomever
    labels, scores = np.concatenate([labels, np.zeros(2000, np.int64)]), np.concatenate([scores, common])
    group = np.concatenate([group, np.arange(2000) % 4])
    names = [f"c{i}" for i in range(5)]
    by = np.array(list("ABCD"))[group]

    def made(column: str) -> FakeView:
        table = FakeTable(np.zeros((len(labels), 2, 2, 3), np.uint8), labels, names, {column: by.tolist()})
        return FakeView({"data": table}, scores={"data": scores})

    evidence = label_noise(made("Beobachter/in"))
    check_evidence(evidence)
    (finding,) = [f for f in evidence.findings if f.verdict == "confirmed"]
    assert "Labels with Beobachter/in=B exchange c3 and c4" in finding.statement
    assert "Labels with Beobachter/in=B exchange c3 and c4" in evidence.summary
    assert any(
        str(row[0]) == "Beobachter/in=B" and "two classes exchanged" in str(row[7])
        for row in evidence.tables[0].rows
    )
    unnamed = label_noise(made("wing"))
    whole = next(f for f in unnamed.findings if f.slice is None and f.class_name is None)
    assert whole.verdict == "refuted"  # 5 % of all are not wrong
    assert "estimated" not in whole.statement and "disagree however sure the model is" in whole.statement
    assert "label and model both call c3 or c4" in whole.note
