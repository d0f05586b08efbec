"""feature_attack: a known feature is raised by many standard deviations, and what can't be done is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.feature_attack import feature_attack
from tests.experiments.feature_world import BLUE, CLASSES, WHITE, case, rooms
from tests.experiments.test_feature_reader import shipped
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec


def test_blue_rises_by_more_than_ten_standard_deviations_and_is_shown(tmp_path: Path) -> None:
    view = case(rooms(200, share=0.0), folder=tmp_path)
    made = feature_attack(view, BLUE, images=3, iterations=60)
    check_evidence(made)
    name = f"feature #{BLUE}"
    before, after = made.fact("feature_before", name).value, made.fact("feature_after", name).value
    assert isinstance(before, float) and isinstance(after, float) and after > before
    values = view.features()[1][:, BLUE]
    assert made.fact("feature_sd", name).value == pytest.approx(values.std(), rel=1e-4)
    assert before == pytest.approx(np.sort(values)[-3:].mean(), abs=1e-4)
    assert made.fact("rise_in_sd", name).value == pytest.approx((after - before) / values.std(), rel=1e-3)
    assert (tmp_path / made.figures[0].path).is_file()
    assert len(made.images) == 3 and all(i.label == "blue_room" for i in made.images)
    label, total, done = view.progress.jobs[-1]
    assert "raising" in label and total == done == 60
    assert any("224" in n for n in made.notes)


def test_it_starts_from_where_it_is_told() -> None:
    view = case(rooms(100))
    high = feature_attack(view, WHITE, images=2, iterations=1)
    low = feature_attack(view, BLUE, class_name="blue_room", start="lowest", images=2, iterations=1)
    drawn = feature_attack(view, BLUE, start="random", images=2, iterations=1)
    assert drawn.to_dict() == feature_attack(view, BLUE, start="random", images=2, iterations=1).to_dict()
    assert all(view.table().columns["patch"][i.row] == "yes" for i in high.images)
    assert all(i.label == "blue_room" for i in low.images)


def test_too_small_a_rise_is_said() -> None:
    made = feature_attack(case(rooms(100)), BLUE, images=1, iterations=1, step=0.01)
    assert any("less than 10" in n for n in made.notes)


def test_features_of_another_model(tmp_path: Path) -> None:
    made = feature_attack(
        case(rooms(60, bad=(2,))), 7, feature_model=str(shipped(tmp_path / "other")), images=2, iterations=5
    )
    check_evidence(made)
    assert made.facts[0].of == "other feature #7" and made.questions == ()


def test_what_can_not_be_done_is_said() -> None:
    view = case(rooms(40))
    for arguments, says in (
        ({"feature": 4}, "numbered 0 to 3"),
        ({"feature": 0, "class_name": "attic"}, "attic"),
        ({"feature": 0, "split": "deploy"}, "deploy"),
        ({"feature": 0, "feature_model": "/nowhere"}, "feature_model"),
    ):
        with pytest.raises(RetryError, match=says):
            feature_attack(view, **arguments)  # type: ignore[arg-type]
    box = FakeView({"data": rooms(10)}, scores={"data": np.eye(2)[np.zeros(10, int)]})
    with pytest.raises(RetryError, match="feature_model"):
        feature_attack(box, 0)
    plain = FakeView({"data": rooms(10)}, FakeModel(lambda x: x.mean((1, 2))[:, :2], CLASSES, (24, 24)))
    plain.given_features["data"] = np.ones((10, 2))
    with pytest.raises(RetryError, match="can't be reached"):
        feature_attack(plain, 0)
    plain.given_features["data"][3] = np.nan
    with pytest.raises(RetryError, match="finite"):
        feature_attack(plain, 0)
    one_class = FakeTable(np.zeros((5, 24, 24, 3)), [0] * 5, CLASSES)
    with pytest.raises(RetryError, match="no image"):
        feature_attack(case(one_class), 0, class_name="blue_room")


def test_a_feature_that_never_varies_has_no_standard_deviations() -> None:
    made = feature_attack(
        case(FakeTable(np.zeros((5, 24, 24, 3)), [0, 1, 0, 1, 0], CLASSES)), WHITE, iterations=2
    )
    check_evidence(made)
    assert made.fact("rise_in_sd", f"feature #{WHITE}").value is None


def test_the_arguments_are_described_and_bounded() -> None:
    check_spec(feature_attack)


def test_through_the_agent_graph_it_waits_for_a_yes(tmp_path: Path) -> None:
    from failsight.agent.events import ApprovalAsked
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from tests.experiments.feature_world import colour_net
    from tests.fakes.case import FakeCase

    table = rooms(60)
    model = FakeModel(None, CLASSES, (24, 24), module=colour_net())
    with FakeCase(tmp_path / "case", {"data": table}, model) as opened:
        planner = ScriptedPlanner(
            [call("feature_attack", "look", feature=BLUE, images=1, iterations=5), "Done."]
        )
        session = Session(opened, planner=planner, policy="ask")
        events: list[Any] = list(session.say("what is feature 2?"))
        assert any(isinstance(e, ApprovalAsked) for e in events)
        assert not opened.evidence("feature_attack")
        session.close()
