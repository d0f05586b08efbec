"""The order of play: the check that tells most for its cost comes next, and what is settled is not asked again."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from failsight.agent.config import make_config
from failsight.agent.planners import order, steps
from failsight.agent.state import CaseState
from failsight.knowledge_base.workflow import workflows
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Fact, Finding
from failsight.tools.registry import ToolSpec, registry
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(200)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def nothing(view: Any) -> Evidence:
    """Measure nothing."""
    return Evidence("nothing", "Nothing", "Nothing.")


def recorded(*facts: Fact, findings: tuple[Finding, ...] = (), seconds: float = 1.0) -> CaseState:
    state = CaseState()
    made = Evidence("evaluate", "t", "s", facts=facts, findings=findings, seconds=seconds, id="E1")
    state._on_evidence_recorded({"evidence": made.to_dict(), "call": "c"}, 1)
    return state


def test_entropy_is_that_of_a_coin() -> None:
    assert order.entropy(0.5) == 1
    assert order.entropy(0) == order.entropy(1) == 0
    assert order.entropy(0.11) == pytest.approx(-(0.11 * math.log2(0.11) + 0.89 * math.log2(0.89)))


def test_before_anything_is_measured_the_priors_hold() -> None:
    believed = order.beliefs(CaseState())
    assert believed["preprocessing"] == pytest.approx(0.10)
    assert all(0 < p < 1 for p in believed.values())


def test_hardly_better_than_guessing_speaks_for_a_wrong_pipeline() -> None:
    recalls = [Fact("recall", 0.1, of=f"class {i}") for i in range(10)]
    state = recorded(Fact("accuracy", 0.12), *recalls)
    assert order.signs(state) == ["near_chance"]
    odds = 0.1 / 0.9 * 8
    assert order.beliefs(state)["preprocessing"] == pytest.approx(odds / (1 + odds))


def test_a_gap_to_the_training_images_speaks_for_overfitting() -> None:
    state = recorded(Fact("accuracy", 0.7), Fact("accuracy_drop_same_mix", 0.2, "points", "train to data"))
    assert order.signs(state) == ["train_gap"]
    assert order.beliefs(state)["overfitting"] > order.beliefs(CaseState())["overfitting"]


@pytest.mark.parametrize("verdict", ["confirmed", "refuted"])
def test_a_settled_kind_is_believed_no_more(verdict: Any) -> None:
    found = Finding("leakage", "correctness", "data_engineering", "s", verdict=verdict)
    assert "leakage" not in order.beliefs(recorded(findings=(found,)))
    found = Finding("leakage", "correctness", "data_engineering", "s", verdict="inconclusive")
    assert "leakage" in order.beliefs(recorded(findings=(found,)))


def test_the_cheaper_of_two_equal_checks_comes_first(case: FakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = ToolSpec("cheap", nothing, "pass", decides=("class_imbalance",), passes=1)
    dear = ToolSpec("dear", nothing, "pass", decides=("class_imbalance",), passes=30)
    telling = ToolSpec(
        "telling", nothing, "pass", decides=("class_order", "class_imbalance", "preprocessing"), passes=1
    )
    monkeypatch.setattr(order, "registry", lambda: {"cheap": cheap, "dear": dear, "telling": telling})
    assert [p.tool for p in order.ranked(case, ["dear", "cheap", "telling"])] == ["telling", "cheap", "dear"]
    best = order.ranked(case, ["telling"])[0]
    assert best.kinds[0] == "class_imbalance"
    assert best.rate == best.bits / best.cost


def test_what_nothing_here_can_decide_is_not_promised(case: FakeCase, tmp_path: Path) -> None:
    for name, kind in (("shift", "distribution_shift"), ("duplicates_and_leakage", "leakage")):
        assert kind in registry()[name].decides
        assert (
            kind not in order.promise(case, CaseState(), registry()[name], order.beliefs(CaseState())).kinds
        )
    table, model = television_world(40)
    whole = FakeCase(
        tmp_path / "whole", {"data": table, "train": table, "deploy": table}, model, deploy="fake"
    )
    for name, kind in (("shift", "distribution_shift"), ("duplicates_and_leakage", "leakage")):
        assert kind in order.promise(whole, CaseState(), registry()[name], order.beliefs(CaseState())).kinds


def test_the_pace_of_scores_that_were_read_back_is_no_pace(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "per_image", lambda case: 0.02)  # a model of 224 × 224
    images = len(case.table())
    assert order.measured(case, recorded(Fact("accuracy", 0.7), seconds=0.0002 * images)) is None
    assert order.measured(case, recorded(Fact("accuracy", 0.7), seconds=0.004 * images)) == pytest.approx(
        0.004
    )


def test_the_order_goes_by_a_rule_and_what_is_told_by_what_was_measured(case: FakeCase) -> None:
    spec = ToolSpec("probe", nothing, "pass", passes=10, sample=50)
    rule = 0.0005 + 4e-7 * 24 * 24
    before = order.promise(case, CaseState(), spec, {})
    assert before.cost == before.seconds == pytest.approx(1.0 + rule * 50 * 10)
    slow = order.promise(case, recorded(Fact("accuracy", 0.7), seconds=200.0), spec, {})
    assert slow.cost == before.cost
    assert slow.seconds == pytest.approx(1.0 + 1.0 * 50 * 10)
    cached = order.promise(case, recorded(Fact("accuracy", 0.7), seconds=0.001), spec, {})
    assert cached.seconds == before.seconds


def test_the_basis_is_never_reordered_and_every_workflow_begins_with_it(case: FakeCase) -> None:
    step = steps.next_step(case)
    assert step is not None
    assert step.tool == "describe_case"
    for name in workflows():
        planned = [t for _, names in steps.stages(name) for t in names]
        assert planned, name
        assert planned[-1] == "readiness"


def test_another_workflow_is_another_order(tmp_path: Path) -> None:
    table, model = television_world(300)
    order_of: dict[str, list[str]] = {}
    for name in ("reactive", "fairness_review"):
        made = FakeCase(tmp_path / name, {"data": table}, model, workflow=name)
        tools: list[str] = []
        while (step := steps.next_step(made)) is not None and len(tools) < 5:
            tools.append(step.tool)
            made.call(step.tool, step.arguments)
        order_of[name] = tools
    assert len({tuple(t) for t in order_of.values()}) == 2


def test_an_unknown_workflow_names_the_known(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(UserError, match=r"no workflow 'fast'.*bug_elimination"):
        make_config(model=str(tmp_path / "m"), data=str(tmp_path), workflow="fast")


def test_a_check_of_which_nothing_is_left_to_learn_is_left_out(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ToolSpec("known", nothing, "instant", decides=("leakage",), answers=("input.16",))
    monkeypatch.setattr(order, "registry", lambda: {"known": spec})
    found = Finding("leakage", "correctness", "data_engineering", "s", verdict="refuted")
    state = recorded(findings=(found,))
    state.answered["input.16"] = "E1"
    assert order.promise(case, state, spec, order.beliefs(state)).bits == 0


def test_every_kind_that_a_tool_decides_has_a_prior() -> None:
    priors = order._data()["priors"]
    for spec in registry().values():
        assert set(spec.decides) <= set(priors), spec.name


def test_labels_are_not_judged_before_the_feeding_was(case: FakeCase) -> None:
    both = [p.tool for p in order.ranked(case, ["label_noise", "preprocessing_probe", "class_order"])]
    assert both == ["preprocessing_probe"]
    assert {p.tool for p in order.ranked(case, ["label_noise"])} == {"label_noise"}


def test_names_are_asked_before_the_feeding_of_a_model_that_is_right_less_often_than_guessing(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls = [Fact("recall", r, of=f"class {i}") for i, r in enumerate((0.01, 0.03))]
    state = recorded(Fact("accuracy", 0.02, ci=(0.009, 0.043)), *recalls)
    assert order.signs(state) == ["below_chance"]
    monkeypatch.setattr(case, "state", lambda: state)
    names = ["label_noise", "preprocessing_probe", "class_order"]
    assert [p.tool for p in order.ranked(case, names)] == ["class_order"]
    at_chance = recorded(Fact("accuracy", 0.48, ci=(0.43, 0.53)), *recalls)
    assert order.signs(at_chance) == ["near_chance"]
    few = recorded(Fact("accuracy", 0.3, ci=(0.15, 0.5)), *recalls)
    assert order.signs(few) == ["near_chance"]  # too few images to tell
    settled = Finding("class_order", "correctness", "data_engineering", "s", verdict="refuted")
    after = recorded(Fact("accuracy", 0.02, ci=(0.009, 0.043)), *recalls, findings=(settled,))
    monkeypatch.setattr(case, "state", lambda: after)
    assert order.ranked(case, names)[0].tool == "preprocessing_probe"


def test_names_that_most_images_of_every_class_bear_out_are_in_order(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls = [Fact("recall", r, of=f"class {i}") for i, r in enumerate((0.51, 0.9, 0.7))]
    state = recorded(Fact("accuracy", 0.7), *recalls)
    assert "known_by_name" in order.signs(state)
    assert order.promise(case, state, registry()["class_order"], order.beliefs(state)).bits == 0
    monkeypatch.setattr(case, "state", lambda: state)
    left = [p.tool for p in order.ranked(case, ["label_noise", "class_order"])]
    assert left[0] == "label_noise"  # it waits for no check that has nothing to decide
    one_low = recorded(Fact("accuracy", 0.7), Fact("recall", 0.5, of="class 3"), *recalls)
    assert "known_by_name" not in order.signs(one_low)


def test_labels_are_judged_beside_the_attributes_that_are_proposed_anyway(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = steps.Step("", "propose_attributes", "because")
    monkeypatch.setattr(steps, "_attributes", lambda case, state: [proposed])
    first, second = steps._labels(case, case.state())
    assert (first, second.tool) == (proposed, "label_noise")
    monkeypatch.setattr(steps, "_attributes", lambda case, state: [])
    assert [s.tool for s in steps._labels(case, case.state())] == ["label_noise"]


def test_heads_that_are_fitted_to_labels_take_time_with_many_images_and_classes() -> None:
    class Many:
        classes = tuple(f"c{i}" for i in range(100))

        def has_model(self) -> bool:
            return False

        def table(self) -> range:
            return range(20_000)

    spec = registry()["label_noise"]
    assert 5 < order._fitting(Many(), spec) < 30  # type: ignore[arg-type]
    assert order._fitting(Many(), registry()["evaluate"]) == 0  # type: ignore[arg-type]


def test_the_order_of_checks_does_not_go_by_it(case: FakeCase) -> None:
    spec, state = registry()["label_noise"], case.state()
    made = order.promise(case, state, spec, order.beliefs(state))
    assert made.seconds > made.cost == order._cost(case, spec, order.per_image(case))


def surer(gap: float, rest: float, *more: Fact) -> CaseState:
    """Mean confidence over accuracy on the training images, and without the class that shows most of it."""
    made = (("overconfidence", gap), ("overconfidence_without_one_class", rest))
    about = [Fact(name, v, "points", "split train", (v - 0.03, v + 0.03), 800) for name, v in made]
    return recorded(Fact("accuracy", 0.7), *about, *more)


def test_a_model_that_is_surer_than_right_in_training_too_is_asked_for_its_confidence_first() -> None:
    state = surer(0.1, 0.08)
    assert order.signs(state) == ["surer_in_training"]
    assert order.brought(state) == ("confidence_profile",)
    assert order.beliefs(state)["overconfidence"] > order.beliefs(CaseState())["overconfidence"]


@pytest.mark.parametrize(
    "state",
    [
        surer(-0.05, -0.06),  # as training leaves it
        surer(0.04, 0.035),  # less than anybody acts on
        surer(0.2, -0.01),  # one class alone: something is a sign of it
        surer(
            0.4, 0.4, Fact("guessing", 0.5, "share", "split train")
        ),  # its answers are wrong, not only too sure
        surer(0.1, 0.08, Fact("accuracy_drop_same_mix", 0.2, "points", "train to data")),  # known by heart
    ],
)
def test_where_something_else_makes_it_sure_the_confidence_keeps_its_place(state: CaseState) -> None:
    assert "surer_in_training" not in order.signs(state) and not order.brought(state)


@pytest.mark.parametrize(
    ("workflow", "place"), [("reactive", 1), ("bug_elimination", None), ("proactive", None)]
)
def test_a_check_is_brought_forward_to_where_cheap_causes_are_ruled_out(
    workflow: str, place: int | None
) -> None:
    drawn = steps.stages(workflow)
    made = steps.brought_forward(drawn, ("confidence_profile",))
    moved = [i for i, (a, b) in enumerate(zip(drawn, made, strict=True)) if a != b]
    assert moved == ([] if place is None else [place])
    if place is not None:
        assert "preprocessing_probe" in drawn[place][1] and made[place][1][-1] == "confidence_profile"


def test_suspicions_that_cost_most_errors_are_tested_first() -> None:
    def suspected(kind: Any, n: int | None, rate: float | None, name: str) -> Any:
        made = Finding(
            kind, "features", "unknown", "s", {name: "yes"}, "hall", n=n, error_rate=rate, base_error_rate=0.1
        )
        return SimpleNamespace(finding=made)

    records = [
        suspected("spurious_correlation", 900, 0.9, "plant"),
        suspected("overemphasised_feature", 100, 0.2, "lamp"),
        suspected("overemphasised_feature", 400, 0.5, "stamp"),
        suspected("overemphasised_feature", None, None, "a person's"),
    ]
    assert [next(iter(r.finding.slice)) for r in sorted(records, key=steps._before)] == [
        "a person's",
        "stamp",
        "lamp",
        "plant",
    ]
