"""What a question before a run says: which strategy, of whose choice, with what, and how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failsight.agent.case import Case
from failsight.agent.events import ApprovalAsked
from failsight.agent.foreseen import expected_time, plan
from failsight.agent.planners.order import work
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import FailsightError
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry
from tests.agent.test_retrain import case  # noqa: F401 (a fixture)


def lines(told: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition(": ") for line in told)}


def test_the_strategy_that_would_be_chosen_is_named_before_the_yes(case: Case) -> None:  # noqa: F811
    from failsight.agent.foreseen import _asked
    from failsight.tools.repair.choosing import choose

    chosen = choose(case, _asked(case, {"finding": "F1"})).name.replace("_", " ")  # type: ignore[arg-type]
    session = Session(case, planner=ScriptedPlanner([call("retrain", finding="F1"), "Done."]))
    (asked,) = [e for e in session.say("repair it") if isinstance(e, ApprovalAsked)]
    told = lines(asked.plan)
    record = case.state().find("F1")
    assert record is not None and told["finding"].startswith(f"F1 ({record.finding.statement[:40]}")
    assert told["strategy"].startswith(f"{chosen}, the best fitting one")
    assert chosen not in told.get("instead of it", "")
    assert told["makes"].startswith("3 versions with the repair and 3 of a control arm")
    assert 0 < asked.seconds[0] <= asked.seconds[1] and "rule of thumb" in asked.basis


def test_what_was_asked_for_is_told_with_its_meaning(case: Case) -> None:  # noqa: F811
    told = lines(
        plan(case, "retrain", {"finding": "F1", "strategy": "hard_examples", "epochs": 4, "seeds": 2})
    )
    assert told["strategy"].startswith("hard examples, as asked for.") and "instead of it" not in told
    assert told["epochs"].startswith("4 (Passes over the training images")
    assert told["makes"].startswith("2 versions") and "budget" not in told


def test_more_training_is_expected_to_take_longer_and_less_a_shorter_time(case: Case) -> None:  # noqa: F811
    def most(**asked: object) -> float:
        return expected_time(case, "retrain", {"finding": "F1", **asked})[0][1]

    usual = most(strategy="hard_examples")
    assert most(strategy="train_longer") == pytest.approx(4 * usual)
    assert most(strategy="hard_examples", seeds=1) == pytest.approx(usual / 3)
    assert most(strategy="recalibrate") < usual and most(recipe="export") < usual


def test_what_it_took_before_counts_more_than_an_estimate(case: Case) -> None:  # noqa: F811
    made = Evidence("retrain", "t", "s", {"finding": "F1"}, seconds=77.0, id="E2")
    case.record("evidence.recorded", call="r", evidence=made.to_dict())
    seconds, basis = expected_time(case, "retrain", {"finding": "F1"})
    assert seconds == (77.0, 77.0) and basis == "it took so long before, E2"


def test_nothing_is_made_up_about_what_is_not_known(case: Case) -> None:  # noqa: F811
    assert plan(case, "budget", {"calls": 3}) == () and expected_time(case, "budget", {}) == ((0.0, 0.0), "")
    assert plan(case, "retrain", {"no such": 1}) == ()
    assert expected_time(case, "retrain", {"strategy": "no such"}) == ((0.0, 0.0), "")


def test_a_finding_that_cannot_be_repaired_says_why(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def refuse(view: object, asked: object) -> None:
        raise FailsightError("There is nothing to learn from.")

    monkeypatch.setattr("failsight.tools.repair.choosing.choose", refuse)
    assert lines(plan(case, "retrain", {"finding": "F1"}))["strategy"] == "There is nothing to learn from."


def timed(case: Case, tool: str, seconds: float, number: int, **arguments: object) -> None:  # noqa: F811
    made = Evidence(tool, "t", "s", arguments, seconds=seconds, id=f"E{number}")
    case.record("evidence.recorded", call=f"c{number}", evidence=made.to_dict())


def test_fewer_images_and_draws_are_expected_to_take_less(case: Case) -> None:  # noqa: F811
    images = sum(len(case.table(s)) for s in case.splits() if s in ("data", "train", "deploy"))
    timed(case, "evaluate", 0.5 * images, 7)  # half a second an image

    def most(tool: str = "test_by_masking", **arguments: object) -> float:
        return expected_time(case, tool, arguments)[0][1]

    usual = most(region="center:0.5")
    assert most(region="center:0.5", max_images=10) == pytest.approx(2 + 0.5 * 10 * 10, rel=0.2)
    assert most(region="center:0.5", max_images=10) < usual
    assert most(region="center:0.5", max_images=10, draws=1) == pytest.approx(
        2 + 0.5 * 10 * (1 + 9 / 8), rel=0.2
    )
    assert most("robustness_probe", severities=[1]) < most("robustness_probe") / 3


def test_what_few_images_took_is_a_pace_and_no_total(case: Case) -> None:  # noqa: F811
    timed(case, "test_by_masking", 12.0, 7, region="center:0.5", max_images=10, draws=8)
    (seconds, _), basis = expected_time(
        case, "test_by_masking", {"region": "center:0.5", "max_images": 20, "draws": 8}
    )
    assert seconds == pytest.approx(2 + 10 * 2) and basis == "by the pace of E7"
    again = expected_time(case, "test_by_masking", {"region": "rect:0,0,1,1", "max_images": 10})
    assert again == ((12.0, 12.0), "it took so long before, E7")


def test_a_probe_of_pipelines_counts_them_for_each_image_that_it_takes(case: Case) -> None:  # noqa: F811
    """By measurement: 22 ways of feeding a third of the images, up to 20 more, and three or four of the others: 11 to 15 an image."""
    spec, images = registry()["preprocessing_probe"], len(case.table())
    assert 10 <= spec.passes <= 15
    assert work(case, spec, {}) == spec.passes * min(images, 600)
    few = replace(spec, usual=lambda view: 24)  # of a model that sees large pictures fewer are taken
    assert work(case, few, {}) == spec.passes * 24
    assert work(case, few, {"max_images": 30}) == spec.passes * 30
