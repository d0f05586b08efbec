"""Images that belong together: which column looks so, readiness by groups, and groups that training holds too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failsight.tools import belonging
from failsight.tools.copies import groups as group_leakage
from failsight.tools.disaggregate import disaggregate
from failsight.tools.duplicates_and_leakage import duplicates_and_leakage
from failsight.tools.expectations.criteria import Criterion, judge
from failsight.tools.inputs.base import Predictions
from failsight.tools.readiness import readiness
from failsight.tools.stats.floors import exact
from failsight.tools.stats.intervals import wilson
from failsight.tools.view import Expectation
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot
from tests.tools.test_duplicates_and_leakage import picture
from tests.tools.test_find_slices_groups import videos

CLASSES = ("a", "b")


def table(n: int, columns: dict[str, list[Any]]) -> FakeTable:
    return FakeTable(np.zeros((n, 1, 1, 3), np.uint8), np.arange(n) % 2, CLASSES, columns)


class TestWhichColumn:
    def test_by_its_name_and_because_its_values_come_again(self) -> None:
        names = [f"P{i // 3}" for i in range(60)]
        found = belonging.likely(table(60, {"light": ["dark", "bright"] * 30, "PatientID": names}))
        assert found == belonging.Likely("PatientID", 60, 20)

    @pytest.mark.parametrize("name", ["patient", "house_number", "plot", "video_seq", "case id"])
    def test_numbers_that_name_things_are_ids(self, name: str) -> None:
        found = belonging.likely(table(60, {name: [100 + i % 20 for i in range(60)]}))
        assert found == belonging.Likely(name, 60, 20)

    def test_of_several_the_coarsest(self) -> None:
        columns = {"series": [f"s{i // 2}" for i in range(80)], "patient": [f"P{i // 4}" for i in range(80)]}
        found = belonging.likely(table(80, columns))
        assert found is not None and found.column == "patient"

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("patient", [f"P{i}" for i in range(60)]),  # each once
            ("patient", ["male", "female"] * 30),  # hardly a name of anybody
            ("weather", [f"w{i // 3}" for i in range(60)]),
            ("video", [None] * 60),
            ("image_id", [f"{i}.png" for i in range(60)]),
            ("video", ["", "nan"] * 30),
            ("age_of_owner", [20 + i % 20 for i in range(60)]),  # an age is nobody
            ("owner_age", [20 + i % 20 for i in range(60)]),
            ("visit_month", [1 + i % 12 for i in range(60)]),
            ("event_year", [2000 + i % 12 for i in range(60)]),
            ("Fallmonat", [1 + i % 12 for i in range(60)]),
            ("plot_ph", [5.0 + (i % 20) / 10 for i in range(60)]),  # measured of a plot
            ("patientWeight", [50 + i % 20 for i in range(60)]),
            ("Patientenalter", [20 + i % 20 for i in range(60)]),
            ("Alter des Patienten", [20 + i % 20 for i in range(60)]),
            ("Dauer_Aufnahme", [20 + i % 20 for i in range(60)]),
        ],
    )
    def test_not_others(self, name: str, values: list[Any]) -> None:
        assert belonging.likely(table(60, {name: values})) is None

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (3, "3"),
            (3.0, "3"),
            (2.5, "2.5"),
            (float("nan"), ""),
            (None, ""),
            (" P1 ", "P1"),
            ("None", ""),
            ("007", "007"),
        ],
    )
    def test_values_as_text(self, value: Any, text: str) -> None:
        assert belonging.value_text(value) == text

    def test_a_name_for_a_shell_is_quoted(self) -> None:
        assert belonging.command("my case", "pat; rm") == "failsight run 'my case' --groups 'pat; rm'"


def judged(name: str, bound: float, right: np.ndarray, codes: np.ndarray, at_least: bool = True) -> Criterion:
    labels = np.zeros(len(right), np.int64)
    made = Predictions("data", CLASSES, np.arange(len(right)), labels, one_hot(np.where(right, 0, 1), 2))
    (one,) = judge(
        {"data": made},
        [Expectation(name, bound, at_least)],
        together=lambda split: codes,
        column="video",
        pick=lambda split, where: codes == int(where.removeprefix("video=v")),
        name=lambda split, where: ([(f"video=v{g}", codes == g) for g in np.unique(codes)], ""),
    )
    return one


class TestReadiness:
    RIGHT = np.repeat(np.arange(40) % 10 > 0, 10)  # 360 of 400, whole videos right or wrong
    VIDEO = np.repeat(np.arange(40), 10)

    def test_whole_videos_count_as_one_each(self) -> None:
        made = judged("accuracy", 0.85, self.RIGHT, self.VIDEO)
        assert exact(360, 400)[0] > 0.85  # holds where images are taken for independent
        assert made.holds is None and made.ci is not None and made.ci[0] < exact(36, 40)[0]
        assert "400 images in 40 groups tell as much as 37 that each stand alone" in made.reason
        assert "further groups as large" in made.reason

    def test_more_images_are_counted_by_what_they_tell(self) -> None:
        plain = judged("accuracy", 0.85, self.RIGHT[:200], np.arange(200))
        made = judged("accuracy", 0.85, self.RIGHT[:200], self.VIDEO[:200])
        assert plain.more and made.more and made.more > 8 * plain.more

    def test_frames_of_one_video_bound_nothing(self) -> None:
        made = judged("accuracy[video=v3]", 0.5, self.RIGHT, self.VIDEO)
        assert (made.holds, made.value, made.ci, made.more) == (None, 1.0, (0.0, 1.0), None)
        assert "All 10 images are of one video, and tell nothing of others." in made.reason
        assert judged("worst_group[video]", 0.5, self.RIGHT, self.VIDEO).holds is None

    def test_few_groups_are_said_to_be_few(self) -> None:
        made = judged("accuracy", 0.6, np.arange(40) % 8 > 0, np.repeat(np.arange(3), [14, 13, 13]))
        assert made.holds is None and "in 3 groups, too few groups to say much" in made.reason

    @pytest.mark.parametrize(
        ("name", "at_least"),
        [("error_rate", False), ("recall.a", True), ("balanced_accuracy", True), ("macro_f1", True), ("ece", False),
         ("f1.a", True), ("expected_cost", False), ("confusion.a>b", False), ("precision.a", True)],
    )  # fmt: skip
    def test_every_measure_heeds_them(self, name: str, at_least: bool) -> None:
        alone = judged(name, 0.5, self.RIGHT, np.arange(400), at_least)
        made = judged(name, 0.5, self.RIGHT, self.VIDEO, at_least)
        assert made.ci is not None and alone.ci is not None and made.value == alone.value
        assert made.ci[1] - made.ci[0] > 1.5 * (alone.ci[1] - alone.ci[0])
        assert 0 <= made.ci[0] <= made.ci[1] <= 1

    def test_through_the_tool(self) -> None:
        view = videos(1, count=40, frames=10, icc=0.4, rate=0.1)
        view.expectations = (Expectation("accuracy", 0.8, True),)
        plain = readiness(view)
        view.groups = "video"  # type: ignore[attr-defined]
        made = readiness(view)
        low, high = (next(f.ci for f in e.facts if f.name == "criterion") for e in (plain, made))
        assert low is not None and high is not None and high[0] < low[0] and high[1] > low[1]
        assert any(
            "Images of the same video count together: 400 images in 40 groups" in n for n in made.notes
        )

    def test_images_without_a_value_stand_alone_and_a_split_without_the_column_too(self) -> None:
        view = videos(1, count=10, frames=4)
        view._tables["data"].columns["video"] = [None] * 20 + ["v1"] * 20
        view.groups = "video"  # type: ignore[attr-defined]
        made = belonging.codes(view, "data")
        assert made is not None and len(np.unique(made)) == 21
        view.groups = "house"  # type: ignore[attr-defined]
        assert belonging.codes(view, "data") is None


def test_shares_of_groups_are_widened_by_disaggregate() -> None:
    """They stood as plain Wilson intervals in the statement of the finding."""
    view = videos(3, count=60, frames=20, icc=0.3, rate=0.2, whole=True)
    made = disaggregate(view, attributes=("a0",), group_by="video")
    fact = next(f for f in made.facts if f.name == "accuracy" and "a0" in f.of)
    assert fact.ci is not None and fact.n is not None and isinstance(fact.value, float)
    plain = wilson(round(fact.value * fact.n), fact.n)
    assert fact.ci[1] - fact.ci[0] > 1.5 * (plain[1] - plain[0])
    assert (
        disaggregate(view, attributes=("a0",), group_by="none").facts
        == disaggregate(view, attributes=("a0",)).facts
    )


def hospital(
    shared: int, *, better: float = 0.0, patients: int = 60, each: int = 3, seed: int = 0
) -> FakeView:
    """Pictures of ``patients``; of the first ``shared`` training holds others, and on these the model is ``better``."""
    rng = np.random.default_rng(seed)
    n = patients * each
    who = np.repeat(np.arange(patients), each)
    labels = np.repeat(rng.integers(0, 2, patients), each)
    right = rng.random(n) < np.where(who < shared, 0.7 + better, 0.7)
    pixels = np.stack([picture(s) for s in range(2 * n)])
    data = FakeTable(pixels[:n], labels, ["bath", "bed"], {"patient": [f"P{i}" for i in who]})
    others = [f"P{i}" if i < shared else f"Q{i}" for i in who]
    train = FakeTable(pixels[n:], labels, ["bath", "bed"], {"patient": others})
    scores = {"data": one_hot(np.where(right, labels, 1 - labels), 2), "train": one_hot(labels, 2)}
    view = FakeView({"data": data, "train": train}, scores=scores, seed=seed)
    view.groups = "patient"  # type: ignore[attr-defined]
    return view


class TestSharedGroups:
    def test_values_on_both_sides_are_counted_and_their_effect_is_tested(self) -> None:
        made = duplicates_and_leakage(hospital(30, better=0.3), features=False)
        check_evidence(made)
        told = {f.name: f for f in made.facts if "patient" in f.of}
        assert (told["shared_groups"].value, told["shared_groups"].n) == (30, 60)
        assert (told["shared_images"].value, told["shared_images"].n) == (90, 180)
        gap = told["new_groups_gap"]
        assert gap.ci is not None and 0 < gap.ci[0] < 0.3 < gap.ci[1]
        assert (
            "30 of 60 values of patient of the evaluation images are among the training images, too"
            in made.summary
        )
        (finding,) = [f for f in made.findings if f.kind == "leakage" and f.about]
        assert finding.verdict == "confirmed" and finding.tests[0].together == "patient"

    def test_it_takes_away_the_trust_as_leakage_does(self) -> None:
        view = hospital(30, better=0.3)
        (finding,) = [f for f in duplicates_and_leakage(view, features=False).findings if f.about]
        (one,) = judge(
            {"data": view.predictions("data")}, [Expectation("accuracy", 0.5, True)], [("F1", finding)]
        )
        assert one.holds is None
        assert "or others with the same patient, were trained on (F1)" in one.reason

    def test_without_an_effect_it_stays_a_fact(self) -> None:
        verdicts = [group_leakage.look(hospital(30, seed=s), ("data",))[0].verdict for s in range(60)]
        assert verdicts.count("confirmed") <= 6  # 2.5 % of 60 on that side, and chance

    def test_none_is_said_to_be_none(self) -> None:
        made = duplicates_and_leakage(hospital(0), features=False)
        assert (
            "None of the 60 values of patient of the evaluation images is among the training images."
            in made.summary
        )
        assert not [f for f in made.findings if f.kind == "leakage"]

    def test_all_on_both_sides_leave_nothing_to_compare(self) -> None:
        made = duplicates_and_leakage(hospital(60), features=False)
        (finding,) = [f for f in made.findings if f.about]
        assert finding.verdict == "inconclusive" and "can't be told" in finding.statement

    def test_what_nobody_said_is_compared_and_said_but_is_no_finding(self) -> None:
        view = hospital(30, better=0.3)
        view.groups = ""  # type: ignore[attr-defined]
        made = duplicates_and_leakage(view, features=False)
        assert "30 of 60 values of patient" in made.summary and not [f for f in made.findings if f.about]
        assert any("--groups patient says it" in n for n in made.notes)

    def test_without_a_column_it_says_that_only_pictures_were_compared(self) -> None:
        view = hospital(30)
        view.groups = ""  # type: ignore[attr-defined]
        for one in view._tables.values():
            one.columns = {}
        made = duplicates_and_leakage(view, features=False)
        assert any(n.startswith("Only pictures were compared.") for n in made.notes)

    def test_training_images_without_the_column_are_said(self) -> None:
        view = hospital(30)
        view._tables["train"].columns = {}
        made = duplicates_and_leakage(view, features=False)
        assert any(
            "could not be compared between the training images and the evaluation images" in n
            for n in made.notes
        )
