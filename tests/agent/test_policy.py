"""What runs where nobody is asked: policies by name, from files, and through the agent loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.declined import unmeasured
from failsight.agent.events import Notice, PlannerSaid, StageEntered
from failsight.agent.narrate import build_report
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.policy import POLICIES, load_policy
from failsight.agent.session import Session
from failsight.tools.errors import UserError
from failsight.tools.registry import ToolSpec, registry
from tests.fakes.case import FakeCase, television_world

CHEAP = registry()["evaluate"]
HEAVY = registry()["test_by_masking"]
WRITING = dataclasses.replace(HEAVY, name="a_writer", writes=True)


@pytest.mark.parametrize(
    ("policy", "spec", "yes"),
    [
        ("measure", CHEAP, True), ("measure", HEAVY, True), ("measure", WRITING, False),
        ("cheap", CHEAP, True), ("cheap", HEAVY, False), ("cheap", WRITING, False),
        ("all", CHEAP, True), ("all", HEAVY, True), ("all", WRITING, True),
    ],
)  # fmt: skip
def test_named_policies(policy: str, spec: ToolSpec, yes: bool) -> None:
    allowed, why = POLICIES[policy].judge(spec)
    assert allowed is yes
    assert bool(why) is not yes


def _file(folder: Path, text: str) -> str:
    path = folder / "night.toml"
    path.write_text(text)
    return str(path)


def test_a_file_allows_single_tools_and_limits_their_time(tmp_path: Path) -> None:
    policy = load_policy(_file(tmp_path, 'allow = ["test_by_masking"]\ndeny = ["evaluate"]\nseconds = 60\n'))
    assert policy.judge(HEAVY, 30) == (True, "")
    assert policy.judge(HEAVY, 61) == (False, "about 61 s expected, the policy 'night' allows 60 s")
    assert not policy.judge(CHEAP)[0]
    assert not policy.judge(registry()["cue_profile"])[0]
    assert policy.with_allowed("cue_profile").judge(registry()["cue_profile"])[0]


def test_what_is_denied_does_not_run_even_where_it_is_allowed(tmp_path: Path) -> None:
    policy = load_policy(_file(tmp_path, 'allow = ["heavy"]\ndeny = ["test_by_masking"]\n'))
    assert not policy.judge(HEAVY)[0]
    assert policy.judge(registry()["cue_profile"])[0]


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ('allow = ["retrain"]\ndeny = ["heavy"]', False),
        ('allow = ["retrain"]\ndeny = ["writes"]', False),
        ('allow = ["writes", "retrain"]\ndeny = ["retrain"]', False),
        ('allow = ["writes"]\ndeny = ["heavy"]', False),
        ('allow = ["heavy"]', False),
        ('allow = ["writes"]', True),
        ('allow = ["retrain"]', True),
    ],
)
def test_a_tool_that_takes_long_and_writes_is_denied_by_either_whatever_allow_says(
    tmp_path: Path, text: str, yes: bool
) -> None:
    spec = registry()["retrain"]
    assert spec.writes and spec.cost == "heavy"
    assert load_policy(_file(tmp_path, text)).judge(spec)[0] is yes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("allow = 3", "no list of names"),
        ('allow = ["rm"]', "rm, which is no tool"),
        ("minutes = 3", "minutes, which means nothing"),
        ("seconds = 0", "seconds is 0"),
        ("seconds = true", "seconds is True"),
        ("seconds = nan", "seconds is nan"),
        ("allow = [", "not TOML"),
    ],
)
def test_a_file_that_means_nothing_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        load_policy(_file(tmp_path, text))


@pytest.mark.parametrize("name", ["nosuch", "../etc/passwd", "nosuch.toml"])
def test_an_unknown_policy_is_one_sentence(name: str) -> None:
    with pytest.raises(UserError):
        load_policy(name)


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[list[FakeCase]]:
    made: list[FakeCase] = []
    yield made
    for case in made:
        case.close()


def _case(worlds: list[FakeCase], folder: Path, **config: str) -> FakeCase:
    table, model = television_world()
    worlds.append(FakeCase(folder, {"data": table}, model, **config))
    return worlds[-1]


def test_a_cheap_run_ends_without_any_experiment(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy="cheap")
    events = list(Session(case).auto())
    used = {e.tool for e in case.state().evidence}
    assert not used & {name for name, spec in registry().items() if spec.cost == "heavy"}
    assert "readiness" in used  # it went on to the end
    told = [e.text for e in events if isinstance(e, Notice)]
    assert any("test_by_masking was not run" in t and "'cheap'" in t for t in told)
    answers = [e.data for e in case.journal if e.kind == "approval.given"]
    assert {a["decision"] for a in answers} == {"reject"}
    assert {a["by"] for a in answers} == {"policy"}


def test_a_tool_that_takes_no_time_is_denied_like_any_other(worlds: list[FakeCase], tmp_path: Path) -> None:
    path = _file(tmp_path, 'allow = ["heavy"]\ndeny = ["find_slices", "evaluate"]')
    case = _case(worlds, tmp_path / "case", policy=path)
    events = list(Session(case).auto())
    started = {e.data["tool"] for e in case.journal if e.kind == "tool.started"}
    assert not started & {"find_slices", "evaluate"} and {"describe_case", "readiness"} <= started
    told = [e.text for e in events if isinstance(e, Notice)]
    assert "evaluate was not run: the policy 'night' denies it." in told
    assert case.state().denied == {"find_slices", "evaluate"}
    given = [e.data["tool"] for e in case.journal if e.kind == "approval.given"]
    assert sorted(t for t in given if t in case.state().denied) == ["evaluate", "find_slices"]  # each once


def test_what_the_policy_did_not_allow_is_told_at_the_end_and_in_the_report(
    worlds: list[FakeCase], tmp_path: Path
) -> None:
    path = _file(tmp_path, 'allow = ["heavy"]\ndeny = ["find_slices"]')
    case = _case(worlds, tmp_path / "case", policy=path)
    events = list(Session(case).auto())
    said = "The policy of this run did not allow find_slices: what it might have found was not looked for. "
    how = "Another --policy allows it; `failsight call CASE find_slices` runs it."
    end = next(e.text for e in reversed(events) if isinstance(e, PlannerSaid))
    assert said + how in end
    triggers = [e.trigger for e in events if isinstance(e, StageEntered)]
    assert "nothing is left to test" not in triggers
    assert "nothing is left to test, but for what the policy did not allow (find_slices)" in triggers
    state, made = case.state(), case.journal.events
    report = build_report(state, made)
    (front,) = [s for s in report.front if s.id == "front-wrong"]
    assert any(t.text == said + how and t.refs for t in (*front.lead, *front.points))
    case.call("find_slices", by="person")
    assert unmeasured(case.state()) == []


def test_no_call_that_is_expected_to_take_longer_runs(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy=_file(tmp_path, 'allow = ["heavy"]\nseconds = 0.0001'))
    events = list(Session(case).auto())
    assert not case.state().evidence
    told = [e.text for e in events if isinstance(e, Notice)]
    assert any("evaluate was not run: about" in t and "allows 0.0001 s" in t for t in told)


def test_a_language_model_may_not_call_what_is_denied_either(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy=_file(tmp_path, 'deny = ["evaluate"]'))
    both = AIMessage(
        "", tool_calls=[{"name": n, "args": {}, "id": n} for n in ("describe_case", "evaluate", "evaluate")]
    )
    list(Session(case, policy="auto", planner=ScriptedPlanner([both, AIMessage("Done.")])).auto())
    assert [e.tool for e in case.state().evidence] == ["describe_case"]


def test_a_person_who_is_asked_is_not_held_to_the_policy(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy=_file(tmp_path, 'deny = ["evaluate"]\nseconds = 0.001'))
    session = Session(case, planner=ScriptedPlanner([call("evaluate"), AIMessage("Done.")]))
    list(session.say("How good is it?"))
    assert [e.tool for e in case.state().evidence] == ["evaluate"]


def test_what_a_policy_denied_a_later_session_may_do(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy="cheap")
    list(Session(case).auto())
    assert case.state().denied
    case.config = dataclasses.replace(case.config, policy="measure")
    list(Session(case).auto())
    assert "test_by_masking" in {e.tool for e in case.state().evidence}


def test_a_language_model_does_not_get_more_than_the_policy(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case", policy="cheap")
    masking = call("test_by_masking", region="box:television", class_name="red_room")
    planner = ScriptedPlanner([masking, AIMessage("Done.")])
    list(Session(case, planner=planner).auto())
    assert "test_by_masking" not in {e.tool for e in case.state().evidence}


def test_an_allowed_call_is_journalled_once_with_its_rule(worlds: list[FakeCase], tmp_path: Path) -> None:
    case = _case(worlds, tmp_path / "case")
    list(Session(case).auto())
    given = [e.data for e in case.journal if e.kind == "approval.given"]
    assert given
    assert len({g["call"] for g in given}) == len(given)
    assert {g["rule"] for g in given} == {"measure"}


def test_a_repair_that_names_no_finding_is_said_before_anything_is_measured(
    worlds: list[FakeCase], tmp_path: Path
) -> None:
    case = _case(worlds, tmp_path / "case", repair="the television")
    with pytest.raises(UserError, match="names no findings"):
        Session(case)
    assert not case.state().evidence
