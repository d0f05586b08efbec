"""Workflows and elicitation forms as data."""

from __future__ import annotations

import pytest

from failsight.knowledge_base.elicitation import _form, forms
from failsight.knowledge_base.schema import STEPS
from failsight.knowledge_base.store import BrokenEntries
from failsight.knowledge_base.workflow import workflows

ALL = list(workflows().values())


def test_the_five_of_the_design_are_there() -> None:
    assert set(workflows()) == {
        "reactive",
        "proactive",
        "bug_elimination",
        "deployment_audit",
        "fairness_review",
    }


@pytest.mark.parametrize("workflow", ALL, ids=lambda w: w.id)
def test_every_step_can_be_reached_and_left(workflow) -> None:  # type: ignore[no-untyped-def]
    reached, frontier = {workflow.start}, [workflow.start]
    while frontier:
        for transition in workflow.after(frontier.pop()):
            if transition.target not in reached:
                reached.add(transition.target)
                frontier.append(transition.target)
    assert reached == {s.id for s in workflow.steps}
    ends = [s for s in workflow.steps if not workflow.after(s.id)]
    assert [s.step for s in ends] == ["readiness"]
    assert workflow.steps[-1].step == "readiness"


@pytest.mark.parametrize("workflow", ALL, ids=lambda w: w.id)
def test_a_trigger_leads_to_one_step(workflow) -> None:  # type: ignore[no-untyped-def]
    for step in workflow.steps:
        triggers = [t.trigger for t in workflow.after(step.id)]
        assert len(triggers) == len(set(triggers))
        for transition in workflow.after(step.id):
            assert workflow.next(step.id, transition.trigger) == workflow.step(transition.target)
        assert workflow.next(step.id, "no such trigger") is None


@pytest.mark.parametrize("workflow", ALL, ids=lambda w: w.id)
def test_it_can_be_drawn(workflow) -> None:  # type: ignore[no-untyped-def]
    drawn = workflow.mermaid()
    assert drawn.startswith("flowchart TD\n")
    assert drawn.count("-->") == len(workflow.transitions)
    lines = workflow.lines(here=workflow.start)
    assert sum(line.startswith(">") for line in lines) == 1
    assert len(lines) == len(workflow.steps) + len(workflow.transitions)


def test_a_confirmed_hypothesis_leads_to_a_correction_and_a_refuted_one_does_not() -> None:
    for name in ("reactive", "proactive", "bug_elimination", "fairness_review"):
        workflow = workflows()[name]
        confirmed = workflow.next("test", "confirmed")
        refuted = workflow.next("test", "refuted")
        assert confirmed is not None
        assert confirmed.step == "correction"
        assert refuted is not None
        assert refuted.step != "correction"


def test_experts_look_at_pictures_last() -> None:
    order = [s.id for s in workflows()["bug_elimination"].steps]
    hypotheses = [s.id for s in workflows()["bug_elimination"].steps if s.step == "hypothesis"]
    assert hypotheses[-1] == "data_content"
    assert order.index("structural") < order.index("data_statistics") < order.index("data_engineering")


def test_steps_are_of_known_kinds() -> None:
    assert {s.step for w in ALL for s in w.steps} <= set(STEPS)


def test_forms_check_their_answers() -> None:
    form = forms()["expectations"]
    classes = ("kitchen", "bedroom")
    good = {"sign_off": "A. Person", "accuracy": 0.9, "recall": {"kitchen": 0.8}, "reason": "safety"}
    assert form.check(good, classes) == []
    assert form.check({}, classes) == ["'Who decides whether they are met?' needs an answer."]
    wrong = {**good, "accuracy": 90, "recall": {"garage": 0.5, "kitchen": 2}, "reason": "because"}
    assert len(form.check(wrong, classes)) == 4


def test_every_form_says_whom_it_asks_and_why() -> None:
    for form in forms().values():
        assert form.why
        assert form.source
        assert form.fields
        assert len({f.name for f in form.fields}) == len(form.fields)


def test_a_label_that_was_cut_off_at_its_comma_is_found() -> None:
    field = {"name": "use", "kind": "long", "label": "What is the model for", "and what happens?": None}
    raw = {
        "id": "x",
        "title": "X",
        "ask": "developer",
        "why": "",
        "source": "",
        "sets": "",
        "fields": [field],
    }
    with pytest.raises(BrokenEntries, match="and what happens"):
        _form(raw, "forms.yaml")
