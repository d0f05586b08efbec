"""readiness: bounds judged by whole intervals, on counts known by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from failsight.tools.evidence import Correction, Evidence, Finding, TestResult, evidence_from_dict
from failsight.tools.expectations.criteria import Criterion, criteria_of, judge, overall, parse_name
from failsight.tools.inputs.base import Predictions
from failsight.tools.readiness import readiness
from failsight.tools.stats.floors import exact
from failsight.tools.view import Expectation
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view, from_counts, one_hot


def predictions(counts: list[list[int]], split: str = "data", **more: object) -> Predictions:
    labels, predicted = from_counts(counts)
    k = len(counts)
    names = ("bath", "kit.chen", "hall")[:k]
    return Predictions(split, names, np.arange(len(labels)), labels, one_hot(predicted, k), **more)  # type: ignore[arg-type]


def one(name: str, bound: float, counts: list[list[int]], at_least: bool = True, **more: object) -> Criterion:
    return judge({"data": predictions(counts)}, [Expectation(name, bound, at_least)], **more)[0]  # type: ignore[arg-type]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(readiness)


class TestJudge:
    # 180 of 200 are right: 90 %, Clopper–Pearson [84.98, 93.78] %
    COUNTS: ClassVar = [[90, 10], [10, 90]]

    @pytest.mark.parametrize(("bound", "holds"), [(0.84, True), (0.88, None), (0.93, None), (0.94, False)])
    def test_a_lower_bound_needs_the_whole_interval(self, bound: float, holds: bool | None) -> None:
        made = one("accuracy", bound, self.COUNTS)
        assert (made.value, made.ci, made.n) == (0.9, exact(180, 200), 200)
        assert made.holds is holds
        assert (made.more is not None) == (holds is None)

    @pytest.mark.parametrize(("bound", "holds"), [(0.16, True), (0.1, None), (0.06, False)])
    def test_an_upper_bound_too(self, bound: float, holds: bool | None) -> None:
        assert one("error_rate", bound, self.COUNTS, at_least=False).holds is holds

    def test_the_number_of_images_that_would_decide_does(self) -> None:
        made = one("accuracy", 0.88, self.COUNTS)
        assert made.more is not None and made.n is not None
        n, bound = made.n + made.more, 0.88
        assert exact(round(0.9 * n), n)[0] > bound  # with some room: not an even chance but 80 %
        rng = np.random.default_rng(0)
        later = 180 + rng.binomial(made.more, 0.9, 400)
        assert 0.77 <= np.mean([exact(int(k), n)[0] >= bound for k in later]) <= 0.87
        assert "labelled bath images" in one("recall.bath", 0.88, self.COUNTS).reason
        assert "(bath 1,870, kit.chen 1,870)" in one("worst_recall", 0.88, self.COUNTS).reason
        assert one("accuracy", 0.9, self.COUNTS).more is None  # no number would: the value is the bound

    def test_means_over_classes_say_which_they_leave_out(self) -> None:
        """A class without images may be recognised never; the mean of the others says nothing of it."""
        counts = [[90, 10, 0], [10, 90, 0], [0, 0, 0]]
        for name in ("balanced_accuracy", "macro_precision", "macro_f1"):
            made = one(name, 0.5, counts)
            assert made.holds is True and made.value == pytest.approx(0.9, abs=0.001)
            assert made.scope == "over 2 of 3 classes"
            assert "no labelled image of hall, so that it is the mean over 2 of 3 classes" in made.reason
        for name in ("accuracy", "recall.bath"):
            assert not one(name, 0.5, counts).scope
        assert not one("macro_f1", 0.5, self.COUNTS).scope and not one("macro_f1", 0.5, self.COUNTS).reason
        expected = (Expectation("balanced_accuracy", 0.5, True),)
        view = counted_view({"data": counts}, ("bath", "kit.chen", "hall"), expectations=expected)
        told = readiness(view)
        assert (
            "balanced_accuracy at least 50.0 %: 90.0 %" in told.summary
            and "(over 2 of 3 classes)" in told.summary
        )
        assert any("no labelled image of hall" in note for note in told.notes)

    def test_every_measure_that_is_known(self) -> None:
        for name in (
            "balanced_accuracy",
            "macro_precision",
            "macro_f1",
            "worst_recall",
            "recall.bath",
            "precision.bath",
            "f1.bath",
        ):
            made = one(name, 0.5, self.COUNTS)
            assert made.holds is True and made.value == pytest.approx(0.9), name
        assert one("ece", 0.05, self.COUNTS, at_least=False).holds is not False
        assert one("overconfidence", 0.2, self.COUNTS, at_least=False).holds is True

    def test_class_names_with_dots_and_other_case(self) -> None:
        assert parse_name("deploy.recall.kit.chen") == ("deploy", "recall", "kit.chen", "")
        assert one("recall.KIT.chen", 0.8, self.COUNTS).holds is True

    def test_the_worst_recall_holds_only_if_every_class_does(self) -> None:
        made = one("worst_recall", 0.8, [[100, 0, 0], [8, 92, 0], [0, 14, 86]])
        assert made.value == 0.86 and made.holds is None
        assert made.ci is not None and made.ci[0] == exact(86, 100)[0] and made.ci[1] > exact(86, 100)[1]
        assert one("worst_recall", 0.77, [[100, 0, 0], [8, 92, 0], [0, 14, 86]]).holds is True
        assert one("worst_recall", 0.99, [[100, 0, 0], [8, 92, 0], [0, 14, 86]]).holds is False

    def test_with_many_equal_classes_chance_alone_seldom_fails_the_worst_recall(self) -> None:
        rng, fails = np.random.default_rng(0), 0
        for _ in range(200):
            right = rng.binomial(50, 0.9, 3)
            counts = np.diag(right) + np.roll(np.diag(50 - right), 1, axis=1)
            fails += one("worst_recall", 0.9, counts.tolist()).holds is False
        assert fails / 200 <= 0.06

    def test_other_splits(self) -> None:
        both = {"data": predictions([[9, 1], [1, 9]]), "deploy": predictions([[50, 50], [50, 50]], "deploy")}
        made = judge(both, [Expectation("deploy.accuracy", 0.8), Expectation("data.accuracy", 0.5)])
        assert [c.holds for c in made] == [False, True]

    def test_slices(self) -> None:
        bad = Finding(
            "weak_slice",
            "correctness",
            "unknown",
            "",
            slice={"tv": "yes"},
            n=50,
            error_rate=0.4,
            ci=(0.3, 0.5),
            verdict="confirmed",
        )
        assert "find_slices" in one("worst_slice_error", 0.2, self.COUNTS, at_least=False).reason
        assert (
            one("worst_slice_error", 0.2, self.COUNTS, at_least=False, findings=[("F1", bad)]).holds is False
        )
        assert (
            one("worst_slice_error", 0.2, self.COUNTS, at_least=False, slices_searched={"data"}).holds is True
        )

    def test_every_slice_has_to_stay_below_the_bound(self) -> None:
        sure = self.slice_of({"tv": "yes"}, 300, 1000)
        small = self.slice_of({"lamp": "yes"}, 5, 20)  # lower, and so few that nobody knows
        made = one("worst_slice_error", 0.35, self.COUNTS, at_least=False, findings=[("F1", sure)])
        assert made.holds is True and made.value == 0.3
        made = one(
            "worst_slice_error", 0.35, self.COUNTS, at_least=False, findings=[("F1", sure), ("F2", small)]
        )
        assert made.holds is None and made.value == 0.3 and "worst of 2 slices is that of F1" in made.reason
        assert made.ci == (exact(300, 1000, 0.975)[0], exact(5, 20)[1])
        assert (
            made.more and f"about {made.more:,} more labelled images of the slice of F2 would" in made.reason
        )
        fails = [("F1", self.slice_of({"tv": "yes"}, 400, 1000)), ("F2", small)]
        assert one("worst_slice_error", 0.35, self.COUNTS, at_least=False, findings=fails).holds is False
        made = one("worst_slice_error", 0.35, self.COUNTS, at_least=False, findings=[("F2", small)])
        assert made.holds is None and made.ci == exact(5, 20)

    def test_images_that_come_in_groups_tell_less_of_a_slice(self) -> None:
        alone = self.slice_of({"tv": "yes"}, 150, 500)
        videos = replace(alone, ci=(0.2, 0.42))  # of a search that counted by video
        asked = ("worst_slice_error", 0.35, self.COUNTS, False)
        assert one(*asked, findings=[("F1", alone)]).holds is True
        made = one(*asked, findings=[("F1", videos)])
        assert made.holds is None and made.ci == (0.2, 0.42)
        plain = one("worst_slice_error", 0.33, self.COUNTS, False, findings=[("F1", alone)])
        more = one("worst_slice_error", 0.33, self.COUNTS, False, findings=[("F1", videos)])
        assert plain.more and more.more and more.more > 3 * plain.more

    def test_pictures_that_a_tool_changed_are_no_slice_as_they_are(self) -> None:
        mark = TestResult("find_marks", 0.5, (0.4, 0.6), 1e-6, 500, "confirmed")
        pasted = replace(self.slice_of({"tv": "yes"}, 10, 500), kind="spurious_correlation", tests=(mark,))
        made = one("worst_slice_error", 0.35, self.COUNTS, at_least=False, findings=[("F1", pasted)])
        assert made.holds is None and "F1 was not counted on the evaluation images as they are" in made.reason
        place = replace(pasted, slice={"region": "corner:top left"})
        asked = [Expectation("worst_slice_error", 0.35, False)]
        (made,) = judge({"data": predictions(self.COUNTS)}, asked, [("F1", place)], slices_searched={"data"})
        assert made.holds is True and made.value == 0.1  # a place is no part of the images: the error of all

    def test_slices_of_other_images_say_nothing(self) -> None:
        both = {
            "data": predictions([[99, 1], [1, 99]]),
            "deploy": predictions([[50, 50], [50, 50]], "deploy"),
        }
        asked = [Expectation("deploy.worst_slice_error", 0.3, False)]
        here = self.slice_of({"tv": "yes"}, 50, 500)
        (made,) = judge(both, asked, [("F1", here)], slices_searched={"data"})
        assert made.holds is None and "slices of the deployment images" in made.reason
        (made,) = judge(both, asked, [("F1", here)], slices_searched={"data", "deploy"})
        assert made.holds is False and made.value == 0.5  # searched, none confirmed: the error of all
        there = replace(here, split="deploy")
        (made,) = judge(both, asked, [("F2", there)], slices_searched={"deploy"})
        assert made.holds is True and made.value == 0.1

    @staticmethod
    def slice_of(where: dict[str, str], k: int, n: int) -> Finding:
        return Finding(
            "weak_slice", "correctness", "unknown", "", slice=where, n=n, error_rate=k / n, ci=exact(k, n), verdict="confirmed"
        )  # fmt: skip

    def test_a_class_without_images_is_not_known_to_be_recognised(self) -> None:
        made = one("worst_recall", 0.8, [[100, 0, 0], [0, 100, 0], [0, 0, 0]])
        assert made.holds is None and made.value == 1.0 and made.ci is not None and made.ci[0] == 0
        assert "no labelled image of" in made.reason and made.more is not None and 0 < made.more < 30
        assert one("worst_recall", 0.8, [[100, 0, 0], [80, 20, 0], [0, 0, 0]]).holds is False

    def test_leakage_takes_the_trust_away(self) -> None:
        leak = Finding("leakage", "process", "data_engineering", "", verdict="confirmed")
        made = one("accuracy", 0.8, self.COUNTS, findings=[("F3", leak)])
        assert made.holds is None and "F3" in made.reason
        assert one("accuracy", 0.99, self.COUNTS, findings=[("F3", leak)]).holds is False

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("beauty", "not a measure known here"),
            ("recall", "not a measure known here"),
            ("recall.attic", "no class"),
            ("deploy.accuracy", "no labelled deployment images"),
            ("", "not a measure known here"),
            ("accuracy.bath", "not a measure known here"),
        ],
    )
    def test_what_cannot_be_measured_is_undecided_and_says_why(self, name: str, words: str) -> None:
        made = one(name, 0.9, self.COUNTS)
        assert made.holds is None and words in made.reason

    def test_hostile_numbers(self) -> None:
        assert one("accuracy", float("nan"), self.COUNTS).reason == "Its bound is not a number."
        assert one("recall.bath", 0.5, [[0, 0], [1, 9]]).holds is None
        assert one("accuracy", 0.5, [[0, 0], [0, 0]]).holds is None
        table = {"data": predictions(self.COUNTS, has_scores=False)}
        assert "probabilities" in judge(table, [Expectation("ece", 0.05, False)])[0].reason
        assert judge({}, [Expectation("accuracy", 0.5)])[0].holds is None

    def test_the_whole_verdict(self) -> None:
        yes, no, open_ = (Criterion("a", 0, True, holds=h) for h in (True, False, None))
        assert overall([]) == "undecided"
        assert overall([yes, yes]) == "ready"
        assert overall([yes, open_]) == "undecided"
        assert overall([yes, open_, no]) == "not_ready"


class TestTool:
    def test_ready_and_its_table(self) -> None:
        view = counted_view(
            {"data": [[95, 5], [5, 95]]},
            expectations=[Expectation("accuracy", 0.85), Expectation("ece", 0.2, False)],
        )
        made = readiness(view)
        check_evidence(made)
        assert made.fact("readiness").value == "ready"
        assert made.fact("criterion", "accuracy").value == 0.95
        listed = criteria_of(evidence_from_dict(made.to_dict()))
        assert [(c["name"], c["at_least"], c["holds"]) for c in listed] == [
            ("accuracy", True, True),
            ("ece", False, True),
        ]
        assert listed[0]["ci"] == list(exact(190, 200))

    def test_not_ready_lists_what_fails_and_what_is_not_repaired(self) -> None:
        view = counted_view(
            {"data": [[60, 40], [5, 95]]},
            ["bath", "hall"],
            expectations=[Expectation("recall.bath", 0.8), Expectation("accuracy", 0.78)],
        )
        finding = Finding(
            "weak_slice",
            "correctness",
            "unknown",
            "dark baths fail",
            slice={"dark": "yes"},
            verdict="confirmed",
        )
        view.stated = [
            ("F1", finding),
            ("F2", Finding("rare_case", "correctness", "data_statistics", "x", verdict="refuted")),
        ]
        made = readiness(view)
        check_evidence(made)
        assert made.fact("readiness").value == "not_ready"
        assert "Fails: recall.bath at least 80.0 %: 60.0 %" in made.summary
        assert any("F1" in n and "F2" not in n for n in made.notes)
        view.recorded = [
            Evidence(
                "verify", "t", "s", corrections=(Correction(finding.key, "x", "dataset", "y", "verified"),)
            )
        ]
        assert any("F1" in n for n in readiness(view).notes)  # the model that is judged has no such repair

    def test_a_slice_is_of_the_images_that_its_call_looked_at(self) -> None:
        view = counted_view(
            {"data": [[90, 10], [10, 90]], "deploy": [[60, 40], [40, 60]]},
            expectations=[
                Expectation("worst_slice_error", 0.2, False),
                Expectation("deploy.worst_slice_error", 0.2, False),
            ],
        )
        told = Finding(
            "weak_slice", "fairness", "unknown", "Wet fails.", slice={"wet": "yes"}, n=100, error_rate=0.1, ci=exact(10, 100),
            verdict="confirmed",
        )  # fmt: skip
        view.stated = [("F1", told)]
        view.recorded = [Evidence("disaggregate", "t", "s", {"split": "deploy"}, findings=(told,))]
        here, there = criteria_of(readiness(view))
        assert here["holds"] is None and here["value"] is None  # nobody looked at slices of these
        assert there["holds"] is True and there["value"] == 0.1
        view.recorded.append(Evidence("find_slices", "t", "s", {"split": None}))
        here, there = criteria_of(readiness(view))
        assert here["holds"] is True and here["value"] == 0.1 and here["n"] == 200

    def test_a_mark_that_was_pasted_is_counted_where_it_is(self) -> None:
        labels = np.repeat([0, 1], 200)
        stamp = np.arange(400) % 4 == 0  # of 50 images of the second class with it, 40 are called the first
        predicted = np.where(stamp & (labels == 1) & (np.arange(400) % 20 != 0), 0, labels)
        columns = {"stamp": ["yes" if s else "no" for s in stamp]}
        table = FakeTable(np.zeros((400, 2, 2, 3), np.uint8), labels, ("bath", "hall"), columns)
        view = FakeView(
            {"data": table},
            scores={"data": one_hot(predicted, 2)},
            expectations=[Expectation("worst_slice_error", 0.3, False)],
        )
        mark = TestResult("find_marks", 0.1, (0.05, 0.2), 1e-6, 100, "confirmed")
        told = Finding(
            "spurious_correlation", "features", "data_content", "A stamp.", slice={"stamp": "yes"}, class_name="bath", n=100,
            error_rate=0.12, ci=(0.05, 0.2), verdict="confirmed", tests=(mark,),
        )  # fmt: skip
        view.stated = [("F1", told)]
        (made,) = criteria_of(readiness(view))
        assert made["holds"] is False and made["value"] == 0.8 and made["n"] == 50

    def test_undecided_says_how_many_images_would_decide(self) -> None:
        made = readiness(
            counted_view({"data": [[19, 1], [2, 18]]}, expectations=[Expectation("accuracy", 0.85)])
        )
        assert made.fact("readiness").value == "undecided"
        assert any(
            "To decide accuracy" in s and "more labelled images would decide" in s for s in made.next_steps
        )

    def test_without_expectations_it_asks_for_them(self) -> None:
        made = readiness(counted_view({"data": [[5, 0], [0, 5]]}))
        check_evidence(made)
        assert made.fact("readiness").value == "undecided"
        assert "accuracy at least 90 %" in made.summary
        assert criteria_of(made) == []

    def test_an_unknown_name_is_a_note_not_a_crash(self) -> None:
        made = readiness(
            counted_view({"data": [[5, 0], [0, 5]]}, expectations=[Expectation("\x1b[2Jbeauty", 0.5)])
        )
        check_evidence(made)
        assert made.fact("readiness").value == "undecided"
        assert any("not a measure known here" in n for n in made.notes)

    def test_unlabelled_empty_and_black_box(self) -> None:
        data = FakeTable(np.zeros((2, 2, 2, 3), np.uint8), [-1, -1], ["a", "b"])
        view = FakeView(
            {"data": data}, scores={"data": np.full((2, 2), 0.5)}, expectations=[Expectation("accuracy", 0.5)]
        )
        assert readiness(view).fact("readiness").value == "undecided"
        box = counted_view(
            {"data": [[9, 1], [1, 9]]},
            has_scores=False,
            expectations=[Expectation("ece", 0.1, False), Expectation("deploy.accuracy", 0.5)],
        )
        box._tables["deploy"] = FakeTable(np.zeros((1, 2, 2, 3), np.uint8), [0], box.classes)
        made = readiness(box)
        check_evidence(made)
        assert any("predictions only" in n for n in made.notes)

    def test_only_the_splits_it_needs_are_predicted(self) -> None:
        view = counted_view(
            {"data": [[5, 0], [0, 5]], "train": [[5, 0], [0, 5]]}, expectations=[Expectation("accuracy", 0.5)]
        )
        asked: list[str] = []
        original = view.predictions
        view.predictions = lambda split="data": (asked.append(split), original(split))[1]  # type: ignore[method-assign,func-returns-value]
        readiness(view)
        assert asked == ["data"]


def test_what_keeps_clear_numbers_from_deciding_is_said_with_them() -> None:
    """Not in a note alone: who reads one sentence must not think that the images were too few."""
    view = counted_view({"data": [[180, 20], [30, 170]]})
    view.expectations = (Expectation("accuracy", 0.8), Expectation("recall.class_1", 0.85))
    leak = Finding("leakage", "process", "data_engineering", "", verdict="confirmed")
    view.stated = [("F5", leak)]
    said = readiness(view).summary
    assert "accuracy at least 80.0 %: 87.5 %" in said
    assert "(it would hold, but some of these images were trained on, F5; judge again without them)" in said
    assert said.count("would hold") == 1  # the other is undecided by its own numbers
    view.stated = []
    assert "would hold" not in readiness(view).summary
