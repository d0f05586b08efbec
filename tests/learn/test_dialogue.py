"""Questions are put until they are answered; hints on request; leaving loses nothing."""

from __future__ import annotations

import io

import pytest

from failsight.agent.learn.dialogue import Ask, Back, Dialogue, Option, Say, last, line, match, pick, yes_no
from failsight.agent.learn.lines import LineDialogue

ROOMS = (Option("kitchen", "kitchen"), Option("living_room", "living room"), Option("bedroom", "bedroom"))


@pytest.mark.parametrize(
    ("answer", "key", "more"),
    [
        ("1", "kitchen", ""),
        ("2 70", "living_room", "70"),
        ("living 50", "living_room", "50"),
        ("LIVING ROOM", "living_room", ""),
        ("living_room", "living_room", ""),
        ("b", "bedroom", ""),
    ],
)
def test_an_answer_is_picked_by_number_key_or_first_letters(answer: str, key: str, more: str) -> None:
    found = match(answer, ROOMS)
    assert found is not None
    assert (found[0].key, found[1]) == (key, more)


@pytest.mark.parametrize("answer", ["", "4", "x", "0"])
def test_what_picks_nothing_picks_nothing(answer: str) -> None:
    assert match(answer, ROOMS) is None


def test_a_question_is_put_again_until_the_answer_fits_and_hints_come_one_by_one() -> None:
    items, made = last(pick("Which?", ROOMS, hints=["one", "two"]), ["?", "?", "?", "nine", "3"])
    assert made is not None
    assert (made.key, made.hints) == ("bedroom", 3)
    assert [i.text for i in items if isinstance(i, Say) and i.tone == "hint"] == ["one", "two", "two"]
    assert sum(isinstance(i, Ask) for i in items) == 5


def test_an_empty_line_stands_for_the_default() -> None:
    assert last(yes_no("Sure?", default=False), [""])[1] is False
    assert last(line("Path?", lambda t: t or None, "Type one."), ["", "x"])[1] == "x"


def test_back_goes_back_only_where_that_is_offered() -> None:
    with pytest.raises(Back):
        last(pick("Which?", ROOMS, back=True), ["back"])
    items, _ = last(pick("Which?", ROOMS), ["back", "1"])
    assert any(isinstance(i, Say) and i.tone == "warning" for i in items)


def chat(text: str, dialogue: Dialogue[str]) -> tuple[str | None, str]:
    out = io.StringIO()
    made = LineDialogue(io.StringIO(text), out, io.StringIO()).run(dialogue)
    return made, out.getvalue()


def question() -> Dialogue[str]:
    yield Say("A trap.", "pitfall")
    picked = yield from pick("Which **room**?", ROOMS, default="bedroom")
    return picked.key


def test_by_lines_every_answer_can_come_from_a_pipe() -> None:
    made, said = chat("nonsense\n2\n", question())
    assert made == "living_room"
    assert "! Pitfall: A trap." in said
    assert "  2 living room" in said
    assert "Which room?" in said


@pytest.mark.parametrize("text", ["", "quit\n"])
def test_the_end_of_the_input_and_quit_leave_in_peace(text: str) -> None:
    made, said = chat(text, question())
    assert made is None
    assert "Nothing is lost" in said or "nothing is lost" in said
