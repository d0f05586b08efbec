"""The casebook: plans are fixed, keys judge as they say, scores add up. Playing one case is slow."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.casebook import judging
from benchmarks.casebook.bugs import RECIPES
from benchmarks.casebook.keys import Planted, in_range, judged
from benchmarks.casebook.making import Case, Reserve
from benchmarks.casebook.plans import SIZES, SPLITS, Plan, key_digest, plan_case, schedule, slot
from benchmarks.casebook.playing import statement
from benchmarks.casebook.table import (
    all_found,
    first_right,
    in_time,
    markdown,
    nothing_false,
    replicated,
    says_nothing,
    tried_again,
)

TELEVISION = Planted(
    "scene_shortcut",
    ("spurious_correlation", "overemphasised_feature"),
    "a television goes with living rooms",
    attribute="television",
    values=("yes",),
    signs=(("yes", "living_room"),),
    also=("overconfidence",),
)
NOISE = Planted("annotator_noise", ("label_noise",), "B labels wrongly", attribute="annotator", values=("B",))


def said(kind: str, **parts: Any) -> dict[str, Any]:
    return {"kind": kind, "slice": {}, "class": None, "confused_with": None} | parts


@pytest.mark.parametrize(
    ("statement", "holds", "judgement", "bug"),
    [
        (said("spurious_correlation", slice={"television": "yes"}, **{"class": "living_room"}), False, "right", "scene_shortcut"),
        (said("spurious_correlation", slice={"television": "yes"}, **{"class": "kitchen"}), False, "wrong_kind", "scene_shortcut"),
        (said("weak_slice", slice={"television": "yes"}), False, "wrong_kind", "scene_shortcut"),
        (said("weak_slice", slice={"television": "yes", "lamp": "yes"}), True, "elsewhere", ""),
        (said("weak_slice", slice={"lamp": "yes"}), False, "false", ""),
        (said("overconfidence"), False, "consequence", "scene_shortcut"),
        (said("label_noise"), False, "right", "annotator_noise"),
        (said("label_noise", slice={"annotator": "B"}), False, "right", "annotator_noise"),
        (said("label_noise", slice={"annotator": "A"}), False, "false", ""),
        (said("leakage"), False, "false", ""),
    ],
)  # fmt: skip
def test_a_statement_is_worth_what_the_key_says(
    statement: dict[str, Any], holds: bool, judgement: str, bug: str
) -> None:
    made = judged(statement, (TELEVISION, NOISE), {}, lambda _: holds)
    assert (made.judgement, made.bug) == (judgement, bug)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("dark (< 0.2)", (None, 0.2)),
        ("(0.2 to 0.3)", (0.2, 0.3)),
        ("(≥ 1,200)", (1200.0, None)),
        ("yes", None),
    ],
)
def test_ranges_are_read_as_findings_write_them(text: str, limits: object) -> None:
    assert in_range(text) == limits


def test_there_are_enough_cases_of_enough_kinds_in_two_worlds() -> None:
    slots = schedule()
    assert sum(SIZES.values()) >= 500 and len(RECIPES) >= 12
    assert {s.world for s in slots} == {"rooms", "photos"}
    assert {"no_train", "black_box", "words"} <= {s.variant for s in slots}
    kinds = {p.kinds[0] for name in RECIPES for p in (_planted(name),)}
    assert len(kinds) >= 10, kinds
    sizes = Counter(len(s.bugs) for s in slots)
    assert sizes[2] >= 3 and sizes[0] >= 5
    assert all(slot(split, n).bugs is not None for split in SPLITS for n in (0, SIZES[split] - 1))


def _planted(name: str) -> Planted:
    number = next(n for n in range(SIZES["dev"]) if slot("dev", n).bugs == (name,))
    return plan_case("dev", number).key[0]


@pytest.mark.parametrize("split", SPLITS)
def test_the_answer_key_is_the_one_that_was_committed(split: Any) -> None:
    committed = (Path(__file__).parents[2] / "benchmarks/casebook/keys.sha256").read_text("utf-8").split()
    assert key_digest(split) == committed[committed.index(split) + 1]


def test_nothing_in_a_case_tells_what_is_planted() -> None:
    for number in range(60):
        plan = plan_case("dev", number)
        assert not any(word in plan.folder for name in RECIPES for word in name.split("_"))


def row(*statements: dict[str, Any], bugs: tuple[str, ...] = ("mark_shortcut",)) -> dict[str, Any]:
    return {
        "case": "dev/0",
        "bugs": list(bugs),
        "statements": list(statements),
        "calls": 9,
        "seconds": 5.0,
        "made": 4.0,
    }


def told(judgement: str, bug: str = "", call: int = 3, stands: bool = True) -> dict[str, Any]:
    return {"judgement": judgement, "bug": bug, "call": call, "stands": stands}


def test_scores_of_played_cases() -> None:
    right = told("right", "mark_shortcut", call=14)
    assert first_right(row(told("consequence", "mark_shortcut"), right)) and not first_right(
        row(told("elsewhere"), right)
    )
    assert not first_right(row()) and says_nothing(row(told("false", stands=False)))
    assert (
        all_found(row(right)) and not in_time(row(right)) and in_time(row(told("right", "mark_shortcut", 12)))
    )
    assert not all_found(row(right, bugs=("mark_shortcut", "by_heart")))
    assert nothing_false(row(told("wrong_kind"))) and not nothing_false(row(told("false")))
    text = markdown(
        [
            row(right),
            row(told("false"), bugs=()),
            {"case": "dev/9", "bugs": ["by_heart"], "problem": "no pictures"},
        ]
    )
    assert "| all planted found | 1/1 = 1.00" in text and "| nothing confirmed | 0/1 = 0.00" in text
    assert "Not played: dev/9 (no pictures)" in text


def test_what_an_encoder_calls_so_is_judged_by_what_it_calls_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures called close-ups are answered wrongly: true in a case of words, though no column says so; and nobody's guess elsewhere."""
    n, wrong = 60, np.arange(60) < 20
    scores = np.where(wrong, 0.1, 0.9)[:, None] * [1, -1] + [0, 1]
    reserve = Reserve([b""] * n, {"plant": np.where(wrong, "yes", "no")}, np.zeros(n, np.int64), scores)
    monkeypatch.setattr(judging, "measured", lambda files: {})
    monkeypatch.setattr(
        judging,
        "worded",
        lambda *_: {"framing": np.where(wrong, "close", "whole"), "plant": np.where(wrong, "no", "yes")},
    )
    said = {"kind": "rare_case", "slice": {"framing": "close"}, "class": None, "confused_with": None}
    plant = said | {"slice": {"plant": "yes"}}
    clean = Plan("dev", 0, 0, task="cue", classes=("a", "b"), null="clean")
    for variant, judgements in (("words", ["elsewhere", "false"]), ("whole", ["false", "elsewhere"])):
        judge = judging.Judge(Case(replace(clean, variant=variant), {"encoder": "rooms"}, reserve, 1.0))
        assert [judge(s).judgement for s in (said, plant)] == judgements


def test_a_group_of_confident_errors_is_tried_on_confident_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the confident answers, those at night are wrong; the unsure ones are wrong by day, which says nothing of confident errors."""
    n = 120
    night, sure = np.arange(n) < 60, np.arange(n) % 2 == 0
    wrong = night == sure
    top = np.where(sure, 0.95, 0.6)
    right = np.where(wrong, 1 - top, top)
    reserve = Reserve(
        [b""] * n,
        {"light": np.where(night, "night", "day")},
        np.zeros(n, np.int64),
        np.column_stack([right, 1 - right]),
    )
    monkeypatch.setattr(judging, "measured", lambda files: {})
    clean = Plan("dev", 0, 0, task="cue", classes=("a", "b"), null="clean")
    judge = judging.Judge(Case(clean, {}, reserve, 1.0))
    said = {"kind": "overconfidence", "class": None, "confused_with": None}
    found = [
        judge(said | {"slice": s}).judgement
        for s in ({"light": "night"}, {"light": "day"}, {"blind_spot": "group 1"})
    ]
    assert found == ["elsewhere", "false", "false"]


def test_a_statement_is_measured_again_on_the_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of 200 pictures are dark, 60 of these wrong; 10 of the others. Exchanged answers, unknown conditions and other kinds show nothing."""
    n = 200
    dark = np.arange(n) < 100
    wrong = np.where(dark, np.arange(n) < 60, np.arange(n) < 110)
    right = np.where(wrong, 0.1, 0.9)
    reserve = Reserve(
        [b""] * n,
        {"light": np.where(dark, "dark", "bright")},
        np.zeros(n, np.int64),
        np.column_stack([right, 1 - right]),
    )
    monkeypatch.setattr(judging, "measured", lambda files: {})
    clean = Plan("dev", 0, 0, task="cue", classes=("a", "b"), null="clean")
    judge = judging.Judge(Case(clean, {}, reserve, 1.0))
    group = said("weak_slice", slice={"light": "dark"})
    made = judge.again(group)
    assert (
        made is not None and made.n == 100 and made.effect == pytest.approx(0.5) and 0.35 < made.ci[0] < 0.45
    )
    sure = judge.again(said("overconfidence"))
    assert sure is not None and sure.effect == pytest.approx(0.9 - 0.65) and sure.ci[0] > 0
    assert (
        judge.again(said("weak_slice", slice={"camera": "p2"})) is None
        and judge.again(said("distribution_shift")) is None
    )
    assert statement(group, judge)["again"] == [100, 0.5, *(round(v, 4) for v in made.ci)]
    lots = judging.Judge(Case(replace(clean, null="exchanged"), {}, reserve, 1.0))
    assert lots.again(group) is None and statement(group, lots)["again"] is None


def test_what_does_not_replicate_is_told_of_null_cases_whose_statements_were_measured_again() -> None:
    again = (
        told("elsewhere") | {"again": [40, 0.2, 0.05, 0.34]},
        told("elsewhere") | {"again": [40, 0.1, -0.02, 0.2]},
    )
    rows = [row(one, bugs=()) for one in (*again, told("false") | {"again": None}, told("elsewhere"))]
    assert [replicated(r) for r in rows[:3]] == [True, False, False]
    assert (
        replicated(row(bugs=())) and len(tried_again(rows)) == 3
    )  # the last was judged by an earlier version
    assert "| nothing confirmed that does not replicate | 1/3 = 0.33" in markdown(rows)


def test_networks_that_cases_share_are_asked_for_no_close_ups() -> None:
    plans = [plan_case("dev", number) for number in range(80)]
    assert {p.close for p in plans if p.network.how == "shared"} == {0.0}
    assert any(p.close > 0 for p in plans if p.network.how == "own" and p.world == "rooms")


@pytest.mark.slow
def test_a_case_is_made_played_and_judged(tmp_path: Path) -> None:
    from benchmarks.casebook.running import Wish, one

    number = next(
        n
        for n in range(60)
        if slot("dev", n).bugs == ("swapped_channels",) and slot("dev", n).world == "rooms"
    )
    (made,) = one(Wish("dev", (number,), cache=tmp_path, keep=tmp_path / "made"))
    assert all_found(made) and nothing_false(made), made["statements"]
