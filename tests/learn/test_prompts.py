"""Proactive prompts follow from the state of a case, each once, fewer for experts."""

from __future__ import annotations

from dataclasses import replace

from failsight.agent.learn.prompts import MOST, prompts
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Evidence, Fact, Finding
from failsight.tools.view import Expectation

HAS = ("data", "train", "deploy", "model", "history")


def state(*tools: str, **more: object) -> CaseState:
    made = CaseState()
    made.evidence += [Evidence(tool, tool, "…", id=f"E{i}") for i, tool in enumerate(tools, 1)]
    for name, value in more.items():
        setattr(made, name, value)
    return made


def names(
    made: CaseState, level: str = "novice", told: tuple[str, ...] = (), has: tuple[str, ...] = HAS
) -> list[str]:
    return [p.name for p in prompts(made, has, level, told)]


def every(made: CaseState, has: tuple[str, ...] = HAS) -> set[str]:
    """All prompts that some rule gives, one after the other."""
    told: list[str] = []
    while fresh := names(made, "novice", tuple(told), has):
        told += fresh
    return set(told)


def test_nothing_is_pointed_out_before_anything_was_measured() -> None:
    assert names(CaseState()) == []
    assert names(state("describe_case")) == []


def test_nobody_has_looked_at_the_deployment_pictures() -> None:
    seen = state("evaluate", "confusion_matrix")
    assert "deployment" in names(seen, "expert") + names(seen, "novice")
    assert "deployment" not in every(state("evaluate", "confusion_matrix", "shift"))
    assert "deployment" not in every(seen, ("data", "model"))


def test_figures_on_deployment_pictures_are_acknowledged() -> None:
    made = state("evaluate", "confusion_matrix")
    made.evidence[0] = replace(made.evidence[0], facts=(Fact("accuracy", 0.5, of="split deploy"),))
    found = [p for p in prompts(made, HAS, "intermediate", ("expectations",)) if p.name == "deployment"]
    assert "in what" in found[0].text


def test_each_is_told_once_and_experts_hear_less() -> None:
    made = state(
        "evaluate", "confusion_matrix", "data_statistics", "find_slices", "saliency", "attribute_overview"
    )
    for level, most in MOST.items():
        assert len(names(made, level)) <= most
    first = names(made)
    assert not set(first) & set(names(made, told=tuple(first)))
    experts = prompts(made, HAS, "expert")
    assert all(p.weight == 3 for p in experts)


def finding(verdict: str | None) -> FindingRecord:
    made = Finding("leakage", "process", "data_engineering", "Leaked.", verdict=verdict)  # type: ignore[arg-type]
    return FindingRecord("F1", made)


def test_what_is_suspected_and_not_tested_inconclusive_or_not_repaired_is_said() -> None:
    looked = ("evaluate", "confusion_matrix", "shift", "data_statistics")
    for verdict, start in ((None, "untested"), ("inconclusive", "inconclusive"), ("confirmed", "no_repair")):
        made = state(*looked, records={"k": finding(verdict)})
        assert any(name.startswith(start) for name in every(made)), verdict


def test_all_that_is_inconclusive_is_named() -> None:
    found = {f"k{i}": replace(finding("inconclusive"), id=f"F{i}") for i in (4, 6, 8, 9)}
    looked = state("evaluate", "confusion_matrix", "shift", "data_statistics", records=found)
    others = [name for name in every(looked) if not name.startswith("inconclusive")]
    (told,) = (p.text for p in prompts(looked, HAS, "novice", others))
    assert told.startswith("F4, F6, F8 and F9: inconclusive is not refuted.")


def test_expectations_are_asked_for_until_there_are_some() -> None:
    looked = state("evaluate", "confusion_matrix")
    assert "expectations" in every(looked)
    looked.expectations["accuracy"] = Expectation("accuracy", 0.9, True, "person")
    assert "expectations" not in every(looked)
