"""efficiency: what is timed, and how demands on speed and size are read and judged."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from failsight.agent.planners.expectations import parse_cli, parse_expectation
from failsight.tools.checks.timing import timed
from failsight.tools.efficiency import efficiency
from failsight.tools.errors import ModelFails, RetryError
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.expectations.budgets import show, show_interval
from failsight.tools.expectations.criteria import judge
from failsight.tools.readiness import readiness
from failsight.tools.view import Expectation
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence

CLASSES = ("a", "b")


def view(seconds: float = 0.004, **more: object) -> FakeView:
    """A model that takes this long for a batch, whatever its size."""

    def rule(x: np.ndarray) -> np.ndarray:
        time.sleep(seconds)
        return np.zeros((len(x), 2), np.float32)

    table = FakeTable(np.zeros((6, 4, 4, 3), np.uint8), [0, 1] * 3, CLASSES, bad=[0])
    return FakeView({"data": table}, FakeModel(rule, CLASSES, (4, 4)), **more)  # type: ignore[arg-type]


def test_a_model_that_sleeps_is_timed_as_long_as_it_sleeps() -> None:
    made = efficiency(view(), repeats=40, batch=8)
    check_evidence(made)
    latency, throughput = made.fact("latency_ms"), made.fact("throughput")
    assert 4 <= float(latency.value) < 15  # type: ignore[arg-type]
    assert latency.ci is not None
    assert latency.ci[0] <= latency.value <= latency.ci[1]  # type: ignore[operator]
    assert float(made.fact("latency_p95_ms").value) >= float(latency.value)  # type: ignore[arg-type]
    assert 8 / 0.015 < float(throughput.value) <= 8 / 0.004  # type: ignore[arg-type]
    assert latency.n == 40
    assert any("Parameters can't be counted" in n for n in made.notes)


def test_as_many_runs_are_told_as_were_timed() -> None:
    made = efficiency(view(0.0), repeats=10, batch=2)
    runs = {row[0]: row[3] for row in made.tables[0].rows}
    assert runs["preparing one picture, median"] == 5  # of six pictures one can't be read


def test_the_model_is_timed_on_the_first_image_that_it_answers() -> None:
    table = FakeTable(np.zeros((6, 4, 4, 3), np.uint8), [0, 1] * 3, CLASSES, bad=[0])
    table.pixels[[1, 2]] = 9

    def rule(x: np.ndarray) -> np.ndarray:
        if (x > 0).any():
            raise ModelFails("ValueError: too light", len(x))
        return np.zeros((len(x), 2), np.float32)

    made = efficiency(FakeView({"data": table}, FakeModel(rule, CLASSES, (4, 4))), repeats=10, batch=2)
    assert made.fact("latency_ms").value
    assert any("fails on 2 evaluation images before the one that is timed" in n for n in made.notes)
    table.pixels[:] = 9
    with pytest.raises(RetryError, match=r"answers none of the first evaluation images .*too light"):
        efficiency(FakeView({"data": table}, FakeModel(rule, CLASSES, (4, 4))), repeats=10, batch=2)


def test_a_batch_that_does_not_fit_is_said_in_words() -> None:
    def rule(x: np.ndarray) -> np.ndarray:
        if len(x) > 8:
            raise MemoryError
        return np.zeros((len(x), 2), np.float32)

    table = FakeTable(np.zeros((6, 4, 4, 3), np.uint8), [0, 1] * 3, CLASSES)
    with pytest.raises(RetryError, match="batch of 64 pictures does not fit"):
        efficiency(FakeView({"data": table}, FakeModel(rule, CLASSES, (4, 4))), batch=64)


def test_a_demand_set_later_is_judged_by_a_new_call(tmp_path: Path) -> None:
    table, model = television_world(40)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    before, _ = case.call("efficiency", {"repeats": 10})
    assert any("Nobody has said" in n for n in before.notes)
    case.expect("latency_ms", 5000)
    after, from_journal = case.call("efficiency", {"repeats": 10})
    assert not from_journal
    assert "Within: latency at most 5,000 ms" in after.summary
    case.close()


def test_demands_are_judged_where_they_are_measured() -> None:
    demands = [
        Expectation("latency_ms", 1000, False),
        Expectation("throughput", 1e6),
        Expectation("memory_mb", 1e6, False),
        Expectation("parameters_m", 5, False),
    ]
    made = efficiency(view(expectations=demands), repeats=10)
    check_evidence(made)
    verdicts = {row[0]: row[-1] for row in made.tables[-1].rows}
    assert verdicts == {
        "latency": "holds",
        "throughput": "does not hold",
        "peak memory": "holds",
        "parameters": "undecided",
    }
    assert made.next_steps


def test_a_black_box_can_not_be_timed() -> None:
    table = FakeTable(np.zeros((2, 2, 2, 3), np.uint8), [0, 1], CLASSES)
    with pytest.raises(RetryError):
        efficiency(FakeView({"data": table}, scores={"data": np.eye(2)}))


def test_slow_models_stop_early() -> None:
    runs = timed(lambda: time.sleep(0.01), 1000, 0.05, least=3)
    assert 3 <= len(runs) <= 10


@pytest.mark.parametrize(
    ("text", "name", "bound", "at_least"),
    [
        ("latency at most 50 ms", "latency_ms", 50, False),
        ("the latency must be at most 0.1 seconds per image", "latency_ms", 100, False),
        ("at least 20 images per second", "throughput", 20, True),
        ("throughput >= 1,000 images/s", "throughput", 1000, True),
        ("memory below 2 GB", "memory_mb", 2000, False),
        ("at most 5 million parameters", "parameters_m", 5, False),
    ],
)
def test_demands_in_plain_words(text: str, name: str, bound: float, at_least: bool) -> None:
    made = parse_expectation(text, CLASSES)
    assert made is not None
    assert (made.name, made.bound, made.at_least) == (name, pytest.approx(bound), at_least)


@pytest.mark.parametrize(
    "text", ["is it faster than 20 ms", "accuracy at most 5 m", "more than 3 s of cats", "what about latency"]
)
def test_other_sentences_are_no_demands(text: str) -> None:
    assert parse_expectation(text, CLASSES) is None


def test_the_command_line_keeps_the_unit() -> None:
    made = parse_cli("latency_ms<=50", CLASSES)
    assert made is not None
    assert (made.bound, made.at_least) == (50, False)
    assert parse_cli("accuracy>=90", CLASSES).bound == pytest.approx(0.9)  # type: ignore[union-attr]


def measured(value: float, ci: tuple[float, float], late: float) -> Evidence:
    facts = (
        Fact("latency_ms", value, "score", "", ci, 100),
        Fact("latency_p95_ms", late, "score", "", None, 100),
    )
    return Evidence("efficiency", "t", "s", facts=facts)


@pytest.mark.parametrize(("ci", "holds"), [((8, 12), True), ((25, 31), False), ((15, 25), None)])
def test_a_bound_holds_only_when_the_whole_interval_does(ci: tuple[float, float], holds: bool | None) -> None:
    (made,) = judge({}, [Expectation("latency_ms", 20, False)], efficiency=measured(sum(ci) / 2, ci, 1.0))
    assert made.holds is holds


def test_late_pictures_are_mentioned_and_unmeasured_demands_undecided() -> None:
    (made,) = judge({}, [Expectation("latency_ms", 20, False)], efficiency=measured(10, (9, 11), 30))
    assert made.holds
    assert "One picture in twenty" in made.reason
    (made,) = judge({}, [Expectation("latency_ms", 20, False)])
    assert made.holds is None
    assert "not been measured" in made.reason


def test_readiness_reads_the_newest_measurement() -> None:
    made = view(expectations=[Expectation("latency_ms", 20, False)])
    assert readiness(made).fact("readiness").value == "undecided"
    made.recorded = [measured(10, (9, 11), 12), measured(40, (39, 41), 45)]
    told = readiness(made)
    check_evidence(told)
    assert told.fact("readiness").value == "not_ready"
    assert "latency at most 20 ms: 40 ms [39, 41] ms" in told.summary


def test_a_case_takes_demands_beyond_one_and_judges_them(tmp_path: Path) -> None:
    table, model = television_world(40)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    case.expect("latency_ms", 5000)
    assert not case.expectations[0].at_least
    before, _ = case.call("readiness")
    assert before.fact("readiness").value == "undecided"
    case.call("efficiency", {"repeats": 10})
    made, _ = case.call("readiness")
    assert made.fact("readiness").value == "ready"
    case.close()


def test_numbers_carry_their_unit() -> None:
    assert show("throughput", 12345.6) == "12,346 images/s"
    assert show("latency_ms", None) == "–"
    assert show_interval("latency_ms", (1.25, float("inf"))) == "[1.25, ∞] ms"
