"""Who answers what, denied suppositions, lists, files and letters: each answer holds the numbers of the images that were spoken of."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight import prompts
from failsight.agent.people import lists
from failsight.agent.planners import denied, whether
from failsight.agent.planners.handed import groups, limits
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.kept import Division, keep, kept
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence, Finding
from tests.agent.followed_talk import animals
from tests.agent.followed_talk import talk as follow
from tests.agent.handed_talk import TALKS, handed, score, told, worlds, wrong
from tests.agent.known_talk import World, talk


@pytest.mark.parametrize("name", sorted(TALKS))
def test_every_answer_holds_what_was_asked(name: str, tmp_path: Path) -> None:
    checked, bad = score(tmp_path, name)
    assert checked and not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("we can accept at most one wrong in twenty", 0.05),
        ("no more than 5 in 100 may be wrong", 0.05),
        ("at most 2 errors per hundred pictures", 0.02),
        ("one mistake in every fifty is all that we can live with", 0.02),
        ("at most 3 % errors among the ones it decides alone", 0.03),
        ("we need 95 % right of what it fills in itself", 0.05),
        ("accuracy at least 90 % for what it answers alone", 0.1),
        ("only what it is 80 % sure of", None),
        ("how many of the 500 are wrong?", None),
    ],
)  # fmt: skip
def test_the_share_of_errors_that_a_sentence_accepts(text: str, share: float | None) -> None:
    assert h.accepted(text) == (pytest.approx(share) if share is not None else None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("and if they may look at 300?", (300.0, False)),
        ("our nurses can check 1,200 of them", (1200.0, False)),
        ("we have time for 40", (40.0, False)),
        ("what if people can only review 20 % of them?", (0.2, True)),
        ("we can pay for 200 labels", None),
        ("they are 90 % sure", None),
    ],
)  # fmt: skip
def test_the_pictures_that_people_can_look_at(text: str, found: tuple[float, bool] | None) -> None:
    assert h.most(text) == (pytest.approx(found[0]), found[1]) if found else h.most(text) is None


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("old flatbed pictures of the 1950s and black and white pictures of the City Housing Office", [{"scanner=old flatbed", "decade=1950s"}, {"fonds=City Housing Office", "colour=black and white"}]),
        ("flatbed scans of the 1950s", [{"scanner=old flatbed", "decade=1950s"}]),
        ("the 1930s or the 1940s from the new overhead", [{"decade=1930s|1940s", "scanner=new overhead"}]),
        ("the 1930s ones, and the retouched ones", [{"decade=1930s"}, {"retouched=yes"}]),
        ("pictures that it calls kitchen of the Lindqvist Estate", [{"predicted=kitchen", "fonds=Lindqvist Estate"}]),
        ("kitchens of the Lindqvist Estate", [{"true=kitchen", "fonds=Lindqvist Estate"}]),
    ],
)  # fmt: skip
def test_the_groups_of_a_sentence(text: str, held: list[set[str]], archive: World) -> None:
    assert [set(g) for g in groups.read(archive.case, text).groups] == held


def test_a_rule_with_a_word_that_is_not_understood_is_asked_back_and_not_kept(archive: World) -> None:
    answer = talk(archive.case, ["faded pictures of the 1950s always go to a person"], close=False)[0]
    assert "“faded”" in answer.first and not answer.tools
    assert not kept(archive.case)


def test_a_rule_is_kept_for_a_later_session_and_can_be_dropped(archive: World) -> None:
    talk(archive.case, ["pictures of the 1930s and retouched pictures always go to a person"], close=False)
    rule = Division((("decade=1930s",), ("retouched=yes",)))
    assert kept(archive.case) == rule
    inside = ~handed(archive, [{"decade": "1930s"}, {"retouched": "yes"}])
    k = int((wrong(archive) & inside).sum())
    answers = talk(
        archive.case,
        ["how many are wrong?", "what is left for the model under the rule?", "forget the rule"],
        close=False,
    )
    assert f"{int(inside.sum()):,} are left to the model: of these {k:,} are wrong" in answers[1].first
    assert kept(archive.case) == Division()


def test_a_division_without_a_word_for_it_is_no_new_one(archive: World) -> None:
    keep(archive.case, Division((("decade=1930s",),)))
    before = len(archive.case.journal.events)
    keep(archive.case, Division((("decade=1930s",),)))
    assert len(archive.case.journal.events) == before


def test_parts_that_go_to_people_share_no_image() -> None:
    made = Division((("a=1", "b=2"), ("c=3",)), 0.8)
    assert made.left == ("not(a=1&b=2)", "c!=3", "confidence>=0.8")
    assert made.parts() == [
        ("a=1", "b=2"),
        ("c=3", "not(a=1&b=2)"),
        ("not(a=1&b=2)", "c!=3", "confidence<0.8"),
    ]


def test_what_is_demanded_of_the_answers_that_are_left_is_no_demand_on_all(archive: World) -> None:
    talk(archive.case, ["we need accuracy at least 95 % for the ones it fills in by itself, the rest may go to people"], close=False)  # fmt: skip
    assert not archive.case.state().expectations


def test_without_scores_only_groups_can_be_handed_over(
    archive: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "sureness", lambda case, outside: None)
    answer = talk(archive.case, ["at most 1 wrong in 20 for what it answers by itself"], close=False)[0]
    assert "not recorded here" in answer.first


def test_sure_answers_that_were_counted_are_what_is_left(archive: World) -> None:
    """A group goes on with them; a share of errors asks for a limit of its own, and the next group with that share."""
    said = [
        "if it only answers when it is 85 % sure, how many answers stay?",
        "and without the retouched ones?",
    ]
    answers = talk(archive.case, [*said, said[0], "at most 1 wrong in 10, for which part could it do that by itself?", "and leaving out the 1950s?"], close=False)  # fmt: skip
    inside = ~handed(archive, [{"retouched": "yes"}], 0.85)
    assert f"{int(inside.sum()):,} are left to the model" in answers[1].first
    assert answers[3].first.startswith("At most 10.0 % wrong")
    away = [{"retouched": "yes"}, {"decade": "1950s"}]
    assert answers[4].first.startswith("At most 10.0 % wrong")
    assert f"of {int((~handed(archive, away)).sum()):,} are wrong" in answers[4].words


# --- denied ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Then it is not the black and white as such, is it?",
        "so it isn't the scanner?",
        "it has nothing to do with the phone, right?",
        "the weather doesn't matter, does it?",
        "is it not simply the 1950s?",
        "the lamp plays no role then",
    ],
)
def test_a_question_that_denies(text: str) -> None:
    assert denied.denies(text)


@pytest.mark.parametrize(
    "text",
    ["is it the scanner?", "how many are not dark?", "show me pictures that are not wrong", "images that are not dark are worse, right?"],
)  # fmt: skip
def test_a_question_that_asserts(text: str) -> None:
    assert not denied.denies(text)


def test_neither_yes_nor_no_is_said_to_a_denied_question(tmp_path: Path) -> None:
    case = animals(tmp_path / "case")
    found = Finding(
        "weak_slice", "correctness", "unknown", "fails at night", {"light": "night"}, verdict="confirmed"
    )
    case.record("evidence.recorded", call="0", evidence=Evidence("find_slices", "Slices", "One.", id="E1", findings=(found,)).to_dict())  # fmt: skip
    call = {"tool": "compare_group", "arguments": {"where": ["light=night"]}}
    plain, asked = (
        whether.settled(case, call, "so it isn't the night, is it?"),
        whether.settled(case, call, "is it worse at night?"),
    )
    assert plain is not None and str(plain.text).startswith("What decides that: F1 (confirmed).")
    assert asked is not None and str(asked.text).startswith("Yes")
    case.close()


def test_a_denied_comparison_gets_no_yes(tmp_path: Path) -> None:
    case = animals(tmp_path / "case")
    (_, (_, text)) = follow(case, ["how many foxes are wrong?", "is that not more than for dogs?"])
    assert not text.startswith(("Yes", "No")) and "fox" in text and "dog" in text
    case.close()


# --- lists and letters ---------------------------------------------------------------------------------------------------------


def test_a_list_is_in_order_and_holds_no_formula(archive: World) -> None:
    archive.case.table().columns["note"] = ["=1+1", *["plain"] * (len(archive.case.table()) - 1)]
    target, n = lists.write(archive.case, "wrong", [(["wrong"], "")])
    again, _ = lists.write(archive.case, "wrong", [(["wrong"], "")])
    assert (target.name, again.name) == ("wrong-1.csv", "wrong-2.csv")
    assert target.read_bytes().startswith("\ufeff".encode())
    rows = list(csv.DictReader(target.read_text("utf-8-sig").splitlines()))
    assert n == len(rows) == int(wrong(archive).sum()) and {r["outcome"] for r in rows} == {"wrong"}
    sure = [float(r["confidence"]) for r in rows]
    assert sure == sorted(sure, reverse=True)
    every, _ = lists.write(archive.case, "all", [((), "")])
    assert "'=1+1" in every.read_text("utf-8-sig") and ",=1+1" not in every.read_text("utf-8-sig")


def test_an_image_is_listed_with_the_first_reason_that_it_meets(archive: World) -> None:
    target, n = lists.write(archive.case, "people", [(["decade=1950s"], "the fifties"), (["scanner=old flatbed"], "flatbed")])  # fmt: skip
    rows = list(csv.DictReader(target.read_text("utf-8-sig").splitlines()))
    assert n == int(handed(archive, [{"decade": "1950s"}, {"scanner": "old flatbed"}]).sum())
    assert all((r["why"] == "the fifties") == (r["decade"] == "1950s") for r in rows)


def test_the_pictures_of_a_list_that_says_wrong_are_wrong(archive: World) -> None:
    answer = talk(
        archive.case, ["which kitchens are wrong although it was very sure? a list please"], close=False
    )[0]
    made = archive.case.state().evidence[-1]
    assert answer.tools == ("show_images",) and made.images
    assert all(i.label == "kitchen" != i.prediction for i in made.images)


def test_a_letter_is_the_report_of_its_reader(archive: World) -> None:
    talk(archive.case, ["would you write it up for our board on one page?"], close=False)
    assert (Path(archive.case.folder) / "report-requester.html").is_file()


def test_without_a_division_there_is_no_list_of_what_people_check(archive: World) -> None:
    answer = talk(archive.case, ["make me a list of the pictures that my colleagues have to check, as a file"], close=False)[0]  # fmt: skip
    assert answer.first == prompts.say("handed.list.none")


def test_the_figure_at_the_end_of_a_long_sentence(archive: World) -> None:
    answer = talk(archive.case, ["I look after the collection here and somebody has made this for us, could you tell me in plain words how well it does?"], close=False)[0]  # fmt: skip
    everything = told(wrong(archive) | True, archive)
    assert answer.tools == ("evaluate",) and "in 10" in answer.first
    assert f"{everything[1][1:]} are wrong" in answer.first


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[World]:
    made = worlds(tmp_path / "archive", "archive")
    yield made
    made.case.close()


def test_a_session_that_goes_on_reads_what_was_said_before(archive: World) -> None:
    talk(archive.case, ["pictures of the 1930s always go to a person"], close=False)
    session = Session(archive.case, policy="ask")
    events = list(session.say("and without the retouched ones?"))
    assert any("retouched yes" in str(getattr(e, "text", "")) for e in events)
    session._checkpoints.conn.close()
