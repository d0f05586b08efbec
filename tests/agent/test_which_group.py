"""Which group of images is meant, what it is compared with, and that what was not used is said.

Held to the sentences of ``grouped_talk``, whose answers are known image by image.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.planners.counting import crossed
from failsight.agent.planners.counting.beside import Side
from failsight.agent.planners.parted import joined, parts
from failsight.knowledge_base.turned_away import runs
from failsight.tools.evidence import Finding
from failsight.tools.hypotheses.group_test import claim
from failsight.tools.hypotheses.typed import slice_name
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import condition, together
from tests.agent import grouped_talk as g
from tests.agent.known_talk import talk


def test_sentences_about_groups_are_answered_by_the_groups_that_they_mean(tmp_path: Path) -> None:
    assert len(g.DEVELOPMENT) >= 60 and len({one.world for one in g.DEVELOPMENT}) == 4
    right, wrong = g.score(tmp_path)
    assert right / len(g.DEVELOPMENT) >= 0.95, "\n".join(wrong)


def _side(k: int, n: int, *among: str) -> Side:
    return Side("", k, n, wilson(k, n), frozenset(among), "data", False)


@pytest.mark.parametrize(
    ("both", "a", "b", "neither", "reading"),
    [
        (60, 43, 45, 44, "together"), (60, 60, 44, 44, "first"), (60, 44, 60, 44, "second"), (80, 60, 60, 44, "each"),
        (80, 60, 44, 44, "first_more"), (80, 44, 60, 44, "second_more"), (45, 44, 46, 44, "open"),
    ],
)  # fmt: skip
def test_what_four_counts_say_of_two_things(both: int, a: int, b: int, neither: int, reading: str) -> None:
    cells = [
        _side(10 * both, 1000, "x=1", "y=1"), _side(10 * a, 1000, "x=1", "y!=1"), _side(10 * b, 1000, "x!=1", "y=1"), _side(10 * neither, 1000, "x!=1", "y!=1"),
    ]  # fmt: skip
    assert crossed._reading(*cells) == reading


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("what about cats that live indoors, do they get called dogs more often?", "do cats that live indoors get called dogs more often?"),
        ("Okay and leave the phones for now, what about old ones, are they wrong more often?", "are old ones wrong more often?"),
        ("as for the yachts in Bergen, are they right?", "are the yachts in Bergen right?"),
        ("leave the dark ones out, how good is it then?", "leave the dark ones out, how good is it then?"),
        ("what about the reports, are they written?", "what about the reports, are they written?"),
        ("how good is it, and is it ready?", "how good is it, and is it ready?"),
    ],
)  # fmt: skip
def test_a_topic_is_read_in_its_place(text: str, made: str) -> None:
    assert joined(text).strip() == made


def test_and_begins_a_sentence_with_two_wishes() -> None:
    assert parts("And which boat is wrong most, and what is it taken for?") == [
        "And which boat is wrong most",
        "what is it taken for?",
    ]


def test_a_noun_between_a_value_and_its_place_keeps_them_together() -> None:
    text = "without small pills at North and West"
    spans = [(text.index(w), text.index(w) + len(w)) for w in ("small", "North", "West")]
    assert runs(text, spans) == [1, 1, 2]


@pytest.mark.parametrize(
    ("slice_", "said", "named"),
    [
        ({"hour<22&hour>5": "no"}, "hour>=22 or hour<=5", "not(hour<22&hour>5)"),
        ({"line=3&shift=night": "no"}, "not line=3 and shift=night together", "not(line=3&shift=night)"),
        ({"month": "12|1|2"}, "month=12, 1 or 2", "month=12|1|2"),
        ({"lamp_hours": "above 800"}, "lamp_hours above 800", "lamp_hours=above 800"),
        ({"site": "Ost", "cat": "yes"}, "site=Ost and cat=yes", "site=Ost and cat=yes"),
    ],
)
def test_a_finding_says_its_conditions_in_words(slice_: dict[str, str], said: str, named: str) -> None:
    finding = Finding("weak_slice", "correctness", "unknown", "", slice_, None, None)
    assert claim(finding) == f"Images with {said} are answered wrongly more often than the others."
    assert slice_name(slice_) == named


def test_conditions_that_do_not_hold_together_in_words() -> None:
    assert condition("hour<22&hour>5", "no") == "hour>=22 or hour<=5"
    assert condition("line=3&shift=night", "yes") == "line=3 and shift=night"
    assert condition("camera", "phone") == "camera = phone" and together("camera", "no") == ""


def said(tmp_path: Path, name: str, *lines: str) -> list[str]:
    return [a.words for a in talk(g.world(tmp_path / "case", name).case, lines)]


def test_a_word_for_a_time_that_no_column_records_is_said_to_be_left_out(tmp_path: Path) -> None:
    (told,) = said(tmp_path, "pills", "how many are wrong in winter?")
    assert told.startswith("No column says which images “winter” means, so that part was left out.")


def test_what_a_season_is_taken_for_is_said(tmp_path: Path) -> None:
    told = said(tmp_path, "feeder", "how many pictures in winter are wrong?", "how many in June?")
    assert "winter: December, January, February" in told[0] and "month=12, 1 or 2" in told[0]
    assert "words for times" not in told[1]


def test_a_second_side_that_names_no_value_is_said_to_be_the_rest(tmp_path: Path) -> None:
    (told,) = said(
        tmp_path, "feeder", "are robins that are ringed called tit more often than robins that fly free?"
    )
    assert "“robins that fly free” names no other value" in told and told.startswith(
        "Yes. ringed=yes: called tit in"
    )


def test_the_worst_value_that_was_told_is_meant_by_its_column(tmp_path: Path) -> None:
    made = g.world(tmp_path / "case", "pills")
    told = talk(made.case, ["which plant is worst?", "is it the plant or is it the small pills?"])[-1]
    assert made.counted(plant="North", size="small") in told.words
    assert told.first.startswith("Neither alone, but the two together: with plant=North and size=small")


def test_groups_of_several_conditions_are_set_beside_each_other(tmp_path: Path) -> None:
    made = g.world(tmp_path / "case", "pills")
    told = talk(made.case, ["which of the two is worse, small pills at North or large ones at West?"])[
        -1
    ].words
    for size, plant in (("small", "North"), ("large", "West")):
        assert made.counted(size=size, plant=plant, right=True) in told


def test_whether_a_value_stands_out_is_said(tmp_path: Path) -> None:
    made = g.world(tmp_path / "case", "boats")
    plain, seasons = (
        a.words for a in talk(made.case, ["does the weekday matter?", "does the month matter?"])
    )
    assert "None of them stands out" in plain and "month=Jan" in seasons
    rows = made.counted(weekday=1), made.counted(weekday=7)
    assert all(r in plain for r in rows)


def test_only_one_class_or_the_others_too(tmp_path: Path) -> None:
    told = said(tmp_path, "feeder", "how many robins are wrong when ringed?", "are the other birds worse when ringed too, or only the robins?")  # fmt: skip
    made = g.world(tmp_path / "again", "feeder")
    for name in made.classes:
        assert (
            f"{made.counted(true=name, ringed='yes')} against {made.counted(true=name, ringed='no')}"
            in told[1]
        )


def test_a_column_without_a_value_never_reaches_a_count(tmp_path: Path) -> None:
    made = g.world(tmp_path / "case", "archive")
    told = talk(made.case, ["how many kitchens are wrong?", "only the retouched ones of that scanner"])[-1]
    assert "?scanner" not in told.words and "could not be measured" not in told.words


def test_only_after_a_count_is_no_map(tmp_path: Path) -> None:
    made = g.world(tmp_path / "case", "archive")
    told = talk(made.case, ["Show me the kitchens it calls bathroom", "and only the coloured ones", "only those from the fifties"])  # fmt: skip
    for one, held in zip(
        told[1:], ({"colour": "colour"}, {"colour": "colour", "decade": "1950s"}), strict=True
    ):
        assert f"{made.taken('kitchen', 'bathroom', **held):,} of" in one.words and "t-SNE" not in one.words
