"""What is not understood for sure is answered from the record about the things that were named: the first line holds the numbers.

Every expected number is counted here from the labels, answers and columns of a small world, never taken from an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from failsight import prompts
from failsight.agent.planners import showing, words
from failsight.agent.planners.counting.said import SAID
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.known import (
    asked,
    demands,
    findings,
    pictures,
    problems,
    subjects,
    things,
    versions,
)
from failsight.agent.planners.known.things import named
from failsight.agent.planners.wishes import parse_bounds
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence, Fact, Table
from failsight.tools.registry import registry
from tests.agent.guided_talk import ask
from tests.agent.known_talk import Answer, World, talk, world

Wanted = Callable[[World], list[str]]
Turns = list[tuple[str, Wanted]]
QUICK = (
    "count_images",
    "show_images",
    "evaluate",
    "confidence_profile",
    "disaggregate",
    "compare_group",
    "confusion_matrix",
)


def lines(*parts: str) -> Wanted:
    return lambda w: list(parts)


def wrong(split: str = "data", **held: object) -> Wanted:
    return lambda w: [f"{w.counted(split, **held)} "]


def right(split: str = "data", **held: object) -> Wanted:
    return lambda w: [f"{w.counted(split, right=True, **held)} "]


def recall(name: str, *splits: str) -> Wanted:
    return lambda w: [w.recall(name, s) for s in splits]


ROOMS: Turns = [
    ("and at night, when lights are of", wrong("deploy", lighting="dark")),
    ("is the bathroom bad in our homes", recall("bathroom", "deploy")),
    ("the bathroom in the dark, how bad", lambda w: [w.recall_in("bathroom", "deploy", lighting="dark")]),
    ("in the dark, how often is the bathroom right", lambda w: [w.recall_in("bathroom", "deploy", lighting="dark")]),
    ("i mean kitchens when the lights are out", wrong("deploy", true="kitchen", lighting="dark")),
    ("what do you say about kitchens with a cat at night", wrong("deploy", true="kitchen", lighting="dark", cat="yes")),
    ("is it bad with a cat in the bathroom, my bathroom has one", wrong(true="bathroom", cat="yes")),
    ("my bathroom has no cat so why it fail there, i dont understand", wrong(true="bathroom", cat="no")),
    ("which rooms suffer most in the dark", lambda w: ["bathroom +", f"{w.counted('deploy', true='bathroom', lighting='dark')} against"]),
    ("where it sends me when i am in the bathroom at night", lambda w: [f"kitchen {w.taken('bathroom', 'kitchen', 'deploy', lighting='dark')}"]),
    ("why is so worse in the dark", lines("On deployment images the model is right", "lighting dark")),
    ("which room is most dangerous for us", lambda w: ["bathroom", w.recall("bathroom", "deploy")]),
    ("would you give it to your own mother", lines("No.", "accuracy at least 90.0 %")),
    ("is it sure when it is wrong?? i need that it says i dont know", lines("When it is wrong it still says")),
    ("ok and how many answers stay if it shut up when not sure", lambda w: [w.stay(0.6)]),
    ("if it only answers when it is 80 percent sure, what share is left", lambda w: [w.stay(0.8)]),
    ("who is annotator B and can we trust him", lines("annotator=B", "suspects")),
    ("how many of the errors are then not realy errors", lines("labels that disagree")),
    ("i dont believe the 90 percent, who decided this number. for us 95 is minimum", lines("accuracy at least 90.0 %", "the association", "set accuracy at least 95 %")),
    ("hello, i am from the blind asociation. what is this thing for, short please", lambda w: ["I am Failsight", w.overall()]),
    ("did it get better", lines("No repair has been applied yet")),
    ("is bathroom better too, and living room", lambda w: ["No repair has been made yet", w.recall("bathroom")]),
    ("and at night?", lines("No repair has been made yet")),
    ("how many photos we would have to make to fix night", lines("it was proposed: Collect")),
    ("who should take them", lines("No measurement says who")),
]  # fmt: skip
BELT: Turns = [
    ("What about dirt, half of the crew swear that dirty items are the problem.", lambda w: [w.counted(dirty="yes"), w.counted(dirty="no")]),
    ("Something is fishy with that night shift, can you find out what is going on there?", lines("line=3 and shift=night", "elsewhere")),
    ("Is it at least honest about how sure it is, on line 3 at night in particular?", wrong(line=3, shift="night")),
    ("paper at night, hm", wrong(true="paper", shift="night", line=3)),
    ("are lamps with more than 800 hours worse?", lines("lamp_hours above 800")),
    ("Which of the items suffer most from it?", lambda w: ["film +", w.counted(true="film", lamp_hours=lambda h: h > 800)]),
    ("I don't believe that film under new lamps is any good either, is it?", right(true="film", lamp_hours=lambda h: h <= 800)),
    ("does a faster belt give more misses?", lambda w: [f"speed>{w.middle('speed')}"]),
    ("Ehlers and film, you can't tell me that is normal", wrong(true="film", operator="Ehlers")),
    ("How many of the wrong items are right?", lines("right or wrong, never both")),
    ("Ok do that.", lines("nothing was run")),
    ("Give me one page for the plant manager with what is wrong", lines("the requester")),
    ("If I only let the machine decide when it is more than 90 percent sure and send the rest to the cabin, what percent of the throughput goes to the cabin and how many errors are left?", lambda w: [w.stay(0.9)]),
    ("film at night on line 3, that can't be", wrong(true="film", shift="night", line=3)),
]  # fmt: skip
CLINIC: Turns = [
    ("what about hair", lambda w: [f"yes {w.counted(hair='yes')}"]),
    ("is Insel any good", right("deploy", site="Insel")),
    ("how often does it miss malignant with hair in practice", wrong("deploy", true="malignant", hair="yes")),
    ("malignant without hair?", wrong("deploy", true="malignant", hair="no")),
    ("scanner Beta seems fishy, what is going on there", wrong(scanner="Beta")),
    ("explain me shorter, i have a screen reader. without tables", lines("In one sentence")),
    ("how i change the level to beginner", lines("--level novice")),
    ("is malignant still bad at Insel then, or what", wrong("deploy", true="malignant", site="Insel")),
    ("write me a short leter for our members that they understand", lines("end-user")),
]  # fmt: skip
ORCHARD: Turns = [
    ("scab on wet fruit, that can't be right", right(true="scab", wet="yes")),
    ("why does it fail there", lines("wet", "called healthy")),
    ("which kinds suffer most from wet", lambda w: ["scab +", w.counted(true="scab", wet="yes")]),
    ("wet rot in the fog, what then", wrong("deploy", true="rot", wet="yes", weather="fog")),
    ("the Elstar looks odd to me", wrong(variety="Elstar")),
    ("are tall trees worse", lambda w: [f"height_cm>{w.middle('height_cm')}"]),
    ("would you give it to your friends", lines("Nobody has said how good it has to be")),
    ("who set these numbers of yours, the 90 percent", lines("Nobody has said yet how good it has to be")),
    ("i can not see pictures. describe me with words what is on them", lines("What is recorded of the first 8 pictures")),
    ("show me wrong scab images with wet=yes", lines("answered wrongly")),
    ("describe them to me in words, i am blind", lines("What is recorded of the first 8 pictures")),
]  # fmt: skip
WORLDS: dict[str, tuple[tuple[str, ...], Turns]] = {
    "rooms": (
        ("evaluate", "find_slices", "confidence_profile", "shift", "label_noise", "propose_correction"),
        ROOMS,
    ),
    "belt": (("evaluate", "find_slices", "confidence_profile"), BELT),
    "clinic": (("evaluate", "find_slices"), CLINIC),
    "orchard": (("evaluate", "find_slices"), ORCHARD),
}


def heard(folder: Path, name: str) -> tuple[World, list[Answer]]:
    tools, turns = WORLDS[name]
    made = world(folder / name, name, tools)
    if name == "rooms":
        made.case.expect("accuracy", 0.9, at_least=True, by="the association")
        made.case.call("readiness", {})
    return made, talk(made.case, [said for said, _ in turns])


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_the_first_line_tells_of_exactly_the_things_that_were_named(name: str, tmp_path: Path) -> None:
    made, answers = heard(tmp_path, name)
    missed = []
    for (said, wanted), got in zip(WORLDS[name][1], answers, strict=True):
        lacking = [part for part in wanted(made) if part not in got.first]
        heavy = [t for t in got.tools if registry()[t].cost == "heavy" or registry()[t].writes]
        if lacking or heavy:
            missed.append(f"{said}\n   lacks {lacking}, ran {got.tools}\n   {got.first[:300]}")
    assert not missed, "\n".join(missed)


# --- the things that a sentence names ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("known") / "rooms", "rooms", ("evaluate", "find_slices", "shift"))


@pytest.mark.parametrize(
    ("said", "classes", "group", "split"),
    [
        ("and at night, when lights are of", (), ("lighting=dark",), "deploy"),
        ("in the bathroom with no light", ("bathroom",), ("lighting=dark",), "deploy"),
        ("by night it sees a cat in the kitchen", ("kitchen",), ("cat=yes", "lighting=dark"), "deploy"),
        ("a kitchen without a cat", ("kitchen",), ("cat=no",), ""),
        ("does accuracy vary with cat", (), (), ""),
        ("on our own photos", (), (), "deploy"),
        ("in real use it is worse", (), (), "deploy"),
        ("are they darker than the others", (), (), ""),
        ("please help", (), (), ""),
    ],
)
def test_everyday_words_name_what_is_recorded(
    said: str, classes: tuple[str, ...], group: tuple[str, ...], split: str, rooms: World
) -> None:
    got = named(rooms.case, words.names(rooms.case, said))
    assert (got.classes, set(got.group), got.split) == (classes, set(group), split)


@pytest.mark.parametrize(
    ("said", "columns", "group"),
    [
        ("what about the lamps", ("lamp_hours",), ()),
        ("the old lamps", (), ("lamp_hours>{lamp_hours}",)),
        ("a fast belt", (), ("speed>{speed}",)),
        ("slow ones", (), ("speed<={speed}",)),
    ],
)
def test_a_word_of_a_columns_name_or_what_it_measures_names_it(
    said: str, columns: tuple[str, ...], group: tuple[str, ...], tmp_path: Path
) -> None:
    belt = world(tmp_path / "belt", "belt", ())
    got = named(belt.case, words.names(belt.case, said))
    middles = {c: belt.middle(c) for c in ("lamp_hours", "speed")}
    assert got.columns == columns and got.group == tuple(g.format(**middles) for g in group)
    assert bool(got.assumed) == bool(group)  # that the middle was taken is told


# --- what is said around the answer ------------------------------------------------------------------------------------------


def test_what_is_offered_next_is_understood(tmp_path: Path) -> None:
    made, answers = heard(tmp_path, "orchard")
    planner = GuidedPlanner(made.case)
    off, unsure = prompts.say("off_topic")[:40], prompts.say("asks_back")
    offered = {c for a in answers for c in a.choices[:3] if not c.startswith(("Go on", "/"))}
    assert len(offered) > 5
    for one in sorted(offered):
        got = ask(planner, one)
        assert got.tool or not got.words.startswith((off, unsure)), one


def test_nothing_is_counted_where_nothing_was_measured(tmp_path: Path) -> None:
    made = world(tmp_path / "rooms", "rooms", ())
    got = ask(GuidedPlanner(made.case), "and at night, when lights are of")
    assert not got.tool and not re.search(r"\d of \d", got.words)


def test_the_chance_of_a_difference_is_told(tmp_path: Path) -> None:
    made = world(tmp_path / "orchard", "orchard")
    alike, apart = talk(made.case, ["the Elstar looks odd to me", "scab on wet fruit, that can't be right"])
    chance = prompts.say("known.chance")
    assert chance in alike.first and chance not in apart.first


def test_a_group_that_the_class_has_not_is_said_to_be_unmeasured(tmp_path: Path) -> None:
    made = world(tmp_path / "rooms", "rooms")
    gone = (made.columns["deploy"]["lighting"] == "dark") & (made.labels["deploy"] == 1)
    table = made.case._tables["deploy"]
    table.columns["lighting"] = [
        "soft" if g else v for g, v in zip(gone, made.columns["deploy"]["lighting"], strict=True)
    ]  # type: ignore[attr-defined]
    got = talk(made.case, ["i mean kitchens when the lights are out"])[0]
    assert "is not measured" in got.first and "kitchen" in got.first
    assert not re.search(r"kitchen is recognised", got.words)


@pytest.mark.parametrize(
    ("given", "is_one"),
    [
        ({"among": ["wrong"], "having": ["correct"]}, True),
        ({"among": ["correct", "cat=yes"], "having": ["wrong"]}, True),
        ({"among": ["wrong"], "having": ["cat=yes"]}, False),
    ],
)
def test_a_count_of_what_is_right_and_wrong_at_once_contradicts_itself(
    given: dict[str, list[str]], is_one: bool
) -> None:
    assert asked.contradicts(words.call("count_images", given, "")) is is_one


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("Good morning, I am responsible for three belts and I was told that all is fine, so please tell me how many are wrong.", "please tell me how many are wrong."),
        ("I am new here, so how good is it at night?", "I am new here, so how good is it at night?"),
        ("I think the lamps are old and I am sure of it, so please check that.", "I think the lamps are old and I am sure of it, so please check that."),
        ("how good is it?", "how good is it?"),
    ],
)  # fmt: skip
def test_who_introduces_himself_first_is_asked_for_his_wish(said: str, wish: str) -> None:
    assert asked.wish_of(said) == wish


# --- what came before ----------------------------------------------------------------------------------------------------------


def test_those_after_a_finding_are_its_errors(tmp_path: Path) -> None:
    made = world(tmp_path / "orchard", "orchard", ("evaluate", "find_slices"))
    record = next(r for r in made.case.state().records.values() if r.finding.slice == {"wet": "yes"})
    _, shown = talk(made.case, [f"what is {record.id}", "show me those"])
    assert shown.tools == ("show_images",)
    last = made.case.state().latest("show_images")
    assert (
        last is not None
        and last.arguments["where"] == "wrong&wet=yes"
        and last.arguments["predicted_class"] == record.finding.class_name
    )
    healthy = made.classes.index(str(record.finding.class_name))
    errors = made.mask(wet="yes") & (made.answers["data"] == healthy) & (made.labels["data"] != healthy)
    assert f"{int(errors.sum())} of " in shown.words


def test_pictures_in_words_tell_what_is_recorded_of_each(tmp_path: Path) -> None:
    made = world(tmp_path / "orchard", "orchard")
    _, got = talk(
        made.case,
        ["show me wrong scab images with wet=yes", "describe them with words, i can not see pictures"],
    )
    shown = made.case.state().latest("show_images")
    assert shown is not None
    told = got.words.splitlines()[1:9]
    for line, one in zip(told, shown.images, strict=False):
        row = {k: v[one.row] for k, v in made.columns["data"].items()}
        assert (
            f"{one.label}, called {one.prediction} by the model: with wet; variety {row['variety']}" in line
        )
        assert f"height cm {row['height_cm']}" in line


def test_what_a_version_changed_is_told_of_the_groups_that_were_compared(rooms: World) -> None:
    columns = ("group", "images", "wrong before", "wrong after", "change", "from", "to", "verdict")
    rows = (
        ("lighting=dark", 222, "52.3 %", "44.0 %", -0.083, -0.123, -0.041, "better"),
        ("bathroom", 86, "70.9 %", "76.7 %", 0.058, 0.005, 0.109, "worse"),
    )
    facts = (Fact("verdict", "verified", of="R1"),)
    made = Evidence(
        "verify_correction",
        "Repair",
        "It holds.",
        id="E9",
        facts=facts,
        tables=(Table("Elsewhere", columns, rows),),
    )
    state = rooms.case.state()
    told = next(versions._rows(made, "lighting=dark", state))
    assert told.startswith("With R1 44.0 % of 222 untouched images of lighting=dark are wrong, 52.3 % before")
    assert not list(versions._rows(made, "cat=yes", state))
    assert "bathroom" in versions._worse([made], state) and "lighting" not in versions._worse([made], state)


def test_a_sentence_read_with_little_certainty_runs_nothing_heavy(tmp_path: Path) -> None:
    made = world(tmp_path / "rooms", "rooms", ("evaluate", "find_slices"))
    for said in (
        "but at night it is still bad no?",
        "hm the kitchens in the dark, hm",
        "cats everywhere, bathroom too",
    ):
        session = Session(made.case, policy="ask")
        list(session.say(said))
        assert not session.pending, said
        session._checkpoints.conn.close()
    assert {e.tool for e in made.case.state().evidence} <= {*QUICK, "find_slices"}


# --- figures and problems in everyday words ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The belt, with what a person may ask about in everyday words measured."""
    return world(
        tmp_path_factory.mktemp("spoken") / "belt", "belt", ("evaluate", "find_slices", "confidence_profile")
    )


def _answers(w: World, name: str, *, said: bool) -> tuple[int, int]:
    """(false, all): of the images of other classes that are called ``name``, or (``said``) of its answers."""
    k = w.classes.index(name)
    false = int(((w.answers["data"] == k) & (w.labels["data"] != k)).sum())
    return false, int((w.answers["data"] == k).sum() if said else (w.labels["data"] != k).sum())


@pytest.mark.parametrize(
    "text",
    [
        "good morning, how good is it, roughly", "Good morning, so tell me first how good this thing is at naming the items, roughly", "how bad is it", "roughly, how good is it?",
        "so how well does it work at all?",
    ],
)  # fmt: skip
def test_how_good_it_is_is_answered_whatever_is_said_around_it(text: str, spoken: World) -> None:
    (got,) = talk(spoken.case, [text], close=False)
    assert got.tools == ("evaluate",) and spoken.overall() in got.first


@pytest.mark.parametrize(
    "text", ["how good is it with film at night?", "leave line 3 out, how good is it then?"]
)
def test_how_good_it_is_on_some_pictures_is_not_answered_for_all(text: str, spoken: World) -> None:
    (got,) = talk(spoken.case, [text], close=False)
    assert spoken.overall() not in got.first


def test_how_sure_a_figure_is_is_its_interval(spoken: World) -> None:
    _, got = talk(
        spoken.case, ["how good is it?", "that is bad, how sure are you of that number?"], close=False
    )
    share, low, high = re.findall(r"[\d.]+", spoken.overall())[:3]
    assert not got.tools and f"{share} %" in got.first and f"between {low} % and {high} %" in got.first


def test_how_often_an_answer_is_right_is_its_precision(spoken: World) -> None:
    false, all_ = _answers(spoken, "film", said=True)
    (got,) = talk(spoken.case, ["when it says film, how often is it right?"], close=False)
    assert f"{all_ - false} of {all_} " in got.first


def test_false_alarms_are_told_of_the_images_without_the_class_and_of_the_answers(spoken: World) -> None:
    false, others = _answers(spoken, "film", said=False)
    _, all_ = _answers(spoken, "film", said=True)
    (got,) = talk(spoken.case, ["how often does it say film when there is no film?"], close=False)
    assert f"It says film for {false} of {others} images without film" in got.first
    assert f"Of its {all_} answers film {false} " in got.first


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        ("can I trust it when it is above 80 % sure?", 0.8), ("Can I trust it when it says it is very sure, say above 80 percent?", 0.8), ("can I trust it above 70 percent?", 0.7),
        ("if it kept quiet whenever it is under 60 percent sure, how many pictures would I have to look at myself?", 0.6),
    ],
)  # fmt: skip
def test_sure_answers_are_told_with_how_many_are_right_and_how_many_are_left(
    text: str, bar: float, spoken: World
) -> None:
    sure = spoken.case.predictions("data").confidence >= bar
    wrong = int((sure & (spoken.labels["data"] != spoken.answers["data"])).sum())
    (got,) = talk(spoken.case, [text], close=False)
    assert spoken.stay(bar) in got.first and f"and {wrong} wrong" in got.first
    assert f"{int((~sure).sum()):,} do not and are left for people" in got.first


def test_the_problems_are_told_in_order_with_what_is_not_decided_and_not_found(spoken: World) -> None:
    (got,) = talk(
        spoken.case,
        ["so in plain words, what are the two or three real problems, and which one first?"],
        close=False,
    )
    assert not got.tools and "most errors at stake first" in got.words
    stakes = [
        int(n.replace(",", ""))
        for n in re.findall(r"at most ([\d,]+) errors", got.words.partition("Not decided")[0])
    ]
    assert stakes and stakes == sorted(stakes, reverse=True)


def test_of_two_ways_out_it_is_told_what_is_known_and_that_nothing_decides(spoken: World) -> None:
    (got,) = talk(spoken.case, ["what would you do, buy new lamps or collect more pictures?"], close=False)
    assert not got.tools and "lamp hours" in got.words
    assert (
        "training pictures are not in this case" in got.words
        and "No measurement decides between the two" in got.words
    )


def test_those_of_a_class_are_the_ones_that_were_spoken_of_with_their_confidence(spoken: World) -> None:
    text = "Show me a few of those films and tell me how sure it was about them"
    _, got = talk(spoken.case, ["how many films on line 3 at night are wrong?", text], close=False)
    inside = spoken.mask(true="film", line=3, shift="night") & (
        spoken.labels["data"] != spoken.answers["data"]
    )
    sure = spoken.case.predictions("data").confidence[inside].mean()
    assert got.tools == ("show_images",) and f"Mean confidence {100 * sure:.1f} %" in got.words


def test_those_of_a_class_outside_a_group_keep_what_does_not_hold_together(spoken: World) -> None:
    given = {"among": ["not(line=3&true=can)", "wrong"], "having": []}
    made = Evidence("count_images", "Images counted", "x", id="E900", arguments=given)
    case: Any = SimpleNamespace(state=lambda: SimpleNamespace(evidence=[made]))
    turn: Any = SimpleNamespace(acts=(SimpleNamespace(evidence="E900"),), said="how many", reply="")
    got = showing.those(case, words.names(spoken.case, "show me some of those films"), [turn])
    assert got is not None and "not(line=3&true=can)" in got.tool_calls[0]["args"]["where"].split(" ")[0]


def test_both_wishes_are_met_the_model_given_away_and_the_report(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate",))
    text = "All right, so can I give it to the workers now or not, and write me a short report that I can send to the boss"
    (got,) = talk(made.case, [text])
    assert "Nobody has said how good it has to be" in got.words and "report-requester" in got.words


def test_a_demand_on_every_value_is_noted_for_each_and_judged(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate", "readiness"))
    (first, then) = talk(made.case, ["The owners want at least 95 percent right on every line, do we get that anywhere?", "would you give it to your friends"])  # fmt: skip
    assert set(made.case.state().expectations) == {f"accuracy[line={k}]" for k in (1, 2, 3)}
    assert first.tools == ("readiness",) and first.first.startswith("No")
    assert "obody has said" not in then.words


def test_what_is_demanded_after_the_judgement_is_not_unsaid(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate", "readiness"))
    made.case.expect("accuracy", 0.95, at_least=True, by="the owner")
    (got,) = talk(made.case, ["would you give it to your friends"])
    assert "accuracy at least 95.0 %" in got.words and "obody has said" not in got.words


def test_an_answer_says_what_it_rests_on_only_where_it_does_not_cite_that(spoken: World) -> None:
    _, got = talk(spoken.case, ["film at night on line 3, that can't be", "how often does it say can when there is no can?"], close=False)  # fmt: skip
    assert len(set(re.findall(r"\[(E\d+)\]", got.first))) == 2 and "rests on" not in got.words


def test_a_suspicion_that_has_its_verdict_is_not_to_be_measured(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate", "label_noise"))
    assert any(
        r.finding.kind == "label_noise" and r.finding.verdict for r in made.case.state().records.values()
    )
    (got,) = talk(made.case, ["are maybe some of the pictures just labelled wrong?"])
    assert "Measure it with" not in got.words and "until it is measured" not in got.words


@pytest.mark.parametrize(
    ("sentence", "taken", "columns"),
    [
        ("is it worse for old people?", [], ["age_of_owner"]),
        ("is it the old phones?", [(10, 20)], []),  # a value of another column
        ("are old phones worse for old people?", [(4, 14)], ["age_of_owner"]),
    ],
)
def test_a_word_that_is_a_value_names_no_measure(
    sentence: str, taken: list[tuple[int, int]], columns: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case: Any = None
    known = SimpleNamespace(attributes={"age_of_owner": ("20", "31"), "phone": ("old", "new")})
    monkeypatch.setattr(things.words, "vocabulary", lambda case: known)
    assert list(things._by_measure(case, sentence, taken)) == columns


# --- words that mean something else ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("if it only answers when it is 100 % sure, how many stay?", (1.0,)),
        ("if it keeps quiet when unsure, do we reach 95 percent right and how many are left?", demands.BARS),
        ("if it keeps quiet below 0.7, how many are left?", (0.7,)),
    ],
)
def test_a_bar_is_how_sure_it_has_to_be_and_no_share_that_is_right(
    text: str, bars: tuple[float, ...], spoken: World
) -> None:
    got = demands.abstaining(spoken.case, text, words.names(spoken.case, text))
    assert got is not None
    assert got.additional_kwargs[SAID]["bars"] == list(bars)


def test_answers_that_stay_are_told_with_the_images_that_they_are_of(spoken: World) -> None:
    text = "can I trust it with film at night when it is above 80 % sure?"
    (got,) = talk(spoken.case, [text], close=False)
    inside = spoken.mask(true="film", shift="night") & (spoken.case.predictions("data").confidence >= 0.8)
    assert (
        f"{int(inside.sum())} answers to film pictures with shift=night stay (of the evaluation images)"
        in got.first
    )


def test_how_often_it_says_a_class_unsure_is_no_count_of_answers_that_stay_nor_of_false_alarms(
    spoken: World,
) -> None:
    text = "how often does it say film when it is not sure?"
    (got,) = talk(spoken.case, [text], close=False)
    assert "answers to film" not in got.words and "images without film" not in got.words


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("how many of the errors are not really errors", True),
        ("the mistakes aren't mistakes", True),
        ("half of these errors are actually right", True),
        ("the errors on line 3 are not more than the errors on line 2", False),
        ("the mistakes are right after the switch", False),
    ],
)
def test_errors_that_are_none_are_told_from_errors_that_are_compared(text: str, is_one: bool) -> None:
    assert bool(subjects.NO_ERRORS.search(text)) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("describe these in words", True),
        ("describe them to me", True),
        ("tell me in words what is in the pictures", True),
        ("explain in words how often it fails on dark images", False),
        ("describe in words how good it is on line 3", False),
    ],
)
def test_pictures_are_described_only_where_they_are_pointed_to(
    text: str, is_one: bool, spoken: World
) -> None:
    assert (pictures.described(spoken.case, text, ()) is not None) is is_one


@pytest.mark.parametrize(
    ("demanded", "text", "how"),
    [
        ((("accuracy", 0.9, True),), "who decided the 90 percent? we need 5 cameras", "set accuracy at least 95 %"),
        ((("accuracy", 0.9, True),), "who decided the 90 percent? for us 97 is minimum", "set accuracy at least 97 %"),
        ((("ece", 0.05, False),), "who set that bound?", "set accuracy at least 90 %"),
        ((("accuracy[line=3]", 0.9, True),), "who set that bound?", "set accuracy at least 90 %"),
    ],
)  # fmt: skip
def test_what_to_say_to_demand_something_else_is_a_demand(
    demanded: tuple[tuple[str, float, bool], ...], text: str, how: str, tmp_path: Path
) -> None:
    made = world(tmp_path / "belt", "belt", ())
    for name, bound, at_least in demanded:
        made.case.expect(name, bound, at_least=at_least, by="the owner")
    got = demands.decided(made.case, text)
    assert got is not None and got.additional_kwargs["choices"][0] == how
    assert parse_bounds(how, made.classes)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("who should take them", True), ("who should label the pictures?", True), ("who can do better than you?", False), ("who could make it faster?", False)],
)  # fmt: skip
def test_who_takes_pictures_is_asked_only_of_pictures(text: str, is_one: bool, spoken: World) -> None:
    got = demands.collected(spoken.case, text, words.names(spoken.case, text), ())
    assert (got is not None) is is_one


def test_what_is_to_be_bought_is_a_thing(spoken: World) -> None:
    assert problems._thing("should we buy a better phone or take more pictures?") == "phone"
    assert problems._thing("should we get it fixed or take more pictures?") == ""


def test_what_to_collect_is_cited_to_what_proposed_it(tmp_path: Path) -> None:
    made = world(tmp_path / "orchard", "orchard", ("evaluate", "find_slices", "propose_correction"))
    state = made.case.state()
    first = next(e for e in state.evidence if e.tool == "propose_correction")
    told = next(r for r in state.confirmed() if findings.to_collect(state, r)[1])
    other = next(r for r in state.confirmed() if r.id != told.id)
    made.case.call("propose_correction", {"finding": other.id})
    assert f"[{first.id}]" in findings.to_collect(made.case.state(), told)[1]


def test_a_judgement_by_other_demands_is_no_yes_and_no_no(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate",))
    made.case.expect("accuracy", 0.99, at_least=True, by="the owner")
    made.case.call("readiness", {})
    assert subjects.told(made.case, "trust", things.Things())[0].startswith("No.")
    made.case.expect("accuracy", 0.3, at_least=True, by="the owner")
    assert subjects.told(made.case, "trust", things.Things())[0].startswith("It was judged not ready")


def test_of_several_repairs_the_one_that_is_named_is_told(rooms: World) -> None:
    columns = ("group", "images", "wrong before", "wrong after", "change", "from", "to", "verdict")

    def compared(name: str, after: str) -> Evidence:
        rows = (("lighting=dark", 222, "52.3 %", after, -0.083, -0.123, -0.041, "better"),)
        return Evidence("verify_correction", "Repair", "It holds.", id=f"E{name[1:]}0", facts=(Fact("verdict", "verified", of=name),), tables=(Table("Elsewhere", columns, rows),))  # fmt: skip

    state: Any = SimpleNamespace(
        evidence=[compared("R1", "44.0 %"), compared("R2", "31.0 %")],
        versions={f"R{n}.1": SimpleNamespace(repair=f"R{n}") for n in (1, 2)},
    )
    dark = things.Things(group=("lighting=dark",))
    for name, after in (("R1", "44.0 %"), ("R2", "31.0 %")):
        got = versions._changes(rooms.case, f"what did {name} change in the dark", state, dark)
        assert got is not None and got.text.startswith(f"With {name} {after}")
    assert versions._changes(rooms.case, "what did R7 change in the dark", state, dark) is None
