"""review_errors: errors drawn for people, their words weighted back, disagreement, one image by itself."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, evidence_from_dict
from failsight.tools.performance import Rate
from failsight.tools.review_errors import review_errors
from failsight.tools.reviews.errors import (
    OTHERS,
    Said,
    Strata,
    agreement,
    draw,
    earlier,
    of_all,
    read_answers,
    share,
    strata,
    strictest,
)
from failsight.tools.stats.floors import exact
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view, from_counts

CLASSES = ("bath", "kitchen", "hall")
COUNTS = [[80, 40, 2], [20, 70, 1], [3, 1, 50]]  # 67 errors


def view(counts: list[list[int]] = COUNTS, folder: Path | None = None) -> FakeView:
    return counted_view({"data": counts}, CLASSES[: len(counts)], folder=folder)


def ask(v: FakeView, **given: object) -> Evidence:
    made = review_errors(v, **given)  # type: ignore[arg-type]
    v.recorded.append(made)
    check_evidence(made)
    return made


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(review_errors)


class TestDraw:
    def test_frequent_confusions_are_strata_of_their_own_and_none_is_forgotten(self) -> None:
        labels, predicted = from_counts(COUNTS)
        made = strata(labels, predicted, CLASSES, 40)
        assert made.names == ("bath taken for kitchen", "kitchen taken for bath", OTHERS)
        assert len(made.at) == 67 and made.weights == pytest.approx([40 / 67, 20 / 67, 7 / 67])
        drawn = draw(made, 40, seed=0)
        assert len(drawn) == len(set(drawn.tolist())) == 40
        per = np.bincount(made.codes[drawn])
        assert per.min() >= 4 and per[0] > per[1] > per[2]
        assert np.array_equal(drawn, draw(made, 40, seed=0)) and not np.array_equal(
            drawn, draw(made, 40, seed=1)
        )

    @pytest.mark.parametrize("n", [8, 9, 13, 66, 67, 400])
    def test_any_number_is_drawn_exactly_or_all_errors(self, n: int) -> None:
        labels, predicted = from_counts(COUNTS)
        made = strata(labels, predicted, CLASSES, n)
        assert len(draw(made, n, 0)) == min(n, 67)

    def test_without_errors_nothing_is_drawn(self) -> None:
        labels, predicted = from_counts([[5, 0], [0, 5]])
        assert len(draw(strata(labels, predicted, CLASSES[:2], 10), 10, 0)) == 0


class TestShare:
    GROUPS = Strata(np.arange(100), np.repeat([0, 1], [75, 25]), ("a", "b"))

    def test_by_hand(self) -> None:
        judged = {i: i < 3 for i in range(12)} | {75 + i: i < 4 for i in range(8)}
        made = share(self.GROUPS, judged).rate
        assert made.value == pytest.approx(0.75 * 3 / 12 + 0.25 * 4 / 8)
        (l1, u1), (l2, u2) = exact(3, 12), exact(4, 8)
        up = math.hypot(0.75 * (u1 - 0.25), 0.25 * (u2 - 0.5))
        down = math.hypot(0.75 * (0.25 - l1), 0.25 * (0.5 - l2))
        assert made.ci == pytest.approx((made.value - down, made.value + up))

    def test_a_stratum_that_nobody_saw_may_hold_anything(self) -> None:
        made = share(self.GROUPS, dict.fromkeys(range(75), False))
        assert made.unseen == ("b",)
        assert made.rate.value == 0 and made.rate.ci[1] >= 0.25
        assert math.isnan(share(self.GROUPS, {}).rate.value)

    def test_of_all_images(self) -> None:
        value, (low, high) = of_all(20, 200, Rate(0.5, (0.4, 0.6), 30))
        assert value == pytest.approx(0.05)
        assert low < exact(20, 200)[0] * 0.4 and high > exact(20, 200)[1] * 0.6
        assert math.isnan(of_all(0, 0, Rate(0.5, (0.4, 0.6), 30))[0])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("rates", "sizes"),
        [((0.5, 0.1, 0.9), (60, 30, 10)), ((0.05, 0.0, 0.6), (60, 30, 10)), ((0.1,) * 3, (34, 33, 33))],
    )
    def test_the_interval_covers_the_true_share(
        self, rates: tuple[float, ...], sizes: tuple[int, ...]
    ) -> None:
        rng, names = np.random.default_rng(0), ("a", "b", "c")
        true = float(np.dot(rates, sizes) / sum(sizes))
        codes = np.repeat(np.arange(3), np.array(sizes) * 10)
        groups = Strata(np.arange(len(codes)), codes, names)
        below = above = 0
        for seed in range(600):
            drawn = draw(groups, 40, seed)
            bad = rng.random(len(drawn)) < np.array(rates)[codes[drawn]]
            low, high = share(groups, dict(zip(drawn.tolist(), bad.tolist(), strict=True))).rate.ci
            below, above = below + (high < true), above + (low > true)
        assert below / 600 <= 0.035  # called better than it is
        assert above / 600 <= 0.05


class TestPeople:
    def test_agreement_and_kappa_by_hand(self) -> None:
        a = {str(i): Said("acceptable" if i < 6 else "unacceptable") for i in range(10)}
        b = {str(i): Said("acceptable" if i < 5 or i == 9 else "unacceptable") for i in range(10)}
        made = agreement({"Ann": a, "Bob": b})
        assert made is not None and (made.agreed, made.pairs) == (8, 10)
        assert made.kappa == pytest.approx((0.8 - 0.52) / 0.48)
        assert made.disputed == ("5", "9")
        assert agreement({"Ann": a}) is None
        assert agreement({"Ann": {"1": Said("unsure")}, "Bob": {"1": Said("acceptable")}}) is None

    def test_words_are_read_and_nonsense_is_refused(self) -> None:
        made = read_answers(
            {"a": " Yes ", "b": "no", "c": "?", "d": "Label wrong"},
            {"a": "no", "e": "yes"},
            {"a": "why\x1b not"},
        )
        assert [made[k].verdict for k in "abcde"] == [
            "acceptable",
            "unacceptable",
            "unsure",
            "label",
            "",  # not asked for a verdict: what was said before stays
        ]
        assert made["a"].human is False and made["e"].human is True and made["a"].why == "why not"
        with pytest.raises(RetryError, match="no verdict"):
            read_answers({"a": "perhaps on Sundays"}, {}, {})
        with pytest.raises(RetryError, match="neither yes nor no"):
            read_answers({}, {"a": "perhaps"}, {})

    def test_the_strictest_counts(self) -> None:
        assert strictest(["acceptable", "unacceptable"]) == "unacceptable"
        assert strictest(["label", "acceptable"]) == "label"
        assert strictest([]) == strictest(["unsure"]) == "unsure"


class TestTool:
    def test_the_sheet_betrays_neither_label_nor_answer(self, tmp_path: Path) -> None:
        made = ask(view(folder=tmp_path), n=20)
        assert made.fact("n").value == 20 and made.fact("errors").value == 67
        assert len(made.images) == 20 and not any(i.label or i.prediction for i in made.images)
        assert made.figures and (tmp_path / made.figures[0].path).is_file()

    def test_answers_weigh_back_and_people_stand_side_by_side(self, tmp_path: Path) -> None:
        v = view(folder=tmp_path)
        paths = [i.path for i in ask(v, n=20).images]
        ann = dict.fromkeys(paths, "acceptable") | dict.fromkeys(paths[:5], "unacceptable")
        first = ask(v, n=20, answers=ann, human=dict.fromkeys(paths, "yes"), by="Ann (requester)")
        assert (
            first.fact("unacceptable_share").value
            == first.fact("unacceptable_share", "by Ann (requester)").value
        )
        assert first.fact("human_error_share").value == 1
        bob = dict.fromkeys(paths, "acceptable") | dict.fromkeys(paths[3:9], "unacceptable")
        both = ask(v, n=20, answers=bob, by="Bob", why={paths[3]: "a stove is dangerous"})
        assert both.fact("unacceptable_share").value > first.fact("unacceptable_share").value
        assert both.fact("agreement").value == (20 - 7) / 20  # three only Ann, four only Bob
        disputes = next(t for t in both.tables if t.title == "Where people disagree")
        assert len(disputes.rows) == 7
        assert "Ann (requester): unacceptable; Bob: acceptable" in {r[1] for r in disputes.rows}
        assert both.questions == ("expectations.4", "expectations.5")
        rate = both.fact("unacceptable_rate")
        assert rate.value == pytest.approx(67 / 267 * float(both.fact("unacceptable_share").value))  # type: ignore[arg-type]
        again = ask(v, n=20, answers=dict.fromkeys(paths, "acceptable"), by="bob ")
        assert (
            again.fact("unacceptable_share").value == first.fact("unacceptable_share").value
        )  # he thought better of it

    def test_what_is_not_answered_again_stays_as_it_was_said(self, tmp_path: Path) -> None:
        v = view(folder=tmp_path)
        drawn = [image.path for image in ask(v, n=20).images]
        first = ask(v, n=20, by="Ann", answers=dict.fromkeys(drawn, "unacceptable"))
        assert first.fact("unacceptable_share").value == 1.0
        more = ask(v, n=20, by="ann", human=dict.fromkeys(drawn[:5], "yes"))
        assert more.fact("unacceptable_share").value == 1.0
        last = ask(v, n=20, by="Ann", human=dict.fromkeys(drawn[5:], "no"))
        assert last.fact("unacceptable_share").value == 1.0
        assert f"weighted back from {len(drawn)}" in last.summary
        blank = ask(v, n=20, by="Ann", answers=dict.fromkeys(drawn, " "), human={drawn[0]: "yes"})
        assert blank.fact("unacceptable_share").value == 1.0  # a line left empty takes nothing back
        said = earlier(v.recorded, "data")
        assert {who: sum(s.human is not None for s in r.values()) for who, r in said.items()} == {
            "Ann": len(drawn)
        }

    def test_images_beside_the_draw_count_for_nothing(self) -> None:
        v = view()
        drawn = {i.path for i in ask(v, n=8).images}
        right = next(p for p in v.table("data").paths if p not in drawn)
        made = ask(v, n=8, answers={right: "unacceptable"}, by="Ann")
        assert any("not drawn" in n for n in made.notes)
        assert "Nobody has decided" in made.summary
        with pytest.raises(KeyError):
            made.fact("unacceptable_share")

    def test_one_image_with_what_was_said_of_it(self, tmp_path: Path) -> None:
        v = view(folder=tmp_path)
        path = ask(v, n=8).images[0].path
        assert "Nobody has judged it yet" in ask(v, image=path).summary
        ask(v, n=8, answers={path: "label"}, human={path: "no"}, by="Ann")
        assert "Ann: label, no careful person would" in ask(v, image=path).summary

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"answers": {"img_00000.png": "yes"}}, "Say who judged"),
            ({"answers": {"nowhere.png": "yes"}, "by": "Ann"}, "no image"),
            ({"answers": {"img_00000.png": "maybe"}, "by": "Ann"}, "no verdict"),
            ({"answers": {}, "by": "Ann"}, "no answer"),
            ({"split": "deploy"}, "no 'deploy' images"),
            ({"image": "nowhere.png"}, "no image called"),
        ],
    )
    def test_what_can_not_be_used_is_said(self, given: dict[str, object], words: str) -> None:
        with pytest.raises(RetryError, match=words):
            review_errors(view(), **given)  # type: ignore[arg-type]

    def test_hostile_cases(self, tmp_path: Path) -> None:
        with pytest.raises(RetryError, match="no error to judge"):
            review_errors(view([[5, 0], [0, 5]]))
        labels, _ = from_counts([[3, 3], [3, 3]])
        scores = np.full((12, 2), 0.5, np.float32)
        bad = FakeTable(np.zeros((12, 2, 2, 3), np.uint8), labels, ("a\x1b[31m", "b"), bad=[9, 10, 11])
        made = review_errors(FakeView({"data": bad}, scores={"data": scores}, folder=tmp_path))
        check_evidence(made)
        unlabelled = FakeTable(np.zeros((4, 2, 2, 3), np.uint8), [-1] * 4, ("a", "b"))
        with pytest.raises(RetryError, match="no labels"):
            review_errors(FakeView({"data": unlabelled}, scores={"data": scores[:4]}))

    def test_survives_the_journal(self) -> None:
        v = view()
        paths = [i.path for i in ask(v, n=8).images]
        made = ask(v, n=8, answers=dict.fromkeys(paths, "no"), by="Ann")
        assert evidence_from_dict(made.to_dict()) == dataclasses.replace(made)
