"""Doubt, pictures, prices and decisions after a result: each answer holds the numbers of the images that were spoken of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import judged
from failsight.agent.planners.dialogue import turn_of
from failsight.agent.planners.known import (
    changed,
    charts,
    cutoff,
    doubt,
    merging,
    problems,
    shown,
    unspoken,
    verdicts,
    versions,
    weights,
)
from failsight.tools.evidence import Correction, Evidence, Finding, Table
from failsight.tools.repair.parts import TABLE_PARTS
from failsight.tools.text import number
from tests.agent.explained_talk import HAIR, TALKS, counted, missed, wrong
from tests.agent.known_talk import World, talk, world


def score(folder: Path, name: str) -> tuple[int, list[str]]:
    """How many sentences of a talk have an answer to check, and those whose answer lacks something."""
    tools, turns = TALKS[name]
    made = world(folder / name, name, tools)
    if name == "rooms":
        made.case.expect("accuracy", 0.9, at_least=True, by="the association")
    answers = talk(made.case, [one.text for one in turns], close=False)
    bad, checked = [], 0
    for one, got in zip(turns, answers, strict=True):
        if one.wanted is None:
            continue
        checked += 1
        if lacking := missed(got, one.wanted(made)):
            bad.append(f"{one.text}\n   lacks {lacking}, ran {got.tools}\n   {got.words[:700]}")
    made.case.close()
    return checked, bad


@pytest.mark.parametrize("name", sorted(TALKS))
def test_every_answer_holds_what_was_asked(name: str, tmp_path: Path) -> None:
    checked, bad = score(tmp_path, name)
    assert checked and not bad, "\n".join(bad)


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = world(tmp_path_factory.mktemp("explained") / "belt", "belt", ("evaluate", "confidence_profile"))
    talk(made.case, ["how many items on line 3 at night are wrong?"], close=False)
    yield made
    made.case.close()


# --- what is something else ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "show me ten random errors", "draw a random sample of 100 images", "is the model good at chance level on film?", "and at night?", "how many are there?", "why is film so bad?",
        "show me those", "is it ready for line 1?", "should we keep the film images?", "merge the attributes line and shift", "what is a heat map?", "show me a heat map of what it looks at",
        "how sure must I be?", "which errors are made with confidence?", "what does it cost to run this?", "which class is the worst?", "is that because of the lamps?", "add 10 pictures",
        "what about line 2?", "and with 3 classes?", "is the old lamp worse?", "which groups do badly?",
    ],
)  # fmt: skip
def test_other_sentences_are_left_to_other_readers(said: str, belt: World) -> None:
    case = belt.case
    mentions, before = words.names(case, said), words.turns(case)
    made = (
        changed.asked_again(case, said, before)
        or shown.answered(case, said, mentions, before)
        or shown.corrected(case, said, before)
        or doubt.answered(case, said, mentions, before)
        or cutoff.answered(case, said, mentions)
        or merging.answered(case, said, mentions)
        or weights.answered(case, said, mentions)
        or charts.answered(case, said, mentions, before)
        or unspoken.answered(case, said, mentions, before)
        or verdicts.answered(case, said, mentions)
        or versions.lost(case, said, mentions)
        or problems._costliest(case, said, mentions, before)
    )
    assert made is None


# --- a changed number --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "number_"),
    [
        ("and with 60?", ("60", "")), ("That is too much work for us, what would it be with 60?", ("60", "")), ("what about 85 percent?", ("85", "%")), ("with 1000 hours instead?", ("1000", "hours")),
        ("and 3 kitchens?", ("3", "kitchens")), ("and with 60 or 70?", None), ("60 pictures are enough for line 3", None), ("how many are above 60 on line 3?", None),
    ],
)  # fmt: skip
def test_a_sentence_that_is_a_number_and_nothing_else(said: str, number_: tuple[str, str] | None) -> None:
    assert changed.number_in(said) == number_


def test_which_number_is_meant_is_asked_back(belt: World) -> None:
    before = [
        turn_of("how many film images with lamp_hours over 800 and speed under 2 are wrong?", (), "", {})
    ]
    made = changed.asked_again(belt.case, "and with 900?", before)
    assert not isinstance(made, str) and made is not None and "800 or 2" in str(made.text)
    assert (
        "how many film images with lamp_hours over 900 and speed under 2 are wrong?"
        in made.additional_kwargs["choices"]
    )


def test_a_unit_keeps_to_numbers_of_that_unit(belt: World) -> None:
    before = [turn_of("how many film images with lamps over 800 hours are wrong?", (), "", {})]
    assert changed.asked_again(belt.case, "and with 5 percent?", before) is None
    assert (
        changed.asked_again(belt.case, "and with 900 hours?", before)
        == "how many film images with lamps over 900 hours are wrong?"
    )


def test_a_value_of_the_case_is_no_number_to_change(belt: World) -> None:
    before = [turn_of("how many items on line 3 are wrong?", (), "", {})]
    assert changed.asked_again(belt.case, "and with 60?", before) is None


# --- prices ------------------------------------------------------------------------------------------------------------------


def test_weights_are_kept_over_a_restart_and_turned_round(tmp_path: Path) -> None:
    made = world(tmp_path / "clinic", "clinic")
    talk(made.case, ["a malignant taken for benign is ten times as bad as any other error"], close=False)
    again, turned = talk(made.case, ["which mistakes cost us most?", "no, the other way round"], close=False)
    missed_ = int((made.mask(true="malignant") & wrong(made)).sum())
    false = int((made.mask(true="benign") & wrong(made)).sum())
    assert f"{10 * missed_:,} of {10 * missed_ + false:,}" in again.first
    assert f"{10 * false:,} of {10 * false + missed_:,}" in turned.words
    made.case.close()


def test_errors_without_a_price_are_not_weighed(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt")
    said = ["a film called paper costs 40 euros, what is that in all?", "which mistakes cost us most?"]
    answer = talk(made.case, said)[-1]
    k = int((made.mask(true="film") & (made.answers["data"] == made.classes.index("paper"))).sum())
    assert answer.first.startswith(
        f"film called paper weighs most: {k} × 40 = {40 * k:,} of {40 * k:,} euros"
    )
    assert f"The {int(wrong(made).sum()) - k:,} other errors have no price" in answer.words


# --- decisions ---------------------------------------------------------------------------------------------------------------


def test_what_holds_speaks_for_keeping_it(tmp_path: Path) -> None:
    made = world(tmp_path / "clinic", "clinic")
    made.case.expect("accuracy", 0.5, at_least=True, by="a person")
    keep, off, of_class = talk(
        made.case,
        [
            "should we keep using it?",
            "should we switch it off?",
            "can I use it for malignant images with hair?",
        ],
        close=False,
    )
    assert keep.first.startswith("Yes, as far as it was measured") and off.first.startswith(
        "No: as far as it was measured"
    )
    group = made.mask(**HAIR)
    assert (
        of_class.first.startswith("It depends: accuracy at least 50.0 % is demanded")
        and counted(~wrong(made), group) in of_class.first
    )
    assert (known := judged(made.case.state())) is not None and known.verdict == "ready"
    made.case.close()


def test_the_old_model_stays(tmp_path: Path) -> None:
    made = world(tmp_path / "clinic", "clinic")
    for said in (
        "is the old model lost then?",
        "will the repair overwrite our model?",
        "does retraining delete the original one?",
    ):
        text = versions.lost(made.case, said, words.names(made.case, said))
        assert text is not None and str(text.text).startswith("No.") and "repair" in str(text.text), said
    made.case.close()


# --- problems ----------------------------------------------------------------------------------------------------------------


def test_what_is_part_of_another_problem_stands_below_it(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt")
    case = made.case
    wide, narrow = (
        Finding(
            "weak_slice",
            "correctness",
            "unknown",
            "wrong",
            {"line": line},
            n=n,
            error_rate=0.5,
            base_error_rate=0.2,
            verdict="confirmed",
        )
        for line, n in (("3", 400), ("2", 100))
    )
    case.record(
        "evidence.recorded",
        call="1",
        evidence=Evidence("find_slices", "Slices", "Two groups.", id="E8", findings=(wide, narrow)).to_dict(),
    )
    first, second = (
        next(r for r in case.state().now() if r.finding.slice == f.slice).id for f in (wide, narrow)
    )
    table = Table(TABLE_PARTS, ("finding", "of", "why"), ((second, first, "most of its errors"),))
    fix = Correction(wide.key, "collect", "Collect more.", "proposed")
    case.record(
        "evidence.recorded",
        call="2",
        evidence=Evidence(
            "propose_correction", "Repairs", "One.", id="E9", tables=(table,), corrections=(fix,)
        ).to_dict(),
    )
    listed, costly = (
        talk(case, [said], close=False)[0].words
        for said in ("what are the real problems?", "which problem costs us most errors?")
    )
    assert (
        f"1. {first}" in listed
        and f"part of it: {second}" in listed
        and "2. " not in listed.split("Not decided")[0]
    )
    assert f"Part of it: {second}" in costly and f"**{second}**" not in costly
    case.close()


def test_a_group_that_was_counted_weighs_in(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate", "find_slices"))
    answer = talk(made.case, ["how many items on line 3 are wrong?", "which problem costs us most errors?"])[
        -1
    ]
    group = made.mask(line=3)
    k, n, rest = int((wrong(made) & group).sum()), int(group.sum()), ~group
    excess = round(k - n * float(wrong(made)[rest].mean()))
    assert f"{k} of {n} are wrong, about {excess} errors more" in answer.words
    stakes = [int(part.split(" errors")[0].split()[-1]) for part in answer.words.split("\n- ")[1:]]
    assert stakes == sorted(stakes, reverse=True)


# --- results -----------------------------------------------------------------------------------------------------------------


def test_a_small_difference_may_be_chance(tmp_path: Path) -> None:
    made = world(tmp_path / "clinic", "clinic")
    answer = talk(made.case, ["how many images with sex=F are wrong?", "is that just bad luck?"])[-1]
    assert (
        answer.first.startswith("It may be chance")
        and counted(wrong(made), made.mask(sex="M")) in answer.first
    )


def test_luck_of_the_whole_is_told_beside_guessing(tmp_path: Path) -> None:
    made = world(tmp_path / "orchard", "orchard")
    answer = talk(made.case, ["how good is it?", "is that just luck?"])[-1]
    assert made.overall() in answer.first and number(1 / 3) in answer.first and not answer.tools


def test_a_bar_that_nothing_reaches_is_said(tmp_path: Path) -> None:
    made = world(tmp_path / "belt", "belt", ("evaluate", "confidence_profile"))
    confidence = made.case.predictions("data").confidence
    answer = talk(made.case, ["how sure must it be so that 99.9 percent of the answers are right?"])[0]
    reached = [b for b in (0.9, 0.95) if (~wrong(made))[confidence >= b].mean() >= 0.999]
    assert answer.first.startswith("From a confidence of") == bool(reached)


def test_counts_stay_what_was_spoken_of_beside_a_finding(belt: World) -> None:
    """A count that was made before, told again with what a finding rests on, is still what the next sentence is about."""
    known = {e.id: e for e in belt.case.state().evidence}
    counts = [e for e in known.values() if e.tool == "count_images"]
    other = Evidence("count_images", "Images counted", "x", arguments={"having": ["wrong"]}, id="E90")
    known |= {"E90": other}
    turn = turn_of("is it chance?", (), f"No [{counts[0].id}][E90].\n- F1 [E1].", known)
    assert [a.evidence for a in turn.acts] == [counts[0].id, "E90"]


if __name__ == "__main__":  # python -m tests.agent.test_explained belt
    import sys
    import tempfile

    whole = right = 0
    for one in sys.argv[1:] or sorted(TALKS):
        with tempfile.TemporaryDirectory() as into:
            n, failing = score(Path(into), one)
        print("\n".join(failing))
        print(f"{one}: {n - len(failing)} of {n}")
        whole, right = whole + n, right + n - len(failing)
    print(f"all: {right} of {whole}")
