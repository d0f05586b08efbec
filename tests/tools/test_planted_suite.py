"""The planted suite judges rightly: what is planted, who took it up, what was found, and the methods beside ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.planted.compare import Entry, compare, exchanged, markdown
from benchmarks.planted.domino import described, domino
from benchmarks.planted.methods import Said, failsight, hibug, true_attributes, true_methods
from benchmarks.planted.metrics import holds, names_attribute, names_value, score, true_slice
from benchmarks.planted.pool import ATTRIBUTES, Pool, open_pool
from benchmarks.planted.problems import Problem, draw, has_value, rows_of
from benchmarks.planted.run import Drawn, compared, drawn_problems
from benchmarks.planted.takeup import TakeUp, take_up
from benchmarks.planted.training import Answers, answers_of
from failsight.knowledge_base.cases.scene import CLASSES, STYLE_COLUMNS, VALUES

N = 12_000


@pytest.fixture(scope="module")
def pool() -> Pool:
    """A pool of attributes without pictures."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, N)
    codes = {}
    for name in ATTRIBUTES:
        if name in STYLE_COLUMNS.values():
            own = labels == [STYLE_COLUMNS[c] for c in CLASSES].index(name)
            codes[name] = np.where(own, rng.integers(1, 3, N), 0).astype(np.int8)
        else:
            codes[name] = rng.integers(0, len(VALUES[name]), N).astype(np.int8)
    codes["framing"] = (rng.random(N) < 0.3).astype(np.int8)
    small = np.broadcast_to(np.zeros((1, 3, 48, 48), np.uint8), (N, 3, 48, 48))
    large = np.broadcast_to(np.zeros((1, 96, 96, 3), np.uint8), (N, 96, 96, 3))
    return Pool("made up", labels, codes, small, large)


def problem(kind: str = "correlation", **given: object) -> Problem:
    planted = {
        "correlation": ("cat", "yes", "kitchen", 0.9),
        "rare": ("bath_style", "shower", "bathroom", 0.02),
        "null": ("", "", "", 0.0),
    }
    attribute, value, target, strength = planted[kind]
    fields = {
        "kind": kind, "task": "five", "classes": CLASSES, "target": target, "attribute": attribute, "value": value,
        "strength": strength, "share": 0.3 if kind == "rare" else 0.0, "close": 0.0, "train": 1000, "evaluation": 2000,
        "epochs": 1, "seed": f"test/{kind}",
    }  # fmt: skip
    return Problem(**{**fields, **given})  # type: ignore[arg-type]


def answers(made: Problem, pool: Pool, wrong: str = "", rate: float = 0.0, base: float = 0.05) -> Answers:
    """Answers by a rule: a base rate of errors, and ``wrong`` pictures called the target (or the next class) more often."""
    rng = np.random.default_rng(5)
    rows = rows_of(made, pool)
    classes = len(made.classes)

    def guess(where: np.ndarray) -> np.ndarray:
        labels = rows.labels[where]
        guessed = np.where(rng.random(len(where)) < base, (labels + 1) % classes, labels)
        if not wrong:
            return guessed
        hit = has_value(made, pool)[where] & (rng.random(len(where)) < rate)
        target = made.classes.index(made.target)
        if wrong == "pull":
            return np.where(hit, target, guessed)
        other = (labels + rng.integers(1, classes, len(where))) % classes
        return np.where(hit & (labels == target), other, guessed)

    scores = np.eye(classes, dtype=np.float32)[guess(rows.evaluation)] * 0.8 + 0.2 / classes
    return Answers(rows, scores.astype(np.float32), guess(rows.reserve), 0.0)


def test_the_same_problem_is_drawn_every_time_and_development_is_never_final() -> None:
    assert draw("final", "rare", 3) == draw("final", "rare", 3)
    seen = {draw(p, "correlation", i) for p in ("development", "final") for i in range(40)}
    assert len(seen) == 80
    strengths = [one.strength for one in seen]
    assert min(strengths) >= 0.7
    assert max(strengths) <= 0.95
    assert all(one.attribute not in one.classes for one in seen)


def test_training_is_tied_as_planned_and_evaluation_is_not(pool: Pool) -> None:
    made = problem()
    rows = rows_of(made, pool)
    has = has_value(made, pool)
    kitchen = rows.labels == CLASSES.index("kitchen")
    train = np.zeros(N, bool)
    train[rows.train] = True
    assert has[train & kitchen].mean() == pytest.approx(0.9, abs=0.01)
    assert has[train & ~kitchen].mean() == pytest.approx(0.1, abs=0.01)
    there = rows.evaluation
    assert abs(np.corrcoef(has[there], kitchen[there])[0, 1]) < 0.02
    everything = np.concatenate([rows.train, rows.evaluation, rows.reserve])
    assert len(np.unique(everything)) == len(everything)


def test_a_rare_value_is_rare_in_training_and_common_in_evaluation(pool: Pool) -> None:
    made = problem("rare")
    rows, has = rows_of(made, pool), has_value(made, pool)
    bathroom = CLASSES.index("bathroom")
    assert has[rows.train[rows.labels[rows.train] == bathroom]].mean() == pytest.approx(0.02, abs=0.01)
    assert has[rows.evaluation[rows.labels[rows.evaluation] == bathroom]].mean() == pytest.approx(
        0.3, abs=0.01
    )


def test_what_a_network_took_up_counts_and_what_it_did_not_does_not(pool: Pool) -> None:
    made = problem()
    assert take_up(made, pool, answers(made, pool, "pull", 0.5)).counts
    assert not take_up(made, pool, answers(made, pool)).counts
    rare = problem("rare")
    assert take_up(rare, pool, answers(rare, pool, "slice", 0.5)).counts
    assert not take_up(rare, pool, answers(rare, pool)).counts
    null = problem("null")
    assert take_up(null, pool, answers(null, pool)).size < 0.15


def test_the_exact_value_is_the_value_alone_with_the_right_class() -> None:
    five = problem()
    pull = "spurious_correlation"
    assert names_value(five, Said((("cat", "yes"),), pull, "kitchen")) == "yes"
    assert names_value(five, Said((("cat", "yes"),), pull, "bedroom")) == "no"
    assert names_value(five, Said((("cat", "no"),), pull, "bedroom")) == "no"
    assert names_value(five, Said((("cat", "yes"), ("floor", "wood")), "weak_slice")) == "no"
    assert names_value(five, Said((("cat", "yes"),), "weak_slice", "bedroom")) == "yes"
    assert names_attribute(five, Said((("cat", "no"),), "weak_slice"))
    two = problem(classes=("bedroom", "kitchen"), task="pair")
    assert names_value(two, Said((("cat", "no"),), pull, "bedroom")) == "same"
    assert names_value(two, Said((("cat", "no"),), pull, "kitchen")) == "no"
    assert names_value(two, Said((("cat", "no"),), "weak_slice", "kitchen")) == "same"


def test_a_sub_case_names_a_rare_case_but_not_exactly() -> None:
    rare = problem("rare")
    sub = Said((("bath_style", "shower"), ("floor", "wood")), "rare_case", "bathroom")
    assert names_attribute(rare, sub)
    assert names_value(rare, sub) == "no"
    assert names_value(rare, Said((("bath_style", "shower"),), "rare_case", "bathroom")) == "yes"
    assert not names_attribute(rare, Said((("bath_style", "tub"),), "weak_slice"))


def test_failsight_finds_what_is_planted_and_calls_it_what_it_is(pool: Pool) -> None:
    made = problem()
    given = answers(made, pool, "pull", 0.4)
    attributes = true_attributes(made, pool)
    result = score(made, pool, given, attributes, failsight(made, pool, given, attributes), 0.0)
    assert result.attribute
    assert result.strict
    assert result.kind
    assert result.precision == 1.0


def test_hibug_names_the_correlation_among_much_else(pool: Pool) -> None:
    made = problem()
    given = answers(made, pool, "pull", 0.9)
    said = hibug(made, pool, given, true_attributes(made, pool))
    assert any(names_attribute(made, one) for one in said)
    assert len(said) > 1


def test_exchanged_answers_keep_every_class_s_errors_and_lose_the_bug(pool: Pool) -> None:
    made = problem("null")
    given = replace(answers(made, pool), scores=answers(problem(), pool, "pull", 0.5).scores)
    swapped = exchanged(made, given)
    for c in range(5):
        mine = given.labels == c
        assert (swapped.predicted[mine] == c).sum() == (given.predicted[mine] == c).sum()
    assert not np.array_equal(swapped.scores, given.scores)


def test_a_statement_holds_where_the_reserve_shows_it(pool: Pool) -> None:
    made = problem()
    given = answers(made, pool, "pull", 0.4)
    attributes = true_attributes(made, pool)
    assert holds(made, given, attributes, Said((("cat", "yes"),), "spurious_correlation", "kitchen"))
    assert not holds(made, given, attributes, Said((("cat", "no"),), "weak_slice"))
    true = true_slice(made, pool, given)
    assert 0.4 < true.mean() < 0.6


def test_domino_gathers_a_cluster_of_errors_and_names_it_by_the_nearest_phrase() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 1200)
    cluster = rng.random(1200) < 0.2
    pictures = rng.normal(0, 0.3, (1200, 16))
    pictures[cluster, 3] += 3.0
    scores = np.full((1200, 2), 0.1)
    scores[np.arange(1200), np.where(cluster, 1 - labels, labels)] = 0.9
    slices = domino(pictures, labels, scores)
    assert len(slices) == 5
    top = np.argsort(-slices[0].members)[:10]
    assert cluster[top].mean() >= 0.9
    assert described(slices, pictures, labels, np.eye(16))[0] == 3


def test_the_table_has_a_line_for_every_method_and_results_are_kept(pool: Pool, tmp_path) -> None:
    problems = [Drawn(p, TakeUp(True, 0.5, 0.1)) for p in (problem(), problem("rare"), problem("null"))]
    rules = {"correlation": ("pull", 0.4), "rare": ("slice", 0.6), "null": ("", 0.0)}
    entries = {name: Entry(one, true_attributes) for name, one in true_methods().items()}
    path = tmp_path / "results.jsonl"
    results = compare(problems, pool, lambda p: answers(p, pool, *rules[p.kind]), entries, path=path)
    never = {name: Entry(lambda *_: pytest.fail("it was run before"), true_attributes) for name in entries}
    assert compare(problems, pool, lambda p: answers(p, pool), never, path=path) == results
    assert len(results) == len(entries) * 4  # the null problem twice
    lines = "\n".join(
        markdown(results, {"correlation": problems[:1], "rare": problems[1:2], "null": problems[2:]})
    )
    for name in entries:
        assert lines.count(f"| {name} |") == 4
    by_kind = {(r.method, r.problem.kind): r.score for r in results if not r.exchanged}
    assert by_kind["Failsight, true attributes", "rare"].kind


def test_pictures_are_drawn_once_and_networks_trained_once(tmp_path) -> None:
    drawn_pictures: list[int] = []
    pool = open_pool(tmp_path, 300, lambda done, _: drawn_pictures.append(done))
    again = open_pool(tmp_path, 300, lambda done, _: drawn_pictures.append(done))
    assert drawn_pictures == [300]
    assert pool.fingerprint == again.fingerprint
    assert pool.large[0].std() > 5
    tiny = problem("null", train=60, evaluation=60)
    first = answers_of(tiny, pool, tmp_path)
    second = answers_of(tiny, again, tmp_path)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert second.seconds == first.seconds


def test_an_interrupted_run_goes_on_where_it_was(
    pool: Pool, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.planted import run

    trained: list[str] = []

    def train(made: Problem, given: Pool, *rest: object) -> Answers:
        trained.append(made.seed)
        if len(trained) == 4:
            raise KeyboardInterrupt
        return answers(made, given, "pull" if made.kind == "correlation" else "", 0.9)

    monkeypatch.setattr(run, "answers_of", train)
    with pytest.raises(KeyboardInterrupt):
        drawn_problems("development", {"correlation": 3, "null": 3}, pool, tmp_path, quiet=True)
    made = drawn_problems("development", {"correlation": 3, "null": 3}, pool, tmp_path, quiet=True)
    assert len(trained) == len(set(trained)) + 1  # only the interrupted one twice
    assert sum(one.problem.kind == "null" for one in compared(made)) >= 3


def test_ranges_of_computed_numbers_are_read_as_find_slices_writes_them(pool: Pool) -> None:
    from benchmarks.planted.methods import meets

    made = replace(
        true_attributes(problem(), pool), computed={"brightness": np.array([0.1, 0.3, 0.5, np.nan])}
    )
    rows = np.arange(4)
    for text, wanted in (
        ("very dark (< 0.3)", [True, False, False, False]),
        ("middle (0.3 to 0.5)", [False, True, False, False]),
        ("bright (≥ 0.3)", [False, True, True, False]),
        ("no range", [False] * 4),
    ):
        np.testing.assert_array_equal(meets(made, rows, [("brightness", text)]), wanted)
