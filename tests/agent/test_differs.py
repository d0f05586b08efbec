"""What a column, another thing or two groups have to do with the errors; dates by month, and the work that is left to people.

Each number that is wanted is counted from the labels, answers and columns of a small world.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.people.attribute_list import attribute_values
from failsight.agent.planners import tables
from failsight.agent.planners.counting import held_fixed
from failsight.agent.planners.parted import parts
from failsight.knowledge_base.edited import edits_meant
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from failsight.tools.stats.contingency import risk_difference
from failsight.tools.text import number
from tests.agent import handed_talk, known_talk
from tests.agent.known_talk import Answer, Columns, World, talk

LATE = [f"2022-{m:02d}" for m in (10, 11, 12)]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def _wounds(split: str, n: int, rng: np.random.Generator) -> Columns:
    month, day = rng.integers(0, 12, n), rng.integers(1, 29, n)
    return {
        "ward": rng.choice(["Alder", "Birch", "Night clinic"], n),
        "camera": rng.choice(["ward tablet", "nurse phone"], n),
        "skin": rng.choice(["light", "medium", "dark"], n),
        "photographer": rng.choice(["Ames", "Bell", "Cole"], n),
        "taken": np.array([f"{d} {MONTHS[m]} 2022" for m, d in zip(month, day, strict=True)]),
    }


def _wrong_wound(split: str, name: str, row: dict[str, Any]) -> float:
    if row["skin"] == "dark" and name == "ulcer":
        return 0.8
    if row["ward"] == "Night clinic" and row["camera"] == "nurse phone":
        return 0.6
    late = str(row["taken"]).split()[1] in MONTHS[9:] and row["camera"] == "ward tablet"
    return 0.5 if late else 0.1


@pytest.fixture(scope="module")
def wounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    known_talk._COLUMNS["wounds"] = _wounds
    known_talk._WORLDS["wounds"] = (("burn", "surgical", "ulcer"), {"data": 1500}, _wrong_wound)
    try:
        yield known_talk.world(tmp_path_factory.mktemp("wounds") / "case", "wounds")
    finally:
        del known_talk._COLUMNS["wounds"], known_talk._WORLDS["wounds"]


def said(w: World, *texts: str) -> list[Answer]:
    return talk(w.case, list(texts), close=False)


def late(w: World, **held: Any) -> str:
    """``k of n`` wrong among the images that were taken from October on."""
    there = w.columns["data"]["taken"]
    months = np.array([str(t).split()[1] in MONTHS[9:] for t in there])
    inside = w.mask(**held) & months
    wrong = (w.labels["data"] != w.answers["data"]) & inside
    return f"{int(wrong.sum()):,} of {int(inside.sum()):,}"


def test_a_column_is_told_value_by_value_with_a_test(wounds: World) -> None:
    ward, who = said(wounds, "does it matter which ward it is?", "Does it make any difference who photographed them? I would hate to tell Mr Ames.")  # fmt: skip
    assert all(wounds.counted(ward=v) in ward.words for v in ("Alder", "Birch", "Night clinic"))
    assert ward.first.startswith("By ward the share that is wrong differs more than chance") and "ward=Night clinic" in ward.words  # fmt: skip
    assert all(wounds.counted(photographer=v) in who.words for v in ("Ames", "Bell", "Cole"))
    assert who.first.startswith("Nothing measured here shows that it makes a difference")


def test_whether_a_group_is_worse_everywhere_is_told_beside_the_others(wounds: World) -> None:
    told = said(wounds, "are the dark skin ones worse?", "is that for all the wound types or just one of them?")[-1]  # fmt: skip
    for name in ("burn", "surgical", "ulcer"):
        assert wounds.counted(skin="dark", true=name) in told.words
    assert "Not for every class" in told.words
    more = next(line for line in told.words.split("\n") if line.startswith("More wrong, beyond chance"))
    assert wounds.counted(skin="dark", true="ulcer") in more and "burn" not in more


def test_it_or_the_thing_that_goes_with_it(wounds: World) -> None:
    told = said(wounds, "what's up with the night clinic, is it them or is it the phones they use?")[-1]
    assert told.first.startswith("Neither alone, but the two together")
    assert wounds.counted(ward="Night clinic", camera="nurse phone") in told.words


def test_what_is_left_out_is_left_out_on_both_sides(wounds: World) -> None:
    for text in ("is the night clinic still worse if you leave out the nurse phones", "so if we took the phones away from the night clinic would it be fine?"):  # fmt: skip
        told = said(wounds, text)[-1].first
        assert told.startswith("Not surely: without camera nurse phone")
        assert wounds.counted(ward="Night clinic", camera="ward tablet") in told


def test_another_thing_is_held_fixed(wounds: World) -> None:
    told = said(wounds, "could that simply be because the night clinic uses more nurse phones?")[-1]
    cells = [(wounds.counted(ward="Night clinic", camera=c), wounds.counted(camera=c)) for c in ("nurse phone", "ward tablet")]  # fmt: skip
    inside = [[int(x.replace(",", "")) for x in a.split(" of ")] for a, _ in cells]
    whole = [[int(x.replace(",", "")) for x in b.split(" of ")] for _, b in cells]
    strata = [[[k, n - k], [k1 - k, (n1 - n) - (k1 - k)]] for (k, n), (k1, n1) in zip(inside, whole, strict=True)]  # fmt: skip
    assert f"{number(risk_difference(strata).value, 'points')}" in told.first and told.tools == ("count_images",) * 4  # fmt: skip
    assert told.first.startswith("No: ward Night clinic does not surely hold more with camera nurse phone")


@pytest.mark.parametrize(
    ("crude", "ci", "equal", "held", "more", "reading"),
    [
        (0.2, (-0.1, 0.4), 0.2, (0.0, 0.4), (0.1, 0.3), "none"), (0.2, (0.1, 0.3), 0.2, (0.1, 0.3), (-0.1, 0.1), "not_more"),
        (0.2, (0.1, 0.3), 0.19, (0.1, 0.3), (0.1, 0.3), "stays"), (0.2, (0.1, 0.3), 0.05, (0.01, 0.1), (0.1, 0.3), "partly"),
        (0.2, (0.1, 0.3), 0.02, (-0.05, 0.1), (0.1, 0.3), "may_be"),
    ],
)  # fmt: skip
def test_what_a_difference_at_equal_shares_says(crude: float, ci: tuple[float, float], equal: float, held: tuple[float, float], more: tuple[float, float], reading: str) -> None:  # fmt: skip
    assert held_fixed._reading(crude, ci, equal, held, more) == reading


def test_the_bigger_problem_and_what_would_be_gained(wounds: World) -> None:
    first, again = said(wounds, "which is the bigger problem, the phones in the night clinic or the tablets since october", "how many errors would be gone if both were fixed?")  # fmt: skip
    k, n = (int(x.replace(",", "")) for x in wounds.counted(ward="Night clinic", camera="nurse phone").split(" of "))  # fmt: skip
    k2, n2 = (int(x.replace(",", "")) for x in late(wounds, camera="ward tablet").split(" of "))
    whole = int((wounds.labels["data"] != wounds.answers["data"]).sum())
    usual = (whole - k - k2) / (1500 - n - n2)
    for told in (first.words, again.words):
        assert f"about {k + k2 - (n + n2) * usual:,.0f} of the {whole:,} wrong answers would be gone" in told
        assert f"about {k - n * usual:,.0f} errors more than usual" in told.split("\n")[0]


def test_dates_are_spoken_of_by_their_months(wounds: World) -> None:
    assert attribute_values(wounds.case)["taken"] == [f"2022-{m:02d}" for m in range(1, 13)]
    texts = ("so ward tablet photos from october on, how many are that and how many wrong", "how many are wrong month by month", "compare march with april please", "is it worse since october than before october?")  # fmt: skip
    tablets, each, two, since = said(wounds, *texts)
    assert late(wounds, camera="ward tablet") in tablets.words
    assert all(f"taken=2022-{m:02d}" in each.words for m in range(1, 13))
    assert "taken=2022-03" in two.first and "taken=2022-04" in two.first
    assert late(wounds) in since.words and since.first.startswith("Yes")


def test_one_value_beside_another_and_how_many_of_all(wounds: World) -> None:
    two, all_of_them = said(wounds, "is medium skin any different from light?", "so how many of the 1500 did it get wrong")  # fmt: skip
    assert wounds.counted(skin="medium") in two.words and wounds.counted(skin="light") in two.words
    assert wounds.counted() in all_of_them.words


def test_the_work_of_people_in_a_day(wounds: World) -> None:
    nobody, rule, day, hours = said(wounds, "at 2 minutes each how long is that?", "the night clinic phones always go to a nurse", "how many would we have to look at a day then, theres about 40 photos a day", "at 2 minutes each how long is that?")  # fmt: skip
    n = int(wounds.mask(ward="Night clinic", camera="nurse phone").sum())
    assert "was not said yet" in nobody.first and f"{n:,} of 1,500" in rule.first
    assert f"Of 40 a day that is about {40 * n / 1500:.1f}" in day.words or f"about {round(40 * n / 1500)}" in day.words  # fmt: skip
    assert f"{round(2 * n / 60, 1):g} hours" in hours.words and "minutes a day" in hours.words


def test_many_tests_what_is_needed_and_very_sure(wounds: World) -> None:
    many, needed, sure = said(wounds, "are you sure this isnt just chance, you tried loads of things", "and what would you need from us to be surer", "when it says it is very sure, can I believe it?")  # fmt: skip
    assert many.first.startswith("Among many groups some look bad by chance") and not many.tools
    assert "accuracy at least 90 %" in needed.words and "--deploy" in needed.words
    sure_of = wounds.case.predictions("data").confidence >= 0.9
    right = int((sure_of & (wounds.labels["data"] == wounds.answers["data"])).sum())
    assert f"{right} of {int(sure_of.sum())}" in sure.words and "taken for at least 90" in sure.first


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("how many are wrong ward by ward?", "how many are wrong by ward?"),
        ("how many are wrong month by month", "how many are wrong by taken"),
        ("the flatbed by decade, one line for each decade please", "the flatbed by decade please"),
        ("the numbers of the flatbed, one line for each decade", "the numbers of the flatbed by decade"),
        ("look at them one by one, step by step", "look at them one by one, step by step"),
    ],
)
def test_everyday_words_for_a_table(text: str, made: str) -> None:
    assert tables.by_each(text, {"taken": LATE, "ward": ["A", "B"]}) == made
    assert "month" in tables.by_each("how many in each month?", {"month": ["1", "2"], "taken": LATE})


def test_a_decade_without_its_letter_and_a_group_beside_the_rest(tmp_path: Path) -> None:
    handed_talk._register()
    try:
        w = known_talk.world(tmp_path / "case", "archive")
        group, topic = said(w, "Please compare the old flatbed with decade=1950 to the rest.", "What about retouched ones, I realy thought these would be the hardest.")  # fmt: skip
        assert group.tools == ("compare_group",) and all(
            c in group.first for c in ("decade=1950s", "scanner=old flatbed")
        )
        assert w.counted(retouched="yes") in topic.words and w.counted(retouched="no") in topic.words
    finally:
        w.case.close()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("cover up the sinks and see if kitchen still comes out", 1), ("mask the beds and see whether it then says bedroom", 1),
        ("cover up the sinks and see if there are copies", 2), ("evaluate it and see what the labels are like", 2),
    ],
)  # fmt: skip
def test_what_comes_of_a_change_is_no_wish_of_its_own(text: str, made: int) -> None:
    assert len(parts(text)) == made


def test_a_turned_picture_is_rotated_and_what_turns_out_is_not() -> None:
    names = Vocabulary(("kitchen", "bathroom"))
    assert (
        edits_meant(recognise("turn it by 20 degrees, does it still say kitchen?", names), None)
        == "rotate:20"
    )
    assert "rotate" not in (
        edits_meant(recognise("does it turn out wrong in 20 pictures?", names), None) or ""
    )


def test_a_yes_or_no_for_somebody_and_a_page_for_somebody_unknown(wounds: World) -> None:
    yes, page, labels = said(wounds, "So may I tell the director yes or no", "thanks, can you write that up for matron in plain words", "could it be the labels?")  # fmt: skip
    assert yes.tools == ("readiness",)
    assert "“matron”" in page.first and "A report for the end-user" in page.choices
    assert labels.tools and said(wounds, "could it be the labels?", "which ones should we check first")[-1].tools == labels.tools  # fmt: skip
