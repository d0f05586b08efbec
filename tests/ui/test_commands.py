"""Slash commands and completion, headless."""

from __future__ import annotations

from pathlib import Path

from failsight.agent.events import EvidenceMade, Notice, PlannerSaid
from failsight.agent.state import CaseState
from failsight.agent.ui.commands import act, complete, offered, parse
from failsight.agent.ui.snapshot import take
from tests.fakes.session import ScriptedSession, evaluation, masking


def test_a_slash_and_a_letter_make_a_command() -> None:
    assert parse("/Evidence  E3 ") == ("/evidence", "E3")
    assert [parse(t) for t in ("/", "// x", "/3", "what is a/b?", "")] == [None] * 5


def test_the_words_of_the_session_win() -> None:
    made = offered({"/report html": "the session's own"}, {"/theme": "light"})
    assert made["/report"] == "the session's own" and made["/theme"] == "light" and "/auto" in made
    assert list(made) == sorted(made)


def test_auto_and_report_exist_even_where_the_session_does_not_list_them(tmp_path: Path) -> None:
    session = ScriptedSession(tmp_path)
    assert list(act(session, parse("/auto"))) == [PlannerSaid("All done.")]
    session.actions = dict  # type: ignore[method-assign]
    made = list(act(session, parse("/report md, json")))
    assert session.asked == [("auto", None), ("report", ("md", "json"))]
    assert made == [
        Notice(f"Written: {tmp_path / 'report.md'}"),
        Notice(f"Written: {tmp_path / 'report.json'}"),
    ]
    (notice,) = act(session, parse("/nonsense"))
    assert isinstance(notice, Notice) and notice.level == "warning" and "/nonsense" in notice.text


def test_completion_knows_commands_classes_and_attributes(tmp_path: Path) -> None:
    session = ScriptedSession(tmp_path)
    for event in (EvidenceMade(evaluation()), EvidenceMade(masking())):
        session._fold(event)
    words = take(session.state()).words
    assert {"kitchen", "living room", "television", "television=yes"} <= set(words)
    commands = ("/evidence", "/report")
    assert complete("/ev", commands, words) == "/evidence"
    assert complete("/evidence ", commands, words) is None
    assert complete("how are Kit", commands, words) == "how are Kitchen"
    assert complete("tele", commands, words) == "television"
    assert complete("a k", commands, words) is None  # one letter says too little
    assert complete("", commands, words) is None


def test_an_empty_state_makes_an_empty_snapshot() -> None:
    made = take(CaseState())
    assert (made.stage, made.entered, made.records, made.words) == ("see failure", (), (), ())
