"""Slash commands and completion, headless."""

from __future__ import annotations

from pathlib import Path

from failsight.agent.events import EvidenceMade, Notice, PlannerSaid
from failsight.agent.state import CaseState
from failsight.agent.ui.commands import act, offered, parse
from failsight.agent.ui.completion import Known, Names, complete, options
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
    known = Known(
        {"/evidence": "list it", "/report": "write it"},
        words,
        Names(("E1", "E2"), ("F1",), ("#17",), ("evaluate",)),
    )

    def first(text: str) -> str | None:
        return complete(text, known)

    assert first("/ev") == "/evidence"
    assert first("how are Kit") == "how are Kitchen"
    assert first("tele") == "television"
    assert first("a k") is None  # one letter says too little
    assert first("") is None
    assert first("look at the living r") == "look at the living room"  # names of several words


def test_behind_a_command_stands_what_it_takes() -> None:
    words = ("dining room", "kitchen", "television=yes")
    known = Known(
        {},
        words,
        Names(("E1", "E12"), ("F1",), ("#17", "deploy:#3"), ("evaluate", "find_slices")),
        ("dark", "light"),
    )
    lines = {
        "/evidence ": ["/evidence E1", "/evidence E12"],
        "/evidence e12": [],
        "/finding f": ["/finding f1"],
        "/images kitchen > din": ["/images kitchen > dining room"],
        "/images dining r": ["/images dining room"],
        "/images E1": ["/images E12"],
        "/images #": ["/images #17"],
        "/whatif ": ["/whatif #17", "/whatif deploy:#3"],
        "/tool f": ["/tool find_slices"],
        "/theme l": ["/theme light"],
        "/unknown kit": ["/unknown kitchen"],
    }
    for text, made in lines.items():
        assert [line for line, _ in options(text, known)] == made, text
    assert options("/images ", known)[0][0] == "/images dining room"
    assert len(options("/images ", Known({}, tuple(f"class {i}" for i in range(500))))) == 40


def test_an_empty_state_makes_an_empty_snapshot() -> None:
    made = take(CaseState())
    assert (made.stage, made.entered, made.records, made.words) == ("see failure", (), (), ())
