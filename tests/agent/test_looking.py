"""A language model that sees is shown pictures after a person's yes, bare, and only the newest ones."""

from __future__ import annotations

import base64
import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from failsight.agent.events import ApprovalAsked, Notice, PlannerSaid
from failsight.agent.guards.looking import SHOWN
from failsight.agent.journal import Journal, verify
from failsight.agent.proposals.consent import images_allowed
from failsight.agent.session import Session
from tests.fakes.case import FakeCase, television_world
from tests.fakes.server import ChatServer, status, text, tool, tools


def opened(folder: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch, **config: Any) -> Session:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("FAILSIGHT_MODEL_RETRIES", "0")
    table, model = television_world(n=300)
    case = FakeCase(folder, {"data": table}, model, planner="openai:seeing", **config)
    return Session(case)  # type: ignore[arg-type]


def pictures(request: dict[str, Any]) -> list[bytes]:
    """The JPEGs of a request to the server."""
    parts = [p for m in request["messages"] if isinstance(m["content"], list) for p in m["content"]]
    urls = [p["image_url"]["url"] for p in parts if p["type"] == "image_url"]
    return [base64.b64decode(u.removeprefix("data:image/jpeg;base64,")) for u in urls]


LOOK = tool("look_at", evidence="E1")
SEE = tool("confusion_matrix", true_class="blue_room")


def test_pictures_are_sent_after_a_yes_and_the_journal_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([SEE, LOOK, text("I see squares."), text("Yes.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        events = list(session.say("what do they look like?"))
        asked = events[-1]
        assert isinstance(asked, ApprovalAsked) and asked.tool == "look_at"
        assert "would be sent to 127.0.0.1" in asked.why and not any(map(pictures, server.requests))
        events = list(session.decide(True))
        assert any(isinstance(e, PlannerSaid) and "squares" in e.text for e in events)
        assert any(isinstance(e, Notice) and "were sent to 127.0.0.1" in e.text for e in events)
        sent = pictures(server.requests[-1])
        assert 1 <= len(sent) <= 10
        for one in sent:
            image = Image.open(io.BytesIO(one))
            assert max(image.size) <= 512 and not image.getexif() and "comment" not in image.info
        shown = [e for e in session.case.journal if e.kind == SHOWN]
        assert [e.data["count"] for e in shown] == [len(sent)]
        list(
            session.say("and now?")
        )  # they ride along with the next question too: what was seen may be asked about
        assert pictures(server.requests[-1]) == sent
        session.close()


def test_a_no_keeps_the_pictures_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([SEE, LOOK, text("Then not.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.say("look at them"))
        list(session.decide(False))
        assert not any(map(pictures, server.requests)) and not images_allowed(session.case)
        assert "declined" in server.requests[-1]["messages"][-1]["content"]
        session.close()


def test_what_was_allowed_can_be_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([SEE, LOOK, text("Seen."), text("Blind.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.act("/pictures on"))
        assert not any(isinstance(e, ApprovalAsked) for e in session.say("look at them"))
        assert pictures(server.requests[-1])
        list(session.act("/pictures off"))
        list(session.say("and again?"))
        assert not pictures(server.requests[-1])
        session.close()


def test_unattended_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([SEE, LOOK, text("Done.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        events = list(session.auto())
        assert not any(map(pictures, server.requests)) and not images_allowed(session.case)
        assert any("--send-images" in e.text for e in events if isinstance(e, Notice))
        session.close()


def test_a_model_that_takes_no_pictures_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([SEE, LOOK, status(400), text("Words then."), text("Still.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.act("/pictures on"))
        events = list(session.say("look at them"))
        assert any(isinstance(e, PlannerSaid) and e.text == "Words then." for e in events)
        assert any(isinstance(e, Notice) and "takes no pictures" in e.text for e in events)
        list(session.say("more?"))
        assert not pictures(server.requests[-1])
        session.close()


def test_evidence_that_is_not_there_or_has_no_pictures_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [SEE, tool("look_at", evidence="E77"), tool("look_at", evidence="E1", first=900), text("Ok.")]
    with ChatServer(turns) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.act("/pictures on"))
        list(session.say("look at them"))
        replies = [m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool"]
        assert "There is no E77. With pictures: E1" in replies[1] and "has pictures 1 to" in replies[2]
        session.close()


def test_two_looks_of_one_message_are_asked_about_once_and_the_journal_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tool("show_images", where="wrong", k=3)
    both = tools(("look_at", {"evidence": "E1"}), ("look_at", {"evidence": "E2"}))
    with ChatServer([SEE, other, both, text("Seen.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        record = session.case.journal.append

        def slowly(kind: str, data: Any) -> Any:
            time.sleep(0.02)  # so that threads would meet
            return record(kind, data)

        monkeypatch.setattr(session.case.journal, "append", slowly)
        asked = [e for e in session.say("look at both") if isinstance(e, ApprovalAsked)]
        assert len(asked) == 1 and "2 calls" in asked[0].plan[0]
        events = list(session.decide(True))
        assert not [e for e in events if isinstance(e, ApprovalAsked)]
        assert [e.data["evidence"] for e in session.case.journal if e.kind == SHOWN] != []
        session.close()
    assert verify(tmp_path)[1] == []
    assert sum(e.kind == SHOWN for e in Journal(tmp_path, write=False)) == 2


def test_no_name_of_a_file_leaves_and_what_is_tiny_is_enlarged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([tool("show_images", where="wrong", k=3), LOOK, text("Seen.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.act("/pictures on"))
        list(session.say("look at them"))
        made = session.case.state().evidence[0]
        assert made.figures and made.images  # a sheet that bears names, for people
        sent = pictures(server.requests[-1])
        assert len(sent) == len(made.images)
        assert all(256 <= max(Image.open(io.BytesIO(one)).size) <= 512 for one in sent)
        said = str(server.requests[-1]["messages"])
        assert not [one.path for one in made.images if Path(one.path).name in said]
        reply = next(m["content"] for m in reversed(server.requests[-1]["messages"]) if m["role"] == "tool")
        assert all(f"E1#{i}: " in reply for i in (1, 2, 3)) and reply.count("confidence ") == 3
        session.close()


def test_pictures_stay_for_the_next_question_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([SEE, LOOK, text("Seen."), text("Still."), text("Gone.")]) as server:
        session = opened(tmp_path, server, monkeypatch)
        list(session.act("/pictures on"))
        for line in ("look at them", "and now?", "and later?"):
            list(session.say(line))
        assert [bool(pictures(r)) for r in server.requests] == [False, False, True, True, False]
        session.close()
