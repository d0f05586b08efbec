"""operating_points: rates at thresholds counted by hand, wanted rates chosen and confirmed, groups, prevalence, hostile input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.operating_points import operating_points
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.operating import (
    Point,
    Rate,
    halves,
    limit_for,
    point,
    precision_at,
    reaches,
    threshold_for,
)
from failsight.tools.stats.two_sample import auc
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view


def clinic(n: int = 400, share: float = 0.25, seed: int = 0, **more: Any) -> FakeView:
    """Scores of the ill between 0.1 and 0.9, of the well between 0 and 0.4; every fourth is ill, at site north or south."""
    rng = np.random.default_rng(seed)
    ill = np.arange(n) % round(1 / share) == 0
    p = np.where(ill, rng.uniform(0.1, 0.9, n), rng.uniform(0, 0.4, n)).astype(np.float32)
    sites = ["north" if i % 3 else "south" for i in range(n)]
    columns = {"site": sites, "patient": [f"P{i // 4}" for i in range(n)]}
    table = FakeTable(np.zeros((n, 2, 2, 3), np.uint8), np.where(ill, 0, 1), ("ill", "well"), columns)
    return FakeView({"data": table}, scores={"data": np.stack([p, 1 - p], 1)}, **more)


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(operating_points)


def test_every_rate_of_the_table_is_counted(tmp_path: Path) -> None:
    view = clinic(folder=tmp_path)
    made = operating_points(view, "ill")
    check_evidence(made)
    p = view.predictions()
    score, ill = p.scores[:, 0], p.labels == 0
    rows = {str(row[0]): row for row in made.tables[0].rows}
    for text in ("0.05", "0.2", "0.5", "0.8"):
        called, row = score >= np.float32(text), rows[text]
        k, n = int((called & ill).sum()), int(ill.sum())
        assert row[1] == k / n
        assert row[3] == k / called.sum()
        assert row[5] == (called & ~ill).sum() / (~ill).sum()
        assert row[7] == called.sum()
        low, high = wilson(k, n)
        assert row[2] == f"[{100 * low:.1f}, {100 * high:.1f}] %"
    assert rows["0.5"][8] == "now" and rows["0.2"][8] == ""
    assert "0.99" not in rows  # no image reaches it
    assert made.fact("recall", "class ill").value == rows["0.5"][1]
    assert made.fact("threshold", "class ill, now").value == 0.5
    area = made.fact("auc", "class ill")
    pairs = (score[ill][:, None] > score[~ill]) + 0.5 * (score[ill][:, None] == score[~ill])
    assert area.value == pytest.approx(pairs.mean()) and area.ci[0] < area.value < area.ci[1]
    assert made.findings == ()
    assert any("--threshold ill=0.2" in step for step in made.next_steps)
    assert (tmp_path / made.figures[0].path).read_text().startswith("<svg")


def test_a_wanted_recall_is_chosen_on_one_half_and_told_on_the_other() -> None:
    view = clinic(2000)
    made = operating_points(view, "ill", recall=0.9)
    bar = made.fact("threshold", "class ill, for a recall of 90.0 %").value
    assert 0.15 < bar < 0.21  # type: ignore[operator]  # the tenth part of scores from 0.1 to 0.9 lies below 0.18
    p = view.predictions()
    lot = halves(p.labels == 0, None, view.seed)
    own = p.scores[lot & (p.labels == 0), 0]
    assert (own >= bar).mean() >= 0.9 > (own >= bar + 0.01).mean()  # type: ignore[operator]
    told = made.fact("recall", f"class ill, threshold {bar:g}, other half")
    other = p.scores[~lot & (p.labels == 0), 0]
    assert told.value == (other >= np.float32(bar)).mean() and told.n == len(other)  # type: ignore[arg-type]
    assert f"takes a threshold of {bar:g}" in made.summary and "did not choose it" in made.summary
    assert "chosen" in [row[-1] for row in made.tables[0].rows]
    assert any(f"--threshold ill={bar:g}" in step for step in made.next_steps)


def test_a_wanted_specificity_is_chosen_on_one_half_and_told_on_the_other() -> None:
    view = clinic(2000)
    made = operating_points(view, "ill", specificity=0.9)
    bar = made.fact("threshold", "class ill, for a specificity of 90.0 %").value
    assert 0.34 < bar < 0.38  # type: ignore[operator]  # the tenth part of scores from 0 to 0.4 lies above 0.36
    p = view.predictions()
    lot, well = halves(p.labels == 0, None, view.seed), p.labels == 1
    others = p.scores[lot & well, 0]
    assert (others >= np.float32(bar)).mean() <= 0.1 < (others >= np.float32(bar) - 0.002).mean()  # type: ignore[arg-type]
    away = p.scores[~lot & well, 0] < np.float32(bar)  # type: ignore[arg-type]
    told = made.fact("specificity", f"class ill, threshold {bar:g}, other half")
    assert told.value == pytest.approx(away.mean()) and told.n == len(away)
    assert told.ci == pytest.approx(wilson(int(away.sum()), len(away)))
    assert "A specificity of 90.0 % takes a threshold" in made.summary and "the one wanted" in made.summary
    assert "chosen" in [row[-1] for row in made.tables[0].rows]
    assert any(f"--threshold ill={bar:g}" in step for step in made.next_steps)


def test_a_wanted_precision_is_chosen_on_one_half_and_told_on_the_other() -> None:
    view = clinic(2000)
    made = operating_points(view, "ill", precision=0.8)
    bar = made.fact("threshold", "class ill, for a precision of 80.0 %").value
    p = view.predictions()
    score, ill = p.scores[:, 0], p.labels == 0
    lot = halves(ill, None, view.seed)

    def precision(half: Any, at: Any) -> float:
        return float(ill[half & (score >= np.float32(at))].mean())

    lower = [s for s in score[lot] if s < np.float32(bar)]  # type: ignore[arg-type]
    assert precision(lot, bar) >= 0.8 > max(precision(lot, s) for s in lower)
    told = made.fact("precision", f"class ill, threshold {bar:g}, other half")
    assert told.value == precision(~lot, bar)
    assert "A precision of 80.0 % takes a threshold" in made.summary and "did not choose it" in made.summary


def test_a_wanted_precision_is_meant_at_the_prevalence_that_is_given() -> None:
    view = clinic(2000)
    here = operating_points(view, "ill", precision=0.8).fact(
        "threshold", "class ill, for a precision of 80.0 %"
    )
    made = operating_points(view, "ill", precision=0.8, prevalence=0.05)
    rare = made.fact("threshold", "class ill, for a precision of 80.0 % at a prevalence of 5.0 %")
    assert rare.value > here.value  # type: ignore[operator]  # fewer are ill: it takes fewer false alarms
    assert "A precision of 80.0 % at a prevalence of 5.0 % takes" in made.summary
    p = view.predictions()
    ill = p.labels == 0
    half = ~halves(ill, None, view.seed)
    at = point(reaches(p.scores[half, 0], float(rare.value)), ill[half])  # type: ignore[arg-type]
    told = made.fact(
        "precision", f"class ill, threshold {rare.value:g}, other half, at a prevalence of 5.0 %"
    )
    assert told.value == precision_at(at, 0.05)[0]


def scored(score: Any) -> FakeView:
    """The 400 images of the clinic with other scores of ill."""
    score = np.asarray(score, np.float32)
    return FakeView({"data": clinic().table()}, scores={"data": np.stack([score, 1 - score], 1)})


def test_where_no_threshold_reaches_it_the_best_is_told() -> None:
    noise = np.random.default_rng(5).uniform(0.1, 0.9, 400)
    made = operating_points(scored(noise), "ill", precision=0.95)
    assert "No threshold reaches a precision of 95.0 %" in made.summary and "comes nearest" in made.summary
    bar = made.fact("threshold", "class ill, nearest to a precision of 95.0 %").value
    assert [row[-1] for row in made.tables[0].rows if row[0] == f"{bar:g}"] == ["nearest"]
    assert not any(f"ill={bar:g}" in step for step in made.next_steps)
    made = operating_points(scored(np.ones(400)), "ill", specificity=0.95)
    assert "No threshold reaches a specificity of 95.0 %" in made.summary
    bar = made.fact("threshold", "class ill, nearest to a specificity of 95.0 %").value
    assert made.fact("specificity", f"class ill, threshold {bar:g}, other half").value == 0.0
    made = operating_points(
        scored(np.arange(400) % 8 / 10), "ill", recall=0.9
    )  # half of the ill: a score of 0
    assert "No threshold reaches a recall of 90.0 %" in made.summary and "0.4 comes nearest" in made.summary
    made = operating_points(scored(np.zeros(400)), "ill", recall=0.9, precision=0.9, specificity=0.9)
    assert made.summary.count("No threshold can be chosen") == 3


def test_few_images_of_the_others_choose_no_specificity() -> None:
    view = scored(np.linspace(0.1, 0.9, 400))
    view.table().labels[:] = np.where(np.arange(400) < 15, 1, 0)
    assert "too few images of the other classes" in operating_points(view, "ill", specificity=0.9).summary
    view.table().labels[:] = np.where(np.arange(400) < 1, 1, 0)  # one half has none of them
    assert "too few images" in operating_points(view, "ill", recall=0.9).summary


def test_several_rates_are_each_told() -> None:
    made = operating_points(clinic(2000), "ill", recall=0.9, precision=0.9, specificity=0.99)
    for measure, share in (("recall", "90.0"), ("precision", "90.0"), ("specificity", "99.0")):
        assert made.fact("threshold", f"class ill, for a {measure} of {share} %").value
        assert any(f"chosen for {measure}" in str(row[-1]) for row in made.tables[0].rows)


@pytest.mark.parametrize(
    ("scores", "target", "measure", "wanted", "more", "made"),
    [
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], "precision", 1.0, {}, (0.701, True)),
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1], "precision", 0.75, {}, (0.001, True)),
        ([0.9, 0.8, 0.7, 0.6], [0, 1, 1, 1], "precision", 0.8, {}, (0.001, False)),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], "precision", 1.0, {"fewest": 2}, (0.001, False)),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], "precision", 1.0, {"fewest": 5}, None),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], "specificity", 0.5, {}, (0.601, True)),
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], "specificity", 0.51, {}, (0.801, True)),
        ([0.9, 0.8], [0, 1], "specificity", 1.0, {}, (0.001, False)),
        ([0.99996, 0.99994], [1, 0], "specificity", 1.0, {}, (0.99995, True)),
        ([1.0, 1.0], [1, 0], "specificity", 0.5, {}, (0.001, False)),
        ([0.0, 0.0], [1, 0], "specificity", 0.5, {}, None),
        ([0.3, 0.30000004, 0.2], [0, 1, 0], "precision", 1.0, {}, (0.30000004, True)),
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0], "precision", 0.9, {"prevalence": 0.1}, (0.701, True)),
    ],
)
def test_the_smallest_threshold_that_reaches_it(
    scores: list[float], target: list[int], measure: Any, wanted: float, more: dict[str, Any], made: Any
) -> None:
    found = limit_for(np.array(scores, np.float32), np.array(target, bool), measure, wanted, **more)
    assert found == (pytest.approx(made) if made else None) or (
        found is not None and found[1] is made[1] and found[0] == pytest.approx(made[0])
    )


def test_the_smallest_threshold_against_trying_them_all() -> None:
    rng = np.random.default_rng(3)
    for run in range(200):
        n = int(rng.integers(4, 30))
        scores = np.round(rng.uniform(0, 1, n), int(rng.integers(1, 4))).astype(np.float32)
        target = np.arange(n) % 2 == 0
        wanted, measure = float(rng.uniform(0.05, 1)), ("precision", "specificity")[run % 2]
        found = limit_for(scores, target, measure, wanted)  # type: ignore[arg-type]
        rates = {}
        for bar in np.unique(scores[scores > 0]):
            at = point(reaches(scores, float(bar)), target)
            rates[bar] = at.precision.value if measure == "precision" else at.alarms.rest.value
        held = [bar for bar, value in rates.items() if value >= wanted - 1e-9]
        best = min(held) if held else max(rates, key=lambda bar: (rates[bar], -bar))
        assert found is not None and found[1] is bool(held)
        assert (reaches(scores, found[0]) == (scores >= best)).all()


def test_too_few_images_choose_nothing() -> None:
    made = operating_points(clinic(60), "ill", recall=0.95)
    assert "too few images of ill" in made.summary
    assert not [f for f in made.facts if "for a recall" in f.of]


def test_the_present_point_is_that_of_the_rule() -> None:
    view = clinic()
    table, scores = view.table(), view.predictions().scores

    class Ruled(FakeView):
        def predictions(self, split: str = "data") -> Any:
            from dataclasses import replace

            return replace(super().predictions(split), thresholds=(0.23, None))

    made = operating_points(Ruled({"data": table}, scores={"data": scores}))
    assert made.fact("threshold", "class ill, now").value == 0.23
    assert [row[-1] for row in made.tables[0].rows if row[0] == "0.23"] == ["now"]
    assert any("which has a threshold" in n for n in made.notes)
    assert any("ill from a score of 0.23 on" in n for n in made.notes)
    assert made.fact("recall", "class ill").value == (scores[table.labels == 0, 0] >= 0.23).mean()


def test_answers_that_no_threshold_makes_stand_by_themselves() -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(300) % 3
    scores = rng.dirichlet([1, 1, 1], 300).astype(np.float32)
    scores[np.arange(300), labels] += 0.5
    scores /= scores.sum(1, keepdims=True)
    view = FakeView(
        {"data": FakeTable(np.zeros((300, 2, 2, 3), np.uint8), labels, ("a", "b", "c"))},
        scores={"data": scores},
    )
    made = operating_points(view, "b")
    first = made.tables[0].rows[0]
    assert first[0] == "as it is" and first[-1] == "now"
    assert any("other classes' scores have their say" in n for n in made.notes)
    assert not [f for f in made.facts if f.name == "threshold"]
    weakest = operating_points(view)
    assert any("recognised least" in n for n in weakest.notes)


def test_prevalence_gives_the_precision_by_bayes() -> None:
    made = operating_points(clinic(2000), "ill", prevalence=0.08)
    recall, alarms = (made.fact(n, "class ill").value for n in ("recall", "false_alarm_rate"))
    told = made.fact("precision", "class ill, at a prevalence of 8.0 %")
    assert alarms == 0.0 and told.value == 1.0 and told.ci[0] < 0.99  # type: ignore[index]
    row = next(r for r in made.tables[0].rows if r[0] == "0.2")
    recall, alarms = row[1], row[5]
    assert row[7] == pytest.approx(0.08 * recall / (0.08 * recall + 0.92 * alarms))  # type: ignore[operator]
    assert "8.0 % of the images are ill" in made.summary


def test_the_interval_of_that_precision_covers() -> None:
    rng, hit, runs = np.random.default_rng(0), 0, 1500
    true = 0.08 * 0.88 / (0.08 * 0.88 + 0.92 * 0.17)
    for _ in range(runs):
        k1, k0 = int(rng.binomial(77, 0.88)), int(rng.binomial(887, 0.17))
        at = Point(Rate(k1, 77, wilson(k1, 77)), Rate(0, 0, (0, 1)), Rate(k0, 887, wilson(k0, 887)))
        low, high = precision_at(at, 0.08)[1]
        hit += low <= true <= high
    assert 0.935 <= hit / runs <= 0.97


def test_images_that_belong_together_widen_the_intervals() -> None:
    rng = np.random.default_rng(2)
    ill = np.repeat(np.arange(40) % 2 == 0, 10)
    people = np.repeat(np.arange(40), 10)
    score = (np.repeat(rng.uniform(0, 0.6, 40), 10) + 0.3 * ill).astype(np.float32)
    alone, together = point(reaches(score, 0.5), ill), point(reaches(score, 0.5), ill, people)
    assert together.recall.k == alone.recall.k
    assert np.ptp(together.recall.ci) > 2 * np.ptp(alone.recall.ci)
    narrow, wide = auc(score.astype(float), ill), auc(score.astype(float), ill, groups=people)
    assert wide.value == narrow.value and np.ptp(wide.ci) > 2 * np.ptp(narrow.ci)
    single = auc(score.astype(float), ill, groups=np.arange(400))
    np.testing.assert_allclose(single.ci, narrow.ci, atol=0.003)
    lot = halves(ill, people, 0)
    assert all(len(set(lot[people == one])) == 1 for one in range(40))
    assert abs(int(lot[ill].sum()) - int((~lot[ill]).sum())) <= 10


def test_the_groups_of_the_case_are_honoured() -> None:
    view = clinic()
    alone = operating_points(view, "ill")
    view.groups = "patient"  # type: ignore[attr-defined]
    made = operating_points(view, "ill", recall=0.9)
    assert any("same patient were counted together" in n for n in made.notes)
    assert made.fact("recall", "class ill").value == alone.fact("recall", "class ill").value


@pytest.mark.parametrize(
    ("scores", "wanted", "bar"),
    [
        ([0.1, 0.2, 0.3, 0.4], 1.0, 0.1),
        ([0.1, 0.2, 0.3, 0.4], 0.75, 0.2),
        ([0.1, 0.2, 0.3, 0.4], 0.01, 0.4),
        ([0.30000001, 0.5], 1.0, 0.3),
        ([0.123456, 0.5], 1.0, 0.123),
        ([1.2e-5, 0.5], 1.0, 1.2e-5),
        ([0.0, 0.5], 1.0, None),
        ([0.0, 0.5], 0.5, 0.5),
        ([1.0, 1.0], 0.5, 1.0),
    ],
)
def test_the_largest_threshold_that_reaches_it(scores: list[float], wanted: float, bar: float | None) -> None:
    made = threshold_for(np.array(scores, np.float32), wanted)
    assert made == pytest.approx(bar) if bar is not None else made is None
    if made is not None:
        assert reaches(np.array(scores), made).mean() >= wanted


def test_conditions_choose_the_images() -> None:
    view = clinic()
    made = operating_points(view, "ill", where="site=south")
    p, south = view.predictions(), np.arange(400) % 3 == 0
    ill = (p.labels == 0) & south
    assert made.fact("recall", "class ill").n == ill.sum()
    assert made.fact("recall", "class ill").value == (p.scores[ill, 0] > 0.5).mean()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"class_name": "owl"}, "owl"),
        ({"where": "site=moon"}, "meet these conditions|moon"),
        ({"where": "colour=red"}, "colour"),
        ({"split": "train"}, "train"),
        ({"class_name": "ill", "where": "true=well"}, "no images of ill"),
        ({"class_name": "ill", "where": "true=ill"}, "images here are ill"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(RetryError, match=said):
        operating_points(clinic(), **arguments)


def test_without_scores_or_labels_there_is_nothing_to_weigh() -> None:
    with pytest.raises(RetryError, match="without class probabilities"):
        operating_points(counted_view({"data": [[5, 2], [1, 5]]}, has_scores=False))
    view = clinic()
    view.table().labels[:] = -1
    with pytest.raises(RetryError, match="no labels"):
        operating_points(view)


def test_a_threshold_that_is_asked_about_is_told() -> None:
    view = clinic()
    made = operating_points(view, "ill", threshold=0.27)
    p = view.predictions()
    called, ill = p.scores[:, 0] >= np.float32(0.27), p.labels == 0
    assert made.fact("recall", "class ill, threshold 0.27").value == called[ill].mean()
    assert "At a threshold of 0.27 it finds" in made.summary
    assert next(row for row in made.tables[0].rows if row[0] == "0.27")[-1] == "asked"
    high = operating_points(view, "ill", threshold=1.0)  # no image reaches it
    assert "it never answers ill" in high.summary
