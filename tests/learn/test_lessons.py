"""Lessons are data: every step is one that the engine knows, every tool exists, every text is there for every level."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.learn.classroom import Classroom, did, done
from failsight.agent.learn.dialogue import Ask, Dialogue, Say, Show, last
from failsight.agent.learn.exercises import correct, kinds, measures
from failsight.agent.learn.lessons import Values, lessons, teach
from failsight.agent.learn.practice import practise
from failsight.agent.learn.process import Act, pitfalls
from failsight.agent.learn.progress import LEVELS, Done, Progress, load_progress
from failsight.agent.learn.screenwords import mark, status
from failsight.tools.registry import registry

GUIDED = [lesson for lesson in lessons() if lesson.steps]
STEPS = {"title", "say", "look", "choose", "suspect", "suspicion", "control", "test", "correct"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def test_there_are_guided_lessons_and_practice_cases() -> None:
    assert len(GUIDED) >= 4
    assert len(lessons()) - len(GUIDED) >= 6
    assert len({x.id for x in lessons()}) == len(lessons())


@pytest.mark.parametrize("lesson", GUIDED, ids=lambda x: x.id)
def test_a_lesson_holds_together(lesson: Any) -> None:
    assert set(lesson.about) == set(LEVELS)
    for step in lesson.steps:
        assert set(step) <= STEPS, step["title"]
        if "look" in step:
            assert step["look"]["tool"] in registry()
        if "choose" in step:
            options = step["choose"]["options"]
            assert sum(bool(o.get("right")) for o in options) == 1
            assert all(o["reply"] for o in options)
            assert all(o["pitfall"] in pitfalls() for o in options if "pitfall" in o)
        if isinstance(step.get("suspect"), list):
            assert set(step["suspect"]) <= set(kinds())
    named = {name for t in texts(list(lesson.steps)) for _, name, _, _ in string.Formatter().parse(t) if name}
    assert named <= set(Values.NAMES)


def test_no_lesson_states_a_figure_of_the_case() -> None:
    """Numbers in a lesson are counts of pictures that it asks for, or general ones; what is measured stands in braces."""
    for lesson in GUIDED:
        for step in lesson.steps:
            for text in texts(step.get("say", "")):
                assert not any(f"{n} %" in text for n in range(96, 101)), text


def test_measures_and_causes_name_what_there_is() -> None:
    for one in measures().values():
        assert one["tool"] in registry()
        assert one["novice"]
        assert one["words"]
    for kind, about in kinds().items():
        assert about["not"], kind
        assert all(o["reply"] for o in about["not"])


def test_progress_is_kept_and_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "state" / "progress.json"
    made = load_progress(path)
    made.level = "expert"
    made.lesson("alder").pitfalls.append("absence")
    made.guesses.append({"what": "range", "held": True})
    made.save()
    again = load_progress(path)
    assert (again.level, again.lessons["alder"].pitfalls, len(again.guesses)) == ("expert", ["absence"], 1)
    path.write_text("{", encoding="utf-8")
    assert load_progress(path).lessons == {}
    assert path.with_suffix(".broken").is_file()


def test_the_list_says_what_became_of_a_lesson() -> None:
    progress, lesson = Progress("novice"), lessons()[4]
    assert (mark(progress, lesson), status(progress, lesson)) == ("·", "about 10 min")
    progress.lessons[lesson.id] = Done(steps=2)
    assert mark(progress, lesson) == "…"
    progress.lessons[lesson.id] = Done(finished=True, right=False, pitfalls=["absence"])
    assert (mark(progress, lesson), status(progress, lesson)) == ("✗", "concluded otherwise, 1 pitfall met")


# --- played through, measured for real on few pictures ------------------------------------------------------------------


def room(tmp_path: Path, level: str) -> Classroom:
    counts = {"train": 40, "eval": 160, "deploy": 20}
    return Classroom(level, Progress(level), data=tmp_path / "data", cases=tmp_path / "cases", counts=counts)


def played(dialogue: Dialogue[Any], *answers: str) -> tuple[list[str], Any]:
    items, result = last(dialogue, answers)
    said = [f"{i.tone}: {i.text}" for i in items if isinstance(i, Say)]
    said += [f"evidence: {i.evidence.tool}" for i in items if isinstance(i, Show)]
    said += [f"ask: {i.text}" for i in items if isinstance(i, Ask)]
    return said, result


def test_a_practice_case_is_worked_through_with_pitfalls_on_the_way(tmp_path: Path) -> None:
    here = room(tmp_path, "novice")
    said, right = played(
        practise(here, "birch"),
        *("look", "evaluate", "70-90"),
        *("correct", "1"),  # before anything is suspected
        *("conclude", "1", "no"),  # before anything is tested
        *(
            "suspect",
            "1",
            "nothing",
            "the present way",
            "test",
            "refuted",
            "correct",
            "mend",
            "conclude",
            "1",
        ),
    )
    assert right is True
    assert any(s.startswith("pitfall: Trying remedies without a hypothesis") for s in said)
    assert any(s.startswith("pitfall: Taking the metric for the goal") for s in said)
    assert any("The plan says: confirmed. You read: refuted." in s for s in said)
    assert any(s.startswith("miss: You said 70 to 90 %") for s in said)
    assert any("Controls: 0 of 1 fair at the first choice." in s for s in said)
    record = here.progress.lesson("birch")
    assert record.finished
    assert record.right
    assert "repair_before_hypothesis" in record.pitfalls
    assert here.progress.guesses[0]["what"] == "range"
    with here.case("birch") as case:  # what was done stands in the journal, and with it where one goes on
        assert [a.what for a in done(case)][:2] == ["guess", "look"]
        assert [a.what for a in done(case)][-1] == "conclude"


def test_experts_type_what_they_want_and_are_asked_less(tmp_path: Path) -> None:
    said, right = played(
        practise(room(tmp_path, "expert"), "cedar"),
        *(
            "look",
            "evaluate split=data",
            "look",
            "is there leakage?",
            "suspect",
            "I think some test images leaked into training",
        ),
        *("1", "1", "test", "conclude", "Leakage"),
    )
    assert right is True
    assert "evidence: duplicates_and_leakage" in said
    assert not any("What do they say?" in s for s in said)


def test_a_lesson_is_gone_on_with_where_it_was_left(tmp_path: Path) -> None:
    here = room(tmp_path, "novice")
    lesson = next(x for x in GUIDED if x.id == "first_look")
    here.progress.lessons[lesson.id] = Done(steps=3)
    items, _ = last(teach(here, lesson), [])
    assert isinstance(items[0], Ask)
    assert "after step 3" in items[0].text


def test_a_correction_before_anything_is_known_is_a_pitfall(tmp_path: Path) -> None:
    here = room(tmp_path, "intermediate")
    with here.case("birch") as case:
        said, name = played(correct(here, case, (), "birch"), "1")
        assert name
        assert any(s.startswith("pitfall:") for s in said)
        did(case, Act("suspect", kind="leakage"))
        said, _ = played(correct(here, case, (), "birch"), "1")
        assert any("not tested yet" in s for s in said)


def test_no_lesson_shows_deployment_figures_before_the_test_that_asks_for_them() -> None:
    """The verdict about pictures from real use belongs to the third lesson, behind the hypothesis and its test."""
    first, third = (
        next(one for one in lessons() if one.id == name) for name in ("first_look", "in_the_field")
    )
    looks = [step["look"] for step in first.steps if "look" in step and step["look"]["tool"] == "evaluate"]
    assert looks and all(look["arguments"] == {"split": "data"} for look in looks)
    kinds_of = [
        kind for step in third.steps for kind in step if kind in ("suspect", "control", "test", "look")
    ]
    assert kinds_of[:4] == ["suspect", "control", "test", "look"]
    (test,) = [step["test"] for step in third.steps if "test" in step]
    assert test["guesses"][0]["of"] == "split deploy"


def test_how_sure_beyond_a_hundred_is_said_and_not_scored() -> None:
    from types import SimpleNamespace

    from failsight.agent.learn import guessing
    from failsight.agent.learn.dialogue import Say, last

    room = SimpleNamespace(rules=SimpleNamespace(guesses=True, explains=True))
    case = SimpleNamespace(classes=("bathroom", "kitchen"))
    spec = {"kind": "class", "ask": "Which?"}
    items, made = last(guessing.guess(room, case, spec), ["bathroom 300"])  # type: ignore[arg-type]
    assert made is not None and (made.typed, made.sure) == ("bathroom", None)
    assert any(isinstance(one, Say) and "0 to 100" in one.text for one in items)
    items, made = last(guessing.guess(room, case, spec), ["kitchen 70"])  # type: ignore[arg-type]
    assert made is not None and made.sure == 0.7 and not any(isinstance(one, Say) for one in items)
