"""The selection benchmark judges rightly: who may be chosen, who judges, and how the table is reckoned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.planted.methods import true_attributes
from benchmarks.planted.pool import ATTRIBUTES, Pool
from benchmarks.planted.problems import Problem, has_value
from benchmarks.selection import run as running
from benchmarks.selection.generated import Renderer, by_class, by_slice
from benchmarks.selection.methods import BASELINES, Chooser, Way
from benchmarks.selection.run import Result, load, run
from benchmarks.selection.table import complete, markdown, means
from benchmarks.selection.trials import TooFew, Trial, in_bug, open_trial
from failsight.knowledge_base.cases.scene import CLASSES, STYLE_COLUMNS, VALUES

N = 24_000


@pytest.fixture(scope="module")
def pool() -> Pool:
    """A pool of attributes; the pictures are numbers, so that no two are alike."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, N)
    codes = {}
    for name in ATTRIBUTES:
        own = labels == [*STYLE_COLUMNS.values()].index(name) if name in STYLE_COLUMNS.values() else None
        drawn = rng.integers(0 if own is None else 1, len(VALUES[name]), N)
        codes[name] = (drawn if own is None else np.where(own, drawn, 0)).astype(np.int8)
    codes["framing"] = (rng.random(N) < 0.3).astype(np.int8)
    small = np.broadcast_to(np.arange(N, dtype=np.int32).view(np.uint8).reshape(N, 1, 1, 4), (N, 3, 1, 4))
    large = np.broadcast_to(np.zeros((1, 8, 8, 3), np.uint8), (N, 8, 8, 3))
    return Pool("made up", labels, codes, small, large)


def problem(kind: str, **given: Any) -> Problem:
    attribute, value, target, strength = {
        "correlation": ("television", "yes", "kitchen", 0.9),
        "rare": ("bath_style", "shower", "bathroom", 0.02),
    }[kind]
    fields: dict[str, Any] = {
        "kind": kind, "task": "five", "classes": CLASSES, "target": target, "attribute": attribute, "value": value,
        "strength": strength, "share": 0.3 if kind == "rare" else 0.0, "close": 0.3, "train": 1000, "evaluation": 1500,
        "epochs": 1, "seed": f"test/{kind}",
    }  # fmt: skip
    return Problem(**{**fields, **given})


def answered(trial: Trial, follows: str) -> Trial:
    """The trial with a network that calls everything with the value the target, and is right about the rest."""

    def answers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        truth = trial.rows.labels[rows]
        called = np.where(
            has_value(trial.problem, trial.pool)[rows], trial.problem.classes.index(follows), truth
        )
        scores = np.full((len(rows), len(trial.problem.classes)), 0.01, np.float32)
        scores[np.arange(len(rows)), called] = 1 - 0.01 * (scores.shape[1] - 1) - rows % 7 * 1e-3
        features = np.eye(len(trial.problem.classes), dtype=np.float32)[truth] + (rows % 5)[:, None] * 0.1
        return features.astype(np.float32), scores

    object.__setattr__(trial, "answers", answers)
    return trial


@pytest.mark.parametrize("kind", ["correlation", "rare"])
def test_nobody_is_chosen_from_the_pictures_that_judge(pool: Pool, kind: str) -> None:
    one, two = (open_trial(problem(kind), pool, seed) for seed in (0, 1))
    parts = [one.rows.train, one.rows.evaluation, one.rows.reserve, one.unlabelled]
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    assert np.array_equal(one.rows.reserve, two.rows.reserve) and len(one.rows.reserve) == 1500
    assert not np.array_equal(one.unlabelled, two.unlabelled) and one.mark != two.mark
    assert np.array_equal(one.unlabelled, open_trial(problem(kind), pool, 0).unlabelled)


def test_half_of_the_images_are_of_the_old_kind(pool: Pool) -> None:
    trial = open_trial(problem("correlation"), pool, 0)
    has, kitchen = has_value(trial.problem, pool), trial.rows.labels == CLASSES.index("kitchen")
    rows = trial.unlabelled
    assert has[rows][kitchen[rows]].mean() == pytest.approx((0.9 + 0.5) / 2, abs=0.03)
    assert has[rows][~kitchen[rows]].mean() == pytest.approx((0.1 + 0.5) / 2, abs=0.03)
    bug = in_bug(trial.problem, pool, trial.rows.labels)
    assert np.array_equal(bug, kitchen != has)
    rare = open_trial(problem("rare"), pool, 0)
    shower = has_value(rare.problem, pool)
    assert shower[rare.unlabelled][rare.rows.labels[rare.unlabelled] == 0].mean() == pytest.approx(0.16, abs=0.03)  # fmt: skip
    assert np.array_equal(in_bug(rare.problem, pool, rare.rows.labels), shower)
    with pytest.raises(TooFew):
        open_trial(replace(problem("rare"), train=6000, evaluation=9000), pool, 0)


def test_every_way_spends_the_budget_and_ours_finds_what_the_bug_is_about(pool: Pool) -> None:
    trial = answered(open_trial(problem("correlation"), pool, 0), "kitchen")
    chooser = Chooser(trial, None)
    bug = in_bug(trial.problem, pool, trial.rows.labels)
    share = {}
    for name, way in BASELINES.items():
        rows = chooser.choose(way, 60)
        assert len(set(rows.tolist())) == (60 if way.method else 0) and set(rows) <= set(
            trial.unlabelled.tolist()
        )
        share[name] = float(bug[rows].mean()) if len(rows) else 0.0
    assert share["Failsight, true attributes"] > 0.9 and share["random"] < 0.5
    with pytest.raises(ValueError, match="encoder"):
        chooser.choose(Way("hibug", words=True), 10)


def result(problem: str, seed: int, method: str, error: float) -> Result:
    picked = None if method == "none added" else 0.5
    return Result(problem, "rare", seed, method, 10, 100, error, 2 * error, error / 2, picked, 0.1, 0.5)


def test_means_are_over_seeds_first_and_only_over_whole_trials() -> None:
    rows = [
        result(p, s, m, e)
        for p, s, errors in (("a", 0, (0.4, 0.3, 0.2)), ("a", 1, (0.4, 0.5, 0.2)), ("b", 0, (0.6, 0.6, 0.1)))
        for m, e in zip(("none added", "random", "Failsight"), errors, strict=True)
    ]
    rows += [result("c", 0, "random", 0.0)]  # the others did not get that far
    assert len(complete(rows)) == 9
    assert means(complete(rows), "random").error == {"a": pytest.approx(0.4), "b": 0.6}
    lines = markdown(rows)
    ours = next(line for line in lines if line.startswith("| **Failsight**"))
    # (0.4 − 0.2, 0.6 − 0.1) less error than random, 35 points on average; better in both
    assert "15.0 %" in ours and "+35.0" in ours and "| 2 of 2 |" in ours
    assert "0.50 (there 0.10)" in ours and "All problems: 2 problems, 3 trials" in lines[0]
    assert markdown([]) == ["No trial is complete."]


def test_a_run_goes_on_where_it_was(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, tuple[str, ...]]] = []

    def fake(trial: Trial, ways: Any, words: Any, budget: int) -> Any:
        asked.append((trial.seed, tuple(ways)))
        for name in ways:
            yield result(trial.problem.seed, trial.seed, name, 0.1)
            if len(asked) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(running, "_results", fake)
    ways = {"random": Way("random"), "core-set": Way("coreset")}
    given: Any = ([problem("rare")], [0, 1], ways, pool, None, tmp_path / "out.jsonl")
    with pytest.raises(KeyboardInterrupt):
        run(*given)
    assert len(run(*given)) == 4 and asked == [
        (0, ("random", "core-set")),
        (0, ("core-set",)),
        (1, ("random", "core-set")),
    ]
    assert len(load(tmp_path / "out.jsonl")) == 4 and len(run(*given)) == 4 and len(asked) == 3


def test_pictures_are_generated_where_a_class_fails(pool: Pool) -> None:
    trial = answered(open_trial(problem("correlation"), pool, 0), "kitchen")
    plain, sliced = by_class(trial.problem, 50), by_slice(trial, 50)
    assert [w.class_name for w in plain] == [c for c in CLASSES for _ in range(10)] and not any(
        w.values for w in plain
    )
    assert [sum(w.class_name == c for w in sliced) for c in CLASSES] == [10] * 5
    # kitchens never fail; all others fail where there is a television, and nowhere else
    assert all(
        (dict(w.values) == {}) if w.class_name == "kitchen" else (w.values.get("television") == "yes")
        for w in sliced
    )
    drawn = Renderer().draw(trial, sliced).pictures
    rows = np.ascontiguousarray(drawn[:, 0, 0, :]).view(np.int32).ravel()
    assert len(set(rows.tolist())) == 50
    taken = np.concatenate([trial.rows.train, trial.rows.evaluation, trial.rows.reserve])
    assert not set(rows.tolist()) & set(taken.tolist())
    assert [CLASSES[trial.rows.labels[r]] for r in rows] == [w.class_name for w in sliced]
    television = np.array([w.class_name != "kitchen" for w in sliced])
    assert (pool.codes["television"][rows][television] == 1).all()


def test_true_attributes_name_what_pictures_show(pool: Pool) -> None:
    assert "television" in true_attributes(problem("correlation"), pool).names
