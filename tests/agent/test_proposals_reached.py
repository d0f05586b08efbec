"""Proposals of models where people meet them: the command line, the tool, a session with a language model that plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.proposals.consent import allow_images
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from tests.agent.test_proposals import COLOURS, LIGHT, TELEVISION, a_case, colour_of, named, served
from tests.fakes.server import ChatServer, text, tool
from tests.fakes.vision_models import KnownAnswers
from tests.fakes.vision_server import pictures_of, seeing


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A black box over thirty pictures of one colour each."""
    monkeypatch.chdir(tmp_path)
    lines = ["path,label,prediction"]
    for i in range(30):
        Image.new("RGB", (16, 16), tuple(int(c) for c in COLOURS[i % 3])).save(tmp_path / f"{i:02d}.png")
        lines.append(f"{i:02d}.png,{('kitchen', 'hall')[i % 2]},{('kitchen', 'hall')[i // 2 % 2]}")
    (tmp_path / "answers.csv").write_text("\n".join(lines) + "\n")
    made = {"predictions": tmp_path / "answers.csv", "data": tmp_path, "planner": "openai:gpt-5-mini"}
    open_case(out=tmp_path / "case", **made).close()
    return tmp_path / "case"


def test_the_command_line_sends_pictures_only_when_told_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["attributes", "propose", str(folder), "colour", "--source", "vision_model", "--json"]
    colour = {"name": "colour", "values": ["red", "blue", "green"]}
    with ChatServer([named(colour), *[seeing(colour_of)] * 4]) as server:
        served(monkeypatch, server)
        assert main(asked) == 2 and not server.requests
        assert "only a person can, with --send-images" in capsys.readouterr().err
        assert main([*asked, "--send-images"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert "colour" in made["summary"] and made["tables"]
    assert sum(len(pictures_of(r)) for r in server.requests[1:]) == 30
    assert main(["attributes", "list", str(folder), "--json"]) == 0
    (one,) = [a for a in json.loads(capsys.readouterr().out) if a["name"] == "colour"]
    assert one["values"] == {"red": 10, "blue": 10, "green": 10}


def test_the_command_line_takes_attributes_from_a_language_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colour = {"name": "colour", "values": ["red", "blue", "green"]}
    with open_case(folder) as case:
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        allow_images(case)
    with ChatServer(
        [named(colour, {"name": "class", "values": ["a", "b"]}), *[seeing(colour_of)] * 4]
    ) as server:
        served(monkeypatch, server)
        asked = ["attributes", "propose", str(folder), "--send-images", "--from-model"]
        assert main([*asked, "openai:gpt-5-nano", "--json"]) == 0
    assert "colour" in json.loads(capsys.readouterr().out)["summary"]
    assert server.requests[0]["model"] == "gpt-5-nano"
    assert main([*asked[:3], "lamp=on,off", "--from-model", "openai:x"]) == 2
    with open_case(folder) as case:
        called = [e.data["model"] for e in case.journal if e.kind == "model.called"]
    assert called[0] == "gpt-5-nano" and set(called[1:]) == {"gpt-5-mini"}


def test_the_tool_says_what_the_source_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_case(tmp_path / "case") as case:
        source: Any = case.source("vqa")
        source._answerer = KnownAnswers(
            lambda p, q: (
                ["red", "green", "blue"][int(p.mean((0, 1)).argmax())] if "colour" in q else "unknown"
            )
        )
        source.path = "known"
        wanted = [{"name": "colour", "values": []}, {"name": "mood", "values": []}]
        made, _ = case.call("propose_attributes", {"source": "vqa", "attributes": wanted})
        assert [d.name for d in case.definitions()] == ["colour"]
        assert any("mood was left out" in note for note in made.notes)
        assert set(case.attributes().columns["colour"]) == {"red", "green", "blue"}
        with pytest.raises(RetryError, match="mood was left out"):
            case.call("propose_attributes", {"source": "vqa", "attributes": wanted[1:]})


def test_a_case_without_models_says_how_to_give_them(tmp_path: Path) -> None:
    with a_case(tmp_path / "case") as case:
        with pytest.raises(RetryError, match="--vqa FOLDER"):
            case.call("propose_attributes", {"source": "vqa"})
        with pytest.raises(RetryError, match="nobody has allowed that"):
            case.call("propose_attributes", {"source": "vision_model"})


def test_a_language_model_that_plans_cannot_send_pictures_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [
        tool("propose_attributes", source="vision_model"),
        text("A person has to allow that first."),
        tool("propose_attributes", source="vision_model", limit=3),
        named(LIGHT, TELEVISION),
        *[seeing(lambda p: {"a1": "bright" if p[0, 0, 0] > 99 else "dark", "a2": "no"})] * 2,
        text("They were added."),
    ]
    with a_case(tmp_path / "case") as case, ChatServer(script) as server:
        served(monkeypatch, server)
        session = Session(case, policy="auto")
        list(session.say("describe the pictures"))
        assert not any(pictures_of(r) for r in server.requests) and not case.definitions()
        replies = [m["content"] for m in server.requests[1]["messages"] if m["role"] == "tool"]
        assert "nobody has allowed that" in str(replies)
        allow_images(case)
        list(session.say("you may send them"))
        assert {d.name for d in case.definitions()} == {"lighting", "television"}
        assert case.state().model_use["calls"] == len(script)
        lighting = case.attributes().columns["lighting"]
        assert lighting.tolist() == np.where(np.arange(12) % 3 == 0, "bright", "dark").tolist()
