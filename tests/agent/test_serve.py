"""The tools for other programs: the SDK's own client meets the same schemas, evidence, refusals and approvals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from PIL import Image

from failsight.agent import open_case
from failsight.agent.journal import verify
from failsight.agent.serve import FINDINGS, REPORT, make_server
from failsight.tools.errors import UserError
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world

MODES = ("legacy", "auto")  # the handshake of 2025 and the protocol of 2026
HEAVY = "test_by_masking"
MASK = {"region": "box:television", "class_name": "red_room", "max_images": 20}


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(200)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def events(case: FakeCase, kind: str) -> list[Any]:
    return [e.data for e in case.journal if e.kind == kind]


class Person:
    """Answers the client's forms."""

    def __init__(self, action: str, **content: Any) -> None:
        self.answer = types.ElicitResult(action=action, content=content or None)  # type: ignore[arg-type]
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: Any) -> Any:
        self.asked.append(params.message)
        return self.answer


@pytest.mark.parametrize("mode", MODES)
async def test_every_tool_is_there_with_its_schema(case: FakeCase, mode: str) -> None:
    async with Client(make_server(case), mode=mode) as client:
        listed = {t.name: t for t in (await client.list_tools()).tools}
    assert set(listed) == {*registry(), "show_evidence"}
    for spec in registry().values():
        assert listed[spec.name].input_schema == spec.offered  # without what only a person may say
        assert spec.description in listed[spec.name].description


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_is_evidence_in_words_and_whole_and_stands_in_the_journal(
    case: FakeCase, mode: str
) -> None:
    async with Client(make_server(case), mode=mode) as client:
        made = await client.call_tool("evaluate", {"split": "data"})
        again = await client.call_tool("evaluate", {"split": "data"})
    assert not made.is_error
    assert "[E1]" in made.content[0].text or "E1" in made.content[0].text
    assert made.structured_content == json.loads(json.dumps(case.state().evidence[0].to_dict()))
    assert again.structured_content["id"] == "E1"
    assert [e["by"] for e in events(case, "tool.started")] == ["mcp"]
    assert verify(case.folder)[1] == []


@pytest.mark.parametrize("mode", MODES)
async def test_what_does_not_fit_is_read_on(
    case: FakeCase, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.serve.TEXT_LIMIT", 700)
    async with Client(make_server(case), mode=mode) as client:
        text = (await client.call_tool("evaluate", {})).content[0].text
        assert len(text) < 1000 and 'show_evidence(evidence="E1", part=' in text
        part = await client.call_tool("show_evidence", {"evidence": "E1", "part": "values"})
        assert not part.is_error and part.content[0].text.startswith("E1 evaluate\nValues:")
        assert "E1 to E1" in (await client.call_tool("show_evidence", {"evidence": "E9"})).content[0].text
        assert (await client.call_tool("show_evidence", {"evidence": "E1", "first": "two"})).is_error
        assert (await client.call_tool("show_evidence", {"part": "values"})).is_error
    assert len(events(case, "tool.started")) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("no_such_tool", {}, "There is no tool"),
        ("evaluate", {"split": "moon"}, "split"),
        ("evaluate", {"surprise": 1}, "surprise"),
        ("search_knowledge", {}, "query"),
        ("confusion_matrix", {"top": 10**9}, "top"),
        ("confusion_matrix", {"true_class": "../../etc/passwd"}, "red_room"),
        ("evaluate", {"split": "deploy"}, "images. Choose from: data"),
    ],
)
async def test_bad_calls_are_results_that_say_what_is_wrong(
    case: FakeCase, tool: str, arguments: dict[str, Any], words: str
) -> None:
    async with Client(make_server(case), mode="legacy") as client:
        made = await client.call_tool(tool, arguments)
        assert made.is_error
        assert words in made.content[0].text
        assert not (await client.call_tool("describe_case", {})).is_error


@pytest.mark.parametrize("mode", MODES)
async def test_heavy_tools_are_refused_where_nobody_can_be_asked(case: FakeCase, mode: str) -> None:
    async with Client(make_server(case), mode=mode) as client:
        made = await client.call_tool(HEAVY, MASK)
    assert made.is_error
    assert "--allow test_by_masking" in made.content[0].text
    assert not events(case, "tool.started")


@pytest.mark.parametrize("mode", MODES)
async def test_a_person_says_yes(case: FakeCase, mode: str) -> None:
    person = Person("accept", approve=True)
    async with Client(make_server(case), mode=mode, elicitation_callback=person) as client:
        made = await client.call_tool(HEAVY, MASK)
        assert not made.is_error, made.content
        assert not (await client.call_tool(HEAVY, MASK)).is_error  # the journal answers: nothing to ask
        assert not (await client.call_tool("evaluate", {})).is_error
    assert len(person.asked) == 1
    assert "box:television" in person.asked[0]
    assert [(e["decision"], e["by"]) for e in events(case, "approval.given")] == [("approve", "person")]
    assert len(events(case, "approval.asked")) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "person", [Person("decline"), Person("cancel"), Person("accept"), Person("accept", approve=False)]
)
async def test_anything_but_a_yes_is_a_no(case: FakeCase, mode: str, person: Person) -> None:
    async with Client(make_server(case), mode=mode, elicitation_callback=person) as client:
        made = await client.call_tool(HEAVY, MASK)
    assert made.is_error
    assert "declined" in made.content[0].text
    assert [e["decision"] for e in events(case, "approval.given")] == ["reject"]
    assert not events(case, "tool.started")


async def test_a_yes_that_nobody_asked_for_or_for_another_call_counts_nothing(case: FakeCase) -> None:
    yes = types.ElicitResult(action="accept", content={"approve": True})
    person = Person("accept", approve=True)
    async with Client(make_server(case), mode="auto", elicitation_callback=person) as client:
        call = client.session.call_tool
        asked = await call(HEAVY, MASK, input_responses={"approve-1": yes}, allow_input_required=True)
        assert isinstance(asked, types.InputRequiredResult)
        answers = dict.fromkeys(asked.input_requests, yes)
        other = {**MASK, "max_images": 30}
        again = await call(HEAVY, other, input_responses=answers, allow_input_required=True)
        assert isinstance(again, types.InputRequiredResult)
        assert not events(case, "tool.started")
        made = await call(HEAVY, MASK, input_responses=answers, allow_input_required=True)
        assert isinstance(made, types.CallToolResult) and not made.is_error
        replayed = await call("cue_profile", {}, input_responses=answers, allow_input_required=True)
        assert isinstance(replayed, types.InputRequiredResult)


@pytest.mark.parametrize("allow", [["heavy"], [HEAVY, " evaluate "]])
async def test_what_the_command_line_allows_runs_by_policy(case: FakeCase, allow: list[str]) -> None:
    async with Client(make_server(case, allow), mode="legacy") as client:
        assert not (await client.call_tool(HEAVY, MASK)).is_error
        refused = (await client.call_tool("cue_profile", {"max_images": 16})).is_error
    assert refused == ("heavy" not in allow)
    assert {e["by"] for e in events(case, "approval.given")} == {"policy"}


async def test_heavy_does_not_stand_for_writing(case: FakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    specs = dict(registry())
    specs["evaluate"] = dataclasses.replace(specs["evaluate"], writes=True)
    for where in ("failsight.agent.serve.registry", "failsight.tools.registry.registry"):
        monkeypatch.setattr(where, lambda: specs)
    async with Client(make_server(case, ["heavy"]), mode="legacy") as client:
        made = await client.call_tool("evaluate", {})
    assert made.is_error
    assert "makes something new" in made.content[0].text


def test_an_unknown_name_cannot_be_allowed(case: FakeCase) -> None:
    with pytest.raises(UserError, match="no tool 'everything'"):
        make_server(case, ["everything"])


def test_without_the_package_there_is_one_plain_sentence(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(UserError, match=r"failsight\[serve\]"):
        make_server(case)


async def test_the_report_and_the_findings_are_resources(case: FakeCase) -> None:
    async with Client(make_server(case), mode="legacy") as client:
        await client.call_tool("evaluate", {})
        assert {str(r.uri) for r in (await client.list_resources()).resources} == {REPORT, FINDINGS}
        report = (await client.read_resource(REPORT)).contents[0]
        findings = (await client.read_resource(FINDINGS)).contents[0]
        with pytest.raises(MCPError, match="no resource"):
            await client.read_resource("file:///etc/passwd")
    assert report.mime_type == "text/markdown"
    assert "E1" in report.text
    assert json.loads(findings.text)
    assert not (case.folder / "report.md").exists()


async def test_a_bug_in_a_tool_is_told_and_the_server_lives_on(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(case, "predictions", lambda split="data": 1 / 0)
    async with Client(make_server(case), mode="legacy") as client:
        made = await client.call_tool("evaluate", {})
        assert made.is_error
        assert "bug in Failsight" in made.content[0].text
        assert not (await client.call_tool("search_knowledge", {"query": "leakage"})).is_error
    said = capsys.readouterr()
    assert "ZeroDivisionError" in said.err
    assert said.out == ""


async def test_a_cancelled_call_stops_the_tool(case: FakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    ticks: list[int] = []

    def endless(split: str = "data") -> Any:
        with case.progress.job("predicting", 2000) as ticker:
            for i in range(2000):
                ticks.append(i)
                time.sleep(0.005)
                ticker.advance()

    monkeypatch.setattr(case, "predictions", endless)
    async with Client(make_server(case), mode="legacy") as client:
        with anyio.move_on_after(0.2):
            await client.call_tool("evaluate", {})
        await anyio.sleep(0.2)
        count = len(ticks)
        assert 0 < count < 1000
        assert not (await client.call_tool("search_knowledge", {"query": "leakage"})).is_error
        assert len(ticks) == count


async def test_over_stdin_and_stdout_only_the_protocol_is_spoken(tmp_path: Path) -> None:
    rows = ["path,label,prediction,confidence"]
    for i in range(24):
        name = f"{i}.png"
        Image.new("RGB", (8, 8), (10 * i, 0, 0)).save(tmp_path / name)
        rows.append(f"{name},{'ab'[i % 2]},{'ab'[i % 3 % 2]},0.9")
    (tmp_path / "answers.csv").write_text("\n".join(rows))
    folder = tmp_path / "case"
    open_case(predictions=tmp_path / "answers.csv", data=tmp_path, out=folder).close()
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "failsight.agent.cli", "serve", str(folder)], cwd=str(tmp_path)
    )
    with (tmp_path / "stderr").open("w") as told, anyio.fail_after(60):
        async with Client(stdio_client(started, errlog=told)) as client:
            made = await client.call_tool("describe_case", {})
            assert not made.is_error
    kinds = [json.loads(line)["kind"] for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert kinds[-1] == "session.closed"
    assert "evidence.recorded" in kinds
